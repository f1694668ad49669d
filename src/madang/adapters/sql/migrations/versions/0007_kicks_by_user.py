"""Kicks by user: they go when the user is forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # On MySQL a crash may have left the index behind.
    if "kicks_user" not in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes("kicks")}:
        op.create_index("kicks_user", "kicks", ["user"])
