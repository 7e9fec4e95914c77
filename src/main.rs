//! lsock lists the sockets of processes from /proc alone. It is one static binary that is copied into a container which
//! has nothing, or run beside it: it replaces reading the `socket:[INODE]` links of /proc/PID/fd, finding the inode in
//! /proc/net/*, and decoding the hexadecimal by hand.
//!
//! Data goes one way, each room knowing only what came before it: the arguments say what is wanted, the walk finds
//! who holds which inode, the tables tell what the inodes are, the join puts both together, and a view prints.

// The tools, which know none of the rooms.
mod addr;
mod dirent;
mod escape;
mod procfs;
mod scan;
mod sort;
mod suggest;
mod sys;
mod warn;
mod write;

// The rooms, in the order in which data goes through them.
mod args;
mod closing;
mod commands;
mod conflicts;
mod container;
mod index;
mod interfaces;
mod join;
mod json;
mod list;
mod netns;
mod pids;
mod select;
mod selector;
mod socket;
mod summary;
mod tables;
mod text;
mod unlisted;
mod view;
mod walk;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use args::{Action, Options, View};
use commands::Commands;
use container::Containers;
use escape::quoted;
use index::Wanted;
use interfaces::Interfaces;
use join::{ByInode, Joined, Owner, explain};
use netns::Namespaces;
use procfs::{Proc, error_text};
use socket::{NetnsId, Protos, Sockets};
use tables::Reader;
use view::Found;
use walk::Holder;
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
    match args::parse(std::env::args_os().skip(1))? {
        Action::Help => write_out(|out| out.write_all(args::HELP.as_bytes())),
        Action::Version => write_out(|out| writeln!(out, "lsock {}", env!("CARGO_PKG_VERSION"))),
        Action::Run(options) => show(&options),
    }
}

/// Looks for the sockets and shows them.
fn show(options: &Options) -> Result<u8, String> {
    let proc = Proc::open(&options.proc).map_err(|reason| {
        format!(
            "{}: {reason}",
            quoted(options.proc.as_os_str().as_encoded_bytes())
        )
    })?;
    let mut warnings = Warnings::default();
    let found = find(&proc, options, &mut warnings)?;
    let is_shown = match options.view {
        View::Pids => !found.joined.processes().is_empty(),
        View::List | View::Summary | View::Quiet => !found.joined.is_empty(),
    };
    if is_shown && options.view != View::Quiet {
        print(&proc, options, &found)?;
    }
    let unread = found.joined.unread();
    let might_be =
        !unread.is_empty() && (!options.processes.is_all() || options.rows.may_match_unlisted());
    if options.view != View::Quiet {
        let mut text = warnings.into_text();
        let is_hidden = |entry: join::Entry<'_>| entry.owner == Owner::Hidden;
        if found.joined.some_unseen()
            && (might_be || found.joined.entries(&found.sockets).any(is_hidden))
        {
            text.push_str(&closing::closing_line(unread, found.selected));
        }
        // Where standard error is gone there is nobody to tell.
        let _ = io::stderr().write_all(text.as_bytes());
    }
    Ok(match (is_shown, might_be) {
        (true, _) => SHOWN,
        (false, false) => NOTHING,
        (false, true) => NOTHING_READABLE,
    })
}

/// Reads what the view shows beside the rows, and prints it.
fn print(proc: &Proc, options: &Options, sockets: &AllFound) -> Result<u8, String> {
    let AllFound {
        joined,
        sockets,
        namespaces,
        ..
    } = sockets;
    let tasks = || joined.processes().iter().map(|process| process.task);
    let (commands, interfaces) = match options.view {
        View::List => (
            Commands::load(proc, tasks()),
            load_interfaces(proc, sockets, namespaces),
        ),
        View::Summary => (Commands::load(proc, tasks()), Vec::new()),
        View::Pids | View::Quiet => (Commands::default(), Vec::new()),
    };
    let containers = if options.shows_containers() || sockets.is_in_several_namespaces() {
        Containers::load(proc, tasks().map(|task| task.pid), namespaces)
    } else {
        Containers::default()
    };
    let found = Found {
        joined,
        sockets,
        commands: &commands,
        interfaces: &interfaces,
        namespaces,
        containers: &containers,
    };
    write_out(|out| match options.view {
        View::List if options.json => json::write_json(&found, out),
        View::List => list::write_list(&found, options.layout, out),
        View::Summary if options.json => summary::write_summary_json(&found, out),
        View::Summary => summary::write_summary(&found, options.layout.header, out),
        View::Pids => pids::write_pids(&found, out),
        View::Quiet => Ok(()),
    })
}

/// What was found, before it is looked at for a view.
struct AllFound {
    /// Who holds what.
    joined: Joined,
    /// The rows.
    sockets: Sockets,
    /// The namespaces.
    namespaces: Namespaces,
    /// How many processes were selected.
    selected: usize,
}

/// Walks, reads the tables, and joins.
fn find(proc: &Proc, options: &Options, warnings: &mut Warnings) -> Result<AllFound, String> {
    let (processes, rows) = (&options.processes, &options.rows);
    let mut walk = walk::walk(proc, processes, warnings).map_err(|error| {
        format!(
            "{}: {}",
            quoted(proc.path().as_os_str().as_encoded_bytes()),
            error_text(&error)
        )
    })?;
    walk.namespaces.select(proc, &rows.namespaces);
    let mut sockets = Sockets::new(options.keeps_details());
    // Rows without a holder belong to no process: where processes are selected, only their own sockets are wanted.
    let lists_unheld = processes.lists_unheld();
    let mut wanted =
        (!lists_unheld).then(|| Wanted::new(walk.holders.iter().map(|holder| holder.inode)));
    let mut reader = Reader::new(proc, rows, warnings);
    for id in walk
        .namespaces
        .ids(|netns| netns.is_selected && netns.selected > 0)
    {
        reader.load(
            &mut walk.namespaces,
            id,
            rows.protos(),
            wanted.as_mut(),
            &mut sockets,
        );
    }
    let mut impostors = Vec::new();
    if wanted.is_some() || rows.protos().intersection(Protos::INET) != Protos::INET {
        impostors = unlisted::impostors(&walk, &mut reader, &sockets);
    }
    let mut by_inode = ByInode::new(&mut sockets, &impostors, reader.warnings);
    let known = sockets.len();
    if let Some(wanted) = &wanted {
        let lacks = |holder: Holder, _: &Sockets| wanted.is_missing(holder.inode);
        unlisted::load_unlisted(&mut walk, lacks, true, &mut reader, &mut sockets);
    } else if rows.may_match_unlisted() {
        let lacks = |holder: Holder, sockets: &Sockets| by_inode.lacks(holder, sockets);
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
    let selected = walk.selected;
    // In a container's own namespace somebody outside may hold a socket, as dockerd does for DNS: that is no row of the
    // container, unless one of its own processes could not be read.
    let no_unread = walk.unread.is_empty() && !walk.hides_some;
    let lists_unheld = |number, sockets: &Sockets| {
        let netns = namespaces.get(sockets.netns(number));
        let is_own = || netns.is_some_and(|netns| netns.others == 0);
        let is_foreign = || no_unread && explain(&sockets.row(number), false) == Owner::Elsewhere;
        lists_unheld && (processes.is_all() || is_own() && !is_foreign())
    };
    let joined = Joined::new(
        walk,
        by_inode,
        &mut sockets,
        (rows, &lists_unheld),
        warnings,
    );
    Ok(AllFound {
        joined,
        sockets,
        namespaces,
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

/// Writes to standard output. A reader that has gone away is no error: it has seen what it wanted.
fn write_out(
    write: impl FnOnce(&mut BufWriter<io::StdoutLock<'static>>) -> io::Result<()>,
) -> Result<u8, String> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out)
        .and_then(|()| out.flush())
        .and_then(|()| out.get_mut().flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output: {}", error_text(&error)))
        }
        _ => Ok(SHOWN),
    }
}
