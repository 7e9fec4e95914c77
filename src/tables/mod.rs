//! The tables of sockets below PID/net: one row of `TABLES` for each, and its parser. In: namespaces, or text. Out: the
//! rows that are wanted, in `Sockets`. It looks at no process and no descriptor.
//!
//! Parsers, by the file or the family: `inet`, `unix`, `netlink`, `packet`, `sctp`, `bluetooth`, `phonet`, `ax25`, `can_bcm`;
//! `columns` finds their fields by the header, and `extra` what only other tools show. `reader` reads the tables of a
//! namespace, as far as `sockstat` and `hash` say that it must; `outnumbered` counts forged rows of unix. `captured` reads
//! text: `decoder` goes line by line, with `frame`, `recognise`, `listing` and `unix_name`. Small tables without sockets,
//! read by `lines`: `addresses`, `interfaces`, `conntrack`; `protocols` and `counters` parse a file each.

pub(crate) mod addresses;
pub(crate) mod conntrack;
pub(crate) mod counters;
pub(crate) mod hash;
pub(crate) mod interfaces;
pub(crate) mod protocols;

mod ax25;
mod bluetooth;
mod can_bcm;
mod captured;
mod columns;
mod decoder;
mod extra;
mod frame;
mod inet;
mod lines;
mod listing;
mod netlink;
mod outnumbered;
mod packet;
mod phonet;
mod reader;
mod recognise;
mod sctp;
mod sockstat;
mod unix;
mod unix_name;

pub(crate) use reader::{Missed, Modules, Reader};

use columns::{Cells, Columns, Known};

use crate::socket::proto::{EndsKind, Proto, Protos};
use crate::socket::{Detail, Row};
use crate::text::addr::Endian;
use crate::text::records::Begins;

/// What a parser must know beside the line.
struct Format {
    /// The table.
    table: &'static Table,
    /// The byte order of the machine that printed it.
    endian: Endian,
    /// The columns of its rows.
    columns: Columns,
    /// True if neither a name nor a header says that the line is of this table.
    is_bare: bool,
}

impl Format {
    /// Returns what the parser of `table` must know of rows without a header.
    fn usual(table: &'static Table, endian: Endian) -> Self {
        Self {
            table,
            endian,
            columns: Columns::usual(&table.known),
            is_bare: false,
        }
    }

    /// Returns true if the columns are the usual ones, and all of these.
    fn is_usual(&self) -> bool {
        self.columns.are_usual() && self.columns.has_all(&self.table.known)
    }

    /// Returns the fields of `line` by their columns.
    fn cells<'a>(&self, line: &'a [u8]) -> Option<Cells<'a>> {
        self.columns.cells(&self.table.known, line)
    }

    /// Parses a row.
    #[inline(always)]
    fn parse_row<'a>(&self, line: &'a [u8]) -> Option<(Row<'a>, Detail)> {
        (self.table.parse)(line, self)
    }
}

/// A parser of rows. It returns `None` for a line that has not exactly the kernel's shape.
type Parse = for<'a> fn(&'a [u8], &Format) -> Option<(Row<'a>, Detail)>;

/// A table below PID/net.
struct Table {
    /// The path of its file below PID.
    path: &'static str,
    /// The protocols of its rows.
    protos: Protos,
    /// The columns that are known.
    known: Known,
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
    /// As `Loose`, and behind numbers of another row; so without such a pointer only where a line starts.
    Start,
    /// Rows of other files look the same.
    Common,
}

/// The columns of every table over IPv4. No header names all that is behind the inode.
const INET: Known = Known {
    names: "sl local_address rem_address st | tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref pointer drops",
    kinds: "**********",
};
/// The columns of every table over IPv6.
const INET6: Known = Known {
    names: "sl local_address remote_address st | tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref pointer drops",
    kinds: INET.kinds,
};

/// Returns a table of one line a row, which no other file counts.
const fn other(
    path: &'static str,
    known: Known,
    proto: Proto,
    shape: Shape,
    parse: Parse,
) -> Table {
    Table {
        path,
        protos: Protos::of(&[proto]),
        known,
        parse,
        proto,
        begins: None,
        counted_as: None,
        shape,
    }
}

/// Returns columns with these names and of these kinds.
const fn known(names: &'static str, kinds: &'static str) -> Known {
    Known { names, kinds }
}

/// Returns a table of internet sockets.
const fn inet(path: &'static str, proto: Proto, counted_as: Option<&'static str>) -> Table {
    let known = match proto.ends() {
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
        ..other(path, known, proto, shape, parse)
    }
}

/// Returns pfkey, or a table of Bluetooth, whose rows also tell the listener that has yet to accept the connection.
const fn bluetooth(path: &'static str, proto: Proto) -> Table {
    let columns = match proto {
        Proto::Pfkey => known("sk RefCnt Rmem Wmem User Inode |", "pidddd"),
        _ => known("sk RefCnt Rmem Wmem User Inode | Parent", "piddddd"),
    };
    other(path, columns, proto, Shape::Common, bluetooth::parse)
}

/// The file of SCTP's associations. It is read before the endpoints, which tell no more unless they listen.
const ASSOCS: &str = "net/sctp/assocs";
/// The file of SCTP's endpoints.
const EPS: &str = "net/sctp/eps";

/// All tables, in the order in which they are read, and in which rows without a holder are shown.
static TABLES: [Table; 29] = [
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
        protos: Protos::UNIX,
        begins: Some(unix::is_row),
        ..other(
            "net/unix",
            known("Num RefCount Protocol Flags Type St Inode Path |", ""),
            Proto::Unix,
            Shape::Own,
            unix::parse,
        )
    },
    other(
        "net/netlink",
        known(
            "sk Eth Pid Groups | Rmem Wmem Dump Locks Drops Inode",
            "*dn8ii*idd",
        ),
        Proto::Netlink,
        Shape::Loose,
        netlink::parse,
    ),
    other(
        "net/packet",
        known(
            "sk RefCnt Type Proto Iface | R Rmem User Inode",
            "*id4idddd",
        ),
        Proto::Packet,
        Shape::Loose,
        packet::parse,
    ),
    other(
        ASSOCS,
        known(
            "ASSOC SOCK STY SST ST | HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT INS OUTS MAXRT T1X T2X RTXC",
            "ppdddiidddddd",
        ),
        Proto::Sctp,
        Shape::Start,
        sctp::parse_assocs,
    ),
    other(
        EPS,
        known(
            "ENDPT SOCK STY SST HBKT | LPORT UID INODE LADDRS",
            "ppddiddd",
        ),
        Proto::Sctp,
        Shape::Start,
        sctp::parse_eps,
    ),
    bluetooth("net/pfkey", Proto::Pfkey),
    bluetooth("net/hci", Proto::Hci),
    bluetooth("net/l2cap", Proto::L2cap),
    bluetooth("net/rfcomm", Proto::Rfcomm),
    bluetooth("net/sco", Proto::Sco),
    bluetooth("net/iso", Proto::Iso),
    bluetooth("net/bnep", Proto::Bnep),
    bluetooth("net/cmtp", Proto::Cmtp),
    bluetooth("net/hidp", Proto::Hidp),
    other(
        "net/phonet",
        known(
            "pt loc rem rs st | tx_queue rx_queue uid inode ref pointer drops",
            "d*x*ddipd",
        ),
        Proto::Phonet,
        Shape::Common,
        phonet::parse,
    ),
    // Its rows are of sockets of the table before, of which they tell no more.
    other(
        "net/pnresource",
        known("rs uid inode |", "xdd"),
        Proto::Phonet,
        Shape::Common,
        phonet::parse_resource,
    ),
    other(
        "net/ax25",
        // The kernel prints no header.
        known(
            "| ax25 dev src_addr dest_addr st vs vr va t1timer t1 t2timer t2 t3timer t3 idletimer idle n2count n2 rtt window paclen Snd-Q Rcv-Q inode",
            "p***ddddllllllllddlddsss",
        ),
        Proto::Ax25,
        Shape::Common,
        ax25::parse_ax25,
    ),
    other(
        "net/nr",
        known(
            "user_addr dest_node src_node dev | my your st vs vr va t1 t2 t4 idle n2 wnd Snd-Q Rcv-Q inode",
            "******dddd*****dddd",
        ),
        Proto::Netrom,
        Shape::Common,
        ax25::parse_netrom,
    ),
    other(
        "net/rose",
        known(
            "dest_addr dest_call src_addr src_call dev | lci neigh st vs vr va t t1 t2 t3 hb idle Snd-Q Rcv-Q inode",
            "*****xdddddlllll*ddd",
        ),
        Proto::Rose,
        Shape::Common,
        ax25::parse_rose,
    ),
];

impl Table {
    /// Returns the path of its file below PID/net.
    fn file(&self) -> &'static str {
        self.path.strip_prefix("net/").unwrap_or(self.path)
    }

    /// Returns true if its first line is a header.
    fn has_header(&self) -> bool {
        !self.known.names.starts_with('|')
    }

    /// Returns the longest read that is taken for the last one, if the kernel's tables are read to it by `usual`. The lists
    /// of addresses of SCTP make lines of any length, and Phonet's table ends a read with each bucket of its hash
    /// (`net/phonet/socket.c`: `pn_sock_get_next`), so these are read until nothing comes.
    fn last_read_max(&self, usual: usize) -> usize {
        if Protos::SCTP.union(Protos::PHONET).meets(self.protos) {
            return 0;
        }
        usual
    }
}

/// Parses `line` as a row of the table at `path` of a little-endian machine.
#[cfg(test)]
fn parse_line<'a>(path: &str, line: &'a str) -> Option<(Row<'a>, Detail)> {
    let table = TABLES.iter().find(|table| table.path == path).unwrap();
    Format::usual(table, Endian::Little).parse_row(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_read_of_phonet_or_sctp_is_not_the_last() {
        for table in &TABLES {
            let is_short = ["net/phonet", "net/pnresource", ASSOCS, EPS];
            let longest = if is_short.contains(&table.path) { 0 } else { 9 };
            assert_eq!(table.last_read_max(9), longest, "{}", table.path);
        }
    }

    #[test]
    fn every_protocol_has_a_table_but_for_those_that_are_known_to_have_none() {
        for proto in Proto::ALL {
            let tables = TABLES.iter().filter(|table| table.protos.has(*proto));
            let count = match proto {
                // Captured text, a folder, subflows in tcp, sockprotoname.
                Proto::Bluetooth | Proto::CanBcm | Proto::Mptcp | Proto::Mptcp6 | Proto::Other => 0,
                Proto::Sctp | Proto::Phonet => 2,
                _ => 1,
            };
            assert_eq!(tables.count(), count, "{proto:?}");
        }
        for table in &TABLES {
            let is_mine = |other: &&Table| other.path == table.path;
            assert_eq!(TABLES.iter().filter(is_mine).count(), 1, "{}", table.path);
            let names = table.known.names.replace("| ", "");
            assert_eq!(
                table.known.is_header(names.as_bytes()),
                table.has_header(),
                "{}",
                table.path
            );
            assert!(Columns::usual(&table.known).are_usual(), "{}", table.path);
        }
    }
}
