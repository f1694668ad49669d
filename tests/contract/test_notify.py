"""The bus and presence over PostgreSQL keep their contracts on a real server, whatever becomes of their connections."""

import asyncio
import base64
import importlib.util
import itertools
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from operator import contains
from typing import Any

import asyncpg
import pytest

from madang.adapters.bus.envelopes import Signer
from madang.adapters.bus.options import BusOptions
from madang.adapters.bus.postgresql import NotifyBus, NotifyPresence, connecting
from madang.adapters.catalogue import open_bus
from madang.core.events import Event, MessageSent
from madang.core.signing import Keyring, lone_keyring
from madang.errors import SetupError, StorageError
from madang.ports.bus import Bus, Signal
from madang.testing import check_bus, check_presence
from madang.testing.bus import Inbox
from tests.contract.presences import check_first_and_last, check_one_over_all_nodes
from tests.servers import PostgresServer, run_postgres
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.postgres

KEYS = lone_keyring(bytes(range(32)))
OTHERS = lone_keyring(b"another secret" * 3)
OPTIONS = BusOptions(KEYS, "node", presence_ttl_s=60, channels="partition")
LISTENERS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
WRITERS = "SELECT count(DISTINCT xmin::text) FROM devices_test"  # transactions, of others there may be any number
PLAIN = "?sslmode=disable"  # asyncpg forgets a future when a server dies while TLS is talked about


def event(room: str, seq: int, body: bytes = b"{}") -> Event:
    return Event(room, seq, seq, MessageSent.type, "u", "n", seq, body)


@asynccontextmanager
async def pair(
    url: str, keyrings: tuple[Keyring, Keyring] = (KEYS, KEYS)
) -> AsyncIterator[tuple[NotifyBus, NotifyBus, Inbox]]:
    """Two started buses, and what the second one hears."""
    before = asyncio.all_tasks()
    buses = [NotifyBus(url, keys, f"node-{n}") for n, keys in enumerate(keyrings)]
    inboxes = Inbox(), Inbox()
    try:
        for bus, inbox in zip(buses, inboxes, strict=True):
            await bus.start(inbox)
        yield buses[0], buses[1], inboxes[1]
    finally:
        for bus in buses:
            await bus.stop()
        # Over a connection of its own asyncpg has the server give up what was cut off; while one that says nothing is open
        # from before a server was ready, the server does not end for a minute.
        if late := asyncio.all_tasks() - before:
            await asyncio.wait(late, timeout=PATIENCE_S)


async def test_contract(postgres_url: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[list[Bus]]:
        yield [NotifyBus(postgres_url, KEYS, f"node-{n}-{secrets.token_hex(4)}") for n in range(3)]

    await check_bus(make)


async def test_every_size_travels_whole_or_is_announced_and_none_is_too_large(postgres_url: str) -> None:
    """Around what one payload holds, byte by byte; and far above it."""
    async with pair(postgres_url) as (here, there, heard):
        await there.subscribe("yard")
        sizes = [10, 3_000, *range(5_780, 5_960), 8_000, 60_000, 200_000]
        events = [event("yard", seq, b"x" * size) for seq, size in enumerate(sizes, start=1)]
        here.publish(events)
        here.publish([event("yard", 9_999)])
        await eventually(lambda: event("yard", 9_999) in heard.events)
        whole = {e.seq for e in heard.events}
        assert {len(e.body) for e in heard.events} >= {10, 3_000, *range(5_780, 5_790)}
        assert {8_000, 60_000, 200_000}.isdisjoint(len(e.body) for e in heard.events)
        assert set(heard.events) <= {*events, event("yard", 9_999)}
        announced = heard.heads["yard"]
        assert announced == events[-1].seq
        assert {e.seq for e in events} - whole <= set(range(1, announced + 1))
        assert here.statistics.failures == 0, "a payload was too large"


async def test_much_is_joined_into_few_payloads(postgres_url: str) -> None:
    async with pair(postgres_url) as (here, there, heard):
        rooms = [f"room-{n}" for n in range(100)]
        for room in rooms:
            await there.subscribe(room)
        before = here.statistics.envelopes
        here.publish([event(room, 1, b'{"text":"hello"}') for room in rooms])
        here.signal(Signal("room-0", "typing", "u", b"true"))
        await eventually(lambda: len(heard.events) == 100 and heard.signals)
        assert here.statistics.envelopes - before <= 3


async def test_others_in_the_same_database_are_neither_heard_nor_believed(postgres_url: str) -> None:
    """Another installation has a channel of its own; and who can notify, but has not the secret, has no key to sign with."""
    async with pair(postgres_url, keyrings=(KEYS, OTHERS)) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", 1)])
        assert await here.probe()
        channel = f"madang_{there.installation}"
        signed = base64.b64encode(Signer(KEYS, "node-9").pack({}, channel)).decode()
        for forged in ("", "한글", "AQ==", "gARjb3MKc3lzdGVtCg==", secrets.token_hex(200), signed):
            await asked(postgres_url, f"SELECT pg_notify('{channel}', '{forged}')")
        assert await there.probe(), "behind the forged ones, so they have been looked at"
        assert there.statistics.refused == 6
        assert (heard.events, heard.heads, heard.signals) == ([], {}, [])


async def test_what_waits_is_bounded_and_the_newest_stays(postgres_url: str) -> None:
    async with pair(postgres_url) as (here, there, heard):
        await there.subscribe("yard")
        here.publish([event("yard", seq) for seq in range(1, 30_001)])
        await eventually(lambda: heard.events and heard.events[-1].seq == 30_000)
        assert [e.seq for e in heard.events] == list(range(20_001, 30_001))


async def test_a_node_that_is_deaf_without_knowing_finds_out_and_connects_anew(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.adapters.bus.postgresql.bus.PROBE_EVERY_S", 0.05)
    monkeypatch.setattr("madang.adapters.bus.postgresql.bus.PROBE_S", 1.0)
    connections = []

    class Remembering(connecting.PostgresqlServer):
        async def connect(self) -> Any:
            connections.append(await super().connect())
            return connections[-1]

    monkeypatch.setattr(connecting, "PostgresqlServer", Remembering)
    async with pair(postgres_url) as (here, there, heard):
        await there.subscribe("yard")
        checks = heard.checks
        for connection in connections:
            while not connection.is_closed():
                with suppress(asyncpg.InterfaceError):  # the bus is using it
                    await connection.execute("UNLISTEN *")
                    break
                await asyncio.sleep(0)
        await eventually(lambda: heard.checks > checks, "deaf, and nobody was told")
        here.publish([event("yard", 1)])
        await eventually(lambda: event("yard", 1) in heard.events)


async def test_after_a_crash_of_the_server_it_listens_again_and_says_so() -> None:
    with run_postgres(fsync=False) as server:
        async with pair(server.url() + PLAIN) as (here, there, heard):
            await there.subscribe("yard")
            here.publish([event("yard", 1)])
            await eventually(lambda: heard.events)
            checks = heard.checks
            await asyncio.to_thread(server.restart)
            await eventually(lambda: heard.checks > checks, "deaf for a moment, and nobody was told")
            here.publish([event("yard", 2)])
            await eventually(lambda: event("yard", 2) in heard.events, "the first one after it is not lost")
            assert await there.probe()


async def test_without_a_server_rooms_open_and_what_waits_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.adapters.bus.postgresql.bus.PROBE_S", 0.2)
    with run_postgres(fsync=False) as server:
        async with pair(server.url() + PLAIN) as (here, there, heard):
            await asyncio.to_thread(server.stop)
            await there.subscribe("yard")
            here.publish([event("yard", seq) for seq in range(1, 30_001)])
            assert not await here.probe()
            await asyncio.to_thread(server.start)
            await eventually(lambda: heard.checks)
            while not await here.probe():
                pass
            here.publish([event("yard", 30_001)])
            await eventually(lambda: event("yard", 30_001) in heard.events)


async def test_a_pooler_between_that_forgets_who_listens_is_refused(
    postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PgBouncer with pool_mode = transaction, say. Here it is another database that listens: none hears the other."""
    monkeypatch.setattr("madang.adapters.bus.postgresql.bus.START_S", 3.0)
    places = itertools.cycle([connecting.PostgresqlServer(url) for url in (postgres_url, postgres_server.url())])

    class Pooler(connecting.PostgresqlServer):
        async def connect(self) -> object:
            return await next(places).connect()

    monkeypatch.setattr(connecting, "PostgresqlServer", Pooler)
    bus = NotifyBus(postgres_url, KEYS, "node")
    before = asyncio.all_tasks()
    with pytest.raises(SetupError, match="do not come back"):
        await bus.start(Inbox())
    assert asyncio.all_tasks() <= before


STANDS_STILL = """
import asyncio, sys
from madang.adapters.bus.postgresql import NotifyBus, connecting
from madang.testing.bus import Inbox

connecting._SESSION = connecting._SESSION.replace(f"'{connecting.UNREAD_S}s'", "'2s'")

async def main():
    bus = NotifyBus(sys.argv[1], bytes(range(32)), "still")
    inbox = Inbox()
    await bus.start(inbox)
    print("listens", flush=True)
    checks = inbox.checks
    while inbox.checks == checks:
        await asyncio.sleep(0.01)
    print("checks", flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_node_that_stands_still_is_let_go_of_and_does_not_fill_the_queue(postgres_url: str) -> None:
    """What it has not read waits in the server for all. It learns, when it goes on, that it was let go of."""
    still = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig=KILL", sys.executable, "-c", STANDS_STILL, postgres_url, stdout=asyncio.subprocess.PIPE
    )
    assert still.stdout is not None
    try:
        assert await asyncio.wait_for(still.stdout.readline(), 60) == b"listens\n"
        async with pair(postgres_url) as (here, there, heard):
            await there.subscribe("yard")
            still.send_signal(signal.SIGSTOP)
            assert await asked(postgres_url, LISTENERS) == 3
            for first in range(1, 50_000, 500):
                some = [event("yard", seq, b"x" * 5_500) for seq in range(first, first + 500)]
                here.publish(some)
                await eventually(partial(contains, heard.events, some[-1]))
                heard.events.clear()
                if await asked(postgres_url, LISTENERS) == 2:
                    break
            else:
                pytest.fail("the server waits for it forever")
            await there.probe()
            assert float(str(await asked(postgres_url, "SELECT pg_notification_queue_usage()"))) < 0.001
        still.send_signal(signal.SIGCONT)
        assert await asyncio.wait_for(still.stdout.readline(), 60) == b"checks\n"
    finally:
        still.kill()
        await still.wait()


async def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"madang\[postgres\]"):
        open_bus("postgresql://host/bus", OPTIONS, database="mysql://host/database")


async def test_what_cannot_be_used_is_named(postgres_url: str) -> None:
    for url, problem in {
        "postgresql://127.0.0.1": "names no database",
        "postgresql://h:port/x": "not a URL",
    }.items():
        with pytest.raises(SetupError, match=problem):
            NotifyBus(url, KEYS, "node")
    for url, problem in {
        "postgresql://ann:secret@127.0.0.1:1/x": r"at 127\.0\.0\.1:1/x cannot be used .*(refused|failed)",
        f"{postgres_url}_not": "does not exist",
        postgres_url.replace("postgres@", "nobody:secret@"): 'role "nobody" does not exist',
    }.items():
        bus = NotifyBus(url, KEYS, "node")
        with pytest.raises(SetupError, match=problem) as caught:
            await bus.start(Inbox())
        assert "secret" not in str(caught.value)
        await bus.stop()


@asynccontextmanager
async def present(*urls: str) -> AsyncIterator[list[NotifyPresence]]:
    """Presence of one installation as that many nodes have it."""
    nodes = [NotifyPresence(url, "test", ttl_s=60) for url in urls]
    try:
        yield nodes
    finally:
        for node in nodes:
            await node.stop()


async def test_presence_keeps_its_contract(postgres_url: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[NotifyPresence]:
        async with present(postgres_url) as (presence,):
            yield presence

    await check_presence(make, ttl_s=60)


async def test_presence_is_one_over_all_nodes_and_a_dead_one_is_swept_by_another(postgres_url: str) -> None:
    async with present(postgres_url, postgres_url) as (here, there):
        await check_one_over_all_nodes(here, there)


async def test_of_two_nodes_one_has_the_first_device_and_one_the_last(postgres_url: str) -> None:
    async with present(postgres_url, postgres_url) as nodes:
        await check_first_and_last(nodes)


async def test_a_crowd_that_comes_at_once_is_few_transactions(postgres_url: str) -> None:
    async with present(postgres_url) as (presence,):
        came = [presence.enter("yard", f"user-{n}", "Mina", "phone", 0.0) for n in range(3_000)]
        assert all(await asyncio.gather(*came))
        assert await presence.count("yard") == 3_000
        assert int(str(await asked(postgres_url, WRITERS))) < 20


async def test_presence_outlives_its_table_and_a_crash_of_the_server() -> None:
    """What was in it is gone; who refreshes learns it, and enters again."""
    ann = "yard", "ann", "phone"
    with run_postgres(fsync=False) as server:
        async with present(server.url() + PLAIN) as (presence,):
            assert await presence.enter("yard", "ann", "Ann", "phone", 0.0)
            await asyncio.to_thread(server.restart)
            assert await presence.refresh([ann], 1.0) == [ann]
            assert await presence.enter("yard", "ann", "Ann", "phone", 2.0)
            await asked(server.url(), "DROP TABLE devices_test")
            with pytest.raises(StorageError):
                await presence.count("yard")
            assert await presence.refresh([ann], 3.0) == [ann]


async def test_who_may_not_make_the_table_is_told_at_start(postgres_url: str) -> None:
    await asked(postgres_url, "CREATE ROLE guest_of_presence LOGIN")
    try:
        bus = NotifyBus(postgres_url.replace("postgres@", "guest_of_presence@"), KEYS, "node")
        with pytest.raises(SetupError, match="does not let us create a table"):
            await bus.start(Inbox())
        await bus.stop()
    finally:
        await asked(postgres_url, "DROP ROLE guest_of_presence")


async def asked(url: str, query: str) -> object:
    """Ask over a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
