//! Puts a snapshot into the order of the kernel's tables, as ss and netstat print it: a socket once, with all of its holders.
//! In: a snapshot, and in which order the tables stand. Out: rows. Sockets that no table lists are left out, as those tools know nothing of them.

use crate::collections::sort::sort_by_key;
use crate::proc::Task;
use crate::snapshot::Snapshot;
use crate::socket::Row;
use crate::socket::extra::Extra;
use crate::socket::state::State;

/// A process that holds a socket, by one descriptor.
#[derive(Clone, Copy)]
pub(super) struct Held {
    /// The process; of a socket that nobody is seen to hold `NOBODY`.
    pub(super) task: Task,
    /// The descriptor.
    pub(super) fd: u32,
    /// The place of the row in the order that was asked for.
    place: u64,
    /// The number of the socket.
    socket: u32,
}

/// Stands for no process.
const NOBODY: Task = Task { pid: 0, tid: 0 };

/// A row of a table with all that hold its socket.
#[derive(Clone, Copy)]
pub(super) struct TableRow<'a> {
    /// The row.
    pub(super) row: Row<'a>,
    /// What only other tools show of it.
    pub(super) extra: Extra,
    /// The number of the socket in the snapshot, for its detail and its interfaces.
    pub(super) socket: u32,
    /// The holders, ascending by pid and descriptor; empty where nobody is seen to hold it.
    pub(super) holders: &'a [Held],
}

/// All rows, in the order that was asked for.
pub(super) struct Rows<'a> {
    /// The snapshot.
    snapshot: &'a Snapshot,
    /// All holders of the first row, then of the second, and so on.
    held: Vec<Held>,
}

impl<'a> Rows<'a> {
    /// Returns the rows of `snapshot` in the order of what `place` returns for each, from its place in the tables.
    #[inline(never)]
    pub(super) fn of(snapshot: &'a Snapshot, place: &dyn Fn(&Row<'_>, u32) -> u64) -> Self {
        let listed = snapshot
            .entries()
            .filter(|entry| entry.row.state != State::UNLISTED);
        let mut held: Vec<Held> = listed
            .map(|entry| Held {
                task: entry.process.map_or(NOBODY, |process| process.task),
                fd: entry.fd.unwrap_or_default(),
                place: place(&entry.row, snapshot.sockets.extra(entry.socket).position),
                socket: entry.socket,
            })
            .collect();
        sort_by_key(&mut held, &|one| {
            (one.place, one.socket, one.task.pid, one.fd)
        });
        Self { snapshot, held }
    }

    /// Returns each row once.
    pub(super) fn iter(&self) -> impl Iterator<Item = TableRow<'_>> {
        let sockets = &self.snapshot.sockets;
        let same = |one: &Held, other: &Held| one.socket == other.socket;
        self.held.chunk_by(same).filter_map(|all| {
            let socket = all.first()?.socket;
            // Nobody is the first of all.
            let holders = match all {
                [first, ..] if first.task == NOBODY => &[],
                all => all,
            };
            Some(TableRow {
                row: sockets.row(socket),
                extra: sockets.extra(socket),
                socket,
                holders,
            })
        })
    }
}
