"""How the contract tests open stores: on a SQLite file, a real PostgreSQL and a real MariaDB, alike."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest

from madang.adapters.sql import Store, open_store
from madang.core.ids import IdSource
from madang.errors import StorageError

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
    return f"sqlite:///{tmp_path}/madang.db"


SERVERS = [
    pytest.param("postgres_tables", marks=pytest.mark.postgres, id="postgres"),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]


@pytest.fixture(params=["sqlite", *SERVERS])
def url(request: pytest.FixtureRequest) -> str:
    """A database of each kind, with nothing in it."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=SERVERS)
def server_url(request: pytest.FixtureRequest) -> str:
    """A database on each server, with nothing in it."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def open_sql(url: str) -> Open:
    return lambda: opened(url)
