//! A count of sockets by state. In: rows. Out: their number, and the number in each state as one word,
//! `CLOSE_WAIT:90,LISTEN:2`. It does not know what the rows have in common.

use std::cmp::Reverse;

use crate::socket::Row;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::text::write::{write_decimal, write_short};
use crate::views::words::write_state;

/// Sockets by state.
#[derive(Default)]
pub(super) struct Tally {
    /// The number of all of them.
    pub(super) sockets: u32,
    /// The number in each state. A socket of a protocol without states counts for that protocol.
    states: Vec<(State, Proto, u32)>,
}

impl Tally {
    /// Counts a socket.
    pub(super) fn count(&mut self, row: &Row<'_>) {
        let proto = match row.state {
            State::NONE => row.proto,
            _ => Proto::Other,
        };
        self.sockets += 1;
        let mut states = self.states.iter_mut();
        match states.find(|(state, other, _)| (*state, *other) == (row.state, proto)) {
            Some((.., count)) => *count += 1,
            None => self.states.push((row.state, proto, 1)),
        }
    }

    /// Returns the number in `state`.
    pub(super) fn in_state(&self, wanted: State) -> u32 {
        let states = self.states.iter();
        let counts = states.filter(|(state, ..)| *state == wanted);
        counts.map(|(.., count)| *count).sum()
    }

    /// Returns the words of the states: `CLOSE_WAIT` first, then those with most sockets.
    pub(super) fn states(&self) -> Vec<(Vec<u8>, u32)> {
        let mut words = Vec::new();
        for (state, proto, count) in &self.states {
            let mut word = Vec::new();
            match *state {
                State::UNLISTED => write_short(&mut word, b"(unlisted)"),
                State::NONE => write_short(&mut word, proto.name().as_bytes()),
                state => write_state(&mut word, state),
            }
            // There are few states, so each may pass those before it.
            let key = (word != b"CLOSE_WAIT", Reverse(*count), &word);
            let is_before = |(word, count): &&(Vec<u8>, u32)| {
                (word != b"CLOSE_WAIT", Reverse(*count), word) < key
            };
            let at = words.iter().take_while(is_before).count();
            words.insert(at, (word, *count));
        }
        words
    }

    /// Writes the first state.
    pub(super) fn write_first_state(&self, out: &mut Vec<u8>) {
        if let Some((word, _)) = self.states().first() {
            write_short(out, word);
        }
    }

    /// Writes the states as one word, or nothing if all sockets count under `name`.
    pub(super) fn write_states(&self, out: &mut Vec<u8>, name: &[u8]) {
        let start = out.len();
        for (word, count) in self.states() {
            if word == name && self.states.len() == 1 {
                continue;
            }
            if out.len() > start {
                out.push(b',');
            }
            write_short(out, &word);
            out.push(b':');
            write_decimal(out, count);
        }
    }
}
