//! Counts the steps of a piece of work: the blocks of code that are run, which does not depend on the machine or its load. In:
//! the calls that the compiler puts into every block (`-sanitizer-coverage-trace-pc`). Out: a number. Blocks of std that
//! were compiled before are not counted; those of its generic code are.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many blocks were run since the program began.
static STEPS: AtomicU64 = AtomicU64::new(0);

// In assembly, because a function of Rust's would be given such a call too.
#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".globl __sanitizer_cov_trace_pc",
    "__sanitizer_cov_trace_pc:",
    "inc qword ptr [rip + {steps}]",
    "ret",
    steps = sym STEPS,
);

/// The steps that any input may take, however short: the options, the tables of words, the first memory.
const STEPS_MIN: u64 = 100_000;
/// The steps that a byte may take, for each time that the length can be halved: a line of one byte that is of no table takes 3,200
/// under a header that is not the kernel's.
const STEPS_A_BYTE: u64 = 160;

/// Does `work` on an input of `len` bytes, and panics if that takes more steps than n log n allow.
pub(super) fn bounded<T>(len: usize, work: impl FnOnce() -> T) -> T {
    let before = STEPS.load(Ordering::Relaxed);
    let done = work();
    let steps = STEPS.load(Ordering::Relaxed) - before;
    let len = len as u64;
    let most = STEPS_MIN + STEPS_A_BYTE * len * u64::from(64 - len.leading_zeros());
    assert!(
        steps <= most,
        "{steps} steps for {len} bytes, {most} allowed"
    );
    if std::env::var_os("LSOCK_FUZZ_STEPS").is_some() {
        eprintln!("{steps} steps for {len} bytes, {most} allowed");
    }
    done
}
