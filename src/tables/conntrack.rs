//! The connections that a network namespace translates (NAT). In: a namespace. Out: both tuples of each connection of which an
//! address or a port is another behind the namespace than before it; all others are passed over. It finds no socket.
//!
//! A namespace has the file once the kernel tracks connections, and only its root may read it. Each reading walks through the
//! machine's whole hash, so a namespace that has no connection, as a small file beside it tells everybody, is not read.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use crate::proc::{NetnsId, Proc, error_text, is_gone};
use crate::socket::connection::{Connection, End, kind};
use crate::socket::proto::Proto;
use crate::tables::lines::each_line;
use crate::text::addr::parse_ip;
use crate::text::digits::decimal32;
use crate::text::fields::{Fields, text_after};
use crate::text::records::Record;
use crate::walk::netns::Netns;
use crate::warn::Warnings;

/// The table.
const TABLE: &str = "net/nf_conntrack";
/// What counts its rows.
const COUNT: &str = "net/stat/nf_conntrack";
/// Holds its first two lines, of 17 numbers at most.
const COUNT_LEN: usize = 512;

/// A connection that is translated, as one of its ends has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Translation {
    /// The namespace that translates it.
    pub(crate) netns: NetnsId,
    /// The connection as that end has it.
    pub(crate) before: Connection,
    /// The same behind the translation, where the other end is.
    pub(crate) behind: Connection,
}

/// Adds the connections that `netns`, called `id`, translates to `found`, from both ends, and notes if they may not be read.
#[inline(never)]
pub(crate) fn load(
    proc: &Proc,
    (id, netns): (NetnsId, &Netns),
    found: &mut Vec<Translation>,
    warnings: &mut Warnings,
) {
    // Where the count is missing, so is the table.
    let counts_none = |member| {
        let mut buffer = [0; COUNT_LEN];
        let text = proc.read_file(member, COUNT, &mut buffer);
        text.is_ok_and(counts_none)
    };
    if netns.members().any(counts_none) {
        return;
    }
    let mut odd = None;
    let result = each_line(proc, netns, TABLE, &mut |record, member| {
        if take_row(&record, id, found).is_none() {
            odd = Some((member, io::ErrorKind::InvalidData.into()));
        }
    });
    let Some((member, error)) = result.err().or(odd) else {
        return;
    };
    // A kernel that tracks no connection translates none.
    let setting = c"sys/net/netfilter/nf_conntrack_max";
    if !is_gone(&error) || proc.read_setting(setting, &mut [0; 16]).is_ok() {
        let reason = error_text(&error) + UNKNOWN;
        warnings.warn(&proc.display(member, TABLE), &reason);
    }
}

/// The end of the line about a table that cannot be read.
const UNKNOWN: &str = "; who is at the other end of a translated connection is not known";

/// Adds the connection that `record` has to `found` if it is translated; returns `None` if it has not the kernel's shape.
#[inline(never)]
pub(crate) fn take_row(
    record: &Record<'_>,
    netns: NetnsId,
    found: &mut Vec<Translation>,
) -> Option<()> {
    let parsed = parse(record.bytes).filter(|_| record.ended)?;
    if let Row::Translated(proto, [client, to, server, from]) = parsed {
        let kind = kind(proto)?;
        let view = |local, remote| Connection {
            kind,
            local,
            remote,
        };
        let (before, behind) = (view(client, to), view(from, server));
        found.push(Translation {
            netns,
            before,
            behind,
        });
        found.push(Translation {
            netns,
            before: behind.reversed(),
            behind: before.reversed(),
        });
    }
    Some(())
}

/// Returns true if `text`, that of the file that counts the rows, says that there is none: by the first number of a line, the
/// same in the line of each processor (`net/netfilter/nf_conntrack_standalone.c`: `ct_cpu_seq_show`).
fn counts_none(text: &[u8]) -> bool {
    text_after(text, b"00000000 ").is_some()
}

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
enum Row {
    /// A connection that is not translated, or has no ports.
    Other,
    /// One that is: source and destination as the client has them, and those of what comes back, as the server has them.
    Translated(Proto, [End; 4]),
}

/// Parses a row (`net/netfilter/nf_conntrack_standalone.c`: `ct_seq_show`). Returns `None` if it has not the kernel's
/// shape.
///
/// ```text
/// ipv4     2 tcp      6 431998 ESTABLISHED src=198.18.10.5 dst=198.18.10.1 sport=49314 dport=18096 src=198.18.10.6 dst=198.18.10.1 sport=8080 dport=49314 [ASSURED] mark=0 zone=0 use=2
/// ipv6     10 udp      17 29 src=fc00:0000:… dst=fc00:0000:… sport=40000 dport=53 [UNREPLIED] src=… dst=… sport=53 dport=40000 mark=0 zone=0 use=2
/// ```
#[inline(never)]
fn parse(line: &[u8]) -> Option<Row> {
    let mut fields = Fields::new(line);
    // (1) name (2) number of the network's protocol
    let is_v4 = match (fields.next()?, fields.next()?) {
        (b"ipv4", b"2") => true,
        (b"ipv6", b"10") => false,
        _ => return None,
    };
    // (3) name (4) number of the protocol above it
    fields.next()?;
    let proto = match decimal32(fields.next()?)? {
        6 => Proto::Tcp,
        17 => Proto::Udp,
        132 => Proto::Sctp,
        136 => Proto::Udplite,
        _ => return Some(Row::Other),
    };
    // (5) seconds left, unless hardware forwards it (6) state, of TCP and SCTP
    let mut values = [&b""[..]; 8];
    let mut before = 2;
    for (value, name) in values.iter_mut().zip(&NAMES) {
        *value = loop {
            let word = fields.next()?;
            if let Some(value) = word.strip_prefix(name.as_bytes()) {
                break value;
            }
            before = u8::checked_sub(before, 1).filter(|_| *name == "src=")?;
        };
        if *name == "dport=" {
            // zone-orig=, packets=, bytes=, [UNREPLIED]
            before = 4;
        }
    }
    // The last word of a whole row.
    fields.last()?.strip_prefix(b"use=")?;
    let [a, b, a_port, b_port, c, d, c_port, d_port] = values;
    if [a, b, a_port, b_port] == [d, c, d_port, c_port] {
        return Some(Row::Other);
    }
    let mut ends = [(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0); 4];
    let words = [(a, a_port), (b, b_port), (c, c_port), (d, d_port)];
    for (end, (address, port)) in ends.iter_mut().zip(words) {
        let address = parse_ip(address).filter(|address| address.is_ipv4() == is_v4)?;
        *end = (address, u16::try_from(decimal32(port)?).ok()?);
    }
    Some(Row::Translated(proto, ends))
}

/// The names of the values in both tuples.
const NAMES: [&str; 8] = [
    "src=", "dst=", "sport=", "dport=", "src=", "dst=", "sport=", "dport=",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::records::Records;
    use std::io::Read;

    /// Rows as kernels 5.10 to 6.18 print them: translated, then not, then without ports.
    const ROWS: &str = "\
ipv4     2 tcp      6 431998 ESTABLISHED src=198.18.10.5 dst=198.18.10.1 sport=49314 dport=18096 src=198.18.10.6 dst=198.18.10.1 sport=8080 dport=49314 [ASSURED] mark=0 zone=0 use=2
ipv6     10 udp      17 29 src=fc00:0000:0000:0000:0000:0000:0000:0001 dst=fc00:0000:0000:0000:0000:0000:0000:0002 sport=40000 dport=53 packets=1 bytes=60 [UNREPLIED] src=fc00:0000:0000:0000:0000:0000:0000:0003 dst=fc00:0000:0000:0000:0000:0000:0000:0001 sport=5353 dport=40000 packets=0 bytes=0 mark=0 zone=0 use=2
ipv4     2 tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.3 dst=10.0.0.1 sport=2 dport=1 [OFFLOAD] mark=0 zone=0 use=3
ipv4     2 sctp     132 9 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 zone-orig=7 src=10.0.0.2 dst=10.0.0.9 sport=2 dport=1 [ASSURED] mark=0 delta-time=7 use=1
ipv4     2 tcp      6 431998 ESTABLISHED src=127.0.0.1 dst=127.0.0.1 sport=44562 dport=49855 src=127.0.0.1 dst=127.0.0.1 sport=49855 dport=44562 [ASSURED] mark=0 zone=0 use=2
ipv4     2 unknown  2 177 src=172.17.0.1 dst=224.0.0.22 [UNREPLIED] src=224.0.0.22 dst=172.17.0.1 mark=0 zone=0 use=2
ipv4     2 icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7 src=10.0.0.2 dst=10.0.0.9 type=0 code=0 id=7 mark=0 use=2
";

    /// The same by splitting at every blank and looking each name up.
    fn naive(line: &str) -> Option<(Proto, [End; 4])> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let all = |name: &str| -> Vec<&str> {
            words
                .iter()
                .filter_map(|word| word.strip_prefix(name))
                .collect()
        };
        let end = |address: &str, port: &str, at: usize| {
            Some((
                all(address).get(at)?.parse().ok()?,
                all(port).get(at)?.parse().ok()?,
            ))
        };
        let proto = match words[3] {
            "6" => Proto::Tcp,
            "17" => Proto::Udp,
            "132" => Proto::Sctp,
            _ => return None,
        };
        let tuple = |at| Some([end("src=", "sport=", at)?, end("dst=", "dport=", at)?]);
        let ([a, b], [c, d]) = (tuple(0)?, tuple(1)?);
        ([a, b] != [d, c]).then_some((proto, [a, b, c, d]))
    }

    #[test]
    fn the_translated_rows_are_read_as_a_naive_reader_reads_them() {
        let mut translated = 0;
        for line in ROWS.lines() {
            let parsed = parse(line.as_bytes()).expect(line);
            let known =
                naive(line).map_or(Row::Other, |(proto, ends)| Row::Translated(proto, ends));
            translated += usize::from(known != Row::Other);
            assert_eq!(parsed, known, "{line}");
        }
        assert_eq!(translated, 4);
    }

    #[test]
    fn a_row_of_another_shape_is_none() {
        let row = ROWS.lines().next().unwrap();
        for (part, other) in [
            ("ipv4     2", "ipv4     10"),
            ("ipv4     2", "ipv6     10"),
            ("ipv4", "ipx"),
            ("src=198.18.10.6 ", ""),
            ("sport=8080", "sport=80800"),
            ("sport=8080", "sport="),
            ("dst=198.18.10.1 sport=4", "dst=198.18.10 sport=4"),
            ("dst=198.18.10.1 sport=4", "dst=198.18.10.1 x sport=4"),
            ("ESTABLISHED", "ESTABLISHED x"),
            ("[ASSURED] mark=0 zone=0 use=2", "[ASSURED] mark=0"),
            ("tcp      6", "tcp      x"),
        ] {
            let odd = row.replacen(part, other, 1);
            assert_ne!(odd, row);
            assert_eq!(parse(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn a_table_cut_at_any_byte_has_the_rows_before_the_cut_and_says_so() {
        for cut in 0..=ROWS.len() {
            let (mut rest, mut buffer) = (&ROWS.as_bytes()[..cut], [0; 512]);
            // Reads of 7 bytes: no row is read at once.
            let mut read = |buffer: &mut [u8]| {
                let len = buffer.len().min(7);
                rest.read(&mut buffer[..len])
            };
            let mut records = Records::new(&mut read, &mut buffer, 0);
            let (mut found, mut skipped) = (Vec::new(), 0);
            while let Some(record) = records.next(None).unwrap() {
                skipped += usize::from(take_row(&record, NetnsId(7), &mut found).is_none());
            }
            let whole = ROWS[..cut].rfind('\n').map_or("", |end| &ROWS[..end]);
            let known = whole.lines().filter_map(naive);
            let known: Vec<_> = known
                .map(|(proto, ends)| (kind(proto).unwrap(), ends))
                .collect();
            let found: Vec<_> = found
                .chunks(2)
                .map(|pair| {
                    let (one, other) = (pair[0], pair[1]);
                    assert_eq!(other.before, one.behind.reversed());
                    assert_eq!(other.behind, one.before.reversed());
                    let (before, behind) = (one.before, one.behind);
                    let ends = [before.local, before.remote, behind.remote, behind.local];
                    (before.kind, ends)
                })
                .collect();
            assert_eq!(found, known, "cut at {cut}");
            let is_cut = !ROWS[..cut].is_empty() && !ROWS[..cut].ends_with('\n');
            assert_eq!(skipped, usize::from(is_cut), "cut at {cut}");
        }
    }

    #[test]
    fn the_file_that_counts_rows_says_whether_there_is_any() {
        for (line, is_none) in [
            ("00000000  00000000 00000001", true),
            ("00000002  00000000 00000000", false),
            ("", false),
            ("x", false),
        ] {
            let text = format!("entries searched\n{line}\n");
            assert_eq!(counts_none(text.as_bytes()), is_none, "{line}");
        }
    }
}
