"""Mutes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.types import TypeEngine

revision = "0009"
down_revision = "0008"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    op.create_table(
        "mutes",
        sa.Column("room", words(64), primary_key=True),
        sa.Column("user", words(64), primary_key=True),
        sa.Column("name", words(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("by", words(64), nullable=False),
        sa.Column("reason", sa.Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mariadb", "mysql"), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    repeatable = op.get_bind().dialect.name in ("mariadb", "mysql")
    op.create_index("mutes_user", "mutes", ["user"], if_not_exists=repeatable)
