"""Versions of papers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.types import TypeEngine

revision = "0028"
down_revision = "0027"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def octets() -> TypeEngine[bytes]:
    return sa.LargeBinary().with_variant(MEDIUMBLOB(), "mariadb", "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    if "versions" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("papers")}:
        op.add_column("papers", sa.Column("versions", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "paper_versions",
        sa.Column("paper", words(64), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("title", words(64), nullable=False),
        sa.Column("cause", words(16), nullable=False),
        sa.Column("user", words(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", octets(), nullable=False),
        if_not_exists=True,
    )
