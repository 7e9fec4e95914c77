//! Writes the lines of netstat. In: a row with its holders' name. Out: text. It reads nothing.

use std::net::IpAddr;

use crate::dialects::netstat::arguments::{Asked, kind};
use crate::dialects::rows::TableRow;
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
        Proto::Tcp | Proto::Tcp6 => (kind::TCP, proto.name()),
        Proto::Udp | Proto::Udp6 => (kind::UDP, proto.name()),
        Proto::Udplite => (kind::UDPLITE, "udpl"),
        Proto::Udplite6 => (kind::UDPLITE, "udpl6"),
        Proto::Raw | Proto::Raw6 => (kind::RAW, proto.name()),
        Proto::Sctp => (kind::SCTP, "sctp"),
        proto if Protos::UNIX.has(proto) => (kind::UNIX, "unix"),
        _ => (0, ""),
    }
}

/// Writes `text` and blanks up to `width`.
fn write_left(out: &mut Vec<u8>, text: &[u8], width: usize) {
    out.extend_from_slice(text);
    write_padding(out, text.len(), width);
}

/// Ends a line without blanks before its end.
fn end_line(out: &mut Vec<u8>) {
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// Writes the title of a section, and what is shown in it.
fn write_title(out: &mut Vec<u8>, title: &str, asked: &Asked) {
    write_short(out, title.as_bytes());
    let what = match (asked.all, asked.listening) {
        (true, _) => " (servers and established)\n",
        (false, true) => " (only servers)\n",
        (false, false) => " (w/o servers)\n",
    };
    write_short(out, what.as_bytes());
}

/// Writes the two lines above the sockets of the internet.
pub(super) fn write_inet_header(out: &mut Vec<u8>, asked: &Asked) {
    write_title(out, "Active Internet connections", asked);
    write_short(
        out,
        b"Proto Recv-Q Send-Q Local Address           Foreign Address         State      ",
    );
    if asked.extended {
        write_short(out, b" User       Inode     ");
    }
    if asked.programs {
        write_short(out, b" PID/Program name    ");
    }
    if asked.timers {
        write_short(out, b" Timer");
    }
    end_line(out);
}

/// Writes the two lines above the sockets of unix.
pub(super) fn write_unix_header(out: &mut Vec<u8>, asked: &Asked) {
    write_title(out, "Active UNIX domain sockets", asked);
    write_short(
        out,
        b"Proto RefCnt Flags       Type       State         I-Node  ",
    );
    if asked.programs {
        write_short(out, b" PID/Program name    ");
    }
    write_short(out, b" Path\n");
}

/// Writes the name of a program: what stands behind the last slash of the first word of its command line, if that begins
/// with one. Bytes that are not printable ASCII become points.
pub(super) fn write_program(out: &mut Vec<u8>, pid: u32, word: &[u8]) {
    let start = out.len();
    write_decimal(out, pid);
    out.push(b'/');
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
        program = program
            .split(|byte| *byte == b' ')
            .next()
            .unwrap_or_default();
    }
    out.push(b' ');
    write_left(out, program, PROGRAM_WIDTH);
}

/// Writes one end: `0.0.0.0:*`, `:::22`; unless it is to be whole, cut to 23 bytes, of which the port has at most 18.
fn write_end(out: &mut Vec<u8>, (address, port): (IpAddr, u16), wide: bool) {
    let mut text = Vec::new();
    match unmapped(address) {
        IpAddr::V4(v4) => write_v4(&mut text, v4.octets()),
        IpAddr::V6(v6) => write_c_v6(&mut text, v6),
    }
    let mut digits = Vec::new();
    match port {
        0 => digits.push(b'*'),
        port => write_decimal(&mut digits, port.into()),
    }
    if !wide {
        text.truncate(SHORT_END - digits.len());
    }
    text.push(b':');
    text.append(&mut digits);
    write_left(out, &text, SHORT_END + 1);
}

/// The length of an address and a port that are not cut.
const SHORT_END: usize = 22;

/// Writes the line of a socket of the internet, and of its `program`; empty where nobody is seen to hold it.
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
    write_end(out, local, asked.wide);
    out.push(b' ');
    write_end(out, remote, asked.wide);
    out.push(b' ');
    let start = out.len();
    match row.row.state {
        State::UNCONNECTED if kind_of(row.row.proto).0 == kind::RAW => out.push(b'7'),
        state if kind_of(row.row.proto).0 == kind::RAW => write_decimal(out, state.0.into()),
        State::UNCONNECTED => {}
        state => write_short(out, state.name().as_bytes()),
    }
    write_padding(out, out.len() - start, 11);
    write_tail(out, asked, row, detail, program);
    if asked.timers {
        out.push(b' ');
        write_timer(out, row, detail);
    }
    end_line(out);
}

/// Writes protocol and queues.
fn write_head(out: &mut Vec<u8>, row: &TableRow<'_>) {
    let (_, name) = kind_of(row.row.proto);
    write_left(out, name.as_bytes(), 5);
    for queue in [row.row.rx_queue, row.row.tx_queue] {
        out.push(b' ');
        write_number(out, queue.unwrap_or(0), 6);
    }
    out.push(b' ');
}

/// Writes owner, inode and program.
fn write_tail(
    out: &mut Vec<u8>,
    asked: &Asked,
    row: &TableRow<'_>,
    detail: &Detail,
    program: &[u8],
) {
    if asked.extended {
        for number in [detail.uid.unwrap_or(0), row.row.inode] {
            out.push(b' ');
            let start = out.len();
            write_decimal(out, number);
            write_padding(out, out.len() - start, 10);
        }
    }
    if asked.programs {
        write_program_cell(out, program, !asked.timers);
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
        out.push(b'/');
        write_decimal(out, number);
    }
    out.push(b')');
}

/// Writes the lines of a socket of SCTP, one for each of its addresses.
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
    let (mut local, mut remote) = (listed(local), listed(remote));
    let mut ends = (local.next(), remote.next());
    let mut is_first = true;
    while let (Some(_), _) | (_, Some(_)) = ends {
        match (is_first, remote_port) {
            (true, 0) => write_short(out, b"sctp                "),
            (true, _) => write_head(out, row),
            (false, _) => write_short(out, b"\n                    "),
        }
        let sides = [(ends.0, local_port), (ends.1, remote_port)];
        // An endpoint has the room of both.
        let width = if remote_port == 0 { 47 } else { 23 };
        for (end, port) in sides.into_iter().take(if remote_port == 0 { 1 } else { 2 }) {
            let start = out.len();
            if let Some((_, address)) = end {
                match unmapped(address) {
                    IpAddr::V4(v4) => write_v4(out, v4.octets()),
                    IpAddr::V6(v6) => write_c_v6(out, v6),
                }
                if is_first || remote_port == 0 {
                    out.push(b':');
                    write_decimal(out, port.into());
                }
            }
            write_padding(out, out.len() - start, width);
            out.push(b' ');
        }
        let start = out.len();
        if is_first {
            // The state of the socket, not of its association.
            let state = State(u8::try_from(row.extra.flags).unwrap_or(0));
            write_short(out, state.name().as_bytes());
        }
        write_padding(out, out.len() - start, 11);
        is_first = false;
        ends = (local.next(), remote.next());
    }
    write_tail(out, asked, row, detail, program);
    end_line(out);
}

/// Writes the line of a socket of unix.
pub(super) fn write_unix(out: &mut Vec<u8>, asked: &Asked, row: &TableRow<'_>, program: &[u8]) {
    write_short(out, b"unix  ");
    let start = out.len();
    write_decimal(out, row.extra.references);
    write_padding(out, out.len() - start, 7);
    let start = out.len();
    write_short(out, b"[ ");
    for (flag, name) in [(1 << 16, "ACC "), (1 << 17, "W "), (1 << 18, "N ")] {
        if row.extra.flags & flag != 0 {
            write_short(out, name.as_bytes());
        }
    }
    out.push(b']');
    write_padding(out, out.len() - start, 12);
    let kind = match row.row.proto {
        Proto::Unix => "STREAM",
        Proto::UnixSeq => "SEQPACKET",
        _ => "DGRAM",
    };
    write_left(out, kind.as_bytes(), 11);
    let state = match row.row.state {
        State::LISTEN => "LISTENING",
        State::UNCONNECTED => "",
        state => state.name(),
    };
    write_left(out, state.as_bytes(), 14);
    let start = out.len();
    write_decimal(out, row.row.inode);
    write_padding(out, out.len() - start, 8);
    if asked.programs {
        write_program_cell(out, program, false);
    }
    out.push(b' ');
    match row.row.ends {
        Ends::Path(path) => {
            let mut words = path.split(u8::is_ascii_whitespace);
            write_plain(out, words.find(|word| !word.is_empty()).unwrap_or_default());
        }
        _ => out.push(b'?'),
    }
    end_line(out);
}
