"""One node of three fails, or what lies between the nodes, under load; every promise holds for the whole fleet."""

import json
import random
from pathlib import Path

import pytest

from madang.errors import SetupError
from madang_proof.faults import FAULTS, Fault, fitting
from madang_proof.faults.freeze import Freeze
from madang_proof.faults.storm import Exodus
from madang_proof.plan import make_plan
from madang_proof.run import prove
from madang_proof.testbed.testbed import Fleet
from tests.redis import RedisServer
from tests.running import madang
from tests.scenario.fleet.outages import Zombie
from tests.scenario.fleet.staging import DATABASES, held, named

pytestmark = pytest.mark.redis
SHORT = ["kill", "drain", "bus-cut", "database-cut", "no-answer", "hidden"]
ANY = Fleet(3, "postgresql://host/database", "redis://host")


@pytest.fixture(params=DATABASES)
def fleet(request: pytest.FixtureRequest, redis_server: RedisServer) -> Fleet:
    """Three nodes to be, on an empty database of each kind."""
    return Fleet(3, request.getfixturevalue(f"{request.param}_url"), redis_server.url)


async def test_nodes_are_killed_and_parted(tmp_path: Path, fleet: Fleet) -> None:
    outcome = await held(tmp_path, fleet, 31, 6, SHORT)
    assert outcome.totals.counted["connections"] > 28 + 10, "those of a node come back"
    records = [json.loads(line) for line in (tmp_path / "evidence" / "history.jsonl").read_bytes().splitlines()]
    nodes = {record["node"] for record in records if record["is"] == "opened" and "node" in record}
    assert nodes == {"node-1", "node-2", "node-3"}, "clients are on all of them"
    assert {record["node"] for record in records if record["is"] == "sample"} == nodes
    with pytest.raises(SetupError, match="The database is not empty"):
        await prove(make_plan(1, 1), tmp_path / "again", fleet=fleet)


@pytest.mark.postgres
async def test_from_the_command_line(tmp_path: Path, postgres_url: str, redis_server: RedisServer) -> None:
    run = ("prove", "--seed", "5", "--seconds", "1", "--no-faults", "--evidence", tmp_path / "evidence")
    shared = ("--database", postgres_url, "--bus", redis_server.url)
    done = await madang(*run, "--nodes", "2", *shared)
    assert (done.status, done.err) == (0, "")
    assert "in 5 rooms on 2 nodes" in done.out and "--nodes 2 --database … --bus …" in done.out
    again = await madang(*run, "--nodes", "2", *shared, "--evidence", tmp_path / "again")
    assert (again.status, again.out) == (2, "") and "The database is not empty" in again.err
    for wrong in (("--nodes", "2"), ("--nodes", "2", *shared, "--url", "ws://127.0.0.1:1/ws"), shared):
        done = await madang("prove", *wrong)
        assert (done.status, done.err.count("\n")) == (2, 1)
    alone = await madang("prove", "--nodes", "2", *shared, "--faults", "power")
    assert alone.status == 2 and "it is about other servers" in alone.err


@pytest.mark.slow
@pytest.mark.postgres
async def test_a_fleet_that_has_nothing_but_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """NOTIFY between the nodes: what parts them from the bus does not part them from the database."""
    await held(tmp_path, Fleet(3, postgres_url, postgres_url), 34, 20, [*SHORT, "bus-away", "database-away", "island"])


@pytest.mark.slow
@pytest.mark.parametrize("fault", fitting(ANY))
async def test_again_and_again(tmp_path: Path, fleet: Fleet, fault: str) -> None:
    """One fault, for a minute, as often as there is time; the seed is told when it fails."""
    await held(tmp_path, fleet, random.SystemRandom().getrandbits(32), 60, [fault], {})


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [Freeze(34.0, least_s=32.0), Zombie(), Exodus(5000, back_s=90.0)], ids=lambda f: f.name
)
async def test_for_long_and_by_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fleet: Fleet, fault: Fault
) -> None:
    """Longer than a lease, whose number nobody takes, or another node; 5,000 sockets of a node that dies."""
    await held(tmp_path, fleet, 33, 10, named(monkeypatch, fault), {})


def test_every_fault_of_a_node_is_tried_in_a_fleet() -> None:
    numbers = {FAULTS[name].number for name in fitting(ANY)}
    assert numbers >= {
        "F1",
        "F2",
        "F4",
        "F8",
        "F9",
        "F10",
        "F13",
        "F16",
        "F17",
        "F26",
        "F28",
        "F33",
        "F34",
        "F35",
        "F36",
    }
