//! Puts a snapshot into the order of the kernel's tables, as ss and netstat print it: a socket once, with all its holders.
//! In: a snapshot, and in which order the tables stand. Out: rows. Sockets that no table lists are left out, as those
//! tools know nothing of them.

use crate::collections::sort::sort;
use crate::collections::{to_index, to_u32};
use crate::proc::Task;
use crate::select::{Condition, RowTest};
use crate::snapshot::Snapshot;
use crate::socket::Row;
use crate::socket::extra::Extra;
use crate::socket::proto::Protos;
use crate::socket::state::State;

/// The condition that a unix socket is in no state that is known: two rows claim it. It may be in any that is asked for, so a
/// forged row hides none.
pub(super) const CONTESTED: Condition = Condition::Row(RowTest::State(Protos::UNIX, State::NONE));

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
const NOBODY: Task = Task::process(0);

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

/// Returns the first word of a unix name, as the tools that part a line of the table into words have it.
pub(super) fn first_word(path: &[u8]) -> &[u8] {
    let mut words = path.split(u8::is_ascii_whitespace);
    words.find(|word| !word.is_empty()).unwrap_or_default()
}

/// All rows, in the order that was asked for.
pub(super) struct Rows<'a> {
    /// The snapshot.
    snapshot: &'a Snapshot,
    /// All holders of the first row, then of the second, and so on.
    held: Vec<Held>,
    /// The place of each row's first holder in `held`.
    starts: Vec<u32>,
}

impl<'a> Rows<'a> {
    /// Returns the rows of `snapshot` in the order of what `place` returns for each, from its place in the tables.
    #[inline(never)]
    pub(super) fn of(snapshot: &'a Snapshot, place: &dyn Fn(&Row<'_>, u32) -> u64) -> Self {
        let mut held = Vec::new();
        for entry in snapshot.entries() {
            if entry.row.state != State::UNLISTED {
                held.push(Held {
                    task: entry.process.map_or(NOBODY, |process| process.task),
                    fd: entry.fd.unwrap_or_default(),
                    place: place(&entry.row, snapshot.sockets.extra(entry.socket).position),
                    socket: entry.socket,
                });
            }
        }
        let key = |number: u32| {
            let held: Option<&Held> = held.get(to_index(number));
            held.map(|one| (one.place, one.socket, one.task.pid, one.fd))
        };
        let mut order: Vec<u32> = (0..to_u32(held.len())).collect();
        sort(&mut order, &|one, other| key(one).cmp(&key(other)));
        let mut rows = Self {
            snapshot,
            held: Vec::with_capacity(held.len()),
            starts: Vec::new(),
        };
        for number in order {
            if let Some(one) = held.get(to_index(number)) {
                if rows
                    .held
                    .last()
                    .is_none_or(|last| last.socket != one.socket)
                {
                    rows.starts.push(to_u32(rows.held.len()));
                }
                rows.held.push(*one);
            }
        }
        rows
    }

    /// Keeps only the rows for which `is_shown` holds.
    pub(super) fn retain(&mut self, is_shown: &dyn Fn(&TableRow<'_>) -> bool) {
        let mut shown = Vec::new();
        for number in 0..self.len() {
            if is_shown(&self.row(number)) {
                shown.extend(self.starts.get(number));
            }
        }
        self.starts = shown;
    }

    /// Returns how many rows there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Returns row `number`.
    #[inline(never)]
    pub(super) fn row(&self, number: usize) -> TableRow<'_> {
        let sockets = &self.snapshot.sockets;
        let start = self.starts.get(number).map_or(0, |start| to_index(*start));
        let all = self.held.get(start..).unwrap_or_default();
        let socket = all.first().map_or(u32::MAX, |first| first.socket);
        let count = all.iter().take_while(|held| held.socket == socket);
        // A socket that nobody is seen to hold has one entry, of `NOBODY`, which is no holder.
        let count = count.skip_while(|held| held.task == NOBODY).count();
        TableRow {
            row: sockets.row(socket),
            extra: sockets.extra(socket),
            socket,
            holders: all.get(..count).unwrap_or_default(),
        }
    }
}
