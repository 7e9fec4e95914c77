//! What writes text: the escaping of names, numbers in decimal, addresses, JSON's strings. In: any bytes. What holds: a word has no
//! blank and nothing that is not seen, and its bytes can be had back; a number is as std prints it; a string of JSON is read
//! back by a parser that is not lsock's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::steps::bounded;
use super::visible::{is_visible, unescaped};
use crate::text::addr::write_ip;
use crate::text::escape::{quoted, write_escaped, write_name};
use crate::text::write::{
    Decimal, write_decimal, write_hundredths, write_number, write_padding, write_short, write_v4,
    write_v4_end,
};
use crate::views::json::Object;

/// Fuzzes the writers.
pub fn writers(data: &[u8]) {
    words(data);
    let (numbers, _) = data.as_chunks::<4>();
    for (at, bytes) in numbers.iter().enumerate().take(64) {
        number(u32::from_le_bytes(*bytes) >> (at % 32), *bytes, at);
    }
    if let Some((bytes, _)) = data.split_first_chunk::<16>() {
        let v6 = Ipv6Addr::from(*bytes);
        let known = v6
            .to_ipv4_mapped()
            .map_or(v6.to_string(), |v4| v4.to_string());
        assert_eq!(
            written(b"", |out| write_ip(out, v6.into())),
            known.as_bytes()
        );
    }
}

/// Returns what `write` writes behind `before`.
fn written(before: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = before.to_vec();
    write(&mut out);
    assert!(out.starts_with(before), "what was there is there");
    out.split_off(before.len())
}

/// Fuzzes words.
fn words(data: &[u8]) {
    let word = bounded(data.len(), || {
        written(b"before", |out| write_escaped(out, data))
    });
    assert_eq!(unescaped(&word).as_deref(), Some(data));
    let word = String::from_utf8(word).expect("a word is UTF-8");
    is_visible(&word);
    assert!(!word.contains([' ', '\n']), "{word}");
    let name = written(b"", |out| write_name(out, data));
    assert!(!matches!(name.as_slice(), b"*" | b"?" | b"-"));
    assert_eq!(unescaped(&name).as_deref(), Some(data));
    let quote = quoted(data);
    is_visible(&quote);
    assert!(
        !quote.contains('\n') && unescaped(quote.as_bytes()).as_deref() == Some(data),
        "{quote}"
    );
    assert_eq!(written(b"x", |out| write_short(out, data)), data);
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    object.text("text", Some(data));
    object.close();
    let json = String::from_utf8(out).expect("JSON is UTF-8");
    is_visible(&json);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["text"], *String::from_utf8_lossy(data));
}

/// Fuzzes numbers, with room in the buffer and without.
fn number(number: u32, octets: [u8; 4], width: usize) {
    let width = width % 40;
    for before in [&b""[..], &[b' '; 13]] {
        let known = number.to_string();
        assert_eq!(
            written(before, |out| write_decimal(out, number)),
            known.as_bytes()
        );
        assert_eq!(Decimal::new(number).text(), known.as_bytes());
        let cell = written(before, |out| write_number(out, Some(number), width));
        assert_eq!(cell, format!("{number:>width$} ").as_bytes());
        let none = written(before, |out| write_number(out, None, width));
        assert_eq!(none, format!("{:>width$} ", "-").as_bytes());
        let point = written(before, |out| write_hundredths(out, number));
        assert_eq!(
            point,
            format!("{}.{:02}", number / 100, number % 100).as_bytes()
        );
        let blanks = written(before, |out| write_padding(out, octets[0].into(), width));
        assert_eq!(
            blanks,
            " ".repeat(width.saturating_sub(octets[0].into()))
                .as_bytes()
        );
        let (address, port) = (
            Ipv4Addr::from(octets),
            u16::from_le_bytes([octets[1], octets[2]]),
        );
        assert_eq!(
            written(before, |out| write_v4(out, octets)),
            address.to_string().as_bytes()
        );
        assert_eq!(
            written(before, |out| write_v4_end(out, octets, port)),
            format!("{address}:{port}").as_bytes()
        );
        assert_eq!(
            written(before, |out| write_ip(out, IpAddr::V4(address))),
            address.to_string().as_bytes()
        );
    }
}
