"""The search index: which messages have what is searched for (`core.search`). It is made of the log, and can be lost at any time.

An index holds of each message its folded text, and of each room how far in the log it has come. It is changed by what follows
the log (`ports.followers`), and by nothing else. What it finds is exact as of its positions; who searches looks at what the
log has above them, and judges every hit once more by the log.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from madang.core.metrics import Metric
from madang.core.search import Query
from madang.ports.followers import Position

NEWEST: Final = (1 << 63) - 1
"""An id above all ids of messages."""


class Document(msgspec.Struct, frozen=True, gc=False):
    """A message as it is indexed."""

    seq: int
    id: int
    user: str
    folded: str


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a stretch of a room's log changes. Each seq is in at most one of `put`, `edit` and `remove`.

    Attributes:
        position: from which they lead on. With `upto` 0 everything that is there of the room goes first.
        upto: the seq that they lead to.
        put: messages, ascending.
        edit: the folded texts of messages that are there, by seq; others are left out.
        remove: seqs of messages that may be there.
        purged: the seq up to which nothing is kept; 0 for all.
        erased: users of whom nothing is kept that was there before; `put` has what they said since.
    """

    room: str
    position: Position
    upto: int
    put: Sequence[Document] = ()
    edit: Mapping[int, str] = {}
    remove: Sequence[int] = ()
    purged: int = 0
    erased: Sequence[str] = ()


class Asked(NamedTuple):
    """The arguments of `SearchIndex.hits`, for an index that hands them on."""

    query: Query
    rooms: Mapping[str, int]
    before: int
    since: int
    user: str | None
    limit: int


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A message that was found."""

    room: str
    seq: int
    id: int


class Hits(msgspec.Struct, frozen=True):
    """Messages that were found, the newest first by id.

    Attributes:
        next: all that is found above this id is here, and more may be below it; None where nothing is.
    """

    hits: list[Hit]
    next: int | None


class Status(msgspec.Struct, frozen=True):
    """What an index has."""

    rooms: int
    messages: int


class SearchIndex(Protocol):
    """An index of messages. Methods raise StorageFailed when it does not answer."""

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        """Return how far the index has come in each room; those that it has nothing of are left out."""

    async def change(self, changes: Sequence[Changes]) -> set[str]:
        """Change several rooms, each named once, in one transaction; return those that were not where the changes lead on from.

        These are as before. A room is where a position of `upto` 0 leads on from if it is not there, or its epoch is another.
        """

    async def forget(self, rooms: Sequence[str]) -> None:
        """Forget rooms. Nothing of them is found from now on."""

    async def rooms_after(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` (1 to 1,000) rooms that it has something of, in order of their ids, from above `after`."""

    async def hits(
        self, query: Query, rooms: Mapping[str, int], *, before: int = NEWEST, since: int = 0, user: str | None = None,
        limit: int = 50,
    ) -> Hits:  # fmt: skip
        """Return up to `limit` (1 to 1,000) messages that match, with ids below `before`.

        A call looks at a bounded number of messages; so there may be fewer, or none, and still a `next`.

        Args:
            rooms: those to look into, each with the seq up to which nothing is found.
            since: the lowest id.
            user: whose messages; None for everybody's.
        """

    async def status(self) -> Status:
        """Return what it has."""


class Made(msgspec.Struct, frozen=True):
    """An index, and the version of the analyzer that its texts are folded by (`core.folding.VERSION`)."""

    version: str
    index: SearchIndex


class SearchIndexes(Protocol):
    """Where indexes are: one serves, and beside it another can be made, which then takes its place. Methods raise StorageFailed.

    An index that was returned can be searched until some seconds after another has taken its place.
    """

    async def serving(self) -> Made:
        """Return the one that serves. There always is one, empty at first."""

    async def building(self) -> Made | None:
        """Return the one that is being made."""

    async def begin(self, version: str) -> bool:
        """Begin to make one beside that which serves, empty. Return False, and do nothing, while there is no place for it.

        That is while one is being made, and until the last one that has been replaced or given up is gone.
        """

    async def give_up(self) -> None:
        """Throw away the one that is being made."""

    async def switch(self) -> None:
        """Let the one that is being made serve, and throw the other one away."""

    def metrics(self) -> list[Metric]:
        """Return what is counted of them."""

    async def close(self) -> None:
        """Finish pending calls, and close."""
