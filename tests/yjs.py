"""A client of the Yjs door for tests: raw messages, and documents of pycrdt that follow a paper."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pycrdt import Doc, Text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from madang.protocol import yjs
from tests.waiting import PATIENCE_S


def address(url: str, paper: str) -> str:
    return f"{url.replace('http', 'ws', 1)}/yjs/{paper}"


@asynccontextmanager
async def opened(url: str, paper: str, token: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """A connection to a paper, as `y-websocket` makes it."""
    protocols: Any = ["yjs", f"bearer.{token}"]
    async with connect(address(url, paper), subprotocols=protocols, proxy=None, max_size=None, **options) as socket:
        yield socket


def number(value: int) -> bytes:
    """A number as the protocol has it."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def sized(data: bytes) -> bytes:
    return number(len(data)) + data


def shown(client: int, clock: int, state: Any) -> bytes:
    """What a client shows."""
    return b"\x01" + sized(number(1) + number(client) + number(clock) + sized(json.dumps(state).encode()))


async def close_code(socket: ClientConnection) -> int | None:
    """Read until the connection is closed; return the code."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


class Writer:
    """A document that follows a paper over a connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("text", type=Text)
        self.shown: dict[int, Any] = {}
        self.denied: list[str] = []
        self.messages: list[bytes] = []

    async def begin(self) -> None:
        """Ask for what there is, and read until it has come."""
        await self.socket.send(yjs.step1(self.doc.get_state()))
        await self.until(lambda: any(message[:2] == b"\x00\x01" for message in self.messages))

    async def say(self, text: str) -> None:
        """Write at the end."""
        before = self.doc.get_state()
        self.text += text
        await self.socket.send(yjs.update(self.doc.get_update(before)))

    async def read(self) -> None:
        """Read one message."""
        message = await self.socket.recv()
        assert isinstance(message, bytes)
        self.messages.append(message)
        if message[:2] == b"\x02\x00":
            self.denied.append(message[3:].decode())
            return
        match yjs.decode(message):
            case yjs.Step1(state=state):
                await self.socket.send(yjs.step2(self.doc.get_update(state)))
            case yjs.Update(data=data):
                self.doc.apply_update(data)
            case yjs.Awareness(states=states):
                self.shown |= {each.client: each.state and json.loads(each.state) for each in states}

    async def until(self, so: Callable[[], bool]) -> None:
        """Read until it is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not so():
                await self.read()


async def writer(enter: Callable[[Any], Awaitable[ClientConnection]], url: str, paper: str, token: str) -> Writer:
    """A writer who has what there is, for as long as a stack of contexts lasts."""
    made = Writer(await enter(opened(url, paper, token)))
    await made.begin()
    return made
