//! Writes short pieces of text behind what a buffer holds. In: numbers, words, blanks. Out: bytes.
//!
//! A list writes about thirty pieces a row, each of a few bytes. musl's memcpy, which `extend_from_slice` calls, takes
//! 30 ns however little it copies: it was more than half of the time spent outside the kernel. A copy whose length is
//! a constant is two moves and no call, so pieces are copied as chunks and cut to their length; or byte by byte.

/// A chunk: no number is longer.
const CHUNK_LEN: usize = 16;

/// Writes a short text.
pub(crate) fn write_short(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len());
    for byte in text {
        out.push(*byte);
    }
}

/// Writes the first `len` bytes of `chunk`.
fn write_chunk(out: &mut Vec<u8>, chunk: [u8; CHUNK_LEN], len: usize) {
    let start = out.len();
    out.extend_from_slice(&chunk);
    out.truncate(start + len);
}

/// Writes blanks until a cell of `width` is wide enough for `wanted`.
pub(crate) fn write_padding(out: &mut Vec<u8>, width: usize, wanted: usize) {
    let mut rest = wanted.saturating_sub(width);
    while rest > 0 {
        let len = rest.min(CHUNK_LEN);
        write_chunk(out, [b' '; CHUNK_LEN], len);
        rest -= len;
    }
}

/// Writes `number` in decimal.
pub(crate) fn write_decimal(out: &mut Vec<u8>, number: u32) {
    write_number(out, number, 1);
}

/// Writes `number` in decimal, with blanks before it until it is as wide as `cell`.
pub(crate) fn write_number(out: &mut Vec<u8>, number: u32, cell: usize) {
    // The digits end in the middle of the buffer, so that one chunk from there to the left is the cell.
    let mut buffer = [b' '; 2 * CHUNK_LEN];
    let (mut len, mut rest) = (0, number);
    for digit in buffer.iter_mut().take(CHUNK_LEN).rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        len += 1;
        if rest == 0 {
            break;
        }
    }
    write_padding(out, CHUNK_LEN, cell);
    let shown = cell.clamp(len, CHUNK_LEN);
    let chunk = buffer
        .get(CHUNK_LEN - shown..)
        .and_then(<[u8]>::first_chunk);
    write_chunk(out, chunk.copied().unwrap_or([b' '; CHUNK_LEN]), shown);
}

/// The text of each octet and its length.
const OCTETS: [([u8; 3], u8); 256] = {
    let mut octets = [([0; 3], 0); 256];
    let (mut rest, mut octet) = (octets.as_mut_slice(), 0_u8);
    while let [first, more @ ..] = rest {
        let digits = [
            b'0' + octet / 100,
            b'0' + octet / 10 % 10,
            b'0' + octet % 10,
        ];
        *first = match octet {
            100.. => (digits, 3),
            10.. => ([digits[1], digits[2], 0], 2),
            _ => ([digits[2], 0, 0], 1),
        };
        octet = octet.wrapping_add(1);
        rest = more;
    }
    octets
};

/// Writes an octet of an IPv4 address.
pub(crate) fn write_octet(out: &mut Vec<u8>, octet: u8) {
    if let Some((digits, len)) = OCTETS.get(usize::from(octet)) {
        let start = out.len();
        out.extend_from_slice(digits);
        out.truncate(start + usize::from(*len));
    }
}

/// How many bytes `write_octet` writes.
pub(crate) fn octet_width(octet: u8) -> usize {
    OCTETS
        .get(usize::from(octet))
        .map_or(0, |(_, len)| usize::from(*len))
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
        out.push(if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        });
    }
}

/// How many digits `write_decimal` writes.
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

/// How many columns `text` takes on a screen: one a character, none of which is a control character.
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
            for cell in [0, 1, 5, 10, 15, 16, 17, 40] {
                let mut out = Vec::new();
                write_number(&mut out, number, cell);
                assert_eq!(String::from_utf8(out).unwrap(), format!("{number:cell$}"));
            }
        }
        for octet in 0..=u8::MAX {
            let mut out = Vec::new();
            write_octet(&mut out, octet);
            assert_eq!(String::from_utf8(out).unwrap(), octet.to_string());
            assert_eq!(octet_width(octet), octet.to_string().len());
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
