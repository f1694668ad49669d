"""The opening handshake (RFC 6455, 4.2.2): judged by path, origin, version and load, before anything is kept for it."""

from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from madang.transports.admission import Admission
from madang.transports.websocket.doors import Door


def respond(
    protocol: ServerProtocol, request: Request, door: Door | None, admission: Admission, address: str, now: float
) -> Response:
    """Return the response to a request for a WebSocket: status 101 if it becomes one.

    Args:
        door: what is at the path.
        address: what the client is counted by.
    """
    reject, headers = protocol.reject, request.headers
    if door is None:
        return reject(404, "There is no WebSocket at this path; the native protocol is at /ws.\n")
    if not admission.origin_allowed(headers.get_all("Origin"), headers.get_all("Host")):
        return reject(403, "This origin is not on the server's list (MADANG_ORIGINS).\n")
    if headers.get_all("Sec-WebSocket-Version") != ["13"]:
        response = reject(426, "This server speaks version 13 (RFC 6455).\n")
        response.headers["Upgrade"] = "websocket"
        response.headers["Sec-WebSocket-Version"] = "13"  # 4.4: the version to use
        return response
    turned_away = admission.judge(address, now)
    if turned_away is not None:
        response = reject(turned_away.status, f"{turned_away.message}\n")
        response.headers["Retry-After"] = str(turned_away.retry_after_s)
        return response
    return protocol.accept(request)
