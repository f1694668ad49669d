"""The Socket.IO door of one node: which clients there are, and what a request must be to begin, to go on, or to upgrade.

Clients are counted among the node's sockets from their first request on, whether they poll or not.
"""

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from madang.core.bounds import MAX_FRAME
from madang.core.metrics import Metric
from madang.errors import MadangError, Refused
from madang.protocol.native import commands as c
from madang.protocol.socketio import engine
from madang.transports.native.operations import OPERATIONS
from madang.transports.native.session import Operation
from madang.transports.socketio.client import Client
from madang.transports.socketio.encoding import Events
from madang.transports.socketio.polling import Polling
from madang.transports.socketio.recovery import connect

if TYPE_CHECKING:
    from madang.transports.node import Node

PATH: Final = "/socket.io/"
PROTOCOL: Final = "4"
TIMEOUT_S: Final = 20.0  # for a ping's answer, and no longer than between two pings
FIELDS: Final = 16  # of a query
POLLING, WEBSOCKET = "polling", "websocket"


class SocketIo:
    """The clients of one node.

    Attributes:
        events: the encoding of all of them.
        interval_s: between two pings.
        timeout_s: in which they are answered.
        clients: by Engine.IO session.
    """

    def __init__(self, node: "Node") -> None:
        self.node = node
        self.events = Events(node.hub.rooms)
        self.operations: dict[type[c.Command], Operation] = {**OPERATIONS, c.Hello: connect}
        self.interval_s = node.ping_s
        self.timeout_s = min(TIMEOUT_S, node.ping_s)
        self.clients: dict[str, Client] = {}
        self._connected: dict[str, Client] = {}  # by Socket.IO session

    # -- clients -------------------------------------------------------------------------------------------------------

    def add(self, client: Client) -> bytes:
        """Keep a client that has come, and return its first packet."""
        self.clients[client.id] = client
        upgrades = (WEBSOCKET,) if isinstance(client.carrier, Polling) else ()
        interval_ms, timeout_ms = int(self.interval_s * 1000), int(self.timeout_s * 1000)
        return engine.opening(engine.Handshake(client.id, upgrades, interval_ms, timeout_ms, MAX_FRAME))

    def forget(self, client: Client) -> None:
        """Forget a client that is gone."""
        del self.clients[client.id]

    def connected(self, client: Client) -> None:
        """Note who has a session now. Whoever had it before is the same client, and its link is dead."""
        former = self._connected.get(client.sid)
        self._connected[client.sid] = client
        if former is not None and former is not client:
            former.leave()

    def disconnected(self, client: Client) -> None:
        """Note that a client has its session no longer."""
        if self._connected.get(client.sid) is client:
            del self._connected[client.sid]

    def announce_restart(self, retry_ms: int) -> None:
        """Tell those who poll that the node restarts, and when to come back. Others are told by their connections."""
        for client in [each for each in self.clients.values() if isinstance(each.carrier, Polling)]:
            if client.session.is_open:
                client.session.announce_restart(retry_ms)
            client.close(1012, "restart")

    # -- requests ------------------------------------------------------------------------------------------------------

    def asked(self, query: str, transport: str) -> str | None:
        """Return the session that a request is for, None for a new one. Raise Refused (bad_field) for any other request."""
        try:
            fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=FIELDS))
        except ValueError:
            raise Refused("bad_field", f"At most {FIELDS} parameters.") from None
        if fields.get("EIO") != PROTOCOL:
            raise Refused("bad_field", f"EIO: this server speaks {PROTOCOL}.")
        if fields.get("transport") != transport:
            raise Refused("bad_field", f"transport: {POLLING}, or {WEBSOCKET} for a WebSocket.")
        if "j" in fields:
            raise Refused("bad_field", "j: answers are not made into scripts (JSONP).")
        return fields.get("sid")

    def client(self, id: str, address: str) -> Client:
        """Return the client of a session (bad_field). It is one only to whoever comes from its address: an id proves nothing."""
        client = self.clients.get(id)
        if client is None or client.address != address:
            raise Refused("bad_field", "sid: no session here.")
        return client

    def upgrading(self, id: str, address: str) -> Client:
        """Return the client of a session that a WebSocket may take over (bad_field)."""
        client = self.client(id, address)
        if not isinstance(client.carrier, Polling) or client.carrier.over or client.carrier.upgrading:
            raise Refused("bad_field", "sid: this session polls no longer.")
        return client

    def judge(self, target: str, address: str) -> MadangError | None:
        """Return what a request for a WebSocket is refused with, if it is."""
        try:
            sid = self.asked(target.partition("?")[2], WEBSOCKET)
            if sid is not None:
                self.upgrading(sid, address)
        except Refused as refused:
            return refused
        return None

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        polling = sum(isinstance(client.carrier, Polling) for client in self.clients.values())
        help = "Socket.IO clients, by what carries them."
        return [
            Metric("gauge", "madang_socketio_clients", help, polling, ("transport", POLLING)),
            Metric("gauge", "madang_socketio_clients", help, len(self.clients) - polling, ("transport", WEBSOCKET)),
        ]
