//! The exit status, which is all that a script learns. In: a snapshot. Out: a number from 0 to 3. A script never gets "not
//! there" for "cannot tell": what may hide a match is listed here, and nowhere else.

use crate::cli::{Options, View};
use crate::plan::Plan;
use crate::snapshot::Snapshot;

/// What the program says by its end.
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
    /// The descriptors of a process may not be read.
    UnreadProcess,
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

    /// Returns the status of `snapshot`.
    pub(crate) fn of(snapshot: &Snapshot, options: &Options, plan: &Plan) -> Self {
        let is_shown = match options.view {
            View::Pids => !snapshot.joined.processes().is_empty(),
            View::List | View::Summary | View::Quiet => !snapshot.joined.is_empty(),
        };
        match Reason::find(snapshot, plan) {
            _ if is_shown => Self::Shown,
            Some(reason) => Self::CannotTell(reason),
            None => Self::NothingMatched,
        }
    }
}

impl Reason {
    /// Returns the first reason why something that was not seen might match.
    pub(crate) fn find(snapshot: &Snapshot, plan: &Plan) -> Option<Self> {
        // A socket that stands in a table was seen there, whoever holds it.
        let may_be_unseen =
            !plan.needs.is_all_processes() || plan.condition.may_match_rowless(None);
        (may_be_unseen && !snapshot.joined.unread().is_empty()).then_some(Self::UnreadProcess)
    }
}
