//! Which way out works from where this program sits. In: who it is and where, and the processes that it could not read. Out: the
//! end of the notice: what to try. It reads nothing: `look` does.
//!
//! `PLACES` is a table of the words by which each place reaches root, another user, or `CAP_SYS_PTRACE`; `ways` decides which
//! of them would help, by the kernel's rules (`kernel/ptrace.c`: `ptrace_may_access`).

use std::fmt::Write;

use crate::views::notice::status::{Rights, UserNamespace};

/// The bits of capabilities (capabilities(7)).
mod capability {
    /// `CAP_DAC_OVERRIDE` and `CAP_DAC_READ_SEARCH`: with one of them root opens the folders of others.
    pub(super) const DAC: u64 = 1 << 1 | 1 << 2;
    /// `CAP_SETGID` and `CAP_SETUID`.
    pub(super) const SETIDS: u64 = 1 << 6 | 1 << 7;
    /// `CAP_SYS_PTRACE`.
    pub(super) const SYS_PTRACE: u64 = 1 << 19;
}

/// Where this program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On a host, or in a machine that looks like one.
    Host,
    /// In the container that has the unread processes.
    DockerExec,
    /// In that container, run by podman.
    PodmanExec,
    /// In a container beside the one that has them.
    Sidecar,
    /// In a pod of Kubernetes.
    Pod,
}

/// How a place names the ways out.
struct Words {
    /// The place.
    place: Place,
    /// To be root.
    root: &'static str,
    /// To be another user: before the uid, and between uid and gid.
    user: (&'static str, &'static str),
    /// To have `CAP_SYS_PTRACE`, which only root has in effect.
    ptrace: &'static str,
    /// To be free of `AppArmor`.
    unconfined: &'static str,
}

/// The words of each place. An exec cannot be given one capability, a sidecar can; nobody speaks of docker on a host.
const PLACES: [Words; 5] = [
    Words {
        place: Place::Host,
        root: "root",
        user: ("user ", " with group "),
        ptrace: "root with CAP_SYS_PTRACE",
        unconfined: "a shell that AppArmor does not confine",
    },
    Words {
        place: Place::DockerExec,
        root: "docker exec -u 0",
        user: ("docker exec -u ", ":"),
        ptrace: "docker exec -u 0 --privileged",
        unconfined: "docker exec -u 0 --privileged",
    },
    Words {
        place: Place::PodmanExec,
        root: "podman exec -u 0",
        user: ("podman exec -u ", ":"),
        ptrace: "podman exec -u 0 --privileged",
        unconfined: "podman exec -u 0 --privileged",
    },
    Words {
        place: Place::Sidecar,
        root: "--user 0",
        user: ("--user ", ":"),
        ptrace: "--user 0 --cap-add SYS_PTRACE",
        unconfined: "--user 0 --cap-add SYS_PTRACE --security-opt apparmor=unconfined",
    },
    Words {
        place: Place::Pod,
        root: "runAsUser: 0",
        user: ("runAsUser: ", " and runAsGroup: "),
        ptrace: "kubectl debug --profile=sysadmin",
        unconfined: "kubectl debug --profile=sysadmin",
    },
];

/// Who and where this program is.
pub(super) struct Seat {
    /// Its rights.
    pub(super) rights: Rights,
    /// Where it runs.
    pub(super) place: Place,
    /// True if it is in a user namespace of its own, which has not every id.
    pub(super) is_inside: bool,
}

/// A process that could not be read.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// Its effective uid and gid.
    pub(super) owner: (u32, u32),
    /// True if whoever has its uid and gid may read it: it is dumpable, and these ids are the only ones that it has.
    pub(super) is_open_to_owner: bool,
    /// Its permitted capabilities; whoever reads it needs them too.
    pub(super) permitted: u64,
    /// Its user namespace, if that may be known.
    pub(super) user_namespace: Option<UserNamespace>,
    /// True if `AppArmor` confines this program, and the process by another profile or by none.
    pub(super) is_profile_apart: bool,
}

/// What would help.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// To be outside this user namespace: all of the processes are, or its root has tried.
    Outside,
    /// To be root of a user namespace that is this user's, as the containers of rootless podman have one.
    PodmanUnshare,
    /// To be root, which takes on their uid and gid.
    Root,
    /// To be the one user that runs all of them, by uid and gid.
    Owner((u32, u32)),
    /// `CAP_SYS_PTRACE`.
    Ptrace,
    /// `CAP_DAC_READ_SEARCH` beside `CAP_SYS_PTRACE`.
    Dac,
    /// To be free of `AppArmor`, which refuses even `CAP_SYS_PTRACE` from one profile to another.
    Unconfined,
}

impl Seat {
    /// Decides what would help to read `targets`; nothing if that is not known.
    fn ways(&self, targets: &[Target]) -> Vec<Way> {
        let (rights, own) = (&self.rights, self.rights.owner());
        let is_root = own.0 == 0;
        let all = |holds: &dyn Fn(&Target) -> bool| targets.iter().all(holds);
        if all(&|target| target.user_namespace == Some(UserNamespace::Outside)) {
            return vec![Way::Outside];
        }
        if targets.iter().any(|target| target.is_profile_apart) {
            return vec![Way::Unconfined];
        }
        let has = |set: u64| rights.effective & set == set;
        let mut ways = Vec::new();
        if has(capability::SYS_PTRACE) {
            if rights.effective & capability::DAC == 0 {
                ways.push(Way::Dac);
            } else if self.is_inside {
                // A sibling may have the same root as this one.
                ways.push(Way::Outside);
            }
            return ways;
        }
        let is_mine = |target: &Target| target.user_namespace == Some(UserNamespace::RootIs(own.0));
        if self.place == Place::Host && !is_root && all(&is_mine) {
            ways.push(Way::PodmanUnshare);
        }
        // Whoever is that user already was refused for another reason.
        let is_open = |target: &Target| target.is_open_to_owner && target.owner != own;
        // A program of root gets the bounding set, unless `no_new_privs` is set.
        let gets = |set: u64| !is_root && !rights.no_new_privs && rights.bounding & set == set;
        let suffices = |target: &Target| target.permitted & !rights.bounding == 0;
        // Without `CAP_DAC_READ_SEARCH` the folder stays shut to a root that is not its owner.
        if (gets(capability::SYS_PTRACE) && rights.bounding & capability::DAC != 0)
            || (gets(capability::SETIDS) && all(&|target| is_open(target) && suffices(target)))
        {
            ways.push(Way::Root);
        }
        // Root that may take on other ids has tried that before (`Proc::as_owner`).
        let has_tried = is_root && has(capability::SETIDS);
        let first = targets.first().map_or((0, 0), |target| target.owner);
        let is_of_first =
            |target: &Target| is_open(target) && target.permitted == 0 && target.owner == first;
        if first.0 != 0 && !has_tried && all(&is_of_first) {
            ways.push(Way::Owner(first));
        }
        if ways.is_empty() {
            ways.push(Way::Ptrace);
        }
        ways
    }

    /// Returns what to try in order to read `targets`.
    pub(super) fn remedy(&self, targets: &[Target]) -> String {
        let ways = self.ways(targets);
        match ways.first() {
            Some(Way::Outside) => {
                return "outside this user namespace; try root on the host".to_owned();
            }
            None => {
                return "not readable even with CAP_SYS_PTRACE: a security module or a sandbox keeps them from everybody here".to_owned();
            }
            _ => {}
        }
        let [host, ..] = &PLACES;
        let place = PLACES.iter().find(|words| words.place == self.place);
        let words = place.unwrap_or(host);
        let mut text = "try ".to_owned();
        for way in ways {
            match way {
                Way::PodmanUnshare => text.push_str("podman unshare lsock"),
                Way::Root => text.push_str(words.root),
                Way::Owner((uid, gid)) => {
                    let (before, between) = words.user;
                    // Writing to a String cannot fail.
                    let _ = write!(text, "{before}{uid}{between}{gid}");
                }
                Way::Ptrace => text.push_str(words.ptrace),
                Way::Dac => text.push_str("CAP_DAC_READ_SEARCH too (--cap-add DAC_READ_SEARCH)"),
                Way::Unconfined => text.push_str(words.unconfined),
                Way::Outside => {}
            }
            text.push_str(", or ");
        }
        match self.place {
            Place::Host => text.truncate(text.len() - ", or ".len()),
            _ => text.push_str("root on the host"),
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default capabilities of docker.
    const DOCKER: u64 = 0xa804_25fb;
    /// All capabilities.
    const ALL: u64 = (1 << 41) - 1;

    /// Returns a seat of this uid and gid, with these capabilities in effect and in its bounding set.
    fn seat(place: Place, id: u32, effective: u64, bounding: u64) -> Seat {
        let rights = Rights {
            uids: [id; 4],
            gids: [id; 4],
            effective,
            bounding,
            ..Rights::default()
        };
        Seat {
            rights,
            place,
            is_inside: false,
        }
    }

    /// Returns a process of this uid and gid that its owner may read.
    fn target(id: u32) -> Target {
        Target {
            owner: (id, id),
            is_open_to_owner: true,
            permitted: 0,
            user_namespace: Some(UserNamespace::RootIs(0)),
            is_profile_apart: false,
        }
    }

    /// Returns the same process, but not dumpable.
    fn shut(id: u32) -> Target {
        Target {
            is_open_to_owner: false,
            ..target(id)
        }
    }

    /// Demands of each seat that it has this remedy for these processes.
    #[track_caller]
    fn holds(cases: impl IntoIterator<Item = (Seat, Vec<Target>, &'static str)>) {
        for (seat, targets, wanted) in cases {
            let Seat { place, rights, .. } = &seat;
            assert_eq!(seat.remedy(&targets), wanted, "{place:?}, {rights:?}");
        }
    }

    #[test]
    fn on_a_host_root_reads_all_and_nobody_speaks_of_containers() {
        let user = || seat(Place::Host, 1000, 0, ALL);
        let outside = Target {
            user_namespace: Some(UserNamespace::Outside),
            ..target(65_534)
        };
        let rootless = Target {
            user_namespace: Some(UserNamespace::RootIs(1000)),
            ..target(100_032)
        };
        holds([
            (user(), vec![target(33), target(0)], "try root"),
            (
                user(),
                vec![target(33), target(33)],
                "try root, or user 33 with group 33",
            ),
            (user(), vec![shut(1000)], "try root"),
            (
                user(),
                vec![rootless],
                "try podman unshare lsock, or root, or user 100032 with group 100032",
            ),
            (
                seat(Place::Host, 0, DOCKER, DOCKER),
                vec![shut(1000)],
                "try root with CAP_SYS_PTRACE",
            ),
            (
                seat(Place::Host, 0, ALL, ALL),
                vec![outside],
                "outside this user namespace; try root on the host",
            ),
            (
                Seat {
                    is_inside: true,
                    ..seat(Place::Host, 0, ALL, ALL)
                },
                vec![target(0)],
                "outside this user namespace; try root on the host",
            ),
            (
                seat(Place::Host, 0, ALL, ALL),
                vec![target(0)],
                "not readable even with CAP_SYS_PTRACE: a security module or a sandbox keeps them from everybody here",
            ),
        ]);
    }

    #[test]
    fn in_a_container_its_root_takes_on_the_owners_ids_and_so_reads_what_is_dumpable() {
        let user = |bounding| seat(Place::DockerExec, 1000, 0, bounding);
        let root = |effective| seat(Place::DockerExec, 0, effective, effective);
        let as_root = "try docker exec -u 0, or root on the host";
        let as_owner = "try docker exec -u 33:33, or root on the host";
        let privileged = "try docker exec -u 0 --privileged, or root on the host";
        let able = Target {
            permitted: 1 << 10,
            ..target(33)
        };
        let mut stubborn = user(DOCKER);
        stubborn.rights.no_new_privs = true;
        holds([
            (user(DOCKER), vec![target(33), target(0)], as_root),
            (
                user(DOCKER),
                vec![target(33)],
                "try docker exec -u 0, or docker exec -u 33:33, or root on the host",
            ),
            (
                seat(Place::PodmanExec, 1000, 0, DOCKER),
                vec![target(33), target(34)],
                "try podman exec -u 0, or root on the host",
            ),
            (root(DOCKER), vec![shut(33)], privileged),
            // The same ids were of no use, so those of root are of none either.
            (user(DOCKER), vec![shut(1000)], privileged),
            (user(DOCKER), vec![target(1000)], privileged),
            // Without CAP_SETUID root cannot, nor where no program gets a right that its user has not.
            (user(0), vec![target(33)], as_owner),
            (root(0), vec![target(33)], as_owner),
            (stubborn, vec![target(33)], as_owner),
            (root(0), vec![target(33), target(34)], privileged),
            // Whoever reads a process needs its capabilities too: a user has none, root has those of the container.
            (user(DOCKER), vec![able], as_root),
        ]);
    }

    #[test]
    fn beside_a_container_options_of_a_new_one_help_and_in_a_pod_its_spec() {
        let apart = Target {
            is_profile_apart: true,
            ..target(0)
        };
        let beside = |id, effective| seat(Place::Sidecar, id, effective, ALL);
        let unconfined = "try --user 0 --cap-add SYS_PTRACE --security-opt apparmor=unconfined, or root on the host";
        holds([
            (
                beside(1000, 0),
                vec![target(33)],
                "try --user 0, or --user 33:33, or root on the host",
            ),
            (
                beside(0, DOCKER),
                vec![shut(33)],
                "try --user 0 --cap-add SYS_PTRACE, or root on the host",
            ),
            // With nothing but SYS_PTRACE even root opens no folder of theirs.
            (
                seat(Place::Sidecar, 1000, 0, capability::SYS_PTRACE),
                vec![target(33)],
                "try --user 33:33, or root on the host",
            ),
            (
                beside(0, capability::SYS_PTRACE),
                vec![target(33)],
                "try CAP_DAC_READ_SEARCH too (--cap-add DAC_READ_SEARCH), or root on the host",
            ),
            (beside(0, ALL), vec![apart], unconfined),
            (beside(0, DOCKER), vec![apart], unconfined),
            (
                seat(Place::Pod, 1000, 0, DOCKER),
                vec![target(33)],
                "try runAsUser: 0, or runAsUser: 33 and runAsGroup: 33, or root on the host",
            ),
            (
                seat(Place::Pod, 0, DOCKER, DOCKER),
                vec![shut(33)],
                "try kubectl debug --profile=sysadmin, or root on the host",
            ),
        ]);
    }

    #[test]
    fn every_place_has_its_words() {
        for place in [
            Place::Host,
            Place::DockerExec,
            Place::PodmanExec,
            Place::Sidecar,
            Place::Pod,
        ] {
            assert_eq!(
                PLACES.iter().filter(|words| words.place == place).count(),
                1
            );
        }
    }
}
