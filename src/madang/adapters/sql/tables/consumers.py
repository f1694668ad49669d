"""Who reads every room with a server key, and how far they are."""

from sqlalchemy import BigInteger, Column, Index, Table

from madang.adapters.sql.tables.columns import metadata, words

consumers = Table(
    "consumers",
    metadata,
    # (key, name): one of a key, and all of a key.
    Column("key", words(64), primary_key=True),
    Column("name", words(64), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("reader", BigInteger, nullable=False, server_default="0"),  # of the newest connection; 0 before the first
    sqlite_with_rowid=False,
)
# Those that were not here for long.
Index("consumers_seen", consumers.c.seen_ms)

consumer_positions = Table(
    "consumer_positions",
    metadata,
    # (key, name, room): some of a consumer's.
    Column("key", words(64), primary_key=True),
    Column("name", words(64), primary_key=True),
    Column("room", words(64), primary_key=True),
    Column("epoch", words(32), nullable=False),
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# Those in a room that is forgotten.
Index("consumer_positions_room", consumer_positions.c.room)
