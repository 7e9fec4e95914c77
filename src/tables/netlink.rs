//! Parses the rows of PID/net/netlink. In: a line. Out: the row, or `None` where the line has not the kernel's shape. It
//! does not know the names of the families.

use super::Format;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::digits::decimal32;
use crate::text::fields::Fields;

/// Parses a row of netlink (`net/netlink/af_netlink.c`: `netlink_native_seq_show`).
///
/// ```text
/// 000000007c6c8200 0   1419       00000000 832      0        0     2        0        3901
/// ```
/// All is decimal but the pointer and the groups. Sockets that are not bound are not listed.
pub(super) fn parse<'a>(line: &'a [u8], _: &Format) -> Option<(Row<'a>, Detail)> {
    let mut fields = Fields::new(line);
    // (1) sk
    fields.next()?;
    // (2) Eth
    let family = fields.decimal32()?;
    // (3) Pid, the port id. An id that the kernel chose is negative, and is printed with a sign or as unsigned.
    let port_id = fields.next()?;
    let port_id = match port_id.strip_prefix(b"-") {
        Some(digits) => decimal32(digits)?.wrapping_neg(),
        None => decimal32(port_id)?,
    };
    // (4) Groups
    fields.hex()?;
    // (5) Rmem (6) Wmem
    let (rx_queue, tx_queue) = (fields.signed32()?, fields.signed32()?);
    // (7) Dump (8) Locks
    fields.next()?;
    fields.signed32()?;
    // (9) Drops
    let drops = fields.decimal32()?;
    // (10) Inode
    let inode = fields.decimal32()?;
    fields.end()?;
    Some((
        Row {
            inode,
            proto: Proto::Netlink,
            state: State::NONE,
            rx_queue: u32::try_from(rx_queue).ok(),
            tx_queue: u32::try_from(tx_queue).ok(),
            ends: Ends::Netlink { family, port_id },
        },
        Detail {
            drops,
            ..Detail::default()
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::addr::Endian;

    const FORMAT: Format = Format {
        proto: Proto::Netlink,
        endian: Endian::Little,
    };
    const ROUTE: &str = "000000007c6c8200 0   1419       00000000 832      0        0     2        0        3901    ";

    #[test]
    fn real_rows_are_decoded() {
        let (row, _) = parse(ROUTE.as_bytes(), &FORMAT).unwrap();
        assert_eq!(
            row.ends,
            Ends::Netlink {
                family: 0,
                port_id: 1419
            }
        );
        assert_eq!((row.inode, row.rx_queue), (3901, Some(832)));
        let chosen = ROUTE.replace("1419", "-4221");
        let (row, _) = parse(chosen.as_bytes(), &FORMAT).unwrap();
        assert_eq!(
            row.ends,
            Ends::Netlink {
                family: 0,
                port_id: 4_294_963_075
            }
        );
    }

    #[test]
    fn one_broken_field_breaks_the_row() {
        let fields: Vec<&str> = ROUTE.split_whitespace().collect();
        for at in (1..fields.len()).filter(|at| *at != 6) {
            let mut copy = fields.clone();
            copy[at] = "x";
            assert_eq!(
                parse(copy.join(" ").as_bytes(), &FORMAT),
                None,
                "field {}",
                at + 1
            );
        }
        assert_eq!(parse(fields[..9].join(" ").as_bytes(), &FORMAT), None);
    }
}
