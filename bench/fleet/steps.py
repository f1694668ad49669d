"""What is measured, in which order and how long: the parts of a trial, each a run of steps that share their servers."""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from bench.driving import Values
from bench.fleet import appends, capacity, fanout, nodes, servers
from bench.fleet.couriers import OURS, WAYS
from bench.fleet.nodes import Part, rooms_of
from bench.fleet.results import About
from bench.fleet.worker import Spec
from bench.load import LOAD_CORE
from bench.server import SERVER_CORE

_OTHER_CORE: Final = int(LOAD_CORE)
DATABASES: Final = ("SQLite", "PostgreSQL", "MariaDB")
BROKERS: Final = {"Redis": servers.redis}
"""Buses that need a server beside the database."""


@dataclass(frozen=True)
class Step:
    """One thing to measure; `run` may be called again and again. What is `heavy` has whole nodes, and takes ten seconds."""

    about: About
    run: Callable[[], Values]
    heavy: bool = False


@dataclass(frozen=True)
class Settings:
    """How long and how much: a tiny trial has other ones."""

    seconds: float = 4  # of a run with whole nodes
    short: float = 1.5  # of one without
    batches: tuple[int, ...] = appends.BATCHES
    stored: tuple[int, ...] = (2_500, 5_000, 7_500, 10_000)
    small_rooms: int = 500
    rates: tuple[int, ...] = (100, 1_000, 2_000)
    nodes: tuple[int, ...] = (2, 4, 8, 16)
    rooms: tuple[int, ...] = (10, 1_000, 10_000)
    commits: tuple[int, ...] = (1_000, 3_000, 10_000)
    own_bytes: tuple[int, ...] = (512, 1_024, 2_048, 4_096, 8_192, 1 << 20)


@contextmanager
def databases(kind: str) -> Iterator[Callable[[], Part | None]]:
    """Run a database server on the other core, and yield a function that makes an empty database.

    For SQLite, which is in the node, the function returns None. Raises servers.MISSING.
    """
    if kind == "SQLite":
        yield lambda: None
        return
    numbers = itertools.count(1)
    with servers.postgres(_OTHER_CORE) if kind == "PostgreSQL" else servers.mariadb(_OTHER_CORE) as server:
        yield lambda: Part(server.create_database(f"madang{next(numbers)}"), server.pid)


def store_alone(place: Path, settings: Settings, kind: str) -> Generator[Step, None, None]:
    """Appends a second of one store."""
    with ExitStack() as stack:
        server = stack.enter_context(databases(kind))()
        stack.enter_context(servers.on_core(SERVER_CORE))
        loop = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        url, pid = (server.url, server.pid) if server else (f"sqlite:///{_empty(place) / 'madang.db'}", None)
        store = loop.run(appends.prepare(url))
        stack.callback(lambda: loop.run(store.close()))
        for rooms in (appends.ROOMS, 1):
            for batch in settings.batches:
                measured = partial(appends.measure, store, batch, rooms, settings.short, pid)
                yield Step({"database": kind, "batch": batch, "rooms": rooms}, lambda go=measured: loop.run(go()))  # type: ignore[misc]


def stored(place: Path, settings: Settings, kind: str) -> Generator[Step, None, None]:
    """One node: 500 rooms of 2, everybody sends."""
    with databases(kind) as fresh:
        for rate in settings.stored:
            wanted = rooms_of(2, rate, settings.seconds, settings.small_rooms)
            yield Step(
                {"database": kind, "rate": rate},
                lambda wanted=wanted: nodes.measure(_empty(place), 1, fresh(), None, wanted),  # type: ignore[misc]
                heavy=True,
            )


def elsewhere(place: Path, settings: Settings, bus: str) -> Generator[Step, None, None]:
    """Several nodes on PostgreSQL: from a send to the clients of each."""
    with ExitStack() as stack:
        fresh = stack.enter_context(databases("PostgreSQL"))
        broker = stack.enter_context(BROKERS[bus](_OTHER_CORE)) if bus in BROKERS else None

        def run(count: int, rate: int) -> Values:
            database = fresh()
            between = Part(broker.url, broker.pid) if broker else database
            wanted = rooms_of(6, rate, settings.seconds, 60)
            return nodes.measure(_empty(place), count, database, between, wanted)

        middle = settings.rates[len(settings.rates) // 2]
        for count, rate in [*((2, rate) for rate in settings.rates), (3, middle)]:
            yield Step({"bus": bus, "nodes": count, "rate": rate}, partial(run, count, rate), heavy=True)


def ways(place: Path, settings: Settings, _kind: str) -> Generator[Step, None, None]:
    """Who pays for fan-out: by nodes, by rooms, and by events a second."""
    with servers.redis(SERVER_CORE) as redis:

        def step(sweep: str, way: str, of: int, rooms: int, rate: int, **more: float) -> Step:
            followers = of if rooms <= 10 else 2
            spec = Spec(way, redis.url, rooms, of, followers, rate=rate, seconds=settings.short, **more)  # type: ignore[arg-type]
            about: About = {"sweep": sweep, "way": way, "nodes": of, "rooms": rooms, "rate": rate}
            return Step(
                about | {name: str(value) for name, value in more.items()}, partial(fanout.measure, redis, spec)
            )

        middle = settings.commits[len(settings.commits) // 2]
        for way in WAYS:
            for of in settings.nodes:
                yield step("nodes", way, of, 1_000, middle)
        for way in WAYS:
            for rooms in settings.rooms:
                yield step("rooms", way, settings.nodes[-2], rooms, middle // 3)
        for way in OURS:
            for rate in settings.commits:
                yield step("events", way, settings.nodes[-2], 1_000, rate)
        for size in settings.own_bytes:
            yield step(
                "own channel", "adaptive", settings.nodes[-2], 1_000, settings.commits[-1], hot=0.5, own_bytes=size
            )


def core(place: Path, settings: Settings, _kind: str) -> Generator[Step, None, None]:
    """What one Redis core carries."""
    with servers.redis(SERVER_CORE) as redis:
        for way in capacity.WAYS:
            for count in settings.nodes[::2]:
                yield Step({"way": way, "nodes": count}, partial(capacity.measure, redis, way, count, settings.short))


PARTS: Final[dict[str, tuple[Callable[[Path, Settings, str], Generator[Step, None, None]], tuple[str, ...]]]] = {
    "appends": (store_alone, DATABASES),
    "stored": (stored, ("PostgreSQL", "MariaDB")),
    "elsewhere": (elsewhere, (*BROKERS, "NOTIFY")),
    "core": (core, ("",)),
    "ways": (ways, ("",)),
}
"""What each part runs, and with which servers one after the other."""


def _empty(place: Path) -> Path:
    folder = place / "round"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
