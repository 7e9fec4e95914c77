//! The languages of lsof, ss and netstat: the same sockets, asked for and shown as those tools do, byte for byte. In: the
//! words of a command line that begins with the name of such a tool. Out: that tool's output, its sentences on standard
//! error, and its exit status. What is not covered is refused in the tool's own manner, with nothing on standard output.
//!
//! A tool is a folder: `arguments` makes options of the words, `mod` the condition and the exit status, `format` the lines.
//! Shared are `getopt`, which takes the words of ss and netstat apart; `look`, which takes the snapshot of the caller's
//! network namespace; `rows`, which gives a socket with all of its holders in the order of the tables; `people`, which
//! knows the names of users and the words of commands; `page`, which writes lines to standard output.

pub(crate) mod getopt;
mod look;
pub(crate) mod lsof;
pub(crate) mod netstat;
mod page;
pub(crate) mod people;
mod rows;
pub(crate) mod ss;

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::output::say;
use crate::text::escape::quoted;

/// A tool whose language is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// lsof 4.95.
    Lsof,
    /// ss of iproute2 7.0.
    Ss,
    /// netstat of net-tools 2.10.
    Netstat,
}

impl Tool {
    /// Returns the tool of this name, exactly.
    fn by_name(name: &[u8]) -> Option<Self> {
        match name {
            b"lsof" => Some(Self::Lsof),
            b"ss" => Some(Self::Ss),
            b"netstat" => Some(Self::Netstat),
            _ => None,
        }
    }
}

/// The words of a command line, and the tool whose language they are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The tool.
    tool: Tool,
    /// The words behind its name.
    words: Vec<Vec<u8>>,
}

impl Call {
    /// Returns the call of a tool: by the last component of the name by which the program was called, or by `--as NAME` in
    /// front of all else; `None` for lsock's own language.
    ///
    /// # Errors
    /// One line, without the program's name: `--as` without the name of a tool.
    pub(crate) fn of(arguments: &[OsString]) -> Result<Option<Self>, String> {
        let words = |rest: &[OsString]| rest.iter().map(|word| word.clone().into_vec()).collect();
        let [name, rest @ ..] = arguments else {
            return Ok(None);
        };
        let name = name.as_bytes().rsplit(|byte| *byte == b'/').next();
        if let Some(tool) = Tool::by_name(name.unwrap_or_default()) {
            let words = words(rest);
            return Ok(Some(Self { tool, words }));
        }
        let (before, name, rest) = match rest {
            [first, rest @ ..] if first == "--as" => match rest {
                [name, rest @ ..] => ("", name.as_bytes(), rest),
                [] => ("", &b""[..], rest),
            },
            [first, rest @ ..] => match first.as_bytes().strip_prefix(b"--as=") {
                Some(name) => ("'--as' knows no ", name, rest),
                None => return Ok(None),
            },
            [] => return Ok(None),
        };
        match Tool::by_name(name) {
            Some(tool) => Ok(Some(Self {
                tool,
                words: words(rest),
            })),
            None => Err(format!(
                "{before}'{}': not a tool; write --as lsof, --as ss or --as netstat, then its options",
                quoted(name)
            )),
        }
    }

    /// Does what the tool would do, and returns its exit status.
    pub(crate) fn run(&self) -> u8 {
        let status = match self.tool {
            Tool::Lsof => lsof::run(&self.words),
            Tool::Ss => ss::run(&self.words),
            Tool::Netstat => netstat::run(&self.words),
        };
        status.unwrap_or_else(|failure| {
            say(&failure.text);
            failure.status
        })
    }
}

/// The end of a tool that shows nothing, or no more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What is written to standard error, whole lines.
    pub(crate) text: String,
    /// The exit status.
    pub(crate) status: u8,
}

/// What ss or netstat does instead of showing sockets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// This is printed on standard output; the exit status is 0.
    Print(&'static str),
    /// A line for standard error, true if the usage follows it, and the exit status.
    Fail(String, bool, u8),
}

impl Stop {
    /// Prints or fails as it says; `usage` is the tool's.
    fn run(self, usage: &str) -> Result<u8, Failure> {
        match self {
            Self::Print(text) => page::print(&mut |page| {
                page.text.extend_from_slice(text.as_bytes());
                Ok(())
            })
            .map(|_| 0),
            Self::Fail(mut text, has_usage, status) => {
                text.push('\n');
                if has_usage {
                    text.push_str(usage);
                }
                Err(Failure { text, status })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the tool and the words of this command line.
    fn call(line: &str) -> Result<Option<(Tool, Vec<String>)>, String> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let text = |word: Vec<u8>| String::from_utf8(word).unwrap();
        let call = Call::of(&arguments)?;
        Ok(call.map(|call| (call.tool, call.words.into_iter().map(text).collect())))
    }

    #[test]
    fn a_tool_is_called_by_its_exact_name_or_by_as_in_front() {
        for (line, tool, words) in [
            ("lsof -i", Tool::Lsof, vec!["-i"]),
            ("/usr/sbin/ss -tl --as", Tool::Ss, vec!["-tl", "--as"]),
            ("./netstat", Tool::Netstat, vec![]),
            ("lsock --as ss -t", Tool::Ss, vec!["-t"]),
            (
                "/x/lsock.static --as=lsof -i :1",
                Tool::Lsof,
                vec!["-i", ":1"],
            ),
        ] {
            let words = words.into_iter().map(str::to_owned).collect();
            assert_eq!(call(line), Ok(Some((tool, words))), "{line}");
        }
        for line in [
            "lsock",
            "lsock ss",
            "LSOF -i",
            "lsof.real",
            "xss",
            "ss/",
            "lsock -t --as ss",
            "-ss",
        ] {
            assert_eq!(call(line), Ok(None), "{line}");
        }
        for line in [
            "lsock --as",
            "lsock --as tcp",
            "lsock --as SS",
            "lsock --as=",
        ] {
            let error = call(line).unwrap_err();
            assert!(
                ["lsof", "ss", "netstat"]
                    .iter()
                    .all(|tool| error.contains(tool)),
                "{error}"
            );
        }
        assert_eq!(Call::of(&[]), Ok(None));
    }
}
