//! What the cgroups of a process tell. In: the text of PID/cgroup, whose names are chosen by whoever may make a cgroup
//! there: the engine, but below a service of a user or a container also the user, or the container. Out: the id or the
//! name of the container, the uid of the pod, the unit of systemd. It reads no other file.

use crate::text::escape::is_name;
use crate::text::parts::{find, next_part, part};
use crate::walk::container::id::{GARDEN_LEN, ID_LEN, is_id, is_other_id, is_uid};
use crate::walk::container::texts::{Container, ID, NAME, Source, UID, UNIT};

/// What the components of a path tell, from outside in.
#[derive(Default)]
struct Path<'a> {
    /// The id of the innermost container; of a pod where there is no container.
    id: &'a [u8],
    /// The worth of the id: that of a container is worth more than that of its pod, and the deepest most; 0 for none.
    rank: usize,
    /// True if whoever made it may be a user, or a container.
    is_delegated: bool,
    /// True if conmon is the parent of the container.
    has_conmon: bool,
    /// The uid of the outermost pod; nothing that a user or a container may have made.
    pod: &'a [u8],
    /// The name of the outermost container, likewise.
    name: &'a [u8],
    /// The outermost service, likewise.
    unit: &'a [u8],
}

/// What makes the id of a container worth more than any of a pod.
const OF_CONTAINER: usize = 1 << 16;

/// Parses PID/cgroup. A process is in a cgroup of each hierarchy, and not each of these is made anew for a container in a
/// container: the deepest one counts. Of pods, names and units the outermost does, because what is in a container
/// may have made all the others. Returns true beside it if there is nothing to be told, as in a cgroup namespace of its own.
pub(crate) fn parse(text: &[u8]) -> (Container, bool) {
    let (mut all, mut is_blank) = (Path::default(), true);
    let mut lines = Some(text);
    while let Some(line) = next_part(&mut lines, b'\n') {
        // `HIERARCHY:CONTROLLERS:PATH`, cgroups(7).
        let mut path = Some(line);
        next_part(&mut path, b':');
        next_part(&mut path, b':');
        let Some(path) = path else { continue };
        is_blank &= path == b"/" || path.starts_with(b"/..");
        let one = Path::parse(path);
        for (all, one) in [
            (&mut all.pod, one.pod),
            (&mut all.name, one.name),
            (&mut all.unit, one.unit),
        ] {
            if all.is_empty() {
                *all = one;
            }
        }
        if one.rank > all.rank {
            (all.id, all.rank) = (one.id, one.rank);
            (all.is_delegated, all.has_conmon) = (one.is_delegated, one.has_conmon);
        }
    }
    // A pod's id is dropped where its uid is known; and a name is of a container around the one with the id.
    if all.rank < OF_CONTAINER && !all.pod.is_empty() {
        (all.id, all.is_delegated) = (b"", false);
    }
    if !all.id.is_empty() {
        all.name = b"";
    }
    let is_unknown = all.id.is_empty() && all.pod.is_empty() && all.name.is_empty();
    let unit = if is_unknown { all.unit } else { b"" };
    let mut container = Container::of(&[
        (ID, all.id),
        (UID, all.pod),
        (NAME, &unescaped(all.name)),
        (UNIT, unit),
    ]);
    container.has_conmon = all.has_conmon;
    if all.is_delegated {
        container.source = Source::Delegate;
    }
    (container, is_blank)
}

impl<'a> Path<'a> {
    /// Parses the path of a cgroup.
    ///
    /// ```text
    /// 0::/system.slice/docker-54e9….scope
    /// 4:memory:/kubepods/besteffort/pod9ba5…/54e9…
    /// 0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod9ba5_….slice/cri-containerd-54e9….scope
    /// ```
    fn parse(path: &'a [u8]) -> Self {
        let (mut known, mut is_delegated) = (Self::default(), false);
        let (mut components, mut depth) = (Some(path), 0);
        // The first component is empty: a path begins with a slash.
        next_part(&mut components, b'/');
        while let Some(component) = next_part(&mut components, b'/') {
            depth += 1;
            let is_users = component == b"user.slice" || component.starts_with(b"user@");
            let next = part(components.unwrap_or_default(), b'/', 0);
            // The service of a user is made by systemd, all below it by the user.
            if component.ends_with(b".service")
                && known.unit.is_empty()
                && (!is_delegated || is_users)
            {
                known.unit = component;
            }
            is_delegated |= is_users;
            if !is_delegated && is_conmons(component) {
                return Self::default();
            }
            let of_container = id_in_component(component);
            let mut of_pod = pod_in_component(component);
            // Without systemd podman's pod is a bare id.
            if component == b"libpod_parent" && is_id(next) {
                of_pod = next_part(&mut components, b'/');
            }
            let rank = depth
                + if of_container.is_some() {
                    OF_CONTAINER
                } else {
                    0
                };
            if let Some(id) = of_container.or(of_pod)
                && rank > known.rank
            {
                (known.id, known.rank, known.is_delegated) = (id, rank, is_delegated);
                known.has_conmon =
                    component.starts_with(b"libpod-") || component.starts_with(b"crio-");
            }
            if !is_delegated && known.pod.is_empty() {
                known.pod = of_pod.unwrap_or_default();
            }
            if !is_delegated && known.name.is_empty() {
                known.name = name_in_components(component, next, depth == 1);
            }
            is_delegated |= of_container.is_some() || !known.name.is_empty();
        }
        known
    }
}

/// Parses the id in `54e9…`, `docker-54e9….scope`, `kubepods-….slice:cri-containerd:54e9…`, and what ECS and Garden have.
pub(super) fn id_in_component(component: &[u8]) -> Option<&[u8]> {
    if component.len() < ID_LEN {
        return Some(component).filter(|id| id.len() >= GARDEN_LEN && is_other_id(id));
    }
    let name = component.strip_suffix(b".scope").unwrap_or(component);
    let id = name.rsplit(|byte| matches!(byte, b'-' | b':')).next()?;
    (is_id(id) && !is_conmons(component)).then_some(id)
}

/// Returns true for the cgroup of a conmon, which monitors a container from outside, even from the cgroup of its pod.
fn is_conmons(component: &[u8]) -> bool {
    find(component, b"conmon").is_some()
}

/// Parses the uid in `pod9ba5…` or `kubepods-burstable-pod9ba5_….slice`, and the id in podman's
/// `machine-libpod_pod_54e9….slice`.
fn pod_in_component(component: &[u8]) -> Option<&[u8]> {
    // The v1 form of containerd has the container behind a colon.
    let component = next_part(&mut Some(component), b':').unwrap_or_default();
    let name = component.strip_suffix(b".slice").unwrap_or(component);
    let at = name.windows(3).rposition(|part| part == b"pod")?;
    let text = name.get(at + 3..)?;
    match text {
        [b'_', id @ ..] if is_id(id) => Some(id),
        text => is_uid(text).then_some(text),
    }
}

/// Parses the name of a container in a component and the one below it; `is_first` says that nothing is above it. It is empty if
/// there is none.
///
/// ```text
/// /lxc.payload.web/…  /lxc.payload/web  /lxc/101/ns/…  /default/web  (LXC, LXD, Incus; Proxmox; ctr)
/// /machine.slice/machine-web.scope/payload/…  /machine.slice/systemd-nspawn@web.service/payload/…
/// ```
///
/// Beside the payload the supervisor is, which is in no container.
fn name_in_components<'a>(component: &'a [u8], next: &'a [u8], is_first: bool) -> &'a [u8] {
    let between = |start: &[u8], end: &[u8]| component.strip_prefix(start)?.strip_suffix(end);
    let name = match component {
        b"lxc.payload" => next,
        b"lxc" | b"default" if is_first && !is_id(next) => next,
        _ => between(b"machine-", b".scope")
            .filter(|name| !name.starts_with(b"qemu"))
            .or_else(|| between(b"systemd-nspawn@", b".service"))
            .filter(|_| next != b"supervisor")
            .or_else(|| between(b"lxc.payload.", b""))
            .unwrap_or_default(),
    };
    if is_name(&unescaped(name)) { name } else { b"" }
}

/// Returns a name as it was before systemd wrote some of its bytes as `\x2d`.
fn unescaped(mut name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let [byte, behind @ ..] = name {
        // systemd writes other bytes so too, which are in no name of a container.
        let dash = name.strip_prefix(br"\x2d");
        plain.push(if dash.is_some() { b'-' } else { *byte });
        name = dash.unwrap_or(behind);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "54e9a2cefd9454e9a2cefd9454e9a2cefd9454e9a2cefd9454e9a2cefd94abcd";
    const POD: &str = "9ba5ee2c-0d3c-4f38-8d0e-2a6d5c1b7f11";

    /// Returns all texts that the cgroups of a process tell.
    fn told(text: &str) -> Vec<String> {
        let (known, _) = parse(text.as_bytes());
        let text = |place| String::from_utf8(known.text(place).to_vec()).unwrap();
        (ID..=UNIT).map(text).collect()
    }

    #[test]
    fn every_runtimes_cgroup_names_its_container() {
        let slice = POD.replace('-', "_");
        let lines = [
            format!("0::/system.slice/docker-{DIGITS}.scope"),
            format!("4:memory:/docker/{DIGITS}"),
            format!("0::/../../docker/{DIGITS}"),
            format!("0::/machine.slice/libpod-{DIGITS}.scope/container"),
            format!("5:cpu,cpuacct:/kubepods/besteffort/pod{POD}/{DIGITS}"),
            format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{slice}.slice/cri-containerd-{DIGITS}.scope"
            ),
            format!("0::/kubepods.slice/kubepods-pod{slice}.slice/crio-{DIGITS}.scope"),
            format!(
                "1:name=systemd:/system.slice/containerd.service/kubepods-burstable-pod{slice}.slice:cri-containerd:{DIGITS}"
            ),
            format!("0::/docker/{DIGITS}/init.scope"),
        ];
        for line in &lines {
            let known = told(line);
            assert_eq!(known[ID], DIGITS, "{line}");
            let pod = if line.contains("kubepods") { POD } else { "" };
            assert_eq!(known[UID], pod, "{line}");
        }
        let pod = told(&format!(
            "0::/kubepods.slice/kubepods-pod{slice}.slice/pause"
        ));
        assert_eq!(pod[..2], ["", POD]);
    }

    #[test]
    fn nothing_else_is_an_id() {
        let lines = [
            "0::/".to_owned(),
            "0::/user.slice/user-1000.slice/session-1.scope".to_owned(),
            format!("0::/machine.slice/libpod-conmon-{DIGITS}.scope"),
            format!("0::/libpod_parent/{DIGITS}/conmon"),
            format!("0::/docker/{}", &DIGITS[1..]),
            format!("0::/docker/{}", DIGITS.to_uppercase()),
            "0::/kubepods/pod-of-mine".to_owned(),
            "garbage".to_owned(),
        ];
        for line in &lines {
            assert_eq!(told(line)[..3], ["", "", ""], "{line}");
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
                format!(
                    "12:rdma:/docker/{DIGITS}\n4:memory:/docker/{DIGITS}/docker/{inner}\n0::/\n"
                ),
                inner,
            ),
            (
                format!(
                    "4:memory:/docker/{DIGITS}/docker/{inner}\n1:name=systemd:/docker/{DIGITS}\n"
                ),
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
                    "1:name=systemd:/a/b/c/kubepods-pod{slice}.slice\n4:memory:/kubepods/pod{POD}/{DIGITS}\n"
                ),
                DIGITS,
            ),
        ] {
            assert_eq!(told(&text)[ID], expected, "{text}");
        }
    }

    #[test]
    fn what_has_no_id_of_digits_has_a_name_or_another_id() {
        let fargate = "0123456789abcdef0123456789abcdef-1234567890";
        let garden = "1d5ae3d4-8d2c-4d4f-5a3a-1b2c";
        let podman = format!("/machine.slice/machine-libpod_pod_{DIGITS}.slice/libpod-x.scope");
        let pod = format!("/libpod_parent/{DIGITS}/x");
        for (path, place, text) in [
            ("/lxc.payload.web/system.slice/nginx.service", NAME, "web"),
            ("/lxc.payload/web", NAME, "web"),
            ("/lxc/101/ns/system.slice/nginx.service", NAME, "101"),
            (
                "/machine.slice/machine-my\\x2dweb.scope/payload",
                NAME,
                "my-web",
            ),
            (
                "/machine.slice/systemd-nspawn@web.service/payload",
                NAME,
                "web",
            ),
            ("/default/web", NAME, "web"),
            ("/lxc.payload.web/supervisor", NAME, "web"),
            (
                "/machine.slice/systemd-nspawn@web.service/supervisor",
                UNIT,
                "systemd-nspawn@web.service",
            ),
            (&pod, UID, DIGITS),
            // An outer one may have made the inner ones.
            ("/lxc.payload.web/lxc.payload.db", NAME, "web"),
            (&format!("/ecs/0123/{fargate}"), ID, fargate),
            (&format!("/garden/{garden}"), ID, garden),
            (&podman, UID, DIGITS),
            (
                "/kubepods/besteffort/pod0123456789abcdef0123456789abcdef/x",
                UID,
                "0123456789abcdef0123456789abcdef",
            ),
            ("/system.slice/nginx.service", UNIT, "nginx.service"),
            (
                "/system.slice/containerd.service/sub.service",
                UNIT,
                "containerd.service",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service",
                UNIT,
                "user@1000.service",
            ),
        ] {
            for line in [
                format!("0::{path}"),
                format!("5:cpu:/\n1:name=systemd:{path}\n0::/\n"),
            ] {
                let known = told(&line);
                assert_eq!(known[place], text, "{line}");
                let others = known.iter().filter(|text| !text.is_empty());
                assert_eq!(others.count(), 1, "{line}: {known:?}");
            }
        }
        for path in [
            "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
            "/lxc.monitor.web",
            "/machine.slice/machine-web.scope/supervisor",
            "/a/default/web",
            "/lxc.payload.a\u{1b}b",
            "/user.slice/user-1000.slice/user@1000.service/lxc.payload.web",
            &format!("/user.slice/pod{POD}/lxc.payload.web"),
            &format!("/docker/{DIGITS}/lxc.payload.web"),
            &format!("/docker/{DIGITS}/kubepods/pod{POD}/x"),
            &format!("/kubepods/pod{POD}/crio-conmon-{DIGITS}.scope"),
        ] {
            assert_eq!(told(&format!("0::{path}"))[UID..=NAME], ["", ""], "{path}");
        }
    }

    #[test]
    fn what_a_user_or_a_container_made_is_known_as_such() {
        for (path, source) in [
            ("/docker/ID", Source::Engine),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope",
                Source::Delegate,
            ),
            ("/lxc.payload.web/docker/ID", Source::Delegate),
            ("/docker/OTHER/docker/ID", Source::Delegate),
        ] {
            let path = path
                .replace("ID", DIGITS)
                .replace("OTHER", &DIGITS.replace('e', "f"));
            assert_eq!(
                parse(format!("0::{path}").as_bytes()).0.source,
                source,
                "{path}"
            );
        }
    }
}
