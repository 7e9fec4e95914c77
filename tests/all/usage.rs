//! What lsock does with input that it cannot use: every line of design.md's table "What happens when …" from outside,
//! wrong options and selectors, a proc that is none, and an output that ends early or is full.
//!
//! Every complaint is one line `lsock: …` that quotes the input; nothing is on standard output then; no panic, ever.

use crate::machine::skip;
use crate::rows::{EMPTY, HEADERS, listen, tcp};
use crate::run::{LSOCK, Run, bytes, list, lsock};
use crate::tree::Tree;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// A tree with one listener of process 6 `java` on port 80.
fn listener() -> Tree {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    tree.process(6, "java").socket(3, 11);
    tree
}

/// The one row of `listener`.
const ROW: &str = "6 java 3 tcp LISTEN 0 0 0.0.0.0:80 *:*";

/// A tree whose list is far longer than a pipe holds.
fn crowd() -> Tree {
    let tree = Tree::new();
    let row = |number: u32| {
        let remote = format!("0100007F:{:04X}", number % 60_000);
        tcp(
            "0100007F:0050",
            &remote,
            "01",
            EMPTY,
            0,
            1000 + u64::from(number),
        )
    };
    tree.table("tcp", &(1..=20_000).map(row).collect::<Vec<_>>());
    tree.process(6, "java").socket(3, 1001);
    tree
}

#[test]
fn an_unknown_option_is_quoted() {
    for option in ["--nosuch", "-Z", "--porrt", "--jsonn", "---", "-tZ"] {
        let quoted = if option == "-tZ" { "-Z" } else { option };
        listener().run_args(&[option]).refuses(quoted);
        lsock_alone(&[option]).refuses(quoted);
    }
}

/// Runs lsock on this machine's own proc.
fn lsock_alone(args: &[&str]) -> Run {
    Run::of(lsock().args(args))
}

#[test]
fn a_selector_that_looks_like_one_but_is_malformed_is_quoted() {
    for selector in [
        ":99999",
        ":",
        ":80-",
        ":-80",
        ":90-80",
        ":80,",
        ":80,x",
        ":65536",
        ":80:90",
        ":x",
        "10.0.0.0/40",
        "10.0.0.0/",
        "10.0.0.0/x",
        "10.0.0.0/-1",
        "10.0.0.256",
        "10.0.0.1:99999",
        "10.0.0.1:",
        "1.2.3.4.5",
        "fe80::/129",
        "[::1",
        "[::1]:",
        "[::1]:99999",
        "[::1]80",
        "[zz::1]:80",
        "[]:80",
        "1::2::3",
        "6,x",
        "6,",
        ",6",
        "6,,7",
        "99999999999999999999",
        "socket:[",
        "socket:[x]",
        "socket:[]",
        "socket:[12",
        "socket:[99999999999999999999999]",
    ] {
        listener().run_args(&[selector]).refuses(selector);
    }
}

#[test]
fn an_empty_selector_is_refused() {
    listener().run_args(&[""]).refuses("''");
    listener().run_args(&["java", ""]).refuses("''");
}

#[test]
fn a_wrong_value_of_a_long_form_is_quoted() {
    for (option, value) in [
        ("--pid", "x"),
        ("--pid", "6,x"),
        ("--pid", "-1"),
        ("--port", "99999"),
        ("--port", "http"),
        ("--local-port", "80-"),
        ("--remote-port", "9-8"),
        ("--address", "10.0.0.0/40"),
        ("--address", "localhost"),
        ("--inode", "x"),
        ("--inode", "-5"),
        ("--state", "NOSUCH"),
        ("--uid", "nobody-here"),
    ] {
        listener().run_args(&[option, value]).refuses(value);
        listener()
            .run_args(&[format!("{option}={value}")])
            .refuses(value);
    }
    for (argument, quoted) in [
        ("-i:99999", ":99999"),
        ("-iXTP", "XTP"),
        ("-iTCP@", "TCP@"),
        ("-i7", "7"),
        ("-i@10.0.0.300", "10.0.0.300"),
        ("-sTCP:NOSUCH", "NOSUCH"),
        ("-sXTP:LISTEN", "XTP"),
    ] {
        listener().run_args(&[argument]).refuses(quoted);
    }
}

#[test]
fn a_letter_that_looks_at_what_follows_does_so_without_recursion() {
    // Each -p asks whether process ids follow; with a call for each, the stack was full at 12,000.
    let letters = format!("-{}", "p".repeat(20_000));
    listener().run_args(&[&letters]).shows(&[ROW]);
    listener().run_args(&[letters + "6"]).shows(&[ROW]);
}

#[test]
fn a_missing_value_names_the_option() {
    for option in [
        "--pid",
        "--command",
        "--port",
        "--local-port",
        "--remote-port",
        "--address",
        "--path",
        "--inode",
        "--state",
        "--uid",
        "--proc",
        "--threads",
        "--container",
        "--netns",
        "--endian",
        "-c",
    ] {
        let needs = format!("'{option}' needs a value");
        listener().run_args(&[option]).refuses(&needs);
    }
}

#[test]
fn a_value_for_an_option_that_takes_none_is_refused() {
    for (argument, line) in [
        ("--pids=6", "'--pids' takes no value; leave out '=6'"),
        ("--netlink=", "'--netlink' takes no value; leave out '='"),
        ("-t=5", "'-t' takes no value; leave out '=5'"),
        ("-p=x", "'-p' takes no value; leave out '=x'"),
        ("--pids=\x1b", "leave out '=\\x1b'"),
    ] {
        listener().run_args(&[argument]).refuses(line);
    }
}

#[test]
fn arguments_that_are_no_utf8_are_quoted_with_their_bytes_escaped() {
    for argument in [
        &b"--no\xff\xfe"[..],
        b":80\xff",
        b"--port=8\xff",
        b"-i:\xff",
        b"-sTCP:\xff",
    ] {
        let run = listener().run_args(&[bytes(argument)]);
        assert_eq!(run.out(), "");
        assert_eq!(run.status, Some(2), "{argument:?}: {}", run.err());
        // Standard error is text, whatever came in: the bytes are seen, not sent.
        let line = run.one_line();
        assert!(
            line.contains("\\xff") || line.contains('\u{fffd}'),
            "{line}"
        );
    }
    // As a word it may be anything: processes can be named so.
    listener().run_args(&[bytes(b"\xff")]).shows_nothing();
}

#[test]
fn what_is_quoted_cannot_reach_the_terminal_as_an_escape() {
    for argument in ["--\x1b[31m", ":80\x1b]0;x\x07", ":80\n\x1b[2J"] {
        let run = listener().run_args(&[argument]);
        assert_eq!(run.status, Some(2));
        let line = run.one_line();
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn after_two_dashes_everything_is_a_selector() {
    listener().run_args(&["--", "java"]).shows(&[ROW]);
    listener().run_args(&["--", ":80"]).shows(&[ROW]);
    listener().run_args(&["--", "-Djava"]).shows_nothing();
}

#[test]
fn a_proc_that_is_not_there_is_named() {
    let tree = listener();
    let gone = tree.top().join("no-such-folder");
    let gone = gone.to_str().unwrap();
    let run = lsock_alone(&["--proc", gone]);
    run.refuses(gone);
    assert!(
        run.err().starts_with(&format!("lsock: {gone}: ")),
        "{}",
        run.err()
    );
}

#[test]
fn a_folder_or_file_that_is_no_proc_is_named() {
    let tree = listener();
    let folder = tree.top().join("folder");
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("README"), "no proc\n").unwrap();
    let folder = folder.to_str().unwrap();
    let run = lsock_alone(&["--proc", folder]);
    run.refuses("not a proc file system");
    assert!(
        run.err()
            .starts_with(&format!("lsock: {folder}: not a proc file system")),
        "{}",
        run.err()
    );
    let file = format!("{folder}/README");
    lsock_alone(&["--proc", &file]).refuses(&file);
    lsock_alone(&["--proc", ""]).refuses("--proc");
}

#[test]
fn a_proc_that_may_not_be_read_is_named() {
    let tree = listener();
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = match tree.plain_user("") {
        Ok(command) => command,
        Err(why) => return skip(&why),
    };
    let run = Run::of(&mut command);
    run.refuses("Permission denied");
    assert!(
        run.err()
            .starts_with(&format!("lsock: {}: ", tree.path().display())),
        "{}",
        run.err()
    );
}

#[test]
fn a_usage_error_wins_over_a_proc_that_is_not_there() {
    let run = lsock_alone(&["--proc", "/nonexistent", ":99999"]);
    run.refuses(":99999");
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in ["-h", "--help", "-th"] {
        let run = listener().run(args);
        assert_eq!(run.status, Some(0), "{}", run.err());
        assert_eq!(run.err(), "");
        assert!(
            run.out().contains("lsock [OPTIONS] [SELECTOR]"),
            "{}",
            run.out()
        );
        for option in ["--pid", "--port", "--proc", "-l", "-T", "--version"] {
            assert!(run.out().contains(option), "{option} in {}", run.out());
        }
    }
    for args in ["-V", "--version"] {
        let version = format!("lsock {}\n", env!("CARGO_PKG_VERSION"));
        listener().run(args).exactly(&version, 0);
    }
    // Neither needs a proc.
    let version = format!("lsock {}\n", env!("CARGO_PKG_VERSION"));
    lsock_alone(&["--proc", "/nonexistent", "--version"]).exactly(&version, 0);
}

#[test]
fn a_reader_that_goes_away_is_a_quiet_success() {
    let tree = crowd();
    let mut child = lsock()
        .arg("--proc")
        .arg(tree.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut first).unwrap();
    // What `head -1` does: the rest of the list has no reader any more.
    drop(reader);
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    let status = child.wait().unwrap();
    assert!(
        first.starts_with("PID ") || first.contains(" PID "),
        "{first:?}"
    );
    assert_eq!(errors, "");
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn an_output_that_is_closed_is_an_error_if_there_is_something_to_print() {
    let tree = listener();
    let closed = |redirected: &str| {
        let mut shell = Command::new("sh");
        let line = format!("exec \"$0\" --proc \"$1\" {redirected}");
        Run::of(shell.args(["-c", &line, LSOCK]).arg(tree.path()))
    };
    let error = "standard output: Bad file descriptor";
    for args in ["", "-j", "-s", "-T", "--help", "--version", "--watch"] {
        let run = closed(&format!("{args} >&-"));
        run.prints("", 2);
        assert_eq!(run.one_line(), error, "{args}");
    }
    // The next file that is opened has the number of standard output, and is not written to.
    let run = closed("<&- >&-");
    run.prints("", 2);
    assert_eq!(run.one_line(), error);
    closed("<&- >&- 2>&-").exactly("", 2);
    closed("2>&-").shows(&[ROW]);
    closed("-q <&- >&- 2>&-").exactly("", 0);
    closed("-q :9 >&-").exactly("", 1);
}

/// Runs lsock with its standard output on the device that is always full.
fn into_full(tree: &Tree, args: &[&str]) -> Option<Run> {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        skip("there is no /dev/full here");
        return None;
    };
    let mut command = lsock();
    command
        .arg("--proc")
        .arg(tree.path())
        .args(args)
        .stdout(full);
    Some(Run::to_the_end(&mut command))
}

#[test]
fn an_output_that_is_full_is_said_once() {
    for (tree, args) in [
        (listener(), &[][..]),
        (crowd(), &[]),
        (listener(), &["-T"]),
        (listener(), &["--help"]),
        (listener(), &["--version"]),
    ] {
        let Some(run) = into_full(&tree, args) else {
            return;
        };
        assert_eq!(
            run.err(),
            "lsock: standard output: No space left on device\n",
            "{args:?}"
        );
        assert_eq!(run.status, Some(2), "{args:?}");
    }
    // What prints nothing cannot fail to print.
    let Some(run) = into_full(&listener(), &["-q"]) else {
        return;
    };
    run.exactly("", 0);
}

#[test]
fn a_standard_error_that_is_full_or_closed_changes_nothing() {
    let tree = listener();
    for redirection in ["2>/dev/full", "2>&-"] {
        let mut shell = Command::new("sh");
        let script = format!("exec \"$0\" --proc \"$1\" \"$2\" {redirection}");
        shell.args(["-c", &script]).arg(LSOCK).arg(tree.path());
        Run::of(shell.arg(":99999")).exactly("", 2);
    }
}

#[test]
fn standard_input_is_never_read() {
    let tree = listener();
    let mut child = lsock()
        .arg("--proc")
        .arg(tree.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe stays open and empty: a reader of it would wait for ever.
    let _open = child.stdin.take();
    let mut out = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    assert_eq!(out, list(&[ROW]));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

// The lines of design.md's table "What happens when …" that a tree can show; the rest stand above.

#[test]
fn a_process_or_fd_that_vanishes_is_silence() {
    let tree = listener();
    // The folder was there when proc was listed; then the process ended, and nothing of it can be opened.
    tree.process(7, "gone")
        .without("fd")
        .without("net")
        .without("comm")
        .without("cmdline")
        .without("stat")
        .without("status");
    tree.run("").shows(&[ROW]);
    tree.run("java").shows(&[ROW]);
    tree.run("7").shows_nothing();
}

#[test]
fn a_missing_table_is_an_empty_one() {
    let tree = listener();
    for (table, _) in HEADERS {
        if table != "tcp" {
            fs::remove_file(tree.net("a").join(table)).unwrap();
        }
    }
    tree.run("").shows(&[ROW]);
    tree.run("-u").shows_nothing();
    fs::remove_file(tree.net("a").join("tcp")).unwrap();
    assert_eq!(tree.run("-t --state LISTEN").out(), "");
    fs::remove_dir(tree.net("a")).unwrap();
    let run = tree.run("");
    run.is_sane();
    assert_eq!(run.rows().len(), 1, "the fd is still there: {}", run.out());
}

#[test]
fn a_malformed_row_is_counted_and_the_others_are_shown() {
    let tree = listener();
    let good = listen(80, 11);
    tree.table(
        "tcp",
        &[
            "   0: what is this",
            &good,
            "   1: 00000000:0050 00000000:0000 0A",
        ],
    );
    let run = tree.run("");
    run.prints(&list(&[ROW]), 0);
    let line = run.one_line();
    assert!(line.contains("net/tcp"), "{line}");
    assert!(line.contains('2'), "{line}");
}

#[test]
fn an_unknown_header_skips_the_table_and_names_it() {
    let tree = listener();
    let good = listen(80, 11);
    tree.table_text(
        "a",
        "udp",
        format!("a header of tomorrow\n{good}\n").as_bytes(),
    );
    let run = tree.run("");
    run.prints(&list(&[ROW]), 0);
    let line = run.one_line();
    assert!(line.contains("net/udp"), "{line}");
}

#[test]
fn processes_that_may_not_be_read_are_counted_once_and_explained() {
    let tree = listener();
    for pid in [7, 8, 9] {
        tree.process(pid, "secret").socket(3, 12).mode("fd", 0o000);
    }
    let mut command = match tree.plain_user("") {
        Ok(command) => command,
        Err(why) => return skip(&why),
    };
    let run = Run::of(&mut command);
    run.prints(&list(&[ROW]), 0);
    let line = run.one_line();
    assert!(
        line.starts_with("3 of 4 processes could not be read"),
        "{line}"
    );
    // What was asked for could be read, so there is nothing to explain.
    let mut command = tree.plain_user("java").unwrap();
    Run::of(&mut command).shows(&[ROW]);
}

#[test]
fn a_socket_that_only_a_hidden_process_can_hold_is_no_proof_of_absence() {
    let tree = listener();
    tree.process(7, "secret").mode("fd", 0o000);
    for (args, status) in [
        // It may hold a TCP socket that is bound to the port, but none that listens or has another protocol: these stand
        // in a table, whoever holds them.
        (":9", 3),
        ("-4t :9", 3),
        ("-t 10.0.0.0/8", 3),
        ("-l :9", 1),
        ("-u :9", 1),
        ("-sESTABLISHED :9", 1),
        ("--remote-port 9", 1),
        ("-x", 1),
        ("/run/x.sock", 1),
        ("secret", 3),
        ("7", 3),
        ("java :9", 1),
        ("-q 7", 3),
        ("-x 7", 3),
    ] {
        let mut command = match tree.plain_user(args) {
            Ok(command) => command,
            Err(why) => return skip(&why),
        };
        let run = Run::of(&mut command);
        run.prints("", status);
        // -q prints nothing at all.
        if status == 3 && !args.starts_with("-q") {
            let line = run.one_line();
            assert!(line.contains("could not be read"), "lsock {args}: {line}");
        }
    }
}

#[test]
fn a_proc_whose_processes_are_all_closed_still_shows_the_tables() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    tree.process(6, "java").socket(3, 11).mode("fd", 0o000);
    let mut command = match tree.plain_user("") {
        Ok(command) => command,
        Err(why) => return skip(&why),
    };
    let run = Run::of(&mut command);
    let rows = run.rows();
    assert_eq!(run.status, Some(0), "{}", run.err());
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(
        ["(hidden)", "(unknown)"]
            .iter()
            .any(|why| rows[0] == format!("- {why} - tcp LISTEN 0 0 0.0.0.0:80 *:*")),
        "{rows:?}"
    );
    let line = run.one_line();
    assert!(
        line.starts_with("1 of 1 processes could not be read"),
        "{line}"
    );
}
