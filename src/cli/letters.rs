//! Finds the option that a letter stands for, where that depends on what stands behind it. In: a letter, and the arguments.
//! Out: a row of the table of options. What letters mean beside other options it does not know: `dialect` does.

use crate::cli::arguments::Arguments;
use crate::cli::ends::is_specification;
use crate::cli::options::{by_name, row_of_letter};
use crate::cli::row::Takes::{Nothing, Protocol, Refused};
use crate::cli::row::{INFO, OptionRow, SPECIFICATION};

/// A letter, a function of the text attached to it, or else of the next argument, and the name of the option that the letter
/// stands for if the function returns true.
pub(super) type OtherLetter = (char, fn(&[u8], &[u8]) -> bool, &'static str);

/// The letters that lsof has for options of other letters: `-p6`, `-sTCP:LISTEN`, `-s TCP:LISTEN`. Alone, `-p` and `-s` are
/// ss's. An `-i` with more letters behind it has no specification.
pub(super) static OTHER_LETTERS: &[OtherLetter] = &[
    ('p', |attached, _| starts_with_digit(attached), "--pid"),
    ('s', is_state, "--state"),
    ('i', |attached, _| are_letters(attached), INFO),
    (
        'i',
        |attached, next| !attached.is_empty() || is_specification(next),
        SPECIFICATION,
    ),
];

/// Returns true for process ids behind `-p`, which else may have more letters behind it, as in `-pn`.
fn starts_with_digit(attached: &[u8]) -> bool {
    attached.first().is_some_and(u8::is_ascii_digit)
}

/// Returns true for a state behind `-s`: more letters, as in `-sj`, are shorter than every state. One apart from it has
/// lsof's protocol in front.
fn is_state(attached: &[u8], next: &[u8]) -> bool {
    if attached.is_empty() {
        let proto = next.get(..4).unwrap_or_default();
        return proto.eq_ignore_ascii_case(b"tcp:") || proto.eq_ignore_ascii_case(b"udp:");
    }
    attached.len() > 3
        || !attached.iter().all(u8::is_ascii_alphanumeric)
        || matches!(attached, b"TCP" | b"UDP")
}

/// The most letters behind an `-i` that are looked at: every protocol is shorter.
const LOOKAHEAD: usize = 8;

/// Returns true for letters behind `-i`, as in `-in`, and false for a specification, well-formed or not.
fn are_letters(attached: &[u8]) -> bool {
    let is_plain = |byte: &u8| {
        let row = row_of_letter(char::from(*byte));
        row.is_some_and(|row| matches!(row.takes, Nothing(_) | Protocol(_) | Refused(_)))
    };
    !attached.is_empty()
        && !is_specification(attached)
        && attached.iter().take(LOOKAHEAD).all(is_plain)
}

/// Returns the option that a letter stands for, which may depend on what stands behind it in `arguments`.
pub(super) fn by_letter(letter: char, arguments: &mut Arguments) -> Option<&'static OptionRow> {
    let next = arguments.peek().unwrap_or_default();
    let attached = arguments.attached();
    let mut others = OTHER_LETTERS.iter();
    let other =
        others.find(|(other, stands_for, _)| *other == letter && stands_for(attached, &next));
    match other {
        Some((_, _, name)) => by_name(name),
        None => row_of_letter(letter),
    }
}
