"""The one shape of every error over HTTP: {"error": {"code", "message", "retry_ms"?}}, whoever raises it.

Also the envelope around the whole application: bounds on bodies, headers that every answer carries, the last resort.
"""

import asyncio
import logging
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from madang.codes import ERRORS
from madang.errors import Limited, MadangError, Refused

logger = logging.getLogger("madang.http")

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
MAX_BODY: Final = 64 * 1024  # bytes, as a frame of the native protocol
HOLD_S: Final = 0.25  # before a 429 is answered: at 0.4 ms each, refusing at once gave 1,000 a second 40 % of the core
_encode = msgspec.json.Encoder().encode

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer that does not say otherwise itself."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong: a code for programs, a sentence for people."""

    code: str
    message: str
    retry_ms: int | None = None  # the same request may succeed after so many milliseconds


class Failure(msgspec.Struct, frozen=True):
    """Every answer that is not 2xx."""

    error: Problem


class Unread(Refused):
    """A request whose body is not read to its end, so that the connection ends with the answer."""


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with a value as JSON, encoded once."""
    return Response(_encode(value), status, headers, "application/json")


def envelope(code: str) -> bytes:
    """Encode an error with its code's own sentence."""
    return _encode(Failure(Problem(code, ERRORS[code].message)))


def failure(error: MadangError) -> Response:
    """Answer with an error."""
    status = ERRORS[error.code].http
    problem = Problem(error.code, error.message)
    headers = {}
    if isinstance(error, Limited):
        problem = Problem(error.code, error.message, error.retry_ms)
        headers["Retry-After"] = str(-(-error.retry_ms // 1000))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unread):
        headers["Connection"] = "close"
    return answer(Failure(problem), status, headers)


def handle_errors(api: FastAPI) -> None:
    """Give all of an application's errors the one shape."""

    @api.exception_handler(MadangError)
    async def refused(request: Request, error: MadangError) -> Response:
        if ERRORS[error.code].http == 429:  # meanwhile the connection cannot ask for more: its requests go one by one
            await asyncio.sleep(HOLD_S)
        return failure(error)

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return failure(Refused("bad_field", f"{first['loc'][-1]}: {first['msg']}."))

    @api.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            response = failure(Refused("not_allowed"))
            response.headers["Allow"] = ", ".join(_methods(request))
            return response
        return failure(Refused("not_found", "There is nothing here. See /openapi.json."))

    @api.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return failure(MadangError("internal"))  # the envelope logs it


def _methods(request: Request) -> list[str]:
    """Give the methods that a path has; the router's own list is that of the first route alone."""
    found = [method for method in METHODS if _takes(request, method)]
    return [*found, "HEAD"] if "GET" in found else found


def _takes(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


class Envelope:
    """An application with bounded bodies and the common headers; what it failed to handle is logged, once.

    Not Starlette's own body limit: that one answers in plain text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            return
        if scope["method"] == "HEAD":  # as GET, but for the body, which uvicorn leaves out (RFC 9110, 9.3.2)
            scope = {**scope, "method": "GET"}
        size = 0

        async def receive_bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                raise _too_big()
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if _length(scope) > MAX_BODY:
            await failure(_too_big())(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive_bounded, send_with_headers)
        except Exception as error:
            logger.error("%s %s failed", scope["method"], scope["path"], exc_info=error)


def _too_big() -> Unread:
    return Unread("too_big", f"The body has more than {MAX_BODY} bytes.")


def _length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "")
    return int(value) if value.isascii() and value.isdecimal() else 0
