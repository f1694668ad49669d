"""The connections of this node to one Redis server: one that listens, one that publishes, each renewed when it fails.

What envelopes hold, and which server carries which of them, is up to the bus.
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

from madang.adapters.bus.outgoing import HealthLog, Outgoing, backoff_s
from madang.adapters.bus.redis import connecting
from madang.adapters.bus.redis.connecting import UNREACHABLE
from madang.aio import cancelled
from madang.core.events import Event
from madang.ports.bus import BusStatistics, Signal

logger = logging.getLogger("madang.redis")

SUBSCRIBED_S: Final = 1.0
"""How long opening a room waits for Redis. After that the room opens all the same; once subscribed, the hub checks it."""
PROBE_EVERY_S: Final = 2.0
PROBE_S: Final = 5.0
HEARTBEAT_S: Final = 1.0
"""The longest single wait for a message; shorter than the socket's own time-out, which would count as a failure."""
TRIES: Final = 5
"""Attempts to send an envelope, before it is left to the log. With their pauses they outlast most failovers."""
SUBSCRIPTIONS: Final = 512
"""Channels named in one command."""
_MOVED: Final = (MovedError, ClusterDownError, TryAgainError)


class Envelope(NamedTuple):
    """What goes out in one message, how many events and signals it holds, and how many attempts to send it failed."""

    partition: int
    channel: str
    body: bytes
    events: int
    signals: int
    tries: int = 0


class ConnectionOwner(Protocol):
    """What the bus offers its connections. Called in the event loop; none of it waits."""

    def pack(self, events: Sequence[Event], signals: Sequence[Signal]) -> list[Envelope]:
        """Return envelopes of what will be published."""

    def deliver(self, channel: str, envelope: bytes) -> None:
        """Handle an envelope that arrived on a channel."""

    def requeue(self, envelopes: Iterable[Envelope]) -> None:
        """Accept envelopes that could not be sent here, to send them where their channels are now."""

    def topology_changed(self) -> None:
        """Read again which server carries which partitions."""

    def check_soon(self) -> None:
        """Compare the rooms with the log soon: something may have been missed."""


class ServerConnection:
    """Publishes to one server and listens to it.

    Args:
        client: of the server; it is closed here.
        owner: the bus.
        place: the server, for people.
        partition: one that this server carries; once it no longer does, this connection has to end.
        probes: the channel on which the connection receives its own probes, in the slot of that partition.
        sharded: whether the server is a member of a Cluster.
        statistics: the bus's.
    """

    def __init__(
        self,
        client: Redis,
        owner: ConnectionOwner,
        place: str,
        partition: int,
        probes: str,
        *,
        sharded: bool,
        statistics: BusStatistics,
    ) -> None:
        self.partition = partition
        self._redis = client
        self._owner = owner
        self._probes = probes
        self._verb = "s{}" if sharded else "{}"
        self._statistics = statistics
        self._outgoing = Outgoing(statistics)
        self._unsent: deque[Envelope] = deque()  # at most one call's worth from each connection
        self._ready = asyncio.Event()
        self._pubsub: PubSub | None = None  # while it listens
        self._wanted: set[str] = {probes}
        self._requested: set[str] = set()  # on this connection; a confirmation has come or is on its way
        self._confirmed: set[str] = set()
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._probing: dict[bytes, asyncio.Future[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._health = HealthLog(logger, f"Redis at {place}")

    def start(self) -> None:
        """Start listening, publishing and probing."""
        self._awaited[self._probes] = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(part()) for part in (self._listen, self._publish, self._watch)]

    async def listening(self) -> None:
        """Wait until it listens, PROBE_S at most."""
        if (confirmed := self._awaited.get(self._probes)) is not None:
            await asyncio.wait([confirmed], timeout=PROBE_S)

    async def stop(self) -> list[Envelope]:
        """Stop, and return what was not sent."""
        await cancelled(self._tasks)
        await connecting.close(self._redis)
        left = list(self._unsent)
        while self._outgoing.waiting:
            left += self._owner.pack(*await self._outgoing.take())
        return left

    # -- out -----------------------------------------------------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        self._outgoing.publish(events)
        self._ready.set()

    def signal(self, signal: Signal) -> None:
        self._outgoing.signal(signal)
        self._ready.set()

    def resend(self, envelopes: Iterable[Envelope]) -> None:
        """Send what another connection could not, before what waits here."""
        self._unsent.extend(envelopes)
        self._ready.set()

    async def _publish(self) -> None:
        """Publish what waits. What gathers during one call goes out with the next: no timer, no task for each."""
        failed = 0
        while True:
            await self._ready.wait()
            if self._unsent:
                envelopes = list(self._unsent)
                self._unsent.clear()
            elif self._outgoing.waiting:
                envelopes = self._owner.pack(*await self._outgoing.take())
            else:
                self._ready.clear()
                continue
            if await self._sent(envelopes):
                failed = 0
                self._health.recovered("publishing")
            else:
                failed += 1
                await asyncio.sleep(backoff_s(failed))

    async def _sent(self, envelopes: Sequence[Envelope]) -> bool:
        """Send envelopes in one call and requeue those that failed; return whether any was sent."""
        answers: Sequence[Any]
        try:
            async with self._redis.pipeline(transaction=False) as calls:
                for envelope in envelopes:
                    calls.execute_command(self._verb.format("publish").upper(), envelope.channel, envelope.body)
                answers = await calls.execute(raise_on_error=False)
        except UNREACHABLE as error:
            answers = [error] * len(envelopes)
        except asyncio.CancelledError:
            self._unsent.extend(envelopes)
            raise
        left: list[Envelope] = []
        for envelope, answer in zip(envelopes, answers, strict=True):
            if isinstance(answer, BaseException):
                left.append(envelope._replace(tries=envelope.tries + 1))
            else:
                self._statistics.envelopes += 1
                self._statistics.published += envelope.events
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, MovedError):  # not a failure
                self._health.failing("publishing", answer)
                self._statistics.failures += 1
                break
        if left:
            self._owner.requeue(left)
        return len(left) < len(envelopes)

    # -- in ------------------------------------------------------------------------------------------------------------

    async def subscribe(self, channels: Iterable[str]) -> None:
        """Listen to channels; return when they are confirmed, or after SUBSCRIBED_S: then the hub checks once they are."""
        loop = asyncio.get_running_loop()
        unknown = [channel for channel in channels if channel not in self._confirmed]
        new = [channel for channel in unknown if channel not in self._awaited]
        for channel in new:
            self._wanted.add(channel)
            self._awaited[channel] = loop.create_future()
        awaited = [self._awaited[channel] for channel in unknown]
        if new:
            await self._send("subscribe", new)
        if awaited:
            await asyncio.wait(awaited, timeout=SUBSCRIBED_S)
            for channel, future in zip(unknown, awaited, strict=True):
                if not future.done() and self._awaited.get(channel) is future:
                    del self._awaited[channel]

    def want(self, channels: Iterable[str]) -> None:
        """Listen to channels from the next `renew` on."""
        self._wanted.update(channels)

    async def renew(self) -> None:
        """Subscribe to what is wanted and was not requested yet."""
        await self._send("subscribe", [channel for channel in self._wanted if channel not in self._requested])

    async def unsubscribe(self, channels: Iterable[str]) -> None:
        """Stop listening to channels."""
        known = [channel for channel in channels if channel in self._wanted]
        for channel in known:
            self._wanted.discard(channel)
            self._confirmed.discard(channel)
            self._resolve(self._awaited.pop(channel, None))
        await self._send("unsubscribe", known)

    async def _send(self, verb: str, channels: Sequence[str]) -> None:
        if self._pubsub is not None:  # otherwise it happens when it listens again
            with suppress(*UNREACHABLE):
                await self._command(self._pubsub, verb, channels)

    async def _command(self, pubsub: PubSub, verb: str, channels: Sequence[str]) -> None:
        """Subscribe or unsubscribe: in one command the channels of one slot, up to SUBSCRIPTIONS."""
        command = getattr(pubsub, self._verb.format(verb))
        (self._requested.update if verb == "subscribe" else self._requested.difference_update)(channels)
        for _, group in groupby(sorted(channels, key=self._slot), key=self._slot):
            while some := list(islice(group, SUBSCRIPTIONS)):
                await command(*some)

    def _slot(self, channel: str) -> str:
        """Return what the channels of one slot have in common; a single server has one slot for all."""
        return channel.partition("}")[0] if self._verb == "s{}" else ""

    async def _listen(self) -> None:
        """Listen, and connect again after a failure; then the hub is told to check its rooms."""
        failed = 0
        while True:
            pubsub = self._redis.pubsub()
            try:
                await self._command(pubsub, "subscribe", list(self._wanted))
                self._pubsub = pubsub
                await self.renew()  # what came to be wanted meanwhile
                while True:
                    try:
                        message = await pubsub.get_message(timeout=HEARTBEAT_S)
                    except _MOVED as error:  # one command was refused; the connection is fine
                        self._requested = set(self._confirmed)
                        self._health.failing("subscribing", error)
                        self._owner.topology_changed()
                        continue
                    if message is not None:
                        self._handle(message)
                        failed = 0
            except UNREACHABLE as error:
                self._health.failing("listening", error)
                self._statistics.failures += 1
            finally:
                self._pubsub = None
                self._requested.clear()
                self._confirmed.clear()
                with suppress(*UNREACHABLE):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            failed += 1
            self._owner.topology_changed()
            await asyncio.sleep(backoff_s(failed))

    def _handle(self, message: Mapping[str, Any]) -> None:
        kind = message["type"].removeprefix("s") if self._verb == "s{}" else message["type"]
        channel = message["channel"].decode()
        if kind == "subscribe":
            self._confirm(channel)
        elif kind == "unsubscribe":
            if channel in self._confirmed:  # by the server: it no longer carries the channel
                self._confirmed.discard(channel)
                self._requested.discard(channel)
                self._owner.topology_changed()
        elif channel == self._probes:
            self._resolve(self._probing.pop(message["data"], None))
        else:
            self._owner.deliver(channel, message["data"])

    def _confirm(self, channel: str) -> None:
        if channel not in self._wanted:
            return
        self._confirmed.add(channel)
        if channel == self._probes:
            self._health.recovered("listening")
        self._health.recovered("subscribing")
        if not self._resolve(self._awaited.pop(channel, None)):
            self._owner.check_soon()  # nobody waited: an old subscription that was interrupted for a while

    @staticmethod
    def _resolve(awaited: asyncio.Future[None] | None) -> bool:
        if awaited is None or awaited.done():
            return False
        awaited.set_result(None)
        return True

    # -- liveness ------------------------------------------------------------------------------------------------------

    async def probe(self) -> bool:
        """Publish a random word the way envelopes go; return whether it comes back."""
        word = secrets.token_bytes(16)
        answered = self._probing[word] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PROBE_S), self._redis.pipeline(transaction=False) as calls:
                calls.info("replication")  # not ROLE, which needs the rights of an administrator
                calls.execute_command(self._verb.format("publish").upper(), self._probes, word)
                found, _ = await calls.execute()
                # A demoted primary still accepts what is published, and passes it on to nobody.
                if found["role"] != "master":
                    return False
                await answered
            return True
        except UNREACHABLE:
            return False
        finally:
            self._probing.pop(word, None)

    async def _watch(self) -> None:
        """Probe every PROBE_EVERY_S; a probe that does not come back means that nobody hears us, so reconnect."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            if await self.probe():
                self._health.recovered("probing")
                continue
            self._statistics.failures += 1
            self._health.failing("probing", "what this node publishes does not come back; reconnecting")
            self._owner.topology_changed()
            await self._redis.connection_pool.disconnect(inuse_connections=True)
