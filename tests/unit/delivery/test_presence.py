"""Presence: who came online and went offline, told once, if it still holds; and nothing kept of those who are gone."""

import asyncio
from typing import Any

import msgspec
import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.adapters.sql import Store
from madang.core.ids import IdSource
from madang.delivery import presence
from madang.delivery.presence import CARRIED, CROWD, CROWD_TICK_S, TTL_S, PresenceKeeper
from madang.errors import StorageFailed
from madang.ports.bus import Signal
from madang.testing import FakeClock, ModelStore, VirtualLoop
from tests.unit.delivery.nodes import OWNER, Node, running_nodes, user
from tests.unit.delivery.subscribers import Frame, RecordingSubscriber
from tests.waiting import eventually, turns

YARD = "yard"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "TICK_S", 0.02)


def told(subscriber: RecordingSubscriber) -> list[tuple[list[str], list[str], int]]:
    return [(sorted(f["online"]), sorted(f["offline"]), f["count"]) for f in subscriber.of("presence")]


async def settled(node: Node) -> None:
    """Wait until the port and the rooms have been told everything."""
    keeper = node.hub.presence
    await eventually(lambda: keeper.idle)
    await turns(2)


async def comes(node: Node, name: str) -> RecordingSubscriber:
    subscriber = node.subscriber()
    await node.join(subscriber, YARD, user(name))
    return subscriber


async def test_only_the_first_and_last_device_of_a_user_are_told(node: Node) -> None:
    watcher = await comes(node, "mina")
    await settled(node)
    assert told(watcher) == [(["u-mina"], [], 1)]
    one = await comes(node, "bora")
    await settled(node)
    two = await comes(node, "bora")
    await settled(node)
    one.close()
    await settled(node)
    assert told(watcher)[1:] == [(["u-bora"], [], 2)]
    two.close()
    await settled(node)
    assert told(watcher)[2:] == [([], ["u-bora"], 1)]


async def test_the_name_of_a_user_is_told(node: Node) -> None:
    watcher = await comes(node, "mina")
    await settled(node)
    assert watcher.of("presence")[0]["online"] == {"u-mina": "Mina"}


async def test_a_reload_is_not_told(node: Node) -> None:
    watcher, page = await comes(node, "mina"), await comes(node, "bora")
    await settled(node)
    before = len(told(watcher))
    page.close()
    await comes(node, "bora")
    await settled(node)
    brief = await comes(node, "chul")
    brief.close()
    await settled(node)
    assert told(watcher)[before:] == []


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("names", [("Chul", None), (None, "Chul")])
async def test_what_cancels_out_is_told_where_somebody_has_looked_in_between(
    node: Node, names: tuple[str | None, str | None], read: bool
) -> None:
    watcher = await comes(node, "mina")
    await settled(node)
    before, keeper = len(told(watcher)), node.hub.presence
    for name in names:
        keeper.receive(Signal(YARD, "presence", "u-chul", msgspec.json.encode(name)))
        if read:
            await keeper.online(YARD, after="", limit=10)
    await settled(node)
    last = (["u-chul"], [], 1) if names[1] else ([], ["u-chul"], 1)
    assert told(watcher)[before:] == ([last] if read else [])


async def test_joining_again_counts_as_one_device(node: Node) -> None:
    subscriber = await comes(node, "mina")
    await node.join(subscriber, YARD, user("mina"))
    await settled(node)
    assert await node.hub.presence.online(YARD, after="", limit=10) == ({"u-mina": "Mina"}, 1)
    subscriber.close()
    await settled(node)
    assert await node.hub.presence.online(YARD, after="", limit=10) == ({}, 0)


async def test_a_crowd_is_told_only_the_count(node: Node) -> None:
    live = await node.live(YARD)
    await node.follow(live, "mina", count=CROWD)
    await settled(node)
    watcher = await comes(node, "bora")
    await settled(node)
    assert watcher.of("presence") == [{"op": "presence", "room": YARD, "count": 2}]


def test_a_crowd_is_told_less_often_and_in_the_end_correctly() -> None:
    """Ten thousand that come back are not told every second."""

    async def story() -> None:
        async with running_nodes(ModelStore(IdSource(1), FakeClock())) as (node,):
            await node.rooms.create(OWNER, YARD, "Yard", "open")
            await node.follow(await node.live(YARD), "mina", count=CROWD)
            await asyncio.sleep(1)
            watcher = await comes(node, "bora")
            await asyncio.sleep(1)
            for name in ("chul", "dal"):
                await comes(node, name)
                await asyncio.sleep(1)
            assert [f["count"] for f in watcher.of("presence")] == [2]
            await asyncio.sleep(CROWD_TICK_S)
            assert [f["count"] for f in watcher.of("presence")] == [2, 4]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


async def test_who_is_online_comes_in_pages(node: Node) -> None:
    for name in ("a", "b", "c"):
        await comes(node, name)
    await settled(node)
    assert await node.hub.presence.online(YARD, after="", limit=2) == ({"u-a": "A", "u-b": "B"}, 3)
    assert await node.hub.presence.online(YARD, after="u-b", limit=2) == ({"u-c": "C"}, 3)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("way", ["leave", "kick", "close"])
async def test_a_user_is_offline_however_they_go(node: Node, way: str, behind: bool) -> None:
    watcher, subscriber = await comes(node, "mina"), await comes(node, "bora")
    await settled(node)
    if behind:
        subscriber.pause()
        await node.burst(YARD, 3)
    if way == "leave":
        await node.rooms.leave(user("bora"), YARD)
    elif way == "kick":
        await node.rooms.kick(OWNER, YARD, "u-bora")
    else:
        subscriber.close()
    await settled(node)
    assert told(watcher)[-1] == ([], ["u-bora"], 1)


async def test_nothing_is_kept_of_users_who_are_gone(node: Node) -> None:
    subscribers = [await comes(node, f"n{n}") for n in range(20)]
    await settled(node)
    for subscriber in subscribers:
        subscriber.close()
    await settled(node)
    keeper = node.hub.presence
    kept = {name: value for name, value in vars(keeper).items() if isinstance(value, dict) and name != "_rooms"}
    assert kept
    assert not any(kept.values()), kept


async def test_moves_that_cancel_out_do_not_pile_up(node: Node) -> None:
    keeper = node.hub.presence
    for _ in range(1000):
        keeper.enter(YARD, "u-x", "X", "device")
        keeper.leave(YARD, "u-x", "device")
    assert len(keeper.moves) == 1
    await settled(node)


class FailingPresence:
    """A port that does not answer for a while."""

    def __init__(self) -> None:
        self.inner = MemoryPresence(TTL_S)
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **more: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise OSError("not there")
            return await getattr(self.inner, name)(*args, **more)

        return call


async def test_a_port_that_fails_for_a_while_is_told_later(node: Node) -> None:
    port = node.seen_presence.inner = FailingPresence()
    watcher = await comes(node, "mina")
    await settled(node)
    port.failures = 3
    one, two = await comes(node, "bora"), await comes(node, "chul")
    one.close()
    await settled(node)
    await eventually(lambda: told(watcher)[-1] == (["u-chul"], [], 2))
    port.failures = 2
    two.close()
    await settled(node)
    assert await port.count(YARD) == 1


class PartlyAway(FailingPresence):
    """A port that does not answer for one room: a member of a Cluster is gone."""

    def __init__(self, room: str) -> None:
        super().__init__()
        self.away = room

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **more: Any) -> Any:
            if args[0] == self.away:
                raise StorageFailed("Not just now.")
            return await getattr(self.inner, name)(*args, **more)

        return call


async def test_rooms_for_which_the_port_fails_do_not_delay_others(node: Node) -> None:
    port = PartlyAway("square")
    node.seen_presence.inner = port
    await node.rooms.create(OWNER, "square", "Square", "open")
    for n in range(CARRIED + 3):
        await node.join(node.subscriber(), "square", user(f"early-{n}"))
    watcher = await comes(node, "mina")
    await comes(node, "bora")
    await eventually(lambda: [f["count"] for f in watcher.of("presence")][-1:] == [2])
    port.away = ""
    await settled(node)
    assert await port.count("square") == CARRIED + 3


# -- several nodes -----------------------------------------------------------------------------------------------------


def edges(subscriber: RecordingSubscriber) -> list[Frame]:
    return [{"online": f["online"], "offline": f["offline"]} for f in subscriber.of("presence")]


async def test_changes_on_other_nodes_are_told_here(store: Store) -> None:
    broker, port = MemoryBroker(), MemoryPresence(TTL_S)
    async with running_nodes(store, MemoryBus(broker), MemoryBus(broker), presence=port) as (here, there):
        await here.rooms.create(OWNER, YARD, "Yard", "open")
        early = await comes(there, "early")  # before any follower here
        await settled(there)
        watcher = await comes(here, "mina")
        await settled(here)
        seen = len(edges(watcher))
        subscriber = await comes(there, "bora")
        await eventually(lambda: edges(watcher)[seen:] == [{"online": {"u-bora": "Bora"}, "offline": []}])
        subscriber.close()
        await eventually(lambda: edges(watcher)[seen + 1 :] == [{"online": {}, "offline": ["u-bora"]}])
        early.close()
        await eventually(lambda: edges(watcher)[seen + 2 :] == [{"online": {}, "offline": ["u-early"]}])


async def test_presence_of_a_room_that_was_let_go_of_starts_afresh(store: Store) -> None:
    """Users who were online when the last follower here left may have gone and come since."""
    broker, port = MemoryBroker(), MemoryPresence(TTL_S)
    async with running_nodes(store, MemoryBus(broker), MemoryBus(broker), presence=port) as (here, there):
        await here.rooms.create(OWNER, YARD, "Yard", "open")
        watcher, other = await comes(here, "mina"), await comes(there, "bora")
        await eventually(lambda: any("u-bora" in e["online"] for e in edges(watcher)))
        watcher.close()
        await settled(here)
        del here.hub.rooms[YARD]
        other.close()
        await settled(there)
        again = await comes(here, "mina")
        await settled(here)
        await comes(there, "bora")
        await eventually(lambda: any("u-bora" in e["online"] for e in edges(again)))


async def test_devices_of_a_node_that_crashed_go_offline(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "TTL_S", 0.06)
    port = MemoryPresence(0.06)
    node.seen_presence.inner = port
    watcher = await comes(node, "mina")
    await settled(node)
    now = node.turns.time()
    await port.enter(YARD, "u-ghost", "Ghost", "its device", now)
    node.hub.presence.receive(Signal(YARD, "presence", "u-ghost", b'"Ghost"'))
    node.turns.spawn(node.hub.presence.keep())
    await eventually(lambda: any(f["offline"] == ["u-ghost"] for f in watcher.of("presence")))
    assert await port.count(YARD) == 1, "those of this node are refreshed"


async def test_a_node_that_stood_still_tells_its_users_again(node: Node) -> None:
    """The others have taken it and its users for dead meanwhile."""
    port, keeper = node.seen_presence, node.hub.presence
    await comes(node, "mina")
    await settled(node)
    now = node.turns.time()
    assert await port.sweep(now + TTL_S + 1) == [(YARD, "u-mina")]
    await keeper.refresh()
    await settled(node)
    assert await port.count(YARD) == 1


async def test_a_page_of_users_and_their_count_are_of_one_moment(node: Node) -> None:
    class Busy(MemoryPresence):
        """A port where another user comes online with each call."""

        async def online(self, room: str, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
            page = await super().online(room, after=after, limit=limit)
            await self.enter(room, f"u-{await self.count(room)}", "Somebody", "phone", 0.0)
            return page

    node.seen_presence.inner = Busy(TTL_S)
    for count in range(5):
        users, said = await node.hub.presence.online(YARD, after="", limit=100)
        assert len(users) == said == count
    users, said = await node.hub.presence.online(YARD, after="", limit=3)
    assert (len(users), said) == (3, 6), "more than a page are counted"


async def test_refreshing_survives_a_port_that_fails(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "TTL_S", 0.03)
    port = node.seen_presence.inner = FailingPresence()
    port.failures = 3
    keeper: PresenceKeeper = node.hub.presence
    node.turns.spawn(keeper.keep())
    await eventually(lambda: port.failures == 0)
    await port.enter(YARD, "u-ghost", "Ghost", "its device", node.turns.time() - TTL_S)
    await node.live(YARD)
    while await port.count(YARD):
        await asyncio.sleep(0.001)
