//! Narrows what was joined, and notes what is not known of it. In: the condition and a joined entry. Out: whether it is shown;
//! and whether one that is left out may be what is asked for all the same. It reads nothing.

use std::cell::Cell;

use crate::join::dual_stack::Wildcards;
use crate::join::{Entry, Owner};
use crate::plan::Plan;
use crate::select::Condition;
use crate::socket::Ends;
use crate::socket::state::State;
use crate::socket::store::Sockets;

/// What is not known of sockets that are left out, but may be what is asked for.
pub(crate) struct Unsure {
    /// True if it matters who made a socket that nobody is seen to hold.
    asks_user: bool,
    /// True if the name of one is in doubt, and perhaps its state.
    pub(crate) name: Cell<bool>,
    /// True if nothing tells who made one.
    pub(crate) user: Cell<bool>,
}

impl Unsure {
    /// Returns that of `plan`, with nothing noted yet.
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            asks_user: plan.needs.uids && plan.shows_ownerless(),
            name: Cell::new(false),
            user: Cell::new(false),
        }
    }

    /// Returns true if `condition` holds for a joined entry; notes it if that is not known.
    pub(super) fn matches(
        &self,
        condition: &Condition,
        entry: &Entry<'_>,
        sockets: &Sockets,
        wildcards: Option<&Wildcards>,
    ) -> bool {
        let (row, detail) = (&entry.row, sockets.detail(entry.socket));
        if row.state == State::UNLISTED {
            return condition.matches_rowless(row.proto, row.inode, detail.uid);
        }
        let is_dual = || wildcards.is_some_and(|known| known.is_dual(entry.socket, sockets));
        let is_match = condition.matches_row(row, &detail, &is_dual);
        let is_doubted = row.ends == Ends::Doubtful;
        let is_userless = self.asks_user
            && detail.uid.is_none()
            && row.inode != 0
            && entry.owner != Owner::Kernel;
        if !is_match && (is_doubted || is_userless) && condition.may_match_row(row, &detail) {
            let of = if is_doubted { &self.name } else { &self.user };
            of.set(true);
        }
        is_match
    }
}
