//! Decides which lines a list has, and their order. In: the descriptors of the walk and the rows by inode. Out: lines, each
//! a socket and one descriptor of it, process by process; then the sockets that nobody holds, table by table. It looks
//! at nothing of a row but its name and what it is sorted by.

use std::collections::VecDeque;

use crate::collections::index::AHEAD;
use crate::collections::sort::sort;
use crate::join::{ByInode, Joined};
use crate::socket::proto::Protos;
use crate::socket::store::Sockets;
use crate::walk::Process;
use crate::walk::fds::Holder;

/// The descriptor of a line without one: nobody holds the socket.
pub(super) const NO_FD: u32 = u32::MAX;

impl Joined {
    /// Returns true if any socket is shown that nobody holds: those come last.
    pub(crate) fn has_ownerless(&self) -> bool {
        self.lines.last().is_some_and(|line| line.fd == NO_FD)
    }
}

/// A socket and a descriptor that points to it.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Number of the socket.
    pub(super) socket: u32,
    /// The descriptor, or `NO_FD`.
    pub(super) fd: u32,
}

/// Returns true if a socket is to be listed even though nobody holds it.
pub(crate) type ShowsOwnerless<'a> = &'a dyn Fn(u32, &Sockets) -> bool;

/// Returns a line for each of `holders` and each row of its socket. The part of `holders` that each of `processes` has
/// becomes its part of the lines.
pub(super) fn held_lines(
    processes: &mut [Process],
    holders: Vec<Holder>,
    by_inode: &mut ByInode,
) -> Vec<Line> {
    // The lines take over the memory of the holders, for there may be millions: a pair is inode and descriptor until it
    // was read, then socket and descriptor. There is mostly one line a holder; MPTCP has more, which wait for room.
    let holders = holders.into_iter();
    let mut pairs: Vec<(u32, u32)> = holders.map(|holder| (holder.inode, holder.fd)).collect();
    let mut waiting = VecDeque::new();
    let mut written = 0;
    for process in processes {
        let start = written + waiting.len();
        for at in process.holders.clone() {
            let Some((inode, fd)) = pairs.get(at).copied() else {
                continue;
            };
            if at.is_multiple_of(AHEAD) {
                let next = pairs.iter().skip(at).take(AHEAD);
                by_inode.look_ahead(next.map(|(inode, _)| *inode));
            }
            by_inode.hold(inode, |socket| waiting.push_back((socket, fd)));
            while written <= at
                && let Some(line) = waiting.pop_front()
                && let Some(free) = pairs.get_mut(written)
            {
                *free = line;
                written += 1;
            }
        }
        process.holders = start..written + waiting.len();
    }
    pairs.truncate(written);
    pairs.extend(waiting);
    let pairs = pairs.into_iter();
    pairs.map(|(socket, fd)| Line { socket, fd }).collect()
}

/// Returns a line for each socket that nobody holds and that is to be shown, by protocol, namespace, ends and inode.
pub(super) fn ownerless_lines(
    by_inode: &ByInode,
    sockets: &Sockets,
    is_shown: ShowsOwnerless<'_>,
) -> impl Iterator<Item = Line> {
    let is_listed = |number: &u32| by_inode.is_ownerless(*number) && is_shown(*number, sockets);
    let mut ownerless: Vec<u32> = sockets.numbers().filter(is_listed).collect();
    let key = |number| {
        let row = sockets.row(number);
        (row.proto, sockets.netns(number), row.ends.inet(), row.inode)
    };
    sort(&mut ownerless, &|one, other| {
        key(one).cmp(&key(other)).then(one.cmp(&other))
    });
    // Of sockets without a file only the ends tell whether two rows are one.
    ownerless.dedup_by(|one, other| {
        let is_inet = Protos::INET.has(sockets.proto(*one));
        is_inet && sockets.inode(*one) == 0 && key(*one) == key(*other)
    });
    let line = |socket| Line { socket, fd: NO_FD };
    ownerless.into_iter().map(line)
}
