"""Messages as they stand now: message.sent events with their newest edit, their deletion, reactions and pin."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, and_, case, func, select

from madang.adapters.sql.dialects import AnyRow
from madang.adapters.sql.tables import events, pins, reactions
from madang.core.events import SENT, Body, Message
from madang.core.ids import id_ms
from madang.core.moments import moment
from madang.ports.log import Page

_decode = msgspec.json.Decoder(Body).decode
_COLUMNS: Final = (events.c.seq, events.c.id, events.c.user, events.c.name, events.c.body, events.c.edit)


def page(c: Connection, room: str, user: str, before: int | None, after: int | None, limit: int) -> Page:
    """See `Log.messages`."""
    wanted = select(*_COLUMNS).where(events.c.room == room, events.c.type == SENT).limit(limit + 1)
    if after is not None:
        rows = c.execute(wanted.where(events.c.seq > after).order_by(events.c.seq)).all()
        return Page(_messages(c, room, user, rows[:limit]), len(rows) > limit)
    if before is not None:
        wanted = wanted.where(events.c.seq < before)
    rows = c.execute(wanted.order_by(events.c.seq.desc())).all()
    return Page(_messages(c, room, user, rows[:limit][::-1]), len(rows) > limit)


def pinned(c: Connection, room: str, user: str) -> list[Message]:
    """See `Log.pins`."""
    this = and_(pins.c.room == events.c.room, pins.c.target == events.c.seq)
    rows = c.execute(select(*_COLUMNS).join(pins, this).where(pins.c.room == room).order_by(events.c.seq)).all()
    return _messages(c, room, user, rows)


def _messages(c: Connection, room: str, user: str, rows: Sequence[AnyRow]) -> list[Message]:
    seqs = [row.seq for row in rows]
    edits = _edits(c, room, [row.edit for row in rows if row.edit is not None])
    counts, mine = _reactions(c, room, user, seqs)
    stuck = set(c.execute(select(pins.c.target).where(pins.c.room == room, pins.c.target.in_(seqs))).scalars())
    messages = []
    for row in rows:
        sent = _decode(row.body)
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


def _edits(c: Connection, room: str, seqs: list[int]) -> dict[int | None, tuple[Body, str]]:
    """Give, per seq of an edit, what it says and when it was made."""
    if not seqs:
        return {}
    wanted = select(events.c.seq, events.c.id, events.c.body).where(events.c.room == room, events.c.seq.in_(seqs))
    return {seq: (_decode(body), moment(id_ms(id))) for seq, id, body in c.execute(wanted)}


def _reactions(
    c: Connection, room: str, user: str, seqs: list[int]
) -> tuple[dict[int, dict[str, int]], dict[int, list[str]]]:
    """Give, per message, how many put each emoji (in order of the emoji's first), and which the user did."""
    own = func.max(case((reactions.c.user == user, 1), else_=0))
    wanted = select(reactions.c.target, reactions.c.emoji, func.count(), own)
    here = wanted.where(reactions.c.room == room, reactions.c.target.in_(seqs))
    in_order = here.group_by(reactions.c.target, reactions.c.emoji).order_by(func.min(reactions.c.seq))
    counts: dict[int, dict[str, int]] = {}
    mine: dict[int, list[str]] = {}
    for target, emoji, count, is_mine in c.execute(in_order):
        counts.setdefault(target, {})[emoji] = count
        if is_mine:
            mine.setdefault(target, []).append(emoji)
    return counts, mine
