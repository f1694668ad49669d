"""Papers and their logs, which nothing of the room's log is in."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table

from madang.adapters.sql.tables.columns import metadata, octets, prose, words

papers = Table(
    "papers",
    metadata,
    # (id): one paper; on a database server, appends of several nodes queue at its row.
    Column("id", words(64), primary_key=True),
    Column("room", words(64), nullable=False),
    Column("title", words(64), nullable=False),
    Column("finished", Boolean(), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("user", words(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("upto", BigInteger, nullable=False),  # of its snapshot; 0 for none
    Column("size", BigInteger, nullable=False),  # bytes, of its snapshot and of its updates
    Column("finished_seq", BigInteger, nullable=False, server_default="0"),  # of the event that did; 0 while it is open
    Column("versions", BigInteger, nullable=False, server_default="0"),  # that were ever kept
    Column("went_back", BigInteger, nullable=False, server_default="0"),  # the newest update that did, to a version
    sqlite_with_rowid=False,
)
# A room's papers, paged by id, and how many there are.
Index("papers_room", papers.c.room, papers.c.id)

paper_updates = Table(
    "paper_updates",
    metadata,
    # (paper, seq): those above a number.
    Column("paper", words(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("data", octets(), nullable=False),
)

paper_snapshots = Table(
    "paper_snapshots",
    metadata,
    # (paper): one.
    Column("paper", words(64), primary_key=True),
    Column("data", octets(), nullable=False),
)

# What finished papers say.
paper_renderings = Table(
    "paper_renderings",
    metadata,
    # (paper): one.
    Column("paper", words(64), primary_key=True),
    Column("json", prose(), nullable=False),
    Column("text", prose(), nullable=False),
    Column("html", prose(), nullable=False),
)

paper_versions = Table(
    "paper_versions",
    metadata,
    # (paper, number): some tens.
    Column("paper", words(64), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, nullable=False),  # of its paper: older nodes remove no versions
    Column("title", words(64), nullable=False),
    Column("cause", words(16), nullable=False),
    Column("user", words(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),  # of the data, which a list does not read
    Column("data", octets(), nullable=False),
)
