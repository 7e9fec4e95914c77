// The small static program of the container cases: a workload that runs where nothing else is (scratch images, gVisor),
// the client that holds connections open from outside, and the seccomp side of the cases.
//
//   helper serve [-f] [-n] SOCKET...    tcp:PORT tcp6:PORT udp:PORT unix:@NAME unix:/PATH
//       opens each and prints `fd=N LOCAL` for it as getsockname tells, then `ready`, accepts what comes and keeps it.
//       -f: a child holds the same sockets; -n: not dumpable, so that only CAP_SYS_PTRACE may look into it
//   helper connect ADDRESS PORT COUNT   prints `connected LOCAL PEER` for each, then `ready`, and holds them
//   helper as UID                       exit 0 when it may take on that user for the file system, else 1
//   helper forbidden                    tries each system call that the cases forbid; prints what became of it
//   helper seccomp COMMAND [ARGUMENT]...  the command, killed at once should it use one of them
// Every one of them ends by itself after ten minutes. Build: cc -O2 -static helper.c -o helper
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIFETIME_SECONDS = 600, SOCKETS_MAX = 16, HELD_MAX = 256, BACKLOG = 16 };

// Older headers lack these; the numbers are the kernel's, the same on every architecture that lsock is built for.
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

_Noreturn static void die(const char *what) {
    perror(what);
    exit(1);
}

// A process that is PID 1 of its namespace ignores a signal that it has no handler for.
static void on_end(int number) {
    (void)number;
    _exit(0);
}

static void print_address(const struct sockaddr_storage *address) {
    char text[INET6_ADDRSTRLEN];
    const struct sockaddr_in *in = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    const struct sockaddr_un *un = (const void *)address;
    switch (address->ss_family) {
    case AF_INET:
        printf("%s:%d", inet_ntop(AF_INET, &in->sin_addr, text, sizeof text), ntohs(in->sin_port));
        break;
    case AF_INET6:
        printf("[%s]:%d", inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text), ntohs(in6->sin6_port));
        break;
    default:
        printf("%s%s", un->sun_path[0] ? "" : "@", un->sun_path[0] ? un->sun_path : un->sun_path + 1);
    }
}

static int open_socket(const char *text) {
    struct sockaddr_storage address = {0};
    struct sockaddr_in *in = (void *)&address;
    struct sockaddr_in6 *in6 = (void *)&address;
    struct sockaddr_un *un = (void *)&address;
    socklen_t len = sizeof *in;
    int type = SOCK_STREAM, family = AF_INET, s, on = 1;
    const char *colon = strchr(text, ':');
    if (!colon) die(text);
    if (!strncmp(text, "unix:", 5)) {
        family = AF_UNIX;
        strncpy(un->sun_path, colon + 1, sizeof un->sun_path - 1);
        len = offsetof(struct sockaddr_un, sun_path) + strlen(un->sun_path) + (un->sun_path[0] != '@');
        if (un->sun_path[0] == '@') un->sun_path[0] = 0;
    } else if (!strncmp(text, "tcp6:", 5)) {
        family = AF_INET6;
        in6->sin6_port = htons(atoi(colon + 1));
        len = sizeof *in6;
    } else {
        if (!strncmp(text, "udp:", 4)) type = SOCK_DGRAM;
        in->sin_port = htons(atoi(colon + 1));
    }
    address.ss_family = family;
    if ((s = socket(family, type, 0)) < 0) die(text);
    if (family != AF_UNIX) setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, (void *)&address, len) || (type == SOCK_STREAM && listen(s, BACKLOG))) die(text);
    len = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(s, (void *)&address, &len)) die(text);
    printf("fd=%d ", s);
    print_address(&address);
    puts("");
    return s;
}

_Noreturn static void serve(char **arguments) {
    struct pollfd sockets[SOCKETS_MAX];
    int n = 0, forked = 0;
    for (; *arguments; arguments++) {
        if (!strcmp(*arguments, "-f")) {
            forked = 1;
        } else if (!strcmp(*arguments, "-n")) {
            if (prctl(PR_SET_DUMPABLE, 0)) die("PR_SET_DUMPABLE");
        } else if (n < SOCKETS_MAX) {
            sockets[n++] = (struct pollfd){open_socket(*arguments), POLLIN, 0};
        }
    }
    fflush(stdout);
    if (forked && fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (poll(sockets, n, -1) < 0) die("poll");
        for (int i = 0; i < n; i++)
            if (sockets[i].revents && accept(sockets[i].fd, NULL, NULL) < 0) sockets[i].fd = ~sockets[i].fd;
    }
}

_Noreturn static void connect_all(const char *host, int port, int count) {
    struct sockaddr_storage address = {0}, own, peer;
    struct sockaddr_in *in = (void *)&address;
    struct sockaddr_in6 *in6 = (void *)&address;
    socklen_t len = sizeof *in;
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        len = sizeof *in6;
    } else {
        die(host);
    }
    if (count > HELD_MAX) count = HELD_MAX;
    for (int i = 0; i < count; i++) {
        socklen_t own_len = sizeof own, peer_len = sizeof peer;
        int s = socket(address.ss_family, SOCK_STREAM, 0);
        if (s < 0 || connect(s, (void *)&address, len)) die("connect");
        if (getsockname(s, (void *)&own, &own_len) || getpeername(s, (void *)&peer, &peer_len)) die("getsockname");
        printf("connected ");
        print_address(&own);
        printf(" ");
        print_address(&peer);
        puts("");
    }
    puts("ready");
    fflush(stdout);
    for (;;) pause();
}

// setfsuid gives the user that was: only the next call tells whether this one took.
static int as(int uid) {
    setfsuid(uid);
    return setfsuid(-1) == uid ? 0 : 1;
}

// One system call a line: what the cases forbid, tried with arguments that do no harm where it is allowed.
static long try_forbidden(const char *name) {
    struct iovec none = {0};
    char zeros[256] = {0};
    if (!strcmp(name, "ptrace")) return ptrace(PTRACE_TRACEME, 0, 0, 0);
    if (!strcmp(name, "process_vm_readv")) return process_vm_readv(getpid(), &none, 1, &none, 1, 0);
    if (!strcmp(name, "pidfd_getfd")) return syscall(SYS_pidfd_getfd, -1, 0, 0);
    if (!strcmp(name, "io_uring_setup")) return syscall(SYS_io_uring_setup, 1, zeros);
    return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int forbidden(void) {
    static const char *const names[] = {"ptrace", "process_vm_readv", "pidfd_getfd", "io_uring_setup", "netlink"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int status;
        pid_t pid = fork();
        if (pid < 0) die("fork");
        if (pid == 0) {
            try_forbidden(names[i]);
            _exit(0);
        }
        if (waitpid(pid, &status, 0) < 0) die("waitpid");
        printf("%s %s\n", names[i], WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "killed" : "lived");
    }
    return 0;
}

_Noreturn static void seccomp(char **command) {
#define NUMBER offsetof(struct seccomp_data, nr)
#define FIRST_ARGUMENT offsetof(struct seccomp_data, args)
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NUMBER),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 7, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_getfd, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIRST_ARGUMENT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) die("PR_SET_NO_NEW_PRIVS");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) die("PR_SET_SECCOMP");
    execvp(command[0], command);
    die(command[0]);
}

int main(int argc, char **argv) {
    signal(SIGTERM, on_end);
    signal(SIGINT, on_end);
    signal(SIGALRM, on_end);
    alarm(LIFETIME_SECONDS);
    if (argc > 2 && !strcmp(argv[1], "serve")) serve(argv + 2);
    if (argc == 5 && !strcmp(argv[1], "connect")) connect_all(argv[2], atoi(argv[3]), atoi(argv[4]));
    if (argc == 3 && !strcmp(argv[1], "as")) return as(atoi(argv[2]));
    if (argc == 2 && !strcmp(argv[1], "forbidden")) return forbidden();
    if (argc > 2 && !strcmp(argv[1], "seccomp")) seccomp(argv + 2);
    fputs("usage: helper serve|connect|as|forbidden|seccomp ...\n", stderr);
    return 2;
}
