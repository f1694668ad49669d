"""What counts as flood: those who keep to the rules are not closed, whoever else spends their rate; those who do not are."""

import heapq
from random import Random

import pytest

from madang.core.events import RoomChanged
from madang.core.rate import Rate
from madang.errors import Limited
from madang.services.limits import Limits, Rates
from madang.transports.conduct import BAD_FRAMES, FLOOD, Conduct
from tests.unit.delivery.nodes import OWNER
from tests.unit.transports.conftest import Running, RunningGated
from tests.unit.transports.peers import Peer, greeted, message
from tests.waiting import eventually, turns
from tests.wire import PING, frame


@pytest.mark.parametrize("rooms", [1, 2, 10, 64])
@pytest.mark.parametrize("others", [0, 1, 20])
def test_who_keeps_to_the_window_is_never_a_flooder(rooms: int, others: int) -> None:
    """One write a room, each again when told, while the user's other devices spend the same rate as they like."""
    random, limits, conduct = Random(rooms * 100 + others), Limits(Rates()), Conduct(rooms)
    due = [(random.random(), room) for room in range(rooms)]
    now, stored, refused = 0.0, 0, 0
    while stored < 2_000 and now < 1_000:
        now, room = heapq.heappop(due)
        for _ in range(others):
            try:
                limits.appends.append("u", "elsewhere", now)
            except Limited:
                pass
        try:
            limits.appends.append("u", f"room-{room}", now)
            conduct.handled()
            stored += 1
            heapq.heappush(due, (now + 0.001, room))
        except Limited as limited:
            refused += 1
            close = conduct.refused(limited, now, named=True, greeted=True)
            assert close is None, f"closed after {stored} stored and {refused} refused"
            heapq.heappush(due, (now + limited.retry_ms / 1000, room))
    if not others:
        assert now < 1.1 * (2_000 - 30) / 10 + rooms, "they arrive at the allowed rate"
        assert refused < 1.3 * 2_000, "nobody is told to come back for nothing"


def test_who_does_not_wait_is_a_flooder() -> None:
    limits, conduct = Limits(Rates()), Conduct(0)
    for n in range(10_000):
        now = n * 0.01
        try:
            limits.appends.append("u", "room", now)
            conduct.handled()
        except Limited as limited:
            if conduct.refused(limited, now, named=True, greeted=True) == (4429, "flood"):
                break
    else:
        pytest.fail("never closed")
    assert n < 3 * FLOOD


async def test_acks_come_before_the_close(gated: RunningGated) -> None:
    """A client that was not told what is stored sends all of it again, and is closed again."""
    async with gated(Rates()) as (node, store):
        peer = await greeted(node)
        store.go.clear()
        peer.tell(*(message(n) for n in range(10, 10 + 3 * FLOOD)))
        await turns(20)
        assert peer.closed is None
        store.go.set()
        await eventually(lambda: peer.closed == 4429)
        acked = [f["n"] for f in peer.of("ok") if f["n"] >= 10]
        assert acked[:29] == list(range(10, 39))  # and one more for each 100 ms that all this takes


async def test_acks_come_before_the_close_for_a_flood_of_pings(gated: RunningGated) -> None:
    async with gated(Rates()) as (node, store):
        peer = await greeted(node)
        store.go.clear()
        peer.tell(*(message(n) for n in range(10, 15)))
        peer.send(b"".join(frame(PING, "") for _ in range(200)))
        await turns(20)
        assert peer.closed is None
        store.go.set()
        await eventually(lambda: peer.closed == 4429)
        assert [f["n"] for f in peer.of("ok") if f["n"] >= 10] == list(range(10, 15))


async def test_what_comes_behind_a_flood_is_not_handled(gated: RunningGated) -> None:
    async with gated(Rates()) as (node, store):
        peer = await greeted(node)
        store.go.clear()
        peer.tell(*(message(n) for n in range(10, 10 + 3 * FLOOD)), {"op": "ping", "n": 9})
        store.go.set()
        await eventually(lambda: peer.closed == 4429)
        assert peer.answered(9) is None


async def test_what_is_pipelined_behind_a_refused_hello_is_held_against_nobody(running: Running) -> None:
    async with running(rates=Rates(address=Rate(0.01, 3))) as node:
        token = (await greeted(node, rooms=())).answered(1)["token"]  # type: ignore[index]
        peer = Peer(node).connect()
        peer.tell({"op": "hello", "n": 1, "guest": "Mina"}, *(message(n) for n in range(2, 2 + 2 * BAD_FRAMES)))
        assert (await peer.answer(1))["code"] == "rate_limited"
        for n in range(2, 2 + 2 * BAD_FRAMES):
            assert (await peer.answer(n))["code"] == "hello_first"
        assert peer.closed is None
        assert (await peer.ask(op="hello", n=50, token=token))["op"] == "ok", "one may say it again"


@pytest.mark.parametrize("slow_ms", [0, 60_000])
async def test_a_resend_of_what_is_stored_is_not_refused(running: Running, slow_ms: int) -> None:
    """The ack was lost, and meanwhile the user's rate is spent, or the room is in slow mode."""
    async with running(rates=Rates(user=Rate(0.001, 5))) as node:
        await node.rooms.change(OWNER, "yard", RoomChanged(slow_ms=slow_ms))
        peer = await greeted(node)
        token = peer.answered(1)["token"]  # type: ignore[index]
        for n in range(10, 15):
            await peer.ask(**message(n))
        assert (await peer.ask(**message(20))).get("code") in ("rate_limited", "slow_mode")
        again = Peer(node).connect()
        again.tell({"op": "hello", "n": 1, "token": token}, {"op": "join", "n": 2, "room": "yard"})
        first = await again.ask(**message(10))
        assert first["duplicate"]
        assert (await again.ask(**message(30, "c-10", "other")))["code"] == "conflict"
        assert (await again.ask(**message(31)))["code"] in ("rate_limited", "slow_mode")


async def test_a_resend_costs_nothing(running: Running) -> None:
    async with running(rates=Rates(user=Rate(0.001, 10))) as node:
        peer = await greeted(node)
        await peer.ask(**message(10))
        for n in range(100, 150):
            assert (await peer.ask(**message(n, cid="c-10")))["duplicate"]
        for n in range(11, 19):  # the first and the join are two of ten
            assert (await peer.ask(**message(n)))["op"] == "ok"
