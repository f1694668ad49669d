"""Between this node and one Redis server: one connection that listens, one that publishes, each renewed when it fails.

What the parcels hold, and which server carries which of them, is the bus's.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby, islice
from typing import Any, Final, NamedTuple, Protocol

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ClusterDownError, MovedError, TryAgainError

from madang.adapters.bus.outgoing import Ailments, Outgoing, pause
from madang.adapters.bus.redis import connecting
from madang.adapters.bus.redis.connecting import TROUBLE
from madang.aio import cancelled
from madang.core.events import Event
from madang.ports.bus import Signal, Statistics

logger = logging.getLogger("madang.redis")

SUBSCRIBED_S: Final = 1.0
"""How long a room's opening waits for Redis. After that the room opens without; the hub hears of it when it is done."""
PROBE_EVERY_S: Final = 2.0
PROBE_S: Final = 5.0
HEARTBEAT_S: Final = 1.0
"""The longest single wait for a message; shorter than the socket's own patience, which would count as a failure."""
TRIES: Final = 5
"""Times a parcel is sent, until it is left to the log. With the pauses between them that outlasts most failovers."""
SUBSCRIPTIONS: Final = 512
"""Channels named in one command."""
_ASTRAY: Final = (MovedError, ClusterDownError, TryAgainError)


class Parcel(NamedTuple):
    """What goes out in one message; how many events and signals are in it, and how often it was tried to send it."""

    partition: int
    channel: str
    body: bytes
    events: int
    signals: int
    tries: int = 0


class Desk(Protocol):
    """What a line says to the bus. Called in the event loop; none of it waits."""

    def pack(self, events: Sequence[Event], signals: Sequence[Signal]) -> list[Parcel]:
        """Make parcels."""

    def deliver(self, parcel: bytes) -> None:
        """Take a parcel that came."""

    def again(self, parcels: Iterable[Parcel]) -> None:
        """Take parcels that could not be sent here, to send them where their channels are now."""

    def astray(self) -> None:
        """Look anew which server carries what."""

    def check_soon(self) -> None:
        """Learn that something may not have been heard."""


class Line:
    """Publishes to one server and listens to it.

    Args:
        client: of the server; the line closes it.
        desk: the bus.
        place: the server, for people.
        home: a partition that this server carries; when it does so no more, the line has to end.
        probes: the channel on which the line hears itself, in the slot of that partition.
        sharded: whether the server is of a Cluster.
        statistics: of the bus.
    """

    def __init__(
        self, client: Redis, desk: Desk, place: str, home: int, probes: str, *, sharded: bool, statistics: Statistics
    ) -> None:
        self.home = home
        self._redis = client
        self._desk = desk
        self._probes = probes
        self._verb = "s{}" if sharded else "{}"
        self._statistics = statistics
        self._outgoing = Outgoing(statistics)
        self._again: deque[Parcel] = deque()  # at most what each line has in one call
        self._ready = asyncio.Event()
        self._pubsub: PubSub | None = None  # while it listens
        self._wanted: set[str] = {probes}
        self._asked: set[str] = set()  # for, on this connection; an answer has come or is on its way
        self._confirmed: set[str] = set()
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._probing: dict[bytes, asyncio.Future[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._ailments = Ailments(logger, f"Redis at {place}")

    def start(self) -> None:
        """Begin."""
        self._awaited[self._probes] = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(part()) for part in (self._listen, self._publish, self._watch)]

    async def listening(self) -> None:
        """Wait until it listens, or until that takes too long."""
        if (confirmed := self._awaited.get(self._probes)) is not None:
            await asyncio.wait([confirmed], timeout=PROBE_S)

    async def stop(self) -> list[Parcel]:
        """End; gives what was to be sent and was not."""
        await cancelled(self._tasks)
        await connecting.close(self._redis)
        left = list(self._again)
        while self._outgoing.waiting:
            left += self._desk.pack(*await self._outgoing.take())
        return left

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        self._outgoing.publish(events)
        self._ready.set()

    def signal(self, signal: Signal) -> None:
        self._outgoing.signal(signal)
        self._ready.set()

    def resend(self, parcels: Iterable[Parcel]) -> None:
        """Send what another line could not, before what waits."""
        self._again.extend(parcels)
        self._ready.set()

    async def _publish(self) -> None:
        """Publish what waits. What gathers while one call is under way goes out with the next: no timer, no task each."""
        failed = 0
        while True:
            await self._ready.wait()
            if self._again:
                parcels = list(self._again)
                self._again.clear()
            elif self._outgoing.waiting:
                parcels = self._desk.pack(*await self._outgoing.take())
            else:
                self._ready.clear()
                continue
            if await self._sent(parcels):
                failed = 0
                self._ailments.works("publishing")
            else:
                failed += 1
                await asyncio.sleep(pause(failed))

    async def _sent(self, parcels: Sequence[Parcel]) -> bool:
        """Send parcels in one call; those that did not go are returned to the desk. False: none went."""
        answers: Sequence[Any]
        try:
            async with self._redis.pipeline(transaction=False) as calls:
                for parcel in parcels:
                    calls.execute_command(self._verb.format("publish").upper(), parcel.channel, parcel.body)
                answers = await calls.execute(raise_on_error=False)
        except TROUBLE as error:
            answers = [error] * len(parcels)
        except asyncio.CancelledError:
            self._again.extend(parcels)
            raise
        left: list[Parcel] = []
        for parcel, answer in zip(parcels, answers, strict=True):
            if isinstance(answer, BaseException):
                left.append(parcel._replace(tries=parcel.tries + 1))
            else:
                self._statistics.parcels += 1
                self._statistics.published += parcel.events
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, MovedError):  # which is nobody's failure
                self._ailments.fails("publishing", answer)
                self._statistics.failures += 1
                break
        if left:
            self._desk.again(left)
        return len(left) < len(parcels)

    # -- in ------------------------------------------------------------------------------------------------------------

    async def subscribe(self, channels: Iterable[str]) -> None:
        """Listen to channels; returns when they are confirmed, or after SUBSCRIBED_S, and then the hub hears of it later."""
        loop = asyncio.get_running_loop()
        unknown = [channel for channel in channels if channel not in self._confirmed]
        new = [channel for channel in unknown if channel not in self._awaited]
        for channel in new:
            self._wanted.add(channel)
            self._awaited[channel] = loop.create_future()
        awaited = [self._awaited[channel] for channel in unknown]
        if new:
            await self._tell("subscribe", new)
        if awaited:
            await asyncio.wait(awaited, timeout=SUBSCRIBED_S)
            for channel, future in zip(unknown, awaited, strict=True):
                if not future.done() and self._awaited.get(channel) is future:
                    del self._awaited[channel]

    def want(self, channels: Iterable[str]) -> None:
        """Listen to channels from the next `renew` on."""
        self._wanted.update(channels)

    async def renew(self) -> None:
        """Listen to what is wanted and is not listened to."""
        await self._tell("subscribe", [channel for channel in self._wanted if channel not in self._asked])

    async def unsubscribe(self, channels: Iterable[str]) -> None:
        """Listen no more to channels."""
        known = [channel for channel in channels if channel in self._wanted]
        for channel in known:
            self._wanted.discard(channel)
            self._confirmed.discard(channel)
            self._heard(self._awaited.pop(channel, None))
        await self._tell("unsubscribe", known)

    async def _tell(self, verb: str, channels: Sequence[str]) -> None:
        if self._pubsub is not None:  # else it is told when it listens again
            with suppress(*TROUBLE):
                await self._command(self._pubsub, verb, channels)

    async def _command(self, pubsub: PubSub, verb: str, channels: Sequence[str]) -> None:
        """Tell the server of channels: in one command those of a slot, up to SUBSCRIPTIONS."""
        tell = getattr(pubsub, self._verb.format(verb))
        (self._asked.update if verb == "subscribe" else self._asked.difference_update)(channels)
        for _, group in groupby(sorted(channels, key=self._slot), key=self._slot):
            while some := list(islice(group, SUBSCRIPTIONS)):
                await tell(*some)

    def _slot(self, channel: str) -> str:
        """Give what the channels of one slot have in common; a single server has one for all."""
        return channel.partition("}")[0] if self._verb == "s{}" else ""

    async def _listen(self) -> None:
        """Listen; after a failure, again. Whoever was deaf for a moment tells the hub."""
        failed = 0
        while True:
            pubsub = self._redis.pubsub()
            try:
                await self._command(pubsub, "subscribe", list(self._wanted))
                self._pubsub = pubsub
                await self.renew()  # what was wanted meanwhile
                while True:
                    try:
                        message = await pubsub.get_message(timeout=HEARTBEAT_S)
                    except _ASTRAY as error:  # the answer to one of them; the connection is well
                        self._asked = set(self._confirmed)
                        self._ailments.fails("subscribing", error)
                        self._desk.astray()
                        continue
                    if message is not None:
                        self._hear(message)
                        failed = 0
            except TROUBLE as error:
                self._ailments.fails("listening", error)
                self._statistics.failures += 1
            finally:
                self._pubsub = None
                self._asked.clear()
                self._confirmed.clear()
                with suppress(*TROUBLE):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            failed += 1
            self._desk.astray()
            await asyncio.sleep(pause(failed))

    def _hear(self, message: Mapping[str, Any]) -> None:
        kind = message["type"].removeprefix("s") if self._verb == "s{}" else message["type"]
        channel = message["channel"].decode()
        if kind == "subscribe":
            self._confirm(channel)
        elif kind == "unsubscribe":
            if channel in self._confirmed:  # the server's doing: it carries the channel no more
                self._confirmed.discard(channel)
                self._asked.discard(channel)
                self._desk.astray()
        elif channel == self._probes:
            self._heard(self._probing.pop(message["data"], None))
        else:
            self._desk.deliver(message["data"])

    def _confirm(self, channel: str) -> None:
        if channel not in self._wanted:
            return
        self._confirmed.add(channel)
        if channel == self._probes:
            self._ailments.works("listening")
        self._ailments.works("subscribing")
        if not self._heard(self._awaited.pop(channel, None)):
            self._desk.check_soon()  # nobody waited: it was listened to before, and for a while it was not

    @staticmethod
    def _heard(awaited: asyncio.Future[None] | None) -> bool:
        if awaited is None or awaited.done():
            return False
        awaited.set_result(None)
        return True

    # -- liveness ------------------------------------------------------------------------------------------------------

    async def probe(self) -> bool:
        """Send a word by the way of all parcels; True when it comes back."""
        word = secrets.token_bytes(16)
        heard = self._probing[word] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PROBE_S), self._redis.pipeline(transaction=False) as calls:
                calls.execute_command("ROLE")
                calls.execute_command(self._verb.format("publish").upper(), self._probes, word)
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
            if await self.probe():
                self._ailments.works("probing")
                continue
            self._statistics.failures += 1
            self._ailments.fails("probing", "what this node publishes does not come back; it connects anew")
            self._desk.astray()
            await self._redis.connection_pool.disconnect(inuse_connections=True)
