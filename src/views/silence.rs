//! The one line that is said where nothing is shown: what was looked at, where it stopped, and what there is instead. In:
//! a snapshot without an entry, and what a second look has found. Out: one line for standard error, the most useful
//! first. It reads nothing, and decides nothing about the exit status.

use crate::cli::{Options, View};
use crate::collections::to_u32;
use crate::join::{Entry, Owner};
use crate::proc::Proc;
use crate::select::{Condition, Endpoint, ProcessTest, RowTest};
use crate::snapshot::{Again, PID_MAX, Snapshot};
use crate::socket::Side;
use crate::status::{Reason, Status};
use crate::tables::interfaces::Interfaces;
use crate::text::escape::write_escaped;
use crate::text::write::write_decimal;
use crate::views::notice;
use crate::views::words::{write_local, write_proto};

/// Returns the line, without the program's name.
pub(crate) fn line(
    proc: Option<&Proc>,
    snapshot: &Snapshot,
    again: Option<&Again>,
    options: &Options,
    status: Status,
) -> String {
    let mut line = Line(Vec::new());
    if let Some(again) = again {
        Search::new(snapshot, again, options).write(&mut line);
    } else if let Some(capture) = &options.capture {
        match &capture.path {
            Some(path) => line.word(path.as_os_str().as_encoded_bytes()),
            None => line.text("standard input"),
        }
        line.text(": no row matches");
    }
    if let Status::CannotTell(reason) = status {
        let is_of_process = matches!(reason, Reason::UnreadProcess | Reason::HiddenProcess);
        if is_of_process && let Some(proc) = proc {
            let unread = snapshot.joined.unread();
            line.clause(&notice::closing(proc, unread, snapshot.selected));
        } else if !reason.clause().is_empty() {
            line.clause(reason.clause());
        }
    }
    String::from_utf8_lossy(&line.0).into_owned()
}

/// A line that is being written, clause by clause.
struct Line(Vec<u8>);

impl Line {
    /// Begins a clause with `text`.
    fn clause(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.text("; ");
        }
        self.text(text);
    }

    /// Writes text of this program.
    #[inline(never)]
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Writes a word that came from outside.
    #[inline(never)]
    fn word(&mut self, word: &[u8]) {
        write_escaped(&mut self.0, word);
    }

    /// Writes a number.
    #[inline(never)]
    fn number(&mut self, number: u32) {
        write_decimal(&mut self.0, number);
    }

    /// Writes a number of things, such as `1 socket`, `2 sockets`; `plural` is what the plural has more.
    #[inline(never)]
    fn counted(&mut self, count: usize, thing: &str, plural: &str) {
        self.number(to_u32(count));
        self.text(thing);
        if count != 1 {
            self.text(plural);
        }
    }
}

/// The options that select processes.
const OF_PROCESSES: [&str; 4] = ["--command", "--pid", "-c", "--container"];

/// The options that select sockets, and the word that connects their value with the sentence.
const OF_SOCKETS: [(&str, &str); 9] = [
    ("--port", ON),
    ("--local-port", " on local port "),
    ("--remote-port", " on remote port "),
    ("--address", ON),
    ("-i SPEC", ON),
    ("--path", CALLED),
    ("--state", " in state "),
    ("--uid", " of uid "),
    ("--inode", " with inode "),
];

/// The word before the name of a unix socket.
const CALLED: &str = " called ";
/// The word before a port or an address.
const ON: &str = " on ";

/// What was looked for, and what was found instead.
struct Search<'a> {
    /// The first look, which has no entry that is shown.
    first: &'a Snapshot,
    /// The second one.
    again: &'a Again,
    /// What was typed.
    options: &'a Options,
    /// The part of the condition, as it was typed, that is about sockets.
    rows: Condition,
    /// True if listeners are asked for.
    is_of_listeners: bool,
}

impl<'a> Search<'a> {
    /// Returns the search for what `options` select.
    fn new(first: &'a Snapshot, again: &'a Again, options: &'a Options) -> Self {
        let mut rows = options.selection.condition();
        // There is no sentence for ss's filter.
        let is_of_listeners = rows.is_of_listeners() && !options.has_filter;
        rows.change(&mut |question| {
            if matches!(question, Condition::Process(_)) {
                *question = Condition::default();
            }
        });
        Self {
            first,
            again,
            options,
            rows,
            is_of_listeners,
        }
    }

    /// Writes the clauses of the line.
    fn write(&self, line: &mut Line) {
        let is_there = self.first.selected > 0
            && self.again.snapshot.namespace_count() > 0
            && !self.again.is_deserted;
        self.write_missing(line);
        if self.options.view == View::Pids && !self.first.joined.is_empty() {
            return self.write_unseen(line);
        }
        // Nobody knows what sockets an unread process has.
        let is_unread = self.processes().next().is_some()
            && (1..=self.first.joined.unread().len()).contains(&self.first.selected);
        if !is_unread && (is_there || line.0.is_empty() && !self.again.may_be_unseen) {
            self.write_looked_at(line);
            self.write_nearest(line);
        }
        self.write_unlisted(line);
    }

    /// Writes what was named and is not there. A number that is no process may be meant as a port.
    fn write_missing(&self, line: &mut Line) {
        for test in &self.again.missing {
            let (text, word) = match test {
                ProcessTest::Pids(pids) => {
                    let pid = pids.first().copied().unwrap_or(0);
                    line.clause("no process ");
                    line.number(pid);
                    self.write_meant_port(line, pid);
                    continue;
                }
                ProcessTest::Word(word) => ("no process matches '", word),
                ProcessTest::Prefix(word) => ("no command begins with '", word),
                ProcessTest::Container(word) => ("no container is '", word),
                ProcessTest::Containers(_) => continue,
            };
            line.clause(text);
            line.word(word);
            line.text("'");
            if let ProcessTest::Container(word) = test {
                self.first.containers().write_nearest(&mut line.0, word);
            }
        }
        for number in &self.again.missing_namespaces {
            line.clause(if *number > PID_MAX {
                "no process is seen in network namespace "
            } else {
                "no process "
            });
            line.number(*number);
        }
    }

    /// Writes a hint if `pid`, which is no process, is the port of a socket.
    fn write_meant_port(&self, line: &mut Line, pid: u32) {
        let Ok(port) = u16::try_from(pid) else {
            return;
        };
        let end = Endpoint::of_ports(vec![port..=port]);
        let on_port = Condition::Row(RowTest::End(Side::Either, end));
        if let Some((_, count)) = self.find(&on_port) {
            line.text(", but ");
            line.counted(count, " socket", "s");
            line.text(" on that port: write :");
            line.number(pid);
        }
    }

    /// Writes why no process id is shown, though there are sockets.
    fn write_unseen(&self, line: &mut Line) {
        line.clause("no process that can be seen here holds what was found:");
        for owner in Owner::NO_PROCESS {
            if self.first.has_owner(owner) {
                line.text(" ");
                line.text(owner.name());
            }
        }
    }

    /// Returns the options that were typed and select processes.
    fn processes(&self) -> impl Iterator<Item = &(&'static str, Vec<u8>)> {
        let typed = self.options.typed.iter();
        typed.filter(|(option, _)| OF_PROCESSES.contains(option))
    }

    /// Writes what was looked at, and the question that nothing of it answers.
    fn write_looked_at(&self, line: &mut Line) {
        let found = self.find(&Condition::default());
        let sockets = found.map_or(0, |(_, count)| count);
        let selected = self.first.selected;
        let mut processes = self.processes();
        let Some((option, word)) = processes.next() else {
            let namespaces = self.again.snapshot.namespace_count();
            if sockets == 0 {
                line.clause("there is no socket");
            } else if self.is_of_listeners {
                line.clause("nobody");
                self.write_asked(line);
            } else {
                line.clause("none of the ");
                line.counted(sockets, " socket", "s");
            }
            line.text(" in ");
            line.counted(namespaces, " namespace", "s");
            if sockets > 0 && !self.is_of_listeners {
                self.write_asked(line);
            }
            return;
        };
        let is_one = selected == 1;
        line.clause("");
        line.counted(selected, " process", "es");
        if *option == "--command" && processes.next().is_none() {
            line.text(if is_one { " matches '" } else { " match '" });
            line.word(word);
            line.text("'");
        } else {
            line.text(if is_one {
                " is selected"
            } else {
                " are selected"
            });
        }
        line.text(match (sockets, is_one) {
            (0, true) => ", but it has no socket",
            (0, false) => ", but they have no socket",
            (_, true) => ", none of its ",
            (_, false) => ", none of their ",
        });
        if sockets > 0 {
            line.counted(sockets, " socket", "s");
            self.write_asked(line);
        }
    }

    /// Writes the question to which no socket is the answer: ` is on port 80`, ` listens on :80`, ` matches`.
    fn write_asked(&self, line: &mut Line) {
        let verb = if self.is_of_listeners {
            " listens"
        } else {
            " is"
        };
        let mut words = 0;
        let typed = self.options.typed.iter();
        for (option, value) in typed.filter(|_| !self.options.has_filter) {
            let Some((_, word)) = OF_SOCKETS.iter().find(|(name, _)| name == option) else {
                continue;
            };
            line.text(if words == 0 { verb } else { "" });
            line.text(if self.is_of_listeners && *word == CALLED {
                ON
            } else {
                word
            });
            words += 1;
            // A port may be typed with a colon or without.
            let port = value.strip_prefix(b":").unwrap_or(value);
            if *word == ON && port.iter().all(u8::is_ascii_digit) {
                line.text(if self.is_of_listeners { ":" } else { "port " });
                line.word(port);
            } else {
                line.word(value);
            }
        }
        if words == 0 {
            line.text(if self.is_of_listeners {
                verb
            } else {
                " matches"
            });
        }
    }

    /// Returns the first of those sockets of the second look for which `condition` holds, and how many there are.
    fn find(&self, condition: &Condition) -> Option<(Entry<'a>, usize)> {
        let (joined, sockets) = (&self.again.snapshot.joined, &self.again.snapshot.sockets);
        let (mut first, mut count) = (None, 0);
        joined.for_each_socket(sockets, &mut |entry| {
            if condition.matches_row(&entry.row, &sockets.detail(entry.socket), &|| true) {
                first = first.or(Some(*entry));
                count += 1;
            }
        });
        Some((first?, count))
    }

    /// Writes what there is that is nearest to what was asked for: what would match, were one kind of question left out.
    fn write_nearest(&self, line: &mut Line) {
        for near in [Near::Wildcard, Near::State, Near::Protocol, Near::Address] {
            let mut condition = self.rows.clone();
            let mut asks_end = false;
            condition.change(&mut |question| {
                asks_end |= matches!(question, Condition::Row(RowTest::End(..)));
                near.weaken(question);
            });
            if near == Near::Wildcard {
                condition.add_wildcards();
                condition = Condition::All(vec![Condition::Row(RowTest::Listening), condition]);
            }
            let Some((entry, count)) = self.find(&condition).filter(|_| asks_end) else {
                continue;
            };
            line.clause("");
            match near {
                Near::Wildcard => line.text("a listener on "),
                Near::State if self.is_of_listeners => {
                    line.counted(count, " connection", "s");
                    return line.text(if count == 1 {
                        " to it exists"
                    } else {
                        " to it exist"
                    });
                }
                Near::State | Near::Protocol | Near::Address => {
                    line.counted(count, " socket", "s");
                    line.text(match near {
                        Near::State => " on it in another state: ",
                        Near::Protocol => " on it of another protocol or family: ",
                        _ => " on that port with another address: ",
                    });
                    write_proto(&mut line.0, &entry.row);
                    line.text(" ");
                }
            }
            write_local(&mut line.0, &entry.row, &Interfaces::default());
            if near == Near::Wildcard {
                line.text(" would accept for it");
            }
            return;
        }
    }

    /// Writes who holds sockets that stand in no table and may be what is asked for.
    fn write_unlisted(&self, line: &mut Line) {
        let unlisted = &self.again.unlisted;
        if unlisted.count == 0 {
            return;
        }
        line.clause("");
        let socket = if unlisted.are_tcp {
            " TCP socket"
        } else {
            " socket"
        };
        line.counted(unlisted.count, socket, "s");
        line.text(" in no table may be ");
        line.text(if unlisted.is_foreign {
            "it:"
        } else {
            "bound to it:"
        });
        for (at, (task, fd)) in unlisted.holders.iter().enumerate() {
            line.text(if at > 0 { ", " } else { " " });
            line.number(task.pid);
            line.text("/");
            line.word(unlisted.command(*task));
            line.text(" fd ");
            line.number(*fd);
        }
        if unlisted.holders.len() < unlisted.count {
            line.text(", …");
        }
    }
}

/// A kind of question that is left out, to find what would match without it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Near {
    /// No question, but a listener on every address counts if it accepts.
    Wildcard,
    /// That it listens, and its state.
    State,
    /// Protocol and family.
    Protocol,
    /// The address before a port.
    Address,
}

impl Near {
    /// Leaves out what `question` asks of this kind.
    fn weaken(self, question: &mut Condition) {
        let Condition::Row(test) = question else {
            return;
        };
        match (self, test) {
            (Self::Address, RowTest::End(_, end)) if !end.ports.is_empty() => end.prefix = None,
            (Self::State, RowTest::Listening | RowTest::State(..))
            | (Self::Protocol, RowTest::Proto(_) | RowTest::Family(_)) => {
                *question = Condition::default();
            }
            _ => {}
        }
    }
}
