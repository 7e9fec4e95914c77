//! Reads the command line. In: the arguments. Out: the options that were typed, as plain data, or one line that quotes
//! what is wrong and says what would be right. It opens no file; of the word after `--decode`, and of a path, it asks
//! whether it is one.
//!
//! The way of an argument: `arguments` takes it off the line; a selector is recognised by its shape (`selectors`) and, like
//! a letter (`letters`), stands for an option: a `row` of the table in `options`. That option's value is parsed by `values`,
//! `ends`, `states` or `groups`. Words of ss's filter are compiled by `filter`. When all are read, `dialect` says what
//! letters mean that other tools have for different things, and `conflicts` looks at all together. `suggest` finds what a
//! wrong word was meant to be.

mod arguments;
mod conflicts;
mod dialect;
mod ends;
mod filter;
mod groups;
mod letters;
mod options;
mod row;
mod selectors;
mod states;
pub(crate) mod suggest;
mod values;

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::arguments::{Argument, Arguments};
use crate::cli::conflicts::Given;
use crate::select::Selection;
use crate::socket::proto::Protos;
use crate::text::addr::Endian;
use crate::text::escape::quoted;

pub(crate) use crate::cli::groups::By;

/// The text of `--help`; tests hold it against the table of options.
pub(crate) const HELP: &str = include_str!("help.txt");

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// A line for each socket and holder.
    List,
    /// Totals, and the processes with most sockets.
    Summary,
    /// Process ids.
    Pids,
    /// Nothing: the exit status is the answer.
    Quiet,
}

/// How the list looks.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own that goes with any other"
)]
pub(crate) struct Layout {
    /// With a line of headers.
    pub(crate) header: bool,
    /// With all columns (`-e`).
    pub(crate) wide: bool,
    /// With TCP's timer (`-o`), which `wide` has anyway.
    pub(crate) timers: bool,
    /// With the process at the other end (`-E`).
    pub(crate) peers: bool,
    /// Of captured text: without the columns that only a process or a namespace fills.
    pub(crate) captured: bool,
}

/// Captured text to decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capture {
    /// The file; `None` for standard input.
    pub(crate) path: Option<PathBuf>,
    /// The byte order of the machine that it was captured on.
    pub(crate) endian: Endian,
}

/// How often lsock looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Once.
    Once,
    /// Until something matches, at most for the given time if there is one.
    Wait(Option<Duration>),
    /// Again and again, with this pause between two looks.
    Watch(Duration),
}

/// Everything that was typed.
#[derive(Debug)]
pub(crate) struct Options {
    /// The conditions on sockets and their processes.
    pub(crate) selection: Selection,
    /// The protocols that are asked for by name.
    named: Protos,
    /// The network namespaces whose sockets are selected, each by its inode or by a process in it; empty for all.
    pub(crate) namespaces: Vec<u32>,
    /// What is printed.
    pub(crate) view: View,
    /// What alone the summary counts by, if anything is chosen.
    pub(crate) by: Option<By>,
    /// The most lines of a table of the summary, if a number is chosen.
    pub(crate) top: Option<usize>,
    /// How the list looks.
    pub(crate) layout: Layout,
    /// True if the list or the summary is printed as JSON.
    pub(crate) json: bool,
    /// How often lsock looks.
    pub(crate) looks: Looks,
    /// The folder of the proc file system.
    pub(crate) proc: PathBuf,
    /// The largest number of threads; `None` for as many as help.
    pub(crate) threads: Option<NonZero<usize>>,
    /// Captured text that is decoded instead of reading proc.
    pub(crate) capture: Option<Capture>,
    /// The options that were typed, by their names in the table, each with its value; empty without one.
    pub(crate) typed: Vec<(&'static str, Vec<u8>)>,
    /// True if words of ss's filter were typed.
    pub(crate) has_filter: bool,
    /// The byte order of the machine of captured text.
    endian: Endian,
}

impl Default for Options {
    /// Returns the options of an empty command line.
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            named: Protos::default(),
            namespaces: Vec::new(),
            view: View::List,
            by: None,
            top: None,
            layout: Layout {
                header: true,
                ..Layout::default()
            },
            json: false,
            looks: Looks::Once,
            proc: PathBuf::from("/proc"),
            threads: None,
            capture: None,
            typed: Vec::new(),
            has_filter: false,
            endian: Endian::NATIVE,
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Action {
    /// To look for sockets.
    Run(Box<Options>),
    /// To print the help.
    Help,
    /// To print the version.
    Version,
}

/// Parses `arguments`, without the program's name. Help and version end the command line at once.
///
/// # Errors
/// One line, without the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Action, String> {
    let mut arguments = Arguments::new(arguments);
    let (mut options, mut given) = (Options::default(), Given::default());
    let mut filter = Vec::new();
    while let Some(argument) = arguments.next()? {
        let (typed, option, selector) = match argument {
            Argument::Letter(letter) => {
                dialect::check_letter(letter, &mut arguments)?;
                let option = letters::by_letter(letter, &mut arguments);
                (format!("-{letter}"), option, None)
            }
            Argument::Long(name) => {
                let option = options::by_name(&name);
                (name, option, None)
            }
            Argument::Word(word) if word.starts_with(b"+") && !arguments.has_ended => {
                dialect::check_plus(&word, &mut arguments)?;
                continue;
            }
            Argument::Word(word) if !filter.is_empty() || filter::begins(&word) => {
                filter.extend(word);
                filter.push(b' ');
                continue;
            }
            Argument::Word(word) => {
                let name = selectors::option_of(&word)?;
                (name.to_owned(), options::by_name(name), Some(word))
            }
        };
        let option = option.ok_or_else(|| unknown(&typed))?;
        let is_selector = selector.is_some();
        let value = match selector {
            None => option.read_value(&typed, &mut arguments)?,
            word => word,
        };
        let value = value.as_deref();
        if let Some(action) = option.set(&mut options, value)? {
            return Ok(action);
        }
        given.add(option.name, value, is_selector);
    }
    if let Some(action) = dialect::settle(&mut given, filter.trim_ascii_end(), &mut options)? {
        return Ok(action);
    }
    given.check()?;
    options.check_by()?;
    options.typed = given.into_values();
    options.has_filter = !filter.is_empty();
    options.layout.captured = options.capture.is_some();
    Ok(Action::Run(Box::new(options)))
}

/// Returns the line about an option that does not exist.
fn unknown(typed: &str) -> String {
    let name = typed.strip_prefix("--");
    let near = name.and_then(|name| suggest::nearest(name, options::long_names()));
    let advice = match near {
        Some(near) => format!("did you mean --{near}?"),
        None => "see lsock --help".to_owned(),
    };
    format!("'{}': no such option; {advice}", quoted(typed.as_bytes()))
}
