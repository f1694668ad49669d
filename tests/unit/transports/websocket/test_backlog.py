"""What comes at once is parsed a piece at a time: in order, in turns with others, counted, and nothing more is read."""

import asyncio
import json
import zlib

import pytest

from madang.transports.node import Node
from madang.transports.websocket.reader import DEFLATED_PIECE, PIECE
from tests.unit.transports.conftest import Running
from tests.unit.transports.peers import Peer, gone, greeted
from tests.waiting import eventually, turns
from tests.wire import CLOSE, TEXT, close, frame

MANY = [{"op": "ping", "n": n} for n in range(100, 400)]


def packet(*commands: object) -> bytes:
    return b"".join(frame(TEXT, json.dumps(command)) for command in commands)


def held(node: Node) -> int:
    return node.memory.held["input"]


async def test_all_of_it_is_handled_in_order(node: Node) -> None:
    peer = await greeted(node)
    peer.send(packet(*MANY))
    assert not peer.transport.reading
    assert 0 < held(node) <= len(packet(*MANY)) - PIECE
    await peer.answer(399)
    assert [f["n"] for f in peer.of("ok") if f["n"] >= 100] == list(range(100, 400))
    await eventually(lambda: peer.transport.reading)
    assert held(node) == 0


async def test_others_have_their_turns_meanwhile(node: Node) -> None:
    peer, other = await greeted(node), await greeted(node, "Joon", address="10.0.0.2")
    peer.send(packet(*({"op": "ping", "n": n} for n in range(100, 4_000))))  # more than a turn, where nothing is paced
    other.tell({"op": "ping", "n": 50})
    while other.answered(50) is None:
        await asyncio.sleep(0)  # to wait for longer gives the first more turns
    assert peer.answered(3_999) is None


@pytest.mark.parametrize("size", [PIECE, PIECE + 1, 5 * PIECE])
async def test_a_small_packet_is_parsed_at_once(node: Node, size: int) -> None:
    peer = await greeted(node)
    text = '{"op":"ping","n":9,"x":"%s"}'
    peer.send(frame(TEXT, text % ("x" * (size - 8 - len(text) + 2))))
    assert peer.transport.reading == (size <= PIECE)
    await peer.answer(9)


async def test_what_the_session_does_not_want_yet_is_not_parsed(running: Running) -> None:
    """However much a few bytes become once they are inflated: one piece of it is queued, no more."""
    async with running(compression=True) as node:
        peer = Peer(node).connect("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover")
        assert b"permessage-deflate" in peer.transport.sent
        peer.tell({"op": "hello", "n": 1, "guest": "Mina"})
        peer.connection.pause_writing()
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -12)
        data = squeeze.compress(b'{"op":"ping","n":5,"x":"%s"}' % (b"x" * 8000)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
        peer.transport.reading = True
        one = frame(TEXT, data[:-4], rsv=4)
        peer.send(one * 400)
        await turns()
        assert held(node) >= 400 * len(one) - DEFLATED_PIECE
        peer.connection.resume_writing()
        await eventually(lambda: len([opcode for opcode, _ in peer.raw if opcode == TEXT]) == 401)
        assert held(node) == 0


async def test_a_close_behind_much_else_is_heard(node: Node) -> None:
    peer = await greeted(node)
    peer.send(packet(*MANY) + close(1000))
    await eventually(lambda: peer.closed == 1000)
    assert len([f for f in peer.of("ok") if f["n"] >= 100]) == 300


@pytest.mark.parametrize("how", ["abort", "shutdown", "garbage"])
async def test_an_end_leaves_nothing(node: Node, how: str) -> None:
    peer = await greeted(node)
    peer.send(packet(*MANY[:50]) + (frame(TEXT, b"\xff") if how == "garbage" else b"") + packet(*MANY[50:]))
    if how == "abort":
        peer.transport.abort()
    elif how == "shutdown":
        peer.connection.shutdown()
    if how != "abort":
        await eventually(lambda: peer.closed is not None and peer.transport.reading)
        peer.send(frame(CLOSE, b"\x03\xe8"))
    await gone(peer)
    await turns()
    assert held(node) == 0
    assert next(m.value for m in node.shares.metrics()) == 0


async def test_who_has_no_room_left_is_sent_away(running: Running) -> None:
    async with running(buffer_bytes=4 * PIECE) as node:
        peer = await greeted(node)
        peer.send(packet(*MANY))
        await eventually(lambda: peer.closed == 1013)
        peer.transport.abort()
        await gone(peer)
        assert held(node) == 0
        assert node.memory.refused == {"answers": 0, "http": 0, "input": 1, "papers": 0, "tails": 0}
