//! Reads the descriptors of a task. In: a task, and a range of numbers. Out: those descriptors that are sockets, those that
//! are logs of pods, and `FdTable`, by which a table of descriptors is recognised. It knows no process, thread or right.
//!
//! The kernel says how many descriptors there are (the size of PID/fd since Linux 6.2), and most tables are dense. So
//! the links are read by number, 0, 1, 2 …, until that many were found; to list the folder first costs 6 to 15 % more. If
//! too many numbers are missing (bash keeps 255), the rest is listed. If the size does not say, everything is listed.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};
use std::os::fd::AsFd;

use crate::collections::sort::sort_by_key;
use crate::proc::sys::{self, Stat};
use crate::proc::{Proc, Task, for_each_number, is_forbidden, socket_in_link};
use crate::text::write::Decimal;
use crate::walk::container::LOGS;

/// Number of bytes of the buffer that are used: they hold 256 to 340 descriptors. With more it is slower, because the
/// kernel's copies leave the cache.
const BUFFER_LEN: usize = 8 * 1024;
/// Holds the longest `socket:[4294967295]`; the kernel cuts a longer link, which is no socket.
const LINK_LEN_MAX: usize = 32;
/// The beginning of what a descriptor points to, zeros behind it.
pub(crate) type Link = [u8; LINK_LEN_MAX];
/// Numbers that may be missing before the rest is listed, and one more for each `MISSES_STEP` that were tried. A miss
/// costs half as much as a link; to list a few descriptors costs as much as three misses.
const MISSES_MIN: u32 = 2;
/// The numbers that were tried for each further miss, as `MISSES_MIN` says.
const MISSES_STEP: u32 = 8;
/// Position of descriptor 0 in PID/fd, behind `.` and `..` (`fs/proc/fd.c`: `proc_readfd_common`).
const FIRST_POSITION: u64 = 2;

/// A descriptor that pointed to a socket a moment ago; either may be gone by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Holder {
    /// Inode of the socket.
    pub(crate) inode: u32,
    /// Descriptor number.
    pub(crate) fd: u32,
}

/// What distinguishes one table of descriptors from another, cheaply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FdTable {
    /// Number of descriptors.
    pub(crate) count: u64,
    /// The lowest free descriptor, the next to be opened; `u32::MAX` if none of the numbers read is free.
    free: u32,
    /// The largest descriptor.
    last: u32,
}

impl FdTable {
    /// Returns a table without descriptors, of which the numbers from `start` on are to be read.
    fn from(start: u32) -> Self {
        Self {
            count: 0,
            free: start,
            last: 0,
        }
    }

    /// Adds `fd`, which is larger than all before it.
    fn add(&mut self, fd: u32) {
        self.count += 1;
        self.free += u32::from(fd == self.free);
        self.last = self.last.max(fd);
    }

    /// Adds what another part of the same table is known to contain.
    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.free = self.free.min(other.free);
        self.last = self.last.max(other.last);
    }

    /// Reads what the largest descriptor of this table points to in `task`.
    ///
    /// # Errors
    /// errno of readlinkat(2).
    pub(crate) fn read_last(&self, proc: &Proc, task: Task) -> io::Result<Link> {
        let mut link = Link::default();
        proc.read_fd_link(task, self.last, &mut link)?;
        Ok(link)
    }

    /// Returns true if `thread` seems to have this very table, whose largest descriptor points to `last_link`.
    pub(crate) fn is_of(&self, proc: &Proc, thread: Task, last_link: &Link) -> bool {
        let has_last = self
            .read_last(proc, thread)
            .is_ok_and(|link| link == *last_link);
        // Before Linux 6.2 the size is 0.
        let has_count = || {
            proc.stat(thread, "fd")
                .is_ok_and(|stat| stat.size == self.count || stat.size == 0)
        };
        let has_free = || {
            proc.read_fd_link(thread, self.free, &mut Link::default())
                .is_ok()
        };
        has_last && has_count() && !has_free()
    }
}

impl Default for FdTable {
    /// Returns the table of no descriptors, neutral to `merge`.
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
    /// Number of descriptors, if the kernel says.
    count: Option<u64>,
}

impl FdDir {
    /// Opens the folder of `task`.
    ///
    /// # Errors
    /// errno; ask `is_gone` and `is_forbidden`.
    pub(crate) fn open(proc: &Proc, task: Task) -> io::Result<Self> {
        let dir = File::from(proc.open_dir(task, "fd")?);
        let count = proc.count_fds(Stat::of_file(&dir)?.size);
        Ok(Self { dir, count })
    }

    /// Returns the number of descriptors, or 0 if the kernel does not say.
    pub(crate) fn count(&self) -> u64 {
        self.count.unwrap_or(0)
    }

    /// Adds the sockets among the descriptors with `numbers` to `holders`, ascending, and those that are logs of pods to `logs`;
    /// returns what these descriptors say of the table. `buffer` is scratch space.
    ///
    /// # Errors
    /// errno of reading the folder, or of a link that may not be read; then nothing is added to `holders`.
    #[inline(never)]
    pub(crate) fn read(
        self,
        numbers: Range<u32>,
        buffer: &mut [u8],
        holders: &mut Vec<Holder>,
        logs: &mut Vec<u32>,
    ) -> io::Result<FdTable> {
        let first = holders.len();
        let is_whole = numbers.start == 0 && numbers.end == u32::MAX;
        let mut reader = Reader {
            dir: &self.dir,
            next: numbers.start,
            table: FdTable::from(numbers.start),
            wanted: self.count.filter(|_| is_whole).unwrap_or(u64::MAX),
            numbers,
            holders,
            logs,
            forbidden: None,
        };
        if self.count.is_some() {
            reader.try_numbers();
        }
        let listed = if reader.is_done() {
            Ok(())
        } else {
            reader.list(buffer)
        };
        let Reader {
            mut table,
            numbers,
            forbidden,
            ..
        } = reader;
        if let Some(error) = listed.err().or(forbidden) {
            holders.truncate(first);
            return Err(error);
        }
        if table.free >= numbers.end {
            table.free = u32::MAX;
        }
        // The kernel's order is ascending; that of a captured tree on another file system need not be.
        let found = holders.get_mut(first..).unwrap_or_default();
        sort_by_key(found, &|holder| (holder.fd, holder.inode));
        Ok(table)
    }
}

/// The reading of a folder, as far as it has come.
struct Reader<'a> {
    /// The folder.
    dir: &'a File,
    /// Descriptors that are to be read.
    numbers: Range<u32>,
    /// The first of them that was not tried yet.
    next: u32,
    /// Number of descriptors after which there are no more; `u64::MAX` if that is not known.
    wanted: u64,
    /// What the descriptors say of the table.
    table: FdTable,
    /// Sockets are added here.
    holders: &'a mut Vec<Holder>,
    /// Descriptors that are logs of pods are added here.
    logs: &'a mut Vec<u32>,
    /// The error that ends the reading: a link that may not be read.
    forbidden: Option<io::Error>,
}

impl Reader<'_> {
    /// Returns true if no descriptor is left to be read, or none may be.
    fn is_done(&self) -> bool {
        self.next >= self.numbers.end || self.table.count >= self.wanted || self.forbidden.is_some()
    }

    /// Tries one number after the other, until no descriptor is left or too many numbers are missing.
    fn try_numbers(&mut self) {
        let mut misses = 0;
        while !self.is_done()
            && misses <= MISSES_MIN + (self.next - self.numbers.start) / MISSES_STEP
        {
            let is_open = self.read_link(self.next, Decimal::new(self.next).with_nul());
            misses += u32::from(!is_open);
            self.next += 1;
        }
    }

    /// Lists the folder, and reads the descriptors that were not tried yet.
    ///
    /// # Errors
    /// errno of reading the folder.
    fn list(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut dir = self.dir;
        if self.next > 0 {
            // This saves time alone: what was tried already is passed over.
            let _ = dir.seek(SeekFrom::Start(FIRST_POSITION + u64::from(self.next)));
        }
        let len = buffer.len().min(BUFFER_LEN);
        let buffer = buffer.get_mut(..len).unwrap_or_default();
        for_each_number(dir.as_fd(), buffer, |fd, name| {
            if fd >= self.numbers.end {
                // The kernel has no descriptor of the largest number; a captured tree may, and before any other.
                let is_whole = self.numbers.end == u32::MAX;
                return if is_whole {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                };
            }
            if fd >= self.next {
                self.read_link(fd, name.to_bytes_with_nul());
            }
            // A process that may open the folder but not read a link may read none of them.
            match self.forbidden {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        })
    }

    /// Reads the link of `fd`, whose name is `name`, and returns true if it is there.
    #[inline(always)]
    fn read_link(&mut self, fd: u32, name: &[u8]) -> bool {
        match sys::read_link_at(self.dir.as_fd(), name, &mut Link::default()) {
            Ok(target) => {
                if let Some(inode) = socket_in_link(target) {
                    self.holders.push(Holder { inode, fd });
                } else if target.starts_with(LOGS) {
                    self.logs.push(fd);
                }
                self.table.add(fd);
                true
            }
            // Any other error says that it was closed meanwhile, or never open.
            Err(error) => {
                if is_forbidden(&error) {
                    self.forbidden = Some(error);
                }
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

    /// Returns those descriptors of this process that are in `numbers` and are sockets, as std lists them.
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
        let task = Task::process(std::process::id());
        let mut held: Vec<_> = (0..100).map(|_| UnixStream::pair().unwrap()).collect();
        // All descriptors, then holes of one number, then of twenty.
        for step in [1, 2, 20] {
            let mut at = 0;
            held.retain(|_| {
                at += 1;
                at % step == 0
            });
            for numbers in [0..u32::MAX, 0..20, 20..90, 64..u32::MAX, 150..160] {
                // Other tests of this process open sockets too, so only those that were there before and after count.
                let before = naive(&numbers);
                let mut holders = vec![Holder { inode: 1, fd: 1 }];
                let dir = FdDir::open(&proc, task).unwrap();
                let table = dir
                    .read(
                        numbers.clone(),
                        &mut [0; 512],
                        &mut holders,
                        &mut Vec::new(),
                    )
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
