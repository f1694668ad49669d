"""Messages as they stand now: message.sent events with their newest edit, their deletion, reactions and pin."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, String, and_, column, select, true

from madang.adapters.sql.dialects import SENT, from_index
from madang.adapters.sql.rows import EventRow
from madang.adapters.sql.tables import events, pins, reaction_counts, reactions
from madang.core.bounds import ANSWER_BYTES
from madang.core.events import MessageEdited, MessageSent
from madang.core.ids import id_ms
from madang.core.messages import Message
from madang.core.timestamps import moment
from madang.ports.log import Page

_decode_sent = msgspec.json.Decoder(MessageSent).decode
_decode_edited = msgspec.json.Decoder(MessageEdited).decode
_SENT: Final = (events.c.seq, events.c.id, events.c.user, events.c.name, events.c.body, events.c.edit)
_FROM_INDEX: Final = tuple(column(each.name, each.type) for each in _SENT)


class _Sent(NamedTuple):
    """A message.sent event; `edit` is the seq of its newest edit."""

    seq: int
    id: int
    user: str
    name: str
    body: str
    edit: int | None = None


def page(
    c: Connection, room: str, user: str, before: int | None, after: int | None, limit: int, recent: Sequence[EventRow],
    above: int = 0,
) -> Page:  # fmt: skip
    """See `Log.messages`.

    `recent` holds events that may not be in the table yet (`journal.py`). A message that is not in the table has no edits,
    reactions or pins, because they would have moved it there.
    """
    here = from_index(c, events, "events_messages")
    wanted = (
        select(*_FROM_INDEX).select_from(here).where(column("room") == room, column("type") == SENT).limit(limit + 1)
    )
    seq = column("seq", BigInteger)
    if after is not None:
        after = max(after, above)
        wanted = wanted.where(seq > after).order_by(seq)
    else:
        wanted = wanted.where(seq > above) if above else wanted
        wanted = wanted.where(seq < before if before is not None else true()).order_by(seq.desc())
    found: dict[int, _Sent] = {}
    rows = _as_many((_Sent(*row) for row in c.execute(wanted)), 2 * ANSWER_BYTES)  # so that `more` is known
    for _, at, id, type, sender, name, _, _, body, *_ in _from(recent, before, after):
        if at <= above:
            break
        if type == MessageSent.type:
            found[at] = _Sent(at, id, sender, name, body)
            if len(found) > limit:
                break
    found.update({row.seq: row for row in rows})
    nearest = sorted(found, reverse=after is None)
    kept = _as_many((found[seq] for seq in nearest[:limit]), ANSWER_BYTES)
    return Page(_messages(c, room, user, sorted(kept), gapless=True), len(found) > len(kept))


def _as_many(rows: Iterable[_Sent], most: int) -> list[_Sent]:
    """Return rows until they exceed `most`: 200 large ones would be 16 MB for each reader, for a page of 8."""
    size, kept = 0, list[_Sent]()
    for row in rows:
        kept.append(row)
        size += len(row.body)
        if size > most:
            break
    return kept


def _from(recent: Sequence[EventRow], before: int | None, after: int | None) -> Iterator[EventRow]:
    """Yield events above `after`, the oldest first, or else those below `before`, the newest first."""
    first = recent[0][1] if recent else 0  # they have no gap
    if after is not None:
        return islice(recent, max(0, after + 1 - first), None)
    end = len(recent) if before is None else min(max(0, before - first), len(recent))
    return (recent[n] for n in range(end - 1, -1, -1))


def pinned(c: Connection, room: str, user: str) -> list[Message]:
    """See `Log.pins`. A pinned message is in the table."""
    this = and_(pins.c.room == events.c.room, pins.c.target == events.c.seq)
    rows = c.execute(select(*_SENT).join(pins, this).where(pins.c.room == room).order_by(pins.c.target))
    return _messages(c, room, user, [_Sent(*row) for row in rows], gapless=False)


def own_reactions(c: Connection, room: str, user: str, first: int, last: int) -> dict[int, set[str]]:
    """See `Log.own_reactions`."""
    return _own(c, room, user, lambda target: target.between(first, last))


def _own(
    c: Connection, room: str, user: str, among: Callable[[ColumnElement[int]], ColumnElement[bool]]
) -> dict[int, set[str]]:
    target = column("target", BigInteger)
    own = select(target, column("emoji", String)).select_from(from_index(c, reactions, "reactions_user"))
    found: dict[int, set[str]] = {}
    for seq, emoji in c.execute(own.where(column("room") == room, column("user") == user, among(target))):
        found.setdefault(seq, set()).add(emoji)
    return found


def _messages(c: Connection, room: str, user: str, rows: Sequence[_Sent], *, gapless: bool) -> list[Message]:
    """Assemble messages. `gapless`: they are all the messages between the first and the last, so two bounds select them.

    A list of 200 seqs, bound twice, was half the cost of a page.
    """
    seqs = [row.seq for row in rows]

    def among(target: ColumnElement[int]) -> ColumnElement[bool]:
        return target.between(seqs[0], seqs[-1]) if gapless and seqs else target.in_(seqs)

    edits = _edits(c, room, [row.edit for row in rows if row.edit is not None])
    counts, mine = _reactions(c, room, user, among)
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
    wanted = select(events.c.seq, events.c.id, events.c.body).where(events.c.room == room, events.c.seq.in_(seqs))
    return {seq: (_decode_edited(body), moment(id_ms(id))) for seq, id, body in c.execute(wanted)}


def _reactions(
    c: Connection, room: str, user: str, among: Callable[[ColumnElement[int]], ColumnElement[bool]]
) -> tuple[dict[int, dict[str, int]], dict[int, list[str]]]:
    """Return, by message, the count of each emoji (in order of its first reaction), and the user's own."""
    standing = select(reaction_counts.c.target, reaction_counts.c.emoji, reaction_counts.c.users)
    here = standing.where(reaction_counts.c.room == room, among(reaction_counts.c.target))
    counts: dict[int, dict[str, int]] = {}
    for target, emoji, count in c.execute(here.order_by(reaction_counts.c.target, reaction_counts.c.seq)):
        counts.setdefault(target, {})[emoji] = count
    own = _own(c, room, user, among) if counts and user else {}
    mine = {seq: [emoji for emoji in emojis if emoji in own.get(seq, ())] for seq, emojis in counts.items()}
    return counts, mine
