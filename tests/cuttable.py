"""A socket for the client that a test can cut: its connection is lost without a word."""

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from madang.client.sockets import MAX_BYTES, NotOpened, WebSocket
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
