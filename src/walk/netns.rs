//! Distinguishes network namespaces. In: tasks, one after the other, from several threads and in any order. Out: an id for
//! the namespace of each, and the tasks through which its tables can be opened; at the end the ids follow the order of
//! the first tasks. It opens no table.
//!
//! The link PID/ns/net names the namespace but needs the right to read the process. The inode number of PID/net/tcp also
//! differs between namespaces, and everybody may ask for it, at twice the price. So the link is read first, and the
//! table file of a known namespace only when a process without that right has to be assigned.

use std::io;

use crate::collections::sort::in_order;
use crate::proc::{NetnsId, Proc, Task, inode_in_link};

/// PID/net/tcp of a namespace, as far as it was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TableFile {
    /// It was not asked for.
    NotRead,
    /// Its file system and inode number.
    Is(u64, u64),
    /// It could not be read.
    Unavailable,
}

impl TableFile {
    /// Reads what PID/net/tcp is for `task`. If that table is missing, which never happens in a real proc, the folder
    /// net takes its place.
    fn read(proc: &Proc, task: Task) -> Self {
        let stat = proc.stat(task, "net/tcp");
        let stat = stat.or_else(|_| proc.stat(task, "net"));
        stat.map_or(Self::Unavailable, |stat| Self::Is(stat.dev, stat.ino))
    }
}

/// The two keys by which the namespace of a task is recognised.
#[derive(Clone, Copy)]
pub(crate) struct NetnsKeys {
    /// The number in `net:[4026531840]`, if it may be read.
    inode: Option<u32>,
    /// PID/net/tcp, if the number may not be read.
    table_file: TableFile,
}

impl NetnsKeys {
    /// Reads the keys of `task`.
    pub(crate) fn read(proc: &Proc, task: Task) -> Self {
        let mut link = [0; 32];
        let link = proc.read_link(task, "ns/net", &mut link).ok();
        let inode = link.and_then(|link| inode_in_link(link, b"net"));
        let table_file = match inode {
            Some(_) => TableFile::NotRead,
            None => TableFile::read(proc, task),
        };
        Self { inode, table_file }
    }
}

/// A network namespace that some visible task is in.
pub(crate) struct Netns {
    /// The number in `net:[4026531840]`; `None` if the link of no member may be read.
    pub(crate) inode: Option<u32>,
    /// PID/net/tcp of its members.
    table_file: TableFile,
    /// Its tasks, as far as they were met; its tables can be opened through any of them that still lives.
    pub(crate) members: Vec<Task>,
    /// Number of members that are selected.
    pub(crate) selected: usize,
    /// Number of members that are not selected.
    pub(crate) others: usize,
    /// True if its tables have been read.
    pub(crate) is_loaded: bool,
    /// True if its sockets are selected.
    pub(crate) is_selected: bool,
}

impl Netns {
    /// Returns its members.
    pub(crate) fn members(&self) -> impl Iterator<Item = Task> + '_ {
        self.members.iter().copied()
    }

    /// Returns PID/net/tcp of its members, which it reads the first time.
    fn table_file(&mut self, proc: &Proc) -> TableFile {
        if self.table_file == TableFile::NotRead {
            let file = self
                .members()
                .map(|member| TableFile::read(proc, member))
                .find(|file| *file != TableFile::Unavailable);
            self.table_file = file.unwrap_or(TableFile::Unavailable);
        }
        self.table_file
    }
}

/// The network namespaces that were met.
#[derive(Default)]
pub(crate) struct Namespaces {
    /// By id.
    all: Vec<Netns>,
    /// Index of the last task's namespace, because neighbours are often in the same one.
    last: usize,
    /// True if only some are selected.
    is_narrowed: bool,
}

impl Namespaces {
    /// Returns all namespaces with their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NetnsId, &Netns)> {
        self.all
            .iter()
            .enumerate()
            .filter_map(|(at, netns)| Some((NetnsId(u16::try_from(at).ok()?), netns)))
    }

    /// Returns the ids of the namespaces for which `wanted` holds.
    pub(crate) fn ids(&self, wanted: impl Fn(&Netns) -> bool) -> Vec<NetnsId> {
        self.iter()
            .filter(|(_, netns)| wanted(netns))
            .map(|(id, _)| id)
            .collect()
    }

    /// Returns the namespace `id`.
    pub(crate) fn get(&self, id: NetnsId) -> Option<&Netns> {
        self.all.get(usize::from(id.0))
    }

    /// Returns the namespace `id`, to be changed.
    pub(crate) fn get_mut(&mut self, id: NetnsId) -> Option<&mut Netns> {
        self.all.get_mut(usize::from(id.0))
    }

    /// Selects the namespaces that `wanted` names, each by its inode or by a process in it; all if it is empty. Returns
    /// false if any of them was not met.
    pub(crate) fn select(&mut self, proc: &Proc, wanted: &[u32]) -> bool {
        if wanted.is_empty() {
            return true;
        }
        self.is_narrowed = true;
        for netns in &mut self.all {
            netns.is_selected = false;
        }
        let mut are_met = true;
        for number in wanted {
            let task = Task {
                pid: *number,
                tid: 0,
            };
            let by_process = self.find(proc, task);
            let mut is_met = false;
            for (netns, id) in self.all.iter_mut().zip(0..) {
                if netns.inode == Some(*number) || by_process == Some(NetnsId(id)) {
                    netns.is_selected = true;
                    is_met = true;
                }
            }
            are_met &= is_met;
        }
        are_met
    }

    /// Finds the namespaces of all processes; with `of_threads` also those that only a thread is in, as it costs a call for
    /// each thread to learn. `buffer` is scratch space.
    ///
    /// # Errors
    /// errno of listing the processes.
    pub(crate) fn find_all(
        &mut self,
        proc: &Proc,
        of_threads: bool,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        let mut threads = Vec::new();
        for pid in proc.pids(buffer)? {
            let process = Task { pid, tid: 0 };
            // A task that has ended has no namespace.
            let home = self.find(proc, process);
            if of_threads && proc.has_threads(process) {
                threads.clear();
                proc.add_threads(process, buffer, &mut threads);
                for thread in &threads {
                    self.add(proc, *thread, NetnsKeys::read(proc, *thread), home);
                }
            }
        }
        Ok(())
    }

    /// Finds the namespace of `task` and adds the task to its members. Returns `None` if the task has none, because it
    /// has ended, and from 65,536 namespaces on.
    pub(crate) fn find(&mut self, proc: &Proc, task: Task) -> Option<NetnsId> {
        self.add(proc, task, NetnsKeys::read(proc, task), None)
    }

    /// Like `find`, for a task whose keys were read before. A thread that is in the namespace of its process, `home`, is not
    /// added to the members, which has them already.
    pub(crate) fn add(
        &mut self,
        proc: &Proc,
        task: Task,
        keys: NetnsKeys,
        home: Option<NetnsId>,
    ) -> Option<NetnsId> {
        let has_inode = |netns: &Netns| keys.inode.is_some() && netns.inode == keys.inode;
        let known = match self.all.get(self.last) {
            Some(netns) if has_inode(netns) => Some(self.last),
            _ => self.all.iter().position(has_inode),
        };
        let at = match known {
            Some(at) => at,
            None => self.find_by_table_file(proc, task, keys)?,
        };
        self.last = at;
        let id = NetnsId(u16::try_from(at).ok()?);
        if home != Some(id) {
            self.all.get_mut(at)?.members.push(task);
        }
        Some(id)
    }

    /// Finds the namespace of `task`, whose inode is not known yet, by its table file, or adds a new one.
    fn find_by_table_file(&mut self, proc: &Proc, task: Task, keys: NetnsKeys) -> Option<usize> {
        let NetnsKeys {
            inode,
            mut table_file,
        } = keys;
        if inode.is_none() && table_file == TableFile::Unavailable {
            return None;
        }
        // Two namespaces with different inodes differ; the file is needed only if one of the two has no known inode.
        let may_be = |netns: &Netns| inode.is_none() || netns.inode.is_none();
        if table_file == TableFile::NotRead && self.all.iter().any(may_be) {
            table_file = TableFile::read(proc, task);
        }
        if let TableFile::Is(..) = table_file {
            let is_it = |netns: &mut Netns| may_be(netns) && netns.table_file(proc) == table_file;
            if let Some(at) = self.all.iter_mut().position(is_it) {
                let netns = self.all.get_mut(at)?;
                netns.inode = netns.inode.or(inode);
                return Some(at);
            }
        }
        self.all.push(Netns {
            inode,
            table_file,
            members: Vec::new(),
            selected: 0,
            others: 0,
            is_loaded: false,
            is_selected: !self.is_narrowed,
        });
        Some(self.all.len() - 1)
    }

    /// Sorts the members, and the namespaces by their first members. Returns the new id of each namespace, by its old
    /// one.
    pub(crate) fn settle(&mut self) -> Vec<NetnsId> {
        for netns in &mut self.all {
            netns.members = in_order(std::mem::take(&mut netns.members), &|task| *task);
        }
        let mut settled = vec![NetnsId(0); self.all.len()];
        let all = self.all.drain(..).enumerate().collect();
        let all = in_order(all, &|(_, netns): &(usize, Netns)| {
            netns.members.first().copied()
        });
        for ((before, netns), number) in all.into_iter().zip(0..) {
            if let Some(settled) = settled.get_mut(before) {
                *settled = NetnsId(number);
            }
            self.all.push(netns);
        }
        self.last = 0;
        settled
    }
}
