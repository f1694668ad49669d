"""What differs between the databases in SQL, and nothing else. Everything above is written once, over a `Connection`.

Another dialect is one more branch in each function. Threads, pools, file locks and errors are in `sqlite.py`,
`postgresql.py` and `mysql.py`.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import (
    Connection,
    Dialect,
    Executable,
    Insert,
    Row,
    Select,
    String,
    Table,
    TextClause,
    exc,
    func,
    insert,
    literal_column,
    text,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement

AnyRow = Row[*tuple[Any, ...]]

# By bytes, and without padding: in their other collations the cids "a" and "a " would be equal.
MARIADB_COLLATION: Final = "utf8mb4_nopad_bin"
MYSQL_COLLATION: Final = "utf8mb4_0900_bin"
MYSQL: Final = frozenset({"mariadb", "mysql"})
DUPLICATE: Final = 1062  # MySQL's error for a key that exists already

# Literals, because a prepared statement can use a partial index only for values it can see.
OPEN: Final = literal_column("'open'", String)
OWNER: Final = literal_column("'owner'", String)
SENT: Final = literal_column("'message.sent'", String)
EDITED: Final = literal_column("'message.edited'", String)

PARTIAL: Final = frozenset({"events_messages", "events_own", "events_edits", "rooms_open"})
"""Indexes of some rows of a table that have another name and more columns on MySQL (`tables/`)."""

# Names of advisory locks: any numbers, as long as they never change and nothing else in the database uses them.
MIGRATING: Final = 0x6D61_6461_6E67_01
LEASING: Final = 0x6D61_6461_6E67_02
NOTING: Final = 0x6D61_6461_6E67_03
SIGNING_UP: Final = 0x6D61_6461_6E67_04
PRESENT: Final = 0x6D61_6461_6E67_05


class Found(NamedTuple):
    """What a statement has found, all of it; or how many rows it has changed."""

    rows: Sequence[Any]
    rowcount: int

    def one(self) -> Any:
        (row,) = self.rows
        return row

    def one_or_none(self) -> Any:
        return self.one() if self.rows else None

    def scalar(self) -> Any:
        return self.rows[0][0] if self.rows else None

    def scalars(self) -> list[Any]:
        return [row[0] for row in self.rows]


def run(c: Connection, statement: Executable, values: Mapping[str, str | int | None]) -> Found:
    """Execute a statement that was made once, and whose values and columns are text and integers.

    On SQLite the driver itself is given its text: what SQLAlchemy does for each execution is five times as much as what SQLite
    does, and a reaction takes four of them while messages wait behind it.
    """
    if c.dialect.name != "sqlite":
        result = c.execute(statement, values)
        return Found(result.all() if result.returns_rows else (), result.rowcount)
    text, names, row = _compiled(statement)
    cursor = _driver(c).execute(text, [values[name] for name in names])
    return Found([row(*each) for each in cursor] if row else (), cursor.rowcount)


def _driver(c: Connection) -> Any:
    return c.connection.driver_connection


@cache
def _compiled(statement: Executable) -> tuple[str, tuple[str, ...], Callable[..., Any] | None]:
    """Return a statement's text, the names of its values in order, and what makes a row of what it returns, if it returns any."""
    compiled = cast(SQLCompiler, statement.compile(dialect=sqlite.dialect()))  # type: ignore[attr-defined]
    columns = statement.selected_columns.keys() if isinstance(statement, Select) else []
    row = namedtuple("row", columns, rename=True) if columns else None  # its fields are the statement's
    return str(compiled), tuple(compiled.positiontup or ()), row


def insert_new(c: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its key exists already; return whether it was inserted."""
    if c.dialect.name in MYSQL:
        # A refused statement leaves InnoDB's transaction as it was. INSERT IGNORE would hide other errors, too.
        try:
            c.execute(_inserts(c.dialect.name, table), row)
        except exc.IntegrityError as error:
            if error.orig is None or error.orig.args[0] != DUPLICATE:
                raise
            return False
        return True
    if c.dialect.name == "sqlite":  # as in `run`
        text, names = _insert_text(table, tuple(row))
        return bool(_driver(c).execute(text, [row[name] for name in names]).rowcount == 1)
    return c.execute(_inserts(c.dialect.name, table), row).rowcount == 1


@cache
def _insert_text(table: Table, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    compiled = _inserts("sqlite", table).compile(dialect=sqlite.dialect(), column_keys=columns)
    return str(compiled), tuple(compiled.positiontup or ())


@cache
def _inserts(dialect: str, table: Table) -> Insert:
    if dialect in MYSQL:
        return insert(table)
    upsert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return upsert(table).on_conflict_do_nothing()


def insert_all(c: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose keys did not exist a moment ago; one that exists by now is left as it is."""
    if not rows:
        return
    if c.dialect.name in MYSQL:
        new = mysql.insert(table)
        first = next(iter(table.primary_key)).name
        c.execute(new.on_duplicate_key_update({first: new.inserted[first]}), rows)
    else:
        upsert = sqlite.insert if c.dialect.name == "sqlite" else postgresql.insert
        c.execute(upsert(table).on_conflict_do_nothing(), rows)


def whole(index: str) -> str:
    """Return the name that an index has on MySQL: where others have a partial one, it holds all rows."""
    return f"{index}_whole" if index in PARTIAL else index


def forced(dialect: str, table: str, index: str, alias: str) -> str:
    """Return SQL for a table to select from by a given index.

    SQLite is told the index by name: it has no statistics, and between two indexes it takes the primary key, and would
    walk all of a room's log or members. So is MySQL, whose statistics are of the whole table.
    """
    if dialect == "sqlite":
        return f"{table} AS {alias} INDEXED BY {index}"
    return f"{table} {alias} FORCE INDEX ({whole(index)})" if dialect in MYSQL else f"{table} {alias}"


def from_index(c: Connection, table: Table, index: str) -> TextClause:
    """Return a table to select from by a given index, see `forced`. Its columns go by their names alone."""
    return text(forced(c.dialect.name, table.name, index, table.name))


def greatest(c: Connection, a: ColumnElement[int], b: ColumnElement[int]) -> ColumnElement[int]:
    """Return the larger of two values in one row."""
    return func.max(a, b) if c.dialect.name == "sqlite" else func.greatest(a, b)


def clock_ms(c: Connection) -> int:
    """Return the time by the database's clock, which all nodes share, in Unix milliseconds."""
    if c.dialect.name == "sqlite":
        now = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
    elif c.dialect.name in MYSQL:
        now = "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)"
    else:
        now = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
    return int(c.exec_driver_sql(f"SELECT {now}").scalar_one())  # of constants


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


def let_go(c: Connection, lock: int) -> None:
    """Let others go on before the connection ends, which `serialise` of MIGRATING would keep waiting on MySQL."""
    if c.dialect.name in MYSQL and lock == MIGRATING:
        c.execute(text("DO RELEASE_LOCK('madang-migrating')"))


@lru_cache
def insert_text(table: Table, dialect: Dialect) -> str:
    """Return the driver's text of an INSERT of all columns, for `exec_driver_sql` with plain tuples.

    That skips what SQLAlchemy would do for each row.
    """
    return str(table.insert().compile(dialect=dialect))
