//! Lines out of a stream, through one fixed buffer of the caller's. In: whatever can be read. Out: records, which are
//! slices of the buffer: a line, or a line and those that continue it. It does not know what a line means.
//!
//! memchr finds the newlines in what each `read()` brought. The beginning of a line moves to the front of the buffer
//! before the rest of it is read, so that a row is contiguous however the reads were cut.

use std::io;

/// How much is kept of a line that does not fit the buffer.
const OVERLONG_KEPT: usize = 64;
/// The length from which on a line is taken for one without an end, such as /dev/zero has.
pub(crate) const ENDLESS: usize = 64 * 1024 * 1024;

/// Returns true for a line that begins a record; any other line continues the record before it.
pub(crate) type Begins = fn(&[u8]) -> bool;

/// A record of a table: one line; or, for a unix socket whose name has newlines, several.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// The bytes without the last newline.
    pub(crate) bytes: &'a [u8],
    /// True if a newline ended it; without one the table was cut there.
    pub(crate) ended: bool,
}

/// Reads what comes next into a buffer, and returns how many bytes that were. It is called a few times a table, so there is
/// no code of its own for each kind of source.
pub(crate) type Source<'a> = &'a mut dyn FnMut(&mut [u8]) -> io::Result<usize>;

/// A stream of records. `next` lends a record until it is called again.
pub(crate) struct Records<'a> {
    /// Reads what comes next.
    read: Source<'a>,
    /// The caller's buffer.
    buffer: &'a mut [u8],
    /// The start of the next record in the buffer.
    start: usize,
    /// The end of what was searched for newlines.
    seen: usize,
    /// The end of what was read.
    filled: usize,
    /// The longest read that is taken for the last one.
    last_read_max: usize,
    /// How much was dropped of the record that is being read, which does not fit the buffer.
    dropped: usize,
    /// True if no more bytes will come.
    at_end: bool,
}

impl<'a> Records<'a> {
    /// Returns the records of what `read` reads, through `buffer`, which bounds their length. A read that ends with a line
    /// and brings at most `last_read_max` bytes is taken for the last one, which saves the read that would tell so; with 0,
    /// the end is where a read brings nothing.
    pub(crate) fn new(read: Source<'a>, buffer: &'a mut [u8], last_read_max: usize) -> Self {
        Self {
            read,
            buffer,
            start: 0,
            seen: 0,
            filled: 0,
            last_read_max,
            dropped: 0,
            at_end: false,
        }
    }

    /// Finds the end of the next line, newline excluded, or the end of the text; `None` after that.
    fn line_end(&mut self) -> io::Result<Option<usize>> {
        loop {
            let fresh = self.buffer.get(self.seen..self.filled).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', fresh) {
                return Ok(Some(self.seen + at));
            }
            if self.at_end {
                return Ok((self.seen < self.filled).then_some(self.filled));
            }
            self.fill()?;
        }
    }

    /// Moves what is left to the front of the buffer, and reads more behind it.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.seen -= self.start;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            self.dropped += self.filled;
            if self.dropped > ENDLESS {
                return Err(endless());
            }
            // No table has such a line: keep its beginning, to be quoted, behind a NUL, with which no row begins.
            // One byte of it is searched once more: where the text ends here, it is still a line.
            self.filled = self.buffer.len().min(OVERLONG_KEPT);
            self.seen = self.filled.saturating_sub(1);
            if let Some(first) = self.buffer.first_mut() {
                *first = 0;
            }
        }
        let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = (self.read)(free)?;
        // A read that filled the buffer was short because of that; one that ends within a line has more behind it.
        let is_short = count < free.len() && count <= self.last_read_max;
        let last = count.checked_sub(1).and_then(|last| free.get(last));
        self.at_end = last.is_none_or(|last| is_short && *last == b'\n');
        self.filled += count;
        Ok(())
    }

    /// Returns the next record; `None` at the end. Where `begins` is given, lines that do not begin a record belong to the
    /// one before them; else every line is a record.
    ///
    /// # Errors
    /// errno of reading, which ends the table.
    pub(crate) fn next(&mut self, begins: Option<Begins>) -> io::Result<Option<Record<'_>>> {
        let Some(mut end) = self.line_end()? else {
            return Ok(None);
        };
        self.seen = self.filled.min(end + 1);
        if let Some(begins) = begins {
            loop {
                // Filling the buffer moves the record: count from its start.
                let len = end - self.start;
                let Some(next_end) = self.line_end()? else {
                    end = self.start + len;
                    break;
                };
                end = self.start + len;
                if begins(self.buffer.get(self.seen..next_end).unwrap_or_default()) {
                    break;
                }
                end = next_end;
                self.seen = self.filled.min(next_end + 1);
            }
        }
        self.dropped = 0;
        let start = std::mem::replace(&mut self.start, self.seen);
        let bytes = self.buffer.get(start..end).unwrap_or_default();
        Ok(Some(Record {
            bytes,
            ended: end < self.seen,
        }))
    }
}

/// Returns the error of a line that has no end.
pub(crate) fn endless() -> io::Error {
    io::Error::other("a line without an end, so the rest is not read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// Gives `bytes` in reads that are cut at `cut`.
    struct CutAt<'a>(&'a [u8], usize);

    impl Read for CutAt<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.1.min(self.0.len()));
            if now.is_empty() && !later.is_empty() {
                self.1 = later.len();
                return self.read(buffer);
            }
            let count = now.len().min(buffer.len());
            buffer[..count].copy_from_slice(&now[..count]);
            (self.0, self.1) = (&self.0[count..], self.1 - self.1.min(count));
            Ok(count)
        }
    }

    fn records(mut source: impl Read, len: usize, begins: Option<Begins>) -> Vec<(Vec<u8>, bool)> {
        let mut buffer = vec![0; len];
        let mut read = |buffer: &mut [u8]| source.read(buffer);
        let mut records = Records::new(&mut read, &mut buffer, 0);
        let mut all = Vec::new();
        while let Some(record) = records.next(begins).unwrap() {
            all.push((record.bytes.to_vec(), record.ended));
        }
        all
    }

    #[test]
    fn lines_are_the_same_wherever_the_reads_are_cut() {
        let text = b"head\n  1: a b\n\n  2: c d   \nlast without end";
        let naive: Vec<_> = text
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        for cut in 0..=text.len() {
            for len in [17, 18, 64] {
                let seen = records(CutAt(text, cut), len, None);
                let lines: Vec<_> = seen.iter().map(|(line, _)| line.clone()).collect();
                assert_eq!(lines, naive, "cut at {cut}, buffer of {len}");
                assert_eq!(seen.iter().filter(|(_, ended)| !ended).count(), 1);
            }
        }
    }

    #[test]
    fn what_begins_no_record_continues_the_one_before() {
        let text = b"#one\n#two\nmore\n\n#three\nend\n";
        for cut in 0..=text.len() {
            let seen = records(CutAt(text, cut), 32, Some(|line| line.starts_with(b"#")));
            let lines: Vec<_> = seen.iter().map(|(line, _)| line.as_slice()).collect();
            assert_eq!(
                lines,
                [&b"#one"[..], b"#two\nmore\n", b"#three\nend"],
                "cut at {cut}"
            );
            assert!(seen.iter().all(|(_, ended)| *ended));
        }
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_spoilt_and_the_next_is_not() {
        let text = [&b"head\n"[..], &[b'x'; 1000], b"\nnext\n"].concat();
        let seen = records(&text[..], 128, None);
        assert_eq!(
            (seen.len(), seen[0].0.as_slice(), seen[2].0.as_slice()),
            (3, &b"head"[..], &b"next"[..])
        );
        assert!(seen[1].0.starts_with(b"\0xxx"));
        // Wherever the text ends within it, whether it filled the buffer or not.
        for len in 128..400 {
            let seen = records(&vec![b'x'; len][..], 128, None);
            assert_eq!(seen.len(), 1, "{len}");
        }
    }

    #[test]
    fn a_short_read_is_the_last_one_where_the_caller_says_so() {
        let mut buffer = [0; 64];
        for (cut, max, count) in [(2, 3, 1), (2, 0, 3), (3, 3, 3)] {
            // A read that ends within a line is not the last one either.
            let mut source = CutAt(b"1\n2\n3\n", cut);
            let mut read = |buffer: &mut [u8]| source.read(buffer);
            let mut records = Records::new(&mut read, &mut buffer, max);
            let mut seen = 0;
            while records.next(None).unwrap().is_some() {
                seen += 1;
            }
            assert_eq!(seen, count, "{cut} {max}");
        }
    }
}
