//! Answers the questions of a condition about one process. In: the process, and the condition. Out: what is left of the
//! condition for its sockets. It reads comm and cmdline only when a question needs them, each at most once for a
//! question, and no descriptor; containers were found before.

use std::io;

use crate::proc::{Proc, Task, is_gone};
use crate::select::{Condition, ProcessTest, Question, Truth};
use crate::walk::comm;
use crate::walk::container::Containers;

/// A process about which questions are asked.
pub(super) struct Answers<'a> {
    /// The proc that has it.
    proc: &'a Proc,
    /// The process.
    task: Task,
    /// True for this process itself: its command line has every word that it looks for, so no word selects it.
    is_own: bool,
    /// The containers of all processes, if one is asked for.
    containers: &'a Containers,
    /// The error of reading what a question is about, which leaves the question open.
    pub(super) error: Option<io::Error>,
}

impl<'a> Answers<'a> {
    /// Returns the answers of `task`, which is this program itself if `is_own`.
    pub(super) fn new(
        proc: &'a Proc,
        task: Task,
        is_own: bool,
        containers: &'a Containers,
    ) -> Self {
        Self {
            proc,
            task,
            is_own,
            containers,
            error: None,
        }
    }

    /// Returns what is left of `condition` for the sockets of the process.
    pub(super) fn settle(&mut self, condition: &Condition) -> Condition {
        condition.settle(&mut |question| match question {
            Question::Process(test) => self.answer(test),
            Question::Row(_) => Truth::Maybe,
        })
    }

    /// Returns the answer to one question.
    pub(super) fn answer(&mut self, test: &ProcessTest) -> Truth {
        match test {
            ProcessTest::Pids(pids) => pids.binary_search(&self.task.pid).is_ok().into(),
            ProcessTest::Containers(numbers) => {
                let number = self.containers.number_of(self.task.pid);
                let found = match self.containers.error_of(self.task.pid) {
                    Some(error) => Err(error),
                    None => Ok(number.is_some_and(|number| numbers.contains(&number))),
                };
                self.truth(found)
            }
            // What the word means was found before.
            ProcessTest::Container(_) => Truth::Maybe,
            ProcessTest::Prefix(_) | ProcessTest::Word(_) if self.is_own => Truth::No,
            ProcessTest::Prefix(prefix) => {
                let starts = comm::starts_with(self.proc, self.task, prefix);
                self.truth(starts)
            }
            ProcessTest::Word(word) => {
                let contains = comm::contains(self.proc, self.task, word);
                self.truth(contains)
            }
        }
    }

    /// Returns the truth of what was read: open if that failed, as it does where it may not be read (hidepid=1); no if the
    /// process is gone.
    fn truth(&mut self, read: io::Result<bool>) -> Truth {
        match read {
            Ok(holds) => holds.into(),
            Err(error) if is_gone(&error) => Truth::No,
            Err(error) => {
                self.error = Some(error);
                Truth::Maybe
            }
        }
    }
}
