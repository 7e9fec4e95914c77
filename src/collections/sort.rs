//! The only sorts of the program. In: numbers or things, and an order. Out: the same ones in that order. std's sort is
//! compiled here for u32 alone: for each further type of element it adds 5 to 8 KB to a binary that people copy about,
//! so things are sorted by their numbers.

use std::cmp::Ordering;

use crate::collections::{to_index, to_u32};

/// Sorts `numbers` so that `order` holds between neighbours. Equal ones may change places.
pub(crate) fn sort(numbers: &mut [u32], order: &dyn Fn(u32, u32) -> Ordering) {
    let is_in_order = |pair: &[u32]| matches!(pair, [one, other] if order(*one, *other).is_le());
    // Rows mostly come sorted: one pass tells.
    if !numbers.windows(2).all(is_in_order) {
        numbers.sort_unstable_by(|one, other| order(*one, *other));
    }
}

/// Sorts `numbers` upwards and leaves one of each.
pub(crate) fn sort_dedup(numbers: &mut Vec<u32>) {
    sort(numbers, &|one, other| one.cmp(&other));
    numbers.dedup();
}

/// Returns the indices of `len` elements so that `order` holds between neighbours. Equal ones may change places.
pub(crate) fn sorted_indices(len: usize, order: &dyn Fn(u32, u32) -> Ordering) -> Vec<usize> {
    let mut numbers: Vec<u32> = (0..to_u32(len)).collect();
    sort(&mut numbers, order);
    numbers.into_iter().map(to_index).collect()
}

/// Returns `things` in the order of their keys. Things with equal keys may change places.
pub(crate) fn in_order<T, K: Ord>(mut things: Vec<T>, key: &dyn Fn(&T) -> K) -> Vec<T> {
    let key_at = |at: u32| things.get(to_index(at)).map(key);
    let order = sorted_indices(things.len(), &|one, other| key_at(one).cmp(&key_at(other)));
    permute(order, &mut |one, other| things.swap(one, other));
    things
}

/// Calls `swap` until at each index stands the thing that stood at `order` of it: once for each thing that moves.
fn permute(mut order: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..order.len() {
        let mut at = start;
        // Goes around the cycle that `start` is in. An index that was visited stands for itself.
        while let Some(from) = order.get_mut(at) {
            let from = std::mem::replace(from, at);
            if from == start {
                break;
            }
            swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_in_order_once() {
        let mut numbers: Vec<u32> = (0..1000).map(|number| number * 7919 % 500).collect();
        sort_dedup(&mut numbers);
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
        sort(&mut numbers, &|one, other| other.cmp(&one));
        assert_eq!((numbers[0], numbers[499]), (499, 0));
    }

    #[test]
    fn things_come_out_as_std_sorts_them() {
        for len in [0, 1, 2, 3, 20, 21, 1000] {
            for step in [0, 1, 7, 7919] {
                let things: Vec<(usize, String)> = (0..len)
                    .map(|number| (number * step % 501, number.to_string()))
                    .collect();
                let mut known = things.clone();
                known.sort();
                let seen = in_order(things, &|(key, text)| (*key, text.clone()));
                assert_eq!(seen, known, "{len} {step}");
            }
        }
    }
}
