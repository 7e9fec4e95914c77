//! Parses the values of options. In: one word of the command line, never an empty one. Out: the value, or one line that
//! quotes the word and says what would be right. It knows no option and sets nothing.
//! Of one word it asks whether it is a file.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use crate::proc::sys::Stat;
use crate::proc::{inode_in_link, is_denied};
use crate::socket::proto::{Proto, Protos};
use crate::text::addr::Endian;
use crate::text::digits::decimal32;
use crate::text::escape::{is_name, quoted};
use crate::text::parts::find;

/// Returns one line that quotes `word` and gives the reason.
pub(super) fn wrong(word: &[u8], reason: &str) -> String {
    format!("'{}': {reason}", quoted(word))
}

/// The shortest pause between two looks: what comes and goes faster is not seen anyway.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// Parses the pause between two looks, in seconds.
///
/// # Errors
/// One line, without the program's name, as from all functions below.
pub(super) fn parse_pause(word: &[u8]) -> Result<Duration, String> {
    let pause = parse_seconds(word)?;
    if pause < PAUSE_MIN {
        return Err(wrong(word, "the pause must be at least 0.01 seconds"));
    }
    Ok(pause)
}

/// Parses seconds: `5`, `0.25`.
pub(super) fn parse_seconds(word: &[u8]) -> Result<Duration, String> {
    let (whole, part) = match word.iter().position(|byte| *byte == b'.') {
        Some(at) => (
            word.get(..at).unwrap_or_default(),
            word.get(at + 1..).unwrap_or_default(),
        ),
        None => (word, &b"0"[..]),
    };
    let seconds = if whole.is_empty() && word.len() > 1 {
        Some(0)
    } else {
        decimal32(whole)
    };
    // A billionth is the least that counts.
    let mut digits = *b"000000000";
    let kept = part.get(..digits.len()).unwrap_or(part);
    digits
        .iter_mut()
        .zip(kept)
        .for_each(|(digit, known)| *digit = *known);
    let is_number = !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    match (seconds, decimal32(&digits)) {
        (Some(seconds), Some(nanoseconds)) if is_number => {
            Ok(Duration::new(seconds.into(), nanoseconds))
        }
        _ => Err(wrong(word, "not a number of seconds; write 5 or 0.5")),
    }
}

/// Parses `6` or `6,7`.
pub(super) fn parse_pids(word: &[u8]) -> Result<Vec<u32>, String> {
    let pid = |digits| decimal32(digits).filter(|pid| (1..=1 << 30).contains(pid));
    let pids: Option<_> = word.split(|byte| *byte == b',').map(pid).collect();
    pids.ok_or_else(|| {
        wrong(
            word,
            "not a process id; write a number from 1 on, or several with commas, as in 6,7",
        )
    })
}

/// Parses a list of uids: `0`, `0,1000`.
pub(super) fn parse_uids(word: &[u8]) -> Result<Vec<u32>, String> {
    parse_numbers(word).ok_or_else(|| {
        wrong(
            word,
            "not a user id; write a number, or several with commas, as in 0,1000",
        )
    })
}

/// Parses a list of numbers that are separated by commas.
fn parse_numbers(word: &[u8]) -> Option<Vec<u32>> {
    word.split(|byte| *byte == b',').map(decimal32).collect()
}

/// Parses an inode as in the links of /proc, `net:[4026531840]`, or a list of numbers.
fn parse_inode_or_numbers(word: &[u8], kind: &[u8]) -> Option<Vec<u32>> {
    match inode_in_link(word, kind) {
        Some(inode) => Some(vec![inode]),
        None => parse_numbers(word),
    }
}

/// The most threads that can be asked for: each costs memory, and few machines could run more at once.
const THREADS_MAX: usize = 1024;

/// Parses the largest number of threads.
pub(super) fn parse_threads(word: &[u8]) -> Result<NonZero<usize>, String> {
    let number = decimal32(word).and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| *number <= THREADS_MAX)
        .and_then(NonZero::new)
        .ok_or_else(|| wrong(word, "not a number of threads; write 1 to 1024"))
}

/// Parses `socket:[607014]`, or a list of inodes.
pub(super) fn parse_inodes(word: &[u8]) -> Result<Vec<u32>, String> {
    parse_inode_or_numbers(word, b"socket").ok_or_else(|| {
        wrong(
            word,
            "not an inode; write 607014 or socket:[607014], or several numbers with commas",
        )
    })
}

/// Parses `net:[4026531840]`, or a list of such inodes or of process ids.
pub(super) fn parse_namespaces(word: &[u8]) -> Result<Vec<u32>, String> {
    parse_inode_or_numbers(word, b"net").ok_or_else(|| {
        wrong(
            word,
            "not a network namespace; write the id of a process in it, or its inode, as in 6 or net:[4026531840]",
        )
    })
}

/// Parses what means a container or a pod: a name, a namespace and names, the first digits of an id; also an id as kubectl
/// has it, `containerd://54e9…`, which it returns without what stands in front.
pub(super) fn parse_container(word: &[u8]) -> Result<&[u8], String> {
    let scheme = find(word, b"://").map_or(0, |at| at + 3);
    let name = word.get(scheme..).unwrap_or_default();
    let name = name.strip_prefix(b"pod/").unwrap_or(name);
    let mut parts = name.split(|byte| *byte == b'/');
    if !parts.clone().all(is_name) || parts.nth(3).is_some() {
        return Err(wrong(
            word,
            "not a container; write a name, NAMESPACE/POD, or the first digits of an id, as in 54e9",
        ));
    }
    Ok(name)
}

/// Parses a byte order.
pub(super) fn parse_endian(word: &[u8]) -> Result<Endian, String> {
    match word {
        b"little" => Ok(Endian::Little),
        b"big" => Ok(Endian::Big),
        _ => Err(wrong(word, "not a byte order; write little or big")),
    }
}

/// The families and tables of ss and netstat, and the protocols that they list.
static TABLES: &[(&[u8], Protos)] = &[
    (b"all", Protos::ALL),
    (b"inet", Protos::INET),
    (b"inet6", Protos::INET.without(Protos::INET4)),
    (b"tcp", Protos::TCP),
    (b"mptcp", Protos::TCP),
    (b"udp", Protos::UDP),
    (b"raw", Protos::RAW),
    (b"sctp", Protos::SCTP),
    (b"unix", Protos::UNIX),
    (b"unix_stream", Protos::of(&[Proto::Unix])),
    (b"unix_dgram", Protos::of(&[Proto::UnixDgram])),
    (b"unix_seqpacket", Protos::of(&[Proto::UnixSeq])),
    (b"packet", Protos::PACKET),
    (b"packet_raw", Protos::PACKET),
    (b"packet_dgram", Protos::PACKET),
    (b"link", Protos::PACKET),
    (b"netlink", Protos::NETLINK),
];

/// Parses a family or table of ss and netstat.
pub(super) fn parse_table(word: &[u8]) -> Result<Protos, String> {
    let found = TABLES.iter().find(|(name, _)| *name == word);
    found.map(|(_, protos)| *protos).ok_or_else(|| {
        wrong(
            word,
            "not a table; write inet, inet6, tcp, udp, raw, sctp, unix, packet or netlink",
        )
    })
}

/// Returns true if the argument after `--decode` is its file: `-`, or a file that exists. A unix socket is none: its path
/// selects. So does a path that does not exist, unless standard input is a terminal: then the name is mistyped.
pub(super) fn is_file(word: &[u8]) -> bool {
    match Stat::of_path(Path::new(OsStr::from_bytes(word))) {
        Ok(file) => !file.is_socket(),
        // A file that may be there, though stat(2) is denied: opening it tells why.
        Err(error) if is_denied(&error) => true,
        Err(_) => word == b"-" || word.starts_with(b"/") && io::stdin().is_terminal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_of_numbers_alone() {
        assert_eq!(parse_pids(b"6,7"), Ok(vec![6, 7]));
        assert_eq!(parse_uids(b"0,1000"), Ok(vec![0, 1000]));
        assert_eq!(parse_inodes(b"socket:[607014]"), Ok(vec![607_014]));
        assert_eq!(parse_inodes(b"5,6"), Ok(vec![5, 6]));
        assert_eq!(
            parse_namespaces(b"net:[4026531840]"),
            Ok(vec![4_026_531_840])
        );
        for word in ["x", "1,", ",1", "1,,2", "-1", "+1", "1 ", "4294967296"] {
            let word = word.as_bytes();
            for parse in [parse_pids, parse_uids, parse_inodes, parse_namespaces] {
                assert!(parse(word).is_err(), "{}", quoted(word));
            }
        }
    }

    #[test]
    fn seconds_have_fractions() {
        for (word, milliseconds) in [
            ("5", 5000),
            ("0", 0),
            ("0.25", 250),
            (".5", 500),
            ("1.0009999999999", 1000),
            ("4294967295", 4_294_967_295_000),
        ] {
            let seen = parse_seconds(word.as_bytes()).map(|time| time.as_millis());
            assert_eq!(seen, Ok(milliseconds), "{word}");
        }
        for word in [
            "",
            ".",
            "1.",
            "-1",
            "+1",
            "1s",
            "1,5",
            "1.2.3",
            "1e3",
            "4294967296",
            " 1",
            "\u{ff11}",
        ] {
            assert!(parse_seconds(word.as_bytes()).is_err(), "{word}");
        }
    }
}
