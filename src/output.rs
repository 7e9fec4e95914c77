//! Standard output and standard error. In: what is to be written. Out: whether it could be. It knows nothing of what it
//! writes.

use std::io::{self, BufWriter, Write};

use crate::proc::error_text;
use crate::proc::sys::Output;

/// Writes to standard error.
pub(crate) fn say(text: &str) {
    // Where standard error is gone there is nobody to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes to standard output; returns false if its reader has gone away, which is no error: it has seen what it wanted.
///
/// # Errors
/// One line: the output could not be written.
pub(crate) fn write_out(
    write: impl FnOnce(&mut BufWriter<Output>) -> io::Result<()>,
) -> Result<bool, String> {
    let mut out = BufWriter::new(Output);
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output: {}", error_text(&error)))
        }
        result => Ok(result.is_ok()),
    }
}
