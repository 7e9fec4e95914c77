//! Goes once through all sockets of a snapshot. In: its entries. Out: how many there are of each protocol, of each process
//! and reason, and of each group; and which sockets have a queue. It orders nothing.

use crate::cli::By;
use crate::collections::{to_index, to_u32};
use crate::join::{Entry, Owner};
use crate::snapshot::Snapshot;
use crate::socket::Ends;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::views::summary::groups::{Groups, connection};
use crate::views::summary::tally::Tally;
use crate::views::words::write_proto;

/// The sockets of a process, or those that nobody holds for one reason.
pub(super) struct Holding<'a> {
    /// The first entry of it.
    pub(super) entry: Entry<'a>,
    /// Its sockets.
    pub(super) tally: Tally,
    /// Its descriptors, of whatever kind; 0 where that is not known. Of threads with tables of their own, the most.
    pub(super) fds: u32,
}

impl Holding<'_> {
    /// Returns the id of the process.
    pub(super) fn pid(&self) -> Option<u32> {
        pid(&self.entry)
    }
}

/// Returns the id of the process of `entry`.
fn pid(entry: &Entry<'_>) -> Option<u32> {
    entry.process.map(|process| process.task.pid)
}

/// Everything that is counted.
pub(super) struct Counted<'a> {
    /// Protocols by their word, in the order in which they came. A socket counts once, however many hold it.
    pub(super) protocols: Vec<(Proto, Vec<u8>, Tally)>,
    /// Processes and reasons, in the order in which they came. A socket counts once for each process that holds it.
    pub(super) holdings: Vec<Holding<'a>>,
    /// The groups that are shown. A socket counts once, for its first holder.
    pub(super) groups: Vec<Groups<'a>>,
    /// The first entry of each listener, and of each socket that has dropped something.
    pub(super) queues: Vec<Entry<'a>>,
    /// For each socket the number of connections that it has to accept, as far as they have rows; empty if there are none.
    pub(super) waiting: Vec<u32>,
    /// True if the sockets are of several network namespaces.
    pub(super) are_several: bool,
    /// The connections of TCP.
    pub(super) connections: Vec<u32>,
}

impl<'a> Counted<'a> {
    /// Counts all sockets of `snapshot`, in groups by `by` alone if that is given.
    pub(super) fn new(snapshot: &'a Snapshot, by: Option<By>) -> Self {
        let len = snapshot.sockets.len();
        let by = match by {
            None => &[By::Remote, By::Local][..],
            Some(ref by) => std::slice::from_ref(by),
        };
        let mut counted = Self {
            protocols: Vec::new(),
            holdings: Vec::new(),
            groups: by.iter().map(|by| Groups::new(*by, len)).collect(),
            queues: Vec::new(),
            waiting: Vec::new(),
            are_several: snapshot.is_in_several_namespaces(),
            connections: Vec::new(),
        };
        // For each socket the last holding that it was counted for, from 1 on.
        let mut counted_for = vec![0; len];
        for entry in snapshot.entries() {
            let at = counted.holding_of(&entry);
            let Some(last) = counted_for.get_mut(to_index(entry.socket)) else {
                continue;
            };
            if *last == 0 {
                counted.count_socket(&entry, snapshot);
            }
            if *last != to_u32(at) + 1 {
                *last = to_u32(at) + 1;
                if let Some(holding) = counted.holdings.get_mut(at) {
                    holding.tally.count(&entry.row);
                    let fds = entry.process.map_or(0, |process| process.fds);
                    holding.fds = holding.fds.max(fds);
                }
            }
        }
        counted
    }

    /// Counts a socket of which `entry` is the first.
    fn count_socket(&mut self, entry: &Entry<'a>, snapshot: &'a Snapshot) {
        self.count_protocol(entry);
        for groups in &mut self.groups {
            groups.count(entry, snapshot);
        }
        let is_listener = entry.row.state == State::LISTEN;
        let drops = snapshot.sockets.detail(entry.socket).drops;
        if is_listener || drops.is_some_and(|drops| drops > 0) {
            self.queues.push(*entry);
        }
        if Protos::TCP.has(entry.row.proto) && connection(&entry.row).is_some() {
            self.connections.push(entry.socket);
        }
        if entry.owner == Owner::AcceptQueue
            && let Some(listener) = snapshot.listener_number(entry)
        {
            self.waiting.resize(snapshot.sockets.len(), 0);
            if let Some(count) = self.waiting.get_mut(to_index(listener)) {
                *count += 1;
            }
        }
    }

    /// Returns the place of the holding that `entry` belongs to, which may be a new one.
    fn holding_of(&mut self, entry: &Entry<'a>) -> usize {
        let is_same = |holding: &Holding<'_>| match pid(entry) {
            Some(pid) => holding.pid() == Some(pid),
            None => holding.entry.owner == entry.owner,
        };
        let len = self.holdings.len();
        // The entries of a process follow each other; the reasons, which are few, come last and mixed.
        let near = if entry.process.is_some() {
            1
        } else {
            len.min(8)
        };
        let mut last = self.holdings.iter().rev().take(near);
        if let Some(back) = last.position(is_same) {
            return len - 1 - back;
        }
        self.holdings.push(Holding {
            entry: *entry,
            tally: Tally::default(),
            fds: 0,
        });
        len
    }

    /// Counts the socket of `entry` for its protocol.
    fn count_protocol(&mut self, entry: &Entry<'_>) {
        let (row, mut word) = (&entry.row, Vec::new());
        let proto = match row.ends {
            // These are called as streams are.
            Ends::Unlisted(b"unix") => Proto::Unix,
            _ => row.proto,
        };
        // Only the name of a protocol that is not known differs from row to row.
        if proto == Proto::Other {
            write_proto(&mut word, row);
        }
        let is_same = |(known, name, _): &(Proto, Vec<u8>, Tally)| {
            *known == proto && (proto != Proto::Other || *name == word)
        };
        let at = self.protocols.iter().position(is_same).unwrap_or_else(|| {
            word.clear();
            write_proto(&mut word, row);
            self.protocols.push((proto, word, Tally::default()));
            self.protocols.len() - 1
        });
        if let Some((.., tally)) = self.protocols.get_mut(at) {
            tally.count(row);
        }
    }
}
