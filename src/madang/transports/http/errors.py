"""The one shape of every error over HTTP: {"error": {"code", "message", "retry_ms"?}}, whoever raises it."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from madang.codes import ERRORS
from madang.errors import Limited, MadangError, Refused, without_frames
from madang.protocol.wording import length

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Before a 429 is answered: at 0.4 ms each, refusing 1,000 a second at once took 40 % of the core.
HOLD_S: Final = 0.25
# The same, where the address has spent what it has: 600 connections that ask on and on cost 600 refusals a second.
GATE_HOLD_S: Final = 1.0
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


def problem(error: MadangError) -> Problem:
    """Return an error as answers carry it: the whole answer, or one of several results in it."""
    return Problem(error.code, error.message, error.retry_ms if isinstance(error, Limited) else None)


def failure(error: MadangError) -> Response:
    """Return the response to an error."""
    status = ERRORS[error.code].http
    headers = {}
    if isinstance(error, Limited):
        headers["Retry-After"] = str(-(-error.retry_ms // 1000))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unread):
        headers["Connection"] = "close"
    return answer(Failure(problem(error)), status, headers)


def refusing(error: MadangError, *, closes: bool, more: Mapping[str, str]) -> ASGIApp:
    """Return an application that answers every request with an error, without routing it.

    Args:
        closes: whether the connection ends with the answer.
        more: headers of the answer.
    """
    response = failure(error)
    response.headers.update(more)
    response.headers.update({name: value for name, value in HEADERS.items() if name not in response.headers})
    if closes:
        response.headers["Connection"] = "close"

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if response.status_code == 429:
            await asyncio.sleep(GATE_HOLD_S)
        await response(scope, receive, send)

    return refuse


def last_answer(error: MadangError) -> Response:
    """Return the response to an error after which the connection closes; it passes through no application."""
    response = failure(error)
    response.headers.update({**HEADERS, "Connection": "close"})
    return response


def encoded_refusal(error: MadangError) -> bytes:
    """Return the same as bytes."""
    response = last_answer(error)
    head = [b"HTTP/1.1 %d %s" % (response.status_code, HTTPStatus(response.status_code).phrase.encode())]
    head += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*head, b"", bytes(response.body)])


def handle_errors(api: FastAPI) -> None:
    """Answer every error of an application in the one shape."""

    @api.exception_handler(MadangError)
    async def refused(request: Request, error: MadangError) -> Response:
        if ERRORS[error.code].http == 429:  # the connection's next request waits behind this one
            await asyncio.sleep(HOLD_S)
        return failure(without_frames(error))

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return failure(Refused("bad_field", parameter_problem(error.errors()[0])))

    @api.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            response = failure(Refused("not_allowed"))
            response.headers["Allow"] = ", ".join(_methods(request))
            return response
        return failure(Refused("not_found", "Nothing is served at this path. See /openapi.json."))

    @api.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return failure(MadangError("internal"))  # `bounded_app.py` logs it


def parameter_problem(found: dict[str, Any]) -> str:
    """Return what is wrong with a parameter of a request in our own words; `found` is one of FastAPI's errors."""
    limits = found.get("ctx", {})
    match found["type"]:
        case "missing":
            wanted = "missing"
        case "greater_than_equal":
            wanted = f"at least {limits['ge']}"
        case "less_than_equal":
            wanted = f"at most {limits['le']}"
        case "string_too_short":
            wanted = length(True, limits["min_length"], "character")
        case "string_too_long":
            wanted = length(False, limits["max_length"], "character")
        case "string_pattern_mismatch":
            wanted = f"of the form {limits['pattern'].strip('^$')}"
        case kind if kind.startswith("int_"):
            wanted = "an integer"
        case kind if kind.startswith("bool_"):
            wanted = "true or false"
        case _:
            wanted = "not of the form that it must have"
    return f"{found['loc'][-1]}: {wanted}."


def _methods(request: Request) -> list[str]:
    """Return the methods a path has; the router's own list has only those of the first route that matches."""
    found = [method for method in METHODS if _allows(request, method)]
    return [*found, "HEAD"] if "GET" in found else found


def _allows(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
