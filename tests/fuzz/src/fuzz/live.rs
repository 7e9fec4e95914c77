//! Tables as the kernel has them, below a folder that is laid out like proc, with a process that holds some of their sockets. In: a byte
//! that says which table, two that say where it is cut, and its text. What holds: a table that is cut anywhere shows no row that the
//! whole one does not show, but for the beginning of a line that is no row as a whole; what is printed is JSON and can be shown; the work is bounded.

use std::fs;
use std::num::NonZero;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;

use super::steps::bounded;
use super::visible::is_visible;
use crate::cli::{self, Action};
use crate::plan::Plan;
use crate::proc::Proc;
use crate::snapshot::Take;
use crate::views;
use crate::warn::Warnings;

/// The tables.
const TABLES: [&str; 25] = [
    "tcp",
    "tcp6",
    "udp",
    "udp6",
    "udplite",
    "raw",
    "icmp",
    "unix",
    "netlink",
    "packet",
    "sctp/assocs",
    "sctp/eps",
    "l2cap",
    "phonet",
    "ax25",
    "pfkey",
    "udplite6",
    "raw6",
    "icmp6",
    "nr",
    "rose",
    "pnresource",
    "rfcomm",
    "sco",
    "hci",
];

/// The folder, which `ci/fuzz` removes with all of TMPDIR: a process 6 with descriptors of the inodes 10 to 13.
static TREE: LazyLock<PathBuf> = LazyLock::new(|| {
    let top = std::env::temp_dir().join(format!("lsock-fuzz-{}", std::process::id()));
    let fds = top.join("6/fd");
    let made = fs::create_dir_all(&fds).and_then(|()| fs::create_dir_all(top.join("6/net/sctp")));
    made.expect("a folder can be made in TMPDIR");
    for fd in 0..4 {
        symlink(format!("socket:[{}]", fd + 10), fds.join(fd.to_string()))
            .expect("a link can be made");
    }
    fs::write(top.join("6/comm"), "a b\n").expect("a file can be written");
    top
});

/// Fuzzes a table.
pub fn live(data: &[u8]) {
    let Some(([table, at @ ..], text)) = data.split_first_chunk::<3>() else {
        return;
    };
    let table = TABLES[usize::from(*table) % TABLES.len()];
    let whole = shown(table, text);
    let at = usize::from(u16::from_be_bytes(*at)) % (text.len() + 1);
    let cut = shown(table, &text[..at]);
    for object in rows(&cut) {
        let is_there = whole.iter().any(|row| is_same(row, object));
        assert!(
            is_there || !is_row(table, text, at),
            "{table} cut at {at}: {object}\nwhole: {whole:?}"
        );
    }
}

/// Returns true if the line that is cut at `at` is a row as a whole. One that is none may begin with one.
fn is_row(table: &str, text: &[u8], at: usize) -> bool {
    let header = text.iter().position(|byte| *byte == b'\n');
    let (header, _) = text.split_at(header.map_or(0, |at| at + 1));
    let start = text[..at].iter().rposition(|byte| *byte == b'\n');
    let mut lines = text[start.map_or(0, |at| at + 1)..].split(|byte| *byte == b'\n');
    let line = lines.next().unwrap_or_default();
    rows(&shown(table, &[header, line, b"\n"].concat())).count() > 0
}

/// Returns the objects that a row of the table is behind: others have no state and no end.
fn rows(objects: &[Value]) -> impl Iterator<Item = &Value> {
    objects.iter().filter(|object| object["local"] != "?")
}

/// Returns true if both are of one row. Whether somebody holds it, and who has to accept it, other rows may tell; and the name of a
/// unix socket that may be forged is told nowhere.
fn is_same(whole: &Value, cut: &Value) -> bool {
    let is_said = |name: &&str| whole[name] == cut[name];
    let of_both = [
        "proto",
        "inode",
        "uid",
        "local",
        "remote",
        "state",
        "recv_queue",
        "send_queue",
        "path",
        "protocol",
    ];
    let is_doubted =
        whole["family"] == "unix" && whole["local"] == "?" && whole["inode"] == cut["inode"];
    of_both.iter().all(is_said) || is_doubted
}

/// Returns the objects that are shown with this text as the table.
fn shown(table: &str, text: &[u8]) -> Vec<Value> {
    let path = TREE.join("6/net").join(table);
    fs::write(&path, text).expect("a file can be written");
    let (out, warnings) = bounded(text.len(), print);
    fs::remove_file(&path).expect("the file is there");
    is_visible(&out);
    is_visible(&warnings);
    out.lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

/// Returns what is printed on standard output, and the warnings.
fn print() -> (String, String) {
    let Ok(Action::Run(options)) = cli::parse(["-j".into()]) else {
        unreachable!()
    };
    let plan = Plan::of(&options);
    let proc = Proc::open(&TREE).expect("the folder is laid out like proc");
    let take = Take {
        proc: &proc,
        plan: &plan,
        namespaces: &[],
        threads: NonZero::new(1),
    };
    let (mut warnings, mut out) = (Warnings::default(), Vec::new());
    let mut snapshot = take
        .snapshot(&mut warnings)
        .expect("the folder can be read");
    snapshot.load_names(&proc, &plan, &mut warnings);
    views::write(&snapshot, &options, &mut out).expect("memory can be written to");
    (
        String::from_utf8(out).expect("what is printed is UTF-8"),
        warnings.into_text(),
    )
}
