//! Parses ports, addresses and lsof's `-i`. In: one word of the command line. Out: which ends of a socket it selects, or
//! one line that quotes the word and says what would be right. It looks up no names.

use std::ops::RangeInclusive;

use crate::cli::values::wrong;
use crate::select::{Condition, Endpoint, Family, Ports, RowTest};
use crate::socket::Side;
use crate::socket::proto::Protos;
use crate::text::addr::Prefix;
use crate::text::digits::decimal32;
use crate::text::escape::quoted;

/// Parses `:8080`, `8080`, `:8000-8999`, `:80,443`.
///
/// # Errors
/// One line, without the program's name, as from all functions below.
pub(super) fn parse_ports(word: &[u8]) -> Result<Ports, String> {
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
            "not ports up to 65535; write :8080, :8000-8999 or :80,443",
        )
    })
}

/// Parses `172.17.0.2`, `10.0.0.0/8`, `172.17.0.2:8080`, `[::1]:80`, `fe80::/10`, `*:8080`.
pub(super) fn parse_end(word: &[u8]) -> Result<Endpoint, String> {
    let (address, ports) = split_end(word);
    let ports = match ports {
        Some(ports) => parse_ports(ports).map_err(|_| {
            wrong(
                word,
                "the port after the address must be a number up to 65535, as in 172.17.0.2:8080",
            )
        })?,
        None => Vec::new(),
    };
    if address == b"*" {
        return Ok(Endpoint::of_ports(ports));
    }
    let prefix = std::str::from_utf8(address).ok().and_then(Prefix::parse).ok_or_else(|| {
        wrong(word, "not an address; write 172.17.0.2, 10.0.0.0/8 (up to /32), 172.17.0.2:8080, fe80::/10 (up to /128) or [::1]:80")
    })?;
    Ok(Endpoint {
        prefix: Some(prefix),
        ports,
    })
}

/// Splits an address from the ports after it: an IPv6 address needs brackets for that.
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

/// Returns true if `word` can only be meant as what `-i` takes: it begins as a specification, or is a number. That is then
/// refused, as lsof refuses it, and not taken for a process.
pub(super) fn is_specification(word: &[u8]) -> bool {
    let is_number = |byte: &u8| byte.is_ascii_digit() || *byte == b',';
    !word.is_empty() && (split_specification(word).is_some() || word.iter().all(is_number))
}

/// Splits what `-i` takes, `[46][tcp|udp][@addr][:ports]`, into family, protocols, and the end with its sign.
fn split_specification(word: &[u8]) -> Option<(Option<Family>, Protos, &[u8])> {
    let (family, rest) = match word {
        [b'4', rest @ ..] => (Some(Family::V4), rest),
        [b'6', rest @ ..] => (Some(Family::V6), rest),
        _ => (None, word),
    };
    let is_sign = |byte: &u8| matches!(byte, b'@' | b':');
    let (proto, end) = rest.split_at(rest.iter().position(is_sign).unwrap_or(rest.len()));
    let protos = match proto {
        b"" => Protos::INET,
        _ if proto.eq_ignore_ascii_case(b"tcp") => Protos::TCP,
        _ if proto.eq_ignore_ascii_case(b"udp") => Protos::UDP,
        _ => return None,
    };
    Some((family, protos, end))
}

/// Parses what `-i` takes, as lsof reads it. Returns the condition that it stands for.
pub(super) fn parse_internet(word: &[u8]) -> Result<Condition, String> {
    specification(word).ok_or_else(|| {
        let takes = "not a form of -i; write -i[4|6][tcp|udp][@ADDRESS][:PORTS], as in -i:80 or -i4TCP@10.0.0.1:80";
        format!("'-i{}': {takes}", quoted(word))
    })
}

/// Parses what `-i` takes; returns `None` for what is malformed.
fn specification(word: &[u8]) -> Option<Condition> {
    let (family, protos, end) = split_specification(word)?;
    let mut tests = Vec::new();
    let mut add = |test| tests.push(Condition::Row(test));
    add(RowTest::Proto(protos));
    if let Some(family) = family {
        add(RowTest::Family(family));
    }
    if !end.is_empty() {
        let end = match end {
            [b'@', end @ ..] => parse_end(end),
            ports => parse_ports(ports).map(Endpoint::of_ports),
        };
        add(RowTest::End(Side::Either, end.ok()?));
    }
    Some(Condition::All(tests))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_lists_of_numbers_and_ranges() {
        for (word, ports) in [
            ("8080", vec![8080..=8080]),
            (":8080", vec![8080..=8080]),
            (":8000-8999", vec![8000..=8999]),
            (":80,443", vec![80..=80, 443..=443]),
            ("1-2,65535", vec![1..=2, 65535..=65535]),
        ] {
            assert_eq!(parse_ports(word.as_bytes()), Ok(ports), "{word}");
        }
        for word in [":", "::80", "80,", "80-", "9-8", "65536", "http", "+1"] {
            assert!(parse_ports(word.as_bytes()).is_err(), "{word}");
        }
    }

    #[test]
    fn an_end_is_an_address_and_perhaps_ports() {
        for (word, address, ports) in [
            ("172.17.0.2", "172.17.0.2", vec![]),
            ("10.0.0.0/8", "10.0.0.0/8", vec![]),
            ("172.17.0.2:8080", "172.17.0.2", vec![8080..=8080]),
            ("[::1]:80", "::1", vec![80..=80]),
            ("[::1]", "::1", vec![]),
            ("::1", "::1", vec![]),
            ("::", "::", vec![]),
            ("fe80::/10", "fe80::/10", vec![]),
            ("fe80::1%eth0", "fe80::1", vec![]),
        ] {
            let prefix = Some(Prefix::parse(address).unwrap());
            let end = Endpoint { prefix, ports };
            assert_eq!(parse_end(word.as_bytes()), Ok(end), "{word}");
        }
        let any = Endpoint {
            prefix: None,
            ports: vec![80..=80],
        };
        assert_eq!(parse_end(b"*:80"), Ok(any));
    }

    #[test]
    fn lsofs_attached_forms_are_read() {
        let proto = |protos| RowTest::Proto(protos);
        let end = |prefix, ports| RowTest::End(Side::Either, Endpoint { prefix, ports });
        let tests = |tests: Vec<RowTest>| {
            Ok(Condition::All(
                tests.into_iter().map(Condition::Row).collect(),
            ))
        };
        let address = Prefix::parse("10.0.0.1");
        for (word, wanted) in [
            ("", vec![proto(Protos::INET)]),
            ("TCP", vec![proto(Protos::TCP)]),
            (
                ":8080",
                vec![proto(Protos::INET), end(None, vec![8080..=8080])],
            ),
            (
                "4TCP@10.0.0.1:80",
                vec![
                    proto(Protos::TCP),
                    RowTest::Family(Family::V4),
                    end(address, vec![80..=80]),
                ],
            ),
        ] {
            assert_eq!(parse_internet(word.as_bytes()), tests(wanted), "{word}");
        }
        for wrong in [&b"sctp"[..], b"5", b":99999", b"@x", b"tcp@"] {
            assert!(parse_internet(wrong).is_err());
        }
    }
}
