"""Accounts, and what their users are signed in to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0014"
down_revision = "0013"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    repeatable = op.get_bind().dialect.name in ("mariadb", "mysql")
    op.create_table(
        "accounts",
        sa.Column("login", words(64), primary_key=True),
        sa.Column("user", words(64), nullable=False),
        sa.Column("name", words(64), nullable=False),
        sa.Column("hash", words(255), nullable=False),
        sa.Column("admin", sa.SmallInteger(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("code", words(64), nullable=False),
        sa.Column("code_until_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_index("accounts_user", "accounts", ["user"], unique=True, if_not_exists=repeatable)
    op.create_table(
        "account_sessions",
        sa.Column("id", words(32), primary_key=True),
        sa.Column("user", words(64), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    for name, columns in (("user", ["user", "ended_ms"]), ("ended", ["ended_ms", "id"]), ("seen", ["seen_ms"])):
        op.create_index(f"account_sessions_{name}", "account_sessions", columns, if_not_exists=repeatable)
