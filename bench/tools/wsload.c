/* wsload: WebSocket load from one epoll loop, light enough that it is not what gets measured.
 *
 *   cc -O2 -o wsload wsload.c
 *   wsload [OPTIONS] PORT PATH CONNS SECONDS GROUP HELLO PUBLISH PUBLISHERS RATE
 *
 * CONNS sockets connect to 127.0.0.1:PORT PATH. Each first sends the frames of HELLO, pipelined ('|' stands between frames;
 * "" for none). When the answers have come and it is quiet, the first PUBLISHERS sockets of every group of GROUP sockets
 * send PUBLISH, RATE times a second each, for SECONDS. Whoever is in a group is expected to receive what its members send.
 * In both, {I} is the socket's number, {G} its group's, {N} the frame's own number, {T} the time in ns it was due.
 *
 * Each "@T<time>" in a received frame is one delivery. Latency is counted from the moment the frame was due, not from when it
 * went out: a generator or a socket that is held up makes the figures worse, never better (no coordinated omission).
 * Every delivery is counted; the histogram is exact to 1.6 %.
 *
 *   --ack TEXT     a frame with TEXT in it acknowledges a publish; the number after "n": says which one ({N})
 *   --error TEXT   a frame with TEXT in it is a refusal; counted from the first publish on, the first few are shown
 *   --seq TEXT     the number after TEXT must rise from delivery to delivery of a socket; counts those where it does not
 *   --drain S      after the last publish, wait at most so long for what is missing (5)
 *
 * The line "publishing" is written when the first publish is due and "drained" when it is over, so that who reads them can
 * take the server's CPU time in between. The loop spins on purpose: no server pays for waking it up.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN = 1 << 18, OUT = 1 << 16, TEXT = 8192, SHOWN = 3, STAMPS = 1 << 20, FINE = 128 };
enum { SETTLE_MS = 1000, QUIET_MS = 500, SETTLE_MAX_MS = 20000 };

typedef struct {
  int fd, in, out;                    /* fd < 0: lost; bytes waiting in each direction */
  long seq;                           /* the last number seen with --seq */
  unsigned char *ibuf, *obuf;         /* never touched, never resident: an idle socket costs nothing here */
} Conn;
typedef struct { long bin[FINE * 60], n; uint64_t max; } Histogram;

static Conn *conns;
static int n_conns, group, ep, publishing;
static const char *ack_text, *error_text, *seq_text;
static uint64_t due_at[STAMPS], last_data, last_delivery;
static long sent, unsent, deliveries, expected, acks, errors, others, reads, lost, disorder, frames;
static double bytes;
static Histogram delivery_time, ack_time;

static uint64_t clock_ns(clockid_t id) { struct timespec t; clock_gettime(id, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static void count(Histogram *h, uint64_t v) {
  int shift = v < FINE ? 0 : 63 - __builtin_clzll(v) - 6;     /* the seven highest bits tell the bin */
  h->bin[shift * FINE / 2 + (v >> shift)]++, h->n++;
  if (v > h->max) h->max = v;
}
static double percentile(const Histogram *h, double p) {      /* in ms */
  long rank = (long)(h->n * p), seen = 0;
  for (int i = 0; i < FINE * 60; i++)
    if (h->bin[i] && (seen += h->bin[i]) > rank) {
      int shift = i < FINE ? 0 : i / (FINE / 2) - 1;
      uint64_t v = (uint64_t)(i - shift * FINE / 2) << shift, top = v + (1ull << shift) - 1;
      return (top < h->max ? top : h->max) * 1e-6;
    }
  return h->max * 1e-6;
}
static void show_latency(const char *what, const Histogram *h) {
  if (h->n) printf("%s ms p50 %.2f p95 %.2f p99 %.2f max %.2f\n", what, percentile(h, .50), percentile(h, .95), percentile(h, .99), h->max * 1e-6);
}

static int expand(char *out, const char *s, const char *end, int i, uint64_t due, long number) {
  int n = 0;
  for (; s < end && n < TEXT - 24; s++)
    if (s[0] == '{' && s + 2 < end && s[2] == '}' && strchr("IGNT", s[1])) {
      unsigned long long v = s[1] == 'I' ? (unsigned)i : s[1] == 'G' ? (unsigned)(i / group) : s[1] == 'N' ? (uint64_t)number : due;
      n += sprintf(out + n, "%llu", v), s += 2;
    } else out[n++] = *s;
  return n;
}

static void lose(Conn *c, const char *why) {
  if (lost++ < SHOWN) fprintf(stderr, "socket %d: %s\n", (int)(c - conns), why);
  close(c->fd), c->fd = -1;
}
static void watch(Conn *c, int op, unsigned events) {
  struct epoll_event e = {.events = events, .data.u32 = (unsigned)(c - conns)};
  epoll_ctl(ep, op, c->fd, &e);
}
static void flush(Conn *c) {
  ssize_t r = write(c->fd, c->obuf, c->out);
  if (r < 0 && errno != EAGAIN) { lose(c, strerror(errno)); return; }
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
  if (r < 0 && errno != EAGAIN) { lose(c, strerror(errno)); return 0; }
  if (r < 0) r = 0;
  memcpy(c->obuf + c->out, f + r, n - r), c->out += n - r;
  if (was_empty) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  return 1;
}

static unsigned char *find(const unsigned char *p, uint64_t n, const char *text) { return text ? memmem(p, n, text, strlen(text)) : 0; }
static void on_text(Conn *c, unsigned char *p, uint64_t n, uint64_t now) {
  unsigned char *q, *end = p + n;
  if (n == 1 && *p == '2') { say(c, 1, "3", 1); return; }                    /* an Engine.IO ping */
  if ((q = find(p, n, "@T"))) {                                              /* some servers join messages in one frame */
    unsigned char *s = find(p, n, seq_text);
    long seq = s ? strtol((char *)s + strlen(seq_text), 0, 10) : 0;
    if (s && seq <= c->seq) disorder++; else c->seq = seq;
    for (; q; q = find(q + 2, end - q - 2, "@T")) deliveries++, count(&delivery_time, now - strtoull((char *)q + 2, 0, 10));
    last_delivery = now;
  } else if (find(p, n, ack_text)) {
    long number = (q = find(p, n, "\"n\":")) ? strtol((char *)q + 4, 0, 10) : 0;
    acks++, last_delivery = now;
    if (number > 0 && due_at[number % STAMPS]) count(&ack_time, now - due_at[number % STAMPS]);
  } else if (publishing && find(p, n, error_text)) {
    if (errors++ < SHOWN) fprintf(stderr, "refused: %.*s\n", (int)n, p);
  } else others++;
}
static void on_data(Conn *c) {
  ssize_t r = read(c->fd, c->ibuf + c->in, IN - c->in);
  if (r <= 0) { if (r == 0 || errno != EAGAIN) lose(c, r ? strerror(errno) : "closed by the server"); return; }
  uint64_t now = last_data = now_ns();
  int o = 0;
  reads++, bytes += r, c->in += r;
  while (c->fd >= 0 && c->in - o >= 2) {
    unsigned char *p = c->ibuf + o;
    uint64_t len = p[1] & 127;
    int h = len == 126 ? 4 : len == 127 ? 10 : 2;
    if (c->in - o < h) break;
    if (h > 2) { len = 0; for (int z = 2; z < h; z++) len = len << 8 | p[z]; }
    if (len + h > IN) { fprintf(stderr, "a frame of %llu bytes: more than fits\n", (unsigned long long)len); exit(1); }
    if ((uint64_t)(c->in - o) < h + len) break;
    frames++;
    int opcode = p[0] & 15;
    if (opcode == 8 && lost < SHOWN) fprintf(stderr, "close %d %.*s\n", len > 1 ? p[h] << 8 | p[h + 1] : 0, len > 2 ? (int)len - 2 : 0, p + h + 2);
    else if (opcode == 9) say(c, 10, p + h, len > 125 ? 125 : (int)len);
    else if (opcode < 3) on_text(c, p + h, len, now);
    o += h + (int)len;
  }
  memmove(c->ibuf, c->ibuf + o, c->in -= o);
}
static void poll_once(int timeout_ms) {
  struct epoll_event ev[1024];
  int n = epoll_wait(ep, ev, 1024, timeout_ms);
  for (int k = 0; k < n; k++) {
    Conn *c = conns + ev[k].data.u32;
    if (c->fd >= 0 && ev[k].events & EPOLLOUT) flush(c);
    if (c->fd >= 0 && ev[k].events & ~(unsigned)EPOLLOUT) on_data(c);
  }
}

static void open_socket(Conn *c, int port, const char *path, const char *hello) {
  char text[TEXT], *end = 0;
  int i = (int)(c - conns), one = 1, got = 0;
  struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + i / 20000)};   /* ports run out at 28,000 */
  struct sockaddr_in it = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  c->ibuf = malloc(IN), c->obuf = malloc(OUT);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(c->fd, (void *)&me, sizeof me) || connect(c->fd, (void *)&it, sizeof it)) { perror("connect"); exit(1); }
  int n = sprintf(text, "GET %.4000s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path, port);
  if (write(c->fd, text, n) != n) { perror("write"); exit(1); }
  for (; !end; end = memmem(c->ibuf, got, "\r\n\r\n", 4)) {
    ssize_t r = read(c->fd, c->ibuf + got, IN - got);
    if (r <= 0) { fprintf(stderr, "no handshake: %.*s\n", got, c->ibuf); exit(1); }
    got += r;
  }
  if (memcmp(c->ibuf, "HTTP/1.1 101", 12)) { fprintf(stderr, "refused: %.*s\n", got, c->ibuf); exit(1); }
  c->in = got - (int)((unsigned char *)end + 4 - c->ibuf);
  memmove(c->ibuf, end + 4, c->in);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  watch(c, EPOLL_CTL_ADD, EPOLLIN);
  for (const char *p = hello, *e; *p; p = *e ? e + 1 : e) {
    e = strchrnul(p, '|');
    if (!say(c, 1, text, expand(text, p, e, i, now_ns(), 0))) { fprintf(stderr, "HELLO is too long\n"); exit(1); }
  }
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"ack", 1, 0, 'a'}, {"error", 1, 0, 'e'}, {"seq", 1, 0, 's'}, {"drain", 1, 0, 'd'}, {0, 0, 0, 0}};
  double drain = 5;
  for (int o; (o = getopt_long(argc, argv, "+", options, 0)) != -1;)
    if (o == 'a') ack_text = optarg; else if (o == 'e') error_text = optarg; else if (o == 's') seq_text = optarg;
    else if (o == 'd') drain = atof(optarg); else return 2;
  argv += optind - 1;
  if (argc - optind != 9) { fprintf(stderr, "usage: wsload [--ack TEXT] [--error TEXT] [--seq TEXT] [--drain S] "
                                            "PORT PATH CONNS SECONDS GROUP HELLO PUBLISH PUBLISHERS RATE\n"); return 2; }
  int port = atoi(argv[1]), pubs = atoi(argv[8]);
  const char *path = argv[2], *hello = argv[6], *publish = argv[7], *publish_end = publish + strlen(publish);
  double length = atof(argv[4]), rate = atof(argv[9]);
  n_conns = atoi(argv[3]), group = atoi(argv[5]);
  if (n_conns < 1 || group < 1 || publish_end - publish > TEXT / 2) { fprintf(stderr, "CONNS and GROUP are at least 1, PUBLISH at most 4 KB\n"); return 2; }

  struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
  setvbuf(stdout, 0, _IOLBF, 0);
  conns = calloc(n_conns, sizeof *conns), ep = epoll_create1(0);
  uint64_t t0 = now_ns();
  for (int i = 0; i < n_conns; i++) { open_socket(conns + i, port, path, hello); poll_once(0); }   /* reads meanwhile what others get */
  double up = (now_ns() - t0) * 1e-9;
  printf("connected %d in %.2f s (%.0f/s)\n", n_conns, up, n_conns / up);
  for (uint64_t t1 = now_ns(), t; t = now_ns(), t - t1 < SETTLE_MS * 1000000ull
       || (t - last_data < QUIET_MS * 1000000ull && t - t1 < SETTLE_MAX_MS * 1000000ull);) poll_once(10);

  int groups = (n_conns + group - 1) / group;
  long senders = (long)groups * pubs, turns = (long)(length * rate * senders), turn = 0;
  double every = senders && rate > 0 ? 1e9 / (rate * senders) : 0;
  uint64_t start = now_ns() + 1000000, end = start + (uint64_t)(length * 1e9), late = 0;
  uint64_t last = end + (uint64_t)(drain * 1e9), spun = 0, spun_from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  static char text[TEXT];
  if (!every) turns = 0;
  others = reads = frames = 0, bytes = 0, acks = 0, disorder = 0, publishing = 1, last_delivery = start;
  printf("publishing\n");
  for (uint64_t t; (t = now_ns()) < last && (t < end || turn < turns || deliveries + errors * group < expected || (ack_text && acks + errors < sent));) {
    for (int burst = 0; turn < turns && burst < 256; burst++, turn++) {
      uint64_t due = start + (uint64_t)(turn * every);
      if (t < due) break;
      int g = (int)(turn % groups), i = g * group + (int)(turn / groups % pubs), size = g < groups - 1 ? group : n_conns - g * group;
      if (i >= n_conns) continue;
      if (t - due > late) late = t - due;
      due_at[(turn + 1) % STAMPS] = due;
      if (say(conns + i, 1, text, expand(text, publish, publish_end, i, due, turn + 1))) sent++, expected += size; else unsent++;
    }
    poll_once(turns && t < end ? 0 : 1);
    if (!spun && t >= end) spun = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - spun_from;
  }
  printf("drained\n");
  if (!spun) spun = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - spun_from;
  double took = last_delivery > end ? (last_delivery - start) * 1e-9 : length;     /* a server that needs longer has the lower rate */
  printf("sent %ld, deliveries %ld, other frames %ld, failed %ld, %.0f deliveries/s, %.1f MB/s, %.2f messages/read\n", sent, deliveries,
         others, lost, deliveries / took, bytes / took / 1e6, reads ? (double)frames / reads : 0);
  show_latency("latency", &delivery_time);
  printf("missing %ld, unsent %ld, refused %ld, out of order %ld\n", expected - deliveries, unsent, errors, disorder);
  if (turns) printf("latest publish %.2f ms late, had %.1f %% of its core\n", late * 1e-6, spun * 1e-7 / length);
  if (ack_text) { printf("acks %ld, missing acks %ld\n", acks, sent - acks - errors); show_latency("ack", &ack_time); }
  return 0;
}
