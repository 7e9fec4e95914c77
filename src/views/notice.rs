//! Says at the end what could not be seen, and what would help from this seat. In: the processes that could not be
//! read. Out: one line for standard error. It reads who we are; whether the line matters is for the caller.

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

/// Who this program runs as.
struct Seat {
    /// Effective uid.
    uid: u32,
    /// Effective capabilities.
    capabilities: u64,
}

impl Seat {
    /// Reads it from the status of this process (proc(5)); where that cannot be read, nobody with no rights.
    fn load() -> Self {
        let mut buffer = [0; 2048];
        // What is cut off, or cannot be read, counts as nobody without rights.
        let read = File::open("/proc/self/status").and_then(|mut status| status.read(&mut buffer));
        let status = buffer.get(..read.unwrap_or(0)).unwrap_or_default();
        let mut seat = Self {
            uid: u32::MAX,
            capabilities: 0,
        };
        for line in status.split(|byte| *byte == b'\n') {
            let mut fields = line.split(|byte| *byte == b'\t');
            match (fields.next(), fields.next(), fields.next()) {
                // Uid: real, effective, saved, file system.
                (Some(b"Uid:"), _, Some(uid)) => seat.uid = decimal32(uid).unwrap_or(u32::MAX),
                // CapEff: 16 hexadecimal digits.
                (Some(b"CapEff:"), Some(digits), _) => {
                    let (high, low) = digits.split_at_checked(8).unwrap_or_default();
                    let half = |half| u64::from(hex(half).unwrap_or(0));
                    seat.capabilities = half(high) << 32 | half(low);
                }
                _ => {}
            }
        }
        seat
    }

    /// What would help to read `unread`.
    fn remedy(&self, unread: &[Unread]) -> String {
        if self.capabilities & CAP_SYS_PTRACE != 0 {
            return "the kernel keeps them even from CAP_SYS_PTRACE".to_owned();
        }
        let ptrace = "--cap-add SYS_PTRACE, docker exec --privileged, or root on the host";
        // Who can take on another's uid has tried it.
        if self.uid == 0 && self.capabilities & CAP_SETIDS == CAP_SETIDS {
            return format!("what helps is {ptrace}");
        }
        match unread {
            [one, rest @ ..]
                if one.uid != 0
                    && rest
                        .iter()
                        .all(|other| (other.uid, other.gid) == (one.uid, one.gid)) =>
            {
                let as_user = format!(
                    "as that user (docker exec -u {}:{}), or with {ptrace}",
                    one.uid, one.gid
                );
                let root = if self.uid == 0 { "" } else { "as root, or " };
                format!("run {root}{as_user}")
            }
            _ => format!("run as root (docker exec -u 0), or with {ptrace}"),
        }
    }
}

/// The line about `unread`, of so many processes as were `selected`; without any, proc does not show them at all.
pub(crate) fn closing_line(unread: &[Unread], selected: usize) -> String {
    if unread.is_empty() {
        return "lsock: this proc hides the processes of other users (hidepid); run as root, or with a proc of its own\n".to_owned();
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
    let remedy = Seat::load().remedy(unread);
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
    fn the_remedy_fits_the_seat() {
        let seat = |uid, capabilities| Seat { uid, capabilities };
        assert!(
            seat(1000, 0)
                .remedy(&[unread(33), unread(33)])
                .contains("-u 33:33")
        );
        assert!(
            seat(1000, 0)
                .remedy(&[unread(33), unread(0)])
                .contains("-u 0")
        );
        assert!(seat(0, 0).remedy(&[unread(33)]).contains("-u 33:33"));
        assert!(!seat(0, CAP_SETIDS).remedy(&[unread(33)]).contains("-u "));
        assert!(
            !seat(0, CAP_SYS_PTRACE)
                .remedy(&[unread(33)])
                .contains("--cap-add")
        );
    }

    #[test]
    fn this_seat_is_read() {
        let seat = Seat::load();
        let uid = std::process::Command::new("id")
            .arg("-u")
            .output()
            .unwrap()
            .stdout;
        assert_eq!(seat.uid.to_string(), String::from_utf8(uid).unwrap().trim());
        assert_eq!(
            seat.uid == 0,
            seat.capabilities != 0,
            "{:x}",
            seat.capabilities
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
