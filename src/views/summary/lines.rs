//! Makes lines of what was counted. In: tallies. Out: the lines of each table, the most important first. It decides what is
//! shown of a line that has nothing to tell; what is out of the ordinary, `rules` decides.

use std::cmp::{Ordering, Reverse};

use crate::cli::By;
use crate::collections::sort::sort;
use crate::collections::{to_index, to_u32};
use crate::join::Entry;
use crate::proc::NetnsId;
use crate::snapshot::Snapshot;
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::tables::counters::Counters;
use crate::text::addr::write_ip;
use crate::text::write::{write_decimal, write_short};
use crate::views::summary::count::{Counted, Holding};
use crate::views::summary::groups::Groups;
use crate::views::summary::line::{
    DROPPED, FDS, FDS_LIMIT, Kind, Line, OVERFLOWED, UDP_OVERFLOWED, WAITING,
};
use crate::views::summary::ports;
use crate::views::summary::tally::Tally;
use crate::views::words::{write_local, write_proto};

/// Returns the lines of each table, of the groups by `by` alone if that is given.
pub(super) fn parts<'a>(
    counted: &mut Counted<'a>,
    snapshot: &'a Snapshot,
    by: Option<By>,
) -> Vec<Vec<Line<'a>>> {
    let mut parts = Vec::new();
    if by.is_none() {
        parts.push(protocols(counted));
    }
    if by.is_none_or(|by| by == By::Process) {
        parts.push(owners(&mut counted.holdings, snapshot));
    }
    if by.is_none() {
        let mut namespaces = namespaces(snapshot, counted.are_several);
        parts.push(queues(counted, snapshot, &mut namespaces));
        parts.push(namespaces);
    }
    for groups in &mut counted.groups {
        if groups.by != By::Process {
            parts.push(of_groups(groups, snapshot, counted.are_several));
        }
    }
    if by.is_none() {
        parts.push(ports::lines(snapshot, &mut counted.connections));
    }
    parts
}

/// Returns the places of `len` things in the order `order`.
fn ordered(len: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<u32> = (0..to_u32(len)).collect();
    sort(&mut places, &|one, other| {
        order(to_index(one), to_index(other)).then(one.cmp(&other))
    });
    places.into_iter().map(to_index).collect()
}

/// Returns the protocols in their usual order.
fn protocols<'a>(counted: &mut Counted<'_>) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let all = &mut counted.protocols;
    let key = |at: usize| all.get(at).map(|(proto, word, _)| (*proto, word));
    for at in ordered(all.len(), &|one, other| key(one).cmp(&key(other))) {
        if let Some((_, word, tally)) = all.get_mut(at) {
            let mut line = Line::new(Kind::Protocol, tally);
            write_short(&mut line.name, word);
            lines.push(line);
        }
    }
    lines
}

/// Returns the processes, those with most sockets in `CLOSE_WAIT` first, then those with most sockets; after them the
/// reasons.
fn owners<'a>(holdings: &mut [Holding<'a>], snapshot: &'a Snapshot) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let key = |at: usize| {
        let holding = holdings.get(at)?;
        let (pid, tally) = (holding.pid(), &holding.tally);
        let most = Reverse((tally.in_state(State::CLOSE_WAIT), tally.sockets));
        Some((pid.is_none(), most, pid))
    };
    for at in ordered(holdings.len(), &|one, other| key(one).cmp(&key(other))) {
        let Some(holding) = holdings.get_mut(at) else {
            continue;
        };
        let mut line = Line::new(Kind::Owner, &mut holding.tally);
        line.owner = Some(holding.entry.owner);
        line.set_process(&holding.entry, snapshot);
        if let Some(pid) = line.pid {
            // The sockets that nobody holds may be of several.
            line.container = snapshot.container(&holding.entry);
            line.set(FDS, Some(holding.fds).filter(|fds| *fds > 0));
            line.set(FDS_LIMIT, snapshot.pressure.max_open_files(pid));
        }
        lines.push(line);
    }
    lines
}

/// Sets which container or namespace `line` is of. It names the namespace only if there `are_several`.
#[inline(never)]
fn set_home<'a>(line: &mut Line<'a>, netns: NetnsId, snapshot: &'a Snapshot, are_several: bool) {
    (line.container, line.netns) = snapshot.around(netns);
    line.names_netns = are_several;
    line.is_host = line.netns.is_some_and(|inode| snapshot.is_host(inode));
}

/// Returns the namespaces of which counters are known.
fn namespaces(snapshot: &Snapshot, are_several: bool) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for around in &snapshot.pressure.around {
        let mut line = Line::new(Kind::Namespace, &mut Tally::default());
        set_home(&mut line, around.netns, snapshot, are_several);
        line.set(DROPPED, around.counters.listen_drops);
        line.set(OVERFLOWED, around.counters.listen_overflows);
        line.set(UDP_OVERFLOWED, around.counters.udp_overflows);
        line.is_left_out = around.counters == Counters::default();
        lines.push(line);
    }
    lines
}

/// Returns the listeners whose queue is not empty or overflowed, and the other sockets that have dropped something. Where a
/// namespace has one listener, what was dropped there is that one's, and the line of the namespace gets its name.
fn queues<'a>(
    counted: &Counted<'a>,
    snapshot: &'a Snapshot,
    namespaces: &mut [Line<'a>],
) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let entries = &counted.queues;
    let key = |at: usize| {
        entries
            .get(at)
            .map(|entry| Reverse(numbers(entry, counted, snapshot)))
    };
    for at in ordered(entries.len(), &|one, other| key(one).cmp(&key(other))) {
        let Some(entry) = entries.get(at) else {
            continue;
        };
        let (waiting, dropped, overflowed) = numbers(entry, counted, snapshot);
        if waiting.unwrap_or(0) == 0 && dropped.unwrap_or(0) == 0 {
            continue;
        }
        let row = &entry.row;
        let is_listener = row.state == State::LISTEN;
        let kind = if is_listener {
            Kind::Listener
        } else {
            Kind::Socket
        };
        let mut line = Line::new(kind, &mut Tally::default());
        write_local(&mut line.name, row, snapshot.interfaces(entry.socket));
        write_proto(&mut line.protocol, row);
        let netns = snapshot.sockets.netns(entry.socket);
        set_home(&mut line, netns, snapshot, counted.are_several);
        line.set_process(entry, snapshot);
        line.set(WAITING, waiting);
        line.set(DROPPED, dropped);
        line.set(OVERFLOWED, overflowed);
        let place = snapshot.pressure.place_of(netns);
        if let Some(namespace) = place.and_then(|place| namespaces.get_mut(place))
            && is_listener
            && dropped.is_some()
        {
            namespace.name.clone_from(&line.name);
        }
        lines.push(line);
    }
    lines
}

/// Returns how many connections wait for the listener of `entry`, how much it has dropped, and how much of that because
/// its queue was full, as far as that is known of it alone.
fn numbers(
    entry: &Entry<'_>,
    counted: &Counted<'_>,
    snapshot: &Snapshot,
) -> (Option<u32>, Option<u32>, Option<u32>) {
    let row = &entry.row;
    if row.state != State::LISTEN {
        return (None, snapshot.sockets.detail(entry.socket).drops, None);
    }
    if !Protos::TCP.has(row.proto) {
        let waiting = counted.waiting.get(to_index(entry.socket));
        return (waiting.copied(), None, None);
    }
    let netns = snapshot.sockets.netns(entry.socket);
    let place = snapshot.pressure.place_of(netns);
    let around = place.and_then(|place| snapshot.pressure.around.get(place));
    let around = around.filter(|around| around.listeners == Some(1));
    let counters = around.map(|around| around.counters).unwrap_or_default();
    (
        row.rx_queue,
        counters.listen_drops,
        counters.listen_overflows,
    )
}

/// Returns the groups, the largest first.
fn of_groups<'a>(
    groups: &mut Groups<'a>,
    snapshot: &'a Snapshot,
    are_several: bool,
) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let kind = match groups.by {
        By::Remote => Kind::Remote,
        By::Local => Kind::Local,
        By::State => Kind::State,
        By::Process | By::Container => Kind::Container,
    };
    let all = &mut groups.all;
    let key = |at: usize| {
        all.get(at)
            .map(|group| (Reverse(group.tally.sockets), group.key))
    };
    for at in ordered(all.len(), &|one, other| key(one).cmp(&key(other))) {
        let Some(group) = all.get_mut(at) else {
            continue;
        };
        let mut line = Line::new(kind, &mut group.tally);
        let netns = snapshot.sockets.netns(group.entry.socket);
        set_home(&mut line, netns, snapshot, are_several);
        match kind {
            Kind::Remote => write_ip(&mut line.name, group.address()),
            Kind::Local => {
                line.name.push(b':');
                write_decimal(&mut line.name, group.port());
            }
            Kind::State => line.tally.write_first_state(&mut line.name),
            _ => {
                line.container = snapshot.container(&group.entry);
                line.netns = snapshot.home_inode(&group.entry);
                line.names_netns = true;
                line.is_host = line.netns.is_some_and(|inode| snapshot.is_host(inode));
                let mut name = Vec::new();
                line.write_home(&mut name);
                line.name = name;
            }
        }
        if kind == Kind::State {
            (line.container, line.netns) = (None, None);
        }
        lines.push(line);
    }
    lines
}

/// Keeps the first `top` of `lines`, and of groups only those with at least `least` sockets; with `says_more` the next line
/// stands for all others. Totals, and the reasons why there is no process, all stay.
pub(super) fn cut(lines: &mut [Line<'_>], top: usize, least: u32, says_more: bool) {
    let Some(kind) = lines.first().map(|line| line.kind) else {
        return;
    };
    let is_grouped = matches!(kind, Kind::Remote | Kind::Local);
    let is_held = |line: &&Line<'_>| kind != Kind::Owner || line.pid.is_some();
    let is_large = |line: &&Line<'_>| !is_grouped || line.tally.sockets >= least;
    let end = match kind {
        Kind::Protocol => return,
        _ => lines.iter().take_while(is_held).count(),
    };
    let kept = lines.iter().take(top.min(end)).take_while(is_large).count();
    let left = lines.get_mut(kept..end).unwrap_or_default();
    let (count, mut sockets) = (left.len(), 0);
    for line in &mut *left {
        sockets += line.tally.sockets;
        line.is_left_out = true;
    }
    if says_more
        && (kept > 0 || !is_grouped)
        && let Some(more) = left.first_mut()
    {
        *more = Line::new(kind, &mut Tally::default());
        more.tally.sockets = sockets;
        more.name.push(b'(');
        write_decimal(&mut more.name, to_u32(count));
        write_short(&mut more.name, b"-more)");
    }
}
