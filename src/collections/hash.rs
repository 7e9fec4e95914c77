//! Makes one number of many. In: anything that can be hashed. Out: 64 bits that depend on all of it and on a seed which
//! differs from run to run, so that nobody can choose ports or names that share a number. The multiplication and the
//! fold are those of wyhash; std's hasher has the same use at 6 KB more, half of it for the lack of a random device.

use std::hash::{Hash, Hasher};

use std::time::{SystemTime, UNIX_EPOCH};

/// What a hash starts from.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seed(u64);

impl Seed {
    /// One that cannot be foreseen: where the kernel put this program, and the nanosecond.
    pub(crate) fn new() -> Self {
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let here = std::ptr::from_ref(&time).addr();
        let mut mixed = Mixed(time.as_secs());
        mixed.write_u64(time.subsec_nanos().into());
        mixed.write_usize(here);
        Self(mixed.finish())
    }

    /// The number of `thing`.
    pub(crate) fn hash(self, thing: &impl Hash) -> u64 {
        let mut mixed = Mixed(self.0);
        thing.hash(&mut mixed);
        mixed.finish()
    }
}

/// A hash that is being made.
struct Mixed(u64);

/// Multiplies, and folds the upper half of the product into the lower.
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    u64::try_from(product & u128::from(u64::MAX) ^ product >> 64).unwrap_or(0)
}

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        fold(self.0 ^ 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut()
                .zip(chunk)
                .for_each(|(byte, known)| *byte = *known);
            self.write_u64(u64::from_le_bytes(word));
        }
        // A chunk of fewer bytes is no other with zeros behind it.
        self.write_usize(bytes.len());
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word ^ 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db)
            .wrapping_add(word.rotate_left(32));
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(u64::try_from(word).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_addresses_in_a_row_share_no_half() {
        let seed = Seed::new();
        let mut upper: Vec<u32> = (0..1000_u32)
            .flat_map(|address| (0..100_u16).map(move |port| (address, port)))
            .map(|ends| u32::try_from(seed.hash(&ends) >> 32).unwrap())
            .collect();
        crate::collections::sort::sort_once(&mut upper);
        // Of 100,000 numbers of 32 bits, one or two pairs are equal by chance.
        assert!(upper.len() > 99_980, "{}", upper.len());
    }

    #[test]
    fn names_of_every_length_differ() {
        let seed = Seed::new();
        let all: Vec<u64> = (0..64).map(|len| seed.hash(&&[0_u8; 64][..len])).collect();
        assert!((1..64).all(|at| !all[..at].contains(&all[at])));
    }
}
