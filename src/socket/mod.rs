//! The socket as lsock knows it: a `Row` of a table, with its two ends, and the `Detail` that only the wider views show.
//! In: what the parsers read. Out: the same values, for the rooms above. It does not know who holds a socket.
//!
//! `proto` and `state` are the words of a row, `connection` tells one from another by its ends, `unlisted` knows protocols
//! without a table; `store` keeps rows, with what does not fit `beside` them, `extra`, which only other tools show, and
//! `claims` of rows that may be forged.

mod beside;
pub(crate) mod claims;
pub(crate) mod connection;
pub(crate) mod extra;
pub(crate) mod proto;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod unlisted;

use std::net::IpAddr;

use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::text::addr::{listed, primary, sides};

/// Which end of a connection an address or a port is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// This end.
    Local,
    /// The other end.
    Remote,
    /// One of the two.
    Either,
}

/// The two ends of a socket, or what stands for them where the protocol has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Ends<'a> {
    /// Addresses and ports; raw's local "port" is the IP protocol, ping's the echo id.
    Inet {
        /// The address and port of this end.
        local: (IpAddr, u16),
        /// The address and port of the other end, zero where there is none.
        remote: (IpAddr, u16),
    },
    /// A unix socket's path; an abstract name starts with `@`; empty where it has none.
    Path(&'a [u8]),
    /// A unix socket whose name must not be shown, because another row claims the same inode.
    Doubtful,
    /// Netlink's family and port id.
    Netlink {
        /// `NETLINK_ROUTE` and so on.
        family: u32,
        /// The process id of the owner by custom, 0 for the kernel.
        port_id: u32,
    },
    /// Packet's protocol and interface.
    Packet {
        /// The ethertype, 3 for all.
        ethertype: u16,
        /// The index of the interface, 0 for all.
        ifindex: u32,
    },
    /// SCTP's lists of addresses: each end may have several.
    Sctp {
        /// The list as the kernel prints it, primary addresses marked: `10.0.0.1 *10.0.1.1 <-> *10.0.0.2 `.
        addresses: &'a [u8],
        /// The port of this end.
        local_port: u16,
        /// The port of the other end, 0 where there is none.
        remote_port: u16,
    },
    /// The name of can-bcm's interface, empty for all. The tables of Bluetooth and pfkey tell none.
    Device(&'a [u8]),
    /// Addresses that are not the internet's, as the kernel prints them: call signs of amateur radio, Phonet's numbers;
    /// empty where there is none.
    Called {
        /// The address of this end.
        local: &'a [u8],
        /// The address of the other end.
        remote: &'a [u8],
    },
    /// The name that sockprotoname tells of a socket that no table lists; empty where it tells nothing.
    Unlisted(&'a [u8]),
}

/// Returns true if an end has an address or a port. Of the other end of a socket that is not connected both are zeros.
pub(crate) fn is_end((address, port): (IpAddr, u16)) -> bool {
    port != 0 || !address.is_unspecified()
}

impl Ends<'_> {
    /// Returns address and port of this end and of the other; of several addresses the primary one.
    pub(crate) fn inet(&self) -> Option<((IpAddr, u16), (IpAddr, u16))> {
        match *self {
            Ends::Inet { local, remote } => Some((local, remote)),
            Ends::Sctp {
                addresses,
                local_port,
                remote_port,
            } => {
                let (local, remote) = sides(addresses);
                Some(((primary(local), local_port), (primary(remote), remote_port)))
            }
            _ => None,
        }
    }

    /// Returns true if these ends may be written with the name of an interface.
    pub(crate) fn need_interfaces(&self) -> bool {
        match *self {
            Ends::Inet {
                local: (IpAddr::V6(address), _),
                ..
            } => address.is_unicast_link_local(),
            Ends::Sctp { addresses, .. } => addresses.contains(&b':'),
            Ends::Packet { ifindex, .. } => ifindex != 0,
            Ends::Inet { .. }
            | Ends::Path(_)
            | Ends::Doubtful
            | Ends::Netlink { .. }
            | Ends::Device(_)
            | Ends::Called { .. }
            | Ends::Unlisted(_) => false,
        }
    }

    /// Returns true if `is_wanted` holds for any address and port of the end on `side`.
    pub(crate) fn any_inet(&self, side: Side, is_wanted: &dyn Fn((IpAddr, u16)) -> bool) -> bool {
        let on = |one: Side| side == Side::Either || side == one;
        match *self {
            Ends::Inet { local, remote } => {
                (on(Side::Local) && is_wanted(local)) || (on(Side::Remote) && is_wanted(remote))
            }
            Ends::Sctp {
                addresses,
                local_port,
                remote_port,
            } => {
                let (local, remote) = sides(addresses);
                let any = |list, port| listed(list).any(|(_, address)| is_wanted((address, port)));
                (on(Side::Local) && any(local, local_port))
                    || (on(Side::Remote) && any(remote, remote_port))
            }
            _ => false,
        }
    }
}

/// The figures of a row that only the wider views show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Detail {
    /// The owner as the reader's user namespace sees it, 65534 where it is not mapped; `None` where the table does not
    /// tell.
    pub(crate) uid: Option<u32>,
    /// The `SOCK_…` that packet and SCTP tell; 0 where the table does not tell.
    pub(crate) socket_type: u8,
    /// TCP's timer: 0 none, 1 retransmit, 2 keepalive, 3 `TIME_WAIT`, 4 zero-window probe.
    pub(crate) timer: u8,
    /// The time until the timer ends, in 1/100 s.
    pub(crate) timer_ticks: u32,
    /// The retransmits without an answer.
    pub(crate) retransmits: u32,
    /// The retransmit time-out in 1/100 s; 0 where the row does not tell.
    pub(crate) rto_ticks: u32,
    /// The congestion window in segments; 0 where the row does not tell.
    pub(crate) cwnd: u32,
    /// The slow start threshold in segments; negative in slow start.
    pub(crate) ssthresh: i32,
    /// The datagrams that were dropped; `None` where the table does not tell.
    pub(crate) drops: Option<u32>,
}

/// The figures of a `Detail` with its fields' names and units; `None` where one means nothing for its row.
pub(crate) struct Figures {
    /// The retransmits of TCP.
    pub(crate) retransmits: Option<u32>,
    /// The retransmit time-out of a TCP connection.
    pub(crate) rto_ticks: Option<u32>,
    /// The congestion window of a TCP connection.
    pub(crate) cwnd: Option<u32>,
    /// The slow start threshold of a TCP connection; `None` in slow start too.
    pub(crate) ssthresh: Option<u32>,
    /// The dropped datagrams, where the table counts them.
    pub(crate) drops: Option<u32>,
}

impl Detail {
    /// Returns the figures that mean something for `row`.
    pub(crate) fn figures(&self, row: &Row<'_>) -> Figures {
        let is_listed = row.state != State::UNLISTED;
        let is_tcp = is_listed && Protos::TCP.has(row.proto);
        // A listener has none of these, and prints something else in the last field; 0 is a row without the field.
        let is_flowing = is_tcp && row.state != State::LISTEN && self.cwnd != 0;
        Figures {
            retransmits: Some(self.retransmits).filter(|_| is_tcp),
            rto_ticks: Some(self.rto_ticks).filter(|_| is_flowing),
            cwnd: Some(self.cwnd).filter(|_| is_flowing),
            ssthresh: u32::try_from(self.ssthresh).ok().filter(|_| is_flowing),
            drops: self.drops,
        }
    }
}

/// One row of a table, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// The socket's inode in sockfs, 32 bits in every kernel (`get_next_ino`); 0 where no file belongs to it.
    pub(crate) inode: u32,
    /// The protocol.
    pub(crate) proto: Proto,
    /// The state.
    pub(crate) state: State,
    /// The bytes not yet read; of a listener, the connections not yet accepted; `None` where the table does not tell.
    pub(crate) rx_queue: Option<u32>,
    /// The bytes not yet acknowledged or sent; `None` where the table does not tell.
    pub(crate) tx_queue: Option<u32>,
    /// The two ends.
    pub(crate) ends: Ends<'a>,
}

impl Row<'_> {
    /// Returns true if it waits for anybody: TCP, unix and SCTP in LISTEN, UDP without a peer.
    pub(crate) fn is_listening(&self) -> bool {
        self.state == State::LISTEN
            || (self.state == State::UNCONNECTED && Protos::UDP.has(self.proto))
    }

    /// Returns true for a socket of unix that two rows claim which differ in the state. Where it is called a stream, they may
    /// differ in the type too.
    pub(crate) fn is_contested(&self) -> bool {
        self.ends == Ends::Doubtful && self.state == State::NONE
    }

    /// Returns true if it is such a socket, and its type is not known either.
    pub(crate) fn lacks_type(&self) -> bool {
        self.is_contested() && self.proto == Proto::Unix
    }
}
