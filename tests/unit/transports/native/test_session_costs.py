"""The session: what is large or takes long is paid for, and who owes far too much is not read for a while."""

import pytest

from madang.core import costs
from madang.core.rate import Rate
from madang.services.limits import Rates
from madang.transports.native import session
from tests.unit.transports.conftest import Running
from tests.unit.transports.peers import greeted, message
from tests.waiting import eventually, turns

RATES = Rates(connection=Rate(0.1, 200))  # nothing comes back while a test runs


@pytest.mark.parametrize("op", ["ping", "history", "react", "send", "nope"])
async def test_large_frames_are_paid_for_by_bytes_whatever_becomes_of_them(running: Running, op: str) -> None:
    async with running(rates=RATES) as node:
        peer = await greeted(node)
        for n in range(10, 40):
            peer.tell({"op": op, "n": n, "room": "yard", "cid": f"c-{n}", "x": "x" * 60_000})
            await peer.answer(n)
            if peer.of("error")[-1]["code"] == "rate_limited":
                break
        assert 200 // 15 - 1 <= n - 10 <= 200 // 15 + 1
        assert peer.of("error")[-1]["retry_ms"] > 0


async def test_time_is_paid_for(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes forward by 1 ms whenever it is looked at stands for an expensive shape."""
    async with running(rates=RATES) as node:
        peer = await greeted(node)
        clock = iter(range(10**9))
        monkeypatch.setattr(session, "thread_time", lambda: next(clock) / 1000 + 1)
        for n in range(10, 400):
            peer.tell({"op": "ping", "n": n, "x": "x" * costs.MEASURED})
            if (await peer.answer(n))["op"] == "error" or not peer.transport.reading:
                break
        assert 200 * costs.SECONDS * 1000 - 2 <= n - 10 <= 200 * costs.SECONDS * 1000 + 2
        monkeypatch.undo()


async def test_small_frames_are_not_measured(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(rates=RATES) as node:
        peer = await greeted(node)
        monkeypatch.setattr(session, "thread_time", lambda: pytest.fail("looked at the clock"))
        assert (await peer.ask(**message(10)))["op"] == "ok"


async def test_who_owes_too_much_is_not_read_until_it_is_paid(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(rates=Rates(connection=Rate(1000, 1000))) as node:
        peer = await greeted(node)
        clock = iter(range(10**9))
        monkeypatch.setattr(session, "thread_time", lambda: float(next(clock)) * 0.12 + 1)
        peer.tell({"op": "ping", "n": 10, "x": "x" * costs.MEASURED}, {"op": "ping", "n": 11})
        monkeypatch.undo()
        await peer.answer(10)
        await turns()
        assert peer.answered(11) is None, "what came in the same packet waits, too"
        assert not peer.transport.reading
        answered = None
        while answered is None:
            node.wheel.turn()
            await turns(1)
            answered = peer.answered(11)
        assert peer.transport.reading


async def test_who_is_gone_while_it_rests_leaves_nothing(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(rates=Rates(connection=Rate(1000, 1000))) as node:
        peer = await greeted(node)
        clock = iter(range(10**9))
        monkeypatch.setattr(session, "thread_time", lambda: float(next(clock)) * 10 + 1)
        peer.tell({"op": "ping", "n": 10, "x": "x" * costs.MEASURED}, {"op": "ping", "n": 11})
        monkeypatch.undo()
        peer.transport.abort()
        await eventually(lambda: peer.transport.lost)
        for _ in range(3):
            node.wheel.turn()
        assert peer.answered(11) is None
