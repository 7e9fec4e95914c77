//! Takes the command line of ss or netstat apart, as `getopt_long` of the C library does: letters in clusters, options
//! anywhere among the words, long names by an unambiguous prefix, values attached or in the next argument. In: the
//! arguments, and which letters and names there are. Out: the options in order, the words that are none, and the first
//! option that is wrong, in the C library's words. It does not know what an option means.

use crate::text::escape::quoted;

pub(super) use crate::text::parts::next_part as cut;

/// The options of a tool.
pub(crate) struct Known {
    /// The name of the tool, for messages.
    pub(crate) tool: &'static str,
    /// The letters; one that takes a value has a colon behind it.
    pub(crate) letters: &'static [u8],
    /// The long names with blanks in between, each behind the letter that it stands for, or behind a byte that is no letter.
    pub(crate) names: &'static [u8],
}

/// What was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Typed<'a> {
    /// The letters of the options, in order, each with its value; empty without one.
    pub(crate) options: Vec<(u8, &'a [u8])>,
    /// The line about the option that is wrong, behind those before it. Nothing is read after it.
    pub(crate) wrong: Option<String>,
    /// All other words.
    pub(crate) words: Vec<&'a [u8]>,
}

/// Returns true if `letters`, each of them a bit, has `letter`.
pub(super) fn has_letter(letters: u128, letter: u8) -> bool {
    letters.checked_shr(letter.into()).unwrap_or(0) & 1 != 0
}

/// Returns the place of `word` among `words`, which have blanks in between.
pub(super) fn place_of_word(words: &[u8], word: &[u8]) -> Option<usize> {
    let mut rest = Some(words);
    for place in 0.. {
        if cut(&mut rest, b' ')? == word {
            return Some(place);
        }
    }
    None
}

/// The arguments that are not read yet.
type Rest<'a> = std::slice::Iter<'a, Vec<u8>>;

impl Known {
    /// Returns true if the option `letter` takes a value.
    fn takes_value(&self, letter: u8) -> bool {
        self.letters.windows(2).any(|pair| pair == [letter, b':'])
    }

    /// Takes `arguments` apart, up to the first that is wrong.
    pub(crate) fn parse<'a>(&self, arguments: &'a [Vec<u8>]) -> Typed<'a> {
        let mut typed = Typed::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next().filter(|_| typed.wrong.is_none()) {
            match argument.as_slice() {
                b"--" => typed.words.extend(rest.by_ref().map(Vec::as_slice)),
                [b'-', b'-', name @ ..] => self.read_name(name, &mut rest, &mut typed),
                [b'-', letters @ ..] if !letters.is_empty() => {
                    self.read_letters(letters, &mut rest, &mut typed);
                }
                word => typed.words.push(word),
            }
        }
        typed
    }

    /// Reads the letters of a cluster.
    fn read_letters<'a>(&self, letters: &'a [u8], rest: &mut Rest<'a>, typed: &mut Typed<'a>) {
        let mut letters = letters;
        while let [letter, more @ ..] = letters {
            letters = more;
            if *letter == b':' || !self.letters.contains(letter) {
                typed.wrong = Some(self.wrong("invalid option -- '", &[*letter], "'"));
                return;
            }
            let mut value = &b""[..];
            if self.takes_value(*letter) {
                value = std::mem::take(&mut letters);
                if value.is_empty() {
                    let Some(next) = rest.next() else {
                        let what = "option requires an argument -- '";
                        typed.wrong = Some(self.wrong(what, &[*letter], "'"));
                        return;
                    };
                    value = next;
                }
            }
            typed.options.push((*letter, value));
        }
    }

    /// Reads a long name and its value.
    fn read_name<'a>(&self, text: &'a [u8], rest: &mut Rest<'a>, typed: &mut Typed<'a>) {
        let equals = text.iter().position(|byte| *byte == b'=');
        let (name, value) = text
            .split_at_checked(equals.unwrap_or(text.len()))
            .unwrap_or_default();
        // The letter of the names that begin so; a name that is typed in full excludes all others.
        let (mut found, mut is_one) = (0, true);
        let mut names = Some(self.names);
        while let Some(known) = cut(&mut names, b' ') {
            if let [letter, known @ ..] = known
                && known.starts_with(name)
            {
                is_one &= found == 0 || found == *letter;
                found = *letter;
                if known.len() == name.len() {
                    is_one = true;
                    break;
                }
            }
        }
        let mut value = value.get(1..);
        let takes_value = self.takes_value(found);
        if takes_value && value.is_none() {
            value = rest.next().map(Vec::as_slice);
        }
        let (before, name, after) = match value {
            _ if found == 0 => ("unrecognized option '--", text, "'"),
            _ if !is_one => ("option '--", text, "' is ambiguous"),
            None if takes_value => ("option '--", name, "' requires an argument"),
            Some(_) if !takes_value => ("option '--", name, "' doesn't allow an argument"),
            value => {
                typed.options.push((found, value.unwrap_or_default()));
                return;
            }
        };
        typed.wrong = Some(self.wrong(before, name, after));
    }

    /// Returns the line about `text`, which the user typed.
    #[inline(never)]
    fn wrong(&self, before: &str, text: &[u8], after: &str) -> String {
        [self.tool, ": ", before, &quoted(text), after].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known {
        tool: "ss",
        letters: b"tlnf:A:",
        names: b"ttcp nnet nnumeric Hno-header ffamily 7tipc 8tipcinfo",
    };

    /// Returns the words of `line`, which are separated by blanks.
    fn split(line: &str) -> Vec<Vec<u8>> {
        line.split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect()
    }

    #[test]
    fn options_are_found_as_getopt_long_finds_them() {
        let lines: [(&str, &str, &str); 8] = [
            ("-tln", "tln", ""),
            ("sport -t = -l :80", "tl", "sport = :80"),
            ("-t -- -l", "t", "-l"),
            ("--tc - x", "t", "- x"),
            // Two names of one option are not ambiguous, and a whole name is not the beginning of another.
            ("--n x", "", "--n is ambiguous"),
            ("--nu --tipc", "n7", ""),
            ("-tfinet --fam=inet6 --family x", "tfff", ""),
            ("-t -f -l", "tf", ""),
        ];
        for (line, letters, words) in lines {
            let line_words = split(line);
            let typed = KNOWN.parse(&line_words);
            if words.contains("ambiguous") {
                assert!(typed.wrong.is_some(), "{line}");
                continue;
            }
            let found: String = typed
                .options
                .iter()
                .map(|(letter, _)| char::from(*letter))
                .collect();
            assert_eq!(found, letters, "{line}");
            assert_eq!(
                String::from_utf8_lossy(&typed.words.join(&b' ')),
                words,
                "{line}"
            );
            assert_eq!(typed.wrong, None);
        }
        let line = split("-tfinet --fam=inet6 --family x");
        let values = KNOWN.parse(&line).options;
        let values: Vec<_> = values.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [&b""[..], b"inet", b"inet6", b"x"]);
    }

    #[test]
    fn a_wrong_option_is_named_in_the_words_of_the_c_library() {
        for (line, wrong) in [
            ("-tk", "ss: invalid option -- 'k'"),
            ("-t:", "ss: invalid option -- ':'"),
            ("--x=1", "ss: unrecognized option '--x=1'"),
            ("--tcp=1", "ss: option '--tcp' doesn't allow an argument"),
            ("-t -f", "ss: option requires an argument -- 'f'"),
            ("--fami", "ss: option '--fami' requires an argument"),
            ("--ti", "ss: option '--ti' is ambiguous"),
        ] {
            assert_eq!(
                KNOWN.parse(&split(line)).wrong.as_deref(),
                Some(wrong),
                "{line}"
            );
        }
        // What stands before it counts.
        assert_eq!(KNOWN.parse(&split("-tk")).options.len(), 1);
    }
}
