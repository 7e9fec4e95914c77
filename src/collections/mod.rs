//! Collections whose keys and elements are u32 numbers: an index, the hashes that it is asked by, and the sorts. In: numbers,
//! and what is hashed. Out: numbers. This room does not know what they stand for.

pub(crate) mod hash;
pub(crate) mod index;
pub(crate) mod sort;

/// Returns `index` as a number that a collection can hold, or the largest one.
pub(crate) fn to_u32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Returns the index that `to_u32` made a number of.
pub(crate) fn to_index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
