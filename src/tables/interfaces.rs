//! The names of network interfaces. In: a namespace, or captured text. Out: the name of an interface by its index, or by a
//! link-local address of its own: the tables of sockets have no scope. It is read only where a row needs it, and it
//! knows no interface without an address. A host of containers has thousands, so names are found by halving.

use std::net::Ipv6Addr;

use crate::collections::sort::sort;
use crate::collections::{to_index, to_u32};
use crate::proc::Proc;
use crate::tables::lines::each_line;
use crate::text::digits::{decimal32, hex};
use crate::text::fields::Fields;
use crate::walk::netns::Netns;

/// The length of the longest name (`IFNAMSIZ` less the NUL).
const NAME_LEN_MAX: usize = 15;

/// A line of either file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interface {
    /// Its address; unspecified for IPv4, where none is told.
    pub(super) address: Ipv6Addr,
    /// Its index.
    index: u32,
    /// Its name.
    name: Vec<u8>,
}

/// The interfaces of a namespace that have addresses.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    /// The lines that tell of them.
    lines: Vec<Interface>,
    /// The indexes with a line each, in order.
    by_index: Vec<(u32, u32)>,
    /// The link-local addresses with a line for each interface, in order.
    by_address: Vec<(Ipv6Addr, u32)>,
}

impl Interfaces {
    /// No interface at all.
    pub(crate) const NONE: Self = Self {
        lines: Vec::new(),
        by_index: Vec::new(),
        by_address: Vec::new(),
    };

    /// Reads igmp and `if_inet6` of `netns`; a file that is missing is an empty one.
    pub(crate) fn load(proc: &Proc, netns: &Netns) -> Self {
        let mut interfaces = Self::default();
        for name in ["net/igmp", "net/if_inet6"] {
            // What cannot be read is as good as missing.
            let _ = each_line(proc, netns, name, &mut |record, _| {
                interfaces.add_line(record.bytes);
            });
        }
        interfaces.settle();
        interfaces
    }

    /// Takes a line of either file; returns false if it is none.
    pub(crate) fn add_line(&mut self, line: &[u8]) -> bool {
        let line = parse_if_inet6(line).or_else(|| parse_igmp(line));
        let is_known = line.is_some();
        self.lines.extend(line);
        is_known
    }

    /// Puts the lines into order, so that names are found. Of two lines with one index the first one counts.
    #[inline(never)]
    pub(crate) fn settle(&mut self) {
        let lines = &self.lines;
        let key = |number| {
            let line: &Interface = lines.get(to_index(number))?;
            Some((line.address, line.index))
        };
        let mut order: Vec<u32> = (0..to_u32(lines.len())).collect();
        sort(&mut order, &|one, other| key(one).cmp(&key(other)));
        for number in order {
            let Some((address, index)) = key(number) else {
                continue;
            };
            let is_again = self.by_address.last().is_some_and(|(known, number)| {
                *known == address && key(*number).is_some_and(|(_, known)| known == index)
            });
            if address.is_unicast_link_local() && !is_again {
                self.by_address.push((address, number));
            }
        }
        let index = |number| key(number).map(|(_, index)| index);
        let mut order: Vec<u32> = (0..to_u32(lines.len())).collect();
        sort(&mut order, &|one, other| {
            index(one).cmp(&index(other)).then(one.cmp(&other))
        });
        order.dedup_by(|one, other| index(*one) == index(*other));
        let indexes = order.into_iter();
        self.by_index = indexes
            .filter_map(|number| Some((index(number)?, number)))
            .collect();
    }

    /// Returns the name of interface `index`.
    pub(crate) fn name(&self, index: u32) -> Option<&[u8]> {
        let known = |at| self.by_index.get(at).copied();
        let at = first(self.by_index.len(), &|at| {
            known(at).is_some_and(|(known, _)| known < index)
        });
        let (_, number) = known(at).filter(|(known, _)| *known == index)?;
        Some(&self.lines.get(to_index(number))?.name)
    }

    /// Returns the name of the interface that has the link-local `address`; `None` for any other address, and where several
    /// interfaces have it.
    pub(crate) fn of_address(&self, address: Ipv6Addr) -> Option<&[u8]> {
        if self.by_address.is_empty() {
            return None;
        }
        let known = |at| self.by_address.get(at).copied();
        let at = first(self.by_address.len(), &|at| {
            known(at).is_some_and(|(known, _)| known < address)
        });
        let has_it = |at| known(at).filter(|(known, _)| *known == address);
        let (_, number) = has_it(at).filter(|_| has_it(at + 1).is_none())?;
        Some(&self.lines.get(to_index(number))?.name)
    }
}

/// Returns the first of `len` places that is not before what is looked for.
fn first(len: usize, is_before: &dyn Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (0, len);
    while from < to {
        let middle = usize::midpoint(from, to);
        if is_before(middle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

/// Parses a line of `if_inet6` (`net/ipv6/addrconf.c`: `if6_seq_show`), hexadecimal but for the name.
///
/// ```text
/// fe8000000000000000fc00fffe000001 04 40 20 80     eth0
/// ```
pub(super) fn parse_if_inet6(line: &[u8]) -> Option<Interface> {
    let mut fields = Fields::new(line);
    // (1) address, in network order
    let mut octets = [0; 16];
    let address = fields.next().filter(|address| address.len() == 32)?;
    for (octet, digits) in octets.iter_mut().zip(address.as_chunks::<2>().0) {
        *octet = u8::try_from(hex(digits)?).ok()?;
    }
    // (2) index (3) prefix length (4) scope (5) flags (6) name
    let index = fields.hex()?;
    for _ in 0..3 {
        fields.hex()?;
    }
    let name = fields.next().filter(|name| name.len() <= NAME_LEN_MAX)?;
    fields.end()?;
    Some(Interface {
        address: Ipv6Addr::from(octets),
        index,
        name: name.to_vec(),
    })
}

/// Parses a line of igmp that starts an interface (`net/ipv4/igmp.c`: `igmp_mc_seq_show`): index, tab, name, number of
/// groups, version.
///
/// ```text
/// 4\teth0      :     1      V3
/// ```
fn parse_igmp(line: &[u8]) -> Option<Interface> {
    // A terminal may have made the tab blanks.
    let end = line.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = line.split_at_checked(end)?;
    let index = decimal32(digits)?;
    let mut fields = Fields::new(rest.strip_prefix(b"\t").unwrap_or(rest));
    let mut name = fields.next()?;
    match name.strip_suffix(b":") {
        Some(whole) => name = whole,
        None => fields.next().filter(|colon| *colon == b":").map(drop)?,
    }
    fields.decimal32()?;
    let version = fields.next()?;
    fields.end()?;
    let is_interface = name.len() <= NAME_LEN_MAX && matches!(version, b"V1" | b"V2" | b"V3");
    is_interface.then(|| Interface {
        address: Ipv6Addr::UNSPECIFIED,
        index,
        name: name.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(address: u32, index: u32, name: &str) -> String {
        format!("fe80000000000000{address:016x} {index:02x} 40 20 80 {name:>8}")
    }

    #[test]
    fn real_lines_are_read() {
        let known = b"fe8000000000000000fc00fffe000001 04 40 20 80     eth0";
        let interface = Interface {
            address: "fe80::fc:ff:fe00:1".parse().unwrap(),
            index: 4,
            name: b"eth0".to_vec(),
        };
        assert_eq!(parse_if_inet6(known), Some(interface));
        for line in [
            &b"4\teth0      :     1      V3"[..],
            b"4       eth0      :     1      V3",
            b"4\tvery-long-name1:     1      V2",
        ] {
            assert_eq!(parse_igmp(line).unwrap().index, 4);
        }
        for line in [
            &b"fe80 04 40 20 80 eth0"[..],
            b"fe8000000000000000fc00fffe000001 04 40 20 80 a-name-that-is-too-long",
            b"\t\t\t\t010000E0     1 0:00000000\t\t0",
            b"Idx\tDevice    : Count Querier\tGroup",
            b"4\tword",
            b"4\tword : 7",
            b"4\tword : 7 V4",
        ] {
            assert!(!Interfaces::default().add_line(line), "{line:?}");
        }
    }

    #[test]
    fn an_address_on_two_interfaces_has_no_name() {
        let mut interfaces = Interfaces::default();
        let address = "fe80::1".parse().unwrap();
        for _ in 0..3 {
            assert!(interfaces.add_line(line(1, 4, "eth0").as_bytes()));
            interfaces.settle();
            assert_eq!(interfaces.of_address(address), Some(&b"eth0"[..]));
        }
        assert_eq!(interfaces.name(4), Some(&b"eth0"[..]));
        assert!(interfaces.add_line(line(1, 5, "eth1").as_bytes()));
        assert!(interfaces.add_line(b"6\teth2      :     1      V3"));
        interfaces.settle();
        assert_eq!(interfaces.of_address(address), None);
        assert_eq!(interfaces.of_address(Ipv6Addr::LOCALHOST), None);
        assert_eq!(interfaces.name(6), Some(&b"eth2"[..]));
        assert_eq!(interfaces.name(7), None);
    }

    #[test]
    fn names_are_found_among_many_interfaces() {
        for count in [1_000, 16_000] {
            let mut interfaces = Interfaces::default();
            for number in (0..count).rev() {
                let name = format!("veth{number}");
                // Each has an address of its own, one that all have, and one that is not link-local.
                for line in [
                    line(u32::MAX, number, &name),
                    line(number, number, &name),
                    line(number, number, &name).replacen("fe80", "fd00", 1),
                    line(7, 7, "veth7"),
                ] {
                    assert!(interfaces.add_line(line.as_bytes()));
                }
            }
            interfaces.settle();
            let len = usize::try_from(count).unwrap();
            assert_eq!(interfaces.by_index.len(), len);
            assert_eq!(interfaces.by_address.len(), 2 * len);
            let steps = std::cell::Cell::new(0);
            let at = first(len, &|at| {
                steps.set(steps.get() + 1);
                at < len - 1
            });
            assert!(at == len - 1 && steps.get() <= 15, "{}", steps.get());
            for number in 0..count {
                let name = format!("veth{number}");
                let address = format!("fe80::{:x}:{:x}", number >> 16, number & 0xffff);
                assert_eq!(interfaces.name(number), Some(name.as_bytes()));
                let found = interfaces.of_address(address.parse().unwrap());
                assert_eq!(found, Some(name.as_bytes()));
            }
            assert_eq!(
                interfaces.of_address("fe80::ffff:ffff".parse().unwrap()),
                None
            );
        }
    }
}
