//! The containers that a word means, as people have it in hand. In: a word of `--container`. Out: whether a container is called
//! so, or has an id that begins so; and what is most like a word that nothing is called. It looks at no process.

use crate::cli::suggest::mistakes;
use crate::text::parts::next_part;
use crate::walk::container::Containers;
use crate::walk::container::texts::{Container, ID, NAME, NAMESPACE, POD, UID};

/// The most containers that are named in place of one that is not there.
const NEAREST_MAX: usize = 3;

/// What a container may be called, by the texts that stand side by side with `/` in between.
const FORMS: [&[usize]; 5] = [
    &[NAME],
    &[POD],
    &[NAMESPACE, POD],
    &[NAMESPACE, POD, NAME],
    &[UID, NAME],
];

impl Container {
    /// Returns true if it is called `word`, or its pod is.
    fn is_called(&self, word: &[u8]) -> bool {
        FORMS.iter().any(|form| {
            let mut typed = Some(word);
            for place in *form {
                let text = self.text(*place);
                if text.is_empty() || next_part(&mut typed, b'/') != Some(text) {
                    return false;
                }
            }
            typed.is_none()
        })
    }

    /// Returns true if `word` is the first digits of its id, or of its pod's uid, in either case.
    fn begins_with(&self, word: &[u8]) -> bool {
        [ID, UID].iter().any(|place| {
            let digits = self.text(*place).get(..word.len());
            digits.is_some_and(|digits| digits.eq_ignore_ascii_case(word))
        })
    }

    /// Returns true if /proc does not tell what people call it.
    fn is_unnamed(&self) -> bool {
        if self.is_in_pod() {
            !self.has(POD)
        } else {
            !self.is_unknown() && !self.has(NAME)
        }
    }
}

impl Containers {
    /// Returns the numbers of the containers that `word` means. A name counts first: only where nothing is called so is the
    /// word taken for the first digits of an id, because a name such as `db` may be all digits.
    pub(crate) fn meant(&mut self, word: &[u8]) -> Vec<u32> {
        for fits in [Container::is_called, Container::begins_with] {
            let all = self.all.iter().zip(0..);
            let all = all.filter(|(container, _)| fits(container, word));
            let meant: Vec<u32> = all.map(|(_, number)| number).collect();
            if !meant.is_empty() {
                return meant;
            }
        }
        self.missing.push(word.to_vec());
        Vec::new()
    }

    /// Returns the words that mean no container.
    pub(crate) fn missing(&self) -> &[Vec<u8>] {
        &self.missing
    }

    /// Returns true if a container that is asked for may be here under a name that /proc does not tell: a word that can be no id
    /// means no container, and some container has no name.
    pub(crate) fn may_be_unnamed(&self) -> bool {
        let is_digit = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
        let is_id = |word: &Vec<u8>| word.iter().all(is_digit);
        !self.missing.iter().all(is_id) && self.all.iter().any(Container::is_unnamed)
    }

    /// Writes the containers that are most like `word`, as a list shows them.
    pub(crate) fn write_nearest(&self, out: &mut Vec<u8>, word: &[u8]) {
        let (mut named, mut before): (Vec<Vec<u8>>, _) = (Vec::new(), &b", but there is "[..]);
        for _ in 0..NEAREST_MAX {
            let (mut least, mut best) = (usize::MAX, Vec::new());
            for container in self.all.iter().filter(|known| !known.is_unknown()) {
                let mut shown = Vec::new();
                container.write(&mut shown);
                // The pod of a container that is named already says nothing new.
                let is_in = |name: &Vec<u8>| {
                    name.starts_with(&shown) && matches!(name.get(shown.len()), None | Some(b'/'))
                };
                if named.iter().any(is_in) {
                    continue;
                }
                let digits = container.text(ID).get(..word.len()).unwrap_or_default();
                for text in [&shown, container.text(NAME), container.text(POD), digits] {
                    let mistakes = mistakes(word, text);
                    if mistakes < least {
                        least = mistakes;
                        best.clone_from(&shown);
                    }
                }
            }
            if !best.is_empty() {
                out.extend_from_slice(before);
                out.extend_from_slice(&best);
                before = b", ";
                named.push(best);
            }
        }
    }
}
