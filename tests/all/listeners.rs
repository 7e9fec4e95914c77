//! Listeners alone are read without the kernel's walk over its whole hash of TCP, and none is lost by it.
//!
//! What lsock shows is held against the table itself, read to its end, in a network namespace of the test's own: with any
//! number of listeners, in one bucket, and while others come and go. The calls of the commands that people run there, each
//! second and in each container, are counted.
//!
//! Needs `unshare` (util-linux), `ip` (iproute2), `strace`, and `perl` for what std cannot do.

use crate::again::{Held, in_a_network_of_its_own};
use crate::asks::{Asked, Socket, on_ipv6, shown, told, told_if};
use crate::machine::skip;
use crate::run::{Run, lsock};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

/// The sockets of this table that listen.
fn listeners(table: &str) -> Vec<Socket> {
    told_if(table, &|words| words[3] == "0A")
}

/// A connection to `listener`: both of its ends.
fn connection(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// The status of `lsock -q ARGS`.
fn is_there(args: &str) -> bool {
    let run = Run::of(lsock().arg("-q").args(args.split_ascii_whitespace()));
    assert!(matches!(run.status, Some(0 | 1)), "{run:?}");
    run.status == Some(0)
}

/// Demands that all listeners of `table` are shown, by each way to ask for them.
#[track_caller]
fn shows_all_listeners(table: &str) {
    let told = listeners(table);
    for args in ["-tl", "-sLISTEN", "-iTCP -sTCP:LISTEN"] {
        assert_eq!(shown(args, &[table]), told, "{args}");
    }
}

/// Opens up to `max` listeners on `address`, one after the other, beside `connections` to another one, and demands each
/// time that all are shown, and that the last is found.
fn shows_each_listener(table: &str, address: &str, max: usize, connections: usize) {
    let server = TcpListener::bind(address).unwrap();
    let ends: Vec<_> = (0..connections).map(|_| connection(&server)).collect();
    let mut held = Vec::new();
    if ends.is_empty() {
        drop(server);
    } else {
        held.push(server);
    }
    while held.len() <= max {
        let told = listeners(table);
        assert_eq!(told.len(), held.len(), "{told:?}");
        assert_eq!(shown("-tl", &[table]), told, "{} listeners", held.len());
        if let Some(last) = held.last() {
            let port = last.local_addr().unwrap().port();
            assert!(is_there(&format!("-tl :{port}")), "{port}");
        }
        held.push(TcpListener::bind(address).unwrap());
    }
    // None is at a port that was never given.
    assert!(!is_there("-tl :1"));
}

// Small reads, whole pages, the change from one to the other.
#[test]
fn every_number_of_listeners_is_shown_where_there_is_nothing_else() {
    in_a_network_of_its_own(|| shows_each_listener("tcp", "127.0.0.1:0", 300, 0));
}

#[test]
fn every_number_of_listeners_is_shown_beside_connections() {
    in_a_network_of_its_own(|| shows_each_listener("tcp", "127.0.0.1:0", 300, 3));
}

#[test]
fn every_number_of_tcp6_listeners_is_shown() {
    in_a_network_of_its_own(|| {
        if on_ipv6(|address| TcpListener::bind(address)).is_some() {
            shows_each_listener("tcp6", "[::1]:0", 60, 2);
        }
    });
}

#[test]
fn a_listener_alone_is_shown_to_whoever_asks_for_listeners() {
    in_a_network_of_its_own(|| {
        shows_all_listeners("tcp");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listeners("tcp").len(), 1);
        shows_all_listeners("tcp");
        let port = listener.local_addr().unwrap().port();
        for (args, is_found) in [
            (format!("-l :{port}"), true),
            (format!("-l :{}", port - 1), false),
            (format!("-sLISTEN :{port}"), true),
            (format!(":{port}"), true),
            (format!("-sESTABLISHED :{port}"), false),
        ] {
            assert_eq!(is_there(&args), is_found, "{args}");
        }
        let _ends = connection(&listener);
        assert!(is_there(&format!("-sESTABLISHED :{port}")));
        shows_all_listeners("tcp");
    });
}

/// A process that runs `script`, which says that it is ready, in perl.
fn perl(script: &str) -> Option<Held> {
    let mut command = Command::new("perl");
    command.args(["-MSocket", "-e", script]);
    match Held::ready(command.stdin(Stdio::piped())) {
        Ok(held) => Some(held),
        Err(why) => {
            skip(&format!(
                "listeners that share a port, which perl makes: {why}"
            ));
            None
        }
    }
}

/// Makes `listen_on(port)`, which returns a listener that lets others have its port too.
const LISTEN_ON: &str = "sub listen_on { socket(my $s, PF_INET, SOCK_STREAM, 0) or die; \
    setsockopt($s, SOL_SOCKET, 15, 1) or die; bind($s, sockaddr_in($_[0], INADDR_LOOPBACK)) or die; \
    listen($s, 9) or die; return $s } ";

// All of them are in one bucket, on which each read goes on where the last one stopped.
#[test]
fn hundreds_of_listeners_at_one_port_are_shown() {
    in_a_network_of_its_own(|| {
        for count in [2, 26, 27, 28, 500] {
            let script = format!(
                "{LISTEN_ON} push @s, listen_on(4000) for 1..{count}; \
                 $| = 1; print qq(READY\\n); <STDIN>"
            );
            let Some(_held) = perl(&script) else {
                return;
            };
            assert_eq!(listeners("tcp").len(), count);
            shows_all_listeners("tcp");
            assert!(is_there("-l :4000") && !is_there("-l :4001"));
        }
    });
}

// Where a listener before another one in a bucket is closed, whoever reads on from the place between the two passes over
// one that stays: reads of one row each lost one in 133 of 1,500 looks at this.
#[test]
fn no_listener_that_stays_is_lost_while_others_come_and_go() {
    in_a_network_of_its_own(|| {
        let stays = format!(
            "{LISTEN_ON} push @s, listen_on(4000 + $_ % 2) for 1..8; \
             $| = 1; print qq(READY\\n); <STDIN>"
        );
        let Some(_stays) = perl(&stays) else {
            return;
        };
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let _ends: Vec<_> = (0..4).map(|_| connection(&server)).collect();
        let told = listeners("tcp");
        assert_eq!(told.len(), 9);
        // Some thousands each second.
        let comes = format!(
            "{LISTEN_ON} $| = 1; print qq(READY\\n); \
             while (1) {{ my @s = map {{ listen_on(4000 + $_ % 2) }} 1..4; shift @s while @s }}"
        );
        let _comes = [perl(&comes), perl(&comes)];
        for look in 0..300 {
            let shown = shown("-tl", &["tcp"]);
            let is_lost = |socket: &&Socket| !shown.contains(socket);
            let lost: Vec<_> = told.iter().filter(is_lost).collect();
            assert!(lost.is_empty(), "look {look}: {lost:?} of {shown:?}");
        }
    });
}

/// A small container's sockets: three listeners over each of IPv4 and IPv6, and connections to the first of each.
struct Small {
    v4: Vec<TcpListener>,
    _v6: Vec<TcpListener>,
    _ends: Vec<(TcpStream, TcpStream)>,
}

impl Small {
    fn new() -> Option<Small> {
        on_ipv6(|address| TcpListener::bind(address))?;
        let three = |address| -> Vec<TcpListener> {
            (0..3)
                .map(|_| TcpListener::bind(address).unwrap())
                .collect()
        };
        let (v4, v6) = (three("127.0.0.1:0"), three("[::1]:0"));
        let ends = [&v4[0], &v6[0]].map(|listener| (0..10).map(|_| connection(listener)));
        Some(Small {
            _ends: ends.into_iter().flatten().collect(),
            v4,
            _v6: v6,
        })
    }

    /// The port of the listener over IPv4 that the table has in this place.
    fn port(&self, place: usize) -> u16 {
        let inode = listeners_in_order()[place];
        let is_it = |listener: &&TcpListener| {
            let port = listener.local_addr().unwrap().port();
            told("tcp")
                .iter()
                .any(|(_, local, known)| *known == inode && local.ends_with(&format!(" {port}")))
        };
        self.v4
            .iter()
            .find(is_it)
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
    }
}

/// The inodes of the listeners of tcp in the order of the table.
fn listeners_in_order() -> Vec<u64> {
    let text = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let rows = text
        .lines()
        .skip(1)
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let listeners = rows.filter(|words| words[3] == "0A");
    listeners.map(|words| words[9].parse().unwrap()).collect()
}

// One read for the header and a row, and one more for each row until the answer is there.
#[test]
fn a_health_check_reads_the_beginning_of_one_table_and_no_descriptor() {
    in_a_network_of_its_own(|| {
        let Some(small) = Small::new() else {
            return;
        };
        for place in 0..3 {
            let args = format!("-q -l :{}", small.port(place));
            let Some(asked) = Asked::by(Path::new("/proc"), &args) else {
                return;
            };
            assert_eq!(asked.count_of("open", "/net/tcp"), 1);
            assert_eq!(asked.count_of("read", "/net/tcp"), place + 1);
            // proc twice, the list of processes, sockstat and sockstat6.
            assert_eq!(asked.count("open"), 2 + 1 + 2 + 1);
            // Whether proc may be read, sockstat and sockstat6, and tcp.
            assert_eq!(asked.count("read"), 1 + 2 + place + 1);
            assert_eq!(asked.count_of("list", "/proc"), 1 + 2);
            // self, and ns/net of each process: the test, strace and lsock.
            assert_eq!(asked.count("link"), 1 + 3);
            // Nothing else is read for a wait.
            let Some(wait) = Asked::by(Path::new("/proc"), &format!("{args} --wait=9")) else {
                return;
            };
            assert_eq!(wait.count("open"), asked.count("open"));
        }
    });
}

#[test]
fn a_list_of_listeners_reads_the_beginnings_of_two_tables() {
    in_a_network_of_its_own(|| {
        let Some(_small) = Small::new() else {
            return;
        };
        let Some(asked) = Asked::by(Path::new("/proc"), "-lt") else {
            return;
        };
        assert_eq!(asked.rows, 6);
        for table in ["/net/tcp", "/net/tcp6"] {
            assert_eq!(asked.count_of("open", table), 1);
            // Three rows, and the one that does not listen: snmp tells how many there are.
            assert_eq!(asked.count_of("read", table), 1);
        }
        assert_eq!(asked.count_of("open", "/net/snmp"), 1);
        for other in ["udp", "udp6", "unix", "raw", "netlink"] {
            assert_eq!(asked.count_of("open", &format!("/net/{other}")), 0);
        }
    });
}

// The tools that lsock speaks for are asked this each second, and most of them for no process.
#[test]
fn a_tool_that_lists_listeners_reads_the_beginnings_of_two_tables_and_holders_only_to_show_them() {
    in_a_network_of_its_own(|| {
        let Some(_small) = Small::new() else {
            return;
        };
        for (args, rows, shows_holders) in [
            ("ss -Htln", 6, false),
            ("ss -Htlnp", 6, true),
            ("ss -Htn state listening", 6, false),
            ("netstat -tln", 6 + 2, false),
            ("netstat -tlnp", 6 + 2, true),
            ("lsof -nP -iTCP -sTCP:LISTEN", 6 + 1, true),
        ] {
            let mut command = lsock();
            command.arg("--as").args(args.split_ascii_whitespace());
            let Some(asked) = Asked::of(&command, Path::new("/proc")) else {
                return;
            };
            assert_eq!(asked.rows, rows, "{args}");
            for table in ["/net/tcp", "/net/tcp6"] {
                assert_eq!(asked.count_of("open", table), 1, "{args}");
                assert_eq!(asked.count_of("read", table), 1, "{args}");
            }
            // Asked only where nothing but listeners is read.
            assert_eq!(asked.count_of("open", "/net/snmp"), 1, "{args}");
            // Its own are read, to have a namespace.
            if !shows_holders {
                assert_eq!(asked.count_of("open", "/fd"), 1, "{args}");
            }
        }
    });
}

// How many listeners there are is guessed: half of each family, and each connection that is no more than half open is one.
#[test]
fn any_number_of_listeners_over_two_families_is_shown_whatever_is_guessed() {
    in_a_network_of_its_own(|| {
        if on_ipv6(|address| TcpListener::bind(address)).is_none() {
            return;
        }
        for (v4, v6) in (0..8).flat_map(|v4| [0, 1, 2, 3, 7].map(|v6| (v4, v6))) {
            let some = |count, address| -> Vec<TcpListener> {
                let bind = |_| TcpListener::bind(address).unwrap();
                (0..count).map(bind).collect()
            };
            let all = [some(v4, "127.0.0.1:0"), some(v6, "[::1]:0")];
            for (open, half_open) in [(0, 0), (2, 0), (9, 0), (1, 1), (0, 12)] {
                let servers = all.iter().filter_map(|all| all.first());
                let ends = servers.flat_map(|server| {
                    (0..open + half_open).map(|number| {
                        let ends = connection(server);
                        if number < half_open {
                            ends.0.shutdown(Shutdown::Write).unwrap();
                        }
                        ends
                    })
                });
                let _ends: Vec<_> = ends.collect();
                let told = [listeners("tcp"), listeners("tcp6")].concat();
                assert_eq!(told.len(), v4 + v6);
                let shown = shown("-tl", &["tcp", "tcp6"]);
                assert_eq!(shown, told, "{v4} {v6} {open} {half_open}");
            }
        }
    });
}

// What costs is the walk: a page of each table, and no read beyond its end.
#[test]
fn who_asks_for_more_than_listeners_has_each_table_walked_once() {
    in_a_network_of_its_own(|| {
        let Some(small) = Small::new() else {
            return;
        };
        let own = std::process::id().to_string();
        for args in [format!("-T :{}", small.port(0)), own, String::new()] {
            let Some(asked) = Asked::by(Path::new("/proc"), &args) else {
                return;
            };
            assert!(asked.rows > 0, "{args}");
            // 24 lines of 150 bytes fit a page, 24 of 175 and more do not.
            for (table, reads) in [("/net/tcp", 1), ("/net/tcp6", 2)] {
                assert_eq!(asked.count_of("open", table), 1, "{args}");
                assert_eq!(asked.count_of("read", table), reads, "{args}");
            }
        }
    });
}
