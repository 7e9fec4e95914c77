//! Network namespaces and containers, on captured trees: which are told apart, which are selected, and what happens
//! when the process through which a namespace's tables were to be read has gone.

use crate::again::in_a_network_of_its_own;
use crate::machine::skip;
use crate::rows::{ID, listen, unix};
use crate::run::{LIST_HEADER, LSOCK, Run, list_under};
use crate::tree::Tree;
use std::fs;
use std::process::Command;

const OTHER: &str = "1234567890ab1234567890ab1234567890ab1234567890ab1234567890ab1234";

/// A host with two containers: a process of the host, one of each container, and dockerd's socket in the first one's
/// namespace.
fn host() -> Tree {
    let tree = Tree::new();
    tree.namespace("b");
    tree.namespace("c");
    tree.table("tcp", &[listen(80, 10)]);
    tree.table_in(
        "b",
        "tcp",
        &[listen(81, 20), listen(53, 29), listen(54, 28)],
    );
    tree.table_in("c", "tcp", &[listen(82, 30)]);
    let host = tree.process_in("a", 5, "dockerd").ns_net(4_026_531_840);
    host.file("cgroup", "0::/system.slice/docker.service\n")
        .socket(3, 10)
        .socket(4, 29);
    let first = tree.process_in("b", 6, "java").ns_net(4_026_532_281);
    first
        .file("cgroup", format!("0::/system.slice/docker-{ID}.scope\n"))
        .socket(3, 20);
    let second = tree.process_in("c", 7, "nginx").ns_net(4_026_532_300);
    second
        .file("cgroup", format!("4:memory:/docker/{OTHER}\n0::/\n"))
        .socket(3, 30);
    tree
}

#[test]
fn a_list_of_several_containers_names_them_or_the_namespace() {
    let header = format!("{LIST_HEADER} CONTAINER");
    let rows = [
        "5 dockerd 3 tcp LISTEN 0 0 0.0.0.0:80 *:* net:[4026531840]",
        "5 dockerd 4 tcp LISTEN 0 0 0.0.0.0:53 *:* net:[4026532281]",
        "6 java 3 tcp LISTEN 0 0 0.0.0.0:81 *:* 54e9a2cefd94",
        "7 nginx 3 tcp LISTEN 0 0 0.0.0.0:82 *:* 1234567890ab",
        "- (elsewhere) - tcp LISTEN 0 0 0.0.0.0:54 *:* 54e9a2cefd94",
    ];
    host().run("").exactly(&list_under(&header, &rows), 0);
}

#[test]
fn a_container_is_selected_by_the_first_digits_of_its_id() {
    let java = ["6 java 3 tcp LISTEN 0 0 0.0.0.0:81 *:*"];
    let tree = host();
    for prefix in ["5", "54e9", "54E9A2CEFD94", ID] {
        // What somebody outside holds in its namespace is not the container's.
        tree.run(&format!("--container {prefix}")).shows(&java);
    }
    tree.run("--container abc").shows_nothing();
    for wrong in ["x:y", "../x", "54e9*"] {
        tree.run(&format!("--container {wrong}")).refuses(wrong);
    }
}

#[test]
fn a_namespace_is_selected_by_a_process_in_it_or_by_its_inode() {
    let tree = host();
    let rows = [
        "5 dockerd 4 tcp LISTEN 0 0 0.0.0.0:53 *:*",
        "6 java 3 tcp LISTEN 0 0 0.0.0.0:81 *:*",
        "- (elsewhere) - tcp LISTEN 0 0 0.0.0.0:54 *:*",
    ];
    for args in [
        "--netns 6",
        "--netns 4026532281",
        "--netns net:[4026532281]",
    ] {
        tree.run(args).shows(&rows);
    }
    tree.run("--netns 99").shows_nothing();
    tree.run("--netns x").refuses("x");
}

// On a compose host `--netns 1` showed dockerd's sockets of other namespaces as `udp ?`, and not those of the host that
// a container holds.
#[test]
fn a_namespace_is_its_sockets_whoever_holds_them() {
    let tree = host();
    let docker = "5 dockerd 3 tcp LISTEN 0 0 0.0.0.0:80 *:*";
    let dns = "5 dockerd 4 tcp LISTEN 0 0 0.0.0.0:53 *:*";
    tree.run("--netns 5").shows(&[docker]);
    tree.run("--netns 5 5").shows(&[docker]);
    tree.run("--netns 6 5").shows(&[dns]);
    tree.run("--netns 4026532281 dockerd").shows(&[dns]);
    tree.run("--netns 4026532281 5 -l").shows(&[dns]);
    tree.run("--netns 5 :53").shows_nothing();
    tree.run("--netns 5 6").shows_nothing();
    tree.run("--netns 7 --container 54e9").shows_nothing();
    // Not one of these namespaces is that of the process, and no process of it was asked for.
    let both = "--netns 4026532281 --netns 4026532300";
    tree.run(&format!("{both} 5")).shows(&[dns]);
}

// A socket that no table lists is of its holder's namespace, as far as anybody can tell, so it is shown there; but where it
// is of another one its row is there.
#[test]
fn a_socket_without_a_row_is_shown_where_its_holder_lives_and_its_namespace_is_null() {
    let tree = Tree::new();
    tree.namespace("b");
    tree.table("tcp", &[listen(80, 10)]);
    tree.table_in("b", "tcp", &[listen(81, 20)]);
    let process = tree.process_in("a", 5, "one").ns_net(4_026_531_840);
    process.socket(3, 10).socket(4, 20).socket(5, 99);
    let process = tree.process_in("b", 6, "two").ns_net(4_026_532_281);
    process.socket(3, 20).socket(4, 98);
    tree.run("--netns 5").shows(&[
        "5 one 3 tcp LISTEN 0 0 0.0.0.0:80 *:*",
        "5 one 5 - - - - ? -",
    ]);
    tree.run("--netns 6").shows(&[
        "5 one 4 tcp LISTEN 0 0 0.0.0.0:81 *:*",
        "6 two 3 tcp LISTEN 0 0 0.0.0.0:81 *:*",
        "6 two 4 - - - - ? -",
    ]);
    tree.run("--netns 6 5")
        .shows(&["5 one 4 tcp LISTEN 0 0 0.0.0.0:81 *:*"]);
    let json = tree.run("-j 6");
    let netns = |inode: u32| {
        let rows = json.out().lines().map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            row
        });
        let mut rows = rows.filter(|row| row["inode"] == inode);
        rows.next().unwrap()["netns"].clone()
    };
    assert_eq!(netns(20), 4_026_532_281_u32);
    assert!(netns(98).is_null());
}

/// A host whose process 5 holds a listener of a namespace that only a thread of process 6 lives in, beside a process
/// whose threads are at home.
fn thread_alone() -> Tree {
    let tree = Tree::new();
    tree.namespace("b");
    tree.table("tcp", &[listen(80, 10)]);
    tree.table_in("b", "tcp", &[listen(6060, 20)]);
    let process = tree.process(5, "holder");
    process.ns_net(4_026_531_840).socket(3, 10).socket(4, 20);
    let process = tree.process(6, "maker").ns_net(4_026_531_840);
    process.thread(6, "maker", "a").ns_net(4_026_531_840);
    process.thread(60, "maker", "b").ns_net(4_026_532_281);
    tree
}

#[test]
fn no_filter_hides_a_listener_of_a_namespace_that_only_a_thread_is_in() {
    let tree = thread_alone();
    let row = ["5 holder 4 tcp LISTEN 0 0 0.0.0.0:6060 *:*"];
    for args in [
        "-l :6060",
        ":6060",
        "5 :6060",
        "5 -l :6060",
        "holder :6060",
        "--netns 4026532281",
        "--netns 4026532281 5",
        "--netns 4026532281 -l",
        "--wait=5 -l :6060",
        "socket:[20]",
        "5 socket:[20]",
    ] {
        tree.run(args).shows(&row);
    }
    for args in ["-q -l :6060", "-q :6060 5", "--wait=5 -q -l :6060"] {
        tree.run(args).exactly("", 0);
    }
    tree.run("-q -l :6061").exactly("", 1);
}

// A pod of nginx and a sidecar: what nobody holds there is as well the sidecar's, which comes behind nginx's many workers.
#[test]
fn a_namespace_is_a_containers_own_only_if_every_member_is_of_it() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 10)]);
    let add = |pid, id: &str| {
        let cgroup = format!("0::/system.slice/docker-{id}.scope\n");
        let _ = tree.process(pid, "nginx").file("cgroup", cgroup);
    };
    for pid in 100..120 {
        add(pid, ID);
    }
    let is_of = |container: &str| {
        let run = tree.run("-j");
        let wanted = format!("\"owner\":\"(elsewhere)\",\"netns\":null,\"container\":{container},");
        assert!(run.out().contains(&wanted), "{wanted}: {run:?}");
    };
    is_of(&format!("\"{ID}\""));
    add(120, OTHER);
    is_of("null");
}

// Dockerd's DNS is held outside of the container that lsock is in: this one is in sight, and it is not there.
#[test]
fn what_is_held_out_of_sight_is_not_of_the_container_that_lsock_is_in() {
    in_a_network_of_its_own(|| {
        let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tree = Tree::new();
        let cgroup = tree.top().join("cgroup");
        let script = r#"mount --bind "$1" /proc/$$/cgroup
            sh -c 'mount --bind "$2" /proc/$$/cgroup && exec "$3" -j -t -l' sh "$@"
            exit $?"#;
        let other = tree.top().join("other");
        fs::write(&cgroup, format!("0::/docker/{ID}\n")).unwrap();
        fs::write(&other, format!("0::/docker/{OTHER}\n")).unwrap();
        // A sidecar of another container is told whose namespace it is in.
        for (own, wanted) in [(&cgroup, "null".to_owned()), (&other, format!("\"{ID}\""))] {
            let mut look = Command::new("unshare");
            look.args(["--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh"]);
            look.arg(&cgroup).arg(own).arg(LSOCK);
            let run = Run::of(&mut look);
            if run.err().contains("mount:") {
                return skip(&format!("mount --bind over a file of proc: {}", run.err()));
            }
            let owner = "\"owner\":\"(elsewhere)\"";
            let container = format!("\"container\":{wanted},");
            let shows = |part: &str| run.out().contains(part);
            assert!(shows(owner) && shows(&container), "{container}: {run:?}");
        }
    });
}

// Socket activation, and what docker-proxy does: the host makes the listener, the container holds it.
#[test]
fn no_filter_hides_what_a_process_holds_of_another_namespace() {
    let tree = host();
    tree.table("tcp", &[listen(80, 10), listen(18080, 40)]);
    tree.table(
        "unix",
        &[unix("00010000", "0001", "01", 41, "/run/host.sock")],
    );
    let process = tree.process_in("b", 8, "activated").ns_net(4_026_532_281);
    process
        .file("cgroup", format!("0::/system.slice/docker-{ID}.scope\n"))
        .socket(3, 40)
        .socket(4, 41);
    let tcp = ["8 activated 3 tcp LISTEN 0 0 0.0.0.0:18080 *:*"];
    for selector in ["8", "activated", "--container 54e9", "-c activ"] {
        tree.run(&format!("{selector} :18080")).shows(&tcp);
        tree.run(&format!("{selector} -sTCP:LISTEN :18080"))
            .shows(&tcp);
        tree.run(&format!("{selector} -l :18080 -4")).shows(&tcp);
        tree.run(&format!("{selector} -q -l :18080")).exactly("", 0);
        let unix = ["8 activated 4 unix LISTEN - - /run/host.sock *"];
        tree.run(&format!("{selector} -x")).shows(&unix);
        tree.run(&format!("{selector} /run/host.sock")).shows(&unix);
    }
    let both = tree.run("--container 54e9 -l");
    assert_eq!(both.rows().len(), 3, "{}", both.out());
    // It holds no other socket of the host, and the host holds none of these.
    tree.run("--container 54e9 :80").shows_nothing();
    tree.run("dockerd :18080").shows_nothing();
}

// `self` is the program that made the capture, if it is anything.
#[test]
fn a_process_that_self_leads_to_is_a_process_of_a_captured_tree() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 10)]);
    tree.process(5, "java").socket(3, 10);
    std::os::unix::fs::symlink("5", tree.path().join("self")).unwrap();
    for args in ["", "java", "-c java", "5"] {
        tree.run(args)
            .shows(&["5 java 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
    }
}

#[test]
fn a_container_without_a_cgroup_of_its_own_is_told_by_its_mounts() {
    let tree = Tree::new();
    tree.namespace("b");
    tree.table("tcp", &[listen(80, 10)]);
    tree.table_in("b", "tcp", &[listen(81, 20)]);
    let host = "20 1 254:1 / / rw - ext4 /dev/vda1 rw\n";
    tree.process(5, "systemd")
        .ns_net(4_026_531_840)
        .socket(3, 10)
        .file("cgroup", "0::/init.scope\n")
        .file("mountinfo", host);
    let mounts = format!(
        "{host}900 20 0:45 /containers/overlay-containers/{ID}/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw\n"
    );
    // Rootless on cgroup v1; systemd within a private cgroup namespace; a kernel without cgroups.
    let user = "4:memory:/user.slice/user-1000.slice/session-1.scope\n0::/\n";
    let nested = "0::/system.slice/web.service\n";
    for (pid, cgroup) in [(6, Some(user)), (7, Some(nested)), (8, None)] {
        let mut process = tree.process_in("b", pid, "web").ns_net(4_026_532_281);
        process = process.socket(3, 20).file("mountinfo", &mounts);
        if let Some(cgroup) = cgroup {
            process.file("cgroup", cgroup);
        }
    }
    tree.run("--container 54e9a2").shows(&[
        "6 web 3 tcp LISTEN 0 0 0.0.0.0:81 *:*",
        "7 web 3 tcp LISTEN 0 0 0.0.0.0:81 *:*",
        "8 web 3 tcp LISTEN 0 0 0.0.0.0:81 *:*",
    ]);
    let header = format!("{LIST_HEADER} CONTAINER");
    tree.run("").exactly(
        &list_under(
            &header,
            &[
                "5 systemd 3 tcp LISTEN 0 0 0.0.0.0:80 *:* net:[4026531840]",
                "6 web 3 tcp LISTEN 0 0 0.0.0.0:81 *:* 54e9a2cefd94",
                "7 web 3 tcp LISTEN 0 0 0.0.0.0:81 *:* 54e9a2cefd94",
                "8 web 3 tcp LISTEN 0 0 0.0.0.0:81 *:* 54e9a2cefd94",
            ],
        ),
        0,
    );
}

#[test]
fn a_container_id_in_a_cgroup_is_untrusted_text() {
    let tree = Tree::new();
    tree.namespace("b");
    tree.table("tcp", &[listen(80, 10)]);
    tree.table_in("b", "tcp", &[listen(81, 20)]);
    let hostile = format!(
        "0::/docker-\u{1b}[31m{}.scope\n0::/x\ny/docker-{}\n",
        &ID[..60],
        ID.to_uppercase()
    );
    tree.process_in("a", 5, "one")
        .file("cgroup", hostile)
        .socket(3, 10);
    tree.process_in("b", 6, "two")
        .file("cgroup", [0xff; 9000])
        .socket(3, 20);
    let run = tree.run("-e");
    run.is_sane();
    assert!(!run.out().contains("54e9"), "{}", run.out());
}

#[test]
fn a_member_that_has_gone_is_replaced_by_one_that_lives() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 10)]);
    tree.process_in("a", 5, "gone")
        .ns_net(4_026_531_840)
        .without("net");
    tree.process_in("a", 6, "lives")
        .ns_net(4_026_531_840)
        .socket(3, 10);
    tree.run("")
        .shows(&["6 lives 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

// A member of the container that may not be read might hold what nobody is seen to hold: but dockerd is seen to.
#[test]
fn what_somebody_outside_holds_is_not_hidden_by_a_closed_member() {
    let tree = host();
    let closed = tree.process_in("b", 8, "shut").ns_net(4_026_532_281);
    closed
        .file("cgroup", format!("0::/system.slice/docker-{ID}.scope\n"))
        .mode("fd", 0o000);
    for (args, rows) in [
        (
            "--container 54e9",
            &[
                "6 java 3 tcp LISTEN 0 0 0.0.0.0:81 *:*",
                "- (hidden) - tcp LISTEN 0 0 0.0.0.0:54 *:*",
            ][..],
        ),
        ("--container 54e9 :53", &[]),
        (
            "--container 54e9 :54",
            &["- (hidden) - tcp LISTEN 0 0 0.0.0.0:54 *:*"],
        ),
    ] {
        match tree.plain_user(args) {
            Ok(mut command) => assert_eq!(Run::of(&mut command).rows(), rows, "{args}"),
            Err(why) => return skip(&why),
        }
    }
}
