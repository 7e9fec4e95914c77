//! What only the summary asks for beside the rows: the limits that processes and namespaces run against, and what was
//! dropped there. In: the sockets and processes of a snapshot. Out: the same numbers, by process and by namespace. One
//! small file is read for each process, up to three for each namespace. It judges no number.

use crate::collections::sort::sort;
use crate::plan::Plan;
use crate::proc::{NetnsId, Proc, Task, inode_in_link};
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::socket::store::Sockets;
use crate::tables::Missed;
use crate::tables::counters::{self, Counters};
use crate::text::digits::decimal32;
use crate::text::parts::{next_part, part};
use crate::walk::limits;
use crate::walk::netns::Namespaces;

/// A namespace that has sockets.
pub(crate) struct Around {
    /// Its id.
    pub(crate) netns: NetnsId,
    /// What was dropped there.
    pub(crate) counters: Counters,
    /// The number of TCP listeners in it, shown or not; `None` where not all of them were looked at.
    pub(crate) listeners: Option<u32>,
}

/// The ports that the kernel chooses from for a connection.
#[derive(Clone, Copy)]
pub(crate) struct PortRange {
    /// The namespace that has this range.
    pub(crate) netns: NetnsId,
    /// The first port.
    pub(crate) first: u16,
    /// The last port.
    pub(crate) last: u16,
    /// How many there are: those of the range that are not kept for somebody who asks for them.
    pub(crate) count: u32,
}

/// The limits, and what was dropped.
#[derive(Default)]
pub(crate) struct Pressure {
    /// Process ids, ascending, with their limits of descriptors.
    limits: Vec<(u32, Option<u32>)>,
    /// The namespaces that have TCP listeners or sockets of UDP, ascending.
    pub(crate) around: Vec<Around>,
    /// The range of the namespace that this program is in, which is the only one that proc tells.
    pub(crate) ports: Option<PortRange>,
}

impl Pressure {
    /// Reads the limits of `tasks`, which are ascending, and what the namespaces of `sockets` tell.
    #[inline(never)]
    pub(super) fn load(
        proc: &Proc,
        plan: &Plan,
        tasks: &[Task],
        sockets: &Sockets,
        namespaces: &Namespaces,
        missed: Missed,
    ) -> Self {
        let mut limits = Vec::new();
        for task in tasks {
            if limits.last().is_none_or(|(pid, _)| *pid != task.pid) {
                limits.push((task.pid, limits::max_open_files(proc, *task)));
            }
        }
        // Every listener of a namespace is known if every table of TCP was read to its end and understood.
        let tables = plan.rows(&plan.condition).tables();
        let unknown = Protos::TCP.without(tables);
        let unknown = unknown.union(missed.forbidden).union(missed.skipped);
        let is_whole = plan.needs.is_all_processes() && !unknown.meets(Protos::TCP);
        // For each namespace the protocols of which its counters tell, and its listeners.
        let mut known: Vec<(Protos, u32)> = namespaces.iter().map(|_| Default::default()).collect();
        let mut listening = Vec::new();
        for number in sockets.numbers() {
            let row = sockets.row(number);
            let is_listener = row.state == State::LISTEN && Protos::TCP.has(row.proto);
            if is_listener {
                listening.push(number);
            }
            if (is_listener || Protos::UDP.has(row.proto))
                && let Some((protos, _)) = known.get_mut(usize::from(sockets.netns(number).0))
            {
                *protos = protos.union(Protos::of(&[row.proto]));
            }
        }
        // A table may have a row twice: it is no snapshot.
        let key = |number| (sockets.netns(number), sockets.inode(number));
        sort(&mut listening, &|one, other| key(one).cmp(&key(other)));
        listening.dedup_by_key(|number| key(*number));
        for number in listening {
            if let Some((_, count)) = known.get_mut(usize::from(sockets.netns(number).0)) {
                *count += 1;
            }
        }
        let mut around = Vec::new();
        for ((netns, members), (protos, listeners)) in namespaces.iter().zip(known) {
            if !protos.is_empty() && members.is_selected {
                around.push(Around {
                    netns,
                    counters: counters::load(proc, &members.members, protos),
                    listeners: Some(listeners).filter(|_| is_whole),
                });
            }
        }
        Self {
            limits,
            around,
            ports: port_range(proc, namespaces),
        }
    }

    /// Returns the place of the namespace in `around`.
    pub(crate) fn place_of(&self, netns: NetnsId) -> Option<usize> {
        let around = self.around.as_slice();
        around
            .binary_search_by_key(&netns, |around| around.netns)
            .ok()
    }

    /// Returns how many descriptors process `pid` may have, if that is known.
    pub(crate) fn max_open_files(&self, pid: u32) -> Option<u32> {
        let at = self.limits.binary_search_by_key(&pid, |(pid, _)| *pid);
        self.limits.get(at.ok()?)?.1
    }
}

/// Holds more ranges of reserved ports than anybody writes; what is cut counts as not reserved.
const RESERVED_LEN_MAX: usize = 4096;

/// Reads the ports that the kernel chooses from and what is reserved of them, which are always those of the namespace of
/// whoever reads them, in whichever proc.
fn port_range(proc: &Proc, namespaces: &Namespaces) -> Option<PortRange> {
    let own = Task::process(proc.own_pid()?);
    let mut buffer = [0; RESERVED_LEN_MAX];
    let link = proc.read_link(own, "ns/net", &mut buffer).ok()?;
    let inode = inode_in_link(link, b"net");
    let mut all = namespaces.iter();
    let (netns, _) = all.find(|(_, netns)| inode.is_some() && netns.inode == inode)?;
    let (first, last) = ephemeral_ports(proc)?;
    let text = proc.read_setting(c"sys/net/ipv4/ip_local_reserved_ports", &mut buffer);
    let reserved = reserved(text.unwrap_or_default(), first, last);
    Some(PortRange {
        netns,
        first,
        last,
        count: (u32::from(last - first) + 1).saturating_sub(reserved),
    })
}

/// Returns how many of the ports from `first` to `last` are in `text` (`kernel/sysctl.c`: `proc_do_large_bitmap`): ports and ranges,
/// ascending, none twice.
///
/// ```text
/// 8080,32768-40000
/// ```
fn reserved(text: &[u8], first: u16, last: u16) -> u32 {
    let (mut count, mut ranges) = (0, Some(part(text, b'\n', 0)));
    while let Some(range) = next_part(&mut ranges, b',') {
        let mut ends = Some(range);
        let low = next_part(&mut ends, b'-').unwrap_or_default();
        if let (Some(low), Some(high)) = (decimal32(low), decimal32(ends.unwrap_or(low))) {
            let end = high.min(last.into()) + 1;
            count += end.saturating_sub(low.max(first.into()));
        }
    }
    count
}

/// Returns the first and the last port that the kernel chooses where a program names none, in the namespace of this one.
pub(crate) fn ephemeral_ports(proc: &Proc) -> Option<(u16, u16)> {
    let mut buffer = [0; 64];
    let text = proc.read_setting(c"sys/net/ipv4/ip_local_port_range", &mut buffer);
    parse_range(text.ok()?)
}

/// Parses a range of ports (`net/ipv4/sysctl_net_ipv4.c`: `ipv4_local_port_range`).
///
/// ```text
/// 32768    60999
/// ```
fn parse_range(text: &[u8]) -> Option<(u16, u16)> {
    let mut fields = text.split(u8::is_ascii_whitespace);
    let mut port = || u16::try_from(fields.next().and_then(decimal32)?).ok();
    let (first, last) = (port()?, port()?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_reserved_ports_those_in_the_range_count() {
        for (text, count) in [
            ("\n", 0),
            ("", 0),
            ("8080,32767\n", 0),
            ("32768-32999\n", 232),
            ("1-32768,40000,60999-65535\n", 3),
            ("1-65535\n", 28_232),
            ("x,40000-,-40000,40001-x,40002\n", 1),
        ] {
            assert_eq!(reserved(text.as_bytes(), 32_768, 60_999), count, "{text}");
        }
    }

    #[test]
    fn a_range_has_two_ports_in_order() {
        assert_eq!(parse_range(b"32768\t60999\n"), Some((32_768, 60_999)));
        for other in ["", "1", "1\t", "2\t1\n", "1\t65536\n", "x\t2\n", "-1\t2\n"] {
            assert_eq!(parse_range(other.as_bytes()), None, "{other}");
        }
    }
}
