"""The second halves of schema steps: they drop what only older versions need, once no node of those is left."""

from sqlalchemy import Connection

from madang.adapters.sql import installation, leases, migrations
from madang.adapters.sql.dialects import LEASING, MIGRATING, serialise
from madang.errors import SetupError


def pending(c: Connection) -> list[str]:
    """Return the steps whose second half this version knows and nobody has run."""
    finished = installation.get(c, installation.FINISHED)
    return [revision for revision in migrations.FINISHES if revision > finished]


def finish(c: Connection) -> list[str]:
    """Run what is pending, within the transaction that `c` is in, and return the steps finished.

    Raises:
        SetupError: a node of an older version holds a lease. None can acquire one while this runs, nor afterwards.
    """
    serialise(c, MIGRATING)
    serialise(c, LEASING)
    steps = pending(c)
    if not steps:
        return []
    if old := [lease.holder for lease in leases.held(c) if lease.schema < steps[-1]]:
        raise SetupError(
            f"Nodes of an older version are on this database: {', '.join(old)}.",
            "Replace them first; a node that died is forgotten after 30 s.",
        )
    migrations.run_finishes(c, steps)
    return steps
