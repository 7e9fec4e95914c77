"""The kernel's tables as text, from what a socket is.

In: sockets of `world`. Out: the bytes of /proc/PID/net/NAME as proc(5) and the functions of the kernel print them (tcp4_seq_show,
udp4_format_sock, raw_sock_seq_show, unix_seq_show, netlink_seq_show, packet_seq_show, sctp_eps_seq_show, sctp_assocs_seq_show,
bt_seq_show). It knows nothing of lsock.
"""

import ipaddress
import struct
import sys

V4, V6 = " local_address rem_address  ", " local_address                         remote_address                       "
TAIL = " st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
HEADERS = {
    "tcp": ("  sl " + V4 + TAIL).ljust(149),
    "tcp6": "  sl " + V6 + TAIL,
    "udp": ("   sl " + V4 + TAIL + " ref pointer drops").ljust(127),
    "udp6": "  sl " + V6 + TAIL + " ref pointer drops",
    "raw": "  sl " + V4 + TAIL + " ref pointer drops",
    "unix": "Num       RefCount Protocol Flags    Type St Inode Path",
    "netlink": "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode",
    "packet": "sk               RefCnt Type Proto  Iface R Rmem   User   Inode",
    "sctp/eps": " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS",
    "sctp/assocs": " ASSOC     SOCK   STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT INS"
    " OUTS MAXRT T1X T2X RTXC wmema wmemq sndbuf rcvbuf",
    "pfkey": "sk       RefCnt Rmem   Wmem   User   Inode",
    "phonet": "pt  loc  rem rs st tx_queue rx_queue   uid inode ref pointer drops".ljust(126),
}
HEADERS |= {"udplite": HEADERS["udp"], "icmp": HEADERS["udp"]}
HEADERS |= dict.fromkeys(("udplite6", "raw6", "icmp6"), HEADERS["udp6"])
HEADERS |= dict.fromkeys(("l2cap", "rfcomm", "sco", "hci", "bnep"), "sk               RefCnt Rmem   Wmem   User   Inode  Parent")

# Those that the kernel makes wherever it is whole; the others come with their modules.
ALWAYS = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6", "unix", "netlink", "packet")

POINTERS = ("00000000edf44b2f", "0000000000000000", "c4160000", "(____ptrval____)", "(ptrval)")


def address(ip):
    """Each word of an address as a number of the machine's byte order, in hex."""
    order = "<I" if sys.byteorder == "little" else ">I"
    return "".join("%08X" % word for word in struct.unpack(order[0] + "I" * (len(ip.packed) // 4), ip.packed))


def end(ip, port):
    return "%s:%04X" % (address(ip), port)


def inet(sock, pointer):
    """A row of tcp, udp, raw, icmp and their brothers."""
    start = "%5d" if sock.table.startswith(("udp", "raw", "icmp")) else "%4d"
    row = (start + ": %s %s %02X %08X:%08X %02X:%08X %08X %5d %8d %d %d %s") % (
        sock.slot, end(*sock.local), end(*sock.remote), sock.st, sock.tx, sock.rx, sock.timer, sock.when, sock.retr, sock.uid,
        0, sock.inode, 2, pointer)
    if sock.table.startswith("tcp"):
        if not sock.short:
            row += " %d %d %d %d %d" % (sock.rto, 40, 3, sock.cwnd, sock.ssthresh)
        return row.ljust(149 if sock.table == "tcp" else 0)
    row += " %d" % sock.drops
    return row.ljust(127 if sock.table in ("udp", "udplite", "icmp") else 0)


def unix(sock, pointer):
    row = "%s: %08X 00000000 %08X %04X %02X %5d" % (pointer, 2, sock.flags, sock.utype, sock.st, sock.inode)
    # An abstract name keeps its bytes but for NULs, which print as @; no name is no blank either.
    return row.encode() + (b" " + sock.path if sock.path else b"")


def netlink(sock, pointer):
    return "%s %-3d %-10d %08x %-8d %-8d %-5d %-8d %-8d %-8d" % (
        pointer, sock.eth, sock.port_id, 0, sock.rx, sock.tx, 0, 2, sock.drops, sock.inode)


def packet(sock, pointer):
    return "%s %-6d %-4d %04x   %-5d %1d %-6d %-6d %-6d" % (
        pointer, 3, sock.ptype, sock.pproto, sock.ifindex, 1, sock.rx, sock.uid, sock.inode)


def sctp_addresses(addresses):
    def one(ip):
        return str(ip) if ip.version == 4 else ip.exploded
    return "".join(("*" if primary else "") + one(ip) + " " for ip, primary in addresses)


def sctp_eps(sock, pointer):
    return "%8s %8s %-3d %-3d %-4d %-5d %5d %5d %s" % (
        pointer, pointer, sock.style, sock.sst, 4, sock.lport, sock.uid, sock.inode, sctp_addresses(sock.laddrs))


def sctp_assocs(sock, pointer):
    row = "%8s %8s %-3d %-3d %-2d %-4d %4d %8d %8d %7d %5d %-5d %5d " % (
        pointer, pointer, sock.style, sock.sst, sock.st, 0, 7, sock.tx, sock.rx, sock.uid, sock.inode, sock.lport, sock.rport)
    row += " %s<-> %s" % (sctp_addresses(sock.laddrs), sctp_addresses(sock.raddrs))
    return row + "\t%8d %5d %5d %4d %4d %4d %8d %8d %8d %8d %8d" % (7500, 10, 10, 10, 0, 0, 0, 1, 0, 212992, 212992)


def bluetooth(sock, pointer):
    row = "%s %-6d %-6d %-6d %-6d %-6d" % (pointer, 2, sock.rx, sock.tx, sock.uid, sock.inode)
    return row + " %-6d" % 0 if sock.table != "pfkey" else row


def phonet(sock, pointer):
    return ("%2d %04X:%04X:%02X %02X %08X:%08X %5d %d %d %s %d" % (
        1, sock.object, 0, 0, sock.st, sock.tx, sock.rx, sock.uid, sock.inode, 2, pointer, sock.drops)).ljust(126)


WRITERS = {"unix": unix, "netlink": netlink, "packet": packet, "sctp/eps": sctp_eps, "sctp/assocs": sctp_assocs, "phonet": phonet}
WRITERS |= dict.fromkeys(("l2cap", "rfcomm", "sco", "hci", "bnep", "pfkey"), bluetooth)


def text(table, socks, pointer, odd=()):
    """A whole table; `odd` are lines that are no rows, each with the place where it stands."""
    lines = [HEADERS[table].encode()]
    write = WRITERS.get(table, inet)
    for slot, sock in enumerate(socks):
        sock.slot = slot
        row = write(sock, pointer)
        lines.append(row if isinstance(row, bytes) else row.encode())
    for place, line in odd:
        lines.insert(min(place + 1, len(lines)), line)
    return b"\n".join(lines) + b"\n"


def ipv4_inside(ip):
    """The IPv4 address that a v4-mapped one is, else the address itself."""
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip
