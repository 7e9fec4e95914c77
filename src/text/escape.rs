//! Makes text that came from outside safe to print. In: any bytes. Out: one word without blanks, control characters or
//! invalid UTF-8, from which the bytes can be restored. Whatever a process puts into a name, a terminal shows it and does
//! not obey it. It does not know whose text it is.

use crate::text::write::{write_hex_byte, write_short};

/// Writes `text`: printable UTF-8 as it is; a newline, tab or return as `\n`, `\t`, `\r`; a backslash as `\\`; every other
/// blank, control character or invisible character, and every byte that is no UTF-8, as `\xNN`.
pub(crate) fn write_escaped(out: &mut Vec<u8>, text: &[u8]) {
    if text
        .iter()
        .all(|byte| byte.is_ascii_graphic() && *byte != b'\\')
    {
        write_short(out, text);
        return;
    }
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\r' => out.extend_from_slice(b"\\r"),
                char => {
                    let mut utf8 = [0; 4];
                    let bytes = char.encode_utf8(&mut utf8).as_bytes();
                    if is_hidden(char) {
                        write_hex(out, bytes);
                    } else {
                        out.extend_from_slice(bytes);
                    }
                }
            }
        }
        write_hex(out, chunk.invalid());
    }
}

/// Writes each byte as `\xNN`.
fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend_from_slice(b"\\x");
        write_hex_byte(out, *byte);
    }
}

/// Returns true for blanks, control characters, and the characters with which Unicode hides or turns text.
pub(crate) fn is_hidden(char: char) -> bool {
    char.is_control()
        || char.is_whitespace()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns `text` escaped for a message, in which its blanks stay blanks.
pub(crate) fn quoted(text: &[u8]) -> String {
    let mut out = Vec::new();
    for (at, word) in text.split(|byte| *byte == b' ').enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        write_escaped(&mut out, word);
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        let escaped = |text: &[u8]| {
            let mut out = Vec::new();
            write_escaped(&mut out, text);
            String::from_utf8(out).unwrap()
        };
        let cases: [(&[u8], &str); 8] = [
            (b"/run/app.sock", "/run/app.sock"),
            (b"a b\tc\nd\re", r"a\x20b\tc\nd\re"),
            (b"\x1b[31mred", r"\x1b[31mred"),
            (b"back\\slash", r"back\\slash"),
            (b"\xff\xfe half \xe2\x82", r"\xff\xfe\x20half\x20\xe2\x82"),
            ("Käse🧀".as_bytes(), "Käse🧀"),
            (
                "turn\u{202e}round\u{85}".as_bytes(),
                r"turn\xe2\x80\xaeround\xc2\x85",
            ),
            (b"\0\x7f", r"\x00\x7f"),
        ];
        for (raw, known) in cases {
            assert_eq!(escaped(raw), known);
            // A message is no table: blanks stay.
            assert_eq!(quoted(raw), known.replace(r"\x20", " "));
        }
    }

    #[test]
    fn no_byte_gets_through_that_is_not_a_visible_character() {
        for first in 0..=u8::MAX {
            for second in [0, b'x', 0x80, 0xa0, 0xff] {
                let word = quoted(&[b'a', first, second]);
                assert!(
                    !word
                        .chars()
                        .any(|char| char.is_control() || (char.is_whitespace() && char != ' ')),
                    "{word:?}"
                );
            }
        }
    }
}
