//! Reads internet tables in the plainest way: words between blanks, one number after the other. In: captured text. Out: what each line
//! that could be a row would say, and whether it has exactly the kernel's form. It shares nothing with lsock but std.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

/// The headers of tables over IPv4 and IPv6, as the kernel prints them (tcp, udp, tcp6, udp6), without the blanks at their end.
const HEADERS: [(&str, bool); 4] = [
    (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        true,
    ),
    (
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
        false,
    ),
    (
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        true,
    ),
    (
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
        false,
    ),
];

/// The names of TCP's states (`include/net/tcp_states.h`), from 1 on.
const STATES: [&str; 11] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

/// What a row says.
#[derive(Debug)]
pub(super) struct Inet {
    /// The ends: an address and a port.
    ends: [(IpAddr, u64); 2],
    /// (4) st
    state: u64,
    /// (5) tx_queue and rx_queue
    queues: [u64; 2],
    /// (8) uid
    uid: u64,
    /// (10) inode
    pub(super) inode: u64,
    /// Whether the line has exactly the kernel's form, as a row of tcp, or as one of udp.
    pub(super) is_strict: [bool; 2],
}

/// Returns the words of `line`.
fn words(line: &[u8]) -> Vec<&str> {
    let words = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    let words = words.filter(|word| !word.is_empty());
    words
        .map(|word| std::str::from_utf8(word).unwrap_or("?"))
        .collect()
}

/// Returns true if any line is a header of an internet table that is not the kernel's usual one, whatever is in front of it.
pub(super) fn has_unusual_header(text: &[u8]) -> bool {
    let is_unusual = |line: &[u8]| {
        let words = words(line);
        let Some(at) = words
            .iter()
            .position(|word| word.ends_with("local_address"))
        else {
            return false;
        };
        let from = at.saturating_sub(1);
        let is_usual = |(header, _): &(&str, bool)| {
            words[from..].iter().copied().eq(header.split_whitespace())
        };
        !HEADERS.iter().any(is_usual)
    };
    text.split(|byte| *byte == b'\n').any(is_unusual)
}

/// Returns a number in hexadecimal of `len` digits.
fn hex(word: &str, len: usize) -> Option<u64> {
    let is_hex = word.len() == len && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u64::from_str_radix(word, 16).ok())?
}

/// Returns `ADDRESS:PORT` of a little-endian machine.
fn end(word: &str) -> Option<(IpAddr, u64)> {
    let (address, port) = word.split_once(':')?;
    let port = hex(port, 4)?;
    let group = |at: usize| {
        let word = hex(address.get(at * 8..at * 8 + 8)?, 8)?;
        Some(u32::try_from(word).ok()?.to_le_bytes())
    };
    match address.len() {
        8 => Some((Ipv4Addr::from(group(0)?).into(), port)),
        32 => {
            let groups: Option<Vec<_>> = (0..4).map(group).collect();
            let octets: [u8; 16] = groups?.concat().try_into().ok()?;
            Some((Ipv6Addr::from(octets).into(), port))
        }
        _ => None,
    }
}

/// Returns the row that begins at the first of `words`, the number of the slot.
fn row(words: &[&str]) -> Option<Inet> {
    let [
        slot,
        local,
        remote,
        state,
        queues,
        timer,
        retransmits,
        uid,
        timeout,
        inode,
        rest @ ..,
    ] = words
    else {
        return None;
    };
    let (tx, rx) = queues.split_once(':')?;
    slot.strip_suffix(':')?;
    hex(retransmits, 8)?;
    timeout.parse::<i64>().ok()?;
    let mut row = Inet {
        ends: [end(local)?, end(remote)?],
        state: hex(state, 2)?,
        queues: [hex(tx, 8)?, hex(rx, 8)?],
        uid: uid.parse().ok()?,
        inode: inode.parse().ok()?,
        is_strict: [false; 2],
    };
    let is_number = |word: &&str| {
        word.parse::<u32>()
            .is_ok_and(|number| number.to_string() == **word && number < 1 << 31)
    };
    let is_upper = [local, remote, state, queues, timer, retransmits]
        .iter()
        .all(|word| !word.bytes().any(|byte| byte.is_ascii_lowercase()));
    let is_timer = timer.len() == 11
        && timer.starts_with('0')
        && matches!(timer.as_bytes()[1], b'0'..=b'4')
        && hex(&timer[3..], 8).is_some_and(|time| time < 1 << 31);
    let (references, pointer, tail) = match rest {
        [references, pointer, tail @ ..] => (references, pointer, tail),
        _ => return Some(row),
    };
    let is_pointer = pointer.len() == 16
        && pointer
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_head = is_upper
        && is_timer
        && is_pointer
        && timer.as_bytes()[2] == b':'
        && [&slot[..slot.len() - 1], uid, timeout, inode, references]
            .iter()
            .all(|word| is_number(word));
    let is_tcp_tail = match tail {
        [] => matches!(row.state, 3 | 5 | 6),
        [numbers @ .., last] => {
            numbers.len() == 4
                && numbers.iter().all(|word| is_number(&word))
                && (*last == "-1" || is_number(last))
        }
    };
    let is_udp_tail = tail.len() == 1 && tail.iter().all(|word| is_number(&word));
    row.is_strict = [
        is_head && is_tcp_tail && matches!(row.state, 1..=11),
        is_head && is_udp_tail && matches!(row.state, 1 | 7),
    ];
    Some(row)
}

/// Returns the line that the kernel would print of `words`.
fn printed(words: &[&str]) -> String {
    let [
        slot,
        local,
        remote,
        state,
        queues,
        timer,
        retransmits,
        uid,
        timeout,
        rest @ ..,
    ] = words
    else {
        return String::new();
    };
    format!(
        "{slot:>5} {local} {remote} {state} {queues} {timer} {retransmits} {uid:>5} {timeout:>8} {}",
        rest.join(" ")
    )
}

/// Returns every row that stands anywhere in `text`; one is strict only if the kernel would print its line so, behind the header
/// of its table and rows of it.
pub(super) fn inet_rows(text: &[u8]) -> Vec<Inet> {
    let (mut rows, mut header) = (Vec::new(), None);
    for line in text.split(|byte| *byte == b'\n') {
        let words = words(line);
        for at in 0..words.len() {
            let Some(mut row) = row(&words[at..]) else {
                continue;
            };
            let trimmed = line.trim_ascii_end();
            let is_whole = at == 0
                && printed(&words).as_bytes() == trimmed
                && !line.contains(&b'\r')
                && !line.contains(&b'\t');
            let [is_tcp, is_udp] = row.is_strict;
            // A table has addresses of one length.
            let is_v6 = row.ends[0].0.is_ipv6();
            let is_of = header.is_some_and(|(number, _)| (number >= 2) == is_v6)
                && row.ends[1].0.is_ipv6() == is_v6;
            let [tcp, udp] = [true, false]
                .map(|kind| is_whole && is_of && header.is_some_and(|(_, is_tcp)| is_tcp == kind));
            row.is_strict = [is_tcp && tcp, is_udp && udp];
            if row.is_strict == [false; 2] {
                header = None;
            }
            rows.push(row);
        }
        let trimmed = line.trim_ascii_end();
        let is_it = |(header, _): &(&str, bool)| header.as_bytes() == trimmed;
        if let Some(number) = HEADERS.iter().position(is_it) {
            header = Some((number, HEADERS[number].1));
        } else if !words.is_empty() && row(&words).is_none() {
            header = None;
        }
    }
    rows
}

/// Returns an address as people read it.
fn address(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) => v6
            .to_ipv4_mapped()
            .map_or(v6.to_string(), |v4| v4.to_string()),
        IpAddr::V4(v4) => v4.to_string(),
    }
}

impl Inet {
    /// Returns true if `object` says the same.
    pub(super) fn is_said_by(&self, object: &Value) -> bool {
        let is_number = |name: &str, number: u64| object[name].is_null() || object[name] == number;
        let [local, remote] = self.ends;
        let is_bound = !remote.0.is_unspecified() || remote.1 != 0;
        let proto = object["proto"].as_str().unwrap_or_default();
        let state = match (self.state, proto) {
            (7, "tcp" | "tcp6") => "CLOSE",
            (7, _) => "UNCONNECTED",
            (state @ 1..=11, _) => STATES[usize::try_from(state - 1).unwrap_or(0)],
            _ => object["state"].as_str().unwrap_or_default(),
        };
        let remote_address = is_bound.then(|| address(remote.0));
        object["local_address"] == address(local.0)
            && object["remote_address"].as_str() == remote_address.as_deref()
            && is_number("local_port", local.1)
            && is_number("remote_port", remote.1)
            && object["state"] == state
            && object["send_queue"] == self.queues[0]
            && (object["recv_queue"] == self.queues[1])
            && object["uid"] == self.uid
            && (object["inode"] == self.inode || self.inode == 0 && object["inode"].is_null())
    }
}
