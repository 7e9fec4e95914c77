//! The commands of processes. In: processes, and words to look for. Out: whether a process is selected by its command, and
//! the comm of those that are shown: bytes that anyone may have chosen (prctl `PR_SET_NAME`). The comm of the shown is
//! read last, so that processes without a row cost nothing.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;

use crate::proc::{Proc, Task, is_forbidden, is_gone};
use crate::text::records::{ENDLESS, endless};

/// More than the longest comm: `TASK_COMM_LEN` is 16, and kernel threads show up to 64.
pub(crate) const COMM_LEN_MAX: usize = 64;
/// Number of bytes of a command line that are searched at once; a word is found across two such pieces too.
const CMDLINE_BUFFER_LEN: usize = 4096;

/// The comm of tasks.
#[derive(Default)]
pub(crate) struct Commands {
    /// All names, one after the other.
    bytes: Vec<u8>,
    /// Tasks, ascending, and their ranges of `bytes`.
    ranges: Vec<(Task, Range<usize>)>,
    /// The place in `ranges` that was asked for last: the lines of a process follow each other.
    last: Cell<usize>,
}

impl Commands {
    /// Reads the comm of those of `tasks`, which are ascending, that are not in `known`. It is empty for a task that has ended.
    #[inline(never)]
    pub(crate) fn load(proc: &Proc, tasks: &[Task], known: &Self) -> Self {
        let mut commands = Self::default();
        for task in tasks.iter().copied() {
            if known.range(task).is_some() {
                continue;
            }
            let start = commands.bytes.len();
            let process = Task::process(task.pid);
            // One that cannot be read has ended, or is hidden from this process.
            if let Ok(comm) = read_comm(proc, process, &mut [0; COMM_LEN_MAX]) {
                commands.bytes.extend_from_slice(comm);
            }
            commands.ranges.push((task, start..commands.bytes.len()));
        }
        commands
    }

    /// Returns the comm of `task`, empty if it is not known.
    pub(crate) fn get(&self, task: Task) -> &[u8] {
        let comm = self.range(task).and_then(|range| self.bytes.get(range));
        comm.unwrap_or_default()
    }

    /// Returns where the comm of `task` is.
    fn range(&self, task: Task) -> Option<Range<usize>> {
        let is_last = |(known, _): &&(Task, _)| *known == task;
        let found = self.ranges.get(self.last.get()).filter(is_last);
        let found = found.or_else(|| {
            let at = self.ranges.binary_search_by_key(&task, |(task, _)| *task);
            self.last.set(at.ok()?);
            self.ranges.get(self.last.get())
        });
        found.map(|(_, range)| range.clone())
    }
}

/// Reads the comm of `task` into `buffer`, without its newline.
///
/// # Errors
/// errno; ask `is_gone` and `is_forbidden`.
pub(crate) fn read_comm<'a>(proc: &Proc, task: Task, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let comm = proc.read_file(task, "comm", buffer)?;
    Ok(comm.strip_suffix(b"\n").unwrap_or(comm))
}

/// Returns true if the comm of `task` begins with `prefix`.
///
/// # Errors
/// errno of reading comm: gone meanwhile, or not permitted (hidepid=1).
pub(super) fn starts_with(proc: &Proc, task: Task, prefix: &[u8]) -> io::Result<bool> {
    let mut buffer = [0; COMM_LEN_MAX];
    Ok(read_comm(proc, task, &mut buffer)?.starts_with(prefix))
}

/// Returns true if the comm or the command line of `task` contains `word`. Either will do where the other gives an odd error.
///
/// # Errors
/// errno of reading comm or cmdline: gone meanwhile, or not permitted (hidepid=1).
pub(super) fn contains(proc: &Proc, task: Task, word: &[u8]) -> io::Result<bool> {
    let mut buffer = [0; CMDLINE_BUFFER_LEN];
    let in_comm = match read_comm(proc, task, &mut buffer) {
        Ok(comm) if text_contains(comm, word) => return Ok(true),
        Err(error) if is_gone(&error) || is_forbidden(&error) => return Err(error),
        in_comm => in_comm.map(|_| false),
    };
    if cmdline_contains(proc.open_file(task, "cmdline")?, word, &mut buffer)? {
        return Ok(true);
    }
    in_comm
}

/// Returns true if a command line contains `word` when its arguments, which end with NUL, are written with blanks between
/// them. A word that is longer than half of `buffer` is not looked for.
///
/// # Errors
/// errno of reading.
fn cmdline_contains(mut cmdline: impl Read, word: &[u8], buffer: &mut [u8]) -> io::Result<bool> {
    if word.len() > buffer.len() / 2 {
        return Ok(false);
    }
    let (mut filled, mut searched) = (0, 0);
    loop {
        let free = buffer.get_mut(filled..).unwrap_or_default();
        let count = cmdline.read(free)?;
        if count == 0 {
            return Ok(false);
        }
        free.iter_mut()
            .take(count)
            .filter(|byte| **byte == 0)
            .for_each(|byte| *byte = b' ');
        filled += count;
        // A process may show any of its memory there.
        searched += count;
        if searched > ENDLESS {
            return Err(endless());
        }
        if text_contains(buffer.get(..filled).unwrap_or_default(), word) {
            return Ok(true);
        }
        if filled == buffer.len() {
            // The end is kept, because it may be the first part of the word.
            buffer.copy_within(filled - word.len().., 0);
            filled = word.len();
        }
    }
}

/// Returns true if `text` contains `word`. Its first byte is looked for first: `memmem`, which is quicker only in texts that
/// have it at every turn, is 8 KB of the binary.
fn text_contains(text: &[u8], word: &[u8]) -> bool {
    let Some((first, others)) = word.split_first() else {
        return true;
    };
    let mut places = memchr::memchr_iter(*first, text);
    places.any(|at| {
        let behind = text.get(at + 1..).unwrap_or_default();
        behind.starts_with(others)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_across_the_seams_of_the_buffer_and_of_arguments() {
        let finds = |line: &[u8]| cmdline_contains(line, b"-jar /usr", &mut [0; 24]).unwrap();
        for before in 0..40 {
            let line = [&vec![b'x'; before][..], b"\0-jar\0/usr/share/jenkins.war\0"].concat();
            assert!(finds(&line), "{before}");
            assert!(!finds(&line[..before + 8]), "{before}");
        }
    }
}
