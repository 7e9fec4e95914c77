//! lsock lists the sockets of processes from /proc alone. It is one static binary that is copied into a container which
//! has nothing, or run beside it: it replaces reading the `socket:[INODE]` links of /proc/PID/fd, finding the inode in
//! /proc/net/*, and decoding the hexadecimal by hand.
//!
//! The rooms stand in the order of the way of the data, seen from its end: each imports only from rooms below it (ci/test
//! holds every import against this list). What was typed (`cli`) becomes a condition (`select`) and a plan; the walk finds
//! who holds which inode, the tables what a socket is, the join puts both together; that is a snapshot, which a view prints.
//!
//! Where a new thing goes (the compiler asks for lengths of lists and arms of matches, and for nothing else):
//! - a column: a row in `views/column.rs`; if it shows something new, a field of `socket::Detail` and its parser, and where
//!   the list has it without `-e` also `keeps` in `plan.rs`;
//! - a protocol: a row in `socket/proto.rs`, a row in `tables/mod.rs` and its parser; if it has ports, its kind in
//!   `socket/connection.rs`; if it has states, theirs in `socket/state.rs`; if it is selected by name, `cli/values.rs`;
//! - a view: a variant of `cli::View`, an option that sets it, an arm in `views/mod.rs`, its file, and what it needs in
//!   `plan.rs`;
//! - an option: a line of `cli/help.txt`, a row in `cli/options.rs`, and what it excludes in `cli/conflicts.rs`; if it
//!   selects, a question in `select/mod.rs`, what that needs there too, and its words in `views/silence.rs`; if another
//!   tool has the letter for something else, a rule in `cli/dialect.rs` and lines in `tests/all/fingers.tsv`;
//! - what another tool prints under its own name: its name in `dialects/mod.rs`, and its folder there.

#![cfg_attr(not(test), no_main)]

mod run;

mod dialects;

mod views;

mod status;

mod snapshot;

mod plan;

mod join;
mod tables;
mod walk;

mod cli;
mod select;

mod socket;

mod collections;
mod output;
mod warn;

mod proc;
mod text;

use std::ffi::OsString;
use std::io::Write;

use cli::Action;
use output::write_out;
use status::Status;

proc::sys::start::program!(start);

/// Does what the command line says, and returns the exit status.
fn start(arguments: Vec<OsString>) -> u8 {
    let call = match dialects::Call::of(&arguments) {
        Ok(Some(call)) => return call.run(),
        other => other,
    };
    let words = arguments.into_iter().skip(1).collect();
    let status = call.and_then(|_| answer(words)).unwrap_or_else(|line| {
        output::say(&format!("lsock: {line}\n"));
        Status::Failed
    });
    status.number()
}

/// Does what the command line says.
///
/// # Errors
/// One line, without the program's name.
fn answer(arguments: Vec<OsString>) -> Result<Status, String> {
    match cli::parse(arguments)? {
        Action::Help => write_out(|out| out.write_all(cli::HELP.as_bytes()))?,
        Action::Version => write_out(|out| writeln!(out, "lsock {}", env!("CARGO_PKG_VERSION")))?,
        Action::Run(options) => return run::run(&options),
    };
    Ok(Status::Shown)
}
