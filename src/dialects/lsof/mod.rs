//! The language of lsof 4.95. In: the words behind its name. Out: its table, process ids or fields, and its exit status: 0
//! if something was found for every selection. It lists sockets alone, so what would list other files is refused.
//!
//! In reading order: `arguments` makes options of the words, `processes` and `internet` select by them, `format` writes.

pub(crate) mod arguments;
mod format;
pub(crate) mod internet;
mod numbers;
mod processes;

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Failure;
use super::look::{self, Look};
use super::people::Users;
use crate::join::Entry;
use crate::output::{say, write_out};
use crate::proc::error_text;
use crate::proc::sys::Stat;
use crate::select::rows::means_name;
use crate::select::{Condition, ProcessTest, RowTest};
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::socket::{Ends, Row};
use arguments::{Ended, Options, not_covered, refused};
use internet::{INTERNET, Internet};
use processes::Processes;

/// The exit status where something failed, or was not found.
const FAILED: u8 = 1;

/// Does what lsof would do with `words`, and returns its exit status.
///
/// # Errors
/// What is said, and the exit status: the command line is wrong or not covered, or proc cannot be read.
pub(super) fn run(words: &[Vec<u8>]) -> Result<u8, Failure> {
    list(words).map_err(|ended| *ended.0)
}

/// Like `run`; returns an error as `Ended`.
fn list(words: &[Vec<u8>]) -> Result<u8, Ended> {
    let mut options = arguments::parse(words, &Users::load)?;
    let are_names_there = check_names(&mut options)?;
    let failed = |line: String| refused("%", [line.as_bytes(), b""]);
    let proc = look::open().map_err(failed)?;
    let processes = Processes::find(&proc, &options);
    let processes = processes.map_err(|error| failed(error_text(&error)))?;
    let mut found = Found::nothing(&options);
    let condition = condition(&options, processes.pids);
    if !condition.is_never() {
        let look = Look::take_held(proc, condition).map_err(failed)?;
        let entries = look.snapshot.entries();
        let picked: Vec<bool> = entries.map(|entry| found.takes(&entry, &options)).collect();
        let text = format::text(&look, &options, &picked);
        write_out(|out| out.write_all(&text)).map_err(failed)?;
        if text.is_empty() {
            look.say_unseen();
        }
    }
    let is_found = are_names_there && processes.are_all_met && found.all();
    Ok(options.status(is_found))
}

/// Keeps in `options` only names that are sockets, and says which files are not there. Returns false if any is not.
///
/// # Errors
/// What is said, and the exit status: a file is no socket, or none is there.
fn check_names(options: &mut Options) -> Result<bool, Ended> {
    if options.nameless && !options.names.is_empty() {
        return Err(not_covered(b'-', b'b'));
    }
    let mut are_there = true;
    for name in std::mem::take(&mut options.names) {
        match Stat::of_path(Path::new(OsStr::from_bytes(&name))) {
            Ok(file) if file.is_socket() => options.names.push(name),
            Ok(_) => {
                let line = "lsock lists sockets alone: add -i or -U, and leave out %";
                return Err(refused(line, [&name, b""]));
            }
            Err(error) => {
                let why = error_text(&error);
                say(&refused("status error on %: %", [&name, why.as_bytes()])
                    .0
                    .text);
                are_there = false;
            }
        }
    }
    let goes_on = options.may_fail && options.selects_sockets();
    if options.names.is_empty() && !are_there && !goes_on {
        // All has been said.
        let (text, status) = (String::new(), options.status(false));
        return Err(Ended(Box::new(Failure { text, status })));
    }
    Ok(are_there)
}

/// Returns a condition that holds for all sockets that `options` select of the processes `pids`, or of all, and for those
/// by which it is known what was found; maybe for others.
pub(crate) fn condition(options: &Options, pids: Option<Vec<u32>>) -> Condition {
    let proto = |protos| Condition::Row(RowTest::Proto(protos));
    let mut parts = Vec::new();
    // Any socket in a state tells that the state was found.
    for state in &options.states {
        // UDP has two of them.
        let of_udp = match *state {
            State::CLOSE => State::UNCONNECTED,
            state => state,
        };
        for (protos, state) in [(Protos::TCP, *state), (Protos::UDP, of_udp)] {
            parts.push(Condition::Row(RowTest::State(protos, state)));
        }
    }
    if options.states.is_empty() {
        parts.extend(options.internet.iter().map(Internet::bound));
        if options.all_internet.is_some() {
            parts.push(proto(INTERNET));
        }
    }
    if options.unix {
        parts.push(proto(Protos::UNIX));
    }
    for name in &options.names {
        parts.push(Condition::Row(RowTest::Path(name.clone())));
    }
    let rows = Condition::any(parts);
    match pids {
        None => rows,
        Some(pids) if pids.is_empty() => Condition::Any(Vec::new()),
        Some(pids) => Condition::All(vec![Condition::Process(ProcessTest::Pids(pids)), rows]),
    }
}

/// Which selections have found a socket.
struct Found {
    /// `-i` without a value; true too where there is none.
    all_internet: bool,
    /// Each `-i` with a value.
    internet: Vec<bool>,
    /// Each state.
    states: Vec<bool>,
    /// Each name.
    names: Vec<bool>,
}

impl Found {
    /// Returns the selections of `options` that have found nothing. That of unix sockets (`-U`) never fails.
    fn nothing(options: &Options) -> Self {
        Self {
            all_internet: options.all_internet.is_none(),
            internet: vec![false; options.internet.len()],
            states: vec![false; options.states.len()],
            names: vec![false; options.names.len()],
        }
    }

    /// Returns true if each has found one.
    fn all(&self) -> bool {
        let lists = [&self.internet, &self.states, &self.names];
        self.all_internet && lists.into_iter().flatten().all(|is_found| *is_found)
    }

    /// Returns true if `options` select the socket of `entry`, and notes by what.
    fn takes(&mut self, entry: &Entry<'_>, options: &Options) -> bool {
        let row = &entry.row;
        if row.state == State::UNLISTED || entry.process.is_none() {
            return false;
        }
        let is_internet = INTERNET.has(row.proto);
        if is_internet && !self.has_state(row, options) {
            return false;
        }
        let by_family = is_internet && self.is_of_family(row, options);
        let by_internet = is_internet && self.is_of_internet(row, options);
        let by_unix = options.unix && Protos::UNIX.has(row.proto);
        let by_name = self.has_name(row, options);
        let asks = [
            (by_family, options.all_internet.is_some()),
            (by_internet, !options.internet.is_empty()),
            (by_unix, options.unix),
            (by_name, !options.names.is_empty()),
        ];
        if options.is_and {
            asks.iter().all(|(is_selected, asks)| *is_selected || !asks)
        } else {
            asks.iter().any(|(is_selected, _)| *is_selected)
        }
    }

    /// Returns true if `row` has a state that is selected, and none that is excluded. The kernel's numbers count, of which UDP has two:
    /// a socket with a peer is `ESTABLISHED`, one without is `CLOSE`.
    fn has_state(&mut self, row: &Row<'_>, options: &Options) -> bool {
        let state = match row.state {
            State::UNCONNECTED => State::CLOSE,
            state => state,
        };
        mark(
            &mut self.states,
            options.states.iter().position(|known| *known == state),
        );
        let is_selected = options.states.is_empty() || options.states.contains(&state);
        is_selected && !options.states_excluded.contains(&state)
    }

    /// Returns true if an `-i` without a value selects `row`. To `-a` that is another selection than those with one.
    fn is_of_family(&mut self, row: &Row<'_>, options: &Options) -> bool {
        let is_v4 = Protos::INET4.has(row.proto);
        let by_all = options.all_internet.is_some_and(|family| match family {
            b'4' => is_v4,
            b'6' => !is_v4,
            _ => true,
        });
        self.all_internet |= by_all;
        by_all
    }

    /// Returns true if any `-i` with a value selects `row`. The one that was typed last is noted, and no other.
    fn is_of_internet(&mut self, row: &Row<'_>, options: &Options) -> bool {
        let at = options.internet.iter().rposition(|spec| spec.has(row));
        mark(&mut self.internet, at);
        at.is_some()
    }

    /// Returns true if `row` has one of the names.
    fn has_name(&mut self, row: &Row<'_>, options: &Options) -> bool {
        let Ends::Path(path) = row.ends else {
            return false;
        };
        let at = options.names.iter().position(|name| means_name(name, path));
        mark(&mut self.names, at);
        at.is_some()
    }
}

/// Notes in `found` the selection at `at`, if there is one.
fn mark(found: &mut [bool], at: Option<usize>) {
    if let Some(found) = at.and_then(|at| found.get_mut(at)) {
        *found = true;
    }
}
