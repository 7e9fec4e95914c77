//! The exit status, which is all that a script learns. In: a snapshot, and what a second look has found where there was
//! nothing to show. Out: a number from 0 to 3. A script never gets "not there" for "cannot tell": what may hide a match is
//! listed here, and nowhere else.

use crate::cli::View;
use crate::join::Owner;
use crate::plan::Plan;
use crate::select::unlisted::Unlisted;
use crate::snapshot::{Again, Snapshot};
use crate::socket::proto::Protos;

/// What the exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Something was shown, or matched: 0.
    Shown,
    /// Nothing matched: 1.
    NothingMatched,
    /// The command line, proc or the output is at fault: 2.
    Failed,
    /// Nothing matched, but something that could not be seen might have: 3.
    CannotTell(Reason),
}

/// Why nothing can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Only process ids are asked for, and whoever holds a socket that matches is not visible.
    UnseenHolder,
    /// The descriptors of a process may not be read.
    UnreadProcess,
    /// What a process has could not be read for an odd reason, such as EIO.
    FailedProcess,
    /// This proc does not show every process (hidepid).
    HiddenProcess,
    /// A container that is asked for by its name may be one whose name /proc does not tell.
    UnnamedContainer,
    /// A table may not be read.
    ForbiddenTable,
    /// A table, or a row of one, was skipped.
    SkippedRow,
    /// The name of a unix socket is in doubt, and perhaps its state.
    DoubtedName,
    /// Nothing tells which user made a socket, because nobody is seen to hold it.
    UnknownUser,
    /// A namespace that is asked for may be one that is not seen, or whose number is not.
    UnseenNamespace,
    /// A socket is of a namespace without a process, whose tables cannot be read.
    NoProcessInNamespace,
    /// A socket that stands in no table may be bound to the port.
    UnlistedSocket,
}

impl Status {
    /// Returns the number that the program ends with.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Shown => 0,
            Self::NothingMatched => 1,
            Self::Failed => 2,
            Self::CannotTell(_) => 3,
        }
    }

    /// Returns the status of `snapshot`. Where nothing is shown, it is final only with a second look, `again`.
    pub(crate) fn of(snapshot: &Snapshot, again: Option<&Again>, view: View, plan: &Plan) -> Self {
        let is_shown = match view {
            View::Pids => !snapshot.joined.processes().is_empty(),
            View::List | View::Summary | View::Quiet => !snapshot.joined.is_empty(),
        };
        if is_shown {
            return Self::Shown;
        }
        let reason = Reason::find(snapshot, again, view, plan);
        reason.map_or(Self::NothingMatched, Self::CannotTell)
    }
}

impl Reason {
    /// Returns the first reason why something that was not seen might match, though nothing that was seen does. A reason
    /// counts only if it matters for what is asked.
    fn find(snapshot: &Snapshot, again: Option<&Again>, view: View, plan: &Plan) -> Option<Self> {
        let (joined, missed, protos) = (&snapshot.joined, snapshot.missed, plan.needs.protos);
        let is_of_process = may_be_of_process(plan);
        let is_everyone_met = || {
            let pids = plan.needs.pids.as_ref();
            pids.is_some_and(|pids| pids.len() <= snapshot.selected)
        };
        let unlisted = again.map(|again| &again.unlisted);
        let unlisted = unlisted.filter(|unlisted| unlisted.count > 0);
        let is_unseen = |owner| snapshot.has_owner(owner);
        if view == View::Pids && [Owner::Hidden, Owner::Elsewhere].into_iter().any(is_unseen) {
            Some(Self::UnseenHolder)
        } else if is_of_process && !joined.unread().is_empty() {
            Some(Self::UnreadProcess)
        } else if is_of_process && joined.some_failed() {
            Some(Self::FailedProcess)
        } else if is_of_process && joined.hides_some() && !is_everyone_met() {
            Some(Self::HiddenProcess)
        } else if snapshot.containers().may_be_unnamed() {
            Some(Self::UnnamedContainer)
        } else if missed.forbidden.meets(protos) {
            Some(Self::ForbiddenTable)
        } else if missed.skipped.meets(protos) {
            Some(Self::SkippedRow)
        } else if snapshot.unsure.name.get() {
            Some(Self::DoubtedName)
        } else if snapshot.unsure.user.get() {
            Some(Self::UnknownUser)
        } else if again.is_some_and(|again| again.may_be_unseen) {
            Some(Self::UnseenNamespace)
        } else if unlisted.is_some_and(|unlisted| unlisted.is_foreign) {
            Some(Self::NoProcessInNamespace)
        } else {
            unlisted.map(|_| Self::UnlistedSocket)
        }
    }

    /// Returns the clause that says it at the end of the line about what was not found; empty if the line has said it.
    pub(crate) const fn clause(self) -> &'static str {
        match self {
            // The line has named these before, and their number.
            Self::UnseenHolder
            | Self::UnlistedSocket
            | Self::UnreadProcess
            | Self::HiddenProcess => "",
            Self::UnnamedContainer => {
                "it may be one whose name cannot be read: docker's names are not in /proc, a pod's only root on the node reads; try its id"
            }
            Self::FailedProcess => "what could not be read may be it",
            Self::ForbiddenTable => "a table may not be read, and may have it",
            Self::SkippedRow => "what was skipped may be it",
            Self::DoubtedName => "a socket whose name is in doubt may be it",
            Self::UnknownUser => "nothing tells who made a socket that nobody is seen to hold",
            Self::UnseenNamespace => "not every network namespace can be told here; try root",
            Self::NoProcessInNamespace => {
                "no process is in its network namespace, so the tables of that cannot be read"
            }
        }
    }
}

/// Returns true if a process that is not seen may have what is asked for. A socket that stands in a table is seen there,
/// whoever holds it.
fn may_be_of_process(plan: &Plan) -> bool {
    let socket = Unlisted {
        protos: Protos::ALL.without(Protos::ALWAYS_LISTED),
        inode: None,
        is_foreign: false,
    };
    !plan.needs.is_all_processes() || plan.condition.may_match_unlisted(&socket)
}
