//! This very program once more, for one test alone: as the process that the test looks at, or in a network of its own.
//!
//! A test gives a closure of its own, by which its name is known; the second run does what is in the closure.

use crate::machine::{is_root, skip};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// Set in the second run.
const AGAIN: &str = "LSOCK_TEST_RUNS_AGAIN";

/// Whether this is the second run.
pub(crate) fn is_again() -> bool {
    std::env::var_os(AGAIN).is_some()
}

/// A command that runs, by these words, this program and in it the test that `part` is a closure of.
pub(crate) fn again<F>(by: &[&str], _part: &F) -> Command {
    // `all::asks::the_test::{{closure}}`; its thread has its name too, but not where the harness has only one.
    let (_, path) = std::any::type_name::<F>().split_once("::").unwrap();
    let test = path.strip_suffix("::{{closure}}").unwrap();
    let program = std::env::current_exe().unwrap();
    let mut words = by.iter().map(OsStr::new).chain([program.as_os_str()]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(["--exact", test, "--nocapture", "--test-threads=2"])
        .env(AGAIN, "1");
    command
}

/// Runs `test`, a closure of the test itself, in a network and PID namespace of its own, with the loopback device up; where
/// that is not possible, says so.
pub(crate) fn in_a_network_of_its_own(test: impl Fn()) {
    if is_again() {
        return test();
    }
    let mut by = vec!["unshare"];
    if !is_root() {
        by.extend(["--user", "--map-root-user"]);
    }
    by.extend(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    let script = "ip link set lo up && echo is-there && exec \"$@\"";
    by.extend(["sh", "-c", script, "sh"]);
    let output = match again(&by, &test).stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => {
            return skip(&format!(
                "unshare (util-linux), which makes namespaces: {error}"
            ));
        }
    };
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if !stdout.starts_with("is-there\n") {
        return skip(&format!("namespaces: {}", stderr.trim()));
    }
    let has_run = output.status.success() && stdout.contains(" 1 passed; ");
    assert!(has_run, "{stdout}\n{stderr}");
    for line in stderr.lines() {
        let name_and_why = line.strip_prefix("skipped: ");
        if let Some((_, why)) = name_and_why.and_then(|line| line.split_once(": ")) {
            skip(why);
        }
    }
}

/// What a process prints that holds what it is to hold.
pub(crate) const READY: &str = "READY";

/// Says that this process holds what it is to hold, and waits until its standard input ends.
pub(crate) fn hold() {
    println!("{READY}");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// A process that holds something until this value goes away.
pub(crate) struct Held(Child);

impl Held {
    /// Starts `command`, which need not say when it is ready.
    pub(crate) fn start(command: &mut Command) -> Result<Held, String> {
        let program = command.get_program().display().to_string();
        let child = command.spawn();
        Ok(Held(child.map_err(|error| format!("{program}: {error}"))?))
    }

    /// Starts `command` and waits until a line of it ends with `READY`; else gives what it complains about.
    pub(crate) fn ready(command: &mut Command) -> Result<Held, String> {
        let mut held = Held::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let mut stdout = BufReader::new(held.0.stdout.take().unwrap());
        let mut line = String::new();
        // The harness has a word before it, in the same line.
        while !line.trim_end().ends_with(READY) {
            line.clear();
            if stdout.read_line(&mut line).unwrap() == 0 {
                let mut said = String::new();
                let mut stderr = held.0.stderr.take().unwrap();
                stderr.read_to_string(&mut said).unwrap();
                return Err(said.trim().to_owned());
            }
        }
        // What it prints at its end has a reader as long as it lives.
        held.0.stdout = Some(stdout.into_inner());
        Ok(held)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and that is all that can go wrong.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
