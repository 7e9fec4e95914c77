//! What lsock answers where it shows nothing: the exit status, which is 3 where something that was not seen may match,
//! and one line that says what was looked at. And what an address, a path or a name means beyond its letters.
//!
//! What comes in: trees with something missing, and real sockets that no table lists. What goes out: 1 or 3, with and
//! without `--quiet` and `--wait`, and the line.

use crate::again::{Held, in_a_network_of_its_own};
use crate::machine::{own_status, skip, strace};
use crate::rows::{EMPTY, NOBODY, NOBODY6, listen, netlink, tcp, tcp_short, udp, unix};
use crate::run::{LSOCK, Run, lsock};
use crate::tree::Tree;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::process::{Command, Stdio};

// ---- status 3: each reason ----------------------------------------------------------------------------------------------

/// Demands of a run as a plain user this exit status, no row, and one line that ends so; nothing with `-q`. The same
/// status is demanded of the same words with `-q`, and with `--wait`.
#[track_caller]
fn answers(tree: &Tree, args: &str, status: i32, end: &str) {
    for more in ["", "-q ", "--wait=0 ", "-q --wait=0.01 "] {
        let quiet = more.contains("-q");
        if quiet && args.contains("-T") {
            continue;
        }
        let args = format!("{more}{args}");
        let mut command = match tree.plain_user(&args) {
            Ok(command) => command,
            Err(why) => return skip(&why),
        };
        let run = Run::of(&mut command);
        run.prints("", status);
        let last = run.err().lines().last().unwrap_or_default();
        assert!(last.ends_with(end) || quiet, "{args}: {}", run.err());
        assert!(run.err().is_empty() == quiet, "{args}: {}", run.err());
    }
}

#[test]
fn a_table_that_may_not_be_read_may_have_it() {
    let tree = Tree::new();
    tree.process(60, "app").socket(3, 20010);
    tree.table("tcp", &[listen(8080, 20010)]);
    let tcp = tree.net("a").join("tcp");
    fs::set_permissions(tcp, fs::Permissions::from_mode(0o000)).unwrap();
    let end = "; a table may not be read, and may have it";
    for args in [":8080", "-l :8080", "-t --uid 5", "-T -l :8080", "app -l"] {
        answers(&tree, args, 3, end);
    }
    for args in ["-u", "-6 -u :8080", "-x -l", "/run/x"] {
        answers(&tree, args, 1, "");
    }
}

#[test]
fn what_was_skipped_may_be_it() {
    let end = "; what was skipped may be it";
    for text in [
        "",
        "what the kernel never printed\n",
        "  sl  local_address\n",
    ] {
        let tree = Tree::new();
        tree.process(60, "app");
        tree.table_text("a", "tcp", text.as_bytes());
        answers(&tree, ":8080", 3, end);
        answers(&tree, "-u :8080", 1, "");
    }
    let tree = Tree::new();
    tree.process(60, "app");
    tree.table("udp", &["  12: garbage"]);
    answers(&tree, ":53", 3, end);
    answers(&tree, "-t :53", 1, "");
}

#[test]
fn a_name_that_is_in_doubt_may_be_it() {
    let tree = Tree::new();
    tree.process(60, "app");
    let row = |path| unix("00010000", "0001", "01", 20001, path);
    tree.table("unix", &[row("/run/a.sock"), row("/run/b.sock")]);
    let end = "; a socket whose name is in doubt may be it";
    for args in ["/run/a.sock", "-l /run/c.sock", "a.sock"] {
        answers(&tree, args, 3, end);
    }
    // It is of a listening stream.
    answers(&tree, "-sCONNECTED /run/a.sock", 1, "");
    answers(&tree, ":80", 1, "");
}

/// What is said where a namespace that is asked for may be one of which nothing can be told.
const UNTOLD: &str = "not every network namespace can be told here; try root";

// A plain user may not read the number of another user's namespace, and with hidepid=1 not even its tables.
#[test]
fn a_namespace_that_is_not_told_from_others_may_be_it() {
    let tree = Tree::new();
    tree.namespace("b");
    tree.table("tcp", &[listen(80, 10)]);
    tree.table_in("b", "tcp", &[listen(81, 20)]);
    tree.process(5, "own").ns_net(4_026_531_840).socket(3, 10);
    answers(&tree, "--netns 4026532281 -l", 1, "");
    tree.process_in("b", 6, "nameless").socket(3, 20);
    answers(&tree, "--netns 4026532281 -l :81", 3, UNTOLD);
    for args in [
        "--netns 99 -l",
        "--netns 5 -l :81",
        "--netns 6 -l :80",
        "--netns 4026532281 -l nosuch",
    ] {
        answers(&tree, args, 1, "");
    }
    tree.process(7, "shut").without("net");
    answers(&tree, "--netns 7 -l", 3, UNTOLD);
    answers(&tree, "--netns 99 --netns 7 -l", 3, UNTOLD);
    tree.run("--netns 6 -l :81")
        .shows(&["6 nameless 3 tcp LISTEN 0 0 0.0.0.0:81 *:*"]);
}

// No table of unix tells a user, but the descriptor does; in a captured tree it leads nowhere.
#[test]
fn a_unix_socket_is_of_the_user_who_made_it_and_of_anybody_where_nobody_holds_it() {
    let tree = Tree::new();
    tree.process(60, "app").socket(3, 11);
    let row = |inode, path| unix("00010000", "0001", "01", inode, path);
    tree.table("unix", &[row(11, "/run/held"), row(12, "/run/not")]);
    tree.table("tcp", &[listen(80, 13)]);
    tree.table("netlink", &[netlink(0, 0, 14)]);
    let end = "; nothing tells who made a socket that nobody is seen to hold";
    for args in [
        "--uid 5",
        "--uid 5 -x",
        "--uid 5 -l /run/not",
        "--uid 5 app -x",
    ] {
        let status = if args.contains("app") { 1 } else { 3 };
        answers(&tree, args, status, if status == 3 { end } else { "" });
    }
    for args in ["--uid 5 -t", "--uid 5 --netlink", "--uid 5 /run/other.sock"] {
        answers(&tree, args, 1, "");
    }
    // A descriptor that has become another's tells nothing.
    tree.process(61, "again")
        .socket(3, 11)
        .file("fd/socket:[11]", "");
    let uid = own_status("Uid:", 1);
    let run = tree.run(&format!("--uid {uid} -x"));
    assert_eq!((run.out(), run.status), ("", Some(3)), "{run:?}");
    in_a_network_of_its_own(|| {
        let (socket, _other) = UnixDatagram::pair().unwrap();
        let (pid, uid) = (std::process::id(), own_status("Uid:", 1));
        for args in ["-x", "", "-j -x"] {
            let run = live(&format!("--uid {uid} {args} {pid}"));
            let rows = run.out().lines().filter(|row| row.contains("unix-dgram"));
            assert_eq!(rows.count(), 2, "{args}: {run:?}");
            let told = format!("\"uid\":{uid},");
            assert!(run.out().contains(&told) == args.contains("-j"), "{run:?}");
        }
        live("-q --uid 4242 -x").exactly("", 1);
        live(&format!("-q --uid 4242 {pid}")).exactly("", 1);
        // A row that is not believed is of no user.
        let inode = fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd()));
        let name = [
            &b"a\n"[..],
            &unix("00000000", "0002", "03", inode.unwrap().ino(), "/f"),
        ]
        .concat();
        let name = UnixAddr::from_abstract_name(name).unwrap();
        let _forger = UnixDatagram::bind_addr(&name).unwrap();
        live("-q --uid 4242 -x").exactly("", 1);
    });
}

// EMFILE, EIO: nobody is told that all could be read.
#[test]
fn a_process_that_fails_may_hold_what_nobody_is_seen_to_hold() {
    let tree = Tree::new();
    tree.process(60, "app")
        .without("fd")
        .file("fd", "no folder");
    tree.table("tcp", &[listen(80, 13)]);
    let run = tree.run("");
    assert_eq!(run.rows(), ["- (hidden) - tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
    assert!(
        run.one_line().ends_with("60/fd: Not a directory"),
        "{run:?}"
    );
}

// proc(5), hidepid=2: the processes of other users are not there at all.
#[test]
fn a_process_that_this_proc_hides_may_have_it() {
    let folder = Tree::new();
    let copy = folder.top().join("lsock");
    fs::copy(LSOCK, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    let script = "mount -t proc -o hidepid=2 proc /proc && echo is-there >&2 && \
                  setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- \"$@\"";
    let end = "; this proc hides the processes of other users (hidepid); \
               try root, or a proc that is mounted without hidepid";
    let hidden = [
        "java", "-T java", "77", "-c java", ":9", "-4t :9", "-l java",
    ];
    // What the tables tell is not hidden.
    let told = ["-l :9", "-u :9", "-x", "--remote-port 9"];
    // Nobody can tell what the first process is in.
    let netns = ["--netns 1 -l", "--netns 4026531999 -l"];
    let cases = hidden.iter().map(|args| (args, 3, end));
    let cases = cases.chain(told.iter().map(|args| (args, 1, "")));
    for (args, status, end) in cases.chain(netns.iter().map(|args| (args, 3, UNTOLD))) {
        for quiet in ["", "-q "] {
            if quiet == "-q " && args.contains("-T") {
                continue;
            }
            let mut command = Command::new("unshare");
            command.args(["--mount", "--net", "--pid", "--fork", "--kill-child"]);
            command.args(["sh", "-c", script, "sh"]).arg(&copy);
            command.args(format!("{quiet}{args}").split_ascii_whitespace());
            let run = Run::of(&mut command);
            let Some(said) = run.err().strip_prefix("is-there\n") else {
                return skip(&format!("a proc of its own, as root: {}", run.err()));
            };
            assert_eq!(
                (run.status, run.out()),
                (Some(status), ""),
                "{args}: {said}"
            );
            assert_eq!(said.is_empty(), quiet == "-q ", "{args}: {said}");
            assert!(
                said.is_empty() || said.trim_end().ends_with(end),
                "{args}: {said}"
            );
            let is_hidden = said.contains("hidepid");
            assert!(!is_hidden || end.contains("hidepid"), "{args}: {said}");
        }
    }
}

#[test]
fn where_only_ids_are_asked_for_a_holder_that_is_not_seen_is_no_absence() {
    let tree = Tree::new();
    tree.process(60, "app").socket(3, 11).mode("fd", 0);
    let gone = tcp_short("0100007F:0051", "0100007F:D63E", "06");
    tree.table("tcp", &[listen(80, 11), gone]);
    answers(
        &tree,
        "-T -l :80",
        3,
        "no process that can be seen here holds what was found: (hidden)",
    );
    // Nobody has a connection in TIME_WAIT.
    answers(
        &tree,
        "-T -sTIME_WAIT",
        1,
        "no process that can be seen here holds what was found: (time-wait)",
    );
    // The holder is of another PID namespace.
    let tree = Tree::new();
    tree.process(60, "app");
    tree.table("tcp", &[listen(80, 11)]);
    answers(&tree, "-T :80", 3, ": (elsewhere)");
}

/// A process that runs this script of perl's, for sockets that std cannot make.
fn perl(script: &str) -> Option<Held> {
    let script = format!("{script}; $| = 1; print qq(READY\\n); <STDIN>");
    match Held::ready(
        Command::new("perl")
            .args(["-e", &script])
            .stdin(Stdio::piped()),
    ) {
        Ok(held) => Some(held),
        Err(why) => {
            skip(&format!("sockets that perl makes: {why}"));
            None
        }
    }
}

/// What lsock does in the real proc.
fn live(args: &str) -> Run {
    Run::of(lsock().args(args.split_ascii_whitespace()))
}

// net/ipv4/inet_connection_sock.c: bind() puts a socket into the hash of bound ones, which no table shows.
#[test]
fn a_tcp_socket_that_is_bound_and_does_not_listen_may_hold_the_port() {
    in_a_network_of_its_own(|| {
        let bound = "socket(S, 2, 1, 6) && bind(S, pack('S n x12', 2, 9991)) or die qq($!\\n)";
        let Some(_held) = perl(bound) else {
            return;
        };
        for args in [
            ":9991",
            "-l :9991",
            "-4 -t :9991",
            "perl :9991",
            "127.0.0.1:9991",
        ] {
            let run = live(args);
            run.prints("", 3);
            let line = run.one_line();
            let named = "; 1 TCP socket in no table may be bound to it: ";
            assert!(line.contains(named), "{args}: {line}");
            assert!(line.ends_with("/perl fd 3"), "{args}: {line}");
            live(&format!("-q {args}")).exactly("", 3);
            live(&format!("-q --wait=0 {args}")).exactly("", 3);
        }
        // It has no other end, no state but one, and is not of UDP or IPv6.
        for args in [
            "nosuch :9991",
            "--remote-port 9991",
            "-sESTABLISHED :9991",
            "-u :9991",
            "-6 :9991",
        ] {
            live(&format!("-q {args}")).exactly("", 1);
        }
    });
}

#[test]
fn a_socket_of_a_namespace_without_a_process_may_be_it() {
    in_a_network_of_its_own(|| {
        // Numbers of x86-64: unshare and setns.
        let script = "open(HOME, '<', '/proc/self/ns/net'); syscall(272, 0x40000000) == 0 or die qq($!\\n); \
                      socket(U, 1, 1, 0) && bind(U, pack('S a107', 1, qq(\\0deserted))) && listen(U, 1) or die qq($!\\n); \
                      socket(T, 2, 1, 6) && bind(T, pack('S n x12', 2, 6060)) && listen(T, 1) or die qq($!\\n); \
                      syscall(308, fileno(HOME), 0) == 0 or die qq($!\\n)";
        let Some(held) = perl(script) else {
            return;
        };
        for args in [
            ":6060",
            "-l :6060",
            "@deserted",
            "-x -l @deserted",
            // Its unix socket proves that there is such a namespace, so the other may listen too.
            "-l",
            "-t -l",
            "-sESTABLISHED",
            "--remote-port 6060",
            "--netns 4294967295",
            "--netns 4294967295 -l :6060",
            "--netns 4294967295 -x",
        ] {
            live(&format!("-q {args}")).exactly("", 3);
        }
        // No filter hides what it is.
        for args in ["-x", "-x --threads 1", "-x -t"] {
            let rows = live(args).rows();
            let is_it = |row: &&String| row.ends_with(" unix - - - ? -");
            assert_eq!(rows.iter().filter(is_it).count(), 1, "{args}: {rows:?}");
        }
        let line = live("--netns 4294967295 -l :6060");
        let line = line.one_line();
        let begin = "no process is seen in network namespace 4294967295; 1 TCP socket in no table may be it: ";
        assert!(line.starts_with(begin), "{line}");
        let run = live("@deserted");
        run.prints("", 3);
        let line = run.one_line();
        let named = "; 1 socket in no table may be it: ";
        let end = "; no process is in its network namespace, so the tables of that cannot be read";
        assert!(line.contains(named) && line.ends_with(end), "{line}");
        for args in ["-u :6060", "-u -l", "--netns 4194304", "-l :6060 nosuch"] {
            live(&format!("-q {args}")).exactly("", 1);
        }
        // The kernel has one name for a seqpacket and a dgram.
        drop(held);
        let Some(_held) = perl(&script.replace("socket(U, 1, 1, 0)", "socket(U, 1, 5, 0)")) else {
            return;
        };
        for kind in ["unix_dgram", "unix_seqpacket"] {
            let rows = live(&format!("-A {kind}")).rows();
            let is_it = |row: &String| row.ends_with(" unix - - - ? -");
            assert!(rows.iter().any(is_it), "{kind}: {rows:?}");
            live(&format!("-q -A {kind} -l @deserted")).exactly("", 3);
        }
    });
}

// Each of the sockets whose tables are not selected was asked what it is: 100,000 of TCP took more than half a second.
#[test]
fn of_many_sockets_the_tables_that_are_not_selected_tell_what_they_are() {
    in_a_network_of_its_own(|| {
        let (_shown, _other) = UnixDatagram::pair().unwrap();
        let bind = |_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let _held: Vec<_> = (0..600).map(bind).collect();
        let asked = |args: &str| {
            let mut command = lsock();
            command.args(args.split_ascii_whitespace());
            let traced = strace(&["-f", "-e", "trace=getxattr"], &command);
            traced.map(|(run, calls)| {
                assert_eq!(run.status, Some(0), "{run:?}");
                calls.matches("getxattr(").count()
            })
        };
        let questions = ["-x", "-x --threads 1", "-x --packet"];
        for args in questions {
            match asked(args) {
                // Few are asked one by one.
                Ok(count) => assert!((600..650).contains(&count), "{args}: {count}"),
                Err(why) => return skip(&why),
            }
        }
        let script = "for (1 .. 600) { my $s; socket($s, 2, 2, 17) && bind($s, pack('S n x12', 2, 0)) or die qq($!\\n); push @s, $s }";
        let Some(_more) = perl(script) else {
            return;
        };
        for args in questions {
            assert_eq!(asked(args), Ok(0), "{args}");
        }
    });
}

// ---- one line where nothing is shown ------------------------------------------------------------------------------------

/// A machine: java with two sockets, a database in a second namespace, and connections.
fn machine() -> Tree {
    let tree = Tree::new();
    tree.namespace("b");
    tree.process(6, "java").socket(3, 10).socket(4, 11);
    tree.process(7, "java").socket(3, 12);
    tree.process(9, "idle");
    tree.process_in("b", 8, "postgres").socket(5, 13);
    let row = |local, remote, state, inode| tcp(local, remote, state, EMPTY, 0, inode);
    tree.table(
        "tcp",
        &[
            listen(8080, 10),
            row("0100007F:1F91", NOBODY, "0A", 12),
            row("020011AC:D63E", "030011AC:1538", "01", 11),
            tcp_short("020011AC:D63F", "030011AC:1538", "06"),
        ],
    );
    tree.table_in("b", "tcp", &[row("030011AC:1539", NOBODY, "0A", 13)]);
    tree.table_in(
        "b",
        "udp",
        &[udp("00000000:0035", NOBODY, "07", EMPTY, 0, 99)],
    );
    tree
}

#[test]
fn what_was_looked_at_and_where_it_stopped_is_one_line() {
    let tree = machine();
    for (args, line) in [
        (
            "java :9",
            "2 processes match 'java', none of their 3 sockets is on port 9",
        ),
        (
            "java -l 10.0.0.1:9",
            "2 processes match 'java', none of their 3 sockets listens on 10.0.0.1:9",
        ),
        (
            "6 :9",
            "1 process is selected, none of its 2 sockets is on port 9",
        ),
        ("9 :9", "1 process is selected, but it has no socket"),
        (
            "-l :5432",
            "nobody listens on :5432 in 2 namespaces; 2 connections to it exist",
        ),
        ("-l :9", "nobody listens on :9 in 2 namespaces"),
        (
            "127.0.0.1:8080",
            "none of the 6 sockets in 2 namespaces is on 127.0.0.1:8080; a listener on 0.0.0.0:8080 would accept for it",
        ),
        (
            "-l 10.0.0.1:8081",
            "nobody listens on 10.0.0.1:8081 in 2 namespaces; 1 socket on that port with another address: tcp 127.0.0.1:8081",
        ),
        (
            "-t :53",
            "none of the 6 sockets in 2 namespaces is on port 53; 1 socket on it of another protocol or family: udp 0.0.0.0:53",
        ),
        (
            ":8080 -sCLOSE_WAIT",
            "none of the 6 sockets in 2 namespaces is on port 8080 in state CLOSE_WAIT; 1 socket on it in another state: tcp 0.0.0.0:8080",
        ),
        (
            "-sCLOSE_WAIT",
            "none of the 6 sockets in 2 namespaces is in state CLOSE_WAIT",
        ),
        (
            "/run/x.sock",
            "none of the 6 sockets in 2 namespaces is called /run/x.sock",
        ),
        ("--packet", "none of the 6 sockets in 2 namespaces matches"),
        ("99", "no process 99"),
        (
            "8080",
            "no process 8080, but 1 socket on that port: write :8080",
        ),
        ("nginx", "no process matches 'nginx'"),
        // Nobody that is asked for has the sockets in no table that others have.
        ("nginx :9", "no process matches 'nginx'"),
        ("-c nginx", "no command begins with 'nginx'"),
        ("--container beef", "no container is 'beef'"),
        ("--netns 99", "no process 99"),
        (
            "nginx java :9",
            "no process matches 'nginx'; 2 processes are selected, none of their 3 sockets is on port 9",
        ),
        (
            "6 99 :9",
            "no process 99; 1 process is selected, none of its 2 sockets is on port 9",
        ),
        ("nul\u{1b}l", r"no process matches 'nul\x1bl'"),
    ] {
        let run = tree.run(args);
        run.prints("", 1);
        assert_eq!(run.one_line(), line, "{args}");
        if !args.starts_with("-T") {
            tree.run(&format!("-q {args}")).exactly("", 1);
        }
        // The other views say the same.
        for view in ["-j", "-T", "-s", "--wait=0"] {
            assert_eq!(
                tree.run(&format!("{view} {args}")).one_line(),
                line,
                "{view} {args}"
            );
        }
    }
    let empty = Tree::new();
    empty.process(6, "java");
    assert_eq!(
        empty.run("").one_line(),
        "there is no socket in 1 namespace"
    );
}

#[test]
fn a_line_says_something_where_no_process_can_be_read() {
    let tree = Tree::new();
    tree.process(60, "app").socket(3, 11).mode("fd", 0);
    tree.table("tcp", &[listen(80, 11)]);
    answers(&tree, "-l :9", 1, "nobody listens on :9 in 1 namespace");
    let Ok(mut command) = tree.plain_user("60 :9") else {
        return;
    };
    // What it has is not known, so nothing is said of its sockets.
    let run = Run::of(&mut command);
    assert!(
        run.one_line()
            .starts_with("1 of 1 processes could not be read"),
        "{}",
        run.err()
    );
}

#[test]
fn what_is_shown_is_not_spoken_of_and_looked_at_once() {
    let tree = machine();
    tree.run("java :8080")
        .shows(&["6 java 3 tcp LISTEN 0 0 0.0.0.0:8080 *:*"]);
    match tree.opened("java :8080") {
        Err(why) => skip(&why),
        Ok(opened) => {
            let tables = opened.iter().filter(|path| path.ends_with("/net/tcp"));
            assert_eq!(tables.count(), 1, "{opened:#?}");
        }
    }
}

// ---- an address, with listeners -----------------------------------------------------------------------------------------

#[test]
fn a_listener_on_every_address_is_found_by_each_that_it_accepts_for() {
    let tree = Tree::new();
    tree.namespace("b");
    tree.process(6, "java")
        .socket(3, 1)
        .socket(4, 2)
        .socket(5, 3)
        .socket(6, 4)
        .socket(7, 5);
    tree.process_in("b", 7, "web").socket(3, 6);
    let row = |local: &str, inode| tcp(local, NOBODY, "0A", EMPTY, 0, inode);
    let row6 = |port, inode| {
        let local = format!("{}:{port}", &NOBODY6[..32]);
        tcp(&local, NOBODY6, "0A", EMPTY, 0, inode)
    };
    tree.table(
        "tcp",
        &[listen(8080, 1), row("0100007F:1F91", 2), listen(8082, 5)],
    );
    tree.table("tcp6", &[row6("1F91", 3), row6("1F92", 4)]);
    tree.table_in("b", "tcp6", &[row6("1F92", 6)]);
    let any = "6 java 3 tcp LISTEN 0 0 0.0.0.0:8080 *:*";
    let local = "6 java 4 tcp LISTEN 0 0 127.0.0.1:8081 *:*";
    let dual = "6 java 5 tcp6 LISTEN 0 0 [::]:8081 *:*";
    let v6_only = "6 java 6 tcp6 LISTEN 0 0 [::]:8082 *:*";
    let v4_beside = "6 java 7 tcp LISTEN 0 0 0.0.0.0:8082 *:*";
    let elsewhere = "7 web 3 tcp6 LISTEN 0 0 [::]:8082 *:*";
    for (args, rows) in [
        ("-l 127.0.0.1:8080", &[any][..]),
        ("-l 10.0.0.0/8:8080", &[any]),
        ("-l --local-port 8080 10.1.2.3", &[any]),
        ("-l 127.0.0.1:8081", &[local, dual]),
        ("-l 10.0.0.1:8081", &[dual]),
        ("-4 -l :8081", &[local, dual]),
        ("-6 -l :8081", &[dual]),
        ("-l [::1]:8080", &[]),
        ("-l [::1]:8081", &[dual]),
        ("--netns 6 -l [fe80::1]:8082", &[v6_only]),
        ("--netns 6 -l 127.0.0.1:8082", &[v4_beside]),
        ("--netns 6 -4 -l :8082", &[v4_beside]),
        ("--netns 7 -4 -l :8082", &[elsewhere]),
        // Whoever holds the one on every address of IPv4.
        ("web -4 -l :8082", &[elsewhere]),
        // Without -l an address is what is printed.
        ("127.0.0.1:8080", &[]),
        ("-4 :8081", &[local]),
    ] {
        let run = tree.run(args);
        let shown: Vec<String> = run.rows();
        assert_eq!(shown, rows, "{args}: {}", run.err());
    }
    tree.run("-q --wait=9 -l 127.0.0.1:8080").exactly("", 0);
    tree.run("-q --wait=9 -4 -l :8081").exactly("", 0);
    tree.run("-q --wait=0 --netns 6 -4 -l 10.0.0.1:8083")
        .exactly("", 1);
}

// TCP, UDP, UDP-Lite and SCTP have ports of their own: a socket of one says nothing of another's.
#[test]
fn only_a_socket_of_the_same_kind_tells_that_one_of_ipv6_takes_no_ipv4() {
    let any = "00000000:0035";
    let any6 = "00000000000000000000000000000000:0035";
    let shown = "6 dns 3 udp6 UNCONNECTED 0 0 [::]:53 *:*";
    for (table, is_shown) in [("tcp", true), ("udplite", true), ("udp", false)] {
        let tree = Tree::new();
        tree.process(6, "dns").socket(3, 11).socket(4, 12);
        tree.table("udp6", &[udp(any6, NOBODY6, "07", EMPTY, 0, 11)]);
        let beside = if table == "tcp" {
            listen(53, 12)
        } else {
            udp(any, NOBODY, "07", EMPTY, 0, 12)
        };
        tree.table(table, &[beside]);
        let run = tree.run("-4 -l :53");
        assert_eq!(
            run.rows().iter().any(|row| row == shown),
            is_shown,
            "{table}: {run:?}"
        );
    }
}

#[test]
fn who_holds_the_one_of_ipv4_does_not_matter() {
    let tree = Tree::new();
    let v6 = format!("{}:1F92", &NOBODY6[..32]);
    tree.process(6, "six").socket(3, 1);
    tree.process(7, "four").socket(3, 2);
    tree.table("tcp6", &[tcp(&v6, NOBODY6, "0A", EMPTY, 0, 1)]);
    tree.run("six -4 -l")
        .shows(&["6 six 3 tcp6 LISTEN 0 0 [::]:8082 *:*"]);
    tree.table("tcp", &[listen(8082, 2)]);
    tree.run("six -4 -l").shows_nothing();
    tree.run("six -l 127.0.0.1").shows_nothing();
    // UDP has ports of its own.
    tree.table::<&str>("tcp", &[]);
    tree.table("udp", &[udp("00000000:1F92", NOBODY, "07", EMPTY, 0, 2)]);
    tree.run("-t -4 -l")
        .shows(&["6 six 3 tcp6 LISTEN 0 0 [::]:8082 *:*"]);
}

// ---- names of unix sockets ----------------------------------------------------------------------------------------------

#[test]
fn a_unix_socket_is_found_by_what_people_call_it() {
    let tree = Tree::new();
    tree.process(6, "dockerd")
        .cmdline(&["dockerd", "-H", "fd://"])
        .socket(3, 1)
        .socket(4, 2);
    tree.process(7, "agent")
        .cmdline(&["agent", "my.sock"])
        .socket(3, 3)
        .socket(4, 4);
    let row = |inode, path: &str| unix("00010000", "0001", "01", inode, path);
    let nuls = format!("@iscsi{}", "@".repeat(20));
    tree.table(
        "unix",
        &[
            row(1, "/run/docker.sock"),
            row(2, "/var/run/my.sock"),
            row(3, &nuls),
            row(4, ""),
            row(5, "/run/far.sock"),
        ],
    );
    // Whoever holds it, seen or not.
    for path in ["/run/far.sock", "far.sock", "-l far.sock"] {
        let rows = tree.run(path).rows();
        assert_eq!(rows.len(), 1, "{path}");
        assert!(
            rows[0].ends_with("unix LISTEN - - /run/far.sock *"),
            "{rows:?}"
        );
    }
    let docker = "6 dockerd 3 unix LISTEN - - /run/docker.sock *";
    let mine = "6 dockerd 4 unix LISTEN - - /var/run/my.sock *";
    let abstract_one = format!("7 agent 3 unix LISTEN - - {nuls} *");
    let nameless = "7 agent 4 unix LISTEN - - * *";
    for path in [
        "/run/docker.sock",
        "/var/run/docker.sock",
        "docker.sock",
        "--path docker.sock",
    ] {
        tree.run(path).shows(&[docker]);
    }
    tree.run("/run/my.sock").shows(&[mine]);
    tree.run("/var/run/my.sock").shows(&[mine]);
    // A word is still looked for in commands.
    tree.run("my.sock").shows(&[mine, &abstract_one, nameless]);
    tree.run("@iscsi").shows(&[&abstract_one]);
    for nothing in [
        "@isc",
        "ocker.sock",
        "/docker.sock",
        "/var/docker.sock",
        "@iscsi@x",
    ] {
        tree.run(nothing).shows_nothing();
    }
}

// ---- sockets without a place in the list --------------------------------------------------------------------------------

#[test]
fn the_kernels_own_netlink_sockets_are_shown_if_they_are_asked_for() {
    let tree = Tree::new();
    tree.process(6, "udevd").socket(3, 5);
    tree.table("netlink", &[netlink(0, 0, 4), netlink(15, 6, 5)]);
    let own = "6 udevd 3 netlink - 0 0 kobject_uevent:6 *";
    let kernels = "- (kernel) - netlink - 0 0 route:kernel *";
    tree.run("").shows(&[own]);
    tree.run("--netlink").shows(&[own, kernels]);
    tree.run("socket:[4]").shows(&[kernels]);
    assert!(tree.run("-e").out().contains("(kernel)"));
    assert_eq!(tree.run("-j").out().lines().count(), 1);
    assert_eq!(tree.run("-j --netlink").out().lines().count(), 2);
    let summary = tree.run("-s").rows();
    assert_eq!(
        summary.first().map(String::as_str),
        Some("netlink 2 -"),
        "{summary:?}"
    );
}

#[test]
fn the_summary_calls_sockets_in_no_table_unlisted() {
    in_a_network_of_its_own(|| {
        let Some(_held) = perl("socket(S, 2, 1, 6) or die qq($!\\n)") else {
            return;
        };
        let run = live("-s perl");
        let rows = run.rows();
        assert!(
            rows.iter().any(|row| row == "tcp 1 (unlisted):1"),
            "{rows:?}"
        );
    });
}

#[test]
fn an_empty_watch_says_what_it_waits_for() {
    let tree = machine();
    let mut command = lsock();
    command
        .arg("--proc")
        .arg(tree.path())
        .args(["--watch=0.05", "-l", ":5432"]);
    // A pipe whose reader is gone ends it.
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let line =
        "lsock: nobody listens on :5432 in 2 namespaces; 2 connections to it exist; watching\n";
    assert_eq!(said, line);
}
