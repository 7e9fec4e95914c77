//! Asks the kernel what a socket is, by the attribute `system.sockprotoname` of a descriptor (`net/socket.c`:
//! `sockfs_xattr_get`). In: a descriptor of a task. Out: the protocol and what the kernel calls it. This costs a call
//! for each socket, so it is asked only of those of which the tables do not tell enough. It reads no table.

use crate::proc::{Proc, Task, is_denied, is_gone, socket_in_link};
use crate::socket::proto::Proto;
use crate::walk::fds::Holder;
use crate::warn::Warnings;

/// Room for the attribute: the name in `struct proto`, with its NUL.
const NAME_LEN_MAX: usize = 32;
/// What the names of address families start with, where the protocol has no better name.
const FAMILY_PREFIX: &[u8] = b"af_";

/// What the kernel says of a socket; by default nothing.
#[derive(Clone, Copy, Default)]
pub(super) struct SockProtoName {
    /// The protocol, where the kernel tells it.
    pub(super) proto: Option<Proto>,
    /// True if the question itself is denied, as a seccomp profile does.
    is_denied: bool,
    /// Its name in lower case, without `af_`; zeros behind it.
    bytes: [u8; NAME_LEN_MAX],
    /// The length of the name.
    len: usize,
}

impl SockProtoName {
    /// Asks for the socket of `holder`, a descriptor of `task`. Returns `None` where the descriptor is gone, or has become
    /// another's: a program that closes a socket and opens the next one gets the same number again, so the link is read
    /// once more behind the answer. `path` is room for its path.
    #[inline(never)]
    pub(super) fn ask(proc: &Proc, task: Task, holder: Holder, path: &mut Vec<u8>) -> Option<Self> {
        let mut answer = Self::default();
        let linked = || {
            let mut link = [0; 32];
            Ok(socket_in_link(
                proc.read_fd_link(task, holder.fd, &mut link)?,
            ))
        };
        let mut inode = proc.as_owner(task, || {
            match proc.read_sockprotoname(task, holder.fd, path, &mut answer.bytes) {
                Ok(name) => answer.len = name.len(),
                // `as_owner` then asks once more as the owner.
                Err(error) if is_denied(&error) => return Err(error),
                // The kernel does not tell; in a captured tree the link is there and leads nowhere.
                Err(_) => {}
            }
            linked()
        });
        if inode.as_ref().is_err_and(is_denied) {
            answer.is_denied = true;
            inode = proc.as_owner(task, linked);
        }
        match inode {
            Ok(inode) if inode != Some(holder.inode) => return None,
            Ok(_) if answer.len > 0 => {
                answer.proto = Some(Proto::from_sockprotoname(answer.name()));
                answer.bytes.make_ascii_lowercase();
                if answer.name().starts_with(FAMILY_PREFIX) {
                    answer.bytes.rotate_left(FAMILY_PREFIX.len());
                    answer.len -= FAMILY_PREFIX.len();
                }
            }
            Err(error) if is_gone(&error) => return None,
            // The kernel does not tell.
            Ok(_) | Err(_) => {}
        }
        Some(answer)
    }

    /// Returns true if the question itself is denied, and notes it in `warnings`.
    pub(super) fn warn_if_denied(&self, warnings: &mut Warnings) -> bool {
        if self.is_denied {
            let reason = "denied; sockets that no table lists are of unknown protocol, mptcp is called tcp, and a name may \
                          pretend to be a row of unix";
            warnings.warn(b"getxattr(2)", reason);
        }
        self.is_denied
    }

    /// Returns the name; it is empty where the kernel does not tell.
    pub(super) fn name(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
