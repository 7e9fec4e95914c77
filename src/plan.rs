//! What has to be done to answer a command line. In: the options. Out: which processes and tables are read, what is kept of
//! them, and which names a view needs. It decides this once, in one place, and reads nothing.

use crate::cli::{Options, View};
use crate::select::rows::RowFilter;
use crate::select::{Condition, Needs, ProcessTest, Question, Truth};
use crate::socket::extra::Keeps;
use crate::socket::proto::Protos;

/// What has to be done.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a decision of its own"
)]
pub(crate) struct Plan {
    /// The condition on sockets and their processes.
    pub(crate) condition: Condition,
    /// What the condition needs.
    pub(crate) needs: Needs,
    /// What is left of the condition for a socket that no process holds. In a container's own namespace such a socket is
    /// the container's.
    pub(crate) ownerless: Condition,
    /// True if processes that are not selected are read too, and all connections kept, because they may be the other end
    /// of one that is shown (`-E`).
    pub(crate) finds_peers: bool,
    /// True if all listeners are kept, so that it is known who has to accept a connection (`-e`), and how many there are (`-s`).
    pub(crate) finds_listeners: bool,
    /// True if it is known who has to accept a connection, because sockets that nobody holds are shown of a container that may
    /// share its namespace.
    pub(crate) finds_queues: bool,
    /// True if the kernel's own netlink sockets are left out, the same few in every namespace.
    pub(crate) hides_kernel: bool,
    /// How much of a row the view or the condition needs.
    pub(crate) keeps: Keeps,
    /// True if tables may be read while the walk goes on, because all rows are wanted whoever holds them.
    pub(crate) reads_beside: bool,
    /// True if the tables alone tell whether anything matches, whoever holds it: every socket that can match has a row, and
    /// the row tells whether it does.
    pub(crate) tables_suffice: bool,
    /// True if the view is the summary, which also tells limits and what was dropped.
    pub(crate) sums_up: bool,
    /// True if the view shows the names of commands.
    pub(crate) names_commands: bool,
    /// True if the view tells Multipath TCP from TCP.
    pub(crate) names_mptcp: bool,
    /// True if the view shows the names of interfaces.
    pub(crate) names_interfaces: bool,
    /// True if the view shows containers even within one namespace.
    pub(crate) names_containers: bool,
}

impl Plan {
    /// Decides what has to be done for `options`.
    pub(crate) fn of(options: &Options) -> Self {
        let mut condition = options.selection.condition();
        if condition.is_of_listeners() {
            condition.add_wildcards();
        }
        Self::new(condition, options)
    }

    /// Returns the plan of a second look after one that showed nothing: at all sockets of the selected processes, or of
    /// all processes if `is_of_all`, so that it can be said what there is.
    pub(crate) fn of_second_look(&self, is_of_all: bool, options: &Options) -> Self {
        let mut condition = self.condition.clone();
        condition.change(&mut |question| {
            if is_of_all || !matches!(question, Condition::Process(_)) {
                *question = Condition::default();
            }
        });
        // This drops the parts that always hold.
        let condition = condition.settle(&mut |_| Truth::Maybe);
        Self {
            finds_peers: false,
            finds_listeners: false,
            sums_up: false,
            hides_kernel: false,
            keeps: keeps(self.needs.uids),
            ..Self::new(condition, options)
        }
    }

    /// Decides what has to be done for `condition`, and `options` in all else.
    fn new(condition: Condition, options: &Options) -> Self {
        let (needs, layout) = (condition.needs(), options.layout);
        let ownerless = condition.settle(&mut |question| match question {
            Question::Row(_) => Truth::Maybe,
            Question::Process(ProcessTest::Container(_) | ProcessTest::Containers(_)) => Truth::Yes,
            Question::Process(_) => Truth::No,
        });
        let (is_list, sums_up) = (options.view == View::List, options.view == View::Summary);
        let is_all = needs.is_all_processes();
        Self {
            // Where processes are selected, no socket is shown that nobody has accepted.
            finds_listeners: (sums_up || layout.wide && is_list && !options.json)
                && !ownerless.is_never(),
            finds_peers: layout.peers,
            finds_queues: needs.containers && !ownerless.is_never(),
            hides_kernel: !needs.netlink && !layout.wide && !sums_up && options.capture.is_none(),
            keeps: keeps(layout.wide || layout.timers || options.json || sums_up || needs.uids),
            reads_beside: is_all && options.namespaces.is_empty() && !layout.peers,
            tables_suffice: is_all && !needs.paths && !condition.may_match_rowless(None),
            sums_up,
            names_commands: is_list || sums_up,
            names_mptcp: is_list && (layout.wide || options.json),
            names_interfaces: is_list,
            names_containers: layout.wide || layout.peers || options.json,
            condition,
            needs,
            ownerless,
        }
    }

    /// Decides what has to be done for another tool's language: the rows of one network namespace for which `condition`
    /// may hold, those that nobody holds too if `shows_ownerless`. If no holder is shown, only the process `own` is read,
    /// which is in that namespace; but who holds a unix socket tells whether a row of it is forged.
    pub(crate) fn of_dialect(
        condition: Condition,
        shows_ownerless: bool,
        own: Option<u32>,
    ) -> Self {
        let mut plan = Self {
            hides_kernel: false,
            keeps: Keeps::Extras,
            // One namespace is selected, and it is not known before the walk which of them that is.
            reads_beside: false,
            ..Self::new(condition, &Options::default())
        };
        if !shows_ownerless {
            plan.ownerless = Condition::Any(Vec::new());
        }
        if !plan.needs.protos.meets(Protos::UNIX) {
            plan.needs.pids = own.map(|pid| vec![pid]).or(plan.needs.pids);
        }
        plan
    }

    /// Returns true if an end or a name is asked for, which a socket in no table may have.
    pub(crate) fn asks_bound(&self) -> bool {
        self.needs.ends || self.needs.paths
    }

    /// Returns true if a socket in no table may match in truth, though nothing that is known of it does.
    pub(crate) fn asks_unlisted(&self) -> bool {
        self.asks_bound() || !self.condition.may_match_rowless(None)
    }

    /// Returns true if a process that is not selected may hold a socket that is shown as one without a holder.
    pub(crate) fn may_be_held_outside(&self) -> bool {
        self.needs.containers && self.shows_ownerless() && !self.finds_peers
    }

    /// Returns true if sockets without a holder may be shown.
    pub(crate) fn shows_ownerless(&self) -> bool {
        !self.ownerless.is_never()
    }

    /// Returns the rows that are kept, if what is left of the condition for rows is `condition`.
    pub(crate) fn rows<'a>(&self, condition: &'a Condition) -> RowFilter<'a> {
        RowFilter {
            condition,
            connections: self.finds_peers,
            listeners: self.finds_listeners || self.finds_queues,
            inodes: None,
            wildcards: self.needs.dual_stack,
        }
    }
}

/// Returns how much of a row is kept where `details` are needed, or are not.
const fn keeps(details: bool) -> Keeps {
    if details { Keeps::Details } else { Keeps::Rows }
}
