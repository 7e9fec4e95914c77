//! Numbers that look random.

/// A small generator of numbers, the same in every run: a failure can be repeated.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// The next number below this bound (xorshift64, Marsaglia 2003).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}
