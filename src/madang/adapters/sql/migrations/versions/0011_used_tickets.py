"""Connection tickets that were used."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    words = (
        sa.String(32)
        .with_variant(sa.Text(collation="C"), "postgresql")
        .with_variant(sa.String(32, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(sa.String(32, collation="utf8mb4_0900_bin"), "mysql")
    )
    op.create_table(
        "used_tickets",
        sa.Column("id", words, primary_key=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    repeatable = op.get_bind().dialect.name in ("mariadb", "mysql")
    op.create_index("used_tickets_until", "used_tickets", ["until_ms"], if_not_exists=repeatable)
