//! Reads the descriptors of a task. In: a task, and which numbers. Out: those descriptors that are sockets, and what the
//! table of descriptors is known by. It knows nothing of processes, threads or rights.
//!
//! The kernel tells how many descriptors there are (the size of PID/fd since Linux 6.2), and most tables are dense. So
//! the links are read by number, 0, 1, 2 …, until as many were found; to list the folder first costs 6 to 15 % more. Where
//! too many numbers are missing (bash keeps 255), the rest is listed. Where the size does not tell, all is listed.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};
use std::os::fd::AsFd;

use crate::collections::sort::in_order;
use crate::proc::sys;
use crate::proc::{Proc, Task, for_each_number, is_forbidden, socket_in_link};
use crate::text::write::Decimal;

/// So much of the buffer is used: it holds 256 to 340 descriptors; more is slower (the kernel's copies leave the cache).
const BUFFER_LEN: usize = 8 * 1024;
/// Holds the longest `socket:[4294967295]`; what is longer is no socket, and the kernel cuts it.
const LINK_LEN_MAX: usize = 32;
/// What a descriptor points to, as far as it fits, zeros behind it.
pub(crate) type Link = [u8; LINK_LEN_MAX];
/// So many numbers may be missing, and so many more for each `MISSES_STEP` that were looked for: a miss costs half as
/// much as a link, and a list of a few descriptors three misses.
const MISSES_MIN: u32 = 2;
/// See `MISSES_MIN`.
const MISSES_STEP: u32 = 8;
/// Where descriptor 0 is in PID/fd: behind `.` and `..` (`fs/proc/fd.c`: `proc_readfd_common`).
const FIRST_POSITION: u64 = 2;

/// A descriptor that pointed to a socket a moment ago; either may be gone by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Inode of the socket.
    pub(crate) inode: u32,
    /// Descriptor number.
    pub(crate) fd: u32,
}

/// What tells a table of descriptors from another, cheaply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FdTable {
    /// How many there are.
    pub(crate) count: u64,
    /// The lowest that is free: the next one to be opened; `u32::MAX` where none of the numbers looked at is.
    free: u32,
    /// The largest one.
    last: u32,
}

impl FdTable {
    /// No descriptors yet, of those from `start` on.
    fn from(start: u32) -> Self {
        Self {
            count: 0,
            free: start,
            last: 0,
        }
    }

    /// Adds `fd`, which is larger than those before it.
    fn add(&mut self, fd: u32) {
        self.count += 1;
        self.free += u32::from(fd == self.free);
        self.last = self.last.max(fd);
    }

    /// Adds what is known of other numbers.
    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.free = self.free.min(other.free);
        self.last = self.last.max(other.last);
    }

    /// What the largest descriptor points to, where the table is that of `task`.
    ///
    /// # Errors
    /// errno of readlinkat(2).
    pub(crate) fn read_last(&self, proc: &Proc, task: Task) -> io::Result<Link> {
        let mut link = Link::default();
        proc.read_fd_link(task, self.last, &mut link)?;
        Ok(link)
    }

    /// Whether `thread` seems to have this very table, whose largest descriptor points to `last_link`.
    pub(crate) fn is_of(&self, proc: &Proc, thread: Task, last_link: &Link) -> bool {
        let has_last = self
            .read_last(proc, thread)
            .is_ok_and(|link| link == *last_link);
        // Before Linux 6.2 the size is 0.
        let has_count = || {
            proc.stat(thread, "fd")
                .is_ok_and(|stat| stat.len() == self.count || stat.len() == 0)
        };
        let has_free = || {
            proc.read_fd_link(thread, self.free, &mut Link::default())
                .is_ok()
        };
        has_last && has_count() && !has_free()
    }
}

impl Default for FdTable {
    /// The one that `merge` adds the parts to.
    fn default() -> Self {
        Self {
            free: u32::MAX,
            ..Self::from(0)
        }
    }
}

/// The folder PID/fd of a task, open.
pub(crate) struct FdDir {
    /// The folder.
    dir: File,
    /// How many descriptors there are, where the kernel tells.
    count: Option<u64>,
}

impl FdDir {
    /// Opens the folder of `task`.
    ///
    /// # Errors
    /// errno; ask `is_gone` and `is_forbidden`.
    pub(crate) fn open(proc: &Proc, task: Task) -> io::Result<Self> {
        let dir = File::from(proc.open_dir(task, "fd")?);
        let count = proc.count_fds(dir.metadata()?.len());
        Ok(Self { dir, count })
    }

    /// How many descriptors there are, where the kernel tells; else 0.
    pub(crate) fn count(&self) -> u64 {
        self.count.unwrap_or(0)
    }

    /// Adds the sockets among the descriptors with `numbers` to `holders`, ascending, and tells what the table is known
    /// by as far as they go. `buffer` is read into.
    ///
    /// # Errors
    /// errno of reading the folder, or that its links may not be read; then nothing is added.
    pub(crate) fn read(
        self,
        numbers: Range<u32>,
        buffer: &mut [u8],
        holders: &mut Vec<Holder>,
    ) -> io::Result<FdTable> {
        let first = holders.len();
        let is_whole = numbers.start == 0 && numbers.end == u32::MAX;
        let wanted = self.count.filter(|_| is_whole).unwrap_or(u64::MAX);
        let mut reader = Reader {
            dir: &self.dir,
            table: FdTable::from(numbers.start),
            holders,
            forbidden: None,
        };
        let (mut next, mut misses) = (numbers.start, 0);
        if self.count.is_some() {
            while next < numbers.end && reader.table.count < wanted && reader.forbidden.is_none() {
                if misses > MISSES_MIN + (next - numbers.start) / MISSES_STEP {
                    break;
                }
                let is_there = reader.read_link(next, Decimal::new(next).with_nul());
                misses += u32::from(!is_there);
                next += 1;
            }
        }
        if next < numbers.end && reader.table.count < wanted && reader.forbidden.is_none() {
            if next > 0 {
                let mut dir = reader.dir;
                dir.seek(SeekFrom::Start(FIRST_POSITION + u64::from(next)))?;
            }
            let buffer = match buffer.get_mut(..BUFFER_LEN) {
                Some(buffer) => buffer,
                None => buffer,
            };
            for_each_number(self.dir.as_fd(), buffer, |fd, name| {
                if fd >= numbers.end {
                    return ControlFlow::Break(());
                }
                if fd >= next {
                    reader.read_link(fd, name.to_bytes_with_nul());
                }
                // Who may open the folder but not read a link may read none of them.
                match reader.forbidden {
                    Some(_) => ControlFlow::Break(()),
                    None => ControlFlow::Continue(()),
                }
            })?;
        }
        let (mut table, forbidden) = (reader.table, reader.forbidden);
        if let Some(error) = forbidden {
            holders.truncate(first);
            return Err(error);
        }
        if table.free >= numbers.end {
            table.free = u32::MAX;
        }
        // The kernel's order is ascending; that of a captured tree on another file system need not be.
        let found = holders.get(first..).unwrap_or_default();
        if !found.is_sorted_by_key(|holder| holder.fd) {
            let found = holders.split_off(first);
            holders.extend(in_order(found, &|holder| (holder.fd, holder.inode)));
        }
        Ok(table)
    }
}

/// What the links of a folder are read with.
struct Reader<'a> {
    /// The folder.
    dir: &'a File,
    /// What was seen of the table.
    table: FdTable,
    /// Where sockets are added.
    holders: &'a mut Vec<Holder>,
    /// That no link may be read.
    forbidden: Option<io::Error>,
}

impl Reader<'_> {
    /// Reads the link of `fd`, whose name is `name`, and tells whether it is there.
    #[inline(always)]
    fn read_link(&mut self, fd: u32, name: &[u8]) -> bool {
        match sys::read_link_at(self.dir.as_fd(), name, &mut Link::default()) {
            Ok(target) => {
                if let Some(inode) = socket_in_link(target) {
                    self.holders.push(Holder { inode, fd });
                }
                self.table.add(fd);
                true
            }
            Err(error) => {
                if is_forbidden(&error) {
                    self.forbidden = Some(error);
                }
                // Else closed meanwhile, or never open.
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    /// What std tells of the descriptors of this process that are sockets, and are in `numbers`.
    fn naive(numbers: &Range<u32>) -> Vec<(u32, String)> {
        let mut all = Vec::new();
        for link in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
            let fd = link.file_name().to_str().unwrap().parse().unwrap();
            let target = std::fs::read_link(link.path()).unwrap_or_default();
            let target = target.to_str().unwrap_or_default();
            if target.starts_with("socket:") && numbers.contains(&fd) {
                all.push((fd, target.to_owned()));
            }
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn dense_or_full_of_holes_every_socket_is_read_once_and_in_order() {
        let proc = Proc::open(Path::new("/proc")).unwrap();
        let task = Task {
            pid: std::process::id(),
            tid: 0,
        };
        let mut held: Vec<_> = (0..100).map(|_| UnixStream::pair().unwrap()).collect();
        // All, then holes of one number, then of twenty.
        for step in [1, 2, 20] {
            let mut at = 0;
            held.retain(|_| {
                at += 1;
                at % step == 0
            });
            for numbers in [0..u32::MAX, 0..20, 20..90, 64..u32::MAX, 150..160] {
                // Other tests of this process open sockets too: those that were there before and after count.
                let before = naive(&numbers);
                let mut holders = vec![Holder { inode: 1, fd: 1 }];
                let dir = FdDir::open(&proc, task).unwrap();
                let table = dir
                    .read(numbers.clone(), &mut [0; 512], &mut holders)
                    .unwrap();
                let after = naive(&numbers);
                let link = |holder: &Holder| (holder.fd, format!("socket:[{}]", holder.inode));
                let seen: Vec<_> = holders.iter().skip(1).map(link).collect();
                assert!(seen.is_sorted_by(|one, next| one.0 < next.0), "{seen:?}");
                for known in before.iter().filter(|known| after.contains(known)) {
                    assert!(seen.contains(known), "{numbers:?}: {known:?} of {seen:?}");
                }
                assert!(table.count >= u64::try_from(seen.len()).unwrap());
            }
        }
    }
}
