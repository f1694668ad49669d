"""What deleted users said, or their names, is erased: how far that is, and the indexes by which it is found."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0022"
down_revision = "0021"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def index(name: str, table: str, columns: list[str], **options: Any) -> None:
    # On MySQL each statement commits by itself, and a crash leaves a part. Only MariaDB and SQLAlchemy can ask for it.
    if name not in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns, **options)


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("user", words(64), primary_key=True),
        sa.Column("said", words(16), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.Column("room", words(64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("rooms", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    index("erasures_done", "erasures", ["done_ms", "user"])
    index("audit_by", "audit", ["by"])
    index("audit_user", "audit", ["user"])
    if op.get_bind().dialect.name not in ("mariadb", "mysql"):
        others = sa.text("type != 'message.sent'")
        index("events_deeds", "events", ["room", "user", "seq"], sqlite_where=others, postgresql_where=others)
