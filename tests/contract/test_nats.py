"""The NATS bus keeps the contract of `ports.bus` on real servers, whatever becomes of them and of its connections."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import nats
import pytest

from madang.adapters.bus.channels import STRATEGIES
from madang.adapters.bus.envelopes import Signer
from madang.adapters.bus.nats import connect
from madang.errors import SetupError, Unreachable
from madang.ports.bus import Bus
from madang.testing import check_bus
from madang.testing.bus import Inbox
from madang_proof.testbed.proxy import Proxy
from tests.contract.couriers import KEYS, OTHERS, event, opened, pair, said_until_heard
from tests.nats import NatsCluster, NatsServer, run_nats, run_nats_cluster
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.nats


@pytest.fixture(scope="module")
def cluster() -> Iterator[NatsCluster]:
    """Three servers that no test harms."""
    with run_nats_cluster() as servers:
        yield servers


@pytest.fixture(params=["nats_server", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """A single server, and three."""
    return str(request.getfixturevalue(request.param).url)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_contract(url: str, strategy: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[list[Bus]]:
        async with AsyncExitStack() as stack:
            names = [f"node-{n}-{secrets.token_hex(4)}" for n in range(3)]
            yield [await stack.enter_async_context(opened(connect, url, name, strategy=strategy)) for name in names]

    await check_bus(make)


async def test_what_is_said_through_one_server_is_heard_at_another(cluster: NatsCluster) -> None:
    first, second, _ = cluster.servers
    async with pair(connect, first.url, second.url) as (here, there, heard):
        await there.subscribe("yard")
        await said_until_heard(here, heard, event("yard", 1))


async def test_every_size_travels_whole_or_is_announced_and_none_is_too_large() -> None:
    """Around what one message of a server with a small limit holds, byte by byte; and far above it."""
    with run_nats("max_payload: 16384") as server:
        async with pair(connect, server.url) as (here, there, heard):
            await there.subscribe("yard")
            sizes = [10, 9_000, *range(16_150, 16_400), 60_000, 200_000]
            events = [event("yard", seq, b"x" * size) for seq, size in enumerate(sizes, start=1)]
            here.publish(events)
            here.publish([event("yard", 9_999)])
            await eventually(lambda: event("yard", 9_999) in heard.events)
            whole = {e.seq for e in heard.events}
            assert {len(e.body) for e in heard.events} >= {10, 9_000, *range(16_150, 16_200)}
            assert {60_000, 200_000}.isdisjoint(len(e.body) for e in heard.events)
            assert heard.heads["yard"] == events[-1].seq
            assert set(heard.events) <= {*events, event("yard", 9_999)}
            assert len(whole) > 60
            assert (here.statistics.failures, here.statistics.dropped) == (0, 0), "a message was too large"


async def test_others_on_the_same_server_are_neither_heard_nor_believed(nats_server: NatsServer) -> None:
    """Another installation has subjects of its own; and who forges an envelope has no key to sign it with."""
    async with pair(connect, nats_server.url, keyrings=(KEYS, OTHERS)) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", 1)])
        assert await here.probe()
        channel = f"madang.{OTHERS.name}.everywhere"
        forged = [b"", b"\x01", b"\x80\x04cos\nsystem\n", secrets.token_bytes(200), Signer(KEYS, "n").pack({}, channel)]
        client = await nats.connect(nats_server.url)
        for envelope in forged:
            await client.publish(channel, envelope)
        await client.close()
        await eventually(lambda: there.statistics.refused == len(forged))
        assert (heard.events, heard.heads, heard.signals) == ([], {}, [])


async def test_what_waits_is_bounded_and_the_newest_stays(nats_server: NatsServer) -> None:
    async with pair(connect, nats_server.url) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", seq) for seq in range(1, 30_001)])
        await eventually(lambda: heard.events and heard.events[-1].seq == 30_000)
        assert [e.seq for e in heard.events] == list(range(20_001, 30_001))


async def test_after_a_crash_of_the_server_it_listens_again_and_says_so() -> None:
    with run_nats() as server:
        async with pair(connect, server.url) as (here, there, heard):
            await there.subscribe("yard")
            await said_until_heard(here, heard, event("yard", 1))
            checks = heard.checks
            await asyncio.to_thread(server.restart)
            await eventually(lambda: heard.checks > checks, "deaf for a moment, and nobody was told")
            await said_until_heard(here, heard, event("yard", 2))
            assert await there.probe()


async def test_without_a_server_rooms_open_and_what_waits_is_said_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.adapters.bus.courier.PROBE_S", 0.2)
    with run_nats() as server:
        async with pair(connect, server.url) as (here, there, heard):
            await asyncio.to_thread(server.kill)
            await eventually(lambda: here.statistics.failures and there.statistics.failures)
            checks = heard.checks
            await there.subscribe("yard")
            here.publish([event("yard", seq) for seq in range(1, 30_001)])
            assert not await here.probe()
            await asyncio.to_thread(server.start)
            await eventually(lambda: heard.checks > checks)
            await said_until_heard(here, heard, event("yard", 30_001))
            assert here.statistics.dropped >= 20_000


async def test_a_server_that_stands_still_is_found_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections stay open, so nothing fails: only the probe finds that it says nothing."""
    monkeypatch.setattr("madang.adapters.bus.courier.PROBE_S", 1.0)
    monkeypatch.setattr("madang.adapters.bus.courier.PROBE_EVERY_S", 0.1)
    monkeypatch.setattr("madang.adapters.bus.nats.broker.ANSWER_S", 1.0)
    with run_nats_cluster() as servers:
        await eventually(servers.is_whole)
        still, *others = servers.servers
        async with pair(connect, still.url, others[0].url) as (here, there, heard):
            await there.subscribe("yard")
            await said_until_heard(here, heard, event("yard", 1))
            still.pause()
            # More than the kernel's buffers and the client's take, so that closing cannot wait for it.
            here.publish([event("yard", seq, b"x" * 60_000) for seq in range(2, 200)])
            await said_until_heard(here, heard, event("yard", 200))
            still.resume()


async def test_one_of_three_is_killed_and_the_others_carry_on() -> None:
    """Who was connected to it goes to another, which it knows of from the one that died: the URL names no other."""
    with run_nats_cluster() as servers:
        await eventually(servers.is_whole)
        lost, *others = servers.servers
        async with pair(connect, lost.url, others[0].url) as (here, there, heard):
            await there.subscribe("yard")
            await said_until_heard(here, heard, event("yard", 1))
            await asyncio.to_thread(lost.kill)
            await said_until_heard(here, heard, event("yard", 2))
            await eventually(lambda: here.statistics.failures)
            await asyncio.to_thread(lost.start)
            assert await there.probe()


async def test_a_server_that_retires_is_left_before_it_closes_the_connection() -> None:
    with run_nats_cluster("lame_duck_grace_period: 100s, lame_duck_duration: 200s") as servers:
        await eventually(servers.is_whole)
        old, *others = servers.servers
        async with pair(connect, others[0].url, old.url) as (here, there, heard):
            await there.subscribe("yard")
            await said_until_heard(here, heard, event("yard", 1))
            checks = heard.checks
            old.retire()
            await eventually(lambda: heard.checks > checks, "it stays until it is closed")
            await said_until_heard(here, heard, event("yard", 2))
            old.kill()  # it would take its time


async def test_a_node_that_is_deaf_without_knowing_finds_out_and_connects_anew(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.adapters.bus.courier.PROBE_EVERY_S", 0.05)
    monkeypatch.setattr("madang.adapters.bus.courier.PROBE_S", 0.5)
    proxy = Proxy(("127.0.0.1", nats_server.port))
    await proxy.start()
    try:
        async with pair(connect, nats_server.url, f"nats://127.0.0.1:{proxy.port}") as (here, there, heard):
            await there.subscribe("yard")
            await said_until_heard(here, heard, event("yard", 1))
            checks = heard.checks
            proxy.part()
            await eventually(lambda: there.statistics.failures)
            proxy.heal()
            await eventually(lambda: heard.checks > checks, "deaf for a while, and nobody was told")
            await said_until_heard(here, heard, event("yard", 2))
    finally:
        await proxy.stop()


async def test_what_comes_faster_than_it_is_taken_makes_the_hub_check(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.adapters.bus.nats.broker.WAITING", 1)
    monkeypatch.setattr(
        "madang.adapters.bus.courier.PROBE_EVERY_S", 2 * PATIENCE_S
    )  # a lost probe would be a reason, too
    async with pair(connect, nats_server.url) as (here, there, heard):
        await there.subscribe("yard")
        await said_until_heard(here, heard, event("yard", 1))
        checks = heard.checks

        async def saying() -> None:
            while heard.checks == checks:
                for n in range(20):  # several that come in one read
                    here.publish([event("yard", 2, b"x" * n)])
                    await asyncio.sleep(0)
                await asyncio.sleep(0.001)

        await asyncio.wait_for(saying(), PATIENCE_S)
        assert there.statistics.failures


USER = 'authorization { user: ann, password: "hunter2" }'


async def test_who_has_a_password_or_a_token_is_let_in() -> None:
    for conf, credentials in {
        USER: "ann:hunter2@",
        'authorization { token: "hunter2" }': "hunter2@",
    }.items():
        with run_nats(conf) as server:
            async with opened(connect, server.url.replace("//", f"//{credentials}"), "node") as bus:
                await bus.start(Inbox())
                assert await bus.probe()
            for wrong in ("", "ann:wrong@", "wrong@"):
                async with opened(connect, server.url.replace("//", f"//{wrong}"), "node") as bus:
                    with pytest.raises(SetupError, match="does not let us in") as caught:
                        await bus.start(Inbox())
                    assert "hunter2" not in str(caught.value)


async def test_who_may_not_publish_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.adapters.bus.courier.START_S", 1.0)
    with run_nats('authorization { users: [{user: a, password: b, permissions: {publish: "elsewhere.>"}}] }') as server:
        async with opened(connect, server.url.replace("//", "//a:b@"), "node") as bus:
            with pytest.raises(SetupError, match="does not come back") as caught:
                await bus.start(Inbox())
            assert "madang.>" in caught.value.hint


async def test_what_cannot_be_used_is_named() -> None:
    for url, problem in {
        "nats://": "not a URL",
        "nats://h:port": "not a URL",
        "nats://h:4222/path": "names a path",
        "nats://a@b@h": "an @ too many",
        "nats://h?foo=1": "does not know: foo",
        "nats://h?ca=/etc/hosts": "does not know: ca",
        "nats://h?nkey=/nowhere": "a wrong nkey",
        "nats://a:b@h?nkey=/etc/hosts": "in more than one way",
        "nats+tls://h?ca=/etc/hosts": "has no certificates",
    }.items():
        with pytest.raises(SetupError, match=problem):
            async with opened(connect, url, "node"):
                pass
    async with opened(connect, "nats://ann:hunter2@127.0.0.1:1", "node") as bus:
        with pytest.raises(Unreachable, match=r"NATS at 127\.0\.0\.1:1 does not answer") as caught:
            await bus.start(Inbox())
        assert "hunter2" not in str(caught.value)
    with run_nats("max_payload: 4096") as server:
        async with opened(connect, server.url, "node") as bus:
            with pytest.raises(SetupError, match="max_payload"):
                await bus.start(Inbox())


async def test_a_server_without_tls_is_not_spoken_to_where_tls_was_asked_for(nats_server: NatsServer) -> None:
    async with opened(connect, f"nats+tls://ann:hunter2@{nats_server.place}", "node") as bus:
        with pytest.raises(SetupError, match="does not answer"):
            await bus.start(Inbox())
