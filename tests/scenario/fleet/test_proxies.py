"""Three nodes on PostgreSQL and Redis behind the real nginx and HAProxy, with deploy's files.

Nobody notices what is between, nor that nodes come and go.

Which node a proxy chooses is in `test_balancing.py`.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from madang.client import Client, State, connect
from madang.core.bounds import MAX_FRAME
from madang_proof.load.recorder import Recorder
from madang_proof.plan import make_plan
from madang_proof.run import prove_url
from tests.http import http_client
from tests.proxies import RUN, Proxy
from tests.redis import RedisServer
from tests.rest import rest
from tests.running import ForkedServer, Server, running_server
from tests.scenario.fleet.two_nodes import metric, until
from tests.servers import PostgresServer
from tests.socketio import poller
from tests.waiting import PATIENCE_S, eventually
from tests.wire import BINARY, CLOSE, PING, PONG, TEXT, Raw, dialled, frame, guest, upgrade, upgraded

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
PER_ADDRESS: Final = 20  # WebSockets that a node takes from one
PACE_S: Final = 0.02  # of whoever posts; below the rate of a user
# What takes its time is tried with HAProxy in `make soak`.
# Other requests must be answered sooner than nodes ping, so that only what is excepted from that outlasts a ping.
IMPATIENT: Final = {
    "nginx": {"proxy_read_timeout 5s": "proxy_read_timeout 2s"},
    "haproxy": {"timeout server 5s": "timeout server 2s"},
}
NGINX_AT_ONCE: Final = ["nginx", pytest.param("haproxy", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
async def nodes(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, redis_server: RedisServer
) -> AsyncIterator[list[Server]]:
    settings = {
        "database": postgres_server.create_database("behind_proxies"),
        "bus": redis_server.url,
        "trusted_proxies": '["127.0.0.1"]',
        "ping_s": "3",
        "user_rate": "50",
        "user_burst": "200",
        "address_rate": "2000",
    }
    nodes: list[Server] = [ForkedServer(tmp_path_factory.mktemp(f"node{n}"), settings=settings) for n in (1, 2, 3)]
    try:
        await nodes[0].start()  # makes the tables
        await asyncio.gather(*(node.start() for node in nodes[1:]))
        yield nodes
    finally:
        for node in nodes:
            await node.close()
        postgres_server.drop_database("behind_proxies")


@pytest.fixture(params=RUN)
def proxy(request: pytest.FixtureRequest, nodes: list[Server]) -> Iterator[Proxy]:
    with RUN[request.param]([node.port for node in nodes]) as proxy:
        yield proxy


@pytest.mark.parametrize("proxy", NGINX_AT_ONCE, indirect=True)
async def test_the_longest_messages_and_pages_pass_and_what_is_too_long_is_refused(proxy: Proxy) -> None:
    text = "마" * 4000  # the most characters, 12 KB of UTF-8
    async with (
        connect(proxy.url, guest="Mina") as mina,
        connect(proxy.url, guest="Noa") as noa,
        # A connection on which a body was refused may be closed by the proxy before or after it is used again.
        http_client(proxy.http, limits=httpx2.Limits(max_keepalive_connections=0)) as http,
    ):
        yard = f"long-{proxy.port}"
        await mina.create(yard)
        room = await mina.join(yard)
        heard = await noa.join(yard)
        await asyncio.gather(*(room.send(f"{n} {text}"[:4000]) for n in range(100)))
        last = await room.send("last")
        async with asyncio.timeout(PATIENCE_S):
            async for event in heard:
                if event.seq == last.seq:
                    break
        async with connect(proxy.url, token=noa.token) as again:  # over a megabyte, a quarter of one in a frame
            read = [message.seq async for message in (await again.join(yard)).messages()]
        assert read[::-1] == list(range(last.seq - 100, last.seq + 1))

        bearer = {"Authorization": f"Bearer {mina.token}"}
        path = f"/api/rooms/{yard}/messages"
        posted = await http.post(path, json={"text": text}, headers=bearer)
        assert posted.status_code == 201, posted.text
        for size in (MAX_FRAME, 20 * MAX_FRAME):
            try:
                assert (await http.post(path, json={"text": "x" * size}, headers=bearer)).status_code == 413
            except httpx2.TransportError:
                pass  # who goes on writing may be cut off before they read the answer
        listed = await http.get(path, params={"limit": 200}, headers=bearer)
        assert listed.json()["more"], "a page ends by its bytes"
        assert len(listed.content) > 200 * 1024


@pytest.mark.parametrize("proxy", NGINX_AT_ONCE, indirect=True)
async def test_who_says_nothing_stays_as_long_as_it_answers_pings(proxy: Proxy) -> None:
    async with guest(proxy.port, "Quiet") as raw:
        async with asyncio.timeout(PATIENCE_S):
            while (heard := await raw.read())[0] != PING:
                assert heard[0] == TEXT
        await raw.send(frame(PONG, heard[1]))
        assert (await raw.ask(op="ping", n=3))["op"] == "ok"


@pytest.mark.parametrize("kind", IMPATIENT)
async def test_socketio_by_polls_and_papers_outlast_a_ping(kind: str, nodes: list[Server]) -> None:
    """All requests of whoever polls reach the node that knows them: any other answers 400."""
    room, paper = f"room-{kind}", f"paper-{kind}"
    async with rest(nodes[0].url) as anyone:
        mina = await anyone.guest("Mina")
        await mina.ok("POST", "/api/rooms", {"id": room, "title": "Room"})
        await mina.ok("POST", f"/api/rooms/{room}/papers", {"id": paper, "title": "Paper"})
    with RUN[kind]([node.port for node in nodes], put=IMPATIENT[kind]) as proxy:
        async with asyncio.timeout(PATIENCE_S):
            async with poller(proxy.http, token=mina.token) as polling:
                while "2" not in (packets := await polling.packets()):
                    assert packets
                assert (await polling.post("3")).text == "ok"
                assert (await polling.ask("join", {"room": room}))["room"]["id"] == room
                assert (await polling.post("1")).text == "ok"
            protocols = f"Sec-WebSocket-Protocol: yjs, bearer.{mina.token}"
            async with upgraded(proxy.port, protocols, path=f"/yjs/{paper}") as raw:
                while (heard := await raw.read())[0] != PING:
                    assert heard[0] == BINARY
                await raw.send(frame(PONG, heard[1]), frame(BINARY, b"\x03"))  # the question for what is shown
                assert await raw.read() == (BINARY, b"\x01\x01\x00")


@pytest.mark.parametrize("kind", RUN)
async def test_a_visitor_has_the_limits_of_his_own_address_and_cannot_borrow_another(kind: str, tmp_path: Path) -> None:
    """The crowd is small, so that all of it has come before the first is let go for saying no hello."""
    settings = {"trusted_proxies": '["127.0.0.1"]', "max_sockets_per_address": str(PER_ADDRESS)}
    async with running_server(tmp_path, settings=settings) as node, AsyncExitStack() as stack:
        with RUN[kind]([node.port]) as proxy:

            async def come(address: str, *headers: str) -> int:
                raw = await stack.enter_async_context(dialled(proxy.port, address))
                await raw.send(upgrade(*headers))
                status = await raw.status()
                if status != 101:
                    assert int(raw.headers["retry-after"]) > 0
                return status

            nosy = "127.0.9.1"
            statuses = Counter(
                [
                    await come(nosy, f"X-Forwarded-For: 198.51.100.{n}", f"Forwarded: for=198.51.100.{n}")
                    for n in range(PER_ADDRESS + 3)
                ]
            )
            assert statuses == {101: PER_ADDRESS, 503: 3}
            assert await come("127.0.10.1", f"X-Forwarded-For: {nosy}") == 101


@asynccontextmanager
async def asked_all_the_time(proxy: Proxy) -> AsyncIterator[Counter[int]]:
    """Ask for a page without a pause, each time over a new connection, and count the answers."""
    answers: Counter[int] = Counter()

    async def ask() -> None:
        while True:
            async with http_client(proxy.http) as http:
                answers[(await http.get("/livez")).status_code] += 1

    asking = asyncio.create_task(ask())
    try:
        yield answers
    finally:
        asking.cancel()
        await asyncio.wait([asking])


@asynccontextmanager
async def posting_all_the_time(proxy: Proxy, yard: str) -> AsyncIterator[list[str]]:
    """Post messages over REST, each under a key, again and again until it is answered; gives their texts."""
    posted: list[str] = []

    async def post(http: httpx2.AsyncClient, bearer: dict[str, str]) -> None:
        while True:
            text = f"post {len(posted)}"
            posted.append(text)
            status = 0
            while status not in (200, 201):
                try:
                    headers = {**bearer, "Idempotency-Key": text.replace(" ", "-")}
                    response = await http.post(f"/api/rooms/{yard}/messages", json={"text": text}, headers=headers)
                    status = response.status_code
                except httpx2.TransportError:
                    pass  # it may have been stored: the key finds out
                await asyncio.sleep(PACE_S)

    async with (
        connect(proxy.url, guest="Poster") as poster,
        http_client(proxy.http) as http,
    ):
        await poster.create(yard)
        posting = asyncio.create_task(post(http, {"Authorization": f"Bearer {poster.token}"}))
        try:
            yield posted
        finally:
            posting.cancel()
            await asyncio.wait([posting])


@pytest.mark.slow  # `test_whole_fleet.py` has a rolling restart, too; here visitors and REST are looked at
async def test_every_node_is_restarted_under_load_and_nobody_loses_a_message(
    proxy: Proxy, nodes: list[Server], tmp_path: Path
) -> None:
    """A rolling restart and then a kill -9, judged by the history checker over what 20 people on 28 connections saw."""
    plan = make_plan(proxy.port, 60)
    raging, over = asyncio.Event(), asyncio.Event()
    recorders: list[Recorder] = []

    def report(doing: str, share: float, recorder: Recorder) -> None:
        recorders[:] = [recorder]
        if doing == "a storm":
            raging.set()

    async def acks(count: int) -> None:
        """Wait for that many acks from now on."""
        counted = recorders[0].counted
        enough = counted["acks"] + count
        async with asyncio.timeout(PATIENCE_S):
            while counted["acks"] < enough:
                await asyncio.sleep(0.01)

    yard = f"posts-{proxy.port}"
    async with asked_all_the_time(proxy) as answers, posting_all_the_time(proxy, yard) as posted:
        proving = asyncio.create_task(
            prove_url(plan, tmp_path / "evidence", proxy.url, f"roll-{proxy.port}-", report=report, stop=over)
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                await raging.wait()
            await acks(50)
            for node in nodes:
                recorders[0].begin("drain")
                async with asyncio.timeout(PATIENCE_S):
                    assert await node.stop() == 0, node.log.read_text()[-3000:]
                await acks(50)
                recorders[0].end("")
                await node.start()
                await acks(50)
            in_order = answers.copy()
            recorders[0].begin("kill")
            await nodes[0].kill()
            await acks(100)
            recorders[0].end("")
            await nodes[0].start()
            over.set()
            outcome = await asyncio.wait_for(proving, 120)
        finally:
            over.set()
            proving.cancel()
            await asyncio.wait([proving])
    broken = [str(result.violation) for result in outcome.verdict.results.values() if result.violation]
    assert outcome.held, str(outcome.folder) + "\n".join([*broken, *outcome.broken])
    counted = outcome.totals.counted
    assert counted["connections"] > 28 * 2
    assert outcome.totals.closes[1012], "nobody was told of the restart"
    assert set(in_order) == {200}, f"while nodes were restarted in turn, visitors saw {in_order}"
    assert answers[200] > 20
    async with connect(proxy.url, guest="Reader") as reader:
        room = await reader.join(yard)
        texts = [message.text async for message in room.messages()][::-1]
    assert texts[:-1] == posted[: len(texts) - 1], "each once, in order; of the last it is not known"
    assert len(posted) - 1 <= len(texts) <= len(posted)


async def test_who_is_on_a_node_that_stops_is_told_through_the_proxy_when_to_come_back(
    proxy: Proxy, nodes: list[Server]
) -> None:
    async with AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(guest(proxy.port, f"Guest {n}")) for n in range(6)]
        for node in nodes:  # spread over all; those of before may still be leaving
            await until(lambda node=node: metric(node, "madang_sockets"), lambda sockets: sockets == 2)  # type: ignore[misc]
        leaving = [asyncio.create_task(farewell(raw)) for raw in raws]
        try:
            async with asyncio.timeout(PATIENCE_S):
                assert await nodes[1].stop() == 0
            await eventually(lambda: sum(task.done() for task in leaving) == 2)
            for task in leaving:
                if task.done():
                    code, (bye,) = task.result()
                    assert (code, bye["reason"], bye["retry_ms"] > 0) == (1012, "restart", True)
        finally:
            for task in leaving:
                task.cancel()
            await asyncio.wait(leaving)
    await nodes[1].start()


@pytest.mark.parametrize("kind", NGINX_AT_ONCE)
async def test_a_crowd_too_large_for_a_moment_is_let_in_turn_by_turn(kind: str, tmp_path: Path) -> None:
    """Who is turned away hears from the node itself, through the proxy, when to come again; and the proxy goes on trusting it."""
    admission = {"handshake_rate": "5", "trusted_proxies": '["127.0.0.1"]'}
    async with running_server(tmp_path, settings=admission) as node, AsyncExitStack() as stack:
        troubles: list[str] = []
        with RUN[kind]([node.port]) as proxy:
            clients: list[Client] = []

            async def come(n: int) -> None:
                def note(state: State) -> None:
                    if state is State.WAITING:
                        troubles.append(clients[n].trouble)

                clients.append(connect(proxy.url, guest=f"Guest {n}", timeout=60, on_state=note))
                await stack.enter_async_context(clients[n])

            await asyncio.gather(*(come(n) for n in range(40)))
            assert troubles and {trouble[:8] for trouble in troubles} == {"HTTP 503"}
            assert {yard.state for yard in clients} == {State.LIVE}


async def farewell(raw: Raw) -> tuple[int, list[dict[str, Any]]]:
    """Answer pings until the connection is closed; gives the code, and what was said of it before."""
    byes = []
    while True:
        opcode, data = await raw.read()
        if opcode == PING:
            await raw.send(frame(PONG, data))
        elif opcode == TEXT and (said := json.loads(data))["op"] == "bye":
            byes.append(said)
        elif opcode == CLOSE:
            await raw.send(frame(CLOSE, data))
            return int.from_bytes(data[:2], "big"), byes
