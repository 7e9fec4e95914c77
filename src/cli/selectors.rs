//! Recognises selectors by their shape. In: a word of the command line that is no option. Out: the option that the word
//! is short for, or one line that quotes the word and says what would be right. It does not parse the word: the option
//! does. What looks like an address, a port or a number but is none is an error and never a search word.

use crate::cli::states::parse_states;
use crate::cli::values::{parse_table, wrong};
use crate::text::addr::Prefix;

/// Returns the name of the option that `word` is the value of, by its shape: `--port` for `:80`.
///
/// # Errors
/// One line, without the program's name.
pub(super) fn option_of(word: &[u8]) -> Result<&'static str, String> {
    let consists_of = |bytes: &[u8]| word.iter().all(|byte| bytes.contains(byte));
    match word {
        [] => Err(wrong(
            word,
            "an empty selector selects nothing; leave it out to list all sockets",
        )),
        [b':', ..] if !looks_like_address(word) => Ok("--port"),
        [b'/' | b'@', ..] => Ok("--path"),
        _ if word.starts_with(b"socket:") => Ok("--inode"),
        _ if looks_like_address(word) => Ok("--address"),
        _ if consists_of(b"0123456789,") => Ok("--pid"),
        _ if consists_of(b"0123456789,-") => Err(wrong(
            word,
            "not a selector; ports begin with a colon, as in :8000-8999",
        )),
        [b'0'..=b'9', ..] if word.contains(&b',') => Ok("--pid"),
        _ if is_name_and_port(word) => Err(wrong(
            word,
            "host names are not looked up; write an address, as in 127.0.0.1:8080, or the port alone, as in :8080",
        )),
        [b'^', ..] => Err(wrong(
            word,
            "lsof's ^ leaves something out; name what to show instead",
        )),
        _ if parse_table(&word.to_ascii_lowercase()).is_ok() => Err(wrong(
            word,
            "a protocol is an option, as in -t, -u, -x or -i; of a command it is --command WORD",
        )),
        _ if parse_states(word).is_ok() => Err(wrong(
            word,
            "a state is attached to -s, as in -sLISTEN; of a command it is --command WORD",
        )),
        _ => Ok("--command"),
    }
}

/// Returns true if `word` can only be meant as an address: it is in brackets, or has two colons and otherwise what an
/// IPv6 address may have, or starts with a digit and has a point or a slash and no letters.
fn looks_like_address(word: &[u8]) -> bool {
    let address = word.split(|byte| *byte == b'%').next().unwrap_or_default();
    let is_v6 = address
        .iter()
        .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'/'));
    let is_v4 = word
        .iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b':' | b',' | b'-'));
    match word {
        [b'[', ..] | [b'*', b':', ..] => true,
        [b'0'..=b'9', ..] if is_v4 && word.contains(&b'.') => true,
        [b'0'..=b'9', ..] if starts_with_address(word) => true,
        _ => is_v6 && address.split(|byte| *byte == b':').count() > 2,
    }
}

/// Returns true if the part before the first colon or slash is an IPv4 address, or looks like one.
fn starts_with_address(word: &[u8]) -> bool {
    let address = word
        .split(|byte| matches!(byte, b':' | b'/'))
        .next()
        .unwrap_or_default();
    address.len() < word.len()
        && std::str::from_utf8(address)
            .ok()
            .and_then(Prefix::parse)
            .is_some()
}

/// Returns true for a word such as `localhost:8080`.
fn is_name_and_port(word: &[u8]) -> bool {
    let Some(at) = word.iter().position(|byte| *byte == b':') else {
        return false;
    };
    let (name, port) = word.split_at(at);
    let name_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.iter().all(name_byte) && port.len() > 1 && port.iter().skip(1).all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse;

    #[test]
    fn a_selector_is_recognised_by_its_shape() {
        for (word, option) in [
            ("6", "--pid"),
            ("6,7", "--pid"),
            (":8080", "--port"),
            (":8000-8999", "--port"),
            (":80,443", "--port"),
            ("172.17.0.2", "--address"),
            ("10.0.0.0/8", "--address"),
            ("172.17.0.2:8080", "--address"),
            ("[::1]:80", "--address"),
            ("[::1]", "--address"),
            ("::1", "--address"),
            ("::", "--address"),
            ("fe80::/10", "--address"),
            ("fe80::1%eth0", "--address"),
            ("*:80", "--address"),
            ("/run/app.sock", "--path"),
            ("@name", "--path"),
            ("socket:[607014]", "--inode"),
            ("java", "--command"),
            ("python3.11", "--command"),
            ("cafe", "--command"),
            ("7zip", "--command"),
            ("nginx: master", "--command"),
            ("a,b", "--command"),
        ] {
            assert_eq!(option_of(word.as_bytes()), Ok(option), "{word}");
            assert!(parse([word.into()]).is_ok(), "{word}");
        }
    }

    #[test]
    fn what_is_malformed_is_quoted_and_never_searched_for() {
        for word in [
            "",
            ":",
            ":99999",
            ":80-",
            ":90-80",
            ":http",
            "10.0.0.0/40",
            "300.1.1.1",
            "1.2.3",
            "1.2.3.4:x",
            "1.2.3.4:99999",
            "[::1",
            "[::1]80",
            "[]",
            "fe80::/200",
            ":::",
            "1::2::3",
            "6,x",
            "6,",
            "0",
            "99999999999",
            "8000-9000",
            "-",
            "socket:607014",
            "socket:[]",
            "localhost:8080",
            "1.2.3.4/",
            "*:",
            "*:x",
        ] {
            let error = parse([word.into()]).expect_err(word);
            assert!(
                error.starts_with(&format!("'{word}': ")) && !error.contains('\n'),
                "{error}"
            );
        }
    }
}
