"""Consuming: leads the one connection of a consumer on through every room's log (`consumers.py`).

Rooms of which there is something new are marked: by this node's commits, and by what other nodes tell of theirs. What no mark told, a
walk through all rooms finds, at the beginning and every WALK_S. A marked room is read from where the consumer is: from what
this connection was sent, or else from what was acknowledged. Nothing else is kept, and of what was sent no more is ahead of the
acknowledgements than WINDOW events.
The consumer's row says by a number which of its connections reads: whatever another one finds in the log it does not send.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from time import perf_counter
from typing import Final, Protocol, TypeVar

from madang.core.consumers import Consumer
from madang.core.events import Event
from madang.ports.consumers import ConsumerStore, Reached
from madang.ports.followers import Position
from madang.ports.log import READ_BYTES, Log
from madang.ports.upkeep import Upkeep
from madang.services.failures import Failures

logger = logging.getLogger("madang.consumers")
T = TypeVar("T")

WINDOW: Final = 1_000
"""Events sent and not acknowledged; at that no more are sent."""
GATHER_S: Final = 0.02
"""From a mark to the reading, so that one read has many events."""
ROOMS: Final = 64
"""Rooms whose positions are looked up at a time."""
EVENTS: Final = 200
"""Events of a room in a read; a room that has more takes its turn again."""
MARKED: Final = 20_000
"""Rooms marked; above that all are forgotten, and found by a walk."""
WALK_S: Final = 60.0
WALKED: Final = 200
"""Rooms compared at a time; the walk waits while that many are marked."""
PAUSE_S: Final = 0.05
LOOK_S: Final = 1.0
"""Between two looks whether this is the newest connection: the word that it is not may be lost."""
RETRY_S: Final = 1.0
BUSY_RESTS: Final = 4
"""Times as long as the store has worked that it rests while appends wait."""
REST_MOST_S: Final = 1.0


def rest_s(worked: float, busy: bool) -> float:
    """Return how many seconds to rest after the store has worked some, by whether appends wait."""
    return min(worked * (BUSY_RESTS if busy else 1), REST_MOST_S)


class Store(Log, Upkeep, ConsumerStore, Protocol):
    """The log, the list of its rooms, and who reads all of them."""


class Reader(Protocol):
    """The connection of a consumer."""

    def tell(self, event: Event, epoch: str) -> None:
        """Write an event."""

    def reset(self, room: str, epoch: str) -> None:
        """Write that a room's log is another one, and comes from its beginning."""

    async def drained(self) -> None:
        """Wait until there is room to write."""

    def replaced(self) -> None:
        """End: another connection reads for the consumer."""

    def removed(self) -> None:
        """End: there is no such consumer any longer."""


class Consuming:
    """One connection of a consumer.

    Args:
        consumer: as it was when this became its reader.
        busy: returns whether appends wait.

    Attributes:
        unacked: events sent and not acknowledged.
        events: events sent.
    """

    def __init__(self, store: Store, consumer: Consumer, reader: Reader, busy: Callable[[], bool]) -> None:
        self._store = store
        self.key = consumer.key
        self.name = consumer.name
        self._consumer = consumer
        self._reader = reader
        self._busy = busy
        self.unacked = 0
        self.events = 0
        self._sent: dict[str, Position] = {}  # in rooms where not all is acknowledged
        self._done: dict[str, int] = {}  # up to which it is, there
        self._marked: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._walk_now = asyncio.Event()
        self._look_now = asyncio.Event()  # whether this is the newest connection
        self._caught_up = asyncio.Event()  # but for a few rooms
        self._moved = asyncio.Event()  # by acknowledgements
        self._worked = 0.0  # seconds that the store has worked since the last rest
        self._failures = Failures(logger, "is not read for a consumer")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to write to the reader."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._lead()), loop.create_task(self._walk()), loop.create_task(self._look())]

    def stop(self) -> None:
        """Write nothing more."""
        for task in self._tasks:
            task.cancel()

    def mark_rooms(self, rooms: Iterable[str]) -> None:
        """Learn that there may be something new in rooms."""
        self._marked.update(dict.fromkeys(rooms))
        if len(self._marked) > MARKED:
            self._marked.clear()
            self._walk_now.set()
        self._wake.set()

    def acked(self, positions: Mapping[str, Position]) -> None:
        """Learn what the consumer has acknowledged."""
        for room, position in positions.items():
            sent = self._sent.get(room)
            if sent is None or sent.epoch != position.epoch:
                continue
            done = max(self._done[room], min(position.upto, sent.upto))
            self.unacked -= done - self._done[room]
            self._done[room] = done
            if done == sent.upto:
                del self._sent[room], self._done[room]
        self._moved.set()

    def look_whether_it_reads(self) -> None:
        """Learn that another connection may be the newest, or the consumer gone."""
        self._look_now.set()

    def look_again(self) -> None:
        """Learn that something was acknowledged at another node."""
        if self.unacked >= WINDOW:
            self._moved.set()

    # -- loops ---------------------------------------------------------------------------------------------------------

    async def _lead(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            while self._marked:
                rooms = list(islice(self._marked, ROOMS))
                for room in rooms:
                    del self._marked[room]
                if failed := await self._give(rooms):
                    self.mark_rooms(failed)
                    await asyncio.sleep(RETRY_S)
                self._failures.round_over()
                if len(self._marked) < WALKED:
                    self._caught_up.set()
                worked, self._worked = self._worked, 0.0
                await asyncio.sleep(rest_s(worked, self._busy()))
            self._caught_up.set()  # if all marks were forgotten meanwhile

    async def _walk(self) -> None:
        while True:
            failed, after = True, ""
            with self._failures.survived("the list of rooms"):
                while rooms := await self._store.rooms_after(after, WALKED):
                    after = rooms[-1].id
                    names = [room.id for room in rooms]
                    heads = await self._store.heads(names)
                    reached = await self._store.reached(self.key, self.name, names)
                    self.mark_rooms(
                        room for room, at in reached.items() if at.position != Position(at.epoch, heads.get(room, 0))
                    )
                    await asyncio.sleep(PAUSE_S)
                    if len(self._marked) >= WALKED:
                        self._caught_up.clear()
                        await self._caught_up.wait()
                failed = False
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S if failed else WALK_S):
                    await self._walk_now.wait()
            self._walk_now.clear()

    async def _look(self) -> None:
        reads = True
        while reads:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._look_now.wait()
            self._look_now.clear()
            with self._failures.survived("the row of the consumer"):
                reads = await self._reads()

    async def _reads(self) -> bool:
        """Return whether this is the connection that reads for the consumer, and end it if not."""
        found, mine = await self._store.consumer(self.key, self.name), self._consumer
        if found is None or not found.seen_ms or found.made_ms != mine.made_ms:
            self._reader.removed()
        elif found.reader != mine.reader:
            self._reader.replaced()
        else:
            return True
        return False

    # -- rooms ---------------------------------------------------------------------------------------------------------

    async def _give(self, rooms: list[str]) -> set[str]:
        """Write what is new in some rooms, a read of each; return those that could not be read."""
        failed = set(rooms)
        with self._failures.survived("the database"):
            sent = dict(self._sent)  # before the look-up: what is acknowledged meanwhile may be in neither
            reached = await self._timed(self._store.reached(self.key, self.name, rooms))
            if not await self._timed(self._reads()):  # asked last: what was found is of when it did
                return set()
            for room in rooms:
                with self._failures.survived(f"room {room}"):
                    if room in reached:
                        await self._give_of(room, reached[room], sent.get(room))
                    failed.remove(room)
        return failed

    async def _timed(self, work: Awaitable[T]) -> T:
        began = perf_counter()
        try:
            return await work
        finally:
            self._worked += perf_counter() - began

    async def _give_of(self, room: str, at: Reached, sent: Position | None) -> None:
        known = [position for position in (at.position, sent) if position is not None]
        upto = max((position.upto for position in known if position.epoch == at.epoch), default=0)
        if known and all(position.epoch != at.epoch for position in known):
            self._forget(room)
            self._reader.reset(room, at.epoch)
        events = await self._timed(self._store.read(room, upto, EVENTS))
        for event in events:
            await self._space()
            if (last := self._sent.get(room)) is None:
                self._done[room] = event.seq - 1
            else:
                self._done[room] += event.seq - 1 - last.upto  # what was erased in between is not waited for
            self._reader.tell(event, at.epoch)
            self._sent[room] = Position(at.epoch, event.seq)
            self.unacked += 1
            self.events += 1
        if len(events) == EVENTS or sum(len(event.body) for event in events) > READ_BYTES:
            self.mark_rooms([room])

    def _forget(self, room: str) -> None:
        if (sent := self._sent.pop(room, None)) is not None:
            self.unacked -= sent.upto - self._done.pop(room)

    async def _space(self) -> None:
        """Wait until another event may be sent: until enough is acknowledged, and the socket takes it."""
        while self.unacked >= WINDOW:
            self._moved.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S):
                    await self._moved.wait()
            if self.unacked >= WINDOW:  # what was acknowledged at another node
                found = await self._store.reached(self.key, self.name, list(self._sent))
                self.acked({room: at.position for room, at in found.items() if at.position is not None})
        await self._reader.drained()
