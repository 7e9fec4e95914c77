//! Parses the rows of PID/net/unix. In: a record, which is one line, or several where the name has newlines. Out: the row,
//! or `None` where the record has not the kernel's shape. The kernel prints names raw, so a name may have anything in it,
//! a whole row included: `is_row` is as strict as it can be, and `join` decides what is believed.

use super::Format;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::digits::{decimal32, hex};
use crate::text::fields::{Fields, is_pointer};

/// The length of the longest name (`UNIX_PATH_MAX`).
const NAME_LEN_MAX: usize = 108;

/// The flag of a listening socket (`__SO_ACCEPTCON`).
const ACCEPTING: u32 = 1 << 16;

/// The fixed part of a row.
struct Head<'a> {
    /// (4) Flags
    flags: u32,
    /// (5) Type, 1 STREAM, 2 DGRAM, 5 SEQPACKET
    kind: u32,
    /// (6) St
    state: u32,
    /// (7) Inode
    inode: u32,
    /// The rest of the record: nothing, or one blank and the name.
    rest: &'a [u8],
}

/// Parses the fixed part: `hex{8,16}: hex8 hex8 hex8 hex4 hex2 blanks digits`, one blank between the fields. The pointer
/// may be what the kernel prints before its random numbers are ready.
fn parse_head(line: &[u8]) -> Option<Head<'_>> {
    let mut fields = Fields::new(line);
    // (1) Num, a pointer
    let pointer = fields.next()?.strip_suffix(b":")?;
    if line.first() == Some(&b' ') || pointer.len() < 8 || !is_pointer(pointer) {
        return None;
    }
    // (2) RefCount (3) Protocol (4) Flags (5) Type (6) St, each of a fixed width
    let mut fixed = |width: usize| {
        let digits = fields.rest().strip_prefix(b" ")?.get(..width)?;
        fields.next().filter(|field| field.len() == width)?;
        hex(digits)
    };
    fixed(8)?;
    fixed(8)?;
    let (flags, kind, state) = (fixed(8)?, fixed(4)?, fixed(2)?);
    // (7) Inode, right-aligned
    let inode = decimal32(fields.next()?)?;
    Some(Head {
        flags,
        kind,
        state,
        inode,
        rest: fields.rest(),
    })
}

/// Returns true if `line` has the shape of a row; any other line continues the name before it.
pub(super) fn is_row(line: &[u8]) -> bool {
    parse_head(line).is_some()
}

/// Parses a row of unix (`net/unix/af_unix.c`: `unix_seq_show`).
///
/// ```text
/// 000000003e9b25b2: 00000002 00000000 00010000 0001 01  4449 /var/run/docker.sock
/// ```
/// All is hexadecimal but the inode. An abstract name starts with `@`, and has `@` for every NUL, which before Linux 4.15
/// and in gVisor is itself printed (`Sockets` keeps `@`).
pub(super) fn parse<'a>(record: &'a [u8], _: &Format) -> Option<(Row<'a>, Detail)> {
    let head = parse_head(record)?;
    let name = match head.rest {
        [] => head.rest,
        [_, name @ ..] => name,
    };
    if name.len() > NAME_LEN_MAX {
        return None;
    }
    let proto = match head.kind {
        1 => Proto::Unix,
        2 => Proto::UnixDgram,
        5 => Proto::UnixSeq,
        // A connection that is just being made has neither type nor state yet (`unix_stream_connect`).
        0 if head.inode == 0 => Proto::Unix,
        _ => return None,
    };
    let state = match head.state {
        _ if head.flags & ACCEPTING != 0 => State::LISTEN,
        1 => State::UNCONNECTED,
        2 => State::CONNECTING,
        4 if head.kind == 0 => State::CONNECTING,
        3 => State::CONNECTED,
        4 => State::DISCONNECTING,
        _ => return None,
    };
    Some((
        Row {
            inode: head.inode,
            proto,
            state,
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Path(name),
        },
        Detail::default(),
    ))
}

/// Returns by how many bytes the name of the row `line` may go on: none where it has no name.
pub(super) fn room_behind(line: &[u8]) -> usize {
    match parse_head(line).map(|head| head.rest) {
        Some([_, name @ ..]) => NAME_LEN_MAX.saturating_sub(name.len()),
        _ => 0,
    }
}

/// Tells which rows of a table may be forged: those that fit into the name of a row before them, with all that stands in
/// between. Such a row has the shape of a row, and nothing else tells that a program wrote it.
#[derive(Default)]
pub(super) struct Forgeable {
    /// The number of bytes from the beginning of the last name to the end of the last row; `None` before the first name.
    name_len: Option<usize>,
}

impl Forgeable {
    /// Returns true if `record`, the next row of the table, may be forged. `row` is what it says; `None` if it is passed over.
    #[inline(always)]
    pub(super) fn take(&mut self, record: &[u8], row: Option<&Row<'_>>) -> bool {
        // The newline between both belongs to the name too.
        let reach = self.name_len.map(|before| before + 1 + record.len());
        let reach = reach.filter(|reach| *reach <= NAME_LEN_MAX);
        self.name_len = match row.map(|row| row.ends) {
            // Behind the inode of a nameless socket stands nothing, not even a blank.
            Some(Ends::Path(b"")) if !record.ends_with(b" ") => reach,
            // A name that begins with a newline leaves nothing but its blank on this line.
            Some(Ends::Path(name)) => Some(name.len()),
            _ => Some(0),
        };
        reach.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::parse_line;

    fn unix(record: &str) -> Option<Row<'_>> {
        parse_line("net/unix", record).map(|(row, _)| row)
    }

    #[test]
    fn real_rows_are_decoded() {
        let cases: [(&str, Proto, State, u32, &[u8]); 8] = [
            (
                "000000003e9b25b2: 00000002 00000000 00010000 0001 01  4449 /var/run/docker.sock",
                Proto::Unix,
                State::LISTEN,
                4449,
                b"/var/run/docker.sock",
            ),
            (
                "0000000000000000: 00000002 00000000 00000000 0001 03 606974",
                Proto::Unix,
                State::CONNECTED,
                606_974,
                b"",
            ),
            (
                "00000000: 00000002 00000000 00000000 0002 01  1234 @/tmp/a b ",
                Proto::UnixDgram,
                State::UNCONNECTED,
                1234,
                b"@/tmp/a b ",
            ),
            (
                "ffff888003c0a000: 00000003 00000000 00000000 0005 03    7 @",
                Proto::UnixSeq,
                State::CONNECTED,
                7,
                b"@",
            ),
            (
                "0000000000000000: 00000002 00000000 00000000 0001 02     0 /run/app.sock",
                Proto::Unix,
                State::CONNECTING,
                0,
                b"/run/app.sock",
            ),
            (
                "0000000031c4e62b: 00000002 00000000 00000000 0000 04     0 @a",
                Proto::Unix,
                State::CONNECTING,
                0,
                b"@a",
            ),
            (
                "(____ptrval____): 00000002 00000000 00010000 0001 01  8165 @a\0",
                Proto::Unix,
                State::LISTEN,
                8165,
                b"@a\0",
            ),
            (
                "0000000000000000: 00000002 00000000 00010000 0001 01  4449 /run/x\nsecond\n",
                Proto::Unix,
                State::LISTEN,
                4449,
                b"/run/x\nsecond\n",
            ),
        ];
        for (record, proto, state, inode, name) in cases {
            let row = unix(record).unwrap();
            assert_eq!(
                (row.proto, row.state, row.inode, row.ends),
                (proto, state, inode, Ends::Path(name))
            );
            assert!(is_row(record.as_bytes()));
        }
    }

    #[test]
    fn only_the_exact_shape_is_a_row() {
        let good =
            "000000003e9b25b2: 00000002 00000000 00010000 0001 01  4449 /var/run/docker.sock";
        for (from, to) in [
            ("000000003e9b25b2:", "000000003e9b25b2"),
            ("000000003e9b25b2:", "3e9b25b:"),
            ("000000003e9b25b2:", "(ptrval):x"),
            ("000000003e9b25b2:", "00000000003e9b25b2:"),
            ("000000003e9b25b2:", " 000000003e9b25b2:"),
            ("00000002", "0000002"),
            (" 00000000", "  00000000"),
            ("00010000", "0001000g"),
            ("0001 01", "001 01"),
            (" 01 ", " 1 "),
            ("4449", "44x9"),
            ("4449", ""),
            ("4449", "4294967296"),
        ] {
            let line = good.replacen(from, to, 1);
            assert!(!is_row(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "Num       RefCount Protocol Flags    Type St Inode Path",
            "/run/x",
        ] {
            assert!(!is_row(line.as_bytes()));
        }
        assert_eq!(unix(&good.replace(" 0001 01", " 0009 01")), None);
        assert_eq!(unix(&good.replace(" 0001 01", " 0000 04")), None);
        assert_eq!(
            unix(&good.replace(" 00010000 0001 01", " 00000000 0001 07")),
            None
        );
        assert_eq!(unix(&format!("{good}{}", "x".repeat(NAME_LEN_MAX))), None);
    }

    /// Returns for each of `rows` whether it may be forged.
    fn forgeable(rows: &[&str]) -> Vec<bool> {
        let mut forgeable = Forgeable::default();
        rows.iter()
            .map(|row| forgeable.take(row.as_bytes(), unix(row).as_ref()))
            .collect()
    }

    #[test]
    fn a_row_may_be_forged_where_it_fits_into_a_name_before_it() {
        const ROW: &str = "00000000: 00000002 00000000 00010000 0001 01 12345";
        let named = |name: &str| format!("{ROW} {name}");
        let (long, short) = (named(&"x".repeat(58)), named(&"x".repeat(57)));
        assert_eq!(forgeable(&[ROW, ROW, &named("a")]), [false; 3]);
        assert_eq!(forgeable(&[&short, ROW]), [false, true]);
        assert_eq!(forgeable(&[&long, ROW]), [false, false]);
        // Two rows in one name, the first of them without a name of its own.
        assert_eq!(forgeable(&[&named("@a"), ROW, ROW]), [false, true, true]);
        assert_eq!(
            forgeable(&[&named("@a"), ROW, &named("/run/x"), ROW]),
            [false, true, false, true]
        );
        // A name that begins with a newline.
        assert_eq!(forgeable(&[&named(""), ROW]), [false, true]);
        // A row that is passed over, because its type is unknown, may have any name.
        let odd = ROW.replace(" 0001 ", " 0009 ");
        assert_eq!(forgeable(&[&odd, ROW]), [false, true]);
    }
}
