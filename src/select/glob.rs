//! Matches names against patterns, as ss does it with the paths of unix sockets. In: a pattern with `*` and `?`, and a
//! name. Out: yes or no. It knows no other sign of the shell's.

/// Returns true if `pattern` matches the whole of `name`: `*` stands for any bytes, `?` for one; capitals are as good as
/// small letters.
pub(crate) fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    let (mut in_pattern, mut in_name) = (0, 0);
    // The last star, and the first byte of the name that it does not stand for yet.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(in_name) {
        match (pattern.get(in_pattern), star) {
            (Some(b'*'), _) => {
                in_pattern += 1;
                star = Some((in_pattern, in_name));
            }
            (Some(wanted), _) if *wanted == b'?' || wanted.eq_ignore_ascii_case(byte) => {
                in_pattern += 1;
                in_name += 1;
            }
            // Only the last star has to give way: what stands before it matches as early as can be.
            (_, Some((after, from))) => {
                (in_pattern, in_name) = (after, from + 1);
                star = Some((after, from + 1));
            }
            (_, None) => return false,
        }
    }
    let mut rest = pattern.iter().skip(in_pattern);
    rest.all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says the same by trying everything.
    fn is_like_slowly(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], name) => name.is_empty(),
            ([b'*', rest @ ..], name) => {
                (0..=name.len()).any(|at| is_like_slowly(rest, &name[at..]))
            }
            ([b'?', rest @ ..], [_, name @ ..]) => is_like_slowly(rest, name),
            ([wanted, rest @ ..], [byte, name @ ..]) => {
                wanted.eq_ignore_ascii_case(byte) && is_like_slowly(rest, name)
            }
            _ => false,
        }
    }

    #[test]
    fn every_short_pattern_says_what_trying_everything_says() {
        let words = |letters: &[u8]| {
            let mut all = vec![Vec::new()];
            for at in 0.. {
                let Some(word) = all.get(at).filter(|word: &&Vec<u8>| word.len() < 5) else {
                    return all;
                };
                let longer: Vec<_> = letters
                    .iter()
                    .map(|letter| [word, &[*letter][..]].concat())
                    .collect();
                all.extend(longer);
            }
            all
        };
        let names = words(b"ab");
        for pattern in words(b"ab*?") {
            for name in &names {
                assert_eq!(
                    is_like(&pattern, name),
                    is_like_slowly(&pattern, name),
                    "{pattern:?} {name:?}"
                );
            }
        }
        assert!(is_like(b"/RUN/*.sock", b"/run/Docker.sock"));
    }
}
