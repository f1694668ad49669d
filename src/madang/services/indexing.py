"""Indexing: the search index as a follower of the log. Reading it is in `searching.py`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from madang.core.events import (
    Event,
    MemberErased,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    PaperChanged,
    PaperDeleted,
    RoomPurged,
)
from madang.core.folding import VERSION, fold
from madang.core.papers import indexed_as
from madang.ports.followers import Again, Position, Stretch
from madang.ports.search import Changes, Document, SearchIndex, SearchIndexes
from madang.services.breath import Breath
from madang.services.papers import Unrendered

Searched = Callable[[str, int, str], Awaitable[str | None]]
"""`Papers.searched`."""


class Indexing:
    """Tell an index what changes in the log. `ports.followers.Follower` is its contract."""

    name = "search"

    def __init__(self, index: SearchIndex, searched: Searched) -> None:
        self._index = index
        self._searched = searched

    async def ready(self) -> bool:
        return True

    def epoch(self, epoch: str) -> str:
        """Return the epoch with what texts are folded by: where either differs a room is indexed again."""
        return epoch_of(epoch)

    async def positions(self, rooms: Sequence[str]) -> dict[str, Position]:
        return await (await self.index()).positions(rooms)

    async def take(self, stretches: Sequence[Stretch]) -> Again:
        changes, waiting, breath = list[Changes](), set[str](), Breath()
        for stretch in stretches:
            known, said = await self._known(stretch)
            if len(known.events) < len(stretch.events):
                waiting.add(stretch.room)
            if known.events:
                changes.append(await changes_of(known, said, breath))
        return Again(await (await self.index()).change(changes) if changes else set(), waiting)

    async def _known(self, stretch: Stretch) -> tuple[Stretch, Mapping[int, str]]:
        """Return a stretch up to the first finished paper that is being rendered, and what those before it say, by seq."""
        said: dict[int, str] = {}
        for n, event in enumerate(stretch.events):
            if event.type != PaperChanged.type:
                continue
            content = event.content()
            assert isinstance(content, PaperChanged)
            if content.finished:
                try:
                    text = await self._searched(event.room, event.seq, content.paper)
                except Unrendered:
                    return Stretch(stretch.room, stretch.position, stretch.events[:n]), said
                if text is not None:
                    said[event.seq] = text
        return stretch, said

    async def forget(self, rooms: Sequence[str]) -> None:
        await (await self.index()).forget(rooms)

    async def rooms_after(self, after: str, limit: int) -> list[str]:
        return await (await self.index()).rooms_after(after, limit)

    async def index(self) -> SearchIndex:
        """Return which one it is."""
        return self._index


class IndexingServing(Indexing):
    """The same with the one that serves, whichever it is: if it is of this node's analyzer."""

    def __init__(self, indexes: SearchIndexes, searched: Searched) -> None:
        self._indexes = indexes
        self._searched = searched

    async def ready(self) -> bool:
        return (await self._indexes.serving()).version == VERSION

    async def index(self) -> SearchIndex:
        return (await self._indexes.serving()).index


def epoch_of(epoch: str) -> str:
    """Return what positions of the index have for the epoch of a log."""
    return f"{VERSION}/{epoch}"


async def changes_of(stretch: Stretch, said: Mapping[int, str], breath: Breath) -> Changes:
    """Return what a stretch of the log changes in the index. Appends go first: a megabyte of messages takes 10 ms to fold.

    Args:
        said: what papers say that are finished, by the seq of the event that did. A paper is a document of a user of its own,
            so that it goes as what one said does who is erased.
    """
    put: dict[int, Document] = {}
    edit: dict[int, str] = {}
    remove: set[int] = set()
    erased: set[str] = set()
    purged = 0
    for event in stretch.events:
        content = event.content()
        if isinstance(content, MessageSent):
            if not content.deleted:
                put[event.seq] = _document(event, await breath.take(content.text or ""))
        elif isinstance(content, MessageEdited):
            text = await breath.take(content.text or "")
            if (sent := put.get(content.target)) is not None:
                put[content.target] = Document(sent.seq, sent.id, sent.user, fold(text))
            elif content.target not in remove:
                edit[content.target] = fold(text)
        elif isinstance(content, MessageDeleted):
            if put.pop(content.target, None) is None:
                edit.pop(content.target, None)
                remove.add(content.target)
        elif isinstance(content, MemberErased):
            if content.messages:
                put = _erase(content.member, erased, put)
        elif isinstance(content, PaperDeleted) or (isinstance(content, PaperChanged) and content.finished is not None):
            author = indexed_as(content.paper)
            put = _erase(author, erased, put)
            if (paper := said.get(event.seq)) is not None:
                put[event.seq] = Document(event.seq, event.id, author, fold(await breath.take(paper)))
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


def _erase(user: str, erased: set[str], put: Mapping[int, Document]) -> dict[int, Document]:
    erased.add(user)
    return {seq: each for seq, each in put.items() if each.user != user}


def _document(event: Event, text: str) -> Document:
    return Document(event.seq, event.id, event.user, fold(text))
