"""Profiles: what users say of themselves, and the pictures that rooms show of their members."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.types import TypeEngine

revision = "0015"
down_revision = "0014"


def words(length: int) -> TypeEngine[str]:
    everywhere = sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")
    mariadb, mysql = (sa.String(length, collation=name) for name in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def prose() -> TypeEngine[str]:
    return sa.Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mariadb", "mysql")


def upgrade() -> None:
    # On MySQL a crash may have left a part behind.
    there = sa.inspect(op.get_bind())
    new: dict[str, dict[str, TypeEngine[Any]]] = {
        "users": {"name": words(64), "picture": prose(), "locale": words(64), "named_ms": sa.BigInteger()},
        "members": {"picture": prose()},
    }
    for table, columns in new.items():
        known = {each["name"] for each in there.get_columns(table)}
        for name, kind in columns.items():
            if name not in known:
                op.add_column(table, sa.Column(name, kind))
    repeatable = op.get_bind().dialect.name in ("mariadb", "mysql")
    named = sa.text("named_ms IS NOT NULL")
    op.create_index(
        "users_named", "users", ["named_ms", "id"], sqlite_where=named, postgresql_where=named, if_not_exists=repeatable
    )
