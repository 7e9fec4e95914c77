//! Compiles ss's filter: `state established ( sport = :80 or sport = :443 ) dst 10.0.0.0/8`. In: the words of the command
//! line from the first that begins one, in one argument or in many. Out: the condition that selectors compile to as well,
//! or one line that quotes the filter and says where it is wrong. It looks up no names, and knows no option.
//!
//! The grammar, in which parts side by side mean "and":
//! ```text
//! filter := { state NAME… | exclude NAME } [or]
//! or     := and { (or | "|" | "||") and }
//! and    := not { [and | & | &&] not }
//! not    := { not | ! } ( "(" or ")" | atom )
//! atom   := (sport | dport) [OPERATOR] PORT | (src | dst) [=] HOST
//! ```

use crate::cli::ends::{parse_end, parse_ports};
use crate::cli::states::parse_state;
use crate::select::{Condition, Endpoint, Ports, RowTest};
use crate::socket::Side;
use crate::text::escape::write_escaped;
use crate::text::parts::letter_of_word;

/// The signs that end a word, and are words themselves.
const SIGNS: &[u8] = b"()!=<>&|";

/// Every word of the grammar behind a letter for what it means, or a digit for an operator.
const WORDS: &[u8] =
    b"sstate xexclude xexcl Ssport Ddport Lsrc Rdst aand a& a&& oor o| o|| nnot n! (( )) \
udev uautobound ufwmark ucgroup \
1= 1== 1eq 2!= 2ne 2neq 3> 3gt 4>= 4ge 4geq 5< 5lt 6<= 6le 6leq";

/// Returns the letter of `word` in the list of words; a point for the end, and a question mark for any other word.
fn meaning(word: &[u8]) -> u8 {
    match letter_of_word(WORDS, word) {
        _ if word.is_empty() => b'.',
        letter => letter.unwrap_or(b'?'),
    }
}

/// The most parentheses within each other.
const DEPTH_MAX: usize = 64;

/// What may stand where another word does.
const EXPECTED: &str = "write sport, dport, src, dst, not or (; selectors come before a filter, and a process is --command";

/// Returns true if `word` begins a filter.
pub(super) fn begins(word: &[u8]) -> bool {
    let first = Filter::of(word).next();
    // Operators by name are part of no filter alone, but of many commands' names.
    meaning(first).is_ascii_alphabetic() || first.first().is_some_and(|byte| SIGNS.contains(byte))
}

/// Compiles the words of `text`. Returns the condition, and true if the filter names states, which replace those that
/// options name.
///
/// # Errors
/// One line, without the program's name.
pub(super) fn parse(text: &[u8]) -> Result<(Condition, bool), String> {
    let mut filter = Filter::of(text);
    let (condition, names_states) = filter.all();
    let Some((why, start)) = filter.wrong else {
        return Ok((condition, names_states));
    };
    let mut words = Vec::new();
    for word in text.split(|byte| *byte == b' ') {
        write_escaped(&mut words, word);
        words.push(b' ');
    }
    words.pop();
    let words = String::from_utf8_lossy(&words);
    Err(format!("'{words}', character {}: {why}", start + 1))
}

/// A filter that is being read.
struct Filter<'a> {
    /// All its words.
    text: &'a [u8],
    /// The place where the word begins that was read last.
    start: usize,
    /// The place where it ends.
    at: usize,
    /// How many parentheses are open.
    depth: usize,
    /// What was wrong first, and where that begins. Nothing is read after it.
    wrong: Option<(&'static str, usize)>,
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
        self.wrong.get_or_insert((why, self.start));
        self.at = self.text.len();
        Condition::default()
    }

    /// Reads up to the next blank or sign, from the first byte that is no blank.
    fn read(&mut self) -> &'a [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.start = self.at + blanks.count();
        let rest = self.text.get(self.start..).unwrap_or_default();
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || SIGNS.contains(byte);
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
        match self.read() {
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

    /// Returns what the next word means; the word is not taken.
    fn peek(&mut self) -> u8 {
        meaning(self.peek_word())
    }

    /// Returns the next word, which is not taken.
    fn peek_word(&mut self) -> &'a [u8] {
        let (start, at) = (self.start, self.at);
        let next = self.next();
        (self.start, self.at) = (start, at);
        next
    }

    /// Reads the whole filter. Returns true beside the condition if states are named.
    fn all(&mut self) -> (Condition, bool) {
        let (mut states, mut excluded) = (Vec::new(), Vec::new());
        loop {
            let to = match self.peek() {
                b's' => &mut states,
                b'x' => &mut excluded,
                _ => break,
            };
            self.next();
            let before = to.len();
            while let Some(state) = parse_state(self.peek_word()) {
                self.next();
                to.push(state);
            }
            if to.len() == before {
                self.next();
                self.fail("not a state; write established, listening, time-wait, connected …");
            }
        }
        let names_states = !states.is_empty();
        let mut parts = Vec::new();
        if names_states {
            parts.push(Condition::Any(states));
        }
        parts.push(not(Condition::Any(excluded)));
        if self.peek() != b'.' {
            parts.push(self.or());
            if self.peek() == b')' {
                self.next();
                self.fail("no parenthesis is open here");
            }
        }
        (Condition::All(parts), names_states)
    }

    /// Reads alternatives, each of parts that must hold together.
    fn or(&mut self) -> Condition {
        let (mut any, mut all) = (Vec::new(), Vec::new());
        loop {
            let mut is_negated = false;
            while self.peek() == b'n' {
                self.next();
                is_negated = !is_negated;
            }
            let part = self.part();
            all.push(if is_negated { not(part) } else { part });
            match self.peek() {
                b'a' => {
                    self.next();
                }
                b'o' => {
                    self.next();
                    any.push(Condition::All(std::mem::take(&mut all)));
                }
                b'.' | b')' => {
                    any.push(Condition::All(all));
                    return Condition::Any(any);
                }
                // Parts side by side mean "and".
                _ => {}
            }
        }
    }

    /// Reads what is in parentheses, or what is said of one end.
    fn part(&mut self) -> Condition {
        match meaning(self.next()) {
            b'S' => self.port(Side::Local),
            b'D' => self.port(Side::Remote),
            b'L' => self.host(Side::Local),
            b'R' => self.host(Side::Remote),
            b'(' if self.depth < DEPTH_MAX => {
                self.depth += 1;
                let part = self.or();
                self.depth -= 1;
                if self.next() != b")" {
                    self.fail("a parenthesis is not closed");
                }
                part
            }
            b's' | b'x' => self.fail("states come first in a filter"),
            b'u' => self.fail("/proc does not tell it; a process called so is --command"),
            _ => self.fail(EXPECTED),
        }
    }

    /// Reads a port or a host behind the name of its family, which may be left out: an address tells it.
    fn operand(&mut self) -> &'a [u8] {
        let word = self.read();
        let inet = word.strip_prefix(b"inet:");
        inet.or_else(|| word.strip_prefix(b"inet6:"))
            .unwrap_or(word)
    }

    /// Reads a comparison with the port of one end.
    fn port(&mut self, side: Side) -> Condition {
        let operator = self.peek();
        // The operator may be left out.
        if operator.is_ascii_digit() {
            self.next();
        }
        let ports = self.ports();
        // `>` and `<=` compare with the next port, `<` and `>=` with this one.
        let is_after = matches!(operator, b'3' | b'6');
        let condition = match ports.as_slice() {
            _ if !matches!(operator, b'3'..=b'6') => of_ports(ports, side),
            [range] if range.start() == range.end() => {
                match range.start().checked_add(is_after.into()) {
                    // Every port is as great as 0, and none is greater than the last.
                    Some(0) => Condition::default(),
                    None => Condition::Any(Vec::new()),
                    Some(first) => of_ports(Vec::from([first..=u16::MAX]), side),
                }
            }
            _ => self.fail("write one port behind < or >"),
        };
        if let b'2' | b'5' | b'6' = operator {
            return not(condition);
        }
        condition
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
        if self.peek() == b'1' {
            self.next();
        }
        let word = self.operand();
        let (path, is_path) = match word.strip_prefix(b"unix:") {
            Some(path) => (path, true),
            None => (word, matches!(word, [b'/' | b'@', ..])),
        };
        let end = match word {
            b"*" => return Condition::default(),
            _ if is_path => None,
            // An IPv6 address may begin with two colons.
            [b':', next, ..] if *next != b':' => parse_ports(word).ok().map(Endpoint::of_ports),
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

/// Returns the condition that the port on `side` is one of `ports`; 0 stands for no port, and holds where no other does.
fn of_ports(ports: Ports, side: Side) -> Condition {
    let of = |ports| Condition::Row(RowTest::End(side, Endpoint::of_ports(ports)));
    match ports.as_slice() {
        [] => Condition::default(),
        [range] if *range.end() == 0 => not(of(Vec::from([1..=u16::MAX]))),
        _ => of(ports),
    }
}

/// Returns the condition that `condition` does not hold.
fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::proto::Proto;
    use crate::socket::state::State;
    use crate::socket::{Detail, Ends, Row};
    use std::net::{IpAddr, Ipv4Addr};

    /// Returns true if the filter holds for a connection between these ports of 127.0.0.1 and 10.0.0.2.
    fn holds(filter: &str, sport: u16, dport: u16) -> bool {
        let (condition, _) = parse(filter.as_bytes()).expect(filter);
        let row = Row {
            inode: 7,
            proto: Proto::Tcp,
            state: State::ESTABLISHED,
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Inet {
                local: (IpAddr::V4(Ipv4Addr::LOCALHOST), sport),
                remote: (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), dport),
            },
        };
        condition.matches_row(&row, &Detail::default(), &|| false)
    }

    #[test]
    fn a_filter_means_what_its_operators_say() {
        type Wanted = fn(u16, u16) -> bool;
        let filters: [(&str, Wanted); 24] = [
            ("sport = :1", |s, _| s == 1),
            ("sport 1", |s, _| s == 1),
            ("sport eq inet:1", |s, _| s == 1),
            ("sport != 1", |s, _| s != 1),
            ("sport > 1", |s, _| s > 1),
            ("sport ge 1", |s, _| s >= 1),
            ("sport<2", |s, _| s < 2),
            ("sport leq 1", |s, _| s <= 1),
            ("sport < 0 or sport > 65535", |_, _| false),
            ("sport >= 0 and sport <= 65535", |_, _| true),
            ("sport = 0", |s, _| s == 0),
            ("dport ne 0", |_, d| d != 0),
            ("sport = 1,3", |s, _| s == 1 || s == 3),
            ("sport = 1-2", |s, _| s == 1 || s == 2),
            ("sport = 1 dport = 2", |s, d| s == 1 && d == 2),
            ("sport = 1 or sport = 2 dport = 3", |s, d| {
                s == 1 || s == 2 && d == 3
            }),
            ("( sport = 1 | sport = 2 ) & dport = 3", |s, d| {
                (s == 1 || s == 2) && d == 3
            }),
            ("not sport = 1 dport = 2", |s, d| s != 1 && d == 2),
            ("!(sport=1||dport=2)", |s, d| !(s == 1 || d == 2)),
            ("! not ! sport = 1", |s, _| s != 1),
            ("src 127.0.0.1:1 dst 10.0.0.0/8", |s, _| s == 1),
            ("dst = *:2 src :1", |s, d| s == 1 && d == 2),
            ("src ::1 or dst ::/0", |_, _| false),
            (
                "state established exclude listening dst 10.0.0.2",
                |_, _| true,
            ),
        ];
        for (filter, wanted) in filters {
            for (sport, dport) in (0..5).flat_map(|sport| (0..5).map(move |dport| (sport, dport))) {
                let held = holds(filter, sport, dport);
                assert_eq!(held, wanted(sport, dport), "{filter}: {sport} {dport}");
            }
        }
    }

    #[test]
    fn what_is_malformed_is_quoted_with_its_place() {
        for (filter, place) in [
            ("sport", 6),
            ("sport =", 8),
            ("sport = x", 9),
            ("sport > 1,2", 9),
            ("src", 4),
            ("src foo", 5),
            ("src 10.0.0.0/33", 5),
            ("src *:x", 5),
            ("dst unix:/x", 5),
            ("sport = 1 )", 11),
            ("sport = 1 or", 13),
            ("sport = 1 and or", 15),
            ("()", 2),
            ("state", 6),
            ("state nosuch", 7),
            ("sport = 1 state established", 11),
            ("sport = 1 java", 11),
            ("= 80", 1),
        ] {
            let line = parse(filter.as_bytes()).expect_err(filter);
            let start = format!("'{filter}', character {place}: ");
            assert!(line.starts_with(&start), "{line}");
        }
    }

    #[test]
    fn words_that_begin_a_filter_are_known() {
        for word in [
            "state",
            "sport",
            "(sport",
            "!",
            "= 80",
            "or",
            "src 10.0.0.1",
            "dport=1",
        ] {
            assert!(begins(word.as_bytes()), "{word}");
        }
        for word in ["", "java", "statefulset", "le", "src-d", ":80", "[::1]"] {
            assert!(!begins(word.as_bytes()), "{word}");
        }
    }
}
