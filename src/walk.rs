//! Walks the processes and their file descriptors. In: an open proc and what is selected. Out: who holds which socket
//! inode, who could not be read, and which network namespaces there are. It reads no table and knows no protocol.

use std::io;
use std::ops::{ControlFlow, Range};
use std::os::fd::AsFd;

use crate::netns::Namespaces;
use crate::procfs::{Proc, Task, for_each_number, inode_in_link, is_forbidden, is_gone};
use crate::select::Processes;
use crate::socket::NetnsId;
use crate::sys;
use crate::warn::Warnings;

/// Holds about a thousand processes, or 500 of 7 digits.
const PROC_BUFFER_LEN: usize = 32 * 1024;
/// Holds 256 to 340 descriptors; larger buffers are slower (the kernel's copies leave the cache).
const FD_BUFFER_LEN: usize = 8 * 1024;
/// Holds the longest `socket:[4294967295]`; what is longer is no socket, and the kernel cuts it.
const LINK_LEN_MAX: usize = 32;

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
}

/// A process whose descriptors may not be read.
pub(crate) struct Unread {
    /// Owner of its folder: its effective uid, or 0 where it is not dumpable.
    pub(crate) uid: u32,
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
    /// Those that may not be read.
    pub(crate) unread: Vec<Unread>,
    /// The namespaces of all that were selected.
    pub(crate) namespaces: Namespaces,
}

/// Walks those processes of `proc` that `selected` allows.
///
/// # Errors
/// errno of reading the folder of processes itself; what fails for one process is that process's own.
pub(crate) fn walk(proc: &Proc, selected: &Processes, warnings: &mut Warnings) -> io::Result<Walk> {
    let mut walk = Walk::default();
    let mut fd_buffer = [0; FD_BUFFER_LEN];
    let own_pid = if selected.needs_commands() {
        proc.own_pid()
    } else {
        None
    };
    let mut visit = |pid| {
        let task = Task { pid, tid: 0 };
        if selected.needs_commands() {
            match selected.command_matches(proc, task) {
                // Its own command line has every word that it looks for.
                Ok(true) if own_pid != Some(pid) => {}
                Err(error) if is_forbidden(&error) => return walk.count_unread(proc, task),
                Ok(_) | Err(_) => return,
            }
        }
        walk.visit(proc, task, &mut fd_buffer, warnings);
    };
    let mut all = Vec::new();
    if selected.pids().is_empty() {
        proc.for_each_pid(&mut [0; PROC_BUFFER_LEN], |pid| all.push(pid))?;
        // As for descriptors: only a captured tree is not in order.
        all.sort_unstable();
    }
    let pids = if all.is_empty() {
        selected.pids()
    } else {
        &all
    };
    pids.iter().copied().for_each(&mut visit);
    Ok(walk)
}

impl Walk {
    /// Reads the descriptors and the namespace of the process `task`; where its main thread has ended, those of a
    /// thread that lives.
    fn visit(&mut self, proc: &Proc, task: Task, buffer: &mut [u8], warnings: &mut Warnings) {
        let first = self.holders.len();
        match self.read_fds(proc, task, buffer) {
            Ok(Fds::Some) => {}
            // A kernel thread, a zombie, or a process that goes on without its main thread (proc(5)).
            Ok(Fds::None) => {
                if proc.stat(task, "task").is_ok_and(|stat| stat.nlink > 3) {
                    return self.visit_threads(proc, task, buffer, warnings);
                }
            }
            Err(error) if is_forbidden(&error) => self.count_unread(proc, task),
            Err(error) if is_gone(&error) => {}
            Err(error) => warnings.warn(
                &proc.display(task, "fd"),
                &crate::procfs::error_text(&error),
            ),
        }
        let netns = self.namespaces.find(proc, task);
        self.keep(task, netns, first);
    }

    /// Reads the descriptors of the first thread that has any.
    fn visit_threads(
        &mut self,
        proc: &Proc,
        process: Task,
        buffer: &mut [u8],
        warnings: &mut Warnings,
    ) {
        let first = self.holders.len();
        let Ok(dir) = proc.open_dir(process, "task") else {
            return;
        };
        let mut tids = Vec::new();
        let read = for_each_number(dir.as_fd(), buffer, |tid, _| {
            tids.push(tid);
            ControlFlow::Continue(())
        });
        if let Err(error) = read {
            warnings.warn(
                &proc.display(process, "task"),
                &crate::procfs::error_text(&error),
            );
        }
        for tid in tids {
            let thread = Task {
                pid: process.pid,
                tid,
            };
            if tid != process.pid && matches!(self.read_fds(proc, thread, buffer), Ok(Fds::Some)) {
                let netns = self.namespaces.find(proc, thread);
                return self.keep(thread, netns, first);
            }
        }
    }

    /// Counts `task` among those that may not be read.
    fn count_unread(&mut self, proc: &Proc, task: Task) {
        let uid = proc.stat(task, "").map_or(0, |stat| stat.uid);
        let fds = proc.stat(task, "fd").map_or(0, |stat| stat.size);
        self.unread.push(Unread { uid, fds });
    }

    /// Makes a process of the holders from `first` on.
    fn keep(&mut self, task: Task, netns: Option<NetnsId>, first: usize) {
        let holders = first..self.holders.len();
        if !holders.is_empty() {
            self.processes.push(Process {
                task,
                netns,
                holders,
            });
        }
    }

    /// Adds the sockets among the descriptors of `task`.
    fn read_fds(&mut self, proc: &Proc, task: Task, buffer: &mut [u8]) -> io::Result<Fds> {
        let dir = proc.open_dir(task, "fd")?;
        let mut fds = Fds::None;
        let mut forbidden = None;
        let first = self.holders.len();
        for_each_number(dir.as_fd(), buffer, |fd, name| {
            fds = Fds::Some;
            let mut link = [0; LINK_LEN_MAX];
            match sys::read_link_at(dir.as_fd(), name, &mut link) {
                Ok(link) => {
                    if let Some(inode) = inode_in_link(link, b"socket") {
                        self.holders.push(Holder { inode, fd });
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
        // The kernel's order is ascending; that of a captured tree on another file system need not be.
        let found = self.holders.get_mut(first..).unwrap_or_default();
        if !found.is_sorted_by_key(|holder| holder.fd) {
            found.sort_unstable_by_key(|holder| holder.fd);
        }
        match forbidden {
            Some(error) => Err(error),
            None => Ok(fds),
        }
    }
}

/// Whether a task has any descriptors at all.
enum Fds {
    /// It has.
    Some,
    /// It has none.
    None,
}
