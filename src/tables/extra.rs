//! Reads of a row what only the languages of other tools show. In: a line that is a row of a known table, and its number
//! there. Out: an `Extra`. It is called for the rows that a store keeps, if that keeps extras; it judges no line.

use super::{TABLES, Table};
use crate::collections::to_u32;
use crate::socket::extra::Extra;
use crate::socket::proto::{EndsKind, Protos};
use crate::text::digits::{decimal32, hex, hex64};
use crate::text::fields::Fields;

/// The bits of a position that number the rows of a table.
const ROW_BITS: u32 = 27;

/// Returns the extra of row `number` of `table`, which is `line`.
#[inline(never)]
pub(super) fn parse(table: &Table, line: &[u8], number: u32) -> Extra {
    let place = TABLES
        .iter()
        .position(|known| std::ptr::eq(known, table))
        .unwrap_or_default();
    let position = to_u32(place) << ROW_BITS | number.min((1 << ROW_BITS) - 1);
    let mut fields = Fields::new(line);
    let mut nth = |number: usize| fields.nth(number).unwrap_or_default();
    match table.proto.ends() {
        EndsKind::Path => Extra {
            // (1) Num (2) RefCount (4) Flags
            pointer: pointer(nth(0)),
            references: hex(nth(0)).unwrap_or_default(),
            flags: hex(nth(1)).unwrap_or_default(),
            position,
            probes: 0,
        },
        EndsKind::Inet4 | EndsKind::Inet6 if Protos::INET.has(table.proto) => Extra {
            // (9) timeout, which are the probes of tcp (11) ref (12) pointer
            probes: decimal32(nth(8)).unwrap_or_default(),
            references: decimal32(nth(1)).unwrap_or_default(),
            pointer: pointer(nth(0)),
            position,
            flags: 0,
        },
        // (1) sk (4) Groups
        EndsKind::Netlink => Extra {
            pointer: pointer(nth(0)),
            flags: hex(nth(2)).unwrap_or_default(),
            position,
            ..Extra::default()
        },
        // (1) ENDPT or ASSOC (4) SST, the state of the socket
        EndsKind::Sctp => Extra {
            pointer: pointer(nth(0)),
            flags: decimal32(nth(2)).unwrap_or_default(),
            position,
            ..Extra::default()
        },
        _ => Extra {
            // (1) sk
            pointer: pointer(nth(0)),
            // (2) RefCnt of packet and of those like it
            references: decimal32(nth(0)).unwrap_or_default(),
            position,
            ..Extra::default()
        },
    }
}

/// Returns the number of a pointer; 0 where the kernel hides it.
fn pointer(field: &[u8]) -> u64 {
    hex64(field.strip_suffix(b":").unwrap_or(field)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the extra of `line`, row 7 of the table at `path`.
    fn extra(path: &str, line: &str) -> Extra {
        let table = TABLES.iter().find(|table| table.path == path).unwrap();
        parse(table, line.as_bytes(), 7)
    }

    #[test]
    fn extras_are_read_from_real_rows() {
        let line =
            "000000003e9b25b2: 0000000a 00000000 00010000 0001 01  4449 /var/run/docker.sock";
        let known = Extra {
            pointer: 0x3e9b_25b2,
            references: 10,
            flags: 0x10000,
            probes: 0,
            position: 10 << ROW_BITS | 7,
        };
        assert_eq!(extra("net/unix", line), known);
        let line = "   8: 020011AC:1F90 010011AC:D63E 01 00000000:00000000 02:00000800 00000000  1000        3 621793 2 00000001e9b25b20 20 4 20 10 -1";
        let known = Extra {
            pointer: 0x1_e9b2_5b20,
            references: 2,
            flags: 0,
            probes: 3,
            position: 7,
        };
        assert_eq!(extra("net/tcp", line), known);
        let line = "0000000000000000 3      3    0003   2     1       0      0      22333";
        let packet = extra("net/packet", line);
        assert_eq!((packet.pointer, packet.references), (0, 3));
        assert_eq!(pointer(b"(____ptrval____):"), 0);
    }
}
