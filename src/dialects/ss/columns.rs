//! Lays rows out as ss does: a field as wide as its longest content, addresses to the right, all others to the left, and on
//! a terminal what is left over shared out among them. In: the fields of rows, twice: to be measured, then to be written.
//! Out: lines. It does not know what a field says.
//!
//! ss has a blank in front of some fields, and the last column begins with one that belongs to its content: so its header is
//! glued to the one before. No blank is left at the end of a line, as since iproute2 7.0.

use crate::text::write::{write_padding, write_short};

/// The number of fields.
const FIELDS: usize = 9;

/// Where a field stands.
pub(super) mod field {
    /// The kind of the socket.
    pub(in crate::dialects::ss) const NETID: usize = 0;
    /// Its state.
    pub(in crate::dialects::ss) const STATE: usize = 1;
    /// Processes and all else.
    pub(super) const EXT: usize = 8;
}

/// Each field: its header, the blanks in front of it, and whether it is aligned to the right.
static COLUMNS: [(&str, &str, bool); FIELDS] = [
    ("Netid", "", false),
    ("State", " ", false),
    ("Recv-Q", " ", false),
    ("Send-Q", " ", false),
    ("Local Address:", " ", true),
    ("Port", "", false),
    ("Peer Address:", " ", true),
    ("Port", "", false),
    ("Process", "", false),
];

/// The fields of a row.
#[derive(Default)]
pub(super) struct Fields {
    /// The text of all, one behind the other.
    pub(super) text: Vec<u8>,
    /// The end of each in it.
    ends: [usize; FIELDS],
    /// How many have ended.
    ended: usize,
}

impl Fields {
    /// Begins a new row.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ended = 0;
    }

    /// Ends a field.
    pub(super) fn end(&mut self) {
        if let Some(end) = self.ends.get_mut(self.ended) {
            *end = self.text.len();
        }
        self.ended += 1;
    }

    /// Returns the fields with their number; those that have not ended are empty, but for the one that is being written.
    fn all(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut start = 0;
        (0..FIELDS).map(move |number| {
            let end = match self.ends.get(number) {
                Some(end) if number < self.ended => *end,
                _ => self.text.len(),
            };
            let text = self.text.get(start..end).unwrap_or_default();
            start = end;
            (number, text)
        })
    }
}

/// The widths of the columns.
pub(super) struct Columns {
    /// The length of the longest content, then the width with the blanks in front; 0 where there is none.
    widths: [usize; FIELDS],
    /// Which columns are not there.
    is_hidden: [bool; FIELDS],
}

impl Columns {
    /// Returns the columns but for those that are hidden, none of which has a width.
    pub(super) fn new(hides_netid: bool, hides_state: bool) -> Self {
        let mut is_hidden = [false; FIELDS];
        for (number, is_so) in [(field::NETID, hides_netid), (field::STATE, hides_state)] {
            if let Some(is_hidden) = is_hidden.get_mut(number) {
                *is_hidden = is_so;
            }
        }
        Self {
            widths: [0; FIELDS],
            is_hidden,
        }
    }

    /// Returns true if column `number` is not there.
    fn is_hidden(&self, number: usize) -> bool {
        self.is_hidden.get(number) == Some(&true)
    }

    /// Makes the columns wide enough for `fields`. ss does not measure the very last field of all it writes.
    pub(super) fn measure(&mut self, fields: &Fields, is_last: bool) {
        for (number, text) in fields.all() {
            if self.is_hidden(number) || (is_last && number == field::EXT) {
                continue;
            }
            if let Some(width) = self.widths.get_mut(number) {
                *width = text.len().max(*width);
            }
        }
    }

    /// Returns the header as a row.
    pub(super) fn header() -> Fields {
        let mut fields = Fields::default();
        for (header, ..) in COLUMNS {
            write_short(&mut fields.text, header.as_bytes());
            fields.end();
        }
        fields
    }

    /// Makes widths of the lengths; `screen` is the width of the terminal, if there is one.
    #[inline(never)]
    pub(super) fn settle(&mut self, screen: Option<usize>) {
        let mut is_first = true;
        for (width, (_, before, _)) in self.widths.iter_mut().zip(COLUMNS) {
            if !is_first && *width > 0 {
                *width += before.len();
            }
            *width = (*width).min(screen.unwrap_or(usize::MAX));
            is_first &= *width == 0;
        }
        if let Some(screen) = screen {
            self.spread(screen);
        }
    }

    /// Shares out what a terminal of `screen` leaves over among the columns of each of its lines.
    #[inline(never)]
    fn spread(&mut self, screen: usize) {
        let (mut line_start, mut at) = (0, 0);
        let (mut len, mut columns) = (0, 0);
        while let Some(width) = self.widths.get(at).copied() {
            at += 1;
            if width == 0 {
                continue;
            }
            len += width;
            columns += 1;
            let is_last = self.widths.iter().skip(at).all(|width| *width == 0);
            if len < screen && !is_last {
                continue;
            }
            if len > screen {
                // This column begins the next line.
                len -= width;
                columns -= 1;
                at -= 1;
            }
            let left = screen.saturating_sub(len);
            let share = left.checked_div(columns).unwrap_or(0);
            let mut more = left.checked_rem(columns).unwrap_or(0);
            let of_line = self.widths.get_mut(line_start..at).unwrap_or_default();
            for width in of_line.iter_mut().rev().filter(|width| **width > 0) {
                *width += share + usize::from(more > 0);
                more = more.saturating_sub(1);
            }
            (line_start, len, columns) = (at, 0, 0);
        }
    }

    /// Writes a line.
    pub(super) fn write(&self, out: &mut Vec<u8>, fields: &Fields) {
        let mut is_first = true;
        for ((number, text), (_, before, is_right)) in fields.all().zip(COLUMNS) {
            if self.is_hidden(number) {
                continue;
            }
            let before = if is_first { "" } else { before };
            is_first = false;
            let width = self.widths.get(number).copied().unwrap_or(0);
            let len = before.len() + text.len();
            write_short(out, before.as_bytes());
            if is_right {
                write_padding(out, len, width);
            }
            out.extend_from_slice(text);
            if !is_right {
                write_padding(out, len, width);
            }
        }
        while out.last() == Some(&b' ') {
            out.pop();
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lines of two rows on a terminal of this width, or none.
    fn lines(screen: Option<usize>, hides: bool) -> String {
        let rows = [
            "tcp|LISTEN|0     |0     |0.0.0.0:|80|0.0.0.0:|*|",
            "udp|ESTAB|0     |0     |127.0.0.1:|5353|127.0.0.1:|53| users:((\"a\",pid=1,fd=2))",
        ];
        let rows = rows.map(|row| {
            let mut fields = Fields::default();
            for text in row.split('|') {
                fields.text.extend(text.bytes());
                fields.end();
            }
            fields
        });
        let mut columns = Columns::new(hides, hides);
        let [first, last] = &rows;
        columns.measure(&Columns::header(), false);
        columns.measure(first, false);
        columns.measure(last, true);
        columns.settle(screen);
        let mut out = Vec::new();
        for fields in [&Columns::header(), first, last] {
            columns.write(&mut out, fields);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_content_and_the_last_header_is_glued() {
        assert_eq!(
            lines(None, false),
            "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n\
             tcp   LISTEN 0      0            0.0.0.0:80        0.0.0.0:*\n\
             udp   ESTAB  0      0          127.0.0.1:5353    127.0.0.1:53   users:((\"a\",pid=1,fd=2))\n"
        );
        assert_eq!(
            lines(None, true),
            "Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n\
             0      0            0.0.0.0:80        0.0.0.0:*\n\
             0      0          127.0.0.1:5353    127.0.0.1:53   users:((\"a\",pid=1,fd=2))\n"
        );
    }

    #[test]
    fn a_terminal_is_filled_and_its_lines_broken_between_columns() {
        // (seen of ss 6.1 on terminals of these widths)
        for screen in [40, 70, 71, 72, 80, 200] {
            for line in lines(Some(screen), false).lines() {
                let (most, rest) = (line.len().min(screen), line.len() % screen);
                assert!(
                    line.len() <= screen || rest > 0 || most == screen,
                    "{screen}: {line}"
                );
            }
        }
        assert!(lines(Some(200), false).starts_with("Netid "));
    }
}
