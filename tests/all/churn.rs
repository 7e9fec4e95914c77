//! Processes that close sockets and open others all the time, get the same descriptors again, fork and exit: what lsock says
//! of a socket must be true of that socket, even if it is gone by then.
//!
//! What comes in: `churn.c`, which writes down what was true, for 10 s or `LSOCK_CHURN_SECONDS`. What goes out: rows that were
//! never true, sockets that last and are not shown, accusations, and memory that grows.

use crate::again::{Held, in_a_network_of_its_own};
use crate::machine::skip;
use crate::run::{Run, lsock, words};
use crate::tree::Tree;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many sockets are open at a time.
const OPEN: usize = 19;
/// How often lsock looks.
const LOOKS: usize = 60;

/// Opens socket `number` of three kinds in turn. Returns it and what lsock has to call it.
fn open(number: usize) -> (OwnedFd, &'static str) {
    match number % 3 {
        0 => (TcpListener::bind("127.0.0.1:0").unwrap().into(), "tcp"),
        1 => (UdpSocket::bind("127.0.0.1:0").unwrap().into(), "udp"),
        _ => (UnixDatagram::unbound().unwrap().into(), "unix-dgram"),
    }
}

/// Returns true if lsock may call a socket that is `known` so: where no table lists it, unix is of any type.
fn is_called(told: &str, known: &str, is_listed: bool) -> bool {
    told == known || (!is_listed && told == "unix" && known.starts_with("unix"))
}

/// Opens and closes sockets until `is_over`. Returns the protocol of each by its inode.
fn churn(is_over: &AtomicBool) -> HashMap<u64, &'static str> {
    let (mut protos, mut held) = (HashMap::new(), VecDeque::new());
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let (socket, proto) = open(number);
        let file = File::from(socket.as_fd().try_clone_to_owned().unwrap());
        protos.insert(file.metadata().unwrap().ino(), proto);
        held.push_back(socket);
        if held.len() > OPEN {
            held.pop_front();
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    protos
}

// Every tenth row had the protocol of the socket that had got the descriptor since, and true rows were called forged.
#[test]
fn a_socket_that_is_closed_while_lsock_looks_is_never_called_another_protocol() {
    let is_over = AtomicBool::new(false);
    let pid = std::process::id().to_string();
    let (protos, looks) = std::thread::scope(|scope| {
        let churner = scope.spawn(|| churn(&is_over));
        let look = |_| lsock().args(["-j", &pid]).output().unwrap();
        let looks: Vec<_> = (0..LOOKS).map(look).collect();
        is_over.store(true, Ordering::Relaxed);
        (churner.join().unwrap(), looks)
    });
    let mut seen = 0;
    for look in looks {
        let said = String::from_utf8(look.stderr).unwrap();
        assert!(!said.contains("pretends"), "{said}");
        for line in String::from_utf8(look.stdout).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let inode = row["inode"].as_u64().unwrap();
            if let Some(proto) = protos.get(&inode) {
                let told = row["proto"].as_str().unwrap();
                assert!(is_called(told, proto, row["local"] != "?"), "{line}");
                seen += 1;
            }
        }
    }
    assert!(seen > LOOKS, "{seen}");
}

/// A socket at a descriptor of a process: pid, fd, inode.
type Place = (u64, u64, u64);

/// What was true at some time.
#[derive(Default)]
struct Truth {
    /// What each socket was called, by its inode.
    protos: HashMap<u64, String>,
    /// The sockets with a port of their own, and that.
    ports: HashSet<(u64, u64)>,
    /// Who held what where.
    places: HashSet<Place>,
    /// The processes.
    pids: HashSet<u64>,
    /// The sockets that last.
    lasting: HashSet<Place>,
}

impl Truth {
    /// Reads what `churn.c` wrote down.
    fn read(log: &Path) -> Truth {
        let mut truth = Truth::default();
        for line in fs::read_to_string(log).unwrap().lines() {
            let fields: Vec<&str> = line.trim_start_matches("= ").split(' ').collect();
            let number = |at: usize| fields[at].parse::<u64>().unwrap();
            let place = (number(0), number(1), number(2));
            truth.protos.insert(place.2, fields[3].to_owned());
            truth.ports.insert((place.2, number(4)));
            truth.pids.insert(place.0);
            truth.places.insert(place);
            // One that could not be bound is followed by another at its descriptor.
            if line.starts_with("= ") {
                let is_other = |known: &Place| known.1 != place.1;
                truth.lasting.retain(is_other);
                truth.lasting.insert(place);
            }
        }
        truth
    }

    /// Demands that a row was true at some time. Returns its place, if it is one of `churn.c`'s that somebody holds.
    #[track_caller]
    fn has(&self, row: &Seen) -> Option<Place> {
        let Some(inode) = row.inode else {
            assert_eq!(row.pid, None, "{row:?}");
            return None;
        };
        if let (Some(known), Some(proto)) = (self.protos.get(&inode), &row.proto) {
            assert!(is_called(proto, known, row.is_listed), "{row:?}");
        }
        if let Some(port) = row.port {
            let is_known = !self.protos.contains_key(&inode) || self.ports.contains(&(inode, port));
            assert!(is_known, "{row:?}");
        }
        let pid = row.pid.filter(|pid| self.pids.contains(pid))?;
        let place = (pid, row.fd.unwrap(), inode);
        assert!(self.places.contains(&place), "nobody held it: {row:?}");
        Some(place)
    }
}

/// What a row says.
#[derive(Debug)]
struct Seen {
    pid: Option<u64>,
    fd: Option<u64>,
    inode: Option<u64>,
    proto: Option<String>,
    port: Option<u64>,
    /// True if a table lists it.
    is_listed: bool,
}

impl Seen {
    /// Of a line of JSON.
    fn of_json(line: &str) -> Seen {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| row[name].as_u64();
        Seen {
            pid: number("pid"),
            fd: number("fd"),
            inode: number("inode"),
            proto: row["proto"].as_str().map(str::to_owned),
            port: number("local_port"),
            is_listed: row["local"] != "?",
        }
    }

    /// Of a line of the list, or of a change, under this header.
    fn of_list(line: &str, header: &[&str]) -> Seen {
        let line = words(line);
        let mut fields: Vec<&str> = line.split(' ').collect();
        if matches!(fields[0], "+" | "-") && fields.len() > header.len() {
            fields.drain(..2);
        }
        assert_eq!(fields.len(), header.len(), "{line}");
        let field = |name: &str| {
            let at = header.iter().position(|title| *title == name);
            Some(fields[at.unwrap()]).filter(|field| *field != "-")
        };
        let number = |name: &str| field(name).map(|field| field.parse::<u64>().unwrap());
        Seen {
            pid: number("PID"),
            fd: number("FD"),
            inode: number("INODE"),
            proto: field("PROTO").map(str::to_owned),
            port: None,
            is_listed: field("LOCAL") != Some("?"),
        }
    }
}

/// What a process has used of memory at most, in KiB.
fn memory_peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let size = line.unwrap().split_ascii_whitespace().nth(1);
    size.unwrap().parse().unwrap()
}

/// Builds `churn.c` and starts it; or says why that cannot be.
fn start_churn(folder: &Tree, log: &Path) -> Result<Child, String> {
    let program = folder.top().join("churn");
    let mut cc = Command::new("cc");
    cc.arg("-O2")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/churn.c"));
    match cc.arg("-o").arg(&program).output() {
        Ok(output) if output.status.success() => {}
        other => return Err(format!("cc (apt-get install gcc), of churn.c: {other:?}")),
    }
    let mut churn = Command::new(program);
    churn.arg(log).arg("3");
    // A row could stand behind each name.
    churn.arg("short");
    let churn = churn.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    churn.map_err(|error| error.to_string())
}

/// Demands that nobody is accused of anything: no name here holds a newline.
#[track_caller]
fn accuses_nobody(said: &str) {
    for word in ["pretends", "claim", "forged", "skipped", "panicked"] {
        assert!(!said.contains(word), "{said}");
    }
}

/// Looks in each way for this time. Returns what was printed, a look's lines with whether it has to show all that lasts.
fn looks_at(churn: u32, ports: &[u64], time: Duration) -> Vec<(bool, Vec<Seen>)> {
    let pid = churn.to_string();
    let start = Instant::now();
    let mut looks = Vec::new();
    while start.elapsed() < time {
        for (args, is_whole) in [
            (&["-j"][..], true),
            (&["-j", &pid], true),
            (&["-j", "--threads", "2", "--netns", &pid], true),
            (&["-j", "-c", "churn", "-E"], true),
            (&["-j", "-x", "-u"], false),
            (&["-j", "-l"], false),
        ] {
            let run = Run::of(lsock().args(args));
            accuses_nobody(run.err());
            looks.push((is_whole, run.out().lines().map(Seen::of_json).collect()));
        }
        let run = Run::of(lsock().arg("-e"));
        accuses_nobody(run.err());
        let header = words(run.out().lines().next().unwrap());
        let header: Vec<&str> = header.split(' ').collect();
        let rows = run.out().lines().skip(1);
        looks.push((
            true,
            rows.map(|line| Seen::of_list(line, &header)).collect(),
        ));
        for port in ports {
            let run = Run::of(lsock().args(["-q", "-t", &format!(":{port}")]));
            run.exactly("", 0);
        }
    }
    looks
}

// Some thousand sockets a second come and go, by three processes and their children. Sockets that changed while their table was
// read were accused of forging rows.
#[test]
fn whatever_comes_and_goes_no_row_is_wrong_and_nothing_that_lasts_is_lost() {
    in_a_network_of_its_own(|| {
        let seconds = std::env::var("LSOCK_CHURN_SECONDS");
        let seconds = seconds.map_or(10, |seconds| seconds.parse().unwrap());
        let folder = Tree::new();
        let log = folder.top().join("log");
        let mut churn = match start_churn(&folder, &log) {
            Ok(churn) => churn,
            Err(why) => return skip(&why),
        };
        let mut said = BufReader::new(churn.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "READY\n");
        let known = Truth::read(&log);
        let is_bound = |(inode, port): &&(u64, u64)| {
            let lasts = known.lasting.iter().any(|place| place.2 == *inode);
            *port > 0 && lasts && known.protos[inode].starts_with("tcp")
        };
        let ports: Vec<u64> = known
            .ports
            .iter()
            .filter(is_bound)
            .map(|pair| pair.1)
            .take(2)
            .collect();
        assert_eq!(ports.len(), 2);
        let (out, err) = (folder.top().join("watch"), folder.top().join("complaints"));
        let mut watch = lsock();
        watch.args(["--watch=0.03", "-e"]);
        watch
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap());
        let watch = Held::start(&mut watch).unwrap();
        let half = Duration::from_secs(seconds) / 2;
        let mut looks = looks_at(churn.id(), &ports, half);
        let peak = memory_peak(watch.pid());
        looks.extend(looks_at(churn.id(), &ports, half));
        let last_peak = memory_peak(watch.pid());
        drop(watch);
        // What was seen is written down a moment later.
        std::thread::sleep(Duration::from_millis(50));
        drop(churn.stdin.take());
        let mut counts = String::new();
        said.read_to_string(&mut counts).unwrap();
        churn.wait().unwrap();
        let truth = Truth::read(&log);
        let mut seen = 0;
        for (is_whole, rows) in &looks {
            let places: HashSet<Place> = rows.iter().filter_map(|row| truth.has(row)).collect();
            seen += places.len();
            let lost: Vec<_> = truth.lasting.difference(&places).collect();
            assert!(!is_whole || lost.is_empty(), "{lost:?}");
        }
        let text = fs::read_to_string(out).unwrap();
        let header = words(text.lines().next().unwrap());
        let header: Vec<&str> = header.split(' ').collect();
        // The last line may be half of one.
        let whole = text.rsplit_once('\n').unwrap().0;
        let mut changes = 0;
        for line in whole
            .lines()
            .skip(1)
            .filter(|line| !line.contains("COMMAND"))
        {
            truth.has(&Seen::of_list(line, &header));
            changes += 1;
        }
        accuses_nobody(&fs::read_to_string(err).unwrap());
        eprintln!(
            "{} looks, {seen} rows, {changes} lines of --watch, {peak} to {last_peak} KiB; {}",
            looks.len(),
            counts.trim()
        );
        assert!(
            seen > 100 * looks.len().min(10) && changes > 100,
            "{seen}, {changes}"
        );
        assert!(
            last_peak < 16_384 && last_peak <= peak + 2048,
            "{peak} KiB grew to {last_peak}"
        );
    });
}
