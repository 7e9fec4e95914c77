//! Fuzzes `lsock_fuzz::fuzz::dialect_rows`, which says what holds.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| lsock_fuzz::fuzz::dialect_rows(data));
