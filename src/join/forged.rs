//! Every rule about forged rows of unix. In: the rows of unix, what other tables and the kernel say of their inodes, and
//! which of them are held. Out: rows that do not count, names that are not shown, and for each rule one sentence on
//! standard error. It knows no option.
//!
//! The kernel prints the name of a unix socket raw, and a name may hold a newline and a perfect row behind it. So anybody
//! may put a row with any inode and any name into the table of his namespace, in the name of a socket of his own. Such a
//! row fits into a name before it (`tables::unix::Forgeable`): `Sockets::suspects` has all that do. A suspect is a claim:
//! it is judged once all that is said of its inode is known, in every namespace and whatever is selected. Nobody gains by
//! a name for an inode that nobody is seen to hold: by binding it in a mount namespace of his own he has the same.

use crate::collections::index::Wanted;
use crate::join::ByInode;
use crate::join::rowless::{UnreadNamespaces, find_namespaces};
use crate::join::sockprotoname::SockProtoName;
use crate::socket::Ends;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::tables::Reader;
use crate::walk::Walk;
use crate::warn::Warnings;

/// Said of a row of unix for the inode of a socket that is not of unix.
const NOT_OF_UNIX: &str = "a name pretends to be a row of another socket; the row is not believed";
/// Said of two rows of unix that differ.
const TWO_CLAIMS: &str = "two rows claim one inode; one of them is a name that pretends to be a row, so neither name is shown";
/// Said where rows are shown out of a table that has more rows than there are sockets.
const MORE_ROWS: &str = "there are more rows than sockets, so some of the names may be forged";

/// What comes of a row of unix beside the first one of its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nothing more is to be done about it.
    Settled,
    /// Both are of unix and differ, as those of a socket do that is bound while the table is read.
    Contested,
}

/// Says `sentence` once.
fn warn(warnings: &mut Warnings, sentence: &str) {
    warnings.warn(b"unix", sentence);
}

/// The judge of suspects. It may be asked again once more of them were read.
#[derive(Default)]
pub(crate) struct Judge {
    /// The numbers of the rows that do not count.
    pub(super) discarded: Vec<u32>,
    /// How many suspects were judged.
    judged: usize,
    /// The inodes that two rows claim which differ, and that are to be looked at again.
    pub(super) contested: Vec<u32>,
    /// True once there is no other look: two rows that differ now do so for good.
    pub(super) is_last_look: bool,
}

impl Judge {
    /// Judges the suspects, and returns the rows that count. Of two rows of one inode that differ nobody is accused before they
    /// were read again: a socket is bound only once.
    pub(crate) fn settle(
        &mut self,
        walk: &mut Walk,
        unread: UnreadNamespaces,
        reader: &mut Reader<'_>,
        sockets: &mut Sockets,
    ) -> ByInode {
        self.is_last_look = false;
        self.judge(walk, unread, reader, sockets);
        let by_inode = ByInode::new(sockets, self, reader.warnings);
        if self.contested.is_empty() {
            return by_inode;
        }
        let contested = std::mem::take(&mut self.contested);
        self.read_anew(contested, Protos::UNIX, walk, reader, sockets);
        self.is_last_look = true;
        ByInode::new(sockets, self, reader.warnings)
    }

    /// Judges the suspects that were read since the last time. `unread` says which namespaces were not read.
    fn judge(
        &mut self,
        walk: &mut Walk,
        unread: UnreadNamespaces,
        reader: &mut Reader<'_>,
        sockets: &mut Sockets,
    ) {
        let (mut inodes, some_untold) = self.ask(walk, reader, sockets);
        // Where the kernel does not tell what a socket is, any other table may list it, whatever rows are selected.
        let is_all_kept = unread == UnreadNamespaces::None && reader.rows.condition.is_always();
        let protos = if some_untold && !is_all_kept {
            Protos::ALL
        } else {
            Protos::UNIX
        };
        // All is known of an inode unless one of its rows was passed over while another was kept.
        let passed_over = Wanted::new(sockets.claims.take_passed_over(), false);
        let are_all_read = unread == UnreadNamespaces::None
            && walk.namespaces.ids(|netns| !netns.is_loaded).is_empty();
        if are_all_read && protos == Protos::UNIX {
            inodes.retain(|inode| passed_over.is_missing(*inode));
        }
        if passed_over.lacks_any() {
            let inode = |number: u32| sockets.inode(number);
            let is_certain = |number: &u32| {
                passed_over.is_missing(inode(*number)) && !sockets.claims.is_suspect(*number)
            };
            inodes.extend(sockets.numbers().filter(is_certain).map(inode));
        }
        if !inodes.is_empty() {
            if unread != UnreadNamespaces::None {
                find_namespaces(walk, true, reader);
            }
            self.read_anew(inodes, protos, walk, reader, sockets);
        }
    }

    /// Reads all rows of `inodes` anew, at one time: a socket that has changed in between would look like two. Then the kernel
    /// is asked once more: of a socket that was closed meanwhile only what pretends to be its row is left.
    fn read_anew(
        &mut self,
        inodes: Vec<u32>,
        protos: Protos,
        walk: &Walk,
        reader: &mut Reader<'_>,
        sockets: &mut Sockets,
    ) {
        let inodes = Wanted::new(inodes, false);
        let is_claimed = |number: &u32| {
            Protos::UNIX.has(sockets.proto(*number)) && inodes.is_missing(sockets.inode(*number))
        };
        self.discarded.extend(sockets.numbers().filter(is_claimed));
        for (id, netns) in walk.namespaces.iter() {
            reader.load_inodes(id, &mut netns.members(), protos, &inodes, sockets);
        }
        self.ask(walk, reader, sockets);
    }

    /// Asks the kernel for the sockets of the suspects, through the descriptors that hold them: another table may list the
    /// socket or none, and only the kernel knows. Discards the rows of those that are no unix sockets, or gone; returns the
    /// inodes of the others, and whether the kernel did not tell of some.
    fn ask(&mut self, walk: &Walk, reader: &mut Reader<'_>, sockets: &Sockets) -> (Vec<u32>, bool) {
        let suspects = sockets
            .claims
            .suspects()
            .get(self.judged..)
            .unwrap_or_default();
        self.judged += suspects.len();
        let inode = |number: &u32| sockets.inode(*number);
        // A row marks an inode that is held, by unix as far as the kernel tells; a claim, one that is another's, or gone.
        let mut held = Wanted::new(suspects.iter().map(inode).collect(), false);
        let (mut some_untold, mut path) = (false, Vec::new());
        for process in &walk.processes {
            let holders = walk.holders.get(process.holders.clone());
            for holder in holders.unwrap_or_default() {
                // One holder is enough to ask.
                if held.is_missing(holder.inode) {
                    let answer = SockProtoName::ask(reader.proc, process.task, *holder, &mut path);
                    let proto = answer.map(|answer| {
                        answer.warn_if_denied(reader.warnings);
                        answer.proto
                    });
                    let is_other = proto.is_some_and(|proto| {
                        some_untold |= proto.is_none();
                        proto.is_some_and(|proto| !Protos::UNIX.has(proto))
                    });
                    if is_other {
                        warn(reader.warnings, NOT_OF_UNIX);
                    }
                    held.mark_found(holder.inode, is_other || proto.is_none());
                }
            }
        }
        let mut inodes = Vec::new();
        for number in suspects {
            match inode(number) {
                0 => {}
                inode if held.has_claim(inode) => self.discarded.push(*number),
                inode => {
                    // Where some row is or may be forged, each claim that nobody is seen to hold may be to a socket of another
                    // table.
                    let claims = &sockets.claims;
                    let may_be_forged = claims.some_uncounted || claims.is_outnumbered(*number);
                    some_untold |= may_be_forged && held.is_missing(inode);
                    inodes.push(inode);
                }
            }
        }
        (inodes, some_untold)
    }
}

/// Judges row `number` of unix beside row `first`, the first one of its inode. In either case `number` does not count.
///
/// - Beside a row of another table it is forged: nobody writes into that table by a name.
/// - Beside another row of unix it is a repeat where both are equal, or where neither can be forged: a socket that gets
///   its name while the table is read may stand there twice. Where they differ one of them is forged, and the name
///   of the socket is not shown; nor its state and type, unless both agree on them or `first` can only be true.
///
/// Nobody is accused before the last look: until then they are contested.
pub(super) fn judge_beside(
    first: u32,
    number: u32,
    is_last_look: bool,
    sockets: &mut Sockets,
    warnings: &mut Warnings,
) -> Beside {
    if !Protos::UNIX.has(sockets.proto(first)) {
        warn(warnings, NOT_OF_UNIX);
        return Beside::Settled;
    }
    let (row, known) = (sockets.row(number), sockets.row(first));
    let is_certain = !sockets.claims.is_suspect(first);
    let is_same = (row.proto, row.state, row.ends) == (known.proto, known.state, known.ends);
    if is_same || (is_certain && !sockets.claims.is_suspect(number)) {
        return Beside::Settled;
    }
    if !is_last_look {
        return Beside::Contested;
    }
    // A name that is in doubt already was spoken of.
    if known.ends != Ends::Doubtful {
        warn(warnings, TWO_CLAIMS);
    }
    let mut state = if is_certain { known.state } else { row.state };
    if !is_certain && row.proto != known.proto {
        sockets.set_proto(first, Proto::Unix);
        state = State::NONE;
    }
    sockets.doubt(first, state, is_certain);
    Beside::Settled
}

/// Says that names may be forged, if `shown` has any out of a table with more rows than sockets: a row and whether somebody
/// is seen to hold it. The name of one without a holder is what its binder said, whoever that is, so it is shown. A held
/// socket of a namespace that cannot be read has no row beside a forged one; where a row was found to be forged, that is
/// most likely what there are more of.
pub(super) fn warn_of_unjudged(
    mut shown: impl Iterator<Item = (u32, bool)>,
    sockets: &Sockets,
    warnings: &mut Warnings,
) {
    let is_told = warnings.has(NOT_OF_UNIX) || warnings.has(TWO_CLAIMS);
    let claims = &sockets.claims;
    if shown.any(|(number, is_held)| !(is_held && is_told) && claims.is_outnumbered(number)) {
        warn(warnings, MORE_ROWS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::NetnsId;
    use crate::socket::extra::Keeps;
    use crate::socket::{Detail, Row};

    /// A row of unix or of another table, and whether it may be forged.
    type Claim = (Proto, State, Ends<'static>, bool);

    /// Judges a second row beside a first one of the same inode. Returns what is left of the first one, and what is said.
    fn judged(claims: [Claim; 2]) -> (State, Ends<'static>, String) {
        let (mut sockets, mut warnings) = (Sockets::new(Keeps::Rows), Warnings::default());
        for (proto, state, ends, is_suspect) in claims {
            let row = Row {
                inode: 7,
                proto,
                state,
                rx_queue: None,
                tx_queue: None,
                ends,
            };
            sockets.push(NetnsId(0), &row, &Detail::default());
            if is_suspect {
                sockets.suspect_last();
            }
        }
        let mut judge =
            |is_last_look| judge_beside(0, 1, is_last_look, &mut sockets, &mut warnings);
        // The first look accuses nobody of two rows.
        judge(false);
        assert_eq!(judge(true), Beside::Settled);
        let row = sockets.row(0);
        let first = claims[0].2;
        let ends = if row.ends == first {
            first
        } else {
            assert_eq!(row.ends, Ends::Doubtful);
            Ends::Doubtful
        };
        (row.state, ends, warnings.into_text())
    }

    #[test]
    fn a_second_claim_to_an_inode_is_a_repeat_a_doubt_or_a_forgery() {
        let said = |sentence| format!("lsock: unix: {sentence}\n");
        let dgram = |state, name| (Proto::UnixDgram, state, Ends::Path(name));
        let suspect = |(proto, state, ends)| (proto, state, ends, true);
        let certain = |(proto, state, ends)| (proto, state, ends, false);
        let a = dgram(State::UNCONNECTED, b"/a");
        let b = dgram(State::UNCONNECTED, b"/b");
        let doubted = |state| (state, Ends::Doubtful, said(TWO_CLAIMS));
        let kept = (State::UNCONNECTED, Ends::Path(b"/a"), String::new());
        assert_eq!(judged([suspect(a), suspect(a)]), kept);
        assert_eq!(judged([certain(a), suspect(b)]), doubted(a.1));
        assert_eq!(judged([suspect(a), suspect(b)]), doubted(a.1));
        // Neither can be forged: it was bound meanwhile.
        assert_eq!(judged([certain(a), certain(b)]), kept);
        // The same name for a socket of another type, or in another state.
        let seqpacket = (Proto::UnixSeq, State::UNCONNECTED, Ends::Path(b"/a"));
        let differ = judged([suspect(a), suspect(seqpacket)]);
        assert_eq!(differ, doubted(State::NONE));
        assert_eq!(judged([certain(a), suspect(seqpacket)]), doubted(a.1));
        let listens = dgram(State::LISTEN, b"/a");
        assert_eq!(judged([suspect(listens), suspect(a)]), doubted(State::NONE));
        assert_eq!(judged([certain(a), suspect(listens)]), doubted(a.1));
        // What was doubted was spoken of.
        let doubtful = (Proto::UnixDgram, State::UNCONNECTED, Ends::Doubtful);
        let silent = (State::UNCONNECTED, Ends::Doubtful, String::new());
        assert_eq!(judged([suspect(doubtful), suspect(a)]), silent);
        let packet = Ends::Packet {
            ethertype: 3,
            ifindex: 0,
        };
        let packet = (Proto::Packet, State::NONE, packet);
        assert_eq!(
            judged([certain(packet), suspect(a)]),
            (State::NONE, packet.2, said(NOT_OF_UNIX))
        );
    }
}
