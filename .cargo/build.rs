//! Leaves the tables for unwinding out of the binary that is shipped: a panic aborts, so nothing reads them, and they
//! are a tenth of the file. Tests, which are built without optimisation, keep theirs and need them.

fn main() {
    println!("cargo::rerun-if-changed=.cargo/no-unwind-tables.ld");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rustc-link-arg-bins=--no-eh-frame-hdr");
        println!("cargo::rustc-link-arg-bins=-T.cargo/no-unwind-tables.ld");
    }
}
