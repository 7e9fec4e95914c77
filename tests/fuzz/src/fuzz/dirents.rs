//! What getdents64(2) fills. In: any bytes, and bytes as the names of a folder. What holds: the names are those of the plainest
//! reader, by number of bytes; a folder that is cut anywhere has the first of its names and no other one.

use super::steps::bounded;
use crate::proc::dirent::names;

/// Fuzzes the reading of a folder.
pub fn dirents(data: &[u8]) {
    let seen = bounded(data.len(), || all(data));
    assert_eq!(seen, naive(data));
    // The same bytes as names.
    let wanted: Vec<Vec<u8>> = data
        .split(|byte| *byte == 0)
        .map(|name| name[..name.len().min(255)].to_vec())
        .collect();
    let folder: Vec<u8> = wanted.iter().flat_map(|name| record(name)).collect();
    assert_eq!(all(&folder), wanted);
    let at = data.iter().map(|byte| usize::from(*byte)).sum::<usize>() % folder.len();
    let cut = all(&folder[..at]);
    assert!(wanted.starts_with(&cut), "cut at {at}");
}

/// Returns the names that lsock sees.
fn all(folder: &[u8]) -> Vec<Vec<u8>> {
    names(folder).map(|name| name.to_bytes().to_vec()).collect()
}

/// Returns the names that the plainest reader sees.
fn naive(folder: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut names) = (0, Vec::new());
    while at + 18 <= folder.len() {
        let len = usize::from(u16::from_ne_bytes([folder[at + 16], folder[at + 17]]));
        if len < 19 || at + len > folder.len() {
            break;
        }
        let Some(end) = folder[at + 19..at + len].iter().position(|byte| *byte == 0) else {
            break;
        };
        names.push(folder[at + 19..at + 19 + end].to_vec());
        at += len;
    }
    names
}

/// Returns the record of `name`, as the kernel lays it out.
fn record(name: &[u8]) -> Vec<u8> {
    let len = (19 + name.len() + 1).next_multiple_of(8);
    let mut record = [
        &[7; 16][..],
        &u16::try_from(len).expect("a short name").to_ne_bytes(),
        &[10],
        name,
    ]
    .concat();
    record.resize(len, 0);
    record
}
