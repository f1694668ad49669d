"""Versions of papers (`core.versions`): snapshots that are kept apart from a paper's log, and end with the paper."""

from typing import Protocol

from madang.core.papers import Paper
from madang.core.versions import NewVersion, Version
from madang.errors import Refused


class VersionStore(Protocol):
    """Durable versions of papers, which name a paper by its id and key. Methods raise StorageFailed when the storage does not answer."""

    async def keep_version(self, paper: Paper, new: NewVersion) -> Version | Refused:
        """Keep a version under the paper's next number, and return it, or why it is not kept; then nothing is changed.

        One that would be kept by itself, while there is one of the same `seq`, is not kept again: that one is returned.
        Others make way for it as `making_way` says.

        Returns:
            Refused: not_found, where the paper is gone; too_many, of those that were asked for; too_big, where all together would
                have more than MAX_VERSION_BYTES.
        """

    async def versions(self, paper: Paper) -> list[Version]:
        """Return a paper's versions, the newest first."""

    async def version(self, paper: Paper, number: int) -> bytes | None:
        """Return the snapshot of a version; None where there is none."""

    async def drop_version(self, paper: Paper, number: int) -> bool:
        """Remove a version; return whether there was one."""
