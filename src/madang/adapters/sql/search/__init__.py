"""Search indexes beside the database of the log: `database:` of MADANG_SEARCH. They can be lost: they are made of the log."""

from pathlib import Path

from madang.adapters.sql.open import parsed
from madang.adapters.sql.search import sqlite_places
from madang.ports.search import SearchIndexes


async def open_indexes(database: str, version: str) -> SearchIndexes | None:
    """Open the indexes of a database; None for one in memory.

    Args:
        database: its URL.
        version: of the analyzer, for an index that is made because there is none.

    Raises:
        SetupError: they cannot be opened.
    """
    where = parsed(database)
    if where.get_backend_name() != "sqlite":
        from madang.adapters.sql.search import server_places  # a start on SQLite does not need it

        return await server_places.open_indexes(database, version)
    return await sqlite_places.open_indexes(index_file(Path(where.database)), version) if where.database else None


def index_file(database: Path) -> Path:
    """Return where the index of a SQLite file is."""
    return database.with_name("search.db" if database.name == "madang.db" else f"{database.name}-search")
