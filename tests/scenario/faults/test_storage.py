"""F1 to F5, F7, F11 to F13: process, power, disk and clock fail under load, and every promise holds."""

import random
from pathlib import Path

import pytest

from madang_proof.faults import FAULTS
from madang_proof.plan import make_plan
from madang_proof.run import prove
from tests.scenario.faults.needs import need

SHORT = ["after-commit", "before-commit", "before-fanout", "torn", "disk-full", "fsync", "clock"]
ALL = [*SHORT, "kill", "before-ack", "power"]  # kill and power are in test_prove.py, too


async def held(folder: Path, seed: int, seconds: float, faults: list[str]) -> None:
    """Run a plan, and say what did not hold."""
    for name in faults:
        await need(name)
    outcome = await prove(make_plan(seed, seconds, faults), folder / "evidence")
    broken = [str(result.violation) for result in outcome.verdict.results.values() if result.violation]
    assert outcome.held, "\n".join([*broken, *outcome.broken, f"seed {seed}, {seconds} s: {' '.join(faults)}"])
    assert {injected.fault for injected in outcome.injected} == set(faults)


async def test_what_process_disk_and_clock_do_changes_no_promise(tmp_path: Path) -> None:
    await held(tmp_path, 11, 6, SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ALL)
async def test_again_and_again(tmp_path: Path, fault: str) -> None:
    """One fault, for a minute, as often as there is time; the seed is told when it fails."""
    await held(tmp_path, random.SystemRandom().getrandbits(32), 60, [fault])


def test_every_fault_of_this_page_is_tried() -> None:
    numbers = {FAULTS[name].number for name in ALL}
    assert numbers == {"F1", "F2", "F3", "F4", "F5", "F7", "F11", "F12", "F13"}
