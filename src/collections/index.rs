//! A multimap from u32 keys (inodes, hashes) to u32 numbers, by open addressing. In: keys and the numbers of things. Out:
//! the numbers again; equal keys give theirs in the order in which they were inserted. A slot has 8 bytes, a key and a
//! number, and a fifth of the slots stays free. The slots never grow.
//!
//! Equal keys share one slot: it has the number that came last, and the numbers are linked in a ring, so that n of them
//! cost n steps and not n times n. While no two keys are equal there are no links, which take five bytes a number.
//!
//! Inodes are handed out in runs, one for each processor. With the inode itself as the slot these runs collide: 500,000
//! sockets took four times as long as with the multiplication below, which spreads them. The key stands in the slot
//! because the thing itself is far away: with 500,000 rows, each look at a row waits for the main memory.

use crate::collections::sort::sort_dedup;
use crate::collections::to_index;

/// How many keys are looked ahead for: more than the processor waits for at once, and few enough to stay in its cache.
pub(crate) const AHEAD: usize = 32;

/// The number in a slot that is free.
const FREE: u32 = u32::MAX;

/// Numbers by key. By default there is room for none.
#[derive(Default)]
pub(crate) struct Index {
    /// Keys with the number that came last, or with `FREE`.
    slots: Vec<(u32, u32)>,
    /// For each number the next one with the same key, and for the last one the first; `FREE` or missing for a number that
    /// is alone.
    next: Vec<u32>,
}

impl Index {
    /// Returns an empty index with room for `len` numbers.
    pub(crate) fn with_room(len: usize) -> Self {
        Self {
            slots: vec![(0, FREE); len + len / 4 + 4],
            next: Vec::new(),
        }
    }

    /// Returns the first slot in which `key` may stand. The search goes on to the last slot, then from the first of all.
    fn first_slot(&self, key: u32) -> usize {
        // The golden ratio of 2^32: the upper bits of the product depend on all bits of the key, and as a fraction of
        // 2^32 they are spread over the slots, however many there are.
        let mixed = u64::from(key.wrapping_mul(0x9e37_79b9));
        let len = u64::try_from(self.slots.len()).unwrap_or(0);
        usize::try_from(mixed.wrapping_mul(len) >> 32).unwrap_or(0)
    }

    /// Returns the numbers under `key`, in the order in which they were inserted.
    pub(crate) fn find(&self, key: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.first_slot(key);
        let (before, from) = self.slots.split_at_checked(first).unwrap_or_default();
        let last = from
            .iter()
            .chain(before)
            .take_while(|(_, number)| *number != FREE)
            .find(|(known, _)| *known == key)
            .map(|(_, number)| *number);
        let first = last.map(|last| self.next(last).unwrap_or(last));
        std::iter::successors(first, move |number| {
            self.next(*number).filter(|_| Some(*number) != last)
        })
    }

    /// Returns the number behind `number` in its ring; `None` if it is alone.
    fn next(&self, number: u32) -> Option<u32> {
        let next = self.next.get(to_index(number)).copied();
        next.filter(|next| *next != FREE)
    }

    /// Puts `next` behind `number`.
    fn link(&mut self, number: u32, next: u32) {
        if self.next.is_empty() {
            self.next = vec![FREE; self.slots.len()];
        }
        if let Some(link) = self.next.get_mut(to_index(number)) {
            *link = next;
        }
    }

    /// Reads the first slot of each of `keys`, so that it is in the processor's cache when it is asked for. Reads that do
    /// not depend on each other are waited for together: with 500,000 sockets this saves a third of the time outside
    /// the kernel, 3 % of all.
    pub(crate) fn look_ahead(&self, keys: impl Iterator<Item = u32>) {
        let look = |key| {
            self.slots
                .get(self.first_slot(key))
                .map_or(0, |slot| slot.1)
        };
        let seen = keys.map(look).fold(0, |all, number| all ^ number);
        std::hint::black_box(seen);
    }

    /// Inserts `number`, which is below the room and under no key yet, under `key`. An index without room stays as it is.
    pub(crate) fn insert(&mut self, key: u32, number: u32) {
        let first = self.first_slot(key);
        let (before, from) = self.slots.split_at_mut_checked(first).unwrap_or_default();
        let mut slots = from.iter_mut().chain(before);
        let is_it = |slot: &&mut (u32, u32)| slot.1 == FREE || slot.0 == key;
        let Some(slot) = slots.find(is_it) else {
            return;
        };
        let last = std::mem::replace(slot, (key, number)).1;
        if last != FREE {
            self.link(number, self.next(last).unwrap_or(last));
            self.link(last, number);
        }
    }

    /// Inserts `number`, which is that of all numbers inserted so far, under `key`. Where there is no room left there is twice
    /// as much then, so that a number costs the same however many there are.
    #[inline(never)]
    pub(crate) fn push(&mut self, key: u32, number: u32) {
        let len = to_index(number) + 1;
        if self.slots.len() < len + len / 4 + 4 {
            let old = std::mem::replace(self, Self::with_room(16 + 2 * len));
            for (key, _) in old.slots.iter().filter(|(_, number)| *number != FREE) {
                old.find(*key).for_each(|number| self.insert(*key, number));
            }
        }
        self.insert(key, number);
    }
}

/// Inodes that are looked for, and which of them were found.
pub(crate) struct Wanted {
    /// Places in `found`, by inode.
    index: Index,
    /// What was found of each inode.
    found: Vec<Found>,
    /// The number of inodes without a row that can only be true.
    missing: usize,
    /// True if rows of all other inodes are wanted too.
    are_others: bool,
}

/// What was found of an inode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// No row.
    Nothing,
    /// Rows that may be forged.
    Claim,
    /// A row that can only be true.
    Row,
}

impl Wanted {
    /// Returns the set of `inodes`, none of them found yet. With `are_others` all other inodes are wanted too, and it is
    /// only noted what was found of `inodes`.
    pub(crate) fn new(mut inodes: Vec<u32>, are_others: bool) -> Self {
        sort_dedup(&mut inodes);
        let mut index = Index::with_room(inodes.len());
        for (inode, number) in inodes.iter().zip(0..) {
            index.insert(*inode, number);
        }
        Self {
            index,
            missing: inodes.len(),
            found: vec![Found::Nothing; inodes.len()],
            are_others,
        }
    }

    /// Returns true if some of the inodes have no row yet that can only be true.
    pub(crate) fn lacks_any(&self) -> bool {
        self.missing > 0
    }

    /// Returns true if nothing is wanted any more.
    pub(crate) fn is_done(&self) -> bool {
        self.missing == 0 && !self.are_others
    }

    /// Returns the place of `inode` in `found`; `None` where it is not looked for.
    fn place_of(&self, inode: u32) -> Option<usize> {
        self.index.find(inode).next().map(to_index)
    }

    /// Returns what was found of `inode`; `None` where it is not looked for.
    fn found(&self, inode: u32) -> Option<Found> {
        self.found.get(self.place_of(inode)?).copied()
    }

    /// Notes a row of `inode`, and returns true if it is wanted. A row that may be forged, a claim, does not end the search:
    /// the true row may stand in any other table.
    pub(crate) fn mark_found(&mut self, inode: u32, is_claim: bool) -> bool {
        let place = self.place_of(inode);
        let Some(found) = place.and_then(|place| self.found.get_mut(place)) else {
            return self.are_others;
        };
        match (*found, is_claim) {
            (Found::Row, _) | (Found::Claim, true) => {}
            (Found::Nothing, true) => *found = Found::Claim,
            (Found::Nothing | Found::Claim, false) => {
                *found = Found::Row;
                self.missing -= 1;
            }
        }
        true
    }

    /// Returns true if `inode` has a row that can only be true.
    pub(crate) fn has_row(&self, inode: u32) -> bool {
        self.found(inode) == Some(Found::Row)
    }

    /// Returns true if `inode` is one of those that are looked for.
    pub(crate) fn is_listed(&self, inode: u32) -> bool {
        self.found(inode).is_some()
    }

    /// Returns true if `inode` has rows, and all of them may be forged.
    pub(crate) fn has_claim(&self, inode: u32) -> bool {
        self.found(inode) == Some(Found::Claim)
    }

    /// Returns true if `inode` is looked for and has no row that can only be true.
    pub(crate) fn is_missing(&self, inode: u32) -> bool {
        self.found(inode).is_some_and(|found| found != Found::Row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collections::to_u32;

    #[test]
    fn everything_is_found_again_and_nothing_else() {
        let inodes: Vec<u32> = (0..5000)
            .map(|number| number * 3 + (number % 7) * 1024)
            .collect();
        let mut index = Index::with_room(inodes.len());
        for (inode, number) in inodes.iter().zip(0..) {
            index.insert(*inode, number);
        }
        for inode in 0..30_000 {
            let known: Vec<u32> = (0..)
                .zip(&inodes)
                .filter(|(_, other)| **other == inode)
                .map(|(number, _)| number)
                .collect();
            assert_eq!(index.find(inode).collect::<Vec<_>>(), known);
        }
    }

    #[test]
    fn a_full_index_ends_its_search() {
        let mut index = Index::with_room(0);
        (0..16).for_each(|key| index.insert(key, key));
        assert_eq!((0..16).flat_map(|key| index.find(key)).count(), 4);
        assert_eq!(index.find(99).count(), 0);
    }

    // The associations of one SCTP socket all have its inode: with a slot for each, every insertion passed all before it.
    #[test]
    fn equal_keys_take_one_slot_and_one_link_each() {
        for len in [1_000, 32_000] {
            let mut index = Index::with_room(2 * len);
            let numbers = || 0..to_u32(2 * len);
            for number in numbers() {
                index.insert(number % 2 + 7, number);
            }
            let taken = index.slots.iter().filter(|(_, number)| *number != FREE);
            assert_eq!(taken.count(), 2);
            let linked = index.next.iter().filter(|number| **number != FREE);
            assert_eq!(linked.count(), 2 * len);
            for key in [7, 8] {
                let under = numbers().filter(|number| number % 2 + 7 == key);
                assert!(index.find(key).eq(under));
            }
        }
    }

    #[test]
    fn numbers_that_are_pushed_keep_their_order_under_each_key() {
        let mut index = Index::default();
        for number in 0..1_000 {
            index.push(number % 300, number);
            assert!(index.slots.len() <= 64 + 3 * to_index(number));
        }
        for key in 0..300 {
            let under = (0..1_000).filter(|number| number % 300 == key);
            assert!(index.find(key).eq(under), "{key}");
        }
        assert_eq!(index.find(300).count(), 0);
    }

    #[test]
    fn numbers_that_are_alone_need_no_links() {
        let mut index = Index::with_room(100);
        (0..100).for_each(|number| index.insert(number * 3, number));
        assert_eq!(index.next.capacity(), 0);
    }

    #[test]
    fn each_inode_is_missed_until_a_row_of_it_is_found_that_can_only_be_true() {
        for are_others in [false, true] {
            let mut wanted = Wanted::new(vec![5, 9, 5], are_others);
            assert!(wanted.mark_found(5, true));
            assert!(wanted.is_missing(5) && !wanted.has_row(5) && wanted.has_claim(5));
            assert!(wanted.mark_found(5, false) && wanted.mark_found(5, false));
            assert!(wanted.mark_found(5, true));
            assert!(wanted.has_row(5) && !wanted.is_missing(5) && !wanted.has_claim(5));
            assert_eq!(wanted.mark_found(6, false), are_others);
            assert_eq!(wanted.mark_found(6, true), are_others);
            assert!(wanted.is_missing(9) && !wanted.is_missing(6) && !wanted.has_claim(6));
            assert!(wanted.lacks_any() && !wanted.is_done());
            assert!(wanted.mark_found(9, true) && wanted.lacks_any());
            assert!(wanted.mark_found(9, false) && !wanted.lacks_any());
            assert_eq!(wanted.is_done(), !are_others);
        }
    }
}
