"""What a fleet depends on fails under load: Redis is killed, filled up and kept busy, the database is killed.

Nothing that was acked is lost, doubled or shown in another order, and nobody is told more than they may know.

A shorter story of both, in every run of the tests, is `test_whole_fleet.py`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from madang_proof.testbed.testbed import Fleet
from tests.engines import EngineServer
from tests.mariadb import run_mariadb
from tests.redis import RedisServer, run_redis
from tests.scenario.fleet.outages import Choked, Full, Killed, Saving
from tests.scenario.fleet.staging import held, named
from tests.servers import run_postgres

pytestmark = pytest.mark.redis


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis that may be harmed."""
    with run_redis() as server:
        yield server


@pytest.mark.slow
@pytest.mark.postgres
async def test_redis_and_the_database_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: RedisServer
) -> None:
    with run_postgres() as postgres:
        faults = named(
            monkeypatch,
            Killed("redis-killed", "F17", redis, "bus"),
            Killed("database-killed", "F26", postgres, "database"),
        )
        await held(tmp_path, Fleet(3, postgres.create_database("fleet"), redis.url), 41, 5, faults)


@pytest.mark.slow
@pytest.mark.mariadb
async def test_mariadb_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: RedisServer) -> None:
    with run_mariadb() as mariadb:
        faults = named(monkeypatch, Killed("database-killed", "F26", mariadb, "database"))
        await held(tmp_path, Fleet(3, mariadb.create_database("fleet"), redis.url), 42, 30, faults)


@pytest.mark.slow
async def test_a_search_engine_answers_for_a_fleet(
    tmp_path: Path, postgres_url: str, redis: RedisServer, engine: EngineServer
) -> None:
    fleet = Fleet(2, postgres_url, redis.url, engine.url("fleet"))
    await held(tmp_path, fleet, 44, 20, ["kill", "bus-cut", "drain"])


@pytest.mark.slow
async def test_redis_is_full_saves_and_drops_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str, redis: RedisServer
) -> None:
    faults = named(monkeypatch, Full(redis), Saving(redis), Choked(redis))
    await held(tmp_path, Fleet(3, postgres_url, redis.url), 43, 30, faults)
