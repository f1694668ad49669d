"""A clock that moves when it is told to."""


class FakeClock:
    """Unix milliseconds under control: `clock()` reads, `clock.step(ms)` moves, also back."""

    def __init__(self, ms: int = 1_795_000_000_000) -> None:
        self.ms = ms

    def __call__(self) -> int:
        return self.ms

    def step(self, ms: int) -> None:
        """Move by `ms`; a negative one steps the clock back."""
        self.ms += ms
