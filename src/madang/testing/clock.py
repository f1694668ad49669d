"""Time under a test's control: a wall clock, and an event loop in virtual time."""

import asyncio
import selectors


class FakeClock:
    """Unix milliseconds: `clock()` reads them, `clock.step(ms)` moves them."""

    def __init__(self, ms: int = 1_795_000_000_000) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms

    def step(self, ms: int) -> None:
        """Move by `ms`; a negative one steps the clock back."""
        self.ms += ms


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time: when everything waits, its clock jumps to the next timer.

    An hour passes in no time, a busy machine makes no difference, and equal calls always interleave alike. It is for code
    without sockets and threads, whose events it would never see: if everything waits for one of these, it raises
    RuntimeError instead of hanging.
    """

    def __init__(self) -> None:
        self._now = 1000.0  # seconds
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Move the clock forward; callbacks that are due by then run in the loop's next turn."""
        self._now += seconds

    def clock_ms(self) -> int:
        """Return the Unix milliseconds of a wall clock that moves with the loop's."""
        return 1_795_000_000_000 + int(self._now * 1000)


class _Jump(selectors.SelectSelector):
    """A selector that selects nothing, and lets virtual time pass instead of waiting."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("Everything waits, and nothing is left that could happen.")
        self._loop.pass_time(max(0.0, timeout))
        return []
