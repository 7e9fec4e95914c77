//! The summary: how many sockets of each protocol are in which state, and which processes hold most of them. In: what
//! was found. Out: two small tables, or with `--json` an object for each line of them. Descriptors that a process
//! forgot to close show as `CLOSE_WAIT`, so that state is named first, and who has most of it comes first.

use std::cmp::Reverse;
use std::io::{self, Write};

use crate::collections::sort::sorted_indices;
use crate::collections::{to_index, to_u32};
use crate::join::{Entry, Owner};
use crate::snapshot::Snapshot;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::text::escape::write_escaped;
use crate::text::write::{width, write_decimal, write_padding, write_short};
use crate::views::json::Object;
use crate::views::words::{write_proto, write_state};
use crate::walk::container::ContainerId;

/// So many processes are named one by one: with the totals they fit a terminal of 24 lines.
const PROCESSES_MAX: usize = 10;

/// Sockets by state.
#[derive(Default)]
struct Tally {
    /// How many.
    sockets: u32,
    /// Of them in `CLOSE_WAIT`.
    close_wait: u32,
    /// Each state's word and number; what has no state is counted under its protocol's name.
    states: Vec<(Vec<u8>, u32)>,
}

impl Tally {
    /// Counts the socket of `entry`, for whose state `word` is room.
    fn count(&mut self, entry: &Entry<'_>, word: &mut Vec<u8>) {
        word.clear();
        match entry.row.state {
            State::UNLISTED | State::NONE => write_proto(word, &entry.row),
            state => write_state(word, state),
        }
        self.sockets += 1;
        self.close_wait += u32::from(entry.row.state == State::CLOSE_WAIT);
        match self.states.iter_mut().find(|(known, _)| known == word) {
            Some((_, count)) => *count += 1,
            None => self.states.push((word.clone(), 1)),
        }
    }

    /// The states: `CLOSE_WAIT`, then by number.
    fn states(&self) -> impl Iterator<Item = (&[u8], u32)> {
        let key = |at: u32| {
            let (word, count) = self
                .states
                .get(to_index(at))
                .map_or((&b""[..], 0), |(word, count)| (word.as_slice(), *count));
            (word != b"CLOSE_WAIT", Reverse(count), word)
        };
        sorted_indices(self.states.len(), &|one, other| key(one).cmp(&key(other)))
            .into_iter()
            .filter_map(|at| self.states.get(at))
            .map(|(word, count)| (word.as_slice(), *count))
    }

    /// Writes them as one word: `CLOSE_WAIT:90,LISTEN:2`; `-` where all that there is is sockets of `proto`.
    fn write_states(&self, out: &mut Vec<u8>, proto: &[u8]) {
        let start = out.len();
        for (word, count) in self.states() {
            if word == proto && self.states.len() == 1 {
                continue;
            }
            if out.len() > start {
                out.push(b',');
            }
            write_short(out, word);
            out.push(b':');
            write_decimal(out, count);
        }
        if out.len() == start {
            out.push(b'-');
        }
    }
}

/// The sockets of a process, or those that nobody holds for one reason.
struct Group<'a> {
    /// The first entry of it.
    entry: Entry<'a>,
    /// Its sockets.
    tally: Tally,
}

impl Group<'_> {
    /// The process.
    fn pid(&self) -> Option<u32> {
        self.entry.process.map(|process| process.task.pid)
    }
}

/// Everything that is counted.
struct Summary<'a> {
    /// Protocols, each with its word, in their usual order. A socket counts once, however many hold it.
    protocols: Vec<(Proto, Vec<u8>, Tally)>,
    /// Processes, then the reasons. A socket counts once for each process that holds it.
    groups: Vec<Group<'a>>,
}

impl<'a> Summary<'a> {
    /// Counts all of `found`.
    fn new(found: &'a Snapshot) -> Self {
        let mut summary = Self {
            protocols: Vec::new(),
            groups: Vec::new(),
        };
        // For each socket the last group that it was counted for, from 1 on.
        let mut counted = vec![0; found.sockets.len()];
        let mut word = Vec::new();
        for entry in found.entries() {
            let at = summary.group_of(&entry);
            let Some(last) = counted.get_mut(to_index(entry.socket)) else {
                continue;
            };
            if *last == 0 {
                summary.count_protocol(&entry, &mut word);
            }
            if *last != to_u32(at) + 1 {
                *last = to_u32(at) + 1;
                if let Some(group) = summary.groups.get_mut(at) {
                    group.tally.count(&entry, &mut word);
                }
            }
        }
        summary
    }

    /// The place of the group that `entry` belongs to. The entries of a process follow each other.
    fn group_of(&mut self, entry: &Entry<'a>) -> usize {
        let pid = entry.process.map(|process| process.task.pid);
        let is_same = |group: &Group<'_>| match pid {
            Some(_) => group.pid() == pid,
            None => group.entry.owner == entry.owner,
        };
        let len = self.groups.len();
        // There are few reasons, and many processes.
        let near = if pid.is_some() { 1 } else { len.min(8) };
        let at = self
            .groups
            .iter()
            .rev()
            .take(near)
            .position(is_same)
            .map(|back| len - 1 - back);
        at.unwrap_or_else(|| {
            self.groups.push(Group {
                entry: *entry,
                tally: Tally::default(),
            });
            len
        })
    }

    /// Counts the socket of `entry` for its protocol.
    fn count_protocol(&mut self, entry: &Entry<'_>, word: &mut Vec<u8>) {
        word.clear();
        write_proto(word, &entry.row);
        let proto = entry.row.proto;
        let is_same = |(known, name, _): &(Proto, Vec<u8>, Tally)| *known == proto && name == word;
        let at = self.protocols.iter().position(is_same).unwrap_or_else(|| {
            self.protocols.push((proto, word.clone(), Tally::default()));
            self.protocols.len() - 1
        });
        if let Some((.., tally)) = self.protocols.get_mut(at) {
            tally.count(entry, word);
        }
    }

    /// The protocols in their usual order.
    fn protocols(&self) -> impl Iterator<Item = (&[u8], &Tally)> {
        let key = |at| {
            let known = self.protocols.get(to_index(at));
            known.map(|(proto, word, _)| (*proto, word))
        };
        sorted_indices(self.protocols.len(), &|one, other| {
            key(one).cmp(&key(other))
        })
        .into_iter()
        .filter_map(|at| self.protocols.get(at))
        .map(|(_, word, tally)| (word.as_slice(), tally))
    }

    /// The processes, those with most in `CLOSE_WAIT` first, then those that hold most; then the reasons.
    fn groups(&self) -> impl Iterator<Item = &Group<'a>> {
        let key = |at| {
            let group = self.groups.get(to_index(at));
            group.map(|group| {
                let Tally {
                    sockets,
                    close_wait,
                    ..
                } = group.tally;
                let is_unheld = group.pid().is_none();
                (is_unheld, Reverse((close_wait, sockets)), group.pid(), at)
            })
        };
        sorted_indices(self.groups.len(), &|one, other| key(one).cmp(&key(other)))
            .into_iter()
            .filter_map(|at| self.groups.get(at))
    }
}

/// Writes the summary as text.
///
/// # Errors
/// What writing to `out` says.
pub(crate) fn write_summary(
    found: &Snapshot,
    has_header: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let summary = Summary::new(found);
    let mut protocols = Table::new(&["PROTO", "SOCKETS", "STATES"], has_header);
    for (word, tally) in summary.protocols() {
        protocols.cell(&mut |out| write_short(out, word));
        protocols.cell(&mut |out| write_decimal(out, tally.sockets));
        protocols.cell(&mut |out| tally.write_states(out, word));
    }
    let has_containers = found.has_containers();
    let headers: &[&str] = if has_containers {
        &["PID", "COMMAND", "CONTAINER", "SOCKETS", "STATES"]
    } else {
        &["PID", "COMMAND", "SOCKETS", "STATES"]
    };
    let mut processes = Table::new(headers, has_header);
    let (mut shown, mut more, mut unnamed) = (0, 0_u32, 0_u32);
    let mut rows: Vec<&Group<'_>> = Vec::new();
    for group in summary.groups() {
        if group.pid().is_some() && shown == PROCESSES_MAX {
            more += 1;
            unnamed += group.tally.sockets;
        } else {
            shown += usize::from(group.pid().is_some());
            rows.push(group);
        }
    }
    let (named, unheld) = rows.split_at(shown.min(rows.len()));
    for group in named {
        write_group(&mut processes, found, group, has_containers);
    }
    if more > 0 {
        processes.cell(&mut |out| out.push(b'-'));
        processes.cell(&mut |out| {
            write_short(out, b"(");
            write_decimal(out, more);
            write_short(out, b"-more)");
        });
        if has_containers {
            processes.cell(&mut |out| out.push(b'-'));
        }
        processes.cell(&mut |out| write_decimal(out, unnamed));
        processes.cell(&mut |out| out.push(b'-'));
    }
    for group in unheld {
        write_group(&mut processes, found, group, has_containers);
    }
    let mut text = protocols.into_text();
    text.push(b'\n');
    text.append(&mut processes.into_text());
    out.write_all(&text)
}

/// Writes the line of `group`.
fn write_group(table: &mut Table<'_>, found: &Snapshot, group: &Group<'_>, has_containers: bool) {
    table.cell(&mut |out| match group.pid() {
        Some(pid) => write_decimal(out, pid),
        None => out.push(b'-'),
    });
    table.cell(&mut |out| match found.command(&group.entry) {
        [] => out.push(b'-'),
        command => write_escaped(out, command),
    });
    if has_containers {
        table.cell(&mut |out| match container(found, group) {
            Some(id) => write_short(out, id.short()),
            None => out.push(b'-'),
        });
    }
    table.cell(&mut |out| write_decimal(out, group.tally.sockets));
    table.cell(&mut |out| group.tally.write_states(out, b""));
}

/// The container of a group's process; sockets that nobody holds may be of several.
fn container<'a>(found: &'a Snapshot, group: &Group<'a>) -> Option<&'a ContainerId> {
    group.pid().and_then(|_| found.container(&group.entry))
}

/// Writes the summary as JSON: `proto` tells the lines of protocols from those of owners.
///
/// # Errors
/// What writing to `out` says.
pub(crate) fn write_summary_json(found: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let summary = Summary::new(found);
    let mut text = Vec::new();
    let protocols = summary
        .protocols()
        .map(|(word, tally)| (Some(word), None, tally));
    let groups = summary
        .groups()
        .map(|group| (None, Some(group), &group.tally));
    for (proto, group, tally) in protocols.chain(groups) {
        let mut object = Object::open(&mut text);
        object.text("proto", proto);
        object.number("pid", group.and_then(Group::pid));
        let named = group.filter(|group| group.pid().is_some());
        let command = named.map(|group| found.command(&group.entry));
        object.text("command", command.filter(|command| !command.is_empty()));
        let owner = group.map(|group| group.entry.owner);
        object.text("owner", owner.map(Owner::name).map(str::as_bytes));
        let id = group.and_then(|group| container(found, group));
        object.text("container", id.map(ContainerId::full));
        object.number("sockets", Some(tally.sockets));
        object.counts("states", tally.states());
        object.close();
        text.push(b'\n');
    }
    out.write_all(&text)
}

/// Cells in aligned columns.
struct Table<'a> {
    /// What the columns are called.
    headers: &'a [&'static str],
    /// All cells, line by line.
    cells: Vec<Vec<u8>>,
}

impl<'a> Table<'a> {
    /// A table, with a line of headers or without.
    fn new(headers: &'a [&'static str], has_header: bool) -> Self {
        let mut table = Self {
            headers,
            cells: Vec::new(),
        };
        for header in headers.iter().filter(|_| has_header) {
            table.cell(&mut |out| write_short(out, header.as_bytes()));
        }
        table
    }

    /// Adds a cell.
    fn cell(&mut self, write: &mut dyn FnMut(&mut Vec<u8>)) {
        let mut cell = Vec::new();
        write(&mut cell);
        self.cells.push(cell);
    }

    /// Lays it out, numbers to the right; the last column is not padded.
    fn into_text(self) -> Vec<u8> {
        let lines = || self.cells.chunks(self.headers.len());
        let widest = |at: usize| {
            let cells = lines().filter_map(|line| line.get(at));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headers.len()).map(widest).collect();
        let mut text = Vec::new();
        for line in lines() {
            for ((cell, header), most) in line.iter().zip(self.headers).zip(&widths) {
                let is_number = matches!(*header, "PID" | "SOCKETS");
                let (before, after) = if is_number { (*most, 0) } else { (0, *most) };
                write_padding(&mut text, width(cell), before);
                write_short(&mut text, cell);
                // STATES is the last of every table.
                if *header != "STATES" {
                    write_padding(&mut text, width(cell), after);
                    text.push(b' ');
                }
            }
            text.push(b'\n');
        }
        text
    }
}
