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
mod sys;
mod warn;
mod write;

// The rooms, in the order in which data goes through them.
mod args;
mod commands;
mod index;
mod interfaces;
mod join;
mod list;
mod netns;
mod pids;
mod select;
mod selector;
mod socket;
mod tables;
mod text;
mod unlisted;
mod view;
mod walk;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use args::{Action, Options, View};
use commands::Commands;
use escape::quoted;
use index::Wanted;
use interfaces::Interfaces;
use join::{ByInode, Joined};
use netns::Namespaces;
use procfs::{Proc, error_text};
use socket::{NetnsId, Sockets};
use tables::Reader;
use view::{Found, needs_interfaces};
use walk::Unread;
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
    let (joined, sockets, namespaces, unread) = find(&proc, options, &mut warnings)?;

    let tasks = joined.processes().iter().map(|process| process.task);
    let commands = if options.view == View::List {
        Commands::load(&proc, tasks)
    } else {
        Commands::default()
    };
    let interfaces = load_interfaces(&proc, &joined, &sockets, &namespaces);
    let found = Found {
        joined: &joined,
        sockets: &sockets,
        commands: &commands,
        interfaces: &interfaces,
        namespaces: &namespaces,
    };
    let is_empty = joined.is_empty();
    if !is_empty {
        write_out(|out| match options.view {
            View::List => list::write_list(&found, options.layout, out),
            View::Pids => pids::write_pids(&found, out),
            View::Quiet => Ok(()),
        })?;
    }
    // Where standard error is gone there is nobody to tell.
    let _ = io::stderr().write_all(warnings.into_text().as_bytes());
    Ok(match (is_empty, unread.is_empty()) {
        (false, _) => SHOWN,
        (true, true) => NOTHING,
        (true, false) => NOTHING_READABLE,
    })
}

/// Walks, reads the tables, and joins.
fn find(
    proc: &Proc,
    options: &Options,
    warnings: &mut Warnings,
) -> Result<(Joined, Sockets, Namespaces, Vec<Unread>), String> {
    let (processes, rows) = (&options.processes, &options.rows);
    let mut walk = walk::walk(proc, processes, warnings)
        .map_err(|error| format!("{}: {}", proc.path().display(), error_text(&error)))?;
    let mut sockets = Sockets::new(options.layout.wide);
    // Rows without a holder belong to no process: where processes are selected, only their own sockets are wanted.
    let lists_unheld = processes.is_all();
    let mut wanted =
        (!lists_unheld).then(|| Wanted::new(walk.holders.iter().map(|holder| holder.inode)));
    let mut reader = Reader::new(proc, rows, warnings);
    for netns in walk.namespaces.iter() {
        reader.load(netns, rows.protos(), wanted.as_mut(), &mut sockets);
    }
    let mut by_inode = ByInode::new(&mut sockets, reader.warnings);
    let known = sockets.len();
    if let Some(wanted) = &wanted {
        unlisted::load_unlisted(
            &mut walk,
            |holder, _| wanted.is_missing(holder.inode),
            true,
            &mut reader,
            &mut sockets,
        );
    } else if rows.may_match_unlisted() {
        unlisted::load_unlisted(
            &mut walk,
            |holder, sockets| by_inode.lacks(holder, sockets),
            false,
            &mut reader,
            &mut sockets,
        );
    }
    if sockets.len() > known {
        by_inode = ByInode::new(&mut sockets, reader.warnings);
    }
    let namespaces = std::mem::take(&mut walk.namespaces);
    let unread = std::mem::take(&mut walk.unread);
    let joined = Joined::new(walk, by_inode, &mut sockets, (rows, lists_unheld), warnings);
    Ok((joined, sockets, namespaces, unread))
}

/// Reads the interfaces of those namespaces in which a row needs them.
fn load_interfaces(
    proc: &Proc,
    joined: &Joined,
    sockets: &Sockets,
    namespaces: &Namespaces,
) -> Vec<(NetnsId, Interfaces)> {
    let mut all: Vec<(NetnsId, Interfaces)> = Vec::new();
    for entry in joined
        .entries(sockets)
        .filter(|entry| needs_interfaces(&entry.row))
    {
        let id = sockets.netns(entry.socket);
        if let Some(netns) = namespaces.get(id)
            && all.iter().all(|(known, _)| *known != id)
        {
            all.push((id, Interfaces::load(proc, netns)));
        }
    }
    all
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
