"""Stock Socket.IO clients of a fleet behind nginx and HAProxy: a node is killed in the middle of traffic, and comes back.

The proxies run with the files in deploy/. Clients go on where they were, on another node, with everything once and in order.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from madang.client import connect
from tests.integration.socketio.stock import Driver, StockSocket, set_up, stock_sockets
from tests.proxies import RUN, Proxy
from tests.redis import RedisServer
from tests.running import ForkedServer, Server
from tests.scenario.fleet.two_nodes import metric, until
from tests.servers import PostgresServer
from tests.waiting import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
ROOMS: Final = ("north", "south")
PATIENT: Final[dict[str, Any]] = {"retries": 50, "ackTimeout": 1000}
TRANSPORTS: Final[dict[str, dict[str, Any]]] = {
    "upgrade": {}, "websocket": {"transports": ["websocket"]}, "polling": {"transports": ["polling"]}
}  # fmt: skip
# A balancer that sends each request to any node: WebSockets need no more, since one is one request.
ANY_NODE: Final = {
    "nginx": {"    hash $remote_addr consistent;\n": ""},
    "haproxy": {"balance source\n    hash-type consistent": "balance roundrobin"},
}


@pytest.fixture(scope="module", autouse=True)
def node_js() -> None:
    """Node, with the client."""
    set_up()


@pytest.fixture(scope="module")
async def nodes(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, redis_server: RedisServer
) -> AsyncIterator[list[Server]]:
    settings = {
        "database": postgres_server.create_database("socketio_fleet"),
        "bus": redis_server.url,
        "trusted_proxies": '["127.0.0.1"]',
        "load_test": "1",
        "ping_s": "3",
    }
    nodes: list[Server] = [ForkedServer(tmp_path_factory.mktemp(f"node{n}"), settings=settings) for n in (1, 2, 3)]
    try:
        await nodes[0].start()  # makes the tables
        await asyncio.gather(*(node.start() for node in nodes[1:]))
        yield nodes
    finally:
        for node in nodes:
            await node.close()
        postgres_server.drop_database("socketio_fleet")


@pytest.fixture(params=RUN)
def proxy(request: pytest.FixtureRequest, nodes: list[Server]) -> Iterator[Proxy]:
    with RUN[request.param]([node.port for node in nodes]) as proxy:
        yield proxy


@pytest.fixture
async def driver(nodes: list[Server]) -> AsyncIterator[Driver]:
    """The client's sockets, on nodes that have none of another test's."""
    for node in nodes:
        await until(lambda node=node: socketio_clients(node), lambda count: count == 0)  # type: ignore[misc]
    async with stock_sockets() as driver:
        yield driver


class Person:
    """A stock client in rooms, and from where on it must have everything."""

    def __init__(self, socket: StockSocket) -> None:
        self.socket = socket
        self.starts: dict[str, int] = {}
        self.said = 0

    async def join(self, rooms: list[str]) -> None:
        for room in rooms:
            self.starts[room] = (await self.socket.retry("join", {"room": room}))["seq"]

    async def say(self, room: str) -> None:
        """Send the next message, again and again until it is acked."""
        self.said += 1
        text = f"{self.socket.name} {self.said}"
        assert "seq" in await self.socket.retry("send", {"room": room, "text": text, "cid": text.replace(" ", "-")})

    async def has(self, room: str, head: int) -> None:
        """Wait until it has all up to a seq, and see that each came once and in order, to the session that it began with."""
        await eventually(lambda: head in self.socket.seqs(room)[-50:])
        seqs = self.socket.seqs(room)
        assert seqs == list(range(self.starts[room] + 1, self.starts[room] + 1 + len(seqs))), "once and in order"
        connects = [life for life in self.socket.life if life["life"] == "connect"]
        assert len({connect["sid"] for connect in connects}) == 1
        assert all(connect["recovered"] for connect in connects[1:])
        assert len(self.socket.events("hello")) == 1


@asynccontextmanager
async def talk(people: list[Person], rooms: list[str]) -> AsyncIterator[None]:
    """Let everybody talk in all rooms, for as long as the block lasts."""
    over = asyncio.Event()

    async def chatter(person: Person) -> None:
        while not over.is_set():
            for room in rooms:
                await person.say(room)

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(chatter(person))
        yield
        over.set()


async def heads(proxy: Proxy, rooms: list[str]) -> dict[str, int]:
    """Return the newest seqs."""
    async with connect(proxy.url, guest="Reader") as reader:
        return {room: (await reader.join(room)).seq for room in rooms}


async def socketio_clients(node: Server) -> float:
    return sum(
        [await metric(node, f'madang_socketio_clients{{transport="{name}"}}') for name in ("polling", "websocket")]
    )


async def come(driver: Driver, url: str, rooms: list[str], *kinds: str, **options: Any) -> list[Person]:
    """Let a client of each kind come and join all rooms."""
    people = []
    for kind in kinds:
        socket = await driver.open(url, name=kind, auth={"guest": kind}, **PATIENT, **TRANSPORTS[kind], **options)
        await socket.lives("connect")
        people.append(Person(socket))
        await people[-1].join(rooms)
    return people


async def heard(people: list[Person], room: str, more: int) -> None:
    """Wait until everybody has heard more messages."""
    enough = {person: len(person.socket.seqs(room)) + more for person in people}
    await eventually(lambda: all(len(person.socket.seqs(room)) >= count for person, count in enough.items()))


async def test_a_node_dies_and_comes_back_and_its_clients_go_on(
    proxy: Proxy, nodes: list[Server], driver: Driver
) -> None:
    """Clients of one address share a node. It dies, and polls reach another; it comes back, and they reach the first again."""
    rooms = [f"{room}-{proxy.port}" for room in ROOMS]
    async with connect(proxy.url, guest="Olive") as olive:
        for room in rooms:
            await olive.create(room)
    people = await come(driver, proxy.http, rooms, *TRANSPORTS)
    (home,) = [node for node in nodes if await socketio_clients(node)]
    async with talk(people, rooms):
        await heard(people, rooms[0], 20)
        await home.kill()
        for person in people:
            await person.socket.lives("connect", 2)
        await heard(people, rooms[0], 20)
        assert sum([await socketio_clients(node) for node in nodes if node is not home]) == len(people)
        await home.start()
        (polling,) = [person for person in people if person.socket.name == "polling"]
        await polling.socket.lives("connect", 3)
        await heard(people, rooms[0], 20)
        assert await socketio_clients(home)
    for room, head in (await heads(proxy, rooms)).items():
        for person in people:
            await person.has(room, head)
        texts = [event["text"] for event in people[0].socket.events("message.sent", room)]
        assert len(set(texts)) == len(texts), "each is stored once"


@pytest.mark.parametrize("kind", RUN)
async def test_websockets_need_no_node_of_their_own(kind: str, nodes: list[Server], driver: Driver) -> None:
    with RUN[kind]([node.port for node in nodes], put=ANY_NODE[kind]) as proxy:
        rooms = [f"any-{proxy.port}"]
        async with connect(proxy.url, guest="Olive") as olive:
            await olive.create(rooms[0])
        kinds = [f"{name} {n}" for n in range(2) for name in ("first", "only")]
        people = []
        for name in kinds:
            transports = ["websocket", "polling"] if name.startswith("first") else ["websocket"]
            socket = await driver.open(proxy.http, name=name, auth={"guest": name}, transports=transports, **PATIENT)
            await socket.lives("connect")
            people.append(Person(socket))
            await people[-1].join(rooms)
        homes = [node for node in nodes if await socketio_clients(node)]
        assert len(homes) > 1, "spread over nodes"
        async with talk(people, rooms):
            await heard(people, rooms[0], 10)
            moved = int(await socketio_clients(homes[0]))
            await homes[0].kill()
            await eventually(
                lambda: sum(len([x for x in p.socket.life if x["life"] == "connect"]) > 1 for p in people) == moved
            )
            await heard(people, rooms[0], 10)
            await homes[0].start()
        (head,) = (await heads(proxy, rooms)).values()
        for person in people:
            await person.has(rooms[0], head)
