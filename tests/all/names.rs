//! What containers and pods are called, on captured trees: which names are told and by whom, who is not believed, and what
//! `--container` takes.

use crate::machine::skip;
use crate::rows::{EMPTY, ID, listen, tcp, tcp_short};
use crate::run::{LIST_HEADER, list_under};
use crate::tree::{Process, Tree};
use serde_json::Value;

const UID: &str = "9ba5ee2c-0d3c-4f38-8d0e-2a6d5c1b7f11";
const DB: &str = "1234567890ab1234567890ab1234567890ab1234567890ab1234567890ab1234";
const WEB: &str = "abcdef123456abcdef123456abcdef123456abcdef123456abcdef123456abcd";
const HOST: u64 = 4_026_531_840;
const POD: u64 = 4_026_532_281;

/// The cgroup of a container of the pod.
fn kube(id: &str) -> String {
    let slice = UID.replace('-', "_");
    format!("0::/kubepods.slice/kubepods-pod{slice}.slice/cri-containerd-{id}.scope\n")
}

/// The mount by which kubelet names a container of this pod.
fn last_words(uid: &str, name: &str) -> String {
    format!(
        "990 975 254:1 /var/lib/kubelet/pods/{uid}/containers/{name}/1f2e3d4c /dev/termination-log rw - ext4 /dev/vda1 rw\n"
    )
}

/// The link of a log of the pod.
fn log(container: &str) -> String {
    format!("/var/log/pods/shop_db-0_{UID}/{container}/0.log")
}

/// A process of the pod.
fn member(tree: &Tree, pid: u32, comm: &str, id: &str) -> Process {
    let process = tree.process_in("b", pid, comm).ns_net(POD);
    process.file("cgroup", kube(id)).file("mountinfo", "")
}

/// A node without containerd: a service of it, and a pod of two containers and their sandbox. Port 5432 is db's, port 80 is web's;
/// each has a connection that waits, and one in `TIME_WAIT`.
fn node() -> Tree {
    let tree = Tree::new();
    tree.namespace("b");
    tree.table("tcp", &[listen(22, 10)]);
    let waits =
        |port: u16, remote: &str| tcp(&format!("0100000A:{port:04X}"), remote, "01", EMPTY, 0, 0);
    let rows = [
        listen(5432, 20),
        listen(80, 30),
        waits(5432, "0200000A:D000"),
        waits(80, "0200000A:D001"),
        tcp_short("0100000A:1538", "0200000A:D002", "06"),
    ];
    tree.table_in("b", "tcp", &rows);
    let init = tree.process(1, "systemd").ns_net(HOST).uid(0);
    init.link("ns/pid", "pid:[4026531836]")
        .file("cgroup", "0::/init.scope\n");
    tree.process(5, "sshd")
        .ns_net(HOST)
        .socket(3, 10)
        .file("cgroup", "0::/system.slice/ssh.service\n");
    member(&tree, 60, "pause", ID);
    member(&tree, 61, "postgres", DB)
        .socket(3, 20)
        .file("mountinfo", last_words(UID, "db"));
    member(&tree, 62, "nginx", WEB)
        .socket(3, 30)
        .file("mountinfo", last_words(UID, "web"));
    tree
}

/// Adds a process called containerd, of root on the node, that has a log of the pod open.
fn containerd(tree: &Tree, pid: u32) -> Process {
    let process = tree.process(pid, "containerd").ns_net(HOST).uid(0);
    process
        .fd(7, "/dev/null")
        .fd(8, &log("db"))
        .file("cgroup", "0::/system.slice/containerd.service\n")
}

const DB_ROW: &str = "61 postgres 3 tcp LISTEN 0 0 0.0.0.0:5432 *:*";
const WEB_ROW: &str = "62 nginx 3 tcp LISTEN 0 0 0.0.0.0:80 *:*";
const DB_WAITS: &str = "- (accept-queue) - tcp ESTABLISHED 0 0 10.0.0.1:5432 10.0.0.2:53248";
const DB_LATE: &str = "- (time-wait) - tcp TIME_WAIT 0 0 10.0.0.1:5432 10.0.0.2:53250";
const WEB_WAITS: &str = "- (accept-queue) - tcp ESTABLISHED 0 0 10.0.0.1:80 10.0.0.2:53249";

/// What a list of the node shows, with the names of the pod and of its containers.
fn list(pod: &str, db: &str, web: &str) -> String {
    let rows = [
        "5 sshd 3 tcp LISTEN 0 0 0.0.0.0:22 *:* host".to_owned(),
        format!("{DB_ROW} {db}"),
        format!("{WEB_ROW} {web}"),
        format!("{WEB_WAITS} {pod}"),
        format!("{DB_WAITS} {pod}"),
        format!("{DB_LATE} {pod}"),
    ];
    list_under(
        &format!("{LIST_HEADER} CONTAINER"),
        &rows.each_ref().map(String::as_str),
    )
}

#[test]
fn a_pod_is_named_by_the_logs_of_containerd_and_its_containers_by_mounts() {
    let tree = node();
    let nameless = list(UID, &format!("{UID}/db"), &format!("{UID}/web"));
    tree.run("").exactly(&nameless, 0);
    containerd(&tree, 70);
    let named = list("shop/db-0", "shop/db-0/db", "shop/db-0/web");
    for threads in ["--threads 1", "--threads 4"] {
        tree.run(threads).exactly(&named, 0);
    }
    // Only some processes are visited, and not containerd.
    let row = format!("{DB_ROW} shop/db-0/db");
    let run = tree.run("-H 5 61");
    assert!(run.rows().contains(&row), "{}", run.out());
}

#[test]
fn json_has_the_id_where_it_was_and_the_names_at_the_end() {
    let tree = node();
    containerd(&tree, 70);
    let run = tree.run("-j");
    let row = |pid: u32, state: &str| -> Value {
        let mut rows = run
            .out()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        rows.find(|row: &Value| row["pid"] == pid || pid == 0 && row["state"] == state)
            .unwrap()
    };
    let names = |row: &Value| {
        let names = [
            "container",
            "pod",
            "pod_namespace",
            "container_name",
            "unit",
        ];
        names
            .map(|name| row[name].as_str().unwrap_or("-").to_owned())
            .join(" ")
    };
    assert_eq!(names(&row(61, "")), format!("{DB} db-0 shop db -"));
    assert_eq!(names(&row(5, "")), "- - - - ssh.service");
    assert_eq!(names(&row(0, "TIME_WAIT")), format!("{UID} db-0 shop - -"));
    let line = run.out().lines().next().unwrap();
    let end = r#""peer_container":null,"pod":null,"pod_namespace":null,"container_name":null,"unit":"ssh.service"}"#;
    assert!(line.ends_with(end), "{line}");
    let wide = tree.run("-H -e 5");
    assert!(wide.out().contains(" ssh.service "), "{}", wide.out());
}

#[test]
fn a_container_is_meant_by_whatever_people_have_in_hand() {
    let tree = node();
    containerd(&tree, 70);
    let db = [DB_ROW, DB_WAITS];
    for word in [
        "db",
        "shop/db-0/db",
        "1234",
        DB,
        &format!("containerd://{DB}"),
        &format!("{UID}/db"),
        &DB.to_uppercase(),
        &format!("docker://{}", &DB[..12]),
    ] {
        tree.run(&format!("--container {word}")).shows(&db);
    }
    // The rest of what nobody holds is the pod's.
    let pod = [DB_ROW, WEB_ROW, WEB_WAITS, DB_WAITS, DB_LATE];
    for word in [
        "db-0",
        "shop/db-0",
        "pod/db-0",
        UID,
        &UID[..8],
        &UID.to_uppercase(),
        "shop/db-0/db,web,54e9",
    ] {
        tree.run(&format!("--container {word}")).shows(&pod);
    }
    tree.run("--container db,web")
        .shows(&[DB_ROW, WEB_ROW, WEB_WAITS, DB_WAITS]);
    tree.run("--container db :80").shows_nothing();
    tree.run("-q --container db-0").exactly("", 0);
    for wrong in [
        "../x",
        "54e9*",
        "",
        "a,",
        "a/b/c/d",
        "x\u{1b}y",
        "docker://",
    ] {
        tree.run_args(&["--container", wrong]).refuses("");
    }
}

#[test]
fn a_container_whose_name_is_in_another_name_is_named_too() {
    let tree = Tree::new();
    for (pid, name) in (60..).zip(["rweb", "web", "web2"]) {
        let process = tree.process(pid, name).ns_net(HOST).socket(3, 10);
        process.file("cgroup", format!("0::/lxc.payload.{name}\n"));
    }
    let run = tree.run("--container ownweb");
    assert_eq!(
        run.one_line(),
        "no container is 'ownweb', but there is rweb, web, web2"
    );
}

// `db` is all hexadecimal digits, and so may be the first ones of an id.
#[test]
fn a_name_comes_before_the_first_digits_of_an_id() {
    let tree = node();
    let other = DB.replacen("12", "db", 1);
    tree.process_in("b", 63, "other")
        .ns_net(POD)
        .socket(3, 30)
        .file("cgroup", format!("0::/docker/{other}\n"));
    let row = "63 other 3 tcp LISTEN 0 0 0.0.0.0:80 *:*";
    tree.run("-l --container db").shows(&[DB_ROW]);
    tree.run("-l --container db3").shows(&[row]);
}

#[test]
fn an_unknown_container_is_said_so_with_the_three_nearest() {
    let tree = node();
    containerd(&tree, 70);
    for (word, line) in [
        (
            "wbe",
            "no container is 'wbe', but there is shop/db-0/web, shop/db-0/db",
        ),
        (
            "1235",
            "no container is '1235', but there is shop/db-0/db, shop/db-0/web",
        ),
    ] {
        let run = tree.run(&format!("--container {word}"));
        run.prints("", 1);
        assert_eq!(run.one_line(), line);
    }
    tree.run("-q --container wbe").exactly("", 1);
    // A container that has a name, but not in /proc, may be it.
    let process = tree.process_in("b", 63, "other").ns_net(POD);
    process.file("cgroup", format!("0::/docker/{}\n", DB.replace('1', "c")));
    for args in ["--container wbe", "-q --container wbe"] {
        tree.run(args).prints("", 3);
    }
    tree.run("--container 1235").prints("", 1);
}

/// Who is not believed is as nobody: the list is that of a node without containerd.
#[test]
fn nobody_but_root_on_the_node_names_a_pod() {
    let nameless = list(UID, &format!("{UID}/db"), &format!("{UID}/web"));
    let uid_line = |uids: &str| format!("Name:\tx\nPPid:\t1\nUid:\t{uids}\nGid:\t0\t0\t0\t0\n");
    let forgers: [fn(Process) -> Process; 5] = [
        |process| process.uid(1000),
        |process| process.file("cgroup", format!("0::/docker/{}\n", DB.replace('1', "c"))),
        |process| {
            process.file(
                "cgroup",
                "0::/lxc.payload.web/system.slice/containerd.service\n",
            )
        },
        |process| process.file("cgroup", kube(ID)),
        |process| process.comm(b"containerdx").uid(0),
    ];
    for (number, forge) in forgers.into_iter().enumerate() {
        let tree = node();
        forge(containerd(&tree, 70));
        let run = tree.run("");
        assert_eq!(run.out(), nameless, "{number}");
        tree.run("--container shop/db-0").prints("", 3);
    }
    // A program of root's that a user has started under this name.
    let tree = node();
    containerd(&tree, 70).file("status", uid_line("1000\t0\t0\t0"));
    tree.run("").exactly(&nameless, 0);
}

#[test]
fn neither_a_cgroup_of_ones_own_nor_a_mount_makes_one_of_another_pod() {
    let tree = node();
    containerd(&tree, 70);
    let own = format!(
        "0::/user.slice/user-1000.slice/user@1000.service/kubepods-pod{}.slice\n",
        UID.replace('-', "_")
    );
    let nested = format!("0::/docker/{}/kubepods/pod{UID}/x\n", DB.replace('1', "c"));
    let user = "0::/user.slice/user-1000.slice/session-1.scope\n".to_owned();
    let other = format!("0::/kubepods/pod{}/{WEB}\n", UID.replace('9', "8"));
    for (cgroup, mounts) in [
        (own, ""),
        (nested, ""),
        (user, UID),
        (other, UID),
        ("0::/\n".to_owned(), UID),
    ] {
        tree.process(80, "forger")
            .ns_net(HOST)
            .socket(3, 10)
            .file("cgroup", &cgroup)
            .file("mountinfo", last_words(mounts, "db"));
        let run = tree.run("-j 80");
        let row: Value = serde_json::from_str(run.out().lines().next().unwrap()).unwrap();
        assert!(row["pod"].is_null(), "{cgroup}: {row}");
        let shown = tree.run("--container shop/db-0");
        assert!(!shown.out().contains("forger"), "{cgroup}: {}", shown.out());
        std::fs::remove_dir_all(tree.path().join("80")).unwrap();
    }
}

/// A container of podman or cri-o with this conmon, its parent.
fn monitored(name: &str, uid: u32) -> Tree {
    let tree = node();
    let conmon = tree.process(75, "conmon").ns_net(HOST).uid(uid);
    conmon
        .cmdline(&["/usr/bin/conmon", "-c", DB, "-u", DB, "-n", name, "-s"])
        .file(
            "cgroup",
            format!("0::/machine.slice/libpod-conmon-{DB}.scope\n"),
        );
    let cgroup = format!("0::/machine.slice/libpod-{DB}.scope/container\n");
    for (pid, parent) in [(76, 75), (77, 76)] {
        tree.process_in("b", pid, "web")
            .ns_net(POD)
            .socket(3, 30)
            .parent(parent)
            .file("cgroup", &cgroup);
    }
    tree
}

/// The best name of process 77.
fn name_of_77(tree: &Tree) -> String {
    let run = tree.run("-H 5 77");
    let row = run.rows().pop().unwrap();
    row.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn conmon_names_the_container_whose_first_process_is_its_child() {
    let crio = format!("k8s_db_db-0_shop_{UID}_3");
    for (name, uid, shown) in [
        ("web", 0, "web"),
        ("web", 1000, "web"),
        (&crio, 0, "shop/db-0/db"),
        // Of its own container anybody may say what it is called, but of no pod.
        (&crio, 1000, "1234567890ab"),
        ("a/b", 0, "1234567890ab"),
    ] {
        let tree = monitored(name, uid);
        assert_eq!(name_of_77(&tree), shown, "{name} {uid}");
    }
    let tree = monitored("web", 1000);
    let rows = [76, 77].map(|pid| format!("{pid} web 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"));
    tree.run("-l --container web")
        .shows(&[WEB_ROW, &rows[0], &rows[1]]);
}

#[test]
fn no_other_conmon_names_a_container() {
    for uid in [0, 1000] {
        let tree = monitored("web", uid);
        // Its parent is another one.
        tree.process(78, "conmon")
            .uid(uid)
            .cmdline(&["conmon", "-c", DB, "-n", "forged"]);
        assert_eq!(name_of_77(&tree), "web");
        // The parent is no conmon, is one of another container, is in the container.
        let parent = |comm: &str, id: &str, cgroup: &str| {
            let tree = monitored("web", uid);
            std::fs::remove_dir_all(tree.path().join("75")).unwrap();
            tree.process(75, comm)
                .uid(uid)
                .cmdline(&["conmon", "-c", id, "-n", "forged"])
                .file("cgroup", cgroup);
            name_of_77(&tree)
        };
        let inside = format!("0::/machine.slice/libpod-{DB}.scope\n");
        assert_eq!(parent("conman", DB, "0::/\n"), "1234567890ab");
        assert_eq!(parent("conmon", WEB, "0::/\n"), "1234567890ab");
        assert_eq!(parent("conmon", DB, &inside), "1234567890ab");
    }
}

#[test]
fn a_name_costs_one_mountinfo_for_a_container_of_a_pod_and_nothing_where_nobody_asks() {
    let tree = node();
    containerd(&tree, 70);
    member(&tree, 64, "postgres", DB).socket(3, 20);
    let opened = |args: &str, end: &str| -> Option<Vec<String>> {
        let opened = match tree.opened(args) {
            Ok(opened) => opened,
            Err(why) => {
                skip(&why);
                return None;
            }
        };
        Some(
            opened
                .into_iter()
                .filter(|path| path.ends_with(end))
                .collect(),
        )
    };
    // One of each container in the pod, and of each process on the node that holds a socket, or is asked for what it names.
    let Some(mounts) = opened("", "/mountinfo") else {
        return;
    };
    assert!(mounts.len() <= 3, "{mounts:?}");
    for args in ["61", "-l 61 62", "-s 61"] {
        for end in ["/mountinfo", "/cgroup", "/status"] {
            assert_eq!(opened(args, end), Some(Vec::new()), "{args}");
        }
    }
}
