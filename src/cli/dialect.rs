//! Says what is meant by letters that lsof, ss and netstat have for different things. In: everything that was typed. Out: the
//! meaning of the tool that the command line comes from, or one line that says how to write it for lsock. All such rules are
//! here; they follow one: no line may show fewer rows in silence than the tool that it comes from, and none may print
//! anything but process ids where `kill $(…)` stands around it.
//!
//! | typed | comes from | means |
//! |---|---|---|
//! | `-i` with a specification, `-P` | lsof: no other tool has them | `-w` (no warnings), `-S` (time-outs), and `-l` beside `-P` (user numbers) ask for nothing |
//! | `-t` beside a specification or a path | lsof: `kill $(lsof -ti:80)`; TCP has no path | process ids only |
//! | `-t` beside `-P`, `-U`, `-c` | lsof's, or a mixture | refused (`conflicts`) |
//! | `-l`, `-u`, `-x` beside a specification | lsof's user numbers, users, file systems, or a mixture | refused |
//! | `-i` alone, with `-t -u -x`, a long name or a filter | ss: `ss -tin` | the columns of `-e` |
//! | `-i` alone | lsof (netstat's interfaces are no sockets) | internet sockets; `-w` and `-S` nothing, `-l` refused |
//! | `-u WORD`, `-N WORD` | lsof's user, ss's namespace | refused |
//! | `-N` alone | lsof's NFS files; netstat's with others asks for nothing | refused |
//! | `-c` without a name, or with letters behind it | netstat's "again and again" | refused |
//! | `-a` and `-l` | ss, netstat, and lsof: none of them means fewer than all | all |
//! | `-l` of a protocol without listeners, and of unix | ss: what has no peer | what has no peer too |
//! | `-l` and `state` | ss: states replace those of `-l` | the states |
//! | `-v` alone | ss, lsof | the version |

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::cli::arguments::Arguments;
use crate::cli::conflicts::Given;
use crate::cli::row::{INFO, SPECIFICATION};
use crate::cli::values::wrong;
use crate::cli::{Action, Options, View, filter, selectors};
use crate::proc::sys::Stat;
use crate::select::RowTest;
use crate::socket::proto::Protos;
use crate::socket::state::State;

/// The letters that select a protocol, as ss and netstat have them.
static PROTOCOLS: &[(&str, Protos)] = &[
    ("-t", Protos::TCP),
    ("-u", Protos::UDP),
    ("-x", Protos::UNIX),
    ("-w", Protos::RAW),
    ("-S", Protos::SCTP),
];

/// The option that asks for nothing.
const NOTHING: &str = "--numeric";

/// The options that stand beside ss's `-i` and never beside lsof's; `-w` and `-S` stand beside both.
static OF_SS: &[&str] = &["-t", "-u", "-x", "--tcp", "--udp", "--unix", INFO];

/// A letter that another tool has for something else, a function of the text attached to it and of the next argument that
/// returns true where that is meant, and what lsock has for it.
type OfOthers = (char, fn(&[u8], &[u8]) -> bool, &'static str);

/// The letters whose value in another tool tells that it is meant.
static OF_OTHERS: &[OfOthers] = &[
    (
        'u',
        is_value,
        "lsof's user is --uid N; where UDP is meant, write -u last",
    ),
    ('N', is_value, "ss's namespace is --netns PID"),
    (
        'c',
        |attached, _| {
            let of_netstat = |byte: &u8| b"tuwxlnpaeovW46".contains(byte);
            !attached.is_empty() && attached.iter().all(of_netstat)
        },
        "netstat's -c is --watch; a command is -c NAME, apart",
    ),
];

/// Returns true if no value is attached, and `next` is neither an option nor recognised by its shape.
fn is_value(attached: &[u8], next: &[u8]) -> bool {
    attached.is_empty()
        && !matches!(next, [b'-' | b'+', ..])
        && !filter::begins(next)
        && selectors::option_of(next) == Ok("--command")
}

/// Refuses a letter of another tool's, if what stands behind it tells that this is meant.
///
/// # Errors
/// One line, without the program's name, as from all functions below.
pub(super) fn check_letter(letter: char, arguments: &mut Arguments) -> Result<(), String> {
    let next = arguments.peek().unwrap_or_default();
    let attached = arguments.attached();
    for (other, is_meant, advice) in OF_OTHERS {
        if *other == letter && is_meant(attached, &next) {
            let value = if attached.is_empty() { &next } else { attached };
            return Err(wrong(value, advice));
        }
    }
    Ok(())
}

/// Reads one of lsof's options that begin with a plus.
pub(super) fn check_plus(word: &[u8], arguments: &mut Arguments) -> Result<(), String> {
    let is_number = |word: &[u8]| word.iter().all(u8::is_ascii_digit);
    match word {
        b"+M" => {}
        b"+c" => {
            arguments.take_next_if(is_number);
        }
        [b'+', b'c', width @ ..] if is_number(width) => {}
        _ => {
            return Err(wrong(
                word,
                "no such option; lsock lists no files but sockets",
            ));
        }
    }
    Ok(())
}

/// Sets in `options` what the letters in `given` mean together, and what the words of ss's filter select. Returns what is
/// done instead of looking for sockets, if anything is.
pub(super) fn settle(
    given: &mut Given,
    words: &[u8],
    options: &mut Options,
) -> Result<Option<Action>, String> {
    if given.is_only("-v") {
        return Ok(Some(Action::Version));
    }
    if given.is_only("-N") {
        return Err("'-N': lsof's NFS files are no sockets; leave it out".to_owned());
    }
    let (condition, names_states) = filter::parse(words)?;
    options.selection.add("filter", condition);
    for path in given.selectors("--path") {
        check_path(path)?;
    }
    name_letters(given, !words.is_empty());
    if given.has("-i") {
        options.select("protocol", RowTest::Proto(Protos::INET));
    }
    if given.has(INFO) {
        options.layout.wide = true;
    }
    if given.has("--pids") {
        options.view = View::Pids;
    }
    for (letter, protos) in PROTOCOLS {
        if given.has(letter) {
            options.add_protos(*protos);
        }
    }
    let listens = given.has("-l") || given.has("--listening");
    if listens && !given.has("--all") && !names_states {
        select_listening(options);
    }
    Ok(None)
}

/// Gives each letter whose meaning depends on others the name of the option that it means.
fn name_letters(given: &mut Given, has_filter: bool) {
    let of_lsof = given.has(SPECIFICATION) || given.has("-P");
    if !of_lsof && (has_filter || OF_SS.iter().any(|name| given.has(name))) {
        given.rename("-i", INFO);
    }
    if of_lsof || given.has("-i") {
        given.rename("-w", NOTHING);
        given.rename("-S", NOTHING);
    }
    if given.has("-P") || given.has("--all") {
        given.rename("-l", NOTHING);
    }
    let of_file = |given: &Given| {
        let mut others = PROTOCOLS.iter().filter(|(letter, _)| *letter != "-t");
        given.selectors("--path").any(|path| path.starts_with(b"/"))
            && !others.any(|(letter, _)| given.has(letter))
    };
    if given.has(SPECIFICATION) || of_file(given) {
        given.rename("-t", "--pids");
    }
}

/// Selects what waits for anybody; of a protocol that was named and has no listeners, and of unix, also what has no peer,
/// as ss has it.
fn select_listening(options: &mut Options) {
    let peerless = options.named.intersection(Protos::RAW.union(Protos::UNIX));
    let stateless = options
        .named
        .intersection(Protos::NETLINK.union(Protos::PACKET));
    for test in [
        RowTest::Listening,
        RowTest::State(peerless, State::UNCONNECTED),
        RowTest::State(stateless, State::NONE),
    ] {
        options.select("listening", test);
    }
}

/// Refuses a path where there is a file that is no socket: lsof would show its holders.
fn check_path(path: &[u8]) -> Result<(), String> {
    match Stat::of_path(Path::new(OsStr::from_bytes(path))) {
        Ok(file) if path.starts_with(b"/") && !file.is_socket() => {
            Err(wrong(path, "no socket; lsock lists no other files"))
        }
        _ => Ok(()),
    }
}
