"""Each fault with the protection against it switched off: the violation is caught, and named.

`tests.broken_servers` says what each name switches off. `docs/reference/faults.md` shows the same table.
"""

import sys
from pathlib import Path

import pytest

from madang_proof.faults import FAULTS
from madang_proof.faults.fault import Fault
from madang_proof.faults.freeze import Freeze
from madang_proof.faults.heavy import Heavy
from madang_proof.plan import make_plan
from madang_proof.run import prove
from tests.scenario.faults.needs import need

ROOT = Path(__file__).parents[3]
SEEDS = (1, 2, 3)  # a fault is injected at a random moment; one of these finds what is broken

TABLE = [
    ("no-sync", "power", "I1"),
    ("early-ack", "kill", "I1"),
    ("no-dedupe", "after-commit", "I13"),
    ("no-dedupe", "before-ack", "I13"),
    ("counted-seq", "before-commit", "the crash has left a gap"),
    ("no-fill", "before-fanout", "I9"),
    ("forgets-updates", "kill", "I24"),
    ("no-snapshot", "snapshot", "I24"),
    ("acks-on-full", "disk-full", "I1"),
    ("goes-on", "fsync", "after a failed fsync was acked"),
    ("clock-ids", "clock", "I5"),
    ("young-tokens", "clock", "bad_token"),
    ("strict-lease", "freeze", "The server ended after it had stood still"),
    ("no-budget", "sleeper", "it is not behind"),
    ("no-budget", "deaf", "0 were found to be behind"),
    ("no-pings", "one-way", "not an end to the presence of the client that is cut off"),
    ("no-fill", "one-way", "I9"),
    ("no-fill", "tear", "I9"),
    ("half-frames", "tear", "A part of a message was stored"),
    ("read-for-each", "storm", "The log was read"),
    ("no-bye", "drain", "not with a bye"),
    ("keeps-files", "heavy", "after heavy neighbours, fds was"),
]
LONG: dict[str, Fault] = {
    "freeze": Freeze(32.0, least_s=31.0),  # as long as a lease
    "heavy": Heavy(84),  # 500 sockets of six kinds
}


@pytest.mark.slow
@pytest.mark.parametrize(("protection", "fault", "caught"), TABLE)
async def test_it_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protection: str, fault: str, caught: str
) -> None:
    await need(fault)
    if fault in LONG:
        monkeypatch.setitem(FAULTS, fault, LONG[fault])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    program = (sys.executable, "-m", "tests.broken_servers", protection)
    found: list[str] = []
    for seed in SEEDS:
        outcome = await prove(make_plan(seed, 6, [fault]), tmp_path / str(seed), program=program)
        found += [name for name, result in outcome.verdict.results.items() if result.violation]
        found += outcome.broken
        if any(caught in sentence for sentence in found):
            return
    raise AssertionError(f"without its protection {fault} was not caught as {caught}, but as {found}")
