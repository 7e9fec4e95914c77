//! Finds sockets by what tells one from another: the ends of a connection, the address of a listener. In: sockets, one after
//! the other. Out: for such a key the socket that answers for all that have it, and whether there are others that matter.
//! It does not know which socket asks.

use std::hash::BuildHasher;
use std::net::IpAddr;

use crate::collections::hash::Seed;
use crate::collections::index::Index;
use crate::collections::{to_index, to_u32};
use crate::proc::NetnsId;
use crate::socket::proto::{Proto, Protos};
use crate::socket::store::Sockets;
use crate::socket::{Ends, Row};
use crate::text::addr::{listed, sides, unmapped};

/// A connection, by one address of each end.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Connection {
    /// See `kind`.
    kind: u8,
    /// Its own end.
    local: (IpAddr, u16),
    /// The other end.
    remote: (IpAddr, u16),
}

impl Connection {
    /// Returns the connection as the other end has it.
    pub(super) fn reversed(self) -> Self {
        Self {
            local: self.remote,
            remote: self.local,
            ..self
        }
    }

    /// Returns true if both ends are in one namespace, because the loopback leads into no other.
    pub(super) fn is_loopback(&self) -> bool {
        self.local.0.is_loopback() || self.remote.0.is_loopback()
    }
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
pub(super) fn each_connection(row: &Row<'_>, visit: &mut dyn FnMut(Connection)) {
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

/// By what a socket is looked for.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    /// A connection, in the namespace in which it was met first, or in this one if that is another.
    Connection(Option<NetnsId>, Connection),
    /// A listener in the table of TCP over IPv6, or in that over IPv4, on an address and a port.
    Port(NetnsId, bool, IpAddr, u16),
    /// A unix listener.
    Path(NetnsId, &'a [u8]),
}

impl<'a> Key<'a> {
    /// Returns the key of the listener that `row` is, or that has made `row` if it waits on the same address.
    pub(super) fn of_listener(row: &Row<'a>, netns: NetnsId) -> Option<Self> {
        match row.ends {
            Ends::Inet { local, .. } if Protos::TCP.has(row.proto) => {
                let is_v6 = Protos::INET6.has(row.proto);
                Some(Self::Port(netns, is_v6, unmapped(local.0), local.1))
            }
            Ends::Path(path) if !path.is_empty() => Some(Self::Path(netns, path)),
            _ => None,
        }
    }

    /// Returns true if socket `number` has this key.
    fn is_of(&self, number: u32, sockets: &Sockets) -> bool {
        let (row, netns) = (sockets.row(number), sockets.netns(number));
        let Self::Connection(home, wanted) = self else {
            return Key::of_listener(&row, netns).is_some_and(|key| key == *self);
        };
        let mut is_of = false;
        each_connection(&row, &mut |connection| is_of |= connection == *wanted);
        is_of && home.is_none_or(|home| home == netns)
    }
}

/// The socket that answers for a key.
pub(super) struct Answer {
    /// Its number.
    pub(super) number: u32,
    /// Whether there is another: a connection in another namespace, or a listener of another process.
    pub(super) is_shared: bool,
}

/// Sockets by their key. However many have the same one, a single one answers for all of them, so that a question costs
/// the same.
pub(super) struct ByKey {
    /// Places in `answers`, by the hash of the key. Its seed is random, so that nobody can choose ports or names that share
    /// one hash.
    index: Index,
    /// The seed.
    seed: Seed,
    /// One for each key.
    answers: Vec<Answer>,
    /// How often an answer was looked at.
    #[cfg(test)]
    pub(super) looks: std::cell::Cell<u32>,
}

impl ByKey {
    /// Returns an empty index with room for `len` keys.
    pub(super) fn with_room(len: usize) -> Self {
        Self {
            index: Index::with_room(len),
            seed: Seed::new(),
            answers: Vec::new(),
            #[cfg(test)]
            looks: std::cell::Cell::default(),
        }
    }

    /// Returns a hash that depends on all of `key`.
    fn hash(&self, key: &Key<'_>) -> u32 {
        // The upper half of a good hash is as good as all of it.
        u32::try_from(self.seed.hash_one(key) >> 32).unwrap_or(0)
    }

    /// Returns the place of the answer to `key`.
    fn place(&self, key: &Key<'_>, sockets: &Sockets) -> Option<usize> {
        let mut places = self.index.find(self.hash(key)).map(to_index);
        places.find(|place| {
            #[cfg(test)]
            self.looks.set(self.looks.get() + 1);
            let answer = self.answers.get(*place);
            answer.is_some_and(|answer| key.is_of(answer.number, sockets))
        })
    }

    /// Returns the answer to `key`.
    pub(super) fn find(&self, key: &Key<'_>, sockets: &Sockets) -> Option<&Answer> {
        self.answers.get(self.place(key, sockets)?)
    }

    /// Returns the answer to `key`, to be changed. If there is none yet, it is `number`.
    pub(super) fn find_or_add(
        &mut self,
        key: &Key<'_>,
        number: u32,
        sockets: &Sockets,
    ) -> Option<&mut Answer> {
        let place = self.place(key, sockets).unwrap_or_else(|| {
            let place = self.answers.len();
            self.index.insert(self.hash(key), to_u32(place));
            self.answers.push(Answer {
                number,
                is_shared: false,
            });
            place
        });
        self.answers.get_mut(place)
    }

    /// Adds socket `number` as `connection`. Of several in one namespace the one with the highest `rank` answers.
    pub(super) fn add_connection(
        &mut self,
        connection: Connection,
        number: u32,
        rank: &dyn Fn(u32) -> (bool, bool),
        sockets: &Sockets,
    ) -> Option<()> {
        let netns = sockets.netns(number);
        let mut answer = self.find_or_add(&Key::Connection(None, connection), number, sockets)?;
        if sockets.netns(answer.number) != netns {
            answer.is_shared = true;
            answer =
                self.find_or_add(&Key::Connection(Some(netns), connection), number, sockets)?;
        }
        if rank(number) > rank(answer.number) {
            answer.number = number;
        }
        Some(())
    }

    /// Returns the answer to `connection`: the one in `home`, if there is one.
    pub(super) fn find_connection(
        &self,
        connection: Connection,
        home: NetnsId,
        sockets: &Sockets,
    ) -> Option<&Answer> {
        let first = self.find(&Key::Connection(None, connection), sockets)?;
        if !first.is_shared || sockets.netns(first.number) == home {
            return Some(first);
        }
        let own = self.find(&Key::Connection(Some(home), connection), sockets);
        own.or(Some(first))
    }
}
