//! The language of netstat. In: the words behind its name. Out: its rows, and its exit status.
//!
//! The way of a row: `arguments` says which kinds are shown, `condition` reads those, `is_shown` holds each row against what
//! is asked, `format` writes its line.

mod arguments;
mod format;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use super::Failure;
use super::look::Look;
use super::people::first_word;
use super::rows::{Rows, TableRow};
use crate::dialects::netstat::arguments::{Asked, Stop, kind};
use crate::dialects::netstat::format::{
    kind_of, write_inet, write_inet_header, write_program, write_unix, write_unix_header,
};
use crate::output::{say, write_out};
use crate::proc::{Task, sys};
use crate::select::{Condition, RowTest, Truth};
use crate::socket::proto::{Proto, Protos};
use crate::socket::state::State;
use crate::socket::{Ends, Row};

/// The exit status where netstat itself fails.
const FAILED: u8 = 1;

/// The output is written in pieces of about this size.
const PIECE_LEN: usize = 32 * 1024;

/// The pause between two looks of `-c`.
const PAUSE: Duration = Duration::from_secs(1);

/// The protocols of netstat, in its order, each with what the kernel's table is called whose absence ends the list.
static PROTOS: [(Proto, &str); 10] = [
    (Proto::Tcp, ""),
    (Proto::Tcp6, ""),
    (Proto::Sctp, "net/sctp/eps"),
    (Proto::Udp, ""),
    (Proto::Udp6, ""),
    (Proto::Udplite, "net/udplite"),
    (Proto::Udplite6, ""),
    (Proto::Raw, ""),
    (Proto::Raw6, ""),
    (Proto::Unix, ""),
];

/// What is said, before any row, where some process may not be read.
const UNSEEN: &str = "(Not all processes could be identified, non-owned process info\n will not be shown, you would have to be root to see it all.)\n";

/// Does what netstat would do with `words`, and returns its exit status.
///
/// # Errors
/// What is said, and the exit status: the command line is wrong, or is refused.
pub(super) fn run(words: &[Vec<u8>]) -> Result<u8, Failure> {
    let mut asked = match arguments::parse(words.to_vec()) {
        Ok(asked) => asked,
        Err(Stop::Print(text)) => {
            let result = write_out(|out| out.write_all(text.as_bytes()));
            return result.map(|_| 0).map_err(failed);
        }
        Err(Stop::Fail(text, status)) => return Err(Failure { text, status }),
    };
    loop {
        let look = Look::take(condition(&asked), true).map_err(failed)?;
        let missing = missing_kind(&mut asked, &look);
        if asked.programs && look.some_unseen() {
            say(UNSEEN);
        }
        let mut piece = Vec::new();
        let is_read = write_out(|out| {
            write_rows(&look, &asked, &mut piece, &mut |piece| {
                if piece.len() > PIECE_LEN {
                    out.write_all(piece)?;
                    piece.clear();
                }
                Ok(())
            })?;
            out.write_all(&piece)
        });
        let is_read = is_read.map_err(failed)?;
        if let Some(text) = missing {
            return Err(Failure {
                text,
                status: FAILED,
            });
        }
        if !asked.continuous || !is_read || sys::wait_beside(Some(io::stdout().as_fd()), PAUSE) {
            return Ok(0);
        }
    }
}

/// Returns the failure that `line` says.
fn failed(line: String) -> Failure {
    Failure {
        text: ["netstat: ", &line, "\n"].concat(),
        status: FAILED,
    }
}

/// Leaves out of `asked` what comes behind the first kind that was named and that this kernel has not. Returns what is said
/// of it: it ends the list.
fn missing_kind(asked: &mut Asked, look: &Look) -> Option<String> {
    if !asked.is_named || !asked.inet {
        return None;
    }
    let mut kinds = 0;
    for (proto, path) in PROTOS {
        let (kind, _) = kind_of(proto);
        if asked.kinds & kind != 0 && !path.is_empty() && !look.has_file(path) {
            asked.kinds = kinds & asked.kinds;
            let name = if kind == kind::SCTP {
                "sctp"
            } else {
                "udplite"
            };
            let before = "netstat: no support for `AF INET (";
            return Some([before, name, ")' on this system.\n"].concat());
        }
        kinds |= kind;
    }
    None
}

/// Returns the condition on the rows that are read: those of the kinds and families that are shown; of TCP and unix the
/// listeners, if nothing else is shown.
fn condition(asked: &Asked) -> Condition {
    let mut kinds = Vec::new();
    for proto in Proto::ALL {
        let (kind, _) = kind_of(*proto);
        let protos = Protos::of(&[*proto]);
        if kind & asked.kinds == 0 || !is_of_family(*proto, asked) {
            continue;
        }
        let mut all = vec![Condition::Row(RowTest::Proto(protos))];
        if asked.listening && !asked.all && kind & (kind::TCP | kind::UNIX) != 0 {
            all.push(Condition::Row(RowTest::State(protos, State::LISTEN)));
        }
        kinds.push(Condition::All(all));
    }
    Condition::any(kinds).settle(&mut |_| Truth::Maybe)
}

/// Returns true if the family of `proto` is shown.
fn is_of_family(proto: Proto, asked: &Asked) -> bool {
    if Protos::INET6.has(proto) {
        return asked.inet6;
    }
    asked.inet || !Protos::INET4.has(proto)
}

/// Returns true if `row` is shown.
fn is_shown(asked: &Asked, row: &Row<'_>) -> bool {
    let is_listening = match row.ends {
        Ends::Inet { remote, .. } if Protos::TCP.has(row.proto) => remote.1 == 0,
        Ends::Inet { remote, .. } => remote.0.is_unspecified(),
        Ends::Sctp { remote_port, .. } => remote_port == 0,
        _ => row.state == State::LISTEN,
    };
    let (kind, _) = kind_of(row.proto);
    kind & asked.kinds != 0
        && is_of_family(row.proto, asked)
        && (asked.all || asked.listening == is_listening)
}

/// Returns the place of `row`, which is at `position` in the tables, in netstat's order.
fn place(row: &Row<'_>, position: u32) -> u64 {
    let mut known = PROTOS.iter().zip(0_u64..);
    let known = known.find(|((proto, _), _)| *proto == row.proto);
    known.map_or(10, |(_, number)| number) << 32 | u64::from(position)
}

/// Writes all sections to the end of `piece`, and calls `flush` behind each line.
fn write_rows(
    look: &Look,
    asked: &Asked,
    piece: &mut Vec<u8>,
    flush: &mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let rows = Rows::of(&look.snapshot, &place);
    if asked.kinds & kind::INET != 0 {
        write_inet_header(piece, asked);
    }
    let mut writes_unix = false;
    // Many rows have the same holder.
    let (mut of, mut program, mut buffer) = (None, Vec::new(), [0; 512]);
    for row in rows.iter() {
        if !is_shown(asked, &row.row) {
            continue;
        }
        let is_unix = Protos::UNIX.has(row.row.proto);
        if is_unix && !writes_unix {
            write_unix_header(piece, asked);
            writes_unix = true;
        }
        name_program(look, asked, &row, &mut of, &mut program, &mut buffer);
        if is_unix {
            write_unix(piece, asked, &row, &program);
        } else {
            let detail = look.snapshot.sockets.detail(row.socket);
            write_inet(piece, asked, &row, &detail, &program);
        }
        flush(piece)?;
    }
    if asked.kinds & kind::UNIX != 0 && !writes_unix {
        write_unix_header(piece, asked);
    }
    Ok(())
}

/// Leaves in `program` the name of the first holder of `row`, if names are asked for; it is there already if that is `of`.
fn name_program(
    look: &Look,
    asked: &Asked,
    row: &TableRow<'_>,
    of: &mut Option<Task>,
    program: &mut Vec<u8>,
    buffer: &mut [u8],
) {
    let task = row.holders.first().map(|held| held.task);
    if !asked.programs || (task == *of && !program.is_empty()) {
        return;
    }
    program.clear();
    match task {
        Some(task) => write_program(program, task.pid, first_word(&look.proc, task, buffer)),
        None => program.push(b'-'),
    }
    *of = task;
}
