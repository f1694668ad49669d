"""How PostgreSQL is reached as a bus: by the URL that the store takes, over connections of its own.

The store's pool would not do: a connection that listens is never given back, and what is notified must not wait for one.
"""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from sqlalchemy import URL

from madang.adapters import network
from madang.adapters.postgresql_urls import arguments
from madang.adapters.urls import parse
from madang.core.addresses import host_port
from madang.errors import SetupError, Unreachable

CONNECT_S: Final = 5.0
ANSWER_S: Final = 5.0
"""A server that is silent for this long counts as gone."""
UNREAD_S: Final = 30
"""A frozen node reads nothing, and what it has not read fills the queue of the whole database. After this time the
server drops its connection; when the node goes on, it reconnects and reads the log."""
UNREACHABLE: Final[tuple[type[Exception], ...]] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What an unreachable server raises."""
NOT_NOW: Final = ("08", "53300", "57P")
"""SQLSTATEs of connections that were lost, of too many of them, and of a server that starts or stops."""
EXAMPLE: Final = "Write postgresql://user:password@host/database, as for the database."

# Nothing here must outlive a crash, so no commit waits for the disk; and no transaction outlives a frozen node.
_SESSION: Final = f"""
    SET application_name = 'madang bus';
    SET synchronous_commit = off;
    SET idle_in_transaction_session_timeout = '{int(ANSWER_S)}s';
    SET tcp_user_timeout = '{UNREAD_S}s'
"""
ROUNDS: Final = 3
_STATEMENT_POOLING: Final = "statement pooling"  # PgBouncer's words, in its answer to BEGIN
_POOLED: Final = "PostgreSQL at {} is behind a pooler that forgets who listens (PgBouncer: pool_mode = {})."
_UNPOOLED: Final = "Let MADANG_BUS name PostgreSQL itself, or a pooler of whole sessions; MADANG_DATABASE may stay."
_LOOK: Final = "SELECT pg_is_in_recovery(), has_schema_privilege(current_schema(), 'CREATE')"


class PostgresqlServer:
    """The PostgreSQL server that a URL names. Nothing is connected yet.

    Raises:
        SetupError: it is not a URL of a PostgreSQL database.
    """

    def __init__(self, url: str) -> None:
        self._url = parse(url, "bus", EXAMPLE)
        self._arguments = arguments(self._url, "bus")
        if not self._url.database:
            raise SetupError("The bus setting names no database.", EXAMPLE)
        self.place = _place(self._url)

    async def connect(self) -> Any:
        """Open a connection; the caller terminates it. Raises UNREACHABLE."""
        connection = await self._open()
        try:
            await connection.execute(_SESSION)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _open(self, **more: Any) -> Any:
        url = self._url
        where = {"host": url.host, "port": url.port, "user": url.username, "database": url.database}
        password = None if url.password is None else str(url.password)
        options = self._arguments | more
        return await asyncpg.connect(**where, password=password, timeout=CONNECT_S, command_timeout=ANSWER_S, **options)

    async def check(self) -> None:
        """Check that the server answers and can be used.

        Raises:
            SetupError: it cannot, in one sentence.
        """
        try:
            # Without the settings of a session: behind a pooler of transactions they would stay with connections of others.
            connections: list[Any] = []
            try:
                for _ in range(2):
                    connections.append(await self._open(statement_cache_size=0))  # noqa: PERF401  # those opened are closed
                pooled = await _are_pooled(connections)
                async with connections[0].transaction():
                    standby, tables = await connections[0].fetchrow(_LOOK)
            finally:
                for connection in connections:
                    connection.terminate()
        except UNREACHABLE as error:
            if _STATEMENT_POOLING in str(error):
                raise SetupError(_POOLED.format(self.place, "statement"), _UNPOOLED) from None
            raise (Unreachable if _is_passing(error) else SetupError)(
                f"PostgreSQL at {self.place} cannot be used as the bus ({str(error) or 'no answer'}).",
                "Check that it runs there and that MADANG_BUS names an existing database, user and password.",
            ) from error
        if pooled:
            raise SetupError(_POOLED.format(self.place, "transaction"), _UNPOOLED)
        if standby:
            raise SetupError(
                f"PostgreSQL at {self.place} is a standby, which cannot notify.",
                "Let MADANG_BUS name the primary.",
            )
        if not tables:
            raise SetupError(
                f"PostgreSQL at {self.place} does not let us create a table, which presence needs.",
                "Let the user that MADANG_BUS names create tables there.",
            )


async def _are_pooled(connections: Sequence[Any]) -> bool:
    """Return whether a pooler gives each transaction another connection of the server: two of ours then share one."""
    seen: list[set[int]] = [set(), set()]
    for _ in range(ROUNDS):
        for pids, connection in zip(seen, connections, strict=True):
            async with connection.transaction():
                pids.add(await connection.fetchval("SELECT pg_backend_pid()"))
    return bool(seen[0] & seen[1]) or any(len(pids) > 1 for pids in seen)


def _is_passing(error: Exception) -> bool:
    """Return whether nobody answers, or not yet."""
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith(NOT_NOW) if state else network.is_passing(error)


def _place(url: URL) -> str:
    """Return the host, port and database of a URL, for people; never its password."""
    return f"{host_port(url.host or 'localhost', url.port or 5432)}/{url.database}"
