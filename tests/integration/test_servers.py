"""The servers that other tests stand on are real, empty and separate."""

import os

import asyncpg
import pytest

from tests.daemons import missing
from tests.servers import PostgresServer, run_postgres

pytestmark = pytest.mark.postgres


async def test_a_database_of_its_own(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await connection.execute("CREATE TABLE stone (name text); INSERT INTO stone VALUES ('돌')")
        assert await connection.fetchval("SELECT name FROM stone") == "돌"
        assert await connection.fetchval("SHOW fsync") == "on"
    finally:
        await connection.close()


async def test_the_next_test_sees_none_of_it(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        assert await connection.fetchval("SELECT to_regclass('stone')") is None
    finally:
        await connection.close()


async def test_a_server_of_its_own_is_stopped_and_cleared_away(postgres_server: PostgresServer) -> None:
    with run_postgres(fsync=False, settings={"max_connections": "7"}) as server:
        assert server.pid != postgres_server.pid
        connection = await asyncpg.connect(server.url())
        assert await connection.fetchval("SHOW fsync") == "off"
        assert await connection.fetchval("SHOW max_connections") == "7"
        await connection.close()
    assert not server.data.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_a_missing_server_is_a_skip_for_people_and_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install it"):
        missing("install it")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install it"):
        missing("install it")
