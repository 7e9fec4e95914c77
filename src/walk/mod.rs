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
//! `container`, `comm`, `fds` and `netns`, and fill the findings of `found`, which `gather` puts into order.

pub(crate) mod comm;
pub(crate) mod container;
pub(crate) mod fds;
pub(crate) mod netns;

mod found;
mod gather;
mod jobs;
mod shared;
mod worker;

use std::io;
use std::num::NonZero;
use std::ops::ControlFlow;

use crate::collections::sort::sort_dedup;
use crate::proc::{Proc, Task};
use crate::select::Processes;
use crate::warn::Warnings;
use shared::Shared;

pub(crate) use found::{Process, Unread, Walk};
pub(crate) use shared::ReadTables;
pub(crate) use worker::BUFFER_LEN;

/// How a walk is done.
#[derive(Clone, Copy)]
pub(crate) struct WalkOptions<'a> {
    /// Number of threads; `None` for as many as help.
    pub(crate) threads: Option<NonZero<usize>>,
    /// Reads the tables of each namespace beside the walk, if all of their rows are wanted whoever holds them.
    pub(crate) read_tables: Option<ReadTables<'a>>,
}

/// Walks those processes of `proc` that `selected` allows. `buffer` is scratch space of `BUFFER_LEN` bytes.
///
/// # Errors
/// errno of listing the processes; an error of a single process is a warning.
pub(crate) fn walk(
    proc: &Proc,
    selected: &Processes,
    options: WalkOptions<'_>,
    buffer: &mut [u8],
    warnings: &mut Warnings,
) -> io::Result<Walk> {
    let mut listed = Vec::new();
    if selected.pids().is_empty() || selected.visits_all {
        proc.for_each_pid(buffer, |pid| {
            listed.push(pid);
            ControlFlow::Continue(())
        })?;
        // The kernel lists them in order; the file system of a captured tree need not.
        sort_dedup(&mut listed);
    }
    let pids = if listed.is_empty() {
        selected.pids()
    } else {
        &listed
    };
    let shared = Shared::new(proc, selected, options.threads, options.read_tables);
    shared.add_processes(pids);
    let found = worker::run(&shared, buffer);
    let mut walk = Walk {
        // A captured tree has no link to this process, and need not contain the first one.
        hides_some: shared.own_pid.is_some() && proc.stat(Task { pid: 1, tid: 0 }, "").is_err(),
        namespaces: shared.into_namespaces(),
        ..Walk::default()
    };
    walk.settled = walk.namespaces.settle();
    walk.gather(proc, found, warnings);
    Ok(walk)
}
