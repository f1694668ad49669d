"""The connection: that it ends in time, whatever the peer does, and that nothing is left of it."""

import struct

import pytest

from madang.transports.conduct import HELLO_S
from madang.transports.native.session import QUEUED
from madang.transports.node import Node
from madang.transports.subscriber import CLOSE_S, HIGH_WATER, SLOW_S
from madang.transports.websocket.framing import PLAIN
from tests.unit.transports.conftest import RunningGated
from tests.unit.transports.peers import Peer, gone, greeted, message, turn
from tests.waiting import eventually, turns
from tests.wire import CLOSE, PING, PONG, TEXT, close, frame

# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ping_s", [2.0, 25.0])
async def test_no_hello_in_time(node: Node, ping_s: float) -> None:
    node.ping_s = ping_s
    peer = Peer(node).connect()
    turn(node, int(HELLO_S) - 1)
    assert peer.closed is None
    turn(node, 1)
    assert peer.closed == 4408
    assert not peer.transport.closing, "it may answer"
    turn(node, int(CLOSE_S))
    assert peer.transport.aborted
    await gone(peer)


async def test_a_peer_that_answers_pings_stays(node: Node) -> None:
    peer = await greeted(node)
    answered = 0

    def answer() -> None:
        nonlocal answered
        for _ in range(peer.pings - answered):
            peer.send(frame(PONG))
            answered += 1

    turn(node, 600, answer)
    assert not peer.transport.closing
    assert 600 / node.ping_s - 2 <= peer.pings <= 600 / node.ping_s + 1


async def test_a_peer_that_is_silent_goes(node: Node) -> None:
    peer = await greeted(node)
    turn(node, 45)
    assert not peer.transport.closing
    turn(node, 30)
    assert peer.transport.aborted
    await gone(peer)


async def test_who_pings_often_knows_soon(node: Node) -> None:
    node.ping_s = 2.0
    peer = await greeted(node)
    turn(node, 8)
    assert peer.transport.aborted
    await gone(peer)


async def test_who_greets_late_and_falls_silent_goes_as_soon(node: Node) -> None:
    node.ping_s = 1.0
    peer = Peer(node).connect()
    turn(node, 1)  # it is looked at before it has greeted
    await peer.ask(op="hello", n=1, guest="Late")
    turn(node, 3)
    assert peer.transport.aborted
    await gone(peer)


async def test_a_peer_that_only_talks_stays(node: Node) -> None:
    peer = await greeted(node)
    turn(node, 300, lambda: peer.tell({"op": "ping"}))
    assert not peer.transport.closing


async def test_a_peer_that_is_not_read_is_not_silent(gated: RunningGated) -> None:
    """The storage hangs and the socket is not read: that its pongs are not seen is not its fault."""
    async with gated() as (node, store):
        peer = await greeted(node)
        store.pages.clear()
        peer.tell({"op": "history", "n": 10, "room": "yard"}, *({"op": "ping", "n": n} for n in range(11, 12 + QUEUED)))
        assert not peer.transport.reading
        turn(node, 200)
        assert not peer.transport.aborted
        store.pages.set()
        await peer.answer(11 + QUEUED)


async def test_a_peer_that_never_reads_is_closed_resumably(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    now = node.turns.time()
    monkeypatch.setattr(node.turns, "time", lambda: now)
    peer = await greeted(node)
    peer.transport.stuck = True
    while not peer.transport.paused:
        for _ in range(10):
            peer.connection.queue(PLAIN.text(b'"' + b"x" * 5000 + b'"'))
        await turns(2)
    assert peer.transport.most_unsent <= HIGH_WATER + 10 * 5100
    now += SLOW_S - 1
    turn(node, 60)
    assert not peer.transport.aborted
    now += 2
    turn(node, 6)
    assert peer.transport.aborted
    assert struct.pack("!H", 4409) in b"".join(peer.transport.writes[-1:])
    await gone(peer)


# -- ending ------------------------------------------------------------------------------------------------------------


async def test_the_peer_closes(node: Node) -> None:
    peer = await greeted(node)
    peer.send(close(1000))
    assert peer.closed == 1000
    await gone(peer)


async def test_the_peer_closes_without_a_code_and_says_more(node: Node) -> None:
    peer = await greeted(node)
    peer.send(frame(CLOSE) + frame(TEXT, '{"op":"ping","n":99}') + frame(PING))
    assert peer.answered(99) is None
    await gone(peer)


async def test_the_peer_cuts_the_line(node: Node) -> None:
    peer = await greeted(node)
    assert peer.connection.eof_received() is False
    await gone(peer)


async def test_the_peer_closes_and_never_reads_the_rest(node: Node) -> None:
    peer = await greeted(node)
    peer.transport.stuck = True
    peer.connection.send(b"x" * 1000)
    peer.connection.data_received(close(1000))
    assert peer.transport.closing
    assert node.hub.rooms["yard"].live == 0, "nothing is written behind a close"
    turn(node, int(CLOSE_S))
    await gone(peer)


async def test_the_server_closes_and_the_peer_answers(node: Node) -> None:
    peer = await greeted(node)
    peer.connection.close(4400, "test")
    peer.send(frame(TEXT, '{"op":"ping","n":99}') + close(4400))
    assert peer.answered(99) is None
    await gone(peer)
    turn(node, 30)
    assert not peer.transport.aborted


async def test_the_peer_answers_behind_much_that_was_under_way(node: Node) -> None:
    peer = await greeted(node)
    peer.connection.close(4400, "test")
    peer.send(frame(TEXT, b"x" * 10_000) + close(4400))
    await gone(peer)


async def test_nothing_comes_behind_a_close(gated: RunningGated) -> None:
    async with gated() as (node, store):
        peer, other = await greeted(node), await greeted(node, "Bora")
        store.go.clear()
        peer.tell(message(10))
        other.tell(message(11))
        peer.connection.close(4400, "test")
        store.go.set()
        await other.answer(11)
        await eventually(lambda: other.of("event"))
        await turns()
        assert peer.raw[-1][0] == CLOSE


async def test_closing_twice_is_closing_once(node: Node) -> None:
    peer = await greeted(node)
    peer.connection.close(4400, "test")
    peer.connection.close(4429, "again")
    peer.connection.shutdown()
    assert sum(opcode == CLOSE for opcode, _ in peer.raw) == 1
    turn(node, int(CLOSE_S))
    await gone(peer)


async def test_a_restart_says_when_to_come_back(node: Node) -> None:
    peer = await greeted(node)
    await peer.ask(**message(10))
    peer.connection.shutdown()
    assert peer.frames[-1]["op"] == "bye"
    assert peer.frames[-1]["reason"] == "restart"
    assert 0 < peer.frames[-1]["retry_ms"] < 5000
    assert (peer.closed, peer.raw[-1][0]) == (1012, CLOSE)
    peer.send(close(1012))
    await gone(peer)


async def test_a_restart_does_not_wait_for_a_session_that_does_not_read(gated: RunningGated) -> None:
    """The session holds up reading; its peer's answer to the close must be read all the same."""
    async with gated() as (node, store):
        peer = await greeted(node)
        store.pages.clear()
        peer.tell({"op": "history", "n": 10, "room": "yard"}, *({"op": "ping", "n": n} for n in range(11, 12 + QUEUED)))
        assert not peer.transport.reading
        peer.connection.shutdown()
        await eventually(lambda: peer.transport.reading)
        peer.send(close(1012))
        await gone(peer)
        store.pages.set()
        await eventually(lambda: not node.turns.tasks)


async def test_after_the_end_nothing_is_written(node: Node) -> None:
    peer = await greeted(node)
    connection = peer.connection
    connection.queue(b"x")
    peer.transport.abort()
    await gone(peer)
    connection.queue(b"x")
    connection.send(b"x")
    connection.flush()
    connection.close(4400, "late")
    connection.close_retryable()
    connection.resume_writing()
    turn(node, 120)
    await turns()


async def test_answers_that_come_after_the_end_are_dropped(gated: RunningGated) -> None:
    async with gated() as (node, store):
        peer = await greeted(node)
        store.go.clear()
        peer.tell(*(message(n) for n in range(10, 20)))
        peer.transport.abort()
        await gone(peer)
        store.go.set()
        await eventually(lambda: not node.appender.waiting)
        assert (await store.heads(["yard"])) == {"yard": 12}, "what was sent is stored all the same"
