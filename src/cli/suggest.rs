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
        let mistakes = match distance(typed.as_bytes(), name.as_bytes()) {
            // Half of a name is better than one that looks like it.
            _ if is_part => 0,
            mistakes if mistakes <= MISTAKES_MAX && mistakes * 2 < name.len() => mistakes,
            _ => continue,
        };
        if best.is_none_or(|(least, _)| mistakes < least) {
            best = Some((mistakes, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Returns how many letters must be put in, left out, changed, or swapped with their neighbour to make `one` `other`.
fn distance(one: &[u8], other: &[u8]) -> usize {
    // Row `at` has the distances of the first `at` letters of `one` to each beginning of `other`.
    let mut two_above: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (column, wanted) in other.iter().enumerate() {
            let of = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let changed = of(&above, column) + usize::from(letter != wanted);
            let mut least = changed
                .min(of(&above, column + 1) + 1)
                .min(of(&row, column) + 1);
            let is_swapped = at > 0
                && column > 0
                && one.get(at - 1) == Some(wanted)
                && other.get(column - 1) == Some(letter);
            if is_swapped {
                least = least.min(of(&two_above, column - 1) + 1);
            }
            row.push(least);
        }
        two_above = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_mistakes() {
        for (one, other, wanted) in [
            ("", "", 0),
            ("", "abc", 3),
            ("json", "json", 0),
            ("jsn", "json", 1),
            ("jsonn", "json", 1),
            ("jxon", "json", 1),
            ("josn", "json", 1),
            ("porrt", "port", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one.as_bytes(), other.as_bytes()), wanted, "{one}");
            assert_eq!(distance(other.as_bytes(), one.as_bytes()), wanted, "{one}");
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
