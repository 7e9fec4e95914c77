//! Reads what `ls -l /proc/PID/fd` printed, in captured text. In: a line. Out: the process that the next lines are of, or a
//! descriptor and the socket that it leads to. It keeps nothing: `decoder` knows what came before a line.

use crate::proc::{Task, socket_in_link};
use crate::text::digits::decimal32;
use crate::text::fields::Fields;
use crate::walk::fds::Holder;

/// A line of a listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// A descriptor that leads to a socket, and its task where the line tells that.
    Socket(Option<Task>, Holder),
    /// Anything else: another descriptor, or the total.
    Other,
}

/// Stands for a task that a path does not number, as in `/proc/self/fd`.
const UNNUMBERED: Task = Task::process(0);

/// Returns `task` if it is numbered.
pub(super) fn numbered(task: Task) -> Option<Task> {
    Some(task).filter(|task| *task != UNNUMBERED)
}

/// Returns the task whose descriptors are in the folder or the file at `path`, such as `/proc/6/fd`, `/proc/6/task/9/fd/3`;
/// it need not be numbered. Returns `None` for any other path.
pub(super) fn task_of(path: &[u8]) -> Option<Task> {
    let mut parts = path.rsplit(|byte| *byte == b'/').peekable();
    // A slash at the end, or the number of a descriptor.
    parts.next_if(|part| *part != b"fd");
    if parts.next()? != b"fd" {
        return None;
    }
    let Some(id) = parts.next().and_then(decimal32) else {
        return Some(UNNUMBERED);
    };
    let pid = match (parts.next(), parts.next().and_then(decimal32)) {
        (Some(b"task"), Some(pid)) => pid,
        _ => id,
    };
    let tid = if pid == id { 0 } else { id };
    Some(Task { pid, tid })
}

/// Parses a line of a listing: what it begins with is either the mode of a link or the path of a descriptor.
///
/// ```text
/// lrwx------ 1 root root 64 Nov 25 20:48 3 -> 'socket:[607014]'
/// ```
pub(super) fn parse(line: &[u8]) -> Option<Listed> {
    let mut words = Fields::new(line);
    let first = words.next()?;
    if first == b"total" {
        return words.next().and_then(decimal32).map(|_| Listed::Other);
    }
    let is_mode = |byte: &u8| b"lrwxst-.+".contains(byte);
    let is_link = first.len() >= 10 && first.starts_with(b"l") && first.iter().all(is_mode);
    if !is_link && task_of(first).is_none() {
        return None;
    }
    // The name is the word in front of the arrow; that of a socket has no blank.
    let mut name = first;
    let target = loop {
        match words.next()? {
            b"->" => break words.next()?,
            word => name = word,
        }
    };
    let fd = decimal32(name.rsplit(|byte| *byte == b'/').next()?)?;
    let unquoted = target
        .strip_prefix(b"'")
        .and_then(|rest| rest.strip_suffix(b"'"));
    Some(match socket_in_link(unquoted.unwrap_or(target)) {
        Some(inode) => Listed::Socket(task_of(name).and_then(numbered), Holder { inode, fd }),
        None => Listed::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn task(pid: u32, tid: u32) -> Task {
        Task { pid, tid }
    }

    #[test]
    fn a_folder_of_descriptors_names_its_task() {
        for (path, known) in [
            ("/proc/6/fd", Some(task(6, 0))),
            ("/host/proc/6/fd/", Some(task(6, 0))),
            ("/proc/6/fd/3", Some(task(6, 0))),
            ("/proc/6/task/9/fd", Some(task(6, 9))),
            ("/proc/6/task/6/fd/3", Some(task(6, 0))),
            ("/proc/self/fd", Some(UNNUMBERED)),
            ("/proc/6/fdinfo", None),
            ("/proc/6/net/tcp", None),
            ("", None),
        ] {
            assert_eq!(task_of(path.as_bytes()), known, "{path}");
        }
    }

    #[test]
    fn lines_of_ls_are_read() {
        let socket = |task, inode, fd| Some(Listed::Socket(task, Holder { inode, fd }));
        let link = "lrwx------ 1 root root 64 Nov 25 20:48 ";
        for (line, known) in [
            (
                format!("{link}3 -> socket:[607014]"),
                socket(None, 607_014, 3),
            ),
            (format!("{link}4 -> 'socket:[7]'"), socket(None, 7, 4)),
            (
                format!("{link}/proc/6/fd/5 -> socket:[7]"),
                socket(Some(task(6, 0)), 7, 5),
            ),
            (
                "/proc/6/fd/5 -> socket:[7]".to_owned(),
                socket(Some(task(6, 0)), 7, 5),
            ),
            (format!("{link}0 -> /dev/null"), Some(Listed::Other)),
            (format!("{link}1 -> /tmp/a -> b"), Some(Listed::Other)),
            ("total 0".to_owned(), Some(Listed::Other)),
            (format!("{link}x -> socket:[7]"), None),
            (link.to_owned(), None),
            ("3 -> socket:[7]".to_owned(), None),
            ("-rw-r--r-- 1 root root 64 Nov 25 20:48 3".to_owned(), None),
        ] {
            assert_eq!(parse(line.as_bytes()), known, "{line}");
        }
    }
}
