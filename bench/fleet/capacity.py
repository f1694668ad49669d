"""How many events a second one Redis core carries.

Envelopes are made beforehand, sent as the bus sends them, and read by nodes that only count bytes, so that Redis is measured
and not Python.

A commit is what a node has stored at once: COMMIT events in rooms drawn at random; each way cuts it into envelopes of its own.
Every node publishes as well, and sends its next commit when the last one has been answered.
"""

import random
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Final

from redis import Redis

from bench import proc
from bench.driving import Values
from bench.fleet.couriers import KEYS
from bench.fleet.fanout import redis_cpu
from bench.fleet.servers import on_core
from bench.fleet.worker import TEXT
from bench.load import LOAD_CORE
from bench.server import SERVER_CORE
from madang.adapters.bus.channels import PARTITIONS
from madang.adapters.bus.envelopes import Content, Signer
from madang.core.events import Event, MessageSent
from tests.redis import RedisServer

WAYS: Final = ("all", "partition", "room", "per event")  # `adaptive` is `room` here: each envelope has one room or two
COMMIT: Final = 100  # events
COMMITS: Final = 50  # made beforehand, and sent again and again
ROOMS: Final = 1000
PATIENCE_S: Final = 10.0

Commit = tuple[bytes, int]
"""The PUBLISH commands of a commit as they go over the wire, and how many they are."""


def measure(redis: RedisServer, way: str, nodes: int, seconds: float) -> Values:
    """Let `nodes` nodes publish, and receive it all, for a number of seconds.

    Raises:
        RuntimeError: Redis cut somebody off, or something was not heard.
    """
    with ExitStack() as stack:
        stack.enter_context(on_core(int(LOAD_CORE)))
        client = stack.enter_context(Redis(port=redis.port))
        channels, commits = _commits(way)
        flow = _Flow(commits)
        for _ in range(nodes):
            flow.hears(stack.enter_context(_connected(redis.port)), channels)
            flow.publishes(stack.enter_context(_connected(redis.port)))
        cpu, busy, began = redis_cpu(client), proc.core_busy(SERVER_CORE), time.monotonic()
        flow.run(began + seconds)
        wall = time.monotonic() - began
        cpu, busy = redis_cpu(client) - cpu, proc.core_busy(SERVER_CORE) - busy
    events = flow.commits * COMMIT
    return {
        "events_s": events / wall,
        "redis_us": cpu / events * 1e6,
        "redis_core": cpu / wall,
        "events_core": events / cpu,
        "envelopes": flow.envelopes / flow.commits,
        "others_use": max(0.0, busy - cpu) / wall,
    }


class _Flow:
    """The publishers and the readers, in one loop."""

    def __init__(self, commits: Sequence[Commit]) -> None:
        self._commits = commits
        self._buffer = bytearray(2**20)
        self._selector = selectors.DefaultSelector()
        self._rest: dict[socket.socket, memoryview] = {}  # of each publisher: what has not been sent yet
        self._unanswered: dict[socket.socket, int] = {}
        self._readers = 0
        self._heard = self._expected = 0  # bytes
        self.commits = self.envelopes = 0

    def hears(self, reader: socket.socket, channels: Sequence[bytes]) -> None:
        reader.sendall(_command(b"SUBSCRIBE", *channels))
        last, said = b":%d\r\n" % len(channels), b""
        while not said.endswith(last):
            said = said[-len(last) :] + reader.recv(2**16)
        reader.setblocking(False)
        self._readers += 1
        self._selector.register(reader, selectors.EVENT_READ)

    def publishes(self, publisher: socket.socket) -> None:
        publisher.setblocking(False)
        self._rest[publisher], self._unanswered[publisher] = memoryview(b""), 0

    def run(self, until: float) -> None:
        for publisher in self._rest:
            self._selector.register(publisher, selectors.EVENT_READ)
            self._next(publisher)
        while time.monotonic() < until:
            self._turn(going_on=True)
        while self._heard < self._expected or any(self._unanswered.values()):
            if time.monotonic() > until + PATIENCE_S:
                raise RuntimeError(f"of {self._expected:,} bytes {self._heard:,} were heard")
            self._turn(going_on=False)

    def _turn(self, *, going_on: bool) -> None:
        for key, events in self._selector.select(0.1):
            each = key.fileobj
            assert isinstance(each, socket.socket)
            if events & selectors.EVENT_WRITE:
                self._send(each)
            if not events & selectors.EVENT_READ:
                continue
            length = each.recv_into(self._buffer)
            if not length:
                raise RuntimeError("Redis has cut off a node that does not read as fast as it is sent to")
            if each in self._rest:
                self._unanswered[each] -= self._buffer.count(b":", 0, length)  # each answer is a number of receivers
                if going_on and not self._unanswered[each]:
                    self._next(each)
            else:
                self._heard += length

    def _next(self, publisher: socket.socket) -> None:
        text, envelopes = self._commits[self.commits % len(self._commits)]
        self.commits += 1
        self.envelopes += envelopes
        self._expected += len(text) * self._readers  # PUBLISH is as long as the `message` it becomes
        self._unanswered[publisher] = envelopes
        self._rest[publisher] = memoryview(text)
        self._send(publisher)

    def _send(self, publisher: socket.socket) -> None:
        with suppress(BlockingIOError):
            self._rest[publisher] = self._rest[publisher][publisher.send(self._rest[publisher]) :]
        writes = selectors.EVENT_WRITE if self._rest[publisher] else 0
        self._selector.modify(publisher, selectors.EVENT_READ | writes)


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def _command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _commits(way: str) -> tuple[list[bytes], list[Commit]]:
    """Make COMMITS commits; gives the channels they use, and the commits."""
    chance, signer = random.Random(1), Signer(KEYS, "publisher")
    channels: set[bytes] = set()
    commits: list[Commit] = []
    for _ in range(COMMITS):
        envelopes: dict[tuple[str, int], dict[str, Content]] = {}
        for n in range(COMMIT):
            number = chance.randrange(ROOMS)
            room = f"g{number}"
            channel = {"all": "all", "partition": f"p{number % PARTITIONS}"}.get(way, room)
            event = Event(room, n, n, MessageSent.type, "u5kjk3o6mjd7euewv", "Mina", 1_800_000_000_000, TEXT)
            envelope = envelopes.setdefault((channel, n if way == "per event" else 0), {})
            envelope.setdefault(room, Content([], [])).events.append(event)
        channels.update(channel.encode() for channel, _ in envelopes)
        commands = [
            _command(b"PUBLISH", name.encode(), signer.pack(rooms, name)) for (name, _), rooms in envelopes.items()
        ]
        commits.append((b"".join(commands), len(commands)))
    return sorted(channels), commits
