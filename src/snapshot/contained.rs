//! What a container has, for `--container`: which containers a word means, and which of the sockets that nobody holds are
//! theirs. In: a proc and a condition; the join. Out: the condition with the numbers of containers, and yes or no for a
//! socket. It drops no line: `take` does.

use crate::collections::sort::sort_dedup;
use crate::join::peers::Peers;
use crate::join::{Entry, Joined, Owner, explain};
use crate::proc::Proc;
use crate::select::{Condition, ProcessTest};
use crate::socket::store::Sockets;
use crate::walk::container::Containers;
use crate::walk::netns::Namespaces;

/// Finds all containers, and puts the numbers of those that are meant in place of the words of `condition`. `buffer` is scratch
/// space.
pub(super) fn find_containers(
    proc: &Proc,
    condition: &mut Condition,
    buffer: &mut [u8],
) -> Containers {
    let mut containers = Containers::of_all(proc, buffer);
    condition.change(&mut |question| {
        if let Condition::Process(ProcessTest::Container(word)) = question {
            let meant = ProcessTest::Containers(containers.meant(word));
            *question = Condition::Process(meant);
        }
    });
    containers
}

/// Returns true if a socket without a holder is the selected container's: in its own namespace, unless somebody outside
/// holds it, as dockerd does for DNS. If every process could be read, a holder that is not seen is outside.
pub(super) fn is_containers_own(
    number: u32,
    sockets: &Sockets,
    namespaces: &Namespaces,
    no_unread: bool,
) -> bool {
    let netns = namespaces.get(sockets.netns(number));
    let is_own = netns.is_some_and(|netns| netns.selected > 0 && netns.others == 0);
    is_own && !(no_unread && explain(&sockets.row(number), false) == Owner::Elsewhere)
}

/// Returns true if a socket may wait on a listener of a process that is selected: in a namespace that it shares.
pub(super) fn may_wait(number: u32, sockets: &Sockets, namespaces: &Namespaces) -> bool {
    let netns = namespaces.get(sockets.netns(number));
    netns.is_some_and(|netns| netns.selected > 0)
        && explain(&sockets.row(number), false) == Owner::AcceptQueue
}

/// Returns the numbers of the sockets, ascending, that wait on a listener of a process that is selected.
pub(super) fn find_waiting(joined: &Joined, peers: &Peers, sockets: &Sockets) -> Vec<u32> {
    let processes = joined.processes();
    let waits = |entry: &Entry<'_>| {
        let Some(number) = peers.listener(entry, sockets) else {
            return false;
        };
        let holder = peers.holder(number);
        let mut processes = processes.iter();
        processes.any(|process| process.is_selected() && Some(process.task) == holder)
    };
    let entries = joined.entries(sockets).filter(waits);
    let mut waiting = entries.map(|entry| entry.socket).collect();
    sort_dedup(&mut waiting);
    waiting
}
