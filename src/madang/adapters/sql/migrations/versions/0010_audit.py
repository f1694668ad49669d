"""The audit trail of moderation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.types import TypeEngine

revision = "0010"
down_revision = "0009"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def prose() -> TypeEngine[str]:
    return sa.Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mariadb", "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    op.create_table(
        "audit",
        sa.Column("room", words(64), primary_key=True),
        sa.Column("n", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("what", words(16), nullable=False),
        sa.Column("by", words(64), nullable=False),
        sa.Column("by_name", words(64), nullable=False),
        sa.Column("user", words(64)),
        sa.Column("name", words(64), nullable=False),
        sa.Column("reason", prose(), nullable=False),
        sa.Column("details", prose(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    repeatable = op.get_bind().dialect.name in ("mariadb", "mysql")
    op.create_index("audit_at", "audit", ["at_ms"], if_not_exists=repeatable)
