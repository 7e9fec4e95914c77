//! Takes the command line apart. In: the arguments. Out: letters, long names and words, one by one, and a look at what
//! stands behind a letter, which may be its value or more letters. It knows no option.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use lexopt::Parser;

use crate::text::escape::quoted;

/// A piece of the command line.
pub(super) enum Argument {
    /// A letter behind a single dash.
    Letter(char),
    /// A name with its two dashes.
    Long(String),
    /// A word that is no option; of lsof's, one that begins with `+` is.
    Word(Vec<u8>),
}

/// The arguments that are not read yet.
pub(super) struct Arguments {
    /// Takes them apart.
    parser: Parser,
    /// The argument that is being read.
    current: Vec<u8>,
    /// How many bytes of it are read, if it is one of letters.
    at: usize,
    /// True once `--` is read: all that follows are words.
    pub(super) has_ended: bool,
}

impl Arguments {
    /// Returns `arguments`, of which none is read.
    pub(super) fn new(arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            parser: Parser::from_args(arguments),
            current: Vec::new(),
            at: 0,
            has_ended: false,
        }
    }

    /// Returns the next piece.
    ///
    /// # Errors
    /// One line, without the program's name: the option before has a value and takes none.
    pub(super) fn next(&mut self) -> Result<Option<Argument>, String> {
        if let Some(next) = self.peek() {
            self.current = next;
            self.at = 1;
            self.has_ended |= self.current == b"--";
        }
        let argument = self.parser.next().map_err(|error| error_line(&error))?;
        Ok(argument.map(|argument| match argument {
            lexopt::Arg::Short(letter) => {
                self.at += letter.len_utf8();
                Argument::Letter(letter)
            }
            lexopt::Arg::Long(name) => Argument::Long(format!("--{name}")),
            lexopt::Arg::Value(word) => Argument::Word(word.into_vec()),
        }))
    }

    /// Returns the text attached to the letter that was read last: its value, or more letters.
    pub(super) fn attached(&self) -> &[u8] {
        let attached = self.current.get(self.at..).unwrap_or_default();
        attached.strip_prefix(b"=").unwrap_or(attached)
    }

    /// Returns the next argument; `None` at the end, or if the one that is being read goes on.
    pub(super) fn peek(&mut self) -> Option<Vec<u8>> {
        let next = self.parser.try_raw_args()?;
        next.peek().map(|next| next.as_bytes().to_vec())
    }

    /// Takes the value of the option that was read last: the text attached to it, or the next argument, whatever it is.
    pub(super) fn take_value(&mut self) -> Vec<u8> {
        self.parser.value().unwrap_or_default().into_vec()
    }

    /// Takes the text attached to the option that was read last.
    pub(super) fn take_attached(&mut self) -> Option<Vec<u8>> {
        self.parser.optional_value().map(OsString::into_vec)
    }

    /// Takes the next argument if `is_wanted` returns true for it.
    pub(super) fn take_next_if(&mut self, is_wanted: fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let mut next = self.parser.try_raw_args()?;
        let next = next.next_if(|next: &OsStr| is_wanted(next.as_bytes()))?;
        Some(next.into_vec())
    }
}

/// Returns the line about an error of lexopt's. Missing values are not among them: `row` looks for them itself.
fn error_line(error: &lexopt::Error) -> String {
    match error {
        lexopt::Error::UnexpectedValue { option, value } => {
            let value = quoted(value.as_bytes());
            format!("'{option}' takes no value; leave out '={value}'")
        }
        _ => "an argument cannot be read; see lsock --help".to_owned(),
    }
}
