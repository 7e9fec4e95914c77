/*
 * churn: opens and closes sockets, puts others in the place of their descriptors, forks and exits, some thousand times a second,
 * and writes down what was true.
 *
 * Usage: churn LOG WORKERS [short]     With `short` names of unix sockets leave room for a row behind them. It prints READY once its lasting sockets are there, and ends when its standard input ends.
 * Each line of LOG is `PID FD INODE PROTO PORT`: this process held this socket at this descriptor, lsock has to call it PROTO, and
 * its own port is PORT (0: none yet, or none at all). It is written before a socket can be seen with its port, so that whatever
 * is seen is in LOG by the end. `= PID FD INODE PROTO PORT` is a socket that is held all the time.
 * Its last line on standard output is `OPERATIONS N FORKS N`. It talks to nobody outside loopback.
 *
 * Build: cc -O2 churn.c -o churn
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 24 };

/* What stands at each place: a descriptor or -1, and what it is. */
struct slot {
    int fd;
    unsigned long inode;
    const char *proto;
    int port;
};

static struct slot slots[SLOTS];
static int log_fd, has_short_names;
static unsigned random_state;
/* Of all processes. */
static struct counts {
    unsigned long operations, forks;
} *counts;

static unsigned random_below(unsigned limit) {
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

static void write_down(const char *mark, const struct slot *slot) {
    char line[96];
    int length = snprintf(line, sizeof line, "%s%d %d %lu %s %d\n", mark, getpid(), slot->fd, slot->inode, slot->proto, slot->port);
    if (write(log_fd, line, length) != length)
        _exit(3);
}

static unsigned long inode_of(int fd) {
    struct stat stat;
    return fstat(fd, &stat) == 0 ? stat.st_ino : 0;
}

static int port_of(int fd) {
    struct sockaddr_in6 address = {0};
    socklen_t length = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &length);
    return address.sin6_family == AF_INET || address.sin6_family == AF_INET6 ? ntohs(address.sin6_port) : 0;
}

/* Binds to a free port of loopback; 0 where that is not possible. */
static int bind_somewhere(int fd, int family) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof v4) == 0 : bind(fd, (struct sockaddr *)&v6, sizeof v6) == 0;
}

/* Opens a socket of some kind. Its line is written before it has a name, and once more with its port. */
static void open_one(struct slot *slot, const char *mark) {
    static const struct {
        int family, type, protocol;
        const char *proto;
    } kinds[] = {
        {AF_INET, SOCK_STREAM, 0, "tcp"},           {AF_INET, SOCK_DGRAM, 0, "udp"},
        {AF_UNIX, SOCK_STREAM, 0, "unix"},          {AF_UNIX, SOCK_DGRAM, 0, "unix-dgram"},
        {AF_UNIX, SOCK_SEQPACKET, 0, "unix-seq"},   {AF_INET6, SOCK_STREAM, 0, "tcp6"},
        {AF_INET6, SOCK_DGRAM, 0, "udp6"},          {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "netlink"},
        {AF_INET, SOCK_RAW, IPPROTO_ICMP, "raw"},   {AF_PACKET, SOCK_RAW, 0, "packet"},
    };
    unsigned kind = random_below(sizeof kinds / sizeof *kinds);
    int family = kinds[kind].family, fd = socket(family, kinds[kind].type, kinds[kind].protocol);
    slot->fd = -1;
    if (fd < 0)
        return;
    *slot = (struct slot){fd, inode_of(fd), kinds[kind].proto, 0};
    write_down(mark, slot);
    if (family == AF_UNIX && random_below(2)) {
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, has_short_names ? "churn-%lu" : "churn-%0100lu", slot->inode);
        if (bind(fd, (struct sockaddr *)&name, sizeof name.sun_family + 1 + length) == 0 && kinds[kind].type != SOCK_DGRAM)
            listen(fd, 8);
    } else if ((family == AF_INET || family == AF_INET6) && kinds[kind].type != SOCK_RAW && bind_somewhere(fd, family)) {
        slot->port = port_of(fd);
        write_down(mark, slot);
        if (kinds[kind].type == SOCK_STREAM)
            listen(fd, 8);
    }
}

/* A listener, a connection to it, and its accepted end. */
static void connect_one(struct slot *three) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to;
    socklen_t length = sizeof to;
    if (listener < 0 || !bind_somewhere(listener, AF_INET) || listen(listener, 4) != 0)
        return;
    getsockname(listener, (struct sockaddr *)&to, &length);
    three[0] = (struct slot){listener, inode_of(listener), "tcp", port_of(listener)};
    write_down("", &three[0]);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    three[1] = (struct slot){client, inode_of(client), "tcp", 0};
    write_down("", &three[1]);
    if (client >= 0 && bind_somewhere(client, AF_INET)) {
        three[1].port = port_of(client);
        write_down("", &three[1]);
        if (connect(client, (struct sockaddr *)&to, length) == 0) {
            int accepted = accept(listener, NULL, NULL);
            three[2] = (struct slot){accepted, inode_of(accepted), "tcp", three[0].port};
            write_down("", &three[2]);
        }
    }
}

static void close_one(struct slot *slot) {
    if (slot->fd >= 0)
        close(slot->fd);
    slot->fd = -1;
}

/* Holds what its parent held, lets half of it go, opens others, and exits. */
static void live_as_child(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    random_state ^= getpid() * 2654435761u;
    for (int at = 0; at < SLOTS; at++)
        if (slots[at].fd >= 0)
            write_down("", &slots[at]);
    for (int at = 0; at < SLOTS; at += 2)
        close_one(&slots[at]);
    for (int at = 0; at < 4; at++)
        open_one(&slots[2 * at], "");
    struct timespec pause = {0, random_below(3000000)};
    nanosleep(&pause, NULL);
    _exit(0);
}

static void step(void) {
    struct slot *slot = &slots[random_below(SLOTS)];
    unsigned what = random_below(100);
    __atomic_add_fetch(&counts->operations, 1, __ATOMIC_RELAXED);
    if (what < 6) {
        struct slot *three = &slots[random_below(SLOTS - 2)];
        for (int at = 0; at < 3; at++)
            close_one(&three[at]);
        connect_one(three);
    } else if (what < 20 && slot->fd >= 0) {
        /* Another socket in the very place of this one. */
        struct slot next = {-1, 0, "", 0};
        open_one(&next, "");
        if (next.fd < 0)
            return;
        int place = slot->fd, other = next.fd;
        next.fd = place;
        write_down("", &next);
        if (dup2(other, place) == place) {
            close(other);
            *slot = next;
        }
    } else if (what < 22) {
        pid_t child = fork();
        if (child == 0)
            live_as_child();
        __atomic_add_fetch(&counts->forks, child > 0, __ATOMIC_RELAXED);
    } else {
        close_one(slot);
        open_one(slot, "");
    }
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

static void work(unsigned seed) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    random_state = seed;
    for (int at = 0; at < SLOTS; at++)
        slots[at].fd = -1;
    for (;;) {
        for (int at = 0; at < 8; at++)
            step();
        struct timespec pause = {0, 300000};
        nanosleep(&pause, NULL);
    }
}

int main(int count, char **words) {
    if (count < 3)
        return 2;
    has_short_names = count > 3;
    log_fd = open(words[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (log_fd < 0 || counts == MAP_FAILED)
        return 3;
    int workers = atoi(words[2]);
    pid_t pids[64];
    for (int at = 0; at < workers && at < 64; at++) {
        pids[at] = fork();
        if (pids[at] == 0)
            work(time(NULL) * 64 + at);
    }
    /* Those that last. They come behind the workers, so that no child has them. */
    random_state = 7;
    for (int at = 0; at < 20; at++) {
        struct slot slot;
        open_one(&slot, "= ");
    }
    printf("READY\n");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    for (int at = 0; at < workers && at < 64; at++) {
        kill(pids[at], SIGKILL);
        waitpid(pids[at], NULL, 0);
    }
    printf("OPERATIONS %lu FORKS %lu\n", counts->operations, counts->forks);
    return 0;
}
