//! The language of ss. In: the words behind its name. Out: its rows, and its exit status.
//!
//! The way of a row: `arguments` says which tables and states are shown, `condition` reads those, `is_shown` holds each row
//! against them and the filter, `format` writes its fields, `columns` puts these into lines.

mod arguments;
mod columns;
mod filter;
mod format;
mod summary;

use std::io::Write;

use super::Failure;
use super::look::Look;
use super::rows::{Rows, TableRow};
use crate::dialects::ss::arguments::{Asked, Stop, family, table};
use crate::dialects::ss::columns::{Columns, Fields};
use crate::dialects::ss::format::{Writer, state_number};
use crate::join::dual_stack::Wildcards;
use crate::output::write_out;
use crate::proc::sys;
use crate::select::{Condition, RowTest};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Ends, Row};

/// The exit status where ss itself fails.
const FAILED: u8 = 1;

/// The output is written in pieces of about this size.
const PIECE_LEN: usize = 32 * 1024;

/// What is shown of a protocol.
struct Kind {
    /// The protocol.
    proto: Proto,
    /// The table of ss's that has it.
    table: u16,
    /// The bit of its family.
    family: u8,
}

/// What ss shows, in its order.
static KINDS: [Kind; 11] = [
    Kind {
        proto: Proto::Netlink,
        table: table::NETLINK,
        family: family::NETLINK.bit,
    },
    Kind {
        proto: Proto::Packet,
        table: table::PACKET,
        family: family::LINK.bit,
    },
    Kind {
        proto: Proto::Unix,
        table: table::UNIX_STREAM,
        family: family::UNIX.bit,
    },
    Kind {
        proto: Proto::UnixDgram,
        table: table::UNIX_DGRAM,
        family: family::UNIX.bit,
    },
    Kind {
        proto: Proto::UnixSeq,
        table: table::UNIX_SEQ,
        family: family::UNIX.bit,
    },
    Kind {
        proto: Proto::Raw,
        table: table::RAW,
        family: family::INET.bit,
    },
    Kind {
        proto: Proto::Raw6,
        table: table::RAW,
        family: family::INET6.bit,
    },
    Kind {
        proto: Proto::Udp,
        table: table::UDP,
        family: family::INET.bit,
    },
    Kind {
        proto: Proto::Udp6,
        table: table::UDP,
        family: family::INET6.bit,
    },
    Kind {
        proto: Proto::Tcp,
        table: table::TCP,
        family: family::INET.bit,
    },
    Kind {
        proto: Proto::Tcp6,
        table: table::TCP,
        family: family::INET6.bit,
    },
];

/// Does what ss would do with `words`, and returns its exit status.
///
/// # Errors
/// What is said, and the exit status: the command line is wrong, or is refused.
pub(super) fn run(words: &[Vec<u8>]) -> Result<u8, Failure> {
    let asked = match arguments::parse(words.to_vec()) {
        Ok(asked) => asked,
        Err(Stop::Print(text)) => {
            return written(write_out(|out| out.write_all(text.as_bytes())));
        }
        Err(Stop::Fail(mut text, has_usage, status)) => {
            text.push('\n');
            if has_usage {
                text.push_str(arguments::USAGE);
            }
            return Err(Failure { text, status });
        }
    };
    let mut piece = Vec::new();
    if asked.summary {
        summary::write(&mut piece).map_err(failed)?;
    }
    if asked.only_summary {
        return written(write_out(|out| out.write_all(&piece)));
    }
    let look = Look::take(condition(&asked), true).map_err(failed)?;
    written(write_out(|out| {
        write_rows(&look, &asked, &mut piece, &mut |piece| {
            if piece.len() > PIECE_LEN {
                out.write_all(piece)?;
                piece.clear();
            }
            Ok(())
        })?;
        out.write_all(&piece)
    }))
}

/// Returns the exit status behind what was written.
fn written(result: Result<bool, String>) -> Result<u8, Failure> {
    result.map(|_| 0).map_err(failed)
}

/// Returns the failure that `line` says.
fn failed(line: String) -> Failure {
    Failure {
        text: ["ss: ", &line, "\n"].concat(),
        status: FAILED,
    }
}

/// Returns the condition on the rows that are read: those of the tables, families and states that are shown, and the ports
/// of the filter; of IPv4 also what tells whether a socket of IPv6 takes that.
#[inline(never)]
fn condition(asked: &Asked) -> Condition {
    let mut kinds = Vec::new();
    for kind in &KINDS {
        let is_v4_of = |family: u8| kind.family == family::INET.bit && asked.families & family != 0;
        let is_waiting = asked.states & (1 << 7 | 1 << 10) != 0;
        let is_shown = kind.family & asked.families != 0;
        if kind.table & asked.tables == 0
            || !(is_shown || is_waiting && is_v4_of(family::INET6.bit))
        {
            continue;
        }
        let protos = Protos::of(&[kind.proto]);
        let mut all = vec![
            Condition::Row(RowTest::Proto(protos)),
            states(asked, protos),
        ];
        if let Some(filter) = asked
            .filter
            .as_ref()
            .filter(|_| Protos::INET.has(kind.proto))
        {
            all.push(filter.bound());
        }
        kinds.push(Condition::All(all));
    }
    Condition::any(kinds).settle(&mut |_| crate::select::Truth::Maybe)
}

/// Returns the condition that a socket of one of `protos` is in a state that is shown.
#[inline(never)]
fn states(asked: &Asked, protos: Protos) -> Condition {
    let is_shown = |state: &State| asked.states & 1 << state_number(*state) != 0;
    let known = State::NAMES.iter().map(|(state, _)| *state);
    let known = known.filter(|state| *state != State::UNLISTED && state_number(*state) < 12);
    let mut some = Vec::new();
    for state in known
        .filter(is_shown)
        .filter(|state| state.protos().meets(protos))
    {
        some.push(Condition::Row(RowTest::State(protos, state)));
    }
    Condition::any(some)
}

/// Returns true if `row` is shown. Of unix that is no connection which nobody has accepted: ss knows nothing of those.
#[inline(never)]
fn is_shown(asked: &Asked, row: &TableRow<'_>, look: &Look, ephemeral: (u16, u16)) -> bool {
    let Some(kind) = KINDS.iter().find(|kind| kind.proto == row.row.proto) else {
        return false;
    };
    let mut tables = kind.table & asked.tables;
    if let Ends::Packet { .. } = row.row.ends {
        let is_raw = look.snapshot.sockets.detail(row.socket).socket_type == 3;
        tables &= if is_raw {
            table::PACKET_RAW
        } else {
            table::PACKET_DGRAM
        };
    }
    let is_unaccepted = Protos::UNIX.has(row.row.proto) && row.row.inode == 0;
    tables != 0
        && kind.family & asked.families != 0
        && !is_unaccepted
        && asked.states & 1 << state_number(row.row.state).min(15) != 0
        && asked
            .filter
            .as_ref()
            .is_none_or(|filter| filter.holds(&row.row, ephemeral))
}

/// Returns the place of `row`, which is at `position` in the tables, in ss's order: unix by inode, all else as in its table.
#[inline(never)]
fn place(row: &Row<'_>, position: u32) -> u64 {
    let kind = KINDS
        .iter()
        .zip(0_u64..)
        .find(|(kind, _)| kind.proto == row.proto);
    let within = if Protos::UNIX.has(row.proto) {
        row.inode
    } else {
        position
    };
    kind.map_or(u64::MAX, |(_, number)| number << 32 | u64::from(within))
}

/// Writes the header and all rows to the end of `piece`, and calls `flush` behind each line.
#[inline(never)]
fn write_rows(
    look: &Look,
    asked: &Asked,
    piece: &mut Vec<u8>,
    flush: &mut dyn FnMut(&mut Vec<u8>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let is_one = |set: u16| set.is_power_of_two();
    let mut columns = Columns::new(is_one(asked.tables), is_one(asked.states));
    let header = Columns::header();
    if !asked.headless {
        columns.measure(&header, false);
    }
    let writer = Writer {
        look,
        asked,
        wildcards: &Wildcards::of(&look.snapshot.sockets),
    };
    let ephemeral = match &asked.filter {
        Some(filter) if filter.asks_ephemeral() => look.ephemeral_ports(),
        _ => (0, 0),
    };
    let rows = Rows::of(&look.snapshot, &place);
    let shown = || {
        rows.iter()
            .filter(|row| is_shown(asked, row, look, ephemeral))
    };
    let mut fields = Fields::default();
    let mut some = false;
    let mut all = shown().peekable();
    while let Some(row) = all.next() {
        writer.write(&mut fields, &row);
        columns.measure(&fields, all.peek().is_none());
        some = true;
    }
    columns.settle(sys::terminal_width());
    if !asked.headless {
        columns.write(piece, &header);
    }
    if some {
        for row in shown() {
            writer.write(&mut fields, &row);
            columns.write(piece, &fields);
            flush(piece)?;
        }
    }
    Ok(())
}
