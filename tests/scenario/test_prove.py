"""`madang prove` itself: it is green on a server that keeps its promises, and finds each promise that a saboteur breaks."""

import json
import sys
from pathlib import Path

import pytest

from madang.errors import SetupError
from madang.proving.faults import FAULTS
from madang.proving.plan import make_plan
from madang.proving.run import prove, prove_url
from madang.proving.verdict import Outcome
from tests.running import running_server

ROOT = Path(__file__).parents[2]


def told(outcome: Outcome) -> str:
    """Say what was found, for the message of a failing test."""
    broken = [str(result.violation) for result in outcome.verdict.results.values() if result.violation]
    return "\n".join([*broken, *outcome.broken, f"madang prove --seed {outcome.plan.seed}"])


async def test_what_is_promised_is_kept_through_faults(tmp_path: Path) -> None:
    outcome = await prove(make_plan(7, 8, ["kill", "power"]), tmp_path / "evidence")
    assert outcome.held, told(outcome)
    assert {fault.fault for fault in outcome.struck} == {"kill", "power"}
    untouched = {name for name, result in outcome.verdict.results.items() if not result.checked}
    assert untouched <= {"I3"}, "a run touches everything but what luck decides"
    counted = outcome.totals.counted
    assert counted["acks"] > 200 and counted["duplicates"] and counted["connections"] > 28 * 2
    kept = {path.name for path in (tmp_path / "evidence").iterdir()}
    assert kept >= {"plan.json", "history.jsonl", "verdict.json", "server.log", "data"}
    assert json.loads((tmp_path / "evidence" / "verdict.json").read_bytes())["held"]


SABOTAGE = [
    ("drop", {"I8"}),
    pytest.param("double", {"I8"}, marks=pytest.mark.slow),
    pytest.param("swap", {"I8"}, marks=pytest.mark.slow),
    pytest.param("lie", {"I1", "I5", "I13"}, marks=pytest.mark.slow),
    ("forget", {"I13"}),
    pytest.param("deaf", {"I11"}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("what", "invariants"), SABOTAGE)
async def test_it_finds_what_a_saboteur_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, invariants: set[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    program = (sys.executable, "-m", "tests.sabotage", what)
    outcome = await prove(make_plan(7, 4), tmp_path / "evidence", program=program)
    assert not outcome.held
    assert outcome.verdict.violation is not None, told(outcome)
    assert outcome.verdict.violation.invariant in invariants, told(outcome)


async def test_a_running_server_is_loaded_with_its_own_limits(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        outcome = await prove_url(make_plan(3, 3), tmp_path / "evidence", server.direct_url, "prove-x-")
    assert outcome.held, told(outcome)
    assert not outcome.verdict.results["I25"].checked, "nobody looks into somebody else's process"
    assert "prove-x-room-1" in outcome.left


async def test_it_says_in_one_sentence_why_it_cannot_run(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(SetupError, match="is not empty"):
        await prove(make_plan(1, 1), tmp_path)
    with pytest.raises(SetupError, match="No guest is let in"):
        await prove_url(make_plan(1, 1), tmp_path / "evidence", "ws://127.0.0.1:1/ws", "x-")
    with pytest.raises(SetupError, match="did not start"):
        await prove(make_plan(1, 1), tmp_path / "evidence", program=(sys.executable, "-m", "madang.nothing"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
async def test_ten_seeds_in_a_row(tmp_path: Path, seed: int) -> None:
    possible = [name for name, fault in FAULTS.items() if fault.missing() is None]
    outcome = await prove(make_plan(seed, 60, possible), tmp_path / "evidence")
    assert outcome.held, told(outcome)
