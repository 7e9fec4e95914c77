#!/usr/bin/env python3
"""Runs in the machine: what lsock does under other proc mounts, in control groups, and early after the start, against what this
program set up itself. In: the name of a set of cases (later, early). Out: a line a case, `ok NAME`, `FAILED NAME: WHY` or
`skipped NAME: WHY`, in /out/cases-SET. It does not import modules that wait for the kernel's random numbers."""
import json
import os
import re
import socket
import subprocess
import sys
import time

LSOCK = '/t/lsock'
USERS = {7001: 0, 7002: 1000, 7003: 1001}
results = []


def case(name):
    """Runs a function now, as the case `name`; what it raises is why the case failed."""
    def run(function):
        try:
            skip = function()
            results.append(f'skipped {name}: {skip}' if skip else f'ok {name}')
        except Exception as error:
            results.append(f'FAILED {name}: {type(error).__name__}: {str(error)[:1500]!r}')
        print(results[-1], flush=True)
    return run


def shell(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def become(uid):
    """Returns what a child does before it runs its program: it becomes the user `uid`."""
    def change():
        if uid:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
    return change


class Told:
    """What one run of lsock --json said."""
    def __init__(self, *words, uid=0, prefix=()):
        run = subprocess.run([*prefix, LSOCK, '--json', *words], capture_output=True, text=True, timeout=120,
                             preexec_fn=become(uid))
        self.status, self.words = run.returncode, run.stderr.strip()
        self.rows = [json.loads(line) for line in run.stdout.splitlines()]

    def listener(self, port):
        rows = [row for row in self.rows if row['local_port'] == port and row['state'] == 'LISTEN']
        assert len(rows) == 1, f'{len(rows)} listeners on {port}; {self.words}'
        return rows[0]

    def __str__(self):
        return f'exit {self.status}: {self.words}'


def expect(value, wanted, said=''):
    assert value == wanted, f'{value!r}, not {wanted!r}; {said}'


def serve(port, uid=0, prefix=()):
    """Starts a process of its own, which listens on `port`, and waits until it does."""
    ready, done = os.pipe()
    program = ('import socket, time, os\n'
               f's = socket.socket(); s.bind(("127.0.0.1", {port})); s.listen(3)\n'
               f'u = socket.socket(socket.AF_UNIX); u.bind("\\0serve{port}"); u.listen(1)\n'
               f'os.write({done}, b"x"); os.close({done}); time.sleep(100000)\n')
    child = subprocess.Popen([*prefix, 'python3', '-S', '-c', program], preexec_fn=become(uid), pass_fds=[done])
    os.close(done)
    assert os.read(ready, 1) == b'x', f'no server on {port}'
    os.close(ready)
    return child


def mount_proc(where, options):
    """Mounts a proc with `options` at `where`, and tells whether this kernel has them."""
    os.makedirs(where, exist_ok=True)
    return shell('mount', '-t', 'proc', '-o', options, 'proc', where).returncode == 0


def bound(where):
    """Returns the words before a command that make `where` its only /proc."""
    return ['unshare', '-m', 'sh', '-c', f'mount --bind {where} /proc && exec "$@"', 'sh']


def as_user(uid):
    return ['setpriv', f'--reuid={uid}', f'--regid={uid}', '--clear-groups']


def look_at(where, uid):
    """Yields both ways to look at a proc: named by --proc, and as the only /proc there is."""
    yield Told('--proc', where, uid=uid)
    yield Told(prefix=bound(where) + as_user(uid))


def hidepid(level):
    where = f'/p{level}'
    if not mount_proc(where, f'hidepid={level}'):
        return f'this kernel has no hidepid={level}'
    for told in look_at(where, 1000):
        own, others = told.listener(7002), told.listener(7003)
        expect((own['owner'], own['pid']), ('process', servers[7002].pid), told)
        expect((others['owner'], others['pid']), ('(hidden)', None), told)
        expect(told.listener(7001)['owner'], '(hidden)', told)
        expect(told.status, 0, told)
        assert told.words, 'nothing is said of what is hidden'
        # By hidepid=1 each process is seen to be there; by the others it is not, and the words say why.
        assert level == 1 or 'hidepid' in told.words, told
    for told in look_at(where, 0):
        for port, server in servers.items():
            expect(told.listener(port)['pid'], server.pid, told)
    # Whether somebody listens can be told, who holds it cannot.
    expect(Told('-l', ':7003', '--proc', where, uid=1000).status, 0)
    expect(Told('-l', ':7999', '--proc', where, uid=1000).status, 1)
    quiet = subprocess.run([LSOCK, '-T', '-l', ':7003', '--proc', where], capture_output=True, preexec_fn=become(1000))
    expect(quiet.returncode, 3, 'lsock -T of a hidden holder')
    return None


def subset_pid():
    if not mount_proc('/ps', 'subset=pid'):
        return 'this kernel has no subset=pid'
    assert not os.path.exists('/ps/net') and not os.path.exists('/ps/uptime'), 'there is more than processes'
    for told in look_at('/ps', 0):
        for port, server in servers.items():
            expect(told.listener(port)['pid'], server.pid, told)
    for told in look_at('/ps', 1000):
        expect(told.listener(7002)['pid'], servers[7002].pid, told)
        expect(told.listener(7003)['owner'], '(hidden)', told)
    return None


def subset_and_hidepid():
    if not mount_proc('/psh', 'subset=pid,hidepid=2'):
        return 'this kernel has not both'
    for told in look_at('/psh', 1000):
        expect(told.listener(7002)['pid'], servers[7002].pid, told)
        expect(told.listener(7003)['owner'], '(hidden)', told)
    return None


def group_of_hidepid():
    if not mount_proc('/pg', 'hidepid=2,gid=1000'):
        return 'this kernel has no gid='
    told = Told('--proc', '/pg', uid=1000)
    expect(told.listener(7002)['pid'], servers[7002].pid, told)
    expect(told.listener(7003)['owner'], '(hidden)', told)
    return None


def pointers_hidden():
    """Pointers print as zeros for kptr_restrict=2: nothing that is shown depends on one."""
    with open('/proc/sys/kernel/kptr_restrict', 'w') as file:
        file.write('2')
    try:
        for uid in (0, 1000):
            told = Told(uid=uid)
            expect(told.listener(7002)['pid'], servers[7002].pid, told)
            unix = [row for row in told.rows if row['path'] == '@serve7002']
            expect([(row['state'], row['pid']) for row in unix], [('LISTEN', servers[7002].pid)], told)
    finally:
        with open('/proc/sys/kernel/kptr_restrict', 'w') as file:
            file.write('0')


ID = '54e9a2cefd94aabbccddeeff00112233445566778899aabbccddeeff00112233'
GROUPS = {
    'docker, systemd': f'system.slice/docker-{ID}.scope',
    'docker, cgroupfs': f'docker/{ID}',
    'kubepods, cgroupfs': f'kubepods/burstable/pod11111111-2222-3333-4444-555555555555/{ID}',
    'cri-o': f'kubepods.slice/kubepods-besteffort.slice/crio-{ID}.scope',
    'podman': f'machine.slice/libpod-{ID}.scope',
    'containerd': f'kubepods.slice/cri-containerd-{ID}.scope',
}


def control_group(path):
    os.makedirs(f'/cg/{path}', exist_ok=True)
    enter = ['sh', '-c', f'echo $$ >/cg/{path}/cgroup.procs && exec "$@"', 'sh', 'unshare', '-n', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh']
    child = serve(7100, prefix=enter)
    try:
        told = Told('--container', ID[:4], ':7100')
        expect((told.listener(7100)['pid'], told.listener(7100)['container']), (child.pid, ID), told)
        expect(Told('--container', 'ffff', ':7100').rows, [])
    finally:
        child.kill()
        child.wait()


def nested():
    """A process two PID namespaces down is known by its number where one looks, and only below it by its own."""
    inner = ['unshare', '-p', '-f', '-m', '--mount-proc']
    child = serve(7200, prefix=inner + inner)
    try:
        row = Told(':7200').listener(7200)
        expect(row['owner'], 'process')
        own = subprocess.run(['nsenter', '-t', str(row['pid']), '-p', '-m', LSOCK, '--json', '-l', ':7200'],
                             capture_output=True, text=True).stdout
        expect([json.loads(line)['pid'] for line in own.splitlines()], [1])
    finally:
        child.kill()
        child.wait()


def user_namespace():
    """Root of a user namespace of its own is no root of the others, and is told so."""
    told = Told(prefix=as_user(1000) + ['unshare', '-U', '-r'])
    expect(told.listener(7003)['owner'], '(hidden)', told)
    assert told.words, 'nothing is said'


def time_namespace():
    run = shell('unshare', '-T', '--boottime', '1000000', '--monotonic', '1000000', LSOCK, '-q', '-l', ':7999', '--wait=2')
    expect(run.returncode, 1, run.stderr)
    told = Told(prefix=['unshare', '-T', '--boottime', '1000000', '--monotonic', '1000000'])
    for port, server in servers.items():
        expect(told.listener(port)['pid'], server.pid, told)


def without_ptrace():
    """Root without CAP_SYS_PTRACE takes on each user's ids, and sees all but what has a capability that it has not."""
    told = Told(prefix=['setpriv', '--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace'])
    for port in (7002, 7003):
        expect(told.listener(port)['pid'], servers[port].pid, told)
    expect(told.listener(7001)['owner'], '(hidden)', told)
    assert 'CAP_SYS_PTRACE' in told.words, told


def everything_named(told, port):
    """Holds all rows of the server on `port` against what it made, and lsock has nothing to complain of."""
    pid = servers[port].pid
    mine = sorted((row['proto'], row['state'], row['local']) for row in told.rows if row['pid'] == pid)
    expect(mine, [('tcp', 'LISTEN', f'127.0.0.1:{port}'), ('unix', 'LISTEN', f'@serve{port}')], told)
    expect((told.status, told.words), (0, ''))


def before_random_numbers():
    """Early on the kernel prints (____ptrval____) for a pointer."""
    with open('/proc/net/unix') as file:
        table = file.read()
    open('/out/unix-early', 'w').write(table)
    if 'ptrval' not in table:
        return 'the random numbers of this kernel were ready before its first process'
    everything_named(Told('-tux'), 7001)
    with open('/out/unix-early') as file:
        run = subprocess.run([LSOCK, '--decode', '--json'], stdin=file, capture_output=True, text=True)
    expect((run.returncode, run.stderr), (0, ''))
    expect(len(run.stdout.splitlines()), len(table.splitlines()) - 1, run.stdout)
    for name in ('netlink', 'packet'):
        told = Told(f'--{name}')
        assert all(row['proto'] == name for row in told.rows) and told.rows and not told.words, told
    return None


def without_ipv6():
    assert 'ipv6.disable=1' in open('/proc/cmdline').read() and not os.path.exists('/proc/net/tcp6'), 'there is IPv6'
    everything_named(Told('-tuxw'), 7001)
    told = Told('-6')
    expect((told.status, told.rows), (1, []), told)
    told = Told('-i6:7001')
    expect((told.status, told.rows), (1, []), told)


def same_as_ss_early():
    ss = subprocess.run(['ss', '-Htuxwlnp'], capture_output=True, text=True).stdout
    inodes = set()
    for row in Told('-l', '-tuxw').rows:
        if row['owner'] == 'process':
            inodes.add((row['pid'], row['fd']))
    expect(inodes, {(int(pid), int(fd)) for pid, fd in re.findall(r'pid=(\d+),fd=(\d+)', ss)}, ss)


which = sys.argv[1]
os.chmod('/tmp', 0o1777)
if which == 'early':
    servers = {7001: serve(7001)}
    packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300)
    case('before the random numbers are ready')(before_random_numbers)
    case('no IPv6')(without_ipv6)
    case('no IPv6, listeners as ss has them')(same_as_ss_early)
else:
    servers = {port: serve(port, uid) for port, uid in USERS.items()}
    for level in (1, 2, 4):
        case(f'hidepid={level}')(lambda: hidepid(level))
    case('hidepid=2 with a group')(group_of_hidepid)
    case('subset=pid')(subset_pid)
    case('subset=pid with hidepid=2')(subset_and_hidepid)
    case('kptr_restrict=2')(pointers_hidden)
    os.makedirs('/cg', exist_ok=True)
    no_groups = shell('mount', '-t', 'cgroup2', 'none', '/cg').returncode != 0
    for name, path in GROUPS.items():
        case(f'cgroup v2, {name}')(lambda: 'this kernel has none' if no_groups else control_group(path))
    case('nested PID namespaces')(nested)
    case('a user namespace')(user_namespace)
    case('a time namespace')(time_namespace)
    case('root without SYS_PTRACE')(without_ptrace)
for server in servers.values():
    server.kill()
with open(f'/out/cases-{which}', 'w') as file:
    file.write('\n'.join(results) + '\n')
