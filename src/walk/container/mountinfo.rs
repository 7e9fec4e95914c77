//! What the mounts of a process tell. In: PID/mountinfo (proc(5)), which everybody may read. Out: the id of the container, the
//! uid of its pod and its name there. Of a mount only field 4 counts, its root: the mount point tells nothing, because the
//! host has those of all containers. Who may mount can make such a root: what is told here is weighed by the caller.

use std::io::Read;

use crate::text::escape::is_name;
use crate::text::parts::{next_part, part};
use crate::text::records::Records;
use crate::walk::container::cgroup::id_in_component;
use crate::walk::container::id::is_uid;
use crate::walk::container::texts::{Container, ID, NAME, UID};

/// Reads `mounts` through `buffer`.
///
/// Containers of a pod, or with the network of another, have some of these files in common, and then they lie in the folder
/// of the other one, the sandbox. So the secrets, which are never shared, are worth most, and what goes with the network
/// least. What a container writes when it ends is never shared either, and lies in a folder with the name that it has in
/// its pod.
///
/// ```text
/// 612 598 254:1 /var/lib/docker/containers/54e9…/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw
/// 988 975 0:25 /containers/storage/overlay-containers/54e9…/userdata/run/secrets /run/secrets rw - tmpfs tmpfs rw
/// 990 975 254:1 /var/lib/kubelet/pods/9ba5…/containers/db/1f2e3d4c /dev/termination-log rw - ext4 /dev/vda1 rw
/// ```
pub(crate) fn read(mut mounts: impl Read, buffer: &mut [u8]) -> Container {
    let mut read = |buffer: &mut [u8]| mounts.read(buffer);
    let mut records = Records::new(&mut read, buffer, 0);
    let (mut found, mut best) = (Container::UNKNOWN.clone(), 0);
    while let Ok(Some(record)) = records.next(None) {
        // (4) root
        let root = part(record.bytes, b' ', 3);
        if let Some((worth, id)) = id_in_root(root)
            && worth > best
        {
            best = worth;
            found.set(ID, id);
        }
        if !found.has(UID)
            && let Some((uid, name)) = pod_in_root(root)
        {
            found.set(UID, uid);
            found.set(NAME, name);
        }
    }
    found
}

/// Parses the path of what is mounted. Returns the id of the innermost folder of a container, and what it is worth.
fn id_in_root(root: &[u8]) -> Option<(u8, &[u8])> {
    let (mut components, mut id, mut worth) = (Some(root), None, 1);
    while let Some(component) = next_part(&mut components, b'/') {
        match component {
            // nerdctl has the name of a namespace in between.
            _ if component.ends_with(b"containers") => {
                let next =
                    |number| id_in_component(part(components.unwrap_or_default(), b'/', number));
                id = next(0).or_else(|| next(1)).or(id);
            }
            b"hostname" | b".containerenv" => worth = 2,
            b"secrets" => worth = 3,
            _ => {}
        }
    }
    Some((worth, id?))
}

/// Parses the path of the file that kubelet makes for the last words of a container: `…/pods/UID/containers/NAME/HASH`. The
/// folder of kubelet may be another one, and mounted by itself.
fn pod_in_root(root: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut components = Some(root);
    while next_part(&mut components, b'/')? != b"pods" {}
    let [uid, containers, name] =
        [0, 1, 2].map(|number| part(components.unwrap_or_default(), b'/', number));
    let is_it = containers == b"containers" && is_uid(uid) && is_name(name);
    is_it.then_some((uid, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "54e9a2cefd9454e9a2cefd9454e9a2cefd9454e9a2cefd9454e9a2cefd94abcd";
    const POD: &str = "9ba5ee2c-0d3c-4f38-8d0e-2a6d5c1b7f11";

    /// Returns what a mountinfo tells of which these are the fields 4 and 5, roots and mount points.
    fn of_mounts(mounts: &[(&str, &str)]) -> Option<String> {
        let line = |(root, point): &(&str, &str)| {
            format!("612 598 254:1 {root} {point} rw,relatime - ext4 /dev/vda1 rw\n")
        };
        let lines: String = mounts.iter().map(line).collect();
        let text = format!("20 1 0:5 / /proc rw - proc proc rw\n{lines}");
        let id = read(text.as_bytes(), &mut [0; 8192]).text(ID).to_vec();
        Some(String::from_utf8(id).unwrap()).filter(|id| !id.is_empty())
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
            let mount = root.replace("ID", DIGITS);
            assert_eq!(
                of_mounts(&[(&mount, "/x")]).as_deref(),
                Some(DIGITS),
                "{root}"
            );
        }
        // A mount point tells nothing: the host has those of all containers.
        let shm = format!("/var/lib/docker/containers/{DIGITS}/mounts/shm");
        let home = format!("/home/{DIGITS}");
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
        let sandbox = &sandbox[..DIGITS.len()];
        let crio = "/containers/storage/overlay-containers";
        let of_sandbox = |file: &str| format!("{crio}/{sandbox}/userdata/{file}");
        let [resolv, hostname, env] = ["resolv.conf", "hostname", ".containerenv"].map(of_sandbox);
        let secrets = format!("{crio}/{DIGITS}/userdata/run/secrets");
        // cri-o: all but the secrets are the sandbox's.
        let mut mounts = [
            (resolv.as_str(), "/etc/resolv.conf"),
            (&hostname, "/etc/hostname"),
            (&env, "/run/.containerenv"),
            (&secrets, "/run/secrets"),
        ];
        for _ in 0..mounts.len() {
            assert_eq!(of_mounts(&mounts).as_deref(), Some(DIGITS));
            mounts.rotate_left(1);
        }
        // A pod of podman: the network's files are those of its infra container.
        let own = format!("{crio}/{DIGITS}/userdata/hostname");
        let mut mounts = [
            (resolv.as_str(), "/etc/resolv.conf"),
            (&own, "/etc/hostname"),
        ];
        for _ in 0..mounts.len() {
            assert_eq!(of_mounts(&mounts).as_deref(), Some(DIGITS));
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
    fn the_file_for_last_words_names_the_container_in_its_pod() {
        for (root, name) in [
            ("/var/lib/kubelet/pods/UID/containers/web/1f2e3d4c", "web"),
            (
                "/var/snap/microk8s/common/var/lib/kubelet/pods/UID/containers/web/1f2e3d4c",
                "web",
            ),
            ("/pods/UID/containers/web/1f2e3d4c", "web"),
            ("/kubelet/pods/UID/volumes/containers/web/1f2e3d4c", ""),
            ("/kubelet/pods/UID/etc-hosts", ""),
            ("/kubelet/pods/UI/containers/web/1f2e3d4c", ""),
        ] {
            let root = root.replace("UID", POD);
            let line =
                format!("990 975 254:1 {root} /dev/termination-log rw - ext4 /dev/vda1 rw\n");
            let known = read(line.as_bytes(), &mut [0; 8192]);
            let uid = if name.is_empty() { "" } else { POD };
            assert_eq!(
                (known.text(UID), known.text(NAME)),
                (uid.as_bytes(), name.as_bytes()),
                "{root}"
            );
        }
    }
}
