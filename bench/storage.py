"""What one message costs the thread that writes SQLite: `python -m bench.storage [--batch 100] [--rows 100000]`.

Straight into the tables, and by way of the journal. No event loop, no sockets: only what happens between a batch of
drafts and its outcomes, folding and checkpoints included.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from madang.adapters.sql import appending, lookups
from madang.adapters.sql.rows import Head
from madang.adapters.sql.sqlite_writer import Writer
from madang.core.events import Appended, Draft, MemberJoined, MessageSent, RoomCreated, draft
from madang.core.ids import IdSource
from madang.ports.log import Outcome

ROOMS = [f"room-{n}" for n in range(500)]


class Straight(appending.Tables):
    """Without the journal; SQLite's writer is alone, and locks nothing."""

    def lock(self, c: Connection, wanted: Sequence[str]) -> dict[str, Head]:
        return lookups.heads(c, wanted)


def batches(rows: int, size: int) -> list[list[Draft]]:
    """Messages of 100 characters from two users per room, in rooms drawn at random."""
    chance = random.Random(1)

    def one() -> Draft:
        room = chance.choice(ROOMS)
        user = f"user-{room}-{chance.randrange(2)}"
        return draft(MessageSent(text="x" * 100), room, user, "Mina", cid=f"{chance.getrandbits(64):016x}")

    return [[one() for _ in range(size)] for _ in range(rows // size)]


@contextmanager
def opened(folder: str) -> Iterator[tuple[Writer, IdSource]]:
    writer, ids = Writer(Path(folder) / "madang.db"), IdSource(0)
    writer.open()
    writer.append(
        [draft(RoomCreated(title=room, access="open", slow_ms=0), room, "user", "Mina") for room in ROOMS],
        ids,
        now_ms(),
    )
    members = [(room, f"user-{room}-{n}") for room in ROOMS for n in range(2)]
    writer.append([draft(MemberJoined(role="member"), room, user, "Mina") for room, user in members], ids, now_ms())
    rest(writer)
    yield writer, ids
    writer.close()


def rest(writer: Writer) -> None:
    """Let the writer do all that it puts off."""
    while writer.between_calls(at_rest=True) == 0.0:
        pass


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def measure(
    what: str, work: list[list[Draft]], append: Callable[[Writer, IdSource, list[Draft]], list[Outcome]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(folder) as (writer, ids):
        cpu, wall = time.thread_time(), time.perf_counter()
        for batch in work:
            outcomes = append(writer, ids, batch)
            assert all(isinstance(outcome, Appended) for outcome in outcomes)
            while writer.between_calls(at_rest=False) == 0.0:
                pass
        rest(writer)
        rows = sum(map(len, work))
        cpu, wall = (
            (end - start) / rows * 1e6 for start, end in ((cpu, time.thread_time()), (wall, time.perf_counter()))
        )
        print(f"{what:12} {cpu:6.1f} µs CPU per message, {wall:6.1f} µs in all ({1e6 / wall:,.0f} msg/s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rows", type=int, default=100_000)
    args = parser.parse_args()
    work = batches(args.rows, args.batch)
    tables = Straight()
    measure(
        "straight",
        work,
        lambda writer, ids, batch: writer.write(lambda c: appending.append(c, batch, ids, now_ms(), tables)),
    )
    measure("by journal", work, lambda writer, ids, batch: writer.append(batch, ids, now_ms()))


if __name__ == "__main__":
    main()
