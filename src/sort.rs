//! Sorts. In: numbers and what comes before what. Out: the same numbers in order. There is one such function because
//! each kind of element that std's sort is compiled for takes 5 to 8 KB of a binary that people copy about.

use std::cmp::Ordering;

/// Sorts `numbers` so that `order` holds between neighbours; equal ones in any order.
pub(crate) fn sort(numbers: &mut [u32], order: &dyn Fn(u32, u32) -> Ordering) {
    let is_in_order = |pair: &[u32]| matches!(pair, [one, other] if order(*one, *other).is_le());
    // Which they mostly are.
    if !numbers.windows(2).all(is_in_order) {
        numbers.sort_unstable_by(|one, other| order(*one, *other));
    }
}

/// Sorts `numbers` upwards, each once.
pub(crate) fn sort_once(numbers: &mut Vec<u32>) {
    sort(numbers, &|one, other| one.cmp(&other));
    numbers.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_in_order_once() {
        let mut numbers: Vec<u32> = (0..1000).map(|number| number * 7919 % 500).collect();
        sort_once(&mut numbers);
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
        sort(&mut numbers, &|one, other| other.cmp(&one));
        assert_eq!((numbers[0], numbers[499]), (499, 0));
    }
}
