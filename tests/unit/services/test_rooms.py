"""Who may come in, who may do what to whom; judged again each time, and all of it in the log."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import RoomChanged
from madang.core.rate import Rate
from madang.core.rooms import LOBBY
from madang.errors import Refused
from madang.services.limits import Rates
from madang.services.rooms import Rooms
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.delivery.papers.scenes import Person
from tests.unit.services.wrapped import Wrapped
from tests.unit.transports.nodes import running_node

YARD, HIDDEN = "yard", "hidden"
SHOP = Actor(id="key-1", name="Shop", server=True)
MINA, BORA = user("mina"), user("bora")


async def invited(node: Node, room: str, by: Actor = OWNER, **options: int) -> str:
    """Return an invite."""
    return (await node.invites.make(by, room, node.now(), **options))[1]


async def code(work: Awaitable[object]) -> str:
    with pytest.raises(Refused) as refusal:
        await work
    return refusal.value.code


async def test_who_creates_a_room_owns_it(rooms: Rooms, store: Store) -> None:
    created = await rooms.create(MINA, "plaza", "", "open")
    assert created is not None
    assert created.event.seq == 1
    info = await rooms.room("plaza")
    assert (info.title, info.access, info.slow_ms) == ("plaza", "open", 0)
    assert (await rooms.member(MINA, "plaza")).role == "owner"
    assert await code(rooms.create(BORA, "plaza", "Mine", "open")) == "room_exists"
    assert await code(rooms.create(BORA, "Plaza", "Mine", "open")) == "bad_field"
    assert await code(rooms.create(BORA, "other", "\u202e", "open")) == "bad_name"
    assert await code(rooms.create(BORA, "other", "Other", "secret")) == "bad_field"
    assert await code(rooms.room("other")) == "not_found"


async def test_a_room_without_an_id_gets_one_that_nobody_can_guess(rooms: Rooms) -> None:
    ids = {(await rooms.create(MINA, "", title, "invite")).event.room for title in ("", "One", "Two")}
    assert len(ids) == 3
    assert all(re.fullmatch("r-[a-z2-7]{16}", id) for id in ids)
    assert {(await rooms.room(id)).access for id in ids} == {"invite"}


class Read(Wrapped):
    """Notes what is looked up, and what came of it."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.noted: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self.inner, name)
        if name not in ("room", "joinable", "member", "invite", "paper", "watched"):
            return ask

        async def noted(*args: Any, **options: Any) -> Any:
            found = await ask(*args, **options)
            self.noted.append((name, found))
            return found

        return noted


async def test_of_what_is_hidden_a_stranger_makes_read_what_they_do_of_what_is_missing(store: Store) -> None:
    """The same, and nothing of either: so the clock tells them apart no more than the answer does."""
    read = Read(store)
    async with running_node(read) as node:
        rooms, papers, invite = node.rooms, node.papers, "inv_21f0eb5a_7FqsK6xRIs524N1POUZgSNUQRGjr9lyh"
        await rooms.create(OWNER, "den", "", "invite")
        await papers.create(OWNER, "den", "den", "")
        asks: list[Callable[[str], Awaitable[Any]]] = [
            rooms.title,
            lambda id: code(rooms.visible(MINA, id)),
            lambda id: code(rooms.member(MINA, id)),
            lambda id: code(rooms.enter(MINA, id)),
            lambda id: code(rooms.enter(MINA, id, invite)),
            lambda id: code(rooms.leave(MINA, id)),
            lambda id: code(rooms.change(MINA, id, RoomChanged(title="Mine"))),
            lambda id: code(rooms.delete(MINA, id)),
            lambda id: code(papers.show(MINA, id)),
            lambda id: code(papers.change(MINA, id, title="Mine")),
            lambda id: code(node.open_papers.follow(id, Person(MINA.id))),
        ]
        for ask in asks:
            said = []
            for id in ("den", "nowhere"):
                read.noted.clear()
                said.append((await ask(id), list(read.noted)))
            assert said[0] == said[1]
            assert said[0][1] and all(found is None for _, found in said[0][1])


async def test_the_lobby_is_made_once(rooms: Rooms, store: Store) -> None:
    await asyncio.gather(rooms.ensure_lobby(), rooms.ensure_lobby())
    await rooms.ensure_lobby()
    assert (await store.heads([LOBBY])) == {LOBBY: 1}


async def test_entering_an_open_room_twice_is_one_membership(rooms: Rooms, store: Store) -> None:
    first = await rooms.enter(MINA, YARD)
    assert (first.role, first.read_seq) == ("member", 2)
    assert await rooms.enter(MINA, YARD) == first
    assert (await store.heads([YARD])) == {YARD: 2}
    both = await asyncio.gather(rooms.enter(BORA, YARD), rooms.enter(BORA, YARD))
    assert both[0] == both[1]
    assert (await store.heads([YARD])) == {YARD: 3}


async def test_a_hidden_room_and_a_missing_one_answer_alike(rooms: Rooms) -> None:
    for room in (HIDDEN, "missing"):
        assert await code(rooms.enter(MINA, room)) == "not_found"
        assert await code(rooms.member(MINA, room)) == "not_found"
        assert await code(rooms.kick(MINA, room, OWNER.id)) == "not_found"
        assert await code(rooms.change(MINA, room, RoomChanged(title="x"))) == "not_found"
        assert await code(rooms.leave(MINA, room)) == "not_member"
    assert await code(rooms.enter(SHOP, "missing")) == "not_found"


async def test_the_invited_and_servers_come_in(node: Node, rooms: Rooms) -> None:
    right = await invited(node, HIDDEN)
    kind, id, secret = right.split("_", 2)
    for wrong in (
        None,
        "",
        "no invite",
        await invited(node, YARD),
        f"{kind}_{id}_x",
        f"{kind}_0_{secret}",
        f"mk_{id}_{secret}",
    ):
        assert await code(rooms.enter(MINA, HIDDEN, wrong)) == "not_found"
        assert await code(rooms.enter(MINA, "missing", wrong)) == "not_found"
    assert (await rooms.enter(MINA, HIDDEN, right)).role == "member"
    assert (await rooms.enter(MINA, HIDDEN)).role == "member"
    assert (await rooms.member(SHOP, HIDDEN)).role == "server"
    assert await code(rooms.member(SHOP, "missing")) == "not_found"


async def test_coming_back_lets_nobody_in_who_is_no_member_any_more(node: Node, rooms: Rooms) -> None:
    assert await code(rooms.enter(MINA, YARD, resuming=True)) == "not_found"
    member = await rooms.enter(MINA, YARD)
    assert await rooms.enter(MINA, YARD, resuming=True) == member
    await rooms.kick(OWNER, YARD, MINA.id)
    assert await code(rooms.enter(MINA, YARD, resuming=True)) == "not_found"
    assert await code(rooms.enter(MINA, YARD, await invited(node, YARD), resuming=True)) == "not_found"


async def test_members_leave_once_and_the_last_owner_last(rooms: Rooms) -> None:
    await rooms.enter(MINA, YARD)
    assert await code(rooms.leave(OWNER, YARD)) == "last_owner"
    assert await rooms.leave(MINA, YARD)
    assert await code(rooms.leave(MINA, YARD)) == "not_member"
    assert await rooms.leave(OWNER, YARD)


async def test_nobody_kicks_his_equal(node: Node, rooms: Rooms) -> None:
    for each in (MINA, BORA):
        await rooms.enter(each, YARD)
    assert await code(rooms.kick(MINA, YARD, BORA.id)) == "forbidden"
    await rooms.grant(OWNER, YARD, MINA.id, "moderator")
    assert await code(rooms.kick(MINA, YARD, OWNER.id)) == "forbidden"
    assert await code(rooms.kick(MINA, YARD, MINA.id)) == "forbidden"
    assert await code(rooms.kick(MINA, YARD, "u-nobody")) == "not_found"
    assert await rooms.kick(MINA, YARD, BORA.id)
    assert await code(rooms.member(BORA, YARD)) == "not_found"
    assert await rooms.kick(OWNER, YARD, MINA.id)
    await rooms.enter(BORA, YARD, await invited(node, YARD))
    assert await rooms.kick(SHOP, YARD, BORA.id)
    assert await rooms.kick(SHOP, YARD, OWNER.id), "a server key is above owners"


async def test_owners_alone_give_roles(rooms: Rooms) -> None:
    for each in (MINA, BORA):
        await rooms.enter(each, YARD)
    assert await code(rooms.grant(MINA, YARD, BORA.id, "moderator")) == "forbidden"
    await rooms.grant(OWNER, YARD, MINA.id, "moderator")
    assert await code(rooms.grant(MINA, YARD, BORA.id, "moderator")) == "forbidden"
    assert await code(rooms.grant(OWNER, YARD, BORA.id, "king")) == "bad_field"
    assert await rooms.grant(OWNER, YARD, MINA.id, "moderator") is None
    assert await code(rooms.grant(OWNER, YARD, OWNER.id, "member")) == "last_owner"
    await rooms.grant(OWNER, YARD, BORA.id, "owner")
    assert await rooms.grant(OWNER, YARD, OWNER.id, "member")
    assert await code(rooms.grant(OWNER, YARD, OWNER.id, "server")) == "bad_field"
    assert await rooms.grant(SHOP, YARD, BORA.id, "member"), "though no owner is left"
    assert await rooms.grant(SHOP, YARD, OWNER.id, "owner")


async def test_only_owners_change_settings_and_only_to_sound_ones(rooms: Rooms) -> None:
    await rooms.enter(MINA, YARD)
    assert await code(rooms.change(MINA, YARD, RoomChanged(title="Mine"))) == "forbidden"
    assert await rooms.change(OWNER, YARD, RoomChanged()) is None
    assert await code(rooms.change(OWNER, YARD, RoomChanged(title="\u202e"))) == "bad_name"
    assert await code(rooms.change(OWNER, YARD, RoomChanged(access="secret"))) == "bad_field"
    assert await rooms.change(OWNER, YARD, RoomChanged(title="New", access="invite", slow_ms=500))
    info = await rooms.room(YARD)
    assert (info.title, info.access, info.slow_ms) == ("New", "invite", 500)
    assert await code(rooms.enter(BORA, YARD)) == "not_found"
    assert (await rooms.enter(MINA, YARD)).role == "member", "who is in stays in"
    assert await rooms.change(OWNER, YARD, RoomChanged(slow_ms=0))
    assert (await rooms.room(YARD)).slow_ms == 0


# -- what it costs -----------------------------------------------------------------------------------------------------


async def test_what_appends_is_counted_and_joining_again_is_not(store: Store) -> None:
    few = Rates(user=Rate(0.001, 3))
    async with running_node(store, rates=few) as node:
        rooms = node.rooms
        for _ in range(10):
            assert (await rooms.enter(OWNER, YARD)).role == "owner"
        await rooms.enter(MINA, YARD)
        await rooms.create(MINA, "plaza", "", "open")
        await rooms.enter(MINA, "plaza")
        await rooms.leave(MINA, YARD)
        assert await code(rooms.enter(MINA, YARD)) == "rate_limited"
        assert (await rooms.enter(MINA, "plaza")).role == "owner", "a member comes in, whatever is spent"
        for _ in range(5):
            await rooms.leave(SHOP, YARD) if await store.member(YARD, SHOP.id) else await rooms.enter(SHOP, YARD)


async def test_what_is_refused_was_tried_and_counts(store: Store) -> None:
    few = Rates(user=Rate(0.001, 6))
    async with running_node(store, rates=few) as node:
        rooms = node.rooms
        assert await code(rooms.enter(MINA, "missing")) == "not_found"
        assert await code(rooms.leave(MINA, YARD)) == "not_member"
        assert await code(rooms.kick(MINA, YARD, OWNER.id)) == "not_found"
        assert await code(rooms.grant(MINA, YARD, OWNER.id, "member")) == "not_found"
        assert await code(rooms.change(MINA, YARD, RoomChanged(title="x"))) == "not_found"
        assert await code(rooms.create(MINA, YARD, "", "open")) == "room_exists"
        for tried in (
            rooms.enter(MINA, "missing"), rooms.leave(MINA, YARD), rooms.kick(MINA, YARD, OWNER.id),
            rooms.grant(MINA, YARD, OWNER.id, "member"), rooms.change(MINA, YARD, RoomChanged(title="x")),
            rooms.create(MINA, YARD, "", "open"),
        ):  # fmt: skip
            assert await code(tried) == "rate_limited"


@pytest.mark.parametrize("op", ["enter", "enter with an invite", "leave", "kick", "grant", "change", "create"])
async def test_strangers_do_not_spend_what_a_room_has_for_its_members(store: Store, op: str) -> None:
    async with running_node(store, rates=Rates(user=Rate(0.001, 20), room=Rate(0.001, 10))) as node:
        await node.rooms.create(OWNER, HIDDEN, "Hidden", "invite")
        stranger = user("mina")
        asked: Callable[[], Awaitable[object]] = {
            "enter": lambda: node.rooms.enter(stranger, HIDDEN),
            "enter with an invite": lambda: node.rooms.enter(stranger, HIDDEN, "x"),
            "leave": lambda: node.rooms.leave(stranger, HIDDEN),
            "kick": lambda: node.rooms.kick(stranger, HIDDEN, OWNER.id),
            "grant": lambda: node.rooms.grant(stranger, HIDDEN, stranger.id, "owner"),
            "change": lambda: node.rooms.change(stranger, HIDDEN, RoomChanged(title="Mine")),
            "create": lambda: node.rooms.create(stranger, HIDDEN, "Mine", "open"),
        }[op]
        for _ in range(20):
            assert await code(asked()) in {"not_found", "not_member", "room_exists"}
        assert await code(asked()) == "rate_limited"  # what strangers spend is their own
        for n in range(10):
            assert await node.rooms.change(OWNER, HIDDEN, RoomChanged(title=f"Title {n}")) is not None
        assert await code(node.rooms.change(OWNER, HIDDEN, RoomChanged(title="One too many"))) == "rate_limited"
