//! Command lines of lsof, ss and netstat: any words, an argument a line. What holds: the words of ss and netstat are taken apart as the
//! C library's own getopt_long takes them; what is refused is said in lines of the tool's manner, with one of its exit
//! statuses; what is accepted means the same each time, and what is read for it leaves out no row that it shows; the work is bounded.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use super::filters::rows;
use super::steps::bounded;
use super::visible::is_visible;
use super::without_nul;
use crate::dialects::getopt::Known;
use crate::dialects::people::Users;
use crate::dialects::{Stop, lsof, netstat, ss};
use crate::select::Condition;
use crate::socket::proto::Proto;
use crate::socket::state::State;
use crate::socket::{Detail, Ends, Row};

/// Fuzzes the three of them with the same words.
pub fn dialects(data: &[u8]) {
    if data.len() > 4096 {
        return;
    }
    let data = without_nul(data);
    let words: Vec<Vec<u8>> = data
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let rows = socket_rows();
    for known in [&ss::arguments::KNOWN, &netstat::arguments::KNOWN] {
        is_cut_as_in_c(known, &words);
    }
    match bounded(data.len(), || ss::arguments::parse(&words)) {
        Ok(asked) => {
            assert_eq!(Ok(&asked), ss::arguments::parse(&words).as_ref());
            let condition = ss::condition(&asked);
            for row in &rows {
                let holds = asked
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.holds(row, EPHEMERAL));
                assert!(
                    !(holds && is_of_ss(&asked, row)) || may_match(&condition, row),
                    "{words:?}: {row:?}"
                );
            }
        }
        Err(stop) => is_of_tool(
            &stop,
            &[
                "ss: ",
                "Error: ",
                "Cannot parse ",
                "Command line is not complete",
            ],
            &[0, 1, 255],
        ),
    }
    match bounded(data.len(), || netstat::arguments::parse(&words)) {
        Ok(asked) => {
            assert_eq!(Ok(&asked), netstat::arguments::parse(&words).as_ref());
            let condition = netstat::condition(&asked);
            for row in &rows {
                assert!(
                    !netstat::is_shown(&asked, row) || may_match(&condition, row),
                    "{words:?}: {row:?}"
                );
            }
        }
        Err(stop) => is_of_tool(&stop, &["netstat: "], &[3]),
    }
    match bounded(data.len(), || {
        lsof::arguments::parse(&words, &Users::default)
    }) {
        Ok(options) => {
            let again = lsof::arguments::parse(&words, &Users::default);
            assert_eq!(
                format!("{options:?}"),
                format!("{:?}", again.expect("the same words"))
            );
            let condition = lsof::condition(&options, None);
            for row in &rows {
                let is_asked = options.internet.iter().any(|spec| spec.has(row));
                assert!(
                    !is_asked || !options.states.is_empty() || may_match(&condition, row),
                    "{words:?}: {row:?}"
                );
            }
        }
        Err(ended) => {
            is_visible(&ended.0.text);
            let begins = ["lsof: ", "lsof 4.95", "lsof version"];
            assert!(
                begins.iter().any(|begin| ended.0.text.starts_with(begin)),
                "{}",
                ended.0.text
            );
            assert!(
                ended.0.text.ends_with('\n')
                    && ended.0.status == u8::from(ended.0.text.starts_with("lsof: "))
            );
        }
    }
}

/// Ports that the kernel chooses.
pub(super) const EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// Returns true if `condition` does not rule `row` out.
pub(super) fn may_match(condition: &Condition, row: &Row<'_>) -> bool {
    condition.may_match_row(row, &Detail::default())
}

/// Returns the fixed rows, as sockets.
pub(super) fn socket_rows() -> Vec<Row<'static>> {
    let of = |(at, row): (u32, super::filters::Row)| {
        let is_v6 = row.ends[0].0.is_ipv6();
        Row {
            inode: at,
            proto: match (row.is_udp, is_v6) {
                (false, false) => Proto::Tcp,
                (false, true) => Proto::Tcp6,
                (true, false) => Proto::Udp,
                (true, true) => Proto::Udp6,
            },
            state: match (row.is_udp, row.state) {
                (true, 7) => State::UNCONNECTED,
                (_, state) => State(state),
            },
            rx_queue: None,
            tx_queue: None,
            ends: Ends::Inet {
                local: row.ends[0],
                remote: row.ends[1],
            },
        }
    };
    (1000..).zip(rows()).map(of).collect()
}

/// Returns true if the tables, families and states that ss was asked for are those of `row`.
pub(super) fn is_of_ss(asked: &ss::arguments::Asked, row: &Row<'_>) -> bool {
    let (table, family) = match row.proto {
        Proto::Tcp => (1, 1),
        Proto::Tcp6 => (1, 2),
        Proto::Udp => (2, 1),
        _ => (2, 2),
    };
    let state = if row.state == State::UNCONNECTED {
        7
    } else {
        row.state.0
    };
    asked.tables & table != 0 && asked.families & family != 0 && asked.states >> state & 1 != 0
}

/// Panics unless `stop` is a text, or a line or two that begin as the tool's do, with one of its exit statuses.
fn is_of_tool(stop: &Stop, begins: &[&str], statuses: &[u8]) {
    match stop {
        Stop::Print(text) => is_visible(text),
        Stop::Fail(line, _, status) => {
            is_visible(line);
            assert!(begins.iter().any(|begin| line.starts_with(begin)), "{line}");
            assert!(
                line.lines().count() <= 2 && !line.ends_with('\n'),
                "{line:?}"
            );
            assert!(statuses.contains(status), "{line}: {status}");
        }
    }
}

/// `struct option` of <getopt.h>.
#[repr(C)]
struct Name {
    name: *const c_char,
    has_arg: c_int,
    flag: *mut c_int,
    val: c_int,
}

unsafe extern "C" {
    static mut optind: c_int;
    static mut opterr: c_int;
    static mut optarg: *mut c_char;
    fn getopt_long(
        count: c_int,
        arguments: *const *mut c_char,
        letters: *const c_char,
        names: *const Name,
        found: *mut c_int,
    ) -> c_int;
}

/// Holds the cutting of `words` against that of the C library.
fn is_cut_as_in_c(known: &Known, words: &[Vec<u8>]) {
    let typed = known.parse(words);
    let text = |bytes: &[u8]| CString::new(bytes).expect("no NUL");
    let names: Vec<(u8, CString)> = known
        .names
        .split(|byte| *byte == b' ')
        .map(|name| (name[0], text(&name[1..])))
        .collect();
    let takes_value = |letter: u8| known.letters.windows(2).any(|pair| pair == [letter, b':']);
    let mut table: Vec<Name> = names
        .iter()
        .map(|(letter, name)| Name {
            name: name.as_ptr(),
            has_arg: takes_value(*letter).into(),
            flag: ptr::null_mut(),
            val: (*letter).into(),
        })
        .collect();
    table.push(Name {
        name: ptr::null(),
        has_arg: 0,
        flag: ptr::null_mut(),
        val: 0,
    });
    let letters = text(known.letters);
    let owned: Vec<CString> = [known.tool.as_bytes()]
        .into_iter()
        .chain(words.iter().map(Vec::as_slice))
        .map(text)
        .collect();
    let mut arguments: Vec<*mut c_char> =
        owned.iter().map(|word| word.as_ptr().cast_mut()).collect();
    arguments.push(ptr::null_mut());
    let count = c_int::try_from(owned.len()).expect("few words");
    let (mut options, mut is_wrong) = (Vec::new(), false);
    // SAFETY: the tables end as getopt(3) asks for it and live until the end; one thread fuzzes.
    let rest = unsafe {
        (optind, opterr) = (0, 0);
        loop {
            optarg = ptr::null_mut();
            let found = getopt_long(
                count,
                arguments.as_ptr(),
                letters.as_ptr(),
                table.as_ptr(),
                ptr::null_mut(),
            );
            let Ok(letter) = u8::try_from(found) else {
                break;
            };
            let value = if optarg.is_null() {
                Vec::new()
            } else {
                CStr::from_ptr(optarg).to_bytes().to_vec()
            };
            if letter == b'?' && !is_told(known, &typed, options.len()) {
                is_wrong = true;
                break;
            }
            options.push((letter, value));
        }
        optind
    };
    let same = typed
        .options
        .iter()
        .map(|(letter, value)| (*letter, value.to_vec()));
    assert_eq!(same.collect::<Vec<_>>(), options, "{words:?}");
    assert_eq!(
        typed.wrong.is_some(),
        is_wrong,
        "{words:?}: {:?}",
        typed.wrong
    );
    if !is_wrong {
        let at = usize::try_from(rest).expect("a place");
        // SAFETY: these are words of `owned`, in the order that the C library gave them.
        let words_c: Vec<&[u8]> = arguments[at..owned.len()]
            .iter()
            .map(|word| unsafe { CStr::from_ptr(*word) }.to_bytes())
            .collect();
        assert_eq!(typed.words, words_c, "{words:?}");
    }
}

/// Returns true if option `at` of `typed` is the letter `?`, which netstat has: the C library says the same of a wrong one.
fn is_told(known: &Known, typed: &crate::dialects::getopt::Typed<'_>, at: usize) -> bool {
    known.letters.contains(&b'?') && typed.options.get(at).is_some_and(|option| option.0 == b'?')
}
