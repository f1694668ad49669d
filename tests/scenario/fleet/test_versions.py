"""F37: nodes of two versions in one fleet, while it is upgraded one by one: each reads the other's rows, envelopes and heartbeats."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.next_version import make_next_version
from tests.redis import RedisServer
from tests.rest import rest
from tests.running import Server, running_server
from tests.scenario.crowd import Person, person

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
COUNT = 60


@asynccontextmanager
async def two_versions(folder: Path, database: str, bus: str) -> AsyncIterator[tuple[Server, Server]]:
    """A node of this version, then beside it one of the next, which takes the database along."""
    settings = {"database": database, "bus": bus}
    for name in ("old", "new"):
        (folder / name).mkdir()
    async with running_server(folder / "old", "--load-test", settings=settings) as old:
        new = Server(folder / "new", arguments=("--load-test",), settings=settings)
        new.environment["PYTHONPATH"] = str(make_next_version(folder / "next"))
        try:
            await new.start()
            yield old, new
        finally:
            await new.close()


async def talk(here: Person, there: Person, round: str) -> None:
    """Talk through both at once, until each has heard all that was acked."""
    for n in range(COUNT):
        await here.send(f"{round}-h-{n}", "from the old version")
        await there.send(f"{round}-t-{n}", "sweet" if n % 2 else "from the new version")
    for someone in (here, there):
        await someone.hears(lambda: len(someone.acks) == COUNT)  # noqa: B023  # awaited in this round
    for someone in (here, there):
        await someone.hears(lambda: {*here.acks.values(), *there.acks.values()} <= {*someone.seqs})  # noqa: B023


def heard_once_in_order(someone: Person) -> bool:
    return someone.seqs == list(range(someone.seqs[0], someone.seqs[-1] + 1))


async def resumed(server: Server, token: str, since: int, epoch: str) -> dict[str, Any]:
    async with wire.upgraded(server.port) as raw:
        assert (await raw.ask(op="hello", n=1, token=token))["op"] == "ok"
        return await raw.ask(op="join", n=2, room="lobby", since=since, epoch=epoch)


async def test_two_versions_are_one_fleet(tmp_path: Path, postgres_url: str, redis_server: RedisServer) -> None:
    async with two_versions(tmp_path, postgres_url, redis_server.url) as (old, new):
        async with wire.upgraded(old.port) as raw:
            guest = await raw.ask(op="hello", n=1, guest="Chul")
            joined = await raw.ask(op="join", n=2, room="lobby", limit=0)
        here, there = await person(old, "Ara"), await person(new, "Bora")
        await talk(here, there, "1")
        assert heard_once_in_order(here) and heard_once_in_order(there)
        there.acks.clear()
        await here.leave()
        assert await old.stop() == 0
        await there.send("2-alone", "sweet while the old one is away")
        await there.hears(lambda: there.acks)
        there.acks.clear()
        await old.start()  # this version, on the tables of the next

        here = await person(old, "Ara")
        await talk(here, there, "3")
        assert heard_once_in_order(here) and heard_once_in_order(there)
        position = guest["token"], joined["seq"], joined["epoch"]
        by_old, by_new = await resumed(old, *position), await resumed(new, *position)
        assert by_old["reset"] is False
        assert by_old["events"] == by_new["events"]
        seqs = [event["seq"] for event in by_old["events"]]
        assert seqs == list(range(joined["seq"] + 1, there.seqs[-1] + 1))
        sweet = [event for event in by_old["events"] if "sweet" in event.get("text", "")]
        assert len(sweet) == 2 * (COUNT // 2) + 1
        assert all(event["flavour"] == "sweet" for event in sweet), "what the next version adds is passed on"

        async with rest(old.url) as to_old, rest(new.url) as to_new:
            to_old.token = to_new.token = guest["token"]
            messages = "/api/rooms/lobby/messages"
            first = await to_new.ok("POST", messages, {"text": "once", "cid": "c"})
            again = await to_old.ok("POST", messages, {"text": "once", "cid": "c"})
            assert again == {**first, "duplicate": True}
            await to_old.ok("PATCH", f"{messages}/{first['seq']}", {"text": "edited by the old"})
            await to_new.ok("PUT", f"{messages}/{first['seq']}/reactions/👍")
            pages = [await each.ok("GET", f"{messages}?limit=200") for each in (to_old, to_new)]
            assert pages[0] == pages[1]
            assert pages[0]["messages"][-1]["text"] == "edited by the old"
        for someone in (here, there):
            await someone.leave()
        for server in (old, new):
            log = await asyncio.to_thread(server.log.read_text)
            assert "not of this installation" not in log
            assert "Traceback" not in log
