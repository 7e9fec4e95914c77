//! Walks the processes and their file descriptors. In: an open proc and what is selected. Out: who holds which socket
//! inode, who could not be read, and which network namespaces there are. It reads no table and knows no protocol.
//!
//! The work is the kernel's, 1 to 3 µs a descriptor, so it is shared among as many threads as there are processors to
//! run them (`Crew`): a process is a job; one with very many descriptors is split, a range of them a job; and a namespace
//! is a job as soon as its first task is met, for whoever reads tables, beside the walk. Each thread keeps what it finds
//! to itself (`Findings`), which at the end is put together as if there had been one. For a handful of processes none
//! is started, and where none can be had one does it all.

pub(crate) mod comm;
pub(crate) mod container;
pub(crate) mod fds;
pub(crate) mod gather;
pub(crate) mod jobs;
pub(crate) mod netns;

use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder};

use crate::collections::sort::sort_once;
use crate::proc::NetnsId;
use crate::proc::{Proc, Task, is_forbidden, is_gone};
use crate::select::Processes;
use crate::walk::fds::{FdDir, FdTable, Holder, Link};
use crate::walk::gather::{Findings, Piece};
use crate::walk::jobs::{Crew, Role};
use crate::walk::netns::{Namespaces, Told};
use crate::warn::Warnings;

/// Of what a thread reads into: holds about a thousand processes, or 500 of 7 digits.
pub(crate) const BUFFER_LEN: usize = 32 * 1024;
/// So many descriptors are a job of their own.
const PART_LEN: u32 = 2048;
/// Of at least so many numbers a table is split.
const SPLIT_MIN: u64 = 4096;
/// What a thread needs at most is a tenth of it; what is not touched is not there.
const STACK_LEN: usize = 256 * 1024;

/// About how long a process takes, in µs: twenty descriptors, and who it is.
const PROCESS_MICROS: usize = 50;
/// About how long a part takes.
const PART_MICROS: usize = 3000;
/// About how long the tables of a namespace take: mostly to walk over the machine's whole hash of TCP.
const TABLES_MICROS: usize = 600;

/// A task that holds sockets.
pub(crate) struct Process {
    /// Whose descriptors these are.
    pub(crate) task: Task,
    /// Its network namespace, which need not be that of its sockets.
    pub(crate) netns: Option<NetnsId>,
    /// Its part of `Walk::holders`, ascending by descriptor.
    pub(crate) holders: Range<usize>,
    /// Whether its sockets are to be shown; else it may be at the other end of one.
    pub(crate) is_selected: bool,
}

/// A process whose descriptors may not be read.
pub(crate) struct Unread {
    /// Its id.
    pub(crate) pid: u32,
    /// Owner of its folder: its effective uid, or 0 where it is not dumpable.
    pub(crate) uid: u32,
    /// Group of its folder, likewise.
    pub(crate) gid: u32,
    /// How many descriptors it has, where the kernel tells (Linux 6.2 and later).
    pub(crate) fds: u64,
}

/// What was met.
#[derive(Default)]
pub(crate) struct Walk {
    /// Those with sockets, ascending by pid.
    pub(crate) processes: Vec<Process>,
    /// Their descriptors, process by process.
    pub(crate) holders: Vec<Holder>,
    /// Those of the selected that may not be read.
    pub(crate) unread: Vec<Unread>,
    /// Whether this proc does not even show every process (hidepid=2): the first one of its PID namespace is not there.
    pub(crate) hides_some: bool,
    /// Whether any may not be read, selected or not.
    pub(crate) some_unread: bool,
    /// How many processes were selected, as far as they are seen.
    pub(crate) selected: usize,
    /// The namespaces of all that were selected.
    pub(crate) namespaces: Namespaces,
    /// Whether it was shared with helpers, so that tables may have been read before it ended.
    pub(crate) had_helpers: bool,
    /// For each number that a namespace had while the walk went on, the one that it has now.
    pub(crate) settled: Vec<NetnsId>,
}

/// Reads the tables of a namespace beside the walk. It is given the number that the namespace has until the walk ends,
/// who tells those of its tasks that have been met so far, one after the other, and a buffer.
pub(crate) type ReadTables<'a> =
    &'a (dyn Fn(NetnsId, &mut dyn Iterator<Item = Task>, &mut [u8]) + Sync);

/// How the walk is done.
#[derive(Clone, Copy)]
pub(crate) struct How<'a> {
    /// By so many threads; if it is not said, by as many as are of use.
    pub(crate) threads: Option<std::num::NonZero<usize>>,
    /// With the tables of each namespace beside it, if they are wanted whatever is found.
    pub(crate) read_tables: Option<ReadTables<'a>>,
}

/// Something to be done.
enum Job {
    /// To visit a process.
    Visit(u32),
    /// To read the numbered part of a process's descriptors.
    Part(Arc<Split>, u32),
    /// To read the tables of a namespace.
    Tables(NetnsId),
}

/// A process whose descriptors are read in parts.
struct Split {
    /// The process.
    task: Task,
    /// Its namespace.
    netns: Option<NetnsId>,
    /// Whether it is selected.
    is_selected: bool,
    /// How many parts there are; the last one has no end.
    parts: u32,
    /// How many have been read, and what they told of the table.
    done: Mutex<(u32, FdTable)>,
}

impl Split {
    /// The numbers of part `part`.
    fn numbers(&self, part: u32) -> Range<u32> {
        let end = if part + 1 == self.parts {
            u32::MAX
        } else {
            (part + 1).saturating_mul(PART_LEN)
        };
        part.saturating_mul(PART_LEN)..end
    }
}

/// Walks those processes of `proc` that `selected` allows, as `how` says. `buffer` is read into; it is `BUFFER_LEN` long.
///
/// # Errors
/// errno of reading the folder of processes itself; what fails for one process is that process's own.
pub(crate) fn walk(
    proc: &Proc,
    selected: &Processes,
    how: How<'_>,
    buffer: &mut [u8],
    warnings: &mut Warnings,
) -> io::Result<Walk> {
    let mut all = Vec::new();
    if selected.pids().is_empty() || selected.visits_all {
        proc.for_each_pid(buffer, |pid| {
            all.push(pid);
            ControlFlow::Continue(())
        })?;
        // As for descriptors: only a captured tree is not in order.
        sort_once(&mut all);
    }
    let pids = if all.is_empty() {
        selected.pids()
    } else {
        &all
    };
    let crew = Crew::new(how.threads);
    let visits = pids.iter().copied().map(Job::Visit);
    crew.add(visits, false, PROCESS_MICROS);
    let own_pid = proc.own_pid();
    let shared = Shared {
        proc,
        selected,
        read_tables: how.read_tables,
        own_pid,
        crew: &crew,
        namespaces: Mutex::new(Namespaces::default()),
    };
    let found = shared.work(buffer);
    let namespaces = shared.namespaces.into_inner();
    let mut walk = Walk {
        namespaces: namespaces.unwrap_or_else(PoisonError::into_inner),
        // A captured tree has no link to this process, and need not have the first one.
        hides_some: own_pid.is_some() && proc.stat(Task { pid: 1, tid: 0 }, "").is_err(),
        ..Walk::default()
    };
    walk.settled = walk.namespaces.settle();
    walk.gather(proc, found, warnings);
    Ok(walk)
}

/// What the threads share.
struct Shared<'a> {
    /// Where the processes are.
    proc: &'a Proc,
    /// Which of them are wanted.
    selected: &'a Processes,
    /// As in `How`.
    read_tables: Option<ReadTables<'a>>,
    /// This process, which is not found by the words that it looks for.
    own_pid: Option<u32>,
    /// What is to be done.
    crew: &'a Crew<Job>,
    /// The namespaces that were met.
    namespaces: Mutex<Namespaces>,
}

impl Shared<'_> {
    /// Does all jobs, with helpers once so much is waiting that they are worth it; gives what each thread found.
    fn work(&self, buffer: &mut [u8]) -> Vec<Findings> {
        thread::scope(|scope| {
            let (mut own, mut helpers) = (Walker::new(self, buffer), Vec::new());
            let help = || {
                let mut buffer = vec![0; BUFFER_LEN];
                let mut walker = Walker::new(self, &mut buffer);
                self.crew.work(Role::Helper, |job| walker.work(job));
                walker.found
            };
            let mut may_call = true;
            let mut call_helpers = || {
                let wanted = if may_call {
                    self.crew.helpers_wanted()
                } else {
                    0
                };
                may_call &= wanted == 0;
                for _ in 0..wanted {
                    let builder = Builder::new().stack_size(STACK_LEN);
                    // Where no thread can be had (EAGAIN: a limit of processes), those that are there do it all.
                    let Ok(helper) = builder.spawn_scoped(scope, help) else {
                        break;
                    };
                    helpers.push(helper);
                }
            };
            call_helpers();
            self.crew.work(Role::First, |job| {
                own.work(job);
                call_helpers();
            });
            let mut found = vec![own.found];
            // A thread that panics ends the program.
            found.extend(helpers.into_iter().filter_map(|helper| helper.join().ok()));
            found
        })
    }

    /// Runs `change` on the namespaces; a thread that panics ends the program, so none leaves them half changed.
    fn with_namespaces<T>(&self, change: impl FnOnce(&mut Namespaces) -> T) -> T {
        let namespaces = self.namespaces.lock();
        change(&mut namespaces.unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds the namespace of `task`, which is selected or not, and has its tables read if it is a new one.
    fn find_netns(&self, task: Task, is_selected: bool) -> Option<NetnsId> {
        let told = Told::by(self.proc, task);
        let (id, is_new) = self.with_namespaces(|namespaces| {
            let id = namespaces.add(self.proc, task, told)?;
            let netns = namespaces.get_mut(id)?;
            netns.selected += usize::from(is_selected);
            Some((id, netns.members.len() == 1))
        })?;
        if is_new && self.read_tables.is_some() {
            self.crew
                .add(std::iter::once(Job::Tables(id)), true, TABLES_MICROS);
        }
        Some(id)
    }
}

/// A thread at work.
struct Walker<'a> {
    /// What it shares with the others.
    shared: &'a Shared<'a>,
    /// What it found.
    found: Findings,
    /// What folders and tables are read into.
    buffer: &'a mut [u8],
    /// The threads of the process that is being visited.
    threads: Vec<Task>,
    /// Those tables of descriptors that the process that is being visited has, each with what its last one points to.
    tables: Vec<(FdTable, Link)>,
}

impl<'a> Walker<'a> {
    /// One that has found nothing yet.
    fn new(shared: &'a Shared<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            shared,
            found: Findings::default(),
            buffer,
            threads: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// Does `job`.
    fn work(&mut self, job: Job) {
        match job {
            Job::Visit(pid) => self.visit_if_selected(Task { pid, tid: 0 }),
            Job::Part(split, part) => self.read_part(&split, part),
            Job::Tables(id) => {
                if let Some(read_tables) = self.shared.read_tables {
                    let member = |at| {
                        self.shared.with_namespaces(|namespaces| {
                            namespaces.get(id)?.members.get(at).copied()
                        })
                    };
                    read_tables(id, &mut (0..).map_while(member), self.buffer);
                }
            }
        }
    }

    /// Visits the process `task` if it is selected, or if all are visited.
    fn visit_if_selected(&mut self, task: Task) {
        let Shared { proc, selected, .. } = *self.shared;
        let mut is_selected = selected.pid_matches(task.pid);
        if is_selected
            && !selected.containers.is_empty()
            && !container::find(proc, task, self.buffer)
                .is_some_and(|id| id.has_prefix(&selected.containers))
        {
            self.pass_over(task);
            is_selected = false;
        }
        if is_selected && selected.needs_commands() {
            match selected.command_matches(proc, task) {
                // Its own command line has every word that it looks for.
                Ok(true) if self.shared.own_pid != Some(task.pid) => {}
                Err(error) if is_forbidden(&error) => {
                    self.found.selected += 1;
                    return self.count_unread(task);
                }
                Ok(_) | Err(_) => is_selected = false,
            }
        }
        if is_selected || selected.visits_all {
            self.visit(task, is_selected);
        }
    }

    /// Reads the namespace and the descriptors of the process `task`, and those of its threads that have their own.
    fn visit(&mut self, task: Task, is_selected: bool) {
        let Shared {
            proc,
            selected,
            crew,
            ..
        } = *self.shared;
        self.found.selected += usize::from(is_selected);
        let first = self.found.holders.len();
        let (buffer, holders) = (&mut *self.buffer, &mut self.found.holders);
        let read = proc.as_owner(task, || {
            let dir = FdDir::open(proc, task)?;
            if dir.count() >= SPLIT_MIN && crew.size() > 1 {
                return Ok(Err(dir.count()));
            }
            dir.read(0..u32::MAX, buffer, holders).map(Ok)
        });
        // Where only sockets of processes are wanted, a process without one need not tell where it lives.
        let is_wanted = selected.lists_unheld()
            || selected.visits_all
            || self.found.holders.len() > first
            || matches!(read, Ok(Err(_)));
        let netns = is_wanted
            .then(|| self.shared.find_netns(task, is_selected))
            .flatten();
        match read {
            Ok(Err(count)) => {
                let parts = u32::try_from(count).unwrap_or(u32::MAX).div_ceil(PART_LEN);
                let split = Arc::new(Split {
                    task,
                    netns,
                    is_selected,
                    parts,
                    done: Mutex::default(),
                });
                let parts = (0..parts).map(|part| Job::Part(Arc::clone(&split), part));
                crew.add(parts, false, PART_MICROS);
            }
            Ok(Ok(fds)) => {
                self.keep(task, (netns, is_selected), first, 0);
                self.visit_threads(task, is_selected, fds);
            }
            Err(error) => {
                let is_read = self.visit_threads(task, is_selected, FdTable::default());
                self.note(task, is_selected, is_read, error);
            }
        }
    }

    /// Reads part `part` of a process, and after the last one its threads.
    fn read_part(&mut self, split: &Split, part: u32) {
        let proc = self.shared.proc;
        let first = self.found.holders.len();
        let (buffer, holders) = (&mut *self.buffer, &mut self.found.holders);
        let read = proc.as_owner(split.task, || {
            FdDir::open(proc, split.task)?.read(split.numbers(part), buffer, holders)
        });
        self.keep(split.task, (split.netns, split.is_selected), first, part);
        let fds = match read {
            Ok(fds) => fds,
            Err(error) => {
                self.note(split.task, split.is_selected, false, error);
                FdTable::default()
            }
        };
        let table = {
            let done = split.done.lock();
            let (done, table) = &mut *done.unwrap_or_else(PoisonError::into_inner);
            *done += 1;
            table.merge(fds);
            (*done == split.parts).then_some(*table)
        };
        if let Some(table) = table {
            self.visit_threads(split.task, split.is_selected, table);
        }
    }

    /// Notes that the descriptors of `task` gave `error`; `is_read` where those of a thread of it were read.
    fn note(&mut self, task: Task, is_selected: bool, is_read: bool, error: io::Error) {
        if is_forbidden(&error) {
            if is_read {
                return;
            }
            if is_selected {
                self.count_unread(task);
            }
            self.found.some_unread = true;
        } else if !is_gone(&error) {
            self.found.troubles.push((task.pid, error));
        }
    }

    /// Reads those threads of `process` that have descriptors of their own: because the main thread has ended, and
    /// `fds` is empty (proc(5)), or because they have left the common table (`unshare(CLONE_FILES)`). Three calls
    /// a thread give the latter away: the number of descriptors, what the largest is, and whether the lowest free one
    /// is free there too; tables that differ in none of these are not told apart. It tells whether any thread could
    /// be read.
    fn visit_threads(&mut self, process: Task, is_selected: bool, fds: FdTable) -> bool {
        let proc = self.shared.proc;
        // PID/task has a link for each thread, and two of its own. Where the main thread has ended the folder of the
        // process is root's, and empty; its threads' are not.
        if !proc.stat(process, "task").is_ok_and(|stat| stat.nlink > 3) {
            return false;
        }
        let (mut threads, mut tables) = (
            std::mem::take(&mut self.threads),
            std::mem::take(&mut self.tables),
        );
        threads.clear();
        tables.clear();
        let last_link = |task, fds: FdTable| {
            let read = proc.as_owner(task, || fds.read_last(proc, task));
            read.unwrap_or_default()
        };
        tables.push((fds, last_link(process, fds)));
        proc.add_threads(process, self.buffer, &mut threads);
        for thread in threads.iter().copied() {
            let is_seen = tables.iter().any(|(table, link)| {
                let is_of = || Ok(table.is_of(proc, thread, link));
                table.count > 0 && proc.as_owner(thread, is_of).unwrap_or(false)
            });
            if is_seen {
                continue;
            }
            let first = self.found.holders.len();
            let (buffer, holders) = (&mut *self.buffer, &mut self.found.holders);
            let read = proc.as_owner(thread, || {
                FdDir::open(proc, thread)?.read(0..u32::MAX, buffer, holders)
            });
            // What goes wrong here is the process's own trouble, which has been told.
            if let Ok(table @ FdTable { count: 1.., .. }) = read {
                let netns = self.shared.find_netns(thread, is_selected);
                self.keep(thread, (netns, is_selected), first, 0);
                tables.push((table, last_link(thread, table)));
            }
        }
        let is_read = tables.len() > 1;
        (self.threads, self.tables) = (threads, tables);
        is_read
    }

    /// Notes that `task`, which is not selected, lives in its namespace too.
    fn pass_over(&self, task: Task) {
        let told = Told::by(self.shared.proc, task);
        self.shared.with_namespaces(|namespaces| {
            let id = namespaces.add(self.shared.proc, task, told);
            if let Some(netns) = id.and_then(|id| namespaces.get_mut(id)) {
                netns.others += 1;
            }
        });
    }

    /// Counts `task` among those that may not be read.
    fn count_unread(&mut self, task: Task) {
        let proc = self.shared.proc;
        let (uid, gid) = proc
            .stat(task, "")
            .map_or((0, 0), |stat| (stat.uid, stat.gid));
        self.found.unread.push(Unread {
            pid: task.pid,
            uid,
            gid,
            fds: proc
                .stat(task, "fd")
                .ok()
                .and_then(|stat| proc.count_fds(stat.size))
                .unwrap_or(0),
        });
        self.found.some_unread = true;
    }

    /// Makes a piece of the holders from `first` on.
    fn keep(
        &mut self,
        task: Task,
        (netns, is_selected): (Option<NetnsId>, bool),
        first: usize,
        part: u32,
    ) {
        let holders = first..self.found.holders.len();
        if !holders.is_empty() {
            let process = Process {
                task,
                netns,
                holders,
                is_selected,
            };
            self.found.pieces.push(Piece { process, part });
        }
    }
}
