//! Shares out jobs among threads. In: jobs, of which one may bring more. Out: the same jobs, one at a time, to whichever
//! thread is free, until none is left and none is being done that could bring another. It knows no job.
//!
//! There are two lines of jobs. The first thread takes from the main line as long as there is anything in it, the
//! helpers from the side line: so one thread alone does all of the main line first, as if there were no second one.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

/// More threads than this are not started unasked: the kernel's locks are shared by all of them.
const THREADS_MAX: usize = 16;
/// The work that is waiting, in µs, from which on helpers are worth their start, of about 100 µs each.
const HELPED_MICROS_MIN: usize = 3000;

/// Where jobs wait, each with about how many µs it takes.
struct Lines<J> {
    /// What the first thread takes first.
    main: VecDeque<(J, usize)>,
    /// What the helpers take first.
    side: VecDeque<(J, usize)>,
    /// How long all that is waiting takes, about, in µs.
    micros: usize,
    /// How many are being done.
    busy: usize,
    /// How many threads wait for one.
    idle: usize,
}

/// Jobs, and those who wait for one.
pub(crate) struct Crew<J> {
    /// The jobs.
    lines: Mutex<Lines<J>>,
    /// That there is a new one, or that there will be none any more.
    changed: Condvar,
    /// How many threads there may be; asked for when it first matters.
    size: OnceLock<usize>,
}

/// What a thread of a crew is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is there anyway.
    First,
    /// It was started to help.
    Helper,
}

impl<J> Crew<J> {
    /// No job yet, for `threads` threads, or as many as this process may use at once.
    pub(crate) fn new(threads: Option<NonZero<usize>>) -> Self {
        Self {
            lines: Mutex::new(Lines {
                main: VecDeque::new(),
                side: VecDeque::new(),
                micros: 0,
                busy: 0,
                idle: 0,
            }),
            changed: Condvar::new(),
            size: threads.map_or_else(OnceLock::new, |threads| OnceLock::from(threads.get())),
        }
    }

    /// How many threads there may be: what the scheduler's affinity and the cgroup's quota leave.
    pub(crate) fn size(&self) -> usize {
        *self.size.get_or_init(|| {
            let available = thread::available_parallelism();
            available.map_or(1, NonZero::get).min(THREADS_MAX)
        })
    }

    /// How many helpers what is waiting is worth.
    pub(crate) fn helpers_wanted(&self) -> usize {
        if self.lines().micros < HELPED_MICROS_MIN {
            0
        } else {
            self.size().saturating_sub(1)
        }
    }

    /// The lines; a thread that panics ends the program, so none leaves them half changed.
    fn lines(&self) -> MutexGuard<'_, Lines<J>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `jobs`, each of which takes about `micros` µs, to the main line, or to the side line.
    pub(crate) fn add(&self, jobs: impl Iterator<Item = J>, is_side: bool, micros: usize) {
        let lines = &mut *self.lines();
        let line = if is_side {
            &mut lines.side
        } else {
            &mut lines.main
        };
        let before = line.len();
        line.extend(jobs.map(|job| (job, micros)));
        lines.micros += (line.len() - before) * micros;
        if lines.idle > 0 {
            self.changed.notify_all();
        }
    }

    /// Does jobs with `job` until there are none.
    pub(crate) fn work(&self, role: Role, mut job: impl FnMut(J)) {
        while let Some(next) = self.take(role) {
            job(next);
            let mut lines = self.lines();
            lines.busy -= 1;
            if lines.busy == 0 && lines.idle > 0 {
                self.changed.notify_all();
            }
        }
    }

    /// The next job for a thread in `role`; `None` where there is none and nobody is left who could bring one.
    fn take(&self, role: Role) -> Option<J> {
        let mut lines = self.lines();
        loop {
            let Lines { main, side, .. } = &mut *lines;
            let next = match role {
                Role::First => main.pop_front().or_else(|| side.pop_front()),
                Role::Helper => side.pop_front().or_else(|| main.pop_front()),
            };
            if let Some((job, micros)) = next {
                lines.micros -= micros;
                lines.busy += 1;
                return Some(job);
            }
            if lines.busy == 0 {
                return None;
            }
            lines.idle += 1;
            let waited = self.changed.wait(lines);
            lines = waited.unwrap_or_else(PoisonError::into_inner);
            lines.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn every_job_is_done_once_and_those_that_it_brings_too() {
        for threads in 1..5 {
            let crew = Crew::new(NonZero::new(threads));
            crew.add(0..50, false, 100);
            assert_eq!(crew.helpers_wanted(), threads - 1);
            let done: Vec<AtomicU32> = (0..150).map(|_| AtomicU32::new(0)).collect();
            let job = |number: usize| {
                done[number].fetch_add(1, Ordering::Relaxed);
                if number < 50 {
                    crew.add(
                        [number + 50, number + 100].into_iter(),
                        number.is_multiple_of(2),
                        10,
                    );
                }
            };
            thread::scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(|| crew.work(Role::Helper, job));
                }
                crew.work(Role::First, job);
            });
            assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            assert_eq!(crew.helpers_wanted(), 0);
        }
    }

    #[test]
    fn one_thread_alone_does_the_main_line_first() {
        let crew = Crew::new(NonZero::new(1));
        crew.add(0..3, true, 1);
        crew.add(10..13, false, 1);
        let mut order = Vec::new();
        crew.work(Role::First, |job| order.push(job));
        assert_eq!(order, [10, 11, 12, 0, 1, 2]);
    }
}
