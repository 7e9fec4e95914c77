//! Reads ss's filter, and holds a row against it. In: the words behind the states, or a row. Out: the test that they stand
//! for, or ss's words and exit status for what is wrong; yes or no. It looks up no names: a name is no port here, and no
//! address.
//!
//! The grammar is that of ss, not lsock's own (`cli::filter`): words are parted by blanks alone, a port is one number, and
//! "and" and "or" are as strong as each other, from left to right:
//! ```text
//! some := one { [and | & | && | or | "|" | "||"] one }
//! one  := "(" some ")" | (not | !) one | (sport | dport) [OPERATOR] END | (src | dst) [=] END | autobound
//! ```

use std::net::{IpAddr, Ipv6Addr};

use crate::dialects::Stop;
use crate::dialects::getopt::letter_of_word;
use crate::dialects::ss::arguments::{Asked, INET, INET6, LINK, NETLINK, UNIX, refused};
use crate::select::glob::is_like;
use crate::select::{Condition, Endpoint, RowTest};
use crate::socket::{Ends, Row, Side};
use crate::text::addr::unmapped;
use crate::text::escape::quoted;

/// A question about a row.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dialects) enum Test {
    /// Both hold.
    Both(Box<(Test, Test)>),
    /// One of the two holds.
    Either(Box<(Test, Test)>),
    /// This does not hold.
    Not(Box<Test>),
    /// The end on this side is this one.
    Is(Side, Box<End>),
    /// The port on this side is this one or above.
    AtLeast(Side, i32),
    /// The port on this side is this one or below.
    AtMost(Side, i32),
    /// The kernel has chosen the port.
    Autobound,
}

/// Stands for any port; a star that is compared is below every port.
const ANY_PORT: i32 = -1;

/// One end, as the filter has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::dialects) struct End {
    /// The pattern of a path, if it is one of unix; then nothing else counts.
    path: Option<Vec<u8>>,
    /// The port.
    port: i32,
    /// The address, in the bits of `address_bits`.
    address: u128,
    /// How many of them count; 0 for any address.
    bits: u32,
    /// Whether the address is of IPv4.
    is_v4: bool,
}

/// Returns the bits of `address` from the left; those of IPv4 stand where IPv6 has its first, as ss compares them.
fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// What the filter is asked of: a row, as one of its sides.
struct Facts<'a> {
    /// The address.
    address: IpAddr,
    /// The port.
    port: i32,
    /// The path of a unix socket; of the other end /proc does not tell it.
    path: Option<&'a [u8]>,
}

impl<'a> Facts<'a> {
    /// Returns what is asked of `row` on `side`.
    fn of(row: &Row<'a>, side: Side) -> Self {
        let is_remote = side == Side::Remote;
        let mut facts = Self {
            address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            port: 0,
            path: None,
        };
        match row.ends {
            Ends::Inet { local, remote } => {
                let (address, port) = if is_remote { remote } else { local };
                (facts.address, facts.port) = (address, port.into());
            }
            Ends::Netlink { .. } if is_remote => facts.port = ANY_PORT,
            Ends::Netlink { port_id, .. } => facts.port = port_id.cast_signed(),
            Ends::Packet { ifindex, .. } if !is_remote => facts.port = ifindex.cast_signed(),
            Ends::Path(_) if is_remote => facts.path = Some(b""),
            Ends::Path(path) => facts.path = Some(path),
            _ => {}
        }
        facts
    }
}

impl Test {
    /// Returns true if the test holds for `row`; the kernel chooses ports from `ephemeral`.
    pub(in crate::dialects) fn holds(&self, row: &Row<'_>, ephemeral: (u16, u16)) -> bool {
        match self {
            Self::Both(tests) => tests.0.holds(row, ephemeral) && tests.1.holds(row, ephemeral),
            Self::Either(tests) => tests.0.holds(row, ephemeral) || tests.1.holds(row, ephemeral),
            Self::Not(test) => !test.holds(row, ephemeral),
            Self::Is(side, end) => end.is(&Facts::of(row, *side)),
            Self::AtLeast(side, port) => Facts::of(row, *side).port >= *port,
            Self::AtMost(side, port) => Facts::of(row, *side).port <= *port,
            Self::Autobound => {
                let facts = Facts::of(row, Side::Local);
                let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                match facts.path {
                    Some([]) => true,
                    Some([b'@', name @ ..]) => name.len() == 5 && name.iter().all(is_hex),
                    Some(_) => false,
                    None => {
                        i32::from(ephemeral.0) <= facts.port && facts.port <= ephemeral.1.into()
                    }
                }
            }
        }
    }

    /// Returns a condition that holds wherever the test holds for an internet socket: that of its ports, as far as it asks
    /// for any.
    pub(in crate::dialects) fn bound(&self) -> Condition {
        match self {
            Self::Both(tests) => Condition::All(vec![tests.0.bound(), tests.1.bound()]),
            Self::Either(tests) => Condition::Any(vec![tests.0.bound(), tests.1.bound()]),
            Self::Is(side, end) => match u16::try_from(end.port) {
                // Port 0, which stands for none, is in no list.
                Ok(port @ 1..) => {
                    let end = Endpoint {
                        prefix: None,
                        ports: vec![port..=port],
                    };
                    Condition::Row(RowTest::End(*side, end))
                }
                _ => Condition::default(),
            },
            _ => Condition::default(),
        }
    }
}

impl End {
    /// Returns true if `facts` are those of this end. A v4-mapped address is one of IPv4 too; a v4-mapped prefix has no
    /// others.
    fn is(&self, facts: &Facts<'_>) -> bool {
        if let Some(pattern) = &self.path {
            return is_like(pattern, facts.path.unwrap_or_default());
        }
        let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
        let is_in = |address| (self.address ^ address_bits(address)) & mask == 0;
        (self.port == ANY_PORT || self.port == facts.port)
            && (is_in(facts.address) || self.is_v4 && is_in(unmapped(facts.address)))
    }
}

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
        let at = |sign: u8, text: &[u8]| text.iter().position(|byte| *byte == sign);
        let (address, port) = match word {
            _ if b"SD".contains(&self.about) => (&b""[..], word),
            [b'[', rest @ ..] => {
                let Some(close) = at(b']', rest) else {
                    return self.no_end("", b"", "");
                };
                let (address, port) = rest.split_at_checked(close).unwrap_or_default();
                (address, port.get(1..).unwrap_or_default())
            }
            [b'*', port @ ..] => (&b""[..], port),
            word => {
                let slash = at(b'/', word).unwrap_or(0);
                let colon = word.iter().rposition(|byte| *byte == b':');
                let colon = colon.filter(|colon| *colon >= slash);
                let split = word.split_at_checked(colon.unwrap_or(word.len()));
                split.unwrap_or_default()
            }
        };
        let port = port.strip_prefix(b":").unwrap_or(port);
        if !port.is_empty() && !port.starts_with(b"*") {
            let Some(number) = c_integer(port) else {
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

/// Parses `127`, `10.0.0.0/8`, `10/255.0.0.0`, `fe80::/10`, `any`; returns its bits, how many of them count, and true if it
/// is of IPv4.
fn parse_prefix(text: &[u8], family: u8) -> Option<(u128, u32, bool)> {
    let mut parts = text.splitn(2, |byte| *byte == b'/');
    let (name, mask) = (parts.next()?, parts.next());
    if let b"default" | b"all" | b"any" = name {
        return mask.is_none().then_some((0, 0, false));
    }
    let is_v4 = !name.contains(&b':');
    let (address, most) = if is_v4 {
        (u128::from(parse_v4(name)?) << 96, 32)
    } else {
        let address: Ipv6Addr = std::str::from_utf8(name).ok()?.parse().ok()?;
        (address.to_bits(), 128)
    };
    let bits = match mask {
        None => most,
        Some(mask) => match c_integer(mask) {
            Some(bits) => u32::try_from(bits).ok()?,
            None => {
                let mask = parse_v4(mask)?;
                let ones = mask.leading_ones();
                (mask.count_ones() == ones).then_some(ones)?
            }
        },
    };
    let own = if is_v4 { INET } else { INET6 };
    (bits <= most && (family == 0 || family == own)).then_some((address, bits, is_v4))
}

/// Parses an IPv4 address, whose last numbers may be missing.
fn parse_v4(text: &[u8]) -> Option<u32> {
    let mut octets = [0; 4];
    let mut free = octets.iter_mut();
    for part in text.split(|byte| *byte == b'.') {
        *free.next()? = u8::try_from(c_integer(part)?).ok()?;
    }
    Some(u32::from_be_bytes(octets))
}

/// Parses a number as C writes it: decimal, octal behind `0`, hexadecimal behind `0x`.
#[inline(never)]
fn c_integer(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', digits @ ..] if !digits.is_empty() => (8, digits),
        digits => (10, digits),
    };
    let mut number = 0_i32;
    for byte in digits {
        let digit = char::from(*byte).to_digit(radix)?;
        let scaled = number.checked_mul(radix.cast_signed())?;
        number = scaled.checked_add(digit.cast_signed())?;
    }
    (!digits.is_empty()).then_some(number * sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::proto::Proto;
    use crate::socket::state::State;

    /// Returns what a command line of ss's stands for, whose words are separated by blanks.
    fn parse_line(line: &str) -> Result<Asked, Stop> {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec());
        crate::dialects::ss::arguments::parse(&words.collect::<Vec<_>>())
    }

    /// Returns the test of a filter.
    fn test(filter: &str) -> Test {
        parse_line(&format!("-t {filter}"))
            .ok()
            .and_then(|asked| asked.filter)
            .unwrap_or_else(|| panic!("{filter}"))
    }

    /// Returns true if `filter` holds for a connection between two ends.
    fn holds(filter: &str, local: (&str, u16), remote: (&str, u16)) -> bool {
        let end = |(address, port): (&str, u16)| (address.parse().unwrap(), port);
        let row = Row {
            inode: 7,
            proto: Proto::Tcp,
            state: State::ESTABLISHED,
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Inet {
                local: end(local),
                remote: end(remote),
            },
        };
        test(filter).holds(&row, (32768, 60999))
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
    fn a_prefix_of_ipv4_has_the_mapped_addresses_and_a_mapped_one_has_no_others() {
        let mapped = ("::ffff:1.2.3.4", 1);
        let plain = ("1.2.3.4", 1);
        assert!(holds("dst 1.2.3.4", plain, mapped));
        assert!(holds("dst 1.2.3.4", plain, plain));
        assert!(holds("dst [::ffff:1.2.3.4]", plain, mapped));
        assert!(!holds("dst [::ffff:1.2.3.4]", plain, plain));
        assert!(
            !holds("src 1.2.3.4/32", mapped, ("1.2.3.5", 1)) || holds("src 1.2.3.4", mapped, plain)
        );
        assert!(!holds("dst 1.2.3.0/24", plain, ("::1:2", 1)));
    }

    #[test]
    fn the_bound_of_a_filter_holds_wherever_the_filter_does() {
        let ports = |filter: &str| {
            test(filter)
                .bound()
                .settle(&mut |_| crate::select::Truth::Maybe)
        };
        assert!(ports("sport != 1").is_always());
        assert!(ports("not sport = 1").is_always());
        assert!(ports("sport = 1 or dst 10.0.0.1").is_always());
        assert!(ports("sport = 0").is_always());
        assert!(!ports("( sport = 1 or dport = 2 ) and src 10.0.0.1").is_always());
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
            assert_eq!(parse(filter).1, true, "{filter}");
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

    #[test]
    fn a_family_in_the_filter_replaces_those_that_are_shown() {
        let families = |line: &str| parse_line(line).unwrap().families;
        assert_eq!(families("-t sport = 1"), 3);
        assert_eq!(families("-t sport = inet:1"), 1);
        assert_eq!(families("-t -4 -6 sport = 1"), 2);
        assert_eq!(families("-tx src /run/*"), 4);
        assert_eq!(families("-a"), 31);
    }
}
