//! One row of the table of options. In: what the command line has after the option. Out: its value, never an empty one,
//! and what it sets. It knows no option.

use crate::cli::arguments::Arguments;
use crate::cli::{Action, Options};
use crate::socket::proto::Protos;

/// One row of the table.
pub(super) struct OptionRow {
    /// The letter, if there is one.
    pub(super) letter: Option<char>,
    /// The name: `--tcp`, or `-e` where there is no long one.
    pub(super) name: &'static str,
    /// How the option takes a value, and what it sets.
    pub(super) takes: Takes,
}

/// How an option takes a value, with the function that sets what was typed.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// No value.
    Nothing(fn(&mut Options)),
    /// No value: it selects these protocols too.
    Protocol(Protos),
    /// A value: attached, or the next argument.
    Value(fn(&mut Options, &[u8]) -> Result<(), String>),
    /// Perhaps a value: attached, or the next argument if the first function returns true for it.
    Optional(
        fn(&[u8]) -> bool,
        fn(&mut Options, Option<&[u8]>) -> Result<(), String>,
    ),
    /// No value, and no argument after it is read: the action is all that is done.
    Ends(fn() -> Action),
    /// Nothing: another tool has it, and the line says what lsock has instead.
    Refused(&'static str),
}

/// The name of an `-i` with lsof's specification.
pub(super) const SPECIFICATION: &str = "-i SPEC";
/// The long name of ss's `-i`.
pub(super) const INFO: &str = "--info";

/// No value and no effect here: what it asks for is always on, or it means something only beside others.
pub(super) const NO_EFFECT: Takes = Takes::Nothing(|_| ());

/// Makes the row of an option with a letter.
pub(super) const fn letter(letter: char, name: &'static str, takes: Takes) -> OptionRow {
    OptionRow {
        letter: Some(letter),
        name,
        takes,
    }
}

/// Makes the row of an option with a long name alone.
pub(super) const fn long(name: &'static str, takes: Takes) -> OptionRow {
    OptionRow {
        letter: None,
        name,
        takes,
    }
}

impl OptionRow {
    /// Takes the value of the option, which was `typed` so; `None` if it has none.
    ///
    /// # Errors
    /// One line, without the program's name: the value is missing or empty.
    pub(super) fn read_value(
        &self,
        typed: &str,
        from: &mut Arguments,
    ) -> Result<Option<Vec<u8>>, String> {
        let value = match self.takes {
            Takes::Nothing(_) | Takes::Protocol(_) | Takes::Ends(_) | Takes::Refused(_) => None,
            Takes::Value(_) => Some(from.take_value()),
            Takes::Optional(is_next, _) => {
                from.take_attached().or_else(|| from.take_next_if(is_next))
            }
        };
        if value.as_ref().is_some_and(Vec::is_empty) {
            let place = match self.takes {
                Takes::Optional(..) => " after '='",
                _ if self.letter == Some('c') => "; netstat's -c is --watch",
                _ => "",
            };
            return Err(format!("'{typed}' needs a value{place}"));
        }
        Ok(value)
    }

    /// Sets in `options` what was typed; help and version return their action.
    ///
    /// # Errors
    /// One line, without the program's name, about the option or its value.
    pub(super) fn set(
        &self,
        options: &mut Options,
        value: Option<&[u8]>,
    ) -> Result<Option<Action>, String> {
        match self.takes {
            Takes::Nothing(set) => set(options),
            Takes::Protocol(protos) => options.add_protos(protos),
            Takes::Value(set) => set(options, value.unwrap_or_default())?,
            Takes::Optional(_, set) => set(options, value)?,
            Takes::Ends(action) => return Ok(Some(action())),
            Takes::Refused(why) => return Err(format!("'{}' is refused: {why}", self.name)),
        }
        Ok(None)
    }
}
