//! A run of lsock: both outputs and the exit status, what a test may demand of them, and the layout of the list.
//!
//! What comes in: a command. What goes out: what it wrote, byte for byte. The expected text is laid out here by the rules
//! of the list alone; nothing is known of lsock's code.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

/// The program under test: that of `LSOCK_PROGRAM` where the tests were built with it, as ci/test does for the one of the release;
/// else the one that cargo built beside them.
pub(crate) const LSOCK: &str = match option_env!("LSOCK_PROGRAM") {
    Some(program) => program,
    None => env!("CARGO_BIN_EXE_lsock"),
};

/// The list's header while all sockets are of one network namespace.
pub(crate) const LIST_HEADER: &str = "PID COMMAND FD PROTO STATE RECV-Q SEND-Q LOCAL PEER";

/// The columns that hold numbers.
const NUMBERS: [&str; 5] = ["PID", "FD", "RECV-Q", "SEND-Q", "NETNS"];

/// What lsock did: both outputs and the exit status.
#[derive(Debug)]
pub(crate) struct Run {
    /// Standard output, byte for byte.
    pub(crate) stdout: Vec<u8>,
    /// Standard error, byte for byte.
    pub(crate) stderr: Vec<u8>,
    /// The exit status, or none when a signal ended it.
    pub(crate) status: Option<i32>,
    /// The command, for what a failed test says.
    command: String,
}

impl Run {
    /// Runs a command to its end, without standard input, and keeps both outputs.
    pub(crate) fn of(command: &mut Command) -> Run {
        Run::to_the_end(command.stdout(Stdio::piped()))
    }

    /// The same with the standard output that the command was given, which is not kept if it is no pipe.
    pub(crate) fn to_the_end(command: &mut Command) -> Run {
        let child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        Run {
            stdout: output.stdout,
            stderr: output.stderr,
            status: output.status.code(),
            command: format!("{command:?}"),
        }
    }

    /// Standard output as text, which it must be whatever the names in it were.
    pub(crate) fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("standard output is UTF-8")
    }

    /// Standard error as text, which it must be too.
    pub(crate) fn err(&self) -> &str {
        std::str::from_utf8(&self.stderr).expect("standard error is UTF-8")
    }

    /// Demands exact standard output, a silent standard error and this exit status.
    #[track_caller]
    pub(crate) fn exactly(&self, stdout: &str, status: i32) {
        self.prints(stdout, status);
        assert_eq!(self.err(), "", "standard error of {}", self.command);
    }

    /// Demands exact standard output and this exit status, whatever standard error says.
    #[track_caller]
    pub(crate) fn prints(&self, stdout: &str, status: i32) {
        let (command, err) = (&self.command, self.err());
        assert_eq!(self.out(), stdout, "output of {command}\n{err}");
        assert_eq!(self.status, Some(status), "exit status of {command}\n{err}");
    }

    /// Demands these rows under the usual header, laid out exactly, silence on standard error and exit status 0.
    #[track_caller]
    pub(crate) fn shows(&self, rows: &[&str]) {
        self.exactly(&list(rows), 0);
    }

    /// Demands that nothing matched: no row, exit status 1, and one line that says what was looked at.
    #[track_caller]
    pub(crate) fn shows_nothing(&self) {
        self.prints("", 1);
        self.one_line();
    }

    /// Demands a usage error: exit status 2, nothing on standard output, one line that quotes the input.
    #[track_caller]
    pub(crate) fn refuses(&self, quoted: &str) {
        let command = &self.command;
        assert_eq!(self.out(), "", "output of {command}");
        assert_eq!(
            self.status,
            Some(2),
            "exit status of {command}: {}",
            self.err()
        );
        let line = self.one_line();
        assert!(
            line.contains(quoted),
            "{command}: {quoted:?} is not quoted: {line}"
        );
    }

    /// Demands that standard error is one line of the form `lsock: …`, and returns what follows the name.
    #[track_caller]
    pub(crate) fn one_line(&self) -> &str {
        let text = self.err();
        assert_eq!(text.matches('\n').count(), 1, "one line, not: {text:?}");
        assert!(text.ends_with('\n'), "a whole line, not: {text:?}");
        assert!(!text.contains("panicked"), "{text}");
        text.strip_prefix("lsock: ")
            .unwrap_or_else(|| panic!("begins with the program's name: {text:?}"))
            .trim_end()
    }

    /// The rows of the list without the header, each as words with one blank between them.
    pub(crate) fn rows(&self) -> Vec<String> {
        self.out().lines().skip(1).map(words).collect()
    }

    /// Demands what holds for every run, whatever the tree holds: it ended by itself with a known status, nothing
    /// panicked, every complaint is one line of lsock's, and no control character passed.
    #[track_caller]
    pub(crate) fn is_sane(&self) {
        let (out, err) = (self.out(), self.err());
        assert!(
            self.status.is_some_and(|status| (0..=3).contains(&status)),
            "exit status {:?} of {}: {err}",
            self.status,
            self.command
        );
        for line in err.lines() {
            assert!(line.starts_with("lsock: "), "{line}");
        }
        assert!(!err.contains("panicked"), "{err}");
        let control = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
        assert!(!control(out), "{out:?}");
        assert!(!control(err), "{err:?}");
    }
}

/// The program, without arguments.
pub(crate) fn lsock() -> Command {
    Command::new(LSOCK)
}

/// A line as words with one blank between them.
pub(crate) fn words(line: &str) -> String {
    line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The word of a row's PROTO column.
pub(crate) fn proto(row: &str) -> &str {
    row.split(' ').nth(3).unwrap()
}

/// Lays rows out under the usual header.
pub(crate) fn list(rows: &[&str]) -> String {
    list_under(LIST_HEADER, rows)
}

/// Lays rows out under any header.
pub(crate) fn list_under(header: &str, rows: &[&str]) -> String {
    lay_out(header, &[&[header], rows].concat())
}

/// Lays rows out alone, as `-H` prints them.
pub(crate) fn list_without_header(rows: &[&str]) -> String {
    lay_out(LIST_HEADER, rows)
}

/// Lays lines out by the rules of the list: columns as wide as their widest word and one blank apart, numbers to the
/// right, all else to the left, nothing after the last word of a line.
fn lay_out(titles: &str, lines: &[&str]) -> String {
    let titles: Vec<&str> = titles.split(' ').collect();
    let lines: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    let width = |column: usize| {
        lines
            .iter()
            .map(|words| words[column].chars().count())
            .max()
    };
    let mut text = String::new();
    for words in &lines {
        assert_eq!(words.len(), titles.len(), "columns of {words:?}");
        for (column, word) in words.iter().enumerate() {
            let blanks = " ".repeat(width(column).unwrap_or(0) - word.chars().count());
            if NUMBERS.contains(&titles[column]) {
                text = text + &blanks + word;
            } else if column + 1 < titles.len() {
                text = text + word + &blanks;
            } else {
                text += word;
            }
            text.push(if column + 1 < titles.len() { ' ' } else { '\n' });
        }
    }
    text
}

/// An argument of any bytes but NUL.
pub(crate) fn bytes(text: &[u8]) -> OsString {
    OsStr::from_bytes(text).to_owned()
}
