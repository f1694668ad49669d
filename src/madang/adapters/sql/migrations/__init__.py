"""How the tables came to be, one step per file in `versions/`, and the call that takes a database to the newest step.

A step that has been released is never changed. Steps run by themselves at start, on PostgreSQL under an advisory lock.
"""

from typing import Final

from sqlalchemy import Connection, column, inspect, select, table

from madang.adapters.sql.dialects import MIGRATING, serialise
from madang.errors import SetupError

NEWEST: Final = "0001"
"""The revision of the last file in versions/; a test holds it to that."""


def upgrade(c: Connection) -> None:
    """Bring the database to NEWEST, within the transaction that `c` is in."""
    serialise(c, MIGRATING)
    revision = current(c)
    if revision == NEWEST:
        return  # Alembic takes 0.35 s to import, a good part of a start
    if revision is not None and revision > NEWEST:
        raise SetupError(
            f"The database was written by a newer Madang (schema {revision}; this one knows {NEWEST}).",
            "Start that version, or restore a backup made before the upgrade.",
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "madang.adapters.sql:migrations")
    config.attributes["connection"] = c
    command.upgrade(config, NEWEST)


def current(c: Connection) -> str | None:
    """Give the revision that a database stands at; None when it is empty."""
    if not inspect(c).has_table("alembic_version"):
        return None
    return c.execute(select(column("version_num")).select_from(table("alembic_version"))).scalar()
