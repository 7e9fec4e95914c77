// The floor that ci/bench holds lsock against: the system calls of a plain walk that learns what the list shows, with nothing
// done to what they return. One thread; a call that fails is passed over, as lsock passes over a process that has gone meanwhile.
// It is a yardstick and stays as it is: below it there is only to ask for less, as lsock does where it reads descriptors by
// number, and to ask on more processors.
//
//   for each process   openat fd, getdents64 (8 KiB), readlinkat of each, close; readlinkat ns/net; statx task (its threads);
//                      openat, read and close comm, if one of its descriptors is a socket, and cgroup, if there are several
//                      network namespaces, so that the list has a column for the container
//   for each network   sockstat and sockstat6, then each table that they do not call empty, through one buffer of 64 KiB. A read
//   namespace          that comes back at least 512 bytes short of a page was the last: asking again would walk the hash again.
//
// Says on standard error what it met, so that nobody measures an empty walk: "floor: 21 processes, 422 fds, 200 sockets, …".
// It has no libc: glibc's start asks the CPU for its caches, which under a hypervisor takes 0.6 ms, a quarter of the smallest run.
// build: cc -O2 -static -nostdlib -ffreestanding -fno-stack-protector -o floor floor.c
#include <asm/unistd.h>
#include <linux/fcntl.h>

enum { TABLE_END = 4096 - 512, NETNS_MAX = 65536 };

struct dirent64 { // as getdents64(2) shows it
    unsigned long inode;
    long offset;
    unsigned short len;
    unsigned char type;
    char name[];
};

// The tables of a namespace; `inuse` is where sockstat counts its sockets (0: it does not, so it is always read).
static const struct { const char *path, *inuse; } tables[] = {
    {"/net/tcp", "\nTCP: inuse "}, {"/net/tcp6", "\nTCP6: inuse "}, {"/net/udp", "\nUDP: inuse "},
    {"/net/udp6", "\nUDP6: inuse "}, {"/net/udplite", "\nUDPLITE: inuse "}, {"/net/udplite6", "\nUDPLITE6: inuse "},
    {"/net/raw", "\nRAW: inuse "}, {"/net/raw6", "\nRAW6: inuse "}, {"/net/icmp", 0}, {"/net/icmp6", 0}, {"/net/unix", 0},
    {"/net/netlink", 0}, {"/net/packet", 0},
};

static char listing[32768], fd_listing[8192], table[65536], sockstat[8192];
static struct { char name[32], pid[16]; } netns[NETNS_MAX]; // its identity and the member through which it is read
static int netns_len;
static char holders[NETNS_MAX][16]; // the processes that hold a socket
static int holders_len;
static unsigned long processes, fds, sockets, bytes;

static inline long call5(long number, long a, const void *b, unsigned long c, unsigned long d, unsigned long e) {
#if defined(__x86_64__)
    long result;
    register unsigned long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register const void *x1 __asm__("x1") = b;
    register unsigned long x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#else
#error "floor.c knows the system calls of x86_64 and aarch64 only"
#endif
}

static inline long call(long number, long a, const void *b, unsigned long c, unsigned long d) {
    return call5(number, a, b, c, d, 0);
}

static int open_at(long dir, const char *name, int flags) {
    return (int)call(__NR_openat, dir, name, (unsigned long)(O_RDONLY | O_CLOEXEC | flags), 0);
}

// Appends a text (a decimal number) at `at`, with a NUL behind it; returns where the NUL is.
static char *append(char *at, const char *text) {
    while ((*at = *text++)) at++;
    return at;
}
static char *append_number(char *at, unsigned long number) {
    if (number >= 10) at = append_number(at, number / 10);
    *at++ = (char)('0' + number % 10);
    *at = 0;
    return at;
}

static int is_same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

// Where `text` goes on behind `what`; 0 if `what` is not in it.
static const char *find(const char *text, const char *what) {
    for (; *text; text++) {
        long i = 0;
        while (what[i] && text[i] == what[i]) i++;
        if (!what[i]) return text + i;
    }
    return 0;
}

// One small file, for its bytes alone; their number, 0 if it cannot be read.
static unsigned long read_small(long dir, const char *path, char *buffer, unsigned long size) {
    int file = open_at(dir, path, 0);
    if (file < 0) return 0;
    long len = call(__NR_read, file, buffer, size, 0);
    call(__NR_close, file, 0, 0, 0);
    return len > 0 ? (unsigned long)len : 0;
}

// 1 if one of the process's descriptors is a socket.
static int walk_fds(int dir) {
    char link[64];
    long len;
    int any = 0;
    while ((len = call(__NR_getdents64, dir, fd_listing, sizeof fd_listing, 0)) > 0) {
        for (long at = 0; at < len;) {
            const struct dirent64 *fd = (const struct dirent64 *)(fd_listing + at);
            at += fd->len;
            if (fd->name[0] == '.') continue;
            fds++;
            long link_len = call(__NR_readlinkat, dir, fd->name, (unsigned long)link, sizeof link);
            if (link_len > 8 && link[0] == 's' && link[6] == ':') { // socket:[607014]
                sockets++;
                any = 1;
            }
        }
    }
    return any;
}

static void walk_process(int proc, const char *pid) {
    char path[64], name[sizeof netns->name], task[256];
    int any = 0;
    append(append(path, pid), "/fd");
    int dir = open_at(proc, path, O_DIRECTORY);
    if (dir >= 0) {
        any = walk_fds(dir);
        call(__NR_close, dir, 0, 0, 0);
    }
    append(append(path, pid), "/ns/net");
    long len = call(__NR_readlinkat, proc, path, (unsigned long)name, sizeof name - 1);
    if (len > 0) {
        name[len] = 0;
        int i = netns_len - 1; // the newest first: neighbours are usually of one namespace
        while (i >= 0 && !is_same(netns[i].name, name)) i--;
        if (i < 0 && netns_len < NETNS_MAX) {
            append(netns[netns_len].name, name);
            append(netns[netns_len++].pid, pid);
        }
    }
    append(append(path, pid), "/task");
    call5(__NR_statx, proc, path, 0, 0x7ff, (unsigned long)task);
    if (any && holders_len < NETNS_MAX) append(holders[holders_len++], pid);
    processes++;
}

// Who they are, after the tables, as a list shows it.
static void read_names(int proc) {
    char path[64], text[1024];
    for (int i = 0; i < holders_len; i++) {
        append(append(path, holders[i]), "/comm");
        read_small(proc, path, text, sizeof text);
        if (netns_len < 2) continue;
        append(append(path, holders[i]), "/cgroup");
        read_small(proc, path, text, sizeof text);
    }
}

// 1 unless sockstat says that there is none: what it does not mention may be there.
static int is_counted(const char *what) {
    const char *count = find(sockstat, what);
    return !count || *count != '0';
}

static void read_tables(int proc, const char *pid) {
    char path[64];
    append(append(path, pid), "/net/sockstat");
    unsigned long len = read_small(proc, path, sockstat, sizeof sockstat - 1);
    append(append(path, pid), "/net/sockstat6");
    sockstat[len++] = '\n'; // so that its first line, too, starts behind a newline
    len += read_small(proc, path, sockstat + len, sizeof sockstat - 1 - len);
    sockstat[len] = 0;
    int timewait = is_counted(" tw ");
    for (unsigned long i = 0; i < sizeof tables / sizeof *tables; i++) {
        int is_tcp = i < 2;
        if (tables[i].inuse && !is_counted(tables[i].inuse) && !(is_tcp && timewait)) continue;
        append(append(path, pid), tables[i].path);
        int file = open_at(proc, path, 0);
        if (file < 0) continue;
        long got;
        do {
            got = call(__NR_read, file, table, sizeof table, 0);
            if (got > 0) bytes += (unsigned long)got;
        } while (got > TABLE_END);
        call(__NR_close, file, 0, 0, 0);
    }
}

static int walk(void) {
    int proc = open_at(AT_FDCWD, "/proc", O_DIRECTORY);
    long len;
    if (proc < 0) return 2;
    while ((len = call(__NR_getdents64, proc, listing, sizeof listing, 0)) > 0) {
        for (long at = 0; at < len;) {
            const struct dirent64 *process = (const struct dirent64 *)(listing + at);
            at += process->len;
            if (process->name[0] >= '1' && process->name[0] <= '9') walk_process(proc, process->name);
        }
    }
    for (int i = 0; i < netns_len; i++) read_tables(proc, netns[i].pid);
    read_names(proc);
    return 0;
}

static unsigned long write_summary(char *text) {
    char *at = append_number(append(text, "floor: "), processes);
    at = append_number(append(at, " processes, "), fds);
    at = append_number(append(at, " fds, "), sockets);
    at = append_number(append(at, " sockets, "), (unsigned long)netns_len);
    at = append_number(append(at, " network namespaces, "), bytes);
    return (unsigned long)(append(at, " bytes of tables\n") - text);
}

#ifdef __x86_64__
__attribute__((force_align_arg_pointer)) // the kernel starts us without the return address that a call would have pushed
#endif
_Noreturn void _start(void) {
    char text[256];
    int status = walk();
    call(__NR_write, 2, text, write_summary(text), 0);
    for (;;) call(__NR_exit_group, status, 0, 0, 0);
}
