//! The list over fake proc trees: the example that started lsock, then every selector and option, each with the exact
//! rows that it shows, and which tables and processes lsock opens for it.
//!
//! A row is written as its words with one blank between them; the builder lays them out.

use crate::machine::skip;
use crate::rows::{
    BY_HAND, EMPTY, HEADERS, NOBODY, NOBODY6, listen, netlink, packet, tcp, tcp_short, udp, unix,
};
use crate::run::{LIST_HEADER, bytes, list_under, list_without_header, proto};
use crate::tree::Tree;

/// The container of the document: tini, which has no socket, and Jenkins.
fn jenkins() -> Tree {
    let tree = Tree::new();
    for table in ["tcp", "unix"] {
        let prefix = format!("/proc/net/{table}:");
        let rows: Vec<&str> = BY_HAND
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix))
            .collect();
        tree.table(table, &rows);
    }
    tree.process(1, "tini")
        .cmdline(&["/sbin/tini", "--", "/usr/local/bin/jenkins.sh"])
        .fd(0, "/dev/null")
        .fd(1, "pipe:[606890]")
        .fd(2, "pipe:[606891]");
    tree.process(6, "java")
        .cmdline(&[
            "java",
            "-Duser.home=/var/jenkins_home",
            "-Djenkins.model.Jenkins.slaveAgentPort=50000",
            "-jar",
            "/usr/share/jenkins/jenkins.war",
        ])
        .fd(0, "/dev/null")
        .fd(1, "pipe:[606890]")
        .fd(2, "pipe:[606891]")
        .fd(3, "/usr/local/openjdk-8/jre/lib/rt.jar")
        .fd(100, "anon_inode:[eventpoll]")
        .fd(144, "/var/jenkins_home/war/socket:[621811].jar")
        .socket(152, 621_810)
        .socket(18, 606_974)
        .socket(137, 607_014)
        .socket(138, 607_015)
        .socket(142, 621_793)
        .socket(145, 621_699)
        .socket(146, 621_807)
        .socket(147, 608_390)
        .socket(149, 621_808)
        .socket(150, 621_809);
    tree
}

#[test]
fn the_example_that_started_it_comes_out_right() {
    jenkins().run("jenkins").exactly(
        "\
PID COMMAND  FD PROTO STATE       RECV-Q SEND-Q LOCAL           PEER
  6 java     18 unix  CONNECTED        -      - *               *
  6 java    137 tcp   LISTEN           0      0 0.0.0.0:8080    *:*
  6 java    138 unix  CONNECTED        -      - *               *
  6 java    142 tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54846
  6 java    145 tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54842
  6 java    146 tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54850
  6 java    147 tcp   LISTEN           0      0 0.0.0.0:50000   *:*
  6 java    149 tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54854
  6 java    150 tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54858
  6 java    152 tcp   ESTABLISHED      0      0 172.17.0.2:8080 172.17.0.1:54862
",
        0,
    );
}

#[test]
fn the_example_is_the_same_without_a_selector_or_by_its_pid_command_or_ports() {
    let tree = jenkins();
    let expected = tree.run("jenkins").out().to_owned();
    for args in [
        "",
        "6",
        "-p 6",
        "java",
        "-c java",
        "--pid 6",
        "--pid=1,6",
        "--command jenkins.war",
    ] {
        tree.run(args).exactly(&expected, 0);
    }
    let rows = tree.run("jenkins :8080,50000").rows();
    assert_eq!(rows.len(), 8, "the unix sockets have no port: {rows:?}");
}

/// 127.0.0.1 as a table spells it, and the other addresses of the tests.
const LOOPBACK: &str = "0100007F";

// The rows of `zoo`, by name, so that each test says which it expects and in which order.
const WEB: &str = "7 nginx 6 tcp LISTEN 3 0 0.0.0.0:80 *:*";
const WEB_FORK: &str = "8 nginx 6 tcp LISTEN 3 0 0.0.0.0:80 *:*";
const WEB6: &str = "7 nginx 7 tcp6 LISTEN 0 0 [::]:80 *:*";
const MAPPED: &str = "7 nginx 8 tcp6 ESTABLISHED 0 21 10.1.2.3:80 10.9.9.9:40000";
const LOOP6: &str = "7 nginx 9 tcp6 CLOSE_WAIT 1 0 [::1]:80 [::1]:50100";
const LINK_LOCAL: &str = "7 nginx 10 tcp6 LISTEN 0 0 [fe80::1]:443 *:*";
const JAVA_UNIX: &str = "6 java 18 unix CONNECTED - - * *";
const JAVA: &str = "6 java 137 tcp LISTEN 0 0 0.0.0.0:8080 *:*";
const JAVA_CLIENT: &str = "6 java 142 tcp ESTABLISHED 0 0 172.17.0.2:8080 172.17.0.1:54846";
const DNS: &str = "33 dnsmasq 4 udp UNCONNECTED 768 0 127.0.0.1:53 *:*";
const DNS6: &str = "33 dnsmasq 5 udp6 UNCONNECTED 0 0 [::1]:53 *:*";
const DNS_OUT: &str = "33 dnsmasq 6 udp ESTABLISHED 0 0 10.0.0.5:40053 10.0.0.1:53";
const LITE: &str = "33 dnsmasq 7 udplite UNCONNECTED 0 0 0.0.0.0:5004 *:*";
const LITE6: &str = "33 dnsmasq 8 udplite6 UNCONNECTED 0 0 [::]:5004 *:*";
const RAW: &str = "34 ping 3 raw UNCONNECTED 0 0 0.0.0.0:icmp *:*";
const RAW6: &str = "34 ping 4 raw6 UNCONNECTED 0 0 [::]:ipv6-icmp *:*";
const PING: &str = "34 ping 5 icmp UNCONNECTED 0 0 0.0.0.0:77 *:*";
const PING6: &str = "34 ping 6 icmp6 UNCONNECTED 0 0 [::]:78 *:*";
const DOCKER: &str = "40 dockerd 3 unix LISTEN - - /run/docker.sock *";
const DOCKER_ACCEPTED: &str = "40 dockerd 4 unix CONNECTED - - /run/docker.sock *";
const ABSTRACT: &str = "40 dockerd 5 unix-dgram UNCONNECTED - - @docker-logs *";
const SEQ: &str = "40 dockerd 6 unix-seq CONNECTED - - * *";
const ROUTE: &str = "40 dockerd 7 netlink - 0 0 route:40 *";
const UEVENT: &str = "40 dockerd 8 netlink - 0 0 kobject_uevent:kernel *";
const SNIFF: &str = "40 dockerd 9 packet - 0 - all:* *";
const TIME_WAIT: &str = "- (time-wait) - tcp TIME_WAIT 0 0 172.17.0.2:8080 172.17.0.1:54570";
const CLOSED: &str = "- (closed) - tcp FIN_WAIT1 0 9 172.17.0.2:8080 172.17.0.1:54571";
const NOT_ACCEPTED: &str = "- (accept-queue) - tcp ESTABLISHED 5 0 172.17.0.2:80 172.17.0.1:54572";
const ELSEWHERE: &str = "- (elsewhere) - udp UNCONNECTED 0 0 0.0.0.0:4789 *:*";

/// One namespace in which every table has rows, with holders of several kinds and rows without one.
fn zoo() -> Tree {
    let tree = Tree::new();
    add_tcp_tables(&tree);
    add_datagram_tables(&tree);
    add_other_tables(&tree);
    add_processes(&tree);
    tree
}

/// The TCP tables of `zoo`.
fn add_tcp_tables(tree: &Tree) {
    tree.table(
        "tcp",
        &[
            tcp(
                "00000000:0050",
                NOBODY,
                "0A",
                "00000000:00000003",
                0,
                700_001,
            ),
            tcp("00000000:1F90", NOBODY, "0A", EMPTY, 1000, 607_014),
            tcp("020011AC:1F90", "010011AC:D63E", "01", EMPTY, 1000, 621_793),
            tcp_short("020011AC:1F90", "010011AC:D52A", "06"),
            tcp(
                "020011AC:1F90",
                "010011AC:D52B",
                "04",
                "00000009:00000000",
                0,
                0,
            ),
            tcp(
                "020011AC:0050",
                "010011AC:D52C",
                "01",
                "00000000:00000005",
                0,
                0,
            ),
        ],
    );
    tree.table(
        "tcp6",
        &[
            tcp(
                "00000000000000000000000000000000:0050",
                NOBODY6,
                "0A",
                EMPTY,
                0,
                700_002,
            ),
            tcp(
                "0000000000000000FFFF00000302010A:0050",
                "0000000000000000FFFF00000909090A:9C40",
                "01",
                "00000015:00000000",
                33,
                700_003,
            ),
            tcp(
                "00000000000000000000000001000000:0050",
                "00000000000000000000000001000000:C3B4",
                "08",
                "00000000:00000001",
                33,
                700_004,
            ),
            tcp(
                "000080FE000000000000000001000000:01BB",
                NOBODY6,
                "0A",
                EMPTY,
                0,
                700_005,
            ),
        ],
    );
}

/// The tables of `zoo` whose sockets send datagrams to internet addresses.
fn add_datagram_tables(tree: &Tree) {
    tree.table(
        "udp",
        &[
            udp(
                &format!("{LOOPBACK}:0035"),
                NOBODY,
                "07",
                "00000000:00000300",
                101,
                330_001,
            ),
            udp("0500000A:9C75", "0100000A:0035", "01", EMPTY, 101, 330_003),
            udp("00000000:12B5", NOBODY, "07", EMPTY, 0, 330_099),
        ],
    );
    tree.table(
        "udp6",
        &[udp(
            "00000000000000000000000001000000:0035",
            NOBODY6,
            "07",
            EMPTY,
            101,
            330_002,
        )],
    );
    tree.table(
        "udplite",
        &[udp("00000000:138C", NOBODY, "07", EMPTY, 101, 330_004)],
    );
    tree.table(
        "udplite6",
        &[udp(
            "00000000000000000000000000000000:138C",
            NOBODY6,
            "07",
            EMPTY,
            101,
            330_005,
        )],
    );
    tree.table(
        "raw",
        &[udp("00000000:0001", NOBODY, "07", EMPTY, 0, 340_001)],
    );
    tree.table(
        "raw6",
        &[udp(
            "00000000000000000000000000000000:003A",
            NOBODY6,
            "07",
            EMPTY,
            0,
            340_002,
        )],
    );
    tree.table(
        "icmp",
        &[udp("00000000:004D", NOBODY, "07", EMPTY, 1000, 340_003)],
    );
    tree.table(
        "icmp6",
        &[udp(
            "00000000000000000000000000000000:004E",
            NOBODY6,
            "07",
            EMPTY,
            1000,
            340_004,
        )],
    );
}

/// The tables of `zoo` whose sockets have none.
fn add_other_tables(tree: &Tree) {
    tree.table(
        "unix",
        &[
            unix("00000000", "0001", "03", 606_974, ""),
            unix("00010000", "0001", "01", 400_001, "/run/docker.sock"),
            unix("00000000", "0001", "03", 400_002, "/run/docker.sock"),
            unix("00000000", "0002", "01", 400_003, "@docker-logs"),
            unix("00000000", "0005", "03", 400_004, ""),
        ],
    );
    tree.table(
        "netlink",
        &[netlink(0, 40, 400_005), netlink(15, 0, 400_006)],
    );
    tree.table("packet", &[packet(3, "0003", 0, 400_007)]);
}

/// The processes of `zoo`; the first has no socket.
fn add_processes(tree: &Tree) {
    tree.process(1, "tini")
        .cmdline(&["/sbin/tini", "--", "/start"]);
    tree.process(6, "java")
        .cmdline(&["java", "-jar", "/srv/shop.war"])
        .socket(142, 621_793)
        .socket(137, 607_014)
        .socket(18, 606_974);
    tree.process(7, "nginx")
        .cmdline(&["nginx: master process nginx -g daemon off;"])
        .socket(6, 700_001)
        .socket(7, 700_002)
        .socket(8, 700_003)
        .socket(9, 700_004)
        .socket(10, 700_005);
    tree.process(8, "nginx")
        .cmdline(&["nginx: worker process"])
        .socket(6, 700_001);
    tree.process(33, "dnsmasq")
        .cmdline(&["/usr/sbin/dnsmasq", "-k"])
        .socket(4, 330_001)
        .socket(5, 330_002)
        .socket(6, 330_003)
        .socket(7, 330_004)
        .socket(8, 330_005);
    tree.process(34, "ping")
        .socket(3, 340_001)
        .socket(4, 340_002)
        .socket(5, 340_003)
        .socket(6, 340_004);
    tree.process(40, "dockerd")
        .cmdline(&["/usr/bin/dockerd", "-H", "unix:///run/docker.sock"])
        .socket(3, 400_001)
        .socket(4, 400_002)
        .socket(5, 400_003)
        .socket(6, 400_004)
        .socket(7, 400_005)
        .socket(8, 400_006)
        .socket(9, 400_007);
}

/// All rows of `zoo` in the order of the list: by pid, then fd; without a holder last, by table, then address.
const ALL: [&str; 29] = [
    JAVA_UNIX,
    JAVA,
    JAVA_CLIENT,
    WEB,
    WEB6,
    MAPPED,
    LOOP6,
    LINK_LOCAL,
    WEB_FORK,
    DNS,
    DNS6,
    DNS_OUT,
    LITE,
    LITE6,
    RAW,
    RAW6,
    PING,
    PING6,
    DOCKER,
    DOCKER_ACCEPTED,
    ABSTRACT,
    SEQ,
    ROUTE,
    UEVENT,
    SNIFF,
    NOT_ACCEPTED,
    TIME_WAIT,
    CLOSED,
    ELSEWHERE,
];

/// The rows of `zoo` that this says yes to, in the order of the list.
fn rows_where(keep: impl Fn(&str) -> bool) -> Vec<&'static str> {
    ALL.into_iter().filter(|row| keep(row)).collect()
}

/// Whether a row's PROTO is one of these.
fn is_of(row: &str, protos: &[&str]) -> bool {
    protos.contains(&proto(row))
}

/// A selection of the rows of `zoo` with the arguments that must give it, each list of them the same.
#[track_caller]
fn same(args: &[&str], rows: &[&str]) {
    let tree = zoo();
    for args in args {
        tree.run(args).shows(rows);
    }
}

#[test]
fn without_arguments_every_socket_of_every_table_is_listed() {
    same(&["", "-a -n -P -N -p", "-anPNp"], &ALL);
}

#[test]
fn the_header_can_be_left_away() {
    zoo()
        .run("-H 8")
        .exactly(&list_without_header(&[WEB_FORK]), 0);
    zoo().run("-H").exactly(&list_without_header(&ALL), 0);
}

#[test]
fn ss_tulpn_lists_listening_tcp_and_udp() {
    let rows = rows_where(|row| {
        is_of(row, &["tcp", "tcp6"]) && row.contains(" LISTEN ")
            || proto(row).starts_with("udp") && row.contains(" UNCONNECTED ")
    });
    same(&["-tulpn", "-t -u -l -p -n", "-l -tu"], &rows);
}

#[test]
fn netstat_tunap_lists_all_tcp_and_udp() {
    let rows = rows_where(|row| proto(row).starts_with("tcp") || proto(row).starts_with("udp"));
    same(&["-tunap", "-tu"], &rows);
}

#[test]
fn lsof_i_with_a_port_works_attached_and_apart() {
    let rows = [JAVA, JAVA_CLIENT, TIME_WAIT, CLOSED];
    same(
        &["-i :8080", "-i:8080", "-nP -i:8080", "-i :8080 -w"],
        &rows,
    );
    same(
        &["-iTCP:8080", "-i4TCP:8080", "-i4:8080", "-itcp:8080"],
        &rows,
    );
    same(
        &["-iTCP@172.17.0.2:8080", "-i@172.17.0.2:8080"],
        &[JAVA_CLIENT, TIME_WAIT, CLOSED],
    );
    same(
        &["-iTCP@172.17.0.2:8000-8080"],
        &[JAVA_CLIENT, TIME_WAIT, CLOSED],
    );
    same(&["-i6:80", "-i6tcp:80"], &[WEB6, LOOP6]);
    same(&["-iUDP:53", "-i:53", "-iudp:53"], &[DNS, DNS6, DNS_OUT]);
    same(&["-i6TCP@[::1]:80"], &[LOOP6]);
}

#[test]
fn lsof_i_alone_lists_internet_sockets() {
    let rows = rows_where(|row| proto(row).starts_with("tcp") || proto(row).starts_with("udp"));
    let shown = zoo().run("-i").rows();
    // Whether raw and ping sockets belong to them is not lsof's to say: they are no TCP and no UDP.
    let shown: Vec<&str> = shown
        .iter()
        .map(String::as_str)
        .filter(|row| !is_of(row, &["raw", "raw6", "icmp", "icmp6"]))
        .collect();
    assert_eq!(shown, rows);
}

#[test]
fn lsof_i_tcp_with_a_state_lists_listeners() {
    let rows = [JAVA, WEB, WEB6, LINK_LOCAL, WEB_FORK];
    same(
        &[
            "-nP -iTCP -sTCP:LISTEN",
            "-iTCP -sTCP:LISTEN -n -P",
            "-t -l",
            "-t --state LISTEN",
        ],
        &rows,
    );
    same(
        &["-iTCP -sTCP:ESTABLISHED", "-t --state ESTABLISHED"],
        &[JAVA_CLIENT, MAPPED, NOT_ACCEPTED],
    );
    same(&["-t --state CLOSE_WAIT"], &[LOOP6]);
    same(&["-t --state TIME_WAIT"], &[TIME_WAIT]);
}

#[test]
fn processes_are_selected_by_pid() {
    same(
        &["6", "-p 6", "--pid 6", "--pid=6"],
        &[JAVA_UNIX, JAVA, JAVA_CLIENT],
    );
    let both = [JAVA_UNIX, JAVA, JAVA_CLIENT, WEB_FORK];
    same(
        &[
            "6,8",
            "6 8",
            "8 6",
            "8,6",
            "--pid 6,8",
            "--pid 6 --pid 8",
            "6 --pid 8",
            "-p 6,8",
        ],
        &both,
    );
}

#[test]
fn processes_are_selected_by_a_word_of_their_name_or_command_line() {
    same(
        &["java", "shop.war", "--command java", "--command=shop"],
        &[JAVA_UNIX, JAVA, JAVA_CLIENT],
    );
    same(&["worker", "worker nosuchword"], &[WEB_FORK]);
    same(&["java worker"], &[JAVA_UNIX, JAVA, JAVA_CLIENT, WEB_FORK]);
    same(
        &["sbin/dnsmasq", "dnsmas"],
        &[DNS, DNS6, DNS_OUT, LITE, LITE6],
    );
}

#[test]
fn a_selected_word_may_hold_a_blank_as_the_command_line_shows_it() {
    let tree = zoo();
    tree.run_args(&["worker process"]).shows(&[WEB_FORK]);
    // The NULs between arguments read as the blanks that ps prints.
    tree.run_args(&["--command", "dnsmasq -k"])
        .shows(&[DNS, DNS6, DNS_OUT, LITE, LITE6]);
}

#[test]
fn lsofs_c_is_a_prefix_of_the_command_name() {
    same(
        &["-c ja", "-cja", "-c java"],
        &[JAVA_UNIX, JAVA, JAVA_CLIENT],
    );
    zoo().run("-c ava").shows_nothing();
    zoo().run("-c shop").shows_nothing();
}

#[test]
fn sockets_are_selected_by_local_or_remote_port() {
    same(
        &[":8080", "--port 8080", "--port=8080"],
        &[JAVA, JAVA_CLIENT, TIME_WAIT, CLOSED],
    );
    same(
        &[":8000-8999", "--port 8000-8999"],
        &[JAVA, JAVA_CLIENT, TIME_WAIT, CLOSED],
    );
    let web = [WEB, WEB6, MAPPED, LOOP6, LINK_LOCAL, WEB_FORK, NOT_ACCEPTED];
    same(&[":80,443", ":80 :443", ":443,80", "--port 80,443"], &web);
    same(&[":53"], &[DNS, DNS6, DNS_OUT]);
    same(&["--local-port 53"], &[DNS, DNS6]);
    same(&["--remote-port 53", "--remote-port=50-53"], &[DNS_OUT]);
    // What raw and ping sockets show in the port's place is no port.
    zoo().run(":1").shows_nothing();
    zoo().run(":77").shows_nothing();
    // What has no peer has no remote port: its 0 is none.
    zoo().run("--remote-port 0").shows_nothing();
    zoo().run(":0-52").shows_nothing();
}

#[test]
fn sockets_are_selected_by_address_and_prefix() {
    let bridge = [JAVA_CLIENT, NOT_ACCEPTED, TIME_WAIT, CLOSED];
    same(
        &[
            "172.17.0.2",
            "--address 172.17.0.2",
            "172.17.0.1",
            "172.16.0.0/12",
            "--address=172.17.0.0/16",
        ],
        &bridge,
    );
    same(
        &["172.17.0.2:8080", "172.17.0.2:8080 172.17.0.2:8080"],
        &[JAVA_CLIENT, TIME_WAIT, CLOSED],
    );
    same(&["172.17.0.1:54846"], &[JAVA_CLIENT]);
    // An address and its port belong to one end of the connection.
    zoo().run("172.17.0.1:8080").shows_nothing();
    same(&["10.0.0.0/8"], &[MAPPED, DNS_OUT]);
    same(&["10.1.2.3", "10.1.2.3:80", "10.9.9.9"], &[MAPPED]);
    same(&["[::1]:80"], &[LOOP6]);
    same(&["::1", "[::1]", "--address ::1"], &[LOOP6, DNS6]);
    same(
        &["fe80::/10", "fe80::1", "--address fe80::/10"],
        &[LINK_LOCAL],
    );
    same(&["10.1.2.3 fe80::/10"], &[MAPPED, LINK_LOCAL]);
}

#[test]
fn sockets_are_selected_by_path_and_abstract_name() {
    same(
        &["/run/docker.sock", "--path /run/docker.sock"],
        &[DOCKER, DOCKER_ACCEPTED],
    );
    same(&["@docker-logs", "--path @docker-logs"], &[ABSTRACT]);
    zoo().run("/run/nothing.sock").shows_nothing();
}

#[test]
fn sockets_are_selected_by_inode() {
    same(&["socket:[607014]", "--inode 607014"], &[JAVA]);
    same(&["socket:[700001]", "--inode=700001"], &[WEB, WEB_FORK]);
    same(&["socket:[400007] socket:[606974]"], &[JAVA_UNIX, SNIFF]);
    zoo().run("socket:[1]").shows_nothing();
}

#[test]
fn sockets_are_selected_by_uid() {
    same(&["--uid 33", "--uid=33"], &[MAPPED, LOOP6]);
    same(&["-t --uid 1000"], &[JAVA, JAVA_CLIENT]);
}

#[test]
fn selectors_of_different_kinds_must_all_hold() {
    same(
        &["java :8080", ":8080 java", "6 :8080"],
        &[JAVA, JAVA_CLIENT],
    );
    same(&["nginx [::1]:80"], &[LOOP6]);
    same(&["7,8 :80 -l -4", "-l4 :80 nginx"], &[WEB, WEB_FORK]);
    zoo().run("java :80").shows_nothing();
    zoo().run("java nginx /run/docker.sock").shows_nothing();
}

#[test]
fn families_are_selected_and_add_up() {
    let of = |protos: &[&str]| rows_where(|row| is_of(row, protos));
    let (tcp, udp) = (
        of(&["tcp", "tcp6"]),
        of(&["udp", "udp6", "udplite", "udplite6"]),
    );
    let (raw, unix) = (
        of(&["raw", "raw6", "icmp", "icmp6"]),
        of(&["unix", "unix-dgram", "unix-seq"]),
    );
    same(&["-t"], &tcp);
    same(&["-u"], &udp);
    same(&["-w"], &raw);
    same(&["-x", "-U"], &unix);
    same(&["--netlink"], &[ROUTE, UEVENT]);
    same(&["--packet"], &[SNIFF]);
    same(
        &["-xw --packet"],
        &rows_where(|row| raw.contains(&row) || unix.contains(&row) || row == SNIFF),
    );
    same(
        &["-tx"],
        &rows_where(|row| tcp.contains(&row) || unix.contains(&row)),
    );
}

#[test]
fn a_mapped_address_counts_as_the_ipv4_that_it_is_printed_as() {
    let six = [WEB6, LOOP6, LINK_LOCAL];
    same(&["-t -6", "-6t"], &six);
    let four = rows_where(|row| proto(row) == "tcp" || row == MAPPED);
    same(&["-t -4", "-4t"], &four);
    let both = rows_where(|row| proto(row).starts_with("tcp"));
    same(&["-t46"], &both);
}

#[test]
fn ipv4_or_ipv6_alone_leave_out_what_has_no_address() {
    let six = [WEB6, LOOP6, LINK_LOCAL, DNS6, LITE6, RAW6, PING6];
    same(&["-6"], &six);
    let four = rows_where(|row| {
        !six.contains(&row)
            && !proto(row).starts_with("unix")
            && !is_of(row, &["netlink", "packet"])
    });
    same(&["-4"], &four);
}

#[test]
fn listening_is_tcp_listen_unconnected_udp_and_listening_unix() {
    let rows = rows_where(|row| {
        row.contains(" LISTEN ") || proto(row).starts_with("udp") && row.contains(" UNCONNECTED ")
    });
    same(&["-l"], &rows);
    // As ss has it: what no protocol of its kind can have a peer for, or does not have one.
    same(&["-lx", "-l -x"], &[DOCKER, ABSTRACT]);
    let raw = rows_where(|row| {
        is_of(row, &["raw", "raw6", "icmp", "icmp6"]) && row.contains(" UNCONNECTED ")
    });
    assert!(!raw.is_empty());
    same(&["-lw"], &raw);
    same(
        &["--packet -l", "-lA packet"],
        &rows_where(|row| proto(row) == "packet"),
    );
    // netstat and ss mean everything by both, whichever comes last.
    same(&["-la", "-al", "--all --listening"], &ALL);
}

#[test]
fn more_columns_name_uid_and_inode() {
    let tree = zoo();
    let run = tree.run("-e :54846");
    assert_eq!(run.status, Some(0), "{}", run.err());
    let lines: Vec<&str> = run.out().lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.out());
    let column = |name: &str| {
        let place = lines[0]
            .split_ascii_whitespace()
            .position(|word| word == name);
        lines[1]
            .split_ascii_whitespace()
            .nth(place.unwrap_or_else(|| panic!("{name} in {}", lines[0])))
    };
    assert_eq!(column("UID"), Some("1000"));
    assert_eq!(column("INODE"), Some("621793"));
    assert!(
        tree.run("-e")
            .rows()
            .iter()
            .all(|row| row.split(' ').count() == lines[0].split_ascii_whitespace().count())
    );
}

#[test]
fn pids_are_printed_once_each_in_ascending_order() {
    let tree = zoo();
    tree.run("-T :80").exactly("7\n8\n", 0);
    tree.run("--pids").exactly("6\n7\n8\n33\n34\n40\n", 0);
    tree.run("-T java :8080").exactly("6\n", 0);
    // What nobody holds has no process id: nothing is shown.
    let unseen = tree.run("-T :4789");
    unseen.prints("", 3);
    assert!(unseen.one_line().contains("(elsewhere)"), "{unseen:?}");
    tree.run("-T :9").shows_nothing();
}

#[test]
fn quiet_gives_the_exit_status_alone() {
    let tree = zoo();
    tree.run("-q :80").exactly("", 0);
    tree.run("-q").exactly("", 0);
    tree.run("-q :9").exactly("", 1);
}

#[test]
fn nothing_that_matched_is_exit_status_1_and_no_output() {
    let tree = zoo();
    for args in [
        ":9",
        "nosuchcommand",
        "999",
        "1",
        "192.0.2.1",
        "-x :80",
        "-u --state ESTABLISHED :1234",
        "/nope",
    ] {
        tree.run(args).shows_nothing();
    }
    let tree = Tree::new();
    tree.process(1, "init").fd(0, "/dev/null");
    tree.run("").shows_nothing();
}

#[test]
fn an_fd_that_no_table_lists_is_shown_without_addresses() {
    let tree = zoo();
    tree.process(50, "odd")
        .socket(3, 999_001)
        .socket(4, 607_014);
    let rows = tree.run("50").rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].starts_with("50 odd 3 "), "{rows:?}");
    assert!(rows[0].ends_with(" ? -"), "{rows:?}");
    assert_eq!(rows[1], "50 odd 4 tcp LISTEN 0 0 0.0.0.0:8080 *:*");
    // It may be bound to any port, though it shows none.
    let unsure = tree.run(":9 50");
    unsure.prints("", 3);
    let line = unsure.one_line();
    assert!(
        line.ends_with("; 1 socket in no table may be bound to it: 50/odd fd 3"),
        "{line}"
    );
}

// A captured tree does not tell the protocol of a descriptor, so that one whose row was left out looked like one without a row.
#[test]
fn a_socket_that_not_leaves_out_is_no_socket_in_no_table() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(8080, 11)]);
    tree.process(50, "web").socket(3, 11);
    for args in [
        "-a not sport = :8080",
        "-a -t not sport = :8080",
        "50 not src 0.0.0.0",
    ] {
        let run = tree.run(args);
        run.shows_nothing();
        assert!(!run.err().contains("no table"), "{args}: {run:?}");
    }
}

#[test]
fn a_listener_shows_its_accept_queue_and_the_order_is_by_pid_then_fd() {
    let tree = Tree::new();
    tree.table(
        "tcp",
        &[
            tcp("00000000:0050", NOBODY, "0A", "00000000:0000000C", 0, 3),
            listen(81, 2),
            tcp("00000000:0052", NOBODY, "0A", "0000FFFF:7FFFFFFF", 0, 1),
        ],
    );
    tree.process(1000, "late")
        .socket(9, 1)
        .socket(10, 2)
        .socket(100, 3);
    tree.process(99, "early").socket(3, 3);
    tree.run("").shows(&[
        "99 early 3 tcp LISTEN 12 0 0.0.0.0:80 *:*",
        "1000 late 9 tcp LISTEN 2147483647 65535 0.0.0.0:82 *:*",
        "1000 late 10 tcp LISTEN 0 0 0.0.0.0:81 *:*",
        "1000 late 100 tcp LISTEN 12 0 0.0.0.0:80 *:*",
    ]);
}

#[test]
fn ipv6_is_written_as_rfc_5952_says() {
    // The longest run of zeros, the first of two of one length, never a single one, small letters.
    let addresses = [
        ("2001:DB8:0:0:0:0:0:1", "[2001:db8::1]:80"),
        ("2001:db8:0:0:0:0:1:0", "[2001:db8::1:0]:80"),
        ("2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:80"),
        ("2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:80"),
        ("2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:80"),
        ("1:0:0:0:0:0:0:0", "[1::]:80"),
        ("0:0:0:0:0:0:0:1", "[::1]:80"),
        ("0:0:0:0:0:0:102:304", "[::102:304]:80"),
        ("1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:80"),
        (
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80",
        ),
    ];
    for (address, written) in addresses {
        let tree = Tree::new();
        tree.table(
            "tcp6",
            &[tcp(
                &format!("{}:0050", words(address)),
                NOBODY6,
                "0A",
                EMPTY,
                0,
                5,
            )],
        );
        tree.process(1, "v6").socket(3, 5);
        tree.run("")
            .shows(&[&format!("1 v6 3 tcp6 LISTEN 0 0 {written} *:*")]);
    }
}

/// An IPv6 address as the table of a little-endian machine spells it: four words of 32 bits, each byte-swapped.
fn words(address: &str) -> String {
    let octets = address.parse::<std::net::Ipv6Addr>().unwrap().octets();
    let word = |bytes: &[u8]| format!("{:08X}", u32::from_le_bytes(bytes.try_into().unwrap()));
    octets.chunks(4).map(word).collect::<Vec<_>>().concat()
}

#[test]
fn a_namespace_column_appears_when_the_list_has_more_than_one() {
    let tree = Tree::new();
    tree.namespace("b");
    tree.table("tcp", &[listen(80, 11)]);
    tree.table_in("b", "tcp", &[listen(80, 12)]);
    tree.process_in("a", 10, "one")
        .ns_net(4_026_531_840)
        .socket(3, 11);
    tree.process_in("b", 20, "two")
        .ns_net(4_026_532_281)
        .socket(3, 12);
    let header = format!("{LIST_HEADER} NETNS");
    let rows = [
        "10 one 3 tcp LISTEN 0 0 0.0.0.0:80 *:* 4026531840",
        "20 two 3 tcp LISTEN 0 0 0.0.0.0:80 *:* 4026532281",
    ];
    tree.run("").exactly(&list_under(&header, &rows), 0);
    // One namespace in the list is no column, however many there are.
    tree.run("20")
        .shows(&["20 two 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
}

#[test]
fn a_socket_is_named_that_its_holder_holds_from_another_namespace() {
    // Socket activation, docker-proxy, CNI plugins (proc-net.md, the rules for every table).
    let tree = Tree::new();
    tree.namespace("b");
    tree.table_in("b", "tcp", &[listen(80, 12)]);
    tree.process_in("a", 10, "holder")
        .ns_net(4_026_531_840)
        .socket(3, 12);
    tree.process_in("b", 20, "inside").ns_net(4_026_532_281);
    let rows = tree.run("").rows();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(
        rows[0].starts_with("10 holder 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"),
        "{rows:?}"
    );
}

/// What lsock opened of these tables of namespace `a`, sorted: one entry a time it was opened.
fn tables_opened(opened: &[String]) -> Vec<&str> {
    let known = |name: &&str| HEADERS.iter().any(|(table, _)| table == name);
    let mut tables: Vec<&str> = opened
        .iter()
        .filter_map(|path| path.split_once("/ns-")?.1.split_once("/net/"))
        .map(|(_, table)| table)
        .filter(known)
        .collect();
    tables.sort_unstable();
    tables
}

/// The pids whose fd folder lsock opened.
fn walked(opened: &[String]) -> Vec<u32> {
    let pid = |path: &String| {
        path.strip_suffix("/fd")?
            .rsplit_once("/proc/")?
            .1
            .parse()
            .ok()
    };
    let mut pids: Vec<u32> = opened.iter().filter_map(pid).collect();
    pids.sort_unstable();
    pids
}

#[test]
fn a_table_that_the_selection_cannot_match_is_not_opened() {
    let tree = zoo();
    let inet = ["tcp", "tcp6", "udp", "udp6", "udplite", "udplite6"];
    let mut all: Vec<&str> = HEADERS.iter().map(|(table, _)| *table).collect();
    all.push("unix");
    all.sort_unstable();
    let cases: [(&str, &[&str]); 11] = [
        ("-t", &["tcp", "tcp6"]),
        ("-u", &["udp", "udp6", "udplite", "udplite6"]),
        ("-w", &["icmp", "icmp6", "raw", "raw6"]),
        // In a folder of files the kernel cannot be asked whether a row of unix that a name could have printed is one, so
        // every table is asked for its inode.
        ("-x", &all),
        ("--netlink", &["netlink"]),
        ("--packet", &["packet"]),
        ("-tulpn", &inet),
        // A v4-mapped socket is in tcp6, so IPv4 needs both; IPv6 is never in tcp.
        ("-4t", &["tcp", "tcp6"]),
        ("-6t", &["tcp6"]),
        (":80", &inet),
        ("/run/docker.sock", &all),
    ];
    for (args, expected) in cases {
        match tree.opened(args) {
            Ok(opened) => assert_eq!(tables_opened(&opened), expected, "lsock {args}"),
            Err(why) => return skip(&why),
        }
    }
}

#[test]
fn each_table_is_opened_once_per_namespace() {
    let tree = zoo();
    tree.namespace("b");
    tree.process_in("b", 60, "other").socket(3, 999_002);
    tree.process_in("b", 61, "other").socket(3, 999_003);
    let opened = match tree.opened("") {
        Ok(opened) => opened,
        Err(why) => return skip(&why),
    };
    for namespace in ["ns-a", "ns-b"] {
        for (table, _) in HEADERS {
            let path = format!("/{namespace}/net/{table}");
            let times = opened.iter().filter(|file| file.ends_with(&path)).count();
            assert_eq!(times, 1, "{path} was opened {times} times");
        }
    }
}

#[test]
fn a_process_that_the_selection_cannot_match_is_not_walked() {
    let tree = zoo();
    for (args, expected) in [
        ("6", &[6][..]),
        ("6,8", &[6, 8]),
        ("java", &[6]),
        ("-c ng", &[7, 8]),
        ("-p 33 :53", &[33]),
        ("", &[1, 6, 7, 8, 33, 34, 40]),
    ] {
        match tree.opened(args) {
            Ok(opened) => assert_eq!(walked(&opened), expected, "lsock {args}"),
            Err(why) => return skip(&why),
        }
    }
}

#[test]
fn a_selector_of_any_bytes_is_compared_as_bytes() {
    let tree = Tree::new();
    tree.table("tcp", &[listen(80, 11)]);
    tree.process(10, b"\xff\xfename").socket(3, 11);
    tree.run_args(&[bytes(b"\xff\xfena")])
        .shows(&["10 \\xff\\xfename 3 tcp LISTEN 0 0 0.0.0.0:80 *:*"]);
    tree.run_args(&[bytes(b"\xfe\xff")]).shows_nothing();
}
