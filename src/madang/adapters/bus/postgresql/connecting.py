"""How PostgreSQL is reached as a bus: by the URL that the store takes, over connections of its own.

The store's pool would not do: a connection that listens is never given back, and what is notified must not wait for one.
"""

from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from madang.errors import SetupError

CONNECT_S: Final = 5.0
ANSWER_S: Final = 5.0
"""A server that says nothing for so long counts as gone."""
UNREAD_S: Final = 30
"""A node that stands still reads nothing, and what it has not read fills the queue of the whole database. After this the
server lets go of it; when it goes on, it connects anew and looks at the log."""
TROUBLE: Final[tuple[type[Exception], ...]] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What an unreachable server raises."""
EXAMPLE: Final = "Write postgresql://user:password@host/database, as for the database."

# Nothing here must outlive a crash, so no commit waits for the disk; and no transaction outlives a node that stands still.
_SESSION: Final = f"""
    SET application_name = 'madang bus';
    SET synchronous_commit = off;
    SET idle_in_transaction_session_timeout = '{int(ANSWER_S)}s';
    SET tcp_user_timeout = '{UNREAD_S}s'
"""
_LOOK: Final = "SELECT pg_is_in_recovery(), has_schema_privilege(current_schema(), 'CREATE')"


class Server:
    """The PostgreSQL that a URL names. Nothing is connected yet.

    Raises:
        SetupError: no such URL.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url).set(drivername="postgresql+asyncpg")
        except (ArgumentError, ValueError):
            raise SetupError("The bus setting is no URL of a PostgreSQL database.", EXAMPLE) from None
        if not self._url.database:
            raise SetupError("The bus setting names no database.", EXAMPLE)
        self.place = _place(self._url)

    async def connect(self) -> Any:
        """Open a connection; whoever opens it ends it. Raises TROUBLE."""
        _, options = self._url.get_dialect()().create_connect_args(self._url)
        connection = await asyncpg.connect(timeout=CONNECT_S, command_timeout=ANSWER_S, **options)
        try:
            await connection.execute(_SESSION)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def check(self) -> None:
        """See that the server answers, and is one that can be used.

        Raises:
            SetupError: it is not, in one sentence.
        """
        try:
            connection = await self.connect()
            try:
                standby, tables = await connection.fetchrow(_LOOK)
            finally:
                connection.terminate()
        except TROUBLE as error:
            raise SetupError(
                f"PostgreSQL at {self.place} cannot be used as the bus ({str(error) or 'no answer'}).",
                "Check that it runs there and that MADANG_BUS names an existing database, user and password.",
            ) from error
        if standby:
            raise SetupError(
                f"PostgreSQL at {self.place} is a standby, which takes no notifications.",
                "Let MADANG_BUS name the primary.",
            )
        if not tables:
            raise SetupError(
                f"PostgreSQL at {self.place} lets us make no table, which it takes to tell who is present.",
                "Let the user that MADANG_BUS names create tables there.",
            )


def _place(url: URL) -> str:
    """Host, port and database of a URL, for people. Never its password."""
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"
