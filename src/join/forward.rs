//! Finds who is behind a published port. In: the joined lines, and the commands of their processes. Out: the listener that
//! docker-proxy forwards to, noted in `Peers` as the other end of its own listening socket; of podman the namespace. It reads
//! nothing where no command is one of theirs.
//!
//! What a command line or a child tells is believed, whoever runs it, because it is used for nothing but the sockets of that process:
//! one that lies is shown with a wrong name behind its own port, and changes what is said of no other socket.
//!
//! Of podman's ports no process tells which one of the container they lead to. Root's conmon only keeps a port from others, and the
//! kernel translates; without root rootlessport forwards. Conmon's child is in the network of the container: its first process; of
//! rootlessport a thread is, and the child of that thread, which connects there.

use crate::join::Joined;
use crate::join::by_key::Key;
use crate::join::nat::Addresses;
use crate::join::peers::{OtherEnd, Peers};
use crate::proc::{NetnsId, Proc, Task};
use crate::socket::connection::End;
use crate::socket::store::Sockets;
use crate::text::addr::parse_ip;
use crate::text::digits::decimal32;
use crate::text::parts::next_part;
use crate::walk::comm::Commands;
use crate::walk::netns::Namespaces;

/// Holds the command line of docker-proxy, which has a few hundred bytes; as much of the children of a thread.
const BUFFER_LEN: usize = 1024;

/// Parses the command line of docker-proxy, whose arguments end with NUL: `-proto tcp -host-ip 0.0.0.0 -host-port 8080
/// -container-ip 172.17.0.2 -container-port 80`, in any order, and others between them. Returns where it forwards to; each
/// process forwards one port of one protocol.
fn parse(cmdline: &[u8]) -> Option<End> {
    let (mut address, mut port, mut option) = (None, None, &b""[..]);
    for word in cmdline.split(|byte| *byte == 0) {
        match option {
            b"-container-ip" => address = parse_ip(word),
            b"-container-port" => port = decimal32(word),
            _ => {}
        }
        option = word;
    }
    Some((address?, u16::try_from(port?).ok()?))
}

/// Returns the first namespace but `home` that a thread of process `pid` is in, or one of `children`, each ended by a blank.
fn behind(pid: u32, children: &[u8], home: NetnsId, namespaces: &Namespaces) -> Option<NetnsId> {
    let (mut wanted, mut rest) = (pid, Some(children));
    loop {
        for (id, netns) in namespaces.iter() {
            if id != home && netns.members().any(|task| task.pid == wanted) {
                return Some(id);
            }
        }
        wanted = decimal32(next_part(&mut rest, b' ')?)?;
    }
}

impl Peers {
    /// Finds and notes who is behind the ports that a process of `joined` forwards. Returns true if any process does, and
    /// the sockets of others are known.
    #[inline(never)]
    pub(crate) fn look_behind(
        &mut self,
        proc: &Proc,
        joined: &Joined,
        sockets: &Sockets,
        namespaces: &Namespaces,
        commands: &Commands,
    ) -> bool {
        if self.by_key.is_none() {
            return false;
        }
        let (mut known, mut has_forwards) = (None, false);
        for entry in joined.entries(sockets) {
            let Some(process) = entry.process.filter(|_| entry.row.is_listening()) else {
                continue;
            };
            let netns = sockets.netns(entry.socket);
            let Some(Key::Port(_, kind, ..)) = Key::of_listener(&entry.row, netns) else {
                continue;
            };
            let pid = process.task.pid;
            let is_podmans = match commands.get(process.task) {
                b"docker-proxy" => false,
                b"conmon" | b"rootlessport" => true,
                _ => continue,
            };
            // The children of another thread are where that thread is.
            let (tid, name) = if is_podmans {
                (pid, "children")
            } else {
                (0, "cmdline")
            };
            let mut buffer = [0; BUFFER_LEN];
            // A process that has ended forwards nothing. A kernel that was built so shows no children.
            let text = proc.read_file(Task { pid, tid }, name, &mut buffer);
            let text = text.unwrap_or_default();
            let behind = if is_podmans {
                behind(pid, text, netns, namespaces).map(OtherEnd::Somebody)
            } else {
                let Some(to) = parse(text) else { continue };
                has_forwards = true;
                let addresses = known.get_or_insert_with(|| Addresses::load(proc, namespaces));
                addresses.find(to.0, netns).map(|netns| {
                    let listener = self.waits(kind, netns, to, sockets);
                    listener.map_or(OtherEnd::Nobody(netns), OtherEnd::Socket)
                })
            };
            if let Some(behind) = behind {
                has_forwards = true;
                self.note(entry.socket, behind);
            }
        }
        has_forwards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_of_docker_proxy_is_read_in_any_order_and_whole_or_not_at_all() {
        let line = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80";
        let parse = |line: &str| parse(line.replace(' ', "\0").as_bytes());
        let known = Some(("172.17.0.2".parse().unwrap(), 80));
        assert_eq!(parse(&format!("{line} ")), known);
        assert_eq!(parse(&format!("{line} -use-listen-fd ")), known);
        let other = "x -container-port 53 -container-ip fc00::2 -host-port 54 -proto udp ";
        assert_eq!(parse(other), Some(("fc00::2".parse().unwrap(), 53)));
        for (part, odd) in [
            ("-container-ip 172.17.0.2", "-container-ip 172.17.0"),
            ("-container-ip 172.17.0.2", ""),
            ("-container-port 80", "-container-port"),
            ("-container-port 80", "-container-port 8x"),
            ("-container-port 80", "-container-port 80800"),
            (" -", " --"),
        ] {
            assert_eq!(parse(&line.replace(part, odd)), None, "{odd}");
        }
    }
}
