"""SIGTERM and Ctrl-C end a command in its own time, and are what they were when it has ended."""

import asyncio
import os
import signal

import pytest
import uvloop

from madang.cli.signals import STOP_SIGNALS, stop_signals
from tests.waiting import PATIENCE_S

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_stops_and_then_does_what_it_did_before(number: signal.Signals, loop: str) -> None:
    async def stopped() -> None:
        stop = asyncio.Event()
        with stop_signals(stop):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), PATIENCE_S)

    before = [signal.getsignal(each) for each in STOP_SIGNALS]
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(stopped())
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == before


async def test_a_failure_leaves_no_handler_behind() -> None:
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    with pytest.raises(RuntimeError), stop_signals(asyncio.Event()):
        raise RuntimeError
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before
