"""The checker finds nothing wrong in good histories, and in each mutant what is wrong with it."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang_proof.history import Record, check
from madang_proof.history import records as r
from tests.unit.proof.history import (  # noqa: F401  (they enter their mutants)
    mutants_of_deliveries,
    mutants_of_log,
    mutants_of_papers,
    mutants_of_reads,
)
from tests.unit.proof.history.broken_servers import BROKEN_SERVERS, ForgetsReadPointers
from tests.unit.proof.history.model_server import ModelServer
from tests.unit.proof.history.mutants import MUTANTS, Copy

PLACES = 3  # histories in which each mutant must be caught
SEEDS = 60  # histories in which a place for it is looked for
_good: dict[int, list[Record]] = {}


def good(seed: int) -> Copy:
    """Return a copy of a good history, which is made once."""
    if seed not in _good:
        _good[seed] = ModelServer(seed, users=4, rooms=2).run(700)
    return Copy(_good[seed])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 8), st.integers(1, 4), st.integers(0, 900))
def test_nothing_is_wrong_with_a_good_history(seed: int, users: int, rooms: int, steps: int) -> None:
    verdict = check(ModelServer(seed, users, rooms).run(steps))
    assert verdict.held, str(verdict.violation)


def test_good_histories_touch_every_invariant() -> None:
    checked: Counter[str] = Counter()
    for seed in range(PLACES):
        checked.update({name: result.checked for name, result in check(good(seed).records).results.items()})
    assert min(checked.values()) > 0, checked


@pytest.mark.parametrize("broken", BROKEN_SERVERS, ids=lambda broken: broken.__name__)
def test_a_broken_server_is_caught(broken: type[ModelServer]) -> None:
    caught = 0
    for seed in range(SEEDS):
        verdict = check(broken(seed, users=4, rooms=2).run(600))
        caught += verdict.results[BROKEN_SERVERS[broken]].violation is not None
        if caught == PLACES:
            return
    pytest.fail(f"caught in {caught} histories of {SEEDS}")


def test_a_pointer_that_a_crash_met_unwritten_may_be_lost() -> None:
    """How long it may be unwritten is stated; one that was shown before that is kept."""
    for seed in range(SEEDS):
        records = ForgetsReadPointers(seed, users=4, rooms=2).run(600)
        setup = next(record for record in records if isinstance(record, r.Setup))
        setup.pointers_unwritten = 1 << 40
        assert check(records).results["I18"].violation is None


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    mutate, invariant = MUTANTS[name]
    caught = 0
    for seed in range(SEEDS):
        copy = good(seed)
        if not mutate(copy, random.Random(seed)):
            continue
        verdict = check(copy.records)
        assert verdict.results[invariant].violation, f"seed {seed}: {verdict.violation or 'nothing wrong'}"
        caught += 1
        if caught == PLACES:
            return
    pytest.fail(f"a place was found in {caught} histories of {SEEDS}")
