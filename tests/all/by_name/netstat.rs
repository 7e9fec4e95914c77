//! lsock as netstat.

use super::all_lines;

/// Lines that are answered in another way, and why.
const OTHERS: &[(&str, &str)] = &[];

#[test]
#[ignore = "netstat is not covered yet"]
fn netstat_is_answered_byte_for_byte() {
    let is_other = |line: &str| {
        ["-r", "-i", "-st"]
            .iter()
            .any(|word| line.ends_with(&format!(" {word}")))
    };
    all_lines("netstat", "next-server (v1", 5, OTHERS, &is_other);
}
