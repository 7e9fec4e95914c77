//! What a socket is to lsock: a `Row` as a table tells it, and `Sockets`, the compact store of the rows that are kept.
//! In: rows from the parsers. Out: the same rows, by number. A stored socket takes 28 bytes, so that half a million
//! fit 14 MB; IPv6 addresses and names lie beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::addr::{listed, primary, sides};

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

/// A number of a network namespace in this run, in the order in which they were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NetnsId(pub(crate) u16);

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

/// A stored row. What `local` and `remote` hold depends on the protocol; `Sockets::row` tells.
#[derive(Clone, Copy, Debug)]
struct Stored {
    /// As in `Row`.
    inode: u32,
    /// As in `Row`, `u32::MAX` for none.
    rx_queue: u32,
    /// As in `Row`, `u32::MAX` for none.
    tx_queue: u32,
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

/// Marks a name that must not be shown, in the place of its length.
const DOUBTFUL: u32 = u32::MAX;

/// Room for so many rows from the start, for the same reason as the walk's: it grows in place, and what is not used is
/// not there.
const ROOM: usize = 8 * 1024;

/// The rows that are kept, in the order in which they were read.
#[derive(Default)]
pub(crate) struct Sockets {
    /// One for each row.
    stored: Vec<Stored>,
    /// One for each row if they are wanted at all, else empty.
    details: Vec<Detail>,
    /// Whether details are kept.
    keeps_details: bool,
    /// IPv6 addresses, local and remote one after the other.
    addresses: Vec<Ipv6Addr>,
    /// Names, one after the other.
    names: Vec<u8>,
    /// Whether any row can only be told whole with the names of interfaces.
    needs_interfaces: bool,
    /// Numbers of rows of unix that the name of the row before could have printed.
    suspects: Vec<u32>,
}

/// A number that the store can hold, or the largest one.
pub(crate) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The place that `small` made a number of.
pub(crate) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
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
        0..small(self.stored.len())
    }

    /// The inode of socket `number`.
    pub(crate) fn inode(&self, number: u32) -> u32 {
        self.stored
            .get(place(number))
            .map_or(0, |stored| stored.inode)
    }

    /// The protocol of socket `number`.
    pub(crate) fn proto(&self, number: u32) -> Proto {
        self.stored
            .get(place(number))
            .map_or(Proto::Other, |stored| stored.proto)
    }

    /// The namespace in whose table socket `number` was read.
    pub(crate) fn netns(&self, number: u32) -> NetnsId {
        self.stored
            .get(place(number))
            .map_or(NetnsId(0), |stored| stored.netns)
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
                let at = small(self.addresses.len());
                self.addresses
                    .extend([local, remote].map(|address| match address {
                        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                        IpAddr::V6(v6) => v6,
                    }));
                (at, at + 1, port, remote_port)
            }
            Ends::Path(name) | Ends::Unlisted(name) | Ends::Device(name) => {
                let at = small(self.names.len());
                self.names.extend_from_slice(name);
                (at, small(name.len()), 0, 0)
            }
            Ends::Sctp {
                addresses,
                local_port,
                remote_port,
            } => {
                let at = small(self.names.len());
                self.names.extend_from_slice(addresses);
                (at, small(addresses.len()), local_port, remote_port)
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
        self.stored.push(Stored {
            inode: row.inode,
            rx_queue: row.rx_queue.unwrap_or(u32::MAX),
            tx_queue: row.tx_queue.unwrap_or(u32::MAX),
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

    /// Whether any row can only be told whole with the names of interfaces.
    pub(crate) fn needs_interfaces(&self) -> bool {
        self.needs_interfaces
    }

    /// That the last row may be a forgery.
    pub(crate) fn suspect_last(&mut self) {
        self.suspects
            .push(small(self.stored.len().saturating_sub(1)));
    }

    /// The rows that may be forgeries.
    pub(crate) fn suspects(&self) -> Vec<u32> {
        self.suspects.clone()
    }

    /// That the name of socket `number`, a unix socket, must not be shown.
    pub(crate) fn doubt(&mut self, number: u32) {
        if let Some(stored) = self.stored.get_mut(place(number)) {
            (stored.local, stored.remote) = (0, DOUBTFUL);
        }
    }

    /// What only the wider views show of socket `number`; zero where details are not kept.
    pub(crate) fn detail(&self, number: u32) -> Detail {
        self.details.get(place(number)).copied().unwrap_or_default()
    }

    /// Socket `number` as its table told it.
    ///
    /// # Panics
    /// Never: a number that is not in `numbers` gives an unlisted row.
    pub(crate) fn row(&self, number: u32) -> Row<'_> {
        let Some(stored) = self.stored.get(place(number)) else {
            return Row {
                inode: 0,
                proto: Proto::Other,
                state: State::UNLISTED,
                rx_queue: None,
                tx_queue: None,
                ends: Ends::Unlisted(b""),
            };
        };
        Row {
            inode: stored.inode,
            proto: stored.proto,
            state: stored.state,
            rx_queue: Some(stored.rx_queue).filter(|queue| *queue != u32::MAX),
            tx_queue: Some(stored.tx_queue).filter(|queue| *queue != u32::MAX),
            ends: self.ends(stored),
        }
    }

    /// What `push` made of the ends of a row.
    fn ends(&self, stored: &Stored) -> Ends<'_> {
        let v4 = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
        let v6 = |at| {
            IpAddr::V6(
                self.addresses
                    .get(place(at))
                    .copied()
                    .unwrap_or(Ipv6Addr::UNSPECIFIED),
            )
        };
        let name = || {
            let rest = self.names.get(place(stored.local)..).unwrap_or_default();
            rest.get(..place(stored.remote)).unwrap_or_default()
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
