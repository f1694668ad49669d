"""What a database says of itself, in a few named facts: which versions may use it, and whether it is all there."""

from typing import Final

from sqlalchemy import Connection, delete, select, update

from madang.adapters.sql.dialects import insert_new
from madang.adapters.sql.tables import installation
from madang.errors import SetupError

OLDEST: Final = "oldest"
"""The oldest schema whose code can use this database; unset: any."""
FINISHED: Final = "finished"
"""The newest step whose second half has been run; unset: none."""
COPYING: Final = "copying"
"""What is being copied into this database, and not complete (`copying.py`); unset: it is."""


def get(c: Connection, name: str) -> str:
    """Give a fact; "" where it is unset."""
    return c.execute(select(installation.c.value).where(installation.c.name == name)).scalar() or ""


def put(c: Connection, name: str, value: str) -> None:
    """Set a fact."""
    if not insert_new(c, installation, {"name": name, "value": value}):
        c.execute(update(installation).where(installation.c.name == name).values(value=value))


def drop(c: Connection, name: str) -> None:
    """Unset a fact."""
    c.execute(delete(installation).where(installation.c.name == name))


def check_version(c: Connection, newest: str) -> None:
    """Raise SetupError if code that knows the schema up to `newest` cannot use this database."""
    oldest = get(c, OLDEST)
    if oldest > newest:
        raise SetupError(
            f"The database is one of a newer Madang (schema {oldest}; this one knows {newest}).",
            "Start that version, or restore a backup made before the upgrade.",
        )


def check_complete(c: Connection) -> None:
    """Raise SetupError if only a part of the installation has been copied into this database."""
    if get(c, COPYING):
        raise SetupError(
            "The database holds a copy that is not complete.",
            "Run the same madang migrate again: it goes on where it was.",
        )
