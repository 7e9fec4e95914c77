//! Answers the questions of a condition about a socket that stands in no table which was read. In: what little is known of it.
//! Out: whether it may still be what is asked for. It reads nothing.

use crate::select::{Condition, Question, RowTest, Truth};
use crate::socket::Side;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;

impl Condition {
    /// Returns true if the condition may hold for `socket` in truth, though no table says so.
    pub(crate) fn may_match_unlisted(&self, socket: &Unlisted) -> bool {
        let may_match = |proto: &Proto| {
            let truth = self.test(&mut |question| match question {
                Question::Row(test) => socket.answer(test, *proto),
                Question::Process(_) => Truth::Maybe,
            });
            socket.protos.has(*proto) && truth != Truth::No
        };
        Proto::ALL.iter().any(may_match)
    }
}

/// What is known of a socket that stands in no table that was read. It may still be one that matters: a TCP socket that is
/// bound stands in none, and blocks its port; and the tables of a namespace without a process cannot be read.
#[derive(Clone, Copy)]
pub(crate) struct Unlisted {
    /// The protocols that it may be of.
    pub(crate) protos: Protos,
    /// Its inode; `None` for a socket of which not even a descriptor was seen.
    pub(crate) inode: Option<u32>,
    /// True if there is a namespace whose tables cannot be read.
    pub(crate) is_foreign: bool,
}

impl Unlisted {
    /// Returns the answer to one question, were it of `proto`.
    fn answer(&self, test: &RowTest, proto: Proto) -> Truth {
        let may_be = match test {
            RowTest::Inode(inode) if self.inode.is_some() => self.inode == Some(*inode),
            RowTest::Proto(protos) => return protos.has(proto).into(),
            RowTest::Family(_) | RowTest::Uid(_) | RowTest::Inode(_) => true,
            RowTest::End(Side::Local | Side::Either, _) if !self.is_foreign => {
                Protos::UNLISTED_BOUND.has(proto)
            }
            // Whoever asks who listens on a port is not told that nobody does, if somebody may.
            RowTest::Listening | RowTest::State(_, State::LISTEN) | RowTest::Accepts(..) => {
                self.is_foreign || self.inode.is_some()
            }
            RowTest::End(..) | RowTest::State(..) | RowTest::Path(_) | RowTest::PathLike(_) => {
                self.is_foreign
            }
        };
        if may_be && test.protos().has(proto) {
            Truth::Maybe
        } else {
            Truth::No
        }
    }
}
