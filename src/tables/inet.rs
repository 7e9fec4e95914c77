//! Parses the rows of tcp, udp, udplite, raw and icmp, over IPv4 and IPv6: one layout with three endings. In: a line, the
//! table's protocol and the byte order. Out: the row, or `None` where the line has not exactly the kernel's shape. It
//! selects nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Format;
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::fields::{Fields, Fixed};

/// Parses a row of tcp or tcp6 (`net/ipv4/tcp_ipv4.c`: `get_tcp4_sock`, `get_openreq4`, `get_timewait4_sock`).
///
/// ```text
///   8: 020011AC:1F90 010011AC:D63E 01 00000000:00000000 00:00000000 00000000  1000        0 621793 1 0000000000000000 20 4 20 10 -1
/// ```
/// Queues are in bytes and ticks in 1/100 s, in hexadecimal; from the uid on all is decimal. A row in `SYN_RECV` or
/// `TIME_WAIT` ends after the pointer, and so does one in `FIN_WAIT2` that the kernel has already shrunk to a time-wait
/// socket.
pub(super) fn parse_tcp<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    if !format.columns.are_usual() {
        return unusual([7, 2], tcp, line, format);
    }
    tcp(line, format)
}

/// A parser of rows with the usual columns.
type ParseUsual = fn(&[u8], &Format) -> Option<(Row<'static>, Detail)>;

/// Parses a row under a header that is not the usual one, by `parse`, with one of two numbers of fields behind the inode.
#[inline(never)]
fn unusual(
    counts: [usize; 2],
    parse: ParseUsual,
    line: &[u8],
    format: &Format,
) -> Option<(Row<'static>, Detail)> {
    let parse = |count| {
        let line = format
            .columns
            .usual_line(&format.table.known, line, count)?;
        parse(&line, format)
    };
    counts.into_iter().find_map(parse)
}

/// Parses a row of tcp or tcp6 with the usual columns.
#[inline(never)]
fn tcp(line: &[u8], format: &Format) -> Option<(Row<'static>, Detail)> {
    let (row, mut detail, mut fields, _) = parse_head(line, format)?;
    // (13) rto, which a time-wait or request socket has not
    if fields.is_at_end() {
        let may_end = matches!(
            row.state,
            State::SYN_RECV | State::FIN_WAIT2 | State::TIME_WAIT
        );
        return may_end.then_some((row, detail));
    }
    detail.rto_ticks = fields.decimal32()?;
    // (14) ato, (15) quick acknowledgements and ping-pong
    fields.decimal32()?;
    fields.decimal32()?;
    // (16) cwnd
    detail.cwnd = fields.decimal32()?;
    // (17) ssthresh, -1 in slow start; of a listener the limit of its fast-open queue
    detail.ssthresh = fields.signed32()?;
    fields.end()?;
    Some((row, detail))
}

/// Parses a row of udp, udplite, raw or icmp, or their IPv6 forms (`net/ipv4/udp.c`: `udp4_format_sock`).
///
/// ```text
///  1234: 0100007F:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 22333 2 0000000000000000 0
/// ```
/// The row is like tcp's, but the state is 07 without a peer and 01 with one, and the last field counts the datagrams that
/// were dropped; before Linux 2.6.27 it is missing.
pub(super) fn parse_udp<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    if !format.columns.are_usual() {
        return unusual([3, 2], udp, line, format);
    }
    udp(line, format)
}

/// Parses a row of udp, udplite, raw or icmp with the usual columns.
#[inline(never)]
fn udp(line: &[u8], format: &Format) -> Option<(Row<'static>, Detail)> {
    let (mut row, mut detail, mut fields, references) = parse_head(line, format)?;
    // (13) drops
    if !format.columns.lacks_drops || !fields.is_at_end() {
        detail.drops = Some(fields.decimal32()?);
    }
    fields.end()?;
    if format.is_bare && !is_surely_udp(line, &row, &detail, references) {
        return None;
    }
    if row.state == State::CLOSE {
        row.state = State::UNCONNECTED;
    }
    Some((row, detail))
}

/// The length to which rows over IPv4 are padded.
const UDP_LEN: usize = 127;

/// Returns true if a line that nothing says to be of udp is not a row of tcp that was cut behind its time-out. No row of tcp
/// is in state 07 or has a time-out of 0, and no cut row is padded; no row of udp has a timer.
fn is_surely_udp(line: &[u8], row: &Row<'_>, detail: &Detail, references: i32) -> bool {
    let is_idle = (detail.timer, detail.timer_ticks, detail.retransmits) == (0, 0, 0);
    let is_whole = detail.drops == Some(0) || line.len() >= UDP_LEN && line.ends_with(b" ");
    match row.state {
        State::CLOSE => is_idle,
        State::ESTABLISHED => is_idle && references > 1 && is_whole,
        _ => false,
    }
}

/// A row, what is behind its pointer, and the number of references.
type Head<'a> = (Row<'static>, Detail, Fields<'a>, i32);

/// Parses the first twelve fields, which all inet tables share, and returns the rest of the line too.
#[inline]
fn parse_head<'a>(line: &'a [u8], format: &Format) -> Option<Head<'a>> {
    let proto = format.table.proto;
    let mut fields = Fields::new(line);
    // (1) sl
    fields.decimal_digits()?;
    fields.byte(b':')?;
    let (mut row, mut detail) = if Protos::INET4.has(proto) {
        let mut fixed = fields.fixed::<61>()?;
        let addresses = [
            address_v4(&mut fixed, 1, format),
            address_v4(&mut fixed, 15, format),
        ];
        parse_fixed::<8, 61>(fixed, addresses, format)?
    } else {
        let mut fixed = fields.fixed::<109>()?;
        let addresses = [
            address_v6(&mut fixed, 1, format),
            address_v6(&mut fixed, 39, format),
        ];
        parse_fixed::<32, 109>(fixed, addresses, format)?
    };
    // The time left is a long. Of a timer that is late it may be negative, with 16 digits: nothing is left.
    if fields.field_end().is_none() {
        fields.fixed_hex::<8>()?;
        detail.timer_ticks = 0;
    }
    // (7) retrnsmt
    fields.byte(b' ')?;
    detail.retransmits = fields.fixed_hex::<8>()?;
    fields.field_end()?;
    // (8) uid
    detail.uid = Some(fields.decimal32()?);
    // (9) timeout
    fields.signed32()?;
    // (10) inode
    row.inode = fields.decimal32()?;
    // (11) ref
    let references = fields.signed32()?;
    // (12) pointer: 8 or 16 digits, zeros where it is restricted; nothing depends on it
    fields.skip_field()?;
    Some((row, detail, fields, references))
}

/// Parses the part behind the colon of sl, in which every field has a fixed place; an address has `A` digits.
#[inline(always)]
fn parse_fixed<const A: usize, const LEN: usize>(
    mut fixed: Fixed<'_, LEN>,
    [local, remote]: [IpAddr; 2],
    format: &Format,
) -> Option<(Row<'static>, Detail)> {
    // (2) local_address (3) rem_address: `%08X:%04X` or, for IPv6, four such words before the colon
    fixed.expect(0, b' ');
    fixed.expect(1 + A, b':');
    fixed.expect(6 + A, b' ');
    fixed.expect(7 + 2 * A, b':');
    let (local_port, remote_port) = fixed.hex_pair([2 + A, 8 + 2 * A]);
    // (4) st
    fixed.expect(12 + 2 * A, b' ');
    let state = fixed.hex::<2>(13 + 2 * A);
    // (5) tx_queue:rx_queue
    fixed.expect(15 + 2 * A, b' ');
    let tx_queue = fixed.hex::<8>(16 + 2 * A);
    fixed.expect(24 + 2 * A, b':');
    let rx_queue = fixed.hex::<8>(25 + 2 * A);
    // (6) tr:tm->when
    fixed.expect(33 + 2 * A, b' ');
    let timer = fixed.hex::<2>(34 + 2 * A);
    fixed.expect(36 + 2 * A, b':');
    let timer_ticks = fixed.hex::<8>(37 + 2 * A);
    fixed.finish()?;
    let row = Row {
        inode: 0,
        proto: format.table.proto,
        state: State(u8::try_from(state).ok()?),
        rx_queue: Some(rx_queue),
        tx_queue: Some(tx_queue),
        ends: Ends::Inet {
            local: (local, local_port),
            remote: (remote, remote_port),
        },
    };
    let detail = Detail {
        timer: u8::try_from(timer).ok()?,
        timer_ticks,
        ..Detail::default()
    };
    Some((row, detail))
}

/// Returns the IPv4 address of 8 digits at `at`.
#[inline(always)]
fn address_v4<const LEN: usize>(fixed: &mut Fixed<'_, LEN>, at: usize, format: &Format) -> IpAddr {
    let word = fixed.hex::<8>(at);
    IpAddr::V4(Ipv4Addr::from(format.endian.address_bytes(word)))
}

/// Returns the IPv6 address of 32 digits at `at`.
#[inline(always)]
fn address_v6<const LEN: usize>(fixed: &mut Fixed<'_, LEN>, at: usize, format: &Format) -> IpAddr {
    let mut octets = [0; 16];
    for (octets, word) in octets.as_chunks_mut().0.iter_mut().zip(0..) {
        *octets = format.endian.address_bytes(fixed.hex::<8>(at + 8 * word));
    }
    IpAddr::V6(Ipv6Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{TABLES, parse_line};
    use crate::text::addr::Endian;

    /// A row of a connection inside a container.
    const ESTABLISHED: &str = "   8: 020011AC:1F90 010011AC:D63E 01 00000000:00000000 00:00000000 00000000  1000        0 621793 1 0000000000000000 20 4 20 10 -1";
    const TIME_WAIT: &str = "   2: 0100007F:A93C 0100007F:1F90 06 00000000:00000000 03:000016C6 00000000     0        0 0 3 0000000000000000                                      ";
    const TCP6: &str = "   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:A93C 01 00000000:00000000 00:00000000 00000000     0        0 22334 1 0000000000000000 20 4 30 10 -1";
    const UDP: &str = "  412: 0100007F:14E9 00000000:0000 07 00000000:00000200 00:00000000 00000000   104        0 22333 2 00000000d2c5aba3 17         ";

    fn tcp(line: &str) -> Option<(Row<'_>, Detail)> {
        parse_line("net/tcp", line)
    }

    fn inet(local: &str, remote: &str) -> Ends<'static> {
        let end = |text: &str| {
            text.parse::<std::net::SocketAddr>()
                .map(|end| (end.ip(), end.port()))
                .unwrap()
        };
        Ends::Inet {
            local: end(local),
            remote: end(remote),
        }
    }

    #[test]
    fn an_established_row_is_decoded_whole() {
        let (row, seen) = tcp(ESTABLISHED).unwrap();
        assert_eq!(row.ends, inet("172.17.0.2:8080", "172.17.0.1:54846"));
        assert_eq!((row.inode, row.state), (621_793, State::ESTABLISHED));
        let detail = Detail {
            uid: Some(1000),
            rto_ticks: 20,
            cwnd: 10,
            ssthresh: -1,
            ..Detail::default()
        };
        assert_eq!(seen, detail);
    }

    #[test]
    fn time_wait_ends_after_the_pointer_and_nothing_else_does() {
        let (row, detail) = tcp(TIME_WAIT).unwrap();
        assert_eq!(
            (row.inode, row.state, detail.timer),
            (0, State::TIME_WAIT, 3)
        );
        assert_eq!(detail.timer_ticks, 0x16c6);
        assert_eq!(tcp(&TIME_WAIT.replace(" 06 ", " 01 ")), None);
    }

    #[test]
    fn a_v4_mapped_address_stays_what_the_table_says() {
        let (row, _) = parse_line("net/tcp6", TCP6).unwrap();
        assert_eq!(
            row.ends,
            inet("[::ffff:127.0.0.1]:8080", "[::ffff:127.0.0.1]:43324")
        );
        assert_eq!(tcp(TCP6), None);
        assert_eq!(parse_line("net/tcp6", ESTABLISHED), None);
    }

    #[test]
    fn big_endian_words_read_straight() {
        let line = ESTABLISHED
            .replace("020011AC", "AC110002")
            .replace("010011AC", "AC110001");
        let format = Format::usual(&TABLES[0], Endian::Big);
        let (row, _) = format.parse_row(line.as_bytes()).unwrap();
        assert_eq!(row.ends, inet("172.17.0.2:8080", "172.17.0.1:54846"));
    }

    #[test]
    fn a_udp_row_has_drops_and_is_unconnected_in_state_07() {
        let (row, detail) = parse_line("net/udp", UDP).unwrap();
        assert_eq!(row.ends, inet("127.0.0.1:5353", "0.0.0.0:0"));
        assert_eq!(
            (row.state, detail.drops, row.rx_queue),
            (State::UNCONNECTED, Some(17), Some(512))
        );
        assert!(row.is_listening());
        assert_eq!(tcp(UDP), None);
        assert_eq!(parse_line("net/udp", ESTABLISHED), None);
    }

    #[test]
    fn pointers_of_any_width_are_passed_over() {
        for pointer in ["00000000", "ffff888003c0a000", "0x0", "(null)"] {
            assert!(tcp(&ESTABLISHED.replace("0000000000000000", pointer)).is_some());
        }
    }

    #[test]
    fn one_broken_field_breaks_the_row() {
        let fields: Vec<&str> = ESTABLISHED.split_whitespace().collect();
        for (at, broken) in
            (0..fields.len()).flat_map(|at| [(at, "x"), (at, ""), (at, "-"), (at, "99999999999")])
        {
            // (12) The pointer may be anything but missing.
            if at == 11 && !broken.is_empty() {
                continue;
            }
            let mut copy = fields.clone();
            copy[at] = broken;
            assert_eq!(tcp(&copy.join(" ")), None, "field {} as {broken:?}", at + 1);
        }
        assert_eq!(tcp(&format!("{ESTABLISHED} 7")), None);
        let in_place = [
            "020011AC:1F90",
            "20011AC:1F90",
            "020011AC1F90",
            "020011AC:1F9",
            "020011AC:01F90",
        ];
        let broken = in_place
            .iter()
            .filter(|end| tcp(&ESTABLISHED.replace(in_place[0], end)).is_none());
        assert_eq!(broken.count(), 4);
    }

    #[test]
    fn a_row_cut_anywhere_is_no_other_row() {
        for cut in 0..ESTABLISHED.len() {
            if let Some((row, _)) = tcp(&ESTABLISHED[..cut]) {
                let (whole, _) = tcp(ESTABLISHED).unwrap();
                assert_eq!(
                    (row.inode, row.ends, row.state),
                    (whole.inode, whole.ends, whole.state)
                );
            }
        }
    }

    /// Parses a row with std's means, field for field: a slow oracle that shares no code.
    fn naive(line: &str) -> Option<(u64, String, u32, i64)> {
        let fields: Vec<&str> = line.split(' ').filter(|field| !field.is_empty()).collect();
        let end = |text: &str| {
            let (address, port) = text.split_once(':')?;
            let word = u32::from_str_radix(address, 16).ok()?.swap_bytes();
            let port = u16::from_str_radix(port, 16).ok()?;
            (address.len() == 8).then(|| format!("{}:{port}", Ipv4Addr::from(word)))
        };
        let number = |at: usize, radix| i64::from_str_radix(fields.get(at)?, radix).ok();
        let ends = format!("{} {}", end(fields.get(1)?)?, end(fields.get(2)?)?);
        let state = u32::try_from(number(3, 16)?).ok()?;
        let last = if fields.len() == 12 {
            0
        } else {
            number(16, 10)?
        };
        Some((u64::try_from(number(9, 10)?).ok()?, ends, state, last))
    }

    #[test]
    fn the_parser_agrees_with_the_naive_one_on_mutated_lines() {
        let mut seed = 1_u64;
        let mut parsed = 0;
        for _ in 0..20_000 {
            let mut line = [ESTABLISHED, TIME_WAIT][usize::from(seed >> 60 & 1 == 1)]
                .as_bytes()
                .to_vec();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = usize::try_from(seed >> 33).unwrap() % line.len();
            line[at] = b"0123456789ABCDEF: -x"[usize::try_from(seed >> 20 & 0xfff).unwrap() % 20];
            let line = String::from_utf8(line).unwrap();
            // A row that is accepted must mean the same to both; the naive parser accepts more.
            if let Some((row, detail)) = tcp(&line) {
                let Ends::Inet { local, remote } = row.ends else {
                    panic!("{line}")
                };
                let ends = format!("{}:{} {}:{}", local.0, local.1, remote.0, remote.1);
                let told = (
                    u64::from(row.inode),
                    ends,
                    u32::from(row.state.0),
                    i64::from(detail.ssthresh),
                );
                assert_eq!(Some(told), naive(&line), "{line}");
                parsed += 1;
            }
        }
        assert!(parsed > 5_000, "{parsed}");
    }
}
