"""Rules of `check_log` about who is let into a room: kicks that hold, and invites with their ends and uses."""

import asyncio
from typing import Any, Final

from madang.core import events as kinds
from madang.core.events import Draft
from madang.core.invites import MAX_INVITES, Invite, InviteKey, hash_of
from madang.errors import Limited, Refused
from madang.testing.rules import Scene, Store, new, opened

LONG_MS: Final = 3_600_000
NEVER_MS: Final = 1 << 50
SECRET: Final = hash_of("secret")


async def invited(scene: Scene, by: str = "ann", *, until_ms: int = NEVER_MS, uses: int | None = None) -> InviteKey:
    """Make an invite to the scene's room; return what proves it."""
    id = new("i")[:10]
    invite = Invite(room=scene.room, id=id, hash=SECRET, by=scene.id(by), uses=uses, until_ms=until_ms)
    await scene.store.add_invite(invite, 0, by)
    return InviteKey(id, SECRET)


def joins(scene: Scene, name: str, invite: InviteKey | None = None) -> Draft:
    """Return the draft of a user who joins by themselves, or showing an invite."""
    draft = scene.draft(kinds.MemberJoined, name, role="member")
    return kinds.draft(draft.content, draft.room, draft.user, draft.name, invite=invite)


async def hidden(store: Store, *names: str) -> Scene:
    """Return a scene whose room has become invite-only after these came in."""
    scene = await opened(store, *names)
    await scene.done(scene.draft(kinds.RoomChanged, access="invite"))
    return scene


async def refusal(scene: Scene, d: Draft) -> str:
    """Return the code that a draft is refused with."""
    outcome = await scene.outcome(d)
    assert isinstance(outcome, Refused), outcome
    return outcome.code


async def who_is_let_in(store: Store) -> None:
    """Rooms that are open or unlisted admit anybody, invite-only ones who shows an invite to them that is in force."""
    for access in ("open", "unlisted"):
        scene = await opened(store)
        await scene.outcome(scene.draft(kinds.RoomChanged, access=access))
        await scene.done(joins(scene, "ben"))
        await scene.done(joins(scene, "cho", InviteKey("none", SECRET)))
        assert (scene.room in [room.id for room in await _rooms(store)]) == (access == "open")
    scene, other = await hidden(store), await hidden(store)
    key, elsewhere = await invited(scene), await invited(other)
    assert scene.room not in [room.id for room in await _rooms(store)]
    assert scene.room in [room.id for room in await _rooms(store, hidden=True)]
    for wrong in (None, elsewhere, InviteKey("none", SECRET), InviteKey(key.id, hash_of("other"))):
        await scene.refused("not_found", joins(scene, "ben", wrong))
    await scene.refused("not_found", joins(scene, "ben", await invited(scene, until_ms=1)))
    await scene.done(joins(scene, "ben", key))
    await scene.done(joins(scene, "cho", key))
    await scene.done(scene.draft(kinds.MemberJoined, "shop", role="member", server=True))


async def a_kick_holds_for_its_time(store: Store) -> None:
    """After a kick nobody joins by themselves for its `for_ms` (kicked, with the wait); the event says how long."""
    scene = await opened(store, "ben", "cho")
    kick = await scene.done(scene.draft(kinds.MemberKicked, member="ben", for_ms=LONG_MS))
    assert b'"for_ms":3600000' in kick.body
    await scene.done(scene.draft(kinds.MemberKicked, member="cho"))
    outcome = await scene.outcome(joins(scene, "ben"))
    assert isinstance(outcome, Limited)
    assert outcome.code == "kicked"
    assert 0 < outcome.retry_ms <= LONG_MS
    await scene.done(joins(scene, "cho"))
    await scene.done(scene.draft(kinds.RoomChanged, access="unlisted"))
    assert await refusal(scene, joins(scene, "ben")) == "kicked"
    await scene.done(scene.draft(kinds.MemberLeft, "cho"))
    await scene.done(joins(scene, "cho"))
    await scene.done(scene.draft(kinds.MemberKicked, member="cho", for_ms=LONG_MS))
    assert await refusal(scene, joins(scene, "cho")) == "kicked"


async def a_kick_ends_when_one_is_let_in_anew(store: Store) -> None:
    """An invite of after the kick lets its subject in, one of before does not; in an invite-only room nothing else does."""
    for access in ("open", "invite"):
        scene = await opened(store, "ben")
        await scene.outcome(scene.draft(kinds.RoomChanged, access=access))
        early = await invited(scene)
        await scene.done(scene.draft(kinds.MemberKicked, member="ben", for_ms=LONG_MS if access == "open" else 0))
        code = "kicked" if access == "open" else "not_found"
        for wrong in (None, early):
            await scene.refused(code, joins(scene, "ben", wrong))
        if access == "invite":
            await scene.done(joins(scene, "cho", early))
        late = await invited(scene)
        await scene.done(joins(scene, "ben", late))
        await scene.done(scene.draft(kinds.MemberLeft, "ben"))
        await scene.done(joins(scene, "ben", early))  # let in once, they are as anybody


async def invites_end_with_the_right_to_make_them(store: Store) -> None:
    """A kick, a leaving and a role below moderator end the invites of whoever made them there, and nobody else's."""
    ends: dict[str, dict[str, Any]] = {
        "kicked": {"kind": kinds.MemberKicked, "member": "ben"},
        "left": {"kind": kinds.MemberLeft, "name": "ben"},
        "demoted": {"kind": kinds.RoleGiven, "member": "ben", "role": "member"},
    }
    for end in ends.values():
        scene, other = await hidden(store, "ben"), await hidden(store, "ben")
        for each in (scene, other):
            await each.done(each.draft(kinds.RoleGiven, member="ben", role="owner"))
        anns, bens, elsewhere = await invited(scene), await invited(scene, "ben"), await invited(other, "ben")
        await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
        assert {invite.id for invite in await store.invites(scene.room, 0)} == {anns.id, bens.id}
        await scene.done(scene.draft(**end))
        assert [(invite.id, invite.by) for invite in await store.invites(scene.room, 0)] == [(anns.id, scene.id("ann"))]
        await scene.refused("not_found", joins(scene, "cho", bens))
        await scene.done(joins(scene, "cho", anns))
        await other.done(joins(other, "cho", elsewhere))


async def invites_are_counted(store: Store) -> None:
    """An invite for n users admits n, also when many come at once; who needs none does not use one."""
    scene = await hidden(store, "ben")
    key = await invited(scene, uses=3)
    await scene.nothing(joins(scene, "ben", key))
    names = [f"guest{n}" for n in range(10)]
    outcomes = await store.append([joins(scene, name, key) for name in names[:2]])
    outcomes += [(await each)[0] for each in [store.append([joins(scene, name, key)]) for name in names[2:]]]
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False] * 3 + [True] * 7
    assert await store.invites(scene.room, 0) == []
    key = await invited(scene, uses=3)
    await scene.done(scene.draft(kinds.RoomChanged, access="open"))
    await scene.done(joins(scene, "eve", key))
    assert [invite.uses for invite in await store.invites(scene.room, 0)] == [3]


async def invites_are_made_by_whom_may(store: Store) -> None:
    """A user who is not a member (not_found), or below a moderator (forbidden), makes no invite; their number is bounded."""
    scene = await opened(store, "ben")
    for name, code in (("ben", "forbidden"), ("cho", "not_found")):
        try:
            await invited(scene, name)
        except Refused as refused:
            assert refused.code == code
        else:
            raise AssertionError(f"{name} made an invite")
    made = await invited(scene)
    assert await store.invite(scene.room, made.id) is not None
    assert await store.invite(new("room"), made.id) is None
    revoking = scene.room, made.id, 0, scene.id("ann"), "ann"
    assert await store.drop_invite(*revoking)
    assert not await store.drop_invite(*revoking)
    assert await store.invite(scene.room, made.id) is None
    await invited(scene, until_ms=1)
    for _ in range(MAX_INVITES - 1):
        await invited(scene)
    last = Invite(room=scene.room, id="x", hash="", by=scene.id("ann"), until_ms=NEVER_MS)
    await store.add_invite(last, 2, "ann")
    try:
        await invited(scene)
    except Refused as refused:
        assert refused.code == "too_many"
    else:
        raise AssertionError("too many invites")


async def a_key_ends_with_its_invites(store: Store) -> None:
    """The invites of a server key end with it."""
    scene = await hidden(store)
    id = new("k")
    invite = Invite(room=scene.room, id="1f", hash=SECRET, by=f"key-{id}", until_ms=NEVER_MS)
    await store.add_invite(invite, 0, "key", server=True)
    assert len(await store.invites(scene.room, 0)) == 1
    await store.drop_key(id)
    await scene.refused("not_found", joins(scene, "ben", InviteKey("1f", SECRET)))


async def a_key_edits_what_it_sent_for_others(store: Store) -> None:
    """A message that a server key sent in a user's name is edited by that key, and by no other or whose id is the same."""
    scene = await opened(store, "ben")
    sent = await scene.done(scene.say("hello", "customer", server=True, via=scene.id("shop")))
    edits = {
        name: scene.draft(kinds.MessageEdited, name, target=sent.seq, text="x", server=True)
        for name in ("shop", "bank")
    }
    await scene.refused("forbidden", edits["bank"])
    await scene.done(scene.draft(kinds.MemberJoined, "shop", role="member"))
    await scene.refused("forbidden", scene.draft(kinds.MessageEdited, "shop", target=sent.seq, text="x"))
    await scene.done(edits["shop"])
    message = (await store.messages(scene.room, scene.id("ann"))).messages[-1]
    assert (message.user, message.via, message.text) == (scene.id("customer"), scene.id("shop"), "x")


async def an_invite_admits_no_more_than_it_may_by_two_nodes(one: Store, two: Store) -> None:
    """Uses are counted over all nodes: of many who come at once by two nodes, as many come in as it admits."""
    scene = await hidden(one)
    key = await invited(scene, uses=4)
    stores = [one, two] * 8
    outcomes = await asyncio.gather(*(store.append([joins(scene, f"guest{n}", key)]) for n, store in enumerate(stores)))
    assert sum(isinstance(outcome, kinds.Appended) for (outcome,) in outcomes) == 4
    assert len(await one.members(scene.room, limit=50)) == 5


async def _rooms(store: Store, *, hidden: bool = False) -> list[Any]:
    found: list[Any] = []
    while page := await store.rooms(after=found[-1].id if found else "", limit=200, hidden=hidden):
        found += page
    return found


ACCESS_RULES = [
    who_is_let_in,
    a_kick_holds_for_its_time,
    a_kick_ends_when_one_is_let_in_anew,
    invites_end_with_the_right_to_make_them,
    invites_are_counted,
    invites_are_made_by_whom_may,
    a_key_ends_with_its_invites,
    a_key_edits_what_it_sent_for_others,
]
