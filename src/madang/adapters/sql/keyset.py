"""Keyset pagination over a whole table: batches in the order of its key, each found by the key before it."""

from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Select, Table, Text, and_, func, select

from madang.adapters.sql import reading
from madang.adapters.sql.tables import events, rooms

Key = tuple[Any, ...]
Rows = list[tuple[Any, ...]]

ROOMS: Final = 1_000  # whose heads are looked up at a time


def batch(c: Connection, table: Table, after: Key | None, limit: int) -> Rows:
    """Return up to `limit` whole rows whose key is above `after` (None: from the first), in order.

    What follows (a, b, c) is the rest of (a, b), the rest of a, and all beyond. Each of these is one range of the key on
    every database; for (x, y, z) > (a, b, c) in one condition, MariaDB walks the whole table.
    """
    return _batch(c, table, select(table), after, limit)


def fitting(c: Connection, table: Table, after: Key | None, limit: int, most: int) -> int:
    """Return how many of the rows that `batch` would return have so much bytes and text together; at least one."""
    sizes = [func.length(column) for column in table.columns if isinstance(column.type, LargeBinary | Text)]
    total = 0
    rows = _batch(c, table, select(*sizes), after, limit)
    for n, row in enumerate(rows):
        total += sum(row)
        if total > most:
            return max(n, 1)
    return max(len(rows), 1)


def _batch(c: Connection, table: Table, what: Select[Any], after: Key | None, limit: int) -> Rows:
    key = list(table.primary_key)
    wanted = what.order_by(*key)
    if after is None:
        return [tuple(row) for row in c.execute(wanted.limit(limit))]
    found: Rows = []
    for held in reversed(range(len(key))):
        same = [column == value for column, value in zip(key[:held], after, strict=False)]
        beyond = wanted.where(and_(*same, key[held] > after[held])).limit(limit - len(found))
        found += [tuple(row) for row in c.execute(beyond)]
        if len(found) == limit:
            break
    return found


def key_of(table: Table, row: tuple[Any, ...]) -> Key:
    """Return the key of a row."""
    return tuple(value for column, value in zip(table.columns, row, strict=True) if column.primary_key)


def last_key(c: Connection, table: Table) -> Key | None:
    """Return the greatest key of a table; None when it is empty."""
    key = list(table.primary_key)
    row = c.execute(select(*key).order_by(*(column.desc() for column in key)).limit(1)).one_or_none()
    return None if row is None else tuple(row)


def size(c: Connection, table: Table) -> int:
    """Return the number of rows of a table; of the log by the rooms' heads, a step per room and not per event."""
    if table is not events:
        return c.execute(select(func.count()).select_from(table)).scalar_one()
    total, after = 0, None
    while some := batch(c, rooms, after, ROOMS):
        total += sum(seq for _, seq in reading.newest_seqs(c, [key_of(rooms, room)[0] for room in some]))
        after = key_of(rooms, some[-1])
    return total
