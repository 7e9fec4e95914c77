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

/// Things that are odd for one reason, such as the descriptors of many processes.
struct Odd {
    /// What is odd about them.
    reason: String,
    /// The first of them, each once, `KNOWN_MAX` at most. All end in the same file name.
    objects: Vec<String>,
    /// How many were noted beyond those.
    more: usize,
}

/// How many objects of a kind are told apart, so that one which is noted again is not counted again. Each is compared with
/// all of these, so there must be few.
const KNOWN_MAX: usize = 64;

/// How many bytes of a row are quoted.
const QUOTE_LEN_MAX: usize = 60;

/// All that there is to say.
#[derive(Default)]
pub(crate) struct Warnings {
    /// Skipped rows, one for each kind of table.
    skipped: Vec<Skipped>,
    /// All else, one for each kind.
    odd: Vec<Odd>,
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

    /// Notes the line `object: reason`. Objects with one file name, such as PID/fd, and one reason share a line.
    pub(crate) fn warn(&mut self, object: &[u8], reason: &str) {
        self.note(quoted(object), reason, 0);
    }

    /// Notes `reason` of `object`, which is quoted, and of `more` like it.
    fn note(&mut self, object: String, reason: &str, more: usize) {
        let is_kind = |odd: &&mut Odd| {
            let mut first = odd.objects.iter().take(1);
            odd.reason == reason
                && first.any(|first| file_backwards(first).eq(file_backwards(&object)))
        };
        let Some(odd) = self.odd.iter_mut().find(is_kind) else {
            return self.odd.push(Odd {
                reason: reason.to_owned(),
                objects: vec![object],
                more,
            });
        };
        odd.more += more;
        if !odd.objects.contains(&object) {
            match odd.objects.len() {
                ..KNOWN_MAX => odd.objects.push(object),
                _ => odd.more += 1,
            }
        }
    }

    /// Returns true if anything is odd for `reason`.
    pub(crate) fn has(&self, reason: &str) -> bool {
        self.odd.iter().any(|odd| odd.reason == reason)
    }

    /// Returns true if there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.skipped.is_empty() && self.odd.is_empty()
    }

    /// Adds all of `other`.
    pub(crate) fn append(&mut self, other: Self) {
        for new in other.skipped {
            match self.skipped.iter_mut().find(|known| known.file == new.file) {
                Some(known) => known.count += new.count,
                None => self.skipped.push(new),
            }
        }
        for new in other.odd {
            let mut more = new.more;
            for object in new.objects {
                self.note(object, &new.reason, std::mem::take(&mut more));
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
        for odd in &self.odd {
            if let [first, others @ ..] = odd.objects.as_slice() {
                let _ = write!(text, "lsock: {first}: {}", odd.reason);
                if let more @ 1.. = others.len() + odd.more {
                    let _ = write!(text, " (and {more} more)");
                }
                text.push('\n');
            }
        }
        text
    }
}

/// Returns the name of the file at `path`, from its last byte to its first.
fn file_backwards(path: &str) -> impl Iterator<Item = u8> + '_ {
    path.bytes().rev().take_while(|byte| *byte != b'/')
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
        warnings.warn(b"/proc/1/net/raw", "unknown header");
        let mut more = Warnings::default();
        for pid in [1, 7, 1, 8, 7] {
            let path = format!("/proc/{pid}/net/udp");
            more.warn(path.as_bytes(), "unknown header");
        }
        warnings.append(more);
        let text = "lsock: /proc/1/net/tcp: 2 rows skipped, not as the kernel prints them; the first: \"garb\\x1bage\"\n\
                    lsock: /proc/1/net/udp: unknown header (and 2 more)\n\
                    lsock: /proc/1/net/raw: unknown header\n";
        assert_eq!(warnings.into_text(), text);
    }

    // Each was compared with all before it, and had a line of its own.
    #[test]
    fn of_n_processes_that_fail_oddly_each_is_compared_with_a_few() {
        for count in [1_000, 32_000] {
            let mut warnings = Warnings::default();
            for pid in 1..=count {
                let path = format!("/proc/{pid}/fd");
                warnings.warn(path.as_bytes(), "Input/output error");
            }
            let kept = warnings.odd.iter().map(|odd| odd.objects.len());
            assert!(kept.eq([KNOWN_MAX]), "{count}");
            let line = format!(
                "lsock: /proc/1/fd: Input/output error (and {} more)\n",
                count - 1
            );
            assert_eq!(warnings.into_text(), line);
        }
    }
}
