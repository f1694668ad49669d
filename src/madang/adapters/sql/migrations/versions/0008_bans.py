"""Bans, and where guests come from, as a hash: what a ban of a guest holds besides the guest."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.types import TypeEngine

revision = "0008"
down_revision = "0007"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    there = sa.inspect(op.get_bind())
    for table in ("members", "kicks"):
        if "origin" not in {each["name"] for each in there.get_columns(table)}:
            op.add_column(table, sa.Column("origin", words(64)))
    op.create_table(
        "bans",
        sa.Column("room", words(64), primary_key=True),
        sa.Column("user", words(64), primary_key=True),
        sa.Column("name", words(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("by", words(64), nullable=False),
        sa.Column("reason", sa.Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mariadb", "mysql"), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("origin", words(64)),
        sa.Column("origin_until_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    repeatable = op.get_bind().dialect.name in ("mariadb", "mysql")
    held = sa.text("origin IS NOT NULL")
    op.create_index("bans_user", "bans", ["user"], if_not_exists=repeatable)
    op.create_index(
        "bans_origin", "bans", ["origin"], sqlite_where=held, postgresql_where=held, if_not_exists=repeatable
    )
