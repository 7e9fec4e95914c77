//! What a namespace has dropped since it was made. In: net/netstat, net/snmp and net/snmp6 of a task. Out: the few counters
//! of them that tell of full queues. It reads a file only if the namespace has sockets of which it tells, and no table.

use crate::proc::{Proc, Task};
use crate::socket::proto::{Proto, Protos};
use crate::text::digits::decimal;
use crate::text::fields::{Fields, text_after};

/// Holds each of the files: netstat has 6 KB.
const BUFFER_LEN: usize = 16 * 1024;

/// The counters of a namespace, `None` where the kernel does not tell. What does not fit 32 bits is the largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Attempts to connect that were dropped because the accept queue was full.
    pub(crate) listen_overflows: Option<u32>,
    /// Attempts to connect that were dropped by a listener for this or any other reason.
    pub(crate) listen_drops: Option<u32>,
    /// Datagrams of UDP that were dropped because the receive buffer of their socket was full, of both families.
    pub(crate) udp_overflows: Option<u32>,
}

/// Reads the counters that tell of `protos`, which the namespace of `members` has.
pub(crate) fn load(proc: &Proc, members: &[Task], protos: Protos) -> Counters {
    let (mut buffer, mut counters) = (vec![0; BUFFER_LEN], Counters::default());
    // A member that has ended has no such folder.
    let mut members = members.iter().copied();
    let Some(member) = members.find(|member| proc.stat(*member, "net").is_ok()) else {
        return counters;
    };
    // A socket of IPv6 may receive over IPv4, and then counts in snmp.
    for (file, tells_of) in [
        ("net/netstat", Protos::TCP),
        ("net/snmp", Protos::UDP),
        ("net/snmp6", Protos::of(&[Proto::Udp6])),
    ] {
        if protos.meets(tells_of)
            && let Ok(text) = proc.read_file(member, file, &mut buffer)
        {
            counters.add(text);
        }
    }
    counters
}

impl Counters {
    /// Adds what the text of a file tells.
    fn add(&mut self, text: &[u8]) {
        for (heading, name, counter) in [
            (
                &b"TcpExt:"[..],
                &b"ListenOverflows"[..],
                &mut self.listen_overflows,
            ),
            (b"TcpExt:", b"ListenDrops", &mut self.listen_drops),
            (b"Udp:", b"RcvbufErrors", &mut self.udp_overflows),
        ] {
            *counter = counter.or_else(|| paired(text, heading, name));
        }
        if let Some(more) = single(text, b"Udp6RcvbufErrors") {
            let known = self.udp_overflows.unwrap_or(0);
            self.udp_overflows = Some(known.saturating_add(more));
        }
    }
}

/// Returns how many connections of TCP a namespace has by its net/snmp, over both families, but for those that are being
/// opened or were closed at this end.
pub(crate) fn connections(snmp: &[u8]) -> Option<u32> {
    paired(snmp, b"Tcp:", b"CurrEstab")
}

/// Returns the number of `digits`, the largest one where it does not fit.
fn number(digits: &[u8]) -> Option<u32> {
    decimal(digits).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// Finds the counter `name` of the protocol `heading` in a file of pairs of lines, the names and then the numbers
/// (`net/ipv4/proc.c`: `netstat_seq_show`, `snmp_seq_show_tcp_udp`).
///
/// ```text
/// Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
/// Udp: 40 0 0 41 0 0 0
/// ```
fn paired(text: &[u8], heading: &[u8], name: &[u8]) -> Option<u32> {
    let names = text_after(text, heading)?;
    let numbers = text_after(names, heading)?;
    let mut names = Fields::new(line(names));
    let at = names.position(|field| field == name)?;
    number(Fields::new(line(numbers)).nth(at)?)
}

/// Returns `text` as far as its line goes.
fn line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'\n');
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// Finds the counter `name` in a file of one line each (`net/ipv6/proc.c`: `snmp6_seq_show_item`).
///
/// ```text
/// Udp6RcvbufErrors                    0
/// ```
fn single(text: &[u8], name: &[u8]) -> Option<u32> {
    let rest = line(text_after(text, name)?).trim_ascii_start();
    number(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNMP: &[u8] = b"Tcp: RtoAlgorithm RtoMin\nTcp: 1 200\n\
        Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 40 0 7 41 6 0\n\
        UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdpLite: 1 2 3 4 5 6\n";

    #[test]
    fn a_counter_is_found_by_its_names_whatever_stands_before_it() {
        assert_eq!(paired(SNMP, b"Udp:", b"RcvbufErrors"), Some(6));
        assert_eq!(paired(SNMP, b"UdpLite:", b"RcvbufErrors"), Some(5));
        assert_eq!(paired(SNMP, b"Udp:", b"MemErrors"), None);
        assert_eq!(paired(SNMP, b"Ip:", b"RcvbufErrors"), None);
        let cut = &SNMP[..SNMP.len() - 130];
        assert_eq!(paired(cut, b"UdpLite:", b"RcvbufErrors"), None);
        assert_eq!(
            paired(b"Udp: A\nUdp: 4294967296\n", b"Udp:", b"A"),
            Some(u32::MAX)
        );
        assert_eq!(paired(b"Udp: A\nUdp: -1\n", b"Udp:", b"A"), None);
        let snmp6 = b"Udp6InErrors                    \t9\nUdp6RcvbufErrors                \t8\n";
        assert_eq!(single(snmp6, b"Udp6RcvbufErrors"), Some(8));
        assert_eq!(single(snmp6, b"Udp6RcvbufErr"), None);
    }
}
