//! The types of what a walk finds. In: nothing. Out: `Walk`, the whole of it, which the rooms above read; and `Findings`,
//! what one thread found before it is put into order. It does nothing itself.

use std::io;
use std::ops::Range;

use crate::collections::to_index;
use crate::proc::{NetnsId, Task};
use crate::select::Condition;
use crate::walk::fds::Holder;
use crate::walk::netns::Namespaces;

/// A task that holds sockets.
pub(crate) struct Process {
    /// The task whose descriptors these are.
    pub(crate) task: Task,
    /// Its network namespace, which need not be that of its sockets.
    pub(crate) netns: Option<NetnsId>,
    /// Number of all its descriptors, sockets and others; 0 where that is not known.
    pub(crate) fds: u32,
    /// Its range of `Walk::holders`, ascending by descriptor.
    pub(crate) holders: Range<usize>,
    /// What is left of the condition for its sockets; `None` if none of them is to be shown, though one may be at the other
    /// end of one that is.
    pub(crate) condition: Option<ConditionId>,
}

impl Process {
    /// Returns true if some of its sockets may be shown.
    pub(crate) fn is_selected(&self) -> bool {
        self.condition.is_some()
    }
}

/// The number of a condition in `Walk::conditions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConditionId(pub(crate) u32);

impl ConditionId {
    /// Returns the condition.
    pub(crate) fn of(self, conditions: &[Condition]) -> Option<&Condition> {
        conditions.get(to_index(self.0))
    }
}

/// A process whose descriptors may not be read.
pub(crate) struct Unread {
    /// Process id.
    pub(crate) pid: u32,
    /// Owner of its folder: its effective uid.
    pub(crate) uid: u32,
    /// Group of its folder: its effective gid.
    pub(crate) gid: u32,
    /// Number of its descriptors, or 0 if the kernel does not say (before Linux 6.2).
    pub(crate) fds: u64,
}

/// Everything that a walk found.
#[derive(Default)]
pub(crate) struct Walk {
    /// Tasks with sockets, ascending by pid.
    pub(crate) processes: Vec<Process>,
    /// Descriptors that are sockets, process by process.
    pub(crate) holders: Vec<Holder>,
    /// Selected processes whose descriptors may not be read, ascending by pid.
    pub(crate) unread: Vec<Unread>,
    /// True if this proc does not show every process (hidepid=2): the first one of its PID namespace is missing.
    pub(crate) hides_some: bool,
    /// True if any process may not be read, selected or not.
    pub(crate) some_unread: bool,
    /// Number of odd errors that processes gave.
    pub(crate) failed: usize,
    /// Number of selected processes, as far as they are visible.
    pub(crate) selected: usize,
    /// What is left of the condition once its questions about a process are answered: processes with the same answers
    /// share one.
    pub(crate) conditions: Vec<Condition>,
    /// Descriptors that are logs of pods, each behind its process; `None` if not all processes were visited.
    pub(crate) logs: Option<Vec<(u32, u32)>>,
    /// Network namespaces of all visited tasks, as far as they are needed.
    pub(crate) namespaces: Namespaces,
    /// True if helpers took part, so that tables may have been read before the walk ended.
    pub(crate) had_helpers: bool,
    /// The final id of each namespace, by the id that it had during the walk.
    pub(crate) settled: Vec<NetnsId>,
}

impl Walk {
    /// Returns true if what some selected process has was not seen, so that it may hold what nobody is seen to hold.
    pub(crate) fn some_unseen(&self) -> bool {
        self.hides_some || self.failed > 0 || !self.unread.is_empty()
    }
}

/// Consecutive descriptors of one task, read by one thread.
pub(crate) struct Piece {
    /// The task; its range is one of `Findings::holders`.
    pub(crate) process: Process,
    /// Number of the part, if the process is read in parts; otherwise 0.
    pub(crate) part: u32,
}

/// What one thread found, in the order in which it was found.
#[derive(Default)]
pub(crate) struct Findings {
    /// Descriptors that are sockets, piece by piece.
    pub(crate) holders: Vec<Holder>,
    /// Descriptors that are logs of pods, each behind its process.
    pub(crate) logs: Vec<(u32, u32)>,
    /// The tasks that hold them.
    pub(crate) pieces: Vec<Piece>,
    /// Selected processes whose descriptors may not be read.
    pub(crate) unread: Vec<Unread>,
    /// True if any process may not be read, selected or not.
    pub(crate) some_unread: bool,
    /// Number of selected processes.
    pub(crate) selected: usize,
    /// Process ids, each with the file, or folder, that gave an error which is neither "gone" nor "not permitted".
    pub(crate) errors: Vec<(u32, &'static str, io::Error)>,
}
