//! Lines in the encodings of other systems as plain bytes. In: the lines of a text, as they were split at each byte that is a
//! newline. Out: the same lines as UTF-8, without the mark in front of the first. UTF-16 is known by its mark, which
//! PowerShell writes; text without a mark stays as it is.

/// Stands for what is no character of 16 bits.
const UNKNOWN: char = '\u{fffd}';

/// How a text is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As UTF-8, or in bytes that are no characters.
    #[default]
    Bytes,
    /// In pairs of bytes, the lower one first.
    Little,
    /// In pairs of bytes, the higher one first.
    Big,
}

impl Encoding {
    /// Returns the encoding of the text that starts with `line`, and that line without the mark.
    pub(crate) fn of(line: &[u8]) -> (Self, &[u8]) {
        match line {
            [0xef, 0xbb, 0xbf, rest @ ..] => (Self::Bytes, rest),
            [0xff, 0xfe, rest @ ..] => (Self::Little, rest),
            [0xfe, 0xff, rest @ ..] => (Self::Big, rest),
            _ => (Self::Bytes, line),
        }
    }

    /// Returns `line` as UTF-8, for which `room` is used. Of the pair that is the newline one byte is left: it starts the
    /// next line, or ends this one.
    pub(crate) fn plain<'a>(self, line: &'a [u8], room: &'a mut Vec<u8>) -> &'a [u8] {
        let (line, number): (_, fn([u8; 2]) -> u16) = match self {
            Self::Bytes => return line,
            Self::Little => (line.strip_prefix(&[0]).unwrap_or(line), u16::from_le_bytes),
            Self::Big => (line, u16::from_be_bytes),
        };
        room.clear();
        for pair in line.as_chunks().0 {
            let char = char::from_u32(number(*pair).into()).unwrap_or(UNKNOWN);
            room.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_gives_the_same_lines() {
        let text = "  sl  local_address\n/run/Käse \u{1}\r\n\nlast";
        let pairs = |bytes: fn(u16) -> [u8; 2]| {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            units.flat_map(bytes).collect::<Vec<u8>>()
        };
        for (source, known) in [
            (text.as_bytes().to_vec(), Encoding::Bytes),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), Encoding::Bytes),
            (pairs(u16::to_le_bytes), Encoding::Little),
            (pairs(u16::to_be_bytes), Encoding::Big),
        ] {
            let (encoding, text_without_mark) = Encoding::of(&source);
            assert_eq!(encoding, known);
            let lines = text_without_mark.split(|byte| *byte == b'\n');
            let (mut room, mut seen) = (Vec::new(), Vec::new());
            for line in lines {
                seen.push(String::from_utf8(encoding.plain(line, &mut room).to_vec()).unwrap());
            }
            assert_eq!(seen.join("\n"), text, "{known:?}");
        }
        // Half a character, and a pair that is none.
        let line = encoding_of(b"\xff\xfea\0\x00\xd8b");
        assert_eq!(line, "a\u{fffd}");
    }

    /// Returns the only line of a text.
    fn encoding_of(text: &[u8]) -> String {
        let (encoding, line) = Encoding::of(text);
        String::from_utf8(encoding.plain(line, &mut Vec::new()).to_vec()).unwrap()
    }
}
