//! Finds the other end of a connection, and the listener that has to accept one. In: everything that was joined, before
//! the selection narrows it. Out: for a socket the number of its other end or of its listener, and the task that holds
//! it. It reads nothing.
//!
//! The other end of a connection has the same two ends in reverse, in any namespace that was read. Where an address is
//! translated in between it has not, and nothing is found.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::collections::sort::in_order;
use crate::collections::{to_index, to_u32};
use crate::join::by_key::{Answer, ByKey, Key, each_connection};
use crate::join::{Entry, Joined, Owner, explain};
use crate::proc::Task;
use crate::select::rows::RowFilter;
use crate::socket::Row;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::walk::container::Container;

/// Who holds the socket at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer<'a> {
    /// The process, the first of several; `None` where nobody holds it.
    pub(crate) pid: Option<u32>,
    /// Its command, or the reason in parentheses why there is no process.
    pub(crate) command: &'a [u8],
    /// Its container, where it is in one.
    pub(crate) container: Option<&'a Container>,
}

/// No task: nobody holds the socket.
const NOBODY: u32 = u32::MAX;

/// The sockets that may be another's other end or listener, and the tasks that hold them.
#[derive(Default)]
pub(crate) struct Peers {
    /// Those sockets; `None` where no view asks for them.
    by_key: Option<ByKey>,
    /// For each socket the place of its first holder in `tasks`, or `NOBODY`.
    holders: Vec<u32>,
    /// Tasks that hold sockets, ascending, each once.
    tasks: Vec<Task>,
    /// Whether some process could not be read.
    some_unread: bool,
}

impl Peers {
    /// Notes those of `sockets` that `rows` keeps as other ends or listeners, and who holds each socket of `joined`.
    #[inline(never)]
    pub(crate) fn new(
        joined: &Joined,
        sockets: &Sockets,
        rows: RowFilter<'_>,
        some_unread: bool,
    ) -> Self {
        let mut peers = Self {
            by_key: None,
            holders: vec![NOBODY; sockets.len()],
            tasks: Vec::new(),
            some_unread,
        };
        for entry in joined.entries(sockets) {
            let holder = peers.holders.get_mut(to_index(entry.socket));
            if let (Some(process), Some(holder @ &mut NOBODY)) = (entry.process, holder) {
                if peers.tasks.last() != Some(&process.task) {
                    peers.tasks.push(process.task);
                }
                *holder = to_u32(peers.tasks.len() - 1);
            }
        }
        // An index never grows, so the keys beyond one a row are counted before.
        let mut room = sockets.len();
        let is_sctp = |number: &u32| sockets.proto(*number) == Proto::Sctp;
        for number in sockets.numbers().filter(is_sctp) {
            each_connection(&sockets.row(number), &mut |_| room += 1);
        }
        let mut by_key = ByKey::with_room(room);
        let rank = |number| {
            let is_awake = sockets.row(number).state != State::TIME_WAIT;
            (peers.holder(number).is_some(), is_awake)
        };
        for number in sockets.numbers() {
            let row = sockets.row(number);
            if row.state != State::LISTEN {
                if rows.connections {
                    each_connection(&row, &mut |connection| {
                        by_key.add_connection(connection, number, &rank, sockets);
                    });
                }
            } else if rows.listeners
                && let Some(key) = Key::of_listener(&row, sockets.netns(number))
                && let Some(first) = by_key.find_or_add(&key, number, sockets)
            {
                first.is_shared |= peers.holder(first.number) != peers.holder(number);
            }
        }
        peers.by_key = Some(by_key);
        peers
    }

    /// Returns the task that holds socket `number`, the first of several.
    pub(crate) fn holder(&self, number: u32) -> Option<Task> {
        let place = self.holders.get(to_index(number))?;
        self.tasks.get(to_index(*place)).copied()
    }

    /// Returns all tasks that a view of `joined` names, ascending, each once.
    pub(crate) fn tasks(&self, joined: &Joined, sockets: &Sockets) -> Vec<Task> {
        let shown = joined.processes().iter().map(|process| process.task);
        if self.by_key.is_none() {
            return shown.collect();
        }
        let mut is_named = vec![false; self.tasks.len()];
        for entry in joined.entries(sockets) {
            let other_end = self.other_end(&entry, sockets);
            let listener = self.listener(&entry, sockets);
            for number in [other_end, listener].into_iter().flatten() {
                let place = self.holders.get(to_index(number)).copied();
                if let Some(is_named) = place.and_then(|place| is_named.get_mut(to_index(place))) {
                    *is_named = true;
                }
            }
        }
        let named = self.tasks.iter().zip(is_named);
        let named = named.filter_map(|(task, is_named)| is_named.then_some(*task));
        let mut tasks = in_order(shown.chain(named).collect(), &|task| *task);
        tasks.dedup();
        tasks
    }

    /// Returns the reason why nobody holds the socket of `row`.
    pub(crate) fn reason(&self, row: &Row<'_>) -> Owner {
        explain(row, self.some_unread)
    }

    /// Returns the number of the socket at the other end of `entry`.
    ///
    /// A socket of the same namespace comes first, and the other end on the loopback can only be there. Where two
    /// namespaces both have such a socket, as two networks with the same addresses may, nothing is returned.
    pub(crate) fn other_end(&self, entry: &Entry<'_>, sockets: &Sockets) -> Option<u32> {
        let by_key = self.by_key.as_ref()?;
        let home = sockets.netns(entry.socket);
        let mut best: Option<((bool, bool, bool), u32)> = None;
        let mut is_ambiguous = false;
        each_connection(&entry.row, &mut |connection| {
            let found = by_key.find_connection(connection.reversed(), home, sockets);
            let Some(Answer { number, is_shared }) = found else {
                return;
            };
            let netns = sockets.netns(*number);
            if connection.is_loopback() && netns != home {
                return;
            }
            let is_awake = sockets.row(*number).state != State::TIME_WAIT;
            let rank = (netns == home, self.holder(*number).is_some(), is_awake);
            is_ambiguous |=
                *is_shared || best.is_some_and(|(_, other)| sockets.netns(other) != netns);
            if best.is_none_or(|(known, _)| rank > known) {
                best = Some((rank, *number));
            }
        });
        best.filter(|((is_home, ..), _)| *is_home || !is_ambiguous)
            .map(|(_, number)| number)
    }

    /// Returns the number of the listener that has not yet accepted `entry`; `None` where several processes share the
    /// port, each with a socket of its own, because the tables do not tell which of them has the connection.
    ///
    /// The nearest one counts: in the table of the connection, though one over IPv4 to a dual-stack listener is in tcp6; on
    /// the same address, else on the wildcard of its family, else on that of IPv6.
    pub(crate) fn listener(&self, entry: &Entry<'_>, sockets: &Sockets) -> Option<u32> {
        if entry.owner != Owner::AcceptQueue {
            return None;
        }
        let by_key = self.by_key.as_ref()?;
        let key = Key::of_listener(&entry.row, sockets.netns(entry.socket))?;
        let mut found = by_key.find(&key, sockets);
        if let Key::Port(netns, is_v6, address, port) = key {
            let any_v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            let any = match address {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => any_v6,
            };
            for is_v6 in [is_v6, !is_v6] {
                for address in [address, any, any_v6] {
                    let key = Key::Port(netns, is_v6, address, port);
                    found = found.or_else(|| by_key.find(&key, sockets));
                }
            }
        }
        found
            .filter(|found| !found.is_shared)
            .map(|found| found.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::NetnsId;
    use crate::select::Condition;
    use crate::socket::extra::Keeps;
    use crate::socket::{Detail, Ends};

    /// Returns the peers of `rows`, each with its namespace, and for each row the other end; and how often an answer was
    /// looked at.
    fn other_ends(rows: &[(u16, Row<'_>)]) -> (Vec<Option<u32>>, u32) {
        let mut sockets = Sockets::new(Keeps::Rows);
        for (netns, row) in rows {
            sockets.push(NetnsId(*netns), row, &Detail::default());
        }
        let joined = Joined::captured(&sockets, &[]);
        let condition = Condition::default();
        let filter = RowFilter {
            condition: &condition,
            connections: true,
            listeners: true,
            inodes: None,
            wildcards: false,
        };
        let peers = Peers::new(&joined, &sockets, filter, false);
        let ends = joined.entries(&sockets).map(|mut entry| {
            entry.owner = Owner::AcceptQueue;
            let listener = peers.listener(&entry, &sockets);
            peers.other_end(&entry, &sockets).or(listener)
        });
        let ends = ends.collect();
        let looks = peers.by_key.map_or(0, |by_key| by_key.looks.get());
        (ends, looks)
    }

    /// A row with these ends.
    fn row(proto: Proto, state: State, ends: Ends<'_>) -> Row<'_> {
        Row {
            inode: 0,
            proto,
            state,
            rx_queue: None,
            tx_queue: None,
            ends,
        }
    }

    /// An end on the address 10.0.0.`last`.
    fn end(last: u8, port: u16) -> (IpAddr, u16) {
        (IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port)
    }

    // Sockets that share a port may have the same two ends, and listeners too; 32,000 questions cost 32,000 steps each.
    #[test]
    fn n_sockets_with_one_key_cost_a_few_steps_each() {
        for len in [500_u16, 8_000] {
            let udp = |local, remote| {
                let ends = Ends::Inet { local, remote };
                row(Proto::Udp, State::ESTABLISHED, ends)
            };
            let both = [udp(end(1, 7), end(2, 9)), udp(end(2, 9), end(1, 7))];
            let path = Ends::Path(b"/run/x");
            let unix =
                [State::LISTEN, State::CONNECTING].map(|state| row(Proto::Unix, state, path));
            let own = || both.iter().chain(&unix);
            let shared: Vec<_> = (0..len).flat_map(|_| own().map(|row| (0, *row))).collect();
            let (ends, looks) = other_ends(&shared);
            assert_eq!(ends[..4], [Some(1), Some(0), Some(2), Some(2)]);
            let bound = 16 * u32::from(len);
            assert!(looks < bound, "{looks} of {bound}");
            // The same in as many namespaces: each has its own.
            let apart: Vec<_> = (0..len)
                .flat_map(|netns| own().map(move |row| (netns, *row)))
                .collect();
            let (ends, looks) = other_ends(&apart);
            assert_eq!(ends[396..400], [397, 396, 398, 398].map(Some));
            assert!(looks < 2 * bound, "{looks} of {bound}");
        }
    }

    // A row of SCTP has a key for each pair of addresses; that one row stands under several led a search in circles.
    #[test]
    fn the_keys_of_sctp_are_told_apart_whatever_rows_share_them() {
        let ends = |addresses| Ends::Sctp {
            addresses,
            local_port: 1,
            remote_port: 2,
        };
        let sctp = |addresses| row(Proto::Sctp, State::ESTABLISHED, ends(addresses));
        let back = Ends::Sctp {
            addresses: b"*10.9.9.9 <-> *10.0.0.3 ",
            local_port: 2,
            remote_port: 1,
        };
        let rows = [
            (0, sctp(b"*10.0.0.2 <-> *10.9.9.9 ")),
            (1, sctp(b"*10.0.0.1 10.0.0.3 <-> *10.9.9.9 ")),
            (2, sctp(b"*10.0.0.1 <-> *10.9.9.9 ")),
            (3, sctp(b"*10.0.0.1 10.0.0.2 <-> *10.9.9.9 ")),
            (4, row(Proto::Sctp, State::ESTABLISHED, back)),
        ];
        let (ends, _) = other_ends(&rows);
        assert_eq!(ends, [None, Some(4), None, None, Some(1)]);
    }
}
