"""Word lists, as rooms and the server have them, over one connection. Who looks for the words is `services.word_lists`."""

import secrets
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, exists, func, insert, select

from madang.adapters.sql import audit
from madang.adapters.sql.lookups import lock_rooms
from madang.adapters.sql.tables import members, rooms, word_lists
from madang.core.audit import listed
from madang.core.permissions import NOBODY, Action, need
from madang.core.rooms import DELETED
from madang.core.words import MAX_LISTS, Words
from madang.errors import Refused

_decode: Final = msgspec.json.Decoder(Words).decode
_encode: Final = msgspec.json.Encoder().encode


def put(c: Connection, room: str, words: Words, now_ms: int, by: str, name: str, server: bool) -> int:
    """See `Directory.set_words`. The room is locked as by an append, so that a role cannot end meanwhile."""
    if room:
        if c.dialect.name != "sqlite":
            lock_rooms(c, [room])
        if not server:
            role = c.execute(select(members.c.role).where(members.c.room == room, members.c.user == by)).scalar()
            need(role or NOBODY, Action.WORDS)
        if not c.execute(select(exists().where(rooms.c.id == room, rooms.c.access != DELETED))).scalar():
            raise Refused("not_found")
    c.execute(delete(word_lists).where(word_lists.c.room == room))
    version = 0
    if words.count:
        if c.execute(select(func.count()).select_from(word_lists)).scalar_one() >= MAX_LISTS:
            raise Refused("too_many", f"{MAX_LISTS} rooms of this server have a word list.")
        version = secrets.randbits(62) + 1  # another than any before, also after the list was empty
        c.execute(insert(word_lists).values(room=room, words=_encode(words).decode(), version=version))
    if room:
        audit.note(c, room, listed(words, by, name), now_ms)
    return version


def one(c: Connection, room: str) -> tuple[int, Words]:
    """See `Directory.words`."""
    row = c.execute(select(word_lists).where(word_lists.c.room == room)).one_or_none()
    return (0, Words()) if row is None else (row.version, _decode(row.words))


def versions(c: Connection) -> dict[str, int]:
    """See `Directory.word_lists`."""
    return dict(c.execute(select(word_lists.c.room, word_lists.c.version)).all())
