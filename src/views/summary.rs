//! The summary: how many sockets of each protocol are in which state, and which processes hold most of them. In: a
//! snapshot. Out: two small tables, or with `--json` an object for each line of them. It names no single socket.
//!
//! Descriptors that a process forgot to close show as `CLOSE_WAIT`: that state comes first in every line, and the
//! process that has most of it comes first of all.

use std::cmp::Reverse;
use std::io::{self, Write};

use crate::collections::sort::in_order;
use crate::collections::{to_index, to_u32};
use crate::join::{Entry, Owner};
use crate::snapshot::Snapshot;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::text::escape::write_escaped;
use crate::text::write::{width, write_decimal, write_short};
use crate::views::column::{end_line, write_cell};
use crate::views::json::{Object, process_command};
use crate::views::words::{write_container, write_proto, write_state};
use crate::walk::container::Container;

/// So many processes are named one by one: with the totals they fit a terminal of 24 lines.
const PROCESSES_MAX: usize = 10;

/// Sockets by state.
#[derive(Default)]
struct Tally {
    /// The number of all of them.
    sockets: u32,
    /// The number of them in `CLOSE_WAIT`.
    close_wait: u32,
    /// The number in each state, by its word; a socket without a state counts under the name of its protocol.
    states: Vec<(Vec<u8>, u32)>,
}

impl Tally {
    /// Counts the socket of `entry`. The word of its state is written to `word`, which saves an allocation for each.
    fn count(&mut self, entry: &Entry<'_>, word: &mut Vec<u8>) {
        word.clear();
        match entry.row.state {
            State::UNLISTED => write_short(word, b"(unlisted)"),
            State::NONE => write_proto(word, &entry.row),
            state => write_state(word, state),
        }
        self.sockets += 1;
        self.close_wait += u32::from(entry.row.state == State::CLOSE_WAIT);
        match self.states.iter_mut().find(|(known, _)| known == word) {
            Some((_, count)) => *count += 1,
            None => self.states.push((word.clone(), 1)),
        }
    }

    /// Returns the states: `CLOSE_WAIT` first, then by number.
    fn states(&self) -> impl Iterator<Item = (&[u8], u32)> {
        let states = self.states.iter();
        let states = states.map(|(word, count)| (word.as_slice(), *count));
        in_order(states.collect(), &|(word, count)| {
            (*word != b"CLOSE_WAIT", Reverse(*count), *word)
        })
        .into_iter()
    }

    /// Writes the states as one word, `CLOSE_WAIT:90,LISTEN:2`, or nothing if all sockets count under `proto`.
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
    }
}

/// The sockets of a process, or those that nobody holds for one reason.
struct Group<'a> {
    /// The first entry of it.
    entry: Entry<'a>,
    /// Its sockets.
    tally: Tally,
}

impl<'a> Group<'a> {
    /// Returns the id of the process.
    fn pid(&self) -> Option<u32> {
        pid(&self.entry)
    }

    /// Returns the container of the process; the sockets that nobody holds may be of several.
    fn container(&self, snapshot: &'a Snapshot) -> Option<&'a Container> {
        snapshot
            .container(&self.entry)
            .filter(|_| self.pid().is_some())
    }
}

/// Returns the id of the process of `entry`.
fn pid(entry: &Entry<'_>) -> Option<u32> {
    entry.process.map(|process| process.task.pid)
}

/// Everything that is counted.
struct Summary<'a> {
    /// Protocols by their word, in the order in which they came. A socket counts once, however many hold it.
    protocols: Vec<(Proto, Vec<u8>, Tally)>,
    /// Processes and reasons, in the order in which they came. A socket counts once for each process that holds it.
    groups: Vec<Group<'a>>,
}

impl<'a> Summary<'a> {
    /// Counts all sockets of `snapshot`.
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut summary = Self {
            protocols: Vec::new(),
            groups: Vec::new(),
        };
        // For each socket the last group that it was counted for, from 1 on.
        let mut counted = vec![0; snapshot.sockets.len()];
        let mut word = Vec::new();
        for entry in snapshot.entries() {
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

    /// Returns the place of the group that `entry` belongs to, which may be a new one.
    fn group_of(&mut self, entry: &Entry<'a>) -> usize {
        let is_same = |group: &Group<'_>| match pid(entry) {
            Some(pid) => group.pid() == Some(pid),
            None => group.entry.owner == entry.owner,
        };
        let len = self.groups.len();
        // The entries of a process follow each other; the reasons, which are few, come last and mixed.
        let near = if entry.process.is_some() {
            1
        } else {
            len.min(8)
        };
        let mut last = self.groups.iter().rev().take(near);
        if let Some(back) = last.position(is_same) {
            return len - 1 - back;
        }
        self.groups.push(Group {
            entry: *entry,
            tally: Tally::default(),
        });
        len
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

    /// Returns the protocols in their usual order.
    fn protocols(&self) -> impl Iterator<Item = (&[u8], &Tally)> {
        in_order(self.protocols.iter().collect(), &|protocol| {
            let (proto, word, _) = *protocol;
            (*proto, word)
        })
        .into_iter()
        .map(|(_, word, tally)| (word.as_slice(), tally))
    }

    /// Returns the processes, those with most sockets in `CLOSE_WAIT` first, then those with most sockets; after them
    /// the reasons.
    fn groups(&self) -> Vec<&Group<'a>> {
        let groups = self.groups.iter().enumerate().collect();
        let key = |(at, group): &(usize, &Group<'_>)| {
            let most = (group.tally.close_wait, group.tally.sockets);
            (group.pid().is_none(), Reverse(most), group.pid(), *at)
        };
        let groups = in_order(groups, &key).into_iter();
        groups.map(|(_, group)| group).collect()
    }
}

/// A line of the table of processes.
struct Line<'a> {
    /// Process id.
    pid: Option<u32>,
    /// The command, or the reason in parentheses.
    command: Vec<u8>,
    /// The container.
    container: Option<&'a Container>,
    /// The number of sockets.
    sockets: u32,
    /// Their states.
    states: Vec<u8>,
}

impl<'a> Line<'a> {
    /// Returns the line of `group`.
    fn of(group: &Group<'a>, snapshot: &'a Snapshot) -> Self {
        let (mut command, mut states) = (Vec::new(), Vec::new());
        write_escaped(&mut command, snapshot.command(&group.entry));
        group.tally.write_states(&mut states, b"");
        Self {
            pid: group.pid(),
            command,
            container: group.container(snapshot),
            sockets: group.tally.sockets,
            states,
        }
    }

    /// Returns the line that stands for all of `groups`, which are not named.
    fn of_more(groups: &[&Group<'_>]) -> Self {
        let mut command = b"(".to_vec();
        write_decimal(&mut command, to_u32(groups.len()));
        write_short(&mut command, b"-more)");
        Self {
            pid: None,
            command,
            container: None,
            sockets: groups.iter().map(|group| group.tally.sockets).sum(),
            states: Vec::new(),
        }
    }
}

/// Writes the summary as text.
///
/// # Errors
/// The error of writing to `out`.
pub(crate) fn write_summary(
    snapshot: &Snapshot,
    has_header: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let summary = Summary::new(snapshot);
    let mut protocols = Table::new(&["PROTO", "SOCKETS", "STATES"], has_header);
    for (word, tally) in summary.protocols() {
        protocols.cell(&mut |out| write_short(out, word));
        protocols.cell(&mut |out| write_decimal(out, tally.sockets));
        protocols.cell(&mut |out| tally.write_states(out, word));
    }
    let groups = summary.groups();
    let (held, unheld) = groups.split_at(groups.partition_point(|group| group.pid().is_some()));
    let (named, more) = held.split_at(held.len().min(PROCESSES_MAX));
    let mut lines: Vec<Line<'_>> = named
        .iter()
        .map(|group| Line::of(group, snapshot))
        .collect();
    if !more.is_empty() {
        lines.push(Line::of_more(more));
    }
    lines.extend(unheld.iter().map(|group| Line::of(group, snapshot)));
    let has_containers = snapshot.has_containers();
    let headers: &[&str] = if has_containers {
        &["PID", "COMMAND", "CONTAINER", "SOCKETS", "STATES"]
    } else {
        &["PID", "COMMAND", "SOCKETS", "STATES"]
    };
    let mut processes = Table::new(headers, has_header);
    for line in lines {
        processes.cell(&mut |out| {
            if let Some(pid) = line.pid {
                write_decimal(out, pid);
            }
        });
        processes.cell(&mut |out| out.extend_from_slice(&line.command));
        if has_containers {
            processes.cell(&mut |out| write_container(out, line.container));
        }
        processes.cell(&mut |out| write_decimal(out, line.sockets));
        processes.cell(&mut |out| out.extend_from_slice(&line.states));
    }
    let mut text = protocols.into_text();
    text.push(b'\n');
    text.append(&mut processes.into_text());
    out.write_all(&text)
}

/// Writes the summary as JSON: `proto` tells the lines of protocols from those of owners.
///
/// # Errors
/// The error of writing to `out`.
pub(crate) fn write_summary_json(snapshot: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let summary = Summary::new(snapshot);
    let mut text = Vec::new();
    let protocols = summary
        .protocols()
        .map(|(word, tally)| (Some(word), None, tally));
    let groups = summary.groups().into_iter();
    let groups = groups.map(|group| (None, Some(group), &group.tally));
    for (proto, group, tally) in protocols.chain(groups) {
        let mut object = Object::open(&mut text);
        object.text("proto", proto);
        object.number("pid", group.and_then(Group::pid));
        let command = group.and_then(|group| process_command(snapshot, &group.entry));
        object.text("command", command);
        let owner = group.map(|group| group.entry.owner);
        object.text("owner", owner.map(Owner::name).map(str::as_bytes));
        let container = group.and_then(|group| group.container(snapshot));
        object.text("container", container.and_then(Container::full_id));
        object.number("sockets", Some(tally.sockets));
        object.counts("states", tally.states());
        object.close();
        text.push(b'\n');
    }
    out.write_all(&text)
}

/// Cells in aligned columns.
struct Table<'a> {
    /// The words above the columns.
    headers: &'a [&'static str],
    /// All cells, line by line.
    cells: Vec<Vec<u8>>,
}

impl<'a> Table<'a> {
    /// Returns a table without lines, under a line of headers or not.
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

    /// Adds the cell that `write` writes, `-` if it writes nothing.
    fn cell(&mut self, write: &mut dyn FnMut(&mut Vec<u8>)) {
        let mut cell = Vec::new();
        write(&mut cell);
        if cell.is_empty() {
            cell.push(b'-');
        }
        self.cells.push(cell);
    }

    /// Returns the lines with their columns aligned, numbers to the right.
    fn into_text(self) -> Vec<u8> {
        let lines = || self.cells.chunks(self.headers.len());
        let widest = |at: usize| {
            let cells = lines().filter_map(|line| line.get(at));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headers.len()).map(widest).collect();
        let mut text = Vec::new();
        for line in lines() {
            for ((cell, header), cell_width) in line.iter().zip(self.headers).zip(&widths) {
                let is_number = matches!(*header, "PID" | "SOCKETS");
                write_cell(&mut text, cell, *cell_width, is_number);
            }
            end_line(&mut text);
        }
        text
    }
}
