//! What this machine allows a test: whose rights it has, whether it may trace; and the one line that says what it may not.

use crate::run::Run;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Says in the one line that ci/test counts why this test could not run here.
pub(crate) fn skip(why: &str) {
    skip_part("", why);
}

/// The same for a part of this test, `/PART`.
pub(crate) fn skip_part(part: &str, why: &str) {
    // The harness runs each test in a thread of the test's name.
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    let line = format!("skipped: {name}{part}: {why}\n");
    // Not eprintln, which the harness keeps for tests that fail.
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Word `at` of the line of /proc/self/status that begins so.
pub(crate) fn own_status(line: &str, at: usize) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let found = lines.find(|found| found.starts_with(line)).unwrap();
    found.split_ascii_whitespace().nth(at).unwrap().to_owned()
}

/// Whether this test runs as root, whom no mode of a file stops.
pub(crate) fn is_root() -> bool {
    own_status("Uid:", 2) == "0"
}

/// Runs a command to its end under strace; returns what it did and the calls that these options choose, a line each, or
/// says why they cannot be had here.
pub(crate) fn strace(options: &[&str], command: &Command) -> Result<(Run, String), String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    if let Err(error) = Command::new("strace").arg("-V").output() {
        return Err(format!(
            "strace does not run ({error}; apt-get install strace)"
        ));
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    // A test in a PID namespace of its own is the first process there, as others are in theirs.
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap();
    let name = format!(
        "lsock-trace-{}-{}-{number}",
        namespace.display(),
        std::process::id()
    );
    let trace = std::env::temp_dir().join(name);
    let mut strace = Command::new("strace");
    strace.args(options).arg("-o").arg(&trace);
    strace.arg(command.get_program()).args(command.get_args());
    let run = Run::of(&mut strace);
    let calls = fs::read_to_string(&trace).unwrap_or_default();
    // Where strace could not begin there is no file.
    let _ = fs::remove_file(&trace);
    if calls.contains("+++ exited with") {
        Ok((run, calls))
    } else {
        Err(format!("strace may not trace here ({})", run.err().trim()))
    }
}
