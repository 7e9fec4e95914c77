//! The tables of sockets below PID/net: one row of `TABLES` for each, and its parser. `reader` reads them in a namespace,
//! `captured` out of text. In: namespaces, or text. Out: the rows that are wanted, in `Sockets`. It knows no process and
//! no descriptor.

pub(crate) mod interfaces;
pub(crate) mod protocols;

mod bluetooth;
mod can_bcm;
mod captured;
mod inet;
mod netlink;
mod packet;
mod reader;
mod recognise;
mod sctp;
mod sockstat;
mod unix;

pub(crate) use reader::{Missed, Modules, Reader};

use crate::socket::proto::{EndsKind, Proto, Protos};
use crate::socket::{Detail, Row};
use crate::text::addr::Endian;
use crate::text::fields::Fields;
use crate::text::records::Begins;

/// What a parser must know beside the line.
struct Format {
    /// The protocol of the table.
    proto: Proto,
    /// The byte order of the machine that printed it.
    endian: Endian,
}

/// A parser of rows. It returns `None` for a line that has not exactly the kernel's shape.
type Parse = for<'a> fn(&'a [u8], &Format) -> Option<(Row<'a>, Detail)>;

/// A table below PID/net.
struct Table {
    /// The path of its file below PID.
    path: &'static str,
    /// The protocols of its rows.
    protos: Protos,
    /// The first fields of its header, with one blank between them.
    header: &'static str,
    /// The parser of its rows.
    parse: Parse,
    /// The protocol that the parser is told.
    proto: Proto,
    /// Where a row may take several lines, the function that returns true for the first of them.
    begins: Option<Begins>,
    /// The line of sockstat or sockstat6 that counts its sockets, if there is one.
    counted_as: Option<&'static str>,
    /// How far the shape of a row tells that it is of this table.
    shape: Shape,
}

/// How far a row in captured text tells its table, where no name and no header does.
#[derive(Clone, Copy)]
enum Shape {
    /// Only rows of this table have its shape, or it is the first table of those that share one: udp, of udplite and raw.
    Own,
    /// Its rows are little more than numbers, so one is recognised only if it starts with a pointer of 8 digits or more.
    Loose,
    /// Rows of other files look the same.
    Common,
}

/// The first fields of the header of every table over IPv4.
const INET: &str = "sl local_address rem_address st";
/// The first fields of the header of every table over IPv6.
const INET6: &str = "sl local_address remote_address st";

/// Returns a table of one line a row, which no other file counts.
const fn other(
    path: &'static str,
    header: &'static str,
    proto: Proto,
    shape: Shape,
    parse: Parse,
) -> Table {
    Table {
        path,
        protos: Protos::of(&[proto]),
        header,
        parse,
        proto,
        begins: None,
        counted_as: None,
        shape,
    }
}

/// Returns a table of internet sockets.
const fn inet(path: &'static str, proto: Proto, counted_as: Option<&'static str>) -> Table {
    let header = match proto.ends() {
        EndsKind::Inet6 => INET6,
        _ => INET,
    };
    let (parse, shape): (Parse, Shape) = match proto {
        Proto::Tcp | Proto::Tcp6 => (inet::parse_tcp, Shape::Own),
        Proto::Udp | Proto::Udp6 => (inet::parse_udp, Shape::Own),
        _ => (inet::parse_udp, Shape::Common),
    };
    Table {
        counted_as,
        ..other(path, header, proto, shape, parse)
    }
}

/// Returns a table of Bluetooth.
const fn bluetooth(path: &'static str, proto: Proto) -> Table {
    let header = "sk RefCnt Rmem Wmem User Inode Parent";
    other(path, header, proto, Shape::Common, bluetooth::parse)
}

/// The file of SCTP's associations. It is read before the endpoints, which tell no more unless they listen.
const ASSOCS: &str = "net/sctp/assocs";
/// The file of SCTP's endpoints.
const EPS: &str = "net/sctp/eps";

/// All tables, in the order in which they are read, and in which rows without a holder are shown.
static TABLES: [Table; 24] = [
    inet("net/tcp", Proto::Tcp, Some("TCP:")),
    inet("net/tcp6", Proto::Tcp6, Some("TCP6:")),
    inet("net/udp", Proto::Udp, Some("UDP:")),
    inet("net/udp6", Proto::Udp6, Some("UDP6:")),
    inet("net/udplite", Proto::Udplite, Some("UDPLITE:")),
    inet("net/udplite6", Proto::Udplite6, Some("UDPLITE6:")),
    inet("net/raw", Proto::Raw, Some("RAW:")),
    inet("net/raw6", Proto::Raw6, Some("RAW6:")),
    inet("net/icmp", Proto::Icmp, None),
    inet("net/icmp6", Proto::Icmp6, None),
    Table {
        path: "net/unix",
        protos: Protos::UNIX,
        header: "Num RefCount Protocol Flags Type St Inode Path",
        parse: unix::parse,
        proto: Proto::Unix,
        begins: Some(unix::is_row),
        counted_as: None,
        shape: Shape::Own,
    },
    other(
        "net/netlink",
        "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode",
        Proto::Netlink,
        Shape::Loose,
        netlink::parse,
    ),
    other(
        "net/packet",
        "sk RefCnt Type Proto Iface R Rmem User Inode",
        Proto::Packet,
        Shape::Loose,
        packet::parse,
    ),
    other(
        ASSOCS,
        "ASSOC SOCK STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT",
        Proto::Sctp,
        Shape::Own,
        sctp::parse_assocs,
    ),
    other(
        EPS,
        "ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS",
        Proto::Sctp,
        Shape::Own,
        sctp::parse_eps,
    ),
    other(
        "net/pfkey",
        "sk RefCnt Rmem Wmem User Inode",
        Proto::Pfkey,
        Shape::Common,
        bluetooth::parse_pfkey,
    ),
    bluetooth("net/hci", Proto::Hci),
    bluetooth("net/l2cap", Proto::L2cap),
    bluetooth("net/rfcomm", Proto::Rfcomm),
    bluetooth("net/sco", Proto::Sco),
    bluetooth("net/iso", Proto::Iso),
    bluetooth("net/bnep", Proto::Bnep),
    bluetooth("net/cmtp", Proto::Cmtp),
    bluetooth("net/hidp", Proto::Hidp),
];

impl Table {
    /// Returns the path of its file below PID/net.
    fn file(&self) -> &'static str {
        self.path.strip_prefix("net/").unwrap_or(self.path)
    }

    /// Returns true if `line` is its header.
    fn has_header(&self, line: &[u8]) -> bool {
        starts_with_fields(line, self.header)
    }

    /// Parses a row, as a machine of this byte order prints it.
    #[inline(always)]
    fn parse_row<'a>(&self, line: &'a [u8], endian: Endian) -> Option<(Row<'a>, Detail)> {
        let proto = self.proto;
        (self.parse)(line, &Format { proto, endian })
    }
}

/// Returns true if the first fields of `line` are those of `header`.
fn starts_with_fields(line: &[u8], header: &str) -> bool {
    let mut fields = Fields::new(line);
    header
        .split(' ')
        .all(|name| fields.next() == Some(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_a_table_but_for_those_that_are_known_to_have_none() {
        for proto in Proto::ALL {
            let tables = TABLES.iter().filter(|table| table.protos.has(*proto));
            let count = match proto {
                // Captured text, a folder, subflows in tcp, sockprotoname.
                Proto::Bluetooth | Proto::CanBcm | Proto::Mptcp | Proto::Mptcp6 | Proto::Other => 0,
                Proto::Sctp => 2,
                _ => 1,
            };
            assert_eq!(tables.count(), count, "{proto:?}");
        }
        for table in &TABLES {
            let is_mine = |other: &&Table| other.path == table.path;
            assert_eq!(TABLES.iter().filter(is_mine).count(), 1, "{}", table.path);
            assert!(table.has_header(table.header.as_bytes()));
        }
    }
}
