//! Leaves the tables for unwinding out of the program: with `panic = "abort"` nothing reads them, and they are a tenth of
//! what people copy about. In: nothing. Out: two arguments for the linker. Cargo gives them to the unit tests too: of
//! those, one that fails ends all of them, after its message.

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rerun-if-changed=.cargo/discard.ld");
    println!("cargo::rustc-link-arg-bins=-T{folder}/.cargo/discard.ld");
    println!("cargo::rustc-link-arg-bins=--no-eh-frame-hdr");
}
