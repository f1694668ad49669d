"""Effects of events about messages: sent, edited, deleted, reacted to, pinned. How effects are called is in `effects.py`."""

from typing import Any, Final

import msgspec
from sqlalchemy import (
    BindParameter,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)

from madang.adapters.sql import audit, erasing, reports
from madang.adapters.sql.batch import Batch
from madang.adapters.sql.dialects import AnyRow, insert_new, run
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.tables import events, members, mentions, pins, reaction_counts, reactions
from madang.core import events as kinds
from madang.core.audit import Subject, deed
from madang.core.bounds import MAX_EMOJIS, MAX_PINS
from madang.core.events import ERASED, Draft
from madang.core.permissions import Action, may
from madang.errors import Refused

AnyReaction = kinds.ReactionAdded | kinds.ReactionRemoved

# Made once: to make a statement takes as long as to run it, and those with a list, or a number beside a column, are reference
# rings, which wait for the cycle collector.
_of_seq: Final = and_(events.c.room == bindparam("in_room"), events.c.seq == bindparam("of_seq"))
_MESSAGE: Final = select(events.c.seq, events.c.type, events.c.user, events.c.name, events.c.body, events.c.edit).where(
    _of_seq
)
_EDIT: Final = update(events).where(_of_seq).values(edit=bindparam("by_seq"))
_TAKE_BACK: Final = delete(reactions).where(
    reactions.c.room == bindparam("in_room"),
    reactions.c.target == bindparam("of_seq"),
    reactions.c.emoji == bindparam("of_emoji"),
    reactions.c.user == bindparam("of_user"),
)
_users: Final[BindParameter[Any]] = bindparam("users", expanding=True)
_THERE: Final = select(members.c.user).where(members.c.room == bindparam("in_room"), members.c.user.in_(_users))
_reaction: Final = (
    reaction_counts.c.room == bindparam("in_room"),
    reaction_counts.c.target == bindparam("of_seq"),
    reaction_counts.c.emoji == bindparam("of_emoji"),
)
_EMOJIS: Final = select(reaction_counts.c.emoji).where(*_reaction[:2])
_FIRST: Final = insert(reaction_counts)
_COUNT: Final = update(reaction_counts).where(*_reaction).values(users=reaction_counts.c.users + bindparam("change"))
_LAST: Final = delete(reaction_counts).where(*_reaction, reaction_counts.c.users <= literal_column("1"))


def sent(b: Batch, d: Draft, body: kinds.MessageSent, seq: int) -> bool:
    """Judge who sends, and what is replied to; note who is mentioned, and words that are flagged."""
    b.need_to_write(d)
    if body.reply_to is not None:
        _need_message(b, d, body.reply_to)
    _mention(b, d, set(body.mentions), seq)
    if d.flagged:
        reports.flag(b.c, d, seq, d.user, d.name, b.now_ms)
    return True


def _mention(b: Batch, d: Draft, users: set[str], seq: int) -> None:
    """Count the message `seq` of the actor as one that mentions these, as far as they are members, and others."""
    if users := users - {d.user}:
        for user in b.c.execute(_THERE, {"in_room": d.room, "users": padded(sorted(users))}).scalars().all():
            insert_new(b.c, mentions, {"user": user, "room": d.room, "seq": seq})


def edited(b: Batch, d: Draft, body: kinds.MessageEdited, seq: int) -> bool:
    """Let the newest edit stand for a message of the same user."""
    b.need_to_write(d)
    message = _message(b, d, body.target)
    if message.user != d.user and not (d.server and _sent_through(message) == d.user):
        raise Refused("forbidden")
    before, now = erasing.mentioned(b.c, d.room, message.body, message.edit), set(body.mentions)
    erasing.mention_no_more(b.c, d.room, body.target, before - now)
    _mention(b, d, now - before, body.target)
    if d.flagged:
        reports.flag(b.c, d, body.target, message.user, message.name, b.now_ms)
    run(b.c, _EDIT, {"in_room": d.room, "of_seq": body.target, "by_seq": seq})
    return True


def deleted(b: Batch, d: Draft, body: kinds.MessageDeleted, seq: int) -> bool:
    """Erase the content of a message and of its edits."""
    message = _message(b, d, body.target)
    if message.user != d.user and not may(b.actor(d), Action.DELETE_OTHERS):
        raise Refused("forbidden")
    room = d.room
    own = d.user in (message.user, _sent_through(message))
    if not own:
        audit.note(b.c, room, deed(d, Subject(message.user, message.name)), b.now_ms)
    erasing.erase_messages(b.c, room, [message], own=own)
    return True


def _sent_through(message: AnyRow) -> str | None:
    """Return the server key that sent a message in another user's name."""
    return msgspec.json.decode(message.body, type=kinds.MessageSent).via


def _message(b: Batch, d: Draft, target: int) -> AnyRow:
    """Return the row of the message that a draft is about. Raises Refused where there is none, or a deleted one."""
    b.need_seen(d, target)
    b.fold_room(d.room)
    row: AnyRow | None = run(b.c, _MESSAGE, {"in_room": d.room, "of_seq": target}).one_or_none()
    if row is None or row.type != kinds.MessageSent.type:
        raise Refused("not_found")
    if row.body.encode() == ERASED:
        raise Refused("gone")
    return row


def _need_message(b: Batch, d: Draft, seq: int) -> None:
    """Raise Refused (not_found) unless an event is a message that the actor may see, deleted or not."""
    b.need_seen(d, seq)
    if b.type_of(d.room, seq) != kinds.MessageSent.type:
        raise Refused("not_found")


def reacted(b: Batch, d: Draft, body: kinds.ReactionAdded, seq: int) -> bool:
    """Put a reaction on a message."""
    b.need_to_write(d)
    _message(b, d, body.target)
    key: dict[str, str | int | None] = {"room": d.room, "target": body.target, "emoji": body.emoji}
    shown = run(b.c, _EMOJIS, {"in_room": d.room, "of_seq": body.target}).scalars()
    if body.emoji not in shown and len(shown) >= MAX_EMOJIS:
        raise Refused("too_many")
    if not insert_new(b.c, reactions, {**key, "user": d.user, "seq": seq}):
        return False
    if body.emoji in shown:
        _count(b, d, body, 1)
    else:
        run(b.c, _FIRST, {**key, "users": 1, "seq": seq})
    return True


def unreacted(b: Batch, d: Draft, body: kinds.ReactionRemoved, seq: int) -> bool:
    """Remove a reaction of the actor."""
    b.need_to_write(d)
    _need_message(b, d, body.target)
    own: dict[str, str | int] = {"in_room": d.room, "of_seq": body.target, "of_emoji": body.emoji, "of_user": d.user}
    if run(b.c, _TAKE_BACK, own).rowcount != 1:
        return False
    if run(b.c, _LAST, {"in_room": d.room, "of_seq": body.target, "of_emoji": body.emoji}).rowcount != 1:
        _count(b, d, body, -1)
    return True


def _count(b: Batch, d: Draft, body: AnyReaction, change: int) -> None:
    run(b.c, _COUNT, {"in_room": d.room, "of_seq": body.target, "of_emoji": body.emoji, "change": change})


def pinned(b: Batch, d: Draft, body: kinds.MessagePinned, seq: int) -> bool:
    """Pin a message."""
    b.need(d, Action.PIN)
    _message(b, d, body.target)
    here = pins.c.room == d.room
    if b.c.execute(select(exists().where(here, pins.c.target == body.target))).scalar():
        return False
    if b.c.execute(select(func.count()).where(here)).scalar_one() >= MAX_PINS:
        raise Refused("too_many")
    b.c.execute(insert(pins).values(room=d.room, target=body.target))
    return True


def unpinned(b: Batch, d: Draft, body: kinds.MessageUnpinned, seq: int) -> bool:
    """Unpin a message."""
    b.need(d, Action.PIN)
    _need_message(b, d, body.target)
    return b.c.execute(delete(pins).where(pins.c.room == d.room, pins.c.target == body.target)).rowcount == 1
