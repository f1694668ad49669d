"""Cursors: a document for each room, which says how far the index has come there, and which documents are the room's.

A room's messages are those of its generation (`gen`), a name that is drawn each time the room begins: so all that was there before
is found no more in the moment in which the cursor changes, and erased later (`tidying.py`). A cursor is only written in the place of
the one that was read; a node that is too slow is told so.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from madang.adapters.opensearch.alias import MISSING, Alias
from madang.errors import StorageFailed
from madang.ports.followers import Position


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the index has come in a room.

    Attributes:
        purged: the seq up to which nothing is found.
        stale: generations of which documents may be left.
        gone: the room is forgotten; this goes when its documents have gone.
        untidy: something of `stale` or `purged` must be erased.
    """

    kind: str
    room: str
    epoch: str
    gen: str
    upto: int = 0
    purged: int = 0
    stale: tuple[str, ...] = ()
    gone: bool = False
    untidy: bool = False

    @property
    def position(self) -> Position:
        """The room's position."""
        return Position(self.epoch, self.upto)


class Held(NamedTuple):
    """A cursor as it was read, and its place, which it has lost if somebody has written it since."""

    cursor: Cursor
    seq_no: int
    term: int


class _Got(msgspec.Struct):
    source: Cursor | None = msgspec.field(name="_source", default=None)
    found: bool = False
    seq_no: int = msgspec.field(name="_seq_no", default=-1)
    term: int = msgspec.field(name="_primary_term", default=0)
    error: Any = None


class _Answer(msgspec.Struct):
    docs: list[_Got]


_answer: Final = msgspec.json.Decoder(_Answer)
KIND: Final = "room"
LONGEST: Final = 300
NAMES: Final = 1 << 48
"""Of generations, which are drawn."""


async def read(alias: Alias, rooms: Sequence[str]) -> dict[str, Held]:
    """Return the cursors of rooms as they are now, those of rooms that are gone too; the rest are left out."""
    if not rooms:
        return {}
    found = {}
    body = msgspec.json.encode({"ids": [_id(room) for room in rooms]})
    for got in (await alias.ask(_answer, "_mget", body)).docs:
        if got.error is not None:
            if MISSING in str(got.error):
                alias.lost()
            raise StorageFailed(f"{alias.engine.name} cannot tell how far it is: {str(got.error)[:LONGEST]}.")
        if got.source is not None:
            found[got.source.room] = Held(got.source, got.seq_no, got.term)
    return found


def name(number: int) -> str:
    """Return the name of a generation; names have the order of their numbers."""
    return f"{number:012x}"


def begun(room: str, epoch: str, old: Held | None) -> Cursor:
    """Return the cursor of a room that begins, in the place of another if there is one."""
    stale = () if old is None else (*old.cursor.stale, old.cursor.gen)
    return Cursor(
        kind=KIND, room=room, epoch=epoch, gen=name(secrets.randbelow(NAMES)), stale=stale, untidy=old is not None
    )


def written(cursor: Cursor, old: Held | None) -> bytes:
    """Return the write of a cursor in the place of another, or where there was none."""
    line: dict[str, Any]
    if old is None:
        line = {"create": {"_id": _id(cursor.room)}}
    else:
        line = {"index": {"_id": _id(cursor.room), "if_seq_no": old.seq_no, "if_primary_term": old.term}}
    return msgspec.json.encode(line) + b"\n" + msgspec.json.encode(cursor) + b"\n"


def deleted(old: Held) -> bytes:
    """Return the write that deletes a cursor."""
    line = {"delete": {"_id": _id(old.cursor.room), "if_seq_no": old.seq_no, "if_primary_term": old.term}}
    return msgspec.json.encode(line) + b"\n"


def _id(room: str) -> str:
    return f"@{room}"
