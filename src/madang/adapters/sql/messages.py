"""Messages as they stand now: message.sent events with their newest edit, their deletion, reactions and pin."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, and_, case, func, select, true

from madang.adapters.sql.rows import EventRow
from madang.adapters.sql.tables import events, pins, reactions
from madang.core.events import MessageEdited, MessageSent
from madang.core.ids import id_ms
from madang.core.messages import Message
from madang.core.timestamps import moment
from madang.ports.log import Page

_decode_sent = msgspec.json.Decoder(MessageSent).decode
_decode_edited = msgspec.json.Decoder(MessageEdited).decode
_SENT: Final = (events.c.seq, events.c.id, events.c.user, events.c.name, events.c.body, events.c.edit)


class _Sent(NamedTuple):
    """A message.sent event; `edit` is the seq of its newest edit."""

    seq: int
    id: int
    user: str
    name: str
    body: str
    edit: int | None = None


def page(
    c: Connection, room: str, user: str, before: int | None, after: int | None, limit: int, recent: Sequence[EventRow]
) -> Page:
    """See `Log.messages`.

    `recent` holds events that may not be in the table yet (`journal.py`). A message that is not in the table has no edits,
    reactions or pins, because they would have moved it there.
    """
    wanted = select(*_SENT).where(events.c.room == room, events.c.type == MessageSent.type).limit(limit + 1)
    if after is not None:
        wanted = wanted.where(events.c.seq > after).order_by(events.c.seq)
    else:
        below = events.c.seq < before if before is not None else true()
        wanted = wanted.where(below).order_by(events.c.seq.desc())
    found: dict[int, _Sent] = {}
    for _, seq, id, type, sender, name, _, _, body, _ in recent:
        if type == MessageSent.type and (after is None or seq > after) and (before is None or seq < before):
            found[seq] = _Sent(seq, id, sender, name, body)
    found.update({row.seq: _Sent(*row) for row in c.execute(wanted)})
    nearest = sorted(found, reverse=after is None)
    rows = [found[seq] for seq in sorted(nearest[:limit])]
    return Page(_messages(c, room, user, rows, gapless=True), len(found) > limit)


def pinned(c: Connection, room: str, user: str) -> list[Message]:
    """See `Log.pins`. A pinned message is in the table."""
    this = and_(pins.c.room == events.c.room, pins.c.target == events.c.seq)
    rows = c.execute(select(*_SENT).join(pins, this).where(pins.c.room == room).order_by(pins.c.target))
    return _messages(c, room, user, [_Sent(*row) for row in rows], gapless=False)


def _messages(c: Connection, room: str, user: str, rows: Sequence[_Sent], *, gapless: bool) -> list[Message]:
    """Assemble messages. `gapless`: they are all the messages between the first and the last, so two bounds select them.

    A list of 200 seqs, bound twice, was half the cost of a page.
    """
    seqs = [row.seq for row in rows]

    def among(target: Column[int]) -> ColumnElement[bool]:
        return target.between(seqs[0], seqs[-1]) if gapless and seqs else target.in_(seqs)

    edits = _edits(c, room, [row.edit for row in rows if row.edit is not None])
    counts, mine = _reactions(c, room, user, among(reactions.c.target))
    stuck = set(c.execute(select(pins.c.target).where(pins.c.room == room, among(pins.c.target))).scalars())
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
    wanted = select(events.c.seq, events.c.id, events.c.body).where(events.c.room == room, events.c.seq.in_(seqs))
    return {seq: (_decode_edited(body), moment(id_ms(id))) for seq, id, body in c.execute(wanted)}


def _reactions(
    c: Connection, room: str, user: str, those: ColumnElement[bool]
) -> tuple[dict[int, dict[str, int]], dict[int, list[str]]]:
    """Return, by message, the count of each emoji (in order of its first reaction), and the user's own."""
    own = func.max(case((reactions.c.user == user, 1), else_=0))
    wanted = select(reactions.c.target, reactions.c.emoji, func.count(), own)
    here = wanted.where(reactions.c.room == room, those)
    in_order = here.group_by(reactions.c.target, reactions.c.emoji).order_by(func.min(reactions.c.seq))
    counts: dict[int, dict[str, int]] = {}
    mine: dict[int, list[str]] = {}
    for target, emoji, count, is_mine in c.execute(in_order):
        counts.setdefault(target, {})[emoji] = count
        if is_mine:
            mine.setdefault(target, []).append(emoji)
    return counts, mine
