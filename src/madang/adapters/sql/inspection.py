"""Inspects a database for `madang doctor`: which server answers, and its schema. Changes nothing; a server may run on it."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import URL, Connection, exc, inspect, text

from madang.adapters.sql import finishing, installation, leases, migrations, server_settings
from madang.adapters.sql.server_engine import reason
from madang.core.addresses import host_port
from madang.errors import SetupError, Unreachable

SQLITE_VERSION: Final = sqlite3.sqlite_version
INSPECT_SECONDS: Final = 5


class Inspection(NamedTuple):
    """What was found.

    Attributes:
        schema: of the tables; None for a database that Madang has not used yet.
        newest: the newest schema that this version knows.
        empty: whether there are no tables at all.
        refused: why this version cannot use it, if it cannot.
        warnings: settings of its server that should be changed.
        unfinished: steps that wait for `madang upgrade --finish`.
        nodes: holders of leases; one of them may have died less than half a minute ago.
    """

    server: str
    schema: str | None
    newest: str = migrations.NEWEST
    empty: bool = False
    refused: SetupError | None = None
    warnings: tuple[server_settings.Misconfiguration, ...] = ()
    unfinished: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()


def examine(c: Connection, server: str) -> Inspection:
    """Inspect the database of a connection."""
    schema = migrations.current(c)
    names = inspect(c).get_table_names()
    if "installation" not in names:
        return Inspection(server, schema, empty=not names)
    refused = None
    try:
        installation.check_version(c, migrations.NEWEST)
        installation.check_complete(c)
    except SetupError as error:
        refused = error
    nodes = tuple(leases.holders(c))
    return Inspection(server, schema, refused=refused, unfinished=tuple(finishing.pending(c)), nodes=nodes)


def _fit(found: list[server_settings.Misconfiguration], refused: SetupError | None) -> dict[str, Any]:
    try:
        return {"warnings": tuple(server_settings.raise_fatal(found)), "refused": refused}
    except SetupError as error:
        return {"refused": error}


class ServerKind(NamedTuple):
    """How one kind of database server is inspected.

    Attributes:
        product: its name, for people.
        port: the one it listens on where a URL names none.
        arguments: of its driver: the seconds to wait for a connection, and what inspecting needs.
        version: the statement that returns the server's version.
        hint_for: returns what to do about an error; None where the error does not say.
        is_passing: returns whether an error may be over in a moment.
    """

    product: str
    port: int
    arguments: Mapping[str, Any]
    version: str
    hint_for: Callable[[BaseException], str | None]
    is_passing: Callable[[BaseException], bool]


async def inspect_server(url: URL, server: ServerKind) -> Inspection:
    """Inspect a database on a server, by a URL as its driver takes it. Raises SetupError."""
    from sqlalchemy.ext.asyncio import create_async_engine  # brings the ORM, which a start on SQLite does not need

    engine = create_async_engine(url, connect_args=dict(server.arguments))
    try:
        async with engine.connect() as c:
            version = str((await c.execute(text(server.version))).scalar())
            product = "MariaDB" if "MariaDB" in version else server.product
            found = await c.run_sync(examine, f"{product} {version}")
            return found._replace(
                **_fit(await c.run_sync(server_settings.misconfigurations, max(1, len(found.nodes))), found.refused)
            )
    except (OSError, TimeoutError, exc.SQLAlchemyError) as error:
        raise (Unreachable if server.is_passing(error) else SetupError)(
            f"The database at {host_port(url.host or 'localhost', url.port or server.port)} does not answer ({reason(error)}).",
            server.hint_for(error) or f"Check MADANG_DATABASE, and that {server.product} runs there.",
        ) from error
    finally:
        await engine.dispose()
