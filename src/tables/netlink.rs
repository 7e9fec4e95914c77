//! Parses the rows of PID/net/netlink. In: a line. Out: the row, or `None` where the line has not the kernel's shape. It
//! does not know the names of the families.

use super::Format;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};

/// Parses a row of netlink (`net/netlink/af_netlink.c`: `netlink_native_seq_show`).
///
/// ```text
/// 000000007c6c8200 0   1419       00000000 832      0        0     2        0        3901
/// ```
/// Sockets that are not bound are not listed. Before Linux 2.6.37 there is no inode, before 2.6.32 no drops.
pub(super) fn parse<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let cells = format.cells(line)?;
    cells.rest.clone().end()?;
    let row = Row {
        // (10) Inode
        inode: cells.number(9).unwrap_or(0),
        proto: Proto::Netlink,
        state: State::NONE,
        // (5) Rmem (6) Wmem
        rx_queue: cells.number(4),
        tx_queue: cells.number(5),
        // (2) Eth (3) Pid: an id that the kernel chose is negative, and is printed with a sign or as unsigned.
        ends: Ends::Netlink {
            family: cells.number(1)?,
            port_id: cells.number(2)?,
        },
    };
    let detail = Detail {
        // (9) Drops
        drops: cells.number(8),
        ..Detail::default()
    };
    Some((row, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::parse_line;

    const ROUTE: &str = "000000007c6c8200 0   1419       00000000 832      0        0     2        0        3901    ";

    fn parse(line: &str) -> Option<(Row<'_>, Detail)> {
        parse_line("net/netlink", line)
    }

    #[test]
    fn real_rows_are_decoded() {
        let (row, detail) = parse(ROUTE).unwrap();
        assert_eq!(
            row.ends,
            Ends::Netlink {
                family: 0,
                port_id: 1419
            }
        );
        assert_eq!((row.inode, row.rx_queue), (3901, Some(832)));
        assert_eq!(detail.drops, Some(0));
        let chosen = ROUTE.replace("1419", "-4221");
        let (row, _) = parse(&chosen).unwrap();
        assert_eq!(
            row.ends,
            Ends::Netlink {
                family: 0,
                port_id: 4_294_963_075
            }
        );
        let (row, _) =
            parse_line("net/netlink", "(ptrval) 0 1 00000000 -7 0 (null) 2 0 5").unwrap();
        assert_eq!(row.rx_queue, None);
    }

    #[test]
    fn one_broken_field_breaks_the_row() {
        let fields: Vec<&str> = ROUTE.split_whitespace().collect();
        for at in (1..fields.len()).filter(|at| *at != 6) {
            let mut copy = fields.clone();
            copy[at] = "x";
            assert_eq!(parse(&copy.join(" ")), None, "field {}", at + 1);
        }
        assert_eq!(parse(&fields[..9].join(" ")), None);
    }
}
