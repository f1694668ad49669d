"""SQLite databases that have their tables already, and a store for tests of what is built on one.

Tests of the store itself open theirs in `contract/conftest.py`. PostgreSQL's and MariaDB's are in `servers.py` and `mariadb.py`.
"""

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from madang.adapters.sql import Store, open_store
from madang.core.ids import IdSource

LEASE_MS = 3_600_000  # longer than any test: nobody renews it

_migrated: list[bytes] = []


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def opened_store(folder: Path) -> AsyncIterator[Store]:
    """Open a store as a node does, on a database in `folder`."""
    file = folder / "madang.db"
    await make_tables(file)
    store = await open_store(f"sqlite:///{file}", now_ms)
    try:
        lease = await store.acquire("test", now_ms(), LEASE_MS)
        store.use_ids(IdSource(lease.node, lease.floor_ms, lease.until_ms))
        yield store
    finally:
        await store.close()


async def make_tables(file: Path) -> None:
    """Make a database with all tables and nothing in it, unless there is a file: one made by the steps takes 0.1 s of the processor.

    The first in a process is made so; all others are its copies.
    """
    if file.exists():
        return
    if not _migrated:
        with tempfile.TemporaryDirectory() as folder:
            store = await open_store(f"sqlite:///{folder}/madang.db", now_ms)
            await store.close()
            _migrated.append(Path(folder, "madang.db").read_bytes())
    file.touch(0o600)
    file.write_bytes(_migrated[0])
