"""What a reader can know of a World: every row that lsock has to have, whatever is asked.

In: a World. Out: rows, each with the fields that `--json` prints of it and the facts that filters ask for; what may not be read; what is
in doubt. A field whose value README leaves open is a OneOf. From README.md, design.md and proc-net.md alone.
"""

import unicodedata
from types import SimpleNamespace as Thing

import kernel
from world import NETLINK

FIELDS = (
    "pid tid command fd uid inode proto family type state recv_queue send_queue local remote local_address local_port remote_address "
    "remote_port path path_hex interface protocol owner netns container timer timer_seconds retransmits rto_seconds cwnd ssthresh "
    "drops peer_pid peer_command peer_container pod pod_namespace container_name unit").split()
TCP_STATES = {1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT", 7: "CLOSE", 8: "CLOSE_WAIT",
              9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING"}
SCTP_STATES = {1: "COOKIE_WAIT", 3: "ESTABLISHED", 4: "SHUTDOWN_PENDING"}
IP_PROTOCOLS = {1: "icmp", 58: "ipv6-icmp", 89: "ospf"}
UNIX = {1: ("unix", "stream"), 2: ("unix-dgram", "dgram"), 5: ("unix-seq", "seqpacket")}
TIMERS = {0: None, 1: "retransmit", 2: "keepalive", 3: "timewait", 4: "probe"}


class OneOf:
    """Any of these values will do."""

    def __init__(self, *values):
        self.values = values

    def __eq__(self, other):
        return other in self.values

    def __hash__(self):
        return 0

    def __repr__(self):
        return "one of " + repr(self.values)


class Anything(OneOf):
    """Any value will do."""

    def __eq__(self, other):
        return True

    __hash__ = OneOf.__hash__


def lossy(text):
    return text.decode("utf-8", "replace")


def escaped(text):
    """A name as one word: blanks, what has no ink and what is no UTF-8 as its bytes in hex, a newline as \\n, a backslash doubled."""
    out = []
    for char in text.decode("utf-8", "surrogateescape"):
        raw = char.encode("utf-8", "surrogateescape")
        if char == "\\":
            out.append("\\\\")
        elif char in "\n\t\r":
            out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r"}[char])
        elif char == " " or char == "\u3164" or len(raw) == 1 and raw[0] > 127 or unicodedata.category(char)[0] in "CZ":
            out.extend("\\x%02x" % byte for byte in raw)
        else:
            out.append(char)
    return "".join(out)


def unix_local(path):
    if not path:
        return "*"
    return {b"*": "\\x2a", b"?": "\\x3f"}.get(path) or escaped(path)


class View:
    """Rows by their holders, and what stays unseen."""

    def __init__(self, world):
        self.world = world
        self.plain = world.plain_user
        self.hidden = [p for p in world.processes if self.plain and p.hidden]
        self.seen = [p for p in world.processes if p not in self.hidden]
        self.read_namespaces()
        self.find_holders()
        self.settle_claims()
        self.rows = []
        for sock in self.visible:
            self.add_rows(sock)
        for claim in self.unheld_claims:
            row = self.row(self.as_sock(claim), None, self.why(claim))
            row.is_optional = sum(other.inode == claim.inode for other in self.unheld_claims) > 1
            self.rows.append(row)
        for claim in self.suspect.values():
            # Two forgers claim what nobody is seen to hold: neither is believed.
            if claim.inode not in self.holders:
                row = self.row(self.as_sock(claim), None, self.why(claim))
                row.is_suspect = row.is_optional = True
                row.fields = dict.fromkeys(FIELDS, Anything()) | {"pid": None, "fd": None, "inode": claim.inode, "local": "?", "path": None}
                self.rows += [row, row]
        self.add_rowless()

    # ---- what is read ---------------------------------------------------------------------------------------------------------

    def tasks(self, process):
        """The living tasks of a process with the namespace of each."""
        tasks = [] if process.dead_main else [(process, process.ns)]
        return tasks + [(thread, thread.ns) for thread in process.threads]

    def read_namespaces(self):
        self.members = {}
        for process in self.world.processes:
            for _, ns in self.tasks(process):
                self.members.setdefault(ns.inode, []).append(process)
        # The number of a namespace is in a link that only those may read who may look into a member.
        self.known = {ns.inode for p in self.seen for _, ns in self.tasks(p)}
        self.visible = [s for ns in self.world.namespaces if ns.inode in self.members for s in ns.rows if not self.is_unread(ns, s.table)]
        self.unread = [(ns, table) for ns in self.world.namespaces if ns.inode in self.members for table in ns.unreadable if self.plain]

    def is_unread(self, ns, table):
        return self.plain and table in ns.unreadable

    def find_holders(self):
        """holders[inode]: process, tids that may be named, fd; a thread's own table has rows of its own."""
        self.holders = {}
        for process in self.seen:
            main = {} if process.dead_main else process.fds
            found = {}
            for task, _ in self.tasks(process):
                own = getattr(task, "own", False)
                tid = None if task is process else task.tid
                fds = task.fds if own else process.fds
                # Two tables that hold the very same are one, whichever thread it is read through.
                table = tuple(sorted(fds.items()))
                for fd, inode in fds.items():
                    # What such a thread holds as the main one does is one more row, or none.
                    is_copy = own and main.get(fd) == inode
                    found.setdefault((fd, inode, is_copy, table), []).append(tid)
            for (fd, inode, is_copy, _), tids in found.items():
                tid = None if None in tids else OneOf(*tids)
                self.holders.setdefault(inode, []).append(Thing(process=process, tid=tid, fd=fd, is_copy=is_copy))

    def settle_claims(self):
        """Which unix rows are believed (proc-net.md, unix): one claim to an inode is; of several that differ none is."""
        tables = {s.inode for s in self.visible if s.table != "unix"}
        claims = {}
        for sock in self.visible:
            if sock.table == "unix" and sock.inode:
                claims.setdefault(sock.inode, []).append(Thing(true=sock, inode=sock.inode, ns=sock.ns, flags=sock.flags, utype=sock.utype,
                                                               st=sock.st, path=getattr(sock, "shown", sock.path)))
        for forged in self.world.forged:
            if forged.ns.inode in self.members and not self.is_unread(forged.ns, "unix"):
                forged.true = None
                claims.setdefault(forged.inode, []).append(forged)
        self.doubted, self.suspect, self.unheld_claims, self.pretends = {}, {}, [], set()
        for inode, them in claims.items():
            if all(c.true for c in them):
                continue
            facts = {(c.ns.inode, c.flags, c.utype, c.st, c.path) for c in them}
            if inode in tables:
                self.pretends.add(inode)
            elif len(facts) > 1 and any(c.true for c in them):
                self.doubted[inode] = them
            elif any(c.true for c in them):
                pass
            elif inode not in self.holders and len({fact[1:] for fact in facts}) == 1:
                # One row in several namespaces: it is one socket, and nobody can know of which.
                self.unheld_claims += {c.ns.inode: c for c in them}.values()
            else:
                # Held by somebody, and in no other table: the name that is printed may be a forger's.
                self.suspect[inode] = them[0]

    @staticmethod
    def as_sock(claim):
        return Thing(table="unix", ns=claim.ns, inode=claim.inode, flags=claim.flags, utype=claim.utype, st=claim.st, path=claim.path,
                     kernel=False, short=False)

    # ---- rows -------------------------------------------------------------------------------------------------------------------

    def why(self, sock):
        if sock.inode == 0:
            if sock.table == "unix" or sock.st in (0x01, 0x08, 0x03):
                return "(accept-queue)"
            return "(time-wait)" if sock.st == 6 else "(closed)"
        if getattr(sock, "kernel", False):
            return "(kernel)"
        return "(hidden)" if self.hidden else "(elsewhere)"

    def add_rows(self, sock):
        if sock.inode in self.suspect and sock.table == "unix":
            return
        holders = self.holders.get(sock.inode, []) if sock.inode else []
        for holder in holders or [None]:
            self.rows.append(self.row(sock, holder, "process" if holder else self.why(sock)))

    def add_rowless(self):
        """Descriptors that no table lists, or whose row a forger may have written."""
        listed = {s.inode for s in self.visible}
        for inode, holders in self.holders.items():
            if inode in listed:
                continue
            sock = Thing(table="none", ns=None, inode=inode, kernel=False)
            for holder in holders:
                row = self.row(sock, holder, "process")
                if inode in self.suspect:
                    row.is_suspect = row.is_optional = True
                    row.fields = dict.fromkeys(FIELDS, Anything()) | {name: row.fields[name] for name in ("pid", "tid", "fd", "inode", "owner")}
                self.rows.append(row)

    def container(self, sock, holder):
        if holder:
            return holder.process.container
        # A namespace is a container's if it has it alone; whether a mere thread of another shares it is not said.
        ids = {p.container for p in self.members[sock.ns.inode]}
        of_main = {p.container for p in self.members[sock.ns.inode] if p.ns is sock.ns and not p.dead_main}
        if len(ids) == 1:
            return ids.pop()
        return OneOf(None, *of_main) if len(of_main) == 1 else None

    def row(self, sock, holder, owner):
        fields = dict.fromkeys(FIELDS)
        fields.update(inode=sock.inode or None, owner=owner, local="?", remote="-")
        if holder:
            fields.update(pid=holder.process.pid, tid=holder.tid, fd=holder.fd, command=lossy(holder.process.comm))
        row = Thing(fields=fields, sock=sock, process=holder.process if holder else None, table=sock.table, ns=sock.ns, local=None, remote=None,
                    state=None, path=None, is_suspect=False, is_doubted=False, is_apart=False, is_optional=bool(holder) and holder.is_copy, uid=None, locals=[], remotes=[], lport=None,
                    rport=None, listens=False)
        fields["container"] = self.container(sock, holder)
        if holder and not holder.process.container:
            # As in the cgroup that `tree` gives it.
            fields["unit"] = "x.service"
        if sock.ns is not None:
            number = sock.ns.inode
            fields["netns"] = number if number in self.known else None
            if number in self.known and any(p in self.hidden for p in self.members[number]):
                # Who asks for those that may not be read alone reads no other's link.
                fields["netns"] = OneOf(number, None)
            if sock.table in ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6"):
                self.inet(row, sock, fields)
            else:
                getattr(self, sock.table.split("/")[-1], self.plain_table)(row, sock, fields)
        return row

    def interface(self, ns, ip):
        """The name of the interface that a link-local address of this side is on, if if_inet6 tells one."""
        if ip.version == 6 and ip.is_link_local:
            names = [ns.interfaces[index] for one, index in ns.addresses if one == ip]
            return names[0] if len(names) == 1 else None
        return None

    def inet(self, row, sock, fields):
        base, six = sock.table.rstrip("6"), sock.table.endswith("6")
        local, remote = kernel.ipv4_inside(sock.local[0]), kernel.ipv4_inside(sock.remote[0])
        name = self.interface(sock.ns, local)
        shown = str(local) + (f"%{name}" if name else "")
        shown = f"[{shown}]" if local.version == 6 else shown
        port = IP_PROTOCOLS.get(sock.local[1], str(sock.local[1])) if base == "raw" else sock.local[1]
        states = TCP_STATES if base == "tcp" else {1: "ESTABLISHED", 7: "UNCONNECTED"}
        has_ports = base in ("tcp", "udp", "udplite")
        row.state, row.uid, row.locals, row.has_ip = states[sock.st], sock.uid, [local], True
        row.lport = sock.local[1] if has_ports else None
        fields.update(
            uid=sock.uid, proto=sock.table, family="inet6" if six else "inet", state=row.state, local=f"{shown}:{port}", remote="*:*",
            type={"tcp": "stream", "udp": "dgram", "udplite": "dgram", "raw": "raw", "icmp": "dgram"}[base],
            recv_queue=sock.rx, send_queue=sock.tx, local_address=str(local), local_port=row.lport, interface=name,
            protocol=port if base == "raw" else None)
        if int(sock.remote[0]) or sock.remote[1]:
            peer = f"[{remote}]" if remote.version == 6 else str(remote)
            row.remotes, row.rport = [remote], sock.remote[1] if has_ports else None
            fields.update(remote=f"{peer}:{sock.remote[1]}", remote_address=str(remote), remote_port=row.rport)
        if base != "tcp":
            fields["drops"] = sock.drops
            row.listens = has_ports and row.state == "UNCONNECTED"
            return
        row.listens = row.state == "LISTEN"
        fields.update(retransmits=sock.retr, timer=OneOf("retransmit", "on", "retransmits") if sock.timer == 1 else
                      OneOf("probe", "persist") if sock.timer == 4 else TIMERS[sock.timer],
                      timer_seconds=sock.when / 100 if sock.timer else None)
        if not sock.short and not row.listens:
            fields.update(rto_seconds=sock.rto / 100, cwnd=sock.cwnd, ssthresh=sock.ssthresh if sock.ssthresh >= 0 else None)

    def unix(self, row, sock, fields):
        path = getattr(sock, "shown", sock.path)
        proto, kind = UNIX[sock.utype]
        row.listens = sock.flags == 0x10000
        row.state = "LISTEN" if row.listens else {1: "UNCONNECTED", 2: "CONNECTING", 3: "CONNECTED"}[sock.st]
        row.path = path
        fields.update(proto=proto, family="unix", type=kind, state=row.state, local=unix_local(path), remote="*")
        if path:
            fields["path"] = lossy(path)
            try:
                path.decode()
            except UnicodeDecodeError:
                fields["path_hex"] = path.hex()
        elif hasattr(sock, "shown"):
            fields.update(local=Anything(), path=Anything(), path_hex=Anything())
        if sock.inode in self.doubted:
            row.is_doubted, row.path = True, None
            # Who asks for a process may meet the true row alone, in the process's namespace.
            true = {name: fields[name] for name in ("local", "path", "path_hex")}
            is_apart = all(c.true or c.ns is not sock.ns for c in self.doubted[sock.inode])
            fields.update(local="?", path=None, path_hex=None, state=OneOf(row.state, None), type=Anything(), netns=Anything(),
                          container=Anything() if not row.process else fields["container"],
                          proto=OneOf("unix", "unix-dgram", "unix-seq"))
            if is_apart:
                row.is_apart = True
                fields.update({name: OneOf(fields[name], true[name]) for name in true})

    def netlink(self, row, sock, fields):
        name = NETLINK[sock.eth]
        fields.update(proto="netlink", family="netlink", recv_queue=sock.rx, send_queue=sock.tx, drops=sock.drops, protocol=name, remote="*",
                      local=f"{name}:{'kernel' if sock.kernel else sock.port_id}")

    def packet(self, row, sock, fields):
        row.uid = sock.uid
        name = None if not sock.ifindex else sock.ns.interfaces.get(sock.ifindex)
        # if_inet6 names an interface only if it has an IPv6 address.
        if sock.ifindex not in [index for _, index in sock.ns.addresses]:
            name = f"if{sock.ifindex}" if sock.ifindex else None
        protocol = {3: "all", 0x0800: "ip"}[sock.pproto]
        fields.update(uid=sock.uid, proto="packet", family="packet", type={2: "dgram", 3: "raw"}[sock.ptype], recv_queue=sock.rx, remote="*",
                      local=f"{protocol}:{escaped(name.encode()) if name else '*'}", interface=name, protocol=protocol)

    def sctp_end(self, ns, addresses, port, is_local):
        def one(ip):
            name = self.interface(ns, ip) if is_local else None
            return f"[{ip}{'%' + name if name else ''}]" if ip.version == 6 else str(ip)
        # The primary one comes first.
        return ",".join(one(ip) for ip, _ in sorted(addresses, key=lambda pair: not pair[1])) + f":{port}"

    def sctp(self, row, sock, fields):
        row.uid, row.lport = sock.uid, sock.lport
        row.locals = [ip for ip, _ in sock.laddrs]
        primary = ([ip for ip, is_primary in sock.laddrs if is_primary] or row.locals)[0]
        fields.update(uid=sock.uid, proto="sctp", family=Anything(), type="stream" if sock.style == 2 else "seqpacket", local_port=sock.lport,
                      local=self.sctp_end(sock.ns, sock.laddrs, sock.lport, True), local_address=str(primary),
                      # JSON has none although `local` has it: to be exact once that is mended.
                      interface=OneOf(None, self.interface(sock.ns, primary)))

    def eps(self, row, sock, fields):
        self.sctp(row, sock, fields)
        # One that does not listen is its associations, if it has any.
        row.is_optional |= sock.sst != 10 and any(s.table == "sctp/assocs" and s.inode == sock.inode for s in sock.ns.rows)
        row.listens = sock.sst == 10
        row.state = "LISTEN" if row.listens else None
        fields.update(remote="*:*", state="LISTEN" if row.listens else Anything())

    def assocs(self, row, sock, fields):
        self.sctp(row, sock, fields)
        row.state, row.remotes, row.rport = SCTP_STATES[sock.st], [ip for ip, _ in sock.raddrs], sock.rport
        primary = ([ip for ip, is_primary in sock.raddrs if is_primary] or row.remotes)[0]
        fields.update(state=row.state, recv_queue=sock.rx, send_queue=sock.tx, remote=self.sctp_end(sock.ns, sock.raddrs, sock.rport, False),
                      remote_address=str(primary), remote_port=sock.rport, retransmits=Anything())

    def plain_table(self, row, sock, fields):
        row.uid = sock.uid
        fields.update(uid=sock.uid, proto=sock.table, family="key" if sock.table == "pfkey" else "bluetooth", recv_queue=sock.rx, remote="*",
                      send_queue=sock.tx, local="*", type="raw" if sock.table == "pfkey" else Anything())
