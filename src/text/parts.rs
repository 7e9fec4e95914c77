//! Takes text apart. In: text, and the byte that separates its parts. Out: one part after the other. It does not know what
//! they mean. It is one piece of code for all that is not read a million times, where each iterator of std's would be
//! compiled again.

/// Takes the text before the next `byte` off `rest`, and that byte; or the whole rest where there is none, after which
/// `rest` is `None`.
#[inline(never)]
pub(crate) fn next_part<'a>(rest: &mut Option<&'a [u8]>, byte: u8) -> Option<&'a [u8]> {
    let text = (*rest)?;
    let at = memchr::memchr(byte, text);
    *rest = at.and_then(|at| text.get(at + 1..));
    text.get(..at.unwrap_or(text.len()))
}

/// Returns part `number` of `text`, counted from 0; empty if there is none.
pub(crate) fn part(text: &[u8], byte: u8, number: usize) -> &[u8] {
    let mut rest = Some(text);
    for _ in 0..number {
        next_part(&mut rest, byte);
    }
    next_part(&mut rest, byte).unwrap_or_default()
}

/// Returns the letter in front of `word` among `words`, which have blanks in between.
pub(crate) fn letter_of_word(words: &[u8], word: &[u8]) -> Option<u8> {
    let mut words = words
        .split(|byte| *byte == b' ')
        .filter_map(<[u8]>::split_first);
    let (letter, _) = words.find(|(_, known)| *known == word)?;
    Some(*letter)
}

/// Returns where `word` first stands in `text`.
#[inline(never)]
pub(crate) fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len().max(1))
        .position(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_std() {
        for text in ["", "a", "/", "a/b", "/a//b/", "//"] {
            let (mut rest, mut parts) = (Some(text.as_bytes()), Vec::new());
            while let Some(part) = next_part(&mut rest, b'/') {
                parts.push(part);
            }
            let known: Vec<&[u8]> = text.as_bytes().split(|byte| *byte == b'/').collect();
            assert_eq!(parts, known, "{text}");
            for (number, known) in known.iter().enumerate() {
                assert_eq!(part(text.as_bytes(), b'/', number), *known);
            }
            assert_eq!(part(text.as_bytes(), b'/', known.len()), b"");
        }
    }
}
