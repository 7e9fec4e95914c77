//! Who has a socket. In: a row without a visible holder. Out: the reason why there is none. A reason is a fact where the
//! row alone proves it, else a conclusion; it is never a guess at a process.

use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::socket::{Ends, Row};

/// Who has a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A process, by a descriptor.
    Process,
    /// Nobody: the kernel keeps it for late packets.
    TimeWait,
    /// Nobody any more: its process has closed it, and the other end has not yet let go.
    Closed,
    /// A listener that has not yet accepted it.
    AcceptQueue,
    /// The kernel itself.
    Kernel,
    /// Perhaps a process that may not be read.
    Hidden,
    /// Nobody that is visible here.
    Elsewhere,
    /// Captured text does not name holders.
    Unknown,
}

impl Owner {
    /// All reasons why no process is seen to have a socket, but for captured text.
    pub(crate) const NO_PROCESS: [Self; 6] = [
        Self::TimeWait,
        Self::Closed,
        Self::AcceptQueue,
        Self::Kernel,
        Self::Hidden,
        Self::Elsewhere,
    ];

    /// Returns the word of the COMMAND column, which is `owner` in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::TimeWait => "(time-wait)",
            Self::Closed => "(closed)",
            Self::AcceptQueue => "(accept-queue)",
            Self::Kernel => "(kernel)",
            Self::Hidden => "(hidden)",
            Self::Elsewhere => "(elsewhere)",
            Self::Unknown => "(unknown)",
        }
    }
}

/// Returns the reason why nobody is seen to hold `row`. `some_unseen` says that some process was not seen. The
/// first of these rules that fits decides:
///
/// - Inode 0 is a socket without a file. In `TIME_WAIT` it has no process any more; in the states that only `close()`
///   leads to without the other end (`FIN_WAIT1`, `FIN_WAIT2`, `LAST_ACK`, `CLOSING`) its process has closed it; in
///   `SYN_RECV`, `ESTABLISHED`, `CLOSE_WAIT`, and for unix in `CONNECTING`, nobody has accepted it yet. All facts.
/// - Netlink's port id 0 is the kernel's own. A fact.
/// - Any other socket has a file. Where some process could not be read, that one may hold it: hidden. A conclusion.
/// - Else the holder is a process that this proc does not show, or the descriptor is in flight between two processes, or
///   the file is the kernel's own (a tunnel, NFS) or registered with `io_uring`: elsewhere. A conclusion; a socket that
///   was made or closed between the looks at its process and at its table looks the same, and so does a subflow of MPTCP
///   whose socket was closed: its row keeps the inode until the other end has closed too.
pub(crate) fn explain(row: &Row<'_>, some_unseen: bool) -> Owner {
    match (row.inode, row.state, row.ends) {
        (0, State::TIME_WAIT, _) => Owner::TimeWait,
        (0, State::FIN_WAIT1 | State::FIN_WAIT2 | State::LAST_ACK | State::CLOSING, _) => {
            Owner::Closed
        }
        (0, State::ESTABLISHED | State::CLOSE_WAIT | State::SYN_RECV, _)
            if Protos::TCP.has(row.proto) =>
        {
            Owner::AcceptQueue
        }
        (0, State::CONNECTING, _) => Owner::AcceptQueue,
        (0, _, Ends::Path(_) | Ends::Sctp { .. }) => Owner::Closed,
        // Before Linux 2.6.37 no row of netlink tells an inode.
        (0, _, Ends::Netlink { port_id: 1.., .. }) if some_unseen => Owner::Hidden,
        (0, _, Ends::Netlink { port_id: 1.., .. }) => Owner::Elsewhere,
        (0, ..) | (_, _, Ends::Netlink { port_id: 0, .. }) => Owner::Kernel,
        _ if some_unseen => Owner::Hidden,
        _ => Owner::Elsewhere,
    }
}
