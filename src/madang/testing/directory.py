"""`check_directory`: the promises of `ports.directory` about lists, pointers and server keys."""

import asyncio
from typing import get_args

from madang.core import events as kinds
from madang.core.rooms import COUNTED, OF_ANYONE, Access
from madang.ports.directory import ServerKey
from madang.testing.rules import Make, Scene, Store, new, opened, run_rules


async def check_directory(make: Make[Store]) -> None:
    """Check that a directory keeps its contract; `make` opens it with the log that fills it (see `madang.testing`)."""
    await run_rules(make, DIRECTORY_RULES)


async def rooms_are_paged_by_id(store: Store) -> None:
    """`rooms` returns open rooms in order of their id (by its bytes), from above `after`."""
    stem = new("page")
    ids = [f"{stem}{sign}{n}" for sign in "-0_a" for n in range(3)]
    for id in [*ids[::-1], f"{stem}-hidden"]:
        scene = Scene(store)
        scene.room = id
        await scene.done(scene.draft(kinds.RoomCreated, title=id, access="invite" if id.endswith("hidden") else "open"))
    found: list[str] = []
    after = stem
    while page := await store.rooms(after=after, limit=5):
        assert len(page) <= 5
        assert all(room.access == "open" for room in page)
        found += [room.id for room in page]
        after = page[-1].id
        if not after.startswith(stem):
            break
    assert [id for id in found if id.startswith(stem)] == sorted(ids)


async def what_anybody_may_join_is_known_apart(store: Store) -> None:
    """`joinable` returns what `room` does of a room that anybody may join, until it is hidden or deleted, and None of any other."""
    scene = await opened(store)
    for access in get_args(Access) * 2:
        await scene.outcome(scene.draft(kinds.RoomChanged, access=access))
        assert await store.joinable(scene.room) == (await store.room(scene.room) if access in OF_ANYONE else None)
    await scene.done(scene.draft(kinds.RoomChanged, access="open"))
    assert await store.joinable(scene.room) is not None
    await scene.done(scene.draft(kinds.RoomDeleted))
    assert await store.joinable(scene.room) is None
    assert await store.joinable(new("room")) is None


async def members_are_paged_by_user(store: Store) -> None:
    """`members` returns members in order of their user id (by its bytes), from above `after`."""
    names = ["Zoe", "adam", "eve", "Émile", "_x", "0", "가람", "b-1", "b1", "B1"]
    scene = await opened(store, *names)
    wanted = sorted(scene.id(name) for name in [*names, "ann"])
    assert [member.user for member in await store.members(scene.room)] == wanted
    found: list[str] = []
    while page := await store.members(scene.room, after=found[-1] if found else "", limit=4):
        assert len(page) <= 4
        found += [member.user for member in page]
    assert found == wanted
    assert await store.members(new("room")) == []
    assert await store.member(scene.room, scene.id("nobody")) is None
    assert await store.member(new("room"), scene.id("ann")) is None


async def members_are_found_by_name(store: Store) -> None:
    """`find_members` returns those that match, in order of the user id, and up to where it has looked."""
    scene = await opened(store, *(f"p{n}" for n in range(9)))
    wanted = sorted(scene.id(f"p{n}") for n in range(1, 9, 2))

    def odd(name: str) -> bool:
        return name[-1] in "13579"

    found, behind = await store.find_members(scene.room, odd)
    assert ([member.user for member in found], behind) == (wanted, "")
    first, behind = await store.find_members(scene.room, odd, limit=3)
    assert ([member.user for member in first], behind) == (wanted[:3], wanted[2])
    rest, behind = await store.find_members(scene.room, odd, after=behind, limit=3)
    assert ([member.user for member in rest], behind) == (wanted[3:], "")
    users, after = list[str](), ""
    while True:
        some, after = await store.find_members(scene.room, odd, after=after, most=1)
        users += [member.user for member in some]
        if not after:
            break
    assert users == wanted
    assert await store.find_members(new("room"), odd) == ([], "")


async def memberships_are_paged_by_room(store: Store) -> None:
    """`memberships` returns a user's rooms in order of the room id, with seq, read_seq and unread from pointers."""
    user = new("user")
    scenes = sorted([await opened(store, "ben") for _ in range(5)], key=lambda scene: scene.room)
    for n, scene in enumerate(scenes):
        _let_me_be(user, scene)
        await scene.done(scene.draft(kinds.MemberJoined, "me", role="member"))
        for m in range(n):
            await scene.done(scene.say(f"{m}", mentions=("me",)))
    page = await store.memberships(user, limit=3)
    rest = await store.memberships(user, after=page[-1].room, limit=3)
    assert (len(page), len(rest)) == (3, 2)
    for n, (scene, row) in enumerate(zip(scenes, page + rest, strict=True)):
        assert (row.room, row.title, row.access, row.role) == (scene.room, "Scene", "open", "member")
        assert (row.seq, row.read_seq, row.unread, row.mentions) == (3 + n, 3, n, n)
    assert await store.memberships(new("user")) == []


def _let_me_be(user: str, scene: Scene) -> None:
    plain = scene.id
    scene.id = lambda name: user if name == "me" else plain(name)  # type: ignore[method-assign]


async def memberships_are_counted(store: Store) -> None:
    """joined_by counts a user's memberships and owned_by those as an owner; both are 0 for a user without any."""
    user = new("user")
    assert (await store.joined_by(user), await store.owned_by(user)) == (0, 0)
    theirs, mine, another = Scene(store), Scene(store), Scene(store)
    for scene in (theirs, mine, another):
        _let_me_be(user, scene)
        await scene.done(scene.draft(kinds.RoomCreated, "ann" if scene is theirs else "me", title="T"))
    await theirs.done(theirs.draft(kinds.MemberJoined, "me", role="member"))
    assert (await store.joined_by(user), await store.owned_by(user)) == (3, 2)
    await mine.done(mine.draft(kinds.RoomDeleted, "me"))
    assert (await store.joined_by(user), await store.owned_by(user)) == (2, 1), "a deleted room counts no more"


async def pointers_never_fall(store: Store) -> None:
    """`set_read` only raises pointers, never past the room's seq, and ignores non-members."""
    scene, other = await opened(store, "ben"), await opened(store)
    ben = scene.id("ben")
    await store.append([scene.say(f"{n}", mentions=("ben",)) for n in range(8)])

    async def pointer(seq: int) -> tuple[int, int, int]:
        await store.set_read([(new("room"), ben, 5), (scene.room, ben, seq), (scene.room, new("user"), 5)])
        row = (await store.memberships(ben))[0]
        member = await store.member(scene.room, ben)
        assert member is not None and member.read_seq == row.read_seq
        return row.read_seq, row.unread, row.mentions

    assert await pointer(5) == (5, 5, 5)
    assert await pointer(3) == (5, 5, 5)
    assert await pointer(5) == (5, 5, 5)
    assert await pointer(10**12) == (10, 0, 0)
    assert await pointer(0) == (10, 0, 0)
    await scene.done(scene.say("more", mentions=("ben",)))
    assert await pointer(10) == (10, 1, 1)
    owner = await store.member(other.room, other.id("ann"))
    assert owner is not None and owner.read_seq == 1
    await store.set_read([])


async def unread_are_messages_of_others(store: Store) -> None:
    """`unread` counts messages of others above the pointer, deleted ones too: no other events, and none of the user's own."""
    scene = await opened(store, "ben")
    ben = scene.id("ben")

    async def unread(read: int | None = None) -> int:
        pointers = {} if read is None else {scene.room: read}
        row = (await store.memberships(ben, read=pointers))[0]
        assert row.read_seq == max(2, read or 0)
        return row.unread

    assert await unread() == 0
    await scene.done(scene.draft(kinds.MemberJoined, "cho", role="member"))
    first = await scene.done(scene.say("one"))
    await scene.done(scene.draft(kinds.ReactionAdded, "cho", target=first.seq, emoji="👍"))
    await scene.done(scene.draft(kinds.MemberLeft, "cho"))
    assert await unread() == 1
    await store.append([scene.say("mine", "ben"), scene.say("two"), scene.say("mine", "ben"), scene.say("three")])
    assert (await unread(), await unread(first.seq), await unread(7), await unread(8), await unread(0)) == (
        3,
        2,
        2,
        1,
        3,
    )
    await scene.done(scene.draft(kinds.MessageDeleted, target=first.seq))
    await scene.done(scene.draft(kinds.MessageEdited, target=8, text="too"))
    assert (await unread(), await unread(9), await unread(10)) == (3, 1, 0)
    await store.set_read([(scene.room, ben, 9)])
    row = (await store.memberships(ben, read={scene.room: 5}))[0]
    assert (row.read_seq, row.unread) == (9, 1)
    row = (await store.memberships(scene.id("ann")))[0]
    assert (row.read_seq, row.unread) == (1, 2)


async def counts_are_of_what_they_are_told_with(store: Store) -> None:
    """`counted` returns what `memberships` does of the rooms given, and of what the count is made, alike for all at one seq."""
    scenes = sorted([await opened(store, "ben", "cho") for _ in range(3)], key=lambda scene: scene.room)
    me = new("user")
    for n, scene in enumerate(scenes, start=1):
        await store.append([scene.say("one"), scene.say("mine", "ben"), scene.say("two", mentions=("ben",))] * n)
        _let_me_be(me, scene)
        await scene.done(scene.draft(kinds.MemberJoined, "me", role="member"))
        await store.append([scene.say("last", mentions=("me",))])
    names = [scene.room for scene in scenes]
    pointers = {names[1]: 5}
    found = await store.counted(me, among=[*names[1:], new("room")], read=pointers)
    assert [each.membership for each in found] == [
        row for row in await store.memberships(me, read=pointers) if row.room in names[1:]
    ]
    for each, scene in zip(found, scenes[1:], strict=True):
        assert each.messages - each.seen == each.membership.unread
        (theirs,) = await store.counted(scene.id("cho"), among=[scene.room])
        assert (theirs.messages, theirs.membership.seq) == (each.messages, each.membership.seq)
        await store.append([scene.say("more"), scene.say("mine", "me")])
        (now,) = await store.counted(me, among=[scene.room], read=pointers)
        assert (now.messages, now.seen) == (each.messages + 2, each.seen + 1)
    assert await store.counted(me, among=[]) == []
    assert await store.counted(new("user"), among=names) == []


async def counts_end_somewhere(store: Store) -> None:
    """Counts of unread messages and of mentions end at COUNTED."""
    scene = await opened(store, "ben")
    more = COUNTED + 50
    for start in range(0, more, 500):
        await store.append([scene.say(f"{n}", mentions=("ben",)) for n in range(start, min(more, start + 500))])
    for read, expected in [(2, COUNTED), (52, COUNTED), (53, COUNTED - 1), (more + 1, 1)]:
        row = (await store.memberships(scene.id("ben"), read={scene.room: read}))[0]
        assert (row.unread, row.mentions) == (expected, expected), read


async def many_pointers_move_at_once(store: Store) -> None:
    """`set_read` accepts many pointers, the same one repeatedly too, in any order and concurrently."""
    scenes = [await opened(store, "ben", "cho") for _ in range(4)]
    await store.append([scene.say(f"{n}") for scene in scenes for n in range(20)])
    pointers = [(s.room, s.id(name), seq) for seq in range(23) for s in scenes for name in ("ben", "cho")]
    await asyncio.gather(store.set_read(pointers), store.set_read(pointers[::-1]), store.set_read(pointers[5:50]))
    for scene in scenes:
        assert {m.user: m.read_seq for m in await store.members(scene.room)} == {
            scene.id("ann"): 1,
            scene.id("ben"): 22,
            scene.id("cho"): 22,
        }


async def keys_are_kept_until_dropped(store: Store) -> None:
    """Server keys are listed oldest first, and dropped by id."""
    keys = [ServerKey(new("key"), f"label {n}", f"hash-{n}", 1_000_000 - n) for n in range(2)]
    keys.append(ServerKey(new("key"), "label 2", "hash-2", 999_998, "publish read", 1 << 50))
    for key in keys:
        await store.add_key(key)
    assert [key for key in await store.keys() if key in keys] == keys[::-1]
    assert [await store.key(key.id) for key in keys] == keys
    assert await store.drop_key(keys[1].id)
    assert not await store.drop_key(keys[1].id)
    assert [key for key in await store.keys() if key in keys] == [keys[2], keys[0]]
    for key in (keys[0], keys[2]):
        await store.drop_key(key.id)


DIRECTORY_RULES = [
    rooms_are_paged_by_id,
    what_anybody_may_join_is_known_apart,
    members_are_paged_by_user,
    members_are_found_by_name,
    memberships_are_paged_by_room,
    memberships_are_counted,
    pointers_never_fall,
    unread_are_messages_of_others,
    counts_are_of_what_they_are_told_with,
    counts_end_somewhere,
    many_pointers_move_at_once,
    keys_are_kept_until_dropped,
]
