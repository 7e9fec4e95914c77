"""Random command lines, each with what it means in words of `answer`.

In: a World (so that most questions have an answer). Out: Questions: the words that are typed and the conditions that they stand for, as
--help and README say. A condition is a function of a row that says True, False, or None where README leaves it open.
"""

import ipaddress

from world import PORTS, V4, V6

asked = 0
TABLES = {
    "tcp": ("tcp", "tcp6"), "udp": ("udp", "udp6", "udplite", "udplite6"), "unix": ("unix",), "raw": ("raw", "raw6", "icmp", "icmp6"),
    "sctp": ("sctp/eps", "sctp/assocs"), "packet": ("packet",), "netlink": ("netlink",)}
SWITCHES = {
    "tcp": ("-t", "--tcp"), "udp": ("-u", "--udp"), "unix": ("-x", "--unix", "-U"), "raw": ("-w", "--raw"), "sctp": ("-S", "--sctp"),
    "packet": ("-0", "--packet"), "netlink": ("--netlink",)}
INET = TABLES["tcp"] + TABLES["udp"] + TABLES["raw"] + TABLES["sctp"]


class Question:
    """What is typed, and what it means."""

    def __init__(self):
        self.argv, self.rows, self.processes, self.paths = [], [], [], []
        self.container = self.netns = None
        self.listens = self.asks_kernel = self.has_words = self.names_inode = self.has_uid = False
        self.tables = None
        self.families = set()
        self.addresses = []
        # What a TCP socket that is bound and in no table can never be: has another end, or a state of its own.
        self.excludes_bound = False
        self.view = "json"

    def say(self, *words):
        self.argv.extend(words)


def quoted(word):
    text = word if isinstance(word, str) else word.decode("utf-8", "backslashreplace")
    return text if text and all(c.isalnum() or c in "-_./:@=,[]%" for c in text) else "'" + text.replace("\n", "\\n") + "'"


def questions(rng, world, seen, count):
    global asked
    for _ in range(count):
        asked += 1
        yield question(rng, world, seen)


def question(rng, world, seen):
    ask = Question()
    if rng.random() < 0.4:
        rng.choice((by_pid, by_word, by_prefix, by_pid))(rng, world, ask)
    if rng.random() < 0.15 and world.containers:
        by_container(rng, world, ask)
    if rng.random() < 0.2:
        by_netns(rng, world, seen, ask)
    if rng.random() < 0.35:
        by_table(rng, ask)
    if rng.random() < 0.25:
        by_listening(rng, ask)
    if rng.random() < 0.5:
        rng.choice((by_port, by_port, by_address, by_path, by_inode, by_state, by_uid, by_spec, by_path, by_filter))(rng, world, ask)
    if rng.random() < 0.12 and not ask.addresses:
        by_family(rng, ask)
    view = rng.random()
    if view < 0.12:
        ask.view = "q"
    elif view < 0.25 and "/" not in str(ask.argv):
        ask.view = "T"
    # ss's filter comes last, so the view stands first.
    ask.argv.insert(0, {"json": "-j", "q": "-q", "T": "-T"}[ask.view])
    if rng.random() < 0.3:
        ask.argv[1:1] = ["--threads", str(rng.choice((1, 2, 4)))]
    return ask


# ---- processes --------------------------------------------------------------------------------------------------------------------


def by_pid(rng, world, ask):
    pids = [p.pid for p in world.processes]
    chosen = rng.sample(pids, min(len(pids), rng.randint(1, 2))) + ([998] if rng.random() < 0.1 else [])
    ask.say(rng.choice((",".join(map(str, chosen)), "--pid=" + ",".join(map(str, chosen)))))
    ask.processes.append(lambda process: process.pid in chosen)


def command_line(process):
    return b" ".join(process.args)


def by_word(rng, world, ask):
    word = rng.choice((b"java", b"nginx", b"sbin", b"war", b"worker", b"ckerd", b"\xff\xfe", b"two words"))
    ask.say(word if b" " not in word else b"--command=" + word)
    ask.has_words = True
    ask.processes.append(lambda process: word in process.comm or word in command_line(process))


def by_prefix(rng, world, ask):
    name = rng.choice((b"ja", b"java", b"n", b"worke", b"(hid", b"a)b"))
    ask.say("-c", name)
    ask.processes.append(lambda process: process.comm.startswith(name))


def by_container(rng, world, ask):
    digits = rng.choice(world.containers)[:rng.choice((4, 12, 64))]
    ask.say("--container", digits)
    ask.container = digits


def by_netns(rng, world, seen, ask):
    if rng.random() < 0.6:
        process = rng.choice(world.processes)
        tasks = seen.tasks(process)
        if not tasks:
            return
        ask.say("--netns", str(process.pid))
        ask.netns = tasks[0][1]
        # Which thread stands for a process whose main thread has gone is not said.
        if len({ns.inode for _, ns in tasks}) > 1 and process.dead_main:
            ask.argv[-2:] = []
            ask.netns = None
        return
    known = [ns for ns in world.namespaces if ns.inode in seen.known]
    if known:
        ask.netns = rng.choice(known)
        ask.say("--netns", rng.choice((str(ask.netns.inode), f"net:[{ask.netns.inode}]")))


# ---- rows -----------------------------------------------------------------------------------------------------------------------------


def by_table(rng, ask):
    names = rng.sample(sorted(TABLES), rng.choice((1, 1, 2)))
    for name in names:
        ask.say(rng.choice(SWITCHES[name]))
    ask.tables = {table for name in names for table in TABLES[name]}
    ask.asks_kernel = "netlink" in names


def by_listening(rng, ask):
    ask.say(rng.choice(("-l", "--listening")))
    ask.listens = ask.excludes_bound = True

    def listens(row):
        if row.listens or row.is_doubted and row.fields["state"].values[0] == "LISTEN":
            return None if row.is_doubted else True
        # With -w or -x also raw and unix without a peer, as ss has it; packet and netlink have none at all.
        if ask.tables is not None and row.table in ask.tables:
            if row.table in TABLES["raw"] or row.table == "unix":
                return row.state == "UNCONNECTED" if not row.is_doubted else None
            if row.table in ("packet", "netlink", "sctp/eps"):
                return None
        return False
    ask.rows.append(listens)


def by_port(rng, world, ask):
    if rng.random() < 0.3:
        low = rng.choice((1, 80, 5000, 8000))
        high = low + rng.choice((0, 1000, 60000 - low))
        spec, low_high = f"{low}-{high}", [(low, high)]
    else:
        ports = rng.sample(PORTS + (4, 65534), rng.choice((1, 1, 2)))
        spec, low_high = ",".join(map(str, ports)), [(port, port) for port in ports]

    def has(port):
        return port is not None and any(low <= port <= high for low, high in low_high)
    side = rng.choice(("any", "any", "local", "remote"))
    if side == "any":
        ask.say(rng.choice((":" + spec, "--port=" + spec)))
        ask.rows.append(lambda row: has(row.lport) or has(row.rport))
    elif side == "local":
        ask.say("--local-port=" + spec)
        ask.rows.append(lambda row: has(row.lport))
    else:
        ask.say("--remote-port=" + spec)
        ask.excludes_bound = True
        ask.rows.append(lambda row: has(row.rport))


def by_address(rng, world, ask):
    if rng.random() < 0.5:
        net = ipaddress.ip_network(rng.choice(("127.0.0.1", "10.0.0.0/8", "172.16.0.0/12", "10.0.0.5", "192.168.7.9", "172.17.0.2/31")))
    else:
        net = ipaddress.ip_network(rng.choice(("::1", "fe80::/10", "2001:db8::5", "2001:db8::/32")))
    text = str(net).removesuffix("/32" if net.version == 4 else "/128")
    port = rng.choice(PORTS) if rng.random() < 0.4 else None
    if port:
        ask.say(f"{text}:{port}" if net.version == 4 else f"[{text}]:{port}")
    else:
        ask.say(rng.choice((text, "--address=" + text)))
    ask.addresses.append((net, port))

    def holds(row):
        for ips, of_end in ((row.locals, row.lport), (row.remotes, row.rport)):
            if any(ip.version == net.version and ip in net for ip in ips) and (port is None or port == of_end):
                return True
        if ask.listens and row.listens and (port is None or port == row.lport):
            return accepts(row, {net.version})
        return False
    ask.rows.append(holds)


def accepts(row, versions):
    """Whether a listener on every address accepts for one of these families: that of IPv6 for both, unless one of IPv4 has its port."""
    wild = [ip for ip in row.locals if not int(ip)]
    if not wild or row.table.startswith("sctp"):
        return None if wild else False
    if wild[0].version in versions:
        return True
    if wild[0].version == 4:
        return False
    return not any(s.table == row.table.rstrip("6") and s.local == (V4[0], row.lport) and s.st == row.sock.st and s.ns is row.ns
                   for s in row.ns.rows)


def by_family(rng, ask):
    version = rng.choice((4, 6))
    if any(word in ("-S", "--sctp") for word in ask.argv):
        return
    ask.say(f"-{version}")
    ask.families = {version}

    def holds(row):
        if row.table not in INET:
            return False
        if any(ip.version == version for ip in row.locals):
            return True
        if ask.listens and row.listens and version == 4:
            return accepts(row, {4})
        if row.table.startswith("sctp"):
            return None
        return False
    ask.rows.append(holds)


def by_path(rng, world, ask):
    word = rng.choice(("/run/app.sock", "/var/run/app.sock", "/run/docker.sock", "docker.sock", "app.sock", "@abstract", "@pad", "@evil",
                       "/f", "/tmp/with blank", "@e", "/nope"))
    is_bare = word[0] not in "/@"
    ask.say("--path=" + word if rng.random() < 0.3 or " " in word else word)
    wanted = word.encode()

    def plain(path):
        return path[4:] if path.startswith(b"/var/run/") else path

    def is_called(path):
        if path is None:
            return False
        if wanted.startswith(b"@"):
            return path.startswith(b"@") and path.rstrip(b"@") == wanted.rstrip(b"@")
        if is_bare:
            return path == wanted or path.startswith(b"/") and path.rsplit(b"/", 1)[1] == wanted
        return plain(path) == plain(wanted)
    ask.paths.append(is_called)
    ask.excludes_bound = True
    if is_bare and not ask.argv[-1].startswith("--path"):
        # A bare word is looked for in commands too.
        ask.word_or_path = wanted
        if ask.processes:
            # Whether it is one more word or one more condition beside a process is not said.
            ask.argv[-1] = "--path=" + word
            return
        ask.bare = wanted


def by_inode(rng, world, ask):
    sock = rng.choice(world.sockets)
    if not sock.inode:
        return
    ask.say(rng.choice((f"socket:[{sock.inode}]", f"--inode={sock.inode}")))
    ask.asks_kernel = ask.names_inode = True
    ask.rows.append(lambda row: row.sock.inode == sock.inode)


def by_state(rng, world, ask):
    name = rng.choice(("LISTEN", "ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT", "UNCONNECTED", "CONNECTED", "SYN_RECV", "CONNECTING"))
    ask.say(rng.choice((f"--state={name}", f"-s{name}", f"-s={name}")))
    ask.excludes_bound = True

    def holds(row):
        if row.is_doubted:
            return None if name in row.fields["state"].values else False
        if row.table == "sctp/eps" and row.state is None:
            return None
        return row.state == name
    ask.rows.append(holds)


def by_uid(rng, world, ask):
    uid = rng.choice((0, 33, 1000))
    ask.say(f"--uid={uid}")
    ask.has_uid = True
    ask.rows.append(lambda row: row.uid == uid)


def by_spec(rng, world, ask):
    """lsof's -i SPEC."""
    family, proto = rng.choice(("", "", "4", "6")), rng.choice(("", "TCP", "udp", "tcp"))
    net = rng.choice((None, None, "127.0.0.1", "10.0.0.5", "[::1]"))
    if net and family and (family == "4") == net.startswith("["):
        net = None
    ports = rng.choice(("", ":80", ":8080,9000", ":1-1023"))
    if ask.tables is not None or ask.families or ask.listens and net:
        return
    spec = family + proto + (f"@{net}" if net else "") + ports
    if not spec:
        return
    ask.say("-i" + spec)
    ip = ipaddress.ip_address(net.strip("[]")) if net else None
    ranges = {"": None, ":80": [(80, 80)], ":8080,9000": [(8080, 8080), (9000, 9000)], ":1-1023": [(1, 1023)]}[ports]

    def holds(row):
        if row.table not in INET or proto and not row.table.startswith(proto.lower()):
            return False
        if family and not any(one.version == int(family) for one in row.locals):
            # A listener of IPv6 on every address is one of IPv4 as well, to who asks for listeners.
            return None if ask.listens and row.listens else False
        if (ip or ranges) and not any(
                (ip is None or ip in ips) and (ranges is None or port is not None and any(low <= port <= high for low, high in ranges))
                for ips, port in ((row.locals, row.lport), (row.remotes, row.rport))):
            return False
        # lsof knows neither raw nor SCTP by this option, and UDP-Lite as UDP.
        return True if row.table.rstrip("6") in ("tcp", "udp") or proto == "udp" else None
    ask.rows.append(holds)
    if net:
        ask.addresses.append((ipaddress.ip_network(ip), None))


def by_filter(rng, world, ask):
    """ss's filter, over TCP and UDP."""
    if ask.tables is not None or ask.listens or ask.processes or ask.netns or ask.container:
        return
    ask.say("-a", "-t", "-u")
    ask.tables = set(TABLES["tcp"] + TABLES["udp"])

    def atom():
        port, ip = rng.choice(PORTS), rng.choice(V4[1:] + V6[1:5])
        kind = rng.choice(("sport", "dport", "src", "dst"))
        if kind == "sport":
            return f"sport = :{port}", lambda row: row.lport == port
        if kind == "dport":
            return f"dport = :{port}", lambda row: row.rport == port
        text = str(ip) if ip.version == 4 else f"[{ip}]"
        if kind == "src":
            return f"src {text}", lambda row: ip in row.locals
        return f"dst {text}", lambda row: ip in row.remotes

    def tree(depth):
        if depth == 0 or rng.random() < 0.3:
            return atom()
        kind = rng.choice(("and", "or", "not"))
        left, holds_left = tree(depth - 1)
        if kind == "not":
            return f"not ( {left} )", lambda row: not holds_left(row)
        right, holds_right = tree(depth - 1)
        if kind == "and":
            return f"( {left} and {right} )", lambda row: holds_left(row) and holds_right(row)
        return f"( {left} or {right} )", lambda row: holds_left(row) or holds_right(row)
    text, holds = tree(2)
    ask.say(*(text.split() if rng.random() < 0.5 else [text]))
    ask.is_filter = True
    ask.rows.append(holds)
