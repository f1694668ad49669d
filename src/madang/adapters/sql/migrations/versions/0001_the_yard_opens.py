"""The yard opens: log, rooms, members, mentions, reactions, pins, keys, secrets, leases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None


def words(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def key(name: str, type: TypeEngine[str] | TypeEngine[int]) -> sa.Column[object]:
    return sa.Column(name, type, primary_key=True, autoincrement=False)


def partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.create_table(
        "events",
        key("room", words(64)),
        key("seq", sa.BigInteger()),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("type", words(32), nullable=False),
        sa.Column("user", words(64), nullable=False),
        sa.Column("name", words(64), nullable=False),
        sa.Column("cid", words(64)),
        sa.Column("target", sa.BigInteger()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("edit", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
    partial("events_cid", "events", ["room", "user", "cid"], "cid IS NOT NULL", unique=True)
    partial("events_target", "events", ["room", "target"], "target IS NOT NULL")
    op.create_table(
        "rooms",
        key("id", words(64)),
        sa.Column("title", words(64), nullable=False),
        sa.Column("access", words(16), nullable=False),
        sa.Column("slow_ms", sa.Integer(), nullable=False),
        sa.Column("epoch", words(32), nullable=False),
        sqlite_with_rowid=False,
    )
    partial("rooms_open", "rooms", ["id"], "access = 'open'")
    op.create_table(
        "members",
        key("room", words(64)),
        key("user", words(64)),
        sa.Column("name", words(64), nullable=False),
        sa.Column("role", words(16), nullable=False),
        sa.Column("read_seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("members_user", "members", ["user", "room"])
    partial("members_owner", "members", ["room"], "role = 'owner'")
    op.create_table(
        "mentions",
        key("user", words(64)),
        key("room", words(64)),
        key("seq", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reactions",
        key("room", words(64)),
        key("target", sa.BigInteger()),
        key("emoji", words(32)),
        key("user", words(64)),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pins",
        key("room", words(64)),
        key("target", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "server_keys",
        key("id", words(64)),
        sa.Column("label", words(200), nullable=False),
        sa.Column("hash", words(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "secrets",
        key("name", words(32)),
        sa.Column("value", sa.LargeBinary(64), nullable=False),
    )
    op.create_table(
        "leases",
        key("node", sa.SmallInteger()),
        sa.Column("holder", words(255), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("floor_ms", sa.BigInteger(), nullable=False),
    )
