//! Tables as other kernels, vendors and file systems have them, and captured text as tools leave it.
//!
//! What comes in: rows, laid out by hand where no kernel here prints them so. What goes out: the list, and what is said of
//! lines that are not known. Real tables of other kernels are in `captures`.

use crate::rows::{
    EMPTY, HEADERS, NOBODY, header, native, netlink, packet, tcp, tcp_short, udp, unix,
};
use crate::run::{Run, list_under, lsock};
use crate::tree::Tree;
use std::fs;

/// The columns of captured text.
const COLUMNS: &str = "PROTO STATE RECV-Q SEND-Q LOCAL PEER";
/// A listener on port 80.
const WEB: &str = "tcp LISTEN 0 0 127.0.0.1:80 *:*";

/// `lsock --decode FILE ARGS` for this text.
fn decode(text: impl AsRef<[u8]>, args: &str) -> Run {
    let tree = Tree::new();
    let file = tree.top().join("capture.txt");
    fs::write(&file, native(text.as_ref())).unwrap();
    let args = args.split_ascii_whitespace();
    Run::of(lsock().arg("--decode").arg(&file).args(args))
}

/// Demands these rows and a silent standard error.
#[track_caller]
fn shows(text: impl AsRef<[u8]>, rows: &[&str]) {
    decode(text, "").exactly(&list_under(COLUMNS, rows), 0);
}

/// A listener's row.
fn web(inode: u64) -> String {
    tcp("0100007F:0050", NOBODY, "0A", EMPTY, 0, inode)
}

// ---- how tables are read ----------------------------------------------------------------------------------

#[test]
fn the_largest_descriptor_does_not_end_the_reading() {
    let tree = Tree::new();
    tree.table("tcp", &[web(11), web(12)]);
    let mut process = tree.process(6, "nginx").socket(u32::MAX, 12);
    for fd in 0..50 {
        process = process.fd(fd, "/dev/null");
    }
    process.socket(900, 11);
    let run = tree.run("-t 6");
    run.shows(&[&format!("6 nginx 900 {WEB}")]);
}

// ---- columns ----------------------------------------------------------------------------------------------

#[test]
fn columns_that_a_vendor_adds_are_passed_over_wherever_they_are() {
    let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    let row = "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 c4160000 100 0 0 10 0";
    let wait = "   1: 0100007F:A93C 0100007F:1F90 06 00000000:00000000 03:000016C6 00000000     0        0 0 3 c4160000";
    let waits = "tcp TIME_WAIT 0 0 127.0.0.1:43324 127.0.0.1:8080";
    for more in ["60 httpd", "60 my httpd"] {
        shows(
            format!("{head} pid task\n{row} {more}\n{wait} {more}\n"),
            &[WEB, waits],
        );
    }
    // In front of the inode, and one that is known beside one that is not.
    let inner = |line: &str, word: &str| {
        let at = line
            .find("inode")
            .or(line.find("        0 ").map(|at| at + 9))
            .unwrap();
        format!("{} {word} {}", &line[..at], &line[at..])
    };
    shows(
        format!("{}\n{}\n", inner(head, "mark"), inner(row, "ff")),
        &[WEB],
    );
    // Rows of sockets without a task may be without these columns too.
    shows(format!("{head} pid task\n{row}\n{wait}\n"), &[WEB, waits]);
    let tree = Tree::new();
    tree.table_text(
        "a",
        "tcp",
        format!("{head} pid task\n{row} 60 httpd\n").as_bytes(),
    );
    tree.process(6, "nginx").socket(3, 11);
    tree.run("").shows(&[&format!("6 nginx 3 {WEB}")]);
    // The small tables.
    let all = [
        (
            "packet",
            "sk RefCnt Type Proto Mark Iface R Rmem User Inode Task\nffff888003c0a000 3 3 0003 x.y 0 1 0 0 12 a\n",
            "packet - 0 - all:* *",
        ),
        (
            "netlink",
            "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode Task\nffff888003c0a000 0 7 00000000 0 0 0 2 0 13 a\n",
            "netlink - 0 0 route:7 *",
        ),
        (
            "l2cap",
            "sk RefCnt Rmem Wmem User Inode Src Dst Parent\nffff888003c0a000 2 0 0 0 14 00:11:22:33:44:55 00:00:00:00:00:00 0\n",
            "bluetooth - 0 0 * *",
        ),
    ];
    for (table, text, row) in all {
        if table == "packet" {
            // A column among those by which a table is known makes it another table.
            let run = decode(text, "");
            assert_eq!(run.status, Some(1), "{}", run.out());
            continue;
        }
        shows(text, &[row]);
    }
}

// Where the file says which table it is, a vendor's column may stand among the first ones too.
#[test]
fn a_vendors_column_is_passed_over_among_those_by_which_a_table_is_known() {
    let head = "  sl  pid local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    let row = "   0: 60 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 c4160000 100 0 0 10 0";
    let tcp = format!("{head}\n{row}\n");
    shows(&tcp, &[WEB]);
    for (table, text, shown) in [
        ("tcp", tcp.as_str(), WEB),
        (
            "packet",
            "sk RefCnt Type Proto Mark Iface R Rmem User Inode\nffff888003c0a000 3 3 0003 x.y 0 1 0 0 11\n",
            "packet - 0 - all:* *",
        ),
        (
            "netlink",
            "sk Mark Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\nffff888003c0a000 x 0 7 00000000 0 0 0 2 0 11\n",
            "netlink - 0 0 route:7 *",
        ),
    ] {
        let tree = Tree::new();
        tree.table_text("a", table, text.as_bytes());
        tree.process(6, "nginx").socket(3, 11);
        tree.run("").shows(&[&format!("6 nginx 3 {shown}")]);
        shows(format!("==> /proc/net/{table} <==\n{text}"), &[shown]);
    }
    // The rows of unix have fixed places.
    let tree = Tree::new();
    let text = "Num Mark RefCount Protocol Flags Type St Inode Path\n0000000000000000: 1 00000002 00000000 00000000 0001 01 11 /x\n";
    tree.table_text("a", "unix", text.as_bytes());
    tree.process(6, "nginx");
    assert!(tree.run("").err().contains("unknown header"));
}

// No value is taken from the column behind the one that is missing.
#[test]
fn a_row_of_the_internet_without_a_column_is_no_row() {
    let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   timeout inode ref pointer drops pid";
    let row = "   0: 0100007F:0050 00000000:0000 07 00000000:00000000 00:00000000 00000000     0 11 2 0 0 60";
    let run = decode(format!("==> /proc/net/udp <==\n{head}\n{row}\n"), "");
    assert_eq!((run.out(), run.status), ("", Some(1)));
    run.one_line();
}

#[test]
fn what_an_older_kernel_does_not_tell_is_null() {
    let udp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   1: 00000000:0801 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20020 2 ffff810455d9d9c0             \n   1: 0100007F:0801 0100007F:0802 01 00000000:00000000 00:00000000 00000000     0        0 20021 2 ffff810455d9d9c0             \n";
    for name in ["", "==> /proc/net/udp <==\n"] {
        let run = decode(format!("{name}{udp}"), "-j");
        assert_eq!(run.err(), "");
        assert_eq!(
            run.out().matches("\"proto\":\"udp\"").count(),
            2,
            "{}",
            run.out()
        );
        assert_eq!(run.out().matches("\"drops\":null").count(), 2);
    }
    let tree = Tree::new();
    tree.table_text("a", "udp", udp.as_bytes());
    tree.process(6, "nfsd").socket(3, 20020);
    tree.run("6")
        .shows(&["6 nfsd 3 udp UNCONNECTED 0 0 0.0.0.0:2049 *:*"]);
    let netlink = "sk       Eth Pid    Groups   Rmem     Wmem     Dump     Locks     Drops\nffff899edda06000 0   43687  00000110 0        0        (null) 2        5       \n";
    let run = decode(netlink, "-j");
    assert!(
        run.out().contains("\"inode\":null") && run.out().contains("\"drops\":5"),
        "{}",
        run.out()
    );
    let older = netlink
        .replace("     Drops\n", "\n")
        .replace(" 2        5       ", " 2");
    assert!(decode(older, "-j").out().contains("\"drops\":null"));
    // Nobody holds it that could be told: it has a port id and so is not the kernel's.
    tree.table_text("a", "netlink", netlink.as_bytes());
    let rows = tree.run("--netlink").rows();
    assert_eq!(rows, ["- (elsewhere) - netlink - 0 0 route:43687 *"]);
}

#[test]
fn names_with_nul_have_an_at_sign_for_each_and_are_found_by_it() {
    let row = unix("00010000", "0001", "01", 11, b"@iscsi\0\0");
    let shown = "unix LISTEN - - @iscsi@@ *";
    let text = [header("unix").as_bytes(), &row, b"\n"].concat();
    shows(&text, &[shown]);
    decode(&text, "@iscsi@@").exactly(&list_under(COLUMNS, &[shown]), 0);
    let tree = Tree::new();
    tree.table("unix", &[row]);
    tree.process(6, "iscsid").socket(3, 11);
    for args in ["", "@iscsi@@"] {
        tree.run(args).shows(&[&format!("6 iscsid 3 {shown}")]);
    }
}

#[test]
fn numbers_may_be_as_large_as_they_are_printed() {
    let full = web(11).replace("00000000:00000000 00", "FFFFFFFF:FFFFFFFF 00");
    shows(full, &["tcp LISTEN 4294967295 4294967295 127.0.0.1:80 *:*"]);
    let assoc = "0000000000000000 0000000000000000 1   1   3  1236    7        5       12       0   555 2905  30102  172.31.250.10 <-> *172.31.250.20 \t 4294967296    17    17   10    0    0        0        1        0   212992   212992";
    let shown = "sctp ESTABLISHED 12 5 172.31.250.10:2905 172.31.250.20:30102";
    shows(assoc, &[shown]);
    // A terminal makes blanks of a tab.
    shows(assoc.replace('\t', "       "), &[shown]);
}

#[test]
fn tables_of_phonet_and_of_amateur_radio_are_read() {
    let tables = [
        (
            "phonet",
            "pt  loc  rem rs st tx_queue rx_queue   uid inode ref pointer drops\n 2 0043:0000:00 0A 00000000:00000000  1000 11 2 000000009713bd1d 4\n",
            "phonet LISTEN 0 0 0043 *",
        ),
        (
            "pnresource",
            "rs   uid inode\n10  1000 11\n",
            "phonet - - - * *",
        ),
        (
            "ax25",
            "0000000034affeea bpq0 LINUX1-1 N0CALL,VIA1* 3 0 0 0 0 10 0 3 0 300 0 0 0 10 5 2 256 0 0 12\n",
            "ax25 - 0 0 LINUX1-1 N0CALL,VIA1*",
        ),
        (
            "nr",
            "user_addr dest_node src_node  dev    my  your  st  vs  vr  va    t1     t2     t4      idle   n2  wnd Snd-Q Rcv-Q inode\n*         *         LINUX2-2  nr0  00/00 00/00  0   0   0   0   0/120  0/05   0/180   0/000  0/01   4     7     8 13\n",
            "netrom - 8 7 LINUX2-2 *",
        ),
        (
            "rose",
            "dest_addr  dest_call src_addr   src_call  dev   lci neigh st vs vr va   t  t1  t2  t3  hb    idle Snd-Q Rcv-Q inode\n*          *         1234567890 LINUX1-1  rose0 000 00000  0  0  0  0   0 200 180 180   5   0/000     0     0 14\n",
            "rose - 0 0 LINUX1-1 *",
        ),
    ];
    let tree = Tree::new();
    let process = tree
        .process(6, "radio")
        .socket(3, 11)
        .socket(4, 12)
        .socket(5, 13);
    process.socket(6, 14);
    for (table, text, shown) in tables {
        tree.table_text("a", table, text.as_bytes());
        shows(format!("==> /proc/net/{table} <==\n{text}"), &[shown]);
        let row = text.lines().last().unwrap();
        shows(format!("/proc/net/{table}:{row}\n"), &[shown]);
    }
    // A socket that serves a resource is one line.
    let rows: Vec<String> = [0, 2, 3, 4]
        .into_iter()
        .zip(3..)
        .map(|(at, fd)| format!("6 radio {fd} {}", tables[at].2))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    tree.run("").shows(&rows);
    for args in ["-l", "-sLISTEN", "--uid 1000"] {
        tree.run(args).shows(&rows[..1]);
    }
    let run = tree.run("-j -l");
    for member in [
        "\"family\":\"phonet\"",
        "\"type\":\"seqpacket\"",
        "\"drops\":4",
        "\"local\":\"0043\"",
    ] {
        assert!(run.out().contains(member), "{member}: {}", run.out());
    }
}

// ---- what tools put around lines --------------------------------------------------------------------------

/// Two tables, one with a name of two lines, and what is shown of them.
fn two_tables() -> (String, [&'static str; 3]) {
    let unix_row =
        |inode, path: &str| String::from_utf8(unix("00010000", "0001", "01", inode, path)).unwrap();
    let rows = [unix_row(16, "/run/a\nb"), unix_row(17, "/run/c"), web(18)];
    let text = format!(
        "{}{}\n{}\n{}{}\n",
        header("unix"),
        rows[0],
        rows[1],
        header("tcp"),
        rows[2]
    );
    (
        text,
        [
            "unix LISTEN - - /run/a\\nb *",
            "unix LISTEN - - /run/c *",
            WEB,
        ],
    )
}

#[test]
fn lines_are_known_behind_whatever_a_tool_puts_in_front() {
    let (text, shown) = two_tables();
    let numbered: Vec<(usize, &str)> = (8..).zip(text.lines()).collect();
    let quoted = |frame: &dyn Fn(usize) -> String| -> String {
        numbered
            .iter()
            .map(|(number, line)| frame(*number) + line + "\n")
            .collect()
    };
    let frames: [&dyn Fn(usize) -> String; 9] = [
        &|_| "> ".to_owned(),
        &|_| ">> ".to_owned(),
        &|_| "\t".to_owned(),
        &|_| "    ".to_owned(),
        &|number| format!("{number}:"),
        &|number| format!("2024-05-01T10:00:{number:02}.{number}Z "),
        &|_| "web-1  | ".to_owned(),
        &|number| format!("May 01 10:00:{number:02} host cat[{number}]: "),
        &|number| format!("[{number}.123] "),
    ];
    for frame in frames {
        shows(quoted(frame), &shown);
    }
    // grep -n and grep -rn, which name the file.
    let name = |(number, line): &(usize, &str)| {
        let file = if *number < 12 { "unix" } else { "tcp" };
        format!("/proc/{number}/net/{file}:{number}:{line}\n")
    };
    let named: String = numbered.iter().map(name).collect();
    shows(&named, &shown);
    let returns = named.replace('\n', "\r\n");
    shows(returns, &shown);
}

// As `grep -r ''` prints a whole table, `grep -C1` beside a match, and both in colour.
#[test]
fn a_header_behind_a_name_is_of_that_file() {
    let row = udp("0100007F:0011", NOBODY, "07", EMPTY, 0, 9);
    let shown = ["icmp UNCONNECTED 0 0 127.0.0.1:17 *:*"];
    let colour = "\x1b[35m\x1b[K/proc/net/icmp\x1b[m\x1b[K\x1b[36m\x1b[K:\x1b[m\x1b[K";
    for [first, other] in [
        ["/proc/net/icmp:"; 2],
        ["/proc/net/icmp:1:", "/proc/net/icmp:2:"],
        ["/proc/net/icmp:", "/proc/net/icmp-"],
        ["/proc/net/icmp:1:", "/proc/net/icmp-2-"],
        [colour; 2],
    ] {
        shows(format!("{first}{}{other}{row}\n", header("icmp")), &shown);
        shows(format!("{other}{row}\n"), &shown);
    }
    // What is in front of every line is no column of a vendor's.
    for frame in ["web-1  | ", "host cat[7]:  "] {
        let head = header("icmp");
        let text = format!("{frame}==> /proc/net/icmp <==\n{frame}{head}{frame}{row}\n");
        decode(text, "").prints(&list_under(COLUMNS, &shown), 0);
    }
}

#[test]
fn lines_may_end_with_returns_or_dollars() {
    let (text, shown) = two_tables();
    for ending in ["\r\n", "\r\r\n", "$\n"] {
        shows(text.replace('\n', ending), &shown);
    }
    let drops = udp("0100007F:0011", NOBODY, "07", EMPTY, 0, 9);
    let dollars =
        format!("{}{drops}\n", header("udp6").replace("remote", "rem")).replace('\n', "$\n");
    assert!(decode(dollars, "-j").out().contains("\"drops\":0,"));
    // A name may end so too.
    let unix_row = |name: &str| unix("00010000", "0001", "01", 16, name);
    let rows = [unix_row("/run/a$"), unix_row("/run/b\r")];
    let text = [header("unix").as_bytes(), &rows.join(&b'\n'), b"\n"].concat();
    let shown = ["unix LISTEN - - /run/a$ *", "unix LISTEN - - /run/b\\r *"];
    shows(text, &shown);
}

#[test]
fn rows_on_the_line_of_their_header_are_not_lost_in_silence() {
    let text = format!("{}{}\n{}\n", header("tcp"), web(11), web(12));
    for line in [
        text.replace('\n', "\r"),
        text.replace('\n', "\\n"),
        format!("\"{}\"", text.replace('\n', "\\n")),
    ] {
        let run = decode(format!("{line}\n"), "");
        assert_eq!((run.out(), run.status), ("", Some(1)), "{line}");
        let said = run.one_line();
        assert!(said.contains("1 line belongs to no known table"), "{said}");
    }
}

// Its numbers behind a first few look like a row of the endpoints with hidden pointers.
#[test]
fn an_association_cut_within_its_addresses_is_no_endpoint() {
    let row = "df27de36 50d14ab8 2   1   3  0      16        0        0       0 10098 8303  34616  127.0.0.1";
    for head in [
        "",
        "ASSOC SOCK STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT\n",
    ] {
        let run = decode(format!("{head}{row}\n"), "");
        assert_eq!((run.out(), run.status), ("", Some(1)));
        run.one_line();
    }
}

#[test]
fn marks_of_utf_8_and_utf_16_are_no_text() {
    let (text, shown) = two_tables();
    shows([b"\xef\xbb\xbf", text.as_bytes()].concat(), &shown);
    let utf_16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(bytes).collect()
    };
    shows(utf_16(u16::to_le_bytes), &shown);
    shows(utf_16(u16::to_be_bytes), &shown);
}

#[test]
fn the_name_of_a_file_may_stand_on_a_line_of_its_own() {
    let row = udp("00000000:0001", NOBODY, "07", EMPTY, 0, 9);
    let text = format!("{}{}\n", header("udp"), row);
    for name in [
        "/proc/net/raw",
        "==> /proc/net/raw <==",
        "=== /proc/net/raw ===",
        "# /proc/net/raw",
        "--- net/raw",
        "/proc/7/net/raw:",
    ] {
        shows(
            format!("{name}\n{text}"),
            &["raw UNCONNECTED 0 0 0.0.0.0:icmp *:*"],
        );
    }
    // A file that is not known ends the table before it.
    let pfkey = "sk       RefCnt Rmem   Wmem   User   Inode\n0000000000000000 2      0      0      0      12   \n";
    let run = decode(
        format!("{pfkey}=== /proc/net/other ===\n1 2 0 0 0 13\n"),
        "",
    );
    run.prints(&list_under(COLUMNS, &["pfkey - 0 0 * *"]), 0);
    assert!(
        run.one_line().contains("1 line belongs to no known table"),
        "{}",
        run.err()
    );
}

#[test]
fn nothing_but_its_own_lines_is_part_of_a_name() {
    let (text, shown) = two_tables();
    let unix_table = text.split_inclusive('\n').take(4).collect::<String>();
    for behind in [
        "root@host:/# ",
        "root@host:/# cat /proc/net/arp",
        "=== what follows ===",
        "0000000000000000: 00000002 00000000 0001",
        "total 0",
    ] {
        let run = decode(format!("{unix_table}{behind}\n"), "");
        run.prints(&list_under(COLUMNS, &shown[..2]), 0);
        if behind != "total 0" {
            assert!(run.one_line().contains(behind), "{behind}: {}", run.err());
        }
        // And a table behind it.
        let run = decode(
            format!("{unix_table}{behind}\n{}{}\n", header("tcp"), web(18)),
            "",
        );
        run.prints(&list_under(COLUMNS, &shown), 0);
    }
    // A name that begins or ends with newlines.
    let rows = [
        unix("00010000", "0001", "01", 16, "\n/a"),
        unix("00010000", "0001", "01", 17, "/b\n\n"),
        unix("00010000", "0001", "01", 18, ""),
    ];
    let text = [header("unix").as_bytes(), &rows.join(&b'\n'), b"\n"].concat();
    shows(
        text,
        &[
            "unix LISTEN - - \\n/a *",
            "unix LISTEN - - /b\\n\\n *",
            "unix LISTEN - - * *",
        ],
    );
}

#[test]
fn a_row_cut_anywhere_is_counted_and_never_another_kind() {
    let inet = |row: String| row.trim_end().to_owned().into_bytes();
    let full = tcp("0100007F:0050", "0100007F:9C40", "01", EMPTY, 0, 621_793);
    let tables = [
        ("tcp", inet(full.clone())),
        (
            "tcp",
            inet(full.replace(" 1 0000000000000000 20", " 2 0000000000000000 20")),
        ),
        (
            "tcp",
            inet(tcp_short("0100007F:A93C", "0100007F:1F90", "06")),
        ),
        (
            "udp",
            inet(udp("0100007F:0035", NOBODY, "07", EMPTY, 0, 13)),
        ),
        ("unix", unix("00010000", "0001", "01", 16, "/run/a")),
        (
            "netlink",
            netlink(0, 0, 17).trim_end().to_owned().into_bytes(),
        ),
        (
            "packet",
            packet(3, "0003", 0, 18).trim_end().to_owned().into_bytes(),
        ),
    ];
    for (table, row) in tables {
        for head in [header(table), ""] {
            let mut text = head.as_bytes().to_vec();
            for cut in 1..=row.len() {
                text.extend_from_slice(row[..cut].trim_ascii_end());
                text.push(b'\n');
            }
            let blank = text[head.len()..]
                .split(|byte| *byte == b'\n')
                .filter(|line| line.is_empty())
                .count()
                - 1;
            let run = decode(&text, "");
            let protos: Vec<String> = run
                .rows()
                .iter()
                .map(|row| row.split(' ').next().unwrap().to_owned())
                .collect();
            assert!(
                !protos.is_empty() && protos.iter().all(|proto| proto == table),
                "{table}: {protos:?}"
            );
            let said = run.one_line();
            let counted: usize = said
                .split(": ")
                .nth(1)
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert_eq!(counted + protos.len() + blank, row.len(), "{table}: {said}");
        }
    }
}

#[test]
fn descriptors_that_ls_listed_are_joined() {
    let (text, shown) = two_tables();
    let link = |fd: u32, inode: u32| {
        format!("lrwx------ 1 root root 64 Nov 25 20:48 {fd} -> socket:[{inode}]\n")
    };
    let columns = format!("PID FD {COLUMNS}");
    let others = [format!("- - {}", shown[0]), format!("- - {}", shown[1])];
    let listing = format!(
        "/proc/12/fd:\ntotal 0\nlrwx------ 1 root root 64 Nov 25 20:48 0 -> /dev/null\n{}{}\n/proc/7/task/9/fd:\ntotal 0\n{}",
        link(4, 18),
        link(3, 18),
        link(5, 18)
    );
    let expected = [
        format!("7 5 {WEB}"),
        format!("12 3 {WEB}"),
        format!("12 4 {WEB}"),
        others[0].clone(),
        others[1].clone(),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    for text in [format!("{text}{listing}"), format!("{listing}{text}")] {
        decode(&text, "").exactly(&list_under(&columns, &expected), 0);
        // A filter leaves the holders of what it leaves.
        decode(&text, "-t").exactly(&list_under(&columns, &expected[..3]), 0);
        decode(&text, "-x").exactly(&list_under(COLUMNS, &shown[..2]), 0);
    }
    let run = decode(format!("{text}{listing}"), "-j -t");
    assert!(
        run.out().contains("\"pid\":7,\"tid\":9,") && run.out().contains("\"owner\":\"process\""),
        "{}",
        run.out()
    );
    // Paths in the lines, quotes, and no heading.
    let whole = "lrwx------ 1 root root 64 Nov 25 20:48 /proc/12/fd/3 -> 'socket:[18]'\n";
    let one = [format!("12 3 {WEB}"), others[0].clone(), others[1].clone()];
    let one: Vec<&str> = one.iter().map(String::as_str).collect();
    decode(format!("{text}{whole}"), "").exactly(&list_under(&columns, &one), 0);
    let bare = [
        format!("3 {WEB}"),
        format!("- {}", shown[0]),
        format!("- {}", shown[1]),
    ];
    let bare: Vec<&str> = bare.iter().map(String::as_str).collect();
    let columns = format!("FD {COLUMNS}");
    decode(format!("{text}{}", link(3, 18)), "").exactly(&list_under(&columns, &bare), 0);
    decode(format!("/proc/self/fd:\n{}{text}", link(3, 18)), "")
        .exactly(&list_under(&columns, &bare), 0);
    decode(listing, "").shows_nothing();
}

#[test]
fn other_tables_of_numbers_and_words_are_counted() {
    let text = "4\tword\n5\tother\n".repeat(500);
    let run = decode(&text, "");
    assert_eq!((run.out(), run.status), ("", Some(1)));
    assert!(
        run.one_line()
            .contains("1000 lines belong to no known table"),
        "{}",
        run.err()
    );
}

// ---- what is said -----------------------------------------------------------------------------------------

#[test]
fn what_is_quoted_keeps_its_blanks() {
    let run = decode("a  line of\tblanks\n", "");
    assert!(
        run.one_line().ends_with("line 1: \"a  line of\\tblanks\""),
        "{}",
        run.err()
    );
    let tree = Tree::new();
    tree.table("tcp", &["not a  row"]);
    tree.process(6, "nginx");
    let run = tree.run("-t");
    let said = run.err().lines().next().unwrap_or_default();
    assert!(said.ends_with("the first: \"not a  row\""), "{said}");
}

#[test]
fn a_row_is_counted_once_however_often_its_table_is_read() {
    let tree = Tree::new();
    tree.table("tcp", &["broken".to_owned(), web(11)]);
    tree.process(6, "nginx").socket(3, 11).socket(4, 99);
    for args in ["", "-t", "6", "-E", "6 -E"] {
        let run = tree.run(args);
        assert!(
            run.one_line().contains(": 1 row skipped, "),
            "{args}: {}",
            run.err()
        );
    }
}

#[test]
fn nothing_is_said_of_rows_that_nobody_asked_for() {
    let tree = Tree::new();
    for (table, _) in HEADERS {
        tree.table(table, &["broken"]);
    }
    tree.table("netlink", &[netlink(0, 7, 11)]);
    tree.process(6, "nginx").socket(3, 11);
    tree.run("--netlink")
        .shows(&["6 nginx 3 netlink - 0 0 route:7 *"]);
    // The tables of another namespace are read for the other end alone.
    let tree = Tree::new();
    tree.namespace("b");
    tree.table_in("b", "tcp", &["broken"]);
    tree.table("tcp", &[web(11)]);
    tree.process(6, "nginx").socket(3, 11);
    tree.process_in("b", 7, "other").socket(3, 12);
    let run = tree.run("6 -E");
    assert_eq!(run.err(), "", "{}", run.out());
    let text = format!("{}broken\n{}{}\n", header("udp"), header("tcp"), web(11));
    decode(&text, "-t").exactly(&list_under(COLUMNS, &[WEB]), 0);
    decode(&text, "-u").one_line();
}
