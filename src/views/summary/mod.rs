//! The summary: what is out of the ordinary, in words; how many sockets of each protocol are in which state; which
//! processes hold most of them; which listeners cannot keep up; and to whom and from which ports most connections are. In:
//! a snapshot. Out: small tables, or with `--json` an object for each line of them. Each part is left out if there is
//! nothing to tell. It names no single connection.
//!
//! In reading order: `count` goes through all sockets once, with the tallies of `tally` and `groups`; `lines` makes lines of
//! what was counted, the most important first; `rules` says which of them are out of the ordinary; `line` writes one.

mod count;
mod groups;
mod line;
mod lines;
mod ports;
mod rules;
mod tally;

use std::cmp::Ordering;
use std::io::{self, Write};

use crate::cli::Options;
use crate::snapshot::Snapshot;
use crate::text::write::write_short;
use crate::views::json::Object;
use crate::views::summary::count::Counted;
use crate::views::summary::line::{Line, write_table};
use crate::views::summary::lines::{cut, parts};

/// The most lines of a table without `--top`: with the totals, ten processes fit a terminal of 24 lines.
const LINES_MAX: usize = 10;

/// Writes the summary as text.
///
/// # Errors
/// The error of writing to `out`.
pub(crate) fn write_summary(
    snapshot: &Snapshot,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<()> {
    let top = options.top.unwrap_or(LINES_MAX);
    let mut counted = Counted::new(snapshot, options.by);
    let mut parts = parts(&mut counted, snapshot, options.by);
    let mut text = Vec::new();
    if options.by.is_none() {
        write_findings(&mut text, &parts, top);
    }
    // Groups of one socket are no news, and are shown only if they are asked for.
    let is_asked = options.by.is_some() || options.top.is_some();
    for part in &mut parts {
        cut(part, top, if is_asked { 1 } else { 2 }, true);
        let start = text.len();
        write_table(&mut text, part, options.layout.header);
        if start > 0 && text.len() > start {
            text.insert(start, b'\n');
        }
    }
    out.write_all(&text)
}

/// Writes the sentences of `rules` about `parts`, at most `top` of each rule.
fn write_findings(out: &mut Vec<u8>, parts: &[Vec<Line<'_>>], top: usize) {
    rules::find(parts, &mut |finding, place| match place.cmp(&top) {
        Ordering::Less => {
            finding.write(out);
            out.push(b'\n');
        }
        Ordering::Equal => write_short(out, b"and more like this: --top=0 has them\n"),
        Ordering::Greater => {}
    });
}

/// Writes the summary as JSON: `kind` tells the lines apart.
///
/// # Errors
/// The error of writing to `out`.
pub(crate) fn write_summary_json(
    snapshot: &Snapshot,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut counted = Counted::new(snapshot, options.by);
    let mut parts = parts(&mut counted, snapshot, options.by);
    let (mut text, mut said) = (Vec::new(), Vec::new());
    if options.by.is_none() {
        rules::find(&parts, &mut |finding, _| finding.write_json(&mut said));
    }
    for part in &mut parts {
        cut(part, options.top.unwrap_or(usize::MAX), 1, false);
        for line in part.iter().filter(|line| !line.is_left_out) {
            let mut object = Object::open(&mut text);
            line.write_members(&mut object, None);
            object.close();
            text.push(b'\n');
        }
    }
    text.append(&mut said);
    out.write_all(&text)
}
