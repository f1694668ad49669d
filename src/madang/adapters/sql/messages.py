"""Messages as they stand now: message.sent events with their newest edit, their deletion, reactions and pin."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    bindparam,
    column,
    select,
    text,
)

from madang.adapters.sql.dialects import SENT, forced
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.reading import newest_seq, newest_seqs
from madang.adapters.sql.rows import EventRow
from madang.adapters.sql.tables import events, pins, reaction_counts, reactions
from madang.core.bounds import ANSWER_BYTES
from madang.core.events import MessageEdited, MessageSent
from madang.core.ids import id_ms
from madang.core.messages import Message, Reactor, RoomMessage, in_room
from madang.core.timestamps import moment
from madang.ports.log import Page

_decode_sent = msgspec.json.Decoder(MessageSent).decode
_decode_edited = msgspec.json.Decoder(MessageEdited).decode
_SENT: Final = (events.c.seq, events.c.id, events.c.user, events.c.name, events.c.body, events.c.edit)
_AT: Final = select(*_SENT).where(
    events.c.room == bindparam("in_room"), events.c.seq.in_(bindparam("seqs", expanding=True)), events.c.type == SENT
)
_EDITS: Final = select(events.c.seq, events.c.id, events.c.body).where(
    events.c.room == bindparam("in_room"), events.c.seq.in_(bindparam("seqs", expanding=True))
)
_PINNED: Final = (
    select(*_SENT)
    .join(pins, and_(pins.c.room == events.c.room, pins.c.target == events.c.seq))
    .where(pins.c.room == bindparam("in_room"))
    .order_by(pins.c.target)
)
FROM_INDEX: Final = tuple(column(each.name, each.type) for each in _SENT)


class Sent(NamedTuple):
    """A message.sent event; `edit` is the seq of its newest edit, `head` of `page` alone: the room's newest seq."""

    seq: int
    id: int
    user: str
    name: str
    body: str
    edit: int | None = None
    head: int = 0


def page(
    c: Connection, room: str, user: str, before: int | None, after: int | None, limit: int, recent: Sequence[EventRow],
    above: int = 0,
) -> Page:  # fmt: skip
    """See `Log.messages`.

    `recent` holds events that may not be in the table yet (`journal.py`). A message that is not in the table has no edits,
    reactions or pins, because they would have moved it there.
    """
    given: dict[str, Any] = {"in_room": room, "most": limit + 1}
    if after is not None:
        after = max(after, above)
        wanted, given["seq"] = _page(c.dialect.name, "after"), after
    else:
        way = "newest" if before is None else "before"
        wanted = _page(c.dialect.name, way, floor=bool(above))
        given |= {"above": above} if above else {}
        given |= {"seq": before} if before is not None else {}
    found: dict[int, Sent] = {}
    rows = as_many((Sent(*row) for row in c.execute(wanted, given)), beyond=1)  # so that `more` is known
    for _, at, id, type, sender, name, _, _, body, *_ in _from(recent, before, after):
        if at <= above:
            break
        if type == MessageSent.type:
            found[at] = Sent(at, id, sender, name, body)
            if len(found) > limit:
                break
    found.update({row.seq: row for row in rows})
    nearest = sorted(found, reverse=after is None)
    kept = as_many(found[seq] for seq in nearest[:limit])
    there = assembled(c, room, user, sorted(kept), gapless=True)
    return Page(there, len(found) > len(kept), _newest(c, room, recent, rows[0].head if rows else 0))


def _newest(c: Connection, room: str, recent: Sequence[EventRow], stored: int = 0) -> int:
    """Return the newest seq of a room, as of the moment that this transaction reads; `stored`: in the table, if it is known."""
    return max(stored or dict(newest_seqs(c, [room])).get(room, 0), recent[-1][1] if recent else 0)


@lru_cache
def _page(dialect: str, way: str, *, floor: bool = False) -> Select[*tuple[Any, ...]]:
    """Return the statement for the messages after a seq, before one, or the newest; perhaps only above one. Made once, as `_about`."""
    seq, given = column("seq", BigInteger), bindparam("seq", type_=BigInteger)
    wanted = (
        select(*FROM_INDEX, newest_seq(bindparam("in_room", type_=String)).scalar_subquery())
        .select_from(text(forced(dialect, events.name, "events_messages", events.name)))
        .where(column("room") == bindparam("in_room", type_=String), column("type") == SENT)
        .limit(bindparam("most"))
    )
    if way == "after":
        return wanted.where(seq > given).order_by(seq)
    if floor:
        wanted = wanted.where(seq > bindparam("above", type_=BigInteger))
    return (wanted.where(seq < given) if way == "before" else wanted).order_by(seq.desc())


class HasBody(Protocol):
    """A row of an event."""

    @property
    def body(self) -> str: ...


R = TypeVar("R", bound=HasBody)


def as_many(rows: Iterable[R], beyond: int = 0) -> list[R]:
    """Return rows until they are more than an answer takes, and `beyond` more: 200 large ones are 2 MB, for a page of an eighth.

    By bytes: counted by characters, three times as many Korean messages were read as fit.
    """
    size, kept, rows = 0, list[R](), iter(rows)
    for row in rows:
        kept.append(row)
        size += len(row.body.encode())
        if size > ANSWER_BYTES:
            return kept + list(islice(rows, beyond))
    return kept


def _from(recent: Sequence[EventRow], before: int | None, after: int | None) -> Iterator[EventRow]:
    """Yield events above `after`, the oldest first, or else those below `before`, the newest first."""
    first = recent[0][1] if recent else 0  # they have no gap
    if after is not None:
        return islice(recent, max(0, after + 1 - first), None)
    end = len(recent) if before is None else min(max(0, before - first), len(recent))
    return (recent[n] for n in range(end - 1, -1, -1))


def pinned(c: Connection, room: str, user: str, recent: Sequence[EventRow]) -> Page:
    """See `Log.pins`; `recent` as of `page`. A pinned message is in the table."""
    rows = c.execute(_PINNED, {"in_room": room})
    there = assembled(c, room, user, [Sent(*row) for row in rows], gapless=False)
    return Page(there, False, _newest(c, room, recent))


def at(
    c: Connection, places: Sequence[tuple[str, int]], user: str, waiting: Mapping[str, Sequence[EventRow]]
) -> list[RoomMessage]:
    """See `Log.messages_at`; `waiting` holds events that may not be in the table yet, by room."""
    wanted: dict[str, set[int]] = {}
    for room, seq in places:
        wanted.setdefault(room, set()).add(seq)
    found: list[RoomMessage] = []
    for room, seqs in wanted.items():
        rows = {
            row[1]: Sent(row[1], row[2], row[4], row[5], row[8])
            for row in waiting.get(room, ())
            if row[1] in seqs and row[3] == MessageSent.type
        }
        stored = c.execute(_AT, {"in_room": room, "seqs": padded(sorted(seqs))})
        rows.update((row.seq, row) for row in (Sent(*each) for each in stored))
        here = assembled(c, room, user, [rows[seq] for seq in sorted(rows)], gapless=False)
        found += [in_room(message, room) for message in here if not message.deleted]
    return found


def own_reactions(c: Connection, room: str, user: str, first: int, last: int) -> dict[int, set[str]]:
    """See `Log.own_reactions`."""
    return _own(c, user, _about(c.dialect.name, gapless=True), {"in_room": room, "first": first, "last": last})


_REACTORS: Final = (
    select(reactions.c.user, reactions.c.seq, events.c.name)
    .outerjoin(events, and_(events.c.room == reactions.c.room, events.c.seq == reactions.c.seq))
    .where(
        reactions.c.room == bindparam("in_room"),
        reactions.c.target == bindparam("of"),
        reactions.c.emoji == bindparam("with_emoji"),
        reactions.c.user > bindparam("behind"),
    )
    .order_by(reactions.c.user)
    .limit(bindparam("most"))
)


def reactors(
    c: Connection, room: str, seq: int, emoji: str, after: str, limit: int, recent: Sequence[EventRow]
) -> list[Reactor]:
    """See `Log.reactors`; `recent` as of `page`."""
    names = {row[1]: row[5] for row in recent}
    found = c.execute(_REACTORS, {"in_room": room, "of": seq, "with_emoji": emoji, "behind": after, "most": limit})
    return [Reactor(user, name or names.get(at, "")) for user, at, name in found]


class _About(NamedTuple):
    """Statements about some messages of a room."""

    pinned: Select[*tuple[Any, ...]]
    counts: Select[*tuple[Any, ...]]
    own: Select[*tuple[Any, ...]]


@lru_cache
def _about(dialect: str, *, gapless: bool) -> _About:
    """Return the statements: about all messages from one to another if `gapless`, otherwise about those in a list.

    Made once: together they are reference rings of 50 objects, which would wait for the cycle collector.
    """

    def among(target: ColumnElement[int]) -> ColumnElement[bool]:
        if gapless:
            return target.between(bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger))
        return target.in_(bindparam("seqs", expanding=True, type_=BigInteger))

    room, count = bindparam("in_room", type_=String), reaction_counts.c
    target = column("target", BigInteger)
    own = select(target, column("emoji", String)).select_from(
        text(forced(dialect, reactions.name, "reactions_user", reactions.name))
    )
    return _About(
        select(pins.c.target).where(pins.c.room == room, among(pins.c.target)),
        select(count.target, count.emoji, count.users)
        .where(count.room == room, among(count.target))
        .order_by(count.target, count.seq),
        own.where(column("room") == room, column("user") == bindparam("of_user", type_=String), among(target)),
    )


def _own(c: Connection, user: str, about: _About, given: dict[str, Any]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for seq, emoji in c.execute(about.own, {**given, "of_user": user}):
        found.setdefault(seq, set()).add(emoji)
    return found


def assembled(c: Connection, room: str, user: str, rows: Sequence[Sent], *, gapless: bool) -> list[Message]:
    """Return messages as they stand now. `gapless`: they are all the messages between the first and the last, so two bounds select them.

    A list of 200 seqs, bound twice, was half the cost of a page.
    """
    if not rows:
        return []
    about, given = _about(c.dialect.name, gapless=gapless), dict[str, Any](in_room=room)
    given |= {"first": rows[0].seq, "last": rows[-1].seq} if gapless else {"seqs": padded([row.seq for row in rows])}
    edits = _edits(c, room, [row.edit for row in rows if row.edit is not None])
    counts, mine = _reactions(c, user, about, given)
    stuck = set(c.execute(about.pinned, given).scalars())
    messages = []
    for row in rows:
        sent = _decode_sent(row.body)
        now, edited_at = edits.get(row.edit, (sent, None))
        messages.append(
            Message(
                seq=row.seq,
                id=str(row.id),
                user=row.user,
                name=row.name,
                at=moment(id_ms(row.id)),
                text=now.text or "",
                data=now.data,
                reply_to=sent.reply_to,
                mentions=now.mentions,
                via=sent.via,
                edited_at=edited_at,
                deleted=sent.deleted,
                pinned=row.seq in stuck,
                reactions=counts.get(row.seq, {}),
                mine=tuple(mine.get(row.seq, ())),
            )
        )
    return messages


def _edits(c: Connection, room: str, seqs: list[int]) -> dict[int | None, tuple[MessageSent | MessageEdited, str]]:
    """Return, by the seq of an edit, its content and its time."""
    if not seqs:
        return {}
    found = c.execute(_EDITS, {"in_room": room, "seqs": padded(seqs)})
    return {seq: (_decode_edited(body), moment(id_ms(id))) for seq, id, body in found}


def _reactions(
    c: Connection, user: str, about: _About, given: dict[str, Any]
) -> tuple[dict[int, dict[str, int]], dict[int, list[str]]]:
    """Return, by message, the count of each emoji (in order of its first reaction), and the user's own."""
    counts: dict[int, dict[str, int]] = {}
    for target, emoji, count in c.execute(about.counts, given):
        counts.setdefault(target, {})[emoji] = count
    own = _own(c, user, about, given) if counts and user else {}
    mine = {seq: [emoji for emoji in emojis if emoji in own.get(seq, ())] for seq, emojis in counts.items()}
    return counts, mine
