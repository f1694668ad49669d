"""The tables of search indexes in a database server. What is done with them is in `server_documents.py` and `server_hits.py`.

They are not part of the schema: they are made when an index is opened, and can be dropped at any time. Another shape of them
gets other names, so that nodes of an older version go on with theirs.

There are two sets of them, so that an index can be made beside the one that serves; `places` says which is which.

- `rooms`: a number for each room, which another epoch changes, and its position.
- `docs`: a row for each message, those of a room together in the order of their ids. Both databases test the text of 20,000
  rows in 5 to 8 ms, so the newest are tested row by row, which is all that a common word needs.
- `marks`: one message of each 64 seqs, by which a search knows how far back its newest messages reach.
- `erased`: messages that are found no more, and are erased a few at a time.
- `joined`: on MariaDB and MySQL, the texts of some messages in one row (`server_joined.py`).

Only PostgreSQL has an index of terms, for what is rare: hashes of them, since what they propose is tested anyway. MariaDB's
FULLTEXT takes 2,700 bytes and 140 µs a message and MySQL's likewise; there joined texts are tested, which take 150 bytes a message.
"""

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    insert,
    inspect,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT
from sqlalchemy.types import TypeEngine

from madang.adapters.sql.dialects import MARIADB_COLLATION, MIGRATING, MYSQL, MYSQL_COLLATION, let_go, serialise
from madang.adapters.sql.tables.columns import words

T = TypeVar("T")

PLACES: Final = ("a", "b")
PREFIXES: Final = {"postgresql": "search", "mariadb": "search_2", "mysql": "search_2"}
"""Of the tables' names, by dialect. On MariaDB and MySQL the first shape had no joined texts; an operator drops those tables."""
SERVES, BUILDING, LEAVING = 1, 0, 2
"""What a set of tables is for; one of which nothing is said is empty. What leaves is emptied."""
EVERY: Final = 64
"""Seqs of a room of which one is marked, if it is a message."""
PENDING_KB: Final = 512
"""Of PostgreSQL's list of messages whose terms are not in the index yet. Every search that uses the index walks it."""


class Tables(NamedTuple):
    """The tables of one index. Those of `metadata` are on all databases, `joined` is on some."""

    metadata: MetaData
    rooms: Table
    docs: Table
    marks: Table
    erased: Table
    joined: Table


def tables(c: Connection, place: str) -> Tables:
    """Return the tables of an index: there is room for several, each in its place."""
    return _tables(PREFIXES[c.dialect.name], place)


@lru_cache
def _tables(prefix: str, place: str) -> Tables:
    metadata = MetaData()
    rooms = Table(
        f"{prefix}_rooms_{place}",
        metadata,
        Column("no", Integer, primary_key=True),
        Column("room", words(64), nullable=False, unique=True),
        Column("epoch", words(128), nullable=False),
        Column("upto", BigInteger, nullable=False),
        Column("purged", BigInteger, nullable=False),
        Column("newest", BigInteger, nullable=False),  # id
    )
    docs = Table(
        f"{prefix}_docs_{place}",
        metadata,
        Column("no", Integer, primary_key=True, autoincrement=False),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("seq", BigInteger, nullable=False),
        Column("author", words(64), nullable=False),
        Column("folded", _compared(), nullable=False),
        Column("initials", _compared(), nullable=False),  # of each run of syllables, each after a blank
        Column("terms", postgresql.ARRAY(Integer).with_variant(Integer, "mysql", "mariadb")),  # None but on PostgreSQL
    )
    # A message that is edited or deleted.
    Index(f"{prefix}_docs_{place}_seq", docs.c.no, docs.c.seq, unique=True)
    gin = Index(
        f"{prefix}_docs_{place}_terms",
        docs.c.terms,
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": PENDING_KB},
    )
    gin.ddl_if(dialect="postgresql")
    marks = Table(
        f"{prefix}_marks_{place}",
        metadata,
        Column("no", Integer, primary_key=True, autoincrement=False),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
    )
    erased = Table(
        f"{prefix}_erased_{place}",
        metadata,
        Column("no", Integer, primary_key=True, autoincrement=False),
        Column("upto", BigInteger, nullable=False),
    )
    joined = Table(
        f"{prefix}_joined_{place}",
        MetaData(),
        Column("no", Integer, primary_key=True, autoincrement=False),
        Column("block", BigInteger, primary_key=True, autoincrement=False),
        Column("first", BigInteger, nullable=False),  # id
        Column("last", BigInteger, nullable=False),  # id
        Column("folded", MEDIUMBLOB, nullable=False),
        Column("initials", MEDIUMBLOB, nullable=False),
    )
    return Tables(metadata, rooms, docs, marks, erased, joined)


def _compared() -> TypeEngine[Any]:
    """Return the type of text that is compared by its bytes, and is in no key."""
    everywhere = Text().with_variant(Text(collation="C"), "postgresql")
    return everywhere.with_variant(MEDIUMTEXT(charset="utf8mb4", collation=MARIADB_COLLATION), "mariadb").with_variant(
        MEDIUMTEXT(charset="utf8mb4", collation=MYSQL_COLLATION), "mysql"
    )


def places(c: Connection) -> Table:
    """Return the table that says what each place is for."""
    return _places(PREFIXES[c.dialect.name])


@lru_cache
def _places(prefix: str) -> Table:
    return Table(
        f"{prefix}_places",
        MetaData(),
        Column("place", words(1), primary_key=True),
        Column("state", Integer, nullable=False),
        Column("version", words(128), nullable=False),  # of the analyzer
    )


def create(c: Connection, version: str) -> bool:
    """Make the tables of all places and let one serve, made by that version, unless all are there; return whether they were made.

    Where one is gone what is left is of no use.
    """
    if _is_whole(c):
        return False
    serialise(c, MIGRATING)
    try:
        if _is_whole(c):
            return False  # another node has made them
        for metadata in _all(c):
            metadata.drop_all(c)
            metadata.create_all(c)
        c.execute(insert(places(c)), {"place": PLACES[0], "state": SERVES, "version": version})
        return True
    finally:
        let_go(c, MIGRATING)


def _is_whole(c: Connection) -> bool:
    there = set(inspect(c).get_table_names())
    if not all(set(metadata.tables) <= there for metadata in _all(c)):
        return False
    at = places(c).c
    return c.scalar(select(at.place).where(at.state == SERVES)) is not None


def _all(c: Connection) -> list[MetaData]:
    some = [places(c).metadata, *(tables(c, place).metadata for place in PLACES)]
    return [*some, *(tables(c, place).joined.metadata for place in PLACES)] if c.dialect.name in MYSQL else some


def among(c: Connection, column: ColumnElement[T], values: Sequence[T]) -> ColumnElement[bool]:
    """Return whether a column is one of some values: as one parameter where there are arrays, so that it is one statement."""
    if len(values) == 1:
        return column == values[0]
    if c.dialect.name in MYSQL:
        return column.in_(values)
    return column == func.any(literal(list(values), postgresql.ARRAY(column.type)))


def hashes(terms: Iterable[str]) -> list[int]:
    """Return terms as numbers."""
    crc = zlib.crc32
    return [crc(term.encode()) - 0x8000_0000 for term in terms]


def room_term(no: int) -> int:
    """Return the number that stands for a room among the terms of its messages."""
    return zlib.crc32(no.to_bytes(4)) - 0x8000_0000
