"""A kick on one node, and what its victim does on another that has not heard of it: nothing of theirs is above it."""

import asyncio
from pathlib import Path

import pytest

from madang.client import connect
from madang.client.events import MemberKicked, MessageSent
from madang.client.room import Room
from tests.redis import run_redis
from tests.running import running_server
from tests.scenario.crowd import person

pytestmark = pytest.mark.redis

ROOM = "yard"
IN_TIME = 20
LATE = 50


async def kicked(room: Room) -> tuple[int, list[int]]:
    """Follow a room up to a kick; gives its seq and those of the messages below it."""
    said = []
    async for event in room:
        if isinstance(event, MessageSent):
            said.append(event.seq)
        elif isinstance(event, MemberKicked):
            return event.seq, said
    raise AssertionError("the room ended")


async def test_nothing_of_the_victim_stands_above_his_kick(tmp_path: Path, server_url: str) -> None:
    with run_redis() as bus:
        settings = {"database": server_url, "bus": bus.url}
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        async with (
            running_server(tmp_path / "one", "--load-test", settings=settings) as one,
            running_server(tmp_path / "two", "--load-test", settings=settings) as two,
            connect(one.direct_url, guest="Ara") as yard,
        ):
            await yard.create(ROOM)
            room = await yard.join(ROOM)
            victim = await person(two, "Bora", ROOM)
            victims = next(iter([member.user async for member in room.members() if member.name == "Bora"]))
            for n in range(IN_TIME):
                await victim.send(f"c-{n}", "in time")
            await victim.hears(lambda: len(victim.acks) == IN_TIME)
            bus.pause()  # the other node hears nothing of the kick
            try:
                kick = asyncio.create_task(room.kick(victims))
                for n in range(LATE):
                    await victim.send(f"late-{n}", "as late as may be")
                await kick
                for n in range(LATE, 2 * LATE):
                    await victim.send(f"late-{n}", "too late")
                await victim.hears(lambda: len(victim.acks) + len(victim.refusals) == IN_TIME + 2 * LATE)
            finally:
                bus.resume()
            assert {frame["code"] for frame in victim.refusals} == {"not_member"}
            assert len(victim.refusals) >= LATE
            end, below = await asyncio.wait_for(kicked(room), 60)
            assert sorted(victim.acks.values()) == below, "what was acked is what is stored"
            assert max(below) < end
            await room.send("still here", cid="owner-1")
            assert [m.text for m in (await room.history(after=end)).messages] == ["still here"]
            await victim.leave()
