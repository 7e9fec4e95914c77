//! Distinguishes network namespaces. In: tasks, one after the other, from several threads and in any order. Out: an id for
//! the namespace of each, and the tasks through which its tables can be opened; at the end the ids follow the order of
//! the first tasks. It opens no table.
//!
//! The link PID/ns/net names the namespace but needs the right to read the process. The inode number of PID/net/tcp also
//! differs between namespaces, and everybody may ask for it, at twice the price. So the link is read first, and the
//! table file of a known namespace only when a process without that right has to be assigned.

use std::io;

use crate::collections::index::Index;
use crate::collections::sort::in_order;
use crate::collections::{to_index, to_u32};
use crate::proc::{NetnsId, Proc, Task, inode_in_link};

/// The number of the PID namespace of the machine.
const MACHINES_PIDNS: u32 = 0xefff_fffc;

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
    /// Returns a number by which to look for it.
    fn key(self) -> Option<u32> {
        match self {
            Self::Is(_, inode) => u32::try_from(inode & u64::from(u32::MAX)).ok(),
            Self::NotRead | Self::Unavailable => None,
        }
    }

    /// Reads what PID/net/tcp is for `task`. If that table is missing, which never happens in a real proc, the folder
    /// net takes its place.
    fn read(proc: &Proc, task: Task) -> Self {
        let stat = proc.stat(task, "net/tcp");
        // Of a process whose main thread has exited the folder alone is there.
        let stat = match stat {
            Err(_) if !proc.is_live() => proc.stat(task, "net"),
            stat => stat,
        };
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
    /// Twice the id under the inode, and one more under the table file: a task costs the same however many there are.
    by_key: Index,
    /// How many namespaces `by_key` has room for.
    room: usize,
    /// How many of the first namespaces were asked for their table file.
    asked: usize,
    /// True if the inode of some is not known.
    some_nameless: bool,
    /// How often a namespace was looked at.
    #[cfg(test)]
    looks: u32,
    /// Index of the last task's namespace, because neighbours are often in the same one.
    last: usize,
    /// True if only some are selected.
    is_narrowed: bool,
    /// How many of those that are selected were not met.
    pub(crate) unmet: usize,
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
        self.unmet = 0;
        for number in wanted {
            let task = Task::process(*number);
            // Where the main thread has exited, the first of the others stands for the process.
            let by_process = self.find(proc, task).or_else(|| {
                let is_its = |netns: &Netns| netns.members().any(|task| task.pid == *number);
                self.iter()
                    .find(|(_, netns)| is_its(netns))
                    .map(|found| found.0)
            });
            let mut is_met = false;
            for (netns, id) in self.all.iter_mut().zip(0..) {
                if netns.inode == Some(*number) || by_process == Some(NetnsId(id)) {
                    netns.is_selected = true;
                    is_met = true;
                }
            }
            self.unmet += usize::from(!is_met);
        }
        self.unmet == 0
    }

    /// Returns the inode of the host's own network namespace, that of the first process of the machine; `None` where this proc does
    /// not show the machine's processes, or the namespace was not met. The PID namespace of the machine has a number of its own
    /// (`include/linux/proc_ns.h`: `PROC_PID_INIT_INO`).
    pub(crate) fn host(&mut self, proc: &Proc) -> Option<u32> {
        let is_machines = |pid: &u32| {
            let (task, mut link) = (Task::process(*pid), [0; 32]);
            let link = proc.read_link(task, "ns/pid", &mut link).ok();
            link.and_then(|link| inode_in_link(link, b"pid")) == Some(MACHINES_PIDNS)
        };
        // A captured tree need not have a first process.
        let has_first = |netns: &Netns| netns.members().any(|task| task.pid == 1);
        if !proc.is_live() && !self.all.iter().any(has_first) {
            return None;
        }
        // This program may always read its own link; proc shows it only if its PID namespace is proc's, or is within it.
        [Some(1), proc.own_pid()]
            .into_iter()
            .flatten()
            .find(is_machines)?;
        let keys = NetnsKeys::read(proc, Task::process(1));
        if keys.inode.is_some() {
            return keys.inode;
        }
        let mut all = self.all.iter_mut();
        all.find_map(|netns| {
            let is_it = netns.table_file(proc) == keys.table_file;
            netns.inode.filter(|_| is_it)
        })
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
            let process = Task::process(pid);
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
        let at = match keys.inode.and_then(|inode| self.find_by_inode(inode)) {
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

    /// Finds the namespace with this inode.
    fn find_by_inode(&mut self, inode: u32) -> Option<usize> {
        let is_it = |netns: &Netns| netns.inode == Some(inode);
        if self.all.get(self.last).is_some_and(is_it) {
            return Some(self.last);
        }
        self.find_by_key(inode, &is_it)
    }

    /// Finds the first namespace under `key` for which `is_it` holds.
    fn find_by_key(&mut self, key: u32, is_it: &dyn Fn(&Netns) -> bool) -> Option<usize> {
        let mut places = self.by_key.find(key).map(|number| to_index(number / 2));
        places.find(|place| {
            #[cfg(test)]
            {
                self.looks += 1;
            }
            self.all.get(*place).is_some_and(is_it)
        })
    }

    /// Notes that a key of the namespace at `at` is known by now: its inode, or its table file.
    fn index(&mut self, at: usize, is_file: bool) {
        if at < self.room {
            return self.insert(at, is_file);
        }
        self.room = 16 + 2 * at;
        self.by_key = Index::with_room(2 * self.room);
        for at in 0..self.all.len() {
            self.insert(at, false);
            self.insert(at, true);
        }
    }

    /// Inserts a key of the namespace at `at`, if it is known.
    fn insert(&mut self, at: usize, is_file: bool) {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        let netns = self.all.get(at);
        let key = match netns.map(|netns| (netns.inode, netns.table_file)) {
            Some((_, file)) if is_file => file.key(),
            Some((inode, _)) => inode,
            None => None,
        };
        if let Some(key) = key {
            self.by_key.insert(key, 2 * to_u32(at) + u32::from(is_file));
        }
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
        if table_file == TableFile::NotRead && self.some_nameless {
            table_file = TableFile::read(proc, task);
        }
        if let Some(key) = table_file.key() {
            while inode.is_none() && self.asked < self.all.len() {
                let netns = self.all.get_mut(self.asked)?;
                let is_new = netns.table_file == TableFile::NotRead;
                if is_new && netns.table_file(proc) != TableFile::Unavailable {
                    self.index(self.asked, true);
                }
                self.asked += 1;
            }
            let is_it = |netns: &Netns| may_be(netns) && netns.table_file == table_file;
            if let Some(at) = self.find_by_key(key, &is_it) {
                let netns = self.all.get_mut(at)?;
                if netns.inode.is_none() && inode.is_some() {
                    netns.inode = inode;
                    self.index(at, false);
                }
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
        self.some_nameless |= inode.is_none();
        let at = self.all.len() - 1;
        // Where there is no room, `index` inserts both keys anew with all others.
        let has_room = at < self.room;
        self.index(at, false);
        if has_room {
            self.index(at, true);
        }
        Some(at)
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
        // The ids have changed, so all keys are inserted anew.
        (self.room, self.asked) = (0, 0);
        if let Some(last) = self.all.len().checked_sub(1) {
            self.index(last, false);
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    // Every task was compared with every namespace.
    #[test]
    fn each_of_n_tasks_in_n_namespaces_costs_a_few_steps() {
        // Of tasks that are not there nothing is read.
        let proc = Proc::open(Path::new("/proc")).unwrap();
        for len in [1_000, 16_000] {
            for is_readable in [true, false] {
                let mut namespaces = Namespaces::default();
                let task = |number| Task::process(u32::MAX - number);
                let keys = |number| NetnsKeys {
                    inode: is_readable.then_some(number),
                    table_file: TableFile::Is(1, number.into()),
                };
                for _ in 0..2 {
                    for number in (0..len).rev() {
                        let id = namespaces.add(&proc, task(number), keys(number), None);
                        assert_eq!(id.map(|id| u32::from(id.0)), Some(len - 1 - number));
                    }
                }
                let bound = 16 * len;
                assert!(namespaces.looks < bound, "{} of {bound}", namespaces.looks);
                // What is found keeps its number by the order of the tasks.
                assert_eq!(namespaces.settle().first(), Some(&NetnsId(0)));
                let first = namespaces.add(&proc, task(0), keys(0), None);
                assert_eq!(first, Some(NetnsId(u16::try_from(len - 1).unwrap())));
            }
        }
    }

    // A namespace that was met without the right to its name gets that from the next task, and stays one.
    #[test]
    fn a_namespace_is_one_whichever_of_its_keys_a_task_has() {
        let proc = Proc::open(Path::new("/proc")).unwrap();
        let mut namespaces = Namespaces::default();
        let file = |inode| TableFile::Is(1, inode);
        let (a, b) = (file(7), file(7 + (1 << 32)));
        let mut add = |inode, table_file| {
            let task = Task::process(u32::MAX);
            let keys = NetnsKeys { inode, table_file };
            namespaces.add(&proc, task, keys, None).map(|id| id.0)
        };
        assert_eq!(add(None, a), Some(0));
        assert_eq!(add(None, b), Some(1));
        assert_eq!(add(Some(90), b), Some(1));
        assert_eq!(add(Some(91), file(8)), Some(2));
        assert_eq!(add(Some(90), TableFile::NotRead), Some(1));
        assert_eq!(add(None, file(8)), Some(2));
        assert_eq!(add(Some(92), a), Some(0));
        assert_eq!(add(None, TableFile::Unavailable), None);
    }
}
