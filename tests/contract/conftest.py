"""How the contract tests open stores: on a SQLite file, a real PostgreSQL and a real MariaDB, alike."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest

from madang.adapters.sql import Store, open_store
from madang.core.ids import IdSource
from madang.errors import StorageError
from tests.stores import make_tables

Open = Callable[[], AbstractAsyncContextManager[Store]]

LEASE_MS = 3_600_000  # longer than any test: nobody renews it


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def opened(url: str, clock_ms: Callable[[], int] = now_ms) -> AsyncIterator[Store]:
    """A store ready for appends, as a node has it."""
    store = await open_store(url, clock_ms)
    try:
        lease = await store.acquire("test", now_ms(), LEASE_MS)
        ids = IdSource(lease.node, lease.floor_ms, lease.until_ms)
        store.use_ids(ids)
        yield store
        with suppress(StorageError):  # a store that has failed lets its leases expire
            await store.release(lease, ids.last_ms)
    finally:
        await store.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database that there is not yet."""
    return f"sqlite:///{tmp_path}/madang.db"


@pytest.fixture
async def sqlite_tables_url(tmp_path: Path, sqlite_url: str) -> str:
    """The URL of a SQLite database with all tables and nothing in them."""
    await make_tables(tmp_path / "madang.db")
    return sqlite_url


SERVERS = [
    pytest.param("postgres_tables", marks=pytest.mark.postgres, id="postgres"),
    pytest.param("mariadb_tables", marks=pytest.mark.mariadb, id="mariadb"),
]


@pytest.fixture(params=[pytest.param("sqlite_tables", id="sqlite"), *SERVERS])
def url(request: pytest.FixtureRequest) -> str:
    """A database of each kind, with all tables and nothing in them."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=SERVERS)
def server_url(request: pytest.FixtureRequest) -> str:
    """A database on each server, with all tables and nothing in them."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def open_sql(url: str) -> Open:
    return lambda: opened(url)
