"""People who type in papers: each has a connection and a document, and every screen notes when which key has come.

A key is known by its writer's client id and its place among all that this client wrote. What is counted is therefore the same for
servers that join what was typed in one moment and for those that do not: keys that one other screen has got.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from pycrdt import Doc, Text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.papers.wires import Wire
from madang.core.varints import number
from madang.protocol import yjs

LETTERS: Final = "가나다라마바사 아자차카타파하😀abcdefg "
LOOK_S: Final = 0.02  # between two looks whether all has come; no figure depends on it
LATE_S: Final = 3.0


def clocks(document: Doc[Any]) -> dict[int, int]:
    """Return up to where a document has what each client wrote."""
    state = document.get_state()
    count, at = number(state, 0)
    found = {}
    for _ in range(count):
        client, at = number(state, at)
        found[client], at = number(state, at)
    return found


@dataclass
class Typed:
    """What was typed in one paper: when each key was due, by client and by the clock behind it."""

    due: dict[int, dict[int, float]] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)  # up to where another screen has what a client wrote
    received: int = 0  # bytes
    frames: int = 0


class Person:
    """Somebody who has a paper open."""

    def __init__(self, wire: Wire, paper: str, typed: Typed) -> None:
        self.wire = wire
        self.paper = paper
        self.typed = typed
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("text", type=Text)
        self.known: dict[int, int] = {}
        self.synced = asyncio.Event()
        self.socket: ClientConnection
        self.reading: asyncio.Task[None]

    async def open(self) -> None:
        """Connect, and wait until all that there is has come."""
        address, options = self.wire.address(self.paper)
        self.socket = await connect(address, proxy=None, max_size=None, compression=None, ping_interval=None, **options)
        for frame in self.wire.begin(self.paper, self.doc.get_state()):
            await self.socket.send(frame)
        self.reading = asyncio.create_task(self._read())
        await asyncio.wait_for(self.synced.wait(), 30)
        self.known = clocks(self.doc)

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for message in self.socket:
                assert isinstance(message, bytes)
                await self._take(message)

    async def _take(self, message: bytes) -> None:
        self.typed.received += len(message)
        match self.wire.read(self.paper, message):
            case yjs.Step1(state=state):
                await self.socket.send(self.wire.frame(self.paper, yjs.step2(self.doc.get_update(state))))
            case yjs.Update(data=data):
                self.typed.frames += 1
                self.doc.apply_update(data)
                if self.synced.is_set():
                    self._note()
                self.synced.set()

    def _note(self) -> None:
        now, typed = time.perf_counter(), self.typed
        for client, clock in clocks(self.doc).items():
            before = self.known.get(client, 0)
            if clock > before:
                self.known[client] = clock
                due = typed.due.get(client)
                if due is not None and client != self.doc.client_id:
                    typed.latencies.extend(now - due[at] for at in range(before + 1, clock + 1) if at in due)
                    typed.seen[client] = max(clock, typed.seen.get(client, 0))

    async def type(self, rate: float, seconds: float, dice: random.Random) -> int:
        """Type a number of keys a second, each where the caret is; return how many."""
        due = self.typed.due.setdefault(self.doc.client_id, {})
        at, end = time.perf_counter() + dice.random() / rate, time.perf_counter() + seconds
        keys, clock = 0, 0
        while at < end:
            await asyncio.sleep(at - time.perf_counter())
            before = self.doc.get_state()
            letter = dice.choice(LETTERS)
            self.text += letter
            clock += len(letter.encode("utf-16-le")) // 2
            due[clock] = at
            try:
                await self.socket.send(self.wire.frame(self.paper, yjs.update(self.doc.get_update(before))))
            except ConnectionClosed:
                break
            keys += 1
            at += 1 / rate
        return keys

    async def close(self) -> None:
        """Go away."""
        await self.socket.close()
        await self.reading


@dataclass(frozen=True)
class Outcome:
    """What a load came to. Times are in ms, from when a key was due to when another screen had it."""

    keys: int
    wanted: int
    seen: int
    p50: float
    p99: float
    bytes_per_key: float
    frames_per_key: float
    cpu_s: float = 0


def outcome(all_typed: Sequence[Typed], keys: int, wanted: int, cpu_s: float) -> Outcome:
    """Sum up."""
    latencies = sorted(1000 * each for typed in all_typed for each in typed.latencies)
    return Outcome(
        keys, wanted, len(latencies), statistics.median(latencies), latencies[int(len(latencies) * 0.99)],
        sum(typed.received for typed in all_typed) / keys, sum(typed.frames for typed in all_typed) / keys, cpu_s,
    )  # fmt: skip


async def crowd(wire: Wire, papers: Sequence[str], writers: int) -> list[list[Person]]:
    """Open papers, each by a number of people."""
    found = []
    for paper in papers:
        typed = Typed()
        people = [Person(wire, paper, typed) for _ in range(writers)]
        for each in people:
            await each.open()
        found.append(people)
    return found


async def typing(rooms: Sequence[Sequence[Person]], rate: float, seconds: float) -> tuple[int, int]:
    """Type in all rooms; return how many keys, and how often one should be seen by somebody else. Waits for what is late."""
    dice = random.Random(7)
    jobs = [(room, person.type(rate, seconds, random.Random(dice.random()))) for room in rooms for person in room]
    counts = await asyncio.gather(*(job for _, job in jobs))
    wanted = sum(count * (len(room) - 1) for (room, _), count in zip(jobs, counts, strict=True))
    deadline = time.perf_counter() + LATE_S
    while time.perf_counter() < deadline and sum(len(room[0].typed.latencies) for room in rooms) < wanted:
        await asyncio.sleep(LOOK_S)
    return sum(counts), wanted
