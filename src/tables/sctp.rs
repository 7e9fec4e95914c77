//! Parses the rows of PID/net/sctp/assocs and PID/net/sctp/eps: associations, and the endpoints that they belong to. In:
//! a line. Out: the row, or `None` where the line has not the kernel's shape. All numbers are decimal; addresses are text,
//! and each end may have several. It does not choose between the two rows of a socket.

use std::net::IpAddr;

use super::Format;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::addr::sides;
use crate::text::digits::decimal;
use crate::text::fields::Fields;

/// Parses a row of eps (`net/sctp/proc.c`: `sctp_eps_seq_show`).
///
/// ```text
///        0        0 2   10  25   38412     0 465001935 192.168.60.142
/// ```
/// The state is that of the socket, in TCP's numbers: 10 in LISTEN, 7 without an association.
pub(super) fn parse_eps<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let cells = format.cells(line)?;
    // (9) LADDRS
    let addresses = cells.rest.rest();
    if !are_addresses(addresses) {
        return None;
    }
    let row = Row {
        // (8) INODE
        inode: cells.number(7).unwrap_or(0),
        proto: Proto::Sctp,
        // (4) SST
        state: State(u8::try_from(cells.number(3)?).ok()?),
        rx_queue: None,
        tx_queue: None,
        ends: Ends::Sctp {
            addresses,
            // (6) LPORT
            local_port: u16::try_from(cells.number(5)?).ok()?,
            remote_port: 0,
        },
    };
    let detail = Detail {
        // (7) UID
        uid: cells.number(6),
        // (3) STY
        socket_type: socket_type(cells.number(2)?),
        ..Detail::default()
    };
    Some((row, detail))
}

/// Parses a row of assocs (`net/sctp/proc.c`: `sctp_assocs_seq_show`).
///
/// ```text
/// 0000000000000000 0000000000000000 1   1   3  1236    7        0        0       0   555 2905  30102  172.31.250.10 <-> *172.31.250.20 \t    7500    17    17   10    0    0        0        1        0   212992   212992
/// ```
/// A tab ends the addresses, which a terminal may have made blanks. Older kernels print fewer figures behind it.
pub(super) fn parse_assocs<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let cells = format.cells(line)?;
    // (5) ST, the state of the association; that of the socket is LISTEN for every association of a listener
    let state = match cells.number(4)? {
        0 => State::CLOSE,
        1 => State::COOKIE_WAIT,
        2 => State::COOKIE_ECHOED,
        3 => State::ESTABLISHED,
        4 => State::SHUTDOWN_PENDING,
        5 => State::SHUTDOWN_SENT,
        6 => State::SHUTDOWN_RECEIVED,
        7 => State::SHUTDOWN_ACK_SENT,
        _ => return None,
    };
    // (14) LADDRS <-> RADDRS
    let (addresses, figures) = split_figures(cells.rest.rest());
    let (local, remote) = sides(addresses);
    if !are_addresses(local) || !are_addresses(remote) {
        return None;
    }
    // (15) HBINT and more, which may have more than 32 bits
    let mut count = 0;
    for figure in figures {
        let digits = figure.strip_prefix(b"-").unwrap_or(figure);
        decimal(digits)?;
        count += 1;
    }
    if count < format.columns.figures {
        return None;
    }
    let row = Row {
        // (11) INODE
        inode: cells.number(10).unwrap_or(0),
        proto: Proto::Sctp,
        state,
        // (9) RX_QUEUE (8) TX_QUEUE, in bytes
        rx_queue: cells.number(8),
        tx_queue: cells.number(7),
        ends: Ends::Sctp {
            addresses,
            // (12) LPORT (13) RPORT
            local_port: u16::try_from(cells.number(11)?).ok()?,
            remote_port: u16::try_from(cells.number(12)?).ok()?,
        },
    };
    let detail = Detail {
        // (10) UID
        uid: cells.number(9),
        // (3) STY
        socket_type: socket_type(cells.number(2)?),
        ..Detail::default()
    };
    Some((row, detail))
}

/// Splits what is behind the ports into the lists of addresses and the figures. No figure can be an address, but both
/// may be any number of words.
fn split_figures(text: &[u8]) -> (&[u8], impl Iterator<Item = &[u8]>) {
    let tab = text.iter().position(|byte| *byte == b'\t');
    let at = tab.unwrap_or_else(|| {
        let is_of_list = |byte: &u8| matches!(byte, b'.' | b':' | b'>');
        let last = text.iter().rposition(is_of_list).unwrap_or(0);
        let rest = text.get(last..).unwrap_or_default();
        let len = rest.iter().position(|byte| *byte == b' ');
        last + len.unwrap_or(rest.len())
    });
    let (list, figures) = text.split_at_checked(at).unwrap_or_default();
    (
        list,
        Fields::new(figures.strip_prefix(b"\t").unwrap_or(figures)),
    )
}

/// Returns the type that a style stands for: `SCTP_SOCKET_TCP` is `SOCK_STREAM`, any other is `SOCK_SEQPACKET`.
fn socket_type(style: u32) -> u8 {
    if style == 2 { 1 } else { 5 }
}

/// Returns true if `side` is one address or more, each perhaps marked as the primary one, and nothing else.
fn are_addresses(side: &[u8]) -> bool {
    let is_address = |word: &[u8]| {
        let word = word.strip_prefix(b"*").unwrap_or(word);
        std::str::from_utf8(word).is_ok_and(|word| word.parse::<IpAddr>().is_ok())
    };
    Fields::new(side).next().is_some() && Fields::new(side).all(is_address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Side;
    use crate::tables::parse_line;

    /// A row of a gateway of a mobile network (`kptr_restrict` hides the pointers).
    const EPS: &str = "       0        0 2   10  25   38412     0 465001935 192.168.60.142";
    /// A row of an older kernel of 32 bits.
    const EPS32: &str = "cd1c4000 cd20c700 0   7   6    36422   0  1329 172.16.2.70 172.16.2.81 ";
    const ASSOCS: &str = "0000000000000000 0000000000000000 1   1   3  1236    7        0        0       0   555 2905  30102  172.31.250.10 <-> *172.31.250.20 \t    7500    17    17   10    0    0        0        1        0   212992   212992";
    const ASSOCS6: &str = "0000000000000000 0000000000000000 2   10  7  0       1       12      256    1000 94012 3018   3449  10.0.0.1 *fe80:0000:0000:0000:0000:0000:0000:0001 <-> 10.0.0.2 *fe80:0000:0000:0000:0000:0000:0000:0002 \t   30000   100    10   10    0    0        0";

    fn eps(line: &str) -> Option<(Row<'_>, Detail)> {
        parse_line("net/sctp/eps", line)
    }

    fn assocs(line: &str) -> Option<(Row<'_>, Detail)> {
        parse_line("net/sctp/assocs", line)
    }

    fn ends(row: &Row<'_>) -> String {
        let (local, remote) = row.ends.inet().unwrap();
        format!("{}:{} {}:{}", local.0, local.1, remote.0, remote.1)
    }

    #[test]
    fn real_rows_are_decoded() {
        let (row, detail) = eps(EPS).unwrap();
        assert_eq!(ends(&row), "192.168.60.142:38412 0.0.0.0:0");
        assert_eq!(
            (row.state, row.inode, detail.uid),
            (State::LISTEN, 465_001_935, Some(0))
        );
        let (row, _) = eps(EPS32).unwrap();
        assert_eq!(ends(&row), "172.16.2.70:36422 0.0.0.0:0");
        assert_eq!((row.state, row.inode), (State::CLOSE, 1329));
        let (row, _) = assocs(ASSOCS).unwrap();
        assert_eq!(ends(&row), "172.31.250.10:2905 172.31.250.20:30102");
        assert_eq!((row.state, row.inode), (State::ESTABLISHED, 555));
    }

    #[test]
    fn each_end_may_have_several_addresses_one_of_them_primary() {
        let (row, detail) = assocs(ASSOCS6).unwrap();
        assert_eq!(ends(&row), "fe80::1:3018 fe80::2:3449");
        assert_eq!(
            (row.state, row.tx_queue, row.rx_queue, detail.uid),
            (State::SHUTDOWN_ACK_SENT, Some(12), Some(256), Some(1000))
        );
        for (wanted, is_there) in [("10.0.0.1", true), ("10.0.0.2", true), ("10.0.0.3", false)] {
            let is_wanted = |(address, _): (IpAddr, u16)| address.to_string() == wanted;
            assert_eq!(
                row.ends.any_inet(Side::Either, &is_wanted),
                is_there,
                "{wanted}"
            );
        }
    }

    #[test]
    fn one_broken_field_breaks_the_row() {
        for good in [EPS, EPS32, ASSOCS, ASSOCS6] {
            // The tab is a field of its own here.
            let good = good.replace('\t', " \t ");
            let parse = |line: &str| eps(line).or_else(|| assocs(line)).is_some();
            let fields: Vec<&str> = good.split(' ').filter(|word| !word.is_empty()).collect();
            assert!(parse(&fields.join(" ")), "{good}");
            for (at, broken) in
                (0..fields.len()).flat_map(|at| [(at, "x"), (at, "99999999999"), (at, "1.2.3")])
            {
                // A pointer may be any hexadecimal number, and a figure any decimal one.
                let is_figure = fields.iter().position(|field| *field == "\t") <= Some(at);
                let is_figure = is_figure && good.contains('\t');
                if (at < 2 || is_figure) && broken.starts_with('9') {
                    continue;
                }
                let mut copy = fields.clone();
                copy[at] = broken;
                assert!(!parse(&copy.join(" ")), "field {} as {broken}", at + 1);
            }
        }
        assert_eq!(eps(ASSOCS), None);
        assert_eq!(assocs(EPS), None);
        assert_eq!(eps(EPS.trim_end_matches("192.168.60.142")), None);
    }

    /// The same by std's means: words, and what is between the ports and the tab.
    fn naive(line: &str) -> Option<(u32, u16, u16, Vec<IpAddr>)> {
        let words: Vec<&str> = line.split('\t').next()?.split_whitespace().collect();
        let number = |at: usize| words.get(at)?.parse::<u32>().ok();
        let figure = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_digit());
        let addresses = words.get(13..)?.iter().filter(|word| **word != "<->");
        let addresses = addresses.take_while(|word| !figure(word));
        let addresses = addresses.map(|word| word.trim_start_matches('*').parse().ok());
        Some((
            number(10)?,
            u16::try_from(number(11)?).ok()?,
            u16::try_from(number(12)?).ok()?,
            addresses.collect::<Option<_>>()?,
        ))
    }

    #[test]
    fn the_parser_agrees_with_the_naive_one_on_mutated_lines() {
        let (mut seed, mut parsed) = (1_u64, 0);
        for _ in 0..20_000 {
            let mut line = [ASSOCS, ASSOCS6][usize::from(seed >> 60 & 1 == 1)]
                .as_bytes()
                .to_vec();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(seed >> 33).unwrap() % line.len();
            line[at] = b"0123456789abcdef:. -x*"[usize::try_from(seed >> 20 & 0xfff).unwrap() % 22];
            let line = String::from_utf8(line).unwrap();
            if let Some((row, _)) = assocs(&line) {
                let Ends::Sctp {
                    addresses,
                    local_port,
                    remote_port,
                } = row.ends
                else {
                    panic!("{line}")
                };
                let (local, remote) = sides(addresses);
                let all = crate::text::addr::listed(local).chain(crate::text::addr::listed(remote));
                let told = (
                    row.inode,
                    local_port,
                    remote_port,
                    all.map(|(_, address)| address).collect(),
                );
                assert_eq!(Some(told), naive(&line), "{line}");
                parsed += 1;
            }
        }
        assert!(parsed > 5_000, "{parsed}");
    }
}
