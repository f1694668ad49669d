"""What the operator's page shows of a node, second by second: the last 15 minutes, and what is busy or slow just now.

A second costs some ten subtractions. Rooms and sockets are only looked at while somebody has asked for it within WATCHED_S.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from heapq import nlargest
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from madang import __version__
from madang.services.appender_statistics import TIMES_S
from madang.transports.node import Node

KEPT: Final = 15 * 60  # seconds
OVER: Final = 10  # seconds that percentiles are taken over
WATCHED_S: Final = 10.0
SHOWN: Final = 10  # rooms, and as many sockets


class Second(NamedTuple):
    """One second of a node. Times are in milliseconds; None where nothing was appended."""

    at: int  # Unix seconds
    sockets: int
    stored: int
    deliveries: int
    errors: int
    waiting: int
    p50: float | None
    p99: float | None


class BusyRoom(msgspec.Struct, frozen=True):
    """A room, its events of the last second, and the sockets that follow it here."""

    id: str
    title: str
    events: int
    sockets: int


class SlowReader(msgspec.Struct, frozen=True):
    """A socket that is behind in a room: by how many events, and whether it has not taken what was written."""

    room: str
    user: str
    name: str
    behind: int
    full: bool


class Operation(msgspec.Struct, frozen=True):
    """The seconds after the one asked for, and the present."""

    node: str
    version: str
    started: int  # Unix seconds
    seconds: Sequence[Second]
    rooms: Sequence[BusyRoom]
    slow: Sequence[SlowReader]
    batches: Sequence[tuple[int, int]]  # at most this many drafts: how many batches in the time that is kept
    errors: Mapping[str, int]  # since the start


class _Counted(NamedTuple):
    """Counters as they stood at the end of a second."""

    stored: int
    deliveries: int
    errors: int
    times: tuple[int, ...]
    batches: tuple[int, ...]


class Watch:
    """Watches a node; its timing wheel calls `tick` every second."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._started = int(node.now())
        self._seconds: deque[Second] = deque(maxlen=KEPT)
        self._counted: deque[_Counted] = deque([self._count()], maxlen=KEPT + 1)
        self._asked_at = -WATCHED_S
        self._heads: dict[str, int] = {}
        self._rooms: list[BusyRoom] = []

    def since(self, second: int) -> Operation:
        """Return what has come after a second, and what is now."""
        self._asked_at = self._node.turns.time()
        batches = self._counted[-1].batches
        before = self._counted[0].batches
        return Operation(
            self._node.name, __version__, self._started, [each for each in self._seconds if each.at > second], self._rooms,
            self._slow(), [(1 << power, now - then) for power, (now, then) in enumerate(zip(batches, before, strict=True))],
            self._errors(),
        )  # fmt: skip

    def tick(self) -> float:
        """Close a second; return when to do so again."""
        node, counted = self._node, self._count()
        last = self._counted[-1]
        self._counted.append(counted)
        before = self._counted[max(0, len(self._counted) - 1 - OVER)].times
        times = [now - then for now, then in zip(counted.times, before, strict=True)]
        after = self._seconds[-1].at + 1 if self._seconds else 0  # the clock may step back
        self._seconds.append(
            Second(
                max(int(node.now()), after), node.admission.open, counted.stored - last.stored, counted.deliveries - last.deliveries,
                counted.errors - last.errors, node.appender.waiting, percentile(times, 0.5), percentile(times, 0.99),
            )
        )  # fmt: skip
        if node.turns.time() - self._asked_at < WATCHED_S:
            self._look()
        elif self._heads:
            self._heads, self._rooms = {}, []
        return 1.0

    def _count(self) -> _Counted:
        appends, delivered = self._node.appender.statistics, self._node.hub.statistics
        errors = sum(self._errors().values())
        return _Counted(appends.stored, delivered.deliveries, errors, tuple(appends.times), tuple(appends.batches))

    def _errors(self) -> dict[str, int]:
        node = self._node
        appends = node.appender.statistics
        return {
            "failed": appends.failed,
            "overloaded": appends.overloaded,
            "turned_away": node.admission.turned_away,
            "connections": sum(node.gate.connections.refused.values()),
            "requests": node.gate.refused,
        }

    def _look(self) -> None:
        """Find the rooms with the most events of this second."""
        rooms = self._node.hub.rooms
        heads = {id: room.next for id, room in rooms.items()}
        grown = ((head - self._heads.get(id, head), id) for id, head in heads.items())
        busy = nlargest(SHOWN, (each for each in grown if each[0] > 0))
        self._heads = heads
        self._rooms = [BusyRoom(id, rooms[id].info.title, events, rooms[id].sockets) for events, id in busy]

    def _slow(self) -> list[SlowReader]:
        """Return the sockets that are furthest behind."""
        behind = (
            (room.next - 1 - one.position, room.info.id, one) for room in self._node.hub.rooms.values() for one in room.lagging
        )  # fmt: skip
        return [
            SlowReader(room, one.user, one.name, lacks, one.subscriber.paused)
            for lacks, room, one in nlargest(SHOWN, behind, key=lambda each: each[:2])
        ]


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Return in milliseconds what a share of batches took at most, by their counts for each of TIMES_S; None of no batch."""
    total = sum(counts)
    if not total:
        return None
    bound = next(bound for bound, upto in zip(TIMES_S, accumulate(counts), strict=True) if upto >= share * total)
    return bound * 1000
