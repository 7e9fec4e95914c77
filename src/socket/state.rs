//! The states of sockets, by the kernel's names and numbers. In: a number of a table. Out: the word of the STATE column,
//! and which protocols have that state. It knows no row.

use crate::socket::proto::{Proto, Protos};

/// A state: the kernel's number for TCP's (`include/net/tcp_states.h`), a number of our own from 0x80 on for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State(pub(crate) u8);

impl State {
    /// A connection, or a connected UDP socket.
    pub(crate) const ESTABLISHED: Self = Self(1);
    /// The first half of a handshake, which nobody has answered yet.
    pub(crate) const SYN_SENT: Self = Self(2);
    /// The first half of a handshake, which nobody has accepted yet.
    pub(crate) const SYN_RECV: Self = Self(3);
    /// Closed here, the other end has not yet said that it knows.
    pub(crate) const FIN_WAIT1: Self = Self(4);
    /// Closed here, open there.
    pub(crate) const FIN_WAIT2: Self = Self(5);
    /// Closed on both ends, kept for late packets.
    pub(crate) const TIME_WAIT: Self = Self(6);
    /// Not connected; UDP's and raw's rows are printed as `UNCONNECTED`.
    pub(crate) const CLOSE: Self = Self(7);
    /// The other end has closed.
    pub(crate) const CLOSE_WAIT: Self = Self(8);
    /// Closed on both ends, the last acknowledgement is out.
    pub(crate) const LAST_ACK: Self = Self(9);
    /// Waiting for connections.
    pub(crate) const LISTEN: Self = Self(10);
    /// Closed on both ends at once.
    pub(crate) const CLOSING: Self = Self(11);
    /// A socket without a peer: UDP, raw, unix (`SS_UNCONNECTED`).
    pub(crate) const UNCONNECTED: Self = Self(0x80);
    /// A connection of unix (`SS_CONNECTING`) or Bluetooth that is not yet accepted.
    pub(crate) const CONNECTING: Self = Self(0x81);
    /// A unix socket with a peer (`SS_CONNECTED`).
    pub(crate) const CONNECTED: Self = Self(0x82);
    /// A unix socket that is being closed (`SS_DISCONNECTING`).
    pub(crate) const DISCONNECTING: Self = Self(0x83);
    /// The first half of an SCTP handshake; this and the next five are SCTP's alone (`include/net/sctp/constants.h`).
    pub(crate) const COOKIE_WAIT: Self = Self(0x84);
    /// The second half of an SCTP handshake.
    pub(crate) const COOKIE_ECHOED: Self = Self(0x85);
    /// Closed here, data is still on its way.
    pub(crate) const SHUTDOWN_PENDING: Self = Self(0x86);
    /// Closed here, the other end has not yet said that it knows.
    pub(crate) const SHUTDOWN_SENT: Self = Self(0x87);
    /// Closed there, data is still on its way.
    pub(crate) const SHUTDOWN_RECEIVED: Self = Self(0x88);
    /// Closed there, and this end has said that it knows.
    pub(crate) const SHUTDOWN_ACK_SENT: Self = Self(0x89);
    /// Unknown, because no table lists the socket.
    pub(crate) const UNLISTED: Self = Self(0xfe);
    /// The one state of a protocol that has no states.
    pub(crate) const NONE: Self = Self(0xff);

    /// All states with their names, in the kernel's spelling.
    pub(crate) const NAMES: [(Self, &'static str); 23] = [
        (Self::ESTABLISHED, "ESTABLISHED"),
        (Self::SYN_SENT, "SYN_SENT"),
        (Self::SYN_RECV, "SYN_RECV"),
        (Self::FIN_WAIT1, "FIN_WAIT1"),
        (Self::FIN_WAIT2, "FIN_WAIT2"),
        (Self::TIME_WAIT, "TIME_WAIT"),
        (Self::CLOSE, "CLOSE"),
        (Self::CLOSE_WAIT, "CLOSE_WAIT"),
        (Self::LAST_ACK, "LAST_ACK"),
        (Self::LISTEN, "LISTEN"),
        (Self::CLOSING, "CLOSING"),
        (Self::UNCONNECTED, "UNCONNECTED"),
        (Self::CONNECTING, "CONNECTING"),
        (Self::CONNECTED, "CONNECTED"),
        (Self::DISCONNECTING, "DISCONNECTING"),
        (Self::COOKIE_WAIT, "COOKIE_WAIT"),
        (Self::COOKIE_ECHOED, "COOKIE_ECHOED"),
        (Self::SHUTDOWN_PENDING, "SHUTDOWN_PENDING"),
        (Self::SHUTDOWN_SENT, "SHUTDOWN_SENT"),
        (Self::SHUTDOWN_RECEIVED, "SHUTDOWN_RECEIVED"),
        (Self::SHUTDOWN_ACK_SENT, "SHUTDOWN_ACK_SENT"),
        (Self::UNLISTED, "-"),
        (Self::NONE, "-"),
    ];

    /// Returns the protocols that can be in this state.
    pub(crate) fn protos(self) -> Protos {
        match self {
            Self::ESTABLISHED => Protos::INET.union(Protos::PHONET),
            Self::LISTEN => Protos::TCP
                .union(Protos::UNIX)
                .union(Protos::SCTP)
                .union(Protos::PHONET),
            Self::UNCONNECTED => Protos::UDP.union(Protos::RAW).union(Protos::UNIX),
            Self::CONNECTING => Protos::UNIX
                .union(Protos::BLUETOOTH)
                .union(Protos::of(&[Proto::Bluetooth])),
            Self::CONNECTED | Self::DISCONNECTING => Protos::UNIX,
            // (of unix where two rows claim one socket)
            Self::NONE => Protos::ALL.without(Protos::INET),
            _ => Protos::TCP.union(Protos::SCTP).union(Protos::PHONET),
        }
    }

    /// Returns its name; `UNKNOWN` for a number that no known kernel prints.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("UNKNOWN", |(_, name)| name)
    }
}
