"""The files of search indexes beside a SQLite database: the one that serves, and one that is made to take its place.

There are two names, and each file says itself what it is: so letting another serve is one commit in it, and whatever is left
after a crash is known at the next start.
"""

import asyncio
import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from madang.adapters.sql.search.sqlite import SHAPE, SqliteIndex, open_index
from madang.adapters.sql.search.sqlite_documents import File
from madang.adapters.sql.sqlite_file import open_read_only
from madang.core.metrics import Metric
from madang.errors import StorageFailed, plain_reason
from madang.ports.search import Made

log = logging.getLogger("madang.search")

KEPT_SECONDS: Final = 5.0
"""For which a file is kept that has been replaced: searches that have begun with it end."""


async def open_indexes(path: Path, version: str) -> "SqliteIndexes":
    """Open the index that serves, made by that version where there is none, and one that was being made. Raises SetupError.

    Args:
        path: one of the two names; the other is made of it.
    """
    names = [path, path.with_name(f"{path.name}-2")]
    files = await asyncio.to_thread(lambda: [_read(name) for name in names])
    served = [file.number if file is not None and file.serves else 0 for file in files]
    at = served.index(max(served))
    spare = files[1 - at]
    if spare is None or spare.serves or not files[at]:
        await asyncio.to_thread(remove, names[1 - at])
        spare = None
    serving = files[at]
    if serving is None or not serving.serves:
        await asyncio.to_thread(remove, names[at])
        serving = File(version, 1, True)
    indexes = SqliteIndexes(names[at], names[1 - at], serving)
    try:
        await indexes.open(spare)
    except BaseException:
        await indexes.close()
        raise
    return indexes


class SqliteIndexes:
    """Search indexes in two files. `ports.search.SearchIndexes` is its contract. One process has them open."""

    def __init__(self, serving: Path, spare: Path, file: File) -> None:
        self._names = serving, spare
        self._file = file
        self._serving: SqliteIndex | None = None
        self._building: tuple[File, SqliteIndex] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def open(self, spare: File | None) -> None:
        """Open what is there."""
        self._serving = await open_index(self._names[0], self._file)
        if spare is not None:
            self._building = spare, await open_index(self._names[1], spare)

    async def serving(self) -> Made:
        assert self._serving is not None
        return Made(self._file.version, self._serving)

    async def building(self) -> Made | None:
        return None if self._building is None else Made(self._building[0].version, self._building[1])

    async def begin(self, version: str) -> bool:
        if self._building is not None or self._leaving is not None:
            return False
        try:
            await asyncio.to_thread(remove, self._names[1])  # if that failed when it left
        except OSError as error:
            raise StorageFailed(f"The old {self._names[1].name} cannot be removed: {plain_reason(error)}.") from error
        file = File(version, self._file.number + 1, False)
        self._building = file, await open_index(self._names[1], file)
        return True

    async def give_up(self) -> None:
        if self._building is not None:
            (_, index), self._building = self._building, None
            self._leave(index, self._names[1])

    async def switch(self) -> None:
        if self._building is None or self._serving is None:
            return
        file, index = self._building
        await index.serve()
        old, self._building = self._serving, None
        self._serving, self._file = index, file._replace(serves=True)
        self._names = self._names[::-1]
        self._leave(old, self._names[1])

    def metrics(self) -> list[Metric]:
        return []

    async def close(self) -> None:
        self._closing.set()
        if self._leaving is not None:
            await self._leaving
        for index in [self._serving, self._building and self._building[1]]:
            if index is not None:
                await index.close()

    def _leave(self, index: SqliteIndex, name: Path) -> None:
        self._leaving = asyncio.get_running_loop().create_task(self._left(index, name))

    async def _left(self, index: SqliteIndex, name: Path) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(KEPT_SECONDS):
                await self._closing.wait()
        try:
            await index.close()
            await asyncio.to_thread(remove, name)
        except Exception as error:
            log.warning("%s, a search index that nobody uses, is not removed yet: %s", name.name, error)
        finally:
            self._leaving = None


def _read(path: Path) -> File | None:
    """Return which file one is; None if it is not there, not whole, or of another shape."""
    if not path.exists():
        return None
    try:
        with closing(open_read_only(path)) as c:
            if c.execute("PRAGMA user_version").fetchone()[0] != SHAPE:
                return None
            version, number, serves = c.execute("SELECT version, number, serves FROM made").fetchone()
            return File(version, number, bool(serves))
    except (sqlite3.Error, TypeError):
        return None


def remove(path: Path) -> None:
    """Remove a file of SQLite with what belongs to it."""
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
