//! The tables that are empty, and therefore need not be read. In: sockstat and sockstat6 of a task, which count the
//! sockets in use of its namespace and cost nothing, while tcp makes the kernel walk the hash of the whole machine. Out:
//! the protocols of which there is no socket. It opens no table.

use super::{TABLES, Table};
use crate::proc::{Proc, Task};
use crate::socket::proto::Protos;
use crate::text::digits::decimal;
use crate::text::fields::Fields;

/// The two files below PID, with the protocols that they count.
const FILES: [(&str, Protos); 2] = [
    ("net/sockstat", Protos::INET4),
    ("net/sockstat6", Protos::INET6),
];

/// Reads which of `protos` have an empty table in the namespace of `member`. `buffer` is read into.
///
/// Request sockets are not counted, but where there is one there is its listener, or was until a second ago.
pub(super) fn empty_tables(proc: &Proc, member: Task, protos: Protos, buffer: &mut [u8]) -> Protos {
    let mut counts = Counts::default();
    for (file, family) in FILES {
        let asked = protos.intersection(family);
        let is_counted = |table: &Table| table.counted_as.is_some() && asked.meets(table.protos);
        if TABLES.iter().any(is_counted)
            && let Ok(text) = proc.read_file(member, file, buffer)
        {
            counts.parse(text);
        }
    }
    counts.empty
}

/// What the files told so far.
#[derive(Default)]
struct Counts {
    /// The protocols without a socket.
    empty: Protos,
    /// TCP's sockets in `TIME_WAIT`, of both families. Only sockstat tells it, and it comes first.
    time_waits: Option<u64>,
}

impl Counts {
    /// Parses sockstat or sockstat6 (`net/ipv4/proc.c`: `sockstat_seq_show`, `net/ipv6/proc.c`: `sockstat6_seq_show`).
    ///
    /// ```text
    /// TCP: inuse 5 orphan 0 tw 2 alloc 6 mem 1
    /// UDP: inuse 0 mem 0
    /// ```
    /// `alloc` and `mem` are of the whole machine.
    fn parse(&mut self, text: &[u8]) {
        for line in text.split(|byte| *byte == b'\n') {
            let mut fields = Fields::new(line);
            let Some(name) = fields.next() else {
                continue;
            };
            let is_it = |table: &&Table| table.counted_as.map(str::as_bytes) == Some(name);
            let Some(table) = TABLES.iter().find(is_it) else {
                continue;
            };
            let mut in_use = None;
            while let (Some(key), Some(value)) = (fields.next(), fields.next()) {
                match key {
                    b"inuse" => in_use = decimal(value),
                    b"tw" => self.time_waits = decimal(value),
                    _ => {}
                }
            }
            let is_tcp = Protos::TCP.meets(table.protos);
            if in_use == Some(0) && (!is_tcp || self.time_waits == Some(0)) {
                self.empty = self.empty.union(table.protos);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::proto::Proto;

    /// Returns what is empty by the two files.
    fn empty(sockstat: &str, sockstat6: &str) -> Protos {
        let mut counts = Counts::default();
        counts.parse(sockstat.as_bytes());
        counts.parse(sockstat6.as_bytes());
        counts.empty
    }

    const SOCKSTAT: &str = "sockets: used 12\nTCP: inuse 0 orphan 0 tw 0 alloc 6 mem 1\nUDP: inuse 1 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n";
    const SOCKSTAT6: &str =
        "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 1\nFRAG6: inuse 0 memory 0\n";

    #[test]
    fn tables_without_a_socket_in_use_are_empty() {
        let known = [
            Proto::Tcp,
            Proto::Udplite,
            Proto::Raw,
            Proto::Tcp6,
            Proto::Udp6,
            Proto::Udplite6,
        ];
        assert_eq!(empty(SOCKSTAT, SOCKSTAT6), Protos::of(&known));
        assert_eq!(empty("", ""), Protos::default());
    }

    #[test]
    fn a_socket_in_time_wait_is_in_a_table_of_either_family() {
        let waits = SOCKSTAT.replace("tw 0", "tw 1");
        for proto in [Proto::Tcp, Proto::Tcp6] {
            assert!(empty(SOCKSTAT, SOCKSTAT6).has(proto));
            assert!(!empty(&waits, SOCKSTAT6).has(proto));
        }
        // Without sockstat nobody tells whether there are any.
        assert!(!empty("", SOCKSTAT6).has(Proto::Tcp6));
        assert!(empty("", SOCKSTAT6).has(Proto::Udp6));
    }

    #[test]
    fn a_count_that_cannot_be_read_is_not_zero() {
        for broken in ["inuse x", "inuse", "inuse -0", "inuse 00x", "used 0"] {
            let broken = SOCKSTAT.replace("UDPLITE: inuse 0", &format!("UDPLITE: {broken}"));
            assert!(!empty(&broken, SOCKSTAT6).has(Proto::Udplite), "{broken}");
        }
    }
}
