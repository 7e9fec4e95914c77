//! The container that a process is in, without asking a runtime. In: the cgroup of a process, else its mounts. Out: the
//! id of the container. Both files are text chosen by whoever set up the container, so only ids of the known shape count:
//! 64 hexadecimal digits, or the uid of a pod.

use std::io::Read;

use crate::proc::{NetnsId, Proc, Task};
use crate::text::records::Records;
use crate::walk::netns::Namespaces;

/// Length of the container ids of docker, containerd, cri-o and podman.
const ID_LEN: usize = 64;
/// Length of the uid of a pod, the shortest id.
const UID_LEN: usize = 36;
/// Number of digits that docker shows.
const SHORT_LEN: usize = 12;
/// Number of members of a namespace whose container is looked up.
const MEMBERS_MAX: usize = 8;
/// Holds a line of mountinfo; an id in a longer line is not found.
const BUFFER_LEN: usize = 8 * 1024;

/// The id of a container, or the uid of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContainerId {
    /// The text, zeros behind it.
    bytes: [u8; ID_LEN],
    /// Length of the text.
    len: usize,
}

impl ContainerId {
    /// Returns `text`, which is no longer than an id, as an id.
    fn new(text: &[u8]) -> Self {
        let mut bytes = [0; ID_LEN];
        bytes
            .iter_mut()
            .zip(text)
            .for_each(|(to, from)| *to = *from);
        Self {
            bytes,
            len: text.len().min(ID_LEN),
        }
    }

    /// Returns the whole text.
    pub(crate) fn full(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Returns the digits that docker shows; the whole uid of a pod.
    pub(crate) fn short(&self) -> &[u8] {
        let full = self.full();
        if full.len() == ID_LEN {
            full.get(..SHORT_LEN).unwrap_or_default()
        } else {
            full
        }
    }
}

/// The containers of the processes and namespaces that a view shows.
#[derive(Default)]
pub(crate) struct Containers {
    /// Process ids, ascending, with their containers.
    processes: Vec<(u32, Option<ContainerId>)>,
    /// Containers by namespace id; `None` if processes of more than one, or outside of any, are in the namespace.
    namespaces: Vec<Option<ContainerId>>,
}

impl Containers {
    /// Finds the containers of `pids`, which are ascending, and of `namespaces`.
    pub(crate) fn load(
        proc: &Proc,
        pids: impl Iterator<Item = u32>,
        namespaces: &Namespaces,
    ) -> Self {
        let (mut containers, mut buffer) = (Self::default(), [0; BUFFER_LEN]);
        for pid in pids {
            let last = containers.processes.last();
            if last.is_none_or(|(last, _)| *last != pid) {
                let id = find(proc, Task { pid, tid: 0 }, &mut buffer);
                containers.processes.push((pid, id));
            }
        }
        for (_, netns) in namespaces.iter() {
            let mut ids = netns.members().take(MEMBERS_MAX).map(|task| {
                match containers.looked_up(task.pid) {
                    Some((_, id)) => *id,
                    None => find(proc, task, &mut buffer),
                }
            });
            // A member outside of every container, such as one that entered by nsenter, makes it no container's own.
            let first = ids.next().flatten();
            let is_shared = netns.others > 0 || ids.any(|id| id != first);
            containers.namespaces.push(first.filter(|_| !is_shared));
        }
        containers
    }

    /// Returns process `pid` with its container, if that was looked up.
    fn looked_up(&self, pid: u32) -> Option<&(u32, Option<ContainerId>)> {
        let at = self.processes.binary_search_by_key(&pid, |(pid, _)| *pid);
        self.processes.get(at.ok()?)
    }

    /// Returns the container of process `pid`.
    pub(crate) fn of_process(&self, pid: u32) -> Option<&ContainerId> {
        self.looked_up(pid)?.1.as_ref()
    }

    /// Returns the container that has the namespace `netns` to itself.
    pub(crate) fn of_netns(&self, netns: NetnsId) -> Option<&ContainerId> {
        self.namespaces.get(usize::from(netns.0))?.as_ref()
    }

    /// Returns true if no process and no namespace is known to be a container's.
    pub(crate) fn is_empty(&self) -> bool {
        self.processes.iter().all(|(_, id)| id.is_none())
            && self.namespaces.iter().all(Option::is_none)
    }
}

/// Finds the container of `task`; returns `None` if it is in none, or in one that cannot be recognised. `buffer` is scratch
/// space.
///
/// In a cgroup namespace of its own a container appears as `/`. Then the files count that the runtime mounts into it,
/// because they lie in a folder with its name: `/var/lib/docker/containers/ID/hostname`.
pub(crate) fn find(proc: &Proc, task: Task, buffer: &mut [u8]) -> Option<ContainerId> {
    let cgroup = proc.read_file(task, "cgroup", buffer).ok()?;
    let mut lines = cgroup
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    if let Some(id) = lines.clone().find_map(id_in_cgroup) {
        return Some(id);
    }
    if !lines.all(|line| line.ends_with(b":/")) {
        return None;
    }
    id_in_mounts(proc.open_file(task, "mountinfo").ok()?, buffer)
}

/// Parses a line of PID/cgroup (cgroups(7)): `HIERARCHY:CONTROLLERS:PATH`. The innermost component with an id counts.
///
/// ```text
/// 0::/system.slice/docker-54e9….scope
/// 4:memory:/kubepods/besteffort/pod9ba5…/54e9…
/// 0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod9ba5_….slice/cri-containerd-54e9….scope
/// ```
fn id_in_cgroup(line: &[u8]) -> Option<ContainerId> {
    // Most lines are too short to have an id.
    if line.len() < UID_LEN {
        return None;
    }
    let path = line.splitn(3, |byte| *byte == b':').nth(2)?;
    let components = || path.split(|byte| *byte == b'/').rev();
    components()
        .find_map(id_in_component)
        .or_else(|| components().find_map(pod_in_component))
}

/// Parses the id in `54e9…`, `docker-54e9….scope`, `kubepods-….slice:cri-containerd:54e9…`.
fn id_in_component(component: &[u8]) -> Option<ContainerId> {
    let name = component.strip_suffix(b".scope").unwrap_or(component);
    let id = name.rsplit(|byte| matches!(byte, b'-' | b':')).next()?;
    // conmon monitors a container from outside.
    let is_conmon = name.windows(6).any(|part| part == b"conmon");
    (is_id(id) && !is_conmon).then(|| ContainerId::new(id))
}

/// Returns true if `id` is 64 lower-case hexadecimal digits.
fn is_id(id: &[u8]) -> bool {
    id.len() == ID_LEN
        && id
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Parses the uid in `pod9ba5…` or `kubepods-burstable-pod9ba5_….slice`, and writes it with `-`.
fn pod_in_component(component: &[u8]) -> Option<ContainerId> {
    let name = component.strip_suffix(b".slice").unwrap_or(component);
    let at = name.windows(3).rposition(|part| part == b"pod")?;
    let text = name.get(at + 3..)?;
    let mut uid = ContainerId::new(text);
    for byte in uid.bytes.iter_mut().filter(|byte| **byte == b'_') {
        *byte = b'-';
    }
    let is_uid = text.len() == UID_LEN
        && uid
            .full()
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    is_uid.then_some(uid)
}

/// Finds the id in PID/mountinfo (proc(5)): the folder below `containers` or `overlay-containers` in field 4, the root of
/// a mount.
///
/// ```text
/// 612 598 254:1 /var/lib/docker/containers/54e9…/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw
/// ```
fn id_in_mounts(mut mounts: impl Read, buffer: &mut [u8]) -> Option<ContainerId> {
    let mut records = Records::new(&mut mounts, buffer, 0);
    while let Ok(Some(record)) = records.next(None) {
        // (4) root
        let root = record
            .bytes
            .split(|byte| *byte == b' ')
            .nth(3)
            .unwrap_or_default();
        let mut components = root.split(|byte| *byte == b'/');
        while let Some(component) = components.next() {
            if component.ends_with(b"containers")
                && let Some(id) = components.next().and_then(id_in_component)
            {
                return Some(id);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "54e9a2cefd9454e9a2cefd9454e9a2cefd9454e9a2cefd9454e9a2cefd94abcd";
    const POD: &str = "9ba5ee2c-0d3c-4f38-8d0e-2a6d5c1b7f11";

    #[test]
    fn every_runtimes_cgroup_names_its_container() {
        let slice = POD.replace('-', "_");
        let lines = [
            format!("0::/system.slice/docker-{ID}.scope"),
            format!("4:memory:/docker/{ID}"),
            format!("0::/../../docker/{ID}"),
            format!("0::/machine.slice/libpod-{ID}.scope/container"),
            format!("5:cpu,cpuacct:/kubepods/besteffort/pod{POD}/{ID}"),
            format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{slice}.slice/cri-containerd-{ID}.scope"
            ),
            format!("0::/kubepods.slice/kubepods-pod{slice}.slice/crio-{ID}.scope"),
            format!(
                "1:name=systemd:/system.slice/containerd.service/kubepods-burstable-pod{slice}.slice:cri-containerd:{ID}"
            ),
            format!("0::/docker/{ID}/init.scope"),
        ];
        for line in &lines {
            let id = id_in_cgroup(line.as_bytes()).expect(line);
            assert_eq!(
                (id.full(), id.short()),
                (ID.as_bytes(), &b"54e9a2cefd94"[..]),
                "{line}"
            );
        }
        let pod =
            id_in_cgroup(format!("0::/kubepods.slice/kubepods-pod{slice}.slice/pause").as_bytes())
                .unwrap();
        assert_eq!((pod.full(), pod.short()), (POD.as_bytes(), POD.as_bytes()));
    }

    #[test]
    fn nothing_else_is_an_id() {
        let lines = [
            "0::/".to_owned(),
            "0::/user.slice/user-1000.slice/session-1.scope".to_owned(),
            format!("0::/machine.slice/libpod-conmon-{ID}.scope"),
            format!("0::/docker/{}", &ID[1..]),
            format!("0::/docker/{}", ID.to_uppercase()),
            "0::/kubepods/pod-of-mine".to_owned(),
            "garbage".to_owned(),
        ];
        for line in &lines {
            assert_eq!(id_in_cgroup(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn mounts_name_a_container_that_hides_its_cgroup() {
        let find = |text: &str| id_in_mounts(text.as_bytes(), &mut [0; BUFFER_LEN]);
        let before = "20 1 0:5 / /proc rw - proc proc rw\n";
        for root in [
            "/var/lib/docker/containers",
            "/docker/containers",
            "/containers/storage/overlay-containers",
        ] {
            let text = format!(
                "{before}612 598 254:1 {root}/{ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n"
            );
            assert_eq!(find(&text).unwrap().full(), ID.as_bytes());
        }
        assert_eq!(find(before), None);
        assert_eq!(find(&format!("1 2 3 /home/{ID} /x rw - ext4 x rw\n")), None);
    }
}
