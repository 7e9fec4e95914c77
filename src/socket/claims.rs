//! `Claims`: which rows of unix may be forged, and what was passed over of them. In: what the reader of the table tells.
//! Out: the numbers of those rows in the store, for the join, which judges them. It decides nothing.

/// What is known of rows that may be forged.
#[derive(Default)]
pub(crate) struct Claims {
    /// The numbers of rows that the name in a row before could have printed, ascending.
    suspects: Vec<u32>,
    /// The suspects that stand in a table with more rows than the kernel counts sockets, ascending.
    outnumbered: Vec<u32>,
    /// True if some suspect stands in a table of which the kernel does not tell how many sockets it has.
    pub(crate) some_uncounted: bool,
    /// The inodes of rows of unix that were passed over: the store lacks rows of these.
    passed_over: Vec<u32>,
    /// True if any row that was passed over may be forged.
    some_passed_over: bool,
}

impl Claims {
    /// Notes that row `number` may be forged, which is larger than all before it.
    pub(crate) fn add(&mut self, number: u32) {
        self.suspects.push(number);
    }

    /// Notes that a row of unix with `inode` was not kept; it may be forged if `is_suspect`.
    pub(crate) fn pass_over(&mut self, inode: u32, is_suspect: bool) {
        if inode != 0 {
            self.passed_over.push(inode);
            self.some_passed_over |= is_suspect;
        }
    }

    /// Returns the inodes of the rows that were passed over since the last time, if these or any others may be forged.
    pub(crate) fn take_passed_over(&mut self) -> Vec<u32> {
        let inodes = std::mem::take(&mut self.passed_over);
        if self.some_passed_over || !self.suspects.is_empty() {
            return inodes;
        }
        Vec::new()
    }

    /// Notes that there are more rows than sockets in the table of the suspects from the one at `first` on.
    pub(crate) fn outnumber_from(&mut self, first: usize) {
        let more = self.suspects.get(first..).unwrap_or_default();
        self.outnumbered.extend_from_slice(more);
    }

    /// Adds the claims of `other`, whose row 0 is now row `first`.
    pub(super) fn append(&mut self, other: Self, first: u32) {
        for (all, more) in [
            (&mut self.suspects, other.suspects),
            (&mut self.outnumbered, other.outnumbered),
        ] {
            all.extend(more.iter().map(|number| first + number));
        }
        self.passed_over.extend(other.passed_over);
        self.some_passed_over |= other.some_passed_over;
        self.some_uncounted |= other.some_uncounted;
    }

    /// Returns the numbers of the rows that may be forged, ascending.
    pub(crate) fn suspects(&self) -> &[u32] {
        &self.suspects
    }

    /// Returns true if row `number` may be forged.
    pub(crate) fn is_suspect(&self, number: u32) -> bool {
        self.suspects.binary_search(&number).is_ok()
    }

    /// Returns true if row `number` may be forged, and stands in a table with more rows than sockets.
    pub(crate) fn is_outnumbered(&self, number: u32) -> bool {
        self.outnumbered.binary_search(&number).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_keeps_its_rows() {
        let part = |outnumbered| {
            let mut part = Claims::default();
            for number in [1, 3] {
                part.add(number);
            }
            part.outnumber_from(outnumbered);
            part
        };
        let mut all = part(2);
        let mut more = part(1);
        more.pass_over(7, false);
        more.pass_over(0, true);
        all.append(more, 10);
        assert_eq!(all.suspects(), [1, 3, 11, 13]);
        assert!(all.is_suspect(11) && !all.is_suspect(12));
        assert!(
            (0..20)
                .filter(|number| all.is_outnumbered(*number))
                .eq([13])
        );
        assert_eq!(all.take_passed_over(), [7]);
        let mut certain = Claims::default();
        certain.pass_over(7, false);
        assert_eq!(certain.take_passed_over(), []);
        certain.pass_over(8, false);
        certain.pass_over(9, true);
        assert_eq!(certain.take_passed_over(), [8, 9]);
    }
}
