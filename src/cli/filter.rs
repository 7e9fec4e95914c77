//! Compiles ss's filter: `state established ( sport = :80 or sport = :443 ) dst 10.0.0.0/8`. In: the words of the command
//! line from the first that begins one, in one argument or in many. Out: the condition that selectors compile to as well,
//! or one line that quotes the filter and says where it is wrong. It looks up no names, and knows no option.
//!
//! The grammar, in which parts side by side mean "and":
//!     filter := { state NAME… | exclude NAME } [or]
//!     or     := and { (or | "|" | "||") and }
//!     and    := not { [and | & | &&] not }
//!     not    := { not | ! } ( "(" or ")" | atom )
//!     atom   := (sport | dport) [OPERATOR] PORT | (src | dst) [=] HOST

use crate::cli::ends::{parse_end, parse_ports};
use crate::cli::values::parse_states;
use crate::select::{Condition, Endpoint, Ports, RowTest};
use crate::socket::Side;
use crate::socket::proto::Protos;
use crate::socket::state::State;
use crate::text::escape::quoted;

/// The signs that end a word, and are words themselves.
const SIGNS: &[u8] = b"()!=<>&|";

/// The words that begin a filter, stand between its parts, or begin a part that cannot be known: no process is meant.
const WORDS: &[u8] =
    b"state exclude excl sport dport src dst and or not dev autobound fwmark cgroup";

/// The most parentheses within each other.
const DEPTH_MAX: usize = 64;

/// What can be where something else is.
const EXPECTED: &str = "write sport, dport, src, dst, not or (; selectors come before a filter, and a process is --command";

/// Returns true if `word` begins a filter.
pub(super) fn begins(word: &[u8]) -> bool {
    let first = Filter::of(word).next();
    let mut words = WORDS.split(|byte| *byte == b' ');
    words.any(|known| known == first) || first.first().is_some_and(|byte| SIGNS.contains(byte))
}

/// Compiles the words of `text`. Returns the condition, and true if the filter names states, which replace those that
/// options name.
///
/// # Errors
/// One line, without the program's name.
pub(super) fn parse(text: &[u8]) -> Result<(Condition, bool), String> {
    let mut filter = Filter::of(text);
    let (condition, names_states) = filter.all();
    let Some((why, start, end)) = filter.wrong else {
        return Ok((condition, names_states));
    };
    let mut whole = String::new();
    for word in text.split(u8::is_ascii_whitespace) {
        whole.push_str(&quoted(word));
        whole.push(' ');
    }
    whole.pop();
    let place = text.get(start..end.max(start + 1)).unwrap_or_default();
    let place = quoted(place);
    Err(format!(
        "'{place}' at character {} of '{whole}': {why}",
        start + 1
    ))
}

/// A filter that is being read.
struct Filter<'a> {
    /// All its words.
    text: &'a [u8],
    /// Where the word begins that was read last.
    start: usize,
    /// Where it ends.
    at: usize,
    /// How many parentheses are open.
    depth: usize,
    /// What was wrong first, and where that begins and ends. Nothing is read after it.
    wrong: Option<(&'static str, usize, usize)>,
}

impl<'a> Filter<'a> {
    /// Returns the filter of `text`, of which nothing is read.
    fn of(text: &'a [u8]) -> Self {
        Self {
            text,
            start: 0,
            at: 0,
            depth: 0,
            wrong: None,
        }
    }

    /// Says that the word that was read last is wrong, and goes to the end; returns any condition.
    fn fail(&mut self, why: &'static str) -> Condition {
        let wrong = (why, self.start, self.at);
        self.wrong.get_or_insert(wrong);
        self.at = self.text.len();
        Condition::default()
    }

    /// Reads up to the next blank or sign, from the first byte that is no blank.
    fn read(&mut self, signs: &[u8]) -> &'a [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.start = self.at + blanks.count();
        let rest = self.text.get(self.start..).unwrap_or_default();
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || signs.contains(byte);
        let len = rest.iter().position(is_end).unwrap_or(rest.len());
        self.take(len)
    }

    /// Takes `len` bytes from where the word begins.
    fn take(&mut self, len: usize) -> &'a [u8] {
        self.at = self.start + len;
        self.text.get(self.start..self.at).unwrap_or_default()
    }

    /// Reads a word or a sign; empty at the end.
    fn next(&mut self) -> &'a [u8] {
        match self.read(SIGNS) {
            [] => {}
            word => return word,
        }
        let len = match self.text.get(self.start..).unwrap_or_default() {
            [] => 0,
            [b'!' | b'=' | b'<' | b'>', b'=', ..] | [b'&', b'&', ..] | [b'|', b'|', ..] => 2,
            _ => 1,
        };
        self.take(len)
    }

    /// Returns the next word, which is read again.
    fn peek(&mut self) -> &'a [u8] {
        let (start, at) = (self.start, self.at);
        let next = self.next();
        (self.start, self.at) = (start, at);
        next
    }

    /// Reads all of it. Returns true beside the condition if states are named.
    fn all(&mut self) -> (Condition, bool) {
        let (mut states, mut excluded) = (Vec::new(), Vec::new());
        loop {
            let to = match self.peek() {
                b"state" => &mut states,
                b"exclude" | b"excl" => &mut excluded,
                _ => break,
            };
            self.next();
            let before = to.len();
            while let Some(state) = parse_state(self.peek()) {
                self.next();
                to.push(state);
            }
            if to.len() == before {
                self.next();
                self.fail("not a state; write established, listening, time-wait, connected …");
            }
        }
        let mut parts = Vec::new();
        let names_states = !states.is_empty();
        if names_states {
            parts.push(Condition::Any(states));
        }
        parts.push(not(Condition::Any(excluded)));
        if !self.peek().is_empty() {
            parts.push(self.or());
            if self.next() == b")" {
                self.fail("no parenthesis is open here");
            }
        }
        (Condition::All(parts), names_states)
    }

    /// Reads alternatives, each of parts that must hold together.
    fn or(&mut self) -> Condition {
        let (mut any, mut all) = (Vec::new(), Vec::new());
        loop {
            let part = self.not();
            all.push(part);
            let next = self.peek();
            if let b"" | b")" | b"or" | b"|" | b"||" = next {
                any.push(Condition::All(all));
                all = Vec::new();
                if let b"" | b")" = next {
                    return Condition::Any(any);
                }
                self.next();
            } else if let b"and" | b"&" | b"&&" = next {
                self.next();
            }
        }
    }

    /// Reads one part, which may be negated.
    fn not(&mut self) -> Condition {
        let mut is_negated = false;
        while let b"not" | b"!" = self.peek() {
            self.next();
            is_negated = !is_negated;
        }
        let part = self.part();
        if is_negated { not(part) } else { part }
    }

    /// Reads what is in parentheses, or what is said of one end.
    fn part(&mut self) -> Condition {
        match self.next() {
            b"sport" => self.port(Side::Local),
            b"dport" => self.port(Side::Remote),
            b"src" => self.host(Side::Local),
            b"dst" => self.host(Side::Remote),
            b"(" if self.depth < DEPTH_MAX => {
                self.depth += 1;
                let part = self.or();
                self.depth -= 1;
                match self.next() {
                    b")" => part,
                    _ => self.fail("a parenthesis is not closed"),
                }
            }
            b"state" | b"exclude" | b"excl" => self.fail("states come first in a filter"),
            b"dev" | b"autobound" | b"fwmark" | b"cgroup" => {
                self.fail("/proc does not tell it; a process called so is --command")
            }
            _ => self.fail(EXPECTED),
        }
    }

    /// Reads a port or a host behind the name of its family, which may be left out: an address tells it. A name may have any
    /// sign but the parenthesis that ends it.
    fn operand(&mut self) -> &'a [u8] {
        let word = self.read(b")");
        let inet = word.strip_prefix(b"inet:");
        inet.or_else(|| word.strip_prefix(b"inet6:"))
            .unwrap_or(word)
    }

    /// Reads a comparison with the port of one end.
    fn port(&mut self, side: Side) -> Condition {
        // What is compared: the port itself, or "this or more" of it or the next one; and whether that must not hold.
        let (is_bound, is_after, is_negated) = match self.peek() {
            b">" | b"gt" => (true, true, false),
            b">=" | b"ge" | b"geq" => (true, false, false),
            b"<" | b"lt" => (true, false, true),
            b"<=" | b"le" | b"leq" => (true, true, true),
            b"!=" | b"ne" | b"neq" => (false, false, true),
            b"=" | b"==" | b"eq" => (false, false, false),
            _ => {
                // The operator may be left out.
                let ports = self.ports();
                return of_ports(ports, side);
            }
        };
        self.next();
        let ports = self.ports();
        let condition = match ports.as_slice() {
            [range] if is_bound && range.start() == range.end() => {
                match range.start().checked_add(is_after.into()) {
                    // Every port is as great as 0, and none is greater than the last.
                    Some(0) => Condition::default(),
                    None => Condition::Any(Vec::new()),
                    Some(first) => of_ports(Vec::from([first..=u16::MAX]), side),
                }
            }
            _ if is_bound => self.fail("write one port behind < or >"),
            _ => of_ports(ports, side),
        };
        if is_negated {
            not(condition)
        } else {
            condition
        }
    }

    /// Reads ports; none stands for any.
    fn ports(&mut self) -> Ports {
        match self.operand() {
            b"*" | b":*" => Vec::new(),
            word => parse_ports(word).unwrap_or_else(|_| {
                self.fail("not a port; write a number, as in sport = :8080");
                Vec::new()
            }),
        }
    }

    /// Reads the address of one end, or the pattern of a unix socket's path.
    fn host(&mut self, side: Side) -> Condition {
        if matches!(self.peek(), b"=" | b"==" | b"eq") {
            self.next();
        }
        let word = self.operand();
        let (path, is_path) = match word.strip_prefix(b"unix:") {
            Some(path) => (path, true),
            None => (word, matches!(word, [b'/' | b'@', ..])),
        };
        let end = match word {
            b"*" | b"any" | b"all" | b"*:*" => return Condition::default(),
            _ if is_path => None,
            [b':', ..] => parse_ports(word).ok().map(of_any_address),
            word => parse_end(word).ok(),
        };
        match end {
            Some(end) => Condition::Row(RowTest::End(side, end)),
            None if side == Side::Remote && is_path => {
                self.fail("/proc does not tell the path of the other end")
            }
            None if is_path || word.contains(&b'*') && !word.contains(&b':') => {
                Condition::Row(RowTest::PathLike(path.to_vec()))
            }
            None => self.fail("not an address; write 10.0.0.1, 10.0.0.0/8, 10.0.0.1:80, [::1]:80"),
        }
    }
}

/// Returns an end with any address and one of `ports`.
fn of_any_address(ports: Ports) -> Endpoint {
    Endpoint {
        prefix: None,
        ports,
    }
}

/// Returns the condition that the port on `side` is one of `ports`; 0, which stands for none, is what no other is.
fn of_ports(ports: Ports, side: Side) -> Condition {
    let of = |ports| Condition::Row(RowTest::End(side, of_any_address(ports)));
    match ports.as_slice() {
        [] => Condition::default(),
        [range] if *range.end() == 0 => not(of(vec![1..=u16::MAX])),
        _ => of(ports),
    }
}

/// Returns the condition that `condition` does not hold.
fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// ss's names that stand for several states, because sockets of other kinds have others, or as "not one of these".
static STATES: &[(&[u8], bool, &[State])] = &[
    (b"all", true, &[]),
    (
        b"established",
        false,
        &[State::ESTABLISHED, State::CONNECTED],
    ),
    (b"syn-sent", false, &[State::SYN_SENT, State::CONNECTING]),
    (b"closing", false, &[State::CLOSING, State::DISCONNECTING]),
    (b"close", false, CLOSED),
    (b"closed", false, CLOSED),
    (b"unconnected", false, CLOSED),
    (
        b"connected",
        true,
        &[State::CLOSE, State::UNCONNECTED, State::NONE, State::LISTEN],
    ),
    (
        b"synchronized",
        true,
        &[
            State::CLOSE,
            State::UNCONNECTED,
            State::NONE,
            State::LISTEN,
            State::SYN_SENT,
            State::CONNECTING,
        ],
    ),
    (b"bucket", false, &[State::SYN_RECV, State::TIME_WAIT]),
    (b"big", true, &[State::SYN_RECV, State::TIME_WAIT]),
];

/// What ss calls closed: a socket that is not connected, or that has no states.
const CLOSED: &[State] = &[State::CLOSE, State::UNCONNECTED, State::NONE];

/// Returns the condition that the socket is in a state of ss's; `None` if there is no such state.
fn parse_state(word: &[u8]) -> Option<Condition> {
    let mut parts = Vec::new();
    let mut add = |protos, state| parts.push(Condition::Row(RowTest::State(protos, state)));
    let mut known = STATES.iter();
    let Some((_, is_negated, states)) = known.find(|(known, ..)| known.eq_ignore_ascii_case(word))
    else {
        for (protos, state) in parse_states(word).ok()? {
            add(protos, state);
        }
        return Some(Condition::Any(parts));
    };
    for state in *states {
        add(Protos::ALL, *state);
    }
    let any = Condition::Any(parts);
    Some(if *is_negated { not(any) } else { any })
}
