"""The connection: frames in and out, reading and writing in turns, compression."""

import random
import struct
import zlib
from typing import Any

import pytest
from websockets.server import ServerProtocol

from madang.core.bounds import MAX_FRAME
from madang.delivery.room import Turn
from madang.transports.conduct import CONTROLS, HELLO_S
from madang.transports.node import Node
from madang.transports.subscriber import CLOSE_S
from madang.transports.websocket.reader import FRAGMENTS, LINGER
from tests.unit.transports.conftest import Running
from tests.unit.transports.peers import Peer, gone, greeted, message, turn
from tests.waiting import eventually, turns
from tests.wire import BINARY, CONTINUATION, PING, PONG, TEXT, frame

# -- frames ------------------------------------------------------------------------------------------------------------


async def test_a_message_in_fragments(node: Node) -> None:
    peer = await greeted(node)
    text = b'{"op":"ping","n":77}'
    pieces = [frame(TEXT, text[:1], fin=False), frame(PING, b"between")]
    pieces += [frame(CONTINUATION, text[n : n + 1], fin=False) for n in range(1, len(text))]
    for piece in [*pieces, frame(CONTINUATION, b"")]:
        peer.send(piece)
    await peer.answer(77)
    assert peer.pongs == 1


async def test_bytes_one_by_one(node: Node) -> None:
    peer = await greeted(node)
    for byte in frame(TEXT, '{"op":"ping","n":77}') + frame(PING):
        peer.send(bytes([byte]))
    await peer.answer(77)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (frame(BINARY, b"\x00"), 1003),
        (frame(BINARY, b"\x00", fin=False), 1003),
        (frame(TEXT, b"x" * (MAX_FRAME + 1)), 1009),
        (frame(TEXT, b"x" * MAX_FRAME, fin=False) + frame(CONTINUATION, b"x"), 1009),
        (frame(CONTINUATION, b"x"), 1002),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"x"), 1002),
        (frame(TEXT, b"x", rsv=4), 1002),
        (frame(0x3, b"x"), 1002),
        (frame(TEXT, b"x", mask=False), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(TEXT, b'{"op":"ping","x":"\xff"}'), 1007),
        (frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * FRAGMENTS, 1008),
    ],
)  # fmt: skip
async def test_frames_that_close(node: Node, what: bytes, code: int) -> None:
    peer = await greeted(node)
    peer.send(what)
    await eventually(lambda: peer.closed == code)
    assert not peer.transport.closing  # closed with bytes unread, the connection would be reset, and the code lost
    turn(node, int(CLOSE_S) + 1)
    await gone(peer)


async def test_as_many_fragments_as_are_allowed(node: Node) -> None:
    peer = await greeted(node)
    empty = frame(CONTINUATION, b"", fin=False) * (FRAGMENTS - 2)
    peer.send(frame(TEXT, b'{"op":"ping","n":77}', fin=False) + empty + frame(CONTINUATION, b""))
    await peer.answer(77)


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_a_flood_of_control_frames(node: Node, opcode: int) -> None:
    peer = await greeted(node)
    for _ in range(CONTROLS):
        peer.send(frame(opcode))
    assert peer.closed is None
    turn(node, int(HELLO_S))
    for _ in range(CONTROLS):
        peer.send(frame(opcode))
    assert peer.closed is None
    peer.send(frame(opcode))
    assert peer.closed == 4429


@pytest.mark.parametrize("what", [frame(PING), frame(TEXT, "{"), frame(PONG), frame(TEXT, b"", fin=False)])
async def test_a_packet_full_of_rubbish_is_not_read_to_its_end(
    node: Node, monkeypatch: pytest.MonkeyPatch, what: bytes
) -> None:
    """A read may bring 250 KB: 40,000 frames, half a second of parsing, before anybody has said hello."""
    parsed = 0
    receive = ServerProtocol.recv_frame

    def counted(self: Any, frame: Any) -> None:
        nonlocal parsed
        parsed += 1
        receive(self, frame)

    monkeypatch.setattr(ServerProtocol, "recv_frame", counted)
    peer = Peer(node).connect()
    peer.connection.data_received(what * (250_000 // len(what)))
    assert peer.closed is not None
    for _ in range(20):  # and it goes on
        if not peer.transport.closing:
            peer.connection.data_received(what * (250_000 // len(what)))
    assert parsed < 4000
    assert len(peer.transport.writes) < 1000
    turn(node, int(CLOSE_S) + 1)
    await gone(peer)


async def test_large_packets_of_good_frames_are_read_to_their_end(node: Node) -> None:
    peer = await greeted(node)
    peer.tell(*({"op": "ping", "n": n} for n in range(10, 5000)))
    await peer.answer(4999)
    assert len(peer.of("ok")) == 2 + 4990


# -- reading and writing in turns --------------------------------------------------------------------------------------


async def test_a_full_socket_is_not_read_and_is_again_when_there_is_room(node: Node) -> None:
    peer, other = await greeted(node), await greeted(node, "Bora")
    peer.transport.stuck = True
    n = 100
    while not peer.transport.paused:
        await other.ask(**message(n, text="x" * 4000))
        n += 1
    assert not peer.transport.reading
    live = node.hub.rooms["yard"]
    assert live.lagging == {peer.connection.subscriptions["yard"]}
    await other.ask(**message(n, text="behind"))
    await eventually(lambda: live.sealed == live.next - 1)
    peer.transport.stuck = False
    peer.transport.read()
    assert peer.transport.reading
    await eventually(lambda: peer.of("event")[-1].get("text") == "behind")
    peer.strict("yard")
    (behind,) = peer.of("behind")
    assert behind["from"] < behind["seq"] == peer.of("event")[-1]["seq"]


async def test_a_socket_closed_while_full_is_let_go(node: Node) -> None:
    peer, other = await greeted(node), await greeted(node, "Bora")
    peer.transport.stuck = True
    n = 100
    while not peer.transport.paused:
        await other.ask(**message(n, text="x" * 4000))
        n += 1
    peer.connection.close(4400, "test")
    assert node.hub.rooms["yard"].live == 1
    turn(node, int(CLOSE_S))
    assert peer.transport.aborted
    other.transport.abort()
    await eventually(lambda: other.transport.lost)
    await gone(peer)


async def test_an_ack_and_an_event_are_one_write(node: Node) -> None:
    peer = await greeted(node)
    live = node.hub.rooms["yard"]
    await peer.ask(**message(10))  # the first behind a change of the audience is not: the ack is flushed
    await eventually(lambda: node.turns.time() > live.next_flush and live.turn is Turn.IDLE, "quiet again")
    before = len(peer.transport.writes)
    await peer.ask(**message(11))
    await eventually(lambda: peer.of("event")[-1]["seq"] == 4)
    assert len(peer.transport.writes) == before + 1


# -- compression -------------------------------------------------------------------------------------------------------


def inflated(data: bytes, bits: int) -> bytes:
    """Inflate as a peer does that has no more memory than was agreed."""
    inflate = zlib.decompressobj(-bits)
    out, rest = b"", data + b"\x00\x00\xff\xff"
    while rest:
        out += inflate.decompress(rest, 64)
        rest = inflate.unconsumed_tail
    return out


@pytest.mark.parametrize("bits", [15, 12, 11, 9])
async def test_compression_keeps_to_the_window_that_was_agreed(running: Running, bits: int) -> None:
    chance = random.Random(bits)
    async with running(compression=True) as node:
        offer = f"permessage-deflate; client_max_window_bits; server_max_window_bits={bits}"
        peer = Peer(node).connect(f"Sec-WebSocket-Extensions: {offer}")
        head = bytes(peer.transport.sent).decode()
        assert f"server_max_window_bits={min(bits, 12)}" in head
        peer.tell({"op": "hello", "n": 1, "guest": "Mina"}, {"op": "join", "n": 2, "room": "yard"})
        await eventually(lambda: "yard" in peer.connection.subscriptions)
        text = "".join(chance.choices("abcdefghij", k=1200)) * 3  # what repeats lies further back than 2 to the 10th
        peer.tell(message(3, text=text))
        peer.transport.sent.clear()
        await eventually(lambda: peer.transport.sent)
        await turns(3)
        data, found = bytes(peer.transport.sent), b""
        while data:
            size, begin = (data[1], 2) if data[1] < 126 else (struct.unpack_from("!H", data, 2)[0], 4)
            compressed = bool(data[0] & 0x40)
            assert compressed is (bits >= 12)
            payload = data[begin : begin + size]
            found += inflated(payload, min(bits, 12)) if compressed else payload
            data = data[begin + size :]
        assert text.encode() in found


async def test_without_an_offer_nothing_is_compressed(running: Running) -> None:
    async with running(compression=True) as node:
        peer = await greeted(node)
        assert peer.of("ok")


async def test_a_peer_that_sends_on_after_a_bad_frame_is_cut_off(node: Node) -> None:
    peer = await greeted(node)
    peer.send(b"\xc1\x81\x124Vxj")
    await eventually(lambda: peer.closed == 1002)
    for _ in range(LINGER // 65_536):
        peer.send(bytes(65_536))
    assert not peer.transport.aborted
    peer.send(bytes(65_536))
    assert peer.transport.aborted
