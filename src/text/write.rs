//! Writes short pieces of text to the end of a buffer. In: numbers, words, blanks. Out: bytes. It does not know what is
//! written.
//!
//! A list writes about thirty pieces a row, each of a few bytes. musl's memcpy, which `extend_from_slice` calls, takes
//! 30 ns however little it copies: it was more than half of the time spent outside the kernel. A copy of a constant
//! length is two moves and no call, so a piece is put together in a register, copied as a chunk, and cut to its length.
//! The digits of a number are computed all at once, without a division or a branch for each (2 to 3 % of the time of a
//! list).

/// The length of a chunk; no number and no IPv4 address is longer.
const CHUNK_LEN: usize = 16;

/// Writes a short text. The first and the last bytes of one of up to 16 are put together in a register: they overlap, or
/// touch, and where they overlap they are the same.
pub(crate) fn write_short(out: &mut Vec<u8>, text: &[u8]) {
    let len = text.len();
    let bits = u32::try_from(len).unwrap_or(0).wrapping_mul(8);
    let word = if let Some((first, last)) = ends::<8>(text) {
        if len > CHUNK_LEN {
            return write_long(out, text);
        }
        let (first, last) = (u64::from_le_bytes(first), u64::from_le_bytes(last));
        let chunk = joined(first, last, bits.wrapping_sub(64));
        return write_chunk(out, chunk, len);
    } else if let Some((first, last)) = ends::<4>(text) {
        let (first, last) = (u32::from_le_bytes(first), u32::from_le_bytes(last));
        u64::from(first) | u64::from(last).wrapping_shl(bits.wrapping_sub(32))
    } else if let Some((first, last)) = ends::<2>(text) {
        let (first, last) = (u16::from_le_bytes(first), u16::from_le_bytes(last));
        u64::from(first) | u64::from(last).wrapping_shl(bits.wrapping_sub(16))
    } else {
        text.first().copied().unwrap_or(0).into()
    };
    write_bytes(out, word, len);
}

/// Returns `first` with the bits of `second` behind its lowest `bits`, an even number up to 64. Compiled for size, a shift
/// of an `u128` is a call; a shift of an `u64` by 64 is two by 32.
#[inline(always)]
fn joined(first: u64, second: u64, bits: u32) -> u128 {
    let (half, other) = (bits / 2, 32_u32.wrapping_sub(bits / 2));
    let low = first | second.wrapping_shl(half).wrapping_shl(half);
    let high = second.wrapping_shr(other).wrapping_shr(other);
    u128::from(low) | u128::from(high) << 64
}

/// Returns the first and the last `N` bytes of `text`, if there are as many.
#[inline(always)]
fn ends<const N: usize>(text: &[u8]) -> Option<([u8; N], [u8; N])> {
    Some((*text.first_chunk()?, *text.last_chunk()?))
}

/// Writes a text that is longer than a chunk.
#[inline(never)]
fn write_long(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
}

/// Writes the first `len` bytes of `chunk`.
#[inline(always)]
fn write_chunk(out: &mut Vec<u8>, chunk: u128, len: usize) {
    let start = out.len();
    if out.capacity().wrapping_sub(start) < CHUNK_LEN {
        return write_growing(out, chunk, len);
    }
    out.extend_from_slice(&chunk.to_le_bytes());
    out.truncate(start + len);
}

/// Writes the first `len` bytes of `word`.
#[inline(always)]
fn write_bytes(out: &mut Vec<u8>, word: u64, len: usize) {
    let start = out.len();
    if out.capacity().wrapping_sub(start) < CHUNK_LEN / 2 {
        return write_growing(out, word.into(), len);
    }
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(start + len);
}

/// Writes the first `len` bytes of `chunk` where `out` may have to grow. Because this is the last call of the others, which
/// make no other, they need not save a register.
#[cold]
#[inline(never)]
fn write_growing(out: &mut Vec<u8>, chunk: u128, len: usize) {
    out.extend(chunk.to_le_bytes().iter().take(len));
}

/// Writes the blanks that a text of `width` lacks to be `wanted` wide.
pub(crate) fn write_padding(out: &mut Vec<u8>, width: usize, wanted: usize) {
    let blanks = wanted.saturating_sub(width);
    if blanks > CHUNK_LEN {
        return write_wide_padding(out, blanks);
    }
    write_chunk(out, u128::from_le_bytes([b' '; CHUNK_LEN]), blanks);
}

/// Writes more blanks than a chunk has.
#[inline(never)]
fn write_wide_padding(out: &mut Vec<u8>, blanks: usize) {
    write_padding(out, 0, CHUNK_LEN);
    write_padding(out, CHUNK_LEN, blanks);
}

/// Returns the values of the eight decimal digits of `number`, which has no more: a byte each, the first one lowest. The
/// number is divided by 10,000, its halves side by side by 100 and by 10, each by a multiplication that is exact for numbers
/// this small: the compiler would divide, to save bytes.
#[inline(always)]
fn eight_digits(number: u32) -> u64 {
    // No product or difference can overflow: `wrapping_` spares six checks.
    let number = u64::from(number);
    let upper = number.wrapping_mul(3_518_437_209) >> 45;
    let by_four = upper | number.wrapping_sub(upper * 10_000) << 32;
    let hundreds = by_four.wrapping_mul(5243) >> 19 & 0x7f_0000_007f;
    let by_two = hundreds | by_four.wrapping_sub(hundreds * 100) << 16;
    let tens = by_two.wrapping_mul(103) >> 10 & 0x000f_000f_000f_000f;
    tens | by_two.wrapping_sub(tens * 10) << 8
}

/// The digit 0 eight times.
const ZEROS: u64 = 0x3030_3030_3030_3030;
/// Eight blanks.
const BLANKS: u64 = 0x2020_2020_2020_2020;
/// The number of digits that are computed at once.
const DIGITS: usize = 8;
/// The smallest number with more digits.
const DIGITS_END: u32 = 100_000_000;

/// Returns how many bits the zeros in front of `digits` take; the last digit is none of them.
#[inline(always)]
fn leading_bits(digits: u64) -> u32 {
    digits.trailing_zeros().min(56) & !7
}

/// Returns how many bytes `bits` are.
#[inline(always)]
fn bytes(bits: u32) -> usize {
    usize::try_from(bits / 8).unwrap_or(0)
}

/// A number in decimal as the name of a file: at most ten digits and a NUL.
pub(crate) struct Decimal {
    /// The text, with NULs behind it.
    bytes: [u8; CHUNK_LEN],
    /// Its length.
    len: usize,
}

impl Decimal {
    /// Returns `number` as text.
    #[inline(always)]
    pub(crate) fn new(number: u32) -> Self {
        if number >= DIGITS_END {
            return Self::large(number);
        }
        let (word, len) = decimal_word(number);
        Self {
            bytes: u128::from(word).to_le_bytes(),
            len,
        }
    }

    /// Returns a `number` of more than eight digits as text.
    #[cold]
    #[inline(never)]
    fn large(number: u32) -> Self {
        let (head, len) = decimal_word(number / DIGITS_END);
        let rest = u128::from(eight_digits(number % DIGITS_END) | ZEROS);
        let text = u128::from(head) | if len == 1 { rest << 8 } else { rest << 16 };
        Self {
            bytes: text.to_le_bytes(),
            len: len + DIGITS,
        }
    }

    /// Returns the text with a NUL behind it, for a system call.
    #[inline(always)]
    pub(crate) fn with_nul(&self) -> &[u8] {
        self.bytes.get(..=self.len).unwrap_or_default()
    }

    /// Returns the text.
    pub(crate) fn text(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Returns the digits of `number`, which has eight at most, the first one lowest, and how many there are.
#[inline(always)]
fn decimal_word(number: u32) -> (u64, usize) {
    let digits = eight_digits(number);
    let leading = leading_bits(digits);
    ((digits | ZEROS) >> leading, DIGITS - bytes(leading))
}

/// Writes `number` in decimal.
pub(crate) fn write_decimal(out: &mut Vec<u8>, number: u32) {
    if number >= DIGITS_END {
        write_decimal(out, number / DIGITS_END);
        return write_bytes(out, eight_digits(number % DIGITS_END) | ZEROS, DIGITS);
    }
    let (word, len) = decimal_word(number);
    write_bytes(out, word, len);
}

/// Writes `number` in decimal, or `-` where there is none, with blanks in front until it is `cell` wide, and one behind.
pub(crate) fn write_number(out: &mut Vec<u8>, number: Option<u32>, cell: usize) {
    // Most queues are empty: what has one byte is written at once with its blanks.
    let sign = match number.map(u8::try_from) {
        None => b'-',
        Some(Ok(digit @ 0..10)) => b'0' | digit,
        Some(_) => {
            write_digits(out, number.unwrap_or(0), cell);
            return out.push(b' ');
        }
    };
    if !(1..DIGITS).contains(&cell) {
        write_padding(out, 1, cell);
        return write_short(out, &[sign, b' ']);
    }
    let word = BLANKS ^ u64::from(sign ^ b' ') << (cell * 8 - 8);
    write_bytes(out, word, cell + 1);
}

/// Writes `number` in decimal, with blanks in front until it is `cell` wide.
#[inline(never)]
fn write_digits(out: &mut Vec<u8>, number: u32, cell: usize) {
    if number >= DIGITS_END {
        write_padding(out, decimal_width(number), cell);
        return write_decimal(out, number);
    }
    if cell > DIGITS {
        write_padding(out, DIGITS, cell);
    }
    let digits = eight_digits(number);
    let leading = leading_bits(digits);
    // '0' has the bits of a blank and some more.
    let text = (digits | ZEROS) & (u64::MAX << leading | BLANKS);
    let most = 64 - u32::try_from(cell.min(DIGITS) * 8).unwrap_or(64);
    let unseen = leading.min(most);
    write_bytes(out, text >> unseen, DIGITS - bytes(unseen));
}

/// The text of each octet with a point behind it, the first byte lowest.
const OCTETS: [u32; 256] = {
    let mut octets = [0; 256];
    let (mut rest, mut octet) = (octets.as_mut_slice(), 0_u8);
    while let [first, more @ ..] = rest {
        let (ones, tens, hundreds) = (
            b'0' + octet % 10,
            b'0' + octet / 10 % 10,
            b'0' + octet / 100,
        );
        *first = u32::from_le_bytes(match octet {
            100.. => [hundreds, tens, ones, b'.'],
            10.. => [tens, ones, b'.', 0],
            _ => [ones, b'.', 0, 0],
        });
        octet = octet.wrapping_add(1);
        rest = more;
    }
    octets
};

/// Returns the text of `octet` with a point behind it, and how many bits it takes.
#[inline(always)]
fn pointed(octet: u8) -> (u64, u32) {
    let text = OCTETS.get(usize::from(octet)).copied().unwrap_or(0);
    (text.into(), 32 - (text.leading_zeros() & !7))
}

/// Writes an IPv4 address: `172.17.0.2`.
pub(crate) fn write_v4(out: &mut Vec<u8>, [first, second, third, fourth]: [u8; 4]) {
    let ((first, bits), (second, more)) = (pointed(first), pointed(second));
    let (one, one_bits) = (first | second << bits, bits + more);
    let ((third, bits), (fourth, more)) = (pointed(third), pointed(fourth));
    let (other, other_bits) = (third | fourth << bits, bits + more);
    // The last point is not written.
    let len = bytes(one_bits + other_bits - 8);
    write_chunk(out, joined(one, other, one_bits), len);
}

/// Writes an IPv4 address and a port: `172.17.0.2:8080`.
pub(crate) fn write_v4_end(out: &mut Vec<u8>, octets: [u8; 4], port: u16) {
    write_v4(out, octets);
    let (word, len) = decimal_word(port.into());
    write_bytes(out, u64::from(b':') | word << 8, len + 1);
}

/// Returns how many bytes `write_v4_end` writes.
pub(crate) fn v4_end_width(octets: [u8; 4], port: u16) -> usize {
    let octets = octets.map(|octet| 2 + usize::from(octet > 9) + usize::from(octet > 99));
    octets.into_iter().sum::<usize>() + decimal_width(port.into())
}

/// Writes `hundredths` as a number with two digits behind the point: `7198.32`.
pub(crate) fn write_hundredths(out: &mut Vec<u8>, hundredths: u32) {
    write_decimal(out, hundredths / 100);
    out.push(b'.');
    write_decimal(out, hundredths % 100 / 10);
    write_decimal(out, hundredths % 10);
}

/// Returns how many digits `write_decimal` writes.
pub(crate) fn decimal_width(number: u32) -> usize {
    match number {
        0..10 => 1,
        10..100 => 2,
        100..1000 => 3,
        1000..10_000 => 4,
        10_000..100_000 => 5,
        100_000..1_000_000 => 6,
        1_000_000..10_000_000 => 7,
        10_000_000..100_000_000 => 8,
        100_000_000..1_000_000_000 => 9,
        _ => 10,
    }
}

/// Returns how many columns `text` takes on a screen: one for each character. It has no control characters.
pub(crate) fn width(text: &[u8]) -> usize {
    let (chunks, rest) = text.as_chunks::<8>();
    let all = match text.last_chunk::<8>() {
        Some(last) => chunks.iter().fold(u64::from_le_bytes(*last), |all, chunk| {
            all | u64::from_le_bytes(*chunk)
        }),
        None => rest.iter().fold(0, |all, byte| all | u64::from(*byte)),
    };
    if all & 0x8080_8080_8080_8080 == 0 {
        return text.len();
    }
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// Returns the width of what stands in `out` from `start` on, as `width` does. A short text is ASCII where all of the bytes at
/// the end are, those before it too, which takes one look.
#[inline(always)]
pub(crate) fn width_at_end(out: &[u8], start: usize) -> usize {
    let len = out.len().saturating_sub(start);
    if let Some((rest, third)) = out.split_last_chunk::<8>()
        && let Some((rest, second)) = rest.split_last_chunk::<8>()
        && let Some(first) = rest.last_chunk::<8>()
        && len <= 24
    {
        let all =
            u64::from_le_bytes(*first) | u64::from_le_bytes(*second) | u64::from_le_bytes(*third);
        if all & 0x8080_8080_8080_8080 == 0 {
            return len;
        }
    }
    width(out.get(start..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_std() {
        let powers = (0..10).map(|power| 10_u32.pow(power));
        let around = powers.flat_map(|power| [power - 1, power, power + 1]);
        for number in around.chain([0, 65535, u32::MAX]) {
            let mut out = b"before ".to_vec();
            write_decimal(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), format!("before {number}"));
            assert_eq!(decimal_width(number), number.to_string().len());
            let name = Decimal::new(number);
            assert_eq!(name.text(), number.to_string().as_bytes());
            assert_eq!(name.with_nul().len(), name.text().len() + 1);
            for cell in [0, 1, 5, 7, 8, 10, 15, 16, 17, 40] {
                let mut out = Vec::new();
                write_number(&mut out, Some(number), cell);
                assert_eq!(String::from_utf8(out).unwrap(), format!("{number:cell$} "));
                let mut out = Vec::new();
                write_number(&mut out, None, cell);
                assert_eq!(String::from_utf8(out).unwrap(), format!("{:>cell$} ", "-"));
            }
        }
        for number in (0..20_000).chain((0..u32::MAX).step_by(104_729)) {
            let mut out = Vec::new();
            write_decimal(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
        for octet in 0..=u8::MAX {
            for octets in [[octet, 0, 10, 199], [255, octet, octet, octet]] {
                let mut out = Vec::new();
                write_v4(&mut out, octets);
                let known = std::net::Ipv4Addr::from(octets).to_string();
                assert_eq!(String::from_utf8(out).unwrap(), known);
                let port = u16::from(octet) * 257;
                let mut out = Vec::new();
                write_v4_end(&mut out, octets, port);
                assert_eq!(out.len(), v4_end_width(octets, port));
                let known = format!("{known}:{port}");
                assert_eq!(String::from_utf8(out).unwrap(), known);
            }
        }
    }

    #[test]
    fn a_short_text_of_any_length_is_written_whole() {
        let text: Vec<u8> = (0..40).collect();
        for len in 0..=text.len() {
            // The second time the buffer has room for all of it.
            for room in [0, 100] {
                let mut out = Vec::with_capacity(room);
                write_short(&mut out, &text[..len]);
                assert_eq!(out, &text[..len]);
            }
        }
    }

    #[test]
    fn hundredths_have_two_digits_behind_the_point() {
        for (hundredths, text) in [
            (0, "0.00"),
            (7, "0.07"),
            (20, "0.20"),
            (719_832, "7198.32"),
            (u32::MAX, "42949672.95"),
        ] {
            let mut out = Vec::new();
            write_hundredths(&mut out, hundredths);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn a_character_is_one_column() {
        assert_eq!(width("Käse".as_bytes()), 4);
        assert_eq!(width(b""), 0);
        assert_eq!(width("/run/\u{e4}.sock".as_bytes()), 11);
        let mut out = Vec::new();
        write_short(&mut out, b"ab");
        write_padding(&mut out, 2, 5);
        write_padding(&mut out, 7, 5);
        assert_eq!(out, b"ab   ");
    }
}
