"""Appends on SQLite with search on and off, in turns: how many, and how long the slowest of a hundred takes."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.search.corpus import Corpus
from madang.adapters.sql import open_store
from madang.adapters.sql.search.sqlite import open_index
from madang.core.events import Draft, Event, MessageSent, RoomCreated, draft
from madang.core.ids import IdSource
from madang.errors import MadangError
from madang.ports.log import Outcome
from madang.services.appender import Appender
from madang.services.following import Following
from madang.services.indexing import Indexing


class Turn(msgspec.Struct):
    """Appends for some seconds: messages a second, their p99 in ms, and µs of the processor for each."""

    on: bool
    rate: float
    p99: float
    cpu_us: float


async def no_papers(room: str, seq: int, paper: str) -> str | None:
    """Return what a paper says: there are none."""
    return None


async def appends(seconds: float, folder: Path, *, on: bool) -> Turn:
    """Append as fast as 64 senders in 500 rooms can."""
    store = await open_store(f"sqlite:///{folder}/madang.db", lambda: time.time_ns() // 1_000_000)
    store.use_ids(IdSource(1))
    loop = asyncio.get_running_loop()
    told: list[Following] = []

    def committed(events: Sequence[Event]) -> None:
        for following in told:
            following.committed(events)

    appender = Appender(store, committed)
    tasks = [loop.create_task(appender.run())]
    index = await open_index(folder / "search.db") if on else None
    if index is not None:

        async def never() -> bool:
            return False

        told.append(Following(store, Indexing(index, no_papers), never, lambda: appender.waiting >= 16, loop.time))
        tasks.append(loop.create_task(told[0].run()))
    corpus = Corpus()
    texts = [corpus.text() for _ in range(5_000)]
    for room in range(500):
        await appender.append(draft(RoomCreated(title="R", access="open", slow_ms=0), f"r{room}", "ann", "Ann"))
    over = loop.time() + seconds

    def send(n: int) -> Draft:
        return draft(MessageSent(text=texts[n % 5_000]), f"r{n * 7 % 500}", "ann", "Ann", cid=str(n))

    number = iter(range(1 << 40))

    took: list[float] = []

    def submit() -> None:
        at = time.perf_counter()

        def again(tag: object, outcome: Outcome | MadangError) -> None:
            took.append(time.perf_counter() - at)
            if loop.time() < over:
                submit()

        appender.submit(send(next(number)), again)

    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(64):
        submit()
    await asyncio.sleep(seconds)
    await appender.drain()
    rate, each = len(took) / (time.perf_counter() - began), (time.process_time() - cpu) / len(took) * 1e6
    p99 = sorted(took)[len(took) * 99 // 100] * 1000
    for task in tasks:
        task.cancel()
    if index is not None:
        await index.close()
    await store.close()
    return Turn(on, rate, p99, each)


def measure(turns: int, seconds: float) -> list[Turn]:
    """Measure, each turn with search on and off, in alternating order."""
    done: list[Turn] = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns):
            for on in (False, True) if turn % 2 else (True, False):
                place = Path(folder, f"{turn}-{on}")
                place.mkdir()
                done.append(asyncio.run(appends(seconds, place, on=on)))
                print(_line(done[-1]), flush=True)
    return done


def _line(turn: Turn) -> str:
    return f"| {'on' if turn.on else 'off'} | {turn.rate:,.0f} | {turn.p99:.1f} | {turn.cpu_us:.0f} |"


def table(turns: list[Turn]) -> list[str]:
    """Return the lines of a report."""
    head = ["", "| search | appends/s | p99, ms | µs of the processor each |", "|---|---|---|---|"]
    return [*head, *map(_line, turns), "", said(turns)]


def said(turns: list[Turn]) -> str:
    """Return what on is to off, in a sentence."""
    pairs = list(zip([turn for turn in turns if turn.on], [turn for turn in turns if not turn.on], strict=True))
    rates, slow = [on.rate / off.rate for on, off in pairs], [on.p99 / off.p99 for on, off in pairs]
    return (
        f"Appends on SQLite with search on to off: {statistics.median(rates):.2f} of them a second (budget: at least 0.9), and"
        f" {statistics.median(slow):.2f} of the p99 (at most 1.2); medians of {len(pairs)} turns, {min(rates):.2f} to {max(rates):.2f}"
        f" and {min(slow):.2f} to {max(slow):.2f}."
    )
