//! Who is at the other end of a connection whose addresses are translated, behind a published port, and where nobody has answered
//! yet: fake trees with `nf_conntrack` and the addresses of each namespace. The real ones are in ci/containers/cases/nat.

use crate::machine::{skip, strace};
use crate::rows::{EMPTY, ID, NOBODY, listen, tcp, udp};
use crate::run::{Run, list_under};
use crate::tree::Tree;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

/// The list's header with `-E`.
const HEADER: &str = "PID COMMAND FD PROTO STATE RECV-Q SEND-Q LOCAL PEER PEER-PROCESS CONTAINER";

/// What the client asks for; where that really is; and the client.
const SERVICE: (&str, &str) = ("0100600A:0050", "10.96.0.1:80");
const SERVER: (&str, &str) = ("030011AC:1F90", "172.17.0.3:8080");
const CLIENT: (&str, &str) = ("020011AC:D63E", "172.17.0.2:54846");
/// The address of the node that the server sees where the client's is translated too.
const NODE: (&str, &str) = ("010011AC:9C40", "172.17.0.1:40000");

/// A row of `nf_conntrack`: the client and what it asks for, the server and whom that sees.
fn tracked(client: &str, service: &str, server: &str, seen: &str) -> String {
    let tuple = |from: &str, to: &str| {
        let (from, from_port) = from.rsplit_once(':').unwrap();
        let (to, to_port) = to.rsplit_once(':').unwrap();
        format!("src={from} dst={to} sport={from_port} dport={to_port}")
    };
    let (one, other) = (tuple(client, service), tuple(server, seen));
    format!(
        "ipv4     2 tcp      6 431998 ESTABLISHED {one} {other} [ASSURED] mark=0 zone=0 use=2\n"
    )
}

/// The id of a container, and how it is shown.
fn id(digits: &str) -> String {
    ID.replace("54e9", digits)
}

/// The first process of the node; a web server's client in one container, the server in another, and a third one.
fn scene(seen_by_server: &str) -> Tree {
    let tree = Tree::new();
    for name in ["client", "server", "other"] {
        tree.namespace(name);
    }
    tree.table_in(
        "client",
        "tcp",
        &[tcp(CLIENT.0, SERVICE.0, "01", EMPTY, 0, 11)],
    );
    let end = tcp(SERVER.0, seen_by_server, "01", EMPTY, 0, 21);
    tree.table_in("server", "tcp", &[end, listen(8080, 22)]);
    tree.process(1, "init").ns_net(1);
    for (name, number, pid, comm) in [
        ("client", 2, 6, "curl"),
        ("server", 3, 7, "java"),
        ("other", 4, 8, "evil"),
    ] {
        let cgroup = format!(
            "0::/system.slice/docker-{}.scope\n",
            id(&format!("{pid}{pid}00"))
        );
        let process = tree.process_in(name, pid, comm).ns_net(number);
        let process = process.file("cgroup", cgroup);
        match pid {
            6 => drop(process.socket(3, 11)),
            7 => drop(process.socket(3, 21).socket(4, 22)),
            _ => {}
        }
    }
    tree
}

/// PEER-PROCESS of the client's row and of the server's.
fn ends(tree: &Tree) -> [String; 2] {
    let rows = tree.run("-E -t -sESTABLISHED").rows();
    let word = |row: &String| row.split(' ').nth(9).unwrap().to_owned();
    [word(&rows[0]), word(&rows[1])]
}

/// Both ends named.
fn named() -> [String; 2] {
    ["7/java@7700a2cefd94", "6/curl@6600a2cefd94"].map(str::to_owned)
}

/// None of them.
fn nobody() -> [String; 2] {
    ["-", "-"].map(str::to_owned)
}

#[test]
fn both_ends_are_named_where_the_node_translates_one_address_or_both() {
    for (seen, row) in [
        (CLIENT.0, tracked(CLIENT.1, SERVICE.1, SERVER.1, CLIENT.1)),
        (NODE.0, tracked(CLIENT.1, SERVICE.1, SERVER.1, NODE.1)),
    ] {
        let tree = scene(seen);
        assert_eq!(ends(&tree), nobody());
        tree.table_text("a", "nf_conntrack", row.as_bytes());
        assert_eq!(ends(&tree), named());
        let run = tree.run("-jE 6");
        let value: serde_json::Value = serde_json::from_str(run.out()).unwrap();
        let fields = ["peer_pid", "peer_command", "peer_container"].map(|name| value[name].clone());
        assert_eq!(fields, [json!(7), json!("java"), json!(id("7700"))]);
    }
}

// Anybody who is root in a namespace of his own writes into its nf_conntrack what he likes.
#[test]
fn a_namespace_that_has_neither_end_is_not_believed_unless_it_is_the_nodes() {
    let row = tracked(CLIENT.1, SERVICE.1, SERVER.1, NODE.1);
    for (netns, known) in [
        ("a", named()),
        ("client", named()),
        ("server", named()),
        ("other", nobody()),
    ] {
        let tree = scene(NODE.0);
        tree.table_text(netns, "nf_conntrack", row.as_bytes());
        assert_eq!(ends(&tree), known, "{netns}");
    }
    // Without the first process nobody is the node.
    let tree = scene(NODE.0);
    tree.table_text("a", "nf_conntrack", row.as_bytes());
    fs::rename(tree.path().join("1"), tree.path().join("9")).unwrap();
    assert_eq!(ends(&tree), nobody());
}

#[test]
fn translations_in_the_clients_namespace_the_nodes_and_the_servers_are_followed() {
    let tree = scene("010011AC:C351");
    let (first, second) = ("10.97.0.1:81", "172.17.0.3:9000");
    let (at_node, at_server) = ("172.17.0.9:5000", "172.17.0.1:50001");
    for (netns, row) in [
        ("client", tracked(CLIENT.1, SERVICE.1, first, CLIENT.1)),
        ("a", tracked(CLIENT.1, first, second, at_node)),
        ("server", tracked(at_node, second, SERVER.1, at_server)),
    ] {
        assert_eq!(ends(&tree), nobody());
        tree.table_text(netns, "nf_conntrack", row.as_bytes());
    }
    assert_eq!(ends(&tree), named());
}

#[test]
fn a_table_that_may_not_be_read_is_one_line_unless_it_is_known_to_be_empty() {
    use std::os::unix::fs::PermissionsExt;
    let tree = scene(NODE.0);
    for netns in ["a", "client"] {
        tree.table_text(netns, "nf_conntrack", b"");
        let path = tree.net(netns).join("nf_conntrack");
        fs::set_permissions(path, fs::Permissions::from_mode(0o0)).unwrap();
    }
    let run = |args: &str| match tree.plain_user(args) {
        Ok(mut command) => Some(Run::of(&mut command)),
        Err(why) => {
            skip(&why);
            None
        }
    };
    let Some(found) = run("-E -t -sESTABLISHED") else {
        return;
    };
    assert_eq!((found.rows().len(), found.status), (2, Some(0)));
    let line = found.one_line();
    assert!(
        line.contains("/net/nf_conntrack: Permission denied; who is")
            && line.contains("(and 1 more)"),
        "{line}"
    );
    // Without -E nobody asks; nor where the namespaces have nothing.
    assert_eq!(run("-e -t").unwrap().err(), "");
    for netns in ["a", "client"] {
        fs::create_dir_all(tree.net(netns).join("stat")).unwrap();
        tree.table_text(
            netns,
            "stat/nf_conntrack",
            b"entries found\n00000000 00000000\n",
        );
    }
    assert_eq!(run("-E -t").unwrap().err(), "");
    // A kernel that tracks connections, and does not show them.
    let tree = scene(NODE.0);
    assert_eq!(tree.run("-E").err(), "");
    fs::create_dir_all(tree.path().join("sys/net/netfilter")).unwrap();
    fs::write(
        tree.path().join("sys/net/netfilter/nf_conntrack_max"),
        "262144\n",
    )
    .unwrap();
    assert!(tree.run("-E").one_line().contains("No such file"));
    assert_eq!(tree.run("-e").err(), "");
}

#[test]
fn nothing_is_read_of_translations_or_addresses_unless_an_end_is_lacking() {
    let tree = scene(NODE.0);
    tree.table_text("a", "nf_conntrack", b"");
    tree.table_text("a", "fib_trie", b"");
    let is_asked = |args: &str| {
        let opened = tree.opened(args)?;
        let is_new = |path: &String| {
            ["nf_conntrack", "fib_trie"]
                .iter()
                .any(|end| path.ends_with(end))
        };
        Ok::<_, String>(opened.iter().filter(|path| is_new(path)).count())
    };
    match is_asked("-E -t") {
        Ok(count) => assert_eq!(
            count, 1,
            "once for the namespace that has it; nobody waits for an answer"
        ),
        Err(why) => return skip(&why),
    }
    for args in ["", "-e", "-j", "-s", "-E -l -t", "-E -x", "-E 8", "-T"] {
        assert_eq!(is_asked(args), Ok(0), "{args}");
    }
    // Who is asked for all may cost no more than before.
    let mut command = crate::run::lsock();
    command.arg("--proc").arg(tree.path()).arg("-e");
    let Ok((_, calls)) = strace(&["-f", "-e", "trace=open,openat"], &command) else {
        return;
    };
    let comms = calls
        .lines()
        .filter(|line| line.contains("/comm\""))
        .count();
    assert_eq!(comms, 2, "one for each process that is shown");
}

/// What `fib_trie` says of a namespace with this address.
fn fib_trie(address: &str) -> String {
    format!(
        "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- {address}\n        /32 host LOCAL\nLocal:\n     |-- {address}\n        /32 host LOCAL\n"
    )
}

/// The arguments of docker-proxy for port 80 of the node and 8080 of this address.
fn proxy(address: &str) -> Vec<String> {
    let line = format!(
        "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 80 -container-ip {address} -container-port 8080"
    );
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_published_port_names_the_container_behind_it() {
    let tree = scene(NODE.0);
    tree.table("tcp", &[listen(80, 31), listen(90, 32)]);
    let process = tree.process(9, "docker-proxy").ns_net(1);
    let process = process.cmdline(&proxy("172.17.0.3")).socket(4, 31);
    let row = |peer: &str| format!("9 docker-proxy 4 tcp LISTEN 0 0 0.0.0.0:80 *:* {peer}");
    let behind = |args: &str| tree.run(args).rows()[0].clone();
    assert_eq!(behind("-E :80 -l"), row("-"));
    tree.table_text("server", "fib_trie", fib_trie("172.17.0.3").as_bytes());
    assert_eq!(behind("-E :80 -l"), row("7/java@7700a2cefd94"));
    assert_eq!(behind("-E docker-proxy"), row("7/java@7700a2cefd94"));
    let wide = tree.run("-e -l :80");
    assert!(wide.out().contains(" BEHIND ") && wide.out().contains(" 7/java@7700a2cefd94 "));
    assert!(!tree.run("-e -l :8080").out().contains("BEHIND"));
    // The other's own socket is another's no more than before.
    assert!(tree.run("-E -l :8080").rows()[0].ends_with(" -"));
    // Nobody listens there.
    let process = process.cmdline(
        &[
            proxy("172.17.0.3"),
            vec!["-container-port".to_owned(), "81".to_owned()],
        ]
        .concat(),
    );
    assert_eq!(behind("-E :80 -l"), row("(nobody)@7700a2cefd94"));
    // Two namespaces with the address: either may be it.
    process.cmdline(&proxy("172.17.0.3"));
    tree.table_text("other", "fib_trie", fib_trie("172.17.0.3").as_bytes());
    assert_eq!(behind("-E :80 -l"), row("-"));
}

/// A process of podman on the node that keeps port 80 for a container: `comm`, with these children of its main thread, and of another
/// thread in the network of this name.
fn keeper(tree: &Tree, comm: &str, children: &str, network: &str) {
    tree.table("tcp", &[listen(80, 31)]);
    let keeper = tree.process(9, comm).ns_net(1).socket(4, 31);
    keeper.thread(9, comm, "a").file("children", children);
    let thread = keeper.thread(12, comm, network);
    thread.ns_net(if network == "a" { 1 } else { 3 });
}

#[test]
fn a_port_that_podman_keeps_names_the_container_of_its_child() {
    let row = |comm: &str, peer: &str| format!("9 {comm} 4 tcp LISTEN 0 0 0.0.0.0:80 *:* {peer}");
    let known = "(forwarded)@7700a2cefd94";
    for (comm, children, network, peer) in [
        ("conmon", "7 ", "a", known),
        ("rootlessport", "1 7 ", "a", known),
        ("rootlessport", "", "server", known),
        // The child is on the node, is gone, is anybody's.
        ("conmon", "1 ", "a", "-"),
        ("conmon", "70 ", "a", "-"),
        ("conman", "7 ", "a", "-"),
    ] {
        let tree = scene(NODE.0);
        keeper(&tree, comm, children, network);
        let run = tree.run("-E -l :80");
        assert_eq!(run.rows(), [row(comm, peer)], "{children}");
        let wide = tree.run("-e -l :80");
        assert_eq!(wide.out().contains(&format!(" {known} ")), peer == known);
    }
    let tree = scene(NODE.0);
    keeper(&tree, "conmon", "7 ", "a");
    let run = tree.run("-jE -l :80");
    let value: serde_json::Value = serde_json::from_str(run.out()).unwrap();
    let fields = ["peer_pid", "peer_command", "peer_container"].map(|name| value[name].clone());
    assert_eq!(
        fields,
        [json!(null), json!("(forwarded)"), json!(id("7700"))]
    );
}

// It connects from within the network of the container, and so is in it; a process that entered it otherwise makes it nobody's own.
#[test]
fn rootlessport_in_the_network_of_a_container_leaves_it_the_containers() {
    for (line, peer) in [
        ("rootlessport-child", "(forwarded)@7700a2cefd94"),
        ("nsenter", "(forwarded)"),
    ] {
        let tree = scene(NODE.0);
        keeper(&tree, "rootlessport", "7 ", "a");
        let child = tree.process_in("server", 10, "exe").ns_net(3);
        child.cmdline(&[line]);
        let run = tree.run("-E -l :80");
        assert!(run.rows()[0].ends_with(peer), "{line}: {}", run.out());
    }
}

// A process that calls itself docker-proxy, with sockets of others, changes what is said of its own port alone.
#[test]
fn a_forged_docker_proxy_misnames_nothing_but_its_own_socket() {
    let tree = scene(NODE.0);
    tree.table_text("server", "fib_trie", fib_trie("172.17.0.3").as_bytes());
    let before = tree.run("-E -t").rows();
    tree.table_in("other", "tcp", &[listen(80, 31)]);
    let evil = tree.process_in("other", 10, "docker-proxy").ns_net(4);
    evil.cmdline(&proxy("172.17.0.3")).socket(4, 31);
    let after = tree.run("-E -t").rows();
    let (own, others): (Vec<_>, Vec<_>) = after.into_iter().partition(|row| row.starts_with("10 "));
    assert_eq!(others, before);
    assert_eq!(own.len(), 1);
}

#[test]
fn a_listener_that_does_not_answer_yet_is_named_and_so_is_who_waits_for_udp() {
    let tree = scene(NODE.0);
    let lost = tcp("020011AC:D63F", "030011AC:1F90", "02", EMPTY, 0, 12);
    let closed = tcp("020011AC:D640", "030011AC:1F91", "02", EMPTY, 0, 13);
    let through = tcp("020011AC:D641", SERVICE.0, "02", EMPTY, 0, 14);
    let own = tcp("0100007F:D642", "0100007F:1F90", "02", EMPTY, 0, 15);
    tree.table_in("client", "tcp", &[lost, closed, through, own]);
    let query = udp("020011AC:D63F", "030011AC:0035", "01", EMPTY, 0, 16);
    tree.table_in("client", "udp", &[query]);
    tree.table_in(
        "server",
        "udp",
        &[udp("00000000:0035", NOBODY, "07", EMPTY, 0, 23)],
    );
    let row = tracked("172.17.0.2:54849", SERVICE.1, SERVER.1, "172.17.0.2:54849");
    tree.table_text("a", "nf_conntrack", row.as_bytes());
    tree.table_text("server", "fib_trie", fib_trie("172.17.0.3").as_bytes());
    for (fd, inode) in [(12, 12), (13, 13), (14, 14), (15, 15), (16, 16)] {
        symlink(
            format!("socket:[{inode}]"),
            tree.path().join(format!("6/fd/{fd}")),
        )
        .unwrap();
    }
    symlink("socket:[23]", tree.path().join("7/fd/9")).unwrap();
    let syn = |fd: u32, local: &str, remote: &str, peer: &str| {
        format!("6 curl {fd} tcp SYN_SENT 0 0 {local} {remote} {peer}")
    };
    let server = "7/java@7700a2cefd94";
    let rows = [
        syn(12, "172.17.0.2:54847", SERVER.1, server),
        syn(13, "172.17.0.2:54848", "172.17.0.3:8081", "-"),
        syn(14, "172.17.0.2:54849", SERVICE.1, server),
        syn(15, "127.0.0.1:54850", "127.0.0.1:8080", "-"),
        format!("6 curl 16 udp ESTABLISHED 0 0 172.17.0.2:54847 172.17.0.3:53 {server}"),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let header = HEADER.strip_suffix(" CONTAINER").unwrap();
    tree.run("-E -tu 6").exactly(&list_under(header, &rows), 0);
}
