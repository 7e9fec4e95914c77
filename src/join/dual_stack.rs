//! Finds out which listeners of IPv6 take IPv4 too. In: all rows that were kept. Out: for a row that waits on every address
//! of IPv6 yes or no. Nothing in /proc tells; but a socket that waits on every address of IPv4 and the same port can only
//! be there beside one of IPv6 alone (`IPV6_V6ONLY`). It reads nothing.

use crate::collections::sort::sort_dedup;
use crate::select::Family;
use crate::select::rows::waits_on_all;
use crate::socket::connection::kind;
use crate::socket::store::Sockets;

/// The sockets that wait on every address of IPv4, by their kind, because TCP, UDP, UDP-Lite and SCTP have ports of their
/// own: each a namespace and a port, ascending.
#[derive(Default)]
pub(crate) struct Wildcards([Vec<u32>; 4]);

impl Wildcards {
    /// Finds these sockets in `sockets`.
    pub(crate) fn of(sockets: &Sockets) -> Self {
        let mut wildcards = Self::default();
        for number in sockets.numbers() {
            if waits_on_all(Family::V4, &sockets.row(number)) {
                let (kind, key) = key(sockets, number);
                if let Some(keys) = wildcards.0.get_mut(kind) {
                    keys.push(key);
                }
            }
        }
        wildcards.0.iter_mut().for_each(sort_dedup);
        wildcards
    }

    /// Returns true if socket `number`, which waits on every address of IPv6, takes IPv4 too.
    pub(crate) fn is_dual(&self, number: u32, sockets: &Sockets) -> bool {
        let (kind, key) = key(sockets, number);
        let beside = self.0.get(kind).map(Vec::as_slice).unwrap_or_default();
        beside.binary_search(&key).is_err()
    }
}

/// Returns the kind of socket `number`; and its namespace and the port that it waits on, as one number.
fn key(sockets: &Sockets, number: u32) -> (usize, u32) {
    let row = sockets.row(number);
    let port = row.ends.inet().map_or(0, |((_, port), _)| port);
    let netns = u32::from(sockets.netns(number).0);
    let kind = kind(row.proto).map_or(usize::MAX, usize::from);
    (kind, netns << 16 | u32::from(port))
}
