//! What is out of the ordinary, in words. In: a line of the summary. Out: a sentence for each rule that it meets, none
//! where it meets none. All rules stand in one table, each with its threshold and the reason for it. It counts nothing.

use crate::join::Owner;
use crate::socket::state::State;
use crate::text::escape::write_escaped;
use crate::text::write::{write_decimal, write_short};
use crate::views::json::Object;
use crate::views::summary::line::{
    DROPPED, FDS, FDS_LIMIT, Kind, Line, OVERFLOWED, PORTS, PORTS_LIMIT, UDP_OVERFLOWED, WAITING,
    WITH_PROCESS,
};

/// What a line is measured by.
#[derive(Clone, Copy)]
enum Measure {
    /// The number of sockets in a state.
    State(State),
    /// The number in this place.
    Number(u8),
    /// The number in the first place, as a share of that in the second.
    Share(u8, u8),
}

/// A rule.
pub(super) struct Rule {
    /// Its name in JSON.
    name: &'static str,
    /// The kind of lines that it is about.
    kind: Kind,
    /// What it measures.
    measure: Measure,
    /// The least that is out of the ordinary; of a share, the percent that it must exceed.
    least: u32,
    /// The words for what is counted.
    what: &'static str,
    /// A second measure, told if it is not 0, and the words for what it counts.
    beside: Option<(Measure, &'static str)>,
    /// What it means.
    meaning: &'static str,
}

/// How many of the dropped attempts are known to have met a full accept queue.
const AT_FULL_QUEUE: Option<(Measure, &str)> = Some((
    Measure::Number(OVERFLOWED),
    "of them at a full accept queue",
));

/// All rules, in the order in which they are said: first what a process does, then what is done to it.
static RULES: [Rule; 10] = [
    // A server closes within a moment of its client. Ten at one moment are either a very busy server, or forgotten.
    Rule {
        name: "close_wait",
        kind: Kind::Owner,
        measure: Measure::State(State::CLOSE_WAIT),
        least: 10,
        what: "sockets in CLOSE_WAIT",
        beside: None,
        meaning: "it does not close what the other side has closed",
    },
    // With a tenth left a burst of connections takes the rest; programs that keep to a limit of their own stay below.
    Rule {
        name: "descriptors",
        kind: Kind::Owner,
        measure: Measure::Share(FDS, FDS_LIMIT),
        least: 90,
        what: "descriptors in use",
        beside: None,
        meaning: "without one left it can neither accept nor open anything",
    },
    // A server that waits in accept(2) leaves none in the queue, a busy one a few. Many backlogs are 5 or more.
    Rule {
        name: "accept_queue",
        kind: Kind::Listener,
        measure: Measure::Number(WAITING),
        least: 5,
        what: "connections waiting",
        beside: None,
        meaning: "it does not accept them as fast as they come",
    },
    // Each was answered late or never.
    Rule {
        name: "attempts_dropped",
        kind: Kind::Listener,
        measure: Measure::Number(DROPPED),
        least: 1,
        what: "attempts to connect dropped since its network namespace was made",
        beside: AT_FULL_QUEUE,
        meaning: "it does not accept them as fast as they come",
    },
    // The same, where it is not known which listener it was.
    Rule {
        name: "attempts_dropped",
        kind: Kind::Namespace,
        measure: Measure::Number(DROPPED),
        least: 1,
        what: "attempts to connect dropped since it was made",
        beside: AT_FULL_QUEUE,
        meaning: "a listener in it, which one is not told, does not accept them as fast as they come",
    },
    // A burst may cost some, and so may a filter or a damaged datagram.
    Rule {
        name: "datagrams_dropped",
        kind: Kind::Socket,
        measure: Measure::Number(DROPPED),
        least: 100,
        what: "datagrams dropped",
        beside: None,
        meaning: "it does not read them as fast as they come",
    },
    // As before; and sockets that are closed by now count too.
    Rule {
        name: "udp_dropped",
        kind: Kind::Namespace,
        measure: Measure::Number(UDP_OVERFLOWED),
        least: 100,
        what: "datagrams of UDP dropped at a full receive buffer since it was made",
        beside: None,
        meaning: "they are not read as fast as they come",
    },
    // An answer takes one round trip. Five connections without one do not just wait for it.
    Rule {
        name: "no_answer",
        kind: Kind::Remote,
        measure: Measure::State(State::SYN_SENT),
        least: 5,
        what: "connections to it in SYN_SENT",
        beside: None,
        meaning: "it does not answer",
    },
    // A busy server has as many for a moment as arrive within one round trip.
    Rule {
        name: "half_open",
        kind: Kind::Local,
        measure: Measure::State(State::SYN_RECV),
        least: 100,
        what: "connections in SYN_RECV",
        beside: None,
        meaning: "their other ends do not answer; a SYN flood looks so",
    },
    // Half of them are gone: the kernel tries more and more ports for each connection.
    Rule {
        name: "ports",
        kind: Kind::Ports,
        measure: Measure::Share(PORTS, PORTS_LIMIT),
        least: 50,
        what: "local ports for connections to it in use",
        beside: Some((Measure::State(State::TIME_WAIT), "in TIME_WAIT")),
        meaning: "without one left no more can be made",
    },
];

impl Measure {
    /// Returns the number of `line`; 0 where there is none.
    fn of(self, line: &Line<'_>) -> u32 {
        match self {
            Self::State(state) => line.tally.in_state(state),
            Self::Number(at) | Self::Share(at, _) => line.number(at).unwrap_or(0),
        }
    }

    /// Returns the number of which it is a share.
    fn whole(self, line: &Line<'_>) -> Option<u32> {
        match self {
            Self::Share(_, whole) => line.number(whole),
            _ => None,
        }
    }
}

/// A rule, and a line that meets it.
pub(super) struct Finding<'a> {
    /// The rule.
    rule: &'static Rule,
    /// The line.
    line: &'a Line<'a>,
    /// What is measured.
    count: u32,
}

impl Rule {
    /// Returns true if `count` of `line` is out of the ordinary.
    fn is_met(&self, line: &Line<'_>, count: u32) -> bool {
        // Nobody has to close what nobody has accepted.
        let is_asked = line.owner != Some(Owner::AcceptQueue);
        // Of a namespace with one listener, which then is its name, the drops are that listener's.
        let is_told = matches!(self.measure, Measure::Number(DROPPED))
            && line.kind == Kind::Namespace
            && !line.name.is_empty();
        let is_enough = match self.measure {
            Measure::Share(..) => self.measure.whole(line).is_some_and(|whole| {
                u64::from(count) * 100 > u64::from(whole) * u64::from(self.least)
            }),
            _ => count >= self.least,
        };
        is_asked && !is_told && is_enough
    }
}

/// Calls `found` with what is to be said of the lines of `parts`, rule by rule, and with its place among what the rule says.
pub(super) fn find(parts: &[Vec<Line<'_>>], found: &mut dyn FnMut(&Finding<'_>, usize)) {
    for rule in &RULES {
        let mut place = 0;
        for line in parts.iter().flatten().filter(|line| line.kind == rule.kind) {
            let count = rule.measure.of(line);
            if rule.is_met(line, count) {
                found(&Finding { rule, line, count }, place);
                place += 1;
            }
        }
    }
}

impl Finding<'_> {
    /// Writes the sentence: what it is about, how much there is of what, and what that means.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (line, rule) = (self.line, self.rule);
        let is_namespace = line.kind == Kind::Namespace;
        if !is_namespace {
            write_short(out, &line.name);
        }
        if WITH_PROCESS.contains(&line.kind) {
            if !line.name.is_empty() {
                write_short(out, b" of ");
            }
            match line.command {
                // The process has ended.
                [] => out.push(b'-'),
                command => write_escaped(out, command),
            }
            if let Some(pid) = line.pid {
                write_short(out, b" (");
                write_decimal(out, pid);
                out.push(b')');
            }
        }
        let mut home = Vec::new();
        line.write_home(&mut home);
        match (is_namespace, home.is_empty()) {
            (true, true) => write_short(out, b"the network namespace"),
            (false, false) => write_short(out, b" in "),
            _ => {}
        }
        write_short(out, &home);
        write_short(out, b" has ");
        write_decimal(out, self.count);
        if let Some(whole) = rule.measure.whole(line) {
            write_short(out, b" of ");
            write_decimal(out, whole);
        }
        out.push(b' ');
        write_short(out, rule.what.as_bytes());
        if let Some((measure, what)) = rule.beside
            && let count @ 1.. = measure.of(line)
        {
            write_short(out, b", ");
            write_decimal(out, count);
            out.push(b' ');
            write_short(out, what.as_bytes());
        }
        write_short(out, b": ");
        write_short(out, rule.meaning.as_bytes());
    }

    /// Writes its object: that of the line, with the rule, the sentence, and the numbers in it.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        let mut text = Vec::new();
        self.write(&mut text);
        let mut object = Object::open(out);
        self.line.write_members(&mut object, Some("finding"));
        object.text("finding", Some(self.rule.name.as_bytes()));
        object.text("text", Some(&text));
        object.number("count", Some(self.count));
        object.number("limit", self.rule.measure.whole(self.line));
        object.close();
        out.push(b'\n');
    }
}
