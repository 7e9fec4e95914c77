// The load that ci/bench measures on: processes with a known number of sockets and other descriptors, made in the network
// namespace it is started in (ci/bench gives it one of its own), ended with all its children when standard input ends or a
// SIGTERM comes. Prints one line when all of it stands: READY mode=host pids=2000 first=6
// The second job, `run`, measures one command: see run_command() below.
//
//   workload container [PROCESSES=20]          ten sockets (TCP, UDP, unix) and ten other descriptors each
//   workload small|small4                      a small container; small4 without a connection over IPv6
//   workload busy [CONNECTIONS=19950]          two processes, connected to each other
//   workload host [PROCESSES=2000] [NETNS=50]  five sockets and fifteen other descriptors each
//   workload manyfd [FDS=100000]               hardly any of them a socket
//   workload est|tcp6 CONNECTIONS              as busy, in as many pairs of processes as the limit of descriptors needs
//   workload listen|udp|unix SOCKETS           of one kind
//   workload timewait CONNECTIONS              closed ones, left in TIME_WAIT, which no process holds
//   workload run SECONDS FILE COMMAND [ARGUMENT]...
// build: cc -O2 -static -o workload workload.c
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    KIDS_MAX = 8192,
    PER_ADDRESS = 24000,   // connections to one address and port: well within the ports to connect from
    PORTS = 50000,         // bound ports on one address, from FIRST_PORT on
    FIRST_PORT = 10000,
    SERVER_PORT = 5000,    // below the ports to connect from
    SPARE_FDS = 32,        // what a process holds besides its load, generously
};
static const uint32_t FIRST_ADDRESS = 0x7f000101; // 127.0.1.1, then .2, .3 and so on

static pid_t kids[KIDS_MAX];
static int kids_len;
static int ready_pipe[2]; // one byte from each child that stands
static int fds_max;
static volatile sig_atomic_t stop;

static void on_signal(int number) { (void)number; stop = 1; }

// Without one of its children the load is not what was asked for. The others die with their parent. As the first process of
// its namespace it also inherits what a command that was ended leaves behind: that only has to be reaped.
static void on_dead_kid(int number) {
    static const char text[] = "workload: a child died\n";
    pid_t dead;
    (void)number;
    while ((dead = waitpid(-1, NULL, WNOHANG)) > 0) {
        for (int i = 0; i < kids_len; i++) {
            if (kids[i] != dead) continue;
            if (write(2, text, sizeof text - 1) < 0) _exit(3);
            _exit(1);
        }
    }
}

static int check(int result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
        exit(1);
    }
    return result;
}

// A setting of the namespace. One that this kernel lacks, or that may not be written, shows later as a failing connect.
static void write_setting(const char *path, const char *value) {
    int fd = open(path, O_WRONLY);
    if (fd < 0) return;
    if (write(fd, value, strlen(value)) < 0) fprintf(stderr, "workload: %s: %s\n", path, strerror(errno));
    close(fd);
}

static void prepare_netns(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = check(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    check(ioctl(fd, SIOCGIFFLAGS, &request), "lo");
    request.ifr_flags |= IFF_UP;
    check(ioctl(fd, SIOCSIFFLAGS, &request), "lo");
    close(fd);
}

// Forks; 0 in the child, which dies with its parent and makes its sockets in its own table of descriptors.
static pid_t start_kid(const char *name, int number) {
    if (kids_len == KIDS_MAX) {
        fprintf(stderr, "workload: more than %d processes\n", KIDS_MAX);
        exit(2);
    }
    pid_t pid = check(fork(), "fork");
    if (pid == 0) {
        char comm[16];
        snprintf(comm, sizeof comm, "%s%d", name, number);
        prctl(PR_SET_NAME, comm);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
    } else {
        kids[kids_len++] = pid;
    }
    return pid;
}

static void stand(void) {
    check(write(ready_pipe[1], "r", 1) == 1 ? 0 : -1, "ready");
    for (;;) pause();
}

static void wait_for_kids(void) {
    char byte;
    for (int i = 0; i < kids_len; i++) check(read(ready_pipe[0], &byte, 1) == 1 ? 0 : -1, "ready");
}

// One socket of any internet kind: bound (and listening) or connected to loopback address `ip`, which IPv6 does not use.
enum { BOUND, LISTENING, CONNECTED };
static int open_inet(int family, int type, int what, uint32_t ip, int port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
    int fd = check(socket(family, type, 0), "socket");
    if (what == CONNECTED) {
        check(connect(fd, address, len), "connect");
    } else {
        check(bind(fd, address, len), "bind");
        if (what == LISTENING) check(listen(fd, 65535), "listen");
    }
    return fd;
}

// A listener on a port that the kernel picks, a connection to it and its accepted end: three sockets.
static void open_connection(int family) {
    struct sockaddr_in6 address;
    socklen_t len = sizeof address;
    int listener = open_inet(family, SOCK_STREAM, LISTENING, INADDR_LOOPBACK, 0);
    check(getsockname(listener, (struct sockaddr *)&address, &len), "getsockname");
    open_inet(family, SOCK_STREAM, CONNECTED, INADDR_LOOPBACK, ntohs(address.sin6_port)); // the port is at the same place in both
    check(accept(listener, NULL, NULL), "accept");
}

static void open_service(void) { // ten sockets
    int pair[2];
    open_connection(AF_INET);
    open_connection(AF_INET6);
    open_inet(AF_INET, SOCK_DGRAM, BOUND, INADDR_LOOPBACK, 0);
    open_inet(AF_INET6, SOCK_DGRAM, BOUND, 0, 0);
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
}

static void open_others(int count) { // descriptors that are no sockets: a file, an eventfd, an epoll, a pipe, a folder, …
    int ends[2];
    for (int i = 0; i < count; i++) {
        switch (i % 6) {
        case 0: check(open("/proc/self/exe", O_RDONLY), "open"); break;
        case 1: check(eventfd(0, 0), "eventfd"); break;
        case 2: check(epoll_create1(0), "epoll_create1"); break;
        case 3:
            if (i + 1 == count) { check(open("/dev/null", O_RDWR), "open"); break; }
            check(pipe(ends), "pipe");
            i++;
            break;
        default: check(open("/", O_RDONLY | O_DIRECTORY), "open");
        }
    }
}

// How many processes are needed to hold `count` descriptors.
static int processes_for(int count) { return count / (fds_max - SPARE_FDS) + 1; }

// `connections` in all, shared by pairs of processes. Each pair has its own port; it goes to the next address (IPv6: the next
// port) after PER_ADDRESS connections, so that the ports to connect from never run out.
static void start_pairs(int connections, int family) {
    int pairs = processes_for(connections), count = connections / pairs;
    int targets = count / PER_ADDRESS + 1;
    for (int pair = 0; pair < pairs; pair++) {
        int gate[2];
        char byte;
        check(pipe(gate), "pipe");
        for (int end = 0; end < 2; end++) {
            if (start_kid(end == 0 ? "server" : "client", pair) != 0) continue;
            int listeners[targets];
            for (int i = 0; i < targets && end == 0; i++) {
                int port = SERVER_PORT + pair + (family == AF_INET6 ? 100 * i : 0);
                listeners[i] = open_inet(family, SOCK_STREAM, LISTENING, FIRST_ADDRESS + i, port);
            }
            // The client starts when the server listens.
            check((end == 0 ? write(gate[1], "l", 1) : read(gate[0], &byte, 1)) == 1 ? 0 : -1, "gate");
            for (int i = 0; i < count; i++) {
                int target = i / PER_ADDRESS;
                int port = SERVER_PORT + pair + (family == AF_INET6 ? 100 * target : 0);
                if (end == 0) check(accept(listeners[target], NULL, NULL), "accept");
                else open_inet(family, SOCK_STREAM, CONNECTED, FIRST_ADDRESS + target, port);
            }
            stand();
        }
        close(gate[0]);
        close(gate[1]);
    }
}

static void start_container(int processes) {
    for (int i = 0; i < processes; i++) {
        if (start_kid("service", i) != 0) continue;
        open_service();
        open_others(10);
        stand();
    }
}

// A small container, with `v6` of its 20 connections over IPv6. A server has three listeners over IPv4 from SMALL_PORT on, a
// second one three over IPv6 on the ports behind them, and a client the other ends of the connections to the first of each.
enum { SMALL_PORT = 20001, SMALL_LISTENERS = 3, SMALL_CONNECTIONS = 20 };
static void start_small(int v6) {
    int gates[2][2], counts[2] = {SMALL_CONNECTIONS - v6, v6}, families[2] = {AF_INET, AF_INET6}, pair[2];
    char byte;
    for (int i = 0; i < 2; i++) {
        check(pipe(gates[i]), "pipe");
        if (start_kid("server", i) != 0) continue;
        int listeners[SMALL_LISTENERS];
        for (int k = 0; k < SMALL_LISTENERS; k++) {
            listeners[k] = open_inet(families[i], SOCK_STREAM, LISTENING, INADDR_LOOPBACK, SMALL_PORT + SMALL_LISTENERS * i + k);
        }
        check(write(gates[i][1], "l", 1) == 1 ? 0 : -1, "gate");
        for (int k = 0; k < counts[i]; k++) check(accept(listeners[0], NULL, NULL), "accept");
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
        stand();
    }
    if (start_kid("client", 0) != 0) return;
    for (int i = 0; i < 2; i++) {
        check(read(gates[i][0], &byte, 1) == 1 ? 0 : -1, "gate");
        for (int k = 0; k < counts[i]; k++) {
            open_inet(families[i], SOCK_STREAM, CONNECTED, INADDR_LOOPBACK, SMALL_PORT + SMALL_LISTENERS * i);
        }
    }
    check(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");
    stand();
}

static void start_host(int processes, int netns) {
    int home = check(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "ns/net");
    for (int i = 0, last = -1; i < processes; i++) {
        int wanted = (int)((long)i * netns / processes);
        if (wanted != last) {
            check(unshare(CLONE_NEWNET), "unshare");
            prepare_netns();
            last = wanted;
        }
        if (start_kid("host", i) != 0) continue;
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "host-%d", i);
        close(home);
        open_connection(AF_INET);
        open_inet(AF_INET, SOCK_DGRAM, BOUND, INADDR_LOOPBACK, 0);
        int fd = check(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
        check(bind(fd, (struct sockaddr *)&name, offsetof(struct sockaddr_un, sun_path) + 1 + len), "bind");
        check(listen(fd, 5), "listen");
        open_others(10); // with 0, 1, 2, the two ends of ready_pipe and five sockets that makes twenty
        stand();
    }
    check(setns(home, CLONE_NEWNET), "setns");
    close(home);
}

static void start_manyfd(int fds) {
    int processes = processes_for(fds);
    for (int i = 0; i < processes; i++) {
        if (start_kid("manyfd", i) != 0) continue;
        if (i == 0) open_service();
        open_others(fds / processes - (i == 0 ? 15 : 5)); // 0, 1, 2 and ready_pipe count too
        stand();
    }
}

static void start_sockets(const char *kind, int count) {
    int processes = processes_for(count), each = count / processes;
    for (int k = 0; k < processes; k++) {
        if (start_kid(kind, k) != 0) continue;
        for (int i = k * each; i < (k + 1) * each; i++) {
            uint32_t ip = FIRST_ADDRESS + i / PORTS;
            int port = FIRST_PORT + i % PORTS, pair[2];
            if (strcmp(kind, "listen") == 0) open_inet(AF_INET, SOCK_STREAM, LISTENING, ip, port);
            else if (strcmp(kind, "udp") == 0) open_inet(AF_INET, SOCK_DGRAM, BOUND, ip, port);
            else if (i % 2 == 0) check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
        }
        stand();
    }
}

static void leave_timewait(int count) {
    for (int i = 0, listener = -1; i < count; i++) {
        uint32_t ip = FIRST_ADDRESS + i / PER_ADDRESS;
        if (i % PER_ADDRESS == 0) {
            if (listener >= 0) close(listener);
            listener = open_inet(AF_INET, SOCK_STREAM, LISTENING, ip, SERVER_PORT);
        }
        int client = open_inet(AF_INET, SOCK_STREAM, CONNECTED, ip, SERVER_PORT);
        int server = check(accept(listener, NULL, NULL), "accept");
        close(client);
        close(server);
    }
}

// Runs one command with its output in FILE and prints what it used: wall, user and system time in ns, peak memory in KiB, wait
// status (-1: it was ended after SECONDS). A static program does this, because the kernel counts the memory of the process
// that calls exec() into the peak of the one it becomes: under a Python that is 10 MB for every command.
static volatile pid_t command_pid;
static void on_alarm(int number) { (void)number; stop = 1; kill(command_pid, SIGKILL); }
static long long since(struct timespec start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start.tv_sec) * 1000000000LL + (now.tv_nsec - start.tv_nsec);
}
static int run_command(int seconds, const char *file, char **argv) {
    struct timespec start;
    struct rusage used;
    int status, waited;
    int out = check(open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), file);
    int null = check(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t pid = check(vfork(), "vfork");
    if (pid == 0) {
        dup2(null, 0);
        dup2(out, 1);
        dup2(null, 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    command_pid = pid;
    alarm(seconds);
    do waited = wait4(pid, &status, 0, &used); while (waited < 0 && errno == EINTR);
    check(waited, "wait4");
    printf("%lld %ld %ld %ld %d\n", since(start), used.ru_utime.tv_sec * 1000000000L + used.ru_utime.tv_usec * 1000L,
           used.ru_stime.tv_sec * 1000000000L + used.ru_stime.tv_usec * 1000L, used.ru_maxrss, stop ? -1 : status);
    return 0;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "run") == 0 && argc > 4) return run_command(atoi(argv[2]), argv[3], argv + 4);
    int count = argc > 2 ? atoi(argv[2]) : 0, netns = argc > 3 ? atoi(argv[3]) : 50;

    // As many descriptors as we may have; where the hard limit cannot be raised, the load is spread over more processes.
    struct rlimit limit = {1048576, 1048576};
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
        limit.rlim_cur = limit.rlim_max;
        check(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    }
    fds_max = (int)limit.rlim_cur;
    for (int fd = 3; fd < 1024; fd++) close(fd); // inherited descriptors would change the load
    check(pipe(ready_pipe), "pipe");
    prepare_netns();
    write_setting("/proc/sys/net/ipv4/ip_local_port_range", "10000 65500");
    write_setting("/proc/sys/net/core/somaxconn", "65535");
    write_setting("/proc/sys/net/ipv4/tcp_max_syn_backlog", "65535");
    write_setting("/proc/sys/net/ipv4/tcp_max_tw_buckets", "1000000");
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGCHLD, on_dead_kid);

    if (strcmp(mode, "container") == 0) start_container(count ? count : 20);
    else if (strcmp(mode, "small") == 0) start_small(SMALL_CONNECTIONS / 2);
    else if (strcmp(mode, "small4") == 0) start_small(0);
    else if (strcmp(mode, "busy") == 0) start_pairs(count ? count : 19950, AF_INET);
    else if (strcmp(mode, "host") == 0) start_host(count ? count : 2000, netns);
    else if (strcmp(mode, "manyfd") == 0) start_manyfd(count ? count : 100000);
    else if (count > 0 && strcmp(mode, "est") == 0) start_pairs(count, AF_INET);
    else if (count > 0 && strcmp(mode, "tcp6") == 0) start_pairs(count, AF_INET6);
    else if (count > 0 && strcmp(mode, "timewait") == 0) leave_timewait(count);
    else if (count > 0 && strcmp(mode, "listen") == 0) start_sockets(mode, count);
    else if (count > 0 && strcmp(mode, "udp") == 0) start_sockets(mode, count);
    else if (count > 0 && strcmp(mode, "unix") == 0) start_sockets(mode, count);
    else {
        fprintf(stderr, "usage: workload container|small|small4|busy|host|manyfd|est|tcp6|listen|udp|unix|timewait [COUNT] [NETNS]\n"
                        "       workload run SECONDS FILE COMMAND [ARGUMENT]...\n");
        return 2;
    }
    wait_for_kids();
    printf("READY mode=%s pids=%d first=%d\n", mode, kids_len, kids_len ? (int)kids[0] : (int)getpid());
    fflush(stdout);

    struct pollfd input = {.fd = 0, .events = POLLIN};
    char bytes[64];
    while (!stop) {
        if (poll(&input, 1, 1000) > 0 && read(0, bytes, sizeof bytes) <= 0) break;
    }
    signal(SIGCHLD, SIG_DFL);
    for (int i = 0; i < kids_len; i++) kill(kids[i], SIGKILL);
    for (int i = 0; i < kids_len; i++) waitpid(kids[i], NULL, 0);
    return 0;
}
