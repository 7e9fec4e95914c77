//! Paths below proc, in a fixed buffer. In: a task and a name. Out: the path as the kernel takes it. It opens nothing.

use std::ffi::CStr;

use crate::proc::Task;
use crate::text::write::Decimal;

/// Room for the longest path below proc: two numbers of 10 digits, `/task/`, `/net/udplite6` or an fd, a NUL.
pub(super) const PATH_LEN_MAX: usize = 64;

/// A path below proc, such as `6/fd` or `6/task/9/net/tcp`, NUL included.
pub(super) struct TaskPath {
    /// The path, with zeros behind it.
    pub(super) bytes: [u8; PATH_LEN_MAX],
    /// Its length.
    len: usize,
}

impl TaskPath {
    /// Returns the path of `file` of `task`.
    pub(super) fn new(task: Task, file: &str) -> Self {
        let mut path = Self {
            bytes: [0; PATH_LEN_MAX],
            len: 0,
        };
        path.push_number(task.pid);
        if task.tid != 0 {
            path.push(b"/task/");
            path.push_number(task.tid);
        }
        path.push(b"/");
        path.push(file.as_bytes());
        path
    }

    /// Appends `text`. The last byte stays zero: a path that does not fit is cut, and the kernel answers ENOENT.
    pub(super) fn push(&mut self, text: &[u8]) {
        let (free, _) = self.bytes.split_at_mut(PATH_LEN_MAX - 1);
        debug_assert!(self.len + text.len() <= free.len(), "the path is too long");
        for (free, byte) in free.iter_mut().skip(self.len).zip(text) {
            *free = *byte;
            self.len += 1;
        }
    }

    /// Appends `number` in decimal. std's formatting would take a quarter as long as the system call.
    pub(super) fn push_number(&mut self, number: u32) {
        self.push(Decimal::new(number).text());
    }

    /// Returns the path for a system call.
    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_fits() {
        let task = Task {
            pid: u32::MAX,
            tid: u32::MAX,
        };
        for file in ["net/udplite6", "fd/4294967295"] {
            let path = TaskPath::new(task, file);
            assert_eq!(
                path.as_c_str().to_str().unwrap(),
                format!("4294967295/task/4294967295/{file}")
            );
        }
        assert_eq!(TaskPath::new(Task::process(6), "fd").as_c_str(), c"6/fd");
    }
}
