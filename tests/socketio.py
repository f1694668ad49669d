"""A bare Socket.IO client for tests: it sends any packet, and shows all that come, over a WebSocket or by polls."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.http import http_client

PATH: Final = "/socket.io/"
SEPARATOR: Final = "\x1e"
Json = Any


def query(transport: str, sid: str = "", eio: str = "4") -> str:
    """Return path and query of a request."""
    fields = {"EIO": eio, "transport": transport} | ({"sid": sid} if sid else {})
    return f"{PATH}?{urlencode(fields)}"


def websocket(url: str, sid: str = "", asked: str = "", **options: Any) -> connect:
    """Return a WebSocket to the door, to be opened; `asked` is another path and query."""
    return connect(url.replace("http", "ws", 1) + (asked or query("websocket", sid)), proxy=None, **options)


class Socket:
    """One client over a WebSocket, which answers pings.

    Attributes:
        heard: events that have come and were not asked for, with the offset as last argument.
        sid, pid: of its session, once it is connected.
        offset: the last one that came.
    """

    def __init__(self, socket: ClientConnection, handshake: Json) -> None:
        self.socket = socket
        self.handshake = handshake
        self.heard: deque[list[Json]] = deque()
        self.sid = self.pid = self.offset = ""
        self._numbers = count()

    async def send(self, packet: str | bytes) -> None:
        await self.socket.send(packet)

    async def packet(self) -> str:
        """Return the next packet other than a ping."""
        while True:
            packet = await self.socket.recv()
            assert isinstance(packet, str)
            if packet != "2":
                return packet
            await self.socket.send("3")

    async def connect(self, **auth: Json) -> Json:
        """Connect; return what the server says to that, and its data."""
        await self.send("40" + json.dumps(auth))
        answer = await self.packet()
        said = json.loads(answer[2:])
        if answer.startswith("40"):
            self.sid, self.pid = said["sid"], said["pid"]
        return said

    async def ask(self, event: str, *arguments: Json) -> Json:
        """Emit an event, and return its ack."""
        n = next(self._numbers)
        await self.send(f"42{n}" + json.dumps([event, *arguments]))
        while True:
            packet = await self.packet()
            if packet.startswith(f"43{n}["):
                (answer,) = json.loads(packet[len(f"43{n}") :])
                return answer
            self._hear(packet)

    async def emit(self, event: str, *arguments: Json) -> None:
        """Emit an event without an ack."""
        await self.send("42" + json.dumps([event, *arguments]))

    async def hear(self, wanted: Callable[[list[Json]], bool] = lambda event: True) -> list[Json]:
        """Return the next event that is wanted; those before it are dropped."""
        while True:
            while self.heard:
                event = self.heard.popleft()
                if wanted(event):
                    return event
            self._hear(await self.packet())

    async def named(self, name: str) -> list[Json]:
        """Return the next event of a name."""
        return await self.hear(lambda event: bool(event[0] == name))

    def _hear(self, packet: str) -> None:
        assert packet.startswith("42"), packet
        event = json.loads(packet[2:])
        assert isinstance(event[-1], str), "every event ends with an offset"
        assert event[-1]
        self.offset = event[-1]
        self.heard.append(event)

    async def ended(self) -> list[str]:
        """Return the packets that come until the connection is closed, however it is."""
        packets: list[str] = []
        with suppress(ConnectionClosed):
            while True:
                packets.append(str(await self.socket.recv()))
        return [packet for packet in packets if packet != "2"]


@asynccontextmanager
async def visitor(url: str, sid: str = "", **auth: Json) -> AsyncIterator[Socket]:
    """Open a WebSocket; connect, if something is said for that."""
    async with websocket(url) as socket:
        opened = await socket.recv()
        assert isinstance(opened, str)
        assert opened.startswith("0")
        client = Socket(socket, json.loads(opened[1:]))
        if auth:
            assert "sid" in await client.connect(**auth)
        yield client


class Poller:
    """One client by polls."""

    def __init__(self, http: httpx2.AsyncClient, handshake: Json) -> None:
        self.http = http
        self.handshake = handshake
        self.id: str = handshake["sid"]

    async def poll(self) -> httpx2.Response:
        return await self.http.get(query("polling", self.id))

    async def post(self, *packets: str) -> httpx2.Response:
        return await self.http.post(query("polling", self.id), content=SEPARATOR.join(packets).encode())

    async def packets(self) -> list[str]:
        """Return what a poll brings."""
        response = await self.poll()
        assert response.status_code == 200, response.text
        return response.text.split(SEPARATOR)

    async def until(self, wanted: Callable[[str], bool]) -> list[str]:
        """Poll until a packet is wanted, and return all that came."""
        found: list[str] = []
        while not any(map(wanted, found)):
            for packet in await self.packets():
                if packet == "2":
                    await self.post("3")
                else:
                    found.append(packet)
        return found

    async def connect(self, **auth: Json) -> Json:
        """Connect, and return what the server says to that; the hello behind it has come, too."""
        assert (await self.post("40" + json.dumps(auth))).text == "ok"
        found = await self.until(lambda packet: packet.startswith(("44", '42["hello"')))
        return json.loads(next(packet for packet in found if packet[:2] in ("40", "44"))[2:])

    async def ask(self, event: str, *arguments: Json, n: int = 1) -> Json:
        """Emit an event, and return its ack."""
        answered = asyncio.create_task(self.until(lambda packet: packet.startswith(f"43{n}[")))
        assert (await self.post(f"42{n}" + json.dumps([event, *arguments]))).text == "ok"
        packet = next(p for p in await answered if p.startswith(f"43{n}["))
        return json.loads(packet[len(f"43{n}") :])[0]


@asynccontextmanager
async def poller(url: str, **auth: Json) -> AsyncIterator[Poller]:
    """Begin a session by polls; connect, if something is said for that."""
    async with http_client(url) as http:
        response = await http.get(query("polling"))
        assert response.status_code == 200, response.text
        client = Poller(http, json.loads(response.text[1:]))
        if auth:
            assert "sid" in await client.connect(**auth)
        yield client
