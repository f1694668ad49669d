"""What has changed, for every node every second: `ports.changes` over one connection."""

from typing import Final

from sqlalchemy import Connection, select

from madang.adapters.sql import accounts, profiles, signing, upkeep
from madang.adapters.sql.tables import erasures
from madang.ports.changes import PAGE, Changes, Known

_STANDING: Final = select(erasures.c.user).where(erasures.c.done_ms.is_(None)).limit(1)


def changes(c: Connection, known: Known) -> Changes:
    """See `ChangeStore.changes`."""
    keys = signing.stored(c)
    return Changes(
        deleted=upkeep.users_deleted(c, known.deleted_ms),
        ended=accounts.ended(c, known.ended, PAGE),
        named=profiles.named_after(c, known.named, PAGE),
        keys=keys.keys if keys is not None else (),
        erasing=c.execute(_STANDING).first() is not None,
    )
