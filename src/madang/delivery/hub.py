"""The hub: the rooms that live on this node. It opens them, feeds them events in log order, and lets go of them.

The bus may lose, repeat and reorder events; the log may not. So the hub drops what a room has had, and leaves what came
early, and what is missing, to `gaps.py`. Joining is in `joining.py`, writing in `room.py` and `scheduler.py`, catching
up in `catching_up.py`.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from madang.aio import SingleFlight
from madang.core.events import Event
from madang.core.metrics import Metric
from madang.delivery.catching_up import CatchingUp
from madang.delivery.ephemeral import Ephemeral, read, reports, tell, typing
from madang.delivery.gaps import HELD, HELD_BYTES, Gaps
from madang.delivery.papers.hub import PaperHub
from madang.delivery.presence import PresenceKeeper
from madang.delivery.reader import READ, LogReader
from madang.delivery.room import QUEUED, LiveRoom
from madang.delivery.scheduler import Scheduler
from madang.delivery.statistics import DeliveryStatistics
from madang.delivery.subscriber import Subscriber
from madang.delivery.tail import Tails
from madang.delivery.turns import Turns
from madang.delivery.watching import TOPIC, Watching
from madang.memory import Memory
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.directory import Directory
from madang.ports.log import Log
from madang.ports.presence import Presence

logger = logging.getLogger("madang.hub")

LINGER_S: Final = 60.0  # how long a room nobody follows stays in memory
SWEEP_S: Final = 10.0  # between two sweeps for rooms nobody follows
CHECK_S: Final = 30.0  # between two checks against the log without a reason, on a node among several
PAUSE_S: Final = 0.5  # between two checks at least, however many reasons there are
AGAIN_S: Final = 1.0  # from a check for a reason to the next: what it was about may have been under way still
QUIET_ABOVE: Final = 200  # live subscribers of a room above which joins are told as a range, not one by one


class _Opening:
    """What comes for a room while it is being opened: the newest events, up to HELD and HELD_BYTES, and heads.

    The others are in the log.
    """

    __slots__ = ("early", "head", "size")

    def __init__(self) -> None:
        self.early: deque[Event] = deque()
        self.size = 0
        self.head = 0

    def keep(self, event: Event) -> None:
        """Keep an event until the room is open."""
        self.early.append(event)
        self.size += len(event.body)
        while len(self.early) > HELD or self.size > HELD_BYTES:
            self.size -= len(self.early.popleft().body)


class Hub:
    """All live rooms of one node. Single-threaded: every method is called in the event loop.

    Attributes:
        rooms: the live rooms by id.
        opening: the rooms that are being opened.
        heads_told: called with how far other nodes' commits reach, in whatever rooms.
    """

    def __init__(
        self,
        log: Log,
        directory: Directory,
        bus: Bus,
        presence: Presence,
        turns: Turns,
        memory: Memory,
        *,
        quiet_above: int = QUIET_ABOVE,
    ) -> None:
        self._directory = directory
        self._bus = bus
        self._turns = turns
        self._open_flights: SingleFlight[LiveRoom | None] = SingleFlight()
        self._empty_since: dict[str, float] = {}
        self._topics: dict[str, Callable[[Signal], None]] = {}
        self._failed_topics: set[str] = set()  # of which a signal was not handled, and that has been logged
        self._check_asked = asyncio.Event()
        self.quiet_above = quiet_above
        self.rooms: dict[str, LiveRoom] = {}
        self.opening: dict[str, _Opening] = {}
        self.statistics = DeliveryStatistics()
        self.tails = Tails(memory)
        self.reader = LogReader(log, self.statistics)
        self.catching_up = CatchingUp(self.rooms, self.reader, turns, self.statistics)
        self.scheduler = Scheduler(self.catching_up.advance_all)
        self.gaps = Gaps(self.rooms, self.reader, self.scheduler, turns, self.statistics, quiet_above)
        self.presence = PresenceKeeper(presence, bus, self.rooms, tell)
        self.ephemeral = Ephemeral(self.rooms, self.scheduler, self.statistics, self.presence)
        self.watching = Watching(directory, self.reader, bus)
        self.on_signal(TOPIC, self.watching.receive)
        self.heads_told: list[Callable[[Mapping[str, int]], None]] = []
        self.papers: PaperHub | None = None  # gets what the bus brings of papers

    # -- what comes ----------------------------------------------------------------------------------------------------

    def receive(self, events: Sequence[Event]) -> None:
        """Accept events in any order, perhaps again; deliver what is next in its room. Part of `ports.bus.Receiver`."""
        now = self._turns.time()
        rooms = self.rooms
        gaps = self.gaps
        open_gaps = gaps.open
        for event in events:
            room = rooms.get(event.room)
            if room is None:
                if event.room in self.opening:
                    self.opening[event.room].keep(event)
                elif self.papers is not None:
                    self.papers.arrived(event)
            elif event.seq == room.next:
                try:
                    room.accept(event, self.quiet_above)
                    if open_gaps and room in open_gaps:
                        gaps.release(room)
                except Exception as error:  # one room must not cost the others their events
                    logger.error("room %s did not take event %s", room.info.id, event.seq, exc_info=error)
                    gaps.fill(room)
                if room.turn is not QUEUED:
                    if room.events_pending or room.batches:
                        self.scheduler.touch(room, now)
                    else:
                        self.scheduler.touch_lazily(room)
            elif event.seq < room.next:
                self.statistics.duplicates += 1
            else:
                gaps.hold(room, event)
        self.scheduler.run()

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        """Read from the log what rooms lack of it. Part of `ports.bus.Receiver`."""
        self.watching.heads_seen(heads)
        for each in self.heads_told:
            each(heads)
        for name, seq in heads.items():
            room = self.rooms.get(name)
            if room is not None:
                self.gaps.reaches(room, seq)
            elif (opening := self.opening.get(name)) is not None:
                opening.head = max(opening.head, seq)
            elif self.papers is not None:
                self.papers.reaches(name, seq)

    def signal(self, signal: Signal) -> None:
        """Handle an ephemeral notice of another node. Part of `ports.bus.Receiver`."""
        handle = self.ephemeral.receive if signal.room != EVERYWHERE else self._topics.get(signal.topic)
        try:
            if handle is not None:
                handle(signal)
        except msgspec.MsgspecError:  # from a later version, as are topics without a handler
            self.statistics.ephemeral_dropped += 1
        except Exception as error:  # one signal must not cost the others what came with it
            self.statistics.ephemeral_dropped += 1
            if signal.topic not in self._failed_topics:
                self._failed_topics.add(signal.topic)
                logger.error(
                    "a signal (%s) was not handled; others of its topic are only counted", signal.topic, exc_info=error
                )

    def on_signal(self, topic: str, handler: Callable[[Signal], None]) -> None:
        """Call `handler` with each signal of a topic that is for every node (EVERYWHERE), this node's own included."""
        self._topics[topic] = handler

    def announce(self, signal: Signal) -> None:
        """Tell an ephemeral notice of this node to its subscribers and to the other nodes."""
        self.ephemeral.receive(signal)
        self._bus.signal(signal)

    def tell_typing(self, room: str, user: str, name: str | None) -> None:
        """Tell a room's followers on all nodes that a user types, or has stopped. Part of `ports.live.LiveRooms`."""
        self.announce(typing(room, user, name))

    def tell_reports(self, room: str, messages: int) -> None:
        """Tell a room's moderators on all nodes how many messages have open reports. Part of `ports.live.LiveRooms`."""
        self.announce(reports(room, messages))

    def tell_read(self, room: str, user: str, seq: int) -> None:
        """Tell a room's followers on all nodes how far a user has read. Part of `ports.live.LiveRooms`."""
        self.announce(read(room, user, seq))
        self.watching.touch(user, room)

    def pointers_written(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        """Learn that pointers (room, user, seq) are in the directory. Part of `ports.live.LiveRooms`."""
        self.watching.tell_others((user, room) for room, user, _ in pointers)

    def check_soon(self) -> None:
        """Check the log soon: it may have events that nobody has told this node, and nobody will."""
        self._check_asked.set()

    async def check(self) -> None:
        """Compare every room that is live or watched with the log, and read what the bus has lost."""
        self.statistics.checks += 1
        names = list({**self.rooms, **self.watching.rooms})
        for start in range(0, len(names), READ):
            self.heads_seen(await self.reader.heads(names[start : start + READ]))

    async def catch_up(self, room: LiveRoom) -> None:
        """Make sure a room has what is in its log by now. On a node that is alone it has."""
        if not self._bus.local:
            await self.gaps.catch_up(room)

    # -- rooms ---------------------------------------------------------------------------------------------------------

    async def open(self, room: str) -> LiveRoom | None:
        """Return a live room, opening it if need be: once, however many ask. None when there is no such room."""
        if (live := self.rooms.get(room)) is not None:
            self._empty_since[room] = self._turns.time()  # whoever asks is about to follow it
            return live
        return await self._open_flights.do(room, lambda: self._open(room))

    async def _open(self, name: str) -> LiveRoom | None:
        """Subscribe first, then read the log, then accept what came meanwhile: never a hole."""
        opening = self.opening[name] = _Opening()
        room: LiveRoom | None = None
        try:
            await self._bus.subscribe(name)
            tail = await self.reader.tail(name)
            # Behind the tail: read before it, a change of the settings might be in neither.
            info = await self._directory.room(name) if tail else None
            if info is not None and tail is not None:
                room = self.rooms[name] = LiveRoom(info, tail.epoch, tail.seq, tail.events, self.statistics, self.tails)
                self._empty_since[name] = self._turns.time()
        finally:
            del self.opening[name]
            if room is None:  # there is no such room, or it could not be read
                await self._bus.unsubscribe(name)
        if room is not None:
            self.receive(tuple(opening.early))
            self.heads_seen({name: opening.head})
        return room

    async def sweep(self) -> None:
        """Let go of rooms that nobody has followed for LINGER_S."""
        now = self._turns.time()
        for name, room in list(self.rooms.items()):
            room.tail.shorten()
            if room.live or room.lagging or room.batches or room in self.gaps.open:
                self._empty_since[name] = now
            elif now - self._empty_since.get(name, now) > LINGER_S:
                del self.rooms[name]
                self.tails.remove(room.tail)
                del self._empty_since[name]
                await self._bus.unsubscribe(name)
                if name in self.rooms or name in self.opening:  # opened again meanwhile
                    await self._bus.subscribe(name)
                    if (again := self.rooms.get(name)) is not None:
                        self.gaps.fill(again)

    # -- subscribers ---------------------------------------------------------------------------------------------------

    def pause(self, subscriber: Subscriber) -> None:
        """Stop writing events to a subscriber: it is over its byte budget."""
        for name, subscription in subscriber.subscriptions.items():
            if (room := self.rooms.get(name)) is not None:
                room.lag(subscription)

    def resume(self, subscriber: Subscriber) -> None:
        """Continue from a subscriber's position: it is under its byte budget again."""
        self.catching_up.resume(subscriber)

    def close(self, subscriber: Subscriber) -> None:
        """Take a subscriber out of all rooms: its connection is gone."""
        for name, subscription in subscriber.subscriptions.items():
            if (room := self.rooms.get(name)) is not None:
                room.detach(subscription)
                self.presence.leave(name, subscription.user, subscriber.device)
        subscriber.subscriptions.clear()
        self.watching.close(subscriber)

    def rename(self, subscriber: Subscriber, name: str) -> None:
        """Let a subscriber's user be present by another name from now on."""
        for room, subscription in subscriber.subscriptions.items():
            if subscription.until is None:
                subscription.name = name
                self.presence.enter(room, subscription.user, name, subscriber.device)

    def access_ended(self, room: str, user: str, device: str) -> None:
        """Take a device of a user who left or was kicked off what the room sees of them: presence, and typing."""
        self.presence.leave(room, user, device)
        if (room, user) in self.ephemeral.typing:
            self.announce(typing(room, user, None))

    # -- upkeep --------------------------------------------------------------------------------------------------------

    def metrics(self) -> list[Metric]:
        """Return what the hub and its parts count."""
        return [
            Metric("gauge", "madang_rooms", "Rooms live on this node.", len(self.rooms)),
            Metric("gauge", "madang_rooms_due", "Rooms waiting for their turn to be written.", self.scheduler.backlog),
            *self.tails.metrics(),
            *self.statistics.metrics(),
        ]

    async def watch(self) -> None:
        """Sweep, and check the log when asked to and, on a node among several, anyway. Runs until cancelled."""
        seldom = math.inf if self._bus.local else CHECK_S
        now = self._turns.time()
        sweep_at, check_at = now + SWEEP_S, now + seldom
        failing = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(sweep_at, check_at)):
                    await self._check_asked.wait()
            now = self._turns.time()
            asked = self._check_asked.is_set()
            self._check_asked.clear()
            try:
                if asked or now >= check_at:
                    await self.check()
                    check_at = now + (AGAIN_S if asked else seldom)
                if now >= sweep_at:
                    await self.sweep()
                    sweep_at = now + SWEEP_S
                failing = False
            except Exception as error:
                if not failing:
                    logger.warning("rooms not checked against the log: %s", error)
                failing = True
                if asked:
                    self._check_asked.set()
            took_s = self._turns.time() - now
            await asyncio.sleep(max(PAUSE_S, took_s))  # many rooms or a slow log: half the time at most
