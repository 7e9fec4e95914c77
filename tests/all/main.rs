//! Every test of the program from outside: one test program, a module for each theme.
//!
//! What comes in: the binary that cargo built, fake proc trees, sockets of the kernel, other tools. What goes out: tests
//! named as sentences, and a line `skipped: TEST: REASON` for each that cannot run here. It sees no code of lsock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect has failed, and says so by a panic"
)]

mod again;
mod answers;
mod asks;
mod by_name;
mod captures;
mod churn;
mod decode;
mod denied;
mod dialects;
mod fingers;
mod hurts;
mod json;
mod list;
mod listeners;
mod live;
mod machine;
mod names;
mod namespaces;
mod nat;
mod numbers;
mod rows;
mod run;
mod seats;
mod threads;
mod traps;
mod tree;
mod usage;
mod watch;
