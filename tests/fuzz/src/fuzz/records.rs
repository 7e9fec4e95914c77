//! Lines out of a stream. In: two bytes, the length of the buffer and how the reads are cut, and a text. What holds: whatever
//! the reads bring at a time, the records are those of the plainest splitting; only what does not fit the buffer is spoilt, and begins
//! with a NUL then.

use super::steps::bounded;
use super::{in_chunks, without_nul};
use crate::text::records::{Begins, Records};

/// Fuzzes the splitting of a text.
pub fn records(data: &[u8]) {
    let Some(([len, cut], text)) = data.split_first_chunk::<2>() else {
        return;
    };
    let len = 65 + usize::from(*len);
    // A NUL is the sign of what is spoilt.
    let text = without_nul(text);
    for begins in [None, Some(is_begin as Begins)] {
        let naive = naive(&text, begins.is_some());
        // A record is read with the line behind it, which tells that it ends.
        let longest = naive
            .iter()
            .map(|(record, _)| record.len() + 1)
            .max()
            .unwrap_or(0);
        let fits_all = longest * (1 + usize::from(begins.is_some())) < len;
        for cut in [*cut, 0, 255] {
            let seen = bounded(text.len(), || all(&text, len, cut, begins));
            if fits_all {
                assert_eq!(seen, naive, "buffer of {len}");
                continue;
            }
            // A name with newlines is far shorter than any buffer; lines of captured text are not, and each is a record.
            if begins.is_none() {
                assert_eq!(seen.len(), naive.len(), "buffer of {len}");
                let is_known = |(record, known): (&(Vec<u8>, bool), _)| {
                    record.0.first() == Some(&0) || record == known
                };
                assert!(seen.iter().zip(&naive).all(is_known), "buffer of {len}");
            }
        }
    }
}

/// Returns true for a line that begins a record.
fn is_begin(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_uppercase)
}

/// Returns the records that lsock sees where each read brings as many bytes as a number made from `seed`.
fn all(text: &[u8], len: usize, seed: u8, begins: Option<Begins>) -> Vec<(Vec<u8>, bool)> {
    let mut read = in_chunks(text, seed);
    let (mut buffer, mut records) = (vec![0; len], Vec::new());
    let mut source = Records::new(&mut read, &mut buffer, 0);
    while let Some(record) = source.next(begins).expect("no read fails") {
        records.push((record.bytes.to_vec(), record.ended));
    }
    records
}

/// Returns the records of the plainest splitting.
fn naive(text: &[u8], joins: bool) -> Vec<(Vec<u8>, bool)> {
    let mut records: Vec<(Vec<u8>, bool)> = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (line, ended) = line
            .strip_suffix(b"\n")
            .map_or((line, false), |line| (line, true));
        match records.last_mut() {
            Some(last) if joins && !is_begin(line) => {
                last.0.push(b'\n');
                last.0.extend_from_slice(line);
                last.1 = ended;
            }
            _ => records.push((line.to_vec(), ended)),
        }
    }
    records
}
