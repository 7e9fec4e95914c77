//! What a socket is to lsock: a `Row` as a table tells it, with its two ends and the detail that only the wider views
//! show. In: what the parsers read. Out: the same, for everybody behind them.

pub(crate) mod proto;
pub(crate) mod store;

use std::net::IpAddr;

use crate::socket::proto::{Proto, Protos, State};
use crate::text::addr::{listed, primary, sides};

/// An end of a socket, or what stands for it where the protocol has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ends<'a> {
    /// Addresses and ports; raw's local "port" is the IP protocol, ping's the echo id.
    Inet {
        /// This end.
        local: (IpAddr, u16),
        /// The other end, zero where there is none.
        remote: (IpAddr, u16),
    },
    /// A unix socket's path; an abstract name starts with `@`; empty where it has none.
    Path(&'a [u8]),
    /// A unix socket whose name cannot be believed: another row claims the same inode.
    Doubtful,
    /// Netlink's family and port id.
    Netlink {
        /// `NETLINK_ROUTE` and so on.
        family: u32,
        /// By custom the process id of the owner, 0 for the kernel.
        port_id: u32,
    },
    /// Packet's protocol and interface.
    Packet {
        /// 3 for all.
        ethertype: u16,
        /// 0 for all.
        ifindex: u32,
    },
    /// SCTP's, of which each end may have several addresses.
    Sctp {
        /// As the kernel lists them, the primary one marked: `10.0.0.1 *10.0.1.1 <-> *10.0.0.2 `.
        addresses: &'a [u8],
        /// Of this end.
        local_port: u16,
        /// Of the other end, 0 where there is none.
        remote_port: u16,
    },
    /// An interface by its name, empty for all: can-bcm's. Bluetooth's and pfkey's tables tell none.
    Device(&'a [u8]),
    /// No table lists it; the name is what sockprotoname says, empty where it says nothing.
    Unlisted(&'a [u8]),
}

impl Ends<'_> {
    /// Address and port of this end and of the other; of several addresses the primary one.
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

    /// Whether any address and port of either end `is_wanted`.
    pub(crate) fn any_inet(&self, is_wanted: &dyn Fn((IpAddr, u16)) -> bool) -> bool {
        match *self {
            Ends::Inet { local, remote } => is_wanted(local) || is_wanted(remote),
            Ends::Sctp {
                addresses,
                local_port,
                remote_port,
            } => {
                let (local, remote) = sides(addresses);
                listed(local).any(|(_, address)| is_wanted((address, local_port)))
                    || listed(remote).any(|(_, address)| is_wanted((address, remote_port)))
            }
            _ => false,
        }
    }
}

/// What only the wider views show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Detail {
    /// Owner as the reader's user namespace sees it, 65534 where it is not mapped; `None` where the table does not tell.
    pub(crate) uid: Option<u32>,
    /// Packet's and SCTP's `SOCK_…`; 0 where the table does not tell.
    pub(crate) socket_type: u8,
    /// TCP's timer: 0 none, 1 retransmit, 2 keepalive, 3 `TIME_WAIT`, 4 zero-window probe.
    pub(crate) timer: u8,
    /// When the timer ends, in 1/100 s.
    pub(crate) timer_ticks: u32,
    /// Retransmits without an answer.
    pub(crate) retransmits: u32,
    /// Retransmit time-out in 1/100 s; 0 where the row does not tell.
    pub(crate) rto_ticks: u32,
    /// Congestion window in segments; 0 where the row does not tell.
    pub(crate) cwnd: u32,
    /// Slow start threshold in segments; negative in slow start.
    pub(crate) ssthresh: i32,
    /// Datagrams dropped.
    pub(crate) drops: u32,
}

/// Those figures of a `Detail` that mean something for its row.
pub(crate) struct Figures {
    /// As in `Detail`.
    pub(crate) retransmits: Option<u32>,
    /// As in `Detail`.
    pub(crate) rto_ticks: Option<u32>,
    /// As in `Detail`.
    pub(crate) cwnd: Option<u32>,
    /// As in `Detail`; none in slow start.
    pub(crate) ssthresh: Option<u32>,
    /// As in `Detail`.
    pub(crate) drops: Option<u32>,
}

impl Detail {
    /// What it tells of `row`.
    pub(crate) fn figures(&self, row: &Row<'_>) -> Figures {
        let is_listed = row.state != State::UNLISTED;
        let is_tcp = is_listed && Protos::TCP.has(row.proto);
        // A listener has none of these, and uses the last field for something else; 0 is a row without the field.
        let is_flowing = is_tcp && row.state != State::LISTEN && self.cwnd != 0;
        Figures {
            retransmits: Some(self.retransmits).filter(|_| is_tcp),
            rto_ticks: Some(self.rto_ticks).filter(|_| is_flowing),
            cwnd: Some(self.cwnd).filter(|_| is_flowing),
            ssthresh: u32::try_from(self.ssthresh).ok().filter(|_| is_flowing),
            drops: Some(self.drops).filter(|_| is_listed && Protos::DROPPING.has(row.proto)),
        }
    }
}

/// One row of a table, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// Inode of the socket in sockfs, 32 bits in every kernel (`get_next_ino`); 0 where no file belongs to it.
    pub(crate) inode: u32,
    /// Which protocol.
    pub(crate) proto: Proto,
    /// In which state.
    pub(crate) state: State,
    /// Bytes not yet read; of a listener the connections not yet accepted; `None` where the table does not tell.
    pub(crate) rx_queue: Option<u32>,
    /// Bytes not yet acknowledged or sent.
    pub(crate) tx_queue: Option<u32>,
    /// Its addresses.
    pub(crate) ends: Ends<'a>,
}

impl Row<'_> {
    /// Whether it waits for whoever comes: TCP and unix in LISTEN, UDP without a peer.
    pub(crate) fn is_listening(&self) -> bool {
        self.state == State::LISTEN
            || (self.state == State::UNCONNECTED && Protos::UDP.has(self.proto))
    }
}
