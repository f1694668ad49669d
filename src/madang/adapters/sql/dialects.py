"""What differs between the databases in SQL, and nothing else. Everything above is written once, over a `Connection`.

Another dialect is one more branch in each function. Threads, pools, file locks and errors are in `sqlite.py`,
`postgresql.py` and `mysql.py`.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Dialect, Row, String, Table, TextClause, exc, func, insert, literal_column, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

K = TypeVar("K")
AnyRow = Row[*tuple[Any, ...]]
CidKey = tuple[str, str, str]
"""(room, user, cid)"""
Asked = tuple[str, str, str | None]
"""(room, user, cid): what an append looks up about a draft. Without a cid it asks only for the user's role."""

# By bytes, and without padding: in their other collations the cids "a" and "a " would be equal.
MARIADB_COLLATION: Final = "utf8mb4_nopad_bin"
MYSQL_COLLATION: Final = "utf8mb4_0900_bin"
MYSQL: Final = frozenset({"mariadb", "mysql"})
DUPLICATE: Final = 1062  # MySQL's error for a key that exists already

# Literals, because a prepared statement can use a partial index only for values it can see.
OPEN: Final = literal_column("'open'", String)
OWNER: Final = literal_column("'owner'", String)

# Names of advisory locks: any numbers, as long as they never change and nothing else in the database uses them.
MIGRATING: Final = 0x6D61_6461_6E67_01
LEASING: Final = 0x6D61_6461_6E67_02


def insert_new(c: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its key exists already; return whether it was inserted."""
    if c.dialect.name in MYSQL:
        # A refused statement leaves InnoDB's transaction as it was. INSERT IGNORE would hide other errors, too.
        try:
            c.execute(insert(table).values(row))
        except exc.IntegrityError as error:
            if error.orig is None or error.orig.args[0] != DUPLICATE:
                raise
            return False
        return True
    upsert = sqlite.insert if c.dialect.name == "sqlite" else postgresql.insert
    return c.execute(upsert(table).values(row).on_conflict_do_nothing()).rowcount == 1


def from_index(c: Connection, table: Table, index: str) -> TextClause:
    """Return a table to select from by a given index.

    SQLite is told the index by name: it has no statistics, and between two indexes it takes the primary key, and would
    walk all of a room's log or members.
    """
    return text(f"{table.name} INDEXED BY {index}" if c.dialect.name == "sqlite" else table.name)


def greatest(c: Connection, a: ColumnElement[int], b: ColumnElement[int]) -> ColumnElement[int]:
    """Return the larger of two values in one row."""
    return func.max(a, b) if c.dialect.name == "sqlite" else func.greatest(a, b)


def serialise(c: Connection, lock: int) -> None:
    """Let one transaction at a time continue from here, over all processes. SQLite has a single writer anyway.

    MySQL's named locks end with the connection, not with the transaction, and its DDL commits implicitly: so a migration,
    on a connection of its own, takes a named lock, and everything else locks a row that every database of Madang has.
    """
    if c.dialect.name == "sqlite":
        return
    if c.dialect.name not in MYSQL:
        c.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
    elif lock == MIGRATING:
        c.execute(text("SELECT GET_LOCK('madang-migrating', 3600)"))
    else:
        c.execute(text("SELECT version_num FROM alembic_version FOR UPDATE"))


@lru_cache
def insert_text(table: Table, dialect: Dialect) -> str:
    """Return the driver's text of an INSERT of all columns, for `exec_driver_sql` with plain tuples.

    That skips what SQLAlchemy would do for each row.
    """
    return str(table.insert().compile(dialect=dialect))


# INDEXED BY and a join from keys to index, because a plan chosen by statistics may walk the table. Roles are read in the
# same statement, because on a server each statement is a round trip.
_LOOK_UP_SQLITE: Final = """
    WITH v(room, u, cid) AS (VALUES ...)
    SELECT v.room, v.u, v.cid, (SELECT m.role FROM members m WHERE m.room = v.room AND m."user" = v.u),
        e.target, e.seq, e.id, e.type, e.name, e.body
    FROM v LEFT JOIN events e INDEXED BY events_cid
    ON e.room = v.room AND e."user" = v.u AND e.cid = v.cid AND e.cid IS NOT NULL
"""
_KNOWN_SQLITE: Final = """
    WITH v(room, u, cid) AS (VALUES ...)
    SELECT 1 FROM v CROSS JOIN events e INDEXED BY events_cid
    ON e.room = v.room AND e."user" = v.u AND e.cid = v.cid AND e.cid IS NOT NULL
"""
# For each key one descent of each of two indexes.
_LOOK_UP_POSTGRESQL: Final = """
    SELECT v.room, v.u, v.cid, (SELECT m.role FROM members m WHERE m.room = v.room AND m."user" = v.u),
        e.target, e.seq, e.id, e.type, e.name, e.body
    FROM unnest($1::text[], $2::text[], $3::text[]) AS v(room, u, cid)
    LEFT JOIN LATERAL (
        SELECT * FROM events WHERE room = v.room AND "user" = v.u AND cid = v.cid LIMIT 1
    ) AS e ON true
"""
# FORCE INDEX for the reason above. UNION ALL is the shortest form that MariaDB and MySQL share.
_LOOK_UP_MYSQL: Final = """
    SELECT v.room, v.u, v.cid, (SELECT m.role FROM members m WHERE m.room = v.room AND m.`user` = v.u),
        e.target, e.seq, e.id, e.type, e.name, e.body
    FROM (SELECT %s AS room, %s AS u, %s AS cid ...) v LEFT JOIN events e FORCE INDEX (events_cid)
    ON e.room = v.room AND e.`user` = v.u AND e.cid = v.cid
"""

_LOCK_POSTGRESQL: Final = "SELECT id, access FROM rooms WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
_LOCK_MYSQL: Final = "SELECT id, access FROM rooms WHERE id IN (...) ORDER BY id FOR UPDATE"
_NEWEST_POSTGRESQL: Final = """
    SELECT v.room, e.seq, e.id FROM unnest($1::text[]) AS v(room)
    CROSS JOIN LATERAL (SELECT seq, id FROM events WHERE room = v.room ORDER BY seq DESC LIMIT 1) AS e
"""
# For each room one descent of the key: MariaDB would walk a whole room for a max(), and has no LATERAL.
_NEWEST_MYSQL: Final = """
    SELECT r.id, e.seq, e.id FROM rooms r JOIN events e ON e.room = r.id
    WHERE r.id IN (...) AND e.seq = (SELECT l.seq FROM events l WHERE l.room = r.id ORDER BY l.seq DESC LIMIT 1)
"""


def lock_rooms(c: Connection, rooms: Sequence[str]) -> Sequence[AnyRow]:
    """Lock the rows of rooms, in order of their ids, until the transaction ends; return (id, access). Not for SQLite.

    One text for any number of rooms: a driver that prepares statements would prepare one for each number.
    """
    return _of_rooms(c, rooms, _LOCK_POSTGRESQL, _LOCK_MYSQL)


def newest_of(c: Connection, rooms: Sequence[str]) -> Sequence[AnyRow]:
    """Return (room, newest seq, its id) of those rooms that have an event. Not for SQLite."""
    return _of_rooms(c, rooms, _NEWEST_POSTGRESQL, _NEWEST_MYSQL)


def _of_rooms(c: Connection, rooms: Sequence[str], postgresql: str, mysql: str) -> Sequence[AnyRow]:
    if c.dialect.name in MYSQL:
        return c.exec_driver_sql(mysql.replace("...", ", ".join(["%s"] * len(rooms))), tuple(rooms)).all()
    return c.exec_driver_sql(postgresql, (list(rooms),)).all()


def look_up(c: Connection, keys: Sequence[Asked]) -> Sequence[AnyRow]:
    """Return for each key (room, user, cid, the user's role, and the target, seq, id, type, name, body of the cid's event).

    What does not exist is None. One statement for all keys: 2.0 µs per key on SQLite, where one by one takes 4.8.
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
