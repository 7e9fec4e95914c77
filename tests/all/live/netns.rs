//! `--netns`, and filters, on the factory's live sockets of other network namespaces: one that only a thread is in, one that the
//! holder came back from, one that everybody has left.

use super::{Made, Stage};
use crate::run::LSOCK;
use serde_json::Value;

/// The descriptors with socket `made` that lsock prints with `--json` and these words.
fn holders(stage: &Stage, made: &Made, words: &[&str]) -> Vec<(u32, u32)> {
    rows(stage, made, words)
        .iter()
        .map(|row| {
            let number = |name: &str| u32::try_from(row[name].as_u64().unwrap()).unwrap();
            (number("pid"), number("fd"))
        })
        .collect()
}

/// The objects of socket `made` that lsock prints with `--json` and these words.
fn rows(stage: &Stage, made: &Made, words: &[&str]) -> Vec<Value> {
    let output = stage.command(LSOCK).arg("-j").args(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    rows.filter(|row: &Value| row["inode"] == made.inode)
        .collect()
}

/// `:8080` of `127.0.0.1:8080`.
fn port(made: &Made) -> String {
    let (_, port) = made.local.rsplit_once(':').unwrap();
    format!(":{port}")
}

/// Demands that no filter hides the listener `label`.
#[track_caller]
fn no_filter_hides(stage: &Stage, label: &str) {
    let Some(made) = stage.made(label) else {
        return;
    };
    let (holder, port) = (made.holder.unwrap(), port(made));
    let pid = holder.0.to_string();
    for words in [
        &["-l"][..],
        &["-l", &port],
        &["-tl"],
        &[&pid],
        &[&pid, &port],
        &[&pid, "-l"],
        &["-l", &port, "--wait=20"],
    ] {
        assert_eq!(holders(stage, made, words), [holder], "{label}: {words:?}");
    }
    let mut quiet = stage.command(LSOCK);
    let status = quiet.args(["-q", "-l", &port, &pid]).status().unwrap();
    assert_eq!(status.code(), Some(0), "{label}");
}

#[test]
fn no_filter_hides_a_listener_of_a_threads_own_namespace() {
    if let Some(stage) = Stage::set(&["thread-own-netns", "tcp4-listen"]) {
        no_filter_hides(&stage, "thread-own-netns");
    }
}

#[test]
fn no_filter_hides_a_listener_of_a_namespace_that_its_holder_is_not_in() {
    if let Some(stage) = Stage::set(&["netns-foreign-inhabited", "tcp4-listen"]) {
        no_filter_hides(&stage, "netns-foreign-inhabited");
    }
}

#[test]
fn a_live_namespace_is_its_sockets_whoever_holds_them() {
    let kinds = ["netns-foreign-inhabited", "netns-own", "tcp4-listen"];
    let Some(stage) = Stage::set(&kinds) else {
        return;
    };
    let [foreign, own, home] = kinds.map(|kind| stage.made(kind));
    let (Some(foreign), Some(own), Some(home)) = (foreign, own, home) else {
        return;
    };
    let netns = |made: &Made| rows(&stage, made, &[])[0]["netns"].to_string();
    for made in [foreign, own, home] {
        let (holder, netns) = (made.holder.unwrap(), netns(made));
        let pid = holder.0.to_string();
        for words in [
            &["--netns", &netns][..],
            &["--netns", &netns, &pid],
            &["--netns", &netns, "-l"],
            &["--netns", &netns, &port(made), &pid],
        ] {
            assert_eq!(
                holders(&stage, made, words),
                [holder],
                "{made:?}: {words:?}"
            );
        }
        for other in [foreign, own, home] {
            if other.label != made.label {
                let shown = rows(&stage, other, &["--netns", &netns]);
                assert!(shown.is_empty(), "{shown:?} is not in {netns}");
            }
        }
    }
}

// PID/ns/net of a process whose main thread has exited is gone.
#[test]
fn a_process_whose_main_thread_has_exited_names_its_namespace() {
    let Some(stage) = Stage::set(&["main-thread-exited"]) else {
        return;
    };
    let Some(made) = stage.made("main-thread-exited") else {
        return;
    };
    let holder = made.holder.unwrap();
    let found = holders(&stage, made, &["--netns", &holder.0.to_string()]);
    assert_eq!(found, [holder]);
}

// Its holder is in another namespace; nobody can know which one the socket is of.
#[test]
fn a_socket_of_a_namespace_that_everybody_has_left_tells_no_namespace() {
    let Some(stage) = Stage::set(&["netns-foreign-deserted"]) else {
        return;
    };
    let Some(made) = stage.made("netns-foreign-deserted") else {
        return;
    };
    let rows = rows(&stage, made, &["-t"]);
    let told = rows
        .iter()
        .map(|row| (&row["proto"], &row["local"], &row["netns"]));
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(&"tcp".into(), &"?".into(), &Value::Null)]);
}
