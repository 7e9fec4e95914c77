//! Finds the rows of an inode, and settles which of several rows counts. In: all rows, over all namespaces: inodes are
//! unique in the machine. Out: the rows of a descriptor, and which rows nobody holds. It reads nothing.
//!
//! A table is no snapshot, so a row may come twice, and the same row is one socket. Different rows of TCP with one inode
//! are the subflows of one MPTCP socket, of SCTP its associations: all of them count. A second row of unix never
//! counts; `forged` judges what it is. Of n rows of one inode each is compared with the first and with its neighbours in
//! an order, not with all others.

use std::cmp::Ordering;

use crate::collections::index::{AHEAD, Index};
use crate::collections::sort::sort;
use crate::collections::to_index;
use crate::join::forged::{self, Beside, Judge};
use crate::socket::Ends;
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::walk::fds::Holder;
use crate::warn::Warnings;

/// Rows by inode, and which of them are settled.
pub(crate) struct ByInode {
    /// Numbers of the rows that count. Rows with inode 0 are not in it.
    index: Index,
    /// One for each row: true where it is not ownerless, because it repeats another row, is forged, or is held.
    settled: Vec<bool>,
}

impl ByInode {
    /// Indexes those of `sockets` that count. Rows that `judge` has discarded do not.
    #[inline(never)]
    pub(crate) fn new(sockets: &mut Sockets, judge: &mut Judge, warnings: &mut Warnings) -> Self {
        let mut by_inode = Self {
            index: Index::with_room(sockets.len()),
            settled: vec![false; sockets.len()],
        };
        // What may be forged is judged last, beside all else.
        let suspects = sockets.claims.suspects().to_vec();
        for number in suspects.iter().chain(&judge.discarded) {
            by_inode.set_settled(*number, true);
        }
        let mut further = Vec::new();
        for number in sockets.numbers() {
            if to_index(number).is_multiple_of(AHEAD) {
                let next = sockets.numbers().skip(to_index(number)).take(AHEAD);
                by_inode.look_ahead(next.map(|number| sockets.inode(number)));
            }
            if sockets.inode(number) != 0 && by_inode.is_ownerless(number) {
                by_inode.add(number, &mut further, judge, sockets, warnings);
            }
        }
        by_inode.add_further(further, sockets);
        for number in &suspects {
            by_inode.set_settled(*number, false);
        }
        for number in &judge.discarded {
            by_inode.set_settled(*number, true);
        }
        for number in suspects {
            if sockets.inode(number) != 0 && by_inode.is_ownerless(number) {
                by_inode.add(number, &mut Vec::new(), judge, sockets, warnings);
            }
        }
        by_inode
    }

    /// Indexes row `number` if it is the first of its inode. Of the others those of unix do not count, and the rest goes to
    /// `further`, unless it tells no more than the first.
    fn add(
        &mut self,
        number: u32,
        further: &mut Vec<u32>,
        judge: &mut Judge,
        sockets: &mut Sockets,
        warnings: &mut Warnings,
    ) {
        let inode = sockets.inode(number);
        let first = self.rows(inode).next();
        match first {
            None => return self.index.insert(inode, number),
            Some(first) if Protos::UNIX.has(sockets.proto(number)) => {
                let is_last_look = judge.is_last_look;
                let beside = forged::judge_beside(first, number, is_last_look, sockets, warnings);
                if beside == Beside::Contested {
                    judge.contested.push(inode);
                }
            }
            Some(first) if is_repeated(first, number, sockets) => {}
            Some(_) => further.push(number),
        }
        self.set_settled(number, true);
    }

    /// Indexes those of `further` that tell more than any row before them: of equal rows the first.
    fn add_further(&mut self, mut further: Vec<u32>, sockets: &Sockets) {
        leave_first_of_equals(&mut further, &|one, other| {
            let says = |number| (sockets.inode(number), sockets.proto(number));
            let ends = |number| sockets.row(number).ends;
            says(one)
                .cmp(&says(other))
                .then_with(|| ends(one).cmp(&ends(other)))
        });
        for number in further {
            self.index.insert(sockets.inode(number), number);
            self.set_settled(number, false);
        }
    }

    /// Notes whether row `number` is settled.
    fn set_settled(&mut self, number: u32, is_settled: bool) {
        if let Some(settled) = self.settled.get_mut(to_index(number)) {
            *settled = is_settled;
        }
    }

    /// Returns true for a row that counts and that nobody has been found to hold.
    pub(super) fn is_ownerless(&self, number: u32) -> bool {
        self.settled.get(to_index(number)) == Some(&false)
    }

    /// Returns the numbers of the rows of `inode` that count.
    fn rows(&self, inode: u32) -> impl Iterator<Item = u32> + '_ {
        self.index.find(inode)
    }

    /// Returns true if no row is the socket of `holder`.
    pub(crate) fn lacks(&self, holder: Holder) -> bool {
        self.rows(holder.inode).next().is_none()
    }

    /// Notes that the rows of `inode` are held, and calls `found` with the number of each.
    pub(super) fn hold(&mut self, inode: u32, mut found: impl FnMut(u32)) {
        for number in self.index.find(inode) {
            if let Some(settled) = self.settled.get_mut(to_index(number)) {
                *settled = true;
            }
            found(number);
        }
    }

    /// Prepares for questions about `inodes`, as `Index::look_ahead` does.
    pub(super) fn look_ahead(&self, inodes: impl Iterator<Item = u32>) {
        self.index.look_ahead(inodes);
    }
}

/// Returns true if row `number`, which is not of unix, tells no more than row `known` of the same inode: it is the same
/// row again, the endpoint of an SCTP socket whose associations are there, or a resource of Phonet. An endpoint tells more
/// where it listens.
fn is_repeated(known: u32, number: u32, sockets: &Sockets) -> bool {
    let (known, row) = (sockets.row(known), sockets.row(number));
    let is_idle =
        matches!(row.ends, Ends::Sctp { remote_port: 0, .. }) && row.state != State::LISTEN;
    let is_resource = matches!(row.ends, Ends::Called { local: [], .. });
    row.proto == known.proto && (row.ends == known.ends || is_idle || is_resource)
}

/// Sorts `numbers` upwards, and keeps only the first of those that are equal by `order`.
fn leave_first_of_equals(numbers: &mut Vec<u32>, order: &dyn Fn(u32, u32) -> Ordering) {
    sort(numbers, &|one, other| {
        order(one, other).then(one.cmp(&other))
    });
    numbers.dedup_by(|later, first| order(*later, *first).is_eq());
    sort(numbers, &|one, other| one.cmp(&other));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    // A one-to-many socket of SCTP has a row for each association; 32,000 of them took 18 s.
    #[test]
    fn of_n_rows_of_one_inode_each_is_compared_a_few_times() {
        for len in [1_000_u32, 32_000] {
            let steps = Cell::new(0);
            // Each comes twice, and far from in order.
            let mut numbers: Vec<u32> = (0..len).collect();
            let kind = |number: u32| number.wrapping_mul(7919) % (len / 2);
            leave_first_of_equals(&mut numbers, &|one, other| {
                steps.set(steps.get() + 1);
                kind(one).cmp(&kind(other))
            });
            assert!(numbers.iter().copied().eq(0..len / 2));
            let bound = 4 * len * len.ilog2();
            assert!(steps.get() < bound, "{} of {bound}", steps.get());
        }
    }
}
