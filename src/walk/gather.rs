//! Puts together what the threads of a walk found. In: the findings of each thread, in the order in which it made them.
//! Out: the walk, in the order of process, thread and descriptor, so that the output does not depend on the number of
//! threads. It reads nothing.

use std::ops::Range;

use crate::collections::sort::in_order;
use crate::proc::{NetnsId, Proc, Task, error_text};
use crate::walk::fds::Holder;
use crate::walk::found::{Findings, Piece, Process, Walk};
use crate::warn::Warnings;

impl Walk {
    /// Adds what the threads found, in order, and warns of the errors that they met.
    pub(crate) fn gather(
        &mut self,
        proc: &Proc,
        mut found: Vec<Findings>,
        warnings: &mut Warnings,
    ) {
        let (mut pieces, mut unread, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        self.had_helpers = found.len() > 1;
        for (thread, found) in found.iter_mut().enumerate() {
            pieces.extend(found.pieces.drain(..).map(|piece| (thread, piece)));
            unread.append(&mut found.unread);
            errors.append(&mut found.errors);
            if let Some(logs) = &mut self.logs {
                logs.append(&mut found.logs);
            }
            self.some_unread |= found.some_unread;
            self.selected += found.selected;
        }
        self.unread = in_order(unread, &|unread| unread.pid);
        // A process that becomes unreadable while its parts are read is met once a part.
        self.unread.dedup_by_key(|unread| unread.pid);
        self.failed = errors.len();
        for (pid, file, error) in in_order(errors, &|(pid, ..)| *pid) {
            let path = proc.display(Task::process(pid), file);
            warnings.warn(&path, &error_text(&error));
        }
        let pieces = in_order(pieces, &|(_, piece)| {
            (piece.process.task.pid, piece.process.task.tid, piece.part)
        });
        let whole = ordered_already(&pieces).and_then(|thread| found.get_mut(thread));
        if let Some(whole) = whole {
            self.holders = std::mem::take(&mut whole.holders);
            for (_, piece) in pieces {
                self.add_process(piece.process);
            }
            return;
        }
        let total = found.iter().map(|found| found.holders.len()).sum();
        self.holders.reserve_exact(total);
        for (thread, Piece { mut process, .. }) in pieces {
            let range = process.holders.clone();
            let holders = found
                .get(thread)
                .and_then(|found| found.holders.get(range))
                .unwrap_or_default();
            process.holders = self.add_holders(process.task, holders);
            self.add_process(process);
        }
    }

    /// Adds `process`, whose descriptors have been added, or extends the process before it by its next part.
    fn add_process(&mut self, mut process: Process) {
        let settled = |id: NetnsId| self.settled.get(usize::from(id.0)).copied();
        process.netns = process.netns.and_then(settled);
        match self.processes.last_mut() {
            Some(last) if last.task == process.task => last.holders.end = process.holders.end,
            _ if process.holders.is_empty() => {}
            _ => self.processes.push(process),
        }
    }

    /// Adds `holders` of `task` and returns their range. A thread's descriptors that its process holds too, under the
    /// same number, are left out; the process comes before its threads.
    fn add_holders(&mut self, task: Task, holders: &[Holder]) -> Range<usize> {
        let first = self.holders.len();
        let is_whole = |process: &&Process| process.task == Task::process(task.pid);
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

/// Returns the thread whose holders are those of all `pieces`, in their order and without threads of a process, which
/// share most of them: there may be millions, which then need not be copied.
fn ordered_already(pieces: &[(usize, Piece)]) -> Option<usize> {
    let (only, _) = pieces.first()?;
    let mut end = 0;
    let is_next = |(thread, piece): &(usize, Piece)| {
        let Process { task, holders, .. } = &piece.process;
        let follows = std::mem::replace(&mut end, holders.end) == holders.start;
        follows && task.tid == 0 && thread == only
    };
    pieces.iter().all(is_next).then_some(*only)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::found::Unread;
    use std::path::Path;

    /// Descriptors of a part of a task, each with its inode.
    type Part<'a> = (Task, u32, &'a [(u32, u32)]);

    /// Adds a piece of these descriptors, each with its inode, to `found`.
    fn add(found: &mut Findings, task: Task, part: u32, holders: &[(u32, u32)]) {
        let first = found.holders.len();
        let holders = holders.iter().map(|&(fd, inode)| Holder { inode, fd });
        found.holders.extend(holders);
        let process = Process {
            task,
            netns: Some(NetnsId(1)),
            fds: 0,
            holders: first..found.holders.len(),
            condition: None,
        };
        found.pieces.push(Piece { process, part });
    }

    /// Returns the tasks of a walk with their descriptors, after it has gathered `found`.
    fn gathered(found: Vec<Findings>) -> Vec<(Task, Vec<(u32, u32)>)> {
        let proc = Proc::open(Path::new("/proc")).unwrap();
        let mut walk = Walk {
            settled: vec![NetnsId(1), NetnsId(0)],
            ..Walk::default()
        };
        walk.gather(&proc, found, &mut Warnings::default());
        let holders = |process: &Process| {
            assert_eq!(process.netns, Some(NetnsId(0)));
            let holders = &walk.holders[process.holders.clone()];
            holders
                .iter()
                .map(|holder| (holder.fd, holder.inode))
                .collect()
        };
        let processes = walk.processes.iter();
        processes
            .map(|process| (process.task, holders(process)))
            .collect()
    }

    #[test]
    fn the_walk_is_the_same_however_the_work_was_shared() {
        let task = |pid, tid| Task { pid, tid };
        let pieces: [Part<'_>; 5] = [
            (task(1, 0), 0, &[(3, 30), (4, 40)]),
            (task(2, 0), 0, &[(5, 50)]),
            (task(2, 0), 1, &[(2049, 60), (2050, 70)]),
            // Only what the process does not hold under the same number is the thread's own.
            (task(2, 9), 0, &[(5, 50), (6, 70), (2049, 61)]),
            (task(3, 0), 0, &[(1, 10)]),
        ];
        let expected = [
            (task(1, 0), vec![(3, 30), (4, 40)]),
            (task(2, 0), vec![(5, 50), (2049, 60), (2050, 70)]),
            (task(2, 9), vec![(6, 70), (2049, 61)]),
            (task(3, 0), vec![(1, 10)]),
        ];
        // Each piece was found by the first, second or third thread, and each thread went through them in either order.
        for shares in 0..3_usize.pow(5) {
            for backwards in [false, true] {
                let mut found: Vec<Findings> = (0..3).map(|_| Findings::default()).collect();
                for step in 0..5 {
                    let at = if backwards { 4 - step } else { step };
                    let (task, part, holders) = pieces[at];
                    let thread = shares / 3_usize.pow(u32::try_from(at).unwrap()) % 3;
                    add(&mut found[thread], task, part, holders);
                }
                assert_eq!(
                    gathered(found),
                    expected,
                    "{shares}, backwards: {backwards}"
                );
            }
        }
        // One thread that met them in order and no thread of a process: nothing is copied.
        let mut found = Findings::default();
        for (task, part, holders) in pieces.into_iter().filter(|(task, ..)| task.tid == 0) {
            add(&mut found, task, part, holders);
        }
        assert_eq!(ordered_already(&[]), None);
        let without_thread = expected.into_iter().filter(|(task, _)| task.tid == 0);
        assert_eq!(gathered(vec![found]), without_thread.collect::<Vec<_>>());
    }

    #[test]
    fn a_process_of_which_several_parts_may_not_be_read_is_unread_once() {
        let unread = |pid| Unread {
            pid,
            uid: 0,
            gid: 0,
            fds: 9000,
        };
        let found = |pids: &[u32]| Findings {
            unread: pids.iter().copied().map(unread).collect(),
            some_unread: true,
            ..Findings::default()
        };
        let proc = Proc::open(Path::new("/proc")).unwrap();
        let mut walk = Walk::default();
        let found = vec![found(&[7, 7, 9]), found(&[8, 7])];
        walk.gather(&proc, found, &mut Warnings::default());
        let pids: Vec<u32> = walk.unread.iter().map(|unread| unread.pid).collect();
        assert_eq!(pids, [7, 8, 9]);
    }
}
