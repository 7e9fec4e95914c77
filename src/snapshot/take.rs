//! Takes a snapshot of a live proc, in five steps: walk, read the tables, find rowless sockets, join, narrow. In: an open
//! proc and the plan. Out: a `Snapshot` without names. It knows no view.

use std::io;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use crate::collections::index::Wanted;
use crate::collections::sort::in_order;
use crate::join::dual_stack::Wildcards;
use crate::join::forged::Judge;
use crate::join::peers::Peers;
use crate::join::rowless::UnreadNamespaces;
use crate::join::user::name_users;
use crate::join::{ByInode, Joined, Owner, explain, rowless};
use crate::plan::Plan;
use crate::proc::{NetnsId, Proc, Task, error_text};
use crate::select::Condition;
use crate::snapshot::Snapshot;
use crate::snapshot::contained::{find_containers, find_waiting, is_containers_own, may_wait};
use crate::snapshot::pressure::Pressure;
use crate::snapshot::unsure::Unsure;
use crate::socket::proto::{Proto, Protos};
use crate::socket::store::Sockets;
use crate::tables::{Missed, Modules, Reader, hash};
use crate::text::escape::quoted;
use crate::walk::comm::Commands;
use crate::walk::container::Containers;
use crate::walk::fds::Holder;
use crate::walk::{self, Part, Walk, WalkOptions};
use crate::warn::Warnings;

/// Time that the tables of a namespace take, about, in µs, but for walks over the whole hash of TCP.
const TABLES_MICROS: usize = 100;

/// How a snapshot is taken.
#[derive(Clone, Copy)]
pub(crate) struct Take<'a> {
    /// The proc that is read.
    pub(crate) proc: &'a Proc,
    /// What has to be done.
    pub(crate) plan: &'a Plan,
    /// The selected network namespaces, each by its inode or by a process in it; empty for all.
    pub(crate) namespaces: &'a [u32],
    /// The largest number of threads; `None` for as many as help.
    pub(crate) threads: Option<NonZero<usize>>,
}

impl Take<'_> {
    /// Takes a snapshot.
    ///
    /// # Errors
    /// One line: proc itself cannot be read.
    #[inline(never)]
    pub(crate) fn snapshot(&self, warnings: &mut Warnings) -> Result<Snapshot, String> {
        let mut reading = Reading {
            modules: Modules::new(),
            buffer: vec![0; walk::BUFFER_LEN],
            sockets: Sockets::new(self.plan.keeps),
            condition: self.plan.condition.clone(),
            asked: self.plan.condition.clone(),
            containers: Containers::default(),
            // To learn that a socket is of another namespace its row is read there.
            must_narrow: !self.namespaces.is_empty(),
            missed: Missed::default(),
            warnings,
        };
        if self.plan.needs.containers {
            let (asked, buffer) = (&mut reading.asked, &mut reading.buffer);
            reading.containers = find_containers(self.proc, asked, buffer);
        }
        let mut walk = self.walk(self.plan.finds_peers, &mut reading)?;
        // A socket without a visible holder may be an unreadable member's, unless a process outside is seen to hold it.
        if walk.some_unseen() && self.plan.may_be_held_outside() {
            walk = self.walk(true, &mut reading)?;
        }
        let wanted = self.read_tables(&mut walk, &mut reading);
        let by_inode = self.find_rowless(&mut walk, wanted.as_ref(), &mut reading);
        Ok(self.join(walk, by_inode, reading))
    }
}

/// What a snapshot in the making has read so far, and what it reads with.
struct Reading<'a> {
    /// The protocols that this kernel has.
    modules: Modules,
    /// Scratch space.
    buffer: Vec<u8>,
    /// The rows.
    sockets: Sockets,
    /// What is left of the condition once its questions about processes are settled: a row is kept if it may hold.
    condition: Condition,
    /// The condition with the containers that its words mean.
    asked: Condition,
    /// The containers of all processes, if one is asked for.
    containers: Containers,
    /// True if rows were kept of which only the join tells whether they match.
    must_narrow: bool,
    /// What the tables did not tell.
    missed: Missed,
    /// The place where odd things are noted.
    warnings: &'a mut Warnings,
}

/// What was read of a namespace beside the walk.
struct Loaded {
    /// Its id during the walk.
    id: NetnsId,
    /// The tables that were read.
    part: Part,
    /// The rows.
    sockets: Sockets,
    /// What was odd.
    warnings: Warnings,
    /// True if a row was kept of which only the join tells whether it matches.
    kept_more: bool,
    /// What the tables did not tell.
    missed: Missed,
    /// True if there was a task through which to read.
    was_read: bool,
}

/// The five steps.
impl Take<'_> {
    /// Walks the processes that are selected, or all; reads the tables of their namespaces beside that if the plan allows it.
    fn walk(&self, visits_all: bool, reading: &mut Reading<'_>) -> Result<Walk, String> {
        let Self { proc, plan, .. } = *self;
        reading.must_narrow |= visits_all;
        let loaded = Mutex::new(Vec::new());
        let modules = &reading.modules;
        let read_tables = |id, part, members: &mut dyn Iterator<Item = Task>, buffer: &mut [u8]| {
            let read = self.read_beside(modules, id, part, members, buffer);
            let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.push(read);
        };
        let tables = self.parts(&mut reading.buffer);
        let options = WalkOptions {
            condition: &reading.asked,
            needs: &plan.needs,
            containers: &reading.containers,
            visits_all,
            shows_ownerless: plan.shows_ownerless(),
            threads: self.threads,
            read_tables: &read_tables,
            tables: &tables,
        };
        let walk = walk::walk(proc, options, &mut reading.buffer, reading.warnings);
        let mut walk = walk.map_err(|error| unreadable(proc, &error))?;
        let loaded = loaded.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.add_loaded(loaded, &mut walk, reading);
        let are_met = walk.namespaces.select(proc, self.namespaces);
        if !are_met && !plan.needs.is_all_processes() {
            // The selected processes need not be in the selected namespaces to hold sockets of these.
            let found = walk.namespaces.find_all(proc, true, &mut reading.buffer);
            found.map_err(|error| unreadable(proc, &error))?;
            walk.namespaces.select(proc, self.namespaces);
        }
        if !plan.needs.is_all_processes() {
            let mut conditions = std::mem::take(&mut walk.conditions);
            if plan.shows_ownerless() && !conditions.contains(&plan.ownerless) {
                conditions.push(plan.ownerless.clone());
            }
            // A row that suits one process need not suit another one that holds it.
            reading.must_narrow |= conditions.len() > 1;
            reading.condition = Condition::any(conditions.clone());
            walk.conditions = conditions;
        }
        Ok(walk)
    }

    /// Returns the parts in which the tables of a namespace may be read, each walk over the hash of TCP by itself, and behind
    /// them all in one; nothing if no table is read beside the walk.
    fn parts(&self, buffer: &mut [u8]) -> Vec<Part> {
        let rows = self.plan.rows(&self.plan.condition);
        // A row of unix may be forged, so its table is read once the holders are known.
        let protos = rows.tables().without(Protos::UNIX);
        if !self.plan.reads_beside || protos.is_empty() {
            return Vec::new();
        }
        let mut parts = Vec::new();
        let mut whole = Part {
            number: 0,
            protos,
            micros: TABLES_MICROS,
        };
        let may_share = self.threads.is_none_or(|threads| threads.get() > 1);
        if may_share && protos.meets(Protos::TCP) && !rows.keeps_only_listeners() {
            let walk = hash::walk_micros(self.proc, buffer);
            let others = Protos::ALL.without(Protos::TCP);
            let (v4, v6) = (Protos::of(&[Proto::Tcp]), Protos::of(&[Proto::Tcp6]));
            for (number, of, micros) in [(0, v4, walk), (1, v6, walk), (2, others, TABLES_MICROS)] {
                let protos = protos.intersection(of);
                if !protos.is_empty() {
                    parts.push(Part {
                        number,
                        protos,
                        micros,
                    });
                }
            }
            whole.micros = parts.iter().map(|part| part.micros).sum();
        }
        parts.push(whole);
        parts
    }

    /// Reads those tables of the namespace `id` that `part` has through `members`.
    fn read_beside(
        &self,
        modules: &Modules,
        id: NetnsId,
        part: Part,
        members: &mut dyn Iterator<Item = Task>,
        buffer: &mut [u8],
    ) -> Loaded {
        let (mut warnings, mut sockets) = (Warnings::default(), Sockets::new(self.plan.keeps));
        let rows = self.plan.rows(&self.plan.condition);
        let mut reader = Reader::new(self.proc, rows, modules, buffer, &mut warnings);
        let was_read = reader.load(id, members, part.protos, None, &mut sockets);
        Loaded {
            id,
            part,
            kept_more: reader.kept_more,
            missed: reader.missed,
            sockets,
            warnings,
            was_read,
        }
    }

    /// Adds what was read beside the walk, in the order of the namespaces.
    fn add_loaded(&self, loaded: Vec<Loaded>, walk: &mut Walk, reading: &mut Reading<'_>) {
        let settled = |loaded: &Loaded| {
            let id = walk.settled.get(usize::from(loaded.id.0));
            id.copied().unwrap_or(loaded.id)
        };
        for mut loaded in in_order(loaded, &|loaded| (settled(loaded), loaded.part.number)) {
            let id = settled(&loaded);
            if let Some(netns) = walk.namespaces.get_mut(id) {
                // If all tasks that had been met had ended before the first row, it is tried once more, with all.
                let was_read = loaded.was_read || loaded.sockets.len() > 0;
                // A warning names the task through which the table was read, and that is to be the first one; with several
                // threads another may have been met before it.
                if !was_read || (walk.had_helpers && !loaded.warnings.is_empty()) {
                    let (modules, buffer) = (&reading.modules, &mut reading.buffer);
                    let part = loaded.part;
                    loaded = self.read_beside(modules, id, part, &mut netns.members(), buffer);
                }
                netns.is_loaded = true;
            }
            reading.sockets.append(loaded.sockets, id);
            reading.warnings.append(loaded.warnings);
            reading.must_narrow |= loaded.kept_more;
            reading.missed.add(loaded.missed);
        }
    }

    /// Returns which namespaces are not read: if namespaces are selected, all others; else, if processes are, those that no
    /// selected process is in.
    fn unread_namespaces(&self) -> UnreadNamespaces {
        if !self.namespaces.is_empty() {
            UnreadNamespaces::Unselected
        } else if self.plan.needs.is_all_processes() {
            UnreadNamespaces::None
        } else {
            UnreadNamespaces::Unvisited
        }
    }

    /// Reads the tables that were not read beside the walk: unix, or all of a namespace. Returns which of the inodes of descriptors
    /// were found there, shown or not, unless all namespaces were read.
    fn read_tables(&self, walk: &mut Walk, reading: &mut Reading<'_>) -> Option<Wanted> {
        let plan = self.plan;
        let holders = || walk.holders.iter().map(|holder| holder.inode);
        let only_held = !plan.shows_ownerless() && !plan.finds_peers && !plan.needs.dual_stack;
        let unread = self.unread_namespaces();
        let rows = plan.rows(&reading.condition);
        let seeks_more = unread == UnreadNamespaces::Unvisited
            || (unread == UnreadNamespaces::Unselected && rows.condition.may_match_rowless(None));
        // Where only listeners are read, that all were found saves nothing.
        let notes_found = seeks_more || (only_held && !rows.keeps_only_listeners());
        let mut wanted = notes_found.then(|| Wanted::new(holders().collect(), !only_held));
        let (modules, buffer) = (&reading.modules, &mut reading.buffer);
        let mut reader = Reader::new(self.proc, rows, modules, buffer, reading.warnings);
        for id in walk.namespaces.ids(|_| true) {
            let Some(netns) = walk.namespaces.get_mut(id) else {
                continue;
            };
            // The other end of a connection may be in any namespace.
            let is_own = match unread {
                _ if netns.is_loaded => true,
                UnreadNamespaces::Unselected => netns.is_selected,
                UnreadNamespaces::None | UnreadNamespaces::Unvisited => netns.selected > 0,
            };
            let protos = match (is_own, plan.finds_peers) {
                (true, _) if netns.is_loaded => rows.tables().intersection(Protos::UNIX),
                (true, _) => rows.tables(),
                (false, true) => rows.tables().intersection(Protos::PORTED),
                (false, false) => continue,
            };
            // Nobody asked for sockets that may be the other end and nothing else: their odd rows are not told.
            reader.is_silent = !is_own;
            let (sockets, missed) = (&mut reading.sockets, reader.missed);
            reader.load(id, &mut netns.members(), protos, wanted.as_mut(), sockets);
            if !is_own {
                reader.missed = missed;
            }
            // Of a namespace that is not selected only some tables have been read.
            netns.is_loaded = is_own;
        }
        reading.must_narrow |= reader.kept_more;
        reading.missed.add(reader.missed);
        wanted
    }

    /// Settles which rows count, and finds or names the sockets of descriptors that no row is for.
    fn find_rowless(
        &self,
        walk: &mut Walk,
        wanted: Option<&Wanted>,
        reading: &mut Reading<'_>,
    ) -> ByInode {
        let plan = self.plan;
        let unread = self.unread_namespaces();
        let rows = plan.rows(&reading.condition);
        let (modules, buffer) = (&reading.modules, &mut reading.buffer);
        let mut reader = Reader::new(self.proc, rows, modules, buffer, reading.warnings);
        let sockets = &mut reading.sockets;
        let mut judge = Judge::default();
        let mut by_inode = judge.settle(walk, unread, &mut reader, sockets);
        let known = sockets.len();
        if let Some(wanted) = wanted {
            // A row that was found need not have been kept.
            let lacks = |holder: Holder| by_inode.lacks(holder) && !wanted.has_row(holder.inode);
            rowless::load_rowless(walk, &lacks, unread, &mut reader, sockets);
        } else if rows.condition.may_match_rowless(None) {
            let lacks = |holder: Holder| by_inode.lacks(holder);
            rowless::load_rowless(walk, &lacks, unread, &mut reader, sockets);
        }
        if sockets.len() > known {
            by_inode = judge.settle(walk, unread, &mut reader, sockets);
        }
        reading.must_narrow |= reader.kept_more;
        reading.missed.add(reader.missed);
        by_inode
    }

    /// Joins descriptors and rows, and keeps what is selected.
    fn join(&self, mut walk: Walk, by_inode: ByInode, reading: Reading<'_>) -> Snapshot {
        let (plan, mut sockets) = (self.plan, reading.sockets);
        let rows = plan.rows(&reading.condition);
        let namespaces = std::mem::take(&mut walk.namespaces);
        let conditions = std::mem::take(&mut walk.conditions);
        let logs = std::mem::take(&mut walk.logs);
        let (selected, some_unseen) = (walk.selected, walk.some_unread || walk.hides_some);
        let no_unread = !walk.some_unseen();
        let shows_ownerless = |number, sockets: &Sockets| {
            plan.shows_ownerless()
                && !(plan.hides_kernel && is_kernels_netlink(number, sockets))
                && (!plan.needs.containers
                    || is_containers_own(number, sockets, &namespaces, no_unread))
        };
        let lists_ownerless = |number, sockets: &Sockets| {
            (plan.finds_peers && Protos::PORTED.has(sockets.proto(number)))
                || (plan.finds_queues && may_wait(number, sockets, &namespaces))
                || shows_ownerless(number, sockets)
        };
        let mut joined = Joined::new(walk, by_inode, &sockets, &lists_ownerless);
        if plan.needs.uids {
            name_users(&joined, self.proc, &mut sockets);
        }
        let mut peers = Peers::default();
        if plan.finds_peers || plan.finds_listeners || plan.finds_queues {
            peers = Peers::new(&joined, &sockets, rows, some_unseen);
        }
        let mut waiting = Vec::new();
        if plan.finds_queues {
            waiting = find_waiting(&joined, &peers, &sockets);
        }
        let unsure = Unsure::new(plan);
        if reading.must_narrow || plan.finds_queues {
            let wildcards = (plan.needs.dual_stack).then(|| Wildcards::of(&sockets));
            joined.retain(&sockets, &|entry| {
                let netns = namespaces.get(sockets.netns(entry.socket));
                let condition = match entry.process {
                    Some(process) => process.condition.and_then(|id| id.of(&conditions)),
                    None => Some(&plan.ownerless).filter(|_| {
                        shows_ownerless(entry.socket, &sockets)
                            || waiting.binary_search(&entry.socket).is_ok()
                    }),
                };
                netns.is_none_or(|netns| netns.is_selected)
                    && condition.is_some_and(|condition| {
                        unsure.matches(condition, entry, &sockets, wildcards.as_ref())
                    })
            });
        }
        joined.warn(&sockets, reading.warnings);
        if !plan.finds_peers && !plan.finds_listeners {
            peers = Peers::default();
        }
        Snapshot {
            joined,
            sockets,
            selected,
            missed: reading.missed,
            unsure,
            namespaces,
            peers,
            pressure: Pressure::default(),
            has_forwards: false,
            commands: Commands::default(),
            others: Commands::default(),
            interfaces: Vec::new(),
            containers: reading.containers,
            logs,
            host: None,
        }
    }
}

/// Returns true if a socket is one of the kernel's own netlink sockets.
fn is_kernels_netlink(number: u32, sockets: &Sockets) -> bool {
    Protos::NETLINK.has(sockets.proto(number))
        && explain(&sockets.row(number), false) == Owner::Kernel
}

/// Returns the line that says that proc itself cannot be read.
pub(super) fn unreadable(proc: &Proc, error: &io::Error) -> String {
    let path = quoted(proc.path().as_os_str().as_encoded_bytes());
    format!("{path}: {}", error_text(error))
}
