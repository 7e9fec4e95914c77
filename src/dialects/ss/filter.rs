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

use crate::dialects::ss::arguments::{Asked, Family, Stop, family, refused};
use crate::select::glob::is_like;
use crate::select::{Condition, Endpoint, RowTest};
use crate::socket::{Ends, Row, Side};
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
    Is(Side, End),
    /// The port on this side is this one or above.
    AtLeast(Side, i64),
    /// The port on this side is this one or below.
    AtMost(Side, i64),
    /// The kernel has chosen the port.
    Autobound,
}

/// One end, as the filter has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::dialects) struct End {
    /// The pattern of a path, if it is one of unix; the rest is empty then.
    path: Option<Vec<u8>>,
    /// The port; `None` for any.
    port: Option<i64>,
    /// The address; `None` for any.
    prefix: Option<Prefix>,
}

/// The addresses that begin with the same bits.
#[derive(Debug, PartialEq, Eq)]
struct Prefix {
    /// The address.
    address: IpAddr,
    /// How many bits of it count; more than none.
    bits: u32,
}

/// Returns the bits of `address` from the left; those of IPv4 stand where IPv6 has its first, as ss compares them.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Prefix {
    /// Returns true if `address` is one of them. A v4-mapped address is one of IPv4 too; a v4-mapped prefix has no others.
    fn contains(&self, address: IpAddr) -> bool {
        let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
        let is_like = |address| (bits(self.address) ^ bits(address)) & mask == 0;
        let mapped = match address {
            IpAddr::V6(v6) if self.address.is_ipv4() => v6.to_ipv4_mapped(),
            _ => None,
        };
        is_like(address) || mapped.is_some_and(|v4| is_like(IpAddr::V4(v4)))
    }
}

/// What the filter is asked of: the two ends of a row, in numbers.
struct Facts<'a> {
    /// The addresses.
    addresses: [IpAddr; 2],
    /// The ports.
    ports: [i64; 2],
    /// The path of a unix socket, up to its first blank.
    path: Option<&'a [u8]>,
}

impl<'a> Facts<'a> {
    /// Returns what is asked of `row`.
    fn of(row: &Row<'a>) -> Self {
        let none = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let (addresses, ports) = match row.ends {
            Ends::Inet { local, remote } => {
                ([local.0, remote.0], [local.1.into(), remote.1.into()])
            }
            Ends::Netlink { port_id, .. } => ([none, none], [port_id.cast_signed().into(), -1]),
            Ends::Packet { ifindex, .. } => ([none, none], [ifindex.into(), 0]),
            _ => ([none, none], [0, 0]),
        };
        let path = match row.ends {
            Ends::Path(path) => Some(path),
            _ => None,
        };
        Self {
            addresses,
            ports,
            path,
        }
    }

    /// Returns the address and the port on `side`.
    fn end(&self, side: Side) -> (IpAddr, i64) {
        let [local, remote] = self.addresses;
        let [local_port, remote_port] = self.ports;
        match side {
            Side::Remote => (remote, remote_port),
            _ => (local, local_port),
        }
    }
}

impl Test {
    /// Returns true if the test holds for `row`; the kernel chooses ports from `ephemeral`.
    pub(in crate::dialects) fn holds(&self, row: &Row<'_>, ephemeral: (u16, u16)) -> bool {
        self.answer(&Facts::of(row), ephemeral)
    }

    /// Does the same for what is asked of a row.
    fn answer(&self, facts: &Facts<'_>, ephemeral: (u16, u16)) -> bool {
        match self {
            Self::Both(tests) => {
                tests.0.answer(facts, ephemeral) && tests.1.answer(facts, ephemeral)
            }
            Self::Either(tests) => {
                tests.0.answer(facts, ephemeral) || tests.1.answer(facts, ephemeral)
            }
            Self::Not(test) => !test.answer(facts, ephemeral),
            Self::Is(side, end) => end.is(*side, facts),
            Self::AtLeast(side, port) => facts.end(*side).1 >= *port,
            Self::AtMost(side, port) => facts.end(*side).1 <= *port,
            Self::Autobound => match facts.path {
                Some([]) => true,
                Some([b'@', name @ ..]) => {
                    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                    name.len() == 5 && name.iter().all(is_hex)
                }
                Some(_) => false,
                None => {
                    let (first, last) = ephemeral;
                    (i64::from(first)..=i64::from(last)).contains(&facts.end(Side::Local).1)
                }
            },
        }
    }

    /// Returns true if it asks which ports the kernel chooses.
    pub(in crate::dialects) fn asks_ephemeral(&self) -> bool {
        match self {
            Self::Both(tests) | Self::Either(tests) => {
                tests.0.asks_ephemeral() || tests.1.asks_ephemeral()
            }
            Self::Not(test) => test.asks_ephemeral(),
            Self::Autobound => true,
            Self::Is(..) | Self::AtLeast(..) | Self::AtMost(..) => false,
        }
    }

    /// Returns a condition that holds wherever the test holds for an internet socket: that of its ports, as far as it asks
    /// for any.
    pub(in crate::dialects) fn bound(&self) -> Condition {
        match self {
            Self::Both(tests) => Condition::All(vec![tests.0.bound(), tests.1.bound()]),
            Self::Either(tests) => Condition::Any(vec![tests.0.bound(), tests.1.bound()]),
            Self::Is(side, end) => {
                let port = end.port.and_then(|port| u16::try_from(port).ok());
                // Port 0, which stands for none, is in no list.
                let Some(port @ 1..) = port else {
                    return Condition::default();
                };
                let end = Endpoint {
                    prefix: None,
                    ports: vec![port..=port],
                };
                Condition::Row(RowTest::End(*side, end))
            }
            Self::Not(_) | Self::AtLeast(..) | Self::AtMost(..) | Self::Autobound => {
                Condition::default()
            }
        }
    }
}

impl End {
    /// Returns true if the end on `side` is this one.
    fn is(&self, side: Side, facts: &Facts<'_>) -> bool {
        if let Some(pattern) = &self.path {
            // /proc does not tell the path of the other end.
            let path = facts.path.filter(|_| side != Side::Remote);
            return is_like(pattern, path.unwrap_or_default());
        }
        let (address, port) = facts.end(side);
        self.port.is_none_or(|wanted| wanted == port)
            && self
                .prefix
                .as_ref()
                .is_none_or(|prefix| prefix.contains(address))
    }
}

/// The words of the grammar, each behind a letter for what it means.
const WORDS: &[u8] = b"n! nnot a& a&& aand o| o|| oor (( )) Rdst Lsrc Ddport Ssport \
udev ufwmark ucgroup Aautobound g>= gge ggeq l<= lle lleq N!= Nne Nneq == === =eq >> >gt << <lt";

/// The most parentheses and negations within each other.
const DEPTH_MAX: usize = 64;

/// A word, or a sign, of the filter.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A word of the grammar, as the letter for what it means; a point at the end.
    Word(u8),
    /// One end of a socket.
    End(End),
}

/// A filter that is being read.
struct Reader<'a> {
    /// The words that are not read yet.
    words: std::slice::Iter<'a, Vec<u8>>,
    /// The rest of the word that is being read.
    rest: &'a [u8],
    /// The token that comes next, if it was looked at.
    next: Option<Token>,
    /// The letter of the word that says what an end is: that which came last.
    about: u8,
    /// What is shown; an end in the filter may change its families.
    asked: &'a mut Asked,
}

/// Reads the words of a filter; `None` if there are none.
///
/// # Errors
/// What ss says, and its exit status.
pub(super) fn parse(words: &[Vec<u8>], asked: &mut Asked) -> Result<Option<Test>, Stop> {
    let mut reader = Reader {
        words: words.iter(),
        rest: b"",
        next: None,
        about: b'.',
        asked,
    };
    if reader.peek()? == Some(b'.') {
        return Ok(None);
    }
    let test = reader.some(0)?;
    match reader.peek()? {
        Some(b'.') => Ok(Some(test)),
        _ => Err(syntax()),
    }
}

/// Returns what ss says where the grammar is not kept.
fn syntax() -> Stop {
    let line = "ss: bison bellows (while parsing filter): \"syntax error!\" Sorry.";
    Stop::Fail(line.to_owned(), true, 255)
}

/// Returns what ss says of an end that is none, with `line` in front.
fn no_end(line: &str) -> Stop {
    Stop::Fail([line, "Cannot parse dst/src address."].concat(), false, 1)
}

impl Reader<'_> {
    /// Returns the next word, from blank to blank; empty at the end. A backslash stands for the byte behind it.
    fn read(&mut self) -> Vec<u8> {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        loop {
            let blanks = self.rest.iter().take_while(|byte| is_blank(byte)).count();
            self.rest = self.rest.get(blanks..).unwrap_or_default();
            if !self.rest.is_empty() {
                break;
            }
            let Some(next) = self.words.next() else {
                return Vec::new();
            };
            self.rest = next;
        }
        let mut word = Vec::new();
        while let [byte, rest @ ..] = self.rest {
            self.rest = rest;
            match (byte, rest) {
                (b'\\', [escaped, rest @ ..]) => {
                    word.push(*escaped);
                    self.rest = rest;
                }
                (b'\\', []) => {}
                (byte, _) if is_blank(byte) => break,
                (byte, _) => word.push(*byte),
            }
        }
        word
    }

    /// Reads a token, unless it was looked at.
    fn token(&mut self) -> Result<Token, Stop> {
        if let Some(next) = self.next.take() {
            return Ok(next);
        }
        let word = self.read();
        if word.is_empty() {
            return Ok(Token::Word(b'.'));
        }
        let mut known = WORDS
            .split(|byte| *byte == b' ')
            .filter_map(<[u8]>::split_first);
        match known.find(|(_, known)| *known == word) {
            Some((b'u', _)) => {
                let why = "/proc does not tell it, and lsock reads nothing else";
                Err(refused(&quoted(&word), why))
            }
            Some((letter, _)) => {
                if let b'R' | b'L' | b'D' | b'S' | b'A' = letter {
                    self.about = *letter;
                }
                Ok(Token::Word(*letter))
            }
            None => Ok(Token::End(self.end(&word)?)),
        }
    }

    /// Returns the letter of the next word, which is read again; `None` where an end stands.
    fn peek(&mut self) -> Result<Option<u8>, Stop> {
        let token = self.token()?;
        let letter = match token {
            Token::Word(letter) => Some(letter),
            Token::End(_) => None,
        };
        self.next = Some(token);
        Ok(letter)
    }

    /// Reads what is joined by "and" and "or", from left to right.
    fn some(&mut self, depth: usize) -> Result<Test, Stop> {
        let mut all = self.one(depth)?;
        loop {
            let joined = self.peek()?;
            match joined {
                Some(b'.' | b')') => return Ok(all),
                Some(b'a' | b'o') => self.next = None,
                _ => {}
            }
            let both = Box::new((all, self.one(depth)?));
            all = match joined {
                Some(b'o') => Test::Either(both),
                _ => Test::Both(both),
            };
        }
    }

    /// Reads what is in parentheses, what is negated, or what is said of one end.
    fn one(&mut self, depth: usize) -> Result<Test, Stop> {
        if depth > DEPTH_MAX {
            return Err(syntax());
        }
        match self.token()? {
            Token::Word(b'(') => {
                let test = self.some(depth + 1)?;
                match self.token()? {
                    Token::Word(b')') => Ok(test),
                    _ => Err(syntax()),
                }
            }
            Token::Word(b'n') => Ok(Test::Not(Box::new(self.one(depth + 1)?))),
            Token::Word(b'A') => Ok(Test::Autobound),
            Token::Word(b'L') => self.about_end(Side::Local, false),
            Token::Word(b'R') => self.about_end(Side::Remote, false),
            Token::Word(b'S') => self.about_end(Side::Local, true),
            Token::Word(b'D') => self.about_end(Side::Remote, true),
            _ => Err(syntax()),
        }
    }

    /// Reads what is said of the end on `side`: any comparison of its port, else that it is this one.
    fn about_end(&mut self, side: Side, is_port: bool) -> Result<Test, Stop> {
        let operator = match self.peek()? {
            Some(letter) => {
                self.next = None;
                letter
            }
            // It may be left out.
            None => b'=',
        };
        if operator != b'=' && !(is_port && b"gl<>N".contains(&operator)) {
            return Err(syntax());
        }
        let Token::End(end) = self.token()? else {
            return Err(syntax());
        };
        // A star is below every port.
        let port = end.port.unwrap_or(-1);
        let not = |test| Test::Not(Box::new(test));
        Ok(match operator {
            b'g' => Test::AtLeast(side, port),
            b'l' => Test::AtMost(side, port),
            b'>' => not(Test::AtMost(side, port)),
            b'<' => not(Test::AtLeast(side, port)),
            b'N' => not(Test::Is(side, end)),
            _ => Test::Is(side, end),
        })
    }

    /// Reads an end: `:80`, `80`, `10.0.0.0/8:80`, `[::1]:80`, `*:80`, perhaps with a family in front. The family replaces
    /// those that are shown.
    fn end(&mut self, word: &[u8]) -> Result<End, Stop> {
        static NAMES: &[(&[u8], Option<Family>)] = &[
            (b"unix:", Some(family::UNIX)),
            (b"inet:", Some(family::INET)),
            (b"inet6:", Some(family::INET6)),
            (b"link:", None),
            (b"netlink:", None),
            (b"vsock:", None),
        ];
        let mut names = NAMES.iter();
        let named = names.find_map(|(name, family)| Some((word.strip_prefix(*name)?, *family)));
        let (word, family) = match named {
            Some((rest, Some(family))) => (rest, Some(family)),
            Some((_, None)) => return Err(uncovered(word)),
            None => (word, self.asked.preferred),
        };
        let end = match family {
            Some(family::UNIX) => End {
                path: Some(word.to_vec()),
                ..End::default()
            },
            Some(family::LINK | family::NETLINK) => return Err(uncovered(word)),
            family => inet_end(word, matches!(self.about, b'S' | b'D'), family)?,
        };
        if let Some(family) = family {
            self.asked.set_family(family);
        }
        Ok(end)
    }
}

/// Returns the line about an end of a family whose ends lsock does not compare.
fn uncovered(word: &[u8]) -> Stop {
    let why = "lsock compares ends of the internet and of unix alone; leave it out of the filter";
    refused(&quoted(word), why)
}

/// Reads an end of the internet; of one that stands behind `sport` or `dport` nothing but the port.
fn inet_end(word: &[u8], is_port: bool, family: Option<Family>) -> Result<End, Stop> {
    let (address, port) = if is_port {
        (&b""[..], word)
    } else if let Some(rest) = word.strip_prefix(b"[") {
        let close = rest.iter().position(|byte| *byte == b']');
        let close = close.ok_or_else(|| no_end(""))?;
        let (address, port) = rest.split_at(close);
        (address, port.get(1..).unwrap_or_default())
    } else if word.starts_with(b"*") {
        word.split_at(1)
    } else {
        let slash = word.iter().position(|byte| *byte == b'/').unwrap_or(0);
        let colon = word.iter().rposition(|byte| *byte == b':');
        let colon = colon.filter(|colon| *colon >= slash);
        word.split_at(colon.unwrap_or(word.len()))
    };
    let port = match port.strip_prefix(b":").unwrap_or(port) {
        [] | [b'*', ..] => None,
        digits => match c_integer(digits) {
            Some(number) if i32::try_from(number).is_ok() => {
                Some(number).filter(|port| *port != -1)
            }
            _ => {
                let name = quoted(digits);
                let line = ["Error: \"", &name, "\" does not look like a port.\n"].concat();
                return Err(no_end(&line));
            }
        },
    };
    let prefix = match address {
        [] | [b'*', ..] => None,
        address => match parse_prefix(address, family) {
            Some(prefix) => Some(prefix).filter(|prefix| prefix.bits > 0),
            None => {
                let name = quoted(address);
                let expected = "Error: an inet prefix is expected rather than \"";
                return Err(no_end(&[expected, &name, "\".\n"].concat()));
            }
        },
    };
    Ok(End {
        path: None,
        port,
        prefix,
    })
}

/// Parses `127`, `10.0.0.0/8`, `10/255.0.0.0`, `fe80::/10`, `any`.
fn parse_prefix(text: &[u8], family: Option<Family>) -> Option<Prefix> {
    let mut parts = text.splitn(2, |byte| *byte == b'/');
    let (name, mask) = (parts.next()?, parts.next());
    if let b"default" | b"all" | b"any" = name {
        let address = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        return mask.is_none().then_some(Prefix { address, bits: 0 });
    }
    let (address, most, own) = if name.contains(&b':') {
        let address: Ipv6Addr = std::str::from_utf8(name).ok()?.parse().ok()?;
        (IpAddr::V6(address), 128, family::INET6)
    } else {
        (IpAddr::V4(parse_v4(name)?.into()), 32, family::INET)
    };
    if family.is_some_and(|family| family != own) {
        return None;
    }
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
    (bits <= most).then_some(Prefix { address, bits })
}

/// Parses an IPv4 address, whose last numbers may be missing.
fn parse_v4(text: &[u8]) -> Option<u32> {
    let mut address = 0;
    for (at, part) in text.split(|byte| *byte == b'.').enumerate() {
        let octet = u8::try_from(c_integer(part)?).ok()?;
        let shift = 24_usize.checked_sub(8 * at)?;
        address |= u32::from(octet) << shift;
    }
    Some(address)
}

/// Parses a number as C writes it: decimal, octal behind `0`, hexadecimal behind `0x`.
fn c_integer(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', digits @ ..] if !digits.is_empty() => (8, digits),
        digits => (10, digits),
    };
    if !digits.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let number = i64::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::proto::Proto;
    use crate::socket::state::State;

    /// Returns what a command line of ss's stands for, whose words are separated by blanks.
    fn parse_line(line: &str) -> Result<Asked, Stop> {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec());
        crate::dialects::ss::arguments::parse(words.collect())
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
        let deep = "( ".repeat(100_000);
        assert_eq!(parse(&deep).2, 255);
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
