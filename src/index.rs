//! Finds sockets by inode. In: numbers of things and their inodes. Out: the numbers again. Open addressing with one
//! 4-byte slot a thing and at least a quarter of the slots free; equal inodes stand in slots of their own.
//!
//! Inodes are handed out in runs, and a slot that is the inode itself makes them cluster when they come from several
//! processors: 500,000 sockets then took four times as long as with the multiplication below, which spreads them.

use crate::sockets::place;
use crate::sort::sort_once;

/// A slot that is free.
const FREE: u32 = u32::MAX;

/// Numbers by inode.
pub(crate) struct Index {
    /// A number, or `FREE`; a power of two of them.
    slots: Vec<u32>,
    /// 64 less the bits of a slot's place.
    shift: u32,
}

impl Index {
    /// Room for `len` numbers.
    pub(crate) fn with_room(len: usize) -> Self {
        let slots = (len + len / 3).next_power_of_two().max(16);
        Self {
            slots: vec![FREE; slots],
            shift: 64 - slots.ilog2(),
        }
    }

    /// The slots in which `inode` may stand, from its first on.
    fn slots_of(&self, inode: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        // The golden ratio of 2^64: the upper bits of the product depend on all bits of the inode.
        let mixed = u64::from(inode).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        let first = usize::try_from(mixed).unwrap_or(0);
        (0..=mask).map(move |step| (first + step) & mask)
    }

    /// The numbers that stand where `inode` would: all of its own, and perhaps others.
    pub(crate) fn candidates(&self, inode: u32) -> impl Iterator<Item = u32> + '_ {
        self.slots_of(inode).map_while(|slot| {
            self.slots
                .get(slot)
                .copied()
                .filter(|number| *number != FREE)
        })
    }

    /// Adds `number` under `inode`. There must be room.
    pub(crate) fn insert(&mut self, inode: u32, number: u32) {
        for slot in self.slots_of(inode) {
            if let Some(slot @ &mut FREE) = self.slots.get_mut(slot) {
                *slot = number;
                return;
            }
        }
    }
}

/// Inodes that are looked for, each until it is found.
pub(crate) struct Wanted {
    /// By inode.
    index: Index,
    /// Each inode once.
    inodes: Vec<u32>,
    /// Whether it was found.
    found: Vec<bool>,
    /// How many were not found.
    missing: usize,
}

impl Wanted {
    /// Looks for `inodes`.
    pub(crate) fn new(inodes: impl Iterator<Item = u32>) -> Self {
        let mut inodes: Vec<u32> = inodes.collect();
        sort_once(&mut inodes);
        let mut index = Index::with_room(inodes.len());
        for (inode, number) in inodes.iter().zip(0..) {
            index.insert(*inode, number);
        }
        Self {
            index,
            missing: inodes.len(),
            found: vec![false; inodes.len()],
            inodes,
        }
    }

    /// How many were not yet found.
    pub(crate) fn missing(&self) -> usize {
        self.missing
    }

    /// Where `inode` is, if it is looked for.
    fn place_of(&self, inode: u32) -> Option<usize> {
        let mut places = self.index.candidates(inode).map(place);
        places.find(|place| self.inodes.get(*place) == Some(&inode))
    }

    /// Whether `inode` is looked for; it counts as found from now on.
    pub(crate) fn find(&mut self, inode: u32) -> bool {
        let Some(found) = self
            .place_of(inode)
            .and_then(|place| self.found.get_mut(place))
        else {
            return false;
        };
        self.missing -= usize::from(!std::mem::replace(found, true));
        true
    }

    /// Whether `inode` was looked for and not found.
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
            let is_own = |number: &u32| inodes[usize::try_from(*number).unwrap()] == inode;
            assert_eq!(
                index.candidates(inode).filter(is_own).collect::<Vec<_>>(),
                known
            );
        }
    }

    #[test]
    fn a_full_index_ends_its_search() {
        let mut index = Index::with_room(12);
        (0..16).for_each(|number| index.insert(7, number));
        assert_eq!(index.candidates(9).count(), 16);
    }

    #[test]
    fn each_inode_is_missed_until_it_is_found() {
        let mut wanted = Wanted::new([5, 9, 5].into_iter());
        assert_eq!(wanted.missing(), 2);
        assert!(wanted.find(5) && wanted.find(5) && !wanted.find(6));
        assert_eq!(wanted.missing(), 1);
        assert!(wanted.is_missing(9) && !wanted.is_missing(5) && !wanted.is_missing(6));
    }
}
