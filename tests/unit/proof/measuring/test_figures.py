"""Percentiles, and what makes a run complete, or one of the generator."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang_proof.measuring.figures import Figures, times
from madang_proof.measuring.report import LIMITED, meaning, missing, table

GOOD = Figures(
    workload="hot-room", sockets=1000, rooms=1, offered_s=1000, sent=10, acked=10, deliveries=10_000, expected=10_000,
    latency=times([1.0, 2.0]), parsed=10, generator_cpu=0.5, generator_late_ms=1.0,
)  # fmt: skip


def test_percentiles_of_a_hundred() -> None:
    found = times([float(n) for n in range(100, 0, -1)])
    assert found is not None
    assert (found.p50, found.p99, found.max, found.count) == (50, 99, 100, 100)


def test_none_of_nothing() -> None:
    assert times([]) is None


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_so_many_do_not_exceed_a_percentile(noted: list[float]) -> None:
    found = times(noted)
    assert found is not None
    for share, value in ((0.5, found.p50), (0.99, found.p99)):
        assert value in noted
        assert sum(v <= value for v in noted) >= share * len(noted) - 1e-9
        assert sum(v < value for v in noted) < share * len(noted) + 1e-9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"acked": 9}, "1 acks missing"),
        ({"deliveries": 9999}, "1 deliveries missing"),
        ({"deliveries": 10_001}, "1 deliveries too many"),
        ({"disorder": 1}, "1 out of order"),
        ({"lost": 2}, "2 sockets lost"),
        ({"acked": 7, "refused": 3}, "3 refused"),
    ],
)
def test_what_is_not_complete_is_said(change: dict[str, int], said: str) -> None:
    figures = msgspec.structs.replace(GOOD, **change)
    assert GOOD.complete and not figures.complete
    assert missing(figures) == [said]
    assert said in meaning(figures)


@pytest.mark.parametrize("change", [{"generator_cpu": 0.9}, {"generator_late_ms": 5.1}])
def test_figures_of_a_generator_at_its_limit_are_called_so(change: dict[str, float]) -> None:
    assert LIMITED not in meaning(GOOD)
    assert LIMITED in meaning(msgspec.structs.replace(GOOD, **change))


def test_the_table_has_a_column_per_run_and_no_empty_rows() -> None:
    idle = Figures(workload="idle", sockets=5, rooms=1, kb_per_socket=10.0)
    made = table([GOOD, idle])
    assert [column.header for column in made.columns] == ["", "hot-room", "idle"]
    rows = list(made.columns[0].cells)
    assert "server: KB per socket" in rows
    assert "all back s" not in rows


def test_a_budget_is_judged_only_for_its_own_load() -> None:
    assert meaning(GOOD).endswith("the budget is 100 ms: kept.")
    assert "for another load" in meaning(msgspec.structs.replace(GOOD, sockets=20))
    slow = msgspec.structs.replace(GOOD, latency=times([101.0]))
    assert "missed" in meaning(slow)
    assert "missed" not in meaning(msgspec.structs.replace(slow, generator_cpu=1.0))
