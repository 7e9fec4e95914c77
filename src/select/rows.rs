//! Answers the questions of a condition about one socket, and says which rows of a table are kept. In: a row, and what is
//! known beside it. Out: yes, no or maybe; and for each question the protocols whose sockets may be a yes. It reads nothing.

use std::net::IpAddr;

use crate::collections::index::Wanted;
use crate::select::glob::is_like;
use crate::select::{Condition, Endpoint, Family, Ports, Question, RowTest, Truth};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row, Side};
use crate::text::addr::unmapped;

impl Condition {
    /// Returns the truth of the condition for a row as its table has it. Questions about the process are open, and so are
    /// those about a unix name, which the join may doubt, those about a user that the table does not tell, and those that other
    /// rows tell.
    fn test_row(&self, row: &Row<'_>, detail: &Detail) -> Truth {
        self.test(&mut |question| match question {
            Question::Row(RowTest::Path(_) | RowTest::PathLike(_))
                if Protos::UNIX.has(row.proto) =>
            {
                Truth::Maybe
            }
            Question::Row(RowTest::Uid(_)) if detail.uid.is_none() => Truth::Maybe,
            Question::Row(test) => test.holds(row, detail),
            Question::Process(_) => Truth::Maybe,
        })
    }

    /// Returns true if the condition may hold for a joined row of which not all is known: a name in doubt may be any, and so may
    /// a state beside it that is not told, and a user. Questions about the process are open.
    pub(crate) fn may_match_row(&self, row: &Row<'_>, detail: &Detail) -> bool {
        let is_doubted = row.ends == Ends::Doubtful;
        let truth = self.test(&mut |question| match question {
            Question::Process(_) => Truth::Maybe,
            Question::Row(test) => match test {
                RowTest::Path(_) | RowTest::PathLike(_) if is_doubted => Truth::Maybe,
                RowTest::Listening | RowTest::State(..)
                    if is_doubted && row.state == State::NONE =>
                {
                    Truth::from(test.protos().has(row.proto)).min(Truth::Maybe)
                }
                RowTest::Uid(_) if detail.uid.is_none() => Truth::Maybe,
                _ => test.holds(row, detail),
            },
        });
        truth != Truth::No
    }

    /// Returns true if the condition, whose questions about the process are settled, holds for a joined row. `is_dual`
    /// is asked of a row that waits on every address of IPv6 whether it takes IPv4 too.
    pub(crate) fn matches_row(
        &self,
        row: &Row<'_>,
        detail: &Detail,
        is_dual: &dyn Fn() -> bool,
    ) -> bool {
        let truth = self.test(&mut |question| match question {
            Question::Row(test) => match test.holds(row, detail) {
                Truth::Maybe => is_dual().into(),
                truth => truth,
            },
            Question::Process(_) => Truth::No,
        });
        truth == Truth::Yes
    }

    /// Returns true if the condition holds for a socket of `proto` with `inode` that stands in no table: it has no
    /// address, no name and no state. Of the two IPs it has the one that its protocol is of; unix is of any type, unless the
    /// kernel calls it a stream; `uid` made it, if that is known.
    pub(crate) fn matches_rowless(&self, proto: Proto, inode: u32, uid: Option<u32>) -> bool {
        let protos = proto.unlisted_as();
        let truth = self.test(&mut |question| match question {
            Question::Row(RowTest::Proto(wanted)) => wanted.meets(protos).into(),
            Question::Row(RowTest::Family(Family::V4)) => Protos::INET4.has(proto).into(),
            Question::Row(RowTest::Family(Family::V6)) => Protos::INET6.has(proto).into(),
            Question::Row(RowTest::Inode(wanted)) => (*wanted == inode).into(),
            Question::Row(RowTest::Uid(wanted)) => (Some(*wanted) == uid).into(),
            Question::Row(_) | Question::Process(_) => Truth::No,
        });
        truth == Truth::Yes
    }

    /// Returns true if the condition may hold for a socket with `inode`, whatever its row is.
    pub(crate) fn may_match_inode(&self, inode: u32) -> bool {
        let truth = self.test(&mut |question| match question {
            Question::Row(RowTest::Inode(wanted)) => (*wanted == inode).into(),
            Question::Row(_) | Question::Process(_) => Truth::Maybe,
        });
        truth != Truth::No
    }

    /// Returns true if the condition may hold for a socket with `inode`, or any if that is `None`, which stands in no
    /// table.
    pub(crate) fn may_match_rowless(&self, inode: Option<u32>) -> bool {
        let truth = self.test(&mut |question| match (question, inode) {
            (Question::Row(RowTest::Inode(wanted)), Some(inode)) => (*wanted == inode).into(),
            (
                Question::Row(
                    RowTest::Proto(_) | RowTest::Family(_) | RowTest::Inode(_) | RowTest::Uid(_),
                )
                | Question::Process(_),
                _,
            ) => Truth::Maybe,
            (Question::Row(_), _) => Truth::No,
        });
        truth != Truth::No
    }

    /// Returns true if the condition may hold for a row of TCP that listens, or for another: the kernel has none that is closed.
    pub(crate) fn may_match_tcp(&self, listens: bool) -> bool {
        let is_other = |state| (state == State::LISTEN) != listens || state == State::CLOSE;
        let truth = self.test(&mut |question| match question {
            Question::Row(RowTest::Listening) => listens.into(),
            Question::Row(RowTest::State(_, state)) if is_other(*state) => Truth::No,
            Question::Row(test) if !test.protos().meets(Protos::TCP) => Truth::No,
            Question::Row(_) | Question::Process(_) => Truth::Maybe,
        });
        truth != Truth::No
    }
}

impl RowTest {
    /// Returns the protocols of which some socket may pass.
    pub(super) fn protos(&self) -> Protos {
        match self {
            Self::Proto(protos) => *protos,
            Self::Family(Family::V4) => Protos::INET,
            Self::Family(Family::V6) => Protos::INET.without(Protos::INET4),
            Self::Listening => State::LISTEN.protos().union(Protos::UDP),
            Self::State(protos, state) => protos.intersection(state.protos()),
            Self::End(_, end) if end.ports.is_empty() => Protos::INET,
            Self::End(..) | Self::Accepts(..) => Protos::PORTED,
            Self::Path(_) | Self::PathLike(_) => Protos::UNIX,
            Self::Uid(_) | Self::Inode(_) => Protos::ALL,
        }
    }

    /// Returns whether the socket passes; `Maybe` if other rows tell.
    fn holds(&self, row: &Row<'_>, detail: &Detail) -> Truth {
        let passes = match self {
            Self::Proto(protos) => protos.has(row.proto),
            Self::Inode(inode) => row.inode == *inode,
            Self::Path(path) => matches!(row.ends, Ends::Path(name) if means_name(path, name)),
            Self::PathLike(pattern) => {
                matches!(row.ends, Ends::Path(name) if is_like(pattern, name))
            }
            Self::Family(family) => {
                let local = row.ends.inet().map(|(local, _)| Family::of(local.0));
                local == Some(*family)
            }
            Self::Listening => row.is_listening(),
            Self::State(protos, state) => protos.has(row.proto) && row.state == *state,
            Self::Uid(uid) => detail.uid == Some(*uid),
            Self::End(side, end) => end.is_of(*side, row),
            Self::Accepts(family, ports) => match row.ends.inet() {
                Some(((_, port), _)) if ports.is_empty() || has_port(ports, port) => {
                    return accepts(*family, row);
                }
                _ => false,
            },
        };
        passes.into()
    }
}

/// Returns whether `row` waits on every address for callers of `family`: one of IPv6 may take IPv4 too.
fn accepts(family: Family, row: &Row<'_>) -> Truth {
    match family {
        Family::V4 if waits_on_all(Family::V6, row) => Truth::Maybe,
        family => waits_on_all(family, row).into(),
    }
}

/// Returns true if `row` waits for whoever comes to any address of `family`.
#[inline(never)]
pub(crate) fn waits_on_all(family: Family, row: &Row<'_>) -> bool {
    let is_on_all = |((address, _), _): ((IpAddr, u16), _)| {
        unmapped(address).is_unspecified() && Family::of(address) == family
    };
    row.is_listening() && row.ends.inet().is_some_and(is_on_all)
}

/// Returns true if `wanted`, as it was typed, means the `name` of a unix socket: a path, with /run for /var/run; the last
/// component of one; or an abstract name, which may have NULs behind it that the kernel prints as `@`.
#[inline(never)]
pub(crate) fn means_name(wanted: &[u8], name: &[u8]) -> bool {
    fn short(path: &[u8]) -> &[u8] {
        let rest = path.strip_prefix(b"/var");
        rest.filter(|rest| rest.starts_with(b"/run/"))
            .unwrap_or(path)
    }
    match wanted {
        [b'@', ..] => {
            let rest = name.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.iter().all(|byte| *byte == b'@'))
        }
        [b'/', ..] => short(wanted) == short(name),
        _ => {
            let before = name.strip_suffix(wanted);
            before.is_some_and(|before| before.is_empty() || before.ends_with(b"/"))
        }
    }
}

impl Endpoint {
    /// Returns an end with any address and one of `ports`.
    pub(crate) const fn of_ports(ports: Ports) -> Self {
        let prefix = None;
        Self { prefix, ports }
    }

    /// Returns true if an end of `row` on `side` has one of the addresses and one of the ports. Ports count only where the
    /// protocol has ports: of raw the same field is the protocol. A peer that is not there is on no address, but for ss's
    /// `dst`, which asks for it as 0.0.0.0.
    fn is_of(&self, side: Side, row: &Row<'_>) -> bool {
        let is_wanted = |(address, port)| {
            let is_end = side == Side::Remote || port != 0 || !unmapped(address).is_unspecified();
            self.prefix
                .is_none_or(|prefix| is_end && prefix.contains(address))
                && (self.ports.is_empty() || has_port(&self.ports, port))
        };
        (self.ports.is_empty() || Protos::PORTED.has(row.proto))
            && row.ends.any_inet(side, &is_wanted)
    }
}

/// Returns true if `ports` has `port`; 0 stands for no port at all.
fn has_port(ports: &Ports, port: u16) -> bool {
    port != 0 && ports.iter().any(|range| range.contains(&port))
}

/// Which rows of the tables are kept.
#[derive(Clone, Copy)]
pub(crate) struct RowFilter<'a> {
    /// Rows for which this may hold.
    pub(crate) condition: &'a Condition,
    /// All connections too, whether they are shown or not, so that both ends of a shown one are known.
    pub(crate) connections: bool,
    /// All listeners too, so that whoever has to accept a connection is known.
    pub(crate) listeners: bool,
    /// If given, the rows of those inodes that are missing in it, all of them and no others: what is said of a socket is
    /// judged as a whole.
    pub(crate) inodes: Option<&'a Wanted>,
    /// All that wait on every address of IPv4 too: they tell which on every address of IPv6 take IPv4.
    pub(crate) wildcards: bool,
}

impl RowFilter<'_> {
    /// Returns true if of TCP no row but those of listeners is kept.
    pub(crate) fn keeps_only_listeners(&self) -> bool {
        self.inodes.is_none() && !self.connections && !self.condition.may_match_tcp(false)
    }

    /// Returns the protocols whose tables are read: for the other end of a connection those of the other family too.
    pub(crate) fn tables(&self) -> Protos {
        let protos = self.condition.protos();
        let is_met = |all: &Protos| self.connections && protos.meets(*all);
        let more = [Protos::TCP, Protos::UDP].into_iter().filter(is_met);
        more.fold(protos, Protos::union)
    }

    /// Returns whether `row` is kept: `Yes` if it matches, `Maybe` if that is known only after the join, which also goes
    /// for a row that is kept for the sake of another.
    #[inline(always)]
    pub(crate) fn keeps(&self, row: &Row<'_>, detail: &Detail) -> Truth {
        if let Some(inodes) = self.inodes {
            return Truth::Maybe.min(inodes.is_missing(row.inode).into());
        }
        if self.condition.is_always() {
            return Truth::Yes;
        }
        match self.condition.test_row(row, detail) {
            Truth::No if self.connections && Protos::PORTED.has(row.proto) => Truth::Maybe,
            Truth::No if self.listeners && row.state == State::LISTEN => Truth::Maybe,
            Truth::No if self.wildcards && waits_on_all(Family::V4, row) => Truth::Maybe,
            truth => truth,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::ProcessTest;
    use std::net::Ipv4Addr;

    fn row(proto: Proto, state: State, port: u16) -> Row<'static> {
        let end = |port| (IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Row {
            inode: 7,
            proto,
            state,
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Inet {
                local: end(port),
                remote: end(0),
            },
        }
    }

    fn port(side: Side, port: u16) -> Condition {
        let end = Endpoint::of_ports(vec![port..=port]);
        Condition::Row(RowTest::End(side, end))
    }

    #[test]
    fn a_row_is_tested_with_its_process_still_open() {
        let process = Condition::Process(ProcessTest::Pids(vec![6]));
        let listener = row(Proto::Tcp, State::LISTEN, 80);
        let test = |condition: &Condition| condition.test_row(&listener, &Detail::default());
        for (condition, truth) in [
            (port(Side::Local, 80), Truth::Yes),
            (port(Side::Remote, 80), Truth::No),
            (port(Side::Either, 81), Truth::No),
            (
                Condition::All(vec![process.clone(), port(Side::Local, 80)]),
                Truth::Maybe,
            ),
            (
                Condition::All(vec![process.clone(), port(Side::Local, 81)]),
                Truth::No,
            ),
            (
                Condition::Any(vec![process.clone(), port(Side::Local, 80)]),
                Truth::Yes,
            ),
            (
                Condition::Any(vec![process.clone(), port(Side::Local, 81)]),
                Truth::Maybe,
            ),
            (Condition::Not(Box::new(port(Side::Local, 80))), Truth::No),
            (Condition::Not(Box::new(process)), Truth::Maybe),
            (Condition::default(), Truth::Yes),
        ] {
            assert_eq!(test(&condition), truth, "{condition:?}");
        }
    }

    #[test]
    fn a_condition_may_ask_for_nothing_but_listeners() {
        let listening = || Condition::Row(RowTest::Listening);
        let state = |state| Condition::Row(RowTest::State(Protos::TCP, state));
        let proto = |protos| Condition::Row(RowTest::Proto(protos));
        let not = |condition| Condition::Not(Box::new(condition));
        let all = Condition::All;
        for (condition, listeners, others) in [
            (Condition::default(), true, true),
            (listening(), true, false),
            (state(State::LISTEN), true, false),
            (state(State::ESTABLISHED), false, true),
            (state(State::CLOSE), false, false),
            (not(listening()), false, true),
            (not(state(State::LISTEN)), true, true),
            (all(vec![listening(), port(Side::Local, 80)]), true, false),
            (port(Side::Local, 80), true, true),
            (
                Condition::Any(vec![state(State::LISTEN), port(Side::Local, 80)]),
                true,
                true,
            ),
            (
                Condition::Any(vec![listening(), proto(Protos::UDP)]),
                true,
                false,
            ),
            (proto(Protos::UDP), false, false),
            (all(vec![proto(Protos::TCP), listening()]), true, false),
            (
                Condition::Any(vec![
                    listening(),
                    Condition::Process(ProcessTest::Pids(vec![6])),
                ]),
                true,
                true,
            ),
            (
                all(vec![
                    listening(),
                    Condition::Process(ProcessTest::Pids(vec![6])),
                ]),
                true,
                false,
            ),
        ] {
            let may_match = [true, false].map(|listens| condition.may_match_tcp(listens));
            assert_eq!(may_match, [listeners, others], "{condition:?}");
            // What a condition may not match it does not: neither a listener nor another row.
            for (state, may) in [(State::LISTEN, listeners), (State::SYN_RECV, others)] {
                let row = row(Proto::Tcp6, state, 80);
                assert!(may || condition.test_row(&row, &Detail::default()) == Truth::No);
            }
        }
    }

    #[test]
    fn the_port_of_raw_is_none_and_port_0_is_none() {
        let raw = row(Proto::Raw, State::UNCONNECTED, 1);
        assert!(!port(Side::Either, 1).matches_row(&raw, &Detail::default(), &|| false));
        let unbound = row(Proto::Udp, State::UNCONNECTED, 0);
        assert!(!port(Side::Either, 0).matches_row(&unbound, &Detail::default(), &|| false));
    }

    #[test]
    fn a_socket_in_no_table_matches_by_protocol_and_inode_alone() {
        let proto = |protos| Condition::Row(RowTest::Proto(protos));
        let inode = |inode| Condition::Row(RowTest::Inode(inode));
        for (condition, matches, may_match) in [
            (Condition::default(), true, true),
            (proto(Protos::TCP), true, true),
            (proto(Protos::UDP), false, true),
            (Condition::Row(RowTest::Family(Family::V4)), true, true),
            (Condition::Row(RowTest::Family(Family::V6)), false, true),
            (inode(7), true, true),
            (inode(8), false, false),
            (port(Side::Either, 80), false, false),
            (Condition::Row(RowTest::Listening), false, false),
            (
                Condition::All(vec![proto(Protos::TCP), inode(7)]),
                true,
                true,
            ),
        ] {
            assert_eq!(
                condition.matches_rowless(Proto::Tcp, 7, Some(1000)),
                matches,
                "{condition:?}"
            );
            assert_eq!(
                condition.may_match_rowless(Some(7)),
                may_match,
                "{condition:?}"
            );
        }
        // The kernel's word for a seqpacket is that for a dgram; a stream has one of its own.
        let matches = |wanted, is| {
            let condition = proto(Protos::of(&[wanted]));
            condition.matches_rowless(is, 7, None)
        };
        assert!(matches(Proto::UnixSeq, Proto::UnixDgram));
        assert!(!matches(Proto::UnixSeq, Proto::Unix));
    }
}
