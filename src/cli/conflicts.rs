//! Finds options that do not go together. In: the options that were given. Out: one line that names two of them and says
//! why, and what to do. An option that only has no effect beside another, such as `-H` beside `--json`, is no conflict:
//! scripts may keep it.

use crate::cli::row::SPECIFICATION;
use crate::text::escape::quoted;

/// Two options, by their names in the table of options, and a reason.
type Pair = (&'static str, &'static str, &'static str);

/// Options that exclude each other.
static CONFLICTS: &[Pair] = &[
    ("--quiet", "--json", "--quiet prints nothing"),
    ("--quiet", "--pids", "--quiet prints nothing"),
    ("--quiet", "--summary", "--quiet prints nothing"),
    ("--quiet", "--peers", "--quiet prints nothing"),
    ("--quiet", "--watch", "--quiet prints nothing"),
    ("--pids", "--json", "--pids prints only process ids"),
    ("--pids", "--summary", "--pids prints only process ids"),
    ("--pids", "--peers", "--pids prints only process ids"),
    ("--pids", "--watch", "--pids prints only process ids"),
    ("--summary", "--peers", "--summary prints only totals"),
    ("--summary", "--watch", "--summary prints only totals"),
    ("-t", "-P", OF_LSOF),
    ("-t", "-U", OF_LSOF),
    ("-t", "-c", OF_LSOF),
    ("-u", SPECIFICATION, "UDP is -iUDP, a user is --uid"),
    ("-x", SPECIFICATION, "unix sockets are -U"),
    ("-l", SPECIFICATION, LISTENING),
    ("-l", "-i", LISTENING),
    ("--wait", "--watch", "--wait ends, --watch goes on"),
    ("--command", "--decode", NO_FILE),
    ("--pid", "--decode", NO_FILE),
    ("-c", "--decode", NO_PROCESS),
    ("--container", "--decode", NO_PROCESS),
    ("--netns", "--decode", NO_PROCESS),
    ("--pids", "--decode", NO_PROCESS),
    ("--peers", "--decode", NO_PROCESS),
    ("--proc", "--decode", "captured text replaces /proc"),
    ("--watch", "--decode", "captured text does not change"),
    ("--wait", "--decode", "captured text does not change"),
];

/// The reason against `-t` beside letters of lsof's, where it may mean process ids.
const OF_LSOF: &str = "process ids are -T, TCP is --tcp";
/// The reason against `-l` beside lsof's `-i`.
const LISTENING: &str = "lsof's -l is always on, and what listens is --listening";
/// The reason against options about processes.
const NO_PROCESS: &str = "captured text names no process";
/// The reason against words that may have been meant as the name of a file.
const NO_FILE: &str = "captured text names no process, and no such file follows --decode";

/// Options that are of no use without another.
static NEEDED: &[Pair] = &[
    (
        "--endian",
        "--decode",
        "only captured text has a byte order of its own",
    ),
    ("--by", "--summary", "only the summary has groups"),
    ("--top", "--summary", "only the summary has groups"),
];

/// One option that was given.
#[derive(Debug)]
struct Typed {
    /// Its name in the table of options.
    option: &'static str,
    /// Its value; empty without one.
    value: Vec<u8>,
    /// True if it was given as a selector, by the value alone.
    is_selector: bool,
}

impl Typed {
    /// Returns what a message quotes: the selector, or the name of the option.
    fn text(&self) -> String {
        if self.is_selector {
            quoted(&self.value)
        } else {
            self.option.to_owned()
        }
    }
}

/// The options that were given, in their order.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<Typed>);

impl Given {
    /// Adds an option by its name in the table, with its value.
    pub(super) fn add(&mut self, option: &'static str, value: Option<&[u8]>, is_selector: bool) {
        self.0.push(Typed {
            option,
            value: value.unwrap_or_default().to_vec(),
            is_selector,
        });
    }

    /// Returns the option if it was given.
    fn find(&self, option: &str) -> Option<&Typed> {
        self.0.iter().find(|typed| typed.option == option)
    }

    /// Returns true if the option was given.
    pub(super) fn has(&self, option: &str) -> bool {
        self.find(option).is_some()
    }

    /// Returns the selectors that stand for the option.
    pub(super) fn selectors(&self, option: &str) -> impl Iterator<Item = &[u8]> {
        let typed = self.0.iter().filter(|typed| typed.is_selector);
        typed
            .filter(move |typed| typed.option == option)
            .map(|typed| typed.value.as_slice())
    }

    /// Returns true if nothing but the option was given; where proc is does not count.
    pub(super) fn is_only(&self, option: &str) -> bool {
        let mut others = self.0.iter().filter(|typed| typed.option != "--proc");
        self.has(option) && others.all(|typed| typed.option == option)
    }

    /// Takes one option for another, which it turned out to mean.
    pub(super) fn rename(&mut self, option: &str, to: &'static str) {
        for typed in &mut self.0 {
            if typed.option == option {
                typed.option = to;
            }
        }
    }

    /// Returns the names of the options with their values.
    pub(super) fn into_values(self) -> Vec<(&'static str, Vec<u8>)> {
        let typed = self.0.into_iter();
        typed.map(|typed| (typed.option, typed.value)).collect()
    }

    /// Returns an error if any two options do not go together.
    ///
    /// # Errors
    /// One line, without the program's name.
    pub(super) fn check(&self) -> Result<(), String> {
        for (one, other, why) in CONFLICTS {
            if let (Some(one), Some(other)) = (self.find(one), self.find(other)) {
                let (one, other) = (one.text(), other.text());
                return Err(format!("'{one}' and '{other}': {why}; use one of the two"));
            }
        }
        for (option, needed, why) in NEEDED {
            if self.find(option).is_some() && self.find(needed).is_none() {
                return Err(format!("'{option}' needs {needed}: {why}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::options::by_name;
    use crate::cli::parse;
    use crate::cli::row::Takes;
    use std::ffi::OsString;

    /// Returns an argument that gives `option`, with a value that suits all that take one.
    fn argument(option: &str) -> OsString {
        let value = match option {
            SPECIFICATION => return "-i:80".into(),
            "--endian" => "=big",
            "--by" => "=remote",
            "-c" => "java",
            _ if matches!(by_name(option).unwrap().takes, Takes::Value(_)) => "=6",
            _ => "",
        };
        format!("{option}{value}").into()
    }

    #[test]
    fn every_pair_is_refused_in_both_orders() {
        for (one, other, why) in CONFLICTS {
            for arguments in [[one, other], [other, one]] {
                let error = parse(arguments.map(|option| argument(option))).unwrap_err();
                let line = format!("'{one}' and '{other}': {why}; use one of the two");
                assert_eq!(error, line);
            }
        }
        for (option, needed, why) in NEEDED {
            let error = parse([argument(option)]).unwrap_err();
            assert_eq!(error, format!("'{option}' needs {needed}: {why}"));
            assert!(parse([argument(option), argument(needed)]).is_ok());
        }
    }

    #[test]
    fn a_selector_is_quoted_as_it_was_typed() {
        for word in ["6", "java"] {
            let error = parse(["--decode".into(), word.into()]).unwrap_err();
            assert!(
                error.starts_with(&format!("'{word}' and '--decode': ")),
                "{error}"
            );
        }
    }
}
