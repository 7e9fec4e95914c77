//! Reads the command line. In: the arguments. Out: what to do, or one line that quotes what is wrong. It does nothing
//! of it, and reads nothing else.

pub(crate) mod conflicts;
pub(crate) mod suggest;
pub(crate) mod values;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value};
use lexopt::Parser;

use crate::cli::conflicts::Given;
use crate::cli::values::{
    Selector, parse_end, parse_inodes, parse_internet, parse_namespaces, parse_numbers, parse_pids,
    parse_ports, parse_seconds, parse_selector, parse_states, parse_threads,
};
use crate::select::{Family, Processes, Rows};
use crate::socket::proto::Protos;
use crate::text::addr::Endian;
use crate::text::escape::quoted;

/// What `--help` prints; a test holds it against the parser.
pub(crate) const HELP: &str = include_str!("help.txt");

/// So many letters behind `-s` are options; a state has more.
const LETTERS_MAX: usize = 3;

/// Whether what is attached to `-s` are options of one letter and no state.
fn are_letters(attached: &OsStr) -> bool {
    let attached = attached.as_bytes();
    attached.len() <= LETTERS_MAX
        && attached.iter().all(u8::is_ascii_alphanumeric)
        && !matches!(attached, b"TCP" | b"UDP")
}

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// A line a socket and holder.
    List,
    /// How many there are, and who holds most.
    Summary,
    /// Process ids.
    Pids,
    /// Nothing: the exit status says it.
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
    /// With all there is (`-e`).
    pub(crate) wide: bool,
    /// With TCP's timer (`-o`), which `wide` has anyway.
    pub(crate) timers: bool,
    /// With who is at the other end (`-E`).
    pub(crate) peers: bool,
    /// Of captured text: without the columns that only a process or a namespace fills.
    pub(crate) captured: bool,
}

/// What to decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capture {
    /// The file; `None` for standard input.
    pub(crate) path: Option<PathBuf>,
    /// The byte order of the machine that it was captured on.
    pub(crate) endian: Endian,
}

/// How often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Once.
    Once,
    /// Until something matches, for so long at most, if that is limited.
    Wait(Option<Duration>),
    /// Again and again, with so much time in between.
    Watch(Duration),
}

/// The least time between two looks: what comes and goes faster is not seen anyway.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// Everything that the command line says.
#[derive(Debug)]
pub(crate) struct Options {
    /// Which processes.
    pub(crate) processes: Processes,
    /// Which of their sockets.
    pub(crate) rows: Rows,
    /// What to print.
    pub(crate) view: View,
    /// How the list looks.
    pub(crate) layout: Layout,
    /// Whether the list or the summary is printed as JSON.
    pub(crate) json: bool,
    /// How often to look.
    pub(crate) looks: Looks,
    /// What may contradict another option.
    given: Given,
    /// Where proc is.
    pub(crate) proc: PathBuf,
    /// How many threads there may be; as many as are of use if it is not said.
    pub(crate) threads: Option<NonZero<usize>>,
    /// Captured text, to be decoded in its place.
    pub(crate) capture: Option<Capture>,
    /// The byte order of the machine that it was captured on, if that is said.
    endian: Option<Endian>,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Look for sockets.
    Run(Box<Options>),
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

/// Reads `arguments`, without the program's name.
///
/// # Errors
/// One line, without the program's name in front.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Action, String> {
    let mut options = Options {
        processes: Processes::default(),
        rows: Rows::default(),
        view: View::List,
        layout: Layout {
            header: true,
            wide: false,
            timers: false,
            peers: false,
            captured: false,
        },
        json: false,
        looks: Looks::Once,
        given: Given::default(),
        proc: PathBuf::from("/proc"),
        threads: None,
        capture: None,
        endian: None,
    };
    let mut parser = Parser::from_args(arguments);
    if let Some(action) = options.read(&mut parser)? {
        return Ok(action);
    }
    options.given.check()?;
    options.check_summary()?;
    options.keep_ends();
    options.check_capture()?;
    Ok(Action::Run(Box::new(options)))
}

impl Options {
    /// Reads all of `parser`; help and version end it at once.
    fn read(&mut self, parser: &mut Parser) -> Result<Option<Action>, String> {
        while let Some(argument) = parser.next().map_err(|error| lexopt_text(&error))? {
            match argument {
                Short('h') | Long("help") => return Ok(Some(Action::Help)),
                Short('V') | Long("version") => return Ok(Some(Action::Version)),
                Value(word) => self.select(parse_selector(word.as_bytes())?),
                // What they ask for is always on; but `-p6` is lsof's way to name a process.
                Short('p') => {
                    if let Some(attached) = parser.optional_value() {
                        if attached.as_bytes().first().is_some_and(u8::is_ascii_digit) {
                            self.processes.add_pids(&parse_pids(attached.as_bytes())?);
                        } else if let Some(action) = self.read_letters(&attached)? {
                            return Ok(Some(action));
                        }
                    }
                }
                // Attached it is lsof's filter of states, of which none is as short as the letters of `-sj`.
                Short('s') => match parser.optional_value() {
                    Some(states) if !are_letters(&states) => {
                        self.rows.states.extend(parse_states(states.as_bytes())?);
                    }
                    letters => {
                        self.view(View::Summary, "--summary");
                        if let Some(action) =
                            letters.map_or(Ok(None), |it| self.read_letters(&it))?
                        {
                            return Ok(Some(action));
                        }
                    }
                },
                Short('a' | 'n' | 'P' | 'N') => {}
                Short(letter) => self.short(letter, parser)?,
                Long(name) => {
                    let name = name.to_owned();
                    self.long(&name, parser)?;
                }
            }
        }
        Ok(None)
    }

    /// Reads the letters behind one that might have had a value, as options of their own.
    fn read_letters(&mut self, letters: &OsStr) -> Result<Option<Action>, String> {
        let dashed = [OsStr::new("-"), letters].into_iter().collect::<OsString>();
        self.read(&mut Parser::from_args([dashed]))
    }

    /// Takes a selector known by its shape.
    fn select(&mut self, selector: Selector) {
        match selector {
            Selector::Pids(pids) => self.processes.add_pids(&pids),
            Selector::Word(word) => self.processes.words.push(word),
            Selector::Ports(ports) => self.rows.ports.extend(ports),
            Selector::End(end) => self.rows.ends.push(end),
            Selector::Path(path) => self.rows.paths.push(path),
            Selector::Inode(inode) => self.rows.inodes.push(inode),
        }
    }

    /// Takes an option of one letter.
    fn short(&mut self, letter: char, parser: &mut Parser) -> Result<(), String> {
        match letter {
            't' => self.protocol(Protos::TCP),
            'u' => self.protocol(Protos::UDP),
            'x' | 'U' => self.protocol(Protos::UNIX),
            'w' => self.protocol(Protos::RAW),
            '4' => self.rows.families.push(Family::V4),
            '6' => self.rows.families.push(Family::V6),
            'l' => self.rows.listening = true,
            'e' => self.layout.wide = true,
            'H' => self.layout.header = false,
            'o' => self.layout.timers = true,
            'j' => self.json(),
            'E' => self.peers(),
            'T' => self.view(View::Pids, "--pids"),
            'q' => self.view(View::Quiet, "--quiet"),
            'i' => {
                let attached = parser.optional_value().unwrap_or_default();
                self.rows
                    .internet
                    .push(parse_internet(attached.as_bytes())?);
            }
            'c' => self.processes.prefixes.push(value("-c", parser)?),
            letter => return Err(unknown(&format!("-{letter}"))),
        }
        Ok(())
    }

    /// Takes an option of one word.
    fn long(&mut self, name: &str, parser: &mut Parser) -> Result<(), String> {
        let option = format!("--{name}");
        // The help is the one truth: what it does not name does not exist.
        if !suggest::long_names(HELP).any(|known| known == name) {
            return Err(unknown(&option));
        }
        let mut argument = || value(&option, parser);
        match name {
            "tcp" => self.protocol(Protos::TCP),
            "udp" => self.protocol(Protos::UDP),
            "unix" => self.protocol(Protos::UNIX),
            "raw" => self.protocol(Protos::RAW),
            "netlink" => self.protocol(Protos::NETLINK),
            "packet" => self.protocol(Protos::PACKET),
            "sctp" => self.protocol(Protos::SCTP),
            "listening" => self.rows.listening = true,
            "no-header" => self.layout.header = false,
            "json" => self.json(),
            "summary" => self.view(View::Summary, "--summary"),
            "pids" => self.view(View::Pids, "--pids"),
            "quiet" => self.view(View::Quiet, "--quiet"),
            "peers" => self.peers(),
            "watch" => self.watch(parser.optional_value())?,
            "wait" => self.wait(parser.optional_value())?,
            "pid" => self.processes.add_pids(&parse_pids(&argument()?)?),
            "command" => self.processes.words.push(word(&option, argument()?)?),
            "port" => self.rows.ports.extend(parse_ports(&argument()?)?),
            "local-port" => self.rows.local_ports.extend(parse_ports(&argument()?)?),
            "remote-port" => self.rows.remote_ports.extend(parse_ports(&argument()?)?),
            "address" => self.rows.ends.push(parse_end(&argument()?)?),
            "path" => self.rows.paths.push(word(&option, argument()?)?),
            "inode" => self.rows.inodes.extend(parse_inodes(&argument()?)?),
            "state" => self.rows.states.extend(parse_states(&argument()?)?),
            "container" => {
                let prefix = argument()?;
                let is_prefix = prefix
                    .iter()
                    .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
                if prefix.is_empty() || !is_prefix {
                    let quoted = quoted(&prefix);
                    return Err(format!(
                        "'{quoted}': a container is named by the first digits of its id"
                    ));
                }
                self.processes.containers.push(prefix.to_ascii_lowercase());
            }
            "netns" => self.rows.namespaces.extend(parse_namespaces(&argument()?)?),
            "uid" => self.rows.uids.extend(parse_numbers(&argument()?, "a uid")?),
            "proc" => {
                self.proc = PathBuf::from(OsStr::from_bytes(&word(&option, argument()?)?));
                self.given.add("--proc");
            }
            "threads" => self.threads = Some(parse_threads(&argument()?)?),
            "decode" => self.decode(parser)?,
            "endian" => {
                let order = argument()?;
                self.endian = Some(match order.as_slice() {
                    b"little" => Endian::Little,
                    b"big" => Endian::Big,
                    _ => {
                        let quoted = quoted(&order);
                        return Err(format!("'{quoted}': a byte order is little or big"));
                    }
                });
            }
            _ => return Err(unknown(&option)),
        }
        Ok(())
    }

    /// Prints `view`, which `option` asks for.
    fn view(&mut self, view: View, option: &'static str) {
        self.view = view;
        self.given.add(option);
    }

    /// Prints the list or the summary as JSON.
    fn json(&mut self) {
        self.json = true;
        self.given.add("--json");
    }

    /// Whether the view always shows containers.
    pub(crate) fn shows_containers(&self) -> bool {
        self.layout.wide || self.layout.peers || self.json
    }

    /// Whether the view or the selection needs more of a row than the plain list shows.
    pub(crate) fn keeps_details(&self) -> bool {
        let layout = self.layout;
        layout.wide || layout.timers || self.json || !self.rows.uids.is_empty()
    }

    /// Refuses `-s LISTEN`: apart from each other these would be the summary of a command that is called so.
    fn check_summary(&self) -> Result<(), String> {
        let is_state = |word: &&Vec<u8>| parse_states(word).is_ok();
        match self.processes.words.iter().find(is_state) {
            Some(word) if self.view == View::Summary => {
                let word = quoted(word);
                Err(format!(
                    "'{word}': a state is attached to -s, as in -s{word}"
                ))
            }
            _ => Ok(()),
        }
    }

    /// Shows who is at the other end.
    fn peers(&mut self) {
        self.layout.peers = true;
        self.given.add("--peers");
    }

    /// Looks again and again, each second if `pause` does not say otherwise.
    fn watch(&mut self, pause: Option<OsString>) -> Result<(), String> {
        let pause = match pause {
            Some(word) => {
                let pause = parse_seconds(word.as_bytes())?;
                if pause < PAUSE_MIN {
                    let quoted = quoted(word.as_bytes());
                    return Err(format!("'{quoted}': at least 0.01 seconds lie in between"));
                }
                pause
            }
            None => Duration::from_secs(1),
        };
        self.looks = Looks::Watch(pause);
        self.given.add("--watch");
        Ok(())
    }

    /// Looks until something matches.
    fn wait(&mut self, limit: Option<OsString>) -> Result<(), String> {
        let limit = limit.map(|word| parse_seconds(word.as_bytes()));
        self.looks = Looks::Wait(limit.transpose()?);
        self.given.add("--wait");
        Ok(())
    }

    /// Has those sockets kept that tell who is at the other end, or who has to accept.
    fn keep_ends(&mut self) {
        self.processes.visits_all = self.layout.peers;
        self.rows.keeps_connections = self.layout.peers;
        // Who selects processes sees no socket that nobody has accepted.
        self.rows.keeps_listeners = self.layout.wide
            && self.view == View::List
            && !self.json
            && self.processes.lists_unheld();
    }

    /// Takes `--decode` and its file: attached to it by `=`, or the next argument if that is a file or `-`.
    fn decode(&mut self, parser: &mut Parser) -> Result<(), String> {
        let mut path = parser.optional_value();
        if path.is_none() {
            let mut rest = parser.raw_args().map_err(|error| lexopt_text(&error))?;
            path = rest.next_if(|next| is_file(next.as_bytes()));
        }
        let path = path.filter(|path| path != "-").map(PathBuf::from);
        if path
            .as_ref()
            .is_some_and(|path| path.as_os_str().is_empty())
        {
            return Err("'--decode': an empty value names no file".to_owned());
        }
        self.given.add("--decode");
        self.layout.captured = true;
        self.capture = Some(Capture {
            path,
            endian: Endian::NATIVE,
        });
        Ok(())
    }

    /// Whether all that is asked for can be told of captured text, if it is about that.
    fn check_capture(&mut self) -> Result<(), String> {
        let Some(capture) = &mut self.capture else {
            return match self.endian {
                Some(_) => Err("'--endian': goes with --decode alone".to_owned()),
                None => Ok(()),
            };
        };
        if let Some(endian) = self.endian {
            capture.endian = endian;
        }
        let no_process = "does not go with --decode: captured text tells no process";
        if let Some(word) = self.processes.words.first() {
            let quoted = quoted(word);
            return Err(format!("'{quoted}': no such file, and a word {no_process}"));
        }
        for (is_asked, option) in [
            (!self.processes.pids().is_empty(), "--pid"),
            (!self.processes.prefixes.is_empty(), "-c"),
            (!self.processes.containers.is_empty(), "--container"),
            (!self.rows.namespaces.is_empty(), "--netns"),
        ] {
            if is_asked {
                return Err(format!("'{option}': {no_process}"));
            }
        }
        Ok(())
    }

    /// Shows sockets of `protos` too.
    fn protocol(&mut self, protos: Protos) {
        self.rows.protos = self.rows.protos.union(protos);
    }
}

/// Whether `word` behind `--decode` is its file: `-`, or one that is there. A unix socket is none: its path selects.
/// So does a path that is not there, unless standard input is a terminal: then the file's name is wrong.
fn is_file(word: &[u8]) -> bool {
    match Path::new(OsStr::from_bytes(word)).metadata() {
        Ok(file) => !file.file_type().is_socket(),
        Err(_) => word == b"-" || word.starts_with(b"/") && io::stdin().is_terminal(),
    }
}

/// The value of `option`, which must have one.
fn value(option: &str, parser: &mut Parser) -> Result<Vec<u8>, String> {
    match parser.value() {
        Ok(value) => Ok(value.as_bytes().to_vec()),
        Err(_) => Err(format!("'{option}': a value is missing behind it")),
    }
}

/// `word`, unless it is empty.
fn word(option: &str, word: Vec<u8>) -> Result<Vec<u8>, String> {
    if word.is_empty() {
        Err(format!("'{option}': an empty value selects nothing"))
    } else {
        Ok(word)
    }
}

/// What is said of an option that does not exist.
fn unknown(option: &str) -> String {
    let name = option.trim_start_matches('-');
    let near = suggest::nearest(name, suggest::long_names(HELP));
    let advice = match near.filter(|_| option.starts_with("--")) {
        Some(near) => format!("did you mean --{near}?"),
        None => "lsock --help lists them".to_owned(),
    };
    let option = quoted(option.as_bytes());
    format!("'{option}': no such option; {advice}")
}

/// lexopt's errors in our own form.
fn lexopt_text(error: &lexopt::Error) -> String {
    match error {
        lexopt::Error::UnexpectedValue { option, .. } => format!("'{option}': takes no value"),
        lexopt::Error::MissingValue {
            option: Some(option),
        } => format!("'{option}': a value is missing behind it"),
        lexopt::Error::UnexpectedArgument(word) => {
            format!("'{}': not expected here", quoted(word.as_bytes()))
        }
        _ => "an argument that cannot be read; lsock --help shows what there is".to_owned(),
    }
}
