//! Answers the questions of a condition about one process. In: the process, and the condition. Out: what is left of the
//! condition for its sockets. It reads comm, cmdline and cgroup only when a question needs them, each at most once for a
//! question, and no descriptor.

use std::cell::OnceCell;
use std::io;

use crate::proc::{Proc, Task, is_forbidden};
use crate::select::{Condition, ProcessTest, Question, Truth};
use crate::walk::comm;
use crate::walk::container::{ContainerId, Finder};

/// A process about which questions are asked.
pub(super) struct Answers<'a> {
    /// The proc that has it.
    proc: &'a Proc,
    /// The process.
    task: Task,
    /// True for this process itself: its command line has every word that it looks for, so no word selects it.
    is_own: bool,
    /// Finds its container.
    containers: &'a mut Finder,
    /// Scratch space.
    buffer: &'a mut [u8],
    /// Its container, once it was asked for.
    container: OnceCell<Option<ContainerId>>,
    /// True if its command may not be read, so that a question is open.
    pub(super) is_forbidden: bool,
}

impl<'a> Answers<'a> {
    /// Returns the answers of `task`, which is this program itself if `is_own`; `buffer` is scratch space.
    pub(super) fn new(
        proc: &'a Proc,
        task: Task,
        is_own: bool,
        containers: &'a mut Finder,
        buffer: &'a mut [u8],
    ) -> Self {
        Self {
            proc,
            task,
            is_own,
            containers,
            buffer,
            container: OnceCell::new(),
            is_forbidden: false,
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
            ProcessTest::Container(prefix) => {
                let find = || self.containers.find(self.proc, self.task, self.buffer);
                let id = self.container.get_or_init(find);
                id.is_some_and(|id| id.full().starts_with(prefix)).into()
            }
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

    /// Returns the truth of what was read of the command: open if it may not be read (hidepid=1), no if the process is
    /// gone.
    fn truth(&mut self, read: io::Result<bool>) -> Truth {
        match read {
            Ok(holds) => holds.into(),
            Err(error) if is_forbidden(&error) => {
                self.is_forbidden = true;
                Truth::Maybe
            }
            Err(_) => Truth::No,
        }
    }
}
