//! Finds out which listeners of IPv6 take IPv4 too. In: all rows that were kept. Out: for a row that waits on every address
//! of IPv6 yes or no. Nothing in /proc tells; but a socket that waits on every address of IPv4 and the same port can only
//! be there beside one of IPv6 alone (`IPV6_V6ONLY`).

use crate::collections::sort::sort_dedup;
use crate::select::Family;
use crate::select::rows::waits_on_all;
use crate::socket::proto::Protos;
use crate::socket::store::Sockets;

/// The sockets that wait on every address of IPv4, those of UDP and all others apart: each a namespace and a port,
/// ascending.
#[derive(Default)]
pub(crate) struct Wildcards([Vec<u32>; 2]);

impl Wildcards {
    /// Finds them in `sockets`.
    pub(crate) fn of(sockets: &Sockets) -> Self {
        let Self([mut udp, mut others]) = Self::default();
        for number in sockets.numbers() {
            if waits_on_all(Family::V4, &sockets.row(number)) {
                let (is_udp, key) = key(sockets, number);
                if is_udp { &mut udp } else { &mut others }.push(key);
            }
        }
        sort_dedup(&mut udp);
        sort_dedup(&mut others);
        Self([udp, others])
    }

    /// Returns true if socket `number`, which waits on every address of IPv6, takes IPv4 too.
    pub(crate) fn is_dual(&self, number: u32, sockets: &Sockets) -> bool {
        let (is_udp, key) = key(sockets, number);
        let Self([udp, others]) = self;
        let beside = if is_udp { udp } else { others };
        beside.binary_search(&key).is_err()
    }
}

/// Returns true if socket `number` is of UDP; and its namespace and the port that it waits on, as one number.
fn key(sockets: &Sockets, number: u32) -> (bool, u32) {
    let row = sockets.row(number);
    let port = row.ends.inet().map_or(0, |((_, port), _)| port);
    let netns = u32::from(sockets.netns(number).0);
    (Protos::UDP.has(row.proto), netns << 16 | u32::from(port))
}
