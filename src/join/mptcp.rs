//! Tells Multipath TCP from TCP. A subflow of MPTCP, and a listener, is a row of tcp or tcp6 like any other, with the inode of
//! the MPTCP socket, so only its descriptor tells what it is. In: the joined lines. Out: the protocol of their rows. This costs
//! a call for each TCP socket, so it is asked only where PID/net/protocols counts sockets of MPTCP. It joins nothing.

use crate::collections::to_index;
use crate::join::Joined;
use crate::join::sockprotoname::SockProtoName;
use crate::proc::Proc;
use crate::socket::proto::{Proto, Protos};
use crate::socket::store::Sockets;
use crate::tables::protocols;
use crate::walk::fds::Holder;
use crate::walk::netns::{Namespaces, Netns};
use crate::warn::Warnings;

/// Notes in `sockets` which rows of TCP that somebody of `joined` holds are MPTCP's.
pub(crate) fn name_mptcp(
    joined: &Joined,
    proc: &Proc,
    namespaces: &Namespaces,
    sockets: &mut Sockets,
    warnings: &mut Warnings,
) {
    let mut buffer = vec![0; protocols::BUFFER_LEN];
    let has_mptcp = |(_, netns)| has_mptcp(proc, netns, &mut buffer);
    let has_mptcp: Vec<bool> = namespaces.iter().map(has_mptcp).collect();
    if !has_mptcp.contains(&true) {
        return;
    }
    let (mut asked, mut path) = (vec![false; sockets.len()], Vec::new());
    let mut found = Vec::new();
    for entry in joined.entries(sockets) {
        let Some(asked) = asked.get_mut(to_index(entry.socket)) else {
            continue;
        };
        let proto = match entry.row.proto {
            Proto::Tcp => Proto::Mptcp,
            Proto::Tcp6 => Proto::Mptcp6,
            _ => continue,
        };
        let netns = usize::from(sockets.netns(entry.socket).0);
        let (Some(process), Some(fd), Some(true), false) =
            (entry.process, entry.fd, has_mptcp.get(netns), *asked)
        else {
            continue;
        };
        *asked = true;
        let inode = entry.row.inode;
        let answer = SockProtoName::ask(proc, process.task, Holder { inode, fd }, &mut path);
        let answer = answer.unwrap_or_default();
        answer.warn_if_denied(warnings);
        // The table tells by which IP this subflow goes.
        if answer.proto.is_some_and(|proto| Protos::MPTCP.has(proto)) {
            found.push((entry.socket, proto));
        }
    }
    for (number, proto) in found {
        sockets.set_proto(number, proto);
    }
}

/// Returns true if there is a socket of MPTCP in `netns`.
fn has_mptcp(proc: &Proc, netns: &Netns, buffer: &mut [u8]) -> bool {
    let mut members = netns.members();
    let counted = members.find_map(|task| {
        let text = proc.read_file(task, "net/protocols", buffer).ok()?;
        Some(protocols::count(text, &["MPTCP", "MPTCPv6"]).unwrap_or(0))
    });
    counted.unwrap_or(0) > 0
}
