"""Which connection reads for a consumer: the one with its row's number."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    # On MySQL a crash may have left the column behind.
    if "reader" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("consumers")}:
        op.add_column("consumers", sa.Column("reader", sa.BigInteger(), nullable=False, server_default="0"))
