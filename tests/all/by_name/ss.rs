//! lsock as ss.

use super::{Scene, all_lines, refuses, same, whole_or_refused, with_each_letter, with_each_word};
use crate::run::Run;
use std::process::Command;

/// What stands in front of ss. With `PROC_ROOT` it uses no netlink, and says what /proc can tell; but it reads the table of
/// unix wrongly: it takes the pointer of a datagram socket for its peer, and shows connections that nobody has accepted, and
/// names up to their first blank. So it is given a table without pointers, such rows and such blanks.
pub(super) const BEFORE: &str = r#"sed -E '/ 00000000 0002 02 +0 /d; / 0001 02 +0 /d; s/^[0-9a-f]+:/0000000000000000:/; s/with space/with_space/' /proc/net/unix >"$KEPT.unix"
env PROC_ROOT=/proc PROC_NET_UNIX="$KEPT.unix" "#;

/// What is done with its output: the blank is put back, and what ss is told by netlink alone, and lsock infers: that the
/// wildcard of sshd is of IPv6 alone, and the interface of a link-local address.
pub(super) const BEHIND: &str = r#"sed -i -E 's/with_space/with space/; s/   \*:22 /[::]:22 /; s/     (\[fe80::42:acff:fe11:2\]):546/\1%eth0:546/' "$KEPT.stdout""#;

/// Lines that are answered in another way, and why.
const OTHERS: &[(&str, &str)] = &[];

/// Returns true for a line about the figures of TCP and the memory of sockets, which are in netlink alone.
fn is_about_netlink(line: &str) -> bool {
    let mut words = line.split(' ').skip(1);
    words.any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(['i', 'm']))
}

#[test]
fn ss_is_answered_byte_for_byte() {
    all_lines("ss", "next-server (v1", 5, OTHERS, &is_about_netlink);
}

/// Options, by clusters and long names, alone and together.
const OPTIONS: &[&str] = &[
    "-tan",
    "-tl",
    "-ul",
    "-uan",
    "-wan",
    "-w",
    "-xa",
    "-xn",
    "-x -l",
    "-0",
    "-0 -a -e",
    "-f link",
    "-f unix -l",
    "-f netlink",
    "-f inet6 -tan",
    "-4 -an",
    "-6 -ln",
    "-4 -6 -tln",
    "-tanH",
    "-anpH",
    "-ape",
    "-tanoe",
    "-O -tn",
    "-plat",
    "-antlp",
    "-s",
    "-s -t",
    "-A tcp",
    "-A tcp,udp -a",
    "-A all,!unix,!netlink -l",
    "-A u_str,u_seq -pl",
    "-A p_raw",
    "--query=inet --all --num",
    "--proc --lis --tcp",
    "-tx",
    "-xt -a",
    "-u -t -l -n -p",
    "-n state listening",
    "-tn state established state syn-sent",
    "-tan exclude listening exclude time-wait",
    "-ta excl all",
    "-tn state ESTABLISHED",
    "-tn state big",
    "-tn state bucket",
    "-tn state synchronized",
    "-tn state unknown",
];

/// Filters, right and wrong.
const FILTERS: &[&str] = &[
    "sport = :5432",
    "sport 5432",
    "sport eq 0x1538",
    "dport != :5432",
    "sport > :40000",
    "sport ge 50000",
    "sport lt 500 or dport gt 50000",
    "sport = :22 or sport = :80 dport = :1",
    "not ( sport = :80 )",
    "! sport = :80",
    "src 127.0.0.1",
    "src 127/8",
    "dst 172.17.0.2",
    "dst [::ffff:172.17.0.2]",
    "dst [::ffff:172.17.0.2]:54846",
    "src [::1]:5432",
    "src inet6:[::]",
    "sport = inet:22",
    "sport = inet6:22",
    "src *:3306",
    "dst *",
    "src 0.0.0.0",
    "src 127.0.0.0/255.0.0.0",
    "src any",
    "autobound",
    "not autobound",
    "( sport = :80 | sport = :22 ) & src 0.0.0.0/0",
    "src unix:*docker*",
    "src = 127.0.0.1:3306",
    "dst 127.0.0.1/32:3306",
    "sport = 58",
    "sport = :99999",
    "sport = +80",
    "sport = 080",
    "sport",
    "sport = = 1",
    "sport = :80 )",
    "( sport = :80",
    "or",
    "foo",
    "sport = foo",
    "sport=:80",
    "src ::1",
    "src [::1",
    "src 1.2.3.4/33",
    "src 300.1.1.1",
    "src 1.2.3.4.5",
    "dst > 1.2.3.4",
    "sport = :1 and",
    "not",
    "sport = :22 foo",
    "sport = :22 :80",
    "state established",
];

/// Filters in quotes, and what is wrong with options.
const LINES: &[&str] = &[
    "ss -xan 'src /mnt/run/*'",
    "ss -xa dst '*'",
    "ss -x src '@abs*'",
    "ss -x autobound",
    "ss -tan 'src 127.0.0.1' or dst '172.17.0.2'",
    "ss -k",
    "ss --nope",
    "ss --tcp=1",
    "ss -f foo",
    "ss -A foo",
    "ss state foo",
    "ss exclude",
    "ss -t exclude all",
    "ss -tan sport = '\\:22'",
];

#[test]
fn ss_is_answered_byte_for_byte_beyond_what_was_seen() {
    let Some(scene) = Scene::set("ss", "next-server (v1") else {
        return;
    };
    scene.name_protocols();
    let mut lines: Vec<String> = OPTIONS.iter().map(|line| format!("ss {line}")).collect();
    for filter in FILTERS {
        // Each word an argument, as nobody quotes them; and all in one.
        let words: Vec<String> = filter.split(' ').map(|word| format!("'{word}'")).collect();
        lines.push(format!("ss -tan {}", words.join(" ")));
        lines.push(format!("ss -ln '{filter}'"));
    }
    lines.extend(LINES.iter().map(|line| (*line).to_owned()));
    same(&scene, &lines, None);
    let lines = ["ss -tlnp", "ss -tunap", "ss -xp"].map(str::to_owned);
    same(&scene, &lines, Some(1000));
    refuses(
        &scene,
        &[
            "ss -i",
            "ss -tin",
            "ss -tm",
            "ss -K dst 1.2.3.4",
            "ss -tD x",
            "ss -Z",
            "ss -E",
            "ss -N x",
            "ss -F x",
            "ss -b",
            "ss -r",
            "ss -T",
            "ss -M",
            "ss --vsock",
            "ss --tos",
            "ss -f vsock",
            "ss -A xdp",
            "ss -t dev eth0",
            "ss -t src netlink:x",
        ],
        255,
    );
}

/// Runs a command on a terminal with so many columns, and prints what it writes there.
const ON_TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
pid, end = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("4H", 24, int(sys.argv[1]), 0, 0))
    os.environ["PROC_ROOT"] = "/proc"
    os.execvp(sys.argv[2], sys.argv[2:])
text = b""
try:
    while True:
        text += os.read(end, 65536)
except OSError:
    pass
print("\n".join(line.rstrip() for line in text.decode().splitlines()))
"#;

#[test]
fn a_terminal_is_filled_as_ss_fills_it() {
    let Some(scene) = Scene::set("ss", "next-server (v1") else {
        return;
    };
    let ours = scene.folder.join("ours-bin/ss");
    for columns in ["20", "40", "61", "79", "80", "100", "132", "200"] {
        for options in ["-tln4", "-4tun", "-4tlnp", "-4tnH", "-4wan", "-4ln"] {
            let on_terminal = |tool: &str| {
                let mut command = Command::new("nsenter");
                command.args(["-t", &scene.init.to_string(), "-n", "-p", "-m", "--"]);
                command.args(["python3", "-c", ON_TERMINAL, columns, tool, options]);
                let run = Run::of(&mut command);
                String::from_utf8(run.stdout).unwrap()
            };
            let real = on_terminal("ss");
            assert!(real.lines().count() > 1, "{real}");
            assert_eq!(
                on_terminal(ours.to_str().unwrap()),
                real,
                "{columns}: {options}"
            );
        }
    }
}

/// The long names of ss 6.1, and those that later versions have.
const LONG: &str = "numeric resolve options extended memory info processes threads bpf events dccp tcp sctp udp raw unix tipc \
vsock all listening ipv4 ipv6 packet family=inet query=tcp socket=udp summary diag=x filter=x version help context contexts net=x \
tipcinfo tos cgroup kill no-header xdp mptcp oneline inet-sockopt no-queues bound-inactive bpf-maps bpf-map-id=1";

/// The names of its tables.
const TABLES: &str = "all inet udp tcp sctp dccp mptcp raw unix unix_stream u_str unix_dgram u_dgr unix_seqpacket u_seq packet \
packet_raw p_raw packet_dgram p_dgr netlink tipc vsock vsock_stream v_str vsock_dgram v_dgr xdp";

/// The names of its states.
const STATES: &str = "established syn-sent syn-recv syn-rcv fin-wait-1 fin-wait-2 time-wait unconnected close closed close-wait \
last-ack listening listen closing all connected synchronized bucket big unknown bound-inactive";

#[test]
fn each_option_and_name_of_ss_is_answered_or_refused() {
    let Some(scene) = Scene::set("ss", "next-server (v1") else {
        return;
    };
    scene.name_protocols();
    let help = "the help and the version are of lsock";
    let packet = "without netlink ss does not tell the kinds of packet sockets apart";
    let others = [
        ("ss -nh", help),
        ("ss -nv", help),
        ("ss -nV", help),
        ("ss -an --help", help),
        ("ss -an --version", help),
        ("ss -an -f help", help),
        ("ss -an -A packet_dgram", packet),
        ("ss -an -A p_dgr", packet),
    ];
    let lines = with_each_letter("ss -n")
        .chain(with_each_word("ss -an --", LONG))
        .chain(with_each_word("ss -an -A ", TABLES))
        .chain(with_each_word(
            "ss -an -f ",
            "inet inet6 unix link netlink vsock tipc xdp help",
        ))
        .chain(with_each_word("ss -n state ", STATES))
        .chain(with_each_word("ss -an exclude ", STATES));
    whole_or_refused(&scene, lines, 255, &others);
}

/// Runs the command behind the first word where the kernel has SCTP, whose table of endpoints has those lines.
const WITH_SCTP: &str = r#"
mkdir -p "$KEPT.net/sctp"
for table in tcp tcp6 udp udp6 raw raw6 unix netlink packet; do cat /proc/net/$table >"$KEPT.net/$table"; done
printf ' ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n'"$1" >"$KEPT.net/sctp/eps"
shift
mount --bind "$KEPT.net" /proc/$$/net && exec "$@"
"#;

#[test]
fn sockets_of_sctp_are_not_left_out_in_silence() {
    let Some(scene) = Scene::set("ss", "next-server (v1") else {
        return;
    };
    let file = scene.folder.join("with-sctp");
    std::fs::write(&file, WITH_SCTP).unwrap();
    let endpoint = "ffff8800 ffff8801 2 10 29 5000 0 12345 127.0.0.1\\n";
    for (options, rows, status) in [
        ("-S", "", 0),
        ("-an", "", 0),
        ("-S", endpoint, 255),
        ("-an", endpoint, 255),
        ("-A inet -4 -l", endpoint, 255),
        ("-tulnp", endpoint, 0),
        ("-x", endpoint, 0),
        ("-A all,!sctp", endpoint, 0),
        ("-s", endpoint, 0),
    ] {
        // The keeper stands in the place of ss; what it keeps is of lsock.
        let ours = scene.folder.join("ours-bin/ss");
        let line = format!(
            "unshare -m sh {} '{rows}' {} {options}",
            file.display(),
            ours.display()
        );
        let (answer, said) = scene.run("ours", &line, None);
        assert_eq!(answer.pipe_status, Some(status), "{line}: {}", answer.piped);
        let is_refused = answer.piped.trim().is_empty();
        assert_eq!(is_refused, status != 0, "{line}: {said}");
    }
}
