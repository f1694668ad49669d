/* sockets.h: WebSocket clients in one epoll loop, and what is common to the programs that measure with them (wsload.c, reconnect.c).
 * How to connect, say a frame and take frames apart is here; what a frame means and what is measured is not: the program that
 * includes this file defines `on_text` and `on_lost`.
 *
 * In the texts that sockets say, {I} is the socket's number, {G} its group's, {N} the frame's own number, {T} the time in ns
 * it was due and {F} the same in 20 digits (where the frame's length must be known beforehand); {S} is the socket's position,
 * {K} and {E} are what the program has kept for it. '|' separates the frames of a hello, which go out pipelined as soon
 * as the handshake is done.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN = 1 << 18, OUT = 1 << 16, TEXT = 8192, SHOWN = 3 };
enum { SETTLE_MS = 1000, QUIET_MS = 500, SETTLE_MAX_MS = 20000 };

typedef struct {
  int fd, up, in, out;                /* fd < 0: not connected; up: the handshake is done; bytes waiting in each direction */
  long seq;                           /* the last number seen, or the position */
  char *kept, *epoch;                 /* strings for {K} and {E} */
  const char *hello;
  unsigned char *ibuf, *obuf;         /* never touched, never resident: an idle socket costs nothing here */
} Conn;

static Conn *conns;
enum { PORTS = 16 };
static int n_conns, group, ep, ports[PORTS], n_ports, opening, shown;   /* opening: handshakes under way */
static const char *path;
static uint64_t last_data;
static long reads, frames;
static double bytes;

static void on_text(Conn *c, unsigned char *p, uint64_t n, uint64_t now);
static void on_lost(Conn *c, const char *why);         /* it is closed already; `up` tells whether it had been open */

static uint64_t clock_ns(clockid_t id) { struct timespec t; clock_gettime(id, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static int expand(char *out, const char *s, const char *end, const Conn *c, uint64_t due, long number) {
  int n = 0, i = (int)(c - conns);
  for (; s < end && n < TEXT / 2; s++) {
    if (s[0] != '{' || s + 2 >= end || s[2] != '}' || !s[1] || !strchr("IGNTFSKE", s[1])) { out[n++] = *s; continue; }
    switch (s[1]) {
    case 'I': n += sprintf(out + n, "%d", i); break;
    case 'G': n += sprintf(out + n, "%d", i < n_conns ? i / group : 0); break;   /* one more socket than CONNS is of the first group */
    case 'N': n += sprintf(out + n, "%ld", number); break;
    case 'T': n += sprintf(out + n, "%llu", (unsigned long long)due); break;
    case 'F': n += sprintf(out + n, "%020llu", (unsigned long long)due); break;
    case 'S': n += sprintf(out + n, "%ld", c->seq); break;
    default: n += sprintf(out + n, "%.2000s", (s[1] == 'K' ? c->kept : c->epoch) ? : "");
    }
    s += 2;
  }
  return n;
}

static void drop(Conn *c, const char *why) {
  if (c->fd < 0) return;
  if (!c->up) opening--;
  close(c->fd), c->fd = -1;
  on_lost(c, why);
  c->up = 0;
}
static void watch(Conn *c, int op, unsigned events) {
  struct epoll_event e = {.events = events, .data.u32 = (unsigned)(c - conns)};
  epoll_ctl(ep, op, c->fd, &e);
}
static void flush(Conn *c) {
  ssize_t r = write(c->fd, c->obuf, c->out);
  if (r < 0 && errno != EAGAIN) { drop(c, strerror(errno)); return; }
  if (r > 0) memmove(c->obuf, c->obuf + r, c->out -= r);
  watch(c, EPOLL_CTL_MOD, EPOLLIN | (c->out ? EPOLLOUT : 0));
}
/* Send one frame; what the socket does not take now goes out later. 0 if there is no room left for it. */
static int say(Conn *c, int opcode, const void *text, int n) {
  if (c->fd < 0 || c->out + n + 8 > OUT) return 0;
  unsigned char f[TEXT + 8] = {0x80 | opcode, 0x80 | (n < 126 ? n : 126)};
  int h = 2, was_empty = c->out == 0;
  if (n > 125) f[2] = n >> 8, f[3] = n, h = 4;
  memset(f + h, 0, 4), memcpy(f + h + 4, text, n), n += h + 4;               /* masked with a key of zeros */
  ssize_t r = was_empty ? write(c->fd, f, n) : 0;
  if (r == n) return 1;
  if (r < 0 && errno != EAGAIN) { drop(c, strerror(errno)); return 0; }
  if (r < 0) r = 0;
  memcpy(c->obuf + c->out, f + r, n - r), c->out += n - r;
  if (was_empty) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  return 1;
}

static unsigned char *find(const unsigned char *p, uint64_t n, const char *text) { return text ? memmem(p, n, text, strlen(text)) : 0; }
static long number_after(const unsigned char *p, uint64_t n, const char *text) {
  unsigned char *s = find(p, n, text);
  return s ? strtol((char *)s + strlen(text), 0, 10) : -1;
}
static int is_text(const unsigned char *p, uint64_t n, const char *text) { return n == strlen(text) && !memcmp(p, text, n); }

static void on_frame(Conn *c, int opcode, unsigned char *p, uint64_t n, uint64_t now) {
  frames++;
  if (opcode == 8 && shown++ < SHOWN) fprintf(stderr, "close %d %.*s\n", n > 1 ? p[0] << 8 | p[1] : 0, n > 2 ? (int)n - 2 : 0, p + 2);
  else if (opcode == 9) say(c, 10, p, n > 125 ? 125 : (int)n);
  else if (opcode > 2) return;
  else if (is_text(p, n, "2")) say(c, 1, "3", 1);                            /* an Engine.IO ping */
  else if (is_text(p, n, "{}")) say(c, 1, "{}", 2);                          /* a Centrifuge ping */
  else if (is_text(p, n, "PING\r\n")) say(c, 1, "PONG\r\n", 6);              /* a NATS ping */
  else on_text(c, p, n, now);
}
/* Look for the end of the handshake's answer; gives where frames begin, 0 if it is not all there, -1 if it was refused. */
static int on_handshake(Conn *c) {
  unsigned char *end = memmem(c->ibuf, c->in, "\r\n\r\n", 4);
  char text[TEXT];
  if (!end) return 0;
  if (memcmp(c->ibuf, "HTTP/1.1 101", 12)) { drop(c, strtok(strndupa((char *)c->ibuf, 60), "\r")); return -1; }
  c->up = 1, opening--;
  for (const char *p = c->hello, *e; *p; p = *e ? e + 1 : e) {
    e = strchrnul(p, '|');
    if (!say(c, 1, text, expand(text, p, e, c, now_ns(), 0))) { fprintf(stderr, "HELLO is too long\n"); exit(1); }
  }
  return (int)(end + 4 - c->ibuf);
}
static void on_data(Conn *c) {
  ssize_t r = read(c->fd, c->ibuf + c->in, IN - c->in);
  if (r <= 0) { if (r == 0 || errno != EAGAIN) drop(c, r ? strerror(errno) : "closed by the server"); return; }
  uint64_t now = last_data = now_ns();
  int o = 0;
  reads++, bytes += r, c->in += r;
  if (!c->up && (o = on_handshake(c)) <= 0) return;
  while (c->fd >= 0 && c->in - o >= 2) {
    unsigned char *p = c->ibuf + o;
    uint64_t len = p[1] & 127;
    int h = len == 126 ? 4 : len == 127 ? 10 : 2;
    if (c->in - o < h) break;
    if (h > 2) { len = 0; for (int z = 2; z < h; z++) len = len << 8 | p[z]; }
    if (len + h > IN) { fprintf(stderr, "a frame of %llu bytes: more than fits\n", (unsigned long long)len); exit(1); }
    if ((uint64_t)(c->in - o) < h + len) break;
    on_frame(c, p[0] & 15, p + h, len, now);
    o += h + (int)len;
  }
  if (c->fd >= 0) memmove(c->ibuf, c->ibuf + o, c->in -= o);
}
/* Take ports from a list like 8400,8410: socket I connects to the I-th of them, round and round. */
static void read_ports(char *list) {
  for (char *p = strtok(list, ","); p && n_ports < PORTS; p = strtok(0, ",")) ports[n_ports++] = atoi(p);
  if (!n_ports) { fprintf(stderr, "PORT is a number, or several with commas between\n"); exit(2); }
}
static int node_of(int i) { return i % n_ports; }
static void poll_once(int timeout_ms) {
  struct epoll_event ev[1024];
  int n = epoll_wait(ep, ev, 1024, timeout_ms);
  for (int k = 0; k < n; k++) {
    Conn *c = conns + ev[k].data.u32;
    if (c->fd >= 0 && ev[k].events & EPOLLOUT) flush(c);
    if (c->fd >= 0 && ev[k].events & ~(unsigned)EPOLLOUT) on_data(c);
  }
}
/* Begin to connect; the hello follows by itself. The extra socket has an address of its own, and ports run out at 28,000.
 * Closing resets: ports that wait out their time (TIME_WAIT) would be missing in the next run. */
static void open_socket(Conn *c, const char *hello) {
  int i = (int)(c - conns), one = 1, port = ports[node_of(i)];
  struct linger reset = {1, 0};
  struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (i < n_conns ? i / 20000 : 100))};
  struct sockaddr_in it = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (!c->ibuf) c->ibuf = malloc(IN), c->obuf = malloc(OUT);
  c->in = 0, c->up = 0, c->hello = hello, c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (c->fd < 0 || bind(c->fd, (void *)&me, sizeof me) || (connect(c->fd, (void *)&it, sizeof it) && errno != EINPROGRESS)) { perror("connect"); exit(1); }
  c->out = sprintf((char *)c->obuf, "GET %.4000s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path, port);
  opening++;
  watch(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}
/* Get ready for `n` sockets. */
static void set_up(int n) {
  struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
  setvbuf(stdout, 0, _IOLBF, 0);
  signal(SIGPIPE, SIG_IGN);                             /* who writes to a socket that was closed is told by the call */
  conns = calloc(n, sizeof *conns), ep = epoll_create1(0);
  for (int i = 0; i < n; i++) conns[i].fd = -1;
}
/* Wait until the answers have come and it is quiet. */
static void settle(void) {
  for (uint64_t t1 = now_ns(), t; t = now_ns(), t - t1 < SETTLE_MS * 1000000ull
       || (t - last_data < QUIET_MS * 1000000ull && t - t1 < SETTLE_MAX_MS * 1000000ull);) poll_once(10);
}
