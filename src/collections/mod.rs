//! Collections by u32 numbers: an index, the sorts, a hash. In: numbers. Out: numbers. This room knows nothing of what they
//! stand for.

pub(crate) mod hash;
pub(crate) mod index;
pub(crate) mod sort;
