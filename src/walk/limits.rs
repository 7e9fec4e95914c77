//! How many descriptors a process may have. In: PID/limits, which everybody may read. Out: the soft limit of open files, at
//! which accept(2) and open(2) fail. It counts no descriptor: the walk has done that.

use crate::proc::{Proc, Task};
use crate::text::fields::{Fields, text_after};

/// Holds the file, 16 lines of at most 79 characters.
const BUFFER_LEN: usize = 2048;

/// Reads the soft limit of open files of the process of `task`; `None` where it cannot be read, because the process has ended
/// or this proc has no such file.
pub(crate) fn max_open_files(proc: &Proc, task: Task) -> Option<u32> {
    let process = Task::process(task.pid);
    let mut buffer = [0; BUFFER_LEN];
    parse(proc.read_file(process, "limits", &mut buffer).ok()?)
}

/// Parses PID/limits (`fs/proc/base.c`: `proc_pid_limits`). The kernel takes no number of files beyond 32 bits (`fs.nr_open`).
///
/// ```text
/// Limit                     Soft Limit           Hard Limit           Units
/// Max open files            1024                 524288               files
/// ```
fn parse(text: &[u8]) -> Option<u32> {
    // (1) the soft limit
    Fields::new(text_after(text, b"Max open files ")?).decimal32()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_files_is_found_among_the_others_and_nothing_is_taken_for_it() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             96364                96364                processes \n\
                    Max open files            1024                 524288               files     \n\
                    Max locked memory         8388608              8388608              bytes     \n";
        assert_eq!(parse(text.as_bytes()), Some(1024));
        for other in ["unlimited", "-1", "4294967296", "x", ""] {
            let text = text.replace("1024 ", &format!("{other} "));
            let seen = parse(text.as_bytes());
            // Where the field is missing the next one stands in its place, as in any file of blanks.
            assert_eq!(seen.is_some(), other.is_empty(), "{other}: {seen:?}");
        }
        assert_eq!(parse(b""), None);
    }
}
