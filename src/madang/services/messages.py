"""Messages: from what a member asks to a draft. Rules of text and roles; the log does the rest (`ports.log`), and
judges roles again where nothing can change them meanwhile."""

from typing import Final

import msgspec

from madang.core import events
from madang.core.actors import Actor
from madang.core.events import Body, Draft, draft
from madang.core.permissions import Action, need
from madang.core.text import clean_text
from madang.errors import Refused

MAX_DATA: Final = 16 * 1024  # bytes of JSON
_NULL: Final = b"null"


def send(
    user: Actor,
    room: str,
    cid: str,
    text: str,
    data: msgspec.Raw,
    reply_to: int | None,
    mentions: tuple[str, ...],
    max_text: int,
) -> Draft:
    """Draft a message: text, or data, or both.

    Raises:
        Refused: too_big, bad_text, or empty.
    """
    if data or reply_to or mentions:
        body = _body(text, data, reply_to, mentions, max_text)
    else:
        body = Body(text=clean_text(text, max_text))
    encoded = events.encode_body(body)
    return Draft(
        room=room, type=events.SENT, user=user.id, name=user.name, cid=cid, body=encoded, content=body, server=user.server
    )  # fmt: skip


def _body(
    text: str,
    data: msgspec.Raw,
    reply_to: int | None,
    mentions: tuple[str, ...],
    max_text: int,
    target: int | None = None,
) -> Body:
    carried = bytes(data)
    if carried == _NULL:
        carried = b""
    if len(carried) > MAX_DATA:
        raise Refused("too_big", f"data: at most {MAX_DATA} bytes.")
    text = clean_text(text, max_text) if text or not carried else text
    unique = tuple(dict.fromkeys(mentions))
    return Body(text=text, data=msgspec.Raw(carried), reply_to=reply_to, mentions=unique, target=target)


def edit(
    user: Actor,
    room: str,
    seq: int,
    cid: str | None,
    text: str,
    data: msgspec.Raw,
    mentions: tuple[str, ...],
    max_text: int,
) -> Draft:
    """Draft the replacement of one's own message."""
    return _drafted(events.EDITED, user, room, _body(text, data, None, mentions, max_text, seq), cid)


def delete(user: Actor, room: str, seq: int) -> Draft:
    """Draft the deletion of a message: one's own, or any as a moderator."""
    return _drafted(events.DELETED, user, room, Body(target=seq))


def react(user: Actor, room: str, seq: int, emoji: str, on: bool) -> Draft:
    """Draft a reaction put on or taken off. An emoji is a short text without spaces."""
    emoji = clean_text(emoji, 32)
    if emoji.split() != [emoji]:
        raise Refused("bad_field", "emoji: no spaces.")
    return _drafted(events.REACTED if on else events.UNREACTED, user, room, Body(target=seq, emoji=emoji))


def pin(user: Actor, role: str, room: str, seq: int, on: bool) -> Draft:
    """Draft a pin put on or taken off (moderators)."""
    need(role, Action.PIN)
    return _drafted(events.PINNED if on else events.UNPINNED, user, room, Body(target=seq))


def _drafted(type: str, user: Actor, room: str, body: Body, cid: str | None = None) -> Draft:
    return draft(type, room, user.id, user.name, body, cid=cid, server=user.server)
