//! `--json`, `-s` and `-o`, and what is said of options that contradict each other or do not exist, over fake trees.
//! Every line of JSON is read by `serde_json`, a parser that knows nothing of lsock. The live sockets
//! are in `live/json.rs`.

use crate::machine::skip;
use crate::numbers::Numbers;
use crate::rows::{EMPTY, ID, NOBODY, NOBODY6, listen, netlink, packet, tcp, tcp_short, udp, unix};
use crate::run::{Run, lsock};
use crate::tree::Tree;
use serde_json::{Value, json};
use std::fs;

/// The fields in their order; README promises them.
const FIELDS: [&str; 39] = [
    "pid",
    "tid",
    "command",
    "fd",
    "uid",
    "inode",
    "proto",
    "family",
    "type",
    "state",
    "recv_queue",
    "send_queue",
    "local",
    "remote",
    "local_address",
    "local_port",
    "remote_address",
    "remote_port",
    "path",
    "path_hex",
    "interface",
    "protocol",
    "owner",
    "netns",
    "container",
    "timer",
    "timer_seconds",
    "retransmits",
    "rto_seconds",
    "cwnd",
    "ssthresh",
    "drops",
    "peer_pid",
    "peer_command",
    "peer_container",
    "pod",
    "pod_namespace",
    "container_name",
    "unit",
];

/// The objects of `run`, one a line, each with all fields in order and none twice.
#[track_caller]
fn objects(run: &Run) -> Vec<Value> {
    run.is_sane();
    let object = |line: &str| {
        // In a string a quote has a backslash before it, so only a name looks so.
        let mut from = 0;
        for field in FIELDS {
            let name = format!("\"{field}\":");
            assert_eq!(line.matches(&name).count(), 1, "{name} in {line}");
            let at = line.find(&name).unwrap();
            assert!(at >= from, "{name} is out of order in {line}");
            from = at;
        }
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(value.as_object().unwrap().len(), FIELDS.len(), "{line}");
        value
    };
    run.out().lines().map(object).collect()
}

/// The one object of `run`, without the fields that are null.
#[track_caller]
fn told(run: &Run) -> Value {
    let mut all = objects(run);
    assert_eq!(all.len(), 1, "{}", run.out());
    let mut object = all.remove(0);
    object
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    object
}

/// A tree with a socket of most kinds, all of process 6.
fn kinds() -> Tree {
    let tree = Tree::new();
    let established = "   8: 020011AC:1F90 010011AC:D63E 01 00000005:00000007 02:000AFBB8 00000003  1000        0 21 1 0000000000000000 20 4 20 10 7";
    let rows = [
        tcp("00000000:1F90", NOBODY, "0A", "00000000:00000002", 33, 20),
        established.to_owned(),
        tcp_short("020011AC:1F90", "010011AC:D52A", "06"),
    ];
    tree.table("tcp", &rows);
    let mapped = "0000000000000000FFFF00000200000A";
    let row = tcp(
        &format!("{mapped}:0050"),
        &format!("{mapped}:D63E"),
        "01",
        EMPTY,
        0,
        22,
    );
    let link_local = "000080FE00000000FF00FC0001000000";
    let other = tcp(&format!("{link_local}:0016"), NOBODY6, "0A", EMPTY, 0, 23);
    tree.table("tcp6", &[row, other]);
    tree.table_text(
        "a",
        "if_inet6",
        b"fe8000000000000000fc00ff00000001 04 40 20 80     eth0\n",
    );
    tree.table(
        "udp",
        &[udp("00000000:0035", NOBODY, "07", EMPTY, 104, 30).replace(" 0  ", " 17 ")],
    );
    tree.table("raw", &[udp("00000000:0001", NOBODY, "07", EMPTY, 0, 31)]);
    tree.table("icmp", &[udp("00000000:004D", NOBODY, "07", EMPTY, 0, 32)]);
    tree.table(
        "unix",
        &[
            unix("00010000", "0001", "01", 40, "/run/app.sock"),
            unix("00000000", "0002", "03", 41, "@name"),
            unix("00000000", "0005", "03", 42, ""),
            unix(
                "00010000",
                "0001",
                "01",
                43,
                b"/run/\xff \"quoted\"\\\x1b[31m",
            ),
        ],
    );
    tree.table("netlink", &[netlink(0, 1419, 50)]);
    tree.table(
        "packet",
        &[packet(3, "0003", 4, 60), packet(2, "0800", 0, 61)],
    );
    let mut process = tree.process(6, "java").ns_net(4_026_531_840);
    for inode in [20, 21, 22, 23, 30, 31, 32, 40, 41, 42, 43, 50, 60, 61, 99] {
        process = process.socket(u32::try_from(inode).unwrap(), inode);
    }
    let _ = process.file("cgroup", format!("0::/system.slice/docker-{ID}.scope\n"));
    tree
}

/// What every row of process 6 in `kinds` has.
fn of_java(fd: u32, rest: &Value) -> Value {
    let mut object = json!({
        "pid": 6, "command": "java", "fd": fd, "inode": fd, "owner": "process", "netns": 4_026_531_840_u32, "container": ID,
    });
    let map = object.as_object_mut().unwrap();
    for (name, value) in rest.as_object().unwrap() {
        map.insert(name.clone(), value.clone());
    }
    object
}

#[test]
fn a_line_has_every_field_in_its_order() {
    let tree = kinds();
    let line = format!(
        concat!(
            r#"{{"pid":6,"tid":null,"command":"java","fd":21,"uid":1000,"inode":21,"proto":"tcp","family":"inet","type":"stream","#,
            r#""state":"ESTABLISHED","recv_queue":7,"send_queue":5,"local":"172.17.0.2:8080","remote":"172.17.0.1:54846","#,
            r#""local_address":"172.17.0.2","local_port":8080,"remote_address":"172.17.0.1","remote_port":54846,"path":null,"#,
            r#""path_hex":null,"interface":null,"protocol":null,"owner":"process","netns":4026531840,"container":"{}","#,
            r#""timer":"keepalive","timer_seconds":7198.00,"retransmits":3,"rto_seconds":0.20,"cwnd":10,"ssthresh":7,"#,
            r#""drops":null,"peer_pid":null,"peer_command":null,"peer_container":null,"pod":null,"pod_namespace":null,"#,
            r#""container_name":null,"unit":null}}"#,
            "\n"
        ),
        ID
    );
    for args in ["--json socket:[21]", "-j socket:[21]", "-ejH --inode 21"] {
        tree.run(args).exactly(&line, 0);
    }
}

#[test]
fn tcp_tells_its_ends_in_parts() {
    let tree = kinds();
    assert_eq!(
        told(&tree.run("-j socket:[20]")),
        of_java(
            20,
            &json!({
                "uid": 33, "proto": "tcp", "family": "inet", "type": "stream", "state": "LISTEN", "recv_queue": 2, "send_queue": 0,
                "local": "0.0.0.0:8080", "remote": "*:*", "local_address": "0.0.0.0", "local_port": 8080, "retransmits": 0,
            })
        )
    );
    // A v4-mapped address prints as IPv4; that the socket is one of IPv6 is its family.
    assert_eq!(
        told(&tree.run("-j socket:[22]")),
        of_java(
            22,
            &json!({
                "uid": 0, "proto": "tcp6", "family": "inet6", "type": "stream", "state": "ESTABLISHED", "recv_queue": 0,
                "send_queue": 0, "local": "10.0.0.2:80", "remote": "10.0.0.2:54846", "local_address": "10.0.0.2",
                "local_port": 80, "remote_address": "10.0.0.2", "remote_port": 54846, "retransmits": 0, "rto_seconds": 0.2,
                "cwnd": 10,
            })
        )
    );
    // The interface is a field of its own, so that the address is one for every library.
    assert_eq!(
        told(&tree.run("-j socket:[23]")),
        of_java(
            23,
            &json!({
                "uid": 0, "proto": "tcp6", "family": "inet6", "type": "stream", "state": "LISTEN", "recv_queue": 0,
                "send_queue": 0, "local": "[fe80::fc:ff:0:1%eth0]:22", "remote": "*:*", "local_address": "fe80::fc:ff:0:1",
                "local_port": 22, "interface": "eth0", "retransmits": 0,
            })
        )
    );
}

#[test]
fn a_socket_that_nobody_holds_has_its_reason_as_owner() {
    assert_eq!(
        told(&kinds().run("-j -s=TIME_WAIT")),
        json!({
            "uid": 0, "proto": "tcp", "family": "inet", "type": "stream", "state": "TIME_WAIT", "recv_queue": 0,
            "send_queue": 0, "local": "172.17.0.2:8080", "remote": "172.17.0.1:54570", "local_address": "172.17.0.2",
            "local_port": 8080, "remote_address": "172.17.0.1", "remote_port": 54570, "owner": "(time-wait)",
            "netns": 4_026_531_840_u32, "container": ID, "timer": "timewait", "timer_seconds": 59.99, "retransmits": 0,
        })
    );
}

#[test]
fn what_is_no_tcp_tells_what_it_has() {
    let tree = kinds();
    let inet = |fd: u32, uid: u32, proto: &str, kind: &str, local: &str, rest: Value| {
        let mut object = of_java(fd, &rest);
        let map = object.as_object_mut().unwrap();
        let common = json!({
            "uid": uid, "proto": proto, "family": "inet", "type": kind, "state": "UNCONNECTED", "recv_queue": 0,
            "send_queue": 0, "local": local, "remote": "*:*", "local_address": "0.0.0.0",
        });
        map.extend(common.as_object().unwrap().clone());
        object
    };
    let told = |inode: u32| told(&tree.run(&format!("-j socket:[{inode}]")));
    assert_eq!(
        told(30),
        inet(
            30,
            104,
            "udp",
            "dgram",
            "0.0.0.0:53",
            json!({"local_port": 53, "drops": 17})
        )
    );
    assert_eq!(
        told(31),
        inet(
            31,
            0,
            "raw",
            "raw",
            "0.0.0.0:icmp",
            json!({"protocol": "icmp", "drops": 0})
        )
    );
    // Its id is no port.
    assert_eq!(
        told(32),
        inet(32, 0, "icmp", "dgram", "0.0.0.0:77", json!({"drops": 0}))
    );
    assert_eq!(
        told(50),
        of_java(
            50,
            &json!({
                "proto": "netlink", "family": "netlink", "recv_queue": 0, "send_queue": 0, "local": "route:1419", "remote": "*",
                "protocol": "route", "drops": 0,
            })
        )
    );
    assert_eq!(
        told(60),
        of_java(
            60,
            &json!({
                "uid": 0, "proto": "packet", "family": "packet", "type": "raw", "recv_queue": 0, "local": "all:eth0",
                "remote": "*", "interface": "eth0", "protocol": "all",
            })
        )
    );
    assert_eq!(
        told(61),
        of_java(
            61,
            &json!({
                "uid": 0, "proto": "packet", "family": "packet", "type": "dgram", "recv_queue": 0, "local": "ip:*",
                "remote": "*", "protocol": "ip",
            })
        )
    );
    // No table lists it, and a fake tree has no sockprotoname. It need not be of its holder's namespace.
    let mut unlisted = of_java(99, &json!({"local": "?", "remote": "-"}));
    unlisted.as_object_mut().unwrap().remove("netns");
    assert_eq!(told(99), unlisted);
}

#[test]
fn a_unix_socket_tells_its_path() {
    let tree = kinds();
    let unix = |fd: u32, proto: &str, kind: &str, state: &str, local: &str, rest: Value| {
        let mut object = of_java(fd, &rest);
        let map = object.as_object_mut().unwrap();
        let common = json!({
            "proto": proto, "family": "unix", "type": kind, "state": state, "local": local, "remote": "*",
        });
        map.extend(common.as_object().unwrap().clone());
        object
    };
    let told = |inode: u32| told(&tree.run(&format!("-j socket:[{inode}]")));
    let path = "/run/app.sock";
    assert_eq!(
        told(40),
        unix(40, "unix", "stream", "LISTEN", path, json!({"path": path}))
    );
    assert_eq!(
        told(41),
        unix(
            41,
            "unix-dgram",
            "dgram",
            "CONNECTED",
            "@name",
            json!({"path": "@name"})
        )
    );
    assert_eq!(
        told(42),
        unix(42, "unix-seq", "seqpacket", "CONNECTED", "*", json!({}))
    );
    let bytes = json!({
        "path": "/run/\u{fffd} \"quoted\"\\\u{1b}[31m", "path_hex": "2f72756e2fff202271756f746564225c1b5b33316d",
    });
    let local = r#"/run/\xff\x20"quoted"\\\x1b[31m"#;
    assert_eq!(told(43), unix(43, "unix", "stream", "LISTEN", local, bytes));
}

#[test]
fn a_process_that_is_read_through_another_thread_names_it() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    let process = tree.process(7, "java").without("net");
    let _ = process.thread(7, "java", "a").without("net");
    let _ = process.thread(9, "worker", "a").socket(3, 11);
    let object = told(&tree.run("-j :80"));
    assert_eq!((&object["pid"], &object["tid"]), (&json!(7), &json!(9)));
}

#[test]
fn whatever_bytes_a_name_has_it_is_json() {
    let tree = Tree::new();
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let pieces: [&[u8]; 16] = [
        b"/run/app",
        b"\"",
        b"\\",
        b"\\u0000",
        b"\x1b",
        b"\x7f",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x80\xa8",
        b"\xe2\x80\xae",
        b" ",
        b"\t\r",
        "🧀".as_bytes(),
        b"\":null,\"pid\":7,\"",
    ];
    // Each byte alone, but the newline, which ends a row in the kernel's table too; then pieces that mean something to somebody.
    let mut names: Vec<Vec<u8>> = (1..=u8::MAX)
        .filter(|byte| *byte != b'\n')
        .map(|byte| vec![b'/', byte])
        .collect();
    for _ in 0..2000 {
        let mut name = b"/".to_vec();
        for _ in 0..=numbers.below(6) {
            name.extend_from_slice(pieces[numbers.below(pieces.len())]);
        }
        names.push(name);
    }
    let rows: Vec<_> = (0..)
        .zip(&names)
        .map(|(at, name)| unix("00010000", "0001", "01", 1000 + at, name))
        .collect();
    tree.table("unix", &rows);
    let mut process = tree.process(6, b"ev\x1bil\"\\\xff\xe2\x80\xae");
    for (at, _) in (0..).zip(&names) {
        process = process.socket(3 + u32::try_from(at).unwrap(), 1000 + at);
    }
    let run = tree.run("--json");
    let objects = objects(&run);
    assert_eq!(objects.len(), names.len());
    let mut odd = 0;
    for (object, name) in objects.iter().zip(&names) {
        assert_eq!(
            object["path"],
            json!(String::from_utf8_lossy(name)),
            "{name:?}"
        );
        assert_eq!(object["command"], json!("ev\u{1b}il\"\\\u{fffd}\u{202e}"));
        let hex: Vec<String> = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let is_odd = std::str::from_utf8(name).is_err();
        odd += usize::from(is_odd);
        assert_eq!(
            object["path_hex"],
            if is_odd {
                json!(hex.concat())
            } else {
                Value::Null
            },
            "{name:?}"
        );
    }
    assert!(odd > 100, "the names are too tame: {odd}");
    // What hides text or turns it round does not pass as such.
    assert!(!run.out().contains('\u{202e}'));
    assert!(!run.out().contains('\u{2028}'));
}

#[test]
fn json_has_the_rows_of_the_list_and_its_exit_status() {
    let tree = kinds();
    let (list, run) = (tree.run("-H"), tree.run("--json"));
    assert_eq!(list.out().lines().count(), objects(&run).len());
    for (line, object) in list.out().lines().zip(objects(&run)) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        assert_eq!(object["local"], json!(words[7]), "{line}");
        assert_eq!(object["remote"], json!(words[8]), "{line}");
    }
    // One of its sockets is in no table.
    tree.run("--json :9").prints("", 3);
    tree.run("--json -u :9").shows_nothing();
}

// ---- the timer --------------------------------------------------------------------------------------------------------

#[test]
fn the_timer_is_shown_as_ss_names_it() {
    let tree = Tree::new();
    let row = |port: u32, timer: &str, retransmits: &str| {
        tcp(
            &format!("0100007F:{port:04X}"),
            "0100007F:1F90",
            "01",
            EMPTY,
            0,
            u64::from(port),
        )
        .replace("00:00000000 00000000 ", &format!("{timer} {retransmits} "))
    };
    let rows = [
        row(1, "00:00000000", "00000000"),
        row(2, "01:00000015", "00000002"),
        row(3, "02:000AFBD8", "00000000"),
        row(4, "04:00000FFF", "00000001"),
        tcp_short("0100007F:0005", "0100007F:1F90", "06"),
    ];
    tree.table("tcp", &rows);
    let _ = tree
        .process(6, "java")
        .socket(3, 1)
        .socket(4, 2)
        .socket(5, 3)
        .socket(6, 4);
    let columns = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        words[words.len() - 2..].join(" ")
    };
    let run = tree.run("-o");
    let shown: Vec<String> = run.out().lines().map(columns).collect();
    assert_eq!(
        shown,
        [
            "TIMER RETRANS",
            "- 0",
            "on:0.21s 2",
            "keepalive:7198.32s 0",
            "persist:40.95s 1",
            "timewait:59.99s 0"
        ]
    );
    // -e has both anyway, once.
    assert_eq!(tree.run("-eo").out(), tree.run("-e").out());
    assert!(tree.run("-e").out().contains(" TIMER "));
}

// ---- the summary ------------------------------------------------------------------------------------------------------

/// `leaky` has forgotten to close 3 connections; `busy` holds more sockets, and shares its listener with a worker.
fn leak() -> Tree {
    let tree = Tree::new();
    let row = |inode: u64, state: &str| {
        tcp(
            &format!("0100007F:{inode:04X}"),
            "0100007F:1F90",
            state,
            EMPTY,
            0,
            inode,
        )
    };
    let mut rows = vec![
        row(100, "0A"),
        tcp_short("0100007F:0001", "0100007F:1F90", "06"),
    ];
    rows.extend((101..107).map(|inode| row(inode, "01")));
    rows.extend((110..113).map(|inode| row(inode, "08")));
    rows.push(row(113, "01"));
    tree.table("tcp", &rows);
    tree.table("unix", &[unix("00010000", "0001", "01", 120, "/run/x")]);
    tree.table("netlink", &[netlink(0, 7, 130), netlink(0, 0, 131)]);
    let mut busy = tree
        .process(6, "busy")
        .socket(3, 100)
        .socket(4, 100)
        .socket(50, 130);
    for inode in 101..107 {
        busy = busy.socket(u32::try_from(inode).unwrap(), inode);
    }
    let _ = tree.process(7, "worker").socket(3, 100);
    let mut leaky = tree.process(8, "lea\x1bky").socket(3, 120);
    for inode in 110..114 {
        leaky = leaky.socket(u32::try_from(inode).unwrap(), inode);
    }
    tree
}

#[test]
fn the_summary_counts_states_and_puts_a_leak_first() {
    let text = "\
PROTO   SOCKETS STATES
tcp          12 CLOSE_WAIT:3,ESTABLISHED:7,LISTEN:1,TIME_WAIT:1
unix          1 LISTEN:1
netlink       2 -

PID COMMAND     SOCKETS STATES
  8 lea\\x1bky         5 CLOSE_WAIT:3,ESTABLISHED:1,LISTEN:1
  6 busy              8 ESTABLISHED:6,LISTEN:1,netlink:1
  7 worker            1 LISTEN:1
  - (time-wait)       1 TIME_WAIT:1
  - (kernel)          1 netlink:1

REMOTE    SOCKETS STATES
127.0.0.1      12 CLOSE_WAIT:3,ESTABLISHED:7,LISTEN:1,TIME_WAIT:1
";
    for args in ["-s", "--summary", "-sn", "-s -p"] {
        leak().run(args).exactly(text, 0);
    }
}

// `local` has it, so `interface` has it.
#[test]
fn the_interface_of_a_link_local_address_of_sctp_is_told() {
    let tree = Tree::new();
    fs::create_dir(tree.net("a").join("sctp")).unwrap();
    tree.table_text(
        "a",
        "sctp/eps",
        b" ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n0 0 2 10 25 5000 0 9 *fe80:0000:0000:0000:0000:0000:0000:0001 10.0.0.1\n",
    );
    let addresses = b"fe800000000000000000000000000001 02 40 20 80     eth0\n";
    tree.table_text("a", "if_inet6", addresses);
    tree.process(7, "gw").socket(3, 9);
    let shown = objects(&tree.run("-j 7"));
    assert_eq!(shown[0]["local"], "[fe80::1%eth0],10.0.0.1:5000");
    assert_eq!(shown[0]["interface"], "eth0");
}

#[test]
fn an_interface_is_called_the_same_whichever_table_tells_it() {
    let tree = Tree::new();
    let addresses = b"fe800000000000000000000000000001 02 40 20 80     e\\th\n";
    tree.table_text("a", "if_inet6", addresses);
    let local = "000080FE000000000000000001000000:14E9";
    tree.table("udp6", &[udp(local, NOBODY6, "07", EMPTY, 0, 8)]);
    tree.table("packet", &[packet(3, "0003", 2, 9)]);
    tree.process(7, "lldpd").socket(3, 8).socket(4, 9);
    let shown = objects(&tree.run("-j 7"));
    assert_eq!(shown[0]["local"], r"[fe80::1%e\\th]:5353");
    assert_eq!(shown[1]["local"], r"all:e\\th");
    for row in &shown {
        assert_eq!(row["interface"], r"e\th");
    }
}

#[test]
fn the_summary_is_of_what_is_selected() {
    leak().run("-sH 8").exactly(
        "tcp  4 CLOSE_WAIT:3,ESTABLISHED:1\nunix 1 LISTEN:1\n\n8 lea\\x1bky 5 CLOSE_WAIT:3,ESTABLISHED:1,LISTEN:1\n\n127.0.0.1 4 CLOSE_WAIT:3,ESTABLISHED:1\n",
        0,
    );
    leak().run("-s -sCLOSE_WAIT -H").exactly(
        "tcp 3 CLOSE_WAIT:3\n\n8 lea\\x1bky 3 CLOSE_WAIT:3\n\n127.0.0.1 3 CLOSE_WAIT:3\n",
        0,
    );
    leak().run("-s :9").shows_nothing();
}

#[test]
fn the_summary_as_json_is_a_line_for_each_of_its_lines() {
    let run = leak().run("-s --json");
    // The groups have tests of their own; what these lines had before there were any, they keep.
    let objects: Vec<Value> = run
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["kind"] == "protocol" || line["kind"] == "owner")
        .map(|line| {
            let names = [
                "proto",
                "pid",
                "command",
                "owner",
                "container",
                "sockets",
                "states",
            ];
            let members = names.map(|name| (name.to_owned(), line[name].clone()));
            Value::Object(members.into_iter().collect())
        })
        .collect();
    let line = |proto: Value,
                pid: Value,
                command: Value,
                owner: Value,
                sockets: u32,
                states: Value| {
        json!({"proto": proto, "pid": pid, "command": command, "owner": owner, "container": null, "sockets": sockets, "states": states})
    };
    let (none, process) = (Value::Null, json!("process"));
    let of_proto = |proto: &str, sockets, states| {
        line(
            json!(proto),
            none.clone(),
            none.clone(),
            none.clone(),
            sockets,
            states,
        )
    };
    let of_process = |pid: u32, command: &str, sockets, states| {
        line(
            none.clone(),
            json!(pid),
            json!(command),
            process.clone(),
            sockets,
            states,
        )
    };
    let unheld = |owner: &str, sockets, states| {
        line(
            none.clone(),
            none.clone(),
            none.clone(),
            json!(owner),
            sockets,
            states,
        )
    };
    assert_eq!(
        objects,
        [
            of_proto(
                "tcp",
                12,
                json!({"CLOSE_WAIT": 3, "ESTABLISHED": 7, "LISTEN": 1, "TIME_WAIT": 1})
            ),
            of_proto("unix", 1, json!({"LISTEN": 1})),
            of_proto("netlink", 2, json!({"netlink": 2})),
            of_process(
                8,
                "lea\u{1b}ky",
                5,
                json!({"CLOSE_WAIT": 3, "ESTABLISHED": 1, "LISTEN": 1})
            ),
            of_process(
                6,
                "busy",
                8,
                json!({"ESTABLISHED": 6, "LISTEN": 1, "netlink": 1})
            ),
            of_process(7, "worker", 1, json!({"LISTEN": 1})),
            unheld("(time-wait)", 1, json!({"TIME_WAIT": 1})),
            unheld("(kernel)", 1, json!({"netlink": 1})),
        ]
    );
    let first = "{\"proto\":\"tcp\",\"pid\":null,\"command\":null,\"owner\":null,\"container\":null,\"sockets\":12,\"states\":{\"CLOSE_WAIT\":3,";
    assert!(run.out().starts_with(first), "{}", run.out());
}

#[test]
fn of_many_processes_the_summary_names_ten_and_json_all() {
    let tree = Tree::new();
    let rows: Vec<String> = (1..=25)
        .map(|port| {
            tcp(
                &format!("0100007F:{port:04X}"),
                NOBODY,
                "0A",
                EMPTY,
                0,
                port,
            )
        })
        .collect();
    tree.table("tcp", &rows);
    for pid in 1..=24 {
        let _ = tree
            .process(pid, "many")
            .socket(3, u64::from(pid))
            .file("cgroup", format!("0::/docker/{ID}\n"));
    }
    let run = tree.run("-sH");
    let lines: Vec<&str> = run.out().lines().collect();
    assert_eq!(lines[0], "tcp 25 LISTEN:25");
    assert_eq!(lines.len(), 2 + 10 + 2, "{}", run.out());
    assert_eq!(lines[11], "10 many         1 LISTEN:1");
    assert_eq!(lines[12], " - (14-more)   14 -");
    assert_eq!(lines[13], " - (elsewhere)  1 LISTEN:1");
    assert_eq!(tree.run("-sj").out().lines().count(), 1 + 24 + 1);
}

#[test]
fn with_several_namespaces_the_summary_names_containers() {
    let tree = Tree::new();
    tree.namespace("b");
    for (namespace, pid) in [("a", 6), ("b", 7)] {
        let row = listen(80, u64::from(pid));
        tree.table_in(namespace, "tcp", &[row]);
        let process = tree
            .process_in(namespace, pid, "web")
            .socket(3, u64::from(pid));
        if pid == 7 {
            let _ = process.file("cgroup", format!("0::/docker/{ID}\n"));
        }
    }
    let text = "\
PROTO SOCKETS STATES
tcp         2 LISTEN:2

PID COMMAND CONTAINER    SOCKETS STATES
  6 web     -                  1 LISTEN:1
  7 web     54e9a2cefd94       1 LISTEN:1
";
    tree.run("-s").exactly(text, 0);
}

// ---- the command line -------------------------------------------------------------------------------------------------

#[test]
fn options_that_contradict_each_other_say_so() {
    for (args, one, other) in [
        ("-q --json", "--quiet", "--json"),
        ("-j -q", "--quiet", "--json"),
        ("-T --json", "--pids", "--json"),
        ("-s -q", "--quiet", "--summary"),
        ("-sq", "--quiet", "--summary"),
        ("-sT", "--pids", "--summary"),
        ("--summary --pids", "--pids", "--summary"),
        ("-qT", "--quiet", "--pids"),
    ] {
        let run = kinds().run(args);
        run.refuses(one);
        run.refuses(other);
    }
    // Nothing is wrong with saying a thing twice, or with what has nothing to do.
    kinds().run("-qq").exactly("", 0);
    kinds().run("-qeoH").exactly("", 0);
}

#[test]
fn a_state_apart_from_its_option_is_no_command() {
    for args in ["-s LISTEN", "-s close-wait", "LISTEN", "-t established"] {
        kinds().run(args).refuses("attached to -s");
    }
    // lsof's form has a protocol in front, which no command has.
    for args in ["-s TCP:LISTEN", "-s tcp:listen", "-sTCP:LISTEN"] {
        let run = kinds().run(args);
        run.exactly(kinds().run("--state TCP:LISTEN").out(), 0);
    }
    kinds().run("-s java -H -x").prints("unix       2 LISTEN:2\nunix-dgram 1 CONNECTED:1\nunix-seq   1 CONNECTED:1\n\n6 java 4 CONNECTED:2,LISTEN:2\n", 0);
}

#[test]
fn a_wrong_option_suggests_the_nearest() {
    for (typed, near) in [
        ("--jsn", "--json"),
        ("--JSON", "--help"),
        ("--sumary", "--summary"),
        ("--listen", "--listening"),
        ("--contianer=54e9", "--container"),
        ("--porrt", "--port"),
        ("--header", "--no-header"),
        ("--frobnicate", "--help"),
        ("-Z", "--help"),
    ] {
        let run = kinds().run(typed);
        run.refuses(typed.split('=').next().unwrap());
        let asks = run.err().contains(&format!("did you mean {near}?"));
        assert_eq!(asks, near != "--help", "{}", run.err());
        assert!(run.err().contains(near), "{}", run.err());
    }
}

/// The options that `--help` names. The ways into a container, at its end, are other programs' commands.
fn options_of_help() -> Vec<String> {
    let help = Run::of(lsock().arg("--help"));
    options_of(help.out().split_once("\nWays into").unwrap().0)
}

/// The options that a text names: `--word`, and `-x` for each letter of `-x` and `-xyz`.
fn options_of(text: &str) -> Vec<String> {
    let mut options = Vec::new();
    for word in text.split(|char: char| char.is_whitespace() || "[]()|,=`'\"".contains(char)) {
        if let Some(name) = word.strip_prefix("--") {
            let name = name
                .split(|char: char| {
                    !char.is_ascii_lowercase() && !char.is_ascii_digit() && char != '-'
                })
                .next()
                .unwrap();
            // A line of a table in README is dashes alone.
            let is_name = name.starts_with(|char: char| char.is_ascii_lowercase());
            options.extend(Some(format!("--{name}")).filter(|_| is_name));
        } else if let Some(letters) = word.strip_prefix('-') {
            let letters = letters.chars().take_while(char::is_ascii_alphanumeric);
            options.extend(letters.map(|letter| format!("-{letter}")));
        }
    }
    options.sort();
    options.dedup();
    options
}

/// Whether lsock knows `option`, whatever it says of a missing value.
fn is_known(option: &str) -> bool {
    let run = Run::of(lsock().args([option, "--proc", "/nonexistent"]));
    !run.err().contains("no such option")
}

// That the help has all that the table of options has, and shows which of them take a value, is tested beside the table.
#[test]
fn the_help_names_what_the_parser_takes_and_nothing_else() {
    let named = options_of_help();
    assert!(named.len() > 40, "{named:?}");
    for option in &named {
        assert!(
            is_known(option),
            "{option} is in the help, but does not exist"
        );
    }
    for letter in ('0'..='9').chain('A'..='Z').chain('a'..='z') {
        let option = format!("-{letter}");
        let is_named = named.contains(&option);
        assert_eq!(is_known(&option), is_named, "{option}");
    }
}

#[test]
fn an_empty_value_is_refused_by_every_option() {
    let options = options_of_help();
    // What ends the command line, and what is refused before anything behind it is looked at.
    let ends = ["-h", "--help", "-V", "--version", "-F", "-m", "-r"];
    let mut with_value = 0;
    for option in options.iter().filter(|name| !ends.contains(&name.as_str())) {
        // Nothing is selected by an empty word, whether it is a value or a selector.
        let apart = Run::of(lsock().args([option, ""]));
        apart.refuses("'");
        let attached = Run::of(lsock().arg(format!("{option}=")));
        attached.refuses(&format!("'{option}' "));
        let alone = Run::of(lsock().args(["--proc", "/nonexistent", option]));
        let needs = format!("'{option}' needs a value");
        if alone.err().contains(&needs) {
            apart.refuses(&needs);
            attached.refuses(&needs);
            with_value += 1;
        } else {
            apart.refuses("'': ");
        }
    }
    assert!(with_value > 15, "{with_value} of {options:?}");
}

#[test]
fn the_help_fits_a_terminal() {
    let help = Run::of(lsock().arg("--help"));
    for line in help.out().lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(line.is_ascii() && !line.ends_with(' '), "{line:?}");
    }
}

/// Options in README that are other programs'.
const OTHERS: [&str; 24] = [
    "--cap-add",
    "--cap-drop",
    "--rm",
    "--pid",
    "--net",
    "--network",
    "--name",
    "--privileged",
    "--target",
    "--release",
    "--locked",
    "--user",
    "--interval",
    "--timeout",
    "--retries",
    "--image",
    "--profile",
    "--entrypoint",
    "--volume",
    "--security-opt",
    "--share-processes",
    "--copy-to",
    "--git",
    "--path",
];

#[test]
fn readme_names_no_option_that_does_not_exist() {
    let Ok(readme) = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")) else {
        return skip("there is no README.md yet");
    };
    for option in options_of(&readme)
        .iter()
        .filter(|option| option.starts_with("--"))
    {
        assert!(
            OTHERS.contains(&option.as_str()) || is_known(option),
            "{option} in README.md does not exist"
        );
    }
    // Whoever reads it learns of the fields that are promised.
    for field in FIELDS.iter().filter(|_| readme.contains("rto_seconds")) {
        assert!(
            readme.contains(field),
            "README.md tells of the fields, but not of {field}"
        );
    }
}
