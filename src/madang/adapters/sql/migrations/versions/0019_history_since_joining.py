"""Which history a room shows, and since when its members are that. Of those there are, nobody knows: they see all."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0019"
down_revision = "0018"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    there = sa.inspect(op.get_bind())
    if "history" not in {each["name"] for each in there.get_columns("rooms")}:
        op.add_column("rooms", sa.Column("history", words(16), nullable=False, server_default="all"))
    if "joined_seq" not in {each["name"] for each in there.get_columns("members")}:
        op.add_column("members", sa.Column("joined_seq", sa.BigInteger(), nullable=False, server_default="0"))
