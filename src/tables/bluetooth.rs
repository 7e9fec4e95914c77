//! Parses the rows of PID/net/pfkey, and of Bluetooth's tables: hci, l2cap, rfcomm, sco, iso, bnep, cmtp and hidp. In: a
//! line. Out: the row, or `None` where the line has not the kernel's shape. The rows tell owner and queues, but no address.

use super::Format;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};

/// Parses a row of pfkey (`net/key/af_key.c`: `pfkey_seq_show`), or of Bluetooth (`net/bluetooth/af_bluetooth.c`:
/// `bt_seq_show`).
///
/// ```text
/// 0000000000000000 2      0      0      0      23456
/// 480df240 2      0      0      0      139915 0
/// ```
/// All fields but the pointer are decimal. A protocol of Bluetooth may add more fields.
pub(super) fn parse<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let cells = format.cells(line)?;
    let proto = format.table.proto;
    if proto == Proto::Pfkey {
        cells.rest.clone().end()?;
    }
    // (6) Inode
    let inode = cells.number(5)?;
    // (7) Parent, the inode of the listener that has yet to accept the connection
    let is_waiting = inode == 0 && cells.number(6).is_some_and(|parent| parent != 0);
    let row = Row {
        inode,
        proto,
        state: if is_waiting {
            State::CONNECTING
        } else {
            State::NONE
        },
        // (3) Rmem (4) Wmem, in bytes
        rx_queue: cells.number(2),
        tx_queue: cells.number(3),
        ends: Ends::Device(b""),
    };
    let detail = Detail {
        // (5) User
        uid: cells.number(4),
        ..Detail::default()
    };
    Some((row, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::parse_line;

    fn parse(line: &str) -> Option<(Row<'_>, Detail)> {
        parse_line("net/l2cap", line)
    }

    fn parse_pfkey(line: &str) -> Option<(Row<'_>, Detail)> {
        parse_line("net/pfkey", line)
    }

    /// A row of a board with a 32-bit kernel.
    const L2CAP: &str = "480df240 2      0      0      0      139915 0";
    /// A row of a laptop.
    const RFCOMM: &str = "0000000000000000 2      0      0      1000   44004585 0     ";
    const PFKEY: &str = "0000000000000000 2      640    7      0      23456 ";

    #[test]
    fn real_rows_are_decoded() {
        let (row, _) = parse(L2CAP).unwrap();
        assert_eq!(
            (row.proto, row.inode, row.state),
            (Proto::L2cap, 139_915, State::NONE)
        );
        let (row, detail) = parse(RFCOMM).unwrap();
        assert_eq!((row.inode, detail.uid), (44_004_585, Some(1000)));
        let (row, _) = parse_pfkey(PFKEY).unwrap();
        assert_eq!(
            (row.inode, row.rx_queue, row.tx_queue),
            (23456, Some(640), Some(7))
        );
        assert_eq!(parse(PFKEY), None);
        assert_eq!(parse_pfkey(L2CAP), None);
    }

    #[test]
    fn a_connection_that_is_not_accepted_names_its_listener() {
        let line = "480df240 2      0      0      0      0      139915";
        let (row, _) = parse(line).unwrap();
        assert_eq!((row.inode, row.state), (0, State::CONNECTING));
    }

    #[test]
    fn one_broken_field_breaks_the_row() {
        let fields: Vec<&str> = L2CAP.split_whitespace().collect();
        for (at, broken) in (0..fields.len()).flat_map(|at| [(at, "x"), (at, "-"), (at, "1.5")]) {
            let mut copy = fields.clone();
            copy[at] = broken;
            let line = copy.join(" ");
            assert_eq!(parse(&line), None, "field {}", at + 1);
            let line = copy[..6].join(" ");
            assert_eq!(parse_pfkey(&line).is_some(), at == 6, "field {}", at + 1);
        }
    }
}
