"""One node of three fails, under load, and every promise holds for the whole fleet."""

import json
from pathlib import Path

import pytest

from madang.errors import SetupError
from madang.proving.plan import make_plan
from madang.proving.run import prove
from madang.proving.stage import Fleet
from tests.redis import RedisServer
from tests.scenario.fleet.staging import DATABASES, held

pytestmark = pytest.mark.redis


@pytest.fixture(params=DATABASES)
def fleet(request: pytest.FixtureRequest, redis_server: RedisServer) -> Fleet:
    """Three nodes to be, on an empty database of each kind."""
    return Fleet(3, request.getfixturevalue(f"{request.param}_url"), redis_server.url)


async def test_a_node_is_killed_and_told_to_end(tmp_path: Path, fleet: Fleet) -> None:
    outcome = await held(tmp_path, fleet, 31, 5, ["kill", "drain"])
    assert outcome.totals.counted["connections"] > 28 + 10, "those of a node come back"
    records = [json.loads(line) for line in (tmp_path / "evidence" / "history.jsonl").read_bytes().splitlines()]
    nodes = {record["node"] for record in records if record["is"] == "opened" and "node" in record}
    assert nodes == {"node-1", "node-2", "node-3"}, "clients are on all of them"
    assert {record["node"] for record in records if record["is"] == "sample"} == nodes
    with pytest.raises(SetupError, match="The database is not empty"):
        await prove(make_plan(1, 1), tmp_path / "again", fleet=fleet)
