"""Three nodes with RabbitMQ between them, under load and faults; every promise holds as with Redis.

What a bus by itself does is in `contract/test_rabbitmq.py`; here the checker judges what people saw.
"""

from pathlib import Path

import pytest

from madang_proof.testbed.testbed import Fleet
from tests.rabbitmq import run_rabbitmq, run_rabbitmq_cluster
from tests.scenario.fleet.outages import Frozen, Killed
from tests.scenario.fleet.staging import held, named

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres, pytest.mark.slow]


async def test_rabbitmq_is_killed_and_stands_still_and_nodes_are_killed_and_parted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    with run_rabbitmq() as server:
        broker = Killed("rabbitmq-killed", "F17", server, "bus"), Frozen("rabbitmq-frozen", "F17", server)
        faults = [*named(monkeypatch, *broker), "kill", "bus-cut", "bus-away", "island"]
        await held(tmp_path, Fleet(3, postgres_url, server.url), 71, 50, faults)


async def test_one_of_three_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> None:
    with run_rabbitmq_cluster() as nodes:
        url = "amqp://guest:guest@" + ",".join(node.place for node in nodes)
        faults = named(monkeypatch, Killed("rabbitmq-1-of-3-killed", "F29", nodes[0], "bus"))
        await held(tmp_path, Fleet(3, postgres_url, url), 72, 15, faults)
