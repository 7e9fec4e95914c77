//! The protocols of sockets: one row of facts for each, and sets of them. In: a protocol, or the kernel's name of one.
//! Out: the word of the PROTO column, family, type, what its addresses look like, and sets that say which tables matter.
//! It reads no table: `tables` names the file and the parser of each.
//!
//! A new protocol is a row in `protocols!` below, a row in `tables::TABLES` and a parser; if it has ports, its kind is in
//! `connection`, if it has states, these are in `state`. If its addresses are like no other's, it is also a kind in
//! `EndsKind`, and the compiler names all the places that must know that.

/// What the ends of a protocol's rows are, which also tells how they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndsKind {
    /// Two IPv4 addresses and ports.
    Inet4,
    /// Two IPv6 addresses and ports.
    Inet6,
    /// Lists of addresses of both families, and ports.
    Sctp,
    /// The name of a unix socket.
    Path,
    /// A netlink family and a port id.
    Netlink,
    /// An ethertype and the index of an interface.
    Packet,
    /// The name of an interface.
    Device,
    /// Two addresses of another kind.
    Called,
    /// No end: no table lists the socket, and sockprotoname tells the name of its protocol.
    Unlisted,
}

/// What is known of a protocol before any of its rows is read.
struct Facts {
    /// The word of the PROTO column.
    name: &'static str,
    /// The kernel's names of it (`struct proto.name`), as sockprotoname and PID/net/protocols print them.
    kernel_names: &'static [&'static str],
    /// The address family that a program passes to `socket()`; empty where the protocol alone does not tell.
    family: &'static str,
    /// The type that goes with it; empty where the protocol alone does not tell.
    socket_type: &'static str,
    /// What its ends are.
    ends: EndsKind,
    /// The sum of the flags below that are true of it.
    flags: u8,
}

/// None of the flags below.
const NONE: u8 = 0;
/// It has ports.
const PORTS: u8 = 1;
/// Its table is there only while a module of the kernel is loaded.
const MODULE: u8 = 8;
/// Its table lists every socket, from its making on.
const ALWAYS: u8 = 16;

/// Makes the enum of the protocols, the list of all of them, and the facts of each, out of one row a protocol.
macro_rules! protocols {
    ($($(#[$doc:meta])* $proto:ident: $name:literal, $kernel_names:expr, $family:literal, $type:literal, $ends:ident, $flags:expr;)*) => {
        /// A protocol, as the PROTO column names it: by the table that lists the socket, or by its sockprotoname.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Proto {
            $($(#[$doc])* $proto,)*
        }

        impl Proto {
            /// Every protocol.
            pub(crate) const ALL: &[Self] = &[$(Self::$proto),*];

            /// Returns what is known of it.
            #[inline(always)]
            const fn facts(self) -> Facts {
                match self {
                    $(Self::$proto => Facts {
                        name: $name,
                        kernel_names: &$kernel_names,
                        family: $family,
                        socket_type: $type,
                        ends: EndsKind::$ends,
                        flags: $flags,
                    },)*
                }
            }
        }
    };
}

protocols! {
    // the word of PROTO, the kernel's names, family, type, ends, flags

    /// PID/net/tcp.
    Tcp: "tcp", ["TCP"], "inet", "stream", Inet4, PORTS;
    /// PID/net/tcp6; v4-mapped addresses print as IPv4.
    Tcp6: "tcp6", ["TCPv6"], "inet6", "stream", Inet6, PORTS;
    /// PID/net/udp.
    Udp: "udp", ["UDP"], "inet", "dgram", Inet4, PORTS;
    /// PID/net/udp6.
    Udp6: "udp6", ["UDPv6"], "inet6", "dgram", Inet6, PORTS;
    /// PID/net/udplite, gone from Linux 7.1 on.
    Udplite: "udplite", ["UDP-Lite"], "inet", "dgram", Inet4, PORTS;
    /// PID/net/udplite6.
    Udplite6: "udplite6", ["UDPLITEv6"], "inet6", "dgram", Inet6, PORTS;
    /// PID/net/raw.
    Raw: "raw", ["RAW"], "inet", "raw", Inet4, NONE;
    /// PID/net/raw6.
    Raw6: "raw6", ["RAWv6"], "inet6", "raw", Inet6, NONE;
    /// PID/net/icmp: ping sockets.
    Icmp: "icmp", ["PING"], "inet", "dgram", Inet4, NONE;
    /// PID/net/icmp6.
    Icmp6: "icmp6", ["PINGv6"], "inet6", "dgram", Inet6, NONE;
    /// PID/net/unix, type STREAM.
    Unix: "unix", ["UNIX-STREAM"], "unix", "stream", Path, ALWAYS;
    /// PID/net/unix, type DGRAM. UNIX is any unix socket that is not a stream; before Linux 5.15, any at all.
    UnixDgram: "unix-dgram", ["UNIX"], "unix", "dgram", Path, ALWAYS;
    /// PID/net/unix, type SEQPACKET.
    UnixSeq: "unix-seq", [], "unix", "seqpacket", Path, ALWAYS;
    /// PID/net/netlink. The type is raw or dgram, which the kernel does not tell apart.
    Netlink: "netlink", ["NETLINK"], "netlink", "", Netlink, NONE;
    /// PID/net/packet. Each row tells the type.
    Packet: "packet", ["PACKET"], "packet", "", Packet, ALWAYS;
    /// PID/net/sctp/assocs and eps, over both IPs. Each row tells the type.
    Sctp: "sctp", ["SCTP", "SCTPv6"], "inet", "", Sctp, PORTS | MODULE;
    /// PID/net/pfkey: keys of `IPsec`.
    Pfkey: "pfkey", ["KEY"], "key", "raw", Device, MODULE;
    /// PID/net/hci: Bluetooth's adapters.
    Hci: "hci", ["HCI"], "bluetooth", "", Device, MODULE;
    /// PID/net/l2cap.
    L2cap: "l2cap", ["L2CAP"], "bluetooth", "", Device, MODULE;
    /// PID/net/rfcomm.
    Rfcomm: "rfcomm", ["RFCOMM"], "bluetooth", "", Device, MODULE;
    /// PID/net/sco.
    Sco: "sco", ["SCO"], "bluetooth", "", Device, MODULE;
    /// PID/net/iso.
    Iso: "iso", ["ISO"], "bluetooth", "", Device, MODULE;
    /// PID/net/bnep.
    Bnep: "bnep", ["BNEP"], "bluetooth", "", Device, MODULE;
    /// PID/net/cmtp.
    Cmtp: "cmtp", ["CMTP"], "bluetooth", "", Device, MODULE;
    /// PID/net/hidp.
    Hidp: "hidp", ["HIDP"], "bluetooth", "", Device, MODULE;
    /// PID/net/phonet: modems of telephones. Each row tells the type.
    Phonet: "phonet", ["PHONET", "PNPIPE"], "phonet", "", Called, MODULE;
    /// PID/net/ax25: amateur radio. The type is any of three.
    Ax25: "ax25", ["AX25"], "ax25", "", Called, MODULE;
    /// PID/net/nr: amateur radio, over AX.25.
    Netrom: "netrom", ["NETROM"], "netrom", "seqpacket", Called, MODULE;
    /// PID/net/rose: amateur radio, over AX.25.
    Rose: "rose", ["ROSE"], "rose", "seqpacket", Called, MODULE;
    /// One of Bluetooth's, in captured text that does not tell which.
    Bluetooth: "bluetooth", [], "bluetooth", "", Device, NONE;
    /// PID/net/can-bcm/INODE.
    CanBcm: "can_bcm", ["CAN_BCM"], "can", "dgram", Device, MODULE;
    /// Multipath TCP: its subflows and listeners are rows of tcp, with its inode.
    Mptcp: "mptcp", ["MPTCP"], "inet", "stream", Inet4, PORTS;
    /// Multipath TCP over IPv6.
    Mptcp6: "mptcp6", ["MPTCPv6"], "inet6", "stream", Inet6, PORTS;
    /// A protocol without a table, known by sockprotoname alone: vsock, xdp …; the row has its name.
    Other: "-", [], "", "", Unlisted, NONE;
}

impl Proto {
    /// Returns its bit in a `Protos`.
    #[expect(
        clippy::as_conversions,
        reason = "const fn has no other way to the number of a variant; a 65th one does not compile"
    )]
    const fn bit(self) -> u64 {
        1 << self as u32
    }

    /// Returns the word of the PROTO column; for `Other` the row has it.
    pub(crate) const fn name(self) -> &'static str {
        self.facts().name
    }

    /// Returns the address family; empty where the protocol alone does not tell.
    pub(crate) const fn family(self) -> &'static str {
        self.facts().family
    }

    /// Returns the type that a program passes to `socket()`; empty where the protocol alone does not tell.
    pub(crate) const fn socket_type(self) -> &'static str {
        self.facts().socket_type
    }

    /// Returns what the ends of its rows are.
    #[inline(always)]
    pub(crate) const fn ends(self) -> EndsKind {
        self.facts().ends
    }

    /// Returns the protocols whose tables may list a socket of this one.
    pub(crate) const fn listed_as(self) -> Protos {
        match self {
            Self::Mptcp | Self::Mptcp6 => Protos::of(&[Self::Tcp, Self::Tcp6]),
            Self::Unix | Self::UnixDgram | Self::UnixSeq => Protos::UNIX,
            proto => Protos::of(&[proto]),
        }
    }

    /// Returns what a socket may be that no table lists and the kernel calls so.
    pub(crate) const fn unlisted_as(self) -> Protos {
        match self {
            Self::UnixDgram => Protos::UNIX,
            proto => Protos::of(&[proto]),
        }
    }

    /// Returns the protocol that the kernel calls `name`.
    pub(crate) fn from_sockprotoname(name: &[u8]) -> Self {
        let is_called = |proto: &&Self| {
            let mut names = proto.facts().kernel_names.iter();
            names.any(|known| known.as_bytes() == name)
        };
        let found = Self::ALL.iter().find(is_called);
        found.copied().unwrap_or(Self::Other)
    }
}

/// A set of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Protos(u64);

impl Protos {
    /// TCP over both IPs, Multipath TCP too.
    pub(crate) const TCP: Self = Self::of(&[Proto::Tcp, Proto::Tcp6, Proto::Mptcp, Proto::Mptcp6]);
    /// Multipath TCP over both IPs.
    pub(crate) const MPTCP: Self = Self::of(&[Proto::Mptcp, Proto::Mptcp6]);
    /// UDP and UDP-Lite over both IPs.
    pub(crate) const UDP: Self =
        Self::of(&[Proto::Udp, Proto::Udp6, Proto::Udplite, Proto::Udplite6]);
    /// Raw and ping sockets over both IPs.
    pub(crate) const RAW: Self = Self::of(&[Proto::Raw, Proto::Raw6, Proto::Icmp, Proto::Icmp6]);
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

    /// The protocols that speak IPv4 alone.
    pub(crate) const INET4: Self = Self::with_ends(EndsKind::Inet4);
    /// The protocols that speak IPv6, v4-mapped addresses included.
    pub(crate) const INET6: Self = Self::with_ends(EndsKind::Inet6);
    /// SCTP.
    pub(crate) const SCTP: Self = Self::with_ends(EndsKind::Sctp);
    /// The protocols that have an internet address.
    pub(crate) const INET: Self = Self::INET4.union(Self::INET6).union(Self::SCTP);
    /// Unix sockets of every type.
    pub(crate) const UNIX: Self = Self::with_ends(EndsKind::Path);
    /// Netlink.
    pub(crate) const NETLINK: Self = Self::with_ends(EndsKind::Netlink);
    /// Phonet.
    pub(crate) const PHONET: Self = Self::of(&[Proto::Phonet]);
    /// Packet sockets.
    pub(crate) const PACKET: Self = Self::with_ends(EndsKind::Packet);

    /// The protocols that have ports.
    pub(crate) const PORTED: Self = Self::with_flag(PORTS);
    /// The protocols whose table is there only while a module is loaded.
    pub(crate) const MODULES: Self = Self::with_flag(MODULE);
    /// The protocols whose table lists every socket, from its making on.
    pub(crate) const ALWAYS_LISTED: Self = Self::with_flag(ALWAYS);
    /// The protocols of which a socket may have an address and a port, and stand in no table.
    pub(crate) const UNLISTED_BOUND: Self = Self::PORTED.without(Self::UDP);
    /// The protocols that have a table.
    pub(crate) const LISTED: Self = Self::ALL.without(Self::with_ends(EndsKind::Unlisted));
    /// All protocols.
    pub(crate) const ALL: Self = Self(u64::MAX);

    /// Returns the set of `protos`.
    pub(crate) const fn of(protos: &[Proto]) -> Self {
        let (mut set, mut rest) = (0, protos);
        while let [proto, more @ ..] = rest {
            set |= proto.bit();
            rest = more;
        }
        Self(set)
    }

    /// Returns the set of those whose ends are of `kind`.
    #[expect(
        clippy::as_conversions,
        reason = "const fn has no other way to compare two variants"
    )]
    const fn with_ends(kind: EndsKind) -> Self {
        let (mut set, mut rest) = (0, Proto::ALL);
        while let [proto, more @ ..] = rest {
            if proto.ends() as u8 == kind as u8 {
                set |= proto.bit();
            }
            rest = more;
        }
        Self(set)
    }

    /// Returns the set of those of which `flag` is true.
    const fn with_flag(flag: u8) -> Self {
        let (mut set, mut rest) = (0, Proto::ALL);
        while let [proto, more @ ..] = rest {
            if proto.facts().flags & flag != 0 {
                set |= proto.bit();
            }
            rest = more;
        }
        Self(set)
    }

    /// Returns the protocols of either set.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the protocols of both sets.
    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the protocols of this set that are not in `other`.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns true if it has `proto`.
    pub(crate) const fn has(self, proto: Proto) -> bool {
        self.0 & proto.bit() != 0
    }

    /// Returns true if it has any of `other`.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns true if it is empty.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_of_one_protocol() {
        let mut words = Vec::new();
        for proto in Proto::ALL {
            let facts = proto.facts();
            for name in facts.kernel_names {
                assert_eq!(Proto::from_sockprotoname(name.as_bytes()), *proto, "{name}");
            }
            assert!(!words.contains(&proto.name()), "{proto:?}");
            words.push(proto.name());
        }
        for name in ["", "TCPV6", "tcp", "AF_VSOCK", "XDP", "UNIX-"] {
            assert_eq!(Proto::from_sockprotoname(name.as_bytes()), Proto::Other);
        }
    }

    #[test]
    fn the_sets_agree_with_the_facts() {
        let count = |protos: Protos| {
            Proto::ALL
                .iter()
                .filter(|proto| protos.has(**proto))
                .count()
        };
        let inet = [Protos::TCP, Protos::UDP, Protos::RAW, Protos::SCTP];
        assert_eq!(
            inet.into_iter().fold(Protos::default(), Protos::union),
            Protos::INET
        );
        assert_eq!(
            Protos::PORTED,
            Protos::TCP.union(Protos::UDP).union(Protos::SCTP)
        );
        assert_eq!((count(Protos::UNIX), count(Protos::INET4)), (3, 6));
        for proto in Proto::ALL {
            let is_bluetooth = proto.family() == "bluetooth" && *proto != Proto::Bluetooth;
            assert_eq!(Protos::BLUETOOTH.has(*proto), is_bluetooth, "{proto:?}");
            assert_eq!(Protos::LISTED.has(*proto), *proto != Proto::Other);
            assert!(Protos::ALL.has(*proto) && !Protos::default().has(*proto));
        }
    }
}
