"""Copies a whole installation from one database into another, of whatever kinds, and compares the two row by row.

Rows are copied in the order of their keys, a batch per transaction: so the greatest key of each table in the target says
how far an interrupted copy came, and nothing else is kept about it. The target is marked as incomplete, and no node
starts on it, until every row of both sides has been read again and found equal.

The source must not change meanwhile. Every start of a node leaves a trace in its leases, so they show whether it did, also
between two runs. Leases are copied as released: no number is held in the target, and no id can be assigned twice.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, exc, literal, select

from madang.adapters.sql import installation, leases, tables
from madang.adapters.sql.dialects import LEASING, insert_text, serialise
from madang.adapters.sql.engine import Engine, Unstorable
from madang.adapters.sql.keyset import Key, Rows, batch, fitting, key_of, last_key, size
from madang.adapters.sql.open import inspect_database, open_engine, place
from madang.adapters.sql.server_engine import reason
from madang.errors import MadangError, SetupError, StorageError, StorageFull

COPIED: Final = (
    tables.secrets, tables.rooms, tables.users, tables.members,
    tables.accounts, tables.account_sessions, tables.server_keys, tables.kicks, tables.bans, tables.mutes, tables.audit, tables.reports,
    tables.word_lists, tables.invites, tables.erasures, tables.logins,
    tables.used_tickets, tables.pins, tables.consumers, tables.consumer_positions,
    tables.papers, tables.paper_snapshots, tables.paper_updates, tables.paper_renderings, tables.paper_versions,
    tables.reactions, tables.reaction_counts, tables.mentions,
    tables.events, tables.leases,
)  # fmt: skip
"""In this order: events are counted by their rooms."""
BATCH: Final = 500
"""Rows in a transaction; 32 MB if all are messages of the greatest length."""
LARGE: Final = (tables.paper_snapshots, tables.paper_updates, tables.paper_renderings, tables.paper_versions)
"""Tables whose rows may have megabytes: 500 snapshots of papers are 2 GB."""
BATCH_BYTES: Final = 32 << 20
"""Bytes of these in a transaction, or else one row."""

Progress = Callable[[str, int, int], None]
"""Called after each batch with what is being done, the number of rows done, and the total."""

START_OVER: Final = "Empty the target and run it again."


class Stopped(Exception):
    """The copy was asked to stop. The same call continues where it stopped."""


async def copy(
    source_url: str, target_url: str, clock_ms: Callable[[], int], tell: Progress, stopping: Callable[[], bool]
) -> int:
    """Copy everything from one database into another, compare, and return the number of rows.

    What an earlier call with the same databases copied is not copied again.

    Raises:
        SetupError: a database cannot be opened or is in use, the source is empty, or the target holds something else.
        MadangError: it failed, or the two sides differ.
        Stopped: `stopping` returned True.
    """
    here, there = place(source_url), place(target_url)
    if here == there:
        raise SetupError("Source and target are the same database.", "Name another target with --to.")
    await _check(source_url, target_url)
    source = await open_engine(source_url, clock_ms)
    try:
        target = await open_engine(target_url, clock_ms)
        try:
            return await _Copy(source, here, target, there, tell, stopping).run()
        finally:
            await target.close()
    finally:
        await source.close()


async def _check(source_url: str, target_url: str) -> None:
    """Check that there is something to copy and that the target is empty, before either is changed."""
    source = await inspect_database(source_url)
    if source.schema is None:
        raise SetupError(f"There is no data of Madang at {place(source_url)}.", "Name others with --from or --data.")
    if source.refused is not None:
        raise source.refused
    target = await inspect_database(target_url)
    if target.schema is None and not target.empty:
        raise SetupError(f"{place(target_url)} holds tables of something else.", "Name an empty database with --to.")


class _Copy:
    """One run, with both databases open."""

    def __init__(
        self, source: Engine, here: str, target: Engine, there: str, tell: Progress, stopping: Callable[[], bool]
    ) -> None:
        self._source = source
        self._from = here
        self._target = target
        self._to = there
        self._tell = tell
        self._stopping = stopping
        self._mark = ""  # identifies the source and its state when this copy began
        self._total = 0

    async def run(self) -> int:
        try:
            await self._source.fold_all()
            self._mark = await self._source.read(partial(_mark_unused, where=self._from))
            await self._target.write(partial(_claim, mark=self._mark, where=self._to))
            self._total = sum([await self._source.read(partial(size, table=table)) for table in COPIED])
            await self._copy()
            await self._check_source_unchanged()
            rows = await self._compare()
            await self._check_source_unchanged()
            await self._target.write(partial(installation.drop, name=installation.COPYING))
        except StorageFull:
            raise MadangError(
                "storage_full", "A disk is full. Make room and run it again: it continues where it stopped."
            ) from None
        except StorageError as error:
            raise MadangError(
                error.code,
                f"A database failed ({reason(error.__cause__ or error)}). Run it again: it continues where it stopped.",
            ) from error
        except exc.IntegrityError:
            raise MadangError("internal", "Something else writes into the target. Run one copy at a time.") from None
        return rows

    async def _copy(self) -> None:
        done = 0
        for table in COPIED:
            done += await self._target.read(partial(size, table=table))
            after = await self._target.read(partial(last_key, table=table))
            while rows := await self._rows(self._source, table, after):
                rows = [_as_released(table, row) for row in rows]
                await self._put(table, rows)
                after = key_of(table, rows[-1])
                done += len(rows)
                self._tell(f"copying {table.name}", done, self._total)

    async def _compare(self) -> int:
        done = 0
        for table in COPIED:
            after: Key | None = None
            while True:
                theirs = [_as_released(table, row) for row in await self._rows(self._source, table, after)]
                ours = await self._rows(self._target, table, after)
                if theirs != ours:
                    raise MadangError("internal", f"{self._difference(table, theirs, ours)} {START_OVER}")
                if not ours:
                    break
                after = key_of(table, ours[-1])
                done += len(ours)
                self._tell(f"comparing {table.name}", done, self._total)
        return done

    async def _rows(self, engine: Engine, table: Table, after: Key | None) -> Rows:
        if self._stopping():
            raise Stopped
        return await engine.read(partial(_batch, table=table, after=after))

    async def _put(self, table: Table, rows: Rows) -> None:
        try:
            await self._target.write(partial(_insert, table=table, rows=rows))
        except Unstorable:
            for row in rows:  # in order, so that the greatest key still says how far the copy came
                await self._put_one(table, row)

    async def _put_one(self, table: Table, row: tuple[Any, ...]) -> None:
        try:
            await self._target.write(partial(_insert, table=table, rows=[row]))
        except Unstorable:
            raise SetupError(
                f"{self._to} cannot store {_named(table, row)}.",
                "Delete that message, or choose another kind of database." if table is tables.events else "Change it.",
            ) from None

    async def _check_source_unchanged(self) -> None:
        if await self._source.read(_mark) != self._mark:
            raise SetupError(f"{self._from} was used while it was copied.", f"Let nothing use it. {START_OVER}")

    def _difference(self, table: Table, theirs: Rows, ours: Rows) -> str:
        """Return a sentence on the first difference of two batches."""
        here, there = ({key_of(table, row): row for row in rows} for rows in (theirs, ours))
        for key in sorted(here.keys() | there.keys()):
            if key not in there:
                return f"{_named(table, here[key])} is missing in {self._to}."
            if key not in here:
                return f"{_named(table, there[key])} is only in {self._to}."
            if here[key] != there[key]:
                break
        return f"{_named(table, here[key])} differs in {self._to}."


def _mark_unused(c: Connection, where: str) -> str:
    """Check that no node is on the source, and return its mark. A SQLite file is locked, so that no node can be on it."""
    if c.dialect.name != "sqlite" and (held := leases.held(c)):
        raise SetupError(
            f"Nodes run on {where}: {', '.join(lease.holder for lease in held)}.",
            "Stop them; a node that died is forgotten after 30 s.",
        )
    return _mark(c)


def _mark(c: Connection) -> str:
    """Return what distinguishes this source, and this state of it, from all others: its secret, and every lease so far."""
    rows = [sorted(tuple(row) for row in c.execute(select(table))) for table in (tables.secrets, tables.leases)]
    return hashlib.blake2b(msgspec.msgpack.encode(rows), digest_size=16).hexdigest()


def _claim(c: Connection, mark: str, where: str) -> None:
    """Claim the target for the copy of a source, or continue one; from here on no node can start on it."""
    serialise(c, LEASING)
    begun = installation.get(c, installation.COPYING)
    if begun and begun != mark:
        raise SetupError(
            f"{where} holds an incomplete copy of something else, or the source has been used since it was begun.",
            START_OVER,
        )
    if not begun:
        for table in COPIED:
            if c.execute(select(literal(1)).select_from(table).limit(1)).first():
                raise SetupError(f"{where} holds data already ({table.name}).", "Name an empty database with --to.")
        installation.put(c, installation.COPYING, mark)


def _batch(c: Connection, table: Table, after: Key | None) -> Rows:
    limit = fitting(c, table, after, BATCH, BATCH_BYTES) if table in LARGE else BATCH
    return batch(c, table, after, limit)


def _insert(c: Connection, table: Table, rows: Rows) -> None:
    c.exec_driver_sql(insert_text(table, c.dialect), rows)


def _as_released(table: Table, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as it is copied: a lease as if released, all others as they are."""
    if table is not tables.leases:
        return row
    values = dict(zip(table.columns.keys(), row, strict=True)) | {"holder": "", "expires_ms": 0}
    return tuple(values.values())


def _named(table: Table, row: tuple[Any, ...]) -> str:
    """Return the name of a row: its table and key."""
    key = zip((column.name for column in table.primary_key), key_of(table, row), strict=True)
    return f"{table.name} ({', '.join(f'{name} {value}' for name, value in key)})"
