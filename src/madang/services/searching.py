"""Searching: what a member finds, which is what reading all that they may read would find.

The index proposes, the log decides: what the index has not seen yet is looked through in the log, and every hit is read from
there and judged again. So a message is found as soon as it is acked, and none once its deletion is. Rooms are those that the
reader is a member of, before the look and after it. Where time, a lag or an outage cuts a search short, it says so.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from madang.aio import FairTurns
from madang.core.actors import Actor
from madang.core.bounds import ANSWER_BYTES
from madang.core.events import Event, MessageEdited, MessageSent, PaperChanged
from madang.core.folding import fold
from madang.core.ids import first_id, id_ms
from madang.core.messages import FoundMessage, RoomMessage
from madang.core.metrics import Metric
from madang.core.papers import FinishedPaper
from madang.core.rate import Bucket
from madang.core.search_filters import Wanted, wanted
from madang.core.timestamps import moment
from madang.errors import Limited, Refused, StorageFailed
from madang.memory import Memory
from madang.ports.directory import Directory
from madang.ports.followers import Position
from madang.ports.log import Log
from madang.ports.papers import PaperStore
from madang.ports.search import NEWEST, Hit, Hits, Made, SearchIndex, SearchIndexes, Status
from madang.services.breath import Breath
from madang.services.charges import Charges
from madang.services.indexing import epoch_of
from madang.services.pages import BUSY_BYTES, fitting, held_array
from madang.services.rooms import Rooms

AT_ONCE: Final = 2
"""Searches at a time; each goes through 300 rooms in 50 ms at most."""
WAITING: Final = 1_000
OVERLOADED_MS: Final = 500
ROWS: Final = 100
"""What a search costs beside the rows of its page, in rows."""
ROOMS: Final = 5_000
"""Rooms that one search looks into."""
TAIL: Final = 2_000
"""Events of a room, and ten times as many of all, that are looked through because the index has not seen them: the newest."""
READ: Final = 500
BUDGET_S: Final = 1.0
"""After which a search tells what it has found."""
FETCHED: Final = 200
"""Messages read from the log at a time."""
PAPERS: Final = 20
"""Papers read at a time."""


class Store(Log, Directory, PaperStore, Protocol):
    """The log, who is in its rooms, and finished papers."""


class Found(msgspec.Struct, frozen=True):
    """What was found, the newest first, as a JSON array of `FoundMessage`.

    Attributes:
        more: a further page may bring something.
        complete: nothing was left out because of time, a lag or an outage.
    """

    messages: bytes
    more: bool
    complete: bool


class _Tail(msgspec.Struct):
    """What the log has above the index's positions."""

    hits: list[Hit]
    complete: bool = True


class Searching:
    """Searches for members.

    Args:
        indexes: None where there are none: then nothing is found but by looking through the newest of the log.
        time: loop time, in seconds.
        on: whether there is a search at all.
    """

    def __init__(
        self, store: Store, rooms: Rooms, indexes: SearchIndexes | None, charges: Charges, time: Callable[[], float], memory: Memory,
        *, on: bool = True,
    ) -> None:  # fmt: skip
        self._store = store
        self._rooms = rooms
        self._indexes = indexes
        self._charges = charges
        self._time = time
        self._memory = memory
        self.on = on
        self._turns = FairTurns(AT_ONCE, WAITING)
        self._searches = self._incomplete = 0

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return [
            Metric("counter", "madang_searches", "Searches that were answered.", self._searches),
            Metric("counter", "madang_searches_incomplete", "Those that did not come to an end.", self._incomplete),
            Metric("gauge", "madang_searches_waiting", "Searches that wait for their turn.", self._turns.waiting),
        ]

    async def status(self) -> Status | None:
        """Return what the index has; None where there is none."""
        return None if self._indexes is None else await (await self._indexes.serving()).index.status()

    async def search(
        self, actor: Actor, q: str, *, room: str | None = None, user: str | None = None, since: str | None = None,
        until: str | None = None, before: int | None = None, limit: int = 50, bucket: Bucket | None = None,
    ) -> Found:  # fmt: skip
        """Return a page of the messages and finished papers that match a query in the actor's rooms, the newest first.

        Args:
            room: the only room to look into; None for all that the actor is a member of.
            user: whose messages.
            since, until: times, both included.
            before: the id of the last message of the page before.
            bucket: as for `Reading`.

        Raises:
            Refused: bad_field; not_found for a room that the actor is not a member of, and where there is no search.
        """
        if not self.on:
            raise Refused("not_found", "This server does not search.")
        asked = wanted(q, room=room, user=user, since=since, until=until)
        scope = await self._scope(actor, asked)
        with self._charges.page(actor, ROWS + limit, bucket):
            try:
                found, more, complete = await self._turns.do(
                    actor.id, lambda: self._page(actor, asked, scope, NEWEST if before is None else before, limit)
                )
            except OverflowError:
                raise Limited("overloaded", OVERLOADED_MS) from None
        now = await self._scope(actor, asked)
        kept = [m for m in found if m.room in now and m.seq > now[m.room]]
        texts, rest = fitting([message async for message in _shown(kept, asked)])
        rest |= len(texts) < len(kept)
        self._searches += 1
        self._incomplete += not complete
        return Found(held_array([text for _, text in texts], self._memory), more or rest, complete)

    async def _scope(self, actor: Actor, asked: Wanted) -> Mapping[str, int]:
        """Return the rooms to look into, each with the seq up to which the actor sees nothing (not_found)."""
        if asked.rooms:
            members = [await self._rooms.member(actor, room) for room in sorted(asked.rooms)]
            return {member.room: member.hidden for member in members} if len(members) == 1 else {}
        if actor.server:
            raise Refused("bad_field", "room: which one; a server key is a member of none.")
        return await self._store.readable(actor.id, ROOMS)

    async def _page(
        self, actor: Actor, asked: Wanted, scope: Mapping[str, int], before: int, limit: int
    ) -> tuple[list[RoomMessage], bool, bool]:
        deadline = self._time() + BUDGET_S
        since = first_id(asked.since_ms)
        before = min(before, first_id(asked.until_ms + 1))
        if len(asked.users) > 1 or not scope:
            return [], False, True
        async with self._memory.holding("answers", BUSY_BYTES):
            made, complete = await self._made()
            tail = await self._tail(None if made is None else made.index, scope, asked)
            complete &= tail.complete and len(scope) < ROOMS
            waiting = sorted({hit for hit in tail.hits if since <= hit.id < before}, key=lambda hit: hit.id)
            seen: set[tuple[str, int]] = set()
            found: list[RoomMessage] = []
            next_below: int | None = before
            while next_below is not None:
                try:
                    hits = await _hits(made, asked, scope, next_below, since, limit + 1 - len(found))
                except StorageFailed:
                    hits, complete = Hits([], None), False
                candidates = list(hits.hits)
                while waiting and (hits.next is None or waiting[-1].id >= hits.next):
                    candidates.append(waiting.pop())
                found += await self._judged(actor, asked, scope, candidates, seen)
                next_below = hits.next
                if len(found) > limit:
                    return found[:limit], True, complete
                if next_below is not None and self._time() > deadline:
                    return found, True, False
        return found, False, complete

    async def _made(self) -> tuple[Made | None, bool]:
        """Return the index that serves, and whether it could be asked for; the same one is used in all of a search."""
        if self._indexes is None:
            return None, True
        try:
            return await self._indexes.serving(), True
        except StorageFailed:
            return None, False

    async def _judged(
        self, actor: Actor, asked: Wanted, scope: Mapping[str, int], hits: list[Hit], seen: set[tuple[str, int]]
    ) -> list[RoomMessage]:
        """Return the messages and finished papers among hits that are one as they are now, the newest first, none twice."""
        breath = Breath()
        places = list(dict.fromkeys((hit.room, hit.seq) for hit in hits if (hit.room, hit.seq) not in seen))
        seen.update(places)
        messages = await self._messages_at(places, actor.id)
        kept = [
            message
            for message in messages
            if message.seq > scope[message.room] and _matches(message, await breath.take(message.text), asked)
        ]
        if not asked.users:  # nobody says what a paper says
            rest = set(places).difference((message.room, message.seq) for message in messages)
            kept += await self._papers(
                [place for place in places if place in rest and place[1] > scope[place[0]]], asked
            )
        return sorted(kept, key=lambda message: int(message.id), reverse=True)

    async def _papers(self, places: Sequence[tuple[str, int]], asked: Wanted) -> list[FoundMessage]:
        breath, found = Breath(), list[FoundMessage]()
        for at in range(0, len(places), PAPERS):
            for paper in await self._store.finished_at(places[at : at + PAPERS]):
                if asked.query.matches(fold(await breath.take(paper.text))):
                    piece = asked.query.excerpt(await breath.take(paper.text))
                    found.append(_found_paper(paper, piece, asked.query.ranges(piece)))
        return found

    async def _tail(self, index: SearchIndex | None, scope: Mapping[str, int], asked: Wanted) -> _Tail:
        """Look through what the log has above the index's positions: of these first, so that nothing is in neither."""
        tail = _Tail([])
        positions: Mapping[str, Position] = {}
        if index is not None:
            try:
                positions = await index.positions(list(scope))
            except StorageFailed:
                tail.complete = False
        heads = await self._store.heads(list(scope))
        left = 10 * TAIL
        edited: list[tuple[str, int]] = []
        breath = Breath()
        for room, head in heads.items():
            position = positions.get(room)
            if position is not None and position.upto == head and position.epoch.startswith(epoch_of("")):
                continue
            indexed = await self._indexed(room, position)
            first = max(indexed, scope[room], head - min(TAIL, left))
            tail.complete &= first <= max(indexed, scope[room])
            left -= max(0, head - first)
            while events := await self._store.read(room, first, READ):
                first = events[-1].seq
                await self._look_through(events, asked, tail.hits, edited, breath)
                if first >= head:
                    break
        found = await self._messages_at(edited, "")
        tail.hits += [Hit(message.room, message.seq, int(message.id)) for message in found]
        return tail

    async def _messages_at(self, places: Sequence[tuple[str, int]], user: str) -> list[RoomMessage]:
        found: list[RoomMessage] = []
        for at in range(0, len(places), FETCHED):
            found += await self._store.messages_at(places[at : at + FETCHED], user)
        return found

    async def _indexed(self, room: str, position: Position | None) -> int:
        """Return the seq up to which the index has seen a room's log as it is numbered now."""
        if position is None:
            return 0
        tail = await self._store.tail(room, 0)
        return position.upto if tail is not None and position.epoch == epoch_of(tail.epoch) else 0

    async def _look_through(
        self, events: Sequence[Event], asked: Wanted, hits: list[Hit], edited: list[tuple[str, int]], breath: Breath
    ) -> None:
        for event in events:
            if event.type == PaperChanged.type:
                hits.append(
                    Hit(event.room, event.seq, event.id)
                )  # if it has finished one, that is judged with all hits
            elif event.type == MessageSent.type or event.type == MessageEdited.type:
                content = event.content()
                if not asked.query.matches(fold(await breath.take(getattr(content, "text", None) or ""))):
                    continue
                if isinstance(content, MessageEdited):
                    edited.append((event.room, content.target))
                else:
                    hits.append(Hit(event.room, event.seq, event.id))


async def _hits(
    made: Made | None, asked: Wanted, scope: Mapping[str, int], before: int, since: int, limit: int
) -> Hits:
    if made is None:
        return Hits([], None)
    user = next(iter(asked.users), None)
    query = asked.query.for_index(made.version)
    return await made.index.hits(query, scope, before=before, since=since, user=user, limit=limit)


def _found_paper(paper: FinishedPaper, piece: str, ranges: list[tuple[int, int]]) -> FoundMessage:
    return FoundMessage(
        seq=paper.seq, id=str(paper.id), user=paper.user, name=paper.name, at=moment(id_ms(paper.id)), text=piece,
        room=paper.room, ranges=ranges, paper=paper.paper, title=paper.title,
    )  # fmt: skip


def _matches(message: RoomMessage, text: str, asked: Wanted) -> bool:
    return asked.users <= {message.user} and asked.query.matches(fold(text))


async def _shown(messages: Sequence[RoomMessage], asked: Wanted) -> AsyncIterator[FoundMessage]:
    """Yield messages with their ranges, as many as may fit into an answer, in which each character is a byte at least."""
    breath, left = Breath(), ANSWER_BYTES
    for message in messages:
        if isinstance(message, FoundMessage):
            yield message
            left -= len(message.text)
            continue
        ranges = asked.query.ranges(await breath.take(message.text))
        yield FoundMessage(ranges=ranges, **msgspec.structs.asdict(message))
        left -= len(message.text)
        if left < 0:
            return
