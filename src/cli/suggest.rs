//! Finds the option that somebody may have meant. In: a name that does not exist, and all that do. Out: the nearest, if
//! any is near. It knows no option itself.

/// The most letters that may be wrong.
const MISTAKES_MAX: usize = 3;
/// The fewest letters that may stand for a whole name which contains them.
const PART_LEN_MIN: usize = 3;

/// Returns the one of `names` that is nearest to `typed`; `None` if none is near.
pub(super) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = None;
    for name in names {
        let mut parts = name.as_bytes().windows(typed.len().max(PART_LEN_MIN));
        let is_part = parts.any(|part| part == typed.as_bytes());
        let mistakes = match mistakes(typed.as_bytes(), name.as_bytes()) {
            // A part of a name is a better guess than a name with mistakes.
            _ if is_part => 0,
            mistakes if mistakes <= MISTAKES_MAX && mistakes * 2 <= name.len() => mistakes,
            _ => continue,
        };
        if best.is_none_or(|(least, _)| mistakes < least) {
            best = Some((mistakes, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Returns how many letters stand between the beginning and the end that `one` and `other` share: people mistake one place
/// of a word.
pub(crate) fn mistakes(one: &[u8], other: &[u8]) -> usize {
    let same = |(one, other): &(&u8, &u8)| one == other;
    let start = one.iter().zip(other).take_while(same).count();
    let most = one.len().min(other.len()).saturating_sub(start);
    let ends = one.iter().rev().zip(other.iter().rev());
    let end = ends.take(most).take_while(same).count();
    one.len().max(other.len()).saturating_sub(start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_counted_in_one_place() {
        for (one, other, wanted) in [
            ("", "", 0),
            ("", "abc", 3),
            ("json", "json", 0),
            ("jsn", "json", 1),
            ("jsonn", "json", 1),
            ("jxon", "json", 1),
            ("josn", "json", 2),
            ("porrt", "port", 1),
            ("aa", "aaa", 1),
            ("kitten", "sitting", 7),
        ] {
            assert_eq!(mistakes(one.as_bytes(), other.as_bytes()), wanted, "{one}");
            assert_eq!(mistakes(other.as_bytes(), one.as_bytes()), wanted, "{one}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested_and_nothing_that_is_far() {
        let names = "json pid pids port local-port no-header listening container netns";
        for (typed, wanted) in [
            ("jsn", Some("json")),
            ("jsonn", Some("json")),
            ("JSON", None),
            ("prot", Some("port")),
            ("pidz", Some("pid")),
            ("list", Some("listening")),
            ("header", Some("no-header")),
            ("contianer", Some("container")),
            ("local", Some("local-port")),
            ("nosuch", None),
            ("", None),
            ("-", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, names.split(' ')), wanted, "{typed}");
        }
    }
}
