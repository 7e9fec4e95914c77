//! Decodes captured /proc/net text, without a proc. In: a file or standard input: whole tables, one or several, lines as
//! `grep` prints them (`/proc/net/tcp:   1: …`), files as `tail` or `head` head them (`==> /proc/net/tcp <==`), or single
//! rows. Out: the rows that are selected, in the order of the text.
//!
//! A row is of the table that the file's name in front of it says, else of the one whose header or name came last, else
//! of the one whose shape it has. What a machine has twice, in two captures, is shown twice: nobody is there to vouch
//! for the one or the other. Lines that are no row of a known table are counted, and the first is quoted.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use crate::cli::Capture;
use crate::proc::NetnsId;
use crate::proc::error_text;
use crate::select::Rows;
use crate::socket::store::Sockets;
use crate::socket::{Detail, Ends, Row};
use crate::tables::Table;
use crate::tables::captured::{
    Known, by_file, by_header, by_shape, is_can_bcm_job, is_unix_row, parse_can_bcm,
};
use crate::tables::interfaces::Interfaces;
use crate::text::addr::Endian;
use crate::text::escape::quoted;
use crate::text::records::Records;
use crate::warn::Warnings;

/// How much is read at a time; the longest line is far shorter.
const BUFFER_LEN: usize = 64 * 1024;

/// How much of a line is quoted, in bytes.
const QUOTE_LEN_MAX: usize = 80;

/// How many names and numbers may stand in front of a row, each ended by a colon.
const NAMES_MAX: usize = 3;

impl Capture {
    /// What messages call it.
    fn name(&self) -> &[u8] {
        self.path
            .as_ref()
            .map_or(b"stdin", |path| path.as_os_str().as_bytes())
    }

    /// Reads all of it, and keeps the rows that `rows` selects.
    ///
    /// # Errors
    /// One line: it is not there, or cannot be read.
    pub(crate) fn load(
        &self,
        rows: &Rows,
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
            table: None,
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
            decoder.decode(record.bytes, number);
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

/// Where in the text we are.
struct Decoder<'a> {
    /// Of the captured machine.
    endian: Endian,
    /// Which rows are wanted.
    rows: &'a Rows,
    /// Where they go.
    sockets: &'a mut Sockets,
    /// The file that we are in, by its header or by its name.
    table: Option<Known>,
    /// The table that a name told of which no header was seen yet.
    named: Option<&'static Table>,
    /// A row of unix that the next lines may go on, because its name has newlines; empty for none.
    name_lines: Vec<u8>,
    /// Empty lines since.
    blank_lines: usize,
    /// Lines end with a return: the text went through a terminal, or through Windows.
    has_returns: bool,
    /// Which interfaces have the link-local addresses, if the text tells.
    interfaces: Interfaces,
    /// How many lines are not known.
    unknown: usize,
    /// The first of them, and where it is.
    first_unknown: String,
}

impl Decoder<'_> {
    /// Goes into a file; `None` for one that is not known.
    fn enter(&mut self, file: Option<Known>) {
        self.table = file;
        self.named = match file {
            Some(Known::Table(table)) => Some(table),
            _ => None,
        };
    }

    /// Takes line `number`.
    fn decode(&mut self, line: &[u8], number: usize) {
        if self.is_known(line) {
            return;
        }
        if let Some(line) = line.strip_suffix(b"\r")
            && self.is_known(line)
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

    /// Takes `line`, if it is anything that can stand here.
    fn is_known(&mut self, line: &[u8]) -> bool {
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
            self.table = Some(Known::Table(table));
            self.named = None;
            return true;
        }
        let (file, rest) = match split_name(line) {
            Some((file, rest)) => (Some(file), rest),
            None => (self.table, line),
        };
        self.is_row_of(file, rest)
            // `grep -n` puts the number of the line behind the name.
            || split_number(rest).is_some_and(|rest| self.is_row_of(file, rest))
            || self.is_row(rest)
            || rest.iter().all(|byte| *byte == b' ')
    }

    /// Takes `line`, if it is of `file`.
    fn is_row_of(&mut self, file: Option<Known>, line: &[u8]) -> bool {
        match file {
            None => false,
            Some(Known::CanBcm(inode)) => {
                let row = parse_can_bcm(line, inode);
                row.is_some_and(|row| self.push(row)) || is_can_bcm_job(line)
            }
            Some(Known::Table(table)) if table.has_names() => self.is_name_of(table, line),
            Some(Known::Table(table)) => {
                by_header(line, Some(table)).is_some()
                    || table
                        .parse_row(line, self.endian)
                        .is_some_and(|row| self.push(row))
            }
        }
    }

    /// Takes `line`, if it is a row of unix, or goes on the name of the one before it: then it stays within the length
    /// that a name may have.
    fn is_name_of(&mut self, table: &Table, line: &[u8]) -> bool {
        if is_unix_row(line) && table.parse_row(line, self.endian).is_some() {
            self.end_name();
            self.name_lines.extend_from_slice(line);
            return true;
        }
        if by_header(line, None).is_some() {
            return true;
        }
        let has_name = |(row, _): &(Row<'_>, Detail)| row.ends != Ends::Path(b"");
        let before = table.parse_row(&self.name_lines, self.endian);
        if !before.as_ref().is_some_and(has_name) {
            return false;
        }
        let mut longer = self.name_lines.clone();
        longer.resize(longer.len() + 1 + self.blank_lines, b'\n');
        longer.extend_from_slice(line);
        let goes_on = table.parse_row(&longer, self.endian).is_some();
        if goes_on {
            self.name_lines = longer;
            self.blank_lines = 0;
        }
        goes_on
    }

    /// Takes `line`, if it has the shape of a row, perhaps behind the name of a file that is not of proc.
    fn is_row(&mut self, line: &[u8]) -> bool {
        let mut rest = Some(line);
        for _ in 0..=NAMES_MAX {
            let Some(line) = rest else {
                break;
            };
            let row = by_shape(line, self.endian).or_else(|| parse_can_bcm(line, 0));
            if row.is_some_and(|row| self.push(row)) {
                return true;
            }
            if self.interfaces.add_line(line) || is_can_bcm_job(line) {
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

    /// Ends a name that the next lines might have gone on.
    fn end_name(&mut self) {
        self.blank_lines = 0;
        let lines = std::mem::take(&mut self.name_lines);
        if let Some((row, detail)) = by_shape(&lines, self.endian) {
            self.keep(&row, &detail);
        }
        // Its room serves the next one.
        self.name_lines = lines;
        self.name_lines.clear();
    }

    /// Takes a row; always true.
    fn push(&mut self, (row, detail): (Row<'_>, Detail)) -> bool {
        self.end_name();
        self.keep(&row, &detail);
        true
    }

    /// Keeps a row if it is wanted.
    fn keep(&mut self, row: &Row<'_>, detail: &Detail) {
        if self.rows.matches(row, detail) && self.rows.path_matches(row) {
            self.sockets.push(NetnsId(0), row, detail);
        }
    }
}

/// Splits the name of a file of proc from what `grep` prints behind it.
fn split_name(line: &[u8]) -> Option<(Known, &[u8])> {
    let at = memchr::memchr(b':', line)?;
    Some((by_file(line.get(..at)?)?, line.get(at + 1..)?))
}

/// Splits the number of a line off.
fn split_number(line: &[u8]) -> Option<&[u8]> {
    let at = memchr::memchr(b':', line)?;
    let is_number = at > 0 && line.get(..at)?.iter().all(u8::is_ascii_digit);
    line.get(at + 1..).filter(|_| is_number)
}
