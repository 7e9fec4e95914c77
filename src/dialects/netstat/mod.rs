//! The language of netstat. In: the words behind its name. Out: its rows, and its exit status. It lists sockets alone.
//!
//! The way of a row: `arguments` says which kinds are shown, `condition` reads those, `is_shown` holds each row against what
//! is asked, `format` writes its line.

pub(crate) mod arguments;
mod format;

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use super::Failure;
use super::look::Look;
use super::page::{self, Page, failed};
use super::people::first_word;
use super::rows::{CONTESTED, Rows, TableRow};
use crate::dialects::netstat::arguments::{Asked, INET, SCTP, TCP, UDPLITE, UNIX};
use crate::dialects::netstat::format::{
    kind_of, write_header, write_inet, write_program, write_unix,
};
use crate::output::say;
use crate::proc::{Task, sys};
use crate::select::{Condition, RowTest, Truth};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Ends, Row};

/// The pause between two looks of `-c`.
const PAUSE: Duration = Duration::from_secs(1);

/// The protocols of netstat in its order, but for those of unix, which come last.
static PROTOS: [Proto; 9] = [
    Proto::Tcp,
    Proto::Tcp6,
    Proto::Sctp,
    Proto::Udp,
    Proto::Udp6,
    Proto::Udplite,
    Proto::Udplite6,
    Proto::Raw,
    Proto::Raw6,
];

/// What is said, before any row, where some process may not be read.
const UNSEEN: &str = "(Not all processes could be identified, non-owned process info\n will not be shown, you would have to be root to see it all.)\n";

/// Does what netstat would do with `words`, and returns its exit status.
///
/// # Errors
/// What is said, and the exit status: the command line is wrong, or is refused.
#[inline(never)]
pub(super) fn run(words: &[Vec<u8>]) -> Result<u8, Failure> {
    let mut asked = match arguments::parse(words) {
        Ok(asked) => asked,
        Err(stop) => return stop.run(arguments::USAGE),
    };
    loop {
        let look = Look::take(condition(&asked), asked.has(b'p'));
        let look = look.map_err(|line| failed(&line))?;
        let has_inet = asked.kinds & INET != 0;
        let missing = missing_kind(&mut asked, &look);
        if asked.has(b'p') && look.some_unseen() {
            say(UNSEEN);
        }
        let is_read = page::print(&mut |page| write_rows(&look, &asked, has_inet, page))?;
        if let Some(name) = missing {
            let parts = [
                "netstat: no support for `AF INET (",
                name,
                ")' on this system.\n",
            ];
            return Err(Failure {
                text: parts.concat(),
                status: 1,
            });
        }
        if !asked.has(b'c') || !is_read || sys::wait_beside(Some(io::stdout().as_fd()), PAUSE) {
            return Ok(0);
        }
    }
}

/// Finds the first kind that was named and that this kernel has not: it ends the list. Takes it and all behind it out of
/// `asked`, and returns its name.
fn missing_kind(asked: &mut Asked, look: &Look) -> Option<&'static str> {
    let kinds = [
        (SCTP, "sctp", "net/sctp/eps", TCP),
        (
            UDPLITE,
            "udplite",
            "net/udplite",
            !(UDPLITE | arguments::RAW | UNIX),
        ),
    ];
    let mut kinds = kinds
        .into_iter()
        .filter(|_| asked.is_named && asked.has(b'4'));
    let missing = kinds.find(|(kind, _, path, _)| asked.kinds & kind != 0 && !look.has_file(path));
    let (_, name, _, before) = missing?;
    asked.kinds &= before;
    Some(name)
}

/// Returns the condition on the rows that are read: those of the kinds and families that are shown; of TCP and unix the
/// listeners, if nothing else is shown.
#[inline(never)]
pub(crate) fn condition(asked: &Asked) -> Condition {
    let mut kinds = Vec::new();
    for proto in Proto::ALL {
        let (kind, _) = kind_of(*proto);
        let protos = Protos::of(&[*proto]);
        if kind & asked.kinds == 0 || !is_of_family(*proto, asked) {
            continue;
        }
        let mut all = vec![Condition::Row(RowTest::Proto(protos))];
        if asked.has(b'l') && !asked.has(b'a') && kind & (TCP | UNIX) != 0 {
            all.push(Condition::Row(RowTest::State(protos, State::LISTEN)));
        }
        kinds.push(Condition::All(all));
    }
    if asked.kinds & UNIX != 0 {
        kinds.push(CONTESTED);
    }
    Condition::any(kinds).settle(&mut |_| Truth::Maybe)
}

/// Returns true if the family of `proto` is shown.
fn is_of_family(proto: Proto, asked: &Asked) -> bool {
    if Protos::INET6.has(proto) {
        return asked.has(b'6');
    }
    asked.has(b'4') || !Protos::INET4.has(proto)
}

/// Returns true if `row` is shown.
pub(crate) fn is_shown(asked: &Asked, row: &Row<'_>) -> bool {
    let is_listening = match row.ends {
        Ends::Inet { remote, .. } if Protos::TCP.has(row.proto) => remote.1 == 0,
        Ends::Inet { remote, .. } => remote.0.is_unspecified(),
        Ends::Sctp { remote_port, .. } => remote_port == 0,
        _ => row.state == State::LISTEN,
    };
    let (kind, _) = kind_of(row.proto);
    kind & asked.kinds != 0
        && is_of_family(row.proto, asked)
        && (asked.has(b'a') || row.is_contested() || asked.has(b'l') == is_listening)
}

/// Returns the place of `row`, which is at `position` in the tables, in netstat's order.
fn place(row: &Row<'_>, position: u32) -> u64 {
    let mut known = PROTOS.iter().zip(0_u64..);
    let known = known.find(|(proto, _)| **proto == row.proto);
    known.map_or(9, |(_, number)| number) << 32 | u64::from(position)
}

/// Writes all sections.
#[inline(never)]
fn write_rows(look: &Look, asked: &Asked, has_inet: bool, page: &mut Page<'_>) -> io::Result<()> {
    let rows = Rows::of(&look.snapshot, &place);
    // Many rows have the same holder.
    let (mut of, mut program, mut buffer) = (None, Vec::new(), [0; 512]);
    for is_unix in [false, true] {
        let is_there = if is_unix {
            asked.kinds & UNIX != 0
        } else {
            has_inet
        };
        if !is_there {
            continue;
        }
        write_header(&mut page.text, asked, is_unix);
        page.end_line()?;
        for number in 0..rows.len() {
            let row = rows.row(number);
            if Protos::UNIX.has(row.row.proto) != is_unix || !is_shown(asked, &row.row) {
                continue;
            }
            name_program(look, asked, &row, &mut of, &mut program, &mut buffer);
            if is_unix {
                write_unix(&mut page.text, asked, &row, &program);
            } else {
                let detail = look.snapshot.sockets.detail(row.socket);
                write_inet(&mut page.text, asked, &row, &detail, &program);
            }
            page.end_line()?;
        }
    }
    Ok(())
}

/// Writes the name of the first holder of `row` to `program`, if names are asked for. `of` is whose name is there already.
fn name_program(
    look: &Look,
    asked: &Asked,
    row: &TableRow<'_>,
    of: &mut Option<Task>,
    program: &mut Vec<u8>,
    buffer: &mut [u8],
) {
    let task = row.holders.first().map(|held| held.task);
    if !asked.has(b'p') || (task == *of && !program.is_empty()) {
        return;
    }
    program.clear();
    match task {
        Some(task) => write_program(program, task.pid, first_word(&look.proc, task, buffer)),
        None => program.push(b'-'),
    }
    *of = task;
}
