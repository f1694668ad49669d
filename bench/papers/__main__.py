"""Measure papers: `python -m bench.papers`, in four parts; name some to measure only these.

| part | question |
|---|---|
| `typing` | 20 people type 5 keys a second each in one paper: from key to the other screens; CPU per key that a screen has got; lost by kill -9 |
| `many` | 200 papers of 5 writers, a key a second each, on one core |
| `opening` | from connecting to having all of a paper of 10,000 edits |
| `s1` | the whole document or what has changed, saved before it is sent or as we do it, by number of writers |

The server has core 0, all people core 1. Results go to bench/results/NAME.json, and those named `papers` into the page, too.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench.papers import page
from bench.papers.people import Outcome, Person, Typed, clocks, crowd, outcome, typing
from bench.papers.servers import Running, make, server
from bench.proc import cpu
from bench.run import workplace
from bench.tools import BENCH
from madang.protocol import yjs

LOAD_CORE: Final = 1
OTHERS: Final = ("madang", "y-websocket", "y-websocket-leveldb", "hocuspocus")
S1: Final = ("s1-whole-whole", "s1-delta-delta", "madang")
WRITERS: Final = (2, 5, 10, 20)
EDITS: Final = 10_000
OPENED: Final = 20
KILLED_S: Final = 4.0  # after people began to type, who go on for a second more: it happens in the middle of it
STORED_S: Final = 12.0  # Hocuspocus stores 10 s after a change at the latest
LOOK_S: Final = 0.001  # between two looks whether a paper has come: how exact its time is
SETTLE_S: Final = 3.0  # some servers load what is stored after they have said that this is all
PAGE_OF: Final = 20_000  # letters that a paper has before S1's people begin


Keep = Callable[[dict[str, Any]], None]


async def load(
    running: Running, papers: int, writers: int, rate: float, seconds: float
) -> tuple[Outcome, list[list[Person]]]:
    """Type in papers, and return what came of it and the people, who stay."""
    rooms = await crowd(running.wire, [running.paper() for _ in range(papers)], writers)
    for room in rooms:
        room[0].typed.received = room[0].typed.frames = 0
    before = cpu(running.process.pid)
    keys, wanted = await typing(rooms, rate, seconds)
    used = cpu(running.process.pid) - before
    return outcome([room[0].typed for room in rooms], keys, wanted, used.total), rooms


async def leave(rooms: Sequence[Sequence[Person]]) -> None:
    """Close the connections of all people."""
    await asyncio.gather(*(person.close() for room in rooms for person in room))


async def typed(scratch: Path, seconds: float, keep: Keep) -> None:
    """20 people in one paper, beside others; then killed in the middle of it."""
    found: dict[str, Any] = {}
    for name in OTHERS:
        with server(name, scratch) as running:
            result, rooms = await load(running, 1, 20, 5, seconds)
            await leave(rooms)
            found[name] = asdict(result) | {"lost": await lost(running)}
            keep(found)


async def lost(running: Running) -> dict[str, int]:
    """Kill a server while 20 people type, nobody of whom comes back; count the keys that others had seen and that are gone."""
    paper = running.paper()
    [people] = await crowd(running.wire, [paper], 20)
    dice = random.Random(3)
    jobs = [asyncio.create_task(each.type(5, KILLED_S + 1, random.Random(dice.random()))) for each in people]
    await asyncio.sleep(KILLED_S)
    running.process.kill()
    await asyncio.gather(*jobs)
    await leave([people])
    seen = dict(people[0].typed.seen)
    running.kill()
    late = Person(running.wire, paper, Typed())
    await late.open()
    await asyncio.sleep(SETTLE_S)
    left = clocks(late.doc)
    await late.close()
    due = people[0].typed.due
    count = sum(client in seen and left.get(client, 0) < at <= seen[client] for client in due for at in due[client])
    return {"seen": sum(at <= seen.get(client, 0) for client in due for at in due[client]), "gone": count}


async def many(scratch: Path, seconds: float, keep: Keep) -> None:
    """200 papers of 5 writers."""
    found: dict[str, Any] = {}
    for name in OTHERS:
        with server(name, scratch) as running:
            result, rooms = await load(running, 200, 5, 1, seconds)
            await leave(rooms)
            found[name] = asdict(result)
            keep(found)


async def opening(scratch: Path, seconds: float, keep: Keep) -> None:
    """A paper of 10,000 edits, each somewhere: opened while somebody has it open, and for the first time since a restart."""
    found: dict[str, Any] = {}
    for name in OTHERS:
        with server(name, scratch) as running:
            paper = running.paper()
            writer = Person(running.wire, paper, Typed())
            await writer.open()
            dice = random.Random(5)
            for _ in range(EDITS):
                before = writer.doc.get_state()
                writer.text.insert(dice.randrange(len(writer.text) + 1) // 3 * 3, "글")
                await writer.socket.send(running.wire.frame(paper, yjs.update(writer.doc.get_update(before))))
            end = clocks(writer.doc)
            while await opened(running, paper, end) is None:
                pass
            times = [await opened(running, paper, end) or 1000 * SETTLE_S for _ in range(OPENED)]
            await asyncio.sleep(STORED_S)
            await writer.close()
            running.kill()
            first = await opened(running, paper, end)
            found[name] = {"open_ms": statistics.median(times), "open_max_ms": max(times), "first_ms": first}
            keep(found)


async def opened(running: Running, paper: str, end: dict[int, int]) -> float | None:
    """Open a paper; return how many ms it took until all up to there had come; None where it does not come."""
    began = time.perf_counter()
    person = Person(running.wire, paper, Typed())
    await person.open()
    while clocks(person.doc) != end and time.perf_counter() - began < SETTLE_S:
        await asyncio.sleep(LOOK_S)
    took = 1000 * (time.perf_counter() - began)
    there = clocks(person.doc) == end
    await person.close()
    return took if there else None


async def s1(scratch: Path, seconds: float, keep: Keep) -> None:
    """S1's question: by number of writers, on a paper that has a page of text already."""
    found: dict[str, Any] = {}
    for name in S1:
        for writers in WRITERS:
            with server(name, scratch / str(writers)) as running:
                paper = running.paper()
                first = Person(running.wire, paper, Typed())
                await first.open()
                before = first.doc.get_state()
                first.text += "글" * PAGE_OF
                await first.socket.send(running.wire.frame(paper, yjs.update(first.doc.get_update(before))))
                while await opened(running, paper, clocks(first.doc)) is None:
                    pass
                await first.close()
                [people] = await crowd(running.wire, [paper], writers)
                people[0].typed.received = people[0].typed.frames = 0
                used = cpu(running.process.pid)
                keys, wanted = await typing([people], 5, seconds)
                taken = cpu(running.process.pid) - used
                found.setdefault(name, {})[str(writers)] = asdict(outcome([people[0].typed], keys, wanted, taken.total))
                await leave([people])
            keep(found)


PARTS: Final[dict[str, Callable[[Path, float, Keep], Awaitable[None]]]] = {
    "typing": typed,
    "many": many,
    "opening": opening,
    "s1": s1,
}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.papers", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument("--seconds", type=float, default=10, help="of typing (10)")
    parser.add_argument("--now", action="store_true", help="do not wait for a quiet machine")
    parser.add_argument("--name", default="local-papers", help="name of the result file (local-papers)")
    options = parser.parse_args()
    make()
    os.sched_setaffinity(0, {LOAD_CORE})
    place = BENCH / "results" / f"{options.name}.json"
    result = json.loads(place.read_text()) if place.exists() else {"parts": {}}
    for name in options.parts or PARTS:
        with workplace("papers", options.now) as (scratch, facts):
            for writers in WRITERS:
                (scratch / str(writers)).mkdir()

            def keep(found: dict[str, Any], name: str = name, facts: dict[str, str] = facts) -> None:
                result["parts"][name] = {"machine": facts, "seconds": options.seconds, "of": found}
                place.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
                print(name, list(found.items())[-1], flush=True)

            asyncio.run(PARTS[name](scratch, options.seconds, keep))
    if options.name == page.NAME:
        page.write()


if __name__ == "__main__":
    main()
