"""Consumers: a product's server reads every event of every room, at least once and in each room in order, however long it was away.

A consumer is a name under a server key. How far it is in each room is in the database, and moves only by what it acknowledges; so
it may go on at any node, and misses nothing, whatever ends. One connection reads for it at a time, the newest: what leads
that on is in `consuming.py`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Final, Literal, NamedTuple

from madang.core import user_ids
from madang.core.actors import Actor, need_server_key
from madang.core.consumers import Consumer
from madang.core.events import Event
from madang.core.metrics import Metric
from madang.errors import Refused
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.followers import Position
from madang.services.consuming import Consuming, Reader, Store, rest_s
from madang.services.failures import Failures

logger = logging.getLogger("madang.consumers")

READER: Final = "consumer reader"
"""The topic of the signal that a consumer has another reader, or none."""
ACKED: Final = "consumer acks"
"""The topic of the signal that a consumer has acknowledged something."""
PIECE: Final = 200
"""Positions written or removed in one transaction, which an append may have to wait for."""
KEPT_DAYS: Final = 30
"""How long a consumer is kept that is not here."""
FORGOTTEN: Final = 20
"""Such consumers removed at a time."""
DAY_MS: Final = 24 * 3600 * 1000
NOTED_S: Final = 3600.0
"""Between two notes that a consumer is here."""

Begin = Literal["now", "start"]


class Behind(NamedTuple):
    """How much a consumer has not acknowledged: events, and the rooms that they are of; where history ends, at most.

    Attributes:
        next: the last room that was looked at; "" behind the last there is.
    """

    events: int
    rooms: int
    next: str


class Consumers:
    """Use cases of server keys; Refused (forbidden) for whoever else asks.

    Args:
        clock_ms: Unix milliseconds.
        busy: returns whether appends wait, which go first.
        leads: returns whether this node is the one that removes old ones.
    """

    def __init__(
        self, store: Store, bus: Bus, clock_ms: Callable[[], int], busy: Callable[[], bool],
        leads: Callable[[], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self._store = store
        self._bus = bus
        self._clock_ms = clock_ms
        self._busy = busy
        self._leads = leads
        self._reading = set[Consuming]()
        self.events = 0
        self.acks = 0

    # -- what keys ask for ---------------------------------------------------------------------------------------------

    async def put(self, actor: Actor, name: str, begin: Begin) -> tuple[Consumer, bool]:
        """Return the consumer of a name, made if there is none, and whether it was (too_many).

        Args:
            begin: with all that there is ("start"), or with what comes behind this call ("now"). If this fails half-way, it is
                not there yet, and another call makes it.
        """
        key = _key(actor)
        found, now_ms = await self._store.consumer(key, name), self._clock_ms()
        if found and found.seen_ms:
            return found, False
        if found and begin == "start":
            await self._remove(key, name)
        made = await self._store.add_consumer(Consumer(key, name, now_ms, now_ms if begin == "start" else 0))
        if begin == "now":
            await self._skip_all(key, name)
            await self._store.note_consumer(key, name, self._clock_ms(), making=True)
        return await self._need(key, name), made or found is not None

    async def need(self, actor: Actor, name: str) -> None:
        """Raise Refused (not_found) unless a key has this consumer."""
        await self._need(_key(actor), name)

    async def _need(self, key: str, name: str) -> Consumer:
        found = await self._store.consumer(key, name)
        if found is None or not found.seen_ms:
            raise _missing()
        return found

    async def _skip_all(self, key: str, name: str) -> None:
        after = ""
        while rooms := await self._store.rooms_after(after, PIECE):
            began = perf_counter()
            after = rooms[-1].id
            heads = await self._store.heads([room.id for room in rooms])
            positions = {room.id: Position(room.epoch, heads[room.id]) for room in rooms if room.id in heads}
            await self._store.reach(key, name, positions, making=True)
            await asyncio.sleep(rest_s(perf_counter() - began, self._busy()))

    async def of(self, actor: Actor) -> list[Consumer]:
        """Return the consumers of a key, those being made too, which count."""
        return await self.of_key(_key(actor))

    async def drop(self, actor: Actor, name: str) -> None:
        """Remove a consumer, which ends what reads for it (not_found)."""
        await self.drop_of_key(_key(actor), name)

    async def _remove(self, key: str, name: str) -> None:
        """Remove what is kept of a consumer, a piece at a time; with the first it has no reader any longer."""
        more = await self._store.drop_consumer(key, name, PIECE)
        self._bus.signal(Signal(EVERYWHERE, READER, _id(key, name), b"0"))
        while more:
            more = await self._store.drop_consumer(key, name, PIECE)

    async def acknowledge(self, actor: Actor, name: str, positions: Sequence[tuple[str, int, str]]) -> None:
        """Note that a consumer has done with all events of some rooms up to a position each; what is of another epoch is not.

        Args:
            positions: each a room, a seq and the epoch of the room's log.

        Raises:
            Refused: not_found, without such a consumer; bad_field, for events that there are not yet.
        """
        key = _key(actor)
        await self._here(key, name)
        rooms = list({room for room, _, _ in positions})
        heads, reached = await self._store.heads(rooms), await self._store.reached(key, name, rooms)
        done = dict[str, Position]()
        for room, seq, epoch in positions:
            if room not in reached or reached[room].epoch != epoch:
                continue
            if seq > heads.get(room, 0):
                raise Refused("bad_field", f"ids: {room} has no event {seq} yet.")
            if room not in done or done[room].upto < seq:
                done[room] = Position(epoch, seq)
        moved = list(done.items())
        for at in range(0, len(moved), PIECE):
            await self._store.reach(key, name, dict(moved[at : at + PIECE]))
        self.acks += 1
        here = self._of(_id(key, name))
        for reading in here:
            reading.acked(done)
        if not here:
            self._bus.signal(Signal(EVERYWHERE, ACKED, _id(key, name), b"0"))

    async def _here(self, key: str, name: str) -> Consumer:
        """Return a consumer, and note that it is here, if that was not noted for NOTED_S (not_found)."""
        found, now_ms = await self._need(key, name), self._clock_ms()
        if now_ms - found.seen_ms >= NOTED_S * 1000:
            await self._store.note_consumer(key, name, now_ms)
        return found

    # -- what operators ask for -----------------------------------------------------------------------------------------

    async def of_key(self, key: str) -> list[Consumer]:
        """Return the consumers of a key by its id, those being made too, in order of their names."""
        return await self._store.consumers(key)

    async def drop_of_key(self, key: str, name: str) -> None:
        """Remove a consumer, which ends what reads for it (not_found)."""
        if await self._store.consumer(key, name) is None:
            raise _missing()
        await self._remove(key, name)

    async def behind(self, key: str, name: str, after: str, limit: int) -> Behind:
        """Return how far a consumer is behind in up to `limit` rooms, in order of their ids, after one (not_found)."""
        await self._need(key, name)
        rooms = [room.id for room in await self._store.rooms_after(after, limit)]
        reached = await self._store.reached(key, name, rooms)
        heads = await self._store.heads(rooms)  # asked last, so that nobody is ahead of them
        missing = [count for room, at in reached.items() if (count := heads.get(room, 0) - at.upto) > 0]
        return Behind(sum(missing), len(missing), rooms[-1] if len(rooms) == limit else "")

    # -- who reads -----------------------------------------------------------------------------------------------------

    async def open(self, actor: Actor, name: str, reader: Reader) -> Consuming:
        """Return what leads a consumer's connection on (not_found). Whoever read for it until now does no longer."""
        key = _key(actor)
        await self._here(key, name)
        if (consumer := await self._store.next_reader(key, name)) is None:
            raise _missing()
        self._bus.signal(Signal(EVERYWHERE, READER, _id(key, name), b"0"))
        reading = Consuming(self._store, consumer, reader, self._busy)
        self._reading.add(reading)
        return reading

    def close(self, reading: Consuming) -> None:
        """Let go of a connection that has ended."""
        reading.stop()
        self.events += reading.events
        self._reading.discard(reading)

    def another_reader(self, signal: Signal) -> None:
        """Take the word of a node, or this one, that a consumer has another reader, or none."""
        for reading in self._of(signal.key):
            reading.look_whether_it_reads()

    def acked(self, signal: Signal) -> None:
        """Take the word of a node that a consumer has acknowledged something there."""
        for reading in self._of(signal.key):
            reading.look_again()

    def _of(self, id: str) -> list[Consuming]:
        """Return what reads here for a consumer: what is no longer the newest is so for a moment more."""
        return [each for each in self._reading if _id(each.key, each.name) == id]

    # -- what happens --------------------------------------------------------------------------------------------------

    def committed(self, events: Sequence[Event]) -> None:
        """Learn of events that are in the log now."""
        if self._reading:
            self.heads_seen({event.room: event.seq for event in events})

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        """Learn how far rooms' logs reach."""
        for reading in self._reading:
            reading.mark_rooms(heads)

    async def run(self) -> None:
        """Note from time to time that those are here who are connected, and remove who was not for long, until cancelled."""
        failures = Failures(logger, "is not kept up")
        while True:
            await asyncio.sleep(NOTED_S)
            for reading in list(self._reading):
                with failures.survived(f"the consumer {reading.name}"):
                    await self._store.note_consumer(reading.key, reading.name, self._clock_ms())
            with failures.survived("the list of consumers"):
                if await self._leads():
                    await self.forget_old()
            failures.round_over()

    async def forget_old(self) -> None:
        """Remove consumers that were not here for KEPT_DAYS: of keys that are gone, too."""
        for each in await self._store.unseen_consumers(self._clock_ms() - KEPT_DAYS * DAY_MS, FORGOTTEN):
            await self._remove(each.key, each.name)

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        events = self.events + sum(reading.events for reading in self._reading)
        waiting = sum(reading.unacked for reading in self._reading)
        return [
            Metric("gauge", "madang_consumers", "Consumers of server keys connected here.", len(self._reading)),
            Metric("counter", "madang_consumer_events", "Events that they were sent.", events),
            Metric("counter", "madang_consumer_acks", "Requests that acknowledged some, here.", self.acks),
            Metric("gauge", "madang_consumer_unacked", "Events sent that they have not acknowledged.", waiting),
        ]


def _key(actor: Actor) -> str:
    need_server_key(actor)
    return user_ids.key_of(actor.id)


def _id(key: str, name: str) -> str:
    return f"{key}/{name}"


def _missing() -> Refused:
    return Refused("not_found", "There is no such consumer: make it first (PUT /api/consumers/{name}).")
