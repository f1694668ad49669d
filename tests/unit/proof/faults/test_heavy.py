"""After heavy neighbours, what a server still holds is found, and what comes and goes anyway is not."""

import pytest

from madang_proof.faults.heavy import FILES, grown
from madang_proof.history.records import Sample

BEFORE = Sample(0, "storm", 120 << 20, 70, 9)


def test_what_is_as_before_is_not_found() -> None:
    assert grown(BEFORE, BEFORE) == []
    assert grown(BEFORE, Sample(1, "storm", 140 << 20, 70 + FILES, 12)) == []
    assert grown(BEFORE, Sample(1, "storm", 126 << 20, 70, 9), own=0) == []
    assert grown(BEFORE, Sample(1, "storm", 127 << 20, 70, 9), own=0)


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (Sample(1, "storm", 143 << 20, 70, 9), "rss was 125,829,120"),
        (Sample(1, "storm", 120 << 20, 170, 9), "fds was 70 and is 170"),
        (Sample(1, "storm", 120 << 20, 70, 9, tasks=500), "tasks was 0 and is 500"),
        (Sample(1, "storm", 120 << 20, 70, 60), "threads was 9 and is 60"),
    ],
)
def test_what_does_not_come_back_is_found(after: Sample, what: str) -> None:
    (found,) = grown(BEFORE, after)
    assert found.startswith(what)
