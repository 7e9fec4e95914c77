//! Reads netstat's command line. In: the words behind its name. Out: which sockets are shown, with which columns; or what is
//! printed instead, with netstat's exit status. What is not about sockets is refused here. Words that are no options mean
//! nothing, as to netstat itself.

use crate::dialects::Stop;
use crate::dialects::getopt::{Known, Typed, cut, has_letter, place_of_word};
use crate::text::escape::quoted;

/// netstat's exit status for what it does not understand, and for what is refused.
const REFUSED: u8 = 3;

/// The options of netstat; of the names behind digits and signs, 3 is a family that lsock does not list, 1 asks for nothing.
pub(crate) static KNOWN: Known = Known {
    tool: "netstat",
    letters: b"A:CFMacdeghilnNoprsStuUvVWw2fx64?Z",
    names: b"3ax25 3x25 4ip 3ipx 3appletalk 3netrom 4inet 6inet6 3ddp 3rose xunix 3bluetooth Vversion iinterfaces hhelp \
rroute Mmasquerade Aprotocol ttcp Ssctp uudp Uudplite wraw 2l2cap frfcomm llistening aall otimers ccontinuous eextend \
pprograms vverbose sstatistics Wwide nnumeric nnumeric-hosts 1numeric-ports 1numeric-users Nsymbolic Ccache Ffib ggroups \
Zcontext",
};

/// The text of `-h`.
pub(super) const USAGE: &str = "\
usage: netstat [-vWnNceola] [-p] [<Socket>...] [<AF>...]   (lsock, from /proc alone)
 -W, --wide
 -n, --numeric
 -e, --extend
 -p, --programs
 -o, --timers
 -c, --continuous
 -l, --listening
 -a, --all
 <Socket>={-t|--tcp} {-u|--udp} {-U|--udplite} {-S|--sctp} {-w|--raw} {-x|--unix}
 <AF>={-4|--inet} {-6|--inet6} {-A <af>}
";

/// The text of `-V`.
const VERSION: &str = concat!("net-tools 2.10\nlsock ", env!("CARGO_PKG_VERSION"), "\n");

/// TCP. Kinds are bits.
pub(super) const TCP: u8 = 1;
/// SCTP.
pub(super) const SCTP: u8 = 2;
/// UDP.
pub(super) const UDP: u8 = 4;
/// UDP-Lite.
pub(super) const UDPLITE: u8 = 8;
/// Raw.
pub(super) const RAW: u8 = 0x10;
/// Unix.
pub(super) const UNIX: u8 = 0x20;
/// All of the internet.
pub(super) const INET: u8 = TCP | SCTP | UDP | UDPLITE | RAW;

/// The letters of the kinds, in the order of their bits.
const KIND_LETTERS: &[u8] = b"t S u U w x";

/// What is shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The kinds.
    pub(super) kinds: u8,
    /// True if a kind of the internet was named: where the kernel has none, that is an error.
    pub(super) is_named: bool,
    /// The letters of the options, each a bit; `4` and `6` both, if neither was typed.
    letters: u128,
}

impl Asked {
    /// Returns true if the option `letter` was typed.
    pub(super) fn has(&self, letter: u8) -> bool {
        has_letter(self.letters, letter)
    }

    /// Notes that the option `letter` was typed.
    fn add(&mut self, letter: u8) {
        self.letters |= 1_u128.checked_shl(letter.into()).unwrap_or(0);
    }
}

/// Reads the command line.
///
/// # Errors
/// What is done instead.
#[inline(never)]
pub(crate) fn parse(words: &[Vec<u8>]) -> Result<Asked, Stop> {
    let Typed { options, wrong, .. } = KNOWN.parse(words);
    let mut asked = Asked::default();
    for (letter, value) in options {
        asked.add(letter);
        match letter {
            b'A' => {
                let mut names = Some(value);
                while let Some(name) = cut(&mut names, b',') {
                    match name {
                        b"inet" | b"ip" | b"tcpip" => asked.add(b'4'),
                        b"inet6" => asked.add(b'6'),
                        b"unix" => asked.kinds |= UNIX,
                        name => return Err(refused(&quoted(name), OTHERS)),
                    }
                }
            }
            b'h' => return Err(Stop::Print(USAGE)),
            b'V' => return Err(Stop::Print(VERSION)),
            b'?' => {
                let line = "netstat: the options are";
                return Err(Stop::Fail(line.to_owned(), true, REFUSED));
            }
            letter => match place_of_word(KIND_LETTERS, &[letter]) {
                Some(place) => asked.kinds |= 1 << place,
                None if b"risgMZ2f3".contains(&letter) => return Err(refused_option(letter)),
                None => {}
            },
        }
    }
    if let Some(line) = wrong {
        return Err(Stop::Fail(line, true, REFUSED));
    }
    asked.is_named = asked.kinds & INET != 0;
    let some_family = asked.has(b'4') || asked.has(b'6');
    if some_family && !asked.is_named {
        asked.kinds |= INET;
    }
    if asked.kinds == 0 {
        asked.kinds = INET | UNIX;
    }
    if !some_family {
        asked.add(b'4');
        asked.add(b'6');
    }
    Ok(asked)
}

/// Why a family is refused.
const OTHERS: &str = "lsock under this name lists sockets of the internet and of unix alone";

/// Returns the line about an option that netstat has and lsock has not.
fn refused_option(letter: u8) -> Stop {
    let why = match letter {
        b'r' => "lsock lists no routes; ip route does, and /proc/net/route",
        b'i' => "lsock lists no interfaces; ip -s link does, and /proc/net/dev",
        b's' => "lsock lists no counters; nstat does, and /proc/net/snmp",
        b'g' => "lsock lists no groups; ip maddr does, and /proc/net/igmp",
        b'M' => "lsock lists no masquerading; /proc/net/nf_conntrack does",
        b'Z' => "lsock reads no security contexts",
        _ => OTHERS,
    };
    let typed = [b'-', letter];
    let name = match letter {
        b'3' => "this family",
        _ => std::str::from_utf8(&typed).unwrap_or_default(),
    };
    refused(name, why)
}

/// Returns the line that `what` is refused, and why.
fn refused(what: &str, why: &str) -> Stop {
    let line = ["netstat: ", what, ": ", why].concat();
    Stop::Fail(line, false, REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is shown for a command line, whose words are separated by blanks.
    fn asked(line: &str) -> Result<Asked, Stop> {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec());
        parse(&words.collect::<Vec<_>>())
    }

    #[test]
    fn kinds_and_families_add_up_as_they_do_for_netstat() {
        for (line, kinds, inet, inet6, is_named) in [
            ("-an", INET | UNIX, true, true, false),
            ("-p tcp -l -n", INET | UNIX, true, true, false),
            ("-tn", TCP, true, true, true),
            ("--inet -avW --program", INET, true, false, false),
            ("-t --inet6", TCP, false, true, true),
            ("-x", UNIX, true, true, false),
            ("-an -A inet,unix", INET | UNIX, true, false, false),
            ("--numeric-hosts -l -xu", UDP | UNIX, true, true, true),
        ] {
            let asked = asked(line).unwrap();
            let found = (
                asked.kinds,
                asked.has(b'4'),
                asked.has(b'6'),
                asked.is_named,
            );
            assert_eq!(found, (kinds, inet, inet6, is_named), "{line}");
        }
    }

    #[test]
    fn what_is_about_no_sockets_is_refused_with_netstats_status() {
        for line in [
            "-r", "-rn", "-i", "-st", "-g", "-M", "--ax25", "-A ipx", "-tZ", "--route",
        ] {
            let Err(Stop::Fail(said, false, 3)) = asked(line) else {
                panic!("{line}");
            };
            assert!(
                said.starts_with("netstat: ") && said.contains("lsock"),
                "{said}"
            );
        }
        let said = "netstat: invalid option -- 'k'".to_owned();
        assert_eq!(asked("-k"), Err(Stop::Fail(said, true, 3)));
        assert_eq!(asked("-tVk"), Err(Stop::Print(VERSION)));
        assert_eq!(asked("-h"), Err(Stop::Print(USAGE)));
    }
}
