//! A second look, where the first one showed nothing: at all sockets of the selected processes, so that it can be said
//! what there is instead, and whether a socket that stands in no table may be what was asked for. In: the plan of the
//! first look, and its snapshot. Out: `Again`. It prints nothing, and what is odd was said by the first look.

use crate::cli::Options;
use crate::join::Entry;
use crate::plan::Plan;
use crate::proc::{Proc, Task};
use crate::select::unlisted::Unlisted;
use crate::select::{ProcessTest, Question, Truth};
use crate::snapshot::{Snapshot, Take};
use crate::socket::Ends;
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::walk;
use crate::walk::comm::Commands;
use crate::walk::netns::Netns;
use crate::warn::Warnings;

/// What a second look has found.
pub(crate) struct Again {
    /// All sockets of the selected processes; of all processes if none was there.
    pub(crate) snapshot: Snapshot,
    /// The questions about processes to which no process is the answer.
    pub(crate) missing: Vec<ProcessTest>,
    /// The selected namespaces that no task is seen in.
    pub(crate) missing_namespaces: Vec<u32>,
    /// True if one of these is named by its inode, and so may be one without a process.
    pub(crate) is_deserted: bool,
    /// True if a selected namespace may be there: the number of one that was met may not be read, or a process in it is not seen,
    /// or what that process is in is not.
    pub(crate) may_be_unseen: bool,
    /// The sockets that stand in no table and may be what was asked for.
    pub(crate) unlisted: UnlistedSockets,
}

/// The largest process id (`include/linux/threads.h`: `PID_MAX_LIMIT`); the numbers of namespaces are larger.
pub(crate) const PID_MAX: u32 = 4 * 1024 * 1024;

/// The most holders of sockets in no table that are named.
const HOLDERS_MAX: usize = 3;

/// Sockets that stand in no table, and who holds them.
#[derive(Default)]
pub(crate) struct UnlistedSockets {
    /// The number of sockets.
    pub(crate) count: usize,
    /// True if all of them are of TCP.
    pub(crate) are_tcp: bool,
    /// True if one of them is of a protocol whose table lists every socket: there is a namespace whose tables cannot be
    /// read, because no process is in it.
    pub(crate) is_foreign: bool,
    /// A task and its descriptor, of some of them.
    pub(crate) holders: Vec<(Task, u32)>,
    /// The commands of these tasks.
    commands: Commands,
}

impl UnlistedSockets {
    /// Finds those in `snapshot` that may match the condition of `plan`. `is_foreign` says that they may be of a namespace that
    /// no process is in.
    fn find(snapshot: &Snapshot, proc: &Proc, plan: &Plan, is_foreign: bool) -> Self {
        let mut entries = Vec::new();
        snapshot
            .joined
            .for_each_socket(&snapshot.sockets, &mut |entry| {
                if entry.row.state == State::UNLISTED {
                    entries.push(*entry);
                }
            });
        let tells = |entry: &Entry<'_>| Protos::ALWAYS_LISTED.has(entry.row.proto);
        let mut found = Self {
            are_tcp: true,
            is_foreign: is_foreign || entries.iter().any(tells),
            ..Self::default()
        };
        // In a namespace that has a process none of them listens or is connected.
        if !found.is_foreign && !plan.asks_bound() {
            return Self::default();
        }
        let mut tasks = Vec::new();
        for Entry {
            row, process, fd, ..
        } in entries
        {
            let protos = match row.ends {
                // Nothing tells what it is.
                Ends::Unlisted(b"") => Protos::ALL,
                _ => row.proto.unlisted_as(),
            };
            let socket = Unlisted {
                protos,
                inode: Some(row.inode),
                is_foreign: found.is_foreign,
            };
            if !plan.condition.may_match_unlisted(&socket) {
                continue;
            }
            found.count += 1;
            found.are_tcp &= Protos::TCP.has(row.proto);
            if let (Some(process), Some(fd)) = (process, fd)
                && found.holders.len() < HOLDERS_MAX
            {
                found.holders.push((process.task, fd));
                tasks.push(process.task);
            }
        }
        // The tasks are ascending.
        tasks.dedup();
        found.commands = Commands::load(proc, &tasks, &Commands::default());
        found
    }

    /// Returns the name of the command of `task`; empty if it has ended.
    pub(crate) fn command(&self, task: Task) -> &[u8] {
        self.commands.get(task)
    }
}

impl Take<'_> {
    /// Returns true if a second look may tell that what `first` has not may be there, in no table or in a namespace that was not
    /// met. Of processes that are not there it tells nothing.
    pub(crate) fn may_be_elsewhere(&self, first: &Snapshot) -> bool {
        first.selected > 0 && (self.plan.asks_unlisted() || first.namespaces.unmet > 0)
    }

    /// Looks again, after `first` had nothing to show.
    ///
    /// # Errors
    /// One line: proc itself cannot be read.
    pub(crate) fn again(&self, first: &Snapshot, options: &Options) -> Result<Again, String> {
        let plan = self.plan.of_second_look(first.selected == 0, options);
        let missing_namespaces = self.missing_namespaces(first);
        let is_deserted = missing_namespaces.iter().any(|number| *number > PID_MAX);
        let take = Take {
            proc: self.proc,
            plan: &plan,
            // Whoever has sockets of a namespace without a process is in another one.
            namespaces: if is_deserted { &[] } else { self.namespaces },
            threads: self.threads,
        };
        // What is odd was said at the first look.
        let snapshot = take.snapshot(&mut Warnings::default())?;
        let unlisted = if first.selected > 0 && (is_deserted || self.plan.asks_unlisted()) {
            UnlistedSockets::find(&snapshot, self.proc, self.plan, is_deserted)
        } else {
            UnlistedSockets::default()
        };
        let unmet = first.namespaces.unmet;
        let may_be_unseen = first.selected > 0
            && (unmet > missing_namespaces.len()
                || (unmet > 0 && first.joined.hides_some())
                || (is_deserted && some_are_untold(first)));
        Ok(Again {
            missing: self.missing(first),
            missing_namespaces,
            is_deserted,
            may_be_unseen,
            unlisted,
            snapshot,
        })
    }

    /// Returns the selected namespaces that no task of `first` was seen in, each by its inode or by a process that is not there.
    fn missing_namespaces(&self, first: &Snapshot) -> Vec<u32> {
        let is_missing = |number: &&u32| {
            let mut all = first.namespaces.iter();
            let task = Task::process(**number);
            let is_it = |(_, netns): (_, &Netns)| netns.inode == Some(**number);
            !all.any(is_it) && self.proc.stat(task, "").is_err()
        };
        self.namespaces.iter().filter(is_missing).copied().collect()
    }

    /// Returns the questions about processes to which no process is the answer; those about several ids are taken apart.
    fn missing(&self, first: &Snapshot) -> Vec<ProcessTest> {
        let mut tests = Vec::new();
        self.plan.condition.test(&mut |question| {
            match question {
                Question::Process(ProcessTest::Pids(pids)) => {
                    tests.extend(pids.iter().map(|pid| ProcessTest::Pids(vec![*pid])));
                }
                // What a container means was found at the first look.
                Question::Process(ProcessTest::Container(_)) | Question::Row(_) => {}
                Question::Process(test) => tests.push(test.clone()),
            }
            Truth::Maybe
        });
        walk::retain_unanswered(self.proc, &mut tests);
        let words = first.containers.missing().iter().cloned();
        tests.extend(words.map(ProcessTest::Container));
        tests
    }
}

/// Returns true if the number of a namespace that was met may not be read, or not even what the first process is in that may not be
/// read (hidepid=1): then it is so with all of them.
fn some_are_untold(first: &Snapshot) -> bool {
    let mut all = first.namespaces.iter();
    let is_nameless = all.any(|(_, netns)| netns.inode.is_none());
    let unread = first.joined.unread().first();
    let is_met = |pid| {
        let mut all = first.namespaces.iter();
        all.any(|(_, netns)| netns.members().any(|task| task.pid == pid))
    };
    is_nameless || unread.is_some_and(|unread| !is_met(unread.pid))
}
