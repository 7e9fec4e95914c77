//! The commands of processes. In: processes, and words to look for. Out: whether a process is selected by its command, and
//! the comm of those that are shown: bytes that anyone may have chosen (prctl `PR_SET_NAME`). The comm of the shown is
//! read last, so that processes without a row cost nothing.

use std::io::{self, Read};
use std::ops::Range;

use crate::proc::{Proc, Task};
use crate::select::Processes;

/// More than the longest comm: `TASK_COMM_LEN` is 16, and kernel threads show up to 64.
const COMM_LEN_MAX: usize = 64;
/// Number of bytes of a command line that are searched at once; a word is found across two such pieces too.
const CMDLINE_BUFFER_LEN: usize = 4096;

/// The comm of tasks.
#[derive(Default)]
pub(crate) struct Commands {
    /// All of them, one after the other.
    bytes: Vec<u8>,
    /// Tasks, ascending, and their ranges of `bytes`.
    ranges: Vec<(Task, Range<usize>)>,
}

impl Commands {
    /// Reads the comm of `tasks`, which are ascending. It is empty for a task that has ended.
    pub(crate) fn load(proc: &Proc, tasks: impl Iterator<Item = Task>) -> Self {
        let mut commands = Self::default();
        for task in tasks {
            let start = commands.bytes.len();
            let process = Task { tid: 0, ..task };
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
        let at = self
            .ranges
            .binary_search_by_key(&task, |(task, _)| *task)
            .ok();
        let range = at
            .and_then(|at| self.ranges.get(at))
            .map(|(_, range)| range.clone());
        range
            .and_then(|range| self.bytes.get(range))
            .unwrap_or_default()
    }
}

/// Reads the comm of `task` into `buffer`, without its newline.
///
/// # Errors
/// errno; ask `is_gone` and `is_forbidden`.
fn read_comm<'a>(proc: &Proc, task: Task, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let comm = proc.read_file(task, "comm", buffer)?;
    Ok(comm.strip_suffix(b"\n").unwrap_or(comm))
}

/// Returns true if `selected` selects `task` by its command: the comm begins with one of the prefixes, and the comm or
/// the command line contains one of the words.
///
/// # Errors
/// errno of reading comm or cmdline: gone meanwhile, or not permitted (hidepid=1).
pub(crate) fn matches(proc: &Proc, task: Task, selected: &Processes) -> io::Result<bool> {
    let (prefixes, words) = (&selected.prefixes, &selected.words);
    let mut buffer = [0; CMDLINE_BUFFER_LEN];
    let comm = read_comm(proc, task, &mut buffer)?;
    if !prefixes.is_empty() && !prefixes.iter().any(|prefix| comm.starts_with(prefix)) {
        return Ok(false);
    }
    if words.is_empty() || contains_any(comm, words) {
        return Ok(true);
    }
    cmdline_contains_any(proc.open_file(task, "cmdline")?, words, &mut buffer)
}

/// Returns true if a command line contains one of `words` when its arguments, which end with NUL, are written with
/// blanks between them. A word that is longer than half of `buffer` is not looked for.
///
/// # Errors
/// errno of reading.
fn cmdline_contains_any(
    mut cmdline: impl Read,
    words: &[Vec<u8>],
    buffer: &mut [u8],
) -> io::Result<bool> {
    let longest = words.iter().map(Vec::len).max().unwrap_or(0);
    if longest > buffer.len() / 2 {
        return Ok(false);
    }
    let mut filled = 0;
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
        if contains_any(buffer.get(..filled).unwrap_or_default(), words) {
            return Ok(true);
        }
        if filled == buffer.len() {
            // The end is kept, because it may be the first part of a word.
            buffer.copy_within(filled - longest.., 0);
            filled = longest;
        }
    }
}

/// Returns true if `text` contains one of `words`.
fn contains_any(text: &[u8], words: &[Vec<u8>]) -> bool {
    words.iter().any(|word| contains(text, word))
}

/// Returns true if `text` contains `word`.
fn contains(text: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else {
        return true;
    };
    memchr::memchr_iter(*first, text)
        .any(|at| text.get(at..).is_some_and(|rest| rest.starts_with(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_across_the_seams_of_the_buffer_and_of_arguments() {
        let words = [b"-jar /usr".to_vec()];
        let finds = |line: &[u8]| cmdline_contains_any(line, &words, &mut [0; 24]).unwrap();
        for before in 0..40 {
            let line = [&vec![b'x'; before][..], b"\0-jar\0/usr/share/jenkins.war\0"].concat();
            assert!(finds(&line), "{before}");
            assert!(!finds(&line[..before + 8]), "{before}");
        }
    }
}
