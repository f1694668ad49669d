"""A whole connection: any bytes at the WebSocket's entry, or any commands of somebody who has joined, sliced anyhow.

Real session, services and hub over the model of a log, in virtual time. Never an exception, never a line of the log above
a warning; every answer has a published code, and nothing is left when the connection is gone.
"""

import asyncio
import logging
from contextlib import AsyncExitStack

from tests.fuzz.harness import instrumented, run, said

with instrumented():
    from madang.codes import CLOSES, ERRORS
    from madang.core.ids import IdSource
    from madang.testing import FakeClock, ModelStore, VirtualLoop
    from madang.transports.node import Node
    from tests.unit.delivery.nodes import OWNER
    from tests.unit.transports.nodes import running_node
    from tests.unit.transports.peers import Peer
    from tests.wire import CLOSE, PING, TEXT, close, frame, upgrade

RAW, FRAMES, COMMANDS = range(3)  # what the first byte says the rest is
HELLO = [{"op": "hello", "n": 1, "guest": "Mina"}, {"op": "join", "n": 2, "room": "yard"}]
SEEDS = [
    bytes([RAW, 7]) + upgrade(),
    bytes([RAW, 90]) + upgrade("Origin: http://localhost", "Sec-WebSocket-Extensions: permessage-deflate"),
    bytes([FRAMES, 9]) + frame(TEXT, b'{"op":"ping","n":5}') + frame(PING, b"x") + close(1000),
    bytes([FRAMES, 3]) + frame(TEXT, b"a", fin=False) + frame(0, b"b") + frame(CLOSE, b""),
    *(bytes([COMMANDS, n % 256]) + line for n, line in enumerate(said("sends"))),
    bytes([COMMANDS, 0]) + b"\n".join(said("sends")[:40]),
]


class Loud(logging.Handler):
    """Fails on a line that tells of a mistake of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def one(data: bytes) -> None:
    """Live through one connection."""
    loud = Loud()
    logging.getLogger().addHandler(loud)
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(_connection(data))
    finally:
        logging.getLogger().removeHandler(loud)
    assert not loud.lines, loud.lines


async def _connection(data: bytes) -> None:
    kind, size, rest = (data[0] % 3, data[1] % 251 + 1, data[2:]) if len(data) > 1 else (RAW, 1, data)
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(running_node(ModelStore(IdSource(1), FakeClock())))
        await node.rooms.create(OWNER, "yard", "Yard", "open")
        peer = Peer(node)
        if kind == RAW:
            peer.connection.connection_made(peer.transport)
        else:
            peer.connect()
        if kind == COMMANDS:
            peer.tell(*HELLO)
            rest = b"".join(frame(TEXT, line) for line in rest.split(b"\n"))
        for start in range(0, len(rest), size):
            if not peer.transport.closing:
                peer.connection.data_received(rest[start : start + size])
        await asyncio.sleep(5)
        await judge(node, peer, kind)


async def judge(node: Node, peer: Peer, kind: int) -> None:
    """What must hold when a connection has said its last, and when it is gone."""
    if kind != RAW:
        echoed = kind == FRAMES and peer.closed is not None and (peer.closed == 1005 or 3000 <= peer.closed < 5000)
        assert peer.closed is None or peer.closed in CLOSES or echoed, peer.closed
        for told in peer.frames:
            assert told["op"] != "error" or told["code"] in ERRORS, told
            assert told.get("code") != "internal", told
        peer.strict("yard")
    await node.appender.drain()
    peer.transport.abort()
    await asyncio.sleep(1)
    assert (node.admission.open, dict(node.admission.open_by_address), peer.connection.subscriptions) == (0, {}, {})
    for room in node.hub.rooms.values():
        assert (room.live, room.lagging, room.events_pending) == (0, set(), 0)
    assert not node.hub.presence.devices


if __name__ == "__main__":
    run("wire", one, SEEDS)
