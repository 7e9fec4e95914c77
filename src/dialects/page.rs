//! Writes lines to standard output, in large pieces. In: lines. Out: the same, without blanks before their ends. It does not
//! know what they say.

use std::io::{self, Write};

use super::Failure;
use crate::output::write_out;

/// The exit status where the output fails.
const FAILED: u8 = 1;

/// The output is written in pieces of about this size.
const PIECE_LEN: usize = 32 * 1024;

/// What is being written.
pub(super) struct Page<'a> {
    /// The text that is not written yet.
    pub(super) text: Vec<u8>,
    /// Where it goes.
    out: &'a mut dyn Write,
}

impl Page<'_> {
    /// Ends a line.
    ///
    /// # Errors
    /// The error of writing.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        while self.text.last() == Some(&b' ') {
            self.text.pop();
        }
        self.text.push(b'\n');
        if self.text.len() > PIECE_LEN {
            self.out.write_all(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }
}

/// Writes what `write` writes; returns false if the reader has gone away.
///
/// # Errors
/// One line, and the exit status: standard output failed.
#[inline(never)]
pub(super) fn print(
    write: &mut dyn FnMut(&mut Page<'_>) -> io::Result<()>,
) -> Result<bool, Failure> {
    let result = write_out(|out| {
        let mut page = Page {
            text: Vec::new(),
            out,
        };
        write(&mut page)?;
        page.out.write_all(&page.text)
    });
    result.map_err(|line| failed(&line))
}

/// Returns the failure that `line` says, in lsock's own name.
pub(super) fn failed(line: &str) -> Failure {
    Failure {
        text: ["lsock: ", line, "\n"].concat(),
        status: FAILED,
    }
}
