//! Finds things by what tells one from another: sockets by the ends of a connection or the address of a listener,
//! namespaces by an address. In: things, one after the other. Out: for such a key the thing that answers for all that have
//! it, and whether there are others that matter. It does not know which socket asks.

use std::net::IpAddr;

use crate::collections::hash::Seed;
use crate::collections::index::Index;
use crate::collections::{to_index, to_u32};
use crate::proc::NetnsId;
use crate::socket::connection::{Connection, each_connection, kind};
use crate::socket::proto::Protos;
use crate::socket::store::Sockets;
use crate::socket::{Ends, Row};
use crate::text::addr::unmapped;

/// The key of a thing. A connection and an address are looked for in all namespaces (`None`), or in a single one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key<'a> {
    /// A connection.
    Connection(Option<NetnsId>, Connection),
    /// A socket that waits at an address and a port: for a kind of protocol, and in the tables of IPv6 if true.
    Port(NetnsId, u8, bool, IpAddr, u16),
    /// A unix listener.
    Path(NetnsId, &'a [u8]),
    /// An address of a namespace.
    Address(Option<NetnsId>, IpAddr),
}

impl<'a> Key<'a> {
    /// Returns the key of the listener that `row` is, or that has made `row` if it waits on the same address.
    pub(super) fn of_listener(row: &Row<'a>, netns: NetnsId) -> Option<Self> {
        match row.ends {
            Ends::Inet { local, .. } => {
                let is_v6 = Protos::INET6.has(row.proto);
                let (address, port) = (unmapped(local.0), local.1);
                Some(Self::Port(netns, kind(row.proto)?, is_v6, address, port))
            }
            Ends::Path(path) if !path.is_empty() => Some(Self::Path(netns, path)),
            _ => None,
        }
    }

    /// Returns the key for looking in `netns` alone.
    pub(super) fn within(self, netns: NetnsId) -> Self {
        match self {
            Self::Connection(_, connection) => Self::Connection(Some(netns), connection),
            Self::Address(_, address) => Self::Address(Some(netns), address),
            key => key,
        }
    }

    /// Returns true if this key, of something in `netns`, is meant by `wanted`: in all namespaces or in that one.
    pub(super) fn is_meant(self, netns: NetnsId, wanted: &Key<'_>) -> bool {
        self == *wanted || self.within(netns) == *wanted
    }
}

/// Things with keys, by their numbers.
pub(super) trait Keyed {
    /// Returns true if thing `number` has `key`.
    fn has(&self, number: u32, key: &Key<'_>) -> bool;

    /// Returns the namespace of thing `number`.
    fn netns(&self, number: u32) -> NetnsId;
}

impl Keyed for Sockets {
    fn has(&self, number: u32, key: &Key<'_>) -> bool {
        let (row, netns) = (self.row(number), self.netns(number));
        let Key::Connection(home, wanted) = key else {
            return Key::of_listener(&row, netns).is_some_and(|other| other == *key);
        };
        let mut has = false;
        each_connection(&row, &mut |connection| has |= connection == *wanted);
        has && home.is_none_or(|home| home == netns)
    }

    fn netns(&self, number: u32) -> NetnsId {
        self.netns(number)
    }
}

/// The thing that answers for a key.
pub(super) struct Answer {
    /// Its number.
    pub(super) number: u32,
    /// True if there is another: a thing in another namespace, or a listener of another process.
    pub(super) is_shared: bool,
}

/// Things by their key. However many have the same one, a single one answers for all of them, so that a question costs
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
    pub(super) fn hash(&self, key: &Key<'_>) -> u32 {
        self.seed.hash(key)
    }

    /// Returns the place of the answer to `key`.
    fn place(&self, key: &Key<'_>, things: &dyn Keyed) -> Option<usize> {
        let mut places = self.index.find(self.hash(key)).map(to_index);
        places.find(|place| {
            #[cfg(test)]
            self.looks.set(self.looks.get() + 1);
            let answer = self.answers.get(*place);
            answer.is_some_and(|answer| things.has(answer.number, key))
        })
    }

    /// Returns the answer to `key`.
    pub(super) fn find(&self, key: &Key<'_>, things: &dyn Keyed) -> Option<&Answer> {
        self.answers.get(self.place(key, things)?)
    }

    /// Returns the answer to `key`, to be changed. If there is none yet, it is `number`.
    pub(super) fn find_or_add(
        &mut self,
        key: &Key<'_>,
        number: u32,
        things: &dyn Keyed,
    ) -> Option<&mut Answer> {
        let place = self.place(key, things).unwrap_or_else(|| {
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

    /// Adds `number` under `key`, which is of all namespaces. Of several in one, that with the highest `rank` answers.
    pub(super) fn add(
        &mut self,
        key: Key<'_>,
        number: u32,
        rank: &dyn Fn(u32) -> (bool, bool),
        things: &dyn Keyed,
    ) -> Option<()> {
        let netns = things.netns(number);
        let mut answer = self.find_or_add(&key, number, things)?;
        if things.netns(answer.number) != netns {
            answer.is_shared = true;
            answer = self.find_or_add(&key.within(netns), number, things)?;
        }
        if rank(number) > rank(answer.number) {
            answer.number = number;
        }
        Some(())
    }

    /// Returns the answer to `key`, which is of all namespaces: the one in `home`, if there is one.
    pub(super) fn find_near(
        &self,
        key: Key<'_>,
        home: NetnsId,
        things: &dyn Keyed,
    ) -> Option<&Answer> {
        let first = self.find(&key, things)?;
        if !first.is_shared || things.netns(first.number) == home {
            return Some(first);
        }
        self.find(&key.within(home), things).or(Some(first))
    }
}
