"""Which event has finished a paper: searches find it there. Of papers finished before it is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    if "finished_seq" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("papers")}:
        op.add_column("papers", sa.Column("finished_seq", sa.BigInteger(), nullable=False, server_default="0"))
