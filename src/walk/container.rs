//! The container that a process is in, without asking a runtime. In: its cgroup, else its mounts. Out: the container's
//! id. Both files are text that whoever set up the container chose, so only ids of the known shape are taken: 64
//! hexadecimal digits, or a pod's uid.

use std::io::Read;

use crate::proc::NetnsId;
use crate::proc::{Proc, Task};
use crate::walk::netns::Namespaces;

/// Length of a container id of docker, containerd, cri-o and podman.
const ID_LEN: usize = 64;
/// Length of the uid of a pod, the shortest that there is.
const UID_LEN: usize = 36;
/// As many digits as docker shows.
const SHORT_LEN: usize = 12;
/// So many members of a namespace are asked for their container.
const MEMBERS_MAX: usize = 8;
/// Room for a line of mountinfo; what is longer has no id that counts.
const BUFFER_LEN: usize = 8 * 1024;

/// The id of a container, or the uid of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContainerId {
    /// The text, zeros behind it.
    bytes: [u8; ID_LEN],
    /// How long it is.
    len: usize,
}

impl ContainerId {
    /// `text`, which is no longer than an id.
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

    /// All of it.
    pub(crate) fn full(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// As docker shows it; of a pod all.
    pub(crate) fn short(&self) -> &[u8] {
        let full = self.full();
        if full.len() == ID_LEN {
            full.get(..SHORT_LEN).unwrap_or_default()
        } else {
            full
        }
    }

    /// Whether it starts with one of `prefixes`.
    pub(crate) fn has_prefix(&self, prefixes: &[Vec<u8>]) -> bool {
        prefixes
            .iter()
            .any(|prefix| self.full().starts_with(prefix))
    }
}

/// The containers that a view shows.
#[derive(Default)]
pub(crate) struct Containers {
    /// By process id, ascending.
    processes: Vec<(u32, Option<ContainerId>)>,
    /// By namespace, in their order; those in which only processes of one container live, as far as is seen.
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
            if containers
                .processes
                .last()
                .is_none_or(|(last, _)| *last != pid)
            {
                containers
                    .processes
                    .push((pid, find(proc, Task { pid, tid: 0 }, &mut buffer)));
            }
        }
        for (_, netns) in namespaces.iter() {
            // A process outside of every container, such as one that entered by nsenter, makes it nobody's.
            let mut members = netns.members.iter().take(MEMBERS_MAX);
            let first = members
                .next()
                .and_then(|task| containers.known_or_find(proc, *task, &mut buffer));
            let is_shared = netns.others > 0
                || members.any(|task| containers.known_or_find(proc, *task, &mut buffer) != first);
            containers.namespaces.push(first.filter(|_| !is_shared));
        }
        containers
    }

    /// The container of `task`, from memory if it is there.
    fn known_or_find(&self, proc: &Proc, task: Task, buffer: &mut [u8]) -> Option<ContainerId> {
        match self
            .processes
            .binary_search_by_key(&task.pid, |(pid, _)| *pid)
        {
            Ok(at) => self.processes.get(at).and_then(|(_, id)| *id),
            Err(_) => find(proc, task, buffer),
        }
    }

    /// The container of process `pid`.
    pub(crate) fn of_process(&self, pid: u32) -> Option<&ContainerId> {
        let at = self
            .processes
            .binary_search_by_key(&pid, |(pid, _)| *pid)
            .ok()?;
        self.processes.get(at)?.1.as_ref()
    }

    /// The container whose own namespace `netns` is.
    pub(crate) fn of_netns(&self, netns: NetnsId) -> Option<&ContainerId> {
        self.namespaces.get(usize::from(netns.0))?.as_ref()
    }

    /// Whether any process is known to be in a container.
    pub(crate) fn is_empty(&self) -> bool {
        self.processes.iter().all(|(_, id)| id.is_none())
            && self.namespaces.iter().all(Option::is_none)
    }
}

/// Finds the container of `task`; `None` where it is in none that can be told. Its files are read into `buffer`.
///
/// A cgroup namespace of its own shows its container as `/`. Then the files that the runtime mounts into it tell, for
/// they lie in a folder named after it: `/var/lib/docker/containers/ID/hostname`.
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

/// The id in a line of PID/cgroup (cgroups(7)): `HIERARCHY:CONTROLLERS:PATH`. The innermost component counts.
///
/// ```text
/// 0::/system.slice/docker-54e9….scope
/// 4:memory:/kubepods/besteffort/pod9ba5…/54e9…
/// 0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod9ba5_….slice/cri-containerd-54e9….scope
/// ```
fn id_in_cgroup(line: &[u8]) -> Option<ContainerId> {
    // Most lines are too short to have one.
    if line.len() < UID_LEN {
        return None;
    }
    let path = line.splitn(3, |byte| *byte == b':').nth(2)?;
    let components = || path.split(|byte| *byte == b'/').rev();
    components()
        .find_map(id_in_component)
        .or_else(|| components().find_map(pod_in_component))
}

/// The id in `54e9…`, `docker-54e9….scope`, `kubepods-….slice:cri-containerd:54e9…`.
fn id_in_component(component: &[u8]) -> Option<ContainerId> {
    let name = component.strip_suffix(b".scope").unwrap_or(component);
    let id = name.rsplit(|byte| matches!(byte, b'-' | b':')).next()?;
    // conmon watches over a container from outside it.
    let is_conmon = name.windows(6).any(|part| part == b"conmon");
    (is_id(id) && !is_conmon).then(|| ContainerId::new(id))
}

/// Whether it is 64 lower-case hexadecimal digits.
fn is_id(id: &[u8]) -> bool {
    id.len() == ID_LEN
        && id
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The uid in `pod9ba5…` or `kubepods-burstable-pod9ba5_….slice`, written with `-`.
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

/// The id in PID/mountinfo (proc(5)): the folder behind `containers` or `overlay-containers` in field 4, the root of a
/// mount.
///
/// ```text
/// 612 598 254:1 /var/lib/docker/containers/54e9…/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw
/// ```
fn id_in_mounts(mut mounts: impl Read, buffer: &mut [u8]) -> Option<ContainerId> {
    let mut records = crate::text::records::Records::new(&mut mounts, buffer, 0);
    while let Ok(Some(record)) = records.next(None) {
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
