"""The history of the schema, one step per file in `versions/`, and the calls that run the steps.

A step has two halves, so that nodes of two versions can share a database while they are replaced one by one. `upgrade()`
only adds; it runs automatically, when the first new node starts. `finish()`, where a step has one, drops what only older
versions need; it runs when the operator says that no such node is left (`finishing.py`). In between both versions work.

A released step is never changed. At start steps run under a lock, an advisory one on PostgreSQL.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, column, inspect, select, table

from madang.adapters.sql import installation
from madang.adapters.sql.dialects import MIGRATING, serialise

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST: Final = "0029"
"""The revision of the last file in versions/; a test holds it to that."""
FINISHES: Final[tuple[str, ...]] = ("0004",)
"""The revisions that have a `finish()`, in order; a test holds it to that, too."""


def upgrade(c: Connection) -> None:
    """Bring the database to NEWEST, within the transaction that `c` is in. A newer schema is left as it is.

    Raises:
        SetupError: a newer version finished its upgrade, so that this one cannot use the database.
    """
    serialise(c, MIGRATING)
    revision = current(c)
    if revision is not None and revision >= NEWEST:
        if revision > NEWEST:
            installation.check_version(c, NEWEST)
        return  # Alembic takes 0.35 s to import, a good part of a start
    from alembic import command

    command.upgrade(_config(c), NEWEST)
    if revision is None and FINISHES:
        run_finishes(c, FINISHES)  # no older version has ever used this database


def run_finishes(c: Connection, revisions: Sequence[str]) -> None:
    """Run the second halves of steps, and note that no older version can use the database from now on.

    On MySQL every statement commits by itself: older versions are shut out first, and what a crash left unfinished runs
    again.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    installation.put(c, installation.OLDEST, revisions[-1])
    scripts = ScriptDirectory.from_config(_config(c))
    with Operations.context(MigrationContext.configure(c)):
        for revision in revisions:
            scripts.get_revision(revision).module.finish()
    installation.put(c, installation.FINISHED, revisions[-1])


def current(c: Connection) -> str | None:
    """Return the revision of a database; None when it is empty."""
    if not inspect(c).has_table("alembic_version"):
        return None
    return c.execute(select(column("version_num")).select_from(table("alembic_version"))).scalar()


def _config(c: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "madang.adapters.sql:migrations")
    config.attributes["connection"] = c
    return config
