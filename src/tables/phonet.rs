//! Parses the rows of PID/net/phonet, and of PID/net/pnresource: the resources that its sockets serve. In: a line. Out: the
//! row, or `None` where the line has not the kernel's shape. It does not split an address into device and port.

use super::Format;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::digits::hex;

/// Parses a row of phonet (`net/phonet/socket.c`: `pn_sock_seq_show`).
///
/// ```text
///  2 0043:0000:00 0A 00000000:00000000     0 10992 2 000000009713bd1d 0
/// ```
/// Addresses, resource, state and queues are hexadecimal; the protocol is 1 of datagrams, 2 of a pipe.
pub(super) fn parse<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let cells = format.cells(line)?;
    cells.rest.clone().end()?;
    // (2) loc (3) rem, 0 for none (4) rs; (6) tx_queue (7) rx_queue
    let [address, queues] = [cells.text(1), cells.text(3)];
    let (local, remote, resource) = (address.get(..4)?, address.get(5..9)?, address.get(10..12)?);
    let (tx_queue, rx_queue) = (hex(queues.get(..8)?)?, hex(queues.get(9..)?)?);
    let colons = [address.get(4), address.get(9), queues.get(8)];
    if [local, remote, resource].map(hex).contains(&None) || colons != [Some(&b':'); 3] {
        return None;
    }
    let row = Row {
        // (9) inode
        inode: cells.number(5)?,
        proto: Proto::Phonet,
        // (5) st, in TCP's numbers
        state: State(u8::try_from(cells.number(2)?).ok()?),
        rx_queue: Some(rx_queue),
        tx_queue: Some(tx_queue),
        ends: Ends::Called {
            local,
            remote: if remote == b"0000" { b"" } else { remote },
        },
    };
    let detail = Detail {
        // (1) pt
        socket_type: match cells.number(0)? {
            1 => 2,
            2 => 5,
            _ => 0,
        },
        // (8) uid
        uid: cells.number(4),
        // (12) drops
        drops: cells.number(8),
        ..Detail::default()
    };
    Some((row, detail))
}

/// Parses a row of pnresource (`net/phonet/socket.c`: `pn_res_seq_show`). It tells no address.
///
/// ```text
/// 10     0 10993
/// ```
pub(super) fn parse_resource<'a>(line: &'a [u8], format: &Format) -> Option<(Row<'a>, Detail)> {
    let cells = format.cells(line)?;
    cells.rest.clone().end()?;
    let row = Row {
        // (3) inode
        inode: cells.number(2)?,
        proto: Proto::Phonet,
        state: State::NONE,
        rx_queue: None,
        tx_queue: None,
        ends: Ends::Called {
            local: b"",
            remote: b"",
        },
    };
    let detail = Detail {
        // (2) uid
        uid: cells.number(1),
        ..Detail::default()
    };
    Some((row, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::parse_line;

    const LISTENER: &str = " 2 0043:0000:00 0A 00000000:00000007     0 10992 2 000000009713bd1d 0                        ";

    #[test]
    fn real_rows_are_decoded() {
        let (row, detail) = parse_line("net/phonet", LISTENER).unwrap();
        let ends = Ends::Called {
            local: b"0043",
            remote: b"",
        };
        assert_eq!((row.ends, row.inode), (ends, 10992));
        assert_eq!((row.state, row.rx_queue), (State::LISTEN, Some(7)));
        assert_eq!((detail.socket_type, detail.uid), (5, Some(0)));
        let (row, _) = parse_line("net/pnresource", "10     0 10993").unwrap();
        assert_eq!(row.inode, 10993);
    }

    #[test]
    fn one_broken_field_breaks_the_row() {
        let fields: Vec<&str> = LISTENER.split_whitespace().collect();
        for (at, broken) in (0..fields.len()).flat_map(|at| [(at, "x"), (at, "0043:0000:0")]) {
            let mut copy = fields.clone();
            copy[at] = broken;
            assert_eq!(
                parse_line("net/phonet", &copy.join(" ")),
                None,
                "field {at}"
            );
        }
        assert_eq!(parse_line("net/phonet", &fields[..8].join(" ")), None);
        for line in ["x 0 1", "10 x 1", "10 0 x", "10 0", "10 0 1 2"] {
            assert_eq!(parse_line("net/pnresource", line), None, "{line}");
        }
    }
}
