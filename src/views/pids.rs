//! The process ids of a selection, for `kill $(lsock -T :8080)`. In: a snapshot. Out: each pid once, ascending, a
//! line each. It does not name sockets without a holder.

use std::io::{self, Write};

use crate::collections::sort::sort_dedup;
use crate::snapshot::Snapshot;

/// Writes the process ids.
///
/// # Errors
/// The error of writing to `out`.
pub(crate) fn write_pids(snapshot: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let mut pids: Vec<u32> = snapshot
        .joined
        .processes()
        .iter()
        .map(|process| process.task.pid)
        .collect();
    sort_dedup(&mut pids);
    pids.iter().try_for_each(|pid| writeln!(out, "{pid}"))
}
