"""A made-up machine: namespaces, sockets, processes, threads, containers, and somebody who forges rows.

In: a random source. Out: a World, which is the truth. What a reader can see of it is `view`'s; how it is written is `tree`'s.
"""

import ipaddress
from types import SimpleNamespace as Thing

IP = ipaddress.ip_address
V4 = [IP(a) for a in ("0.0.0.0", "127.0.0.1", "172.17.0.2", "172.17.0.1", "10.0.0.5", "10.1.2.3", "192.168.7.9")]
V6 = [IP(a) for a in ("::", "::1", "fe80::1:2", "2001:db8::5", "2001:db8:0:1::a", "::ffff:10.0.0.5", "::ffff:127.0.0.1")]
PORTS = (22, 53, 80, 443, 5432, 8080, 8081, 9000, 33000, 65535)
WORDS = (b"java", b"nginx", b"dockerd", b"worker", b"sshd", b"a)b (c", b"ev\x1bil", b"\xff\xfe", b"two words", b"(hidden)", b"postgres")
PATHS = (b"/run/app.sock", b"/var/run/app.sock", b"/run/docker.sock", b"@abstract", b"@pad@@@@", b"/tmp/with blank", b"*", b"?",
         b"/tmp/\xff\xfe", b"/tmp/new\nline", b"/tmp/esc\x1b[31m", b"/srv/a/very/long/path/that/leaves/no/room/for/a/row/behind/it/in/one-hundred-"
         b"and-eight-bytes/s.sock", "@\u00e9\U0001f9c0".encode(), b"/tmp/back\\slash", "/tmp/\u3164".encode())
UIDS = (0, 33, 101, 1000, 65534)
LIVE = (0x01, 0x02, 0x08, 0x0A)
ORPHAN = (0x04, 0x05, 0x09, 0x0B)
NETLINK = {0: "route", 4: "sock_diag", 9: "audit", 12: "netfilter", 15: "kobject_uevent", 16: "generic", 30: "30"}


class World:
    """Everything there is. `sockets` are all true ones; `forged` the rows that names pretend."""

    def __init__(self, rng, size):
        self.rng, self.size = rng, size
        self.next_inode = rng.choice((20, 9000, 607_000, 4_294_900_000))
        self.sockets, self.forged, self.processes, self.containers = [], [], [], []
        self.connections = set()
        # Protocols are registered for all namespaces at once.
        self.modules = rng.random() < 0.5
        self.protocols = self.modules or rng.random() < 0.7
        self.namespaces = [self.namespace(number) for number in range(rng.choice((1, 1, 2, 2, 3, 5)))]
        self.make_containers()
        self.make_processes()
        # Some kinds of socket need modules that this machine has not; one socket there is at least.
        while size > 0 or not self.sockets:
            self.make_socket()
            size -= 1
        self.link_threads()
        if rng.random() < 0.5:
            for _ in range(rng.randint(1, 3)):
                self.forge()
        self.hide()
        self.spoil()

    # ---- namespaces, containers, processes ------------------------------------------------------------------------------

    def namespace(self, number):
        rng = self.rng
        names = {}
        if rng.random() < 0.6:
            names = {1: "lo", 2: "eth0", 7: "veth@x"}
        return Thing(number=number, inode=4_026_531_840 + number * 97, rows=[], interfaces=names, addresses=[
            (IP("::1"), 1), (IP("fe80::1:2"), 2)] if names else [], odd={}, unreadable=set(), pointer=rng.choice((
                "00000000edf44b2f", "0000000000000000", "c4160000", "(____ptrval____)", "(ptrval)")), protocols=self.protocols,
            sockstat=rng.random() < 0.5, modules=self.modules, no_assocs=False)

    def make_containers(self):
        rng = self.rng
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            self.containers.append("".join(rng.choice("0123456789abcdef") for _ in range(64)))

    def make_processes(self):
        rng = self.rng
        pids = rng.sample(range(2, 400), rng.randint(1, 12))
        for pid in sorted(pids):
            ns = rng.choice(self.namespaces)
            name = rng.choice(WORDS)
            container = rng.choice(self.containers) if self.containers and rng.random() < 0.6 else None
            args = [name, rng.choice((b"-k", b"--port=80", b"/srv/shop.war", b"my app.sock", b"x" * 300))]
            self.processes.append(Thing(
                pid=pid, comm=name[:15], args=args if rng.random() < 0.9 else [], ns=ns, container=container, fds={}, threads=[],
                hidden=False, dead_main=False, cgroup=rng.randint(0, 3)))

    def link_threads(self):
        """Some processes have threads: most share the table of descriptors, some have one of their own, or a namespace."""
        rng = self.rng
        for process in self.processes:
            if rng.random() > 0.25:
                continue
            tids = rng.sample(range(500, 900), rng.randint(1, 3))
            for tid in sorted(tids):
                own, ns = rng.random() < 0.4, process.ns
                if rng.random() < 0.3:
                    ns = rng.choice(self.namespaces)
                thread = Thing(tid=tid, comm=rng.choice((b"worker", process.comm)), own=own, ns=ns, fds={})
                if own:
                    for _ in range(rng.randint(0, 3)):
                        self.hold(thread, rng.choice(self.sockets))
                process.threads.append(thread)
            process.dead_main = rng.random() < 0.2

    def hold(self, holder, sock):
        if not sock.inode or sock.kernel:
            return
        fd = self.rng.choice((len(holder.fds) + 3, self.rng.randint(0, 40), self.rng.randint(0, 5000)))
        if fd not in holder.fds:
            holder.fds[fd] = sock.inode

    # ---- sockets ----------------------------------------------------------------------------------------------------------

    def inode(self):
        self.next_inode += self.rng.choice((1, 1, 2, 17))
        return self.next_inode

    def add(self, table, ns, held, **facts):
        sock = Thing(table=table, ns=ns, kernel=False, uid=self.rng.choice(UIDS), tx=self.rng.choice((0, 0, 5, 0xFFFF)),
                     rx=self.rng.choice((0, 0, 7, 300)), timer=0, when=0, retr=0, rto=20, cwnd=10, ssthresh=-1, drops=0, short=False)
        sock.__dict__.update(facts)
        if "inode" not in facts:
            sock.inode = self.inode()
        self.sockets.append(sock)
        if ns is not None:
            ns.rows.append(sock)
        if held and self.rng.random() < 0.85:
            for _ in range(self.rng.choice((1, 1, 1, 2, 4))):
                here = [p for p in self.processes if p.ns is ns]
                crowd = here if here and self.rng.random() < 0.85 else self.processes
                self.hold(self.rng.choice(crowd), sock)
        return sock

    def make_socket(self):
        rng = self.rng
        ns = rng.choice(self.namespaces)
        kind = rng.choice(("tcp", "tcp", "tcp", "udp", "unix", "unix", "unix", "raw", "icmp", "netlink", "packet", "sctp", "blue", "none"))
        if kind == "tcp":
            self.make_tcp(ns)
        elif kind in ("udp", "raw", "icmp"):
            self.make_datagram(kind, ns)
        elif kind == "unix":
            self.make_unix(ns)
        elif kind == "netlink":
            kernel = rng.random() < 0.3
            self.add("netlink", ns, not kernel, kernel=kernel, eth=rng.choice(list(NETLINK)), port_id=0 if kernel else rng.randint(1, 5000),
                     drops=rng.choice((0, 3)))
        elif kind == "packet":
            self.add("packet", ns, True, ptype=rng.choice((2, 3)), pproto=rng.choice((3, 0x0800)), ifindex=rng.choice((0, 2, 7, 44)))
        elif kind == "sctp" and ns.modules:
            self.make_sctp(ns)
        elif kind == "blue" and ns is self.namespaces[0] and ns.modules:
            self.add(rng.choice(("l2cap", "rfcomm", "sco", "hci", "bnep", "pfkey")), ns, True)
        elif kind == "none":
            # No table lists it: never bound, or of a kind without a table.
            self.add("none", None, True)

    def ends(self, six):
        rng = self.rng
        pool = V6 if six else V4
        local = (rng.choice(pool), rng.choice(PORTS))
        mapped = six and local[0].ipv4_mapped
        peers = [a for a in pool if int(a) and (not six or bool(a.ipv4_mapped) == bool(mapped))]
        return local, (rng.choice(peers), rng.choice(PORTS)), (V6[0] if six else V4[0], 0)

    def make_tcp(self, ns):
        rng = self.rng
        six = rng.random() < 0.4
        table = "tcp6" if six else "tcp"
        local, remote, nobody = self.ends(six)
        while not int(local[0]) and rng.random() < 0.999:
            local = (rng.choice(V6 if six else V4), local[1])
            if rng.random() < 0.3:
                break
        what = rng.random()
        # No two connections of a namespace have the same ends.
        if (ns.number, local, remote) in self.connections:
            what = 0
        self.connections.add((ns.number, local, remote))
        timer = rng.choice(((0, 0), (0, 0), (1, 55), (2, 720000), (4, 9)))
        facts = dict(timer=timer[0], when=timer[1], retr=rng.choice((0, 0, 3)), cwnd=rng.choice((1, 10, 400)), rto=rng.choice((20, 31)),
                     ssthresh=rng.choice((-1, 7)))
        if what < 0.4:
            self.add(table, ns, True, st=0x0A, local=local, remote=nobody, ssthresh=rng.choice((0, -1)), tx=0, rx=rng.choice((0, 3)))
        elif not int(local[0]):
            self.add(table, ns, True, st=0x0A, local=local, remote=nobody, tx=0)
        elif what < 0.7:
            self.add(table, ns, True, st=rng.choice((0x01, 0x01, 0x02, 0x08, 0x04)), local=local, remote=remote, **facts)
        elif what < 0.8:
            self.add(table, ns, False, st=rng.choice(ORPHAN), local=local, remote=remote, inode=0, **facts)
        elif what < 0.9:
            self.add(table, ns, False, st=rng.choice((0x01, 0x08)), local=local, remote=remote, inode=0, **facts)
        else:
            waits = rng.random() < 0.6
            # A connection half made belongs to a listener.
            if not waits:
                self.add(table, ns, True, st=0x0A, local=local, remote=nobody, tx=0)
            self.add(table, ns, False, st=0x06 if waits else 0x03, local=local, remote=remote, inode=0, short=True, tx=0, rx=0,
                     timer=3 if waits else 1, when=rng.randint(1, 6000), uid=0, retr=0)

    def make_datagram(self, kind, ns):
        rng = self.rng
        six = rng.random() < 0.4
        table = (rng.choice(("udp", "udp", "udplite")) if kind == "udp" else kind) + ("6" if six else "")
        local, remote, nobody = self.ends(six)
        if kind == "raw":
            local = (local[0], rng.choice((1, 58, 89, 253)))
        connected = kind == "udp" and int(local[0]) and rng.random() < 0.4
        self.add(table, ns, True, st=0x01 if connected else 0x07, local=local, remote=remote if connected else nobody,
                 drops=rng.choice((0, 0, 9, 4294967295)))

    def make_unix(self, ns):
        rng = self.rng
        shape = rng.choice((
            (0x10000, 1, 1, rng.choice(PATHS)), (0x10000, 5, 1, rng.choice(PATHS)), (0, 1, 3, b""), (0, 1, 3, rng.choice(PATHS)),
            (0, 2, 1, b""), (0, 2, 1, rng.choice(PATHS)), (0, 2, 3, b""), (0, 5, 3, b""), (0, 1, 1, b""), (0, 1, 2, rng.choice(PATHS))))
        waits = shape[2] == 2
        more = {"inode": 0} if waits else {}
        self.add("unix", ns, not waits, flags=shape[0], utype=shape[1], st=shape[2], path=shape[3], **more)

    def make_sctp(self, ns):
        rng = self.rng
        pool = rng.choice((V4[1:5], V6[1:5]))
        laddrs = [(ip, False) for ip in rng.sample(pool, rng.randint(1, 4))]
        style, port = rng.choice((0, 2)), rng.choice(PORTS)
        listens = rng.random() < 0.6
        sock = self.add("sctp/eps", ns, True, style=style, sst=10 if listens else 7, lport=port, laddrs=laddrs)
        # Each association has a port of its own at the other end.
        for rport in rng.sample(PORTS, rng.choice((0, 0, 1, 3))):
            raddrs = [(ip, False) for ip in rng.sample(pool, rng.randint(1, 4))]
            primary = rng.randrange(len(raddrs))
            raddrs[primary] = (raddrs[primary][0], True)
            self.add("sctp/assocs", ns, False, inode=sock.inode, uid=sock.uid, style=style, sst=sock.sst, st=rng.choice((3, 3, 4, 1)), lport=port,
                     rport=rport, laddrs=laddrs, raddrs=raddrs)

    # ---- what goes wrong ----------------------------------------------------------------------------------------------------

    def forge(self):
        """Somebody binds a name that ends its line and prints rows behind it, for inodes of his choice (108 bytes at most)."""
        rng = self.rng
        ns = rng.choice(self.namespaces)
        first = rng.choice((b"@evil", b"@e", b""))
        # Two rows fit in if they have no names.
        claims = [self.claim(ns, (b"",)) for _ in range(2)] if rng.random() < 0.2 else [
            self.claim(ns, (b"/run/docker.sock", b"/f", b"/run/app.sock", b""))]
        name = b"\n".join([first] + [claim.row for claim in claims])
        if len(name) > 107:
            return
        carrier = self.add("unix", ns, True, flags=0, utype=2, st=1, path=name)
        carrier.shown = first
        self.forged += claims

    def claim(self, ns, paths):
        rng = self.rng
        victims = [s for s in self.sockets if s.inode and not s.kernel]
        inode = rng.choice(victims).inode if victims and rng.random() < 0.75 else self.inode()
        flags, utype, st = rng.choice(((0x10000, 1, 1), (0x10000, 1, 1), (0, 1, 3), (0, 2, 1)))
        path = rng.choice(paths)
        row = b"00000000: 00000002 00000000 %08X %04X %02X %5d" % (flags, utype, st, inode)
        return Thing(inode=inode, ns=ns, flags=flags, utype=utype, st=st, path=path, row=row + (b" " + path if path else b""))

    def hide(self):
        """Some descriptors may not be read by who is not root."""
        self.plain_user = self.rng.random() < 0.35
        if not self.plain_user:
            return
        for process in self.processes:
            process.hidden = self.rng.random() < 0.4
        if self.rng.random() < 0.15:
            ns = self.rng.choice(self.namespaces)
            ns.unreadable.add(self.rng.choice(("tcp", "udp", "unix", "tcp6")))

    def spoil(self):
        """Some tables have a line that is no row."""
        if self.rng.random() < 0.15:
            ns = self.rng.choice(self.namespaces)
            table = self.rng.choice(("tcp", "udp", "tcp6", "netlink"))
            ns.odd[table] = [(self.rng.randint(0, 3), self.rng.choice((b"garbage", b"   7: 0100007F:1F90 0000", b"1 2 3 4 5 6 7 8 9 10 11")))]
