"""Direct rooms: one for each two users, whoever asks first, and for nobody else."""

import asyncio
import re

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import RoomCreated, draft
from madang.core.rooms import direct_room
from madang.services.quotas import Quota, QuotaRates
from madang.services.rooms import Rooms
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.assembled import assembled
from tests.unit.services.test_quotas import by_quotas, refused, served
from tests.unit.services.test_rooms import code

MINA, BORA, CHO = user("mina"), user("bora"), user("cho")
SHOP = Actor(id="key-1", name="Shop", server=True)


async def test_there_is_one_for_each_two(rooms: Rooms) -> None:
    room = await rooms.direct(MINA, BORA.id)
    assert re.fullmatch("d-[a-z2-7]{26}", room.id)
    assert (room.access, room.title) == ("direct", "")
    assert await rooms.direct(BORA, MINA.id) == room == await rooms.direct(MINA, BORA.id)
    assert (await rooms.direct(MINA, CHO.id)).id != room.id
    assert [(await rooms.member(actor, room.id)).role for actor in (MINA, BORA)] == ["member", "member"]
    assert await code(rooms.member(CHO, room.id)) == "not_found"
    assert await code(rooms.direct(MINA, MINA.id)) == "bad_field"


async def test_both_sides_at_once_get_the_same(rooms: Rooms) -> None:
    asked = (rooms.direct(a, b.id) for a, b in ((MINA, BORA), (BORA, MINA), (MINA, BORA)))
    assert len({room.id for room in await asyncio.gather(*asked)}) == 1


async def test_a_user_that_there_is_not_gets_the_same_answer(rooms: Rooms) -> None:
    there, missing = await rooms.direct(MINA, BORA.id), await rooms.direct(MINA, "u-nobody")
    assert (there.title, there.access, there.slow_ms) == (missing.title, missing.access, missing.slow_ms)


async def test_nobody_else_comes_in(node: Node, rooms: Rooms) -> None:
    room = (await rooms.direct(MINA, BORA.id)).id
    for stranger in (CHO, OWNER):
        assert await code(rooms.enter(stranger, room)) == "not_found"
        assert await code(rooms.visible(stranger, room)) == "not_found"
    assert await code(rooms.enter(SHOP, room)) == "forbidden"
    assert await code(node.invites.make(SHOP, room, node.now())) == "forbidden"
    assert await code(node.invites.make(MINA, room, node.now())) == "forbidden"


async def test_endless_ones_are_not_made(store: Store) -> None:
    node = assembled(store, by_quotas(QuotaRates(rooms=Quota(user=2), memberships=1)))

    async def work() -> None:
        codes = [await refused(node.rooms.direct(MINA, f"u-{n % 3}")) for n in range(5)]
        assert codes == ["ok", "ok", "quota", "ok", "ok"]
        assert await refused(node.rooms.direct(BORA, MINA.id)) == "ok"
        assert await refused(node.rooms.enter(MINA, "yard")) == "ok", "direct rooms leave their place to others"

    await served(node, work)


async def test_its_id_is_nobodys_to_take(rooms: Rooms) -> None:
    for room in (direct_room(MINA.id, BORA.id), "d-" + "a" * 26):
        for actor in (CHO, MINA, SHOP):
            assert await code(rooms.create(actor, room, "", "open")) == "bad_field"
    await rooms.create(CHO, "d-a", "", "open")
    assert (await rooms.direct(MINA, BORA.id)).access == "direct"


async def test_who_left_comes_back_by_asking_again(rooms: Rooms) -> None:
    room = (await rooms.direct(MINA, BORA.id)).id
    await rooms.leave(BORA, room)
    assert (await rooms.direct(MINA, BORA.id)).id == room
    assert await code(rooms.member(BORA, room)) == "not_found"
    assert await code(rooms.enter(BORA, room)) == "not_found"
    assert (await rooms.direct(BORA, MINA.id)).id == room
    assert (await rooms.member(BORA, room)).role == "member"


async def test_others_know_the_name_of_who_has_come(rooms: Rooms, store: Store) -> None:
    async def names(room: str) -> dict[str, str]:
        return {m.user: m.name for m in await store.members(room)}

    first = (await rooms.direct(MINA, BORA.id)).id
    assert (await names(first))[BORA.id] == ""
    await rooms.enter(BORA, first)
    assert (await names(first))[BORA.id] == BORA.name
    assert (await rooms.member(BORA, first)).read_seq == 1
    await rooms.enter(CHO, "yard")
    await rooms.enter(MINA, "yard")
    assert (await names((await rooms.direct(MINA, CHO.id)).id))[CHO.id] == CHO.name


async def test_a_room_of_that_id_from_before_is_not_taken_for_one(rooms: Rooms, store: Store) -> None:
    room = direct_room(MINA.id, BORA.id)
    trap = draft(RoomCreated(title="Trap", access="open", slow_ms=0), room, CHO.id, CHO.name)
    await store.append([trap])
    assert await code(rooms.direct(MINA, BORA.id)) == "not_found"
    assert await code(rooms.member(MINA, room)) == "not_found"
