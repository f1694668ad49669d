"""Versions of papers: what a paper was at some moment, kept, so that one can look at it and go back to it.

How one goes back is in `restoring`.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from madang.errors import Refused

Cause = Literal["asked", "finish", "restore"]
ASKED: Final = "asked"
"""The cause of a version that somebody has made."""
FINISH: Final = "finish"
"""Of one that was kept when the paper was finished."""
RESTORE: Final = "restore"
"""Of one that was kept because somebody went back to another: nothing is lost by that."""
MAX_VERSIONS: Final = 50
"""Versions of one paper that somebody has made."""
MAX_KEPT: Final = 20
"""Versions of one paper that were kept by themselves: the oldest make way."""
MAX_VERSION_BYTES: Final = 16 << 20
"""Bytes of all versions of one paper."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a paper, without what it says.

    Attributes:
        number: counted for the paper, and never given again.
        title: empty where it was kept by itself.
        cause: ASKED, FINISH or RESTORE.
        user: who made it, or went back to another; empty for FINISH.
        seq: up to where it has the paper's log.
        size: bytes of its snapshot.
    """

    number: int
    title: str
    cause: Cause
    user: str
    at_ms: int
    seq: int
    size: int


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that will be kept, as a snapshot that stands for the paper's log up to `seq`."""

    title: str = ""
    cause: Cause
    user: str = ""
    seq: int
    data: bytes


def too_many(there: Sequence[Version]) -> Refused | None:
    """Return why no more can be asked for beside these; None where more can."""
    if sum(each.cause == ASKED for each in there) < MAX_VERSIONS:
        return None
    return Refused("too_many", f"A paper has at most {MAX_VERSIONS} versions.")


def making_way(there: list[Version], new: NewVersion) -> list[Version] | None:
    """Return which versions make way for a new one, the oldest first that were kept by themselves; None where that is not enough."""
    kept = sorted((each for each in there if each.cause != ASKED), key=lambda each: each.number)
    too_many = len(kept) + 1 - MAX_KEPT if new.cause != ASKED else 0
    too_large = sum(each.size for each in there) + len(new.data) - MAX_VERSION_BYTES
    gone: list[Version] = []
    for each in kept:
        if len(gone) >= too_many and too_large <= 0:
            break
        gone.append(each)
        too_large -= each.size
    return gone if too_large <= 0 else None
