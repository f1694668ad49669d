"""Names and pictures over a fleet of two nodes: what one is told, members on the other see, and whoever was away sees later."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from madang.client import MemberChanged, MessageSent, connect
from madang.config import Settings
from madang.node.run import RunningNode, run_node
from tests.rest import rest
from tests.waiting import PATIENCE_S
from tests.wire import Raw, upgraded

pytestmark = pytest.mark.postgres
FACE = "https://faces.example/mina.png"


@pytest.fixture
async def fleet(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[RunningNode]]:
    settings = Settings(port=0, admin_port=0, data=tmp_path, load_test=True, database=postgres_url, bus=postgres_url)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(run_node(settings)) for _ in range(2)]


async def heard(raw: Raw, type: str) -> dict[str, Any]:
    """Return the next event of a type."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            _, data = await raw.read()
            frame: dict[str, Any] = json.loads(data)
            if frame.get("type") == type:
                return frame


async def test_a_change_is_seen_on_every_node_and_by_whoever_comes_back(fleet: list[RunningNode]) -> None:
    here, there = (f"http://127.0.0.1:{node.port}" for node in fleet)
    async with rest(here) as anyone, upgraded(fleet[1].port) as bora, connect(there, guest="Chan") as away:
        mina = await anyone.guest("Mina", "lobby")
        await bora.ask(op="hello", n=1, guest="Bora")
        await bora.ask(op="join", n=2, room="lobby", limit=0)
        room = await away.join("lobby", limit=0)
        position, token = (room.seq, room.epoch), away.token
        await away.close()

        changed = await mina.ok("PATCH", "/api/me", {"name": "Minji", "picture": FACE, "locale": "ko"})
        assert changed["user"] == {"id": mina.user, "name": "Minji", "picture": FACE, "locale": "ko"}
        event = await heard(bora, "member.changed")
        assert (event["user"], event["name"], event["picture"]) == (mina.user, "Minji", FACE)
        page = await bora.ask(op="members", n=3, room="lobby")
        assert {"user": mina.user, "name": "Minji", "role": "member", "picture": FACE} in page["members"]

        async with connect(there, token=mina.token) as minji:  # the token of before
            assert minji.user.name == "Minji"
            assert minji.token != mina.token
            assert (await minji.profile()).locale == "ko"
            await (await minji.join("lobby", limit=0)).send("It is me")
            assert (await minji.change_profile(picture="")).picture == ""
        assert (await heard(bora, "message.sent"))["name"] == "Minji"
        assert "picture" not in await heard(bora, "member.changed")

        async with connect(here, token=token) as back:
            seen = []
            room = await back.join("lobby", since=position[0], epoch=position[1])
            async with asyncio.timeout(PATIENCE_S):
                async for each in room:
                    if isinstance(each, MemberChanged | MessageSent):
                        seen.append((type(each), each.name, getattr(each, "picture", None)))
                    if len(seen) == 3:
                        break
            assert seen == [(MemberChanged, "Minji", FACE), (MessageSent, "Minji", None), (MemberChanged, "Minji", "")]
