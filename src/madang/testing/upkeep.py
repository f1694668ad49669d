"""The contract suite of `ports.upkeep`, over a store that also keeps a log and a directory."""

from typing import Protocol

import msgspec

from madang.core import events as kinds
from madang.core.invites import Invite
from madang.core.rooms import Room
from madang.ports.upkeep import StoredRoom, StoredUser, Upkeep
from madang.testing.access import invited, joins, refusal
from madang.testing.reports import reports
from madang.testing.retention import RETENTION_RULES, what_was_removed_stays_removed
from madang.testing.rules import Make, Scene, named, new, new_event, opened, run_rules
from madang.testing.rules import Store as LogStore

NOW = 1_800_000_000_000
DAY = 24 * 3600 * 1000


class Store(LogStore, Upkeep, Protocol):
    """A log with its directory and upkeep."""


async def check_upkeep(make: Make[Store]) -> None:
    """Check that a store keeps the contract of upkeep (see `madang.testing`)."""
    await run_rules(make, [*UPKEEP_RULES, *RETENTION_RULES])
    await named(an_erased_room_stays_erased, make)
    await named(what_was_removed_stays_removed, make)


async def stored(store: Store, room: str) -> StoredRoom | None:
    """Return a room as the walk finds it."""
    found = await store.rooms_after(room[:-1], 50)
    return next((each for each in found if each.id == room), None)


async def erased(store: Store, room: str, limit: int = 1_000) -> list[int]:
    """Erase a room, and return how many were removed each time."""
    counts = []
    while count := await store.erase(room, limit):
        counts.append(count)
    return counts


async def busy(store: Store) -> Scene:
    """Return a room with two members and something of everything."""
    scene = await opened(store, "ben")
    said = await scene.done(scene.say("hello", mentions=["ben", "ann"]))
    await scene.done(scene.draft(kinds.ReactionAdded, target=said.seq, emoji="👍"))
    await scene.done(scene.draft(kinds.MessagePinned, target=said.seq))
    await scene.done(scene.draft(kinds.MessageEdited, target=said.seq, text="hello you", mentions=["ben"]))
    return scene


async def rooms_are_walked_in_order(store: Store) -> None:
    """A walk finds every room, with the time of its newest event, its epoch, and whether anybody is a member."""
    scenes = [await opened(store) for _ in range(3)]
    for scene in scenes:
        event = await scene.done(scene.say("hello"))
        found = await stored(store, scene.room)
        tail = await store.tail(scene.room, 0)
        assert tail is not None and tail.epoch
        assert found == StoredRoom(id=scene.room, deleted=False, at_ms=event.at, members=True, epoch=tail.epoch)
    await scenes[0].done(scenes[0].draft(kinds.MemberLeft))
    found = await stored(store, scenes[0].room)
    assert found is not None and not found.members
    after, walked = "", []
    while page := await store.rooms_after(after, 2):
        assert len(page) <= 2 and [room.id for room in page] == sorted(room.id for room in page)
        walked += [room.id for room in page]
        after = page[-1].id
    assert {scene.room for scene in scenes} <= set(walked)
    assert len(walked) == len(set(walked))


async def only_deleted_rooms_are_erased(store: Store) -> None:
    """Of a room that is not deleted, and of none, nothing is removed or forgotten."""
    scene = await busy(store)
    assert await store.erase(scene.room, 100) == 0
    assert await store.erase(new("room"), 100) == 0
    assert await store.forget_rooms([scene.room, new("room")]) == 0
    assert len(await scene.log()) == 6


async def a_deleted_room_is_erased_in_pieces(store: Store) -> None:
    """First the members go, then the events but for the last, at most as many at a time as asked for."""
    scene = await busy(store)
    last = await scene.done(scene.draft(kinds.RoomDeleted))
    assert await store.forget_rooms([scene.room]) == 0, "it is not erased"
    found = await stored(store, scene.room)
    assert found is not None and found.deleted and found.at_ms == last.at
    assert await erased(store, scene.room, 4) == [2, 4, 2]
    assert await store.read(scene.room, 0, 10) == [last]
    assert await store.heads([scene.room]) == {scene.room: last.seq}
    page = await store.messages(scene.room, scene.id("ann"))
    assert page.messages == [] and (await store.pins(scene.room, scene.id("ann"))).messages == []
    await scene.refused("not_found", scene.say("hello"))
    await scene.refused("room_exists", scene.draft(kinds.RoomCreated, title="Again"))


async def a_forgotten_room_can_be_created_again(store: Store) -> None:
    """The id is free, and everything begins again: another epoch, higher ids, and nothing of before."""
    scene = await busy(store)
    tail = await store.tail(scene.room, 1)
    last = await scene.done(scene.draft(kinds.RoomDeleted))
    await erased(store, scene.room)
    assert await store.forget_rooms([scene.room]) == 1
    assert await store.forget_rooms([scene.room]) == 0
    assert await stored(store, scene.room) is None
    assert await store.heads([scene.room]) == {}
    await scene.refused("not_found", scene.say("hello"))
    created = await scene.done(scene.draft(kinds.RoomCreated, "ben", title="Again"))
    assert created.seq == 1 and created.id > last.id
    await scene.refused("not_member", scene.say("hello"))
    said = await scene.done(scene.say("hello", "ben"))
    again = await store.tail(scene.room, 10)
    assert tail is not None and again is not None
    assert [event.seq for event in again.events] == [1, said.seq]
    assert again.epoch != tail.epoch
    (mine,) = await store.memberships(scene.id("ben"))
    assert mine.mentions == 0
    (message,) = (await store.messages(scene.room, scene.id("ben"))).messages
    assert (message.reactions, message.pinned) == ({}, False)
    assert await store.room(scene.room) == Room(id=scene.room, title="Again", access="open", slow_ms=0)


async def users_are_known_once_they_are_seen(store: Store) -> None:
    """note_seen sets the time; note_known leaves it where there is one. A walk finds both."""
    some = sorted(new("u") for _ in range(3))
    await store.note_seen(some[:2], NOW)
    await store.note_seen(some[1:2], NOW + DAY)
    await store.note_known(some, NOW + 2 * DAY)
    await store.note_known([], NOW)
    after, walked = "", dict[str, StoredUser]()
    while page := await store.users_after(after, 2):
        walked |= {user.id: user for user in page}
        after = page[-1].id
    assert [walked[user].seen_ms - NOW for user in some] == [0, DAY, 2 * DAY]
    assert all(walked[user].deleted_ms is None for user in some)


async def memberships_are_walked(store: Store) -> None:
    """members_after goes through all memberships, by room and user."""
    scene = await opened(store, "ben", "cho")
    after, walked = (scene.room[:-1], ""), list[tuple[str, str]]()
    while len(page := await store.members_after(after, 2)) and page[-1][0] <= scene.room:
        walked += page
        after = page[-1]
    walked += page
    mine = [(scene.room, scene.id(name)) for name in ("ann", "ben", "cho")]
    assert [each for each in walked if each[0] == scene.room] == mine


async def users_are_deleted(store: Store) -> None:
    """Who was seen or is a member can be deleted, and is listed by the time; others are not known."""
    seen, stranger = new("u"), new("u")
    scene = await opened(store, "ben")
    await store.note_seen([seen], NOW)
    assert await store.delete_user(seen, NOW + 5)
    assert await store.delete_user(scene.id("ben"), NOW + 6)
    assert not await store.delete_user(stranger, NOW + 7)
    found = {user.id: user.deleted_ms for user in await store.users_deleted(NOW + 5)}
    assert (found[seen], found[scene.id("ben")], stranger in found) == (NOW + 5, NOW + 6, False)
    assert seen not in {user.id for user in await store.users_deleted(NOW + 6)}
    await store.note_seen([seen], NOW + DAY)
    assert seen in {user.id for user in await store.users_deleted(NOW)}, "being seen brings nobody back"


async def kicks_bans_and_invites_go_with_the_room(store: Store) -> None:
    """Who was kicked, banned, muted or invited is removed in pieces like the rest; a room of the same id begins without them."""
    scene = await opened(store, "ben", "cho", "dan")
    for name in ("ben", "cho", "dan"):
        await scene.done(scene.draft(kinds.MemberKicked, member=name, for_ms=DAY))
    for name in ("eve", "fay", "gil"):
        await scene.done(scene.draft(kinds.MemberKicked, member=name, banned=True))
        await scene.done(scene.draft(kinds.MemberMuted, member=name))
    invite = await invited(scene)
    said = await scene.done(scene.say("hello"))
    for name in ("ann", "shop", "bank"):
        await reports(scene, said.seq, name, server=True)
    last = await scene.done(scene.draft(kinds.RoomDeleted))
    assert await erased(store, scene.room, 2) == [1, 2, 1, 2, 1, 2, 1] + [2] * 5 + [2, 1] + [2] * (
        (last.seq - 1) // 2
    ) + [1] * ((last.seq - 1) % 2)
    assert await store.invites(scene.room, 0) == []
    assert await store.forget_rooms([scene.room]) == 1
    await scene.done(scene.draft(kinds.RoomCreated, title="Again", access="open"))
    for name in ("ben", "eve"):
        await scene.done(joins(scene, name))
    assert not await store.bans(scene.room)
    assert not await store.mutes(scene.room)
    assert not await store.audit(scene.room)
    assert not await store.reports(scene.room)
    await scene.done(scene.draft(kinds.RoomChanged, access="invite"))
    await scene.refused("not_found", joins(scene, "cho", invite))


async def audit_entries_are_forgotten_by_age(store: Store) -> None:
    """Entries of before a time are forgotten in pieces, whatever their room; numbers go on."""
    while await store.forget_audit(2, 100):
        pass  # of other rules
    scene, other = await opened(store, "ben"), await opened(store, "ben")
    for each in (scene, other):
        for n in range(3):
            await store.add_invite(
                Invite(room=each.room, id=f"{n}", hash="", by=each.id("ann"), until_ms=DAY), n, "ann"
            )
    assert [await store.forget_audit(2, 3) for _ in range(3)] == [3, 1, 0]
    for each in (scene, other):
        await each.done(each.draft(kinds.MemberKicked, member="ben"))
        assert [entry.n for entry in await store.audit(each.room)] == [4, 3]


async def reports_are_forgotten_by_age_and_with_their_user(store: Store) -> None:
    """Reports of before a time are forgotten in pieces, whatever their room; a user's go with them, and nobody else's."""
    scene, other = await opened(store, "ben", "cho"), await opened(store)
    said, elsewhere = await scene.done(scene.say("one")), await other.done(other.say("two"))
    for at_ms, name in enumerate(("ann", "ben", "cho")):
        await reports(scene, said.seq, name, at_ms=at_ms)
    await reports(other, elsewhere.seq, "ann", at_ms=1)
    assert [await store.forget_reports(2, 2) for _ in range(3)] == [2, 1, 0]
    assert (await store.reported(scene.room), await store.reported(other.room)) == (1, 0)
    await reports(scene, said.seq, "ben")
    await scene.done(scene.draft(kinds.MemberLeft, "cho"))
    await store.note_seen([scene.id("ben"), scene.id("cho")], NOW)
    await store.forget_users([scene.id("ben"), scene.id("cho")])
    (entry,) = await store.reports(scene.room)
    assert [report.name for report in entry.reports] == ["ben"]


async def kicks_and_bans_go_with_the_user(store: Store) -> None:
    """That a user was kicked or banned is forgotten with them, in all rooms; not while they are a member of another, and nobody else's."""
    for banned, code in ((False, "kicked"), (True, "banned")):
        await _goes_with_the_user(store, banned, code)


async def _goes_with_the_user(store: Store, banned: bool, code: str) -> None:
    scene, other = await opened(store, "ben", "cho"), await opened(store, "ben")
    for name in ("ben", "cho"):
        await scene.done(scene.draft(kinds.MemberKicked, member=name, for_ms=DAY, banned=banned))
    await store.note_seen([scene.id("ben"), scene.id("cho")], NOW)
    there = {"room": other.room, "user": scene.id("ben"), "name": "ben"}
    await store.append([msgspec.structs.replace(joins(other, "ben"), **there)])
    await store.forget_users([scene.id("ben")])
    assert await refusal(scene, joins(scene, "ben")) == code
    await store.append([msgspec.structs.replace(other.draft(kinds.MemberLeft, "ben"), **there)])
    await store.forget_users([scene.id("ben")])
    await scene.done(joins(scene, "ben"))
    assert await refusal(scene, joins(scene, "cho")) == code


async def members_are_found_among_users(store: Store) -> None:
    """joined_among tells those who are members of a room from those who are not, or no longer."""
    scene, stranger = await opened(store, "ben"), new("u")
    ann, ben = scene.id("ann"), scene.id("ben")
    assert await store.joined_among([stranger, ben, ann]) == {ann, ben}
    await new_event_of_leaving(scene)
    assert await store.joined_among([stranger, ben, ann]) == {ann}
    assert await store.joined_among([]) == set()


async def members_are_not_forgotten(store: Store) -> None:
    """forget_users leaves those who are members of a room."""
    scene, stranger = await opened(store, "ben"), new("u")
    await store.note_seen([scene.id("ben"), stranger], NOW)
    await store.forget_users([scene.id("ben"), stranger])
    known = [user.id for user in await store.users_after("", 1_000)]
    assert scene.id("ben") in known and stranger not in known
    await new_event_of_leaving(scene)
    await store.forget_users([scene.id("ben")])
    assert scene.id("ben") not in [user.id for user in await store.users_after("", 1_000)]


async def new_event_of_leaving(scene: Scene) -> None:
    """Let ben leave."""
    new_event(await scene.outcome(scene.draft(kinds.MemberLeft, "ben")))


async def an_erased_room_stays_erased(make: Make[Store]) -> None:
    """What was removed is not there again after the store was opened again."""
    async with make() as store:
        scene = await busy(store)
        await scene.done(scene.draft(kinds.RoomDeleted))
        await erased(store, scene.room)
        room = scene.room
    async with make() as store:
        assert len(await store.read(room, 0, 100)) == 1
        assert await store.room(room) is None
        assert await store.forget_rooms([room]) == 1
    async with make() as store:
        assert await store.read(room, 0, 100) == []


UPKEEP_RULES = [
    rooms_are_walked_in_order,
    only_deleted_rooms_are_erased,
    a_deleted_room_is_erased_in_pieces,
    a_forgotten_room_can_be_created_again,
    users_are_known_once_they_are_seen,
    memberships_are_walked,
    users_are_deleted,
    kicks_bans_and_invites_go_with_the_room,
    audit_entries_are_forgotten_by_age,
    reports_are_forgotten_by_age_and_with_their_user,
    kicks_and_bans_go_with_the_user,
    members_are_found_among_users,
    members_are_not_forgotten,
]
