//! Leaves the tables for unwinding out of the program: with `panic = "abort"` nothing reads them, and they are a tenth of
//! what people copy about. Makes the program position independent where rustc does not. In: what cargo says of the build.
//! Out: arguments for the linker. Cargo gives the first two to the unit tests too: of those, one that fails ends all of
//! them, after its message.

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rerun-if-changed=.cargo/discard.ld");
    println!("cargo::rustc-link-arg-bins=-T{folder}/.cargo/discard.ld");
    println!("cargo::rustc-link-arg-bins=--no-eh-frame-hdr");
    // The configuration asks for this by leaving musl's start code out.
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if flags.contains("link-self-contained=no") {
        start_anywhere();
    }
}

/// Links the start code of musl that loads a static program at any address, as rustc itself does for 64-bit x86. Of 64-bit
/// ARM and 32-bit x86 it does not know that they can (`static-position-independent-executables` of its targets).
fn start_anywhere() {
    let [rustc, target] = ["RUSTC", "TARGET"].map(|name| std::env::var(name).unwrap_or_default());
    let asked = std::process::Command::new(rustc)
        .args(["--print", "target-libdir", "--target", &target])
        .output();
    let folder = asked.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned());
    let folder = folder.unwrap_or_default() + "/self-contained";
    println!("cargo::rustc-link-search=native={folder}");
    for option in ["-pie", "--no-dynamic-linker", "-ztext"] {
        println!("cargo::rustc-link-arg={option}");
    }
    for object in ["rcrt1.o", "crti.o", "crtbeginS.o", "crtendS.o", "crtn.o"] {
        println!("cargo::rustc-link-arg={folder}/{object}");
    }
}
