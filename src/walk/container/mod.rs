//! The containers that processes are in, without asking a runtime. In: the cgroup of a process, its mounts, what the engines hold
//! open and have on their command lines. Out: the id of the container, its name and its pod; of a process in none, the unit
//! of systemd. All of these files are text that somebody has chosen, so only ids and names of the known shape count.
//!
//! Who may name whom: a process that is root in every way and in no container names pods, by the logs that it has open and
//! the uid that a cgroup tells, if nobody in a container can make that cgroup. Anybody's conmon names the container whose
//! first process is its child. Mounts tell the name that a container has in its own pod, and nothing of others.
//!
//! In reading order: `cgroup` and `mountinfo` tell where a process is, `runtime` what names there are; `names` puts both
//! together; `texts` is a container. `asked` finds what `--container` means.

mod asked;
pub(crate) mod cgroup;
mod id;
pub(crate) mod mountinfo;
mod names;
mod runtime;
mod texts;

use std::io;

use crate::collections::hash::Seed;
use crate::collections::index::Index;
use crate::collections::{to_index, to_u32};
use crate::proc::{NetnsId, Proc, Task, inode_in_link, is_gone};
use crate::text::escape::write_escaped;
use crate::walk::netns::{Namespaces, Netns};
use id::ID_LEN;
use texts::{ID, NAME, NAMESPACE, POD, Source, UID, UNIT};

pub(crate) use runtime::LOGS;
pub(crate) use texts::Container;

/// Number of digits that docker shows.
const SHORT_LEN: usize = 12;
/// Number of members of a namespace whose container is looked up where no socket is shown that nobody holds.
const MEMBERS_MAX: usize = 8;
/// Holds a line of mountinfo; an id in a longer line is not found. As much counts of PID/status and of the arguments of
/// conmon.
const BUFFER_LEN: usize = 8 * 1024;
/// The number of no container.
const NONE: u32 = u32::MAX;
/// This number less the number of an error stands for a process whose container cannot be told, because of that error.
const UNREAD: u32 = NONE - 1;
/// The error of a file that is too large.
const EFBIG: i32 = 27;
/// The most numbers of errors that are told apart.
const ERRORS_MAX: u32 = 4096;

impl Container {
    /// Returns true if it is no container that is known.
    fn is_unknown(&self) -> bool {
        ![ID, UID, NAME].iter().any(|place| self.has(*place))
    }

    /// Returns true if it is in a pod of Kubernetes; podman's have an id of 64 digits.
    fn is_in_pod(&self) -> bool {
        (1..ID_LEN).contains(&self.text(UID).len())
    }

    /// Returns true if both are one: what has an id is it, whatever else is known so far.
    fn is_same(&self, other: &Self) -> bool {
        let by: &[usize] = if self.has(ID) {
            &[ID, UID]
        } else {
            &[ID, UID, NAME, UNIT]
        };
        let is_same = |place: &usize| self.text(*place) == other.text(*place);
        self.source == other.source && by.iter().all(is_same)
    }

    /// Returns the whole id; that of the pod where no other is known.
    pub(crate) fn full_id(&self) -> Option<&[u8]> {
        let id = if self.has(ID) { ID } else { UID };
        Some(self.text(id)).filter(|id| !id.is_empty())
    }

    /// Returns the names of the pod, of its namespace and of the container, and the unit.
    pub(crate) fn names(&self) -> [(&'static str, &[u8]); 4] {
        [
            ("pod", self.text(POD)),
            ("pod_namespace", self.text(NAMESPACE)),
            ("container_name", self.text(NAME)),
            ("unit", self.text(UNIT)),
        ]
    }

    /// Writes the best name: `shop/db-0/db`, the uid of the pod and the name in it, a name, the id as docker shows it; the unit.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let has_id = self.has(ID);
        let places: &[usize] = if self.has(POD) {
            &[NAMESPACE, POD, NAME]
        } else if self.is_in_pod() && (self.has(NAME) || !has_id) {
            &[UID, NAME]
        } else if self.has(NAME) {
            &[NAME]
        } else if has_id {
            &[ID]
        } else {
            &[UID, UNIT]
        };
        let start = out.len();
        for place in places.iter().filter(|place| self.has(**place)) {
            if out.len() > start {
                out.push(b'/');
            }
            // An id of docker's form is shown by its first digits.
            let text = self.text(*place);
            let len = if text.len() == ID_LEN && *place <= UID {
                SHORT_LEN
            } else {
                text.len()
            };
            write_escaped(out, text.get(..len).unwrap_or_default());
        }
    }
}

/// The containers of the processes and namespaces that were looked at.
#[derive(Default)]
pub(crate) struct Containers {
    /// All containers, each once, and other places where processes are.
    all: Vec<Container>,
    /// Their numbers, by the hash of their keys.
    by_key: Index,
    /// The seed of hashes.
    seed: Seed,
    /// Process ids, each with the number of where it is.
    processes: Vec<(u32, u32)>,
    /// Their places, by the process id.
    by_pid: Index,
    /// The numbers of the containers of namespaces, by their id; `NONE` for a namespace with processes outside of any, or of
    /// several that are not of one pod.
    namespaces: Vec<u32>,
    /// The number of the container that this program is in.
    own: Option<u32>,
    /// What the mounts of mount namespaces tell: it is read once.
    mounts: Vec<Container>,
    /// Their numbers, by the inode of the mount namespace.
    by_mount_ns: Index,
    /// How often a container was compared with another.
    #[cfg(test)]
    looks: std::sync::atomic::AtomicUsize,
    /// The words that were asked for and mean no container.
    missing: Vec<Vec<u8>>,
}

impl Containers {
    /// Finds the containers of all processes, with their names.
    pub(crate) fn of_all(proc: &Proc, buffer: &mut [u8]) -> Self {
        let mut containers = Self::default();
        // Where the processes cannot be listed, the walk says so.
        for pid in proc.pids(buffer).unwrap_or_default() {
            containers.find(proc, pid, buffer);
        }
        containers.find_own(proc, buffer);
        containers.find_names(proc, None, buffer);
        containers
    }

    /// Finds the containers of `pids`, and of `namespaces`, with their names. `logs` are the descriptors of all processes that are
    /// logs of pods, if the walk has visited all.
    pub(crate) fn load(
        &mut self,
        proc: &Proc,
        pids: impl Iterator<Item = u32>,
        namespaces: &Namespaces,
        all_members: bool,
        logs: Option<&[(u32, u32)]>,
    ) {
        let mut buffer = [0; BUFFER_LEN];
        for pid in pids {
            self.find(proc, pid, &mut buffer);
        }
        self.find_own(proc, &mut buffer);
        for (_, netns) in namespaces.iter() {
            // Where some are not selected all have been looked up before.
            let most = if all_members || netns.others > 0 {
                usize::MAX
            } else {
                MEMBERS_MAX
            };
            let number = self.find_around(proc, netns, most, &mut buffer);
            self.namespaces.push(number);
        }
        self.find_names(proc, logs, &mut buffer);
    }

    /// Finds the container that this program is in.
    fn find_own(&mut self, proc: &Proc, buffer: &mut [u8]) {
        let own = proc.own_pid().map(|pid| self.find(proc, pid, buffer));
        self.own = own.filter(|number| self.get(*number).is_some());
    }

    /// Finds the container that has `netns` to itself, or the pod whose containers share it, as the first `most` members tell.
    fn find_around(&mut self, proc: &Proc, netns: &Netns, most: usize, buffer: &mut [u8]) -> u32 {
        let own_pid = proc.own_pid();
        // This program, such as a sidecar, looks into a namespace and says nothing of whose it is; nor does a thread,
        // such as one of the engine, where whole processes are.
        let has_processes = netns.members().any(|task| task.tid == 0);
        let members = netns
            .members()
            .filter(|task| Some(task.pid) != own_pid && (task.tid == 0 || !has_processes));
        let mut around: Option<Container> = None;
        for task in members.take(most) {
            let number = self.find(proc, task.pid, buffer);
            // A member outside of every container, such as one that entered by nsenter, makes it no container's own; those of podman's
            // that forward a port to it do not.
            let Some(container) = self.get(number) else {
                let line = proc.read_file(task, "cmdline", buffer);
                if line.is_ok_and(|line| line.starts_with(b"rootlessport")) {
                    continue;
                }
                return NONE;
            };
            around = match around {
                None => Some(container.clone()),
                Some(known) if known.is_same(container) => Some(known),
                Some(known) if known.has(UID) && known.text(UID) == container.text(UID) => {
                    let mut pod = Container::of(&[(UID, known.text(UID))]);
                    pod.source = known.source;
                    Some(pod)
                }
                Some(_) => return NONE,
            };
        }
        around.map_or(NONE, |container| self.number(container))
    }

    /// Returns the number of where process `pid` is, which is looked up the first time. `buffer` is scratch space.
    fn find(&mut self, proc: &Proc, pid: u32, buffer: &mut [u8]) -> u32 {
        if let Some(known) = self.number_of(pid) {
            return known;
        }
        let number = self.look_around(proc, Task::process(pid), buffer);
        self.by_pid.push(pid, to_u32(self.processes.len()));
        self.processes.push((pid, number));
        number
    }

    /// Returns the number of where process `pid` is, if that was looked up.
    pub(crate) fn number_of(&self, pid: u32) -> Option<u32> {
        let place = self.by_pid.find(pid).next()?;
        let known = self.processes.get(to_index(place));
        known.map(|(_, number)| *number)
    }

    /// Returns the number of `container`, which is a new one if it has not been met before.
    fn number(&mut self, container: Container) -> u32 {
        let hash = self.seed.hash_bytes(container.key());
        let same = self.same(hash, &self.by_key, &|known| known.is_same(&container));
        if let Some(known) = same.and_then(|number| self.all.get_mut(to_index(number))) {
            known.take(&[NAME, POD, NAMESPACE], &container);
        }
        same.unwrap_or_else(|| {
            let number = to_u32(self.all.len());
            self.all.push(container);
            self.by_key.push(hash, number);
            number
        })
    }

    /// Returns the number of the first container under `hash` in `index` for which `is_it` holds.
    fn same(&self, hash: u32, index: &Index, is_it: &dyn Fn(&Container) -> bool) -> Option<u32> {
        index.find(hash).find(|number| {
            #[cfg(test)]
            self.looks
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.all.get(to_index(*number)).is_some_and(is_it)
        })
    }

    /// Returns the container of this number.
    fn get(&self, number: u32) -> Option<&Container> {
        let container = self.all.get(to_index(number))?;
        Some(container).filter(|container| !container.is_unknown())
    }

    /// Returns the number of the container that `task` is in, which is not remembered. `buffer` is scratch space.
    pub(crate) fn look(&mut self, proc: &Proc, task: Task, buffer: &mut [u8]) -> Option<u32> {
        let number = self.look_around(proc, task, buffer);
        self.get(number).map(|_| number)
    }

    /// Looks at where `task` is. `buffer` is scratch space.
    ///
    /// A container has no cgroup of its own name where the engine may make none (rootless on cgroup v1,
    /// `--cgroups=disabled`), and in a cgroup namespace of its own it appears as `/`, or as a service within it. Then the
    /// files count that the engine mounts into it, because they lie in a folder with its name. The pod that such a file names is
    /// believed where the cgroup says the same, or nothing.
    fn look_around(&mut self, proc: &Proc, task: Task, buffer: &mut [u8]) -> u32 {
        // A kernel without cgroups has no such file.
        let len = buffer.len();
        let is_cut = |cgroup: &[u8]| cgroup.len() == len;
        let (cgroup, error) = match proc.read_file(task, "cgroup", buffer) {
            // A file that was cut is an error only if its beginning tells no container.
            Ok(cgroup) if is_cut(cgroup) => (cgroup, Some(io::Error::from_raw_os_error(EFBIG))),
            Ok(cgroup) => (cgroup, None),
            Err(error) => (&[][..], Some(error).filter(|error| !is_gone(error))),
        };
        let (mut container, is_blank) = cgroup::parse(cgroup);
        let hash = self.seed.hash_bytes(container.key());
        let is_named = |known: &Container| known.is_same(&container) && known.has(NAME);
        let is_named = self.same(hash, &self.by_key, &is_named).is_some();
        if container.is_unknown() {
            let mut mounts = self.mounts(proc, task, buffer);
            if !is_blank {
                mounts.set(UID, b"");
                mounts.set(NAME, b"");
            }
            if !mounts.is_unknown() {
                container = mounts;
                container.source = Source::Mounts;
                container.has_conmon = true;
            }
        } else if container.is_in_pod() && !is_named {
            let mounts = self.mounts(proc, task, buffer);
            if mounts.text(UID) == container.text(UID) {
                container.take(&[NAME], &mounts);
            }
        }
        match error.and_then(|error| error.raw_os_error()) {
            Some(error) if container.is_unknown() => UNREAD - error.unsigned_abs() % ERRORS_MAX,
            _ => self.number(container),
        }
    }

    /// Returns the error because of which it cannot be told where process `pid` is.
    pub(crate) fn error_of(&self, pid: u32) -> Option<io::Error> {
        let error = UNREAD.checked_sub(self.number_of(pid)?)?;
        let error = Some(error).filter(|error| *error < ERRORS_MAX);
        i32::try_from(error?).ok().map(io::Error::from_raw_os_error)
    }

    /// Returns what the mounts of `task` tell.
    fn mounts(&mut self, proc: &Proc, task: Task, buffer: &mut [u8]) -> Container {
        // Only who may read the descriptors of a process may read this link; the mounts everybody may.
        let link = proc.read_link(task, "ns/mnt", buffer).ok();
        let mount_ns = link.and_then(|link| inode_in_link(link, b"mnt"));
        let known = mount_ns.and_then(|inode| self.by_mount_ns.find(inode).next());
        if let Some(mounts) = known.and_then(|number| self.mounts.get(to_index(number))) {
            return mounts.clone();
        }
        let Ok(file) = proc.open_file(task, "mountinfo") else {
            return Container::UNKNOWN.clone();
        };
        let mounts = mountinfo::read(file, buffer);
        if let Some(inode) = mount_ns {
            self.by_mount_ns.push(inode, to_u32(self.mounts.len()));
            self.mounts.push(mounts.clone());
        }
        mounts
    }

    /// Returns the ids of all processes that were looked at, each once.
    pub(crate) fn pids(&self) -> impl Iterator<Item = u32> + '_ {
        self.processes.iter().map(|(pid, _)| *pid)
    }

    /// Returns the container of process `pid`.
    pub(crate) fn of_process(&self, pid: u32) -> Option<&Container> {
        self.get(self.number_of(pid)?)
    }

    /// Returns where process `pid` is: its container, or its unit.
    pub(crate) fn around_process(&self, pid: u32) -> Option<&Container> {
        self.all.get(to_index(self.number_of(pid)?))
    }

    /// Returns the container or the pod that has the namespace `netns` to itself, and so a socket there that nobody holds. What is
    /// held elsewhere, out of sight, is not of the container that this program is in: that one is in sight.
    pub(crate) fn of_netns(&self, netns: NetnsId, is_elsewhere: bool) -> Option<&Container> {
        let number = *self.namespaces.get(usize::from(netns.0))?;
        self.get(number)
            .filter(|_| !is_elsewhere || self.own != Some(number))
    }

    /// Returns true if no process and no namespace is known to be a container's.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.iter().all(Container::is_unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    // Each was compared with all before it.
    #[test]
    fn of_n_containers_pods_and_units_each_is_compared_with_a_few() {
        let proc = Proc::open(Path::new("/proc")).unwrap();
        let mut buffer = [0; BUFFER_LEN];
        for count in [1_000, 8_000] {
            let mut containers = Containers::default();
            for round in 0..2 {
                for number in 0..count {
                    let (id, uid) = (format!("{number:064x}"), format!("{number:036}"));
                    let (id, uid) = (id.as_bytes(), uid.as_bytes());
                    let sandbox = [(UID, uid), (POD, b"db"), (NAMESPACE, b"shop")];
                    for (place, texts) in [
                        &[(ID, id)][..],
                        &[(ID, id), (UID, uid)],
                        &sandbox,
                        &[(UID, uid), (NAME, b"db")],
                        &[(UNIT, id)],
                    ]
                    .into_iter()
                    .enumerate()
                    {
                        let known = containers.number(Container::of(texts));
                        assert_eq!(known, to_u32(5 * number + place), "{round}");
                    }
                    // The same pod, as far as its cgroup tells.
                    let pod = containers.number(Container::of(&[(UID, uid)]));
                    assert_eq!(pod, to_u32(5 * number + 2));
                }
            }
            containers.find_names(&proc, Some(&[]), &mut buffer);
            assert!(containers.looks.into_inner() <= 16 * count, "{count}");
            let named = containers.all.iter().filter(|known| known.has(POD));
            assert_eq!(named.count(), 3 * count);
        }
    }
}
