"""What one user said, in all rooms: `Log.messages_of` over one connection. How messages are assembled: `messages.py`."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, String, and_, column, or_, select

from madang.adapters.sql.dialects import SENT, from_index
from madang.adapters.sql.messages import FROM_INDEX, Sent, as_many, assembled
from madang.adapters.sql.rows import EventRow
from madang.adapters.sql.tables import events, rooms
from madang.core.events import MessageSent
from madang.core.messages import in_room
from madang.core.rooms import DELETED
from madang.ports.log import WALKED, UserMessages

_Key = tuple[str, int]
_END: Final = 1 << 62  # above every seq


def page(c: Connection, user: str, after: _Key, limit: int, waiting: Mapping[str, Sequence[EventRow]]) -> UserMessages:
    """See `Log.messages_of`. `waiting` holds events, by room, that may not be in the table yet; it was taken before this reads."""
    walked = c.execute(
        select(rooms.c.id, rooms.c.access).where(rooms.c.id >= after[0]).order_by(rooms.c.id).limit(WALKED)
    ).all()
    standing = [id for id, access in walked if access != DELETED]
    found = _found(c, user, after, limit, standing)
    for room in standing:
        for _, seq, id, type, sender, name, _, _, body, *_ in waiting.get(room, ()):
            if sender == user and type == MessageSent.type and (room, seq) > after:
                found.setdefault((room, seq), Sent(seq, id, sender, name, body))
    keys = sorted(found)
    kept = keys[: len(as_many(found[key] for key in keys[:limit]))]
    messages = [
        in_room(message, room)
        for room, group in groupby(kept, key=lambda key: key[0])
        for message in assembled(c, room, "", [found[key] for key in group], gapless=False)
    ]
    if len(kept) < len(keys):
        return UserMessages(messages, kept[-1])
    return UserMessages(messages, (walked[-1].id, _END) if len(walked) == WALKED else None)


def _found(c: Connection, user: str, after: _Key, limit: int, standing: Sequence[str]) -> dict[_Key, Sent]:
    """Return the first messages in some rooms, by place: one more than `limit`, or fewer where they are large."""
    room, seq = column("room", String), column("seq", BigInteger)
    wanted = (
        select(room, *FROM_INDEX)
        .select_from(from_index(c, events, "events_own"))
        .where(room.in_(standing), column("user") == user, column("type") == SENT)
        .where(or_(room > after[0], and_(room == after[0], seq > after[1])))
        .order_by(room, seq)
        .limit(limit + 1)
    )
    rows: Iterable[Any] = c.execute(wanted)
    return {(row.room, row.seq): Sent(*row[1:]) for row in as_many(rows, beyond=1)}
