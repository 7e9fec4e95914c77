//! The last line on standard error: how many processes could not be read, and what to try. In: those processes. Out: one
//! line. It reads the credentials of this program to choose the remedy. It does not decide whether the line is printed.

use std::fs::File;
use std::io::Read;

use crate::text::digits::{decimal32, hex};
use crate::walk::Unread;

/// The bit of `CAP_SYS_PTRACE` in the capability sets of PID/status (capabilities(7)).
const CAP_SYS_PTRACE: u64 = 1 << 19;
/// The bits of `CAP_SETGID` and `CAP_SETUID`.
const CAP_SETIDS: u64 = 1 << 6 | 1 << 7;
/// So many uids are named.
const UIDS_MAX: usize = 5;

/// The credentials of this program (credentials(7)).
struct Credentials {
    /// Effective uid.
    uid: u32,
    /// Effective capabilities.
    capabilities: u64,
}

impl Credentials {
    /// Reads the credentials from the status of this process (proc(5)). Where that cannot be read, they are those of a
    /// user without capabilities.
    fn load() -> Self {
        let mut buffer = [0; 2048];
        let read = File::open("/proc/self/status").and_then(|mut status| status.read(&mut buffer));
        let status = buffer.get(..read.unwrap_or(0)).unwrap_or_default();
        let mut credentials = Self {
            uid: u32::MAX,
            capabilities: 0,
        };
        for line in status.split(|byte| *byte == b'\n') {
            let mut fields = line.split(|byte| *byte == b'\t');
            match (fields.next(), fields.next(), fields.next()) {
                // Uid: real, effective, saved, file system.
                (Some(b"Uid:"), _, Some(uid)) => {
                    credentials.uid = decimal32(uid).unwrap_or(u32::MAX);
                }
                // CapEff: 16 hexadecimal digits.
                (Some(b"CapEff:"), Some(digits), _) => {
                    let (high, low) = digits.split_at_checked(8).unwrap_or_default();
                    let half = |half| u64::from(hex(half).unwrap_or(0));
                    credentials.capabilities = half(high) << 32 | half(low);
                }
                _ => {}
            }
        }
        credentials
    }

    /// Returns what to try in order to read `unread`.
    fn remedy(&self, unread: &[Unread]) -> String {
        if self.capabilities & CAP_SYS_PTRACE != 0 {
            return "not readable even with CAP_SYS_PTRACE".to_owned();
        }
        let root = match self.uid {
            0 => "",
            _ => "root (docker exec -u 0), ",
        };
        // Root that may change its uid and gid has taken on those of each owner already.
        let tried_owners = self.uid == 0 && self.capabilities & CAP_SETIDS == CAP_SETIDS;
        let owner = |process: &Unread| (process.uid, process.gid);
        let first = unread.first().map_or((0, 0), owner);
        let is_one = first.0 != 0 && unread.iter().all(|other| owner(other) == first);
        let user = if is_one && !tried_owners {
            format!("that user (docker exec -u {}:{}), ", first.0, first.1)
        } else {
            String::new()
        };
        format!(
            "try {root}{user}--cap-add SYS_PTRACE, docker exec --privileged, or root on the host"
        )
    }
}

/// Returns the line about `unread`, of so many processes as were `selected`. If `unread` is empty, this proc does not
/// even show some processes.
pub(crate) fn closing_line(unread: &[Unread], selected: usize) -> String {
    if unread.is_empty() {
        let what = "this proc hides the processes of other users (hidepid)";
        return format!("lsock: {what}; try root, or a proc that is mounted without hidepid\n");
    }
    let mut uids: Vec<u32> = Vec::new();
    for process in unread {
        if !uids.contains(&process.uid) {
            uids.push(process.uid);
        }
    }
    let mut named: Vec<String> = uids.iter().take(UIDS_MAX).map(u32::to_string).collect();
    if uids.len() > UIDS_MAX {
        named.push("…".to_owned());
    }
    let fds: u64 = unread.iter().map(|process| process.fds).sum();
    let hidden = if fds == 0 {
        String::new()
    } else {
        format!(": {fds} fds hidden")
    };
    let remedy = Credentials::load().remedy(unread);
    let count = unread.len();
    format!(
        "lsock: {count} of {selected} processes could not be read (uid {}){hidden}; {remedy}\n",
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(uid: u32) -> Unread {
        Unread {
            pid: 1,
            uid,
            gid: uid,
            fds: 3,
        }
    }

    #[test]
    fn the_remedy_fits_the_credentials() {
        const HOST: &str = "--cap-add SYS_PTRACE, docker exec --privileged, or root on the host";
        let remedy =
            |uid, capabilities, unread: &[Unread]| Credentials { uid, capabilities }.remedy(unread);
        let one_user = [unread(33), unread(33)];
        let several = [unread(33), unread(34)];
        let root_too = [unread(33), unread(0)];
        let root_alone = [unread(0)];
        for (uid, capabilities, unread, wanted) in [
            (
                1000,
                0,
                &one_user[..],
                "root (docker exec -u 0), that user (docker exec -u 33:33), ",
            ),
            (1000, 0, &several, "root (docker exec -u 0), "),
            (1000, 0, &root_too, "root (docker exec -u 0), "),
            (1000, 0, &root_alone, "root (docker exec -u 0), "),
            // Root is not told to be root.
            (0, 0, &one_user, "that user (docker exec -u 33:33), "),
            (0, 0, &several, ""),
            (0, CAP_SETIDS, &one_user, ""),
        ] {
            assert_eq!(
                remedy(uid, capabilities, unread),
                format!("try {wanted}{HOST}")
            );
        }
        assert_eq!(
            remedy(0, CAP_SETIDS | CAP_SYS_PTRACE, &one_user),
            "not readable even with CAP_SYS_PTRACE"
        );
    }

    #[test]
    fn the_credentials_are_those_of_this_program() {
        let credentials = Credentials::load();
        let uid = std::process::Command::new("id")
            .arg("-u")
            .output()
            .unwrap()
            .stdout;
        assert_eq!(
            credentials.uid.to_string(),
            String::from_utf8(uid).unwrap().trim()
        );
        assert_eq!(
            credentials.uid == 0,
            credentials.capabilities != 0,
            "{:x}",
            credentials.capabilities
        );
    }

    #[test]
    fn the_line_counts_what_is_hidden() {
        let line = closing_line(&[unread(1000), unread(33), unread(1000)], 40);
        assert!(
            line.starts_with(
                "lsock: 3 of 40 processes could not be read (uid 1000, 33): 9 fds hidden; "
            ),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
    }
}
