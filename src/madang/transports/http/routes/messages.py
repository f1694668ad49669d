"""REST for messages, reactions and pins: the same drafts, limits and rights as over the native protocol."""

import secrets
from typing import Annotated, cast

from fastapi import APIRouter, Header, Query, Response

from madang.core.actors import Actor
from madang.core.events import Draft, MessageSent
from madang.core.messages import Message
from madang.core.permissions import Action, may
from madang.core.rooms import Member
from madang.core.text import clean_name
from madang.errors import Refused
from madang.services import messages
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import Caller, EmojiPath, Limit, RoomPath, SeqPath, ThisNode, hold, hold_page
from madang.transports.http.errors import answer
from madang.transports.http.routes.rooms import ROOM, appended
from madang.transports.http.schemas import body, carried, documented
from madang.transports.node import Node

router = APIRouter(prefix="/api" + ROOM, tags=["messages"])
MESSAGE = "/messages/{seq}"
REACTION = MESSAGE + "/reactions/{emoji}"
PIN = "/pins/{seq}"

Cursor = Annotated[int | None, Query(ge=0, le=2**53)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=64, description="Serves as cid.")]


async def _append(node: Node, user: Actor, member: Member, draft: Draft, status: int = 200) -> Response:
    slow_ms = 0
    if isinstance(draft.content, MessageSent) and not may(member.role, Action.SKIP_SLOW_MODE):
        live = node.hub.rooms.get(draft.room)
        slow_ms = (live.info if live else await node.rooms.room(draft.room)).slow_ms
    hold(node, user, draft.room, slow_ms)
    return appended(node, await node.appender.append(draft), status)


def _messages(found: list[Message], more: bool) -> b.History:
    return b.History(cast(list[b.Message], found), more)  # the same but for how its schema is written


@router.get("/messages", **documented(b.History))
async def history(
    node: ThisNode, caller: Caller, id: RoomPath, before: Cursor = None, after: Cursor = None, limit: Limit = 50
) -> Response:
    """Page through a room's messages: the newest, those before a seq, or those after one. Oldest first."""
    hold_page(node, caller, limit)
    await node.rooms.member(caller, id)
    page = await node.reading.history(id, caller.id, before, after, limit)
    await node.rooms.member(caller, id)  # again: the page may have what came after a kick
    return answer(_messages(page.messages, page.more))


@router.post("/messages", **documented(b.Stored, status=201, also=200, taken=b.NewMessage))
async def send(
    node: ThisNode,
    caller: Caller,
    id: RoomPath,
    new: Annotated[b.NewMessage, body(b.NewMessage)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send a message. 201 when it is new, 200 when its cid had been used for it before."""
    member = await node.rooms.member(caller, id)
    user = _sender(caller, new.sender)
    cid = new.cid or idempotency_key or secrets.token_hex(16)
    draft = messages.send(user, id, cid, new.text, carried(new.data), new.reply_to, new.mentions, node.max_text)
    return await _append(node, user, member, draft, 201)


def _sender(caller: Actor, other: b.As | None) -> Actor:
    if other is None:
        return caller
    if not caller.server:
        raise Refused("forbidden", "as: for server keys only.")
    return Actor(id=other.id, name=clean_name(other.name), server=True)


@router.patch(MESSAGE, **documented(b.Stored, taken=b.MessageChange))
async def edit(
    node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath, new: Annotated[b.MessageChange, body(b.MessageChange)]
) -> Response:
    """Replace the content of one's own message."""
    member = await node.rooms.member(caller, id)
    draft = messages.edit(caller, id, seq, new.cid, new.text, carried(new.data), new.mentions, node.max_text)
    return await _append(node, caller, member, draft)


@router.delete(MESSAGE, **documented(b.Stored))
async def delete(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath) -> Response:
    """Delete one's own message, or as a moderator anybody's."""
    member = await node.rooms.member(caller, id)
    return await _append(node, caller, member, messages.delete(caller, id, seq))


@router.put(REACTION, **documented(b.Stored | b.Unchanged))
async def react(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath, emoji: EmojiPath) -> Response:
    """Put a reaction on a message."""
    member = await node.rooms.member(caller, id)
    return await _append(node, caller, member, messages.react(caller, id, seq, emoji, True))


@router.delete(REACTION, **documented(b.Stored | b.Unchanged))
async def unreact(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath, emoji: EmojiPath) -> Response:
    """Take one's own reaction off a message."""
    member = await node.rooms.member(caller, id)
    return await _append(node, caller, member, messages.react(caller, id, seq, emoji, False))


@router.get("/pins", **documented(b.History))
async def pins(node: ThisNode, caller: Caller, id: RoomPath) -> Response:
    """List the pinned messages."""
    await node.rooms.member(caller, id)
    found = await node.reading.pins(id, caller.id)
    await node.rooms.member(caller, id)  # again, as in history
    return answer(_messages(found, False))


@router.put(PIN, **documented(b.Stored | b.Unchanged))
async def pin(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath) -> Response:
    """Pin a message (moderators)."""
    member = await node.rooms.member(caller, id)
    return await _append(node, caller, member, messages.pin(caller, member.role, id, seq, True))


@router.delete(PIN, **documented(b.Stored | b.Unchanged))
async def unpin(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath) -> Response:
    """Unpin a message (moderators)."""
    member = await node.rooms.member(caller, id)
    return await _append(node, caller, member, messages.pin(caller, member.role, id, seq, False))
