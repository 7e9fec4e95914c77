//! Captured text: all parsers, all headers. `tables` takes a whole text, `cut` two bytes that say where to cut and then a header and a
//! row. What holds: standard output is JSON with every field in every line; the list says the same in words that can be
//! undone; a row of the internet or unix means what its text says; the kernel's own rows are all shown; no row becomes another one by
//! being cut; the work is bounded.

use std::collections::HashSet;

use serde_json::Value;

use super::decode::{decode, objects};
use super::naive::{has_unusual_header, inet_rows};
use super::visible::{is_visible, unescaped};

/// The first fields of an object, by README; new ones come last.
const FIELDS: &str = "pid tid command fd uid inode proto family type state recv_queue send_queue local remote local_address local_port \
remote_address remote_port path path_hex interface protocol owner netns container timer timer_seconds retransmits rto_seconds cwnd \
ssthresh drops peer_pid peer_command peer_container";

/// The protocols of tables that have the internet's layout.
const INET: [&str; 10] = [
    "tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6",
];

/// Fuzzes the decoding of captured text.
pub fn tables(text: &[u8]) {
    let shown = decode(text, &["-j".into()]).expect("text can be decoded");
    is_visible(&shown.out);
    is_visible(&shown.warnings);
    assert!(
        shown
            .warnings
            .lines()
            .all(|line| line.starts_with("lsock: ")),
        "{}",
        shown.warnings
    );
    let objects = shown.objects();
    for object in &objects {
        let names = object.as_object().expect("a line is an object");
        let first = objects.first().and_then(Value::as_object);
        assert!(
            first.is_some_and(|first| first.keys().eq(names.keys())),
            "{object}"
        );
        assert!(
            FIELDS.split(' ').all(|name| names.contains_key(name)),
            "{object}"
        );
    }
    list_says_the_same(text, &objects);
    // A text with the mark of UTF-16 has other bytes than those of its lines.
    if !text.starts_with(b"\xff\xfe") && !text.starts_with(b"\xfe\xff") {
        inet_means_what_it_says(text, &objects);
        unix_means_what_it_says(text, &objects);
    }
    is_bounded_at_length(text);
}

/// The length of a long text.
const LONG: usize = 16 * 1024;

/// Decodes `text`, or its last line, again and again behind itself, for two texts of sixteen: what a line costs must not grow with the
/// lines before.
fn is_bounded_at_length(text: &[u8]) {
    let sum: usize = text.iter().map(|byte| usize::from(*byte)).sum();
    let last = text
        .trim_ascii_end()
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let last = [last, b"\n"].concat();
    let more = match sum % 16 {
        0 => text,
        1 => &last,
        _ => return,
    };
    if !more.is_empty() && text.len() <= 1024 {
        let long = [text, &more.repeat(LONG / more.len())].concat();
        decode(&long, &["-j".into()]).expect("text can be decoded");
    }
}

/// Compares the list with the objects: as many lines of as many words, with the same ends.
fn list_says_the_same(text: &[u8], objects: &[Value]) {
    let list = decode(text, &[]).expect("text can be decoded").out;
    is_visible(&list);
    let mut lines = list.lines();
    let headers: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let at = |name: &str| headers.iter().position(|header| *header == name);
    assert_eq!(lines.clone().count(), objects.len(), "{list}");
    for (line, object) in lines.zip(objects) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        assert_eq!(words.len(), headers.len(), "{list}");
        assert!(
            words
                .iter()
                .all(|word| unescaped(word.as_bytes()).is_some()),
            "{line}"
        );
        for (header, name) in [("LOCAL", "local"), ("PEER", "remote"), ("PROTO", "proto")] {
            let word = at(header).map(|at| words[at]);
            assert_eq!(word, object[name].as_str(), "{line}\n{object}");
        }
        // The name of a unix socket can be had back from its word.
        if let (Some(path), Value::Null) = (object["path"].as_str(), &object["path_hex"]) {
            let local = unescaped(words[at("LOCAL").unwrap_or(0)].as_bytes());
            assert_eq!(local.as_deref(), Some(path.as_bytes()), "{line}");
        }
    }
}

/// Holds rows of the internet against what the plainest reader finds in the text.
fn inet_means_what_it_says(text: &[u8], objects: &[Value]) {
    if has_unusual_header(text) {
        return;
    }
    let naive = inet_rows(text);
    for object in objects {
        if INET.contains(&object["proto"].as_str().unwrap_or_default()) {
            let is_there = naive.iter().any(|row| row.is_said_by(object));
            assert!(is_there, "no row of the text says {object}");
        }
    }
    for row in naive.iter().filter(|row| row.is_strict != [false; 2]) {
        let is_shown = objects.iter().any(|object| row.is_said_by(object));
        assert!(is_shown, "not shown: {row:?}");
    }
}

/// Holds rows of unix against the text: behind the inode there is the name.
fn unix_means_what_it_says(text: &[u8], objects: &[Value]) {
    let text: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == 0 { b'@' } else { *byte })
        .collect();
    for object in objects.iter().filter(|object| object["family"] == "unix") {
        let path = match (object["path_hex"].as_str(), object["path"].as_str()) {
            (Some(hex), _) => (0..hex.len())
                .step_by(2)
                .filter_map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok())
                .collect(),
            (None, path) => path.unwrap_or_default().as_bytes().to_vec(),
        };
        // What stands in front of every line is no part of a name with newlines.
        let first = path.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let inode = object["inode"].as_u64().unwrap_or(0).to_string();
        let wanted = [inode.as_bytes(), b" ", first].concat();
        let wanted = if path.is_empty() {
            inode.as_bytes()
        } else {
            &wanted
        };
        assert!(
            text.windows(wanted.len()).any(|part| part == wanted),
            "no line of the text says {object}"
        );
    }
}

/// Fuzzes a row that is cut.
pub fn cut(data: &[u8]) {
    let Some((at, text)) = data.split_first_chunk::<2>() else {
        return;
    };
    let header_len = text
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let (header, rest) = text.split_at(header_len);
    let row = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if row.is_empty() || row.len() > 512 {
        return;
    }
    let at = usize::from(u16::from_be_bytes(*at)) % row.len();
    // A row of the table whose header it is, as a whole: of other text any part may look like a row.
    let known = decode(header, &["-j".into()]).expect("text can be decoded");
    let text = [header, row, b"\n"].concat();
    let shown = decode(&text, &["-j".into()]).expect("text can be decoded");
    let objects_known = shown.objects();
    let [whole] = objects_known.as_slice() else {
        return;
    };
    if !is_of(header, whole) || !known.warnings.is_empty() || !shown.warnings.is_empty() {
        return;
    }
    // No pointer has such bytes. Nothing depends on it, so a row that has them is one until it is cut.
    let is_printed = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    if whole["family"]
        .as_str()
        .is_some_and(|family| family.starts_with("inet"))
        && !row.trim_ascii_end().iter().all(is_printed)
    {
        return;
    }
    let bare = objects(&[row, b"\n"].concat());
    let is_told = bare
        .first()
        .is_none_or(|bare| bare["proto"] == whole["proto"]);
    // Without its header a row may say more than under one whose columns are not the kernel's.
    let alone = is_told.then(|| (&b""[..], bare.first().unwrap_or(whole)));
    for (header, whole) in [(header, whole)].into_iter().chain(alone) {
        for object in objects(&[header, &row[..at]].concat()) {
            assert!(
                is_same(whole, &object, row, at),
                "cut at {at}: {object}\nwhole: {whole}"
            );
        }
    }
}

/// Returns true if `whole` is of the table that has this header, which may have something in front. A line of another may be a row
/// from more than one word on.
fn is_of(header: &[u8], whole: &Value) -> bool {
    let header = String::from_utf8_lossy(header);
    let has = |name: &str| header.split_whitespace().any(|word| word == name);
    let family = whole["family"].as_str().unwrap_or_default();
    match () {
        () if header.trim().is_empty() => false,
        () if has("Num") => family == "unix",
        () if has("sl") => family.starts_with("inet"),
        () if has("Eth") => family == "netlink",
        () if has("Iface") => family == "packet",
        () => true,
    }
}

/// Returns true if `object`, the row that was cut, is not another one than the `whole`. Where captured text ends nothing tells
/// whether a last field that has no blank behind it goes on, so its value may be cut, as the name of a unix socket may.
fn is_same(whole: &Value, object: &Value, row: &[u8], at: usize) -> bool {
    let begins_last = |row: &[u8]| {
        row.iter()
            .rposition(|byte| *byte == b' ')
            .map_or(0, |at| at + 1)
    };
    let last = begins_last(row.trim_ascii_end());
    let inode_end = whole["inode"].as_u64().and_then(|inode| {
        let inode = inode.to_string();
        let found = row
            .windows(inode.len())
            .position(|part| part == inode.as_bytes())?;
        Some(found + inode.len())
    });
    let differ: HashSet<&str> = FIELDS
        .split(' ')
        .filter(|name| whole[name] != object[name])
        .collect();
    if differ.is_empty() {
        return true;
    }
    if whole["family"] == "unix" {
        let is_cut = object["path"].is_null() || at >= inode_end.unwrap_or(0);
        return is_cut
            && (differ
                .iter()
                .all(|name| ["path", "path_hex", "local", "inode"].contains(name)));
    }
    // A table of an old kernel has no such column, so its rows may end before it.
    let is_untold = differ.len() == 1 && differ.contains("drops") && object["drops"].is_null();
    is_untold || (at > last && differ.len() == 1)
}
