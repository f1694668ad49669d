"""Rates: one float per bucket (the generic cell rate algorithm, ITU-T I.371). No clock: `now` is an argument, in seconds."""

import math
from typing import Final, NamedTuple

import msgspec

FREE: Final = 0.0
TURNS_S: Final = 30.0  # over which those who were refused are spread; clients that are told to wait longer give up
_ROUNDING: Final = 1e-6  # seconds: the error of a sum of floats, which nobody has to wait for


class Rate(msgspec.Struct, frozen=True):
    """At most `per_second` on average and `burst` at once. A `per_second` of 0 means no limit."""

    per_second: float
    burst: int

    @property
    def each_ms(self) -> int:
        """The milliseconds that each one is apart in the long run, rounded up; 0 for no limit."""
        return math.ceil(1000 / self.per_second) if self.per_second else 0


class Left(NamedTuple):
    """What is left of a rate: how many may come at once, and in how many seconds as many as ever."""

    rate: Rate
    left: int
    full_s: float


class Bucket:
    """One flow limited to a rate, in two floats of state."""

    __slots__ = ("_full_at", "_told_at")

    def __init__(self) -> None:
        self._full_at = FREE  # when nothing will be owed any more
        self._told_at = FREE  # when the last of those who were refused is to come back

    def take(self, rate: Rate, now: float, n: int = 1) -> float:
        """Take `n` from the bucket. Return 0.0, or the seconds to wait if nothing was taken."""
        per_second = rate.per_second
        if not per_second:
            return FREE
        full_at = self._full_at
        full_at = (full_at if full_at > now else now) + n / per_second  # max() would be a third of the cost
        wait = full_at - now - rate.burst / per_second
        if wait > _ROUNDING:
            return wait
        self._full_at = full_at
        return FREE

    def give_back(self, rate: Rate, n: int = 1) -> None:
        """Put back what was taken for something that turned out to cost nothing."""
        if rate.per_second:
            self._full_at -= n / rate.per_second

    def turn(self, rate: Rate, now: float, wait: float, n: int = 1) -> float:
        """Return when one who was refused is to come back, in seconds: a turn behind the last one who was told.

        Were all told the same wait, they would come back together, and be refused together again.

        Args:
            wait: what `take` returned for them, and `n` what they asked for.
        """
        ahead = max(FREE, self._told_at - now)
        self._told_at = max(self._told_at, now) + n / rate.per_second
        return wait + ahead % TURNS_S

    def charge(self, rate: Rate, now: float, n: int) -> None:
        """Take `n` whether they are there or not: what is missing is owed."""
        if rate.per_second:
            self._full_at = max(self._full_at, now) + n / rate.per_second

    def owed(self, now: float) -> float:
        """Return the seconds until nothing is owed any more."""
        return max(FREE, self._full_at - now)

    def left(self, rate: Rate, now: float) -> int:
        """Return how many could be taken at once."""
        return max(0, math.floor(rate.burst + (_ROUNDING - self.owed(now)) * rate.per_second))

    def idle(self, now: float) -> bool:
        """Return whether the bucket is full again, so that it can be forgotten."""
        return self._full_at <= now and self._told_at <= now


def left(bucket: Bucket | None, rate: Rate, now: float) -> Left | None:
    """Return what is left of a rate in a bucket; without one all of it. None where there is no limit."""
    if not rate.per_second:
        return None
    return Left(rate, rate.burst, FREE) if bucket is None else Left(rate, bucket.left(rate, now), bucket.owed(now))
