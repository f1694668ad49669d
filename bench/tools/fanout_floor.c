/* fanout_floor: the physical limit for fan-out over TCP. A text frame from one socket goes to every socket of its group by one
 * send(2) each, with no parsing, storing, ordering or bookkeeping. No server that sends each message on its own can use less
 * CPU per delivery; one that joins several messages in one write can.
 *
 *   cc -O2 -o fanout_floor fanout_floor.c && ./fanout_floor PORT [GROUP]
 *
 * GROUP sockets, in the order they connect, form a group (all of them, if not given). Frames of up to 65,535 bytes,
 * masked with a key of zeros, as wsload sends them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX = 1 << 16, FRAME = 1 << 17 };
typedef struct { int fd, in, up; unsigned char *buf; } Conn;   /* fd < 0: gone */
static Conn conns[MAX];
static int n, group = MAX;

/* All of it, waiting if need be: half a frame would spoil the stream. */
static void send_all(Conn *c, const void *data, int len) {
  for (const char *p = data; c->fd >= 0 && len > 0;) {
    ssize_t r = send(c->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (r > 0) { p += r, len -= r; continue; }
    if (errno != EAGAIN) return;
    struct pollfd writable = {.fd = c->fd, .events = POLLOUT};
    poll(&writable, 1, -1);
  }
}

static void on_data(Conn *c) {
  static const char hello[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  static unsigned char f[FRAME];
  ssize_t r = read(c->fd, c->buf + c->in, FRAME - c->in);
  int first = (int)(c - conns) / group * group, o = 0;
  if (r <= 0) { close(c->fd), c->fd = -1; return; }
  if (!c->up) { c->up = 1; send_all(c, hello, sizeof hello - 1); return; }
  for (c->in += r; c->in - o >= 8;) {
    unsigned char *p = c->buf + o;
    int len = p[1] & 127, h = 2;
    if (len == 126) len = p[2] << 8 | p[3], h = 4;
    if (c->in - o < h + 4 + len) break;
    f[0] = 0x81, f[1] = p[1] & 127, f[2] = p[2], f[3] = p[3];
    memcpy(f + h, p + h + 4, len);
    for (int z = first; z < n && z < first + group; z++) send_all(conns + z, f, h + len);
    o += h + 4 + len;
  }
  memmove(c->buf, c->buf + o, c->in -= o);
}

int main(int argc, char **argv) {
  if (argc < 2) { fprintf(stderr, "usage: fanout_floor PORT [GROUP]\n"); return 2; }
  if (argc > 2) group = atoi(argv[2]);
  struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
  int one = 1, ls = socket(AF_INET, SOCK_STREAM, 0), ep = epoll_create1(0);
  setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(ls, (void *)&a, sizeof a) || listen(ls, 4096)) { perror("listen"); return 1; }
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = MAX}, ev[512];
  epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
  for (;;)
    for (int k = epoll_wait(ep, ev, 512, -1), i = 0; i < k; i++) {
      if (ev[i].data.u32 != MAX) { on_data(conns + ev[i].data.u32); continue; }
      int s = accept(ls, 0, 0);
      if (s < 0 || n == MAX) { close(s); continue; }
      setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      conns[n] = (Conn){.fd = s, .buf = malloc(FRAME)};
      struct epoll_event x = {.events = EPOLLIN, .data.u32 = n++};
      epoll_ctl(ep, EPOLL_CTL_ADD, s, &x);
    }
}
