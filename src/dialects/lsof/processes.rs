//! The processes that lsof selects, by id, user and command. In: the options. Out: the ids of those that are left, and whether
//! every selection has met a process: lsof's exit status tells. A process need not have a socket for that.

use super::arguments::Options;
use super::mark;
use crate::collections::sort::sort_dedup;
use crate::proc::{Proc, Task};
use crate::walk::comm::{COMM_LEN_MAX, read_comm};

/// Which processes are selected.
pub(super) struct Processes {
    /// Their ids, ascending; `None` for all.
    pub(super) pids: Option<Vec<u32>>,
    /// True if every selection has met one.
    pub(super) are_all_met: bool,
}

impl Processes {
    /// Finds the processes that `options` select. Where they select none by what it is, nothing is read.
    ///
    /// # Errors
    /// errno of listing the processes.
    pub(super) fn find(proc: &Proc, options: &Options) -> std::io::Result<Self> {
        let (pids, uids) = (&options.pids, &options.uids);
        let excludes = !pids.excluded.is_empty()
            || !uids.excluded.is_empty()
            || !options.commands_excluded.is_empty();
        if !options.selects_processes() && !excludes {
            return Ok(Self {
                pids: None,
                are_all_met: true,
            });
        }
        let mut of_ids = Met::none(pids.included.len());
        let mut of_users = Met::none(uids.included.len());
        let mut of_commands = Met::none(options.commands.len());
        let mut found = Vec::new();
        for pid in proc.pids(&mut [0; 8192])? {
            let task = Task::process(pid);
            // One that has ended meanwhile has nothing open.
            let (Ok(stat), mut buffer) = (proc.stat(task, ""), [0; COMM_LEN_MAX]) else {
                continue;
            };
            let comm = read_comm(proc, task, &mut buffer).unwrap_or_default();
            let begins = |name: &Vec<u8>| comm.starts_with(name);
            let is_excluded = pids.excluded.contains(&pid)
                || uids.excluded.contains(&stat.uid)
                || options.commands_excluded.iter().any(begins);
            // As in lsof, the first kind of selection that fails leaves those behind it unmet.
            if !is_excluded
                && of_users.meet(&uids.included, &|wanted| *wanted == stat.uid)
                && of_ids.meet(&pids.included, &|wanted| *wanted == pid)
                && of_commands.meet(&options.commands, &begins)
            {
                found.push(pid);
            }
        }
        // /proc lists them ascending, but a folder that is laid out like it need not.
        sort_dedup(&mut found);
        Ok(Self {
            pids: Some(found),
            // lsof takes `-c ^NAME` for a selection that is never met.
            are_all_met: of_ids.all()
                && of_users.all()
                && of_commands.all()
                && options.commands_excluded.is_empty(),
        })
    }
}

/// Which selections of a kind have met a process.
struct Met(Vec<bool>);

impl Met {
    /// Returns `count` selections that have met none.
    fn none(count: usize) -> Self {
        Self(vec![false; count])
    }

    /// Returns true if any of `selections` meets a process, or if there is none. Of several that do the one that was typed last
    /// is noted, and no other.
    fn meet<T>(&mut self, selections: &[T], meets: &dyn Fn(&T) -> bool) -> bool {
        let at = selections.iter().rposition(meets);
        mark(&mut self.0, at);
        at.is_some() || selections.is_empty()
    }

    /// Returns true if all have met one.
    fn all(&self) -> bool {
        self.0.iter().all(|met| *met)
    }
}
