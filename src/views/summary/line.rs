//! A line of the summary, of whatever kind: its place in a table of aligned columns, and its object in JSON. In: what was
//! counted. Out: text. It counts nothing and leaves out no line.

use crate::join::{Entry, Owner};
use crate::snapshot::Snapshot;
use crate::text::escape;
use crate::text::write::{width, write_decimal, write_short};
use crate::views::column::{end_line, write_cell};
use crate::views::json::Object;
use crate::views::summary::tally::Tally;
use crate::views::words::{write_container, write_netns};
use crate::walk::container::Container;

/// What a line is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A protocol.
    Protocol,
    /// A process, or a reason why there is none.
    Owner,
    /// A listener with a queue, or whose queue was full.
    Listener,
    /// Another socket that has dropped something. It stands in the table of the listeners.
    Socket,
    /// The connections to an address.
    Remote,
    /// The connections of a port of this end.
    Local,
    /// The sockets in a state.
    State,
    /// The sockets of a container.
    Container,
    /// A network namespace, with what was dropped in it.
    Namespace,
    /// The connections to an address and port for which local ports run out.
    Ports,
}

/// A line.
pub(super) struct Line<'a> {
    /// What it is of.
    pub(super) kind: Kind,
    /// True if it is left out, because enough larger lines are shown.
    pub(super) is_left_out: bool,
    /// The protocol, address, port, state or container that it is of; or how many lines it stands for.
    pub(super) name: Vec<u8>,
    /// The protocol of a listener.
    pub(super) protocol: Vec<u8>,
    /// The process id.
    pub(super) pid: Option<u32>,
    /// The command, as the process has chosen it, or the reason in parentheses.
    pub(super) command: &'a [u8],
    /// The process, or the reason why there is none.
    pub(super) owner: Option<Owner>,
    /// The container.
    pub(super) container: Option<&'a Container>,
    /// The inode of the network namespace.
    pub(super) netns: Option<u32>,
    /// True if its namespace is named, because there are several.
    pub(super) names_netns: bool,
    /// True if its namespace is the host's own.
    pub(super) is_host: bool,
    /// Its sockets.
    pub(super) tally: Tally,
    /// Its numbers, each in the place of its name in `NUMBERS`.
    pub(super) numbers: [Option<u32>; NUMBERS.len()],
}

/// The names of numbers in JSON.
pub(super) const NUMBERS: [&str; 8] = [
    "fds",
    "fds_limit",
    "waiting",
    "dropped",
    "overflowed",
    "udp_overflowed",
    "ports",
    "ports_limit",
];
/// The descriptors that a process has.
pub(super) const FDS: u8 = 0;
/// The descriptors that it may have.
pub(super) const FDS_LIMIT: u8 = 1;
/// The connections that wait to be accepted.
pub(super) const WAITING: u8 = 2;
/// The datagrams, or the attempts to connect, that were dropped.
pub(super) const DROPPED: u8 = 3;
/// The attempts to connect among these that met a full accept queue.
pub(super) const OVERFLOWED: u8 = 4;
/// The datagrams that met a full receive buffer in a namespace.
pub(super) const UDP_OVERFLOWED: u8 = 5;
/// The ports that are taken.
pub(super) const PORTS: u8 = 6;
/// The ports that there are.
pub(super) const PORTS_LIMIT: u8 = 7;

impl Kind {
    /// Returns the word of JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Owner => "owner",
            Self::Listener => "listener",
            Self::Socket => "socket",
            Self::Remote => "remote",
            Self::Local => "local",
            Self::State => "state",
            Self::Container => "container",
            Self::Namespace => "namespace",
            Self::Ports => "ports",
        }
    }
}

impl<'a> Line<'a> {
    /// Returns a line that takes `tally` and tells nothing else but its kind.
    #[inline(never)]
    pub(super) fn new(kind: Kind, tally: &mut Tally) -> Self {
        Self {
            kind,
            is_left_out: false,
            name: Vec::new(),
            protocol: Vec::new(),
            pid: None,
            command: b"",
            owner: None,
            container: None,
            netns: None,
            names_netns: false,
            is_host: false,
            tally: std::mem::take(tally),
            numbers: [None; NUMBERS.len()],
        }
    }

    /// Sets the process of `entry`, or the reason why there is none.
    #[inline(never)]
    pub(super) fn set_process(&mut self, entry: &Entry<'a>, snapshot: &'a Snapshot) {
        self.pid = entry.process.map(|process| process.task.pid);
        self.command = snapshot.command(entry);
    }

    /// Returns the number in the place `at`.
    pub(super) fn number(&self, at: u8) -> Option<u32> {
        self.numbers.get(usize::from(at)).copied().flatten()
    }

    /// Sets the number in the place `at`.
    #[inline(never)]
    pub(super) fn set(&mut self, at: u8, number: Option<u32>) {
        if let Some(place) = self.numbers.get_mut(usize::from(at)) {
            *place = number;
        }
    }

    /// Writes the number in the place `at`, if there is one.
    fn write_number(&self, out: &mut Vec<u8>, at: u8) {
        if let Some(number) = self.number(at) {
            write_decimal(out, number);
        }
    }

    /// Writes the container, or where there are several namespaces the namespace.
    pub(super) fn write_home(&self, out: &mut Vec<u8>) {
        match (self.container, self.netns) {
            (None, Some(_)) if self.names_netns && self.is_host => write_short(out, b"host"),
            (None, Some(inode)) if self.names_netns => write_netns(out, inode),
            (container, _) => write_container(out, container),
        }
    }

    /// Writes the members of its object. `kind` replaces its own kind in a finding about it.
    pub(super) fn write_members(&self, object: &mut Object<'_>, kind: Option<&str>) {
        let is_protocol = self.kind == Kind::Protocol;
        object.text("proto", Some(self.name.as_slice()).filter(|_| is_protocol));
        object.number("pid", self.pid);
        let command = Some(self.command).filter(|command| !command.is_empty());
        object.text("command", command.filter(|_| self.pid.is_some()));
        let owner = self.owner.map(|owner| owner.name().as_bytes());
        object.text("owner", owner.filter(|_| kind.is_none()));
        object.text("container", self.container.and_then(Container::full_id));
        let has_sockets = self.tally.sockets > 0;
        object.number("sockets", Some(self.tally.sockets).filter(|_| has_sockets));
        if has_sockets {
            object.counts("states", &self.tally.states());
        } else {
            object.text("states", None);
        }
        object.text("kind", Some(kind.unwrap_or(self.kind.name()).as_bytes()));
        object.number("netns", self.netns);
        let protocol = Some(self.protocol.as_slice());
        object.text("protocol", protocol.filter(|word| !word.is_empty()));
        let has_local = [Kind::Listener, Kind::Socket, Kind::Local, Kind::Namespace];
        for (member, kinds) in [
            ("local", &has_local[..]),
            ("remote", &[Kind::Remote, Kind::Ports]),
        ] {
            let name = Some(self.name.as_slice()).filter(|name| !name.is_empty());
            object.text(member, name.filter(|_| kinds.contains(&self.kind)));
        }
        for (name, number) in NUMBERS.iter().zip(self.numbers) {
            object.number(name, number);
        }
        let [names @ .., _] = self.container.unwrap_or(Container::UNKNOWN).names();
        for (name, text) in names {
            object.text(name, Some(text).filter(|text| !text.is_empty()));
        }
    }
}

/// A column of a table.
struct Column {
    /// The word above it.
    header: &'static str,
    /// The kinds of lines that have it.
    kinds: &'static [Kind],
    /// How it is aligned, and whether it is left out if no line has anything to say in it.
    form: Form,
    /// Writes the cell of a line, or nothing.
    write: fn(&mut Vec<u8>, &Line<'_>),
}

/// How a column looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A word.
    Word,
    /// A word, in tables where any line has one.
    WordIfAny,
    /// A number.
    Number,
    /// A number, in tables where any line has one.
    NumberIfAny,
}

/// The kinds of lines in the table of queues.
const QUEUES: &[Kind] = &[Kind::Listener, Kind::Socket];

/// Returns a column.
const fn column(
    header: &'static str,
    kinds: &'static [Kind],
    form: Form,
    write: fn(&mut Vec<u8>, &Line<'_>),
) -> Column {
    Column {
        header,
        kinds,
        form,
        write,
    }
}

/// All columns, in the order in which they stand.
static COLUMNS: [Column; 15] = [
    column("PROTO", &[Kind::Protocol], Form::Word, write_name),
    column("PROTO", QUEUES, Form::Word, |out, line| {
        write_short(out, &line.protocol);
    }),
    column("LOCAL", QUEUES, Form::Word, write_name),
    column("LOCAL", &[Kind::Local], Form::Word, write_name),
    column("REMOTE", &[Kind::Remote], Form::Word, write_name),
    column("STATE", &[Kind::State], Form::Word, write_name),
    column("PID", WITH_PROCESS, Form::Number, |out, line| {
        if let Some(pid) = line.pid {
            write_decimal(out, pid);
        }
    }),
    column("COMMAND", WITH_PROCESS, Form::Word, |out, line| {
        escape::write_name(out, line.command);
        if line.kind == Kind::Owner {
            write_name(out, line);
        }
    }),
    column("CONTAINER", &[Kind::Container], Form::Word, write_name),
    column("CONTAINER", WITH_HOME, Form::WordIfAny, |out, line| {
        line.write_home(out);
    }),
    column("WAITING", QUEUES, Form::NumberIfAny, |out, line| {
        line.write_number(out, WAITING);
    }),
    column("DROPPED", QUEUES, Form::NumberIfAny, |out, line| {
        line.write_number(out, DROPPED);
    }),
    column("FDS", &[Kind::Owner], Form::NumberIfAny, |out, line| {
        if line.number(FDS).is_some() && line.number(FDS_LIMIT).is_some() {
            line.write_number(out, FDS);
            out.push(b'/');
            line.write_number(out, FDS_LIMIT);
        }
    }),
    column("SOCKETS", WITH_SOCKETS, Form::Number, |out, line| {
        write_decimal(out, line.tally.sockets);
    }),
    column("STATES", WITH_STATES, Form::Word, |out, line| {
        line.tally.write_states(out, &line.name);
    }),
];

/// The kinds that are of a process.
pub(super) const WITH_PROCESS: &[Kind] = &[Kind::Owner, Kind::Listener, Kind::Socket];
/// The kinds that are of a container or namespace.
const WITH_HOME: &[Kind] = &[
    Kind::Owner,
    Kind::Listener,
    Kind::Socket,
    Kind::Remote,
    Kind::Local,
];
/// The kinds that count sockets.
const WITH_SOCKETS: &[Kind] = &[
    Kind::Protocol,
    Kind::Owner,
    Kind::Remote,
    Kind::Local,
    Kind::Container,
    Kind::State,
];
/// The kinds whose sockets are in several states.
const WITH_STATES: &[Kind] = &[
    Kind::Protocol,
    Kind::Owner,
    Kind::Remote,
    Kind::Local,
    Kind::Container,
];

/// Writes the name of a line.
fn write_name(out: &mut Vec<u8>, line: &Line<'_>) {
    out.extend_from_slice(&line.name);
}

/// Writes `lines`, which are of one kind, as a table, under a line of headers or not.
pub(super) fn write_table(out: &mut Vec<u8>, lines: &[Line<'_>], has_header: bool) {
    let Some(kind) = lines.first().map(|line| line.kind) else {
        return;
    };
    let shown = || lines.iter().filter(|line| !line.is_left_out);
    if shown().next().is_none() {
        return;
    }
    let mut rows: Vec<Vec<u8>> = vec![Vec::new(); shown().count() + usize::from(has_header)];
    for column in COLUMNS.iter().filter(|column| column.kinds.contains(&kind)) {
        let mut cells = Vec::new();
        if has_header {
            cells.push(column.header.as_bytes().to_vec());
        }
        let mut is_told = matches!(column.form, Form::Word | Form::Number);
        for line in shown() {
            let mut cell = Vec::new();
            (column.write)(&mut cell, line);
            is_told |= !cell.is_empty();
            if cell.is_empty() {
                cell.push(b'-');
            }
            cells.push(cell);
        }
        if is_told {
            let widest = cells.iter().map(|cell| width(cell)).max().unwrap_or(0);
            let is_number = matches!(column.form, Form::Number | Form::NumberIfAny);
            for (row, cell) in rows.iter_mut().zip(&cells) {
                write_cell(row, cell, widest, is_number);
            }
        }
    }
    for mut row in rows.into_iter().filter(|row| !row.is_empty()) {
        end_line(&mut row);
        write_short(out, &row);
    }
}
