"""Consumers of server keys, and how far they are in each room."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0026"
down_revision = "0025"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def index(name: str, table: str, column: str) -> None:
    # On MySQL a crash may have left a part behind.
    if name not in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, [column])


def upgrade() -> None:
    op.create_table(
        "consumers",
        sa.Column("key", words(64), primary_key=True),
        sa.Column("name", words(64), primary_key=True),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    index("consumers_seen", "consumers", "seen_ms")
    op.create_table(
        "consumer_positions",
        sa.Column("key", words(64), primary_key=True),
        sa.Column("name", words(64), primary_key=True),
        sa.Column("room", words(64), primary_key=True),
        sa.Column("epoch", words(32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    index("consumer_positions_room", "consumer_positions", "room")
