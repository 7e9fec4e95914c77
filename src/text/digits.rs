//! Digits to numbers. In: bytes that should be hexadecimal or decimal digits. Out: their number, or `None` for anything
//! else. It does not know where in a line the digits stand: `fields` does.
//!
//! A row of an internet table is mostly hexadecimal digits: eight are read at once, for half of the instructions of one
//! by one (4 % of the time of a list).

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

/// Returns the value of a hexadecimal digit, or `NO_DIGIT`.
fn hex_value(byte: u8) -> u8 {
    HEX_DIGITS
        .get(usize::from(byte))
        .copied()
        .unwrap_or(NO_DIGIT)
}

/// A one in each byte.
pub(super) const ONES: u64 = 0x0101_0101_0101_0101;

/// Returns the number of eight hexadecimal digits, and 0 if all of them are digits, else something else. In each byte the
/// low four bits of a letter are its value less 9, and bit 6 is set. The digits are computed back from the values: a byte
/// that was no digit comes back as another one.
#[inline(always)]
pub(super) fn eight_hex(digits: [u8; 8]) -> (u32, u64) {
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

/// Returns the number of the decimal digits that `word` starts with, and how many there are. The bytes behind them are
/// shifted out; then pairs of digits, pairs of these, and both halves are put together, each by one multiplication.
#[inline(always)]
fn leading_eight(word: [u8; 8]) -> (u32, usize) {
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

/// Takes the decimal digits that `text` starts with, and returns their number; `None` where there are none, where there
/// are more than 19, or where the number does not fit 32 bits.
#[inline(always)]
pub(super) fn take_decimal(text: &mut &[u8]) -> Option<u32> {
    if let Some(word) = text.first_chunk::<8>()
        && let (value, len @ 1..8) = leading_eight(*word)
    {
        *text = text.get(len..)?;
        return Some(value);
    }
    let (mut value, mut rest) = (0_u64, *text);
    while let [digit @ b'0'..=b'9', more @ ..] = rest {
        // Nineteen digits cannot overflow; a longer number is refused below.
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit & 0xf));
        rest = more;
    }
    let len = text.len() - rest.len();
    *text = rest;
    u32::try_from(value).ok().filter(|_| (1..20).contains(&len))
}

/// Takes the hexadecimal digits that `text` starts with, and returns their number; `None` unless there are 1 to 8.
pub(super) fn take_hex(text: &mut &[u8]) -> Option<u32> {
    let (mut value, mut rest) = (0_u32, *text);
    while let [first, more @ ..] = rest
        && let digit = hex_value(*first)
        && digit != NO_DIGIT
    {
        value = value << 4 | u32::from(digit);
        rest = more;
    }
    let len = text.len() - rest.len();
    *text = rest;
    (1..=8).contains(&len).then_some(value)
}

/// Returns the number of 1 to 8 hexadecimal digits and nothing else.
pub(crate) fn hex(mut digits: &[u8]) -> Option<u32> {
    take_hex(&mut digits).filter(|_| digits.is_empty())
}

/// Returns the number of up to 16 hexadecimal digits and nothing else: a pointer or a set of capabilities.
pub(crate) fn hex64(digits: &[u8]) -> Option<u64> {
    let (high, low) = digits.split_at_checked(digits.len().saturating_sub(8))?;
    let high = if high.is_empty() { 0 } else { hex(high)? };
    Some(u64::from(high) << 32 | u64::from(hex(low)?))
}

/// Returns the number of decimal digits and nothing else, if it fits 64 bits.
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

/// Returns the number of decimal digits and nothing else, if it fits 32 bits: a pid, an fd, a uid or a socket's inode.
pub(crate) fn decimal32(digits: &[u8]) -> Option<u32> {
    u32::try_from(decimal(digits)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_std() {
        for word in [
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
            "1234567",
            "12345678",
            "99999999",
            "4294967296",
            "18446744073709551615",
            "18446744073709551616",
            "00000000000000000001",
            "1_0",
        ] {
            let signed = word.starts_with(['+', '-']);
            let known = u32::from_str_radix(word, 16)
                .ok()
                .filter(|_| word.len() < 9 && !signed);
            assert_eq!(hex(word.as_bytes()), known, "{word}");
            let known = u64::from_str_radix(word, 16).ok();
            let known = known.filter(|_| word.len() < 17 && !signed);
            assert_eq!(hex64(word.as_bytes()), known, "{word}");
            let known = word.parse::<u64>().ok().filter(|_| !signed);
            assert_eq!(decimal(word.as_bytes()), known, "{word}");
            for behind in ["", " x      ", "/:      "] {
                let line = [word, behind].concat();
                let len = word.bytes().take_while(u8::is_ascii_digit).count();
                let known = word.get(..len).and_then(|digits| digits.parse().ok());
                let known: Option<u32> = known.filter(|_| len < 20);
                let mut rest = line.as_bytes();
                assert_eq!(take_decimal(&mut rest), known, "{line}");
                assert_eq!(Some(rest), line.as_bytes().get(len..));
            }
        }
    }

    #[test]
    fn eight_digits_at_once_agree_with_std() {
        for first in 0..=u8::MAX {
            for second in [
                b'0', b'9', b'a', b'F', b'/', b':', b'@', b'G', b'`', b'g', 0xff,
            ] {
                let word = [b'1', first, b'f', second, b'0', b'C', second, first];
                let known = std::str::from_utf8(&word).ok();
                let known = known.filter(|word| !word.contains('+'));
                let known = known.and_then(|word| u32::from_str_radix(word, 16).ok());
                let (number, wrong) = eight_hex(word);
                assert_eq!(Some(number).filter(|_| wrong == 0), known, "{word:?}");
            }
        }
    }
}
