//! Names of the containers that were found. In: the containers, and the processes of engines. Out: the names, where who tells
//! them may. A process may that is root's in every way and in no container but the one that this program is in, whoever
//! else it names; any other conmon may name the container whose first process is its child, and no pod.

use crate::collections::index::Index;
use crate::collections::to_index;
use crate::proc::{Proc, Task};
use crate::walk::container::Containers;
use crate::walk::container::runtime::{Origin, has_comm, monitored, pod_in_link};
use crate::walk::container::texts::{Container, ID, NAME, NAMESPACE, POD, Source, UID};
use crate::walk::fds::FdDir;

/// The most ancestors of a process that are looked at.
const ANCESTORS_MAX: usize = 64;
/// Holds the path of a log: a name has 63 bytes, or 253.
const LINK_LEN_MAX: usize = 1024;

/// Returns true if the name of a container's pod is missing, and may be found.
fn is_nameless(container: &Container) -> bool {
    !container.has(POD) && container.source != Source::Mounts && container.is_in_pod()
}

impl Containers {
    /// Finds the names of all containers that have none yet. `logs` are all descriptors that are logs of pods, each behind its
    /// process; without them they are looked for. `buffer` is scratch space.
    pub(super) fn find_names(
        &mut self,
        proc: &Proc,
        logs: Option<&[(u32, u32)]>,
        buffer: &mut [u8],
    ) {
        for (pid, number) in self.processes.clone() {
            let known = self.all.get(to_index(number));
            if known.is_some_and(|known| known.has_conmon && !known.has(NAME) && !known.has(POD)) {
                self.ask_conmon(proc, pid, number, buffer);
            }
        }
        if self.all.iter().any(is_nameless) {
            let found = logs.map_or_else(|| find_logs(proc, buffer), <[_]>::to_vec);
            self.read_logs(proc, &found, buffer);
        }
        // A container of the pod, such as its sandbox, has told the names of the pod for all, or its logs have.
        let mut pods = Index::with_room(self.all.len());
        for (pod, number) in self.all.iter().zip(0..) {
            if pod.has(POD) {
                pods.insert(self.seed.hash_bytes(pod.text(UID)), number);
            }
        }
        for number in 0..self.all.len() {
            let known = self.all.get(number).filter(|known| is_nameless(known));
            let Some(container) = known else { continue };
            let is_its = |pod: &Container| pod.text(UID) == container.text(UID);
            let hash = self.seed.hash_bytes(container.text(UID));
            let pod = self.same(hash, &pods, &is_its).map(to_index);
            let pod = pod.and_then(|pod| self.all.get(pod)).cloned();
            if let (Some(pod), Some(container)) = (pod, self.all.get_mut(number)) {
                container.take(&[POD, NAMESPACE], &pod);
            }
        }
    }

    /// Returns true if process `pid` may name whatever it names.
    fn may_name(&mut self, proc: &Proc, pid: u32, buffer: &mut [u8]) -> bool {
        let number = self.find(proc, pid, buffer);
        (self.get(number).is_none() || self.own == Some(number))
            && Origin::read(proc, pid, buffer).is_root
    }

    /// Asks the conmon of container `number`, in which process `pid` is: the parent of the topmost of its ancestors there.
    fn ask_conmon(&mut self, proc: &Proc, mut pid: u32, number: u32, buffer: &mut [u8]) {
        for _ in 0..ANCESTORS_MAX {
            pid = Origin::read(proc, pid, buffer).parent;
            if pid == 0 || self.find(proc, pid, buffer) != number {
                break;
            }
        }
        let task = Task::process(pid);
        if pid == 0 || !has_comm(proc, task, b"conmon", false) {
            return;
        }
        let may_name = self.may_name(proc, pid, buffer);
        let line = proc.read_file(task, "cmdline", buffer).unwrap_or_default();
        let known = monitored(line);
        if let Some(container) = self.all.get_mut(to_index(number))
            && container.text(ID) == known.text(ID)
            && (may_name || !known.has(POD))
        {
            container.take(&[NAME, POD, NAMESPACE], &known);
        }
    }

    /// Adds the pods of which containerd has `logs` open.
    fn read_logs(&mut self, proc: &Proc, logs: &[(u32, u32)], buffer: &mut [u8]) {
        let (mut last, mut may_name) = (0, false);
        for &(pid, fd) in logs {
            let task = Task::process(pid);
            if last != pid {
                last = pid;
                may_name =
                    has_comm(proc, task, b"containerd", true) && self.may_name(proc, pid, buffer);
            }
            let mut link = [0; LINK_LEN_MAX];
            if may_name
                && let Ok(link) = proc.read_fd_link(task, fd, &mut link)
                && let Some(pod) = pod_in_link(link)
            {
                self.number(pod);
            }
        }
    }
}

/// Finds the descriptors of all containerd that are logs of pods.
fn find_logs(proc: &Proc, buffer: &mut [u8]) -> Vec<(u32, u32)> {
    let mut logs = Vec::new();
    for pid in proc.pids(buffer).unwrap_or_default() {
        let (task, mut fds) = (Task::process(pid), Vec::new());
        // Of one that may not be read no name is known.
        if has_comm(proc, task, b"containerd", true)
            && let Ok(dir) = FdDir::open(proc, task)
        {
            let _ = dir.read(0..u32::MAX, buffer, &mut Vec::new(), &mut fds);
        }
        logs.extend(fds.into_iter().map(|fd| (pid, fd)));
    }
    logs
}
