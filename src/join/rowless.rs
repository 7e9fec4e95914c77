//! Finds the sockets of rowless descriptors, those that point to a socket which no table that was read lists. In: those
//! descriptors. Out: their rows, from a table read anew or of a namespace that was not read before; else a row that has
//! no more than the protocol, as the kernel names it. It judges no row.
//!
//! A TCP or UDP socket that is not bound, a netlink socket that is not, and every vsock, xdp or alg socket stand in no
//! table. A socket that got its row between the two looks is found by the second.

use crate::collections::index::{Index, Wanted};
use crate::collections::sort::sort_dedup;
use crate::join::sockprotoname::SockProtoName;
use crate::join::user::user;
use crate::proc::{NetnsId, error_text};
use crate::socket::extra::Keeps;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::socket::{Detail, Ends, Row};
use crate::tables::Reader;
use crate::walk::fds::Holder;
use crate::walk::{Process, Walk};

/// A socket that has a descriptor and no row.
struct Rowless {
    /// The socket.
    inode: u32,
    /// The namespace of a task that holds it.
    netns: Option<NetnsId>,
    /// What the kernel says of it, where it was asked.
    answer: SockProtoName,
    /// The user who made it, where that is asked and the kernel tells it.
    uid: Option<u32>,
    /// The protocols whose tables may list it now; empty where it is of no use to read any.
    tables: Protos,
}

impl Rowless {
    /// Returns its protocol, `Other` where the kernel does not tell.
    fn proto(&self) -> Proto {
        self.answer.proto.unwrap_or(Proto::Other)
    }
}

/// Which namespaces have not been read before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnreadNamespaces {
    /// None: a rowless socket is in no namespace's table.
    None,
    /// The namespaces that no selected process is in. A socket there may be one that is looked for.
    Unvisited,
    /// The namespaces that are not selected. A socket there is not shown.
    Unselected,
}

/// Finds or names the sockets of those descriptors of `walk` for which `lacks_row` holds, and adds their rows to
/// `sockets`. To find them, namespaces are read that were not read before, if there are any: `unread`.
pub(crate) fn load_rowless(
    walk: &mut Walk,
    lacks_row: &dyn Fn(Holder) -> bool,
    unread: UnreadNamespaces,
    reader: &mut Reader<'_>,
    sockets: &mut Sockets,
) {
    let condition = reader.rows.condition;
    let protos = condition.protos();
    let elsewhere = unread != UnreadNamespaces::None;
    let mut rowless = find(walk, lacks_row, unread, reader);
    for socket in &mut rowless {
        let listed_as = socket.answer.proto.map_or(protos, Proto::listed_as);
        let tables = protos.intersection(listed_as);
        // Where the kernel was asked and does not tell, the tables that were read have told all that they can, but for the
        // rows that a "not" has left out: these would match if they were not there.
        let is_sought = elsewhere || socket.answer.proto.is_some() || condition.negates();
        if is_sought && tables.meets(Protos::LISTED) {
            socket.tables = tables;
        }
    }
    let wanted = read_tables(&rowless, walk, elsewhere, reader, sockets);
    for socket in &rowless {
        // A claim of unix, which may be forged, is no row of a socket that the kernel calls by another name.
        let is_unix =
            Protos::UNIX.meets(socket.answer.proto.map_or(Protos::UNIX, Proto::listed_as));
        let is_listed = wanted.has_row(socket.inode) || (is_unix && wanted.has_claim(socket.inode));
        let uid = socket.uid;
        if !is_listed && condition.matches_rowless(socket.proto(), socket.inode, uid) {
            let row = Row {
                inode: socket.inode,
                proto: socket.proto(),
                state: State::UNLISTED,
                rx_queue: None,
                tx_queue: None,
                ends: Ends::Unlisted(socket.answer.name()),
            };
            let netns = socket.netns.unwrap_or(NetnsId(0));
            let detail = Detail {
                uid,
                ..Detail::default()
            };
            sockets.push(netns, &row, &detail);
        }
    }
}

/// Number of sockets without a row, for each namespace, from which on it costs less to read the tables that are not selected than
/// to ask for each.
const MANY: usize = 1000;

/// Returns the sockets of those selected descriptors of `walk` for which `lacks_row` holds, each once, but for those of protocols
/// that are not selected.
fn find(
    walk: &Walk,
    lacks_row: &dyn Fn(Holder) -> bool,
    unread: UnreadNamespaces,
    reader: &mut Reader<'_>,
) -> Vec<Rowless> {
    let condition = reader.rows.condition;
    let protos = condition.protos();
    let mut lacking: Vec<(&Process, Holder)> = Vec::new();
    for process in walk
        .processes
        .iter()
        .filter(|process| process.is_selected())
    {
        let netns = process.netns.and_then(|id| walk.namespaces.get(id));
        // A socket that no table lists counts as one of its holder's namespace.
        if netns.is_some_and(|netns| !netns.is_selected) {
            continue;
        }
        let holders = walk.holders.get(process.holders.clone());
        for holder in holders.unwrap_or_default() {
            let may_match = match unread {
                UnreadNamespaces::Unvisited => condition.may_match_inode(holder.inode),
                UnreadNamespaces::None | UnreadNamespaces::Unselected => {
                    condition.may_match_rowless(Some(holder.inode))
                }
            };
            if may_match && lacks_row(*holder) {
                lacking.push((process, *holder));
            }
        }
    }
    if lacking.len() >= MANY * walk.namespaces.iter().count() {
        let listed = find_listed(&lacking, walk, reader);
        lacking.retain(|(_, holder)| !listed.has_row(holder.inode));
    }
    let (mut seen, mut path) = (Index::with_room(lacking.len()), Vec::new());
    let asks_user = condition.needs().uids;
    let mut rowless = Vec::new();
    for (process, holder) in lacking {
        // One holder is enough to ask.
        if seen.find(holder.inode).next().is_some() {
            continue;
        }
        let Some(answer) = SockProtoName::ask(reader.proc, process.task, holder, &mut path) else {
            continue;
        };
        seen.insert(holder.inode, 0);
        let uid = if asks_user {
            user(reader.proc, process.task, holder.fd, holder.inode)
        } else {
            None
        };
        if answer.warn_if_denied(reader.warnings) {
            let unknown = protos.without(Protos::ALWAYS_LISTED);
            let may_be = |proto: &Proto| {
                unknown.has(*proto) && condition.matches_rowless(*proto, holder.inode, uid)
            };
            if Proto::ALL.iter().any(may_be) {
                reader.missed.skipped = reader.missed.skipped.union(unknown);
            }
        }
        if answer
            .proto
            .is_none_or(|proto| protos.meets(proto.listed_as()))
        {
            rowless.push(Rowless {
                inode: holder.inode,
                netns: process.netns,
                answer,
                uid,
                tables: Protos::default(),
            });
        }
    }
    rowless
}

/// Returns which of the sockets of `lacking` stand in tables that are not selected.
#[inline(never)]
fn find_listed(lacking: &[(&Process, Holder)], walk: &Walk, reader: &mut Reader<'_>) -> Wanted {
    let inodes = lacking.iter().map(|(_, holder)| holder.inode);
    let mut listed = Wanted::new(inodes.collect(), false);
    let protos = Protos::LISTED.without(reader.rows.condition.protos());
    let (missed, only_listeners) = (reader.missed, reader.only_listeners);
    (reader.is_silent, reader.only_listeners) = (true, false);
    for (id, netns) in walk.namespaces.iter().filter(|_| !protos.is_empty()) {
        let (members, mut rows) = (&mut netns.members(), Sockets::new(Keeps::Rows));
        reader.load(id, members, protos, Some(&mut listed), &mut rows);
    }
    (reader.is_silent, reader.only_listeners) = (false, only_listeners);
    reader.missed = missed;
    listed
}

/// Reads the tables that may list `rowless` by now: first of the namespaces of their holders; then with `elsewhere`, while
/// any is missing, of those that were not read, of all processes and at last of all threads. Returns which of them were
/// found.
fn read_tables(
    rowless: &[Rowless],
    walk: &mut Walk,
    elsewhere: bool,
    reader: &mut Reader<'_>,
    sockets: &mut Sockets,
) -> Wanted {
    let sought = || rowless.iter().filter(|socket| !socket.tables.is_empty());
    let mut wanted = Wanted::new(sought().map(|socket| socket.inode).collect(), false);
    let tables = sought().map(|socket| socket.tables);
    let protos = tables.fold(Protos::default(), Protos::union);
    let homes = sought().filter_map(|socket| socket.netns);
    let mut homes: Vec<u32> = homes.map(|home| home.0.into()).collect();
    sort_dedup(&mut homes);
    for id in homes
        .into_iter()
        .filter_map(|home| u16::try_from(home).ok())
    {
        let id = NetnsId(id);
        if let Some(netns) = walk.namespaces.get_mut(id) {
            reader.is_silent = std::mem::replace(&mut netns.is_loaded, true);
            let members = &mut netns.members();
            reader.load(id, members, protos, Some(&mut wanted), sockets);
        }
    }
    reader.is_silent = false;
    for of_threads in [false, true] {
        if !elsewhere || !wanted.lacks_any() {
            break;
        }
        find_namespaces(walk, of_threads, reader);
        for id in walk.namespaces.ids(|netns| !netns.is_loaded) {
            if let Some(netns) = walk.namespaces.get_mut(id) {
                netns.is_loaded = true;
                let members = &mut netns.members();
                reader.load(id, members, protos, Some(&mut wanted), sockets);
            }
        }
    }
    wanted
}

/// Finds the namespaces that were not met, as `Namespaces::find_all` does.
pub(super) fn find_namespaces(walk: &mut Walk, of_threads: bool, reader: &mut Reader<'_>) {
    let mut buffer = vec![0; 32 * 1024];
    let proc = reader.proc;
    if let Err(error) = walk.namespaces.find_all(proc, of_threads, &mut buffer) {
        let path = proc.path().as_os_str().as_encoded_bytes();
        reader.warnings.warn(path, &error_text(&error));
    }
}
