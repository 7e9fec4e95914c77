//! Sockets by what they have in common: the address at the other end, the port at this one, the state, the container. In:
//! entries. Out: a tally for each group. It does not order them.

use std::net::{IpAddr, Ipv6Addr};

use crate::cli::By;
use crate::collections::hash::Seed;
use crate::collections::index::Index;
use crate::collections::{to_index, to_u32};
use crate::join::Entry;
use crate::snapshot::Snapshot;
use crate::socket::Row;
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::text::addr::{mapped, unmapped};
use crate::views::summary::tally::Tally;
use crate::walk::container::Container;

/// What the sockets of a group have in common: 16 bytes of an address or of the name of a protocol; the number of a port, a
/// state or a container; and that of a network namespace, since an address or a port of one is another's too.
pub(super) type Key = [u8; 24];

/// A group.
pub(super) struct Group<'a> {
    /// What its sockets have in common.
    pub(super) key: Key,
    /// Its first entry.
    pub(super) entry: Entry<'a>,
    /// Its sockets.
    pub(super) tally: Tally,
}

impl Group<'_> {
    /// Returns the address.
    pub(super) fn address(&self) -> IpAddr {
        let octets = self.key.first_chunk().copied();
        Ipv6Addr::from(octets.unwrap_or([0; 16])).into()
    }

    /// Returns the port at this end.
    pub(super) fn port(&self) -> u32 {
        self.entry
            .row
            .ends
            .inet()
            .map_or(0, |(local, _)| local.1.into())
    }
}

/// The groups of one kind.
pub(super) struct Groups<'a> {
    /// The kind.
    pub(super) by: By,
    /// The groups, in the order in which they came.
    pub(super) all: Vec<Group<'a>>,
    /// The containers that were met.
    containers: Vec<&'a Container>,
    /// The places of groups, by the hash of their key. It has room for one a socket.
    index: Index,
    /// Its seed, so that nobody can choose addresses that share a hash.
    seed: Seed,
}

/// Returns the bytes of an address, one of IPv4 as a v4-mapped one.
pub(super) fn octets(address: IpAddr) -> [u8; 16] {
    mapped(address).octets()
}

/// Returns the two ends of a connection of a protocol that has ports, v4-mapped addresses as IPv4.
pub(super) fn connection(row: &Row<'_>) -> Option<((IpAddr, u16), (IpAddr, u16))> {
    let (local, remote) = row.ends.inet().filter(|_| Protos::PORTED.has(row.proto))?;
    let is_one = remote.1 != 0;
    is_one.then(|| ((unmapped(local.0), local.1), (unmapped(remote.0), remote.1)))
}

impl<'a> Groups<'a> {
    /// Returns no groups, with room for those of `len` sockets.
    pub(super) fn new(by: By, len: usize) -> Self {
        Self {
            by,
            all: Vec::new(),
            containers: Vec::new(),
            index: Index::with_room(len),
            seed: Seed::new(),
        }
    }

    /// Counts the socket of `entry` in its group, if it is in any.
    pub(super) fn count(&mut self, entry: &Entry<'a>, snapshot: &'a Snapshot) {
        let Some(key) = self.key(entry, snapshot) else {
            return;
        };
        let hash = self.seed.hash_bytes(&key);
        let all = &mut self.all;
        let is_it = |at: &u32| all.get(to_index(*at)).is_some_and(|group| group.key == key);
        let known = self.index.find(hash).find(is_it);
        let at = known.unwrap_or_else(|| {
            let at = to_u32(all.len());
            self.index.insert(hash, at);
            all.push(Group {
                key,
                entry: *entry,
                tally: Tally::default(),
            });
            at
        });
        if let Some(group) = all.get_mut(to_index(at)) {
            group.tally.count(&entry.row);
        }
    }

    /// Returns what `entry` has in common with others; `None` where it is in no group of this kind.
    fn key(&mut self, entry: &Entry<'a>, snapshot: &'a Snapshot) -> Option<Key> {
        let mut netns = u32::from(snapshot.sockets.netns(entry.socket).0);
        let (mut address, mut number) = ([0; 16], 0_u32);
        match self.by {
            By::Process => return None,
            By::Remote => {
                address = octets(connection(&entry.row)?.1.0);
            }
            By::Local => number = connection(&entry.row)?.0.1.into(),
            By::State => {
                netns = 0;
                number = entry.row.state.0.into();
                if entry.row.state == State::NONE {
                    let name = entry.row.proto.name().bytes();
                    for (byte, known) in address.iter_mut().zip(name) {
                        *byte = known;
                    }
                }
            }
            By::Container => {
                let home = entry.process.and_then(|process| process.netns);
                if let Some(container) = snapshot.container(entry) {
                    netns = 0;
                    number = self.place_of(container);
                } else if let (State::UNLISTED, Some(home)) = (entry.row.state, home) {
                    // The namespace of a socket that no table lists is not known.
                    netns = home.0.into();
                }
            }
        }
        let mut key = [0; 24];
        let parts = address.iter().copied().chain(number.to_be_bytes());
        let parts = parts.chain(netns.to_be_bytes());
        key.iter_mut().zip(parts).for_each(|(to, byte)| *to = byte);
        Some(key)
    }

    /// Returns the place of `container`, from 1 on. It is mostly the last one: entries come process by process.
    fn place_of(&mut self, container: &'a Container) -> u32 {
        let mut known = self.containers.iter();
        let at = known.rposition(|known| *known == container);
        let at = at.unwrap_or_else(|| {
            self.containers.push(container);
            self.containers.len() - 1
        });
        to_u32(at) + 1
    }
}
