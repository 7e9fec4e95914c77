//! Finds the other end of a connection, and the listener that has to accept one. In: everything that was joined, before
//! the selection narrows it. Out: for a socket the number of its other end or of its listener, and the task that holds
//! it. It reads nothing.
//!
//! The other end of a connection has the same two ends in reverse, in any namespace that was read. Where an address is
//! translated in between it has not, and nothing is found.

use std::hash::BuildHasher;
use std::net::IpAddr;

use crate::collections::hash::Seed;
use crate::collections::index::Index;
use crate::collections::sort::in_order;
use crate::collections::{to_index, to_u32};
use crate::join::{Entry, Joined, Owner, explain};
use crate::proc::NetnsId;
use crate::proc::Task;
use crate::select::rows::RowFilter;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::socket::{Ends, Row};
use crate::text::addr::{listed, sides, unmapped};
use crate::walk::container::ContainerId;

/// Who holds the socket at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer<'a> {
    /// The process, the first of several; `None` where nobody holds it.
    pub(crate) pid: Option<u32>,
    /// Its command, or the reason in parentheses why there is no process.
    pub(crate) command: &'a [u8],
    /// Its container, where it is in one.
    pub(crate) container: Option<&'a ContainerId>,
}

/// No task: nobody holds the socket.
const NOBODY: u32 = u32::MAX;

/// A connection, by one address of each end.
#[derive(PartialEq, Eq, Hash)]
struct Connection {
    /// See `kind`.
    kind: u8,
    /// Its own end.
    local: (IpAddr, u16),
    /// The other end.
    remote: (IpAddr, u16),
}

impl Connection {
    /// Returns the connection as the other end has it.
    fn reversed(self) -> Self {
        Self {
            local: self.remote,
            remote: self.local,
            ..self
        }
    }

    /// Returns true if both ends are in one namespace, because the loopback leads into no other.
    fn is_loopback(&self) -> bool {
        self.local.0.is_loopback() || self.remote.0.is_loopback()
    }
}

/// By what a socket is looked for. Two sockets with equal keys are candidates for the same question.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    /// A connection.
    Connection(Connection),
    /// A TCP listener on a port.
    Port(NetnsId, u16),
    /// A unix listener.
    Path(NetnsId, &'a [u8]),
}

/// Sockets by the hash of their key. Its seed is random, so that nobody can choose ports or names that share one hash.
struct ByKey {
    /// The numbers of the sockets.
    index: Index,
    /// The seed.
    seed: Seed,
}

impl ByKey {
    /// Returns a hash that depends on all of `key`.
    fn hash(&self, key: &Key<'_>) -> u32 {
        // The upper half of a good hash is as good as all of it.
        u32::try_from(self.seed.hash_one(key) >> 32).unwrap_or(0)
    }

    /// Inserts socket `number` under `key`.
    fn insert(&mut self, key: &Key<'_>, number: u32) {
        self.index.insert(self.hash(key), number);
    }

    /// Returns the numbers of the sockets under `key`, and of those that share its hash.
    fn find(&self, key: &Key<'_>) -> impl Iterator<Item = u32> + '_ {
        self.index.find(self.hash(key))
    }
}

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

/// Returns a number for the protocols that a connection stays within; `None` for a protocol without connections.
pub(super) fn kind(proto: Proto) -> Option<u8> {
    match proto {
        Proto::Tcp | Proto::Tcp6 | Proto::Mptcp | Proto::Mptcp6 => Some(0),
        Proto::Udp | Proto::Udp6 => Some(1),
        Proto::Udplite | Proto::Udplite6 => Some(2),
        Proto::Sctp => Some(3),
        _ => None,
    }
}

/// Calls `visit` with the connection that `row` is, once for each pair of addresses: SCTP may have several at an end, and the
/// two ends need not know all of each other's.
#[inline(never)]
fn each_connection(row: &Row<'_>, visit: &mut dyn FnMut(Connection)) {
    let Some(kind) = kind(row.proto) else { return };
    let mut visit = |local: (IpAddr, u16), remote: (IpAddr, u16)| {
        if remote.1 != 0 {
            visit(Connection {
                kind,
                local: (unmapped(local.0), local.1),
                remote: (unmapped(remote.0), remote.1),
            });
        }
    };
    match row.ends {
        Ends::Inet { local, remote } => visit(local, remote),
        Ends::Sctp {
            addresses,
            local_port,
            remote_port,
        } => {
            let (own, other) = sides(addresses);
            for (_, own) in listed(own) {
                for (_, other) in listed(other) {
                    visit((own, local_port), (other, remote_port));
                }
            }
        }
        _ => {}
    }
}

/// Returns the key of the listener that `row` is, or that has made `row`.
fn listener<'a>(row: &Row<'a>, netns: NetnsId) -> Option<Key<'a>> {
    match row.ends {
        Ends::Inet { local, .. } if Protos::TCP.has(row.proto) => Some(Key::Port(netns, local.1)),
        Ends::Path(path) if !path.is_empty() => Some(Key::Path(netns, path)),
        _ => None,
    }
}

impl Peers {
    /// Notes those of `sockets` that `rows` keeps as other ends or listeners, and who holds each socket of `joined`.
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
        let mut by_key = ByKey {
            index: Index::with_room(room),
            seed: Seed::new(),
        };
        for number in sockets.numbers() {
            let row = sockets.row(number);
            if row.state != State::LISTEN {
                if rows.connections {
                    each_connection(&row, &mut |connection| {
                        by_key.insert(&Key::Connection(connection), number);
                    });
                }
            } else if rows.listeners
                && let Some(key) = listener(&row, sockets.netns(number))
            {
                by_key.insert(&key, number);
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
            let is_loopback = connection.is_loopback();
            let reversed = Key::Connection(connection.reversed());
            for number in by_key.find(&reversed) {
                let (row, netns) = (sockets.row(number), sockets.netns(number));
                let mut is_it = false;
                each_connection(&row, &mut |other| {
                    is_it |= Key::Connection(other) == reversed;
                });
                if row.state == State::LISTEN || !is_it || (is_loopback && netns != home) {
                    continue;
                }
                let is_held = self.holder(number).is_some();
                let rank = (netns == home, is_held, row.state != State::TIME_WAIT);
                is_ambiguous |= best.is_some_and(|(_, other)| sockets.netns(other) != netns);
                if best.is_none_or(|(known, _)| rank > known) {
                    best = Some((rank, number));
                }
            }
        });
        best.filter(|((is_home, ..), _)| *is_home || !is_ambiguous)
            .map(|(_, number)| number)
    }

    /// Returns the number of the listener that has not yet accepted `entry`; `None` where several processes share the
    /// port, each with a socket of its own, because the tables do not tell which of them has the connection.
    pub(crate) fn listener(&self, entry: &Entry<'_>, sockets: &Sockets) -> Option<u32> {
        if entry.owner != Owner::AcceptQueue {
            return None;
        }
        let netns = sockets.netns(entry.socket);
        let wanted = listener(&entry.row, netns)?;
        let mut best: Option<((bool, u8), u32)> = None;
        let mut is_ambiguous = false;
        for number in self.by_key.as_ref()?.find(&wanted) {
            let row = sockets.row(number);
            if row.state != State::LISTEN
                || listener(&row, sockets.netns(number)).as_ref() != Some(&wanted)
            {
                continue;
            }
            let Some(nearness) = nearness(&row, &entry.row) else {
                continue;
            };
            // A connection is mostly in the table of its listener; one over IPv4 to a dual-stack listener is in tcp6.
            let rank = (row.proto.ends() == entry.row.proto.ends(), nearness);
            match best {
                Some((known, other)) if known == rank => {
                    is_ambiguous |= self.holder(number) != self.holder(other);
                }
                Some((known, _)) if known > rank => {}
                _ => (best, is_ambiguous) = (Some((rank, number)), false),
            }
        }
        best.filter(|_| !is_ambiguous).map(|(_, number)| number)
    }
}

/// Returns how well the address of `listener` fits that of the connection `row`: 2 for the same address, 1 for the
/// wildcard of its family, 0 for IPv6's wildcard beside IPv4, and `None` for another address.
fn nearness(listener: &Row<'_>, row: &Row<'_>) -> Option<u8> {
    let (Ends::Inet { local: mine, .. }, Ends::Inet { local, .. }) = (listener.ends, row.ends)
    else {
        return Some(0);
    };
    match (unmapped(mine.0), unmapped(local.0)) {
        (mine, local) if mine == local => Some(2),
        (mine, local) if mine.is_unspecified() && mine.is_ipv4() == local.is_ipv4() => Some(1),
        (mine, _) if mine.is_unspecified() && mine.is_ipv6() => Some(0),
        _ => None,
    }
}
