"""Whatever the server of an issuer does, a fetch ends soon, and takes no more than a key set may have."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from madang.adapters.issuers import fetching
from madang.adapters.issuers.fetching import MAX_BYTES, NotFetched, fetch
from tests.waiting import turns


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server is judged by what it sends, a busy machine has all the time it needs."""
    monkeypatch.setattr(fetching, "FETCH_S", 60.0)


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """A web server that answers so; gives its URL."""
    open_now: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now[asyncio.create_task(handle(reader, writer))] = writer

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    finally:
        server.close()
        await turns()  # a client that gave up early may not have been accepted yet
        for task, writer in open_now.items():
            task.cancel()
            writer.close()  # the task may not have begun, and would never close it
        await asyncio.gather(*open_now, *(each.wait_closed() for each in open_now.values()), return_exceptions=True)


def saying(data: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answer


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def dripping(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def test_what_is_there_is_given() -> None:
    async with serving(saying(OK + b'\r\n{"keys":[]}')) as url:
        assert await fetch(url) == b'{"keys":[]}'


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (saying(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"), "status 302"),
        (saying(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), "status 500"),
        (saying(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 10_000_000)), "compressed"),
        (endless, f"more than {MAX_BYTES} bytes"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"), "."),
        (saying(b"hello\r\n\r\n"), "."),
        (saying(b""), "."),
    ],
    ids=["redirects", "fails", "compresses", "never ends", "breaks off", "is not a web server", "hangs up"],
)
async def test_what_is_not_taken(answer: Answer, why: str) -> None:
    async with serving(answer) as url:
        with pytest.raises(NotFetched, match=why):
            await fetch(url)


@pytest.mark.parametrize("answer", [silent, dripping])
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.003, 0.01, 0.3])
async def test_a_slow_server_is_given_up(answer: Answer, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is under way then: connecting, writing, or reading, on a busy machine any of them."""
    monkeypatch.setattr(fetching, "FETCH_S", seconds)
    async with serving(answer) as url:
        with pytest.raises(NotFetched):
            await fetch(url)


async def test_nobody_is_there() -> None:
    async with serving(silent) as url:
        pass
    with pytest.raises(NotFetched):
        await fetch(url)
