"""An erasure goes through every room, a little at a time, by one node; another goes on where one stopped, and each room is told once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.core.erasure import Erasure, Said
from madang.core.events import MemberErased, MessageSent, decode_body
from madang.errors import Refused, StorageFailed
from madang.services import erasures as module
from madang.services.erasures import SETTLE_S, Erasures
from madang.services.rooms import SYSTEM
from madang.services.users import DELETED_S
from tests.unit.services.test_cleanup import World, guest, world

ARA, BORA, CHO = guest("a"), guest("b"), guest("c")
ROOMS = ("attic", "barn", "yard")
ONCE = [MemberErased(member=ARA.id, messages=True)]


class Scene:
    """Three rooms of Bora's, in which Ara and she have talked."""

    def __init__(self, w: World) -> None:
        self.w, self.store, self.users = w, w.store, w.users

    def erasures(self, leads: bool = True) -> Erasures:
        async def is_first() -> bool:
            return leads

        return Erasures(self.store, self.w.node.appender, self.users, is_first, self.w.wall)

    async def talk(self, count: int = 12) -> None:
        for room in ROOMS:
            await self.w.rooms.create(BORA, room, "", "open")
            await self.w.rooms.enter(ARA, room)
            for n in range(count):
                await self.w.say(ARA if n % 2 else BORA, room, f"secret {n}")

    async def delete(self, said: Said = "erase") -> None:
        await self.users.delete(ARA.id, SYSTEM, said)
        self.w.wall.days((SETTLE_S + 1) / 86_400)

    async def told(self) -> dict[str, list[MemberErased]]:
        """Return what each room was told."""
        found = {}
        for room in ROOMS:
            events = await self.store.read(room, 0, 1_000)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            found[room] = [decode_body(MemberErased, e.body) for e in events if e.type == MemberErased.type]
        return found

    async def left(self) -> list[str]:
        """Return what Ara's messages and names say yet."""
        events = [e for room in ROOMS for e in await self.store.read(room, 0, 1_000) if e.user == ARA.id]
        texts = [decode_body(MessageSent, e.body).text for e in events if e.type == MessageSent.type]
        return [text for text in (*texts, *(e.name for e in events)) if text]

    async def state(self) -> Erasure:
        found = await self.store.erasure(ARA.id)
        assert found is not None
        return found


@pytest.fixture
async def s(tmp_path: Path) -> AsyncIterator[Scene]:
    async with world(tmp_path) as made:
        yield Scene(made)


async def test_every_room_is_erased_and_told_once(s: Scene) -> None:
    await s.talk()
    await s.w.rooms.leave(ARA, "barn")
    await s.delete()
    erasures = s.erasures()
    for _ in range(2):
        await erasures.round()
    assert await s.left() == []
    assert await s.told() == dict.fromkeys(ROOMS, ONCE)
    state = await s.state()
    assert state.done_ms is not None
    assert (state.rooms, state.room) == (3, "")
    bora = [e for e in await s.store.read("yard", 0, 100) if e.user == BORA.id and e.type == MessageSent.type]
    assert [decode_body(MessageSent, e.body).text for e in bora] == [f"secret {n}" for n in range(0, 12, 2)]
    s.w.wall.days(DELETED_S / 86_400 + 1)
    await erasures.round()
    assert await s.store.erasure(ARA.id) is None


async def test_of_who_is_anonymised_what_they_said_stays(s: Scene) -> None:
    await s.talk()
    await s.delete("anonymise")
    await s.erasures().round()
    assert await s.left() == [f"secret {n}" for _ in ROOMS for n in range(1, 12, 2)]
    assert (await s.told())["barn"] == [MemberErased(member=ARA.id)]


async def test_it_begins_when_nothing_is_on_its_way_and_on_one_node(s: Scene) -> None:
    await s.talk(2)
    await s.users.delete(ARA.id, SYSTEM, "erase")
    await s.erasures().round()
    assert (await s.state()).events == 0
    s.w.wall.days((SETTLE_S + 1) / 86_400)
    await s.erasures(leads=False).round()
    assert (await s.state()).events == 0
    await s.erasures().round()
    assert (await s.state()).done_ms is not None


@pytest.mark.parametrize("pieces", range(0, 15, 2))
async def test_another_node_goes_on_wherever_one_died(s: Scene, monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    await s.talk()
    await s.delete()
    dying, erase = s.erasures(), s.store.erase_events
    count = 0

    async def until_it_dies(user: str, room: str, limit: int) -> int:
        nonlocal count
        count += 1
        if count > pieces:
            raise asyncio.CancelledError
        return await erase(user, room, limit)

    with monkeypatch.context() as dies:
        dies.setattr(s.store, "erase_events", until_it_dies)
        with pytest.raises(asyncio.CancelledError):
            await dying.round()
    before = await s.state()
    assert before.done_ms is None and before.events <= 2 * pieces
    await s.erasures().round()
    assert await s.left() == []
    assert await s.told() == dict.fromkeys(ROOMS, ONCE)
    theirs = [e for room in ROOMS for e in await s.store.read(room, 0, 100) if e.user == ARA.id]
    assert (await s.state()).events == len(theirs), "each was changed once"


async def test_two_that_believe_they_lead_do_nothing_twice(s: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    await s.talk()
    await s.delete()
    await asyncio.gather(s.erasures().round(), s.erasures().round())
    assert await s.left() == []
    assert await s.told() == dict.fromkeys(ROOMS, ONCE)
    theirs = [e for room in ROOMS for e in await s.store.read(room, 0, 100) if e.user == ARA.id]
    state = await s.state()
    assert (state.rooms, state.events) == (3, len(theirs))


async def test_who_said_much_does_not_hold_up_others(s: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    monkeypatch.setattr(module, "EVENTS", 4)
    await s.talk(40)
    await s.w.rooms.enter(CHO, "yard")
    await s.users.delete(CHO.id, SYSTEM, "erase")
    await s.delete()
    erasures = s.erasures()
    await erasures.round()
    assert 4 <= (await s.state()).events <= 6
    other = await s.store.erasure(CHO.id)
    assert other is not None and other.done_ms is not None
    rounds = 0
    while (await s.state()).done_ms is None:
        await erasures.round()
        rounds += 1
    assert rounds > 10 and await s.left() == []


async def test_a_failure_is_tried_again_and_deleted_rooms_are_none(s: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await s.talk()
    await s.w.rooms.delete(BORA, "barn")
    await s.delete()
    erasures = s.erasures()
    with monkeypatch.context() as fails:

        async def away(user: str, room: str, limit: int) -> int:
            raise StorageFailed

        fails.setattr(s.store, "erase_events", away)
        await erasures.round()
    assert (await s.state()).done_ms is None
    await erasures.round()
    assert (await s.state()).done_ms is not None and await s.left() == []
    assert (await s.told())["barn"] == []


async def test_who_was_forgotten_may_still_be_erased(s: Scene) -> None:
    await s.talk()
    await s.users.delete(ARA.id, SYSTEM)
    await s.users.leave_all(ARA.id)
    await s.store.forget_users([ARA.id])
    with pytest.raises(Refused, match="no such user"):
        await s.users.delete(ARA.id, SYSTEM)
    with pytest.raises(Refused, match="no such user"):
        await s.users.delete(CHO.id, SYSTEM, "erase")
    await s.delete()
    await s.erasures().round()
    assert await s.left() == []
