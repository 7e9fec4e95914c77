//! The table of options. In: a letter or a name of the command line. Out: a row, which says whether a value goes with it
//! and what the two set in `Options`. A new option is a row here and a line of help.txt; what it excludes stands in
//! `conflicts`. Nothing else fills `Options`.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::Parser;

use crate::cli::ends::{parse_end, parse_internet, parse_ports};
use crate::cli::row::Takes::{Ends, Nothing, Optional, Value};
use crate::cli::row::{OptionRow, letter, long};
use crate::cli::values::{
    parse_container, parse_endian, parse_inodes, parse_namespaces, parse_pause, parse_pids,
    parse_seconds, parse_states, parse_threads, parse_uids,
};
use crate::cli::{Action, Capture, Looks, Options, View};
use crate::collections::sort::sort_dedup;
use crate::proc::is_denied;
use crate::select::{Condition, Endpoint, Family, ProcessTest, RowTest};
use crate::socket::Side;
use crate::socket::proto::Protos;

/// All options.
static OPTIONS: &[OptionRow] = &[
    // Which sockets.
    letter('t', "--tcp", Nothing(|to| to.add_protos(Protos::TCP))),
    letter('u', "--udp", Nothing(|to| to.add_protos(Protos::UDP))),
    letter('x', "--unix", Nothing(|to| to.add_protos(Protos::UNIX))),
    letter('w', "--raw", Nothing(|to| to.add_protos(Protos::RAW))),
    long("--netlink", Nothing(|to| to.add_protos(Protos::NETLINK))),
    long("--packet", Nothing(|to| to.add_protos(Protos::PACKET))),
    long("--sctp", Nothing(|to| to.add_protos(Protos::SCTP))),
    letter('4', "-4", Nothing(|to| to.add_family(Family::V4))),
    letter('6', "-6", Nothing(|to| to.add_family(Family::V6))),
    letter('i', "-i", Optional(|_| false, Options::add_internet)),
    letter(
        'l',
        "--listening",
        Nothing(|to| to.select("listening", RowTest::Listening)),
    ),
    long("--port", Value(Options::add_ports)),
    long("--local-port", Value(Options::add_local_ports)),
    long("--remote-port", Value(Options::add_remote_ports)),
    long("--address", Value(Options::add_end)),
    long("--path", Value(Options::add_path)),
    long("--inode", Value(Options::add_inodes)),
    long("--state", Value(Options::add_states)),
    long("--uid", Value(Options::add_uids)),
    long("--netns", Value(Options::add_namespaces)),
    // Which processes.
    long("--pid", Value(Options::add_pids)),
    long("--command", Value(Options::add_word)),
    letter('c', "-c", Value(Options::add_prefix)),
    long("--container", Value(Options::add_container)),
    // What to print.
    letter('e', "-e", Nothing(|to| to.layout.wide = true)),
    letter('o', "-o", Nothing(|to| to.layout.timers = true)),
    letter('E', "--peers", Nothing(|to| to.layout.peers = true)),
    letter('s', "--summary", Nothing(|to| to.view = View::Summary)),
    letter('j', "--json", Nothing(|to| to.json = true)),
    letter('H', "--no-header", Nothing(|to| to.layout.header = false)),
    letter('T', "--pids", Nothing(|to| to.view = View::Pids)),
    letter('q', "--quiet", Nothing(|to| to.view = View::Quiet)),
    long("--watch", Optional(|_| false, Options::set_watch)),
    long("--wait", Optional(|_| false, Options::set_wait)),
    // What to read.
    long("--decode", Optional(is_file, Options::set_capture)),
    long("--endian", Value(Options::set_endian)),
    long("--proc", Value(Options::set_proc)),
    long("--threads", Value(Options::set_threads)),
    // What must be asked of other tools, and lsock always does.
    letter('a', "-a", Nothing(|_| ())),
    letter('n', "-n", Nothing(|_| ())),
    letter('p', "-p", Nothing(|_| ())),
    letter('P', "-P", Nothing(|_| ())),
    letter('N', "-N", Nothing(|_| ())),
    letter('h', "--help", Ends(|| Action::Help)),
    letter('V', "--version", Ends(|| Action::Version)),
];

/// A letter, a function of the text attached to it, and the name of the option that the letter stands for if the function
/// returns true.
type OtherLetter = (char, fn(&[u8]) -> bool, &'static str);

/// The letters that lsof has for options of other letters: `-U`, `-p6`, `-sTCP:LISTEN`. Alone, `-p` and `-s` are ss's.
static OTHER_LETTERS: &[OtherLetter] = &[
    ('U', |_| true, "--unix"),
    ('p', starts_with_digit, "--pid"),
    ('s', |attached| !are_letters(attached), "--state"),
];

/// Returns true for process ids behind `-p`, which else may have more letters behind it, as in `-pn`.
fn starts_with_digit(attached: &[u8]) -> bool {
    attached.first().is_some_and(u8::is_ascii_digit)
}

/// Returns true for letters behind `-s`, as in `-sj`: every state is longer.
fn are_letters(attached: &[u8]) -> bool {
    attached.len() <= 3
        && attached.iter().all(u8::is_ascii_alphanumeric)
        && !matches!(attached, b"TCP" | b"UDP")
}

/// Returns the option of this name, `--tcp` or `-e`.
pub(super) fn by_name(name: &str) -> Option<&'static OptionRow> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// Returns the option that a letter stands for. A copy of `parser` looks ahead at the text attached to the letter: that may
/// be more letters, which are read later.
pub(super) fn by_letter(letter: char, parser: &Parser) -> Option<&'static OptionRow> {
    let attached = || parser.clone().optional_value().unwrap_or_default();
    let mut others = OTHER_LETTERS.iter();
    let other =
        others.find(|(other, stands_for, _)| *other == letter && stands_for(attached().as_bytes()));
    match other {
        Some((_, _, name)) => by_name(name),
        None => OPTIONS.iter().find(|option| option.letter == Some(letter)),
    }
}

/// Returns all long names, without their dashes.
pub(super) fn long_names() -> impl Iterator<Item = &'static str> {
    OPTIONS
        .iter()
        .filter_map(|option| option.name.strip_prefix("--"))
}

/// The functions of the table: each sets what one option, or the selector that is short for it, asks for.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a row takes one type of function, and most values are parsed"
)]
impl Options {
    /// Selects sockets of these protocols too.
    fn add_protos(&mut self, protos: Protos) {
        self.select("protocol", RowTest::Proto(protos));
    }

    /// Selects sockets of this family too.
    fn add_family(&mut self, family: Family) {
        self.select("family", RowTest::Family(family));
    }

    /// Selects internet sockets too: all, or those that the value of `-i` describes.
    fn add_internet(&mut self, word: Option<&[u8]>) -> Result<(), String> {
        let internet = parse_internet(word.unwrap_or_default())?;
        self.selection.add("protocol", internet);
        Ok(())
    }

    /// Selects ports of either end.
    fn add_ports(&mut self, word: &[u8]) -> Result<(), String> {
        self.add_ports_of("port", Side::Either, word)
    }

    /// Selects ports of this end.
    fn add_local_ports(&mut self, word: &[u8]) -> Result<(), String> {
        self.add_ports_of("local port", Side::Local, word)
    }

    /// Selects ports of the other end.
    fn add_remote_ports(&mut self, word: &[u8]) -> Result<(), String> {
        self.add_ports_of("remote port", Side::Remote, word)
    }

    /// Selects ports of the end on `side`.
    fn add_ports_of(&mut self, kind: &'static str, side: Side, word: &[u8]) -> Result<(), String> {
        let end = Endpoint {
            prefix: None,
            ports: parse_ports(word)?,
        };
        self.select(kind, RowTest::End(side, end));
        Ok(())
    }

    /// Selects an address of either end, perhaps with ports.
    fn add_end(&mut self, word: &[u8]) -> Result<(), String> {
        self.select("address", RowTest::End(Side::Either, parse_end(word)?));
        Ok(())
    }

    /// Selects a path or abstract name of unix sockets.
    fn add_path(&mut self, word: &[u8]) -> Result<(), String> {
        self.select("path", RowTest::Path(word.to_vec()));
        Ok(())
    }

    /// Selects inodes.
    fn add_inodes(&mut self, word: &[u8]) -> Result<(), String> {
        for inode in parse_inodes(word)? {
            self.select("inode", RowTest::Inode(inode));
        }
        Ok(())
    }

    /// Selects states.
    fn add_states(&mut self, word: &[u8]) -> Result<(), String> {
        for (protos, state) in parse_states(word)? {
            self.select("state", RowTest::State(protos, state));
        }
        Ok(())
    }

    /// Selects owners.
    fn add_uids(&mut self, word: &[u8]) -> Result<(), String> {
        for uid in parse_uids(word)? {
            self.select("uid", RowTest::Uid(uid));
        }
        Ok(())
    }

    /// Selects network namespaces.
    fn add_namespaces(&mut self, word: &[u8]) -> Result<(), String> {
        self.namespaces.extend(parse_namespaces(word)?);
        Ok(())
    }

    /// Selects processes by id.
    fn add_pids(&mut self, word: &[u8]) -> Result<(), String> {
        let mut pids = parse_pids(word)?;
        sort_dedup(&mut pids);
        self.select_process("pid", ProcessTest::Pids(pids));
        Ok(())
    }

    /// Selects processes by a word in their command's name or line.
    fn add_word(&mut self, word: &[u8]) -> Result<(), String> {
        self.select_process("word", ProcessTest::Word(word.to_vec()));
        Ok(())
    }

    /// Selects processes by the beginning of their command's name.
    fn add_prefix(&mut self, word: &[u8]) -> Result<(), String> {
        self.select_process("command", ProcessTest::Prefix(word.to_vec()));
        Ok(())
    }

    /// Selects processes by the beginning of their container's id.
    fn add_container(&mut self, word: &[u8]) -> Result<(), String> {
        let prefix = parse_container(word)?;
        self.select_process("container", ProcessTest::Container(prefix));
        Ok(())
    }

    /// Adds a question about sockets to those of its kind.
    fn select(&mut self, kind: &'static str, test: RowTest) {
        self.selection.add(kind, Condition::Row(test));
    }

    /// Adds a question about processes to those of its kind.
    fn select_process(&mut self, kind: &'static str, test: ProcessTest) {
        self.selection.add(kind, Condition::Process(test));
    }

    /// Looks again and again, each second if no pause is given.
    fn set_watch(&mut self, pause: Option<&[u8]>) -> Result<(), String> {
        let pause = pause.map_or(Ok(Duration::from_secs(1)), parse_pause);
        self.looks = Looks::Watch(pause?);
        Ok(())
    }

    /// Looks until something matches, for ever if no limit is given.
    fn set_wait(&mut self, limit: Option<&[u8]>) -> Result<(), String> {
        self.looks = Looks::Wait(limit.map(parse_seconds).transpose()?);
        Ok(())
    }

    /// Decodes a file, or standard input if none or `-` is given.
    fn set_capture(&mut self, file: Option<&[u8]>) -> Result<(), String> {
        let file = file.filter(|file| *file != b"-");
        self.capture = Some(Capture {
            path: file.map(|file| PathBuf::from(OsStr::from_bytes(file))),
            endian: self.endian,
        });
        Ok(())
    }

    /// Sets the byte order of captured text, whether `--decode` was read before or comes after.
    fn set_endian(&mut self, word: &[u8]) -> Result<(), String> {
        self.endian = parse_endian(word)?;
        if let Some(capture) = &mut self.capture {
            capture.endian = self.endian;
        }
        Ok(())
    }

    /// Reads another proc file system.
    fn set_proc(&mut self, word: &[u8]) -> Result<(), String> {
        self.proc = PathBuf::from(OsStr::from_bytes(word));
        Ok(())
    }

    /// Limits the number of threads.
    fn set_threads(&mut self, word: &[u8]) -> Result<(), String> {
        self.threads = Some(parse_threads(word)?);
        Ok(())
    }
}

/// Returns true if the argument after `--decode` is its file: `-`, or a file that exists. A unix socket is none: its path
/// selects. So does a path that does not exist, unless standard input is a terminal: then the name is mistyped.
fn is_file(word: &[u8]) -> bool {
    match Path::new(OsStr::from_bytes(word)).metadata() {
        Ok(file) => !file.file_type().is_socket(),
        // It is there, or stat(2) is denied: opening it tells why.
        Err(error) if is_denied(&error) => true,
        Err(_) => word == b"-" || word.starts_with(b"/") && io::stdin().is_terminal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{HELP, parse};

    /// Returns the options that the help names: `--word`, and `-x` for each letter of `-x` and `-xyz`.
    fn named_in_help() -> Vec<String> {
        let words = HELP.split(|char: char| !char.is_ascii_alphanumeric() && char != '-');
        let mut named = Vec::new();
        for word in words {
            match (word.strip_prefix("--"), word.strip_prefix('-')) {
                (Some(_), _) => named.push(word.to_owned()),
                (None, Some(letters)) => {
                    named.extend(letters.chars().map(|letter| format!("-{letter}")));
                }
                (None, None) => {}
            }
        }
        named
    }

    /// Returns every form in which an option can be typed: its letters and its long name.
    fn forms() -> Vec<(String, &'static OptionRow)> {
        let letters = OPTIONS
            .iter()
            .filter_map(|option| Some((option.letter?, option)));
        let other = |(letter, _, name): &OtherLetter| (*letter, by_name(name).unwrap());
        let letters = letters.chain(OTHER_LETTERS.iter().map(other));
        let long = OPTIONS
            .iter()
            .filter(|option| option.name.starts_with("--"));
        letters
            .map(|(letter, option)| (format!("-{letter}"), option))
            .chain(long.map(|option| (option.name.to_owned(), option)))
            .collect()
    }

    #[test]
    fn the_help_names_every_form_of_the_table_and_nothing_else() {
        let named = named_in_help();
        let forms = forms();
        for (form, _) in &forms {
            assert!(named.contains(form), "{form} is not in the help");
        }
        for option in &named {
            let is_known = forms.iter().any(|(form, _)| form == option);
            assert!(is_known, "{option} is in the help alone");
        }
    }

    #[test]
    fn the_help_shows_which_option_takes_a_value() {
        for option in OPTIONS
            .iter()
            .filter(|option| option.name.starts_with("--"))
        {
            let after = |(at, name): (usize, &'static str)| &HELP[at + name.len()..];
            let is_value = |text: &str| {
                text.starts_with(|char: char| char.is_ascii_uppercase())
                    || text.starts_with("big|little")
            };
            let mut texts = HELP.match_indices(option.name).map(after);
            let is_optional = HELP.contains(&format!("{}[=", option.name));
            let has_value = texts.any(|text| text.strip_prefix(' ').is_some_and(is_value));
            match option.takes {
                Optional(..) => assert!(is_optional, "{}", option.name),
                // Those that selectors are short for stand at the end of the selector's line.
                Value(_) => assert!(!is_optional, "{}", option.name),
                Nothing(_) | Ends(_) => assert!(!is_optional && !has_value, "{}", option.name),
            }
        }
    }

    #[test]
    fn letters_and_names_are_unique() {
        for (at, (form, _)) in forms().iter().enumerate() {
            let mut before = forms().into_iter().take(at);
            // Of -p and -s the attached text decides.
            let is_shared = ["-p", "-s"].contains(&form.as_str());
            assert!(
                is_shared || !before.any(|(other, _)| other == *form),
                "{form}"
            );
        }
    }

    #[test]
    fn an_empty_or_missing_value_is_refused_whatever_the_option() {
        let mut count = 0;
        for (form, option) in forms() {
            let needs = |arguments: &[&str]| {
                let error = parse(arguments.iter().map(Into::into)).expect_err(&form);
                let place = if matches!(option.takes, Optional(..)) {
                    " after '='"
                } else {
                    ""
                };
                assert_eq!(error, format!("'{}' needs a value{place}", option.name));
            };
            let attached = format!("{form}=");
            match option.takes {
                Nothing(_) | Ends(_) => continue,
                // The text after these letters decides, and empty it is no value.
                Value(_) if form == "-p" || form == "-s" => continue,
                Value(_) => {
                    needs(&[&form]);
                    needs(&[&form, ""]);
                    needs(&[&attached]);
                    needs(&[&attached, "x"]);
                }
                Optional(..) => {
                    needs(&[&attached]);
                    needs(&[&attached, "x"]);
                }
            }
            count += 1;
        }
        assert!(count > 15, "{count}");
    }
}
