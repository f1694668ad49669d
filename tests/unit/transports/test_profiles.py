"""Who is renamed is heard of by their rooms, on every node, speaks by the new name on every device, and comes back with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import MemberChanged, draft
from madang.errors import Refused, StorageFailed
from madang.ports.bus import EVERYWHERE, Signal
from madang.services import profiles
from madang.services.limits import Rates
from madang.services.profiles import KEPT_MS, NAMED
from madang.services.quotas import Quota, QuotaRates
from madang.services.rooms import SYSTEM
from madang.transports.node import Node
from tests.stores import now_ms, opened_store
from tests.unit.delivery.nodes import OWNER
from tests.unit.services.wrapped import Wrapped
from tests.unit.transports.nodes import running_node
from tests.unit.transports.peers import Frame, Peer, message
from tests.waiting import eventually

YARD, HALL = "yard", "hall"
FACE = "https://faces.example/mina.png"
MINA = Actor(id="u-mina", name="Mina")
SHOP = Actor(id="key-1", name="Shop", server=True)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened_store(tmp_path) as store:
        yield store


@pytest.fixture
async def nodes(store: Store) -> AsyncIterator[list[Node]]:
    """Two nodes on one bus, and two rooms, of which Mina is a member."""
    async with AsyncExitStack() as stack:
        broker = MemoryBroker()
        nodes = [
            await stack.enter_async_context(running_node(store, MemoryBus(broker), name=f"node-{n}")) for n in range(2)
        ]
        for room in (YARD, HALL):
            await nodes[0].rooms.create(OWNER, room, "", "open")
            await nodes[0].rooms.enter(MINA, room)
        yield nodes


async def device(node: Node, who: Actor, *rooms: str) -> Peer:
    peer = Peer(node).connect()
    joins: list[Frame] = [{"op": "join", "n": 2 + n, "room": room} for n, room in enumerate(rooms)]
    peer.tell({"op": "hello", "n": 1, "token": node.identity.tokens.sign(who, node.now()).token}, *joins)
    for join in joins:
        assert (await peer.answer(join["n"]))["op"] == "ok"
    await peer.answer(1)
    return peer


def heard(peer: Peer, type: str, room: str = YARD) -> list[Frame]:
    return [frame for frame in peer.of("event") if frame["type"] == type and frame["room"] == room]


async def refused(node: Node, actor: Actor, **change: Any) -> str:
    with pytest.raises(Refused) as refusal:
        await node.profiles.change(actor, **change)
    return refusal.value.code


async def members(store: Store, room: str = YARD) -> dict[str, tuple[str, str]]:
    return {member.user: (member.name, member.picture) for member in await store.members(room)}


async def test_every_room_hears_of_a_change_on_every_node(nodes: list[Node], store: Store) -> None:
    here, there = nodes
    near, far = await device(here, OWNER, YARD, HALL), await device(there, OWNER, YARD, HALL)
    changed = await here.profiles.change(MINA, name="Minji", picture=FACE, locale="ko-KR")
    assert (changed.name, changed.picture, changed.locale) == ("Minji", FACE, "ko-KR")
    for peer in (near, far):
        for room in (YARD, HALL):
            await eventually(lambda peer=peer, room=room: heard(peer, "member.changed", room))  # type: ignore[misc]
            (event,) = heard(peer, "member.changed", room)
            assert (event["user"], event["name"], event["picture"]) == (MINA.id, "Minji", FACE)
            assert "locale" not in event, "which is nobody's business"
    for room in (YARD, HALL):
        assert (await members(store, room))[MINA.id] == ("Minji", FACE)
    assert await here.profiles.of(MINA) == changed


async def test_all_devices_speak_by_the_new_name_at_once(nodes: list[Node]) -> None:
    here, there = nodes
    mine = [await device(node, MINA, YARD) for node in nodes]
    owner = await device(there, OWNER, YARD)
    answer = await mine[0].ask(op="profile", n=50, name="Minji")
    assert answer["user"] == {"id": MINA.id, "name": "Minji"}
    await eventually(lambda: all(peer.session.actor().name == "Minji" for peer in mine))
    for n, peer in enumerate(mine):
        assert (await peer.ask(**message(60 + n)))["op"] == "ok"
    await eventually(lambda: len(heard(owner, "message.sent")) == 2)
    assert [event["name"] for event in heard(owner, "message.sent")] == ["Minji", "Minji"]
    await eventually(lambda: here.hub.presence.idle and there.hub.presence.idle)
    for n in range(2):
        online = await mine[n].ask(op="presence", n=70, room=YARD)
        assert online["users"].get(MINA.id) == "Minji"


async def test_a_token_of_before_brings_the_new_name_on_every_node(nodes: list[Node]) -> None:
    here, there = nodes
    old = here.identity.tokens.sign(MINA, here.now())
    await here.profiles.change(MINA, name="Minji")
    await eventually(lambda: there.profiles.name(MINA.id))
    for node in nodes:
        access = node.identity.verify(old.token, node.now())
        assert access.user.name == "Minji"
        assert access.token != old.token
        again = node.identity.verify(access.token, node.now())
        assert (again.user.name, again.token) == ("Minji", access.token), "the fresh one has it"


async def test_what_the_bus_loses_is_read_from_the_database(nodes: list[Node], store: Store) -> None:
    _, there = nodes
    peer = await device(there, MINA, YARD)
    there.hub.receive = lambda events: None  # type: ignore[method-assign]
    await store.set_profile(MINA.id, name="Minji")  # as a node does that nobody hears
    await there.profiles.start()
    assert there.profiles.name(MINA.id) == "Minji"
    assert peer.session.actor().name == "Minji"


async def test_names_are_kept_as_long_as_tokens_may_say_another(store: Store) -> None:
    now = now_ms()
    async with running_node(store, clock_ms=lambda: now) as node:
        await store.set_profile(MINA.id, name="Minji")
        await node.profiles.start()
        assert node.profiles.name(MINA.id) == "Minji"
        now += KEPT_MS + 60_000
        await node.profiles.start()
        assert node.profiles.name(MINA.id) is None


async def test_the_newest_name_holds_and_names_are_bounded(nodes: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "MOST", 3)
    node = nodes[0]
    for n in range(5):
        node.profiles.receive(Signal(EVERYWHERE, NAMED, f"u-{n}", f'"Name {n}"'.encode()))
    assert [node.profiles.name(f"u-{n}") for n in range(5)] == [None, None, "Name 2", "Name 3", "Name 4"]
    node.profiles.receive(Signal(EVERYWHERE, NAMED, "u-2", b'"Other"'))
    node.profiles.receive(Signal(EVERYWHERE, NAMED, "u-5", b'"New"'))
    assert [node.profiles.name(f"u-{n}") for n in range(2, 6)] == ["Other", None, "Name 4", "New"]


async def test_rooms_joined_later_show_who_one_is(nodes: list[Node], store: Store) -> None:
    here, there = nodes
    await here.profiles.change(MINA, name="Minji", picture=FACE)
    await eventually(lambda: there.profiles.name(MINA.id))
    await there.rooms.create(OWNER, "attic", "", "open")
    owner = await device(there, OWNER, "attic")
    minji = there.identity.verify(there.identity.tokens.sign(MINA, there.now()).token, there.now()).user
    await there.rooms.enter(minji, "attic")
    await there.rooms.create(minji, "cellar", "", "open")
    await eventually(lambda: heard(owner, "member.joined", "attic"))
    (joined,) = heard(owner, "member.joined", "attic")
    assert (joined["name"], joined["picture"]) == ("Minji", FACE)
    for room in ("attic", "cellar"):
        assert (await members(store, room))[MINA.id] == ("Minji", FACE)


async def test_a_change_that_was_cut_off_is_finished_by_doing_it_again(store: Store) -> None:
    class Failing(Wrapped):
        failing = False

        async def append(self, drafts: Any) -> Any:
            if self.failing and any(d.type == MemberChanged.type and d.room == YARD for d in drafts):
                if others := [d for d in drafts if d.room != YARD]:
                    await self.inner.append(others)
                raise StorageFailed
            return await self.inner.append(drafts)

    failing = Failing(store)
    async with running_node(failing) as node:
        for room in (YARD, HALL):
            await node.rooms.create(OWNER, room, "", "open")
            await node.rooms.enter(MINA, room)
        failing.failing = True
        with pytest.raises(StorageFailed):
            await node.profiles.change(MINA, name="Minji")
        assert (await members(store))[MINA.id][0] == "Mina"
        failing.failing = False
        before = await store.heads([YARD, HALL])
        await node.profiles.change(MINA, name="Minji")
        after = await store.heads([YARD, HALL])
        assert (await members(store))[MINA.id][0] == (await members(store, HALL))[MINA.id][0] == "Minji"
        assert after == {YARD: before[YARD] + 1, HALL: before[HALL]}, "who knew it was not told again"


async def test_two_changes_at_once_end_alike_in_every_room(nodes: list[Node], store: Store) -> None:
    names = [f"Mina {n}" for n in range(8)]
    await asyncio.gather(*(nodes[n % 2].profiles.change(MINA, name=name) for n, name in enumerate(names)))
    last = (await store.profile(MINA.id)).name
    assert last in names
    for room in (YARD, HALL):
        assert (await members(store, room))[MINA.id][0] == last


async def test_who_left_is_not_told_of(nodes: list[Node], store: Store) -> None:
    await nodes[0].rooms.leave(MINA, HALL)
    before = await store.heads([HALL])
    await nodes[0].profiles.change(MINA, name="Minji")
    assert await store.heads([HALL]) == before
    assert (await store.append([draft(MemberChanged(), HALL, MINA.id, "Minji", server=True)])) == [None]


async def test_what_cannot_be_said_is_refused_and_leaves_nothing(nodes: list[Node], store: Store) -> None:
    node = nodes[0]
    for change, code in (
        ({"name": "admin"}, "bad_name"),
        ({"name": "x" * 41}, "bad_name"),
        ({"name": ""}, "bad_name"),
        ({"picture": "http://a.example/p"}, "bad_field"),
        ({"locale": "한국어"}, "bad_field"),
        ({"name": "Minji", "picture": "https://a:b@a.example/p"}, "bad_field"),
    ):
        assert await refused(node, MINA, **change) == code
    assert await refused(node, SHOP, name="Minji") == "forbidden"
    outside = Actor(id="issuer-shop:42", name="Mina")
    assert await refused(node, outside, name="Minji") == "forbidden", "their issuer says it"
    assert (await node.profiles.change(outside, picture=FACE, locale="ko")).picture == FACE
    assert (await store.profile(MINA.id)).name == ""
    assert (await members(store))[MINA.id] == ("Mina", "")


async def test_a_user_changes_their_profile_so_many_times_a_day(store: Store) -> None:
    rates = Rates(quotas=QuotaRates(profiles=Quota(user=2)))
    async with running_node(store, rates=rates) as node:
        for name in ("One", "Two"):
            await node.profiles.change(MINA, name=name)
        assert await refused(node, MINA, name="Three") == "quota"
        assert (await node.profiles.change(MINA)).name == "Two", "to look at it is free"
        assert await refused(node, Actor(id="u-bora", name="Bora"), name="admin") == "bad_name"


async def test_a_deleted_user_says_nothing_any_more(nodes: list[Node], store: Store) -> None:
    await nodes[0].profiles.change(MINA, name="Minji", picture=FACE)
    await nodes[0].users.delete(MINA.id, SYSTEM)
    assert await refused(nodes[0], MINA, name="Mina") == "bad_token"
    assert (await store.profile(MINA.id)).name == ""
