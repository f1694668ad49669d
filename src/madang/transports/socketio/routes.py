"""HTTP long-polling at /socket.io/: a poll takes what waits for a client, a POST brings what it says."""

import asyncio

from fastapi import APIRouter, Request, Response

from madang.aio import cancelled
from madang.errors import Refused
from madang.protocol.socketio import engine
from madang.protocol.socketio.engine import BrokenProtocol
from madang.transports.http.bounded_app import HEAD
from madang.transports.http.dependencies import Address, ThisNode
from madang.transports.http.errors import Unread
from madang.transports.http.schemas import arrived
from madang.transports.socketio.client import Client
from madang.transports.socketio.door import PATH, POLLING
from madang.transports.socketio.polling import CLOSE, Polling

router = APIRouter()
_TEXT = "text/plain; charset=utf-8"


@router.get(PATH, include_in_schema=False)
async def poll(request: Request, node: ThisNode, address: Address) -> Response:
    """Begin a session, or answer with what waits in one, as soon as something does."""
    _check_origin(request, node)
    if HEAD in request.scope:
        raise Refused("bad_field", "method: GET, since a poll takes what it is answered with.")
    door = node.socketio
    sid = door.asked(request.url.query, POLLING)
    if sid is None:
        turned_away = node.admission.judge(address, node.turns.time())
        if turned_away is not None:
            raise turned_away
        node.admission.enter(address)
        return Response(door.add(Client(door, address)), media_type=_TEXT)
    client = door.client(sid, address)
    polling = _polling(client)
    if polling.polled:
        client.lost(CLOSE)
        raise Refused("bad_field", "sid: this session is polled already.")
    waiting = polling.poll()
    if not await _answered(waiting, request):
        client.lost()
        return Response(media_type=_TEXT)
    payload = polling.take()
    if payload == CLOSE and client.carrier is polling:
        client.lost()
    return Response(payload, media_type=_TEXT)


@router.post(PATH, include_in_schema=False)
async def push(request: Request, node: ThisNode, address: Address) -> Response:
    """Take what a client says. All of it is read before any of it is handled."""
    _check_origin(request, node)
    sid = node.socketio.asked(request.url.query, POLLING)
    if sid is None:
        raise Refused("bad_field", "sid: missing.")
    client = node.socketio.client(sid, address)
    polling = _polling(client)
    if polling.posting:
        client.lost(CLOSE)
        raise Refused("bad_field", "sid: another request brings packets.")
    polling.posting = True
    try:
        packets = engine.payload(str(await arrived(request, "bad_field"), "utf-8"))
        for packet in packets:
            await polling.read()
            client.hear(packet)
    except Unread:  # nobody knows what was in it
        client.lost(CLOSE)
        raise
    except (BrokenProtocol, UnicodeDecodeError) as error:
        broken = error if isinstance(error, BrokenProtocol) else BrokenProtocol("not UTF-8")
        client.break_off(broken)
        raise Refused("bad_field", f"The body is not of this protocol: {broken}.") from None
    finally:
        polling.posting = False
    return Response("ok", media_type=_TEXT)


def _polling(client: Client) -> Polling:
    """Return what carries a client that polls (bad_field)."""
    if not isinstance(client.carrier, Polling):
        raise Refused("bad_field", "sid: this session has become a WebSocket.")
    return client.carrier


def _check_origin(request: Request, node: ThisNode) -> None:
    headers = request.headers
    if not node.admission.origin_allowed(headers.getlist("origin"), headers.getlist("host")):
        raise Refused("forbidden", "This origin is not on the server's list (MADANG_ORIGINS).")


async def _gone(request: Request) -> None:
    """Wait until the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _answered(waiting: asyncio.Future[None], request: Request) -> bool:
    """Wait until a poll can be answered; return False if its client is gone before."""
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        return waiting.done()
    finally:
        await cancelled([gone])
