//! Reads ss's filter. In: the words behind the states. Out: the test that they stand for, or ss's words and exit status for what
//! is wrong. It looks up no names: a name is no port here, and no address.
//!
//! The grammar is that of ss, not lsock's own (`cli::filter`): words are parted by blanks alone, a port is one number, and
//! "and" and "or" are as strong as each other, from left to right:
//! ```text
//! some := one { [and | & | && | or | "|" | "||"] one }
//! one  := "(" some ")" | (not | !) one | (sport | dport) [OPERATOR] END | (src | dst) [=] END | autobound
//! ```

use crate::dialects::Stop;
use crate::dialects::ss::arguments::{Asked, refused};
use crate::dialects::ss::ends::{parse_port, parse_prefix, split_end};
use crate::dialects::ss::filter::{ANY_PORT, End, Test};
use crate::dialects::ss::names::{INET, INET6, LINK, NETLINK, UNIX};
use crate::socket::Side;
use crate::text::escape::quoted;
use crate::text::parts::letter_of_word;

/// The words of the grammar, each behind a letter for what it means.
const WORDS: &[u8] = b"n! nnot a& a&& aand o| o|| oor (( )) Rdst Lsrc Ddport Ssport \
udev ufwmark ucgroup Aautobound g>= gge ggeq l<= lle lleq N!= Nne Nneq == === =eq >> >gt << <lt";

/// The most parentheses and negations within each other.
const DEPTH_MAX: usize = 64;
/// The most tests in a filter, which are held against a row one within the other.
const TESTS_MAX: usize = 4096;

/// Stands for the end of a filter among the letters of words.
const NOTHING: u8 = b'.';
/// Stands for one end of a socket, which is in `Reader::end`.
const END: u8 = b'e';

/// A filter that is being read.
struct Reader<'a> {
    /// The words that are not read yet.
    words: std::slice::Iter<'a, &'a [u8]>,
    /// The rest of the word that is being read.
    rest: &'a [u8],
    /// The letter of the word that comes next.
    next: u8,
    /// The end that came last.
    end: End,
    /// The letter of the word that says what an end is: that which came last.
    about: u8,
    /// How many tests were read.
    tests: usize,
    /// What was wrong first. Nothing is read after it.
    wrong: Option<Stop>,
    /// What is shown; an end in the filter may change its families.
    asked: &'a mut Asked,
}

/// Reads the words of a filter into `asked`.
///
/// # Errors
/// What ss says, and its exit status.
pub(super) fn parse(words: &[&[u8]], asked: &mut Asked) -> Result<(), Stop> {
    let mut reader = Reader {
        words: words.iter(),
        rest: b"",
        next: NOTHING,
        end: End::default(),
        about: NOTHING,
        tests: 0,
        wrong: None,
        asked,
    };
    reader.advance();
    let mut filter = None;
    if reader.next != NOTHING {
        filter = Some(reader.some(0));
    }
    if reader.next != NOTHING {
        reader.syntax();
    }
    let wrong = reader.wrong;
    asked.filter = filter;
    wrong.map_or(Ok(()), Err)
}

impl Reader<'_> {
    /// Notes what is wrong, unless something else was before, and goes to the end.
    fn fail(&mut self, wrong: Stop) {
        self.wrong.get_or_insert(wrong);
        (self.words, self.rest, self.next) = ([].iter(), b"", NOTHING);
    }

    /// Says what ss says where the grammar is not kept; returns any test.
    fn syntax(&mut self) -> Test {
        let line = "ss: bison bellows (while parsing filter): \"syntax error!\" Sorry.";
        self.fail(Stop::Fail(line.to_owned(), true, 255));
        Test::Autobound
    }

    /// Says what ss says of an end that is none, with a line about `text` in front.
    fn no_end(&mut self, before: &str, text: &[u8], after: &str) {
        let parts = [
            before,
            &quoted(text),
            after,
            "Cannot parse dst/src address.",
        ];
        self.fail(Stop::Fail(parts.concat(), false, 1));
    }

    /// Says that lsock does not cover `word` of a filter.
    fn refuse(&mut self, word: &[u8]) {
        let why =
            "no such test on what /proc tells; lsock compares ports, addresses and paths of unix";
        self.fail(refused(&quoted(word), why));
    }

    /// Reads the next word, from blank to blank; empty at the end. A backslash stands for the byte behind it.
    fn read(&mut self) -> Vec<u8> {
        let mut word = Vec::new();
        loop {
            match self.rest {
                [b'\\', escaped, rest @ ..] => {
                    word.push(*escaped);
                    self.rest = rest;
                }
                [b' ' | b'\t', rest @ ..] => {
                    self.rest = rest;
                    if !word.is_empty() {
                        return word;
                    }
                }
                [byte, rest @ ..] => {
                    word.push(*byte);
                    self.rest = rest;
                }
                [] if !word.is_empty() => return word,
                [] => match self.words.next() {
                    Some(next) => self.rest = next,
                    None => return word,
                },
            }
        }
    }

    /// Reads the next word into `next`; an end into `end`, too.
    fn advance(&mut self) {
        let word = self.read();
        self.next = match letter_of_word(WORDS, &word) {
            _ if word.is_empty() => NOTHING,
            Some(b'u') => return self.refuse(&word),
            Some(letter) => letter,
            None => END,
        };
        if b"RLDSA".contains(&self.next) {
            self.about = self.next;
        }
        if self.next == END {
            self.read_end(&word);
        }
    }

    /// Reads what is joined by "and" and "or", from left to right.
    fn some(&mut self, depth: usize) -> Test {
        let mut all = self.one(depth);
        loop {
            let joined = self.next;
            match joined {
                NOTHING | b')' => return all,
                b'a' | b'o' => self.advance(),
                _ => {}
            }
            let both = Box::new((all, self.one(depth)));
            all = match joined {
                b'o' => Test::Either(both),
                _ => Test::Both(both),
            };
        }
    }

    /// Reads what is in parentheses, what is negated, or what is said of one end.
    fn one(&mut self, depth: usize) -> Test {
        let first = self.next;
        self.tests += 1;
        if depth > DEPTH_MAX || self.tests > TESTS_MAX || !b"(nALRSD".contains(&first) {
            return self.syntax();
        }
        self.advance();
        match first {
            b'(' => {
                let test = self.some(depth + 1);
                if self.next != b')' {
                    return self.syntax();
                }
                self.advance();
                test
            }
            b'n' => Test::Not(Box::new(self.one(depth + 1))),
            b'A' => {
                self.asked.asks_ephemeral = true;
                Test::Autobound
            }
            letter => self.about_end(letter),
        }
    }

    /// Reads what is said of an end behind the word `letter`: any comparison of its port, else that it is this one.
    fn about_end(&mut self, letter: u8) -> Test {
        let side = match letter {
            b'R' | b'D' => Side::Remote,
            _ => Side::Local,
        };
        let mut operator = b'=';
        // It may be left out.
        if self.next != END {
            operator = self.next;
            let others: &[u8] = if b"SD".contains(&letter) {
                b"gl<>N"
            } else {
                b""
            };
            if operator != b'=' && !others.contains(&operator) {
                return self.syntax();
            }
            self.advance();
        }
        if self.next != END {
            return self.syntax();
        }
        let end = std::mem::take(&mut self.end);
        self.advance();
        let port = end.port;
        let test = match operator {
            b'g' | b'<' => Test::AtLeast(side, port),
            b'l' | b'>' => Test::AtMost(side, port),
            _ => Test::Is(side, Box::new(end)),
        };
        match operator {
            b'<' | b'>' | b'N' => Test::Not(Box::new(test)),
            _ => test,
        }
    }

    /// Reads an end: `:80`, `80`, `10.0.0.0/8:80`, `[::1]:80`, `*:80`, perhaps with a family in front. The family replaces
    /// those that are shown.
    fn read_end(&mut self, word: &[u8]) {
        let (mut text, mut family) = (word, self.asked.preferred);
        for (name, named) in [
            (&b"unix:"[..], UNIX),
            (b"inet:", INET),
            (b"inet6:", INET6),
            (b"link:", LINK),
            (b"netlink:", LINK),
            (b"vsock:", LINK),
        ] {
            if let Some(rest) = word.strip_prefix(name) {
                (text, family) = (rest, named);
                break;
            }
        }
        self.end = End {
            port: ANY_PORT,
            ..End::default()
        };
        match family {
            UNIX => self.end.path = Some(text.to_vec()),
            LINK | NETLINK => return self.refuse(word),
            family => self.read_inet_end(text, family),
        }
        if family != 0 {
            self.asked.set_family(family);
        }
    }

    /// Reads an end of the internet; of one that stands behind `sport` or `dport` nothing but the port.
    fn read_inet_end(&mut self, word: &[u8], family: u8) {
        let (address, port) = if b"SD".contains(&self.about) {
            (&b""[..], word)
        } else if let Some(both) = split_end(word) {
            both
        } else {
            return self.no_end("", b"", "");
        };
        let port = port.strip_prefix(b":").unwrap_or(port);
        if !port.is_empty() && !port.starts_with(b"*") {
            let Some(number) = parse_port(port) else {
                return self.no_end("Error: \"", port, "\" does not look like a port.\n");
            };
            self.end.port = number;
        }
        if !address.is_empty() && !address.starts_with(b"*") {
            let Some(found) = parse_prefix(address, family) else {
                let before = "Error: an inet prefix is expected rather than \"";
                return self.no_end(before, address, "\".\n");
            };
            (self.end.address, self.end.bits, self.end.is_v4) = found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialects::ss::filter::tests::holds;

    /// Returns what a command line of ss's stands for, whose words are separated by blanks.
    fn parse_line(line: &str) -> Result<Asked, Stop> {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec());
        crate::dialects::ss::arguments::parse(&words.collect::<Vec<_>>())
    }

    #[test]
    fn a_filter_means_what_it_means_to_ss() {
        type Wanted = fn(u16, u16) -> bool;
        let filters: [(&str, Wanted); 22] = [
            ("sport = :1", |s, _| s == 1),
            ("sport 1", |s, _| s == 1),
            ("sport eq inet:0x1", |s, _| s == 1),
            ("sport != 1", |s, _| s != 1),
            ("sport > 1", |s, _| s > 1),
            ("sport ge 1", |s, _| s >= 1),
            ("sport < 02", |s, _| s < 2),
            ("sport leq 1", |s, _| s <= 1),
            // A star is -1: any port is above it.
            ("sport > *", |_, _| true),
            ("sport = *", |_, _| true),
            ("sport = 0", |s, _| s == 0),
            ("sport = 1 dport = 2", |s, d| s == 1 && d == 2),
            // "and" is not stronger than "or".
            ("sport = 1 or sport = 2 dport = 3", |s, d| {
                (s == 1 || s == 2) && d == 3
            }),
            ("sport = 1 dport = 2 or dport = 3", |s, d| {
                s == 1 && d == 2 || d == 3
            }),
            ("( sport = 1 | sport = 2 ) && dport = 3", |s, d| {
                (s == 1 || s == 2) && d == 3
            }),
            ("not sport = 1 dport = 2", |s, d| s != 1 && d == 2),
            ("! ( sport = 1 || dport = 2 )", |s, d| !(s == 1 || d == 2)),
            ("! not ! sport = 1", |s, _| s != 1),
            ("src 127.0.0.1:1 dst 10/8", |s, _| s == 1),
            ("src 127/255.0.0.0 dst = *:2", |_, d| d == 2),
            ("src [::1] or dst any", |_, _| true),
            ("autobound", |_, _| false),
        ];
        for (filter, wanted) in filters {
            for (sport, dport) in (0..5).flat_map(|sport| (0..5).map(move |dport| (sport, dport))) {
                let held = holds(filter, ("127.0.0.1", sport), ("10.0.0.2", dport));
                assert_eq!(held, wanted(sport, dport), "{filter}: {sport} {dport}");
            }
        }
        assert!(holds("autobound", ("::1", 32768), ("::1", 1)));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_words_and_the_status_of_ss() {
        let parse = |filter: &str| match parse_line(&format!("-t {filter}")) {
            Err(Stop::Fail(line, has_usage, status)) => (line, has_usage, status),
            other => panic!("{filter}: {other:?}"),
        };
        // (seen of ss 6.1)
        for filter in [
            "sport 80 or",
            "( sport = :80",
            "dst 1.2.3.4 )",
            "sport >",
            "not",
            "sport = = 80",
            "sport = 80 81",
            "src > 1.2.3.4",
            "or sport = 80",
        ] {
            assert!(parse(filter).1, "{filter}");
            assert_eq!(parse(filter).2, 255, "{filter}");
        }
        for (filter, first) in [
            (
                "sport=:80",
                "Error: an inet prefix is expected rather than \"sport=\".",
            ),
            ("sport = http", "Error: \"http\" does not look like a port."),
            (
                "foo )",
                "Error: an inet prefix is expected rather than \"foo\".",
            ),
            (
                "src ::1",
                "Error: an inet prefix is expected rather than \":\".",
            ),
            ("src [::1", "Cannot parse dst/src address."),
            (
                "src 127.0.0.1/33",
                "Error: an inet prefix is expected rather than \"127.0.0.1/33\".",
            ),
            (
                "src 1.2.3.4.5",
                "Error: an inet prefix is expected rather than \"1.2.3.4.5\".",
            ),
        ] {
            let (line, has_usage, status) = parse(filter);
            assert_eq!(
                (line.lines().next(), has_usage, status),
                (Some(first), false, 1)
            );
            assert!(line.ends_with("Cannot parse dst/src address."));
        }
        for filter in ["dev eth0", "src netlink:route"] {
            assert_eq!(parse(filter).2, 255, "{filter}");
        }
        for long in ["( ", "! ", "sport 1 "] {
            assert_eq!(parse(&long.repeat(100_000)).2, 255);
        }
    }
}
