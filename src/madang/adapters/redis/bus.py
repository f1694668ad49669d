"""The bus over Redis pub/sub: one connection that listens, one that publishes, each renewed when it fails.

Pub/sub drops what a node is not there to hear, and what it hears too slowly. That is allowed: the log is the truth. What
must not happen is to go deaf without knowing. So a connection that ends, a channel that was confirmed late and a probe
that does not come back all make the hub compare its rooms with the log.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from madang.adapters.outgoing import Ailments, Outgoing, pause
from madang.adapters.parcels import Content, Forged, Seal
from madang.adapters.redis import connecting
from madang.adapters.redis.channels import Channels
from madang.adapters.redis.connecting import TROUBLE
from madang.aio import cancelled
from madang.core.events import Event
from madang.ports.bus import Receiver, Signal, Statistics

logger = logging.getLogger("madang.redis")

SUBSCRIBED_S: Final = 1.0
"""How long a room's opening waits for Redis. After that the room opens without; the hub hears of it when it is done."""
PROBE_EVERY_S: Final = 10.0
PROBE_S: Final = 5.0
HEARTBEAT_S: Final = 1.0
"""The longest single wait for a message; shorter than the socket's own patience, which would count as a failure."""


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
        self._outgoing = Outgoing(self.statistics)
        self._pubsub: PubSub | None = None  # while it listens
        self._confirmed: set[str] = set()
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._probing: dict[bytes, asyncio.Future[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._ailments = Ailments(logger, f"Redis at {self._place}")

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
        await cancelled(self._tasks)
        with suppress(*TROUBLE):
            await self._redis.aclose()

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        self._outgoing.publish(events)

    def signal(self, signal: Signal) -> None:
        self._outgoing.signal(signal)

    async def _publish(self) -> None:
        """Publish what waits. What gathers while one call is under way goes out with the next: no timer, no task each."""
        failed = 0
        while True:
            events, signals = await self._outgoing.take()
            parcels = self._parcels(events, signals)
            try:
                async with self._redis.pipeline(transaction=False) as calls:
                    for channel, rooms in parcels.items():
                        calls.publish(channel, self._seal.pack(rooms))
                    await calls.execute()
                failed = 0
                self.statistics.parcels += len(parcels)
                self.statistics.published += len(events)
                self._ailments.works("publishing")
            except TROUBLE as error:  # the other nodes find in the log what they were not told
                self._ailments.fails("publishing", error)
                self.statistics.failures += 1
                self.statistics.dropped += len(events) + len(signals)
                failed += 1
                await asyncio.sleep(pause(failed))

    def _parcels(self, events: Sequence[Event], signals: Sequence[Signal]) -> dict[str, dict[str, Content]]:
        """Sort by channel, then by room."""
        parcels: dict[str, dict[str, Content]] = {}
        for event in events:
            self._content(parcels, event.room).events.append(event)
        for signal in signals:
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
                self._ailments.fails("listening", error)
                self.statistics.failures += 1
            finally:
                self._pubsub = None
                self._confirmed.clear()
                with suppress(*TROUBLE):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            failed += 1
            await asyncio.sleep(pause(failed))

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
            self._ailments.works("listening")
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
            self._ailments.works("understanding the others")
        except Forged:
            self.statistics.refused += 1
            self._ailments.fails(
                "understanding the others", "a parcel that is not of this installation was passed over"
            )

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
                self._ailments.fails("probing", "what this node publishes does not come back; it connects anew")
                await self._redis.connection_pool.disconnect(inuse_connections=True)
            else:
                self._ailments.works("probing")
