//! Holds a row against ss's filter. In: a test and a row. Out: yes or no; and a condition that is no narrower, for the reading of
//! tables. It does not know how a filter is written.

use std::net::{IpAddr, Ipv6Addr};

use crate::select::glob::is_like;
use crate::select::{Condition, Endpoint, RowTest};
use crate::socket::{Ends, Row, Side};
use crate::text::addr::unmapped;

/// A question about a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// Both hold.
    Both(Box<(Test, Test)>),
    /// One of the two holds.
    Either(Box<(Test, Test)>),
    /// This does not hold.
    Not(Box<Test>),
    /// The end on this side is this one.
    Is(Side, Box<End>),
    /// The port on this side is this one or above.
    AtLeast(Side, i32),
    /// The port on this side is this one or below.
    AtMost(Side, i32),
    /// The kernel has chosen the port.
    Autobound,
}

/// Stands for any port; a star that is compared is below every port.
pub(super) const ANY_PORT: i32 = -1;

/// One end, as the filter has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    /// The pattern of a path, if it is one of unix; then nothing else counts.
    pub(super) path: Option<Vec<u8>>,
    /// The port.
    pub(super) port: i32,
    /// The address, in the bits of `address_bits`.
    pub(super) address: u128,
    /// How many of them count; 0 for any address.
    pub(super) bits: u32,
    /// True if the address is of IPv4.
    pub(super) is_v4: bool,
}

/// Returns the bits of `address` from the left; those of IPv4 stand where IPv6 has its first, as ss compares them.
fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Returns `number` as ss has it in the place of an address, of netlink and packet.
fn number(number: u32) -> IpAddr {
    IpAddr::V4(number.swap_bytes().into())
}

/// One side of a row, as the filter sees it. Netlink has its family for an address, packet its protocol; of unix only a
/// nameless socket has an address that a prefix may contain.
struct Facts<'a> {
    /// The address.
    address: IpAddr,
    /// The port.
    port: i32,
    /// The path of a unix socket; of the other end /proc does not tell it.
    path: Option<&'a [u8]>,
}

impl<'a> Facts<'a> {
    /// Returns what is asked of `row` on `side`.
    fn of(row: &Row<'a>, side: Side) -> Self {
        let is_remote = side == Side::Remote;
        let mut facts = Self {
            address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            port: 0,
            path: None,
        };
        match row.ends {
            Ends::Inet { local, remote } => {
                let (address, port) = if is_remote { remote } else { local };
                (facts.address, facts.port) = (address, port.into());
            }
            Ends::Netlink { .. } if is_remote => facts.port = ANY_PORT,
            Ends::Netlink { family, port_id } => {
                (facts.address, facts.port) = (number(family), port_id.cast_signed());
            }
            Ends::Packet { ethertype, ifindex } if !is_remote => {
                facts.address = number(ethertype.into());
                facts.port = ifindex.cast_signed();
            }
            Ends::Path(_) if is_remote => facts.path = Some(b""),
            Ends::Path(path) => {
                facts.path = Some(path);
                if !path.is_empty() {
                    facts.address = IpAddr::V6(Ipv6Addr::from_bits(u128::MAX));
                }
            }
            _ => {}
        }
        facts
    }
}

impl Test {
    /// Returns true if the test holds for `row`; the kernel chooses ports from `ephemeral`.
    pub(crate) fn holds(&self, row: &Row<'_>, ephemeral: (u16, u16)) -> bool {
        match self {
            Self::Both(tests) => tests.0.holds(row, ephemeral) && tests.1.holds(row, ephemeral),
            Self::Either(tests) => tests.0.holds(row, ephemeral) || tests.1.holds(row, ephemeral),
            Self::Not(test) => !test.holds(row, ephemeral),
            Self::Is(side, end) => end.is(&Facts::of(row, *side)),
            Self::AtLeast(side, port) => Facts::of(row, *side).port >= *port,
            Self::AtMost(side, port) => Facts::of(row, *side).port <= *port,
            Self::Autobound => {
                let facts = Facts::of(row, Side::Local);
                let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                match facts.path {
                    Some([]) => true,
                    Some([b'@', name @ ..]) => name.len() == 5 && name.iter().all(is_hex),
                    Some(_) => false,
                    None => {
                        i32::from(ephemeral.0) <= facts.port && facts.port <= ephemeral.1.into()
                    }
                }
            }
        }
    }

    /// Returns a condition that holds wherever the test holds for an internet socket: that of its ports, as far as it asks
    /// for any.
    pub(in crate::dialects) fn bound(&self) -> Condition {
        match self {
            Self::Both(tests) => Condition::All(vec![tests.0.bound(), tests.1.bound()]),
            Self::Either(tests) => Condition::Any(vec![tests.0.bound(), tests.1.bound()]),
            Self::Is(side, end) => match u16::try_from(end.port) {
                // Port 0, which stands for none, is in no list.
                Ok(port @ 1..) => {
                    let end = Endpoint::of_ports(vec![port..=port]);
                    Condition::Row(RowTest::End(*side, end))
                }
                _ => Condition::default(),
            },
            _ => Condition::default(),
        }
    }
}

impl End {
    /// Returns true if `facts` are those of this end. A v4-mapped address is one of IPv4 too; a v4-mapped prefix has no
    /// others.
    fn is(&self, facts: &Facts<'_>) -> bool {
        if let Some(pattern) = &self.path {
            return is_like(pattern, facts.path.unwrap_or_default());
        }
        let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
        let is_in = |address| (self.address ^ address_bits(address)) & mask == 0;
        (self.port == ANY_PORT || self.port == facts.port)
            && (is_in(facts.address) || self.is_v4 && is_in(unmapped(facts.address)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::socket::proto::Proto;
    use crate::socket::state::State;

    /// Returns the test of a filter, whose words are separated by blanks.
    fn test(filter: &str) -> Test {
        let words = ["-t"].into_iter().chain(filter.split(' '));
        let words: Vec<_> = words.map(|word| word.as_bytes().to_vec()).collect();
        let asked = crate::dialects::ss::arguments::parse(&words);
        asked.ok().and_then(|asked| asked.filter).expect(filter)
    }

    /// Returns true if `filter` holds for a connection between two ends.
    pub(in crate::dialects::ss) fn holds(
        filter: &str,
        local: (&str, u16),
        remote: (&str, u16),
    ) -> bool {
        let end = |(address, port): (&str, u16)| (address.parse().unwrap(), port);
        let row = Row {
            inode: 7,
            proto: Proto::Tcp,
            state: State::ESTABLISHED,
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Inet {
                local: end(local),
                remote: end(remote),
            },
        };
        test(filter).holds(&row, (32768, 60999))
    }

    #[test]
    fn a_prefix_of_ipv4_has_the_mapped_addresses_and_a_mapped_one_has_no_others() {
        let mapped = ("::ffff:1.2.3.4", 1);
        let plain = ("1.2.3.4", 1);
        assert!(holds("dst 1.2.3.4", plain, mapped));
        assert!(holds("dst 1.2.3.4", plain, plain));
        assert!(holds("dst [::ffff:1.2.3.4]", plain, mapped));
        assert!(!holds("dst [::ffff:1.2.3.4]", plain, plain));
        assert!(
            !holds("src 1.2.3.4/32", mapped, ("1.2.3.5", 1)) || holds("src 1.2.3.4", mapped, plain)
        );
        assert!(!holds("dst 1.2.3.0/24", plain, ("::1:2", 1)));
    }

    #[test]
    fn the_bound_of_a_filter_holds_wherever_the_filter_does() {
        let ports = |filter: &str| {
            test(filter)
                .bound()
                .settle(&mut |_| crate::select::Truth::Maybe)
        };
        assert!(ports("sport != 1").is_always());
        assert!(ports("not sport = 1").is_always());
        assert!(ports("sport = 1 or dst 10.0.0.1").is_always());
        assert!(ports("sport = 0").is_always());
        assert!(!ports("( sport = 1 or dport = 2 ) and src 10.0.0.1").is_always());
    }
}
