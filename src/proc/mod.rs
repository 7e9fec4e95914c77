//! The proc file system as a place: where it is, and the names in it. In: its path, a task, the name of a file. Out: open
//! files and folders, links, small files in the caller's buffer. It knows the form of a name and of a link, and not what
//! a file says. `path` is a name below proc, `dirent` reads what a folder lists, `errors` says what an errno means, `sys`
//! has the system calls.

pub(crate) mod dirent;
mod errors;
mod path;
pub(crate) mod sys;

use std::ffi::{CStr, OsStr};
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
use errors::not_denied;
use path::{PATH_LEN_MAX, TaskPath};
use sys::{BorrowedIdentity, Stat};

pub(crate) use errors::{error_text, is_denied, is_forbidden, is_gone};

/// A task of a process: the process itself, or one of its threads where that differs from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Task {
    /// Process id, as this proc shows it.
    pub(crate) pid: u32,
    /// Thread id, 0 for the process as a whole.
    pub(crate) tid: u32,
}

impl Task {
    /// Returns process `pid` as a whole.
    pub(crate) const fn process(pid: u32) -> Self {
        Self { pid, tid: 0 }
    }
}

/// The number of a network namespace in this run, in the order in which namespaces were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NetnsId(pub(crate) u16);

/// A `read()` of a proc file that returns no more than this was the last: the kernel fills a page with whole lines while
/// it has any (`fs/seq_file.c`). Assumption: no line is longer than 512 bytes. To be told of the end by one more read
/// costs a table of TCP another walk over the machine's whole hash, half of its time. Where pages are larger than 4,096
/// bytes the end is asked for once too often.
const LAST_READ_MAX: usize = 4096 - 512;

/// An open proc file system, or a folder that is laid out like one.
pub(crate) struct Proc {
    /// Its path, as the user named it.
    path: PathBuf,
    /// Its folder.
    dir: OwnedFd,
    /// True for the kernel's, false for a folder that is laid out like it.
    is_live: bool,
    /// True once the size of a folder PID/fd was seen to be the number of descriptors.
    counts_fds: AtomicBool,
    /// The number in its link `self`.
    own_pid: Option<u32>,
}

impl Proc {
    /// Opens the proc file system at `path`.
    ///
    /// # Errors
    /// Why it cannot be read, as the end of a message: not there, not a folder, no processes in it, a call is denied.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let not_proc = |why: &dyn std::fmt::Display| format!("not a proc file system ({why})");
        let failed = |error: io::Error| not_proc(&error_text(&error));
        let mut dir = not_denied("open", File::open(path))?.map_err(failed)?;
        // Reading a folder fails with EISDIR; only that the call is denied counts.
        let _ = not_denied("read", dir.read(&mut [0]))?;
        let _ = not_denied("fstat", Stat::of_file(&dir))?;
        let _ = not_denied("stat", Stat::of_path(path))?;
        let mut own_pid = [0; 16];
        let own_pid = sys::read_link_at(dir.as_fd(), b"self\0", &mut own_pid);
        let own_pid = not_denied("readlinkat", own_pid)?.ok().and_then(decimal32);
        let proc = Self {
            path: path.to_path_buf(),
            is_live: sys::is_proc(dir.as_fd())
                .unwrap_or_else(|| own_pid == Some(std::process::id())),
            dir: dir.into(),
            counts_fds: AtomicBool::new(false),
            own_pid,
        };
        let pids = not_denied("openat", proc.open_pids())?.map_err(failed)?;
        let mut is_empty = true;
        let listed = for_each_number(pids.as_fd(), &mut [0; 4096], |_, _| {
            is_empty = false;
            ControlFlow::Break(())
        });
        not_denied("getdents64", listed)?.map_err(failed)?;
        if is_empty {
            return Err(not_proc(&"no processes in it"));
        }
        Ok(proc)
    }

    /// Opens its folder anew, because a folder is read on from where the last reading stopped.
    ///
    /// # Errors
    /// errno.
    fn open_pids(&self) -> io::Result<OwnedFd> {
        sys::open_dir_at(self.dir.as_fd(), c".")
    }

    /// Returns true for the kernel's, false for a folder that is laid out like it.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }

    /// Returns how many bytes a read of one of its tables brings at most if it may be the last one; 0 where only a read that
    /// brings nothing is the end, because the kernel's way to fill a page is not known to be that of these files.
    pub(crate) fn last_read_max(&self) -> usize {
        if self.is_live { LAST_READ_MAX } else { 0 }
    }

    /// Returns its path, as the user named it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of `file` of `task` from the user's point of view: for messages, and for std.
    pub(crate) fn display(&self, task: Task, file: &str) -> Vec<u8> {
        let mut shown = Vec::with_capacity(self.path.as_os_str().len() + PATH_LEN_MAX);
        self.display_in(&mut shown, task, file);
        shown
    }

    /// Appends the path of `file` of `task` to `shown`.
    fn display_in(&self, shown: &mut Vec<u8>, task: Task, file: &str) {
        shown.extend_from_slice(self.path.as_os_str().as_bytes());
        shown.push(b'/');
        shown.extend_from_slice(TaskPath::new(task, file).as_c_str().to_bytes());
    }

    /// Returns true if `process` has more threads than its main one. PID/task has a link for each thread, and two of its own.
    pub(crate) fn has_threads(&self, process: Task) -> bool {
        let task = self.stat(process, "task");
        task.is_ok_and(|stat| stat.nlink > 3)
    }

    /// Returns the ids of all processes. `buffer` is read into; 32 KiB hold about a thousand.
    ///
    /// # Errors
    /// errno of reading the folder.
    pub(crate) fn pids(&self, buffer: &mut [u8]) -> io::Result<Vec<u32>> {
        let mut pids = Vec::new();
        for_each_number(self.open_pids()?.as_fd(), buffer, |pid, _| {
            pids.push(pid);
            ControlFlow::Continue(())
        })?;
        Ok(pids)
    }

    /// Appends the threads of `process` but its main one to `threads`, ascending; none where it has ended.
    pub(crate) fn add_threads(&self, process: Task, buffer: &mut [u8], threads: &mut Vec<Task>) {
        if let Ok(dir) = self.open_dir(process, "task") {
            // A process that ends meanwhile has no more threads than were read.
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

    /// Returns the number of descriptors in a folder PID/fd of this size. Since Linux 6.2 it is the size; before, and on
    /// another file system than proc, the size does not tell: `None`.
    pub(crate) fn count_fds(&self, size: u64) -> Option<u64> {
        if self.is_live && size > 0 {
            self.counts_fds.store(true, Ordering::Relaxed);
        }
        self.counts_fds.load(Ordering::Relaxed).then_some(size)
    }

    /// Returns the process id of this program, as this proc shows it; `None` where it does not. In a captured tree `self`
    /// is the program that made the tree, if it is anything.
    pub(crate) fn own_pid(&self) -> Option<u32> {
        self.own_pid.filter(|_| self.is_live)
    }

    /// Calls `read`, and if that is forbidden once more as the owner of `task`. Root without `CAP_SYS_PTRACE`, as in a
    /// container, may not read the descriptors of another user, but that user may. The kernel compares uid and gid
    /// (`ptrace_may_access`), and the default capabilities of a container suffice to take these on.
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
        match self.borrow_identity(task)? {
            Some(_borrowed) => read(),
            None => Err(error),
        }
    }

    /// Takes on the identity of the owner of `task`; `None` where that is not permitted.
    #[cold]
    fn borrow_identity(&self, task: Task) -> io::Result<Option<BorrowedIdentity>> {
        let owner = self.stat(task, "")?;
        Ok(BorrowedIdentity::take_on(owner.uid, owner.gid))
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
    #[inline(never)]
    pub(crate) fn read_file<'a>(
        &self,
        task: Task,
        name: &str,
        buffer: &'a mut [u8],
    ) -> io::Result<&'a [u8]> {
        self.read_small(self.open_file(task, name)?, buffer)
    }

    /// Reads `path`, a setting below proc, into `buffer`, cut where that ends.
    ///
    /// # Errors
    /// errno, where this kernel or this proc has no such setting.
    pub(crate) fn read_setting<'a>(
        &self,
        path: &CStr,
        buffer: &'a mut [u8],
    ) -> io::Result<&'a [u8]> {
        self.read_small(sys::open_file_at(self.dir.as_fd(), path)?, buffer)
    }

    /// Reads a small file into `buffer`, cut where that ends.
    #[inline(never)]
    fn read_small<'a>(&self, mut file: File, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
        let mut filled = 0;
        while let Some(free @ [_, ..]) = buffer.get_mut(filled..) {
            let free_len = free.len();
            let count = file.read(free)?;
            filled += count;
            if count == 0 || (count < free_len && count <= self.last_read_max()) {
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

    /// Returns what stat(2) tells of `name` of `task`, links followed; an empty name is its folder. proc gives some of it
    /// a meaning of its own: the size of PID/fd (see `count_fds`), the links of PID/task (the number of threads plus 2),
    /// the owner of PID (its effective uid and gid) and of PID/fd (0 where it is not dumpable), the inode of PID/net/tcp (one
    /// number for each network namespace).
    ///
    /// # Errors
    /// As `open_dir`.
    pub(crate) fn stat(&self, task: Task, name: &str) -> io::Result<Stat> {
        // The path is put together on the stack: memory that is given back at once costs two calls for each process, if
        // the C library has no other block of this size in use.
        let (mut room, proc) = ([0; 2 * PATH_LEN_MAX], self.path.as_os_str().as_bytes());
        let below = TaskPath::new(task, name);
        let parts = [proc, b"/", below.as_c_str().to_bytes()];
        let mut len = 0;
        for part in parts {
            let Some(free) = room.get_mut(len..len + part.len()) else {
                return Stat::of_path(Path::new(OsStr::from_bytes(&parts.concat())));
            };
            free.copy_from_slice(part);
            len += part.len();
        }
        let path = room.get(..len).unwrap_or_default();
        Stat::of_path(Path::new(OsStr::from_bytes(path)))
    }

    /// Reads the name of the protocol of the socket behind descriptor `fd` of `task` (`system.sockprotoname`), without
    /// its NUL, into `buffer`. `path` is room for the path, and loses what is in it.
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

/// Calls `found` with each entry of `dir` that is a number, as a number and as it is written, until it breaks.
///
/// # Errors
/// errno of reading the folder. A folder that went away is no error: it ends there.
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

/// Returns the inode in a link such as `net:[4026531840]`, which starts with `kind`.
pub(crate) fn inode_in_link(link: &[u8], kind: &[u8]) -> Option<u32> {
    decimal32(
        link.strip_prefix(kind)?
            .strip_prefix(b":[")?
            .strip_suffix(b"]")?,
    )
}

/// Returns the inode in a link such as `socket:[607014]`. It is called once for each descriptor.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_links_have_an_inode() {
        assert_eq!(socket_in_link(b"socket:[607014]"), Some(607_014));
        let net = inode_in_link(b"net:[4026531840]", b"net");
        assert_eq!(net, Some(4_026_531_840));
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
    fn a_short_read_is_an_end_in_the_kernels_proc_alone() {
        let folder = std::env::temp_dir().join(format!("lsock-short-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("1")).unwrap();
        let last_read_max = |path: &Path| Proc::open(path).unwrap().last_read_max();
        let seen = [Path::new("/proc"), &folder].map(last_read_max);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(seen, [LAST_READ_MAX, 0]);
    }

    #[test]
    fn this_proc_has_this_process() {
        let proc = Proc::open(Path::new("/proc")).unwrap();
        let own = proc.own_pid().unwrap();
        assert_eq!(own, std::process::id());
        assert!(proc.pids(&mut [0; 1024]).unwrap().contains(&own));
        assert!(proc.count_fds(0).is_none());
        assert_eq!(proc.count_fds(7), Some(7));
        assert_eq!(proc.count_fds(0), Some(0));
        assert!(Proc::open(Path::new("/sys")).is_err());
        assert!(Proc::open(Path::new("/no/such")).is_err());
    }
}
