//! The names of the commands of processes. In: the processes that are shown. Out: each one's comm, as bytes that anyone
//! may have chosen (prctl `PR_SET_NAME`). It is read last, so that processes without a row cost nothing.

use std::ops::Range;

use crate::proc::{Proc, Task};

/// Longer than any: `TASK_COMM_LEN` is 16, and kernel threads show up to 64.
const COMM_LEN_MAX: usize = 64;

/// Commands by task.
#[derive(Default)]
pub(crate) struct Commands {
    /// All of them, one after the other.
    bytes: Vec<u8>,
    /// Which task's is where, ascending by task.
    ranges: Vec<(Task, Range<usize>)>,
}

impl Commands {
    /// Reads the command of each of `tasks`, which are ascending. One that has ended has none.
    pub(crate) fn load(proc: &Proc, tasks: impl Iterator<Item = Task>) -> Self {
        let mut commands = Self::default();
        for task in tasks {
            let start = commands.bytes.len();
            // What cannot be read has no name: it ended, or hides.
            let process = Task { tid: 0, ..task };
            if let Ok(comm) = proc.read_file(process, "comm", &mut [0; COMM_LEN_MAX]) {
                commands
                    .bytes
                    .extend_from_slice(comm.strip_suffix(b"\n").unwrap_or(comm));
            }
            commands.ranges.push((task, start..commands.bytes.len()));
        }
        commands
    }

    /// The command of `task`, empty where it is not known.
    pub(crate) fn get(&self, task: Task) -> &[u8] {
        let at = self
            .ranges
            .binary_search_by_key(&task, |(task, _)| *task)
            .ok();
        let range = at
            .and_then(|at| self.ranges.get(at))
            .map(|(_, range)| range.clone());
        range
            .and_then(|range| self.bytes.get(range))
            .unwrap_or_default()
    }
}
