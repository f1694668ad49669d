"""The opening handshake (RFC 6455, 4.2.2): judged by path, origin, version and load, before anything is kept for it.

Refusals have the shape of every other error over HTTP.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike, Subprotocol

from madang.errors import MadangError, Refused
from madang.transports.admission import Admission
from madang.transports.http.errors import last_answer
from madang.transports.websocket.doors import Door

OFFERED: Final = "bearer."
CODES: Final = {405: "not_allowed", 414: "head_too_big", 426: "not_websocket", 431: "head_too_big"}
"""What the library refuses, by its status; the rest is not a handshake."""


def respond(
    protocol: ServerProtocol, request: Request, door: Door | None, admission: Admission, address: str, now: float
) -> Response:
    """Return the response to a request for a WebSocket: status 101 if it becomes one.

    Args:
        door: what is at the path.
        address: what the client is counted by.
    """
    headers = request.headers
    if door is None:
        return refusal(Refused("not_found", "There is no WebSocket at this path; the native protocol is at /ws."))
    if not admission.origin_allowed(headers.get_all("Origin"), headers.get_all("Host")):
        return refusal(Refused("forbidden", "This origin is not on the server's list (MADANG_ORIGINS)."))
    if headers.get_all("Sec-WebSocket-Version") != ["13"]:
        response = refusal(Refused("not_websocket", "This server speaks version 13 of WebSockets (RFC 6455)."))
        response.headers["Upgrade"] = "websocket"
        response.headers["Sec-WebSocket-Version"] = "13"  # 4.4: the version to use
        return response
    if (refused := door.judge(request.path, address)) is not None:
        return refusal(refused)
    if (turned_away := admission.judge(address, now)) is not None:
        return refusal(turned_away)
    if door.subprotocol:
        protocol.available_subprotocols = [Subprotocol(door.subprotocol)]
    return protocol.accept(request)


def credential(headers: Headers) -> str:
    """Return what a client shows in its handshake: after "Bearer", or as the subprotocol "bearer.…", which a browser can send.

    Neither is answered, or logged.
    """
    for written in headers.get_all("Authorization"):
        scheme, _, shown = written.partition(" ")
        return shown if scheme.lower() == "bearer" else ""
    offered = ",".join(headers.get_all("Sec-WebSocket-Protocol")).split(",")
    return next((each.strip()[len(OFFERED) :] for each in offered if each.strip().startswith(OFFERED)), "")


class WebSocketProtocol(ServerProtocol):
    """The library's, with refusals in the one shape, and subprotocols that need not be agreed on."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Return the subprotocol that is spoken, if the client offers it."""
        return next((each for each in self.available_subprotocols or () if each in subprotocols), None)

    def reject(self, status: StatusLike, text: str) -> Response:
        """Return the response to a handshake that breaks the rules."""
        return refusal(MadangError(CODES.get(int(status), "bad_http"), text.strip()))


def refusal(error: MadangError) -> Response:
    """Return the response to a handshake that is refused."""
    answer = last_answer(error)
    headers = Headers((name.decode(), value.decode()) for name, value in answer.raw_headers)
    return Response(answer.status_code, HTTPStatus(answer.status_code).phrase, headers, bytes(answer.body))
