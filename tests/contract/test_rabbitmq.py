"""The RabbitMQ bus keeps the contract of `ports.bus` on real nodes, whatever becomes of them and of its connections."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiormq
import pytest

from madang.adapters.bus.channels import STRATEGIES
from madang.adapters.bus.envelopes import Signer
from madang.adapters.bus.rabbitmq import connect
from madang.errors import SetupError, Unreachable
from madang.ports.bus import Bus
from madang.testing import check_bus
from madang.testing.bus import Inbox
from tests.contract.couriers import KEYS, OTHERS, event, opened, pair, said_until_heard
from tests.rabbitmq import RabbitServer, run_rabbitmq, run_rabbitmq_cluster
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.rabbitmq


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_contract(rabbitmq_server: RabbitServer, strategy: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[list[Bus]]:
        async with AsyncExitStack() as stack:
            names = [f"node-{n}-{secrets.token_hex(4)}" for n in range(3)]
            url = rabbitmq_server.url
            yield [await stack.enter_async_context(opened(connect, url, name, strategy=strategy)) for name in names]

    await check_bus(make)


async def test_others_on_the_same_broker_are_neither_heard_nor_believed(rabbitmq_server: RabbitServer) -> None:
    """Another installation has an exchange of its own; and who forges an envelope has no key to sign it with."""
    async with pair(connect, rabbitmq_server.url, keyrings=(KEYS, OTHERS)) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", 1)])
        assert await here.probe()
        exchange = f"madang.{OTHERS.name}"
        key = f"{exchange}.everywhere"
        forged = [b"", b"\x01", b"\x80\x04cos\nsystem\n", secrets.token_bytes(200), Signer(KEYS, "n").pack({}, key)]
        connection = await aiormq.connect(rabbitmq_server.url)
        channel = await connection.channel()
        for envelope in forged:
            await channel.basic_publish(envelope, exchange=exchange, routing_key=key)
        await connection.close()
        await eventually(lambda: there.statistics.refused == len(forged))
        assert (heard.events, heard.heads, heard.signals) == ([], {}, [])


async def test_what_waits_is_bounded_and_the_newest_stays(rabbitmq_server: RabbitServer) -> None:
    async with pair(connect, rabbitmq_server.url) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", seq) for seq in range(1, 30_001)])
        await eventually(lambda: heard.events and heard.events[-1].seq == 30_000)
        assert [e.seq for e in heard.events] == list(range(20_001, 30_001))


async def _lines(server: RabbitServer, *command: str) -> list[str]:
    return [line for line in (await asyncio.to_thread(server.control, *command)).splitlines() if line]


async def test_a_queue_is_gone_with_its_node_and_bounded_until_then(rabbitmq_server: RabbitServer) -> None:
    queues = "list_queues", "name", "exclusive", "arguments", "--quiet", "--no-table-headers"
    async with pair(connect, rabbitmq_server.url) as (here, _there, _heard):
        assert await here.probe()
        while (
            len(found := await _lines(rabbitmq_server, *queues)) != 2
        ):  # those of the test before may be on their way out
            pass
        for line in found:
            assert "true" in line and "x-max-length-bytes" in line and "drop-head" in line
    async with asyncio.timeout(PATIENCE_S):
        while await _lines(rabbitmq_server, *queues):
            pass


async def test_after_a_crash_the_broker_is_empty_and_what_the_bus_needs_is_made_again() -> None:
    with run_rabbitmq() as server:
        async with pair(connect, server.url) as (here, there, heard):
            await there.subscribe("yard")
            await said_until_heard(here, heard, event("yard", 1))
            checks = heard.checks
            await asyncio.to_thread(server.restart, empty=True)
            await eventually(lambda: heard.checks > checks, "deaf for a moment, and nobody was told")
            await said_until_heard(here, heard, event("yard", 2))
            assert await there.probe()


async def test_a_broker_that_stands_still_is_found_and_left(
    rabbitmq_server: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections stay open, so nothing fails: only the probe finds that it says nothing."""
    monkeypatch.setattr("madang.adapters.bus.courier.PROBE_S", 0.5)
    monkeypatch.setattr("madang.adapters.bus.courier.PROBE_EVERY_S", 0.1)
    monkeypatch.setattr("madang.adapters.bus.rabbitmq.broker.ANSWER_S", 1.0)
    monkeypatch.setattr("madang.adapters.bus.rabbitmq.broker.CONNECT_S", 1.0)
    async with pair(connect, rabbitmq_server.url) as (here, there, heard):
        await there.subscribe("yard")
        await said_until_heard(here, heard, event("yard", 1))
        failures, checks = here.statistics.failures, heard.checks
        rabbitmq_server.pause()
        try:
            # More than the kernel's buffers take, so that closing cannot wait for it.
            here.publish([event("yard", seq, b"x" * 60_000) for seq in range(2, 200)])
            await eventually(lambda: here.statistics.failures > failures + 1)
        finally:
            rabbitmq_server.resume()
        await eventually(lambda: heard.checks > checks)
        await said_until_heard(here, heard, event("yard", 200))


async def test_while_the_broker_is_short_of_memory_rooms_open_and_then_all_goes_on(
    rabbitmq_server: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.adapters.bus.courier.PROBE_S", 0.5)
    async with pair(connect, rabbitmq_server.url) as (here, there, heard):
        await there.subscribe("yard")
        await said_until_heard(here, heard, event("yard", 1))
        await asyncio.to_thread(rabbitmq_server.control, "set_vm_memory_high_watermark", "0.00001")
        try:
            while await here.probe():
                pass
            here.publish([event("yard", 2)])
            await there.subscribe("square")
            assert not await there.probe()
        finally:
            await asyncio.to_thread(rabbitmq_server.control, "set_vm_memory_high_watermark", "0.6")
        for said in (event("yard", 3), event("square", 1)):
            await said_until_heard(here, heard, said)


async def test_what_cannot_be_used_is_named(rabbitmq_server: RabbitServer) -> None:
    for url, problem in {
        "amqp://": "not a URL",
        "amqp://h:port": "not a URL",
        "amqp://h/a/b": "a / too many",
        "amqp://a@b@h": "an @ too many",
        "amqp://h?foo=1": "does not know: foo",
        "amqps://h?ca=/etc/hosts": "has no certificates",
    }.items():
        with pytest.raises(SetupError, match=problem):
            async with opened(connect, url, "node"):
                pass
    for url, kind, problem in [
        ("amqp://ann:hunter2@127.0.0.1:1", Unreachable, r"RabbitMQ at 127\.0\.0\.1:1 does not answer"),
        (f"amqp://ann:hunter2@{rabbitmq_server.place}", SetupError, "does not let us in"),
        (f"{rabbitmq_server.url}/nowhere", SetupError, "that virtual host"),
        (f"amqps://ann:hunter2@{rabbitmq_server.place}", SetupError, "does not answer"),
    ]:
        async with opened(connect, url, "node") as bus:
            with pytest.raises(kind, match=problem) as caught:
                await bus.start(Inbox())
            assert "hunter2" not in str(caught.value)


@pytest.mark.slow  # Erlang's nodes take their time to become a cluster
async def test_one_of_three_is_killed_and_the_others_carry_on() -> None:
    with run_rabbitmq_cluster() as nodes:
        lost, *others = nodes
        url = "amqp://guest:guest@" + ",".join(node.place for node in nodes)
        async with pair(connect, url, others[0].url) as (here, there, heard):
            await there.subscribe("yard")
            await said_until_heard(here, heard, event("yard", 1))
            await asyncio.to_thread(lost.kill)
            await said_until_heard(here, heard, event("yard", 2))
            assert await there.probe()
