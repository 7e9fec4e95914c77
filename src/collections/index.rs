//! A multimap from u32 keys (inodes, hashes) to u32 numbers, by open addressing. In: keys and the numbers of things. Out:
//! the numbers again; equal keys give theirs in the order in which they were inserted. A slot has 8 bytes, a key and a
//! number, and a fifth of the slots stays free. It never grows.
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

/// Numbers by key.
pub(crate) struct Index {
    /// Keys with their numbers, or with `FREE`.
    slots: Vec<(u32, u32)>,
}

impl Index {
    /// Returns an empty index with room for `len` numbers.
    pub(crate) fn with_room(len: usize) -> Self {
        Self {
            slots: vec![(0, FREE); len + len / 4 + 4],
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
        from.iter()
            .chain(before)
            .take_while(|(_, number)| *number != FREE)
            .filter(move |(known, _)| *known == key)
            .map(|(_, number)| *number)
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

    /// Inserts `number` under `key`. An index without room stays as it is.
    pub(crate) fn insert(&mut self, key: u32, number: u32) {
        let first = self.first_slot(key);
        let (before, from) = self.slots.split_at_mut_checked(first).unwrap_or_default();
        if let Some(slot) = from.iter_mut().chain(before).find(|slot| slot.1 == FREE) {
            *slot = (key, number);
        }
    }
}

/// Inodes that are looked for, and which of them were found.
pub(crate) struct Wanted {
    /// Places in `found`, by inode.
    index: Index,
    /// One for each inode: true once it was found.
    found: Vec<bool>,
    /// How many were not found.
    missing: usize,
    /// True if what has another inode is wanted too.
    are_others: bool,
}

impl Wanted {
    /// Returns the set of `inodes`, none of them found yet. With `are_others` all other inodes are wanted too, and it is
    /// only noted which of `inodes` were found.
    pub(crate) fn new(inodes: impl Iterator<Item = u32>, are_others: bool) -> Self {
        let mut inodes: Vec<u32> = inodes.collect();
        sort_dedup(&mut inodes);
        let mut index = Index::with_room(inodes.len());
        for (inode, number) in inodes.iter().zip(0..) {
            index.insert(*inode, number);
        }
        Self {
            index,
            missing: inodes.len(),
            found: vec![false; inodes.len()],
            are_others,
        }
    }

    /// Returns true if some of the inodes were not found yet.
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

    /// Notes that `inode` was found, and returns true if it is wanted.
    pub(crate) fn mark_found(&mut self, inode: u32) -> bool {
        let Some(found) = self
            .place_of(inode)
            .and_then(|place| self.found.get_mut(place))
        else {
            return self.are_others;
        };
        self.missing -= usize::from(!std::mem::replace(found, true));
        true
    }

    /// Returns true if `inode` is looked for and was not found.
    pub(crate) fn is_missing(&self, inode: u32) -> bool {
        self.place_of(inode)
            .is_some_and(|place| self.found.get(place) == Some(&false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        (0..16).for_each(|number| index.insert(7, number));
        assert_eq!(index.find(7).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(index.find(9).count(), 0);
    }

    #[test]
    fn each_inode_is_missed_until_it_is_found() {
        for are_others in [false, true] {
            let mut wanted = Wanted::new([5, 9, 5].into_iter(), are_others);
            assert!(wanted.mark_found(5) && wanted.mark_found(5));
            assert_eq!(wanted.mark_found(6), are_others);
            assert!(wanted.is_missing(9) && !wanted.is_missing(5) && !wanted.is_missing(6));
            assert!(wanted.lacks_any() && !wanted.is_done());
            assert!(wanted.mark_found(9) && !wanted.lacks_any());
            assert_eq!(wanted.is_done(), !are_others);
        }
    }
}
