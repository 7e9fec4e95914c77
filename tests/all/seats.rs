//! Where lsock sits, and what it then says would help: on a host, in a container, in a pod, in a user namespace. Each seat is made
//! by a root folder of its own with the files by which engines mark their containers, in namespaces of its own; the remedy that
//! is named for a user is tried too. `unshare` and `setpriv` (util-linux) and root are needed.

use crate::machine::{is_root, skip};
use crate::rows::ID;
use crate::run::{LSOCK, Run};
use crate::tree::Tree;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// A root folder with lsock and nothing else.
struct Seat {
    /// Goes away with the seat.
    _tree: Tree,
    /// The folder.
    root: PathBuf,
}

/// Starts a process in a PID namespace of its own that is to be looked at, with lsock's words behind it. `$1` is the root folder,
/// `$2` what the process becomes by setpriv, `$3` its program, `$4` the argument of that, and the rest the command that looks.
const SCRIPT: &str = r#"
root=$1 as=$2 program=$3 how=$4
shift 4
mount -t proc proc "$root/proc" || { echo "no proc" >&2; exit 99; }
setpriv $as -- "$program" "$how" &
until read -r name <"$root/proc/$!/comm" && [ "$name" = ready ]; do :; done
cd /
"$@" "$!"
status=$?
kill "$!"
exit "$status"
"#;

impl Seat {
    /// Makes a seat with these empty files.
    fn with(marks: &[&str]) -> Self {
        let tree = Tree::new();
        let root = tree.top().join("root");
        for folder in ["proc", "run"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for mark in marks {
            fs::write(root.join(mark), "").unwrap();
        }
        fs::copy(LSOCK, root.join("lsock")).unwrap();
        fs::set_permissions(root.join("lsock"), fs::Permissions::from_mode(0o755)).unwrap();
        Seat { _tree: tree, root }
    }

    /// Looks, by a command that ends with lsock's path in the root folder, at a sleeper of `owner`, which is `SHUT` or `OPEN`.
    fn look(&self, by: &[&str], owner: &str, how: &str) -> Run {
        let ids = format!("--reuid={owner} --regid={owner} --clear-groups");
        self.look_at(by, &ids, how)
    }

    /// The same of a sleeper that setpriv makes with these words.
    fn look_at(&self, by: &[&str], words: &str, how: &str) -> Run {
        let program = self.root.with_file_name("sleeper");
        fs::copy(sleeper().unwrap(), &program).unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            SCRIPT,
            "sh",
        ]);
        unshare.arg(&self.root).arg(words);
        unshare.arg(&program).arg(how).args(by);
        unshare.env_remove("KUBERNETES_SERVICE_HOST");
        Run::of(&mut unshare)
    }

    /// The command that looks as this user and group.
    fn user<'a>(&'a self, ids: &'a str) -> Vec<&'a str> {
        let root = self.root.to_str().unwrap();
        vec!["chroot", "--groups=", ids, root, "/lsock"]
    }
}

/// Whether seats can be made here; says so where they cannot.
fn can_be_made() -> bool {
    if !is_root() {
        skip("not root, so nobody else's rights can be tried");
        return false;
    }
    if let Err(why) = sleeper() {
        skip(&why);
        return false;
    }
    let run = Seat::with(&[]).look(&["true"], "33", OPEN);
    if run.status != Some(0) {
        skip(&format!(
            "unshare and setpriv (util-linux): {}",
            run.err().trim()
        ));
    }
    run.status == Some(0)
}

/// What the last line says after the count.
#[track_caller]
fn remedy(run: &Run) -> String {
    assert_eq!(run.status, Some(3), "{run:?}");
    let line = run.one_line();
    let (count, remedy) = line.rsplit_once("; ").unwrap_or_else(|| panic!("{line}"));
    assert!(
        count.starts_with("1 of 1 processes could not be read (uid "),
        "{line}"
    );
    remedy.to_owned()
}

/// The argument that makes a sleeper one that is not dumpable, which only `CAP_SYS_PTRACE` may read.
const SHUT: &str = "shut";
/// The argument that leaves it as it is.
const OPEN: &str = "open";

/// Sleeps, for a minute at most.
const SLEEPER: &str = r#"
#include <sys/prctl.h>
#include <unistd.h>
int main(int count, char **words) {
    if (count > 1 && words[1][0] == 's') prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "ready");
    alarm(60);
    pause();
    return 0;
}
"#;

/// Builds the sleeper once; or says why that cannot be done.
fn sleeper() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let (source, program) = (folder.join("sleeper.c"), folder.join("sleeper"));
        fs::write(&source, SLEEPER).unwrap();
        let mut cc = Command::new("cc");
        let output = cc.arg("-o").arg(&program).arg(&source).output();
        let output =
            output.map_err(|error| format!("cc, which builds a process to look at: {error}"))?;
        assert!(output.status.success(), "{output:?}");
        Ok(program)
    };
    BUILT.get_or_init(build).clone()
}

#[test]
fn a_user_is_told_what_works_where_it_is() {
    if !can_be_made() {
        return;
    }
    let beyond = "or root on the host";
    for (marks, wanted) in [
        (&[][..], "try root, or user 33 with group 33".to_owned()),
        (
            &[".dockerenv"],
            format!("try docker exec -u 0, or docker exec -u 33:33, {beyond}"),
        ),
        (
            &["run/.containerenv"],
            format!("try podman exec -u 0, or podman exec -u 33:33, {beyond}"),
        ),
    ] {
        let seat = Seat::with(marks);
        assert_eq!(
            remedy(&seat.look(&seat.user("--userspec=1234:1234"), "33", OPEN)),
            wanted
        );
        // The same ids are enough for what is dumpable, and for nothing else.
        seat.look(&seat.user("--userspec=33:33"), "33", OPEN)
            .shows_nothing();
        let shut = remedy(&seat.look(&seat.user("--userspec=33:33"), "33", SHUT));
        let root_reads_all = match marks {
            [] => "try root".to_owned(),
            [".dockerenv"] => format!("try docker exec -u 0, {beyond}"),
            _ => format!("try podman exec -u 0, {beyond}"),
        };
        // This root has every capability, so that its bounding set promises CAP_SYS_PTRACE.
        assert_eq!(shut, root_reads_all);
        seat.look(&seat.user("--userspec=0:0"), "33", SHUT)
            .shows_nothing();
    }
}

#[test]
fn root_without_ptrace_reads_what_is_dumpable_and_is_told_what_reads_the_rest() {
    if !can_be_made() {
        return;
    }
    let bounded = [
        "setpriv",
        "--bounding-set=-sys_ptrace",
        "--inh-caps=-sys_ptrace",
        "--",
    ];
    for (mark, variable, wanted) in [
        ("run/x", "NO=1", "try root with CAP_SYS_PTRACE"),
        (
            ".dockerenv",
            "NO=1",
            "try docker exec -u 0 --privileged, or root on the host",
        ),
        (
            ".dockerenv",
            "KUBERNETES_SERVICE_HOST=10.0.0.1",
            "try kubectl debug --profile=sysadmin, or root on the host",
        ),
    ] {
        let seat = Seat::with(&[mark]);
        let user = seat.user("--userspec=0:0");
        let by = [&bounded[..], &["env", variable], &user].concat();
        seat.look(&by, "33", OPEN).shows_nothing();
        assert_eq!(remedy(&seat.look(&by, "33", SHUT)), wanted);
        // A user of such a container is not sent to a root that could not read it either.
        let user = seat.user("--userspec=33:33");
        let by = [&bounded[..], &["env", variable], &user].concat();
        assert_eq!(remedy(&seat.look(&by, "33", SHUT)), wanted);
    }
}

#[test]
fn root_without_any_capability_is_sent_to_the_owner_and_ptrace_needs_dac() {
    if !can_be_made() {
        return;
    }
    let seat = Seat::with(&[".dockerenv"]);
    let chroot = ["chroot", seat.root.to_str().unwrap(), "/lsock"];
    // chroot itself needs a capability, which is of no use for reading.
    for (kept, wanted) in [
        (
            ",+sys_chroot",
            "try docker exec -u 33:33, or root on the host",
        ),
        (
            ",+sys_chroot,+sys_ptrace",
            "try CAP_DAC_READ_SEARCH too (--cap-add DAC_READ_SEARCH), or root on the host",
        ),
    ] {
        let bounding = format!("--bounding-set=-all{kept}");
        let by = [
            &["setpriv", &bounding, "--inh-caps=-all", "--"][..],
            &chroot,
        ]
        .concat();
        assert_eq!(remedy(&seat.look(&by, "33", OPEN)), wanted);
    }
}

// A cgroup and a profile that this kernel has not are given to lsock alone, by files that are mounted over those of its process: a
// container beside the one that it looks at, and AppArmor, which refuses one profile the other whatever it may otherwise.
#[test]
fn beside_a_container_in_a_pod_and_under_apparmor_what_is_named_is_what_works_there() {
    if !can_be_made() {
        return;
    }
    let seat = Seat::with(&[".dockerenv"]);
    let file = |name: &str, text: &str| {
        let path = seat.root.with_file_name(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cgroup = file("cgroup", &format!("0::/docker/{ID}\n"));
    let enforced = file("enforced", "docker-default (enforce)\n");
    let root = seat.root.to_str().unwrap();
    let plain = "--userspec=1234:1234";
    let without_ptrace = [
        "setpriv",
        "--bounding-set=-sys_ptrace",
        "--inh-caps=-sys_ptrace",
        "--",
    ];
    let beside = format!("mount --bind {cgroup} {root}/proc/$$/cgroup");
    let confined = format!("mount --bind {enforced} {root}/proc/$$/attr/current");
    let both = format!("{beside} && {confined}");
    let pod = "export KUBERNETES_SERVICE_HOST=10.0.0.1";
    let confined_pod = format!("{pod}; {confined}");
    for (script, ids, how, wanted) in [
        (
            &beside[..],
            plain,
            OPEN,
            "--user 0, or --user 33:33, or root on the host",
        ),
        (
            &beside,
            "--userspec=0:0",
            SHUT,
            "--user 0 --cap-add SYS_PTRACE, or root on the host",
        ),
        (
            &both,
            "--userspec=0:0",
            SHUT,
            "--user 0 --cap-add SYS_PTRACE --security-opt apparmor=unconfined, or root on the host",
        ),
        (
            &confined,
            plain,
            OPEN,
            "docker exec -u 0 --privileged, or root on the host",
        ),
        (
            pod,
            plain,
            OPEN,
            "runAsUser: 0, or runAsUser: 33 and runAsGroup: 33, or root on the host",
        ),
        (
            &confined_pod,
            plain,
            OPEN,
            "kubectl debug --profile=sysadmin, or root on the host",
        ),
    ] {
        let script = format!("{script} && exec \"$@\"");
        let user = seat.user(ids);
        let mut by = vec!["sh", "-c", script.as_str(), "sh"];
        if how == SHUT {
            by.extend(without_ptrace);
        }
        by.extend(user);
        assert_eq!(
            remedy(&seat.look(&by, "33", how)),
            format!("try {wanted}"),
            "{script}"
        );
    }
    // A host's own process is not in a container that is marked.
    let seat = Seat::with(&[]);
    let root = seat.root.to_str().unwrap();
    let script = format!("mount --bind {enforced} {root}/proc/$$/attr/current && exec \"$@\"");
    let user = seat.user(plain);
    let by = [&["sh", "-c", script.as_str(), "sh"][..], &user].concat();
    assert_eq!(
        remedy(&seat.look(&by, "33", OPEN)),
        "try a shell that AppArmor does not confine"
    );
}

#[test]
fn root_of_a_user_namespace_is_told_that_others_are_outside() {
    if !can_be_made() {
        return;
    }
    let plain = [
        "setpriv",
        "--reuid=1234",
        "--regid=1234",
        "--clear-groups",
        "--",
    ];
    let outside = "--reuid=33 --regid=33 --clear-groups";
    // The host's root is root in a namespace that root has made too; so is the root of one namespace of a user in another of his.
    let sibling = "--reuid=1234 --regid=1234 --clear-groups -- unshare --user --map-root-user";
    for (marks, user, words) in [
        (&[][..], &plain[..], outside),
        (&["run/.containerenv"], &plain, outside),
        (&[], &[], outside),
        (&[], &plain, sibling),
    ] {
        let seat = Seat::with(marks);
        let root = seat.root.to_str().unwrap();
        let inside = [
            "unshare",
            "--user",
            "--map-root-user",
            "chroot",
            root,
            "/lsock",
        ];
        let run = seat.look_at(&[user, &inside].concat(), words, OPEN);
        if run.err().contains("unshare") {
            return skip(&format!("user namespaces: {}", run.err().trim()));
        }
        assert_eq!(remedy(&run), "try root on the host");
        assert!(
            run.err().contains("; outside this user namespace; "),
            "{run:?}"
        );
    }
}
