"""Connection tickets over a fleet of two nodes that do not hear each other: each is used once, on either, and is in no log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from madang.client import connect
from madang.config import Settings
from madang.node.run import RunningNode, run_node
from tests.rest import Rest, rest
from tests.running import running_server
from tests.wire import upgraded


@pytest.fixture
async def fleet(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[RunningNode]]:
    settings = Settings(port=0, admin_port=0, data=tmp_path, load_test=True, database=postgres_url, bus=postgres_url)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(run_node(settings)) for _ in range(2)]


async def ticket_of(user: Rest) -> str:
    return str((await user.ok("POST", "/api/tickets"))["ticket"])


async def came_in(node: RunningNode, ticket: str) -> bool:
    async with upgraded(node.port) as raw:
        return bool((await raw.ask(op="hello", n=1, ticket=ticket))["op"] == "ok")


@pytest.mark.postgres
async def test_a_ticket_is_used_once_on_whatever_node(fleet: list[RunningNode]) -> None:
    here, there = fleet
    async with rest(f"http://127.0.0.1:{here.port}") as anyone:
        mina = await anyone.guest("Mina")
        assert await came_in(there, await ticket_of(mina)), "made here, taken there"
        for _ in range(10):
            ticket = await ticket_of(mina)
            raced = await asyncio.gather(*(came_in(node, ticket) for node in (here, there, here, there)))
            assert sum(raced) == 1


async def test_a_page_without_a_token_talks_and_stays(tmp_path: Path) -> None:
    """As a backend would do it: it keeps the token, and gives its page tickets."""
    given: list[str] = []
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        mina = await anyone.guest("Mina")

        async def get_ticket() -> str:
            given.append(await ticket_of(mina))
            return given[-1]

        for _ in range(2):
            async with connect(server.url, get_ticket=get_ticket) as client:
                assert client.user.id == mina.user
                assert client.token == ""
                await (await client.join("lobby")).send("hello")
        assert len(given) == 2
    log = server.log.read_text()
    assert not any(ticket in log or ticket.rpartition(".")[2] in log for ticket in given)
