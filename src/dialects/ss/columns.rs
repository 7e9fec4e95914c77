//! Lays rows out as ss does: a field as wide as its longest content, addresses to the right, all others to the left, and on
//! a terminal what is left over shared out among them. In: the fields of rows, twice: to be measured, then to be written.
//! Out: lines. It does not know what a field says.
//!
//! ss has a blank in front of some fields, and the last column begins with one that belongs to its content: so its header is
//! glued to the one before. No blank is left at the end of a line, as since iproute2 7.0.

use crate::dialects::getopt::cut;
use crate::text::write::{write_padding, write_short};

/// The number of fields.
const FIELDS: usize = 9;

/// The headers.
const HEADERS: &[u8] = b"Netid|State|Recv-Q|Send-Q|Local Address:|Port|Peer Address:|Port|Process";
/// The columns with a blank in front, each a bit.
const AFTER_BLANK: u16 = 0b0_0101_1110;
/// The columns that are aligned to the right, each a bit.
const TO_THE_RIGHT: u16 = 0b0_0101_0000;

/// Returns true if `set` has `number`.
fn has(set: u16, number: usize) -> bool {
    set >> number & 1 != 0
}

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
    /// Returns the headers.
    pub(super) fn header() -> Self {
        let mut fields = Self::default();
        let mut headers = Some(HEADERS);
        while let Some(header) = cut(&mut headers, b'|') {
            write_short(&mut fields.text, header);
            fields.end();
        }
        fields
    }

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
    /// Which columns are not there, each a bit.
    hidden: u16,
}

impl Columns {
    /// Returns the columns but for those that are hidden, none of which has a width.
    pub(super) fn new(hides_netid: bool, hides_state: bool) -> Self {
        Self {
            widths: [0; FIELDS],
            hidden: u16::from(hides_netid) | u16::from(hides_state) << 1,
        }
    }

    /// Makes the columns wide enough for `fields`. ss does not measure the very last field of all it writes.
    pub(super) fn measure(&mut self, fields: &Fields, is_last: bool) {
        for (width, (number, text)) in self.widths.iter_mut().zip(fields.all()) {
            if !(has(self.hidden, number) || is_last && number == FIELDS - 1) {
                *width = text.len().max(*width);
            }
        }
    }

    /// Makes widths of the lengths; `screen` is the width of the terminal, if there is one.
    pub(super) fn settle(&mut self, screen: Option<usize>) {
        let mut is_first = true;
        for (number, width) in self.widths.iter_mut().enumerate() {
            if !is_first && *width > 0 && has(AFTER_BLANK, number) {
                *width += 1;
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

    /// Writes a line but for its end.
    pub(super) fn write(&self, out: &mut Vec<u8>, fields: &Fields) {
        let mut is_first = true;
        for ((number, text), width) in fields.all().zip(self.widths) {
            if has(self.hidden, number) {
                continue;
            }
            let start = out.len();
            if has(AFTER_BLANK, number) && !is_first {
                write_short(out, b" ");
            }
            is_first = false;
            if has(TO_THE_RIGHT, number) {
                let len = out.len() - start + text.len();
                write_padding(out, len, width);
            }
            out.extend_from_slice(text);
            let len = out.len() - start;
            write_padding(out, len, width);
        }
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
        columns.measure(&Fields::header(), false);
        columns.measure(first, false);
        columns.measure(last, true);
        columns.settle(screen);
        let mut out = Vec::new();
        for fields in [&Fields::header(), first, last] {
            columns.write(&mut out, fields);
            out.truncate(out.trim_ascii_end().len());
            out.push(b'\n');
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
