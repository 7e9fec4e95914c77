//! Reads ss's command line. In: the arguments. Out: which tables, families and states are shown, with which columns, and
//! the filter; or what is printed instead, with ss's exit status. What /proc does not tell is refused here. It reads no
//! file.
//!
//! The rules are ss's own, as sets of bits: each table and each family that is named adds the states that it shows by
//! default, and a family that stands in a filter replaces all others.

use crate::dialects::getopt::{Known, Typed};
use crate::dialects::ss::filter::{self, Test};
use crate::text::escape::quoted;

/// What is done instead of showing sockets.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dialects) enum Stop {
    /// This is printed on standard output; the exit status is 0.
    Print(&'static str),
    /// This line is written to standard error, with the usage behind it where that is true; the exit status is this.
    Fail(String, bool, u8),
}

/// ss's exit status for what it does not understand, and for what is refused.
const REFUSED: u8 = 255;

/// The options of ss.
static KNOWN: Known = Known {
    tool: "ss",
    letters: b"dhaletuwxnro460spTbEf:mMiA:D:F:vVzZN:KHSO",
    names: &[
        ("numeric", b'n'),
        ("resolve", b'r'),
        ("options", b'o'),
        ("extended", b'e'),
        ("memory", b'm'),
        ("info", b'i'),
        ("processes", b'p'),
        ("threads", b'T'),
        ("bpf", b'b'),
        ("events", b'E'),
        ("dccp", b'd'),
        ("tcp", b't'),
        ("sctp", b'S'),
        ("udp", b'u'),
        ("raw", b'w'),
        ("unix", b'x'),
        ("tipc", UNTOLD),
        ("vsock", UNTOLD),
        ("all", b'a'),
        ("listening", b'l'),
        ("ipv4", b'4'),
        ("ipv6", b'6'),
        ("packet", b'0'),
        ("family", b'f'),
        ("socket", b'A'),
        ("query", b'A'),
        ("summary", b's'),
        ("diag", b'D'),
        ("filter", b'F'),
        ("version", b'V'),
        ("help", b'h'),
        ("context", b'Z'),
        ("contexts", b'z'),
        ("net", b'N'),
        ("tipcinfo", UNTOLD + 1),
        ("tos", UNTOLD + 2),
        ("cgroup", UNTOLD + 3),
        ("kill", b'K'),
        ("no-header", b'H'),
        ("xdp", UNTOLD + 4),
        ("mptcp", b'M'),
        ("oneline", b'O'),
        ("inet-sockopt", UNTOLD + 5),
    ],
};

/// The first byte that stands for a long name which has no letter; all of them are refused.
const UNTOLD: u8 = 200;

/// The text of `-h`, which scripts search for the options that they use.
pub(in crate::dialects) const USAGE: &str = "\
Usage: ss [ OPTIONS ] [ FILTER ]     (lsock, from /proc alone)
   -h, --help          this text
   -V, --version       version
   -n, --numeric       numbers, which ports are without it too
   -a, --all           sockets in every state
   -l, --listening     sockets that listen or have no peer
   -o, --options       timers
   -e, --extended      uid, inode and pointer
   -p, --processes     processes
   -s, --summary       totals
   -4, --ipv4 -6, --ipv6 -0, --packet -t, --tcp -S, --sctp -u, --udp -w, --raw -x, --unix
   -f, --family=FAMILY {inet|inet6|link|unix|netlink}
   -A, --query=QUERY, --socket=QUERY
       {all|inet|tcp|udp|raw|unix|unix_dgram|unix_stream|unix_seqpacket|packet|packet_raw|packet_dgram|netlink|sctp}
   -H, --no-header     no header line
   -O, --oneline       one line a socket, which it always is
   FILTER := [ state STATE ] [ exclude STATE ] [ {sport|dport} OPERATOR PORT | {src|dst} ADDRESS ] and or not ( )
";

/// The text of `-V`.
const VERSION: &str = concat!(
    "ss utility, iproute2-7.0.0, by lsock ",
    env!("CARGO_PKG_VERSION"),
    "\n"
);

/// Tables, each a bit.
pub(super) mod table {
    /// Tables of TCP; the order of the bits means nothing.
    pub(in crate::dialects::ss) const TCP: u16 = 1;
    /// UDP.
    pub(in crate::dialects::ss) const UDP: u16 = 2;
    /// Raw sockets.
    pub(in crate::dialects::ss) const RAW: u16 = 4;
    /// Streams of unix.
    pub(in crate::dialects::ss) const UNIX_STREAM: u16 = 8;
    /// Datagrams of unix.
    pub(in crate::dialects::ss) const UNIX_DGRAM: u16 = 0x10;
    /// Sequenced packets of unix.
    pub(in crate::dialects::ss) const UNIX_SEQ: u16 = 0x20;
    /// Packet sockets with link-level headers.
    pub(in crate::dialects::ss) const PACKET_RAW: u16 = 0x40;
    /// Packet sockets without.
    pub(in crate::dialects::ss) const PACKET_DGRAM: u16 = 0x80;
    /// Netlink.
    pub(in crate::dialects::ss) const NETLINK: u16 = 0x100;
    /// SCTP.
    pub(in crate::dialects::ss) const SCTP: u16 = 0x200;
    /// All that ss has and /proc does not tell: MPTCP, DCCP, vsock, XDP; several, as far as the columns are concerned.
    pub(in crate::dialects::ss) const UNTOLD: u16 = 0xc00;
    /// All of unix.
    pub(in crate::dialects::ss) const UNIX: u16 = UNIX_STREAM | UNIX_DGRAM | UNIX_SEQ;
    /// Both of packet.
    pub(in crate::dialects::ss) const PACKET: u16 = PACKET_RAW | PACKET_DGRAM;
    /// All of the internet.
    pub(in crate::dialects::ss) const INET: u16 = TCP | UDP | RAW | SCTP | UNTOLD;
    /// Every one.
    pub(super) const ALL: u16 = INET | UNIX | PACKET | NETLINK;
}

/// The names of tables.
static TABLES: &[(&str, u16)] = &[
    ("all", table::ALL),
    ("inet", table::INET),
    ("udp", table::UDP),
    ("tcp", table::TCP),
    ("sctp", table::SCTP),
    ("raw", table::RAW),
    ("unix", table::UNIX),
    ("unix_stream", table::UNIX_STREAM),
    ("u_str", table::UNIX_STREAM),
    ("unix_dgram", table::UNIX_DGRAM),
    ("u_dgr", table::UNIX_DGRAM),
    ("unix_seqpacket", table::UNIX_SEQ),
    ("u_seq", table::UNIX_SEQ),
    ("packet", table::PACKET),
    ("packet_raw", table::PACKET_RAW),
    ("p_raw", table::PACKET_RAW),
    ("packet_dgram", table::PACKET_DGRAM),
    ("p_dgr", table::PACKET_DGRAM),
    ("netlink", table::NETLINK),
];

/// Tables that ss has and /proc does not tell.
static UNTOLD_TABLES: &[&str] = &[
    "dccp",
    "mptcp",
    "tipc",
    "vsock",
    "vsock_stream",
    "v_str",
    "vsock_dgram",
    "v_dgr",
    "xdp",
];

/// A family: its bit, the tables that it has, and the states that it shows by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// Its bit.
    pub(super) bit: u8,
    /// Its tables.
    tables: u16,
    /// Its states.
    states: u16,
}

/// The families.
pub(super) mod family {
    use super::{CLOSE, CONNECTED, Family, table};

    /// IPv4.
    pub(in crate::dialects::ss) const INET: Family = Family {
        bit: 1,
        tables: table::INET,
        states: CONNECTED,
    };
    /// IPv6.
    pub(in crate::dialects::ss) const INET6: Family = Family { bit: 2, ..INET };
    /// Unix.
    pub(in crate::dialects::ss) const UNIX: Family = Family {
        bit: 4,
        tables: table::UNIX,
        states: CONNECTED,
    };
    /// Packet.
    pub(in crate::dialects::ss) const LINK: Family = Family {
        bit: 8,
        tables: table::PACKET,
        states: CLOSE,
    };
    /// Netlink.
    pub(in crate::dialects::ss) const NETLINK: Family = Family {
        bit: 16,
        tables: table::NETLINK,
        states: CLOSE,
    };
    /// All of them.
    pub(super) const ALL: [Family; 5] = [INET, INET6, UNIX, LINK, NETLINK];
}

/// The names of families.
static FAMILIES: &[(&[u8], Family)] = &[
    (b"inet", family::INET),
    (b"inet6", family::INET6),
    (b"link", family::LINK),
    (b"unix", family::UNIX),
    (b"netlink", family::NETLINK),
];

/// Every state: bit N is the kernel's state N of TCP, and bit 0 none of them.
const ALL: u16 = 0xfff;
/// TCP's LISTEN.
const LISTEN: u16 = 1 << 10;
/// TCP's CLOSE, which every socket without a peer is in.
const CLOSE: u16 = 1 << 7;
/// `SYN_RECV` and `TIME_WAIT`, which have no socket of their own.
const BUCKET: u16 = 1 << 3 | 1 << 6;
/// The state ESTABLISHED.
const ESTABLISHED: u16 = 1 << 1;
/// What is shown by default.
const CONNECTED: u16 = ALL & !(LISTEN | CLOSE | BUCKET);

/// The names of states and sets of them.
static STATES: &[(&str, u16)] = &[
    ("established", ESTABLISHED),
    ("syn-sent", 1 << 2),
    ("syn-recv", 1 << 3),
    ("syn-rcv", 1 << 3),
    ("fin-wait-1", 1 << 4),
    ("fin-wait-2", 1 << 5),
    ("time-wait", 1 << 6),
    ("unconnected", CLOSE),
    ("close", CLOSE),
    ("closed", CLOSE),
    ("close-wait", 1 << 8),
    ("last-ack", 1 << 9),
    ("listening", LISTEN),
    ("closing", 1 << 11),
    ("all", ALL),
    ("connected", ALL & !(CLOSE | LISTEN)),
    ("synchronized", ALL & !(CLOSE | LISTEN | 1 << 2)),
    ("bucket", BUCKET),
    ("big", ALL & !BUCKET),
    ("unknown", 1),
];

/// What is shown.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that goes with any other"
)]
pub(in crate::dialects) struct Asked {
    /// The tables.
    pub(super) tables: u16,
    /// The families.
    pub(super) families: u8,
    /// The states.
    pub(super) states: u16,
    /// The family of an address in the filter that does not name one: that which was named last; `None` for IPv4 and IPv6.
    pub(super) preferred: Option<Family>,
    /// Whether numbers are written where names are known.
    pub(super) numeric: bool,
    /// Whether there is no header.
    pub(super) headless: bool,
    /// Whether processes are shown.
    pub(super) processes: bool,
    /// Whether timers are.
    pub(super) timers: bool,
    /// Whether uid, inode and pointer are.
    pub(super) details: bool,
    /// Whether totals come first.
    pub(super) summary: bool,
    /// Whether there is nothing but the totals.
    pub(super) only_summary: bool,
    /// The filter.
    pub(super) filter: Option<Test>,
    /// Whether any table or family was named.
    is_named: bool,
}

impl Asked {
    /// Adds a table and the states that it shows by default.
    #[inline(never)]
    fn add_table(&mut self, tables: u16) {
        let quiet = table::UDP | table::RAW;
        let closed = table::PACKET | table::NETLINK | table::UNIX_DGRAM;
        for (some, states) in [
            (quiet, ESTABLISHED),
            (closed, CLOSE),
            (!(quiet | closed), CONNECTED),
        ] {
            if tables & some != 0 {
                self.states |= states;
            }
        }
        self.tables |= tables;
        self.is_named = true;
    }

    /// Adds a family and the states that it shows by default.
    #[inline(never)]
    fn add_family(&mut self, family: Family) {
        self.states |= family.states;
        self.families |= family.bit;
        self.preferred = Some(family);
        self.is_named = true;
    }

    /// Leaves `family` alone, which stands in the filter.
    pub(super) fn set_family(&mut self, family: Family) {
        self.families = family.bit;
        self.preferred = Some(family);
    }

    /// Adds what the tables and families that were named have to have: families for tables, tables for families.
    #[inline(never)]
    fn merge_defaults(&mut self) {
        let families = || family::ALL.into_iter();
        for bit in (0..16)
            .map(|shift| 1 << shift)
            .filter(|bit| self.tables & bit != 0)
        {
            let own = families().filter(|family| family.tables & bit != 0);
            let own = own.fold(0, |all, family| all | family.bit);
            if own & self.families == 0 {
                self.families |= own;
            }
        }
        for family in families().filter(|family| self.families & family.bit != 0) {
            if family.tables & self.tables == 0 {
                self.tables |= family.tables;
            }
        }
    }
}

/// Reads the command line.
///
/// # Errors
/// What is done instead.
#[inline(never)]
pub(in crate::dialects) fn parse(arguments: Vec<Vec<u8>>) -> Result<Asked, Stop> {
    let Typed {
        options,
        wrong,
        words,
    } = KNOWN.parse(arguments);
    let mut asked = Asked::default();
    // The states that options and words name; 0 for none.
    let mut states = 0;
    let mut has_query = false;
    for (letter, value) in &options {
        match letter {
            b'n' => asked.numeric = true,
            b'o' => asked.timers = true,
            b'e' => (asked.timers, asked.details) = (true, true),
            b'p' => asked.processes = true,
            b'H' => asked.headless = true,
            b'O' => {}
            b's' => asked.summary = true,
            b't' => asked.add_table(table::TCP),
            b'S' => asked.add_table(table::SCTP),
            b'u' => asked.add_table(table::UDP),
            b'w' => asked.add_table(table::RAW),
            b'x' => asked.add_family(family::UNIX),
            b'4' => asked.add_family(family::INET),
            b'6' => asked.add_family(family::INET6),
            b'0' => asked.add_family(family::LINK),
            b'a' => states = ALL,
            b'l' => states = LISTEN | CLOSE,
            b'f' => add_family(&mut asked, value)?,
            b'A' => {
                if !has_query {
                    asked.tables = 0;
                    asked.is_named = true;
                    states = default_states(states);
                    has_query = true;
                }
                for name in value.split(|byte| *byte == b',') {
                    add_table(&mut asked, name)?;
                }
            }
            b'v' | b'V' => return Err(Stop::Print(VERSION)),
            b'h' => return Err(Stop::Print(USAGE)),
            letter => return Err(refused_option(*letter)),
        }
    }
    if let Some(wrong) = wrong {
        return Err(Stop::Fail(wrong, true, REFUSED));
    }
    asked.only_summary = asked.summary && !asked.is_named && words.is_empty();
    let filter = read_states(&words, &mut states)?;
    if !asked.is_named {
        states = default_states(states);
        asked.add_table(table::ALL);
    }
    if states != 0 {
        asked.states = states;
    }
    asked.merge_defaults();
    for (set, name) in [
        (asked.tables, "socket tables"),
        (asked.families.into(), "families"),
        (asked.states, "socket states"),
    ] {
        if set == 0 {
            let line = ["ss: no ", name, " to show with such filter."].concat();
            return Err(Stop::Fail(line, false, 0));
        }
    }
    asked.filter = filter::parse(filter, &mut asked)?;
    Ok(asked)
}

/// Returns `states`, or what is shown by default.
fn default_states(states: u16) -> u16 {
    if states == 0 { CONNECTED } else { states }
}

/// Reads the words that name states, from the first on, into `states`. Returns those of the filter.
#[inline(never)]
fn read_states<'a>(words: &'a [Vec<u8>], states: &mut u16) -> Result<&'a [Vec<u8>], Stop> {
    let mut rest = words;
    let mut some_named = false;
    while let [word, more @ ..] = rest {
        let is_excluded = match word.as_slice() {
            b"state" => false,
            b"exclude" | b"excl" => true,
            _ => break,
        };
        let [name, more @ ..] = more else {
            let line = "Command line is not complete. Try option \"help\"";
            return Err(Stop::Fail(line.to_owned(), false, REFUSED));
        };
        let mut known = STATES.iter();
        let known = known.find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
        let Some((_, set)) = known else {
            let line = ["ss: wrong state name: ", &quoted(name)].concat();
            return Err(Stop::Fail(line, false, REFUSED));
        };
        if !some_named {
            *states = if is_excluded { ALL } else { 0 };
        }
        if is_excluded {
            *states &= !set;
        } else {
            *states |= set;
        }
        some_named = true;
        rest = more;
    }
    Ok(rest)
}

/// Adds the family that is called `name`.
fn add_family(asked: &mut Asked, name: &[u8]) -> Result<(), Stop> {
    if name == b"help" {
        return Err(Stop::Print(USAGE));
    }
    if let Some((_, family)) = FAMILIES.iter().find(|(known, _)| *known == name) {
        asked.add_family(*family);
        return Ok(());
    }
    if let b"tipc" | b"vsock" | b"xdp" = name {
        return Err(refused(&quoted(name), UNTOLD_WHY));
    }
    let line = ["ss: \"", &quoted(name), "\" is invalid family"].concat();
    Err(Stop::Fail(line, true, REFUSED))
}

/// Adds the table that is called `name`, or leaves it out if an exclamation mark stands in front.
fn add_table(asked: &mut Asked, name: &[u8]) -> Result<(), Stop> {
    let (is_left_out, name) = match name {
        [b'!', name @ ..] => (true, name),
        name => (false, name),
    };
    match TABLES.iter().find(|(known, _)| known.as_bytes() == name) {
        Some((_, tables)) if is_left_out => asked.tables &= !tables,
        Some((_, tables)) => asked.add_table(*tables),
        None if UNTOLD_TABLES.iter().any(|known| known.as_bytes() == name) => {
            return Err(refused(&quoted(name), UNTOLD_WHY));
        }
        None => {
            let line = ["ss: \"", &quoted(name), "\" is illegal socket table id"].concat();
            return Err(Stop::Fail(line, true, REFUSED));
        }
    }
    Ok(())
}

/// Why most of what is refused is.
const UNTOLD_WHY: &str = "/proc does not tell it, and lsock reads nothing else";

/// Returns the line about an option that ss has and lsock has not.
#[inline(never)]
fn refused_option(letter: u8) -> Stop {
    let why = match letter {
        b'r' => "lsock looks up no names; leave it out",
        b'N' => "leave it out; a network namespace is lsock --netns PID",
        b'K' => "lsock ends no connections",
        b'F' => "write the filter behind the options",
        _ => UNTOLD_WHY,
    };
    let typed = [b'-', letter];
    let long = KNOWN.names.iter().find(|(_, known)| *known == letter);
    match (std::str::from_utf8(&typed), long) {
        (Ok(typed), _) => refused(typed, why),
        (Err(_), long) => refused(&["--", long.map_or("", |(name, _)| name)].concat(), why),
    }
}

/// Returns the line that `what` is refused, and why.
pub(super) fn refused(what: &str, why: &str) -> Stop {
    Stop::Fail(["ss: ", what, ": ", why].concat(), false, REFUSED)
}
