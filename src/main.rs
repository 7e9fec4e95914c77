//! lsock lists the sockets of processes from /proc alone. It is one static binary that is copied into a container which
//! has nothing, or run beside it: it replaces reading the `socket:[INODE]` links of /proc/PID/fd, finding the inode in
//! /proc/net/*, and decoding the hexadecimal by hand.
//!
//! Data goes one way, each room knowing only what came before it: the arguments say what is wanted, the walk finds
//! who holds which inode, the tables tell what the inodes are, the join puts both together, and a view prints.

mod views;

mod snapshot;

mod join;
mod tables;
mod walk;

mod cli;
mod select;

mod socket;

mod collections;
mod warn;

mod proc;
mod text;

use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cli::{Action, Capture, Looks, Options, View};
use join::peers::Peers;
use join::{Entry, Joined, Owner};
use proc::NetnsId;
use proc::sys;
use proc::{Proc, error_text};
use snapshot::{AllFound, find, glance};
use socket::store::Sockets;
use tables::interfaces::Interfaces;
use text::escape::quoted;
use views::list::Columns;
use views::{Found, json, list, notice, pids, summary, watch::Watch};
use walk::comm::Commands;
use walk::container::Containers;
use walk::netns::Namespaces;
use warn::Warnings;

/// Something was shown.
const SHOWN: u8 = 0;
/// Nothing matched.
const NOTHING: u8 = 1;
/// The command line, proc or the output is at fault.
const FAILED: u8 = 2;
/// Nothing matched, but what could not be read might have.
const NOTHING_READABLE: u8 = 3;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(line) => {
            // Where standard error is gone too, the exit status is all there is left to say.
            let _ = writeln!(io::stderr(), "lsock: {line}");
            ExitCode::from(FAILED)
        }
    }
}

/// Does what the command line says, and gives the exit status.
fn run() -> Result<u8, String> {
    match cli::parse(std::env::args_os().skip(1))? {
        Action::Help => write_out(|out| out.write_all(cli::HELP.as_bytes()))?,
        Action::Version => write_out(|out| writeln!(out, "lsock {}", env!("CARGO_PKG_VERSION")))?,
        Action::Run(options) => return show(&options),
    };
    Ok(SHOWN)
}

/// Looks for the sockets and shows them, as often as is asked.
fn show(options: &Options) -> Result<u8, String> {
    if let Some(capture) = &options.capture {
        return show_capture(options, capture);
    }
    let proc = Proc::open(&options.proc).map_err(|reason| {
        format!(
            "{}: {reason}",
            quoted(options.proc.as_os_str().as_encoded_bytes())
        )
    })?;
    match options.looks {
        Looks::Once => wait(&proc, options, Some(Duration::ZERO)),
        Looks::Wait(limit) => wait(&proc, options, limit),
        Looks::Watch(pause) => watch(&proc, options, pause),
    }
}

/// Decodes captured text and shows it.
fn show_capture(options: &Options, capture: &Capture) -> Result<u8, String> {
    let mut warnings = Warnings::default();
    let mut sockets = Sockets::new(options.keeps_details());
    let interfaces = capture.load(&options.rows, &mut sockets, &mut warnings)?;
    let joined = Joined::captured(&sockets);
    if !joined.is_empty() && options.view != View::Quiet {
        let found = Found {
            joined: &joined,
            sockets: &sockets,
            commands: &Commands::default(),
            interfaces: &[(NetnsId(0), interfaces)],
            namespaces: &Namespaces::default(),
            peers: &Peers::default(),
            containers: &Containers::default(),
        };
        write_out(|out| write_view(&found, options, out))?;
    }
    if options.view != View::Quiet {
        // Where standard error is gone there is nobody to tell.
        let _ = io::stderr().write_all(warnings.into_text().as_bytes());
    }
    Ok(if joined.is_empty() { NOTHING } else { SHOWN })
}

/// The first pause between two looks of `wait`.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest one.
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// Each look of so many is a whole one, because a glance sees no namespace that only a thread is in.
const WHOLE_LOOK_EACH: u32 = 20;

/// Looks until something matches, for `limit` at most, and shows it.
fn wait(proc: &Proc, options: &Options, limit: Option<Duration>) -> Result<u8, String> {
    let start = Instant::now();
    let mut pause = PAUSE_MIN;
    // The first process of a container is deaf to signals that it does not catch.
    if limit != Some(Duration::ZERO) && std::process::id() == 1 {
        sys::catch_stop_signals();
    }
    let may_glance = options.processes.is_all() && !options.rows.has_paths();
    for look in 0.. {
        let left = limit.map(|limit| limit.saturating_sub(start.elapsed()));
        let is_last = left == Some(Duration::ZERO) || sys::is_stopped();
        let is_whole = is_last || !may_glance || look % WHOLE_LOOK_EACH == 0;
        if is_whole || glance(proc, options)? {
            let mut warnings = Warnings::default();
            let found = find(proc, options, &mut warnings)?;
            let status = found.status(options);
            if status == SHOWN || is_last {
                return found.show(proc, options, warnings);
            }
        }
        sys::wait_beside(None, left.unwrap_or(pause).min(pause));
        pause = (pause * 3 / 2).min(PAUSE_MAX);
    }
    Ok(NOTHING)
}

/// Shows the list, then what comes and goes, until a signal says that it is enough, or nobody reads any more.
fn watch(proc: &Proc, options: &Options, pause: Duration) -> Result<u8, String> {
    sys::catch_stop_signals();
    let mut watch = Watch::new(options.layout, options.json);
    let mut before: Option<Round> = None;
    loop {
        let mut warnings = Warnings::default();
        let found = find(proc, options, &mut warnings)?;
        // It is said once, beside the first list.
        if before.is_none() {
            found.say(options, warnings);
        }
        let now = Round::load(proc, options, found);
        let is_read = write_out(|out| {
            let before = before.as_ref().map(Round::found);
            watch.write_round(before.as_ref(), &now.found(), out)
        })?;
        before = Some(now);
        if !is_read || sys::is_stopped() || sys::wait_beside(Some(io::stdout().as_fd()), pause) {
            return Ok(SHOWN);
        }
        if sys::is_stopped() {
            return Ok(SHOWN);
        }
    }
}

/// What was found, and what a view shows beside the rows.
struct Round {
    /// What was found.
    all: AllFound,
    /// What the processes are called.
    commands: Commands,
    /// The interfaces that rows name.
    interfaces: Vec<(NetnsId, Interfaces)>,
    /// The containers.
    containers: Containers,
}

impl Round {
    /// Reads what the view shows beside the rows.
    fn load(proc: &Proc, options: &Options, all: AllFound) -> Self {
        let tasks = all.peers.tasks(&all.joined, &all.sockets);
        let (commands, interfaces) = match options.view {
            View::List => (
                Commands::load(proc, tasks.iter().copied()),
                load_interfaces(proc, &all.sockets, &all.namespaces),
            ),
            View::Summary => (Commands::load(proc, tasks.iter().copied()), Vec::new()),
            View::Pids | View::Quiet => (Commands::default(), Vec::new()),
        };
        let shows_containers =
            options.shows_containers() || all.joined.is_in_several_namespaces(&all.sockets);
        let containers = if shows_containers {
            let pids = tasks.iter().map(|task| task.pid);
            Containers::load(proc, pids, &all.namespaces)
        } else {
            Containers::default()
        };
        Self {
            all,
            commands,
            interfaces,
            containers,
        }
    }

    /// All of it, as views take it.
    fn found(&self) -> Found<'_> {
        Found {
            joined: &self.all.joined,
            sockets: &self.all.sockets,
            commands: &self.commands,
            interfaces: &self.interfaces,
            namespaces: &self.all.namespaces,
            peers: &self.all.peers,
            containers: &self.containers,
        }
    }
}

impl AllFound {
    /// The exit status.
    fn status(&self, options: &Options) -> u8 {
        let is_shown = match options.view {
            View::Pids => !self.joined.processes().is_empty(),
            View::List | View::Summary | View::Quiet => !self.joined.is_empty(),
        };
        match (is_shown, self.might_be(options)) {
            (true, _) => SHOWN,
            (false, false) => NOTHING,
            (false, true) => NOTHING_READABLE,
        }
    }

    /// Says on standard error what was odd, and what could not be seen.
    fn say(&self, options: &Options, warnings: Warnings) {
        let unread = self.joined.unread();
        let mut text = warnings.into_text();
        let is_hidden = |entry: Entry<'_>| entry.owner == Owner::Hidden;
        if self.joined.some_unseen()
            && (self.might_be(options) || self.joined.entries(&self.sockets).any(is_hidden))
        {
            text.push_str(&notice::closing_line(unread, self.selected));
        }
        // Where standard error is gone there is nobody to tell.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Prints it, and gives the exit status.
    fn show(self, proc: &Proc, options: &Options, warnings: Warnings) -> Result<u8, String> {
        let status = self.status(options);
        if options.view == View::Quiet {
            return Ok(status);
        }
        let round = Round::load(proc, options, self);
        if status == SHOWN {
            let found = round.found();
            write_out(|out| write_view(&found, options, out))?;
        }
        round.all.say(options, warnings);
        Ok(status)
    }
}

/// Writes what was found as it is asked for.
fn write_view(found: &Found<'_>, options: &Options, out: &mut impl Write) -> io::Result<()> {
    match options.view {
        View::List if options.json => json::write_json(found, out),
        View::List => list::write_list(found, options.layout, &mut Columns::default(), out),
        View::Summary if options.json => summary::write_summary_json(found, out),
        View::Summary => summary::write_summary(found, options.layout.header, out),
        View::Pids => pids::write_pids(found, out),
        View::Quiet => Ok(()),
    }
}

/// Reads the interfaces of all namespaces, if any row needs them.
fn load_interfaces(
    proc: &Proc,
    sockets: &Sockets,
    namespaces: &Namespaces,
) -> Vec<(NetnsId, Interfaces)> {
    let needed = namespaces.iter().filter(|_| sockets.needs_interfaces());
    needed
        .map(|(id, netns)| (id, Interfaces::load(proc, netns)))
        .collect()
}

/// Writes to standard output. A reader that has gone away is no error: it has seen what it wanted. It tells whether
/// there is one still.
fn write_out(
    write: impl FnOnce(&mut BufWriter<io::StdoutLock<'static>>) -> io::Result<()>,
) -> Result<bool, String> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out)
        .and_then(|()| out.flush())
        .and_then(|()| out.get_mut().flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output: {}", error_text(&error)))
        }
        result => Ok(result.is_ok()),
    }
}
