//! Parses selectors and the values of options. In: one word of the command line. Out: what it selects, or one line
//! that quotes the word and says what would be right. What looks like an address, a port or a number but is none is an
//! error and never a search word.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::proc::inode_in_link;
use crate::select::{Endpoint, Family, Internet, Ports};
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::text::addr::Prefix;
use crate::text::digits::decimal32;
use crate::text::escape::quoted;

/// What a word of the command line selects, by its shape.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// `6`, `6,7`
    Pids(Vec<u32>),
    /// `java`
    Word(Vec<u8>),
    /// `:8080`, `:8000-8999`, `:80,443`
    Ports(Ports),
    /// `172.17.0.2`, `10.0.0.0/8`, `[::1]:80`
    End(Endpoint),
    /// `/run/app.sock`, `@name`
    Path(Vec<u8>),
    /// `socket:[607014]`
    Inode(u32),
}

/// One line about `word`.
fn wrong(word: &[u8], reason: &str) -> String {
    format!("'{}': {reason}", quoted(word))
}

/// Parses a selector by its shape.
///
/// # Errors
/// One line, without the program's name.
pub(crate) fn parse_selector(word: &[u8]) -> Result<Selector, String> {
    match word {
        [] => Err(wrong(
            word,
            "an empty selector selects nothing; leave it out to see all",
        )),
        [b':', ..] if !looks_like_address(word) => parse_ports(word).map(Selector::Ports),
        [b'/' | b'@', ..] => Ok(Selector::Path(word.to_vec())),
        _ if word.starts_with(b"socket:") => match inode_in_link(word, b"socket") {
            Some(inode) => Ok(Selector::Inode(inode)),
            None => Err(wrong(word, "an inode is written socket:[607014]")),
        },
        _ if looks_like_address(word) => parse_end(word).map(Selector::End),
        _ if word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b',')) => {
            parse_pids(word).map(Selector::Pids)
        }
        _ if word
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b',' | b'-')) =>
        {
            Err(wrong(word, "ports start with a colon, as in :8000-8999"))
        }
        [b'0'..=b'9', ..] if word.contains(&b',') => parse_pids(word).map(Selector::Pids),
        _ if is_name_and_port(word) => Err(wrong(
            word,
            "names are not looked up; use an address, as in 127.0.0.1:8080, or the port alone, as in :8080",
        )),
        _ => Ok(Selector::Word(word.to_vec())),
    }
}

/// Whether `word` can only be meant as an address: it is in brackets, or has two colons and else what an IPv6 address
/// may have, or starts with a digit and has a point or a slash and no letters.
fn looks_like_address(word: &[u8]) -> bool {
    let of = |bytes: &[u8]| {
        word.iter()
            .all(|byte| bytes.contains(&byte.to_ascii_lowercase()))
    };
    let address = word.split(|byte| *byte == b'%').next().unwrap_or_default();
    let is_v6 = address
        .iter()
        .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'/'));
    let has_points = word.contains(&b'.');
    match word {
        [b'[', ..] | [b'*', b':', ..] => true,
        [b'0'..=b'9', ..] if has_points && of(b"0123456789.:,-") => true,
        [b'0'..=b'9', ..] if starts_with_address(word) => true,
        _ => is_v6 && address.split(|byte| *byte == b':').count() > 2,
    }
}

/// Whether what stands before the first colon or slash is an IPv4 address, or looks like one.
fn starts_with_address(word: &[u8]) -> bool {
    let address = word
        .split(|byte| matches!(byte, b':' | b'/'))
        .next()
        .unwrap_or_default();
    address.len() < word.len()
        && std::str::from_utf8(address)
            .ok()
            .and_then(Prefix::parse)
            .is_some()
}

/// Whether `word` is like `localhost:8080`.
fn is_name_and_port(word: &[u8]) -> bool {
    let Some(at) = word.iter().position(|byte| *byte == b':') else {
        return false;
    };
    let (name, port) = word.split_at(at);
    let name_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.iter().all(name_byte) && port.len() > 1 && port.iter().skip(1).all(u8::is_ascii_digit)
}

/// Parses seconds: `5`, `0.25`.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_seconds(word: &[u8]) -> Result<Duration, String> {
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
        _ => Err(wrong(word, "seconds are written 5 or 0.5")),
    }
}

/// Parses `6` or `6,7`.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_pids(word: &[u8]) -> Result<Vec<u32>, String> {
    let pid = |digits| decimal32(digits).filter(|pid| (1..=1 << 30).contains(pid));
    let pids: Option<_> = word.split(|byte| *byte == b',').map(pid).collect();
    pids.ok_or_else(|| {
        wrong(
            word,
            "a process id is a number from 1 on, several are separated by commas, as in 6,7",
        )
    })
}

/// Parses a list of numbers such as uids or inodes; `what` names them.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_numbers(word: &[u8], what: &str) -> Result<Vec<u32>, String> {
    let numbers: Option<_> = word.split(|byte| *byte == b',').map(decimal32).collect();
    numbers.ok_or_else(|| {
        wrong(
            word,
            &format!("{what} is a number, several are separated by commas"),
        )
    })
}

/// More threads than that no machine here has, and each costs memory.
const THREADS_MAX: usize = 1024;

/// Parses how many threads there may be.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_threads(word: &[u8]) -> Result<NonZero<usize>, String> {
    let number = decimal32(word).and_then(|number| usize::try_from(number).ok());
    let number = number.filter(|number| *number <= THREADS_MAX);
    let what = "a number of threads is 1 to 1024";
    number
        .and_then(NonZero::new)
        .ok_or_else(|| wrong(word, what))
}

/// Parses `socket:[607014]` or a list of inodes.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_inodes(word: &[u8]) -> Result<Vec<u32>, String> {
    match inode_in_link(word, b"socket") {
        Some(inode) => Ok(vec![inode]),
        None => parse_numbers(word, "an inode"),
    }
}

/// Parses `net:[4026531840]`, or a list of such numbers or of process ids.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_namespaces(word: &[u8]) -> Result<Vec<u32>, String> {
    match inode_in_link(word, b"net") {
        Some(inode) => Ok(vec![inode]),
        None => parse_numbers(
            word,
            "a network namespace is named by a process in it or by its inode, which",
        ),
    }
}

/// Parses `:8080`, `8080`, `:8000-8999`, `:80,443`.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_ports(word: &[u8]) -> Result<Ports, String> {
    let list = word.strip_prefix(b":").unwrap_or(word);
    let port = |digits: &[u8]| u16::try_from(decimal32(digits)?).ok();
    let range = |part: &[u8]| -> Option<RangeInclusive<u16>> {
        let mut ends = part.splitn(2, |byte| *byte == b'-');
        let first = port(ends.next()?)?;
        let end = ends.next().map_or(Some(first), port)?;
        (first <= end).then_some(first..=end)
    };
    let ports: Option<_> = list.split(|byte| *byte == b',').map(range).collect();
    ports.ok_or_else(|| {
        wrong(
            word,
            "a port is a number up to 65535; write :8080, :8000-8999 or :80,443",
        )
    })
}

/// Parses `172.17.0.2`, `10.0.0.0/8`, `172.17.0.2:8080`, `[::1]:80`, `fe80::/10`, `*:8080`.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_end(word: &[u8]) -> Result<Endpoint, String> {
    let (address, ports) = split_end(word);
    let ports = match ports {
        Some(ports) => parse_ports(ports)
            .map_err(|_| wrong(word, "the port behind an address is a number up to 65535"))?,
        None => Vec::new(),
    };
    if address == b"*" {
        return Ok(Endpoint {
            prefix: None,
            ports,
        });
    }
    let prefix = std::str::from_utf8(address).ok().and_then(Prefix::parse).ok_or_else(|| {
        wrong(word, "not an address; write 172.17.0.2, 10.0.0.0/8 (up to /32), 172.17.0.2:8080, fe80::/10 (up to /128) or [::1]:80")
    })?;
    Ok(Endpoint {
        prefix: Some(prefix),
        ports,
    })
}

/// Splits an address from the ports behind it: an IPv6 address needs brackets for that.
fn split_end(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    if let Some(rest) = word.strip_prefix(b"[") {
        if let Some(at) = rest.iter().position(|byte| *byte == b']') {
            let (address, after) = rest.split_at(at);
            return match after {
                [_] => (address, None),
                [_, b':', ports @ ..] => (address, Some(ports)),
                _ => (word, None),
            };
        }
        return (word, None);
    }
    let mut colons = word
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b':')
        .map(|(at, _)| at);
    match (colons.next(), colons.next()) {
        (Some(at), None) => (word.get(..at).unwrap_or_default(), word.get(at + 1..)),
        _ => (word, None),
    }
}

/// Parses what is attached to `-i`: `[46][tcp|udp][@addr][:ports]`, as lsof reads it.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_internet(word: &[u8]) -> Result<Internet, String> {
    let attached = || {
        let takes = "-i takes [4|6][tcp|udp][@address][:ports], as in -i4TCP@10.0.0.1:80";
        wrong(&[b"-i", word].concat(), takes)
    };
    let (family, rest) = match word {
        [b'4', rest @ ..] => (Some(Family::V4), rest),
        [b'6', rest @ ..] => (Some(Family::V6), rest),
        _ => (None, word),
    };
    let len = rest
        .iter()
        .position(|byte| matches!(byte, b'@' | b':'))
        .unwrap_or(rest.len());
    let (proto, end) = rest.split_at(len);
    let protos = match proto.to_ascii_lowercase().as_slice() {
        b"" => Protos::INET,
        b"tcp" => Protos::TCP,
        b"udp" => Protos::UDP,
        _ => return Err(attached()),
    };
    let end = match end {
        [] => Endpoint::default(),
        [b'@', end @ ..] => parse_end(end).map_err(|_| attached())?,
        ports => Endpoint {
            prefix: None,
            ports: parse_ports(ports).map_err(|_| attached())?,
        },
    };
    Ok(Internet {
        protos,
        family,
        end,
    })
}

/// Parses a state or a list of them, with lsof's protocol in front or without: `LISTEN`, `TCP:LISTEN,ESTABLISHED`.
/// The spellings of ss and netstat count too.
///
/// # Errors
/// As `parse_selector`.
pub(crate) fn parse_states(word: &[u8]) -> Result<Vec<(Protos, State)>, String> {
    let text = String::from_utf8_lossy(word)
        .to_ascii_uppercase()
        .replace('-', "_");
    let (protos, names) = match text.split_once(':') {
        None => (Protos::ALL, text.as_str()),
        Some(("TCP", names)) => (Protos::TCP, names),
        Some(("UDP", names)) => (Protos::UDP, names),
        Some(("UNIX", names)) => (Protos::UNIX, names),
        Some(("SCTP", names)) => (Protos::SCTP, names),
        Some(_) => {
            return Err(wrong(
                word,
                "a state may have TCP:, UDP:, UNIX: or SCTP: in front, as in TCP:LISTEN",
            ));
        }
    };
    let mut states = Vec::new();
    for name in names.split(',') {
        let name = match name {
            "ESTAB" => "ESTABLISHED",
            "UNCONN" | "IDLE" => "UNCONNECTED",
            "LISTENING" => "LISTEN",
            "CLOSED" | "UNCONNECTED" if protos == Protos::TCP => "CLOSE",
            "FIN_WAIT_1" => "FIN_WAIT1",
            "FIN_WAIT_2" => "FIN_WAIT2",
            "SYN_RECEIVED" | "SYN_RCVD" => "SYN_RECV",
            name => name,
        };
        if let Some((state, _)) = State::NAMES
            .iter()
            .find(|(_, known)| *known == name && *known != "-")
        {
            states.push((protos, *state));
        } else {
            let known: Vec<&str> = State::NAMES
                .iter()
                .map(|(_, name)| *name)
                .filter(|name| *name != "-")
                .collect();
            return Err(wrong(
                word,
                &format!("not a state; there are {}", known.join(" ")),
            ));
        }
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(address: &str, ports: Ports) -> Selector {
        Selector::End(Endpoint {
            prefix: Prefix::parse(address),
            ports,
        })
    }

    #[test]
    fn a_selector_is_known_by_its_shape() {
        let word = |text: &str| Selector::Word(text.as_bytes().to_vec());
        let cases = [
            ("6", Selector::Pids(vec![6])),
            ("6,7", Selector::Pids(vec![6, 7])),
            (":8080", Selector::Ports(vec![8080..=8080])),
            (":8000-8999", Selector::Ports(vec![8000..=8999])),
            (":80,443", Selector::Ports(vec![80..=80, 443..=443])),
            ("172.17.0.2", end("172.17.0.2", vec![])),
            ("10.0.0.0/8", end("10.0.0.0/8", vec![])),
            ("172.17.0.2:8080", end("172.17.0.2", vec![8080..=8080])),
            ("[::1]:80", end("::1", vec![80..=80])),
            ("[::1]", end("::1", vec![])),
            ("::1", end("::1", vec![])),
            ("::", end("::", vec![])),
            ("fe80::/10", end("fe80::/10", vec![])),
            ("fe80::1%eth0", end("fe80::1", vec![])),
            (
                "*:80",
                Selector::End(Endpoint {
                    prefix: None,
                    ports: vec![80..=80],
                }),
            ),
            ("/run/app.sock", Selector::Path(b"/run/app.sock".to_vec())),
            ("@name", Selector::Path(b"@name".to_vec())),
            ("socket:[607014]", Selector::Inode(607_014)),
            ("java", word("java")),
            ("python3.11", word("python3.11")),
            ("cafe", word("cafe")),
            ("7zip", word("7zip")),
            ("nginx: master", word("nginx: master")),
            ("a,b", word("a,b")),
        ];
        for (text, selector) in cases {
            assert_eq!(parse_selector(text.as_bytes()), Ok(selector), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_is_quoted_and_never_searched_for() {
        let words = [
            "",
            ":",
            ":99999",
            ":80-",
            ":90-80",
            ":http",
            "10.0.0.0/40",
            "300.1.1.1",
            "1.2.3",
            "1.2.3.4:x",
            "1.2.3.4:99999",
            "[::1",
            "[::1]80",
            "[]",
            "fe80::/200",
            ":::",
            "1::2::3",
            "6,x",
            "6,",
            "0",
            "99999999999",
            "8000-9000",
            "socket:607014",
            "socket:[]",
            "localhost:8080",
            "1.2.3.4/",
            "*:",
            "*:x",
        ];
        for word in words {
            let error = parse_selector(word.as_bytes()).expect_err(word);
            assert!(
                error.starts_with(&format!("'{word}': ")) && !error.contains('\n'),
                "{error}"
            );
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

    #[test]
    fn lsofs_attached_forms_are_read() {
        let all = Internet {
            protos: Protos::INET,
            family: None,
            end: Endpoint::default(),
        };
        assert_eq!(parse_internet(b""), Ok(all.clone()));
        assert_eq!(
            parse_internet(b"TCP"),
            Ok(Internet {
                protos: Protos::TCP,
                ..all.clone()
            })
        );
        let port = Endpoint {
            prefix: None,
            ports: vec![8080..=8080],
        };
        assert_eq!(
            parse_internet(b":8080"),
            Ok(Internet {
                end: port,
                ..all.clone()
            })
        );
        let end = Endpoint {
            prefix: Prefix::parse("10.0.0.1"),
            ports: vec![80..=80],
        };
        let four = Internet {
            protos: Protos::TCP,
            family: Some(Family::V4),
            end,
        };
        assert_eq!(parse_internet(b"4TCP@10.0.0.1:80"), Ok(four));
        for wrong in [&b"sctp"[..], b"5", b":99999", b"@x", b"tcp@"] {
            assert!(parse_internet(wrong).is_err());
        }
    }

    #[test]
    fn states_are_known_in_every_tools_spelling() {
        assert_eq!(
            parse_states(b"TCP:LISTEN"),
            Ok(vec![(Protos::TCP, State::LISTEN)])
        );
        assert_eq!(
            parse_states(b"estab,time-wait"),
            Ok(vec![
                (Protos::ALL, State::ESTABLISHED),
                (Protos::ALL, State::TIME_WAIT)
            ])
        );
        for wrong in [&b""[..], b"-", b"OPEN", b"X:LISTEN", b"LISTEN,"] {
            assert!(parse_states(wrong).is_err());
        }
    }
}
