"""The bus over Redis pub/sub: one connection that listens, one that publishes, each renewed when it fails.

Pub/sub drops what a node is not there to hear, and what it hears too slowly. That is allowed: the log is the truth. What
must not happen is to go deaf without knowing. So a connection that ends, a channel that was confirmed late and a probe
that does not come back all make the hub compare its rooms with the log.
"""

import asyncio
import logging
import random
import secrets
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from madang.adapters.parcels import Content, Forged, Seal
from madang.adapters.redis import connecting
from madang.adapters.redis.channels import Channels
from madang.adapters.redis.connecting import TROUBLE
from madang.core.events import Event
from madang.ports.bus import EVERYWHERE, Receiver, Signal, Statistics

logger = logging.getLogger("madang.redis")

MAX_WAITING: Final = 10_000
"""Events that wait to be published; above it the oldest go."""
MAX_SIGNALS: Final = 2_000
"""Signals that wait, last value per key; above it new ones go, but for those EVERYWHERE."""
PARCEL_EVENTS: Final = 1_000
PARCEL_BYTES: Final = 2**20
"""A parcel is closed when it has so many events, or so many bytes of them."""
SUBSCRIBED_S: Final = 1.0
"""How long a room's opening waits for Redis. After that the room opens without; the hub hears of it when it is done."""
PROBE_EVERY_S: Final = 10.0
PROBE_S: Final = 5.0
HEARTBEAT_S: Final = 1.0
"""The longest single wait for a message; shorter than the socket's own patience, which would count as a failure."""
BACKOFF_S: Final = 0.1
MAX_BACKOFF_S: Final = 5.0


class RedisBus:
    """Carries events and signals between the nodes of one installation.

    Args:
        url: see `connecting`.
        strategy: one of `channels.STRATEGIES`; the same on every node.
        secret: the installation's, of which channel names and signatures are derived.
        node: this node's name, unique in the fleet.
    """

    def __init__(self, url: str, strategy: str, secret: bytes, node: str) -> None:
        self.statistics = Statistics()
        self._place = connecting.place(url)
        self._redis: Redis = connecting.client(url)
        self._seal = Seal(secret, node)
        self._channels = Channels(strategy, f"madang:{self._seal.name}:")
        self._probes = f"madang:{self._seal.name}:probe:{node}"
        self._receiver: Receiver | None = None
        self._events: deque[Event] = deque(maxlen=MAX_WAITING)
        self._signals: dict[tuple[str, str, str], Signal] = {}
        self._wake = asyncio.Event()
        self._pubsub: PubSub | None = None  # while it listens
        self._confirmed: set[str] = set()
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._probing: dict[bytes, asyncio.Future[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._ailing: set[str] = set()  # what has been logged as failing, until it works again

    @property
    def installation(self) -> str:
        """The name that this installation's keys and channels begin with."""
        return self._seal.name

    @property
    def local(self) -> bool:
        return False

    async def start(self, receiver: Receiver) -> None:
        await connecting.check(self._redis, self._place)
        self._receiver = receiver
        listening = self._awaited[self._probes] = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(part()) for part in (self._listen, self._publish, self._watch)]
        await asyncio.wait([listening], timeout=connecting.ANSWER_S)

    async def stop(self) -> None:
        self._receiver = None
        while self._tasks:  # redis-py loses a cancellation that meets an answer
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=0.1)
            self._tasks = [task for task in self._tasks if not task.done()]
        with suppress(*TROUBLE):
            await self._redis.aclose()

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        self.statistics.dropped += max(0, len(self._events) + len(events) - MAX_WAITING)
        self._events.extend(events)
        self._wake.set()

    def signal(self, signal: Signal) -> None:
        key = signal.room, signal.topic, signal.key
        if len(self._signals) < MAX_SIGNALS or key in self._signals or signal.room == EVERYWHERE:
            self._signals[key] = signal
            self._wake.set()
        else:
            self.statistics.dropped += 1

    async def _publish(self) -> None:
        """Publish what waits. What gathers while one call is under way goes out with the next: no timer, no task each."""
        failed = 0
        while True:
            await self._wake.wait()
            if not self._events and not self._signals:
                self._wake.clear()
                continue
            parcels = self._parcels()
            try:
                async with self._redis.pipeline(transaction=False) as calls:
                    for channel, rooms in parcels.items():
                        calls.publish(channel, self._seal.pack(rooms))
                    await calls.execute()
                failed = 0
                self.statistics.parcels += len(parcels)
                self.statistics.published += sum(
                    len(content.events) for rooms in parcels.values() for content in rooms.values()
                )
                self._works("publishing")
            except TROUBLE as error:  # the other nodes find in the log what they were not told
                self._fails("publishing", error)
                self.statistics.failures += 1
                self.statistics.dropped += sum(
                    len(content.events) + len(content.signals)
                    for rooms in parcels.values()
                    for content in rooms.values()
                )
                failed += 1
                await asyncio.sleep(_pause(failed))

    def _parcels(self) -> dict[str, dict[str, Content]]:
        """Take what goes into the next call: by channel, then by room."""
        parcels: dict[str, dict[str, Content]] = {}
        size = count = 0
        while self._events and count < PARCEL_EVENTS and size < PARCEL_BYTES:
            event = self._events.popleft()
            self._content(parcels, event.room).events.append(event)
            size += len(event.body)
            count += 1
        signals, self._signals = self._signals, {}
        for signal in signals.values():
            self._content(parcels, signal.room).signals.append(signal)
        return parcels

    def _content(self, parcels: dict[str, dict[str, Content]], room: str) -> Content:
        rooms = parcels.setdefault(self._channels.of(room), {})
        return rooms.setdefault(room, Content([], []))

    # -- in ------------------------------------------------------------------------------------------------------------

    async def subscribe(self, room: str) -> None:
        self._channels.add(room)
        channel = self._channels.of(room)
        if channel in self._confirmed:
            return
        confirmed = self._awaited.get(channel)
        if confirmed is None:
            confirmed = self._awaited[channel] = asyncio.get_running_loop().create_future()
            await self._tell("subscribe", channel)
        await asyncio.wait([confirmed], timeout=SUBSCRIBED_S)

    async def unsubscribe(self, room: str) -> None:
        if channel := self._channels.drop(room):
            self._confirmed.discard(channel)
            self._forget(channel)
            await self._tell("unsubscribe", channel)

    async def _tell(self, command: str, channel: str) -> None:
        if self._pubsub is not None:  # else it is told when it listens again
            with suppress(*TROUBLE):
                await getattr(self._pubsub, command)(channel)

    async def _listen(self) -> None:
        """Listen; after a failure, again. Whoever was deaf for a moment tells the hub."""
        failed = 0
        while True:
            pubsub = self._redis.pubsub()
            try:
                await pubsub.subscribe(self._probes, *self._channels.wanted)
                self._pubsub = pubsub
                while True:
                    message = await pubsub.get_message(timeout=HEARTBEAT_S)
                    if message is not None:
                        self._hear(message)
                        failed = 0
            except TROUBLE as error:
                self._fails("listening", error)
                self.statistics.failures += 1
            finally:
                self._pubsub = None
                self._confirmed.clear()
                with suppress(*TROUBLE):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            failed += 1
            await asyncio.sleep(_pause(failed))

    def _hear(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] == "subscribe":
            self._confirm(channel)
        elif message["type"] != "message":
            return
        elif channel == self._probes:
            if (probe := self._probing.pop(message["data"], None)) is not None and not probe.done():
                probe.set_result(None)
        else:
            self._deliver(message["data"])

    def _confirm(self, channel: str) -> None:
        if channel == self._probes:
            self._works("listening")
        elif channel in self._channels.wanted:
            self._confirmed.add(channel)
        awaited = self._awaited.pop(channel, None)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)
        elif self._receiver is not None:
            self._receiver.doubt()  # nobody waited: it was listened to before, and for a while it was not

    def _forget(self, channel: str) -> None:
        if (awaited := self._awaited.pop(channel, None)) is not None and not awaited.done():
            awaited.set_result(None)

    def _deliver(self, parcel: bytes) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        try:
            for content in self._seal.open(parcel, self._channels.rooms):
                if content.events:
                    self.statistics.received += len(content.events)
                    receiver.receive(content.events)
                for signal in content.signals:
                    receiver.signal(signal)
            self._works("understanding the others")
        except Forged:
            self.statistics.refused += 1
            self._fails("understanding the others", "a parcel that is not of this installation was passed over")

    # -- liveness ------------------------------------------------------------------------------------------------------

    async def probe(self) -> bool:
        word = secrets.token_bytes(16)
        heard = self._probing[word] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PROBE_S), self._redis.pipeline(transaction=False) as calls:
                calls.execute_command("ROLE")
                calls.publish(self._probes, word)
                role, _ = await calls.execute()
                # A primary that was demoted still takes what is published, and passes it on to nobody.
                if role[0] not in (b"master", "master"):
                    return False
                await heard
            return True
        except TROUBLE:
            return False
        finally:
            self._probing.pop(word, None)

    async def _watch(self) -> None:
        """Probe now and then; what does not come back was not heard by anybody, so begin anew."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            if not await self.probe():
                self.statistics.failures += 1
                self._fails("probing", "what this node publishes does not come back; it connects anew")
                await self._redis.connection_pool.disconnect(inuse_connections=True)
            else:
                self._works("probing")

    def _fails(self, what: str, error: object) -> None:
        """Log trouble once, until it is over."""
        if what not in self._ailing:
            self._ailing.add(what)
            logger.warning("Redis at %s: %s fails: %s", self._place, what, error)

    def _works(self, what: str) -> None:
        if what in self._ailing:
            self._ailing.discard(what)
            logger.info("Redis at %s: %s works again", self._place, what)


def _pause(failed: int) -> float:
    """Seconds until the next try, jittered, so that the nodes of a fleet do not come back in step."""
    return random.uniform(0.5, 1) * min(MAX_BACKOFF_S, BACKOFF_S * 2.0 ** min(failed, 10))  # noqa: S311  # no secret
