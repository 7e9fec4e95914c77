//! `--json`, `-e` and `-o` on the factory's live sockets: every line of JSON is read by `serde_json` and has the row
//! of the list, and TCP's figures are those of `ss -eio`.

use super::Stage;
use crate::machine::{skip, skip_part};
use crate::run::LSOCK;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// The objects that lsock prints on the stage.
fn objects(stage: &Stage, arguments: &[&str]) -> Vec<Value> {
    let output = stage.command(LSOCK).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let object =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(object).collect()
}

/// Demands that JSON and the wide list tell MPTCP from TCP, whose table lists its sockets.
fn mptcp_is_told_from_tcp(stage: &Stage, objects: &[Value]) {
    let wide = stage.command(LSOCK).arg("-e").output().unwrap();
    let wide = String::from_utf8(wide.stdout).unwrap();
    let wide: Vec<String> = wide.lines().map(crate::run::words).collect();
    for label in [
        "mptcp4-listen",
        "mptcp4-established/client",
        "mptcp4-established/server",
    ] {
        if let Some(made) = stage.made(label) {
            let is_it = |object: &&Value| object["inode"] == made.inode;
            let told = objects.iter().filter(is_it).map(|object| &object["proto"]);
            assert_eq!(told.collect::<Vec<_>>(), ["mptcp"], "{label}");
            let (pid, fd) = made.holder.unwrap();
            let start = format!("{pid} factory {fd} ");
            let told = wide.iter().filter_map(|row| row.strip_prefix(&start));
            let told: Vec<_> = told.map(|row| row.split(' ').next()).collect();
            assert_eq!(told, [Some("mptcp")], "{label}");
        }
    }
}

/// What the plain list calls the protocol of `object`: of MPTCP, which only its descriptor tells, the table's.
fn table_of(stage: &Stage, object: &Value) -> String {
    let is_mptcp = |made: &&super::Made| {
        object["inode"] == made.inode
            && made.kind().starts_with("mptcp")
            && object["state"].is_string()
    };
    let proto = object["proto"].as_str().unwrap_or("-");
    match stage.made.iter().find(is_mptcp) {
        Some(_) => proto.strip_prefix("mp").unwrap_or("not mptcp").to_owned(),
        None => proto.to_owned(),
    }
}

#[test]
fn every_kind_of_socket_is_json() {
    let Some(mut stage) = Stage::set(&[]) else {
        return;
    };
    let objects = objects(&stage, &["--json"]);
    let list = stage.lsock(&[]);
    let find = |pid: u32, fd: u32| {
        let is_it = |object: &&Value| object["pid"] == pid && object["fd"] == fd;
        objects.iter().find(is_it)
    };
    let mut count = 0;
    for row in &list.rows {
        // Between two runs the kernel forgets a row without a holder now and then; a descriptor stays.
        let Some((pid, fd)) = row.holder else {
            continue;
        };
        // The same number twice is the thread's own table, or MPTCP's subflows.
        if list
            .rows
            .iter()
            .filter(|other| other.holder == row.holder)
            .count()
            > 1
        {
            continue;
        }
        let object = find(pid, fd).unwrap_or_else(|| panic!("no object of {row:?}"));
        let or_dash = |name: &str| object[name].as_str().unwrap_or("-").to_owned();
        let told = [
            table_of(&stage, object),
            or_dash("state"),
            or_dash("local"),
            or_dash("remote"),
            or_dash("owner"),
        ];
        assert_eq!(
            told,
            [&row.proto, &row.state, &row.local, &row.peer, "process"],
            "{object}"
        );
        let is_unix = row.proto.starts_with("unix");
        assert_eq!(object["family"] == "unix", is_unix, "{object}");
        count += 1;
    }
    assert!(count > 40, "only {count} rows to compare");
    mptcp_is_told_from_tcp(&stage, &objects);
    for made in stage
        .made
        .iter()
        .filter(|made| made.kind().starts_with("unix-name-") && made.holder.is_some())
    {
        let object = objects.iter().find(|object| object["inode"] == made.inode);
        let object = object.unwrap_or_else(|| panic!("{} is not there", made.label));
        let is_utf8 = !made.kind().ends_with("invalid-utf8");
        // A newline cuts the name in the kernel's table; nothing else does.
        if made.kind() != "unix-name-newline" {
            assert!(object["path"].is_string(), "{} {object}", made.label);
        }
        assert_eq!(
            object["path_hex"].is_null(),
            is_utf8,
            "{} {object}",
            made.label
        );
    }
    for (label, family, kind) in [
        ("tcp4-established/client", "inet", "stream"),
        ("tcp6-established/client", "inet6", "stream"),
        ("udp4", "inet", "dgram"),
        ("raw4-icmp", "inet", "raw"),
        ("ping4", "inet", "dgram"),
        ("unix-seqpacket/listener", "unix", "seqpacket"),
        ("packet-raw-any", "packet", "raw"),
        ("packet-dgram-any", "packet", "dgram"),
        ("mptcp4-unbound", "inet", "stream"),
        ("tcp4-unbound", "inet", "stream"),
        ("thread-own-fds/thread", "inet", "stream"),
    ] {
        // Kinds that are not to be had here have said so.
        if let Some(made) = stage.made(label) {
            let object = objects
                .iter()
                .find(|object| object["inode"] == made.inode)
                .unwrap();
            assert_eq!(
                (&object["family"], &object["type"]),
                (&family.into(), &kind.into()),
                "{label} {object}"
            );
        }
    }
    let threads = objects
        .iter()
        .filter(|object| object["tid"].is_number())
        .count();
    assert!(
        threads > 0
            || stage
                .missing
                .iter()
                .any(|(kind, _)| kind.starts_with("thread")),
        "no thread has its id"
    );
    stage.end();
}

/// What is told of a TCP socket by lsock or by ss, by the names of the JSON fields; what is not told is not there.
type Figures = BTreeMap<&'static str, f64>;

/// A span of time as ss writes it: `198ms`, `59sec`, `1min59sec`, `119min`, `.198ms`.
fn seconds(text: &str) -> Option<f64> {
    let (mut total, mut number) = (0.0, String::new());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if char.is_ascii_digit() || char == '.' {
            number.push(char);
            rest = &rest[1..];
            continue;
        }
        let (unit, scale) = [("ms", 0.001), ("min", 60.0), ("sec", 1.0), ("hour", 3600.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        total += number.parse::<f64>().ok()? * scale;
        number.clear();
        rest = &rest[unit.len()..];
    }
    number.is_empty().then_some(total)
}

/// A socket as `ss -tanOeio` tells it: both ends, the timer's name, and figures.
fn parse_ss(line: &str) -> Option<(String, Option<String>, Figures)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let ends = format!("{} {}", words.get(3)?, words.get(4)?);
    let mut figures = Figures::new();
    let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let mut timer = None;
    if let Some(text) = value("timer:(") {
        let mut parts = text.trim_end_matches(')').split(',');
        timer = parts.next().map(str::to_owned);
        figures.insert("timer_seconds", seconds(parts.next()?)?);
        figures.insert("retransmits", parts.next()?.parse().ok()?);
    }
    if let Some(uid) = value("uid:") {
        figures.insert("uid", uid.parse().ok()?);
    }
    for (name, field, scale) in [
        ("ino:", "inode", 1.0),
        ("rto:", "rto_seconds", 0.001),
        ("cwnd:", "cwnd", 1.0),
        ("ssthresh:", "ssthresh", 1.0),
    ] {
        if let Some(text) = value(name) {
            figures.insert(field, text.parse::<f64>().ok()? * scale);
        }
    }
    // A socket without a file: null in JSON.
    figures.retain(|field, told| *field != "inode" || *told != 0.0);
    Some((ends, timer, figures))
}

/// Kinds whose sockets have timers, thresholds and queues of all sorts.
const TCP_KINDS: [&str; 7] = [
    "tcp4-established",
    "tcp4-unread",
    "tcp4-half-closed",
    "tcp4-fin-wait1",
    "tcp4-syn-sent",
    "tcp4-time-wait",
    "tcp4-last-ack",
];

/// The object among `objects` whose ends are these.
fn find(objects: &[Value], ends: &str) -> Option<Value> {
    let word = |object: &Value, name: &str| object[name].as_str().unwrap_or_default().to_owned();
    let is_it =
        |object: &&Value| format!("{} {}", word(object, "local"), word(object, "remote")) == ends;
    objects.iter().find(is_it).cloned()
}

/// The timer of an object.
fn timer_of(object: &Value) -> Option<&str> {
    object["timer"].as_str()
}

/// Whether ss told of `field` what lsock told just before or just after it.
fn agrees(field: &str, told: f64, early: &Value, late: &Value) -> bool {
    let of = |object: &Value| object[field].as_f64();
    let either = |holds: &dyn Fn(f64) -> bool| {
        [early, late]
            .iter()
            .any(|object| of(object).is_some_and(holds))
    };
    match field {
        // ss writes 119 minutes and 59 seconds as `119min`; and a timer that went off starts anew.
        "timer_seconds" => {
            let (from, to) = (of(late).unwrap_or(0.0), of(early).unwrap_or(0.0));
            to < from || (from - 60.0..to + 1.0).contains(&told)
        }
        // The table has 1/100 s, ss milliseconds.
        "rto_seconds" => either(&|rto| (rto - told).abs() < 0.0101),
        // Where the timer is no retransmission ss shows probes there, which the table has in a field of their own.
        "retransmits" if timer_of(early) != Some("on") => true,
        _ => either(&|figure| (figure - told).abs() < 0.001),
    }
}

#[test]
fn the_figures_of_tcp_are_those_of_ss() {
    let Some(mut stage) = Stage::set(&TCP_KINDS) else {
        return;
    };
    if let Err(error) = Command::new("ss").arg("-V").output() {
        return skip(&format!("ss: {error}"));
    }
    // Timers run between two looks: lsock looks before ss and after it.
    let before = objects(&stage, &["-tj"]);
    let ss = stage.command("ss").args(["-tanOeio"]).output().unwrap();
    let after = objects(&stage, &["-tj"]);
    assert!(
        ss.status.success(),
        "{}",
        String::from_utf8_lossy(&ss.stderr)
    );
    let text = String::from_utf8_lossy(&ss.stdout).into_owned();
    let (mut compared, mut timers) = (0, Vec::new());
    for line in text
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with("LISTEN"))
    {
        let (ends, timer, figures) =
            parse_ss(line).unwrap_or_else(|| panic!("not a row of ss: {line}"));
        let (Some(early), Some(late)) = (find(&before, &ends), find(&after, &ends)) else {
            // It came or went in between.
            continue;
        };
        let all = format!("ss: {line}\nlsock: {early}\nlsock: {late}");
        // A timer that went off between two looks may be another one now.
        let names = [timer_of(&early), timer_of(&late)];
        assert!(names.contains(&timer.as_deref()), "{all}");
        timers.extend(timer.filter(|_| names[0] == names[1]));
        for (field, told) in &figures {
            assert!(agrees(field, *told, &early, &late), "{field}\n{all}");
            compared += 1;
        }
        // What ss does not show, in slow start, is not there.
        let has_threshold = early["ssthresh"].is_number() && late["ssthresh"].is_number();
        assert_eq!(figures.contains_key("ssthresh"), has_threshold, "{all}");
    }
    assert!(compared > 15, "{compared} figures compared\n{text}");
    for wanted in ["timewait", "on"] {
        if !timers.iter().any(|timer| timer == wanted) {
            skip_part(&format!("/{wanted}"), "no such timer ran at both looks");
        }
    }
    stage.end();
}

#[test]
fn the_columns_of_the_list_are_the_figures_of_json() {
    let Some(mut stage) = Stage::set(&TCP_KINDS) else {
        return;
    };
    let list = stage.command(LSOCK).args(["-te"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let objects = objects(&stage, &["-tj"]);
    let headers: Vec<&str> = list
        .lines()
        .next()
        .unwrap()
        .split_ascii_whitespace()
        .collect();
    let mut compared = 0;
    for line in list.lines().skip(1) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let word = |header: &str| words[headers.iter().position(|known| *known == header).unwrap()];
        let ends = format!("{} {}", word("LOCAL"), word("PEER"));
        // What a timer changes has changed when it is looked at again.
        let Some(object) = find(&objects, &ends)
            .filter(|object| object["timer"].is_null() && word("TIMER") == "-")
        else {
            continue;
        };
        let shown = |name: &str| {
            object[name]
                .as_u64()
                .map_or("-".to_owned(), |number| number.to_string())
        };
        assert_eq!(
            [
                word("UID"),
                word("INODE"),
                word("CWND"),
                word("SSTHRESH"),
                word("RETRANS")
            ],
            [
                &shown("uid"),
                &shown("inode"),
                &shown("cwnd"),
                &shown("ssthresh"),
                &shown("retransmits")
            ],
            "{line}\n{object}"
        );
        compared += 1;
    }
    assert!(compared > 3, "{list}");
    stage.end();
}
