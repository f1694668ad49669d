/* reconnect: all sockets of one room are cut at once and come back as fast as the server takes them.
 *
 *   cc -O2 -o reconnect reconnect.c
 *   reconnect [OPTIONS] PORT PATH CONNS HELLO AGAIN PUBLISH
 *
 * CONNS sockets connect to 127.0.0.1:PORT PATH and say HELLO (sockets.h has what may stand in it), and one more, the witness.
 * When all have joined and it is quiet, the CONNS are reset, the witness publishes what they miss, and they come back with
 * AGAIN. A socket is back when it has joined, and live when it has got a message published after that: the witness publishes
 * one as soon as all are back, or half of the time has gone, and again every three seconds.
 *
 *   --joined TEXT  a frame with TEXT in it is the answer to the hello (else the handshake counts)
 *   --again TEXT   a frame with TEXT in it is the answer to AGAIN, where that is another one
 *   --keep TEXT    the string after TEXT is the socket's own {K} from then on; --epoch TEXT likewise {E}
 *   --seq TEXT     the number after TEXT is the place of a message. A socket's position {S} moves as the protocol says: to the
 *                  highest of an answer to the hello, else by one; --skip TEXT: to the number after TEXT
 *   --error TEXT   a frame with TEXT in it is a refusal; the first few are shown
 *   --missed N     messages published while the sockets are away (20)
 *   --burst N      handshakes under way at a time (100): below every server's queue, so that the kernel's repeats are not measured
 *   --limit S      for either way, at most (60)
 *
 * A handshake that fails is tried again after 0.1 s. "cutting" is written when they are cut, "drained" when all are live.
 */
#include "sockets.h"

enum { AGAIN_MS = 100, WITNESS_MS = 2000 };
static const uint64_t PROBE_NS = 3000000000;

typedef struct { int joined, live; long missed; uint64_t retry_at; } Yet;

static Yet *yet;
static const char *joined_text, *again_text, *keep_text, *epoch_text, *seq_text, *skip_text, *error_text;
static const char *publish;
static int joined, live, burst = 100, missing = 20, again;
static long errors, tries, doubled, heard, recovered;
static uint64_t cut_at, back_from, probed_at, all_joined, all_live;

static void on_lost(Conn *c, const char *why) {
  Yet *y = yet + (c - conns);
  if (shown++ < SHOWN) fprintf(stderr, "socket %d: %s\n", (int)(c - conns), why);
  if (y->joined) joined--, y->joined = 0;
  if (y->live) live--, y->live = 0;
  tries++, y->retry_at = now_ns() + AGAIN_MS * 1000000ull;
}
static void keep(char **to, unsigned char *p, uint64_t n, const char *text) {
  unsigned char *s = find(p, n, text), *end = s ? memchr(s + strlen(text), '"', p + n - s - strlen(text)) : 0;
  if (end) free(*to), s += strlen(text), *to = strndup((char *)s, end - s);
}
static void join(Conn *c) {
  Yet *y = yet + (c - conns);
  if (!y->joined && c - conns < n_conns) y->joined = 1, joined++, all_joined = now_ns();
}
/* Move the position over the frame's messages; counts what a socket had already. */
static void follow(Conn *c, unsigned char *p, uint64_t n, int is_answer) {
  long to = number_after(p, n, skip_text);
  if (!is_answer && to > c->seq) { c->seq = to; return; }
  for (unsigned char *s = p, *end = p + n; (s = find(s, end - s, seq_text)); s++) {
    long at = number_after(s, end - s, seq_text);
    if (at == c->seq + 1 || (is_answer && at > c->seq)) c->seq = at;
    else if (at <= c->seq && !is_answer && find(p, n, "@T")) doubled++;
  }
}
static void on_text(Conn *c, unsigned char *p, uint64_t n, uint64_t now) {
  Yet *y = yet + (c - conns);
  int is_answer = find(p, n, joined_text) || (again && again_text && find(p, n, again_text));
  if (find(p, n, error_text)) { if (errors++ < SHOWN) fprintf(stderr, "refused: %.*s\n", (int)n, p); return; }
  if (keep_text) keep(&c->kept, p, n, keep_text);
  if (epoch_text) keep(&c->epoch, p, n, epoch_text);
  if (c - conns < n_conns) follow(c, p, n, is_answer);      /* the witness gets acks, which have a number, too */
  if (is_answer) join(c);
  for (unsigned char *q = p, *end = p + n; (q = find(q, end - q, "@T")); q += 2) {
    uint64_t due = strtoull((char *)q + 2, 0, 10);
    if (c - conns == n_conns) { heard++; continue; }
    if (cut_at && due > cut_at && due < back_from) recovered++, y->missed++;
    if (probed_at && due >= probed_at && !y->live) y->live = 1, live++, all_live = now;
  }
}
static void say_as_witness(void) {
  static char text[TEXT];
  static long number;
  Conn *c = conns + n_conns;
  say(c, 1, text, expand(text, publish, publish + strlen(publish), c, now_ns(), ++number));
}
/* Connect all that are not, until everybody has joined and, the second time, is live. 1 if they are. */
static int connect_all(const char *hello, double limit) {
  uint64_t begun = now_ns(), next_probe = 0, t;
  int next = 0, from = 0;
  shown = 0;
  while ((t = now_ns()) - begun < (uint64_t)(limit * 1e9)) {
    if (opening < burst && next < n_conns) {
      open_socket(conns + next++, hello);
      poll_once(0);
    } else poll_once(opening || joined < n_conns ? 5 : 1);
    if (!joined_text) for (int i = 0; i < next; i++) if (conns[i].up && !yet[i].joined) join(conns + i);
    for (int k = 0; k < 64 && next; k++, from = (from + 1) % n_conns)              /* those whose handshake has failed */
      if (from < next && conns[from].fd < 0 && opening < burst && t > yet[from].retry_at) open_socket(conns + from, hello);
    if (!again) { if (joined == n_conns) return 1; continue; }
    if ((joined == n_conns || t - begun > (uint64_t)(limit * 5e8)) && t > next_probe) {
      next_probe = t + PROBE_NS;
      if (!probed_at) probed_at = t;
      say_as_witness();
    }
    if (live == n_conns) return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"joined", 1, 0, 'j'}, {"again", 1, 0, 'a'}, {"keep", 1, 0, 'k'}, {"epoch", 1, 0, 'E'}, {"seq", 1, 0, 's'}, {"skip", 1, 0, 'S'},
                                          {"error", 1, 0, 'e'}, {"missed", 1, 0, 'm'}, {"burst", 1, 0, 'b'}, {"limit", 1, 0, 'l'}, {0, 0, 0, 0}};
  double limit = 60;
  for (int o; (o = getopt_long(argc, argv, "+", options, 0)) != -1;)
    switch (o) {
    case 'j': joined_text = optarg; break;
    case 'a': again_text = optarg; break;
    case 'k': keep_text = optarg; break;
    case 'E': epoch_text = optarg; break;
    case 's': seq_text = optarg; break;
    case 'S': skip_text = optarg; break;
    case 'e': error_text = optarg; break;
    case 'm': missing = atoi(optarg); break;
    case 'b': burst = atoi(optarg); break;
    case 'l': limit = atof(optarg); break;
    default: return 2;
    }
  argv += optind - 1;
  if (argc - optind != 6) { fprintf(stderr, "usage: reconnect [OPTIONS] PORT PATH CONNS HELLO AGAIN PUBLISH\n"); return 2; }
  read_ports(argv[1]), path = argv[2], group = n_conns = atoi(argv[3]), publish = argv[6];
  if (n_conns < 1) { fprintf(stderr, "CONNS is at least 1\n"); return 2; }

  set_up(n_conns + 1), yet = calloc(n_conns + 1, sizeof *yet);
  uint64_t t0 = now_ns();
  for (open_socket(conns + n_conns, argv[4]); opening;) poll_once(10);
  int all = connect_all(argv[4], limit);
  printf("connected %d in %.2f s\n", joined, (now_ns() - t0) * 1e-9);
  if (!all) { printf("gave up\n"); return 0; }
  settle();

  printf("cutting\n");
  cut_at = now_ns(), again = 1, tries = errors = 0;
  for (int i = 0; i < n_conns; i++) {
    close(conns[i].fd), conns[i].fd = -1, conns[i].up = 0, yet[i] = (Yet){0};
  }
  joined = live = 0, heard = 0;
  for (int k = 0; k < missing; k++) say_as_witness();
  while (heard < missing && now_ns() - cut_at < WITNESS_MS * 1000000ull) poll_once(5);
  back_from = now_ns();
  all = connect_all(argv[5], limit);
  printf("drained\n");
  long whole = 0;
  for (int i = 0; i < n_conns; i++) whole += yet[i].missed == missing;
  printf("back %d of %d in %.3f s, live %d in %.3f s\n", joined, n_conns, joined ? (all_joined - cut_at) * 1e-9 : 0, live, live ? (all_live - cut_at) * 1e-9 : 0);
  printf("missed %d each, recovered %ld, whole %ld, doubled %ld\n", missing, recovered, whole, doubled);
  printf("tried again %ld, refused %ld\n", tries, errors);
  return 0;
}
