"""Redis servers change places or die under a fleet at work, and every promise holds: F15, F17, F18 and F19.

That the bus itself goes on is shown in tests/contract/test_redis_topologies.py; here the checker judges what people saw.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from madang.adapters.bus.redis.channels import TAGS
from madang_proof.faults.fault import NODES
from madang_proof.testbed.testbed import Fleet, Testbed
from tests.redis_topologies import agreed, run_cluster, run_sentinels
from tests.scenario.fleet.staging import held, named

pytestmark = [pytest.mark.redis, pytest.mark.postgres]

LASTS_S = 1.0  # how long people talk in what the fault has left


@dataclass(frozen=True)
class Happens:
    """A fault of Redis's: what happens runs in a thread, beside the clients."""

    name: str
    number: str
    title: str
    happen: Callable[[], None]
    needs: frozenset[str] = NODES

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        await asyncio.to_thread(self.happen)
        return self.title


@pytest.mark.slow  # what one node notices is in `contract/test_redis_topologies.py`
async def test_sentinels_replace_a_primary_that_was_killed(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sends are acked by the database alone; what the bus did not carry comes from the log, in its place."""
    with run_sentinels() as redis:

        def fail_over() -> None:
            old = redis.primary
            old.kill()
            agreed(lambda: redis.primary is not old)
            old.start()  # and takes itself for the primary still
            time.sleep(LASTS_S)

        faults = named(monkeypatch, Happens("fail-over", "F15", "kill the primary; another takes its place", fail_over))
        await held(tmp_path, Fleet(3, postgres_url, redis.url), 15, 5, faults)


@pytest.mark.slow
async def test_slots_of_a_cluster_move(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of them with the heartbeats that the nodes know each other by."""
    with run_cluster(replicas=0) as redis:

        def move() -> None:
            source = redis.carrying(f"{{{TAGS[0]}}}")
            redis.move(1500, source, next(server for server in redis.primaries if server is not source))
            time.sleep(LASTS_S)

        faults = named(monkeypatch, Happens("reshard", "F18", "move slots between members of a Cluster", move))
        await held(tmp_path, Fleet(3, postgres_url, redis.url), 18, 5, faults)


@pytest.mark.slow
async def test_a_member_of_a_cluster_is_lost(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody takes its place: the rooms that it carried are found in the log. It comes back with nothing in it."""
    with run_cluster(replicas=0, settings={"cluster-require-full-coverage": "no"}) as redis:
        lost = redis.carrying(f"{{{TAGS[0]}}}")

        def lose() -> None:
            lost.kill()
            time.sleep(3 * LASTS_S)
            lost.start()
            time.sleep(LASTS_S)

        faults = named(
            monkeypatch, Happens("member-lost", "F19", "a member of a Cluster is lost; later it is back", lose)
        )
        await held(tmp_path, Fleet(3, postgres_url, redis.url), 19, 5, faults)
