//! PID/cgroup and PID/mountinfo. In: a text. What holds: an id stands in the text as a word between signs; a name is one that a list can
//! show; lines that tell nothing change nothing; reads may be cut anywhere.

use std::io::{self, Read};

use super::steps::bounded;
use super::visible::is_visible;
use crate::walk::container::{Container, cgroup, mountinfo};

/// Fuzzes the finding of containers.
pub fn containers(text: &[u8]) {
    let (cgroup, _) = bounded(text.len(), || cgroup::parse(text));
    let mounts = bounded(text.len(), || mountinfo::read(text, &mut [0; 4096]));
    for container in [&cgroup, &mounts] {
        if let Some(id) = container.full_id() {
            is_in(text, id);
        }
        // The name of a unit is any text, and is escaped where it is shown.
        for (name, word) in container
            .names()
            .into_iter()
            .filter(|(name, _)| *name != "unit")
        {
            is_visible(&String::from_utf8(word.to_vec()).expect("a name is UTF-8"));
            assert!(!word.contains(&b' ') && !word.contains(&b'\n'), "{name}");
        }
    }
    // What tells nothing changes nothing.
    let more = [b"0::/\n", text, b"\n1:cpu:/user.slice/user-1000.slice\n"].concat();
    assert_eq!(told(&cgroup::parse(&more).0), told(&cgroup));
    let more = [text, b"\n36 1 0:5 / /proc rw - proc proc rw\n"].concat();
    let wide = |mounts: &[u8]| told(&mountinfo::read(mounts, &mut [0; 8192]));
    assert_eq!(wide(&more), wide(text));
    assert_eq!(
        told(&mountinfo::read(Bytewise(text), &mut [0; 8192])),
        wide(text)
    );
}

/// Returns what is told of `container`.
fn told(container: &Container) -> Vec<Vec<u8>> {
    let names = container.names().map(|(_, name)| name.to_vec());
    names
        .into_iter()
        .chain(container.full_id().map(<[u8]>::to_vec))
        .collect()
}

/// Panics unless `id` stands in `text` as a word of its own.
fn is_in(text: &[u8], id: &[u8]) {
    let is_id = id
        .iter()
        .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    assert!(is_id && id.len() >= 28, "{:?}", String::from_utf8_lossy(id));
    // A slice of systemd has `_` in the uid of a pod.
    let plain = |bytes: &[u8]| -> Vec<u8> {
        bytes
            .iter()
            .map(|byte| if *byte == b'_' { b'-' } else { *byte })
            .collect()
    };
    let (text, id) = (plain(text), plain(id));
    let is_there = text.windows(id.len()).enumerate().any(|(at, part)| {
        let behind = text.get(at + id.len());
        part == id && behind.is_none_or(|byte| matches!(byte, b'/' | b'.' | b'\n' | b' ' | b':'))
    });
    assert!(
        is_there,
        "{:?} stands nowhere as a word",
        String::from_utf8_lossy(&id)
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
