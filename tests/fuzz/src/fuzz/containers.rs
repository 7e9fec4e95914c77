//! PID/cgroup and PID/mountinfo. In: a text. What holds: an id is a word of 64 hexadecimal digits, or a pod's uid, that stands in the
//! text between signs; the same lines in another order, or more lines without an id, tell no less; reads may be cut anywhere.

use std::io::{self, Read};

use super::steps::bounded;
use crate::walk::container::{ContainerId, id_in_cgroups, id_in_mounts};

/// Fuzzes the finding of containers.
pub fn containers(text: &[u8]) {
    let len = text.len();
    let cgroup = bounded(len, || id_in_cgroups(text));
    let mounts = bounded(len, || id_in_mounts(text, &mut [0; 4096]));
    for id in [&cgroup, &mounts].into_iter().flatten() {
        is_in(text, id);
    }
    let full = |id: &Option<ContainerId>| id.as_ref().map(|id| id.full().to_vec());
    // What tells nothing changes nothing.
    let more = [
        b"0::/\n",
        text,
        b"\n1:cpu:/user.slice/user-1000.slice\n36 1 0:5 / /proc rw - proc proc rw\n",
    ]
    .concat();
    assert_eq!(full(&id_in_cgroups(&more)), full(&cgroup));
    let same = |id: Option<ContainerId>| assert_eq!(full(&id), full(&mounts));
    same(
        id_in_mounts(more.as_slice(), &mut [0; 4096])
            .filter(|_| len < 4000)
            .or(mounts.filter(|_| len >= 4000)),
    );
    same(id_in_mounts(Bytewise(text), &mut [0; 4096]));
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines.reverse();
    let reversed = id_in_cgroups(&lines.join(&b'\n'));
    assert_eq!(
        reversed.map(|id| id.full().len()),
        cgroup.map(|id| id.full().len())
    );
}

/// Panics unless `id` stands in `text` as a word of its own.
fn is_in(text: &[u8], id: &ContainerId) {
    let id = id.full();
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let is_container = id.len() == 64 && id.iter().all(is_hex);
    let is_pod = id.len() == 36
        && id
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    assert!(is_container || is_pod, "{:?}", String::from_utf8_lossy(id));
    let plain: Vec<u8> = text
        .iter()
        .map(|byte| if is_pod && *byte == b'_' { b'-' } else { *byte })
        .collect();
    let is_there = plain.windows(id.len()).enumerate().any(|(at, part)| {
        let (before, behind) = (
            at.checked_sub(1).map(|at| plain[at]),
            plain.get(at + id.len()),
        );
        let is_word = behind.is_none_or(|byte| matches!(byte, b'/' | b'.' | b'\n' | b' '));
        let begins = if is_pod {
            before == Some(b'd')
        } else {
            before.is_some_and(|byte| matches!(byte, b'/' | b'-' | b':'))
        };
        part == id && is_word && begins
    });
    assert!(
        is_there,
        "{:?} stands nowhere as a word",
        String::from_utf8_lossy(id)
    );
}

/// Reads a byte at a time.
struct Bytewise<'a>(&'a [u8]);

impl Read for Bytewise<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(1);
        self.0.read(&mut buffer[..len])
    }
}
