//! Sandboxes that deny a system call, and machines that are short of memory: the answer is whole, or one true sentence says why
//! there is none. Calls are denied by strace, which answers in the kernel's place; seccomp profiles do the same.

use crate::again::in_a_network_of_its_own;
use crate::machine::{skip, strace};
use crate::rows::{listen, unix};
use crate::run::{LSOCK, Run, lsock};
use crate::tree::Tree;
use std::collections::BTreeSet;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::{Duration, Instant};

/// What is asked: each view, and each way to look.
const VIEWS: [&str; 12] = [
    "",
    "-j --netns 7",
    "-o -t state listening",
    "-e",
    "-E -j",
    "-s",
    "-T",
    "-q",
    "worker",
    "7 --threads 4",
    "-l --container abc",
    "--wait=0.1 :9",
];

/// Calls that are not tried, and why.
const NOT_TRIED: [(&str, &str); 7] = [
    ("execve", "nothing runs without it"),
    (
        "arch_prctl",
        "the C library ends the program before it begins",
    ),
    ("set_thread_area", "the same, on 32-bit x86"),
    ("write", "nothing can be said"),
    ("mmap", "there is no memory: std says so"),
    ("mmap2", "the same, on 32-bit x86"),
    ("exit_group", "it does not return"),
];

/// A tree with a thread of its own table, descriptors far apart, a socket without a row, and text to decode.
fn tree() -> Tree {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11), listen(81, 12), listen(82, 13)]);
    tree.table(
        "unix",
        &[unix("00010000", "0001", "01", 14, "/run/app.sock")],
    );
    let process = tree.process(7, "java").socket(0, 12).socket(250, 11);
    process
        .socket(1000, 14)
        .thread(9, "worker", "a")
        .socket(3, 13);
    tree.process(8, "nginx").socket(3, 99);
    tree
}

/// A command that looks at `tree`.
fn look(tree: &Tree, args: &str) -> Command {
    let mut command = lsock();
    command.arg("--proc").arg(tree.path());
    command.args(args.split_ascii_whitespace());
    command
}

/// The name that a manual page has of a call: of stat and fstat there are several.
fn name(call: &str) -> &str {
    let stats = ["newfstatat", "fstatat64", "fstat64", "stat64"];
    if stats.contains(&call) { "stat" } else { call }
}

/// Runs `command` while `call` answers with `error`.
fn denied(command: &Command, call: &str, error: &str) -> Run {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
    strace.arg(format!("inject={call}:error={error}"));
    Run::of(strace.arg(command.get_program()).args(command.get_args()))
}

#[test]
fn whatever_call_is_denied_the_answer_is_whole_or_one_sentence_says_why_there_is_none() {
    let tree = tree();
    // What std and the C library may ask for besides, on one kernel or another.
    let mut calls: BTreeSet<String> = ["clone", "getrandom", "poll", "sigaltstack", "statx"]
        .map(str::to_owned)
        .into();
    let mut plain = Vec::new();
    for args in VIEWS {
        let (_, trace) = match strace(&["-f"], &look(&tree, args)) {
            Ok(traced) => traced,
            Err(why) => return skip(&why),
        };
        let names = trace.lines().filter_map(|line| {
            let (name, _) = line
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')
                .split_once('(')?;
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            is_name.then(|| name.to_owned())
        });
        calls.extend(names);
        plain.push(Run::of(&mut look(&tree, args)));
    }
    for (call, _) in NOT_TRIED {
        calls.remove(call);
    }
    assert!(calls.len() > 15, "{calls:?}");
    for call in &calls {
        for error in ["EPERM", "ENOSYS", "EACCES"] {
            for (args, plain) in VIEWS.iter().zip(&plain) {
                let denied = denied(&look(&tree, args), call, error);
                let what = format!("{call} {error}: lsock {args}: {denied:?}");
                let is_whole = denied.out() == plain.out() && denied.status == plain.status;
                if is_whole && denied.err() == plain.err() {
                    continue;
                }
                assert!(
                    is_whole || (denied.out().is_empty() && denied.status == Some(2)),
                    "{what}"
                );
                // Nothing is said where nothing is to be said.
                if *args != "-q" || !is_whole {
                    assert!(
                        denied.one_line().contains(&format!("{}(2)", name(call))),
                        "{what}"
                    );
                }
            }
        }
    }
}

#[test]
fn text_is_decoded_where_the_files_kind_cannot_be_asked() {
    let tree = tree();
    let file = tree.net("a").join("tcp");
    let decode = || {
        let mut command = lsock();
        command.arg("--decode").arg(&file);
        command
    };
    let plain = Run::of(&mut decode());
    assert_eq!(plain.rows().len(), 3, "{plain:?}");
    if let Err(why) = strace(&[], &decode()) {
        return skip(&why);
    }
    for call in ["stat", "newfstatat", "statx", "fstat"] {
        for error in ["EPERM", "ENOSYS", "EACCES"] {
            let denied = denied(&decode(), call, error);
            assert_eq!(
                (denied.out(), denied.err()),
                (plain.out(), plain.err()),
                "{call} {error}"
            );
        }
    }
}

// Each look of --wait is one poll; where that is denied the pause must not shrink to nothing.
#[test]
fn a_wait_does_not_spin_where_poll_is_denied() {
    let tree = tree();
    let options = [
        "-f",
        "-e",
        "trace=poll,ppoll",
        "-e",
        "inject=poll,ppoll:error=EPERM",
    ];
    let start = Instant::now();
    match strace(&options, &look(&tree, "--wait=0.5 -u :9")) {
        Ok((run, calls)) => {
            run.shows_nothing();
            let polls = calls.matches("poll(").count();
            assert!((2..40).contains(&polls), "{polls} of {calls}");
            assert!(start.elapsed() >= Duration::from_millis(500));
        }
        Err(why) => skip(&why),
    }
}

// An unbound socket stands in no table, so that only its descriptor tells what it is.
#[test]
fn a_socket_whose_protocol_may_not_be_asked_is_shown_and_one_sentence_says_so() {
    let probe = || strace(&[], lsock().arg("--version"));
    if let Err(why) = probe() {
        return skip(&why);
    }
    // The kernel may have no Multipath TCP.
    let text = "import socket, sys
s = socket.socket(type=socket.SOCK_DGRAM)
try:
    m = socket.socket(proto=262)
    m.listen()
except OSError:
    m = None
print(end='y' if m else 'n', flush=True)
sys.stdin.read()";
    let holder = Command::new("python3")
        .args(["-c", text])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut holder = match holder {
        Ok(holder) => holder,
        Err(error) => {
            return skip(&format!(
                "python3, which holds a socket that is not bound: {error}"
            ));
        }
    };
    let mut ready = [0];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let pid = holder.id().to_string();
    for error in ["EPERM", "ENOSYS", "EACCES"] {
        let run = denied(lsock().arg(&pid), "getxattr", error);
        assert!(run.one_line().starts_with("getxattr(2)"), "{run:?}");
        let rows = run.rows();
        assert!(
            rows.iter().any(|row| row.ends_with(" - - - - ? -")),
            "{rows:?}"
        );
        assert_eq!(run.status, Some(0));
        // It may be of UDP, as it is.
        for args in [&["-u", &pid][..], &["-q", "-u", &pid]] {
            let run = denied(lsock().args(args), "getxattr", error);
            assert_eq!((run.out(), run.status), ("", Some(3)), "{run:?}");
        }
        // Whatever it is, it has no state and is of its user.
        for args in [&["-q", "-sESTABLISHED"][..], &["-q", "-u", "--uid", "4242"]] {
            denied(lsock().args(args).arg(&pid), "getxattr", error).exactly("", 1);
        }
        let run = denied(lsock().args(["-t", "-l", "-e"]), "getxattr", error);
        let says_so = run.err().contains("mptcp is called tcp");
        assert!(says_so || ready == *b"n", "{run:?}");
    }
    drop(holder.stdin.take());
    holder.wait().unwrap();
}

// A row behind a short name may be a name's; only the kernel knows what its holder has.
#[test]
fn where_a_row_may_be_a_name_and_the_kernel_may_not_be_asked_a_line_says_so() {
    in_a_network_of_its_own(|| {
        let bound = |number: u32| {
            let name = SocketAddr::from_abstract_name(number.to_string()).unwrap();
            UnixDatagram::bind_addr(&name).unwrap()
        };
        let _bound: Vec<_> = (0..16).map(bound).collect();
        let pid = std::process::id().to_string();
        let run = denied(lsock().args(["-x", &pid]), "getxattr", "EPERM");
        assert_eq!(run.rows().len(), 16);
        assert!(
            run.one_line()
                .ends_with("a name may pretend to be a row of unix"),
            "{run:?}"
        );
    });
}

// Other tools' languages are of this machine's own proc alone, which fstatfs tells from a captured tree.
#[test]
fn this_proc_is_known_where_fstatfs_is_denied() {
    in_a_network_of_its_own(|| {
        let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        if let Err(why) = strace(&[], lsock().arg("--version")) {
            return skip(&why);
        }
        let mut ss = lsock();
        ss.args(["--as", "ss", "-Htln"]);
        let plain = Run::of(&mut ss);
        assert!(plain.out().starts_with("LISTEN"), "{plain:?}");
        let denied = denied(&ss, "fstatfs,fstatfs64", "EPERM");
        assert_eq!((denied.out(), denied.err()), (plain.out(), plain.err()));
    });
}

#[test]
fn no_call_is_made_that_old_sandboxes_deny() {
    let tree = tree();
    for args in [
        "",
        "-e -E",
        "-j",
        "-s",
        "--wait=0.1 :9",
        "--decode /proc/self/net/tcp",
    ] {
        let (_, calls) = match strace(&["-f"], &look(&tree, args)) {
            Ok(traced) => traced,
            Err(why) => return skip(&why),
        };
        // Of std's beginning, of a seed, and of files that are asked for their birth.
        for call in ["getrandom(", "statx(", "sigaltstack("] {
            assert!(!calls.contains(call), "lsock {args}: {call}");
        }
        assert!(!calls.contains("/dev/"), "lsock {args}: {calls}");
    }
}

#[test]
fn where_memory_is_short_there_are_fewer_threads_and_the_same_answer() {
    let tree = Tree::new();
    let rows: Vec<Vec<u8>> = (0..400)
        .map(|number| listen(1000 + number, 5000 + u64::from(number)).into())
        .collect();
    tree.table("tcp", &rows);
    for pid in 100..300 {
        let inode = 4900 + u64::from(pid);
        tree.process(pid, "worker")
            .socket(3, inode)
            .socket(4, inode + 200);
    }
    let limited = |kib: u64, threads: &str| {
        let mut prlimit = Command::new("prlimit");
        prlimit.arg(format!("--as={}", kib * 1024)).arg(LSOCK);
        prlimit
            .args(["-s", "--threads", threads, "--proc"])
            .arg(tree.path());
        Run::of(&mut prlimit)
    };
    if let Err(error) = Command::new("prlimit").arg("--version").output() {
        return skip(&format!(
            "prlimit (util-linux), which limits memory: {error}"
        ));
    }
    let enough = (1000..20_000)
        .step_by(250)
        .find(|kib| limited(*kib, "1").status == Some(0));
    let enough = enough.expect("one thread needs less than 20 MB");
    let plain = limited(enough, "1");
    assert!(plain.out().contains("worker"), "{plain:?}");
    for more in [
        500, 1000, 2000, 3000, 5000, 8500, 9000, 10_000, 12_000, 16_000, 24_000, 40_000,
    ] {
        for threads in ["4", "32", "200"] {
            let run = limited(enough + more, threads);
            let what = format!("{} KiB, {threads} threads", enough + more);
            assert_eq!((run.out(), run.err()), (plain.out(), ""), "{what}");
        }
    }
}

// UNIX is the kernel's name of datagrams and of SEQPACKET; before Linux 5.15 of streams too.
#[test]
fn a_unix_socket_of_a_namespace_without_a_process_is_shown_by_its_type_where_the_kernel_tells_it() {
    // As many descriptors of TCP that they are told apart by its table.
    let text = "import ctypes, os, socket, sys
libc = ctypes.CDLL(None)
home = os.open('/proc/self/ns/net', os.O_RDONLY)
if libc.unshare(0x40000000) != 0:
    sys.exit()
held = [socket.socket(socket.AF_UNIX, kind) for kind in (1, 2, 5)]
libc.setns(home, 0)
tcp = socket.create_server(('127.0.0.1', 0))
many = [tcp.dup() for _ in range(int(sys.argv[1]))]
print(end='y', flush=True)
sys.stdin.read()";
    in_a_network_of_its_own(|| {
        for many in ["0", "600"] {
            let mut python = Command::new("python3");
            python
                .args(["-c", text, many])
                .stdin(std::process::Stdio::piped());
            let holder = python.stdout(std::process::Stdio::piped()).spawn();
            let mut holder = match holder {
                Ok(holder) => holder,
                Err(error) => return skip(&format!("python3, which leaves a namespace: {error}")),
            };
            let mut ready = [0];
            if std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut ready).is_err() {
                return skip("no network namespace may be made");
            }
            for args in [&["-j"][..], &["-j", "-x"]] {
                let run = Run::of(lsock().args(args));
                let start = format!("{{\"pid\":{},", holder.id());
                let rows = run.out().lines().filter(|line| line.starts_with(&start));
                let told: Vec<String> = rows
                    .map(|row| serde_json::from_str(row).unwrap())
                    .filter(|row: &serde_json::Value| row["family"] == "unix")
                    .map(|row| format!("{} {} {}", row["proto"], row["type"], row["local"]))
                    .collect();
                let wanted = ["\"stream\"", "null", "null"];
                let wanted = wanted.map(|kind| format!("\"unix\" {kind} \"?\""));
                assert_eq!(told, wanted, "{args:?} {many}");
            }
            drop(holder.stdin.take());
            holder.wait().unwrap();
        }
    });
}
