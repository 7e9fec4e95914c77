//! The process ids of a selection, for `kill $(lsock -T :8080)`. In: what was found. Out: each pid once, ascending, a
//! line each. It does not name sockets without a holder.

use std::io::{self, Write};

use crate::collections::sort::sort_dedup;
use crate::snapshot::Snapshot;

/// Writes the process ids.
///
/// # Errors
/// What writing to `out` says.
pub(crate) fn write_pids(found: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let mut pids: Vec<u32> = found
        .joined
        .processes()
        .iter()
        .map(|process| process.task.pid)
        .collect();
    sort_dedup(&mut pids);
    pids.iter().try_for_each(|pid| writeln!(out, "{pid}"))
}
