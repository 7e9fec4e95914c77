//! lsock against real sockets: `factory.c` makes one of each kind that this kernel has, in a network, PID and mount
//! namespace of its own, and says what it knows of each; lsock must show that row and no other. Then the same sockets
//! are compared with `ss` and `lsof`; each difference is named by a rule that says who is right and why.
//!
//! Needs `cc` and `unshare` (util-linux), and root or user namespaces; `ss` and `lsof` for the comparisons. What is
//! missing is said in one line `skipped: TEST: REASON`, or `skipped: TEST/KIND: REASON` for one kind of socket.

use crate::machine::{PATIENCE, is_root, own_status, skip, skip_part};
use crate::run::LSOCK;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

// ---- the factory ----------------------------------------------------------------------------------------

/// What the tests may leave in the target folder: the factory. Everything else is removed.
fn workshop() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The factory, built once a run; or why it cannot be. A compiler that complains is no reason to skip.
fn factory() -> Result<&'static Path, &'static str> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/factory.c");
        let built = workshop().join("factory");
        let fresh = workshop().join(format!("factory-{}", std::process::id()));
        let flags = ["-O2", "-Wall", "-Wextra", "-static", "-pthread", source];
        let mut command = Command::new("cc");
        match command.args(flags).arg("-o").arg(&fresh).output() {
            Err(error) => Err(format!("cc, which builds the factory: {error}")),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success(), "cc {source}: {said}");
                // Another run may be using the old one: a new file leaves it alone.
                fs::rename(&fresh, &built).unwrap();
                Ok(built)
            }
        }
    };
    match BUILT.get_or_init(build) {
        Ok(path) => Ok(path),
        Err(reason) => Err(reason),
    }
}

/// A line of the factory: a socket, and what its maker knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    /// Kind and role, `tcp4-established/client`.
    label: String,
    /// Who holds it, as its own PID namespace counts; `None` where nobody does.
    holder: Option<(u32, u32)>,
    /// 0 where there is no file.
    inode: u64,
    local: String,
    peer: String,
}

impl Made {
    fn parse(line: &str) -> Self {
        let mut words = line.split(' ');
        let label = words.next().unwrap().to_owned();
        let fields: BTreeMap<&str, &str> = words.filter_map(|word| word.split_once('=')).collect();
        let number = |name: &str| fields[name].parse().unwrap();
        Self {
            label,
            holder: (fields["fd"] != "-1").then(|| (number("pid"), number("fd"))),
            inode: fields["inode"].parse().unwrap(),
            local: fields["local"].to_owned(),
            peer: fields["peer"].to_owned(),
        }
    }

    fn kind(&self) -> &str {
        self.label.split('/').next().unwrap()
    }
}

/// A running factory and its namespaces; all of it ends, and the folder goes, when this is dropped.
struct Stage {
    /// `unshare`, which takes the namespaces with it when it ends.
    unshare: Child,
    /// Holds the factory open.
    stdin: Option<ChildStdin>,
    /// Where the factory makes its socket files.
    folder: PathBuf,
    /// The first process in the namespaces, by its number out here.
    init: u32,
    /// The factory, by its number in there.
    factory_pid: u32,
    made: Vec<Made>,
    /// Kinds that are not to be had here, with the reason.
    missing: Vec<(String, String)>,
}

/// How many stages were set, for the names of their folders.
static STAGES: AtomicU32 = AtomicU32::new(0);

impl Stage {
    /// Returns whether its table of unix sockets has more rows than the kernel counts sockets; Linux 5.10 counts one more.
    fn has_more_rows(&self) -> bool {
        let read = |name| fs::read_to_string(format!("/proc/{}/net/{name}", self.init)).unwrap();
        let count = |line: &str| {
            let mut words = line.split_whitespace();
            let is_unix = ["UNIX", "UNIX-STREAM"].contains(&words.next()?);
            let count = words.nth(1)?.parse::<usize>().ok()?;
            is_unix.then_some(count)
        };
        let is_row = |line: &&str| line.split(' ').nth(5).is_some_and(|word| word.len() == 2);
        let sockets: usize = read("protocols").lines().filter_map(count).sum();
        read("unix").lines().filter(is_row).count() > sockets
    }

    /// Starts a factory of `kinds`, of all if there are none; `None`, and says so, where that is not possible here.
    fn set(kinds: &[&str]) -> Option<Self> {
        let factory = match factory() {
            Ok(factory) => factory,
            Err(reason) => {
                skip(reason);
                return None;
            }
        };
        let number = STAGES.fetch_add(1, Ordering::Relaxed);
        let folder = workshop().join(format!("work-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        // A fresh namespace lets nobody open ping sockets.
        let script =
            "echo ready-to-start; echo 0 0 >/proc/sys/net/ipv4/ping_group_range; \"$@\"; exit $?";
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args([
                "--net",
                "--pid",
                "--mount",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .args(["sh", "-c", script, "sh"])
            .arg(factory)
            .arg("--loopback-up")
            .args(kinds)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut unshare = match command.spawn() {
            Ok(unshare) => unshare,
            Err(error) => {
                fs::remove_dir_all(&folder).unwrap();
                skip(&format!(
                    "unshare (util-linux), which makes namespaces: {error}"
                ));
                return None;
            }
        };
        let stdin = unshare.stdin.take();
        let mut lines = BufReader::new(unshare.stdout.take().unwrap()).lines();
        let mut stage = Self {
            unshare,
            stdin,
            folder,
            init: 0,
            factory_pid: 0,
            made: Vec::new(),
            missing: Vec::new(),
        };
        // unshare says nothing on its output: what comes first is the script's, so the namespaces are there.
        let Some(first) = lines.next() else {
            skip(&format!("namespaces: {}", stage.stderr().trim_end()));
            return None;
        };
        assert_eq!(first.unwrap(), "ready-to-start");
        for line in lines {
            let line = line.unwrap();
            if let Some(pid) = line.strip_prefix("READY pid=") {
                stage.factory_pid = pid.parse().unwrap();
                break;
            }
            match line.split_once(" skipped: ") {
                Some((kind, reason)) => stage.missing.push((kind.to_owned(), reason.to_owned())),
                None => stage.made.push(Made::parse(&line)),
            }
        }
        if stage.factory_pid == 0 {
            let said = stage.stderr();
            panic!("the factory did not get ready: {said}");
        }
        stage.init = child_of(stage.unshare.id());
        for (kind, reason) in &stage.missing {
            skip_part(&format!("/{kind}"), reason);
        }
        Some(stage)
    }

    /// What unshare and the factory complain about, once both are about to end.
    fn stderr(&mut self) -> String {
        let mut said = String::new();
        let mut stderr = self.unshare.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        said
    }

    /// A command that runs inside the namespaces.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command
            .args([
                "--net",
                "--pid",
                "--mount",
                "--target",
                &self.init.to_string(),
                "--",
            ])
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// Runs lsock inside the namespaces.
    fn lsock(&self, arguments: &[&str]) -> List {
        List::read(&mut self.command(LSOCK), arguments)
    }

    /// The socket of this label; `None` where its kind is not to be had here. A label that the factory does not know
    /// is a mistake in the test.
    #[track_caller]
    fn made(&self, label: &str) -> Option<&Made> {
        let made = self.made.iter().find(|made| made.label == label);
        let (kind, _) = label.split_once('/').unwrap_or((label, ""));
        let is_missing = self.missing.iter().any(|(missing, _)| missing == kind);
        assert!(made.is_some() || is_missing, "the factory makes no {label}");
        made
    }

    /// Ends the factory and waits until its namespaces are gone.
    fn end(&mut self) {
        drop(self.stdin.take());
        let patience = Instant::now() + PATIENCE;
        while self.unshare.try_wait().unwrap().is_none() {
            assert!(
                Instant::now() < patience,
                "the factory did not end with its input"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // A test that failed must not wait: --kill-child takes everything with it. One that has ended cannot be killed.
        let killed = self.unshare.kill();
        let waited = self.unshare.wait();
        let removed = fs::remove_dir_all(&self.folder);
        if !std::thread::panicking() {
            killed.unwrap();
            waited.unwrap();
            removed.unwrap();
        }
    }
}

/// The only child of a process.
fn child_of(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.trim().parse().unwrap()
}

// ---- lsock's list ---------------------------------------------------------------------------------------

/// A row of lsock, word by word.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    holder: Option<(u32, u32)>,
    command: String,
    proto: String,
    state: String,
    recv: String,
    send: String,
    local: String,
    peer: String,
}

impl Row {
    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        // The tenth is the namespace or the container, where there are several.
        assert!((9..=10).contains(&words.len()), "not a row: {line:?}");
        let visible = |char: char| !char.is_control();
        assert!(line.chars().all(visible), "a control character in {line:?}");
        let holder = match (words[0], words[2]) {
            ("-", "-") => None,
            (pid, fd) => Some((pid.parse().unwrap(), fd.parse().unwrap())),
        };
        let word = |at: usize| words[at].to_owned();
        Self {
            holder,
            command: word(1),
            proto: word(3),
            state: word(4),
            recv: word(5),
            send: word(6),
            local: word(7),
            peer: word(8),
        }
    }
}

/// What one run of lsock showed.
#[derive(Debug)]
struct List {
    rows: Vec<Row>,
    stderr: String,
    code: i32,
}

impl List {
    /// Runs `command`, which is lsock, with `arguments` and without a header.
    fn read(command: &mut Command, arguments: &[&str]) -> Self {
        let output = command.arg("-H").args(arguments).output().unwrap();
        let stdout = String::from_utf8(output.stdout).expect("only UTF-8 is printed");
        let stderr = String::from_utf8(output.stderr).expect("only UTF-8 is printed");
        let code = output
            .status
            .code()
            .unwrap_or_else(|| panic!("{}: {stderr}", output.status));
        Self {
            rows: stdout.lines().map(Row::parse).collect(),
            stderr,
            code,
        }
    }

    /// Runs lsock out here.
    fn here(arguments: &[&str]) -> Self {
        Self::read(Command::new(LSOCK).stdin(Stdio::null()), arguments)
    }
}

// ---- what is expected -----------------------------------------------------------------------------------

/// A queue in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    /// Exactly this word.
    Is(&'static str),
    /// Some bytes, how many is the kernel's business.
    Some,
    /// Whatever the loopback traffic of other tests brings: a number, or `-`.
    Any,
}

impl Queue {
    fn matches(self, word: &str) -> bool {
        match self {
            Self::Is(expected) => word == expected,
            Self::Some => word.parse::<u32>().is_ok_and(|bytes| bytes > 0),
            Self::Any => word == "-" || word.parse::<u32>().is_ok(),
        }
    }
}

/// The row of a kind; LOCAL and PEER are what the factory says, or `?` and `-` of an unlisted socket.
#[derive(Clone, Copy, Debug)]
struct Expected {
    /// What the factory calls the sockets that have it.
    labels: &'static [&'static str],
    proto: &'static str,
    state: &'static str,
    recv: Queue,
    send: Queue,
    /// COMMAND of a row without a holder.
    owner: &'static str,
    /// In no table.
    is_unlisted: bool,
}

/// A row with these queues, of these sockets.
const fn with_queues(
    proto: &'static str,
    state: &'static str,
    (recv, send): (Queue, Queue),
    labels: &'static [&'static str],
) -> Expected {
    let (owner, is_unlisted) = ("", false);
    Expected {
        labels,
        proto,
        state,
        recv,
        send,
        owner,
        is_unlisted,
    }
}

/// A row with empty queues.
const fn idle(
    proto: &'static str,
    state: &'static str,
    labels: &'static [&'static str],
) -> Expected {
    with_queues(proto, state, (ZERO, ZERO), labels)
}

/// A row of a table without queues.
const fn unix(
    proto: &'static str,
    state: &'static str,
    labels: &'static [&'static str],
) -> Expected {
    with_queues(proto, state, (NO_QUEUE, NO_QUEUE), labels)
}

/// A socket of no table.
const fn unlisted(proto: &'static str, labels: &'static [&'static str]) -> Expected {
    let expected = with_queues(proto, "-", (NO_QUEUE, NO_QUEUE), labels);
    Expected {
        is_unlisted: true,
        ..expected
    }
}

/// That nobody holds it, and why.
const fn unheld(owner: &'static str, expected: Expected) -> Expected {
    Expected { owner, ..expected }
}

const NO_QUEUE: Queue = Queue::Is("-");
const ZERO: Queue = Queue::Is("0");
const ONE: Queue = Queue::Is("1");
const SOME: Queue = Queue::Some;
const ANY: Queue = Queue::Any;

/// What every kind looks like.
const EXPECTED: &[Expected] = &[
    idle(
        "tcp",
        "LISTEN",
        &[
            "tcp4-listen",
            "tcp4-listen-any",
            "tcp4-reuseport/first",
            "tcp4-reuseport/second",
            "tcp4-established/listener",
            "tcp4-unread/listener",
            "tcp4-time-wait/listener",
            "tcp4-half-closed/listener",
            "tcp4-fin-wait1/listener",
            "tcp4-last-ack/listener",
            "tcp4-closing/listener",
            "tcp4-orphan/listener",
            "tcp4-orphan-fin-wait2/listener",
            "tcp4-syn-recv/listener",
            "duplicated/first",
            "duplicated/second",
            "many-holders/parent",
            "many-holders/worker",
            "non-dumpable",
            "strange-command",
            "main-thread-exited",
            "thread-own-fds/main",
            "thread-own-fds/thread",
            "thread-own-netns",
            "netns-own",
            "netns-foreign-inhabited",
            "unix-forged-inet/victim",
            // An MPTCP socket's rows are its subflows', in tcp.
            "mptcp4-listen",
            "mptcp4-established/listener",
        ],
    ),
    idle(
        "tcp6",
        "LISTEN",
        &[
            "tcp6-listen",
            "tcp6-listen-dual",
            "tcp6-established/listener",
            "tcp6-mapped/listener",
        ],
    ),
    // RECV-Q of a listener counts the connections that wait.
    with_queues(
        "tcp",
        "LISTEN",
        (ONE, ZERO),
        &["tcp4-accept-queue/listener", "tcp4-syn-sent/listener"],
    ),
    idle(
        "tcp",
        "ESTABLISHED",
        &[
            "tcp4-established/client",
            "tcp4-established/server",
            "tcp4-unread/client",
            "tcp4-accept-queue/client",
            "tcp4-syn-sent/waiting-client",
            "tcp4-syn-recv/client",
            "tcp6-mapped/client",
            "mptcp4-established/client",
            "mptcp4-established/server",
        ],
    ),
    idle(
        "tcp6",
        "ESTABLISHED",
        &[
            "tcp6-established/client",
            "tcp6-established/server",
            "tcp6-mapped/server",
            "tcp6-mapped/mapped-client",
            "tcp6-mapped/mapped-server",
        ],
    ),
    with_queues(
        "tcp",
        "ESTABLISHED",
        (Queue::Is("7"), ZERO),
        &["tcp4-unread/server"],
    ),
    with_queues(
        "tcp",
        "ESTABLISHED",
        (SOME, ZERO),
        &["tcp4-fin-wait1/server", "tcp4-orphan/server"],
    ),
    with_queues("tcp", "SYN_SENT", (ZERO, ONE), &["tcp4-syn-sent/syn-sent"]),
    with_queues(
        "tcp",
        "FIN_WAIT1",
        (ZERO, SOME),
        &["tcp4-fin-wait1/fin-wait1"],
    ),
    idle("tcp", "FIN_WAIT2", &["tcp4-half-closed/fin-wait2"]),
    with_queues(
        "tcp",
        "FIN_WAIT2",
        (SOME, ZERO),
        &["tcp4-last-ack/fin-wait2", "tcp4-closing/fin-wait2"],
    ),
    // The kernel counts a FIN that nobody has read as a byte, and so do ss and lsof.
    with_queues(
        "tcp",
        "CLOSE_WAIT",
        (ONE, ZERO),
        &[
            "tcp4-half-closed/close-wait",
            "tcp4-orphan-fin-wait2/close-wait",
        ],
    ),
    with_queues("tcp", "LAST_ACK", (ONE, SOME), &["tcp4-last-ack/last-ack"]),
    with_queues("tcp", "CLOSING", (ONE, SOME), &["tcp4-closing/closing"]),
    unheld(
        "(time-wait)",
        idle("tcp", "TIME_WAIT", &["tcp4-time-wait/left"]),
    ),
    unheld(
        "(closed)",
        with_queues("tcp", "FIN_WAIT1", (ZERO, SOME), &["tcp4-orphan/orphan"]),
    ),
    unheld(
        "(closed)",
        idle("tcp", "FIN_WAIT2", &["tcp4-orphan-fin-wait2/orphan"]),
    ),
    unheld(
        "(accept-queue)",
        idle(
            "tcp",
            "ESTABLISHED",
            &["tcp4-accept-queue/waiting", "tcp4-syn-sent/waiting"],
        ),
    ),
    unheld(
        "(accept-queue)",
        idle("tcp", "SYN_RECV", &["tcp4-syn-recv/syn-recv"]),
    ),
    unheld(
        "(elsewhere)",
        idle("tcp", "LISTEN", &["in-flight/passenger"]),
    ),
    // The last is a listener, but in a namespace that no process shows: only sockprotoname knows it.
    unlisted(
        "tcp",
        &[
            "tcp4-bound",
            "tcp4-unbound",
            "netns-foreign-deserted",
            "unix-forged-nameless/unlisted",
        ],
    ),
    unlisted("tcp6", &["tcp6-bound", "tcp6-unbound"]),
    unlisted("mptcp", &["mptcp4-unbound"]),
    idle(
        "udp",
        "UNCONNECTED",
        &["udp4", "udp4-any", "udp4-connected/target"],
    ),
    idle(
        "udp6",
        "UNCONNECTED",
        &["udp6", "udp6-any", "udp6-connected/target"],
    ),
    idle(
        "udp",
        "ESTABLISHED",
        &["udp4-connected/connected", "udp4-unread/sender"],
    ),
    idle("udp6", "ESTABLISHED", &["udp6-connected/connected"]),
    with_queues(
        "udp",
        "UNCONNECTED",
        (SOME, ZERO),
        &["udp4-unread/receiver"],
    ),
    unlisted("udp", &["udp4-unbound"]),
    unlisted("udp6", &["udp6-unbound"]),
    idle("udplite", "UNCONNECTED", &["udplite4"]),
    idle("udplite6", "UNCONNECTED", &["udplite6"]),
    // A raw socket gets a copy of every message of its protocol.
    with_queues(
        "raw",
        "UNCONNECTED",
        (ANY, ZERO),
        &["raw4-icmp", "raw4-number"],
    ),
    with_queues("raw", "ESTABLISHED", (ANY, ZERO), &["raw4-connected"]),
    with_queues("raw6", "UNCONNECTED", (ANY, ZERO), &["raw6-icmpv6"]),
    idle("icmp", "UNCONNECTED", &["ping4"]),
    idle("icmp6", "UNCONNECTED", &["ping6"]),
    unix(
        "unix",
        "LISTEN",
        &[
            "unix-listen-path",
            "unix-listen-absolute-path",
            "unix-listen-abstract",
            "unix-name-blank/path",
            "unix-name-blank/abstract",
            "unix-name-newline/path",
            "unix-name-newline/abstract",
            "unix-name-escape/path",
            "unix-name-escape/abstract",
            "unix-name-backslash/path",
            "unix-name-backslash/abstract",
            "unix-name-invalid-utf8/path",
            "unix-name-invalid-utf8/abstract",
            "unix-name-longest",
            "unix-almost-forged",
            "unix-accepted/listener",
            "unix-accept-queue/listener",
        ],
    ),
    unix(
        "unix",
        "CONNECTED",
        &[
            "unix-pair/first",
            "unix-pair/second",
            "unix-forged-nameless/other-end",
            "unix-accepted/client",
            "unix-accepted/server",
            "unix-accept-queue/client",
            "in-flight/sender",
            "in-flight/receiver",
        ],
    ),
    unix("unix", "UNCONNECTED", &["unix-unconnected"]),
    unheld(
        "(accept-queue)",
        unix("unix", "CONNECTING", &["unix-accept-queue/waiting"]),
    ),
    // A datagram socket that somebody has connected to counts as connected.
    unix(
        "unix-dgram",
        "CONNECTED",
        &["unix-dgram/bound", "unix-dgram/connected"],
    ),
    unix("unix-dgram", "UNCONNECTED", &["unix-dgram/unbound"]),
    unix("unix-seq", "LISTEN", &["unix-seqpacket/listener"]),
    unix(
        "unix-seq",
        "CONNECTED",
        &["unix-seqpacket/client", "unix-seqpacket/server"],
    ),
    with_queues(
        "netlink",
        "-",
        (ANY, ANY),
        &[
            "netlink-route/first",
            "netlink-route/second",
            "netlink-route/chosen",
            "netlink-uevent",
        ],
    ),
    unlisted("netlink", &["netlink-unbound"]),
    with_queues(
        "packet",
        "-",
        (ANY, ANY),
        &[
            "packet-raw-any",
            "packet-raw-lo",
            "packet-dgram-any",
            "packet-dgram-lo",
            "packet-number",
        ],
    ),
    unlisted("vsock", &["vsock/unbound", "vsock/listener"]),
    unlisted("xdp", &["xdp"]),
];

/// COMMAND of the process that holds a socket of `kind`.
fn command_of(kind: &str) -> &'static str {
    match kind {
        "strange-command" => r"a)\x20b\n\x1b[31m\\(",
        _ => "factory",
    }
}

/// LOCAL as lsock spells what the factory knows as a number: a raw socket's "port" is its IP protocol.
fn local_of(made: &Made) -> String {
    let named =
        |number: &str, name: &str| format!("{}{name}", made.local.strip_suffix(number).unwrap());
    match made.kind() {
        "raw4-icmp" | "raw4-connected" => named(":1", ":icmp"),
        "raw6-icmpv6" => named(":58", ":ipv6-icmp"),
        _ => made.local.clone(),
    }
}

/// What is wrong with `row` as the row of `made`; empty if nothing is.
fn compare(row: &Row, made: &Made) -> String {
    let is_it = |expected: &&Expected| expected.labels.contains(&made.label.as_str());
    let Some(expected) = EXPECTED.iter().find(is_it) else {
        return format!("{}: EXPECTED does not name it", made.label);
    };
    let (local, peer) = match made.label.as_str() {
        _ if expected.is_unlisted => ("?".to_owned(), "-"),
        // raw_sock_seq_show prints 0 for the peer's port, whatever connect was given.
        "raw4-connected" => (local_of(made), "127.0.0.1:0"),
        _ => (local_of(made), made.peer.as_str()),
    };
    let command = if made.holder.is_some() {
        command_of(made.kind())
    } else {
        expected.owner
    };
    let is_right = row.command == command
        && row.proto == expected.proto
        && row.state == expected.state
        && expected.recv.matches(&row.recv)
        && expected.send.matches(&row.send)
        && row.local == local
        && row.peer == peer;
    if is_right {
        return String::new();
    }
    format!(
        "{}: expected {command} {} {} {:?} {:?} {local} {peer}\n    got {row:?}",
        made.label, expected.proto, expected.state, expected.recv, expected.send
    )
}

/// Whether `row` can only be the row of `made`, right or wrong in the rest.
fn is_row_of(row: &Row, made: &Made) -> bool {
    match made.holder {
        Some(holder) => row.holder == Some(holder),
        // Nothing else here is in this state.
        None if made.kind() == "unix-accept-queue" => {
            row.holder.is_none() && row.state == "CONNECTING"
        }
        None => row.holder.is_none() && row.local == made.local && row.peer == made.peer,
    }
}

/// Compares all of `rows` with all that was made, one to one. What is left over is told too.
fn mistakes(rows: &[&Row], made: &[&Made]) -> Vec<String> {
    let mut wrong = Vec::new();
    for made in made {
        let of_it: Vec<_> = rows.iter().filter(|row| is_row_of(row, made)).collect();
        match of_it.as_slice() {
            [row] => wrong.push(compare(row, made)),
            [] => wrong.push(format!("{}: no row for {made:?}", made.label)),
            several => wrong.push(format!("{}: several rows {several:?}", made.label)),
        }
    }
    let strays = rows
        .iter()
        .filter(|row| !made.iter().any(|made| is_row_of(row, made)));
    wrong.extend(strays.map(|row| format!("a row that nobody made: {row:?}")));
    wrong.retain(|line| !line.is_empty());
    wrong
}

/// The kernel's own netlink sockets are in every namespace; a reader that is not root may not know them.
fn is_kernels_own(row: &Row) -> bool {
    row.command == "(kernel)" && row.proto == "netlink" && row.local.ends_with(":kernel")
}

/// Makes `kinds`, and holds what lsock shows of each process, and of all, against them; then ends the factory, and
/// looks whether lsock sees that too.
fn expect_rows_of(kinds: &[&str]) {
    let Some(mut stage) = Stage::set(kinds) else {
        return;
    };
    let mut wrong = Vec::new();
    let mut pids: Vec<u32> = stage
        .made
        .iter()
        .filter_map(|made| made.holder)
        .map(|(pid, _)| pid)
        .collect();
    pids.sort_unstable();
    pids.dedup();
    for pid in &pids {
        let list = stage.lsock(&[&pid.to_string()]);
        assert_eq!(list.code, 0, "{list:?}");
        let of_pid = |made: &&Made| made.holder.is_some_and(|(holder, _)| holder == *pid);
        let made: Vec<&Made> = stage.made.iter().filter(of_pid).collect();
        let found = mistakes(&list.rows.iter().collect::<Vec<_>>(), &made);
        wrong.extend(found.into_iter().map(|line| format!("lsock {pid}: {line}")));
    }
    let list = stage.lsock(&[]);
    let is_ours = |row: &&Row| match row.holder {
        // nsenter and lsock itself may hold what this test was started with.
        Some((pid, _)) => pids.contains(&pid),
        None => !is_kernels_own(row),
    };
    let rows: Vec<&Row> = list.rows.iter().filter(is_ours).collect();
    let found = mistakes(&rows, &stage.made.iter().collect::<Vec<_>>());
    wrong.extend(found.into_iter().map(|line| format!("lsock: {line}")));
    assert!(
        wrong.is_empty(),
        "{} mistakes:\n{}\nstandard error: {}",
        wrong.len(),
        wrong.join("\n"),
        list.stderr
    );

    let factory = child_of(stage.init).to_string();
    let before = List::here(&[&factory]);
    stage.end();
    let after = List::here(&[&factory]);
    let held_by_factory = stage
        .made
        .iter()
        .any(|made| made.holder.is_some_and(|(pid, _)| pid == stage.factory_pid));
    assert_eq!(before.code == 0, held_by_factory, "{before:?}");
    assert_eq!(
        (after.code, after.rows.as_slice()),
        (1, &[][..]),
        "{after:?}"
    );
}

// ---- every kind has its row -----------------------------------------------------------------------------

#[test]
fn tcp_sockets_in_every_state_have_their_rows() {
    expect_rows_of(&[
        "tcp4-listen",
        "tcp4-listen-any",
        "tcp6-listen",
        "tcp6-listen-dual",
        "tcp4-established",
        "tcp6-established",
        "tcp4-unread",
        "tcp4-half-closed",
        "tcp4-fin-wait1",
        "tcp4-last-ack",
        "tcp4-closing",
        "tcp4-syn-sent",
    ]);
}

#[test]
fn a_tcp_socket_without_a_process_says_why() {
    expect_rows_of(&[
        "tcp4-accept-queue",
        "tcp4-time-wait",
        "tcp4-orphan",
        "tcp4-orphan-fin-wait2",
        "tcp4-syn-recv",
    ]);
}

#[test]
fn an_ipv4_connection_of_a_dual_stack_listener_is_printed_as_ipv4() {
    expect_rows_of(&["tcp6-mapped"]);
}

#[test]
fn listeners_that_share_a_port_have_a_row_each() {
    expect_rows_of(&["tcp4-reuseport"]);
}

#[test]
fn a_tcp_socket_that_is_bound_at_most_is_named_though_no_table_lists_it() {
    expect_rows_of(&["tcp4-bound", "tcp6-bound", "tcp4-unbound", "tcp6-unbound"]);
}

// Who has a socket that no table lists is told so by -4 and -6 as by -t and -u: where it cannot be read, that is 3. The user who
// made it is known too.
#[test]
fn a_socket_that_no_table_lists_is_of_the_ip_of_its_protocol_and_of_its_user() {
    let Some(stage) = Stage::set(&["tcp4-bound", "tcp6-bound", "udp4-unbound", "udp6-unbound"])
    else {
        return;
    };
    let pid = stage.factory_pid.to_string();
    let uid = fs::metadata("/proc/self").unwrap().uid().to_string();
    for (args, wanted) in [
        (&["-4"][..], &["tcp", "udp"][..]),
        (&["-6"], &["tcp6", "udp6"]),
        (&["-u", "-6"], &["udp6"]),
        (&["-t", "-4"], &["tcp"]),
        (&["-x", "-4"], &[]),
        (&["-l", "-4"], &[]),
        (&["-4", "--uid", &uid], &["tcp", "udp"]),
        (&["--uid", "4242"], &[]),
    ] {
        let list = stage.lsock(&[args, &[&pid]].concat());
        let protos = list.rows.iter().map(|row| row.proto.as_str());
        assert_eq!(protos.collect::<Vec<_>>(), wanted, "{args:?}: {list:?}");
    }
}

#[test]
fn udp_sockets_have_their_rows_and_unbound_ones_are_named() {
    expect_rows_of(&[
        "udp4",
        "udp6",
        "udp4-any",
        "udp6-any",
        "udp4-connected",
        "udp6-connected",
        "udp4-unread",
        "udp4-unbound",
        "udp6-unbound",
        "udplite4",
        "udplite6",
    ]);
}

#[test]
fn raw_sockets_show_their_protocol_and_ping_sockets_their_id() {
    expect_rows_of(&[
        "raw4-icmp",
        "raw4-connected",
        "raw4-number",
        "raw6-icmpv6",
        "ping4",
        "ping6",
    ]);
}

#[test]
fn unix_sockets_of_every_type_have_their_rows() {
    expect_rows_of(&[
        "unix-listen-path",
        "unix-listen-absolute-path",
        "unix-listen-abstract",
        "unix-pair",
        "unix-accepted",
        "unix-accept-queue",
        "unix-unconnected",
        "unix-dgram",
        "unix-seqpacket",
    ]);
}

#[test]
fn a_unix_name_is_one_escaped_word_whatever_bytes_it_has() {
    expect_rows_of(&[
        "unix-name-blank",
        "unix-name-newline",
        "unix-name-escape",
        "unix-name-backslash",
        "unix-name-invalid-utf8",
        "unix-name-longest",
        "unix-almost-forged",
    ]);
}

#[test]
fn netlink_sockets_show_family_and_port_id() {
    expect_rows_of(&["netlink-route", "netlink-uevent", "netlink-unbound"]);
}

#[test]
fn packet_sockets_show_protocol_and_interface() {
    expect_rows_of(&[
        "packet-raw-any",
        "packet-raw-lo",
        "packet-dgram-any",
        "packet-dgram-lo",
        "packet-number",
    ]);
}

#[test]
fn an_mptcp_socket_is_its_subflows() {
    expect_rows_of(&["mptcp4-listen", "mptcp4-established", "mptcp4-unbound"]);
}

#[test]
fn sockets_without_any_table_are_named_by_the_kernel() {
    expect_rows_of(&["vsock", "xdp"]);
}

#[test]
fn an_fd_in_flight_is_elsewhere() {
    expect_rows_of(&["in-flight"]);
}

#[test]
fn every_holder_of_a_socket_has_a_row() {
    expect_rows_of(&["many-holders", "duplicated"]);
}

#[test]
fn a_process_that_is_not_dumpable_is_read_by_who_may_trace_it() {
    /// `CAP_SYS_PTRACE`, as `include/uapi/linux/capability.h` numbers it.
    const SYS_PTRACE: u32 = 19;
    let capabilities = u64::from_str_radix(&own_status("CapEff:", 1), 16).unwrap();
    // Who makes a user namespace has every capability in it.
    if is_root() && capabilities >> SYS_PTRACE & 1 == 0 {
        return skip("root without CAP_SYS_PTRACE");
    }
    expect_rows_of(&["non-dumpable"]);
}

#[test]
fn a_command_name_with_a_parenthesis_a_newline_and_a_colour_is_one_word() {
    expect_rows_of(&["strange-command"]);
}

#[test]
fn the_sockets_of_a_process_whose_main_thread_has_ended_are_found() {
    expect_rows_of(&["main-thread-exited"]);
}

#[test]
fn the_sockets_of_a_thread_with_its_own_fd_table_are_found() {
    expect_rows_of(&["thread-own-fds"]);
}

#[test]
fn the_sockets_of_a_thread_in_its_own_network_namespace_are_found() {
    expect_rows_of(&["thread-own-netns"]);
}

#[test]
fn the_sockets_of_another_network_namespace_are_found() {
    expect_rows_of(&["tcp4-listen", "netns-own"]);
}

// lsof, ss and netstat look into the holder's namespace, or into their own, and miss it.
#[test]
fn a_socket_of_a_namespace_in_which_its_holder_does_not_live_is_found() {
    expect_rows_of(&["netns-foreign-inhabited", "netns-foreign-deserted"]);
}

#[test]
fn no_kind_that_the_factory_makes_is_without_a_test() {
    let factory = match factory() {
        Ok(factory) => factory,
        Err(reason) => return skip(reason),
    };
    let output = Command::new(factory).arg("--list").output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    assert!(listed.lines().count() > 50, "{listed}");
    let (_, source) = include_str!("live.rs")
        .split_once("// ---- every kind has its row")
        .unwrap();
    let untested: Vec<_> = listed
        .lines()
        .filter(|kind| !source.contains(&format!("\"{kind}\"")))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn no_row_is_expected_of_a_socket_that_nobody_makes() {
    let Some(stage) = Stage::set(&[]) else {
        return;
    };
    for label in EXPECTED.iter().flat_map(|expected| expected.labels) {
        let _made_or_missing = stage.made(label);
    }
}

// ---- forged rows ----------------------------------------------------------------------------------------

/// The row that holds the socket of `label`.
fn row_of<'a>(list: &'a List, stage: &Stage, label: &str) -> &'a Row {
    let made = stage.made(label).unwrap();
    let mut rows = list.rows.iter().filter(|row| is_row_of(row, made));
    rows.next()
        .unwrap_or_else(|| panic!("no row for {label}: {list:?}"))
}

/// That no row of `list` has the forged path for its name, and that standard error says so in one line.
fn expect_not_believed(list: &List, path: &str) {
    assert!(list.rows.iter().all(|row| row.local != path), "{list:?}");
    assert_eq!(list.stderr.lines().count(), 1, "{list:?}");
    assert!(list.stderr.starts_with("lsock: "), "{list:?}");
}

/// That a forger's own name is shown up to its newline, or whole.
fn expect_name_of_forger(row: &Row, made: &Made) {
    let (before_newline, _) = made.local.split_once("\\n").unwrap();
    assert!(
        row.local == before_newline || row.local == made.local,
        "{row:?}"
    );
}

// net/unix/af_unix.c, unix_seq_show prints names raw; netstat shows a false /run/docker.sock.
#[test]
fn a_whole_row_in_a_name_is_nobodys_and_a_line_says_that_such_names_may_be_forged() {
    for (label, path, owner) in [
        ("unix-forged-row", "/run/x.sock", "(elsewhere)"),
        ("unix-forged-waiting", "/run/w.sock", "(accept-queue)"),
    ] {
        let Some(stage) = Stage::set(&[label]) else {
            return;
        };
        // The same name is to be had by a bind in a mount namespace of one's own, so it is shown, and selected by.
        for list in [stage.lsock(&["-x"]), stage.lsock(&[path])] {
            let mut forged = list.rows.iter().filter(|row| row.local == path);
            let row = forged.next().unwrap();
            assert_eq!((row.holder, row.command.as_str()), (None, owner));
            assert!(forged.next().is_none(), "{list:?}");
            let says = "more rows than sockets";
            assert_eq!(
                list.stderr.contains(says),
                stage.has_more_rows(),
                "{list:?}"
            );
            assert!(list.stderr.lines().count() <= 1, "{list:?}");
        }
        let list = stage.lsock(&["-x"]);
        expect_name_of_forger(row_of(&list, &stage, label), stage.made(label).unwrap());
    }
}

#[test]
fn a_name_that_claims_the_inode_of_a_unix_socket_hides_both_names() {
    let Some(stage) = Stage::set(&["unix-forged-twin"]) else {
        return;
    };
    let list = stage.lsock(&["-x"]);
    expect_not_believed(&list, "/run/y.sock");
    let victim = row_of(&list, &stage, "unix-forged-twin/victim");
    assert_eq!(
        (
            victim.local.as_str(),
            victim.proto.as_str(),
            victim.state.as_str()
        ),
        ("?", "unix", "LISTEN")
    );
}

// A filter dropped the true row, and a forged one that was found first hid what no table lists.
#[test]
fn a_name_that_claims_a_nameless_socket_neither_changes_nor_hides_it_whatever_is_selected() {
    let Some(stage) = Stage::set(&["unix-forged-nameless"]) else {
        return;
    };
    let victim = |role: &str| stage.made(&format!("unix-forged-nameless/{role}")).unwrap();
    let (pair, unlisted) = (victim("pair").holder, victim("unlisted").holder);
    let pid = stage.factory_pid.to_string();
    let pid = pid.as_str();
    for args in [
        &["-l"][..],
        &["-sLISTEN"],
        &["-l", "-x", pid],
        &["/run/p.sock"],
        &["-l", "/run/u.sock"],
        &["-l", "--netns", pid],
    ] {
        let list = stage.lsock(args);
        for (holder, path) in [(pair, "/run/p.sock"), (unlisted, "/run/u.sock")] {
            let is_it = |row: &Row| row.holder == holder || row.local == path;
            assert!(!list.rows.iter().any(is_it), "{args:?}: {list:?}");
        }
    }
    for args in [&[][..], &[pid], &["-c", "factory"], &["--netns", pid]] {
        let list = stage.lsock(args);
        let of = |holder| {
            let mut rows = list.rows.iter().filter(move |row| row.holder == holder);
            let row = rows.next().unwrap_or_else(|| panic!("{args:?}: {list:?}"));
            assert!(rows.next().is_none(), "{args:?}: {list:?}");
            (row.proto.as_str(), row.state.as_str(), row.local.as_str())
        };
        assert_eq!(of(unlisted), ("tcp", "-", "?"), "{args:?}");
        // Its state is doubted too, where its true row happens to stand behind a name.
        let row = of(pair);
        let is_doubted = [("unix", "CONNECTED", "?"), ("unix", "-", "?")].contains(&row);
        assert!(is_doubted, "{args:?}: {row:?}");
    }
}

#[test]
fn a_name_that_claims_the_inode_of_a_tcp_socket_changes_nothing_of_it() {
    let Some(stage) = Stage::set(&["unix-forged-inet"]) else {
        return;
    };
    let list = stage.lsock(&[]);
    expect_not_believed(&list, "/run/z.sock");
    let made = stage.made("unix-forged-inet/victim").unwrap();
    let row = row_of(&list, &stage, "unix-forged-inet/victim");
    assert_eq!(compare(row, made), "");
    // A filter that drops the row of TCP makes no other one true.
    let list = stage.lsock(&["-sLISTEN", "-x"]);
    assert!(
        !list.rows.iter().any(|row| row.holder == made.holder),
        "{list:?}"
    );
    // Without the tables of TCP it is the holder's descriptor that tells.
    let list = stage.lsock(&["-x"]);
    expect_not_believed(&list, "/run/z.sock");
    assert!(
        !list.rows.iter().any(|row| row.holder == made.holder),
        "{list:?}"
    );
}

// ---- seats ----------------------------------------------------------------------------------------------

#[test]
fn the_host_sees_the_sockets_of_another_pid_and_network_namespace() {
    let Some(stage) = Stage::set(&["tcp4-established", "udp4", "unix-listen-abstract"]) else {
        return;
    };
    let factory = child_of(stage.init);
    let list = List::here(&[&factory.to_string()]);
    let as_seen_here = |made: &Made| Made {
        holder: made.holder.map(|(_, fd)| (factory, fd)),
        ..made.clone()
    };
    let made: Vec<Made> = stage.made.iter().map(as_seen_here).collect();
    let wrong = mistakes(
        &list.rows.iter().collect::<Vec<_>>(),
        &made.iter().collect::<Vec<_>>(),
    );
    assert!(wrong.is_empty(), "{}\n{list:?}", wrong.join("\n"));
}

#[test]
fn who_may_not_read_a_process_sees_its_sockets_as_hidden() {
    let Some(stage) = Stage::set(&["tcp4-listen", "tcp4-accept-queue"]) else {
        return;
    };
    if !is_root() {
        return skip("not root, so nobody else's rights can be tried");
    }
    let as_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let reaches = stage
        .command("setpriv")
        .args(as_nobody)
        .args(["test", "-x", LSOCK])
        .status();
    if !reaches.unwrap().success() {
        return skip(
            "setpriv is missing, or an ordinary user does not reach the folder of the build",
        );
    }
    let lsock = |arguments: &[&str]| {
        let mut command = stage.command("setpriv");
        List::read(command.args(as_nobody).arg(LSOCK), arguments)
    };
    let made = stage.made("tcp4-listen").unwrap();
    let (_, port) = made.local.rsplit_once(':').unwrap();
    let list = lsock(&[&format!(":{port}")]);
    let [row] = list.rows.as_slice() else {
        panic!("{list:?}");
    };
    let expected = Row {
        holder: None,
        command: "(hidden)".to_owned(),
        proto: "tcp".to_owned(),
        state: "LISTEN".to_owned(),
        recv: "0".to_owned(),
        send: "0".to_owned(),
        local: made.local.clone(),
        peer: made.peer.clone(),
    };
    assert_eq!((row, list.code), (&expected, 0), "{list:?}");
    assert_eq!(list.stderr.lines().count(), 1, "{list:?}");

    // The reason that the row itself tells is a fact, whoever reads it.
    let waiting = stage.made("tcp4-accept-queue/waiting").unwrap();
    let all = lsock(&["-t"]);
    let row = all
        .rows
        .iter()
        .find(|row| row.local == waiting.local && row.peer == waiting.peer);
    assert_eq!(
        row.map(|row| row.command.as_str()),
        Some("(accept-queue)"),
        "{all:?}"
    );

    // What may be there is not "not there".
    let of_process = lsock(&[&stage.factory_pid.to_string()]);
    assert_eq!(
        (of_process.code, of_process.rows.len()),
        (3, 0),
        "{of_process:?}"
    );
}

#[test]
fn the_kernels_own_netlink_sockets_are_the_kernels() {
    let Some(stage) = Stage::set(&["netlink-route"]) else {
        return;
    };
    let list = stage.lsock(&["--netlink"]);
    let unheld: Vec<&Row> = list
        .rows
        .iter()
        .filter(|row| row.holder.is_none())
        .collect();
    assert!(
        unheld.iter().any(|row| row.local == "route:kernel"),
        "{list:?}"
    );
    assert!(unheld.iter().all(|row| is_kernels_own(row)), "{list:?}");
}

// ---- coming and going -----------------------------------------------------------------------------------

/// As tailscale's portlist does it: bind port 0, see it, close it, see it gone. `-q` must say the same.
#[test]
fn a_listener_is_seen_while_it_is_open_and_not_before_or_after() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let port = format!(":{}", local.port());
    let rows_here = |list: &List| -> Vec<Row> {
        // Another namespace of this machine may use the same port.
        let is_ours = |row: &&Row| row.holder.is_some_and(|(pid, _)| pid == std::process::id());
        list.rows.iter().filter(is_ours).cloned().collect()
    };
    let open = List::here(&[&port]);
    let [row] = &rows_here(&open)[..] else {
        panic!("{open:?}");
    };
    assert_eq!(
        (row.proto.as_str(), row.state.as_str()),
        ("tcp", "LISTEN"),
        "{open:?}"
    );
    assert_eq!(
        (row.local.as_str(), row.peer.as_str()),
        (local.to_string().as_str(), "*:*")
    );
    let pid = std::process::id().to_string();
    assert_eq!(List::here(&["-q", &pid, &port]).code, 0);
    drop(listener);
    let closed = List::here(&[&port]);
    assert_eq!(rows_here(&closed), []);
    let quiet = List::here(&["-q", &pid, &port]);
    assert_eq!((quiet.code, quiet.rows.len()), (1, 0), "{quiet:?}");
}

#[test]
fn a_udp_socket_is_seen_while_it_is_open_and_not_after() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = socket.local_addr().unwrap().to_string();
    let pid = std::process::id().to_string();
    let open = List::here(&["-u", &pid, &local]);
    let [row] = open.rows.as_slice() else {
        panic!("{open:?}");
    };
    assert_eq!(
        (row.proto.as_str(), row.state.as_str(), row.local.as_str()),
        ("udp", "UNCONNECTED", local.as_str())
    );
    drop(socket);
    let closed = List::here(&["-u", &pid, &local]);
    assert_eq!((closed.code, closed.rows.len()), (1, 0), "{closed:?}");
}

// ---- the comparisons ------------------------------------------------------------------------------------

/// A socket and one holder, as one of the tools tells it, in lsock's words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    /// Without the 6: `ss` tells `tcp` for both families.
    proto: String,
    state: String,
    recv: String,
    send: String,
    local: String,
    peer: String,
    holder: Option<(u32, u32)>,
}

impl Told {
    fn by_lsock(row: &Row) -> Self {
        Self {
            proto: row.proto.trim_end_matches('6').to_owned(),
            state: row.state.clone(),
            recv: row.recv.clone(),
            send: row.send.clone(),
            local: row.local.clone(),
            peer: row.peer.clone(),
            holder: row.holder,
        }
    }

    /// The label of what the factory made, of which this tells.
    fn label<'a>(&self, stage: &'a Stage) -> &'a str {
        let is_it = |made: &&Made| match self.holder {
            Some(holder) => made.holder == Some(holder),
            None => made.local == self.local && made.peer == self.peer,
        };
        stage
            .made
            .iter()
            .find(is_it)
            .map_or("", |made| made.label.as_str())
    }
}

/// What both tell of one socket and holder, where it is not the same: lsock, the other, and the socket's label.
type PairRule = fn(&Told, &Told, &str) -> bool;
/// What only lsock tells, and the socket's label.
type LoneRule = fn(&Told, &str) -> bool;

/// Takes away what both tell, then what the rules explain; what remains is unexplained.
fn unexplained(
    stage: &Stage,
    mut lsock: Vec<Told>,
    mut other: Vec<Told>,
    pair_rules: &[PairRule],
    lone_rules: &[LoneRule],
) -> Vec<String> {
    lsock.retain(|told| match other.iter().position(|other| other == told) {
        Some(at) => {
            other.remove(at);
            false
        }
        None => true,
    });
    lsock.retain(|told| {
        let label = told.label(stage);
        let is_explained = |other: &Told| pair_rules.iter().any(|rule| rule(told, other, label));
        match other.iter().position(is_explained) {
            Some(at) => {
                other.remove(at);
                false
            }
            None => !lone_rules.iter().any(|rule| rule(told, label)),
        }
    });
    let only_lsock = lsock
        .iter()
        .map(|told| format!("only lsock: {} {told:?}", told.label(stage)));
    let only_other = other
        .iter()
        .map(|told| format!("only the other: {} {told:?}", told.label(stage)));
    only_lsock.chain(only_other).collect()
}

/// lsock's rows of the tables that the comparison is about, except those of processes that are not the factory's.
fn told_by_lsock(stage: &Stage) -> Vec<Told> {
    let list = stage.lsock(&["-tux"]);
    assert_eq!(list.code, 0, "{list:?}");
    list.rows
        .iter()
        .map(Told::by_lsock)
        .filter(|told| is_factorys(stage, told.holder))
        .collect()
}

/// Whether the holder, if there is one, is the factory or a child of it: the tools may hold what they were given.
fn is_factorys(stage: &Stage, holder: Option<(u32, u32)>) -> bool {
    let is_pid_of = |pid: u32| {
        stage
            .made
            .iter()
            .any(|made| made.holder.is_some_and(|(maker, _)| maker == pid))
    };
    holder.is_none_or(|(pid, _)| is_pid_of(pid))
}

/// Runs another tool on the stage; `None`, and says so, where it is not installed.
fn run_other(stage: &Stage, program: &str, arguments: &[&str]) -> Option<Output> {
    if let Err(error) = Command::new(program).arg("-v").output() {
        skip(&format!("{program}: {error}"));
        return None;
    }
    let output = stage.command(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty(), "{program}: {said}");
    Some(output)
}

/// The factory's bytes in lsock's spelling. Its names have no valid UTF-8 beyond ASCII.
fn escaped(name: &[u8]) -> String {
    let spell = |byte: &u8| match byte {
        b'\n' => "\\n".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b'!'..=b'~' => char::from(*byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    name.iter().map(spell).collect()
}

/// Only the queues differ, and they are those of a connection that is stuck behind a closed window.
///
/// Now and then a window probe gets a few bytes across, so the figures move between two runs of any tool.
fn a_stalled_queue_moves(lsock: &Told, other: &Told, label: &str) -> bool {
    let is_stalled = [
        "tcp4-fin-wait1/",
        "tcp4-last-ack/",
        "tcp4-closing/",
        "tcp4-orphan/",
    ];
    let queues = |told: &Told| Told {
        recv: String::new(),
        send: String::new(),
        ..told.clone()
    };
    is_stalled.iter().any(|kind| label.starts_with(kind)) && queues(lsock) == queues(other)
}

/// Sockets of another network namespace: ss and lsof read one, that of their own process.
fn they_see_one_namespace(_: &Told, label: &str) -> bool {
    label.starts_with("netns-") || label == "thread-own-netns"
}

/// A socket that no table and no `sock_diag` dump lists, because it is in none of the kernel's hashes: bound at most.
fn no_table_lists_it(lsock: &Told, _: &str) -> bool {
    lsock.state == "-" && lsock.local == "?"
}

/// The row that a forged name has made up: lsock cannot tell it from a genuine one that nobody is seen to hold.
fn lsock_shows_the_forged_row(lsock: &Told, _: &str) -> bool {
    lsock.holder.is_none() && ["/run/x.sock", "/run/w.sock"].contains(&lsock.local.as_str())
}

// ---- ss -------------------------------------------------------------------------------------------------

/// `u_str ESTAB` begins a row of ss; everything else continues a name, which ss prints raw.
fn begins_row_of_ss(line: &[u8]) -> bool {
    let mut words = line
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let is_netid = matches!(
        words.next(),
        Some(b"tcp" | b"udp" | b"u_str" | b"u_dgr" | b"u_seq")
    );
    is_netid
        && words.next().is_some_and(|state| {
            state
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || b"-12".contains(byte))
        })
}

/// ss writes `ESTAB` and `UNCONN`, and hyphens; of a unix socket too.
fn ss_shortens_states(state: &str, is_unix: bool) -> String {
    match state {
        "ESTAB" if is_unix => "CONNECTED".to_owned(),
        "ESTAB" => "ESTABLISHED".to_owned(),
        "UNCONN" => "UNCONNECTED".to_owned(),
        "FIN-WAIT-1" => "FIN_WAIT1".to_owned(),
        "FIN-WAIT-2" => "FIN_WAIT2".to_owned(),
        state => state.replace('-', "_"),
    }
}

/// ss writes `*:80` for a dual-stack `[::]:80`, and puts a v4-mapped address into brackets.
fn ss_spells_ipv6_its_own_way(address: &str) -> String {
    match (address.strip_prefix("*:"), address.strip_prefix("[::ffff:")) {
        (Some(port), _) => format!("[::]:{port}"),
        (_, Some(mapped)) => mapped.replacen(']', "", 1),
        _ => address.to_owned(),
    }
}

/// ss knows the family of a missing peer, and writes `0.0.0.0:*`, `[::]:*` or `*:*`.
fn ss_writes_the_family_of_no_peer(peer: &str) -> String {
    if peer.ends_with(":*") {
        "*:*".to_owned()
    } else {
        ss_spells_ipv6_its_own_way(peer)
    }
}

/// ss shows a listener's backlog as SEND-Q; /proc/net/tcp has 0 there, so lsock cannot know it.
fn ss_shows_the_backlog(state: &str, send: &str) -> String {
    if state == "LISTEN" {
        "0".to_owned()
    } else {
        send.to_owned()
    }
}

/// The holders in `users:(("factory",pid=8,fd=5),…)`. The names are raw, and cut at a `)`.
fn holders_of_ss(users: &str) -> Vec<Option<(u32, u32)>> {
    let holder = |text: &str| {
        let (pid, rest) = text.split_once(",fd=")?;
        let (fd, _) = rest.split_once(')')?;
        Some((pid.parse().ok()?, fd.parse().ok()?))
    };
    let holders: Vec<_> = users.split(",pid=").skip(1).map(holder).collect();
    assert!(holders.iter().all(Option::is_some), "{users}");
    if holders.is_empty() {
        vec![None]
    } else {
        holders
    }
}

/// One row of ss, once for each holder.
fn parse_ss(record: &[u8]) -> Vec<Told> {
    let at = record.windows(9).position(|window| window == b" users:((");
    let (row, users) = record.split_at(at.unwrap_or(record.len()));
    let users = String::from_utf8_lossy(users);
    let mut head = row.splitn(2, |byte| *byte == b' ');
    let netid = String::from_utf8_lossy(head.next().unwrap()).into_owned();
    let mut rest = head.next().unwrap_or_default().trim_ascii();
    let mut word = || {
        let end = rest
            .iter()
            .position(|byte| *byte == b' ')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_ascii_start();
        String::from_utf8_lossy(word).into_owned()
    };
    let (state, recv, send) = (word(), word(), word());
    let is_unix = netid.starts_with("u_");
    let told = if is_unix {
        // NAME INODE PEER-NAME PEER-INODE: from the end, for the name may hold anything.
        let mut words = rest.rsplitn(2, |byte| *byte == b' ');
        let _peer_inode = words.next().unwrap();
        let without_peer = words
            .next()
            .unwrap()
            .trim_ascii_end()
            .strip_suffix(b"*")
            .unwrap()
            .trim_ascii_end();
        let end = without_peer.iter().rposition(|byte| *byte == b' ').unwrap();
        let local = escaped(&without_peer[..end]);
        let proto = match netid.as_str() {
            "u_str" => "unix",
            "u_dgr" => "unix-dgram",
            "u_seq" => "unix-seq",
            netid => panic!("{netid}"),
        };
        // The queues of unix sockets are not in /proc; nor is the peer, and ss tells its inode alone.
        let (recv, send) = ("-".to_owned(), "-".to_owned());
        let state = ss_shortens_states(&state, true);
        Told {
            proto: proto.to_owned(),
            state,
            recv,
            send,
            local,
            peer: "*".to_owned(),
            holder: None,
        }
    } else {
        let (local, peer) = (word(), word());
        Told {
            proto: netid,
            send: ss_shows_the_backlog(&state, &send),
            state: ss_shortens_states(&state, false),
            recv,
            local: ss_spells_ipv6_its_own_way(&local),
            peer: ss_writes_the_family_of_no_peer(&peer),
            holder: None,
        }
    };
    holders_of_ss(&users)
        .into_iter()
        .map(|holder| Told {
            holder,
            ..told.clone()
        })
        .collect()
}

/// All that ss tells.
fn parse_all_of_ss(stdout: &[u8]) -> Vec<Told> {
    let mut records: Vec<Vec<u8>> = Vec::new();
    for line in stdout.split(|byte| *byte == b'\n') {
        match records.last_mut() {
            Some(record) if !begins_row_of_ss(line) => {
                record.push(b'\n');
                record.extend_from_slice(line);
            }
            _ => records.push(line.to_vec()),
        }
    }
    records
        .iter()
        .flat_map(|record| parse_ss(record.trim_ascii()))
        .collect()
}

/// ss before 6.3 reads no /proc/PID/task, so the sockets of other threads have no holder there.
fn ss_reads_no_threads(lsock: &Told, ss: &Told, label: &str) -> bool {
    let is_of_thread = matches!(label, "main-thread-exited" | "thread-own-fds/thread");
    is_of_thread
        && ss
            == &Told {
                holder: None,
                ..lsock.clone()
            }
}

/// `sock_diag` tells each name with its length, so ss sees a forger's whole name and its victim's true one.
fn ss_asks_the_kernel_for_each_name(lsock: &Told, ss: &Told, label: &str) -> bool {
    let rest = ss.local.strip_prefix(&lsock.local);
    let is_named_apart = lsock.local == "?" || rest.is_some_and(|rest| rest.starts_with("\\n"));
    // Where both rows may be forged, nor is the state told on which they differ.
    let state = match lsock.state.as_str() {
        "-" => "-",
        _ => &ss.state,
    };
    label.starts_with("unix-forged-")
        && is_named_apart
        && lsock
            == &Told {
                local: lsock.local.clone(),
                state: state.to_owned(),
                ..ss.clone()
            }
}

/// ss -u asks `sock_diag` for UDP alone.
fn ss_lists_no_udplite(lsock: &Told, _: &str) -> bool {
    lsock.proto == "udplite"
}

/// `sock_diag` leaves out what has no inode yet, the accepting end of a unix connection.
fn ss_lists_no_waiting_unix_connection(lsock: &Told, _: &str) -> bool {
    lsock.holder.is_none() && lsock.proto == "unix" && lsock.state == "CONNECTING"
}

#[test]
fn every_difference_to_ss_is_explained() {
    let Some(stage) = Stage::set(&[]) else {
        return;
    };
    let Some(output) = run_other(&stage, "ss", &["-H", "-tunxap"]) else {
        return;
    };
    let is_ours = |told: &Told| is_factorys(&stage, told.holder);
    let ss: Vec<Told> = parse_all_of_ss(&output.stdout)
        .into_iter()
        .filter(is_ours)
        .collect();
    assert!(ss.len() > 70, "{ss:?}");
    let lsock = told_by_lsock(&stage);
    let pair_rules: [PairRule; 3] = [
        ss_reads_no_threads,
        ss_asks_the_kernel_for_each_name,
        a_stalled_queue_moves,
    ];
    let lone_rules: [LoneRule; 5] = [
        they_see_one_namespace,
        no_table_lists_it,
        lsock_shows_the_forged_row,
        ss_lists_no_udplite,
        ss_lists_no_waiting_unix_connection,
    ];
    let differences = unexplained(&stage, lsock, ss, &pair_rules, &lone_rules);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

// ---- lsof -----------------------------------------------------------------------------------------------

/// lsof writes `*` for any address of either family.
fn lsof_writes_a_star_for_any(address: &str, is_ipv6: bool) -> String {
    match address.strip_prefix('*') {
        Some(port) if is_ipv6 => format!("[::]{port}"),
        Some(port) => format!("0.0.0.0{port}"),
        None => address.to_owned(),
    }
}

/// lsof escapes as lsock does, but a control character as `^X`; its own carets it leaves alone.
fn lsof_writes_carets(name: &str) -> String {
    name.replace("^[", "\\x1b")
}

/// lsof has no state for UDP: whether it is connected tells its name.
fn lsof_has_no_state_of_udp(peer: &str) -> String {
    if peer == "*:*" {
        "UNCONNECTED".to_owned()
    } else {
        "ESTABLISHED".to_owned()
    }
}

/// One descriptor of lsof's output for programs (-F0): fields of one letter, each closed by NUL.
fn parse_lsof(pid: u32, line: &str) -> Told {
    let mut fields = BTreeMap::new();
    for field in line.split_terminator('\0') {
        let (name, value) = match field.strip_prefix('T') {
            Some(tcp) => tcp.split_once('=').unwrap(),
            None => field.split_at(1),
        };
        fields.insert(name, value);
    }
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let holder = Some((pid, field("f").parse().unwrap()));
    if field("t") == "unix" {
        let (name, kind) = field("n").split_once("type=").unwrap();
        let proto = match kind {
            "STREAM" => "unix",
            "DGRAM" => "unix-dgram",
            "SEQPACKET" => "unix-seq",
            kind => panic!("{kind}"),
        };
        let name = name.strip_suffix(' ').unwrap_or(name);
        return Told {
            proto: proto.to_owned(),
            state: field("ST").to_owned(),
            recv: "-".to_owned(),
            send: "-".to_owned(),
            local: if name.is_empty() {
                "*".to_owned()
            } else {
                lsof_writes_carets(name)
            },
            peer: "*".to_owned(),
            holder,
        };
    }
    let is_ipv6 = field("t") == "IPv6";
    let (local, peer) = field("n").split_once("->").unwrap_or((field("n"), "*:*"));
    let state = match field("ST") {
        "" => lsof_has_no_state_of_udp(peer),
        state => state.to_owned(),
    };
    Told {
        proto: field("P").to_ascii_lowercase(),
        state,
        recv: field("QR").to_owned(),
        send: field("QS").to_owned(),
        local: lsof_writes_a_star_for_any(local, is_ipv6),
        peer: peer.to_owned(),
        holder,
    }
}

/// All that lsof tells.
fn parse_all_of_lsof(stdout: &str) -> Vec<Told> {
    let mut pid = 0;
    let mut told = Vec::new();
    for line in stdout.lines() {
        match line.strip_prefix('p') {
            Some(process) => pid = process.split('\0').next().unwrap().parse().unwrap(),
            None => told.push(parse_lsof(pid, line)),
        }
    }
    told
}

/// lsof splits /proc/net/unix at blanks and newlines, and loses the rest of a name.
fn lsof_cuts_names(lsock: &Told, lsof: &Told, _: &str) -> bool {
    let rest = lsock.local.strip_prefix(&lsof.local);
    let is_cut = rest.is_some_and(|rest| rest.starts_with("\\x20") || rest.starts_with("\\n"));
    is_cut
        && lsof
            == &Told {
                local: lsof.local.clone(),
                ..lsock.clone()
            }
}

/// lsof takes a forged row for a row: it names the victim's descriptor by it, or by the row that it met last.
fn lsof_believes_forged_rows(lsock: &Told, lsof: &Told, label: &str) -> bool {
    let is_victim = [
        "unix-forged-twin/victim",
        "unix-forged-inet/victim",
        "unix-forged-nameless/pair",
        "unix-forged-nameless/unlisted",
    ]
    .contains(&label);
    is_victim && lsof.holder == lsock.holder && lsof.proto == "unix"
}

/// lsof lists descriptors: what nobody holds is not there.
fn lsof_lists_holders_alone(lsock: &Told, _: &str) -> bool {
    lsock.holder.is_none()
}

/// lsof reads no threads unless it is asked (-K), nor a process whose name has a `)` in it.
fn lsof_reads_neither_threads_nor_strange_names(_: &Told, label: &str) -> bool {
    matches!(
        label,
        "main-thread-exited" | "thread-own-fds/thread" | "strange-command"
    )
}

#[test]
fn every_difference_to_lsof_is_explained() {
    let Some(stage) = Stage::set(&[]) else {
        return;
    };
    let Some(output) = run_other(&stage, "lsof", &["-nP", "-i", "-U", "-F0pftPTn"]) else {
        return;
    };
    let is_ours = |told: &Told| is_factorys(&stage, told.holder);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lsof: Vec<Told> = parse_all_of_lsof(&stdout)
        .into_iter()
        .filter(is_ours)
        .collect();
    assert!(lsof.len() > 70, "{lsof:?}");
    let lsock = told_by_lsock(&stage);
    let pair_rules: [PairRule; 3] = [
        lsof_cuts_names,
        lsof_believes_forged_rows,
        a_stalled_queue_moves,
    ];
    let lone_rules: [LoneRule; 4] = [
        they_see_one_namespace,
        no_table_lists_it,
        lsof_lists_holders_alone,
        lsof_reads_neither_threads_nor_strange_names,
    ];
    let differences = unexplained(&stage, lsock, lsof, &pair_rules, &lone_rules);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

// ---- other views ----------------------------------------------------------------------------------------

mod json;
mod netns;
