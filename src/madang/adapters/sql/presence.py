"""Presence of a fleet in its database, for buses whose broker keeps nothing: who has a live device in which room.

One table, created at first use and not by the migrations: they guard what must last, and this must not. It may be emptied
at any time; within a minute every node has written its devices again. On PostgreSQL it is unlogged.

Changes exclude each other, and nothing else, so that of two devices that connect at once, on whichever nodes, exactly one
is the first. Changes that wait for the lock go into one transaction. The connections are not the store's: a crowd that comes
must not make messages wait.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    delete,
    func,
    inspect,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import mysql, postgresql

from madang.adapters.sql.dialects import MIGRATING, MYSQL, PRESENT, clock_ms, insert_new, serialise
from madang.adapters.sql.engine import Engine
from madang.adapters.sql.open import open_beside
from madang.adapters.sql.tables.columns import words
from madang.aio import Batcher
from madang.errors import SetupError, StorageFailed

T = TypeVar("T")

CONNECTIONS: Final = 2
"""One for what changes, since changes exclude each other, and one to read."""
MOST: Final = 1_000
"""Devices in one transaction."""

_User = tuple[str, str]  # room, user
_Device = tuple[str, str, str]  # the same, and a device
_Arrival = tuple[str, str, str, str]  # the same, and the user's name

devices: Final = Table(
    "present_devices",
    MetaData(),
    Column("room", words(64), primary_key=True),
    Column("who", words(64), primary_key=True),
    Column("device", words(64), primary_key=True),
    Column("name", words(64), nullable=False),
    Column("gone_ms", BigInteger, nullable=False),
)
_turn: Final = Table("present_turn", devices.metadata, Column("id", Integer, primary_key=True))
"""A row that whoever changes something locks on MySQL, which has no lock of a transaction."""
_DEVICE: Final = (devices.c.room, devices.c.who, devices.c.device)
_user: Final = tuple_(*_DEVICE[:2])
_device: Final = tuple_(*_DEVICE)


class DatabasePresence:
    """Counts devices per (room, user) over all nodes. See `ports.presence`.

    Times come in as seconds of the caller's own clock, which other nodes do not share; the first call compares it with
    the database's clock, once.

    Args:
        url: of a database server, as the store takes it.
        ttl_s: seconds after which a device that was not refreshed is gone.
    """

    def __init__(self, url: str, ttl_s: float) -> None:
        self._url = url
        self._ttl_ms = int(ttl_s * 1000)
        self._engine: Engine | None = None
        self._opening = asyncio.Lock()
        self._ahead_ms: int | None = None  # the database's clock, of the caller's
        self._entering: Batcher[tuple[_Arrival, float], bool] = Batcher(self._enter, MOST)
        self._leaving: Batcher[_Device, bool] = Batcher(self._leave, MOST)

    async def stop(self) -> None:
        """Close the connections. Devices stay until their TTL ends."""
        if self._engine is not None:
            await self._engine.close()

    async def enter(self, room: str, user: str, name: str, device: str, now: float) -> bool:
        return bool(await self._entering.get(((room, user, device, name), now)))

    async def leave(self, room: str, user: str, device: str, now: float) -> bool:
        return bool(await self._leaving.get((room, user, device)))

    async def _enter(self, asked: Sequence[tuple[_Arrival, float]]) -> dict[tuple[_Arrival, float], bool]:
        came = {arrival[:3]: arrival[3] for arrival, _ in asked}
        last = max(now for _, now in asked)

        def work(c: Connection) -> set[_User]:
            gone_ms = self._database_ms(c, last) + self._ttl_ms
            edges = {device[:2] for device in came} - _users(c, {device[:2] for device in came})
            _write_down(c, [(*device, name, gone_ms) for device, name in came.items()])
            return edges

        edges = await self._change(work)
        return {(arrival, now): _take_edge(arrival[:2], edges) for arrival, now in asked}

    async def _leave(self, asked: Sequence[_Device]) -> dict[_Device, bool]:
        edges = await self._change(lambda c: _remove(c, _known(c, asked)))
        return {device: _take_edge(device[:2], edges) for device in asked}

    async def refresh(self, devices: Sequence[_Device], now: float) -> list[_Device]:
        unknown: list[_Device] = []
        for start in range(0, len(devices), MOST):
            some = devices[start : start + MOST]
            known = await self._change(lambda c, some=some: self._refresh(c, some, now))  # type: ignore[misc]
            unknown += [device for device in some if device not in known]
        return unknown

    def _refresh(self, c: Connection, some: Sequence[_Device], now: float) -> set[_Device]:
        known = _known(c, some)
        if known:
            gone_ms = self._database_ms(c, now) + self._ttl_ms
            c.execute(update(devices).where(_are(known), _device.in_(known)).values(gone_ms=gone_ms))
        return known

    async def sweep(self, now: float) -> list[_User]:
        def work(c: Connection) -> tuple[int, set[_User]]:
            silent = select(*_DEVICE).where(devices.c.gone_ms <= self._database_ms(c, now)).limit(MOST)
            gone = {(room, who, device) for room, who, device in c.execute(silent)}
            return len(gone), _remove(c, gone)

        found, edges = await self._change(work)
        ended = list(edges)
        with suppress(StorageFailed):  # the rest is swept the next time
            while found == MOST:
                found, edges = await self._change(work)
                ended += edges
        return ended

    async def online(self, room: str, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        page = (
            select(devices.c.who, func.max(devices.c.name))
            .where(devices.c.room == room, devices.c.who > after)
            .group_by(devices.c.who)
            .order_by(devices.c.who)
            .limit(limit)
        )
        engine = await self._opened()
        return await engine.read(lambda c: [(who, name) for who, name in c.execute(page)])

    async def count(self, room: str) -> int:
        users = select(func.count(devices.c.who.distinct())).where(devices.c.room == room)
        engine = await self._opened()
        return await engine.read(lambda c: int(c.execute(users).scalar_one()))

    async def _change(self, work: Callable[[Connection], T]) -> T:
        """Run work while no other changes anything, and commit."""

        def alone(c: Connection) -> T:
            if c.dialect.name in MYSQL:
                c.execute(select(_turn.c.id).with_for_update())
            else:
                serialise(c, PRESENT)
            return work(c)

        engine = await self._opened()
        return await engine.write(alone)

    async def _opened(self) -> Engine:
        """Return the engine; at first use open it and make the table.

        Raises:
            StorageFailed: the database cannot be used now.
        """
        async with self._opening:
            if self._engine is None:
                try:
                    self._engine = await open_beside(self._url, _make, CONNECTIONS)
                except SetupError as error:
                    raise StorageFailed("Presence is not available just now.") from error
            return self._engine

    def _database_ms(self, c: Connection, now: float) -> int:
        """Return the caller's time in milliseconds of the database's clock."""
        now_ms = int(now * 1000)
        if self._ahead_ms is None:
            self._ahead_ms = clock_ms(c) - now_ms
        return self._ahead_ms + now_ms


def _make(c: Connection) -> None:
    """Make the table, if there is none."""
    serialise(c, MIGRATING)
    if not inspect(c).has_table(devices.name):
        devices.create(c)
        if c.dialect.name == "postgresql":
            c.execute(text(f"ALTER TABLE {devices.name} SET UNLOGGED"))
    if c.dialect.name in MYSQL:
        _turn.create(c, checkfirst=True)
        insert_new(c, _turn, {"id": 1})


def _are(some: Collection[tuple[str, ...]]) -> ColumnElement[bool]:
    """Return what is true of the rows of some users or devices, and of few others: MariaDB finds no rows by tuples, it walks all."""
    return devices.c.room.in_({each[0] for each in some}) & devices.c.who.in_({each[1] for each in some})


def _users(c: Connection, users: Collection[_User]) -> set[_User]:
    """Return those of some users that have a device."""
    found = select(devices.c.room, devices.c.who).where(_are(users), _user.in_(users)).distinct()
    return {(room, who) for room, who in c.execute(found)}


def _known(c: Connection, some: Collection[_Device]) -> set[_Device]:
    found = select(*_DEVICE).where(_are(some), _device.in_(some))
    return {(room, who, device) for room, who, device in c.execute(found)}


def _remove(c: Connection, gone: Collection[_Device]) -> set[_User]:
    """Remove devices that there are; return the users that have none left."""
    if not gone:
        return set()
    c.execute(delete(devices).where(_are(gone), _device.in_(gone)))
    users = {device[:2] for device in gone}
    return users - _users(c, users)


def _write_down(c: Connection, rows: Sequence[tuple[str, str, str, str, int]]) -> None:
    values = [dict(zip(devices.c.keys(), row, strict=True)) for row in rows]
    changing = ("name", "gone_ms")
    if c.dialect.name in MYSQL:
        new = mysql.insert(devices)
        c.execute(new.on_duplicate_key_update({name: new.inserted[name] for name in changing}), values)
    else:
        upsert = postgresql.insert(devices)
        replaced = {name: upsert.excluded[name] for name in changing}
        c.execute(upsert.on_conflict_do_update(index_elements=_DEVICE, set_=replaced), values)


def _take_edge(user: _User, edges: set[_User]) -> bool:
    """Whether a user is at an edge that no caller has been told of yet; exactly one caller is."""
    if user not in edges:
        return False
    edges.discard(user)
    return True
