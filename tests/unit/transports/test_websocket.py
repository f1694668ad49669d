"""The connection: who may come in, what it costs, and that it ends, whatever the peer does."""

import random
import struct
import zlib
from typing import Any

import pytest

from madang.core.limits import Rate
from madang.services.limits import Rates
from madang.transports import websocket
from madang.transports.app import App
from madang.transports.native import MAX_FRAME, QUEUED
from madang.transports.websocket import CLOSE_S, CONTROLS, FRAGMENTS, HELLO_S, HIGH_WATER, SLOW_S
from tests.unit.transports.conftest import Running
from tests.unit.transports.peers import Peer, greeted, turn
from tests.unit.transports.test_native import Gated, message
from tests.waiting import eventually, turns
from tests.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame

ROOMY = Rates(connection=Rate(0, 0), user=Rate(0, 0), room=Rate(0, 0), address=Rate(0, 0))


async def gone(peer: Peer) -> None:
    """Wait until nothing is left of a connection."""
    await eventually(lambda: peer.transport.lost)
    app = peer.app
    assert peer.state.connections == set()
    assert (app.gate.sockets, app.gate.by_address) == (0, {})
    assert peer.connection.subscriptions == {}
    assert not [key for key in app.hub.presence._devices if key[2] == peer.connection.device]
    assert not any(room.live or room.lagging for room in app.hub.rooms.values())


# -- coming in ---------------------------------------------------------------------------------------------------------


async def test_a_handshake_is_counted_and_given_back(app: App) -> None:
    one, two, other = Peer(app).connect(), Peer(app).connect(), Peer(app, "10.0.0.2").connect()
    assert [p.status for p in (one, two, other)] == [101] * 3
    assert (app.gate.sockets, app.gate.by_address) == (3, {"10.0.0.1": 2, "10.0.0.2": 1})
    one.transport.abort()
    await eventually(lambda: one.transport.lost)
    assert (app.gate.sockets, app.gate.by_address) == (2, {"10.0.0.1": 1, "10.0.0.2": 1})
    two.transport.abort()
    await eventually(lambda: two.transport.lost)
    other.transport.abort()
    await gone(other)


@pytest.mark.parametrize("path", ["/", "/wsx", "/ws/", "/socket.io/", "//[x", "/%77s?", "*", "http://["])
async def test_only_at_its_path(app: App, path: str) -> None:
    peer = Peer(app).connect(path=path)
    assert peer.status in (400, 404)
    await gone(peer)


async def test_a_query_does_no_harm(app: App) -> None:
    assert Peer(app).connect(path="/ws?v=1&x=[").status == 101


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("chat.example", None, True),
        ("chat.example", "https://chat.example", True),
        ("chat.example", "http://chat.example", True),
        ("Chat.Example", "https://chat.example", True),
        ("chat.example:8400", "http://chat.example:8400", True),
        ("chat.example", "http://chat.example:8400", False),
        ("chat.example", "https://evil.example", False),
        ("chat.example", "https://chat.example.evil.example", False),
        ("chat.example", "https://chat.example@evil.example", False),
        ("chat.example", "null", False),
        ("", "null", False),
        ("chat.example", "", False),
        ("chat.example", "http://[", False),
        ("chat.example", "\xff\xfe", False),
        ("chat.example", "https://good.example", True),
        ("chat.example", "https://GOOD.example", False),
    ],
)
async def test_origins(running: Running, host: str, origin: str | None, allowed: bool) -> None:
    async with running(origins=frozenset({"https://good.example"})) as app:
        peer = Peer(app).connect(*([f"Origin: {origin}"] if origin is not None else []), host=host)
        assert peer.status == (101 if allowed else 403)
        if not allowed:
            await gone(peer)


async def test_two_origins_are_none(app: App) -> None:
    peer = Peer(app).connect("Origin: http://localhost", "Origin: http://evil.example")
    assert peer.status == 403
    await gone(peer)


async def test_any_origin_if_the_operator_says_so(running: Running) -> None:
    async with running(origins=frozenset({"*"})) as app:
        assert Peer(app).connect("Origin: https://evil.example").status == 101


async def test_caps(running: Running) -> None:
    async with running(rates=Rates(address=Rate(0, 0), sockets=4, sockets_per_address=2)) as app:
        first, _ = Peer(app).connect(), Peer(app).connect()
        third = Peer(app).connect()
        assert third.status == 503
        assert b"Retry-After" in third.transport.sent
        assert [Peer(app, f"10.0.0.{n}").connect().status for n in (2, 3, 4)] == [101, 101, 503]
        first.transport.abort()
        await eventually(lambda: first.transport.lost)
        assert Peer(app).connect().status == 101
        assert app.gate.sockets == 4


async def test_handshakes_too_fast(running: Running) -> None:
    async with running(rates=Rates(address=Rate(1, 3))) as app:
        assert [Peer(app).connect().status for _ in range(5)] == [101, 101, 101, 429, 429]
        assert Peer(app, "10.0.0.2").connect().status == 101


async def test_none_while_draining(running: Running) -> None:
    async with running(draining=True) as app:
        peer = Peer(app).connect()
        assert peer.status == 503
        await gone(peer)


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        ([], "10.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        (["10.0.0.9"], "10.0.0.9"),
        ([" , "], "10.0.0.1"),
    ],
)
async def test_the_address_a_trusted_proxy_gives(running: Running, forwarded: list[str], counted: str) -> None:
    async with running(trusted_proxies=frozenset({"10.0.0.1", "10.0.0.9"})) as app:
        Peer(app).connect(*(f"X-Forwarded-For: {value}" for value in forwarded))
        assert app.gate.by_address == {counted: 1}


async def test_the_address_anybody_else_gives_is_not_believed(app: App) -> None:
    Peer(app).connect("X-Forwarded-For: 203.0.113.7")
    assert app.gate.by_address == {"10.0.0.1": 1}


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ping_s", [2.0, 25.0])
async def test_no_hello_in_time(app: App, ping_s: float) -> None:
    app.ping_s = ping_s
    peer = Peer(app).connect()
    turn(app, int(HELLO_S) - 1)
    assert peer.closed is None
    turn(app, 1)
    assert peer.closed == 4408
    assert not peer.transport.closing, "it may answer"
    turn(app, int(CLOSE_S))
    assert peer.transport.aborted
    await gone(peer)


async def test_a_peer_that_answers_pings_stays(app: App) -> None:
    peer = await greeted(app)
    answered = 0

    def answer() -> None:
        nonlocal answered
        for _ in range(peer.pings - answered):
            peer.send(frame(PONG))
            answered += 1

    turn(app, 600, answer)
    assert not peer.transport.closing
    assert 600 / app.ping_s - 2 <= peer.pings <= 600 / app.ping_s + 1


async def test_a_peer_that_is_silent_goes(app: App) -> None:
    peer = await greeted(app)
    turn(app, 45)
    assert not peer.transport.closing
    turn(app, 30)
    assert peer.transport.aborted
    await gone(peer)


async def test_who_pings_often_knows_soon(app: App) -> None:
    app.ping_s = 2.0
    peer = await greeted(app)
    turn(app, 8)
    assert peer.transport.aborted
    await gone(peer)


async def test_a_peer_that_only_talks_stays(app: App) -> None:
    peer = await greeted(app)
    turn(app, 300, lambda: peer.tell({"op": "ping"}))
    assert not peer.transport.closing


async def test_a_peer_that_is_not_read_is_not_silent(running: Running) -> None:
    """The storage hangs and the socket is not read: that its pongs are not seen is not its fault."""
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.pages.clear()  # type: ignore[attr-defined]
        peer.tell({"op": "history", "n": 10, "room": "yard"}, *({"op": "ping", "n": n} for n in range(11, 12 + QUEUED)))
        assert not peer.transport.reading
        turn(app, 200)
        assert not peer.transport.aborted
        store.pages.set()  # type: ignore[attr-defined]
        await peer.answer(11 + QUEUED)


async def test_a_peer_that_never_reads_is_closed_resumably(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    now = app.hub.time()
    monkeypatch.setattr(app.hub, "time", lambda: now)
    peer = await greeted(app)
    peer.transport.stuck = True
    while not peer.transport.paused:
        for _ in range(10):
            peer.connection.put(peer.connection.wire.notice(b'"' + b"x" * 5000 + b'"'))
        await turns(2)
    assert peer.transport.most_unsent <= HIGH_WATER + 10 * 5100
    now += SLOW_S - 1
    turn(app, 60)
    assert not peer.transport.aborted
    now += 2
    turn(app, 6)
    assert peer.transport.aborted
    assert struct.pack("!H", 4409) in b"".join(peer.transport.writes[-1:])
    await gone(peer)


# -- frames ------------------------------------------------------------------------------------------------------------


async def test_a_message_in_fragments(app: App) -> None:
    peer = await greeted(app)
    text = b'{"op":"ping","n":77}'
    pieces = [frame(TEXT, text[:1], fin=False), frame(PING, b"between")]
    pieces += [frame(CONTINUATION, text[n : n + 1], fin=False) for n in range(1, len(text))]
    for piece in [*pieces, frame(CONTINUATION, b"")]:
        peer.send(piece)
    await peer.answer(77)
    assert peer.pongs == 1


async def test_bytes_one_by_one(app: App) -> None:
    peer = await greeted(app)
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
async def test_frames_that_close(app: App, what: bytes, code: int) -> None:
    peer = await greeted(app)
    peer.send(what)
    await eventually(lambda: peer.closed == code)
    turn(app, int(CLOSE_S) + 1)
    await gone(peer)


async def test_as_many_fragments_as_are_allowed(app: App) -> None:
    peer = await greeted(app)
    empty = frame(CONTINUATION, b"", fin=False) * (FRAGMENTS - 2)
    peer.send(frame(TEXT, b'{"op":"ping","n":77}', fin=False) + empty + frame(CONTINUATION, b""))
    await peer.answer(77)


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_a_flood_of_control_frames(app: App, opcode: int) -> None:
    peer = await greeted(app)
    for _ in range(CONTROLS):
        peer.send(frame(opcode))
    assert peer.closed is None
    turn(app, int(HELLO_S))
    for _ in range(CONTROLS):
        peer.send(frame(opcode))
    assert peer.closed is None
    peer.send(frame(opcode))
    assert peer.closed == 4429


@pytest.mark.parametrize("what", [frame(PING), frame(TEXT, "{"), frame(PONG), frame(TEXT, b"", fin=False)])
async def test_a_packet_full_of_rubbish_is_not_read_to_its_end(
    app: App, monkeypatch: pytest.MonkeyPatch, what: bytes
) -> None:
    """A read may bring 250 KB: 40,000 frames, half a second of parsing, before anybody has said hello."""
    parsed = 0
    receive = websocket.ServerProtocol.recv_frame

    def counted(self: Any, frame: Any) -> None:
        nonlocal parsed
        parsed += 1
        receive(self, frame)

    monkeypatch.setattr(websocket.ServerProtocol, "recv_frame", counted)
    peer = Peer(app).connect()
    peer.connection.data_received(what * (250_000 // len(what)))
    assert peer.closed is not None
    for _ in range(20):  # and it goes on
        if not peer.transport.closing:
            peer.connection.data_received(what * (250_000 // len(what)))
    assert parsed < 4000
    assert len(peer.transport.writes) < 1000
    turn(app, int(CLOSE_S) + 1)
    await gone(peer)


async def test_large_packets_of_good_frames_are_read_to_their_end(app: App) -> None:
    peer = await greeted(app)
    peer.tell(*({"op": "ping", "n": n} for n in range(10, 5000)))
    await peer.answer(4999)
    assert len(peer.of("ok")) == 2 + 4990


# -- reading and writing in turns --------------------------------------------------------------------------------------


async def test_a_full_socket_is_not_read_and_is_again_when_there_is_room(app: App) -> None:
    peer, other = await greeted(app), await greeted(app, "Bora")
    peer.transport.stuck = True
    n = 100
    while not peer.transport.paused:
        await other.ask(**message(n, text="x" * 4000))
        n += 1
    assert not peer.transport.reading
    live = app.hub.rooms["yard"]
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


async def test_a_socket_closed_while_full_is_let_go(app: App) -> None:
    peer, other = await greeted(app), await greeted(app, "Bora")
    peer.transport.stuck = True
    n = 100
    while not peer.transport.paused:
        await other.ask(**message(n, text="x" * 4000))
        n += 1
    peer.connection.close(4400, "test")
    assert app.hub.rooms["yard"].live == 1
    turn(app, int(CLOSE_S))
    assert peer.transport.aborted
    other.transport.abort()
    await eventually(lambda: other.transport.lost)
    await gone(peer)


async def test_an_ack_and_an_event_are_one_write(app: App) -> None:
    peer = await greeted(app)
    live = app.hub.rooms["yard"]
    await peer.ask(**message(10))  # the first behind a change of the audience is not: the ack is flushed
    await eventually(lambda: app.hub.time() > live.next_flush and not live.queued, "quiet again")
    before = len(peer.transport.writes)
    await peer.ask(**message(11))
    await eventually(lambda: peer.of("event")[-1]["seq"] == 4)
    assert len(peer.transport.writes) == before + 1


# -- ending ------------------------------------------------------------------------------------------------------------


async def test_the_peer_closes(app: App) -> None:
    peer = await greeted(app)
    peer.send(close(1000))
    assert peer.closed == 1000
    await gone(peer)


async def test_the_peer_closes_without_a_code_and_says_more(app: App) -> None:
    peer = await greeted(app)
    peer.send(frame(CLOSE) + frame(TEXT, '{"op":"ping","n":99}') + frame(PING))
    assert peer.answered(99) is None
    await gone(peer)


async def test_the_peer_cuts_the_line(app: App) -> None:
    peer = await greeted(app)
    assert peer.connection.eof_received() is False
    await gone(peer)


async def test_the_peer_closes_and_never_reads_the_rest(app: App) -> None:
    peer = await greeted(app)
    peer.transport.stuck = True
    peer.connection.say(b"x" * 1000)
    peer.connection.data_received(close(1000))
    assert peer.transport.closing
    assert app.hub.rooms["yard"].live == 0, "nothing is written behind a close"
    turn(app, int(CLOSE_S))
    await gone(peer)


async def test_the_server_closes_and_the_peer_answers(app: App) -> None:
    peer = await greeted(app)
    peer.connection.close(4400, "test")
    peer.send(frame(TEXT, '{"op":"ping","n":99}') + close(4400))
    assert peer.answered(99) is None
    await gone(peer)
    turn(app, 30)
    assert not peer.transport.aborted


async def test_the_peer_answers_behind_much_that_was_under_way(app: App) -> None:
    peer = await greeted(app)
    peer.connection.close(4400, "test")
    peer.send(frame(TEXT, b"x" * 10_000) + close(4400))
    await gone(peer)


async def test_nothing_comes_behind_a_close(running: Running) -> None:
    async with running(Gated) as app:
        store = app.reading._log
        peer, other = await greeted(app), await greeted(app, "Bora")
        store.go.clear()  # type: ignore[attr-defined]
        peer.tell(message(10))
        other.tell(message(11))
        peer.connection.close(4400, "test")
        store.go.set()  # type: ignore[attr-defined]
        await other.answer(11)
        await eventually(lambda: other.of("event"))
        await turns()
        assert peer.raw[-1][0] == CLOSE


async def test_closing_twice_is_closing_once(app: App) -> None:
    peer = await greeted(app)
    peer.connection.close(4400, "test")
    peer.connection.close(4429, "again")
    peer.connection.shutdown()
    assert sum(opcode == CLOSE for opcode, _ in peer.raw) == 1
    turn(app, int(CLOSE_S))
    await gone(peer)


async def test_a_restart_says_when_to_come_back(app: App) -> None:
    peer = await greeted(app)
    await peer.ask(**message(10))
    peer.connection.shutdown()
    assert peer.frames[-1]["op"] == "bye"
    assert peer.frames[-1]["reason"] == "restart"
    assert 0 < peer.frames[-1]["retry_ms"] < 5000
    assert (peer.closed, peer.raw[-1][0]) == (1012, CLOSE)
    peer.send(close(1012))
    await gone(peer)


async def test_a_restart_does_not_wait_for_a_session_that_does_not_read(running: Running) -> None:
    """The session holds up reading; its peer's answer to the close must be read all the same."""
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.pages.clear()  # type: ignore[attr-defined]
        peer.tell({"op": "history", "n": 10, "room": "yard"}, *({"op": "ping", "n": n} for n in range(11, 12 + QUEUED)))
        assert not peer.transport.reading
        peer.connection.shutdown()
        assert peer.transport.reading
        peer.send(close(1012))
        await gone(peer)
        store.pages.set()  # type: ignore[attr-defined]
        await eventually(lambda: not app.hub._tasks)


async def test_after_the_end_nothing_is_written(app: App) -> None:
    peer = await greeted(app)
    connection = peer.connection
    connection.put(b"x")
    peer.transport.abort()
    await gone(peer)
    connection.put(b"x")
    connection.say(b"x")
    connection.flush()
    connection.close(4400, "late")
    connection.fail()
    connection.resume_writing()
    turn(app, 120)
    await turns()


async def test_answers_that_come_after_the_end_are_dropped(running: Running) -> None:
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.go.clear()  # type: ignore[attr-defined]
        peer.tell(*(message(n) for n in range(10, 20)))
        peer.transport.abort()
        await gone(peer)
        store.go.set()  # type: ignore[attr-defined]
        await eventually(lambda: not app.appender.waiting)
        assert (await store.heads(["yard"])) == {"yard": 12}, "what was sent is stored all the same"


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
    async with running(compression=True) as app:
        offer = f"permessage-deflate; client_max_window_bits; server_max_window_bits={bits}"
        peer = Peer(app).connect(f"Sec-WebSocket-Extensions: {offer}")
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
    async with running(compression=True) as app:
        peer = await greeted(app)
        assert peer.of("ok")
