//! Sorts. In: numbers and what comes before what. Out: the same numbers in order. There is one such function because
//! each kind of element that std's sort is compiled for takes 5 to 8 KB of a binary that people copy about.

use std::cmp::Ordering;

use crate::collections::{to_index, to_u32};

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

/// `things` in the order of their keys.
pub(crate) fn in_order<T, K: Ord>(things: Vec<T>, key: &dyn Fn(&T) -> K) -> Vec<T> {
    if things.is_sorted_by_key(key) {
        return things;
    }
    let mut order: Vec<u32> = (0..to_u32(things.len())).collect();
    let of = |at: u32| things.get(to_index(at)).map(key);
    sort(&mut order, &|one, other| of(one).cmp(&of(other)));
    let mut things: Vec<Option<T>> = things.into_iter().map(Some).collect();
    let in_order = order
        .iter()
        .filter_map(|at| things.get_mut(to_index(*at))?.take());
    in_order.collect()
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
        let words = in_order(vec!["c", "a", "b", "a"], &|word| *word);
        assert_eq!(words, ["a", "a", "b", "c"]);
    }
}
