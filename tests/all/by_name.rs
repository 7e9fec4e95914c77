//! lsock under the names of lsof, ss and netstat against those tools themselves, byte for byte.
//!
//! What comes in: a scene of 20 processes (`tests/scene/scene.py`) in namespaces of their own, and the command lines that
//! people and programs were seen to type (`tests/scene/commands.tsv`), each as it stands there, with its pipe. What goes out:
//! the same output and exit status of the tool and of the whole pipe, from the tool and from lsock under its name; or a
//! refusal. Compared after blanks at the ends of lines are gone, and timers that run. What lsock does not cover is listed, and
//! its share is bounded.
//!
//! Needs root, and `unshare`, `nsenter`, `ip`, `python3`; and the tool.

mod lsof;
mod netstat;
mod ss;

use crate::machine::{PATIENCE, is_root, skip};
use crate::run::{LSOCK, Run};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// The command lines: tool, line, what the consumer takes, how often it was seen, whether it is about other files.
const COMMANDS: &str = include_str!("../scene/commands.tsv");

/// Runs the tool `"$1"` with the other arguments, keeps what it did in files, and does the same.
const KEEPER: &str = r#"#!/bin/sh
WHAT "$@" >"$KEPT.stdout" 2>"$KEPT.stderr"
status=$?
BEHIND
echo $status >"$KEPT.status"
cat "$KEPT.stdout"
cat "$KEPT.stderr" >&2
exit $status
"#;

/// How often a line is tried where the answers differ: a connection in `TIME_WAIT` may have come or gone in between.
const TRIES: usize = 4;

/// The scene, while it stands. All of it ends when this is dropped.
pub(crate) struct Scene {
    unshare: Child,
    /// Where the scene and the tools keep their files.
    folder: PathBuf,
    /// The first process in the namespaces, by its number out here.
    init: u32,
    /// The processes by name, by their numbers in there.
    pids: BTreeMap<String, u32>,
}

/// What a tool did, and what came out of the pipe behind it.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    stdout: String,
    /// The exit status; `None` of a tool that repeats itself and was stopped.
    status: Option<i32>,
    piped: String,
    pipe_status: Option<i32>,
}

/// What became of a command line.
enum Verdict {
    Same,
    /// lsock says that it does not cover it.
    Refused(String),
    Differs(String),
}

impl Scene {
    /// Sets the scene, in which node is called `node`; `None`, and says so, where that is not possible here.
    pub(crate) fn set(tool: &str, node: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !is_root() {
            skip("not root, who alone can make processes of several users");
            return None;
        }
        for needed in ["unshare", "nsenter", "ip", "python3", tool] {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {needed}")])
                .output();
            if !found.unwrap().status.success() {
                skip(&format!(
                    "{needed} is not here (apt-get install iproute2 lsof net-tools python3)"
                ));
                return None;
            }
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lsock-scene-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scene/scene.py");
        let mut unshare = Command::new("unshare")
            .args([
                "-n",
                "-p",
                "-m",
                "-f",
                "--mount-proc",
                "--kill-child",
                "python3",
                script,
            ])
            .arg(&folder)
            .arg(node)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !folder.join("ready").exists() {
            let log = fs::read_to_string(folder.join("log")).unwrap();
            if let Some(status) = unshare.try_wait().unwrap() {
                fs::remove_dir_all(&folder).unwrap();
                skip(&format!("namespaces: {status}: {}", log.trim_end()));
                return None;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "the scene does not stand: {log}"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let children = format!("/proc/{0}/task/{0}/children", unshare.id());
        let init = fs::read_to_string(children)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let pids = fs::read_to_string(folder.join("pids")).unwrap();
        let pids = pids.lines().map(|line| {
            let (name, pid) = line.split_once('\t').unwrap();
            (name.to_owned(), pid.parse().unwrap())
        });
        let scene = Self {
            unshare,
            init,
            pids: pids.collect(),
            folder,
        };
        scene.place_tools();
        Some(scene)
    }

    /// Places the keepers of the tools, `real` and `ours`, each under the tool's name.
    fn place_tools(&self) {
        let ours = self.folder.join("ours-bin");
        for folder in [&ours, &self.folder.join("real"), &self.folder.join("ours")] {
            fs::create_dir(folder).unwrap();
        }
        for place in ["real", "ours"] {
            // Who would be killed is all that matters.
            let kill = self.folder.join(place).join("kill");
            fs::write(&kill, "#!/bin/sh\necho kill \"$@\"\n").unwrap();
            fs::set_permissions(&kill, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for tool in ["lsof", "ss", "netstat"] {
            symlink(LSOCK, ours.join(tool)).unwrap();
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {tool}")])
                .output();
            let path = String::from_utf8(found.unwrap().stdout).unwrap();
            let (before, behind) = match tool {
                "ss" => (ss::BEFORE, ss::BEHIND),
                "netstat" => ("", netstat::BEHIND),
                _ => ("", ""),
            };
            let real = format!("{before}{}", path.trim());
            for (place, what, behind) in [
                ("real", real, behind),
                ("ours", ours.join(tool).display().to_string(), ""),
            ] {
                let keeper = self.folder.join(place).join(tool);
                let text = KEEPER.replace("WHAT", &what).replace("BEHIND", behind);
                fs::write(&keeper, text).unwrap();
                fs::set_permissions(&keeper, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }

    /// Gives the scene the names of the protocols that it has raw sockets of: these lsock knows.
    fn name_protocols(&self) {
        let files = [
            ("protocols", "icmp\t1\tICMP\nipv6-icmp\t58\tIPv6-ICMP\n"),
            (
                "nsswitch.conf",
                "passwd: files\nhosts: files\nprotocols: files\n",
            ),
        ];
        for (name, text) in files {
            fs::write(self.folder.join(name), text).unwrap();
        }
    }

    /// Returns the number of the process of this name.
    pub(crate) fn pid(&self, name: &str) -> u32 {
        self.pids[name]
    }

    /// Returns `line` with the numbers of the scene in place of those where it was collected.
    fn with_pids(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (there, name) in [("67", "java"), ("77", "unixes")] {
            for (before, behind) in [("-p ", ""), ("*", "/"), ("pid=", "")] {
                let here = format!("{before}{}{behind}", self.pid(name));
                line = line.replace(&format!("{before}{there}{behind}"), &here);
            }
        }
        line
    }

    /// Runs a command line among the processes of the scene, with the tools of `place` in front of all others, as `user`.
    fn run(&self, place: &str, line: &str, user: Option<u32>) -> (Answer, String) {
        let kept = self.folder.join(format!("kept-{place}"));
        let file = |end: &str| PathBuf::from(format!("{}.{end}", kept.display()));
        for end in ["stdout", "stderr", "status"] {
            let _ = fs::remove_file(file(end));
        }
        let path = format!(
            "{}:{}",
            self.folder.join(place).display(),
            std::env::var("PATH").unwrap()
        );
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init.to_string(), "-n", "-p", "-m", "--"]);
        if let Some(user) = user {
            let ids = [format!("--reuid={user}"), format!("--regid={user}")];
            command.arg("setpriv").args(ids);
            command.args(["--clear-groups", "--bounding-set=-all"]);
        }
        command.args(["timeout", "-s", "KILL", "3", "bash", "-c", line]);
        command
            .env("PATH", path)
            .env("KEPT", &kept)
            .env("LC_ALL", "C");
        command.current_dir("/");
        let run = Run::of(&mut command);
        let read =
            |end| String::from_utf8_lossy(&fs::read(file(end)).unwrap_or_default()).into_owned();
        let answer = Answer {
            stdout: comparable(&read("stdout")),
            status: read("status").trim().parse().ok(),
            piped: comparable(&String::from_utf8_lossy(&run.stdout)),
            pipe_status: run.status,
        };
        (answer, read("stderr"))
    }

    /// Returns what the tool and lsock under its name make of `line`.
    fn judge(&self, line: &str, user: Option<u32>) -> Verdict {
        let mut what = String::new();
        for _ in 0..TRIES {
            let (mut ours, said) = self.run("ours", line, user);
            // What lsock says of itself is no refusal: a process could not be read.
            let is_refused = said
                .lines()
                .next()
                .is_some_and(|line| line.contains("lsock") && !line.starts_with("lsock: "));
            if is_refused && ours.status != Some(0) {
                assert_eq!(
                    ours.stdout, "",
                    "standard output of what is refused: {line}"
                );
                return Verdict::Refused(said);
            }
            let (mut real, _) = self.run("real", line, user);
            if (ours.status, real.status) == (None, None) {
                // Both were stopped, and one may have come further.
                let common = ours.stdout.len().min(real.stdout.len());
                for answer in [&mut ours, &mut real] {
                    answer.stdout.truncate(common);
                    answer.piped.truncate(common);
                }
                assert!(common > 0, "nothing to compare: {line}");
            }
            if ours == real {
                return Verdict::Same;
            }
            what = difference(&ours, &real, &said);
        }
        Verdict::Differs(what)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // unshare takes the namespaces with it.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Returns `text` without blanks at the ends of its lines, without what timers say while they run, and without those of ss's
/// totals that the kernel counts for the whole machine.
fn comparable(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.trim_end().to_owned();
        if let (true, Some(start), Some(closed), Some(end)) = (
            line.starts_with("TCP:   "),
            line.find(" (estab "),
            line.find(", closed "),
            line.find(", timewait "),
        ) {
            line = format!("TCP:{}{}", &line[start..closed], &line[end..]);
        }
        for word in ["timer:(", "on (", "keepalive (", "timewait (", "probe ("] {
            let Some(start) = line.find(word).map(|at| at + word.len()) else {
                continue;
            };
            if let Some(len) = line[start..].find(')') {
                line.replace_range(start..start + len, "");
            }
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Returns the lines that only one of both has.
fn difference(ours: &Answer, real: &Answer, said: &str) -> String {
    let only = |one: &str, other: &str, sign: &str| {
        let lines = one
            .lines()
            .filter(|line| !other.lines().any(|known| known == *line));
        let lines: Vec<String> = lines.map(|line| format!("    {sign} {line}\n")).collect();
        lines.concat()
    };
    let status = |answer: &Answer| format!("{:?} {:?}", answer.status, answer.pipe_status);
    format!(
        "    lsock {}, tool {}\n{}{}{}{}    {said}\n",
        status(ours),
        status(real),
        only(&ours.stdout, &real.stdout, "+"),
        only(&real.stdout, &ours.stdout, "-"),
        only(&ours.piped, &real.piped, "+ |"),
        only(&real.piped, &ours.piped, "- |"),
    )
}

/// Demands that lsock under the name `tool` answers each of the tool's command lines as the tool does, but for those that it
/// refuses, of which there may be `refused_max` of a hundred among those that are about sockets, and for `others`, which are
/// answered in another way for the reason given there. What `is_other` says to be about something else must be refused.
fn all_lines(
    tool: &str,
    node: &str,
    refused_max: usize,
    others: &[(&str, &str)],
    is_other: &dyn Fn(&str) -> bool,
) {
    let Some(scene) = Scene::set(tool, node) else {
        return;
    };
    if tool == "ss" {
        scene.name_protocols();
    }
    let (mut refused, mut failed, mut about_sockets) = (Vec::new(), Vec::new(), 0);
    for row in COMMANDS.lines() {
        let fields: Vec<&str> = row.split('\t').collect();
        let (name, line) = (fields[0], fields[1]);
        if name != tool {
            continue;
        }
        let is_other = is_other(line) || fields.get(4) == Some(&"yes");
        about_sockets += usize::from(!is_other);
        let known = others.iter().find(|(other, _)| *other == line);
        match (scene.judge(&scene.with_pids(line), None), known) {
            (Verdict::Refused(_), None) if is_other => {}
            (Verdict::Refused(said), None) => refused.push(format!("{line}: {}", said.trim_end())),
            (Verdict::Same, None) | (Verdict::Differs(_), Some(_)) => {}
            (Verdict::Same, Some((_, reason))) => {
                failed.push(format!("{line}\n    is the same, though: {reason}\n"));
            }
            (Verdict::Refused(said), Some(_)) => failed.push(format!("{line}\n    {said}")),
            (Verdict::Differs(what), None) => failed.push(format!("{line}\n{what}")),
        }
    }
    println!(
        "{} of {about_sockets} lines about sockets are refused:",
        refused.len()
    );
    for line in &refused {
        println!("    {line}");
    }
    for (line, reason) in others {
        println!("    {line}: answered in another way: {reason}");
    }
    assert!(failed.is_empty(), "\n{}", failed.concat());
    let share = refused.len() + others.len();
    assert!(share * 100 <= about_sockets * refused_max, "{refused:#?}");
}

/// Demands that lsock under the tool's name answers `lines` as the tool does, run by `user`.
fn same(scene: &Scene, lines: &[String], user: Option<u32>) {
    for line in lines {
        match scene.judge(line, user) {
            Verdict::Same => {}
            Verdict::Refused(said) => panic!("{line}: {said}"),
            Verdict::Differs(what) => panic!("{line}\n{what}"),
        }
    }
}

/// Demands that lsock under the tool's name refuses `lines` with this exit status, and says so in a line that begins with the
/// tool's name; and that standard output is empty.
fn refuses(scene: &Scene, lines: &[&str], status: i32) {
    for line in lines {
        let (answer, said) = scene.run("ours", line, None);
        let tool = line.split(' ').next().unwrap();
        assert_eq!(
            (answer.stdout.as_str(), answer.status),
            ("", Some(status)),
            "{line}: {said}"
        );
        assert!(
            said.starts_with(&format!("{tool}: ")) && said.contains("lsock"),
            "{line}: {said}"
        );
    }
}

/// Returns `before` with each letter and digit, and the question mark, behind it.
fn with_each_letter(before: &str) -> impl Iterator<Item = String> + '_ {
    let letters = (b'0'..=b'z').filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'?');
    letters.map(move |letter| format!("{before}{}", char::from(letter)))
}

/// Returns `before` with each word of `words` behind it.
fn with_each_word<'a>(before: &'a str, words: &'a str) -> impl Iterator<Item = String> + 'a {
    let words = words.split_ascii_whitespace();
    words.map(move |word| format!("{before}{word}"))
}

/// Demands that lsock under the tool's name makes nothing half: it answers each of `lines` as the tool does, or refuses it with
/// this exit status, the tool's name first on standard error and nothing on standard output. Only what `others` names is
/// answered in another way, for the reason given there.
fn whole_or_refused(
    scene: &Scene,
    lines: impl Iterator<Item = String>,
    status: i32,
    others: &[(&str, &str)],
) {
    let (mut same, mut refused, mut failed) = (0, 0, Vec::new());
    for line in lines {
        let (answer, said) = scene.run("ours", &line, None);
        let tool = line.split(' ').next().unwrap();
        if answer.status == Some(status)
            && answer.stdout.is_empty()
            && said.starts_with(&format!("{tool}: "))
        {
            refused += 1;
            continue;
        }
        if others.iter().any(|(other, _)| *other == line) {
            let (real, _) = scene.run("real", &line, None);
            if real.status != answer.status || real.stdout == answer.stdout {
                failed.push(format!(
                    "{line}: {said}{}\n",
                    difference(&answer, &real, "")
                ));
            }
            continue;
        }
        match scene.judge(&line, None) {
            Verdict::Same => same += 1,
            Verdict::Refused(said) => failed.push(format!("{line}: {said}\n")),
            Verdict::Differs(what) => failed.push(format!("{line}\n{what}")),
        }
    }
    println!("{same} are the same, {refused} are refused, and in another way are answered:");
    for (line, reason) in others {
        println!("    {line}: {reason}");
    }
    assert!(failed.is_empty(), "\n{}", failed.concat());
    assert!(same > 20 && refused > 20, "{same} {refused}");
}
