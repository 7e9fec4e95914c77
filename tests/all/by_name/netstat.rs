//! lsock as netstat.

use super::{Scene, all_lines, refuses, same, whole_or_refused, with_each_letter, with_each_word};

/// What is done with the output of netstat: where another column stands behind the name of a program, that is cut at its
/// first blank, as lsock does, so that the other column is always the same word.
pub(super) const BEHIND: &str = r#"python3 -c '
import sys
at = None
for line in open(sys.argv[1]).read().splitlines():
    if line.startswith("Proto "):
        at = line.find("PID/Program name")
        if line.rstrip().endswith("PID/Program name"): at = -1
    elif at is not None and at > 0 and not line.startswith("Active "):
        name = line[at:at + 20]
        line = line[:at] + name.split(" ")[0].ljust(20) + line[at + 20:]
    print(line)' "$KEPT.stdout" >"$KEPT.cut"; mv "$KEPT.cut" "$KEPT.stdout""#;

/// Lines that are answered in another way, and why.
const OTHERS: &[(&str, &str)] = &[
    ("netstat -h", "the help is of lsock"),
    ("netstat -V", "the version is of lsock"),
];

#[test]
fn netstat_is_answered_byte_for_byte() {
    let is_other = |line: &str| {
        ["-r", "-i", "-st"]
            .iter()
            .any(|word| line.ends_with(&format!(" {word}")))
    };
    all_lines("netstat", "next-server (v1", 5, OTHERS, &is_other);
}

#[test]
fn netstat_is_answered_byte_for_byte_beyond_what_was_seen() {
    let Some(scene) = Scene::set("netstat", "next-server (v1") else {
        return;
    };
    let options = [
        "-an",
        "-ln",
        "-n",
        "-tan",
        "-uan",
        "-wan",
        "-wln",
        "-xan",
        "-xln",
        "-xn",
        "-txan",
        "-4 -an",
        "-6 -ln",
        "-46ln",
        "-A inet6 -an",
        "-A inet,unix -ln",
        "--inet -n -e",
        "-tane",
        "-taneo",
        "-tanpo",
        "-aneo",
        "-uaneop",
        "-tanW",
        "-aneWv",
        "-lan",
        "-U -an",
        "-S -an",
        "-tS -an",
        "-St -ln",
        "-4S -an",
        "-6S -an",
        "-tUn",
        "--tcp --num --list",
        "--numeric-ports -ta",
        "--numeric-users -te -n",
        "-N -tan",
        "-F -tan",
        "-tanT",
        "-k",
        "--nope",
        "--num=1",
        "-A",
        "-t word -n other",
    ];
    let lines: Vec<String> = options
        .iter()
        .map(|line| format!("netstat {line}"))
        .collect();
    same(&scene, &lines, None);
    let lines = ["netstat -tlnp", "netstat -anpe", "netstat -xp"].map(str::to_owned);
    same(&scene, &lines, Some(1000));
    refuses(
        &scene,
        &[
            "netstat -r",
            "netstat -rn",
            "netstat -i",
            "netstat -s",
            "netstat -st",
            "netstat -g",
            "netstat -M",
            "netstat --ax25",
            "netstat -A ipx -n",
            "netstat -Z",
            "netstat --route -t",
        ],
        3,
    );
    // Whom one user may not see is said as netstat says it.
    let (_, said) = scene.run("ours", "netstat -tlnp", Some(1000));
    let (_, real) = scene.run("real", "netstat -tlnp", Some(1000));
    assert_eq!(said, real);
}

/// The long names of netstat.
const LONG: &str = "ax25 x25 ip ipx appletalk netrom inet inet6 ddp rose unix bluetooth version interfaces help route masquerade \
protocol=inet protocol=unix tcp sctp udp udplite raw l2cap rfcomm listening all timers extend programs verbose statistics wide \
numeric numeric-hosts numeric-ports numeric-users symbolic cache fib groups context tcpip";

#[test]
fn each_option_and_name_of_netstat_is_answered_or_refused() {
    let Some(scene) = Scene::set("netstat", "next-server (v1") else {
        return;
    };
    let help = "the help and the version are of lsock";
    let others = [
        ("netstat -nh", help),
        ("netstat -nV", help),
        ("netstat -an --help", help),
        ("netstat -an --version", help),
    ];
    let families =
        "inet inet6 unix ax25 ipx ddp netrom x25 rose ash econet ip tcpip bluetooth local";
    // That which goes on for ever is among the lines that were seen.
    let letters = with_each_letter("netstat -n").filter(|line| line != "netstat -nc");
    let lines = letters
        .chain(with_each_word("netstat -an --", LONG))
        .chain(with_each_word("netstat -an -A ", families));
    whole_or_refused(&scene, lines, 3, &others);
}
