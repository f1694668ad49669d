"""Rules of `check_log` about direct rooms, which are of two users and stay so."""

import asyncio

import msgspec

from madang.core import events as kinds
from madang.core.events import Appended, Draft, draft
from madang.core.rooms import DIRECT, Member, direct_room
from madang.errors import Refused
from madang.testing.rules import Scene, Store, new_event, opened

replace = msgspec.structs.replace


class Pair(Scene):
    """The direct room of ann and another user of a scene."""

    def __init__(self, around: Scene, other: str) -> None:
        super().__init__(around.store)
        self._around = around
        self.room = direct_room(self.id("ann"), self.id(other))

    def id(self, name: str) -> str:
        return self._around.id(name)


async def made(store: Store, *joined: str) -> tuple[Scene, Scene]:
    """Return an open room of ann, ben and others, and the direct room of these two."""
    around = await opened(store, "ben", *joined)
    direct = Pair(around, "ben")
    await direct.done(makes(direct))
    return around, direct


def makes(scene: Scene, name: str = "ann", peer: str = "ben") -> Draft:
    """Return the draft by which one of the two makes the room."""
    return scene.draft(kinds.RoomCreated, name, title="", access=DIRECT, peer=scene.id(peer))


def joins(scene: Scene, name: str, peer: str = "", *, server: bool = False, called: str | None = None) -> Draft:
    """Return the draft of a join that names the other."""
    shown = name if called is None else called
    body = kinds.MemberJoined(role="owner")
    return draft(body, scene.room, scene.id(name), shown, server=server, peer=scene.id(peer) if peer else "")


async def both_are_members_of_a_direct_room(store: Store) -> None:
    """Its making makes both members, with read_seq 1 and no more rights; the other is named as in a room of both. Both write."""
    around, scene = await made(store)
    assert await store.members(scene.room) == [
        Member(room=scene.room, user=scene.id(name), name=name, role="member", read_seq=1, joined_seq=1)
        for name in ("ann", "ben")
    ]
    await scene.refused("room_exists", makes(scene, "ben", "ann"))
    await scene.done(scene.say("hello"))
    await scene.done(scene.say("hi", "ben"))
    for name, peer in (("ann", "ben"), ("ben", "ann")):
        listed = {m.room: m for m in await store.memberships(scene.id(name))}
        direct = listed[scene.room]
        assert (direct.access, direct.peer, direct.unread, direct.role) == (DIRECT, scene.id(peer), 1, "member")
        assert listed[around.room].peer == ""
        assert await store.joined_by(scene.id(name)) == 1, "others make them members of direct rooms"


async def nobody_else_comes_into_a_direct_room(store: Store) -> None:
    """A third user does not join, nor does a server key, whomever they name; the two do, after leaving, by naming the other."""
    _, scene = await made(store, "cho")
    for d in (
        joins(scene, "cho"),
        joins(scene, "cho", "ann"),
        joins(scene, "cho", "ben"),
        joins(scene, "key", server=True),
    ):
        await scene.refused("not_found", d)
    await scene.refused("not_member", scene.say("hello", "cho"))
    await scene.nothing(joins(scene, "ben", "ann"))
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    listed = [m for m in await store.memberships(scene.id("ann")) if m.room == scene.room]
    assert [m.peer for m in listed] == [""]
    await scene.done(scene.say("are you there?"))
    await scene.refused("not_found", joins(scene, "ben"))
    await scene.done(joins(scene, "ben", "ann"))
    assert (await store.members(scene.room))[1].role == "member"
    for name in ("ann", "ben"):
        await scene.done(scene.draft(kinds.MemberLeft, name))


async def nobody_is_put_out_of_a_direct_room(store: Store) -> None:
    """Neither of the two is kicked or banned, or given a role, by a server key either; nor does the room become another."""
    _, scene = await made(store)
    for d in [
        scene.draft(kinds.MemberKicked, member="ben"),
        scene.draft(kinds.MemberKicked, member="ben", banned=True),
        scene.draft(kinds.RoleGiven, member="ben", role="owner"),
        scene.draft(kinds.RoomChanged, access="open"),
        scene.draft(kinds.RoomChanged, title="Ours"),
    ]:
        for server in (False, True) if d.content != kinds.RoomChanged(title="Ours") else (False,):
            await scene.refused("forbidden", replace(d, server=server))
    await scene.done(scene.draft(kinds.MemberMuted, "key", server=True, member="ben"))
    await scene.refused("muted", scene.say("hello", "ben"))


async def who_was_not_known_is_named_when_they_come(store: Store) -> None:
    """The other has no name where the two share no room; their first join gives it, in the log, and their second nothing."""
    scene = Pair(Scene(store), "dan")
    await scene.done(makes(scene, "ann", "dan"))
    assert [m.name for m in await store.members(scene.room)] == ["ann", ""]
    outcomes = await store.append([joins(scene, "dan"), scene.say("here", "dan")])
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert [(m.name, m.read_seq) for m in await store.members(scene.room)] == [("ann", 1), ("dan", 1)]
    await scene.nothing(joins(scene, "dan", called="Daniel"))


async def two_sides_make_one_direct_room(one: Store, two: Store) -> None:
    """Both of the two make it at the same time, by two nodes: there is one, and both are members once."""
    for _ in range(5):
        around = await opened(one, "ben")
        room = direct_room(around.id("ann"), around.id("ben"))
        sides = []
        for store, name, peer in ((one, "ann", "ben"), (two, "ben", "ann")):
            body = kinds.RoomCreated(title="", access=DIRECT, slow_ms=0, peer=around.id(peer))
            sides.append(store.append([draft(body, room, around.id(name), name)]))
        outcomes = [outcome for (outcome,) in await asyncio.gather(*sides)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert [error.code for error in refused] == ["room_exists"]
        new_event(next(outcome for outcome in outcomes if not isinstance(outcome, Refused)))
        assert [m.role for m in await one.members(room)] == ["member", "member"]


DIRECT_RULES = [
    both_are_members_of_a_direct_room,
    nobody_else_comes_into_a_direct_room,
    nobody_is_put_out_of_a_direct_room,
    who_was_not_known_is_named_when_they_come,
]
