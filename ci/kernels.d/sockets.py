#!/usr/bin/env python3
"""Makes a real socket of every kind that this kernel has, and keeps them open.

In: a folder. Out: FOLDER/manifest.json with a name, descriptor, inode and the kernel's word (sockprotoname) for each, or why it could not be
made; then FOLDER/ready. The first words of a name say the kind: compare.py goes by them. It runs as root in a machine of its own, loads
modules and makes devices; what a kernel has not is printed and is no failure. Numbers of options and ioctls are those of include/uapi/linux.
"""

import ctypes
import errno
import fcntl
import json
import os
import socket as S
import struct
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
OUT = sys.argv[1] if len(sys.argv) > 1 else '/out'
# For each socket its name, descriptor and error.
made = []
# What must stay open, by name.
keep = {}


def sh(cmd):
    """Runs a command line, and returns what it said."""
    r = subprocess.run(cmd, shell=True, capture_output=True, text=True, timeout=60)
    return (r.stdout + r.stderr).strip()


def probe(*mods):
    """Loads modules; one that this kernel has not is printed."""
    for m in mods:
        e = sh(f'modprobe {m}')
        if e:
            print('modprobe', m, e.splitlines()[-1][:80])


def check(r):
    """Returns the answer of a C function, or raises its errno."""
    if r < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return r


def sk(family, kind, proto=0):
    """Opens a socket of a family that Python may not know."""
    return check(libc.socket(family, kind, proto))


def bind(fd, addr):
    check(libc.bind(fd, addr, len(addr)))
    return fd


def connect(fd, addr):
    check(libc.connect(fd, addr, len(addr)))
    return fd


def listen(fd, n=5):
    check(libc.listen(fd, n))
    return fd


def accept(fd):
    return check(libc.accept(fd, None, None))


def setopt(fd, level, opt, data):
    check(libc.setsockopt(fd, level, opt, data, len(data)))


def sin(ip, port):
    """A struct sockaddr_in."""
    return struct.pack('=H', S.AF_INET) + struct.pack('!H', port) + S.inet_aton(ip) + bytes(8)


def sin6(ip, port):
    """A struct sockaddr_in6."""
    return struct.pack('=H', S.AF_INET6) + struct.pack('!HI', port, 0) + S.inet_pton(S.AF_INET6, ip) + bytes(4)


def t(name, f):
    """One socket: `f` gives a socket or a descriptor."""
    try:
        s = f()
    except Exception as e:
        made.append((name, -1, f'{type(e).__name__}: {e}'))
        print('FAIL', name, e)
        return None
    keep[name] = s
    fd = s if isinstance(s, int) else s.fileno()
    made.append((name, fd, None))
    return s


def py(family, kind, proto=0, b=None, l=None, c=None):
    """Returns what makes a socket by Python's addresses: bound, listening, connected, as given."""
    def f():
        s = S.socket(family, kind, proto)
        if b is not None:
            s.bind(b)
        if l is not None:
            s.listen(l)
        if c is not None:
            s.connect(c)
        return s

    return f


def raw(family, kind, proto=0, b=None, l=False, c=None):
    """The same by the bytes of a sockaddr."""
    def f():
        fd = sk(family, kind, proto)
        if b is not None:
            bind(fd, b)
        if l:
            listen(fd)
        if c is not None:
            connect(fd, c)
        return fd

    return f


def acc(name):
    """Accepts a connection of the listener `name`."""
    s = keep[name]
    return accept(s) if isinstance(s, int) else s.accept()[0]


def ifreq(name, data):
    """A struct ifreq."""
    return name.encode().ljust(16, b'\0') + data.ljust(24, b'\0')


sh(
    'ip link set lo up; ip addr add 127.0.0.2/8 dev lo; ip addr add 10.9.9.1/24 dev lo; ip -6 addr add fd00::1/128 dev lo nodad; ip -6 addr add fd00::2/128 dev lo nodad'
)
sh('ip link add dm0 type dummy; ip link set dm0 up; ip addr add 10.1.1.1/24 dev dm0')
has6 = os.path.exists('/proc/net/tcp6')

# ---- tcp, udp and the like
t('tcp listen', py(S.AF_INET, S.SOCK_STREAM, 0, ('127.0.0.1', 8080), 7))
t('tcp client', py(S.AF_INET, S.SOCK_STREAM, 0, None, None, ('127.0.0.1', 8080)))
t('tcp accepted', lambda: acc('tcp listen'))
t('tcp unaccepted client', py(S.AF_INET, S.SOCK_STREAM, 0, None, None, ('127.0.0.1', 8080)))
t('tcp bound only', py(S.AF_INET, S.SOCK_STREAM, 0, ('127.0.0.1', 8090)))
t('tcp fresh', py(S.AF_INET, S.SOCK_STREAM))
t('tcp6 listen', py(S.AF_INET6, S.SOCK_STREAM, 0, ('::', 8081), 7))
t('tcp6 client', py(S.AF_INET6, S.SOCK_STREAM, 0, None, None, ('::1', 8081)))
t('tcp6 accepted', lambda: acc('tcp6 listen'))
t('tcp v4mapped client', py(S.AF_INET, S.SOCK_STREAM, 0, None, None, ('127.0.0.1', 8081)))
t('tcp v4mapped accepted', lambda: acc('tcp6 listen'))
t('udp bound', py(S.AF_INET, S.SOCK_DGRAM, 0, ('127.0.0.1', 5353)))
t('udp connected', py(S.AF_INET, S.SOCK_DGRAM, 0, None, None, ('127.0.0.1', 5353)))
t('udp6 bound', py(S.AF_INET6, S.SOCK_DGRAM, 0, ('::1', 5354)))
t('udplite bound', py(S.AF_INET, S.SOCK_DGRAM, 136, ('127.0.0.1', 5355)))
t('udplite connected', py(S.AF_INET, S.SOCK_DGRAM, 136, None, None, ('127.0.0.1', 5355)))
t('udplite6 bound', py(S.AF_INET6, S.SOCK_DGRAM, 136, ('::1', 5356)))
t('raw icmp', py(S.AF_INET, S.SOCK_RAW, 1))
t('raw ospf connected', py(S.AF_INET, S.SOCK_RAW, 89, None, None, ('127.0.0.1', 0)))
t('raw 255 (IPPROTO_RAW)', py(S.AF_INET, S.SOCK_RAW, 255))
t('raw 262 (above 255)', py(S.AF_INET, S.SOCK_RAW, 262))
t('raw6 icmp6', py(S.AF_INET6, S.SOCK_RAW, 58))
try:
    open('/proc/sys/net/ipv4/ping_group_range', 'w').write('0 2147483647')
except OSError as e:
    print(e)
t('ping', py(S.AF_INET, S.SOCK_DGRAM, 1, ('127.0.0.1', 77)))
t('ping6', py(S.AF_INET6, S.SOCK_DGRAM, 58, ('::1', 78)))

# ---- mptcp, with a second subflow
if os.path.exists('/proc/sys/net/mptcp/enabled'):
    sh('ip mptcp limits set subflow 4 add_addr_accepted 4; ip mptcp endpoint add 127.0.0.2 dev lo subflow')
t('mptcp listen', py(S.AF_INET, S.SOCK_STREAM, 262, ('0.0.0.0', 8200), 5))
t('mptcp client', py(S.AF_INET, S.SOCK_STREAM, 262, None, None, ('127.0.0.1', 8200)))
t('mptcp accepted', lambda: acc('mptcp listen'))
t('tcp client of mptcp', py(S.AF_INET, S.SOCK_STREAM, 0, None, None, ('127.0.0.1', 8200)))
t('mptcp accepted fallback', lambda: acc('mptcp listen'))
t('mptcp client of tcp', py(S.AF_INET, S.SOCK_STREAM, 262, None, None, ('127.0.0.1', 8080)))
t('mptcp bound', py(S.AF_INET, S.SOCK_STREAM, 262, ('127.0.0.1', 8202)))
t('mptcp fresh', py(S.AF_INET, S.SOCK_STREAM, 262))
t('mptcp6 listen', py(S.AF_INET6, S.SOCK_STREAM, 262, ('::1', 8201), 5))
t('mptcp6 client', py(S.AF_INET6, S.SOCK_STREAM, 262, None, None, ('::1', 8201)))
t('mptcp6 accepted', lambda: acc('mptcp6 listen'))
try:
    keep['mptcp client'].send(b'x' * 10)
    keep['mptcp accepted'].recv(10)
    keep['mptcp accepted'].send(b'y' * 10)
    keep['mptcp client'].recv(10)
except Exception as e:
    print('mptcp data', e)

# ---- sctp
probe('sctp')


def sctp_multi():
    s = S.socket(S.AF_INET, S.SOCK_STREAM, 132)
    s.setsockopt(132, 100, sin('127.0.0.1', 8300) + sin('127.0.0.2', 8300))  # SCTP_SOCKOPT_BINDX_ADD
    s.listen(5)
    return s


t('sctp 1-1 listen 2 addrs', sctp_multi)
t('sctp 1-1 client', py(S.AF_INET, S.SOCK_STREAM, 132, None, None, ('127.0.0.1', 8300)))
t('sctp 1-1 accepted', lambda: acc('sctp 1-1 listen 2 addrs'))
t('sctp 1-1 unaccepted client', py(S.AF_INET, S.SOCK_STREAM, 132, None, None, ('127.0.0.1', 8300)))
t('sctp 1-1 bound', py(S.AF_INET, S.SOCK_STREAM, 132, ('127.0.0.1', 8310)))
t('sctp 1-1 fresh', py(S.AF_INET, S.SOCK_STREAM, 132))
t('sctp 1-many listen', py(S.AF_INET, S.SOCK_SEQPACKET, 132, ('127.0.0.1', 8301), 5))
t('sctp 1-many client', py(S.AF_INET, S.SOCK_SEQPACKET, 132, None, None, ('127.0.0.1', 8301)))
t('sctp 1-many listen b', py(S.AF_INET, S.SOCK_SEQPACKET, 132, ('127.0.0.1', 8305), 5))
t('sctp 1-many client 2 assocs', py(S.AF_INET, S.SOCK_SEQPACKET, 132, None, None, ('127.0.0.1', 8301)))
try:
    keep['sctp 1-many client 2 assocs'].sendto(b'hi', ('127.0.0.1', 8305))
    keep['sctp 1-many client 2 assocs'].sendto(b'hi', ('127.0.0.1', 8300))
except Exception as e:
    print('second assoc', e)
t('sctp6 1-1 listen', py(S.AF_INET6, S.SOCK_STREAM, 132, ('::1', 8303), 5))
t('sctp6 1-1 client', py(S.AF_INET6, S.SOCK_STREAM, 132, None, None, ('::1', 8303)))
t('sctp6 1-1 accepted', lambda: acc('sctp6 1-1 listen'))
t('sctp6 any listen', py(S.AF_INET6, S.SOCK_STREAM, 132, ('::', 8304), 5))
t('sctp v4 client of sctp6', py(S.AF_INET, S.SOCK_STREAM, 132, None, None, ('127.0.0.1', 8304)))
t('sctp v4mapped accepted', lambda: acc('sctp6 any listen'))


def peeloff():
    fd = keep['sctp 1-many listen'].fileno()
    for aid in range(1, 40):
        buf = ctypes.create_string_buffer(struct.pack('=ii', aid, -1))
        n = ctypes.c_int(8)
        if libc.getsockopt(fd, 132, 102, buf, ctypes.byref(n)) >= 0:
            return struct.unpack('=ii', buf.raw[:8])[1]
    raise OSError(ctypes.get_errno(), 'no association')


t('sctp peeled off', peeloff)


def sctp_closing():
    a = S.socket(S.AF_INET, S.SOCK_STREAM, 132)
    a.connect(('127.0.0.1', 8304))
    b = acc('sctp6 any listen')
    a.shutdown(S.SHUT_WR)
    keep['sctp half b'] = b
    return a


t('sctp shutdown', sctp_closing)

# ---- dccp
probe('dccp_ipv4', 'dccp_ipv6', 'dccp_diag')


def dccp(port, l):
    def f():
        s = S.socket(S.AF_INET, 6, 33)
        s.setsockopt(269, 2, struct.pack('!I', 42))
        if l:
            s.bind(('127.0.0.1', port))
            s.listen(5)
        else:
            s.connect(('127.0.0.1', port))
        return s

    return f


t('dccp listen', dccp(8400, True))
t('dccp client', dccp(8400, False))
if 'dccp listen' in keep:
    t('dccp accepted', lambda: acc('dccp listen'))

# ---- unix
t('unix listen', py(S.AF_UNIX, S.SOCK_STREAM, 0, '/tmp/u.sock', 5))
t('unix client', py(S.AF_UNIX, S.SOCK_STREAM, 0, None, None, '/tmp/u.sock'))
t('unix accepted', lambda: acc('unix listen'))
t('unix unaccepted client', py(S.AF_UNIX, S.SOCK_STREAM, 0, None, None, '/tmp/u.sock'))
t('unix dgram abstract', py(S.AF_UNIX, S.SOCK_DGRAM, 0, b'\0abs'))
t('unix seqpacket', py(S.AF_UNIX, S.SOCK_SEQPACKET, 0, '/tmp/s.sock', 5))
t('unix autobind', py(S.AF_UNIX, S.SOCK_DGRAM, 0, b''))

# ---- netlink
for n, p in dict(
    route=0,
    nflog=5,
    xfrm=6,
    sock_diag=4,
    audit=9,
    connector=11,
    netfilter=12,
    uevent=15,
    generic=16,
    rdma=20,
    crypto=21,
    iscsi=8,
    selinux=7,
    fib_lookup=10,
    scsitransport=18,
    usersock=2,
    smc=22,
).items():
    t('netlink ' + n, py(S.AF_NETLINK, S.SOCK_RAW, p, (0, 0)))
t('netlink unbound', py(S.AF_NETLINK, S.SOCK_RAW, 0))

# ---- packet, xdp, alg, key
t('packet raw all', py(S.AF_PACKET, S.SOCK_RAW, S.htons(3)))
t('packet dgram ip dm0', py(S.AF_PACKET, S.SOCK_DGRAM, S.htons(0x800), ('dm0', 0x800)))
t('packet proto 0', py(S.AF_PACKET, S.SOCK_RAW, 0))
t('packet SOCK_PACKET', py(S.AF_PACKET, 10, S.htons(3)))
t('xdp fresh', raw(44, S.SOCK_RAW))


def xdp():
    import mmap

    fd = sk(44, S.SOCK_RAW)
    m = mmap.mmap(-1, 1 << 17)
    keep['umem'] = m
    a = ctypes.addressof(ctypes.c_char.from_buffer(m))
    a2 = (a + 4095) & ~4095
    setopt(fd, 283, 4, struct.pack('=QQIIII', a2, 1 << 16, 4096, 0, 0, 0)[:24])
    for o in (5, 6, 2):
        setopt(fd, 283, o, struct.pack('=I', 8))
    return bind(fd, struct.pack('=HHIII', 44, 2, S.if_nametoindex('lo'), 0, 0))


t('xdp bound lo', xdp)
t('alg hash', py(38, S.SOCK_SEQPACKET, 0, ('hash', 'sha256')))
t('alg accepted', lambda: acc('alg hash'))
probe('af_key')
t('pfkey', py(15, S.SOCK_RAW, 2))

# ---- can
probe('can', 'can-raw', 'can-bcm', 'can-j1939', 'can-isotp', 'vcan')
sh('ip link add vcan0 type vcan; ip link set vcan0 up')
t('can raw bound', py(29, S.SOCK_RAW, 1, ('vcan0',)))
t('can raw any', py(29, S.SOCK_RAW, 1, ('',)))
t('can bcm fresh', py(29, S.SOCK_DGRAM, 2))
t('can bcm connected', py(29, S.SOCK_DGRAM, 2, None, None, ('vcan0',)))


def bcm_rx():
    s = S.socket(29, S.SOCK_DGRAM, 2)
    s.connect(('vcan0',))
    # bcm_msg_head: opcode RX_SETUP 5, flags RX_FILTER_ID 0x20; the frames behind it are aligned to 8 on 32-bit x86 too.
    head = struct.pack('@3I4l2I', 5, 0x20, 0, 0, 0, 0, 0, 0x123, 0)
    s.send(head + bytes(-len(head) % 8))
    return s


t('can bcm rx op', bcm_rx)
t('can bcm any', py(29, S.SOCK_DGRAM, 2, None, None, ('',)))
t('can j1939', py(29, S.SOCK_DGRAM, 7, ('vcan0', 0xFFFFFFFFFFFFFFFF, 0x40000, 0x20)))
t('can isotp', py(29, S.SOCK_DGRAM, 6, ('vcan0', 0x321, 0x123)))

# ---- bluetooth; btvirt (bluez-test-tools) emulates two controllers that reach each other
probe('bluetooth', 'rfcomm', 'bnep', 'cmtp', 'hidp', 'hci_vhci')
if os.path.exists('/usr/bin/btvirt'):
    keep['btvirt'] = subprocess.Popen(['/usr/bin/btvirt', '-l2'], stdout=open(OUT + '/btvirt', 'w'), stderr=subprocess.STDOUT)
    for _ in range(90):
        if os.path.exists('/sys/class/bluetooth/hci1'):
            break
        time.sleep(1)
    time.sleep(8)
ctl = t('bt hci fresh', py(31, S.SOCK_RAW, 1))
bd = {}


def bt_up():
    for dev in (0, 1):
        for req, arg in ((0x400448C9, dev),):
            try:
                fcntl.ioctl(ctl.fileno(), req, arg)
            except OSError as e:
                if e.errno != errno.EALREADY:
                    print('hci up', dev, e)
        try:
            fcntl.ioctl(ctl.fileno(), 0x400448DD, struct.pack('=HHI', dev, 0, 3))  # HCISETSCAN, inquiry and page
        except OSError as e:
            print('hci scan', dev, e)
        buf = bytearray(struct.pack('=H', dev).ljust(512, b'\0'))
        try:
            fcntl.ioctl(ctl.fileno(), 0x800448D3, buf)  # HCIGETDEVINFO
            bd[dev] = ':'.join('%02X' % x for x in reversed(buf[10:16]))
            print('hci', dev, bytes(buf[2:10]).rstrip(b'\0'), bd[dev])
        except OSError as e:
            print('hci info', dev, e)


if ctl:
    bt_up()
t('bt hci raw hci0', py(31, S.SOCK_RAW, 1, (0,)))


def hci_chan(dev, chan):
    return raw(31, S.SOCK_RAW, 1, struct.pack('=HHH', 31, dev, chan))


t('bt hci control', hci_chan(0xFFFF, 3))
t('bt hci monitor', hci_chan(0xFFFF, 2))
t('bt hci logging', hci_chan(0xFFFF, 4))
t('bt l2cap fresh', py(31, S.SOCK_SEQPACKET, 0))
t('bt l2cap raw', py(31, S.SOCK_RAW, 0))
t('bt l2cap listen any', py(31, S.SOCK_SEQPACKET, 0, ('00:00:00:00:00:00', 0x1003), 5))
t('bt l2cap dgram', py(31, S.SOCK_DGRAM, 0, ('00:00:00:00:00:00', 0x1005)))
t('bt rfcomm listen any', py(31, S.SOCK_STREAM, 3, ('00:00:00:00:00:00', 5), 5))
t('bt rfcomm fresh', py(31, S.SOCK_STREAM, 3))
t('bt sco listen any', raw(31, S.SOCK_SEQPACKET, 2, struct.pack('=H6s', 31, bytes(6)), True))
t('bt bnep', py(31, S.SOCK_RAW, 4))
t('bt cmtp', py(31, S.SOCK_RAW, 5))
t('bt hidp', py(31, S.SOCK_RAW, 6))
t('bt iso', raw(31, S.SOCK_SEQPACKET, 8))
if len(bd) == 2 and bd[0] != bd[1]:

    def bt(proto, kind, chan, l):
        def f():
            s = S.socket(31, kind, proto)
            s.settimeout(15)
            if l:
                s.bind((bd[1], chan))
                s.listen(5)
            else:
                s.bind((bd[0], 0))
                s.connect((bd[1], chan))
            return s

        return f

    t('bt l2cap listen hci1', bt(0, S.SOCK_SEQPACKET, 0x1001, True))
    t('bt l2cap client', bt(0, S.SOCK_SEQPACKET, 0x1001, False))
    if 'bt l2cap client' in keep:
        t('bt l2cap accepted', lambda: acc('bt l2cap listen hci1'))
    t('bt rfcomm listen hci1', bt(3, S.SOCK_STREAM, 7, True))
    t('bt rfcomm client', bt(3, S.SOCK_STREAM, 7, False))
    if 'bt rfcomm client' in keep:
        t('bt rfcomm accepted', lambda: acc('bt rfcomm listen hci1'))

# ---- tipc
probe('tipc', 'tipc_diag')
t('tipc listen', py(30, S.SOCK_STREAM, 0, (1, 18888, 17, 17, 2), 5))


def tipc_client():  # connect() comes back when the server accepts
    s = S.socket(30, S.SOCK_STREAM | S.SOCK_NONBLOCK)
    try:
        s.connect((2, 18888, 17, 0))
    except BlockingIOError:
        pass
    return s


t('tipc client', tipc_client)
if 'tipc client' in keep:
    t('tipc accepted', lambda: acc('tipc listen'))
t('tipc rdm bound', py(30, S.SOCK_RDM, 0, (1, 18889, 1, 5, 2)))
t('tipc dgram fresh', py(30, S.SOCK_DGRAM))

# ---- smc: its TCP socket is the kernel's own
probe('smc', 'smc_diag')
t('smc listen', raw(43, S.SOCK_STREAM, 0, sin('127.0.0.1', 8500), True))
t('smc client', raw(43, S.SOCK_STREAM, 0, None, False, sin('127.0.0.1', 8500)))
if 'smc client' in keep:
    t('smc accepted', lambda: acc('smc listen'))
t('smc6 listen', raw(43, S.SOCK_STREAM, 1, sin6('::1', 8501), True))
t('ipproto_smc listen', py(S.AF_INET, S.SOCK_STREAM, 256, ('127.0.0.1', 8502), 5))
t('smc fresh', raw(43, S.SOCK_STREAM, 0))

# ---- vsock
probe('vsock', 'vsock_loopback', 'vsock_diag')
t('vsock listen', py(40, S.SOCK_STREAM, 0, (0xFFFFFFFF, 1234), 5))
t('vsock client', py(40, S.SOCK_STREAM, 0, None, None, (1, 1234)))
if 'vsock client' in keep:
    t('vsock accepted', lambda: acc('vsock listen'))
t('vsock seqpacket', py(40, S.SOCK_SEQPACKET, 0, (0xFFFFFFFF, 1235), 5))
t('vsock dgram', py(40, S.SOCK_DGRAM))

# ---- x25, ax25, netrom, rose
probe('x25', 'lapbether')
t('x25 listen', raw(9, S.SOCK_SEQPACKET, 0, struct.pack('=H16s', 9, b'12345678'), True))
probe('ax25', 'bpqether', 'netrom', 'rose')


def call(s, ssid):
    return bytes(ord(c) << 1 for c in s.ljust(6)) + bytes([0x60 | ssid << 1])


for dev, fam, addr in (('bpq0', 3, call('LINUX1', 1)), ('nr0', 6, call('LINUX2', 2)), ('rose0', 11, bytes.fromhex('1234567890'))):
    try:
        s = S.socket(S.AF_INET, S.SOCK_DGRAM)
        fcntl.ioctl(s, 0x8924, ifreq(dev, struct.pack('=H', {3: 3, 6: 0, 11: 270}[fam] if fam != 6 else 0) + addr))  # SIOCSIFHWADDR
    except OSError as e:
        print(dev, 'address', e)
    print(dev, sh(f'ip link set {dev} up'))


def ax25_addr(fam, c):
    return struct.pack('=H7sxxxi', fam, c, 0)


t('ax25 dgram bound', raw(3, S.SOCK_DGRAM, 0, ax25_addr(3, call('LINUX1', 1))))
t('ax25 seqpacket listen', raw(3, S.SOCK_SEQPACKET, 0, ax25_addr(3, call('LINUX1', 1)), True))
t('ax25 fresh', raw(3, S.SOCK_DGRAM, 0))
t('netrom listen', raw(6, S.SOCK_SEQPACKET, 0, ax25_addr(6, call('LINUX2', 2)), True))
t(
    'rose listen',
    raw(11, S.SOCK_SEQPACKET, 0, struct.pack('=H5s7sxxi7sx', 11, bytes.fromhex('1234567890'), call('LINUX1', 1), 0, bytes(7)), True),
)
t('rose fresh', raw(11, S.SOCK_SEQPACKET, 0))

# ---- appletalk, llc, atm, decnet, ipx
probe('appletalk', 'llc2', 'atm', 'atmtcp', 'decnet')


def atalk():
    fd = sk(5, S.SOCK_DGRAM)
    sat = (
        struct.pack('=HBx', 5, 0) + struct.pack('!HB', 100, 7) + b'\0' + struct.pack('=BB', 2, 0) + struct.pack('!HH', 100, 100) + bytes(2)
    )
    try:
        fcntl.ioctl(fd, 0x8916, ifreq('lo', sat))
    except OSError as e:
        print('atalk address', e)
    return bind(fd, struct.pack('=HBx', 5, 200) + struct.pack('!HB', 0, 0) + bytes(9))


t('appletalk bound', atalk)


def llc(kind, l, sap):
    mac = (
        bytes.fromhex(open('/sys/class/net/dm0/address').read().strip().replace(':', ''))
        if os.path.exists('/sys/class/net/dm0')
        else bytes(6)
    )
    return raw(26, kind, 0, struct.pack('=HHBBBB6sxx', 26, 1, 0, 0, 0, sap, mac), l)


t('llc listen', llc(S.SOCK_STREAM, True, 0x42))
t('llc dgram', llc(S.SOCK_DGRAM, False, 0x44))
t('atm pvc', raw(8, S.SOCK_DGRAM, 0))
t('atm svc', raw(20, S.SOCK_DGRAM, 0))


def atmtcp():
    fd = sk(8, S.SOCK_DGRAM)
    check(libc.ioctl(fd, 0x618E, 0))
    return fd


t('atm atmtcp create', atmtcp)
t('decnet', raw(12, S.SOCK_SEQPACKET, 2))
t('ipx', raw(4, S.SOCK_DGRAM))

# ---- phonet
probe('phonet', 'pn_pep')
t('phonet bound', raw(35, S.SOCK_DGRAM, 1, struct.pack('=HBBB11x', 35, 0x42, 0, 0)))
t('phonet pipe listen', raw(35, S.SOCK_SEQPACKET, 2, struct.pack('=HBBB11x', 35, 0x43, 0, 0), True))


def pnres():
    fd = bind(sk(35, S.SOCK_DGRAM, 1), struct.pack('=HBBB11x', 35, 0, 0, 0))
    fcntl.ioctl(fd, 0x89EE, struct.pack('=I', 0x10))
    return fd  # SIOCPNADDRESOURCE


t('phonet resource', pnres)

# ---- rds, rxrpc, l2tp, pppox, kcm
probe('rds', 'rds_tcp', 'rxrpc', 'l2tp_ip', 'l2tp_ip6', 'pppoe', 'pptp', 'l2tp_ppp', 'kcm')
t('rds bound', raw(21, S.SOCK_SEQPACKET, 0, sin('127.0.0.1', 4000)))
t('rxrpc bound', raw(33, S.SOCK_DGRAM, 2, struct.pack('=HHHH', 33, 7, 2, 16) + sin('127.0.0.1', 7000) + bytes(12)))
t('rxrpc fresh', raw(33, S.SOCK_DGRAM, 2))
t('l2tp_ip bound', raw(2, S.SOCK_DGRAM, 115, struct.pack('=HH4sI', 2, 0, S.inet_aton('127.0.0.1'), 77) + bytes(4)))
t('l2tp_ip6 bound', raw(10, S.SOCK_DGRAM, 115, struct.pack('=HHI16sII', 10, 0, 0, S.inet_pton(S.AF_INET6, '::1'), 0, 78)))
t('pppoe', raw(24, S.SOCK_STREAM, 0))
t('pptp', raw(24, S.SOCK_STREAM, 2))
t('pppol2tp', raw(24, S.SOCK_STREAM, 1))
SYS_bpf = {'x86_64': 321, 'i686': 357, 'i386': 357, 'aarch64': 280, 'armv7l': 386, 's390x': 351, 'ppc64le': 361, 'riscv64': 280}.get(
    os.uname().machine
)


def bpf(cmd, attr):
    b = ctypes.create_string_buffer(attr, max(len(attr), 128))
    return check(libc.syscall(SYS_bpf, cmd, b, len(b)))


def prog():
    insns = struct.pack('=BBhi', 0xB7, 0, 0, 0) + struct.pack('=BBhi', 0x95, 0, 0, 0)
    i = ctypes.create_string_buffer(insns, len(insns))
    l = ctypes.create_string_buffer(b'GPL')
    keep['bpf'] = (i, l)
    return bpf(5, struct.pack('=IIQQ', 1, 2, ctypes.addressof(i), ctypes.addressof(l)))


t('kcm fresh', raw(41, S.SOCK_DGRAM, 0))


def tcp_pair():
    a = S.socket()
    a.connect(('127.0.0.1', 8080))
    keep.setdefault('pairs', []).append(a)
    for _ in range(3):
        b, peer = keep['tcp listen'].accept()
        keep['pairs'].append(b)
        if peer == a.getsockname():
            return a, b
    raise OSError(0, 'no pair')


def kcm_attach():
    a, _ = tcp_pair()
    p = prog()
    fcntl.ioctl(keep['kcm fresh'], 0x89E0, struct.pack('=ii', a.fileno(), p))
    return a


if 'kcm fresh' in keep:
    t('tcp attached to kcm', kcm_attach)

# ---- kernel TLS, sockmap
probe('tls')


def tls():
    a, b = tcp_pair()
    a.setsockopt(6, 31, b'tls')
    a.setsockopt(282, 1, struct.pack('=HH', 0x0303, 51) + bytes(8 + 16 + 4 + 8))
    return a


t('tcp with kernel TLS', tls)


def sockmap(make, size=4):
    def f():
        s = make()
        m = bpf(0, struct.pack('=IIII', 15, 4, size, 4))
        k = ctypes.create_string_buffer(struct.pack('=I', 0))
        v = ctypes.create_string_buffer(struct.pack('=I', s.fileno()))
        bpf(2, struct.pack('=IxxxxQQQ', m, ctypes.addressof(k), ctypes.addressof(v), 0))
        return s

    return f


t('tcp in a sockmap', sockmap(lambda: tcp_pair()[0]))
t('udp in a sockmap', sockmap(py(S.AF_INET, S.SOCK_DGRAM, 0, None, None, ('127.0.0.1', 5353))))


def upair():
    a, b = S.socketpair()
    keep['upair'] = b
    return a


t('unix in a sockmap', sockmap(upair))

# ---- ieee802154, qrtr, mctp, nfc, caif, iucv, isdn, ib
probe('mac802154_hwsim', 'ieee802154_socket', 'qrtr', 'mctp', 'nfcsim', 'nfc', 'caif_socket', 'af_iucv', 'mISDN_core')
sh('ip link set wpan0 up')
t('ieee802154 raw', raw(36, S.SOCK_RAW, 0))
t('ieee802154 dgram', raw(36, S.SOCK_DGRAM, 0))
t('qrtr fresh', py(42, S.SOCK_DGRAM))
t('qrtr bound', py(42, S.SOCK_DGRAM, 0, (1, 0x4000)))
t('mctp bound', raw(45, S.SOCK_DGRAM, 0, struct.pack('=HHIBBBB', 45, 0, 1, 0xFF, 1, 0, 0)))
t('nfc raw', raw(39, S.SOCK_SEQPACKET, 0))
t('nfc llcp', raw(39, S.SOCK_STREAM, 1))
t('caif', raw(37, S.SOCK_SEQPACKET, 0))
t('iucv', raw(32, S.SOCK_STREAM, 0))
t('isdn', raw(34, S.SOCK_RAW, 0))
t('ib', raw(27, S.SOCK_RAW, 0))
t('appletalk ddp', raw(5, S.SOCK_RAW, 0))

out = []
for name, fd, error in made:
    row = dict(name=name, fd=fd, error=error, inode=None, proto=None)
    if fd >= 0:
        row['inode'] = int(os.readlink(f'/proc/self/fd/{fd}')[8:-1])
        try:
            row['proto'] = os.getxattr(f'/proc/self/fd/{fd}', 'system.sockprotoname').rstrip(b'\0').decode()
        except OSError as e:
            row['proto'] = str(e)
    out.append(row)
json.dump(dict(pid=os.getpid(), sockets=out), open(OUT + '/manifest.json', 'w'), indent=1)
open(OUT + '/ready', 'w').close()
print('mksock: ready', os.getpid(), len(out))
sys.stdout.flush()
time.sleep(100000)
