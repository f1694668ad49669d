"""Waiting at a start: said once and then at intervals, ended by the server, the limit or a stop."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from madang.errors import SetupError, Unreachable
from madang.node.waiting import StartTimeout, StoppedWaiting
from madang.testing import VirtualLoop


def run(limit_s: float, answers: Callable[[float], str | None], stop_s: float | None = None) -> float:
    """Wait for a server that says, at a time, why it cannot be reached; return how long it took."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        began, stop = loop.time(), asyncio.Event()
        if stop_s is not None:
            loop.call_later(stop_s, stop.set)

        async def attempt() -> float:
            if why := answers(loop.time() - began):
                raise Unreachable(why, "Start it.")
            return loop.time() - began

        return await StartTimeout(limit_s, stop).until_reached(attempt)

    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def test_it_is_said_once_then_at_intervals_and_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    took = run(300, lambda now: "Nobody is there." if now < 100 else None)
    assert 100 <= took <= 102
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "Nobody is there. Waiting for it, 300 s at most."
    assert len(lines) == 1 + 3 + 1 and all(line.startswith("Nobody is there. Still") for line in lines[1:4])
    assert "can be reached" in lines[-1]


def test_another_reason_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    run(300, lambda now: "Refused." if now < 3 else "It starts up." if now < 6 else None)
    assert [record.getMessage().split(".")[0] for record in caplog.records] == ["Refused", "It starts up"]


def test_it_ends_at_its_limit_and_when_it_is_told_to() -> None:
    with pytest.raises(Unreachable, match="Nobody"):
        run(10, lambda _: "Nobody is there.")
    with pytest.raises(Unreachable, match="Nobody"):
        run(0, lambda _: "Nobody is there.")
    with pytest.raises(StoppedWaiting):
        run(300, lambda _: "Nobody is there.", stop_s=5)


async def test_what_waiting_cannot_mend_is_not_waited_for() -> None:
    async def attempt() -> None:
        raise SetupError("The password is wrong.", "Correct it.")

    with pytest.raises(SetupError, match="wrong"):
        await StartTimeout(300, asyncio.Event()).until_reached(attempt)
