//! What a condition means where listeners are asked for. In: a condition with `-l` in it. Out: the same, with an address also
//! of the listeners on every address that accept for it. Also tells of which questions a condition is made. It asks nothing about a
//! row: `rows` does.

use crate::select::{Condition, Family, Ports, RowTest};
use crate::socket::Side;

impl Condition {
    /// Returns true if listeners are asked for (`-l`).
    pub(crate) fn is_of_listeners(&self) -> bool {
        match self {
            Self::Row(test) => matches!(test, RowTest::Listening),
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::is_of_listeners),
            Self::Not(_) | Self::Process(_) => false,
        }
    }

    /// Returns true if any of it is below "not".
    pub(crate) fn negates(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::negates),
            Self::Not(_) => true,
            Self::Process(_) | Self::Row(_) => false,
        }
    }

    /// Makes of the condition what is meant of listeners: with an address it also selects the listeners on every address
    /// that accept for it, and with IPv4 also those of IPv6 that take both.
    pub(crate) fn add_wildcards(&mut self) {
        self.change(&mut |question| {
            let Self::Row(test) = question else {
                return;
            };
            let (family, ports) = match test {
                RowTest::Family(Family::V4) => (Family::V4, Ports::new()),
                RowTest::End(Side::Local | Side::Either, end) => match end.prefix {
                    Some(prefix) if prefix.is_ipv4() => (Family::V4, end.ports.clone()),
                    Some(_) => (Family::V6, end.ports.clone()),
                    None => return,
                },
                _ => return,
            };
            let test = std::mem::replace(test, RowTest::Listening);
            let accepts = RowTest::Accepts(family, ports);
            *question = Self::Any(vec![Self::Row(test), Self::Row(accepts)]);
        });
    }

    /// Calls `change` with each question, and with each "not" as a whole: what is weaker below it makes the whole stronger.
    pub(crate) fn change(&mut self, change: &mut dyn FnMut(&mut Self)) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.change(change);
                }
            }
            Self::Not(_) | Self::Process(_) | Self::Row(_) => change(self),
        }
    }
}
