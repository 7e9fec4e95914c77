//! Parses the rows of PID/net/packet. In: a line. Out: the row, or `None` where the line has not the kernel's shape. It
//! does not know the names of interfaces.

use super::Format;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::fields::Fields;

/// Parses a row of packet (`net/packet/af_packet.c`: `packet_seq_show`).
///
/// ```text
/// 00000000ab12cd34 3      3    0003   2     1 0      0      23456
/// ```
/// The protocol is an ethertype in hexadecimal, 0003 for all; the interface is its index, 0 for any; the others are decimal.
pub(super) fn parse<'a>(line: &'a [u8], _: &Format) -> Option<(Row<'a>, Detail)> {
    let mut fields = Fields::new(line);
    // (1) sk
    fields.next()?;
    // (2) RefCnt (3) Type
    fields.signed32()?;
    let socket_type = u8::try_from(fields.decimal32()?).ok()?;
    // (4) Proto
    let ethertype = u16::try_from(fields.hex()?).ok()?;
    // (5) Iface
    let ifindex = u32::try_from(fields.signed32()?).unwrap_or(0);
    // (6) R, 1 while the socket receives
    fields.decimal32()?;
    // (7) Rmem (8) User
    let rx_queue = fields.decimal32()?;
    let uid = Some(fields.decimal32()?);
    // (9) Inode
    let inode = fields.decimal32()?;
    fields.end()?;
    Some((
        Row {
            inode,
            proto: Proto::Packet,
            state: State::NONE,
            rx_queue: Some(rx_queue),
            tx_queue: None,
            ends: Ends::Packet { ethertype, ifindex },
        },
        Detail {
            uid,
            socket_type,
            ..Detail::default()
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::addr::Endian;

    const FORMAT: Format = Format {
        proto: Proto::Packet,
        endian: Endian::Little,
    };
    const ALL: &str = "00000000ab12cd34 3      3    0003   2     1 0      0      23456 ";

    #[test]
    fn a_real_row_is_decoded() {
        let (row, _) = parse(ALL.as_bytes(), &FORMAT).unwrap();
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
            assert_eq!(
                parse(copy.join(" ").as_bytes(), &FORMAT),
                None,
                "field {}",
                at + 1
            );
        }
    }
}
