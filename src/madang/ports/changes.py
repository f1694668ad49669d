"""What every node must know within a second, whoever has changed it, in one read: every node makes it, also when nothing happens.

It is who was deleted, signed out or renamed, the signing keys, and whether an erasure is not done.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from madang.core.signing import SigningKey
from madang.ports.accounts import Ended
from madang.ports.profiles import Named
from madang.ports.upkeep import StoredUser

PAGE: Final = 1_000


class Known(NamedTuple):
    """Where a node goes on to read.

    Attributes:
        deleted_ms: users deleted at that time or later (`Upkeep.users_deleted`).
        ended: sessions that ended above this (`AccountStore.sessions_ended`).
        named: users renamed above this (`ProfileStore.named_after`).
    """

    deleted_ms: int
    ended: Ended
    named: tuple[int, str]


class Changes(NamedTuple):
    """What there is beyond what a node knows; of `ended` and `named` at most PAGE.

    Attributes:
        keys: the signing keys as they are.
        erasing: whether an erasure is not done.
    """

    deleted: Sequence[StoredUser]
    ended: Sequence[Ended]
    named: Sequence[Named]
    keys: tuple[SigningKey, ...]
    erasing: bool


class ChangeStore(Protocol):
    """Tells what has changed."""

    async def changes(self, known: Known) -> Changes:
        """Return what the calls that `Known` names would return, and the rest, in one short transaction."""
