"""The other end of a connection: bytes in and bytes out, with a transport that does as uvloop's does, and no socket."""

import asyncio
import json
import struct
from collections.abc import Callable, Sequence
from typing import Any, cast

from uvicorn.server import ServerState

from madang.node.assembly import websocket_doors
from madang.transports.native.session import Session
from madang.transports.node import Node
from madang.transports.websocket.connection import Connection, gateway
from tests.waiting import eventually
from tests.wire import CLOSE, PING, PONG, TEXT, frame, upgrade

Frame = dict[str, Any]
HELLO: Frame = {"op": "hello", "n": 1, "guest": "Mina"}


class FakeTransport(asyncio.Transport):
    """A transport whose peer reads at once, or, when it is `stuck`, not at all.

    As with uvloop: pausing and resuming reading may be said twice; what is written to a transport that is closing is
    still sent if something waits, and dropped if not; once the connection is lost, writing raises.
    """

    def __init__(self, peer: tuple[str, int] = ("10.0.0.1", 50_000)) -> None:
        super().__init__({"peername": peer})
        self.protocol: Any = None
        self.sent = bytearray()  # what the peer has
        self.unsent = bytearray()
        self.writes: list[bytes] = []
        self.stuck = False
        self.reading = True
        self.paused = False
        self.closing = False
        self.half_closed = False
        self.lost = False
        self.aborted = False
        self.most_unsent = 0
        self.high, self.low = 64 * 1024, 16 * 1024

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high, self.low = high or 0, low or 0
        self._pause_if_full()

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def get_write_buffer_size(self) -> int:
        return len(self.unsent)

    def write_eof(self) -> None:
        self.half_closed = True

    def write(self, data: Any) -> None:
        assert not self.half_closed, "written behind the end of the stream"
        if self.lost:
            raise RuntimeError("unable to perform operation; the handler is closed")
        if not data or (self.closing and not self.unsent):
            return
        self.writes.append(bytes(data))
        if not self.stuck:
            self.sent += data
            return
        self.unsent += data
        self.most_unsent = max(self.most_unsent, len(self.unsent))
        self._pause_if_full()

    def _pause_if_full(self) -> None:
        if len(self.unsent) > self.high and not self.paused:
            self.paused = True
            self.protocol.pause_writing()

    def read(self, size: int = 1 << 30) -> None:
        """The peer reads what waits for it."""
        self.sent += self.unsent[:size]
        del self.unsent[:size]
        if self.paused and len(self.unsent) <= self.low:
            self.paused = False
            self.protocol.resume_writing()
        if self.closing and not self.unsent:
            self._lose()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.reading = False
            if not self.unsent:
                asyncio.get_running_loop().call_soon(self._lose)

    def abort(self) -> None:
        self.aborted = True
        self.closing = True
        self.unsent.clear()
        asyncio.get_running_loop().call_soon(self._lose)

    def _lose(self) -> None:
        if not self.lost:
            self.protocol.connection_lost(None)
            self.lost = True


class Peer:
    """A client. `tell` and `send` are its words; what the server said is in `frames`, `closed` and `status`."""

    def __init__(self, node: Node, address: str = "10.0.0.1") -> None:
        self.node = node
        self.state = ServerState()
        self.transport = FakeTransport((address, 50_000))
        self.connection: Connection = gateway(node, websocket_doors(node))(cast(Any, None), self.state, {})
        self.transport.protocol = self.connection
        self._head = 0  # where the next frame begins
        self._raw: list[tuple[int, bytes]] = []
        self._frames: list[Frame] = []
        self._parsed = 0  # of `raw`

    def connect(self, *headers: str, path: str = "/ws", host: str = "localhost") -> "Peer":
        """Shake hands; `status` says how that went."""
        self.connection.connection_made(self.transport)
        self.connection.data_received(upgrade(*headers, path=path, host=host))
        self._head = self.transport.sent.find(b"\r\n\r\n") + 4
        return self

    @property
    def status(self) -> int:
        return int(self.transport.sent.split(b" ", 2)[1])

    @property
    def session(self) -> Session:
        """The server's side of the conversation."""
        return cast(Session, self.connection.session)

    # -- what it says --------------------------------------------------------------------------------------------------

    def tell(self, *commands: Frame | str) -> None:
        """Send commands, all in one packet."""
        texts = [c if isinstance(c, str) else json.dumps(c) for c in commands]
        self.send(b"".join(frame(TEXT, text) for text in texts))

    def tell_each(self, *commands: Frame) -> None:
        """Send commands, each in a packet of its own; what is more than a piece in one packet waits for its turn."""
        for command in commands:
            self.tell(command)

    def send(self, data: bytes) -> None:
        """Send bytes; a loop that does not read does not get them."""
        assert self.transport.reading, "the server does not read now"
        if not self.transport.closing:
            self.connection.data_received(data)

    async def ask(self, **command: Any) -> Frame:
        """Send a command and give its answer."""
        self.tell(command)
        return await self.answer(command["n"])

    async def answer(self, n: int) -> Frame:
        """Wait for the answer to a command."""
        answer = await eventually(lambda: self.answered(n), f"no answer to {n}")
        assert answer is not None
        return answer

    def answered(self, n: int) -> Frame | None:
        return next((f for f in self.frames if f["op"] in ("ok", "error") and f.get("n") == n), None)

    # -- what it was told ----------------------------------------------------------------------------------------------

    @property
    def raw(self) -> list[tuple[int, bytes]]:
        """Every whole frame the peer has, as opcode and payload."""
        data, at = self.transport.sent, self._head
        while at + 2 <= len(data):
            first, size = data[at], data[at + 1]
            begin = at + 2
            if size == 126:
                (size,) = struct.unpack_from("!H", data, begin)
                begin += 2
            elif size == 127:
                (size,) = struct.unpack_from("!Q", data, begin)
                begin += 8
            if begin + size > len(data):
                break
            assert first & 0x80, "the server does not fragment"
            self._raw.append((first & 0x0F, bytes(data[begin : begin + size])))
            at = self._head = begin + size
        return self._raw

    @property
    def frames(self) -> list[Frame]:
        raw = self.raw
        self._frames += [json.loads(data) for opcode, data in raw[self._parsed :] if opcode == TEXT]
        self._parsed = len(raw)
        return self._frames

    def of(self, *ops: str) -> list[Frame]:
        return [f for f in self.frames if f["op"] in ops]

    @property
    def closed(self) -> int | None:
        """The close code the server sent; 1005 for a close without one (RFC 6455, 7.1.5)."""
        bodies = (data for opcode, data in self.raw if opcode == CLOSE)
        return next((struct.unpack("!H", data[:2])[0] if data else 1005 for data in bodies), None)

    @property
    def pings(self) -> int:
        return sum(opcode == PING for opcode, _ in self.raw)

    @property
    def pongs(self) -> int:
        return sum(opcode == PONG for opcode, _ in self.raw)

    def strict(self, room: str) -> int | None:
        """Follow a room as PROTOCOL.md says, but forgive nothing: no hole, no double, nothing after the end."""
        position: int | None = None
        reach = 0  # up to here, what ended a membership ended one before
        for f in self.frames:
            if f["op"] == "ok" and "events" in f and f["room"]["id"] == room:
                seqs = [e["seq"] for e in f["events"]]
                assert seqs == list(range(f["seq"] - len(seqs) + 1, f["seq"] + 1))
                position, reach = f["seq"], f["read_seq"]
            elif f["op"] == "event" and f["room"] == room:
                assert position is not None, f"{f} after the end, or before the answer to join"
                assert f["seq"] == position + 1, f"{f['seq']} after {position}"
                position = f["seq"]
                me = self.user
                ends = (
                    f["member"] if f["type"] == "member.kicked" else f["user"] if f["type"] == "member.left" else None
                )
                if ends == me and f["seq"] > reach:
                    position = None
            elif f["op"] == "skip" and f["room"] == room:
                assert f["from"] == (position or 0) + 1
                position = f["to"]
            elif f["op"] == "reset" and f["room"] == room:
                position = f["seq"]
        return position

    @property
    def user(self) -> str:
        return str(next(f["user"]["id"] for f in self.frames if f["op"] == "ok" and "token" in f))


async def gone(peer: Peer) -> None:
    """Wait until nothing is left of a connection."""
    await eventually(lambda: peer.transport.lost)
    node = peer.node
    assert peer.state.connections == set()
    assert (node.admission.open, node.admission.open_by_address) == (0, {})
    assert peer.connection.subscriptions == {}
    assert not [key for key in node.hub.presence.devices if key[2] == peer.connection.device]
    assert not any(room.live or room.lagging for room in node.hub.rooms.values())


def message(n: int, cid: str | None = None, text: str = "hello") -> Frame:
    return {"op": "send", "n": n, "room": "yard", "cid": cid or f"c-{n}", "text": text}


async def greeted(node: Node, name: str = "Mina", rooms: Sequence[str] = ("yard",), address: str = "10.0.0.1") -> Peer:
    """A peer that has said hello and joined rooms."""
    peer = Peer(node, address).connect()
    joins = [{"op": "join", "n": 2 + n, "room": room, "limit": 0} for n, room in enumerate(rooms)]
    peer.tell({"op": "hello", "n": 1, "guest": name}, *joins)
    for n in range(1, 2 + len(rooms)):
        assert (answer := await peer.answer(n))["op"] == "ok", answer
    return peer


def turn(node: Node, seconds: int, each: Callable[[], None] = lambda: None) -> None:
    """Turn the wheel, doing something behind each second."""
    for _ in range(seconds):
        node.wheel.turn()
        each()
