//! Fields out of a line, from left to right, separated by blanks. In: a line as the kernel printed it, or bytes that only
//! look like one. Out: slices of the line, and numbers; `None` for what has not exactly the shape that was asked for. It
//! does not know what a field means.

use crate::text::digits::{ONES, eight_hex, take_decimal, take_hex};

/// Bytes at fixed places of a line. Each method notes an error where its byte or digit is missing, and `finish` returns
/// once whether there was any: one branch for a row in place of twenty.
pub(crate) struct Fixed<'a, const LEN: usize> {
    /// The bytes.
    bytes: &'a [u8; LEN],
    /// Bits of all that was wrong; 0 while no error was noted.
    errors: u64,
}

impl<const LEN: usize> Fixed<'_, LEN> {
    /// Returns the number of the `N` hexadecimal digits at `at`, of which there are eight at most.
    #[inline(always)]
    pub(crate) fn hex<const N: usize>(&mut self, at: usize) -> u32 {
        let digits = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<N>);
        let mut padded = [b'0'; 8];
        let (Some(digits), Some(last)) = (digits, padded.last_chunk_mut()) else {
            self.errors = 1;
            return 0;
        };
        *last = *digits;
        // Most queues and timers are zero.
        if padded == *b"00000000" {
            return 0;
        }
        let (number, errors) = eight_hex(padded);
        self.errors |= errors;
        number
    }

    /// Returns the numbers of the four hexadecimal digits at each of `places`, which are read as one number of eight.
    #[inline(always)]
    pub(crate) fn hex_pair(&mut self, places: [usize; 2]) -> (u16, u16) {
        let mut both = [0; 8];
        for (half, at) in both.as_chunks_mut::<4>().0.iter_mut().zip(places) {
            let digits = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
            *half = digits.copied().unwrap_or_default();
        }
        let (number, errors) = eight_hex(both);
        self.errors |= errors;
        let half = |number: u32| u16::try_from(number & 0xffff).unwrap_or(0);
        (half(number >> 16), half(number))
    }

    /// Notes an error unless `byte` is at `at`.
    #[inline(always)]
    pub(crate) fn expect(&mut self, at: usize, byte: u8) {
        let found = self.bytes.get(at).copied().unwrap_or(!byte);
        self.errors |= u64::from(found ^ byte);
    }

    /// Returns `Some` if no error was noted.
    #[inline(always)]
    pub(crate) fn finish(self) -> Option<()> {
        (self.errors == 0).then_some(())
    }
}

/// Returns true if any byte of `word` is a blank: once the bits of a blank are taken away, a byte of zero borrows.
fn has_blank(word: [u8; 8]) -> bool {
    let word = u64::from_ne_bytes(word) ^ (0x20 * ONES);
    word.wrapping_sub(ONES) & !word & (ONES << 7) != 0
}

/// Returns true for a pointer: hexadecimal digits, at most 16, and as little as a 0 where the kernel hides it; or what it
/// prints before its random numbers are ready, with which it would hide it.
pub(crate) fn is_pointer(field: &[u8]) -> bool {
    let is_hex = (1..=16).contains(&field.len()) && field.iter().all(u8::is_ascii_hexdigit);
    is_hex || [b"(____ptrval____)".as_slice(), b"(ptrval)", b"(null)"].contains(&field)
}

/// The fields of a line that were not taken yet.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    /// The rest of the line.
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Returns all fields of `line`.
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    /// Returns the rest of the line, blanks in front included.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Passes over the next field, whatever is in it. Of a pointer, eight bytes are looked at at once.
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
        while let Some((word, rest)) = self.rest.split_first_chunk::<8>() {
            let others = u64::from_le_bytes(*word) ^ (0x20 * ONES);
            if others != 0 {
                let blanks = usize::try_from(others.trailing_zeros() / 8).unwrap_or(0);
                self.rest = self.rest.get(blanks..).unwrap_or_default();
                return;
            }
            self.rest = rest;
        }
        while let [b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Returns `Some` at the end of a field.
    #[inline(always)]
    pub(crate) fn field_end(&self) -> Option<()> {
        matches!(self.rest, [] | [b' ', ..]).then_some(())
    }

    /// Takes the next byte, which must be `byte`.
    #[inline(always)]
    pub(crate) fn byte(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (*first == byte).then_some(())
    }

    /// Takes the next `LEN` bytes, in which every field has its place.
    #[inline(always)]
    pub(crate) fn fixed<const LEN: usize>(&mut self) -> Option<Fixed<'a, LEN>> {
        let (bytes, rest) = self.rest.split_first_chunk::<LEN>()?;
        self.rest = rest;
        Some(Fixed { bytes, errors: 0 })
    }

    /// Takes exactly `N` hexadecimal digits, eight at most.
    #[inline(always)]
    pub(crate) fn fixed_hex<const N: usize>(&mut self) -> Option<u32> {
        let mut fixed = self.fixed::<N>()?;
        let number = fixed.hex::<N>(0);
        fixed.finish()?;
        Some(number)
    }

    /// Takes the next field, which must be a hexadecimal number of 32 bits.
    pub(crate) fn hex(&mut self) -> Option<u32> {
        self.skip_blanks();
        let number = take_hex(&mut self.rest)?;
        self.field_end()?;
        Some(number)
    }

    /// Takes the next field, which must be a decimal number of 32 bits.
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

    /// Takes the decimal number of 32 bits that comes next without a blank, and must end its field.
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
        take_decimal(&mut self.rest)
    }

    /// Takes the next field, which must be a decimal number of 32 bits that may be negative.
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

    /// Returns `Some` if only blanks are left. Rows are padded with dozens of them, so eight are looked at at once.
    pub(crate) fn end(self) -> Option<()> {
        let (words, bytes) = self.rest.as_chunks::<8>();
        let others = words.iter().fold(0, |others, word| {
            others | (u64::from_ne_bytes(*word) ^ (0x20 * ONES))
        });
        (others == 0 && bytes.iter().all(|byte| *byte == b' ')).then_some(())
    }

    /// Passes over blanks, and returns true if nothing is left behind them.
    #[inline(always)]
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    // Most callers read a row that is rare: not inlined, it makes the binary 3 KB smaller.
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

/// Returns what is behind `beginning` in `text`, from the first line on that begins so.
#[inline(never)]
pub(crate) fn text_after<'a>(text: &'a [u8], beginning: &[u8]) -> Option<&'a [u8]> {
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix(beginning) {
            return Some(after);
        }
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        rest = rest.get(end + 1..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn numbers_stand_behind_blanks_and_end_their_field() {
        for blanks in ["", " ", "        ", "         "] {
            for (word, decimal, hex) in [
                ("7", Some(7), Some(7)),
                ("12", Some(12), Some(0x12)),
                ("4294967295", Some(u32::MAX), None),
                ("4294967296", None, None),
                ("1f90", None, Some(0x1f90)),
                ("1x", None, None),
                ("-1", None, None),
                ("", None, None),
            ] {
                for behind in ["", " ", " 3"] {
                    let line = [blanks, word, behind].concat();
                    let fields = Fields::new(line.as_bytes());
                    let is_missing = word.is_empty() && behind == " 3";
                    let other = Some(3).filter(|_| is_missing);
                    assert_eq!(fields.clone().decimal32(), decimal.or(other), "{line}");
                    assert_eq!(fields.clone().hex(), hex.or(other), "{line}");
                }
            }
        }
        let mut fields = Fields::new(b"020011AC -1 12 ");
        assert_eq!(fields.fixed_hex::<8>(), Some(0x0200_11ac));
        assert_eq!(fields.signed32(), Some(-1));
        assert_eq!(fields.clone().end(), None);
        assert_eq!(fields.decimal32(), Some(12));
        assert_eq!(fields.end(), Some(()));
        assert_eq!(Fields::new(b"-").signed32(), None);
        assert_eq!(
            Fields::new(b" 412: x").decimal_digits(),
            Some(412),
            "digits need not end their field"
        );
    }

    #[test]
    fn four_digits_are_read_as_eight_are() {
        for first in 0..=u8::MAX {
            for second in [b'0', b'F', b'/', b':', b'g'] {
                let word = [b'0', b'C', second, first];
                let known = std::str::from_utf8(&word).ok();
                let known = known.and_then(|word| u32::from_str_radix(word, 16).ok());
                assert_eq!(Fields::new(&word).fixed_hex::<4>(), known, "{word:?}");
                let mut fixed = Fields::new(&word).fixed::<4>().unwrap();
                fixed.expect(0, b'0');
                fixed.expect(3, first);
                assert!(fixed.finish().is_some());
                let mut fixed = Fields::new(&word).fixed::<4>().unwrap();
                fixed.expect(3, !first);
                assert!(fixed.finish().is_none());
            }
        }
    }

    #[test]
    fn a_pointer_is_at_most_sixteen_hexadecimal_digits_or_hidden() {
        for (word, is_pointer) in [
            ("0", true),
            ("480df240", true),
            ("ffff888003c0a000", true),
            ("0ffff888003c0a000", false),
            ("(ptrval)", true),
            ("(____ptrval____)", true),
            ("(null)", true),
            ("(x)", false),
            ("", false),
        ] {
            assert_eq!(super::is_pointer(word.as_bytes()), is_pointer, "{word}");
        }
    }
}
