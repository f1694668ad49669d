"""PgBouncer before PostgreSQL, as database and as bus: what works, works under load; what cannot is refused by name."""

import asyncio
from pathlib import Path

import pytest

from madang.adapters.bus.postgresql import NotifyBus
from madang.adapters.sql.open import inspect_database, open_store
from madang.client import connect
from madang.core.signing import lone_keyring
from madang.errors import SetupError
from tests.pgbouncer import run_pgbouncer
from tests.running import Server, running_server
from tests.servers import PostgresServer, run_postgres
from tests.stores import now_ms
from tests.waiting import eventually

pytestmark = pytest.mark.postgres
KEYS = lone_keyring(b"0123456789abcdef")


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


async def test_two_nodes_behind_a_pooler_of_transactions(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    """Twenty users at once, on fewer connections than the nodes have open; the bus goes to the server itself."""
    with run_pgbouncer(postgres_server, "transaction", size=3) as pooler:
        url = pooler.url(name_of(postgres_url))
        settings = {"database": url, "bus": postgres_url}
        for n in (1, 2):
            (tmp_path / f"{n}").mkdir()
        async with (
            running_server(tmp_path / "1", settings=settings) as one,
            running_server(tmp_path / "2", settings=settings) as two,
        ):

            async def visit(n: int) -> None:
                async with connect((one, two)[n % 2].direct_url, guest=f"Guest {n}") as client:
                    room = await client.join("lobby")
                    for said in range(5):
                        await room.send(f"{n} says {said}")
                    assert len((await room.history(limit=10)).messages) >= 5
                    assert [found.room async for found in client.rooms()] == ["lobby"]

            async with asyncio.timeout(60):
                await asyncio.gather(*(visit(n) for n in range(20)))
            for node in (one, two):
                assert "fails" not in node.log.read_text(), node.log.read_text()
        assert (await inspect_database(url)).schema


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_a_pooler_that_forgets_who_listens_is_refused_as_a_bus(
    postgres_url: str, postgres_server: PostgresServer, mode: str
) -> None:
    with run_pgbouncer(postgres_server, mode) as pooler:
        bus = NotifyBus(pooler.url(name_of(postgres_url)), KEYS, "node")
        with pytest.raises(SetupError, match=f"pool_mode = {mode}"):
            await bus.start(None)  # type: ignore[arg-type]
        if mode == "statement":
            with pytest.raises(SetupError, match="pool_mode = statement"):
                await open_store(pooler.url(name_of(postgres_url)), now_ms)


@pytest.mark.slow
async def test_a_pooler_of_sessions_is_a_database_and_a_bus(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    with run_pgbouncer(postgres_server, "session") as pooler:
        url = pooler.url(name_of(postgres_url))
        async with (
            running_server(tmp_path, settings={"database": url, "bus": url}) as node,
            connect(node.direct_url, guest="Mina") as mina,
        ):
            await (await mina.join("lobby")).send("hello")


@pytest.mark.slow
async def test_a_node_waits_for_a_database_behind_a_pooler(tmp_path: Path) -> None:
    """The pooler answers at once that nobody is behind it."""
    with run_postgres() as postgres, run_pgbouncer(postgres, "transaction") as pooler:
        postgres.create_database("late")
        postgres.stop()
        node = Server(tmp_path, settings={"database": pooler.url("late")})
        starting = asyncio.create_task(node.start())
        try:
            await eventually(lambda: node.log.exists() and "Waiting for it" in node.log.read_text())
            await asyncio.to_thread(postgres.start)
            await starting
        finally:
            starting.cancel()
            await asyncio.wait([starting])
            await node.close()
