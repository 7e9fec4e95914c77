//! The table of options. In: a letter or a name of the command line. Out: a row, which says whether a value goes with it
//! and what the two set in `Options`. A new option is a row here and a line of help.txt; what it excludes stands in
//! `conflicts`. Nothing else fills `Options`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::ends::{parse_end, parse_internet, parse_ports};
use crate::cli::row::Takes::{Ends, Nothing, Optional, Protocol, Refused, Value};
use crate::cli::row::{INFO, NO_EFFECT, OptionRow, SPECIFICATION, letter, long};
use crate::cli::states::parse_states;
use crate::cli::values::{
    is_file, parse_container, parse_endian, parse_inodes, parse_namespaces, parse_pause,
    parse_pids, parse_seconds, parse_table, parse_threads, parse_uids, wrong,
};
use crate::cli::{Action, Capture, Looks, Options, View};
use crate::collections::sort::sort_dedup;
use crate::select::{Condition, Endpoint, Family, ProcessTest, RowTest};
use crate::socket::Side;
use crate::socket::proto::Protos;

/// All options.
static OPTIONS: &[OptionRow] = &[
    // Which sockets and processes. Letters that set nothing here mean what `dialect` says, once all are read.
    letter('t', "-t", NO_EFFECT),
    letter('u', "-u", NO_EFFECT),
    letter('x', "-x", NO_EFFECT),
    letter('w', "-w", NO_EFFECT),
    letter('S', "-S", NO_EFFECT),
    long("--tcp", Protocol(Protos::TCP)),
    long("--udp", Protocol(Protos::UDP)),
    long("--unix", Protocol(Protos::UNIX)),
    letter('U', "-U", Protocol(Protos::UNIX)),
    long("--raw", Protocol(Protos::RAW)),
    long("--netlink", Protocol(Protos::NETLINK)),
    letter('0', "--packet", Protocol(Protos::PACKET)),
    long("--sctp", Protocol(Protos::SCTP)),
    letter(
        'A',
        "--query",
        Value(|to, word| to.add_tables("protocol", word)),
    ),
    letter(
        'f',
        "--family",
        Value(|to, word| to.add_tables("family", word)),
    ),
    letter('4', "--ipv4", Nothing(|to| to.add_family(Family::V4))),
    letter('6', "--ipv6", Nothing(|to| to.add_family(Family::V6))),
    long("--inet6", Nothing(|to| to.add_family(Family::V6))),
    long(
        "--inet",
        Nothing(|to| to.select("family", RowTest::Proto(Protos::INET))),
    ),
    letter('i', "-i", NO_EFFECT),
    long(SPECIFICATION, Value(Options::add_internet)),
    letter('l', "-l", NO_EFFECT),
    long("--listening", NO_EFFECT),
    long(
        "--port",
        Value(|to, word| to.add_ports("port", Side::Either, word)),
    ),
    long(
        "--local-port",
        Value(|to, word| to.add_ports("local port", Side::Local, word)),
    ),
    long(
        "--remote-port",
        Value(|to, word| to.add_ports("remote port", Side::Remote, word)),
    ),
    long("--address", Value(Options::add_end)),
    long("--path", Value(Options::add_path)),
    long("--inode", Value(Options::add_inodes)),
    long("--state", Value(Options::add_states)),
    long("--uid", Value(Options::add_uids)),
    long("--netns", Value(Options::add_namespaces)),
    long("--pid", Value(Options::add_pids)),
    long("--command", Value(Options::add_word)),
    letter('c', "-c", Value(Options::add_prefix)),
    long("--container", Value(Options::add_container)),
    // What to print.
    letter('e', "--extended", Nothing(|to| to.layout.wide = true)),
    letter('o', "-o", Nothing(|to| to.layout.timers = true)),
    letter('E', "--peers", Nothing(|to| to.layout.peers = true)),
    letter('s', "--summary", Nothing(|to| to.view = View::Summary)),
    long("--by", Value(Options::set_by)),
    long("--top", Value(Options::set_top)),
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
    // What other tools must be asked for, and lsock always does, or does not need.
    letter('a', "--all", NO_EFFECT),
    letter('n', "--numeric", NO_EFFECT),
    letter('p', "--processes", NO_EFFECT),
    letter('P', "-P", NO_EFFECT),
    letter('N', "-N", NO_EFFECT),
    letter('v', "-v", NO_EFFECT),
    long(INFO, NO_EFFECT),
    long(
        "--as",
        Refused("it comes first: lsock --as lsof|ss|netstat"),
    ),
    letter(
        'F',
        "-F",
        Refused("lsof's fields are -j, a JSON object a line"),
    ),
    letter(
        'm',
        "-m",
        Refused("/proc has no socket memory but RECV-Q, SEND-Q"),
    ),
    letter(
        'r',
        "-r",
        Refused("no routes, no host names; lsof's -r is --watch"),
    ),
    letter('h', "--help", Ends(|| Action::Help)),
    letter('V', "--version", Ends(|| Action::Version)),
];

/// Other names of `--numeric`, which asks for nothing.
const OTHER_NAMES: &str =
    "--numeric-hosts --numeric-ports --process --program --programs --wide -W -b -O -K";

/// Returns the option of this name, `--tcp` or `-e`.
pub(super) fn by_name(name: &str) -> Option<&'static OptionRow> {
    let is_other = OTHER_NAMES.split(' ').any(|other| other == name);
    let name = if is_other { "--numeric" } else { name };
    OPTIONS.iter().find(|option| option.name == name)
}

/// Returns the option of this letter alone.
pub(super) fn row_of_letter(letter: char) -> Option<&'static OptionRow> {
    let row = OPTIONS.iter().find(|row| row.letter == Some(letter));
    row.or_else(|| by_name(&format!("-{letter}")))
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
    pub(super) fn add_protos(&mut self, protos: Protos) {
        self.named = self.named.union(protos);
        self.select("protocol", RowTest::Proto(protos));
    }

    /// Selects sockets of the tables or families of this list too.
    fn add_tables(&mut self, kind: &'static str, word: &[u8]) -> Result<(), String> {
        for table in word.split(|byte| *byte == b',') {
            let protos = parse_table(table)?;
            self.named = self.named.union(protos);
            self.select(kind, RowTest::Proto(protos));
        }
        Ok(())
    }

    /// Selects sockets of this family too.
    fn add_family(&mut self, family: Family) {
        self.select("family", RowTest::Family(family));
    }

    /// Selects also the internet sockets that lsof's specification describes.
    fn add_internet(&mut self, word: &[u8]) -> Result<(), String> {
        self.selection.add("protocol", parse_internet(word)?);
        Ok(())
    }

    /// Selects ports of the end on `side`.
    fn add_ports(&mut self, kind: &'static str, side: Side, word: &[u8]) -> Result<(), String> {
        let end = Endpoint::of_ports(parse_ports(word)?);
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
        if word.ends_with(b".sock") {
            self.select("word", RowTest::Path(word.to_vec()));
        }
        Ok(())
    }

    /// Selects processes by the beginning of their command's name.
    fn add_prefix(&mut self, word: &[u8]) -> Result<(), String> {
        if let [b'/' | b'^' | b'-', ..] = word {
            return Err(wrong(
                word,
                "not the beginning of a command's name; write -c java",
            ));
        }
        self.select_process("command", ProcessTest::Prefix(word.to_vec()));
        Ok(())
    }

    /// Selects processes by their containers, or pods.
    fn add_container(&mut self, word: &[u8]) -> Result<(), String> {
        for word in word.split(|byte| *byte == b',') {
            let name = parse_container(word)?;
            self.select_process("container", ProcessTest::Container(name.to_vec()));
        }
        Ok(())
    }

    /// Adds a question about sockets to those of its kind.
    pub(super) fn select(&mut self, kind: &'static str, test: RowTest) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::letters::{OTHER_LETTERS, OtherLetter};
    use crate::cli::{HELP, parse};

    /// Returns the options that the help names: `--word`, and `-x` for each letter of `-x` and `-xyz`. The ways into a container
    /// are other programs' commands.
    fn named_in_help() -> Vec<String> {
        let (help, _) = HELP.split_once("\nWays into").unwrap();
        let words = help.split(|char: char| !char.is_ascii_alphanumeric() && char != '-');
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

    /// Returns true for a letter of which the text behind it says which option it stands for.
    fn is_shared(form: &str) -> bool {
        ["-p", "-s", "-i"].contains(&form)
    }

    #[test]
    fn the_help_names_every_form_of_the_table_and_nothing_else() {
        let named = named_in_help();
        let forms = forms();
        for (form, _) in &forms {
            assert!(named.contains(form), "{form} is not in the help");
        }
        for name in OTHER_NAMES.split(' ') {
            assert!(named.iter().any(|option| option == name), "{name}");
        }
        for option in &named {
            let is_known = forms.iter().any(|(form, _)| form == option)
                || OTHER_NAMES.split(' ').any(|name| name == option);
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
                Nothing(_) | Protocol(_) | Ends(_) | Refused(_) => {
                    assert!(!is_optional && !has_value, "{}", option.name);
                }
            }
        }
    }

    #[test]
    fn letters_and_names_are_unique() {
        for (at, (form, _)) in forms().iter().enumerate() {
            let mut before = forms().into_iter().take(at);
            assert!(
                is_shared(form) || !before.any(|(other, _)| other == *form),
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
                let line = format!("'{form}' needs a value{place}");
                assert!(error.starts_with(&line), "{error}");
            };
            let attached = format!("{form}=");
            match option.takes {
                Nothing(_) | Protocol(_) | Ends(_) | Refused(_) => continue,
                // Empty text after these letters is no value.
                Value(_) if is_shared(&form) => continue,
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
