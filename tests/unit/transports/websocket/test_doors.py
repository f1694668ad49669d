"""The path chooses the session: what it is given, whether it takes binary messages, and how large they may be."""

import asyncio
import math
from typing import Any, cast

import pytest
from uvicorn.server import ServerState

from madang.delivery.subscriber import Encoding
from madang.transports.native.encoding import ENCODINGS
from madang.transports.node import Node
from madang.transports.socket import Socket
from madang.transports.websocket.connection import Connection, gateway
from madang.transports.websocket.doors import Door, Doors, Upgrade, door_at
from tests.unit.transports.peers import FakeTransport, turn
from tests.waiting import eventually, turns
from tests.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame, upgrade

LARGE = 200_000


class Echo:
    """A session that sends back what it gets, text as text and binary as binary."""

    def __init__(self, socket: Socket, asked: Upgrade) -> None:
        self.socket = self.subscriber = socket
        self.asked = asked
        self.encoding: Encoding = ENCODINGS[asked.framing]
        self.is_open = True
        self.left_s = math.inf
        self.over = False

    def remind(self) -> None:
        pass

    def receive(self, text: bytes) -> None:
        self.socket.queue(self.asked.framing.text(text))

    def receive_binary(self, data: bytes) -> None:
        self.socket.queue(self.asked.framing.binary(data))

    def go_on(self) -> None:
        pass

    def end(self, code: int, reason: str) -> None:
        self.socket.close(code, reason)

    def announce_restart(self, retry_ms: int) -> None:
        self.socket.send(self.asked.framing.text(b"restart"))

    def ended(self) -> None:
        assert not self.over
        self.over = True


DOORS: Doors = {
    "/text": Door(Echo),
    "/both": Door(Echo, binary=True),
    "/papers/*": Door(Echo, binary=True, max_message=LARGE),
}


class Client:
    """The other end of a connection to one of these doors."""

    def __init__(self, node: Node, path: str) -> None:
        self.transport = FakeTransport()
        self.connection: Connection = gateway(node, DOORS)(cast(Any, None), ServerState(), {})
        self.transport.protocol = self.connection
        self.connection.connection_made(self.transport)
        self.connection.data_received(upgrade(path=path))
        self.status = int(self.transport.sent.split(b" ", 2)[1])
        self.transport.sent.clear()

    @property
    def session(self) -> Echo:
        return cast(Echo, self.connection.session)

    def closed_with(self, code: int) -> bool:
        return bytes([0x80 | CLOSE]) in self.transport.sent and code.to_bytes(2, "big") in self.transport.sent


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/text", "/text"),
        ("/text?v=1", "/text"),
        ("/papers/one", "/papers/*"),
        ("/papers/one?token=a/b", "/papers/*"),
        ("/papers/one/two", None),
        ("/papers", None),
        ("/text/", None),
        ("/%74ext", None),
        ("*", None),
        ("", None),
    ],
)
def test_the_path_as_it_is_written_chooses_the_door(target: str, key: str | None) -> None:
    assert door_at(DOORS, target) is (DOORS[key] if key else None)


async def test_a_session_sees_what_the_client_asked_for(node: Node) -> None:
    client = Client(node, "/papers/one?token=x")
    assert (client.status, client.session.asked.target) == (101, "/papers/one?token=x")
    assert client.session.socket.address == "10.0.0.1"


async def test_where_there_is_no_door_there_is_no_connection(node: Node) -> None:
    assert Client(node, "/ws").status == 404
    assert node.admission.open == 0


async def test_a_session_may_take_binary_messages_whole_and_in_fragments(node: Node) -> None:
    client = Client(node, "/both")
    client.connection.data_received(frame(BINARY, b"\x00\xff") + frame(TEXT, "a"))
    client.connection.data_received(frame(BINARY, b"\x01", fin=False) + frame(PING) + frame(CONTINUATION, b"\x02"))
    client.connection.data_received(frame(TEXT, "b", fin=False) + frame(CONTINUATION, b"c"))
    said = [b"\x82\x02\x00\xff", b"\x81\x01a", b"\x82\x02\x01\x02", b"\x81\x02bc"]
    pong = bytes([0x80 | PONG, 0])
    await eventually(lambda: client.transport.sent == said[0] + said[1] + pong + said[2] + said[3])


@pytest.mark.parametrize("fin", [True, False])
async def test_a_session_that_takes_none_ends_with_the_first_of_it(node: Node, fin: bool) -> None:
    client = Client(node, "/text")
    client.connection.data_received(frame(BINARY, b"\x00", fin=fin))
    assert client.closed_with(1003)


@pytest.mark.parametrize(("path", "most"), [("/both", 64 * 1024), ("/papers/one", LARGE)])
async def test_how_large_a_message_may_be_is_the_doors(node: Node, path: str, most: int) -> None:
    client = Client(node, path)
    client.connection.data_received(frame(BINARY, b"x" * most))
    await eventually(lambda: len(client.transport.sent) > most)
    assert not client.closed_with(1009)
    client.transport.sent.clear()
    client.connection.data_received(frame(BINARY, b"x" * (most + 1)))
    await eventually(lambda: client.closed_with(1009))


async def test_at_a_restart_the_session_has_the_last_word(node: Node) -> None:
    client = Client(node, "/text")
    client.connection.shutdown()
    assert client.transport.sent.startswith(b"\x81\x07restart")
    assert client.closed_with(1012)


@pytest.mark.parametrize("by", ["server", "peer", "restart"])
async def test_a_session_is_over_as_soon_as_its_connection_closes_and_writes_nothing_more(node: Node, by: str) -> None:
    client = Client(node, "/text")
    client.transport.stuck = True
    session = client.session
    session.socket.queue(b"before")
    if by == "server":
        client.connection.close(4411, "disconnected")
    elif by == "peer":
        client.connection.data_received(close(1000))
    else:
        client.connection.shutdown()
    await turns()
    assert session.over and not client.transport.lost
    said = bytes(client.transport.unsent)
    assert b"before" in said[: said.index(bytes([0x80 | CLOSE]))]
    session.socket.send(b"x" * LARGE)
    session.socket.send_pieces([b"x" * LARGE])
    session.socket.queue(b"x")
    await turns()
    assert client.transport.unsent == said
    client.transport.abort()
    await eventually(lambda: client.transport.lost)


async def test_an_ended_connection_and_its_session_hold_each_other_no_longer(node: Node) -> None:
    client = Client(node, "/text")
    session = client.session
    client.connection.data_received(close(1000))
    await eventually(lambda: client.transport.lost)
    assert session.over
    assert client.connection.session is None
    turn(node, 60)
    await asyncio.sleep(0)
    assert node.admission.open == 0
