//! Reads ss's command line. In: the arguments. Out: which tables, families and states are shown, with which columns, and
//! the filter; or what is printed instead, with ss's exit status. What /proc does not tell is refused here. It reads no
//! file.
//!
//! The rules are ss's own, as sets of bits: each table and each family that is named adds the states that it shows by
//! default, and a family that stands in a filter replaces all others.

use crate::dialects::Stop;
use crate::dialects::getopt::{Known, Typed, cut, has_letter, place_of_word};
use crate::dialects::ss::filter::Test;
use crate::dialects::ss::grammar;
use crate::dialects::ss::names::{
    ALL, CLOSE, CONNECTED, ESTABLISHED, EVERY, FAMILIES, FAMILY_NAMES, INET, INET_ALL, INET6, LINK,
    LISTEN, NETLINK, NETLINK_ALL, PACKET_ALL, RAW, SCTP, STATE_NAMES, STATES, TABLE_NAMES, TABLES,
    TCP, UDP, UNIX, UNIX_ALL, UNIX_DGRAM, UNTOLD_NAMES,
};
use crate::text::escape::quoted;

/// ss's exit status for what it does not understand, and for what is refused.
const REFUSED: u8 = 255;

/// The options of ss; the names behind digits above 6 have no letter.
pub(crate) static KNOWN: Known = Known {
    tool: "ss",
    letters: b"dhaletuwxnro460spTbEf:mMiA:D:F:vVzZN:KHSO",
    names: b"nnumeric rresolve ooptions eextended mmemory iinfo pprocesses Tthreads bbpf Eevents ddccp ttcp Ssctp uudp \
wraw xunix 7tipc 7vsock aall llistening 4ipv4 6ipv6 0packet ffamily Asocket Aquery ssummary Ddiag Ffilter Vversion hhelp \
Zcontext zcontexts Nnet 8tipcinfo 8tos 8cgroup Kkill Hno-header 7xdp Mmptcp Ooneline 8inet-sockopt",
};

/// The text of `-h`, which scripts search for the options that they use.
pub(in crate::dialects) const USAGE: &str = "\
Usage: ss [ OPTIONS ] [ FILTER ]   (lsock, from /proc alone)
 -h, --help
 -V, --version
 -n, --numeric
 -a, --all
 -l, --listening
 -o, --options
 -e, --extended
 -p, --processes
 -s, --summary
 -4, --ipv4
 -6, --ipv6
 -0, --packet
 -t, --tcp
 -S, --sctp
 -u, --udp
 -w, --raw
 -x, --unix
 -f, --family={inet|inet6|link|unix|netlink}
 -A, --query, --socket={all|inet|tcp|udp|raw|unix|packet|netlink ...}
 -H, --no-header
 -O, --oneline
 FILTER := [ state STATE ] [ exclude STATE ] [ {sport|dport} [OPERATOR] PORT | {src|dst} ADDRESS ] ...
";

/// The text of `-V`.
const VERSION: &str = concat!(
    "ss utility, iproute2-7.0.0, by lsock ",
    env!("CARGO_PKG_VERSION"),
    "\n"
);

/// What is shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The tables.
    pub(crate) tables: u16,
    /// The families.
    pub(crate) families: u8,
    /// The states.
    pub(crate) states: u16,
    /// The family of an address in the filter that does not name one: that which was named last; 0 for IPv4 and IPv6.
    pub(super) preferred: u8,
    /// The letters of the options, each a bit.
    letters: u128,
    /// True if there is nothing but the totals.
    pub(super) only_summary: bool,
    /// The filter.
    pub(crate) filter: Option<Test>,
    /// True if the filter asks which ports the kernel chooses.
    pub(super) asks_ephemeral: bool,
    /// True if any table or family was named.
    is_named: bool,
}

impl Asked {
    /// Returns true if the option `letter` was typed.
    pub(super) fn has(&self, letter: u8) -> bool {
        has_letter(self.letters, letter)
    }

    /// Returns true if timers are shown.
    pub(super) fn has_timers(&self) -> bool {
        self.has(b'o') || self.has(b'e')
    }

    /// Adds tables and the states that they show by default.
    fn add_tables(&mut self, tables: u16) {
        let quiet = UDP | RAW;
        let closed = PACKET_ALL | NETLINK_ALL | UNIX_DGRAM;
        for (some, states) in [
            (quiet, ESTABLISHED),
            (closed, CLOSE),
            (!(quiet | closed), CONNECTED),
        ] {
            if tables & some != 0 {
                self.states |= states;
            }
        }
        self.tables |= tables;
        self.is_named = true;
    }

    /// Adds a family and the states that it shows by default.
    fn add_family(&mut self, family: u8) {
        let known = FAMILIES.iter().find(|(bit, ..)| *bit == family);
        self.states |= known.map_or(0, |(.., states)| *states);
        self.families |= family;
        self.preferred = family;
        self.is_named = true;
    }

    /// Shows `family` alone, which the filter names.
    pub(super) fn set_family(&mut self, family: u8) {
        self.families = family;
        self.preferred = family;
    }

    /// Adds what the tables and families that were named have to have: families for tables, tables for families.
    fn merge_defaults(&mut self) {
        // Both families of the internet have the same tables.
        for (families, tables) in [
            (INET | INET6, INET_ALL),
            (UNIX, UNIX_ALL),
            (LINK, PACKET_ALL),
            (NETLINK, NETLINK_ALL),
        ] {
            let (has_families, has_tables) =
                (self.families & families != 0, self.tables & tables != 0);
            if has_tables && !has_families {
                self.families |= families;
            }
            if has_families && !has_tables {
                self.tables |= tables;
            }
        }
    }
}

/// Reads the command line.
///
/// # Errors
/// What is done instead.
#[inline(never)]
pub(crate) fn parse(arguments: &[Vec<u8>]) -> Result<Asked, Stop> {
    let Typed {
        options,
        wrong,
        words,
    } = KNOWN.parse(arguments);
    let mut asked = Asked::default();
    // The states that options and words name; 0 for none.
    let mut states = 0;
    for (letter, value) in options {
        set(&mut asked, letter, value, &mut states)?;
    }
    if let Some(wrong) = wrong {
        return Err(Stop::Fail(wrong, true, REFUSED));
    }
    asked.only_summary = asked.has(b's') && !asked.is_named && words.is_empty();
    let filter = read_states(&words, &mut states)?;
    if !asked.is_named {
        states = default_states(states);
        asked.add_tables(EVERY);
    }
    if states != 0 {
        asked.states = states;
    }
    asked.merge_defaults();
    let nothing = match (asked.tables, asked.states) {
        (0, _) => "ss: no socket tables to show with such filter.",
        (_, 0) => "ss: no socket states to show with such filter.",
        _ => {
            grammar::parse(filter, &mut asked)?;
            return Ok(asked);
        }
    };
    Err(Stop::Fail(nothing.to_owned(), false, 0))
}

/// Does what one option asks for.
#[inline(never)]
fn set(asked: &mut Asked, letter: u8, value: &[u8], states: &mut u16) -> Result<(), Stop> {
    let is_first = !asked.has(letter);
    asked.letters |= 1_u128.checked_shl(letter.into()).unwrap_or(0);
    match letter {
        b't' => asked.add_tables(TCP),
        b'S' => asked.add_tables(SCTP),
        b'u' => asked.add_tables(UDP),
        b'w' => asked.add_tables(RAW),
        b'x' => asked.add_family(UNIX),
        b'4' => asked.add_family(INET),
        b'6' => asked.add_family(INET6),
        b'0' => asked.add_family(LINK),
        b'a' => *states = ALL,
        b'l' => *states = LISTEN | CLOSE,
        b'f' => return add_named_family(asked, value),
        b'A' => {
            if is_first {
                (asked.tables, asked.is_named) = (0, true);
                *states = default_states(*states);
            }
            let mut names = Some(value);
            while let Some(name) = cut(&mut names, b',') {
                add_named_table(asked, name)?;
            }
        }
        b'v' | b'V' => return Err(Stop::Print(VERSION)),
        b'h' => return Err(Stop::Print(USAGE)),
        b'n' | b'o' | b'e' | b'p' | b'H' | b'O' | b's' => {}
        letter => return Err(refused_option(letter)),
    }
    Ok(())
}

/// Returns `states`, or what is shown by default.
fn default_states(states: u16) -> u16 {
    if states == 0 { CONNECTED } else { states }
}

/// Reads the words that name states, from the first on, into `states`. Returns those of the filter.
fn read_states<'a, 'b>(words: &'b [&'a [u8]], states: &mut u16) -> Result<&'b [&'a [u8]], Stop> {
    let mut rest = words;
    let mut some_named = false;
    while let [word, more @ ..] = rest {
        let is_excluded = match *word {
            b"state" => false,
            b"exclude" | b"excl" => true,
            _ => break,
        };
        let [name, more @ ..] = more else {
            let line = "Command line is not complete. Try option \"help\"";
            return Err(fail(line, b"", "", false));
        };
        let place = place_of_word(STATE_NAMES, &name.to_ascii_lowercase());
        let Some(set) = place.and_then(|place| STATES.get(place)) else {
            return Err(fail("ss: wrong state name: ", name, "", false));
        };
        if !some_named {
            *states = if is_excluded { ALL } else { 0 };
        }
        if is_excluded {
            *states &= !set;
        } else {
            *states |= set;
        }
        some_named = true;
        rest = more;
    }
    Ok(rest)
}

/// Adds the family that is called `name`.
fn add_named_family(asked: &mut Asked, name: &[u8]) -> Result<(), Stop> {
    if name == b"help" {
        return Err(Stop::Print(USAGE));
    }
    let place = place_of_word(FAMILY_NAMES, name);
    match place.and_then(|place| FAMILIES.get(place)) {
        Some((family, ..)) => asked.add_family(*family),
        None if place_of_word(UNTOLD_NAMES, name).is_some() => {
            return Err(refused(&quoted(name), UNTOLD_WHY));
        }
        None => return Err(fail("ss: \"", name, "\" is invalid family", true)),
    }
    Ok(())
}

/// Adds the table that is called `name`, or leaves it out if an exclamation mark stands in front.
fn add_named_table(asked: &mut Asked, name: &[u8]) -> Result<(), Stop> {
    let (is_left_out, name) = match name {
        [b'!', name @ ..] => (true, name),
        name => (false, name),
    };
    let place = place_of_word(TABLE_NAMES, name);
    match place.and_then(|place| TABLES.get(place)) {
        Some(tables) if is_left_out => asked.tables &= !tables,
        Some(tables) => asked.add_tables(*tables),
        None if place_of_word(UNTOLD_NAMES, name).is_some() => {
            return Err(refused(&quoted(name), UNTOLD_WHY));
        }
        None => return Err(fail("ss: \"", name, "\" is illegal socket table id", true)),
    }
    Ok(())
}

/// Returns what is said of `text`, with the usage behind it if `has_usage`.
#[inline(never)]
fn fail(before: &str, text: &[u8], after: &str, has_usage: bool) -> Stop {
    let line = [before, &quoted(text), after].concat();
    Stop::Fail(line, has_usage, REFUSED)
}

/// Why most of what is refused is.
const UNTOLD_WHY: &str = "/proc does not tell it, and lsock reads nothing else";

/// Returns the line about an option that ss has and lsock has not.
fn refused_option(letter: u8) -> Stop {
    let why = match letter {
        b'r' => "lsock looks up no names; leave it out",
        b'N' => "leave it out; a network namespace is lsock --netns PID",
        b'K' => "lsock ends no connections",
        b'F' => "lsock reads no filter from files; write it behind the options",
        _ => UNTOLD_WHY,
    };
    let typed = [b'-', letter];
    let name = match letter {
        b'7' => "--tipc, --vsock, --xdp",
        b'8' => "--tipcinfo, --tos, --cgroup, --inet-sockopt",
        _ => std::str::from_utf8(&typed).unwrap_or_default(),
    };
    refused(name, why)
}

/// Returns the line that `what` is refused, and why.
pub(super) fn refused(what: &str, why: &str) -> Stop {
    let line = ["ss: ", what, ": ", why].concat();
    Stop::Fail(line, false, REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialects::ss::names::UNIX_STREAM;

    /// Returns what is shown for a command line, whose words are separated by blanks.
    fn asked(line: &str) -> Result<Asked, Stop> {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec());
        parse(&words.collect::<Vec<_>>())
    }

    #[test]
    fn tables_families_and_states_add_up_as_they_do_for_ss() {
        for (line, tables, families, states) in [
            ("-n", EVERY, 31, CONNECTED),
            ("-tn", TCP, 3, CONNECTED),
            ("-un", UDP, 3, ESTABLISHED),
            ("-tlpn4", TCP, 1, LISTEN | CLOSE),
            // The last of -a and -l wins.
            ("-plat", TCP, 3, ALL),
            ("-antlp", TCP, 3, LISTEN | CLOSE),
            ("-xl", UNIX_ALL, 4, LISTEN | CLOSE),
            ("-tx", TCP | UNIX_ALL, 7, CONNECTED),
            ("-4", INET_ALL, 1, CONNECTED),
            ("-0", PACKET_ALL, 8, CLOSE),
            ("-A tcp,u_str -a", TCP | UNIX_STREAM, 7, ALL),
            ("-t -A udp -l", UDP, 3, LISTEN | CLOSE),
            (
                "-A all,!inet",
                UNIX_ALL | PACKET_ALL | NETLINK_ALL,
                28,
                CONNECTED,
            ),
            ("-t state listening state closed", TCP, 3, LISTEN | CLOSE),
            ("-tl exclude Established", TCP, 3, ALL & !ESTABLISHED),
            ("--tcp --lis --query=udp", UDP, 3, LISTEN | CLOSE),
            ("-f inet6 -a", INET_ALL, 2, ALL),
        ] {
            let asked = asked(line).unwrap();
            let found = (asked.tables, asked.families, asked.states);
            assert_eq!(found, (tables, families, states), "{line}");
        }
        assert!(asked("-s").unwrap().only_summary);
        assert!(!asked("-st").unwrap().only_summary);
    }

    #[test]
    fn what_is_wrong_or_refused_has_the_words_and_the_status_of_ss() {
        for (line, said, usage, status) in [
            ("-k", "ss: invalid option -- 'k'", true, 255),
            ("--nope", "ss: unrecognized option '--nope'", true, 255),
            ("-f foo", "ss: \"foo\" is invalid family", true, 255),
            (
                "-A foo",
                "ss: \"foo\" is illegal socket table id",
                true,
                255,
            ),
            ("state foo", "ss: wrong state name: foo", false, 255),
            (
                "exclude",
                "Command line is not complete. Try option \"help\"",
                false,
                255,
            ),
            (
                "-t -A !tcp",
                "ss: no socket tables to show with such filter.",
                false,
                0,
            ),
        ] {
            assert_eq!(
                asked(line),
                Err(Stop::Fail(said.to_owned(), usage, status)),
                "{line}"
            );
        }
        let refused = "-i -m -K -D=x -Z -E -Nx -Fx -b -r -T -M -d --vsock --tos --cgroup";
        for line in refused.split(' ').chain(["-f vsock", "-A xdp", "-tim"]) {
            let Err(Stop::Fail(said, false, 255)) = asked(line) else {
                panic!("{line}");
            };
            assert!(said.starts_with("ss: ") && said.contains("lsock"), "{said}");
        }
        assert_eq!(asked("-tVk"), Err(Stop::Print(VERSION)));
        // MariaDB and others look for what they use.
        assert_eq!(asked("-h"), Err(Stop::Print(USAGE)));
        assert!(
            ["-H, --no-header", "-p, --processes"]
                .iter()
                .all(|word| USAGE.contains(word))
        );
    }

    #[test]
    fn a_family_in_the_filter_replaces_those_that_are_shown() {
        let families = |line: &str| asked(line).unwrap().families;
        assert_eq!(families("-t sport = 1"), 3);
        assert_eq!(families("-t sport = inet:1"), 1);
        assert_eq!(families("-t -4 -6 sport = 1"), 2);
        assert_eq!(families("-tx src /run/*"), 4);
        assert_eq!(families("-a"), 31);
    }
}
