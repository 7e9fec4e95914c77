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

/// Writes a short text.
pub(crate) fn write_short(out: &mut Vec<u8>, text: &[u8]) {
    let (chunks, rest) = text.as_chunks::<8>();
    for chunk in chunks {
        out.extend_from_slice(chunk);
    }
    // The rest is put together in a register: to push it byte by byte takes a load and a store of the length for each.
    let word = rest
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    write_bytes(out, word, rest.len());
}

/// Writes the first `len` bytes of `chunk`.
#[inline(always)]
fn write_chunk(out: &mut Vec<u8>, chunk: [u8; CHUNK_LEN], len: usize) {
    let start = out.len();
    out.extend_from_slice(&chunk);
    out.truncate(start + len);
}

/// Writes the blanks that a text of `width` lacks to be `wanted` wide.
pub(crate) fn write_padding(out: &mut Vec<u8>, width: usize, wanted: usize) {
    let mut rest = wanted.saturating_sub(width);
    while rest > CHUNK_LEN {
        write_chunk(out, [b' '; CHUNK_LEN], CHUNK_LEN);
        rest -= CHUNK_LEN;
    }
    write_chunk(out, [b' '; CHUNK_LEN], rest);
}

/// Returns the values of the eight decimal digits of `number`, which has no more: a byte each, the first one lowest. The
/// halves of a number are divided side by side: by 10,000, by 100, by 10, the last two by a multiplication that is exact
/// for numbers this small.
#[inline(always)]
fn eight_digits(number: u32) -> u64 {
    let by_four = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let hundreds = (by_four * 5243) >> 19 & 0x7f_0000_007f;
    let by_two = hundreds | (by_four - hundreds * 100) << 16;
    let tens = (by_two * 103) >> 10 & 0x000f_000f_000f_000f;
    tens | (by_two - tens * 10) << 8
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

/// Writes the first `len` bytes of `word`.
#[inline(always)]
fn write_bytes(out: &mut Vec<u8>, word: u64, len: usize) {
    let start = out.len();
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(start + len);
}

/// A number in decimal as the name of a file: at most ten digits and a NUL.
pub(crate) struct Decimal {
    /// The text and a NUL, at the end of the bytes.
    bytes: [u8; 11],
    /// The start of the text.
    start: usize,
}

impl Decimal {
    /// Returns `number` as text.
    #[inline(always)]
    pub(crate) fn new(number: u32) -> Self {
        let mut bytes = [0; 11];
        let (mut rest, mut start) = (number, 0);
        for (at, digit) in bytes.iter_mut().enumerate().take(10).rev() {
            *digit = b'0' | u8::try_from(rest % 10).unwrap_or(0);
            (rest, start) = (rest / 10, at);
            if rest == 0 {
                break;
            }
        }
        Self { bytes, start }
    }

    /// Returns the text with a NUL behind it, for a system call.
    #[inline(always)]
    pub(crate) fn with_nul(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Returns the text.
    pub(crate) fn text(&self) -> &[u8] {
        self.with_nul().strip_suffix(&[0]).unwrap_or_default()
    }
}

/// Writes `number` in decimal.
pub(crate) fn write_decimal(out: &mut Vec<u8>, number: u32) {
    if number >= DIGITS_END {
        write_decimal(out, number / DIGITS_END);
        return write_bytes(out, eight_digits(number % DIGITS_END) | ZEROS, DIGITS);
    }
    let digits = eight_digits(number);
    let leading = leading_bits(digits);
    write_bytes(out, (digits | ZEROS) >> leading, DIGITS - bytes(leading));
}

/// Writes `number` in decimal, with blanks in front until it is `cell` wide.
pub(crate) fn write_number(out: &mut Vec<u8>, number: u32, cell: usize) {
    // Most queues are empty.
    if let Ok(digit @ 0..=9) = u8::try_from(number) {
        write_padding(out, 1, cell);
        return out.push(b'0' | digit);
    }
    if number >= DIGITS_END {
        write_padding(out, decimal_width(number), cell);
        return write_decimal(out, number);
    }
    write_padding(out, DIGITS, cell);
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

/// Returns the text of `octet` with a point behind it, and its length.
#[inline(always)]
fn pointed(octet: u8) -> (u128, u32) {
    let text = OCTETS.get(usize::from(octet)).copied().unwrap_or(0);
    (u128::from(text), 4 - text.leading_zeros() / 8)
}

/// Writes an IPv4 address: `172.17.0.2`.
pub(crate) fn write_v4(out: &mut Vec<u8>, octets: [u8; 4]) {
    let (mut text, mut bits) = (0, 0);
    for octet in octets {
        let (pointed, len) = pointed(octet);
        text |= pointed << bits;
        bits += 8 * len;
    }
    // The last point is not written.
    let len = usize::try_from(bits / 8).unwrap_or(0).saturating_sub(1);
    write_chunk(out, text.to_le_bytes(), len);
}

/// Writes an IPv4 address and a port: `172.17.0.2:8080`.
pub(crate) fn write_v4_end(out: &mut Vec<u8>, octets: [u8; 4], port: u16) {
    write_v4(out, octets);
    out.push(b':');
    write_decimal(out, port.into());
}

/// Writes `hundredths` as a number with two digits behind the point: `7198.32`.
pub(crate) fn write_hundredths(out: &mut Vec<u8>, hundredths: u32) {
    write_decimal(out, hundredths / 100);
    out.push(b'.');
    write_decimal(out, hundredths % 100 / 10);
    write_decimal(out, hundredths % 10);
}

/// Writes `byte` as two hexadecimal digits.
pub(crate) fn write_hex_byte(out: &mut Vec<u8>, byte: u8) {
    for nibble in [byte >> 4, byte & 0xf] {
        out.push(hex_digit(nibble));
    }
}

/// Returns the hexadecimal digit of `nibble`, which is below 16.
pub(crate) fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    }
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
    if text.is_ascii() {
        return text.len();
    }
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
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
            for cell in [0, 1, 5, 10, 15, 16, 17, 40] {
                let mut out = Vec::new();
                write_number(&mut out, number, cell);
                assert_eq!(String::from_utf8(out).unwrap(), format!("{number:cell$}"));
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
        let mut out = Vec::new();
        write_short(&mut out, b"ab");
        write_padding(&mut out, 2, 5);
        write_padding(&mut out, 7, 5);
        assert_eq!(out, b"ab   ");
    }
}
