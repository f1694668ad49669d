"""F8 and F14 in a fleet: a process that stands still until another node has its number, and goes on.

It takes as long as a lease. What the same means for two stores and clocks that step is `tests/contract/test_fencing.py`.
"""

import asyncio
from pathlib import Path

import pytest

from madang.client import connect
from madang.core.ids import NODES
from madang.node.lease import LEASE_MS
from tests.redis import RedisServer
from tests.running import Server, running_server
from tests.scenario.crowd import Person, person

pytestmark = [pytest.mark.redis, pytest.mark.slow]

WAKING_S = 60.0


def node_of(id: str) -> int:
    return int(id) >> 12 & NODES - 1


async def say(someone: Person, cids: range) -> None:
    for n in cids:
        await someone.send(f"c-{n}", f"text {n}")


async def log_of(server: Server) -> dict[int, tuple[str, str]]:
    """The messages of the lobby: seq to id and text."""
    async with connect(server.direct_url, guest="Reader") as yard:
        room = await yard.join("lobby")
        return {m.seq: (m.id, m.text) for m in (await room.history(limit=200)).messages}


async def test_a_node_that_slept_too_long_stores_nothing_more(
    tmp_path: Path, server_url: str, redis_server: RedisServer
) -> None:
    """What was sent to it while it stood still is refused, not acked, and stored once when it is sent to another node."""
    settings = {"database": server_url, "bus": redis_server.url}
    for name in ("sleeper", "witness", "heir"):
        (tmp_path / name).mkdir()
    async with (
        running_server(tmp_path / "sleeper", "--load-test", settings=settings) as sleeper,
        running_server(tmp_path / "witness", "--load-test", settings=settings) as witness,
    ):
        someone = await person(sleeper, "Ara")
        await say(someone, range(10))
        await someone.hears(lambda: len(someone.acks) == 10)
        sleeper.pause()
        try:
            await say(someone, range(10, 30))
            await asyncio.sleep(LEASE_MS / 1000 + 1)  # the lease runs out in real time: that is what is tried
            async with running_server(tmp_path / "heir", "--load-test", settings=settings) as heir:
                other = await person(heir, "Bora")
                await other.send("h-0", "of the heir")
                await other.hears(lambda: other.acks)
                sleeper.resume()
                assert await sleeper.ended(WAKING_S) != 0
                await someone.closed()
                assert len(someone.acks) == 10, "it acked what it could not store"
                log = await log_of(witness)
                of_heir = next(id for id, text in log.values() if text == "of the heir")
                assert [text for _, text in log.values()] == [*(f"text {n}" for n in range(10)), "of the heir"]
                assert node_of(of_heir) == node_of(log[someone.acks["c-0"]][0]), "it did not inherit the number"
                await other.leave()
        finally:
            if sleeper.running:
                sleeper.resume()
