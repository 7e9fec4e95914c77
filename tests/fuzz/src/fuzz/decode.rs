//! Runs lsock over captured text as a user does, from the command line to what is printed, within this process. In: arguments and
//! a text. Out: what standard output and standard error would get; or the line with which the command line is refused.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use serde_json::Value;

use super::steps;
use crate::cli::{self, Action};
use crate::plan::Plan;
use crate::snapshot::Snapshot;
use crate::status::Status;
use crate::views;
use crate::warn::Warnings;

/// A file without a name, in memory, which holds the text.
static FILE: LazyLock<File> = LazyLock::new(|| {
    let path = format!("/dev/shm/lsock-fuzz-{}", std::process::id());
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path);
    fs::remove_file(&path).expect("the file was just made");
    file.expect("/dev/shm can be written to")
});

/// What was printed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// On standard output.
    pub(super) out: String,
    /// On standard error.
    pub(super) warnings: String,
}

impl Shown {
    /// Returns the objects of JSON, a line each.
    pub(super) fn objects(&self) -> Vec<Value> {
        let lines = self.out.lines().map(serde_json::from_str);
        lines
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Returns the argument that names the text.
pub(super) fn argument() -> String {
    format!("--decode=/proc/self/fd/{}", FILE.as_raw_fd())
}

/// Puts `text` into the file.
pub(super) fn put(text: &[u8]) {
    FILE.set_len(0)
        .and_then(|()| FILE.write_all_at(text, 0))
        .expect("the memory suffices");
}

/// Decodes `text` with `arguments`.
///
/// # Errors
/// The line with which the command line is refused.
pub(super) fn decode(text: &[u8], arguments: &[OsString]) -> Result<Shown, String> {
    put(text);
    let all = arguments.iter().cloned().chain([argument().into()]);
    let work = || run(all);
    let len = arguments.iter().map(|word| word.len()).sum::<usize>() + text.len();
    steps::bounded(len, work)
}

/// Decodes `text` as JSON, without a selector.
pub(super) fn objects(text: &[u8]) -> Vec<Value> {
    let shown = decode(text, &["-j".into()]);
    shown.expect("text can be decoded").objects()
}

/// Does what the command line says; nothing if that is not to decode the text.
fn run(arguments: impl Iterator<Item = OsString>) -> Result<Shown, String> {
    let mut shown = Shown {
        out: String::new(),
        warnings: String::new(),
    };
    let Action::Run(options) = cli::parse(arguments)? else {
        return Ok(shown);
    };
    let Some(capture) = options.capture.as_ref().filter(|capture| is_ours(capture)) else {
        return Ok(shown);
    };
    let (plan, mut warnings, mut out) = (Plan::of(&options), Warnings::default(), Vec::new());
    let snapshot = Snapshot::captured(&plan, capture, &mut warnings)?;
    let status = Status::of(&snapshot, None, options.view, &plan);
    views::write(&snapshot, &options, &mut out).expect("memory can be written to");
    // Only a header or nothing is written where nothing is shown.
    let lines = out.iter().filter(|byte| **byte == b'\n').count();
    assert!(
        status == Status::Shown || lines <= 1 || options.view != cli::View::List,
        "{status:?}"
    );
    shown.warnings = warnings.into_text();
    shown.out = String::from_utf8(out).expect("what is printed is UTF-8");
    Ok(shown)
}

/// Returns true if what is decoded is the text, and no other file of this machine.
fn is_ours(capture: &cli::Capture) -> bool {
    let path = capture.path.as_ref().and_then(|path| path.to_str());
    path.is_some_and(|path| argument().ends_with(path) && path.starts_with("/proc/self/fd/"))
}
