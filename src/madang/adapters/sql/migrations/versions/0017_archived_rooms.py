"""Rooms that are archived."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    # On MySQL a crash may have left it behind.
    if "archived" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("rooms")}:
        op.add_column("rooms", sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false()))
