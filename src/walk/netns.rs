//! Tells network namespaces apart, and remembers through which tasks each one's tables can be opened. In: tasks, one
//! after the other. Out: a small number for each one's namespace. It does not open a table.
//!
//! Several threads may meet tasks at once, in any order; at the end the namespaces are put into the order of their first
//! tasks.
//!
//! The link PID/ns/net names the namespace but needs the right to read the process; the inode number of PID/net/tcp
//! differs for each namespace too, and everybody may ask for it, at twice the price. So the link comes first, and the
//! inode number of a known namespace is asked for only when a process without that right has to be placed.

use std::collections::BinaryHeap;

use crate::collections::sort::in_order;
use crate::proc::NetnsId;
use crate::proc::{Proc, Task, inode_in_link};

/// The file system and inode number of PID/net/tcp.
type TableFile = ((u32, u32), u64);

/// What PID/net/tcp of a namespace is, as far as it was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// It was not.
    No,
    /// This file.
    File(TableFile),
    /// It could not be told.
    Unknown,
}

/// A network namespace that some visible task is in.
pub(crate) struct Netns {
    /// The number in `net:[4026531840]`; `None` where no member's link may be read.
    pub(crate) inode: Option<u32>,
    /// What PID/net/tcp of its members is.
    table_file: Asked,
    /// Those of its tasks that were met: whoever is alive opens its tables.
    pub(crate) members: Vec<Task>,
    /// How many of the members are selected.
    pub(crate) selected: usize,
    /// How many are not.
    pub(crate) others: usize,
    /// Whether its tables have been read.
    pub(crate) is_loaded: bool,
    /// Whether its sockets are selected.
    pub(crate) is_selected: bool,
}

/// The network namespaces that were met.
#[derive(Default)]
pub(crate) struct Namespaces {
    /// By number.
    all: Vec<Netns>,
    /// Where the last task was found, because neighbours are often in the same.
    last: usize,
}

/// The number in `net:[4026531840]` of `task`, where it may be read.
pub(crate) fn read_inode(proc: &Proc, task: Task) -> Option<u32> {
    let mut link = [0; 32];
    let link = proc.read_link(task, "ns/net", &mut link).ok()?;
    inode_in_link(link, b"net")
}

/// What a task tells of its namespace.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    /// The number in `net:[4026531840]`, where it may be read.
    inode: Option<u32>,
    /// What PID/net/tcp is, where the number may not.
    table_file: Asked,
}

impl Told {
    /// Asks `task`.
    pub(crate) fn by(proc: &Proc, task: Task) -> Self {
        let inode = read_inode(proc, task);
        let table_file = match inode {
            Some(_) => Asked::No,
            None => table_file(proc, task),
        };
        Self { inode, table_file }
    }
}

/// What PID/net/tcp is for `task`. Where that table is missing, the folder stands for it: in a real proc it never is.
fn table_file(proc: &Proc, task: Task) -> Asked {
    let stat = proc
        .stat(task, "net/tcp")
        .or_else(|_| proc.stat(task, "net"));
    stat.map_or(Asked::Unknown, |stat| Asked::File((stat.dev, stat.ino)))
}

impl Netns {
    /// Returns its members.
    pub(crate) fn members(&self) -> impl Iterator<Item = Task> + '_ {
        self.members.iter().copied()
    }

    /// What PID/net/tcp of its members is.
    fn table_file(&mut self, proc: &Proc) -> Asked {
        if self.table_file == Asked::No {
            let mut files = self.members.iter().map(|member| table_file(proc, *member));
            self.table_file = files
                .find(|file| *file != Asked::Unknown)
                .unwrap_or(Asked::Unknown);
        }
        self.table_file
    }
}

impl Namespaces {
    /// All that were met, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NetnsId, &Netns)> {
        self.all
            .iter()
            .enumerate()
            .filter_map(|(at, netns)| Some((NetnsId(u16::try_from(at).ok()?), netns)))
    }

    /// Selects those that `wanted` names by their inode or by a process in them; all if it names none.
    pub(crate) fn select(&mut self, proc: &Proc, wanted: &[u32]) {
        if wanted.is_empty() {
            return;
        }
        let found = |wanted: &u32| {
            self.find(
                proc,
                Task {
                    pid: *wanted,
                    tid: 0,
                },
            )
        };
        let by_process: Vec<NetnsId> = wanted.iter().filter_map(found).collect();
        for (netns, number) in self.all.iter_mut().zip(0..) {
            let is_named = netns.inode.is_some_and(|inode| wanted.contains(&inode));
            netns.is_selected = is_named || by_process.contains(&NetnsId(number));
        }
    }

    /// The namespace `id`, to note something about it.
    pub(crate) fn get_mut(&mut self, id: NetnsId) -> Option<&mut Netns> {
        self.all.get_mut(usize::from(id.0))
    }

    /// The numbers of those that `wanted` tells.
    pub(crate) fn ids(&self, wanted: impl Fn(&Netns) -> bool) -> Vec<NetnsId> {
        self.iter()
            .filter(|(_, netns)| wanted(netns))
            .map(|(id, _)| id)
            .collect()
    }

    /// The namespace `id`.
    pub(crate) fn get(&self, id: NetnsId) -> Option<&Netns> {
        self.all.get(usize::from(id.0))
    }

    /// Finds the namespace of `task` and counts it among the members; `None` where the task has none, which is so for
    /// one that has ended, and past 65,535 namespaces.
    pub(crate) fn find(&mut self, proc: &Proc, task: Task) -> Option<NetnsId> {
        self.add(proc, task, Told::by(proc, task))
    }

    /// The same, with what `task` has told.
    pub(crate) fn add(&mut self, proc: &Proc, task: Task, told: Told) -> Option<NetnsId> {
        let is_it = |netns: &Netns| told.inode.is_some() && netns.inode == told.inode;
        let at = match self.all.get(self.last) {
            Some(netns) if is_it(netns) => Some(self.last),
            _ => self.all.iter().position(is_it),
        };
        let at = match at {
            Some(at) => at,
            None => self.place(proc, task, told)?,
        };
        self.last = at;
        self.all.get_mut(at)?.members.push(task);
        Some(NetnsId(u16::try_from(at).ok()?))
    }

    /// Finds the namespace of `task` by its tables, or makes a new one.
    fn place(&mut self, proc: &Proc, task: Task, told: Told) -> Option<usize> {
        let (inode, mut file) = (told.inode, told.table_file);
        if inode.is_none() && file == Asked::Unknown {
            return None;
        }
        // A namespace with another number is another one; only those without a number have to be asked for their file.
        if inode.is_none() || self.all.iter().any(|netns| netns.inode.is_none()) {
            if file == Asked::No {
                file = table_file(proc, task);
            }
            let may_be = |netns: &Netns| inode.is_none() || netns.inode.is_none();
            for (at, netns) in self
                .all
                .iter_mut()
                .enumerate()
                .filter(|(_, netns)| may_be(netns))
            {
                if file != Asked::Unknown && netns.table_file(proc) == file {
                    netns.inode = netns.inode.or(inode);
                    return Some(at);
                }
            }
        }
        self.all.push(Netns {
            inode,
            table_file: file,
            members: Vec::new(),
            selected: 0,
            others: 0,
            is_loaded: false,
            is_selected: true,
        });
        Some(self.all.len() - 1)
    }
    /// Puts the members in order, and the namespaces into that of their first members; gives for each number that was
    /// in use the new one.
    pub(crate) fn settle(&mut self) -> Vec<NetnsId> {
        for netns in &mut self.all {
            if !netns.members.is_sorted() {
                let members = netns.members.iter().map(|task| (task.pid, task.tid));
                let members = members.collect::<BinaryHeap<_>>().into_sorted_vec();
                let task = |(pid, tid)| Task { pid, tid };
                netns.members = members.into_iter().map(task).collect();
            }
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
