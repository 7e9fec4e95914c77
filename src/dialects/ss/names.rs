//! The tables, families and states of ss, as sets of bits, with their names. In: nothing. Out: constants. It decides
//! nothing.

/// TCP. Tables are bits, whose order means nothing.
pub(super) const TCP: u16 = 1;
/// UDP.
pub(super) const UDP: u16 = 2;
/// Raw sockets.
pub(super) const RAW: u16 = 4;
/// Streams of unix.
pub(super) const UNIX_STREAM: u16 = 8;
/// Datagrams of unix.
pub(super) const UNIX_DGRAM: u16 = 0x10;
/// Sequenced packets of unix.
pub(super) const UNIX_SEQ: u16 = 0x20;
/// Packet sockets with link-level headers.
pub(super) const PACKET_RAW: u16 = 0x40;
/// Packet sockets without.
pub(super) const PACKET_DGRAM: u16 = 0x80;
/// Netlink.
pub(super) const NETLINK_ALL: u16 = 0x100;
/// SCTP.
pub(super) const SCTP: u16 = 0x200;
/// What ss has and /proc does not tell: MPTCP, DCCP, vsock, XDP; several, as far as the columns are concerned.
pub(super) const UNTOLD: u16 = 0xc00;
/// All of the internet.
pub(super) const INET_ALL: u16 = TCP | UDP | RAW | SCTP | UNTOLD;
/// All of unix.
pub(super) const UNIX_ALL: u16 = UNIX_STREAM | UNIX_DGRAM | UNIX_SEQ;
/// Both of packet.
pub(super) const PACKET_ALL: u16 = PACKET_RAW | PACKET_DGRAM;
/// Every table.
pub(super) const EVERY: u16 = INET_ALL | UNIX_ALL | PACKET_ALL | NETLINK_ALL;

/// The names of tables.
pub(super) const TABLE_NAMES: &[u8] = b"all inet udp tcp sctp raw unix unix_stream u_str unix_dgram u_dgr unix_seqpacket u_seq packet \
packet_raw p_raw packet_dgram p_dgr netlink";
/// What each stands for.
pub(super) static TABLES: [u16; 19] = [
    EVERY,
    INET_ALL,
    UDP,
    TCP,
    SCTP,
    RAW,
    UNIX_ALL,
    UNIX_STREAM,
    UNIX_STREAM,
    UNIX_DGRAM,
    UNIX_DGRAM,
    UNIX_SEQ,
    UNIX_SEQ,
    PACKET_ALL,
    PACKET_RAW,
    PACKET_RAW,
    PACKET_DGRAM,
    PACKET_DGRAM,
    NETLINK_ALL,
];
/// Tables and families that ss has and /proc does not tell.
pub(super) const UNTOLD_NAMES: &[u8] =
    b"dccp mptcp tipc vsock vsock_stream v_str vsock_dgram v_dgr xdp";

/// IPv4. Families are bits.
pub(super) const INET: u8 = 1;
/// IPv6.
pub(super) const INET6: u8 = 2;
/// Unix.
pub(super) const UNIX: u8 = 4;
/// Packet.
pub(super) const LINK: u8 = 8;
/// Netlink.
pub(super) const NETLINK: u8 = 16;

/// The names of families.
pub(super) const FAMILY_NAMES: &[u8] = b"inet inet6 unix link netlink";
/// The bit, the tables and the states of each.
pub(super) static FAMILIES: [(u8, u16, u16); 5] = [
    (INET, INET_ALL, CONNECTED),
    (INET6, INET_ALL, CONNECTED),
    (UNIX, UNIX_ALL, CONNECTED),
    (LINK, PACKET_ALL, CLOSE),
    (NETLINK, NETLINK_ALL, CLOSE),
];

/// Every state: bit N is the kernel's state N of TCP, and bit 0 none of them.
pub(super) const ALL: u16 = 0xfff;
/// TCP's LISTEN.
pub(super) const LISTEN: u16 = 1 << 10;
/// TCP's CLOSE, which every socket without a peer is in.
pub(super) const CLOSE: u16 = 1 << 7;
/// `SYN_RECV` and `TIME_WAIT`, which have no socket of their own.
pub(super) const BUCKET: u16 = 1 << 3 | 1 << 6;
/// The state ESTABLISHED.
pub(super) const ESTABLISHED: u16 = 1 << 1;
/// What is shown by default.
pub(super) const CONNECTED: u16 = ALL & !(LISTEN | CLOSE | BUCKET);

/// The names of states and sets of them.
pub(super) const STATE_NAMES: &[u8] = b"established syn-sent syn-recv syn-rcv fin-wait-1 fin-wait-2 time-wait unconnected close closed \
close-wait last-ack listening closing all connected synchronized bucket big unknown";
/// What each stands for.
pub(super) static STATES: [u16; 20] = [
    ESTABLISHED,
    1 << 2,
    1 << 3,
    1 << 3,
    1 << 4,
    1 << 5,
    1 << 6,
    CLOSE,
    CLOSE,
    CLOSE,
    1 << 8,
    1 << 9,
    LISTEN,
    1 << 11,
    ALL,
    ALL & !(CLOSE | LISTEN),
    ALL & !(CLOSE | LISTEN | 1 << 2),
    BUCKET,
    ALL & !BUCKET,
    1,
];
