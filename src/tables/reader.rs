//! Reads the tables of a network namespace. In: the tasks through which they can be opened, and which rows are wanted. Out:
//! those rows, in `Sockets`. Each table is opened once for a namespace, as PID/net/NAME of one of its tasks, never as
//! /proc/net, which is the reader's own; it is streamed through one buffer. It knows no process and no descriptor.
//!
//! A table is read whole; or as far as its listeners go, if only these are wanted; or until something matches.
//!
//! A table that is missing is an empty one: no IPv6, no UDP-Lite, another kernel. A row that has not the kernel's shape is
//! skipped and counted, and so is a table with an unknown header.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::sync::OnceLock;

use super::columns::Columns;
use super::{ASSOCS, Format, TABLES, Table, can_bcm, extra, hash, outnumbered, sockstat, unix};
use crate::collections::index::Wanted;
use crate::collections::sort::sort_dedup;
use crate::proc::{NetnsId, Proc, Task, error_text, for_each_number, is_forbidden, is_gone};
use crate::select::Truth;
use crate::select::rows::RowFilter;
use crate::socket::proto::{Proto, Protos};
use crate::socket::store::Sockets;
use crate::socket::{Detail, Row};
use crate::text::addr::Endian;
use crate::text::fields::Fields;
use crate::text::records::{Record, Records};
use crate::warn::Warnings;

/// Holds a page, which is what one `read()` brings, and the longest row beside it.
const BUFFER_LEN: usize = 16 * 1024;

/// The protocols of which a row is complete even if its last line is cut: the inode is not in the last field.
const FIXED: Protos = Protos::INET.without(Protos::SCTP);

/// The protocols that this kernel has; empty until it is asked.
pub(crate) type Modules = OnceLock<Protos>;

/// What the tables did not tell.
#[derive(Clone, Copy, Default)]
pub(crate) struct Missed {
    /// The protocols of which a table may not be read.
    pub(crate) forbidden: Protos,
    /// The protocols of which a table or a row was skipped, or a socket is in no table and may not be asked for.
    pub(crate) skipped: Protos,
}

impl Missed {
    /// Adds what is in `other`.
    pub(crate) fn add(&mut self, other: Self) {
        self.forbidden = self.forbidden.union(other.forbidden);
        self.skipped = self.skipped.union(other.skipped);
    }
}

/// What came of opening a table.
enum Opened {
    /// It is open.
    File(File),
    /// It is not there.
    Missing,
    /// It may not be read.
    Unreadable,
}

/// A reader of tables, with all that is the same for each of them.
pub(crate) struct Reader<'a> {
    /// The proc that has the tables.
    pub(crate) proc: &'a Proc,
    /// Which rows are kept.
    pub(crate) rows: RowFilter<'a>,
    /// The place where odd things are noted.
    pub(crate) warnings: &'a mut Warnings,
    /// True if a row was kept of which only the join can tell whether it matches, or which does not.
    pub(crate) kept_more: bool,
    /// True while nothing is said of odd rows: they are not asked for, or were read and counted before.
    pub(crate) is_silent: bool,
    /// What could not be read.
    pub(crate) missed: Missed,
    /// True if of TCP nothing but the listeners is read. It is false where the tables are not in the kernel's order.
    pub(crate) only_listeners: bool,
    /// If reading stops at the first row that matches and cannot be forged: whether that was found.
    pub(crate) has_match: Option<bool>,
    /// The protocols that this kernel has.
    modules: &'a Modules,
    /// The buffer that tables are streamed through.
    buffer: &'a mut [u8],
}

impl<'a> Reader<'a> {
    /// Returns a reader, which uses up to `BUFFER_LEN` bytes of `buffer`.
    pub(crate) fn new(
        proc: &'a Proc,
        rows: RowFilter<'a>,
        modules: &'a Modules,
        buffer: &'a mut [u8],
        warnings: &'a mut Warnings,
    ) -> Self {
        let len = buffer.len().min(BUFFER_LEN);
        Self {
            proc,
            rows,
            warnings,
            kept_more: false,
            is_silent: false,
            missed: Missed::default(),
            only_listeners: proc.is_live() && rows.keeps_only_listeners(),
            has_match: None,
            modules,
            buffer: buffer.get_mut(..len).unwrap_or_default(),
        }
    }

    /// Reads the tables of `protos` in `netns` through the first of its `members` that lives, and keeps the rows that match
    /// and whose inode is wanted; any inode if `wanted` is `None`. It stops when no inode is wanted any more, or if asked at
    /// the first match. Returns false if no member lives.
    #[inline(never)]
    pub(crate) fn load(
        &mut self,
        netns: NetnsId,
        members: &mut dyn Iterator<Item = Task>,
        protos: Protos,
        mut wanted: Option<&mut Wanted>,
        sockets: &mut Sockets,
    ) -> bool {
        let Some(mut member) = members.next() else {
            return false;
        };
        // Who looks for a match reads no further than to that.
        let guesses = self.only_listeners && self.has_match.is_none();
        let mut counts = sockstat::count(self.proc, member, protos, guesses, self.buffer);
        let (mut absent, mut is_half) = (counts.empty, false);
        for table in &TABLES {
            if !protos.meets(table.protos.without(absent)) {
                continue;
            }
            // An SCTP socket may stand in both of its tables.
            if self.is_done(wanted.as_deref()) && !is_half {
                return true;
            }
            if !self.has_module(table.protos, member) {
                continue;
            }
            let Ok(opened) = self.open_table(table, &mut member, members) else {
                return false;
            };
            is_half = table.path == ASSOCS && matches!(opened, Opened::File(_));
            match opened {
                Opened::File(file) => {
                    let wanted = wanted.as_deref_mut();
                    self.read_table((file, &mut counts), table, netns, member, wanted, sockets);
                }
                // The kernel has Bluetooth in the first namespace alone, with all of its tables. Each other table is there
                // or not by itself.
                Opened::Missing if self.proc.is_live() && Protos::BLUETOOTH.meets(table.protos) => {
                    absent = absent.union(Protos::BLUETOOTH);
                }
                Opened::Missing | Opened::Unreadable => {}
            }
        }
        if protos.meets(Protos::CAN_BCM)
            && !self.is_done(wanted.as_deref())
            && self.has_module(Protos::CAN_BCM, member)
        {
            self.read_can_bcm(netns, member, wanted, sockets);
        }
        true
    }

    /// Reads all rows of the inodes that are missing in `inodes` in the tables of `protos` in `netns`, whatever is selected.
    /// Nothing is said of odd rows: that is done where the tables are read for what was asked.
    pub(crate) fn load_inodes(
        &mut self,
        netns: NetnsId,
        members: &mut dyn Iterator<Item = Task>,
        protos: Protos,
        inodes: &Wanted,
        sockets: &mut Sockets,
    ) {
        let rows = RowFilter {
            inodes: Some(inodes),
            ..self.rows
        };
        let mut reader = Reader::new(self.proc, rows, self.modules, self.buffer, self.warnings);
        reader.is_silent = true;
        reader.load(netns, members, protos, None, sockets);
        self.kept_more |= reader.kept_more;
    }

    /// Returns true unless tables of `protos` are there only with a module that is not loaded. PID/net/protocols names the
    /// loaded ones, the same in every namespace: reading it once saves a dozen failing opens in each.
    fn has_module(&mut self, protos: Protos, member: Task) -> bool {
        if !Protos::MODULES.meets(protos) {
            return true;
        }
        let found = self.modules.get_or_init(|| {
            let text = self.proc.read_file(member, "net/protocols", self.buffer);
            text.map_or(Protos::ALL, loaded_protos)
        });
        found.meets(protos)
    }

    /// Opens `table` through `member`, or if that has ended through the next of `members` that lives, which then is
    /// `member`.
    ///
    /// # Errors
    /// errno of the last member's table, where no member lives.
    fn open_table(
        &mut self,
        table: &Table,
        member: &mut Task,
        members: &mut dyn Iterator<Item = Task>,
    ) -> io::Result<Opened> {
        loop {
            match self.proc.open_file(*member, table.path) {
                Ok(file) => return Ok(Opened::File(file)),
                // Either the table is missing, or the member has ended.
                Err(error) if is_gone(&error) => {
                    if self.proc.stat(*member, "net").is_ok() {
                        return Ok(Opened::Missing);
                    }
                    *member = members.next().ok_or(error)?;
                }
                Err(error) => {
                    self.warn(*member, table, &error);
                    return Ok(Opened::Unreadable);
                }
            }
        }
    }

    /// Returns true if inodes were wanted and all of them were found, or if a match was wanted.
    fn is_done(&self, wanted: Option<&Wanted>) -> bool {
        self.has_match == Some(true) || wanted.is_some_and(Wanted::is_done)
    }

    /// Reads the rows of `table` out of a file, of which `counts` tell what to expect.
    fn read_table(
        &mut self,
        (file, counts): (File, &mut sockstat::Counts),
        table: &'static Table,
        netns: NetnsId,
        member: Task,
        mut wanted: Option<&mut Wanted>,
        sockets: &mut Sockets,
    ) {
        let buffer = std::mem::take(&mut self.buffer);
        let last_read_max = table.last_read_max(self.proc.last_read_max());
        let mut format = Format::usual(table, Endian::NATIVE);
        let (all, stops_at_match) = (self.rows, self.has_match.is_some());
        let is_match = |line: &[u8]| {
            let parsed = Format::usual(table, Endian::NATIVE).parse_row(line);
            parsed.is_some_and(|(row, detail)| all.keeps(&row, &detail) == Truth::Yes)
        };
        let is_enough = |line: &[u8]| {
            hash::ends_listeners(line)
                || (stops_at_match && line.strip_suffix(b"\n").is_some_and(is_match))
        };
        let is_tcp = Protos::TCP.meets(table.protos) && self.proc.is_live();
        let begins = counts.beginning(table).filter(|_| self.only_listeners);
        let mut text = hash::Text::new(file, is_tcp, begins, &is_enough);
        let mut read = |buffer: &mut [u8]| text.read(buffer);
        let mut records = Records::new(&mut read, &mut *buffer, last_read_max);
        let (mut forgeable, mut rows) = (unix::Forgeable::default(), 0);
        let (mut at_header, first_suspect) = (table.has_header(), sockets.claims.suspects().len());
        let result = loop {
            // Nothing continues a header.
            let record = match records.next(table.begins.filter(|_| !at_header)) {
                Ok(Some(record)) => record,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            if std::mem::take(&mut at_header) {
                if !table.known.may_be_header(record.bytes) {
                    break Err(io::Error::other("unknown header, so the table is not read"));
                }
                format.columns = Columns::of(&table.known, record.bytes);
                continue;
            }
            let parsed = format.parse_row(record.bytes);
            // Of a cut row, half of the inode may be missing.
            let is_whole = |(row, _): &&(Row<'_>, Detail)| record.ended || FIXED.has(row.proto);
            let parsed = parsed.as_ref().filter(is_whole);
            let mut is_claim = false;
            rows += 1;
            if table.begins.is_some() {
                is_claim = forgeable.take(record.bytes, parsed.map(|(row, _)| row));
            }
            let Some((row, detail)) = parsed else {
                self.skip_row(member, table, &record);
                continue;
            };
            if begins.is_some() && hash::is_behind_listeners(row.state) {
                rows -= 1;
                break Ok(());
            }
            let is_wanted = wanted
                .as_mut()
                .is_none_or(|wanted| wanted.mark_found(row.inode, is_claim));
            if is_wanted {
                // All claims to the inode of a descriptor are kept, so that they can be judged.
                let matches = self.keeps(row, detail);
                let is_judged = || {
                    wanted
                        .as_deref()
                        .is_some_and(|all| all.is_listed(row.inode))
                };
                if matches || (is_claim && is_judged()) {
                    self.kept_more |= !matches;
                    sockets.push(netns, row, detail);
                    if sockets.keeps_extras() {
                        sockets.set_last_extra(extra::parse(table, record.bytes, rows));
                    }
                    if is_claim {
                        sockets.suspect_last();
                    } else if stops_at_match && all.keeps(row, detail) == Truth::Yes {
                        self.has_match = Some(true);
                        break Ok(());
                    }
                } else if table.begins.is_some() {
                    sockets.claims.pass_over(row.inode, is_claim);
                }
            }
            if !record.ended {
                let reason = "the last line has no end; the table may be cut";
                self.warn(member, table, &io::Error::other(reason));
            }
        };
        self.buffer = buffer;
        counts.note_read(table, rows);
        // The kernel prints a header into every table. Windows' first Linux has tables without a byte.
        if at_header && result.is_ok() && self.is_asked(table.protos) {
            self.missed.skipped = self.missed.skipped.union(table.protos);
        }
        // A table may go away with its namespace while it is read; the rows before are true.
        if let Err(error) = result
            && !is_gone(&error)
        {
            self.warn(member, table, &error);
        }
        if sockets.claims.suspects().len() > first_suspect {
            // A socket that was closed while another has yet to read what it sent is counted and has no row.
            let (proc, buffer) = (self.proc, &mut *self.buffer);
            let count = outnumbered::count(proc, member, buffer);
            sockets.claims.some_uncounted |= count.is_none();
            if count.is_some_and(|count| count < rows)
                && outnumbered::is_certain(proc, member, table, buffer)
            {
                sockets.claims.outnumber_from(first_suspect);
            }
        }
    }

    /// Returns true if `row` is kept. Notes that there is a row of which the table does not tell whether it matches.
    #[inline(always)]
    fn keeps(&mut self, row: &Row<'_>, detail: &Detail) -> bool {
        let truth = self.rows.keeps(row, detail);
        self.kept_more |= truth == Truth::Maybe;
        truth != Truth::No
    }

    /// Reads can-bcm, a folder with a file for each socket, whose name is the inode.
    fn read_can_bcm(
        &mut self,
        netns: NetnsId,
        member: Task,
        mut wanted: Option<&mut Wanted>,
        sockets: &mut Sockets,
    ) {
        let mut inodes = Vec::new();
        if let Ok(dir) = self.proc.open_dir(member, "net/can-bcm") {
            // A namespace that goes away meanwhile has no more than was read.
            let _ = for_each_number(dir.as_fd(), self.buffer, |inode, _| {
                inodes.push(inode);
                ControlFlow::Continue(())
            });
        }
        sort_dedup(&mut inodes);
        let is_asked = self.is_asked(Protos::CAN_BCM);
        for inode in inodes {
            if wanted
                .as_mut()
                .is_some_and(|wanted| !wanted.mark_found(inode, false))
            {
                continue;
            }
            let file = format!("net/can-bcm/{inode}");
            // A file that cannot be read is of a socket that was closed meanwhile.
            let Ok(text) = self.proc.read_file(member, &file, self.buffer) else {
                continue;
            };
            let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            if let Some((row, detail)) = can_bcm::parse(line, inode) {
                let truth = self.rows.keeps(&row, &detail);
                self.kept_more |= truth == Truth::Maybe;
                if truth == Truth::Yes && self.has_match.is_some() {
                    self.has_match = Some(true);
                }
                if truth != Truth::No {
                    sockets.push(netns, &row, &detail);
                }
            } else if is_asked {
                let path = || self.proc.display(member, &file);
                self.warnings.row_skipped("can-bcm", path, line);
                self.missed.skipped = self.missed.skipped.union(Protos::CAN_BCM);
            }
        }
    }

    /// Returns true if odd rows of `protos` are worth a warning: rows of these are asked for here, and are read for the first
    /// time.
    fn is_asked(&self, protos: Protos) -> bool {
        !self.is_silent && self.rows.condition.protos().meets(protos)
    }

    /// Notes that a row of `table` has not the kernel's shape.
    #[inline(never)]
    fn skip_row(&mut self, member: Task, table: &Table, record: &Record<'_>) {
        if self.is_asked(table.protos) {
            let path = || self.proc.display(member, table.path);
            self.warnings.row_skipped(table.file(), path, record.bytes);
            self.missed.skipped = self.missed.skipped.union(table.protos);
        }
    }

    /// Notes that a whole table may not be read, or is odd.
    fn warn(&mut self, member: Task, table: &Table, error: &io::Error) {
        if !self.is_asked(table.protos) {
            return;
        }
        let path = self.proc.display(member, table.path);
        self.warnings.warn(&path, &error_text(error));
        let missed = if is_forbidden(error) {
            &mut self.missed.forbidden
        } else {
            &mut self.missed.skipped
        };
        *missed = missed.union(table.protos);
    }
}

/// Parses PID/net/protocols, and returns the protocols that it names as the first field of a line, and those that need no
/// module. The lines are long, so memchr finds their ends.
fn loaded_protos(text: &[u8]) -> Protos {
    let mut found = Protos::ALL.without(Protos::MODULES);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text) {
        let line = text.get(start..end).unwrap_or_default();
        if let Some(name) = Fields::new(line).next() {
            found = found.union(Protos::of(&[Proto::from_sockprotoname(name)]));
        }
        start = end + 1;
    }
    found
}
