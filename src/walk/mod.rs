//! Walks the processes and their file descriptors. In: an open proc and the selected processes. Out: who holds which
//! socket inode, which processes may not be read, and which network namespaces exist. It reads no table of sockets and
//! knows no protocol.
//!
//! A descriptor costs 1 to 3 µs, nearly all of it in the kernel, so the work is shared among as many threads as there
//! are processors: a process is a job; a range of descriptors is one, where a process has very many; and so are the
//! tables of a namespace, which the caller reads beside the walk. Each thread keeps what it finds to itself; at the end
//! everything is put into order. A handful of processes is walked by the calling thread alone.
//!
//! In reading order: the threads of `worker` do the jobs of `shared`, which `jobs` hands out; they visit a process with
//! `answers`, `container`, `comm`, `fds` and `netns`, and fill the findings of `found`, which `gather` puts into order.
//! `limits` is asked afterwards, of the processes that are shown.

pub(crate) mod comm;
pub(crate) mod container;
pub(crate) mod fds;
pub(crate) mod limits;
pub(crate) mod netns;

mod answers;
mod found;
mod gather;
mod jobs;
mod shared;
mod worker;

use std::io;
use std::num::NonZero;

use crate::collections::sort::sort_dedup;
use crate::proc::{Proc, Task};
use crate::select::{Condition, Needs, ProcessTest, Truth};
use crate::warn::Warnings;
use answers::Answers;
use container::Containers;
use shared::Shared;

pub(crate) use found::{Process, Unread, Walk};
pub(crate) use shared::{Part, ReadTables};
pub(crate) use worker::BUFFER_LEN;

/// How a walk is done.
#[derive(Clone, Copy)]
pub(crate) struct WalkOptions<'a> {
    /// The condition, of which the walk settles the questions about processes.
    pub(crate) condition: &'a Condition,
    /// What the condition needs.
    pub(crate) needs: &'a Needs,
    /// The containers of all processes, if the condition asks for one.
    pub(crate) containers: &'a Containers,
    /// True if processes that are not selected are read too, because they may be at the other end (`-E`), or hold what
    /// an unreadable process of a container would be thought to hold.
    pub(crate) visits_all: bool,
    /// True if sockets without a holder are shown, and so the namespace of a process without sockets is needed.
    pub(crate) shows_ownerless: bool,
    /// Number of threads; `None` for as many as help.
    pub(crate) threads: Option<NonZero<usize>>,
    /// Reads tables of a namespace beside the walk.
    pub(crate) read_tables: ReadTables<'a>,
    /// The tables that are read so, if all of their rows are wanted whoever holds them: parts that may be read side by side,
    /// and behind them all in one; or nothing.
    pub(crate) tables: &'a [Part],
}

impl WalkOptions<'_> {
    /// Returns true if the namespaces of all processes and threads are needed that are visited, whether these hold sockets or
    /// not.
    fn needs_namespaces(&self) -> bool {
        self.shows_ownerless || self.visits_all
    }
}

/// Keeps only those of `tests` to which no process of `proc` is the answer.
pub(crate) fn retain_unanswered(proc: &Proc, tests: &mut Vec<ProcessTest>) {
    let (containers, mut buffer) = (Containers::default(), vec![0; BUFFER_LEN]);
    let own_pid = proc.own_pid();
    // Where the processes cannot be listed, the walk has said so.
    for pid in proc.pids(&mut buffer).unwrap_or_default() {
        let is_own = own_pid == Some(pid);
        let task = Task::process(pid);
        let mut answers = Answers::new(proc, task, is_own, &containers);
        tests.retain(|test| answers.answer(test) == Truth::No);
    }
}

/// Walks those processes of `proc` that `options` asks for. `buffer` is scratch space of `BUFFER_LEN` bytes.
///
/// # Errors
/// errno of listing the processes; an error of a single process is a warning.
pub(crate) fn walk(
    proc: &Proc,
    options: WalkOptions<'_>,
    buffer: &mut [u8],
    warnings: &mut Warnings,
) -> io::Result<Walk> {
    let mut listed = Vec::new();
    let selected = options.needs.pids.as_deref();
    if selected.is_none() || options.visits_all {
        listed = proc.pids(buffer)?;
        if options.needs.containers {
            // The containers of processes that have come since are not known.
            listed = options.containers.pids().collect();
        }
        // The kernel lists them in order; the file system of a captured tree need not.
        sort_dedup(&mut listed);
    }
    let pids = selected.filter(|_| !options.visits_all);
    let shared = Shared::new(proc, options);
    shared.add_processes(pids.unwrap_or(&listed));
    let found = worker::run(&shared, buffer);
    let is_whole = pids.is_none() && (options.needs.is_all_processes() || options.visits_all);
    let mut walk = Walk {
        logs: is_whole.then(Vec::new),
        // A captured tree has no link to this process, and need not contain the first one.
        hides_some: shared.own_pid.is_some() && proc.stat(Task::process(1), "").is_err(),
        ..Walk::default()
    };
    (walk.namespaces, walk.conditions) = shared.into_parts();
    walk.settled = walk.namespaces.settle();
    walk.gather(proc, found, warnings);
    Ok(walk)
}
