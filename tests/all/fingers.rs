//! What people type for lsof, ss and netstat: `fingers.tsv` has a command line of each kind that was seen, and what lsock
//! takes it for. `= ARGUMENTS`: the same rows, to the byte, as lsock's own long options that say it without guessing.
//! `! WORDS`: exit status 2, and the refusal begins so. `help` and `version`: that is printed.
//!
//! No line may show fewer rows in silence than the tool that it was typed for; what the long options mean, other tests say.

use crate::machine::{is_root, skip};
use crate::rows::{EMPTY, NOBODY, NOBODY6, listen, netlink, packet, tcp, udp, unix};
use crate::run::{LSOCK, Run, lsock};
use crate::tree::Tree;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

/// The table.
const TABLE: &str = include_str!("fingers.tsv");

/// A tree in which nearly every line of the table selects something, and none everything.
fn tree() -> Tree {
    let tree = Tree::new();
    let mut rows = Vec::new();
    // Listeners of process 67, connections of process 77, and of nobody.
    let ports = [22, 80, 1023, 1024, 3000, 3306, 5432, 8080];
    for (port, inode) in ports.into_iter().zip(100..) {
        rows.push(listen(port, inode));
        let (local, remote) = (format!("0100007F:{port:04X}"), "0100007F:C000");
        rows.push(tcp(&local, remote, "01", EMPTY, 0, inode + 100));
        rows.push(tcp(remote, &local, "08", EMPTY, 0, inode + 200));
        rows.push(tcp(&local, remote, "04", EMPTY, 0, inode + 300));
        rows.push(tcp(&local, "0200000A:C001", "06", EMPTY, 0, 0));
    }
    tree.table("tcp", &rows);
    let mapped = "0000000000000000FFFF00000100007F";
    tree.table(
        "tcp6",
        &[
            tcp(
                "00000000000000000000000000000000:0050",
                NOBODY6,
                "0A",
                EMPTY,
                0,
                500,
            ),
            tcp(
                &format!("{mapped}:1F90"),
                &format!("{mapped}:C002"),
                "01",
                EMPTY,
                0,
                501,
            ),
        ],
    );
    tree.table(
        "udp",
        &[
            udp("00000000:0035", NOBODY, "07", EMPTY, 0, 510),
            udp("0100007F:C003", "0100007F:0035", "01", EMPTY, 0, 511),
        ],
    );
    tree.table("raw", &[udp("00000000:0001", NOBODY, "07", EMPTY, 0, 520)]);
    tree.table(
        "unix",
        &[
            unix("00010000", "0001", "01", 530, "/mnt/run/docker.sock"),
            unix("00000000", "0001", "03", 531, ""),
            unix("00000000", "0002", "01", 532, "@log"),
        ],
    );
    tree.table("netlink", &[netlink(0, 67, 540)]);
    tree.table("packet", &[packet(3, "0003", 1, 541)]);
    let (mut java, mut sshd) = (tree.process(67, "java"), tree.process(77, "sshd"));
    for inode in (100..108).chain(500..512).chain([520, 530]) {
        java = java.socket(u32::try_from(inode).unwrap(), inode);
    }
    for inode in (200..208).chain(300..308).chain(531..533).chain(540..542) {
        sshd = sshd.socket(u32::try_from(inode).unwrap(), inode);
    }
    tree
}

/// Takes a command line apart as a shell does: blanks, and quotes of both kinds.
fn arguments(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for char in line.chars() {
        match (char, quote) {
            ('\'' | '"', None) => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (char, Some(end)) if char == end => quote = None,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

#[test]
fn what_is_typed_means_what_its_tool_means_or_is_refused() {
    let tree = tree();
    let log = tree.top().join("app.log");
    fs::write(&log, "no socket\n").unwrap();
    let log = log.to_str().unwrap();
    let (mut shown, mut refused, mut lines) = (BTreeSet::new(), 0, 0);
    for line in TABLE.lines() {
        let line = line.replace("APP-LOG", log);
        let (typed, meaning) = line.split_once('\t').expect("two columns");
        let typed = &arguments(typed)[1..];
        let run = tree.run_args(typed);
        lines += 1;
        match meaning.split_at(1) {
            ("=", meant) => {
                let meant = arguments(meant.trim_start());
                let wanted = tree.run_args(&meant);
                assert_eq!(run.out(), wanted.out(), "{line}\n{}", run.err());
                assert_eq!(run.status, wanted.status, "{line}");
                assert_ne!(run.status, Some(2), "{line}: {}", run.err());
                shown.insert(run.out().to_owned());
            }
            ("!", words) => {
                run.refuses("");
                let said = run.one_line();
                assert!(said.starts_with(words.trim_start()), "{line}\n{said}");
                refused += 1;
            }
            _ => {
                let wanted = Run::of(lsock().arg(format!("--{meaning}")));
                run.exactly(wanted.out(), 0);
            }
        }
    }
    // A tree that shows the same for everything would hold nothing against the table.
    assert!(
        lines > 280 && refused > 60,
        "{lines} lines, {refused} refused"
    );
    assert!(shown.len() > 60, "{} different lists", shown.len());
}

#[test]
fn ss_without_a_filter_and_lsof_without_a_specification_show_the_whole_list() {
    let tree = tree();
    let all = tree.run("").rows();
    let of = |proto: &str| {
        let rows = all.iter().filter(|row| row.contains(&format!(" {proto}")));
        rows.cloned().collect::<Vec<_>>()
    };
    // More than ss -tn shows, which leaves out listeners and TIME_WAIT: as ss -tan.
    assert_eq!(tree.run("-tn").rows(), of("tcp"));
    assert_eq!(tree.run("-tan").rows(), of("tcp"));
    assert_eq!(
        tree.run("-wi").rows().len(),
        of("tcp").len() + of("udp").len() + 1
    );
}

#[test]
fn only_process_ids_are_printed_where_kill_may_read_them() {
    let tree = tree();
    for typed in [
        "-ti:3000",
        "-t -i :3000",
        "-i :3000 -t",
        "-nPiTCP:3000 -t",
        "-tiTCP:3000 -sTCP:LISTEN",
        "-i @127.0.0.1:3000 -t",
        "-t -i 4tcp",
        "-tnP -i :3000",
        "-wti:3000",
        "-t /mnt/run/docker.sock",
    ] {
        let run = tree.run(typed);
        assert_eq!(run.status, Some(0), "{typed}: {}", run.err());
        assert!(
            run.out().lines().all(|line| ["67", "77"].contains(&line)),
            "{typed}: {}",
            run.out()
        );
    }
    // What is empty because a variable was not set selects nothing, least of all every process.
    for typed in [
        &["-ti:"][..],
        &["-t", "-i", ""],
        &["-t", "-i", ":"],
        &["-T", "-c", ""],
        &["-T", "--command", ""],
        &["-T", "--pid="],
        &["-T", ""],
        &["-ti", "tcp:"],
    ] {
        tree.run_args(typed).refuses("'");
    }
}

#[test]
fn a_filter_is_read_in_one_argument_or_many_and_beside_selectors() {
    let tree = tree();
    let wanted = tree.run("--tcp --local-port 80,443 --state ESTABLISHED java sshd");
    assert_eq!(wanted.rows().len(), 1);
    for typed in [
        &["-t", "sshd", "state", "established", "sport", "=", ":80"][..],
        &["-t", "sshd", "state established sport = :80"],
        &[
            "sshd",
            "state established",
            "(sport=80",
            "||",
            "sport eq 443)",
            "-t",
        ],
        &[
            "sshd",
            "state",
            "established",
            "-t",
            "not(sport!=80)",
            "and",
            "src",
            "127.0.0.1",
        ],
        &[
            "--tcp",
            "sshd",
            "--",
            "state",
            "estab",
            "src",
            "127.0.0.1:80",
        ],
    ] {
        let run = tree.run_args(typed);
        assert_eq!(run.out(), wanted.out(), "{typed:?}: {}", run.err());
    }
}

#[test]
fn long_arguments_are_read_in_time_that_grows_with_them() {
    let tree = tree();
    let all = tree.run("--pid 67").out().to_owned();
    for letters in ["p", "pn", "a", "ni"] {
        let cluster = format!("-{}p", letters.repeat(130_000 / letters.len()));
        let run = tree.run_args(&[&cluster, "67"]);
        assert_eq!(run.status, Some(0), "{letters}");
        assert!(
            letters.contains(['i', 's']) || run.out() == all,
            "{letters}"
        );
    }
    let filter = format!("sport = 1{}", " or sport = 67".repeat(9_000));
    // Of sockets in no table nothing tells the port.
    tree.run_args(&["-t", &filter]).prints("", 3);
    let nested = "(".repeat(100_000);
    tree.run_args(&["-t", &nested])
        .refuses("((', character 65: ");
    let negated = format!("{} sport = 80", "! ".repeat(60_001));
    let rows = tree.run_args(&["-t", &negated]).rows().len();
    assert_eq!(rows, tree.run("-t not sport = 80").rows().len());
}

/// The port on which a copy of this program listens, in place of testing.
const SERVES: &str = "LSOCK_TEST_SERVES";

/// Is the server of the scene below: it listens until it is killed.
#[test]
fn a_copy_of_this_program_serves_the_scene_that_asks_for_it() {
    if let Ok(port) = env::var(SERVES) {
        let address = format!("0.0.0.0:{port}");
        let _listener = TcpListener::bind(&address).expect("a namespace of its own has every port");
        loop {
            thread::park();
        }
    }
}

/// Two servers and a bystander; then the form runs in a script with a child of its own. Says who lives after it.
const SCENE: &str = r#"
echo begun
lsock() { "$LSOCK" "$@"; }
lives() { read -r _ _ state _ <"/proc/$1/stat" && [ "$state" != Z ]; }
serve() { LSOCK_TEST_SERVES=$1 "$TESTS" --exact fingers::a_copy_of_this_program_serves_the_scene_that_asks_for_it >&2 & }
serve 3000; other=$!
serve 4000; server=$!
sleep 60 & bystander=$!
until [ "$(lsock -H -t -l :3000,4000 | wc -l)" = 2 ]; do sleep .02; done
sh -c 'lsock() { "$LSOCK" "$@"; }; sleep 60 & child=$!
eval "$FORM"
kill -0 $child && echo child; echo script'
# A process that gets SIGKILL or SIGTERM ends a little later.
for try in 1 2 3 4 5; do lives $server && sleep .05; done
lives $server && echo server
lives $other && echo other
lives $bystander && echo bystander
kill -9 $other $server $bystander
"#;

/// Plays the scene in PID and network namespaces of its own. Returns who lived, or why there are no such namespaces here.
fn play(form: &str) -> Result<Vec<String>, String> {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let spaces = "--net --pid --mount --fork --kill-child --mount-proc";
    command.args(spaces.split(' ')).args(["sh", "-c", SCENE]);
    let tests = env::current_exe().unwrap();
    command
        .env("LSOCK", LSOCK)
        .env("TESTS", tests)
        .env("FORM", form);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("unshare (util-linux): {error}"))?;
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said.lines().map(str::to_owned);
    match lines.next() {
        Some(begun) if begun == "begun" => Ok(lines.collect()),
        _ => Err(format!(
            "namespaces: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

#[test]
fn the_idioms_of_lsof_kill_the_right_process_and_nothing_else() {
    let all = ["child", "script", "server", "other", "bystander"];
    let killed = ["child", "script", "other", "bystander"];
    for (form, left) in [
        ("kill -9 $(lsock -ti:4000)", &killed[..]),
        ("kill -9 $(lsock -t -i :4000)", &killed),
        ("kill $(lsock -i :4000 -t)", &killed),
        ("lsock -ti tcp:4000 | xargs kill -9", &killed),
        ("kill -9 `lsock -nP -iTCP:4000 -sTCP:LISTEN -t`", &killed),
        ("lsock -tiTCP:4000 -sTCP:LISTEN | xargs -r kill", &killed),
        (
            "for pid in $(lsock -nPi :4000 -t); do kill -9 $pid; done",
            &killed,
        ),
        ("kill -9 $(lsock -t -i @0.0.0.0:4000 -w)", &killed),
        ("kill $(lsock -T -l sport = :4000)", &killed),
        // What is refused kills nothing.
        ("kill -9 $(lsock -ti:$UNSET)", &all),
        ("kill -9 $(lsock -i 4000 -t)", &all),
        ("kill -9 $(lsock -t -l -i:4000)", &all),
        ("kill -9 $(lsock -t -c \"$UNSET\")", &all),
        ("kill -9 $(lsock -tu nobody)", &all),
        ("kill -9 $(lsock -t -P)", &all),
        ("kill -9 $(lsock -t -F p)", &all),
        ("kill -9 $(lsock -ti:5000)", &all),
    ] {
        match play(form) {
            Ok(lives) => assert_eq!(lives, left, "{form}"),
            Err(why) => return skip(&why),
        }
    }
}
