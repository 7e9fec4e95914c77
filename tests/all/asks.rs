//! What lsock asks the kernel for, which is as little as possible, and that it loses nothing by it.
//!
//! Each call costs the kernel's time, and that is nearly all of lsock's. So the calls are counted, by `strace`, and held
//! against the formula that stands beside each bound: whoever adds one to each process, descriptor or table meets it
//! here. The other half is the price: tables that are not read because sockstat counts no socket in them, and the end of
//! a table that is not asked for. What lsock shows is held against the tables themselves, in a network namespace that
//! has nothing but the sockets in question.
//!
//! Needs `strace`, `unshare` (util-linux) and `ip` (iproute2); where one is missing or not allowed, a line says so:
//! `skipped: TEST: REASON`. A test that needs a namespace runs this very program there, for itself alone.

use crate::again::{Held, again, hold, in_a_network_of_its_own, is_again};
use crate::machine::{PATIENCE, skip, strace};
use crate::rows::{EMPTY, NOBODY, NOBODY6, tcp, udp, unix};
use crate::run::{LSOCK, Run, lsock};
use crate::tree::Tree;
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

// ---- calls ----------------------------------------------------------------------------------------------

/// What the kernel may be asked for, and the system calls that do: which of them, is the C library's choice.
const KINDS: [(&str, &[&str]); 9] = [
    ("open", &["open", "openat", "openat2"]),
    ("read", &["read", "readv", "pread64"]),
    ("list", &["getdents", "getdents64"]),
    ("link", &["readlink", "readlinkat"]),
    (
        "stat",
        &["stat", "fstat", "lstat", "newfstatat", "statx", "fstatfs"],
    ),
    ("xattr", &["getxattr", "lgetxattr", "fgetxattr"]),
    ("close", &["close"]),
    ("write", &["write", "writev"]),
    (
        "memory",
        &["brk", "mmap", "mremap", "munmap", "mprotect", "madvise"],
    ),
];

/// One system call.
struct Call {
    /// Which of `KINDS` it is; `other` if none.
    kind: &'static str,
    /// All of it, descriptors with their paths: `readlinkat(4</proc/6/fd>, "0", …`.
    line: String,
}

impl Call {
    /// Reads a line of strace; `None` where that tells of no call.
    fn parse(line: &str) -> Option<Call> {
        let (name, _) = line.split_once('(')?;
        let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
        if !name.chars().all(is_name) {
            return None;
        }
        let kind = KINDS.iter().find(|(_, names)| names.contains(&name));
        Some(Call {
            kind: kind.map_or("other", |(kind, _)| kind),
            line: line.to_owned(),
        })
    }
}

/// The calls of one run of lsock, from its first look at proc on: what comes before is the C library's.
pub(crate) struct Asked {
    /// All of them.
    calls: Vec<Call>,
    /// How many rows it showed.
    pub(crate) rows: usize,
}

impl Asked {
    /// Runs `lsock --threads 1 --proc PROC ARGS`; `None`, and says so, where it cannot be traced.
    pub(crate) fn by(proc: &Path, args: &str) -> Option<Asked> {
        let mut command = lsock();
        command.args(["--threads", "1", "-H", "--proc"]).arg(proc);
        command.args(args.split_ascii_whitespace());
        Self::of(&command, proc)
    }

    /// Runs `command`, whose first look is at `proc`, and traces its first thread; `None`, and says so, where that cannot be.
    pub(crate) fn of(command: &Command, proc: &Path) -> Option<Asked> {
        let (run, trace) = match strace(&["-y", "-s", "256"], command) {
            Ok(traced) => traced,
            Err(why) => {
                skip(&why);
                return None;
            }
        };
        let path = format!("\"{}\"", proc.display());
        let is_before = |call: &Call| call.kind != "open" || !call.line.contains(&path);
        let calls = trace.lines().filter_map(Call::parse).skip_while(is_before);
        Some(Asked {
            calls: calls.collect(),
            rows: run.out().lines().count(),
        })
    }

    /// How many calls of this kind there are.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.calls.iter().filter(|call| call.kind == kind).count()
    }

    /// How many calls of this kind there are about what is open by a path that ends so.
    pub(crate) fn count_of(&self, kind: &str, end: &str) -> usize {
        let end = format!("{end}>");
        let is_it = |call: &&Call| call.kind == kind && call.line.contains(&end);
        self.calls.iter().filter(is_it).count()
    }

    /// Demands that no more is asked for than `bounds` says.
    #[track_caller]
    fn at_most(&self, bounds: Bounds) {
        let counts = KINDS.map(|(kind, _)| (kind, self.count(kind)));
        for (kind, bound) in [
            ("open", bounds.open),
            ("read", bounds.read),
            ("list", bounds.list),
            ("link", bounds.link),
            ("stat", bounds.stat),
            ("close", bounds.open),
            ("write", bounds.write),
            // Only a socket without a row is asked what it is.
            ("xattr", 0),
            // The C library's: FD_CLOEXEC of the first open, the end.
            ("other", 8),
        ] {
            let count = self.count(kind);
            assert!(
                count <= bound,
                "{kind}: {count}, {bound} allowed: {counts:?}"
            );
        }
    }
}

/// How many calls of each kind are allowed; what is opened is closed.
#[derive(Clone, Copy, Default)]
struct Bounds {
    open: usize,
    read: usize,
    list: usize,
    link: usize,
    stat: usize,
    write: usize,
}

impl Bounds {
    /// To open proc, ask whether it is one, whether there is any process in it, and who lsock itself is there; and to try
    /// the calls whose answers are believed later: read, fstat and stat.
    const START: Bounds = Bounds {
        open: 2,
        read: 1,
        list: 1,
        link: 1,
        stat: 3,
        write: 0,
    };

    /// To list all processes, in one piece: the piece, and its end.
    fn list_of_processes(self) -> Bounds {
        Bounds {
            open: self.open + 1,
            list: self.list + 2,
            ..self
        }
    }

    /// To look at processes with `FDS` descriptors each. The fd folder is opened, its size asked for and, because this
    /// is no live proc, listed; each link is read, and that of ns/net; task is asked for its number of links.
    fn processes(self, count: usize) -> Bounds {
        Bounds {
            open: self.open + count,
            list: self.list + 2 * count,
            link: self.link + count * (FDS + 1),
            stat: self.stat + 2 * count,
            ..self
        }
    }

    /// To read files that are shorter than a page. These are no files of proc, so the end of each is asked for too
    /// (`a_short_table_of_the_kernel_is_read_once` holds that proc's are read by one read).
    fn files(self, count: usize) -> Bounds {
        Bounds {
            open: self.open + count,
            read: self.read + 2 * count,
            ..self
        }
    }

    /// To write the list.
    fn output(self) -> Bounds {
        Bounds {
            write: self.write + 1,
            ..self
        }
    }
}

/// Processes of the workload; each second one holds `SOCKETS`.
const PROCESSES: usize = 40;
/// Those that hold sockets.
const HOLDERS: usize = PROCESSES / 2;
/// Descriptors of each process.
const FDS: usize = 10;
/// Those of a holder that are sockets, each with a row: a listener, a UDP socket, a pair of unix sockets.
const SOCKETS: usize = 4;
/// Network namespaces, among which the processes are dealt out in turn.
const NAMESPACES: usize = 3;
/// sockstat and sockstat6, which count the sockets of other tables than these:
const COUNTS: usize = 2;
/// icmp, icmp6, unix, netlink and packet are not counted, so they are read. All others of a module are left out too,
/// because protocols does not name them.
const UNCOUNTED: usize = 5;
/// Of the members of a namespace the first eight are asked for their container: the holders are known by then.
const OTHERS_ASKED: usize = 8 / 2;

/// A tree of `processes` processes. Those of a namespace that hold sockets hold the same ones, as forked workers do; so
/// there are but six different folders, and the others are links to these.
fn workload(processes: usize) -> Tree {
    let tree = Tree::new();
    let all = (0..processes).zip(100..);
    for (number, pid) in all.clone().skip(2 * NAMESPACES) {
        let (_, same) = all.clone().nth(number % (2 * NAMESPACES)).unwrap();
        symlink(same.to_string(), tree.path().join(pid.to_string())).unwrap();
    }
    for (number, pid) in all.take(2 * NAMESPACES) {
        let namespace = number % NAMESPACES;
        let name = format!("n{namespace}");
        if number < NAMESPACES {
            tree.namespace(&name);
            fill_tables(&tree, &name, namespace);
        }
        let cgroup = format!("0::/docker-{}.scope\n", namespace.to_string().repeat(64));
        let mut process = tree.process_in(&name, pid, "worker");
        process = process.file("cgroup", cgroup);
        process = process.ns_net(4_026_532_000 + u64::try_from(namespace).unwrap());
        let sockets = if number % 2 == 0 { SOCKETS } else { 0 };
        let numbers = 0..u32::try_from(FDS).unwrap();
        for (fd, inode) in numbers.clone().zip(inodes(namespace)).take(sockets) {
            process = process.socket(fd, inode);
        }
        for fd in numbers.skip(sockets) {
            process = process.fd(fd, "/dev/null");
        }
    }
    tree
}

/// The sockets of a namespace.
fn inodes(namespace: usize) -> impl Iterator<Item = u64> {
    (1000 * u64::try_from(namespace + 1).unwrap()..).take(SOCKETS)
}

/// Gives a namespace a row for each of its sockets, and counts them as the kernel does.
fn fill_tables(tree: &Tree, name: &str, namespace: usize) {
    let (local, nobody, empty) = ("0100007F:1F90", NOBODY, EMPTY);
    let inodes: Vec<u64> = inodes(namespace).collect();
    let pair = [inodes[2], inodes[3]].map(|inode| unix("00000000", "0001", "03", inode, ""));
    let listener = tcp(local, nobody, "0A", empty, 0, inodes[0]);
    tree.table_in(name, "tcp", &[listener]);
    tree.table_in(
        name,
        "udp",
        &[udp(local, nobody, "07", empty, 0, inodes[1])],
    );
    tree.table_in(name, "unix", &pair);
    for (file, text) in [
        (
            "sockstat",
            "sockets: used 4\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0\nUDP: inuse 1 mem 0\n\
             UDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
        ),
        (
            "sockstat6",
            "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n",
        ),
        (
            "protocols",
            "protocol  size sockets  memory press maxhdr  slab module     cl co di ac\n\
             UDP       1344      3       0   NI       0   yes  kernel      y  y  y  n\n\
             TCP       2432      3       0   no     320   yes  kernel      y  y  y  y\n",
        ),
    ] {
        fs::write(tree.net(name).join(file), text).unwrap();
    }
}

#[test]
fn a_list_asks_for_each_process_descriptor_and_table_once() {
    let tree = workload(PROCESSES);
    let Some(asked) = Asked::by(&tree.path(), "") else {
        return;
    };
    assert_eq!(asked.rows, HOLDERS * SOCKETS);
    let files_of_namespace = COUNTS + UNCOUNTED + ["tcp", "udp"].len();
    let bounds = Bounds::START.list_of_processes().processes(PROCESSES);
    // protocols is the same for all namespaces; comm and cgroup are read of holders.
    let bounds = bounds.files(NAMESPACES * files_of_namespace).files(1);
    let bounds = bounds.files(2 * HOLDERS).files(NAMESPACES * OTHERS_ASKED);
    asked.at_most(bounds.output());
}

#[test]
fn a_short_table_of_the_kernel_is_read_once() {
    let mut command = lsock();
    command.args(["-q", "-t"]);
    let (_, calls) = match strace(&["-f", "-y", "-e", "trace=read"], &command) {
        Ok(traced) => traced,
        Err(why) => return skip(&why),
    };
    // read(5</proc/7/net/sockstat>, …) = 300: it is always short, and its end is not asked for.
    let reads = calls.lines().filter(|line| line.contains("/net/sockstat>"));
    let (ends, reads): (Vec<&str>, Vec<&str>) = reads.partition(|line| line.ends_with(" = 0"));
    assert!(ends.is_empty() && !reads.is_empty(), "{calls}");
}

// A row of unix may be forged for the next socket that somebody opens, so it is believed only where the holder had the socket
// before the table was read, and has it behind that. Of 284 rows of a process that opens and closes sockets 246 were forged.
#[test]
fn what_may_be_forged_is_read_while_its_holder_has_the_socket() {
    let tree = workload(PROCESSES);
    let claim = |kind| [&b"@a\n"[..], &unix("00010000", kind, "01", 900, "/run/f")].concat();
    let evil = |inode, kind| unix("00000000", "0002", "01", inode, claim(kind));
    tree.table("unix", &[evil(901, "0001"), evil(902, "0005")]);
    tree.process(7, "srv").socket(3, 900);
    let places = |calls: &str, what: &str| {
        let lines = calls.lines().enumerate();
        let found = lines.filter(|(_, line)| line.contains(what));
        found.map(|(place, _)| place).collect::<Vec<usize>>()
    };
    // As well where the kernel may not be asked what a socket is.
    for (threads, denied) in [("1", "lseek"), ("2", "lseek"), ("1", "getxattr")] {
        let mut command = lsock();
        command
            .args(["--threads", threads, "--proc"])
            .arg(tree.path());
        let inject = format!("inject={denied}:error=EPERM");
        let trace = "trace=/open|readlink|xattr";
        let calls = match strace(&["-f", "-y", "-e", trace, "-e", &inject], &command) {
            Ok((_, calls)) => calls,
            Err(why) => return skip(&why),
        };
        let tables = places(&calls, "/net/unix\"");
        let links = places(&calls, ">, \"7/fd/3\"");
        let folders = places(&calls, "/fd\"");
        // It is read once more where two rows differ.
        assert!(tables.len() >= 2 && folders.len() > PROCESSES, "{calls}");
        assert!(folders.last() < tables.first(), "{calls}");
        assert!(links.last() > tables.last(), "{calls}");
    }
}

#[test]
fn who_asks_only_whether_there_is_any_gets_no_name_and_no_container_read() {
    let tree = workload(PROCESSES);
    let Some(asked) = Asked::by(&tree.path(), "-q") else {
        return;
    };
    assert_eq!(asked.rows, 0);
    let files_of_namespace = COUNTS + UNCOUNTED + ["tcp", "udp"].len();
    let bounds = Bounds::START.list_of_processes().processes(PROCESSES);
    asked.at_most(bounds.files(NAMESPACES * files_of_namespace).files(1));
}

#[test]
fn a_list_of_one_process_asks_for_no_other() {
    let tree = workload(PROCESSES);
    let Some(asked) = Asked::by(&tree.path(), "120") else {
        return;
    };
    assert_eq!(asked.rows, SOCKETS);
    // With the last of its sockets found in unix, the tables behind that are not read, nor protocols, which is for them.
    let tables = ["tcp", "udp", "icmp", "icmp6", "unix"].len();
    let bounds = Bounds::START.processes(1).files(COUNTS + tables);
    asked.at_most(bounds.files(["comm"].len()).output());
}

// A namespace that only a thread is in is found by one call for each thread, and only where all namespaces are needed: a
// list of one process needs none, unless it holds what no table of its own lists.
#[test]
fn a_thread_is_asked_once_for_its_namespace_and_only_where_all_are_needed() {
    const THREADS: u32 = 20;
    let tree = workload(PROCESSES);
    let process = tree.process_in("n0", 90, "java").ns_net(4_026_532_000);
    let process = process.socket(3, inodes(0).next().unwrap());
    for tid in 90..=90 + THREADS {
        process.thread(tid, "java", "n0").ns_net(4_026_532_000);
    }
    for (args, asked_each) in [
        ("", 1),
        ("-tl", 1),
        // The tables of processes tell enough, unless nothing matches there.
        ("-q -l :8080", 0),
        // That nothing matches is said after a second look, for sockets that no table lists.
        ("-q -l :9", 2),
        // It tells nothing of a process that is not there, nor of a namespace that was met.
        ("-q -l nosuch", 0),
        ("-q --netns 90 -S", 2),
        ("90", 0),
        ("90 -l", 0),
    ] {
        let Some(asked) = Asked::by(&tree.path(), args) else {
            return;
        };
        let is_asked = |call: &&Call| call.line.contains("/task/") && call.line.contains("/ns/net");
        let count = asked.calls.iter().filter(is_asked).count();
        assert_eq!(
            count,
            asked_each * usize::try_from(THREADS).unwrap(),
            "{args}"
        );
    }
}

#[test]
fn a_list_of_listeners_reads_no_other_table() {
    let tree = workload(PROCESSES);
    let Some(asked) = Asked::by(&tree.path(), "-tl") else {
        return;
    };
    assert_eq!(asked.rows, HOLDERS);
    assert_eq!(asked.count_of("open", "/net/tcp6"), 0);
    let files_of_namespace = COUNTS + ["tcp"].len();
    let bounds = Bounds::START.list_of_processes().processes(PROCESSES);
    let bounds = bounds.files(NAMESPACES * files_of_namespace);
    let bounds = bounds.files(2 * HOLDERS).files(NAMESPACES * OTHERS_ASKED);
    asked.at_most(bounds.output());
}

// The seccomp profiles of docker before 18.04 and of libseccomp before 2.3.3 answer statx with EPERM. The links of PID/task
// say that there is a thread to read, so without them its socket would have no holder.
#[test]
fn where_statx_is_denied_all_is_shown() {
    let tree = Tree::new();
    let listener = tcp(
        "0100007F:1F90",
        "00000000:0000",
        "0A",
        "00000000:00000000",
        0,
        11,
    );
    tree.table("tcp", &[listener]);
    let process = tree.process(7, "java");
    process.thread(7, "java", "a");
    process.thread(9, "worker", "a").socket(3, 11);
    let traced = || {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", "inject=statx:error=EPERM"]);
        strace.arg(LSOCK);
        strace
    };
    match traced().arg("--version").output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => return skip(&format!("strace may not trace here ({output:?})")),
        Err(error) => return skip(&format!("strace: {error} (apt-get install strace)")),
    }
    for args in ["", "7", "-e", "-E", "-s", "--json"] {
        let run = |mut command: Command| {
            command.arg("--proc").arg(tree.path());
            Run::of(command.args(args.split_ascii_whitespace()))
        };
        let (plain, denied) = (run(lsock()), run(traced()));
        assert!(plain.out().contains("java"), "{plain:?}");
        assert_eq!((denied.out(), denied.err()), (plain.out(), plain.err()));
        assert_eq!(denied.status, plain.status);
    }
}

// What grows doubles; one buffer for each process would take hundreds of calls.
#[test]
fn no_memory_is_mapped_for_each_process() {
    let mapped = |processes| {
        let asked = Asked::by(&workload(processes).path(), "")?;
        Some(asked.count("memory"))
    };
    let Some(few) = mapped(PROCESSES) else {
        return;
    };
    let many = mapped(10 * PROCESSES).unwrap();
    // Each vector that holds something of each process doubles four times on the way, and musl maps what it grows into.
    let doublings = 4;
    let vectors = 12;
    assert!(many <= few + doublings * vectors, "{few}, then {many}");
}

// The kernel tells how many descriptors there are (the size of PID/fd, since Linux 6.2), so numbers are tried until all
// are found: a list of the folder costs 6 to 15 % more.
#[test]
fn a_dense_table_of_descriptors_is_not_listed() {
    let part = || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let fds = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let numbers = fds.map(|fd| fd.file_name().to_str().unwrap().parse().unwrap());
        let last: i32 = numbers.max().unwrap();
        // Each takes the lowest number that is free, so that in the end none below the last is.
        let mut clones = Vec::new();
        while clones.len() < 200 || clones.last().map_or(-1, UdpSocket::as_raw_fd) <= last {
            clones.push(socket.try_clone().unwrap());
        }
        hold();
    };
    if is_again() {
        return part();
    }
    let held = Held::ready(again(&[], &part).stdin(Stdio::piped())).unwrap();
    let pid = held.pid();
    let folder = format!("/proc/{pid}/fd");
    let count = fs::read_dir(&folder).unwrap().count();
    if fs::metadata(&folder).unwrap().len() == 0 {
        return skip("this kernel does not tell how many descriptors there are (Linux 6.2)");
    }
    let Some(asked) = Asked::by(Path::new("/proc"), &pid.to_string()) else {
        return;
    };
    assert!(asked.rows > 200, "{} rows", asked.rows);
    let of_folder = |kind| asked.count_of(kind, &folder);
    assert_eq!(of_folder("list"), 0);
    let links = of_folder("link");
    assert!(links <= count, "{links} of {count} descriptors");
    let others = asked.count("link") - links;
    // self and ns/net; the last descriptor, which is looked at in each other thread too, and there the first free one.
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().count();
    let allowed = 3 + 2 * (threads - 1);
    assert!(others <= allowed, "{others} others, {threads} threads");
}

// ---- tables that are left out, and their ends --------------------------------------------------------------

/// A socket: its table, its local end, and its inode.
pub(crate) type Socket = (String, String, u64);

/// What tables of internet sockets sockstat and sockstat6 count.
const COUNTED: [&str; 6] = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"];

/// An address of a table: the bytes of each word of it are in the machine's order.
fn address(hex: &str) -> String {
    let words = hex.as_bytes().chunks(8);
    let words = words.map(|word| u32::from_str_radix(std::str::from_utf8(word).unwrap(), 16));
    let bytes: Vec<u8> = words.flat_map(|word| word.unwrap().to_ne_bytes()).collect();
    match <[u8; 16]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ipv6Addr::from(bytes).to_string(),
        Err(_) => Ipv4Addr::from(<[u8; 4]>::try_from(bytes.as_slice()).unwrap()).to_string(),
    }
}

/// What a table of this process's namespace tells, read to its end by std.
pub(crate) fn told(table: &str) -> Vec<Socket> {
    told_if(table, &|_| true)
}

/// The same of those rows of whose fields `is_meant` holds.
pub(crate) fn told_if(table: &str, is_meant: &dyn Fn(&[&str]) -> bool) -> Vec<Socket> {
    let Ok(text) = fs::read_to_string(format!("/proc/self/net/{table}")) else {
        // Without IPv6 there is none.
        return Vec::new();
    };
    let mut sockets = Vec::new();
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if !is_meant(&words) {
            continue;
        }
        let (local, inode) = if table == "unix" {
            (
                words.get(7).copied().unwrap_or_default().to_owned(),
                words[6],
            )
        } else {
            let (ip, port) = words[1].split_once(':').unwrap();
            let port = u16::from_str_radix(port, 16).unwrap();
            // Of raw it is the protocol.
            let port = Some(port).filter(|_| !table.starts_with("raw"));
            (ends(&address(ip), port.map(u64::from)), words[9])
        };
        sockets.push((table.to_owned(), local, inode.parse().unwrap()));
    }
    sockets.sort();
    sockets
}

/// An address with its port, if it has one.
fn ends(address: &str, port: Option<u64>) -> String {
    port.map_or_else(|| address.to_owned(), |port| format!("{address} {port}"))
}

/// What lsock shows of these tables.
pub(crate) fn shown(args: &str, tables: &[&str]) -> Vec<Socket> {
    let run = Run::of(lsock().arg("-j").args(args.split_ascii_whitespace()));
    assert!(matches!(run.status, Some(0 | 1)), "{run:?}");
    if run.status == Some(0) {
        assert_eq!(run.err(), "", "lsock {args}");
    }
    let mut sockets = Vec::new();
    for line in run.out().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        // unix-dgram stands in unix, too.
        let table = text("proto").split('-').next().unwrap().to_owned();
        // What no table lists has no state: a socket that this test was started with.
        if tables.contains(&table.as_str()) && !row["state"].is_null() {
            let local = match table.as_str() {
                "unix" => text("path"),
                _ => ends(&text("local_address"), row["local_port"].as_u64()),
            };
            sockets.push((table, local, row["inode"].as_u64().unwrap_or(0)));
        }
    }
    sockets.sort();
    sockets
}

/// Demands that lsock, asked for everything, shows all that those tables list which may be left out, and gives that.
#[track_caller]
fn shows_all_that_is_counted() -> Vec<Socket> {
    let mut told: Vec<Socket> = COUNTED.iter().flat_map(|table| told(table)).collect();
    told.sort();
    let sockstat = fs::read_to_string("/proc/self/net/sockstat").unwrap();
    assert_eq!(shown("", &COUNTED), told, "{sockstat}");
    told
}

/// Demands that `told` is one socket of this table.
#[track_caller]
fn is_one_of(told: &[Socket], table: &str) {
    assert!(
        matches!(told, [(found, ..)] if found == table),
        "one of {table}: {told:?}"
    );
}

/// Binds a socket to a free port of the loopback address of IPv6; `None`, and says so, where there is none.
pub(crate) fn on_ipv6<T>(bind: impl Fn(&str) -> std::io::Result<T>) -> Option<T> {
    match bind("[::1]:0") {
        Ok(socket) => Some(socket),
        Err(error) => {
            skip(&format!("IPv6: {error}"));
            None
        }
    }
}

#[test]
fn a_namespace_that_has_but_one_tcp_listener_shows_it() {
    in_a_network_of_its_own(|| {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        is_one_of(&shows_all_that_is_counted(), "tcp");
    });
}

#[test]
fn a_namespace_that_has_but_one_tcp6_listener_shows_it() {
    in_a_network_of_its_own(|| {
        let Some(_listener) = on_ipv6(|address| TcpListener::bind(address)) else {
            return;
        };
        is_one_of(&shows_all_that_is_counted(), "tcp6");
    });
}

#[test]
fn a_namespace_that_has_but_one_udp_socket_shows_it() {
    in_a_network_of_its_own(|| {
        let _socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        is_one_of(&shows_all_that_is_counted(), "udp");
    });
}

#[test]
fn a_namespace_that_has_but_one_udp6_socket_shows_it() {
    in_a_network_of_its_own(|| {
        let Some(_socket) = on_ipv6(|address| UdpSocket::bind(address)) else {
            return;
        };
        is_one_of(&shows_all_that_is_counted(), "udp6");
    });
}

/// A process with a raw socket of this address family and protocol, and nothing else; std makes none.
fn raw_socket(family: u8, protocol: u8) -> Option<Held> {
    let script = format!(
        "socket(S, {family}, 3, {protocol}) or die qq($!\\n); $| = 1; print qq(READY\\n); <STDIN>"
    );
    match Held::ready(
        Command::new("perl")
            .args(["-e", &script])
            .stdin(Stdio::piped()),
    ) {
        Ok(held) => Some(held),
        Err(why) => {
            skip(&format!("a raw socket, which perl makes: {why}"));
            None
        }
    }
}

#[test]
fn a_namespace_that_has_but_one_raw_socket_shows_it() {
    in_a_network_of_its_own(|| {
        if let Some(_held) = raw_socket(2, 1) {
            is_one_of(&shows_all_that_is_counted(), "raw");
        }
    });
}

#[test]
fn a_namespace_that_has_but_one_raw6_socket_shows_it() {
    in_a_network_of_its_own(|| {
        if let Some(_held) = raw_socket(10, 58) {
            is_one_of(&shows_all_that_is_counted(), "raw6");
        }
    });
}

/// Leaves one connection in `TIME_WAIT` and nothing else, and demands that it is shown: `inuse` counts none, `tw` does,
/// that of sockstat for both families.
fn shows_time_wait(listener: TcpListener, table: &str) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    drop((server, listener));
    let is_left = || {
        let sockstat = fs::read_to_string("/proc/self/net/sockstat").unwrap();
        let tcp = sockstat.lines().find(|line| line.starts_with("TCP: "));
        // The orphans are those of the whole machine (net/ipv4/proc.c, sockstat_seq_show).
        tcp.is_some_and(|tcp| tcp.starts_with("TCP: inuse 0 ") && tcp.contains(" tw 1 "))
    };
    let patience = Instant::now() + PATIENCE;
    while !is_left() {
        assert!(
            Instant::now() < patience,
            "the connection does not get there"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    is_one_of(&shows_all_that_is_counted(), table);
    let run = Run::of(lsock().args(["-H", "-t"]));
    let [row] = run.out().lines().collect::<Vec<_>>()[..] else {
        panic!("one row: {run:?}");
    };
    assert!(
        row.starts_with("- (time-wait) - ") && row.contains(" TIME_WAIT "),
        "{row}"
    );
}

#[test]
fn a_namespace_that_has_nothing_but_a_connection_in_time_wait_shows_it() {
    in_a_network_of_its_own(|| {
        shows_time_wait(TcpListener::bind("127.0.0.1:0").unwrap(), "tcp");
    });
}

#[test]
fn a_namespace_that_has_nothing_but_an_ipv6_connection_in_time_wait_shows_it() {
    in_a_network_of_its_own(|| {
        if let Some(listener) = on_ipv6(|address| TcpListener::bind(address)) {
            shows_time_wait(listener, "tcp6");
        }
    });
}

/// Runs `ip` with these words, or gives what it complains about.
fn ip(words: &str) -> Result<(), String> {
    let output = Command::new("ip").args(words.split(' ')).output();
    let output = output.map_err(|error| format!("ip: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let why = || format!("ip {words}: {}", said.trim());
    output.status.success().then_some(()).ok_or_else(why)
}

/// Makes all that comes from `port` of 10.9.0.1 leave by a device that leads nowhere.
fn lead_astray(port: u16) -> Result<(), String> {
    let kinds = ["dummy", "bridge", "veth", "ifb"].iter();
    let mut made = kinds.map(|kind| ip(&format!("link add stray type {kind}")));
    if !made.any(|made| made.is_ok()) {
        return Err("this kernel has no device of a kind that leads nowhere".to_owned());
    }
    ip("link set stray up")?;
    ip("route add default dev stray table 100")?;
    // The rule that stands first by itself finds addresses of this machine before any other.
    ip("rule add pref 10 lookup local")?;
    ip("rule del pref 0")?;
    ip(&format!(
        "rule add pref 5 ipproto tcp sport {port} lookup 100"
    ))
}

// sockstat counts no request sockets, but their listener.
#[test]
fn a_connection_half_made_is_shown_beside_its_listener() {
    in_a_network_of_its_own(|| {
        // 127.0.0.1 may leave by no other device.
        if let Err(why) = ip("address add 10.9.0.1/32 dev lo") {
            return skip(&why);
        }
        let listener = TcpListener::bind("10.9.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        if let Err(why) = lead_astray(address.port()) {
            return skip(&why);
        }
        // The answer does not come back, so the client gives up, and is gone.
        if TcpStream::connect_timeout(&address, Duration::from_millis(50)).is_ok() {
            return skip("the listener's answer is not led astray");
        }
        let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
        if !table.contains(" 03 ") {
            return skip("the half of the connection is not in the table");
        }
        let told = shows_all_that_is_counted();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(shown("-tl", &["tcp"]).len(), 1);
        let states = Run::of(lsock().args(["-H", "-t"]));
        assert!(states.out().contains(" SYN_RECV "), "{states:?}");
    });
}

/// Opens sockets by `open`, one after the other, until they fill more than two pages of `table`, and demands each time
/// that `lsock ARGS` shows as many as that lists. Where a page ends is the kernel's choice; so is what one read brings.
fn shows_each_row<T>(args: &str, table: &str, open: impl Fn() -> std::io::Result<T>) {
    let mut held = Vec::new();
    while held.len() <= 75 {
        let told = told(table);
        assert_eq!(told.len(), held.len(), "{told:?}");
        assert_eq!(shown(args, &[table]), told, "{} sockets", held.len());
        held.push(open().unwrap());
    }
}

// Rows of 128 bytes: 32 fill a page of 4,096.
#[test]
fn no_udp_socket_is_lost_where_a_page_of_the_table_ends() {
    in_a_network_of_its_own(|| {
        shows_each_row("-u", "udp", || UdpSocket::bind("127.0.0.1:0"));
    });
}

// Rows of 150 bytes, 27 a page.
#[test]
fn no_listener_is_lost_where_a_page_of_the_table_ends() {
    in_a_network_of_its_own(|| {
        shows_each_row("-tl", "tcp", || TcpListener::bind("127.0.0.1:0"));
    });
}

// These rows are not padded.
#[test]
fn no_udp6_socket_is_lost_where_a_page_of_the_table_ends() {
    in_a_network_of_its_own(|| {
        if on_ipv6(|address| UdpSocket::bind(address)).is_some() {
            shows_each_row("-u", "udp6", || UdpSocket::bind("[::1]:0"));
        }
    });
}

/// Binds a socket to an abstract name of `len` characters that no other has; `number` is its own, of 8 digits.
fn unix_socket(number: &mut u32, len: usize) -> UnixDatagram {
    *number += 1;
    let name = UnixAddr::from_abstract_name(format!("{number:0len$}")).unwrap();
    UnixDatagram::bind_addr(&name).unwrap()
}

// A read that comes back at least 512 bytes short of a page is taken for the last one. So the table ends at every byte
// from there to the end of the page, and some before and behind.
#[test]
fn no_unix_socket_is_lost_wherever_the_table_ends() {
    /// Names may have as many characters, and no less than the row of the shortest one is long.
    const NAME_LEN_MAX: usize = 100;
    in_a_network_of_its_own(|| {
        let table_len = || fs::read("/proc/self/net/unix").unwrap().len();
        let (mut number, mut held, mut reached) = (0, Vec::new(), 0);
        let before = table_len();
        held.push(unix_socket(&mut number, 8));
        let nameless = table_len() - before - 8;
        let lens = 4096 - 512 - 30..=4096 + 30;
        for len in lens.clone() {
            let name_len = loop {
                let name_len = len - table_len() - nameless;
                if name_len <= NAME_LEN_MAX {
                    break name_len;
                }
                held.push(unix_socket(&mut number, 8));
            };
            let mut last = unix_socket(&mut number, name_len);
            // An inode with one digit more or less than those before: the name makes up for it.
            let now = table_len();
            if now != len {
                drop(last);
                last = unix_socket(&mut number, name_len + len - now);
            }
            reached += usize::from(table_len() == len);
            let told = told("unix");
            assert_eq!(told.len(), held.len() + 1, "{told:?}");
            assert_eq!(shown("-x", &["unix"]), told, "a table of {len} bytes");
            drop(last);
        }
        assert!(
            reached > lens.count() * 9 / 10,
            "{reached} tables were so long"
        );
    });
}

// The kernel fills a page with whole rows, so a read that brings less than one has brought the last: to ask for the end
// costs another walk over the machine's whole hash of TCP.
#[test]
fn the_end_of_a_table_is_not_asked_for() {
    in_a_network_of_its_own(|| {
        let mut held = Vec::new();
        // 27 rows fill a page.
        for (sockets, reads) in [(1, 1), (20, 1), (40, 2)] {
            while held.len() < sockets {
                held.push(TcpListener::bind("127.0.0.1:0").unwrap());
            }
            let Some(asked) = Asked::by(Path::new("/proc"), "") else {
                return;
            };
            assert!(asked.rows >= sockets, "{} rows of {sockets}", asked.rows);
            assert_eq!(asked.count_of("open", "/net/tcp"), 1);
            assert_eq!(
                asked.count_of("read", "/net/tcp"),
                reads,
                "{sockets} sockets"
            );
            for uncounted in ["unix", "netlink", "packet", "icmp"] {
                let end = format!("/net/{uncounted}");
                assert!(asked.count_of("read", &end) <= 1, "{uncounted} is short");
            }
            for empty in ["tcp6", "udp", "udp6", "raw", "raw6"] {
                let end = format!("/net/{empty}");
                assert_eq!(asked.count_of("open", &end), 0, "{empty} is empty");
            }
        }
    });
}

// A peer that is not there has no address; ss's `dst` calls it 0.0.0.0 (tried: iproute2 6.1).
#[test]
fn an_absent_peer_is_on_no_address() {
    let tree = Tree::new();
    let wait = |inode, local: &str| tcp(local, NOBODY, "0A", EMPTY, 0, inode);
    let every = [wait(11, "00000000:0050"), wait(12, "0100007F:0051")];
    tree.table("tcp", &every);
    let dns = udp("0100007F:0035", NOBODY, "07", EMPTY, 0, 13);
    tree.table("udp", &[dns]);
    let home = "00000000000000000000000001000000:0052";
    let every6 = tcp(
        &NOBODY6.replace(":0000", ":0053"),
        NOBODY6,
        "0A",
        EMPTY,
        0,
        14,
    );
    let rows6 = [tcp(home, NOBODY6, "0A", EMPTY, 0, 15), every6];
    tree.table("tcp6", &rows6);
    let srv = tree.process(7, "srv");
    (11..=15).fold(srv, |srv, inode| srv.socket(inode, inode.into()));
    let any = "7 srv 11 tcp LISTEN 0 0 0.0.0.0:80 *:*";
    let any6 = "7 srv 14 tcp6 LISTEN 0 0 [::]:83 *:*";
    let own6 = "7 srv 15 tcp6 LISTEN 0 0 [::1]:82 *:*";
    for args in [
        "0.0.0.0",
        "0.0.0.0/8",
        "0.0.0.0/24",
        "--address 0.0.0.0",
        "src 0.0.0.0",
        "-i@0.0.0.0:80",
    ] {
        tree.run(args).shows(&[any]);
    }
    tree.run("::").shows(&[any6]);
    // The loopback's address is within it.
    tree.run("::/64").shows(&[any6, own6]);
    let own = "7 srv 12 tcp LISTEN 0 0 127.0.0.1:81 *:*";
    let dns = "7 srv 13 udp UNCONNECTED 0 0 127.0.0.1:53 *:*";
    tree.run("dst 0.0.0.0").shows(&[any, own, dns]);
    tree.run("dst [::]").shows(&[any6, own6]);
}

// A row of Bluetooth that waits to be accepted has no inode, and a parent.
#[test]
fn every_protocol_that_has_a_state_is_found_by_it() {
    let tree = Tree::new();
    let text =
        "sk               RefCnt Rmem   Wmem   User   Inode  Parent\n480df240 2 0 0 1000 0 559\n";
    tree.table_text("a", "l2cap", text.as_bytes());
    tree.process(7, "srv");
    let row = "- (accept-queue) - l2cap CONNECTING 0 0 * *";
    tree.run("").shows(&[row]);
    tree.run("-sCONNECTING").shows(&[row]);
}
