/* wsload: WebSocket load from one epoll loop, light enough that it is not what gets measured.
 *
 *   cc -O2 -o wsload wsload.c
 *   wsload [OPTIONS] PORT PATH CONNS SECONDS GROUP HELLO PUBLISH PUBLISHERS RATE
 *
 * CONNS sockets connect to 127.0.0.1:PORT PATH, one after the other, and say HELLO (sockets.h has what may stand in it). When
 * the answers have come and it is quiet, the first PUBLISHERS sockets of every group of GROUP sockets send PUBLISH, RATE
 * times a second each, for SECONDS. Whoever is in a group is expected to receive what its members send.
 *
 * Each "@T<time>" in a received frame is one delivery. Latency is counted from the moment the frame was due, not from when it
 * went out: a generator or a socket that is held up makes the figures worse, never better (no coordinated omission).
 * Every delivery is counted; the histogram is exact to 1.6 %.
 *
 *   --ack TEXT     a frame with TEXT in it acknowledges a publish; the number after "n": says which one ({N})
 *   --error TEXT   a frame with TEXT in it is a refusal; counted from the first publish on, the first few are shown
 *   --seq TEXT     the number after TEXT must rise from delivery to delivery of a socket; counts those where it does not
 *   PORT           may be a list, 8400,8410: the sockets of a group are then spread over these nodes. If PUBLISH says who sent
 *                  it, "@T{T}.{I}", latency is also told apart: to sockets of the sender's own node, and of the others.
 *   --drain S      after the last publish, wait at most so long for what is missing (5)
 *   --flood RATE   one more socket, from an address of its own, says HELLO in the first group and sends --flood-text RATE times
 *                  a second, in every second second of the run, whatever it is told; thrown out, it comes back at once.
 *                  Latency is then also told apart: with and without the flooder, in the same room ("near") and in the others ("far").
 *                  A quiet second begins 0.1 s late, so that what the flood left behind counts for neither.
 *
 * The line "publishing" is written when the first publish is due and "drained" when it is over, so that who reads them can
 * take the server's CPU time in between. The loop spins on purpose: no server pays for waking it up.
 */
#include "sockets.h"

enum { FINE = 128, STAMPS = 1 << 20, SECOND = 1000000000, LINGERS = SECOND / 10, COMES_BACK = SECOND / 10 };

typedef struct { long bin[FINE * 60], n; uint64_t max; } Histogram;

static int publishing;
static const char *ack_text, *error_text, *seq_text, *flood_text = "";
static double flood_rate;
static uint64_t start, due_at[STAMPS], last_delivery;
static long sent, unsent, deliveries, expected, acks, errors, others, lost, disorder, flooded, flood_refused, flood_lost;
static Histogram delivery_time, ack_time, beside[2][2], by_node[2];
                                                              /* beside[far][with the flooder], by_node[another] */

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

static void on_lost(Conn *c, const char *why) {
  int i = (int)(c - conns);
  if (i == n_conns && publishing) { flood_lost++; return; }
  if (lost++ < SHOWN || !c->up) fprintf(stderr, "socket %d: %s\n", i, why);
  if (!c->up) exit(1);
}
static void count_beside(const Conn *c, uint64_t due, uint64_t took) {
  uint64_t at = due - start, turn = at / SECOND;
  if (turn % 2 || at % SECOND > LINGERS || turn == 0) count(&beside[(c - conns) / group > 0][turn % 2], took);
}
static void on_text(Conn *c, unsigned char *p, uint64_t n, uint64_t now) {
  unsigned char *q, *end = p + n;
  if (c - conns >= n_conns) { flood_refused += find(p, n, error_text) != 0; return; }
  if ((q = find(p, n, "@T"))) {                                              /* some servers join messages in one frame */
    long seq = number_after(p, n, seq_text);
    if (seq >= 0 && seq <= c->seq) disorder++; else c->seq = seq;
    for (; q; q = find(q + 2, end - q - 2, "@T")) {
      char *after;
      uint64_t due = strtoull((char *)q + 2, &after, 10);
      deliveries++, count(&delivery_time, now - due);
      if (n_ports > 1 && *after == '.') count(&by_node[node_of(atoi(after + 1)) != node_of((int)(c - conns))], now - due);
      if (flood_rate > 0) count_beside(c, due, now - due);
    }
    last_delivery = now;
  } else if (find(p, n, ack_text)) {
    long number = number_after(p, n, "\"n\":");
    acks++, last_delivery = now;
    if (number > 0 && due_at[number % STAMPS]) count(&ack_time, now - due_at[number % STAMPS]);
  } else if (publishing && find(p, n, error_text)) {
    if (errors++ < SHOWN) fprintf(stderr, "refused: %.*s\n", (int)n, p);
  } else others++;
}
static void flood(Conn *c, const char *hello, uint64_t now) {
  static long turn;
  static uint64_t back_at;
  static char text[TEXT];
  if (c->fd < 0 && now >= back_at) open_socket(c, hello), back_at = now + COMES_BACK;
  for (uint64_t due; (due = (uint64_t)(turn * (1e9 / flood_rate))) <= now - start; turn++)
    if (due / SECOND % 2 && c->up && say(c, 1, text, expand(text, flood_text, flood_text + strlen(flood_text), c, start + due, turn + 1))) flooded++;
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"ack", 1, 0, 'a'}, {"error", 1, 0, 'e'}, {"seq", 1, 0, 's'}, {"drain", 1, 0, 'd'},
                                          {"flood", 1, 0, 'f'}, {"flood-text", 1, 0, 't'}, {0, 0, 0, 0}};
  double drain = 5;
  for (int o; (o = getopt_long(argc, argv, "+", options, 0)) != -1;)
    if (o == 'a') ack_text = optarg; else if (o == 'e') error_text = optarg; else if (o == 's') seq_text = optarg;
    else if (o == 'd') drain = atof(optarg); else if (o == 'f') flood_rate = atof(optarg); else if (o == 't') flood_text = optarg;
    else return 2;
  argv += optind - 1;
  if (argc - optind != 9) { fprintf(stderr, "usage: wsload [--ack TEXT] [--error TEXT] [--seq TEXT] [--drain S] [--flood RATE --flood-text TEXT] "
                                            "PORT PATH CONNS SECONDS GROUP HELLO PUBLISH PUBLISHERS RATE\n"); return 2; }
  int pubs = atoi(argv[8]);
  const char *hello = argv[6], *publish = argv[7], *publish_end = publish + strlen(publish);
  double length = atof(argv[4]), rate = atof(argv[9]);
  read_ports(argv[1]), path = argv[2], n_conns = atoi(argv[3]), group = atoi(argv[5]);
  if (n_conns < 1 || group < 1 || publish_end - publish > TEXT / 4) { fprintf(stderr, "CONNS and GROUP are at least 1, PUBLISH at most 2 KB\n"); return 2; }

  int all = n_conns + (flood_rate > 0);
  set_up(all);
  uint64_t t0 = now_ns();
  for (int i = 0; i < all; i++)                                /* reads meanwhile what others get */
    for (open_socket(conns + i, hello); opening;) poll_once(10);
  double up = (now_ns() - t0) * 1e-9;
  printf("connected %d in %.2f s (%.0f/s)\n", n_conns, up, n_conns / up);
  settle();

  int groups = (n_conns + group - 1) / group;
  long senders = (long)groups * pubs, turns = (long)(length * rate * senders), turn = 0;
  double every = senders && rate > 0 ? 1e9 / (rate * senders) : 0;
  start = now_ns() + 1000000;
  uint64_t end = start + (uint64_t)(length * 1e9), late = 0;
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
      if (say(conns + i, 1, text, expand(text, publish, publish_end, conns + i, due, turn + 1))) sent++, expected += size; else unsent++;
    }
    if (flood_rate > 0 && t >= start && t < end) flood(conns + n_conns, hello, t);
    poll_once(turns && t < end ? 0 : 1);
    if (!spun && t >= end) spun = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - spun_from;
  }
  printf("drained\n");
  if (!spun) spun = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - spun_from;
  double took = last_delivery > end ? (last_delivery - start) * 1e-9 : length;     /* a server that needs longer has the lower rate */
  printf("sent %ld, deliveries %ld, other frames %ld, failed %ld, %.0f deliveries/s, %.1f MB/s, %.2f messages/read\n", sent, deliveries,
         others, lost, deliveries / took, bytes / took / 1e6, reads ? (double)frames / reads : 0);
  show_latency("latency", &delivery_time);
  show_latency("own node", &by_node[0]), show_latency("other node", &by_node[1]);
  printf("missing %ld, unsent %ld, refused %ld, out of order %ld\n", expected - deliveries, unsent, errors, disorder);
  if (turns) printf("latest publish %.2f ms late, had %.1f %% of its core\n", late * 1e-6, spun * 1e-7 / length);
  if (ack_text) { printf("acks %ld, missing acks %ld\n", acks, sent - acks - errors); show_latency("ack", &ack_time); }
  if (flood_rate > 0) {
    printf("flooded %ld, flood refused %ld, flooder thrown out %ld times\n", flooded, flood_refused, flood_lost);
    show_latency("near without", &beside[0][0]), show_latency("near with", &beside[0][1]);
    show_latency("far without", &beside[1][0]), show_latency("far with", &beside[1][1]);
  }
  return 0;
}
