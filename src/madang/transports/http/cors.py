"""Pages of other origins (Fetch Standard, "CORS protocol"): those on the operator's list may ask, and read the answers.

No answer ever allows credentials: nothing here goes by cookies, a page sends its token itself, and so "*" gives away nothing. Refusals
of the gate and of last resort are answered through here, too, or a page could not read how long to wait. A preflight is answered
before any route is looked for, and kept by browsers for as long as they keep any.
"""

from typing import Final

from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from madang.errors import Refused
from madang.transports.admission import Admission
from madang.transports.http.errors import HEADERS, METHODS, failure

SENT: Final = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID")
"""Headers that a page may send, besides those that every page may."""
READ: Final = ("ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After")
"""Headers of an answer that a page may read, likewise."""
KEPT_S: Final = 86_400  # browsers keep an answer to a preflight for less
_SAFE: Final = frozenset({"accept", "accept-language", "content-language", *(name.lower() for name in SENT)})
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": ", ".join(METHODS),
    "Access-Control-Allow-Headers": ", ".join(SENT),
    "Access-Control-Max-Age": str(KEPT_S),
}
_ASKED: Final = "access-control-request-method"


class Cors:
    """Speaks to pages of listed origins.

    Args:
        admission: knows them.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return an application whose answers pages of listed origins may read."""

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not self._admission.origins:
                await app(scope, receive, send)
                return
            headers = Headers(scope=scope)
            allowed = self._allowed(headers.getlist("origin"))

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answered = MutableHeaders(scope=message)
                    answered.add_vary_header("Origin")
                    if allowed:
                        answered["Access-Control-Allow-Origin"] = allowed
                        answered["Access-Control-Expose-Headers"] = ", ".join(READ)
                await send(message)

            preflight = scope["method"] == "OPTIONS" and "origin" in headers and _ASKED in headers
            await (self._preflight(headers, allowed) if preflight else app)(scope, receive, sent)

        return served

    def _allowed(self, origins: list[str]) -> str:
        """Return what to say of the origin of a request: which may read the answer; "" for none."""
        if len(origins) != 1 or not self._admission.listed(origins[0]):
            return ""
        return "*" if "*" in self._admission.origins else origins[0]

    @staticmethod
    def _preflight(headers: Headers, allowed: str) -> Response:
        wanted = {name.strip().lower() for name in headers.get("access-control-request-headers", "").split(",")} - {""}
        if not allowed or headers[_ASKED] not in (*METHODS, "HEAD") or not wanted <= _SAFE:
            response = failure(Refused("forbidden", "This origin, method or header is not allowed (MADANG_ORIGINS)."))
        else:
            response = Response(status_code=204, headers=_PREFLIGHT)
        response.headers.update(HEADERS)
        return response
