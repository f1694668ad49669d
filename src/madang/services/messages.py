"""Messages: from what a member asks to a draft, by the rules of text.

The log does the rest (`ports.log`), and judges roles where nothing can change them meanwhile.
"""

from typing import Final

import msgspec

from madang.core.actors import Actor
from madang.core.bounds import MAX_DATA
from madang.core.emoji import clean_emoji
from madang.core.events import (
    Body,
    Draft,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageSent,
    MessageUnpinned,
    ReactionAdded,
    ReactionRemoved,
    carried,
    draft,
    encode_body,
)
from madang.core.messages import Content
from madang.core.text import clean_text
from madang.errors import Refused

_NULL: Final = b"null"


def send(user: Actor, room: str, cid: str, content: Content, max_text: int) -> Draft:
    """Return the draft of a message: text, or data, or both.

    Raises:
        Refused: too_big, bad_text, or empty.
    """
    if content.data or content.reply_to is not None or content.mentions or user.via:
        text, carries, unique = _content(content, max_text)
        body = MessageSent(text=text, data=carries, reply_to=content.reply_to, mentions=unique, via=user.via)
    else:
        body = MessageSent(text=clean_text(content.text, max_text))
    encoded = encode_body(body)
    return Draft(
        room=room, user=user.id, name=user.name, cid=cid, content=body, body=encoded, server=user.server
    )  # fmt: skip


def _content(content: Content, max_text: int) -> tuple[str, msgspec.Raw, tuple[str, ...]]:
    """Return text, data and mentions as they are stored."""
    raw, text = bytes(content.data), content.text
    if raw == _NULL:
        raw = b""
    if len(raw) > MAX_DATA:
        raise Refused("too_big", f"data: at most {MAX_DATA} bytes.")
    text = clean_text(text, max_text) if text or not raw else text
    return text, carried(raw), tuple(dict.fromkeys(content.mentions))


def edit(user: Actor, room: str, seq: int, cid: str | None, content: Content, max_text: int) -> Draft:
    """Return the draft that replaces the content of a message."""
    text, carries, unique = _content(content, max_text)
    return _drafted(MessageEdited(text=text, data=carries, mentions=unique, target=seq), user, room, cid)


def delete(user: Actor, room: str, seq: int) -> Draft:
    """Return the draft that deletes a message."""
    return _drafted(MessageDeleted(target=seq), user, room)


def react(user: Actor, room: str, seq: int, emoji: str, on: bool) -> Draft:
    """Return the draft that adds a reaction or removes it."""
    kind = ReactionAdded if on else ReactionRemoved
    return _drafted(kind(target=seq, emoji=clean_emoji(emoji)), user, room)


def pin(user: Actor, room: str, seq: int, on: bool) -> Draft:
    """Return the draft that pins a message or unpins it."""
    kind = MessagePinned if on else MessageUnpinned
    return _drafted(kind(target=seq), user, room)


def _drafted(body: Body, user: Actor, room: str, cid: str | None = None) -> Draft:
    return draft(body, room, user.id, user.name, cid=cid, server=user.server)
