//! Every rule about forged rows of unix. In: the rows of unix, what other tables and the kernel say of their inodes, and
//! which of them are held. Out: rows that do not count, names that are not shown, and for each rule one sentence on
//! standard error. It knows no option and reads no table.
//!
//! The kernel prints the name of a unix socket raw, and a name may hold a newline and a perfect row behind it. So anybody
//! may put a row with any inode and any name into the table of his namespace, in the name of a socket of his own. Such a
//! row fits into the name of the row before it (`tables::unix::could_be_forged`): `Sockets::suspects` has all that do.
//! No name changes what another table, a descriptor, or the kernel itself says of an inode.

use crate::collections::index::Index;
use crate::join::ByInode;
use crate::join::lines::{Line, ShowsOwnerless};
use crate::join::sockprotoname::SockProtoName;
use crate::socket::Ends;
use crate::socket::proto::Protos;
use crate::socket::store::Sockets;
use crate::tables::Reader;
use crate::walk::Walk;
use crate::warn::Warnings;

/// Said of a row of unix for the inode of a socket that is not of unix.
const NOT_OF_UNIX: &str = "a name pretends to be a row of another socket; the row is not believed";
/// Said of two rows of unix that differ.
const TWO_CLAIMS: &str = "two rows claim one inode; one of them is a name that pretends to be a row, so neither name is shown";
/// Said of a row that nothing but itself speaks for.
const UNVOUCHED: &str =
    "a row that nobody is seen to hold may be part of the name before it; its name is not shown";

/// Says `sentence` once.
fn warn(warnings: &mut Warnings, sentence: &str) {
    warnings.warn(b"unix", sentence);
}

/// Returns the suspects whose inode is held and is no unix socket: those rows are forged and do not count.
///
/// The kernel is asked through a descriptor, because a forger may name a socket that no table lists, where no other row
/// speaks against his.
pub(crate) fn find_impostors(walk: &Walk, reader: &mut Reader<'_>, sockets: &Sockets) -> Vec<u32> {
    let suspects = sockets.suspects();
    let mut impostors = Vec::new();
    if suspects.is_empty() {
        return impostors;
    }
    let mut by_inode = Index::with_room(suspects.len());
    for number in &suspects {
        by_inode.insert(sockets.inode(*number), *number);
    }
    let (mut answered, mut path) = (Index::with_room(suspects.len()), Vec::new());
    for process in &walk.processes {
        let holders = walk.holders.get(process.holders.clone());
        for holder in holders.unwrap_or_default() {
            let Some(first) = by_inode.find(holder.inode).next() else {
                continue;
            };
            // One holder is enough to ask.
            if answered.find(holder.inode).next().is_some() {
                continue;
            }
            let answer = SockProtoName::ask(reader.proc, process.task, *holder, &mut path);
            let Some(answer) = answer else {
                continue;
            };
            answered.insert(holder.inode, first);
            if answer.proto.is_some_and(|proto| !Protos::UNIX.has(proto)) {
                warn(reader.warnings, NOT_OF_UNIX);
                impostors.extend(by_inode.find(holder.inode));
            }
        }
    }
    impostors
}

/// Judges row `number` of unix beside row `first`, the first one of its inode. In either case `number` does not count.
///
/// - Beside a row of another table it is forged: nobody writes into that table by a name.
/// - Beside another row of unix it is a repeat where both are equal. Where they differ one of them is forged, and no one
///   can say which, so the name of the socket is not shown.
pub(super) fn judge_beside(
    first: u32,
    number: u32,
    sockets: &mut Sockets,
    warnings: &mut Warnings,
) {
    if !Protos::UNIX.has(sockets.proto(first)) {
        return warn(warnings, NOT_OF_UNIX);
    }
    let (row, known) = (sockets.row(number), sockets.row(first));
    if row.ends == known.ends && row.proto == known.proto {
        return;
    }
    // A name that is in doubt already stays so, and was spoken of by whoever doubted it.
    if known.ends != Ends::Doubtful {
        warn(warnings, TWO_CLAIMS);
    }
    sockets.doubt(first);
}

/// Doubts the names of those suspects that nobody is seen to hold and nothing speaks for, as far as they are shown.
/// `lines` are those of the sockets that are held.
pub(super) fn doubt_ownerless(
    by_inode: &ByInode,
    lines: &[Line],
    sockets: &mut Sockets,
    is_shown: ShowsOwnerless<'_>,
    warnings: &mut Warnings,
) {
    for number in sockets.suspects() {
        if by_inode.is_ownerless(number)
            && is_shown(number, sockets)
            && !is_vouched_for(number, lines, sockets)
        {
            warn(warnings, UNVOUCHED);
            sockets.doubt(number);
        }
    }
}

/// Returns true for a nameless row, and for a connection that waits on a listener with a visible holder: these need no
/// holder to be believed.
fn is_vouched_for(number: u32, lines: &[Line], sockets: &Sockets) -> bool {
    let row = sockets.row(number);
    let has_its_name = |line: &Line| sockets.row(line.socket).ends == row.ends;
    row.ends == Ends::Path(b"") || (row.inode == 0 && lines.iter().any(has_its_name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::NetnsId;
    use crate::socket::proto::Proto;
    use crate::socket::state::State;
    use crate::socket::{Detail, Row};

    /// Judges a second row beside a first one of the same inode. Returns what is left of the first one's name and what
    /// is said.
    fn judged(first: (Proto, Ends<'static>), second: (Proto, Ends<'static>)) -> (bool, String) {
        let (mut sockets, mut warnings) = (Sockets::new(false), Warnings::default());
        for (proto, ends) in [first, second] {
            let row = Row {
                inode: 7,
                proto,
                state: State::UNCONNECTED,
                rx_queue: None,
                tx_queue: None,
                ends,
            };
            sockets.push(NetnsId(0), &row, &Detail::default());
        }
        judge_beside(0, 1, &mut sockets, &mut warnings);
        let is_believed = sockets.row(0).ends == first.1;
        (is_believed, warnings.into_text())
    }

    #[test]
    fn a_second_claim_to_an_inode_is_a_repeat_a_doubt_or_a_forgery() {
        let name = |name| (Proto::UnixDgram, Ends::Path(name));
        let said = |sentence| format!("lsock: unix: {sentence}\n");
        assert_eq!(judged(name(b"/a"), name(b"/a")), (true, String::new()));
        assert_eq!(judged(name(b"/a"), name(b"/b")), (false, said(TWO_CLAIMS)));
        // The same name for a socket of another type.
        let seqpacket = (Proto::UnixSeq, Ends::Path(b"/a"));
        assert_eq!(judged(name(b"/a"), seqpacket), (false, said(TWO_CLAIMS)));
        // What was doubted was spoken of.
        let doubtful = (Proto::UnixDgram, Ends::Doubtful);
        assert_eq!(judged(doubtful, name(b"/a")), (true, String::new()));
        let packet = Ends::Packet {
            ethertype: 3,
            ifindex: 0,
        };
        assert_eq!(
            judged((Proto::Packet, packet), name(b"/a")),
            (true, said(NOT_OF_UNIX))
        );
    }
}
