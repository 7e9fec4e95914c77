//! What an error of reading proc says. In: errno. Out: whether the thing is gone, it is forbidden or the call is denied;
//! and words for a message. It reads nothing.

use std::io;

/// Returns true if `error` says that the process, thread or descriptor is not there any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    // proc answers ESRCH for a task that is being reaped, and EINVAL for the net of a task that has ended.
    error.kind() == io::ErrorKind::NotFound || matches!(error.raw_os_error(), Some(3 | 22))
}

/// Returns true if `error` says that this may not be read (EACCES, EPERM).
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Returns true if `error` may say that the call itself is denied, as by a seccomp profile (EACCES, EPERM, ENOSYS).
pub(crate) fn is_denied(error: &io::Error) -> bool {
    is_forbidden(error) || error.raw_os_error() == Some(38)
}

/// Returns `answer`, or an error if `call` is denied: then this program could not tell what is there from what is not. The
/// file is the folder of proc itself, so no right over a process is at fault.
///
/// # Errors
/// The end of a message.
pub(super) fn not_denied<T>(call: &str, answer: io::Result<T>) -> Result<io::Result<T>, String> {
    match answer {
        Err(error) if is_denied(&error) => {
            // A file that may not be read is EACCES.
            let is_file = error.raw_os_error() == Some(13);
            let remedy = if is_file {
                ""
            } else {
                "; a seccomp profile denies it: try --security-opt seccomp=unconfined, or lsock on the host"
            };
            Err(format!("{call}(2): {}{remedy}", error_text(&error)))
        }
        answer => Ok(answer),
    }
}

/// Returns the text of `error` without std's "(os error N)".
pub(crate) fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    // No text of the C library has a parenthesis.
    match text.split_once('(') {
        Some((text, _)) => text.trim_ascii_end().to_owned(),
        None => text,
    }
}
