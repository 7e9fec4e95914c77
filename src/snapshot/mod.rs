//! One look at everything. In: an open proc and the plan, or captured text. Out: `Snapshot`, all that was found, joined and
//! narrowed to what is selected; with the names that a view shows once they are loaded. It prints nothing.
//!
//! `take` wires the walk, the tables and the join together, in this order; if the rows are wanted whoever holds them, the
//! tables are read beside the walk. `unsure` narrows, and notes what is not known. `contained` is what `--container` needs there,
//! `pressure` what only the summary tells, `again` a second look where the first one showed nothing, and `first_match` a look that
//! needs no descriptor.

mod again;
mod contained;
mod first_match;
pub(crate) mod pressure;
mod take;
mod unsure;

use crate::cli::Capture;
use crate::join::dual_stack::Wildcards;
use crate::join::mptcp::name_mptcp;
use crate::join::peers::{OtherEnd, Peer, Peers};
use crate::join::{Entries, Entry, Joined, Owner};
use crate::plan::Plan;
use crate::proc::{NetnsId, Proc, Task};
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::tables::Missed;
use crate::tables::interfaces::Interfaces;
use crate::walk::comm::Commands;
use crate::walk::container::{Container, Containers};
use crate::walk::netns::Namespaces;
use crate::warn::Warnings;

use pressure::Pressure;
use unsure::Unsure;

pub(crate) use again::{Again, PID_MAX};
pub(crate) use first_match::any_row_matches;
pub(crate) use take::Take;

/// All that was found.
pub(crate) struct Snapshot {
    /// Who holds what.
    pub(crate) joined: Joined,
    /// The rows.
    pub(crate) sockets: Sockets,
    /// How many processes were selected.
    pub(crate) selected: usize,
    /// What the tables did not tell.
    pub(crate) missed: Missed,
    /// What is not known of the selected sockets.
    pub(crate) unsure: Unsure,
    /// The namespaces.
    namespaces: Namespaces,
    /// Who is at the other end, and who has to accept, if that is asked.
    peers: Peers,
    /// The limits of processes, and what was dropped, where a summary is asked for.
    pub(crate) pressure: Pressure,
    /// True if a process forwards a published port.
    has_forwards: bool,
    /// The names of the commands that hold what is shown.
    commands: Commands,
    /// The names of other commands that are shown, of processes at the other end or that have to accept.
    others: Commands,
    /// The interfaces of the namespaces that have a row which needs them.
    interfaces: Vec<(NetnsId, Interfaces)>,
    /// The containers of processes, and of the namespaces that are a container's own.
    containers: Containers,
    /// Descriptors that are logs of pods, each behind its process; `None` if not all processes were visited.
    logs: Option<Vec<(u32, u32)>>,
    /// The inode of the host's own network namespace, if that is known.
    host: Option<u32>,
}

impl Snapshot {
    /// Returns what captured text tells, as far as it is selected.
    ///
    /// # Errors
    /// One line: the text cannot be read.
    pub(crate) fn captured(
        plan: &Plan,
        capture: &Capture,
        warnings: &mut Warnings,
    ) -> Result<Self, String> {
        let mut sockets = Sockets::new(plan.keeps);
        let rows = plan.rows(&plan.condition);
        let captured = capture.load(rows, &mut sockets, warnings)?;
        let mut joined = Joined::captured(&sockets, &captured.holders);
        let mut peers = Peers::default();
        if plan.sums_up {
            peers = Peers::new(&joined, &sockets, rows, false);
        }
        let unsure = Unsure::new(plan);
        if !plan.condition.is_always() {
            let wildcards = Wildcards::of(&sockets);
            joined.retain(&sockets, &|entry| {
                unsure.matches(&plan.condition, entry, &sockets, Some(&wildcards))
            });
        }
        Ok(Self {
            joined,
            sockets,
            selected: 0,
            missed: Missed::default(),
            unsure,
            namespaces: Namespaces::default(),
            peers,
            pressure: Pressure::default(),
            has_forwards: false,
            commands: Commands::default(),
            others: Commands::default(),
            interfaces: vec![(NetnsId(0), captured.interfaces)],
            containers: Containers::default(),
            logs: None,
            host: None,
        })
    }

    /// Reads the names that a view shows beside the rows.
    pub(crate) fn load_names(&mut self, proc: &Proc, plan: &Plan, warnings: &mut Warnings) {
        let (joined, sockets, namespaces) = (&self.joined, &mut self.sockets, &self.namespaces);
        if plan.names_mptcp {
            name_mptcp(joined, proc, namespaces, sockets, warnings);
        }
        let peers = &mut self.peers;
        let shown = joined.processes().iter().map(|process| process.task);
        let shown: Vec<Task> = shown.collect();
        if plan.names_commands {
            self.commands = Commands::load(proc, &shown, &Commands::default());
        }
        let commands = &self.commands;
        if !plan.sums_up {
            peers.look_beyond(proc, joined, sockets, namespaces, warnings);
            self.has_forwards = peers.look_behind(proc, joined, sockets, namespaces, commands);
        }
        let tasks = peers.tasks(shown, joined, sockets);
        if plan.names_commands {
            self.others = Commands::load(proc, &tasks, commands);
        }
        if plan.names_interfaces && self.sockets.needs_interfaces() {
            let load = |(id, netns)| (id, Interfaces::load(proc, netns));
            self.interfaces = self.namespaces.iter().map(load).collect();
        }
        if plan.sums_up {
            let (sockets, namespaces) = (&self.sockets, &self.namespaces);
            self.pressure = Pressure::load(proc, plan, &tasks, sockets, namespaces, self.missed);
        }
        let is_of_several = self.is_in_several_namespaces();
        if plan.names_containers || is_of_several {
            let (pids, logs) = (tasks.iter().map(|task| task.pid), self.logs.as_deref());
            // Whose a socket is that nobody holds, every member of its namespace tells.
            let is_told = plan.finds_peers || self.joined.has_ownerless();
            self.containers
                .load(proc, pids, &self.namespaces, is_told, logs);
        }
        if is_of_several {
            self.host = self.namespaces.host(proc);
        }
    }

    /// Returns every entry, in the order of the list.
    pub(crate) fn entries(&self) -> Entries<'_> {
        self.joined.entries(&self.sockets)
    }

    /// Returns true if `owner` says who has any of the sockets.
    #[inline(never)]
    pub(crate) fn has_owner(&self, owner: Owner) -> bool {
        self.entries().any(|entry| entry.owner == owner)
    }

    /// Returns the text of the COMMAND column: the name of the process, or the reason why there is none. It is empty if
    /// the process has ended.
    pub(crate) fn command<'a>(&'a self, entry: &Entry<'a>) -> &'a [u8] {
        match entry.process {
            Some(process) => self.command_of(process.task),
            None => entry.owner.name().as_bytes(),
        }
    }

    /// Returns the name of the command of `task`; empty if it has ended.
    pub(crate) fn command_of(&self, task: Task) -> &[u8] {
        self.commands.get(task)
    }

    /// Returns the container of the entry's process, or that of the namespace if nobody holds the socket.
    pub(crate) fn container(&self, entry: &Entry<'_>) -> Option<&Container> {
        match entry.process {
            Some(process) => self.containers.of_process(process.task.pid),
            None => self.container_around(entry.socket, entry.owner),
        }
    }

    /// Returns the container of the entry; or of a process that is in none where it is, which may tell a unit.
    pub(crate) fn container_or_unit(&self, entry: &Entry<'_>) -> Option<&Container> {
        match entry.process {
            Some(process) => self.containers.around_process(process.task.pid),
            None => self.container(entry),
        }
    }

    /// Returns the containers that were looked at: all, if one was asked for.
    pub(crate) fn containers(&self) -> &Containers {
        &self.containers
    }

    /// Returns true if `inode` is that of the host's own network namespace.
    pub(crate) fn is_host(&self, inode: u32) -> bool {
        self.host == Some(inode)
    }

    /// Returns the reason why nobody is seen to hold socket `number`.
    fn reason(&self, number: u32) -> Owner {
        self.peers.reason(&self.sockets.row(number))
    }

    /// Returns the container or pod that has the namespace of socket `number` to itself, which nobody is seen to hold for this
    /// reason: `owner`.
    fn container_around(&self, number: u32, owner: Owner) -> Option<&Container> {
        let netns = self.sockets.netns(number);
        let is_elsewhere = owner == Owner::Elsewhere;
        self.containers.of_netns(netns, is_elsewhere)
    }

    /// Returns the inode of the network namespace that stands for the container of an entry which has none: that of the socket,
    /// and where no table tells it, that of the holder.
    pub(crate) fn home_inode(&self, entry: &Entry<'_>) -> Option<u32> {
        self.netns_inode(entry.socket).or_else(|| {
            let home = entry.process?.netns?;
            self.namespaces.get(home)?.inode
        })
    }

    /// Returns the container that has the namespace to itself, and the inode of the namespace, as far as they are known.
    pub(crate) fn around(&self, netns: NetnsId) -> (Option<&Container>, Option<u32>) {
        let inode = self.namespaces.get(netns).and_then(|netns| netns.inode);
        (self.containers.of_netns(netns, false), inode)
    }

    /// Returns the number of the listener that has to accept the connection, as `listener` does.
    pub(crate) fn listener_number(&self, entry: &Entry<'_>) -> Option<u32> {
        self.peers.listener(entry, &self.sockets)
    }

    /// Returns true if containers were looked for and any process or namespace has one.
    pub(crate) fn has_containers(&self) -> bool {
        !self.containers.is_empty()
    }

    /// Returns true if any process was seen to forward a published port to another.
    pub(crate) fn has_forwards(&self) -> bool {
        self.has_forwards
    }

    /// Returns who is at the other end, or behind a published port; `None` if that is not known, or was not asked (`-E`).
    pub(crate) fn peer(&self, entry: &Entry<'_>) -> Option<Peer<'_>> {
        let (command, netns) = match self.peers.other_end(entry, &self.sockets)? {
            OtherEnd::Socket(number) => return Some(self.peer_at(number)),
            OtherEnd::Nobody(netns) => (Peer::NOBODY, netns),
            OtherEnd::Somebody(netns) => (Peer::FORWARDED, netns),
        };
        Some(Peer {
            pid: None,
            command,
            container: self.containers.of_netns(netns, false),
        })
    }

    /// Returns who holds socket `number`.
    fn peer_at(&self, number: u32) -> Peer<'_> {
        match self.peers.holder(number) {
            Some(task) => self.holder(task),
            None => Peer {
                pid: None,
                command: self.reason(number).name().as_bytes(),
                container: self.container_around(number, self.reason(number)),
            },
        }
    }

    /// Returns `task` as the holder of a socket.
    fn holder(&self, task: Task) -> Peer<'_> {
        let command = match self.commands.get(task) {
            [] => self.others.get(task),
            command => command,
        };
        Peer {
            pid: Some(task.pid),
            command,
            container: self.containers.of_process(task.pid),
        }
    }

    /// Returns who has to accept the connection; `None` if it was accepted, or nobody is known, or it was not asked (`-e`).
    #[inline]
    pub(crate) fn listener(&self, entry: &Entry<'_>) -> Option<Peer<'_>> {
        if entry.owner != Owner::AcceptQueue {
            return None;
        }
        let number = self.peers.listener(entry, &self.sockets)?;
        self.peers.holder(number).map(|task| self.holder(task))
    }

    /// Returns true if the entries are of more than one network namespace.
    pub(crate) fn is_in_several_namespaces(&self) -> bool {
        self.joined.is_in_several_namespaces(&self.sockets)
    }

    /// Returns the interfaces of the namespace of socket `number`.
    #[inline(always)]
    pub(crate) fn interfaces(&self, number: u32) -> &Interfaces {
        const NONE: &Interfaces = &Interfaces::NONE;
        let netns = self.sockets.netns(number);
        self.interfaces
            .iter()
            .find(|(id, _)| *id == netns)
            .map_or(NONE, |(_, interfaces)| interfaces)
    }

    /// Returns the number of selected namespaces.
    pub(crate) fn namespace_count(&self) -> usize {
        let all = self.namespaces.iter();
        all.filter(|(_, netns)| netns.is_selected).count()
    }

    /// Returns the inode of the network namespace of socket `number`, if it may be known: that of a socket which no table
    /// lists need not be its holder's.
    pub(crate) fn netns_inode(&self, number: u32) -> Option<u32> {
        if self.sockets.row(number).state == State::UNLISTED {
            return None;
        }
        self.namespaces.get(self.sockets.netns(number))?.inode
    }
}
