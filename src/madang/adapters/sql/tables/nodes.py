"""What the nodes of one installation share: keys, secrets, node numbers and facts of the database."""

from sqlalchemy import BigInteger, Column, LargeBinary, SmallInteger, Table

from madang.adapters.sql.tables.columns import metadata, words

server_keys = Table(
    "server_keys",
    metadata,
    # (id): delete one. At most 1,000 rows, so the list needs no index.
    Column("id", words(64), primary_key=True),
    Column("label", words(200), nullable=False),
    Column("hash", words(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("scopes", words(64)),  # None: all
    Column("expires_ms", BigInteger),  # None: never
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", words(32), primary_key=True),
    Column("value", LargeBinary(), nullable=False),
)

leases = Table(
    "leases",
    metadata,
    # (node): at most 1,024 rows, read as a whole to find the lowest free number.
    Column("node", SmallInteger, primary_key=True, autoincrement=False),
    Column("holder", words(255), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("floor_ms", BigInteger, nullable=False),
)

installation = Table(
    "installation",
    metadata,
    # (name): one fact of this database (`installation.py`). A handful of rows, and none in most databases.
    Column("name", words(32), primary_key=True),
    Column("value", words(255), nullable=False),
)
