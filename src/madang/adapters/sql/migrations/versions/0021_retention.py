"""How much of a room is kept, and up to where nothing is."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    there = {each["name"] for each in sa.inspect(op.get_bind()).get_columns("rooms")}
    for name in ("keep_ms", "keep_messages", "purged_seq"):
        if name not in there:
            op.add_column("rooms", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
