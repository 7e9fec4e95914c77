//! What the summary counts by, and how much of it is shown: `--by` and `--top`. In: one word of the command line. Out: the
//! value in `Options`, or one line that quotes the word and says what would be right. It counts nothing.

use crate::cli::Options;
use crate::cli::values::wrong;
use crate::text::digits::decimal32;

/// What the sockets are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The process that holds them.
    Process,
    /// The address at the other end.
    Remote,
    /// The port of this end.
    Local,
    /// The state.
    State,
    /// The container.
    Container,
}

/// All of these by their words.
const WORDS: [(&[u8], By); 5] = [
    (b"process", By::Process),
    (b"remote", By::Remote),
    (b"local", By::Local),
    (b"state", By::State),
    (b"container", By::Container),
];

impl Options {
    /// Counts by the word alone.
    pub(super) fn set_by(&mut self, word: &[u8]) -> Result<(), String> {
        let known = WORDS.iter().find(|(known, _)| *known == word);
        let reason = "not a group; write process, remote, local, state or container";
        self.by = Some(known.ok_or_else(|| wrong(word, reason))?.1);
        Ok(())
    }

    /// Sets the number of lines of each table; 0 is all.
    pub(super) fn set_top(&mut self, word: &[u8]) -> Result<(), String> {
        let top = decimal32(word).and_then(|top| usize::try_from(top).ok());
        let reason = "not a number of lines; write 1 or more, or 0 for all";
        let top = top.ok_or_else(|| wrong(word, reason))?;
        self.top = Some(if top == 0 { usize::MAX } else { top });
        Ok(())
    }

    /// Returns an error if captured text is to be counted by what it does not tell.
    pub(super) fn check_by(&self) -> Result<(), String> {
        match (self.by, &self.capture) {
            (Some(By::Container), Some(_)) => Err(
                "'--by=container' and '--decode': captured text names no container; use another group"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }
}
