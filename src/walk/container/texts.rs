//! What is known of a container, as one value. In: texts, one after the other. Out: each of them by its place. It does not
//! know what they mean. One piece of memory for all of them keeps small what is compiled for it.

/// The id.
pub(super) const ID: usize = 0;
/// The uid of the pod, written with `-`.
pub(super) const UID: usize = 1;
/// The name.
pub(super) const NAME: usize = 2;
/// The name of the pod.
pub(super) const POD: usize = 3;
/// The namespace of the pod.
pub(super) const NAMESPACE: usize = 4;
/// The unit of systemd of a process outside of containers.
pub(super) const UNIT: usize = 5;

/// Who has told what is known of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A cgroup that only an engine can have made.
    Engine,
    /// A cgroup that a user or a container may have made.
    Delegate,
    /// The mounts.
    Mounts,
}

/// What is known of a container; or of where a process is that is in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    /// All texts, one after the other.
    bytes: Vec<u8>,
    /// The end of each of them.
    ends: [usize; 6],
    /// Who has told it.
    pub(super) source: Source,
    /// True if its engine starts conmon.
    pub(super) has_conmon: bool,
}

impl Container {
    /// A container of which nothing is known.
    pub(crate) const UNKNOWN: &Self = &Self {
        bytes: Vec::new(),
        ends: [0; 6],
        source: Source::Engine,
        has_conmon: false,
    };

    /// Returns a container of which these texts are known.
    pub(super) fn of(texts: &[(usize, &[u8])]) -> Self {
        let mut container = Self::UNKNOWN.clone();
        for (place, text) in texts {
            container.set(*place, text);
        }
        container
    }

    /// Returns the text at `place`; empty if it is not known.
    pub(super) fn text(&self, place: usize) -> &[u8] {
        let start = place
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let start = start.copied().unwrap_or(0);
        let end = self.ends.get(place).copied().unwrap_or(start);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Returns bytes that are the same for all values of one container: its ids, and without an id its name; else its unit.
    pub(super) fn key(&self) -> &[u8] {
        let last = if self.has(ID) { UID } else { NAME };
        let len = self.ends.get(last).copied().filter(|len| *len > 0);
        self.bytes
            .get(..len.unwrap_or(self.bytes.len()))
            .unwrap_or_default()
    }

    /// Returns true if the text at `place` is known.
    pub(super) fn has(&self, place: usize) -> bool {
        !self.text(place).is_empty()
    }

    /// Sets the text at `place`. The name of a slice has `_` where an id has `-`.
    pub(super) fn set(&mut self, place: usize, text: &[u8]) {
        let (mut bytes, mut ends) = (Vec::new(), [0; 6]);
        for (known, end) in ends.iter_mut().enumerate() {
            let text = if known == place {
                text
            } else {
                self.text(known)
            };
            let start = bytes.len();
            bytes.extend_from_slice(text);
            for byte in bytes.iter_mut().skip(start) {
                if *byte == b'_' && known <= UID {
                    *byte = b'-';
                }
            }
            *end = bytes.len();
        }
        (self.bytes, self.ends) = (bytes, ends);
    }

    /// Takes the texts at `places` from `other`, but for those that this one has.
    pub(super) fn take(&mut self, places: &[usize], other: &Self) {
        for place in places.iter().copied().filter(|place| other.has(*place)) {
            if !self.has(place) {
                self.set(place, other.text(place));
            }
        }
    }
}
