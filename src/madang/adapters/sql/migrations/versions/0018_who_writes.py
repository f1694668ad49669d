"""Who may write in a room."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0018"
down_revision = "0017"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left it behind.
    if "write" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("rooms")}:
        op.add_column("rooms", sa.Column("write", words(16), nullable=False, server_default="everyone"))
