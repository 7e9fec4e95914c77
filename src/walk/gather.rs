//! Puts together what the threads of a walk found. In: what each one found, in the order in which it came to it. Out: the
//! walk, in the order of process, thread and descriptor, so that nobody can tell how many threads there were. It reads
//! nothing.

use std::io;
use std::ops::Range;

use crate::collections::sort::in_order;
use crate::proc::{Proc, Task, error_text};
use crate::walk::fds::Holder;
use crate::walk::{Process, Unread, Walk};
use crate::warn::Warnings;

/// Descriptors of one task that follow each other, as one thread found them.
pub(crate) struct Piece {
    /// Whose sockets they are; the range is one of the thread's own.
    pub(crate) process: Process,
    /// The part of a process that is split, else 0.
    pub(crate) part: u32,
}

/// What one thread found.
#[derive(Default)]
pub(crate) struct Findings {
    /// Descriptors, piece by piece.
    pub(crate) holders: Vec<Holder>,
    /// The pieces.
    pub(crate) pieces: Vec<Piece>,
    /// As in `Walk`.
    pub(crate) unread: Vec<Unread>,
    /// As in `Walk`.
    pub(crate) some_unread: bool,
    /// As in `Walk`.
    pub(crate) selected: usize,
    /// Processes with which something odd was met, and the error.
    pub(crate) troubles: Vec<(u32, io::Error)>,
}

impl Walk {
    /// Puts what the threads found into order.
    pub(crate) fn gather(
        &mut self,
        proc: &Proc,
        mut found: Vec<Findings>,
        warnings: &mut Warnings,
    ) {
        let (mut pieces, mut unread, mut troubles) = (Vec::new(), Vec::new(), Vec::new());
        self.had_helpers = found.len() > 1;
        for (thread, found) in found.iter_mut().enumerate() {
            pieces.extend(found.pieces.drain(..).map(|piece| (thread, piece)));
            unread.append(&mut found.unread);
            troubles.append(&mut found.troubles);
            self.some_unread |= found.some_unread;
            self.selected += found.selected;
        }
        self.unread = in_order(unread, &|unread| unread.pid);
        for (pid, error) in in_order(troubles, &|(pid, _)| *pid) {
            let path = proc.display(Task { pid, tid: 0 }, "fd");
            warnings.warn(&path, &error_text(&error));
        }
        let pieces = in_order(pieces, &|(_, piece)| {
            (piece.process.task.pid, piece.process.task.tid, piece.part)
        });
        // One thread has found all of it in order, and there may be millions; but a thread of a process shares most.
        let (only, mut end) = (pieces.first().map_or(0, |(thread, _)| *thread), 0);
        let is_in_place = pieces.iter().all(|(thread, piece)| {
            let Process { task, holders, .. } = &piece.process;
            let follows = std::mem::replace(&mut end, holders.end) == holders.start;
            follows && task.tid == 0 && *thread == only
        });
        if is_in_place {
            let only = found.get_mut(only);
            self.holders = only.map_or_else(Vec::new, |found| std::mem::take(&mut found.holders));
        } else {
            let total = found.iter().map(|found| found.holders.len()).sum();
            self.holders.reserve_exact(total);
        }
        for (thread, Piece { mut process, .. }) in pieces {
            if !is_in_place {
                let found = found.get(thread);
                let range = process.holders.clone();
                let holders = found.and_then(|found| found.holders.get(range));
                process.holders = self.add_holders(process.task, holders.unwrap_or_default());
            }
            process.netns = process
                .netns
                .and_then(|id| self.settled.get(usize::from(id.0)).copied());
            match self.processes.last_mut() {
                // The next part of it.
                Some(last) if last.task == process.task => last.holders.end = process.holders.end,
                _ if process.holders.is_empty() => {}
                _ => self.processes.push(process),
            }
        }
    }

    /// Adds `holders` of `task`; those of a thread without what its process holds, which comes before.
    fn add_holders(&mut self, task: Task, holders: &[Holder]) -> Range<usize> {
        let first = self.holders.len();
        let is_whole = |process: &&Process| process.task == Task { tid: 0, ..task };
        let before = self.processes.iter().rev();
        let mut same = before.take_while(|process| process.task.pid == task.pid);
        match same.find(is_whole) {
            Some(process) if task.tid != 0 => {
                let common = process.holders.clone();
                for holder in holders {
                    let common = self.holders.get(common.clone()).unwrap_or_default();
                    let at = common.partition_point(|known| known.fd < holder.fd);
                    if common.get(at) != Some(holder) {
                        self.holders.push(*holder);
                    }
                }
            }
            _ => self.holders.extend_from_slice(holders),
        }
        first..self.holders.len()
    }
}
