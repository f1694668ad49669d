"""Ways from node to node: Madang's own bus in each of its strategies, and the ways others go, written as they do it.

What others do is kept to what costs: one PUBLISH for each event on the room's own channel, and either a subscription for each
room, or patterns. Envelopes are packed and signed as ours are, so that what differs is the way and not the contents.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from madang.adapters.bus.envelopes import BadSignature, Content, Signer
from madang.adapters.bus.redis import RedisBus
from madang.core.events import Event
from madang.core.signing import lone_keyring
from madang.ports.bus import Receiver

KEYS: Final = lone_keyring(b"a secret that is the same on all nodes")
OURS: Final = ("all", "partition", "room", "adaptive")
OTHERS: Final = ("per event", "one pattern", "pattern per room")
WAYS: Final = (*OURS, *OTHERS)
AT_ONCE: Final = 500  # subscriptions in one call, and events in one pipeline
_PAUSE_S: Final = 0.1


class Courier(Protocol):
    """The part of `ports.bus.Bus` that is measured."""

    async def start(self, receiver: Receiver) -> None: ...

    async def stop(self) -> None: ...

    async def subscribe(self, room: str) -> None: ...

    def publish(self, events: Sequence[Event]) -> None: ...


def courier(way: str, url: str, node: str) -> Courier:
    """Make the courier of a node."""
    return RedisBus(url, way, KEYS, node) if way in OURS else Singly(url, way, node)


class Singly:
    """One PUBLISH for each event, as the Socket.IO adapter and Django Channels do it.

    Args:
        way: one of OTHERS: a subscription for each room ("per event"), a pattern for all rooms, a pattern for each.
    """

    def __init__(self, url: str, way: str, node: str) -> None:
        self._redis: Redis = Redis.from_url(url)
        self._pubsub = self._redis.pubsub()
        self._way = way
        self._signer = Signer(KEYS, node)
        self._rooms: set[str] = set()
        self._waiting: list[Event] = []
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, receiver: Receiver) -> None:
        await self._pubsub.subscribe("own")  # a connection that listens to nothing cannot be read from
        if self._way == "one pattern":
            await self._pubsub.psubscribe("room:*")
        self._tasks = [asyncio.create_task(self._publish()), asyncio.create_task(self._listen(receiver))]

    async def stop(self) -> None:
        broken = [error for task in self._tasks if task.done() and (error := task.exception())]
        while self._tasks:  # redis-py loses a cancellation that meets an answer
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_PAUSE_S)
            self._tasks = [task for task in self._tasks if not task.done()]
        with suppress(RedisError, OSError):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
            await self._redis.aclose()
        if broken:
            raise broken[0]

    async def subscribe(self, room: str) -> None:
        self._rooms.add(room)
        if self._way == "per event":
            await self._pubsub.subscribe(_channel(room))
        elif self._way == "pattern per room":
            await self._pubsub.psubscribe(f"room:{room}:*")

    def publish(self, events: Sequence[Event]) -> None:
        self._waiting += events
        self._wake.set()

    async def _publish(self) -> None:
        while True:
            await self._wake.wait()
            events, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            if not self._waiting:
                self._wake.clear()
            async with self._redis.pipeline(transaction=False) as calls:
                for event in events:
                    calls.publish(
                        _channel(event.room),
                        self._signer.pack({event.room: Content([event], [])}, _channel(event.room)),
                    )
                await calls.execute()

    async def _listen(self, receiver: Receiver) -> None:
        while True:
            message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=1.0)
            if message is None:
                continue
            room = message["channel"].decode().split(":")[1]
            if room in self._rooms:  # the name is enough to pass over what is for others
                with suppress(BadSignature):
                    for _, content in self._signer.unpack(message["data"], _channel(room), {room}):
                        receiver.receive(content.events)


def _channel(room: str) -> str:
    return f"room:{room}:messages"
