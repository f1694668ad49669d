"""How many events a second a database stores, by the size of a batch: one node's `Store` alone, no sockets.

As many batches are under way as the store has lanes, each over rooms of its own, as the appender does it. A batch has its
events in rooms drawn at random (`many`), or all in one (`one`).
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Final
from zlib import crc32

from bench.driving import Values
from bench.fleet.servers import Used
from madang.adapters.sql import Store, open_store
from madang.core.events import Appended, Draft, MessageSent, RoomCreated, draft
from madang.core.ids import IdSource

BATCHES: Final = (1, 10, 50, 100, 256)
ROOMS: Final = 500
LEASE_MS: Final = 3_600_000  # nothing renews it here
LIMIT: Final = 60_000  # events of one run, made beforehand


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def prepare(url: str) -> Store:
    """Open a database with ROOMS rooms in it; a node number is held."""
    store = await open_store(url, now_ms)
    lease = await store.acquire("bench", now_ms(), LEASE_MS)
    store.use_ids(IdSource(lease.node, lease.floor_ms))
    rooms = [
        draft(RoomCreated(title=f"g{n}", access="open", slow_ms=0), f"g{n}", f"user-g{n}", "Mina") for n in range(ROOMS)
    ]
    for n in range(0, ROOMS, 100):
        await store.append(rooms[n : n + 100])
    return store


async def measure(
    store: Store, batch: int, rooms: int, seconds: float, server: int | None, limit: int = LIMIT
) -> Values:
    """Append batches for a number of seconds, or until `limit` events were made.

    Args:
        rooms: how many rooms the events are spread over.
        server: process id of the database server; None where it is in this process.

    Raises:
        RuntimeError: something was not stored.
    """
    lanes = store.lanes
    work = [_batches(batch, lane, lanes, rooms, limit) for lane in range(min(lanes, rooms))]
    database = Used(server) if server is not None else None
    cpu, began = time.process_time(), time.perf_counter()
    over = began + seconds
    counts = await asyncio.gather(*(_append(store, lane, lambda: time.perf_counter() > over) for lane in work))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    stored = sum(counts)
    values = {"appends_s": stored / wall, "batches_s": stored / batch / wall, "node_us": cpu / stored * 1e6}
    if database is not None:
        values["database_us"] = database.seconds() / stored * 1e6
    return values


async def _append(store: Store, batches: Sequence[list[Draft]], over: Callable[[], bool]) -> int:
    stored = 0
    for drafts in batches:
        if over():
            break
        outcomes = await store.append(drafts)
        if not all(isinstance(outcome, Appended) and not outcome.duplicate for outcome in outcomes):
            raise RuntimeError(f"not stored: {outcomes}")
        stored += len(drafts)
    return stored


def _batches(size: int, lane: int, lanes: int, rooms: int, limit: int) -> Sequence[list[Draft]]:
    """Make batches of messages of 100 characters, in the rooms of one lane."""
    chance = random.Random()
    mine = [f"g{n}" for n in range(rooms) if rooms == 1 or crc32(b"g%d" % n) % lanes == lane]

    def one() -> Draft:
        room = chance.choice(mine)
        return draft(MessageSent(text="x" * 100), room, f"user-{room}", "Mina", cid=f"{chance.getrandbits(64):016x}")

    return [[one() for _ in range(size)] for _ in range(max(1, limit // lanes // size))]
