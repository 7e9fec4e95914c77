//! Recognises the table that captured text is of: by the name of a file, by a header, or by the shape of a row. In: a line,
//! or a part of it. Out: a table, or a row. It keeps nothing: `decoder` knows what came before a line.

use super::listing::{numbered, task_of};
use super::{Format, INET, INET6, Shape, TABLES, Table, bluetooth};
use crate::proc::Task;
use crate::socket::proto::Proto;
use crate::socket::{Detail, Row};
use crate::text::addr::Endian;
use crate::text::digits::decimal32;
use crate::text::fields::{Fields, is_pointer};

/// Stands for any table of Bluetooth, because they share a header.
static BLUETOOTH: Table = bluetooth("bluetooth", Proto::Bluetooth);

/// A file below PID/net whose rows can be parsed.
#[derive(Clone, Copy)]
pub(super) enum KnownFile {
    /// A table.
    Table(&'static Table),
    /// The file of one socket of can-bcm, with the inode that is its name.
    CanBcm(u32),
}

/// Returns the file whose path below PID/net is `path`, or is the end of it: `tcp`, `/proc/6/net/sctp/eps`, `can-bcm/4711`.
pub(super) fn by_file(path: &[u8]) -> Option<KnownFile> {
    let is_it = |file: &str| {
        let before = path.strip_suffix(file.as_bytes());
        before.is_some_and(|before| before.is_empty() || before.ends_with(b"/"))
    };
    if let Some(table) = TABLES.iter().find(|table| is_it(table.file())) {
        return Some(KnownFile::Table(table));
    }
    let at = path.iter().rposition(|byte| *byte == b'/')?;
    let (folder, name) = path.split_at_checked(at)?;
    let inode = decimal32(name.strip_prefix(b"/")?)?;
    (folder == b"can-bcm" || folder.ends_with(b"/can-bcm")).then_some(KnownFile::CanBcm(inode))
}

/// Returns the file that a word in `words` names by its path: the last one, or a name without a folder if it is the first
/// word and nothing but a colon is behind it. Of a line beside a match `grep` has `tcp-7-`, and a colour may end the name.
pub(super) fn by_words(words: &[u8]) -> Option<KnownFile> {
    let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b':' | b'|' | b'>' | b'\x1b');
    let mut known = None;
    for (at, word) in words.split(is_between).enumerate() {
        if word.contains(&b'/') || at == 0 {
            let end = word.strip_suffix(b"-").unwrap_or(word);
            let number = end.iter().rev().take_while(|byte| byte.is_ascii_digit());
            let unnumbered = end.get(..end.len() - number.count());
            let file = unnumbered.and_then(|name| by_file(name.strip_suffix(b"-")?));
            known = by_file(end).or(file).or(known);
        }
    }
    known
}

/// What may stand around the name of a file.
const DECORATION: &[u8] = b"=:;#<>-*'\"`,()[]|~";

/// What a line names.
pub(super) enum Named {
    /// A file whose rows can be parsed.
    File(KnownFile),
    /// A listing of the descriptors of a task, if that is numbered.
    Listing(Option<Task>),
    /// Another file.
    Other,
}

/// Returns what is named on a line of its own, `=== /proc/net/tcp ===`, or by a line of a shell, `$ cat /proc/net/tcp`;
/// and whether the name is all that stands there.
pub(super) fn by_name_line(line: &[u8]) -> Option<(Named, bool)> {
    let is_decoration = |byte: &u8| DECORATION.contains(byte);
    let (mut count, mut named) = (0, None);
    for word in Fields::new(line) {
        let from = word.iter().position(|byte| !is_decoration(byte));
        let to = word.iter().rposition(|byte| !is_decoration(byte));
        let Some(name) = from.zip(to).and_then(|(from, to)| word.get(from..=to)) else {
            continue;
        };
        count += 1;
        // A name without a folder is one only if something stands around it.
        let has_folder = name.contains(&b'/');
        if !has_folder && (count > 1 || name.len() == line.len()) {
            continue;
        }
        let is_of_net = name.windows(5).any(|part| part == b"/net/") && !name.contains(&b':');
        if let Some(file) = by_file(name) {
            named = Some(Named::File(file));
        } else if let Some(task) = task_of(name).filter(|_| has_folder) {
            named = Some(Named::Listing(numbered(task)));
        } else if is_of_net {
            named = Some(Named::Other);
        }
    }
    let is_heading = line.starts_with(b"==> ") && line.ends_with(b" <==");
    if is_heading {
        return Some((named.unwrap_or(Named::Other), true));
    }
    // `tcp:` names a file where it stands alone.
    let is_path = line.contains(&b'/');
    named
        .filter(|_| count == 1 || is_path)
        .map(|named| (named, count == 1))
}

/// Returns the table whose header is `line`. Where several share it, `named` counts, the table that a file's name told
/// just before: udplite6, raw6 and icmp6 have the header of udp6, and udplite and icmp that of udp.
pub(super) fn by_header(line: &[u8], named: Option<&'static Table>) -> Option<&'static Table> {
    // What has more in it than names, such as the rows behind it where lines end otherwise, would be lost.
    if line
        .iter()
        .any(|byte| matches!(byte, b':' | b'\\' | b'\r' | b'$'))
    {
        return None;
    }
    let has = |word: &[u8]| Fields::new(line).any(|field| field == word);
    // Only the header of raw starts with two blanks, counts drops, and is not padded.
    let is_raw = line.starts_with(b"  sl") && line.ends_with(b"drops");
    let file = match (INET.may_be_header(line), INET6.may_be_header(line)) {
        (true, _) if is_raw => "raw",
        (true, _) if has(b"drops") => "udp",
        (true, _) => "tcp",
        (_, true) if has(b"drops") => "udp6",
        (_, true) => "tcp6",
        _ if BLUETOOTH.known.is_header(line) && has(b"Parent") => {
            return named
                .filter(|named| named.known.names == BLUETOOTH.known.names)
                .or(Some(&BLUETOOTH));
        }
        _ => {
            let found = TABLES.iter().find(|table| table.known.is_header(line));
            let is_named =
                |named: &&'static Table| named.has_header() && named.known.may_be_header(line);
            return found.or(named.filter(is_named));
        }
    };
    let of_header = table(file);
    let is_tcp = |table: &Table| matches!(table.proto, Proto::Tcp | Proto::Tcp6);
    // Before Linux 2.6.27 the header of udp is that of tcp.
    let agrees = |named: &&'static Table| {
        let is_same = |known: &Table| {
            known.known.names == named.known.names && (is_tcp(known) || !is_tcp(named))
        };
        of_header.is_some_and(is_same)
    };
    named.filter(agrees).or(of_header)
}

/// Returns the table with this file.
pub(super) fn table(file: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.file() == file)
}

/// The tables whose rows are known by their shape.
pub(super) struct Shapes(Vec<Format>);

impl Shapes {
    /// Returns those tables of a machine of this byte order.
    pub(super) fn new(endian: Endian) -> Self {
        let bare = |table| Format {
            is_bare: true,
            ..Format::usual(table, endian)
        };
        let tables = TABLES.iter();
        let known = tables.filter(|table| !matches!(table.shape, Shape::Common));
        Self(known.map(bare).collect())
    }

    /// Parses `line`, which is the beginning of a line of the text if `is_start`, as a row of the first table whose shape it has.
    pub(super) fn parse<'a>(&self, line: &'a [u8], is_start: bool) -> Option<(Row<'a>, Detail)> {
        let first = Fields::new(line).next()?;
        let has_pointer = first.len() >= 8 && is_pointer(first);
        let mut formats = self.0.iter();
        formats.find_map(|format| match format.table.shape {
            Shape::Loose if !has_pointer => None,
            Shape::Start if !has_pointer && !is_start => None,
            _ => format.parse_row(line),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     ";
    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    const UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            ";
    const RAW: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops";
    const UDP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops";

    const BLUETOOTH_HEADER: &str = "sk               RefCnt Rmem   Wmem   User   Inode  Parent";

    #[test]
    fn a_file_is_known_by_its_path_whatever_is_before_it() {
        let file = |path: &str| match by_file(path.as_bytes()) {
            Some(KnownFile::Table(table)) => table.file().to_owned(),
            Some(KnownFile::CanBcm(inode)) => format!("can-bcm {inode}"),
            None => "-".to_owned(),
        };
        for (path, known) in [
            ("tcp", "tcp"),
            ("/proc/net/tcp", "tcp"),
            ("/proc/6/net/tcp6", "tcp6"),
            ("host-a/net/sctp/eps", "sctp/eps"),
            ("can-bcm/4711", "can-bcm 4711"),
            ("/proc/net/can-bcm/4711", "can-bcm 4711"),
            ("eps", "-"),
            ("mytcp", "-"),
            ("tcp.txt", "-"),
            ("/proc/net/", "-"),
            ("", "-"),
            ("fd/4711", "-"),
            ("xcan-bcm/4711", "-"),
        ] {
            assert_eq!(file(path), known, "{path}");
        }
    }

    #[test]
    fn a_table_is_known_by_its_header() {
        let file = |line: &str| by_header(line.as_bytes(), None).map(Table::file);
        for (line, known) in [
            (TCP, Some("tcp")),
            (TCP6, Some("tcp6")),
            (UDP, Some("udp")),
            (UDP.trim(), Some("udp")),
            (RAW, Some("raw")),
            (UDP6, Some("udp6")),
            (
                "Num       RefCount Protocol Flags    Type St Inode Path",
                Some("unix"),
            ),
            (
                "sk               RefCnt Rmem   Wmem   User   Inode  Parent",
                Some("bluetooth"),
            ),
            ("sk       RefCnt Rmem   Wmem   User   Inode", Some("pfkey")),
            (
                " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS",
                Some("sctp/eps"),
            ),
            ("Inter-|   Receive", None),
            ("sk", None),
            ("", None),
        ] {
            assert_eq!(file(line), known, "{line}");
        }
    }

    #[test]
    fn a_name_tells_more_than_a_header_that_several_tables_share() {
        for (named, line, known) in [
            ("raw6", UDP6, "raw6"),
            ("icmp", UDP, "icmp"),
            ("tcp6", UDP6, "udp6"),
            ("tcp6", TCP6, "tcp6"),
            ("unix", TCP6, "tcp6"),
            ("udp6", UDP, "udp"),
            ("l2cap", BLUETOOTH_HEADER, "l2cap"),
            ("udp", TCP, "udp"),
            ("icmp6", TCP6, "icmp6"),
            ("unix", BLUETOOTH_HEADER, "bluetooth"),
        ] {
            let found = by_header(line.as_bytes(), table(named)).unwrap();
            assert_eq!(found.file(), known, "{named} with {line}");
        }
    }

    #[test]
    fn a_row_is_known_by_its_shape() {
        for (line, proto) in [
            (
                "   8: 020011AC:1F90 010011AC:D63E 01 00000000:00000000 00:00000000 00000000  1000        0 621793 1 0000000000000000 20 4 20 10 -1",
                Proto::Tcp,
            ),
            (
                "   2: 0100007F:A93C 0100007F:1F90 06 00000000:00000000 03:000016C6 00000000     0        0 0 3 0000000000000000",
                Proto::Tcp,
            ),
            (
                "  412: 0100007F:14E9 00000000:0000 07 00000000:00000200 00:00000000 00000000   104        0 22333 2 00000000d2c5aba3 17",
                Proto::Udp,
            ),
            (
                "   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:A93C 01 00000000:00000000 00:00000000 00000000     0        0 22334 1 0000000000000000 20 4 30 10 -1",
                Proto::Tcp6,
            ),
            (
                "0000000000000000: 00000002 00000000 00000000 0001 03 607015",
                Proto::Unix,
            ),
            (
                "000000007c6c8200 0   1419       00000000 832      0        0     2        0        3901",
                Proto::Netlink,
            ),
            (
                "00000000ab12cd34 3      3    0003   2     1 0      0      23456",
                Proto::Packet,
            ),
            (
                "       0        0 2   10  25   38412     0 465001935 192.168.60.142",
                Proto::Sctp,
            ),
        ] {
            let (row, _) = Shapes::new(Endian::Little)
                .parse(line.as_bytes(), true)
                .unwrap();
            assert_eq!(row.proto, proto, "{line}");
        }
        // Other files of /proc/net, and the two loose shapes without a pointer.
        for line in [
            "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0",
            "  eth0: 1296     16    0    0    0     0          0         0        0       0    0    0    0     0       0          0",
            "172.17.0.1       0x1         0x2         02:42:0f:2d:a9:7f     *        eth0",
            "TCP: inuse 5 orphan 0 tw 0 alloc 6 mem 1",
            "1 3 3 0003 2 1 0 0 23456",
            "1 0 1419 00000000 832 0 0 2 0 3901",
            "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2",
        ] {
            assert!(
                Shapes::new(Endian::Little)
                    .parse(line.as_bytes(), true)
                    .is_none(),
                "{line}"
            );
        }
    }
}
