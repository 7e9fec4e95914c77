//! The language of ss. In: the words behind its name. Out: its rows, and its exit status. It asks nothing but /proc.
//!
//! The way of a row: `arguments` says which tables and states are shown (by their `names`), `condition` reads those,
//! `is_shown` holds each row against them and the `filter` (which `grammar` and `ends` read), `format` writes its fields,
//! `columns` puts these into lines. The totals of `-s` are `summary`'s.

pub(crate) mod arguments;
mod columns;
mod ends;
pub(crate) mod filter;
mod format;
mod grammar;
mod names;
mod summary;

use std::io;

use super::Failure;
use super::look::Look;
use super::page::{self, Page, failed};
use super::rows::{CONTESTED, Rows, TableRow};
use crate::dialects::getopt::cut;
use crate::dialects::ss::arguments::Asked;
use crate::dialects::ss::columns::{Columns, Fields};
use crate::dialects::ss::format::{Writer, shown_state, state_number};
use crate::dialects::ss::names::{
    INET, INET6, LINK, NETLINK, NETLINK_ALL, PACKET_ALL, PACKET_DGRAM, PACKET_RAW, RAW, SCTP, TCP,
    UDP, UNIX, UNIX_ALL, UNIX_DGRAM, UNIX_SEQ, UNIX_STREAM,
};
use crate::join::dual_stack::Wildcards;
use crate::proc::{Task, sys};
use crate::select::{Condition, RowTest, Truth};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Ends, Row};

/// What ss shows, in its order: protocols, each with its table and its family.
static KINDS: [(Proto, u16, u8); 11] = [
    (Proto::Netlink, NETLINK_ALL, NETLINK),
    (Proto::Packet, PACKET_ALL, LINK),
    (Proto::Unix, UNIX_STREAM, UNIX),
    (Proto::UnixDgram, UNIX_DGRAM, UNIX),
    (Proto::UnixSeq, UNIX_SEQ, UNIX),
    (Proto::Raw, RAW, INET),
    (Proto::Raw6, RAW, INET6),
    (Proto::Udp, UDP, INET),
    (Proto::Udp6, UDP, INET6),
    (Proto::Tcp, TCP, INET),
    (Proto::Tcp6, TCP, INET6),
];

/// Does what ss would do with `words`, and returns its exit status.
///
/// # Errors
/// What is said, and the exit status: the command line is wrong, or is refused.
#[inline(never)]
pub(super) fn run(words: &[Vec<u8>]) -> Result<u8, Failure> {
    let asked = match arguments::parse(words) {
        Ok(asked) => asked,
        Err(stop) => return stop.run(arguments::USAGE),
    };
    let mut totals = Vec::new();
    if asked.has(b's') {
        summary::write(&mut totals).map_err(|line| failed(&line))?;
    }
    let look = if asked.only_summary {
        None
    } else {
        let look = Look::take(condition(&asked), asked.has(b'p'));
        Some(look.map_err(|line| failed(&line))?)
    };
    if look.as_ref().is_some_and(|look| hides_sctp(&asked, look)) {
        let why = "lsock shows none of its sockets here; name other kinds, as -t -u -x";
        return arguments::refused("sctp", why).run("");
    }
    page::print(&mut |page| {
        page.text.append(&mut totals);
        look.as_ref()
            .map_or(Ok(()), |look| write_rows(look, &asked, page))
    })
    .map(|_| 0)
}

/// Returns true if ss would list sockets of SCTP: the kernel has an endpoint, which stands below the header of the table.
fn hides_sctp(asked: &Asked, look: &Look) -> bool {
    let (own, mut room) = (look.proc.own_pid().unwrap_or(0), [0; 512]);
    let own = Task::process(own);
    let table = look.proc.read_file(own, "net/sctp/eps", &mut room);
    let mut rows = Some(table.unwrap_or_default());
    cut(&mut rows, b'\n');
    asked.tables & SCTP != 0
        && asked.families & (INET | INET6) != 0
        && rows.is_some_and(|rows| !rows.is_empty())
}

/// Returns the condition on the rows that are read: those of the tables, families and states that are shown, and the ports
/// of the filter; of IPv4 also what tells whether a socket of IPv6 takes that.
#[inline(never)]
pub(crate) fn condition(asked: &Asked) -> Condition {
    let mut families = asked.families;
    if asked.states & (1 << 7 | 1 << 10) != 0 && families & INET6 != 0 {
        families |= INET;
    }
    let mut kinds = Vec::new();
    for (proto, table, family) in KINDS {
        if table & asked.tables == 0 || family & families == 0 {
            continue;
        }
        let protos = Protos::of(&[proto]);
        let mut all = vec![
            Condition::Row(RowTest::Proto(protos)),
            states(asked, protos),
        ];
        // A raw socket has the number of a protocol where these have a port.
        let filter = asked.filter.as_ref();
        if let Some(filter) = filter.filter(|_| Protos::PORTED.has(proto)) {
            all.push(filter.bound());
        }
        kinds.push(Condition::All(all));
    }
    if asked.tables & UNIX_ALL != 0 && families & UNIX != 0 {
        kinds.push(CONTESTED);
    }
    Condition::any(kinds).settle(&mut |_| Truth::Maybe)
}

/// Returns the condition that a socket of one of `protos` is in a state that is shown.
fn states(asked: &Asked, protos: Protos) -> Condition {
    let mut some = Vec::new();
    for (state, _) in State::NAMES {
        let number = state_number(state);
        if state.protos().meets(protos)
            && state != State::UNLISTED
            && number < 12
            && asked.states & 1 << number != 0
        {
            some.push(Condition::Row(RowTest::State(protos, state)));
        }
    }
    Condition::any(some)
}

/// Returns true if `row` is shown. Of unix that is no connection which nobody has accepted: ss knows nothing of those.
fn is_shown(asked: &Asked, row: &TableRow<'_>, look: &Look, ephemeral: (u16, u16)) -> bool {
    let mut kinds = KINDS.iter();
    let Some((_, table, family)) = kinds.find(|(proto, ..)| *proto == row.row.proto) else {
        return false;
    };
    let mut table = *table;
    if let Ends::Packet { .. } = row.row.ends {
        table = match look.snapshot.sockets.detail(row.socket).socket_type {
            3 => PACKET_RAW,
            _ => PACKET_DGRAM,
        };
    }
    if row.row.lacks_type() {
        table = UNIX_ALL;
    }
    table & asked.tables != 0
        && family & asked.families != 0
        && !(*family == UNIX && row.row.inode == 0)
        && (row.row.is_contested() || asked.states & 1 << shown_state(&row.row).min(15) != 0)
        && match &asked.filter {
            Some(filter) => filter.holds(&row.row, ephemeral),
            None => true,
        }
}

/// Returns the place of `row`, which is at `position` in the tables, in ss's order: unix by inode, all else as in its table.
fn place(row: &Row<'_>, position: u32) -> u64 {
    let mut kinds = KINDS.iter().zip(0_u64..);
    let found = kinds.find(|((proto, ..), _)| *proto == row.proto);
    let within = if Protos::UNIX.has(row.proto) {
        row.inode
    } else {
        position
    };
    found.map_or(0, |(_, number)| number) << 32 | u64::from(within)
}

/// Writes the header and all rows.
#[inline(never)]
fn write_rows(look: &Look, asked: &Asked, page: &mut Page<'_>) -> io::Result<()> {
    let is_one = |set: u16| set.is_power_of_two();
    let mut columns = Columns::new(is_one(asked.tables), is_one(asked.states));
    let mut fields = Fields::header();
    let has_header = !asked.has(b'H');
    if has_header {
        columns.measure(&fields, false);
    }
    let writer = Writer {
        look,
        asked,
        wildcards: &Wildcards::of(&look.snapshot.sockets),
    };
    let ephemeral = if asked.asks_ephemeral {
        look.ephemeral_ports()
    } else {
        (0, 0)
    };
    let mut rows = Rows::of(&look.snapshot, &place);
    rows.retain(&|row| is_shown(asked, row, look, ephemeral));
    // The first time they are measured, the second time written.
    for is_written in [false, true] {
        if is_written {
            columns.settle(sys::terminal_width());
            if has_header {
                columns.write(&mut page.text, &Fields::header());
                page.end_line()?;
            }
        }
        for number in 0..rows.len() {
            writer.write(&mut fields, &rows.row(number));
            if is_written {
                columns.write(&mut page.text, &fields);
                page.end_line()?;
            } else {
                columns.measure(&fields, number + 1 == rows.len());
            }
        }
    }
    Ok(())
}
