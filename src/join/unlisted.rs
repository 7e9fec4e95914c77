//! Looks once more for the sockets that some descriptor points to and no table that was read lists. In: those
//! descriptors. Out: their rows, from a table read anew or of a namespace that was not asked before; else a row that
//! has no more than the protocol, by the attribute `system.sockprotoname`.
//!
//! A TCP or UDP socket that is not bound, a netlink socket that is not, and every vsock, xdp or alg socket stand in no
//! table. One that got its row between two looks is found by the second.

use std::ops::ControlFlow;

use crate::collections::index::{Index, Wanted};
use crate::collections::to_u32;
use crate::proc::NetnsId;
use crate::proc::{Proc, Task, error_text, is_gone, socket_in_link};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::socket::{Detail, Ends, Row};
use crate::tables::Reader;
use crate::walk::Walk;
use crate::walk::fds::Holder;
use crate::walk::netns::Netns;

/// A descriptor whose socket has no row.
struct Unlisted {
    /// Its socket.
    inode: u32,
    /// A task that holds it.
    process: Task,
    /// Where that lives.
    netns: Option<NetnsId>,
    /// The protocol, if the kernel tells.
    proto: Option<Proto>,
    /// What the kernel calls it, in lower case.
    name: Name,
}

impl Unlisted {
    /// The socket of `holder`, a descriptor of the task that lives there, of which no more is known.
    fn new((process, netns): (Task, Option<NetnsId>), holder: Holder) -> Self {
        Self {
            inode: holder.inode,
            process,
            netns,
            proto: None,
            name: Name::default(),
        }
    }
}

/// What the kernel calls a protocol.
#[derive(Clone, Copy, Default)]
struct Name {
    /// The text, zeros behind it; `struct proto` has room for 32 bytes with a NUL.
    bytes: [u8; 32],
    /// How long it is.
    len: usize,
}

impl Name {
    /// The text.
    fn text(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Finds or names the sockets of those descriptors of `walk` that `lacks_row` tells. With `elsewhere`, namespaces of
/// processes that were not walked are looked at too.
pub(crate) fn load_unlisted(
    walk: &mut Walk,
    lacks_row: impl Fn(Holder) -> bool,
    elsewhere: bool,
    reader: &mut Reader<'_>,
    sockets: &mut Sockets,
) {
    let rows = reader.rows;
    // A socket that is sure to stand in a table needs no other name: what lacks a row is of another kind, unless it was
    // made after the table was read, which is so only where that was read beside the walk.
    let is_asked = !rows.protos().without(Protos::ALWAYS_LISTED).is_empty();
    if !is_asked && !walk.had_helpers {
        return;
    }
    let mut unlisted = name_all(walk, &lacks_row, is_asked, reader);
    unlisted.retain(|found| found.proto.is_none_or(|proto| rows.protos().has(proto)));

    let of = |found: &Unlisted| {
        found.proto.map_or(rows.protos(), |proto| {
            rows.protos().intersection(proto.listed_as())
        })
    };
    let is_listed = |found: &&Unlisted| {
        of(found).meets(Protos::LISTED) && (elsewhere || found.proto.is_some() || !is_asked)
    };
    let mut wanted = Wanted::new(unlisted.iter().filter(is_listed).map(|found| found.inode));
    let protos = unlisted
        .iter()
        .filter(is_listed)
        .map(of)
        .fold(Protos::default(), Protos::union);
    let mut homes: Vec<NetnsId> = Vec::new();
    for home in unlisted
        .iter()
        .filter(is_listed)
        .filter_map(|found| found.netns)
    {
        if !homes.contains(&home) {
            homes.push(home);
        }
    }
    for id in homes {
        if let Some(netns) = walk.namespaces.get_mut(id) {
            netns.is_loaded = true;
            reader.load(id, &mut netns.members(), protos, Some(&mut wanted), sockets);
        }
    }
    if wanted.missing() > 0 {
        let mut tasks = Vec::new();
        for found in unlisted
            .iter()
            .filter(|found| wanted.is_missing(found.inode))
        {
            if !tasks.contains(&found.process) {
                tasks.push(found.process);
            }
        }
        load_elsewhere(
            walk,
            (&tasks, elsewhere),
            protos,
            &mut wanted,
            reader,
            sockets,
        );
    }
    let still = |found: &&Unlisted| !is_listed(found) || wanted.is_missing(found.inode);
    for found in unlisted
        .iter()
        .filter(still)
        .filter(|found| rows.matches_unlisted(found.proto.unwrap_or(Proto::Other), found.inode))
    {
        let row = Row {
            inode: found.inode,
            proto: found.proto.unwrap_or(Proto::Other),
            state: State::UNLISTED,
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Unlisted(found.name.text()),
        };
        sockets.push(found.netns.unwrap_or(NetnsId(0)), &row, &Detail::default());
    }
}

/// The sockets of those descriptors of `walk` that `lacks_row` tells, each once, and what the kernel calls them, if that
/// `is_asked`.
fn name_all(
    walk: &Walk,
    lacks_row: &dyn Fn(Holder) -> bool,
    is_asked: bool,
    reader: &Reader<'_>,
) -> Vec<Unlisted> {
    let rows = reader.rows;
    let mut unlisted: Vec<Unlisted> = Vec::new();
    let mut lacking: Vec<(Task, Option<NetnsId>, Holder)> = Vec::new();
    for process in walk.processes.iter().filter(|process| process.is_selected) {
        let netns = process.netns.and_then(|id| walk.namespaces.get(id));
        if netns.is_some_and(|netns| !netns.is_selected) {
            continue;
        }
        let holders = walk
            .holders
            .get(process.holders.clone())
            .unwrap_or_default();
        let lacks = |holder: &&Holder| rows.inode_matches(holder.inode) && lacks_row(**holder);
        lacking.extend(
            holders
                .iter()
                .filter(lacks)
                .map(|holder| (process.task, process.netns, *holder)),
        );
    }
    let (mut seen, mut path) = (Index::with_room(lacking.len()), Vec::new());
    for (task, netns, holder) in lacking {
        // One holder is enough to ask what a socket is.
        if seen.find(holder.inode).next().is_some() {
            continue;
        }
        let found = if is_asked {
            name(reader.proc, (task, netns), holder, &mut path)
        } else {
            Some(Unlisted::new((task, netns), holder))
        };
        if let Some(found) = found {
            seen.insert(found.inode, to_u32(unlisted.len()));
            unlisted.push(found);
        }
    }
    unlisted
}

/// Asks the kernel of each row of unix that the name before it could have printed, and whose inode somebody holds,
/// whether it is a unix socket at all: a forger may name a socket of its own that no table lists. Those that are none
/// are given back.
pub(crate) fn impostors(walk: &Walk, reader: &mut Reader<'_>, sockets: &Sockets) -> Vec<u32> {
    let suspects = sockets.suspects();
    let mut impostors = Vec::new();
    if suspects.is_empty() {
        return impostors;
    }
    let mut open = Index::with_room(suspects.len());
    for number in &suspects {
        open.insert(sockets.inode(*number), *number);
    }
    let (mut asked, mut path) = (Index::with_room(suspects.len()), Vec::new());
    for process in &walk.processes {
        let holders = walk
            .holders
            .get(process.holders.clone())
            .unwrap_or_default();
        for holder in holders {
            let Some(number) = open.find(holder.inode).next() else {
                continue;
            };
            // One holder is enough to ask.
            if asked.find(holder.inode).next().is_some() {
                continue;
            }
            asked.insert(holder.inode, number);
            let lives = (process.task, process.netns);
            let found = name(reader.proc, lives, *holder, &mut path);
            let proto = found.and_then(|found| found.proto);
            if proto.is_some_and(|proto| !Protos::UNIX.has(proto)) {
                let said = "a name pretends to be a row of another socket; the row is not believed";
                reader.warnings.warn(b"unix", said);
                impostors.extend(open.find(holder.inode));
            }
        }
    }
    impostors
}

/// Reads the tables of namespaces that are not yet known: of the threads of `tasks`, for a thread may live in one of its
/// own, and if `elsewhere` of all processes.
fn load_elsewhere(
    walk: &mut Walk,
    (tasks, elsewhere): (&[Task], bool),
    protos: Protos,
    wanted: &mut Wanted,
    reader: &mut Reader<'_>,
    sockets: &mut Sockets,
) {
    let namespaces = &mut walk.namespaces;
    let proc = reader.proc;
    let mut buffer = vec![0; 32 * 1024];
    let mut threads = Vec::new();
    for task in tasks {
        proc.add_threads(Task { tid: 0, ..*task }, &mut buffer, &mut threads);
    }
    for thread in threads {
        // One that has none has ended.
        let _ = namespaces.find(proc, thread);
    }
    if elsewhere {
        let found = proc.for_each_pid(&mut buffer, |pid| {
            let _ = namespaces.find(proc, Task { pid, tid: 0 });
            ControlFlow::Continue(())
        });
        if let Err(error) = found {
            reader.warnings.warn(
                proc.path().as_os_str().as_encoded_bytes(),
                &error_text(&error),
            );
        }
    }
    let unread = |(_, netns): &(NetnsId, &Netns)| !netns.is_loaded && netns.is_selected;
    for (id, netns) in namespaces.iter().filter(unread) {
        reader.load(id, &mut netns.members(), protos, Some(wanted), sockets);
    }
}

/// Asks the kernel what the socket of `holder` is; `None` where the descriptor is gone. `path` is room for its path.
fn name(
    proc: &Proc,
    (task, netns): (Task, Option<NetnsId>),
    holder: Holder,
    path: &mut Vec<u8>,
) -> Option<Unlisted> {
    let mut name = Name::default();
    let asked = proc.as_owner(task, || {
        name.len = proc
            .read_sockprotoname(task, holder.fd, path, &mut name.bytes)?
            .len();
        Ok(())
    });
    let mut unlisted = Unlisted::new((task, netns), holder);
    match asked {
        Ok(()) => {
            unlisted.proto = Some(Proto::from_sockprotoname(name.text()));
            name.bytes.make_ascii_lowercase();
            // The address families' names start with AF_ where the protocol has no better one.
            if name.text().starts_with(b"af_") {
                name.bytes.rotate_left(b"af_".len());
                name.len -= b"af_".len();
            }
            unlisted.name = name;
        }
        // The link is there and leads nowhere: this is no live proc.
        Err(error) if is_gone(&error) => {
            let mut link = [0; 32];
            let link = proc.read_fd_link(task, holder.fd, &mut link).ok()?;
            socket_in_link(link).filter(|inode| *inode == holder.inode)?;
        }
        Err(_) => {}
    }
    Some(unlisted)
}
