//! Finds the other end of a connection, and the listener that has to accept one. In: everything that was joined, before
//! the selection narrows it. Out: for a socket the number of its other end or of its listener, and the task that holds
//! it. It reads nothing.
//!
//! The other end of a connection has the same two ends in reverse, in any namespace that was read. Where an address is
//! translated in between it has not: `nat` looks for what is not found here, and notes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::collections::sort::in_order;
use crate::collections::{to_index, to_u32};
use crate::join::by_key::{Answer, ByKey, Key};
use crate::join::search::Search;
use crate::join::{Entry, Joined, Owner, explain};
use crate::proc::{NetnsId, Task};
use crate::select::rows::RowFilter;
use crate::socket::Row;
use crate::socket::connection::each_connection;
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

impl Peer<'_> {
    /// The command at an address where nobody waits, though it is known in which namespace that is.
    pub(crate) const NOBODY: &'static [u8] = b"(nobody)";
    /// Stands for a command where only the container behind a published port is known.
    pub(crate) const FORWARDED: &'static [u8] = b"(forwarded)";
}

/// Whatever is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherEnd {
    /// A socket.
    Socket(u32),
    /// No socket, though it is known in which namespace one should be.
    Nobody(NetnsId),
    /// Some socket in this namespace.
    Somebody(NetnsId),
}

/// No task: nobody holds the socket.
const NOBODY: u32 = u32::MAX;

/// The sockets that may be another's other end or listener, and the tasks that hold them.
#[derive(Default)]
pub(crate) struct Peers {
    /// The numbers of these sockets by key; `None` where no view asks for them.
    pub(super) by_key: Option<ByKey>,
    /// For each socket the place of its first holder in `tasks`, or `NOBODY`.
    holders: Vec<u32>,
    /// Tasks that hold sockets, ascending, each once.
    tasks: Vec<Task>,
    /// True if some process could not be read, or is not shown.
    some_unseen: bool,
    /// True if connections were noted (`-E`).
    pub(super) has_connections: bool,
    /// True if it is asked who has to accept a connection.
    names_acceptors: bool,
    /// What `nat` and `forward` found of each socket's other end; empty where they found nothing.
    beyond: Vec<Option<OtherEnd>>,
}

impl Peers {
    /// Notes those of `sockets` that `rows` keeps as other ends or listeners, and who holds each socket of `joined`.
    #[inline(never)]
    pub(crate) fn new(
        joined: &Joined,
        sockets: &Sockets,
        rows: RowFilter<'_>,
        some_unseen: bool,
    ) -> Self {
        let mut peers = Self {
            holders: vec![NOBODY; sockets.len()],
            some_unseen,
            has_connections: rows.connections,
            names_acceptors: rows.listeners,
            ..Self::default()
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
            if row.is_listening() {
                if let Some(key) = Key::of_listener(&row, sockets.netns(number))
                    && let Some(first) = by_key.find_or_add(&key, number, sockets)
                {
                    first.is_shared |= peers.holder(first.number) != peers.holder(number);
                }
            } else if rows.connections {
                each_connection(&row, &mut |connection| {
                    let key = Key::Connection(None, connection);
                    by_key.add(key, number, &rank, sockets);
                });
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

    /// Returns all tasks that a view of `joined` names, ascending, each once: those that are `shown`, and others.
    pub(crate) fn tasks(&self, shown: Vec<Task>, joined: &Joined, sockets: &Sockets) -> Vec<Task> {
        if self.by_key.is_none() {
            return shown;
        }
        let mut is_named = vec![false; self.tasks.len()];
        for entry in joined.entries(sockets) {
            let other_end = match self.other_end(&entry, sockets) {
                Some(OtherEnd::Socket(number)) => Some(number),
                _ => None,
            };
            let listener = self.listener(&entry, sockets);
            for number in [other_end, listener].into_iter().flatten() {
                let place = self.holders.get(to_index(number)).copied();
                if let Some(is_named) = place.and_then(|place| is_named.get_mut(to_index(place))) {
                    *is_named = true;
                }
            }
        }
        let mut tasks = shown;
        for (task, is_named) in self.tasks.iter().zip(is_named) {
            if is_named {
                tasks.push(*task);
            }
        }
        tasks = in_order(tasks, &|task| *task);
        tasks.dedup();
        tasks
    }

    /// Returns the reason why nobody holds the socket of `row`.
    pub(crate) fn reason(&self, row: &Row<'_>) -> Owner {
        explain(row, self.some_unseen)
    }

    /// Returns what is at the other end of `entry`, as far as it is known.
    pub(crate) fn other_end(&self, entry: &Entry<'_>, sockets: &Sockets) -> Option<OtherEnd> {
        let direct = self.direct(entry.socket, sockets);
        direct.map(OtherEnd::Socket).or_else(|| {
            let beyond = self.beyond.get(to_index(entry.socket)).copied();
            beyond.flatten()
        })
    }

    /// Notes what is at the other end of socket `number`.
    pub(super) fn note(&mut self, number: u32, other_end: OtherEnd) {
        self.beyond.resize(self.holders.len(), None);
        if let Some(beyond) = self.beyond.get_mut(to_index(number)) {
            *beyond = Some(other_end);
        }
    }

    /// Returns the number of the socket that has the ends of socket `number` in reverse.
    #[inline(never)]
    pub(super) fn direct(&self, number: u32, sockets: &Sockets) -> Option<u32> {
        let mut search = Search::new(self, sockets, number);
        each_connection(&sockets.row(number), &mut |connection| {
            search.look(&connection, search.home, None);
        });
        search.found()
    }

    /// Returns the number of the listener that has not yet accepted `entry`; `None` where several processes share the
    /// port, each with a socket of its own, because the tables do not tell which of them has the connection.
    pub(crate) fn listener(&self, entry: &Entry<'_>, sockets: &Sockets) -> Option<u32> {
        if entry.owner != Owner::AcceptQueue || !self.names_acceptors {
            return None;
        }
        let key = Key::of_listener(&entry.row, sockets.netns(entry.socket))?;
        let found = self.waiting(key, sockets)?;
        (!found.is_shared).then_some(found.number)
    }

    /// Returns the socket that waits at the address of `key`, the first of several.
    ///
    /// The nearest one counts: in the table of `key`, though one of IPv4 at a dual-stack listener is in that of IPv6; on
    /// the same address, else on the wildcard of its family, else on that of IPv6.
    #[inline(never)]
    pub(super) fn waiting(&self, key: Key<'_>, sockets: &Sockets) -> Option<&Answer> {
        let by_key = self.by_key.as_ref()?;
        let Key::Port(netns, kind, is_v6, address, port) = key else {
            return by_key.find(&key, sockets);
        };
        let any_v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let any = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => any_v6,
        };
        for is_v6 in [is_v6, !is_v6] {
            for address in [address, any, any_v6] {
                let key = Key::Port(netns, kind, is_v6, address, port);
                if let Some(found) = by_key.find(&key, sockets) {
                    return Some(found);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            peers.direct(entry.socket, &sockets).or(listener)
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
