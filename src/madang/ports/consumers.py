"""Consumers: who reads every room with a server key, by a name, and how far they have said that they are in each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from madang.core.consumers import Consumer
from madang.ports.followers import Position


class Reached(NamedTuple):
    """How far a consumer is in a room.

    Attributes:
        epoch: of the room's log, also of a deleted room's.
        position: what was said last; None if nothing was.
    """

    epoch: str
    position: Position | None

    @property
    def upto(self) -> int:
        """The seq up to which it is done with the log that the room has now."""
        return self.position.upto if self.position is not None and self.position.epoch == self.epoch else 0


class ConsumerStore(Protocol):
    """Keeps consumers. Every call is one short transaction."""

    async def add_consumer(self, consumer: Consumer) -> bool:
        """Add a consumer; return False if there is one of that key and name.

        Raises:
            Refused: too_many, if the key has MOST.
        """

    async def consumer(self, key: str, name: str) -> Consumer | None:
        """Return the consumer of a key by that name, if there is one."""

    async def consumers(self, key: str) -> list[Consumer]:
        """Return the consumers of a key, in order of their names."""

    async def next_reader(self, key: str, name: str) -> Consumer | None:
        """Raise the number of a consumer's reader, and return it as it is then; None unless it was ever here.

        Of connections that ask at once, each gets a number of its own.
        """

    async def note_consumer(self, key: str, name: str, now_ms: int, making: bool = False) -> bool:
        """Note that a consumer is here; return False if there is none.

        One that is not here yet, or is being removed, is not noted by this, but by whoever has made it (`making`).
        """

    async def unseen_consumers(self, before_ms: int, limit: int) -> list[Consumer]:
        """Return up to `limit` consumers that were neither made nor here since."""

    async def reached(self, key: str, name: str, rooms: Sequence[str]) -> dict[str, Reached]:
        """Return how far a consumer is in each of up to 1,000 rooms; those that do not exist are left out."""

    async def reach(self, key: str, name: str, positions: Mapping[str, Position], making: bool = False) -> None:
        """Move a consumer on in up to 500 rooms. In one epoch a position never falls.

        Nothing is written for a consumer that there is not: a position would stay that nobody removes.

        Args:
            making: nor for one that was noted to be here.
        """

    async def drop_consumer(self, key: str, name: str, limit: int) -> bool:
        """Remove up to `limit` positions of a consumer, and itself with the last; return whether there is more to do.

        From the first piece on it was never here: it has no reader, and what is left of it may be made again or dropped.
        """
