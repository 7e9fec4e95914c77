//! The proc file system as a place: where it is, and the names in it. In: its path. Out: an open folder, paths below it
//! in fixed buffers, small files read into the caller's. What the files say is for the rooms.

pub(crate) mod dirent;
pub(crate) mod sys;

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::text::digits::decimal32;
use crate::text::fields::Fields;
use crate::text::write::Decimal;
use sys::{BorrowedIdentity, Stat};

/// A task of a process: the process itself, or one of its threads where that differs from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Task {
    /// Process id as this proc shows it.
    pub(crate) pid: u32,
    /// Thread id, 0 for the process as a whole.
    pub(crate) tid: u32,
}

/// A number of a network namespace in this run, in the order in which they were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NetnsId(pub(crate) u16);

/// Room for the longest path below proc: two numbers of 10 digits, `/task/`, `/net/udplite6`, an fd, a NUL.
const PATH_LEN_MAX: usize = 64;

/// A path below proc, such as `6/fd` or `6/task/9/net/tcp`, NUL included.
struct TaskPath {
    /// The path, zeros behind it.
    bytes: [u8; PATH_LEN_MAX],
    /// Its length.
    len: usize,
}

impl TaskPath {
    /// The path of `file` of `task`.
    fn new(task: Task, file: &str) -> Self {
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

    /// Adds `text`. The last byte stays zero; what does not fit is not there, as ENOENT.
    fn push(&mut self, text: &[u8]) {
        let (free, _) = self.bytes.split_at_mut(PATH_LEN_MAX - 1);
        debug_assert!(self.len + text.len() <= free.len(), "the path is too long");
        for (free, byte) in free.iter_mut().skip(self.len).zip(text) {
            *free = *byte;
            self.len += 1;
        }
    }

    /// Adds `number` in decimal: std's formatting takes as long as a quarter of the system call.
    fn push_number(&mut self, number: u32) {
        self.push(Decimal::new(number).text());
    }

    /// For a system call.
    fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

/// A `read()` of a proc file that brings less than a page by more than its longest line was the last: the kernel fills a
/// page with whole lines while it has any (`fs/seq_file.c`). To ask for the end costs a TCP table another walk over the
/// whole hash of the machine, half of its time. 4,096 less 512 serves larger pages too: there it only asks once more.
pub(crate) const LAST_READ_MAX: usize = 4096 - 512;

/// An open proc file system, or a folder that is laid out like one.
pub(crate) struct Proc {
    /// As the user named it.
    path: PathBuf,
    /// Open for as long as this lives.
    dir: OwnedFd,
    /// Whether it is the kernel's, and no folder that is laid out like it.
    is_live: bool,
    /// Whether the size of a folder PID/fd has been seen to tell the number of descriptors.
    counts_fds: AtomicBool,
}

/// Whether `error` says that the process, thread or descriptor is not there any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    // ESRCH is what proc answers for a task that is being reaped, EINVAL for the net of one that has ended.
    error.kind() == io::ErrorKind::NotFound || matches!(error.raw_os_error(), Some(3 | 22))
}

/// Whether `error` says that this may not be read (EACCES, EPERM).
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

impl Proc {
    /// Opens the proc file system at `path`.
    ///
    /// # Errors
    /// The reason, as the end of a message: it is not there, no folder, or has no processes in it.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let not_proc = |why: &dyn std::fmt::Display| format!("not a proc file system ({why})");
        let dir = File::open(path).map_err(|error| not_proc(&error_text(&error)))?;
        let proc = Self {
            path: path.to_path_buf(),
            is_live: sys::is_proc(dir.as_fd()),
            dir: dir.into(),
            counts_fds: AtomicBool::new(false),
        };
        let mut is_empty = true;
        proc.for_each_pid(&mut [0; 4096], |_| {
            is_empty = false;
            ControlFlow::Break(())
        })
        .map_err(|error| not_proc(&error_text(&error)))?;
        if is_empty {
            return Err(not_proc(&"no processes in it"));
        }
        Ok(proc)
    }

    /// Where it is, as the user named it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of `file` of `task` as a message shows it.
    pub(crate) fn display(&self, task: Task, file: &str) -> Vec<u8> {
        let mut shown = Vec::new();
        self.display_in(&mut shown, task, file);
        shown
    }

    /// Writes the path of `file` of `task` behind what is in `shown`.
    fn display_in(&self, shown: &mut Vec<u8>, task: Task, file: &str) {
        shown.extend_from_slice(self.path.as_os_str().as_bytes());
        shown.push(b'/');
        shown.extend_from_slice(TaskPath::new(task, file).as_c_str().to_bytes());
    }

    /// Calls `found` with every process id that is there, until it breaks. `buffer` is read into; 32 KiB hold about a thousand.
    ///
    /// # Errors
    /// errno of reading the folder.
    pub(crate) fn for_each_pid(
        &self,
        buffer: &mut [u8],
        mut found: impl FnMut(u32) -> ControlFlow<()>,
    ) -> io::Result<()> {
        // A descriptor of its own, because a folder is read from where it was left.
        let dir = sys::open_dir_at(self.dir.as_fd(), c".")?;
        for_each_number(dir.as_fd(), buffer, |number, _| found(number))
    }

    /// Adds the threads of `process` but its main one to `threads`, ascending; none where it has ended.
    pub(crate) fn add_threads(&self, process: Task, buffer: &mut [u8], threads: &mut Vec<Task>) {
        if let Ok(dir) = self.open_dir(process, "task") {
            // One that ends meanwhile has no more threads than were read.
            let _ = for_each_number(dir.as_fd(), buffer, |tid, _| {
                if tid != process.pid {
                    threads.push(Task {
                        pid: process.pid,
                        tid,
                    });
                }
                ControlFlow::Continue(())
            });
        }
    }

    /// How many descriptors there are in a folder PID/fd, by its size; `None` where that does not tell. Since Linux 6.2
    /// it does; before it is 0, and on another file system it is something else.
    pub(crate) fn count_fds(&self, size: u64) -> Option<u64> {
        if self.is_live && size > 0 {
            self.counts_fds.store(true, Ordering::Relaxed);
        }
        self.counts_fds.load(Ordering::Relaxed).then_some(size)
    }

    /// The process id of this program as this proc shows it; `None` where it does not.
    pub(crate) fn own_pid(&self) -> Option<u32> {
        decimal32(sys::read_link_at(self.dir.as_fd(), b"self\0", &mut [0; 16]).ok()?)
    }

    /// Runs `read`, and where that is forbidden once more as the owner of `task`: root without `CAP_SYS_PTRACE`, as in
    /// a container, may read no descriptor of another user, but that user may. The kernel asks for the same uid and
    /// gid (`ptrace_may_access`), and the default capabilities of a container suffice to take them on.
    ///
    /// # Errors
    /// As `read`; still forbidden where the process is not dumpable, or its ids differ among themselves.
    pub(crate) fn as_owner<T>(
        &self,
        task: Task,
        mut read: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let error = match read() {
            Err(error) if is_forbidden(&error) => error,
            done => return done,
        };
        let owner = self.stat(task, "")?;
        match BorrowedIdentity::take_on(owner.uid, owner.gid) {
            Some(_borrowed) => read(),
            None => Err(error),
        }
    }

    /// Opens the folder `name` of `task`.
    ///
    /// # Errors
    /// errno; ask `is_gone` and `is_forbidden`.
    pub(crate) fn open_dir(&self, task: Task, name: &str) -> io::Result<OwnedFd> {
        sys::open_dir_at(self.dir.as_fd(), TaskPath::new(task, name).as_c_str())
    }

    /// Opens the file `name` of `task`.
    ///
    /// # Errors
    /// As `open_dir`.
    pub(crate) fn open_file(&self, task: Task, name: &str) -> io::Result<File> {
        sys::open_file_at(self.dir.as_fd(), TaskPath::new(task, name).as_c_str())
    }

    /// Reads the small file `name` of `task` into `buffer`, cut where that ends.
    ///
    /// # Errors
    /// As `open_dir`.
    pub(crate) fn read_file<'a>(
        &self,
        task: Task,
        name: &str,
        buffer: &'a mut [u8],
    ) -> io::Result<&'a [u8]> {
        let mut file = self.open_file(task, name)?;
        let mut filled = 0;
        while let Some(free @ [_, ..]) = buffer.get_mut(filled..) {
            let free_len = free.len();
            let count = file.read(free)?;
            filled += count;
            if count == 0 || (count < free_len && count <= LAST_READ_MAX) {
                break;
            }
        }
        Ok(buffer.get(..filled).unwrap_or_default())
    }

    /// Reads the link `name` of `task` into `buffer`, cut where that ends.
    ///
    /// # Errors
    /// As `open_dir`.
    pub(crate) fn read_link<'a>(
        &self,
        task: Task,
        name: &str,
        buffer: &'a mut [u8],
    ) -> io::Result<&'a [u8]> {
        let path = TaskPath::new(task, name);
        sys::read_link_at(self.dir.as_fd(), &path.bytes, buffer)
    }

    /// Reads what descriptor `fd` of `task` points to into `buffer`, cut where that ends.
    ///
    /// # Errors
    /// As `open_dir`.
    pub(crate) fn read_fd_link<'a>(
        &self,
        task: Task,
        fd: u32,
        buffer: &'a mut [u8],
    ) -> io::Result<&'a [u8]> {
        let mut path = TaskPath::new(task, "fd/");
        path.push_number(fd);
        sys::read_link_at(self.dir.as_fd(), &path.bytes, buffer)
    }

    /// What stat(2) tells of `name` of `task`; an empty name is its folder.
    ///
    /// # Errors
    /// As `open_dir`.
    pub(crate) fn stat(&self, task: Task, name: &str) -> io::Result<Stat> {
        sys::stat_at(Some(self.dir.as_fd()), TaskPath::new(task, name).as_c_str())
    }

    /// Reads what the kernel calls the protocol of the socket behind descriptor `fd` of `task`
    /// (`system.sockprotoname`), without its NUL. `path` is room for the path, whatever is in it.
    ///
    /// # Errors
    /// As `open_dir`; ENODATA or EOPNOTSUPP where the attribute is not known.
    pub(crate) fn read_sockprotoname<'a>(
        &self,
        task: Task,
        fd: u32,
        path: &mut Vec<u8>,
        buffer: &'a mut [u8],
    ) -> io::Result<&'a [u8]> {
        // getxattr(2) has no form that starts at an open folder.
        path.clear();
        self.display_in(path, task, "fd/");
        path.extend_from_slice(Decimal::new(fd).with_nul());
        let path = CStr::from_bytes_with_nul(path).map_err(|_| io::ErrorKind::InvalidInput)?;
        let name = sys::read_xattr(path, c"system.sockprotoname", buffer)?;
        Ok(name.strip_suffix(&[0]).unwrap_or(name))
    }
}

/// Calls `found` with every entry of `dir` that is a number, as a number and as it is written, until it breaks.
///
/// # Errors
/// errno of reading the folder, a folder that went away excepted: that is its end.
pub(crate) fn for_each_number(
    dir: BorrowedFd<'_>,
    buffer: &mut [u8],
    mut found: impl FnMut(u32, &CStr) -> ControlFlow<()>,
) -> io::Result<()> {
    loop {
        let count = match sys::read_dir(dir, buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        for name in dirent::names(buffer.get(..count).unwrap_or_default()) {
            if let Some(number) = decimal32(name.to_bytes())
                && found(number, name).is_break()
            {
                return Ok(());
            }
        }
    }
}

/// The inode in a link such as `net:[4026531840]`, which starts with `kind`.
pub(crate) fn inode_in_link(link: &[u8], kind: &[u8]) -> Option<u32> {
    decimal32(
        link.strip_prefix(kind)?
            .strip_prefix(b":[")?
            .strip_suffix(b"]")?,
    )
}

/// The inode in a link such as `socket:[607014]`: the one that is read for every descriptor.
#[inline(always)]
pub(crate) fn socket_in_link(link: &[u8]) -> Option<u32> {
    let (kind, rest) = link.split_first_chunk::<8>()?;
    if kind != b"socket:[" {
        return None;
    }
    let mut fields = Fields::new(rest);
    let inode = fields.digits()?;
    (fields.rest() == b"]").then_some(inode)
}

/// An error as errno's text alone, without std's "(os error N)".
pub(crate) fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_owned(),
        None => text,
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
        assert_eq!(
            TaskPath::new(Task { pid: 6, tid: 0 }, "fd").as_c_str(),
            c"6/fd"
        );
    }

    #[test]
    fn only_whole_links_have_an_inode() {
        assert_eq!(socket_in_link(b"socket:[607014]"), Some(607_014));
        assert_eq!(
            inode_in_link(b"net:[4026531840]", b"net"),
            Some(4_026_531_840)
        );
        for other in [
            "pipe:[607014]",
            "socket:[607014",
            "socket:[]",
            "socket:[-1]",
            "/socket:[1]",
            "socket:[1]x",
            "socket:[1]]",
            "socket:[ 1]",
            "socket:[4294967296]",
            "pocket:[1]",
        ] {
            assert_eq!(socket_in_link(other.as_bytes()), None, "{other}");
            assert_eq!(inode_in_link(other.as_bytes(), b"socket"), None, "{other}");
        }
    }

    #[test]
    fn this_proc_has_this_process() {
        let proc = Proc::open(Path::new("/proc")).unwrap();
        let own = proc.own_pid().unwrap();
        assert_eq!(own, std::process::id());
        let mut seen = false;
        proc.for_each_pid(&mut [0; 1024], |pid| {
            seen |= pid == own;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!(seen);
        assert!(proc.count_fds(0).is_none());
        assert_eq!(proc.count_fds(7), Some(7));
        assert_eq!(proc.count_fds(0), Some(0));
        assert!(Proc::open(Path::new("/sys")).is_err());
        assert!(Proc::open(Path::new("/no/such")).is_err());
    }
}
