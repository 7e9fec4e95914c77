//! Writes hexadecimal digits to the end of a buffer. In: bytes or a number. Out: lower-case digits, nothing before or between
//! them. `digits` reads them.

/// Writes two hexadecimal digits for each byte.
pub(crate) fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(hex_digit(byte >> 4));
        out.push(hex_digit(byte & 0xf));
    }
}

/// Writes `number` in lower-case hexadecimal without zeros in front.
pub(crate) fn write_hex_number(out: &mut Vec<u8>, number: u64) {
    let len = 16 - number.leading_zeros().min(63) / 4;
    for place in (0..len).rev() {
        let [.., byte] = (number >> (4 * place)).to_be_bytes();
        out.push(hex_digit(byte & 0xf));
    }
}

/// Returns the hexadecimal digit of `nibble`, which is below 16.
fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    }
}
