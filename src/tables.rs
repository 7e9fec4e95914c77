//! Reads the tables of sockets. In: the network namespaces that were met and what is selected. Out: the rows that are
//! wanted, in `Sockets`. Each table is opened once for each namespace, as PID/net/NAME of one of its members (never as
//! /proc/net, which is the reader's own), and streamed through one buffer. It knows no process and no descriptor.
//!
//! A table that is missing is an empty one: no IPv6, no UDP-Lite, another kernel. A row that is not as the kernel
//! prints it is passed over and counted; so is a table whose header is not known.

mod inet;
mod netlink;
mod packet;
mod unix;

use std::fs::File;
use std::io;

use crate::addr::Endian;
use crate::index::Wanted;
use crate::netns::Namespaces;
use crate::procfs::{LAST_READ_MAX, Proc, Task, is_gone};
use crate::scan::{Begins, Fields, Records, decimal};
use crate::select::Rows;
use crate::socket::{Detail, Ends, NetnsId, Proto, Protos, Row, Sockets};
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
struct Table {
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

/// All tables, in the order in which they are read and their rows without a holder are shown.
const TABLES: [Table; 13] = [
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
    Table {
        file: "netlink",
        protos: Protos::NETLINK,
        header: "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode",
        parse: netlink::parse,
        proto: Proto::Netlink,
        begins: None,
        counted_as: None,
    },
    Table {
        file: "packet",
        protos: Protos::PACKET,
        header: "sk RefCnt Type Proto Iface R Rmem User Inode",
        parse: packet::parse,
        proto: Proto::Packet,
        begins: None,
        counted_as: None,
    },
];

/// Room for what one `read()` brings, a page, and for the longest row beside it.
const BUFFER_LEN: usize = 16 * 1024;

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
    /// What is read into.
    buffer: Box<[u8]>,
}

impl<'a> Reader<'a> {
    /// A reader with its buffer.
    pub(crate) fn new(proc: &'a Proc, rows: &'a Rows, warnings: &'a mut Warnings) -> Self {
        Self {
            proc,
            rows,
            warnings,
            kept_more: false,
            buffer: vec![0; BUFFER_LEN].into(),
        }
    }

    /// Reads the tables of `protos` in the namespace `id`, and keeps those rows whose inode is wanted, or all if `wanted` is
    /// `None`, as far as they are selected. It stops when nothing is wanted any more.
    #[inline(never)]
    pub(crate) fn load(
        &mut self,
        namespaces: &mut Namespaces,
        id: NetnsId,
        protos: Protos,
        mut wanted: Option<&mut Wanted>,
        sockets: &mut Sockets,
    ) {
        let Some(netns) = namespaces.get_mut(id) else {
            return;
        };
        netns.is_loaded = true;
        let mut members = netns.members.iter().copied();
        let Some(mut member) = members.next() else {
            return;
        };
        let empty = self.empty_tables(member, protos);
        for table in TABLES
            .iter()
            .filter(|table| protos.meets(table.protos.without(empty)))
        {
            if wanted.as_ref().is_some_and(|wanted| wanted.missing() == 0) {
                return;
            }
            let file = loop {
                match self.proc.open_file(member, &format!("net/{}", table.file)) {
                    Ok(file) => break Some(file),
                    // Either the table is missing, or the member has ended.
                    Err(error) if is_gone(&error) && self.proc.stat(member, "net").is_err() => {
                        match members.next() {
                            Some(next) => member = next,
                            None => return,
                        }
                    }
                    Err(error) => {
                        if !is_gone(&error) {
                            self.warn(member, table, &crate::procfs::error_text(&error));
                        }
                        break None;
                    }
                }
            };
            if let Some(file) = file {
                self.load_table(file, table, (id, member), wanted.as_deref_mut(), sockets);
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
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut records = Records::new(file, &mut buffer, LAST_READ_MAX);
        let mut at_header = true;
        let mut name_before = 0;
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
                Some((row, detail)) if record.ended || Protos::INET.has(row.proto) => {
                    if wanted.as_mut().is_none_or(|wanted| wanted.find(row.inode))
                        && (self.rows.matches(&row, &detail) || self.keeps(&row))
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
            self.warn(member, table, &crate::procfs::error_text(&error));
        }
    }

    /// Which of `protos` have an empty table by what sockstat and sockstat6 of `member` count, so that it need not be
    /// read. They count the sockets of the namespace in use; TCP's `tw`, of both families, are those in `TIME_WAIT`.
    /// Request sockets are not counted, but where there is one there is its listener.
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
            let Ok(text) = self.proc.read_file(member, file, &mut self.buffer) else {
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
