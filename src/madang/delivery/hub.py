"""The hub: the rooms that live on this node. It opens them, feeds them events in log order, and fills gaps from the log.

The bus may lose, repeat and reorder; the log may not. So the hub drops what a room has had, holds what came early, and
reads from the log what is missing. Joining and catching up stand in `joining.py`; who is written to and when, in
`room.py` and `scheduler.py`.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from madang.aio import Batcher, NextFlight, SingleFlight, cancelled
from madang.core.events import Event
from madang.delivery.ephemeral import Ephemeral, tell
from madang.delivery.presence import PresenceKeeper
from madang.delivery.room import TAIL, LiveRoom
from madang.delivery.scheduler import Scheduler
from madang.delivery.subscriber import Statistics, Subscriber
from madang.errors import StorageError
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.directory import Directory
from madang.ports.log import Log
from madang.ports.presence import Presence

logger = logging.getLogger("madang.hub")

HELD: Final = 1000  # early events a room keeps while its gap is filled; beyond it they are read from the log
READ: Final = 500  # events per log read
RETRY_S: Final = 0.05  # before a read that gave nothing is made again; doubled each time
RETRIES: Final = 5
LINGER_S: Final = 60.0  # how long a room nobody follows stays in memory
SWEEP_S: Final = 10.0  # between two looks for rooms that nobody follows
CHECK_S: Final = (
    30.0  # how often a node among several compares its rooms with the log, whatever it has heard (`heartbeat.py`)
)
DOUBT_S: Final = 0.5  # between two such looks at least, however much there is to doubt
AGAIN_S: Final = 1.0  # after a look for a reason, until the next: what was doubted may have been under way still
QUIET_ABOVE: Final = 200  # live sockets of a room above which joins of others are told as a range, not one by one


class Hub:
    """All live rooms of one node. Single-threaded: every method is called in the event loop."""

    def __init__(
        self, log: Log, directory: Directory, bus: Bus, presence: Presence, *, quiet_above: int = QUIET_ABOVE
    ) -> None:
        self._log = log
        self._directory = directory
        self._bus = bus
        self.quiet_above = quiet_above
        self._loop = asyncio.get_running_loop()
        self._opening: SingleFlight[LiveRoom | None] = SingleFlight()
        self._reading: NextFlight[list[Event]] = NextFlight()
        self._heads: Batcher[str, int] = Batcher(log.heads, READ)
        self._early: dict[str, deque[Event]] = {}  # of rooms being opened; the newest HELD, the log has the others
        self._early_heads: dict[str, int] = {}  # of rooms being opened
        self._empty_since: dict[str, float] = {}
        self._unflushed: list[Subscriber] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._doubted = asyncio.Event()
        self.rooms: dict[str, LiveRoom] = {}
        self._topics: dict[str, Callable[[Signal], None]] = {}
        self.statistics = Statistics()
        self.on_written: Callable[[LiveRoom], None] = lambda room: None  # joining.py: those behind go on
        self.scheduler = Scheduler(self._loop, lambda room: self.on_written(room))
        self.presence = PresenceKeeper(presence, bus, self.rooms, tell)
        self.ephemeral = Ephemeral(self._loop, self.rooms, self.scheduler, self.statistics, self.presence)

    # -- events in -----------------------------------------------------------------------------------------------------

    def receive(self, events: Sequence[Event]) -> None:
        """Take events in any order, perhaps again; deliver what is next in its room. Part of `ports.bus.Receiver`."""
        now = self._loop.time()
        rooms = self.rooms
        for event in events:
            room = rooms.get(event.room)
            if room is None:
                if event.room in self._early:
                    self._early[event.room].append(event)
            elif event.seq == room.next:
                try:
                    room.accept(event, self.quiet_above)
                    if room.held:
                        self._release(room)
                except Exception as error:  # one room must not cost the others their events
                    logger.error("room %s did not take event %s", room.info.id, event.seq, exc_info=error)
                    self._fill(room)
                if not room.queued:
                    if room.events_pending or room.batches:
                        self.scheduler.touch(room, now)
                    else:
                        self.scheduler.touch_lazily(room)
            elif event.seq < room.next:
                self.statistics.duplicates += 1
            else:
                if len(room.held) < HELD:
                    room.held[event.seq] = event
                self._fill(room)
        self.scheduler.run()

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        """Read from the log what rooms lack of it. Part of `ports.bus.Receiver`."""
        for name, seq in heads.items():
            room = self.rooms.get(name)
            if room is not None:
                if seq >= room.next:
                    room.head = max(room.head, seq)
                    self._fill(room)
            elif name in self._early:
                self._early_heads[name] = max(self._early_heads.get(name, 0), seq)

    def signal(self, signal: Signal) -> None:
        """Take an ephemeral notice of another node. Part of `ports.bus.Receiver`."""
        take = self.ephemeral.receive if signal.room != EVERYWHERE else self._topics.get(signal.topic)
        try:
            if take is not None:
                take(signal)
        except msgspec.MsgspecError:  # as is a topic that nobody takes: said by a later version
            self.statistics.ephemeral_dropped += 1

    def on_signal(self, topic: str, handler: Callable[[Signal], None]) -> None:
        """Call `handler` with each signal of a topic that is for every node (EVERYWHERE), this node's own included."""
        self._topics[topic] = handler

    def announce(self, signal: Signal) -> None:
        """Tell an ephemeral notice of this node to its sockets and to the other nodes."""
        self.ephemeral.receive(signal)
        self._bus.signal(signal)

    def time(self) -> float:
        """Loop time in seconds, as rates and ticks count it."""
        return self._loop.time()

    def _release(self, room: LiveRoom) -> None:
        while (event := room.held.pop(room.next, None)) is not None:
            room.accept(event, self.quiet_above)

    def _fill(self, room: LiveRoom) -> None:
        if not room.filling:
            room.filling = True
            self.spawn(self._fill_from_log(room))

    async def _fill_from_log(self, room: LiveRoom) -> None:
        """Read what is missing until nothing is held back. A log that does not answer is asked again."""
        self.statistics.gaps += 1
        failed = 0  # reads in a row that gave nothing
        try:
            while self.rooms.get(room.info.id) is room:
                try:
                    events = await self.read(room.info.id, room.next - 1, READ)
                except StorageError as error:
                    logger.warning("room %s waits for the log: %s", room.info.id, error)
                    failed = min(failed + 1, RETRIES)
                    await asyncio.sleep(RETRY_S * 2**failed)
                    continue
                for event in events:
                    if event.seq == room.next:
                        room.accept(event, self.quiet_above)
                self._release(room)
                for seq in [s for s in room.held if s < room.next]:
                    del room.held[seq]
                self.touch(room)
                missing = bool(room.held) or room.head >= room.next
                if len(events) < READ and not missing:
                    return
                failed = 0 if events else failed + 1
                if failed > RETRIES:
                    logger.error("room %s: the log does not have event %s", room.info.id, room.next)
                    room.held.clear()  # of another history; what is real, `check` finds
                    room.head = room.next - 1
                    return
                if failed:  # announced but not readable yet: replicas may trail
                    await asyncio.sleep(RETRY_S * 2**failed)
        finally:
            room.filling = False

    async def fill_to(self, room: LiveRoom, seq: int) -> bool:
        """Read the log until the room holds `seq`; False when the log itself does not reach it."""
        if (await self._heads.get(room.info.id) or 0) < seq:
            return False
        return await self._reach(room, seq)

    async def current(self, room: LiveRoom) -> None:
        """See that a room has what its log has by now, whatever the bus has lost or is late with. A lone node knows."""
        if not self._bus.local:
            await self._reach(room, await self._heads.get(room.info.id) or 0)

    async def _reach(self, room: LiveRoom, seq: int) -> bool:
        while room.next <= seq:
            before = room.next
            for event in await self.read(room.info.id, before - 1, READ):
                if event.seq == room.next:
                    room.accept(event, self.quiet_above)
            self.touch(room)
            if room.next == before:
                return False
        return True

    def touch(self, room: LiveRoom) -> None:
        """See that what the room has pending goes out."""
        self.scheduler.touch(room, self._loop.time())
        self.scheduler.run()

    def check_soon(self) -> None:
        """Look soon: the log may have events that nobody has told this hub, and nobody will."""
        self._doubted.set()

    async def check(self) -> None:
        """Compare every live room with the log and fill what the bus lost at the end."""
        self.statistics.checks += 1
        names = list(self.rooms)
        for start in range(0, len(names), 500):
            self.heads_seen(await self._log.heads(names[start : start + 500]))

    # -- rooms ---------------------------------------------------------------------------------------------------------

    async def open(self, room: str) -> LiveRoom | None:
        """Give a live room, opening it if need be: once, however many ask. None when there is no such room."""
        if (live := self.rooms.get(room)) is not None:
            self._empty_since[room] = self._loop.time()  # whoever asks is about to follow it
            return live
        return await self._opening.do(room, lambda: self._open(room))

    async def _open(self, name: str) -> LiveRoom | None:
        """Subscribe first, then read the log, then take what came meanwhile: never a hole."""
        self._early[name] = deque(maxlen=HELD)
        try:
            await self._bus.subscribe(name)
            self.statistics.log_reads += 1
            tail = await self._log.tail(name, TAIL)
            info = await self._directory.room(name) if tail else None  # behind the tail, or a change may be in neither
            if info is None or tail is None:
                return None
            room = self.rooms[name] = LiveRoom(info, tail.epoch, tail.seq, tail.events, self.statistics)
            self._empty_since[name] = self._loop.time()
            early = self._early.pop(name)
            head = self._early_heads.pop(name, 0)
        finally:
            self._early_heads.pop(name, None)
            if self._early.pop(name, None) is not None:  # there is no such room, or it could not be read
                await self._bus.unsubscribe(name)
        self.receive(tuple(early))
        self.heads_seen({name: head})
        return room

    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        """Read the log; equal reads at one time are one read."""
        return await self._reading.do((room, after, limit), lambda: self._read(room, after, limit))

    def _read(self, room: str, after: int, limit: int) -> Coroutine[Any, Any, list[Event]]:
        self.statistics.log_reads += 1
        return self._log.read(room, after, limit)

    async def sweep(self) -> None:
        """Let go of rooms that nobody has followed for LINGER_S."""
        now = self._loop.time()
        for name, room in list(self.rooms.items()):
            room.shorten()
            if room.live or room.lagging or room.batches or room.filling:
                self._empty_since[name] = now
            elif now - self._empty_since.get(name, now) > LINGER_S:
                del self.rooms[name]
                del self._empty_since[name]
                await self._bus.unsubscribe(name)
                if name in self.rooms or name in self._early:  # opened again meanwhile
                    await self._bus.subscribe(name)
                    if (again := self.rooms.get(name)) is not None:
                        self._fill(again)

    # -- sockets -------------------------------------------------------------------------------------------------------

    def pause(self, subscriber: Subscriber) -> None:
        """A socket is over its byte budget: its rooms stop writing to it, and note where it stands."""
        for name, subscription in subscriber.subscriptions.items():
            if (room := self.rooms.get(name)) is not None:
                room.lag(subscription)

    def close(self, subscriber: Subscriber) -> None:
        """A socket is gone."""
        for name, subscription in subscriber.subscriptions.items():
            if (room := self.rooms.get(name)) is not None:
                room.detach(subscription)
                self.presence.leave(name, subscription.user, subscriber.device)
        subscriber.subscriptions.clear()

    def later(self, call: Callable[[], None]) -> None:
        """Run something behind what the current callback still writes."""
        self._loop.call_soon(call)

    def at_end_of_turn(self, subscriber: Subscriber) -> None:
        """Flush a subscriber once this turn of the loop has given it everything: one system call, not one per frame."""
        if not self._unflushed:
            self._loop.call_soon(self._flush)
        self._unflushed.append(subscriber)

    def _flush(self) -> None:
        subscribers, self._unflushed = self._unflushed, []
        for subscriber in subscribers:
            subscriber.flush()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something that belongs to the hub and ends with it."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("delivery task failed", exc_info=error)

    async def watch(self) -> None:
        """Keep house until cancelled: forget idle rooms; look into the log when in doubt, and among several nodes anyway."""
        seldom = math.inf if self._bus.local else CHECK_S
        now = self._loop.time()
        sweep_at, check_at = now + SWEEP_S, now + seldom
        failing = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(sweep_at, check_at)):
                    await self._doubted.wait()
            now = self._loop.time()
            doubted = self._doubted.is_set()
            self._doubted.clear()
            try:
                if doubted or now >= check_at:
                    await self.check()
                    check_at = now + (AGAIN_S if doubted else seldom)
                if now >= sweep_at:
                    await self.sweep()
                    sweep_at = now + SWEEP_S
                failing = False
            except Exception as error:
                if not failing:
                    logger.warning("rooms not checked against the log: %s", error)
                failing = True
                if doubted:
                    self._doubted.set()
            took_s = self._loop.time() - now
            await asyncio.sleep(max(DOUBT_S, took_s))  # many rooms or a slow log: half the time at most

    async def stop(self) -> None:
        """End the hub's own tasks."""
        await cancelled(self._tasks)
