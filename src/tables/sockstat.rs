//! How many sockets a namespace has. In: sockstat and sockstat6 of a task, which count the sockets in use of its namespace
//! and cost nothing, while tcp makes the kernel walk the hash of the whole machine. Out: the protocols of which there is no
//! socket, so that their tables need not be read; the number of TCP's, and about how many of them listen. It opens no table.

use super::hash::Beginning;
use super::{TABLES, Table, counters};
use crate::proc::{Proc, Task};
use crate::socket::proto::{Proto, Protos};
use crate::text::digits::decimal;
use crate::text::fields::Fields;

/// The two files below PID, with the protocols of which they tell. Only the first counts `TIME_WAIT`, of both families.
const FILES: [(&str, Protos); 2] = [
    ("net/sockstat", Protos::INET4.union(Protos::TCP)),
    ("net/sockstat6", Protos::INET6),
];

/// The most rows that a first read asks for: each that is no listener costs a walk to the next one.
const FIRST_ROWS_MAX: u64 = 8;

/// Counts the sockets of `protos` in the namespace of `member`; `with_listeners` also those that listen, about. `buffer` is
/// read into.
pub(super) fn count(
    proc: &Proc,
    member: Task,
    protos: Protos,
    with_listeners: bool,
    buffer: &mut [u8],
) -> Counts {
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
    // Listeners are those that are no connections. To ask costs less than to try one row more, and one more, unless there
    // is next to nothing.
    if with_listeners
        && let [Some(v4), Some(v6)] = counts.tcp_in_use
        && v4.max(v6) > 2
        && let Ok(text) = proc.read_file(member, "net/snmp", buffer)
    {
        let connections = counters::connections(text).map(u64::from);
        counts.listeners = connections.and_then(|count| (v4 + v6).checked_sub(count));
    }
    counts
}

/// What the files told so far.
#[derive(Default)]
pub(super) struct Counts {
    /// The protocols without a socket. Request sockets are not counted, but where there is one there is its listener, or
    /// was until a second ago.
    pub(super) empty: Protos,
    /// TCP's sockets in `TIME_WAIT`, of both families.
    time_waits: Option<u64>,
    /// The listeners and connections of tcp, and of tcp6.
    tcp_in_use: [Option<u64>; 2],
    /// The listeners of both that have not been read, about.
    listeners: Option<u64>,
}

impl Counts {
    /// Returns what is expected of the beginning of `table`; `None` if that is not of TCP, or nothing is known. Of listeners
    /// that may be of either family half are expected in each.
    pub(super) fn beginning(&self, table: &Table) -> Option<Beginning> {
        let (in_use, other) = match (table.proto, self.tcp_in_use) {
            (Proto::Tcp, [v4, v6]) => (v4?, v6),
            (Proto::Tcp6, [v4, v6]) => (v6?, v4),
            _ => return None,
        };
        let all = self.listeners.unwrap_or(0);
        let here = all.saturating_sub(other.unwrap_or(0)).max(all.div_ceil(2));
        Some(Beginning {
            in_use,
            // The row behind the last listener tells that it is the last.
            rows: (here + 1).min(FIRST_ROWS_MAX),
            is_v6: table.proto == Proto::Tcp6,
        })
    }

    /// Notes that `table` was read, and had so many listeners.
    pub(super) fn note_read(&mut self, table: &Table, listeners: u32) {
        if table.proto == Proto::Tcp {
            let listeners = u64::from(listeners);
            self.listeners = self.listeners.map(|all| all.saturating_sub(listeners));
            self.tcp_in_use[0] = Some(0);
        }
    }

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
            let [v4, v6] = &mut self.tcp_in_use;
            match table.proto {
                Proto::Tcp => *v4 = in_use,
                Proto::Tcp6 => *v6 = in_use,
                _ => {}
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
    fn listeners_and_connections_of_tcp_are_counted() {
        let table = |proto| TABLES.iter().find(|table| table.proto == proto).unwrap();
        let rows = |counts: &Counts, proto| {
            let begins = counts.beginning(table(proto))?;
            Some((begins.in_use, begins.rows))
        };
        let mut counts = Counts::default();
        assert_eq!(rows(&counts, Proto::Tcp), None);
        counts.parse(SOCKSTAT.replace("TCP: inuse 0", "TCP: inuse 23").as_bytes());
        let sockstat6 = SOCKSTAT6.replace("TCP6: inuse 0", "TCP6: inuse 21");
        counts.parse(sockstat6.as_bytes());
        assert_eq!(rows(&counts, Proto::Tcp), Some((23, 1)));
        assert_eq!(rows(&counts, Proto::Tcp6), Some((21, 1)));
        assert_eq!(rows(&counts, Proto::Udp), None);
        // Half of five, or what cannot be in the other table; and all that the first had not.
        for (v6, listeners, first, found, second) in [
            (21, 5, 4, 3, 3),
            (21, 5, 4, 5, 1),
            (2, 5, 4, 3, 3),
            (1, 5, 5, 4, 2),
            (0, 5, 6, 5, 1),
            (21, 4, 3, 9, 1),
            (21, 90, 8, 1, 8),
        ] {
            counts.tcp_in_use = [Some(23), Some(v6)];
            counts.listeners = Some(listeners);
            assert_eq!(rows(&counts, Proto::Tcp), Some((23, first)), "{listeners}");
            counts.note_read(table(Proto::Tcp), found);
            let left = rows(&counts, Proto::Tcp6);
            assert_eq!(left, Some((v6, second)), "{listeners}");
        }
    }

    #[test]
    fn a_count_that_cannot_be_read_is_not_zero() {
        for broken in ["inuse x", "inuse", "inuse -0", "inuse 00x", "used 0"] {
            let broken = SOCKSTAT.replace("UDPLITE: inuse 0", &format!("UDPLITE: {broken}"));
            assert!(!empty(&broken, SOCKSTAT6).has(Proto::Udplite), "{broken}");
        }
    }
}
