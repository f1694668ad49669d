"""Why a database fails is in the log, once per outage and with its end; never a password."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from madang.adapters.sql.open import open_engine
from madang.adapters.sql.outages import MOST, QUIET_S, NamingEngine
from madang.errors import StorageFailed, StorageFull
from tests.mariadb import run_mariadb
from tests.servers import run_postgres
from tests.stores import now_ms

SERVERS = [
    pytest.param("postgresql", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=[pytest.mark.mariadb, pytest.mark.slow]),
]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    def new() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.name == "madang.sql"]
        caplog.clear()
        return found

    with caplog.at_level(logging.INFO):
        yield new


async def fails(engine: NamingEngine, times: int = 3) -> None:
    for _ in range(times):
        for call in (engine.read, engine.write):
            with pytest.raises(StorageFailed):
                await call(lambda c: c.execute(text("SELECT 1")))


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_server_that_goes_and_comes(kind: str, lines: Callable[[], list[str]]) -> None:
    with run_postgres() if kind == "postgresql" else run_mariadb() as server:
        given = make_url(server.create_database("m"))
        if kind == "postgresql":  # which lets anyone in by any password
            given = given.set(password="hunter2")
        clock = Clock()
        engine = NamingEngine(await open_engine(given.render_as_string(hide_password=False), now_ms), given, clock)
        try:
            lines()
            server.kill()
            await fails(engine)
            (said,) = lines()
            assert f"127.0.0.1:{server.port}/m fails: " in said and "hunter2" not in said
            assert len(said) > len(f"the database at 127.0.0.1:{server.port}/m fails: ") + 10, "the driver's reason"
            server.start()
            await engine.read(lambda c: c.execute(text("SELECT 1")))
            assert lines() == [], "it may fail again in a moment"
            clock.now = QUIET_S
            await engine.read(lambda c: c.execute(text("SELECT 1")))
            assert lines() == [], "of writing it is not known"
            await engine.write(lambda c: c.execute(text("SELECT 1")))
            assert lines() == [f"the database at 127.0.0.1:{server.port}/m works again; 6 calls failed in 5.0 s"]
            server.kill()
            await fails(engine, 1)
            assert len(lines()) == 1, "the next outage is named again"
        finally:
            await engine.close()


async def test_a_full_disk_and_a_wrong_statement_are_named(tmp_path: Path, lines: Callable[[], list[str]]) -> None:
    url = make_url(f"sqlite:///{tmp_path}/madang.db")
    engine = NamingEngine(await open_engine(str(url), now_ms), url, Clock())
    try:
        await engine.write(lambda c: c.execute(text("CREATE TABLE t (x TEXT)")))
        await engine.write(lambda c: c.execute(text("PRAGMA max_page_count = 1")))
        for _ in range(3):
            with pytest.raises(StorageFull):
                await engine.write(lambda c: c.execute(text("INSERT INTO t VALUES (:x)"), {"x": "x" * 100_000}))
        assert len(said := lines()) == 1 and "full" in said[0] and "madang.db" in said[0]
        with pytest.raises(StorageFailed):
            await engine.read(lambda c: c.execute(text("SELECT nothing")))
        assert len(said := lines()) == 1 and "nothing" in said[0]
    finally:
        await engine.close()


async def test_an_outage_of_many_reasons_does_not_fill_the_log(tmp_path: Path, lines: Callable[[], list[str]]) -> None:
    url = make_url(f"sqlite:///{tmp_path}/madang.db")
    engine = NamingEngine(await open_engine(str(url), now_ms), url, Clock())

    def refusing(n: int) -> Callable[[Connection], None]:
        def refuse(c: Connection) -> None:
            raise DBAPIError.instance("", None, sqlite3.OperationalError(f"reason {n}"), sqlite3.Error)

        return refuse

    try:
        for n in range(100):
            with pytest.raises((StorageFailed, DBAPIError)):
                await engine.read(refusing(n))
        assert len(lines()) == MOST
    finally:
        await engine.close()
