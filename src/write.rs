//! Writes short pieces of text behind what a buffer holds. In: numbers, words, blanks. Out: bytes, one at a time.
//!
//! A list writes about thirty pieces a row, each of a few bytes. musl's memcpy, which `extend_from_slice` calls, takes
//! 30 ns however little it copies: it was more than half of the time spent outside the kernel. A byte takes one.

/// Writes a short text.
pub(crate) fn write_short(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len());
    for byte in text {
        out.push(*byte);
    }
}

/// Writes blanks until a cell of `width` is wide enough for `wanted`.
pub(crate) fn write_padding(out: &mut Vec<u8>, width: usize, wanted: usize) {
    (width..wanted).for_each(|_| out.push(b' '));
}

/// Writes `number` in decimal.
pub(crate) fn write_decimal(out: &mut Vec<u8>, number: u32) {
    if let Ok(digit @ 0..10) = u8::try_from(number) {
        return out.push(b'0' + digit);
    }
    // Digits come last first: ten hold any.
    let (mut digits, mut len, mut rest) = ([0; 10], 0, number);
    for digit in &mut digits {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        len += 1;
        if rest == 0 {
            break;
        }
    }
    digits
        .iter()
        .take(len)
        .rev()
        .for_each(|digit| out.push(*digit));
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
