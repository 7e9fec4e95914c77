//! The fuzz targets of lsock: each takes bytes, gives them to a room of lsock, and holds what comes out against a property or a
//! naive twin. In: bytes of libFuzzer's. Out: nothing, or a panic that says what does not hold. lsock's rooms are compiled
//! here from the files of src/ themselves, once for all targets; nothing of lsock is changed for it.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    private_interfaces,
    reason = "the rooms are a program's: a target uses a part of them"
)]

#[path = "../../../src/cli/mod.rs"]
mod cli;
#[path = "../../../src/collections/mod.rs"]
mod collections;
#[path = "../../../src/dialects/mod.rs"]
mod dialects;
#[path = "../../../src/join/mod.rs"]
mod join;
#[path = "../../../src/output.rs"]
mod output;
#[path = "../../../src/plan.rs"]
mod plan;
#[path = "../../../src/proc/mod.rs"]
mod proc;
#[path = "../../../src/run.rs"]
mod run;
#[path = "../../../src/select/mod.rs"]
mod select;
#[path = "../../../src/snapshot/mod.rs"]
mod snapshot;
#[path = "../../../src/socket/mod.rs"]
mod socket;
#[path = "../../../src/status.rs"]
mod status;
#[path = "../../../src/tables/mod.rs"]
mod tables;
#[path = "../../../src/text/mod.rs"]
mod text;
#[path = "../../../src/views/mod.rs"]
mod views;
#[path = "../../../src/walk/mod.rs"]
mod walk;
#[path = "../../../src/warn.rs"]
mod warn;

pub mod fuzz;
