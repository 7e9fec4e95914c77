//! What tells one connection from another: its two ends. In: a row. Out: the connections that it is, one for each pair of
//! addresses. It does not know where the other end is.

use std::net::IpAddr;

use crate::socket::proto::Proto;
use crate::socket::{Ends, Row};
use crate::text::addr::{listed, sides, unmapped};

/// An address and a port.
pub(crate) type End = (IpAddr, u16);

/// A connection, by one address of each end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    /// The protocol, as `kind` numbers it.
    pub(crate) kind: u8,
    /// Its own end.
    pub(crate) local: End,
    /// The other end.
    pub(crate) remote: End,
}

impl Connection {
    /// Returns the connection as the other end has it.
    pub(crate) fn reversed(self) -> Self {
        Self {
            local: self.remote,
            remote: self.local,
            ..self
        }
    }

    /// Returns true if both ends are in one namespace, because the loopback leads into no other.
    pub(crate) fn is_loopback(&self) -> bool {
        self.local.0.is_loopback() || self.remote.0.is_loopback()
    }
}

/// Returns a number for the protocols that a connection stays within; `None` for a protocol without ports.
pub(crate) fn kind(proto: Proto) -> Option<u8> {
    match proto {
        Proto::Tcp | Proto::Tcp6 | Proto::Mptcp | Proto::Mptcp6 => Some(0),
        Proto::Udp | Proto::Udp6 => Some(1),
        Proto::Udplite | Proto::Udplite6 => Some(2),
        Proto::Sctp => Some(3),
        _ => None,
    }
}

/// Calls `visit` with the connection that `row` is, once for each pair of addresses: SCTP may have several at an end, and the
/// two ends need not know all of each other's.
#[inline(never)]
pub(crate) fn each_connection(row: &Row<'_>, visit: &mut dyn FnMut(Connection)) {
    let Some(kind) = kind(row.proto) else { return };
    let mut visit = |local: End, remote: End| {
        if remote.1 != 0 {
            visit(Connection {
                kind,
                local: (unmapped(local.0), local.1),
                remote: (unmapped(remote.0), remote.1),
            });
        }
    };
    match row.ends {
        Ends::Inet { local, remote } => visit(local, remote),
        Ends::Sctp {
            addresses,
            local_port,
            remote_port,
        } => {
            let (own, other) = sides(addresses);
            for (_, own) in listed(own) {
                for (_, other) in listed(other) {
                    visit((own, local_port), (other, remote_port));
                }
            }
        }
        _ => {}
    }
}
