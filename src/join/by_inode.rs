//! Finds the rows of an inode, and settles which of several rows counts. In: all rows, over all namespaces: inodes are
//! unique in the machine. Out: the rows of a descriptor, and which rows nobody holds.
//!
//! A table is no snapshot, so a row may come twice, and the same row is one socket. Different rows of TCP with one inode
//! are the subflows of one MPTCP socket, of SCTP its associations: all of them count. A second row of unix never
//! counts; `forged` judges what it is.

use crate::collections::index::{AHEAD, Index};
use crate::collections::to_index;
use crate::join::forged;
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
    /// Indexes those of `sockets` that count. `impostors` are forged and do not.
    pub(crate) fn new(sockets: &mut Sockets, impostors: &[u32], warnings: &mut Warnings) -> Self {
        let mut by_inode = Self {
            index: Index::with_room(sockets.len()),
            settled: vec![false; sockets.len()],
        };
        for number in impostors {
            by_inode.settle(*number);
        }
        for number in sockets.numbers() {
            if to_index(number).is_multiple_of(AHEAD) {
                let next = sockets.numbers().skip(to_index(number)).take(AHEAD);
                by_inode.look_ahead(next.map(|number| sockets.inode(number)));
            }
            // An impostor is settled before.
            if sockets.inode(number) != 0 && by_inode.is_ownerless(number) {
                by_inode.settle_against(number, sockets, warnings);
            }
        }
        by_inode
    }

    /// Compares row `number` with the rows of its inode before it: it is settled where it does not count beside them,
    /// else it is indexed.
    fn settle_against(&mut self, number: u32, sockets: &mut Sockets, warnings: &mut Warnings) {
        let inode = sockets.inode(number);
        let first = self.rows(inode).next();
        let counts = match first {
            Some(first) if Protos::UNIX.has(sockets.proto(number)) => {
                forged::judge_beside(first, number, sockets, warnings);
                false
            }
            _ => !self
                .rows(inode)
                .any(|known| is_repeated(known, number, sockets)),
        };
        if counts {
            self.index.insert(inode, number);
        } else {
            self.settle(number);
        }
    }

    /// Notes that row `number` is not ownerless.
    fn settle(&mut self, number: u32) {
        if let Some(settled) = self.settled.get_mut(to_index(number)) {
            *settled = true;
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
