//! Scans bytes: lines out of a stream through one fixed buffer, fields out of a line, numbers out of a field. In: what
//! the kernel printed, or bytes that only look like it. Out: slices of the buffer and numbers; nothing is copied, and
//! what has not exactly the shape asked for is `None`. It does not know what a line means.
//!
//! The lines: memchr finds the newlines in what each `read()` brought; what is left of a line moves to the front of the
//! buffer, so that a row is contiguous however the reads were cut. A row of an internet table is mostly fields of a
//! fixed number of hexadecimal digits: these are read eight at once, for half of the instructions of one by one.

use std::io::{self, Read};

/// What a byte that is no digit counts as.
const NO_DIGIT: u8 = 0xff;

/// The value of each byte as a hexadecimal digit: a table row has about a hundred of them.
const HEX_DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let (mut rest, mut byte) = (digits.as_mut_slice(), 0_u8);
    while let [digit, more @ ..] = rest {
        *digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'F' => byte - b'A' + 10,
            b'a'..=b'f' => byte - b'a' + 10,
            _ => NO_DIGIT,
        };
        byte = byte.wrapping_add(1);
        rest = more;
    }
    digits
};

/// The value of a hexadecimal digit, or `NO_DIGIT`.
fn hex_digit(byte: u8) -> u8 {
    HEX_DIGITS
        .get(usize::from(byte))
        .copied()
        .unwrap_or(NO_DIGIT)
}

/// A one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The number of eight hexadecimal digits, and 0 if that is what all of them are. In each byte the low four bits of a
/// letter are its value less 9, and bit 6 is set; whether all were digits tells the way back, from values to digits.
#[inline(always)]
fn eight_hex(digits: [u8; 8]) -> (u32, u64) {
    let word = u64::from_le_bytes(digits);
    let letters = word >> 6 & ONES;
    let values = (word & (15 * ONES)).wrapping_add(9 * letters);
    let above_9 = values.wrapping_add(6 * ONES) >> 4 & ONES;
    let again = values.wrapping_add(0x30 * ONES).wrapping_add(7 * above_9);
    let wrong = again ^ (word & !(letters << 5)) | values & (0xf0 * ONES);
    // The first digit is the lowest byte and the highest value: pairs of them change places, then pairs of pairs.
    let bytes = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
    let halves = (bytes << 8 | bytes >> 16) & 0x0000_ffff_0000_ffff;
    let number = (halves << 16 | halves >> 32) & 0xffff_ffff;
    (u32::try_from(number).unwrap_or(0), wrong)
}

/// What stands at fixed places of a line. Whether all of it was as it should be is asked once, at the end: a branch for
/// a row in place of twenty.
pub(crate) struct Fixed<'a, const LEN: usize> {
    /// The bytes.
    bytes: &'a [u8; LEN],
    /// 0 as long as nothing was wrong.
    wrong: u64,
}

impl<const LEN: usize> Fixed<'_, LEN> {
    /// The number of the `N` hexadecimal digits at `at`, of which there are eight at most.
    #[inline(always)]
    pub(crate) fn hex<const N: usize>(&mut self, at: usize) -> u32 {
        let digits = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<N>);
        let mut padded = [b'0'; 8];
        let (Some(digits), Some(last)) = (digits, padded.last_chunk_mut()) else {
            self.wrong = 1;
            return 0;
        };
        *last = *digits;
        // Queues and timers mostly are.
        if padded == *b"00000000" {
            return 0;
        }
        let (number, wrong) = eight_hex(padded);
        self.wrong |= wrong;
        number
    }

    /// The numbers of the four hexadecimal digits at each of `places`, read as one.
    #[inline(always)]
    pub(crate) fn hex_pair(&mut self, places: [usize; 2]) -> (u16, u16) {
        let mut both = [0; 8];
        for (half, at) in both.as_chunks_mut::<4>().0.iter_mut().zip(places) {
            let digits = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
            *half = digits.copied().unwrap_or_default();
        }
        let (number, wrong) = eight_hex(both);
        self.wrong |= wrong;
        let half = |number: u32| u16::try_from(number & 0xffff).unwrap_or(0);
        (half(number >> 16), half(number))
    }

    /// That `byte` stands at `at`.
    #[inline(always)]
    pub(crate) fn byte(&mut self, at: usize, byte: u8) {
        let found = self.bytes.get(at).copied().unwrap_or(!byte);
        self.wrong |= u64::from(found ^ byte);
    }

    /// That nothing was wrong.
    #[inline]
    pub(crate) fn end(self) -> Option<()> {
        (self.wrong == 0).then_some(())
    }
}

/// The number of the decimal digits that `word` starts with, and how many they are. The others are shifted out; then
/// pairs of digits, pairs of these, and both halves are put together, each by one multiplication for all of them.
#[inline(always)]
fn leading_decimal(word: [u8; 8]) -> (u32, usize) {
    let values = u64::from_le_bytes(word) ^ (0x30 * ONES);
    let others = (values.wrapping_add(0x76 * ONES) | values) & (0x80 * ONES);
    let bits = others.trailing_zeros() & !7;
    let digits = values.checked_shl(64 - bits).unwrap_or(0);
    let twos = digits.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    let all = fours.wrapping_mul(10_000 << 32 | 1) >> 32;
    let len = usize::try_from(bits / 8).unwrap_or(0);
    (u32::try_from(all).unwrap_or(0), len)
}

/// Whether any byte of `word` is a blank: a byte of zero, once all that a blank has is taken away, borrows.
fn has_blank(word: [u8; 8]) -> bool {
    let word = u64::from_ne_bytes(word) ^ (0x20 * ONES);
    word.wrapping_sub(ONES) & !word & (ONES << 7) != 0
}

/// A number of 1 to 8 hexadecimal digits, nothing else.
pub(crate) fn hex(digits: &[u8]) -> Option<u32> {
    let mut fields = Fields::new(digits);
    let number = fields.hex_digits()?;
    fields.rest.is_empty().then_some(number)
}

/// A number of decimal digits that fits 64 bits, nothing else.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    let (first, last) = digits.split_at_checked(19).unwrap_or((digits, b""));
    let mut value = 0_u64;
    // Nineteen digits cannot overflow.
    for byte in first {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    match last {
        [] => Some(value).filter(|_| !digits.is_empty()),
        [digit @ b'0'..=b'9'] => value.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    }
}

/// A number of decimal digits that fits 32 bits: a pid, an fd, a uid or an inode of a socket.
pub(crate) fn decimal32(digits: &[u8]) -> Option<u32> {
    u32::try_from(decimal(digits)?).ok()
}

/// The fields of a line, separated by blanks, from left to right.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    /// What has not been taken.
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// All fields of `line`.
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    /// What follows the last field taken, leading blanks included.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Passes over the next field, whatever is in it: a pointer, of which eight bytes are looked at at once.
    pub(crate) fn skip_field(&mut self) -> Option<()> {
        self.skip_blanks();
        let start = self.rest;
        while let Some((word, rest)) = self.rest.split_first_chunk::<8>()
            && !has_blank(*word)
        {
            self.rest = rest;
        }
        while let [first, rest @ ..] = self.rest
            && *first != b' '
        {
            self.rest = rest;
        }
        (self.rest.len() < start.len()).then_some(())
    }

    /// Passes over blanks.
    #[inline(always)]
    fn skip_blanks(&mut self) {
        while let Some((b"        ", rest)) = self.rest.split_first_chunk::<8>() {
            self.rest = rest;
        }
        while let [b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// That a field ends here.
    #[inline(always)]
    pub(crate) fn field_end(&self) -> Option<()> {
        matches!(self.rest, [] | [b' ', ..]).then_some(())
    }

    /// Takes `byte`, which must come next.
    #[inline(always)]
    pub(crate) fn byte(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (*first == byte).then_some(())
    }

    /// Takes the 1 to 8 hexadecimal digits that come next.
    fn hex_digits(&mut self) -> Option<u32> {
        let (mut value, mut len) = (0_u32, 0);
        while let [first, rest @ ..] = self.rest
            && let digit = hex_digit(*first)
            && digit != NO_DIGIT
        {
            value = value << 4 | u32::from(digit);
            len += 1;
            self.rest = rest;
        }
        (1..=8).contains(&len).then_some(value)
    }

    /// Takes the `LEN` bytes that come next, which are of a fixed form.
    #[inline(always)]
    pub(crate) fn fixed<const LEN: usize>(&mut self) -> Option<Fixed<'a, LEN>> {
        let (bytes, rest) = self.rest.split_first_chunk::<LEN>()?;
        self.rest = rest;
        Some(Fixed { bytes, wrong: 0 })
    }

    /// Takes exactly `N` hexadecimal digits, eight at most.
    #[inline(always)]
    pub(crate) fn fixed_hex<const N: usize>(&mut self) -> Option<u32> {
        let mut fixed = self.fixed::<N>()?;
        let number = fixed.hex::<N>(0);
        fixed.end()?;
        Some(number)
    }

    /// The next field as a hexadecimal number.
    pub(crate) fn hex(&mut self) -> Option<u32> {
        self.skip_blanks();
        let number = self.hex_digits()?;
        self.field_end()?;
        Some(number)
    }

    /// The next field as a decimal number of 32 bits.
    #[inline]
    pub(crate) fn decimal32(&mut self) -> Option<u32> {
        self.skip_blanks();
        // Most numbers of a row have one digit or two.
        let (number, rest) = match self.rest {
            [ones @ b'0'..=b'9', rest @ ..] if let [b' ', ..] = rest => (ones & 0xf, rest),
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] if let [b' ', ..] = rest => {
                (10 * (tens & 0xf) + (ones & 0xf), rest)
            }
            _ => return self.long_decimal32(),
        };
        self.rest = rest;
        Some(number.into())
    }

    /// The field that comes next as a decimal number of 32 bits.
    #[inline(never)]
    fn long_decimal32(&mut self) -> Option<u32> {
        let number = self.digits()?;
        self.field_end()?;
        Some(number)
    }

    /// Takes the decimal digits that come next, after blanks.
    pub(crate) fn decimal_digits(&mut self) -> Option<u32> {
        self.skip_blanks();
        self.digits()
    }

    /// Takes the decimal digits that come next.
    #[inline(always)]
    pub(crate) fn digits(&mut self) -> Option<u32> {
        if let Some(word) = self.rest.first_chunk::<8>()
            && let (value, len @ 1..8) = leading_decimal(*word)
        {
            self.rest = self.rest.get(len..)?;
            return Some(value);
        }
        let (mut value, mut rest) = (0_u64, self.rest);
        while let [digit @ b'0'..=b'9', more @ ..] = rest {
            // Nineteen digits cannot overflow, and more are none of ours.
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit & 0xf));
            rest = more;
        }
        let len = self.rest.len() - rest.len();
        self.rest = rest;
        u32::try_from(value).ok().filter(|_| (1..20).contains(&len))
    }

    /// The next field as a decimal number that may be negative.
    #[inline]
    pub(crate) fn signed32(&mut self) -> Option<i32> {
        self.skip_blanks();
        match self.rest {
            [b'-', rest @ ..] if matches!(rest, [b'0'..=b'9', ..]) => {
                self.rest = rest;
                i32::try_from(-i64::from(self.decimal32()?)).ok()
            }
            _ => i32::try_from(self.decimal32()?).ok(),
        }
    }

    /// That nothing but blanks is left. Rows are padded with dozens of them, so eight are looked at at once.
    pub(crate) fn end(self) -> Option<()> {
        let (words, bytes) = self.rest.as_chunks::<8>();
        let others = words.iter().fold(0, |others, word| {
            others | (u64::from_ne_bytes(*word) ^ (0x20 * ONES))
        });
        (others == 0 && bytes.iter().all(|byte| *byte == b' ')).then_some(())
    }

    /// Whether nothing is left behind the blanks.
    #[inline]
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    // Most of those who call it read a row that is rare: the binary is 3 KB smaller.
    #[inline(never)]
    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.rest.iter().position(|byte| *byte != b' ')?;
        let (_, field) = self.rest.split_at_checked(start)?;
        let len = field
            .iter()
            .position(|byte| *byte == b' ')
            .unwrap_or(field.len());
        let (field, rest) = field.split_at_checked(len)?;
        self.rest = rest;
        Some(field)
    }
}

/// How much is kept of a line that does not fit the buffer.
const OVERLONG_KEPT: usize = 64;

/// Whether a line begins a record; what does not, continues the record before it.
pub(crate) type Begins = fn(&[u8]) -> bool;

/// A record of a table: one line, or for unix sockets a line and what a name with newlines in it makes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// The bytes without the last newline.
    pub(crate) bytes: &'a [u8],
    /// Whether a newline ended it; without one the table was cut there.
    pub(crate) ended: bool,
}

/// Reads `source` record by record through a buffer of the caller's, as `read` of the lending kind.
pub(crate) struct Records<'a, R> {
    /// Where the bytes come from.
    source: R,
    /// The caller's buffer.
    buffer: &'a mut [u8],
    /// Where the record that is being looked for starts.
    start: usize,
    /// Up to where newlines have been looked for.
    seen: usize,
    /// Up to where the buffer is filled.
    filled: usize,
    /// A read of at most so many bytes was the last one: there is no need to ask for the end.
    last_read_max: usize,
    /// No more bytes will come.
    at_end: bool,
}

impl<'a, R: Read> Records<'a, R> {
    /// Reads `source` through `buffer`, which bounds the length of a record. A read that brings at most
    /// `last_read_max` bytes is taken for the last; 0 asks until the end is told.
    pub(crate) fn new(source: R, buffer: &'a mut [u8], last_read_max: usize) -> Self {
        Self {
            source,
            buffer,
            start: 0,
            seen: 0,
            filled: 0,
            last_read_max,
            at_end: false,
        }
    }

    /// The end of the next line that is not yet looked at, newline excluded, or the end of all; `None` after that.
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

    /// Reads more behind what is there, moving that to the front of the buffer first.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.seen -= self.start;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            // No table has such a line: keep its beginning, to be quoted, and a NUL that no parser takes.
            self.filled = self.buffer.len().min(OVERLONG_KEPT);
            self.seen = self.filled;
            if let Some(last) = self
                .buffer
                .get_mut(..self.filled)
                .and_then(<[u8]>::last_mut)
            {
                *last = 0;
            }
        }
        let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = self.source.read(free)?;
        // A read that filled the buffer was short because of that.
        self.at_end = count == 0 || (count < free.len() && count <= self.last_read_max);
        self.filled += count;
        Ok(())
    }

    /// The next record; `None` at the end. Where `begins` is given, lines that do not begin a record belong to the one
    /// before them; else every line is a record.
    ///
    /// # Errors
    /// What reading says, which ends the table.
    pub(crate) fn next(&mut self, begins: Option<Begins>) -> io::Result<Option<Record<'_>>> {
        let Some(mut end) = self.line_end()? else {
            return Ok(None);
        };
        self.seen = self.filled.min(end + 1);
        if let Some(begins) = begins {
            loop {
                // What comes before the line moves when the buffer is filled: count from the record's start.
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
        let start = std::mem::replace(&mut self.start, self.seen);
        let bytes = self.buffer.get(start..end).unwrap_or_default();
        Ok(Some(Record {
            bytes,
            ended: end < self.seen,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn records(source: impl Read, len: usize, begins: Option<Begins>) -> Vec<(Vec<u8>, bool)> {
        let mut buffer = vec![0; len];
        let mut records = Records::new(source, &mut buffer, 0);
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
        assert!(seen[1].0.starts_with(b"xxx") && seen[1].0.contains(&0));
    }

    #[test]
    fn a_short_read_is_the_last_one_where_the_caller_says_so() {
        let mut buffer = [0; 64];
        let mut records = Records::new(CutAt(b"1\n2\n3\n", 2), &mut buffer, 3);
        assert_eq!(records.next(None).unwrap().unwrap().bytes, b"1");
        assert!(records.next(None).unwrap().is_none());
    }

    #[test]
    fn numbers_agree_with_std() {
        let words = [
            "",
            "0",
            "7",
            "0A",
            "1f90",
            "FFFFFFFF",
            "100000000",
            "g",
            "-1",
            "+1",
            " 1",
            "4294967295",
        ];
        let more = [
            "1234567",
            "12345678",
            "99999999",
            "4294967296",
            "18446744073709551615",
            "18446744073709551616",
            "00000000000000000001",
            "1_0",
        ];
        for word in words.into_iter().chain(more) {
            let signed = word.starts_with(['+', '-']);
            let known = u32::from_str_radix(word, 16)
                .ok()
                .filter(|_| word.len() < 9 && !signed);
            assert_eq!(hex(word.as_bytes()), known, "{word}");
            let known = word.parse::<u64>().ok().filter(|_| !signed);
            assert_eq!(decimal(word.as_bytes()), known, "{word}");
            for (before, behind) in [
                ("", ""),
                ("         ", ""),
                (" ", " x      "),
                ("", "/:      "),
            ] {
                let line = [before, word, behind].concat();
                let digits = word.bytes().take_while(u8::is_ascii_digit).count();
                let known = word
                    .get(..digits)
                    .and_then(|digits| digits.parse::<u32>().ok());
                let known = known.filter(|_| digits < 20 && !word.starts_with(' '));
                let seen = Fields::new(line.as_bytes()).decimal_digits();
                assert_eq!(
                    seen,
                    known.or(seen.filter(|_| word.starts_with(' '))),
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn fields_agree_with_split() {
        for line in [
            "",
            "   ",
            "a",
            " a  b:c   -1 ",
            "8: 020011AC:1F90 010011AC:D63E 01",
        ] {
            let naive: Vec<_> = line
                .split(' ')
                .filter(|field| !field.is_empty())
                .map(str::as_bytes)
                .collect();
            assert_eq!(
                Fields::new(line.as_bytes()).collect::<Vec<_>>(),
                naive,
                "{line}"
            );
        }
        for first in 0..=u8::MAX {
            for second in [
                b'0', b'9', b'a', b'F', b'/', b':', b'@', b'G', b'`', b'g', 0xff,
            ] {
                let word = [b'1', first, b'f', second, b'0', b'C', second, first];
                let known = std::str::from_utf8(&word).ok();
                let known = known.filter(|word| !word.contains('+'));
                let known = known.and_then(|word| u32::from_str_radix(word, 16).ok());
                assert_eq!(Fields::new(&word).fixed_hex::<8>(), known, "{word:?}");
                let known = known.map(|number| number >> 16);
                assert_eq!(Fields::new(&word).fixed_hex::<4>(), known, "{word:?}");
            }
        }
        for len in 0..20 {
            for blank in 0..len {
                let mut line = vec![b'x'; len];
                line[blank] = b' ';
                let mut fields = Fields::new(&line);
                let first = Fields::new(&line).next().map_or(0, <[u8]>::len);
                assert_eq!(fields.skip_field().is_some(), first > 0);
                let skipped = len - fields.rest().len();
                assert_eq!(skipped, first + usize::from(blank == 0), "{line:?}");
            }
        }
        let mut fields = Fields::new(b"020011AC -1 12 ");
        assert_eq!(fields.fixed_hex::<8>(), Some(0x0200_11ac));
        assert_eq!(fields.signed32(), Some(-1));
        assert_eq!(fields.clone().end(), None);
        assert_eq!(fields.decimal32(), Some(12));
        assert_eq!(fields.end(), Some(()));
    }
}
