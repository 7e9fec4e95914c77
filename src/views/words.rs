//! The words that stand for the parts of a row: its protocol, its state, its two ends, who is there. In: a row, or one
//! part of it. Out: bytes behind what a buffer holds, escaped, each part one word without blanks. It neither aligns nor
//! quotes; that is done by the views that put these words into columns or JSON.

use std::net::IpAddr;

use crate::join::peers::Peer;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::tables::interfaces::Interfaces;
use crate::text::addr::{listed, primary, sides, unmapped, write_ip};
use crate::text::escape::{write_escaped, write_name};
use crate::text::hex::write_hex;
use crate::text::write::{
    v4_end_width, write_decimal, write_hundredths, write_short, write_v4_end,
};
use crate::views::names::{ETHERTYPES, IP_PROTOCOLS, NETLINK_FAMILIES, TIMERS, name_of};
use crate::walk::container::Container;

/// Returns the word that the kernel has for the protocol of a socket that no table lists, where that is all that is known of
/// it: `unix` is of any type.
fn kernel_word<'a>(row: &Row<'a>) -> Option<&'a [u8]> {
    match row.ends {
        Ends::Unlisted(name) if row.proto == Proto::Other || name == b"unix" => {
            Some(name).filter(|name| !name.is_empty())
        }
        _ => None,
    }
}

/// Writes the name of the protocol; for a socket that no table lists, the name that its descriptor tells.
pub(crate) fn write_proto(out: &mut Vec<u8>, row: &Row<'_>) {
    match kernel_word(row) {
        Some(name) => write_escaped(out, name),
        None => write_short(out, row.proto.name().as_bytes()),
    }
}

/// Returns how many columns of the screen `write_proto` takes, if that is known before.
pub(crate) fn proto_width(row: &Row<'_>) -> Option<usize> {
    let is_known = row.proto != Proto::Other && kernel_word(row).is_none();
    is_known.then(|| row.proto.name().len())
}

/// Returns how many columns of the screen `write_state` takes, if that is known before.
pub(crate) fn state_width(state: State) -> Option<usize> {
    Some(state.name())
        .filter(|name| *name != "UNKNOWN")
        .map(str::len)
}

/// Returns how many columns of the screen `write_local` takes, if that is known before.
pub(crate) fn local_width(row: &Row<'_>) -> Option<usize> {
    match row.ends {
        Ends::Inet {
            local: (IpAddr::V4(address), port),
            ..
        } if Protos::PORTED.has(row.proto) => Some(v4_end_width(address.octets(), port)),
        _ => None,
    }
}

/// Writes the name of the state; a number that no known kernel prints is written as `UNKNOWN(0E)`.
pub(crate) fn write_state(out: &mut Vec<u8>, state: State) {
    match state.name() {
        "UNKNOWN" => write_short(out, format!("UNKNOWN({:02X})", state.0).as_bytes()),
        name => write_short(out, name.as_bytes()),
    }
}

/// Writes this end: `172.17.0.2:8080`, `[::1]:53`, `0.0.0.0:icmp` of raw, a path or `*`, `route:1419`, `all:eth0`, or
/// `?` where no table tells it.
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
        Ends::Path([]) | Ends::Device([]) | Ends::Called { local: [], .. } => out.push(b'*'),
        Ends::Path(name) | Ends::Device(name) | Ends::Called { local: name, .. } => {
            write_name(out, name);
        }
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

/// Writes the other end: `*:*` where an internet socket has none, `*` where the table does not tell, `-` where no
/// table lists the socket.
pub(crate) fn write_remote(out: &mut Vec<u8>, row: &Row<'_>) {
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
            write_address(out, address, &Interfaces::NONE);
            out.push(b':');
            write_decimal(out, port.into());
        }
        Ends::Sctp { remote_port: 0, .. } => write_short(out, b"*:*"),
        Ends::Sctp {
            addresses,
            remote_port,
            ..
        } => write_addresses(out, sides(addresses).1, remote_port, &Interfaces::NONE),
        Ends::Unlisted(_) => out.push(b'-'),
        Ends::Called {
            remote: name @ [_, ..],
            ..
        } => write_escaped(out, name),
        _ => out.push(b'*'),
    }
}

/// Writes the protocol that the socket was opened for, where a protocol has several: raw's IP protocol, netlink's
/// family, packet's ethertype. For all others it writes nothing and returns false.
pub(crate) fn write_protocol(out: &mut Vec<u8>, row: &Row<'_>) -> bool {
    let (names, number) = match row.ends {
        Ends::Inet {
            local: (_, number), ..
        } if matches!(row.proto, Proto::Raw | Proto::Raw6) => (IP_PROTOCOLS, number.into()),
        Ends::Netlink { family, .. } => (NETLINK_FAMILIES, family),
        Ends::Packet { ethertype, .. } => (ETHERTYPES, ethertype.into()),
        _ => return false,
    };
    match (name_of(names, number), row.ends) {
        (Some(name), _) => write_short(out, name.as_bytes()),
        (None, Ends::Packet { ethertype, .. }) => {
            write_short(out, b"0x");
            write_hex(out, &ethertype.to_be_bytes());
        }
        (None, _) => write_decimal(out, number),
    }
    true
}

/// Writes the name of the interface with `index`, which is not 0, or `if9` where the name is not known.
pub(crate) fn write_interface(out: &mut Vec<u8>, interfaces: &Interfaces, index: u32) {
    if let Some(name) = interfaces.name(index) {
        write_name(out, name);
    } else {
        write_short(out, b"if");
        write_decimal(out, index);
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

/// Writes an address as it stands before a port: IPv6 in brackets, and behind a link-local address of this machine its
/// interface.
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

/// Writes the timer that TCP runs and when it ends, as ss writes it: `keepalive:7198.32s`. It writes nothing if no timer
/// runs.
pub(crate) fn write_timer(out: &mut Vec<u8>, detail: &Detail) {
    if let Some(name) = timer_name(detail) {
        write_short(out, name.as_bytes());
        out.push(b':');
        write_hundredths(out, detail.timer_ticks);
        out.push(b's');
    }
}

/// Returns the name of the timer that runs.
pub(crate) fn timer_name(detail: &Detail) -> Option<&'static str> {
    name_of(TIMERS, detail.timer.into())
}

/// Writes a network namespace as its link in /proc/PID/ns reads: `net:[4026531840]`.
pub(crate) fn write_netns(out: &mut Vec<u8>, inode: u32) {
    write_short(out, b"net:[");
    write_decimal(out, inode);
    out.push(b']');
}

/// Writes the best name of a container. It writes nothing where none is known.
pub(crate) fn write_container(out: &mut Vec<u8>, container: Option<&Container>) {
    if let Some(container) = container {
        container.write(out);
    }
}

/// Writes a process as `6/java`, or the reason in parentheses why there is none.
pub(crate) fn write_process(out: &mut Vec<u8>, process: &Peer<'_>) {
    if let Some(pid) = process.pid {
        write_decimal(out, pid);
        out.push(b'/');
    }
    match process.command {
        [] => out.push(b'-'),
        command => write_escaped(out, command),
    }
}

/// Writes a process with its container: `6/java@54e9a2cefd94`, `6/java@shop/db-0/db`; `(nobody)@54e9a2cefd94` where nobody waits
/// in it, `(forwarded)@web` where it is not known which of its processes does.
pub(crate) fn write_process_and_container(out: &mut Vec<u8>, process: &Peer<'_>) {
    write_process(out, process);
    if let Some(container) = process.container
        && (process.pid.is_some() || [Peer::NOBODY, Peer::FORWARDED].contains(&process.command))
    {
        out.push(b'@');
        container.write(out);
    }
}

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
            write_remote(&mut out, &row);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
