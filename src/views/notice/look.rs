//! Looks at where this program sits, and at the first of the processes that it could not read. In: a proc and those processes.
//! Out: a seat and targets, for `seat`. What it reads is small, and everybody may read it.

use std::env;
use std::path::Path;

use crate::proc::sys::Stat;
use crate::proc::{Proc, Task};
use crate::views::notice::seat::{Place, Seat, Target};
use crate::views::notice::status::{NOBODY, Rights, UserNamespace, enforced, is_whole};
use crate::walk::Unread;
use crate::walk::container::Containers;

/// The most unread processes that are looked at.
const TARGETS_MAX: usize = 16;

/// Returns what to try in order to read `unread`, processes of `proc`.
pub(super) fn remedy(proc: &Proc, unread: &[Unread]) -> String {
    let mut buffer = [0; 4096];
    // Another proc need not show this program.
    let own = Proc::open(Path::new("/proc")).ok();
    let own = own.as_ref().and_then(|own| Some((own, own.own_pid()?)));
    let own = own.map(|(proc, pid)| (proc, Task::process(pid)));
    let read = own.map(|(proc, task)| proc.read_file(task, "status", &mut buffer));
    // A program that cannot read its own status counts as nobody, without rights.
    let rights = read.and_then(Result::ok).map_or(NOBODY, Rights::parse);
    let map = own.map(|(proc, task)| proc.read_file(task, "uid_map", &mut buffer));
    let is_inside = map.is_some_and(|map| map.is_ok_and(|text| !is_whole(text)));
    let own_profile = own.and_then(|(proc, task)| profile(proc, task, &mut buffer));
    let mut targets = Vec::new();
    for unread in unread.iter().take(TARGETS_MAX) {
        targets.push(Target::look(
            proc,
            unread,
            own_profile.as_deref(),
            &mut buffer,
        ));
    }
    let mut containers = Containers::default();
    let mut find = |proc, task| containers.look(proc, task, &mut buffer);
    let home = own.and_then(|(proc, task)| find(proc, task));
    let first = unread.first().map(|first| Task::process(first.pid));
    let first = first.and_then(|task| find(proc, task));
    let is_beside = proc.own_pid().is_none() || home != first;
    let place = Place::find(home.is_some(), is_beside);
    let seat = Seat {
        rights,
        place,
        is_inside,
    };
    seat.remedy(&targets)
}

/// Returns the profile of `AppArmor` that confines `task`, if one does.
fn profile(proc: &Proc, task: Task, buffer: &mut [u8]) -> Option<Vec<u8>> {
    // Before Linux 5.1 the first is missing; the second is of any security module.
    for name in ["attr/apparmor/current", "attr/current"] {
        if let Ok(text) = proc.read_file(task, name, buffer) {
            return enforced(text).map(<[u8]>::to_vec);
        }
    }
    None
}

impl Place {
    /// Returns where this program is. `is_known` says that its container is known, `is_beside` that the unread processes
    /// are in another one, or on the host.
    fn find(is_known: bool, is_beside: bool) -> Self {
        let is_there = |path| Stat::of_path(Path::new(path)).is_ok();
        let is_podman = is_there("/run/.containerenv");
        let is_in_container = is_known || is_podman || is_there("/.dockerenv");
        if env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            Self::Pod
        } else if !is_in_container {
            Self::Host
        } else if is_beside {
            Self::Sidecar
        } else if is_podman {
            Self::PodmanExec
        } else {
            Self::DockerExec
        }
    }
}

impl Target {
    /// Looks at `unread`. All that is asked may be read by everybody, unless proc hides the process (hidepid=1).
    fn look(proc: &Proc, unread: &Unread, own_profile: Option<&[u8]>, buffer: &mut [u8]) -> Self {
        let task = Task::process(unread.pid);
        // The folder PID/fd of a process that is not dumpable is root's, whoever runs it (`fs/proc/base.c`:
        // `task_dump_owner`); PID itself is its user's.
        let folder = proc.stat(task, "fd");
        let folder = folder.map_or((unread.uid, unread.gid), |stat| (stat.uid, stat.gid));
        let rights = proc
            .read_file(task, "status", buffer)
            .ok()
            .map(Rights::parse);
        let user_namespace = proc.read_file(task, "uid_map", buffer);
        let user_namespace = user_namespace.ok().and_then(UserNamespace::parse);
        let is_profile_apart =
            own_profile.is_some() && profile(proc, task, buffer).as_deref() != own_profile;
        Self {
            owner: rights.map_or(folder, |rights| rights.owner()),
            is_open_to_owner: rights
                .is_none_or(|rights| rights.is_of_one_user() && rights.owner() == folder),
            permitted: rights.map_or(0, |rights| rights.permitted),
            user_namespace,
            is_profile_apart,
        }
    }
}
