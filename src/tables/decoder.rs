//! The state of decoding captured text between two lines. In: lines. Out: the rows of those that are known, wherever in the
//! line they start, and what else the text tells; the lines that are not known are counted. It reads no file.
//!
//! A line is tried where the line before started, at its first byte, and behind what a tool may have put in front. Names
//! and headers say what the next lines are of; a row of unix waits until it is clear whether its name goes on.

use super::captured::Captured;
use super::columns::Columns;
use super::frame::{Spacing, split_ending, starts, strip_like};
use super::listing::{self, Listed};
use super::recognise::{KnownFile, Named, Shapes, by_header, by_name_line, by_words, table};
use super::unix_name::{OpenName, Unknown};
use super::{Format, Table, can_bcm, unix};
use crate::proc::{NetnsId, Task};
use crate::select::Truth;
use crate::select::rows::RowFilter;
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::socket::{Detail, Row};
use crate::text::addr::{Endian, Loopbacks};

/// The file that the next lines are of.
enum Current {
    /// A table.
    Table(Format),
    /// The file of one socket of can-bcm, whose name is its inode.
    CanBcm(u32),
    /// A listing of the descriptors of a task, if that is known.
    Listing(Option<Task>),
}

/// The state of decoding between two lines.
pub(super) struct Decoder<'a> {
    /// The byte order of the captured machine.
    endian: Endian,
    /// Which rows are kept.
    rows: RowFilter<'a>,
    /// The rows that were kept.
    sockets: &'a mut Sockets,
    /// The tables whose rows have a shape of their own.
    shapes: Shapes,
    /// The file that the next lines are of, by its header or by its name.
    current: Option<Current>,
    /// True if the name of the whole text says which file it is.
    pub(super) is_one_file: bool,
    /// The table whose name came last, until a header follows.
    named: Option<&'static Table>,
    /// What stood in front of the last line that was known.
    frame: Vec<u8>,
    /// A row of unix that the next lines may continue, because a name may have newlines.
    open: Option<OpenName>,
    /// Which empty lines are only spacing.
    spacing: Spacing,
    /// What stands behind every line: nothing; returns, because the text went through a terminal or through Windows; or the
    /// dollar of `cat -A`.
    ending: Vec<u8>,
    /// The number of the line.
    number: usize,
    /// What else the text tells.
    captured: Captured,
    /// The addresses by which the byte order is seen to be another.
    loopbacks: Loopbacks,
    /// The lines of no known table.
    unknown: Unknown,
    /// How often a part of a line was looked at.
    #[cfg(test)]
    looks: usize,
}

impl<'a> Decoder<'a> {
    /// Returns the state before the first line.
    pub(super) fn new(endian: Endian, rows: RowFilter<'a>, sockets: &'a mut Sockets) -> Self {
        Self {
            endian,
            rows,
            sockets,
            shapes: Shapes::new(endian),
            current: None,
            is_one_file: false,
            named: None,
            frame: Vec::new(),
            open: None,
            spacing: Spacing::default(),
            ending: Vec::new(),
            number: 0,
            captured: Captured::default(),
            loopbacks: Loopbacks::default(),
            unknown: Unknown::default(),
            #[cfg(test)]
            looks: 0,
        }
    }

    /// Ends the text. Returns what it tells beside the rows, and the lines that are not known.
    pub(super) fn finish(mut self) -> (Captured, Unknown) {
        // Where the whole text is one table nothing else can stand behind its last row.
        self.end_name(self.is_one_file);
        self.captured.interfaces.settle();
        (self.captured, self.unknown)
    }

    /// Returns the byte order in which the addresses should be read, if that is another.
    pub(super) fn other_order(&self) -> Option<&'static str> {
        self.loopbacks.other_order(self.endian)
    }

    /// Returns the table that the next lines are of.
    fn table(&self) -> Option<&'static Table> {
        match &self.current {
            Some(Current::Table(format)) => Some(format.table),
            _ => None,
        }
    }

    /// Enters a file; `None` for one that is not known.
    pub(super) fn enter(&mut self, file: Option<KnownFile>) {
        self.named = None;
        self.current = file.map(|file| match file {
            KnownFile::Table(table) => {
                self.named = Some(table);
                Current::Table(Format::usual(table, self.endian))
            }
            KnownFile::CanBcm(inode) => Current::CanBcm(inode),
        });
    }

    /// Takes the next line of the text; counts it if it is of no known table.
    pub(super) fn take_line(&mut self, line: &[u8]) {
        self.number += 1;
        let (ended, ending) = split_ending(line);
        if self.number == 1 && ending.starts_with(b"\r") {
            self.ending = ending.to_vec();
        }
        let line = line.strip_suffix(&*self.ending).unwrap_or(line);
        if self.take_blank(line) {
            return;
        }
        self.spacing.line();
        if self.take_known(line) {
            return;
        }
        if ended.len() < line.len() && self.take_known(ended) {
            self.ending = ending.to_vec();
            return;
        }
        let framed = strip_like(&self.frame, line).unwrap_or(line);
        if self.take_name(framed) || self.continue_name(line) {
            return;
        }
        self.end_name(false);
        // Nobody asked for rows of this table.
        let asked = self.rows.condition.protos();
        if self.table().is_none_or(|table| asked.meets(table.protos)) {
            self.unknown.add(self.number, line);
        }
    }

    /// Takes `line` if it is empty, but for what stands in front of every line.
    fn take_blank(&mut self, line: &[u8]) -> bool {
        let is_blank = |line: &[u8]| line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        let rest = strip_like(&self.frame, line).unwrap_or(line);
        if !is_blank(rest) {
            return false;
        }
        if self.spacing.empty() {
            return true;
        }
        if let Some(open) = &mut self.open
            && !open.continue_with(rest, None)
        {
            self.end_name(false);
        }
        true
    }

    /// Takes `line` if it is known, wherever it starts; else returns false.
    fn take_known(&mut self, line: &[u8]) -> bool {
        let framed = strip_like(&self.frame, line).map(|rest| line.len() - rest.len());
        let framed = framed.filter(|at| *at > 0);
        for at in framed.into_iter().chain(starts(line)) {
            let Some((before, rest)) = line.split_at_checked(at) else {
                continue;
            };
            if let Some(indentation) = self.take_rest(before, rest, at == 0 || framed == Some(at)) {
                self.frame.clear();
                self.frame
                    .extend_from_slice(line.get(..at + indentation).unwrap_or_default());
                return true;
            }
        }
        false
    }

    /// Takes `rest` if it is known, and returns how many blanks of it belong to what is `before` every line. What is little
    /// more than numbers is known only where a line starts: at its first byte, behind what stood in front of the line
    /// before, and behind the name of a file.
    fn take_rest(&mut self, before: &[u8], rest: &[u8], is_start: bool) -> Option<usize> {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        let named = by_words(before);
        let named_table = match named {
            Some(KnownFile::Table(table)) => Some(table),
            _ => None,
        };
        if let Some(table) = by_header(rest, named_table.or(self.named)) {
            self.end_name(false);
            let columns = Columns::of(&table.known, rest);
            let usual = Format::usual(table, self.endian);
            self.current = Some(Current::Table(Format { columns, ..usual }));
            self.named = None;
            self.spacing.header();
            return Some(0);
        }
        // A name in front of a line says of which file it is; if that is the current file, its header has said more.
        let is_other = match (&self.current, named) {
            (_, None) => false,
            (Some(Current::Table(format)), Some(KnownFile::Table(table))) => {
                !std::ptr::eq(format.table, table)
            }
            (Some(Current::CanBcm(inode)), Some(KnownFile::CanBcm(other))) => *inode != other,
            _ => true,
        };
        let indentation = rest.iter().position(|byte| *byte != b' ')?;
        let row = rest.get(indentation..)?;
        if unix::is_row(row) {
            if is_other {
                self.enter(named);
            }
            return self.open_name(before, rest, indentation);
        }
        if is_other {
            let outer = self.current.take();
            self.enter(named);
            if self.take_row_of_current(rest) {
                return Some(0);
            }
            self.current = outer;
        } else if (is_start || named.is_some()) && self.take_row_of_current(rest) {
            return Some(0);
        }
        self.take_by_shape(rest, is_start).then_some(0)
    }

    /// Opens the row of unix in `rest` behind blanks.
    fn open_name(&mut self, before: &[u8], rest: &[u8], indentation: usize) -> Option<usize> {
        let is_of_unix = self.table().is_some_and(|table| table.begins.is_some());
        let (blanks, row) = rest.split_at_checked(indentation)?;
        self.end_name(is_of_unix);
        let open = OpenName::new(row, before, blanks);
        if is_of_unix {
            self.open = Some(open);
        } else {
            // Without a table around it a row ends with its line.
            self.keep_name(open, false);
        }
        Some(indentation)
    }

    /// Takes `line` if it is a line of the current file; else returns false.
    fn take_row_of_current(&mut self, line: &[u8]) -> bool {
        match &self.current {
            None => false,
            Some(Current::Listing(task)) => {
                let task = *task;
                self.take_listed(line, task)
            }
            Some(Current::CanBcm(inode)) => {
                self.take_row(can_bcm::parse(line, *inode)) || can_bcm::is_job(line)
            }
            Some(Current::Table(format)) => {
                let row = format.parse_row(line);
                if row.is_some() || !format.columns.lacks_drops {
                    return self.take_row(row);
                }
                // Before Linux 2.6.27 udp had the header of tcp, of which no row is in state 07.
                let udp = match format.table.file() {
                    "tcp" => "udp",
                    "tcp6" => "udp6",
                    _ => return false,
                };
                let columns = format.columns.clone();
                let Some(table) = table(udp) else {
                    return false;
                };
                let usual = Format::usual(table, self.endian);
                let format = Format { columns, ..usual };
                let row = format.parse_row(line);
                let is_udp = row.is_some_and(|(row, _)| row.state == State::UNCONNECTED);
                is_udp && self.take_row(row) && {
                    self.current = Some(Current::Table(format));
                    true
                }
            }
        }
    }

    /// Takes `line` if it has a shape that no other line has, at its start if `is_start`; else returns false.
    fn take_by_shape(&mut self, line: &[u8], is_start: bool) -> bool {
        let is_tcp = self
            .table()
            .is_some_and(|table| Protos::TCP.meets(table.protos));
        let unusual = match &self.current {
            Some(Current::Table(format)) if !format.is_usual() => Some(format.table.proto),
            _ => None,
        };
        // A row of tcp that was cut may look like one of udp, and one that has not the columns of its header like one of another.
        let is_cut = |(row, _): &(Row<'_>, Detail)| {
            is_tcp && Protos::UDP.has(row.proto) && row.state != State::UNCONNECTED
                || unusual.is_some_and(|proto| proto.ends() == row.proto.ends())
        };
        let row = self.shapes.parse(line, is_start).filter(|row| !is_cut(row));
        let task = match self.current {
            Some(Current::Listing(task)) => task,
            _ => None,
        };
        self.take_row(row.or_else(|| can_bcm::parse(line, 0)))
            || self.take_listed(line, task)
            || (self.captured.interfaces.add_line(line) || can_bcm::is_job(line)) && {
                self.end_name(false);
                true
            }
    }

    /// Takes `line` if it is of a listing of descriptors, those of `task` unless it names another.
    fn take_listed(&mut self, line: &[u8], task: Option<Task>) -> bool {
        let Some(listed) = listing::parse(line) else {
            return false;
        };
        self.end_name(false);
        if let Listed::Socket(named, holder) = listed {
            self.captured.holders.push((named.or(task), holder));
        }
        true
    }

    /// Enters the file that `line` names. Returns true if the name is all that stands there; a line of a shell that names a
    /// file is still counted.
    fn take_name(&mut self, line: &[u8]) -> bool {
        let Some((named, is_alone)) = by_name_line(line) else {
            return false;
        };
        self.end_name(false);
        match named {
            Named::File(file) => self.enter(Some(file)),
            Named::Listing(task) => {
                self.enter(None);
                self.current = Some(Current::Listing(task));
            }
            Named::Other => self.enter(None),
        }
        self.frame.clear();
        is_alone
    }

    /// Takes a row that was parsed; returns false if there is none.
    fn take_row(&mut self, parsed: Option<(Row<'_>, Detail)>) -> bool {
        let Some((row, detail)) = parsed else {
            return false;
        };
        self.end_name(false);
        self.keep(&row, &detail);
        true
    }

    /// Adds `line` to the name of the row of unix before; returns false if it cannot be part of that.
    fn continue_name(&mut self, line: &[u8]) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        let rest = strip_like(&open.frame, line);
        rest.is_some_and(|rest| open.continue_with(rest, Some((self.number, line))))
    }

    /// Ends the row of unix that the next lines might have continued. They are part of its name if `is_name`, else they are
    /// not known.
    fn end_name(&mut self, is_name: bool) {
        if let Some(open) = self.open.take() {
            self.keep_name(open, is_name);
        }
    }

    /// Keeps the row of unix with or without the lines behind it.
    fn keep_name(&mut self, open: OpenName, is_name: bool) {
        let (record, unknown) = open.close(is_name);
        if Protos::UNIX.meets(self.rows.condition.protos()) {
            self.unknown.append(unknown);
        }
        match self.shapes.parse(&record, true) {
            Some((row, detail)) => self.keep(&row, &detail),
            None => self.unknown.add(self.number, &record),
        }
    }

    /// Keeps a row if it is selected.
    fn keep(&mut self, row: &Row<'_>, detail: &Detail) {
        if let Some((local, remote)) = row.ends.inet()
            && self
                .rows
                .condition
                .protos()
                .without(Protos::SCTP)
                .has(row.proto)
        {
            self.loopbacks.see(local.0);
            self.loopbacks.see(remote.0);
        }
        if self.rows.keeps(row, detail) != Truth::No {
            self.sockets.push(NetnsId(0), row, detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::Condition;
    use crate::socket::extra::Keeps;

    const HEADER: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n";
    const ROW: &str = "0000000000000000: 00000002 00000000 00010000 0001 01  4449 /run/x\n";

    /// Returns how often a part of a line is looked at, and how much is kept beside the rows, for this text.
    fn cost(text: &str) -> (usize, usize) {
        let (condition, mut sockets) = (Condition::default(), Sockets::new(Keeps::Rows));
        let rows = RowFilter {
            condition: &condition,
            connections: false,
            listeners: false,
            wildcards: false,
            inodes: None,
        };
        let mut decoder = Decoder::new(Endian::Little, rows, &mut sockets);
        for line in text.lines() {
            decoder.take_line(line.as_bytes());
        }
        let open = decoder.open.as_ref().map_or(0, OpenName::len);
        (decoder.looks, open + decoder.frame.len())
    }

    #[test]
    fn what_a_line_costs_does_not_depend_on_the_lines_before() {
        for (name, unit) in [
            ("empty", "\n"),
            ("short", "x\n"),
            ("blanks and words", "\nx\n"),
            ("rows", ROW),
            ("half rows", "0000000000000000: 00000002 00000000\n"),
            ("numbers and words", "1\tword\n"),
            (
                "colons",
                ":::::::::::::::::::::::::::::::::::::::::::::::::\n",
            ),
            ("headers", HEADER),
        ] {
            let [(few, kept), (many, kept_more)] =
                [2_000, 8_000].map(|count| cost(&[HEADER, ROW, &unit.repeat(count)].concat()));
            assert!(many <= 4 * few + 100, "{name}: {few} {many}");
            assert!(many <= 30 * 8_000, "{name}: {many}");
            assert!(kept_more <= kept.max(400), "{name}: {kept} {kept_more}");
        }
    }
}
