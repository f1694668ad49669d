"""What the store asks of a database's engine, which has the threads, pools, locks and errors: to run work in transactions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from madang.adapters.sql.rows import EventRow, Head
from madang.core.events import Draft
from madang.core.ids import IdSource
from madang.ports.log import Outcome

T = TypeVar("T")


class Unstorable(Exception):
    """The database cannot store a value of this batch at all; nothing was stored."""


class Engine(Protocol):
    """Runs work over a connection, in one transaction each. Raises StorageFull, StorageFailed or Unstorable."""

    lanes: int

    async def append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        """Run `appending.append`."""

    async def write(self, work: Callable[[Connection], T], room: str | None = None) -> T:
        """Run work that writes, and commit. When this returns, it is on disk. `work` may run again after a deadlock.

        Args:
            room: all of its events are in the table before the work runs.
        """

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work that only reads; it sees every commit acked before, all as of one moment."""

    def reading_s(self) -> float:
        """Return the seconds of the processor that reads have taken in threads of their own so far."""

    async def fold_all(self) -> None:
        """Move every event into the table that is not there yet. No append may run meanwhile."""

    def recent(self, room: str) -> Sequence[EventRow]:
        """Return events of a room that may not be in the table yet. Call it before reading the table, in any thread."""

    def waiting(self) -> Mapping[str, Sequence[EventRow]]:
        """Return what `recent` returns, of all rooms; call it as `recent`."""

    def heads(self) -> Mapping[str, Head]:
        """Return heads of rooms that may be above those in the table; call it as `recent`."""

    async def forget(self, rooms: Sequence[str]) -> None:
        """Forget what is kept in memory of rooms that are no longer in the database."""

    async def close(self) -> None:
        """Finish pending calls, and close."""


class OnEngine:
    """What runs on an engine: the base of the ports in `stores/`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
