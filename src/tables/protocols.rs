//! PID/net/protocols (`net/core/sock.c`: `proto_seq_printf`), which counts the sockets of each protocol in a namespace. In: its
//! text. Out: a number. It reads no file.
//!
//! ```text
//! protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em
//! MPTCP     1936      2       6   no       0   yes  kernel      y  y  y  n  y  y  y  y  y  y  y  y  n  n  y  y  y  n
//! ```

use crate::text::digits::decimal32;
use crate::text::fields::Fields;

/// Holds the file of a kernel that has every module loaded.
pub(crate) const BUFFER_LEN: usize = 16 * 1024;

/// Returns the number of sockets of the protocols called `names`; `None` if this kernel has none of them.
pub(crate) fn count(text: &[u8], names: &[&str]) -> Option<u32> {
    let mut sum = None;
    for line in text.split(|byte| *byte == b'\n') {
        let mut fields = Fields::new(line);
        // (1) protocol, (3) sockets
        let name = fields.next().unwrap_or_default();
        if names.iter().any(|known| known.as_bytes() == name) {
            let sockets = fields.nth(1).and_then(decimal32).unwrap_or(0);
            sum = Some(sockets.saturating_add(sum.unwrap_or(0)));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sockets_of_all_named_protocols_are_counted() {
        let text = b"protocol  size sockets  memory press maxhdr  slab module     cl co di ac\n\
            MPTCPv6   2064      4       6   no       0   yes  kernel      y  y  y  n\n\
            UNIX-STREAM 1152     22      -1   NI       0   yes  kernel      y  n  n  n\n\
            UNIX      1152      0      -1   NI       0   yes  kernel      y  n  n  n\n\
            MPTCP     1936      3       6   no       0   yes  kernel      y  y  y  n\n";
        assert_eq!(count(text, &["MPTCP", "MPTCPv6"]), Some(7));
        assert_eq!(count(text, &["UNIX"]), Some(0));
        assert_eq!(count(text, &["SCTP"]), None);
        assert_eq!(count(b"MPTCP\nUNIX 1 -1", &["MPTCP", "UNIX"]), Some(0));
    }
}
