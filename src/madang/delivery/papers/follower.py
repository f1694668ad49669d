"""Whoever follows a paper, as papers see them: a session of some door, which knows how messages are written."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Shown(msgspec.Struct, frozen=True):
    """What is shown of one client of a paper: its clock, and an object as JSON text; None where it has gone.

    Attributes:
        user: whose client it is.
    """

    client: int
    clock: int
    state: bytes | None
    user: str


Outcome = int | str
"""What came of an update: the number under which it is stored, 0 for nothing new, or a code. Nothing new is also what builds
on something that the paper lacks."""


class Follower(Protocol):
    """One connection to a paper. Its methods are called in the event loop, and write or end it at once."""

    @property
    def user_id(self) -> str:
        """Who it is."""

    @property
    def user_name(self) -> str:
        """What they are called now."""

    @property
    def server(self) -> bool:
        """Whether they are a server key."""

    @property
    def token_left_s(self) -> float:
        """Seconds until the token has ended that they came with."""

    @property
    def behind(self) -> bool:
        """Whether it is over its byte budget, and takes nothing now."""

    @property
    def framing(self) -> object:
        """Connections of equal framings are sent the same frames."""

    def frame_update(self, data: bytes) -> bytes:
        """Return the frame of an update."""

    def frame_shown(self, shown: Sequence[Shown]) -> bytes:
        """Return the frame of what is shown of clients."""

    def write(self, frame: bytes) -> None:
        """Write a frame."""

    def answer(self, lacking: bytes) -> None:
        """Write what it has asked for: the update that it lacks."""

    def greet(self, state: bytes, shown: Sequence[Shown]) -> None:
        """Write what a newcomer gets: the document's state vector, and what is shown of others."""

    def taken(self, size: int, outcome: Outcome) -> None:
        """Learn that an update that it submitted waits no longer, in the order in which they were, and what came of it."""

    def deny(self, code: str) -> None:
        """Tell that what it wrote is not taken, and why."""

    def unreadable(self) -> None:
        """End: what it wrote cannot be decoded."""

    def end_access(self, code: int, reason: str) -> None:
        """End, for good: it may not follow the paper any longer."""

    def try_again(self, reason: str) -> None:
        """End; it is welcome again in a moment."""
