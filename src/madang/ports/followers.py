"""Followers: what gets every event of every room's log, in order, at least once, however long it was away.

A follower keeps its own position in each room, in one transaction with what it does of the events where it can: then it does
each of them once. `services.following` reads the log for it. A search index is one; others send events elsewhere.
"""

from collections.abc import Sequence, Set
from typing import Protocol

import msgspec

from madang.core.events import Event


class Position(msgspec.Struct, frozen=True):
    """How far a follower has come in a room's log.

    Attributes:
        epoch: of the log's numbering (`Tail.epoch`), or something made of it.
        upto: the seq of the last event that it has had; 0 for none.
    """

    epoch: str
    upto: int


class Stretch(msgspec.Struct, frozen=True):
    """Events of a room that follow a position without a gap, but for what is erased from the log's beginning."""

    room: str
    position: Position
    events: list[Event]


class Again(msgspec.Struct, frozen=True):
    """Rooms to look at again, where the follower is in them.

    Attributes:
        moved: those whose position was another, as another node was faster.
        waiting: those in which the follower waits for something, and has had the events before that: they are looked at after a while.
    """

    moved: Set[str] = frozenset()
    waiting: Set[str] = frozenset()


class Follower(Protocol):
    """What follows the log. Several nodes may lead the same one on at the same time."""

    name: str

    def epoch(self, epoch: str) -> str:
        """Return what the positions of a log with this epoch have; if a room's is another, the room begins again."""

    async def ready(self) -> bool:
        """Return whether it can be led on; while it cannot, nothing is handed over, and a later sweep finds what that was."""

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        """Return how far it has come in each room; those that it has not begun are left out."""

    async def take(self, stretches: Sequence[Stretch]) -> Again:
        """Have some stretches, each of another room.

        A position with `upto` 0 begins a room, also one whose epoch was another.
        """

    async def forget(self, rooms: Sequence[str]) -> None:
        """Forget rooms that are deleted, or that the log does not have."""

    async def rooms_after(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` (1 to 1,000) rooms that it has begun, in order of their ids, from above `after`."""
