//! Filters of ss and specifications of lsof's `-i` that have a meaning, made from the bytes in many spellings. What holds: none of them
//! is refused; each shows the rows of a fixed table that the plainest reading shows, and what is read for it leaves out none of them;
//! words may be parted by arguments or by blanks.

use std::net::IpAddr;

use super::dialects::{EPHEMERAL, is_of_ss, may_match, socket_rows};
use super::filters::{Dice, rows, spellings};
use super::steps::bounded;
use crate::dialects::people::Users;
use crate::dialects::{lsof, ss};

/// An address and a port.
type End = (IpAddr, u16);

/// Fuzzes a filter, then a specification.
pub fn dialect_rows(data: &[u8]) {
    let mut dice = Dice(data);
    if dice.roll(4) == 0 {
        specification(&mut dice);
    } else {
        filter(&mut dice);
    }
}

/// Ports that are worth trying.
const PORTS: [u16; 12] = [0, 1, 2, 5, 22, 53, 80, 81, 443, 8080, 40000, 65535];
/// Prefixes that are worth trying: the address, the bits that count, and how else ss takes it.
const PREFIXES: [(&str, u32, &[&str]); 12] = [
    (
        "10.0.0.1",
        32,
        &["10.0.0.1", "10.0.0.0x1", "10.0.0.1/255.255.255.255"],
    ),
    ("10.0.0.0", 8, &["10/8", "10.0.0.0/255.0.0.0", "10.0/010"]),
    ("127.0.0.0", 8, &["127/8", "0177.0.0.0/0x8"]),
    ("0.0.0.0", 0, &["0/0", "0.0.0.0/0.0.0.0"]),
    ("8.8.8.8", 32, &["8.8.8.8"]),
    (
        "172.17.0.0",
        31,
        &["172.17/31", "172.17.0.0/255.255.255.254"],
    ),
    ("0.0.0.0", 32, &["0", "0.0.0.0"]),
    ("::1", 128, &["[::1]", "[0:0:0:0:0:0:0:1]", "::1/128"]),
    ("fe80::", 10, &["fe80::/10", "[fe80::/0xa]"]),
    ("::", 0, &["[::/0]", "::/0"]),
    (
        "::ffff:10.0.0.0",
        120,
        &["[::ffff:10.0.0.0/120]", "::ffff:a00:0/120"],
    ),
    ("::", 128, &["[::]"]),
];

/// What a filter is made of.
enum Part {
    /// A comparison of a port: the end, the operator, the number; -1 for a star.
    Port(usize, &'static str, i32),
    /// A prefix and perhaps a port: the end, which prefix, the port.
    Host(usize, Option<usize>, Option<u16>),
    /// The kernel has chosen the local port.
    Autobound,
    /// Not.
    Not(Box<Part>),
    /// From left to right; each but the first is joined by "or", else by "and".
    Parts(Vec<(bool, Part)>),
}

/// Makes a part.
fn part(dice: &mut Dice<'_>, depth: usize) -> Part {
    let side = dice.roll(2);
    match dice.roll(if depth > 4 { 3 } else { 6 }) {
        0 => {
            let port = dice.one(&PORTS);
            let port = if dice.roll(8) == 1 { -1 } else { port.into() };
            Part::Port(side, dice.one(&["=", "!=", "<", "<=", ">", ">="]), port)
        }
        1 => {
            let port = Some(dice.one(&PORTS)).filter(|_| dice.roll(2) == 0);
            let prefix = Some(dice.roll(PREFIXES.len())).filter(|_| dice.roll(8) != 1);
            Part::Host(side, prefix, port)
        }
        2 => Part::Autobound,
        3 => Part::Not(Box::new(part(dice, depth + 1))),
        _ => {
            let count = dice.roll(4) + 1;
            Part::Parts(
                (0..count)
                    .map(|_| (dice.roll(2) == 1, part(dice, depth + 1)))
                    .collect(),
            )
        }
    }
}

/// Returns the bits of `address`.
fn bits(address: IpAddr) -> Vec<bool> {
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    octets
        .iter()
        .flat_map(|octet| (0..8).rev().map(move |at| octet >> at & 1 == 1))
        .collect()
}

/// Returns true if the first `count` bits are the same, as ss compares them: without asking for the family, but a v4-mapped address
/// is one of IPv4 as well. What is longer than an address goes on with zeros.
fn is_in(prefix: IpAddr, count: u32, address: IpAddr) -> bool {
    let begins = |address: IpAddr| {
        let (one, other) = (bits(prefix), bits(address));
        let at = |bits: &[bool], at: usize| bits.get(at).copied().unwrap_or(false);
        (0..count as usize).all(|place| at(&one, place) == at(&other, place))
    };
    let mapped = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped(),
        IpAddr::V4(_) => None,
    };
    begins(address) || prefix.is_ipv4() && mapped.is_some_and(|v4| begins(v4.into()))
}

impl Part {
    /// Returns true if it holds between these ends.
    fn holds(&self, ends: &[End; 2]) -> bool {
        match self {
            Self::Port(side, operator, number) => {
                let port = i32::from(ends[*side].1);
                match *operator {
                    // A star is any port; where it is compared it is below every one.
                    "=" => *number == -1 || port == *number,
                    "!=" => *number != -1 && port != *number,
                    "<" => port < *number,
                    "<=" => port <= *number,
                    ">" => port > *number,
                    _ => port >= *number,
                }
            }
            Self::Host(side, prefix, port) => {
                let (address, number) = ends[*side];
                let is_there = |at: &usize| {
                    let (text, count, _) = PREFIXES[*at];
                    is_in(text.parse().expect("an address"), count, address)
                };
                prefix.as_ref().is_none_or(is_there) && port.is_none_or(|port| port == number)
            }
            Self::Autobound => (EPHEMERAL.0..=EPHEMERAL.1).contains(&ends[0].1),
            Self::Not(part) => !part.holds(ends),
            Self::Parts(parts) => {
                let mut holds = parts[0].1.holds(ends);
                for (is_or, part) in &parts[1..] {
                    let right = part.holds(ends);
                    holds = if *is_or {
                        holds || right
                    } else {
                        holds && right
                    };
                }
                holds
            }
        }
    }

    /// Writes it in one of its spellings; in parentheses if it stands within something else.
    fn write(&self, words: &mut Vec<String>, dice: &mut Dice<'_>, is_within: bool) {
        let mut add = |word: &str| words.push(word.to_owned());
        match self {
            Self::Port(side, operator, number) => {
                add(["sport", "dport"][*side]);
                add(dice.one(spellings(operator)));
                let digits = match (*number, dice.roll(4)) {
                    (-1, _) => "*".to_owned(),
                    (number, 1) => format!("0x{number:x}"),
                    (number, 2) => format!("0{number:o}"),
                    (number, _) => number.to_string(),
                };
                add(&format!("{}{digits}", dice.one(&["", ":"])));
            }
            Self::Host(side, prefix, port) => {
                add(["src", "dst"][*side]);
                add(dice.one(&["", "=", "==", "eq"]));
                let mut text = match prefix {
                    Some(at) => dice.one(PREFIXES[*at].2),
                    None => "*",
                }
                .to_owned();
                if let Some(port) = port {
                    // Only in brackets does IPv6 stand beside a port.
                    if text.contains(':') && !text.starts_with('[') {
                        text = format!("[{text}]");
                    }
                    text.push_str(&format!(":{port}"));
                }
                add(&text);
            }
            Self::Autobound => add("autobound"),
            Self::Not(part) => {
                add(dice.one(&["not", "!"]));
                part.write(words, dice, true);
            }
            Self::Parts(parts) => {
                if is_within {
                    add("(");
                }
                for (at, (is_or, part)) in parts.iter().enumerate() {
                    if at > 0 {
                        let joined: &[&str] = if *is_or {
                            &["or", "|", "||"]
                        } else {
                            &["and", "&", "&&", ""]
                        };
                        words.push(dice.one(joined).to_owned());
                    }
                    part.write(words, dice, true);
                }
                if is_within {
                    words.push(")".to_owned());
                }
            }
        }
    }
}

/// Makes a filter, and holds what it shows against what it says.
fn filter(dice: &mut Dice<'_>) {
    let filter = part(dice, 0);
    let mut words = Vec::new();
    filter.write(&mut words, dice, false);
    words.retain(|word| !word.is_empty());
    if words.len() > 200 {
        return;
    }
    let mut arguments: Vec<Vec<u8>> = [&b"-tua"[..]].map(<[u8]>::to_vec).to_vec();
    match dice.roll(3) {
        0 => arguments.push(words.join(" ").into_bytes()),
        1 => arguments.push(words.join("\t ").into_bytes()),
        _ => arguments.extend(words.iter().map(|word| word.clone().into_bytes())),
    }
    let len = arguments.iter().map(Vec::len).sum();
    let asked = bounded(len, || ss::arguments::parse(&arguments));
    let asked = asked.unwrap_or_else(|stop| panic!("{words:?}: {stop:?}"));
    let (test, condition) = (
        asked.filter.as_ref().expect("a filter"),
        ss::condition(&asked),
    );
    for row in socket_rows() {
        let (local, remote) = row.ends.inet().expect("an internet row");
        let wanted = filter.holds(&[local, remote]);
        assert_eq!(test.holds(&row, EPHEMERAL), wanted, "{words:?}: {row:?}");
        let is_read = may_match(&condition, &row);
        assert!(
            !(wanted && is_of_ss(&asked, &row)) || is_read,
            "not read: {words:?}: {row:?}"
        );
    }
}

/// Makes a specification, and holds what it selects against what it says.
fn specification(dice: &mut Dice<'_>) {
    let mut text = String::new();
    let mut is_v4 = None;
    match dice.roll(4) {
        0 => is_v4 = Some(true),
        1 => is_v4 = Some(false),
        _ => {}
    }
    text.push_str(is_v4.map_or("", |is_v4| if is_v4 { "4" } else { "6" }));
    let (name, is_udp) = dice.one(&[
        ("", None),
        ("TCP", Some(false)),
        ("udp", Some(true)),
        ("Tcp", Some(false)),
    ]);
    text.push_str(name);
    let mut address: Option<IpAddr> = None;
    if dice.roll(2) == 1 {
        let host = dice.one(&[
            "127.0.0.1",
            "10.0.0.1",
            "8.8.8.8",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ]);
        let parsed: IpAddr = host.parse().expect("an address");
        let is_mapped = host.starts_with("::ffff:");
        let is_own = parsed.is_ipv4() || is_mapped;
        if is_v4.is_none_or(|is_v4| is_v4 == is_own) {
            text.push_str(&if parsed.is_ipv4() {
                format!("@{host}")
            } else {
                format!("@[{host}]")
            });
            is_v4 = Some(is_own);
            address = Some(parsed.to_canonical()).filter(|address| !address.is_unspecified());
        }
    }
    let mut ports = Vec::new();
    // Neither a family nor 0.0.0.0 alone is a specification.
    if dice.roll(2) == 1 || name.is_empty() && address.is_none() {
        for at in 0..=dice.roll(3) {
            let [one, other] = [0; 2].map(|_| dice.one(&PORTS));
            let (first, last) = (one.min(other), one.max(other));
            text.push(if at == 0 { ':' } else { ',' });
            match dice.roll(2) {
                0 => text.push_str(&format!("{first}-{last}")),
                _ => text.push_str(&first.to_string()),
            }
            let last = if text.ends_with(&format!("{first}-{last}")) {
                last
            } else {
                first
            };
            ports.push((first, last));
        }
    }
    let words = if dice.roll(2) == 1 {
        vec![format!("-i{text}")]
    } else {
        vec!["-i".to_owned(), text.clone()]
    };
    let words: Vec<Vec<u8>> = words.into_iter().map(String::into_bytes).collect();
    let options = bounded(text.len(), || {
        lsof::arguments::parse(&words, &Users::default)
    });
    let options = options.unwrap_or_else(|ended| panic!("{text}: {}", ended.0.text));
    let condition = lsof::condition(&options, None);
    let [spec] = options.internet.as_slice() else {
        panic!("{text}: {options:?}");
    };
    for (row, known) in socket_rows().iter().zip(rows()) {
        let is_end = |(own, port): &End| {
            let own = own.to_canonical();
            is_v4.is_none_or(|is_v4| own.is_ipv4() == is_v4)
                && address.is_none_or(|address| own == address)
                && (ports.is_empty()
                    || ports
                        .iter()
                        .any(|(first, last)| first <= port && port <= last))
        };
        let [local, remote] = known.ends;
        // Without a peer there is no other end.
        let has_peer = remote.1 != 0 || !remote.0.is_unspecified();
        let wanted = is_udp.is_none_or(|is_udp| is_udp == known.is_udp)
            && (is_end(&local) || has_peer && is_end(&remote));
        assert_eq!(spec.has(row), wanted, "{text}: {row:?}");
        assert!(
            !wanted || may_match(&condition, row),
            "not read: {text}: {row:?}"
        );
    }
}
