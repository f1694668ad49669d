"""A bucket never lets through more than its rate, and its word on when to come back is good."""

import math

from hypothesis import given
from hypothesis import strategies as st

from madang.core.rate import Bucket, Left, Rate, left

RATE = st.builds(Rate, per_second=st.floats(0.1, 1000), burst=st.integers(1, 100))
GAPS = st.lists(st.floats(0, 2), min_size=1, max_size=200)


@given(RATE, GAPS)
def test_no_more_than_burst_and_rate_pass(rate: Rate, gaps: list[float]) -> None:
    bucket, now, passed = Bucket(), 1000.0, 0
    for gap in gaps:
        now += gap
        passed += bucket.take(rate, now) == 0
    assert passed <= rate.burst + rate.per_second * (now - 1000.0 - gaps[0]) + 1e-6


@given(RATE, GAPS)
def test_waiting_as_told_succeeds(rate: Rate, gaps: list[float]) -> None:
    bucket, now = Bucket(), 1000.0
    for gap in gaps:
        now += gap
        wait = bucket.take(rate, now)
        if wait:
            retry_ms = math.ceil(wait * 1000)
            assert retry_ms > 0
            now += retry_ms / 1000
            assert bucket.take(rate, now + 1e-9) == 0


@given(RATE, GAPS)
def test_what_is_left_can_be_taken_and_no_more(rate: Rate, gaps: list[float]) -> None:
    bucket, now = Bucket(), 1000.0
    assert left(None, rate, now) == left(bucket, rate, now) == Left(rate, rate.burst, 0.0)
    for gap in gaps:
        now += gap
        bucket.take(rate, now)
        there = left(bucket, rate, now)
        assert there is not None and 0 <= there.left <= rate.burst
        assert bucket.take(rate, now, there.left + 1) > 0
        assert bucket.take(rate, now, there.left) == 0
        bucket.give_back(rate, there.left)
        assert bucket.left(rate, now + there.full_s) == rate.burst
    assert left(bucket, Rate(0, 0), now) is None


def test_what_is_owed_leaves_nothing() -> None:
    bucket, rate = Bucket(), Rate(per_second=1, burst=2)
    bucket.charge(rate, 0.0, 5)
    assert left(bucket, rate, 1.0) == Left(rate, 0, 4.0)


def test_a_refusal_takes_nothing() -> None:
    bucket, rate = Bucket(), Rate(per_second=1, burst=2)
    assert [bucket.take(rate, 0.0) for _ in range(2)] == [0, 0]
    assert [bucket.take(rate, 0.0) for _ in range(3)] == [1, 1, 1]
    assert bucket.take(rate, 1.0) == 0


def test_a_burst_may_be_taken_at_once() -> None:
    bucket, rate = Bucket(), Rate(per_second=10, burst=50)
    assert bucket.take(rate, 0.0, n=50) == 0
    assert bucket.take(rate, 0.0) > 0


def test_no_rate_means_no_limit() -> None:
    bucket, none = Bucket(), Rate(per_second=0, burst=1)
    assert not any(bucket.take(none, 0.0) for _ in range(10_000))


def test_a_bucket_is_idle_once_full_again() -> None:
    bucket, rate = Bucket(), Rate(per_second=2, burst=2)
    assert bucket.idle(0.0)
    bucket.take(rate, 0.0)
    assert not bucket.idle(0.4)
    assert bucket.idle(0.5)
