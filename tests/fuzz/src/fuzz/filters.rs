//! Command lines. `arguments` takes any words, an argument a line: what is refused is one line, what is accepted shows nothing that
//! no command line shows. `filters` makes ss's filters and lsock's selectors from the bytes, in many spellings, and holds
//! the rows that they show of a fixed table against what the plainest reading of them shows: none of them may be refused.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt;

use super::decode::{Shown, argument, decode, objects, put};
use super::steps::bounded;
use super::visible::is_visible;
use super::without_nul;
use crate::cli;

/// A row of the table.
pub(super) struct Row {
    /// Whether it is of udp; else it is of tcp.
    pub(super) is_udp: bool,
    /// The ends.
    pub(super) ends: [(IpAddr, u16); 2],
    /// The kernel's number of the state.
    pub(super) state: u8,
    /// The owner.
    uid: u32,
}

/// The rows: of tcp the first seven over IPv4, of udp the last four. The inode is the place and 1,000.
const ROWS: [(&str, &str, u8, u32); 15] = [
    ("127.0.0.1:80", "0.0.0.0:0", 10, 0),
    ("10.0.0.1:80", "10.0.0.2:40000", 1, 1000),
    ("10.0.0.1:443", "192.168.1.5:50000", 6, 0),
    ("0.0.0.0:65535", "0.0.0.0:0", 10, 33),
    ("172.17.0.2:1", "8.8.8.8:53", 8, 1000),
    ("172.17.0.2:2", "8.8.8.8:80", 2, 1000),
    ("127.0.0.1:80", "127.0.0.1:65535", 3, 0),
    ("[::1]:80", "[::]:0", 10, 0),
    ("[::ffff:10.0.0.1]:81", "[::ffff:10.0.0.2]:5", 1, 33),
    ("[fe80::1]:22", "[fe80::2]:1000", 1, 0),
    ("[::]:8080", "[::]:0", 10, 1000),
    ("0.0.0.0:53", "0.0.0.0:0", 7, 0),
    ("127.0.0.1:5000", "127.0.0.1:53", 1, 0),
    ("0.0.0.0:69", "0.0.0.0:0", 7, 33),
    ("10.9.9.9:68", "0.0.0.0:0", 7, 0),
];

/// Returns the rows.
pub(super) fn rows() -> Vec<Row> {
    let end = |text: &str| {
        text.parse::<std::net::SocketAddr>()
            .map(|end| (end.ip(), end.port()))
            .expect("an end")
    };
    let row = |(at, (local, remote, state, uid)): (usize, &(&str, &str, u8, u32))| Row {
        is_udp: at > 10,
        ends: [end(local), end(remote)],
        state: *state,
        uid: *uid,
    };
    ROWS.iter().enumerate().map(row).collect()
}

/// Returns the table of `rows`.
fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut before = (false, false);
    for (at, row) in rows.iter().enumerate() {
        let word = |(address, port): (IpAddr, u16)| {
            let octets = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            let groups = octets
                .chunks(4)
                .map(|group| u32::from_le_bytes(group.try_into().expect("four bytes")));
            format!(
                "{}:{port:04X}",
                groups
                    .map(|group| format!("{group:08X}"))
                    .collect::<String>()
            )
        };
        let kind = (row.is_udp, row.ends[0].0.is_ipv6());
        if at == 0 || kind != before {
            before = kind;
            // With two blanks the header of udp would be that of raw.
            let is_udp4 = kind == (true, false);
            text.push_str(if is_udp4 {
                "   sl  local_address "
            } else {
                "  sl  local_address "
            });
            text.push_str(if kind.1 {
                "remote_address"
            } else {
                "rem_address"
            });
            text.push_str("   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
            text.push_str(if kind.0 { " ref pointer drops\n" } else { "\n" });
        }
        let [local, remote] = row.ends.map(word);
        let tail = if row.is_udp {
            " 0"
        } else if matches!(row.state, 3 | 6) {
            ""
        } else {
            " 20 4 0 10 -1"
        };
        text.push_str(&format!(
            "{at:4}: {local} {remote} {:02X} 00000000:00000000 00:00000000 00000000 {:5}        0 {} 1 0000000000000000{tail}\n",
            row.state, row.uid, at + 1000
        ));
    }
    text
}

/// The bytes as choices.
pub(super) struct Dice<'a>(pub(super) &'a [u8]);

impl Dice<'_> {
    /// Returns a number below `most`; 0 where there are no more bytes.
    pub(super) fn roll(&mut self, most: usize) -> usize {
        let Some((byte, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*byte) % most
    }

    /// Returns one of `all`.
    pub(super) fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())]
    }
}

/// Returns the ways in which ss lets an operator be written.
pub(super) fn spellings(operator: &str) -> &'static [&'static str] {
    match operator {
        "=" => &["=", "==", "eq", ""],
        "!=" => &["!=", "ne", "neq"],
        "<" => &["<", "lt"],
        "<=" => &["<=", "le", "leq"],
        ">" => &[">", "gt"],
        _ => &[">=", "ge", "geq"],
    }
}

/// What a filter is made of.
enum Filter {
    /// A comparison of a port: the end, the operator, the number.
    Port(usize, &'static str, u16),
    /// One of some ports, or none of them: the end, `!=`, first and last of each.
    Ports(usize, bool, Vec<(u16, u16)>),
    /// An address and perhaps a port: the end, the prefix, its bits, the port.
    Host(usize, IpAddr, u32, Option<u16>),
    /// Not.
    Not(Box<Filter>),
    /// All, or any.
    Parts(bool, Vec<Filter>),
}

/// Ports that are worth trying.
const PORTS: [u16; 12] = [0, 1, 2, 5, 22, 53, 80, 81, 443, 8080, 40000, 65535];
/// Prefixes that are worth trying.
const PREFIXES: [(&str, u32); 14] = [
    ("10.0.0.1", 32),
    ("10.0.0.0", 8),
    ("127.0.0.1", 32),
    ("127.0.0.0", 8),
    ("0.0.0.0", 0),
    ("8.8.8.8", 32),
    ("172.17.0.0", 31),
    ("10.8.0.0", 13),
    ("::1", 128),
    ("fe80::", 10),
    ("::", 0),
    ("fe80::2", 127),
    ("0.0.0.0", 32),
    ("::", 128),
];

/// Makes a filter.
fn filter(dice: &mut Dice<'_>, depth: usize) -> Filter {
    let side = dice.roll(2);
    match dice.roll(if depth > 4 { 3 } else { 7 }) {
        0 => Filter::Port(
            side,
            dice.one(&["=", "!=", "<", "<=", ">", ">="]),
            dice.one(&PORTS),
        ),
        1 => {
            let count = dice.roll(3) + 1;
            let range = |_| {
                let [one, other] = [0; 2].map(|_| dice.one(&PORTS[1..]));
                (
                    one.min(other),
                    if count % 2 == 0 {
                        one.min(other)
                    } else {
                        one.max(other)
                    },
                )
            };
            let ranges = (0..count).map(range).collect();
            Filter::Ports(side, dice.roll(2) == 1, ranges)
        }
        2 => {
            let (address, bits) = dice.one(&PREFIXES);
            let port = Some(dice.one(&PORTS[1..])).filter(|_| dice.roll(3) == 0);
            Filter::Host(side, address.parse().expect("an address"), bits, port)
        }
        3 => Filter::Not(Box::new(filter(dice, depth + 1))),
        other => {
            let count = dice.roll(3) + 1;
            Filter::Parts(
                other % 2 == 0,
                (0..count).map(|_| filter(dice, depth + 1)).collect(),
            )
        }
    }
}

/// Returns true if `address`, as it is printed, has the first `bits` of `prefix`.
fn is_within(prefix: IpAddr, bits: u32, address: IpAddr) -> bool {
    let bit_list = |octets: &[u8]| -> Vec<bool> {
        octets
            .iter()
            .flat_map(|octet| (0..8).rev().map(move |at| octet >> at & 1 == 1))
            .collect()
    };
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    let (one, other) = match (prefix, address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (bit_list(&one.octets()), bit_list(&other.octets()))
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (bit_list(&one.octets()), bit_list(&other.octets()))
        }
        _ => return false,
    };
    one.iter()
        .zip(&other)
        .take(bits as usize)
        .all(|(one, other)| one == other)
}

impl Filter {
    /// Returns true if it holds for `row`.
    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Port(side, operator, number) => {
                let port = row.ends[*side].1;
                match *operator {
                    "=" => port == *number,
                    "!=" => port != *number,
                    "<" => port < *number,
                    "<=" => port <= *number,
                    ">" => port > *number,
                    _ => port >= *number,
                }
            }
            Self::Ports(side, is_negated, ranges) => {
                let port = row.ends[*side].1;
                ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&port))
                    != *is_negated
            }
            Self::Host(side, prefix, bits, port) => {
                let (address, number) = row.ends[*side];
                is_within(*prefix, *bits, address) && port.is_none_or(|port| port == number)
            }
            Self::Not(part) => !part.holds(row),
            Self::Parts(true, parts) => parts.iter().all(|part| part.holds(row)),
            Self::Parts(false, parts) => parts.iter().any(|part| part.holds(row)),
        }
    }

    /// Writes it in one of its spellings; in parentheses if they are needed within something else.
    fn write(&self, words: &mut Vec<String>, dice: &mut Dice<'_>, is_within: bool) {
        let mut add = |word: &str| words.push(word.to_owned());
        match self {
            Self::Port(side, operator, number) => {
                add(["sport", "dport"][*side]);
                add(dice.one(spellings(operator)));
                add(&format!(
                    "{}{number}",
                    dice.one(&["", ":", "inet:", "inet::"])
                ));
            }
            Self::Ports(side, is_negated, ranges) => {
                add(["sport", "dport"][*side]);
                add(if *is_negated { "!=" } else { "=" });
                let range = |(first, last): &(u16, u16)| {
                    if first == last {
                        first.to_string()
                    } else {
                        format!("{first}-{last}")
                    }
                };
                add(&ranges.iter().map(range).collect::<Vec<_>>().join(","));
            }
            Self::Host(side, address, bits, port) => {
                add(["src", "dst"][*side]);
                add(dice.one(&["", "=", "=="]));
                let most = if address.is_ipv4() { 32 } else { 128 };
                let mut text = address.to_string();
                if *bits != most || dice.roll(4) == 1 {
                    text.push_str(&format!("/{bits}"));
                }
                match port {
                    Some(port) if address.is_ipv6() => add(&format!("[{text}]:{port}")),
                    Some(port) => add(&format!("{text}:{port}")),
                    None => add(&text),
                }
            }
            Self::Not(part) => {
                add(dice.one(&["not", "!"]));
                part.write(words, dice, true);
            }
            Self::Parts(is_all, parts) => {
                let is_bare = !is_within && parts.len() > 0 && *is_all;
                if !is_bare {
                    add("(");
                }
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        words.push(
                            dice.one(if *is_all {
                                &["and", "&", "&&", ""]
                            } else {
                                &["or", "|", "||"]
                            })
                            .to_owned(),
                        );
                    }
                    part.write(words, dice, true);
                }
                if !is_bare {
                    words.push(")".to_owned());
                }
            }
        }
    }
}

/// ss's names of states, and the kernel's numbers of the states that they stand for.
const STATES: [(&str, &[u8]); 14] = [
    ("established", &[1]),
    ("syn-sent", &[2]),
    ("syn-recv", &[3]),
    ("time-wait", &[6]),
    ("close-wait", &[8]),
    ("listening", &[10]),
    ("LISTEN", &[10]),
    ("closed", &[7]),
    ("connected", &[1, 2, 3, 4, 5, 6, 8, 9, 11]),
    ("synchronized", &[1, 3, 4, 5, 6, 8, 9, 11]),
    ("bucket", &[3, 6]),
    ("big", &[1, 2, 4, 5, 7, 8, 9, 10, 11]),
    ("all", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ("estab", &[1]),
];

/// Returns the inodes that are shown.
fn inodes(shown: &Shown) -> BTreeSet<u64> {
    shown
        .objects()
        .iter()
        .filter_map(|object| object["inode"].as_u64())
        .collect()
}

/// Returns the inodes of the rows for which `holds` returns true.
fn wanted(rows: &[Row], holds: impl Fn(&Row) -> bool) -> BTreeSet<u64> {
    (1000..)
        .zip(rows)
        .filter(|(_, row)| holds(row))
        .map(|(inode, _)| inode)
        .collect()
}

/// Fuzzes filters and selectors that have a meaning.
pub fn filters(data: &[u8]) {
    let (mut dice, rows) = (Dice(data), rows());
    let text = table(&rows);
    let mut arguments: Vec<OsString> = vec!["-j".into()];
    let (mut kinds, mut tests) = selectors(&mut dice, &mut arguments);
    let mut words = Vec::new();
    for (word, is_excluded) in [("state", false), ("exclude", true)] {
        if dice.roll(4) == 1 {
            words.push(word.to_owned());
            let states: Vec<_> = (0..=dice.roll(2)).map(|_| dice.one(&STATES)).collect();
            words.extend(states.iter().map(|(name, _)| (*name).to_owned()));
            let kind = tests.len();
            kinds.push(word);
            tests.push((
                kind,
                Box::new(move |row: &Row| {
                    states
                        .iter()
                        .any(|(_, numbers)| numbers.contains(&row.state))
                        != is_excluded
                }) as Test,
            ));
        }
    }
    if dice.roll(4) != 3 {
        let filter = filter(&mut dice, 0);
        filter.write(&mut words, &mut dice, false);
        let kind = tests.len();
        kinds.push("filter");
        tests.push((kind, Box::new(move |row: &Row| filter.holds(row)) as Test));
    }
    words.retain(|word| !word.is_empty());
    if words.len() > 200 {
        return;
    }
    // In one argument or in many.
    if !words.is_empty() && dice.roll(2) == 1 {
        arguments.push(words.join(" ").into());
    } else {
        arguments.extend(words.iter().map(Into::into));
    }
    let shown = decode(text.as_bytes(), &arguments);
    let shown = shown.unwrap_or_else(|line| panic!("{arguments:?}: {line}"));
    is_visible(&shown.warnings);
    let known: BTreeSet<usize> = tests.iter().map(|(kind, _)| *kind).collect();
    let holds = |row: &Row| {
        known
            .iter()
            .all(|kind| tests.iter().any(|(of, test)| of == kind && test(row)))
    };
    assert_eq!(
        inodes(&shown),
        wanted(&rows, holds),
        "{arguments:?} of {kinds:?}\n{text}"
    );
}

/// A condition on rows.
type Test = Box<dyn Fn(&Row) -> bool>;

/// Makes selectors, of which those of one kind add up. Returns the names of the kinds, and each condition with the number of
/// its kind.
fn selectors(
    dice: &mut Dice<'_>,
    arguments: &mut Vec<OsString>,
) -> (Vec<&'static str>, Vec<(usize, Test)>) {
    let kinds = vec![
        "protocol",
        "family",
        "port",
        "local port",
        "remote port",
        "address",
        "state",
        "uid",
        "inode",
    ];
    let mut tests: Vec<(usize, Test)> = Vec::new();
    for _ in 0..dice.roll(4) {
        let kind = dice.roll(kinds.len());
        let port = dice.one(&PORTS[1..]);
        let is_of = move |number: u16| number == port;
        let (words, test): (Vec<String>, Test) = match kinds[kind] {
            "protocol" => {
                let is_udp = dice.roll(2) == 1;
                (
                    vec![["--tcp", "--udp"][usize::from(is_udp)].into()],
                    Box::new(move |row| row.is_udp == is_udp),
                )
            }
            "family" => {
                let is_v6 = dice.roll(2) == 1;
                // A v4-mapped address counts as what it is printed as.
                let test = move |row: &Row| {
                    is_within(
                        [IpAddr::from([0; 4]), IpAddr::from([0; 16])][usize::from(is_v6)],
                        0,
                        row.ends[0].0,
                    )
                };
                (
                    vec![["--ipv4", "--ipv6"][usize::from(is_v6)].into()],
                    Box::new(test),
                )
            }
            "port" if dice.roll(2) == 1 => (
                vec![format!(":{port}")],
                Box::new(move |row| row.ends.iter().any(|end| is_of(end.1))),
            ),
            "port" => (
                vec!["--port".into(), format!("{port}-65535")],
                Box::new(move |row| row.ends.iter().any(|end| end.1 >= port)),
            ),
            "local port" => (
                vec!["--local-port".into(), port.to_string()],
                Box::new(move |row| is_of(row.ends[0].1)),
            ),
            "remote port" => (
                vec![format!("--remote-port={port}")],
                Box::new(move |row| is_of(row.ends[1].1)),
            ),
            "address" => {
                // A peer that is not there is on no address.
                let is_there = |end: &(IpAddr, u16)| end.1 != 0 || !end.0.is_unspecified();
                let (text, bits) = dice.one(&PREFIXES);
                let prefix: IpAddr = text.parse().expect("an address");
                (
                    vec!["--address".into(), format!("{text}/{bits}")],
                    Box::new(move |row| {
                        row.ends
                            .iter()
                            .any(|end| is_there(end) && is_within(prefix, bits, end.0))
                    }),
                )
            }
            "state" => {
                // Of TCP and UDP alike.
                let (name, number) = dice.one(&[
                    ("LISTEN", 10),
                    ("ESTABLISHED", 1),
                    ("time-wait", 6),
                    ("SYN_RECV", 3),
                ]);
                (
                    vec!["--state".into(), name.into()],
                    Box::new(move |row| row.state == number),
                )
            }
            "uid" => {
                let uid = dice.one(&[0, 33, 1000, 7]);
                (
                    vec!["--uid".into(), uid.to_string()],
                    Box::new(move |row| row.uid == uid),
                )
            }
            _ => {
                let at = dice.roll(ROWS.len() + 1);
                let inode = at + 1000;
                let ends = ROWS.get(at).map(|row| (row.0, row.1));
                let is_it = move |row: &Row| {
                    let end = |(address, port): (IpAddr, u16)| {
                        std::net::SocketAddr::new(address, port).to_string()
                    };
                    ends.is_some_and(|(local, remote)| {
                        let same = |text: &str, known: (IpAddr, u16)| {
                            text.parse::<std::net::SocketAddr>()
                                .is_ok_and(|text| text.to_string() == end(known))
                        };
                        same(local, row.ends[0]) && same(remote, row.ends[1])
                    })
                };
                (vec![format!("socket:[{inode}]")], Box::new(is_it))
            }
        };
        arguments.extend(words.into_iter().map(Into::into));
        tests.push((kind + 100, test));
    }
    (kinds, tests)
}

/// Fuzzes any arguments, one a line.
pub fn arguments(data: &[u8]) {
    if data.len() > 4096 {
        return;
    }
    let data = without_nul(data);
    let arguments: Vec<OsString> = data
        .split(|byte| *byte == b'\n')
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect();
    let text = table(&rows());
    put(text.as_bytes());
    let parse = || bounded(data.len(), || cli::parse(arguments.iter().cloned()));
    let parsed = parse();
    assert_eq!(
        format!("{parsed:?}"),
        format!("{:?}", parse()),
        "the same line means the same"
    );
    if let Err(line) = &parsed {
        is_one_line(line);
        return;
    }
    // Of a fixed table no command line shows other rows than the one without a selector.
    let mut all = arguments.clone();
    // Behind `--` or a filter all are words, so the options come first.
    all.insert(0, "-j".into());
    all.insert(0, argument().into());
    match decode(text.as_bytes(), &all) {
        Err(line) => is_one_line(&line),
        Ok(shown) => {
            is_visible(&shown.out);
            is_visible(&shown.warnings);
            let is_turned = arguments
                .iter()
                .any(|word| word.as_encoded_bytes().starts_with(b"--endian"));
            if shown.out.starts_with("{\"pid\"") && !is_turned {
                let known = objects(text.as_bytes());
                assert!(
                    shown.objects().iter().all(|object| known.contains(object)),
                    "{arguments:?}: {}",
                    shown.out
                );
            }
        }
    }
}

/// Panics unless `line` is a line that a terminal may be given.
fn is_one_line(line: &str) {
    is_visible(line);
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
}
