//! The names of network interfaces. In: a namespace, or captured text. Out: the name of an interface by its index, or by a
//! link-local address of its own: the tables of sockets have no scope. It is read only where a row needs it, and it
//! knows no interface without an address.

use std::net::Ipv6Addr;

use crate::proc::Proc;
use crate::text::digits::{decimal32, hex};
use crate::text::fields::Fields;
use crate::walk::netns::Netns;

/// Holds about 300 addresses.
const BUFFER_LEN: usize = 16 * 1024;

/// The interfaces of a namespace that have addresses.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    /// The IPv6 addresses, each with the index and the name of its interface.
    addresses: Vec<(Ipv6Addr, u32, Vec<u8>)>,
    /// The indexes and names of interfaces with IPv4 or multicast.
    indexes: Vec<(u32, Vec<u8>)>,
}

impl Interfaces {
    /// No interface at all.
    pub(crate) const NONE: Self = Self {
        addresses: Vec::new(),
        indexes: Vec::new(),
    };

    /// Reads `if_inet6` and igmp of `netns`; a file that is missing is an empty one.
    pub(crate) fn load(proc: &Proc, netns: &Netns) -> Self {
        let mut interfaces = Self::default();
        let mut buffer = vec![0; BUFFER_LEN];
        for member in &netns.members {
            if let Ok(text) = proc.read_file(*member, "net/if_inet6", &mut buffer) {
                interfaces.addresses = text
                    .split(|byte| *byte == b'\n')
                    .filter_map(parse_if_inet6)
                    .collect();
            }
            if let Ok(text) = proc.read_file(*member, "net/igmp", &mut buffer) {
                interfaces.indexes = text
                    .split(|byte| *byte == b'\n')
                    .filter_map(parse_igmp)
                    .collect();
                break;
            }
        }
        interfaces
    }

    /// Takes a line of captured text; returns false if it is of neither file.
    pub(crate) fn add_line(&mut self, line: &[u8]) -> bool {
        let (address, index) = (parse_if_inet6(line), parse_igmp(line));
        let is_known = address.is_some() || index.is_some();
        self.addresses.extend(address);
        self.indexes.extend(index);
        is_known
    }

    /// Returns the name of interface `index`.
    pub(crate) fn name(&self, index: u32) -> Option<&[u8]> {
        let by_address = self
            .addresses
            .iter()
            .find(|(_, known, _)| *known == index)
            .map(|(.., name)| name);
        let by_index = self
            .indexes
            .iter()
            .find(|(known, _)| *known == index)
            .map(|(_, name)| name);
        by_index.or(by_address).map(Vec::as_slice)
    }

    /// Returns the name of the interface that has the link-local `address`; `None` for any other address, and where several
    /// interfaces have it.
    pub(crate) fn of_address(&self, address: Ipv6Addr) -> Option<&[u8]> {
        if !address.is_unicast_link_local() {
            return None;
        }
        let mut names = self
            .addresses
            .iter()
            .filter(|(known, ..)| *known == address)
            .map(|(.., name)| name.as_slice());
        names.next().filter(|_| names.next().is_none())
    }
}

/// Parses a line of `if_inet6` (`net/ipv6/addrconf.c`: `if6_seq_show`), hexadecimal but for the name.
///
/// ```text
/// fe8000000000000000fc00fffe000001 04 40 20 80     eth0
/// ```
fn parse_if_inet6(line: &[u8]) -> Option<(Ipv6Addr, u32, Vec<u8>)> {
    let mut fields = Fields::new(line);
    // (1) address, in network order
    let mut octets = [0; 16];
    let address = fields.next().filter(|address| address.len() == 32)?;
    for (octet, digits) in octets.iter_mut().zip(address.as_chunks::<2>().0) {
        *octet = u8::try_from(hex(digits)?).ok()?;
    }
    // (2) index (3) prefix length (4) scope (5) flags (6) name
    let index = fields.hex()?;
    fields.nth(2)?;
    Some((Ipv6Addr::from(octets), index, fields.next()?.to_vec()))
}

/// Parses a line of igmp that starts an interface (`net/ipv4/igmp.c`: `igmp_mc_seq_show`): index, tab, name.
///
/// ```text
/// 4\teth0      :     1      V3
/// ```
fn parse_igmp(line: &[u8]) -> Option<(u32, Vec<u8>)> {
    let at = line
        .iter()
        .position(|byte| *byte == b'\t')
        .filter(|at| *at > 0)?;
    let index = decimal32(line.get(..at)?)?;
    let name = Fields::new(line.get(at + 1..)?).next()?;
    Some((index, name.strip_suffix(b":").unwrap_or(name).to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_lines_are_read() {
        let line = b"fe8000000000000000fc00fffe000001 04 40 20 80     eth0";
        let (address, index, name) = parse_if_inet6(line).unwrap();
        assert_eq!(
            (address, index, name),
            ("fe80::fc:ff:fe00:1".parse().unwrap(), 4, b"eth0".to_vec())
        );
        assert_eq!(parse_if_inet6(b"fe80 04 40 20 80 eth0"), None);
        assert_eq!(
            parse_igmp(b"4\teth0      :     1      V3"),
            Some((4, b"eth0".to_vec()))
        );
        assert_eq!(parse_igmp(b"\t\t\t\t010000E0     1 0:00000000\t\t0"), None);
        assert_eq!(parse_igmp(b"Idx\tDevice    : Count Querier\tGroup"), None);
    }

    #[test]
    fn an_address_on_two_interfaces_has_no_name() {
        let line = |name: &str| {
            parse_if_inet6(
                format!("fe80000000000000000000000000000{} 20 80 {name}", "1 04 40").as_bytes(),
            )
        };
        let mut interfaces = Interfaces {
            addresses: line("eth0").into_iter().collect(),
            indexes: Vec::new(),
        };
        let address = "fe80::1".parse().unwrap();
        assert_eq!(interfaces.of_address(address), Some(&b"eth0"[..]));
        assert_eq!(interfaces.name(4), Some(&b"eth0"[..]));
        interfaces.addresses.extend(line("eth1"));
        assert_eq!(interfaces.of_address(address), None);
        assert_eq!(interfaces.of_address(Ipv6Addr::LOCALHOST), None);
    }
}
