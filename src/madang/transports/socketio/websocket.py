"""A WebSocket at /socket.io/: it carries a client from the start, or is about to take one over from its polls."""

import math
from typing import Final, cast

from madang.delivery.subscriber import Encoding, Subscriber
from madang.protocol.socketio import engine
from madang.protocol.socketio.engine import BrokenProtocol
from madang.transports.socket import Socket
from madang.transports.socketio.carrier import Carrier
from madang.transports.socketio.client import Client
from madang.transports.socketio.door import WEBSOCKET, SocketIo
from madang.transports.socketio.encoding import ready
from madang.transports.socketio.polling import Polling
from madang.transports.websocket.doors import Upgrade

_PROBED: Final = b"3" + engine.PROBE.encode()


class WebSocketEnd:
    """The session of such a WebSocket (`websocket.doors.BinarySession`). How long a client may stay is the client's own matter."""

    __slots__ = ("_client", "_probing", "_socket", "encoding")

    left_s = math.inf

    def __init__(self, door: SocketIo, socket: Socket, upgrade: Upgrade) -> None:
        self._socket = socket
        self.encoding: Encoding = door.events
        sid = door.asked(upgrade.target.partition("?")[2], WEBSOCKET)
        self._probing: Polling | None = None  # what carries the client that is to be taken over
        if sid is None:
            self._client = Client(door, socket.address, cast(Carrier, socket))
            socket.queue(ready(door.add(self._client)))
        else:
            self._client = door.upgrading(sid, socket.address)
            self._probing = cast(Polling, self._client.carrier)
            self._probing.upgrading = True

    @property
    def subscriber(self) -> Subscriber:
        """Who follows rooms over this connection: nobody, until it carries the client."""
        return self._client if self._probing is None else self._socket

    @property
    def is_open(self) -> bool:
        """Whether it carries a client that is connected."""
        return self._probing is None and self._client.session.is_open

    def remind(self) -> None:
        """Do nothing: the client's own clock does."""

    def receive(self, text: bytes) -> None:
        """Handle a packet."""
        try:
            packet = engine.packet(str(text, "utf-8"))
            if self._probing is None:
                self._client.hear(packet)
            else:
                self._probe(self._probing, packet)
        except UnicodeDecodeError:
            self._socket.close(1007, "not UTF-8")
        except BrokenProtocol as broken:
            self._break_off(broken)

    def receive_binary(self, data: bytes) -> None:
        """Handle an attachment."""
        try:
            if self._probing is not None:
                raise BrokenProtocol("an attachment before the upgrade")
            self._client.hear(engine.Packet(engine.MESSAGE, data))
        except BrokenProtocol as broken:
            self._break_off(broken)

    def _probe(self, polling: Polling, packet: engine.Packet) -> None:
        kind = packet.packet_type
        if kind == engine.PING and packet.data == engine.PROBE and not polling.probed:
            self._socket.queue(ready(_PROBED))
            polling.probe()
        elif kind == engine.UPGRADE and polling.probed and self._client.carrier is polling:
            self._probing = None
            self._client.upgrade(cast(Carrier, self._socket))
        else:
            raise BrokenProtocol("no packet of an upgrade")

    def _break_off(self, broken: BrokenProtocol) -> None:
        if self._probing is None:
            self._client.break_off(broken)
        else:
            self._socket.close(1002, str(broken))

    def go_on(self) -> None:
        """Handle what was kept: there is room again."""
        if self._probing is None:
            self._client.session.go_on()

    def announce_restart(self, retry_ms: int) -> None:
        """Tell the client that the node restarts."""
        if self.is_open:
            self._client.session.announce_restart(retry_ms)

    def end(self, code: int, reason: str) -> None:
        """Handle nothing more, and close once what is under way has been answered."""
        if self._probing is None:
            self._client.session.end(code, reason)
        else:
            self._socket.close(code, reason)

    def ended(self) -> None:
        """Let go of everything: the socket is closed."""
        if self._probing is None:
            self._client.lost()
        else:
            self._probing.upgrade_failed()
