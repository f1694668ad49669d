"""Messages by index and by ordinal, whatever else is in the log; reactions counted per emoji.

What is in the log already is numbered later, a stretch at a time (`numbering.py`), and so are reactions counted again that
nodes of the version before add while they run.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0004"
down_revision = "0003"

SENT, EDITED = "type = 'message.sent'", "type = 'message.edited'"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def on_mysql() -> bool:
    return op.get_bind().dialect.name in ("mariadb", "mysql")


def index(name: str, table: str, columns: list[str], **options: Any) -> None:
    # On MySQL each statement commits by itself, and a crash leaves a part. Only MariaDB and SQLAlchemy can ask for it.
    if name not in {each["name"] for each in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns, **options)


def partial(name: str, where: str, columns: list[str], whole: list[str]) -> None:
    if on_mysql():
        index(f"{name}_whole", "events", whole)
    else:
        index(name, "events", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    there = {each["name"] for each in sa.inspect(op.get_bind()).get_columns("events")}
    for name in ("ordinal", "own_ordinal"):
        if name not in there:
            op.add_column("events", sa.Column(name, sa.BigInteger(), nullable=True))
    partial("events_messages", SENT, ["room", "seq"], ["room", "type", "seq"])
    partial("events_own", SENT, ["room", "user", "seq"], ["room", "user", "type", "seq"])
    partial("events_edits", EDITED, ["room", "target"], ["room", "target", "type"])
    if on_mysql():
        index("rooms_open_whole", "rooms", ["access", "id"])
    index("reactions_user", "reactions", ["room", "user", "target"])
    op.create_table(
        "reaction_counts",
        sa.Column("room", words(64), primary_key=True),
        sa.Column("target", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("emoji", words(32), primary_key=True),
        sa.Column("users", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.execute(
        "INSERT INTO reaction_counts SELECT room, target, emoji, count(*), min(seq) FROM reactions "
        "WHERE NOT EXISTS (SELECT 1 FROM reaction_counts) GROUP BY room, target, emoji"
    )


def finish() -> None:
    c = op.get_bind()
    if "events_target" in {each["name"] for each in sa.inspect(c).get_indexes("events")}:
        op.drop_index("events_target", "events")
    # The next node to start goes over the log again: what the version before wrote meanwhile has no ordinals.
    op.execute("DELETE FROM installation WHERE name = 'numbered'")
