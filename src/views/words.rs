//! The words that stand for the parts of a row: its protocol and its two ends. In: a row. Out: bytes behind what a
//! buffer holds, each one word without blanks, escaped. The views put them in columns or quotes.

use std::net::IpAddr;

use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::tables::interfaces::Interfaces;
use crate::text::addr::{listed, primary, sides, unmapped, write_ip};
use crate::text::escape::write_escaped;
use crate::text::write::{
    decimal_width, v4_width, write_decimal, write_hundredths, write_short, write_v4_end,
};

/// Writes the word of the PROTO column.
pub(crate) fn write_proto(out: &mut Vec<u8>, row: &Row<'_>) {
    match row.ends {
        Ends::Unlisted(name) if row.proto == Proto::Other && !name.is_empty() => {
            write_escaped(out, name);
        }
        _ => write_short(out, row.proto.name().as_bytes()),
    }
}

/// Writes this end: `172.17.0.2:8080`, `[::1]:53`, `0.0.0.0:icmp` of raw, a path or `*`, `route:1419`, `all:eth0`, or
/// `?` where no table tells.
pub(crate) fn write_local(out: &mut Vec<u8>, row: &Row<'_>, interfaces: &Interfaces) {
    match row.ends {
        Ends::Inet {
            local: (IpAddr::V4(address), port),
            ..
        } if Protos::PORTED.has(row.proto) => write_v4_end(out, address.octets(), port),
        Ends::Inet {
            local: (address, number),
            ..
        } => {
            write_address(out, address, interfaces);
            out.push(b':');
            if !write_protocol(out, row) {
                write_decimal(out, number.into());
            }
        }
        Ends::Path([]) | Ends::Device([]) => out.push(b'*'),
        Ends::Path(name) | Ends::Device(name) => write_escaped(out, name),
        Ends::Sctp {
            addresses,
            local_port,
            ..
        } => write_addresses(out, sides(addresses).0, local_port, interfaces),
        Ends::Doubtful | Ends::Unlisted(_) => out.push(b'?'),
        Ends::Netlink { port_id, .. } => {
            write_protocol(out, row);
            out.push(b':');
            if port_id == 0 {
                write_short(out, b"kernel");
            } else {
                write_decimal(out, port_id);
            }
        }
        Ends::Packet { ifindex, .. } => {
            write_protocol(out, row);
            out.push(b':');
            if ifindex == 0 {
                out.push(b'*');
            } else {
                write_interface(out, interfaces, ifindex);
            }
        }
    }
}

/// Writes the name of interface `index`, which is not 0, or `if9` where nothing tells it.
pub(crate) fn write_interface(out: &mut Vec<u8>, interfaces: &Interfaces, index: u32) {
    if let Some(name) = interfaces.name(index) {
        write_escaped(out, name);
    } else {
        write_short(out, b"if");
        write_decimal(out, index);
    }
}

/// Writes what the socket was opened for, where that is more than its kind says: raw's IP protocol, netlink's family,
/// packet's ethertype. Nothing, and `false`, of all others.
pub(crate) fn write_protocol(out: &mut Vec<u8>, row: &Row<'_>) -> bool {
    match row.ends {
        Ends::Inet {
            local: (_, number), ..
        } if matches!(row.proto, Proto::Raw | Proto::Raw6) => {
            write_named(out, &IP_PROTOCOLS, number.into());
        }
        Ends::Netlink { family, .. } => write_named(out, &NETLINK_FAMILIES, family),
        Ends::Packet { ethertype, .. } => write_ethertype(out, ethertype),
        _ => return false,
    }
    true
}

/// Writes the other end: `*:*` where an internet socket has none, `*` where the table does not tell, `-` where no
/// table lists the socket.
pub(crate) fn write_peer(out: &mut Vec<u8>, row: &Row<'_>) {
    match row.ends {
        Ends::Inet {
            remote: (IpAddr::V4(address), port @ 1..),
            ..
        } => write_v4_end(out, address.octets(), port),
        Ends::Inet {
            remote: (address, 0),
            ..
        } if address.is_unspecified() => write_short(out, b"*:*"),
        Ends::Inet {
            remote: (address, port),
            ..
        } => {
            write_address(out, address, &Interfaces::default());
            out.push(b':');
            write_decimal(out, port.into());
        }
        Ends::Sctp { remote_port: 0, .. } => write_short(out, b"*:*"),
        Ends::Sctp {
            addresses,
            remote_port,
            ..
        } => write_addresses(out, sides(addresses).1, remote_port, &Interfaces::default()),
        Ends::Unlisted(_) => out.push(b'-'),
        _ => out.push(b'*'),
    }
}

/// Writes the addresses of one end of SCTP, the primary one first, and the port that they share:
/// `10.0.1.1,10.0.0.1:5000`.
fn write_addresses(out: &mut Vec<u8>, side: &[u8], port: u16, interfaces: &Interfaces) {
    let first = primary(side);
    write_address(out, first, interfaces);
    for (_, address) in listed(side).filter(|(_, address)| *address != first) {
        out.push(b',');
        write_address(out, address, interfaces);
    }
    out.push(b':');
    write_decimal(out, port.into());
}

/// Writes an address as it stands before a port, with the interface behind a link-local one that is this machine's.
fn write_address(out: &mut Vec<u8>, address: IpAddr, interfaces: &Interfaces) {
    let is_v6 = unmapped(address).is_ipv6();
    if is_v6 {
        out.push(b'[');
    }
    write_ip(out, address);
    if let IpAddr::V6(v6) = address
        && let Some(name) = interfaces.of_address(v6)
    {
        out.push(b'%');
        write_escaped(out, name);
    }
    if is_v6 {
        out.push(b']');
    }
}

/// How many columns `end` takes on a screen, if that can be told without writing it: an IPv4 address with a port, as most
/// are, of a protocol that has ports.
pub(crate) fn end_width((address, port): (IpAddr, u16)) -> Option<usize> {
    match address {
        IpAddr::V4(address) if port != 0 => {
            Some(v4_width(address.octets()) + 1 + decimal_width(port.into()))
        }
        _ => None,
    }
}

/// Writes the name of `number` in lower case, or the number.
fn write_named(out: &mut Vec<u8>, names: &[(u32, &str)], number: u32) {
    match names.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => write_short(out, name.as_bytes()),
        None => write_decimal(out, number),
    }
}

/// Writes the name of an ethertype, or its four digits.
fn write_ethertype(out: &mut Vec<u8>, ethertype: u16) {
    match ETHERTYPES
        .iter()
        .find(|(known, _)| *known == u32::from(ethertype))
    {
        Some((_, name)) => write_short(out, name.as_bytes()),
        None => write_short(out, format!("0x{ethertype:04x}").as_bytes()),
    }
}

/// Writes what TCP waits for and how long, as ss names it: `keepalive:7198.32s`; `-` for nothing.
pub(crate) fn write_timer(out: &mut Vec<u8>, detail: &Detail) {
    let Some(name) = timer_name(detail) else {
        return out.push(b'-');
    };
    write_short(out, name.as_bytes());
    out.push(b':');
    write_hundredths(out, detail.timer_ticks);
    out.push(b's');
}

/// The name of the timer that runs (`net/ipv4/tcp_ipv4.c`: `get_tcp4_sock`), as ss has it.
pub(crate) fn timer_name(detail: &Detail) -> Option<&'static str> {
    match detail.timer {
        1 => Some("on"),
        2 => Some("keepalive"),
        3 => Some("timewait"),
        4 => Some("persist"),
        _ => None,
    }
}

/// Writes the state, or a number that no kernel known here prints as the kernel would, in two digits.
pub(crate) fn write_state(out: &mut Vec<u8>, state: State) {
    match state.name() {
        "UNKNOWN" => write_short(out, format!("UNKNOWN({:02X})", state.0).as_bytes()),
        name => write_short(out, name.as_bytes()),
    }
}

/// IP protocol numbers that raw sockets are opened for (IANA).
const IP_PROTOCOLS: [(u32, &str); 20] = [
    (0, "ip"),
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipip"),
    (6, "tcp"),
    (17, "udp"),
    (41, "ipv6"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (94, "ipip"),
    (103, "pim"),
    (112, "vrrp"),
    (115, "l2tp"),
    (132, "sctp"),
    (136, "udplite"),
    (255, "raw"),
];

/// `include/uapi/linux/netlink.h`
const NETLINK_FAMILIES: [(u32, &str); 19] = [
    (0, "route"),
    (2, "usersock"),
    (3, "firewall"),
    (4, "sock_diag"),
    (5, "nflog"),
    (6, "xfrm"),
    (7, "selinux"),
    (8, "iscsi"),
    (9, "audit"),
    (10, "fib_lookup"),
    (11, "connector"),
    (12, "netfilter"),
    (15, "kobject_uevent"),
    (16, "generic"),
    (18, "scsitransport"),
    (19, "ecryptfs"),
    (20, "rdma"),
    (21, "crypto"),
    (22, "smc"),
];

/// `include/uapi/linux/if_ether.h`
const ETHERTYPES: [(u32, &str); 9] = [
    (0x0000, "none"),
    (0x0003, "all"),
    (0x0800, "ip"),
    (0x0806, "arp"),
    (0x86dd, "ipv6"),
    (0x8100, "vlan"),
    (0x8863, "pppoe-discovery"),
    (0x888e, "eapol"),
    (0x88cc, "lldp"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(proto: Proto, ends: Ends<'static>) -> Row<'static> {
        Row {
            inode: 1,
            proto,
            state: State::NONE,
            rx_queue: None,
            tx_queue: None,
            ends,
        }
    }

    fn inet(proto: Proto, local: &str, remote: &str) -> Row<'static> {
        let end = |text: &str| {
            text.parse::<std::net::SocketAddr>()
                .map(|end| (end.ip(), end.port()))
                .unwrap()
        };
        row(
            proto,
            Ends::Inet {
                local: end(local),
                remote: end(remote),
            },
        )
    }

    #[test]
    fn ends_read_as_people_write_them() {
        let cases = [
            (
                inet(Proto::Tcp, "0.0.0.0:8080", "0.0.0.0:0"),
                "0.0.0.0:8080 *:*",
            ),
            (inet(Proto::Tcp6, "[::]:8080", "[::]:0"), "[::]:8080 *:*"),
            (
                inet(Proto::Tcp6, "[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:9"),
                "127.0.0.1:80 127.0.0.1:9",
            ),
            (
                inet(Proto::Tcp6, "[2001:db8:0:0:1::1]:53", "[::1]:9"),
                "[2001:db8::1:0:0:1]:53 [::1]:9",
            ),
            (
                inet(Proto::Raw, "0.0.0.0:1", "0.0.0.0:0"),
                "0.0.0.0:icmp *:*",
            ),
            (inet(Proto::Raw6, "[::]:58", "[::]:0"), "[::]:ipv6-icmp *:*"),
            (
                inet(Proto::Raw, "0.0.0.0:200", "0.0.0.0:0"),
                "0.0.0.0:200 *:*",
            ),
            (
                inet(Proto::Icmp, "0.0.0.0:17", "0.0.0.0:0"),
                "0.0.0.0:17 *:*",
            ),
            (row(Proto::Unix, Ends::Path(b"")), "* *"),
            (row(Proto::Unix, Ends::Path(b"/run/a b")), "/run/a\\x20b *"),
            (row(Proto::Unix, Ends::Doubtful), "? *"),
            (
                row(
                    Proto::Netlink,
                    Ends::Netlink {
                        family: 0,
                        port_id: 0,
                    },
                ),
                "route:kernel *",
            ),
            (
                row(
                    Proto::Netlink,
                    Ends::Netlink {
                        family: 40,
                        port_id: 7,
                    },
                ),
                "40:7 *",
            ),
            (
                row(
                    Proto::Packet,
                    Ends::Packet {
                        ethertype: 3,
                        ifindex: 0,
                    },
                ),
                "all:* *",
            ),
            (
                row(
                    Proto::Packet,
                    Ends::Packet {
                        ethertype: 0x88b5,
                        ifindex: 9,
                    },
                ),
                "0x88b5:if9 *",
            ),
            (row(Proto::Other, Ends::Unlisted(b"vsock")), "? -"),
        ];
        for (row, text) in cases {
            let mut out = Vec::new();
            write_local(&mut out, &row, &Interfaces::default());
            out.push(b' ');
            write_peer(&mut out, &row);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn a_width_is_what_is_written() {
        for end in [
            "0.0.0.0:0",
            "0.0.0.0:1",
            "10.20.30.40:65535",
            "255.255.255.255:10",
            "[::1]:9",
        ] {
            let row = inet(Proto::Tcp, end, "0.0.0.0:0");
            let Ends::Inet { local, .. } = row.ends else {
                panic!()
            };
            let mut out = Vec::new();
            write_local(&mut out, &row, &Interfaces::default());
            let is_plain = local.0.is_ipv4() && local.1 != 0;
            assert_eq!(end_width(local), is_plain.then_some(out.len()), "{end}");
        }
    }
}
