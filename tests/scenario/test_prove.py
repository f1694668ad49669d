"""`madang prove` itself: it is green on a server that keeps its promises, and finds each promise that a broken server breaks."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from madang.errors import SetupError
from madang_proof.faults import FAULTS
from madang_proof.load import short_tokens
from madang_proof.load.socketio import RECOVERED
from madang_proof.plan import make_plan
from madang_proof.run import prove, prove_url
from madang_proof.testbed.testbed import run_testbed
from madang_proof.verdict import Outcome
from tests.running import madang, madang_in, running_server
from tests.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).parents[2]


def told(outcome: Outcome) -> str:
    """Say what was found, for the message of a failing test."""
    broken = [str(result.violation) for result in outcome.verdict.results.values() if result.violation]
    return "\n".join([*broken, *outcome.broken, f"madang prove --seed {outcome.plan.seed}"])


async def test_what_is_promised_is_kept_through_faults(tmp_path: Path) -> None:
    outcome = await prove(make_plan(7, 8, ["kill", "power"]), tmp_path / "evidence")
    assert outcome.held, told(outcome)
    assert {fault.fault for fault in outcome.injected} == {"kill", "power"}
    untouched = {name for name, result in outcome.verdict.results.items() if not result.checked}
    assert untouched <= {"I2", "I3", "I14"}, "a run touches everything but what luck decides"
    counted = outcome.totals.counted
    assert counted["acks"] > 100 and counted["duplicates"] and counted["connections"] > 28 * 2
    assert counted[RECOVERED] >= 5, "Socket.IO people are back in their sessions"
    assert counted["paper edits saved"] > 50
    kept = {path.name for path in (tmp_path / "evidence").iterdir()}
    assert kept >= {"plan.json", "history.jsonl", "verdict.json", "server.log", "data"}
    assert json.loads((tmp_path / "evidence" / "verdict.json").read_bytes())["held"]


BROKEN = [
    ("drop", {"I8"}),
    ("double", {"I8"}),
    ("swap", {"I8"}),
    ("lie", {"I1", "I5", "I13"}),
    ("forget", {"I13"}),
    ("deaf", {"I11"}),
    ("late", {"I19"}),
    ("believe", {"I19"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "invariants"), BROKEN)
async def test_it_finds_what_a_broken_server_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, invariants: set[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    program = (sys.executable, "-m", "tests.broken_servers", what)
    outcome = await prove(make_plan(7, 4), tmp_path / "evidence", program=program)
    assert not outcome.held
    assert outcome.verdict.violation is not None, told(outcome)
    assert outcome.verdict.violation.invariant in invariants, told(outcome)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["recovers-late", "recovers-early"])
async def test_it_finds_what_a_socketio_session_lacks_or_gets_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    program = (sys.executable, "-m", "tests.broken_servers", what)
    outcome = await prove(make_plan(7, 8, ["kill"]), tmp_path / "evidence", program=program)
    violation = outcome.verdict.violation
    assert violation is not None and violation.invariant == "I8", told(outcome)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "found"), [("ageless", "A connection outlived its token"), ("credulous", "A token let somebody in")]
)
async def test_it_finds_that_tokens_do_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, found: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(short_tokens, "LATE_S", 3.0)
    monkeypatch.setattr(short_tokens, "LIFE_S", (2.0, 4.0))
    program = (sys.executable, "-m", "tests.broken_servers", what)
    outcome = await prove(make_plan(7, 12), tmp_path / "evidence", program=program)
    assert not outcome.held
    assert any(sentence.startswith(found) for sentence in outcome.broken), told(outcome)


@pytest.mark.slow
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


async def test_status_0_and_json_for_machines(tmp_path: Path) -> None:
    run = ("prove", "--seed", "5", "--seconds", "1", "--no-faults", "--evidence", tmp_path / "evidence")
    done = await madang(*run, "--json")
    verdict = json.loads(done.out)
    assert (done.status, done.err, verdict["held"], verdict["seed"]) == (0, "", True, 5)
    assert verdict == json.loads((tmp_path / "evidence" / "verdict.json").read_bytes())
    again = await madang(*run)
    assert (again.status, again.out) == (2, "")
    assert "is not empty" in again.err and again.err.count("\n") == 1


async def test_without_a_folder_the_evidence_is_in_a_temporary_one(tmp_path: Path) -> None:
    (there := tmp_path / "temporary").mkdir()
    (here := tmp_path / "here").mkdir()
    run = ("prove", "--seed", "5", "--seconds", "1", "--no-faults")
    done = await madang_in(here, *run, TMPDIR=str(there))
    (folder,) = there.glob("madang-prove-5-*")
    assert (done.status, done.err) == (0, "")
    assert f"\nEvidence  {folder}\n" in done.out
    assert json.loads((folder / "verdict.json").read_bytes())["evidence"] == str(folder)
    assert list(here.iterdir()) == []


async def test_status_1_names_the_promise_that_was_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with run_testbed(
        tmp_path / "server", program=(sys.executable, "-m", "tests.broken_servers", "drop")
    ) as testbed:
        run = ("prove", "--seed", "5", "--seconds", "2", "--url", testbed.url)
        done = await madang(*run, "--evidence", tmp_path / "evidence")
    assert done.status == 1
    assert "Not proven." in done.out and "\nI8 " in done.out
    verdict = json.loads((tmp_path / "evidence" / "verdict.json").read_bytes())
    (first,) = [row for row in verdict["invariants"] if row["first"]]
    assert first["invariant"] == "I8" and first["violation"]["records"]
    assert "prove-" in verdict["left"]


async def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    run = ("prove", "--seed", "5", "--seconds", "600", "--no-faults", "--evidence", str(tmp_path / "evidence"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "madang", *run, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    history = tmp_path / "evidence" / "history.jsonl"
    await eventually(lambda: history.exists() and b'"is":"sample"' in history.read_bytes())  # everybody is there
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all that it started
    out, error = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert (process.returncode, error) == (130, b"")
    assert "Every invariant held until the interruption." in out.decode()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
async def test_all_faults_under_several_seeds(tmp_path: Path, seed: int) -> None:
    possible = [name for name, fault in FAULTS.items() if fault.unavailable() is None]
    outcome = await prove(make_plan(seed, 60, possible), tmp_path / "evidence")
    assert outcome.held, told(outcome)
