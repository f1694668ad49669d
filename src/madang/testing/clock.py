"""Time that moves when it is told to: a wall clock, and an event loop whose seconds cost nothing."""

import asyncio
import selectors


class FakeClock:
    """Unix milliseconds under control: `clock()` reads, `clock.step(ms)` moves, also back."""

    def __init__(self, ms: int = 1_795_000_000_000) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms

    def step(self, ms: int) -> None:
        """Move by `ms`; a negative one steps the clock back."""
        self.ms += ms


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time: when everything waits, its clock jumps to the next timer.

    So an hour passes in no time, a busy machine changes nothing, and equal calls always interleave alike. It is for
    code without sockets and threads, whose events it would never see: what waits for one of these is stuck, and the
    loop says so (RuntimeError) instead of hanging.
    """

    def __init__(self) -> None:
        self._now = 1000.0  # seconds
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Move the clock on; what is due by then is called in the loop's next turn."""
        self._now += seconds

    def clock_ms(self) -> int:
        """Unix milliseconds of a wall clock that goes with the loop."""
        return 1_795_000_000_000 + int(self._now * 1000)


class _Jump(selectors.SelectSelector):
    """Selects nothing, and takes no time but the loop's own."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("Everything waits, and nothing is left that could happen.")
        self._loop.pass_time(max(0.0, timeout))
        return []
