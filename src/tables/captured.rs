//! Decodes captured /proc/net text, without a proc. In: a file or standard input: whole tables, one or several; lines as
//! `grep` prints them (`/proc/net/tcp:   1: …`); files below the headings of `tail` or `head` (`==> /proc/net/tcp <==`);
//! or single rows. Out: the selected rows, in the order of the text. It does not look at the machine that it runs on.
//!
//! A row belongs to the table that is named in front of it, else to the one whose header or name came last, else to the
//! one whose shape it has. A row that stands twice in the text is shown twice, because nothing tells which of them is
//! true. Lines of no known table are counted, and the first one is quoted.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use super::recognise::{KnownFile, by_file, by_header, by_shape};
use super::{Table, can_bcm, unix};
use crate::cli::Capture;
use crate::proc::{NetnsId, error_text};
use crate::select::Truth;
use crate::select::rows::RowFilter;
use crate::socket::store::Sockets;
use crate::socket::{Detail, Ends, Row};
use crate::tables::interfaces::Interfaces;
use crate::text::addr::Endian;
use crate::text::escape::quoted;
use crate::text::records::Records;
use crate::warn::Warnings;

/// The number of bytes read at a time; the longest line is far shorter.
const BUFFER_LEN: usize = 64 * 1024;

/// The number of bytes of a line that are quoted.
const QUOTE_LEN_MAX: usize = 80;

/// The number of names and numbers that may stand in front of a row, each ended by a colon.
const NAMES_MAX: usize = 3;

impl Capture {
    /// Returns its name for messages.
    fn name(&self) -> &[u8] {
        self.path
            .as_ref()
            .map_or(b"stdin", |path| path.as_os_str().as_bytes())
    }

    /// Reads all of the text, keeps the rows that `rows` selects, and returns the interfaces that it names.
    ///
    /// # Errors
    /// One line: the file is missing, or cannot be read.
    pub(crate) fn load(
        &self,
        rows: RowFilter<'_>,
        sockets: &mut Sockets,
        warnings: &mut Warnings,
    ) -> Result<Interfaces, String> {
        let told = |error: io::Error| format!("{}: {}", quoted(self.name()), error_text(&error));
        let source = match &self.path {
            Some(path) => File::open(path),
            None => io::stdin().as_fd().try_clone_to_owned().map(File::from),
        };
        let mut decoder = Decoder {
            endian: self.endian,
            rows,
            sockets,
            file: None,
            named: None,
            name_lines: Vec::new(),
            blank_lines: 0,
            has_returns: false,
            interfaces: Interfaces::default(),
            unknown: 0,
            first_unknown: String::new(),
        };
        decoder.enter(by_file(self.name()));
        let mut buffer = vec![0; BUFFER_LEN];
        let mut records = Records::new(source.map_err(told)?, &mut buffer, 0);
        let mut number = 0;
        while let Some(record) = records.next(None).map_err(told)? {
            number += 1;
            decoder.has_returns |= number == 1 && record.bytes.ends_with(b"\r");
            decoder.take_line(record.bytes, number);
        }
        decoder.end_name();
        if decoder.unknown > 0 {
            let lines = match decoder.unknown {
                1 => "1 line is no row of a known table:".to_owned(),
                many => format!("{many} lines are no rows of a known table; the first,"),
            };
            warnings.warn(self.name(), &format!("{lines} {}", decoder.first_unknown));
        }
        Ok(decoder.interfaces)
    }
}

/// The state of decoding between two lines.
struct Decoder<'a> {
    /// The byte order of the captured machine.
    endian: Endian,
    /// The rows that are kept.
    rows: RowFilter<'a>,
    /// The rows that are kept.
    sockets: &'a mut Sockets,
    /// The file that the next lines are of, by its header or by its name.
    file: Option<KnownFile>,
    /// The table whose name came last, until a header follows.
    named: Option<&'static Table>,
    /// A row of unix that the next lines may continue, because a name may have newlines; empty for none.
    name_lines: Vec<u8>,
    /// The number of empty lines behind that row.
    blank_lines: usize,
    /// Whether lines end with a return, because the text went through a terminal or through Windows.
    has_returns: bool,
    /// The interfaces that the text names.
    interfaces: Interfaces,
    /// The number of lines of no known table.
    unknown: usize,
    /// The first of these lines, with its number.
    first_unknown: String,
}

impl Decoder<'_> {
    /// Enters a file; `None` for one that is not known.
    fn enter(&mut self, file: Option<KnownFile>) {
        self.file = file;
        self.named = match file {
            Some(KnownFile::Table(table)) => Some(table),
            Some(KnownFile::CanBcm(_)) | None => None,
        };
    }

    /// Takes line `number` of the text; counts it if it is of no known table.
    fn take_line(&mut self, line: &[u8], number: usize) {
        if self.take(line) {
            return;
        }
        if let Some(line) = line.strip_suffix(b"\r")
            && self.take(line)
        {
            self.has_returns = true;
            return;
        }
        self.unknown += 1;
        if self.unknown == 1 {
            let quote = quoted(line.get(..QUOTE_LEN_MAX).unwrap_or(line));
            self.first_unknown = format!("line {number}: \"{quote}\"");
        }
    }

    /// Takes `line` if it is anything that can stand in captured text; else returns false.
    fn take(&mut self, line: &[u8]) -> bool {
        let line = match line.strip_suffix(b"\r") {
            Some(line) if self.has_returns => line,
            _ => line,
        };
        if line.is_empty() {
            self.blank_lines += 1;
            return true;
        }
        if let Some(name) = line.strip_prefix(b"==> ")
            && let Some(name) = name.strip_suffix(b" <==")
        {
            self.end_name();
            self.enter(by_file(name));
            return true;
        }
        if let Some(table) = by_header(line, self.named) {
            self.end_name();
            self.file = Some(KnownFile::Table(table));
            self.named = None;
            return true;
        }
        let (file, rest) = match split_name(line) {
            Some((file, rest)) => (Some(file), rest),
            None => (self.file, line),
        };
        self.take_line_of(file, rest)
            // `grep -n` puts the number of the line behind the name.
            || split_number(rest).is_some_and(|rest| self.take_line_of(file, rest))
            || self.take_by_shape(rest)
            || rest.iter().all(|byte| *byte == b' ')
    }

    /// Takes `line` if it is a line of `file`; else returns false.
    fn take_line_of(&mut self, file: Option<KnownFile>, line: &[u8]) -> bool {
        match file {
            None => false,
            Some(KnownFile::CanBcm(inode)) => {
                self.take_row(can_bcm::parse(line, inode)) || can_bcm::is_job(line)
            }
            Some(KnownFile::Table(table)) if table.begins.is_some() => {
                self.take_unix_line(table, line)
            }
            Some(KnownFile::Table(table)) => {
                by_header(line, Some(table)).is_some()
                    || self.take_row(table.parse_row(line, self.endian))
            }
        }
    }

    /// Takes `line` if it begins a row of unix, or is a header, or continues the name of the row before; else returns
    /// false.
    fn take_unix_line(&mut self, table: &Table, line: &[u8]) -> bool {
        if unix::is_row(line) && table.parse_row(line, self.endian).is_some() {
            self.end_name();
            self.name_lines.extend_from_slice(line);
            return true;
        }
        by_header(line, None).is_some() || self.continue_name(table, line)
    }

    /// Adds `line`, and the empty lines before it, to the name of the row of unix before; returns false if there is no
    /// name, or if it would become longer than a name can be.
    fn continue_name(&mut self, table: &Table, line: &[u8]) -> bool {
        let before = table.parse_row(&self.name_lines, self.endian);
        if before.is_none_or(|(row, _)| row.ends == Ends::Path(b"")) {
            return false;
        }
        let len = self.name_lines.len();
        self.name_lines.resize(len + 1 + self.blank_lines, b'\n');
        self.name_lines.extend_from_slice(line);
        let is_longer = table.parse_row(&self.name_lines, self.endian).is_some();
        if is_longer {
            self.blank_lines = 0;
        } else {
            self.name_lines.truncate(len);
        }
        is_longer
    }

    /// Takes `line` if it has the shape of a row, perhaps behind the name of a file that is not of proc; else returns
    /// false.
    fn take_by_shape(&mut self, line: &[u8]) -> bool {
        let mut rest = Some(line);
        for _ in 0..=NAMES_MAX {
            let Some(line) = rest else {
                break;
            };
            let row = by_shape(line, self.endian).or_else(|| can_bcm::parse(line, 0));
            if self.take_row(row) || self.interfaces.add_line(line) || can_bcm::is_job(line) {
                return true;
            }
            // A row starts with a blank, which the name of a file does not.
            rest = line
                .iter()
                .position(|byte| *byte == b':')
                .filter(|_| line.first() != Some(&b' '))
                .and_then(|at| line.get(at + 1..));
        }
        false
    }

    /// Takes a row that was parsed; returns false if there is none.
    fn take_row(&mut self, parsed: Option<(Row<'_>, Detail)>) -> bool {
        let Some((row, detail)) = parsed else {
            return false;
        };
        self.end_name();
        self.keep(&row, &detail);
        true
    }

    /// Ends the row of unix that the next lines might have continued.
    fn end_name(&mut self) {
        self.blank_lines = 0;
        let mut lines = std::mem::take(&mut self.name_lines);
        if let Some((row, detail)) = by_shape(&lines, self.endian) {
            self.keep(&row, &detail);
        }
        // The next row uses the same buffer.
        lines.clear();
        self.name_lines = lines;
    }

    /// Keeps a row if it may be selected.
    fn keep(&mut self, row: &Row<'_>, detail: &Detail) {
        if self.rows.keeps(row, detail) != Truth::No {
            self.sockets.push(NetnsId(0), row, detail);
        }
    }
}

/// Splits `line` behind the name of a file of proc, which `grep` prints in front of a row.
fn split_name(line: &[u8]) -> Option<(KnownFile, &[u8])> {
    let at = memchr::memchr(b':', line)?;
    Some((by_file(line.get(..at)?)?, line.get(at + 1..)?))
}

/// Returns what follows the number of a line, which `grep -n` prints in front of it.
fn split_number(line: &[u8]) -> Option<&[u8]> {
    let at = memchr::memchr(b':', line)?;
    let is_number = at > 0 && line.get(..at)?.iter().all(u8::is_ascii_digit);
    line.get(at + 1..).filter(|_| is_number)
}
