"""A user's rooms with what is unread there: `Directory.memberships` and `counted` over one connection.

Of each room four numbers are looked up (`ordinals.py`): its messages and the user's own, each in all and up to the read
pointer. Mentions are counted, up to COUNTED. The bounds of MySQL's ranges must be values, not columns of another table,
or it walks a room from its end: so there a second statement asks for what depends on the pointers.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, BindParameter, Connection, Select, bindparam, case, func, literal_column, select

from madang.adapters.sql import ordinals, reading
from madang.adapters.sql.dialects import MYSQL
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.rows import EventRow
from madang.adapters.sql.tables import members, rooms
from madang.core.events import MessageSent
from madang.core.rooms import COUNTED, DELETED, DIRECT, Counted, Membership

# In order, or PostgreSQL takes a walk of the whole table for shorter.
_MENTIONS: Final = "FROM mentions k WHERE k.user = p.user AND k.room = p.room AND k.seq > p.read_seq ORDER BY k.seq"
_AT_POINTER: Final = f"""
    SELECT %s, {ordinals.messages("mysql", "%s", "%s")}, {ordinals.own("mysql", "%s", "%s", "%s")}, (
        SELECT count(*) FROM (
            SELECT 1 FROM mentions k WHERE k.user = %s AND k.room = %s AND k.seq > %s ORDER BY k.seq LIMIT {COUNTED}
        ) m
    )
"""  # noqa: S608  # no input


class _AtPointer(NamedTuple):
    """Messages of a room and the user's own up to the read pointer, and mentions above it."""

    messages: int = 0
    own: int = 0
    mentions: int = 0


class _Counts(NamedTuple):
    """Messages of a room and the user's own, each in all and up to the pointer."""

    messages: int
    own: int
    messages_read: int
    own_read: int

    def raised(self, waiting: Sequence[EventRow], user: str, read: int) -> "_Counts":
        """Return them with what may not be in the table yet. Ordinals only grow with seq."""
        messages, own, messages_read, own_read = self
        sent = [row for row in waiting if row[3] == MessageSent.type]
        if sent and not messages:  # what the table had is kept no longer
            messages_read = (sent[0][10] or 1) - 1
        if not own and (first := next((row[11] for row in sent if row[4] == user), None)):
            own_read = first - 1
        for _, seq, _, type, author, *_, ordinal, own_ordinal in waiting:
            if type == MessageSent.type:
                messages = max(messages, ordinal or 0)
                messages_read = max(messages_read, ordinal or 0) if seq <= read else messages_read
                if author == user:
                    own = max(own, own_ordinal or 0)
                    own_read = max(own_read, own_ordinal or 0) if seq <= read else own_read
        return _Counts(messages, own, messages_read, own_read)

    @property
    def seen(self) -> int:
        return self.messages_read + self.own - self.own_read

    @property
    def unread(self) -> int:
        return min(COUNTED, max(0, self.messages - self.seen))


def counted(
    c: Connection, user: str, among: Sequence[str] | None, after: str, limit: int, read: Mapping[str, int],
    waiting: Mapping[str, Sequence[EventRow]],
) -> list[Counted]:  # fmt: skip
    """See `Directory.counted`; `waiting` holds events that may not be in the table yet (`journal.py`), by room."""
    if among is not None and not among:
        return []
    given: dict[str, Any] = {"of_user": user}
    given |= {"behind": after, "most": limit} if among is None else {"among": padded(among)}
    pointers = list(read.items())
    pointers += pointers[-1:] * (_rounded(len(pointers)) - len(pointers))
    for n, (room, seq) in enumerate(pointers):
        given[f"room_{n}"], given[f"read_{n}"] = room, seq
    found = c.execute(_page(c.dialect.name, len(pointers), paged=among is None), given).all()
    at_pointers = (
        _at_pointers(c, user, [(row.room, row.read_seq) for row in found if row.seq]) if c.dialect.name in MYSQL else {}
    )
    page = []
    for room, _, title, access, archived, role, read_seq, peer, seq, messages, own, *counted in found:
        events = waiting.get(room, ())
        at_pointer = _AtPointer(*counted) if counted else at_pointers.get(room, _AtPointer())
        counts = _Counts(messages, own, at_pointer.messages, at_pointer.own).raised(events, user, read_seq)
        membership = Membership(
            room=room,
            title=title,
            access=access,
            role=role,
            seq=max(seq or 0, events[-1][1] if events else 0),
            read_seq=read_seq,
            unread=counts.unread,
            mentions=at_pointer.mentions,
            archived=archived,
            peer=peer or "",
        )
        page.append(Counted(membership, counts.messages, counts.seen))
    return page


def _rounded(count: int) -> int:
    """Return the next power of two, so that a few statements serve all numbers of pointers; 0 for 0."""
    return 1 << (count - 1).bit_length() if count else 0


@lru_cache
def _page(dialect: str, pointers: int, *, paged: bool) -> Select[*tuple[Any, ...]]:
    """Return the statement for a page. Made once: it is a reference ring of 230 objects.

    Args:
        pointers: how many are given that may be above those of the table.
        paged: by the id of the room; otherwise of rooms that are given.
    """
    pointer = members.c.read_seq
    if pointers:
        told = [
            (members.c.room == bindparam(f"room_{n}"), bindparam(f"read_{n}", type_=BigInteger))
            for n in range(pointers)
        ]
        higher = func.max if dialect == "sqlite" else func.greatest
        pointer = higher(pointer, case(*told, else_=0))  # type: ignore[assignment]
    user: BindParameter[str] = bindparam("of_user")
    settings = (rooms.c.title, rooms.c.access, rooms.c.archived)
    other = members.alias()
    peer = select(other.c.user).where(other.c.room == members.c.room, other.c.user != user).limit(1).scalar_subquery()
    peers = case((rooms.c.access == DIRECT, peer), else_="").label("peer")
    columns = (members.c.room, members.c.user, *settings, members.c.role, pointer.label("read_seq"), peers)
    joined = select(*columns).join(rooms, rooms.c.id == members.c.room)
    mine = joined.where(members.c.user == user, rooms.c.access != DELETED)
    if paged:
        mine = mine.where(members.c.room > bindparam("behind")).limit(bindparam("most"))
    else:
        mine = mine.where(members.c.room.in_(bindparam("among", expanding=True)))
    page = mine.order_by(members.c.room).subquery("p")
    seq = reading.newest_seq(page.c.room).scalar_subquery().label("seq")
    counts = [literal_column(sql, BigInteger) for sql in _counts(dialect)]
    return select(page, seq, *counts).order_by(page.c.room)


def _counts(dialect: str) -> list[str]:
    """Return SQL of what is counted for a row `p` of the page."""
    in_all = [ordinals.messages(dialect, "p.room"), ordinals.own(dialect, "p.room", "p.user")]
    if dialect in MYSQL:
        return in_all
    return [
        *in_all,
        ordinals.messages(dialect, "p.room", "p.read_seq"),
        ordinals.own(dialect, "p.room", "p.user", "p.read_seq"),
        f"(SELECT count(*) FROM (SELECT 1 {_MENTIONS} LIMIT {COUNTED}) m)",  # noqa: S608  # no input
    ]


def _at_pointers(c: Connection, user: str, pointers: Sequence[tuple[str, int]]) -> dict[str, _AtPointer]:
    """Return for each room the messages and own messages up to the pointer, and the mentions above it, on MySQL."""
    if not pointers:
        return {}
    values: list[Any] = []
    for room, read in pointers:
        values += [room, *[room, read] * 2, *[room, user, read] * 2, user, room, read]
    wanted = " UNION ALL ".join([_AT_POINTER] * len(pointers))
    return {room: _AtPointer(*counts) for room, *counts in c.exec_driver_sql(wanted, tuple(values))}
