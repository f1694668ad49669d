"""Which update of a paper was the newest that went back to a version."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    # On MySQL a crash may have left the column behind.
    if "went_back" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("papers")}:
        op.add_column("papers", sa.Column("went_back", sa.BigInteger(), nullable=False, server_default="0"))
