"""The one shape of every error over HTTP: {"error": {"code", "message", "retry_ms"?}}, whoever raises it."""

import asyncio
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from madang.codes import ERRORS
from madang.errors import Limited, MadangError, Refused

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Before a 429 is answered: at 0.4 ms each, refusing 1,000 a second at once took 40 % of the core.
HOLD_S: Final = 0.25
_encode = msgspec.json.Encoder().encode

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer that does not set them itself."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong: a code for programs, a sentence for people."""

    code: str
    message: str
    retry_ms: int | None = None  # the same request may succeed after this long


class Failure(msgspec.Struct, frozen=True):
    """Every answer that is not 2xx."""

    error: Problem


class Unread(Refused):
    """A request whose body is not read to its end, so the connection is closed after the answer."""


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with a value as JSON."""
    return Response(_encode(value), status, headers, "application/json")


def encoded_failure(code: str) -> bytes:
    """Return an error as JSON, with the message its code has."""
    return _encode(Failure(Problem(code, ERRORS[code].message)))


def failure(error: MadangError) -> Response:
    """Return the response to an error."""
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
    """Answer every error of an application in the one shape."""

    @api.exception_handler(MadangError)
    async def refused(request: Request, error: MadangError) -> Response:
        if ERRORS[error.code].http == 429:  # the connection's next request waits behind this one
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
        return failure(Refused("not_found", "Nothing is served at this path. See /openapi.json."))

    @api.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return failure(MadangError("internal"))  # the envelope logs it


def _methods(request: Request) -> list[str]:
    """Return the methods a path has; the router's own list has only those of the first route that matches."""
    found = [method for method in METHODS if _allows(request, method)]
    return [*found, "HEAD"] if "GET" in found else found


def _allows(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
