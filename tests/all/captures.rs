//! Real tables of other kernels (tests/captures: 5.10, 6.1, 32-bit, big-endian, and one whose random numbers are not
//! ready), against what ss said there and against the list of the sockets that were made.
//!
//! What comes in: a capture. What goes out: what lsock makes of it, as text with the listing of the descriptors, and as a
//! fake proc tree. Both have to have every row.

use crate::run::{Run, list_under, lsock};
use crate::tree::Tree;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The tables, as the files below `net`.
const TABLES: [&str; 27] = [
    "tcp",
    "tcp6",
    "udp",
    "udp6",
    "udplite",
    "udplite6",
    "raw",
    "raw6",
    "icmp",
    "icmp6",
    "unix",
    "netlink",
    "packet",
    "sctp/assocs",
    "sctp/eps",
    "pfkey",
    "hci",
    "l2cap",
    "rfcomm",
    "sco",
    "bnep",
    "cmtp",
    "phonet",
    "ax25",
    "nr",
    "rose",
    "if_inet6",
];

/// A capture.
struct Capture {
    folder: PathBuf,
    /// The process that made the sockets.
    pid: u64,
    /// Descriptor, inode, and the kernel's name of the protocol, of each socket that was made.
    made: Vec<(u64, u64, String)>,
}

impl Capture {
    fn open(name: &str) -> Capture {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/captures")
            .join(name);
        let (mut pid, mut made) = (0, Vec::new());
        if let Ok(text) = fs::read_to_string(folder.join("manifest.json")) {
            let manifest: Value = serde_json::from_str(&text).unwrap();
            pid = manifest["pid"].as_u64().unwrap();
            for socket in manifest["sockets"].as_array().unwrap() {
                if let (Some(fd), Some(inode)) = (socket["fd"].as_u64(), socket["inode"].as_u64()) {
                    made.push((fd, inode, socket["proto"].as_str().unwrap_or("").to_owned()));
                }
            }
        }
        Capture { folder, pid, made }
    }

    /// The tables and the files of can-bcm, each with its name.
    fn tables(&self) -> Vec<(String, Vec<u8>)> {
        let mut names: Vec<String> = TABLES.map(str::to_owned).to_vec();
        if let Ok(files) = fs::read_dir(self.folder.join("net/can-bcm")) {
            names
                .extend(files.map(|file| {
                    format!("can-bcm/{}", file.unwrap().file_name().to_str().unwrap())
                }));
        }
        let read = |name: String| {
            let text = fs::read(self.folder.join("net").join(&name)).ok()?;
            Some((name, text))
        };
        names.into_iter().filter_map(read).collect()
    }

    /// Everything in one text.
    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (name, table) in self.tables() {
            text.extend_from_slice(format!("==> /proc/net/{name} <==\n").as_bytes());
            text.extend_from_slice(&table);
        }
        text.extend_from_slice(format!("/proc/{}/fd:\ntotal 0\n", self.pid).as_bytes());
        for (fd, inode, _) in &self.made {
            let line =
                format!("lrwx------ 1 root root 64 Nov 25 20:48 {fd} -> 'socket:[{inode}]'\n");
            text.extend_from_slice(line.as_bytes());
        }
        text
    }

    /// What lsock makes of the text.
    fn decoded(&self, args: &str) -> Vec<Value> {
        let tree = Tree::new();
        let file = tree.top().join("capture.txt");
        fs::write(&file, self.text()).unwrap();
        let args = args.split_ascii_whitespace();
        let run = Run::of(lsock().arg("--decode").arg(&file).arg("-j").args(args));
        assert_eq!(run.err(), "", "{}", self.folder.display());
        objects(&run)
    }

    /// What lsock makes of a proc tree with these tables and descriptors.
    fn read_as_tree(&self) -> Vec<Value> {
        let tree = Tree::new();
        let net = tree.net("a");
        if cfg!(target_endian = "little") {
            fs::remove_dir_all(&net).unwrap();
            symlink(self.folder.join("net"), &net).unwrap();
        } else {
            for (name, table) in self.tables() {
                fs::create_dir_all(net.join(&name).parent().unwrap()).unwrap();
                tree.table_text("a", &name, &table);
            }
        }
        let mut process = tree.process(u32::try_from(self.pid).unwrap(), "python3");
        for (fd, inode, _) in &self.made {
            process = process.socket(u32::try_from(*fd).unwrap(), *inode);
        }
        let run = tree.run("-j");
        assert_eq!(run.err(), "", "{}", self.folder.display());
        objects(&run)
    }

    /// The lines of ss about sockets that a table lists, without those of ss itself.
    fn ss(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.folder.join("ss-all")).unwrap();
        let lines = text
            .lines()
            .map(|line| line.split_ascii_whitespace().map(str::to_owned).collect());
        lines
            .filter(|words: &Vec<String>| {
                let netid = words.first().map_or("", String::as_str);
                let is_listed = matches!(
                    netid,
                    "nl" | "p_raw"
                        | "p_dgr"
                        | "u_str"
                        | "u_dgr"
                        | "u_seq"
                        | "udp"
                        | "tcp"
                        | "icmp6"
                        | "???"
                        | "sctp"
                );
                let is_sctp6_of_v4 =
                    words.iter().any(|word| word.starts_with("[::ffff:")) && netid == "sctp";
                let is_of_ss = netid == "nl" && words[4].starts_with("4:");
                let is_vsock = netid == "???" && inode_of(words).is_none();
                is_listed && !is_of_ss && !is_vsock && !is_sctp6_of_v4
            })
            .collect()
    }
}

fn objects(run: &Run) -> Vec<Value> {
    run.out()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The inode that a line of ss tells.
fn inode_of(words: &[String]) -> Option<u64> {
    if words[0].starts_with("u_") {
        return words[5].parse().ok();
    }
    words
        .iter()
        .find_map(|word| word.strip_prefix("ino:"))?
        .parse()
        .ok()
}

/// An address and port of ss as lsock writes them.
fn end(text: &str, is_v6: bool) -> String {
    let (address, port) = text.rsplit_once(':').unwrap();
    let address = address.split('%').next().unwrap();
    let address = address
        .strip_prefix("[::ffff:")
        .map_or(address, |v4| v4.trim_end_matches(']'));
    let closed = if text.starts_with('[') && !address.ends_with(']') && address.starts_with('[') {
        "]"
    } else {
        ""
    };
    match (address, port) {
        ("*" | "0.0.0.0" | "[::]", "*") => "*:*".to_owned(),
        ("*", port) => format!("{}:{port}", if is_v6 { "[::]" } else { "0.0.0.0" }),
        _ => format!("{address}{closed}:{port}"),
    }
}

/// The word of ss for a state.
fn ss_state(object: &Value) -> String {
    match object["state"].as_str().unwrap_or("UNCONN") {
        "ESTABLISHED" | "CONNECTED" | "CONNECTING" => "ESTAB".to_owned(),
        "UNCONNECTED" | "CLOSE" => "UNCONN".to_owned(),
        state => state.replace("WAIT2", "WAIT-2").replace('_', "-"),
    }
}

/// Whether `object` is the row of ss in `words`.
fn is_row(object: &Value, words: &[String]) -> bool {
    let text = |name: &str| object[name].as_str().unwrap_or("").to_owned();
    let proto = text("proto");
    let netid = words[0].as_str();
    let is_proto = match netid {
        "nl" => proto == "netlink",
        "p_raw" | "p_dgr" => proto == "packet",
        "u_str" => proto == "unix",
        "u_dgr" => proto == "unix-dgram",
        "u_seq" => proto == "unix-seq",
        "???" | "icmp6" => proto.starts_with("raw") || proto.starts_with("icmp"),
        "tcp" => proto.starts_with("tcp") || proto.starts_with("raw"),
        _ => proto.starts_with(netid),
    };
    let queue = |name: &str| object[name].as_u64().unwrap_or(0).to_string();
    // An unconnected socket of SCTP may have associations, whose states its rows tell.
    let has_no_state = netid == "nl" || (netid, words[1].as_str()) == ("sctp", "UNCONN");
    if !is_proto || (!has_no_state && ss_state(object) != words[1]) {
        return false;
    }
    match netid {
        "nl" => {
            let port = text("local")
                .rsplit_once(':')
                .map(|(_, port)| port.replace("kernel", "0"));
            let wanted = words[4].rsplit_once(':').map(|(_, port)| port.to_owned());
            return port == wanted && queue("recv_queue") == words[2];
        }
        "p_raw" | "p_dgr" => {
            // ss looked after the tables were read, and packets came meanwhile.
            let table = object["recv_queue"].as_u64().unwrap();
            let is_less = words[2].parse::<u64>().unwrap() >= table;
            return is_less && object["inode"].as_u64() == inode_of(words);
        }
        "u_str" | "u_dgr" | "u_seq" => {
            let path = object["path"].as_str().unwrap_or("*");
            return path == words[4] && object["inode"].as_u64() == inode_of(words);
        }
        _ => {}
    }
    let inode = object["inode"].as_u64().unwrap_or(0);
    if Some(inode) != inode_of(words) {
        return false;
    }
    if netid == "???" || netid == "icmp6" || proto.starts_with("raw") {
        // The number of the protocol stands where a port does.
        return words[2] == queue("recv_queue");
    }
    let is_v6 = object["family"] == "inet6" || text("local").starts_with('[');
    // Of several addresses ss names the first.
    let local = text("local");
    let port = |end: &str| end.rsplit_once(':').map(|(_, port)| port.to_owned());
    let is_end = if netid == "sctp" {
        port(&local) == port(&words[4])
    } else {
        let interface = local.find('%').map_or(local.clone(), |at| {
            format!("{}{}", &local[..at], &local[local.find(']').unwrap()..])
        });
        interface == end(&words[4], is_v6) && text("remote") == end(&words[5], is_v6)
    };
    let is_queue = words[1] == "LISTEN"
        || netid == "sctp"
        || (queue("recv_queue"), queue("send_queue")) == (words[2].clone(), words[3].clone());
    is_end && is_queue
}

#[test]
fn every_row_of_ss_is_a_row_of_a_real_table_decoded() {
    for (name, args, least) in [
        ("k510", "--endian little", 60),
        ("k61", "--endian little", 80),
        ("i386-61", "--endian little", 80),
        ("s390x-small", "--endian big", 30),
    ] {
        let capture = Capture::open(name);
        let (objects, ss) = (capture.decoded(args), capture.ss());
        let missing: Vec<String> = ss
            .iter()
            .filter(|words| !objects.iter().any(|object| is_row(object, words)))
            .map(|words| words.join(" "))
            .collect();
        assert_eq!(missing, [""; 0], "{name}");
        assert!(ss.len() >= least, "{name}: {}", ss.len());
        // And no table has a row that lsock has not.
        let rows = |name: &str, text: &[u8]| {
            let lines = text
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .count();
            match name {
                "ax25" => lines,
                "if_inet6" => 0,
                _ if name.starts_with("can-bcm") => 1,
                _ => lines - 1,
            }
        };
        let tables: usize = capture
            .tables()
            .iter()
            .map(|(name, text)| rows(name, text))
            .sum();
        assert_eq!(objects.len(), tables, "{name}");
    }
}

/// The words of PROTO for the kernel's names whose sockets are in a table, if they are in one at all.
fn words_of(kernel: &str) -> &'static [&'static str] {
    match kernel {
        "TCP" => &["tcp"],
        "TCPv6" => &["tcp6"],
        "UDP" => &["udp"],
        "UDPv6" => &["udp6"],
        "UDP-Lite" => &["udplite"],
        "UDPLITEv6" => &["udplite6"],
        "RAW" => &["raw"],
        "RAWv6" => &["raw6"],
        "PING" => &["icmp"],
        "PINGv6" => &["icmp6"],
        // Its subflows are rows of TCP.
        "MPTCP" => &["tcp", "mptcp"],
        "MPTCPv6" => &["tcp6", "mptcp6"],
        "UNIX" => &["unix", "unix-dgram", "unix-seq"],
        "UNIX-STREAM" => &["unix"],
        "NETLINK" => &["netlink"],
        "PACKET" => &["packet"],
        "SCTP" | "SCTPv6" => &["sctp"],
        "KEY" => &["pfkey"],
        "HCI" => &["hci"],
        "L2CAP" => &["l2cap"],
        "RFCOMM" => &["rfcomm"],
        "SCO" => &["sco"],
        "BNEP" => &["bnep"],
        "CMTP" => &["cmtp"],
        "CAN_BCM" => &["can_bcm"],
        "PHONET" | "PNPIPE" => &["phonet"],
        "AX25" => &["ax25"],
        "NETROM" => &["netrom"],
        "ROSE" => &["rose"],
        _ => &[],
    }
}

#[test]
fn every_socket_that_was_made_is_joined_with_its_row() {
    for name in ["k510", "k61", "i386-61"] {
        let capture = Capture::open(name);
        let is_listed = |inode: u64| {
            let word = inode.to_string();
            capture.tables().iter().any(|(name, text)| {
                let text = String::from_utf8_lossy(text);
                let is_file = name.strip_prefix("can-bcm/") == Some(&word);
                is_file
                    || text
                        .lines()
                        .any(|line| line.split_ascii_whitespace().any(|field| field == word))
            })
        };
        let (mut seen, mut listed) = (BTreeMap::new(), 0);
        for (of, objects) in [
            ("text", capture.decoded("--endian little")),
            ("tree", capture.read_as_tree()),
        ] {
            for (fd, inode, kernel) in &capture.made {
                let rows: Vec<&Value> = objects
                    .iter()
                    .filter(|row| {
                        let is_listed = row["state"] != Value::Null || row["local"] != "?";
                        row["inode"] == *inode && is_listed
                    })
                    .collect();
                let known = words_of(kernel);
                if known.is_empty() || !is_listed(*inode) {
                    continue;
                }
                listed += 1;
                assert!(!rows.is_empty(), "{name} {of}: {kernel} {inode}");
                for row in rows {
                    let proto = row["proto"].as_str().unwrap();
                    assert!(known.contains(&proto), "{name} {of}: {kernel} {row}");
                    assert_eq!(
                        (row["pid"].as_u64(), row["fd"].as_u64()),
                        (Some(capture.pid), Some(*fd)),
                        "{row}"
                    );
                }
                *seen.entry(kernel.clone()).or_insert(0) += 1;
            }
        }
        assert!(listed > 150, "{name}: {listed}");
        for kernel in [
            "PHONET", "PNPIPE", "AX25", "NETROM", "SCTP", "L2CAP", "CAN_BCM",
        ] {
            assert!(seen.contains_key(kernel), "{name} {kernel}: {seen:?}");
        }
    }
}

#[test]
fn tables_of_a_big_endian_machine_say_so() {
    let capture = Capture::open("s390x-small");
    let tree = Tree::new();
    let file = tree.top().join("s390x.txt");
    fs::write(&file, capture.text()).unwrap();
    let run = Run::of(
        lsock()
            .arg("--decode")
            .arg(&file)
            .arg("--endian")
            .arg("little"),
    );
    assert_eq!(
        run.one_line().rsplit_once("; ").unwrap().1,
        "try --endian big"
    );
    // It is not said where no address is asked for, and not in the right order.
    assert_eq!(capture.decoded("--endian little -x").len(), 5);
    assert_eq!(capture.decoded("--endian big -x").len(), 5);
}

#[test]
fn pointers_of_a_kernel_without_random_numbers_are_pointers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/ptrval");
    let tree = Tree::new();
    for table in ["unix", "tcp"] {
        tree.table_text("a", table, &fs::read(folder.join(table)).unwrap());
    }
    tree.process(85, "python3")
        .socket(3, 8165)
        .socket(4, 8166)
        .socket(5, 8167);
    tree.run("").shows(&[
        "85 python3 3 unix LISTEN - - /tmp/app.sock *",
        "85 python3 4 unix CONNECTED - - * *",
        "85 python3 5 tcp LISTEN 0 0 127.0.0.1:80 *:*",
        "- (accept-queue) - unix CONNECTING - - /tmp/app.sock *",
    ]);
    let run = Run::of(lsock().arg("--decode").arg(folder.join("unix")));
    let columns = "PROTO STATE RECV-Q SEND-Q LOCAL PEER";
    let rows = [
        "unix LISTEN - - /tmp/app.sock *",
        "unix CONNECTING - - /tmp/app.sock *",
        "unix CONNECTED - - * *",
    ];
    run.exactly(&list_under(columns, &rows), 0);
}
