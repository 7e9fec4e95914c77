//! What a tool puts in front of a line: a name and a number (`grep -n`), a mark of a quotation, a time, the name of a
//! container; what it puts behind each; and the empty lines of a text with wide spacing. In: a line of captured text, and what
//! stood in front of another. Out: where the line itself may start, and where it ends. It does not know what a line means.

/// How many bytes of a line are searched for its start, and how many starts are tried: enough for a journal's host and
/// program, and few enough that a text of any kind is read in no time.
const FRAME_LEN_MAX: usize = 256;
/// The most starts that are tried, as `FRAME_LEN_MAX` says.
const STARTS_MAX: usize = 24;

/// Returns the places where `line` may start: its first byte, behind each sign that ends a word of a tool's, and behind the
/// first of several blanks.
pub(super) fn starts(line: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let pairs = line.windows(2).take(FRAME_LEN_MAX).zip(1..);
    let behind = pairs.filter_map(|(pair, at)| match pair {
        [b':' | b'|' | b'>' | b']' | b'\t', _] => Some(at),
        [before, b' '] if *before != b' ' => Some(at + 1),
        _ => None,
    });
    std::iter::once(0).chain(behind.take(STARTS_MAX))
}

/// Splits what may stand behind every line off `line`: returns, or a dollar.
pub(super) fn split_ending(line: &[u8]) -> (&[u8], &[u8]) {
    let is_return = |byte: &&u8| **byte == b'\r';
    let len = match line {
        [.., b'$'] => 1,
        _ => line.iter().rev().take_while(is_return).count(),
    };
    line.split_at_checked(line.len() - len).unwrap_or_default()
}

/// Returns the rest of `line` behind something like `frame`: the same but for its numbers.
pub(super) fn strip_like<'a>(frame: &[u8], line: &'a [u8]) -> Option<&'a [u8]> {
    let (mut frame, mut line) = (frame, line);
    while let [first, rest @ ..] = frame {
        let [other, line_rest @ ..] = line else {
            return None;
        };
        if first.is_ascii_digit() && other.is_ascii_digit() {
            frame = skip_digits(frame);
            line = skip_digits(line);
        } else if first == other {
            (frame, line) = (rest, line_rest);
        } else {
            return None;
        }
    }
    Some(line)
}

/// What a line was.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Before {
    /// Empty, or there was none.
    #[default]
    Empty,
    /// The header of a table.
    Header,
    /// Anything else.
    Other,
}

/// Which empty lines are spacing: where one stands behind the header of a table, one stands behind every line.
#[derive(Default)]
pub(super) struct Spacing {
    /// What the line before was.
    before: Before,
    /// True if an empty line stands behind every other.
    is_spaced: bool,
}

impl Spacing {
    /// Notes an empty line, and returns true if it is only spacing.
    pub(super) fn empty(&mut self) -> bool {
        let before = std::mem::take(&mut self.before);
        self.is_spaced |= before == Before::Header;
        self.is_spaced && before != Before::Empty
    }

    /// Notes a line that is not empty.
    pub(super) fn line(&mut self) {
        self.is_spaced &= self.before != Before::Header;
        self.before = Before::Other;
    }

    /// Notes that the last line was a header.
    pub(super) fn header(&mut self) {
        self.before = Before::Header;
    }
}

/// Returns `text` behind the digits that it starts with.
fn skip_digits(text: &[u8]) -> &[u8] {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.get(len..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_start_behind_what_tools_put_in_front() {
        for (before, row) in [
            ("", "   1: 0100007F:0050"),
            ("/proc/net/tcp:", "   1: 0100007F:0050"),
            ("/proc/net/tcp:12:", "   1: 0100007F:0050"),
            ("> ", "1: 0100007F:0050"),
            ("\t", "1: 0100007F:0050"),
            ("2024-05-01T10:00:00.123Z ", "1: 0100007F:0050"),
            ("web-1  | ", "1: 0100007F:0050"),
            ("May 01 10:00:00 host prog[12]: ", "1: 0100007F:0050"),
        ] {
            let line = format!("{before}{row}");
            let rests: Vec<&str> = starts(line.as_bytes()).map(|at| &line[at..]).collect();
            let is_row = |rest: &&str| rest.trim_start() == row.trim_start();
            assert!(rests.iter().any(is_row), "{line}: {rests:?}");
            assert!(rests.len() <= 1 + STARTS_MAX);
        }
        assert_eq!(starts(&[b':'; 1000]).count(), 1 + STARTS_MAX);
        assert_eq!(starts(b"").count(), 1);
    }

    #[test]
    fn numbers_differ_in_what_is_alike() {
        for (frame, line, rest) in [
            ("", "abc", Some("abc")),
            ("> ", "> abc", Some("abc")),
            ("> ", ">abc", None),
            ("/proc/net/unix:9:", "/proc/net/unix:10:abc", Some("abc")),
            ("/proc/net/unix:9:", "/proc/net/unix:x:abc", None),
            ("10:00:00Z ", "10:00:01Z abc", Some("abc")),
            ("> ", ">", None),
        ] {
            let seen = strip_like(frame.as_bytes(), line.as_bytes());
            assert_eq!(seen, rest.map(str::as_bytes), "{frame} {line}");
        }
    }
}
