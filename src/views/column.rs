//! The columns of the list, a row each in one table: the header, the lists that show the column, and where its value
//! comes from. In: the entry of a line. Out: its cell, aligned, which is one word without blanks. It does not choose
//! the columns of a list, nor how wide they are; `list` does.

use crate::cli::Layout;
use crate::join::Entry;
use crate::snapshot::Snapshot;
use crate::socket::{Figures, Row};
use crate::text::escape::write_name;
use crate::text::write::{
    decimal_width, width, width_at_end, write_number, write_padding, write_short,
};
use crate::views::words::{
    local_width, proto_width, state_width, write_container, write_local, write_netns,
    write_process, write_process_and_container, write_proto, write_remote, write_state,
    write_timer,
};

/// A column of the list.
pub(crate) struct Column {
    /// The word above it.
    pub(crate) header: &'static str,
    /// Returns true for a list that shows it.
    pub(crate) is_shown: IsShown,
    /// Where its value comes from.
    value: Value,
}

/// Tells by the options, and by what was found, whether a list shows a column.
type IsShown = fn(Layout, &Snapshot) -> bool;
/// Returns the number of an entry, if it has one.
type NumberOf = fn(&Snapshot, &Entry<'_>) -> Option<u32>;
/// Writes the word of an entry, or nothing if it has none.
type WriteWord = fn(&mut Vec<u8>, &Snapshot, &Entry<'_>);
/// Returns the width of the word of an entry, where that is known before it is written.
type KnownWidth = fn(&Row<'_>) -> Option<usize>;

/// Where the value of a column comes from, which also decides how it is aligned. If there is none, `-` is written.
enum Value {
    /// A number, which is aligned to the right.
    Number(NumberOf),
    /// A word, which is aligned to the left.
    Word(WriteWord),
    /// A word that is the same on all lines of a process.
    OfProcess(WriteWord),
    /// A word whose width is mostly known before it is written.
    Known(WriteWord, KnownWidth),
}

/// All columns, in the order of the list. A new column is a new row.
pub(crate) static COLUMNS: [Column; 22] = [
    number("PID", has_processes, |_, entry| {
        entry.process.map(|process| process.task.pid)
    }),
    of_process("COMMAND", is_live, write_command),
    number("FD", has_fds, |_, entry| entry.fd),
    known(
        "PROTO",
        always,
        |out, _, entry| {
            write_proto(out, &entry.row);
        },
        proto_width,
    ),
    known(
        "STATE",
        always,
        |out, _, entry| {
            write_state(out, entry.row.state);
        },
        |row| state_width(row.state),
    ),
    // Bytes not yet read; of a listener the connections not yet accepted.
    number("RECV-Q", always, |_, entry| entry.row.rx_queue),
    // Bytes not yet acknowledged.
    number("SEND-Q", always, |_, entry| entry.row.tx_queue),
    known(
        "LOCAL",
        always,
        |out, snapshot, entry| {
            write_local(out, &entry.row, snapshot.interfaces(entry.socket));
        },
        local_width,
    ),
    word("PEER", always, |out, _, entry| {
        write_remote(out, &entry.row);
    }),
    word("PEER-PROCESS", |layout, _| layout.peers, write_peer),
    // The process behind a published port, as with -E.
    word("BEHIND", shows_behind, write_peer),
    number("UID", is_wide, |snapshot, entry| {
        snapshot.sockets.detail(entry.socket).uid
    }),
    number("INODE", is_wide, |_, entry| {
        Some(entry.row.inode).filter(|inode| *inode != 0)
    }),
    number("NETNS", shows_netns, |snapshot, entry| {
        snapshot.netns_inode(entry.socket)
    }),
    of_process("CONTAINER", is_wide_and_live, |out, snapshot, entry| {
        write_container(out, snapshot.container_or_unit(entry));
    }),
    word(
        "CONTAINER",
        shows_container_or_netns,
        write_container_or_netns,
    ),
    word("TIMER", has_timers, |out, snapshot, entry| {
        write_timer(out, &snapshot.sockets.detail(entry.socket));
    }),
    // Retransmits without an answer.
    number("RETRANS", has_timers, |snapshot, entry| {
        figures(snapshot, entry).retransmits
    }),
    // The retransmit time-out in milliseconds, from 1/100 s.
    number("RTO", is_wide, |snapshot, entry| {
        figures(snapshot, entry)
            .rto_ticks
            .map(|ticks| ticks.saturating_mul(10))
    }),
    number("CWND", is_wide, |snapshot, entry| {
        figures(snapshot, entry).cwnd
    }),
    number("SSTHRESH", is_wide, |snapshot, entry| {
        figures(snapshot, entry).ssthresh
    }),
    number("DROPS", is_wide, |snapshot, entry| {
        figures(snapshot, entry).drops
    }),
];

/// Returns a column of numbers.
const fn number(header: &'static str, is_shown: IsShown, value: NumberOf) -> Column {
    Column {
        header,
        is_shown,
        value: Value::Number(value),
    }
}

/// Returns a column of words.
const fn word(header: &'static str, is_shown: IsShown, value: WriteWord) -> Column {
    Column {
        header,
        is_shown,
        value: Value::Word(value),
    }
}

/// Returns a column of words that are the same on all lines of a process.
const fn of_process(header: &'static str, is_shown: IsShown, value: WriteWord) -> Column {
    Column {
        header,
        is_shown,
        value: Value::OfProcess(value),
    }
}

/// Returns a column of words whose width is mostly known before they are written.
const fn known(
    header: &'static str,
    is_shown: IsShown,
    value: WriteWord,
    width: KnownWidth,
) -> Column {
    Column {
        header,
        is_shown,
        value: Value::Known(value, width),
    }
}

/// Returns true: every list shows the column.
fn always(_: Layout, _: &Snapshot) -> bool {
    true
}

/// Returns true for a list of live sockets, and of captured text that tells processes.
fn has_processes(layout: Layout, found: &Snapshot) -> bool {
    is_live(layout, found) || !found.joined.processes().is_empty()
}

/// Returns true for a list of live sockets, and of captured text that tells descriptors.
fn has_fds(layout: Layout, found: &Snapshot) -> bool {
    is_live(layout, found) || found.joined.has_fds()
}

/// Returns true for a list of live sockets: captured text tells neither commands nor namespaces.
fn is_live(layout: Layout, _: &Snapshot) -> bool {
    !layout.captured
}

/// Returns true with `-e`.
fn is_wide(layout: Layout, _: &Snapshot) -> bool {
    layout.wide
}

/// Returns true with `-e`, for live sockets.
fn is_wide_and_live(layout: Layout, _: &Snapshot) -> bool {
    layout.wide && !layout.captured
}

/// Returns true with `-o`, whose columns `-e` has too.
fn has_timers(layout: Layout, _: &Snapshot) -> bool {
    layout.timers || layout.wide
}

/// Returns true with `-e`, and where sockets of several network namespaces are listed.
fn shows_netns(layout: Layout, snapshot: &Snapshot) -> bool {
    is_wide_and_live(layout, snapshot)
        || (!layout.wide && snapshot.is_in_several_namespaces() && !snapshot.has_containers())
}

/// Returns true where sockets of several network namespaces are listed and containers are known, which tell more.
fn shows_container_or_netns(layout: Layout, snapshot: &Snapshot) -> bool {
    !layout.wide && snapshot.is_in_several_namespaces() && snapshot.has_containers()
}

/// Returns true with `-e` where a process forwards a published port, unless `-E` has a column for it.
fn shows_behind(layout: Layout, snapshot: &Snapshot) -> bool {
    layout.wide && !layout.peers && snapshot.has_forwards()
}

/// Returns the figures that the table tells of the socket.
fn figures(snapshot: &Snapshot, entry: &Entry<'_>) -> Figures {
    snapshot.sockets.detail(entry.socket).figures(&entry.row)
}

/// Writes the command, or the reason in parentheses why there is no process: `(accept-queue:6/java)` where the listener
/// is known that has not yet accepted the connection.
fn write_command(out: &mut Vec<u8>, snapshot: &Snapshot, entry: &Entry<'_>) {
    match snapshot.listener(entry) {
        Some(holder) => {
            write_short(out, b"(accept-queue:");
            write_process(out, &holder);
            out.push(b')');
        }
        None => write_name(out, snapshot.command(entry)),
    }
}

/// Writes who is at the other end, or behind a published port.
fn write_peer(out: &mut Vec<u8>, snapshot: &Snapshot, entry: &Entry<'_>) {
    if let Some(peer) = snapshot.peer(entry) {
        write_process_and_container(out, &peer);
    }
}

/// Writes the container, or the network namespace where none is known, which may be the host's.
fn write_container_or_netns(out: &mut Vec<u8>, snapshot: &Snapshot, entry: &Entry<'_>) {
    match (snapshot.container(entry), snapshot.home_inode(entry)) {
        (None, Some(inode)) if snapshot.is_host(inode) => write_short(out, b"host"),
        (None, Some(inode)) => write_netns(out, inode),
        (container, _) => write_container(out, container),
    }
}

impl Column {
    /// Returns true if its cells are aligned to the right.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.value, Value::Number(_))
    }

    /// Makes `most` as large as the width of the cell of `entry`, which is of the same process as the last one if not
    /// `is_first`. A word is written to `scratch` to find its width.
    pub(crate) fn measure(
        &self,
        most: &mut usize,
        is_first: bool,
        scratch: &mut Vec<u8>,
        snapshot: &Snapshot,
        entry: &Entry<'_>,
    ) {
        match self.value {
            Value::Number(number) => {
                if let Some(number) = number(snapshot, entry) {
                    *most = decimal_width(number).max(*most);
                }
            }
            Value::OfProcess(_) if !is_first => {}
            Value::Word(write) | Value::OfProcess(write) | Value::Known(write, _) => {
                if let Value::Known(_, width) = self.value
                    && let Some(width) = width(&entry.row)
                {
                    *most = width.max(*most);
                    return;
                }
                scratch.clear();
                write(scratch, snapshot, entry);
                // No character has less than a byte.
                if scratch.len() > *most {
                    *most = width(scratch).max(*most);
                }
            }
        }
    }

    /// Writes the cell of `entry`, `cell_width` wide, and a blank behind it.
    pub(crate) fn write(
        &self,
        out: &mut Vec<u8>,
        cell_width: usize,
        snapshot: &Snapshot,
        entry: &Entry<'_>,
    ) {
        match self.value {
            Value::Number(number) => write_number(out, number(snapshot, entry), cell_width),
            Value::Word(write) | Value::OfProcess(write) | Value::Known(write, _) => {
                let start = out.len();
                write(out, snapshot, entry);
                if out.len() == start {
                    out.push(b'-');
                }
                let written = width_at_end(out, start);
                write_padding(out, written, cell_width.max(written) + 1);
            }
        }
    }
}

/// Writes `text` as a cell, `cell_width` wide, a number to the right, and a blank behind it.
pub(crate) fn write_cell(out: &mut Vec<u8>, text: &[u8], cell_width: usize, is_number: bool) {
    let padding = cell_width.saturating_sub(width(text));
    let (before, after) = if is_number {
        (padding, 0)
    } else {
        (0, padding)
    };
    write_padding(out, 0, before);
    write_short(out, text);
    write_padding(out, 0, after + 1);
}

/// Ends a line of cells, without the blanks behind its last one.
pub(crate) fn end_line(out: &mut Vec<u8>) {
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_as_wide_as_its_characters_and_no_line_ends_with_a_blank() {
        for (text, cell_width, is_number, wanted) in [
            (&b"7"[..], 3, true, "  7|"),
            (b"7", 3, false, "7  |"),
            ("Käse".as_bytes(), 6, false, "Käse  |"),
            ("Käse".as_bytes(), 6, true, "  Käse|"),
            (b"longer", 3, false, "longer|"),
            (b"longer", 3, true, "longer|"),
        ] {
            let mut out = Vec::new();
            write_cell(&mut out, text, cell_width, is_number);
            assert_eq!(out.pop(), Some(b' '));
            assert_eq!(String::from_utf8(out).unwrap() + "|", wanted);
        }
        let mut out = b"PEER      ".to_vec();
        end_line(&mut out);
        assert_eq!(out, b"PEER\n");
    }
}
