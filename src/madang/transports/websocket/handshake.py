"""The opening handshake (RFC 6455, 4.2.2): judged by path, origin, version and load, before anything is kept for it."""

from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from madang.transports.admission import Admission

PATH = "/ws"


def refusal(
    protocol: ServerProtocol, request: Request, admission: Admission, address: str, now: float
) -> Response | None:
    """Return the answer to a request that is not to become a WebSocket here and now, or None."""
    reject, headers = protocol.reject, request.headers
    if request.path.partition("?")[0] != PATH:
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
    return None
