"""REST for messages, reactions and pins: the same drafts, limits and rights as over the native protocol."""

import secrets
from typing import Annotated, cast

from fastapi import APIRouter, Query, Response

from madang.core.fields import not_together
from madang.core.messages import Content, Reactor
from madang.core.timestamps import WRITTEN
from madang.services.pages import MessagePage
from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import (
    AfterId,
    Caller,
    Decimal,
    EmojiPath,
    IdempotencyKey,
    Limit,
    RoomPath,
    SeqPath,
    ThisNode,
)
from madang.transports.http.errors import answer
from madang.transports.http.routes.rooms import ROOM, appended
from madang.transports.http.schemas import body, carried, documented

router = APIRouter(prefix="/api" + ROOM, tags=["messages"])
MESSAGE = "/messages/{seq}"
REACTION = MESSAGE + "/reactions/{emoji}"
PIN = "/pins/{seq}"

PinsAfter = Annotated[Decimal, Query(ge=0, le=2**53, description="Page on from above this seq.")]
Cursor = Annotated[Decimal | None, Query(ge=0, le=2**53)]
At = Annotated[str | None, Query(pattern=WRITTEN, description="A time, as messages have it.")]


def _messages(page: MessagePage) -> Response:
    """Return a page as a `a.History`; it is encoded already, once for all who ask for it at once."""
    newer = b"" if page.newer is None else b',"newer":true' if page.newer else b',"newer":false'
    more = b"true" if page.more else b"false"
    text = b'{"messages":%b,"more":%b,"seq":%d%b}' % (page.messages, more, page.seq, newer)
    return Response(text, media_type="application/json")


@router.get("/messages", **documented(a.History))
async def history(
    node: ThisNode,
    caller: Caller,
    id: RoomPath,
    before: Cursor = None,
    after: Cursor = None,
    around: Cursor = None,
    at: At = None,
    limit: Limit = 50,
) -> Response:
    """Page through a room's messages: the newest, those before or after a seq, or around a seq or a time. Oldest first."""
    page = await node.reading.history(caller, id, before, after, limit, around=around, at=at)
    return _messages(page)


@router.post("/messages", **documented(a.Stored, status=201, also=200, accepted=b.NewMessage))
async def send(
    node: ThisNode,
    caller: Caller,
    id: RoomPath,
    new: Annotated[b.NewMessage, body(b.NewMessage)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Send a message. 201 when it is new, 200 when it was sent before with the same cid."""
    standing = await node.posting.standing(caller, id)
    sender = caller if new.sender is None else await node.people.speaker_of(caller, new.sender.id, new.sender.name)
    cid = _cid(new.cid, idempotency_key)
    content = Content(text=new.text, data=carried(new.data), reply_to=new.reply_to, mentions=new.mentions)
    draft = node.posting.send(
        sender, standing, id, cid or secrets.token_hex(16), content, perhaps_again=cid is not None
    )
    return appended(node, await node.appender.append(draft), 201)


def _cid(cid: str | None, key: str | None) -> str | None:
    """Return the cid that a body or a header gives (bad_field for both)."""
    not_together(**{"cid": cid, "Idempotency-Key": key})
    return cid or key


@router.patch(MESSAGE, **documented(a.Stored, accepted=b.MessageChange))
async def edit(
    node: ThisNode,
    caller: Caller,
    id: RoomPath,
    seq: SeqPath,
    new: Annotated[b.MessageChange, body(b.MessageChange)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Replace the content of the caller's own message."""
    standing = await node.posting.standing(caller, id)
    content = Content(text=new.text, data=carried(new.data), mentions=new.mentions)
    cid = _cid(new.cid, idempotency_key)
    draft = node.posting.edit(caller, standing, id, seq, cid, content, perhaps_again=True)
    return appended(node, await node.appender.append(draft))


@router.delete(MESSAGE, **documented(a.Stored))
async def delete(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath) -> Response:
    """Delete the caller's own message or, as a moderator, anyone's."""
    await node.rooms.member(caller, id)
    return appended(node, await node.appender.append(node.posting.delete(caller, id, seq)))


@router.get(REACTION, **documented(a.Reactors))
async def reactors(
    node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath, emoji: EmojiPath, after: AfterId = "", limit: Limit = 50
) -> Response:
    """List who has put an emoji on a message, in order of their user ids."""
    rows = await node.reading.reactors(caller, id, seq, emoji, after, limit)
    return answer(a.Reactors(cast(list[Reactor], rows.text), rows.more))


@router.put(REACTION, **documented(a.Stored | a.Unchanged))
async def react(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath, emoji: EmojiPath) -> Response:
    """Add a reaction to a message."""
    standing = await node.posting.standing(caller, id)
    return appended(node, await node.appender.append(node.posting.react(caller, standing, id, seq, emoji, True)))


@router.delete(REACTION, **documented(a.Stored | a.Unchanged))
async def unreact(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath, emoji: EmojiPath) -> Response:
    """Remove the caller's own reaction from a message."""
    standing = await node.posting.standing(caller, id)
    return appended(node, await node.appender.append(node.posting.react(caller, standing, id, seq, emoji, False)))


@router.get("/pins", **documented(a.History))
async def pins(node: ThisNode, caller: Caller, id: RoomPath, after: PinsAfter = 0) -> Response:
    """Page through the pinned messages, in the order of their seqs."""
    return _messages(await node.reading.pins(caller, id, after))


@router.put(PIN, **documented(a.Stored | a.Unchanged))
async def pin(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath) -> Response:
    """Pin a message (moderators)."""
    standing = await node.posting.standing(caller, id)
    return appended(node, await node.appender.append(node.posting.pin(caller, standing, id, seq, True)))


@router.delete(PIN, **documented(a.Stored | a.Unchanged))
async def unpin(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath) -> Response:
    """Unpin a message (moderators)."""
    standing = await node.posting.standing(caller, id)
    return appended(node, await node.appender.append(node.posting.pin(caller, standing, id, seq, False)))
