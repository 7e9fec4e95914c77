//! Parses the rows of the tables of amateur radio: PID/net/ax25, nr (NET/ROM) and rose. In: a line. Out: the row, or `None`
//! where the line has not the kernel's shape. The addresses are call signs. It knows none of the states, which are steps of
//! each protocol and do not tell a listener from a socket without a peer.

use super::Format;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};

/// Parses a row of ax25 (`net/ax25/af_ax25.c`: `ax25_info_show`).
///
/// ```text
/// 0000000034affeea bpq0 LINUX1-1 * 0 0 0 0 0 10 0 3 0 300 0 0 0 10 5 2 256 0 0 10960
/// ```
/// Stations on the way stand behind the destination, and a connection of the kernel's own has three stars at the end.
pub(super) fn parse_ax25<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    parse(line, format, [2, 3, 21, 22, 23])
}

/// Parses a row of nr (`net/netrom/af_netrom.c`: `nr_info_show`).
///
/// ```text
/// *         *         LINUX2-2  nr0  00/00 00/00  0   0   0   0   0/120  0/05   0/180   0/000  0/01   4     0     0 10962
/// ```
pub(super) fn parse_netrom<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    parse(line, format, [2, 1, 16, 17, 18])
}

/// Parses a row of rose (`net/rose/af_rose.c`: `rose_info_show`).
///
/// ```text
/// *          *         1234567890 LINUX1-1  rose0 000 00000  0  0  0  0   0 200 180 180   5   0/000     0     0 10963
/// ```
pub(super) fn parse_rose<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    parse(line, format, [3, 1, 17, 18, 19])
}

/// Parses a row with the columns of the call signs of both ends, of both queues and of the inode at these places.
fn parse<'a>(
    line: &'a [u8],
    format: &Format,
    [local, remote, tx_queue, rx_queue, inode]: [usize; 5],
) -> Option<(Row<'a>, Detail)> {
    let cells = format.cells(line)?;
    cells.rest.clone().end()?;
    let end = |column| match cells.text(column) {
        b"*" => b"",
        text => text,
    };
    let row = Row {
        inode: cells.number(inode).unwrap_or(0),
        proto: format.table.proto,
        state: State::NONE,
        rx_queue: cells.number(rx_queue),
        tx_queue: cells.number(tx_queue),
        ends: Ends::Called {
            local: end(local),
            remote: end(remote),
        },
    };
    Some((row, Detail::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::parse_line;

    const ROWS: [(&str, &str, &str, &str); 3] = [
        (
            "net/ax25",
            "0000000034affeea bpq0 LINUX1-1 * 0 0 0 0 0 10 0 3 0 300 0 0 0 10 5 2 256 0 0 10960",
            "LINUX1-1",
            "",
        ),
        (
            "net/nr",
            "LINUX9    LINUX3-3  LINUX2-2  nr0  00/00 00/00  0   0   0   0   0/120  0/05   0/180   0/000  0/01   4     0     0 10960",
            "LINUX2-2",
            "LINUX3-3",
        ),
        (
            "net/rose",
            "*          *         1234567890 LINUX1-1  rose0 000 00000  0  0  0  0   0 200 180 180   5   0/000     0     0 10960",
            "LINUX1-1",
            "",
        ),
    ];

    #[test]
    fn real_rows_are_decoded() {
        for (path, line, local, remote) in ROWS {
            let (row, _) = parse_line(path, line).unwrap();
            let ends = Ends::Called {
                local: local.as_bytes(),
                remote: remote.as_bytes(),
            };
            assert_eq!((row.ends, row.inode), (ends, 10960), "{path}");
            assert_eq!((row.rx_queue, row.tx_queue), (Some(0), Some(0)));
        }
        let (path, line, ..) = ROWS[0];
        let kernels = line.replace("0 0 10960", "* * *");
        let (row, _) = parse_line(path, &kernels).unwrap();
        assert_eq!((row.inode, row.rx_queue), (0, None));
    }

    #[test]
    fn a_row_without_its_inode_is_none() {
        for (path, line, ..) in ROWS {
            assert_eq!(parse_line(path, line.strip_suffix(" 10960").unwrap()), None);
            assert_eq!(parse_line(path, &line.replace("10960", "x")), None);
            assert_eq!(parse_line(path, &format!("{line} 7")), None);
        }
    }
}
