"""The WebSocket of the load, against a real server of the library's."""

from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve

from madang_proof.load.connection import GONE, Connection, dial
from tests.waiting import eventually


class Client:
    """A wire, and what came over it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[bytes] = []
        self.ends: list[int] = []

    async def dial(self, *, small: bool = False) -> Connection:
        connection = await dial(self.url, self.heard.append, self.ends.append, small=small)
        assert connection is not None
        return connection


async def answers(connection: ServerConnection) -> None:
    """Echo; two of the texts are orders."""
    async for text in connection:
        if text == "in pieces":
            await connection.send(["a", "b", "c"])
        elif text == "go":
            await connection.close(4409, "too slow")
        else:
            await connection.send(text)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serve(answers, "127.0.0.1", 0, compression=None) as server:
        yield Client(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws")


@pytest.mark.parametrize("small", [False, True])
async def test_texts_go_both_ways_in_order_and_whole(client: Client, small: bool) -> None:
    connection = await client.dial(small=small)
    long = b"x" * 500_000
    connection.send([b"one", b"in pieces", long, b"two"])
    await eventually(lambda: len(client.heard) == 4)
    assert client.heard == [b"one", b"abc", long, b"two"]
    connection.close()
    assert not connection.speaks
    await eventually(lambda: client.ends == [1000])


async def test_the_servers_code_is_told_once(client: Client) -> None:
    connection = await client.dial()
    connection.send([b"go"])
    await eventually(lambda: client.ends)
    assert client.ends == [4409] and connection.closed and not connection.speaks
    connection.close()
    connection.abort()
    assert client.ends == [4409]


async def test_an_end_without_a_close_is_told_as_such(client: Client) -> None:
    connection = await client.dial()
    connection.abort()
    await eventually(lambda: client.ends)
    assert client.ends == [GONE]


async def test_from_the_end_of_the_stream_on_it_speaks_no_more(client: Client) -> None:
    connection = await client.dial()
    connection.eof_received()  # as the loop does, some turns before it says that the connection is lost
    assert not connection.speaks and not connection.closed
    connection.abort()
    await eventually(lambda: client.ends == [GONE])


async def test_what_comes_while_it_does_not_read_comes_later(client: Client) -> None:
    connection = await client.dial()
    connection.read_on(False)
    connection.send([b"one", b"two"])
    other = Client(client.url)  # by the time it has its answer, the first could have had its own
    beside = await other.dial()
    beside.send([b"in pieces"])
    await eventually(lambda: other.heard)
    beside.abort()
    assert client.heard == []
    connection.read_on(True)
    await eventually(lambda: client.heard == [b"one", b"two"])
    connection.abort()


async def test_who_is_not_let_in_has_no_wire(client: Client) -> None:
    async def refuse(connection: ServerConnection, request: object) -> object:
        return connection.respond(503, "later")

    assert await dial("ws://127.0.0.1:1/ws", client.heard.append, client.ends.append) is None
    async with serve(answers, "127.0.0.1", 0, process_request=refuse) as server:  # type: ignore[arg-type]
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        assert await dial(url, client.heard.append, client.ends.append) is None
    assert client.ends == []
