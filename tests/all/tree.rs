//! A builder of fake proc trees, and a runner of `lsock --proc TREE`.
//!
//! What comes in: processes with their fds, and tables as the kernel prints them. What goes out: a folder that looks
//! like proc to a reader (fd links are plain symlinks `socket:[N]`, the `net` of each process leads to the one
//! folder of its namespace), and what lsock wrote about it: standard output, standard error, exit status.
//! It knows nothing of lsock's code: the expected text is laid out here, by the rules of the list alone.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Every table that lsock knows, with the kernel's own first line, blanks included.
pub(crate) const HEADERS: [(&str, &str); 13] = [
    ("tcp", TCP_HEADER),
    ("tcp6", INET6_HEADER),
    ("udp", UDP_HEADER),
    ("udp6", UDP6_HEADER),
    ("udplite", UDP_HEADER),
    ("udplite6", UDP6_HEADER),
    ("raw", RAW_HEADER),
    ("raw6", UDP6_HEADER),
    ("icmp", UDP_HEADER),
    ("icmp6", UDP6_HEADER),
    (
        "unix",
        "Num       RefCount Protocol Flags    Type St Inode Path\n",
    ),
    (
        "netlink",
        "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n",
    ),
    (
        "packet",
        "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n",
    ),
];

/// Padded to 149 characters, as every row of `tcp` is.
const TCP_HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n";
/// `tcp6` is not padded.
const INET6_HEADER: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
/// Padded to 127 characters; `udplite` and `icmp` have the same.
const UDP_HEADER: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n";
/// `udplite6`, `raw6` and `icmp6` have the same.
const UDP6_HEADER: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
/// `raw` is not padded.
const RAW_HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

/// The list's header while all sockets are of one network namespace.
pub(crate) const LIST_HEADER: &str = "PID COMMAND FD PROTO STATE RECV-Q SEND-Q LOCAL PEER";

/// The columns that hold numbers.
const NUMBERS: [&str; 5] = ["PID", "FD", "RECV-Q", "SEND-Q", "NETNS"];

/// The first line of a table.
pub(crate) fn header(table: &str) -> &'static str {
    HEADERS
        .iter()
        .find(|(name, _)| *name == table)
        .map(|(_, line)| *line)
        .expect("a table that lsock knows")
}

/// A fake proc file system in a temporary folder that goes away with this value.
pub(crate) struct Tree {
    /// The temporary folder: `proc`, and beside it what a test needs (a copy of lsock, a trace).
    top: PathBuf,
}

impl Tree {
    /// A tree without processes and with one namespace `a` whose tables are all empty.
    pub(crate) fn new() -> Tree {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lsock-tree-{}-{number}", std::process::id());
        let top = std::env::temp_dir().join(name);
        fs::create_dir(&top).unwrap();
        // Another user has to be able to read what a test gives to them.
        fs::set_permissions(&top, fs::Permissions::from_mode(0o755)).unwrap();
        let tree = Tree { top };
        fs::create_dir(tree.path()).unwrap();
        // Real proc has such entries beside the processes. None of them is a process.
        fs::create_dir_all(tree.path().join("sys/net")).unwrap();
        fs::create_dir_all(tree.path().join("12x/fd")).unwrap();
        symlink("socket:[999999]", tree.path().join("12x/fd/3")).unwrap();
        fs::write(tree.path().join("uptime"), "350735.47 234388.90\n").unwrap();
        tree.namespace("a");
        tree
    }

    /// What `--proc` is given.
    pub(crate) fn path(&self) -> PathBuf {
        self.top.join("proc")
    }

    /// The folder around the tree, for a test's own files.
    pub(crate) fn top(&self) -> &Path {
        &self.top
    }

    /// Adds a network namespace with all tables, each with its header alone.
    pub(crate) fn namespace(&self, name: &str) {
        fs::create_dir_all(self.net(name)).unwrap();
        for (table, line) in HEADERS {
            fs::write(self.net(name).join(table), line).unwrap();
        }
    }

    /// The folder with the tables of a namespace.
    pub(crate) fn net(&self, namespace: &str) -> PathBuf {
        self.path().join(format!("ns-{namespace}")).join("net")
    }

    /// Gives a table of namespace `a` these rows under its header, each ended by a newline.
    pub(crate) fn table<R: AsRef<[u8]>>(&self, table: &str, rows: &[R]) {
        self.table_in("a", table, rows);
    }

    /// The same in any namespace.
    pub(crate) fn table_in<R: AsRef<[u8]>>(&self, namespace: &str, table: &str, rows: &[R]) {
        let mut text = header(table).as_bytes().to_vec();
        for row in rows {
            text.extend_from_slice(row.as_ref());
            text.push(b'\n');
        }
        self.table_text(namespace, table, &text);
    }

    /// Makes the table's whole text these bytes.
    pub(crate) fn table_text(&self, namespace: &str, table: &str, text: &[u8]) {
        fs::write(self.net(namespace).join(table), text).unwrap();
    }

    /// Adds a process of namespace `a` with a command name; its command line is the same word.
    pub(crate) fn process(&self, pid: u32, comm: impl AsRef<[u8]>) -> Process {
        self.process_in("a", pid, comm)
    }

    /// The same in any namespace.
    pub(crate) fn process_in(&self, namespace: &str, pid: u32, comm: impl AsRef<[u8]>) -> Process {
        let dir = self.path().join(pid.to_string());
        fs::create_dir_all(dir.join("fd")).unwrap();
        symlink(format!("../ns-{namespace}/net"), dir.join("net")).unwrap();
        let process = Process { dir, pid };
        process.comm(comm.as_ref()).cmdline(&[comm.as_ref()])
    }

    /// Runs `lsock --proc TREE ARGS`, arguments separated by blanks.
    pub(crate) fn run(&self, args: &str) -> Run {
        let args: Vec<&str> = args.split_ascii_whitespace().collect();
        self.run_args(&args)
    }

    /// Runs `lsock --proc TREE ARGS` with arguments of any bytes.
    pub(crate) fn run_args<A: AsRef<OsStr>>(&self, args: &[A]) -> Run {
        let mut command = lsock();
        command.arg("--proc").arg(self.path()).args(args);
        Run::of(&mut command)
    }

    /// A command that runs `lsock --proc TREE ARGS` without any right of root, or why there is none.
    /// Who is not root is a plain user already.
    pub(crate) fn plain_user(&self, args: &str) -> Result<Command, String> {
        let plain = [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
            "--",
        ];
        let mut command = if is_root() {
            // The build folder may lie where only root can go.
            let copy = self.top.join("lsock");
            fs::copy(env!("CARGO_BIN_EXE_lsock"), &copy).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
            let mut setpriv = Command::new("setpriv");
            setpriv.args(plain);
            let able = Command::new("setpriv").args(plain).arg("true").output();
            if !able.is_ok_and(|output| output.status.success()) {
                return Err(
                    "setpriv cannot make a plain user here (apt-get install util-linux)".to_owned(),
                );
            }
            setpriv.arg(copy);
            setpriv
        } else {
            lsock()
        };
        command.arg("--proc").arg(self.path());
        command.args(args.split_ascii_whitespace());
        Ok(command)
    }

    /// Runs lsock under strace and returns every path that it opened, as the kernel resolved it, links followed.
    pub(crate) fn opened(&self, args: &str) -> Result<Vec<String>, String> {
        let trace = self.top.join("trace");
        let strace = Command::new("strace")
            .args([
                "-f",
                "-y",
                "-s",
                "4096",
                "-e",
                "trace=open,openat,openat2",
                "-o",
            ])
            .arg(&trace)
            .arg(env!("CARGO_BIN_EXE_lsock"))
            .arg("--proc")
            .arg(self.path())
            .args(args.split_ascii_whitespace())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("strace does not run ({error}; apt-get install strace)"))?;
        let text = fs::read_to_string(&trace).unwrap_or_default();
        if !text.contains("+++ exited with") {
            let why = String::from_utf8_lossy(&strace.stderr);
            return Err(format!("strace may not trace here ({})", why.trim()));
        }
        // A line ends with `= 5</path/of/the/file>`: what was opened, not the name it was asked by.
        let paths = text.lines().filter_map(|line| {
            let (_, result) = line.rsplit_once(" = ")?;
            let (_, path) = result.split_once('<')?;
            Some(path.strip_suffix('>')?.to_owned())
        });
        Ok(paths.collect())
    }
}

impl Drop for Tree {
    /// Folders that were closed to everybody are opened again, so that a plain user can remove them.
    fn drop(&mut self) {
        open_folders(&self.top);
        if let Err(error) = fs::remove_dir_all(&self.top) {
            eprintln!("{}: not removed: {error}", self.top.display());
        }
    }
}

/// Makes every folder under this one readable and removable.
fn open_folders(dir: &Path) {
    // What cannot be opened shows when the folder is removed.
    let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o755));
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_folders(&entry.path());
        }
    }
}

/// A process (or thread) of a tree; each method adds to it.
pub(crate) struct Process {
    /// Its folder, `TREE/PID` or `TREE/PID/task/TID`.
    dir: PathBuf,
    /// Its process or thread id.
    pid: u32,
}

impl Process {
    /// Sets the command name, and the `stat` line that carries the same name in parentheses.
    pub(crate) fn comm(self, comm: &[u8]) -> Process {
        let pid = self.pid;
        fs::write(self.dir.join("comm"), [comm, b"\n"].concat()).unwrap();
        let before = format!("{pid} (");
        let stat = [
            before.as_bytes(),
            comm,
            b") S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n",
        ];
        fs::write(self.dir.join("stat"), stat.concat()).unwrap();
        self.uid(1000)
    }

    /// Sets the `status` file's user id.
    pub(crate) fn uid(self, uid: u32) -> Process {
        let pid = self.pid;
        let status = format!(
            "Name:\tx\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t1\n\
             TracerPid:\t0\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t{uid}\t{uid}\t{uid}\nFDSize:\t64\n\
             Groups:\t\nThreads:\t1\n"
        );
        fs::write(self.dir.join("status"), status).unwrap();
        self
    }

    /// Sets the arguments, each ended by a NUL as the kernel does.
    pub(crate) fn cmdline<A: AsRef<[u8]>>(self, args: &[A]) -> Process {
        let text: Vec<u8> = args
            .iter()
            .flat_map(|arg| [arg.as_ref(), b"\0"].concat())
            .collect();
        fs::write(self.dir.join("cmdline"), text).unwrap();
        self
    }

    /// Adds an fd that leads to this socket.
    pub(crate) fn socket(self, fd: u32, inode: u64) -> Process {
        self.fd(fd, &format!("socket:[{inode}]"))
    }

    /// Adds an fd with any text as its link.
    pub(crate) fn fd(self, fd: u32, link: &str) -> Process {
        symlink(link, self.dir.join("fd").join(fd.to_string())).unwrap();
        self
    }

    /// Adds `ns/net`, which a reader with rights can read: `net:[INODE]`.
    pub(crate) fn ns_net(self, inode: u64) -> Process {
        fs::create_dir_all(self.dir.join("ns")).unwrap();
        symlink(format!("net:[{inode}]"), self.dir.join("ns/net")).unwrap();
        self
    }

    /// Sets a file of the process to this text.
    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Process {
        fs::write(self.dir.join(name), text).unwrap();
        self
    }

    /// Removes a file, a link or a folder with all that is in it.
    pub(crate) fn without(self, name: &str) -> Process {
        let path = self.dir.join(name);
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        self
    }

    /// Sets the mode of a file or folder of the process.
    pub(crate) fn mode(self, name: &str, mode: u32) -> Process {
        fs::set_permissions(self.dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// A thread of this process with fds of its own, in the network namespace of this name.
    pub(crate) fn thread(&self, tid: u32, comm: &str, namespace: &str) -> Process {
        let dir = self.dir.join("task").join(tid.to_string());
        fs::create_dir_all(dir.join("fd")).unwrap();
        symlink(format!("../../../ns-{namespace}/net"), dir.join("net")).unwrap();
        let thread = Process { dir, pid: tid };
        thread.comm(comm.as_bytes())
    }
}

/// What lsock did: both outputs and the exit status.
#[derive(Debug)]
pub(crate) struct Run {
    /// Standard output, byte for byte.
    pub(crate) stdout: Vec<u8>,
    /// Standard error, byte for byte.
    pub(crate) stderr: Vec<u8>,
    /// The exit status, or none when a signal ended it.
    pub(crate) status: Option<i32>,
    /// The command, for what a failed test says.
    command: String,
}

impl Run {
    /// Runs a command to its end, without standard input, and keeps both outputs.
    pub(crate) fn of(command: &mut Command) -> Run {
        Run::to_the_end(command.stdout(Stdio::piped()))
    }

    /// The same with the standard output that the command was given, which is not kept if it is no pipe.
    pub(crate) fn to_the_end(command: &mut Command) -> Run {
        let child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        Run {
            stdout: output.stdout,
            stderr: output.stderr,
            status: output.status.code(),
            command: format!("{command:?}"),
        }
    }

    /// Standard output as text, which it must be whatever the names in it were.
    pub(crate) fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("standard output is UTF-8")
    }

    /// Standard error as text, which it must be too.
    pub(crate) fn err(&self) -> &str {
        std::str::from_utf8(&self.stderr).expect("standard error is UTF-8")
    }

    /// Demands exact standard output, a silent standard error and this exit status.
    #[track_caller]
    pub(crate) fn exactly(&self, stdout: &str, status: i32) {
        self.prints(stdout, status);
        assert_eq!(self.err(), "", "standard error of {}", self.command);
    }

    /// Demands exact standard output and this exit status, whatever standard error says.
    #[track_caller]
    pub(crate) fn prints(&self, stdout: &str, status: i32) {
        let (command, err) = (&self.command, self.err());
        assert_eq!(self.out(), stdout, "output of {command}\n{err}");
        assert_eq!(self.status, Some(status), "exit status of {command}\n{err}");
    }

    /// Demands these rows under the usual header, laid out exactly, silence on standard error and exit status 0.
    #[track_caller]
    pub(crate) fn shows(&self, rows: &[&str]) {
        self.exactly(&list(rows), 0);
    }

    /// Demands that nothing matched: no row, no word, exit status 1.
    #[track_caller]
    pub(crate) fn shows_nothing(&self) {
        self.exactly("", 1);
    }

    /// Demands a usage error: exit status 2, nothing on standard output, one line that quotes the input.
    #[track_caller]
    pub(crate) fn refuses(&self, quoted: &str) {
        let command = &self.command;
        assert_eq!(self.out(), "", "output of {command}");
        assert_eq!(
            self.status,
            Some(2),
            "exit status of {command}: {}",
            self.err()
        );
        let line = self.one_line();
        assert!(
            line.contains(quoted),
            "{command}: {quoted:?} is not quoted: {line}"
        );
    }

    /// Demands that standard error is one line of the form `lsock: …`, and returns what follows the name.
    #[track_caller]
    pub(crate) fn one_line(&self) -> &str {
        let text = self.err();
        assert_eq!(text.matches('\n').count(), 1, "one line, not: {text:?}");
        assert!(text.ends_with('\n'), "a whole line, not: {text:?}");
        assert!(!text.contains("panicked"), "{text}");
        text.strip_prefix("lsock: ")
            .unwrap_or_else(|| panic!("begins with the program's name: {text:?}"))
            .trim_end()
    }

    /// The rows of the list without the header, each as words with one blank between them.
    pub(crate) fn rows(&self) -> Vec<String> {
        let lines = self.out().lines().skip(1);
        lines
            .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// Demands what holds for every run, whatever the tree holds: it ended by itself with a known status, nothing
    /// panicked, every complaint is one line of lsock's, and no control character passed.
    #[track_caller]
    pub(crate) fn is_sane(&self) {
        let (out, err) = (self.out(), self.err());
        assert!(
            self.status.is_some_and(|status| (0..=3).contains(&status)),
            "exit status {:?} of {}: {err}",
            self.status,
            self.command
        );
        for line in err.lines() {
            assert!(line.starts_with("lsock: "), "{line}");
        }
        assert!(!err.contains("panicked"), "{err}");
        let control = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
        assert!(!control(out), "{out:?}");
        assert!(!control(err), "{err:?}");
    }
}

/// The program, without arguments.
pub(crate) fn lsock() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lsock"))
}

/// Lays rows out under the usual header.
pub(crate) fn list(rows: &[&str]) -> String {
    list_under(LIST_HEADER, rows)
}

/// Lays rows out under any header.
pub(crate) fn list_under(header: &str, rows: &[&str]) -> String {
    lay_out(header, &[&[header], rows].concat())
}

/// Lays rows out alone, as `-H` prints them.
pub(crate) fn list_without_header(rows: &[&str]) -> String {
    lay_out(LIST_HEADER, rows)
}

/// Lays lines out by the rules of the list: columns as wide as their widest word and one blank apart, numbers to the
/// right, all else to the left, nothing after the last word of a line.
fn lay_out(titles: &str, lines: &[&str]) -> String {
    let titles: Vec<&str> = titles.split(' ').collect();
    let lines: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    let width = |column: usize| {
        lines
            .iter()
            .map(|words| words[column].chars().count())
            .max()
    };
    let mut text = String::new();
    for words in &lines {
        assert_eq!(words.len(), titles.len(), "columns of {words:?}");
        for (column, word) in words.iter().enumerate() {
            let blanks = " ".repeat(width(column).unwrap_or(0) - word.chars().count());
            if NUMBERS.contains(&titles[column]) {
                text = text + &blanks + word;
            } else if column + 1 < titles.len() {
                text = text + word + &blanks;
            } else {
                text += word;
            }
            text.push(if column + 1 < titles.len() { ' ' } else { '\n' });
        }
    }
    text
}

/// A row of `tcp` or `tcp6`: addresses and state as the table spells them, `tx:rx`, uid and inode.
pub(crate) fn tcp(
    local: &str,
    remote: &str,
    state: &str,
    queues: &str,
    uid: u32,
    inode: u64,
) -> String {
    let row = format!(
        "   0: {local} {remote} {state} {queues} 00:00000000 00000000 {uid:5}        0 {inode} 1 0000000000000000 20 4 30 10 -1"
    );
    format!("{row:<149}")
}

/// The short row of a socket in `TIME_WAIT` or `SYN_RECV`, which has no inode.
pub(crate) fn tcp_short(local: &str, remote: &str, state: &str) -> String {
    let row = format!(
        "   2: {local} {remote} {state} 00000000:00000000 03:0000176F 00000000     0        0 0 3 0000000000000000"
    );
    format!("{row:<149}")
}

/// A row of `udp`, `udplite`, `raw` or `icmp`, or of their IPv6 tables.
pub(crate) fn udp(
    local: &str,
    remote: &str,
    state: &str,
    queues: &str,
    uid: u32,
    inode: u64,
) -> String {
    let row = format!(
        " 1234: {local} {remote} {state} {queues} 00:00000000 00000000 {uid:5}        0 {inode} 2 0000000000000000 0"
    );
    format!("{row:<127}")
}

/// A row of `unix`; the path may be any bytes, and an empty one is not printed at all.
pub(crate) fn unix(
    flags: &str,
    kind: &str,
    state: &str,
    inode: u64,
    path: impl AsRef<[u8]>,
) -> Vec<u8> {
    let row = format!("0000000000000000: 00000002 00000000 {flags} {kind} {state} {inode:5}");
    let mut row = row.into_bytes();
    if !path.as_ref().is_empty() {
        row.push(b' ');
        row.extend_from_slice(path.as_ref());
    }
    row
}

/// A row of `netlink`: protocol, port id, inode.
pub(crate) fn netlink(protocol: u32, port_id: i64, inode: u64) -> String {
    format!(
        "0000000000000000 {protocol:<3} {port_id:<10} 00000000 0        0        0     2        0        {inode:<8}"
    )
}

/// A row of `packet`: type, protocol in hex, interface's index, inode.
pub(crate) fn packet(kind: u32, protocol: &str, interface: u32, inode: u64) -> String {
    format!(
        "0000000000000000 3      {kind}    {protocol}   {interface}     1 0      0      {inode:<6}"
    )
}

/// An argument of any bytes but NUL.
pub(crate) fn bytes(text: &[u8]) -> OsString {
    OsStr::from_bytes(text).to_owned()
}

/// Whether this test runs as root, whom no mode of a file stops.
pub(crate) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uid.and_then(|ids| ids.split_ascii_whitespace().nth(1)) == Some("0")
}

/// Says in the one line that ci/test counts why the test of this name could not run here.
pub(crate) fn skip(why: &str) {
    let thread = std::thread::current();
    // The harness runs each test in a thread of the test's name.
    eprintln!("skipped: {}: {why}", thread.name().unwrap_or("a test"));
}
