//! Internet addresses: out of the kernel's hexadecimal words, as text, and prefixes that contain them. In: words, lists of
//! addresses, text that the user typed. Out: std's `IpAddr`, and text by RFC 5952. It knows nothing of sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::text::fields::Fields;
use crate::text::hex::write_hex_number;
use crate::text::write::write_v4;

/// The byte order of the machine that printed a table. The kernel prints the words of an address as integers of that
/// machine (`%08X`), so on a little-endian one `020011AC` is 172.17.0.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    /// x86, ARM, RISC-V, and most other machines.
    Little,
    /// s390x, and older machines.
    Big,
}

impl Endian {
    /// The byte order of this machine.
    pub(crate) const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };

    /// Returns the four bytes of an address, in network order, that were printed as `word`.
    pub(crate) const fn address_bytes(self, word: u32) -> [u8; 4] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }
}

/// The loopback addresses that captured text has: read in the wrong byte order, all of them are backwards.
#[derive(Default)]
pub(crate) struct Loopbacks {
    /// True if any address is a loopback address.
    some_straight: bool,
    /// True if any is one when read backwards.
    some_backwards: bool,
}

impl Loopbacks {
    /// Looks at `address`.
    pub(crate) fn see(&mut self, address: IpAddr) {
        let other = match address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits().swap_bytes())),
            IpAddr::V6(v6) => {
                let mut octets = v6.octets();
                for word in octets.as_chunks_mut::<4>().0 {
                    word.reverse();
                }
                IpAddr::V6(Ipv6Addr::from(octets))
            }
        };
        self.some_straight |= unmapped(address).is_loopback();
        self.some_backwards |= unmapped(other).is_loopback();
    }

    /// Returns the byte order in which they should be read, if all are backwards in the order `read`.
    pub(crate) fn other_order(&self, read: Endian) -> Option<&'static str> {
        let order = match read {
            Endian::Little => "big",
            Endian::Big => "little",
        };
        Some(order).filter(|_| self.some_backwards && !self.some_straight)
    }
}

/// Returns `address` as people read it: a v4-mapped one (`::ffff:a.b.c.d`) as the IPv4 address, any other as it is.
pub(crate) fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Returns `address` as one of IPv6, which is v4-mapped for one of IPv4.
pub(crate) const fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// Parses an address, and nothing else.
#[inline(never)]
pub(crate) fn parse_ip(word: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Writes an address by RFC 5952, without brackets: `::1`, `fe80::1`; a v4-mapped one as IPv4.
pub(crate) fn write_ip(out: &mut Vec<u8>, address: IpAddr) {
    match unmapped(address) {
        IpAddr::V4(v4) => write_v4(out, v4.octets()),
        IpAddr::V6(v6) => write_v6(out, v6),
    }
}

/// Writes an IPv6 address as the C library does (`inet_ntop`), without brackets: a v4-mapped one, and one of `::/96`, with
/// its last four bytes as IPv4.
pub(crate) fn write_c_v6(out: &mut Vec<u8>, address: Ipv6Addr) {
    let [.., a, b, c, d] = address.octets();
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => out.extend_from_slice(b"::"),
        [0, 0, 0, 0, 0, 0xffff, ..] => out.extend_from_slice(b"::ffff:"),
        _ => return write_v6(out, address),
    }
    write_v4(out, [a, b, c, d]);
}

/// Writes an IPv6 address. The longest run of two or more zero groups becomes `::`; of equal runs, the first.
fn write_v6(out: &mut Vec<u8>, address: Ipv6Addr) {
    let groups = address.segments();
    let (mut run_start, mut run_len, mut len) = (8, 1, 0);
    for (at, group) in groups.iter().enumerate() {
        len = if *group == 0 { len + 1 } else { 0 };
        if len > run_len {
            (run_start, run_len) = (at + 1 - len, len);
        }
    }
    for (at, group) in groups.iter().enumerate() {
        if at == run_start {
            out.push(b':');
            out.push(b':');
        } else if !(run_start..run_start + run_len).contains(&at) {
            if at > 0 && at != run_start + run_len {
                out.push(b':');
            }
            write_hex_number(out, (*group).into());
        }
    }
}

/// Splits a list of SCTP's tables, such as `10.0.0.1 *10.0.1.1 <-> *10.0.0.2 `, into its two sides.
#[inline(never)]
pub(crate) fn sides(list: &[u8]) -> (&[u8], &[u8]) {
    let arrow = b" <-> ";
    match list.windows(arrow.len()).position(|word| word == arrow) {
        Some(at) => (
            list.get(..at).unwrap_or_default(),
            list.get(at + arrow.len()..).unwrap_or_default(),
        ),
        None => (list, b""),
    }
}

/// Returns the addresses of a side, each with true if it is marked as the primary one; `0.0.0.0` for a word that is no
/// address.
pub(crate) fn listed(side: &[u8]) -> impl Iterator<Item = (bool, IpAddr)> {
    Fields::new(side).map(|word| {
        let (is_primary, word) = match word {
            [b'*', word @ ..] => (true, word),
            word => (false, word),
        };
        (is_primary, parse_ip(word).unwrap_or(UNSPECIFIED))
    })
}

/// Returns the primary address of a side, else its first, else `0.0.0.0`.
#[inline(never)]
pub(crate) fn primary(side: &[u8]) -> IpAddr {
    let marked = listed(side).find(|(is_primary, _)| *is_primary);
    marked
        .or_else(|| listed(side).next())
        .map_or(UNSPECIFIED, |(_, address)| address)
}

/// Stands for any address, and for none.
const UNSPECIFIED: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The addresses that share their first `bits` bits with `address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// One of the addresses.
    address: IpAddr,
    /// The number of bits, up to 32 or 128.
    bits: u32,
}

impl Prefix {
    /// Parses `10.0.0.0/8`, `fe80::/10`, or one address. An interface behind `%` is ignored.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.split('%').next()?.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= most)?
            }
            Some(_) => return None,
        };
        // A v4-mapped prefix is the IPv4 prefix, because such addresses are printed as IPv4.
        let mapped = unmapped(address);
        if mapped != address && bits >= 96 {
            return Some(Self {
                address: mapped,
                bits: bits - 96,
            });
        }
        Some(Self { address, bits })
    }

    /// Returns true if its addresses are of IPv4.
    pub(crate) const fn is_ipv4(self) -> bool {
        self.address.is_ipv4()
    }

    /// Returns true if `address`, as it is printed, is one of them.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self.address, unmapped(address)) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                (mine.to_bits() ^ other.to_bits())
                    .checked_shr(32 - self.bits)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                (mine.to_bits() ^ other.to_bits())
                    .checked_shr(128 - self.bits)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(address: IpAddr) -> String {
        let mut out = Vec::new();
        write_ip(&mut out, address);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_are_read_in_the_byte_order_of_the_machine_that_printed_them() {
        assert_eq!(Endian::Little.address_bytes(0x0200_11ac), [172, 17, 0, 2]);
        assert_eq!(Endian::Big.address_bytes(0xac11_0002), [172, 17, 0, 2]);
    }

    #[test]
    fn loopback_addresses_tell_the_byte_order() {
        for (seen, is_other) in [
            (&["1.0.0.127", "2.0.17.172"][..], true),
            (&["0.0.0.0", "::100:0"], true),
            (&["::ffff:0:100:7f"], true),
            (&["1.0.0.127", "127.0.0.1"], false),
            (&["1.0.0.127", "::1"], false),
            (&["127.0.0.127"], false),
            (&["10.0.0.1", "::"], false),
        ] {
            let mut loopbacks = Loopbacks::default();
            for address in seen {
                loopbacks.see(address.parse().unwrap());
            }
            let told = loopbacks.other_order(Endian::Little);
            assert_eq!(told, Some("big").filter(|_| is_other), "{seen:?}");
        }
    }

    #[test]
    fn addresses_agree_with_std_for_every_pattern_of_zero_groups() {
        for pattern in 0..=u8::MAX {
            for value in [1, 0xa0, 0xb0c, 0xffff] {
                let groups =
                    std::array::from_fn(|at| if pattern >> at & 1 == 1 { value } else { 0_u16 });
                let address = Ipv6Addr::from(groups);
                let known = unmapped(address.into()).to_string();
                assert_eq!(text(address.into()), known);
            }
        }
        assert_eq!(text("::ffff:10.0.0.1".parse().unwrap()), "10.0.0.1");
        assert_eq!(text("255.0.10.199".parse().unwrap()), "255.0.10.199");
    }

    #[test]
    fn prefixes_hold_what_they_should() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("172.17.0.2", "::ffff:172.17.0.2", true),
            ("::ffff:172.17.0.2", "172.17.0.2", true),
            ("172.17.0.2", "172.17.0.3", false),
            ("fe80::/10", "fe80::1", true),
            ("fe80::/10", "fd00::1", false),
            ("::/0", "::1", true),
            ("::1", "::1", true),
        ];
        for (prefix, address, held) in cases {
            let prefix = Prefix::parse(prefix).unwrap();
            assert_eq!(
                prefix.contains(address.parse().unwrap()),
                held,
                "{prefix:?} {address}"
            );
        }
        for wrong in [
            "10.0.0.0/33",
            "10.0.0.0/",
            "::/129",
            "10.0.0",
            "300.1.1.1",
            "10.0.0.0/+8",
            "",
            "/8",
        ] {
            assert_eq!(Prefix::parse(wrong), None, "{wrong}");
        }
    }
}
