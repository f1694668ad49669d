"""F8 to F10 and F33 to F36: processes stand still, clients do not read, the network fails, and every promise holds."""

import random
from pathlib import Path

import pytest

from madang_proof.faults import FAULTS, Fault
from madang_proof.faults.freeze import Freeze
from madang_proof.faults.slow import Deaf, Sleeper
from madang_proof.faults.storm import Storm
from madang_proof.plan import make_plan
from madang_proof.run import prove
from madang_proof.verdict import Injected
from tests.scenario.faults.needs import need

PROCESSES = ["freeze", "sleeper", "deaf", "drain"]
NETWORK = ["one-way", "tear", "slice", "storm"]
SOON = {"ping_s": "1"}
LIMITED = SOON | {  # so few handshakes that a storm is turned away
    "load_test": "0", "user_rate": "50", "user_burst": "200", "command_rate": "200", "address_rate": "2000",
    "max_sockets_per_address": "20000", "handshake_rate": "50",
}  # fmt: skip


async def held(
    folder: Path, seed: int, seconds: float, faults: list[str], settings: dict[str, str] = SOON
) -> tuple[Injected, ...]:
    """Run a plan, and say what did not hold; gives what each strike did."""
    for name in faults:
        await need(name)
    plan = make_plan(seed, seconds, faults)
    outcome = await prove(plan, folder / "evidence", settings=plan.settings | settings)
    broken = [str(result.violation) for result in outcome.verdict.results.values() if result.violation]
    assert outcome.held, "\n".join([*broken, *outcome.broken, f"seed {seed}, {seconds} s: {' '.join(faults)}"])
    assert {injected.fault for injected in outcome.injected} == set(faults)
    return tuple(outcome.injected)


async def test_who_stands_still_or_does_not_read_harms_nobody(tmp_path: Path) -> None:
    await held(tmp_path, 21, 6, PROCESSES)


async def test_a_network_that_cuts_tears_and_slices_loses_nothing(tmp_path: Path) -> None:
    injected = await held(tmp_path, 22, 6, NETWORK, LIMITED)
    assert ", 0 turned away" not in next(each.note for each in injected if each.fault == "storm")


@pytest.mark.slow
@pytest.mark.parametrize("fault", [*PROCESSES, *NETWORK])
async def test_again_and_again(tmp_path: Path, fault: str) -> None:
    """One fault, for a minute, as often as there is time; the seed is told when it fails."""
    await held(tmp_path, random.SystemRandom().getrandbits(32), 60, [fault], {})


LONG = [Freeze(32.0, least_s=31.0), Sleeper(until_closed=True), Deaf(200), Storm(5000, back_s=90.0)]


@pytest.mark.slow
@pytest.mark.parametrize("fault", LONG, ids=lambda fault: fault.name)
async def test_for_long_and_by_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """Longer than a lease; until the server closes; 200 who never read; 5,000 who come back within a second."""
    monkeypatch.setitem(FAULTS, fault.name, fault)
    await held(tmp_path, 23, 10, [fault.name], {})


def test_every_fault_of_this_page_is_tried() -> None:
    numbers = {FAULTS[name].number for name in [*PROCESSES, *NETWORK]}
    assert numbers == {"F8", "F9", "F10", "F33", "F34", "F35", "F36"}
