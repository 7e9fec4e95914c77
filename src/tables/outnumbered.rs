//! Tells whether the table of unix has more rows than there are sockets, so that some are forged. In: a table that seems
//! to. Out: yes or no. It does not tell which rows these are.

use std::io::Read;

use super::columns::Columns;
use super::{Format, Table, protocols};
use crate::collections::sort::sort;
use crate::proc::{Proc, Task};
use crate::text::addr::Endian;
use crate::text::digits::hex;
use crate::text::records::Records;

/// Returns how many sockets of unix the kernel counts in the namespace of `member`; before Linux 5.15 all of them have one name.
/// `buffer` is scratch space.
pub(super) fn count(proc: &Proc, member: Task, buffer: &mut [u8]) -> Option<u32> {
    let text = proc.read_file(member, "net/protocols", buffer).ok()?;
    protocols::count(text, &["UNIX", "UNIX-STREAM"])
}

/// Returns true if `table` has more rows for certain than there are sockets, whatever comes and goes: rows that stand there
/// before and after the sockets are counted are of sockets that were counted. `buffer` is scratch space.
pub(super) fn is_certain(
    proc: &Proc,
    member: Task,
    table: &'static Table,
    buffer: &mut [u8],
) -> bool {
    let before = inodes(proc, member, table, buffer);
    let count = count(proc, member, buffer);
    let (mut before, mut rows) = (before.as_slice(), 0);
    // Both are ascending.
    for inode in inodes(proc, member, table, buffer) {
        while let [known, rest @ ..] = before
            && *known <= inode
        {
            before = rest;
            if *known == inode {
                rows += 1;
                break;
            }
        }
    }
    count.is_some_and(|count| count < rows)
}

/// Returns a number for each row of `table`, ascending: its inode. A socket that waits to be accepted has inode 0: a number
/// made of its pointer stands for it. Where the kernel prints no pointers these rows are left out, because they come and
/// go, unless the tree is a captured one.
fn inodes(proc: &Proc, member: Task, table: &'static Table, buffer: &mut [u8]) -> Vec<u32> {
    let mut inodes = Vec::new();
    if let Ok(mut file) = proc.open_file(member, table.path) {
        let mut read = |buffer: &mut [u8]| file.read(buffer);
        let mut records = Records::new(&mut read, buffer, 0);
        let mut format = Format::usual(table, Endian::NATIVE);
        let (mut begins, mut has_pointers) = (None, None);
        while let Ok(Some(record)) = records.next(begins) {
            if begins.is_none() {
                begins = table.begins;
                format.columns = Columns::of(&table.known, record.bytes);
            } else if let Some((row, _)) = format.parse_row(record.bytes) {
                // The first row cannot be forged: it has a pointer, or none has.
                let pointer = pointer(record.bytes);
                let has_pointers = *has_pointers.get_or_insert(pointer.is_some());
                match row.inode {
                    0 if !proc.is_live() => inodes.push(0),
                    0 if has_pointers => inodes.push(pointer.unwrap_or(NO_INODE)),
                    0 => {}
                    inode => inodes.push(inode),
                }
            }
        }
    }
    sort(&mut inodes, &|one, other| one.cmp(&other));
    inodes
}

/// A number that no inode is likely to reach.
const NO_INODE: u32 = 1 << 31;

/// Returns the last digits of the pointer that `row` begins with, as a number that no inode is likely to be; `None` where the
/// kernel does not print it.
fn pointer(row: &[u8]) -> Option<u32> {
    let end = row.iter().position(|byte| *byte == b':')?;
    let digits = row.get(end.checked_sub(8)?..end)?;
    hex(digits)
        .filter(|digits| *digits != 0)
        .map(|digits| digits | NO_INODE)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_row_without_a_pointer_has_no_number() {
        let number = |pointer: &str| super::pointer(format!("{pointer}: 00000002").as_bytes());
        assert_eq!(number("ffff888012345678"), Some(0x9234_5678));
        assert_eq!(number("c1234567"), Some(0xc123_4567));
        for none in ["0000000000000000", "00000000", "(____ptrval____)", "1"] {
            assert_eq!(number(none), None, "{none}");
        }
    }
}
