//! Joins descriptors and table rows by inode, over all namespaces at once: inodes are unique in the machine, so a
//! socket is named even where its holder lives in another namespace. In: the walk and the sockets. Out: who holds what,
//! in the order in which it is shown, and for a socket that nobody holds the reason.
//!
//! A table is no snapshot, so a row may come twice; and a unix socket's name may hold a perfect row. So of rows with
//! one inode: the same row is one; different rows of TCP are the subflows of one MPTCP socket, and of SCTP its
//! associations; a row of `unix` beside one of another table is forged and dropped; two rows of `unix` that differ are
//! both doubtful, and neither name is shown.

pub(crate) mod peers;
pub(crate) mod unlisted;

use crate::collections::index::{AHEAD, Index};
use crate::collections::sort::sort;
use crate::collections::to_index;
use crate::select::Rows;
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::socket::store::{Sockets, Stored};
use crate::socket::{Ends, Row};
use crate::walk::fds::Holder;
use crate::walk::{Process, Unread, Walk};
use crate::warn::Warnings;

/// Who has a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A process, by a descriptor.
    Process,
    /// Nobody: the kernel keeps it for late packets.
    TimeWait,
    /// Nobody any more: its process has closed it, the other end has not yet let go.
    Closed,
    /// A listener that has not yet accepted it.
    AcceptQueue,
    /// The kernel itself.
    Kernel,
    /// Somebody who may not be read, perhaps.
    Hidden,
    /// Nobody that is visible here.
    Elsewhere,
    /// Captured text does not tell.
    Unknown,
}

impl Owner {
    /// The word that the COMMAND column shows, and `--json` as the owner.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::TimeWait => "(time-wait)",
            Self::Closed => "(closed)",
            Self::AcceptQueue => "(accept-queue)",
            Self::Kernel => "(kernel)",
            Self::Hidden => "(hidden)",
            Self::Elsewhere => "(elsewhere)",
            Self::Unknown => "(unknown)",
        }
    }
}

/// Why nobody is seen to hold `row`. These are the rules, in order:
///
/// - Inode 0 is a socket without a file. In `TIME_WAIT` it has no process any more; in the states that only `close()`
///   leads to without the other end (`FIN_WAIT1` and 2, `LAST_ACK`, `CLOSING`) its process has closed it; in
///   `SYN_RECV`, `ESTABLISHED`, `CLOSE_WAIT`, and for unix in `CONNECTING`, nobody has accepted it yet. All facts.
/// - Netlink's port id 0 is the kernel's own. A fact.
/// - Any other has a file somewhere. Where some process could not be read it may be the one: hidden. A conclusion.
/// - Else the holder is one that this proc does not show, or the descriptor is in flight between two processes, or
///   the file is the kernel's own (a tunnel, NFS) or registered with `io_uring`: elsewhere. A conclusion; and a socket
///   that was made or closed between the looks at its process and at its table looks the same.
pub(crate) fn explain(row: &Row<'_>, some_unread: bool) -> Owner {
    match (row.inode, row.state, row.ends) {
        (0, State::TIME_WAIT, _) => Owner::TimeWait,
        (0, State::FIN_WAIT1 | State::FIN_WAIT2 | State::LAST_ACK | State::CLOSING, _) => {
            Owner::Closed
        }
        (0, State::ESTABLISHED | State::CLOSE_WAIT | State::SYN_RECV, _)
            if Protos::TCP.has(row.proto) =>
        {
            Owner::AcceptQueue
        }
        (0, State::CONNECTING, _) => Owner::AcceptQueue,
        (0, _, Ends::Path(_) | Ends::Sctp { .. }) => Owner::Closed,
        (0, ..) | (_, _, Ends::Netlink { port_id: 0, .. }) => Owner::Kernel,
        _ if some_unread => Owner::Hidden,
        _ => Owner::Elsewhere,
    }
}

/// No descriptor: the socket has no holder.
const NO_FD: u32 = u32::MAX;

/// A socket and the descriptor that points to it. As large as a `Holder`, whose memory it takes over.
#[derive(Clone, Copy)]
struct Line {
    /// Number of the socket.
    socket: u32,
    /// The descriptor, or `NO_FD`.
    fd: u32,
}

/// Sockets by inode, repeats set aside.
pub(crate) struct ByInode {
    /// The index.
    index: Index,
    /// One for each socket: it is not to be shown without a holder, because it is a repeat, or forged.
    dropped: Vec<bool>,
}

impl ByInode {
    /// Indexes `sockets` without `impostors`, and settles which of several rows with one inode counts.
    pub(crate) fn new(sockets: &mut Sockets, impostors: &[u32], warnings: &mut Warnings) -> Self {
        let mut by_inode = Self {
            index: Index::with_room(sockets.len()),
            dropped: vec![false; sockets.len()],
        };
        for number in sockets.numbers() {
            if to_index(number).is_multiple_of(AHEAD) {
                let next = sockets.numbers().skip(to_index(number)).take(AHEAD);
                by_inode
                    .index
                    .look_ahead(next.map(|number| sockets.inode(number)));
            }
            let inode = sockets.inode(number);
            if impostors.contains(&number) {
                by_inode.drop(number, true);
            } else if inode != 0 && !by_inode.is_dropped_beside(number, sockets, warnings) {
                by_inode.index.insert(inode, number);
            }
        }
        by_inode
    }

    /// That `number` is not to be shown without a holder, if `is_dropped`.
    fn drop(&mut self, number: u32, is_dropped: bool) {
        if let Some(dropped) = self.dropped.get_mut(to_index(number)) {
            *dropped = is_dropped;
        }
    }

    /// Compares `number` with those of the same inode before it.
    fn is_dropped_beside(
        &mut self,
        number: u32,
        sockets: &mut Sockets,
        warnings: &mut Warnings,
    ) -> bool {
        let inode = sockets.inode(number);
        let Some(other) = self.index.find(inode).next() else {
            return false;
        };
        let is_unix = |number| Protos::UNIX.has(sockets.proto(number));
        let is_dropped = match (is_unix(number), is_unix(other)) {
            (true, false) => {
                warnings.warn(
                    b"unix",
                    "a name pretends to be a row of another socket; the row is not believed",
                );
                true
            }
            (true, true) => {
                let (row, known) = (sockets.row(number), sockets.row(other));
                // A name that was doubted stays so.
                if row.ends != known.ends || row.proto != known.proto {
                    if known.ends != Ends::Doubtful {
                        warnings.warn(b"unix", "two rows claim one inode; one of them is a name that pretends to be a row, so neither name is shown");
                    }
                    sockets.doubt(other);
                }
                true
            }
            // MPTCP: the same inode, other ends. SCTP: a socket's associations, and then its endpoint, which tells
            // no more unless it listens.
            (false, _) => {
                let same = |other: u32| {
                    let (row, known) = (sockets.row(number), sockets.row(other));
                    let is_idle = matches!(row.ends, Ends::Sctp { remote_port: 0, .. })
                        && row.state != State::LISTEN;
                    row.proto == known.proto && (row.ends == known.ends || is_idle)
                };
                self.index.find(inode).any(same)
            }
        };
        self.drop(number, is_dropped);
        is_dropped
    }

    /// Whether no row is there for `holder`.
    pub(crate) fn lacks(&self, holder: Holder) -> bool {
        self.index.find(holder.inode).next().is_none()
    }
}

/// One line of a list: a socket and one holder of it, or none.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The process, where one holds it.
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

/// Whether a socket is to be listed if nobody holds it.
pub(crate) type ListsUnheld<'a> = &'a dyn Fn(u32, &Sockets) -> bool;

/// Everything that is to be shown, in order: by process and descriptor, then by table what nobody holds.
pub(crate) struct Joined {
    /// Those that hold sockets, each with its part of `lines`.
    processes: Vec<Process>,
    /// All lines.
    lines: Vec<Line>,
    /// Those that could not be read, which is a reason of its own.
    unread: Vec<Unread>,
    /// As in the walk.
    hides_some: bool,
    /// The rows are of captured text, which does not tell who holds them.
    is_captured: bool,
}

impl Joined {
    /// Joins what was walked with `sockets`, as far as `rows` selects it. Rows without a holder are listed, by
    /// table, of those that `lists_unheld` tells.
    pub(crate) fn new(
        walk: Walk,
        mut by_inode: ByInode,
        sockets: &mut Sockets,
        (rows, lists_unheld): (&Rows, ListsUnheld<'_>),
        warnings: &mut Warnings,
    ) -> Self {
        let mut joined = Self {
            processes: walk.processes,
            lines: Vec::new(),
            unread: walk.unread,
            hides_some: walk.hides_some,
            is_captured: false,
        };
        // The lines are written over the holders, for there may be millions. There is mostly one line a holder; MPTCP
        // has more, which then wait until there is room.
        let mut lines = walk.holders;
        let mut waiting = std::collections::VecDeque::new();
        let mut written = 0;
        for process in &mut joined.processes {
            let start = written + waiting.len();
            for at in process.holders.clone() {
                let Some(Holder { inode, fd }) = lines.get(at).copied() else {
                    continue;
                };
                if at.is_multiple_of(AHEAD) {
                    let next = lines.iter().skip(at).take(AHEAD);
                    by_inode.index.look_ahead(next.map(|holder| holder.inode));
                }
                for slot in by_inode.index.find(inode) {
                    if let Some(dropped) = by_inode.dropped.get_mut(to_index(slot)) {
                        *dropped = true;
                    }
                    if !rows.has_paths() || rows.path_matches(&sockets.row(slot)) {
                        waiting.push_back(Holder { inode: slot, fd });
                    }
                }
                while written <= at
                    && let Some(line) = waiting.pop_front()
                    && let Some(free) = lines.get_mut(written)
                {
                    *free = line;
                    written += 1;
                }
            }
            process.holders = start..written + waiting.len();
        }
        lines.truncate(written);
        lines.extend(waiting);
        let line = |holder: Holder| Line {
            socket: holder.inode,
            fd: holder.fd,
        };
        joined.lines = lines.into_iter().map(line).collect();
        joined
            .processes
            .retain(|process| !process.holders.is_empty());
        joined.list_unheld(&by_inode, sockets, (rows, lists_unheld), warnings);
        joined
    }

    /// All of `sockets` as they are, for captured text.
    pub(crate) fn captured(sockets: &Sockets) -> Self {
        let line = |socket| Line { socket, fd: NO_FD };
        Self {
            processes: Vec::new(),
            lines: sockets.numbers().map(line).collect(),
            unread: Vec::new(),
            hides_some: false,
            is_captured: true,
        }
    }

    /// Lists what nobody holds.
    fn list_unheld(
        &mut self,
        by_inode: &ByInode,
        sockets: &mut Sockets,
        (rows, lists_unheld): (&Rows, ListsUnheld<'_>),
        warnings: &mut Warnings,
    ) {
        let is_unheld = |number: u32| by_inode.dropped.get(to_index(number)) == Some(&false);
        // Nobody can vouch for a row that the row before could have printed, if nobody is seen to hold its socket.
        for number in sockets.suspects() {
            if is_unheld(number)
                && lists_unheld(number, sockets)
                && !self.is_vouched_for(number, sockets)
            {
                let said = "a row that nobody is seen to hold may be part of the name before it; its name is not shown";
                warnings.warn(b"unix", said);
                sockets.doubt(number);
            }
        }
        let matches = |number: &u32| {
            is_unheld(*number)
                && rows.path_matches(&sockets.row(*number))
                && lists_unheld(*number, sockets)
        };
        let mut unheld: Vec<u32> = sockets.numbers().filter(matches).collect();
        let key = |number| {
            let row = sockets.row(number);
            (row.proto, sockets.netns(number), row.ends.inet(), row.inode)
        };
        sort(&mut unheld, &|one, other| {
            key(one).cmp(&key(other)).then(one.cmp(&other))
        });
        // Without a file only the ends tell whether two rows are one.
        unheld.dedup_by(|one, other| {
            let is_inet = Protos::INET.has(sockets.proto(*one));
            is_inet && sockets.inode(*one) == 0 && key(*one) == key(*other)
        });
        let line = |socket| Line { socket, fd: NO_FD };
        self.lines.extend(unheld.into_iter().map(line));
    }

    /// Whether a row without a name to believe, or the not yet accepted end of a listener that somebody holds.
    fn is_vouched_for(&self, number: u32, sockets: &Sockets) -> bool {
        let row = sockets.row(number);
        let is_end = |line: &Line| sockets.row(line.socket).ends == row.ends;
        row.ends == Ends::Path(b"") || (row.inode == 0 && self.lines.iter().any(is_end))
    }

    /// Leaves the lines that `is_shown` tells.
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

    /// Whether there are lines of more than one network namespace.
    pub(crate) fn is_in_several_namespaces(&self, sockets: &Sockets) -> bool {
        if !sockets.is_of_several_namespaces() {
            return false;
        }
        let netns = |line: &Line| sockets.netns(line.socket);
        let first = self.lines.first().map(netns);
        self.lines.iter().any(|line| Some(netns(line)) != first)
    }

    /// Those that could not be read.
    pub(crate) fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Whether some process could not be read, or is not even shown.
    pub(crate) fn some_unseen(&self) -> bool {
        self.hides_some || !self.unread.is_empty()
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Those that hold sockets which are shown, in order.
    pub(crate) fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// All entries in order, for the sockets that were joined.
    pub(crate) fn entries<'a>(&'a self, sockets: &'a Sockets) -> Entries<'a> {
        Entries {
            joined: self,
            sockets,
            process: 0,
            line: 0,
            ahead: [Stored::NONE; AHEAD],
        }
    }

    /// Of each process the first entry, then all that nobody holds.
    pub(crate) fn holders<'a>(&'a self, sockets: &'a Sockets) -> impl Iterator<Item = Entry<'a>> {
        let entry = |at: usize, process| {
            let line = *self.lines.get(at)?;
            Some(self.entry(line, sockets.row(line.socket), process))
        };
        let held = self.processes.iter();
        let first = held.filter_map(move |process| entry(process.holders.start, Some(process)));
        let unheld = self.processes.last().map_or(0, |last| last.holders.end)..self.lines.len();
        first.chain(unheld.filter_map(move |at| entry(at, None)))
    }

    /// Each socket that is shown, once, in the order in which the rows were read: as if nobody held it.
    pub(crate) fn shown<'a>(&'a self, sockets: &'a Sockets) -> impl Iterator<Item = Entry<'a>> {
        let mut shown = vec![false; sockets.len()];
        for line in &self.lines {
            if let Some(shown) = shown.get_mut(to_index(line.socket)) {
                *shown = true;
            }
        }
        let numbers = sockets.numbers().zip(shown);
        numbers
            .filter(|(_, shown)| *shown)
            .map(|(socket, _)| Entry {
                process: None,
                fd: None,
                socket,
                row: sockets.row(socket),
                owner: Owner::Unknown,
            })
    }

    /// The largest descriptor.
    pub(crate) fn last_fd(&self) -> Option<u32> {
        let fds = self.lines.iter().map(|line| line.fd);
        fds.filter(|fd| *fd != NO_FD).max()
    }

    /// The entry of `line`, whose row is `row`, which is of `process` or of nobody.
    fn entry<'a>(&self, line: Line, row: Row<'a>, process: Option<&'a Process>) -> Entry<'a> {
        let owner = match process {
            Some(_) => Owner::Process,
            None => match explain(&row, self.some_unseen()) {
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
    /// What was joined.
    joined: &'a Joined,
    /// With which sockets.
    sockets: &'a Sockets,
    /// Where the next line's process is.
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
                *ahead = self.sockets.stored(line.socket);
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
    use crate::proc::NetnsId;
    use crate::socket::Detail;
    use crate::socket::proto::Proto;
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
        let (mut sockets, mut warnings, mut walk) =
            (Sockets::new(false), Warnings::default(), Walk::default());
        for row in rows {
            sockets.push(NetnsId(0), row, &Detail::default());
            if row.inode == 99 {
                sockets.suspect_last();
            }
        }
        walk.holders.extend(
            inodes
                .iter()
                .zip(3..)
                .map(|(inode, fd)| Holder { inode: *inode, fd }),
        );
        let task = crate::proc::Task { pid: 6, tid: 0 };
        walk.processes.push(Process {
            task,
            netns: None,
            holders: 0..inodes.len(),
            is_selected: true,
        });
        if unread {
            walk.unread.push(Unread {
                pid: 1,
                uid: 0,
                gid: 0,
                fds: 1,
            });
        }
        let by_inode = ByInode::new(&mut sockets, &[], &mut warnings);
        let joined = Joined::new(
            walk,
            by_inode,
            &mut sockets,
            (&Rows::default(), &|_, _| true),
            &mut warnings,
        );
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
    fn a_row_that_the_name_before_it_could_have_printed_is_not_believed_unless_somebody_holds_it() {
        let rows = [unix(7, b"@x"), unix(99, b"/run/docker.sock")];
        let (_, sockets, said) = joined(&rows, &[7], false);
        assert_eq!(sockets.row(1).ends, Ends::Doubtful);
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
