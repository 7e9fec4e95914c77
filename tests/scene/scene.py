#!/usr/bin/env python3
# A scene of 20 processes with sockets of all usual kinds, in a network, PID and mount namespace of its own, without names of
# services, hosts and protocols, as a slim image has none.
#   unshare -n -p -m -f --mount-proc python3 scene.py DIR NODE   DIR/ready appears when it stands, DIR/pids says who is who.
# NODE is the name of the process that listens on port 3000: lsof before 4.99.7 leaves out `next-server (v1`.
import ctypes, os, signal, socket, struct, sys, time
D, NODE = sys.argv[1], sys.argv[2]
libc = ctypes.CDLL(None)
S = socket
def sh(c): assert os.system(c) == 0, c
sh("ip link set lo up; ip link add eth0 type veth peer name peer0; ip addr add 172.17.0.2/16 dev eth0; ip link set eth0 up; ip link set peer0 up; ip neigh add 172.17.9.9 lladdr 02:00:00:00:00:99 dev eth0")
sh("ip -6 addr add 2001:db8:1111:2222:3333:4444:5555:6666/64 dev eth0 nodad; ip -6 addr add fe80::42:acff:fe11:2/64 dev eth0 nodad")
sh("sysctl -qw net.ipv4.ping_group_range='0 65535'; sysctl -qw net.ipv4.tcp_fin_timeout=600; sysctl -qw net.ipv4.tcp_syn_retries=20 2>/dev/null || true")
sh("mount -t tmpfs none /mnt; mkdir -p /mnt/run /mnt/app; chmod 777 /mnt/run /mnt/app; mkdir /mnt/bin; cp /bin/sleep /mnt/bin/sleep")
os.chmod(D, 0o777)
for name in "services", "hosts", "protocols", "nsswitch.conf":
    with open(f"{D}/{name}", "w") as f: f.write("passwd: files\nhosts: files\n" if name == "nsswitch.conf" else "")
    os.chmod(f"{D}/{name}", 0o644)
    if os.path.exists(f"/etc/{name}"): sh(f"mount --bind {D}/{name} /etc/{name}")
pids = []
def proc(name, fn, uid=0, gid=None, argv0=None):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        libc.prctl(15, name.encode())
        keep = []
        try:
            if uid:
                os.setgroups([]); os.setgid(gid if gid is not None else uid); os.setuid(uid)
                libc.prctl(4, 1)
            fn(keep)
        except BaseException as e:
            print(name, repr(e), file=sys.stderr); os._exit(1)
        for x in keep:
            for f in x if isinstance(x, tuple) else [x]:
                os.set_inheritable(f if isinstance(f, int) else f.fileno(), True)
        os.write(w, b"x"); os.close(w)
        run(name, argv0)
    os.close(w); pids.append(pid)
    assert os.read(r, 1) == b"x", name
    os.close(r)
    return pid
def run(name, argv0=None):
    os.execv("/mnt/bin/" + name, [argv0 or name, "1000000"])
def lis(addr, fam=S.AF_INET, typ=S.SOCK_STREAM, v6only=None, n=5):
    s = S.socket(fam, typ); s.setsockopt(S.SOL_SOCKET, S.SO_REUSEADDR, 1)
    if v6only is not None: s.setsockopt(41, 26, v6only)
    s.bind(addr)
    if typ != S.SOCK_DGRAM: s.listen(n)
    return s
def con(addr, fam=S.AF_INET, src=None, typ=S.SOCK_STREAM):
    s = S.socket(fam, typ)
    if src: s.setsockopt(S.SOL_SOCKET, S.SO_REUSEADDR, 1); s.bind(src)
    s.connect(addr); return s
def sshd(k): k += [lis(("0.0.0.0", 22)), lis(("::", 22), S.AF_INET6, v6only=1)]
def nginx(k):
    a = lis(("0.0.0.0", 80)); k.append(a)
    for i in range(2):
        if os.fork() == 0:
            os.setgid(33); os.setuid(33); a.set_inheritable(True); run("nginx", "nginx: worker process")
def java(k):
    k += [lis(("::", 8080), S.AF_INET6, v6only=0), lis(("::", 50000), S.AF_INET6, v6only=0), open("/mnt/app/app.log", "a"), open("/mnt/app/gone.log", "a")]
    os.unlink("/mnt/app/gone.log")
    k += [os.pipe(), os.eventfd(0), os.open("/dev/null", os.O_RDWR)]
    c = con(("172.17.0.2", 8080), src=("172.17.0.2", 54846)); k.append(c)        # both ends in one process
    k.append(k[0].accept()[0])
    k += S.socketpair()
    k.append(con(("127.0.0.1", 5432), src=("127.0.0.1", 41000)))
def node(k):
    l = lis(("0.0.0.0", 3000)); k.append(l)
    open(D + "/node", "w").close()
    k.append(l.accept()[0])
def curl(k): k.append(con(("127.0.0.1", 3000), src=("127.0.0.1", 54000)))
def postgres(k):
    k += [lis(("127.0.0.1", 5432)), lis(("::1", 5432), S.AF_INET6, v6only=1), lis("/mnt/run/.s.PGSQL.5432", S.AF_UNIX)]
def psql(k): k.append(con("/mnt/run/.s.PGSQL.5432", S.AF_UNIX))
def mysqld(k):
    l = lis(("127.0.0.1", 3306)); k.append(l)
    c = con(("127.0.0.1", 3306), src=("127.0.0.1", 43306)); a = l.accept()[0]; k.append(a)
    c.close()                                                                     # a: CLOSE_WAIT, c: orphan FIN_WAIT2
    c = con(("127.0.0.1", 3306), src=("127.0.0.1", 43307)); b = l.accept()[0]
    b.send(b"x" * 10); c.close() if False else None; k.append(c)                 # 10 bytes not read
    k.append(b)
def backlog(k):
    l = lis(("127.0.0.1", 9000), n=3); k.append(l)
    k += [con(("127.0.0.1", 9000), src=("127.0.0.1", 49001)), con(("127.0.0.1", 9000), src=("127.0.0.1", 49002))]  # not accepted
def syn(k):
    s = S.socket(); s.setblocking(False); s.bind(("172.17.0.2", 40001))
    try: s.connect(("172.17.9.9", 443))
    except BlockingIOError: pass
    k.append(s)
    b = S.socket(); b.bind(("127.0.0.1", 6000)); k.append(b)                       # bound only
def dns(k):
    k += [lis(("0.0.0.0", 53), typ=S.SOCK_DGRAM), lis(("::", 123), S.AF_INET6, S.SOCK_DGRAM, 0), lis(("::1", 323), S.AF_INET6, S.SOCK_DGRAM, 1),
          con(("127.0.0.1", 53), src=("127.0.0.1", 5353), typ=S.SOCK_DGRAM)]
    s = S.socket(S.AF_INET6, S.SOCK_STREAM); s.setsockopt(41, 26, 1)
    s.bind(("fe80::42:acff:fe11:2%eth0", 546, 0, S.if_nametoindex("eth0"))); s.listen(); k.append(s)
def longv6(k):
    a = "2001:db8:1111:2222:3333:4444:5555:6666"
    l = lis((a, 8443), S.AF_INET6, v6only=1); k += [l, con((a, 8443), S.AF_INET6, src=(a, 45678)), l.accept()[0]]
def raw(k):
    k += [S.socket(S.AF_INET, S.SOCK_RAW, 1), S.socket(S.AF_INET6, S.SOCK_RAW, 58)]
    p = S.socket(S.AF_INET, S.SOCK_DGRAM, 1); p.bind(("0.0.0.0", 77)); k.append(p)
    k.append(S.socket(S.AF_PACKET, S.SOCK_RAW, S.htons(0x800)))
    n = S.socket(S.AF_NETLINK, S.SOCK_RAW, 0); n.bind((0, 0)); k.append(n)
def unixes(k):
    d = lis("/mnt/run/log.sock", S.AF_UNIX, S.SOCK_DGRAM); k.append(d)
    k.append(con("/mnt/run/log.sock", S.AF_UNIX, typ=S.SOCK_DGRAM))
    k.append(lis("\0abstract", S.AF_UNIX)); k.append(con("\0abstract", S.AF_UNIX)); k.append(k[2].accept()[0])
    k.append(lis("/mnt/run/seq.sock", S.AF_UNIX, S.SOCK_SEQPACKET))
    k.append(lis("/mnt/run/with space.sock", S.AF_UNIX))
    k.append(lis("/mnt/run/docker.sock", S.AF_UNIX)); k.append(con("/mnt/run/docker.sock", S.AF_UNIX))   # not accepted
    k.append(S.socket(S.AF_UNIX, S.SOCK_STREAM)); k.append(S.socket(S.AF_UNIX, S.SOCK_DGRAM))
def tw(k):
    l = lis(("127.0.0.1", 7000)); c = con(("127.0.0.1", 7000), src=("127.0.0.1", 47000)); a = l.accept()[0]
    c.shutdown(S.SHUT_WR); a.recv(1); a.close(); c.close(); k.append(l)
    if os.fork() == 0:                                                            # TIME_WAIT lasts a minute: one more each half
        libc.prctl(15, b"timewait2")
        i = 0
        while True:
            time.sleep(30); i ^= 1
            try:
                c = con(("127.0.0.1", 7000), src=("127.0.0.1", 47001 + i)); a = l.accept()[0]
                c.shutdown(S.SHUT_WR); a.recv(1); a.close(); c.close()
            except OSError: pass
for n in "sshd nginx java postgres curl psql mysqld backlog connecting dnsmasq ipv6-long-name-1 raw unixes timewait".split() + [NODE]:
    os.link("/mnt/bin/sleep", "/mnt/bin/" + n)
os.chdir("/mnt/app")
P = {}
P["sshd"] = proc("sshd", sshd, argv0="sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"); P["nginx"] = proc("nginx", nginx, argv0="nginx: master process /usr/sbin/nginx"); P["postgres"] = proc("postgres", postgres, 106, 113, "/usr/lib/postgresql/15/bin/postgres")
P["java"] = proc("java", java, 1000, argv0="/opt/java/openjdk/bin/java")
if os.path.exists(D + "/node"): os.unlink(D + "/node")
# the two ends of one connection in two processes: node waits in accept
pr, pw = os.pipe(); n = os.fork()
if n == 0:
    libc.prctl(15, NODE.encode()); os.setgid(1000); os.setuid(1000); libc.prctl(4, 1); os.close(pr); k = []; node(k)
    for x in k: x.set_inheritable(True)
    os.write(pw, b"x"); os.close(pw); run(NODE)
os.close(pw); pids.append(n); P["node"] = n
while not os.path.exists(D + "/node"): time.sleep(.01)
P["curl"] = proc("curl", curl); os.read(pr, 1)
for nm, f, u in (("psql", psql, 0), ("mysqld", mysqld, 1000), ("backlog", backlog, 0), ("connecting", syn, 0), ("dnsmasq", dns, 0), ("ipv6-long-name-1", longv6, 0), ("raw", raw, 0), ("unixes", unixes, 0), ("timewait", tw, 0)):
    P[nm] = proc(nm, f, u)
open(D + "/pids", "w").write("".join(f"{a}\t{b}\n" for a, b in P.items()))
open(D + "/ready", "w").close()
signal.pause()
