//! `Sockets`, the compact store of the rows that are kept. In: rows from the parsers. Out: the same rows, by number. It
//! decides nothing about a row.
//!
//! A stored row takes 24 bytes, so that half a million fit 12 MB; what does not fit lies beside it.

use std::net::{IpAddr, Ipv4Addr};

use crate::collections::{to_index, to_u32};
use crate::proc::NetnsId;
use crate::socket::beside::{Beside, UNTOLD};
use crate::socket::claims::Claims;
use crate::socket::extra::{Extra, Keeps};
use crate::socket::proto::{EndsKind, Proto};
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};

/// A stored row. Its protocol tells what the four fields of the ends hold (`Stored::ends`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    /// The inode, 0 where no file belongs to the socket.
    inode: u32,
    /// The number of the queues in `Beside`.
    queues: u32,
    /// An IPv4 address; or the place of an IPv6 address or of a name; or a port id or the index of an interface.
    local: u32,
    /// The other IPv4 address, or the place of the other IPv6 address; or the length of the name; or a netlink family.
    remote: u32,
    /// The port of this end, or an ethertype.
    local_port: u16,
    /// The port of the other end.
    remote_port: u16,
    /// The namespace in which the row was read.
    netns: NetnsId,
    /// The protocol.
    proto: Proto,
    /// The state.
    state: State,
}

impl Stored {
    /// The row of a socket that is not there.
    pub(crate) const NONE: Self = Self {
        inode: 0,
        queues: UNTOLD,
        local: 0,
        remote: 0,
        local_port: 0,
        remote_port: 0,
        netns: NetnsId(0),
        proto: Proto::Other,
        state: State::UNLISTED,
    };

    /// Returns what its ends are.
    #[inline(always)]
    fn ends(&self) -> EndsKind {
        if self.state == State::UNLISTED {
            return EndsKind::Unlisted;
        }
        self.proto.ends()
    }
}

/// Stands for the length of a name that must not be shown.
const DOUBTFUL: u32 = u32::MAX;

/// The number of rows for which there is room from the start, so that few of them move while the store grows.
const ROOM: usize = 512;

/// The rows that were kept, in the order in which they were read.
#[derive(Default)]
pub(crate) struct Sockets {
    /// The rows.
    stored: Vec<Stored>,
    /// The detail of each row where details are kept, else empty.
    details: Vec<Detail>,
    /// What only other tools show of each row where that is kept, else empty.
    extras: Vec<Extra>,
    /// How much is kept.
    keeps: Keeps,
    /// What does not fit a stored row.
    beside: Beside,
    /// True if the names of interfaces are needed to write any row.
    needs_interfaces: bool,
    /// Which rows of unix may be forged.
    pub(crate) claims: Claims,
}

impl Sockets {
    /// Returns an empty store, which keeps as much as `keeps` says.
    pub(crate) fn new(keeps: Keeps) -> Self {
        Self {
            keeps,
            stored: Vec::with_capacity(ROOM),
            ..Self::default()
        }
    }

    /// Returns how many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.stored.len()
    }

    /// Returns the numbers of all rows, in the order in which they were read.
    pub(crate) fn numbers(&self) -> std::ops::Range<u32> {
        0..to_u32(self.stored.len())
    }

    /// Returns socket `number` as it is stored; `Stored::NONE` where there is none.
    #[inline(always)]
    pub(crate) fn stored(&self, number: u32) -> &Stored {
        self.stored.get(to_index(number)).unwrap_or(&Stored::NONE)
    }

    /// Returns the inode of socket `number`.
    pub(crate) fn inode(&self, number: u32) -> u32 {
        self.stored(number).inode
    }

    /// Returns the protocol of socket `number`.
    pub(crate) fn proto(&self, number: u32) -> Proto {
        self.stored(number).proto
    }

    /// Returns the namespace in whose table socket `number` was read.
    pub(crate) fn netns(&self, number: u32) -> NetnsId {
        self.stored(number).netns
    }

    /// Returns true if the rows were read in more than one namespace.
    pub(crate) fn is_of_several_namespaces(&self) -> bool {
        let first = self.stored.first().map(|row| row.netns);
        self.stored.iter().any(|row| Some(row.netns) != first)
    }

    /// Keeps `row`, which was read in `netns`, and its detail where details are kept.
    pub(crate) fn push(&mut self, netns: NetnsId, row: &Row<'_>, detail: &Detail) {
        let (local, remote, local_port, remote_port) = match row.ends {
            Ends::Inet { local, remote } => {
                let (of_local, of_remote) =
                    self.beside
                        .put_addresses(row.proto.ends(), local.0, remote.0);
                (of_local, of_remote, local.1, remote.1)
            }
            Ends::Path(name) | Ends::Unlisted(name) | Ends::Device(name) => {
                let (at, len) = self.beside.put_name(name);
                (at, len, 0, 0)
            }
            Ends::Sctp {
                addresses,
                local_port,
                remote_port,
            } => {
                let (at, len) = self.beside.put_name(addresses);
                (at, len, local_port, remote_port)
            }
            Ends::Called { local, remote } => {
                let (at, len) = self.beside.put_name(local);
                let (_, more) = self.beside.put_name(remote);
                (at, len + more, u16::try_from(len).unwrap_or(0), 0)
            }
            Ends::Doubtful => (0, DOUBTFUL, 0, 0),
            Ends::Netlink { family, port_id } => (port_id, family, 0, 0),
            Ends::Packet { ethertype, ifindex } => (ifindex, 0, ethertype, 0),
        };
        self.needs_interfaces |= row.ends.need_interfaces();
        let queues = self.beside.put_queues(row.rx_queue, row.tx_queue);
        self.stored.push(Stored {
            inode: row.inode,
            queues,
            local,
            remote,
            local_port,
            remote_port,
            netns,
            proto: row.proto,
            state: row.state,
        });
        if self.keeps >= Keeps::Details {
            self.details.push(*detail);
        }
        if self.keeps_extras() {
            self.extras.push(Extra::default());
        }
    }

    /// Adds the rows of `other`, which were all read in one namespace, by now called `netns`.
    pub(crate) fn append(&mut self, mut other: Self, netns: NetnsId) {
        let first = to_u32(self.stored.len());
        self.claims.append(std::mem::take(&mut other.claims), first);
        if first == 0 {
            other.claims = std::mem::take(&mut self.claims);
            let is_settled = other.stored.first().is_none_or(|row| row.netns == netns);
            *self = other;
            if !is_settled {
                self.stored.iter_mut().for_each(|row| row.netns = netns);
            }
            return;
        }
        let places = self.beside.append(&mut other.beside);
        for mut row in other.stored.drain(..) {
            row.netns = netns;
            if row.queues != 0 && row.queues != UNTOLD {
                row.queues = row.queues.saturating_add(places.queues);
            }
            match row.ends() {
                EndsKind::Inet4 | EndsKind::Netlink | EndsKind::Packet => {}
                EndsKind::Inet6 => {
                    row.local = row.local.saturating_add(places.addresses);
                    row.remote = row.remote.saturating_add(places.addresses);
                }
                EndsKind::Sctp
                | EndsKind::Path
                | EndsKind::Device
                | EndsKind::Called
                | EndsKind::Unlisted => {
                    row.local = row.local.saturating_add(places.names);
                }
            }
            self.stored.push(row);
        }
        self.details.append(&mut other.details);
        self.extras.append(&mut other.extras);
        self.needs_interfaces |= other.needs_interfaces;
    }

    /// Returns true if the names of interfaces are needed to write any row.
    pub(crate) fn needs_interfaces(&self) -> bool {
        self.needs_interfaces
    }

    /// Notes that the last row may be forged.
    pub(crate) fn suspect_last(&mut self) {
        self.claims.add(to_u32(self.stored.len().saturating_sub(1)));
    }

    /// Notes that the name of socket `number`, a unix socket, must not be shown, and neither its state unless that is
    /// `state`, nor what only other tools show unless the row `is_certain`.
    pub(crate) fn doubt(&mut self, number: u32, state: State, is_certain: bool) {
        if let Some(stored) = self.stored.get_mut(to_index(number)) {
            (stored.local, stored.remote) = (0, DOUBTFUL);
            if stored.state != state {
                stored.state = State::NONE;
            }
        }
        let extra = self.extras.get_mut(to_index(number));
        if let Some(extra) = extra.filter(|_| !is_certain) {
            extra.forget();
        }
    }

    /// Calls socket `number` one of `proto`, whose ends are of the same kind.
    pub(crate) fn set_proto(&mut self, number: u32, proto: Proto) {
        let stored = self.stored.get_mut(to_index(number));
        if let Some(stored) = stored.filter(|stored| stored.proto.ends() == proto.ends()) {
            stored.proto = proto;
        }
    }

    /// Returns the detail of socket `number`; zeros where details are not kept.
    pub(crate) fn detail(&self, number: u32) -> Detail {
        let detail = self.details.get(to_index(number)).copied();
        detail.unwrap_or_default()
    }

    /// Notes who made socket `number`, where details are kept.
    pub(crate) fn set_uid(&mut self, number: u32, uid: u32) {
        if let Some(detail) = self.details.get_mut(to_index(number)) {
            detail.uid = Some(uid);
        }
    }

    /// Returns true if extras are kept.
    pub(crate) fn keeps_extras(&self) -> bool {
        self.keeps == Keeps::Extras
    }

    /// Keeps the extra of the last row.
    pub(crate) fn set_last_extra(&mut self, extra: Extra) {
        if let Some(last) = self.extras.last_mut() {
            *last = extra;
        }
    }

    /// Returns the extra of socket `number`; zeros where extras are not kept.
    pub(crate) fn extra(&self, number: u32) -> Extra {
        let extra = self.extras.get(to_index(number)).copied();
        extra.unwrap_or_default()
    }

    /// Returns socket `number` as its table told it; an unlisted row where there is none.
    pub(crate) fn row(&self, number: u32) -> Row<'_> {
        self.row_of(self.stored(number))
    }

    /// Returns the row that `stored` was made of.
    pub(crate) fn row_of(&self, stored: &Stored) -> Row<'_> {
        let (rx_queue, tx_queue) = self.beside.queues(stored.queues);
        Row {
            inode: stored.inode,
            proto: stored.proto,
            state: stored.state,
            rx_queue,
            tx_queue,
            ends: self.ends(stored),
        }
    }

    /// Returns the ends that `stored` was made of.
    fn ends(&self, stored: &Stored) -> Ends<'_> {
        let v4 = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
        let v6 = |at| IpAddr::V6(self.beside.address(at));
        let name = || self.beside.name(stored.local, stored.remote);
        match stored.ends() {
            EndsKind::Inet4 => Ends::Inet {
                local: (v4(stored.local), stored.local_port),
                remote: (v4(stored.remote), stored.remote_port),
            },
            EndsKind::Inet6 => Ends::Inet {
                local: (v6(stored.local), stored.local_port),
                remote: (v6(stored.remote), stored.remote_port),
            },
            EndsKind::Sctp => Ends::Sctp {
                addresses: name(),
                local_port: stored.local_port,
                remote_port: stored.remote_port,
            },
            EndsKind::Path if stored.remote == DOUBTFUL => Ends::Doubtful,
            EndsKind::Path => Ends::Path(name()),
            EndsKind::Netlink => Ends::Netlink {
                family: stored.remote,
                port_id: stored.local,
            },
            EndsKind::Packet => Ends::Packet {
                ethertype: stored.local_port,
                ifindex: stored.local,
            },
            EndsKind::Device => Ends::Device(name()),
            EndsKind::Called => {
                let local_len = usize::from(stored.local_port);
                let (local, remote) = name().split_at_checked(local_len).unwrap_or_default();
                Ends::Called { local, remote }
            }
            EndsKind::Unlisted => Ends::Unlisted(name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends of each kind, as different as they can be.
    fn samples(kind: EndsKind) -> Vec<Ends<'static>> {
        let inet = |local: &str, remote: &str| Ends::Inet {
            local: (local.parse().unwrap(), 8080),
            remote: (remote.parse().unwrap(), 65535),
        };
        match kind {
            EndsKind::Inet4 => vec![
                inet("10.0.0.1", "255.255.255.255"),
                inet("0.0.0.0", "0.0.0.0"),
            ],
            EndsKind::Inet6 => vec![inet("::1", "fe80::2"), inet("::ffff:10.0.0.1", "::")],
            EndsKind::Sctp => vec![Ends::Sctp {
                addresses: b"10.0.0.1 <-> *10.0.0.2 ",
                local_port: 1,
                remote_port: 2,
            }],
            EndsKind::Path => vec![Ends::Path(b"/run/x"), Ends::Path(b""), Ends::Doubtful],
            EndsKind::Netlink => vec![Ends::Netlink {
                family: 15,
                port_id: u32::MAX,
            }],
            EndsKind::Packet => vec![Ends::Packet {
                ethertype: 3,
                ifindex: 7,
            }],
            EndsKind::Device => vec![Ends::Device(b"vcan0"), Ends::Device(b"")],
            EndsKind::Called => [["LINUX1-1", "LINUX2-2"], ["0040", ""], ["", ""]]
                .map(|[local, remote]| Ends::Called {
                    local: local.as_bytes(),
                    remote: remote.as_bytes(),
                })
                .to_vec(),
            EndsKind::Unlisted => vec![Ends::Unlisted(b"vsock")],
        }
    }

    /// Rows of every protocol, with every kind of queues, listed and not.
    fn rows() -> Vec<Row<'static>> {
        let mut rows = Vec::new();
        for proto in Proto::ALL {
            let mut listed = samples(proto.ends());
            listed.push(Ends::Unlisted(b"name"));
            for ends in listed {
                let state = match ends {
                    Ends::Unlisted(_) => State::UNLISTED,
                    _ => State::LISTEN,
                };
                for (rx_queue, tx_queue) in [
                    (Some(0), Some(0)),
                    (None, None),
                    (Some(1), None),
                    (Some(u32::MAX), Some(2)),
                ] {
                    rows.push(Row {
                        inode: to_u32(rows.len()),
                        proto: *proto,
                        state,
                        rx_queue,
                        tx_queue,
                        ends,
                    });
                }
            }
        }
        rows
    }

    #[test]
    fn a_row_of_every_protocol_comes_back_as_it_was_pushed_and_appended() {
        let rows = rows();
        for cut in [0, 1, rows.len() / 2, rows.len()] {
            let mut all = Sockets::new(Keeps::Extras);
            for (part, netns) in [rows.get(..cut), rows.get(cut..)].into_iter().zip(0..) {
                let mut sockets = Sockets::new(Keeps::Extras);
                for row in part.unwrap() {
                    let detail = Detail {
                        uid: Some(row.inode),
                        ..Detail::default()
                    };
                    sockets.push(NetnsId(9), row, &detail);
                    sockets.set_last_extra(Extra {
                        position: row.inode,
                        ..Extra::default()
                    });
                    sockets.suspect_last();
                }
                all.append(sockets, NetnsId(netns));
            }
            assert_eq!(all.numbers(), 0..to_u32(rows.len()));
            assert!(all.claims.suspects().iter().copied().eq(all.numbers()));
            for (row, number) in rows.iter().zip(0..) {
                assert_eq!(all.row(number), *row, "cut at {cut}");
                assert_eq!(all.detail(number).uid, Some(row.inode));
                assert_eq!(all.extra(number).position, row.inode);
                let is_first = to_index(number) < cut;
                assert_eq!(all.netns(number), NetnsId(u16::from(!is_first)));
            }
        }
        assert_eq!(Sockets::default().row(0).ends, Ends::Unlisted(b""));
    }
}
