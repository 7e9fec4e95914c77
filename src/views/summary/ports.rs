//! Which connections run out of local ports. In: the connections of TCP, and the range that the kernel chooses a port from.
//! Out: a line for each address and port at the other end, with the number of ports that are taken. A port is taken once
//! for each pair of addresses and port at the other end, by connections in whatever state, `TIME_WAIT` too. It reads nothing.

use crate::collections::sort::sort;
use crate::snapshot::Snapshot;
use crate::views::summary::groups::{connection, octets};
use crate::views::summary::line::{Kind, Line, PORTS, PORTS_LIMIT};
use crate::views::summary::tally::Tally;
use crate::views::words::write_remote;

/// A connection as it is ordered: the other end, the address here, and the port here.
type Key = ([u8; 16], u16, [u8; 16], u16);

/// Returns the key of the connection `number`.
#[inline(never)]
fn key(snapshot: &Snapshot, number: u32) -> Key {
    let ends = connection(&snapshot.sockets.row(number));
    ends.map_or(Key::default(), |(local, remote)| {
        (octets(remote.0), remote.1, octets(local.0), local.1)
    })
}

/// Returns a line for each address and port at the other end for which more than half of the ports are taken.
pub(super) fn lines<'a>(snapshot: &'a Snapshot, connections: &mut Vec<u32>) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let Some(range) = snapshot.pressure.ports else {
        return lines;
    };
    connections.retain(|number| snapshot.sockets.netns(*number) == range.netns);
    sort(connections, &|one, other| {
        key(snapshot, one).cmp(&key(snapshot, other))
    });
    let (mut tally, mut ports, mut last) = (Tally::default(), 0, None);
    for (at, number) in connections.iter().enumerate() {
        let key_here = key(snapshot, *number);
        let is_new = last != Some(key_here);
        last = Some(key_here);
        ports += u32::from(is_new && (range.first..=range.last).contains(&key_here.3));
        let row = snapshot.sockets.row(*number);
        tally.count(&row);
        let next = connections.get(at + 1).map(|next| key(snapshot, *next));
        let is_last = next
            .is_none_or(|next| (next.0, next.1, next.2) != (key_here.0, key_here.1, key_here.2));
        if !is_last {
            continue;
        }
        if ports * 2 > range.count {
            let mut line = Line::new(Kind::Ports, &mut tally);
            write_remote(&mut line.name, &row);
            line.netns = snapshot.around(range.netns).1;
            line.set(PORTS, Some(ports));
            line.set(PORTS_LIMIT, Some(range.count));
            lines.push(line);
        }
        (tally, ports) = (Tally::default(), 0);
    }
    lines
}
