"""Writes a World as a folder that looks like proc to a reader.

In: a World and a folder. Out: PID/{fd,comm,cmdline,stat,status,cgroup,ns,net,task}, where descriptors are links `socket:[N]` and the
`net` of all members of a namespace leads to one folder, so that the inode of its files tells it, as in proc.
"""

import os

import kernel

OTHERS = ("/dev/null", "pipe:[77]", "anon_inode:[eventpoll]", "/tmp/socket:[11]", "/var/log/x (deleted)")
MODULES = ("sctp/eps", "sctp/assocs", "l2cap", "rfcomm", "sco", "hci", "bnep", "pfkey")


def put(path, text):
    with open(path, "wb") as file:
        file.write(text)


def write_namespace(ns, folder, is_first):
    os.makedirs(folder + "/sctp" if ns.modules else folder)
    by_table = {}
    for sock in ns.rows:
        by_table.setdefault(sock.table, []).append(sock)
    tables = list(kernel.ALWAYS)
    if ns.modules:
        tables += [name for name in MODULES if is_first or name.startswith("sctp")]
    for name in tables:
        if name == "sctp/assocs" and ns.no_assocs:
            continue
        put(f"{folder}/{name}", kernel.text(name, by_table.get(name, []), ns.pointer, ns.odd.get(name, ())))
        if name in ns.unreadable:
            os.chmod(f"{folder}/{name}", 0)
    put(folder + "/if_inet6", "".join(
        "%032x %02x %02x %02x %02x %8s\n" % (int(ip), index, 64, 0x20, 0x80, ns.interfaces[index]) for ip, index in ns.addresses).encode())
    if ns.protocols:
        put(folder + "/protocols", protocols(by_table, ns.modules))
    if ns.sockstat:
        put(folder + "/sockstat", sockstat(by_table, ""))
        put(folder + "/sockstat6", sockstat(by_table, "6"))


def protocols(by_table, has_modules):
    """Every protocol that is registered, with its sockets in this namespace (net/core/sock.c, proto_seq_show)."""
    def count(*tables):
        return sum(len(by_table.get(table, [])) for table in tables)
    unix = by_table.get("unix", [])
    streams = sum(sock.utype == 1 for sock in unix)
    counts = {"UNIX-STREAM": streams, "UNIX": len(unix) - streams, "PACKET": count("packet"), "NETLINK": count("netlink")}
    counts |= {name: count(name.lower().replace("-", "")) for name in ("TCP", "UDP", "UDP-Lite", "RAW")}
    counts |= {name: count(table) for name, table in (("TCPv6", "tcp6"), ("UDPv6", "udp6"), ("UDPLITEv6", "udplite6"), ("RAWv6", "raw6"),
                                                      ("PING", "icmp"), ("PINGv6", "icmp6"))}
    if has_modules:
        counts |= {"SCTP": count("sctp/eps"), "SCTPv6": 0, "KEY": count("pfkey")}
        counts |= {name: count(name.lower()) for name in ("L2CAP", "RFCOMM", "SCO", "HCI", "BNEP")}
    head = "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\n"
    line = "%-9s 1152 %6d      -1   NI       0   yes  kernel      y  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n\n"
    return (head + "".join(line % pair for pair in counts.items())).encode()


def sockstat(by_table, six):
    """As net/ipv4/proc.c counts: without requests half made; those that wait for TIME_WAIT's end are `tw`, of both families."""
    def inuse(name):
        return sum(not sock.short for sock in by_table.get(name + six, []))
    waiting = sum(sock.short and sock.st == 6 for name in ("tcp", "tcp6") for sock in by_table.get(name, []))
    if six:
        return "".join(f"{name.upper()}6: inuse {inuse(name)}\n" for name in ("tcp", "udp", "udplite", "raw")).encode() + b"FRAG6: inuse 0 memory 0\n"
    return (f"sockets: used 99\nTCP: inuse {inuse('tcp')} orphan 0 tw {waiting} alloc 9 mem 3\nUDP: inuse {inuse('udp')} mem 0\n"
            f"UDPLITE: inuse {inuse('udplite')}\nRAW: inuse {inuse('raw')}\nFRAG: inuse 0 memory 0\n").encode()


def write_task(folder, pid, comm, fds, net, ns_inode, others, is_dead):
    os.makedirs(folder + "/fd")
    os.mkdir(folder + "/ns")
    for fd, inode in ({} if is_dead else fds).items():
        os.symlink(f"socket:[{inode}]", f"{folder}/fd/{fd}")
    if not is_dead:
        for place, link in enumerate(others):
            os.symlink(link, f"{folder}/fd/{6000 + place}")
        os.symlink(net, folder + "/net")
        os.symlink(f"net:[{ns_inode}]", folder + "/ns/net")
    put(folder + "/comm", comm + b"\n")
    put(folder + "/stat", b"%d (%s) %s 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0\n" % (pid, comm, b"Z" if is_dead else b"S"))


def cgroup(process):
    if not process.container:
        return b"0::/system.slice/x.service\n"
    name = process.container
    # A container is in a pod of its own or in none: of two in one pod the pod is named.
    if int(name[:2], 16) % 4 == 0:
        return f"0::/kubepods.slice/kubepods-pod{name[:8]}_aaaa_bbbb_cccc_0123456789ab.slice/cri-containerd-{name}.scope\n".encode()
    return (f"0::/system.slice/docker-{name}.scope\n", f"4:memory:/docker/{name}\n0::/\n",
            f"0::/machine.slice/libpod-{name}.scope/container\n")[process.cgroup % 3].encode()


def write(world, folder, rng):
    os.makedirs(folder)
    for number, ns in enumerate(world.namespaces):
        write_namespace(ns, f"{folder}/ns-{number}/net", number == 0)
    put(folder + "/uptime", b"350735.47 234388.90\n")
    for process in world.processes:
        home = f"{folder}/{process.pid}"
        others = rng.sample(OTHERS, rng.randint(0, 3))
        write_task(home, process.pid, process.comm, process.fds, f"../ns-{process.ns.number}/net", process.ns.inode, others, process.dead_main)
        put(home + "/cmdline", b"".join(arg + b"\0" for arg in process.args))
        put(home + "/cgroup", cgroup(process))
        put(home + "/status", f"Name:\tx\nState:\tS (sleeping)\nTgid:\t{process.pid}\nPid:\t{process.pid}\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
            f"Threads:\t{len(process.threads) + 1}\n".encode())
        tasks = [(process.pid, process.comm, process.fds, process.ns, process.dead_main)]
        for thread in process.threads:
            tasks.append((thread.tid, thread.comm, thread.fds if thread.own else process.fds, thread.ns, False))
        if process.threads:
            for tid, comm, fds, ns, is_dead in tasks:
                write_task(f"{home}/task/{tid}", tid, comm, fds, f"../../../ns-{ns.number}/net", ns.inode, others, is_dead)
        if process.hidden:
            for path in [home] + [f"{home}/task/{task[0]}" for task in tasks if process.threads]:
                os.chmod(path + "/fd", 0)
                os.chmod(path + "/ns", 0)
