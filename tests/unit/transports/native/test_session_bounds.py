"""The session: bounds on what waits, and what becomes of those who send rubbish or too much."""

import asyncio
import json

import pytest

from madang.core.rate import Rate
from madang.services.limits import Rates
from madang.transports.conduct import BAD_FRAMES, FLOOD
from madang.transports.native.session import IN_FLIGHT, QUEUED
from madang.transports.node import Node
from madang.transports.websocket.reader import PIECE
from tests.unit.transports.conftest import Running, RunningGated
from tests.unit.transports.peers import greeted, message
from tests.waiting import eventually, turns
from tests.wire import TEXT, frame

# -- bounds ------------------------------------------------------------------------------------------------------------


async def test_what_waits_behind_a_slow_command_is_bounded(gated: RunningGated) -> None:
    async with gated() as (node, store):
        peer = await greeted(node)
        store.pages.clear()
        peer.tell({"op": "history", "n": 10, "room": "yard"})
        for n in range(11, 11 + QUEUED):
            assert peer.transport.reading
            peer.tell({"op": "ping", "n": n})
        assert not peer.transport.reading
        store.pages.set()
        await peer.answer(10 + QUEUED)
        assert peer.transport.reading
        assert [f["n"] for f in peer.of("ok")][-QUEUED - 1 :] == list(range(10, 11 + QUEUED))


async def test_what_waits_is_bounded_in_bytes_too(gated: RunningGated) -> None:
    async with gated() as (node, store):
        peer = await greeted(node)
        store.pages.clear()
        peer.tell({"op": "history", "n": 10, "room": "yard"})
        sent = 0
        while peer.transport.reading:
            packet = frame(TEXT, json.dumps({"op": "ping", "n": 11, "filler": "x" * 60_000}))
            for start in range(0, len(packet), PIECE):
                peer.send(packet[start : start + PIECE])
            sent += 1
        assert sent == 3
        store.pages.set()
        await peer.answer(11)
        assert peer.transport.reading
        peer.tell({"op": "ping", "n": 12})
        await peer.answer(12)


async def test_sends_not_acked_yet_are_bounded(gated: RunningGated) -> None:
    async with gated() as (node, store):
        peer = await greeted(node)
        store.go.clear()
        peer.tell_each(*(message(n) for n in range(10, 10 + IN_FLIGHT - 1)))
        assert peer.transport.reading
        peer.tell(message(9))
        assert not peer.transport.reading
        store.go.set()
        await peer.answer(9)
        assert peer.transport.reading
        assert peer.session.in_flight == 0


@pytest.mark.parametrize("first", ["acks", "page"])
async def test_reading_goes_on_when_no_bound_is_reached_any_more(gated: RunningGated, first: str) -> None:
    """Both bounds are reached; one falling must not open what the other closes."""
    async with gated() as (node, store):
        peer = await greeted(node)
        store.go.clear()
        store.pages.clear()
        sends = [message(n) for n in range(1000, 1000 + IN_FLIGHT + 5)]
        peer.tell_each(*sends[: 5 - QUEUED], {"op": "history", "n": 10, "room": "yard"}, *sends[5 - QUEUED :])
        assert peer.transport.reading
        peer.tell_each(*({"op": "ping", "n": n} for n in range(100, 105)))
        assert not peer.transport.reading
        if first == "acks":
            store.go.set()
            await peer.answer(1000 + IN_FLIGHT - QUEUED)
        else:
            store.pages.set()
            await peer.answer(104)
        assert not peer.transport.reading
        store.go.set()
        store.pages.set()
        await eventually(lambda: peer.transport.reading)
        await peer.answer(104)
        await peer.answer(1000 + IN_FLIGHT + 4)
        assert peer.transport.reading


async def test_commands_wait_while_the_socket_is_full(node: Node) -> None:
    """Else one packet of questions would buy any amount of answers, and memory, for a peer that reads none."""
    peer = await greeted(node)
    peer.tell(*(message(n, text="x" * 4000) for n in range(100, 200)))
    await peer.answer(199)
    await eventually(lambda: len(peer.of("event")) >= 100)
    peer.transport.stuck = True
    peer.tell(*({"op": "history", "n": n, "room": "yard", "limit": 100} for n in range(200, 210)))
    await eventually(lambda: peer.transport.paused)
    page = 100 * 4400
    await turns(200)
    assert peer.transport.most_unsent <= 256 * 1024 + page
    for _ in range(5):
        await eventually(lambda: peer.transport.unsent)
        peer.transport.read()
    peer.transport.stuck = False
    peer.transport.read()
    await peer.answer(209)
    assert [f["n"] for f in peer.of("ok") if f["n"] >= 200] == list(range(200, 210))
    assert peer.transport.reading


async def test_a_full_socket_takes_no_commands_of_the_same_packet(node: Node) -> None:
    peer = await greeted(node)
    peer.transport.stuck = True
    peer.transport.high = 1000
    peer.tell(*({"op": "ping", "n": n} for n in range(10, 60)))
    await turns()
    peer.transport.high = 0
    peer.transport.write(b"\x8a\x00")
    assert peer.transport.paused
    peer.connection.data_received(frame(TEXT, '{"op":"ping","n":99}'))
    await turns()
    assert b'"n":99' not in bytes(peer.transport.unsent)
    peer.transport.high = 1 << 20
    peer.transport.stuck = False
    peer.transport.read()
    await peer.answer(99)


# -- bad and hostile ---------------------------------------------------------------------------------------------------


async def test_bad_frames_in_a_row_close(node: Node) -> None:
    peer = await greeted(node)
    for _ in range(BAD_FRAMES - 1):
        peer.tell("{")
    peer.tell({"op": "ping", "n": 10})
    for _ in range(BAD_FRAMES - 1):
        peer.tell('{"op":"nothing"}')
    assert peer.closed is None
    peer.tell("[]")
    await eventually(lambda: peer.closed == 4400)
    await turns()
    assert peer.transport.closing is False, "the peer may finish closing"


async def test_bad_frames_count_as_commands(running: Running) -> None:
    """Judging a bad frame costs more than a good one."""
    async with running(rates=Rates(connection=Rate(0.001, 10))) as node:
        peer = await greeted(node, rooms=())
        for n in range(20):
            peer.tell(*["{"] * 5, {"op": "ping", "n": 100 + n})
        assert await eventually(lambda: [f for f in peer.of("error") if f["code"] == "rate_limited"])
        bad = [f for f in peer.of("error") if f["code"] == "bad_json"]
        assert len(bad) <= 10


async def test_who_goes_on_too_fast_is_closed(running: Running) -> None:
    async with running(rates=Rates(connection=Rate(0.001, 5))) as node:
        peer = await greeted(node, rooms=())
        refused = 0
        n = 10
        while peer.closed is None:
            assert n < 10 + FLOOD * 2
            peer.tell({"op": "ping", "n": n})
            await turns(1)
            n += 1
        await turns()
        refused = len([f for f in peer.of("error") if f["code"] == "rate_limited"])
        assert peer.closed == 4429
        assert refused == FLOOD + node.max_rooms
        assert all(f["retry_ms"] > 0 for f in peer.of("error"))


async def test_who_gets_one_through_now_and_then_is_still_a_flooder(running: Running) -> None:
    """One or two of fifty pass, so refusals never come in a long row."""
    async with running(rates=Rates(connection=Rate(10_000, 10_000), user=Rate(50, 5))) as node:
        peer = await greeted(node)
        n = 10
        while peer.closed is None and peer.transport.reading:
            assert n < 20_000
            for _ in range(10):
                if peer.transport.reading:
                    peer.tell(*(message(n + i) for i in range(5)))
                n += 5
            await asyncio.sleep(0.03)  # for some of the bucket to come back
        await eventually(lambda: peer.closed == 4429)
        await eventually(lambda: not node.appender.waiting)
        assert node.hub.rooms["yard"].next > 3 + 5, "some did get through in between"


async def test_who_waits_as_told_is_never_closed(running: Running) -> None:
    async with running(rates=Rates(connection=Rate(1000, 100), user=Rate(1000, 5))) as node:
        peer = await greeted(node)
        for n in range(10, 10 + FLOOD * 2):
            for attempt in range(20):
                answer = await peer.ask(**message(n * 100 + attempt, cid=f"c-{n}"))
                if answer["op"] == "ok":
                    break
                await asyncio.sleep(answer["retry_ms"] / 1000)
            else:
                pytest.fail("waiting as told did not help")
        assert peer.closed is None


async def test_an_overloaded_server_closes_nobody_for_it(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as node:
        peer = await greeted(node)
        monkeypatch.setattr("madang.services.appender.WAITING", 0)
        peer.tell(*(message(n) for n in range(10, 10 + FLOOD + 10)))
        answer = await peer.answer(10 + FLOOD + 9)
        assert (answer["code"], peer.closed) == ("overloaded", None)
