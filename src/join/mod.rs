//! Puts descriptors and rows together by inode, over all namespaces at once: inodes are unique in the machine, so a
//! socket is named even where its holder lives in another namespace. In: the walk and the rows. Out: lines, each a
//! socket and one holder of it, in the order in which they are shown; then the sockets that nobody holds. It knows no view.
//! Here are `by_inode`, the rows that count; `lines`, in their order; `owner`, why nobody holds a socket; `forged`, the judge
//! of unix rows; `rowless`, descriptors without a row, and `mptcp`, both by `sockprotoname`; `user`, of whom no table tells;
//! `peers`, the other end, by `by_key`, `search`, `nat` and `forward`; `dual_stack`, IPv6 that takes IPv4. They read what lacks.

mod by_inode;
mod by_key;
pub(crate) mod dual_stack;
pub(crate) mod forged;
pub(crate) mod forward;
mod lines;
pub(crate) mod mptcp;
mod nat;
mod owner;
pub(crate) mod peers;
pub(crate) mod rowless;
mod search;
mod sockprotoname;
pub(crate) mod user;

use crate::collections::index::{AHEAD, Index};
use crate::collections::sort::sort;
use crate::collections::{to_index, to_u32};
use crate::join::lines::{Line, NO_FD, ShowsOwnerless, held_lines, ownerless_lines};
use crate::proc::Task;
use crate::socket::Row;
use crate::socket::store::{Sockets, Stored};
use crate::walk::fds::Holder;
use crate::walk::{Process, Unread, Walk};
use crate::warn::Warnings;

pub(crate) use by_inode::ByInode;
pub(crate) use owner::{Owner, explain};

/// A line with all that is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The process that holds the socket; `None` where nobody is seen to.
    pub(crate) process: Option<&'a Process>,
    /// Its descriptor.
    pub(crate) fd: Option<u32>,
    /// Number of the socket.
    pub(crate) socket: u32,
    /// Its row.
    pub(crate) row: Row<'a>,
    /// The process, or the reason why there is none.
    pub(crate) owner: Owner,
}

/// All lines in order: by process and descriptor, then by table the sockets that nobody holds.
pub(crate) struct Joined {
    /// Processes with a line, in order; `holders` of each is its part of `lines`.
    processes: Vec<Process>,
    /// All lines.
    lines: Vec<Line>,
    /// Processes that could not be read, each a possible holder.
    unread: Vec<Unread>,
    /// True if this proc does not show every process (hidepid=2).
    hides_some: bool,
    /// True if what some process holds could not be read for an odd reason.
    some_failed: bool,
    /// True if the rows are of captured text, which does not name holders.
    is_captured: bool,
}

impl Joined {
    /// Joins `walk` with `sockets`. Of the sockets without a holder those are listed for which `shows_ownerless` holds.
    pub(crate) fn new(
        walk: Walk,
        mut by_inode: ByInode,
        sockets: &Sockets,
        shows_ownerless: ShowsOwnerless<'_>,
    ) -> Self {
        let mut processes = walk.processes;
        let mut lines = held_lines(&mut processes, walk.holders, &mut by_inode);
        processes.retain(|process| !process.holders.is_empty());
        lines.extend(ownerless_lines(&by_inode, sockets, shows_ownerless));
        Self {
            processes,
            lines,
            unread: walk.unread,
            hides_some: walk.hides_some,
            some_failed: walk.failed > 0,
            is_captured: false,
        }
    }

    /// Joins the rows of captured text with `holders`, the descriptors that it lists: first the lines of those that have a
    /// row, by process and descriptor, then those of other rows, in the order of the text.
    pub(crate) fn captured(sockets: &Sockets, holders: &[(Option<Task>, Holder)]) -> Self {
        let key = |number: u32| {
            let (task, holder) = holders.get(to_index(number))?;
            // Descriptors of no known process come last, as all sockets without one do.
            let (pid, tid) = task.map_or((u32::MAX, 0), |task| (task.pid, task.tid));
            Some([pid, tid, holder.fd, holder.inode])
        };
        let mut order: Vec<u32> = (0..to_u32(holders.len())).collect();
        sort(&mut order, &|one, other| key(one).cmp(&key(other)));
        order.dedup_by(|one, other| key(*one) == key(*other));
        let mut by_inode = Index::with_room(sockets.len());
        for number in sockets.numbers() {
            by_inode.insert(sockets.inode(number), number);
        }
        let (mut processes, mut lines) = (Vec::<Process>::new(), Vec::new());
        let mut is_held = vec![false; sockets.len()];
        for number in order {
            let Some((task, Holder { fd, inode })) = holders.get(to_index(number)).copied() else {
                continue;
            };
            for socket in by_inode.find(inode) {
                let start = lines.len();
                lines.push(Line { socket, fd });
                if let Some(is_held) = is_held.get_mut(to_index(socket)) {
                    *is_held = true;
                }
                match (task, processes.last_mut()) {
                    (None, _) => {}
                    (Some(task), Some(last)) if last.task == task => last.holders.end += 1,
                    (Some(task), _) => processes.push(Process {
                        task,
                        netns: None,
                        fds: 0,
                        holders: start..start + 1,
                        condition: None,
                    }),
                }
            }
        }
        let others = sockets
            .numbers()
            .zip(is_held)
            .filter(|(_, is_held)| !is_held);
        lines.extend(others.map(|(socket, _)| Line { socket, fd: NO_FD }));
        Self {
            processes,
            lines,
            unread: Vec::new(),
            hides_some: false,
            some_failed: false,
            is_captured: true,
        }
    }

    /// Keeps only the lines for which `is_shown` holds.
    pub(crate) fn retain(&mut self, sockets: &Sockets, is_shown: &dyn Fn(&Entry<'_>) -> bool) {
        let shown: Vec<bool> = self
            .entries(sockets)
            .map(|entry| is_shown(&entry))
            .collect();
        let mut kept = 0;
        for process in &mut self.processes {
            let lines = shown.get(process.holders.clone()).unwrap_or_default();
            let count = lines.iter().filter(|is_shown| **is_shown).count();
            process.holders = kept..kept + count;
            kept += count;
        }
        let mut shown = shown.into_iter();
        self.lines.retain(|_| shown.next() == Some(true));
        self.processes.retain(|process| !process.holders.is_empty());
    }

    /// Warns if a line may be of a forged row.
    pub(crate) fn warn(&self, sockets: &Sockets, warnings: &mut Warnings) {
        let shown = |line: &Line| (line.socket, line.fd != NO_FD);
        forged::warn_of_unjudged(self.lines.iter().map(shown), sockets, warnings);
    }

    /// Returns true if there are lines of more than one network namespace.
    pub(crate) fn is_in_several_namespaces(&self, sockets: &Sockets) -> bool {
        if !sockets.is_of_several_namespaces() {
            return false;
        }
        let netns = |line: &Line| sockets.netns(line.socket);
        let first = self.lines.first().map(netns);
        self.lines.iter().any(|line| Some(netns(line)) != first)
    }

    /// Returns the processes that could not be read.
    pub(crate) fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Returns true if some process could not be read, or is not even shown.
    pub(crate) fn some_unseen(&self) -> bool {
        self.hides_some || !self.unread.is_empty()
    }

    /// Returns true if some process gave an odd error, so that it is not known what it holds.
    pub(crate) fn some_failed(&self) -> bool {
        self.some_failed
    }

    /// Returns true if any line has a descriptor.
    pub(crate) fn has_fds(&self) -> bool {
        self.lines.iter().any(|line| line.fd != NO_FD)
    }

    /// Returns true if this proc does not show every process.
    pub(crate) fn hides_some(&self) -> bool {
        self.hides_some
    }

    /// Returns true if there is no line.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the processes that have lines, in order.
    pub(crate) fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// Returns all lines in order, for the sockets that were joined.
    pub(crate) fn entries<'a>(&'a self, sockets: &'a Sockets) -> Entries<'a> {
        Entries {
            joined: self,
            sockets,
            process: 0,
            line: 0,
            ahead: [Stored::NONE; AHEAD],
        }
    }

    /// Calls `found` with the first line of each socket.
    #[inline(never)]
    pub(crate) fn for_each_socket<'a>(
        &'a self,
        sockets: &'a Sockets,
        found: &mut dyn FnMut(&Entry<'a>),
    ) {
        let mut is_new = vec![true; sockets.len()];
        for entry in self.entries(sockets) {
            let is_new = is_new.get_mut(to_index(entry.socket));
            if is_new.is_some_and(std::mem::take) {
                found(&entry);
            }
        }
    }

    /// Returns the entry of `line`, whose row is `row`. It is of `process`, or nobody's.
    fn entry<'a>(&self, line: Line, row: Row<'a>, process: Option<&'a Process>) -> Entry<'a> {
        let owner = match process {
            Some(_) => Owner::Process,
            None => match explain(&row, self.some_unseen() || self.some_failed) {
                Owner::Elsewhere if self.is_captured => Owner::Unknown,
                owner => owner,
            },
        };
        Entry {
            process,
            fd: Some(line.fd).filter(|fd| *fd != NO_FD),
            socket: line.socket,
            row,
            owner,
        }
    }
}

/// The entries, one after the other.
pub(crate) struct Entries<'a> {
    /// The lines.
    joined: &'a Joined,
    /// The rows of the lines.
    sockets: &'a Sockets,
    /// The place of the next line's process.
    process: usize,
    /// The next line.
    line: usize,
    /// The rows of the lines around it, fetched together: for the same reason as `Index::look_ahead`.
    ahead: [Stored; AHEAD],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut process = self.joined.processes.get(self.process);
        if process.is_some_and(|process| process.holders.end <= self.line) {
            self.process += 1;
            process = self.joined.processes.get(self.process);
        }
        let at = self.line % AHEAD;
        if at == 0 {
            let lines = self.joined.lines.iter().skip(self.line);
            for (ahead, line) in self.ahead.iter_mut().zip(lines) {
                *ahead = *self.sockets.stored(line.socket);
            }
        }
        let line = *self.joined.lines.get(self.line)?;
        let row = self.sockets.row_of(self.ahead.get(at)?);
        self.line += 1;
        Some(self.joined.entry(line, row, process))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::join::forged::Judge;
    use crate::proc::NetnsId;
    use crate::socket::extra::Keeps;
    use crate::socket::proto::Proto;
    use crate::socket::state::State;
    use crate::socket::{Detail, Ends};
    use std::net::{IpAddr, Ipv4Addr};

    fn unix(inode: u32, name: &'static [u8]) -> Row<'static> {
        Row {
            inode,
            proto: Proto::Unix,
            state: State::LISTEN,
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Path(name),
        }
    }

    fn tcp(inode: u32, state: State, port: u16) -> Row<'static> {
        let end = |port| (IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let ends = Ends::Inet {
            local: end(80),
            remote: end(port),
        };
        Row {
            proto: Proto::Tcp,
            state,
            ends,
            rx_queue: Some(0),
            tx_queue: Some(0),
            ..unix(inode, b"")
        }
    }

    /// An entry's descriptor, socket and owner.
    type Seen = (Option<u32>, u32, Owner);

    /// The entries, sockets and warnings that come out for `rows` and descriptors 3, 4, 5 … of one process.
    fn joined(rows: &[Row<'static>], inodes: &[u32], unread: bool) -> (Vec<Seen>, Sockets, String) {
        let (mut sockets, mut warnings, mut walk) = (
            Sockets::new(Keeps::Rows),
            Warnings::default(),
            Walk::default(),
        );
        for row in rows {
            sockets.push(NetnsId(0), row, &Detail::default());
            if matches!(row.ends, Ends::Path(name) if name.starts_with(b"/run")) {
                sockets.suspect_last();
            }
        }
        walk.holders.extend(
            inodes
                .iter()
                .zip(3..)
                .map(|(inode, fd)| Holder { inode: *inode, fd }),
        );
        let task = crate::proc::Task::process(6);
        walk.processes.push(Process {
            task,
            netns: None,
            fds: 0,
            holders: 0..inodes.len(),
            condition: None,
        });
        if unread {
            walk.unread.push(Unread {
                pid: 1,
                uid: 0,
                gid: 0,
                fds: 1,
            });
        }
        let mut judge = Judge::default();
        judge.is_last_look = true;
        let by_inode = ByInode::new(&mut sockets, &mut judge, &mut warnings);
        let joined = Joined::new(walk, by_inode, &sockets, &|_, _| true);
        let entries = joined
            .entries(&sockets)
            .map(|entry| (entry.fd, entry.socket, entry.owner))
            .collect();
        (entries, sockets, warnings.into_text())
    }

    #[test]
    fn every_holder_of_a_socket_is_an_entry_and_a_repeated_row_is_none() {
        let row = tcp(7, State::ESTABLISHED, 1);
        let (entries, ..) = joined(&[row, tcp(8, State::LISTEN, 2), row], &[7, 9, 7], false);
        let process = |fd, socket| (Some(fd), socket, Owner::Process);
        assert_eq!(
            entries,
            [process(3, 0), process(5, 0), (None, 1, Owner::Elsewhere)]
        );
    }

    #[test]
    fn the_subflows_of_an_mptcp_socket_are_all_shown() {
        let rows = [
            tcp(7, State::ESTABLISHED, 1),
            tcp(7, State::ESTABLISHED, 2),
            tcp(8, State::LISTEN, 3),
        ];
        let (entries, ..) = joined(&rows, &[7, 8], false);
        assert_eq!(
            entries
                .iter()
                .map(|(fd, socket, _)| (fd.unwrap(), *socket))
                .collect::<Vec<_>>(),
            [(3, 0), (3, 1), (4, 2)]
        );
    }

    #[test]
    fn a_socket_without_a_file_is_explained_by_its_state_and_repeats_are_one() {
        let states = [
            State::TIME_WAIT,
            State::FIN_WAIT2,
            State::ESTABLISHED,
            State::SYN_RECV,
            State::TIME_WAIT,
        ];
        let rows: Vec<_> = states
            .iter()
            .zip([1, 2, 3, 4, 1])
            .map(|(state, port)| tcp(0, *state, port))
            .collect();
        let (entries, ..) = joined(&rows, &[], true);
        let owners: Vec<_> = entries.iter().map(|(_, _, owner)| *owner).collect();
        assert_eq!(
            owners,
            [
                Owner::TimeWait,
                Owner::Closed,
                Owner::AcceptQueue,
                Owner::AcceptQueue
            ]
        );
        assert_eq!(
            joined(&[tcp(5, State::LISTEN, 0)], &[], true).0,
            [(None, 0, Owner::Hidden)]
        );
    }

    #[test]
    fn two_names_for_one_inode_are_both_doubted() {
        let (entries, sockets, said) = joined(
            &[
                unix(7, b"@evil"),
                unix(9, b"/a"),
                unix(7, b"/run/docker.sock"),
            ],
            &[7, 9],
            false,
        );
        assert_eq!(entries.len(), 2);
        assert_eq!(sockets.row(0).ends, Ends::Doubtful);
        assert_eq!(sockets.row(1).ends, Ends::Path(b"/a"));
        assert_eq!(said.lines().count(), 1, "{said}");
    }

    #[test]
    fn an_inet_row_beats_one_of_unix() {
        let (entries, _, said) = joined(
            &[tcp(7, State::LISTEN, 0), unix(7, b"/run/docker.sock")],
            &[7],
            false,
        );
        assert_eq!(entries, [(Some(3), 0, Owner::Process)]);
        assert_eq!(said.lines().count(), 1, "{said}");
    }

    #[test]
    fn a_row_that_nobody_holds_keeps_its_name_whoever_has_bound_it() {
        let rows = [unix(7, b"@x"), unix(99, b"/run/docker.sock")];
        let (entries, sockets, said) = joined(&rows, &[7], false);
        assert_eq!(entries.last(), Some(&(None, 1, Owner::Elsewhere)));
        assert_eq!(sockets.row(1), rows[1]);
        assert_eq!(said, "");
    }
}
