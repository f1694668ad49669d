"""A process with the bus of one or several simulated nodes: `python -m bench.fleet.worker '{"…": …}'`, run by fanout.py.

There are no sockets, rooms and log behind it: what is measured is the way from node to node and nothing else. It says
"ready" when all is subscribed, is told "go" and at the end "stop", and prints what it saw as JSON. Times are CLOCK_MONOTONIC's,
which the processes of one machine share; an event carries the time it was published in the place of its id.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zlib import crc32

import msgspec
import uvloop

from bench.fleet.couriers import AT_ONCE, Courier, courier
from bench.load import LOAD_CORE
from madang.adapters.bus import channels
from madang.core.events import Event, MessageSent, encode_body
from madang.ports.bus import Signal

COMMIT_S: Final = 0.005  # how often a node commits, and so publishes
TEXT: Final = encode_body(MessageSent(text="x" * 100))


class Spec(msgspec.Struct):
    """What a process is to be.

    Attributes:
        nodes: numbers of the nodes it simulates; none: it publishes.
        of: how many nodes there are.
        followers: how many of them follow each room.
        rate: events a second, in rooms drawn at random.
        hot: share of them that are in the first room.
        own_bytes: from so much on a room takes its own channel (`adaptive`); 0 for as it is.
    """

    way: str
    url: str
    rooms: int
    of: int
    followers: int
    nodes: list[int] = []
    rate: float = 0
    seconds: float = 0
    hot: float = 0
    own_bytes: int = 0


def follows(node: int, room: int, spec: Spec) -> bool:
    """Whether a node has a socket in a room."""
    first = crc32(b"%d" % room) % spec.of
    return (node - first) % spec.of < spec.followers


class Ear:
    """What one node hears. `ports.bus.Receiver`."""

    def __init__(self) -> None:
        self.took: list[int] = []

    def receive(self, events: Sequence[Event]) -> None:
        now = time.monotonic_ns()
        self.took += [now - event.id for event in events]

    def signal(self, signal: Signal) -> None:
        pass

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        pass

    def check_soon(self) -> None:
        pass


async def listen(spec: Spec) -> dict[str, Any]:
    """Be nodes until told to stop."""
    ears = [Ear() for _ in spec.nodes]
    couriers: list[Courier] = []
    for node, ear in zip(spec.nodes, ears, strict=True):
        couriers.append(each := courier(spec.way, spec.url, f"node{node}"))
        await each.start(ear)
        mine = [f"g{room}" for room in range(spec.rooms) if follows(node, room, spec)]
        for n in range(0, len(mine), AT_ONCE):
            await asyncio.gather(*(each.subscribe(room) for room in mine[n : n + AT_ONCE]))
    print("ready", flush=True)
    await _told("go")
    cpu = time.process_time()
    await _told("stop")
    cpu = time.process_time() - cpu
    for each in couriers:
        await each.stop()
    took = sorted(ns for ear in ears for ns in ear.took)
    return {"cpu_s": cpu, "heard": len(took), "ms": [round(ns * 1e-6, 3) for ns in took[:: max(1, len(took) // 5000)]]}


async def publish(spec: Spec) -> dict[str, Any]:
    """Publish at a rate: every COMMIT_S what is due by then, as a node does that has committed a batch."""
    chance = random.Random(1)
    if spec.own_bytes:
        channels.OWN_BYTES = spec.own_bytes  # type: ignore[misc]  # what it should be is what is measured
    here = courier(spec.way, spec.url, "publisher")
    await here.start(Ear())
    seqs = [0] * spec.rooms
    print("ready", flush=True)
    await _told("go")
    cpu, began, sent = time.process_time(), time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < spec.seconds:
        events = []
        while sent < elapsed * spec.rate:
            room = 0 if chance.random() < spec.hot else chance.randrange(spec.rooms)
            seqs[room] += 1
            now = time.monotonic_ns()
            events.append(
                Event(
                    f"g{room}", seqs[room], now, MessageSent.type, "u5kjk3o6mjd7euewv", "Mina", now // 1_000_000, TEXT
                )
            )
            sent += 1
        here.publish(events)
        await asyncio.sleep(max(0.0, began + elapsed + COMMIT_S - time.monotonic()))
    await _told("stop")
    cpu = time.process_time() - cpu
    await here.stop()
    return {"cpu_s": cpu, "sent": sent}


async def _told(word: str) -> None:
    line = await asyncio.to_thread(sys.stdin.readline)
    if line.strip() != word:
        raise SystemExit(f"worker: told {line!r} instead of {word!r}")


def main() -> None:
    os.sched_setaffinity(0, {int(LOAD_CORE)})  # only now: what was read and compiled before is not measured
    spec = msgspec.json.decode(sys.argv[1], type=Spec)
    result = uvloop.run(listen(spec) if spec.nodes else publish(spec))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
