"""The initial schema: log, rooms, members, mentions, reactions, pins, keys, secrets, leases."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def key(name: str, type: TypeEngine[str] | TypeEngine[int]) -> sa.Column[object]:
    return sa.Column(name, type, primary_key=True, autoincrement=False)


def partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def index(name: str, table: str, columns: list[str], **options: Any) -> None:
    op.create_index(name, table, columns, if_not_exists=repeatable(), **options)


def create(name: str, *columns: Any, **options: Any) -> None:
    op.create_table(name, *columns, if_not_exists=repeatable(), **options)


def repeatable() -> bool:
    """Whether statements must accept what is there already: on MySQL each commits by itself, and a crash leaves a part."""
    return op.get_bind().dialect.name in ("mariadb", "mysql")


def upgrade() -> None:
    create(
        "events",
        key("room", words(64)),
        key("seq", sa.BigInteger()),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("type", words(32), nullable=False),
        sa.Column("user", words(64), nullable=False),
        sa.Column("name", words(64), nullable=False),
        sa.Column("cid", words(64)),
        sa.Column("target", sa.BigInteger()),
        sa.Column("body", sa.Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mariadb", "mysql"), nullable=False),
        sa.Column("edit", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
    partial("events_cid", "events", ["room", "user", "cid"], "cid IS NOT NULL", unique=True)
    partial("events_target", "events", ["room", "target"], "target IS NOT NULL")
    create(
        "rooms",
        key("id", words(64)),
        sa.Column("title", words(64), nullable=False),
        sa.Column("access", words(16), nullable=False),
        sa.Column("slow_ms", sa.Integer(), nullable=False),
        sa.Column("epoch", words(32), nullable=False),
        sqlite_with_rowid=False,
    )
    partial("rooms_open", "rooms", ["id"], "access = 'open'")
    create(
        "members",
        key("room", words(64)),
        key("user", words(64)),
        sa.Column("name", words(64), nullable=False),
        sa.Column("role", words(16), nullable=False),
        sa.Column("read_seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    index("members_user", "members", ["user", "room"])
    partial("members_owner", "members", ["room", "role"], "role = 'owner'")
    create(
        "mentions",
        key("user", words(64)),
        key("room", words(64)),
        key("seq", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
    create(
        "reactions",
        key("room", words(64)),
        key("target", sa.BigInteger()),
        key("emoji", words(32)),
        key("user", words(64)),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    create(
        "pins",
        key("room", words(64)),
        key("target", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
    create(
        "server_keys",
        key("id", words(64)),
        sa.Column("label", words(200), nullable=False),
        sa.Column("hash", words(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    create(
        "secrets",
        key("name", words(32)),
        sa.Column("value", sa.LargeBinary(), nullable=False),
    )
    create(
        "leases",
        key("node", sa.SmallInteger()),
        sa.Column("holder", words(255), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("floor_ms", sa.BigInteger(), nullable=False),
    )
