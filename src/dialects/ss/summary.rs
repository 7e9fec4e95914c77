//! The totals of `ss -s`, which the kernel keeps in /proc/net. In: sockstat, sockstat6 and snmp. Out: ss's table. It counts no
//! sockets itself.

use crate::dialects::getopt::cut;
use crate::dialects::look;
use crate::proc::Task;
use crate::tables::counters::connections;
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
    let proc = look::open()?;
    let own = Task::process(proc.own_pid().unwrap_or(0));
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

/// The figures of sockstat and sockstat6 that are shown, each the name of a line and of a figure in it, in the order of the
/// letters of `FORM`.
const FIGURES: &[u8] =
    b"sockets: used|TCP: tw|TCP: orphan|RAW: inuse|RAW6: inuse|UDP: inuse|UDP6: inuse|TCP: inuse|\
TCP6: inuse|FRAG: inuse|FRAG6: inuse|TCP: alloc";
/// How many there are.
const COUNT: usize = 12;

/// ss's table: a sign, letters and a point stand for the sum of those figures; behind a tilde it is a cell of ten.
const FORM: &[u8] =
    b"Total: @a.\nTCP:   @lb. (estab @z., closed @y., orphaned @c., timewait @b.)\n\n\
Transport Total     IP        IPv6\nRAW\t  ~de.~d.@e.\nUDP\t  ~fg.~f.@g.\nTCP\t  ~hi.~h.@i.\n\
INET\t  ~dfhegi.~dfh.@egi.\nFRAG\t  ~jk.~j.@k.\n\n";

/// Returns the number behind the figure `name` of `text`: its line and its place there; 0 where there is none.
fn figure(text: &[u8], name: &[u8]) -> i64 {
    let mut names = Some(name);
    let line = cut(&mut names, b' ').unwrap_or_default();
    let mut lines = Some(text);
    while let Some(text) = cut(&mut lines, b'\n') {
        let mut words = Some(text);
        if cut(&mut words, b' ') == Some(line) {
            while let Some(word) = cut(&mut words, b' ') {
                if Some(word) == names {
                    let number = cut(&mut words, b' ').and_then(decimal32);
                    return number.map_or(0, i64::from);
                }
            }
        }
    }
    0
}

/// Writes a number and blanks up to `width`. It may be less than zero: the kernel's figures are not of one moment.
fn write_signed(out: &mut Vec<u8>, number: i64, width: usize) {
    let start = out.len();
    if number < 0 {
        write_short(out, b"-");
    }
    write_decimal(
        out,
        u32::try_from(number.unsigned_abs()).unwrap_or(u32::MAX),
    );
    write_padding(out, out.len() - start, width);
}

/// Writes the table of what the files say.
fn write_totals(out: &mut Vec<u8>, sockstat: &[u8], snmp: &[u8]) {
    let mut figures = [0; COUNT];
    let mut names = Some(FIGURES);
    for number in &mut figures {
        *number = figure(sockstat, cut(&mut names, b'|').unwrap_or_default());
    }
    let [_, waiting, .., tcp, tcp6, _, _, all] = figures;
    let (mut sum, mut width) = (0, None);
    for byte in FORM {
        match (byte, width) {
            (b'@', None) => width = Some(0),
            (b'~', None) => width = Some(10),
            (b'.', Some(cell)) => {
                write_signed(out, sum, cell);
                (sum, width) = (0, None);
            }
            (b'z', Some(_)) => sum = connections(snmp).map_or(0, i64::from),
            (b'y', Some(_)) => sum = all - (tcp + tcp6 - waiting),
            (letter, Some(_)) => {
                let figure = figures.get(usize::from(letter.wrapping_sub(b'a')));
                sum += figure.unwrap_or(&0);
            }
            (byte, None) => out.push(*byte),
        }
    }
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
