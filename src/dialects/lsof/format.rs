//! Writes what lsof prints. In: a snapshot, the options, and which of its entries are selected. Out: the table, process ids
//! (`-t`) or fields (`-F`). It selects nothing. Names are escaped as in lsock's own list, which lsof does in part.

use std::net::IpAddr;

use super::arguments::{Options, Output};
use super::internet::PROTOCOLS;
use crate::dialects::look::Look;
use crate::dialects::people::Users;
use crate::dialects::rows::first_word;
use crate::join::Entry;
use crate::proc::{Proc, Task};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Ends, Row, is_end};
use crate::text::addr::{unmapped, write_c_v6};
use crate::text::escape::{quoted, write_escaped};
use crate::text::hex::write_hex;
use crate::text::write::{Decimal, write_decimal, write_padding, write_short, write_v4};

/// The titles of the columns.
const TITLES: &[u8] = b"COMMAND\0PID\0USER\0FD\0TYPE\0DEVICE\0SIZE/OFF\0NODE\0NAME\0";
/// The number of columns but the last.
const COLUMNS: usize = 8;
/// The column of the descriptors, which are followed by their access.
const FD: usize = 3;
/// The least width of a descriptor.
const FD_WIDTH: usize = 4;
/// The width of the number of a user that has no name.
const UID_WIDTH: usize = 8;

/// Returns the text of those entries of `look` that are `picked`.
pub(super) fn text(look: &Look, options: &Options, picked: &[bool]) -> Vec<u8> {
    let users = match &options.output {
        Output::Table => !options.numeric_users,
        Output::Fields(letters) => letters.contains(&b'L'),
        Output::Pids => false,
    };
    let writer = Writer {
        look,
        options,
        picked,
        users: if users {
            Users::load()
        } else {
            Users::default()
        },
    };
    match &options.output {
        Output::Pids => writer.fields(b""),
        Output::Fields(letters) => writer.fields(letters),
        Output::Table => writer.table(),
    }
}

/// The selected entries, and how they are written.
struct Writer<'a> {
    /// What was found.
    look: &'a Look,
    /// How it is written.
    options: &'a Options,
    /// One for each entry: true if it is selected.
    picked: &'a [bool],
    /// The names of users, where they are shown.
    users: Users,
}

impl<'a> Writer<'a> {
    /// Calls `found` with each entry that is selected, its process, and true if the entry before was of another one.
    #[inline(never)]
    fn for_each(&self, found: &mut dyn FnMut(&Entry<'a>, Task, bool)) {
        let mut last = 0;
        for (entry, is_picked) in self.look.snapshot.entries().zip(self.picked) {
            if let Some(process) = entry.process.filter(|_| *is_picked) {
                let is_next = std::mem::replace(&mut last, process.task.pid) != last;
                found(&entry, process.task, is_next);
            }
        }
    }

    /// Returns the table; nothing where no entry is selected.
    fn table(&self) -> Vec<u8> {
        let mut widths = [7, 3, 4, FD_WIDTH, 4, 6, 8, 4];
        // The cells of all lines, each with a NUL behind it: they are made once, and measured before any is written.
        let (mut cells, mut process) = (Vec::new(), Vec::new());
        self.for_each(&mut |entry, task, is_next| {
            if is_next {
                process.clear();
                self.write_process_cells(task, &mut process);
            }
            let start = cells.len();
            write_short(&mut cells, &process);
            for letter in *b"ftdo" {
                self.write_field(letter, entry, &mut cells);
                cells.push(0);
            }
            let node = if Protos::UNIX.has(entry.row.proto) {
                b'i'
            } else {
                b'P'
            };
            self.write_field(node, entry, &mut cells);
            cells.push(0);
            let line = cells.get(start..).unwrap_or_default();
            for (cell, width) in line.split(|byte| *byte == 0).zip(&mut widths) {
                *width = cell.len().max(*width);
            }
            self.write_field(b'n', entry, &mut cells);
            if let Some(name) = state_name(&entry.row).filter(|_| !self.options.stateless) {
                write_short(&mut cells, b" (");
                write_short(&mut cells, name.as_bytes());
                cells.push(b')');
            }
            cells.push(0);
        });
        let mut out = Vec::new();
        if !cells.is_empty() {
            write_lines(&mut out, TITLES, &widths, b"  ");
            write_lines(&mut out, &cells, &widths, b"u ");
        }
        out
    }

    /// Writes the cells of a process, each with a NUL behind it: the command, cut, the id and the user.
    fn write_process_cells(&self, task: Task, out: &mut Vec<u8>) {
        let command = self.look.snapshot.command_of(task);
        write_cut(out, command, self.options.command_width);
        out.push(0);
        write_decimal(out, task.pid);
        out.push(0);
        let uid = uid_of(&self.look.proc, task);
        if let Some(name) = self.users.name(uid) {
            write_escaped(out, name);
        } else {
            let len = Decimal::new(uid).text().len();
            write_padding(out, len, UID_WIDTH);
            write_decimal(out, uid);
        }
        out.push(0);
    }

    /// Returns the fields that `letters` ask for, a process and then its descriptors; without any the process ids alone (`-t`).
    fn fields(&self, letters: &[u8]) -> Vec<u8> {
        let has = |letter: u8| letters.contains(&letter);
        let end = if has(b'0') { 0 } else { b'\n' };
        let mut text = Vec::new();
        self.for_each(&mut |entry, task, is_next| {
            if is_next {
                if !letters.is_empty() {
                    text.push(b'p');
                }
                write_decimal(&mut text, task.pid);
                text.push(end);
                let uid = uid_of(&self.look.proc, task);
                let name = self.users.name(uid);
                for letter in *b"cuL" {
                    if !has(letter) || (letter == b'L' && name.is_none()) {
                        continue;
                    }
                    text.push(letter);
                    match letter {
                        b'c' => {
                            let command = self.look.snapshot.command_of(task);
                            write_short(&mut text, quoted(command).as_bytes());
                        }
                        b'u' => write_decimal(&mut text, uid),
                        _ => write_escaped(&mut text, name.unwrap_or_default()),
                    }
                    text.push(end);
                }
                if end == 0 {
                    text.push(b'\n');
                }
            }
            let start = text.len();
            let other_node = if Protos::UNIX.has(entry.row.proto) {
                b'P'
            } else {
                b'i'
            };
            for letter in *b"faltdoiPn" {
                if has(letter) && letter != other_node {
                    text.push(letter);
                    self.write_field(letter, entry, &mut text);
                    text.push(end);
                }
            }
            if has(b'T') && !self.options.stateless {
                let has_queues = !self.options.queueless;
                write_states(&entry.row, has_queues, end, &mut text);
            }
            if end == 0 && text.len() > start {
                text.push(b'\n');
            }
        });
        text
    }

    /// Writes the field of a descriptor that lsof calls by `letter`.
    fn write_field(&self, letter: u8, entry: &Entry<'_>, out: &mut Vec<u8>) {
        let row = &entry.row;
        let proto = row.proto;
        let is_unix = Protos::UNIX.has(proto);
        match letter {
            b'f' => write_decimal(out, entry.fd.unwrap_or_default()),
            b'a' => out.push(b'u'),
            b'l' => out.push(b' '),
            b't' if is_unix => write_short(out, b"unix"),
            b't' if Protos::INET4.has(proto) => write_short(out, b"IPv4"),
            b't' => write_short(out, b"IPv6"),
            b'd' if is_unix => {
                write_short(out, b"0x");
                let extra = self.look.snapshot.sockets.extra(entry.socket);
                write_hex(out, &extra.pointer.to_be_bytes());
            }
            b'd' | b'i' => write_decimal(out, row.inode),
            b'o' => write_short(out, b"0t0"),
            b'P' => {
                let mut known = PROTOCOLS.iter();
                let known = known.find(|(_, protos)| protos.has(proto));
                write_short(out, known.map_or(b"", |(name, _)| name));
            }
            _ => write_name(row, out),
        }
    }
}

/// Writes the name of a socket: its ends, or its path up to the first blank and its type.
fn write_name(row: &Row<'_>, out: &mut Vec<u8>) {
    if let Ends::Inet { local, remote } = row.ends {
        write_end(out, local);
        if is_end(remote) {
            write_short(out, b"->");
            write_end(out, remote);
        }
        return;
    }
    let path = match row.ends {
        Ends::Path(path) => path,
        // A name in doubt is not shown.
        _ => b"?",
    };
    let path = first_word(path);
    if !path.is_empty() {
        write_escaped(out, path);
        out.push(b' ');
    }
    let kind: &[u8] = match row.proto {
        _ if row.lacks_type() => b"UNKNOWN",
        Proto::UnixDgram => b"DGRAM",
        Proto::UnixSeq => b"SEQPACKET",
        _ => b"STREAM",
    };
    write_short(out, b"type=");
    write_short(out, kind);
}

/// Writes an end: `127.0.0.1:80`, `[::1]:80`, `*:80`.
fn write_end(out: &mut Vec<u8>, (address, port): (IpAddr, u16)) {
    match unmapped(address) {
        address if address.is_unspecified() => out.push(b'*'),
        IpAddr::V4(v4) => write_v4(out, v4.octets()),
        IpAddr::V6(v6) => {
            out.push(b'[');
            write_c_v6(out, v6);
            out.push(b']');
        }
    }
    out.push(b':');
    write_decimal(out, port.into());
}

/// Writes the fields of the state and, if `has_queues`, of the queues, each with `end` behind it.
fn write_states(row: &Row<'_>, has_queues: bool, end: u8, out: &mut Vec<u8>) {
    if let Some(name) = state_name(row) {
        write_short(out, b"TST=");
        write_short(out, name.as_bytes());
        out.push(end);
    }
    // The table of unix has no queues.
    for (name, queue) in [(b"TQR=", row.rx_queue), (b"TQS=", row.tx_queue)] {
        if let Some(queue) = queue.filter(|_| has_queues) {
            write_short(out, name);
            write_decimal(out, queue);
            out.push(end);
        }
    }
}

/// Returns the state that lsof shows: of TCP and of unix.
fn state_name(row: &Row<'_>) -> Option<&'static str> {
    let has_state = Protos::TCP.union(Protos::UNIX).has(row.proto);
    has_state.then(|| match row.state {
        State::NONE => "UNKNOWN",
        state => state.name(),
    })
}

/// Returns the effective uid of `task`, which is the owner of its folder; root's once it has ended.
fn uid_of(proc: &Proc, task: Task) -> u32 {
    proc.stat(task, "").map_or(0, |stat| stat.uid)
}

/// Writes `command` escaped, as far as whole characters fit `width`.
fn write_cut(out: &mut Vec<u8>, command: &[u8], width: Option<usize>) {
    let end = out.len().saturating_add(width.unwrap_or(usize::MAX / 2));
    let mut rest = command;
    while !rest.is_empty() {
        // The bytes of a character that go on begin with the bits 10.
        let more = rest.iter().skip(1).take_while(|byte| **byte & 0xc0 == 0x80);
        let (char, others) = rest.split_at_checked(1 + more.count()).unwrap_or_default();
        let before = out.len();
        write_escaped(out, char);
        if out.len() > end {
            return out.truncate(before);
        }
        rest = others;
    }
}

/// Writes lines of `cells`, each of which has a NUL behind it: the command, then the other cells, and the name, which is not
/// padded. `access` stands behind the descriptor.
fn write_lines(out: &mut Vec<u8>, cells: &[u8], widths: &[usize; COLUMNS], access: &[u8]) {
    let mut at = 0;
    let cells = cells.strip_suffix(&[0]).unwrap_or(cells);
    for cell in cells.split(|byte| *byte == 0) {
        let width = widths.get(at).copied();
        if at > 0 {
            out.push(b' ');
            write_padding(out, cell.len(), width.unwrap_or(0));
        }
        out.extend_from_slice(cell);
        match width {
            Some(width) if at == 0 => write_padding(out, cell.len(), width),
            Some(_) if at == FD => write_short(out, access),
            Some(_) => {}
            None => out.push(b'\n'),
        }
        at = if width.is_some() { at + 1 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_written_as_lsof_writes_it() {
        for (address, end) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("0.0.0.0", "*:80"),
            ("::", "*:80"),
            ("::1", "[::1]:80"),
            ("::ffff:127.0.0.1", "127.0.0.1:80"),
            ("::ffff:0.0.0.0", "*:80"),
            ("::1.2.3.4", "[::1.2.3.4]:80"),
            ("64:ff9b::1.2.3.4", "[64:ff9b::102:304]:80"),
        ] {
            let mut out = Vec::new();
            write_end(&mut out, (address.parse().unwrap(), 80));
            assert_eq!(String::from_utf8(out).unwrap(), end);
        }
    }
}
