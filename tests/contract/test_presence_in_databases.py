"""Presence in a database keeps the contract of `ports.presence` on each kind of server, over all nodes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import inspect, select, text

from madang.adapters.sql.open import open_beside
from madang.adapters.sql.presence import DatabasePresence, devices
from madang.errors import StorageFailed
from madang.testing import check_presence
from tests.contract.conftest import opened
from tests.contract.presences import check_first_and_last, check_one_over_all_nodes


@asynccontextmanager
async def present(url: str, nodes: int = 1) -> AsyncIterator[list[DatabasePresence]]:
    """Presence of one installation as that many nodes have it, in a database that has Madang's tables."""
    async with opened(url), AsyncExitStack() as stack:
        found = [DatabasePresence(url, ttl_s=60) for _ in range(nodes)]
        for each in found:
            stack.push_async_callback(each.stop)
        yield found


async def test_contract(server_url: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[DatabasePresence]:
        async with present(server_url) as (presence,):
            yield presence

    await check_presence(make, ttl_s=60)


async def test_presence_is_one_over_all_nodes_and_a_dead_one_is_swept_by_another(server_url: str) -> None:
    async with present(server_url, 2) as (here, there):
        await check_one_over_all_nodes(here, there)


async def test_of_two_nodes_one_has_the_first_device_and_one_the_last(server_url: str) -> None:
    async with present(server_url, 2) as nodes:
        await check_first_and_last(nodes)


async def test_more_than_one_transaction_takes_are_kept_and_swept(server_url: str) -> None:
    async with present(server_url) as (presence,):
        names = [("yard", f"user-{n}", "phone") for n in range(1_500)]
        await asyncio.gather(*(presence.enter(room, user, "N", device, 0.0) for room, user, device in names))
        assert await presence.count("yard") == 1_500
        assert await presence.refresh([*names, ("yard", "nobody", "phone")], 50.0) == [("yard", "nobody", "phone")]
        assert await presence.sweep(100.0) == []
        assert len(await presence.sweep(120.0)) == 1_500
        assert await presence.online("yard") == []


async def test_a_database_without_the_table_gets_it_once_and_nothing_is_written_to_its_log(server_url: str) -> None:
    async with present(server_url, 3) as nodes:
        await asyncio.gather(*(node.enter("yard", f"u-{n}", "N", "phone", 0.0) for n, node in enumerate(nodes)))
        assert await nodes[0].count("yard") == 3
        beside = await open_beside(server_url, lambda c: None, 1)
        try:
            assert len(await beside.read(lambda c: c.execute(select(devices)).all())) == 3
            if server_url.startswith("postgresql"):
                kind = "SELECT relpersistence FROM pg_class WHERE relname = 'present_devices'"
                assert await beside.read(lambda c: c.execute(text(kind)).scalar_one()) in ("u", b"u")
        finally:
            await beside.close()


async def test_nothing_is_made_before_its_use_and_a_server_that_is_away_is_said(server_url: str) -> None:
    async with present(server_url):
        beside = await open_beside(server_url, lambda c: None, 1)
        try:
            assert not await beside.read(lambda c: inspect(c).has_table(devices.name))
        finally:
            await beside.close()
    away = DatabasePresence(server_url.partition("://")[0] + "://nobody@127.0.0.1:1/nowhere", ttl_s=60)
    with pytest.raises(StorageFailed):
        await away.enter("yard", "ann", "Ann", "phone", 0.0)
    await away.stop()
