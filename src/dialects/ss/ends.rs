//! Parses the ends of ss's filter: ports, addresses and prefixes, as C and iproute2 write them. In: one word. Out: numbers, or
//! `None` where ss would ask for a name. It looks up none.

use std::net::Ipv6Addr;

use crate::dialects::ss::names::{INET, INET6};

/// Splits an end into its address, without brackets, and its port, with what parts them; `None` where a bracket is open.
pub(super) fn split_end(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = |sign: u8, text: &[u8]| text.iter().position(|byte| *byte == sign);
    match word {
        [b'[', rest @ ..] => {
            let (address, port) = rest.split_at_checked(at(b']', rest)?)?;
            Some((address, port.get(1..)?))
        }
        [b'*', port @ ..] => Some((b"", port)),
        word => {
            let slash = at(b'/', word).unwrap_or(0);
            let colon = word.iter().rposition(|byte| *byte == b':');
            let colon = colon.filter(|colon| *colon >= slash);
            word.split_at_checked(colon.unwrap_or(word.len()))
        }
    }
}

/// Parses `127`, `10.0.0.0/8`, `10/255.0.0.0`, `fe80::/10`, `any`; returns its bits, how many of them count, and true if it
/// is of IPv4.
pub(super) fn parse_prefix(text: &[u8], family: u8) -> Option<(u128, u32, bool)> {
    let mut parts = text.splitn(2, |byte| *byte == b'/');
    let (name, mask) = (parts.next()?, parts.next());
    if let b"default" | b"all" | b"any" = name {
        return mask.is_none().then_some((0, 0, false));
    }
    let is_v4 = !name.contains(&b':');
    let (address, most) = if is_v4 {
        (u128::from(parse_v4(name)?) << 96, 32)
    } else {
        let address: Ipv6Addr = std::str::from_utf8(name).ok()?.parse().ok()?;
        (address.to_bits(), 128)
    };
    let bits = match mask {
        None => most,
        Some(mask) => {
            if let Some(bits) = parse_port(mask) {
                u32::try_from(bits).ok()?
            } else {
                let mask = parse_v4(mask)?;
                let ones = mask.leading_ones();
                (mask.count_ones() == ones).then_some(ones)?
            }
        }
    };
    let own = if is_v4 { INET } else { INET6 };
    (bits <= most && (family == 0 || family == own)).then_some((address, bits, is_v4))
}

/// Parses an IPv4 address, whose last numbers may be missing.
fn parse_v4(text: &[u8]) -> Option<u32> {
    let mut octets = [0; 4];
    let mut free = octets.iter_mut();
    for part in text.split(|byte| *byte == b'.') {
        *free.next()? = u8::try_from(parse_port(part)?).ok()?;
    }
    Some(u32::from_be_bytes(octets))
}

/// Parses a number as C writes it: decimal, octal behind `0`, hexadecimal behind `0x`.
#[inline(never)]
pub(super) fn parse_port(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        text => (1, text.strip_prefix(b"+").unwrap_or(text)),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', digits @ ..] if !digits.is_empty() => (8, digits),
        digits => (10, digits),
    };
    let mut number = 0_i32;
    for byte in digits {
        let digit = char::from(*byte).to_digit(radix)?;
        let scaled = number.checked_mul(radix.cast_signed())?;
        number = scaled.checked_add(digit.cast_signed())?;
    }
    (!digits.is_empty()).then_some(number * sign)
}
