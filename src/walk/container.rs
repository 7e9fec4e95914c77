//! The container that a process is in, without asking a runtime. In: the cgroup of a process, else its mounts. Out: the
//! id of the container. Both files are text chosen by whoever set up the container, so only ids of the known shape count:
//! 64 hexadecimal digits, or the uid of a pod.

use std::io::Read;

use crate::proc::{NetnsId, Proc, Task, inode_in_link};
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
    /// The container that this program is in.
    own: Option<ContainerId>,
}

impl Containers {
    /// Finds the containers of `pids`, which are ascending, and of `namespaces`.
    pub(crate) fn load(
        proc: &Proc,
        pids: impl Iterator<Item = u32>,
        namespaces: &Namespaces,
    ) -> Self {
        let (mut containers, mut buffer) = (Self::default(), [0; BUFFER_LEN]);
        let (mut finder, own_pid) = (Finder::default(), proc.own_pid());
        let mut find = |pid| finder.find(proc, Task { pid, tid: 0 }, &mut buffer);
        for pid in pids {
            let last = containers.processes.last();
            if last.is_none_or(|(last, _)| *last != pid) {
                containers.processes.push((pid, find(pid)));
            }
        }
        containers.own = own_pid.and_then(&mut find);
        for (_, netns) in namespaces.iter() {
            // This program, such as a sidecar, looks into a namespace and says nothing of whose it is; nor does a thread,
            // such as one of the engine, where whole processes are.
            let has_processes = netns.members().any(|task| task.tid == 0);
            let members = netns
                .members()
                .filter(|task| Some(task.pid) != own_pid && (task.tid == 0 || !has_processes));
            let mut ids =
                members
                    .take(MEMBERS_MAX)
                    .map(|task| match containers.looked_up(task.pid) {
                        Some((_, id)) => *id,
                        None => find(task.pid),
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

    /// Returns the container that has the namespace `netns` to itself, and so a socket there that nobody holds. What is held
    /// elsewhere, out of sight, is not of the container that this program is in: that one is in sight.
    pub(crate) fn of_netns(&self, netns: NetnsId, is_elsewhere: bool) -> Option<&ContainerId> {
        let container = self.namespaces.get(usize::from(netns.0))?.as_ref();
        container.filter(|id| !is_elsewhere || self.own.as_ref() != Some(id))
    }

    /// Returns true if no process and no namespace is known to be a container's.
    pub(crate) fn is_empty(&self) -> bool {
        self.processes.iter().all(|(_, id)| id.is_none())
            && self.namespaces.iter().all(Option::is_none)
    }
}

/// Finds the containers of processes, one after the other. What the mounts of a mount namespace tell is read once.
#[derive(Default)]
pub(crate) struct Finder {
    /// Mount namespaces, by their inode, and the container that the mounts name.
    mounts: Vec<(u32, Option<ContainerId>)>,
}

impl Finder {
    /// Finds the container of `task`; returns `None` if it is in none, or in one that cannot be recognised. `buffer` is
    /// scratch space.
    ///
    /// A container has no cgroup of its own name where the engine may make none (rootless on cgroup v1,
    /// `--cgroups=disabled`), and in a cgroup namespace of its own it appears as `/`, or as a service within it. Then the
    /// files count that the engine mounts into it, because they lie in a folder with its name.
    pub(crate) fn find(
        &mut self,
        proc: &Proc,
        task: Task,
        buffer: &mut [u8],
    ) -> Option<ContainerId> {
        // A kernel without cgroups has no such file.
        let cgroup = proc.read_file(task, "cgroup", buffer).unwrap_or_default();
        if let Some(id) = id_in_cgroups(cgroup) {
            return Some(id);
        }
        // Only who may read the descriptors of a process may read this link; the mounts everybody may.
        let link = proc.read_link(task, "ns/mnt", buffer).ok();
        let mount_ns = link.and_then(|link| inode_in_link(link, b"mnt"));
        let mut known = self.mounts.iter();
        if let Some((_, id)) = known.find(|(known, _)| Some(*known) == mount_ns) {
            return *id;
        }
        let id = id_in_mounts(proc.open_file(task, "mountinfo").ok()?, buffer);
        self.mounts.extend(mount_ns.map(|inode| (inode, id)));
        id
    }
}

/// Parses PID/cgroup. A process is in a cgroup of each hierarchy, and not each of these is made anew for a container in a
/// container: the deepest one counts. An id of a container is worth more than that of its pod.
fn id_in_cgroups(text: &[u8]) -> Option<ContainerId> {
    let mut best: Option<((bool, usize), ContainerId)> = None;
    for line in text.split(|byte| *byte == b'\n') {
        if let Some((depth, id)) = id_in_cgroup(line) {
            let rank = (id.len == ID_LEN, depth);
            if best.is_none_or(|(known, _)| known < rank) {
                best = Some((rank, id));
            }
        }
    }
    best.map(|(_, id)| id)
}

/// Parses a line of PID/cgroup (cgroups(7)): `HIERARCHY:CONTROLLERS:PATH`. Returns the id in the innermost component that has
/// one, and the number of components before that.
///
/// ```text
/// 0::/system.slice/docker-54e9….scope
/// 4:memory:/kubepods/besteffort/pod9ba5…/54e9…
/// 0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod9ba5_….slice/cri-containerd-54e9….scope
/// ```
fn id_in_cgroup(line: &[u8]) -> Option<(usize, ContainerId)> {
    // Most lines are too short to have an id.
    if line.len() < UID_LEN {
        return None;
    }
    let path = line.splitn(3, |byte| *byte == b':').nth(2)?;
    let last = |parse: fn(&[u8]) -> Option<ContainerId>| {
        let components = path.split(|byte| *byte == b'/').enumerate();
        let ids = components.filter_map(|(depth, component)| Some((depth, parse(component)?)));
        ids.last()
    };
    last(id_in_component).or_else(|| last(pod_in_component))
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

/// Finds the id in PID/mountinfo (proc(5)): that of the folder which field 4 names, the root of a mount. The mount point
/// tells nothing: the host has those of all containers.
///
/// Containers of a pod, or with the network of another, have some of these files in common, and then they lie in the folder
/// of the other one, the sandbox. So the secrets, which are never shared, are worth most, and what goes with the network
/// least.
///
/// ```text
/// 612 598 254:1 /var/lib/docker/containers/54e9…/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw
/// 988 975 0:25 /containers/storage/overlay-containers/54e9…/userdata/run/secrets /run/secrets rw - tmpfs tmpfs rw
/// ```
fn id_in_mounts(mut mounts: impl Read, buffer: &mut [u8]) -> Option<ContainerId> {
    let mut read = |buffer: &mut [u8]| mounts.read(buffer);
    let mut records = Records::new(&mut read, buffer, 0);
    let mut best = None;
    while let Ok(Some(record)) = records.next(None) {
        // (4) root
        let root = record.bytes.split(|byte| *byte == b' ').nth(3);
        if let Some(found) = root.and_then(id_in_root)
            && best.is_none_or(|(known, _)| known < found.0)
        {
            best = Some(found);
        }
    }
    best.map(|(_, id)| id)
}

/// Parses the path of what is mounted. Returns the id of the innermost folder of a container, and what it is worth.
fn id_in_root(root: &[u8]) -> Option<(u8, ContainerId)> {
    let mut components = root.split(|byte| *byte == b'/');
    let (mut id, mut worth) = (None, 0);
    while let Some(component) = components.next() {
        match component {
            // nerdctl has the name of a namespace in between.
            _ if component.ends_with(b"containers") => {
                id = components.clone().take(2).find_map(id_in_component).or(id);
            }
            b"hostname" | b".containerenv" => worth = 1,
            b"secrets" => worth = 2,
            _ => {}
        }
    }
    Some((worth, id?))
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
            let id = id_in_cgroups(line.as_bytes()).expect(line);
            assert_eq!(
                (id.full(), id.short()),
                (ID.as_bytes(), &b"54e9a2cefd94"[..]),
                "{line}"
            );
        }
        let pod =
            id_in_cgroups(format!("0::/kubepods.slice/kubepods-pod{slice}.slice/pause").as_bytes())
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
            assert_eq!(id_in_cgroups(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn of_several_hierarchies_the_deepest_names_the_container() {
        let inner = "1234567890ab".repeat(6);
        let inner = &inner[..ID_LEN];
        let slice = POD.replace('-', "_");
        for (text, expected) in [
            // docker in docker: not each hierarchy is made anew, and the last one is a cgroup namespace of its own.
            (
                format!("12:rdma:/docker/{ID}\n4:memory:/docker/{ID}/docker/{inner}\n0::/\n"),
                inner,
            ),
            (
                format!("4:memory:/docker/{ID}/docker/{inner}\n1:name=systemd:/docker/{ID}\n"),
                inner,
            ),
            // A service in the container is no container of its own.
            (
                format!("4:memory:/docker/{inner}\n0::/docker/{inner}/system.slice/a.service\n"),
                inner,
            ),
            // What one hierarchy knows only by the pod, another one knows by the container.
            (
                format!(
                    "1:name=systemd:/a/b/c/kubepods-pod{slice}.slice\n4:memory:/kubepods/pod{POD}/{ID}\n"
                ),
                ID,
            ),
        ] {
            let id = id_in_cgroups(text.as_bytes()).expect(&text);
            assert_eq!(id.full(), expected.as_bytes(), "{text}");
        }
    }

    /// Returns what a mountinfo tells of which these are the fields 4 and 5, roots and mount points.
    fn of_mounts(mounts: &[(&str, &str)]) -> Option<String> {
        let line = |(root, point): &(&str, &str)| {
            format!("612 598 254:1 {root} {point} rw,relatime - ext4 /dev/vda1 rw\n")
        };
        let lines: String = mounts.iter().map(line).collect();
        let text = format!("20 1 0:5 / /proc rw - proc proc rw\n{lines}");
        let id = id_in_mounts(text.as_bytes(), &mut [0; BUFFER_LEN])?;
        Some(String::from_utf8(id.full().to_vec()).unwrap())
    }

    #[test]
    fn mounts_name_a_container_that_hides_its_cgroup() {
        for root in [
            // docker, rootful and rootless, and in another container, whose volume has its folder.
            "/var/lib/docker/containers/ID/hostname",
            "/home/u/.local/share/docker/containers/ID/resolv.conf",
            "/docker/containers/ID/hosts",
            "/var/lib/docker/volumes/v/_data/containers/ID/hostname",
            // podman, rootful, rootless on the tmpfs of its user, with another driver.
            "/containers/storage/overlay-containers/ID/userdata/.containerenv",
            "/containers/overlay-containers/ID/userdata/hostname",
            "/home/u/.local/share/containers/storage/vfs-containers/ID/userdata/run/secrets",
            // nerdctl.
            "/var/lib/nerdctl/1935db59/containers/default/ID/hostname",
        ] {
            let mount = root.replace("ID", ID);
            assert_eq!(of_mounts(&[(&mount, "/x")]).as_deref(), Some(ID), "{root}");
        }
        // A mount point tells nothing: the host has those of all containers.
        let shm = format!("/var/lib/docker/containers/{ID}/mounts/shm");
        let home = format!("/home/{ID}");
        let kubelet = format!("/var/lib/kubelet/pods/{POD}/containers/web/1f2e3d4c");
        for mount in [
            ("/", shm.as_str()),
            (&home, "/x"),
            (&kubelet, "/dev/termination-log"),
        ] {
            assert_eq!(of_mounts(&[mount]), None, "{mount:?}");
        }
    }

    #[test]
    fn mounts_of_the_sandbox_are_worth_less_than_those_of_the_container() {
        let sandbox = "1234567890ab".repeat(6);
        let sandbox = &sandbox[..ID_LEN];
        let crio = "/containers/storage/overlay-containers";
        let of_sandbox = |file: &str| format!("{crio}/{sandbox}/userdata/{file}");
        let [resolv, hostname, env] = ["resolv.conf", "hostname", ".containerenv"].map(of_sandbox);
        let secrets = format!("{crio}/{ID}/userdata/run/secrets");
        // cri-o: all but the secrets are the sandbox's.
        let mut mounts = [
            (resolv.as_str(), "/etc/resolv.conf"),
            (&hostname, "/etc/hostname"),
            (&env, "/run/.containerenv"),
            (&secrets, "/run/secrets"),
        ];
        for _ in 0..mounts.len() {
            assert_eq!(of_mounts(&mounts).as_deref(), Some(ID));
            mounts.rotate_left(1);
        }
        // A pod of podman: the network's files are those of its infra container.
        let own = format!("{crio}/{ID}/userdata/hostname");
        let mut mounts = [
            (resolv.as_str(), "/etc/resolv.conf"),
            (&own, "/etc/hostname"),
        ];
        for _ in 0..mounts.len() {
            assert_eq!(of_mounts(&mounts).as_deref(), Some(ID));
            mounts.rotate_left(1);
        }
        // docker under Kubernetes: where nothing names the container, its sandbox stands for it.
        let docker = |file: &str| format!("/var/lib/docker/containers/{sandbox}/{file}");
        let [resolv, hostname] = ["resolv.conf", "hostname"].map(docker);
        let mounts = [
            (resolv.as_str(), "/etc/resolv.conf"),
            (&hostname, "/etc/hostname"),
        ];
        assert_eq!(of_mounts(&mounts).as_deref(), Some(sandbox));
    }

    #[test]
    fn what_is_held_elsewhere_is_not_of_the_container_that_looks() {
        let [own, other] = [ID, &"ab".repeat(ID_LEN / 2)].map(|id| ContainerId::new(id.as_bytes()));
        let containers = Containers {
            namespaces: vec![Some(own), Some(other)],
            own: Some(own),
            ..Containers::default()
        };
        assert_eq!(containers.of_netns(NetnsId(0), false), Some(&own));
        assert_eq!(containers.of_netns(NetnsId(0), true), None);
        assert_eq!(containers.of_netns(NetnsId(1), true), Some(&other));
    }
}
