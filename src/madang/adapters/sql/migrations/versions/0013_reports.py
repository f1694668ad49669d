"""Reports of messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.types import TypeEngine

revision = "0013"
down_revision = "0012"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    op.create_table(
        "reports",
        sa.Column("room", words(64), primary_key=True),
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("user", words(64), primary_key=True),
        sa.Column("name", words(64), nullable=False),
        sa.Column("author", words(64), nullable=False),
        sa.Column("author_name", words(64), nullable=False),
        sa.Column("reason", sa.Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mariadb", "mysql"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.SmallInteger(), nullable=False),
        sa.Column("gone", sa.SmallInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    repeatable = op.get_bind().dialect.name in ("mariadb", "mysql")
    op.create_index("reports_open", "reports", ["room", "open", "seq"], if_not_exists=repeatable)
    op.create_index("reports_user", "reports", ["user"], if_not_exists=repeatable)
    op.create_index("reports_at", "reports", ["at_ms"], if_not_exists=repeatable)
