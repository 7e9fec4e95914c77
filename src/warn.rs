//! Collects what was odd, and says it once at the end, in one line for each kind. In: what a room met and passed over.
//! Out: lines for standard error. It decides nothing and prints nothing.

use std::fmt::Write;

use crate::text::escape::quoted;

/// Rows of one kind of table that do not have the kernel's shape.
struct Skipped {
    /// The table's file, such as `tcp`.
    file: &'static str,
    /// Where the first one was met.
    path: String,
    /// How many there were.
    count: usize,
    /// The first one, escaped and cut.
    first: String,
}

/// How many bytes of a row are quoted.
const QUOTE_LEN_MAX: usize = 60;

/// All that there is to say.
#[derive(Default)]
pub(crate) struct Warnings {
    /// Skipped rows, one for each kind of table.
    skipped: Vec<Skipped>,
    /// All else, each a finished line.
    lines: Vec<String>,
}

impl Warnings {
    /// Notes that `row`, a row of `file` at `path`, was passed over.
    pub(crate) fn row_skipped(
        &mut self,
        file: &'static str,
        path: impl FnOnce() -> Vec<u8>,
        row: &[u8],
    ) {
        if let Some(skipped) = self.skipped.iter_mut().find(|skipped| skipped.file == file) {
            skipped.count += 1;
            return;
        }
        let first = quoted(row.get(..QUOTE_LEN_MAX).unwrap_or(row));
        self.skipped.push(Skipped {
            file,
            path: quoted(&path()),
            count: 1,
            first,
        });
    }

    /// Notes the line `object: reason`, which is said once however often it is noted.
    pub(crate) fn warn(&mut self, object: &[u8], reason: &str) {
        let line = format!("{}: {reason}", quoted(object));
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// Returns true if there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.skipped.is_empty() && self.lines.is_empty()
    }

    /// Adds all of `other`.
    pub(crate) fn append(&mut self, other: Self) {
        for new in other.skipped {
            match self.skipped.iter_mut().find(|known| known.file == new.file) {
                Some(known) => known.count += new.count,
                None => self.skipped.push(new),
            }
        }
        for line in other.lines {
            if !self.lines.contains(&line) {
                self.lines.push(line);
            }
        }
    }

    /// Returns all lines, each as `lsock: object: reason`.
    pub(crate) fn into_text(self) -> String {
        let mut text = String::new();
        for skipped in &self.skipped {
            let rows = if skipped.count == 1 {
                "1 row"
            } else {
                &format!("{} rows", skipped.count)
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "lsock: {}: {rows} skipped, not as the kernel prints them; the first: \"{}\"",
                skipped.path, skipped.first
            );
        }
        for line in &self.lines {
            let _ = writeln!(text, "lsock: {line}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_one_line() {
        let mut warnings = Warnings::default();
        for row in [&b"garb\x1bage"[..], b"more"] {
            warnings.row_skipped("tcp", || b"/proc/1/net/tcp".to_vec(), row);
        }
        warnings.warn(b"/proc/1/net/udp", "unknown header");
        warnings.warn(b"/proc/1/net/udp", "unknown header");
        let text = "lsock: /proc/1/net/tcp: 2 rows skipped, not as the kernel prints them; the first: \"garb\\x1bage\"\n\
                    lsock: /proc/1/net/udp: unknown header\n";
        assert_eq!(warnings.into_text(), text);
    }
}
