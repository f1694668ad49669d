"""A few named facts about a database: which versions may use it, and whether it is complete."""

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
"""What is being copied into this database (`copying.py`); unset once the copy is complete."""
ACCOUNTS: Final = "accounts"
"""Set once the first account has been made, which is the administrator's."""


def get(c: Connection, name: str) -> str:
    """Return a fact; "" where it is unset."""
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
            f"The database belongs to a newer Madang (schema {oldest}; this one knows {newest}).",
            "Start that version, or restore a backup made before the upgrade.",
        )


def check_complete(c: Connection) -> None:
    """Raise SetupError if the installation has been copied into this database only in part."""
    if get(c, COPYING):
        raise SetupError(
            "The database holds an incomplete copy.",
            "Run the same madang migrate again: it continues where it stopped.",
        )
