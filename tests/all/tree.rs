//! A builder of fake proc trees, and a runner of `lsock --proc TREE`.
//!
//! What comes in: processes with their fds, and tables as the kernel prints them. What goes out: a folder that looks
//! like proc to a reader (fd links are plain symlinks `socket:[N]`, the `net` of each process leads to the one
//! folder of its namespace), and a run of lsock that reads it.

use crate::machine::{is_root, strace};
use crate::rows::{HEADERS, header, native};
use crate::run::{LSOCK, Run, lsock};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

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
        // A test in a PID namespace of its own is the first process there, as others are in theirs.
        let namespace = fs::metadata("/proc/self/ns/pid").unwrap().ino();
        let name = format!("lsock-tree-{namespace}-{}-{number}", std::process::id());
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

    /// Makes the table's whole text these bytes, addresses as this machine prints them.
    pub(crate) fn table_text(&self, namespace: &str, table: &str, text: &[u8]) {
        fs::write(self.net(namespace).join(table), native(text)).unwrap();
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
            fs::copy(LSOCK, &copy).unwrap();
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
        let mut command = lsock();
        command.arg("--proc").arg(self.path());
        command.args(args.split_ascii_whitespace());
        let which = "trace=open,openat,openat2";
        let (_, calls) = strace(&["-f", "-y", "-s", "4096", "-e", which], &command)?;
        // A line ends with `= 5</path/of/the/file>`: what was opened, not the name it was asked by.
        let paths = calls.lines().filter_map(|line| {
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

    /// Sets the process that has started it.
    pub(crate) fn parent(self, pid: u32) -> Process {
        let status = fs::read_to_string(self.dir.join("status")).unwrap();
        let status = status.replace("PPid:\t1\n", &format!("PPid:\t{pid}\n"));
        self.file("status", status)
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

    /// Adds another link of the process, such as `ns/pid`.
    pub(crate) fn link(self, name: &str, target: &str) -> Process {
        symlink(target, self.dir.join(name)).unwrap();
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
