"""How logins look. Of those there are already it is noted when a node starts (`Store.number`)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0023"
down_revision = "0022"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def upgrade() -> None:
    op.create_table(
        "logins",
        sa.Column("login", words(64), primary_key=True),
        sa.Column("look", words(64), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    # On MySQL a crash may have left a part behind.
    if "logins_look" not in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes("logins")}:
        op.create_index("logins_look", "logins", ["look"])
