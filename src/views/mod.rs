//! What is printed of a snapshot. In: a snapshot and how it is to look. Out: bytes for standard output, or a line for
//! standard error. A view knows entries and their words, not tables, and reads nothing but what `notice` looks at.
//!
//! The views are `list` (whose columns are in `column`), `json`, `summary`, `pids`, and `watch`. For standard error
//! `silence` says why nothing is shown, and `notice` what could not be read. All of them write with `words` and `names`.

mod column;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod names;
pub(crate) mod notice;
pub(crate) mod pids;
pub(crate) mod silence;
pub(crate) mod summary;
pub(crate) mod watch;
pub(crate) mod words;

use std::io::{self, Write};

use crate::cli::{Options, View};
use crate::snapshot::Snapshot;
use crate::views::list::Columns;

/// Writes the view that is asked for.
///
/// # Errors
/// What writing to `out` says.
pub(crate) fn write(
    snapshot: &Snapshot,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<()> {
    match options.view {
        View::List if options.json => json::write_json(snapshot, out),
        View::List => list::write_list(snapshot, options.layout, &mut Columns::default(), out),
        View::Summary if options.json => summary::write_summary_json(snapshot, options, out),
        View::Summary => summary::write_summary(snapshot, options, out),
        View::Pids => pids::write_pids(snapshot, out),
        View::Quiet => Ok(()),
    }
}
