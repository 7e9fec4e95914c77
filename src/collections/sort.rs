//! The only sorts of the program. In: numbers or things, and an order. Out: the same ones in that order. It does not know
//! what they stand for. std's sorts add
//! 5 to 8 KB for each type of element to a binary that people copy about, so there are two of our own: numbers are merged,
//! because there may be a million of them; things are sorted on a heap.

use std::cmp::Ordering;

/// Sorts `numbers` so that `order` holds between neighbours. Equal ones stay in their order.
pub(crate) fn sort(numbers: &mut [u32], order: &dyn Fn(u32, u32) -> Ordering) {
    let is_in_order = |pair: &[u32]| matches!(pair, [one, other] if order(*one, *other).is_le());
    // Rows mostly come sorted: one pass tells.
    if numbers.windows(2).all(is_in_order) {
        return;
    }
    let (mut merged, mut run) = (Vec::with_capacity(numbers.len()), 1);
    while run < numbers.len() {
        for pair in numbers.chunks(2 * run) {
            merge(pair.split_at(run.min(pair.len())), &mut merged, order);
        }
        numbers.copy_from_slice(&merged);
        merged.clear();
        run *= 2;
    }
}

/// Appends two sorted runs to `merged` as one.
fn merge(
    (mut one, mut other): (&[u32], &[u32]),
    merged: &mut Vec<u32>,
    order: &dyn Fn(u32, u32) -> Ordering,
) {
    while let ([first, rest @ ..], [second, others @ ..]) = (one, other) {
        if order(*first, *second).is_le() {
            merged.push(*first);
            one = rest;
        } else {
            merged.push(*second);
            other = others;
        }
    }
    merged.extend_from_slice(one);
    merged.extend_from_slice(other);
}

/// Sorts `numbers` upwards, and keeps each number once.
pub(crate) fn sort_dedup(numbers: &mut Vec<u32>) {
    sort(numbers, &|one, other| one.cmp(&other));
    numbers.dedup();
}

/// Returns `things` in the order of their keys. Things with equal keys may change places.
pub(crate) fn in_order<T, K: Ord>(mut things: Vec<T>, key: &dyn Fn(&T) -> K) -> Vec<T> {
    sort_by_key(&mut things, key);
    things
}

/// Sorts `things` by their keys, in place and without memory of its own: a heap sort, which takes 0.3 KB of the binary for
/// each type where std's sort takes 5. Things with equal keys may change places.
pub(crate) fn sort_by_key<T, K: Ord>(things: &mut [T], key: &dyn Fn(&T) -> K) {
    if things.is_sorted_by_key(key) {
        return;
    }
    for root in (0..things.len() / 2).rev() {
        sift_down(things, root, key);
    }
    for end in (1..things.len()).rev() {
        things.swap(0, end);
        sift_down(things.get_mut(..end).unwrap_or_default(), 0, key);
    }
}

/// Moves the thing at `at` down the heap until neither of the two below it has a larger key.
fn sift_down<T, K: Ord>(heap: &mut [T], mut at: usize, key: &dyn Fn(&T) -> K) {
    loop {
        let key_at = |at: usize| heap.get(at).map(key);
        let (left, right) = (2 * at + 1, 2 * at + 2);
        // `None` is less than any key.
        let larger = if key_at(right) > key_at(left) {
            right
        } else {
            left
        };
        if key_at(larger) <= key_at(at) {
            return;
        }
        heap.swap(at, larger);
        at = larger;
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
