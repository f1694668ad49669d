"""What issuers say of their users is kept; until when the token held that said it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # On MySQL a crash may have left the column behind.
    if "vouched_ms" not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns("users")}:
        op.add_column("users", sa.Column("vouched_ms", sa.BigInteger()))
