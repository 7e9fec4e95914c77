//! What to show: one condition on a socket and the process that holds it. In: what selectors, options and filters were
//! compiled to. Out: for what is known of a process or a socket so far yes, no or maybe, and what has to be read before
//! the answer can be known. It reads nothing. `selection` adds up what was typed, `listeners` widens it where listeners are
//! asked for, `rows` answers about one socket, `unlisted` about one in no table, and `glob` compares a path with a pattern.
//!
//! A condition is asked in stages, because knowledge comes in stages: a process is met before its sockets, a row is read
//! before anybody knows whether its name may be believed. So answers have three values (Kleene's logic): a room passes
//! over what is certainly not asked for, and keeps what may be.

pub(crate) mod glob;
mod listeners;
pub(crate) mod rows;
mod selection;
pub(crate) mod unlisted;

pub(crate) use selection::Selection;

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::collections::sort::sort_dedup;
use crate::socket::Side;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::text::addr::{Prefix, unmapped};

/// An answer that may have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    /// It does not hold, whatever else is learned.
    No,
    /// It cannot be told from what is known.
    Maybe,
    /// It holds, whatever else is learned.
    Yes,
}

impl Truth {
    /// Returns the truth of "not this".
    const fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Ports, as a list of ranges.
pub(crate) type Ports = Vec<RangeInclusive<u16>>;

/// IPv4 or IPv6, as an address is printed: v4-mapped IPv6 is IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4, v4-mapped IPv6 included.
    V4,
    /// All other IPv6.
    V6,
}

impl Family {
    /// Returns the family that `address` is printed in.
    pub(crate) fn of(address: IpAddr) -> Self {
        if unmapped(address).is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
}

/// An address and a port of one end, each perhaps any.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Endpoint {
    /// The addresses; `None` for any.
    pub(crate) prefix: Option<Prefix>,
    /// The ports; empty for any. Port 0 stands for no port and is in no list.
    pub(crate) ports: Ports,
}

/// A question about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProcessTest {
    /// Its id is one of these, which are ascending.
    Pids(Vec<u32>),
    /// The name or the line of its command contains this word.
    Word(Vec<u8>),
    /// The name of its command starts with this.
    Prefix(Vec<u8>),
    /// This word means its container: a name, or the first digits of an id.
    Container(Vec<u8>),
    /// The number of its container is one of these, which that word means.
    Containers(Vec<u32>),
}

/// A question about a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowTest {
    /// It is of one of these protocols.
    Proto(Protos),
    /// Its addresses are printed as this family.
    Family(Family),
    /// It waits for whoever comes: TCP and unix in LISTEN, UDP without a peer.
    Listening,
    /// It is of one of these protocols and in this state.
    State(Protos, State),
    /// An end has this address and this port.
    End(Side, Endpoint),
    /// Its unix path or abstract name is this; without a slash or `@` in front, the last component of its path is.
    Path(Vec<u8>),
    /// Its unix path or abstract name is like this pattern.
    PathLike(Vec<u8>),
    /// It waits on every address, accepts callers of this family, and has one of these ports; any if there is none.
    Accepts(Family, Ports),
    /// It has this inode.
    Inode(u32),
    /// It has this owner.
    Uid(u32),
}

/// A condition on a socket and the process that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// All of these hold; without any it always holds.
    All(Vec<Condition>),
    /// At least one of these holds; without any it never holds.
    Any(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
    /// A question about the process.
    Process(ProcessTest),
    /// A question about the socket.
    Row(RowTest),
}

impl Default for Condition {
    /// Returns the condition that always holds.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Condition {
    /// Returns the truth of the condition, where `answer` answers each question that matters.
    pub(crate) fn test(&self, answer: &mut dyn FnMut(Question<'_>) -> Truth) -> Truth {
        match self {
            Self::All(parts) => {
                let mut truth = Truth::Yes;
                for part in parts {
                    truth = truth.min(part.test(answer));
                    if truth == Truth::No {
                        break;
                    }
                }
                truth
            }
            Self::Any(parts) => {
                let mut truth = Truth::No;
                for part in parts {
                    truth = truth.max(part.test(answer));
                    if truth == Truth::Yes {
                        break;
                    }
                }
                truth
            }
            Self::Not(part) => part.test(answer).negated(),
            Self::Process(test) => answer(Question::Process(test)),
            Self::Row(test) => answer(Question::Row(test)),
        }
    }

    /// Returns what is left of the condition once `answer` has answered what it can: parts that are settled are gone.
    pub(crate) fn settle(&self, answer: &mut dyn FnMut(Question<'_>) -> Truth) -> Self {
        let settled = |truth: Truth, open: &Self| match truth {
            Truth::Yes => Self::All(Vec::new()),
            Truth::No => Self::Any(Vec::new()),
            Truth::Maybe => open.clone(),
        };
        match self {
            Self::Process(test) => settled(answer(Question::Process(test)), self),
            Self::Row(test) => settled(answer(Question::Row(test)), self),
            Self::Not(part) => match part.settle(answer) {
                part if part.is_always() => Self::Any(Vec::new()),
                part if part.is_never() => Self::All(Vec::new()),
                part => Self::Not(Box::new(part)),
            },
            Self::All(parts) => {
                let mut open = Vec::new();
                for part in parts {
                    match part.settle(answer) {
                        part if part.is_never() => return part,
                        Self::All(parts) => open.extend(parts),
                        part => open.push(part),
                    }
                }
                Self::one_of(open, Self::All)
            }
            Self::Any(parts) => {
                let mut open = Vec::new();
                for part in parts {
                    match part.settle(answer) {
                        part if part.is_always() => return part,
                        Self::Any(parts) => open.extend(parts),
                        part => open.push(part),
                    }
                }
                Self::one_of(open, Self::Any)
            }
        }
    }

    /// Returns the only part of `parts`, or all of them under `join`.
    fn one_of(mut parts: Vec<Self>, join: fn(Vec<Self>) -> Self) -> Self {
        match (parts.pop(), parts.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                parts.extend(last);
                join(parts)
            }
        }
    }

    /// Returns the condition that one of `parts` holds.
    pub(crate) fn any(parts: Vec<Self>) -> Self {
        Self::one_of(parts, Self::Any)
    }

    /// Returns true if the condition holds of every socket.
    pub(crate) fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    /// Returns true if the condition holds of no socket.
    pub(crate) fn is_never(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.is_empty())
    }
}

/// A question that a condition asks.
#[derive(Clone, Copy)]
pub(crate) enum Question<'a> {
    /// About the process.
    Process(&'a ProcessTest),
    /// About the socket.
    Row(&'a RowTest),
}

/// What has to be read before the answer can be known.
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for another file that has to be read"
)]
pub(crate) struct Needs {
    /// The protocols of which some socket may match: no other table need be opened.
    pub(crate) protos: Protos,
    /// The processes that may hold such a socket, ascending; `None` for any.
    pub(crate) pids: Option<Vec<u32>>,
    /// True if the name or the line of a command is asked for.
    pub(crate) commands: bool,
    /// True if the container of a process is asked for.
    pub(crate) containers: bool,
    /// True if the owner of a socket is asked for, which only the wide form of a row keeps.
    pub(crate) uids: bool,
    /// True if the name of a unix socket is asked for, which cannot be told before the join.
    pub(crate) paths: bool,
    /// True if the address or the port of an end is asked for.
    pub(crate) ends: bool,
    /// True if netlink is asked for by its name, or a socket by its inode.
    pub(crate) netlink: bool,
    /// True if a listener of IPv6 is asked for that takes IPv4 too, which other listeners tell.
    pub(crate) dual_stack: bool,
}

impl Needs {
    /// Returns true if no process is told from another.
    pub(crate) fn is_all_processes(&self) -> bool {
        self.pids.is_none() && !self.commands && !self.containers
    }
}

impl Condition {
    /// Returns what has to be read before the answer can be known. It is a bound: nothing that matches is outside of it.
    pub(crate) fn needs(&self) -> Needs {
        let mut needs = Needs {
            protos: self.protos(),
            pids: self.pids(),
            commands: false,
            containers: false,
            uids: false,
            paths: false,
            ends: false,
            netlink: false,
            dual_stack: false,
        };
        // Every question is asked, because none is answered.
        self.test(&mut |question| {
            match question {
                Question::Process(ProcessTest::Word(_) | ProcessTest::Prefix(_)) => {
                    needs.commands = true;
                }
                Question::Process(ProcessTest::Container(_) | ProcessTest::Containers(_)) => {
                    needs.containers = true;
                }
                Question::Row(RowTest::Uid(_)) => needs.uids = true,
                Question::Row(RowTest::Path(_) | RowTest::PathLike(_)) => needs.paths = true,
                Question::Row(RowTest::End(..)) => needs.ends = true,
                Question::Row(RowTest::Accepts(family, _)) => {
                    needs.dual_stack |= *family == Family::V4;
                }
                Question::Row(RowTest::Inode(_)) => needs.netlink = true,
                Question::Row(RowTest::Proto(protos)) => {
                    needs.netlink |= protos.has(Proto::Netlink);
                }
                Question::Process(ProcessTest::Pids(_)) | Question::Row(_) => {}
            }
            Truth::Maybe
        });
        needs
    }

    /// Returns the protocols of which some socket may match.
    pub(crate) fn protos(&self) -> Protos {
        match self {
            Self::All(parts) => parts
                .iter()
                .map(Self::protos)
                .fold(Protos::ALL, Protos::intersection),
            Self::Any(parts) => parts
                .iter()
                .map(Self::protos)
                .fold(Protos::default(), Protos::union),
            Self::Not(part) => match &**part {
                Self::Row(RowTest::Proto(protos)) => Protos::ALL.without(*protos),
                _ => Protos::ALL,
            },
            Self::Process(_) => Protos::ALL,
            Self::Row(test) => test.protos(),
        }
    }

    /// Returns the ids of the processes that may hold a socket that matches, ascending; `None` for any.
    fn pids(&self) -> Option<Vec<u32>> {
        match self {
            Self::All(parts) => {
                let mut sets = parts.iter().filter_map(Self::pids);
                let first = sets.next()?;
                Some(sets.fold(first, |mut all, other| {
                    all.retain(|pid| other.binary_search(pid).is_ok());
                    all
                }))
            }
            Self::Any(parts) => {
                let sets: Option<Vec<_>> = parts.iter().map(Self::pids).collect();
                let mut pids = sets?.concat();
                sort_dedup(&mut pids);
                Some(pids)
            }
            Self::Process(ProcessTest::Pids(pids)) => Some(pids.clone()),
            Self::Not(_) | Self::Process(_) | Self::Row(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the condition of one kind for each of `conditions`, put together.
    fn select(conditions: Vec<(&'static str, Condition)>) -> Condition {
        let mut selection = Selection::default();
        for (kind, condition) in conditions {
            selection.add(kind, condition);
        }
        selection.condition()
    }

    fn pid(pid: u32) -> Condition {
        Condition::Process(ProcessTest::Pids(vec![pid]))
    }

    fn proto(protos: Protos) -> Condition {
        Condition::Row(RowTest::Proto(protos))
    }

    fn port(port: u16) -> Condition {
        let end = Endpoint::of_ports(vec![port..=port]);
        Condition::Row(RowTest::End(Side::Either, end))
    }

    #[test]
    fn of_one_kind_any_holds_and_of_different_kinds_all() {
        let condition = select(vec![("pid", pid(6)), ("pid", pid(7)), ("port", port(80))]);
        let ids = |condition: &Condition| condition.needs().pids;
        assert_eq!(ids(&condition), Some(vec![6, 7]));
        assert_eq!(condition.protos(), Protos::PORTED);
        assert!(select(Vec::new()).is_always());
        assert_eq!(select(vec![("port", port(80))]), port(80));
    }

    #[test]
    fn what_is_needed_is_a_bound() {
        let any = Condition::Any(vec![pid(6), port(80)]);
        assert_eq!(any.needs().pids, None);
        assert_eq!(any.protos(), Protos::ALL);
        let not_tcp = Condition::Not(Box::new(proto(Protos::TCP)));
        assert_eq!(not_tcp.protos(), Protos::ALL.without(Protos::TCP));
        let path = Condition::Row(RowTest::Path(b"/run/app.sock".to_vec()));
        let neither = select(vec![("path", path.clone()), ("port", port(80))]);
        assert!(neither.protos().is_empty());
        assert!(path.needs().paths && !path.needs().commands);
        let listens = Condition::Row(RowTest::State(Protos::TCP, State::LISTEN));
        assert_eq!(listens.protos(), Protos::TCP);
        let six = select(vec![
            ("family", Condition::Row(RowTest::Family(Family::V6))),
            ("proto", proto(Protos::TCP)),
        ]);
        assert_eq!(six.protos(), Protos::TCP.without(Protos::INET4));
    }

    #[test]
    fn what_is_settled_is_gone() {
        let of_process = |wanted: u32| {
            move |question: Question<'_>| match question {
                Question::Process(ProcessTest::Pids(pids)) => pids.contains(&wanted).into(),
                Question::Process(_) => Truth::No,
                Question::Row(_) => Truth::Maybe,
            }
        };
        let all = Condition::All(vec![pid(6), port(80)]);
        assert_eq!(all.settle(&mut of_process(6)), port(80));
        assert!(all.settle(&mut of_process(7)).is_never());
        let any = Condition::Any(vec![pid(6), port(80)]);
        assert!(any.settle(&mut of_process(6)).is_always());
        assert_eq!(any.settle(&mut of_process(7)), port(80));
        let not = Condition::Not(Box::new(pid(6)));
        assert!(not.settle(&mut of_process(6)).is_never());
        assert!(not.settle(&mut of_process(7)).is_always());
    }
}
