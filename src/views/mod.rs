//! What every view shows: entries and all that belongs to them. A view knows rows, not tables, and asks here.

pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod notice;
pub(crate) mod pids;
pub(crate) mod summary;
pub(crate) mod watch;
pub(crate) mod words;

use crate::join::peers::{Peer, Peers};
use crate::join::{Entries, Entry, Joined, Owner};
use crate::proc::NetnsId;
use crate::socket::store::Sockets;
use crate::tables::interfaces::Interfaces;
use crate::walk::comm::Commands;
use crate::walk::container::{ContainerId, Containers};
use crate::walk::netns::Namespaces;

/// All that was found.
pub(crate) struct Found<'a> {
    /// Who holds what.
    pub(crate) joined: &'a Joined,
    /// The rows.
    pub(crate) sockets: &'a Sockets,
    /// What the processes are called.
    pub(crate) commands: &'a Commands,
    /// The interfaces of those namespaces that have a row which needs them.
    pub(crate) interfaces: &'a [(NetnsId, Interfaces)],
    /// The namespaces.
    pub(crate) namespaces: &'a Namespaces,
    /// Who is at the other end, and who has to accept, where that was asked.
    pub(crate) peers: &'a Peers,
    /// The containers of processes, and of the namespaces that are a container's own.
    pub(crate) containers: &'a Containers,
}

impl<'a> Found<'a> {
    /// Every entry, in the order of the list.
    pub(crate) fn entries(&self) -> Entries<'a> {
        self.joined.entries(self.sockets)
    }

    /// What the COMMAND column says: the process's name, or the reason why there is none; empty where it has ended.
    pub(crate) fn command(&self, entry: &Entry<'a>) -> &'a [u8] {
        match entry.process {
            Some(process) => self.commands.get(process.task),
            None => entry.owner.name().as_bytes(),
        }
    }

    /// The container of the entry's process, or that of the namespace where nobody holds the socket.
    pub(crate) fn container(&self, entry: &Entry<'a>) -> Option<&'a ContainerId> {
        match entry.process {
            Some(process) => self.containers.of_process(process.task.pid),
            None => self.containers.of_netns(self.sockets.netns(entry.socket)),
        }
    }

    /// Who is at the other end; `None` where that is not known, or was not asked (`-E`).
    pub(crate) fn peer(&self, entry: &Entry<'a>) -> Option<Peer<'a>> {
        let number = self.peers.other_end(entry, self.sockets)?;
        Some(match self.peers.holder(number) {
            Some(task) => Peer {
                pid: Some(task.pid),
                command: self.commands.get(task),
                container: self.containers.of_process(task.pid),
            },
            None => Peer {
                pid: None,
                command: self
                    .peers
                    .reason(&self.sockets.row(number))
                    .name()
                    .as_bytes(),
                container: self.containers.of_netns(self.sockets.netns(number)),
            },
        })
    }

    /// Who has to accept the connection; `None` where it was, or nobody is known, or it was not asked (`-e`).
    #[inline]
    pub(crate) fn listener(&self, entry: &Entry<'a>) -> Option<Peer<'a>> {
        if entry.owner != Owner::AcceptQueue {
            return None;
        }
        let number = self.peers.listener(entry, self.sockets)?;
        self.peers.holder(number).map(|task| Peer {
            pid: Some(task.pid),
            command: self.commands.get(task),
            container: self.containers.of_process(task.pid),
        })
    }

    /// Whether the entries are of more than one network namespace.
    pub(crate) fn is_in_several_namespaces(&self) -> bool {
        self.joined.is_in_several_namespaces(self.sockets)
    }

    /// The interfaces where socket `number` was read.
    pub(crate) fn interfaces(&self, number: u32) -> &'a Interfaces {
        const NONE: &Interfaces = &Interfaces::NONE;
        let netns = self.sockets.netns(number);
        self.interfaces
            .iter()
            .find(|(id, _)| *id == netns)
            .map_or(NONE, |(_, interfaces)| interfaces)
    }

    /// The inode of the network namespace where socket `number` was read, where it may be known.
    pub(crate) fn netns_inode(&self, number: u32) -> Option<u32> {
        self.namespaces.get(self.sockets.netns(number))?.inode
    }
}
