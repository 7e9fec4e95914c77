//! Which field of a row is which column. In: the header of a table. Out: for each row of it the fields of the columns that
//! are known, wherever the header has them: columns of a vendor's kernel are passed over, and those that an older kernel
//! has not are missing. It does not know what a column means. Tables of internet sockets are parsed without this where
//! their header is the usual one, as nearly all are.

use crate::text::digits::{decimal, decimal32, hex};
use crate::text::fields::{Fields, is_pointer};

/// The largest number of fields of a row.
const FIELDS_MAX: usize = 32;

/// Stands for a column that is not known.
const PASSED: u8 = u8::MAX;

/// The column with which the fields end: a list of addresses, each of them a word.
const LIST: &[u8] = b"LADDRS";

/// Returns true if the column `name`, with `before` others in front, has no field of its own: its value stands behind that
/// of the column in front and a colon.
fn is_joined(before: usize, name: &[u8]) -> bool {
    before > 0
        && matches!(
            name,
            b"rem" | b"rs" | b"rx_queue" | b"tm->when" | b"tm-&gt;when"
        )
}

/// The columns of a table that are known.
pub(super) struct Known {
    /// Their names in the usual order, with one blank between them. A header begins with those before the `|`.
    pub(super) names: &'static str,
    /// For each of those that have a field of their own, what may stand in it: `p` a pointer, `d` a decimal number, `i`
    /// one that may be negative, `n` the same read as unsigned, `s` one or a star, `l` one of any length, `x` a hexadecimal
    /// number, `4` and `8` one of so many digits, `*` anything.
    pub(super) kinds: &'static str,
}

impl Known {
    /// Returns the number of the column called `name` among those that have a field of their own.
    fn number(&self, name: &[u8]) -> Option<u8> {
        let mut number = 0;
        for known in Fields::new(self.names.as_bytes()) {
            if known == name {
                return Some(number);
            }
            number += u8::from(known != b"|" && !is_joined(number.into(), known));
        }
        None
    }

    /// Returns true if `line` may be a header with these columns, perhaps with a vendor's between the first of them: it begins
    /// with the first, so that what a tool puts in front is none. The rows of unix have no columns that could be told apart.
    pub(super) fn may_be_header(&self, line: &[u8]) -> bool {
        let mut fields = Fields::new(line);
        let mut names = self.first_names();
        let is_first = names.next() == fields.next();
        let has_next = |name| fields.any(|field| field == name);
        self.is_header(line) || (is_first && !self.kinds.is_empty() && names.all(has_next))
    }

    /// Returns true if `line` is a header that begins with these columns.
    pub(super) fn is_header(&self, line: &[u8]) -> bool {
        let mut fields = Fields::new(line);
        let mut names = self.first_names();
        let mut is_next = |name| fields.next() == Some(name);
        names.next().is_some_and(&mut is_next) && names.all(is_next)
    }

    /// Returns the names with which a header begins.
    fn first_names(&self) -> impl Iterator<Item = &'static [u8]> {
        Fields::new(self.names.as_bytes()).take_while(|name| *name != b"|")
    }
}

/// The columns of a table, as its header has them.
#[derive(Clone)]
pub(super) struct Columns {
    /// For each field of a row the number of its column among the known ones, or `PASSED`.
    fields: [u8; FIELDS_MAX],
    /// The number of fields.
    len: usize,
    /// The number of figures behind a list of addresses.
    pub(super) figures: usize,
    /// True if the header does not name `drops`: then rows may lack that figure.
    pub(super) lacks_drops: bool,
    /// The number of columns behind the known ones.
    more: usize,
    /// True if the known columns come first and in the usual order.
    is_usual: bool,
}

impl Columns {
    /// Returns the columns of a table without a header.
    pub(super) fn usual(known: &Known) -> Self {
        Self {
            lacks_drops: false,
            ..Self::of(known, known.names.as_bytes())
        }
    }

    /// Returns the columns of `header`.
    pub(super) fn of(known: &Known, header: &[u8]) -> Self {
        let mut columns = Self {
            fields: [PASSED; FIELDS_MAX],
            len: 0,
            figures: 0,
            lacks_drops: true,
            more: 0,
            is_usual: true,
        };
        let mut words = Fields::new(header).filter(|word| *word != b"|");
        for word in words.by_ref() {
            let number = known.number(word);
            if number.is_some() && word == LIST {
                break;
            }
            columns.lacks_drops &= word != b"drops";
            if is_joined(columns.len, word) {
                continue;
            }
            let is_next = number.map(usize::from) == Some(columns.len);
            columns.is_usual &= is_next || (number.is_none() && columns.has_all(known));
            columns.more = if number.is_none() {
                columns.more + 1
            } else {
                0
            };
            if let (Some(field), Some(number)) = (columns.fields.get_mut(columns.len), number) {
                *field = number;
            }
            columns.len += 1;
        }
        // Two words are the arrow and the other list.
        columns.figures = words.count().saturating_sub(2);
        columns
    }

    /// Returns true if the fields so far are all columns that have to be there.
    pub(super) fn has_all(&self, known: &Known) -> bool {
        self.len >= known.kinds.len()
    }

    /// Returns true if a row is as with the usual header.
    #[inline(always)]
    pub(super) fn are_usual(&self) -> bool {
        self.is_usual && self.more == 0
    }

    /// Returns `line`, a row of internet sockets, as it would be under the usual header, with the `count` fields behind the
    /// known ones that no header names; `None` if it has fewer, or lacks those of the columns behind.
    pub(super) fn usual_line(&self, known: &Known, line: &[u8], count: usize) -> Option<Vec<u8>> {
        let mut texts: [&[u8]; FIELDS_MAX] = [b""; FIELDS_MAX];
        let mut fields = Fields::new(line);
        for number in self.fields.get(..self.len)? {
            let text = fields.next()?;
            if let Some(place) = texts.get_mut(usize::from(*number)) {
                *place = text;
            }
            if usize::from(*number) + 1 == known.kinds.len() {
                break;
            }
        }
        let mut usual = Vec::new();
        // A column that is missing would be taken from the next one.
        let is_there = |text: &&[u8]| !text.is_empty();
        let texts = texts.into_iter().take(known.kinds.len());
        let known = texts.map(|text| Some(text).filter(is_there));
        let others = (0..count).map(|_| fields.next());
        for text in known.chain(others) {
            usual.extend_from_slice(text?);
            usual.push(b' ');
        }
        // A short row may lack a vendor's columns, and the last one, such as a command's name, may have blanks.
        let more = fields.count();
        (more == 0 || (self.more > 0 && more >= self.more)).then_some(usual)
    }

    /// Returns the fields of `line` by column; `None` where one is missing, or is of another kind than its column.
    pub(super) fn cells<'a>(&self, known: &Known, line: &'a [u8]) -> Option<Cells<'a>> {
        let mut cells = Cells {
            texts: [b""; FIELDS_MAX],
            numbers: [None; FIELDS_MAX],
            rest: Fields::new(line),
        };
        for number in self.fields.get(..self.len)? {
            let text = cells.rest.next()?;
            let number = usize::from(*number);
            let Some(kind) = known.kinds.as_bytes().get(number) else {
                continue;
            };
            if let (Some(cell), Some(value)) =
                (cells.texts.get_mut(number), cells.numbers.get_mut(number))
            {
                *cell = text;
                *value = parse(*kind, text).ok()?;
            }
        }
        Some(cells)
    }
}

/// The text of a field is of another kind than its column.
struct OfAnotherKind;

/// Returns the number that `text` is in a column of `kind`, if it has one.
///
/// # Errors
/// It is of another kind.
fn parse(kind: u8, text: &[u8]) -> Result<Option<u32>, OfAnotherKind> {
    let (minus, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let number = match kind {
        b'*' => return Ok(None),
        b's' if text == b"*" => return Ok(None),
        b'p' if is_pointer(text) => return Ok(None),
        b'l' if decimal(text).is_some() => return Ok(None),
        b'i' if minus && decimal32(digits).is_some() => return Ok(None),
        b'n' if minus => decimal32(digits).map(u32::wrapping_neg),
        b'd' | b'i' | b'n' | b's' => decimal32(text),
        b'4' if text.len() == 4 => hex(text),
        b'8' if text.len() == 8 => hex(text),
        b'x' => hex(text),
        _ => None,
    };
    number.map(Some).ok_or(OfAnotherKind)
}

/// The fields of a row by the number of their column.
pub(super) struct Cells<'a> {
    /// The texts; empty where the table has no such column.
    texts: [&'a [u8]; FIELDS_MAX],
    /// The numbers.
    numbers: [Option<u32>; FIELDS_MAX],
    /// What is behind the last field.
    pub(super) rest: Fields<'a>,
}

impl<'a> Cells<'a> {
    /// Returns the text of `column`.
    pub(super) fn text(&self, column: usize) -> &'a [u8] {
        self.texts.get(column).copied().unwrap_or_default()
    }

    /// Returns the number in `column`; `None` where the table has no such column, or it is negative.
    pub(super) fn number(&self, column: usize) -> Option<u32> {
        self.numbers.get(column).copied().flatten()
    }
}
