"""A socket for the client that a test can cut: its connection is lost without a word."""

import asyncio

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from madang.client.sockets import MAX_BYTES, NotOpened, Socket, WebSocket
from madang.client.urls import websocket_url
from tests.waiting import PATIENCE_S


class Cuttable(WebSocket):
    """As the client's own, on a connection that is known."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__(connection)
        self.connection = connection

    def cut(self) -> None:
        """Lose the connection at once."""
        self.connection.transport.abort()


async def open_cuttable(url: str) -> Cuttable:
    """Open a socket (an Opener)."""
    try:
        return Cuttable(
            await connect(websocket_url(url), proxy=None, compression=None, max_size=MAX_BYTES, open_timeout=PATIENCE_S)
        )
    except (InvalidHandshake, EOFError) as error:
        raise NotOpened(str(error)) from None


class Cable:
    """An opener whose connection can be cut, and which stays dead until it is repaired."""

    def __init__(self) -> None:
        self._mended = asyncio.Event()
        self._mended.set()
        self._socket: Cuttable | None = None

    async def open(self, url: str) -> Socket:
        await self._mended.wait()
        self._socket = await open_cuttable(url)
        return self._socket

    def cut(self) -> None:
        self._mended.clear()
        assert self._socket is not None
        self._socket.cut()

    def repair(self) -> None:
        self._mended.set()
