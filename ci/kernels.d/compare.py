#!/usr/bin/env python3
"""Holds what lsock said in a machine against what ss said there and against what was made, and prints the table of ci/kernels.

In: a folder for each kernel, with later/out and early/out as the machine wrote them. Out: the table; below it each difference to ss
that has a reason, with how often; then what could not be made there; then each difference that has none, each socket that is not listed
as its kind, and each case that failed. The exit status is 0 only when there is nothing of the last three. It boots nothing, and asks this machine nothing."""
import json
import os
import re
import sys

# ---- how ss and lsock spell the same thing ------------------------------------------------------------------------------------------

STATES = {'ESTAB': 'ESTABLISHED', 'UNCONN': 'UNCONNECTED', 'TIME-WAIT': 'TIME_WAIT', 'LISTEN': 'LISTEN', 'CLOSE-WAIT': 'CLOSE_WAIT',
          'SYN-SENT': 'SYN_SENT', 'SYN-RECV': 'SYN_RECV', 'FIN-WAIT-1': 'FIN_WAIT1', 'FIN-WAIT-2': 'FIN_WAIT2', 'LAST-ACK': 'LAST_ACK',
          'CLOSING': 'CLOSING'}
# The protocols of lsock for what ss prints first; a subflow of MPTCP is TCP to ss. What is not here, ss shows and no table of /proc does.
PROTOS = {'tcp': ('tcp', 'tcp6', 'mptcp', 'mptcp6'), 'udp': ('udp', 'udp6'), '???': ('raw', 'raw6'), 'icmp': ('raw',), 'icmp6': ('raw6',),
          'u_str': ('unix',), 'u_dgr': ('unix-dgram',), 'u_seq': ('unix-seq',), 'nl': ('netlink',), 'p_raw': ('packet',),
          'p_dgr': ('packet',), 'sctp': ('sctp',), 'mptcp': ('mptcp', 'mptcp6', 'tcp', 'tcp6')}
COMPARED = {proto for protos in PROTOS.values() for proto in protos} | {'icmp', 'icmp6'}
# The families of netlink (include/uapi/linux/netlink.h), which ss prints as numbers.
NETLINK = {'0': 'route', '2': 'usersock', '4': 'sock_diag', '5': 'nflog', '6': 'xfrm', '7': 'selinux', '8': 'iscsi', '9': 'audit',
           '10': 'fib_lookup', '11': 'connector', '12': 'netfilter', '15': 'kobject_uevent', '16': 'generic', '18': 'scsitransport',
           '20': 'rdma', '21': 'crypto', '22': 'smc'}


def folder_text(folder, name):
    try:
        with open(os.path.join(folder, name), encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def end(word):
    """Splits an address and a port; any address is `*`, and an interface's name is left out, which ss and lsock give elsewhere."""
    host, _, port = word.rpartition(':')
    host = re.sub(r'%[^\]]*', '', host).strip('[]').removeprefix('::ffff:')
    return ('*' if host in ('', '*', '0.0.0.0', '::') else host), port or '*'


def hosts(word):
    """Returns the hosts of an end that may have several, and its port."""
    listed, _, port = word.rpartition(':')
    return {end(f'{host}:0')[0] for host in listed.split(',')}, port or '*'


class SsRow:
    """A line of `ss -anpe`."""
    def __init__(self, line):
        self.line = ' '.join(line.split())
        fields = line.split()
        self.netid, self.state, self.recv, self.send = fields[0], fields[1], int(fields[2]), int(fields[3])
        self.users = {(int(pid), int(fd)) for pid, fd in re.findall(r'pid=(\d+),fd=(\d+)', line)}
        found = re.search(r'\bino:(\d+)', line)
        self.inode = int(found[1]) if found else 0
        rest = fields[4:]
        if self.netid.startswith('u_'):
            # Name and inode, twice; a name may have blanks, the inode behind it has none.
            found = re.match(r'(.*?) (\d+) +(\S+) (\d+)(?: |$)', ' '.join(rest))
            self.local, self.inode = found[1], int(found[2])
            self.remote = ''
        else:
            self.local, self.remote = rest[0], rest[1] if len(rest) > 1 else ''


def ss_rows(text):
    """Returns the lines that have the form of a row; a second line belongs to the row before."""
    rows = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 5 and not line[0].isspace() and fields[2].isdigit() and fields[3].isdigit():
            rows.append(SsRow(line))
    return rows


def same(ss, row):
    """Tells whether a row of lsock says what the row of ss does, apart from who holds it."""
    if row['proto'] not in PROTOS[ss.netid]:
        return False
    if ss.netid.startswith('u_'):
        state = {'ESTAB': 'CONNECTED', 'UNCONN': 'UNCONNECTED', 'LISTEN': 'LISTEN'}[ss.state]
        return row['state'] == state and row['local'] == ss.local
    if ss.netid == 'nl':
        number, _, port = ss.local.partition(':')
        return row['local'] == f'{NETLINK.get(number, number)}:{"kernel" if port == "0" else port}'
    if ss.netid in ('p_raw', 'p_dgr'):
        return row['type'] == ss.netid.replace('p_', '').replace('dgr', 'dgram')
    state = STATES.get(ss.state, ss.state)
    if ss.netid == 'sctp':
        return row['state'] == state and same_association(ss, row)
    local, remote = end(row['local'] or ''), end(row['remote'] or '')
    ends = end(ss.local), end(ss.remote)
    if 'raw' in row['proto']:
        # The protocol of a raw socket is its port there, a word or a number.
        (local, remote), ends = (local[0], remote[0]), (ends[0][0], ends[1][0])
    queues = row['recv_queue'] == ss.recv and (ss.state == 'LISTEN' or row['send_queue'] == ss.send)
    return (local, remote) == ends and queues and row['state'] in (state, 'CLOSE' if state == 'UNCONNECTED' else state)


def same_association(ss, row):
    """Tells whether ss's one address of each end is among those that lsock has of the association; a listener has no other end."""
    if row['local'] == '?':
        return False
    (local, port), (remote, remote_port) = hosts(row['local']), hosts(row['remote'])
    (mine, my_port), (other, other_port) = end(ss.local), end(ss.remote)
    return mine in local and port == my_port and other in remote and remote_port == other_port


# ---- known differences ---------------------------------------------------------------------------------------------------------------
# Each is a name, and a function of a row of ss (or None) and the rows of lsock for its inode (or one of them) that tells whether it
# explains the difference. They are all that is excused; nothing else in ci/kernels is.

def protos(rows):
    return {row['proto'] for row in rows}


def unlisted(rows):
    """Tells whether lsock has kind and holder of a socket that no table lists."""
    return bool(rows) and all(row['local'] == '?' and row['owner'] == 'process' for row in rows)


DIFFERENCES = [
    ('ss asks the kernel by netlink for a kind without a table in /proc; lsock has its kind and holder, and LOCAL ?',
     lambda ss, rows: ss and (ss.netid not in PROTOS or ss.netid == '???') and unlisted(rows) and not protos(rows) & COMPARED),
    ('it neither listens nor is connected: ss shows no such socket, /proc has no row; lsock has its kind and holder, and LOCAL ?',
     lambda ss, rows: ss is None and unlisted(rows)),
    ('newer ss has TCP sockets that are bound at most, which no table in /proc lists; lsock has kind and holder, and LOCAL ?',
     lambda ss, rows: ss and ss.netid == 'tcp' and ss.state == 'UNCONN' and unlisted(rows)),
    ('ss takes SOCK_PACKET for a packet socket of datagrams',
     lambda ss, rows: ss and ss.netid == 'p_dgr' and all(row['proto'] == 'packet' and row['type'] not in ('raw', 'dgram') for row in rows)),
    ('ss shows no ping socket', lambda ss, rows: ss is None and protos(rows) <= {'icmp', 'icmp6'}),
    ('ss takes a raw socket of a protocol above 255 for that of its lower eight bits',
     lambda ss, rows: ss and ss.netid in ('tcp', 'udp') and ss.state == 'UNCONN' and protos(rows) <= {'raw', 'raw6'} and
     all(int(end(row['local'])[1]) > 255 for row in rows if end(row['local'])[1].isdigit())),
    ('of a one-to-many socket of SCTP ss has the socket\'s state, lsock that of each association',
     lambda ss, rows: ss and ss.netid == 'sctp' and ss.state == 'UNCONN' and
     any(row['type'] == 'seqpacket' and row['state'] == 'ESTABLISHED' and same_association(ss, row) for row in rows)),
    ('of a socket of SCTP that listens on all addresses ss has one',
     lambda ss, rows: ss and ss.netid == 'sctp' and ss.state == 'LISTEN' and
     any(row['state'] == 'LISTEN' and end(row['local']) == ('*', end(ss.local)[1]) for row in rows)),
]


class Kernel:
    """One kernel's machine: what was made, what both said, and what comes out of it."""
    def __init__(self, folder):
        self.name = os.path.basename(folder)
        self.folder = folder
        self.later = os.path.join(folder, 'later/out')
        self.reasons = {}
        self.wrong = []
        self.absent = []
        self.compared = self.made = self.differ = 0
        self.cases = []
        self.kernel = (folder_text(folder, 'later/out/kernel').split() + ['?', '?', '?'])[1:3]

    def excuse(self, ss, rows, what):
        """Counts a difference under its reason, or keeps it as one without."""
        self.differ += 1
        for reason, explains in DIFFERENCES:
            if explains(ss, rows):
                self.reasons[reason] = self.reasons.get(reason, 0) + 1
                return
        self.wrong.append(what)

    def compare(self):
        text = folder_text(self.later, 'json')
        try:
            rows = [json.loads(line) for line in text.splitlines()]
            manifest = json.loads(folder_text(self.later, 'manifest.json'))
        except ValueError as error:
            self.wrong.append(f'no answer: {error}')
            return
        before, after = ss_rows(folder_text(self.later, 'ss')), ss_rows(folder_text(self.later, 'ss-after'))
        by_inode = {}
        for row in rows:
            by_inode.setdefault(row['inode'] or 0, []).append(row)
        self.hold_ss(before, {ss.line for ss in after}, by_inode)
        self.hold_lsock(rows, {ss.inode for ss in before} | {ss.inode for ss in after}, before)
        self.hold_made(manifest, by_inode)
        words = folder_text(self.later, 'lsock.err').strip()
        if words or folder_text(self.later, 'status').strip() != '0':
            self.wrong.append(f'lsock ended with {folder_text(self.later, "status").strip()} and said {words!r}')

    def hold_ss(self, before, after, by_inode):
        """Each row of ss that stays while lsock looks is one of lsock's, with the same holders."""
        all_rows = [row for rows in by_inode.values() for row in rows]
        for ss in before:
            if ss.line not in after:
                continue
            self.compared += 1
            rows = by_inode.get(ss.inode, [])
            if ss.netid not in ('nl', 'u_str', 'u_dgr', 'u_seq') and not ss.inode and ss.users:
                rows = [row for row in all_rows if (row['pid'], row['fd']) in ss.users]
            elif ss.netid == 'nl':
                rows = [row for row in all_rows if row['proto'] == 'netlink']
            if ss.netid not in PROTOS:
                self.excuse(ss, rows, f'ss alone: {ss.line}')
                continue
            alike = [row for row in rows if same(ss, row)]
            holders = {(row['pid'], row['fd']) for row in alike if row['pid'] is not None}
            if not alike:
                said = [(row['proto'], row['state'], row['recv_queue'], row['send_queue'], row['local'], row['remote']) for row in rows[:4]]
                self.excuse(ss, rows, f'ss: {ss.line}\n      lsock: {said}')
            elif ss.users - holders or (ss.users and holders - ss.users):
                self.excuse(ss, alike, f'ss: {ss.line}\n      holders in lsock: {sorted(holders)}')

    def hold_lsock(self, rows, inodes, before):
        """Each row of lsock whose kind ss shows is one of ss's."""
        # A row that has no inode is known by what it says.
        nameless = [ss for ss in before if not ss.inode and ss.netid in PROTOS]
        for row in rows:
            if row['proto'] not in COMPARED or row['inode'] and row['inode'] in inodes:
                continue
            if (not row['inode'] or row['proto'] == 'netlink') and any(same(ss, row) for ss in nameless):
                continue
            if row['state'] == 'CONNECTING' and any(ss.netid.startswith('u_') and ss.local == row['local'] for ss in before):
                continue
            what = f'lsock alone: {row["proto"]} {row["state"]} {row["local"]} {row["remote"]} inode {row["inode"]} {row["owner"]}'
            self.excuse(None, [row], what)

    def hold_made(self, manifest, by_inode):
        """Each socket that was made is listed with its descriptor, as a socket of its kind, and with what a table of /proc has of it."""
        tables = self.tables()
        for made in manifest['sockets']:
            if made['fd'] < 0:
                self.absent.append(made['name'])
                continue
            self.made += 1
            rows = [row for row in by_inode.get(made['inode'], []) if (row['pid'], row['fd']) == (manifest['pid'], made['fd'])]
            wanted = expected(made)
            if not rows or any(not re.fullmatch(wanted, row['proto']) for row in rows):
                self.wrong.append(f'made: {made["name"]}, of the kernel\'s {made["proto"]}: lsock has {sorted(protos(rows))}, not {wanted}')
            # The tables were read later, but these sockets stay. Ports and queues are not decimal, or stand beside a colon.
            row = re.search(rf'^(\S+): .*(?<![\w:]){made["inode"]}(?![\w:])', tables, re.MULTILINE)
            if row and any(row['local'] == '?' for row in rows):
                self.wrong.append(f'made: {made["name"]}: lsock has LOCAL ?, but {row[0]}')

    def tables(self):
        """Returns the rows of all tables of sockets, each behind the name of its table."""
        lines = []
        for folder in ('net', 'net/sctp'):
            for name in sorted(os.listdir(os.path.join(self.later, folder))):
                rows = folder_text(self.later, f'{folder}/{name}').splitlines()
                # That of AX.25 has no header.
                if rows and ('inode' in rows[0].lower() or name == 'ax25'):
                    lines += [f'{name}: {row}' for row in rows]
        return '\n'.join(lines)

    def read_cases(self):
        for which in ('later', 'early'):
            lines = folder_text(self.folder, f'{which}/out/cases-{which}').splitlines()
            if not lines:
                self.wrong.append(f'the cases ({which}) did not end: {folder_text(self.folder, f"{which}/out/cases.log")[-300:]!r}')
            self.cases += lines
        self.wrong += [line for line in self.cases if line.startswith('FAILED')]

    def row(self):
        passed = sum(line.startswith('ok ') for line in self.cases)
        return [self.name, self.kernel[0], self.kernel[1], str(self.made), str(self.compared),
                f'{self.differ} ({self.differ - sum(self.reasons.values())} without a reason)', f'{passed} of {len(self.cases)}']


# What lsock calls the sockets of sockets.py, by how their names begin; the first that fits counts. `-`: as the kernel does, in small letters.
KINDS = [
    ('tcp6|tcp v4mapped accepted', 'tcp6'), ('mptcp.*fallback|mptcp.*', 'mptcp6?|tcp6?'), ('tcp', 'tcp'),
    ('udplite6', 'udplite6'), ('udplite', 'udplite'), ('udp6', 'udp6'), ('udp', 'udp'), ('raw6', 'raw6'), ('raw', 'raw'), ('ping6', 'icmp6'),
    ('ping', 'icmp'), ('sctp', 'sctp'), ('unix dgram|unix autobind', 'unix-dgram'), ('unix seq', 'unix-seq'), ('unix', 'unix'),
    ('netlink', 'netlink'), ('packet', 'packet'), ('pfkey', 'pfkey'), ('bt hci', 'hci'), ('bt l2cap', 'l2cap'), ('bt rfcomm', 'rfcomm'),
    ('bt sco', 'sco'), ('bt iso', 'iso'), ('bt bnep', 'bnep'), ('bt cmtp', 'cmtp'), ('bt hidp', 'hidp'), ('phonet', 'phonet'),
    ('ax25', 'ax25'), ('netrom', 'netrom'), ('rose', 'rose'), ('can bcm', 'can_bcm'), ('', '-'),
]


def expected(made):
    """Returns a pattern of the words by which lsock may call a socket that was made."""
    kind = next(proto for start, proto in KINDS if re.match(start, made['name']))
    return re.escape(made['proto'].lower().removeprefix('af_')) if kind == '-' else kind


def emulated_row(folder):
    """The row of a processor without a kernel: its tests under qemu-user."""
    passed, ran = folder_text(folder, 'emulated').split()
    return [os.path.basename(folder), '(qemu-user)', os.path.basename(folder), '-', '-', '-', f'{passed} of {ran} tests']


def print_table(rows):
    rows = [['name', 'kernel', 'processor', 'sockets', 'rows of ss', 'differ', 'cases'], *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print('| ' + ' | '.join(cell.ljust(width) for cell, width in zip(row, widths)) + ' |')
        if number == 0:
            print('|' + '|'.join('-' * (width + 2) for width in widths) + '|')


def main():
    kernels, rows = [], []
    for folder in sys.argv[1:]:
        if os.path.exists(os.path.join(folder, 'emulated')):
            rows.append(emulated_row(folder))
            continue
        kernel = Kernel(folder)
        kernel.compare()
        kernel.read_cases()
        kernels.append(kernel)
        rows.append(kernel.row())
    print_table(rows)
    reasons = {}
    for kernel in kernels:
        for reason, count in kernel.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    for reason, count in sorted(reasons.items()):
        print(f'{count} rows differ: {reason}')
    for kernel in kernels:
        if kernel.absent:
            print(f'{kernel.name}: could not be made there: {", ".join(kernel.absent)}')
        for line in kernel.cases:
            if line.startswith('skipped'):
                print(f'{kernel.name}: {line}')
        for line in kernel.wrong:
            print(f'{kernel.name}: WRONG: {line}')
    return any(kernel.wrong for kernel in kernels)


if __name__ == '__main__':
    sys.exit(main())
