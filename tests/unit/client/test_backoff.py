"""Waits grow and are bounded; close codes decide whether there is a next time."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.client.backoff import FIRST_S, LATER_S, LONGEST_S, Backoff, reconnect_after
from madang.codes import CLOSES


def test_bounds_double_up_to_the_longest() -> None:
    backoff = Backoff(lambda: 1.0)
    waits = [backoff.delay() for _ in range(40)]
    assert waits[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert waits == sorted(waits) and waits[-1] == LONGEST_S
    backoff.succeeded()
    assert backoff.delay() == FIRST_S


@given(st.floats(0, 1), st.integers(0, 100))
def test_the_wait_lies_between_nothing_and_the_bound(chance: float, failures: int) -> None:
    backoff = Backoff(lambda: chance)
    for _ in range(failures):
        assert 0 <= backoff.delay() <= LONGEST_S
    assert LATER_S <= backoff.later() <= 2 * LATER_S + LONGEST_S


@pytest.mark.parametrize("outage_s", [1.0, 5.0, 30.0, 600.0])
def test_the_wait_does_not_grow_with_the_outage_and_spreads_those_who_return(outage_s: float) -> None:
    """Thousands that were cut off together are back soon after the outage, and not all in one moment."""
    dice, clients = Random(5), 5_000
    late: list[float] = []
    for _ in range(clients):
        backoff, now = Backoff(dice.random), 0.0
        while now <= outage_s:
            now += backoff.delay()
        late.append(now - outage_s)
    late.sort()
    assert late[clients // 2] <= 1.3
    assert late[clients * 95 // 100] <= 3.3
    assert late[-1] <= LONGEST_S
    by_tenths = Counter(int(each * 10) for each in late)
    assert max(by_tenths.values()) <= clients * (0.06 if outage_s >= 5 else 0.15)


@pytest.mark.parametrize("code", sorted(CLOSES))
def test_the_table_decides(code: int) -> None:
    assert reconnect_after(code) == CLOSES[code].reconnect


@pytest.mark.parametrize("code", [1006, 3000, 4999])
def test_an_unknown_code_is_an_accident(code: int) -> None:
    assert reconnect_after(code) == "resume"
