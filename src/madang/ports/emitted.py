"""What others publish beside the server, for its rooms: packets of Socket.IO's emitter, over a courier that keeps nothing.

A packet is heard by one node, whichever listens at the moment, so that it is stored once. What is published while none listens, or
while the one that does cannot keep up, is lost: nobody was told that it is safe.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

TAKEN: Final = 100
"""Packets at most that are handed on together."""


class Emitted(Protocol):
    """Listens, on one node of all."""

    async def run(self, take: Callable[[Sequence[bytes]], Awaitable[None]]) -> None:
        """Hand on packets, in the order they were published, until cancelled; nothing is read while `take` is at work.

        What cannot be reached is tried again, without end. Two nodes never hand on the same packet.
        """
