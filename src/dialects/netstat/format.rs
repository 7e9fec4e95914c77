//! Writes the lines of netstat. In: a row with its holders' name. Out: text. It reads nothing.

use std::net::IpAddr;

use crate::dialects::getopt::cut;
use crate::dialects::netstat::arguments::{Asked, RAW, SCTP, TCP, UDP, UDPLITE, UNIX};
use crate::dialects::rows::{TableRow, first_word};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Detail, Ends};
use crate::text::addr::{listed, sides, unmapped, write_c_v6};
use crate::text::escape::write_plain;
use crate::text::write::{
    write_decimal, write_hundredths, write_number, write_padding, write_short, write_v4,
};

/// The width of a program's column; its text is at least one shorter.
const PROGRAM_WIDTH: usize = 20;

/// Returns the kind of `proto`, and netstat's name of it.
pub(super) fn kind_of(proto: Proto) -> (u8, &'static str) {
    match proto {
        Proto::Tcp | Proto::Tcp6 => (TCP, proto.name()),
        Proto::Udp | Proto::Udp6 => (UDP, proto.name()),
        Proto::Udplite => (UDPLITE, "udpl"),
        Proto::Udplite6 => (UDPLITE, "udpl6"),
        Proto::Raw | Proto::Raw6 => (RAW, proto.name()),
        Proto::Sctp => (SCTP, "sctp"),
        proto if Protos::UNIX.has(proto) => (UNIX, "unix"),
        _ => (0, ""),
    }
}

/// Writes `text` and blanks up to `width`.
fn write_left(out: &mut Vec<u8>, text: &[u8], width: usize) {
    out.extend_from_slice(text);
    write_padding(out, text.len(), width);
}

/// Writes blanks up to `width` behind what begins at `start`.
fn pad(out: &mut Vec<u8>, start: usize, width: usize) {
    write_padding(out, out.len() - start, width);
}

/// Writes the title of a section, and what is shown in it.
fn write_title(out: &mut Vec<u8>, title: &str, asked: &Asked) {
    write_short(out, title.as_bytes());
    let what = match (asked.has(b'a'), asked.has(b'l')) {
        (true, _) => " (servers and established)\n",
        (false, true) => " (only servers)\n",
        (false, false) => " (w/o servers)\n",
    };
    write_short(out, what.as_bytes());
}

/// Writes the two lines above the sockets of the internet, or of unix, but for the end.
pub(super) fn write_header(out: &mut Vec<u8>, asked: &Asked, is_unix: bool) {
    if is_unix {
        write_title(out, "Active UNIX domain sockets", asked);
        let columns = "Proto RefCnt Flags       Type       State         I-Node  ";
        write_short(out, columns.as_bytes());
    } else {
        write_title(out, "Active Internet connections", asked);
        let columns =
            "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ";
        write_short(out, columns.as_bytes());
        if asked.has(b'e') {
            write_short(out, b" User       Inode     ");
        }
    }
    if asked.has(b'p') {
        write_short(out, b" PID/Program name    ");
    }
    if is_unix {
        write_short(out, b" Path");
    } else if asked.has(b'o') {
        write_short(out, b" Timer");
    }
}

/// Writes the name of a program: what stands behind the last slash of the first word of its command line, if that begins
/// with one. Bytes that are not printable ASCII become points.
pub(super) fn write_program(out: &mut Vec<u8>, pid: u32, word: &[u8]) {
    let start = out.len();
    write_decimal(out, pid);
    write_short(out, b"/");
    let name = match word {
        [b'/', ..] => word.rsplit(|byte| *byte == b'/').next(),
        word => Some(word),
    };
    let printable = |byte: &u8| {
        if matches!(byte, b' '..=b'~') {
            *byte
        } else {
            b'.'
        }
    };
    out.extend(name.unwrap_or_default().iter().map(printable));
    out.truncate(start + PROGRAM_WIDTH - 1);
}

/// Writes the program; in front of another column only up to its first blank, so that this one is always the same word.
fn write_program_cell(out: &mut Vec<u8>, program: &[u8], is_last: bool) {
    let mut program = program;
    if !is_last {
        program = cut(&mut Some(program), b' ').unwrap_or_default();
    }
    write_short(out, b" ");
    write_left(out, program, PROGRAM_WIDTH);
}

/// Writes one end: `0.0.0.0:*`, `:::22`; unless it is to be whole, cut to 23 bytes, of which the port has at most 18.
fn write_end(out: &mut Vec<u8>, (address, port): (IpAddr, u16), asked: &Asked) {
    let mut text = Vec::new();
    if address.is_ipv6() && address.is_unspecified() && !asked.has(b'n') {
        // This is what netstat writes where no name is found.
        write_short(&mut text, b"[::]");
    } else {
        write_address(&mut text, address);
    }
    let mut digits = Vec::new();
    match port {
        0 => digits.push(b'*'),
        port => write_decimal(&mut digits, port.into()),
    }
    if !asked.has(b'W') {
        text.truncate(SHORT_END - digits.len());
    }
    text.push(b':');
    text.append(&mut digits);
    write_left(out, &text, SHORT_END + 1);
}

/// The length of an address and a port that are not cut.
const SHORT_END: usize = 22;

/// Writes the line of a socket of the internet but for its end, and of its `program`; empty where nobody is seen to hold it.
pub(super) fn write_inet(
    out: &mut Vec<u8>,
    asked: &Asked,
    row: &TableRow<'_>,
    detail: &Detail,
    program: &[u8],
) {
    let Ends::Inet { local, remote } = row.row.ends else {
        return write_sctp(out, asked, row, detail, program);
    };
    write_head(out, row);
    write_end(out, local, asked);
    write_short(out, b" ");
    write_end(out, remote, asked);
    write_short(out, b" ");
    let start = out.len();
    match row.row.state {
        State::UNCONNECTED if kind_of(row.row.proto).0 == RAW => write_short(out, b"7"),
        state if kind_of(row.row.proto).0 == RAW => write_decimal(out, state.0.into()),
        State::UNCONNECTED => {}
        state => write_short(out, state.name().as_bytes()),
    }
    pad(out, start, 11);
    write_tail(out, asked, row, detail, program);
    if asked.has(b'o') {
        write_short(out, b" ");
        write_timer(out, row, detail);
    }
}

/// Writes protocol and queues.
fn write_head(out: &mut Vec<u8>, row: &TableRow<'_>) {
    let (_, name) = kind_of(row.row.proto);
    write_left(out, name.as_bytes(), 5);
    write_short(out, b" ");
    for queue in [row.row.rx_queue, row.row.tx_queue] {
        write_number(out, Some(queue.unwrap_or(0)), 6);
    }
}

/// Writes owner, inode and program.
fn write_tail(
    out: &mut Vec<u8>,
    asked: &Asked,
    row: &TableRow<'_>,
    detail: &Detail,
    program: &[u8],
) {
    if asked.has(b'e') {
        for number in [detail.uid.unwrap_or(0), row.row.inode] {
            write_short(out, b" ");
            let start = out.len();
            write_decimal(out, number);
            pad(out, start, 10);
        }
    }
    if asked.has(b'p') {
        write_program_cell(out, program, !asked.has(b'o'));
    }
}

/// Writes the timer: `off (0.00/0/0)`, `keepalive (7198.32/0/0)`.
fn write_timer(out: &mut Vec<u8>, row: &TableRow<'_>, detail: &Detail) {
    let is_tcp = Protos::TCP.has(row.row.proto);
    let name = match (detail.timer, is_tcp) {
        (0, _) => "off",
        (1, true) => "on",
        (2, true) => "keepalive",
        (3, true) => "timewait",
        (4, true) => "probe",
        (1, false) => "on1",
        (2, false) => "on2",
        _ => "unkn-",
    };
    write_short(out, name.as_bytes());
    if name == "unkn-" {
        write_decimal(out, detail.timer.into());
    }
    write_short(out, b" (");
    write_hundredths(
        out,
        if detail.timer == 0 {
            0
        } else {
            detail.timer_ticks
        },
    );
    for number in [
        if is_tcp { detail.retransmits } else { 0 },
        row.extra.probes,
    ] {
        write_short(out, b"/");
        write_decimal(out, number);
    }
    write_short(out, b")");
}

/// Returns address `number` of one side of SCTP.
#[inline(never)]
fn nth_address(side: &[u8], number: usize) -> Option<IpAddr> {
    listed(side).nth(number).map(|(_, address)| address)
}

/// Writes an address: IPv6 without brackets, v4-mapped as IPv4.
#[inline(never)]
fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    match unmapped(address) {
        IpAddr::V4(v4) => write_v4(out, v4.octets()),
        IpAddr::V6(v6) => write_c_v6(out, v6),
    }
}

/// Writes the lines of a socket of SCTP but for the end, one for each of its addresses.
fn write_sctp(
    out: &mut Vec<u8>,
    asked: &Asked,
    row: &TableRow<'_>,
    detail: &Detail,
    program: &[u8],
) {
    let Ends::Sctp {
        addresses,
        local_port,
        remote_port,
    } = row.row.ends
    else {
        return;
    };
    let (local, remote) = sides(addresses);
    let is_endpoint = remote_port == 0;
    for number in 0.. {
        let ends = [nth_address(local, number), nth_address(remote, number)];
        if ends == [None; 2] {
            break;
        }
        let is_first = number == 0;
        if is_first && !is_endpoint {
            write_head(out, row);
        } else {
            let start = out.len();
            write_short(out, if is_first { &b"sctp"[..] } else { b"\n" });
            pad(out, start, if is_first { 20 } else { 21 });
        }
        for (end, port) in ends.into_iter().zip([local_port, remote_port]) {
            let start = out.len();
            if let Some(address) = end {
                write_address(out, address);
                if is_first || is_endpoint {
                    write_short(out, b":");
                    write_decimal(out, port.into());
                }
            }
            // The address of an endpoint is as wide as two ends.
            pad(out, start, if is_endpoint { 47 } else { 23 });
            write_short(out, b" ");
            if is_endpoint {
                break;
            }
        }
        let start = out.len();
        if is_first {
            // The state of the socket, not of its association.
            let state = State(u8::try_from(row.extra.flags).unwrap_or(0));
            write_short(out, state.name().as_bytes());
        }
        pad(out, start, 11);
    }
    write_tail(out, asked, row, detail, program);
}

/// Writes the line of a socket of unix but for its end.
pub(super) fn write_unix(out: &mut Vec<u8>, asked: &Asked, row: &TableRow<'_>, program: &[u8]) {
    write_short(out, b"unix  ");
    let start = out.len();
    write_decimal(out, row.extra.references);
    pad(out, start, 7);
    let start = out.len();
    write_short(out, b"[ ");
    for (flag, name) in [(1 << 16, "ACC "), (1 << 17, "W "), (1 << 18, "N ")] {
        if row.extra.flags & flag != 0 {
            write_short(out, name.as_bytes());
        }
    }
    write_short(out, b"]");
    pad(out, start, 12);
    let kind = match row.row.proto {
        _ if row.row.lacks_type() => "UNKNOWN",
        Proto::Unix => "STREAM",
        Proto::UnixSeq => "SEQPACKET",
        _ => "DGRAM",
    };
    write_left(out, kind.as_bytes(), 11);
    let state = match row.row.state {
        State::LISTEN => "LISTENING",
        State::UNCONNECTED => "",
        State::NONE => "UNKNOWN",
        state => state.name(),
    };
    write_left(out, state.as_bytes(), 14);
    let start = out.len();
    write_decimal(out, row.row.inode);
    pad(out, start, 8);
    if asked.has(b'p') {
        write_program_cell(out, program, false);
    }
    write_short(out, b" ");
    match row.row.ends {
        Ends::Path(path) => {
            write_plain(out, first_word(path));
        }
        _ => write_short(out, b"?"),
    }
}
