//! Looks at everything once. In: an open proc and what is asked for. Out: all that was found, joined and narrowed to what
//! is selected, before it is shown. The walk, the tables and the join are wired together here, in this order; where the
//! rows are wanted whoever holds them, the tables are read beside the walk.

use std::io;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use crate::cli::Options;
use crate::collections::index::Wanted;
use crate::collections::sort::in_order;
use crate::join::peers::Peers;
use crate::join::unlisted;
use crate::join::{ByInode, Joined, Owner, explain};
use crate::proc::NetnsId;
use crate::proc::{Proc, Task, error_text};
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::tables::{Modules, Reader};
use crate::text::escape::quoted;
use crate::walk::fds::Holder;
use crate::walk::netns::Namespaces;
use crate::walk::{self, How, Process, Walk};
use crate::warn::Warnings;

/// What was found, before it is looked at for a view.
pub(crate) struct AllFound {
    /// Who holds what.
    pub(crate) joined: Joined,
    /// The rows.
    pub(crate) sockets: Sockets,
    /// The namespaces.
    pub(crate) namespaces: Namespaces,
    /// Who is at the other end.
    pub(crate) peers: Peers,
    /// How many processes were selected.
    pub(crate) selected: usize,
}

impl AllFound {
    /// Whether anything that could not be read might be what is asked for.
    pub(crate) fn might_be(&self, options: &Options) -> bool {
        !self.joined.unread().is_empty()
            && (!options.processes.is_all() || options.rows.may_match_unlisted())
    }
}

/// Whether any row matches, whoever holds it: the tables alone tell, no descriptor is read. It is right where all
/// processes are selected, and no name, which may be forged.
pub(crate) fn glance(proc: &Proc, options: &Options) -> Result<bool, String> {
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
    let mut reader = Reader::new(proc, rows, &modules, &mut buffer, &mut warnings);
    for (id, netns) in namespaces.iter().filter(|(_, netns)| netns.is_selected) {
        reader.load(id, &mut netns.members(), rows.protos(), None, &mut sockets);
        if sockets.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
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
    was_read: bool,
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
    let load = |id: NetnsId, members: &mut dyn Iterator<Item = Task>, buffer: &mut [u8]| {
        let (mut warnings, mut sockets) =
            (Warnings::default(), Sockets::new(options.keeps_details()));
        let mut reader = Reader::new(proc, rows, modules, buffer, &mut warnings);
        let was_read = reader.load(id, members, rows.tables(), None, &mut sockets);
        let kept_more = reader.kept_more;
        Loaded {
            id,
            sockets,
            warnings,
            kept_more,
            was_read,
        }
    };
    let all_loaded = Mutex::new(Vec::new());
    let read_tables = |id: NetnsId, members: &mut dyn Iterator<Item = Task>, buffer: &mut [u8]| {
        let loaded = load(id, members, buffer);
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
    for mut loaded in all_loaded {
        let id = settled(&loaded);
        if let Some(netns) = walk.namespaces.get_mut(id) {
            // A complaint names the task through which the table was read, and that is to be the first one: whoever
            // was met first by one of several threads may be another.
            if walk.had_helpers && !loaded.warnings.is_empty() {
                loaded = load(id, &mut netns.members(), buffer);
            }
            // Where all tasks that had been met had ended before the first row, it is tried once more, with all.
            netns.is_loaded = loaded.was_read || loaded.sockets.len() > 0;
        }
        sockets.append(loaded.sockets, id);
        warnings.append(loaded.warnings);
        kept_more |= loaded.kept_more;
    }
    Ok((walk, sockets, kept_more))
}

/// Walks, reads the tables, and joins.
#[inline(never)]
pub(crate) fn find(
    proc: &Proc,
    options: &Options,
    warnings: &mut Warnings,
) -> Result<AllFound, String> {
    let (processes, rows) = (&options.processes, &options.rows);
    let (modules, mut buffer) = (Modules::new(), vec![0; walk::BUFFER_LEN]);
    let (mut walk, mut sockets, mut kept_more) =
        walk_and_read(proc, options, &modules, &mut buffer, warnings)?;
    walk.namespaces.select(proc, &rows.namespaces);
    // Rows without a holder belong to no process: where processes are selected, only their own sockets are wanted.
    let lists_unheld = processes.lists_unheld();
    let mut wanted = (!lists_unheld && !rows.keeps_connections)
        .then(|| Wanted::new(walk.holders.iter().map(|holder| holder.inode)));
    let mut reader = Reader::new(proc, rows, &modules, &mut buffer, warnings);
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
            id,
            &mut netns.members(),
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
            let is_held = |process: &Process| process.is_selected;
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

/// The line that says that proc itself cannot be read.
fn unreadable(proc: &Proc, error: &io::Error) -> String {
    let path = quoted(proc.path().as_os_str().as_encoded_bytes());
    format!("{path}: {}", error_text(error))
}
