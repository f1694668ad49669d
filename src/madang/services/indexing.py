"""Indexing: the search index as a follower of the log. Reading it is in `searching.py`."""

import asyncio
from collections.abc import Sequence

from madang.core.events import Event, MemberErased, MessageDeleted, MessageEdited, MessageSent, RoomPurged
from madang.core.folding import VERSION, fold
from madang.ports.followers import Position, Stretch
from madang.ports.search import Changes, Document, SearchIndex, SearchIndexes


class Indexing:
    """Tell an index what changes in the log. `ports.followers.Follower` is its contract."""

    name = "search"

    def __init__(self, index: SearchIndex) -> None:
        self._index = index

    async def ready(self) -> bool:
        return True

    def epoch(self, epoch: str) -> str:
        """Return the epoch with what texts are folded by: where either differs a room is indexed again."""
        return epoch_of(epoch)

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        return await (await self.index()).positions(rooms)

    async def take(self, stretches: Sequence[Stretch]) -> set[str]:
        changes = []
        for stretch in stretches:
            changes.append(changes_of(stretch))
            await asyncio.sleep(0)  # 200 messages take a millisecond, and appends go first
        return await (await self.index()).change(changes)

    async def forget(self, rooms: Sequence[str]) -> None:
        await (await self.index()).forget(rooms)

    async def rooms_after(self, after: str, limit: int) -> list[str]:
        return await (await self.index()).rooms_after(after, limit)

    async def index(self) -> SearchIndex:
        """Return which one it is."""
        return self._index


class IndexingServing(Indexing):
    """The same with the one that serves, whichever it is: if it is of this node's analyzer."""

    def __init__(self, indexes: SearchIndexes) -> None:
        self._indexes = indexes

    async def ready(self) -> bool:
        return (await self._indexes.serving()).version == VERSION

    async def index(self) -> SearchIndex:
        return (await self._indexes.serving()).index


def epoch_of(epoch: str) -> str:
    """Return what positions of the index have for the epoch of a log."""
    return f"{VERSION}/{epoch}"


def changes_of(stretch: Stretch) -> Changes:
    """Return what a stretch of the log changes in the index."""
    put: dict[int, Document] = {}
    edit: dict[int, str] = {}
    remove: set[int] = set()
    erased: set[str] = set()
    purged = 0
    for event in stretch.events:
        content = event.content()
        if isinstance(content, MessageSent):
            if not content.deleted:
                put[event.seq] = _document(event, content.text)
        elif isinstance(content, MessageEdited):
            if (sent := put.get(content.target)) is not None:
                put[content.target] = Document(sent.seq, sent.id, sent.user, fold(content.text or ""))
            elif content.target not in remove:
                edit[content.target] = fold(content.text or "")
        elif isinstance(content, MessageDeleted):
            if put.pop(content.target, None) is None:
                edit.pop(content.target, None)
                remove.add(content.target)
        elif isinstance(content, MemberErased):
            if content.messages:
                erased.add(content.member)
                put = {seq: each for seq, each in put.items() if each.user != content.member}
        elif isinstance(content, RoomPurged):
            purged = max(purged, content.upto)
    return Changes(
        room=stretch.room,
        position=stretch.position,
        upto=stretch.events[-1].seq,
        put=[document for seq, document in put.items() if seq > purged],
        edit=edit,
        remove=sorted(remove),
        purged=purged,
        erased=sorted(erased),
    )


def _document(event: Event, text: str | None) -> Document:
    return Document(event.seq, event.id, event.user, fold(text or ""))
