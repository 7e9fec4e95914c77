//! Finds the other ends that `peers` does not: behind a translation of addresses (NAT), and who waits for a connection that is
//! not answered yet. In: the joined lines, and the namespaces. Out: the other ends, noted in `Peers`. It reads nothing unless
//! some connection that is shown lacks its other end.
//!
//! A namespace may say what it likes about the connections that it translates: whoever is root there writes its rules. So the
//! namespace of the first process, which is that of the node, is believed in all it says, and any other one only of its own
//! sockets: one end of what it translates is there. Nobody in a container can so give a socket of others a name of others.

use std::net::IpAddr;

use crate::collections::index::Index;
use crate::collections::to_index;
use crate::join::Joined;
use crate::join::by_key::{ByKey, Key, Keyed};
use crate::join::peers::{OtherEnd, Peers};
use crate::join::search::Search;
use crate::proc::{NetnsId, Proc};
use crate::socket::Row;
use crate::socket::connection::{Connection, End, each_connection};
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::tables::addresses;
use crate::tables::conntrack::{self, Translation};
use crate::walk::netns::Namespaces;
use crate::warn::Warnings;

/// The most translations that are followed: that of the client's namespace, the node's, and the server's.
const STEPS_MAX: u32 = 3;

/// Which namespace has which address.
pub(super) struct Addresses {
    /// All addresses, some of them twice.
    all: Vec<(IpAddr, NetnsId)>,
    /// Their numbers in `all`, by the address.
    by_address: ByKey,
}

impl Keyed for Vec<(IpAddr, NetnsId)> {
    fn has(&self, number: u32, key: &Key<'_>) -> bool {
        let thing = self.get(to_index(number));
        thing.is_some_and(|(address, netns)| Key::Address(None, *address).is_meant(*netns, key))
    }

    fn netns(&self, number: u32) -> NetnsId {
        let thing = self.get(to_index(number));
        thing.map_or(NetnsId(0), |(_, netns)| *netns)
    }
}

impl Addresses {
    /// Reads the addresses of `namespaces`.
    pub(super) fn load(proc: &Proc, namespaces: &Namespaces) -> Self {
        let mut all = Vec::new();
        for netns in namespaces.iter() {
            addresses::load(proc, netns, &mut all);
        }
        let mut by_address = ByKey::with_room(all.len());
        for ((address, _), number) in all.iter().zip(0..) {
            let key = Key::Address(None, *address);
            by_address.add(key, number, &|_| (false, false), &all);
        }
        Self { all, by_address }
    }

    /// Returns the namespace that has `address`, seen from `home`: `home` itself if the address is its own, else the only one
    /// that has it.
    pub(super) fn find(&self, address: IpAddr, home: NetnsId) -> Option<NetnsId> {
        if address.is_loopback() {
            return Some(home);
        }
        let key = Key::Address(None, address);
        let found = self.by_address.find_near(key, home, &self.all)?;
        let netns = self.all.netns(found.number);
        (netns == home || !found.is_shared).then_some(netns)
    }
}

/// The translations of all namespaces.
struct Translations {
    /// All translations, from both ends.
    all: Vec<Translation>,
    /// Their numbers in `all`, by what each is before in its namespace. One that has several zones may translate the same
    /// in several ways: then the answer is shared, and nobody knows which of them counts.
    by_netns: ByKey,
    /// The numbers of the answers, by the hash of what each is before.
    by_view: Index,
    /// The namespace of the first process.
    node: Option<NetnsId>,
}

impl Keyed for Vec<Translation> {
    fn has(&self, number: u32, key: &Key<'_>) -> bool {
        let found = self.get(to_index(number));
        found.is_some_and(|found| Key::Connection(None, found.before).is_meant(found.netns, key))
    }

    fn netns(&self, number: u32) -> NetnsId {
        let found = self.get(to_index(number));
        found.map_or(NetnsId(0), |found| found.netns)
    }
}

impl Translations {
    /// Reads the translations of `namespaces`.
    fn load(proc: &Proc, namespaces: &Namespaces, warnings: &mut Warnings) -> Self {
        let (mut all, mut node) = (Vec::new(), None);
        for (id, netns) in namespaces.iter() {
            conntrack::load(proc, (id, netns), &mut all, warnings);
            if netns.members().any(|task| task.pid == 1 && task.tid == 0) {
                node = Some(id);
            }
        }
        Self::new(all, node)
    }

    /// Puts translations into order.
    fn new(all: Vec<Translation>, node: Option<NetnsId>) -> Self {
        let mut by_netns = ByKey::with_room(all.len());
        let mut by_view = Index::with_room(all.len());
        for (found, number) in all.iter().zip(0..) {
            let view = Key::Connection(None, found.before);
            let own = view.within(found.netns);
            match by_netns.find_or_add(&own, number, &all) {
                Some(first) if first.number == number => {
                    by_view.insert(by_netns.hash(&view), number);
                }
                Some(first) => {
                    let other = all.get(to_index(first.number));
                    first.is_shared |= other != Some(found);
                }
                None => {}
            }
        }
        Self {
            all,
            by_netns,
            by_view,
            node,
        }
    }

    /// Adds to `views` how `wanted` is behind each translation of it, as far as that is believed; `home` is the namespace of
    /// the socket whose other end is searched for.
    #[inline(never)]
    fn add_behind(&self, wanted: View, home: NetnsId, views: &mut Vec<View>) {
        let key = Key::Connection(None, wanted.connection);
        for number in self.by_view.find(self.by_netns.hash(&key)) {
            let Some(found) = self.all.get(to_index(number)) else {
                continue;
            };
            let place = found.netns;
            let own = self.by_netns.find(&key.within(place), &self.all);
            let is_it = own.is_some_and(|own| own.number == number && !own.is_shared);
            if !is_it || (wanted.connection.is_loopback() && place != wanted.place) {
                continue;
            }
            let mut believed = wanted.believed;
            if place != home && self.node != Some(place) {
                if believed.is_some_and(|believed| believed != place) {
                    continue;
                }
                believed = Some(place);
            }
            views.push(View {
                connection: found.behind,
                place,
                believed,
            });
        }
    }
}

/// A connection as it is somewhere.
#[derive(Clone, Copy)]
struct View {
    /// The connection.
    connection: Connection,
    /// The namespace in which it is so.
    place: NetnsId,
    /// The only namespace in which its other end is believed to be; `None` for any.
    believed: Option<NetnsId>,
}

/// What is read to look beyond what the rows tell.
struct Beyond {
    /// The translations.
    translations: Translations,
    /// Which namespace has which address; `None` where no waiting socket is searched for.
    addresses: Option<Addresses>,
}

impl Beyond {
    /// Notes who waits for the connection of `view`.
    #[inline(never)]
    fn look(&self, search: &mut Search<'_>, view: &View) {
        let to = view.connection.remote;
        let addresses = self.addresses.as_ref();
        let found = addresses
            .and_then(|all| all.find(to.0, view.place))
            .and_then(|netns| {
                search
                    .peers
                    .waits(view.connection.kind, netns, to, search.sockets)
            });
        if let Some(number) = found {
            search.take(number, view.believed);
        }
    }

    /// Searches for the other end of socket `number`: behind every translation, and behind those again, and then for who waits
    /// there, if `may_wait`.
    #[inline(never)]
    fn search(&self, peers: &Peers, sockets: &Sockets, number: u32, may_wait: bool) -> Option<u32> {
        let home = sockets.netns(number);
        let mut views = Vec::new();
        each_connection(&sockets.row(number), &mut |connection| {
            views.push(View {
                connection,
                place: home,
                believed: None,
            });
        });
        let own = views.len();
        let mut first = 0;
        for _ in 0..STEPS_MAX {
            for at in std::mem::replace(&mut first, views.len())..views.len() {
                if let Some(view) = views.get(at).copied() {
                    self.translations.add_behind(view, home, &mut views);
                }
            }
        }
        let (own, behind) = views.split_at_checked(own)?;
        let mut search = Search::new(peers, sockets, number);
        for view in behind {
            search.look(&view.connection, view.place, view.believed);
        }
        let found = search.found();
        if found.is_some() || !may_wait {
            return found;
        }
        search = Search::new(peers, sockets, number);
        for views in [behind, own] {
            if search.found().is_none() {
                for view in views {
                    self.look(&mut search, view);
                }
            }
        }
        search.found()
    }
}

/// Returns true if the other end of `row` may have no connection: it has not answered yet, or of UDP never has to.
fn may_wait(row: &Row<'_>) -> bool {
    row.state == State::SYN_SENT || matches!(row.proto, Proto::Udp | Proto::Udp6)
}

impl Peers {
    /// Returns the number of the socket that waits at `end` for a kind of protocol in a namespace, the first of several.
    pub(super) fn waits(
        &self,
        kind: u8,
        netns: NetnsId,
        (address, port): End,
        sockets: &Sockets,
    ) -> Option<u32> {
        let key = Key::Port(netns, kind, address.is_ipv6(), address, port);
        self.waiting(key, sockets).map(|found| found.number)
    }

    /// Finds and notes the other ends of the connections of `joined` that lack it.
    #[inline(never)]
    pub(crate) fn look_beyond(
        &mut self,
        proc: &Proc,
        joined: &Joined,
        sockets: &Sockets,
        namespaces: &Namespaces,
        warnings: &mut Warnings,
    ) {
        if !self.has_connections {
            return;
        }
        let (mut lacking, mut some_wait) = (Vec::new(), false);
        joined.for_each_socket(sockets, &mut |entry| {
            let mut is_connection = false;
            each_connection(&entry.row, &mut |_| is_connection = true);
            if is_connection && self.direct(entry.socket, sockets).is_none() {
                lacking.push(entry.socket);
                some_wait |= may_wait(&entry.row);
            }
        });
        if lacking.is_empty() {
            return;
        }
        let beyond = Beyond {
            translations: Translations::load(proc, namespaces, warnings),
            addresses: some_wait.then(|| Addresses::load(proc, namespaces)),
        };
        for number in lacking {
            let waits = may_wait(&sockets.row(number));
            if let Some(found) = beyond.search(self, sockets, number, waits) {
                self.note(number, OtherEnd::Socket(found));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    // Zones are as cheap as namespaces, and each leads further: a search through all of them took them times themselves, twice.
    #[test]
    fn a_namespace_tells_one_translation_of_a_connection_or_none_and_n_cost_a_few_steps_each() {
        let end = |port| (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), port);
        let connection = |port| Connection {
            kind: 0,
            local: end(1),
            remote: end(port),
        };
        let translation = |netns, to| Translation {
            netns: NetnsId(netns),
            before: connection(2),
            behind: connection(to),
        };
        let behind = |found: Vec<Translation>| {
            let translations = Translations::new(found, None);
            let mut views = Vec::new();
            let view = View {
                connection: connection(2),
                place: NetnsId(0),
                believed: None,
            };
            translations.add_behind(view, NetnsId(0), &mut views);
            let ports = views.iter().map(|view| view.connection.remote.1);
            let hash = translations
                .by_netns
                .hash(&Key::Connection(None, connection(2)));
            let steps = translations.by_view.find(hash).count();
            (ports.collect::<Vec<_>>(), steps)
        };
        let zones = (3..40_003).map(|to| translation(5, to));
        assert_eq!(behind(zones.clone().collect()), (vec![], 1));
        let others = [translation(6, 3), translation(6, 3), translation(7, 4)];
        let all = zones.chain(others).collect();
        assert_eq!(behind(all), (vec![3, 4], 3));
    }
}
