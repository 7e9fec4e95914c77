/*
 * factory: makes sockets of the kinds named on the command line and says what it knows of them.
 *
 * Usage: factory [--loopback-up] [KIND...]     (no KIND: every kind; --list prints the names)
 * For each socket it prints one line from getsockname, getpeername and fstat, never from /proc:
 *     KIND[/ROLE] pid=N fd=N inode=N local=ADDRESS peer=ADDRESS
 * (fd=-1 inode=0 where no process holds it), or `KIND skipped: REASON` where this kernel or this user has none of that
 * kind. Then it prints `READY pid=N`, holds everything until its standard input ends, and leaves nothing behind except
 * the socket files in its working folder. It talks to nobody outside loopback and ends by itself after ten minutes.
 *
 * Build: cc -O2 -static -pthread factory.c -o factory
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Older headers lack these; the numbers are the kernel's and never change. */
#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

#define LIFETIME_SECONDS 600
/* An IANA "use for experimentation" protocol number: it has no name anywhere. */
#define PROTOCOL_WITHOUT_A_NAME 253
#define ETHERTYPE_ALL 0x0003
#define ETHERTYPE_IP 0x0800

/* ---- telling ---------------------------------------------------------------------------------------------------- */

static const char *kind_name = "factory";
/* A thread of its own, because nobody may jump back into another thread's stack. */
static _Thread_local jmp_buf kind_is_over;

static void die(const char *what)
{
    fprintf(stderr, "factory: %s: %s: %s\n", kind_name, what, strerror(errno));
    _exit(1);
}

/* Prints a whole line with one write, so that lines of several processes never mix. */
static void say(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line || write(STDOUT_FILENO, line, (size_t)length) != length)
        die("cannot print");
}

static void skip_kind(const char *what)
{
    say("%s skipped: %s: %s\n", kind_name, what, strerror(errno));
    longjmp(kind_is_over, 1);
}

/* What a kernel or a user without the thing answers is a skip; everything else is a bug, here or in the test. */
static int must(int result, const char *what)
{
    if (result >= 0)
        return result;
    switch (errno) {
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EADDRNOTAVAIL:
    case ENOSYS:
    case EPERM:
    case EACCES:
        skip_kind(what);
        break;
    default:
        die(what);
    }
    return -1;
}

/* Appends a name byte by byte as lsock's list escapes it; written anew here, so that the test has two opinions. */
static void append_escaped(char *out, size_t size, const unsigned char *name, size_t length)
{
    size_t used = strlen(out);
    for (size_t i = 0; i < length && used + 5 < size; i++) {
        unsigned char byte = name[i];
        if (byte == '\n')
            used += (size_t)sprintf(out + used, "\\n");
        else if (byte == '\\')
            used += (size_t)sprintf(out + used, "\\\\");
        else if (byte <= ' ' || byte >= 0x7f) /* No kind here uses valid UTF-8 beyond ASCII. */
            used += (size_t)sprintf(out + used, "\\x%02x", byte);
        else
            used += (size_t)sprintf(out + used, "%c", byte);
    }
}

union any_address {
    struct sockaddr generic;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un local;
    struct sockaddr_nl netlink;
    struct sockaddr_ll packet;
    struct sockaddr_storage storage;
};

static void describe_packet(char *out, size_t size, const struct sockaddr_ll *address)
{
    char interface[IF_NAMESIZE] = "*";
    if (address->sll_ifindex != 0 && if_indextoname((unsigned)address->sll_ifindex, interface) == NULL)
        die("if_indextoname");
    switch (ntohs(address->sll_protocol)) {
    case ETHERTYPE_ALL:
        snprintf(out, size, "all:%s", interface);
        break;
    case ETHERTYPE_IP:
        snprintf(out, size, "ip:%s", interface);
        break;
    default:
        snprintf(out, size, "0x%04x:%s", ntohs(address->sll_protocol), interface);
    }
}

/* Writes an address in the form of lsock's LOCAL and PEER columns. */
static void describe(char *out, size_t size, const union any_address *address, socklen_t length)
{
    char text[INET6_ADDRSTRLEN];
    out[0] = 0;
    switch (address->generic.sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &address->inet.sin_addr, text, sizeof text);
        snprintf(out, size, "%s:%u", text, ntohs(address->inet.sin_port));
        break;
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&address->inet6.sin6_addr)) {
            inet_ntop(AF_INET, &address->inet6.sin6_addr.s6_addr[12], text, sizeof text);
            snprintf(out, size, "%s:%u", text, ntohs(address->inet6.sin6_port));
        } else {
            inet_ntop(AF_INET6, &address->inet6.sin6_addr, text, sizeof text);
            snprintf(out, size, "[%s]:%u", text, ntohs(address->inet6.sin6_port));
        }
        break;
    case AF_UNIX: {
        size_t name_length = length - offsetof(struct sockaddr_un, sun_path);
        if (length <= offsetof(struct sockaddr_un, sun_path)) {
            snprintf(out, size, "*");
        } else if (address->local.sun_path[0] == 0) {
            snprintf(out, size, "@");
            append_escaped(out, size, (const unsigned char *)address->local.sun_path + 1, name_length - 1);
        } else {
            size_t path_length = strnlen(address->local.sun_path, name_length);
            append_escaped(out, size, (const unsigned char *)address->local.sun_path, path_length);
        }
        break;
    }
    case AF_PACKET:
        describe_packet(out, size, &address->packet);
        break;
    case AF_NETLINK:
        snprintf(out, size, "%u", address->netlink.nl_pid);
        break;
    default:
        snprintf(out, size, "?");
    }
}

static void describe_socket(int fd, char *local, char *peer, size_t size)
{
    union any_address address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, &address.generic, &length) == 0)
        describe(local, size, &address, length);
    else
        snprintf(local, size, "?"); /* vsock, xdp: getsockname may not know them either. */
    int family = address.generic.sa_family;
    length = sizeof address;
    memset(&address, 0, sizeof address);
    if (family != AF_INET && family != AF_INET6)
        snprintf(peer, size, "*");
    else if (getpeername(fd, &address.generic, &length) == 0)
        describe(peer, size, &address, length);
    else if (errno == ENOTCONN)
        snprintf(peer, size, "*:*");
    else
        die("getpeername");
}

static unsigned long inode_of(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        die("fstat");
    return (unsigned long)status.st_ino;
}

static void say_row(const char *role, int pid, int fd, unsigned long inode, const char *local, const char *peer)
{
    say("%s%s%s pid=%d fd=%d inode=%lu local=%s peer=%s\n", kind_name, role[0] ? "/" : "", role, pid, fd, inode, local,
        peer);
}

/* One line about a socket that this process holds. */
static void row(const char *role, int fd)
{
    char local[512], peer[512];
    describe_socket(fd, local, peer, sizeof local);
    say_row(role, getpid(), fd, inode_of(fd), local, peer);
}

/* One line about the end of a connection that no process holds: the ends of `fd`, exchanged. */
static void row_of_other_end(const char *role, int fd)
{
    char local[512], peer[512];
    describe_socket(fd, local, peer, sizeof local);
    say_row(role, 0, -1, 0, peer, local);
}

/* ---- making ----------------------------------------------------------------------------------------------------- */

static int open_socket(int family, int type, int protocol)
{
    return must(socket(family, type | SOCK_CLOEXEC, protocol), "socket");
}

static union any_address inet_address(int family, int loopback, int port)
{
    union any_address address;
    memset(&address, 0, sizeof address);
    address.generic.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        address.inet.sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY);
        address.inet.sin_port = htons((uint16_t)port);
    } else {
        address.inet6.sin6_addr = loopback ? in6addr_loopback : in6addr_any;
        address.inet6.sin6_port = htons((uint16_t)port);
    }
    return address;
}

static socklen_t inet_length(int family)
{
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void bind_inet(int fd, int family, int loopback, int port)
{
    union any_address address = inet_address(family, loopback, port);
    must(bind(fd, &address.generic, inet_length(family)), "bind");
}

static int port_of(int fd)
{
    union any_address address;
    socklen_t length = sizeof address;
    if (getsockname(fd, &address.generic, &length) != 0)
        die("getsockname");
    return ntohs(address.generic.sa_family == AF_INET ? address.inet.sin_port : address.inet6.sin6_port);
}

static void connect_inet(int fd, int family, int port)
{
    union any_address address = inet_address(family, 1, port);
    must(connect(fd, &address.generic, inet_length(family)), "connect");
}

static void set_option(int fd, int level, int name, int value, const char *what)
{
    must(setsockopt(fd, level, name, &value, sizeof value), what);
}

/* A stream listener on a free port; IPv6 ones are for IPv6 alone unless `dual`. */
static int open_listener(int family, int protocol, int loopback, int dual, int backlog)
{
    int fd = open_socket(family, SOCK_STREAM, protocol);
    if (family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !dual, "IPV6_V6ONLY");
    bind_inet(fd, family, loopback, 0);
    must(listen(fd, backlog), "listen");
    return fd;
}

static int accept_one(int listener)
{
    return must(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
}

struct connection {
    int listener;
    int client;
    int server;
};

static struct connection open_connection(int family, int protocol)
{
    struct connection made;
    made.listener = open_listener(family, protocol, 1, 0, 4);
    made.client = open_socket(family, SOCK_STREAM, protocol);
    connect_inet(made.client, family, port_of(made.listener));
    made.server = accept_one(made.listener);
    return made;
}

/* Writes until the peer, which never reads, closes its window: from then on this end has unacknowledged bytes. */
static void fill(int fd)
{
    static const char block[65536];
    int round = 0;
    while (round++ < 1000) {
        ssize_t written = send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd writable = {.fd = fd, .events = POLLOUT};
            /* Loopback delivers within microseconds: still full after 50 ms is full for good. */
            if (poll(&writable, 1, 50) == 0)
                return;
        } else if (written < 0) {
            die("send");
        }
    }
    errno = ETIME;
    die("the peer's window never closed");
}

/* Waits until the kernel has moved a TCP socket to `state`: FINs and ACKs of loopback arrive a moment later. */
static void wait_for_state(int fd, int state)
{
    for (int round = 0; round < 2000; round++) {
        struct tcp_info information;
        socklen_t length = sizeof information;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &information, &length) != 0)
            die("TCP_INFO");
        if (information.tcpi_state == state)
            return;
        usleep(1000);
    }
    errno = ETIME;
    die("the connection did not reach its state");
}

static int open_unix(int type, const char *name, size_t length)
{
    int fd = open_socket(AF_UNIX, type, 0);
    union any_address address;
    memset(&address, 0, sizeof address);
    address.local.sun_family = AF_UNIX;
    if (length > sizeof address.local.sun_path) {
        errno = ENAMETOOLONG;
        die("unix name");
    }
    memcpy(address.local.sun_path, name, length);
    must(bind(fd, &address.generic, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)), "bind");
    return fd;
}

static int open_unix_listener(const char *role, int type, const char *name, size_t length)
{
    int fd = open_unix(type, name, length);
    must(listen(fd, 4), "listen");
    row(role, fd);
    return fd;
}

/* Makes an abstract name that no other factory of this namespace has: NUL, what is given, this process's number. */
static size_t abstract_name(char *name, size_t size, const char *word)
{
    name[0] = 0;
    return 1 + (size_t)snprintf(name + 1, size - 1, "lsock-test-%s-%d", word, getpid());
}

static int connect_to(int type, int listener)
{
    union any_address address;
    socklen_t length = sizeof address;
    if (getsockname(listener, &address.generic, &length) != 0)
        die("getsockname");
    int fd = open_socket(AF_UNIX, type, 0);
    must(connect(fd, &address.generic, length), "connect");
    return fd;
}

/* ---- children --------------------------------------------------------------------------------------------------- */

/* Every child reads from this pipe; it ends when the factory does, however that happens. */
static int life_pipe[2];

/* Where a child tells that it is ready. */
static int ready_write_end;

/* Tells the factory that this child has said all it has to say. */
static void child_is_ready(void)
{
    if (write(ready_write_end, "R", 1) != 1)
        die("ready");
    if (close(ready_write_end) != 0)
        die("close");
}

_Noreturn static void child_waits_for_the_end(void)
{
    char byte;
    while (read(3, &byte, 1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

static void close_from(unsigned first)
{
    if (syscall(SYS_close_range, first, ~0U, 0U) == 0)
        return;
    /* Before Linux 5.9 there is no close_range. */
    for (int fd = (int)first; fd < 4096; fd++)
        close(fd);
}

static void keep_only(int life, int ready)
{
    /* A spare number above both, so that neither dup2 can overwrite the other's source. */
    int spare = fcntl(ready, F_DUPFD, 10);
    if (spare < 0 || dup2(life, 3) < 0 || dup2(spare, 4) < 0)
        die("dup2");
    ready_write_end = 4;
    close_from(5);
}

/*
 * Starts a process that runs `make` and waits until it is ready or has ended. The child keeps none of the factory's
 * sockets: a row with two holders would otherwise hide the holder that a test asks for.
 */
static void in_child(void (*make)(void))
{
    int ready[2];
    must(pipe2(ready, O_CLOEXEC), "pipe");
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(LIFETIME_SECONDS);
        keep_only(life_pipe[0], ready[1]);
        if (setjmp(kind_is_over) == 0) {
            make();
            child_is_ready();
            child_waits_for_the_end();
        }
        _exit(0); /* The kind was skipped, and said so. */
    }
    close(ready[1]);
    char byte;
    while (read(ready[0], &byte, 1) < 0 && errno == EINTR)
        ;
    close(ready[0]);
}

/* ---- the kinds: tcp --------------------------------------------------------------------------------------------- */

static void make_tcp4_listen(void) { row("", open_listener(AF_INET, 0, 1, 0, 4)); }
static void make_tcp4_listen_any(void) { row("", open_listener(AF_INET, 0, 0, 0, 4)); }
static void make_tcp6_listen(void) { row("", open_listener(AF_INET6, 0, 1, 0, 4)); }
static void make_tcp6_listen_dual(void) { row("", open_listener(AF_INET6, 0, 0, 1, 4)); }

static void make_established(int family, int protocol)
{
    struct connection made = open_connection(family, protocol);
    row("listener", made.listener);
    row("client", made.client);
    row("server", made.server);
}

static void make_tcp4_established(void) { make_established(AF_INET, 0); }
static void make_tcp6_established(void) { make_established(AF_INET6, 0); }

/* An IPv4 client and an IPv6 client with a v4-mapped address, both over a dual-stack listener. */
static void make_tcp6_mapped(void)
{
    int listener = open_listener(AF_INET6, 0, 0, 1, 4);
    int client = open_socket(AF_INET, SOCK_STREAM, 0);
    connect_inet(client, AF_INET, port_of(listener));
    int server = accept_one(listener);
    int mapped_client = open_socket(AF_INET6, SOCK_STREAM, 0);
    union any_address address = inet_address(AF_INET6, 0, port_of(listener));
    must(inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.inet6.sin6_addr) - 1, "inet_pton");
    must(connect(mapped_client, &address.generic, sizeof address.inet6), "connect");
    int mapped_server = accept_one(listener);
    row("listener", listener);
    row("client", client);
    row("server", server);
    row("mapped-client", mapped_client);
    row("mapped-server", mapped_server);
}

/* Seven bytes that the server has not read: its RECV-Q. */
static void make_tcp4_unread(void)
{
    struct connection made = open_connection(AF_INET, 0);
    if (send(made.client, "unread.", 7, 0) != 7)
        die("send");
    struct pollfd readable = {.fd = made.server, .events = POLLIN};
    if (poll(&readable, 1, 5000) != 1)
        die("poll");
    row("listener", made.listener);
    row("client", made.client);
    row("server", made.server);
}

static void make_tcp4_accept_queue(void)
{
    int listener = open_listener(AF_INET, 0, 1, 0, 4);
    int client = open_socket(AF_INET, SOCK_STREAM, 0);
    connect_inet(client, AF_INET, port_of(listener));
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    if (poll(&waiting, 1, 5000) != 1)
        die("poll");
    row("listener", listener);
    row("client", client);
    row_of_other_end("waiting", client);
}

/*
 * The client closes first, so its end stays behind in TIME_WAIT for a minute. Both ends shut down before they close,
 * because the state of a closed socket can no longer be asked for.
 */
static void make_tcp4_time_wait(void)
{
    struct connection made = open_connection(AF_INET, 0);
    row("listener", made.listener);
    row_of_other_end("left", made.server);
    must(shutdown(made.client, SHUT_WR), "shutdown");
    wait_for_state(made.server, TCP_CLOSE_WAIT);
    wait_for_state(made.client, TCP_FIN_WAIT2);
    must(shutdown(made.server, SHUT_WR), "shutdown");
    wait_for_state(made.client, TCP_CLOSE); /* What waits is a smaller socket of the kernel's own. */
    wait_for_state(made.server, TCP_CLOSE);
    close(made.client);
    close(made.server);
}

static void make_tcp4_half_closed(void)
{
    struct connection made = open_connection(AF_INET, 0);
    must(shutdown(made.client, SHUT_WR), "shutdown");
    wait_for_state(made.client, TCP_FIN_WAIT2);
    wait_for_state(made.server, TCP_CLOSE_WAIT);
    row("listener", made.listener);
    row("fin-wait2", made.client);
    row("close-wait", made.server);
}

/* The FIN waits behind bytes that the peer has no room for. */
static void make_tcp4_fin_wait1(void)
{
    struct connection made = open_connection(AF_INET, 0);
    fill(made.client);
    must(shutdown(made.client, SHUT_WR), "shutdown");
    wait_for_state(made.client, TCP_FIN_WAIT1);
    row("listener", made.listener);
    row("fin-wait1", made.client);
    row("server", made.server);
}

static void make_tcp4_last_ack(void)
{
    struct connection made = open_connection(AF_INET, 0);
    fill(made.server);
    must(shutdown(made.client, SHUT_WR), "shutdown");
    wait_for_state(made.server, TCP_CLOSE_WAIT);
    must(shutdown(made.server, SHUT_WR), "shutdown");
    wait_for_state(made.server, TCP_LAST_ACK);
    row("listener", made.listener);
    row("fin-wait2", made.client);
    row("last-ack", made.server);
}

static void make_tcp4_closing(void)
{
    struct connection made = open_connection(AF_INET, 0);
    fill(made.server);
    must(shutdown(made.server, SHUT_WR), "shutdown");
    wait_for_state(made.server, TCP_FIN_WAIT1);
    must(shutdown(made.client, SHUT_WR), "shutdown");
    wait_for_state(made.server, TCP_CLOSING);
    row("listener", made.listener);
    row("fin-wait2", made.client);
    row("closing", made.server);
}

/* The client closes with unsent bytes: the kernel goes on sending for nobody, in FIN_WAIT1. */
static void make_tcp4_orphan(void)
{
    struct connection made = open_connection(AF_INET, 0);
    fill(made.client);
    row("listener", made.listener);
    row_of_other_end("orphan", made.server);
    close(made.client);
    row("server", made.server);
}

/* The client closes, the server does not: FIN_WAIT2 without a process, which the kernel keeps as it keeps TIME_WAIT. */
static void make_tcp4_orphan_fin_wait2(void)
{
    struct connection made = open_connection(AF_INET, 0);
    row("listener", made.listener);
    row_of_other_end("orphan", made.server);
    must(shutdown(made.client, SHUT_WR), "shutdown");
    wait_for_state(made.client, TCP_FIN_WAIT2);
    close(made.client);
    row("close-wait", made.server);
}

/* A full accept queue drops further SYNs, so the second client stays in SYN_SENT: no blackhole is needed. */
static void make_tcp4_syn_sent(void)
{
    int listener = open_listener(AF_INET, 0, 1, 0, 0);
    int first = open_socket(AF_INET, SOCK_STREAM, 0);
    connect_inet(first, AF_INET, port_of(listener));
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    if (poll(&waiting, 1, 5000) != 1)
        die("poll");
    int second = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    union any_address address = inet_address(AF_INET, 1, port_of(listener));
    if (connect(second, &address.generic, sizeof address.inet) == 0 || errno != EINPROGRESS)
        die("connect");
    wait_for_state(second, TCP_SYN_SENT);
    row("listener", listener);
    row("waiting-client", first);
    row_of_other_end("waiting", first);
    /* getpeername knows no peer yet: only the connect call did. */
    char local[512], unused[512], peer[512];
    describe_socket(second, local, unused, sizeof local);
    describe(peer, sizeof peer, &address, sizeof address.inet);
    say_row("syn-sent", getpid(), second, inode_of(second), local, peer);
}

/* TCP_DEFER_ACCEPT ignores the bare ACK that ends a handshake: the listener's end stays in SYN_RECV. */
static void make_tcp4_syn_recv(void)
{
    int listener = open_listener(AF_INET, 0, 1, 0, 4);
    set_option(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, LIFETIME_SECONDS, "TCP_DEFER_ACCEPT");
    int client = open_socket(AF_INET, SOCK_STREAM, 0);
    connect_inet(client, AF_INET, port_of(listener));
    row("listener", listener);
    row("client", client);
    row_of_other_end("syn-recv", client);
}

static void make_bound(int family)
{
    int fd = open_socket(family, SOCK_STREAM, 0);
    bind_inet(fd, family, 1, 0);
    row("", fd);
}

static void make_tcp4_bound(void) { make_bound(AF_INET); }
static void make_tcp6_bound(void) { make_bound(AF_INET6); }
static void make_tcp4_unbound(void) { row("", open_socket(AF_INET, SOCK_STREAM, 0)); }
static void make_tcp6_unbound(void) { row("", open_socket(AF_INET6, SOCK_STREAM, 0)); }

static void make_tcp4_reuseport(void)
{
    int first = open_socket(AF_INET, SOCK_STREAM, 0);
    int second = open_socket(AF_INET, SOCK_STREAM, 0);
    set_option(first, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
    set_option(second, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
    bind_inet(first, AF_INET, 1, 0);
    bind_inet(second, AF_INET, 1, port_of(first));
    must(listen(first, 4), "listen");
    must(listen(second, 4), "listen");
    row("first", first);
    row("second", second);
}

/* ---- the kinds: udp, raw, ping ---------------------------------------------------------------------------------- */

static void make_datagram(int family, int protocol, int loopback, int connected)
{
    int fd = open_socket(family, SOCK_DGRAM, protocol);
    bind_inet(fd, family, loopback, 0);
    if (connected) {
        int target = open_socket(family, SOCK_DGRAM, protocol);
        bind_inet(target, family, 1, 0);
        connect_inet(fd, family, port_of(target));
        row("target", target);
    }
    row(connected ? "connected" : "", fd);
}

static void make_udp4(void) { make_datagram(AF_INET, 0, 1, 0); }
static void make_udp6(void) { make_datagram(AF_INET6, 0, 1, 0); }
static void make_udp4_any(void) { make_datagram(AF_INET, 0, 0, 0); }
static void make_udp6_any(void) { make_datagram(AF_INET6, 0, 0, 0); }
static void make_udp4_connected(void) { make_datagram(AF_INET, 0, 1, 1); }
static void make_udp6_connected(void) { make_datagram(AF_INET6, 0, 1, 1); }
static void make_udp4_unbound(void) { row("", open_socket(AF_INET, SOCK_DGRAM, 0)); }
static void make_udp6_unbound(void) { row("", open_socket(AF_INET6, SOCK_DGRAM, 0)); }
static void make_udplite4(void) { make_datagram(AF_INET, IPPROTO_UDPLITE, 1, 0); }
static void make_udplite6(void) { make_datagram(AF_INET6, IPPROTO_UDPLITE, 1, 0); }

static void make_udp4_unread(void)
{
    int receiver = open_socket(AF_INET, SOCK_DGRAM, 0);
    bind_inet(receiver, AF_INET, 1, 0);
    int sender = open_socket(AF_INET, SOCK_DGRAM, 0);
    connect_inet(sender, AF_INET, port_of(receiver));
    if (send(sender, "unread", 6, 0) != 6)
        die("send");
    struct pollfd readable = {.fd = receiver, .events = POLLIN};
    if (poll(&readable, 1, 5000) != 1)
        die("poll");
    row("receiver", receiver);
    row("sender", sender);
}

static void make_raw4_icmp(void) { row("", open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }
static void make_raw6_icmpv6(void) { row("", open_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)); }
static void make_raw4_number(void) { row("", open_socket(AF_INET, SOCK_RAW, PROTOCOL_WITHOUT_A_NAME)); }

static void make_raw4_connected(void)
{
    int fd = open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    /* A raw socket has no ports, but without one getpeername denies that there is a peer. */
    connect_inet(fd, AF_INET, 9);
    row("", fd);
}

static void make_ping(int family, int protocol)
{
    int fd = open_socket(family, SOCK_DGRAM, protocol);
    bind_inet(fd, family, 1, 0);
    row("", fd);
}

static void make_ping4(void) { make_ping(AF_INET, IPPROTO_ICMP); }
static void make_ping6(void) { make_ping(AF_INET6, IPPROTO_ICMPV6); }

/* ---- the kinds: unix -------------------------------------------------------------------------------------------- */

/* Names in the working folder, which the test makes for this factory and removes afterwards. */
static void make_unix_listen_path(void) { open_unix_listener("", SOCK_STREAM, "listen.sock", sizeof "listen.sock"); }

static void make_unix_listen_absolute_path(void)
{
    char path[4096];
    if (getcwd(path, sizeof path - 32) == NULL)
        die("getcwd");
    strcat(path, "/absolute.sock");
    if (strlen(path) >= sizeof(struct sockaddr_un) - offsetof(struct sockaddr_un, sun_path)) {
        errno = ENAMETOOLONG;
        skip_kind("the working folder's name");
    }
    open_unix_listener("", SOCK_STREAM, path, strlen(path) + 1);
}

static void make_unix_listen_abstract(void)
{
    char name[108];
    size_t length = abstract_name(name, sizeof name, "listen");
    open_unix_listener("", SOCK_STREAM, name, length);
}

static void make_unix_abstract_odd(const char *odd)
{
    char name[108];
    size_t length = abstract_name(name, sizeof name, odd);
    open_unix_listener("abstract", SOCK_STREAM, name, length);
}

static void make_unix_name_blank(void)
{
    open_unix_listener("path", SOCK_STREAM, "with two  blanks", sizeof "with two  blanks");
    make_unix_abstract_odd("a b ");
}

static void make_unix_name_newline(void)
{
    open_unix_listener("path", SOCK_STREAM, "line\nfeed", sizeof "line\nfeed");
    make_unix_abstract_odd("line\nfeed\n");
}

static void make_unix_name_escape(void)
{
    open_unix_listener("path", SOCK_STREAM, "red\033[31m", sizeof "red\033[31m");
    make_unix_abstract_odd("red\033[31m");
}

static void make_unix_name_backslash(void)
{
    open_unix_listener("path", SOCK_STREAM, "back\\nslash", sizeof "back\\nslash");
    make_unix_abstract_odd("back\\slash");
}

/* A lone continuation byte, an overlong form, and the byte that UTF-8 never has. */
static void make_unix_name_invalid_utf8(void)
{
    open_unix_listener("path", SOCK_STREAM, "bad\200\300\257\377", sizeof "bad\200\300\257\377");
    make_unix_abstract_odd("bad\200\300\257\377");
}

/* All 108 bytes that a name may have, NULs among them: the kernel prints each as `@`. */
static void make_unix_name_longest(void)
{
    char name[108];
    memset(name, 'x', sizeof name);
    abstract_name(name, sizeof name, "longest");
    name[40] = 'y';
    name[strlen(name + 1) + 1] = '-';
    open_unix_listener("", SOCK_STREAM, name, sizeof name);
}

static void make_unix_pair(void)
{
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
    row("first", pair[0]);
    row("second", pair[1]);
}

static void make_unix_accepted(void)
{
    char name[108];
    size_t length = abstract_name(name, sizeof name, "accepted");
    int listener = open_unix_listener("listener", SOCK_STREAM, name, length);
    int client = connect_to(SOCK_STREAM, listener);
    row("client", client);
    row("server", accept_one(listener));
}

static void make_unix_accept_queue(void)
{
    char name[108];
    size_t length = abstract_name(name, sizeof name, "waiting");
    int listener = open_unix_listener("listener", SOCK_STREAM, name, length);
    row("client", connect_to(SOCK_STREAM, listener));
    /* The end that waits has the listener's name. */
    char local[512], peer[512];
    describe_socket(listener, local, peer, sizeof local);
    say_row("waiting", 0, -1, 0, local, peer);
}

static void make_unix_unconnected(void) { row("", open_socket(AF_UNIX, SOCK_STREAM, 0)); }

static void make_unix_dgram(void)
{
    char name[108];
    size_t length = abstract_name(name, sizeof name, "dgram");
    int bound = open_unix(SOCK_DGRAM, name, length);
    row("bound", bound);
    row("connected", connect_to(SOCK_DGRAM, bound));
    row("unbound", open_socket(AF_UNIX, SOCK_DGRAM, 0));
}

static void make_unix_seqpacket(void)
{
    char name[108];
    size_t length = abstract_name(name, sizeof name, "seqpacket");
    int listener = open_unix_listener("listener", SOCK_SEQPACKET, name, length);
    int client = connect_to(SOCK_SEQPACKET, listener);
    row("client", client);
    row("server", accept_one(listener));
}

/*
 * A name that holds a newline and a whole row of /proc/net/unix: readers that believe it see a listening socket
 * `/run/x.sock` that is not there. Its inode is one that no socket has.
 */
#define FORGED_INODE 4000000001UL

static int open_forger(const char *role, const char *flags_type_state, unsigned long inode, const char *path)
{
    char name[108] = "";
    int length = snprintf(name + 1, sizeof name - 1, "f%c%d\n0000000000000000: 00000002 00000000 %s %5lu %s",
                          path[strlen("/run/")], getpid(), flags_type_state, inode, path);
    if (length < 0 || (size_t)length + 1 >= sizeof name) {
        errno = ENAMETOOLONG;
        die("forged row");
    }
    return open_unix_listener(role, SOCK_STREAM, name, (size_t)length + 1);
}

/* Flags, type and state of a listening stream socket, and of one that waits to be accepted. */
#define LISTENING "00010000 0001 01"
#define WAITING "00000000 0001 02"

static void make_unix_forged_row(void) { open_forger("", LISTENING, FORGED_INODE, "/run/x.sock"); }

/* Inode 0, as a connection has that is not yet accepted: no process need hold it. */
static void make_unix_forged_waiting(void) { open_forger("", WAITING, 0, "/run/w.sock"); }

/* The forged row carries the inode of a genuine socket, to give that one another name. */
static void make_unix_forged_twin(void)
{
    char name[108];
    size_t length = abstract_name(name, sizeof name, "victim");
    int victim = open_unix_listener("victim", SOCK_STREAM, name, length);
    open_forger("forger", LISTENING, inode_of(victim), "/run/y.sock");
}

/* The forged row carries the inode of a TCP listener: the inet table's row must win. */
static void make_unix_forged_inet(void)
{
    int victim = open_listener(AF_INET, 0, 1, 0, 4);
    row("victim", victim);
    open_forger("forger", LISTENING, inode_of(victim), "/run/z.sock");
}

/* Victims without a name: a TCP socket that no table lists, and a connected unix socket; the forger calls them listeners. */
static void make_unix_forged_nameless(void)
{
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
    row("pair", pair[0]);
    row("other-end", pair[1]);
    open_forger("forger-of-pair", LISTENING, inode_of(pair[0]), "/run/p.sock");
    int unlisted = open_socket(AF_INET, SOCK_STREAM, 0);
    row("unlisted", unlisted);
    open_forger("forger-of-unlisted", LISTENING, inode_of(unlisted), "/run/u.sock");
}

/* An almost perfect row: seven digits where the kernel prints eight or more. It can only be part of the name. */
static void make_unix_almost_forged(void)
{
    char name[108] = "";
    int length = snprintf(name + 1, sizeof name - 1, "a%d\n0000000: 00000002 00000000 00010000 0001 01 %lu /run/a.sock",
                          getpid(), FORGED_INODE + 1);
    open_unix_listener("", SOCK_STREAM, name, (size_t)length + 1);
}

/* An fd that was sent and then closed by the sender, and that nobody has received yet. */
static void make_in_flight(void)
{
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
    int passenger = open_listener(AF_INET, 0, 1, 0, 4);
    char byte = 'x';
    struct iovec payload = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {
        .msg_iov = &payload, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passenger, sizeof(int));
    if (sendmsg(pair[0], &message, 0) != 1)
        die("sendmsg");
    row("sender", pair[0]);
    row("receiver", pair[1]);
    char local[512], peer[512];
    describe_socket(passenger, local, peer, sizeof local);
    say_row("passenger", 0, -1, inode_of(passenger), local, peer);
    close(passenger);
}

/* ---- the kinds: netlink, packet, and those without a table ------------------------------------------------------ */

static void make_netlink(const char *role, int protocol, const char *family, unsigned port)
{
    int fd = open_socket(AF_NETLINK, SOCK_RAW, protocol);
    union any_address address;
    memset(&address, 0, sizeof address);
    address.netlink.nl_family = AF_NETLINK;
    address.netlink.nl_pid = port;
    must(bind(fd, &address.generic, sizeof address.netlink), "bind");
    char port_text[512], peer[512], local[600];
    describe_socket(fd, port_text, peer, sizeof port_text);
    snprintf(local, sizeof local, "%s:%s", family, port_text);
    say_row(role, getpid(), fd, inode_of(fd), local, peer);
}

/* The kernel gives the first socket the process's number as its port id, and the second one near 2^32. */
static void make_netlink_route(void)
{
    make_netlink("first", NETLINK_ROUTE, "route", 0);
    make_netlink("second", NETLINK_ROUTE, "route", 0);
    make_netlink("chosen", NETLINK_ROUTE, "route", 3000000000U);
}

static void make_netlink_uevent(void) { make_netlink("", NETLINK_KOBJECT_UEVENT, "kobject_uevent", 0); }
static void make_netlink_unbound(void) { row("", open_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)); }

static void make_packet(int type, int ethertype, const char *interface)
{
    int fd = open_socket(AF_PACKET, type, htons((uint16_t)ethertype));
    if (interface != NULL) {
        union any_address address;
        memset(&address, 0, sizeof address);
        address.packet.sll_family = AF_PACKET;
        address.packet.sll_protocol = htons((uint16_t)ethertype);
        address.packet.sll_ifindex = (int)if_nametoindex(interface);
        must(bind(fd, &address.generic, sizeof address.packet), "bind");
    }
    row("", fd);
}

static void make_packet_raw_any(void) { make_packet(SOCK_RAW, ETHERTYPE_ALL, NULL); }
static void make_packet_raw_lo(void) { make_packet(SOCK_RAW, ETHERTYPE_ALL, "lo"); }
static void make_packet_dgram_any(void) { make_packet(SOCK_DGRAM, ETHERTYPE_IP, NULL); }
static void make_packet_dgram_lo(void) { make_packet(SOCK_DGRAM, ETHERTYPE_IP, "lo"); }
static void make_packet_number(void) { make_packet(SOCK_RAW, 0x88b5, "lo"); }

static void make_mptcp4_listen(void) { row("", open_listener(AF_INET, IPPROTO_MPTCP, 1, 0, 4)); }
static void make_mptcp4_established(void) { make_established(AF_INET, IPPROTO_MPTCP); }
static void make_mptcp4_unbound(void) { row("", open_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)); }

static void make_vsock(void)
{
    row("unbound", open_socket(AF_VSOCK, SOCK_STREAM, 0));
    int listener = open_socket(AF_VSOCK, SOCK_STREAM, 0);
    struct sockaddr_vm address;
    memset(&address, 0, sizeof address);
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_ANY;
    address.svm_port = VMADDR_PORT_ANY;
    must(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
    must(listen(listener, 4), "listen");
    row("listener", listener);
}

static void make_xdp(void) { row("", open_socket(AF_XDP, SOCK_RAW, 0)); }

/* ---- the kinds: processes and threads --------------------------------------------------------------------------- */

static void make_many_holders(void)
{
    int fd = open_listener(AF_INET, 0, 1, 0, 4);
    row("parent", fd);
    for (int i = 0; i < 3; i++) {
        pid_t child = must(fork(), "fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            alarm(LIFETIME_SECONDS);
            close(ready_write_end);
            child_waits_for_the_end();
        }
        char local[512], peer[512];
        describe_socket(fd, local, peer, sizeof local);
        say_row("worker", child, fd, inode_of(fd), local, peer);
    }
}

/* A second fd of the same process for the same socket. */
static void make_duplicated(void)
{
    int fd = open_listener(AF_INET, 0, 1, 0, 4);
    row("first", fd);
    row("second", must(fcntl(fd, F_DUPFD_CLOEXEC, 20), "dup"));
}

static void make_non_dumpable(void)
{
    must(prctl(PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE");
    row("", open_listener(AF_INET, 0, 1, 0, 4));
}

/* What a command name may hold: it ends the parenthesis of /proc/PID/stat, and starts a colour. */
static void make_strange_command(void)
{
    must(prctl(PR_SET_NAME, "a) b\n\033[31m\\("), "PR_SET_NAME");
    row("", open_listener(AF_INET, 0, 1, 0, 4));
}

/* Runs what it is given as make_kind runs a kind: a skip ends the kind, not the process. */
static void *run_thread(void *run)
{
    if (setjmp(kind_is_over) == 0)
        (*(void (**)(void))run)();
    child_is_ready();
    child_waits_for_the_end();
}

static void start_thread(void (**run)(void))
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, run_thread, run);
    if (errno != 0)
        die("pthread_create");
}

static void make_after_main_thread(void)
{
    /* The kernel calls the main thread a zombie once it has gone. */
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    for (int round = 0; round < 2000 && state != 'Z'; round++) {
        usleep(1000);
        FILE *file = fopen(path, "r");
        if (file == NULL || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            die(path);
        fclose(file);
    }
    if (state != 'Z') {
        errno = ETIME;
        die("the main thread did not end");
    }
    row("", open_listener(AF_INET, 0, 1, 0, 4));
}

/* SYS_exit ends the calling thread alone; /proc/PID/fd is empty from then on. */
static void make_main_thread_exited(void)
{
    static void (*run)(void) = make_after_main_thread;
    start_thread(&run);
    syscall(SYS_exit, 0);
}

static void make_with_own_fds(void)
{
    must(unshare(CLONE_FILES), "unshare(CLONE_FILES)");
    int fd = open_listener(AF_INET, 0, 1, 0, 4);
    char local[512], peer[512];
    describe_socket(fd, local, peer, sizeof local);
    say("%s/thread pid=%d fd=%d inode=%lu local=%s peer=%s tid=%ld\n", kind_name, getpid(), fd, inode_of(fd), local,
        peer, syscall(SYS_gettid));
}

static void make_thread_own_fds(void)
{
    static void (*run)(void) = make_with_own_fds;
    row("main", open_listener(AF_INET, 0, 1, 0, 4));
    start_thread(&run);
    child_waits_for_the_end();
}

/* Brings the loopback interface of this thread's network namespace up. */
static void raise_loopback(void)
{
    int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0)
        die("SIOCGIFFLAGS");
    request.ifr_flags |= IFF_UP;
    must(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
    close(fd);
}

/* A whole process in a network namespace of its own. */
static void make_netns_own(void)
{
    must(unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)");
    raise_loopback();
    row("", open_listener(AF_INET, 0, 1, 0, 4));
}

static void make_thread_own_netns(void)
{
    static void (*run)(void) = make_netns_own;
    start_thread(&run);
    child_waits_for_the_end();
}

/* Makes a listener in a new network namespace and comes back from there, as socket activation and CNI plugins do. */
static void make_netns_foreign(int somebody_stays)
{
    int home = must(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "/proc/self/ns/net");
    must(unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)");
    raise_loopback();
    if (somebody_stays) {
        pid_t child = must(fork(), "fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            alarm(LIFETIME_SECONDS);
            close(ready_write_end);
            close(home);
            child_waits_for_the_end();
        }
    }
    /* The child that stays has never had it. */
    int fd = open_listener(AF_INET, 0, 1, 0, 4);
    must(setns(home, CLONE_NEWNET), "setns");
    close(home);
    row("", fd);
}

static void make_netns_foreign_inhabited(void) { make_netns_foreign(1); }
static void make_netns_foreign_deserted(void) { make_netns_foreign(0); }

/* ---- the list --------------------------------------------------------------------------------------------------- */

struct kind {
    const char *name;
    void (*make)(void);
    int in_child; /* Runs in a process of its own. */
};

static const struct kind kinds[] = {
    {"tcp4-listen", make_tcp4_listen, 0},
    {"tcp4-listen-any", make_tcp4_listen_any, 0},
    {"tcp6-listen", make_tcp6_listen, 0},
    {"tcp6-listen-dual", make_tcp6_listen_dual, 0},
    {"tcp4-established", make_tcp4_established, 0},
    {"tcp6-established", make_tcp6_established, 0},
    {"tcp6-mapped", make_tcp6_mapped, 0},
    {"tcp4-unread", make_tcp4_unread, 0},
    {"tcp4-accept-queue", make_tcp4_accept_queue, 0},
    {"tcp4-time-wait", make_tcp4_time_wait, 0},
    {"tcp4-half-closed", make_tcp4_half_closed, 0},
    {"tcp4-fin-wait1", make_tcp4_fin_wait1, 0},
    {"tcp4-last-ack", make_tcp4_last_ack, 0},
    {"tcp4-closing", make_tcp4_closing, 0},
    {"tcp4-orphan", make_tcp4_orphan, 0},
    {"tcp4-orphan-fin-wait2", make_tcp4_orphan_fin_wait2, 0},
    {"tcp4-syn-sent", make_tcp4_syn_sent, 0},
    {"tcp4-syn-recv", make_tcp4_syn_recv, 0},
    {"tcp4-bound", make_tcp4_bound, 0},
    {"tcp6-bound", make_tcp6_bound, 0},
    {"tcp4-unbound", make_tcp4_unbound, 0},
    {"tcp6-unbound", make_tcp6_unbound, 0},
    {"tcp4-reuseport", make_tcp4_reuseport, 0},
    {"udp4", make_udp4, 0},
    {"udp6", make_udp6, 0},
    {"udp4-any", make_udp4_any, 0},
    {"udp6-any", make_udp6_any, 0},
    {"udp4-connected", make_udp4_connected, 0},
    {"udp6-connected", make_udp6_connected, 0},
    {"udp4-unread", make_udp4_unread, 0},
    {"udp4-unbound", make_udp4_unbound, 0},
    {"udp6-unbound", make_udp6_unbound, 0},
    {"udplite4", make_udplite4, 0},
    {"udplite6", make_udplite6, 0},
    {"raw4-icmp", make_raw4_icmp, 0},
    {"raw4-connected", make_raw4_connected, 0},
    {"raw4-number", make_raw4_number, 0},
    {"raw6-icmpv6", make_raw6_icmpv6, 0},
    {"ping4", make_ping4, 0},
    {"ping6", make_ping6, 0},
    {"unix-listen-path", make_unix_listen_path, 0},
    {"unix-listen-absolute-path", make_unix_listen_absolute_path, 0},
    {"unix-listen-abstract", make_unix_listen_abstract, 0},
    {"unix-name-blank", make_unix_name_blank, 0},
    {"unix-name-newline", make_unix_name_newline, 0},
    {"unix-name-escape", make_unix_name_escape, 0},
    {"unix-name-backslash", make_unix_name_backslash, 0},
    {"unix-name-invalid-utf8", make_unix_name_invalid_utf8, 0},
    {"unix-name-longest", make_unix_name_longest, 0},
    {"unix-pair", make_unix_pair, 0},
    {"unix-accepted", make_unix_accepted, 0},
    {"unix-accept-queue", make_unix_accept_queue, 0},
    {"unix-unconnected", make_unix_unconnected, 0},
    {"unix-dgram", make_unix_dgram, 0},
    {"unix-seqpacket", make_unix_seqpacket, 0},
    {"unix-forged-row", make_unix_forged_row, 0},
    {"unix-forged-waiting", make_unix_forged_waiting, 0},
    {"unix-forged-twin", make_unix_forged_twin, 0},
    {"unix-forged-inet", make_unix_forged_inet, 0},
    {"unix-forged-nameless", make_unix_forged_nameless, 0},
    {"unix-almost-forged", make_unix_almost_forged, 0},
    {"in-flight", make_in_flight, 0},
    {"netlink-route", make_netlink_route, 0},
    {"netlink-uevent", make_netlink_uevent, 0},
    {"netlink-unbound", make_netlink_unbound, 0},
    {"packet-raw-any", make_packet_raw_any, 0},
    {"packet-raw-lo", make_packet_raw_lo, 0},
    {"packet-dgram-any", make_packet_dgram_any, 0},
    {"packet-dgram-lo", make_packet_dgram_lo, 0},
    {"packet-number", make_packet_number, 0},
    {"mptcp4-listen", make_mptcp4_listen, 0},
    {"mptcp4-established", make_mptcp4_established, 0},
    {"mptcp4-unbound", make_mptcp4_unbound, 0},
    {"vsock", make_vsock, 0},
    {"xdp", make_xdp, 0},
    {"duplicated", make_duplicated, 0},
    {"many-holders", make_many_holders, 1},
    {"non-dumpable", make_non_dumpable, 1},
    {"strange-command", make_strange_command, 1},
    {"main-thread-exited", make_main_thread_exited, 1},
    {"thread-own-fds", make_thread_own_fds, 1},
    {"thread-own-netns", make_thread_own_netns, 1},
    {"netns-own", make_netns_own, 1},
    {"netns-foreign-inhabited", make_netns_foreign_inhabited, 1},
    {"netns-foreign-deserted", make_netns_foreign_deserted, 1},
};

static void make_kind(const struct kind *kind)
{
    kind_name = kind->name;
    if (kind->in_child)
        in_child(kind->make);
    else if (setjmp(kind_is_over) == 0)
        kind->make();
    kind_name = "factory";
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    fprintf(stderr, "factory: no such kind: %s (--list names them)\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    int first = 1;
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            printf("%s\n", kinds[i].name);
        return 0;
    }
    /* What the starter left open would be sockets that no line tells of. */
    close_from(3);
    alarm(LIFETIME_SECONDS);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* Children that end are nobody's zombies. */
    if (argc > 1 && strcmp(argv[1], "--loopback-up") == 0) {
        first = 2;
        raise_loopback();
    }
    if (pipe2(life_pipe, O_CLOEXEC) != 0)
        die("pipe");
    if (argc == first)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            make_kind(&kinds[i]);
    for (int i = first; i < argc; i++)
        make_kind(find_kind(argv[i]));
    say("READY pid=%d\n", getpid());
    char bytes[256];
    while (read(STDIN_FILENO, bytes, sizeof bytes) > 0)
        ;
    return 0;
}
