"""The log in a database: appends and reads. All SQL is in the modules called here, as plain functions over one connection."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import Connection

from madang.adapters.sql import messages, reading, user_messages
from madang.adapters.sql.engine import Engine, OnEngine, Unstorable
from madang.core.events import Draft, Event
from madang.core.ids import IdSource
from madang.core.messages import Reactor, RoomMessage
from madang.errors import LeaseExceeded, Refused
from madang.ports.log import Outcome, Page, Tail, UserMessages


class SqlLog(OnEngine):
    """`ports.log`. Appends from `use_ids` on."""

    ack = "stored"

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._ids: IdSource | None = None
        self._prolong: Callable[[], Awaitable[None]] | None = None

    def use_ids(self, ids: IdSource, prolong: Callable[[], Awaitable[None]] | None = None) -> None:
        """Number events from this source, of a lease that the node holds. The store becomes its only user.

        Args:
            prolong: renews the lease, for ids that it does not cover; raises StorageError on failure.
        """
        self._ids, self._prolong = ids, prolong

    @property
    def lanes(self) -> int:
        return self._engine.lanes

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        if self._ids is None:
            raise RuntimeError("call use_ids() with the source of a leased node number before the first append")
        try:
            return await self._append(drafts, self._ids)
        except Unstorable:
            if len(drafts) == 1:
                return [Refused("bad_field")]
            return [(await self.append([d]))[0] for d in drafts]  # so that the others are stored

    async def _append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        try:
            return await self._engine.append(drafts, ids)
        except LeaseExceeded:  # nothing was stored
            if self._prolong is None:
                raise
            await self._prolong()
            return await self._engine.append(drafts, ids)

    async def tail(self, room: str, limit: int) -> Tail | None:
        return await self._engine.read(lambda c: reading.tail(c, room, limit, self._engine.recent(room)))

    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        return await self._engine.read(lambda c: reading.read(c, room, after, limit, self._engine.recent(room)))

    async def heads(self, rooms: Sequence[str]) -> dict[str, int]:
        return await self._engine.read(lambda c: reading.heads(c, rooms, self._engine.heads()))

    async def messages(
        self, room: str, user: str, *, before: int | None = None, after: int | None = None, limit: int = 50, above: int = 0,
    ) -> Page:  # fmt: skip
        return await self._engine.read(
            lambda c: messages.page(c, room, user, before, after, limit, self._engine.recent(room), above)
        )

    async def around(
        self, room: str, user: str, seq: int, *, below: int, above: int, hidden: int = 0
    ) -> tuple[Page, Page]:
        def read(c: Connection) -> tuple[Page, Page]:
            recent = self._engine.recent(room)
            older = messages.page(c, room, user, seq, None, below, recent, hidden)
            return older, messages.page(c, room, user, None, max(0, seq - 1), above, recent, hidden)

        return await self._engine.read(read)

    async def seq_at(self, room: str, at_ms: int) -> int:
        return await self._engine.read(lambda c: reading.seq_at(c, room, at_ms, self._engine.recent(room)))

    async def own_reactions(self, room: str, user: str, first: int, last: int) -> dict[int, set[str]]:
        return await self._engine.read(lambda c: messages.own_reactions(c, room, user, first, last))

    async def reactors(self, room: str, seq: int, emoji: str, *, after: str = "", limit: int = 50) -> list[Reactor]:
        recent = self._engine.recent
        return await self._engine.read(lambda c: messages.reactors(c, room, seq, emoji, after, limit, recent(room)))

    async def messages_at(self, places: Sequence[tuple[str, int]], user: str) -> list[RoomMessage]:
        waiting = self._engine.waiting()
        return await self._engine.read(lambda c: messages.at(c, places, user, waiting))

    async def pins(self, room: str, user: str) -> Page:
        return await self._engine.read(lambda c: messages.pinned(c, room, user, self._engine.recent(room)))

    async def messages_of(self, user: str, *, after: tuple[str, int] = ("", 0), limit: int = 50) -> UserMessages:
        waiting = self._engine.waiting()
        return await self._engine.read(lambda c: user_messages.page(c, user, after, limit, waiting))
