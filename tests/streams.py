"""Streams of server-sent events as tests read them, by the rules of WHATWG HTML and nothing of ours."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import httpx2

from tests.http import http_client
from tests.rest import hold_to_the_error_shape

EPHEMERAL: Final = ("presence", "typing", "read")


class Told(NamedTuple):
    """One event: its name, its data, and the id to come back with."""

    name: str
    data: dict[str, Any]
    id: str


class Reader:
    """What reads a stream.

    Attributes:
        last_id: of the newest event that brought one.
        retry_ms: how long to wait before coming back, as far as that was said.
        comments: how many there were.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()
        self.last_id = ""
        self.retry_ms = 0
        self.comments = 0

    async def __aiter__(self) -> AsyncIterator[Told]:
        name, data = "message", list[str]()
        async for line in self._lines:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data:
                    yield Told(name, json.loads("\n".join(data)), self.last_id)
                name, data = "message", []
            elif not field:
                self.comments += 1
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                self.last_id = value
            elif field == "retry":
                self.retry_ms = int(value)
            else:
                raise AssertionError(line)

    async def until(self, name: str) -> list[Told]:
        """Return events up to one of a name."""
        told = list[Told]()
        async for event in self:
            told.append(event)
            if event.name == name:
                return told
        raise AssertionError(f"the stream ended behind {[each.name for each in told]}")

    async def take(self, count: int) -> list[Told]:
        """Return that many events that are not about who is there just now."""
        told = list[Told]()
        async for event in self:
            if event.name not in EPHEMERAL:
                told.append(event)
            if len(told) == count:
                break
        return told

    async def rest(self) -> list[Told]:
        """Return all events up to the end of the stream."""
        return [event async for event in self]


@asynccontextmanager
async def stream(url: str, path: str, token: str = "", last_id: str = "", **query: Any) -> AsyncIterator[Reader]:
    """Read a stream that is not refused."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if last_id:
        headers["Last-Event-ID"] = last_id
    async with http_client(url) as http, http.stream("GET", path, headers=headers, params=query) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        yield Reader(response)


async def refused(url: str, path: str, method: str = "GET", headers: dict[str, str] | None = None, **query: Any) -> str:
    """Return the code by which a stream is refused."""
    async with http_client(url) as http:
        return hold_to_the_error_shape(await http.request(method, path, headers=headers or {}, params=query))
