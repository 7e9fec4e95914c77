//! The command line of lsof. In: its words. Out: the options, as plain data, or the end of a command line that is wrong, not
//! covered, or asks for help. lsof takes words apart in a way of its own: there are no long options, `+` begins options
//! too, some letters take the next word only if it looks like a value, and behind the first other word all are names.

use super::FAILED;
use super::internet::Internet;
use super::numbers::Numbers;
use crate::collections::to_index;
use crate::dialects::Failure;
use crate::dialects::people::Users;
use crate::socket::state::State;
use crate::text::digits::decimal32;
use crate::text::escape::quoted;

/// What lsof says behind an error.
const USAGE: &str = "\
lsof 4.95.0, as lsock speaks it (lsock --help)
 usage: [-?abhlnOPQtUvw] [-c c] [+c w] [-F [f]] [-i [i]] [+|-M] [-p s] [-s p:s]
 [-S [t]] [-T [s]] [-u s] [--] [names]
";

/// What `-h` says behind that.
const HELP: &str = "\
  -a AND selections (OR)   -b avoid kernel blocks   -Q allow failed search
  -c c  cmd c ^c           +c w  COMMAND width (9)  -F [f] select fields
  -i i  [46][proto][@addr][:port_list]              -l list UID numbers
  -p s  exclude(^)|select PIDs                      -s p:s  states of protocol
  -u s  exclude(^)|select login|UID                 -t terse listing
  -T disable state info    -U select Unix socket    names  named Unix sockets
";

/// What is listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Output {
    /// The table.
    #[default]
    Table,
    /// Process ids (`-t`).
    Pids,
    /// Fields, by these letters (`-F`).
    Fields(Vec<u8>),
}

/// What was typed.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a letter of lsof's")]
pub(crate) struct Options {
    /// True if all selections must hold (`-a`), and not just any.
    pub(super) is_and: bool,
    /// `-i` without a value: `4` or `6` for a family, `i` for both.
    pub(super) all_internet: Option<u8>,
    /// Each `-i` with a value, and the value.
    pub(crate) internet: Vec<Internet>,
    /// True if unix sockets are selected (`-U`).
    pub(super) unix: bool,
    /// The states of TCP that are selected (`-s TCP:LISTEN`).
    pub(crate) states: Vec<State>,
    /// The states of TCP that are excluded.
    pub(super) states_excluded: Vec<State>,
    /// The processes by id.
    pub(super) pids: Numbers,
    /// The processes by user.
    pub(super) uids: Numbers,
    /// The beginnings of the commands that are selected.
    pub(super) commands: Vec<Vec<u8>>,
    /// The beginnings of the commands that are excluded.
    pub(super) commands_excluded: Vec<Vec<u8>>,
    /// Names of files.
    pub(super) names: Vec<Vec<u8>>,
    /// What is listed.
    pub(super) output: Output,
    /// True if users are numbers (`-l`).
    pub(super) numeric_users: bool,
    /// True if names have no states (`-T`).
    pub(super) stateless: bool,
    /// True if the field of the state has no queues (`-Ts`).
    pub(super) queueless: bool,
    /// True if names of files are not looked at (`-b`).
    pub(super) nameless: bool,
    /// True if nothing found is no failure (`-Q`).
    pub(super) may_fail: bool,
    /// The width to which commands are cut; `None` if they are not.
    pub(super) command_width: Option<usize>,
}

/// Stands for no words in a sentence.
pub(super) const NO_WORDS: [&[u8]; 2] = [b"", b""];

/// What ends a command line before anything is listed.
#[derive(Debug)]
pub(crate) struct Ended(pub(crate) Box<Failure>);

/// Returns the end of a command line that is wrong: `lsof: WHAT`, with words as in `refused`, and the usage.
#[inline(never)]
pub(super) fn wrong(what: &str, words: [&[u8]; 2]) -> Ended {
    let mut ended = refused(what, words);
    ended.0.text.push_str(USAGE);
    ended
}

/// Returns the end of a run that is not covered, or failed: `lsof: WHAT`, in which the first `%` is the first of `words`,
/// and each other one the second.
#[inline(never)]
pub(super) fn refused(what: &str, words: [&[u8]; 2]) -> Ended {
    let mut text = String::from("lsof: ");
    let mut words = words.iter();
    let mut word: &[u8] = b"";
    for (at, part) in what.split('%').enumerate() {
        if at > 0 {
            word = words.next().copied().unwrap_or(word);
            text.push_str(&quoted(word));
        }
        text.push_str(part);
    }
    text.push('\n');
    Ended(Box::new(Failure {
        text,
        status: FAILED,
    }))
}

/// The words that were not read yet.
struct Words<'a> {
    /// The next words.
    next: &'a [Vec<u8>],
    /// What is left of the one that is read.
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    /// Takes the rest of the word, or else the next one.
    fn take_value(&mut self) -> Option<&'a [u8]> {
        if !self.rest.is_empty() {
            return Some(std::mem::take(&mut self.rest));
        }
        let (value, next) = self.next.split_first()?;
        self.next = next;
        Some(value)
    }

    /// Takes the rest of the word, or else the next one if it begins with neither `-` nor `+`.
    fn take_optional(&mut self) -> Option<&'a [u8]> {
        let is_value = |word: &Vec<u8>| !matches!(word.as_slice(), [b'-' | b'+', ..]);
        if self.rest.is_empty() && !self.next.first().is_some_and(is_value) {
            return None;
        }
        self.take_value()
    }

    /// Passes over the rest of the word, or else the next one, if it begins with a digit.
    fn skip_number(&mut self) {
        let next = match self.rest {
            [] => self.next.first().map_or(self.rest, Vec::as_slice),
            rest => rest,
        };
        if next.first().is_some_and(u8::is_ascii_digit) {
            self.take_value();
        }
    }
}

/// Parses `words`; `users` knows the number of a user.
///
/// # Errors
/// What is said, and the exit status, where nothing is to be listed.
pub(crate) fn parse(words: &[Vec<u8>], users: &dyn Fn() -> Users) -> Result<Options, Ended> {
    let mut options = Options {
        command_width: Some(9),
        ..Options::default()
    };
    let mut words = Words {
        next: words,
        rest: b"",
    };
    while let [word, next @ ..] = words.next {
        let (is_plus, letters) = match word.as_slice() {
            b"--" => {
                words.next = next;
                break;
            }
            [sign @ (b'-' | b'+'), letters @ ..] if !letters.is_empty() => (*sign == b'+', letters),
            _ => break,
        };
        words = Words {
            next,
            rest: letters,
        };
        while let [letter, rest @ ..] = words.rest {
            words.rest = rest;
            match (is_plus, letter) {
                (false, letter) => options.set(*letter, &mut words, users)?,
                (true, b'c') => options.set_width(&mut words)?,
                (true, b'M' | b'w') => {}
                (true, letter) => return Err(not_covered(b'+', *letter)),
            }
        }
    }
    options.names = words.next.to_vec();
    options.check()?;
    Ok(options)
}

/// Returns the end of a command line with an option that is not covered, or that lsof does not have.
#[inline(never)]
pub(super) fn not_covered(sign: u8, letter: u8) -> Ended {
    let known: &[u8] = if sign == b'+' {
        b"dDeEfLmr"
    } else {
        b"AbCdDeEfFgkKLmNorRsTVxXZ"
    };
    if known.contains(&letter) {
        return refused("lsock does not cover %", [&[sign, letter], b""]);
    }
    wrong("illegal option character: %", [&[letter], b""])
}

impl Options {
    /// Sets what `letter` asks for; its value is taken from `words`.
    fn set(
        &mut self,
        letter: u8,
        words: &mut Words<'_>,
        users: &dyn Fn() -> Users,
    ) -> Result<(), Ended> {
        match letter {
            b'a' => self.is_and = true,
            b'U' => self.unix = true,
            b'l' => self.numeric_users = true,
            b'Q' => self.may_fail = true,
            // Host and port names are never looked up; of the rest none is about sockets.
            b'n' | b'P' | b'w' | b'O' | b'M' => {}
            b'b' => self.nameless = true,
            b'S' => words.skip_number(),
            b'i' => self.add_internet(words.take_optional())?,
            b'c' | b'p' | b'u' => {
                let Some(value) = words.take_value() else {
                    return Err(wrong(
                        match letter {
                            b'c' => "missing -c option value",
                            b'p' => "no process ID specified",
                            _ => "no login names or UIDs specified",
                        },
                        NO_WORDS,
                    ));
                };
                match letter {
                    b'c' => self.add_command(value)?,
                    b'p' => self.pids.add(value, None)?,
                    _ => self.uids.add(value, Some(&users()))?,
                }
            }
            b's' | b'T' => {
                let value = words.take_optional();
                match (letter, value.and_then(|word| word.split_at_checked(4))) {
                    (b's', Some((protocol, list))) if protocol.eq_ignore_ascii_case(b"tcp:") => {
                        self.add_states(list)?;
                    }
                    (b's', Some((protocol, _))) if protocol.eq_ignore_ascii_case(b"udp:") => {
                        return Err(wrong("no UDP state names available: UDP:", NO_WORDS));
                    }
                    (b'T', _) if value.is_none() => self.stateless = true,
                    (b'T', _) if value == Some(b"s") => {
                        (self.stateless, self.queueless) = (false, true);
                    }
                    _ => return Err(not_covered(b'-', letter)),
                }
            }
            b't' => self.set_output(Output::Pids)?,
            b'F' => {
                let letters = words.take_optional().unwrap_or_default();
                if letters.iter().all(|letter| *letter == b'0') {
                    return Err(not_covered(b'-', b'F'));
                }
                // Of -T and this field, the one that comes last counts.
                if letters.contains(&b'T') {
                    (self.stateless, self.queueless) = (false, false);
                }
                self.set_output(Output::Fields(check_fields(letters)?))?;
            }
            b'h' | b'?' => return Err(ends(&[USAGE, HELP])),
            b'v' => {
                let version = env!("CARGO_PKG_VERSION");
                let head = "lsof version information:\n    revision: 4.95.0 (lsock ";
                return Err(ends(&[head, version, ")\n"]));
            }
            letter => return Err(not_covered(b'-', letter)),
        }
        Ok(())
    }

    /// Sets what is listed.
    fn set_output(&mut self, output: Output) -> Result<(), Ended> {
        let is_other = (self.output == Output::Pids) != (output == Output::Pids);
        if self.output != Output::Table && is_other {
            return Err(wrong("-F and -t are mutually exclusive", NO_WORDS));
        }
        self.output = output;
        Ok(())
    }

    /// Adds an `-i`, with its value if it has one.
    fn add_internet(&mut self, value: Option<&[u8]>) -> Result<(), Ended> {
        match value {
            None => self.all_internet = Some(b'i'),
            Some([family @ (b'4' | b'6')]) => {
                let before = self.all_internet.filter(|known| *known != b'i');
                let is_other = before.is_some_and(|known| known != *family);
                self.all_internet = Some(if is_other { b'i' } else { *family });
            }
            Some(value) => {
                let spec = Internet::parse(value)?;
                if !self.internet.contains(&spec) {
                    self.internet.push(spec);
                }
                self.check_families()?;
            }
        }
        Ok(())
    }

    /// Adds states of TCP: `LISTEN,^ESTABLISHED`.
    fn add_states(&mut self, list: &[u8]) -> Result<(), Ended> {
        for item in list.split(|byte| *byte == b',') {
            let (to, others, name) = match item {
                [b'^', name @ ..] => (&mut self.states_excluded, &self.states, name),
                name => (&mut self.states, &self.states_excluded, name),
            };
            let is_name = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
            let mut known = State::NAMES.iter();
            let known = known.find(|(state, known)| state.0 < 0x80 && is_name(known));
            // lsof knows this state too, which no socket of a table is in.
            let closed = is_name("CLOSED").then_some(State(0));
            let what = match known.map(|(state, _)| *state).or(closed) {
                Some(state) if others.contains(&state) => "can't include and exclude TCP state: %",
                Some(state) => {
                    to.push(state);
                    continue;
                }
                None => "unknown TCP state name: %",
            };
            return Err(wrong(what, [name, b""]));
        }
        Ok(())
    }

    /// Adds the beginning of a command.
    fn add_command(&mut self, name: &[u8]) -> Result<(), Ended> {
        let (to, name) = match name {
            [b'/', ..] => return Err(refused("lsock does not cover -c %", [name, b""])),
            [b'^', name @ ..] => (&mut self.commands_excluded, name),
            name => (&mut self.commands, name),
        };
        if name.len() > COMMAND_LEN_MAX {
            return Err(wrong("-c % > what system provides (15)", [name, b""]));
        }
        to.push(name.to_vec());
        Ok(())
    }

    /// Sets the width of commands (`+c`).
    fn set_width(&mut self, words: &mut Words<'_>) -> Result<(), Ended> {
        /// The title of the column, which is never narrower.
        const WIDTH_MIN: usize = 7;
        let value = words.take_value().unwrap_or_default();
        let width = decimal32(value).map(to_index);
        self.command_width = match width {
            None => return Err(wrong("+c not followed by width number", NO_WORDS)),
            Some(0) => None,
            Some(width) if width > COMMAND_LEN_MAX => {
                return Err(wrong("+c % > what system provides (15)", [value, b""]));
            }
            Some(width) => Some(width.max(WIDTH_MIN)),
        };
        Ok(())
    }

    /// Returns the exit status where all was found, or was not.
    pub(super) fn status(&self, is_found: bool) -> u8 {
        if is_found || self.may_fail { 0 } else { FAILED }
    }

    /// Returns true if any process is selected by what it is, and not by what it has.
    pub(super) fn selects_processes(&self) -> bool {
        !(self.pids.included.is_empty()
            && self.uids.included.is_empty()
            && self.commands.is_empty())
    }

    /// Returns true if any `-i` or `-U` selects sockets.
    pub(super) fn selects_sockets(&self) -> bool {
        self.all_internet.is_some() || !self.internet.is_empty() || self.unix
    }

    /// Refuses what would list other files than sockets.
    fn check(&self) -> Result<(), Ended> {
        let selects_files = self.selects_sockets() || !self.names.is_empty();
        if self.is_and && !selects_files && !self.selects_processes() {
            return Err(wrong("no select options to AND via -a", NO_WORDS));
        }
        if !selects_files {
            return Err(refused("lsock lists sockets alone: add -i or -U", NO_WORDS));
        }
        if self.selects_processes() && !self.is_and {
            return Err(refused(
                "lsock lists sockets alone: without -a this is all files of processes too, so add -a",
                NO_WORDS,
            ));
        }
        self.check_families()
    }

    /// Refuses a family alone beside another `-i`: lsof holds the addresses of that against the family.
    fn check_families(&self) -> Result<(), Ended> {
        let is_of_family = matches!(self.all_internet, Some(b'4' | b'6'));
        if is_of_family && !self.internet.is_empty() {
            return Err(refused(
                "lsock does not cover -i4 or -i6 beside another -i",
                NO_WORDS,
            ));
        }
        Ok(())
    }
}

/// The longest name of a command that the kernel keeps.
const COMMAND_LEN_MAX: usize = 15;

/// Returns the end of a command line that asks for no more than a text, in parts, on standard error as lsof says it.
fn ends(text: &[&str]) -> Ended {
    Ended(Box::new(Failure {
        text: text.concat(),
        status: 0,
    }))
}

/// Returns the letters of `-F`, each of which must be one that is covered.
fn check_fields(letters: &[u8]) -> Result<Vec<u8>, Ended> {
    for letter in letters {
        if b"CDgGkKmMNrRsSzZ?".contains(letter) {
            return Err(refused("lsock does not cover -F%", [&[*letter], b""]));
        }
        if !b"acdfilLnoPptTu0".contains(letter) {
            return Err(wrong("unknown field: %", [&[*letter], b""]));
        }
    }
    Ok(letters.to_vec())
}

#[cfg(test)]
mod tests;
