//! Reads netstat's command line. In: the words behind its name. Out: which sockets are shown, with which columns; or what is
//! printed instead, with netstat's exit status. What is not about sockets is refused here. Words that are no options mean
//! nothing, as to netstat itself.

use crate::dialects::getopt::{Known, Typed};
use crate::text::escape::quoted;

/// netstat's exit status for what it does not understand, and for what is refused.
const REFUSED: u8 = 3;

/// The first byte that stands for a long name which has no letter.
const NAMED: u8 = 200;

/// The options of netstat.
static KNOWN: Known = Known {
    tool: "netstat",
    letters: b"A:CFMacdeghilnNoprsStuUvVWw2fx64?Z",
    names: &[
        ("ax25", NAMED + 2),
        ("x25", NAMED + 3),
        ("ip", b'4'),
        ("ipx", NAMED + 4),
        ("appletalk", NAMED + 5),
        ("netrom", NAMED + 6),
        ("inet", b'4'),
        ("inet6", b'6'),
        ("ddp", NAMED + 7),
        ("rose", NAMED + 8),
        ("unix", b'x'),
        ("bluetooth", NAMED + 9),
        ("version", b'V'),
        ("interfaces", b'i'),
        ("help", b'h'),
        ("route", b'r'),
        ("masquerade", b'M'),
        ("protocol", b'A'),
        ("tcp", b't'),
        ("sctp", b'S'),
        ("udp", b'u'),
        ("udplite", b'U'),
        ("raw", b'w'),
        ("l2cap", b'2'),
        ("rfcomm", b'f'),
        ("listening", b'l'),
        ("all", b'a'),
        ("timers", b'o'),
        ("continuous", b'c'),
        ("extend", b'e'),
        ("programs", b'p'),
        ("verbose", b'v'),
        ("statistics", b's'),
        ("wide", b'W'),
        ("numeric", b'n'),
        ("numeric-hosts", b'n'),
        ("numeric-ports", NAMED),
        ("numeric-users", NAMED + 1),
        ("symbolic", b'N'),
        ("cache", b'C'),
        ("fib", b'F'),
        ("groups", b'g'),
        ("context", b'Z'),
    ],
};

/// The text of `-h`.
pub(super) const USAGE: &str = "\
usage: netstat [-vWnNceola] [-p] [<Socket>...] [<AF>...]     (lsock, from /proc alone)
        -W, --wide               whole addresses
        -n, --numeric            numbers, which all is without it too
        -e, --extend             owners and inodes
        -p, --programs           processes
        -o, --timers             timers
        -c, --continuous         again each second
        -l, --listening          sockets that listen
        -a, --all                all sockets (default: connected)
  <Socket>={-t|--tcp} {-u|--udp} {-U|--udplite} {-S|--sctp} {-w|--raw} {-x|--unix}
  <AF>={-4|--inet} {-6|--inet6} {-A <af>}
";

/// The text of `-V`.
const VERSION: &str = concat!("net-tools 2.10\nlsock ", env!("CARGO_PKG_VERSION"), "\n");

/// Kinds of sockets, each a bit.
pub(super) mod kind {
    /// TCP.
    pub(in crate::dialects::netstat) const TCP: u8 = 1;
    /// SCTP.
    pub(in crate::dialects::netstat) const SCTP: u8 = 2;
    /// UDP.
    pub(in crate::dialects::netstat) const UDP: u8 = 4;
    /// UDP-Lite.
    pub(in crate::dialects::netstat) const UDPLITE: u8 = 8;
    /// Raw.
    pub(in crate::dialects::netstat) const RAW: u8 = 0x10;
    /// Unix.
    pub(in crate::dialects::netstat) const UNIX: u8 = 0x20;
    /// All of the internet.
    pub(in crate::dialects::netstat) const INET: u8 = TCP | SCTP | UDP | UDPLITE | RAW;
}

/// The letters of kinds.
static KINDS: [(u8, u8); 6] = [
    (b't', kind::TCP),
    (b'S', kind::SCTP),
    (b'u', kind::UDP),
    (b'U', kind::UDPLITE),
    (b'w', kind::RAW),
    (b'x', kind::UNIX),
];

/// What is shown.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that goes with any other"
)]
pub(super) struct Asked {
    /// The kinds.
    pub(super) kinds: u8,
    /// Whether IPv4 is shown.
    pub(super) inet: bool,
    /// Whether IPv6 is.
    pub(super) inet6: bool,
    /// Whether a kind of the internet was named: where the kernel has none, that is an error.
    pub(super) is_named: bool,
    /// Whether all sockets are shown.
    pub(super) all: bool,
    /// Whether those that listen are, if not all.
    pub(super) listening: bool,
    /// Whether owners and inodes are.
    pub(super) extended: bool,
    /// Whether processes are.
    pub(super) programs: bool,
    /// Whether timers are.
    pub(super) timers: bool,
    /// Whether addresses are written whole.
    pub(super) wide: bool,
    /// Whether all is shown again each second.
    pub(super) continuous: bool,
}

/// What is done instead of showing sockets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// This is printed on standard output; the exit status is 0.
    Print(&'static str),
    /// This is written to standard error, whole lines; the exit status is this.
    Fail(String, u8),
}

/// Reads the command line.
///
/// # Errors
/// What is done instead.
pub(super) fn parse(words: Vec<Vec<u8>>) -> Result<Asked, Stop> {
    let Typed { options, wrong, .. } = KNOWN.parse(words);
    let mut asked = Asked::default();
    for (letter, value) in &options {
        set(&mut asked, *letter, value)?;
    }
    if let Some(mut line) = wrong {
        line.push('\n');
        line.push_str(USAGE);
        return Err(Stop::Fail(line, REFUSED));
    }
    asked.is_named = asked.kinds & kind::INET != 0;
    if (asked.inet || asked.inet6) && !asked.is_named {
        asked.kinds |= kind::INET;
    }
    if asked.kinds == 0 {
        asked.kinds = kind::INET | kind::UNIX;
    }
    if !(asked.inet || asked.inet6) {
        (asked.inet, asked.inet6) = (true, true);
    }
    Ok(asked)
}

/// Does what one option asks for.
fn set(asked: &mut Asked, letter: u8, value: &[u8]) -> Result<(), Stop> {
    match letter {
        b'a' => asked.all = true,
        b'l' => asked.listening = true,
        b'c' => asked.continuous = true,
        b'e' => asked.extended = true,
        b'p' => asked.programs = true,
        b'o' => asked.timers = true,
        b'W' => asked.wide = true,
        b'4' => asked.inet = true,
        b'6' => asked.inet6 = true,
        b'A' => {
            for name in value.split(|byte| *byte == b',') {
                match name {
                    b"inet" | b"ip" | b"tcpip" => asked.inet = true,
                    b"inet6" => asked.inet6 = true,
                    b"unix" => asked.kinds |= kind::UNIX,
                    name => return Err(refused(&["-A ", &quoted(name)].concat(), OTHER_FAMILY)),
                }
            }
        }
        b'h' => return Err(Stop::Print(USAGE)),
        b'V' => return Err(Stop::Print(VERSION)),
        // They change what is written of routes, or ask for what is so anyway.
        b'n' | b'N' | b'v' | b'd' | b'C' | b'F' | NAMED | 201 => {}
        b'?' => return Err(Stop::Fail(USAGE.to_owned(), REFUSED)),
        letter => match KINDS.iter().find(|(known, _)| *known == letter) {
            Some((_, kind)) => asked.kinds |= kind,
            None => return Err(refused_option(letter)),
        },
    }
    Ok(())
}

/// Why a family is refused.
const OTHER_FAMILY: &str = "as netstat, lsock lists sockets of the internet and of unix alone";

/// Returns the line about an option that netstat has and lsock has not.
fn refused_option(letter: u8) -> Stop {
    let (name, why) = match letter {
        b'r' => (
            "-r",
            "lsock lists sockets, not routes; write ip route, or read /proc/net/route",
        ),
        b'i' => (
            "-i",
            "lsock lists sockets, not interfaces; write ip -s link, or read /proc/net/dev",
        ),
        b's' => (
            "-s",
            "lsock lists sockets, not counters; read /proc/net/snmp and /proc/net/netstat",
        ),
        b'g' => (
            "-g",
            "lsock lists sockets, not groups; write ip maddr, or read /proc/net/igmp",
        ),
        b'M' => (
            "-M",
            "lsock lists sockets, not masquerading; read /proc/net/nf_conntrack",
        ),
        b'Z' => ("-Z", "lsock does not read security contexts"),
        _ => ("this family", OTHER_FAMILY),
    };
    refused(name, why)
}

/// Returns the line that `what` is refused, and why.
fn refused(what: &str, why: &str) -> Stop {
    Stop::Fail(["netstat: ", what, ": ", why, "\n"].concat(), REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is shown for a command line, whose words are separated by blanks.
    fn asked(line: &str) -> Result<Asked, Stop> {
        parse(
            line.split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect(),
        )
    }

    #[test]
    fn kinds_and_families_add_up_as_they_do_for_netstat() {
        for (line, kinds, inet, inet6, is_named) in [
            ("-an", kind::INET | kind::UNIX, true, true, false),
            ("-p tcp -l -n", kind::INET | kind::UNIX, true, true, false),
            ("-tn", kind::TCP, true, true, true),
            ("--inet -avW --program", kind::INET, true, false, false),
            ("-t --inet6", kind::TCP, false, true, true),
            ("-x", kind::UNIX, true, true, false),
            (
                "-an -A inet,unix",
                kind::INET | kind::UNIX,
                true,
                false,
                false,
            ),
            (
                "--numeric-hosts -l -xu",
                kind::UDP | kind::UNIX,
                true,
                true,
                true,
            ),
        ] {
            let asked = asked(line).unwrap();
            let found = (asked.kinds, asked.inet, asked.inet6, asked.is_named);
            assert_eq!(found, (kinds, inet, inet6, is_named), "{line}");
        }
    }

    #[test]
    fn what_is_about_no_sockets_is_refused_with_netstats_status() {
        for line in [
            "-r", "-rn", "-i", "-st", "-g", "-M", "--ax25", "-A ipx", "-tZ", "--route",
        ] {
            let Err(Stop::Fail(said, 3)) = asked(line) else {
                panic!("{line}");
            };
            assert!(
                said.starts_with("netstat: ") && said.contains("lsock"),
                "{said}"
            );
        }
        assert!(
            matches!(asked("-k"), Err(Stop::Fail(said, 3)) if said.starts_with("netstat: invalid option -- 'k'\nusage: "))
        );
        assert_eq!(asked("-tVk"), Err(Stop::Print(VERSION)));
        assert_eq!(asked("-h"), Err(Stop::Print(USAGE)));
    }
}
