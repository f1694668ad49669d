"""A node that starts before its database or its bus waits for them, and says so; what waiting cannot help ends it at once."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.daemons import Daemon
from tests.mariadb import MariadbServer, run_mariadb
from tests.redis import run_redis
from tests.running import ForkedServer, Server, madang
from tests.servers import PostgresServer, run_postgres
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.redis
DATABASES: Final = [
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=[pytest.mark.mariadb, pytest.mark.slow]),
]
NOBODY: Final = 1  # a port on which nobody listens
NOWHERE: Final = f"postgresql://me:word@127.0.0.1:{NOBODY}/d"


@contextmanager
def database_server(kind: str) -> Iterator[PostgresServer | MariadbServer]:
    if kind == "postgres":
        with run_postgres() as postgres:
            yield postgres
    else:
        with run_mariadb() as mariadb:
            yield mariadb


def waits(node: Server, what: str) -> bool:
    return any(what in line and "Waiting for it" in line for line in node.log.read_text().splitlines())


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_node_waits_for_its_database_and_then_for_its_bus(tmp_path: Path, kind: str) -> None:
    with database_server(kind) as database, run_redis() as redis:
        url = database.create_database("late")
        settings = {"database": url, "bus": redis.url}
        stopped: list[Daemon] = [database, redis]
        for server in stopped:
            server.stop()
        node = ForkedServer(tmp_path, settings=settings)
        starting = asyncio.create_task(node.start())
        try:
            await eventually(
                lambda: node.log.exists() and waits(node, f":{database.port}"), "it says what it waits for"
            )
            await asyncio.to_thread(database.start)
            await eventually(lambda: waits(node, f":{redis.port}"))
            await asyncio.to_thread(redis.start)
            async with asyncio.timeout(PATIENCE_S):
                await starting
            log = node.log.read_text()
            assert log.count("can be reached after") == 2
            assert log.count("[warning") < 8, "it does not fill the log"
            # In a rolling restart, with the bus away: the same.
            assert await node.stop() == 0
            redis.stop()
            node.log.unlink()
            starting = asyncio.create_task(node.start())
            await eventually(lambda: node.log.exists() and waits(node, f":{redis.port}"))
            await asyncio.to_thread(redis.start)
            async with asyncio.timeout(PATIENCE_S):
                await starting
        finally:
            starting.cancel()
            await asyncio.wait([starting])
            await node.close()


@pytest.mark.postgres
async def test_what_waiting_cannot_mend_ends_with_2_and_a_limit_with_1(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    host = f"127.0.0.1:{postgres_server.port}"
    serve = ("serve", "--port", "0", "--admin-port", "0", "--data", tmp_path)
    cases = [
        ({"MADANG_DATABASE": f"postgresql://postgres@{host}/nowhere"}, 2, "createdb"),
        ({"MADANG_DATABASE": f"postgresql://nobody:word@{host}/postgres"}, 2, "Check the user and the password"),
        ({"MADANG_DATABASE": f"postgresql://postgres@{host}/postgres?sslmode=require"}, 2, "SSL"),
        ({"MADANG_DATABASE": NOWHERE, "MADANG_START_WAIT_S": "0.5"}, 1, "runs there"),
        ({"MADANG_DATABASE": f"mysql://root@127.0.0.1:{NOBODY}/d", "MADANG_START_WAIT_S": "0"}, 1, "runs there"),
    ]
    done = await asyncio.gather(*(madang(*serve, **settings) for settings, _, _ in cases))
    for ended, (_, status, said) in zip(done, cases, strict=True):
        assert ended.status == status, ended.err
        assert said in ended.err and ":word" not in ended.err, ended.err


async def test_a_node_that_waits_can_be_stopped(tmp_path: Path) -> None:
    node = ForkedServer(tmp_path, settings={"database": NOWHERE})
    starting = asyncio.create_task(node.start())
    try:
        await eventually(lambda: node.log.exists() and waits(node, f":{NOBODY}"))
    finally:
        starting.cancel()  # first: it would start a node that ends once more
        await asyncio.wait([starting])
    try:
        os.kill(node.pid, signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            assert await node.ended(PATIENCE_S) == 0
    finally:
        await node.close()
