//! Takes the command line of ss or netstat apart, as `getopt_long` of the C library does: letters in clusters, options
//! anywhere among the words, long names by an unambiguous prefix, values attached or in the next argument. In: the
//! arguments, and which letters and names there are. Out: the options in order, the words that are none, and the first
//! option that is wrong, in the C library's words. It does not know what an option means.

use crate::text::escape::quoted;

/// The options of a tool.
pub(super) struct Known {
    /// The name of the tool, for messages.
    pub(super) tool: &'static str,
    /// The letters; one that takes a value has a colon behind it.
    pub(super) letters: &'static [u8],
    /// The long names, each with the letter that it stands for, or with a byte that is no letter.
    pub(super) names: &'static [(&'static str, u8)],
}

/// What was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    /// The letters of the options, in order, each with its value; empty without one.
    pub(super) options: Vec<(u8, Vec<u8>)>,
    /// The line about the option that is wrong, behind those before it. Nothing is read after it.
    pub(super) wrong: Option<String>,
    /// All other words.
    pub(super) words: Vec<Vec<u8>>,
}

impl Known {
    /// Returns true if the option `letter` takes a value.
    fn takes_value(&self, letter: u8) -> bool {
        self.letters.windows(2).any(|pair| pair == [letter, b':'])
    }

    /// Takes `arguments` apart, up to the first that is wrong.
    #[inline(never)]
    pub(super) fn parse(&self, arguments: Vec<Vec<u8>>) -> Typed {
        let mut typed = Typed::default();
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            let result = match argument.as_slice() {
                b"--" => {
                    typed.words.extend(rest);
                    return typed;
                }
                [b'-', b'-', name @ ..] => self.read_name(name, &mut rest, &mut typed),
                [b'-', letters @ ..] if !letters.is_empty() => {
                    self.read_letters(letters, &mut rest, &mut typed)
                }
                _ => {
                    typed.words.push(argument);
                    continue;
                }
            };
            if let Err(wrong) = result {
                typed.wrong = Some(wrong);
                return typed;
            }
        }
        typed
    }

    /// Reads the letters of a cluster.
    #[inline(never)]
    fn read_letters(
        &self,
        letters: &[u8],
        rest: &mut dyn Iterator<Item = Vec<u8>>,
        typed: &mut Typed,
    ) -> Result<(), String> {
        let mut letters = letters;
        while let [letter, more @ ..] = letters {
            letters = more;
            if *letter == b':' || !self.letters.contains(letter) {
                return Err(self.wrong("invalid option -- '", &[*letter], "'"));
            }
            let mut value = Vec::new();
            if self.takes_value(*letter) {
                value = match std::mem::take(&mut letters) {
                    [] => match rest.next() {
                        Some(next) => next,
                        None => {
                            let what = "option requires an argument -- '";
                            return Err(self.wrong(what, &[*letter], "'"));
                        }
                    },
                    attached => attached.to_vec(),
                };
            }
            typed.options.push((*letter, value));
        }
        Ok(())
    }

    /// Reads a long name and its value.
    #[inline(never)]
    fn read_name(
        &self,
        text: &[u8],
        rest: &mut dyn Iterator<Item = Vec<u8>>,
        typed: &mut Typed,
    ) -> Result<(), String> {
        let mut parts = text.splitn(2, |byte| *byte == b'=');
        let name = parts.next().unwrap_or_default();
        let attached = parts.next();
        let begun: Vec<_> = self
            .names
            .iter()
            .filter(|(known, _)| known.as_bytes().starts_with(name))
            .collect();
        let whole = begun.iter().find(|(known, _)| known.len() == name.len());
        let (known, letter) = match (whole, begun.as_slice()) {
            (Some(found), _) => **found,
            (None, []) => return Err(self.wrong("unrecognized option '--", text, "'")),
            (None, [first, more @ ..]) if more.iter().all(|(_, letter)| *letter == first.1) => {
                **first
            }
            (None, several) => {
                let mut line = self.wrong("option '--", text, "' is ambiguous; possibilities:");
                for (known, _) in several {
                    line.push_str(" '--");
                    line.push_str(known);
                    line.push('\'');
                }
                return Err(line);
            }
        };
        let name = known.as_bytes();
        let value = match (self.takes_value(letter), attached) {
            (false, None) => Vec::new(),
            (false, Some(_)) => {
                return Err(self.wrong("option '--", name, "' doesn't allow an argument"));
            }
            (true, Some(value)) => value.to_vec(),
            (true, None) => rest
                .next()
                .ok_or_else(|| self.wrong("option '--", name, "' requires an argument"))?,
        };
        typed.options.push((letter, value));
        Ok(())
    }

    /// Returns the line about `text`, which the user typed.
    fn wrong(&self, before: &str, text: &[u8], after: &str) -> String {
        let mut line = self.tool.to_owned();
        line.push_str(": ");
        line.push_str(before);
        line.push_str(&quoted(text));
        line.push_str(after);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known {
        tool: "ss",
        letters: b"tlnf:A:",
        names: &[
            ("tcp", b't'),
            ("net", b'n'),
            ("numeric", b'n'),
            ("no-header", b'H'),
            ("family", b'f'),
            ("tipc", 200),
            ("tipcinfo", 201),
        ],
    };

    /// Returns what is typed with `line`, whose words are separated by blanks.
    fn typed(line: &str) -> Typed {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec());
        KNOWN.parse(words.collect())
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
            ("--nu --tipc", "n\u{c8}", ""),
            ("-tfinet --fam=inet6 --family x", "tfff", ""),
            ("-t -f -l", "tf", ""),
        ];
        for (line, letters, words) in lines {
            let typed = typed(line);
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
        let values = typed("-tfinet --fam=inet6 --family x").options;
        let values: Vec<_> = values.iter().map(|(_, value)| value.as_slice()).collect();
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
            ("--fami", "ss: option '--family' requires an argument"),
            (
                "--ti",
                "ss: option '--ti' is ambiguous; possibilities: '--tipc' '--tipcinfo'",
            ),
        ] {
            assert_eq!(typed(line).wrong.as_deref(), Some(wrong), "{line}");
        }
        // What stands before it counts.
        assert_eq!(typed("-tk").options.len(), 1);
    }
}
