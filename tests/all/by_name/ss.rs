//! lsock as ss.

use super::all_lines;

/// Lines that are answered in another way, and why.
const OTHERS: &[(&str, &str)] = &[];

#[test]
#[ignore = "ss is not covered yet"]
fn ss_is_answered_byte_for_byte() {
    all_lines("ss", "next-server (v1", 5, OTHERS, &|_| false);
}
