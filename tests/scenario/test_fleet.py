"""Two nodes on one database and a bus: what is said on one is heard on the other, whatever becomes of either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from madang.client import connect
from tests.redis import run_redis
from tests.running import Server, running_server
from tests.scenario.crowd import Person, person
from tests.servers import run_postgres

LONGEST = "가" * 4000  # which no notification of PostgreSQL holds


class Means(NamedTuple):
    """What nodes share."""

    database: str
    bus: str


@pytest.fixture(
    params=[
        pytest.param(("postgres", "redis"), marks=[pytest.mark.postgres, pytest.mark.redis]),
        pytest.param(("mariadb", "redis"), marks=[pytest.mark.mariadb, pytest.mark.redis, pytest.mark.slow]),
        pytest.param(("postgres", "nats"), marks=[pytest.mark.postgres, pytest.mark.nats]),
        pytest.param(("mariadb", "nats"), marks=[pytest.mark.mariadb, pytest.mark.nats, pytest.mark.slow]),
        pytest.param(("postgres", "rabbitmq"), marks=[pytest.mark.postgres, pytest.mark.rabbitmq]),
        pytest.param(("postgres", "postgres"), marks=pytest.mark.postgres),
    ],
    ids="-".join,
)
def means(request: pytest.FixtureRequest) -> Means:
    """An empty database, and a bus; they may be one."""
    database, bus = request.param
    url = str(request.getfixturevalue(f"{database}_url"))
    return Means(url, url if bus == database else str(request.getfixturevalue(f"{bus}_server").url))


@asynccontextmanager
async def two_nodes(folder: Path, means: Means) -> AsyncIterator[tuple[Server, Server]]:
    settings = means._asdict()
    for name in ("one", "two"):
        (folder / name).mkdir()
    async with (
        running_server(folder / "one", "--load-test", settings=settings) as one,
        running_server(folder / "two", "--load-test", settings=settings) as two,
    ):
        yield one, two


async def test_a_room_is_one_over_both_nodes(tmp_path: Path, means: Means) -> None:
    """What is said on both at the same time is one log, and each hears all of it once, in that order."""
    async with two_nodes(tmp_path, means) as (one, two):
        here, there = await person(one, "Ara"), await person(two, "Bora")
        for n in range(50):
            await here.send(f"h-{n}", f"from one {n}")
            await there.send(f"t-{n}", f"from two {n}" if n % 10 else LONGEST)
        last = 0

        def both_have_all() -> bool:
            nonlocal last
            last = max([*here.acks.values(), *there.acks.values(), 0])
            return len(here.acks) == len(there.acks) == 50 and last in here.seqs

        await here.hears(both_have_all)
        await there.hears(lambda: len(there.acks) == 50 and last in there.seqs)
        assert sorted([*here.acks.values(), *there.acks.values()]) == list(range(last - 99, last + 1))
        for someone in (here, there):
            assert someone.seqs == list(range(someone.seqs[0], last + 1)), (
                "an event is missing, doubled or out of order"
            )
            await someone.leave()


async def test_a_client_resumes_on_the_other_node(tmp_path: Path, means: Means) -> None:
    async with two_nodes(tmp_path, means) as (one, two):
        sender = await person(two, "Bora")
        reader = await person(one, "Ara")
        await sender.send("c-1", "while both are there")
        await reader.hears(lambda: reader.seqs)
        await one.kill()
        await reader.closed()
        for n in range(2, 12):
            await sender.send(f"c-{n}", "while one is away")
        await sender.hears(lambda: len(sender.acks) == 11)
        async with connect(two.direct_url, guest="Chul") as yard:
            room = await yard.join("lobby")
            assert [m.text for m in (await room.history(limit=20)).messages] == [
                "while both are there",
                *["while one is away"] * 10,
            ]
        again = await person(two, "Ara")
        await sender.send("c-12", "hello again")
        await again.hears(lambda: again.seqs)
        for someone in (sender, again):
            await someone.leave()


@pytest.mark.postgres
@pytest.mark.redis
async def test_redis_stands_still_and_nothing_is_missed(tmp_path: Path, postgres_url: str) -> None:
    """Acks do not wait for the bus; what it did not carry comes later, in its place."""
    with run_redis() as bus:
        async with two_nodes(tmp_path, Means(postgres_url, bus.url)) as (one, two):
            here, there = await person(one, "Ara"), await person(two, "Bora")
            await here.send("c-0", "with")
            await there.hears(lambda: there.seqs)
            process = await asyncio.create_subprocess_exec(
                "redis-cli", "-p", str(bus.port), "client", "pause", "3000", "all"
            )
            await process.wait()
            for n in range(1, 30):
                await here.send(f"c-{n}", "without")
            await here.hears(lambda: len(here.acks) == 30)
            await there.hears(lambda: max(here.acks.values()) in there.seqs)
            assert there.seqs == list(range(there.seqs[0], max(here.acks.values()) + 1))
            for someone in (here, there):
                await someone.leave()


@pytest.mark.postgres
async def test_postgresql_alone_crashes_and_nothing_acked_is_lost(tmp_path: Path) -> None:
    """With it the log, the bus and presence are gone at once; when it is back, so are they."""
    with run_postgres() as server:
        async with two_nodes(tmp_path, Means(server.url(), server.url())) as (one, two):
            here, there = await person(one, "Ara"), await person(two, "Bora")
            await here.send("before")
            await there.hears(lambda: there.seqs)
            await asyncio.to_thread(server.restart)
            for someone in (here, there):
                await until_acked(someone, "after")
            last = max(*here.acks.values(), *there.acks.values())
            for someone in (here, there):
                await someone.hears(lambda someone=someone: last in someone.seqs)
                assert someone.seqs == list(range(someone.seqs[0], last + 1))
                await someone.leave()


async def until_acked(someone: Person, cid: str) -> None:
    """Send the same again as long as the database does not take it."""
    while cid not in someone.acks:
        refused = len(someone.refusals)
        await someone.send(cid)
        await someone.hears(lambda refused=refused: cid in someone.acks or len(someone.refusals) > refused)
