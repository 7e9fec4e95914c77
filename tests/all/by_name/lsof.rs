//! lsock as lsof.

use super::{Scene, all_lines, refuses, same, whole_or_refused, with_each_letter, with_each_word};

/// Lines that are answered in another way, and why.
const OTHERS: &[(&str, &str)] = &[];

/// Command lines beside those that were collected: each way to select, to write it and to fail; lsof's own oddities too.
/// `JAVA` and the like stand for process ids.
const LINES: &str = "\
lsof -nP -i -U
lsof -nP -a -p JAVA,9999 -i
lsof -nP -a -p JAVA -i :1
lsof -nP -a -p JAVA -i :22
lsof -nP -a -i :22 -p SSHD,
lsof -nP -a -i :22 -p SSHD,^JAVA
lsof -nP -a -i :22 -p SSHD -p JAVA
lsof -nP -a -i -p JAVA -u ^1000
lsof -nP -i -p ^JAVA -a -c java
lsof -nP -i :8080 -u ^root
lsof -nP -i -c ^java -c ^nginx
lsof -nP -i :22 -c ^zzz
lsof -nP -i :22 -p ^SSHD
lsof -nP -a -i -u 1000 -p ^JAVA -t
lsof -a -i -u root,1000 -p JAVA
lsof -a -i -c java -u root,1000
lsof -a -p JAVA -u root -i
lsof -a -i -p SSHD,JAVA -c java
lsof -a -U -c p -c psql -t
lsof -a -U -c psql -c p -t
lsof -a -U -c p -c p -t
lsof -nP -a -i :8080 -c java,nginx
lsof -nP -a -i :8080 -u 54321
lsof -nP -a -i :8080 -u nosuch
lsof -nP -c '' -a -i
lsof -nP -a -i :22 -i :1
lsof -nP -i :8080 -i tcp:8080
lsof -nP -i tcp -i :8080
lsof -nP -i :8080 -i tcp
lsof -nP -i tcp -i
lsof -nP -i -i :1
lsof -i :8080 -i :8080
lsof -nP -i :22 -U -a
lsof -a -U -p SSHD
lsof -n -P -i -U -a -p UNIXES
lsof -i :1 -Q
lsof -i :99999
lsof -i :80-22
lsof -i :0
lsof -nP -i 6
lsof -nP -i4:8080
lsof -nP -i6:8080
lsof -nP -i4TCP@172.17.0.2
lsof -nP -i6TCP@172.17.0.2
lsof -nP -i @0.0.0.0
lsof -nP -i TCP@0.0.0.0:5432
lsof -nP -i '@[::ffff:172.17.0.2]'
lsof -nP -i '@[::1]:5432'
lsof -i @::1
lsof -nP -i:22,80
lsof -nPi TCP:22-80
lsof -nP -i udplite
lsof -nP -i raw
lsof -nP -i tcp -sTCP:LISTEN,^ESTABLISHED
lsof -nP -i tcp -sTCP:LISTEN -sTCP:CLOSE_WAIT
lsof -nP -i tcp:3306 -sTCP:^LISTEN
lsof -nP -i tcp:3306 -sTCP:LISTEN,SYN_RECV
lsof -nP -i tcp:3306 -stcp:listen,syn_sent
lsof -nP -i tcp:3306 -sTCP:bogus
lsof -nP -i :53 -sTCP:LISTEN
lsof -nP -iUDP -iTCP -sTCP:^LISTEN
lsof -nP -U -i :22 -sTCP:LISTEN
lsof -nP -a -U -sTCP:LISTEN
lsof -nP -i :443 -i :22 -sTCP:LISTEN
lsof -nP -i :22 -U -T
lsof -nP -i -Ts
lsof -nP -i :53 -T
lsof -nP -a -i:443 +c 3
lsof -nP -i +c 15
lsof -nP -U +c0
lsof -nP -i +c 16
lsof -nP -i -U -FpcuLfaltdoiPnT
lsof -nP -i -U -F 0pcuLfaltdoiPnT
lsof -nP -i -FT
lsof -nP -i -T -FnT
lsof -nP -i:22 -Fpf0c
lsof -nP -i -Fp -t
lsof -nP -i -Fpq
lsof -nP -i :22 -M -l -w -b -O -S 3
lsof -i :22 -S3n
lsof -nPl -i +w
lsof /mnt/run/docker.sock /mnt/run/log.sock
lsof -t /mnt/run/docker.sock /mnt/run/nosuch
lsof -t /mnt/run/docker.sock -U
lsof -U -- /mnt/run/docker.sock
lsof -a -U /mnt/run/docker.sock
lsof -a -p SSHD /mnt/run/docker.sock
lsof -a -p UNIXES -- /mnt/run/docker.sock
lsof -a -i -- /mnt/run/docker.sock
lsof /mnt/run/nosuch
lsof -U /mnt/run/nosuch
lsof -Q -U /mnt/run/nosuch
lsof -Q /mnt/run/nosuch
lsof -nP -i -i4
lsof -nP -i4 -i6 -i4
lsof -nP -a -i tcp:8080 -i
lsof -nP -i -sTCP:ESTABLISHED
lsof -nP -i :53 -sTCP:CLOSE,CLOSED
lsof -nP -i -sTCP:^ESTABLISHED
lsof -nP -i -sTCP:LISTEN,^LISTEN
lsof -nP -i :22 -T -Ts
lsof -nP -i :22 -FnT -Ts
lsof -nP -i :22 -Ts -FnT
lsof -a
lsof -i -p
lsof --tcp
lsof -i -y
";

/// Returns `LINES` with the process ids of `scene`.
fn lines(scene: &Scene) -> Vec<String> {
    let mut lines = LINES.to_owned();
    for name in ["java", "sshd", "unixes"] {
        lines = lines.replace(&name.to_uppercase(), &scene.pid(name).to_string());
    }
    lines.lines().map(str::to_owned).collect()
}

#[test]
fn lsof_is_answered_byte_for_byte() {
    all_lines("lsof", "next-server v1", 6, OTHERS, &|_| false);
}

#[test]
fn every_way_to_select_with_lsof_finds_the_same_and_fails_the_same() {
    let Some(scene) = Scene::set("lsof", "next-server v1") else {
        return;
    };
    same(&scene, &lines(&scene), None);
    // A plain user sees his own, and lsof says nothing of the others.
    let of_user = [
        "lsof -nP -i",
        "lsof -i :22",
        "lsof -U",
        "lsof -ti :8080",
        "lsof -a -u root -i",
    ];
    same(&scene, &of_user.map(str::to_owned), Some(1000));
}

#[test]
fn what_would_list_other_files_than_sockets_is_refused_by_lsock_as_lsof() {
    let Some(scene) = Scene::set("lsof", "next-server v1") else {
        return;
    };
    let lines = [
        "lsof",
        "lsof -p 1",
        "lsof -i -p 1",
        "lsof -u root",
        "lsof -c java",
        "lsof -a -p 1 -d cwd",
        "lsof -d cwd",
        "lsof +D /mnt",
        "lsof +L1",
        "lsof /mnt/app/app.log",
        "lsof -t /mnt/app/app.log /mnt/run/docker.sock",
        "lsof /mnt",
        "lsof -a -i -c /java/",
        "lsof -i -r 1",
        "lsof -i +r1",
        "lsof -i -s",
        "lsof -i -F",
        "lsof -i -F0",
        "lsof -i -b -- /mnt/run/docker.sock",
        "lsof -i4 -i :22 -i6",
        "lsof -i -R",
        "lsof -i @localhost",
        "lsof -i :http",
    ];
    refuses(&scene, &lines, 1);
}

#[test]
fn each_option_of_lsof_is_answered_or_refused() {
    let Some(scene) = Scene::set("lsof", "next-server v1") else {
        return;
    };
    let lines = with_each_letter("lsof -nP -i -U -")
        .chain(with_each_letter("lsof -nP -i -U +"))
        .chain(with_each_letter("lsof -nP -i -U -F"))
        .chain(with_each_word("lsof -nP -i -T", "q s f w qs fqs x"));
    whole_or_refused(&scene, lines, 1, &[]);
}

#[test]
fn the_idioms_of_shell_scripts_work_with_lsock_as_lsof() {
    // lsof before 4.99.7 leaves out a process of this name.
    let Some(scene) = Scene::set("lsof", "next-server (v1") else {
        return;
    };
    let does = |line: &str, stdout: &str, status: i32| {
        let (answer, said) = scene.run("ours", line, None);
        let seen = (answer.piped.as_str(), answer.pipe_status);
        assert_eq!(seen, (stdout, Some(status)), "{line}: {said}");
    };
    let (node, curl) = (scene.pid("node"), scene.pid("curl"));
    does("lsof -ti:3000", &format!("{node}\n{curl}\n"), 0);
    does(
        "lsof -nP -iTCP:3000 -sTCP:LISTEN +c0 | awk '{print $1, $2}' | tr ' ' _",
        &format!("COMMAND_PID\nnext-server\\x20(v1_{node}\n"),
        0,
    );
    does("lsof -Pi :3000 -sTCP:LISTEN -t >/dev/null", "", 0);
    does(
        "if lsof -Pi :3001 -sTCP:LISTEN -t >/dev/null; then echo taken; else echo free; fi",
        "free\n",
        0,
    );
    // bash kills by itself, so this one is real.
    does(
        "kill $(lsof -ti:3000 -sTCP:LISTEN) && sleep 0.2; lsof -ti:3000 -sTCP:LISTEN",
        "",
        1,
    );
    // What a process calls itself never reaches a terminal as it is.
    let name = "$'/mnt/bin/\\e[31m red\\n'";
    let odd = format!(
        "cp /bin/sleep {name}; exec 3<>/dev/tcp/127.0.0.1/80; {name} 100 >/dev/null 2>&1 & until grep -q red /proc/$!/comm; do sleep 0.01; done; lsof -nP -a -c $'\\e' -i +c0"
    );
    let (answer, said) = scene.run("ours", &odd, None);
    assert!(
        answer.stdout.contains(r"\x1b[31m\x20red\n "),
        "{}{said}",
        answer.stdout
    );
}
