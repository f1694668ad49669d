"""Rules of `check_log` about deleted rooms, as in the table of effects in `ports.log`."""

import msgspec

from madang.core import events as kinds
from madang.testing.effects import role_of
from madang.testing.rules import Store, new_event, opened


async def a_room_is_deleted_by_its_owners(store: Store) -> None:
    """room.deleted is refused to all but owners and servers, and is the last event; everything behind it is refused."""
    scene = await opened(store, "ben")
    said = await scene.done(scene.say("hello", cid="c"))
    await scene.refused("forbidden", scene.draft(kinds.RoomDeleted, "ben"))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    await scene.refused("forbidden", scene.draft(kinds.RoomDeleted, "ben"))
    await scene.refused("not_member", scene.draft(kinds.RoomDeleted, "cho"))
    outcomes = await store.append(
        [
            scene.say("before", "ben"),
            scene.draft(kinds.RoomDeleted),
            scene.say("after", "ben"),
            scene.say("key", server=True),
        ]
    )
    assert [getattr(outcome, "code", "stored") for outcome in outcomes] == [
        "stored",
        "stored",
        "not_found",
        "not_found",
    ]
    last = new_event(outcomes[1])
    for kind in kinds.TYPES.values():
        for more in ({}, {"server": True}):
            code = "room_exists" if kind is kinds.RoomCreated else "not_found"
            await scene.refused(code, msgspec.structs.replace(scene.any_draft(kind, "ann", said.seq), **more))
    await scene.refused("not_found", scene.say("hello", cid="c"))
    assert await store.heads([scene.room]) == {scene.room: last.seq}
    assert (await store.read(scene.room, last.seq - 1, 10)) == [last]


async def nobody_finds_a_deleted_room(store: Store) -> None:
    """Neither the room nor a membership is found, and the tail is that of no room."""
    scene = await opened(store, "ben")
    assert scene.room in [room.id for room in await store.rooms(after=scene.room[:-1], limit=50)]
    await scene.done(scene.draft(kinds.RoomDeleted, "key", server=True))
    assert await store.room(scene.room) is None
    assert await store.tail(scene.room, 10) is None
    assert await role_of(scene, "ann") is None and await role_of(scene, "ben") is None
    for hidden in (False, True):
        assert scene.room not in [room.id for room in await store.rooms(after=scene.room[:-1], limit=50, hidden=hidden)]
    assert await store.memberships(scene.id("ben")) == []
    await store.set_read([(scene.room, scene.id("ben"), 3)])


async def a_room_expires_only_without_members(store: Store) -> None:
    """room.deleted with `expired` changes nothing while somebody is a member, whoever asks."""
    scene = await opened(store, "ben")
    expired = scene.draft(kinds.RoomDeleted, "madang", expired=True, server=True)
    await scene.nothing(expired)
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    await scene.nothing(expired)
    await scene.done(scene.draft(kinds.MemberLeft))
    await scene.done(expired)
    assert await store.room(scene.room) is None


DELETION_RULES = [
    a_room_is_deleted_by_its_owners,
    nobody_finds_a_deleted_room,
    a_room_expires_only_without_members,
]
