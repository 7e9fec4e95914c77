//! Parses the rows of PID/net/packet. In: a line. Out: the row, or `None` where the line has not the kernel's shape. It
//! does not know the names of interfaces.

use super::Format;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};

/// Parses a row of packet (`net/packet/af_packet.c`: `packet_seq_show`).
///
/// ```text
/// 00000000ab12cd34 3      3    0003   2     1 0      0      23456
/// ```
/// The protocol is an ethertype in hexadecimal, 0003 for all; the interface is its index, 0 for any; the others are decimal.
pub(super) fn parse<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let cells = format.cells(line)?;
    cells.rest.clone().end()?;
    let row = Row {
        // (9) Inode
        inode: cells.number(8).unwrap_or(0),
        proto: Proto::Packet,
        state: State::NONE,
        // (7) Rmem
        rx_queue: cells.number(6),
        tx_queue: None,
        // (4) Proto (5) Iface
        ends: Ends::Packet {
            ethertype: u16::try_from(cells.number(3)?).ok()?,
            ifindex: cells.number(4).unwrap_or(0),
        },
    };
    let detail = Detail {
        // (8) User
        uid: cells.number(7),
        // (3) Type
        socket_type: u8::try_from(cells.number(2)?).ok()?,
        ..Detail::default()
    };
    Some((row, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::parse_line;

    const ALL: &str = "00000000ab12cd34 3      3    0003   2     1 0      0      23456 ";

    fn parse(line: &str) -> Option<(Row<'_>, Detail)> {
        parse_line("net/packet", line)
    }

    #[test]
    fn a_real_row_is_decoded() {
        let (row, _) = parse(ALL).unwrap();
        assert_eq!(
            row.ends,
            Ends::Packet {
                ethertype: 3,
                ifindex: 2
            }
        );
        assert_eq!(row.inode, 23456);
    }

    #[test]
    fn one_broken_field_breaks_the_row() {
        let fields: Vec<&str> = ALL.split_whitespace().collect();
        for at in 1..fields.len() {
            let mut copy = fields.clone();
            copy[at] = "x";
            assert_eq!(parse(&copy.join(" ")), None, "field {}", at + 1);
        }
    }
}
