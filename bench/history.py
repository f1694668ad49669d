"""How long the history checker takes: `python -m bench.history --records 10000000`.

Writes a good history of a room load (sends, acks and their deliveries to everybody in the room, reconnects and pages
in between) and checks it in a process of its own. What counts is that process's user CPU time, and its memory.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from madang_proof.history import HistoryWriter, check
from madang_proof.history import records as r


class Load:
    """A history of `rooms` rooms with `followers` connections each, in which everybody sends in turn."""

    def __init__(self, writer: HistoryWriter, rooms: int, followers: int) -> None:
        self.writer = writer
        self.followers = followers
        self.dice = random.Random(1)
        self.t = 0
        self.calls = 0
        self.ids = 1 << 58
        self.seqs = [0] * rooms
        self.conns = [[room * followers + i for i in range(followers)] for room in range(rooms)]
        self.next_conn = rooms * followers
        self.recent: list[list[r.Message]] = [[] for _ in range(rooms)]
        self.write(r.Setup(0))

    def write(self, record: r.Record) -> None:
        self.t += 3
        record.t = self.t
        self.writer.write(record)

    def user(self, room: int, i: int) -> str:
        return f"u{room:04}{i:04}qk3v7m5h2x"

    def event(self, conn: int, room: int, seq: int, user: str, text: str, type: str, via: str) -> None:
        self.write(
            r.Event(0, conn, f"room-{room}", seq, str(self.ids - self.seqs[room] + seq), type, user, text, via=via)
        )

    def open(self, room: int, i: int, since: int | None) -> None:
        """Connect the room's i-th user, and join."""
        conn, user, name = self.conns[room][i], self.user(room, i), f"room-{room}"
        self.write(r.Opened(0, conn, user, user))
        self.calls += 1
        self.write(r.Invoke(0, self.calls, conn, "join", name))
        if since is None:
            self.seqs[room] += 1
            self.ids += 1
            for other in range(i):
                self.write(
                    r.Event(0, self.conns[room][other], name, self.seqs[room], str(self.ids), "member.joined", user)
                )
        seq = self.seqs[room]
        self.write(r.Joined(0, self.calls, conn, name, "e", seq, since, read_seq=i + 1))

    def send(self, room: int, i: int) -> None:
        """Send a message, and deliver it."""
        user, name = self.user(room, i), f"room-{room}"
        self.calls += 1
        text = f"message number {self.calls} of this load"
        self.write(r.Invoke(0, self.calls, self.conns[room][i], "send", name, f"cid-{self.calls}", text))
        self.seqs[room] += 1
        self.ids += 1
        seq, id = self.seqs[room], str(self.ids)
        self.recent[room].append(r.Message(seq, id, user, text))
        del self.recent[room][:-20]
        for conn in self.conns[room]:
            self.write(r.Event(0, conn, name, seq, id, "message.sent", user, text))
        self.write(r.Ok(0, self.calls, seq, id, "stored"))
        lot = self.dice.random()
        if lot < 0.01:
            page = self.recent[room]
            self.write(r.Page(0, self.t, user, name, page, limit=20, more=seq > self.followers + len(page)))
        elif lot < 0.02:
            self.write(r.Closed(0, self.conns[room][i]))
            self.next_conn += 1
            self.conns[room][i] = self.next_conn
            self.open(room, i, seq)


def generate(path: Path, records: int, rooms: int, followers: int) -> int:
    """Write a history of about `records` records."""
    writer = HistoryWriter(path)
    load = Load(writer, rooms, followers)
    for room in range(rooms):
        for i in range(followers):
            load.open(room, i, None)
    while writer.count < records:
        room = load.dice.randrange(rooms)
        load.send(room, load.dice.randrange(followers))
    writer.close()
    return writer.count


def measure(path: Path) -> None:
    """Check a file, and say what it took; for the process of its own."""
    start = time.perf_counter()
    verdict = check(path)
    used = resource.getrusage(resource.RUSAGE_SELF)
    assert verdict.held, str(verdict.violation)
    print(f"{verdict.records:,} records: {used.ru_utime:.1f} s of user CPU, {used.ru_stime:.1f} s of system CPU,")
    print(f"{time.perf_counter() - start:.1f} s on the clock, {used.ru_maxrss >> 10} MiB resident at most,")
    print(f"{1e6 * used.ru_utime / verdict.records:.2f} µs per record.")


def main() -> None:
    """Generate, and check in another process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rooms", type=int, default=8)
    parser.add_argument("--followers", type=int, default=20, help="connections in each room (default 20)")
    parser.add_argument("--check", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.check:
        measure(options.check)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        generate(path, options.records, options.rooms, options.followers)
        print(f"{path.stat().st_size >> 20} MiB of history", flush=True)
        subprocess.run([sys.executable, "-m", "bench.history", "--check", str(path)], check=True)


if __name__ == "__main__":
    main()
