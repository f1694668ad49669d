"""Streams over HTTP: GET that is answered with what happens, as it happens."""

import secrets
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from msgspec import UNSET
from starlette.types import Receive, Scope, Send

from madang.core.bounds import MAX_PAGE, MAX_TOKEN
from madang.core.fields import exactly_one
from madang.delivery.catching_up import RESET_EVENTS
from madang.delivery.joining import Joined, Start
from madang.errors import Refused
from madang.protocol import offsets, sse
from madang.protocol.native import codec
from madang.protocol.native.answers import RoomInfo
from madang.protocol.native.frames import ResetFrame
from madang.services.tokens import Access
from madang.transports.http.bounded_app import HEAD
from madang.transports.http.dependencies import Address, Credential, Decimal, RoomPath, ThisNode, identified
from madang.transports.http.parser import HAND_OVER
from madang.transports.http.routes.rooms import ROOM
from madang.transports.http.schemas import documented
from madang.transports.sse.stream import Stream

router = APIRouter(prefix="/api", tags=["streams"])
RETRY_MS: Final = 1000  # and up to twice that
_HEADERS: Final = {
    "Connection": "close",
    "X-Accel-Buffering": "no",  # for an nginx in front that is not configured for streams
}


class EventStream(Response):
    """An answer of which only the head is written here; its socket is handed over behind it."""

    media_type = sse.TYPE

    def __init__(self, stream: Stream | None = None) -> None:
        self.stream = stream
        super().__init__(headers=_HEADERS)
        self.raw_headers = [each for each in self.raw_headers if each[0] != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer (ASGI)."""
        stream = self.stream
        if stream is None:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body"})
            return
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": HAND_OVER, "to": stream})
        finally:
            stream.never_begun()


async def _viewer(
    request: Request,
    node: ThisNode,
    address: Address,
    credential: Credential,
    ticket: Annotated[
        str | None, Query(max_length=MAX_TOKEN, description="In place of a token, once: for EventSource.")
    ] = None,
) -> Access:
    """Return who wants a stream, and how long they may have it (bad_token, rate_limited, no_scope)."""
    if ticket is None:
        return await identified(request, node, credential, address)
    exactly_one(Authorization=credential or None, ticket=ticket)
    if HEAD in request.scope:
        raise Refused("bad_field", "method: GET, since a ticket is used up by it.")
    return await node.identity.caller_by_ticket(ticket, address)


Viewer = Annotated[Access, Depends(_viewer)]
_FORM: Final = "^[a-z0-9][a-z0-9_-]{0,63}:(0|[1-9][0-9]{0,15}):[0-9a-f]{1,64}$"
_GO_ON: Final = "Go on behind this id of an event; the header counts where both are given."
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", pattern=_FORM, description=_GO_ON)]
LastEventIdQuery = Annotated[str | None, Query(pattern=_FORM, description=_GO_ON)]
Newest = Annotated[Decimal, Query(ge=0, le=MAX_PAGE, description="Without an id: begin with this many of the newest.")]
_STREAM: Final[dict[str, Any]] = {**documented(str, media=sse.TYPE), "response_class": EventStream}


@router.get(ROOM + "/events", **_STREAM)
async def room_events(
    request: Request,
    node: ThisNode,
    viewer: Viewer,
    address: Address,
    id: RoomPath,
    header: LastEventId = None,
    last_event_id: LastEventIdQuery = None,
    limit: Newest = 0,
) -> Response:
    """Follow a room as server-sent events, from an id on or from now on; members, and server keys in any room."""
    start = _start(id, header or last_event_id, limit)
    actor = viewer.user
    if HEAD in request.scope:
        await node.rooms.reader(actor, id)
        return EventStream()
    stream = node.streams.make(address, viewer)
    try:
        look_up = lambda: node.rooms.reader(actor, id)  # noqa: E731
        joined = await node.joiner.join(stream, actor, id, start, enter=look_up, look_up=look_up)
    except BaseException:
        stream.never_begun()
        raise
    _begin(stream, joined, start)
    return EventStream(stream)


def _start(room: str, last_id: str | None, limit: int) -> Start:
    if last_id is None:
        return Start(limit=limit)
    for position in offsets.read(last_id, 1) or ():
        if position.room == room:
            return Start(position.seq, position.epoch, RESET_EVENTS)
    raise Refused("bad_field", "Last-Event-ID: not the id of an event of this room.")


def _begin(stream: Stream, joined: Joined, start: Start) -> None:
    """Begin a stream where a join has put it, or further back: what it lacks follows as events, which have ids."""
    info, epoch, subscription = joined.room.info, joined.room.epoch, stream.subscriptions[joined.room.info.id]
    retry = sse.retry(RETRY_MS + secrets.randbelow(RETRY_MS))
    if joined.reset:
        reset = ResetFrame(room=info.id, epoch=epoch, seq=joined.seq, events=codec.array(joined.events))
        stream.begin_with(retry, sse.frame(reset, offsets.position(info.id, joined.seq, epoch)))
        return
    subscription.position = joined.seq - len(joined.events) if start.since is None else start.since
    first = sse.StartFrame(
        room=RoomInfo(**{name: getattr(info, name) for name in RoomInfo.__struct_fields__}),
        role=joined.member.role, epoch=epoch, seq=subscription.position, first=joined.first if joined.first > 1 else UNSET,
    )  # fmt: skip
    stream.begin_with(retry, sse.frame(first, offsets.position(info.id, subscription.position, epoch)))
