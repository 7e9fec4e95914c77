//! Parses PID/net/can-bcm/INODE, which is of one socket of CAN's broadcast manager. In: the file's first line, and the
//! inode, which is the file's name. Out: the row, or `None` where the line has not the kernel's shape. It skips the jobs.

use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::digits::decimal32;
use crate::text::fields::Fields;

/// Parses the first line of a file of can-bcm (`net/can/bcm.c`: `bcm_proc_show`).
///
/// ```text
/// >>> socket 0000000000000000 / sk 0000000000000000 / bo 0000000000000000 / dropped 0 / bound vcan0 <<<
/// ```
/// The interface is `any`, or `???` if it is gone. The lines behind it are the socket's jobs.
pub(super) fn parse(line: &[u8], inode: u32) -> Option<(Row<'_>, Detail)> {
    let mut fields = Fields::new(line);
    for word in [
        ">>>", "socket", "", "/", "sk", "", "/", "bo", "", "/", "dropped",
    ] {
        let field = fields.next()?;
        // A pointer may be any word.
        if !word.is_empty() && field != word.as_bytes() {
            return None;
        }
    }
    let drops = decimal32(fields.next()?)?;
    if [fields.next()?, fields.next()?] != [b"/".as_slice(), b"bound"] {
        return None;
    }
    let device = fields.next()?;
    if fields.next()? != b"<<<" {
        return None;
    }
    fields.end()?;
    let row = Row {
        inode,
        proto: Proto::CanBcm,
        state: State::NONE,
        rx_queue: None,
        tx_queue: None,
        ends: Ends::Device(if device == b"any" { b"" } else { device }),
    };
    let detail = Detail {
        drops: Some(drops),
        ..Detail::default()
    };
    Some((row, detail))
}

/// Returns true if `line` is another line of such a file: a job to receive or to send, or the empty line at the end.
pub(super) fn is_job(line: &[u8]) -> bool {
    line.is_empty() || line.starts_with(b"rx_op: ") || line.starts_with(b"tx_op: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: &str = ">>> socket 0000000000000000 / sk 0000000000000000 / bo 0000000000000000 / dropped 3 / bound vcan0 <<<";

    #[test]
    fn the_first_line_names_the_interface() {
        let (row, detail) = parse(BOUND.as_bytes(), 4711).unwrap();
        assert_eq!((row.inode, row.ends), (4711, Ends::Device(b"vcan0")));
        assert_eq!(detail.drops, Some(3));
        let any = BOUND.replace("vcan0", "any");
        let (row, _) = parse(any.as_bytes(), 4711).unwrap();
        assert_eq!(row.ends, Ends::Device(b""));
        assert!(is_job(
            b"rx_op: 123 vcan0 [8]c # recv 0 (0) => reduction: near 100%"
        ));
    }

    #[test]
    fn one_broken_field_breaks_the_line() {
        let fields: Vec<&str> = BOUND.split(' ').collect();
        // The pointers and the interface may be anything but missing.
        for at in (0..fields.len()).filter(|at| ![2, 5, 8, 14].contains(at)) {
            let mut copy = fields.clone();
            copy[at] = "x";
            assert_eq!(parse(copy.join(" ").as_bytes(), 1), None, "field {at}");
        }
        for at in 0..fields.len() {
            let mut copy = fields.clone();
            copy.remove(at);
            assert_eq!(parse(copy.join(" ").as_bytes(), 1), None, "without {at}");
        }
        assert_eq!(parse(format!("{BOUND} x").as_bytes(), 1), None);
    }
}
