"""Cleanup removes what nobody needs any more, a little at a time, and nothing else; users are ended everywhere."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import Draft, MemberJoined, MemberKicked, MessageSent, draft
from madang.core.user_ids import is_guest
from madang.errors import Limited, MadangError, Refused, StorageFailed
from madang.node.run import running_parts
from madang.services import cleanup as module
from madang.services import noted, polling
from madang.services.cleanup import DAY_MS, GRACE_S, KEPT_S, Cleanup
from madang.services.limits import UNLIMITED
from madang.services.noted import SEEN_S
from madang.services.rooms import SYSTEM
from madang.services.standing import Standing
from madang.services.users import DELETED_S, Users
from madang.transports.node import Node, Part
from tests.stores import opened_store
from tests.unit.services.assembled import assembled
from tests.waiting import eventually

KEY = Actor(id="key-1", name="Shop", server=True)
ROOMS_DAYS, GUESTS_DAYS = 30, 60


class Wall:
    """A wall clock that a test may put forward."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def days(self, days: float) -> None:
        self.ahead_ms += int(days * DAY_MS)


def guest(letter: str) -> Actor:
    return Actor(id="u" + letter * 16, name=letter.upper())


class World:
    """A node whose cleanup a test moves by hand."""

    def __init__(self, node: Node, store: Store, wall: Wall) -> None:
        self.node, self.store, self.wall = node, store, wall
        self.rooms, self.users = node.rooms, node.users
        self.cleanup = Cleanup(store, node.appender, node.users, self.leads, wall, ROOMS_DAYS, GUESTS_DAYS)

    async def leads(self) -> bool:
        return True

    async def say(self, who: Actor, room: str, text: str = "hello", **more: Any) -> None:
        await self.node.appender.append(draft(MessageSent(text=text, **more), room, who.id, who.name))

    async def seen(self) -> None:
        await self.users.write_seen()

    async def count(self, table: str) -> int:
        from sqlalchemy import text

        return await self.store.engine.read(lambda c: c.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@asynccontextmanager
async def world(folder: Path, **more: Any) -> AsyncIterator[World]:
    wall = Wall()
    async with opened_store(folder) as store:
        node = assembled(store, UNLIMITED, clock_ms=wall, **more)
        wanted = {"appender", "bus"}
        async with running_parts([part for part in node.parts if part.name in wanted], lambda: None):
            await node.rooms.ensure_lobby()
            yield World(node, store, wall)


@pytest.fixture
async def w(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def is_there(w: World, room: str) -> bool:
    return await w.store.room(room) is not None


async def test_a_deleted_room_is_emptied_after_a_while_and_its_id_free_after_a_week(w: World) -> None:
    ara, bora = guest("a"), guest("b")
    await w.rooms.create(ara, "yard", "", "open")
    await w.rooms.enter(bora, "yard")
    await w.say(ara, "yard", mentions=(bora.id,))
    seq = (await w.store.heads(["yard"]))["yard"]
    await w.node.appender.append(
        w.node.posting.react(bora, Standing(role="member", slow_ms=0), "yard", seq, "👍", True)
    )
    await w.rooms.delete(ara, "yard")
    before = await w.count("events")
    await w.cleanup.clean()
    assert await w.count("events") == before, "other nodes may not have heard of it yet"
    w.wall.days(GRACE_S / 86400 + 0.001)
    await w.cleanup.clean()
    counts = {table: await w.count(table) for table in ("members", "mentions", "reactions", "rooms")}
    assert counts == {"members": 1, "mentions": 0, "reactions": 0, "rooms": 2}, "the lobby, and that the yard was"
    assert [e.type for e in await w.store.read("yard", 0, 10)] == ["room.deleted"]
    with pytest.raises(Refused, match="exists"):
        await w.rooms.create(bora, "yard", "", "open")
    w.wall.days(KEPT_S / 86400)
    await w.cleanup.clean()
    assert await w.count("rooms") == 1, "the lobby"
    await w.rooms.create(bora, "yard", "", "open")
    assert [e.seq for e in await w.store.read("yard", 0, 10)] == [1]


async def test_much_is_removed_in_small_transactions_over_several_rounds(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ara = guest("a")
    await w.rooms.create(ara, "yard", "", "open")
    for n in range(300):
        await w.say(ara, "yard", f"{n}")
    await w.rooms.delete(ara, "yard")
    w.wall.days(1)
    monkeypatch.setattr(module, "CHUNK", 20)
    monkeypatch.setattr(module, "ROWS", 100)
    removed: list[int] = []
    erase = w.store.erase

    async def noted(room: str, limit: int) -> int:
        removed.append(await erase(room, limit))
        return removed[-1]

    monkeypatch.setattr(w.store, "erase", noted)
    for _ in range(6):
        before = len(removed)
        await w.cleanup.clean()
        assert sum(removed[before:]) <= 100 + 20
    assert max(removed) <= 20 and sum(removed) == 302, "its owner, room.created and 300 messages"
    assert w.cleanup.removed.rows == 302
    assert len(await w.store.read("yard", 0, 500)) == 1


async def test_only_rooms_without_members_and_news_expire(w: World) -> None:
    ara = guest("a")
    for room in ("full", "empty", "fresh"):
        await w.rooms.create(ara, room, "", "open")
    await w.rooms.leave(ara, "empty")
    w.wall.days(ROOMS_DAYS + 1)
    await w.cleanup.clean()
    assert [await is_there(w, room) for room in ("full", "empty", "lobby")] == [True, False, True]
    assert w.cleanup.removed.rooms == 1
    (event,) = await w.store.read("empty", 2, 10)
    assert (event.type, event.user, event.body) == ("room.deleted", SYSTEM.id, b'{"expired":true}')


async def test_a_room_that_was_left_lately_stays(w: World) -> None:
    ara = guest("a")
    await w.rooms.create(ara, "yard", "", "open")
    await w.rooms.leave(ara, "yard")
    w.wall.days(ROOMS_DAYS - 1)
    await w.cleanup.clean()
    assert await is_there(w, "yard")
    assert w.cleanup.stored.rooms == 2


async def test_absent_guests_are_members_no_more_and_others_stay(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ara, bora = guest("a"), guest("b")
    await w.rooms.create(ara, "yard", "", "open")
    await w.rooms.enter(bora, "yard")
    await w.rooms.enter(bora, "lobby")
    await w.rooms.enter(KEY, "yard")
    await w.seen()
    await w.cleanup.clean()
    w.wall.days(GUESTS_DAYS - 1)
    monkeypatch.setattr(noted, "SEEN_S", 0.0)
    await w.rooms.member(bora, "yard")  # Bora is here
    await w.seen()
    w.wall.days(2)
    await w.cleanup.clean()
    assert [m.user for m in await w.store.members("yard")] == sorted([bora.id, KEY.id]), "an owner, but for long away"
    assert [m.user for m in await w.store.members("lobby")] == sorted([SYSTEM.id, bora.id])
    assert w.cleanup.removed.guests == 1
    w.wall.days(GUESTS_DAYS + 1)
    await w.cleanup.clean()
    assert [m.user for m in await w.store.members("lobby")] == [SYSTEM.id], "servers are not guests"
    assert await w.count("users") == 0
    assert not is_guest(KEY.id) and not is_guest(SYSTEM.id)


async def test_a_kick_is_remembered_as_long_as_its_subject_has_a_token(w: World) -> None:
    """However soon guests expire: until then they are no longer members, and not let in again either."""
    ara, bora = guest("a"), guest("b")
    cleanup = Cleanup(w.store, w.node.appender, w.users, w.leads, w.wall, ROOMS_DAYS, 1)
    await w.rooms.create(ara, "yard", "", "invite")
    await w.node.appender.append(draft(MemberJoined(role="member"), "yard", bora.id, bora.name, server=True))
    await w.rooms.enter(bora, "lobby")
    await w.seen()
    await w.node.appender.append(draft(MemberKicked(member=bora.id), "yard", ara.id, ara.name))
    # The owner is known from the first round on.
    for days, kicks, users in ((2, 1, 2), (20, 1, 2), (10, 0, 1)):
        w.wall.days(days)
        await cleanup.clean()
        assert await w.store.memberships(bora.id) == []
        assert (await w.count("kicks"), await w.count("users")) == (kicks, users)
    assert cleanup.removed.guests == 1


async def test_members_of_whom_nothing_is_known_are_counted_from_now_on(w: World) -> None:
    """As those of a database from before."""
    ara = guest("a")
    await w.rooms.create(ara, "yard", "", "open")
    await w.seen()
    await w.store.engine.write(lambda c: c.exec_driver_sql("DELETE FROM users"))
    w.wall.days(GUESTS_DAYS + 1)
    await w.cleanup.clean()
    await w.cleanup.clean()
    assert [m.user for m in await w.store.members("yard")] == [ara.id]
    w.wall.days(GUESTS_DAYS + 1)
    await w.cleanup.clean()
    assert await w.store.members("yard") == []


async def test_walks_go_on_where_they_were_and_count(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WALKED", 3)
    ara = guest("a")
    for n in range(10):
        await w.rooms.create(ara, f"room-{n}", "", "open")
    await w.seen()
    for n in range(5):
        await w.rooms.leave(ara, f"room-{2 * n}")
    w.wall.days(ROOMS_DAYS + 1)
    for _ in range(5):
        await w.cleanup.clean()
    assert [await is_there(w, f"room-{n}") for n in range(10)] == [False, True] * 5
    for _ in range(5):
        await w.cleanup.clean()
    counted = {m.label: m.value for m in w.cleanup.metrics() if m.name == "madang_stored"}
    assert counted == {("what", "rooms"): 6, ("what", "users"): 1, ("what", "members"): 6}


@pytest.mark.parametrize(("holders", "cleans"), [(["test", "b"], True), (["b", "test"], False), ([], False)])
async def test_only_the_first_of_the_nodes_cleans(
    holders: list[str], cleans: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROUND_S", 0.0)
    rounds: list[None] = []
    asked: list[None] = []

    async def noted(self: Cleanup) -> None:
        rounds.append(None)

    async def answer() -> list[str]:
        asked.append(None)
        return holders

    monkeypatch.setattr(Cleanup, "clean", noted)
    async with world(tmp_path, holders=answer) as w:
        part = next(part for part in w.node.parts if part.name == "cleanup")
        async with running_parts([part], lambda: None):
            await eventually(lambda: len(asked) > 3)
    assert bool(rounds) is cleans


@pytest.mark.parametrize("error", [MadangError("internal"), StorageFailed(), Limited("overloaded", 500)])
async def test_a_round_that_fails_does_not_end_the_node(
    error: MadangError, w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROUND_S", 0.0)
    rounds: list[None] = []

    async def failing(self: Cleanup) -> None:
        rounds.append(None)
        raise error

    monkeypatch.setattr(Cleanup, "clean", failing)
    failed: list[None] = []
    part = Part("cleanup", loops=[w.cleanup.run])
    async with running_parts([part], lambda: failed.append(None)):
        await eventually(lambda: len(rounds) > 3 or failed)
    assert not failed


async def test_a_room_that_fails_keeps_neither_the_walk_nor_the_others_back(
    w: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ara = guest("a")
    for room in ("room-1", "room-2", "room-3", "room-4"):
        await w.rooms.create(ara, room, "", "open")
        await w.rooms.leave(ara, room)
    w.wall.days(ROOMS_DAYS + 1)
    append = w.node.appender.append

    async def failing(d: Draft) -> Any:
        if d.room in ("room-1", "room-3"):
            raise RuntimeError("of this room")
        return await append(d)

    monkeypatch.setattr(w.node.appender, "append", failing)
    for _ in range(3):
        await w.cleanup.clean()
    assert [await is_there(w, f"room-{n}") for n in (1, 2, 3, 4)] == [True, False, True, False]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "room room-1 is not cleaned up: of this room"
    ]
    monkeypatch.setattr(w.node.appender, "append", append)
    await w.cleanup.clean()
    assert not await is_there(w, "room-1")


# -- users -------------------------------------------------------------------------------------------------------------


async def test_a_deleted_user_is_nowhere_and_nobody(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ara, bora = guest("a"), guest("b")
    now = time.time()
    token = w.node.identity.tokens.sign(ara, now).token
    await w.rooms.create(ara, "yard", "", "open")
    await w.rooms.enter(bora, "yard")
    await w.rooms.enter(ara, "lobby")
    await w.say(ara, "yard")
    ended: list[str] = []
    monkeypatch.setattr(w.node.sessions, "end", ended.append)
    await w.users.delete(ara.id, SYSTEM)
    assert ended == [ara.id]
    with pytest.raises(Refused, match="token"):
        w.node.identity.verify(token, now)
    for attempt in (w.rooms.enter(ara, "lobby"), w.rooms.create(ara, "mine", "", "open")):
        with pytest.raises(Refused, match="token"):
            await attempt
    assert await w.store.memberships(ara.id) == []
    assert [m.user for m in await w.store.members("yard")] == [bora.id], "the last owner, too"
    page = await w.store.messages("yard", bora.id)
    assert [(m.user, m.text) for m in page.messages] == [(ara.id, "hello")], "what they said stays"
    with pytest.raises(Refused, match="no such user"):
        await w.users.delete("u-nobody", SYSTEM)


async def test_who_is_deleted_and_nowhere_is_looked_up_together(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for letter in "abcdefgh":
        await w.rooms.enter(guest(letter), "lobby")
        await w.users.delete(guest(letter).id, SYSTEM)
    asked: list[str] = []
    memberships = w.store.memberships

    async def noted(user: str, **more: Any) -> Any:
        asked.append(user)
        return await memberships(user, **more)

    monkeypatch.setattr(w.store, "memberships", noted)
    back = guest("c")
    await w.node.appender.append(draft(MemberJoined(role="member"), "lobby", back.id, back.name, server=True))
    await w.cleanup.clean()
    assert set(asked) == {back.id}, "whom a node let in that did not know yet"
    assert [m.user for m in await w.store.members("lobby")] == [SYSTEM.id]


async def test_an_end_that_fails_ends_neither_the_loop_nor_the_other_users(
    w: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(polling, "POLL_S", 0.0)
    ended: list[str] = []

    def failing(user: str) -> None:
        ended.append(user)
        raise RuntimeError("of one connection")

    monkeypatch.setattr(w.node.sessions, "end", failing)
    failed: list[None] = []
    polls = [part for part in w.node.parts if part.name == "polling"]
    async with running_parts(polls, lambda: failed.append(None)):
        for letter in "ab":
            await w.rooms.enter(guest(letter), "lobby")
            await w.store.delete_user(guest(letter).id, w.wall())
        await eventually(lambda: len(ended) == 2 or failed)
    assert not failed
    assert guest("a").id in w.users and guest("b").id in w.users
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) <= 2


async def test_a_deletion_is_known_after_a_restart_and_forgotten_with_the_last_token(tmp_path: Path) -> None:
    ara = guest("a")
    async with world(tmp_path) as w:
        await w.rooms.enter(ara, "lobby")
        await w.users.delete(ara.id, SYSTEM)
    async with world(tmp_path) as w:
        await w.users.start()
        assert ara.id in w.users
        w.wall.days(DELETED_S / 86400 + 1)
        await w.users.read_deleted()
        assert ara.id not in w.users
        await w.cleanup.clean()
        assert await w.count("users") == 0


@pytest.mark.parametrize("bus", ["whole", "cut"])
async def test_another_node_ends_a_deleted_user(bus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ara = guest("a")
    async with opened_store(tmp_path) as store:
        broker = MemoryBroker()
        nodes = [assembled(store, bus=MemoryBus(broker if n == 0 or bus == "whole" else None)) for n in range(2)]
        ended: list[str] = []
        monkeypatch.setattr(nodes[1].sessions, "end", ended.append)
        async with running_parts([p for n in nodes for p in n.parts if p.name in ("bus", "appender")], lambda: None):
            await nodes[0].rooms.ensure_lobby()
            await nodes[0].rooms.enter(ara, "lobby")
            await nodes[0].users.delete(ara.id, SYSTEM)
            if bus == "cut":
                await nodes[1].users.read_deleted()
            await eventually(lambda: ended == [ara.id])
        assert ara.id in nodes[1].users


def unnoted(users: Users) -> int:
    return next(int(m.value) for m in users.metrics() if m.name == "madang_users_unnoted")


async def test_seeing_is_written_seldom(w: World) -> None:
    ara, now = guest("a"), 0.0
    users = Users(w.store, w.store, w.store, w.node.appender, MemoryBus(), w.node.sessions, w.wall, lambda: now)
    written = 0
    for _ in range(10):
        users.seen(ara.id)
        written += unnoted(users)
        await users.write_seen()
    assert written == 1
    now = SEEN_S + 1
    users.seen(ara.id)
    assert unnoted(users) == 1
    for n in range(1, 9):  # whoever is always here is written again before the last note is SEEN_S old
        await users.write_seen()
        now = SEEN_S + 1 + n * SEEN_S / 4
        users.seen(ara.id)
        assert unnoted(users) == (n % 4 == 0), n
