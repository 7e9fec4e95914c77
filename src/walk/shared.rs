//! What the threads of a walk share: the work, and the namespaces. In: an open proc, the selected processes, and tasks as
//! they are met. Out: jobs, and ids of namespaces. It does no job and reads no descriptor.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::collections::to_u32;
use crate::proc::{NetnsId, Proc, Task};
use crate::select::Condition;
use crate::socket::proto::Protos;
use crate::walk::WalkOptions;
use crate::walk::fds::FdTable;
use crate::walk::found::ConditionId;
use crate::walk::jobs::{Jobs, Queue};
use crate::walk::netns::{Namespaces, Netns, NetnsKeys};

/// Number of descriptors from which on a process is read in parts.
pub(crate) const SPLIT_MIN: u64 = 4096;
/// Number of descriptors of a part.
const PART_LEN: u32 = 2048;

/// Time that a process takes, about, in µs: twenty descriptors, and its name.
const PROCESS_MICROS: usize = 50;
/// Time that a part of a process takes, about, in µs.
const PART_MICROS: usize = 3000;

/// Some of the tables of a namespace, which one job reads.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// Its place among the parts.
    pub(crate) number: u8,
    /// The protocols of the tables.
    pub(crate) protos: Protos,
    /// The time that they take, about, in µs.
    pub(crate) micros: usize,
}

/// Reads some tables of a namespace beside the walk: of its id during the walk, through those of its members that have
/// been met so far, into a scratch buffer.
pub(crate) type ReadTables<'a> =
    &'a (dyn Fn(NetnsId, Part, &mut dyn Iterator<Item = Task>, &mut [u8]) + Sync);

/// A unit of work.
pub(crate) enum Job {
    /// Visits the process with this id.
    Process(u32),
    /// Reads one part of a process, by its number.
    Part(Arc<Split>, u32),
    /// Reads some tables of a namespace.
    Tables(NetnsId, Part),
}

/// A task whose descriptors are read.
#[derive(Clone, Copy)]
pub(crate) struct Visit {
    /// The task.
    pub(crate) task: Task,
    /// Its namespace, if it is needed and known.
    pub(crate) netns: Option<NetnsId>,
    /// As `Process::fds`.
    pub(crate) fds: u32,
    /// As `Process::condition`.
    pub(crate) condition: Option<ConditionId>,
}

/// A process whose descriptors are read in parts.
pub(crate) struct Split {
    /// The process.
    pub(crate) visit: Visit,
    /// Number of parts; the last one has no end.
    parts: u32,
    /// Number of parts that have been read, and what they say of the table.
    done: Mutex<(u32, FdTable)>,
}

impl Split {
    /// Returns the descriptors of part `part`.
    pub(crate) fn numbers(&self, part: u32) -> Range<u32> {
        let end = if part + 1 == self.parts {
            u32::MAX
        } else {
            (part + 1).saturating_mul(PART_LEN)
        };
        part.saturating_mul(PART_LEN)..end
    }

    /// Notes that one more part was read. Returns the whole table after the last one.
    pub(crate) fn add_done(&self, fds: FdTable) -> Option<FdTable> {
        let done = self.done.lock();
        let (done, table) = &mut *done.unwrap_or_else(PoisonError::into_inner);
        *done += 1;
        table.merge(fds);
        (*done == self.parts).then_some(*table)
    }
}

/// What the threads of a walk share.
pub(crate) struct Shared<'a> {
    /// The processes.
    pub(crate) proc: &'a Proc,
    /// How they are walked.
    pub(crate) options: WalkOptions<'a>,
    /// The id of this program, if `proc` shows it.
    pub(crate) own_pid: Option<u32>,
    /// The work that is left.
    pub(crate) jobs: Jobs<Job>,
    /// The namespaces that were met.
    namespaces: Mutex<Namespaces>,
    /// The conditions that are left for processes, each once.
    conditions: Mutex<Vec<Condition>>,
}

impl<'a> Shared<'a> {
    /// Returns what the threads need to walk.
    pub(crate) fn new(proc: &'a Proc, options: WalkOptions<'a>) -> Self {
        let is_whole = options.needs.is_all_processes();
        let whole = is_whole.then(|| options.condition.clone());
        Self {
            proc,
            options,
            own_pid: proc.own_pid(),
            jobs: Jobs::new(options.threads),
            namespaces: Mutex::new(Namespaces::default()),
            conditions: Mutex::new(whole.into_iter().collect()),
        }
    }

    /// Returns the number of the condition as it is, if it does not tell one process from another.
    pub(crate) fn whole_condition(&self) -> Option<ConditionId> {
        let is_whole = self.options.needs.is_all_processes();
        is_whole.then_some(ConditionId(0))
    }

    /// Returns the namespaces that were met, and the conditions that are left for processes.
    pub(crate) fn into_parts(self) -> (Namespaces, Vec<Condition>) {
        let (namespaces, conditions) = (self.namespaces.into_inner(), self.conditions.into_inner());
        (
            namespaces.unwrap_or_else(PoisonError::into_inner),
            conditions.unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Returns the number of `condition`, which is a new one if no process has had it before; `None` if it never holds.
    pub(crate) fn number(&self, condition: Condition) -> Option<ConditionId> {
        if condition.is_never() {
            return None;
        }
        let mut known = self
            .conditions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|known| *known == condition);
        let at = at.unwrap_or_else(|| {
            known.push(condition);
            known.len() - 1
        });
        Some(ConditionId(to_u32(at)))
    }

    /// Adds the jobs of visiting the processes `pids`.
    pub(crate) fn add_processes(&self, pids: &[u32]) {
        let processes = pids.iter().copied().map(Job::Process);
        self.jobs.add(Queue::Caller, processes, PROCESS_MICROS);
    }

    /// Adds the jobs of reading the `count` descriptors of a process in parts.
    pub(crate) fn add_parts(&self, visit: Visit, count: u64) {
        let parts = u32::try_from(count).unwrap_or(u32::MAX).div_ceil(PART_LEN);
        let split = Arc::new(Split {
            visit,
            parts,
            done: Mutex::default(),
        });
        let parts = (0..parts).map(|part| Job::Part(Arc::clone(&split), part));
        self.jobs.add(Queue::Caller, parts, PART_MICROS);
    }

    /// Runs `change` on the namespaces. A thread that panics ends the program, so none leaves them half changed.
    pub(crate) fn with_namespaces<T>(&self, change: impl FnOnce(&mut Namespaces) -> T) -> T {
        let namespaces = self.namespaces.lock();
        change(&mut namespaces.unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds the namespace of `task`, counts the task there unless it is a thread whose process is there, in `home`, and adds
    /// the jobs of reading its tables if it is new. Those of the first one, which often is the only one, are read in parts
    /// if that pays.
    pub(crate) fn find_netns(
        &self,
        task: Task,
        home: Option<NetnsId>,
        is_selected: bool,
    ) -> Option<NetnsId> {
        let count = |netns: &mut Netns| {
            netns.selected += usize::from(is_selected);
            netns.members.len() == 1
        };
        let (id, is_new) = self.add_to_netns(task, home, count)?;
        if is_new == Some(true)
            && let Some((whole, parts)) = self.options.tables.split_last()
        {
            let splits = id == NetnsId(0) && self.jobs.helpers_for(whole.micros) > 0;
            let parts = if splits && !parts.is_empty() {
                parts
            } else {
                std::slice::from_ref(whole)
            };
            for part in parts {
                let job = std::iter::once(Job::Tables(id, *part));
                self.jobs.add(Queue::Helpers, job, part.micros);
            }
        }
        Some(id)
    }

    /// Adds `task` to the members of its namespace and runs `count` on that, unless it is `home`. Returns both results.
    pub(crate) fn add_to_netns<T>(
        &self,
        task: Task,
        home: Option<NetnsId>,
        count: impl FnOnce(&mut Netns) -> T,
    ) -> Option<(NetnsId, Option<T>)> {
        let keys = NetnsKeys::read(self.proc, task);
        self.with_namespaces(|namespaces| {
            let id = namespaces.add(self.proc, task, keys, home)?;
            let netns = namespaces.get_mut(id).filter(|_| home != Some(id));
            Some((id, netns.map(count)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_process_are_all_its_numbers_once() {
        for parts in [1, 2, 3, 50] {
            let visit = Visit {
                task: Task::process(1),
                netns: None,
                fds: 0,
                condition: None,
            };
            let split = Split {
                visit,
                parts,
                done: Mutex::default(),
            };
            let mut end = 0;
            for part in 0..parts {
                let numbers = split.numbers(part);
                assert_eq!(numbers.start, end);
                end = numbers.end;
                let is_last = part + 1 == parts;
                assert_eq!(split.add_done(FdTable::default()).is_some(), is_last);
            }
            assert_eq!(end, u32::MAX);
        }
    }
}
