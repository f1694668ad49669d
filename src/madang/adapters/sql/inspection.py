"""A look at a database for `madang doctor`: who answers, and at which schema. Changes nothing, also while a server runs."""

import asyncio
import importlib.util
import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import URL, create_engine, exc, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from madang.adapters.sql import migrations, sqlite_file
from madang.errors import SetupError

SQLITE_VERSION: Final = sqlite3.sqlite_version
ANSWER_SECONDS: Final = 5.0


class Inspection(NamedTuple):
    """What stands there; `schema` is None for a database that Madang has not used yet."""

    server: str
    schema: str | None
    newest: str = migrations.NEWEST


async def inspect_database(url: str) -> Inspection:
    """Look at the database of a URL. Raises SetupError where it cannot be read."""
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise SetupError("The database setting is no URL.", "Write sqlite:///… or postgresql://….") from None
    if parsed.get_backend_name() == "sqlite":
        return await asyncio.to_thread(_inspect_sqlite, Path(parsed.database or ""))
    return await _inspect_postgresql(parsed)


def _inspect_sqlite(path: Path) -> Inspection:
    server = f"SQLite {SQLITE_VERSION}"
    if not path.exists():
        return Inspection(server, None)
    engine = create_engine("sqlite://", creator=lambda: sqlite_file.open_read_only(path))
    try:
        with engine.connect() as c:
            return Inspection(server, migrations.current(c))
    except exc.DBAPIError as error:
        raise SetupError(f"{path} cannot be read ({error.orig}).", "Restore a backup: madang restore FILE.") from error
    finally:
        engine.dispose()


async def _inspect_postgresql(url: URL) -> Inspection:
    if importlib.util.find_spec("asyncpg") is None:
        raise SetupError("PostgreSQL needs a driver that is not installed.", "Install madang[postgres].")
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), connect_args={"timeout": ANSWER_SECONDS})
    try:
        async with engine.connect() as c:
            version = (await c.execute(text("SHOW server_version"))).scalar()
            return Inspection(f"PostgreSQL {version}", await c.run_sync(migrations.current))
    except (OSError, TimeoutError, exc.SQLAlchemyError) as error:
        where = f"{url.host or 'localhost'}:{url.port or 5432}"
        raise SetupError(
            f"The database at {where} does not answer ({error}).",
            "Check MADANG_DATABASE, and that PostgreSQL runs there.",
        ) from error
    finally:
        await engine.dispose()
