"""bench/fleet as it is run: each part for a moment on the real servers. Figures are not judged here."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from bench.fleet import appends, capacity, fanout, nodes
from bench.fleet.couriers import WAYS, courier
from bench.fleet.nodes import Part, rooms_of
from bench.fleet.worker import TEXT, Ear, Spec, follows
from madang.core.events import Event, MessageSent
from tests.mariadb import MariadbServer
from tests.redis import RedisServer
from tests.servers import PostgresServer
from tests.waiting import eventually

two_cores = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="measures on two cores")


async def test_a_store_alone_in_a_file(tmp_path: Path) -> None:
    await stores(f"sqlite:///{tmp_path / 'madang.db'}", None)


@pytest.mark.postgres
async def test_a_store_alone_on_postgresql(postgres_url: str, postgres_server: PostgresServer) -> None:
    await stores(postgres_url, postgres_server.pid)


@pytest.mark.mariadb
async def test_a_store_alone_on_mariadb(mariadb_url: str, mariadb_server: MariadbServer) -> None:
    await stores(mariadb_url, mariadb_server.pid)


async def stores(url: str, server: int | None) -> None:
    store = await appends.prepare(url)
    try:
        for rooms in (appends.ROOMS, 1):
            values = await appends.measure(store, 10, rooms, 0.05, server, limit=1_000)
            assert values["appends_s"] > 0
            assert ("database_us" in values) == (server is not None)
        heads = await store.heads([f"g{n}" for n in range(appends.ROOMS)])
        assert sum(heads.values()) > appends.ROOMS, "nothing was stored but the rooms"
    finally:
        await store.close()


@pytest.mark.redis
@pytest.mark.parametrize("way", WAYS)
async def test_every_way_carries_each_event_once_to_who_follows_its_room(redis_server: RedisServer, way: str) -> None:
    spec = Spec(way, redis_server.url, rooms=20, of=3, followers=2)
    ears = [Ear() for _ in range(spec.of)]
    couriers = [courier(way, redis_server.url, f"node{n}") for n in range(spec.of)]
    here = courier(way, redis_server.url, "publisher")
    try:
        for node, (each, ear) in enumerate(zip(couriers, ears, strict=True)):
            await each.start(ear)
            for room in range(spec.rooms):
                if follows(node, room, spec):
                    await each.subscribe(f"g{room}")
        await here.start(Ear())
        now = time.monotonic_ns()
        here.publish([Event(f"g{n}", 1, now, MessageSent.type, "user", "Mina", 1, TEXT) for n in range(spec.rooms)])
        followed = [sum(follows(node, room, spec) for room in range(spec.rooms)) for node in range(spec.of)]
        assert sum(followed) == spec.rooms * spec.followers
        await eventually(lambda: [len(ear.took) for ear in ears] == followed)
    finally:
        for each in (here, *couriers):
            await each.stop()


@pytest.mark.redis
@two_cores
async def test_who_pays_is_measured_over_processes(redis_server: RedisServer) -> None:
    spec = Spec("partition", redis_server.url, rooms=10, of=2, followers=2, rate=200, seconds=1.0)
    values = await asyncio.to_thread(fanout.measure, redis_server, spec)
    assert all(values[key] > 0 for key in ("redis_us", "publisher_us", "nodes_us", "redis_bytes", "events_s"))


@pytest.mark.redis
@two_cores
@pytest.mark.parametrize("way", capacity.WAYS)
async def test_what_a_core_carries_is_heard_to_the_last_byte(redis_server: RedisServer, way: str) -> None:
    values = await asyncio.to_thread(capacity.measure, redis_server, way, 2, 0.05)
    assert values["events_core"] > 0


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.slow
@two_cores
async def test_nodes_tell_their_own_clients_from_those_of_another(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer, redis_server: RedisServer
) -> None:
    database, bus = Part(postgres_url, postgres_server.pid), Part(redis_server.url, redis_server.pid)
    values = await asyncio.to_thread(nodes.measure, tmp_path, 2, database, bus, rooms_of(4, 50, 1, 5))
    assert values["complete"], values
    assert 0 < values["own node p50"] <= values["own node p99"]
    assert 0 < values["other node p50"] <= values["other node p99"]
    assert {"database_us_message", "bus_us_message", "cpu_us_message"} <= set(values)
