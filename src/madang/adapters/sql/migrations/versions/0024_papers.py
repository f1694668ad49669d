"""Papers: what they are, their updates, snapshots and renderings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT
from sqlalchemy.types import TypeEngine

revision = "0024"
down_revision = "0023"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def octets() -> TypeEngine[bytes]:
    return sa.LargeBinary().with_variant(MEDIUMBLOB(), "mariadb", "mysql")


def prose() -> TypeEngine[str]:
    return sa.Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mariadb", "mysql")


def upgrade() -> None:
    op.create_table(
        "papers",
        sa.Column("id", words(64), primary_key=True),
        sa.Column("room", words(64), nullable=False),
        sa.Column("title", words(64), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("user", words(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    # On MySQL a crash may have left a part behind.
    if "papers_room" not in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes("papers")}:
        op.create_index("papers_room", "papers", ["room", "id"])
    op.create_table(
        "paper_updates",
        sa.Column("paper", words(64), primary_key=True),
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("data", octets(), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "paper_snapshots",
        sa.Column("paper", words(64), primary_key=True),
        sa.Column("data", octets(), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "paper_renderings",
        sa.Column("paper", words(64), primary_key=True),
        sa.Column("json", prose(), nullable=False),
        sa.Column("text", prose(), nullable=False),
        sa.Column("html", prose(), nullable=False),
        if_not_exists=True,
    )
