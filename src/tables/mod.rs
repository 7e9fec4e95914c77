//! Reads the tables of sockets. In: the network namespaces that were met and what is selected. Out: the rows that are
//! wanted, in `Sockets`. Each table is opened once for each namespace, as PID/net/NAME of one of its members (never as
//! /proc/net, which is the reader's own), and streamed through one buffer. It knows no process and no descriptor.
//!
//! A table that is missing is an empty one: no IPv6, no UDP-Lite, another kernel. A row that is not as the kernel
//! prints it is passed over and counted; so is a table whose header is not known.

pub(crate) mod decode;
pub(crate) mod interfaces;

mod bluetooth;
mod can_bcm;
mod captured;
mod inet;
mod netlink;
mod packet;
mod sctp;
mod unix;

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::sync::OnceLock;

use crate::collections::index::Wanted;
use crate::collections::sort::sort_once;
use crate::proc::NetnsId;
use crate::proc::{LAST_READ_MAX, Proc, Task, for_each_number, is_gone};
use crate::select::Rows;
use crate::socket::proto::{Proto, Protos};
use crate::socket::store::Sockets;
use crate::socket::{Detail, Ends, Row};
use crate::text::addr::Endian;
use crate::text::digits::decimal;
use crate::text::fields::Fields;
use crate::text::records::{Begins, Records};
use crate::warn::Warnings;

/// How a row is to be read.
pub(crate) struct Format {
    /// The protocol of the table.
    proto: Proto,
    /// Of the machine that printed it.
    endian: Endian,
}

/// A row's parser: `None` for a line that has not exactly the kernel's shape.
type Parse = for<'a> fn(&'a [u8], &Format) -> Option<(Row<'a>, Detail)>;

/// A table below PID/net.
pub(crate) struct Table {
    /// Its file.
    file: &'static str,
    /// The protocols of its rows.
    protos: Protos,
    /// What its header's fields start with; blanks do not count.
    header: &'static str,
    /// Its row's parser.
    parse: Parse,
    /// The protocol that the parser is told.
    proto: Proto,
    /// Where one row may take several lines: what begins one.
    begins: Option<Begins>,
    /// The line of sockstat or sockstat6 that counts its sockets; `None` where none does.
    counted_as: Option<&'static str>,
}

/// What every table over IPv4 starts with.
const INET: &str = "sl local_address rem_address st";
/// What every table over IPv6 starts with.
const INET6: &str = "sl local_address remote_address st";

/// A table of internet sockets.
const fn inet(
    file: &'static str,
    header: &'static str,
    proto: Proto,
    counted_as: Option<&'static str>,
) -> Table {
    let parse = match proto {
        Proto::Tcp | Proto::Tcp6 => inet::parse_tcp,
        _ => inet::parse_udp,
    };
    Table {
        file,
        protos: Protos::of(&[proto]),
        header,
        parse,
        proto,
        begins: None,
        counted_as,
    }
}

/// A table of other sockets, each of one line.
const fn other(file: &'static str, header: &'static str, proto: Proto, parse: Parse) -> Table {
    Table {
        file,
        protos: Protos::of(&[proto]),
        header,
        parse,
        proto,
        begins: None,
        counted_as: None,
    }
}

/// A table of Bluetooth.
const fn bluetooth(file: &'static str, proto: Proto) -> Table {
    let header = "sk RefCnt Rmem Wmem User Inode Parent";
    other(file, header, proto, bluetooth::parse)
}

/// The associations of SCTP. They come before the endpoints, which tell no more unless they listen.
const ASSOCS: &str = "sctp/assocs";
/// The endpoints of SCTP.
const EPS: &str = "sctp/eps";

/// All tables, in the order in which they are read and their rows without a holder are shown.
static TABLES: [Table; 24] = [
    inet("tcp", INET, Proto::Tcp, Some("TCP:")),
    inet("tcp6", INET6, Proto::Tcp6, Some("TCP6:")),
    inet("udp", INET, Proto::Udp, Some("UDP:")),
    inet("udp6", INET6, Proto::Udp6, Some("UDP6:")),
    inet("udplite", INET, Proto::Udplite, Some("UDPLITE:")),
    inet("udplite6", INET6, Proto::Udplite6, Some("UDPLITE6:")),
    inet("raw", INET, Proto::Raw, Some("RAW:")),
    inet("raw6", INET6, Proto::Raw6, Some("RAW6:")),
    inet("icmp", INET, Proto::Icmp, None),
    inet("icmp6", INET6, Proto::Icmp6, None),
    Table {
        file: "unix",
        protos: Protos::UNIX,
        header: "Num RefCount Protocol Flags Type St Inode Path",
        parse: unix::parse,
        proto: Proto::Unix,
        begins: Some(unix::is_row),
        counted_as: None,
    },
    other(
        "netlink",
        "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode",
        Proto::Netlink,
        netlink::parse,
    ),
    other(
        "packet",
        "sk RefCnt Type Proto Iface R Rmem User Inode",
        Proto::Packet,
        packet::parse,
    ),
    other(
        ASSOCS,
        "ASSOC SOCK STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT",
        Proto::Sctp,
        sctp::parse_assocs,
    ),
    other(
        EPS,
        "ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS",
        Proto::Sctp,
        sctp::parse_eps,
    ),
    other(
        "pfkey",
        "sk RefCnt Rmem Wmem User Inode",
        Proto::Pfkey,
        bluetooth::parse_pfkey,
    ),
    bluetooth("hci", Proto::Hci),
    bluetooth("l2cap", Proto::L2cap),
    bluetooth("rfcomm", Proto::Rfcomm),
    bluetooth("sco", Proto::Sco),
    bluetooth("iso", Proto::Iso),
    bluetooth("bnep", Proto::Bnep),
    bluetooth("cmtp", Proto::Cmtp),
    bluetooth("hidp", Proto::Hidp),
];

/// Room for what one `read()` brings, a page, and for the longest row beside it.
const BUFFER_LEN: usize = 16 * 1024;

/// Those whose rows' last field says nothing of whom they are.
const FIXED: Protos = Protos::INET.without(Protos::SCTP);

/// Reads tables; holds what is the same for all of them.
pub(crate) struct Reader<'a> {
    /// Where they are.
    pub(crate) proc: &'a Proc,
    /// Which rows are wanted.
    pub(crate) rows: &'a Rows,
    /// Where odd things are noted.
    pub(crate) warnings: &'a mut Warnings,
    /// Whether a row was kept that does not match.
    pub(crate) kept_more: bool,
    /// What is the same in every namespace.
    modules: &'a Modules,
    /// What is read into.
    buffer: &'a mut [u8],
}

/// Of the protocols that only a module brings, the ones that this kernel has; empty as long as it was not asked.
pub(crate) type Modules = OnceLock<Protos>;

impl<'a> Reader<'a> {
    /// A reader; it uses `BUFFER_LEN` bytes of `buffer`, or what there is.
    pub(crate) fn new(
        (proc, rows): (&'a Proc, &'a Rows),
        modules: &'a Modules,
        buffer: &'a mut [u8],
        warnings: &'a mut Warnings,
    ) -> Self {
        let len = buffer.len().min(BUFFER_LEN);
        Self {
            proc,
            rows,
            warnings,
            kept_more: false,
            modules,
            buffer: buffer.get_mut(..len).unwrap_or_default(),
        }
    }

    /// Reads the tables of `protos` in the namespace `id`, through the first of its `members` that lives, and keeps those
    /// rows whose inode is wanted, or all if `wanted` is `None`, as far as they are selected. It stops when nothing is
    /// wanted any more. It tells whether there was such a member.
    #[inline(never)]
    pub(crate) fn load(
        &mut self,
        (id, members): (NetnsId, &mut dyn FnMut() -> Option<Task>),
        protos: Protos,
        mut wanted: Option<&mut Wanted>,
        sockets: &mut Sockets,
    ) -> bool {
        let Some(mut member) = members() else {
            return false;
        };
        let mut empty = self.empty_tables(member, protos);
        let mut is_half = false;
        for table in &TABLES {
            if !protos.meets(table.protos.without(empty)) {
                continue;
            }
            // An SCTP socket may stand in both of its tables.
            if wanted.as_ref().is_some_and(|wanted| wanted.missing() == 0) && !is_half {
                return true;
            }
            if Protos::MODULES.meets(table.protos) && !self.modules(member).meets(table.protos) {
                continue;
            }
            let file = loop {
                match self.proc.open_file(member, &format!("net/{}", table.file)) {
                    Ok(file) => break Some(file),
                    // Either the table is missing, or the member has ended.
                    Err(error) if is_gone(&error) && self.proc.stat(member, "net").is_err() => {
                        match members() {
                            Some(next) => member = next,
                            None => return false,
                        }
                    }
                    Err(error) => {
                        if !is_gone(&error) {
                            self.warn(member, table, &crate::proc::error_text(&error));
                        }
                        break None;
                    }
                }
            };
            is_half = table.file == ASSOCS && file.is_some();
            if let Some(file) = file {
                self.load_table(file, table, (id, member), wanted.as_deref_mut(), sockets);
            } else if Protos::BLUETOOTH.meets(table.protos) {
                // All of Bluetooth is in the first namespace, or nothing.
                empty = empty.union(Protos::BLUETOOTH);
            } else if Protos::MODULES.meets(table.protos) {
                empty = empty.union(table.protos);
            }
        }
        let is_done = wanted.as_ref().is_some_and(|wanted| wanted.missing() == 0);
        if !is_done && protos.meets(Protos::CAN_BCM) && self.modules(member).meets(Protos::CAN_BCM)
        {
            self.load_can_bcm((id, member), wanted, sockets);
        }
        true
    }

    /// The protocols that this kernel may have tables of: PID/net/protocols names those whose module is loaded, the
    /// same in every namespace. One look into it saves a dozen vain ones in each.
    fn modules(&mut self, member: Task) -> Protos {
        *self.modules.get_or_init(|| {
            let read = self.proc.read_file(member, "net/protocols", self.buffer);
            read.map_or(Protos::ALL, |text| {
                let mut found = Protos::ALL.without(Protos::MODULES);
                let mut start = 0;
                // The name comes first in a line that is long.
                for end in memchr::memchr_iter(b'\n', text) {
                    let line = text.get(start..end).unwrap_or_default();
                    if let Some(name) = Fields::new(line).next() {
                        found = found.union(Protos::of(&[Proto::from_sockprotoname(name)]));
                    }
                    start = end + 1;
                }
                found
            })
        })
    }

    /// Reads can-bcm, a folder with a file for each socket, whose name is the inode.
    fn load_can_bcm(
        &mut self,
        (id, member): (NetnsId, Task),
        mut wanted: Option<&mut Wanted>,
        sockets: &mut Sockets,
    ) {
        let mut inodes = Vec::new();
        if let Ok(dir) = self.proc.open_dir(member, "net/can-bcm") {
            // A namespace that goes away meanwhile has no more than was read.
            let _ = for_each_number(dir.as_fd(), self.buffer, |inode, _| {
                inodes.push(inode);
                ControlFlow::Continue(())
            });
        }
        sort_once(&mut inodes);
        for inode in inodes {
            if wanted.as_mut().is_some_and(|wanted| !wanted.find(inode)) {
                continue;
            }
            let file = format!("net/can-bcm/{inode}");
            // Closed meanwhile.
            let Ok(text) = self.proc.read_file(member, &file, self.buffer) else {
                continue;
            };
            let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            match can_bcm::parse(line, inode) {
                Some((row, detail)) if self.rows.matches(&row, &detail) => {
                    sockets.push(id, &row, &detail);
                }
                Some(_) => {}
                None => {
                    let path = || self.proc.display(member, &file);
                    self.warnings.row_skipped("can-bcm", path, line);
                }
            }
        }
    }

    /// Whether `row`, which does not match, is kept all the same.
    fn keeps(&mut self, row: &Row<'_>) -> bool {
        let keeps = self.rows.keeps(row);
        self.kept_more |= keeps;
        keeps
    }

    /// Says that something is odd about a whole table.
    fn warn(&mut self, member: Task, table: &Table, reason: &str) {
        self.warnings.warn(
            &self.proc.display(member, &format!("net/{}", table.file)),
            reason,
        );
    }

    /// Reads one table.
    fn load_table(
        &mut self,
        file: File,
        table: &Table,
        (id, member): (NetnsId, Task),
        mut wanted: Option<&mut Wanted>,
        sockets: &mut Sockets,
    ) {
        let format = Format {
            proto: table.proto,
            endian: Endian::NATIVE,
        };
        let buffer = std::mem::take(&mut self.buffer);
        let mut records = Records::new(file, &mut *buffer, LAST_READ_MAX);
        let mut at_header = true;
        let mut name_before = 0;
        let matches_all = self.rows.match_all();
        let result = loop {
            let record = match records.next(table.begins) {
                Ok(Some(record)) => record,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            if std::mem::take(&mut at_header) {
                if !is_header(record.bytes, table.header) {
                    break Err(io::Error::other("unknown header, so the table is not read"));
                }
                continue;
            }
            match (table.parse)(record.bytes, &format) {
                // What a cut row of another table says of the inode may be half of it.
                Some((row, detail)) if record.ended || FIXED.has(row.proto) => {
                    if wanted.as_mut().is_none_or(|wanted| wanted.find(row.inode))
                        && (matches_all || self.rows.matches(&row, &detail) || self.keeps(&row))
                    {
                        sockets.push(id, &row, &detail);
                        if unix::could_be_forged(name_before, record.bytes.len()) {
                            sockets.suspect_last();
                        }
                    }
                    name_before = if let Ends::Path(name) = row.ends {
                        name.len()
                    } else {
                        0
                    };
                    if !record.ended {
                        let path = self.proc.display(member, &format!("net/{}", table.file));
                        self.warnings
                            .warn(&path, "the last line has no end; the table may be cut");
                    }
                }
                _ => {
                    let path = || self.proc.display(member, &format!("net/{}", table.file));
                    self.warnings.row_skipped(table.file, path, record.bytes);
                }
            }
        };
        self.buffer = buffer;
        // A table may go away with its namespace while it is read; what it has told is true.
        if let Err(error) = result
            && !is_gone(&error)
        {
            self.warn(member, table, &crate::proc::error_text(&error));
        }
    }

    /// Which of `protos` have an empty table by what sockstat and sockstat6 of `member` count, so that it need not be
    /// read. They count the sockets of the namespace in use; TCP's `tw`, of both families, are those in `TIME_WAIT`.
    /// Request sockets are not counted, but where there is one there is its listener, or was until a second ago.
    fn empty_tables(&mut self, member: Task, protos: Protos) -> Protos {
        let mut empty = Protos::default();
        let mut time_waits = None;
        for (file, family) in [
            ("net/sockstat", Protos::INET4),
            ("net/sockstat6", Protos::INET.without(Protos::INET4)),
        ] {
            let counted = |table: &Table| {
                table.counted_as.is_some() && protos.intersection(family).meets(table.protos)
            };
            if !TABLES.iter().any(counted) {
                continue;
            }
            let Ok(text) = self.proc.read_file(member, file, self.buffer) else {
                continue;
            };
            for line in text.split(|byte| *byte == b'\n') {
                let mut fields = Fields::new(line);
                let name = fields.next();
                let of_name = |table: &&Table| {
                    table.counted_as.is_some() && table.counted_as.map(str::as_bytes) == name
                };
                let Some(table) = TABLES.iter().find(of_name) else {
                    continue;
                };
                let mut in_use = None;
                while let (Some(key), Some(value)) = (fields.next(), fields.next()) {
                    match key {
                        b"inuse" => in_use = decimal(value),
                        b"tw" => time_waits = decimal(value),
                        _ => {}
                    }
                }
                let is_tcp = Protos::TCP.meets(table.protos);
                if in_use == Some(0) && (!is_tcp || time_waits == Some(0)) {
                    empty = empty.union(table.protos);
                }
            }
        }
        empty
    }
}

/// Whether the fields of `line` start with those of `header`.
fn is_header(line: &[u8], header: &str) -> bool {
    let mut fields = Fields::new(line);
    header
        .split(' ')
        .all(|name| fields.next() == Some(name.as_bytes()))
}
