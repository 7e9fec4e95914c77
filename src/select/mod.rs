//! What to show: which processes, and which of their sockets. In: the words of the command line, already parsed. Out:
//! yes or no for a process or a row, and which tables can have a matching row at all. Conditions of different kinds
//! must all hold, of one kind any. It reads a process's command where a condition asks for it, and nothing else.

use std::io::{self, Read};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::collections::sort::sort_once;
use crate::proc::{Proc, Task};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::addr::{Prefix, unmapped};

/// How much of a command line is looked at at a time; the longest word is looked for across the seams.
const CMDLINE_BUFFER_LEN: usize = 4096;

/// Conditions on processes.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    /// Process ids, ascending, each once; empty for all.
    pids: Vec<u32>,
    /// Words that the command's name or line contains.
    pub(crate) words: Vec<Vec<u8>>,
    /// What the command's name starts with.
    pub(crate) prefixes: Vec<Vec<u8>>,
    /// What the id of their container starts with.
    pub(crate) containers: Vec<Vec<u8>>,
    /// Whether the others are looked at too, because they may be at the other end (`-E`).
    pub(crate) visits_all: bool,
}

impl Processes {
    /// Selects `pids` too.
    pub(crate) fn add_pids(&mut self, pids: &[u32]) {
        self.pids.extend_from_slice(pids);
        sort_once(&mut self.pids);
    }

    /// Whether `pid` is one that is asked for, as far as the number tells.
    pub(crate) fn pid_matches(&self, pid: u32) -> bool {
        self.pids.is_empty() || self.pids.binary_search(&pid).is_ok()
    }

    /// The process ids that are selected; empty for all.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Whether it depends on a process's command.
    pub(crate) fn needs_commands(&self) -> bool {
        !self.words.is_empty() || !self.prefixes.is_empty()
    }

    /// Whether every process is selected.
    pub(crate) fn is_all(&self) -> bool {
        self.lists_unheld() && self.containers.is_empty()
    }

    /// Whether sockets that no process holds are selected too: all, or those of a container.
    pub(crate) fn lists_unheld(&self) -> bool {
        self.pids.is_empty() && !self.needs_commands()
    }

    /// Whether the command of `task` is one that is asked for.
    ///
    /// # Errors
    /// errno of reading comm or cmdline: gone meanwhile, or not permitted (hidepid=1).
    pub(crate) fn command_matches(&self, proc: &Proc, task: Task) -> io::Result<bool> {
        let mut buffer = [0; CMDLINE_BUFFER_LEN];
        let comm = proc.read_file(task, "comm", &mut buffer)?;
        let comm = comm.strip_suffix(b"\n").unwrap_or(comm);
        if !self.prefixes.is_empty() && !self.prefixes.iter().any(|prefix| comm.starts_with(prefix))
        {
            return Ok(false);
        }
        if self.words.is_empty() || self.words.iter().any(|word| contains(comm, word)) {
            return Ok(true);
        }
        self.has_word(proc.open_file(task, "cmdline")?, &mut buffer)
    }

    /// Whether a command line, its arguments separated by NUL, contains one of the words when it is written with blanks.
    fn has_word(&self, mut cmdline: impl Read, buffer: &mut [u8]) -> io::Result<bool> {
        let longest = self.words.iter().map(Vec::len).max().unwrap_or(0);
        if longest > buffer.len() / 2 {
            return Ok(false);
        }
        let mut filled = 0;
        loop {
            let free = buffer.get_mut(filled..).unwrap_or_default();
            let count = cmdline.read(free)?;
            if count == 0 {
                return Ok(false);
            }
            free.iter_mut()
                .take(count)
                .filter(|byte| **byte == 0)
                .for_each(|byte| *byte = b' ');
            filled += count;
            let seen = buffer.get(..filled).unwrap_or_default();
            if self.words.iter().any(|word| contains(seen, word)) {
                return Ok(true);
            }
            if filled == buffer.len() {
                // Keep what may be the first part of a word.
                buffer.copy_within(filled - longest.., 0);
                filled = longest;
            }
        }
    }
}

/// Whether `text` contains `word`.
fn contains(text: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else {
        return true;
    };
    memchr::memchr_iter(*first, text)
        .any(|at| text.get(at..).is_some_and(|rest| rest.starts_with(word)))
}

/// Ports, as a list of ranges.
pub(crate) type Ports = Vec<RangeInclusive<u16>>;

/// Whether `ports` has `port`.
fn has_port(ports: &Ports, port: u16) -> bool {
    // 0 stands for no port at all.
    port != 0 && ports.iter().any(|range| range.contains(&port))
}

/// IPv4 or IPv6, as an address is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4, v4-mapped IPv6 included.
    V4,
    /// All other IPv6.
    V6,
}

/// The family that `address` is printed in.
fn family_of(address: IpAddr) -> Family {
    if unmapped(address).is_ipv4() {
        Family::V4
    } else {
        Family::V6
    }
}

/// An address and port of one end, each perhaps any.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Endpoint {
    /// The addresses; `None` for any.
    pub(crate) prefix: Option<Prefix>,
    /// The ports; empty for any.
    pub(crate) ports: Ports,
}

impl Endpoint {
    /// Whether `end` is one of them; without ports in it any port, as long as the protocol has ports where they count.
    fn contains(&self, proto: Proto, (address, port): (IpAddr, u16)) -> bool {
        self.prefix.is_none_or(|prefix| prefix.contains(address))
            && (self.ports.is_empty() || (Protos::PORTED.has(proto) && has_port(&self.ports, port)))
    }

    /// The protocols that can have such an end.
    fn protos(&self) -> Protos {
        if self.ports.is_empty() {
            Protos::INET
        } else {
            Protos::PORTED
        }
    }
}

/// One `-i`, with what is attached to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Internet {
    /// TCP, UDP, or all internet protocols.
    pub(crate) protos: Protos,
    /// IPv4 or IPv6 alone.
    pub(crate) family: Option<Family>,
    /// One of the two ends.
    pub(crate) end: Endpoint,
}

impl Internet {
    /// Whether it asks for whole protocols and nothing narrower.
    fn is_plain(&self) -> bool {
        self.family.is_none() && self.end == Endpoint::default()
    }
}

/// Conditions on sockets.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Protocols; none for all, unless `internet` has any.
    pub(crate) protos: Protos,
    /// Internet sockets, in addition to `protos`.
    pub(crate) internet: Vec<Internet>,
    /// IPv4, IPv6, or both, without what has no address; none for all.
    pub(crate) families: Vec<Family>,
    /// Listening sockets alone.
    pub(crate) listening: bool,
    /// Ports of either end.
    pub(crate) ports: Ports,
    /// Ports of this end.
    pub(crate) local_ports: Ports,
    /// Ports of the other end.
    pub(crate) remote_ports: Ports,
    /// Addresses of either end.
    pub(crate) ends: Vec<Endpoint>,
    /// Paths and abstract names of unix sockets.
    pub(crate) paths: Vec<Vec<u8>>,
    /// Inodes.
    pub(crate) inodes: Vec<u32>,
    /// States, each of some protocols.
    pub(crate) states: Vec<(Protos, State)>,
    /// Owners, where the table tells.
    pub(crate) uids: Vec<u32>,
    /// Network namespaces, each by its inode or by a process in it.
    pub(crate) namespaces: Vec<u32>,
    /// Whether all connections are kept, shown or not, so that both ends of those shown are known (`-E`).
    pub(crate) keeps_connections: bool,
    /// Whether all listeners are kept, so that those who have to accept are known (`-e`).
    pub(crate) keeps_listeners: bool,
}

impl Rows {
    /// The protocols that are asked for, whatever else must hold.
    fn asked(&self) -> Protos {
        if self.protos.is_empty() && self.internet.is_empty() {
            return Protos::ALL;
        }
        let internet = self
            .internet
            .iter()
            .map(|internet| internet.protos.intersection(internet.end.protos()));
        internet.fold(self.protos, Protos::union)
    }

    /// The protocols of which some row may match: no other table need be opened.
    pub(crate) fn protos(&self) -> Protos {
        let mut protos = self.asked();
        let mut only = |condition: bool, of: Protos| {
            if condition {
                protos = protos.intersection(of);
            }
        };
        only(!self.families.is_empty(), Protos::INET);
        only(
            !self.families.is_empty() && !self.families.contains(&Family::V4),
            Protos::ALL.without(Protos::INET4),
        );
        only(self.listening, Protos::PORTED.union(Protos::UNIX));
        let ports = [&self.ports, &self.local_ports, &self.remote_ports];
        only(ports.iter().any(|ports| !ports.is_empty()), Protos::PORTED);
        only(
            !self.ends.is_empty(),
            self.ends
                .iter()
                .fold(Protos::default(), |all, end| all.union(end.protos())),
        );
        only(!self.paths.is_empty(), Protos::UNIX);
        only(!self.uids.is_empty(), Protos::OWNED);
        let of_state = |all: Protos, (protos, state): &(Protos, State)| {
            all.union(protos.intersection(state.protos()))
        };
        only(
            !self.states.is_empty(),
            self.states.iter().fold(Protos::default(), of_state),
        );
        protos
    }

    /// The protocols whose tables are opened: for the other end of a connection those of the other family too.
    pub(crate) fn tables(&self) -> Protos {
        let protos = self.protos();
        let more = |all: &Protos| self.keeps_connections && protos.meets(*all);
        let more = [Protos::TCP, Protos::UDP].into_iter().filter(more);
        more.fold(protos, Protos::union)
    }

    /// Whether `row` is kept even if it is not shown.
    pub(crate) fn keeps(&self, row: &Row<'_>) -> bool {
        (self.keeps_connections && Protos::PORTED.has(row.proto))
            || (self.keeps_listeners && row.state == State::LISTEN)
    }

    /// Whether a socket of `proto` with `inode`, of which nothing else is known, matches.
    pub(crate) fn matches_unlisted(&self, proto: Proto, inode: u32) -> bool {
        let plain = self
            .internet
            .iter()
            .any(|internet| internet.is_plain() && internet.protos.has(proto));
        let by_proto = self.protos.has(proto) || plain || self.asked() == Protos::ALL;
        by_proto && self.may_match_unlisted() && self.inode_matches(inode)
    }

    /// Whether a socket of which only inode and protocol are known can match.
    pub(crate) fn may_match_unlisted(&self) -> bool {
        let ports = [&self.ports, &self.local_ports, &self.remote_ports];
        self.families.is_empty()
            && !self.listening
            && ports.iter().all(|ports| ports.is_empty())
            && self.ends.is_empty()
            && self.paths.is_empty()
            && self.states.is_empty()
            && self.uids.is_empty()
    }

    /// Whether `inode` is one that is asked for.
    pub(crate) fn inode_matches(&self, inode: u32) -> bool {
        self.inodes.is_empty() || self.inodes.contains(&inode)
    }

    /// Whether `matches` is true of every row.
    pub(crate) fn match_all(&self) -> bool {
        self.asked() == Protos::ALL && self.may_match_unlisted() && self.inodes.is_empty()
    }

    /// Whether `row` may be shown, as far as one row tells: names are for `path_matches`.
    pub(crate) fn matches(&self, row: &Row<'_>, detail: &Detail) -> bool {
        self.protocol_matches(row)
            && (!self.listening || row.is_listening())
            && self.inode_matches(row.inode)
            && (self.uids.is_empty() || detail.uid.is_some_and(|uid| self.uids.contains(&uid)))
            && (self.states.is_empty()
                || self
                    .states
                    .iter()
                    .any(|(protos, state)| protos.has(row.proto) && *state == row.state))
            && self.ends_match(row)
    }

    /// Whether the row's protocol and family are asked for.
    fn protocol_matches(&self, row: &Row<'_>) -> bool {
        let family = || row.ends.inet().map(|(local, _)| family_of(local.0));
        if !self.families.is_empty()
            && !family().is_some_and(|family| self.families.contains(&family))
        {
            return false;
        }
        if self.protos.has(row.proto) || (self.protos.is_empty() && self.internet.is_empty()) {
            return true;
        }
        self.internet.iter().any(|internet| {
            internet.protos.has(row.proto)
                && internet
                    .family
                    .is_none_or(|wanted| family() == Some(wanted))
                && row
                    .ends
                    .any_inet(&|end| internet.end.contains(row.proto, end))
        })
    }

    /// Whether any name is asked for.
    pub(crate) fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Whether the name of `row` is asked for. It is asked after the join, which may doubt a name.
    pub(crate) fn path_matches(&self, row: &Row<'_>) -> bool {
        self.paths.is_empty()
            || matches!(row.ends, Ends::Path(path) if self.paths.iter().any(|wanted| wanted == path))
    }

    /// Whether the row's addresses and ports are asked for.
    fn ends_match(&self, row: &Row<'_>) -> bool {
        let ports = [&self.ports, &self.local_ports, &self.remote_ports];
        let (local, remote) = match row.ends {
            Ends::Inet { local, remote } => (local.1, remote.1),
            Ends::Sctp {
                local_port,
                remote_port,
                ..
            } => (local_port, remote_port),
            _ => return ports.iter().all(|ports| ports.is_empty()) && self.ends.is_empty(),
        };
        let ported = Protos::PORTED.has(row.proto);
        let port = |ports: &Ports, ends: &[u16]| {
            ports.is_empty() || (ported && ends.iter().any(|port| has_port(ports, *port)))
        };
        let is_wanted = |end| {
            let mut wanted = self.ends.iter();
            wanted.any(|wanted| wanted.contains(row.proto, end))
        };
        port(&self.ports, &[local, remote])
            && port(&self.local_ports, &[local])
            && port(&self.remote_ports, &[remote])
            && (self.ends.is_empty() || row.ends.any_inet(&is_wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_across_the_seams_of_the_buffer_and_of_arguments() {
        let selected = Processes {
            words: vec![b"-jar /usr".to_vec()],
            ..Processes::default()
        };
        for before in 0..40 {
            let line = [&vec![b'x'; before][..], b"\0-jar\0/usr/share/jenkins.war\0"].concat();
            assert!(
                selected.has_word(&line[..], &mut [0; 24]).unwrap(),
                "{before}"
            );
            assert!(
                !selected
                    .has_word(&line[..before + 8], &mut [0; 24])
                    .unwrap()
            );
        }
    }

    #[test]
    fn a_selection_opens_only_the_tables_that_it_can_match() {
        let path = Rows {
            paths: vec![b"/run/app.sock".to_vec()],
            ..Rows::default()
        };
        assert_eq!(path.protos(), Protos::UNIX);
        let port = Rows {
            ports: vec![80..=80],
            ..Rows::default()
        };
        assert_eq!(port.protos(), Protos::PORTED);
        let six = Rows {
            families: vec![Family::V6],
            protos: Protos::TCP,
            ..Rows::default()
        };
        assert_eq!(six.protos(), Protos::of(&[Proto::Tcp6, Proto::Mptcp6]));
        let listening = Rows {
            states: vec![(Protos::TCP, State::LISTEN)],
            ..Rows::default()
        };
        assert_eq!(listening.protos(), Protos::TCP);
        assert_eq!(Rows::default().protos(), Protos::ALL);
        let neither = Rows {
            paths: vec![b"@x".to_vec()],
            ports: vec![1..=2],
            ..Rows::default()
        };
        assert!(neither.protos().is_empty());
    }
}
