//! Reads the lines of a small table without sockets of a network namespace. In: a namespace, and the name of a file. Out:
//! its lines, one after the other. It does not know what they say.

use std::io::{self, Read};

use crate::proc::{Proc, Task, is_gone};
use crate::text::records::{Record, Records};
use crate::walk::netns::Netns;

/// Holds a page, which is what one `read()` brings, and the longest line beside it.
const BUFFER_LEN: usize = 16 * 1024;

/// Calls `take` with each line of `file` of `netns`, and the task through which it was read: the first that lives.
///
/// # Errors
/// errno, and the task through which it was met: gone (`is_gone`) where the file is missing. A file that goes away with its
/// namespace while it is read ends there.
#[inline(never)]
pub(super) fn each_line(
    proc: &Proc,
    netns: &Netns,
    file: &str,
    take: &mut dyn FnMut(Record<'_>, Task),
) -> Result<(), (Task, io::Error)> {
    for member in netns.members() {
        let mut opened = match proc.open_file(member, file) {
            Ok(opened) => opened,
            Err(error) if is_gone(&error) && proc.stat(member, "net").is_err() => continue,
            Err(error) => return Err((member, error)),
        };
        let mut read = |buffer: &mut [u8]| opened.read(buffer);
        let mut buffer = vec![0; BUFFER_LEN];
        // With a security context behind it, a row of nf_conntrack may be longer than those of other tables.
        let last_read_max = proc.last_read_max().saturating_sub(512);
        let mut records = Records::new(&mut read, &mut buffer, last_read_max);
        loop {
            match records.next(None) {
                Ok(Some(record)) => take(record, member),
                Err(error) if !is_gone(&error) => return Err((member, error)),
                Ok(None) | Err(_) => return Ok(()),
            }
        }
    }
    Ok(())
}
