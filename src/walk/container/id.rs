//! Forms of ids. In: text of a cgroup, of a mount, or of a path. Out: whether it has the form of the id of a container, or of the
//! uid of a pod. It does not know where in a file an id stands.

/// Length of the container ids of docker, containerd, cri-o and podman, and of the id of podman's pods; the longest id.
pub(super) const ID_LEN: usize = 64;
/// Length of the uid of a pod.
const UID_LEN: usize = 36;
/// Length of the uid of a static pod, a hash of its file, and of the id of a task of ECS.
const HASH_LEN: usize = 32;
/// Length of the id of a container of Fargate: that of its task, `-`, ten decimal digits.
const FARGATE_LEN: usize = 43;
/// Length of the ids of Garden, the shortest: `1d5ae3d4-8d2c-4d4f-5a3a-1b2c`.
pub(super) const GARDEN_LEN: usize = 28;

/// Returns true if `text` has a `-` at each of `places`, and elsewhere lower-case hexadecimal digits.
fn has_dashes(text: &[u8], places: &[usize]) -> bool {
    let mut text = text.iter().enumerate();
    text.all(|(at, byte)| match byte {
        b'-' => places.contains(&at),
        b'0'..=b'9' | b'a'..=b'f' => !places.contains(&at),
        _ => false,
    })
}

/// Returns true if `id` is 64 lower-case hexadecimal digits.
pub(super) fn is_id(id: &[u8]) -> bool {
    id.len() == ID_LEN && has_dashes(id, &[])
}

/// Returns true for the uid of a pod, with `-` or, as in the name of a slice, with `_`; and for that of a static pod.
pub(super) fn is_uid(text: &[u8]) -> bool {
    let is_dashed = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'_');
    match text.len() {
        UID_LEN => text.iter().all(is_dashed),
        HASH_LEN => has_dashes(text, &[]),
        _ => false,
    }
}

/// Returns true for the id of a container of Fargate or Garden.
pub(super) fn is_other_id(text: &[u8]) -> bool {
    match text.len() {
        GARDEN_LEN => has_dashes(text, &[8, 13, 18, 23]),
        FARGATE_LEN => has_dashes(text, &[HASH_LEN]),
        _ => false,
    }
}
