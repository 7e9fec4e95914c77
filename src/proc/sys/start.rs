//! How the program begins, without std's own beginning. In: what the C library gives to `main`. Out: the program's name
//! and arguments for the program's function, and its exit status for the C library.
//!
//! std's beginning asks poll(2) whether standard input, output and error are open, and aborts without a word where that is
//! denied (an old seccomp profile) or where /dev/null is missing; it opens /dev/null in place of a closed output, so that
//! what is written there seems to have arrived; and it has each thread map a signal stack, and aborts where there is no
//! memory for one. None of this is of use here: this program opens nothing for writing, so no file can be taken for an
//! output; and a stack that overflows meets the guard page.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

/// Makes `main`, which calls the function of this name with the program's name and its arguments, and ends with the exit
/// status that it returns. Under test the harness is the program.
macro_rules! program {
    ($run:path) => {
        /// Begins the program; called by the C library.
        // SAFETY: name and signature are those that the C library calls, once, when the program begins.
        #[cfg(not(test))]
        #[allow(unsafe_code, reason = "the macro is a part of proc::sys")]
        #[unsafe(no_mangle)]
        extern "C" fn main(
            count: std::ffi::c_int,
            arguments: *const *const std::ffi::c_char,
        ) -> std::ffi::c_int {
            // SAFETY: these are the values that the C library gives to `main`.
            let arguments = unsafe { $crate::proc::sys::start::begin(count, arguments) };
            $run(arguments).into()
        }

        #[cfg(test)]
        fn main() {
            $run(Vec::new());
        }
    };
}
pub(crate) use program;

/// Returns the name by which the program was called, and its arguments. From now on a write to a pipe that nobody reads is
/// an error, and not the end of the program.
///
/// # Safety
/// `arguments` must point to `count` pointers to strings that end with NUL and live as long as the program.
pub(crate) unsafe fn begin(count: c_int, arguments: *const *const c_char) -> Vec<OsString> {
    /// `SIGPIPE`, the same on every architecture of Rust's musl targets.
    const SIGPIPE: c_int = 13;
    /// Does nothing: what a handler takes does not end the program.
    extern "C" fn pass(_: c_int) {}

    // SAFETY: `pass` has the type of a handler, and lives as long as the program.
    unsafe { super::signal(SIGPIPE, pass) };
    let count = usize::try_from(count).unwrap_or(0);
    let text = |at| {
        // SAFETY: the caller answers for `count` pointers to strings.
        let text = unsafe { CStr::from_ptr(*arguments.add(at)) };
        OsString::from_vec(text.to_bytes().to_vec())
    };
    (0..count).map(text).collect()
}

/// Stands in for libunwind, which std calls to unwind the stack, in a program that never unwinds: a panic aborts it. A
/// backtrace then has no frames, so the linker leaves out all that would name them: 425 KB in place of 704 KB. The
/// message of a panic and its place are still printed.
#[cfg(panic = "abort")]
mod no_unwinding {
    use std::ffi::{c_int, c_void};

    /// Walks over no frames: `_URC_END_OF_STACK`.
    // SAFETY: the name and the signature are those that std declares (the Itanium C++ ABI), and a stack without frames
    // is walked over by calling nobody back. Assumption: libunwind is an archive, of which the linker takes only what is
    // not yet defined; were it taken too, the build would fail on the doubled name.
    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Backtrace(_: *const c_void, _: *mut c_void) -> c_int {
        5
    }

    /// Defines functions that are never called: std's personality routine refers to them, and is never called itself,
    /// because nothing is unwound.
    macro_rules! never_called {
        ($($name:ident($($argument:ty),*) -> $answer:ty;)*) => {$(
            /// Never called.
            // SAFETY: name and signature as above; a call would end the program.
            #[unsafe(no_mangle)]
            extern "C" fn $name($(_: $argument),*) -> $answer {
                std::process::abort()
            }
        )*};
    }

    never_called! {
        _Unwind_Resume(*mut c_void) -> !;
        _Unwind_GetIPInfo(*mut c_void, *mut c_int) -> usize;
        _Unwind_GetLanguageSpecificData(*mut c_void) -> *mut c_void;
        _Unwind_GetRegionStart(*mut c_void) -> usize;
        _Unwind_GetDataRelBase(*mut c_void) -> usize;
        _Unwind_GetTextRelBase(*mut c_void) -> usize;
        _Unwind_SetGR(*mut c_void, c_int, usize) -> ();
        _Unwind_SetIP(*mut c_void, usize) -> ();
    }
}

/// Stands in for musl's function that names a thread, which std refers to though no thread of this program has a name. It
/// is all that would need musl's `printf`, floating point included: 11 KB.
#[cfg(all(panic = "abort", target_env = "musl"))]
// SAFETY: the name and the signature are those of pthread_setname_np(3), and to name no thread is allowed. Assumption: as
// above, musl's archive member is left out because its one function is defined.
#[unsafe(no_mangle)]
extern "C" fn pthread_setname_np(_: usize, _: *const c_char) -> c_int {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_and_the_arguments_are_those_of_the_c_library() {
        let given = [c"lsock".as_ptr(), c"-l".as_ptr(), c"\xff".as_ptr()];
        for count in 0..=3_usize {
            // SAFETY: there are at least `count` pointers, to strings that are part of the program.
            let arguments = unsafe { begin(c_int::try_from(count).unwrap(), given.as_ptr()) };
            let wanted =
                [&b"lsock"[..], b"-l", b"\xff"].map(|text| OsString::from_vec(text.to_vec()));
            assert_eq!(arguments, wanted[..count]);
        }
    }
}
