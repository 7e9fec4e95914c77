//! A row of unix in captured text whose name may go on. In: the row, and the lines behind it. Out: the record, with those
//! lines or without them, and then as lines that are not known. It does not decide which: what follows in the text does.
//!
//! A name may have newlines, and whatever stands behind a table looks like the rest of such a name: the line of a shell, a
//! heading, a table that is not known. Only a name between two rows of one table is sure to go on.

use super::unix;
use crate::text::digits::hex;
use crate::text::escape::quoted;
use crate::text::fields::{Fields, is_pointer};

/// The number of bytes of a line that are quoted.
const QUOTE_LEN_MAX: usize = 80;

/// Lines of no known table.
#[derive(Default)]
pub(super) struct Unknown {
    /// How many there are.
    count: usize,
    /// The first of them, with its number.
    first: String,
}

impl Unknown {
    /// Adds `line`, the line of this number.
    pub(super) fn add(&mut self, number: usize, line: &[u8]) {
        if self.count == 0 {
            let quote = quoted(line.get(..QUOTE_LEN_MAX).unwrap_or(line));
            self.first = format!("line {number}: \"{quote}\"");
        }
        self.count += 1;
    }

    /// Adds all of `later`.
    pub(super) fn append(&mut self, later: Self) {
        if self.count == 0 {
            self.first = later.first;
        }
        self.count += later.count;
    }

    /// Returns what is said of them, if there are any.
    pub(super) fn text(&self) -> Option<String> {
        let lines = match self.count {
            0 => return None,
            1 => "1 line belongs to no known table:".to_owned(),
            many => format!("{many} lines belong to no known table; the first is"),
        };
        Some(format!("{lines} {}", self.first))
    }
}

/// A row whose name may go on.
pub(super) struct OpenName {
    /// The row.
    row: Vec<u8>,
    /// What stands in front of it, and so in front of the lines that continue it.
    pub(super) frame: Vec<u8>,
    /// The lines behind it, each with the newline before it.
    behind: Vec<u8>,
    /// How long `behind` may get.
    room: usize,
    /// The lines behind it, if they are no part of the name.
    unknown: Unknown,
}

impl OpenName {
    /// Opens `row`, which has `before` and `blanks` in front.
    pub(super) fn new(row: &[u8], before: &[u8], blanks: &[u8]) -> Self {
        let mut frame = before.to_vec();
        frame.extend_from_slice(blanks);
        Self {
            row: row.to_vec(),
            room: unix::room_behind(row),
            frame,
            behind: Vec::new(),
            unknown: Unknown::default(),
        }
    }

    /// Adds `line`, which has a number if it is not empty. Returns false if the name cannot go on with it: it is nameless,
    /// or would become longer than a name can be, or the line is a row that was cut.
    pub(super) fn continue_with(&mut self, line: &[u8], whole: Option<(usize, &[u8])>) -> bool {
        if self.behind.len() + 1 + line.len() > self.room || is_cut_row(line) {
            return false;
        }
        self.behind.push(b'\n');
        self.behind.extend_from_slice(line);
        if let Some((number, whole)) = whole {
            self.unknown.add(number, whole);
        }
        true
    }

    /// Returns how many bytes are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.row.len() + self.behind.len() + self.unknown.first.len()
    }

    /// Returns the record, and the lines that are not known: none if the lines behind the row are part of its name.
    pub(super) fn close(mut self, is_name: bool) -> (Vec<u8>, Unknown) {
        if is_name {
            self.row.append(&mut self.behind);
            self.unknown = Unknown::default();
        }
        // Newer kernels keep the name so, and people ask for it so.
        for byte in &mut self.row {
            if *byte == 0 {
                *byte = b'@';
            }
        }
        (self.row, self.unknown)
    }
}

/// Returns true for the beginning of a row.
fn is_cut_row(line: &[u8]) -> bool {
    let mut fields = Fields::new(line);
    let pointer = fields.next().and_then(|field| field.strip_suffix(b":"));
    let is_row = pointer.is_some_and(|pointer| pointer.len() >= 8 && is_pointer(pointer));
    is_row && fields.next().is_none_or(|field| hex(field).is_some())
}
