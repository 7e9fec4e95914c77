//! The list: a line for each socket and holder, in aligned columns. In: a snapshot. Out: text, in large pieces.
//! Every column is one word without blanks, so that awk's fields are stable. It chooses columns, measures them and
//! writes lines; it does not know what a column says.

use std::io::{self, Write};
use std::mem::replace;
use std::ptr;

use crate::cli::Layout;
use crate::join::Entry;
use crate::snapshot::Snapshot;
use crate::text::write::write_short;
use crate::views::column::{COLUMNS, Column, end_line, write_cell};

/// The output is written in pieces of about this size.
const PIECE_LEN: usize = 32 * 1024;
/// Room for a piece and the line that makes it full.
const PIECE_ROOM: usize = PIECE_LEN + 4096;

/// The columns of a list, each with its width.
#[derive(Default)]
pub(crate) struct Columns(Vec<(&'static Column, usize)>);

impl Columns {
    /// Chooses the columns that `snapshot` needs, and makes them wide enough for `entries`. A list that goes on
    /// (`--watch`) keeps the columns it has, adds new ones at the end, and makes none narrower.
    pub(crate) fn fit<'a>(
        &mut self,
        snapshot: &'a Snapshot,
        layout: Layout,
        entries: &mut dyn Iterator<Item = Entry<'a>>,
    ) {
        for column in &COLUMNS {
            let is_there = self.0.iter().any(|(known, _)| ptr::eq(*known, column));
            if !is_there && (column.is_shown)(layout, snapshot) {
                let header_width = if layout.header {
                    column.header.len()
                } else {
                    1
                };
                self.0.push((column, header_width));
            }
        }
        // A word at the end of the line is not padded, so its width does not matter.
        let padded = match self.0.as_mut_slice() {
            [padded @ .., (last, _)] if !last.is_number() => padded,
            all => all,
        };
        let (mut scratch, mut process) = (Vec::new(), None);
        // An entry that is borrowed from the iterator's answer is not copied, which would take 10 ns for each line.
        while let Some(entry) = &entries.next() {
            let before = replace(&mut process, entry.process.map(ptr::from_ref));
            let is_first = process.is_none() || process != before;
            for (column, most) in &mut *padded {
                column.measure(most, is_first, &mut scratch, snapshot, entry);
            }
        }
    }

    /// Writes the header.
    fn write_header(&self, out: &mut Vec<u8>) {
        for (column, cell_width) in &self.0 {
            write_cell(
                out,
                column.header.as_bytes(),
                *cell_width,
                column.is_number(),
            );
        }
        end_line(out);
    }

    /// Writes a line for each of `entries`, with `before` in front, behind what `piece` holds.
    ///
    /// # Errors
    /// The error of writing to `out`.
    pub(crate) fn write_lines<'a>(
        &self,
        snapshot: &'a Snapshot,
        entries: &mut dyn Iterator<Item = Entry<'a>>,
        before: &[u8],
        piece: Vec<u8>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        write_pieces(entries, piece, out, &mut |piece, entry| {
            if !before.is_empty() {
                write_short(piece, before);
            }
            for (column, cell_width) in &self.0 {
                column.write(piece, *cell_width, snapshot, entry);
            }
            end_line(piece);
        })
    }
}

/// Writes the list of everything that was found, and leaves in `columns` how it was laid out.
///
/// # Errors
/// The error of writing to `out`.
pub(crate) fn write_list(
    snapshot: &Snapshot,
    layout: Layout,
    columns: &mut Columns,
    out: &mut impl Write,
) -> io::Result<()> {
    columns.fit(snapshot, layout, &mut snapshot.entries());
    let mut piece = Vec::new();
    if layout.header {
        columns.write_header(&mut piece);
    }
    columns.write_lines(snapshot, &mut snapshot.entries(), b"", piece, out)
}

/// Writes the text that `write` makes of each of `entries`, behind what `piece` holds, and a piece at a time.
///
/// # Errors
/// The error of writing to `out`.
pub(crate) fn write_pieces<'a>(
    entries: &mut dyn Iterator<Item = Entry<'a>>,
    mut piece: Vec<u8>,
    out: &mut impl Write,
    write: &mut dyn FnMut(&mut Vec<u8>, &Entry<'a>),
) -> io::Result<()> {
    piece.reserve(PIECE_ROOM);
    while let Some(entry) = &entries.next() {
        write(&mut piece, entry);
        if piece.len() > PIECE_LEN {
            out.write_all(&piece)?;
            piece.clear();
        }
    }
    out.write_all(&piece)
}
