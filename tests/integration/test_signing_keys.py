"""Signing keys are rotated under a fleet that goes on talking, and whoever holds a token of a retired one is signed out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import jwt
import pytest

from madang.config import Settings
from madang.node.run import RunningNode, run_node
from madang.testing.signing import SIGNS
from tests.rest import rest
from tests.waiting import PATIENCE_S, eventually
from tests.wire import upgraded

pytestmark = pytest.mark.postgres


@pytest.fixture
async def fleet(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[RunningNode]]:
    """Two nodes that hear each other through PostgreSQL."""
    settings = Settings(port=0, admin_port=0, data=tmp_path, load_test=True, database=postgres_url, bus=postgres_url)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(run_node(settings)) for _ in range(2)]


async def new_token(node: RunningNode) -> str:
    async with rest(f"http://127.0.0.1:{node.port}") as anyone:
        return str((await anyone.call("POST", "/api/guests", {"name": "Mina"})).json()["token"])


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def test_keys_are_rotated_under_a_fleet(fleet: list[RunningNode]) -> None:
    here, there = fleet
    old = await new_token(here)
    async with upgraded(there.port) as came_before, upgraded(there.port) as stays, upgraded(here.port) as speaks:
        assert (await came_before.ask(op="hello", n=1, token=old))["token"] == old
        made = await here.store.add_signing_key(SIGNS)
        await eventually(lambda: all(len(each.node.signing.keys) == 2 for each in fleet))

        new = await new_token(here)
        assert key_of(new) == made.id != key_of(old)
        assert (await stays.ask(op="hello", n=1, token=new))["token"] == new
        replaced = await speaks.ask(op="hello", n=1, token=old)
        assert key_of(replaced["token"]) == made.id, "whoever comes with an old token goes on with a new one"
        for each in (stays, speaks):
            assert (await each.ask(op="join", n=2, room="lobby"))["op"] == "ok"

        assert await here.node.signing.retire() == 1
        assert await came_before.closed() == 4401
        async with upgraded(here.port) as late:
            assert (await late.ask(op="hello", n=1, token=old))["code"] == "bad_token"
            assert await late.closed() == 4401

        assert (await speaks.ask(op="send", n=3, room="lobby", cid="c-1", text="still here"))["op"] == "ok"
        async with asyncio.timeout(PATIENCE_S):
            while b"still here" not in (await stays.read())[1]:
                pass
        assert (await stays.ask(op="refresh", n=4, token=new))["op"] == "ok"
