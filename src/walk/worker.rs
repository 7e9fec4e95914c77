//! The threads of a walk. In: an open proc, the selected processes, and a queue of jobs. Out: what each thread found, in
//! the order in which it found it, and the namespaces that all of them met. It puts nothing into order and reads no table
//! of sockets; the caller of the walk may give a function that does.

use std::hint::black_box;
use std::io;
use std::ops::Range;
use std::thread::{self, Builder};

use crate::collections::hash::Seed;
use crate::collections::index::Index;
use crate::collections::{to_index, to_u32};
use crate::proc::{NetnsId, Proc, Task, is_forbidden, is_gone};
use crate::walk::answers::Answers;
use crate::walk::fds::{FdDir, FdTable, Holder, Link};
use crate::walk::found::{ConditionId, Findings, Piece, Process, Unread};
use crate::walk::jobs::Queue;
use crate::walk::shared::{Job, Part, SPLIT_MIN, Shared, Split, Visit};

/// Length of the buffer of a thread: it holds about a thousand names of processes, or 500 of 7 digits.
pub(crate) const BUFFER_LEN: usize = 32 * 1024;
/// Length of a helper's stack, ten times what it uses; memory that is not touched costs nothing.
const STACK_LEN: usize = 256 * 1024;
/// The memory that must be left before a helper is started, in a limited address space (`ulimit -v`): a helper takes
/// little, but where nothing is left for what is found, the program ends. It is not touched.
const SPARE_MIN: usize = 8 * 1024 * 1024;

/// Does all jobs, with helpers as soon as enough work waits for them. Returns what each thread found. `buffer` is scratch
/// space of `BUFFER_LEN` bytes.
pub(crate) fn run(shared: &Shared<'_>, buffer: &mut [u8]) -> Vec<Findings> {
    thread::scope(|scope| {
        let (mut own, mut helpers) = (Worker::new(shared, buffer), Vec::new());
        let mut may_start = true;
        let mut start_helpers = || {
            while may_start && helpers.len() < shared.jobs.helpers_wanted() {
                let start = |buffer| {
                    let builder = Builder::new().stack_size(STACK_LEN);
                    builder.spawn_scoped(scope, || help(shared, buffer)).ok()
                };
                // If there is no memory for one more thread, or none may be started (EAGAIN: a limit of processes), the
                // others do all of the work.
                let helper = spare_buffer().and_then(start);
                may_start = helper.is_some();
                helpers.extend(helper);
            }
        };
        start_helpers();
        shared.jobs.work(Queue::Caller, |job| {
            own.work(job);
            start_helpers();
        });
        let mut found = vec![own.found];
        // A thread that panics ends the program, so every thread returns what it found.
        found.extend(helpers.into_iter().filter_map(|helper| helper.join().ok()));
        found
    })
}

/// Returns a buffer for a helper, if there is memory for it and enough beside it.
fn spare_buffer() -> Option<Vec<u8>> {
    let mut spare: Vec<u8> = Vec::new();
    spare.try_reserve_exact(SPARE_MIN).ok()?;
    // Without this the compiler leaves out what is not used.
    drop(black_box(spare));
    Some(vec![0; BUFFER_LEN])
}

/// Works as a helper, with this scratch space. Returns what it found.
fn help(shared: &Shared<'_>, mut buffer: Vec<u8>) -> Findings {
    let mut worker = Worker::new(shared, &mut buffer);
    shared.jobs.work(Queue::Helpers, |job| worker.work(job));
    worker.found
}

/// How many tables of descriptors a thread is compared with before its own is read.
const TABLES_NEAR: usize = 8;

/// A table of descriptors that was read, by which threads that share it are recognised.
struct KnownTable {
    /// The table.
    fds: FdTable,
    /// What its largest descriptor points to.
    last_link: Link,
    /// Where its sockets are among those that this thread found; none if they were read in parts.
    holders: Range<usize>,
}

impl KnownTable {
    /// Reads the last link of `fds`, the table of `task`, whose sockets are `holders`.
    fn read(proc: &Proc, task: Task, fds: FdTable, holders: Range<usize>) -> Self {
        let last_link = proc.as_owner(task, || fds.read_last(proc, task));
        Self {
            fds,
            last_link: last_link.unwrap_or_default(),
            holders,
        }
    }

    /// Returns true if `thread` seems to have this table.
    fn is_of(&self, proc: &Proc, thread: Task) -> bool {
        let is_of = || Ok(self.fds.is_of(proc, thread, &self.last_link));
        self.fds.count > 0 && proc.as_owner(thread, is_of).unwrap_or(false)
    }
}

/// What came of a process's descriptors.
enum Fds {
    /// They were read.
    Read(FdTable),
    /// There are so many, this number, that they are to be read in parts.
    ToSplit(u64),
}

/// A thread that does jobs.
struct Worker<'a> {
    /// What it shares with the others.
    shared: &'a Shared<'a>,
    /// What it found.
    found: Findings,
    /// Scratch space for folders and tables.
    buffer: &'a mut [u8],
    /// The threads of the process that is being visited.
    threads: Vec<Task>,
    /// The tables of descriptors of that process.
    tables: Vec<KnownTable>,
    /// The descriptors of the task that is being read which are logs of pods.
    logs: Vec<u32>,
    /// What the keys of tables are made with, once there are any.
    seed: Option<Seed>,
}

impl<'a> Worker<'a> {
    /// Returns a thread that has found nothing yet.
    fn new(shared: &'a Shared<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            shared,
            found: Findings::default(),
            buffer,
            threads: Vec::new(),
            tables: Vec::new(),
            logs: Vec::new(),
            seed: None,
        }
    }

    /// Does `job`.
    fn work(&mut self, job: Job) {
        match job {
            Job::Process(pid) => self.visit_if_selected(Task::process(pid)),
            Job::Part(split, part) => self.read_part(&split, part),
            Job::Tables(id, part) => self.read_tables(id, part),
        }
    }

    /// Lets the caller of the walk read `part` of the tables of namespace `id`.
    fn read_tables(&mut self, id: NetnsId, part: Part) {
        let shared = self.shared;
        let member = |at: usize| {
            shared.with_namespaces(|namespaces| namespaces.get(id)?.members.get(at).copied())
        };
        (shared.options.read_tables)(id, part, &mut (0..).map_while(member), self.buffer);
    }

    /// Visits the process `task` if it is selected, or if all are visited.
    fn visit_if_selected(&mut self, task: Task) {
        let options = self.shared.options;
        let mut condition = self.shared.whole_condition();
        if condition.is_none() {
            let is_own = self.shared.own_pid == Some(task.pid);
            let mut answers = Answers::new(self.shared.proc, task, is_own, options.containers);
            let left = answers.settle(options.condition);
            if let Some(error) = answers.error.filter(|_| !left.is_never()) {
                self.found.selected += 1;
                return self.add_unanswered(task, error);
            }
            condition = self.shared.number(left);
            // This program itself does not count as somebody from outside the container.
            if condition.is_none() && options.needs.containers && !is_own {
                self.shared
                    .add_to_netns(task, None, |netns| netns.others += 1);
            }
        }
        if condition.is_some() || options.visits_all {
            self.visit(task, condition);
        }
    }

    /// Reads the namespace and the descriptors of the process `task`, and those of its threads that have their own.
    fn visit(&mut self, task: Task, condition: Option<ConditionId>) {
        let options = self.shared.options;
        let first = self.found.holders.len();
        let read = self.read_or_count(task);
        let is_there = !matches!(&read, Err(error) if is_gone(error));
        self.found.selected += usize::from(condition.is_some() && is_there);
        // If only sockets of processes are wanted, the namespace of a process without any is not needed.
        let needs_netns = options.needs_namespaces()
            || self.found.holders.len() > first
            || matches!(read, Ok(Fds::ToSplit(_)));
        let netns = if needs_netns {
            self.shared.find_netns(task, None, condition.is_some())
        } else {
            None
        };
        let fds = match &read {
            Ok(Fds::Read(fds)) => fds.count,
            Ok(Fds::ToSplit(count)) => *count,
            Err(_) => 0,
        };
        let visit = Visit {
            task,
            netns,
            fds: u32::try_from(fds).unwrap_or(u32::MAX),
            condition,
        };
        match read {
            Ok(Fds::Read(fds)) => {
                self.add_piece(visit, first, 0);
                self.visit_threads(visit, fds, first);
            }
            Ok(Fds::ToSplit(count)) => self.shared.add_parts(visit, count),
            Err(error) => {
                let has_read_threads = self.visit_threads(visit, FdTable::default(), first);
                self.add_error(visit, error, has_read_threads);
            }
        }
    }

    /// Reads the descriptors of the process `task`, unless there are so many that other threads can help.
    fn read_or_count(&mut self, task: Task) -> io::Result<Fds> {
        let Shared { proc, jobs, .. } = self.shared;
        let (buffer, holders) = (&mut *self.buffer, &mut self.found.holders);
        let logs = &mut self.logs;
        let fds = proc.as_owner(task, || {
            let dir = FdDir::open(proc, task)?;
            if dir.count() >= SPLIT_MIN && jobs.threads() > 1 {
                return Ok(Fds::ToSplit(dir.count()));
            }
            dir.read(0..u32::MAX, buffer, holders, logs).map(Fds::Read)
        });
        self.add_logs(task);
        fds
    }

    /// Adds the logs of pods that `task` has open.
    fn add_logs(&mut self, task: Task) {
        let logs = self.logs.drain(..).map(|fd| (task.pid, fd));
        self.found.logs.extend(logs);
    }

    /// Reads the descriptors of `task` with `numbers`.
    fn read_fds(&mut self, task: Task, numbers: &Range<u32>) -> io::Result<FdTable> {
        let proc = self.shared.proc;
        let (buffer, holders) = (&mut *self.buffer, &mut self.found.holders);
        let logs = &mut self.logs;
        let fds = proc.as_owner(task, || {
            FdDir::open(proc, task)?.read(numbers.clone(), buffer, holders, logs)
        });
        self.add_logs(task);
        fds
    }

    /// Reads part `part` of a process, and after the last one its threads.
    fn read_part(&mut self, split: &Split, part: u32) {
        let first = self.found.holders.len();
        let read = self.read_fds(split.visit.task, &split.numbers(part));
        self.add_piece(split.visit, first, part);
        let fds = read.unwrap_or_else(|error| {
            self.add_error(split.visit, error, false);
            FdTable::default()
        });
        if let Some(whole) = split.add_done(fds) {
            self.visit_threads(split.visit, whole, self.found.holders.len());
        }
    }

    /// Reads those threads of `process` that have descriptors of their own: because the main thread has ended, so that
    /// `fds` is empty (proc(5)), or because they have left the common table (`unshare(CLONE_FILES)`). Three calls a
    /// thread reveal the latter: the number of descriptors, what the largest one is, and whether the lowest free one is
    /// free there too; tables that differ in none of these count as one, though a thread may have closed a socket of the common
    /// table and opened another one at its number: to see that, every link of every thread would have to be read. Only the first and the last few tables are asked for
    /// so, because n threads may have n of them; of the others the sockets of the thread's own tell. A fourth call finds the
    /// namespace that a thread may have of its own, where all namespaces are needed. The sockets of `fds` are those from
    /// `first` on. Returns true if any thread could be read.
    fn visit_threads(&mut self, process: Visit, fds: FdTable, first: usize) -> bool {
        let Visit {
            task,
            netns,
            condition,
            ..
        } = process;
        let proc = self.shared.proc;
        // If the main thread has ended, the folder PID/fd is root's, and empty; those of the other threads are not.
        if !proc.has_threads(task) {
            return false;
        }
        let needs_namespaces = self.shared.options.needs_namespaces();
        let mut threads = std::mem::take(&mut self.threads);
        threads.clear();
        self.tables.clear();
        let holders = first..self.found.holders.len();
        self.tables.push(KnownTable::read(proc, task, fds, holders));
        proc.add_threads(task, self.buffer, &mut threads);
        let mut by_key = Index::with_room(threads.len() + 1);
        for thread in &threads {
            let mut visit = Visit {
                task: *thread,
                netns: None,
                fds: 0,
                condition,
            };
            if needs_namespaces {
                visit.netns = self.shared.find_netns(*thread, netns, condition.is_some());
            }
            let len = self.tables.len();
            let is_its = |back| {
                let table = self.tables.get(if back == 0 { 0 } else { len - back });
                table.is_some_and(|table| table.is_of(proc, *thread))
            };
            if !(0..len.min(TABLES_NEAR)).any(is_its) {
                self.visit_thread(visit, netns, &mut by_key);
            }
        }
        self.threads = threads;
        self.tables.len() > 1
    }

    /// Reads the descriptors of a thread that seems to have a table of its own, and drops them if its table was read before:
    /// `by_key` has the numbers of those. Its process is in `home`.
    fn visit_thread(&mut self, mut visit: Visit, home: Option<NetnsId>, by_key: &mut Index) {
        let (first, thread) = (self.found.holders.len(), visit.task);
        // An error here is that of the process, which is noted there.
        if let Ok(fds @ FdTable { count: 1.., .. }) = self.read_fds(thread, &(0..u32::MAX)) {
            let holders = first..self.found.holders.len();
            let key = self.key(holders.clone());
            let own = self.holders(&holders);
            let is_it = |at| {
                let table = self.tables.get(to_index(at));
                table.is_some_and(|table| self.holders(&table.holders) == own)
            };
            if by_key.find(key).any(is_it) {
                return self.found.holders.truncate(first);
            }
            by_key.insert(key, to_u32(self.tables.len()));
            let table = KnownTable::read(self.shared.proc, thread, fds, holders);
            self.tables.push(table);
            if visit.netns.is_none() {
                let is_selected = visit.condition.is_some();
                visit.netns = self.shared.find_netns(thread, home, is_selected);
            }
            visit.fds = u32::try_from(fds.count).unwrap_or(u32::MAX);
            self.add_piece(visit, first, 0);
        }
    }

    /// Returns the found holders in this range.
    fn holders(&self, holders: &Range<usize>) -> &[Holder] {
        self.found.holders.get(holders.clone()).unwrap_or_default()
    }

    /// Returns a number by which to look for a table with these holders.
    fn key(&mut self, holders: Range<usize>) -> u32 {
        let seed = self.seed.get_or_insert_with(Seed::new);
        let found = self.found.holders.get(holders).unwrap_or_default();
        seed.hash(found)
    }

    /// Adds the holders from `first` on as part `part` of a task.
    fn add_piece(&mut self, visit: Visit, first: usize, part: u32) {
        let holders = first..self.found.holders.len();
        if !holders.is_empty() {
            let process = Process {
                task: visit.task,
                netns: visit.netns,
                fds: visit.fds,
                holders,
                condition: visit.condition,
            };
            self.found.pieces.push(Piece { process, part });
        }
    }

    /// Adds the `error` of reading a process's descriptors. That they are forbidden does not count if those of a thread
    /// were read; that the process is gone never counts.
    fn add_error(&mut self, visit: Visit, error: io::Error, has_read_threads: bool) {
        if !is_forbidden(&error) {
            if !is_gone(&error) {
                self.found.errors.push((visit.task.pid, "fd", error));
                self.found.some_unread = true;
            }
        } else if !has_read_threads {
            self.found.some_unread = true;
            if visit.condition.is_some() {
                self.add_unread(visit.task);
            }
        }
    }

    /// Adds the process `task`, of which `error` leaves open whether it is selected.
    fn add_unanswered(&mut self, task: Task, error: io::Error) {
        if is_forbidden(&error) {
            return self.add_unread(task);
        }
        self.found.errors.push((task.pid, "", error));
        self.found.some_unread = true;
    }

    /// Adds `task` to the processes that may not be read.
    fn add_unread(&mut self, task: Task) {
        let proc = self.shared.proc;
        let owner = proc.stat(task, "");
        let (uid, gid) = owner.map_or((0, 0), |stat| (stat.uid, stat.gid));
        let fds = proc.stat(task, "fd");
        let fds = fds.ok().and_then(|stat| proc.count_fds(stat.size));
        self.found.unread.push(Unread {
            pid: task.pid,
            uid,
            gid,
            fds: fds.unwrap_or(0),
        });
        self.found.some_unread = true;
    }
}
