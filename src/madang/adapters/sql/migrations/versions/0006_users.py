"""Users: when each was last seen, and whether they were deleted. Rows come as users are seen."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    words = (
        sa.String(64)
        .with_variant(sa.Text(collation="C"), "postgresql")
        .with_variant(sa.String(64, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(sa.String(64, collation="utf8mb4_0900_bin"), "mysql")
    )
    op.create_table(
        "users",
        sa.Column("id", words, primary_key=True),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
        sqlite_with_rowid=False,
        if_not_exists=True,  # on MySQL a crash may have left the table behind
    )
    if "users_deleted" not in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes("users")}:
        deleted = sa.text("deleted_ms IS NOT NULL")
        op.create_index("users_deleted", "users", ["deleted_ms"], sqlite_where=deleted, postgresql_where=deleted)
