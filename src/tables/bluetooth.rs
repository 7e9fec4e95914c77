//! Parses the rows of PID/net/pfkey, and of Bluetooth's tables: hci, l2cap, rfcomm, sco, iso, bnep, cmtp and hidp. In: a
//! line. Out: the row, or `None` where the line has not the kernel's shape. The rows tell owner and queues, but no address.

use super::Format;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::fields::Fields;

/// Parses a row of pfkey (`net/key/af_key.c`: `pfkey_seq_show`).
///
/// ```text
/// 0000000000000000 2      0      0      0      23456
/// ```
/// All fields but the pointer are decimal.
pub(super) fn parse_pfkey<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let (row, detail, fields) = parse_head(line, format)?;
    fields.end()?;
    Some((row, detail))
}

/// Parses a row of Bluetooth (`net/bluetooth/af_bluetooth.c`: `bt_seq_show`).
///
/// ```text
/// 480df240 2      0      0      0      139915 0
/// ```
/// The row is like pfkey's, with the inode of the listener that has yet to accept the connection. A protocol may add more
/// fields.
pub(super) fn parse<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let (mut row, detail, mut fields) = parse_head(line, format)?;
    // (7) Parent
    if fields.decimal32()? != 0 && row.inode == 0 {
        row.state = State::CONNECTING;
    }
    Some((row, detail))
}

/// Parses the first six fields, which all these tables share, and returns the rest of the line too.
fn parse_head<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'static>, Detail, Fields<'a>)> {
    let mut fields = Fields::new(line);
    // (1) sk
    fields.skip_pointer()?;
    // (2) RefCnt
    fields.signed32()?;
    // (3) Rmem (4) Wmem, in bytes
    let (rx_queue, tx_queue) = (fields.decimal32()?, fields.decimal32()?);
    // (5) User
    let uid = Some(fields.decimal32()?);
    // (6) Inode
    let inode = fields.decimal32()?;
    let detail = Detail {
        uid,
        ..Detail::default()
    };
    let row = Row {
        inode,
        proto: format.proto,
        state: State::NONE,
        rx_queue: Some(rx_queue),
        tx_queue: Some(tx_queue),
        ends: Ends::Device(b""),
    };
    Some((row, detail, fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::proto::Proto;
    use crate::text::addr::Endian;

    const FORMAT: Format = Format {
        proto: Proto::L2cap,
        endian: Endian::Little,
    };
    /// A row of a board with a 32-bit kernel.
    const L2CAP: &str = "480df240 2      0      0      0      139915 0";
    /// A row of a laptop.
    const RFCOMM: &str = "0000000000000000 2      0      0      1000   44004585 0     ";
    const PFKEY: &str = "0000000000000000 2      640    7      0      23456 ";

    #[test]
    fn real_rows_are_decoded() {
        let (row, _) = parse(L2CAP.as_bytes(), &FORMAT).unwrap();
        assert_eq!(
            (row.proto, row.inode, row.state),
            (Proto::L2cap, 139_915, State::NONE)
        );
        let (row, detail) = parse(RFCOMM.as_bytes(), &FORMAT).unwrap();
        assert_eq!((row.inode, detail.uid), (44_004_585, Some(1000)));
        let (row, _) = parse_pfkey(PFKEY.as_bytes(), &FORMAT).unwrap();
        assert_eq!(
            (row.inode, row.rx_queue, row.tx_queue),
            (23456, Some(640), Some(7))
        );
        assert_eq!(parse(PFKEY.as_bytes(), &FORMAT), None);
        assert_eq!(parse_pfkey(L2CAP.as_bytes(), &FORMAT), None);
    }

    #[test]
    fn a_connection_that_is_not_accepted_names_its_listener() {
        let line = "480df240 2      0      0      0      0      139915";
        let (row, _) = parse(line.as_bytes(), &FORMAT).unwrap();
        assert_eq!((row.inode, row.state), (0, State::CONNECTING));
    }

    #[test]
    fn one_broken_field_breaks_the_row() {
        let fields: Vec<&str> = L2CAP.split_whitespace().collect();
        for (at, broken) in (0..fields.len()).flat_map(|at| [(at, "x"), (at, "-"), (at, "1.5")]) {
            let mut copy = fields.clone();
            copy[at] = broken;
            let line = copy.join(" ");
            assert_eq!(parse(line.as_bytes(), &FORMAT), None, "field {}", at + 1);
            let line = copy[..6].join(" ");
            assert_eq!(
                parse_pfkey(line.as_bytes(), &FORMAT).is_some(),
                at == 6,
                "field {}",
                at + 1
            );
        }
    }
}
