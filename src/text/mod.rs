//! Bytes to values and back. In: bytes as the kernel or a user wrote them. Out: numbers, addresses and words, and the same
//! as text again. This room knows nothing of sockets, processes or files.
//!
//! `records` are the lines of a stream, `plain` decodes them, `fields`, `parts` and `digits` take them apart, `addr` knows
//! internet addresses; `write`, `hex` and `escape` write.

pub(crate) mod addr;
pub(crate) mod digits;
pub(crate) mod escape;
pub(crate) mod fields;
pub(crate) mod hex;
pub(crate) mod parts;
pub(crate) mod plain;
pub(crate) mod records;
pub(crate) mod write;
