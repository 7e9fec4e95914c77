//! What hurts: the summary (`-s`) beside its totals. Trees, whose output is known to the letter; and what the kernel does when
//! a queue overflows, descriptors or ports run out, or a process forgets to close, held against `nstat`, `ss` and /proc.

use crate::again::{Held, in_a_network_of_its_own};
use crate::asks::Asked;
use crate::machine::skip;
use crate::rows::{EMPTY, ID, NOBODY, NOBODY6, listen, tcp, tcp_short, udp, unix};
use crate::run::{Run, lsock, words};
use crate::tree::Tree;
use serde_json::Value;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// PID/limits with this soft limit of open files.
fn limits(files: u32) -> String {
    format!(
        "Limit                     Soft Limit           Hard Limit           Units     \n\
         Max processes             96364                96364                processes \n\
         Max open files            {files:<20} 524288               files     \n"
    )
}

/// net/netstat with these numbers of overflows and drops of listeners.
fn netstat(overflows: u64, drops: u64) -> String {
    format!(
        "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPBacklogDrop\nTcpExt: 1 {overflows} {drops} 7\n\
         IpExt: InNoRoutes ListenDrops\nIpExt: 5 99\n"
    )
}

/// net/snmp with this number of full receive buffers.
fn snmp(errors: u64) -> String {
    format!(
        "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 9 8 7 6 {errors} 4\n\
         UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdpLite: 1 1 1 1 1 1\n"
    )
}

/// A row of `tcp` from this port to a server's port 5432, in this state.
fn client(port: u16, state: &str, inode: u64) -> String {
    let local = format!("020011AC:{port:04X}");
    tcp(&local, "050011AC:1538", state, EMPTY, 0, inode)
}

/// A row of `udp` on port 53 that has dropped `drops` datagrams.
fn lossy(drops: u32, inode: u64) -> String {
    let row = udp("00000000:0035", NOBODY, "07", EMPTY, 0, inode);
    format!("{} {drops}", row.trim_end().strip_suffix(" 0").unwrap())
}

/// A listener on this port in whose queue `waiting` connections are.
fn backlog(port: u16, waiting: u32, inode: u64) -> String {
    let queues = format!("00000000:{waiting:08X}");
    tcp(
        &format!("00000000:{port:04X}"),
        NOBODY,
        "0A",
        &queues,
        0,
        inode,
    )
}

/// The lines of the summary that are words: those before the first empty one.
fn said(run: &Run) -> Vec<&str> {
    let is_header = run.out().starts_with("PROTO ");
    let lines = run.out().lines().take_while(|line| !line.is_empty());
    lines.filter(|_| !is_header).collect()
}

/// The objects of a run with `--json`.
fn objects(run: &Run) -> Vec<Value> {
    let lines = run.out().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// `java` leaks, has no descriptors left, and does not accept; `named` loses datagrams; a server does not answer.
fn hurting() -> Tree {
    let tree = Tree::new();
    let mut rows = vec![backlog(8080, 6, 100)];
    rows.extend((1..=12).map(|port| client(port, "08", 100 + u64::from(port))));
    rows.extend((20..25).map(|port| client(port, "02", 100 + u64::from(port))));
    rows.push(tcp_short("020011AC:1F90", "070011AC:0001", "06"));
    tree.table("tcp", &rows);
    tree.table("udp", &[lossy(512, 200)]);
    fs::write(tree.net("a").join("netstat"), netstat(12, 18)).unwrap();
    fs::write(tree.net("a").join("snmp"), snmp(600)).unwrap();
    let mut java = tree.process(6, "ja\x1bva").file("limits", limits(19));
    for (fd, inode) in (0..).zip((100..=112).chain(120..125)) {
        java = java.socket(fd, inode);
    }
    tree.process(9, "named")
        .socket(3, 200)
        .file("limits", limits(1024));
    tree
}

#[test]
fn what_is_out_of_the_ordinary_is_said_in_words_before_the_tables() {
    let text = "\
ja\\x1bva (6) has 12 sockets in CLOSE_WAIT: it does not close what the other side has closed
ja\\x1bva (6) has 18 of 19 descriptors in use: without one left it can neither accept nor open anything
0.0.0.0:8080 of ja\\x1bva (6) has 6 connections waiting: it does not accept them as fast as they come
0.0.0.0:8080 of ja\\x1bva (6) has 18 attempts to connect dropped since its network namespace was made, 12 of them at a full accept queue: it does not accept them as fast as they come
0.0.0.0:53 of named (9) has 512 datagrams dropped: it does not read them as fast as they come
the network namespace has 600 datagrams of UDP dropped at a full receive buffer since it was made: they are not read as fast as they come
172.17.0.5 has 5 connections to it in SYN_SENT: it does not answer

PROTO SOCKETS STATES
tcp        19 CLOSE_WAIT:12,SYN_SENT:5,LISTEN:1,TIME_WAIT:1
udp         1 UNCONNECTED:1

PID COMMAND        FDS SOCKETS STATES
  6 ja\\x1bva     18/19      18 CLOSE_WAIT:12,SYN_SENT:5,LISTEN:1
  9 named       1/1024       1 UNCONNECTED:1
  - (time-wait)      -       1 TIME_WAIT:1

PROTO LOCAL        PID COMMAND  WAITING DROPPED
tcp   0.0.0.0:8080   6 ja\\x1bva       6      18
udp   0.0.0.0:53     9 named          -     512

REMOTE     SOCKETS STATES
172.17.0.5      17 CLOSE_WAIT:12,SYN_SENT:5
(1-more)         1 -
";
    hurting().run("-s").exactly(text, 0);
}

#[test]
fn every_sentence_and_number_of_the_summary_is_in_json_under_its_name() {
    let tree = hurting();
    let all = objects(&tree.run("-sj"));
    let of = |kind: &str| {
        all.iter()
            .filter(|line| line["kind"] == kind)
            .collect::<Vec<_>>()
    };
    for (kind, count) in [
        ("protocol", 2),
        ("owner", 3),
        ("listener", 1),
        ("socket", 1),
        ("namespace", 1),
        ("remote", 2),
        ("local", 18),
        ("finding", 7),
        ("ports", 0),
    ] {
        assert_eq!(of(kind).len(), count, "{kind}");
    }
    let owner = of("owner")[0];
    assert_eq!(
        (&owner["fds"], &owner["fds_limit"]),
        (&18.into(), &19.into())
    );
    let listener = of("listener")[0];
    assert_eq!(listener["protocol"], "tcp");
    assert_eq!(listener["local"], "0.0.0.0:8080");
    assert_eq!(
        (&listener["waiting"], &listener["dropped"]),
        (&6.into(), &18.into())
    );
    assert_eq!(listener["overflowed"], 12);
    assert_eq!(of("socket")[0]["dropped"], 512);
    let namespace = of("namespace")[0];
    assert_eq!(namespace["local"], "0.0.0.0:8080");
    assert_eq!(namespace["udp_overflowed"], 600);
    assert_eq!(of("remote")[0]["remote"], "172.17.0.5");
    assert_eq!(of("remote")[0]["states"]["SYN_SENT"], 5);
    assert_eq!(of("local")[0]["local"], ":1");
    // What was there before has no other lines: scripts choose by `proto` and `owner`.
    let with = |name: &str| all.iter().filter(|line| !line[name].is_null()).count();
    assert_eq!((with("proto"), with("owner")), (2, 3));
    let run = tree.run("-s");
    let sentences: Vec<_> = of("finding")
        .into_iter()
        .map(|line| line["text"].clone())
        .collect();
    assert_eq!(sentences, said(&run));
    let names: Vec<_> = of("finding")
        .into_iter()
        .map(|line| line["finding"].clone())
        .collect();
    let known = [
        "close_wait",
        "descriptors",
        "accept_queue",
        "attempts_dropped",
        "datagrams_dropped",
        "udp_dropped",
        "no_answer",
    ];
    assert_eq!(names, known);
    let descriptors = of("finding")[1];
    assert_eq!(
        (&descriptors["count"], &descriptors["limit"]),
        (&18.into(), &19.into())
    );
    assert_eq!(descriptors["pid"], 6);
}

/// A rule at its threshold.
struct Threshold {
    /// A word of its sentence.
    word: &'static str,
    /// The least that is out of the ordinary.
    least: u32,
    /// Makes a tree with so many.
    tree: fn(u32) -> Tree,
}

/// A tree with one process that holds a socket for each of these rows of `tcp`.
fn holder_of(rows: &[String]) -> Tree {
    let tree = Tree::new();
    tree.table("tcp", rows);
    let mut process = tree.process(6, "java");
    for fd in 1..=u32::try_from(rows.len()).unwrap() {
        process = process.socket(fd, fd.into());
    }
    tree
}

/// A tree with `count` connections from different ports in `state`.
fn in_state(count: u32, state: &str) -> Tree {
    let row = |number: u32| client(u16::try_from(number).unwrap(), state, number.into());
    holder_of(&(1..=count).map(row).collect::<Vec<_>>())
}

#[test]
fn each_rule_says_nothing_below_its_threshold() {
    let rules = [
        Threshold {
            word: " in CLOSE_WAIT: it does not close",
            least: 10,
            tree: |count| in_state(count, "08"),
        },
        Threshold {
            word: " of 1000 descriptors in use: ",
            least: 901,
            tree: |count| {
                let tree = Tree::new();
                tree.table("tcp", &[listen(80, 1)]);
                let mut process = tree.process(6, "java").file("limits", limits(1000));
                process = process.socket(0, 1);
                for fd in 1..count {
                    process = process.fd(fd, "/dev/null");
                }
                tree
            },
        },
        Threshold {
            word: " connections waiting: ",
            least: 5,
            tree: |count| holder_of(&[backlog(80, count, 1)]),
        },
        Threshold {
            word: " attempts to connect dropped ",
            least: 1,
            tree: |count| {
                let tree = holder_of(&[listen(80, 1)]);
                let text = netstat(0, count.into());
                fs::write(tree.net("a").join("netstat"), text).unwrap();
                tree
            },
        },
        Threshold {
            word: " datagrams dropped: ",
            least: 100,
            tree: |count| {
                let tree = holder_of(&[]);
                tree.table("udp", &[lossy(count, 1)]);
                tree
            },
        },
        Threshold {
            word: " datagrams of UDP dropped at ",
            least: 100,
            tree: |count| {
                let tree = holder_of(&[]);
                tree.table(
                    "udp6",
                    &[udp(
                        &NOBODY6.replace(":0000", ":0035"),
                        NOBODY6,
                        "07",
                        EMPTY,
                        0,
                        1,
                    )],
                );
                fs::write(tree.net("a").join("snmp"), snmp(40)).unwrap();
                let text = format!("Udp6InErrors\t0\nUdp6RcvbufErrors     \t{}\n", count - 40);
                fs::write(tree.net("a").join("snmp6"), text).unwrap();
                tree
            },
        },
        Threshold {
            word: " in SYN_SENT: it does not answer",
            least: 5,
            tree: |count| in_state(count, "02"),
        },
        Threshold {
            word: " in SYN_RECV: ",
            least: 100,
            tree: |count| {
                let tree = holder_of(&[listen(80, 1)]);
                let row = |port| tcp_short("020011AC:0050", &format!("050011AC:{port:04X}"), "03");
                let rows = [listen(80, 1)].into_iter().chain((1..=count).map(row));
                tree.table("tcp", &rows.collect::<Vec<_>>());
                tree
            },
        },
    ];
    for rule in rules {
        let run = (rule.tree)(rule.least).run("-s");
        let sentences = said(&run);
        let count = rule.least.to_string();
        let [sentence] = sentences.as_slice() else {
            panic!("{}: {}", rule.word, run.out());
        };
        assert!(
            sentence.contains(rule.word) && words(sentence).contains(&count),
            "{sentence}"
        );
        let run = (rule.tree)(rule.least - 1).run("-s");
        assert_eq!(said(&run), [""; 0], "{}", rule.word);
    }
}

#[test]
fn a_socket_that_nobody_has_accepted_is_not_one_that_somebody_forgot_to_close() {
    let tree = in_state(10, "08");
    // The process has ended, or hides its name.
    fs::remove_file(tree.path().join("6/comm")).unwrap();
    let leak =
        "- (6) has 10 sockets in CLOSE_WAIT: it does not close what the other side has closed";
    assert_eq!(said(&tree.run("-s")), [leak]);
    let unaccepted: Vec<String> = (1..=10).map(|port| client(port, "08", 0)).collect();
    tree.table("tcp", &unaccepted);
    let run = tree.run("-s");
    assert!(run.out().contains("(accept-queue)"), "{}", run.out());
    assert_eq!(said(&run), [""; 0]);
}

// ListenDrops is a number of the namespace: with two listeners nothing tells whose.
#[test]
fn what_was_dropped_is_a_listeners_only_where_no_other_may_have_dropped_it() {
    let one = "0.0.0.0:80 of java (6) has 18 attempts to connect dropped since its network namespace was made, 12 of them at a full accept queue: it does not accept them as fast as they come";
    let any = "the network namespace has 18 attempts to connect dropped since it was made, 12 of them at a full accept queue: a listener in it, which one is not told, does not accept them as fast as they come";
    let tree = holder_of(&[listen(80, 1), listen(81, 2)]);
    fs::write(tree.net("a").join("netstat"), netstat(12, 18)).unwrap();
    for args in ["-s", "-s :80", "-s -l :80", "-s 6"] {
        assert_eq!(said(&tree.run(args)), [any], "{args}");
    }
    let tree = holder_of(&[listen(80, 1), listen(80, 1)]);
    fs::write(tree.net("a").join("netstat"), netstat(12, 18)).unwrap();
    for (args, sentence) in [
        ("-s", one),
        ("-s :80", one),
        ("-s -t", one),
        // Either family may have a listener in tcp6, so both tables are read.
        ("-s -t -4", one),
        // Of one process the tables are not read to their end.
        ("-s 6", any),
    ] {
        assert_eq!(said(&tree.run(args)), [sentence], "{args}");
    }
    // A row that is no row may be a listener.
    tree.table("tcp", &[listen(80, 1), "garbage".to_owned()]);
    assert_eq!(said(&tree.run("-s")), [any]);
}

#[test]
fn in_several_namespaces_each_sentence_and_group_names_its_own() {
    let tree = Tree::new();
    tree.namespace("b");
    for (namespace, pid, waiting) in [("a", 6, 7), ("b", 7, 9)] {
        let rows = [
            backlog(80, waiting, u64::from(pid)),
            client(1, "01", u64::from(pid) + 100),
            client(2, "01", u64::from(pid) + 200),
        ];
        tree.table_in(namespace, "tcp", &rows);
        fs::write(tree.net(namespace).join("netstat"), netstat(1, 2)).unwrap();
        let process = tree
            .process_in(namespace, pid, "web")
            .ns_net(4_026_531_000 + u64::from(pid));
        let process = process.socket(3, pid.into());
        let process = process
            .socket(4, u64::from(pid) + 100)
            .socket(5, u64::from(pid) + 200);
        if pid == 7 {
            let _ = process.file("cgroup", format!("0::/docker/{ID}\n"));
        }
    }
    let text = "\
0.0.0.0:80 of web (7) in 54e9a2cefd94 has 9 connections waiting: it does not accept them as fast as they come
0.0.0.0:80 of web (6) in net:[4026531006] has 7 connections waiting: it does not accept them as fast as they come
0.0.0.0:80 of web (7) in 54e9a2cefd94 has 2 attempts to connect dropped since its network namespace was made, 1 of them at a full accept queue: it does not accept them as fast as they come
0.0.0.0:80 of web (6) in net:[4026531006] has 2 attempts to connect dropped since its network namespace was made, 1 of them at a full accept queue: it does not accept them as fast as they come

PROTO SOCKETS STATES
tcp         6 ESTABLISHED:4,LISTEN:2

PID COMMAND CONTAINER    SOCKETS STATES
  6 web     -                  3 ESTABLISHED:2,LISTEN:1
  7 web     54e9a2cefd94       3 ESTABLISHED:2,LISTEN:1

PROTO LOCAL      PID COMMAND CONTAINER        WAITING DROPPED
tcp   0.0.0.0:80   7 web     54e9a2cefd94           9       2
tcp   0.0.0.0:80   6 web     net:[4026531006]       7       2

REMOTE     CONTAINER        SOCKETS STATES
172.17.0.5 net:[4026531006]       2 ESTABLISHED:2
172.17.0.5 54e9a2cefd94           2 ESTABLISHED:2
";
    tree.run("-s").exactly(text, 0);
    let text = "CONTAINER        SOCKETS STATES\n\
                net:[4026531006]       3 ESTABLISHED:2,LISTEN:1\n\
                54e9a2cefd94           3 ESTABLISHED:2,LISTEN:1\n";
    tree.run("-s --by=container").exactly(text, 0);
}

#[test]
fn connections_that_wait_for_a_unix_listener_are_counted_by_its_name() {
    let tree = Tree::new();
    let mut rows = vec![
        unix("00010000", "0001", "01", 7, "/run/a.sock"),
        unix("00010000", "0001", "01", 8, "/run/b.sock"),
    ];
    rows.extend((0..5).map(|_| unix("00000000", "0001", "02", 0, "/run/b.sock")));
    tree.table("unix", &rows);
    tree.process(6, "idle").socket(3, 7).socket(4, 8);
    let run = tree.run("-s");
    let sentence = "/run/b.sock of idle (6) has 5 connections waiting: it does not accept them as fast as they come";
    assert_eq!(said(&run), [sentence]);
    let table = "\nPROTO LOCAL       PID COMMAND WAITING\nunix  /run/b.sock   6 idle          5\n";
    assert!(run.out().ends_with(table), "{}", run.out());
}

#[test]
fn groups_and_their_number_are_chosen() {
    let tree = hurting();
    for (args, text) in [
        (
            "-s --by=process --top=1",
            "PID COMMAND       FDS SOCKETS STATES\n  6 ja\\x1bva    18/19      18 CLOSE_WAIT:12,SYN_SENT:5,LISTEN:1\n  \
             - (1-more)        -       1 -\n  - (time-wait)     -       1 TIME_WAIT:1\n",
        ),
        (
            "-s --by remote",
            "REMOTE     SOCKETS STATES\n172.17.0.5      17 CLOSE_WAIT:12,SYN_SENT:5\n172.17.0.7       1 TIME_WAIT:1\n",
        ),
        (
            "-sH --by=local --top=2",
            ":1        1 CLOSE_WAIT:1\n:2        1 CLOSE_WAIT:1\n(16-more) 16 -\n",
        ),
        (
            "-s --by=state",
            "STATE       SOCKETS\nCLOSE_WAIT       12\nSYN_SENT          5\nTIME_WAIT         1\nUNCONNECTED       1\nLISTEN            1\n",
        ),
    ] {
        let run = tree.run(args);
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(words).collect();
            if args.contains("state") {
                lines.sort();
            }
            lines
        };
        assert_eq!(sorted(run.out()), sorted(text), "{args}");
    }
    assert_eq!(tree.run("-sH --by=local").out().lines().count(), 11);
    assert_eq!(tree.run("-sH --by=local --top=0").out().lines().count(), 18);
    assert_eq!(tree.run("-sj --by=local --top=3").out().lines().count(), 3);
    assert_eq!(tree.run("-sj --by=local").out().lines().count(), 18);
    assert_eq!(tree.run("-s --by=local :60000").status, Some(1));
}

#[test]
fn what_is_no_group_is_refused() {
    let tree = hurting();
    for (args, quoted) in [
        (
            "-s --by=port",
            "'port': not a group; write process, remote, local, state or container",
        ),
        ("-s --by=Remote", "'Remote'"),
        (
            "-s --top=x",
            "'x': not a number of lines; write 1 or more, or 0 for all",
        ),
        ("-s --top=-1", "'-1'"),
        ("-s --top=", "'--top' needs a value"),
        ("--by=remote", "'--by' needs --summary: "),
        ("--top=3", "'--top' needs --summary: "),
        ("-j --top=3", "'--top' needs --summary: "),
    ] {
        tree.run(args).refuses(quoted);
    }
    for args in [
        ["--decode=-", "--by=container"],
        ["--by=container", "--decode"],
    ] {
        let run = Run::of(lsock().arg("-s").args(args));
        run.refuses("'--by=container' and '--decode': captured text names no container");
    }
}

#[test]
fn captured_text_tells_what_it_can() {
    let tree = Tree::new();
    let file = tree.top().join("text");
    let rows: Vec<String> = (1..=10)
        .map(|port| client(port, "08", port.into()))
        .collect();
    let text = format!(
        "{}{}\n{}\n",
        crate::rows::header("tcp"),
        backlog(80, 9, 99),
        rows.join("\n")
    );
    fs::write(&file, text).unwrap();
    let run = Run::of(lsock().arg("-s").arg("--decode").arg(&file));
    let text = "\
(unknown) has 10 sockets in CLOSE_WAIT: it does not close what the other side has closed
0.0.0.0:80 of (unknown) has 9 connections waiting: it does not accept them as fast as they come

PROTO SOCKETS STATES
tcp        11 CLOSE_WAIT:10,LISTEN:1

PID COMMAND   SOCKETS STATES
  - (unknown)      11 CLOSE_WAIT:10,LISTEN:1

PROTO LOCAL      PID COMMAND   WAITING
tcp   0.0.0.0:80   - (unknown)       9

REMOTE     SOCKETS STATES
172.17.0.5      10 CLOSE_WAIT:10
";
    run.exactly(text, 0);
}

// One file for each process that is shown, and for each namespace those that tell of its sockets; without -s none of them.
#[test]
fn the_summary_reads_one_more_file_for_each_process_and_few_for_each_namespace() {
    let tree = hurting();
    let files = [
        "/6/limits",
        "/9/limits",
        "/net/netstat",
        "/net/snmp",
        "/net/snmp6",
    ];
    for (args, counts) in [
        ("-s", [1, 1, 1, 1, 0]),
        ("-s -t", [1, 0, 1, 0, 0]),
        ("-s --decode=/dev/null", [0; 5]),
        ("", [0; 5]),
        ("-e", [0; 5]),
        ("-j", [0; 5]),
    ] {
        let Some(asked) = Asked::by(&tree.path(), args) else {
            return;
        };
        let seen = files.map(|file| asked.count_of("open", file));
        assert_eq!(seen, counts, "{args}");
    }
}

// ---- live ---------------------------------------------------------------------------------------------------------------

/// A process that runs this script of perl's, by these words before it.
fn perl(by: &[&str], script: &str) -> Option<Held> {
    let script = format!("use Socket; {script}; $| = 1; print qq(READY\\n); <STDIN>");
    let mut words = by.iter().chain(&["perl", "-e"]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(script).stdin(Stdio::piped());
    match Held::ready(&mut command) {
        Ok(held) => Some(held),
        Err(why) => {
            skip(&format!("sockets that perl makes: {why}"));
            None
        }
    }
}

/// The objects of this kind that lsock shows of the real proc.
fn live(args: &[&str], kind: &str) -> Vec<Value> {
    let run = Run::of(lsock().arg("-sj").args(args));
    let all = objects(&run).into_iter();
    all.filter(|line| line["kind"] == kind).collect()
}

/// The counter that nstat tells of this network namespace; `None` without nstat.
fn nstat(name: &str) -> Option<u64> {
    let output = Command::new("nstat").args(["-asz", name]).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_full_accept_queue_is_told_as_ss_and_nstat_tell_it() {
    in_a_network_of_its_own(|| {
        let script = "socket(S, AF_INET, SOCK_STREAM, 6) && bind(S, sockaddr_in(8080, INADDR_ANY)) && listen(S, 4) \
            or die qq($!\\n); for (1..9) { socket(my $c, AF_INET, SOCK_STREAM | 2048, 6); \
            connect($c, sockaddr_in(8080, INADDR_LOOPBACK)); push @c, $c }";
        let Some(held) = perl(&[], script) else {
            return;
        };
        let ask = || ["TcpExtListenOverflows", "TcpExtListenDrops"].map(nstat);
        let [Some(overflows), Some(drops)] = ask() else {
            return skip("nstat (apt-get install iproute2)");
        };
        assert!(overflows > 0, "the queue is full");
        let seen = live(&[":8080"], "listener");
        let [Some(overflows_after), Some(drops_after)] = ask() else {
            panic!("nstat told it a moment ago");
        };
        let [listener] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        let between = |name: &str, before, after| {
            let seen = listener[name].as_u64().unwrap();
            assert!(
                (before..=after).contains(&seen),
                "{name}: {before}, {seen}, {after}"
            );
        };
        between("overflowed", overflows, overflows_after);
        between("dropped", drops, drops_after);
        assert_eq!(listener["pid"], held.pid());
        let ss = Command::new("ss").args(["-Hltn", "sport = :8080"]).output();
        let ss = String::from_utf8(ss.unwrap().stdout).unwrap();
        let waiting: u64 = ss.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
        assert_eq!(listener["waiting"], waiting, "{ss}");
        let run = Run::of(lsock().arg("-s"));
        let waits = format!(
            "0.0.0.0:8080 of perl ({}) has {waiting} connections waiting: ",
            held.pid()
        );
        assert!(run.out().contains(&waits), "{}", run.out());
        // With a second listener nothing tells whose queue it was.
        let _other = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(
            live(&[], "listener")
                .iter()
                .all(|line| line["dropped"].is_null())
        );
        let run = Run::of(lsock().arg("-s"));
        assert!(
            run.out().contains("the network namespace has "),
            "{}",
            run.out()
        );
    });
}

#[test]
fn a_process_that_forgets_to_close_and_one_without_descriptors_are_named() {
    in_a_network_of_its_own(|| {
        let listener = TcpListener::bind("127.0.0.1:9000").unwrap();
        let script = "while (1) { socket(my $s, AF_INET, SOCK_STREAM, 6) or last; \
            connect($s, sockaddr_in(9000, INADDR_LOOPBACK)) or die qq($!\\n); push @s, $s }";
        let by = ["sh", "-c", "ulimit -n 24; exec \"$@\"", "sh"];
        let Some(held) = perl(&by, script) else {
            return;
        };
        listener.set_nonblocking(true).unwrap();
        let accepted: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect();
        let count = accepted.len();
        assert!(count > 10, "{count}");
        // They hang up, and perl does not.
        drop(accepted);
        let fds = fs::read_dir(format!("/proc/{}/fd", held.pid()))
            .unwrap()
            .count();
        let pid = held.pid();
        let leak = format!("perl ({pid}) has {count} sockets in CLOSE_WAIT: ");
        let full = format!("perl ({pid}) has {fds} of 24 descriptors in use: ");
        // The other end has to hear of it first.
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let run = Run::of(lsock().arg("-s"));
            if run.out().contains(&leak) && run.out().contains(&full) {
                break;
            }
            assert!(Instant::now() < end, "{leak}, {full}: {}", run.out());
        }
    });
}

#[test]
fn local_ports_that_run_out_are_told_by_whom_they_lead_to() {
    in_a_network_of_its_own(|| {
        let range = "/proc/sys/net/ipv4/ip_local_port_range";
        if let Err(why) = fs::write(range, "40000 40019") {
            return skip(&format!("{range}: {why}"));
        }
        let servers = ["127.0.0.1:9000", "127.0.0.2:9000", "127.0.0.1:9001"];
        let servers = servers.map(|address| TcpListener::bind(address).unwrap());
        let mut held: Vec<TcpStream> = Vec::new();
        let mut connect = |server: usize, count: usize| {
            let address = servers[server].local_addr().unwrap();
            for _ in 0..count {
                held.push(TcpStream::connect(address).unwrap());
                held.push(servers[server].accept().unwrap().0);
            }
        };
        connect(0, 10);
        connect(1, 10);
        connect(2, 9);
        // Half is not more than half, whatever the sum of all is.
        assert_eq!(live(&[], "ports"), Vec::<Value>::new());
        connect(0, 1);
        let seen = live(&[], "ports");
        let [ports] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        assert_eq!(ports["remote"], "127.0.0.1:9000");
        assert_eq!(
            (&ports["ports"], &ports["ports_limit"]),
            (&11.into(), &20.into())
        );
        // Those that are closed keep their port for a minute: the one that closes first has TIME_WAIT.
        let (client, server) = (held.swap_remove(0), held.pop().unwrap());
        drop(client);
        drop(server);
        let run = Run::of(lsock().arg("-s"));
        let sentence = "127.0.0.1:9000 has 11 of 20 local ports for connections to it in use";
        assert!(run.out().contains(sentence), "{}", run.out());
        assert!(run.out().contains(": without one left no more can be made"));
        // Those that are kept for others are none.
        let reserved = "/proc/sys/net/ipv4/ip_local_reserved_ports";
        if let Err(why) = fs::write(reserved, "39000-40001,40018,40020") {
            return skip(&format!("{reserved}: {why}"));
        }
        assert_eq!(live(&[], "ports")[0]["ports_limit"], 17);
    });
}

#[test]
fn the_range_of_ports_is_not_taken_for_that_of_another_namespace() {
    in_a_network_of_its_own(|| {
        if fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003").is_err() {
            return skip("the range of ports may not be set here");
        }
        let script = "socket(L, AF_INET, SOCK_STREAM, 6) && bind(L, sockaddr_in(9000, INADDR_ANY)) && listen(L, 9) or die qq($!\\n); \
            for (1..4) { socket(my $s, AF_INET, SOCK_STREAM, 6); bind($s, sockaddr_in(39999 + $_, INADDR_LOOPBACK)) or die; \
            connect($s, sockaddr_in(9000, INADDR_LOOPBACK)) or die; push @s, $s }";
        let by = [
            "unshare",
            "--net",
            "sh",
            "-c",
            "ip link set lo up && exec \"$@\"",
            "sh",
        ];
        let Some(_held) = perl(&by, script) else {
            return;
        };
        let run = Run::of(lsock().args(["-s", ":9000"]));
        assert!(run.out().contains("ESTABLISHED:8"), "{}", run.out());
        assert_eq!(live(&[], "ports"), Vec::<Value>::new());
        // Here it is known.
        let Some(_here) = perl(&[], script) else {
            return;
        };
        assert_eq!(live(&[], "ports").len(), 1);
    });
}
