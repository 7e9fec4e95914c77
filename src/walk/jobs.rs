//! A work queue for several threads. In: jobs, each with the time that it takes, roughly; a job may add more. Out: each
//! job once, to whichever thread is free, until none is left and none is running that could add one. It does not look
//! into a job.
//!
//! There are two queues. The calling thread takes from one of them first, helpers from the other. So a single thread
//! empties the first queue before it begins the second.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::collections::to_index;
use crate::proc::sys;
use crate::text::fields::Fields;

/// Largest number of threads that is chosen unasked: all of them share the kernel's locks.
const THREADS_MAX: usize = 16;
/// Amount of waiting work, in µs, for each of which one helper pays; to start one takes 20 to 100 µs.
const HELPER_MICROS: usize = 1400;

/// Where a container reads its own quota.
const QUOTA_FILE: &str = "/sys/fs/cgroup/cpu.max";

/// Returns the number of processors that the quota of the container pays for; `None` where there is no quota. Quotas of
/// cgroups around or below that of the container are not looked for: std's `available_parallelism`, which does that for
/// both versions of cgroups, is 18 KB of the binary.
fn quota() -> Option<usize> {
    let (mut file, mut buffer) = (File::open(QUOTA_FILE).ok()?, [0; 64]);
    let len = file.read(&mut buffer).ok()?;
    parse_quota(buffer.get(..len)?)
}

/// Returns quota by period, both in µs: `150000 100000`, or `max 100000` where there is no quota.
fn parse_quota(text: &[u8]) -> Option<usize> {
    let mut fields = Fields::new(text.strip_suffix(b"\n")?);
    let (quota, period) = (fields.decimal32()?, fields.decimal32()?);
    quota.checked_div(period).map(to_index)
}

/// One of the two queues.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// Jobs that the calling thread takes first.
    Caller,
    /// Jobs that helpers take first.
    Helpers,
}

/// The waiting jobs, each with the µs that it takes.
struct Waiting<J> {
    /// `Queue::Caller`.
    caller: VecDeque<(J, usize)>,
    /// `Queue::Helpers`.
    helpers: VecDeque<(J, usize)>,
    /// Sum of the µs of both queues.
    micros: usize,
    /// Number of jobs that are running.
    busy: usize,
    /// Number of threads that wait for a job.
    idle: usize,
}

/// Jobs, shared by the threads that do them.
pub(crate) struct Jobs<J> {
    /// The waiting jobs.
    waiting: Mutex<Waiting<J>>,
    /// Wakes idle threads when a job was added, or when none can be added any more.
    changed: Condvar,
    /// Largest number of threads, determined when it is first needed.
    threads: OnceLock<usize>,
}

impl<J> Jobs<J> {
    /// Returns empty queues for `threads` threads, or for as many as this process may run at once.
    pub(crate) fn new(threads: Option<NonZero<usize>>) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                caller: VecDeque::new(),
                helpers: VecDeque::new(),
                micros: 0,
                busy: 0,
                idle: 0,
            }),
            changed: Condvar::new(),
            threads: threads.map_or_else(OnceLock::new, |threads| OnceLock::from(threads.get())),
        }
    }

    /// Returns the largest number of threads: as many as the scheduler's affinity and the container's quota allow.
    pub(crate) fn threads(&self) -> usize {
        *self.threads.get_or_init(|| {
            let available = sys::processors().min(quota().unwrap_or(THREADS_MAX));
            available.clamp(1, THREADS_MAX)
        })
    }

    /// Returns the number of helpers that the waiting work is worth.
    pub(crate) fn helpers_wanted(&self) -> usize {
        self.helpers_for(self.waiting().micros)
    }

    /// Returns the number of helpers that work of `micros` µs is worth.
    pub(crate) fn helpers_for(&self, micros: usize) -> usize {
        match micros / HELPER_MICROS {
            0 => 0,
            helpers => helpers.min(self.threads().saturating_sub(1)),
        }
    }

    /// Locks the waiting jobs. A thread that panics ends the program, so none leaves them half changed.
    fn waiting(&self) -> MutexGuard<'_, Waiting<J>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `jobs`, each of which takes about `micros` µs, to the end of `queue`.
    pub(crate) fn add(&self, queue: Queue, jobs: impl Iterator<Item = J>, micros: usize) {
        let waiting = &mut *self.waiting();
        let queue = match queue {
            Queue::Caller => &mut waiting.caller,
            Queue::Helpers => &mut waiting.helpers,
        };
        let before = queue.len();
        queue.extend(jobs.map(|job| (job, micros)));
        waiting.micros += (queue.len() - before) * micros;
        if waiting.idle > 0 {
            self.changed.notify_all();
        }
    }

    /// Takes jobs, those of `queue` first, and runs `work` on each, until no job is left and none can be added.
    pub(crate) fn work(&self, queue: Queue, mut work: impl FnMut(J)) {
        while let Some(job) = self.take(queue) {
            work(job);
            let mut waiting = self.waiting();
            waiting.busy -= 1;
            if waiting.busy == 0 && waiting.idle > 0 {
                self.changed.notify_all();
            }
        }
    }

    /// Takes the next job, from `queue` if it has one, and waits for it if need be. Returns `None` when there is none
    /// and no thread is left that could add one.
    fn take(&self, queue: Queue) -> Option<J> {
        let mut waiting = self.waiting();
        loop {
            let Waiting {
                caller, helpers, ..
            } = &mut *waiting;
            let next = match queue {
                Queue::Caller => caller.pop_front().or_else(|| helpers.pop_front()),
                Queue::Helpers => helpers.pop_front().or_else(|| caller.pop_front()),
            };
            if let Some((job, micros)) = next {
                waiting.micros -= micros;
                waiting.busy += 1;
                return Some(job);
            }
            if waiting.busy == 0 {
                return None;
            }
            waiting.idle += 1;
            let woken = self.changed.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
            waiting.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_quota_is_a_number_of_processors() {
        for (text, processors) in [
            ("max 100000\n", None),
            ("150000 100000\n", Some(1)),
            ("50000 100000\n", Some(0)),
            ("400000 100000\n", Some(4)),
            ("400000 0\n", None),
            ("", None),
        ] {
            assert_eq!(parse_quota(text.as_bytes()), processors, "{text}");
        }
        // Where no quota of another cgroup is in the way, std counts the same.
        let counted = thread::available_parallelism().unwrap().get();
        assert!(sys::processors() >= counted);
    }

    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn every_job_is_done_once_and_so_is_every_job_that_it_adds() {
        for threads in 1..5 {
            let jobs = Jobs::new(NonZero::new(threads));
            jobs.add(Queue::Caller, 0..50, 200);
            assert_eq!(jobs.helpers_wanted(), threads - 1);
            let done: Vec<AtomicU32> = (0..150).map(|_| AtomicU32::new(0)).collect();
            let work = |number: usize| {
                done[number].fetch_add(1, Ordering::Relaxed);
                if number < 50 {
                    let queue = [Queue::Caller, Queue::Helpers][number % 2];
                    jobs.add(queue, [number + 50, number + 100].into_iter(), 10);
                }
            };
            thread::scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(|| jobs.work(Queue::Helpers, work));
                }
                jobs.work(Queue::Caller, work);
            });
            assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            assert_eq!(jobs.helpers_wanted(), 0);
        }
    }

    #[test]
    fn a_helper_is_wanted_for_each_piece_of_work_that_pays() {
        let jobs = Jobs::<u32>::new(NonZero::new(4));
        let wanted =
            [0, 1399, 1400, 2799, 2800, 4200, 1_000_000].map(|micros| jobs.helpers_for(micros));
        assert_eq!(wanted, [0, 0, 1, 1, 2, 3, 3]);
        assert_eq!(Jobs::<u32>::new(NonZero::new(1)).helpers_for(1_000_000), 0);
    }

    #[test]
    fn one_thread_alone_empties_its_own_queue_first() {
        for (queue, order) in [
            (Queue::Caller, [10, 11, 12, 0, 1, 2]),
            (Queue::Helpers, [0, 1, 2, 10, 11, 12]),
        ] {
            let jobs = Jobs::new(NonZero::new(1));
            jobs.add(Queue::Helpers, 0..3, 1);
            jobs.add(Queue::Caller, 10..13, 1);
            let mut done = Vec::new();
            jobs.work(queue, |job| done.push(job));
            assert_eq!(done, order);
        }
    }
}
