"""Who watches their rooms knows what is unread in those that they do not follow, on every node, whatever happens there."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.actors import Actor
from madang.core.events import MemberErased, MessageDeleted, MessageEdited, MessageSent, RoomChanged, RoomPurged, draft
from madang.core.ids import IdSource
from madang.delivery import watching
from madang.errors import Refused
from madang.services.rooms import SYSTEM
from madang.testing import ModelStore, VirtualLoop
from madang.transports.node import Node
from tests.simulation import SlowStore
from tests.unit.delivery.nodes import OWNER
from tests.unit.transports.nodes import running_node
from tests.unit.transports.peers import Frame, Peer

ARA, BORA = Actor(id="u-ara", name="Ara"), Actor(id="u-bora", name="Bora")
PEOPLE = (OWNER, ARA, BORA, Actor(id="u-chul", name="Chul"))
ROOMS = tuple(f"room-{n}" for n in range(5))
SETTLED_S = 12.0  # a tick, a heartbeat, a read; and pointers of another node


class Yard:
    """Nodes on one log, in virtual time; `watch` brings somebody who watches."""

    def __init__(self, model: ModelStore, nodes: list[Node], stores: list[SlowStore]) -> None:
        self.model = model
        self.nodes = nodes
        self.stores = stores

    async def watch(self, who: Actor, node: int = 0, *, limit: int = 200, follow: tuple[str, ...] = ()) -> "Watcher":
        peer = Peer(self.nodes[node]).connect()
        peer.tell({"op": "hello", "n": 1, "token": peer.node.identity.tokens.sign(who, peer.node.now()).token})
        for n, room in enumerate(follow):
            assert (await peer.ask(op="join", n=100 + n, room=room, limit=0))["op"] == "ok"
        watcher = Watcher(peer, who)
        after, more, n = "", True, 2
        while more:
            page = await peer.ask(op="rooms", n=n, after=after, limit=limit, watch=True)
            more, after, n = page["more"], page["rooms"][-1]["room"] if page["rooms"] else "", n + 1
        return watcher

    async def say(self, room: str, who: Actor = OWNER, node: int = 0, text: str = "hello", **more: Any) -> int:
        appended = await self.nodes[node].appender.append(draft(MessageSent(text=text, **more), room, who.id, who.name))
        assert appended is not None
        return appended.event.seq

    async def truth(self, who: Actor) -> dict[str, tuple[int, int]]:
        return {m.room: (m.unread, m.mentions) for m in await self.model.memberships(who.id, limit=200)}


class Watcher:
    """A client that does what PROTOCOL.md says: rows replace rows, counts change them, what is gone is dropped."""

    def __init__(self, peer: Peer, who: Actor) -> None:
        self.peer = peer
        self.who = who

    @property
    def frames(self) -> list[Frame]:
        return self.peer.of("unread")

    @property
    def rows(self) -> dict[str, Frame]:
        rows: dict[str, Frame] = {}
        for frame in self.peer.frames:
            if frame["op"] == "unread" or (frame["op"] == "ok" and "rooms" in frame):
                rows |= {row["room"]: row for row in frame.get("rooms", ())}
                for count in frame.get("counts", ()):
                    if count["room"] in rows:  # else it is on a page still to come
                        rows[count["room"]] = {**rows[count["room"]], **count}
                for room in frame.get("gone", ()):
                    rows.pop(room, None)
        return rows

    @property
    def knows(self) -> dict[str, tuple[int, int]]:
        return {room: (row["unread"], row.get("mentions", 0)) for room, row in self.rows.items()}


@asynccontextmanager
async def yard(nodes: int = 1, seed: int = 0) -> AsyncIterator[Yard]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    model = ModelStore(IdSource(1), loop.clock_ms)
    broker = MemoryBroker() if nodes > 1 else None
    async with AsyncExitStack() as stack:
        running: list[Node] = []
        stores: list[SlowStore] = []
        for n in range(nodes):
            store = SlowStore(model, seed * 10 + n)
            node = running_node(store, MemoryBus(broker), name=f"node-{n}", watch=nodes > 1, clock=loop.time)
            running.append(await stack.enter_async_context(node))
            stores.append(store)
        there = Yard(model, running, stores)
        for room in ROOMS[:3]:
            await running[0].rooms.create(OWNER, room, "", "open")
            for who in PEOPLE[1:]:
                await running[0].rooms.enter(who, room)
            await there.say(room)
            for who in PEOPLE[1:]:
                await running[0].read_pointers.move(who, room, 5)
        yield there


def in_virtual_time(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


@pytest.mark.parametrize("nodes", [1, 3])
@pytest.mark.parametrize("seed", [*range(6), 26, 123, 154])
def test_whatever_happens_who_watches_knows_what_is_unread(seed: int, nodes: int) -> None:
    """By a seed: people talk, mention, edit, delete, read, come, go and are kicked, and rooms end, on any node."""

    async def story() -> None:
        chance = random.Random(seed)
        async with yard(nodes, seed) as here:
            watchers = [await here.watch(who, chance.randrange(nodes)) for who in PEOPLE for _ in range(2)]
            beginning: list[asyncio.Task[Watcher]] = []
            for _ in range(80):
                await _something(here, chance)
                if chance.random() < 0.2:
                    beginning.append(
                        asyncio.create_task(here.watch(chance.choice(PEOPLE), chance.randrange(nodes), limit=2))
                    )
                if chance.random() < 0.2 and watchers:
                    watchers.pop(chance.randrange(len(watchers))).peer.transport.abort()
                await asyncio.sleep(chance.choice((0.0, 0.0, 0.01, 0.3, 2.0)))
            watchers += await asyncio.gather(*beginning)
            await asyncio.sleep(SETTLED_S)
            for watcher in watchers:
                assert watcher.knows == await here.truth(watcher.who), watcher.who.id
            for watcher in watchers:
                watcher.peer.transport.abort()
            await asyncio.sleep(SETTLED_S)
            for node in here.nodes:
                assert node.hub.watching.rooms == {}
                assert {metric.name: metric.value for metric in node.hub.watching.metrics()} == dict.fromkeys(
                    ("madang_watching", "madang_watched", "madang_watched_waiting"), 0
                )

    in_virtual_time(story)


async def _something(here: Yard, chance: random.Random) -> None:
    node, who, room = chance.choice(here.nodes), chance.choice(PEOPLE), chance.choice(ROOMS)
    log = here.model.rooms_by_id[room].log if room in here.model.rooms_by_id else []
    seq = chance.randint(1, len(log) or 1)
    mentions = tuple(sorted(each.id for each in PEOPLE if chance.random() < 0.3))
    deed = chance.choices(
        [
            "say",
            "read",
            "edit",
            "delete",
            "enter",
            "leave",
            "kick",
            "grant",
            "change",
            "purge",
            "end",
            "make",
            "direct",
        ],
        [12, 4, 3, 2, 3, 2, 1, 1, 1, 1, 0.3, 2, 1],
    )[0]
    try:
        if deed == "say":
            for _ in range(chance.choice((1, 1, 5))):
                await here.say(room, who, here.nodes.index(node), mentions=mentions)
        elif deed == "read":
            await node.read_pointers.move(who, room, seq)
        elif deed == "edit":
            await node.appender.append(draft(MessageEdited(target=seq, mentions=mentions), room, who.id, who.name))
        elif deed == "delete":
            await node.appender.append(draft(MessageDeleted(target=seq), room, who.id, who.name))
        elif deed == "enter":
            await node.rooms.enter(who, room)
        elif deed == "leave":
            await node.rooms.leave(who, room)
        elif deed == "kick":
            await node.rooms.kick(OWNER, room, who.id)
        elif deed == "grant":
            await node.rooms.grant(OWNER, room, who.id, "moderator")
        elif deed == "change":
            await node.rooms.change(OWNER, room, RoomChanged(title=f"Title {seq}"))
        elif deed == "purge":
            await node.appender.append(draft(RoomPurged(upto=seq), room, "madang", "Madang", server=True))
        elif deed == "end":
            await node.rooms.delete(OWNER, room)
        elif deed == "direct":
            await node.rooms.direct(who, chance.choice(PEOPLE).id)
        else:
            await node.rooms.create(OWNER, room, "", "open")
    except Refused:
        pass


def test_rooms_that_a_connection_follows_are_left_out() -> None:
    async def story() -> None:
        async with yard() as here:
            watcher = await here.watch(ARA, follow=ROOMS[:1])
            another = await here.watch(ARA)
            await here.say(ROOMS[0])
            await asyncio.sleep(SETTLED_S)
            assert not watcher.frames
            assert another.knows[ROOMS[0]] == (1, 0)
            await here.nodes[0].rooms.kick(OWNER, ROOMS[0], ARA.id)
            await asyncio.sleep(SETTLED_S)
            assert [frame["gone"] for frame in (*watcher.frames, *another.frames[1:])] == [[ROOMS[0]]] * 2
            await here.say(ROOMS[0])
            await here.say(ROOMS[1], mentions=(ARA.id,))
            await asyncio.sleep(SETTLED_S)
            assert watcher.knows == another.knows == await here.truth(ARA)

    in_virtual_time(story)


@pytest.mark.parametrize("nodes", [1, 2])
def test_the_other_of_a_direct_room_is_told_to_have_gone(nodes: int) -> None:
    """Also of a room that the connection does not follow, once it is known what is left of them."""

    async def story() -> None:
        async with yard(nodes) as here:
            node = here.nodes[-1]
            room = (await node.rooms.direct(ARA, BORA.id)).id
            await here.say(room, BORA, node=nodes - 1)
            watcher = await here.watch(ARA)
            await asyncio.sleep(SETTLED_S)
            assert watcher.rows[room]["peer"] == BORA.id
            await node.rooms.leave(BORA, room)
            await asyncio.sleep(SETTLED_S)
            assert "peer" not in watcher.rows[room]
            told = len(watcher.frames)
            await node.appender.append(draft(MemberErased(member=BORA.id), room, SYSTEM.id, SYSTEM.name, server=True))
            await asyncio.sleep(SETTLED_S)
            assert [row["room"] for frame in watcher.frames[told:] for row in frame["rooms"]] == [room]

    in_virtual_time(story)


def test_the_first_change_is_told_at_once_and_others_once_a_second() -> None:
    async def story() -> None:
        async with yard() as here:
            watcher = await here.watch(ARA)
            await asyncio.sleep(SETTLED_S)
            seq = await here.say(ROOMS[0])
            await asyncio.sleep(0.2)
            assert watcher.frames == [{"op": "unread", "counts": [{"room": ROOMS[0], "seq": seq, "unread": 1}]}]
            for n in range(300):
                await here.say(ROOMS[n % 3])
                await asyncio.sleep(0.01)
            await asyncio.sleep(SETTLED_S)
            assert watcher.knows == await here.truth(ARA)
            assert 4 <= len(watcher.frames) <= 12  # of 301 messages in at least 3 s; the store takes its time, too

    in_virtual_time(story)


def test_a_room_that_many_watch_is_told_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EACH_S", 2.0)  # of four who watch

    async def story() -> None:
        async with yard() as here:
            watchers = [await here.watch(who) for who in PEOPLE]
            began = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < began + 30:
                await here.say(ROOMS[0])
                await asyncio.sleep(0.1)
            await asyncio.sleep(SETTLED_S)
            for watcher in watchers[1:]:
                assert len(watcher.frames) <= 6
                assert watcher.knows == await here.truth(watcher.who)

    in_virtual_time(story)


def test_who_has_a_thousand_unread_is_told_no_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "COUNTED", 3)

    async def story() -> None:
        async with yard() as here:
            watcher = await here.watch(ARA)
            for _ in range(6):
                await here.say(ROOMS[0])
                await asyncio.sleep(2.0)
            assert [frame["counts"][0]["unread"] for frame in watcher.frames] == [1, 2, 3]
            await here.say(ROOMS[0], mentions=(ARA.id,))
            await asyncio.sleep(SETTLED_S)
            assert watcher.rows[ROOMS[0]]["mentions"] == 1

    in_virtual_time(story)


def test_a_socket_that_is_not_read_is_told_how_things_are_when_it_is() -> None:
    async def story() -> None:
        async with yard() as here:
            watcher = await here.watch(ARA)
            transport = watcher.peer.transport
            transport.stuck = True
            transport.write(b"x" * 300_000)
            assert watcher.peer.connection.paused
            before = len(transport.writes)
            for _ in range(50):
                await here.say(ROOMS[0])
                await asyncio.sleep(0.5)
            assert len(transport.writes) == before
            del transport.unsent[:300_000]
            transport.stuck = False
            transport.read()
            await asyncio.sleep(SETTLED_S)
            assert len(watcher.frames) == 1
            assert watcher.knows == await here.truth(ARA)

    in_virtual_time(story)


@pytest.mark.parametrize("fail", [0.0, 0.3])
def test_what_a_tick_may_not_count_waits(monkeypatch: pytest.MonkeyPatch, fail: float) -> None:
    """And so does what the store could not answer."""
    monkeypatch.setattr(watching, "ROWS", 2)

    async def story() -> None:
        async with yard(seed=3) as here:
            watchers = [await here.watch(who) for who in PEOPLE]
            for room in ROOMS[:3]:
                await here.say(room, mentions=tuple(who.id for who in PEOPLE))
                await here.say(room, ARA)
            here.stores[0].fail = fail
            await asyncio.sleep(60)
            here.stores[0].fail = 0.0
            for watcher in watchers:
                assert watcher.knows == await here.truth(watcher.who)

    in_virtual_time(story)


def test_what_lacks_more_than_a_read_is_counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """On another node, whose heartbeat tells how far the log reaches."""
    monkeypatch.setattr("madang.delivery.reader.READ", 4)

    async def story() -> None:
        async with yard(2) as here:
            watchers = [await here.watch(who) for who in PEOPLE]
            for count in (3, 30):
                for _ in range(count):
                    await here.say(ROOMS[0], node=1, mentions=(ARA.id,))
                await asyncio.sleep(SETTLED_S)
                for watcher in watchers:
                    assert watcher.knows == await here.truth(watcher.who)

    in_virtual_time(story)


def test_no_more_than_a_node_can_keep_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PAIRS", 3)

    async def story() -> None:
        async with yard() as here:
            watcher = await here.watch(ARA)
            answer = await watcher.peer.ask(op="rooms", n=9, watch=True)
            assert (answer["code"], answer["retry_ms"]) == ("overloaded", 30_000)
            assert (await watcher.peer.ask(op="rooms", n=10))["op"] == "ok"

    in_virtual_time(story)


@pytest.mark.parametrize("known", [True, False], ids=["a room told before", "a new room"])
@pytest.mark.parametrize("others", [True, False], ids=["watched by others", "watched by nobody"])
@pytest.mark.parametrize("nodes", [1, 2])
def test_who_is_kicked_while_they_are_counted_is_told_no_more(
    known: bool, others: bool, nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count that was read before the kick does not bring the room back."""
    room = ROOMS[3]

    async def story() -> None:
        async with yard(nodes) as here:
            node, store = here.nodes[0], here.stores[0]
            await node.rooms.create(OWNER, room, "", "open")
            if known:
                await node.rooms.enter(ARA, room)
            if others:
                await here.watch(OWNER)
            watcher = await here.watch(ARA)
            await asyncio.sleep(SETTLED_S)
            counted: Any = store.__getattr__("counted")
            kicked = asyncio.Event()

            async def late(*args: Any, **named: Any) -> Any:
                found = await counted(*args, **named)
                if args[0] == ARA.id and not kicked.is_set():
                    kicked.set()
                    await here.nodes[-1].rooms.kick(OWNER, room, ARA.id)
                    await asyncio.sleep(0.1)
                return found

            monkeypatch.setattr(store, "counted", late, raising=False)
            if known:
                await here.say(room, mentions=(ARA.id,))
            else:
                await node.rooms.enter(ARA, room)
            await kicked.wait()
            await asyncio.sleep(1.0 if nodes == 1 else SETTLED_S)
            assert room not in watcher.knows
            before = len(watcher.frames)
            for _ in range(3):
                await here.say(room)
                await asyncio.sleep(SETTLED_S)
            assert room not in watcher.knows
            assert len(watcher.frames) == before

    in_virtual_time(story)
