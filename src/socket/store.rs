//! `Sockets`, the compact store of the rows that are kept. In: rows from the parsers. Out: the same rows, by number. A
//! stored socket takes 24 bytes, so that half a million fit 12 MB; IPv6 addresses, names, and queues that are not empty
//! lie beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::collections::{to_index, to_u32};
use crate::proc::NetnsId;
use crate::socket::proto::{Proto, Protos, State};
use crate::socket::{Detail, Ends, Row};

/// A stored row. What `local` and `remote` hold depends on the protocol; `Sockets::row` tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    /// As in `Row`.
    inode: u32,
    /// The place of the queues less one; 0 where both are empty, as most are; `UNTOLD` where the table does not tell.
    queues: u32,
    /// An IPv4 address; or the place of an IPv6 address or of a name; or a port id or an interface.
    local: u32,
    /// The same; of a name its length.
    remote: u32,
    /// Port, netlink family or ethertype.
    local_port: u16,
    /// Port.
    remote_port: u16,
    /// Where it was read.
    netns: NetnsId,
    /// As in `Row`.
    proto: Proto,
    /// As in `Row`.
    state: State,
}

/// What `local` of a stored row stands for.
enum Local {
    /// The place of an IPv6 address; `remote` too.
    Addresses,
    /// The place of a name.
    Name,
    /// Itself: an address or a number.
    Value,
}

impl Stored {
    /// One that is not there.
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

    /// What `local` stands for.
    fn local(&self) -> Local {
        match self.proto {
            _ if self.state == State::UNLISTED => Local::Name,
            proto if Protos::INET4.has(proto) => Local::Value,
            Proto::Sctp | Proto::Other | Proto::Bluetooth => Local::Name,
            proto if Protos::MODULES.has(proto) => Local::Name,
            proto if Protos::INET.has(proto) => Local::Addresses,
            Proto::Netlink | Proto::Packet => Local::Value,
            _ => Local::Name,
        }
    }
}

/// A queue, or both of them, of which the table does not tell.
const UNTOLD: u32 = u32::MAX;

/// Marks a name that must not be shown, in the place of its length.
const DOUBTFUL: u32 = u32::MAX;

/// Room for so many rows from the start, so that few of them move about while it grows.
const ROOM: usize = 512;

/// The rows that are kept, in the order in which they were read.
#[derive(Default)]
pub(crate) struct Sockets {
    /// One for each row.
    stored: Vec<Stored>,
    /// One for each row if they are wanted at all, else empty.
    details: Vec<Detail>,
    /// Whether details are kept.
    keeps_details: bool,
    /// Queues of which one at least is not empty, as in `Row`: received, sent; each `UNTOLD` for none.
    queues: Vec<(u32, u32)>,
    /// IPv6 addresses, local and remote one after the other.
    addresses: Vec<Ipv6Addr>,
    /// Names, one after the other.
    names: Vec<u8>,
    /// Whether any row can only be told whole with the names of interfaces.
    needs_interfaces: bool,
    /// Numbers of rows of unix that the name of the row before could have printed.
    suspects: Vec<u32>,
}

impl Sockets {
    /// None yet; `keeps_details` where a view shows them.
    pub(crate) fn new(keeps_details: bool) -> Self {
        Self {
            keeps_details,
            stored: Vec::with_capacity(ROOM),
            ..Self::default()
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.stored.len()
    }

    /// Their numbers in the order in which they were read.
    pub(crate) fn numbers(&self) -> std::ops::Range<u32> {
        0..to_u32(self.stored.len())
    }

    /// The inode of socket `number`.
    pub(crate) fn inode(&self, number: u32) -> u32 {
        self.stored
            .get(to_index(number))
            .map_or(0, |stored| stored.inode)
    }

    /// The protocol of socket `number`.
    pub(crate) fn proto(&self, number: u32) -> Proto {
        self.stored
            .get(to_index(number))
            .map_or(Proto::Other, |stored| stored.proto)
    }

    /// The namespace in whose table socket `number` was read.
    pub(crate) fn netns(&self, number: u32) -> NetnsId {
        self.stored
            .get(to_index(number))
            .map_or(NetnsId(0), |stored| stored.netns)
    }

    /// Whether they were read in more than one namespace.
    pub(crate) fn is_of_several_namespaces(&self) -> bool {
        let first = self.stored.first().map(|row| row.netns);
        self.stored.iter().any(|row| Some(row.netns) != first)
    }

    /// Keeps `row`, which was read in `netns`, and its detail where details are kept.
    pub(crate) fn push(&mut self, netns: NetnsId, row: &Row<'_>, detail: &Detail) {
        let (local, remote, local_port, remote_port) = match row.ends {
            Ends::Inet {
                local: (IpAddr::V4(local), port),
                remote: (IpAddr::V4(remote), remote_port),
            } => (local.to_bits(), remote.to_bits(), port, remote_port),
            Ends::Inet {
                local: (local, port),
                remote: (remote, remote_port),
            } => {
                let at = to_u32(self.addresses.len());
                self.addresses
                    .extend([local, remote].map(|address| match address {
                        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                        IpAddr::V6(v6) => v6,
                    }));
                (at, at + 1, port, remote_port)
            }
            Ends::Path(name) | Ends::Unlisted(name) | Ends::Device(name) => {
                let at = to_u32(self.names.len());
                self.names.extend_from_slice(name);
                (at, to_u32(name.len()), 0, 0)
            }
            Ends::Sctp {
                addresses,
                local_port,
                remote_port,
            } => {
                let at = to_u32(self.names.len());
                self.names.extend_from_slice(addresses);
                (at, to_u32(addresses.len()), local_port, remote_port)
            }
            Ends::Doubtful => (0, DOUBTFUL, 0, 0),
            Ends::Netlink { family, port_id } => (port_id, family, 0, 0),
            Ends::Packet { ethertype, ifindex } => (ifindex, 0, ethertype, 0),
        };
        self.needs_interfaces |= match row.ends {
            Ends::Inet {
                local: (IpAddr::V6(address), _),
                ..
            } => address.is_unicast_link_local(),
            Ends::Sctp { addresses, .. } => addresses.contains(&b':'),
            Ends::Packet { ifindex, .. } => ifindex != 0,
            _ => false,
        };
        let queues = match (row.rx_queue, row.tx_queue) {
            (Some(0), Some(0)) => 0,
            (None, None) => UNTOLD,
            (rx, tx) => {
                self.queues
                    .push((rx.unwrap_or(UNTOLD), tx.unwrap_or(UNTOLD)));
                to_u32(self.queues.len())
            }
        };
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
        if self.keeps_details {
            self.details.push(*detail);
        }
    }

    /// Adds those of `other`, which were all read in the namespace that is now called `netns`.
    pub(crate) fn append(&mut self, mut other: Self, netns: NetnsId) {
        let first = to_u32(self.stored.len());
        if first == 0 {
            let is_settled = other.stored.first().is_none_or(|row| row.netns == netns);
            *self = other;
            if !is_settled {
                self.stored.iter_mut().for_each(|row| row.netns = netns);
            }
            return;
        }
        let (queues, addresses) = (to_u32(self.queues.len()), to_u32(self.addresses.len()));
        let names = to_u32(self.names.len());
        for mut row in other.stored.drain(..) {
            row.netns = netns;
            if row.queues != 0 && row.queues != UNTOLD {
                row.queues = row.queues.saturating_add(queues);
            }
            match row.local() {
                Local::Addresses => {
                    row.local = row.local.saturating_add(addresses);
                    row.remote = row.remote.saturating_add(addresses);
                }
                Local::Name => row.local = row.local.saturating_add(names),
                Local::Value => {}
            }
            self.stored.push(row);
        }
        self.details.append(&mut other.details);
        self.queues.append(&mut other.queues);
        self.addresses.append(&mut other.addresses);
        self.names.append(&mut other.names);
        self.needs_interfaces |= other.needs_interfaces;
        let suspects = other.suspects.iter().map(|number| first + number);
        self.suspects.extend(suspects);
    }

    /// Whether any row can only be told whole with the names of interfaces.
    pub(crate) fn needs_interfaces(&self) -> bool {
        self.needs_interfaces
    }

    /// That the last row may be a forgery.
    pub(crate) fn suspect_last(&mut self) {
        self.suspects
            .push(to_u32(self.stored.len().saturating_sub(1)));
    }

    /// The rows that may be forgeries.
    pub(crate) fn suspects(&self) -> Vec<u32> {
        self.suspects.clone()
    }

    /// That the name of socket `number`, a unix socket, must not be shown.
    pub(crate) fn doubt(&mut self, number: u32) {
        if let Some(stored) = self.stored.get_mut(to_index(number)) {
            (stored.local, stored.remote) = (0, DOUBTFUL);
        }
    }

    /// What only the wider views show of socket `number`; zero where details are not kept.
    pub(crate) fn detail(&self, number: u32) -> Detail {
        self.details
            .get(to_index(number))
            .copied()
            .unwrap_or_default()
    }

    /// Socket `number` as it is stored; one that is not there where there is none.
    pub(crate) fn stored(&self, number: u32) -> Stored {
        let stored = self.stored.get(to_index(number));
        stored.copied().unwrap_or(Stored::NONE)
    }

    /// Socket `number` as its table told it; an unlisted row where there is none.
    pub(crate) fn row(&self, number: u32) -> Row<'_> {
        self.row_of(&self.stored(number))
    }

    /// What `stored` was made of.
    pub(crate) fn row_of(&self, stored: &Stored) -> Row<'_> {
        let (rx_queue, tx_queue) = match stored.queues {
            0 => (Some(0), Some(0)),
            queues => {
                let at = to_index(queues).wrapping_sub(1);
                let told = |queue| Some(queue).filter(|queue| *queue != UNTOLD);
                let queues = self.queues.get(at);
                queues.map_or((None, None), |(rx, tx)| (told(*rx), told(*tx)))
            }
        };
        Row {
            inode: stored.inode,
            proto: stored.proto,
            state: stored.state,
            rx_queue,
            tx_queue,
            ends: self.ends(stored),
        }
    }

    /// What `push` made of the ends of a row.
    fn ends(&self, stored: &Stored) -> Ends<'_> {
        let v4 = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
        let v6 = |at| {
            IpAddr::V6(
                self.addresses
                    .get(to_index(at))
                    .copied()
                    .unwrap_or(Ipv6Addr::UNSPECIFIED),
            )
        };
        let name = || {
            let rest = self.names.get(to_index(stored.local)..).unwrap_or_default();
            rest.get(..to_index(stored.remote)).unwrap_or_default()
        };
        match stored.proto {
            _ if stored.state == State::UNLISTED => Ends::Unlisted(name()),
            proto if Protos::INET4.has(proto) => Ends::Inet {
                local: (v4(stored.local), stored.local_port),
                remote: (v4(stored.remote), stored.remote_port),
            },
            Proto::Sctp => Ends::Sctp {
                addresses: name(),
                local_port: stored.local_port,
                remote_port: stored.remote_port,
            },
            proto if Protos::MODULES.has(proto) || proto == Proto::Bluetooth => {
                Ends::Device(name())
            }
            proto if Protos::INET.has(proto) => Ends::Inet {
                local: (v6(stored.local), stored.local_port),
                remote: (v6(stored.remote), stored.remote_port),
            },
            Proto::Netlink => Ends::Netlink {
                family: stored.remote,
                port_id: stored.local,
            },
            Proto::Packet => Ends::Packet {
                ethertype: stored.local_port,
                ifindex: stored.local,
            },
            Proto::Other => Ends::Unlisted(name()),
            _ if stored.remote == DOUBTFUL => Ends::Doubtful,
            _ => Ends::Path(name()),
        }
    }
}
