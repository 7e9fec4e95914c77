//! Tells the user of a socket whose table does not: who made it is the owner of what its descriptor leads to. In: the joined
//! lines. Out: the user of their rows. This costs a call for each socket, so it is asked only where a user is selected. It
//! joins nothing.

use crate::join::Joined;
use crate::proc::{Proc, Task};
use crate::socket::store::Sockets;

/// Notes in `sockets` who made those that somebody of `joined` holds and that no table tells it of.
pub(crate) fn name_users(joined: &Joined, proc: &Proc, sockets: &mut Sockets) {
    let mut found = Vec::new();
    joined.for_each_socket(sockets, &mut |entry| {
        if let (Some(process), Some(fd), None) =
            (entry.process, entry.fd, sockets.detail(entry.socket).uid)
            && let Some(uid) = user(proc, process.task, fd, entry.row.inode)
        {
            found.push((entry.socket, uid));
        }
    });
    for (number, uid) in found {
        sockets.set_uid(number, uid);
    }
}

/// Returns the user who made the socket `inode`: the owner of what the link of descriptor `fd` of `task` leads to, unless that is
/// another's by now. In a captured tree it leads nowhere.
#[cold]
pub(super) fn user(proc: &Proc, task: Task, fd: u32, inode: u32) -> Option<u32> {
    let stat = proc.as_owner(task, || proc.stat(task, &format!("fd/{fd}")));
    let stat = stat.ok().filter(|stat| stat.ino == u64::from(inode));
    stat.map(|stat| stat.uid)
}
