"""Following: leads a follower (`ports.followers`) on through every room's log, for as long as the node runs.

A commit of this node only marks its room, and keeps its events where there is room for them. A loop hands over what the marked
rooms have above the follower's positions, many rooms at a time, and reads from the log what was not kept; appends go first: it
rests as long as it has worked, and much longer while drafts wait in line.
What a mark missed (a crash, another node's crash, a follower that is new or was emptied) is found by a sweep, which compares
every room's newest seq and epoch with the follower's position. One node of the fleet sweeps; each leads on what it commits.
Two that lead the same room on do no harm: the follower keeps its positions, and takes only what leads on from them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from contextlib import suppress
from itertools import islice
from time import perf_counter
from typing import Final, Protocol

from madang.core.events import Event, RoomDeleted
from madang.core.metrics import Metric
from madang.ports.followers import Follower, Position, Stretch
from madang.ports.log import READ_BYTES, Log
from madang.ports.upkeep import Upkeep
from madang.services.failures import Failures
from madang.services.kept_events import KeptEvents

logger = logging.getLogger("madang.following")

ROOMS: Final = 64
"""Rooms that are read for one call of the follower."""
EVENTS: Final = 200
"""Events of a room in a call; a room that has more takes its turn again."""
TOGETHER: Final = 500
"""Events in a call."""
TOGETHER_BUSY: Final = 100
"""The same while appends wait: the loop was late by 0.4 ms on average in such a piece, by 1.3 ms in one of 500."""
FOUND_BUSY: Final = 8
"""Rooms whose position is found out for a call while appends wait: each takes a read of the log."""
GATHER_S: Final = 0.05
"""From a mark to the reading, so that one call has many messages."""
BUSY_RESTS: Final = 19
"""Times as long as it has worked that it rests while appends wait: it takes 5 % of the time then."""
REST_MOST_S: Final = 2.0
RETRY_S: Final = 1.0
"""After a round that failed, and between two looks at a room in which the follower waits."""
SWEEP_S: Final = 60.0
"""Between two walks through all rooms."""
SWEEP_AGAIN_S: Final = 2.0
"""After a walk that failed on its way."""
LOOK_S: Final = 10.0
"""Between two looks of a node that does not sweep whether it is to: one that was killed holds its place until its lease is over."""
SWEPT: Final = 200
"""Rooms compared at a time."""
SWEEP_PAUSE_S: Final = 0.2
NEAR: Final = 1_000
"""Events behind that a follower may be in all, while more come, and is level with the log."""
KNOWN: Final = 20_000
"""Rooms whose positions are kept in memory."""


class Store(Log, Upkeep, Protocol):
    """The log, and the list of its rooms."""


class Following:
    """Leads one follower on.

    Args:
        leads: returns whether this node is the one that sweeps.
        busy: returns whether appends wait.
        time: loop time, in seconds.
    """

    def __init__(
        self,
        store: Store,
        follower: Follower,
        leads: Callable[[], Awaitable[bool]],
        busy: Callable[[], bool],
        time: Callable[[], float],
    ) -> None:
        self._store = store
        self._follower = follower
        self._leads = leads
        self._busy = busy
        self._time = time
        self._marked: set[str] = set()
        self._marked_at = 0.0  # the first of them
        self._resting: set[str] = set()  # in which the follower waits: they are not marked for RETRY_S
        self._working_at: float | None = None  # what `_marked_at` was of those that are being led on
        self._wake = asyncio.Event()
        self._due = asyncio.Event()  # a sweep
        self._caught_up = asyncio.Event()  # but for a few rooms
        self._known: dict[str, Position] = {}
        self._kept = KeptEvents()
        self._failures = Failures(logger, "is not followed")
        self._events = 0
        self._far = 0  # events behind, in the last walk
        self.swept = 0
        """Walks through all rooms that have come to their end."""

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        name = ("follower", self._follower.name)
        return [
            Metric(
                "counter", "madang_followed_events", "Events that a follower of the log has had.", self._events, name
            ),
            Metric("gauge", "madang_follower_rooms_behind", "Rooms that wait for a follower.", self.behind, name),
            Metric("gauge", "madang_follower_lag_seconds", "How long the first of these has waited.", self.lag, name),
            Metric(
                "gauge",
                "madang_follower_kept_bytes",
                "Events that wait in memory for a follower.",
                self._kept.bytes,
                name,
            ),
        ]

    @property
    def lag(self) -> float:
        """How long the first room that waits has waited, in seconds."""
        if self._working_at is not None:
            return self._time() - self._working_at
        return self._time() - self._marked_at if self._marked else 0.0

    def committed(self, events: Sequence[Event]) -> None:
        """Mark the rooms of events that are in the log now."""
        for event in events:
            self._kept.add(event)
        self._mark([event.room for event in events])

    def _mark(self, rooms: Iterable[str]) -> None:
        rooms = [room for room in rooms if room not in self._resting]
        if rooms and not self._marked:
            self._marked_at = self._time()
            self._wake.set()
        self._marked.update(rooms)

    def _rest_in(self, rooms: Set[str]) -> None:
        self._resting |= rooms
        self._marked -= rooms
        asyncio.get_running_loop().call_later(RETRY_S, self._rested, rooms)

    def _rested(self, rooms: Set[str]) -> None:
        self._resting -= rooms
        self._mark(rooms)

    @property
    def behind(self) -> int:
        """How many rooms wait, as far as this node knows."""
        return len(self._marked) + len(self._resting)

    @property
    def level(self) -> bool:
        """Whether the last walk has found all rooms begun, and no more than NEAR events missing."""
        return self.swept > 0 and self._far <= NEAR

    def sweep_now(self) -> None:
        """Begin the next walk through all rooms at once, if this node is the one that sweeps."""
        self._due.set()

    async def run(self) -> None:
        """Lead on what is marked, until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            marked, self._marked, self._working_at = self._marked, set(), self._marked_at
            while marked and await self._ready():
                rooms = set(islice(marked, ROOMS))
                marked -= rooms
                began = perf_counter()
                failed = True
                with self._failures.survived("a room"):
                    await self._lead_on(rooms)
                    failed = False
                if failed:
                    for room in rooms:
                        self._known.pop(room, None)
                    self._mark(rooms)
                    await asyncio.sleep(RETRY_S)
                self._failures.round_over()
                await self._rest(perf_counter() - began)
            for room in marked:  # it is not ready; a sweep will find them
                self._kept.let_go(room)
            self._working_at = None
            if len(self._marked) <= SWEPT:
                self._caught_up.set()

    async def _ready(self) -> bool:
        with self._failures.survived("a room"):
            return await self._follower.ready()
        return True  # what is wrong shows when it is led on

    async def _rest(self, worked: float) -> None:
        await asyncio.sleep(min(worked, REST_MOST_S))
        rested = worked
        while self._busy() and rested < min(BUSY_RESTS * worked, REST_MOST_S):
            await asyncio.sleep(worked)
            rested += worked

    async def _lead_on(self, rooms: set[str]) -> None:
        busy = self._busy()
        unknown = [room for room in rooms if room not in self._known]
        later = set(unknown[FOUND_BUSY:] if busy else ())
        await self._find([room for room in unknown if room not in later])
        stretches: list[Stretch] = []
        left = set(rooms)
        room_for = TOGETHER_BUSY if busy else TOGETHER
        for room in rooms - later:
            position = self._known.get(room)
            left.discard(room)
            if position is None:
                self._kept.let_go(room)
                continue
            most = min(EVENTS, room_for)
            found = self._kept.take(room, position.upto, most) or await self._store.read(room, position.upto, most)
            if found:
                stretches.append(Stretch(room, position, found))
                room_for -= len(found)
                if len(found) == most or sum(len(event.body) for event in found) > READ_BYTES:
                    left.add(room)
            if room_for <= 0:
                break
        if stretches:
            left |= await self._hand_over(stretches)
        if left:
            self._mark(left)

    async def _hand_over(self, stretches: Sequence[Stretch]) -> Set[str]:
        """Hand over, and return the rooms that must be looked at again at once."""
        again = await self._follower.take(stretches)
        if again.waiting:
            self._rest_in(again.waiting)
        elsewhere = again.moved | again.waiting
        ended = set[str]()
        for room, position, events in ((each.room, each.position, each.events) for each in stretches):
            if room in elsewhere:
                self._known.pop(room, None)
                continue
            self._events += len(events)
            self._known[room] = Position(position.epoch, events[-1].seq)
            if events[-1].type == RoomDeleted.type:
                ended.add(room)
        await self._forget(ended)
        return again.moved

    async def _find(self, rooms: Sequence[str]) -> None:
        """Find out where the follower is in some rooms; it forgets those that are deleted."""
        if not rooms:
            return
        if len(self._known) > KNOWN:
            self._known.clear()
        positions = await self._follower.positions(rooms)
        gone = set[str]()
        for room in rooms:
            tail = await self._store.tail(room, 0)
            if tail is None:
                gone.add(room)
                continue
            epoch, position = self._follower.epoch(tail.epoch), positions.get(room)
            if position is None or position.epoch != epoch:
                position = Position(epoch, 0)
            self._known[room] = position
        await self._forget(gone)

    async def _forget(self, rooms: set[str]) -> None:
        if rooms:
            for room in rooms:
                self._known.pop(room, None)
            await self._follower.forget(list(rooms))

    async def sweep(self) -> None:
        """Mark what is behind, in walks through all rooms, until cancelled."""
        failures = Failures(logger, f"is not compared with {self._follower.name}")
        while True:
            again_s = SWEEP_AGAIN_S
            with failures.survived("the log"):
                again_s = await self._swept()
            failures.round_over()
            self._due.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(again_s):
                    await self._due.wait()

    async def _swept(self) -> float:
        """Walk through all rooms, if this node is the one that does, and return after how many seconds to look again."""
        if not (await self._leads() and await self._follower.ready()):
            return LOOK_S
        await self._walk()
        self.swept += 1
        return SWEEP_S

    async def _walk(self) -> None:
        after, far = "", 0
        while rooms := await self._store.rooms_after(after, SWEPT):
            after = rooms[-1].id
            alive = {room.id: self._follower.epoch(room.epoch) for room in rooms if not room.deleted}
            heads = await self._store.heads(list(alive))
            positions = await self._follower.positions([room.id for room in rooms])
            behind = {
                room for room, epoch in alive.items() if positions.get(room) != Position(epoch, heads.get(room, 0))
            }
            for room in behind:
                self._known.pop(room, None)
                position = positions.get(room, Position("", 0))
                begun = position.epoch == alive[room]
                far += heads.get(room, 0) - position.upto if begun else NEAR + 1
            self._mark(behind)
            await self._forget({room.id for room in rooms if room.deleted and room.id in positions})
            await self._paused()
        self._far, after = far, ""
        while followed := await self._follower.rooms_after(after, SWEPT):
            after = followed[-1]
            there = await self._store.heads(followed)
            await self._forget({room for room in followed if room not in there})
            await self._paused()

    async def _paused(self) -> None:
        """Wait until what was found is mostly done: whatever is behind, no more of it is marked than a few hundred rooms."""
        await asyncio.sleep(SWEEP_PAUSE_S if self.swept else 0)
        if len(self._marked) > SWEPT:
            self._caught_up.clear()
            await self._caught_up.wait()
