"""What an append looks up before it numbers its drafts: rooms, their heads, roles, and which cids are there already.

One text per database and per number of keys, run by the driver itself. Everything else that differs between the
databases is in `dialects.py`.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, TypeVar

from sqlalchemy import Connection

from madang.adapters.sql import ordinals
from madang.adapters.sql.dialects import MYSQL, AnyRow
from madang.adapters.sql.rows import Head
from madang.core.rooms import Room

K = TypeVar("K")
CidKey = tuple[str, str, str]
"""(room, user, cid)"""
Asked = tuple[str, str, str | None]
"""(room, user, cid): what an append looks up about a draft; without a cid only what it looks up about the user."""

CHUNK: Final = 1_000
"""Rooms whose heads are looked up at a time on SQLite, whose statements take 32,766 values."""

# INDEXED BY and a join from keys to index, because a plan chosen by statistics may walk the table. Roles are read in the
# same statement, because on a server each statement is a round trip.
_LOOK_UP_SQLITE: Final = """
    WITH v(room, u, cid) AS (VALUES ...)
    SELECT v.room, v.u, v.cid, (SELECT m.role FROM members m WHERE m.room = v.room AND m."user" = v.u),
        (SELECT t.until_ms FROM mutes t WHERE t.room = v.room AND t."user" = v.u), OWN,
        e.target, e.seq, e.id, e.type, e.name, e.body
    FROM v LEFT JOIN events e INDEXED BY events_cid
    ON e.room = v.room AND e."user" = v.u AND e.cid = v.cid AND e.cid IS NOT NULL
""".replace("OWN", ordinals.own("sqlite", "v.room", "v.u"))
_KNOWN_SQLITE: Final = """
    WITH v(room, u, cid) AS (VALUES ...)
    SELECT 1 FROM v CROSS JOIN events e INDEXED BY events_cid
    ON e.room = v.room AND e."user" = v.u AND e.cid = v.cid AND e.cid IS NOT NULL
"""
# For each key one descent of each of two indexes.
_LOOK_UP_POSTGRESQL: Final = """
    SELECT v.room, v.u, v.cid, (SELECT m.role FROM members m WHERE m.room = v.room AND m."user" = v.u),
        (SELECT t.until_ms FROM mutes t WHERE t.room = v.room AND t."user" = v.u), OWN,
        e.target, e.seq, e.id, e.type, e.name, e.body
    FROM unnest($1::text[], $2::text[], $3::text[]) AS v(room, u, cid)
    LEFT JOIN LATERAL (
        SELECT * FROM events WHERE room = v.room AND "user" = v.u AND cid = v.cid LIMIT 1
    ) AS e ON true
""".replace("OWN", ordinals.own("postgresql", "v.room", "v.u"))
# FORCE INDEX for the reason above. UNION ALL is the shortest form that MariaDB and MySQL share.
_LOOK_UP_MYSQL: Final = """
    SELECT v.room, v.u, v.cid, (SELECT m.role FROM members m WHERE m.room = v.room AND m.`user` = v.u),
        (SELECT t.until_ms FROM mutes t WHERE t.room = v.room AND t.`user` = v.u), OWN,
        e.target, e.seq, e.id, e.type, e.name, e.body
    FROM (SELECT %s AS room, %s AS u, %s AS cid ...) v LEFT JOIN events e FORCE INDEX (events_cid)
    ON e.room = v.room AND e.`user` = v.u AND e.cid = v.cid
""".replace("OWN", ordinals.own("mysql", "v.room", "v.u"))

_SETTINGS: Final = (
    'SELECT id, title, access, slow_ms, archived, "write", history, keep_ms, keep_messages, purged_seq FROM rooms'
)
_LOCK_POSTGRESQL: Final = f"{_SETTINGS} WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
_LOCK_MYSQL: Final = f"{_SETTINGS} WHERE id IN (...) ORDER BY id FOR UPDATE".replace('"', "`")
_SETTINGS_SQLITE: Final = f"WITH v(room) AS (VALUES ...) {_SETTINGS} JOIN v ON id = v.room"
_NEWEST_POSTGRESQL: Final = """
    SELECT v.room, e.seq, e.id, MESSAGES FROM unnest($1::text[]) AS v(room)
    CROSS JOIN LATERAL (SELECT seq, id FROM events WHERE room = v.room ORDER BY seq DESC LIMIT 1) AS e
""".replace("MESSAGES", ordinals.messages("postgresql", "v.room"))
_NEWEST_SQLITE: Final = """
    WITH v(room) AS (VALUES ...)
    SELECT v.room, e.seq, e.id, MESSAGES FROM v JOIN events e
    ON e.room = v.room AND e.seq = (SELECT max(seq) FROM events WHERE room = v.room)
""".replace("MESSAGES", ordinals.messages("sqlite", "v.room"))
# For each room one descent of the key: MariaDB would walk a whole room for a max(), and has no LATERAL.
_NEWEST_MYSQL: Final = """
    SELECT r.id, e.seq, e.id, MESSAGES FROM rooms r JOIN events e ON e.room = r.id
    WHERE r.id IN (...) AND e.seq = (SELECT l.seq FROM events l WHERE l.room = r.id ORDER BY l.seq DESC LIMIT 1)
""".replace("MESSAGES", ordinals.messages("mysql", "r.id"))


def lock_rooms(c: Connection, rooms: Sequence[str]) -> list[Room]:
    """Lock the rows of rooms, in order of their ids, until the transaction ends; return those there are. Not for SQLite.

    One text for any number of rooms: a driver that prepares statements would prepare one for each number.
    """
    if c.dialect.name in MYSQL:
        return _rooms(c.exec_driver_sql(_placed(_LOCK_MYSQL, len(rooms)), tuple(rooms)).all())
    return _rooms(c.exec_driver_sql(_LOCK_POSTGRESQL, (list(rooms),)).all())


def settings(c: Connection, rooms: Sequence[str]) -> list[Room]:
    """Return those rooms there are, deleted ones, too. For SQLite, which need not lock them."""
    found: list[Room] = []
    for start in range(0, len(rooms), CHUNK):
        some = padded(rooms[start : start + CHUNK])
        found += _rooms(c.exec_driver_sql(_settings_sqlite(len(some)), tuple(some)).all())
    return found


@lru_cache
def _settings_sqlite(count: int) -> str:
    return _SETTINGS_SQLITE.replace("...", ",".join(["(?)"] * count))


def _rooms(rows: Sequence[AnyRow]) -> list[Room]:
    return [
        Room(
            id=id, title=title, access=access, slow_ms=slow_ms, archived=bool(archived), write=write, history=history,
            keep_ms=keep_ms, keep_messages=keep_messages, purged_seq=purged_seq,
        )
        for id, title, access, slow_ms, archived, write, history, keep_ms, keep_messages, purged_seq in rows
    ]  # fmt: skip


def heads(c: Connection, rooms: Sequence[str]) -> dict[str, Head]:
    """Return the heads of those rooms that have an event in the table."""
    found: list[AnyRow] = []
    if c.dialect.name == "sqlite":
        for start in range(0, len(rooms), CHUNK):
            some = padded(rooms[start : start + CHUNK])
            found += c.exec_driver_sql(_newest_sqlite(len(some)), tuple(some)).all()
    elif c.dialect.name in MYSQL:
        found += c.exec_driver_sql(_placed(_NEWEST_MYSQL, len(rooms)), tuple(rooms)).all()
    else:
        found += c.exec_driver_sql(_NEWEST_POSTGRESQL, (list(rooms),)).all()
    return {room: Head(seq, id, messages) for room, seq, id, messages in found}


def _placed(sql: str, count: int) -> str:
    return sql.replace("...", ", ".join(["%s"] * count))


@lru_cache
def _newest_sqlite(count: int) -> str:
    return _NEWEST_SQLITE.replace("...", ",".join(["(?)"] * count))


def look_up(c: Connection, keys: Sequence[Asked]) -> Sequence[AnyRow]:
    """Return for each key (room, user, cid, the user's role, end of a mute, own messages, and target, seq, id, type, name, body of the event).

    What does not exist is None, but there are 0 messages. One statement for all keys: 2.0 µs per key on SQLite, where one by one takes 4.8.
    """
    if c.dialect.name == "sqlite":
        keys = padded(keys)
        return c.exec_driver_sql(_looking_up(len(keys)), tuple(chain.from_iterable(keys))).all()
    if c.dialect.name in MYSQL:
        others = "UNION ALL SELECT %s, %s, %s " * (len(keys) - 1)
        return c.exec_driver_sql(_LOOK_UP_MYSQL.replace("...", others), tuple(chain.from_iterable(keys))).all()
    return c.exec_driver_sql(_LOOK_UP_POSTGRESQL, tuple(zip(*keys, strict=True))).all()


@lru_cache
def _looking_up(count: int) -> str:
    return _LOOK_UP_SQLITE.replace("...", ",".join(["(?,?,?)"] * count))


@lru_cache
def known_sqlite(count: int) -> str:
    """Return the statement that yields a row if any of `count` cids is in `events`."""
    return _KNOWN_SQLITE.replace("...", ",".join(["(?,?,?)"] * count))


def padded(keys: Sequence[K]) -> Sequence[K]:
    """Repeat the last key up to a power of two, so that a few statements serve all batches and stay prepared."""
    return [*keys, *[keys[-1]] * ((1 << (len(keys) - 1).bit_length()) - len(keys))] if keys else keys
