"""The load's Socket.IO connection, against a WebSocket that says what the test says."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from madang_proof.load.connection import Connection, dial
from madang_proof.load.socketio import RECOVERED, Kept
from tests.waiting import eventually

HELLO = {"user": {"id": "u1"}, "token": "t"}
POSITION = {"since": 7, "epoch": "e"}


class Door:
    """The server's side, and what the client's has been told."""

    def __init__(self) -> None:
        self.kept = Kept(Counter())
        self.told: list[Any] = []
        self.connections: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self.url = ""
        self.server: ServerConnection

    async def take(self, connection: ServerConnection) -> None:
        await self.connections.put(connection)
        await connection.wait_closed()

    async def dial(self, *behind: dict[str, Any]) -> Connection:
        """Connect, and say hello and what is behind it."""
        self.told.clear()
        connection = await dial(
            self.url, lambda text: self.told.append(json.loads(text)), lambda code: None, make=self.kept.connection
        )
        assert connection is not None
        self.server = await self.connections.get()
        assert self.server.request is not None
        assert self.server.request.path == "/socket.io/?EIO=4&transport=websocket"
        connection.send([json.dumps(each).encode() for each in ({"op": "hello", "n": 1, "guest": "Mina"}, *behind)])
        await self.say('0{"sid":"engine"}')
        return connection

    async def say(self, packet: str) -> None:
        await self.server.send(packet)

    async def event(self, name: str, fields: Any, offset: str) -> None:
        await self.say("42" + json.dumps([name, fields, offset]))

    async def hears(self) -> str:
        packet = await self.server.recv()
        assert isinstance(packet, str)
        return packet

    async def tells(self, *frames: dict[str, Any]) -> None:
        """Wait until the client has been told that many frames, and compare them."""
        await eventually(lambda: len(self.told) >= len(frames))
        assert self.told == list(frames)


@asynccontextmanager
async def door() -> AsyncIterator[Door]:
    made = Door()
    async with serve(made.take, "127.0.0.1", 0, compression=None) as server:
        made.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        yield made


async def begun(door: Door, *rooms: str, unanswered: str = "") -> None:
    """Let the client begin a session, and join rooms up to 7, and break before the answer for one."""
    joins = [{"op": "join", "n": n, "room": room} for n, room in enumerate([*rooms, *unanswered.split()], 2)]
    connection = await door.dial(*joins)
    assert await door.hears() == '40{"guest":"Mina"}'
    await door.say('40{"sid":"s","pid":"p"}')
    await door.event("hello", HELLO, "-")
    for n, room in enumerate(rooms, 2):
        assert await door.hears() == f'42{n}["join",{{"room":"{room}"}}]'
        await door.event("read", {"room": room}, "o7")
        await door.say(f"43{n}" + json.dumps([{"room": {"id": room}, "seq": 7, "epoch": "e"}]))
    await eventually(lambda: len(door.told) == 1 + 2 * len(rooms))
    connection.abort()


async def test_native_words_go_out_and_come_in() -> None:
    async with door() as d:
        connection = await d.dial({"op": "send", "n": 2, "room": "a", "cid": "c", "text": "x"})
        assert await d.hears() == '40{"guest":"Mina"}'
        await d.say('40{"sid":"s","pid":"p"}')
        await d.event("hello", HELLO, "-")
        assert await d.hears() == '422["send",{"room":"a","cid":"c","text":"x"}]'
        await d.say("2")
        assert await d.hears() == "3"
        await d.event("message.sent", {"room": "a", "seq": 8}, "o8")
        await d.event("typing", {}, "o8")
        await d.say('432[{"seq":8}]')
        connection.send([b'{"op":"edit","n":3}'])
        assert await d.hears() == '423["edit",{}]'
        await d.say('433[{"error":{"code":"forbidden","message":"No."}}]')
        await d.tells(
            {"op": "ok", "n": 1, **HELLO}, {"op": "event", "room": "a", "seq": 8}, {"op": "typing"}, {"op": "ok", "n": 2, "seq": 8},
            {"op": "error", "n": 3, "code": "forbidden", "message": "No."},
        )  # fmt: skip
        assert (d.kept.pid, d.kept.offset) == ("p", "o8")


async def test_a_ping_that_is_read_after_the_end_has_begun_is_not_answered() -> None:
    async with door() as d:
        connection = await d.dial()
        assert await d.hears() == '40{"guest":"Mina"}'
        await d.say("2")
        connection.close()
        await d.server.wait_closed()
        assert d.server.close_code == 1000


async def test_a_refused_hello_is_an_error() -> None:
    async with door() as d:
        await d.dial()
        await d.say('44{"message":"No.","data":{"code":"bad_token"}}')
        await d.tells({"op": "error", "n": 1, "code": "bad_token"})


async def test_in_a_recovered_session_rooms_go_on_without_joins() -> None:
    async with door() as d:
        await begun(d, "a", "b", unanswered="c")
        await d.dial(*({"op": "join", "n": n, "room": room, **POSITION} for n, room in ((5, "a"), (6, "b"), (7, "c"))))
        assert json.loads((await d.hears())[2:]) == {"guest": "Mina", "pid": "p", "offset": "o7"}
        await d.say('40{"sid":"s","pid":"p"}')
        assert await d.hears() == '427["join",{"room":"c","since":7,"epoch":"e"}]', "its answer never came"
        assert await d.hears() == '420["ping",{}]'
        await d.event("error", {"event": "join", "room": "b", "code": "kicked"}, "o7")
        await d.event("message.sent", {"room": "c", "seq": 8}, "o8")  # before the join is answered
        await d.event("message.sent", {"room": "a", "seq": 8}, "o8")
        await d.say("430[{}]")
        await d.say('437[{"seq":8}]')
        await d.event("message.sent", {"room": "c", "seq": 9}, "o9")
        await d.tells(
            {"op": "ok", "n": 1, **HELLO}, {"op": "error", "n": 6, "event": "join", "room": "b", "code": "kicked"},
            {"op": "ok", "n": 5, "room": "a", "seq": 7, "epoch": "e"}, {"op": "event", "room": "a", "seq": 8},
            {"op": "ok", "n": 7, "seq": 8}, {"op": "event", "room": "c", "seq": 9},
        )  # fmt: skip
        assert d.kept.counted[RECOVERED] == 1


async def test_where_nothing_was_missed_the_answer_to_the_ping_says_so() -> None:
    async with door() as d:
        await begun(d, "a")
        await d.dial({"op": "join", "n": 5, "room": "a", **POSITION})
        await d.hears()
        await d.say('40{"sid":"s","pid":"p"}')
        await d.tells({"op": "ok", "n": 1, **HELLO})
        await d.say("430[{}]")
        await d.tells({"op": "ok", "n": 1, **HELLO}, {"op": "ok", "n": 5, "room": "a", "seq": 7, "epoch": "e"})


async def test_another_session_is_joined_anew() -> None:
    async with door() as d:
        await begun(d, "a")
        join = {"op": "join", "n": 5, "room": "a", **POSITION}
        await d.dial(join)
        await d.hears()
        await d.say('40{"sid":"s2","pid":"p2"}')
        await d.event("hello", HELLO, "-")
        assert await d.hears() == '425["join",{"room":"a","since":7,"epoch":"e"}]'
        d.kept.forget()
        await d.dial(join)
        assert await d.hears() == '40{"guest":"Mina"}'
        assert not d.kept.counted[RECOVERED]


async def test_what_is_not_a_packet_is_handed_on_as_it_is() -> None:
    async with door() as d:
        heard: list[bytes] = []
        connection = await dial(d.url, heard.append, lambda code: None, make=d.kept.connection)
        assert connection is not None
        d.server = await d.connections.get()
        for packet in ("", "5", "42", "42[", '42["typing",{}]', "431[", "430{}", "40[]", "x"):
            await d.say(packet)
            await eventually(lambda packet=packet: heard and heard[-1] == packet.encode())  # type: ignore[misc]
