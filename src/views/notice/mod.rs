//! The last line on standard error: which processes could not be read, and what to try. In: the processes that could not
//! be read. Out: one line. `look` looks where this program sits, by what `status` parses, and `seat` decides what would help
//! from there; whether the line is worth printing, the caller decides.

mod look;
mod seat;
mod status;

use crate::proc::Proc;
use crate::walk::Unread;

/// The most uids that are named.
const UIDS_MAX: usize = 5;

/// Returns the clause about the processes `unread` among the `selected` ones of `proc`. Where `unread` is empty, this proc
/// does not even show some processes.
pub(crate) fn closing(proc: &Proc, unread: &[Unread], selected: usize) -> String {
    if unread.is_empty() {
        let what = "this proc hides the processes of other users (hidepid)";
        return format!("{what}; try root, or a proc that is mounted without hidepid");
    }
    let mut uids: Vec<u32> = Vec::new();
    for process in unread {
        // One more than are named says that there are more.
        if uids.len() <= UIDS_MAX && !uids.contains(&process.uid) {
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
    let remedy = look::remedy(proc, unread);
    let count = unread.len();
    format!(
        "{count} of {selected} processes could not be read (uid {}){hidden}; {remedy}",
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
    fn the_line_counts_what_is_hidden() {
        let proc = Proc::open(std::path::Path::new("/proc")).unwrap();
        let line = closing(&proc, &[unread(1000), unread(33), unread(1000)], 40);
        assert!(
            line.starts_with("3 of 40 processes could not be read (uid 1000, 33): 9 fds hidden; "),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
    }
}
