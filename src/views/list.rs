//! The list: a line for each socket and holder, in aligned columns. In: what was found. Out: text, in large pieces.
//! Every column is one word without blanks, so that awk's fields are stable.

use std::io::{self, Write};

use crate::cli::Layout;
use crate::join::Entry;
use crate::proc::Task;
use crate::snapshot::Snapshot;
use crate::socket::proto::{self, Protos};
use crate::socket::{Ends, state};
use crate::text::escape::write_escaped;
use crate::text::write::{
    CHUNK_LEN, decimal_width, width, write_decimal, write_number, write_padded, write_padding,
    write_short,
};
use crate::views::words::{
    end_width, write_local, write_peer, write_proto, write_state, write_timer,
};

/// The output is written in pieces of about this size.
const PIECE_LEN: usize = 32 * 1024;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// Process id.
    Pid,
    /// Command name or the reason in parentheses.
    Command,
    /// Descriptor.
    Fd,
    /// Protocol.
    Proto,
    /// State.
    State,
    /// Bytes not yet read; of a listener its accept queue.
    RecvQ,
    /// Bytes not yet acknowledged.
    SendQ,
    /// This end.
    Local,
    /// The other end.
    Peer,
    /// Who is there.
    PeerProcess,
    /// Owner of the socket.
    Uid,
    /// Inode of the socket.
    Inode,
    /// Inode of its network namespace.
    Netns,
    /// Id of the container.
    Container,
    /// The same, or the network namespace where no container is known.
    ContainerOrNetns,
    /// What TCP waits for, and how long.
    Timer,
    /// Retransmits without an answer.
    Retrans,
    /// Retransmit time-out in milliseconds.
    Rto,
    /// Congestion window.
    Cwnd,
    /// Slow start threshold.
    Ssthresh,
    /// Datagrams dropped.
    Drops,
}

use Column::{
    Command, Container, ContainerOrNetns, Cwnd, Drops, Fd, Inode, Local, Netns, Peer, PeerProcess,
    Pid, Proto, RecvQ, Retrans, Rto, SendQ, Ssthresh, State, Timer, Uid,
};

/// What the list always shows.
const PLAIN: [Column; 9] = [Pid, Command, Fd, Proto, State, RecvQ, SendQ, Local, Peer];

/// What `-e` adds.
const WIDE: [Column; 10] = [
    Uid, Inode, Netns, Container, Timer, Retrans, Rto, Cwnd, Ssthresh, Drops,
];

/// What `-o` adds, as `ss -o`: what runs, until when, and how often it ran out already.
const TIMERS: [Column; 2] = [Timer, Retrans];

impl Column {
    /// Its header.
    const fn header(self) -> &'static str {
        match self {
            Pid => "PID",
            Command => "COMMAND",
            Fd => "FD",
            Proto => "PROTO",
            State => "STATE",
            RecvQ => "RECV-Q",
            SendQ => "SEND-Q",
            Local => "LOCAL",
            Peer => "PEER",
            PeerProcess => "PEER-PROCESS",
            Uid => "UID",
            Inode => "INODE",
            Netns => "NETNS",
            Container | ContainerOrNetns => "CONTAINER",
            Timer => "TIMER",
            Retrans => "RETRANS",
            Rto => "RTO",
            Cwnd => "CWND",
            Ssthresh => "SSTHRESH",
            Drops => "DROPS",
        }
    }

    /// Whether it is a number, and so aligned to the right.
    const fn is_number(self) -> bool {
        matches!(
            self,
            Pid | Fd
                | RecvQ
                | SendQ
                | Uid
                | Inode
                | Netns
                | Retrans
                | Rto
                | Cwnd
                | Ssthresh
                | Drops
        )
    }

    /// What it is told by.
    const fn part(self) -> Part {
        match self {
            Pid | Command | Container => Part::Holder,
            Fd => Part::Descriptor,
            ContainerOrNetns => Part::Line,
            _ => Part::Socket,
        }
    }

    /// What makes it the same in two lines that follow each other.
    const fn same(self) -> Same {
        match self {
            Pid | Command => Same::Process,
            Proto | State | RecvQ | SendQ => Same::Kind,
            _ => Same::Never,
        }
    }

    /// Its number in this line, if it is one and there is one.
    fn number(self, found: &Snapshot, entry: &Entry<'_>) -> Option<u32> {
        match self {
            Pid => entry.process.map(|process| process.task.pid),
            Fd => entry.fd,
            RecvQ => entry.row.rx_queue,
            SendQ => entry.row.tx_queue,
            Uid => found.sockets.detail(entry.socket).uid,
            Inode => Some(entry.row.inode).filter(|inode| *inode != 0),
            Netns => found.netns_inode(entry.socket),
            Retrans | Rto | Cwnd | Ssthresh | Drops => {
                let figures = found.sockets.detail(entry.socket).figures(&entry.row);
                match self {
                    Retrans => figures.retransmits,
                    Rto => figures.rto_ticks.map(|ticks| ticks.saturating_mul(10)),
                    Cwnd => figures.cwnd,
                    Ssthresh => figures.ssthresh,
                    _ => figures.drops,
                }
            }
            _ => None,
        }
    }

    /// Writes it.
    fn write(self, out: &mut Vec<u8>, found: &Snapshot, entry: &Entry<'_>) {
        match self {
            Command => match found.command(entry) {
                [] => out.push(b'-'),
                command => match found.listener(entry) {
                    Some(holder) => {
                        write_short(out, b"(accept-queue:");
                        holder.write(out);
                        out.push(b')');
                    }
                    None => write_escaped(out, command),
                },
            },
            PeerProcess => match found.peer(entry) {
                Some(peer) => peer.write_with_container(out),
                None => out.push(b'-'),
            },
            Proto => write_proto(out, &entry.row),
            State => write_state(out, entry.row.state),
            Local => write_local(out, &entry.row, found.interfaces(entry.socket)),
            Peer => write_peer(out, &entry.row),
            Container | ContainerOrNetns => match found.container(entry) {
                Some(id) => write_short(out, id.short()),
                // With -e it has a column of its own.
                None if self == ContainerOrNetns => {
                    write_netns(out, found.netns_inode(entry.socket));
                }
                None => out.push(b'-'),
            },
            Timer => write_timer(out, &found.sockets.detail(entry.socket)),
            _ => match self.number(found, entry) {
                Some(number) => write_decimal(out, number),
                None => out.push(b'-'),
            },
        }
    }

    /// How wide it is.
    fn width(self, scratch: &mut Vec<u8>, found: &Snapshot, entry: &Entry<'_>) -> usize {
        let row = &entry.row;
        let known = match (self, row.ends) {
            (Proto, _) if row.proto != proto::Proto::Other => Some(row.proto.name().len()),
            (Local, Ends::Inet { local, .. }) if Protos::PORTED.has(row.proto) => end_width(local),
            (Peer, Ends::Inet { remote, .. }) => end_width(remote),
            _ if self.is_number() => Some(self.number(found, entry).map_or(1, decimal_width)),
            _ => None,
        };
        known.unwrap_or_else(|| {
            scratch.clear();
            self.write(scratch, found, entry);
            width(scratch)
        })
    }

    /// Writes it as a cell of `cell_width`, numbers to the right, and a blank behind it.
    fn write_cell(self, out: &mut Vec<u8>, cell_width: usize, found: &Snapshot, entry: &Entry<'_>) {
        if self.is_number() {
            if let Some(number) = self.number(found, entry) {
                write_number(out, number, cell_width);
            } else {
                write_padding(out, 1, cell_width);
                out.push(b'-');
            }
            out.push(b' ');
        } else {
            let start = out.len();
            self.write(out, found, entry);
            let written = match (self, entry.row.ends) {
                // What is ASCII for sure has as many columns as bytes.
                (State, _) | (Peer, Ends::Inet { .. }) => out.len() - start,
                _ => width(out.get(start..).unwrap_or_default()),
            };
            write_padding(out, written, cell_width.max(written) + 1);
        }
    }
}

/// What a column is told by. Lines are in the order of processes and rows lie as their tables had them: to go through
/// half a million rows in the order of lines is a look into the main memory for each. So columns are measured by what
/// they are told by, and a row is fetched in the order of lines once, to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The process, or of a socket that nobody holds the reason.
    Holder,
    /// The descriptor.
    Descriptor,
    /// The socket.
    Socket,
    /// Both of them.
    Line,
}

/// What makes columns the same in lines that follow each other, so that they need not be made again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    /// The process.
    Process,
    /// Protocol, state and queues.
    Kind,
    /// Nothing that is cheaper to tell than the column.
    Never,
}

/// What a line has in common with many: its process, or protocol, state and queues.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Common {
    /// The process.
    Process(Task),
    /// Protocol, state and queues, where these are all that the columns tell.
    Kind(proto::Proto, state::State, Option<u32>, Option<u32>),
}

impl Common {
    /// What the columns of `same` are known by; `None` where these have to be made anew.
    fn of(same: Same, entry: &Entry<'_>) -> Option<Self> {
        let row = &entry.row;
        match same {
            Same::Process => entry.process.map(|process| Self::Process(process.task)),
            Same::Kind if row.proto == proto::Proto::Other => None,
            Same::Kind => Some(Self::Kind(row.proto, row.state, row.rx_queue, row.tx_queue)),
            Same::Never => None,
        }
    }
}

/// Neighbouring columns that are the same in two lines, or not, together.
struct Run<'a> {
    /// The columns with their widths.
    columns: &'a [(Column, usize)],
    /// What makes them the same.
    same: Same,
    /// What the text was made for.
    common: Option<Common>,
    /// The text, blanks behind it until it is whole chunks.
    text: Vec<u8>,
    /// Its length without these.
    len: usize,
}

impl<'a> Run<'a> {
    /// One that was not yet written.
    fn new(columns: &'a [(Column, usize)]) -> Self {
        Self {
            columns,
            same: columns
                .first()
                .map_or(Same::Never, |(column, _)| column.same()),
            common: None,
            text: Vec::new(),
            len: 0,
        }
    }

    /// Writes the columns of `entry`.
    fn write(&mut self, out: &mut Vec<u8>, found: &Snapshot, entry: &Entry<'_>) {
        let common = Common::of(self.same, entry);
        if common.is_some() && common == self.common {
            return write_padded(out, &self.text, self.len);
        }
        let start = out.len();
        for (column, cell_width) in self.columns {
            column.write_cell(out, *cell_width, found, entry);
        }
        if common.is_some() {
            self.common = common;
            self.text.clear();
            self.text
                .extend_from_slice(out.get(start..).unwrap_or_default());
            self.len = self.text.len();
            self.text.resize(self.len.next_multiple_of(CHUNK_LEN), b' ');
        }
    }
}

/// Writes a network namespace as its link reads, or `-`.
fn write_netns(out: &mut Vec<u8>, inode: Option<u32>) {
    match inode {
        Some(inode) => {
            write_short(out, b"net:[");
            write_decimal(out, inode);
            out.push(b']');
        }
        None => out.push(b'-'),
    }
}

/// The columns of a list, and how wide each is.
#[derive(Default)]
pub(crate) struct Columns(Vec<(Column, usize)>);

impl Columns {
    /// Those that `found` needs, or needed before: a list that goes on loses none, and a width only grows.
    pub(crate) fn choose(&mut self, found: &Snapshot, layout: Layout) {
        let mut columns = PLAIN.to_vec();
        if layout.peers {
            columns.push(PeerProcess);
        }
        if layout.wide {
            columns.extend(WIDE);
        } else if found.is_in_several_namespaces() {
            columns.push(if found.has_containers() {
                ContainerOrNetns
            } else {
                Netns
            });
        }
        if layout.timers && !layout.wide {
            columns.extend(TIMERS);
        }
        if layout.captured {
            columns.retain(|column| !matches!(column, Pid | Command | Fd | Netns | Container));
        }
        for column in columns.into_iter().skip(self.0.len()) {
            let width = if layout.header {
                column.header().len()
            } else {
                1
            };
            self.0.push((column, width));
        }
    }

    /// Makes room for `entries`.
    pub(crate) fn measure<'a>(
        &mut self,
        found: &'a Snapshot,
        entries: impl Iterator<Item = Entry<'a>>,
    ) {
        self.measure_part(None, found, entries);
    }

    /// Makes room for all entries.
    fn measure_all(&mut self, found: &Snapshot) {
        let joined = &found.joined;
        self.measure_part(Some(Part::Holder), found, joined.holders(&found.sockets));
        self.measure_part(Some(Part::Socket), found, joined.shown(&found.sockets));
        self.measure_part(Some(Part::Line), found, found.entries());
        let fd = joined.last_fd().map_or(1, decimal_width);
        for (column, most) in &mut self.0 {
            if column.part() == Part::Descriptor {
                *most = fd.max(*most);
            }
        }
    }

    /// Makes room in the columns of `part`, or in all, for `entries`.
    fn measure_part<'a>(
        &mut self,
        part: Option<Part>,
        found: &'a Snapshot,
        entries: impl Iterator<Item = Entry<'a>>,
    ) {
        let is_of_part = |column: &Column| part.is_none_or(|part| column.part() == part);
        let columns = self.0.iter_mut().filter(|(column, _)| is_of_part(column));
        let (mut of_kind, mut others): (Vec<_>, Vec<_>) =
            columns.partition(|(column, _)| column.same() == Same::Kind);
        if of_kind.is_empty() && others.is_empty() {
            return;
        }
        let (mut scratch, mut last) = (Vec::new(), None);
        for entry in entries {
            for (column, most) in &mut others {
                *most = column.width(&mut scratch, found, &entry).max(*most);
            }
            let kind = Common::of(Same::Kind, &entry);
            if kind.is_none() || kind != last {
                last = kind;
                for (column, most) in &mut of_kind {
                    *most = column.width(&mut scratch, found, &entry).max(*most);
                }
            }
        }
    }

    /// All with their widths. The last column is not padded, so that no line ends with blanks.
    fn aligned(&self) -> Vec<(Column, usize)> {
        let mut aligned = self.0.clone();
        if let Some((last, width)) = aligned.last_mut()
            && !last.is_number()
        {
            *width = 0;
        }
        aligned
    }

    /// Writes the header.
    fn write_header(&self, out: &mut Vec<u8>) {
        for (column, cell_width) in self.aligned() {
            let header = column.header().as_bytes();
            let padding = cell_width.saturating_sub(header.len());
            let (before, after) = if column.is_number() {
                (padding, 0)
            } else {
                (0, padding)
            };
            write_padding(out, 0, before);
            write_short(out, header);
            write_padding(out, 0, after);
            out.push(b' ');
        }
        end_line(out);
    }

    /// Writes the lines of those `entries`, each with `before` in front.
    ///
    /// # Errors
    /// What writing to `out` says.
    pub(crate) fn write_lines<'a>(
        &self,
        found: &'a Snapshot,
        entries: impl Iterator<Item = Entry<'a>>,
        before: &[u8],
        mut piece: Vec<u8>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let aligned = self.aligned();
        let mut runs: Vec<Run<'_>> = aligned
            .chunk_by(|(one, _), (next, _)| one.same() == next.same())
            .map(Run::new)
            .collect();
        for entry in entries {
            write_short(&mut piece, before);
            for run in &mut runs {
                run.write(&mut piece, found, &entry);
            }
            end_line(&mut piece);
            if piece.len() > PIECE_LEN {
                out.write_all(&piece)?;
                piece.clear();
            }
        }
        out.write_all(&piece)
    }
}

/// Writes the list, and leaves in `columns` how it was laid out.
///
/// # Errors
/// What writing to `out` says.
pub(crate) fn write_list(
    found: &Snapshot,
    layout: Layout,
    columns: &mut Columns,
    out: &mut impl Write,
) -> io::Result<()> {
    columns.choose(found, layout);
    columns.measure_all(found);
    let mut piece = Vec::with_capacity(PIECE_LEN + 4096);
    if layout.header {
        columns.write_header(&mut piece);
    }
    columns.write_lines(found, found.entries(), b"", piece, out)
}

/// Makes the blank behind the last cell the end of the line.
fn end_line(out: &mut [u8]) {
    if let Some(last) = out.last_mut() {
        *last = b'\n';
    }
}
