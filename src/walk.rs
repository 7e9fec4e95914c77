//! Walks the processes and their file descriptors. In: an open proc and what is selected. Out: who holds which socket
//! inode, who could not be read, and which network namespaces there are. It reads no table and knows no protocol.

use std::collections::BinaryHeap;
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::fd::AsFd;

use crate::container;
use crate::netns::Namespaces;
use crate::procfs::{
    Proc, Task, error_text, for_each_number, inode_in_link, is_forbidden, is_gone,
};
use crate::select::Processes;
use crate::socket::NetnsId;
use crate::sort::sort_once;
use crate::sys;
use crate::warn::Warnings;

/// Holds about a thousand processes, or 500 of 7 digits.
const PROC_BUFFER_LEN: usize = 32 * 1024;
/// Holds 256 to 340 descriptors; larger buffers are slower (the kernel's copies leave the cache).
const FD_BUFFER_LEN: usize = 8 * 1024;
/// Holds the longest `socket:[4294967295]`; what is longer is no socket, and the kernel cuts it.
const LINK_LEN_MAX: usize = 32;

/// Room for so many sockets from the start: large enough to be mapped by itself, so that it grows without a copy left
/// behind, and not touched before it is needed.
const HOLDERS_ROOM: usize = 32 * 1024;

/// A descriptor that pointed to a socket a moment ago; either may be gone by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Inode of the socket.
    pub(crate) inode: u32,
    /// Descriptor number.
    pub(crate) fd: u32,
}

/// A task that holds sockets.
pub(crate) struct Process {
    /// Whose descriptors these are.
    pub(crate) task: Task,
    /// Its network namespace, which need not be that of its sockets.
    pub(crate) netns: Option<NetnsId>,
    /// Its part of `Walk::holders`, ascending by descriptor.
    pub(crate) holders: Range<usize>,
    /// Whether its sockets are to be shown; else it may be at the other end of one.
    pub(crate) is_selected: bool,
}

/// A process whose descriptors may not be read.
pub(crate) struct Unread {
    /// Owner of its folder: its effective uid, or 0 where it is not dumpable.
    pub(crate) uid: u32,
    /// Group of its folder, likewise.
    pub(crate) gid: u32,
    /// How many descriptors it has, where the kernel tells (Linux 6.2 and later).
    pub(crate) fds: u64,
}

/// What was met.
#[derive(Default)]
pub(crate) struct Walk {
    /// Those with sockets, ascending by pid.
    pub(crate) processes: Vec<Process>,
    /// Their descriptors, process by process.
    pub(crate) holders: Vec<Holder>,
    /// Those of the selected that may not be read.
    pub(crate) unread: Vec<Unread>,
    /// Whether this proc does not even show every process (hidepid=2): the first one of its PID namespace is not there.
    pub(crate) hides_some: bool,
    /// Whether any may not be read, selected or not.
    pub(crate) some_unread: bool,
    /// How many processes were selected, as far as they are seen.
    pub(crate) selected: usize,
    /// The namespaces of all that were selected.
    pub(crate) namespaces: Namespaces,
    /// Whether the process that is being visited is selected.
    is_selecting: bool,
}

/// What tells a table of descriptors from another, cheaply.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct FdTable {
    /// How many there are.
    count: u64,
    /// The lowest that is free: the next one to be opened.
    free: u32,
    /// The largest one.
    last: u32,
    /// What that one points to, as far as it fits.
    last_link: [u8; LINK_LEN_MAX],
}

impl FdTable {
    /// Whether `thread` seems to have this very table.
    fn is_of(&self, proc: &Proc, thread: Task) -> bool {
        let mut link = [0; LINK_LEN_MAX];
        let has_last =
            proc.read_fd_link(thread, self.last, &mut link).is_ok() && link == self.last_link;
        // Before Linux 6.2 the size is 0.
        let has_count = || {
            proc.stat(thread, "fd")
                .is_ok_and(|stat| stat.size == self.count || stat.size == 0)
        };
        has_last && has_count() && proc.read_fd_link(thread, self.free, &mut link).is_err()
    }
}

/// Walks those processes of `proc` that `selected` allows.
///
/// # Errors
/// errno of reading the folder of processes itself; what fails for one process is that process's own.
pub(crate) fn walk(proc: &Proc, selected: &Processes, warnings: &mut Warnings) -> io::Result<Walk> {
    let mut walk = Walk {
        holders: Vec::with_capacity(HOLDERS_ROOM),
        ..Walk::default()
    };
    let mut fd_buffer = [0; FD_BUFFER_LEN];
    let own_pid = proc.own_pid();
    let mut visit = |pid| {
        let task = Task { pid, tid: 0 };
        let mut is_selected = selected.pid_matches(pid);
        if is_selected
            && !selected.containers.is_empty()
            && !container::find(proc, task).is_some_and(|id| id.has_prefix(&selected.containers))
        {
            walk.pass_over(proc, task);
            is_selected = false;
        }
        if is_selected && selected.needs_commands() {
            match selected.command_matches(proc, task) {
                // Its own command line has every word that it looks for.
                Ok(true) if own_pid != Some(pid) => {}
                Err(error) if is_forbidden(&error) => {
                    walk.selected += 1;
                    return walk.count_unread(proc, task);
                }
                Ok(_) | Err(_) => is_selected = false,
            }
        }
        if is_selected || selected.visits_all {
            walk.visit(proc, (task, is_selected), &mut fd_buffer, warnings);
        }
    };
    let mut all = Vec::new();
    if selected.pids().is_empty() || selected.visits_all {
        proc.for_each_pid(&mut vec![0; PROC_BUFFER_LEN], |pid| all.push(pid))?;
        // As for descriptors: only a captured tree is not in order.
        sort_once(&mut all);
    }
    let pids = if all.is_empty() {
        selected.pids()
    } else {
        &all
    };
    pids.iter().copied().for_each(&mut visit);
    // A captured tree has no link to this process, and need not have the first one.
    walk.hides_some = own_pid.is_some() && proc.stat(Task { pid: 1, tid: 0 }, "").is_err();
    Ok(walk)
}

impl Walk {
    /// Reads the descriptors and the namespace of the process `task`, and those of its threads that have their own.
    fn visit(
        &mut self,
        proc: &Proc,
        (task, is_selected): (Task, bool),
        buffer: &mut [u8],
        warnings: &mut Warnings,
    ) {
        self.selected += usize::from(is_selected);
        self.is_selecting = is_selected;
        let first = self.holders.len();
        let (fds, error) = match proc.as_owner(task, || self.read_fds(proc, task, buffer)) {
            Ok(fds) => (fds, None),
            Err(error) => (FdTable::default(), Some(error)),
        };
        let netns = self.find_netns(proc, task);
        self.keep(task, netns, first);
        // PID/task has a link for each thread, and two of its own. Where the main thread has ended the folder of the
        // process is root's, and empty; its threads' are not.
        let common = first..self.holders.len();
        let is_read = proc.stat(task, "task").is_ok_and(|stat| stat.nlink > 3)
            && self.visit_threads(proc, (task, fds), &common, buffer);
        match error {
            Some(error) if is_forbidden(&error) && !is_read && is_selected => {
                self.count_unread(proc, task);
            }
            Some(error) if is_forbidden(&error) => self.some_unread |= !is_read,
            Some(error) if !is_gone(&error) => {
                warnings.warn(&proc.display(task, "fd"), &error_text(&error));
            }
            _ => {}
        }
    }

    /// Reads those threads of `process` that have descriptors of their own: because the main thread has ended, and
    /// `fds` is empty (proc(5)), or because they have left the common table (`unshare(CLONE_FILES)`). Three calls
    /// a thread give the latter away: the number of descriptors, what the largest is, and whether the lowest free one
    /// is free there too; tables that differ in none of these are not told apart. `common` are the holders of the process itself. It tells whether any thread could be read.
    fn visit_threads(
        &mut self,
        proc: &Proc,
        (process, fds): (Task, FdTable),
        common: &Range<usize>,
        buffer: &mut [u8],
    ) -> bool {
        let mut seen = vec![fds];
        for thread in proc.threads(process, buffer) {
            if seen.iter().any(|table| {
                table.count > 0
                    && proc
                        .as_owner(thread, || Ok(table.is_of(proc, thread)))
                        .unwrap_or(false)
            }) {
                continue;
            }
            let first = self.holders.len();
            // What goes wrong here is the process's own trouble, which has been told.
            let Ok(found @ FdTable { count: 1.., .. }) =
                proc.as_owner(thread, || self.read_fds(proc, thread, buffer))
            else {
                continue;
            };
            let netns = self.find_netns(proc, thread);
            let (before, own) = self.holders.split_at(first);
            let shared = before.get(common.clone()).unwrap_or_default();
            let own: Vec<Holder> = own
                .iter()
                .filter(|holder| !shared.contains(holder))
                .copied()
                .collect();
            self.holders.truncate(first);
            self.holders.extend(own);
            self.keep(thread, netns, first);
            seen.push(found);
        }
        seen.len() > 1
    }

    /// Finds the namespace of `task`, which is selected or not.
    fn find_netns(&mut self, proc: &Proc, task: Task) -> Option<NetnsId> {
        let id = self.namespaces.find(proc, task)?;
        self.namespaces.get_mut(id)?.selected += usize::from(self.is_selecting);
        Some(id)
    }

    /// Notes that `task`, which is not selected, lives in its namespace too.
    fn pass_over(&mut self, proc: &Proc, task: Task) {
        let found = self.namespaces.find(proc, task);
        if let Some(netns) = found.and_then(|id| self.namespaces.get_mut(id)) {
            netns.others += 1;
        }
    }

    /// Counts `task` among those that may not be read.
    fn count_unread(&mut self, proc: &Proc, task: Task) {
        let (uid, gid) = proc
            .stat(task, "")
            .map_or((0, 0), |stat| (stat.uid, stat.gid));
        let fds = proc.stat(task, "fd").map_or(0, |stat| stat.size);
        self.unread.push(Unread { uid, gid, fds });
        self.some_unread = true;
    }

    /// Makes a process of the holders from `first` on.
    fn keep(&mut self, task: Task, netns: Option<NetnsId>, first: usize) {
        let holders = first..self.holders.len();
        if !holders.is_empty() {
            self.processes.push(Process {
                task,
                netns,
                holders,
                is_selected: self.is_selecting,
            });
        }
    }

    /// Adds the sockets among the descriptors of `task`, and tells what the table is known by.
    fn read_fds(&mut self, proc: &Proc, task: Task, buffer: &mut [u8]) -> io::Result<FdTable> {
        let dir = proc.open_dir(task, "fd")?;
        let first = self.holders.len();
        let mut fds = FdTable::default();
        let mut forbidden = None;
        for_each_number(dir.as_fd(), buffer, |fd, name| {
            fds.count += 1;
            fds.free += u32::from(fd == fds.free);
            let mut link = [0; LINK_LEN_MAX];
            match sys::read_link_at(dir.as_fd(), name, &mut link) {
                Ok(target) => {
                    if let Some(inode) = inode_in_link(target, b"socket") {
                        self.holders.push(Holder { inode, fd });
                    }
                    if fd >= fds.last {
                        (fds.last, fds.last_link) = (fd, link);
                    }
                }
                // Who may open the folder but not read a link may read none of them.
                Err(error) if is_forbidden(&error) => {
                    forbidden = Some(error);
                    return ControlFlow::Break(());
                }
                // Closed meanwhile.
                Err(_) => {}
            }
            ControlFlow::Continue(())
        })?;
        if let Some(error) = forbidden {
            self.holders.truncate(first);
            return Err(error);
        }
        // The kernel's order is ascending; that of a captured tree on another file system need not be.
        let found = self.holders.get_mut(first..).unwrap_or_default();
        if !found.is_sorted_by_key(|holder| holder.fd) {
            let heap: BinaryHeap<(u32, u32)> = found
                .iter()
                .map(|holder| (holder.fd, holder.inode))
                .collect();
            for (holder, (fd, inode)) in found.iter_mut().zip(heap.into_sorted_vec()) {
                *holder = Holder { inode, fd };
            }
        }
        Ok(fds)
    }
}
