//! The traps that other tools fall into, one test each, named as what lsock does; the source stands in front of it.
//!
//! Everything here comes from outside: names and paths that processes choose, tables that end too early, processes that
//! go away or may not be read. lsock shows what is true, says in one line what it left out, and never panics.

use crate::again::in_a_network_of_its_own;
use crate::machine::skip;
use crate::numbers::Numbers;
use crate::rows::{
    EMPTY, HEADERS, NOBODY, NOBODY6, header, listen, netlink, packet, tcp, tcp_short, udp, unix,
};
use crate::run::{LSOCK, Run, lsock, proto};
use crate::tree::Tree;
use std::collections::HashMap;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::process::Command;

/// A tree with one listener on port 80 that a process of this name holds.
fn named(comm: &[u8]) -> Tree {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    tree.process(7, comm).socket(3, 11);
    tree
}

// A fifo in a captured tree was waited for, /dev/zero read for ever, and an odd error of a file was "not there".
#[test]
fn no_odd_file_is_waited_for_or_is_proof_that_something_is_not_there() {
    let ends = |odd: &str, target: Option<&str>, args: &str| {
        let tree = named(b"java");
        let file = tree.path().join("7").join(odd);
        let _ = fs::remove_file(&file);
        match target {
            Some("") => fs::create_dir(&file).unwrap(),
            Some(target) => symlink(target, &file).unwrap(),
            None => assert!(
                Command::new("mkfifo")
                    .arg(&file)
                    .status()
                    .unwrap()
                    .success()
            ),
        }
        let mut command = Command::new("timeout");
        command.arg("20").arg(LSOCK).arg("--proc").arg(tree.path());
        let run = Run::to_the_end(command.args(args.split(' ')));
        (run.status, run.err().to_owned())
    };
    for odd in ["comm", "cmdline", "cgroup", "net/tcp", "net/unix"] {
        let status = if odd == "net/tcp" { 3 } else { 0 };
        assert_eq!(ends(odd, None, "-q -l :80").0, Some(status), "{odd}");
        let (status, said) = ends(odd, Some("/dev/zero"), "-e");
        assert_eq!(status, Some(0), "{odd}");
        let is_said = said.contains("a line without an end");
        assert_eq!(is_said, odd.starts_with("net/"), "{said}");
    }
    assert_eq!(ends("comm", Some(""), "java").0, Some(0));
    for (odd, args) in [
        ("cgroup", "--container abab"),
        ("comm", "-c java"),
        ("comm", "jetty"),
    ] {
        let (status, said) = ends(odd, Some(""), args);
        assert_eq!(status, Some(3), "{said}");
        assert!(said.contains("Is a directory"), "{said}");
    }
}

// ---- names ----------------------------------------------------------------------------------------------

// prctl(PR_SET_NAME) takes any bytes but NUL, and /proc/PID/comm prints them raw (fs/proc/array.c, proc_task_name).
#[test]
fn a_command_name_is_one_word_whatever_bytes_it_has() {
    for (comm, shown) in [
        (&b"my app"[..], "my\\x20app"),
        (b"a\nb", "a\\nb"),
        (b"\n", "\\n"),
        (b"end\n", "end\\n"),
        (b"back\\slash", "back\\\\slash"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"\x7f\x01", "\\x7f\\x01"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"cut\xc3", "cut\\xc3"),
        (b"\xe2\x82\xac5", "\u{20ac}5"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        // A missing value is `-`.
        (b"-", "\\x2d"),
    ] {
        named(comm)
            .run("")
            .shows(&[&format!("7 {shown} 3 tcp LISTEN 0 0 0.0.0.0:80 *:*")]);
    }
}

// U+009B is the one-character form of ESC [ : valid UTF-8, and still a control character (ECMA-48, CSI).
#[test]
fn a_c1_control_character_does_not_reach_the_terminal() {
    let run = named("x\u{9b}31m".as_bytes()).run("");
    run.is_sane();
    assert_eq!(run.rows().len(), 1);
}

// A comm may be empty: prctl(PR_SET_NAME, "") (tried). awk's fields must stay where they are.
#[test]
fn an_empty_command_name_is_a_missing_value() {
    named(b"")
        .run("")
        .shows(&["7 - 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// /proc/PID/stat has the name in parentheses, unescaped: tools that look for the first `)` read wrong fields (proc(5)).
#[test]
fn a_command_name_with_a_parenthesis_misleads_nobody() {
    named(b"a) S 1 (b")
        .run("")
        .shows(&["7 a)\\x20S\\x201\\x20(b 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// A process can name itself like the reasons of rows without a holder; its pid and fd tell it from them.
#[test]
fn a_process_that_calls_itself_a_reason_keeps_its_pid() {
    named(b"(time-wait)")
        .run("")
        .shows(&["7 (time-wait) 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// The path is printed raw (net/unix/af_unix.c, unix_seq_show): 108 bytes of anything.
#[test]
fn a_socket_path_is_one_word_whatever_bytes_it_has() {
    let tree = Tree::new();
    let paths = [
        (&b"/run/my app.sock"[..], "/run/my\\x20app.sock"),
        (b"/run/a\nb", "/run/a\\nb"),
        (b"@esc\x1b]0;pwned\x07", "@esc\\x1b]0;pwned\\x07"),
        (b"/run/\xff\xfe", "/run/\\xff\\xfe"),
        (b"@two\n\nlines", "@two\\n\\nlines"),
        (b"/run/\\n", "/run/\\\\n"),
        (b"/run/end ", "/run/end\\x20"),
        (b"@@@", "@@@"),
        (b"/run/j\xc3\xa4", "/run/j\u{e4}"),
    ];
    let mut rows = Vec::new();
    let mut expected = Vec::new();
    let mut process = tree.process(7, "srv");
    for (number, (path, shown)) in (0u32..).zip(paths) {
        rows.push(unix(
            "00010000",
            "0001",
            "01",
            u64::from(number) + 500,
            path,
        ));
        process = process.socket(number, u64::from(number) + 500);
        expected.push(format!("7 srv {number} unix LISTEN - - {shown} *"));
    }
    drop(process);
    tree.table("unix", &rows);
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    tree.run("").shows(&expected);
    // A path is selected by the bytes that it has, not by the word that is shown.
    tree.run_args(&["/run/my app.sock"]).shows(&[expected[0]]);
    tree.run_args(&["/run/a\nb"]).shows(&[expected[1]]);
}

// A path that goes on in the next line is no row, and the rows after it are whole (proc-net.md, unix).
#[test]
fn a_line_that_is_no_row_continues_the_path_before_it() {
    let tree = Tree::new();
    tree.table(
        "unix",
        &[
            unix(
                "00010000",
                "0001",
                "01",
                500,
                "@a\n0000000000000000: 00000002 what is this",
            ),
            unix("00010000", "0001", "01", 501, "/run/b.sock"),
        ],
    );
    tree.process(7, "srv").socket(3, 500).socket(4, 501);
    tree.run("").shows(&[
        "7 srv 3 unix LISTEN - - @a\\n0000000000000000:\\x2000000002\\x20what\\x20is\\x20this *",
        "7 srv 4 unix LISTEN - - /run/b.sock *",
    ]);
}

/// A path that ends its own line and forges a row behind it, as an abstract name can.
fn forged(inode: u64, path: &str) -> Vec<u8> {
    [
        b"@evil\n".to_vec(),
        unix("00010000", "0001", "01", inode, path),
    ]
    .concat()
}

// Tried: netstat shows a false /run/docker.sock (proc-net.md, unix).
#[test]
fn a_forged_row_for_a_socket_that_has_one_makes_both_names_doubtful() {
    let tree = Tree::new();
    let rows = [
        unix("00010000", "0001", "01", 900, "/run/true.sock"),
        unix(
            "00000000",
            "0002",
            "01",
            901,
            forged(900, "/run/docker.sock"),
        ),
    ];
    for order in [[0, 1], [1, 0]] {
        tree.table("unix", &order.map(|place: usize| rows[place].clone()));
        tree.process(7, "srv").socket(3, 900);
        tree.process(8, "evil").socket(3, 901);
        let run = tree.run("");
        let rows = run.rows();
        assert!(
            rows.iter().any(|row| row.starts_with("7 srv 3 unix")),
            "{rows:?}"
        );
        assert!(
            rows.iter()
                .any(|row| row.starts_with("8 evil 3 unix-dgram UNCONNECTED - - @evil")),
            "{rows:?}"
        );
        for name in ["/run/true.sock", "/run/docker.sock"] {
            assert!(
                !rows.iter().any(|row| row.ends_with(&format!(" {name} *"))),
                "{name} is shown: {rows:?}"
            );
        }
        let line = run.one_line();
        assert!(line.contains("unix"), "{line}");
        assert_eq!(
            tree.run("/run/docker.sock").out(),
            "",
            "a doubtful name selects nothing"
        );
        fs::remove_dir_all(tree.path().join("7")).unwrap();
        fs::remove_dir_all(tree.path().join("8")).unwrap();
    }
}

// Where not all namespaces are read a claim that a filter had dropped was forgotten, and the true name shown as if there were
// no doubt.
#[test]
fn a_name_in_doubt_is_in_doubt_whichever_of_its_claims_a_filter_drops() {
    let tree = Tree::new();
    tree.process(7, "srv").ns_net(4_026_531_840).socket(3, 900);
    let dgram = |inode, path: &[u8]| unix("00000000", "0002", "01", inode, path);
    let rows = [
        dgram(900, b"/run/true.sock"),
        dgram(901, &forged(900, "/run/docker.sock")),
    ];
    tree.table("unix", &rows);
    let doubted = "7 srv 3 unix-dgram UNCONNECTED - - ? *";
    for selected in ["", "7", "srv", "--netns 7", "--netns 7 7"] {
        for dropped in ["", "-sUNCONNECTED", "-x -sUNCONNECTED"] {
            let run = tree.run(&format!("{selected} {dropped}"));
            assert_eq!(run.rows()[0], doubted, "{selected} {dropped}");
            assert!(run.one_line().contains("two rows claim one inode"));
        }
        let run = tree.run(&format!("{selected} -l"));
        assert_eq!((run.status, run.out()), (Some(1), ""), "{selected} -l");
    }
}

// Of two rows that may both be forged neither says what the socket is: whoever asks for a state is not told that there is none
// in it, and no forger chooses the type that is shown.
#[test]
fn of_a_socket_that_two_rows_claim_neither_row_tells_the_state_or_the_type() {
    let tree = Tree::new();
    tree.process(7, "srv").socket(3, 900);
    tree.process(8, "evil").socket(3, 901);
    let claim = |kind, state| {
        let row = unix(state, kind, "01", 900, "/run/f");
        [&b"@evil\n00000000"[..], &row[16..]].concat()
    };
    let other = |inode, name: &[u8]| unix("00000000", "0002", "01", inode, name);
    let truth = unix("00010000", "0001", "01", 900, "/run/true.sock");
    for (kind, state) in [("0001", "00000000"), ("0005", "00010000")] {
        tree.table(
            "unix",
            &[
                other(901, &claim(kind, state)),
                other(902, b"@a"),
                truth.clone(),
            ],
        );
        let run = tree.run("7");
        assert_eq!(run.rows(), ["7 srv 3 unix - - - ? *"]);
        let json = tree.run("-j 7");
        for field in ["\"type\":null", "\"state\":null", "\"proto\":\"unix\""] {
            assert!(json.out().contains(field), "{json:?}");
        }
        for args in [
            "-x -l 7",
            "-x -sLISTEN 7",
            "-x -sUNCONNECTED srv",
            "-l socket:[900]",
        ] {
            let run = tree.run(args);
            assert_eq!((run.status, run.out()), (Some(3), ""), "{args}");
            assert!(run.err().contains("in doubt may be it"), "{run:?}");
            assert_eq!(tree.run(&format!("-q {args}")).status, Some(3), "{args}");
        }
        for args in ["-t 7", "-x -sLISTEN 8", "-l :80 7", "-l socket:[902]"] {
            assert_eq!(tree.run(args).status, Some(1), "{args}");
        }
    }
}

// In a captured tree without PID/net/protocols nothing tells whether a table has more rows than sockets.
#[test]
fn where_no_count_tells_of_forged_rows_the_other_tables_do() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 900)]);
    let rows = [unix(
        "00000000",
        "0002",
        "01",
        901,
        forged(900, "/run/docker.sock"),
    )];
    tree.table("unix", &rows);
    tree.process(8, "evil").socket(3, 901);
    tree.process(9, "other");
    let web = tree.process(7, "web").socket(3, 900);
    for args in [
        "-x -sLISTEN",
        "-l /run/docker.sock",
        "-q -l /run/docker.sock",
        "-T -x -sLISTEN",
    ] {
        assert_eq!(
            (tree.run(args).status, tree.run(args).out()),
            (Some(1), ""),
            "{args}"
        );
    }
    // The same where its holder is not seen.
    web.mode("fd", 0);
    for args in [
        "-x -sLISTEN",
        "-l /run/docker.sock",
        "-q -l /run/docker.sock",
    ] {
        let mut command = match tree.plain_user(args) {
            Ok(command) => command,
            Err(why) => return skip(&why),
        };
        let run = Run::of(&mut command);
        assert_eq!((run.status, run.out()), (Some(1), ""), "{args}");
    }
}

/// Gives a namespace a PID/net/protocols that counts this many unix sockets, most of them streams.
fn count_unix(tree: &Tree, namespace: &str, sockets: usize) {
    let text = format!(
        "protocol  size sockets  memory press maxhdr  slab module     cl co di ac\n\
         UNIX-STREAM 1152   {:4}      -1   NI       0   yes  kernel      y  n  n  n\n\
         UNIX      1152      1      -1   NI       0   yes  kernel      y  n  n  n\n\
         UDP       1344      3       0   NI       0   yes  kernel      y  y  y  n\n",
        sockets - 1
    );
    tree.table_text(namespace, "protocols", text.as_bytes());
}

// A forged row may name an inode of its own invention: then nobody holds it. Its name is no worse than one that was
// bound in a mount namespace of the forger's own, so it is shown and selected by; a count tells that some are forged.
#[test]
fn a_row_that_may_be_a_name_and_that_nobody_holds_keeps_its_name() {
    let tree = Tree::new();
    tree.table(
        "unix",
        &[unix(
            "00000000",
            "0002",
            "01",
            901,
            forged(902, "/run/docker.sock"),
        )],
    );
    tree.process(8, "evil").socket(3, 901);
    let run = tree.run("");
    let rows = run.rows();
    assert_eq!(
        rows[0], "8 evil 3 unix-dgram UNCONNECTED - - @evil *",
        "{rows:?}"
    );
    let row = "- (elsewhere) - unix LISTEN - - /run/docker.sock *";
    assert_eq!(rows[1..], [row]);
    assert_eq!(run.err(), "", "nothing counts the sockets");
    for args in ["-l", "/run/docker.sock", "-l /run/docker.sock"] {
        count_unix(&tree, "a", 2);
        tree.run(args).shows(&[row]);
        count_unix(&tree, "a", 1);
        let run = tree.run(args);
        assert_eq!(run.rows(), [row]);
        assert!(
            run.one_line().contains("more rows than sockets"),
            "{}",
            run.err()
        );
    }
    assert_eq!(tree.run("-q -l /run/docker.sock").status, Some(0));
    // Of rows that are not shown nothing is said.
    for args in ["8", "-l /run/other.sock"] {
        let run = tree.run(args);
        assert!(!run.err().contains("more rows than sockets"), "{run:?}");
    }
}

// A socket of a namespace without a process has no row beside one that a name pretends to be: a count tells of that one.
#[test]
fn a_forged_row_that_is_alone_for_a_held_socket_is_spoken_of_where_a_count_tells() {
    let tree = Tree::new();
    tree.process(7, "srv").socket(3, 900);
    tree.process(8, "evil").socket(3, 901);
    let evil = unix("00000000", "0002", "01", 901, forged(900, "/run/f"));
    tree.table("unix", std::slice::from_ref(&evil));
    for args in ["", "7", "-l", "/run/f", "-T /run/f"] {
        count_unix(&tree, "a", 2);
        assert_eq!(tree.run(args).err(), "", "{args}");
        count_unix(&tree, "a", 1);
        let run = tree.run(args);
        assert!(run.one_line().contains("more rows than sockets"), "{args}");
    }
    assert_eq!(tree.run("8").err(), "");
    // What there are more of was found.
    tree.table(
        "unix",
        &[evil, unix("00010000", "0001", "01", 900, LONG_PATH)],
    );
    count_unix(&tree, "a", 2);
    for args in ["", "7"] {
        assert!(tree.run(args).one_line().contains("two rows"), "{args}");
    }
}

// "A row in an inet table beats one in unix" (proc-net.md, unix): the kernel alone writes inet tables.
#[test]
fn a_forged_row_cannot_take_the_place_of_a_tcp_socket() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 900)]);
    tree.table(
        "unix",
        &[unix(
            "00000000",
            "0002",
            "01",
            901,
            forged(900, "/run/docker.sock"),
        )],
    );
    tree.process(7, "web").socket(3, 900);
    tree.process(8, "evil").socket(3, 901);
    let rows = tree.run("").rows();
    assert_eq!(rows[0], "7 web 3 tcp LISTEN 0 0 0.0.0.0:80 *:*", "{rows:?}");
    assert!(
        !rows.iter().any(|row| row.starts_with("7 web 3 unix")),
        "{rows:?}"
    );
    assert_eq!(
        tree.run("7").rows(),
        ["7 web 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]
    );
}

// A filter that passes over the true row must not make a forged one true, wherever that stands.
#[test]
fn a_forged_row_is_not_believed_because_a_filter_drops_the_true_one() {
    let evil = || {
        unix(
            "00000000",
            "0002",
            "01",
            901,
            forged(900, "/run/docker.sock"),
        )
    };
    let truth = || unix("00000000", "0001", "03", 900, "");
    for (place, home) in [("a", "a"), ("a", "b"), ("b", "a")] {
        let tree = Tree::new();
        tree.namespace("b");
        tree.process_in("a", 7, "srv")
            .ns_net(4_026_531_840)
            .socket(3, 900);
        tree.process_in("b", 8, "evil")
            .ns_net(4_026_531_841)
            .socket(3, 901);
        tree.table_in(place, "unix", &[truth()]);
        let mut rows = vec![evil()];
        if place == home {
            rows.insert(0, truth());
        }
        tree.table_in(home, "unix", &rows);
        for args in [
            "-l",
            "-sLISTEN",
            "-l -x",
            "-j -l",
            "-T -l",
            "-s -l",
            "/run/docker.sock",
            "-l /run/docker.sock",
            "-l 7",
            "-x -l --netns 7",
            "-l --netns 8",
            "-l -E",
            "-l -e",
            "srv -l",
        ] {
            let run = tree.run(args);
            assert!(!run.out().contains("docker.sock"), "{args}: {run:?}");
            let is_victims = |row: &String| row.starts_with("7 ");
            assert!(!run.rows().iter().any(is_victims), "{args}: {run:?}");
        }
        for args in ["-q -l", "-q -l /run/docker.sock", "-q -l 7 --wait=0.01"] {
            assert_eq!(tree.run(args).status, Some(1), "{args}");
        }
        // What is true is shown in every state.
        let run = tree.run("-x -sCONNECTED");
        assert!(
            run.rows()[0].starts_with("7 srv 3 unix CONNECTED"),
            "{run:?}"
        );
    }
}

// Most short names could print the row behind them: that alone is no reason to read a table twice.
#[test]
fn without_a_second_claim_no_table_is_read_anew_whatever_is_selected() {
    let tree = Tree::new();
    tree.namespace("b");
    for (namespace, first) in [("a", 900_u32), ("b", 910)] {
        let row = |inode| unix("00010000", "0001", "01", u64::from(inode), "/run/x");
        let rows = [
            row(first),
            row(first + 1),
            unix("00000000", "0001", "03", u64::from(first + 2), ""),
        ];
        tree.table_in(namespace, "unix", &rows);
        count_unix(&tree, namespace, rows.len());
        tree.process_in(namespace, 7 + first, "srv")
            .ns_net(4_026_531_840 + u64::from(first))
            .fd(0, "/dev/null");
    }
    for args in ["", "-l", "-l /run/x", "-x -sCONNECTED"] {
        let opened = match tree.opened(args) {
            Ok(opened) => opened,
            Err(why) => return skip(&why),
        };
        let tables = opened.iter().filter(|path| path.ends_with("/net/unix"));
        assert_eq!(tables.count(), 2, "{args}");
    }
}

// The true row stands in another namespace than that of the selected process, as that of a socket which was handed over.
#[test]
fn a_forged_row_in_the_namespace_of_a_process_is_no_row_of_a_socket_from_another_one() {
    let tree = Tree::new();
    tree.namespace("b");
    let evil = unix(
        "00000000",
        "0002",
        "01",
        901,
        forged(900, "/run/docker.sock"),
    );
    tree.table_in("a", "unix", &[evil]);
    let truth = unix("00010000", "0001", "01", 900, LONG_PATH);
    tree.table_in("b", "unix", &[truth]);
    tree.process_in("a", 7, "srv")
        .ns_net(4_026_531_840)
        .socket(3, 900);
    tree.process_in("b", 8, "other").ns_net(4_026_531_841);
    for args in ["7", "srv", "7 -x", "7 -l", "--netns 7", "-E 7"] {
        let run = tree.run(args);
        assert!(!run.out().contains("docker.sock"), "{args}: {run:?}");
        assert!(
            run.err().contains("two rows claim one inode"),
            "{args}: {run:?}"
        );
    }
    assert!(tree.run("7").rows()[0].starts_with("7 srv 3 unix LISTEN - - ? *"));
}

// Nobody is seen to hold the socket, and its own table is read for no row of its own.
#[test]
fn a_forged_row_of_a_socket_of_another_table_that_nobody_is_seen_to_hold_is_not_believed() {
    let tree = Tree::new();
    let evil = unix("00000000", "0002", "01", 901, forged(900, "/f"));
    tree.table("unix", &[evil]);
    tree.table("packet", &[packet(3, "0003", 0, 900)]);
    let counts = "protocol  size sockets  memory\nUNIX 1152 1 -1\n";
    tree.table_text("a", "protocols", counts.as_bytes());
    tree.process(8, "evil").socket(3, 901);
    for args in ["-x", "-l", "-l -x"] {
        let run = tree.run(args);
        let has_claim = run.rows().iter().any(|row| row.ends_with("/f *"));
        assert!(!has_claim, "{args}: {run:?}");
    }
}

// A row that is not yet believed was taken for the socket's, and the tables behind unix were not read any more.
#[test]
fn a_forged_row_hides_no_socket_of_another_table() {
    for (table, row, shown) in [
        (
            "packet",
            packet(3, "0003", 0, 900),
            "7 srv 3 packet - 0 - all:* *",
        ),
        (
            "netlink",
            netlink(0, 40, 900),
            "7 srv 3 netlink - 0 0 route:40 *",
        ),
        (
            "tcp",
            listen(80, 900),
            "7 srv 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
        ),
    ] {
        let tree = Tree::new();
        let evil = unix("00000000", "0002", "01", 901, forged(900, "/f"));
        tree.table("unix", &[evil]);
        tree.table(table, &[row]);
        tree.process(7, "srv").socket(3, 900);
        tree.process(8, "evil").socket(3, 901);
        for args in ["7", "srv", "-T 7", "-q 7"] {
            assert_eq!(tree.run(args).status, Some(0), "{table} {args}");
        }
        for args in ["7", "srv", "", "-e"] {
            let run = tree.run(args);
            let row = run.rows().into_iter().find(|row| row.starts_with("7 "));
            let row = row.unwrap();
            assert!(row.starts_with(shown), "{table} {args}: {run:?}");
            let is_unread = table == "tcp" && ["7", "srv"].contains(&args);
            assert!(
                is_unread || run.one_line().contains("pretends"),
                "{table} {args}"
            );
        }
    }
}

// Where the kernel cannot be asked what a socket is, in a captured tree, the table that lists it tells, whatever is selected
// and wherever that stands.
#[test]
fn a_forged_row_of_a_socket_of_another_table_is_not_believed_under_any_filter() {
    for (table, row) in [
        ("tcp", listen(80, 900)),
        ("udp6", udp(NOBODY6, NOBODY6, "07", EMPTY, 0, 900)),
        ("icmp", udp(NOBODY, NOBODY, "07", EMPTY, 0, 900)),
        ("packet", packet(3, "0003", 0, 900)),
    ] {
        for home in ["a", "b"] {
            let tree = Tree::new();
            tree.namespace("b");
            let evil = unix("00000000", "0002", "01", 901, forged(900, "/run/f"));
            tree.table_in("b", "unix", &[evil]);
            tree.table_in(home, table, &[row.as_str()]);
            let srv = tree.process_in("b", 7, "srv").ns_net(4_026_531_841);
            srv.socket(3, 900);
            let evil = tree.process_in("b", 8, "evil").ns_net(4_026_531_841);
            evil.socket(3, 901);
            tree.process_in("a", 9, "init").ns_net(4_026_531_840);
            for args in [
                "-x",
                "-x -l",
                "-x -s",
                "-x -j",
                "-x 7",
                "7",
                "7 --netns 8",
                "7 --netns 9",
                "-e -x -l",
                "-E -x",
                "socket:[900]",
                "socket:[900] -x",
                "/run/f",
                "-l /run/f",
                "-T /run/f",
                "/run/f 7",
                "/run/f srv",
                "/run/f 7 --netns 8",
            ] {
                let run = tree.run(args);
                assert!(
                    !run.out().contains("/run/f"),
                    "{table} {home} {args}: {run:?}"
                );
                let is_victims = |row: &String| row.starts_with("7 srv 3 unix");
                assert!(
                    !run.rows().iter().any(is_victims),
                    "{table} {args}: {run:?}"
                );
            }
            for args in [
                "-q /run/f",
                "-q -l /run/f",
                "-q --netns 8 7 /run/f",
                "-T /run/f",
            ] {
                assert_eq!(tree.run(args).status, Some(1), "{table} {home} {args}");
            }
            // What lists it is shown where it is asked for.
            let run = tree.run("7");
            assert!(
                run.rows()[0].starts_with("7 srv 3 "),
                "{table} {home}: {run:?}"
            );
        }
    }
}

// What is read anew to judge a claim was counted before.
#[test]
fn an_odd_row_of_a_table_that_is_read_anew_counts_once() {
    let tree = Tree::new();
    let truth = unix("00010000", "0001", "01", 900, LONG_PATH);
    let evil = unix("00000000", "0002", "01", 901, forged(900, "/run/f"));
    let odd = unix("00010000", "0009", "01", 902, LONG_PATH);
    tree.table("unix", &[truth, evil, odd]);
    tree.table("tcp", &["   0: odd"]);
    tree.process(7, "srv").socket(3, 900);
    for args in ["", "7", "-l", "-x"] {
        let run = tree.run(args);
        assert!(
            run.err().contains("unix: 1 row skipped"),
            "{args}: {}",
            run.err()
        );
        assert!(!run.err().contains("rows skipped"), "{args}: {}", run.err());
    }
}

// 108 bytes hold two rows, of which the first has no name: what it is to be part of is the name before it.
#[test]
fn two_rows_in_one_name_are_both_forged() {
    let tree = Tree::new();
    let row = |inode: u64, path: &str| {
        let row = unix("00010000", "0001", "01", inode, path);
        [b"00000000".as_slice(), &row[16..]].concat()
    };
    let name = [
        b"@e\n".to_vec(),
        row(900, ""),
        b"\n".to_vec(),
        row(900, "/f"),
    ]
    .concat();
    assert!(name.len() <= 108, "{}", name.len());
    tree.table("unix", &[unix("00000000", "0002", "01", 901, name)]);
    tree.table("packet", &[packet(3, "0003", 0, 900)]);
    tree.process(7, "srv").socket(3, 900);
    for args in ["", "7"] {
        let run = tree.run(args);
        assert_eq!(run.rows()[0], "7 srv 3 packet - 0 - all:* *");
        assert!(run.one_line().contains("pretends"), "{args}: {run:?}");
    }
}

// The first line of a name that begins with a newline is empty.
#[test]
fn a_name_that_begins_with_a_newline_forges_no_row_either() {
    let tree = Tree::new();
    let row = unix("00010000", "0001", "01", 900, "/f");
    let name = [b"\n".to_vec(), row].concat();
    let truth = unix("00010000", "0001", "01", 900, LONG_PATH);
    tree.table("unix", &[unix("00000000", "0002", "01", 901, name), truth]);
    tree.process(7, "srv").socket(3, 900);
    let run = tree.run("");
    assert_eq!(run.rows()[0], "7 srv 3 unix LISTEN - - ? *");
    assert!(run.one_line().contains("two rows claim one inode"));
}

// ---- inodes and holders -----------------------------------------------------------------------------------

// net/ipv4/tcp_ipv4.c: TIME_WAIT, request sockets and orphans print inode 0; so do ESTABLISHED ones before accept (tried).
#[test]
fn rows_with_inode_0_are_nobodys_and_say_why() {
    let tree = Tree::new();
    let at = |port: u16| (format!("0100007F:{port:04X}"), "0100007F:0050");
    let row = |port: u16, state: &str| tcp(&at(port).0, at(port).1, state, EMPTY, 0, 0);
    tree.table(
        "tcp",
        &[
            tcp_short(&at(1).0, at(1).1, "06"),
            row(4, "04"),
            row(5, "05"),
            row(9, "09"),
            row(11, "0B"),
            row(20, "01"),
            row(21, "08"),
        ],
    );
    tree.table(
        "unix",
        &[unix("00000000", "0001", "02", 0, "/run/app.sock")],
    );
    // A holder whose link says inode 0 would be joined with all of them by a careless tool.
    tree.process(7, "zero")
        .fd(3, "socket:[0]")
        .fd(4, "/dev/null");
    let rows = tree.run("").rows();
    let expected = [
        "- (time-wait) - tcp TIME_WAIT 0 0 127.0.0.1:1 127.0.0.1:80",
        "- (closed) - tcp FIN_WAIT1 0 0 127.0.0.1:4 127.0.0.1:80",
        "- (closed) - tcp FIN_WAIT2 0 0 127.0.0.1:5 127.0.0.1:80",
        "- (closed) - tcp LAST_ACK 0 0 127.0.0.1:9 127.0.0.1:80",
        "- (closed) - tcp CLOSING 0 0 127.0.0.1:11 127.0.0.1:80",
        "- (accept-queue) - tcp ESTABLISHED 0 0 127.0.0.1:20 127.0.0.1:80",
        "- (accept-queue) - tcp CLOSE_WAIT 0 0 127.0.0.1:21 127.0.0.1:80",
        "- (accept-queue) - unix CONNECTING - - /run/app.sock *",
    ];
    // The fd itself may show, without any of their addresses.
    let joined: Vec<&String> = rows.iter().filter(|row| !row.ends_with(" ? -")).collect();
    assert_eq!(joined, expected);
}

// A request socket is half a connection: state 03, the short row, no inode (get_openreq4).
#[test]
fn a_request_socket_is_listed_without_a_holder() {
    let tree = Tree::new();
    tree.table(
        "tcp",
        &[
            listen(80, 11),
            tcp_short("0100007F:0050", "0100007F:9000", "03"),
        ],
    );
    tree.process(7, "web").socket(3, 11);
    let rows = tree.run("").rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(
        rows[1].starts_with("- (")
            && rows[1].ends_with(" - tcp SYN_RECV 0 0 127.0.0.1:80 127.0.0.1:36864"),
        "{rows:?}"
    );
}

// Forked workers share a socket, and one process may hold it by several fds: an inode map with one place loses them.
#[test]
fn every_holder_of_a_socket_has_a_row() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    tree.table("unix", &[unix("00000000", "0001", "03", 12, "")]);
    for pid in [30, 20, 10] {
        tree.process(pid, "worker")
            .socket(5, 11)
            .socket(4, 12)
            .socket(3, 11);
    }
    let mut expected = Vec::new();
    for pid in [10, 20, 30] {
        expected.push(format!("{pid} worker 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"));
        expected.push(format!("{pid} worker 4 unix CONNECTED - - * *"));
        expected.push(format!("{pid} worker 5 tcp LISTEN 0 0 0.0.0.0:80 *:*"));
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    tree.run("").shows(&expected);
}

// SO_REUSEPORT: one address, several sockets, each with its own holder (proc-net.md, TCP).
#[test]
fn sockets_that_share_an_address_stay_apart() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11), listen(80, 12)]);
    tree.process(1, "one").socket(3, 11);
    tree.process(2, "two").socket(3, 12);
    tree.run(":80").shows(&[
        "1 one 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
        "2 two 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
    ]);
}

// The scan of a table is not atomic: a row can come twice (proc-net.md, the rules for every table).
#[test]
fn a_repeated_row_is_one_row() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11), listen(81, 12), listen(80, 11)]);
    tree.process(1, "one").socket(3, 11);
    tree.run("").shows(&[
        "1 one 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
        "- (elsewhere) - tcp LISTEN 0 0 0.0.0.0:81 *:*",
    ]);
}

// An MPTCP subflow's row carries the inode of the MPTCP socket: several rows, one inode (proc-net.md, TCP).
#[test]
fn several_rows_of_one_inode_are_all_shown() {
    let tree = Tree::new();
    let flow = |local: &str| tcp(local, "0200000A:0050", "01", EMPTY, 0, 11);
    tree.table("tcp", &[flow("0100000A:9000"), flow("0100A8C0:9001")]);
    tree.process(1, "mp").socket(3, 11);
    let mut rows = tree.run("").rows();
    rows.sort();
    assert_eq!(
        rows,
        [
            "1 mp 3 tcp ESTABLISHED 0 0 10.0.0.1:36864 10.0.0.2:80",
            "1 mp 3 tcp ESTABLISHED 0 0 192.168.0.1:36865 10.0.0.2:80",
        ]
    );
}

// Links that look like sockets and are none: files can be called so, and inodes have no signs or blanks.
#[test]
fn only_a_link_of_the_exact_form_is_a_socket() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    tree.process(1, "odd")
        .fd(3, "/tmp/socket:[11]")
        .fd(4, "socket:[11].jar")
        .fd(5, "socket:[+11]")
        .fd(6, "socket:[11")
        .fd(7, "socket:[]")
        .fd(8, "socket:[ 11]")
        .fd(9, "socket:[0x0b]")
        .fd(10, "pipe:[11]")
        .fd(11, "socket:[11] (deleted)")
        .fd(12, "xsocket:[11]")
        .fd(13, &"x".repeat(4000))
        .fd(14, "socket:[99999999999999999999999999]");
    tree.run("")
        .shows(&["- (elsewhere) - tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// fs/inode.c, get_next_ino: an unsigned int, though printed as a long. What is longer must not wrap to a shorter one.
#[test]
fn the_largest_inode_is_joined_and_a_larger_one_with_nothing() {
    let tree = Tree::new();
    let beyond = (1 << 32) + 11;
    tree.table(
        "tcp",
        &[listen(80, u64::from(u32::MAX)), listen(81, beyond)],
    );
    tree.process(1, "big")
        .socket(3, u64::from(u32::MAX))
        .socket(4, 11);
    let run = tree.run("1");
    run.is_sane();
    let rows = run.rows();
    assert_eq!(rows[0], "1 big 3 tcp LISTEN 0 0 0.0.0.0:80 *:*", "{rows:?}");
    assert!(
        rows[1].starts_with("1 big 4 ") && rows[1].ends_with(" ? -"),
        "{rows:?}"
    );
}

// ---- processes that go away, or that may not be read ------------------------------------------------------

// Between two system calls anything can go: each name of a process may be missing alone (style.md, Errors: silence).
#[test]
fn whatever_of_a_process_is_gone_mid_walk_the_others_are_shown() {
    for gone in ["fd", "net", "comm", "cmdline", "status", "stat"] {
        let tree = named(b"stays");
        tree.process(6, "goes").fd(0, "/dev/null").without(gone);
        tree.process(8, "goes").without(gone);
        for args in ["", "stays", ":80"] {
            tree.run(args)
                .shows(&["7 stays 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
        }
    }
}

// An fd that is closed after the listing: its link cannot be read any more.
#[test]
fn an_fd_that_is_gone_mid_walk_is_silence() {
    let tree = named(b"stays");
    // A plain file in fd/ is what readlink refuses, as it refuses a name that has gone.
    tree.process(8, "goes")
        .file("fd/5", "")
        .fd(6, "socket:[11]");
    tree.run("").shows(&[
        "7 stays 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
        "8 goes 6 tcp LISTEN 0 0 0.0.0.0:80 *:*",
    ]);
}

// A process that ends between the walk and the naming still held its socket: the row stays, the name is missing.
#[test]
fn a_holder_whose_name_is_gone_keeps_its_row() {
    let tree = named(b"x");
    tree.process(8, "goes").socket(3, 11).without("comm");
    let rows = tree.run("").rows();
    assert_eq!(
        rows,
        [
            "7 x 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
            "8 - 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"
        ]
    );
}

// The first member of a namespace may die before its tables are read: another member serves (issue 3, 4).
#[test]
fn a_member_without_tables_is_replaced_by_another() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    tree.process(5, "dead").without("net").without("fd");
    tree.process(7, "alive").socket(3, 11);
    tree.run("")
        .shows(&["7 alive 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// A main thread that has exited leaves an empty fd and no net; the others are under task (tried, proc-net.md).
#[test]
fn a_process_whose_main_thread_has_exited_is_read_through_another() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    let process = tree.process(7, "java").without("net");
    process.thread(7, "java", "a").without("net");
    process.thread(9, "worker", "a").socket(3, 11);
    tree.run("")
        .shows(&["7 java 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
    tree.run("7")
        .shows(&["7 java 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// /proc/PID/fd asks for PTRACE_MODE_READ, the tables do not (fs/proc/fd.c, proc_fd_permission).
#[test]
fn a_process_that_may_not_be_read_hides_its_name_but_not_its_socket() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11), listen(81, 12)]);
    tree.process(7, "open").socket(3, 11);
    tree.process(8, "shut").socket(3, 12).mode("fd", 0o000);
    let mut command = match tree.plain_user("") {
        Ok(command) => command,
        Err(why) => return skip(&why),
    };
    let run = Run::of(&mut command);
    let rows = run.rows();
    assert_eq!(
        rows[0], "7 open 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
        "{rows:?}"
    );
    assert!(
        rows[1].starts_with("- (") && rows[1].ends_with(" - tcp LISTEN 0 0 0.0.0.0:81 *:*"),
        "{rows:?}"
    );
    assert_eq!(rows.len(), 2, "{rows:?}");
    let line = run.one_line();
    assert!(
        line.starts_with("1 of 2 processes could not be read"),
        "{line}"
    );
}

// Root without CAP_DAC_READ_SEARCH and the like meets closed files too; for a plain user it is the same sight.
#[test]
fn a_table_that_may_not_be_read_is_not_the_end() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    tree.process(7, "open").socket(3, 11);
    fs::set_permissions(tree.net("a").join("udp"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = match tree.plain_user("") {
        Ok(command) => command,
        Err(why) => return skip(&why),
    };
    let run = Run::of(&mut command);
    run.is_sane();
    assert_eq!(run.rows(), ["7 open 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// ---- tables -----------------------------------------------------------------------------------------------

// No IPv6, gVisor, UDP-Lite removed from 7.1 on, a module that is not loaded (proc-net.md, the rules for every table).
#[test]
fn any_one_table_may_be_missing() {
    let whole = full().run("").rows();
    for (missing, _) in HEADERS {
        assert!(whole.iter().any(|row| proto(row) == missing), "{missing}");
        let tree = full();
        fs::remove_file(tree.net("a").join(missing)).unwrap();
        let run = tree.run("");
        assert_eq!(run.err(), "", "{missing}");
        let mut left = whole.clone();
        left.retain(|row| proto(row) != missing);
        assert_eq!(run.rows(), left, "{missing}");
    }
}

/// The text of every table, with rows of all shapes.
fn tables() -> Vec<(&'static str, Vec<u8>)> {
    let tables = HEADERS.iter().map(|(table, header)| {
        let mut text = header.as_bytes().to_vec();
        for row in rows_of(table) {
            text.extend_from_slice(&row);
            text.push(b'\n');
        }
        (*table, text)
    });
    tables.collect()
}

/// Rows for a table, none of them with the inode of another.
fn rows_of(table: &str) -> Vec<Vec<u8>> {
    let loop4 = "0100007F:0050";
    let loop6 = "00000000000000000000000001000000:0050";
    let mapped = "0000000000000000FFFF00000100007F:0050";
    let unbound = |port: &str| NOBODY6.replace(":0000", port);
    let texts = match table {
        "tcp" => vec![
            listen(8080, 607_014),
            tcp(
                loop4,
                "0100007F:C350",
                "01",
                "00000011:00000022",
                1000,
                621_793,
            ),
            tcp_short(loop4, "0100007F:C351", "06"),
            tcp(loop4, "0100007F:C352", "08", EMPTY, 33, 621_795),
        ],
        "tcp6" => vec![
            tcp(loop6, NOBODY6, "0A", EMPTY, 0, 621_800),
            tcp(mapped, mapped, "01", EMPTY, 0, 621_801),
        ],
        "udp" => vec![
            udp(loop4, NOBODY, "07", EMPTY, 0, 330_001),
            udp(loop4, "0100007F:0035", "01", EMPTY, 101, 330_002),
        ],
        "udp6" => vec![udp(loop6, NOBODY6, "07", EMPTY, 0, 330_003)],
        "udplite" => vec![udp(loop4, NOBODY, "07", EMPTY, 0, 330_004)],
        "udplite6" => vec![udp(loop6, NOBODY6, "07", EMPTY, 0, 330_005)],
        "raw" => vec![udp("00000000:0001", NOBODY, "07", EMPTY, 0, 330_006)],
        "raw6" => vec![udp(&unbound(":003A"), NOBODY6, "07", EMPTY, 0, 330_007)],
        "icmp" => vec![udp("00000000:004D", NOBODY, "07", EMPTY, 0, 330_008)],
        "icmp6" => vec![udp(&unbound(":004E"), NOBODY6, "07", EMPTY, 0, 330_009)],
        "netlink" => vec![netlink(0, 40, 400_005), netlink(9, 41, 400_006)],
        "packet" => vec![packet(3, "0003", 0, 400_007), packet(2, "0800", 0, 400_008)],
        _ => {
            return vec![
                unix("00000000", "0001", "03", 606_974, ""),
                unix("00000000", "0001", "03", 606_977, ""),
                unix("00010000", "0001", "01", 606_975, LONG_PATH),
                unix("00010000", "0001", "01", 606_976, "@two\nlines"),
            ];
        }
    };
    texts.into_iter().map(String::into_bytes).collect()
}

/// So long that no row fits behind it into one name: the row after it cannot be a forged one.
const LONG_PATH: &str = "/run/my app/with a path that leaves no room for another row.sock";

/// A tree with all of `tables` and no holder, so that every row stands for itself.
fn full() -> Tree {
    let tree = Tree::new();
    for (table, text) in tables() {
        tree.table_text("a", table, &text);
    }
    tree.process(1, "init").fd(0, "/dev/null");
    tree
}

/// How often each row of a list is there.
fn counted(rows: Vec<String>) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for row in rows {
        *counts.entry(row).or_insert(0) += 1;
    }
    counts
}

// A read that ends early, a buffer's edge, a copy that stopped: a table may end anywhere (style.md, Tests).
#[test]
fn a_table_cut_at_any_byte_shows_no_row_that_the_whole_one_has_not() {
    cut_at_every_byte(&full());
}

// The same where the rows are joined with fds: what has lost its row is an fd without one.
#[test]
fn a_table_cut_at_any_byte_gives_no_holder_a_row_that_the_whole_one_has_not() {
    let tree = full();
    let mut process = tree.process(7, "all");
    for (fd, (_, inode)) in (3..).zip(INODES) {
        process = process.socket(fd, inode);
    }
    drop(process);
    assert!(tree.run("7").rows().len() >= INODES.len());
    cut_at_every_byte(&tree);
}

/// Some inodes of `tables`, one of each.
const INODES: [(&str, u64); 6] = [
    ("tcp", 621_793),
    ("tcp6", 621_801),
    ("udp", 330_001),
    ("unix", 606_976),
    ("netlink", 400_006),
    ("packet", 400_008),
];

/// Cuts the tables of a tree that has those of `full` at each byte, all at the same place.
fn cut_at_every_byte(tree: &Tree) {
    let whole = counted(tree.run("").rows());
    let tables = tables();
    assert!(whole.len() > tables.len(), "{whole:?}");
    let longest = tables.iter().map(|(_, text)| text.len()).max().unwrap();
    for end in 0..=longest {
        for (table, text) in &tables {
            tree.table_text("a", table, &text[..end.min(text.len())]);
        }
        let run = tree.run("");
        run.is_sane();
        let mut strange: HashMap<String, usize> = HashMap::new();
        for (row, count) in counted(run.rows()) {
            let is_fd_alone = row.ends_with(" ? -");
            if !is_fd_alone && count > whole.get(&row).copied().unwrap_or(0) {
                *strange.entry(proto(&row).to_owned()).or_insert(0) += 1;
            }
        }
        // Only the line in which the cut lies may read differently from the whole one, and there is one a table.
        assert!(
            strange.values().all(|rows| *rows == 1),
            "cut at {end}: {}",
            run.out()
        );
    }
    assert_eq!(counted(tree.run("").rows()), whole, "nothing is cut");
}

// The rows before the cut are whole: all of them are shown, whatever became of the last line.
#[test]
fn the_rows_before_a_cut_are_all_shown() {
    let (_, text) = tables().swap_remove(0);
    let starts: Vec<usize> = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(place, _)| place + 1)
        .collect();
    let tree = Tree::new();
    tree.process(1, "init");
    tree.table_text("a", "tcp", &text);
    let whole = tree.run("").rows();
    assert_eq!(whole.len() + 1, starts.len());
    for end in starts[0]..=text.len() {
        tree.table_text("a", "tcp", &text[..end]);
        let before = starts.iter().filter(|start| **start <= end).count() - 1;
        let rows = tree.run("").rows();
        assert!(
            rows.len() >= before && rows[..before] == whole[..before],
            "cut at {end}: {rows:?}"
        );
    }
}

// A cut inode is another inode: no holder may be named by it (every row of the kernel ends with a newline).
#[test]
fn a_cut_inode_names_no_other_process() {
    let rows = [
        ("tcp", listen(80, 621_793).into_bytes()),
        (
            "udp",
            udp("00000000:0050", NOBODY, "07", EMPTY, 0, 621_793).into_bytes(),
        ),
        ("unix", unix("00010000", "0001", "01", 621_793, "")),
        ("netlink", netlink(0, 40, 621_793).into_bytes()),
        ("packet", packet(3, "0003", 0, 621_793).into_bytes()),
    ];
    let tree = Tree::new();
    tree.process(2, "right").socket(3, 621_793);
    // The sockets that the first digits of the inode name are this process's.
    tree.process(1, "wrong")
        .socket(1, 6)
        .socket(2, 62)
        .socket(3, 621)
        .socket(4, 6217)
        .socket(5, 62_179);
    for (table, row) in rows {
        let place = row
            .windows(6)
            .position(|digits| digits == b"621793")
            .unwrap();
        for digits in 1..6 {
            let text = [header(table).as_bytes(), &row[..place + digits]].concat();
            tree.table_text("a", table, &text);
            let run = tree.run("");
            run.is_sane();
            let wrong = run
                .rows()
                .into_iter()
                .find(|row| row.starts_with("1 ") && !row.ends_with(" ? -"));
            assert_eq!(
                wrong, None,
                "{table} cut after {digits} digits of the inode"
            );
        }
        tree.table(table, &[&row]);
        let rows = tree.run("2").rows();
        assert!(!rows[0].ends_with(" ? -"), "the whole row: {rows:?}");
        tree.table_text("a", table, header(table).as_bytes());
    }
}

// A header that is not known may stand for other columns: guessing would show false sockets (design.md section 6).
// The line behind the header is no part of that, whatever it is.
#[test]
fn an_odd_line_behind_the_header_of_unix_is_skipped_alone() {
    let row = unix("00010000", "0001", "01", 900, "/run/x");
    for odd in [
        &b"0000000000000000: 00000002 00000000 0001"[..],
        b"odd",
        b"",
    ] {
        let tree = Tree::new();
        tree.table("unix", &[odd, &row[..]]);
        tree.process(7, "srv").socket(3, 900);
        let run = tree.run("");
        assert_eq!(run.rows(), ["7 srv 3 unix LISTEN - - /run/x *"]);
        let line = run.one_line();
        assert!(line.contains("net/unix: 1 row skipped"), "{line}");
    }
}

#[test]
fn a_table_with_an_unknown_header_is_skipped_and_named() {
    for (table, _) in HEADERS {
        let tree = full();
        let whole: Vec<String> = tree.run("").rows();
        let text = tables()
            .into_iter()
            .find(|(name, _)| *name == table)
            .unwrap()
            .1;
        let rows = &text[header(table).len()..];
        tree.table_text(
            "a",
            table,
            &[&b"columns of another kernel\n"[..], rows].concat(),
        );
        let run = tree.run("");
        assert_eq!(run.status, Some(0));
        let left: Vec<String> = whole
            .into_iter()
            .filter(|row| proto(row) != table)
            .collect();
        assert_eq!(run.rows(), left, "{table}");
        let line = run.one_line();
        assert!(line.contains(&format!("net/{table}")), "{line}");
    }
}

// A state of tomorrow is no reason to lose the socket, and none to take it for another.
#[test]
fn an_unknown_state_is_not_taken_for_a_known_one() {
    for state in ["00", "0C", "0D", "FF"] {
        let tree = Tree::new();
        tree.table(
            "tcp",
            &[
                tcp("00000000:0050", NOBODY, state, EMPTY, 0, 11),
                listen(81, 12),
            ],
        );
        tree.process(7, "odd").socket(3, 11).socket(4, 12);
        let run = tree.run("");
        run.is_sane();
        let rows = run.rows();
        assert_eq!(
            rows.last().unwrap(),
            "7 odd 4 tcp LISTEN 0 0 0.0.0.0:81 *:*"
        );
        assert_eq!(rows.len(), 2, "{rows:?}");
        let known = [
            "ESTABLISHED",
            "SYN_SENT",
            "SYN_RECV",
            "FIN_WAIT1",
            "FIN_WAIT2",
            "TIME_WAIT",
            "CLOSE",
            "CLOSE_WAIT",
            "LAST_ACK",
            "LISTEN",
            "CLOSING",
        ];
        assert!(
            !known.contains(&rows[0].split(' ').nth(4).unwrap()),
            "{rows:?}"
        );
        tree.run("-q -l :80").exactly("", 1);
    }
}

// The same for what a row has beside its state: families, types and protocols that nobody has named.
#[test]
fn unknown_numbers_are_shown_as_numbers() {
    let tree = Tree::new();
    tree.table("netlink", &[netlink(31, 40, 1), netlink(0, -4123, 2)]);
    tree.table(
        "packet",
        &[packet(3, "88CC", 7, 3), packet(3, "1234", 0, 4)],
    );
    tree.table("raw", &[udp("00000000:00FD", NOBODY, "07", EMPTY, 0, 5)]);
    tree.process(7, "odd")
        .socket(3, 1)
        .socket(4, 2)
        .socket(5, 3)
        .socket(6, 4)
        .socket(7, 5);
    let run = tree.run("");
    run.is_sane();
    let rows = run.rows();
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert!(rows[0].contains(" 31:40 "), "{rows:?}");
    assert!(rows[3].to_lowercase().contains(" 0x1234:* "), "{rows:?}");
    assert!(rows[4].contains(" 0.0.0.0:253 "), "{rows:?}");
}

// 32-bit kernels print 8 digits, kptr_restrict=2 and gVisor zeros: never by column (proc-net.md, the rules).
#[test]
fn pointers_of_8_and_of_16_digits_are_both_read() {
    let tree = Tree::new();
    let row = "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 POINTER 100 0 0 10 0";
    let unix_row = "POINTER: 00000002 00000000 00010000 0001 01 12 /run/a.sock";
    for pointer in [
        "d2c5aba3",
        "00000000d2c5aba3",
        "00000000",
        "0000000000000000",
        "ffff888003c0a000",
    ] {
        tree.table("tcp", &[row.replace("POINTER", pointer)]);
        tree.table("unix", &[unix_row.replace("POINTER", pointer)]);
        tree.table(
            "netlink",
            &[netlink(0, 40, 13).replace("0000000000000000", pointer)],
        );
        tree.table(
            "packet",
            &[packet(3, "0003", 0, 14).replace("0000000000000000", pointer)],
        );
        let _ = fs::remove_dir_all(tree.path().join("7"));
        tree.process(7, "ptr")
            .socket(3, 11)
            .socket(4, 12)
            .socket(5, 13)
            .socket(6, 14);
        tree.run("").shows(&[
            "7 ptr 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
            "7 ptr 4 unix LISTEN - - /run/a.sock *",
            "7 ptr 5 netlink - 0 0 route:40 *",
            "7 ptr 6 packet - 0 - all:* *",
        ]);
    }
}

// An accepted IPv4 connection of a dual-stack listener is in tcp6 (proc-net.md, TCP).
#[test]
fn a_mapped_address_is_printed_as_ipv4_and_found_as_such() {
    let tree = Tree::new();
    let local = "0000000000000000FFFF00000100007F:1F90";
    let remote = "0000000000000000FFFF0000010011AC:D63E";
    tree.table(
        "tcp6",
        &[
            tcp(local, remote, "01", EMPTY, 0, 11),
            tcp(local, NOBODY6, "0A", EMPTY, 0, 12),
        ],
    );
    tree.process(7, "dual").socket(3, 11).socket(4, 12);
    let rows = [
        "7 dual 3 tcp6 ESTABLISHED 0 0 127.0.0.1:8080 172.17.0.1:54846",
        "7 dual 4 tcp6 LISTEN 0 0 127.0.0.1:8080 *:*",
    ];
    tree.run("").shows(&rows);
    tree.run("127.0.0.1:8080").shows(&rows);
    tree.run("172.16.0.0/12").shows(&rows[..1]);
    tree.run("-4").shows(&rows);
    tree.run("-6").shows_nothing();
}

// Rows longer than any buffer, a NUL, a table without a newline, one that is only newlines: nothing may break it.
#[test]
fn strange_tables_break_nothing() {
    let long = vec![b'x'; 300_000];
    let nul = [
        header("tcp").as_bytes(),
        b"\0\0\0\n",
        listen(80, 11).as_bytes(),
        b"\n",
    ]
    .concat();
    let blank_lines = [
        header("tcp").as_bytes(),
        b"\n\n\n",
        listen(80, 11).as_bytes(),
        b"\n\n",
    ]
    .concat();
    let long_line = [
        header("tcp").as_bytes(),
        &long,
        b"\n",
        listen(80, 11).as_bytes(),
        b"\n",
    ]
    .concat();
    let long_path = [
        header("unix").as_bytes(),
        &unix("00010000", "0001", "01", 12, &long),
        b"\n",
    ]
    .concat();
    let tree = Tree::new();
    tree.process(7, "web").socket(3, 11);
    for (table, text) in [("tcp", nul), ("tcp", blank_lines), ("tcp", long_line)] {
        tree.table_text("a", table, &text);
        let run = tree.run("");
        run.is_sane();
        assert_eq!(
            run.rows(),
            ["7 web 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"],
            "{}",
            run.err()
        );
    }
    tree.table_text("a", "unix", &long_path);
    tree.run("").is_sane();
    for text in [
        &b""[..],
        b"\n",
        b"\n\n\n\n",
        b"\0",
        &long,
        b"  sl  local_address",
        b"\xff\xfe\n\xff",
    ] {
        for (table, _) in HEADERS {
            tree.table_text("a", table, text);
        }
        let run = tree.run("");
        run.is_sane();
        assert_eq!(run.rows().len(), 1, "the fd alone: {}", run.out());
    }
}

// Whatever stands in a table, a row that is shown has the columns of a row, and the rest is said in one line a table.
#[test]
fn garbage_in_the_tables_never_panics_and_never_reaches_the_terminal() {
    let tree = full();
    tree.process(7, "web")
        .socket(3, 607_014)
        .socket(4, 606_976)
        .socket(5, 400_005);
    let whole = tables();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for round in 0..300 {
        for (table, text) in &whole {
            let mut text = text.clone();
            for _ in 0..=numbers.below(8) {
                // One byte stays, so that there is a place to change.
                if text.len() < 2 {
                    break;
                }
                let place = numbers.below(text.len());
                match numbers.below(5) {
                    0 => text[place] = u8::try_from(numbers.below(256)).unwrap(),
                    1 => drop(text.remove(place)),
                    2 => text.insert(place, b"\n \0\x1b:0Fg\xff-"[numbers.below(10)]),
                    3 => text.truncate(place.max(1)),
                    _ => {
                        let piece = text[place..].to_vec();
                        let at = numbers.below(text.len());
                        text.splice(at..at, piece);
                    }
                }
            }
            tree.table_text("a", table, &text);
        }
        let args = ["", "-e", ":80", "-l", "-4", "7", "/run/my", "127.0.0.0/8"][round % 8];
        let run = tree.run(args);
        run.is_sane();
        let columns = run
            .out()
            .lines()
            .next()
            .map_or(0, |line| line.split_ascii_whitespace().count());
        for row in run.rows() {
            assert_eq!(row.split(' ').count(), columns, "round {round}: {row}");
        }
    }
}

// Garbage in the files of a process: what is no number, no name, no end.
#[test]
fn garbage_in_the_files_of_a_process_is_shown_escaped_or_not_at_all() {
    let tree = named(b"web");
    tree.process(8, "x")
        .socket(3, 11)
        .file("comm", vec![b'\x1b'; 70_000])
        .file("cmdline", vec![b'\xff'; 200_000])
        .file("status", b"\xff\n\n:\nUid:\nUid:\tx\n")
        .file("stat", b"")
        .file("cgroup", b"\x1b[2J\n0::/\xff\n12:a:/docker/\n")
        .file("mountinfo", b"\xff\n\x1b\n");
    for args in ["", "-e", "x", "nothing-like-it", "8"] {
        tree.run(args).is_sane();
    }
    let rows = tree.run("7").rows();
    assert_eq!(rows, ["7 web 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// Folders of proc that look like processes: a name must be digits alone, and fit a pid.
#[test]
fn only_a_folder_named_by_digits_is_a_process() {
    let tree = named(b"web");
    for name in [
        "007x",
        "+7",
        "-7",
        "7.",
        "99999999999999999999",
        "self-like",
        " 7",
    ] {
        fs::create_dir_all(tree.path().join(name).join("fd")).unwrap();
        symlink("socket:[11]", tree.path().join(name).join("fd/3")).unwrap();
    }
    tree.run("")
        .shows(&["7 web 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// The rows of other tools have a type and a pointer always; those that a forger wrote must not be told.
#[test]
fn a_tools_language_neither_tells_what_a_forged_row_says_nor_hides_what_it_is_about() {
    in_a_network_of_its_own(|| {
        let abstract_name = |name: &str| SocketAddr::from_abstract_name(name).unwrap();
        let victim = UnixListener::bind_addr(&abstract_name("v")).unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", victim.as_raw_fd())).unwrap();
        let inode: String = link
            .to_str()
            .unwrap()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        let forged = format!(
            "00000000deadbeef: 00000009 00000000 00000000 0002 01 {inode} /run/docker.sock"
        );
        // Wherever the true row stands, a name is in front of it.
        let _forgers: Vec<UnixDatagram> = (0..700)
            .map(|number| match number % 3 {
                0 => format!("{number}\n{forged}"),
                _ => number.to_string(),
            })
            .map(|name| UnixDatagram::bind_addr(&abstract_name(&name)).unwrap())
            .collect();
        let own = std::process::id();
        for (args, row) in [
            ("ss -Hxa", format!("??? UNKNOWN 0 0 ? {inode} * 0")),
            ("ss -Ha -A unix_dgram", format!("UNKNOWN 0 0 ? {inode} * 0")),
            ("ss -Hx state listening", format!("??? 0 0 ? {inode} * 0")),
            (
                "netstat -xln",
                format!("unix 0 [ ] UNKNOWN UNKNOWN {inode} ?"),
            ),
            (
                "netstat -xn",
                format!("unix 0 [ ] UNKNOWN UNKNOWN {inode} ?"),
            ),
            (
                &format!("lsof -U -a -p {own} -Ftdin"),
                format!("tunix d0x{:016} i{inode} n? type=UNKNOWN", 0),
            ),
        ] {
            let run = Run::of(lsock().arg("--as").args(args.split_ascii_whitespace()));
            let out = run
                .out()
                .split_ascii_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            assert!(out.contains(&row), "{args}: {row}: {run:?}");
            assert!(!out.contains("deadbeef "), "{args}: {run:?}");
            assert!(run.err().contains("two rows claim one inode"), "{run:?}");
        }
    });
}

// lsof parts a line of the table into words: a blank in front is no name that is empty.
#[test]
fn lsof_shows_the_first_word_of_a_name_that_begins_with_a_blank() {
    in_a_network_of_its_own(|| {
        let folder = Tree::new();
        std::env::set_current_dir(folder.top()).unwrap();
        let _listener = UnixListener::bind(" a b").unwrap();
        let run = Run::of(lsock().args(["--as", "lsof", "-U", "-Fn"]));
        assert!(run.out().contains("\nna type=STREAM\n"), "{run:?}");
    });
}
