"""Streams over HTTP: GET that is answered with what happens, as it happens."""

import secrets
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from msgspec import UNSET
from starlette.types import Receive, Scope, Send

from madang.core.actors import need_server_key
from madang.core.bounds import MAX_BATCH, MAX_PAGE, MAX_TOKEN
from madang.core.consumers import NAME, Consumer
from madang.core.fields import exactly_one
from madang.core.timestamps import moment
from madang.delivery.catching_up import RESET_EVENTS
from madang.delivery.joining import Joined, Start
from madang.errors import Refused
from madang.protocol import offsets, sse
from madang.protocol.native import codec
from madang.protocol.native.answers import RoomInfo
from madang.protocol.native.frames import ResetFrame
from madang.services.tokens import Access
from madang.transports.http import server_bodies as s
from madang.transports.http.answers import Unchanged
from madang.transports.http.bounded_app import HEAD, body_limit
from madang.transports.http.dependencies import (
    IDENTIFIES,
    Address,
    Caller,
    Credential,
    Decimal,
    RoomPath,
    ThisNode,
    Token,
    identified,
)
from madang.transports.http.errors import answer
from madang.transports.http.parser import HAND_OVER
from madang.transports.http.routes.rooms import ROOM
from madang.transports.http.schemas import body, documented, large_body
from madang.transports.sse.stream import ConsumerStream, Stream

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


async def _key(request: Request, node: ThisNode, token: Token, address: Address) -> Access:
    return await identified(request, node, token, address)


for _each in (_viewer, _key):
    setattr(_each, IDENTIFIES, True)
KeyAccess = Annotated[Access, Depends(_key)]
_GO_ON: Final = "Go on behind this id of an event; the header counts where both are given."
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", pattern=offsets.ONE, description=_GO_ON)]
LastEventIdQuery = Annotated[str | None, Query(pattern=offsets.ONE, description=_GO_ON)]
Newest = Annotated[Decimal, Query(ge=0, le=MAX_PAGE, description="Without an id: begin with this many of the newest.")]
ConsumerPath = Annotated[str, Path(pattern=NAME, description="The consumer's name.")]
ConsumerQuery = Annotated[str, Query(pattern=NAME, description="The consumer's name.")]
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
    stream = node.streams.make(Stream, address, viewer)
    try:
        look_up = lambda: node.rooms.reader(actor, id)  # noqa: E731
        joined = await node.joiner.join(stream, actor, id, start, enter=look_up, look_up=look_up)
    except BaseException:
        stream.never_begun()
        raise
    _begin(stream, joined)
    return EventStream(stream)


@router.get("/events", **_STREAM)
async def all_events(
    request: Request, node: ThisNode, caller: KeyAccess, address: Address, consumer: ConsumerQuery
) -> Response:
    """Follow every room for a consumer of a server key, as server-sent events: all that it has not acknowledged, then what is new."""
    need_server_key(caller.user)
    if HEAD in request.scope:
        await node.consumers.need(caller.user, consumer)
        return EventStream()
    stream = node.streams.make(ConsumerStream, address, caller)
    try:
        await stream.open(consumer)
    except BaseException:
        stream.never_begun()
        raise
    stream.begin_with(_retry())
    return EventStream(stream)


@router.get("/consumers", **documented(s.ManyConsumers))
async def consumers(node: ThisNode, caller: Caller) -> Response:
    """List the consumers of a server key."""
    return answer(s.ManyConsumers([_shown(each) for each in await node.consumers.of(caller)]))


@router.put(
    "/consumers/{name}", **documented(s.OneConsumer, status=201, also=200, accepted=s.NewConsumer, optional=True)
)
async def put_consumer(
    node: ThisNode,
    caller: Caller,
    name: ConsumerPath,
    new: Annotated[s.NewConsumer, body(s.NewConsumer, optional=True)],
) -> Response:
    """Make a consumer of a server key, to which every event of every room comes. 200 if there is one of that name, which stays as it is."""
    found, made = await node.consumers.put(caller, name, new.begin)
    return answer(_shown(found), 201 if made else 200)


@router.delete("/consumers/{name}", **documented(Unchanged))
async def drop_consumer(node: ThisNode, caller: Caller, name: ConsumerPath) -> Response:
    """Remove a consumer of a server key, and end its stream."""
    await node.consumers.drop(caller, name)
    return answer(Unchanged())


@router.post("/consumers/{name}/acks", **documented(Unchanged, accepted=s.Acks))
@body_limit(MAX_BATCH)
async def acknowledge(
    node: ThisNode, caller: Caller, name: ConsumerPath, acks: Annotated[s.Acks, large_body(s.Acks)]
) -> Response:
    """Acknowledge events: they, and those before them in their rooms, do not come again to a consumer."""
    positions = [each for id in acks.ids for each in offsets.read(id, 1) or ()]
    await node.consumers.acknowledge(caller, name, positions)
    return answer(Unchanged())


def _shown(consumer: Consumer) -> s.OneConsumer:
    return s.OneConsumer(consumer.name, moment(consumer.made_ms), moment(consumer.seen_ms or consumer.made_ms))


def _retry() -> bytes:
    return sse.retry(RETRY_MS + secrets.randbelow(RETRY_MS))


def _start(room: str, last_id: str | None, limit: int) -> Start:
    if last_id is None:
        return Start(limit=limit, follows=True)
    for position in offsets.read(last_id, 1) or ():
        if position.room == room:
            return Start(position.seq, position.epoch, RESET_EVENTS, follows=True)
    raise Refused("bad_field", "Last-Event-ID: not the id of an event of this room.")


def _begin(stream: Stream, joined: Joined) -> None:
    """Begin a stream where a join has put it: what it lacks follows as events, which have ids."""
    info, epoch, retry = joined.room.info, joined.room.epoch, _retry()
    if joined.reset:
        reset = ResetFrame(room=info.id, epoch=epoch, seq=joined.seq, events=codec.array(joined.events))
        stream.begin_with(retry, sse.frame(reset, offsets.position(info.id, joined.seq, epoch)))
        return
    first = sse.StartFrame(
        room=RoomInfo(**{name: getattr(info, name) for name in RoomInfo.__struct_fields__}),
        role=joined.member.role, epoch=epoch, seq=joined.seq, first=joined.first if joined.first > 1 else UNSET,
    )  # fmt: skip
    stream.begin_with(retry, sse.frame(first, offsets.position(info.id, joined.seq, epoch)))
