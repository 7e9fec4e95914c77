//! The language of netstat. In: the words behind its name. Out: its rows, and its exit status.

use super::Failure;

/// The exit status of a command line that is refused.
const REFUSED: u8 = 3;

/// Does what netstat would do with `words`, and returns its exit status.
///
/// # Errors
/// What is said, and the exit status: the command line is refused.
pub(super) fn run(_words: &[Vec<u8>]) -> Result<u8, Failure> {
    Err(Failure {
        text: "netstat: lsock does not cover this yet\n".to_owned(),
        status: REFUSED,
    })
}
