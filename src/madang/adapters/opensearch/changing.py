"""How the index is led on: documents first, each with the seq up to which it is right as its version; then the rooms' cursors.

So a crash between the two is harmless: the same changes come again and find their own documents. Nothing that is late undoes
what is newer, because the engine takes a document only over one of a lower version; hence a message that is removed leaves an empty
document behind.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from madang.adapters.opensearch import cursors
from madang.adapters.opensearch.alias import Alias
from madang.adapters.opensearch.bulk import BYTES, CONFLICT, MALFORMED, WRITES, Counted, Result, write
from madang.adapters.opensearch.cursors import Cursor, Held
from madang.adapters.opensearch.engine import WRITE_S
from madang.adapters.opensearch.selecting import select
from madang.core.search import terms
from madang.errors import StorageFailed
from madang.ports.search import Changes

log = logging.getLogger("madang.search")

TOGETHER: Final = 4_000
"""Characters whose terms are made in one turn of the loop: less than a millisecond of them."""
READ: Final = 500
"""Documents read at a time."""
TRIES: Final = 5
"""To write a cursor that is where it was, but has been tidied meanwhile."""

MESSAGE: Final = "message"
REMOVED: Final = "removed"
ASIDE: Final = "aside"


class Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document of a message.

    Attributes:
        kind: MESSAGE, REMOVED or ASIDE; the last is one that the engine refused to index.
        terms: by which it is found; the engine does not give them back.
    """

    kind: str
    gen: str
    seq: int
    id: int = 0
    user: str = ""
    folded: str = ""
    terms: Collection[str] = ()


class _Write(NamedTuple):
    room: str
    version: int
    document: Stored

    def encoded(self) -> bytes:
        document = self.document
        line = {"index": {"_id": _id(document.gen, document.seq), "version": self.version, "version_type": "external"}}
        return msgspec.json.encode(line) + b"\n" + msgspec.json.encode(document) + b"\n"


class _Got(msgspec.Struct):
    source: Stored | None = msgspec.field(name="_source", default=None)


class _Answer(msgspec.Struct):
    docs: list[_Got]


_answer: Final = msgspec.json.Decoder(_Answer)


class Changing:
    """Lead the index on.

    Attributes:
        orphans: generations that we wrote to and that may be no room's, with the room whose they were.
    """

    def __init__(self, alias: Alias, counted: Counted) -> None:
        self._alias = alias
        self._counted = counted
        self.orphans: dict[str, str] = {}

    async def change(self, changes: Sequence[Changes]) -> set[str]:
        """See `SearchIndex.change`. It is not one transaction: a room that was changed stays so if another fails."""
        ready = await self._ready(changes)
        led_on = [(each, ready[each.room]) for each in changes if each.room in ready]
        await self._write_documents([(each, at.cursor) for each, at in led_on])
        moved = await self._moved(led_on)
        self.orphans.update((at.cursor.gen, each.room) for each, at in led_on if each.room not in moved)
        return {each.room for each in changes} - moved

    async def _ready(self, changes: Sequence[Changes]) -> dict[str, Held]:
        """Return the cursors of rooms that are where the changes lead on from; those that begin are begun."""
        ready: dict[str, Held] = {}
        left = list(changes)
        for _ in range(TRIES):
            held = await cursors.read(self._alias, [each.room for each in left])
            begin: list[Changes] = []
            for each in left:
                at = held.get(each.room)
                there = None if at is None or at.cursor.gone else at
                if there is not None and there.cursor.position == each.position:
                    ready[each.room] = there
                elif not each.position.upto and (there is None or there.cursor.epoch != each.position.epoch):
                    begin.append(each)
            begun = [cursors.begun(each.room, each.position.epoch, held.get(each.room)) for each in begin]
            results = await self._write_cursors([(cursor, held.get(cursor.room)) for cursor in begun])
            left = []
            for each, cursor, result in zip(begin, begun, results, strict=True):
                if result.done:
                    ready[each.room] = Held(cursor, result.seq_no, result.term)
                else:
                    left.append(each)
            if not left:
                break
        return ready

    async def _moved(self, led_on: Sequence[tuple[Changes, Held]]) -> set[str]:
        """Move cursors on, and return the rooms of those that are still where they were; to erase something does not move them."""
        moved = set[str]()
        left = list(led_on)
        for _ in range(TRIES):
            results = await self._write_cursors([(_led_on(each, at.cursor), at) for each, at in left])
            moved.update(each.room for (each, _), result in zip(left, results, strict=True) if result.done)
            again = {each.room: (each, at.cursor) for each, at in left if each.room not in moved}
            held = await cursors.read(self._alias, list(again))
            left = [
                (again[room][0], at)
                for room, at in held.items()
                if (at.cursor.gen, at.cursor.upto, at.cursor.gone) == (again[room][1].gen, again[room][1].upto, False)
            ]
            if not left:
                break
        return moved

    async def _write_cursors(self, changed: Sequence[tuple[Cursor, Held | None]]) -> list[Result]:
        results = await write(self._alias, [cursors.written(cursor, at) for cursor, at in changed], self._counted)
        for result in results:
            if not result.done:
                judge(result, self._alias)
        return results

    async def _write_documents(self, changes: Sequence[tuple[Changes, Cursor]]) -> None:
        waiting: list[_Write] = []
        encoded: list[bytes] = []
        size = characters = 0
        async for each in self._documents(changes):
            waiting.append(each)
            encoded.append(each.encoded())
            size += len(encoded[-1])
            characters += len(each.document.folded) + 40
            if characters > TOGETHER:
                characters = 0
                await asyncio.sleep(0)
            if size > BYTES or len(waiting) == WRITES:
                await self._send(waiting, encoded)
                waiting, encoded, size = [], [], 0
        await self._send(waiting, encoded)

    async def _documents(self, changes: Sequence[tuple[Changes, Cursor]]) -> AsyncIterator[_Write]:
        if any(each.erased for each, _ in changes):
            await self._alias.refresh(WRITE_S)
        for each, cursor in changes:
            room, gen, upto = each.room, cursor.gen, each.upto
            put = {document.seq for document in each.put}
            for user in each.erased:
                said: list[Any] = [{"term": {"gen": gen}}, {"term": {"user": user}}]
                async for seqs in select(self._alias, said):
                    for seq in seqs:
                        if seq not in put:
                            yield _Write(room, upto, Stored(kind=REMOVED, gen=gen, seq=seq))
            for seq in each.remove:
                yield _Write(room, upto, Stored(kind=REMOVED, gen=gen, seq=seq))
            for document in each.put:
                yield _Write(room, upto, _stored(gen, document.seq, document.id, document.user, document.folded))
            async for old in self._there(gen, [seq for seq in each.edit if seq > each.purged]):
                if old.user not in each.erased:
                    yield _Write(room, upto, _stored(gen, old.seq, old.id, old.user, each.edit[old.seq]))

    async def _there(self, gen: str, seqs: Sequence[int]) -> AsyncIterator[Stored]:
        """Yield those messages that are there, without their terms and texts."""
        for at in range(0, len(seqs), READ):
            body = msgspec.json.encode({"ids": [_id(gen, seq) for seq in seqs[at : at + READ]]})
            asked = "_mget?_source_includes=kind,gen,seq,id,user"
            for got in (await self._alias.ask(_answer, asked, body, within=WRITE_S)).docs:
                if got.source is not None and got.source.kind != REMOVED:
                    yield got.source

    async def _send(self, writes: Sequence[_Write], encoded: Sequence[bytes]) -> None:
        results = await write(self._alias, encoded, self._counted)
        refused = [(each, result) for each, result in zip(writes, results, strict=True) if result.status == MALFORMED]
        if refused:
            await self._set_aside(refused)

    async def _set_aside(self, refused: Sequence[tuple[_Write, Result]]) -> None:
        """Write documents without texts in the place of those that the engine refuses; if it refuses these, too, it is not them."""
        bare = [_without_text(each) for each, _ in refused]
        for (each, first), result in zip(
            refused, await write(self._alias, [each.encoded() for each in bare], self._counted), strict=True
        ):
            if result.status == MALFORMED:
                judge(result, self._alias)
            self._counted.set_aside += 1
            log.warning("message %d of %s is not indexed: %s", each.document.seq, each.room, first.error)


def _led_on(changes: Changes, cursor: Cursor) -> Cursor:
    purged = max(cursor.purged, changes.purged)
    untidy = cursor.untidy or purged > cursor.purged
    return msgspec.structs.replace(cursor, upto=changes.upto, purged=purged, untidy=untidy)


def _stored(gen: str, seq: int, id: int, user: str, folded: str) -> Stored:
    return Stored(kind=MESSAGE, gen=gen, seq=seq, id=id, user=user, folded=folded, terms=terms(folded))


def _without_text(write: _Write) -> _Write:
    bare = msgspec.structs.replace(write.document, kind=ASIDE, folded="", terms=())
    return write._replace(document=bare)


def _id(gen: str, seq: int) -> str:
    return f"{gen}.{seq}"


def judge(result: Result, alias: Alias) -> None:
    """Raise StorageFailed if a write was refused for another reason than that somebody else was faster."""
    if result.status != CONFLICT:
        raise StorageFailed(f"{alias.engine.name} does not write: {result.status} {result.error or ''}.")
