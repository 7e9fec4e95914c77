//! The protocols and states of sockets, by the kernel's names and numbers. In: a table, a number, or what
//! sockprotoname says. Out: the words of the PROTO and STATE columns, and sets that say which tables matter.

/// A protocol, as the PROTO column names it: the table that lists the socket, or what sockprotoname calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Proto {
    /// PID/net/tcp.
    Tcp,
    /// PID/net/tcp6; its v4-mapped addresses print as IPv4.
    Tcp6,
    /// PID/net/udp.
    Udp,
    /// PID/net/udp6.
    Udp6,
    /// PID/net/udplite, gone from Linux 7.1 on.
    Udplite,
    /// PID/net/udplite6.
    Udplite6,
    /// PID/net/raw.
    Raw,
    /// PID/net/raw6.
    Raw6,
    /// PID/net/icmp: ping sockets.
    Icmp,
    /// PID/net/icmp6.
    Icmp6,
    /// PID/net/unix, type STREAM.
    Unix,
    /// PID/net/unix, type DGRAM.
    UnixDgram,
    /// PID/net/unix, type SEQPACKET.
    UnixSeq,
    /// PID/net/netlink.
    Netlink,
    /// PID/net/packet.
    Packet,
    /// PID/net/sctp/assocs and eps, over both IPs.
    Sctp,
    /// PID/net/pfkey: keys of `IPsec`.
    Pfkey,
    /// PID/net/hci: Bluetooth's adapters.
    Hci,
    /// PID/net/l2cap.
    L2cap,
    /// PID/net/rfcomm.
    Rfcomm,
    /// PID/net/sco.
    Sco,
    /// PID/net/iso.
    Iso,
    /// PID/net/bnep.
    Bnep,
    /// PID/net/cmtp.
    Cmtp,
    /// PID/net/hidp.
    Hidp,
    /// One of Bluetooth's, in captured text that does not say which.
    Bluetooth,
    /// PID/net/can-bcm/INODE.
    CanBcm,
    /// Multipath TCP that is not connected: its subflows are rows of tcp, with its inode.
    Mptcp,
    /// The same over IPv6.
    Mptcp6,
    /// Only an fd and its sockprotoname know it: vsock, xdp …, in the name beside it.
    Other,
}

/// A set of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Protos(u32);

impl Protos {
    /// TCP over both IPs, Multipath TCP too.
    pub(crate) const TCP: Self = Self::of(&[Proto::Tcp, Proto::Tcp6, Proto::Mptcp, Proto::Mptcp6]);
    /// UDP and UDP-Lite over both.
    pub(crate) const UDP: Self =
        Self::of(&[Proto::Udp, Proto::Udp6, Proto::Udplite, Proto::Udplite6]);
    /// Raw and ping sockets over both.
    pub(crate) const RAW: Self = Self::of(&[Proto::Raw, Proto::Raw6, Proto::Icmp, Proto::Icmp6]);
    /// SCTP.
    pub(crate) const SCTP: Self = Self::of(&[Proto::Sctp]);
    /// All that has an internet address.
    pub(crate) const INET: Self = Self(Self::TCP.0 | Self::UDP.0 | Self::RAW.0 | Self::SCTP.0);
    /// All that has ports.
    pub(crate) const PORTED: Self = Self(Self::TCP.0 | Self::UDP.0 | Self::SCTP.0);
    /// Those that speak IPv4 alone.
    pub(crate) const INET4: Self = Self::of(&[
        Proto::Tcp,
        Proto::Udp,
        Proto::Udplite,
        Proto::Raw,
        Proto::Icmp,
        Proto::Mptcp,
    ]);
    /// Unix sockets of every type.
    pub(crate) const UNIX: Self = Self::of(&[Proto::Unix, Proto::UnixDgram, Proto::UnixSeq]);
    /// Netlink.
    pub(crate) const NETLINK: Self = Self::of(&[Proto::Netlink]);
    /// Packet sockets.
    pub(crate) const PACKET: Self = Self::of(&[Proto::Packet]);
    /// Every kind of Bluetooth that has a table.
    pub(crate) const BLUETOOTH: Self = Self::of(&[
        Proto::Hci,
        Proto::L2cap,
        Proto::Rfcomm,
        Proto::Sco,
        Proto::Iso,
        Proto::Bnep,
        Proto::Cmtp,
        Proto::Hidp,
    ]);
    /// CAN's broadcast manager.
    pub(crate) const CAN_BCM: Self = Self::of(&[Proto::CanBcm]);
    /// Those whose tables are there only while their module is loaded.
    pub(crate) const MODULES: Self =
        Self(Self::SCTP.0 | Self::of(&[Proto::Pfkey]).0 | Self::BLUETOOTH.0 | Self::CAN_BCM.0);
    /// Those whose table tells the owner.
    pub(crate) const OWNED: Self =
        Self(Self::INET.0 | Self::PACKET.0 | Self::MODULES.without(Self::CAN_BCM).0);
    /// Those whose table counts dropped datagrams.
    pub(crate) const DROPPING: Self =
        Self(Self::UDP.0 | Self::RAW.0 | Self::NETLINK.0 | Self::CAN_BCM.0);
    /// Those whose every socket stands in a table, from its making on.
    pub(crate) const ALWAYS_LISTED: Self = Self(Self::UNIX.0 | Self::PACKET.0);
    /// All that have a table.
    pub(crate) const LISTED: Self =
        Self(Self::INET.0 | Self::UNIX.0 | Self::NETLINK.0 | Self::PACKET.0 | Self::MODULES.0);
    /// All there are.
    pub(crate) const ALL: Self = Self(u32::MAX);

    /// The set of `protos`.
    pub(crate) const fn of(protos: &[Proto]) -> Self {
        let (mut set, mut rest) = (0, protos);
        while let [proto, more @ ..] = rest {
            set |= proto.bit();
            rest = more;
        }
        Self(set)
    }

    /// Those of either.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both.
    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those of this set that are not in `other`.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it has `proto`.
    pub(crate) const fn has(self, proto: Proto) -> bool {
        self.0 & proto.bit() != 0
    }

    /// Whether it has any of `other`.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it is empty.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Proto {
    /// Its place in a `Protos`.
    #[expect(
        clippy::as_conversions,
        reason = "the number of a variant is below 32, and const fn knows no other way"
    )]
    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The word of the PROTO column; for `Other` the row has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tcp6 => "tcp6",
            Self::Udp => "udp",
            Self::Udp6 => "udp6",
            Self::Udplite => "udplite",
            Self::Udplite6 => "udplite6",
            Self::Raw => "raw",
            Self::Raw6 => "raw6",
            Self::Icmp => "icmp",
            Self::Icmp6 => "icmp6",
            Self::Unix => "unix",
            Self::UnixDgram => "unix-dgram",
            Self::UnixSeq => "unix-seq",
            Self::Netlink => "netlink",
            Self::Packet => "packet",
            Self::Sctp => "sctp",
            Self::Pfkey => "pfkey",
            Self::Hci => "hci",
            Self::L2cap => "l2cap",
            Self::Rfcomm => "rfcomm",
            Self::Sco => "sco",
            Self::Iso => "iso",
            Self::Bnep => "bnep",
            Self::Cmtp => "cmtp",
            Self::Hidp => "hidp",
            Self::Bluetooth => "bluetooth",
            Self::CanBcm => "can_bcm",
            Self::Mptcp => "mptcp",
            Self::Mptcp6 => "mptcp6",
            Self::Other => "-",
        }
    }

    /// The protocols whose tables may list a socket of this one.
    pub(crate) const fn listed_as(self) -> Protos {
        match self {
            Self::Mptcp | Self::Mptcp6 => Protos::of(&[Self::Tcp, Self::Tcp6]),
            proto => Protos::of(&[proto]),
        }
    }

    /// The protocol that the kernel calls `name` in sockprotoname (`struct proto.name`); UNIX is every unix socket that
    /// is not a stream.
    pub(crate) fn from_sockprotoname(name: &[u8]) -> Self {
        match name {
            b"TCP" => Self::Tcp,
            b"TCPv6" => Self::Tcp6,
            b"UDP" => Self::Udp,
            b"UDPv6" => Self::Udp6,
            b"UDP-Lite" => Self::Udplite,
            b"UDPLITEv6" => Self::Udplite6,
            b"RAW" => Self::Raw,
            b"RAWv6" => Self::Raw6,
            b"PING" => Self::Icmp,
            b"PINGv6" => Self::Icmp6,
            b"UNIX-STREAM" => Self::Unix,
            b"UNIX" => Self::UnixDgram,
            b"NETLINK" => Self::Netlink,
            b"PACKET" => Self::Packet,
            b"SCTP" | b"SCTPv6" => Self::Sctp,
            b"KEY" => Self::Pfkey,
            b"HCI" => Self::Hci,
            b"L2CAP" => Self::L2cap,
            b"RFCOMM" => Self::Rfcomm,
            b"SCO" => Self::Sco,
            b"ISO" => Self::Iso,
            b"BNEP" => Self::Bnep,
            b"CMTP" => Self::Cmtp,
            b"HIDP" => Self::Hidp,
            b"CAN_BCM" => Self::CanBcm,
            b"MPTCP" => Self::Mptcp,
            b"MPTCPv6" => Self::Mptcp6,
            _ => Self::Other,
        }
    }
}

/// A state: the kernel's number for TCP (`include/net/tcp_states.h`), numbers of our own from 0x80 on for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State(pub(crate) u8);

impl State {
    /// A connection, or a connected UDP socket.
    pub(crate) const ESTABLISHED: Self = Self(1);
    /// Half of a handshake, not yet accepted.
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
    /// A unix connection that is not yet accepted (`SS_CONNECTING`).
    pub(crate) const CONNECTING: Self = Self(0x81);
    /// A unix socket with a peer (`SS_CONNECTED`).
    pub(crate) const CONNECTED: Self = Self(0x82);
    /// A unix socket that nobody has any more (`SS_DISCONNECTING`).
    pub(crate) const DISCONNECTING: Self = Self(0x83);
    /// The states of an SCTP association that TCP has not (`include/net/sctp/constants.h`).
    pub(crate) const COOKIE_WAIT: Self = Self(0x84);
    /// The second half of the handshake.
    pub(crate) const COOKIE_ECHOED: Self = Self(0x85);
    /// Closed here, data is still on its way.
    pub(crate) const SHUTDOWN_PENDING: Self = Self(0x86);
    /// Closed here, the other end has not yet said that it knows.
    pub(crate) const SHUTDOWN_SENT: Self = Self(0x87);
    /// Closed there, data is still on its way.
    pub(crate) const SHUTDOWN_RECEIVED: Self = Self(0x88);
    /// Closed there, and this end has said that it knows.
    pub(crate) const SHUTDOWN_ACK_SENT: Self = Self(0x89);
    /// No table lists the socket, so nobody tells.
    pub(crate) const UNLISTED: Self = Self(0xfe);
    /// The protocol has no states.
    pub(crate) const NONE: Self = Self(0xff);

    /// Every state with its name in the kernel's spelling.
    pub(crate) const NAMES: [(Self, &'static str); 23] = [
        (Self::ESTABLISHED, "ESTABLISHED"),
        (Self(2), "SYN_SENT"),
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

    /// The protocols that can be in it.
    pub(crate) fn protos(self) -> Protos {
        match self {
            Self::ESTABLISHED => Protos::INET,
            Self::LISTEN => Protos::TCP.union(Protos::UNIX).union(Protos::SCTP),
            Self::UNCONNECTED => Protos::UDP.union(Protos::RAW).union(Protos::UNIX),
            Self::CONNECTING | Self::CONNECTED | Self::DISCONNECTING => Protos::UNIX,
            _ => Protos::TCP.union(Protos::SCTP),
        }
    }

    /// Its name; `UNKNOWN` for a number that no kernel known here prints.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("UNKNOWN", |(_, name)| name)
    }
}
