//! Captured /proc/net text (`--decode`), and the protocols whose tables are there only while their module is loaded:
//! sctp, pfkey, bluetooth, can-bcm; with them MPTCP's descriptors and the interfaces of link-local addresses.
//!
//! A row is written as its words with one blank between them; the builder lays them out.

use crate::machine::skip;
use crate::rows::{
    BY_HAND, EMPTY, HEADERS, NOBODY, NOBODY6, header, listen, native, netlink, packet, tcp,
    tcp_short, udp, unix,
};
use crate::run::{LSOCK, Run, list_under, lsock, words};
use crate::tree::Tree;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What lsock makes of it.
const BY_HAND_DECODED: &str = "\
PROTO STATE       RECV-Q SEND-Q LOCAL           PEER
tcp   LISTEN           0      0 0.0.0.0:8080    *:*
unix  CONNECTED        -      - *               *
tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54846
tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54842
tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54850
tcp   LISTEN           0      0 0.0.0.0:50000   *:*
tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54854
tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54858
tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54862
unix  CONNECTED        -      - *               *
";

/// The columns of captured text.
const COLUMNS: &str = "PROTO STATE RECV-Q SEND-Q LOCAL PEER";

/// A captured file in a folder of its own, which goes away with this value.
struct Captured {
    /// The folder around a tree that nobody reads.
    tree: Tree,
    /// The file.
    file: PathBuf,
}

/// Captures `text`, whose addresses a little-endian machine printed, as this machine prints them.
fn captured(text: impl AsRef<[u8]>) -> Captured {
    captured_elsewhere(native(text.as_ref()))
}

/// Captures `text` byte for byte.
fn captured_elsewhere(text: impl AsRef<[u8]>) -> Captured {
    let tree = Tree::new();
    let file = tree.top().join("capture.txt");
    fs::write(&file, text).unwrap();
    Captured { tree, file }
}

impl Captured {
    /// `lsock --decode FILE ARGS`.
    fn run(&self, args: &str) -> Run {
        let args = args.split_ascii_whitespace();
        Run::of(lsock().arg("--decode").arg(&self.file).args(args))
    }

    /// `lsock ARGS < FILE`.
    fn piped(&self, args: &str) -> Run {
        let mut shell = Command::new("sh");
        shell.args(["-c", "file=$1; shift; exec \"$0\" \"$@\" <\"$file\""]);
        shell.arg(LSOCK).arg(&self.file);
        Run::of(shell.args(args.split_ascii_whitespace()))
    }

    /// Demands these rows and a silent standard error.
    #[track_caller]
    fn shows(&self, args: &str, rows: &[&str]) {
        self.run(args).exactly(&list_under(COLUMNS, rows), 0);
    }
}

#[test]
fn the_lines_of_the_document_decode_right_as_grep_prints_them() {
    let file = captured(BY_HAND);
    file.run("").exactly(BY_HAND_DECODED, 0);
    file.piped("--decode").exactly(BY_HAND_DECODED, 0);
    file.piped("--decode -").exactly(BY_HAND_DECODED, 0);
    let attached = format!("--decode={}", file.file.display());
    Run::of(lsock().arg(attached)).exactly(BY_HAND_DECODED, 0);
    // By the names of the files in other places, with grep's line numbers, and by nothing but the shape.
    for name in [
        "tcp:",
        "/proc/6/net/tcp:",
        "net/tcp:",
        "/proc/net/tcp:4:",
        "host-a.txt:",
        "host-a.txt:17:",
        "",
    ] {
        let text = BY_HAND.replace("/proc/net/tcp:", name);
        captured(text).run("").exactly(BY_HAND_DECODED, 0);
    }
    let bare = BY_HAND
        .replace("/proc/net/tcp:", "")
        .replace("/proc/net/unix:", "");
    captured(bare.trim_end())
        .run("")
        .exactly(BY_HAND_DECODED, 0);
}

#[test]
fn a_file_or_a_pipe_may_be_followed_by_selectors_and_options() {
    let file = captured(BY_HAND);
    let listeners = [
        "tcp LISTEN 0 0 0.0.0.0:8080 *:*",
        "tcp LISTEN 0 0 0.0.0.0:50000 *:*",
    ];
    file.shows("-l", &listeners);
    file.shows(":50000", &listeners[1..]);
    file.shows("-sTCP:LISTEN :8080", &listeners[..1]);
    let expected = list_under(COLUMNS, &listeners[1..]);
    file.piped("--decode :50000").exactly(&expected, 0);
    file.piped("--decode - :50000").exactly(&expected, 0);
    file.piped("-l --decode -t :50000").exactly(&expected, 0);
    file.piped(":50000 --decode").exactly(&expected, 0);
    file.run(":9").shows_nothing();
    file.run("-q :8080").exactly("", 0);
    file.run("-q :9").exactly("", 1);
    let unix = ["unix CONNECTED - - * *"];
    file.shows("socket:[606974]", &unix);
    file.shows("-x --inode 607015", &unix);
    let peer = "tcp ESTABLISHED 0 0 172.17.0.2:8080 172.17.0.1:54846";
    file.shows("172.17.0.1:54846", &[peer]);
    file.shows("--remote-port 54846 --uid 1000", &[peer]);
    file.run("-6").shows_nothing();
    file.run("-H -sESTABLISHED :54846")
        .exactly(&format!("{peer}\n"), 0);
}

#[test]
fn wide_columns_are_those_that_tables_tell() {
    let rows = [
        "tcp LISTEN 0 0 0.0.0.0:8080 *:* 1000 607014 - 0 - - - -",
        "tcp ESTABLISHED 0 0 172.17.0.2:8080 172.17.0.1:54846 1000 621793 - 0 200 10 - -",
    ];
    let run = captured(BY_HAND).run("-e -t --inode 607014,621793");
    let lines: Vec<String> = run.out().lines().map(words).collect();
    assert_eq!(lines[1..], rows);
    let columns = "PROTO STATE RECV-Q SEND-Q LOCAL PEER UID INODE TIMER";
    assert!(lines[0].starts_with(columns), "{}", lines[0]);
}

/// Every table with one row, as its file, its text and the row that lsock makes of it.
fn tables() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mapped = "0000000000000000FFFF00000100007F:0050";
    let inet = |table: &'static str, row: String, shown| (table, row.into_bytes(), shown);
    vec![
        inet(
            "tcp",
            tcp("0100007F:0050", NOBODY, "0A", "00000000:00000003", 0, 11),
            "tcp LISTEN 3 0 127.0.0.1:80 *:*",
        ),
        inet(
            "tcp6",
            tcp(
                mapped,
                "0000000000000000FFFF00000100007F:9C40",
                "01",
                EMPTY,
                0,
                12,
            ),
            "tcp6 ESTABLISHED 0 0 127.0.0.1:80 127.0.0.1:40000",
        ),
        inet(
            "udp",
            udp("0100007F:0035", NOBODY, "07", EMPTY, 0, 13),
            "udp UNCONNECTED 0 0 127.0.0.1:53 *:*",
        ),
        inet(
            "udp6",
            udp(
                "00000000000000000000000001000000:0035",
                NOBODY6,
                "07",
                EMPTY,
                0,
                14,
            ),
            "udp6 UNCONNECTED 0 0 [::1]:53 *:*",
        ),
        inet(
            "raw",
            udp("00000000:0001", NOBODY, "07", EMPTY, 0, 15)
                .trim_end()
                .to_owned(),
            "raw UNCONNECTED 0 0 0.0.0.0:icmp *:*",
        ),
        (
            "unix",
            unix("00010000", "0001", "01", 16, "/run/a b"),
            "unix LISTEN - - /run/a\\x20b *",
        ),
        inet(
            "netlink",
            netlink(0, 1419, 17),
            "netlink - 0 0 route:1419 *",
        ),
        inet("packet", packet(3, "0003", 0, 18), "packet - 0 - all:* *"),
    ]
}

/// The tables that only a module brings, with the kernel's headers; the rows are real ones.
const MODULES: [(&str, &str, &str, &str); 5] = [
    (
        "sctp/assocs",
        " ASSOC     SOCK   STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT INS OUTS MAXRT T1X T2X RTXC wmema wmemq sndbuf rcvbuf\n",
        "0000000000000000 0000000000000000 1   1   3  1236    7        5       12       0   555 2905  30102  172.31.250.10 *172.31.251.10 <-> *172.31.250.20 172.31.251.20 \t    7500    17    17   10    0    0        0        1        0   212992   212992",
        "sctp ESTABLISHED 12 5 172.31.251.10,172.31.250.10:2905 172.31.250.20,172.31.251.20:30102",
    ),
    (
        "sctp/eps",
        " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n",
        "       0        0 2   10  25   38412     0   556 192.168.60.142 fd00:0000:0000:0000:0000:0000:0000:0001 ",
        "sctp LISTEN - - 192.168.60.142,[fd00::1]:38412 *:*",
    ),
    (
        "pfkey",
        "sk       RefCnt Rmem   Wmem   User   Inode\n",
        "0000000000000000 2      640    0      0      557   ",
        "pfkey - 640 0 * *",
    ),
    (
        "hci",
        "sk               RefCnt Rmem   Wmem   User   Inode  Parent\n",
        "0000000000000000 2      0      0      0      558    0     ",
        "hci - 0 0 * *",
    ),
    (
        "l2cap",
        "sk               RefCnt Rmem   Wmem   User   Inode  Parent\n",
        "480df240 2      0      0      1000   559    0     ",
        "l2cap - 0 0 * *",
    ),
];

/// What can-bcm says of a socket.
const CAN_BCM: &str = "\
>>> socket 0000000000000000 / sk 0000000000000000 / bo 0000000000000000 / dropped 3 / bound vcan0 <<<
rx_op: 123   vcan0 [1]c # recv 0 (0) => reduction: near 100%

";

#[test]
fn whole_tables_one_after_another_are_known_by_their_headers() {
    let (mut text, mut rows) = (Vec::new(), Vec::new());
    for (table, row, shown) in tables() {
        text.extend_from_slice(header(table).as_bytes());
        text.extend_from_slice(&row);
        text.push(b'\n');
        rows.push(shown);
    }
    for (table, header, row, shown) in MODULES {
        text.extend_from_slice(format!("{header}{row}\n").as_bytes());
        // The header of bluetooth does not say which.
        let is_bluetooth = matches!(table, "hci" | "l2cap");
        rows.push(if is_bluetooth {
            "bluetooth - 0 0 * *"
        } else {
            shown
        });
    }
    text.extend_from_slice(CAN_BCM.as_bytes());
    rows.push("can_bcm - - - vcan0 *");
    captured(&text).shows("", &rows);
    // As a terminal or an editor may leave it, and twice: captures of two machines.
    let returns = String::from_utf8(text.clone())
        .unwrap()
        .replace('\n', "\r\n");
    captured(returns).shows("", &rows);
    let spaced = String::from_utf8(text.clone())
        .unwrap()
        .replace('\n', "\n\n");
    captured(spaced).shows("", &rows);
    let twice = [rows.clone(), rows].concat();
    captured([text.clone(), text].concat()).shows("", &twice);
}

#[test]
fn names_in_front_tell_what_headers_and_shapes_cannot() {
    let row = |table: &str| {
        let end = if table.ends_with('6') {
            NOBODY6
        } else {
            NOBODY
        };
        let local = end.replace(":0000", ":0011");
        udp(&local, end, "07", EMPTY, 0, 9)
    };
    for table in [
        "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6",
    ] {
        let local = match table {
            "raw" => "0.0.0.0:udp",
            "raw6" => "[::]:udp",
            _ if table.ends_with('6') => "[::]:17",
            _ => "0.0.0.0:17",
        };
        let shown = format!("{table} UNCONNECTED 0 0 {local} *:*");
        let row = row(table);
        // grep, tail, and a file with the table's own name.
        captured(format!("/proc/net/{table}:{row}\n")).shows("", &[&shown]);
        let head = header(table);
        captured(format!("==> /proc/net/{table} <==\n{head}{row}\n")).shows("", &[&shown]);
        let tree = Tree::new();
        let file = tree.top().join(table);
        fs::write(&file, native(format!("{head}{row}\n").as_bytes())).unwrap();
        Run::of(lsock().arg("--decode").arg(&file)).exactly(&list_under(COLUMNS, &[&shown]), 0);
    }
    for (table, _, row, shown) in MODULES {
        captured(format!("/proc/net/{table}:{row}\n")).shows("", &[shown]);
    }
    let jobs = CAN_BCM.lines();
    let jobs: Vec<String> = jobs
        .map(|line| format!("/proc/net/can-bcm/4711:{line}\n"))
        .collect();
    captured(jobs.concat())
        .run("-H -e")
        .exactly("can_bcm - - - vcan0 * - 4711 - - - - - 3\n", 0);
}

#[test]
fn single_rows_are_known_by_their_shape() {
    for (table, row, shown) in tables() {
        // udp and raw look the same.
        let shown = if table == "raw" {
            "udp UNCONNECTED 0 0 0.0.0.0:1 *:*"
        } else {
            shown
        };
        captured(&row).shows("", &[shown]);
        captured([&row[..], b"\n"].concat()).shows("", &[shown]);
    }
    for (table, _, row, shown) in MODULES {
        if table.starts_with("sctp") {
            captured(row).shows("", &[shown]);
        }
    }
    let short = tcp_short("0100007F:A93C", "0100007F:1F90", "06");
    captured(short.trim_end()).shows("", &["tcp TIME_WAIT 0 0 127.0.0.1:43324 127.0.0.1:8080"]);
}

#[test]
fn a_text_cut_anywhere_has_the_rows_that_are_whole() {
    let rows: Vec<String> = (0..40)
        .map(|number| {
            let remote = format!("0100007F:{:04X}", 40_000 + number);
            tcp("0100007F:0050", &remote, "01", EMPTY, 0, 100 + number)
        })
        .collect();
    let text = format!("{}{}\n", header("tcp"), rows.join("\n"));
    let whole = captured(&text).run("").rows().len();
    assert_eq!(whole, rows.len());
    for cut in (0..text.len()).step_by(97) {
        let run = captured(&text[..cut]).run("");
        let ended = text[..cut].matches('\n').count().saturating_sub(1);
        let shown = run.out().lines().count().saturating_sub(1);
        assert!(
            shown == ended || shown == ended + 1,
            "cut at {cut}: {shown} of {ended}"
        );
        run.is_sane();
    }
}

#[test]
fn lines_that_are_not_known_are_counted_and_quoted_and_never_fatal() {
    let text = format!(
        "jenkins@54e9:/$ cat /proc/net/tcp\n{}{}\n",
        header("tcp"),
        tcp("0100007F:0050", NOBODY, "0A", EMPTY, 0, 7)
    );
    let file = captured(&text);
    let run = file.run("");
    run.prints(
        &list_under(COLUMNS, &["tcp LISTEN 0 0 127.0.0.1:80 *:*"]),
        0,
    );
    let said = run.one_line();
    assert!(
        said.contains("capture.txt: 1 line belongs to no known table: line 1: \"jenkins@54e9:"),
        "{said}"
    );
    let more = format!("{text}\x1b[31mred\nInter-|   Receive\n");
    let run = captured(more).piped("--decode");
    assert!(
        run.one_line()
            .starts_with("stdin: 3 lines belong to no known table"),
        "{}",
        run.err()
    );
    run.is_sane();
    let none = captured("\0\x01\x02 binary\n\u{fffd}\n").run("");
    assert_eq!((none.out(), none.status), ("", Some(1)));
    none.one_line();
    none.is_sane();
    captured("").run("").shows_nothing();
    let conntrack = "/proc/net/nf_conntrack:ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 inode 621793\n";
    let run = captured(format!("{conntrack}{BY_HAND}")).run("");
    run.prints(BY_HAND_DECODED, 0);
    assert!(
        run.one_line().contains("/proc/net/nf_conntrack:ipv4"),
        "{}",
        run.err()
    );
}

#[test]
fn a_broken_row_is_no_row_whatever_field_is_broken() {
    for (table, row, _) in tables() {
        let row = String::from_utf8(row).unwrap();
        let fields: Vec<&str> = row.split_ascii_whitespace().collect();
        let last = if table == "unix" { 7 } else { fields.len() };
        for at in 0..last {
            let mut copy = fields.clone();
            copy[at] = "x.";
            // Pointers may be anything under a header.
            let is_pointer = match table {
                "unix" => false,
                "netlink" => matches!(at, 0 | 6),
                "packet" => at == 0,
                _ => at == 11,
            };
            if is_pointer {
                continue;
            }
            let text = format!("{}{}\n", header(table), copy.join(" "));
            let run = captured(text).run("");
            assert_eq!(
                (run.out(), run.status),
                ("", Some(1)),
                "{table}, field {}",
                at + 1
            );
            run.one_line();
        }
    }
}

#[test]
fn words_of_another_byte_order_are_read_as_they_were_printed() {
    let row = tcp("AC110002:1F90", "AC110001:D63E", "01", EMPTY, 0, 7);
    let file = captured_elsewhere(format!("/proc/net/tcp:{row}\n"));
    let shown = ["tcp ESTABLISHED 0 0 172.17.0.2:8080 172.17.0.1:54846"];
    file.shows("--endian big", &shown);
    file.shows("--endian=big 172.17.0.0/16", &shown);
    let swapped = ["tcp ESTABLISHED 0 0 2.0.17.172:8080 1.0.17.172:54846"];
    file.shows("--endian little", &swapped);
    let six = tcp(
        "20010DB8000000000000000000000001:0050",
        NOBODY6,
        "0A",
        EMPTY,
        0,
        8,
    );
    captured_elsewhere(six).shows("--endian big", &["tcp6 LISTEN 0 0 [2001:db8::1]:80 *:*"]);
    file.run("--endian middle").refuses("middle");
    file.run("--endian").refuses("--endian");
    file.tree.run("--endian big").refuses("--endian");
}

#[test]
fn what_needs_a_process_does_not_go_with_captured_text() {
    let file = captured(BY_HAND);
    for (args, quoted) in [
        ("6", "'6'"),
        ("--pid 6", "--pid"),
        ("-p6", "--pid"),
        ("java", "java"),
        ("--command java", "--command"),
        ("nosuch.txt", "nosuch.txt"),
        ("-c java", "-c"),
        ("--container 54e9", "--container"),
        ("--netns 6", "--netns"),
        ("-T", "--pids"),
        ("--proc /proc", "--proc"),
        ("-E", "--peers"),
        ("--watch", "--watch"),
        ("--wait=1", "--wait"),
    ] {
        file.run(args).refuses(quoted);
        file.piped(&format!("--decode {args}")).refuses("--decode");
        file.piped(&format!("{args} --decode")).refuses(quoted);
    }
    for (file, quoted) in [
        ("--decode=/no/such.txt", "/no/such.txt"),
        ("--decode=/", "/: "),
        ("--decode=", "'--decode'"),
    ] {
        Run::of(lsock().arg(file)).refuses(quoted);
    }
}

#[test]
fn a_path_behind_the_option_is_a_file_if_it_is_one_and_else_selects() {
    let text = [
        unix("00010000", "0001", "01", 16, "/run/app.sock"),
        unix("00000000", "0002", "01", 17, "@name"),
    ];
    let text = [header("unix").as_bytes(), &text[0], b"\n", &text[1]].concat();
    let file = captured(text);
    let app = list_under(COLUMNS, &["unix LISTEN - - /run/app.sock *"]);
    file.piped("--decode /run/app.sock").exactly(&app, 0);
    file.piped("--decode @name").exactly(
        &list_under(COLUMNS, &["unix-dgram UNCONNECTED - - @name *"]),
        0,
    );
    file.run("/run/app.sock").exactly(&app, 0);
    // A socket that is here, on this machine, is no captured text.
    let here = file.tree.top().join("app.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&here).unwrap();
    file.piped(&format!("--decode {}", here.display()))
        .shows_nothing();
}

#[test]
fn a_name_with_newlines_is_one_name_within_its_length() {
    let rows = [
        unix("00010000", "0001", "01", 16, "/run/a\nb\n\nc"),
        unix("00010000", "0001", "01", 17, "/run/d"),
    ];
    let text = [header("unix").as_bytes(), &rows[0], b"\n", &rows[1], b"\n"].concat();
    let shown = [
        "unix LISTEN - - /run/a\\nb\\n\\nc *",
        "unix LISTEN - - /run/d *",
    ];
    captured(&text).shows("", &shown);
    // As grep prints it.
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let named: Vec<u8> = lines
        .flat_map(|line| [b"/proc/net/unix:", line].concat())
        .collect();
    let run = captured(&named).run("");
    assert_eq!(run.rows()[1], shown[1]);
    run.is_sane();
    // A table that follows without a header is not swallowed: its rows are longer than a name can be.
    let tail = tcp("0100007F:0050", NOBODY, "0A", EMPTY, 0, 7);
    let both = [&text[..], tail.as_bytes(), b"\n"].concat();
    captured(both).shows("-t", &["tcp LISTEN 0 0 127.0.0.1:80 *:*"]);
    // Without a table around it a row ends with its line.
    let run = captured([&rows[1][..], b"\nmore\n"].concat()).run("");
    run.prints(&list_under(COLUMNS, &shown[1..]), 0);
    run.one_line();
}

#[test]
fn captured_interfaces_name_link_local_addresses() {
    let row = tcp(
        "000080FE00000000FF00FC00010000FE:01BB",
        NOBODY6,
        "0A",
        EMPTY,
        0,
        7,
    );
    let table = format!("{}{row}\n", header("tcp6"));
    captured(&table).shows("", &["tcp6 LISTEN 0 0 [fe80::fc:ff:fe00:1]:443 *:*"]);
    let named = ["tcp6 LISTEN 0 0 [fe80::fc:ff:fe00:1%eth0]:443 *:*"];
    for prefix in ["", "/proc/net/if_inet6:"] {
        let line = format!("{prefix}fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n");
        captured(format!("{table}{line}")).shows("", &named);
    }
}

#[test]
fn the_example_of_help_works() {
    let text = captured(BY_HAND);
    let mut shell = Command::new("sh");
    let line = "cd \"$1\" && grep 607014 capture.txt /dev/null | \"$0\" --decode";
    shell.args(["-c", line, LSOCK]);
    Run::of(shell.arg(text.tree.top())).exactly(
        &list_under(COLUMNS, &["tcp LISTEN 0 0 0.0.0.0:8080 *:*"]),
        0,
    );
}

// ---- live tables of modules, in a fake tree -------------------------------------------------------------

/// A tree with all that modules bring, and process 6 that holds a socket of each.
fn modules() -> Tree {
    let tree = Tree::new();
    let net = tree.net("a");
    fs::create_dir(net.join("sctp")).unwrap();
    for (table, header, row, _) in MODULES {
        tree.table_text("a", table, format!("{header}{row}\n").as_bytes());
    }
    fs::create_dir(net.join("can-bcm")).unwrap();
    fs::write(net.join("can-bcm/560"), CAN_BCM).unwrap();
    let mut process = tree.process(6, "daemon");
    for (fd, inode) in (3..).zip(555..=560) {
        process = process.socket(fd, inode);
    }
    tree
}

/// What process 6 of `modules` has.
fn module_rows() -> Vec<String> {
    let shown = MODULES.iter().map(|(.., shown)| *shown);
    let all = shown.chain(["can_bcm - - - vcan0 *"]);
    all.zip(3..)
        .map(|(shown, fd)| format!("6 daemon {fd} {shown}"))
        .collect()
}

#[test]
fn tables_of_modules_are_read_where_the_kernel_has_them() {
    let tree = modules();
    let rows = module_rows();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    tree.run("").shows(&rows);
    tree.run("6").shows(&rows);
    tree.run("--sctp").shows(&rows[..2]);
    tree.run("-i").shows(&rows[..2]);
    tree.run(":2905").shows(&rows[..1]);
    tree.run(":30102").shows(&rows[..1]);
    tree.run("-l").shows(&rows[1..2]);
    tree.run("-sSCTP:LISTEN").shows(&rows[1..2]);
    tree.run("-sESTABLISHED").shows(&rows[..1]);
    tree.run("--uid 1000").shows(&rows[4..5]);
    // Each of several addresses is one to find it by.
    for address in [
        "172.31.250.10",
        "172.31.251.10:2905",
        "172.31.251.20",
        "172.31.250.0/24",
    ] {
        tree.run(address).shows(&rows[..1]);
    }
    tree.run("[fd00::1]:38412").shows(&rows[1..2]);
    tree.run("172.31.252.10").shows_nothing();
    tree.run("--tcp").shows_nothing();
}

// Each table is there, or may be read, by itself.
#[test]
fn a_table_of_a_module_that_is_missing_or_closed_hides_no_other() {
    for (at, (table, ..)) in MODULES.iter().enumerate() {
        let tree = modules();
        let mut rows = module_rows();
        rows.remove(at);
        fs::remove_file(tree.path().join("6/fd").join((3 + at).to_string())).unwrap();
        let path = tree.net("a").join(table);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        match tree.plain_user("") {
            Ok(mut command) => {
                let run = Run::of(&mut command);
                assert_eq!(run.rows(), rows, "{table}");
                assert!(run.one_line().contains(table), "{}", run.err());
            }
            Err(why) => skip(&why),
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(tree.run("").rows(), rows, "{table}");
    }
}

#[test]
fn protocols_tell_which_modules_are_worth_a_look() {
    let tree = modules();
    let protocols = "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\nSCTP      1568      2      0   no       0   yes  kernel      y  y  y  y\nUDP       1344      0       0   NI       0   yes  kernel\n";
    fs::write(tree.net("a").join("protocols"), protocols).unwrap();
    let rows = module_rows();
    assert_eq!(tree.run("").rows()[..2], rows[..2]);
    assert!(!tree.run("").out().contains("vcan0"));
    match tree.opened("") {
        Err(why) => skip(&why),
        Ok(opened) => {
            let of = |name: &str| opened.iter().filter(|path| path.ends_with(name)).count();
            assert_eq!((of("net/sctp/eps"), of("net/sctp/assocs")), (1, 1));
            assert_eq!(
                (of("net/pfkey"), of("net/hci"), of("net/can-bcm")),
                (0, 0, 0)
            );
            assert_eq!(of("net/protocols"), 1);
        }
    }
    // No module at all: nothing but the one look.
    fs::write(
        tree.net("a").join("protocols"),
        protocols.replace("SCTP", "XDP"),
    )
    .unwrap();
    assert!(!tree.run("").out().contains("sctp"));
    // Without a socket to show, a second look would read all tables.
    tree.table("tcp", &[listen(80, 1)]);
    match tree.opened("-t") {
        Err(why) => skip(&why),
        Ok(opened) => assert!(!opened.iter().any(|path| path.ends_with("net/protocols"))),
    }
}

#[test]
fn an_endpoint_with_associations_is_shown_if_it_listens() {
    let tree = modules();
    let (_, head, assoc, _) = MODULES[0];
    let other = assoc.replace("30102", "30103");
    tree.table_text(
        "a",
        "sctp/assocs",
        format!("{head}{assoc}\n{other}\n").as_bytes(),
    );
    let (_, head, endpoint, _) = MODULES[1];
    let listening = endpoint.replace("  556 ", "  555 ");
    tree.table_text("a", "sctp/eps", format!("{head}{listening}\n").as_bytes());
    let row = |shown: &str| format!("6 daemon 3 {shown}");
    let rows = [
        row(MODULES[0].3),
        row(&MODULES[0].3.replace("30102", "30103")),
        row(MODULES[1].3),
    ];
    let shown = |args: &str| {
        let mut rows = tree.run(args).rows();
        rows.sort();
        rows
    };
    assert_eq!(shown("--sctp"), rows);
    assert_eq!(shown("6 --sctp"), rows);
    let idle = listening.replace("2   10  25", "2   1   25");
    tree.table_text("a", "sctp/eps", format!("{head}{idle}\n").as_bytes());
    assert_eq!(shown("--sctp"), rows[..2]);
}

#[test]
fn broken_tables_of_modules_are_counted() {
    let tree = modules();
    for (table, head, row, _) in MODULES {
        tree.table_text(
            "a",
            table,
            format!("{head}{}\n", row.replace("    ", "  x ")).as_bytes(),
        );
    }
    fs::write(tree.net("a").join("can-bcm/560"), ">>> what\n").unwrap();
    let run = tree.run("");
    assert_eq!(run.err().matches(" skipped, ").count(), 6, "{}", run.err());
    run.is_sane();
}

#[test]
fn a_link_local_address_has_its_interface() {
    let tree = Tree::new();
    let local = "000080FE00000000FF00FC00010000FE:01BB";
    let remote = "000080FE000000000000000002000000:D63E";
    tree.table(
        "tcp6",
        &[
            tcp(local, NOBODY6, "0A", EMPTY, 0, 11),
            tcp(local, remote, "01", EMPTY, 0, 12),
        ],
    );
    tree.process(6, "nginx").socket(3, 11).socket(4, 12);
    let listener = "6 nginx 3 tcp6 LISTEN 0 0 [fe80::fc:ff:fe00:1%eth0]:443 *:*";
    let connection = "6 nginx 4 tcp6 ESTABLISHED 0 0 [fe80::fc:ff:fe00:1%eth0]:443 [fe80::2]:54846";
    let line = |index: &str, name: &str| {
        format!("fe8000000000000000fc00fffe000001 {index} 40 20 80 {name:>8}\n")
    };
    let lo = "00000000000000000000000000000001 01 80 10 80       lo\n";
    tree.table_text(
        "a",
        "if_inet6",
        format!("{lo}{}", line("04", "eth0")).as_bytes(),
    );
    tree.run("").shows(&[listener, connection]);
    tree.run("-l").shows(&[listener]);
    tree.run("fe80::/10").shows(&[listener, connection]);
    // Two interfaces have the address: which one it is, nobody tells.
    let both = [line("04", "eth0"), line("05", "eth1")].concat();
    tree.table_text("a", "if_inet6", both.as_bytes());
    tree.run("-l").shows(&[&listener.replace("%eth0", "")]);
    // A name of an interface may hold anything but a slash or a blank.
    tree.table_text("a", "if_inet6", line("04", "e\x1b[0m").as_bytes());
    tree.run("-l")
        .shows(&[&listener.replace("eth0", "e\\x1b[0m")]);
}

#[test]
fn an_mptcp_socket_that_is_not_connected_counts_as_tcp() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("decode");
    fs::create_dir_all(&folder).unwrap();
    let (source, program) = (folder.join("mptcp.c"), folder.join("mptcp"));
    let text = "#include <stdio.h>\n#include <sys/socket.h>\n#include <unistd.h>\nint main(void) { int four = socket(AF_INET, SOCK_STREAM, 262), six = socket(AF_INET6, SOCK_STREAM, 262); printf(\"%d %d\\n\", four, six); fflush(stdout); return (int)read(0, &four, 1); }\n";
    fs::write(&source, text).unwrap();
    match Command::new("cc")
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .output()
    {
        Err(error) => return skip(&format!("cc does not run ({error})")),
        Ok(output) => assert!(output.status.success(), "{output:?}"),
    }
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut fds = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut fds)
        .unwrap();
    let fds: Vec<i32> = fds
        .split_whitespace()
        .map(|fd| fd.parse().unwrap())
        .collect();
    let pid = child.id();
    let run = |args: &[&str]| {
        let mut rows = Run::of(lsock().args(args).arg(pid.to_string())).rows();
        rows.sort();
        rows
    };
    let (all, tcp, udp) = (run(&[]), run(&["-t"]), run(&["-u"]));
    // Its end of standard input closes, and it ends.
    drop(child.stdin.take());
    assert!(child.wait().unwrap().code().is_some());
    fs::remove_dir_all(&folder).unwrap();
    if fds.contains(&-1) {
        return skip("this kernel has no MPTCP");
    }
    let row = |fd: i32, proto: &str| format!("{pid} mptcp {fd} {proto} - - - ? -");
    assert_eq!(all, [row(fds[0], "mptcp"), row(fds[1], "mptcp6")]);
    assert_eq!(tcp, all);
    assert!(udp.is_empty(), "{udp:?}");
}

#[test]
fn headers_of_this_kernel_are_known() {
    for (table, _) in HEADERS {
        let path = Path::new("/proc/self/net").join(table);
        let Ok(text) = fs::read(&path) else {
            skip(&format!("this kernel has no {table}"));
            continue;
        };
        let run = captured(&text).run("");
        // A table without a row is said to be one.
        assert_eq!(
            run.err().is_empty(),
            run.status == Some(0),
            "{table}: {}",
            run.err()
        );
        assert!(!run.err().contains("known"), "{table}: {}", run.err());
        let rows = run.out().lines().count().saturating_sub(1);
        let lines = text.split(|byte| *byte == b'\n').count().saturating_sub(2);
        // A name may take several lines.
        assert!(
            rows == lines || table == "unix" && rows <= lines,
            "{table}: {rows} of {lines}"
        );
    }
}

#[test]
fn other_views_show_captured_text_too() {
    let file = captured(BY_HAND);
    let run = file.run("--json :54846");
    let object = run.out();
    assert_eq!(run.status, Some(0));
    assert_eq!(object.lines().count(), 1);
    for member in [
        "\"pid\":null",
        "\"command\":null",
        "\"fd\":null",
        "\"owner\":\"(unknown)\"",
        "\"inode\":621793",
        "\"uid\":1000",
        "\"proto\":\"tcp\"",
        "\"state\":\"ESTABLISHED\"",
        "\"local\":\"172.17.0.2:8080\"",
        "\"remote_port\":54846",
    ] {
        assert!(object.contains(member), "{member}: {object}");
    }
    let run = file.run("-s");
    assert!(words(run.out()).contains("tcp 8 "), "{}", run.out());
    let sctp = captured(format!("{}{}\n", MODULES[0].1, MODULES[0].2));
    let run = sctp.run("-j");
    for member in [
        "\"proto\":\"sctp\"",
        "\"family\":\"inet\"",
        "\"type\":\"seqpacket\"",
        "\"local_address\":\"172.31.251.10\"",
        "\"local_port\":2905",
        "\"remote_address\":\"172.31.250.20\"",
    ] {
        assert!(run.out().contains(member), "{member}: {}", run.out());
    }
    let can = captured(CAN_BCM).run("-j");
    assert!(
        can.out().contains("\"interface\":\"vcan0\""),
        "{}",
        can.out()
    );
}

#[test]
fn the_other_end_of_an_association_is_named() {
    let tree = modules();
    let (_, head, row, _) = MODULES[0];
    let other = "0000000000000000 0000000000000000 2   1   3  0       8        0        0       0   600 30102  2905  *172.31.250.20 172.31.251.20 <-> 172.31.250.10 *172.31.251.10 \t    7500    17    17   10    0    0        0        1        0   212992   212992";
    tree.table_text(
        "a",
        "sctp/assocs",
        format!("{head}{row}\n{other}\n").as_bytes(),
    );
    tree.process(7, "client").socket(3, 600);
    let rows = tree.run("-E --sctp :30102").rows();
    assert!(rows[0].ends_with(" 7/client"), "{rows:?}");
    assert!(rows[1].ends_with(" 6/daemon"), "{rows:?}");
}

// Each end has its own primary addresses, and knows those of the other that it was told (`net/sctp/proc.c`).
#[test]
fn the_two_ends_of_an_association_share_ports_and_any_pair_of_addresses() {
    let row = |inode: u64, ports: &str, addresses: &str| {
        format!(
            "0 0 1 1 3 0 8 0 0 0 {inode} {ports} {addresses} \t 7500 17 17 10 0 0 0 1 0 212992 212992\n"
        )
    };
    let associations = |other: &str| {
        let tree = modules();
        tree.table_text("a", "sctp/eps", MODULES[1].1.as_bytes());
        let own = row(
            555,
            "2905 30102",
            "*10.0.0.1 10.0.1.1 <-> *10.0.0.2 10.0.1.2",
        );
        // Another one between the same hosts, and one of the same ports between others.
        let noise = row(601, "30102 2906", "*10.0.0.2 <-> *10.0.0.1")
            + &row(602, "30102 2905", "*10.9.0.2 <-> *10.9.0.1");
        let rows = [MODULES[0].1, &own, &noise, other].concat();
        tree.table_text("a", "sctp/assocs", rows.as_bytes());
        let client = tree.process(7, "client").socket(3, 600);
        client.socket(4, 601).socket(5, 602);
        let rows = tree.run("-E --sctp").rows();
        let of = |holder: &str| {
            let found = rows.iter().find(|row| row.starts_with(holder));
            let found = found.unwrap_or_else(|| panic!("{holder} in {rows:?}"));
            found.rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!(
            (of("7 client 4 "), of("7 client 5 ")),
            ("-".to_owned(), "-".to_owned())
        );
        [of("6 daemon 3 "), of("7 client 3 ")]
    };
    for addresses in [
        "*10.0.0.2 10.0.1.2 <-> *10.0.0.1 10.0.1.1",
        "10.0.0.2 *10.0.1.2 <-> 10.0.0.1 *10.0.1.1",
        // One that the other end was not told of, and one address alone.
        "10.0.2.2 *10.0.1.2 <-> *10.0.1.1",
        "*10.0.0.2 <-> 10.0.3.1 10.0.0.1",
    ] {
        let named = associations(&row(600, "30102 2905", addresses));
        assert_eq!(named, ["7/client", "6/daemon"], "{addresses}");
    }
    for (ports, addresses) in [
        ("30102 2905", "*10.0.0.2 <-> *10.0.5.1"),
        ("30102 2905", "*10.0.5.2 <-> *10.0.0.1"),
        ("30103 2905", "*10.0.0.2 <-> *10.0.0.1"),
    ] {
        let named = associations(&row(600, ports, addresses));
        assert_eq!(named, ["-", "-"], "{ports} {addresses}");
    }
}
