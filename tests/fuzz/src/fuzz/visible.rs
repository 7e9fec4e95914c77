//! Says what a terminal may be given, and takes words apart again. In: what lsock printed. Out: a panic where a character would be
//! obeyed or not be seen, and the bytes that a word stands for. The list of characters without ink is shorter than lsock's, and not
//! made from it.

/// Panics if `text` has a character that a terminal obeys or nobody sees; blanks and ends of lines are allowed.
pub(super) fn is_visible(text: &str) {
    let is_hidden = |char: char| {
        !matches!(char, ' ' | '\n')
            && (char.is_control()
                || char.is_whitespace()
                || matches!(
                    char,
                    '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                        | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}'
                ))
    };
    assert!(
        !text.contains(is_hidden),
        "a character that is not seen: {text:?}"
    );
}

/// Returns the bytes that `word` stands for: `\n`, `\t`, `\r`, `\\` and `\xNN` are undone.
pub(super) fn unescaped(word: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), word);
    while let [byte, more @ ..] = rest {
        rest = more;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let (sign, more) = rest.split_first()?;
        rest = more;
        bytes.push(match sign {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'\\' => b'\\',
            b'x' => {
                let (digits, more) = rest.split_at_checked(2)?;
                rest = more;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}
