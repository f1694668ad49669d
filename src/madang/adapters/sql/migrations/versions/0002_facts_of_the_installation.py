"""A table of facts about the database: which versions may use it, whether it is complete."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    words = {
        length: sa.String(length)
        .with_variant(sa.Text(collation="C"), "postgresql")
        .with_variant(sa.String(length, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(sa.String(length, collation="utf8mb4_0900_bin"), "mysql")
        for length in (32, 255)
    }
    op.create_table(
        "installation",
        sa.Column("name", words[32], primary_key=True),
        sa.Column("value", words[255], nullable=False),
        if_not_exists=True,  # on MySQL a crash may have left the table behind
    )
