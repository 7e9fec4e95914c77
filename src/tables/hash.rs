//! The kernel's hash of TCP. It is the machine's, of a few hundred thousand buckets, and each read of tcp or tcp6 walks
//! through it: most of what a look at a small container costs. In: an open table. Out: its text as far as it is wanted; for
//! a plan, how long a walk takes. Of a row it parses no more than the state.
//!
//! The kernel prints the listeners first, out of a hash of their own, and looks for the next row after each that it prints.
//! So a read that asks for no more than the listeners passes 1/(n+1) of the buckets where n connections are in the way.
//! Each try starts at the first row and asks for more, until a row is in it that does not listen. Reading on from where the
//! last read stopped would walk less, but lose a listener whose neighbour in a bucket was closed between the two.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::proc::Proc;
use crate::socket::state::State;
use crate::text::digits::decimal;
use crate::text::fields::Fields;

/// Time that the kernel takes to pass a bucket, about, in ns: 2 to 9 were measured.
const BUCKET_NANOS: u64 = 4;
/// Number of buckets that is assumed where the kernel does not tell it: before Linux 6.1.
const BUCKETS: u64 = 128 * 1024;

/// Returns the time, about, in µs, that the kernel takes to walk through the hash. `buffer` is read into.
pub(crate) fn walk_micros(proc: &Proc, buffer: &mut [u8]) -> usize {
    let text = proc.read_setting(c"sys/net/ipv4/tcp_ehash_entries", buffer);
    let buckets = text.ok().and_then(parse_buckets).unwrap_or(BUCKETS);
    usize::try_from(buckets.saturating_mul(BUCKET_NANOS) / 1000).unwrap_or(usize::MAX)
}

/// Parses the setting, which is negative where a namespace shares the hash of the first one.
fn parse_buckets(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    decimal(text.strip_prefix(b"-").unwrap_or(text))
}

/// Returns true if a row in `state` tells that no listener follows. Before Linux 4.4 request sockets stood among the
/// listeners.
pub(super) fn is_behind_listeners(state: State) -> bool {
    state != State::LISTEN && state != State::SYN_RECV
}

/// Returns true if the beginning of `line`, whose end may be missing, tells that no listener follows.
pub(super) fn ends_listeners(line: &[u8]) -> bool {
    told_state(line).is_some_and(is_behind_listeners)
}

/// Parses the state in the beginning of a row of tcp or tcp6; `None` if it is not all there.
fn told_state(line: &[u8]) -> Option<State> {
    let mut fields = Fields::new(line);
    // (1) sl (2) local_address (3) rem_address
    fields.skip_field()?;
    fields.skip_field()?;
    fields.skip_field()?;
    // (4) st
    let state = fields.hex().filter(|_| !fields.rest().is_empty())?;
    u8::try_from(state).ok().map(State)
}

/// What is expected of the beginning of a table. That it is wrong costs time and nothing else.
#[derive(Clone, Copy)]
pub(super) struct Beginning {
    /// The number of rows of sockets in use.
    pub(super) in_use: u64,
    /// How many rows are read first.
    pub(super) rows: u64,
    /// True if the table is tcp6, whose rows are longer.
    pub(super) is_v6: bool,
}

/// The text of a table, as far as it is wanted.
pub(super) struct Text<'a> {
    /// The table.
    file: File,
    /// Its beginning, if that may be enough; `None` if the whole table is wanted.
    begins: Option<Beginning>,
    /// Returns true for a line, whole or cut, behind which nothing is wanted.
    is_enough: &'a dyn Fn(&[u8]) -> bool,
    /// The longest read that is taken for the last one.
    last_read_max: usize,
    /// True once all that is wanted was read.
    at_end: bool,
}

/// The length of the header and of a row of tcp.
const LINE_LENS: (usize, usize) = (150, 150);
/// That of tcp6, about: a read of so many rows ends in the last of them, and has its state.
const LINE_LENS_V6: (usize, usize) = (105, 178);
/// The longest read of such a table that was the last, as `Proc::last_read_max` has it for others: no row of TCP is longer
/// than 288 bytes, whatever the numbers in it.
const TCP_READ_MAX: usize = 4096 - 288;

impl<'a> Text<'a> {
    /// Returns the text of `file`: all of it, or if `begins` is given as far as `is_enough` says, and perhaps more. `is_tcp`
    /// says that the kernel writes it, and walks through the hash.
    pub(super) fn new(
        file: File,
        is_tcp: bool,
        begins: Option<Beginning>,
        is_enough: &'a dyn Fn(&[u8]) -> bool,
    ) -> Self {
        Self {
            file,
            begins,
            is_enough,
            last_read_max: if is_tcp { TCP_READ_MAX } else { 0 },
            at_end: false,
        }
    }

    /// Reads the beginning of the table into `buffer`: whole lines, of which one is enough. Returns `None` if there are as
    /// many listeners as fill a page, or hardly any other socket is in the way: then to read the table as usual, which ends
    /// with a short read, is no dearer. Where it has only listeners each try that sees the last would walk through all of
    /// the hash.
    fn read_beginning(&self, begins: Beginning, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let mut rows = begins.rows;
        let (mut whole_len, mut line_len) = if begins.is_v6 {
            LINE_LENS_V6
        } else {
            LINE_LENS
        };
        let mut whole_lines = 1;
        while begins.in_use > rows + 1 {
            let lines = usize::try_from(rows).map_or(0, |rows| rows + 1 - whole_lines);
            let wanted = whole_len + lines * line_len;
            let Some(free) = buffer.get_mut(..wanted).filter(|_| wanted < TCP_READ_MAX) else {
                break;
            };
            let count = self.file.read_at(free, 0)?;
            let text = free.get(..count).unwrap_or_default();
            let is_enough = count < wanted
                || text
                    .split_inclusive(|byte| *byte == b'\n')
                    .any(self.is_enough);
            (whole_lines, whole_len) = (0, 0);
            for end in memchr::memchr_iter(b'\n', text) {
                line_len = end + 1 - whole_len;
                whole_len = end + 1;
                whole_lines += 1;
            }
            if is_enough {
                return Ok(Some(whole_len));
            }
            rows += 1 + rows / 4;
        }
        Ok(None)
    }

    /// Reads what comes next; nothing at the end of what is wanted.
    ///
    /// # Errors
    /// errno of reading the table.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(begins) = self.begins.take()
            && let Some(len) = self.read_beginning(begins, buffer)?
        {
            self.at_end = true;
            return Ok(len);
        }
        if self.at_end {
            return Ok(0);
        }
        let count = self.file.read(buffer)?;
        self.at_end = count < buffer.len() && count <= self.last_read_max;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    /// Returns row `number` in `state`, `len` bytes long with its newline.
    fn row(number: usize, state: &str, len: usize) -> String {
        let row = format!(
            "{number:4}: 0100007F:{number:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {number} 1"
        );
        format!("{row:0$}\n", len - 1)
    }

    #[test]
    fn a_line_tells_that_no_listener_follows_once_its_state_is_there() {
        let told = |line: &str, len: usize| ends_listeners(&line.as_bytes()[..len]);
        for line in [HEADER, &row(1, "0A", 150), &row(1, "03", 150), ""] {
            assert!((0..=line.len()).all(|len| !told(line, len)), "{line}");
        }
        for state in ["01", "06", "0B", "0C"] {
            let line = row(1, state, 150);
            let at = line.find(&format!(" {state} ")).unwrap();
            for len in 0..=line.len() {
                assert_eq!(told(&line, len), len >= at + 4, "{state}, {len} bytes");
            }
        }
    }

    #[test]
    fn the_number_of_buckets_is_told_by_its_amount() {
        assert_eq!(parse_buckets(b"-262144\n"), Some(262_144));
        assert_eq!(parse_buckets(b"512\n"), Some(512));
        for other in ["", "-", "--1", "x"] {
            assert_eq!(parse_buckets(other.as_bytes()), None, "{other}");
        }
    }

    // A regular file is read as the kernel's is, but for the walk.
    #[test]
    fn all_listeners_are_read_whatever_number_is_expected() {
        let path = std::env::temp_dir().join(format!("lsock-hash-{}", std::process::id()));
        for (listeners, others, len) in (0..30)
            .flat_map(|listeners| [0, 1, 2, 30].map(|others| (listeners, others)))
            .flat_map(|(listeners, others)| [150, 137, 179].map(|len| (listeners, others, len)))
        {
            let mut text = format!("{HEADER:149}\n");
            for number in 0..listeners + others {
                let state = if number < listeners { "0A" } else { "01" };
                text += &row(number, state, len + number % 2);
            }
            File::create(&path)
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
            let sockets = u64::try_from(listeners + others).unwrap();
            let counts = [sockets, 0, 1, sockets / 2, sockets + 1, 1000];
            for (in_use, rows) in counts
                .into_iter()
                .flat_map(|count| [1, 4, 12].map(|rows| (count, rows)))
            {
                let (mut seen, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
                let file = File::open(&path).unwrap();
                let begins = Beginning {
                    in_use,
                    rows,
                    is_v6: len > 150,
                };
                let mut begun = Text::new(file, true, Some(begins), &ends_listeners);
                while let count @ 1.. = begun.read(&mut buffer).unwrap() {
                    seen.extend_from_slice(&buffer[..count]);
                }
                let seen = String::from_utf8(seen).unwrap();
                assert!(text.starts_with(&seen), "{listeners} {others} {in_use}");
                let known = seen.lines().skip(1).filter(|line| line.contains(" 0A "));
                assert_eq!(known.count(), listeners, "{others} {in_use} {len}");
                assert!(seen.ends_with('\n'), "{seen}");
                let is_begun = others == 30 && listeners < 15 && in_use > 20 && rows == 1;
                assert!(!is_begun || seen.lines().count() <= listeners * 5 / 4 + 4);
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
}
