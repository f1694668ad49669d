"""The logs of papers, apart from those of rooms. What makes, renames, finishes and deletes a paper is an event (`ports.log`).

A paper's updates are numbered 1, 2, 3 … with no gap, in the order of their commits, by whatever node. A snapshot stands for all
updates up to a number; they are removed in the transaction that writes it. Nothing here knows what the bytes mean.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from madang.core.papers import FinishedPaper, Paper, Rendering, Standing, Update
from madang.errors import Refused


class PaperLog(msgspec.Struct, frozen=True):
    """A paper's log as of one moment.

    Attributes:
        upto: up to where the snapshot stands for updates; 0 where there is none.
        snapshot: empty where the caller has all of it, or there is none.
        updates: by number, ascending and contiguous, up to `paper.seq`.
    """

    paper: Paper
    upto: int
    snapshot: bytes
    updates: list[tuple[int, bytes]]

    @property
    def written(self) -> list[bytes]:
        """The updates without their numbers."""
        return [data for _, data in self.updates]


class Watched(msgspec.Struct, frozen=True):
    """Papers as they are, those left out that there are not; and how users stand, by (room, user)."""

    papers: Mapping[str, Paper]
    standings: Mapping[tuple[str, str], Standing]


class PaperStore(Protocol):
    """Durable logs of papers. Methods raise StorageFailed when the storage does not answer."""

    async def paper(self, id: str, reader: str | None = None) -> Paper | None:
        """Return a paper; of a room that was deleted none.

        Args:
            reader: a user, who is told of a paper of a room that they are a member of. Of another no more is read than of one that there
                is not: it takes as long.
        """

    async def papers(self, room: str, *, after: str = "", limit: int = 50) -> list[Paper]:
        """Return a room's papers in order of their ids, from above `after`; `limit` 1 to 201."""

    async def append_updates(self, updates: Sequence[Update]) -> list[int | Refused]:
        """Append updates (1 to 1,000, of any papers) in one transaction; their numbers, or why they are refused, in order.

        An update is refused where there is no such paper, or no longer (not_found), it is finished (finished), one of its
        writers may not write in the room (`Standing.held`), or the paper would have more than MAX_PAPER bytes (too_big). One that
        goes back to a version is refused (overloaded) where another did since `back_from`: both would write the same again.
        A refused update leaves the others of the batch untouched.

        Raises:
            StorageFull: nothing was stored.
            StorageFailed: unknown; the same updates may be appended again, because to apply them twice does no harm.
        """

    async def paper_log(self, id: str, after: int = 0) -> PaperLog | None:
        """Return what is in a paper's log above a number; None where there is no such paper.

        Where updates above it are in the snapshot already, that comes, too.
        """

    async def compact_paper(self, paper: Paper, upto: int, snapshot: bytes) -> bool:
        """Keep a snapshot in place of all updates up to a number; return False where that is done, or the paper is gone.

        Args:
            paper: names it by its id and key.
        """

    async def keep_rendering(self, paper: Paper, rendering: Rendering) -> bool:
        """Keep what a finished paper says, until it is reopened; return False where it is not finished, or was written since."""

    async def rendering(self, paper: Paper) -> Rendering | None:
        """Return what is kept by `keep_rendering`."""

    async def finished_at(self, places: Sequence[tuple[str, int]]) -> list[FinishedPaper]:
        """Return, by room and seq, the papers that are finished since some events and whose rendering is kept; at most 200."""

    async def watched(self, papers: Sequence[str], users: Sequence[tuple[str, str]]) -> Watched:
        """Return how some papers and users, by (room, user), stand now: at most 10,000 of each."""
