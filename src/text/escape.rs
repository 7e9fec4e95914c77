//! Makes text that came from outside safe to print. In: any bytes. Out: one word without blanks, control characters or
//! invalid UTF-8, from which the bytes can be restored. Whatever a process puts into a name, a terminal shows it and does
//! not obey it. It does not know whose text it is.

use crate::text::hex::write_hex;
use crate::text::write::write_short;

/// Writes `text`: printable UTF-8 as it is; a newline, tab or return as `\n`, `\t`, `\r`; a backslash as `\\`; every other
/// blank, control character or character without ink, and every byte that is no UTF-8, as `\xNN`.
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
                        write_each(out, bytes);
                    } else {
                        out.extend_from_slice(bytes);
                    }
                }
            }
        }
        write_each(out, chunk.invalid());
    }
}

/// Writes `text` as another tool does, in which blanks and backslashes stay as they are; whatever else `write_escaped`
/// would not let through is written in the same way.
pub(crate) fn write_plain(out: &mut Vec<u8>, text: &[u8]) {
    let is_plain = |byte: &u8| matches!(*byte, b' ' | b'\\');
    for part in text.chunk_by(|one, other| is_plain(one) == is_plain(other)) {
        if part.first().is_some_and(is_plain) {
            out.extend_from_slice(part);
        } else {
            write_escaped(out, part);
        }
    }
}

/// Writes each byte as `\xNN`.
fn write_each(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes.chunks(1) {
        out.extend_from_slice(b"\\x");
        write_hex(out, byte);
    }
}

/// What has no ink, beside blanks and control characters, in Unicode 16.0: `Default_Ignorable_Code_Point`; the rest of the
/// format characters (`Cf`) but for those that are drawn (`Prepended_Concatenation_Mark`); and six that are named blank,
/// filler, null or mirror, and are empty in every font: U+2800, U+13440 to U+13442, U+16FE4 and U+1D159.
const NO_INK: [(char, char); 21] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{13442}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns true for blanks, control characters, and the characters with which Unicode hides or turns text.
pub(crate) fn is_hidden(char: char) -> bool {
    char.is_control()
        || char.is_whitespace()
        || NO_INK
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&char))
}

/// Writes `name` like `write_escaped`; one that would read as a sign of the list (`*` for none, `?` for not known, `-`
/// for nothing) as `\xNN`.
pub(crate) fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    match name {
        b"*" | b"?" | b"-" => write_each(out, name),
        name => write_escaped(out, name),
    }
}

/// Returns true if `text` has the form of the name of a container, a pod or a namespace.
pub(crate) fn is_name(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && text.iter().all(is_part) && !text.starts_with(b".")
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

    // UnicodeData.txt, DerivedCoreProperties.txt and PropList.txt, as regex-syntax has them.
    #[test]
    fn what_has_no_ink_is_what_unicode_says() {
        let pattern = r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}\p{White_Space}--\p{Prepended_Concatenation_Mark}]";
        let parsed = regex_syntax::parse(pattern).unwrap();
        let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) =
            parsed.kind()
        else {
            panic!("{parsed:?}")
        };
        let official: Vec<(char, char)> = class
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect();
        let is_empty_by_its_name = |char| {
            matches!(
                char,
                '\u{2800}' | '\u{13440}'..='\u{13442}' | '\u{16fe4}' | '\u{1d159}'
            )
        };
        for char in '\0'..=char::MAX {
            let is_in = |(first, last): &(char, char)| (*first..=*last).contains(&char);
            let is_official = official.iter().any(is_in);
            assert_eq!(
                is_hidden(char),
                is_official || is_empty_by_its_name(char),
                "{char:?}"
            );
        }
    }

    #[test]
    fn a_name_that_is_a_sign_of_the_list_is_spelled_out() {
        for (name, written) in [
            ("*", r"\x2a"),
            ("?", r"\x3f"),
            ("-", r"\x2d"),
            ("*?", "*?"),
            ("", ""),
            ("/run/*", "/run/*"),
        ] {
            let mut out = Vec::new();
            write_name(&mut out, name.as_bytes());
            assert_eq!(out, written.as_bytes());
        }
    }
}
