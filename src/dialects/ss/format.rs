//! Writes the fields of a row in the words of ss. In: a row with its holders. Out: fields. It reads nothing but the comm of
//! a process whose id is the address of a netlink socket.

use std::net::{IpAddr, Ipv6Addr};

use crate::dialects::getopt::cut;
use crate::dialects::look::Look;
use crate::dialects::rows::{Held, TableRow};
use crate::dialects::ss::arguments::Asked;
use crate::dialects::ss::columns::Fields;
use crate::join::dual_stack::Wildcards;
use crate::proc::Task;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};
use crate::text::addr::write_c_v6;
use crate::text::escape::write_plain;
use crate::text::hex::{write_hex, write_hex_number};
use crate::text::write::{write_decimal, write_padding, write_short, write_v4};
use crate::views::names::{ETHERTYPES, IP_PROTOCOLS, NETLINK_FAMILIES, TIMERS, name_of};
use crate::views::words::write_interface;
use crate::walk::comm::{COMM_LEN_MAX, read_comm};

/// ss's names of states, by the number of TCP's.
const STATES: &[u8] = b"UNKNOWN ESTAB SYN-SENT SYN-RECV FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT UNCONN CLOSE-WAIT LAST-ACK LISTEN CLOSING";

/// ss's names of netlink families where they are not the kernel's.
static FAMILIES: &[(u32, &str)] = &[
    (0, "rtnl"),
    (1, "unused"),
    (3, "fw"),
    (4, "tcpdiag"),
    (10, "fiblookup"),
    (12, "nft"),
    (13, "ip6fw"),
    (14, "dec-rt"),
    (15, "uevent"),
    (16, "genl"),
    (18, "scsi-trans"),
];

/// Returns the number of the state that is shown for `row`; 0 where it is not known.
pub(super) fn shown_state(row: &Row<'_>) -> u8 {
    if row.is_contested() {
        return 0;
    }
    state_number(row.state)
}

/// Returns the number of the state of TCP that `state` counts as.
pub(super) fn state_number(state: State) -> u8 {
    match state {
        State::CONNECTED => 1,
        State::CONNECTING => 2,
        State::UNCONNECTED | State::NONE => 7,
        State::DISCONNECTING => 11,
        state => state.0,
    }
}

/// Returns the name of the kind of a socket.
pub(super) fn netid(row: &Row<'_>, detail: &Detail) -> &'static str {
    match row.proto {
        Proto::Tcp | Proto::Tcp6 => "tcp",
        Proto::Udp | Proto::Udp6 => "udp",
        Proto::Raw | Proto::Raw6 => "raw",
        Proto::Unix if row.lacks_type() => "???",
        Proto::Unix => "u_str",
        Proto::UnixDgram => "u_dgr",
        Proto::UnixSeq => "u_seq",
        Proto::Netlink => "nl",
        Proto::Packet if detail.socket_type == 3 => "p_raw",
        Proto::Packet => "p_dgr",
        proto => proto.name(),
    }
}

/// What the words of a row depend on.
pub(super) struct Writer<'a> {
    /// The snapshot.
    pub(super) look: &'a Look,
    /// What is shown.
    pub(super) asked: &'a Asked,
    /// Which ports are taken on every address of IPv4.
    pub(super) wildcards: &'a Wildcards,
}

impl Writer<'_> {
    /// Writes the fields of `row`.
    pub(super) fn write(&self, fields: &mut Fields, row: &TableRow<'_>) {
        let detail = self.look.snapshot.sockets.detail(row.socket);
        fields.clear();
        write_short(&mut fields.text, netid(&row.row, &detail).as_bytes());
        fields.end();
        let mut states = Some(STATES);
        for _ in 0..shown_state(&row.row) {
            cut(&mut states, b' ');
        }
        let state = cut(&mut states, b' ').unwrap_or(b"UNKNOWN");
        write_short(&mut fields.text, state);
        fields.end();
        for queue in [row.row.rx_queue, row.row.tx_queue] {
            let start = fields.text.len();
            write_decimal(&mut fields.text, queue.unwrap_or(0));
            let len = fields.text.len() - start;
            write_padding(&mut fields.text, len, 6);
            fields.end();
        }
        self.write_ends(fields, row);
        let out = &mut fields.text;
        if self.asked.has(b'p') && !row.holders.is_empty() && row.row.proto != Proto::Netlink {
            self.write_holders(out, row.holders);
        }
        let is_tcp = Protos::TCP.has(row.row.proto);
        if self.asked.has_timers() && is_tcp {
            write_timer(out, &detail, row.extra.probes);
        }
        if self.asked.has(b'e') {
            write_details(out, row, &detail);
        }
        fields.end();
    }

    /// Writes both ends.
    fn write_ends(&self, fields: &mut Fields, row: &TableRow<'_>) {
        let interfaces = self.look.snapshot.interfaces(row.socket);
        match row.row.ends {
            Ends::Inet { local, remote } => {
                let v6only = local.0 == V6_ANY
                    && !self
                        .wildcards
                        .is_dual(row.socket, &self.look.snapshot.sockets);
                write_address(&mut fields.text, local.0, v6only);
                if let IpAddr::V6(address) = local.0
                    && let Some(name) = interfaces.of_address(address)
                {
                    write_short(&mut fields.text, b"%");
                    write_plain(&mut fields.text, name);
                }
                self.end_with_port(fields, local.1, row.row.proto);
                write_address(&mut fields.text, remote.0, false);
                return self.end_with_port(fields, remote.1, row.row.proto);
            }
            Ends::Netlink { family, port_id } => {
                self.write_family(&mut fields.text, family);
                write_short(&mut fields.text, b":");
                fields.end();
                self.write_port_id(&mut fields.text, port_id);
                fields.end();
                write_short(&mut fields.text, b"*");
            }
            Ends::Packet { ethertype, ifindex } => {
                self.write_ethertype(&mut fields.text, ethertype);
                write_short(&mut fields.text, b":");
                fields.end();
                match ifindex {
                    0 => write_short(&mut fields.text, b"*"),
                    index => write_interface(&mut fields.text, interfaces, index),
                }
                fields.end();
                write_short(&mut fields.text, b"*");
            }
            ends => {
                match ends {
                    Ends::Path(path @ [_, ..]) => write_plain(&mut fields.text, path),
                    Ends::Doubtful => write_short(&mut fields.text, b"?"),
                    _ => write_short(&mut fields.text, b"*"),
                }
                write_short(&mut fields.text, b" ");
                fields.end();
                write_decimal(&mut fields.text, row.row.inode);
                fields.end();
                write_short(&mut fields.text, b"* ");
                fields.end();
                write_short(&mut fields.text, b"0");
                return fields.end();
            }
        }
        fields.end();
        fields.end();
    }

    /// Ends an address, and writes its port; of raw sockets that is the number of a protocol.
    fn end_with_port(&self, fields: &mut Fields, port: u16, proto: Proto) {
        write_short(&mut fields.text, b":");
        fields.end();
        let is_raw = matches!(proto, Proto::Raw | Proto::Raw6);
        let out = &mut fields.text;
        match port {
            0 => write_short(out, b"*"),
            number if is_raw && !self.asked.has(b'n') => {
                if let Some(name) = name_of(IP_PROTOCOLS, number.into()) {
                    write_short(out, name.as_bytes());
                } else {
                    write_short(out, b"ipproto-");
                    write_decimal(out, number.into());
                }
            }
            number => write_decimal(out, number.into()),
        }
        fields.end();
    }

    /// Writes a netlink family.
    fn write_family(&self, out: &mut Vec<u8>, family: u32) {
        let name = name_of(FAMILIES, family).or_else(|| name_of(NETLINK_FAMILIES, family));
        match name.filter(|_| !self.asked.has(b'n')) {
            Some(name) => write_short(out, name.as_bytes()),
            None => write_decimal(out, family),
        }
    }

    /// Writes the address of a netlink socket, which is the id of its process by custom.
    fn write_port_id(&self, out: &mut Vec<u8>, port_id: u32) {
        if port_id == u32::MAX {
            return write_short(out, b"*");
        }
        if !self.asked.has(b'n') {
            if port_id == 0 {
                return write_short(out, b"kernel");
            }
            let task = Task::process(port_id);
            if let Ok(comm) = read_comm(&self.look.proc, task, &mut [0; COMM_LEN_MAX]) {
                write_command(out, comm);
                write_short(out, b"/");
            }
        }
        if port_id.cast_signed() < 0 {
            write_short(out, b"-");
        }
        write_decimal(out, port_id.cast_signed().unsigned_abs());
    }

    /// Writes the protocol of a packet socket.
    fn write_ethertype(&self, out: &mut Vec<u8>, ethertype: u16) {
        match name_of(ETHERTYPES, ethertype.into()).filter(|_| !self.asked.has(b'n')) {
            _ if ethertype == 3 => write_short(out, b"*"),
            Some(name) => write_short(out, name.as_bytes()),
            None => {
                write_short(out, b"[");
                write_decimal(out, ethertype.into());
                write_short(out, b"]");
            }
        }
    }

    /// Writes all holders, the last first.
    fn write_holders(&self, out: &mut Vec<u8>, holders: &[Held]) {
        let mut before = &b" users:("[..];
        for held in holders.iter().rev() {
            write_short(out, before);
            before = b",";
            write_short(out, b"(\"");
            write_command(out, self.look.snapshot.command_of(held.task));
            write_short(out, b"\",pid=");
            write_decimal(out, held.task.pid);
            write_short(out, b",fd=");
            write_decimal(out, held.fd);
            write_short(out, b")");
        }
        write_short(out, b")");
    }
}

/// The wildcard of IPv6.
const V6_ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Writes an address: IPv6 in brackets, its wildcard as a star unless it is of a socket of IPv6 alone.
fn write_address(out: &mut Vec<u8>, address: IpAddr, v6only: bool) {
    match address {
        IpAddr::V4(v4) => write_v4(out, v4.octets()),
        V6_ANY if !v6only => write_short(out, b"*"),
        IpAddr::V6(v6) => {
            write_short(out, b"[");
            write_c_v6(out, v6);
            write_short(out, b"]");
        }
    }
}

/// Writes the name of a command as ss reads it: up to its first closing parenthesis.
fn write_command(out: &mut Vec<u8>, command: &[u8]) {
    let name = cut(&mut Some(command), b')');
    write_plain(out, name.unwrap_or_default());
}

/// Writes the timer that runs, if any does: ` timer:(keepalive,8min34sec,0)`.
fn write_timer(out: &mut Vec<u8>, detail: &Detail, probes: u32) {
    if detail.timer == 0 {
        return;
    }
    let name = name_of(TIMERS, detail.timer.into()).unwrap_or("unknown");
    write_short(out, b" timer:(");
    write_short(out, name.as_bytes());
    write_short(out, b",");
    write_time(out, detail.timer_ticks.saturating_mul(10));
    write_short(out, b",");
    write_decimal(
        out,
        if detail.timer == 1 {
            detail.retransmits
        } else {
            probes
        },
    );
    write_short(out, b")");
}

/// Writes a time of `milliseconds` as ss does: `8min34sec`, `35sec`, `4.930ms`, `200ms`; nothing for none.
fn write_time(out: &mut Vec<u8>, milliseconds: u32) {
    let (mut seconds, mut thousandths) = (milliseconds / 1000 % 60, milliseconds % 1000);
    let minutes = milliseconds / 60_000;
    if minutes > 0 {
        thousandths = 0;
        write_decimal(out, minutes);
        write_short(out, b"min");
        if minutes > 9 {
            seconds = 0;
        }
    }
    if seconds > 0 {
        if seconds > 9 {
            thousandths = 0;
        }
        write_decimal(out, seconds);
        write_short(out, if thousandths > 0 { b"." } else { b"sec" });
    }
    if thousandths > 0 {
        for digit in [thousandths / 100, thousandths / 10 % 10, thousandths % 10] {
            write_decimal(out, digit);
        }
        write_short(out, b"ms");
    }
}

/// Writes uid, inode and pointer, of those kinds of which ss shows them.
fn write_details(out: &mut Vec<u8>, row: &TableRow<'_>, detail: &Detail) {
    let pointer = match row.row.ends {
        Ends::Inet { .. } if Protos::TCP.has(row.row.proto) => row.extra.pointer,
        Ends::Packet { .. } => 0,
        Ends::Netlink { .. } => {
            write_short(out, b" sk=");
            write_hex_number(out, row.extra.pointer);
            write_short(out, b" cb=0 groups=0x");
            return write_hex(out, &row.extra.flags.to_be_bytes());
        }
        _ => return,
    };
    if let Some(uid @ 1..) = detail.uid {
        write_short(out, b" uid:");
        write_decimal(out, uid);
    }
    write_short(out, b" ino:");
    write_decimal(out, row.row.inode);
    write_short(out, b" sk:");
    write_hex_number(out, pointer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_ss_writes_them() {
        for (milliseconds, text) in [
            (0, ""),
            (200, "200ms"),
            (4930, "4.930ms"),
            (5000, "5sec"),
            (35_990, "35sec"),
            (514_000, "8min34sec"),
            (480_000, "8min"),
            (700_000, "11min"),
        ] {
            let mut out = Vec::new();
            write_time(&mut out, milliseconds);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn pointers_and_commands_are_written_as_ss_writes_them() {
        let mut out = Vec::new();
        write_hex_number(&mut out, 0);
        write_short(&mut out, b" ");
        write_hex_number(&mut out, 0x1_e9b2_5b20);
        write_short(&mut out, b" ");
        write_command(&mut out, b"next-server (v1)\x1b");
        write_short(&mut out, b" ");
        write_command(&mut out, b"a b\\\x1b[1m");
        assert_eq!(out, b"0 1e9b25b20 next-server (v1 a b\\\\x1b[1m");
    }
}
