"""Every file of proc that lsock may read, broken in every way: `ci/model --broken` compares what comes of it with broken.tsv.

In: one small tree, in which one file at a time is empty, a folder, a fifo, endless, answers EIO (strace does, in the kernel's place) or EACCES (to who is not root). Out: a
line for each: the file, the fault, and for each of VIEWS the exit status, the lines on standard output and whether standard error names
the file. `ci/model --broken --write` writes the table anew; read the difference before it is committed. What holds of each line, whatever
the table says: lsock ends, prints whole lines, and where it shows less than of the whole tree it does not say 1 (`WRONG` lists what does).
A fifo that nobody writes to is an empty file; /dev/zero is a line without an end.
"""

import os
import shutil
import subprocess

import kernel

VIEWS = ("-j", "-j java", "-j --container abab", "-j --netns 7", "-q -l :80", "-T -t")
FAULTS = ("empty", "folder", "fifo", "endless", "EIO", "EACCES")
TABLE = os.path.join(os.path.dirname(__file__), "broken.tsv")
# What is 1 though something could not be read: to be emptied as these are mended.
WRONG = ()
# An empty folder is what is there where nothing is.
FOLDERS = ("fd", "net")
# What differs in nothing from others is left out.
BROTHERS = ("raw6", "icmp6", "udp6", "udplite", "udplite6", "sockstat6", "raw", "packet")


def make(top):
    """One process in one namespace: a listener of TCP, a socket of UDP and one of unix."""
    if os.path.isdir(top):
        for name in ("fd", "net"):
            if os.path.isdir(f"{top}/7/{name}"):
                os.chmod(f"{top}/7/{name}", 0o755)
        shutil.rmtree(top)
    for folder in ("fd", "ns", "net/sctp"):
        os.makedirs(f"{top}/7/{folder}")
    rows = {
        "tcp": "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0",
        "udp": "   1: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0000000000000000 0",
        "unix": "0000000000000000: 00000002 00000000 00010000 0001 01    13 /run/app.sock"}
    files = {name: kernel.HEADERS[name] + "\n" + rows.get(name, "") + ("\n" if name in rows else "") for name in kernel.ALWAYS + ("sctp/eps", "sctp/assocs")}
    files["sockstat"] = "sockets: used 9\nTCP: inuse 1 orphan 0 tw 0 alloc 6 mem 1\nUDP: inuse 1 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\n"
    files["sockstat6"] = "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\n"
    files["protocols"] = "protocol  size sockets  memory press maxhdr  slab module     cl co di ac\n" + "".join(
        f"{name:9} 1152 {1:6}      -1   NI       0   yes  kernel      y  n  n  n\n" for name in ("SCTP", "UNIX-STREAM", "UDP", "TCP"))
    files["if_inet6"] = "00000000000000000000000000000001 01 80 10 80       lo\n"
    for name, text in files.items():
        write(f"{top}/7/net/{name}", text)
    own = {"comm": "java\n", "cmdline": "java\0-jar\0", "cgroup": f"0::/docker-{'ab' * 32}.scope\n", "mountinfo": "20 1 254:1 / / rw - ext4 /dev/x rw\n",
           "stat": "7 (java) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n", "status": "Name:\tjava\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"}
    for name, text in own.items():
        write(f"{top}/7/{name}", text)
    for fd, inode in ((3, 11), (4, 12), (5, 13)):
        os.symlink(f"socket:[{inode}]", f"{top}/7/fd/{fd}")
    os.symlink("net:[4026531840]", f"{top}/7/ns/net")
    return sorted([f"net/{name}" for name in files if name not in BROTHERS] + list(own) + ["fd", "fd/3", "net", "ns/net"])


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def put_in_place(path, fault):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)
    if fault == "folder":
        os.mkdir(path)
    elif fault == "fifo":
        os.mkfifo(path)
    elif fault == "endless":
        os.symlink("/dev/zero", path)
    else:
        write(path, "")


def result(lsock, top, path, fault, view):
    command = [lsock, "--proc", top, *view.split()]
    options = {}
    if fault == "EIO":
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path, "-e", "inject=read,getdents64,readlinkat:error=EIO"] + command
    elif fault == "EACCES" and os.getuid() == 0:
        options = {"user": 65534, "group": 65534, "extra_groups": []}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **options)
    names = "+" if path.encode() in done.stderr else ""
    if done.stdout and not done.stdout.endswith(b"\n") or b"panicked" in done.stderr:
        names += "!"
    return f"{done.returncode}/{done.stdout.count(10)}{names}"


def run(lsock, scratch, writes):
    """Returns what is wrong, a line each; and how many were tried."""
    try:
        subprocess.run(["strace", "-V"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ["skipped: strace does not run"], 0
    top = os.path.join(scratch, "broken")
    lines, wrong = [], []
    paths = make(top)
    whole = [result(lsock, top, "/nowhere", "", view) for view in VIEWS]
    lines.append("\t".join(["file", "fault", *VIEWS]))
    lines.append("\t".join(["-", "whole", *whole]))
    for path in paths:
        for fault in FAULTS:
            make(top)
            if fault in ("empty", "folder", "fifo", "endless"):
                put_in_place(f"{top}/7/{path}", fault)
            elif fault == "EACCES" and not os.path.islink(f"{top}/7/{path}"):
                os.chmod(f"{top}/7/{path}", 0)
            found = [result(lsock, top, f"{top}/7/{path}", fault, view) for view in VIEWS]
            lines.append("\t".join([path, fault, *found]))
            for view, one, full in zip(VIEWS, found, whole):
                if fault not in ("empty", "fifo") and (path, fault) not in [(name, "folder") for name in FOLDERS] and one.startswith("1/") and full.startswith("0/") and (path, fault, view) not in WRONG:
                    wrong.append(f"{path} {fault}: lsock {view}: 1, though something could not be read")
                if one.endswith("!"):
                    wrong.append(f"{path} {fault}: lsock {view}: half a line, or a panic")
    text = "\n".join(lines) + "\n"
    if writes:
        write(TABLE, text)
        return wrong, len(paths) * len(FAULTS)
    with open(TABLE, encoding="ascii") as file:
        known = file.read().splitlines()
    for before, now in zip(known, lines):
        if before != now:
            wrong.append(f"not as in broken.tsv:\n  was {before}\n  is  {now}")
    if len(known) != len(lines):
        wrong.append(f"broken.tsv has {len(known)} lines, not {len(lines)}")
    return wrong, len(paths) * len(FAULTS)
