//! What lasts longer than one look, and what needs both ends: `--watch` and `--wait` with live sockets of this test and
//! with fake proc trees that change under lsock's eyes; `-E` and the listener of an accept queue over fake trees.
//!
//! Whatever is waited for has a limit of `PATIENCE`, so that a failure is one and not a hang.

use crate::machine::{PATIENCE, skip};
use crate::rows::{EMPTY, ID, NOBODY, NOBODY6, header, listen, tcp, tcp_short, udp, unix};
use crate::run::{LSOCK, Run, list_under, lsock, words};
use crate::tree::Tree;
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The list's header with `-E`.
const PEERS_HEADER: &str = "PID COMMAND FD PROTO STATE RECV-Q SEND-Q LOCAL PEER PEER-PROCESS";

// ---- lsock while it runs --------------------------------------------------------------------------------

/// lsock while it runs; it is ended when this goes away.
struct Running {
    /// The process.
    child: Child,
    /// Its lines, as they come.
    lines: Receiver<String>,
}

impl Running {
    /// Starts it with its output in a pipe.
    fn start(command: &mut Command) -> Running {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Running { child, lines }
    }

    /// Starts it on a fake tree.
    fn on(tree: &Tree, args: &str) -> Running {
        let args = args.split_ascii_whitespace();
        Running::start(lsock().arg("--proc").arg(tree.path()).args(args))
    }

    /// The next line with `part` in it, its words with one blank between them; those before are passed over.
    #[track_caller]
    fn line_with(&self, part: &str) -> String {
        let start = Instant::now();
        while let Ok(line) = self
            .lines
            .recv_timeout(PATIENCE.saturating_sub(start.elapsed()))
        {
            if line.contains(part) {
                return words(&line);
            }
        }
        panic!("no line with {part:?} came");
    }

    /// The next line that is a change, without its time, which must be one.
    #[track_caller]
    fn change(&self) -> String {
        let line = self.line_with("");
        let words: Vec<&str> = line.split(' ').collect();
        assert!(matches!(words[0], "+" | "-"), "{line}");
        let digits = words[1].bytes().filter(u8::is_ascii_digit).count();
        assert!((words[1].len(), digits) == (8, 6), "{line}");
        [&words[..1], &words[2..]].concat().join(" ")
    }

    /// Sends a signal by its name.
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Its exit status and standard error once it has ended by itself.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut err = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut err).unwrap();
        (status.code(), err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Who has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This process, as an argument.
fn own_pid() -> String {
    std::process::id().to_string()
}

/// Replaces a file at once, so that no look finds half of it.
fn replace(tree: &Tree, table: &str, rows: &[String]) {
    let text = format!("{}{}\n", header(table), rows.join("\n"));
    let (new, old) = (tree.top().join("new"), tree.net("a").join(table));
    fs::write(&new, text).unwrap();
    fs::rename(new, old).unwrap();
}

// ---- --watch --------------------------------------------------------------------------------------------

#[test]
fn a_live_socket_comes_and_goes() {
    let watch = Running::start(lsock().args(["--watch=0.05", "-t", &own_pid()]));
    watch.line_with("PID COMMAND");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let end = format!(" {}", listener.local_addr().unwrap());
    let came = watch.line_with(&end);
    assert!(
        came.starts_with("+ ") && came.contains(" tcp LISTEN 0 0 "),
        "{came}"
    );
    drop(listener);
    let went = watch.line_with(&end);
    assert!(went.starts_with("- "), "{went}");
    assert_eq!(
        came.split(' ').skip(2).collect::<Vec<_>>(),
        went.split(' ').skip(2).collect::<Vec<_>>()
    );
}

#[test]
fn signals_end_a_watch_with_status_0() {
    for signal in ["INT", "TERM"] {
        for pause in ["--watch=0.05", "--watch", "--watch=1000000"] {
            let watch = Running::start(lsock().args([pause, "-t", &own_pid()]));
            watch.line_with("PID COMMAND");
            // It is in its pause, or about to be.
            watch.signal(signal);
            let (status, said) = watch.end();
            assert_eq!((status, said.lines().count()), (Some(0), 1), "{said}");
            assert!(said.ends_with("; watching\n"), "{signal} {pause}: {said}");
        }
    }
}

#[test]
fn a_signal_ends_a_watch_whose_output_nobody_reads() {
    let tree = Tree::new();
    let rows: Vec<String> = (1..4000)
        .map(|port| tcp(&format!("0100007F:{port:04X}"), NOBODY, "0A", EMPTY, 0, 0))
        .collect();
    tree.table("tcp", &rows);
    tree.process(6, "java");
    let mut child = lsock()
        .arg("--proc")
        .arg(tree.path())
        .arg("--watch")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // More than a pipe holds: it hangs in its first list.
    std::thread::sleep(Duration::from_millis(300));
    let pid = child.id().to_string();
    Command::new("kill")
        .args(["-s", "TERM", &pid])
        .status()
        .unwrap();
    let watch = Running {
        child: {
            child.stderr = None;
            child
        },
        lines: channel().1,
    };
    let mut watch = watch;
    let start = Instant::now();
    while watch.child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(watch.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_ends_a_watch_without_any_change() {
    let mut shell = Command::new("sh");
    // The pipe's writer ends although it has nothing to write.
    shell.args([
        "-c",
        "{ \"$0\" --watch=1000000 -t \"$1\"; echo status $? >&2; } | head -1",
    ]);
    shell.arg(LSOCK).arg(own_pid());
    let shell = Running::start(&mut shell);
    assert!(shell.line_with("").starts_with("PID COMMAND"));
    let (status, said) = shell.end();
    assert_eq!(status, Some(0));
    assert!(said.ends_with("; watching\nstatus 0\n"), "{said}");
}

#[test]
fn a_full_output_ends_a_watch_with_one_line() {
    let tree = Tree::new();
    tree.process(6, "java");
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return skip("there is no /dev/full here");
    };
    let mut command = lsock();
    command
        .arg("--proc")
        .arg(tree.path())
        .arg("--watch")
        .stdout(full);
    let run = Run::to_the_end(&mut command);
    assert_eq!(
        run.err(),
        "lsock: standard output: No space left on device\n"
    );
    assert_eq!(run.status, Some(2));
}

#[test]
fn a_changed_state_is_both_and_a_changed_queue_is_neither() {
    let tree = Tree::new();
    let row = |state, queues| tcp("020011AC:1F90", "010011AC:D63E", state, queues, 0, 77);
    tree.table("tcp", &[row("01", EMPTY)]);
    tree.process(6, "java").socket(9, 77);
    let watch = Running::on(&tree, "--watch=0.02");
    watch.line_with("PID COMMAND");
    assert_eq!(
        watch.line_with(""),
        "6 java 9 tcp ESTABLISHED 0 0 172.17.0.2:8080 172.17.0.1:54846"
    );
    // That the queue was seen shows a listener that comes with it.
    let queues = "00000005:00000007";
    replace(&tree, "tcp", &[row("01", queues), listen(80, 78)]);
    assert_eq!(
        watch.change(),
        "+ - (elsewhere) - tcp LISTEN 0 0 0.0.0.0:80 *:*"
    );
    replace(&tree, "tcp", &[row("08", queues), listen(80, 78)]);
    // What is gone is shown as it was seen last.
    assert_eq!(
        watch.change(),
        "- 6 java 9 tcp ESTABLISHED 7 5 172.17.0.2:8080 172.17.0.1:54846"
    );
    assert_eq!(
        watch.change(),
        "+ 6 java 9 tcp CLOSE_WAIT 7 5 172.17.0.2:8080 172.17.0.1:54846"
    );
    // Another descriptor for the same socket is another line.
    symlink("socket:[77]", tree.path().join("6/fd/10")).unwrap();
    assert_eq!(
        watch.change(),
        "+ 6 java 10 tcp CLOSE_WAIT 7 5 172.17.0.2:8080 172.17.0.1:54846"
    );
    fs::remove_dir_all(tree.path().join("6/fd")).unwrap();
    let mut lines = vec![watch.change(), watch.change(), watch.change()];
    lines.sort();
    let line = |start: &str| format!("{start} tcp CLOSE_WAIT 7 5 172.17.0.2:8080 172.17.0.1:54846");
    assert_eq!(
        lines,
        [
            line("+ - (elsewhere) -"),
            line("- 6 java 10"),
            line("- 6 java 9")
        ]
    );
}

#[test]
fn a_row_without_an_inode_is_known_by_its_ends() {
    let tree = Tree::new();
    let row = |port: u16| tcp_short("020011AC:1F90", &format!("010011AC:{port:04X}"), "06");
    tree.table("tcp", &[row(1), row(2)]);
    tree.process(6, "java");
    let watch = Running::on(&tree, "--watch=0.02 -H");
    watch.line_with("172.17.0.1:2");
    replace(&tree, "tcp", &[row(2), row(3)]);
    let line = |sign, port| {
        format!("{sign} - (time-wait) - tcp TIME_WAIT 0 0 172.17.0.2:8080 172.17.0.1:{port}")
    };
    assert_eq!(watch.change(), line("-", 1));
    assert_eq!(watch.change(), line("+", 3));
}

#[test]
fn a_watch_that_starts_with_nothing_goes_on() {
    let tree = Tree::new();
    tree.process(6, "java");
    let watch = Running::on(&tree, "--watch=0.02 -l");
    watch.line_with("PID COMMAND");
    replace(
        &tree,
        "udp",
        &[udp("00000000:0035", NOBODY, "07", EMPTY, 0, 5)],
    );
    symlink("socket:[5]", tree.path().join("6/fd/3")).unwrap();
    assert_eq!(
        watch.change(),
        "+ 6 java 3 udp UNCONNECTED 0 0 0.0.0.0:53 *:*"
    );
}

#[test]
fn a_namespace_that_comes_adds_a_column_at_the_end() {
    for (args, cells) in [("", ""), (" -o", " - 0")] {
        let tree = Tree::new();
        tree.table("tcp", &[listen(80, 5)]);
        tree.process(6, "java").ns_net(4_026_531_840).socket(3, 5);
        tree.namespace("b");
        tree.table_in("b", "tcp", &[listen(81, 7)]);
        let watch = Running::on(&tree, &format!("--watch=0.02 -H{args}"));
        watch.line_with("0.0.0.0:80");
        tree.process_in("b", 8, "nginx")
            .ns_net(4_026_532_001)
            .socket(4, 7);
        let line = watch.line_with("nginx");
        let wanted = format!("8 nginx 4 tcp LISTEN 0 0 0.0.0.0:81 *:*{cells} 4026532001");
        assert!(line.ends_with(&wanted), "{args}: {line}");
    }
}

/// The most memory that a process had so far, in KiB.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

#[test]
fn memory_stays_bounded_while_sockets_come_and_go() {
    const SOCKETS: u16 = 200;
    let tree = Tree::new();
    // Every other one has a holder.
    let holder = tree.process(6, "java");
    (2..).step_by(2).take(100).fold(holder, |holder, inode| {
        holder.socket(u32::try_from(inode).unwrap(), inode)
    });
    let rows = |round: u16| -> Vec<String> {
        let row = |number: u16| {
            let other = round * SOCKETS + number;
            let is_held = number.is_multiple_of(2);
            let inode = if is_held { number } else { other };
            let local = format!("0100007F:{other:04X}");
            udp(&local, NOBODY, "07", EMPTY, 0, inode.into())
        };
        (1..=SOCKETS).map(row).collect()
    };
    tree.table("udp", &rows(0));
    let watch = Running::on(&tree, "--watch=0.01 -H -E");
    let pass = |lines: u16| (0..lines).for_each(|_| drop(watch.line_with("")));
    pass(SOCKETS);
    let replace_all = |round: u16| {
        replace(&tree, "udp", &rows(round));
        pass(2 * SOCKETS);
    };
    (1..20).for_each(replace_all);
    let early = peak_memory(watch.child.id());
    (20..150).for_each(replace_all);
    let late = peak_memory(watch.child.id());
    // 52,000 lines came in between, of which nothing may be left.
    assert!(late <= early + 128, "{early} KiB became {late} KiB");
}

#[test]
fn events_of_json_are_objects() {
    let tree = Tree::new();
    tree.process(6, "java").socket(9, 77);
    let row = |state| tcp("020011AC:1F90", "010011AC:D63E", state, EMPTY, 0, 77);
    tree.table("tcp", &[row("01")]);
    let watch = Running::on(&tree, "--watch=0.02 --json");
    let next = || {
        let line = watch.line_with("");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let word = |name: &str| value[name].as_str().unwrap().to_owned();
        assert_eq!(
            (&value["pid"], &value["fd"]),
            (&json!(6), &json!(9)),
            "{line}"
        );
        word("event") + " " + &word("state")
    };
    assert_eq!(next(), "= ESTABLISHED");
    replace(&tree, "tcp", &[row("08")]);
    assert_eq!(next(), "- ESTABLISHED");
    assert_eq!(next(), "+ CLOSE_WAIT");
    // Without --watch there is no such field.
    assert!(!tree.run("--json").out().contains("event"));
}

// ---- --wait ---------------------------------------------------------------------------------------------

/// An address and port that nobody has, nor will have by chance, as a client's port of 127.0.0.1 might be.
fn free_end() -> SocketAddr {
    let listener = TcpListener::bind("127.83.17.31:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_wait_that_starts_before_the_listener_ends_soon_after_it() {
    for args in ["-q -l", "-l", "-t"] {
        let end = free_end();
        let mut command = lsock();
        command.arg("--wait").args(args.split(' '));
        let mut wait = Running::start(command.arg(end.to_string()));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(
            wait.child.try_wait().unwrap(),
            None,
            "there is nobody on {end}"
        );
        let listener = TcpListener::bind(end).unwrap();
        if args.starts_with("-q") {
            assert!(
                wait.lines.recv_timeout(PATIENCE).is_err(),
                "-q prints nothing"
            );
        } else {
            let line = wait.line_with(" LISTEN ");
            assert!(line.ends_with(&format!("{end} *:*")), "{line}");
        }
        assert_eq!(wait.end(), (Some(0), String::new()), "{args}");
        drop(listener);
    }
}

#[test]
fn a_wait_for_a_process_looks_at_its_own_sockets() {
    let end = free_end();
    let mut command = lsock();
    let wait = Running::start(command.args(["--wait=20", "-q", &own_pid(), &end.to_string()]));
    std::thread::sleep(Duration::from_millis(100));
    let _listener = TcpListener::bind(end).unwrap();
    assert_eq!(wait.end(), (Some(0), String::new()));
}

#[test]
fn a_wait_in_vain_ends_on_time_with_status_1() {
    let tree = Tree::new();
    tree.process(6, "java");
    for (args, least) in [
        ("--wait=0.2 :9", 200),
        ("--wait=0 :9", 0),
        ("--wait=.05 -q nginx", 50),
    ] {
        let start = Instant::now();
        tree.run(args).prints("", 1);
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(least), "{args}: {took:?}");
        assert!(took < PATIENCE, "{args}: {took:?}");
    }
}

#[test]
fn a_wait_that_might_have_missed_it_ends_with_status_3() {
    let tree = Tree::new();
    tree.process(1, "init");
    tree.process(6, "java").socket(3, 77).mode("fd", 0);
    let mut command = match tree.plain_user("--wait=0.1 6") {
        Ok(command) => command,
        Err(why) => return skip(&why),
    };
    let run = Run::of(&mut command);
    assert_eq!((run.status, run.out()), (Some(3), ""), "{}", run.err());
    assert_eq!(run.err().lines().count(), 1, "{}", run.err());
}

#[test]
fn what_is_already_there_is_not_waited_for() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 5)]);
    tree.process(6, "java").socket(3, 5);
    let once = tree.run("-l :80");
    for args in ["--wait -l :80", "--wait=0 -l :80", "--wait=1000 :80 java"] {
        tree.run(args).exactly(once.out(), 0);
    }
    tree.run("--wait -T :80").exactly("6\n", 0);
}

#[test]
fn a_wait_polls_the_tables_that_it_needs_and_hardly_any_descriptor() {
    let tree = Tree::new();
    tree.process(6, "java").socket(3, 5);
    let opened = match tree.opened("--wait=0.5 -q -l -t :9") {
        Ok(opened) => opened,
        Err(why) => return skip(&why),
    };
    let count = |end: &str| opened.iter().filter(|path| path.ends_with(end)).count();
    // The first look, the last one, and the second look after that, at all tables for sockets that are in none, are whole
    // ones; what is between them is the poll.
    assert!(count("/net/tcp") > 3, "{opened:#?}");
    assert_eq!(count("/6/fd"), 3, "{opened:#?}");
    assert_eq!(
        (count("/net/udp"), count("/net/unix")),
        (1, 1),
        "{opened:#?}"
    );
}

// ---- usage ----------------------------------------------------------------------------------------------

#[test]
fn what_cannot_be_both_is_said_in_one_line() {
    let tree = Tree::new();
    tree.process(6, "java");
    for (args, first, second) in [
        ("--watch --wait", "--wait", "--watch"),
        ("--wait=5 --watch=1", "--wait", "--watch"),
        ("-T --watch", "--pids", "--watch"),
        ("-q --watch", "--quiet", "--watch"),
        ("-q -E", "--quiet", "--peers"),
        ("-TE", "--pids", "--peers"),
        ("-qT", "--quiet", "--pids"),
        ("-s --watch", "--summary", "--watch"),
        ("-sE", "--summary", "--peers"),
    ] {
        let run = tree.run(args);
        let line = run.one_line();
        let quoted = format!("'{first}' and '{second}': ");
        assert!(
            line.starts_with(&quoted) && line.ends_with("; use one of the two"),
            "{line}"
        );
        assert_eq!((run.status, run.out()), (Some(2), ""), "{args}");
    }
}

#[test]
fn seconds_that_are_none_are_quoted() {
    let tree = Tree::new();
    tree.process(6, "java");
    for (args, word) in [
        ("--watch=0", "'0'"),
        ("--watch=0.001", "'0.001'"),
        ("--watch=soon", "'soon'"),
        ("--watch=-1", "'-1'"),
        ("--watch=", "'--watch'"),
        ("--wait=1s", "'1s'"),
        ("--wait=", "'--wait'"),
        ("--wait=1e9", "'1e9'"),
        ("--wait=99999999999", "'99999999999'"),
    ] {
        let run = tree.run(args);
        assert!(run.one_line().starts_with(word), "{}", run.err());
        assert_eq!((run.status, run.out()), (Some(2), ""), "{args}");
    }
}

// ---- peers ----------------------------------------------------------------------------------------------

/// An IPv6 end that holds an IPv4 address.
fn mapped(end: &str) -> String {
    format!("0000000000000000FFFF0000{end}")
}

/// Two containers that talk, a client on the host whose address is translated, and a loopback connection in each.
fn containers() -> Tree {
    let tree = Tree::new();
    tree.namespace("b");
    tree.namespace("host");
    let (web, app) = ("020011AC:D63E", "030011AC:1F90");
    let (one, other) = ("0100007F:8000", "0100007F:9000");
    let from_outside = tcp("030011AC:1F90", "010011AC:C001", "01", EMPTY, 0, 14);
    tree.table(
        "tcp",
        &[
            tcp(web, app, "01", EMPTY, 0, 11),
            tcp(one, other, "01", EMPTY, 0, 12),
            tcp(other, one, "01", EMPTY, 0, 13),
        ],
    );
    tree.table_in(
        "b",
        "tcp",
        &[
            tcp(app, web, "01", EMPTY, 0, 21),
            tcp(one, other, "01", EMPTY, 0, 22),
            tcp(other, one, "01", EMPTY, 0, 23),
            from_outside,
        ],
    );
    tree.table_in(
        "host",
        "tcp",
        &[tcp("0101A8C0:C001", "0101A8C0:1F90", "01", EMPTY, 0, 31)],
    );
    let cgroup = |digit: &str| {
        format!(
            "0::/system.slice/docker-{}.scope\n",
            ID.replace("54e9", digit)
        )
    };
    tree.process(6, "web")
        .ns_net(4_026_532_001)
        .file("cgroup", cgroup("54e9"))
        .socket(3, 11)
        .socket(4, 12)
        .socket(5, 13);
    tree.process_in("b", 7, "java")
        .ns_net(4_026_532_002)
        .file("cgroup", cgroup("aaaa"))
        .socket(3, 21)
        .socket(4, 22)
        .socket(6, 14);
    tree.process_in("b", 8, "java")
        .ns_net(4_026_532_002)
        .file("cgroup", cgroup("aaaa"))
        .socket(5, 23);
    tree.process_in("host", 9, "curl")
        .ns_net(4_026_531_840)
        .socket(3, 31);
    tree
}

/// Short ids of the two containers.
const WEB_ID: &str = "54e9a2cefd94";
/// The other's: every 54e9 in it is an aaaa.
const APP_ID: &str = "aaaaa2cefd94";

/// The rows of `containers` with `-E`, without the column of containers.
fn container_rows() -> Vec<String> {
    let row = |start: &str, ends: &str, peer: &str, id: &str| {
        format!("{start} tcp ESTABLISHED 0 0 {ends} {peer} {id}")
    };
    let (web, app) = ("172.17.0.2:54846", "172.17.0.3:8080");
    let (one, other) = ("127.0.0.1:32768", "127.0.0.1:36864");
    vec![
        row(
            "6 web 3",
            &format!("{web} {app}"),
            &format!("7/java@{APP_ID}"),
            WEB_ID,
        ),
        row(
            "6 web 4",
            &format!("{one} {other}"),
            &format!("6/web@{WEB_ID}"),
            WEB_ID,
        ),
        row(
            "6 web 5",
            &format!("{other} {one}"),
            &format!("6/web@{WEB_ID}"),
            WEB_ID,
        ),
        row(
            "7 java 3",
            &format!("{app} {web}"),
            &format!("6/web@{WEB_ID}"),
            APP_ID,
        ),
        row(
            "7 java 4",
            &format!("{one} {other}"),
            &format!("8/java@{APP_ID}"),
            APP_ID,
        ),
        row("7 java 6", "172.17.0.3:8080 172.17.0.1:49153", "-", APP_ID),
        row(
            "8 java 5",
            &format!("{other} {one}"),
            &format!("7/java@{APP_ID}"),
            APP_ID,
        ),
        row(
            "9 curl 3",
            "192.168.1.1:49153 192.168.1.1:8080",
            "-",
            "net:[4026531840]",
        ),
    ]
}

/// The list of these rows of `containers`.
fn container_list(numbers: &[usize]) -> String {
    let rows = container_rows();
    let rows: Vec<&str> = numbers
        .iter()
        .map(|number| rows[*number].as_str())
        .collect();
    list_under(&format!("{PEERS_HEADER} CONTAINER"), &rows)
}

#[test]
fn the_other_end_is_named_in_any_namespace_and_not_through_translation() {
    let tree = containers();
    for args in ["-E", "--peers", "-E -t", "-Ei"] {
        tree.run(args)
            .exactly(&container_list(&[0, 1, 2, 3, 4, 5, 6, 7]), 0);
    }
}

#[test]
fn a_selection_does_not_hide_the_other_end() {
    let tree = containers();
    for (args, numbers) in [
        ("-E 9 6", &[0, 1, 2, 7][..]),
        ("-E :32768", &[1, 2, 4, 6]),
        ("-E --local-port 32768", &[1, 4]),
    ] {
        if numbers.is_empty() {
            tree.run(args).shows_nothing();
        } else {
            let rows = container_rows();
            let run = tree.run(args);
            let all: Vec<String> = numbers.iter().map(|number| rows[*number].clone()).collect();
            // Where all rows are of one namespace there is no column of containers.
            assert_eq!(run.rows(), all, "{args}");
            assert_eq!((run.status, run.err()), (Some(0), ""), "{args}");
        }
    }
    // Where all rows are of one namespace there is no column of containers.
    let rows = container_rows();
    for (args, numbers) in [
        ("-E 6", &[0, 1, 2][..]),
        ("-E web", &[0, 1, 2]),
        ("-E -c web", &[0, 1, 2]),
        ("-E --container 54e9", &[0, 1, 2]),
        ("-E --netns 6", &[0, 1, 2]),
        ("-E --netns 4026532002 :8080", &[3, 5]),
        ("-E --inode 21", &[3]),
        ("-E -c java -c web --local-port 8080 --uid 0", &[3, 5]),
        ("-E 8", &[6]),
    ] {
        let run = tree.run(args);
        let without_id = |row: &String| row.rsplit_once(' ').unwrap().0.to_owned();
        let all: Vec<String> = numbers
            .iter()
            .map(|number| without_id(&rows[*number]))
            .collect();
        assert_eq!(run.rows(), all, "{args}");
        assert_eq!((run.status, run.err()), (Some(0), ""), "{args}");
    }
}

#[test]
fn a_selection_without_a_match_is_one_with_peers_too() {
    let tree = containers();
    for args in [
        "-E :9",
        "-E -sLISTEN",
        "-E -u",
        "-E -x",
        "-E web 9",
        "-E 99",
        "-E nobody",
        "-E --container ffff",
    ] {
        tree.run(args).shows_nothing();
    }
}

#[test]
fn the_other_end_may_be_in_the_table_of_the_other_family() {
    let tree = Tree::new();
    let (client, server) = ("0100007F:D63E", "0100007F:1F90");
    tree.table("tcp", &[tcp(client, server, "01", EMPTY, 0, 11)]);
    tree.table(
        "tcp6",
        &[tcp(&mapped(server), &mapped(client), "01", EMPTY, 0, 12)],
    );
    tree.table(
        "udp",
        &[udp("0100007F:0007", "0100007F:0008", "01", EMPTY, 0, 13)],
    );
    tree.table(
        "udp6",
        &[udp(
            &mapped("0100007F:0008"),
            &mapped("0100007F:0007"),
            "01",
            EMPTY,
            0,
            14,
        )],
    );
    tree.process(6, "java").socket(3, 12).socket(4, 14);
    tree.process(7, "curl").socket(3, 11).socket(4, 13);
    let rows = [
        "6 java 3 tcp6 ESTABLISHED 0 0 127.0.0.1:8080 127.0.0.1:54846 7/curl",
        "6 java 4 udp6 ESTABLISHED 0 0 127.0.0.1:8 127.0.0.1:7 7/curl",
        "7 curl 3 tcp ESTABLISHED 0 0 127.0.0.1:54846 127.0.0.1:8080 6/java",
        "7 curl 4 udp ESTABLISHED 0 0 127.0.0.1:7 127.0.0.1:8 6/java",
    ];
    tree.run("-E").exactly(&list_under(PEERS_HEADER, &rows), 0);
    tree.run("-E -t 7")
        .exactly(&list_under(PEERS_HEADER, &rows[2..3]), 0);
    // TCP and UDP with the same ends have nothing to do with each other.
    tree.table(
        "udp6",
        &[udp(&mapped(server), &mapped(client), "01", EMPTY, 0, 14)],
    );
    let row = "7 curl 4 udp ESTABLISHED 0 0 127.0.0.1:7 127.0.0.1:8 -";
    tree.run("-Eu 7")
        .exactly(&list_under(PEERS_HEADER, &[row]), 0);
}

#[test]
fn an_end_that_nobody_holds_says_why() {
    let tree = Tree::new();
    let ends = |port: u16| (format!("0100007F:{port:04X}"), "0100007F:1F90".to_owned());
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    for (port, state, inode, reason) in [
        (40_001, "01", 0, "(accept-queue)"),
        (40_002, "04", 0, "(closed)"),
        (40_003, "06", 0, "(time-wait)"),
        (40_004, "01", 99, "(elsewhere)"),
    ] {
        let (client, server) = ends(port);
        rows.push(tcp(&client, &server, "01", EMPTY, 0, u64::from(port)));
        rows.push(tcp(&server, &client, state, EMPTY, 0, inode));
        shown.push(format!(
            "6 curl {port} tcp ESTABLISHED 0 0 127.0.0.1:{port} 127.0.0.1:8080 {reason}"
        ));
    }
    tree.table("tcp", &rows);
    let curl = tree.process(6, "curl");
    (40_001..=40_004).fold(curl, |curl, port| curl.socket(port, port.into()));
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    tree.run("-E 6")
        .exactly(&list_under(PEERS_HEADER, &shown), 0);
}

#[test]
fn a_command_at_the_other_end_is_escaped_and_the_first_holder_counts() {
    let tree = Tree::new();
    let (client, server) = ("0100007F:D63E", "0100007F:1F90");
    let rows = [
        tcp(client, server, "01", EMPTY, 0, 11),
        tcp(server, client, "01", EMPTY, 0, 12),
    ];
    tree.table("tcp", &rows);
    tree.process(6, "a b\x1b[31m").socket(3, 12);
    tree.process(7, "fork").socket(3, 12);
    tree.process(8, "curl").socket(3, 11);
    let row = r"8 curl 3 tcp ESTABLISHED 0 0 127.0.0.1:54846 127.0.0.1:8080 6/a\x20b\x1b[31m";
    tree.run("-E 8")
        .exactly(&list_under(PEERS_HEADER, &[row]), 0);
}

#[test]
fn json_has_the_other_end_whole() {
    let tree = containers();
    let fields = |args: &str| {
        let run = tree.run(args);
        let value: serde_json::Value = serde_json::from_str(run.out()).unwrap();
        ["peer_pid", "peer_command", "peer_container"].map(|name| value[name].clone())
    };
    let id = ID.replace("54e9", "aaaa");
    assert_eq!(
        fields("-jE --inode 11"),
        [json!(7), json!("java"), json!(id)]
    );
    let none = [(); 3].map(|()| serde_json::Value::Null);
    assert_eq!(fields("-jE --inode 31"), none);
    assert_eq!(fields("-j --inode 11"), none);
}

#[test]
fn two_networks_with_the_same_addresses_are_not_told_apart() {
    let tree = containers();
    // A third namespace has what `b` has: either may be the web's other end.
    tree.namespace("c");
    tree.table_in(
        "c",
        "tcp",
        &[tcp("030011AC:1F90", "020011AC:D63E", "01", EMPTY, 0, 41)],
    );
    tree.process_in("c", 10, "twin")
        .ns_net(4_026_532_003)
        .socket(3, 41);
    let run = tree.run("-E 6 :8080");
    assert_eq!(
        run.rows(),
        ["6 web 3 tcp ESTABLISHED 0 0 172.17.0.2:54846 172.17.0.3:8080 -"]
    );
}

#[test]
fn live_ends_find_each_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let end = listener.local_addr().unwrap();
    let client = TcpStream::connect(end).unwrap();
    let port = client.local_addr().unwrap().port();
    let select = format!("127.0.0.1:{port}");
    let peer = |args: &[&str]| {
        let run = Run::of(lsock().args(args).args(["-t", &own_pid(), &select]));
        let rows = run.rows();
        rows.iter()
            .map(|row| row.rsplit(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(peer(&["-E"]), ["(accept-queue)"]);
    let _accepted = listener.accept().unwrap();
    let ends = peer(&["--peers"]);
    let own = format!("{}/", own_pid());
    assert!(
        ends.len() == 2 && ends.iter().all(|end| end.starts_with(&own)),
        "{ends:?}"
    );
}

// ---- the accept queue -----------------------------------------------------------------------------------

/// The COMMAND of each row of `args` that has no holder.
fn reasons(tree: &Tree, args: &str) -> Vec<String> {
    let rows = tree.run(args).rows();
    let unheld = rows.iter().filter(|row| row.starts_with("- "));
    unheld
        .map(|row| row.split(' ').nth(1).unwrap().to_owned())
        .collect()
}

#[test]
fn a_connection_that_waits_names_who_has_to_accept_it() {
    let tree = Tree::new();
    let waiting = |local: &str| tcp(local, "010011AC:D63E", "01", EMPTY, 0, 0);
    tree.table(
        "tcp",
        &[
            listen(8080, 11),
            tcp("020011AC:1F90", NOBODY, "0A", EMPTY, 0, 12),
            waiting("020011AC:1F90"),
            waiting("030011AC:1F90"),
            waiting("030011AC:1F91"),
        ],
    );
    let any = NOBODY6;
    tree.table(
        "tcp6",
        &[
            tcp(
                "00000000000000000000000000000000:1F91",
                any,
                "0A",
                EMPTY,
                0,
                13,
            ),
            tcp(
                &mapped("030011AC:1F91"),
                &mapped("010011AC:D63E"),
                "01",
                EMPTY,
                0,
                0,
            ),
        ],
    );
    tree.process(6, "java").socket(3, 11);
    tree.process(7, "ngi nx").socket(3, 12);
    tree.process(8, "node").socket(3, 13);
    tree.process(9, "node").socket(3, 13);
    let all = [
        r"(accept-queue:7/ngi\x20nx)",
        "(accept-queue:6/java)",
        "(accept-queue:8/node)",
        "(accept-queue:8/node)",
    ];
    assert_eq!(reasons(&tree, "-e"), all);
    // The listener need not be shown itself.
    assert_eq!(reasons(&tree, "-e -sESTABLISHED"), all);
    assert_eq!(reasons(&tree, "-e :54846"), all);
    assert_eq!(reasons(&tree, "-e -E :54846"), all);
    assert_eq!(tree.run("-e :54846").rows().len(), 4);
    // Without -e it is the reason alone.
    assert_eq!(reasons(&tree, ""), ["(accept-queue)"; 4]);
    assert_eq!(reasons(&tree, "-E"), ["(accept-queue)"; 4]);
}

#[test]
fn listeners_that_share_a_port_or_are_elsewhere_are_not_guessed() {
    let tree = Tree::new();
    let listener = |inode| listen(8080, inode);
    let waiting = tcp("020011AC:1F90", "010011AC:D63E", "01", EMPTY, 0, 0);
    tree.table("tcp", &[listener(11), listener(12), waiting.clone()]);
    tree.process(6, "one").socket(3, 11);
    tree.process(7, "other").socket(3, 12);
    assert_eq!(reasons(&tree, "-e"), ["(accept-queue)"]);
    // Nor is one in another namespace, on another port or another address.
    let off = [
        listen(8081, 11),
        tcp("030011AC:1F90", NOBODY, "0A", EMPTY, 0, 12),
    ];
    tree.table("tcp", &[&off[..], &[waiting]].concat());
    tree.namespace("b");
    tree.table_in("b", "tcp", &[listener(21)]);
    tree.process_in("b", 8, "third").socket(3, 21);
    assert_eq!(reasons(&tree, "-e"), ["(accept-queue)"]);
}

#[test]
fn a_unix_connection_that_waits_names_who_has_to_accept_it() {
    let tree = Tree::new();
    tree.table(
        "unix",
        &[
            unix("00010000", "0001", "01", 51, "/run/app.sock"),
            unix("00000000", "0001", "02", 0, "/run/app.sock"),
            unix("00010000", "0001", "01", 52, "/run/other.sock"),
        ],
    );
    tree.process(6, "java").socket(3, 51);
    tree.process(7, "other").socket(3, 52);
    for args in ["-e", "-e /run/app.sock", "-ex", "-e -sCONNECTING"] {
        assert_eq!(reasons(&tree, args), ["(accept-queue:6/java)"], "{args}");
    }
}
