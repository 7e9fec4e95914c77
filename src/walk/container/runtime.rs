//! What the processes of container engines tell of the names of containers. In: processes outside of any container. Out: the
//! pods whose logs they hold open, and the name that a conmon has on its command line. It does not decide who is believed:
//! anybody can give a process such a name, such a descriptor and such a command line.

use crate::proc::{Proc, Task};
use crate::text::digits::decimal32;
use crate::text::escape::is_name;
use crate::text::parts::{next_part, part};
use crate::walk::comm::{COMM_LEN_MAX, read_comm};
use crate::walk::container::id::is_uid;
use crate::walk::container::texts::{Container, ID, NAME, NAMESPACE, POD, UID};

/// The folder of the logs of pods; links of no other descriptors are of use.
pub(crate) const LOGS: &[u8] = b"/var/log/pods/";

/// Parses the link of a log, `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log`. No name of Kubernetes has a `_`.
pub(super) fn pod_in_link(link: &[u8]) -> Option<Container> {
    let folder = part(link.strip_prefix(LOGS)?, b'/', 0);
    pod_of([0, 1, 2].map(|number| part(folder, b'_', number)))
}

/// Returns the pod of this namespace, name and uid, if they have the form of such.
fn pod_of([namespace, pod, uid]: [&[u8]; 3]) -> Option<Container> {
    let is_pod = is_name(namespace) && is_name(pod) && is_uid(uid);
    is_pod.then(|| Container::of(&[(UID, uid), (POD, pod), (NAMESPACE, namespace)]))
}

/// Parses the command line of a conmon, whose arguments end with NUL: `conmon … -c ID … -n NAME …`. The name of podman's
/// container is that; cri-o's is `k8s_CONTAINER_POD_NAMESPACE_UID_N`, with `POD` for the sandbox, which has no name of its own.
pub(super) fn monitored(line: &[u8]) -> Container {
    let mut words = Some(line);
    let (mut id, mut name): (&[u8], &[u8]) = (b"", b"");
    while let Some(word) = next_part(&mut words, 0) {
        let value = match word {
            b"-c" | b"--cid" => &mut id,
            b"-n" | b"--name" => &mut name,
            _ => continue,
        };
        *value = next_part(&mut words, 0).unwrap_or_default();
    }
    let pod = pod_of([3, 2, 4].map(|number| part(name, b'_', number)));
    let pod = pod.filter(|_| name.starts_with(b"k8s_"));
    if pod.is_some() {
        name = part(name, b'_', 1);
    }
    let mut known = pod.unwrap_or_else(|| Container::UNKNOWN.clone());
    known.set(ID, id);
    if is_name(name) && !(name == b"POD" && known.has(POD)) {
        known.set(NAME, name);
    }
    known
}

/// Who started a process, and as whom, by its PID/status.
pub(super) struct Origin {
    /// The process that started it, or has adopted it; 0 for none.
    pub(super) parent: u32,
    /// True if all of its user ids are 0 in the user namespace of this proc: the real one tells who runs a set-uid program,
    /// such as `su`.
    pub(super) is_root: bool,
}

impl Origin {
    /// Reads the status of process `pid`; `buffer` is scratch space.
    pub(super) fn read(proc: &Proc, pid: u32, buffer: &mut [u8]) -> Self {
        let text = proc.read_file(Task::process(pid), "status", buffer);
        let text = text.unwrap_or_default();
        let (mut parent, mut is_root) = (0, false);
        let mut lines = Some(text);
        while let Some(line) = next_part(&mut lines, b'\n') {
            is_root |= line == b"Uid:\t0\t0\t0\t0";
            if let Some(pid) = line.strip_prefix(b"PPid:\t") {
                parent = decimal32(pid).unwrap_or(0);
            }
        }
        Self { parent, is_root }
    }
}

/// Returns true if the command of `task` has this name; with `or_shim` also if it goes on with `-shim`.
pub(super) fn has_comm(proc: &Proc, task: Task, name: &[u8], or_shim: bool) -> bool {
    let mut comm = [0; COMM_LEN_MAX];
    let comm = read_comm(proc, task, &mut comm).unwrap_or_default();
    match comm.strip_prefix(name) {
        Some(b"") => true,
        Some(behind) => or_shim && behind.starts_with(b"-shim"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "9ba5ee2c-0d3c-4f38-8d0e-2a6d5c1b7f11";

    /// Returns the texts of a pod or a container but its id.
    fn texts(known: &Container) -> String {
        let text = |place| String::from_utf8(known.text(place).to_vec()).unwrap();
        [UID, NAMESPACE, POD_NAME, NAME].map(text).join(" ")
    }

    const POD_NAME: usize = super::POD;

    #[test]
    fn the_link_of_a_log_names_a_pod() {
        for (link, known) in [
            ("/var/log/pods/shop_db-0_UID/db/0.log", true),
            (
                "/var/log/pods/shop_db-0_UID/db/0.log.20260101-000000 (deleted)",
                true,
            ),
            ("/var/log/pods/shop_db-0_UIDx/db/0.log", false),
            ("/var/log/pods/shop__UID/db/0.log", false),
            ("/var/log/pods/shop_db\u{1b}_UID/db/0.log", false),
            ("/tmp/var/log/pods/shop_db-0_UID/db/0.log", false),
        ] {
            let link = link.replace("UID", POD);
            let pod = pod_in_link(link.as_bytes()).map(|pod| texts(&pod));
            assert_eq!(pod, known.then(|| format!("{POD} shop db-0 ")), "{link}");
        }
    }

    #[test]
    fn the_command_line_of_a_conmon_names_a_container() {
        for (name, known) in [
            ("web", "   web"),
            ("k8s_db_db-0_shop_UID_3", "UID shop db-0 db"),
            ("k8s_POD_db-0_shop_UID_0", "UID shop db-0 "),
            (
                "k8s_db_db-0_shop_nothing_3",
                "   k8s_db_db-0_shop_nothing_3",
            ),
            ("a/b", "   "),
        ] {
            let name = name.replace("UID", POD);
            let line = format!(
                "/usr/bin/conmon\0--api-version\x001\0-c\0ID\0-u\0ID\0-r\0crun\0-n\0{name}\0-s\0"
            );
            let container = monitored(line.as_bytes());
            assert_eq!(container.text(ID), b"ID");
            assert_eq!(texts(&container), known.replace("UID", POD), "{name}");
        }
        assert!(!monitored(b"conmon\0-n").has(NAME));
    }
}
