"""Three nodes with NATS between them, alone and three together, under load and faults; every promise holds as with Redis.

What a bus by itself does is in `contract/test_nats.py`; here the checker judges what people saw.
"""

from pathlib import Path

import pytest

from madang_proof.testbed.testbed import Fleet
from tests.nats import run_nats, run_nats_cluster
from tests.scenario.fleet.outages import Frozen, Killed
from tests.scenario.fleet.staging import held, named

pytestmark = [pytest.mark.nats, pytest.mark.postgres]


@pytest.mark.slow  # two nodes on NATS are in `test_fleet.py`
async def test_nats_is_killed_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    with run_nats() as server:
        faults = named(monkeypatch, Killed("nats-killed", "F17", server, "bus"))
        await held(tmp_path, Fleet(3, postgres_url, server.url), 61, 4, faults)


@pytest.mark.slow
async def test_nats_stands_still_and_nodes_are_killed_and_parted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    with run_nats() as server:
        faults = [*named(monkeypatch, Frozen("nats-frozen", "F17", server)), "kill", "bus-cut", "bus-away", "island"]
        await held(tmp_path, Fleet(3, postgres_url, server.url), 62, 40, faults)


@pytest.mark.slow
@pytest.mark.mariadb
async def test_beside_mariadb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mariadb_url: str) -> None:
    with run_nats() as server:
        faults = [*named(monkeypatch, Killed("nats-killed", "F17", server, "bus")), "kill"]
        await held(tmp_path, Fleet(3, mariadb_url, server.url), 63, 20, faults)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_some_of_three_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str, lost: int
) -> None:
    """One (F29), two (F30), and all three at once (F31): acks are the database's, and wait for none of them."""
    with run_nats_cluster() as cluster:
        killed, *more = cluster.servers[:lost]
        faults = named(monkeypatch, Killed(f"nats-{lost}-of-3-killed", f"F{28 + lost}", killed, "bus", *more))
        await held(tmp_path, Fleet(3, postgres_url, cluster.url), 64 + lost, 10, faults)
