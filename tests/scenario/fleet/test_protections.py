"""The fleet's faults with the protection against them switched off: each is caught, and named.

`tests.broken_servers` says what each name switches off. `docs/reference/faults.md` shows the same table.
"""

import sys
from pathlib import Path

import pytest

from madang_proof.plan import make_plan
from madang_proof.run import prove
from madang_proof.testbed.testbed import Fleet
from tests.redis import RedisServer
from tests.scenario.fleet.outages import Zombie
from tests.scenario.fleet.staging import named

pytestmark = [pytest.mark.slow, pytest.mark.redis, pytest.mark.postgres]
ROOT = Path(__file__).parents[3]

TABLE = [
    ("believes-the-bus", "bus-cut", "There was not the kick"),
    ("acks-unsure", "database-away", "I1"),
    ("no-dedupe", "no-answer", "I13"),
    ("no-fill", "hidden", "I9"),
    ("read-for-each", "exodus", "The log was read"),
    ("no-fence", "zombie", "goes on under a number"),
]


@pytest.mark.parametrize(("protection", "fault", "caught"), TABLE)
async def test_it_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str, redis_server: RedisServer,
    protection: str, fault: str, caught: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    named(monkeypatch, Zombie())
    program = (sys.executable, "-m", "tests.broken_servers", protection)
    fleet = Fleet(3, postgres_url, redis_server.url)
    outcome = await prove(make_plan(3, 4, [fault]), tmp_path / "evidence", program=program, fleet=fleet)
    found = [name for name, result in outcome.verdict.results.items() if result.violation] + list(outcome.broken)
    assert any(caught in sentence for sentence in found), f"{fault} was not caught as {caught}, but as {found}"
