//! The totals of `ss -s`, which the kernel keeps in /proc/net. In: sockstat, sockstat6 and snmp. Out: ss's table. It counts no
//! sockets itself.

use std::path::Path;

use crate::proc::{Proc, Task};
use crate::text::digits::decimal32;
use crate::text::write::{write_decimal, write_padding, write_short};

/// Room for each of the files.
const FILE_LEN_MAX: usize = 16 * 1024;

/// Writes the totals.
///
/// # Errors
/// One line, without the program's name: proc cannot be read.
#[inline(never)]
pub(super) fn write(out: &mut Vec<u8>) -> Result<(), String> {
    let proc = Proc::open(Path::new("/proc")).map_err(|reason| ["/proc: ", &reason].concat())?;
    let own = Task {
        pid: proc.own_pid().unwrap_or(0),
        tid: 0,
    };
    let (mut sockstat, mut room) = (Vec::new(), vec![0; FILE_LEN_MAX]);
    for name in ["net/sockstat", "net/sockstat6"] {
        // Without IPv6 there is no second one.
        sockstat.extend_from_slice(proc.read_file(own, name, &mut room).unwrap_or_default());
    }
    let snmp = proc
        .read_file(own, "net/snmp", &mut room)
        .unwrap_or_default();
    write_totals(out, &sockstat, snmp);
    Ok(())
}

/// Returns the number behind `key` in the line of `text` that begins with `name`; 0 where there is none.
fn figure(text: &[u8], name: &str, key: &str) -> i64 {
    let mut lines = text.split(|byte| *byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(name.as_bytes()));
    let mut words = line.unwrap_or_default().split(|byte| *byte == b' ');
    words.find(|word| *word == key.as_bytes());
    words.next().and_then(decimal32).map_or(0, i64::from)
}

/// Returns how many connections of TCP are established: the figure below its name in the second of two lines.
fn established(snmp: &[u8]) -> i64 {
    let mut lines = snmp
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"Tcp: "))
        .map(|line| line.split(|byte| *byte == b' '));
    let (Some(names), Some(figures)) = (lines.next(), lines.next()) else {
        return 0;
    };
    let mut both = names.zip(figures);
    let found = both.find(|(name, _)| *name == b"CurrEstab");
    found
        .and_then(|(_, figure)| decimal32(figure))
        .map_or(0, i64::from)
}

/// Writes a number, which may be less than zero where the kernel's figures are not of one moment.
fn write_signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    write_decimal(
        out,
        u32::try_from(number.unsigned_abs()).unwrap_or(u32::MAX),
    );
}

/// Writes the table of what the files say.
#[inline(never)]
fn write_totals(out: &mut Vec<u8>, sockstat: &[u8], snmp: &[u8]) {
    let of = |name, key| figure(sockstat, name, key);
    let in_use = |name| of(name, "inuse");
    let (tcp, tcp6) = (in_use("TCP: "), in_use("TCP6: "));
    let (waiting, all) = (of("TCP: ", "tw"), of("TCP: ", "alloc"));
    let figures = [
        ("Total: ", of("sockets: ", "used")),
        ("\nTCP:   ", all + waiting),
        (" (estab ", established(snmp)),
        (", closed ", all - (tcp + tcp6 - waiting)),
        (", orphaned ", of("TCP: ", "orphan")),
        (", timewait ", waiting),
    ];
    for (before, number) in figures {
        write_short(out, before.as_bytes());
        write_signed(out, number);
    }
    write_short(out, b")\n\nTransport Total     IP        IPv6\n");
    let (udp, udp6) = (in_use("UDP: "), in_use("UDP6: "));
    let (raw, raw6) = (in_use("RAW: "), in_use("RAW6: "));
    for (name, v4, v6) in [
        ("RAW\t  ", raw, raw6),
        ("UDP\t  ", udp, udp6),
        ("TCP\t  ", tcp, tcp6),
        ("INET\t  ", raw + udp + tcp, raw6 + udp6 + tcp6),
        ("FRAG\t  ", in_use("FRAG: "), in_use("FRAG6: ")),
    ] {
        write_short(out, name.as_bytes());
        for number in [v4 + v6, v4] {
            let start = out.len();
            write_signed(out, number);
            write_padding(out, out.len() - start, 10);
        }
        write_signed(out, v6);
        out.push(b'\n');
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_those_of_ss() {
        let sockstat = b"sockets: used 65\nTCP: inuse 23 orphan 1 tw 2 alloc 34 mem 1\nUDP: inuse 2 mem 0\nUDPLITE: inuse 0\nRAW: inuse 1\nFRAG: inuse 0 memory 0\nTCP6: inuse 8\nUDP6: inuse 2\nUDPLITE6: inuse 0\nRAW6: inuse 1\nFRAG6: inuse 0 memory 0\n";
        let snmp = b"Tcp: RtoAlgorithm CurrEstab InSegs\nTcp: 1 17 99\nUdp: InDatagrams\nUdp: 3\n";
        let mut out = Vec::new();
        write_totals(&mut out, sockstat, snmp);
        let expected = "Total: 65\nTCP:   36 (estab 17, closed 5, orphaned 1, timewait 2)\n\nTransport Total     IP        IPv6\nRAW\t  2         1         1\nUDP\t  4         2         2\nTCP\t  31        23        8\nINET\t  37        26        11\nFRAG\t  0         0         0\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
