//! The walk shared among threads: nobody can tell from what lsock says how many there were.
//!
//! Captured trees are large enough for helpers to be worth their start; the kernel's own /proc is read through children of
//! these tests, which hold thousands of descriptors or belong to other users. `prlimit` and `setpriv` (util-linux) make
//! them; what is missing is said in one line `skipped: TEST: REASON`, or `skipped: TEST/PART: REASON` for a part of it.

use crate::again::{Held, READY, again, hold, is_again};
use crate::machine::{PATIENCE, is_root, skip, skip_part, strace};
use crate::rows::{EMPTY, ID, NOBODY, tcp, tcp_short, udp, unix};
use crate::run::{LSOCK, Run, lsock};
use crate::tree::Tree;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The program and the arguments of a command.
fn words(command: &Command) -> Vec<OsString> {
    let program = std::iter::once(command.get_program());
    let words = program.chain(command.get_args());
    words.map(OsStr::to_owned).collect()
}

/// Runs these words with more arguments, separated by blanks.
fn run(words: &[OsString], args: &str) -> Run {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    Run::of(command.args(args.split_ascii_whitespace()))
}

/// Runs lsock on the kernel's own /proc.
fn run_live(args: &str) -> Run {
    run(&words(&lsock()), args)
}

/// Demands that `run` has told what `first` told, byte for byte.
#[track_caller]
fn tells_the_same(run: &Run, first: &Run, what: &str) {
    assert_eq!(run.out(), first.out(), "standard output: {what}");
    assert_eq!(run.err(), first.err(), "standard error: {what}");
    assert_eq!(run.status, first.status, "exit status: {what}");
}

// ---- captured trees -------------------------------------------------------------------------------------

/// The namespaces of a crowd; process N is in number N modulo 4.
const NAMESPACES: [&str; 4] = ["a", "b", "c", "d"];
/// The processes of a crowd, in groups of eight: in one, N and N + 4 are connected.
const CROWD: Range<u32> = 104..408;
/// That process of a crowd whose descriptors only root may read.
const CLOSED: u32 = 203;
/// That process of a crowd whose threads have descriptors of their own.
const THREADED: u32 = 120;
/// A line that no table has.
const GARBAGE: &str = "  17: this is no row";

/// 127.0.0.1 with this port, as a table spells it.
fn local(port: u32) -> String {
    format!("0100007F:{port:04X}")
}

/// What only process `pid` of a crowd holds: its connection, its unix socket, its UDP socket, and what no table has.
fn inode(pid: u32, which: u64) -> u64 {
    u64::from(pid) * 10 + which + 10_000
}

/// The listener that all processes of a namespace of a crowd hold.
fn listener(number: u32) -> u64 {
    1000 + u64::from(number)
}

/// About three hundred processes in four namespaces, each with five sockets. Some are not to be read by everybody, do not
/// tell their namespace, or have threads with descriptors of their own; and some rows are not the kernel's.
fn crowd() -> Tree {
    let tree = Tree::new();
    for (number, namespace) in (0..4).zip(NAMESPACES) {
        tree.namespace(namespace);
        add_tables(&tree, number, namespace);
    }
    tree.table_text("d", "udp", b"  sl  this header is not known\n 1: 2 3\n");
    for pid in CROWD {
        add_member(&tree, pid);
    }
    tree
}

/// Fills the tables of a namespace of a crowd.
fn add_tables(tree: &Tree, number: u32, namespace: &str) {
    let members = || CROWD.filter(move |pid| pid % 4 == number);
    let mut rows = vec![
        tcp(&local(80), NOBODY, "0A", EMPTY, 0, listener(number)),
        tcp(&local(81), NOBODY, "0A", EMPTY, 0, 99 + u64::from(number)),
        tcp_short(&local(80), &local(9000), "06"),
    ];
    rows.extend(members().map(|pid| {
        let state = if pid % 3 == 0 { "08" } else { "01" };
        let (here, there) = (local(pid), local(pid ^ 4));
        tcp(&here, &there, state, EMPTY, pid % 5, inode(pid, 0))
    }));
    // One kind of garbage in a table of two namespaces; another kind is in a table of a third.
    if ["b", "c"].contains(&namespace) {
        rows.insert(3, format!("{GARBAGE} of {namespace}"));
        rows.push(GARBAGE.to_owned());
    }
    tree.table_in(namespace, "tcp", &rows);
    let row = |pid| {
        let mut name = format!("/run/{namespace}/{pid}.sock").into_bytes();
        // A name that forges a row for the next one's socket, as any process can do.
        if pid % 50 == 0 {
            let forged = unix("00010000", "0001", "01", inode(pid + 4, 1), "/run/forged");
            name = [b"@\n".to_vec(), forged].concat();
        }
        unix("00010000", "0001", "01", inode(pid, 1), name)
    };
    tree.table_in(namespace, "unix", &members().map(row).collect::<Vec<_>>());
    let row = |pid| udp(&local(pid), NOBODY, "07", EMPTY, 0, inode(pid, 2));
    tree.table_in(namespace, "udp", &members().map(row).collect::<Vec<_>>());
}

/// Adds process `pid` of a crowd.
fn add_member(tree: &Tree, pid: u32) {
    let number = pid % 4;
    let namespace = NAMESPACES[usize::try_from(number).unwrap()];
    let comm = ["web", "db", "cache"][usize::try_from(pid % 3).unwrap()];
    let mut process = tree
        .process_in(namespace, pid, comm)
        .fd(0, "/dev/null")
        .fd(1, "pipe:[77]")
        .socket(3, listener(number))
        .socket(4, inode(pid, 0))
        .socket(5, inode(pid, 1))
        .socket(7, inode(pid, 2))
        .socket(40, inode(pid, 3));
    if !pid.is_multiple_of(10) {
        process = process.ns_net(4_026_531_840 + u64::from(number));
    }
    if namespace == "c" {
        let cgroup = format!("0::/system.slice/docker-{ID}.scope\n");
        process = process.file("cgroup", cgroup);
    }
    if pid == THREADED {
        let own = process.thread(1200, "own", namespace);
        own.socket(4, inode(pid, 0)).socket(41, inode(pid, 1));
        let away = process.thread(1201, "away", "b");
        away.socket(3, listener(1)).socket(9, inode(pid, 4));
    }
    if pid == CLOSED {
        process.mode("fd", 0);
    }
}

/// Asks lsock, which `words` run on a tree, each of these questions, with every number of threads. All have an answer.
#[track_caller]
fn ask(words: &[OsString], questions: &[&str]) {
    for question in questions {
        let first = run(words, &format!("{question} --threads 1"));
        first.is_sane();
        assert_eq!(first.status, Some(0), "{question}: {}", first.err());
        assert_ne!(first.out(), "", "{question}");
        for threads in [
            "--threads 2",
            "--threads 3",
            "--threads 7",
            "--threads 64",
            "",
        ] {
            let what = format!("{question} {threads}");
            tells_the_same(&run(words, &what), &first, &what);
        }
    }
}

// One tree for all of it, because to make so many files takes longer than to ask.
#[test]
fn any_number_of_threads_tells_the_same_of_a_captured_tree() {
    let tree = crowd();
    let mut command = lsock();
    let root = words(command.arg("--proc").arg(tree.path()));
    ask(
        &root,
        &[
            "",
            "-e",
            "-j",
            "-E",
            "-s",
            "-T",
            "-x",
            "-tl",
            "120",
            "web",
            "--container 54e9",
            "-E :104-180 db",
        ],
    );
    // Who may not read a process says so in a last line, and calls no socket without a holder nobody's.
    match tree.plain_user("") {
        Ok(command) => ask(&words(&command), &["", "-e", "-E", "-s", "203,204"]),
        Err(why) => skip_part("/plain-user", &why),
    }
    let closed = tree.path().join(CLOSED.to_string()).join("fd");
    fs::set_permissions(closed, fs::Permissions::from_mode(0o755)).unwrap();
    tells_of_all_the_crowd(&tree.run("--threads 4"));
}

/// Demands what makes a crowd difficult, without which there were nothing to compare.
#[track_caller]
fn tells_of_all_the_crowd(run: &Run) {
    run.is_sane();
    let rows = run.rows();
    // Five of each process, three more of threads, and two of each namespace that nobody holds.
    assert_eq!(rows.len(), CROWD.len() * 5 + 3 + 8, "{}", run.out());
    let begun = |start: &str| -> Vec<&str> {
        let rows = rows.iter().map(String::as_str);
        rows.filter(|row| row.starts_with(start)).collect()
    };
    let of_threads = [
        "120 web 3 tcp LISTEN 0 0 127.0.0.1:80 *:* net:[4026531840]",
        "120 web 4 tcp CLOSE_WAIT 0 0 127.0.0.1:120 127.0.0.1:124 net:[4026531840]",
        "120 web 5 unix LISTEN - - /run/a/120.sock * net:[4026531840]",
        "120 web 7 udp UNCONNECTED 0 0 127.0.0.1:120 *:* net:[4026531840]",
        "120 web 40 - - - - ? - net:[4026531840]",
        "120 web 41 unix LISTEN - - /run/a/120.sock * net:[4026531840]",
        "120 web 3 tcp LISTEN 0 0 127.0.0.1:80 *:* net:[4026531841]",
        "120 web 9 - - - - ? - net:[4026531841]",
    ];
    assert_eq!(begun("120 "), of_threads);
    assert_eq!(begun("- (time-wait) ").len(), 4);
    assert_eq!(begun("- (elsewhere) ").len(), 4);
    assert!(!run.out().contains("forged"), "{}", run.out());
    for said in [
        "/105/net/tcp: 4 rows skipped",
        "/107/net/udp: unknown header",
        "two rows claim one inode",
    ] {
        assert!(run.err().contains(said), "{said}: {}", run.err());
    }
    assert_eq!(run.err().lines().count(), 3, "{}", run.err());
}

// The first process of a namespace takes longest to read, so that another thread has met others of it before.
#[test]
fn a_complaint_about_a_table_names_the_first_process_of_its_namespace() {
    let tree = Tree::new();
    tree.namespace("b");
    tree.table_in("b", "tcp", &[GARBAGE]);
    let mut first = tree.process_in("b", 6, "slow").ns_net(2);
    for fd in 0..1000 {
        first = first.fd(fd, "/dev/null");
    }
    for pid in 7..110 {
        tree.process_in("b", pid, "quick").ns_net(2).socket(3, 11);
    }
    let mut command = lsock();
    let words = words(command.arg("--proc").arg(tree.path()));
    ask(&words, &["", "-e"]);
    let complaint = "/6/net/tcp: 1 row skipped, ";
    let run = run(&words, "--threads 2");
    assert!(run.one_line().contains(complaint), "{}", run.err());
}

// Beyond a limit of processes clone(2) answers EAGAIN, unless to root.
#[test]
fn where_no_thread_can_be_had_one_does_it_all() {
    const PIDS: Range<u32> = 1..151;
    let tree = Tree::new();
    let rows = PIDS.map(|pid| tcp(&local(pid), NOBODY, "0A", EMPTY, 0, inode(pid, 0)));
    tree.table("tcp", &rows.collect::<Vec<_>>());
    for pid in PIDS {
        tree.process(pid, "web").socket(3, inode(pid, 0));
    }
    let plain = match tree.plain_user("") {
        Ok(command) => words(&command),
        Err(why) => return skip(&why),
    };
    let limit = ["prlimit", "--nproc=1", "--"].map(OsString::from);
    let mut tried = Command::new(&limit[0]);
    tried.args(&limit[1..]).arg("true");
    if !tried.output().is_ok_and(|tried| tried.status.success()) {
        return skip("prlimit cannot set a limit here (apt-get install util-linux)");
    }
    // It is the plain user who sets it: one who becomes that user beyond the limit may not even start lsock.
    let is_lsock = |word: &OsString| Path::new(word).file_name() == Some(OsStr::new("lsock"));
    let at = plain.iter().position(is_lsock).unwrap();
    let limited = [&plain[..at], &limit, &plain[at..]].concat();
    let first = run(&plain, "--threads 1");
    assert_eq!(first.rows().len(), PIDS.len());
    first.prints(first.out(), 0);
    assert_eq!(first.err(), "");
    tells_the_same(&run(&limited, "--threads 8"), &first, "under the limit");
    // That it is one indeed.
    for (words, is_refused) in [(&plain, false), (&limited, true)] {
        match clones(words, "--threads 8") {
            Ok(clones) => {
                assert_ne!(clones.len(), 0, "{words:?}");
                for line in clones {
                    assert_eq!(line.contains(" = -1 EAGAIN "), is_refused, "{line}");
                }
            }
            Err(why) => return skip_part("/refused", &why),
        }
    }
}

/// The calls that were to start a thread of what these words run, each as a line of strace.
fn clones(words: &[OsString], args: &str) -> Result<Vec<String>, String> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command.args(args.split_ascii_whitespace());
    let (_, calls) = strace(&["-f", "-e", "trace=clone,clone3"], &command)?;
    let lines = calls.lines().filter(|line| line.contains("CLONE_THREAD"));
    Ok(lines.map(str::to_owned).collect())
}

// ---- options --------------------------------------------------------------------------------------------

#[test]
fn a_number_of_threads_is_1_to_1024() {
    let tree = Tree::new();
    tree.table("tcp", &[tcp(&local(80), NOBODY, "0A", EMPTY, 0, 11)]);
    tree.process(7, "web").socket(3, 11);
    for wrong in [
        "0",
        "1025",
        "x",
        "-1",
        "+1",
        "1.5",
        "0x2",
        "4294967297",
        "18446744073709551617",
    ] {
        let quoted = format!("'{wrong}'");
        tree.run(&format!("--threads {wrong}")).refuses(&quoted);
        tree.run(&format!("--threads={wrong}")).refuses(&quoted);
    }
    tree.run("--threads=").refuses("'--threads'");
    tree.run("--threads").refuses("'--threads'");
    for right in ["1", "1024", "007"] {
        let run = tree.run(&format!("--threads {right}"));
        run.shows(&["7 web 3 tcp LISTEN 0 0 127.0.0.1:80 *:*"]);
    }
}

// ---- the kernel's own proc: many descriptors --------------------------------------------------------------

/// Runs `part`, a closure of a test, as a child that may have enough descriptors; `None`, and says so, where it cannot.
fn child_with_many_descriptors<F: Fn()>(part: &F) -> Option<Held> {
    let limit = "--nofile=20000:20000";
    let tried = Command::new("prlimit").args([limit, "--", "true"]).output();
    match tried {
        Err(error) => skip(&format!(
            "prlimit (util-linux), which raises limits: {error}"
        )),
        Ok(tried) if !tried.status.success() => {
            let why = String::from_utf8_lossy(&tried.stderr);
            skip(&format!("20,000 descriptors: {}", why.trim()));
        }
        Ok(_) => {
            let mut command = again(&["prlimit", limit, "--"], part);
            return Some(Held::ready(command.stdin(Stdio::piped())).unwrap());
        }
    }
    None
}

/// Opens descriptors up to this many, each seventh of them no socket, closes those that are not kept, and waits.
fn hold_descriptors(total: usize, is_kept: impl Fn(usize) -> bool) {
    let mut held = sockets();
    let kinds = held.len();
    while held.len() < total {
        held.push(match held.len() {
            at if at % 7 == 0 => File::open("/dev/null").unwrap().into(),
            at => held[at % kinds].try_clone().unwrap(),
        });
    }
    let mut at = 0;
    held.retain(|_| {
        at += 1;
        is_kept(at)
    });
    // Its threads have the same table, and are not to be listed beside it.
    for _ in 0..3 {
        std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        });
    }
    hold();
}

/// Some sockets of each kind that everybody may open.
fn sockets() -> Vec<OwnedFd> {
    let mut sockets: Vec<OwnedFd> = Vec::new();
    for _ in 0..50 {
        sockets.push(TcpListener::bind("127.0.0.1:0").unwrap().into());
        sockets.push(UdpSocket::bind("127.0.0.1:0").unwrap().into());
        sockets.push(UnixDatagram::unbound().unwrap().into());
    }
    for _ in 0..1_000 {
        let (one, other) = UnixStream::pair().unwrap();
        sockets.extend([OwnedFd::from(one), OwnedFd::from(other)]);
    }
    sockets
}

/// The descriptors of a process that are sockets, each with its inode, as std lists them.
fn naive(pid: u32) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let path = entry.unwrap().path();
        let fd = path.file_name().unwrap().to_str().unwrap();
        let link = fs::read_link(&path).unwrap();
        if let Some(inode) = socket_inode(&link) {
            found.push((fd.parse().unwrap(), inode));
        }
    }
    found.sort_unstable();
    found
}

/// The number in `socket:[607014]`.
fn socket_inode(link: &Path) -> Option<u64> {
    let inode = link.to_str()?.strip_prefix("socket:[")?;
    inode.strip_suffix(']')?.parse().ok()
}

/// The descriptors in what `-j` has printed, each with its inode, in its order; all are of process `pid`.
#[track_caller]
fn told(run: &Run, pid: u32) -> Vec<(u64, u64)> {
    assert_eq!(run.err(), "");
    assert_eq!(run.status, Some(0));
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["pid"].as_u64(), Some(u64::from(pid)), "{line}");
        assert!(row["tid"].is_null(), "{line}");
        (row["fd"].as_u64().unwrap(), row["inode"].as_u64().unwrap())
    };
    run.out().lines().map(row).collect()
}

/// Demands that lsock finds in process `pid` what std finds, whatever the number of threads; gives that.
#[track_caller]
fn is_as_std_lists(pid: u32) -> Vec<(u64, u64)> {
    let expected = naive(pid);
    for threads in ["--threads 1", "--threads 4", ""] {
        let run = run_live(&format!("-j {pid} {threads}"));
        let told = told(&run, pid);
        // All of it would be too much to read.
        let odd = told
            .iter()
            .zip(&expected)
            .find(|(told, known)| told != known);
        assert_eq!(odd, None, "{threads}: (told, listed)");
        assert_eq!(told.len(), expected.len(), "{threads}");
    }
    expected
}

#[test]
fn nine_thousand_descriptors_are_listed_once_each_whatever_the_threads() {
    let part = || hold_descriptors(9_000, |_| true);
    if is_again() {
        return part();
    }
    let Some(child) = child_with_many_descriptors(&part) else {
        return;
    };
    let pid = child.pid();
    let first = run_live(&format!("{pid} --threads 1"));
    assert_eq!(first.err(), "");
    for threads in ["--threads 2", "--threads 5", "--threads 1024", ""] {
        let run = run_live(&format!("{pid} {threads}"));
        tells_the_same(&run, &first, threads);
    }
    let fds = first.rows().into_iter().map(|row| {
        let mut words = row.split(' ');
        assert_eq!(words.next(), Some(pid.to_string().as_str()), "{row}");
        words.nth(1).unwrap().parse().unwrap()
    });
    let fds: Vec<u64> = fds.collect();
    let known: Vec<u64> = is_as_std_lists(pid).iter().map(|(fd, _)| *fd).collect();
    assert!(fds == known, "{} of {}", fds.len(), known.len());
    assert!(known.len() > 7_000);
}

#[test]
fn a_table_of_descriptors_with_holes_is_read_as_std_lists_it() {
    let is_kept = |at| at < 3_000 || (at < 10_000 && at % 2 == 0) || at == 19_000;
    let part = || hold_descriptors(19_000, is_kept);
    if is_again() {
        return part();
    }
    let Some(child) = child_with_many_descriptors(&part) else {
        return;
    };
    let found = is_as_std_lists(child.pid());
    assert!(found.len() > 5_000, "{}", found.len());
    assert!(found.last().unwrap().0 > 19_000, "{found:?}");
}

#[test]
fn descriptors_that_begin_far_above_zero_are_read_as_std_lists_them() {
    let part = || hold_descriptors(19_000, |at| at > 12_000);
    if is_again() {
        return part();
    }
    let Some(child) = child_with_many_descriptors(&part) else {
        return;
    };
    let found = is_as_std_lists(child.pid());
    assert!(found.len() > 5_000, "{}", found.len());
    assert!(found[0].0 > 12_000, "{:?}", found[0]);
}

// An interactive bash keeps the terminal at 255, far above all else.
#[test]
fn a_few_descriptors_far_from_each_other_are_all_found() {
    let (end, _other_end) = UnixStream::pair().unwrap();
    let mut bash = Command::new("bash");
    let script = format!("exec 10<&0 11</dev/null 200<&0 255<&0 && echo '{READY}' && read -r line");
    bash.args(["-c", &script]).stdin(OwnedFd::from(end));
    if let Err(error) = Command::new("bash").arg("--version").output() {
        return skip(&format!(
            "bash, which opens descriptors of any number: {error}"
        ));
    }
    let child = Held::ready(&mut bash).unwrap();
    let found = is_as_std_lists(child.pid());
    let fds: Vec<u64> = found.iter().map(|(fd, _)| *fd).collect();
    assert_eq!(fds, [0, 10, 200, 255]);
}

// ---- the kernel's own proc: rights ------------------------------------------------------------------------

/// Capabilities by number (linux/capability.h).
const CAP_SETGID: u32 = 6;
/// See `CAP_SETGID`.
const CAP_SETUID: u32 = 7;
/// See `CAP_SETGID`.
const CAP_SYS_PTRACE: u32 = 19;

/// Makes root one without `CAP_SYS_PTRACE`, as in a container; or says why that cannot be.
fn without_ptrace() -> Result<Vec<OsString>, String> {
    if !is_root() {
        return Err("not root, so nobody else's rights can be tried".to_owned());
    }
    let setpriv = [
        "setpriv",
        "--bounding-set=-sys_ptrace",
        "--inh-caps=-sys_ptrace",
        "--",
    ];
    let tried = Command::new(setpriv[0])
        .args(&setpriv[1..])
        .args(["cat", "/proc/self/status"])
        .output();
    let tried =
        tried.map_err(|error| format!("setpriv (util-linux), which takes rights: {error}"))?;
    let status = String::from_utf8_lossy(&tried.stdout);
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let rights = rights.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    let has = |right: u32| rights.is_some_and(|rights| rights >> right & 1 == 1);
    if has(CAP_SYS_PTRACE) || !has(CAP_SETUID) || !has(CAP_SETGID) {
        return Err("root that lacks CAP_SYS_PTRACE alone cannot be had".to_owned());
    }
    Ok(setpriv.map(OsString::from).to_vec())
}

// File system ids are a thread's own: while one reads as the first user, another one reads as the second.
// Each thread was compared with the table of each other one: three calls for each pair.
#[test]
fn n_threads_with_n_tables_of_descriptors_cost_a_few_calls_each() {
    let calls = |threads: u32| -> Result<usize, String> {
        let tree = Tree::new();
        let process = tree.process(1, "crowd").socket(3, 100_000);
        let mut tables = HashSet::from([100_000]);
        for tid in 1..=threads {
            let thread = process.thread(tid, "crowd", "a");
            // Every tenth one has the table of one far before it.
            let own = if tid.is_multiple_of(10) {
                tid / 10
            } else {
                tid
            };
            thread.socket(3, u64::from(100_000 + own));
            tables.insert(100_000 + own);
        }
        let mut command = lsock();
        command.arg("--proc").arg(tree.path()).arg("-T");
        let (run, calls) = strace(&["-f", "-e", "trace=readlink,readlinkat"], &command)?;
        assert_eq!(run.out(), "1\n");
        let run = tree.run("-j --threads 1");
        assert_eq!(run.out().lines().count(), tables.len());
        Ok(calls.lines().count())
    };
    match (calls(50), calls(200)) {
        (Ok(few), Ok(many)) => assert!(many < 5 * few, "{many} after {few}"),
        (Err(why), _) | (_, Err(why)) => skip(&why),
    }
}

// Tables of the same length that end with the same descriptor counted as one.
#[test]
fn threads_whose_tables_end_alike_keep_their_sockets() {
    let tree = Tree::new();
    let process = tree.process(1, "crowd").fd(60, "/dev/null");
    for (tid, fd) in [(2, 3), (3, 4), (4, 3)] {
        let thread = process.thread(tid, "crowd", "a");
        thread.socket(fd, 7).fd(60, "/dev/null");
    }
    let run = tree.run("-j 1");
    let row = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    let fds: Vec<_> = run
        .out()
        .lines()
        .map(|line| row(line)["fd"].as_u64())
        .collect();
    assert_eq!(fds, [Some(3), Some(4)], "{}", run.err());
}

#[test]
fn every_thread_takes_on_the_owners_of_its_own_processes() {
    let mut words = match without_ptrace() {
        Ok(words) => words,
        Err(why) => return skip(&why),
    };
    let (mut children, mut expected) = (Vec::new(), Vec::new());
    // As long as these are open `cat` waits.
    let mut other_ends = Vec::new();
    for number in 0..100 {
        let (end, other_end) = UnixStream::pair().unwrap();
        other_ends.push(other_end);
        let link = fs::read_link(format!("/proc/self/fd/{}", end.as_raw_fd())).unwrap();
        let user = [65_534, 65_533, 65_532][number % 3];
        let mut cat = Command::new("cat");
        cat.uid(user)
            .gid(user)
            .stdin(OwnedFd::from(end))
            .stdout(Stdio::null());
        let child = Held::start(&mut cat).unwrap();
        expected.push((child.pid(), socket_inode(&link).unwrap()));
        children.push(child);
    }
    // Until exec is over a process is nobody's to read.
    let start = Instant::now();
    for (pid, _) in &expected {
        while fs::read(format!("/proc/{pid}/comm")).unwrap() != b"cat\n" {
            assert!(start.elapsed() < PATIENCE, "{pid} is no cat");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    words.push(LSOCK.into());
    let pids: Vec<String> = expected.iter().map(|(pid, _)| pid.to_string()).collect();
    let question = format!("-j {}", pids.join(","));
    let first = run(&words, &format!("{question} --threads 1"));
    assert_eq!(first.err(), "");
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["fd"].as_u64(), Some(0), "{line}");
        (
            u32::try_from(row["pid"].as_u64().unwrap()).unwrap(),
            row["inode"].as_u64().unwrap(),
        )
    };
    let told: Vec<(u32, u64)> = first.out().lines().map(row).collect();
    expected.sort_unstable();
    assert_eq!(told, expected);
    for threads in ["--threads 2", "--threads 4", "--threads 32", ""] {
        let run = run(&words, &format!("{question} {threads}"));
        tells_the_same(&run, &first, threads);
    }
}
