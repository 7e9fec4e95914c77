//! Adds up what was typed to one condition. In: conditions, each of a kind. Out: the condition that they make together. It
//! answers no question.

use crate::select::{Condition, Truth};

/// Conditions of several kinds, as a command line adds them up: of one kind any, of different kinds all must hold.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Each kind, by a word that only has to be its own, and its conditions.
    kinds: Vec<(&'static str, Vec<Condition>)>,
}

impl Selection {
    /// Adds one more condition of `kind`.
    pub(crate) fn add(&mut self, kind: &'static str, condition: Condition) {
        match self.kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, conditions)) => conditions.push(condition),
            None => self.kinds.push((kind, vec![condition])),
        }
    }

    /// Returns the condition that all kinds make together.
    pub(crate) fn condition(&self) -> Condition {
        let kinds = self.kinds.iter();
        let kinds = kinds.map(|(_, conditions)| Condition::Any(conditions.clone()));
        // Lists of one are taken apart.
        Condition::All(kinds.collect()).settle(&mut |_| Truth::Maybe)
    }
}
