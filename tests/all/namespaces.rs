//! Network namespaces and containers, on captured trees: which are told apart, which are selected, and what happens
//! when the process through which a namespace's tables were to be read has gone.

use crate::rows::{ID, listen};
use crate::run::{LIST_HEADER, list_under};
use crate::tree::Tree;

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
    for wrong in ["xyz", "../x", "54e9*"] {
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
