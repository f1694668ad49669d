"""Three nodes that share PostgreSQL and nothing else, under load and faults; every promise holds as it does with Redis."""

import random
from pathlib import Path

import pytest

from madang_proof.faults import fitting
from madang_proof.testbed.testbed import Fleet
from tests.scenario.fleet.staging import held
from tests.servers import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def fleet(postgres_server: PostgresServer, postgres_url: str) -> Fleet:
    """Three nodes to be. The bus is another database of the same server, so that a fault can take one without the other."""
    return Fleet(3, postgres_url, postgres_server.url())


async def test_nodes_are_killed_and_parted(tmp_path: Path, fleet: Fleet) -> None:
    await held(tmp_path, fleet, 31, 8, ["kill", "bus-cut", "bus-away", "island"])


@pytest.mark.parametrize("fault", fitting(Fleet(3, "postgresql://host/database", "postgresql://host/bus")))
async def test_again_and_again(tmp_path: Path, fleet: Fleet, fault: str) -> None:
    """One fault, for a minute, as often as there is time; the seed is told when it fails."""
    await held(tmp_path, fleet, random.SystemRandom().getrandbits(32), 60, [fault], {})
