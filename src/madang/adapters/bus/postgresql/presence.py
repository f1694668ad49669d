"""Presence of a fleet, in PostgreSQL: who has a live device in which room, on whichever node.

One unlogged table, created at first use and not by the migrations: they guard what must last, and this must not. It may
be dropped at any time, and a crash of the server empties it; within a minute every node has written its devices again.

Changes exclude each other, so that of two devices that connect at once, on whichever nodes, exactly one is the first.
Changes that wait for the lock go into one transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from zlib import crc32

from madang.adapters.bus.postgresql import connecting
from madang.adapters.bus.postgresql.connecting import UNREACHABLE
from madang.aio import Batcher
from madang.errors import StorageFailed

MOST: Final = 1_000
"""Devices in one transaction."""

_Device = tuple[str, str, str]  # room, user, device
_Arrival = tuple[str, str, str, str]  # the same, and the user's name

# COLLATE "C" sorts by bytes, as pages of users are sorted. Half of each page stays free, because every refresh updates
# every row in place.
_TABLE: Final = """
CREATE UNLOGGED TABLE IF NOT EXISTS {table} (
  room text COLLATE "C", who text COLLATE "C", device text COLLATE "C", name text NOT NULL, gone_at float8 NOT NULL,
  PRIMARY KEY (room, who, device)
) WITH (fillfactor = 50)
"""
_CLOCK: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"
# All parts of one statement see the table as it was before the statement.
_ENTER: Final = """
WITH given AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS g (room, who, device, name)),
noted AS (
  INSERT INTO {table} SELECT DISTINCT ON (room, who, device) room, who, device, name, $5 FROM given
  ON CONFLICT (room, who, device) DO UPDATE SET name = EXCLUDED.name, gone_at = EXCLUDED.gone_at
)
SELECT DISTINCT room, who FROM given g WHERE NOT EXISTS (SELECT FROM {table} d WHERE d.room = g.room AND d.who = g.who)
"""
_ENDED: Final = """
SELECT DISTINCT room, who FROM gone g WHERE NOT EXISTS (
  SELECT FROM {table} d WHERE d.room = g.room AND d.who = g.who
  AND NOT EXISTS (SELECT FROM gone o WHERE o.room = d.room AND o.who = d.who AND o.device = d.device)
)
"""
_LEAVE: Final = f"""
WITH gone AS (
  DELETE FROM {{table}} d USING unnest($1::text[], $2::text[], $3::text[]) AS g (room, who, device)
  WHERE d.room = g.room AND d.who = g.who AND d.device = g.device RETURNING d.room, d.who, d.device
) {_ENDED}
"""  # noqa: S608  # of constants
_SWEEP: Final = f"WITH gone AS (DELETE FROM {{table}} WHERE gone_at <= $1 RETURNING room, who, device) {_ENDED}"  # noqa: S608
_REFRESH: Final = """
UPDATE {table} d SET gone_at = $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS g (room, who, device)
WHERE d.room = g.room AND d.who = g.who AND d.device = g.device RETURNING d.room, d.who, d.device
"""
_ONLINE: Final = """
SELECT DISTINCT ON (who) who, name FROM {table} WHERE room = $1 AND who > $2 ORDER BY who LIMIT $3
"""
_COUNT: Final = "SELECT count(*) FROM (SELECT DISTINCT who FROM {table} WHERE room = $1) AS users"


class NotifyPresence:
    """Counts devices per (room, user) over all nodes. See `ports.presence`.

    Times come in as seconds of the caller's own clock, which other nodes do not share; the first call compares it with
    the server's clock, once.

    Args:
        url: of a PostgreSQL database, as the bus takes it.
        name: of the installation, a word of letters and digits.
        ttl_s: seconds after which a device that was not refreshed is gone.

    Raises:
        SetupError: it is not a URL of a PostgreSQL database.
    """

    def __init__(self, url: str, name: str, ttl_s: float) -> None:
        self._server = connecting.PostgresqlServer(url)
        self._table = f"devices_{name}"
        self._lock = crc32(self._table.encode())
        self._ttl_s = ttl_s
        self._ahead_s: float | None = None
        self._connection: Any = None
        self._turn = asyncio.Lock()  # a connection runs one statement at a time
        self._entering: Batcher[tuple[_Arrival, float], bool] = Batcher(self._enter, MOST)
        self._leaving: Batcher[_Device, bool] = Batcher(self._leave, MOST)

    async def stop(self) -> None:
        """Close the connection. Devices stay until their TTL ends."""
        if self._connection is not None:
            self._connection.terminate()

    async def enter(self, room: str, user: str, name: str, device: str, now: float) -> bool:
        return bool(await self._entering.get(((room, user, device, name), now)))

    async def leave(self, room: str, user: str, device: str, now: float) -> bool:
        return bool(await self._leaving.get((room, user, device)))

    async def _enter(self, asked: Sequence[tuple[_Arrival, float]]) -> dict[tuple[_Arrival, float], bool]:
        gone_at = await self._server_s(max(now for _, now in asked)) + self._ttl_s
        edges = await self._change(_ENTER, *_columns(arrival for arrival, _ in asked), gone_at)
        return {(arrival, now): _take_edge(arrival[:2], edges) for arrival, now in asked}

    async def _leave(self, asked: Sequence[_Device]) -> dict[_Device, bool]:
        edges = await self._change(_LEAVE, *_columns(asked))
        return {device: _take_edge(device[:2], edges) for device in asked}

    async def refresh(self, devices: Sequence[_Device], now: float) -> list[_Device]:
        gone_at = await self._server_s(now) + self._ttl_s
        known = await self._change(_REFRESH, *_columns(devices), gone_at)
        return [device for device in devices if device not in known]

    async def sweep(self, now: float) -> list[tuple[str, str]]:
        return list(await self._change(_SWEEP, await self._server_s(now)))

    async def online(self, room: str, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        async with self._connected() as connection:
            return [tuple(row) for row in await connection.fetch(self._named(_ONLINE), room, after, limit)]

    async def count(self, room: str) -> int:
        async with self._connected() as connection:
            return int(await connection.fetchval(self._named(_COUNT), room))

    async def _change(self, query: str, *values: Any) -> set[Any]:
        """Run a statement while no other one changes anything, and return its rows."""
        async with self._connected() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", self._lock)
            return {tuple(row) for row in await connection.fetch(self._named(query), *values)}

    async def _server_s(self, now: float) -> float:
        """Return the caller's time in seconds of the server's clock."""
        if self._ahead_s is None:
            async with self._connected() as connection:
                self._ahead_s = await connection.fetchval(_CLOCK) - now
        return self._ahead_s + now

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        """Yield the connection; after a failure a new one, with the table if it is missing.

        Raises:
            StorageFailed: whatever fails.
        """
        async with self._turn:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._prepared(await self._server.connect())
                yield self._connection
            except UNREACHABLE as error:
                await self.stop()
                raise StorageFailed("Presence is not available just now.") from error

    async def _prepared(self, connection: Any) -> Any:
        """Return a connection to a server that has the table; one that has not is closed."""
        try:
            async with connection.transaction():  # the lock: two creators of the table at once would fail
                await connection.execute("SELECT pg_advisory_xact_lock($1)", self._lock)
                await connection.execute(self._named(_TABLE))
        except BaseException:  # cancelled, too
            connection.terminate()
            raise
        return connection

    def _named(self, query: str) -> str:
        return query.format(table=self._table)


def _columns(rows: Iterable[tuple[str, ...]]) -> list[list[str]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _take_edge(user: tuple[str, str], edges: set[Any]) -> bool:
    """Whether a user is at an edge that no caller has been told of yet; exactly one caller is."""
    if user not in edges:
        return False
    edges.discard(user)
    return True
