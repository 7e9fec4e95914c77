//! Reads the entries that getdents64(2) has put into a buffer. In: the bytes that it filled. Out: each name with its NUL,
//! as the next system call takes it. A record that does not add up ends the list. It makes no system call.

use std::ffi::CStr;

/// Bytes before the name in `struct linux_dirent64`: inode (8), offset (8), record length (2), type (1).
const NAME_OFFSET: usize = 19;
/// Bytes before the record length.
const RECLEN_OFFSET: usize = 16;

/// Returns the names in `records`, in the kernel's order, "." and ".." included.
pub(crate) fn names(mut records: &[u8]) -> impl Iterator<Item = &CStr> {
    std::iter::from_fn(move || {
        let (_, rest) = records.split_at_checked(RECLEN_OFFSET)?;
        let reclen = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let (record, rest) = records.split_at_checked(reclen)?;
        records = rest;
        CStr::from_bytes_until_nul(record.get(NAME_OFFSET..)?).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One record as the kernel lays it out, padded to 8 bytes.
    fn record(name: &str) -> Vec<u8> {
        let len = (NAME_OFFSET + name.len() + 1).next_multiple_of(8);
        let mut record = vec![0; RECLEN_OFFSET];
        record.extend(u16::try_from(len).unwrap().to_ne_bytes());
        record.push(10);
        record.extend(name.as_bytes());
        record.resize(len, 0);
        record
    }

    #[test]
    fn every_name_comes_out_in_order() {
        let buffer = [record("."), record("0"), record("149"), record("1048575")].concat();
        assert_eq!(
            names(&buffer).collect::<Vec<_>>(),
            [c".", c"0", c"149", c"1048575"]
        );
    }

    #[test]
    fn a_cut_or_broken_record_ends_the_list() {
        let buffer = [record("0"), record("149")].concat();
        for cut in 0..buffer.len() {
            let whole = cut / record("0").len();
            assert_eq!(names(&buffer[..cut]).count(), whole, "cut at {cut}");
        }
        assert_eq!(
            names(&[0; 64]).count(),
            0,
            "a length of nothing must not loop"
        );
        assert_eq!(names(&[0xff; 64]).count(), 0);
    }
}
