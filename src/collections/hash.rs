//! Hashes whose seed nobody can foresee, so that nobody can choose ports or names that share one. In: what is hashed.
//! Out: a number. std's `RandomState` is not used: it ends the program where getrandom(2) is denied and /dev is missing.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

use crate::proc::sys;

/// Returns the upper half of `hash`: that of a good hash is as good as all of it.
pub(crate) fn upper_half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(0)
}

/// A hasher that has taken the seed already.
pub(crate) struct Seed(DefaultHasher);

impl Seed {
    /// Returns the seed of this run.
    pub(crate) fn new() -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&sys::random_bytes());
        Self(hasher)
    }

    /// Returns a hash of `bytes`.
    #[inline(never)]
    pub(crate) fn hash_bytes(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.build_hasher();
        hasher.write(bytes);
        upper_half(hasher.finish())
    }

    /// Returns a hash that depends on all of `thing`.
    pub(crate) fn hash(&self, thing: impl Hash) -> u32 {
        upper_half(self.hash_one(thing))
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self::new()
    }
}

impl BuildHasher for Seed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_the_seed_and_on_all_that_is_hashed() {
        let seed = Seed::new();
        assert_eq!(seed.hash_one((1, "a")), seed.hash_one((1, "a")));
        assert_ne!(seed.hash_one((1, "a")), seed.hash_one((1, "b")));
        let unseeded = Seed(DefaultHasher::new());
        assert_ne!(seed.hash_one((1, "a")), unseeded.hash_one((1, "a")));
        assert_ne!(sys::random_bytes(), [0; 16]);
    }
}
