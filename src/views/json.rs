//! The rows as JSON, for programs: one object a line, every field always there and in one order, `null` where it does
//! not apply. In: a snapshot. Out: text that any JSON parser reads, whatever bytes a name has. It has no options and
//! aligns nothing. The names of the fields are a promise (README): a new one may come last, none goes or changes.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::join::Entry;
use crate::snapshot::Snapshot;
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row, is_end, unlisted};
use crate::tables::interfaces::Interfaces;
use crate::text::addr::{primary, sides, write_ip};
use crate::text::escape::is_hidden;
use crate::text::hex::write_hex;
use crate::text::write::{write_decimal, write_hundredths, write_short};
use crate::views::list::write_pieces;
use crate::views::names::{SOCKET_TYPES, name_of};
use crate::views::words::{
    timer_name, write_interface, write_local, write_proto, write_protocol, write_remote,
    write_state,
};
use crate::walk::container::Container;

/// An object that is being written, member by member.
pub(crate) struct Object<'a> {
    /// The text that the object is written behind.
    out: &'a mut Vec<u8>,
    /// Holds a value that has to be written before it can be quoted.
    scratch: Vec<u8>,
    /// The byte before the next name.
    separator: u8,
}

impl<'a> Object<'a> {
    /// Opens an object behind the text of `out`.
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            scratch: Vec::new(),
            separator: b'{',
        }
    }

    /// Closes the object, without the end of the line.
    pub(crate) fn close(self) {
        if self.separator == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }

    /// Writes the name of a member, before its value.
    #[inline(never)]
    fn name(&mut self, name: &[u8]) {
        self.out.push(self.separator);
        self.separator = b',';
        write_string(self.out, name);
        self.out.push(b':');
    }

    /// Writes a member that is a number.
    #[inline(never)]
    pub(crate) fn number(&mut self, name: &str, number: Option<u32>) {
        self.value(name, number.is_some(), &mut |out| {
            write_decimal(out, number.unwrap_or(0));
        });
    }

    /// Writes a member that is a number with two digits behind the point.
    #[inline(never)]
    fn hundredths(&mut self, name: &str, hundredths: Option<u32>) {
        self.value(name, hundredths.is_some(), &mut |out| {
            write_hundredths(out, hundredths.unwrap_or(0));
        });
    }

    /// Writes a member that is text.
    #[inline(never)]
    pub(crate) fn text(&mut self, name: &str, text: Option<&[u8]>) {
        self.value(name, text.is_some(), &mut |out| {
            write_string(out, text.unwrap_or_default());
        });
    }

    /// Writes a member that is the text which `write` writes, `null` if it writes nothing.
    #[inline(never)]
    pub(crate) fn written(&mut self, name: &str, write: &mut dyn FnMut(&mut Vec<u8>)) {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        write(&mut text);
        self.text(name, Some(text.as_slice()).filter(|text| !text.is_empty()));
        self.scratch = text;
    }

    /// Writes a member with the value that `write` writes, or `null`. None of these functions is inlined: they are
    /// called from 40 places, which would be 9 KB of a binary that people copy about.
    fn value(&mut self, name: &str, is_some: bool, write: &mut dyn FnMut(&mut Vec<u8>)) {
        self.name(name.as_bytes());
        if is_some {
            write(self.out);
        } else {
            write_short(self.out, b"null");
        }
    }

    /// Writes a member that is an object of `counts`, each under its word.
    pub(crate) fn counts(&mut self, name: &str, counts: &[(Vec<u8>, u32)]) {
        self.name(name.as_bytes());
        let mut object = Object::open(self.out);
        for (word, count) in counts {
            object.name(word);
            write_decimal(object.out, *count);
        }
        object.close();
    }
}

/// Writes `text` as a JSON string (RFC 8259). Bytes that are no UTF-8 become U+FFFD; control characters, and those that
/// hide or reverse text, become `\uXXXX`, so that a terminal is as safe as with the list.
#[inline(never)]
fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    // Nearly all strings are plain, among them the names of all fields.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.iter().all(is_plain) {
        write_short(out, text);
        return out.push(b'"');
    }
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' | '\\' => write_short(out, &[b'\\', u8::try_from(char).unwrap_or(b'"')]),
                '\n' => write_short(out, b"\\n"),
                '\t' => write_short(out, b"\\t"),
                '\r' => write_short(out, b"\\r"),
                char if char != ' ' && is_hidden(char) => {
                    for unit in char.encode_utf16(&mut [0; 2]) {
                        write_short(out, b"\\u");
                        write_hex(out, &unit.to_be_bytes());
                    }
                }
                char => write_short(out, char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            write_short(out, "\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Returns the address family and the type that a program passes to socket(2), as far as the row tells them; else nothing.
fn family_and_type(row: &Row<'_>, detail: &Detail) -> (&'static str, &'static str) {
    let of_proto = (row.proto.family(), row.proto.socket_type());
    let (family, socket_type) = match row.ends {
        Ends::Sctp { addresses, .. } if addresses.contains(&b':') => ("inet6", ""),
        // What the kernel calls UNIX is of any type, or of two.
        Ends::Unlisted(b"unix") => (of_proto.0, ""),
        // Two rows claim it, which may differ in the type.
        Ends::Doubtful if row.lacks_type() => (of_proto.0, ""),
        Ends::Unlisted(name) => unlisted::family_and_type(name).unwrap_or(of_proto),
        _ => of_proto,
    };
    let told = name_of(SOCKET_TYPES, detail.socket_type.into());
    (family, told.unwrap_or(socket_type))
}

/// Writes everything that was found.
///
/// # Errors
/// The error of writing to `out`.
pub(crate) fn write_json(snapshot: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    write_objects(snapshot, &mut snapshot.entries(), None, out)
}

/// Writes an object for each of `entries`, with an `event` of `--watch` in front if there is one.
///
/// # Errors
/// The error of writing to `out`.
#[inline(never)]
pub(crate) fn write_objects<'a>(
    snapshot: &'a Snapshot,
    entries: &mut dyn Iterator<Item = Entry<'a>>,
    event: Option<u8>,
    out: &mut impl Write,
) -> io::Result<()> {
    write_pieces(entries, Vec::new(), out, &mut |piece, entry| {
        let mut object = Object::open(piece);
        if let Some(sign) = event {
            object.text("event", Some(&[sign]));
        }
        write_members(&mut object, snapshot, entry);
        object.close();
        piece.push(b'\n');
    })
}

/// Writes all members of `entry` into `object`.
fn write_members(object: &mut Object<'_>, snapshot: &Snapshot, entry: &Entry<'_>) {
    let (row, detail) = (&entry.row, &snapshot.sockets.detail(entry.socket));
    let task = entry.process.map(|process| process.task);
    object.number("pid", task.map(|task| task.pid));
    object.number("tid", task.map(|task| task.tid).filter(|tid| *tid != 0));
    object.text("command", process_command(snapshot, entry));
    object.number("fd", entry.fd);
    object.number("uid", detail.uid);
    object.number("inode", Some(row.inode).filter(|inode| *inode != 0));
    object.written("proto", &mut |out| match (row.proto, row.ends) {
        (Proto::Other, Ends::Unlisted(b"")) => {}
        _ => write_proto(out, row),
    });
    let (family, socket_type) = family_and_type(row, detail);
    for (name, word) in [("family", family), ("type", socket_type)] {
        object.text(name, Some(word.as_bytes()).filter(|word| !word.is_empty()));
    }
    object.written("state", &mut |out| match row.state {
        State::UNLISTED | State::NONE => {}
        state => write_state(out, state),
    });
    object.number("recv_queue", row.rx_queue);
    object.number("send_queue", row.tx_queue);
    write_ends(object, row, snapshot.interfaces(entry.socket));
    object.text("owner", Some(entry.owner.name().as_bytes()));
    object.number("netns", snapshot.netns_inode(entry.socket));
    let container = snapshot.container(entry).and_then(Container::full_id);
    object.text("container", container);
    write_tcp(object, row, detail);
    let peer = snapshot.peer(entry);
    object.number("peer_pid", peer.and_then(|peer| peer.pid));
    object.text("peer_command", peer.map(|peer| peer.command));
    let container = peer.and_then(|peer| peer.container);
    object.text("peer_container", container.and_then(Container::full_id));
    for (name, text) in snapshot
        .container_or_unit(entry)
        .unwrap_or(Container::UNKNOWN)
        .names()
    {
        object.text(name, Some(text).filter(|text| !text.is_empty()));
    }
}

/// Returns the command of the process of `entry`, or none where nobody holds the socket or the process has ended.
fn process_command<'a>(snapshot: &'a Snapshot, entry: &Entry<'a>) -> Option<&'a [u8]> {
    let command = entry.process.map(|_| snapshot.command(entry));
    command.filter(|command| !command.is_empty())
}

/// Writes the members that tell the two ends of `row`: first as the list has them, then their parts.
fn write_ends(object: &mut Object<'_>, row: &Row<'_>, interfaces: &Interfaces) {
    object.written("local", &mut |out| write_local(out, row, interfaces));
    object.written("remote", &mut |out| write_remote(out, row));
    let (local, remote) = row.ends.inet().unzip();
    let remote = remote.filter(|remote| is_end(*remote));
    let has_ports = Protos::PORTED.has(row.proto);
    for (end, address_name, port_name) in [
        (local, "local_address", "local_port"),
        (remote, "remote_address", "remote_port"),
    ] {
        object.written(address_name, &mut |out| {
            if let Some((address, _)) = end {
                write_ip(out, address);
            }
        });
        let port = end.map(|(_, port)| port.into()).filter(|_| has_ports);
        object.number(port_name, port);
    }
    let path = match row.ends {
        Ends::Path(path) if !path.is_empty() => Some(path),
        _ => None,
    };
    object.text("path", path);
    let odd = path.filter(|path| std::str::from_utf8(path).is_err());
    object.written("path_hex", &mut |out| {
        write_hex(out, odd.unwrap_or_default());
    });
    object.written("interface", &mut |out| match row.ends {
        Ends::Packet { ifindex, .. } if ifindex != 0 => match interfaces.name(ifindex) {
            Some(name) => out.extend_from_slice(name),
            None => write_interface(out, interfaces, ifindex),
        },
        Ends::Device(name) => out.extend_from_slice(name),
        Ends::Inet {
            local: (IpAddr::V6(address), _),
            ..
        } => out.extend_from_slice(interfaces.of_address(address).unwrap_or_default()),
        Ends::Sctp { addresses, .. } => {
            if let IpAddr::V6(address) = primary(sides(addresses).0) {
                out.extend_from_slice(interfaces.of_address(address).unwrap_or_default());
            }
        }
        _ => {}
    });
    object.written("protocol", &mut |out| {
        write_protocol(out, row);
    });
}

/// Writes the members that only TCP has, and the drops that only others have.
fn write_tcp(object: &mut Object<'_>, row: &Row<'_>, detail: &Detail) {
    let timer = timer_name(detail);
    object.text("timer", timer.map(str::as_bytes));
    object.hundredths("timer_seconds", timer.map(|_| detail.timer_ticks));
    let figures = detail.figures(row);
    object.number("retransmits", figures.retransmits);
    object.hundredths("rto_seconds", figures.rto_ticks);
    object.number("cwnd", figures.cwnd);
    object.number("ssthresh", figures.ssthresh);
    object.number("drops", figures.drops);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &[u8]) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_string_is_what_a_json_parser_reads_back_as_the_same() {
        let cases: [(&[u8], &str); 9] = [
            (b"/run/a b.sock", r#""/run/a b.sock""#),
            (b"say \"a\\b\"", r#""say \"a\\b\"""#),
            (b"\n\t\r\0\x1b\x7f", r#""\n\t\r\u0000\u001b\u007f""#),
            ("Käse🧀".as_bytes(), "\"Käse🧀\""),
            (
                "\u{85}\u{202e}\u{2028}".as_bytes(),
                r#""\u0085\u202e\u2028""#,
            ),
            ("\u{e0041}".as_bytes(), r#""\udb40\udc41""#),
            (b"a\xff\xfeb", "\"a\u{fffd}\u{fffd}b\""),
            (b"\xe2\x82", "\"\u{fffd}\""),
            (b"", "\"\""),
        ];
        for (text, wanted) in cases {
            assert_eq!(string(text), wanted);
        }
    }

    #[test]
    fn an_object_is_whole_with_and_without_members() {
        let mut out = Vec::new();
        Object::open(&mut out).close();
        let mut object = Object::open(&mut out);
        object.number("one", Some(1));
        object.number("none", None);
        object.hundredths("part", Some(120));
        object.written("word", &mut |out| out.extend_from_slice(b"a\"b"));
        object.written("nothing", &mut |_| ());
        object.counts("counts", &[(b"x".to_vec(), 7)]);
        object.counts("empty", &[]);
        object.close();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{}{"one":1,"none":null,"part":1.20,"word":"a\"b","nothing":null,"counts":{"x":7},"empty":{}}"#
        );
    }
}
