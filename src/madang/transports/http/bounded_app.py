"""Around a whole HTTP application: how large a body may be, headers that every answer carries, and the last resort.

A body is bounded before anything reads it, by MAX_FRAME: by its Content-Length where it has one, and by what has arrived.
A route that takes more than others says so where it is declared, with `body_limit`.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Match
from starlette.types import Message, Receive, Scope, Send

from madang.core.bounds import MAX_FRAME
from madang.errors import MadangError
from madang.memory import Memory, hold
from madang.transports.http.errors import HEADERS, Unread, failure

logger = logging.getLogger("madang.http")

NO_HEADERS: Final[Mapping[str, str]] = {}
COUNTED: Final = 8 * 1024  # bytes of an answer from which on it draws on the node's budget
_LIMIT: Final = "__body_limit__"
HEAD: Final = "madang.head"
"""In the scope of a request by HEAD, for the routes whose GET takes something away."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def body_limit(size: int) -> Callable[[Endpoint], Endpoint]:
    """Declare how many bytes a route's body may have. Stands between the route's own decorator and its function.

    The body is handed over in the pieces it arrives in (`Request.stream`), so a route that does not gather them holds
    no more than one at a time.
    """

    def declare(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _LIMIT, size)
        return endpoint

    return declare


class BoundedApp:
    """An application with bounded bodies and the common headers; an exception it lets out is logged, once.

    Starlette's own body limit answers in plain text, and knows one size for all routes.

    Args:
        api: the application, with all its routes.
        memory: what its answers are counted in while they are made and until they are taken.
        more: returns headers of the answer to a request, when it is about to be written.
        judge: raises MadangError where what was read is not to be answered any more, then likewise.
    """

    def __init__(
        self,
        api: FastAPI,
        memory: Memory,
        more: Callable[[Scope], Mapping[str, str]] = lambda scope: NO_HEADERS,
        judge: Callable[[Scope], Awaitable[None]] | None = None,
    ) -> None:
        self._app = api
        self._memory = memory
        self._more = more
        self._judge = judge
        self._limits: list[tuple[BaseRoute, int]] = []
        for route in _flat(api.routes):
            size = getattr(getattr(route, "endpoint", None), _LIMIT, None)
            if size is not None:
                self._limits.append((route, size))

    def _limit(self, scope: Scope) -> int:
        for route, size in self._limits:
            if route.matches(scope)[0] is Match.FULL:
                return size
        return MAX_FRAME

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            return
        if scope["method"] == "HEAD":  # as GET, except for the body, which uvicorn leaves out (RFC 9110, 9.3.2)
            scope = {**scope, "method": "GET", HEAD: True}
        limit = self._limit(scope)
        size = 0

        async def receive_bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise _too_big(limit)
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (*HEADERS.items(), *self._more(scope).items()):
                    headers.setdefault(name, value)
            await send(message)

        acquired = 0
        refused = False

        async def send_counted(message: Message) -> None:
            nonlocal acquired, refused
            if message["type"] == "http.response.start":
                size = int(Headers(raw=message["headers"]).get("content-length", "0"))
                try:
                    if size >= COUNTED:
                        await self._memory.acquire("http", size)
                        acquired = size
                    if self._judge is not None and message["status"] < 300:
                        await self._judge(scope)
                except MadangError as error:
                    refused = True
                    await failure(error)(scope, receive, send_with_headers)
                    return
            elif refused:
                return
            elif acquired and len(message.get("body", b"")) == acquired:
                message = {**message, "body": hold(self._memory, "http", message["body"])}
                self._memory.free("http", acquired)
                acquired = 0
            await send_with_headers(message)

        if _length(scope) > limit:
            await failure(_too_big(limit))(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive_bounded, send_counted)
        except Exception as error:
            logger.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
        finally:
            if acquired:
                self._memory.free("http", acquired)


def _flat(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Yield all routes, those of included routers, too. These are included as they are: their own paths begin with their prefix."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _flat(included.routes)


def _too_big(limit: int) -> Unread:
    return Unread("too_big", f"The body is larger than {limit} bytes.")


def _length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "")
    return int(value) if value.isascii() and value.isdecimal() else 0
