//! lsock lists the sockets of processes from /proc alone. It is one static binary that is copied into a container which
//! has nothing, or run beside it: it replaces reading the `socket:[INODE]` links of /proc/PID/fd, finding the inode in
//! /proc/net/*, and decoding the hexadecimal by hand.
//!
//! Data goes one way, each room knowing only what came before it: the arguments say what is wanted, the walk finds
//! who holds which inode, the tables tell what the inodes are, the join puts both together, and a view prints.

// The tools, which know none of the rooms.
mod addr;
mod crew;
mod dirent;
mod escape;
mod hash;
mod procfs;
mod scan;
mod sort;
mod suggest;
mod sys;
mod warn;
mod write;

// The rooms, in the order in which data goes through them. What is asked for:
mod args;
mod conflicts;
mod select;
mod selector;

// Who holds which inode, in which namespace and container:
mod container;
mod fds;
mod netns;
mod walk;

// What a socket is, and the tables that tell:
mod interfaces;
mod proto;
mod socket;
mod sockets;
mod tables;

// Both put together:
mod commands;
mod index;
mod join;
mod peers;
mod unlisted;

// What is shown:
mod closing;
mod decode;
mod json;
mod list;
mod pids;
mod summary;
mod text;
mod view;
mod watch;

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use args::{Action, Looks, Options, View};
use commands::Commands;
use container::Containers;
use decode::Capture;
use escape::quoted;
use fds::Holder;
use index::Wanted;
use interfaces::Interfaces;
use join::{ByInode, Entry, Joined, Owner, explain};
use list::Columns;
use netns::Namespaces;
use peers::Peers;
use procfs::{Proc, Task, error_text};
use proto::{Protos, State};
use socket::NetnsId;
use sockets::Sockets;
use sort::in_order;
use sys::Clock;
use tables::{Modules, Reader};
use view::Found;
use walk::{How, Walk};
use warn::Warnings;
use watch::Watch;

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
    match args::parse(std::env::args_os().skip(1))? {
        Action::Help => write_out(|out| out.write_all(args::HELP.as_bytes()))?,
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
    let start = sys::now(Clock::Monotonic);
    let mut pause = PAUSE_MIN;
    // The first process of a container is deaf to signals that it does not catch.
    if limit != Some(Duration::ZERO) && std::process::id() == 1 {
        sys::catch_stop_signals();
    }
    let may_glance = options.processes.is_all() && !options.rows.has_paths();
    for look in 0.. {
        let left = limit
            .map(|limit| limit.saturating_sub(sys::now(Clock::Monotonic).saturating_sub(start)));
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

/// Whether any row matches, whoever holds it: the tables alone tell, no descriptor is read. It is right where all
/// processes are selected, and no name, which may be forged.
fn glance(proc: &Proc, options: &Options) -> Result<bool, String> {
    let mut namespaces = Namespaces::default();
    let (modules, mut buffer) = (Modules::new(), vec![0; walk::BUFFER_LEN]);
    let found = proc.for_each_pid(&mut buffer, |pid| {
        // One that has ended has none.
        let _ = namespaces.find(proc, Task { pid, tid: 0 });
        ControlFlow::Continue(())
    });
    found.map_err(|error| unreadable(proc, &error))?;
    let rows = &options.rows;
    namespaces.select(proc, &rows.namespaces);
    let (mut warnings, mut sockets) = (Warnings::default(), Sockets::new(false));
    let mut reader = Reader::new((proc, rows), &modules, &mut buffer, &mut warnings);
    for (id, netns) in namespaces.iter().filter(|(_, netns)| netns.is_selected) {
        reader.load(
            (id, &mut netns.members()),
            rows.protos(),
            None,
            &mut sockets,
        );
        if sockets.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
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

/// What was found, before it is looked at for a view.
struct AllFound {
    /// Who holds what.
    joined: Joined,
    /// The rows.
    sockets: Sockets,
    /// The namespaces.
    namespaces: Namespaces,
    /// Who is at the other end.
    peers: Peers,
    /// How many processes were selected.
    selected: usize,
}

impl AllFound {
    /// Whether anything that could not be read might be what is asked for.
    fn might_be(&self, options: &Options) -> bool {
        !self.joined.unread().is_empty()
            && (!options.processes.is_all() || options.rows.may_match_unlisted())
    }

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
            text.push_str(&closing::closing_line(unread, self.selected));
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

/// The line that says that proc itself cannot be read.
fn unreadable(proc: &Proc, error: &io::Error) -> String {
    let path = quoted(proc.path().as_os_str().as_encoded_bytes());
    format!("{path}: {}", error_text(error))
}

/// What was read of a namespace beside the walk.
struct Loaded {
    /// Its number during the walk.
    id: NetnsId,
    /// The rows.
    sockets: Sockets,
    /// What was odd.
    warnings: Warnings,
    /// As in `Reader`.
    kept_more: bool,
    /// Whether there was a task through which to read.
    is_loaded: bool,
}

/// Walks, and reads the tables of those namespaces whose rows are wanted whoever holds them: beside the walk, so that all
/// processors have something to do.
fn walk_and_read(
    proc: &Proc,
    options: &Options,
    modules: &Modules,
    buffer: &mut [u8],
    warnings: &mut Warnings,
) -> Result<(Walk, Sockets, bool), String> {
    let (processes, rows) = (&options.processes, &options.rows);
    let all_loaded = Mutex::new(Vec::new());
    let read_tables =
        |id: NetnsId, members: &mut dyn FnMut() -> Option<Task>, buffer: &mut [u8]| {
            let (mut warnings, mut sockets) =
                (Warnings::default(), Sockets::new(options.keeps_details()));
            let mut reader = Reader::new((proc, rows), modules, buffer, &mut warnings);
            let is_loaded = reader.load((id, members), rows.tables(), None, &mut sockets);
            let kept_more = reader.kept_more;
            let loaded = Loaded {
                id,
                sockets,
                warnings,
                kept_more,
                is_loaded,
            };
            let mut all_loaded = all_loaded.lock().unwrap_or_else(PoisonError::into_inner);
            all_loaded.push(loaded);
        };
    let is_beside = processes.is_all() && rows.namespaces.is_empty() && !rows.keeps_connections;
    let how = How {
        threads: options.threads,
        read_tables: is_beside.then_some(&read_tables),
    };
    let walk = walk::walk(proc, processes, how, buffer, warnings);
    let mut walk = walk.map_err(|error| unreadable(proc, &error))?;
    let (mut sockets, mut kept_more) = (Sockets::new(options.keeps_details()), false);
    let all_loaded = all_loaded.into_inner();
    let settled = |loaded: &Loaded| {
        let id = walk.settled.get(usize::from(loaded.id.0));
        id.copied().unwrap_or(loaded.id)
    };
    let all_loaded = in_order(all_loaded.unwrap_or_else(PoisonError::into_inner), &settled);
    for loaded in all_loaded {
        let id = settled(&loaded);
        sockets.append(loaded.sockets, id);
        warnings.append(loaded.warnings);
        kept_more |= loaded.kept_more;
        // Else all that were met so far had ended: once more, with all.
        if let Some(netns) = walk.namespaces.get_mut(id) {
            netns.is_loaded = loaded.is_loaded;
        }
    }
    Ok((walk, sockets, kept_more))
}

/// Walks, reads the tables, and joins.
#[inline(never)]
fn find(proc: &Proc, options: &Options, warnings: &mut Warnings) -> Result<AllFound, String> {
    let (processes, rows) = (&options.processes, &options.rows);
    let (modules, mut buffer) = (Modules::new(), vec![0; walk::BUFFER_LEN]);
    let (mut walk, mut sockets, mut kept_more) =
        walk_and_read(proc, options, &modules, &mut buffer, warnings)?;
    walk.namespaces.select(proc, &rows.namespaces);
    // Rows without a holder belong to no process: where processes are selected, only their own sockets are wanted.
    let lists_unheld = processes.lists_unheld();
    let mut wanted = (!lists_unheld && !rows.keeps_connections)
        .then(|| Wanted::new(walk.holders.iter().map(|holder| holder.inode)));
    let mut reader = Reader::new((proc, rows), &modules, &mut buffer, warnings);
    for id in walk.namespaces.ids(|netns| !netns.is_loaded) {
        let Some(netns) = walk.namespaces.get_mut(id) else {
            continue;
        };
        // The other end of a connection may be in any.
        let is_own = netns.is_selected && netns.selected > 0;
        let protos = match (is_own, rows.keeps_connections) {
            (true, _) => rows.tables(),
            (false, true) => rows.tables().intersection(Protos::PORTED),
            (false, false) => continue,
        };
        reader.load(
            (id, &mut netns.members()),
            protos,
            wanted.as_mut(),
            &mut sockets,
        );
        // What else there is has not been read.
        netns.is_loaded = is_own;
    }
    let impostors = unlisted::impostors(&walk, &mut reader, &sockets);
    let mut by_inode = ByInode::new(&mut sockets, &impostors, reader.warnings);
    let known = sockets.len();
    if let Some(wanted) = &wanted {
        let lacks = |holder: Holder| wanted.is_missing(holder.inode);
        unlisted::load_unlisted(&mut walk, lacks, true, &mut reader, &mut sockets);
    } else if rows.may_match_unlisted() || (rows.keeps_connections && !processes.is_all()) {
        let lacks = |holder: Holder| by_inode.lacks(holder);
        unlisted::load_unlisted(
            &mut walk,
            lacks,
            !processes.is_all(),
            &mut reader,
            &mut sockets,
        );
    }
    if sockets.len() > known {
        by_inode = ByInode::new(&mut sockets, &impostors, reader.warnings);
    }
    let namespaces = std::mem::take(&mut walk.namespaces);
    let (selected, some_unseen) = (walk.selected, walk.some_unread || walk.hides_some);
    // In a container's own namespace somebody outside may hold a socket, as dockerd does for DNS: that is no row of the
    // container, unless one of its own processes could not be read.
    let no_unread = walk.unread.is_empty() && !walk.hides_some;
    let lists_unheld = |number, sockets: &Sockets| {
        let netns = namespaces.get(sockets.netns(number));
        let is_own = || netns.is_some_and(|netns| netns.others == 0);
        let is_foreign = || no_unread && explain(&sockets.row(number), false) == Owner::Elsewhere;
        lists_unheld && (processes.is_all() || is_own() && !is_foreign())
    };
    kept_more |= reader.kept_more || rows.keeps_connections;
    let lists_too = |number, sockets: &Sockets| {
        (rows.keeps_connections && Protos::PORTED.has(sockets.proto(number)))
            || lists_unheld(number, sockets)
    };
    let mut joined = Joined::new(walk, by_inode, &mut sockets, (rows, &lists_too), warnings);
    let mut peers = Peers::default();
    if rows.keeps_connections || rows.keeps_listeners {
        peers = Peers::new(&joined, &sockets, rows, some_unseen);
    }
    if kept_more {
        joined.retain(&sockets, &|entry| {
            let netns = sockets.netns(entry.socket);
            let is_held = |process: &walk::Process| process.is_selected;
            let detail = sockets.detail(entry.socket);
            // What is in no table was looked at by itself.
            let matches = entry.row.state == State::UNLISTED || rows.matches(&entry.row, &detail);
            matches
                && entry
                    .process
                    .map_or_else(|| lists_unheld(entry.socket, &sockets), is_held)
                && namespaces.get(netns).is_none_or(|netns| netns.is_selected)
        });
    }
    Ok(AllFound {
        joined,
        sockets,
        namespaces,
        peers,
        selected,
    })
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
