//! The connections that a namespace translates (nf_conntrack). In: a byte that says how the reads are cut, one that says where a row
//! is, and a text. What holds: whatever the reads bring at a time, the rows are the same; one that is taken for translated says
//! so to the plainest reader, word by word; a row as the kernel prints it is never passed over; a row that is cut is not another one;
//! the work is bounded.

use std::net::IpAddr;

use super::in_chunks;
use super::steps::bounded;
use crate::proc::NetnsId;
use crate::socket::connection::{Connection, End, kind};
use crate::socket::proto::Proto;
use crate::tables::conntrack::{Translation, take_row};
use crate::text::records::{Record, Records};

/// The longest line that is tried.
const LINE_LEN_MAX: usize = 1024;

/// Source and destination as the client has them, then those of what comes back.
type Tuples = (u8, [End; 4]);

/// What came of a line: whether it has the kernel's shape, and what is translated.
type Taken = (bool, Option<Tuples>);

/// Fuzzes the reading of the table.
pub fn conntrack(data: &[u8]) {
    let Some(([seed, at], text)) = data.split_first_chunk::<2>() else {
        return;
    };
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.iter().any(|line| line.len() > LINE_LEN_MAX) {
        return;
    }
    let seen = bounded(text.len(), || all(text, *seed));
    for other in [0, 255] {
        assert_eq!(seen, all(text, other), "reads of other lengths");
    }
    // What no newline ends is not whole.
    let rest = lines.pop().unwrap_or_default();
    let (of_lines, of_rest) = seen.split_at(lines.len());
    assert_eq!(of_rest.len(), usize::from(!rest.is_empty()));
    assert!(of_rest.iter().all(|taken| *taken == (false, None)));
    for (line, (is_shaped, taken)) in lines.iter().zip(of_lines) {
        if let Some(tuples) = taken {
            assert_eq!(naive(line).as_ref(), Some(tuples), "{}", shown(line));
        }
        if let Some(known) = strict(line) {
            assert!(is_shaped, "passed over: {}", shown(line));
            assert_eq!(*taken, known, "{}", shown(line));
        }
    }
    let at = usize::from(*at) % lines.len().max(1);
    // A line that is no row may begin with one.
    let Some((line, (true, whole))) = lines.iter().zip(of_lines).nth(at) else {
        return;
    };
    for len in 0..line.len() {
        let (_, cut) = one(&line[..len], true);
        assert!(
            cut.is_none() || cut == *whole,
            "cut at {len}: {}",
            shown(line)
        );
    }
}

/// Returns `line` as text.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// Returns what comes of one line.
fn one(line: &[u8], ended: bool) -> Taken {
    let mut found = Vec::new();
    let bytes = line;
    let is_shaped = take_row(&Record { bytes, ended }, NetnsId(3), &mut found).is_some();
    (is_shaped, tuples(&found))
}

/// Returns what `found` says, which is nothing, or a connection from both of its ends.
fn tuples(found: &[Translation]) -> Option<Tuples> {
    let [one, other] = found else {
        assert!(found.is_empty());
        return None;
    };
    assert_eq!(one.netns, NetnsId(3));
    assert_eq!(other.before, one.behind.reversed());
    assert_eq!(other.behind, one.before.reversed());
    let Connection {
        kind,
        local,
        remote,
    } = one.before;
    Some((kind, [local, remote, one.behind.remote, one.behind.local]))
}

/// Returns what comes of each record, where each read brings as many bytes as a number made from `seed`.
fn all(text: &[u8], seed: u8) -> Vec<Taken> {
    let mut read = in_chunks(text, seed);
    let (mut buffer, mut taken) = (vec![0; 4 * LINE_LEN_MAX], Vec::new());
    let mut records = Records::new(&mut read, &mut buffer, 0);
    while let Some(record) = records.next(None).expect("no read fails") {
        taken.push(one(record.bytes, record.ended));
    }
    taken
}

/// Returns a number of digits alone.
fn number(word: &str) -> Option<u64> {
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| word.parse().ok())?
}

/// Returns the number by which lsock knows the protocol that the kernel has this number for.
fn kind_of(number: &str) -> Option<u8> {
    match number {
        "6" => kind(Proto::Tcp),
        "17" => kind(Proto::Udp),
        "132" => kind(Proto::Sctp),
        "136" => kind(Proto::Udplite),
        _ => None,
    }
}

/// Returns both tuples of `line`, translated or not, read in the plainest way: words between blanks, each value by its name, one behind the other.
fn naive(line: &[u8]) -> Option<Tuples> {
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let mut rest = words.iter().skip(4);
    let mut value = |name: &str| rest.find_map(|word| word.strip_prefix(name));
    let mut ends: Vec<End> = Vec::new();
    for _ in 0..2 {
        let addresses = [value("src=")?, value("dst=")?];
        for (name, address) in ["sport=", "dport="].into_iter().zip(addresses) {
            let port = u16::try_from(number(value(name)?)?).ok()?;
            ends.push((address.parse().ok()?, port));
        }
    }
    let ends: [End; 4] = ends.try_into().ok()?;
    let is_v4 = words.first() == Some(&"ipv4");
    let is_of_family = ends.iter().all(|end| end.0.is_ipv4() == is_v4);
    let protocol = number(words.get(3)?)?.to_string();
    is_of_family.then_some((kind_of(&protocol)?, ends))
}

/// Returns what is translated by `line`, if it is exactly one of the kernel's (`ct_seq_show`): its words in their order, numbers
/// without zeros in front, addresses as the kernel writes them.
fn strict(line: &[u8]) -> Option<Option<Tuples>> {
    let line = std::str::from_utf8(line).ok()?;
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [family, family_number, protocol, protocol_number, rest @ ..] = words.as_slice() else {
        return None;
    };
    let is_v4 = match (*family, *family_number) {
        ("ipv4", "2") => true,
        ("ipv6", "10") => false,
        _ => return None,
    };
    let (name, has_state) = match *protocol_number {
        "6" => ("tcp", true),
        "17" => ("udp", false),
        "132" => ("sctp", true),
        "136" => ("udplite", false),
        _ => return None,
    };
    let mut rest = rest.iter().copied().peekable();
    if *protocol != name || rest.next().and_then(plain).is_none() {
        return None;
    }
    if has_state {
        let state = rest.next()?;
        let is_state =
            |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if state.is_empty() || !state.bytes().all(is_state) {
            return None;
        }
    }
    let mut printed = format!("{family:<8} {family_number} {protocol:<8} {protocol_number}");
    for word in &words[4..] {
        printed = printed + " " + word;
    }
    if printed != line.trim_end_matches(' ') {
        return None;
    }
    let mut ends = Vec::new();
    for is_reply in [false, true] {
        let mut addresses = Vec::new();
        for name in ["src=", "dst="] {
            addresses.push(kernel_address(rest.next()?.strip_prefix(name)?, is_v4)?);
        }
        for (name, address) in ["sport=", "dport="].into_iter().zip(addresses) {
            let port = plain(rest.next()?.strip_prefix(name)?)?;
            ends.push((address, u16::try_from(port).ok()?));
        }
        let mut may_follow = ["packets=", "bytes="].iter();
        while let Some(word) = rest.peek().copied() {
            let known = may_follow.find(|name| word.starts_with(**name));
            let Some(name) = known else { break };
            plain(word.strip_prefix(*name)?)?;
            rest.next();
        }
        let sign = if is_reply { "[ASSURED]" } else { "[UNREPLIED]" };
        rest.next_if_eq(&sign);
    }
    for name in ["mark=", "zone=", "use="] {
        plain(rest.next()?.strip_prefix(name)?)?;
    }
    let ends: [End; 4] = ends.try_into().ok()?;
    let is_other = [ends[0], ends[1]] != [ends[3], ends[2]];
    let tuples = is_other.then_some((kind_of(protocol_number)?, ends));
    rest.next().is_none().then_some(tuples)
}

/// Returns a number of 32 bits as the kernel writes it.
fn plain(word: &str) -> Option<u64> {
    number(word).filter(|number| number.to_string() == word && *number >> 32 == 0)
}

/// Returns an address as the kernel writes it: `%pI4` or `%pI6`.
fn kernel_address(word: &str, is_v4: bool) -> Option<IpAddr> {
    let address: IpAddr = word.parse().ok()?;
    let written = match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6.segments().map(|group| format!("{group:04x}")).join(":"),
    };
    (written == word && address.is_ipv4() == is_v4).then_some(address)
}
