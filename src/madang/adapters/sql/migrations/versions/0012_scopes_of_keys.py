"""Scopes and ends of server keys. A key that has neither, as all before, is for everything and for good."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("server_keys")}
    words = (
        sa.String(64)
        .with_variant(sa.Text(collation="C"), "postgresql")
        .with_variant(sa.String(64, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(sa.String(64, collation="utf8mb4_0900_bin"), "mysql")
    )
    # On MySQL a crash may have left one of them behind.
    for column in (sa.Column("scopes", words), sa.Column("expires_ms", sa.BigInteger())):
        if column.name not in there:
            op.add_column("server_keys", column)
