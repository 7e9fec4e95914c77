//! A process that closes sockets and opens others all the time, and gets the same descriptors again: what lsock says of a
//! socket must be true of that socket, even if it is gone by then.

use crate::run::lsock;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many sockets are open at a time.
const OPEN: usize = 19;
/// How often lsock looks.
const LOOKS: usize = 60;

/// Opens socket `number` of three kinds in turn. Returns it and what lsock has to call it.
fn open(number: usize) -> (OwnedFd, &'static str) {
    match number % 3 {
        0 => (TcpListener::bind("127.0.0.1:0").unwrap().into(), "tcp"),
        1 => (UdpSocket::bind("127.0.0.1:0").unwrap().into(), "udp"),
        _ => (UnixDatagram::unbound().unwrap().into(), "unix-dgram"),
    }
}

/// Opens and closes sockets until `is_over`. Returns the protocol of each by its inode.
fn churn(is_over: &AtomicBool) -> HashMap<u64, &'static str> {
    let (mut protos, mut held) = (HashMap::new(), VecDeque::new());
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let (socket, proto) = open(number);
        let file = File::from(socket.as_fd().try_clone_to_owned().unwrap());
        protos.insert(file.metadata().unwrap().ino(), proto);
        held.push_back(socket);
        if held.len() > OPEN {
            held.pop_front();
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    protos
}

// Every tenth row had the protocol of the socket that had got the descriptor since, and true rows were called forged.
#[test]
fn a_socket_that_is_closed_while_lsock_looks_is_never_called_another_protocol() {
    let is_over = AtomicBool::new(false);
    let pid = std::process::id().to_string();
    let (protos, looks) = std::thread::scope(|scope| {
        let churner = scope.spawn(|| churn(&is_over));
        let look = |_| lsock().args(["-j", &pid]).output().unwrap();
        let looks: Vec<_> = (0..LOOKS).map(look).collect();
        is_over.store(true, Ordering::Relaxed);
        (churner.join().unwrap(), looks)
    });
    let mut seen = 0;
    for look in looks {
        let said = String::from_utf8(look.stderr).unwrap();
        assert!(!said.contains("pretends"), "{said}");
        for line in String::from_utf8(look.stdout).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let inode = row["inode"].as_u64().unwrap();
            if let Some(proto) = protos.get(&inode) {
                assert_eq!(row["proto"].as_str(), Some(*proto), "{line}");
                seen += 1;
            }
        }
    }
    assert!(seen > LOOKS, "{seen}");
}
