"""Rules of `check_log` about bans: who is held out, for how long, and where guests come from."""

import asyncio
from typing import Final

import msgspec

from madang.core import events as kinds
from madang.core.events import Draft, draft
from madang.core.sanctions import Ban
from madang.errors import Limited, Refused
from madang.testing.access import hidden, invited, joins, refusal
from madang.testing.rules import Scene, Store, opened

LONG_MS: Final = 3_600_000


def bans(scene: Scene, name: str, by: str = "ann", *, for_ms: int = 0, reason: str | None = None) -> Draft:
    """Return the draft of a ban."""
    return scene.draft(kinds.MemberKicked, by, member=name, banned=True, for_ms=for_ms, reason=reason)


def comes(scene: Scene, name: str, origin: str) -> Draft:
    """Return the draft of a guest who joins by themselves, from somewhere."""
    return msgspec.structs.replace(joins(scene, name), origin=origin)


async def a_ban_holds_against_every_way_in(store: Store) -> None:
    """Who is banned is not let in by themselves, nor by an invite of before or after the ban; where rooms are hidden, not_found."""
    scene = await opened(store, "ben")
    early = await invited(scene)
    await scene.done(bans(scene, "ben"))
    assert await store.member(scene.room, scene.id("ben")) is None
    late = await invited(scene)
    for access, code in (("open", "banned"), ("unlisted", "banned"), ("invite", "not_found")):
        await scene.outcome(scene.draft(kinds.RoomChanged, access=access))
        for invite in (None, early, late):
            assert await refusal(scene, joins(scene, "ben", invite)) == code
    await scene.done(scene.draft(kinds.MemberJoined, "ben", role="member", server=True))


async def a_ban_ends_when_it_is_lifted(store: Store) -> None:
    """A ban with an end says how long it holds; once it is lifted its user may join as anybody may."""
    scene = await opened(store, "ben")
    await scene.done(bans(scene, "ben", for_ms=LONG_MS))
    outcome = await scene.outcome(joins(scene, "ben"))
    assert isinstance(outcome, Limited)
    assert outcome.code == "banned"
    assert 0 < outcome.retry_ms <= LONG_MS
    await scene.done(bans(scene, "ben"))
    outcome = await scene.outcome(joins(scene, "ben"))
    assert isinstance(outcome, Refused)
    assert not isinstance(outcome, Limited), "it was replaced by one without an end"
    await scene.done(scene.draft(kinds.MemberUnbanned, member="ben"))
    await scene.nothing(scene.draft(kinds.MemberUnbanned, member="ben"))
    await scene.done(joins(scene, "ben"))


async def a_ban_replaces_a_kick(store: Store) -> None:
    """Once a ban is lifted, an earlier kick no longer holds; and who was kicked can still be banned."""
    scene = await opened(store, "ben")
    await scene.done(scene.draft(kinds.MemberKicked, member="ben", for_ms=LONG_MS))
    await scene.done(bans(scene, "ben"))
    assert await refusal(scene, joins(scene, "ben")) == "banned"
    await scene.done(scene.draft(kinds.MemberUnbanned, member="ben"))
    await scene.done(joins(scene, "ben"))


async def bans_are_made_by_whom_may(store: Store) -> None:
    """Moderators ban users below them, members or not, and lift bans; nobody else does."""
    scene = await opened(store, "ben", "cho")
    await scene.refused("forbidden", bans(scene, "cho", "ben"))
    await scene.refused("forbidden", scene.draft(kinds.MemberUnbanned, "ben", member="cho"))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    for above in ("ann", "ben"):
        await scene.refused("forbidden", bans(scene, above, "ben"))
    await scene.done(bans(scene, "cho", "ben"))
    await scene.done(bans(scene, "eve", "ben"))
    assert await refusal(scene, joins(scene, "eve")) == "banned"
    await scene.done(scene.draft(kinds.MemberUnbanned, "ben", member="eve"))
    await scene.done(joins(scene, "eve"))
    await scene.refused("not_member", bans(scene, "ann", "cho"))


async def a_guests_ban_holds_for_where_they_come_from(store: Store) -> None:
    """Others do not join from where a banned guest came; members stay, other rooms and addresses are free, and lifting ends it."""
    scene, other = await opened(store), await opened(store)
    for name in ("ben", "cho"):
        await scene.done(comes(scene, name, "office"))
    await scene.done(comes(scene, "dan", "home"))
    await scene.done(bans(scene, "ben", for_ms=LONG_MS))
    outcome = await scene.outcome(comes(scene, "eve", "office"))
    assert isinstance(outcome, Limited)
    assert outcome.code == "banned"
    assert 0 < outcome.retry_ms <= LONG_MS
    await scene.done(scene.say("still here", "cho"))
    await scene.nothing(comes(scene, "cho", "office"))
    await scene.done(comes(scene, "fay", "elsewhere"))
    await other.done(comes(other, "eve", "office"))
    await scene.done(joins(scene, "gil"))
    assert await refusal(scene, comes(scene, "ben", "elsewhere")) == "banned"
    await scene.done(bans(scene, "ben"))
    outcome = await scene.outcome(comes(scene, "eve", "office"))
    assert isinstance(outcome, Limited), "an address is not banned for good"
    await scene.done(scene.draft(kinds.MemberUnbanned, member="ben"))
    await scene.done(comes(scene, "eve", "office"))


async def a_guest_is_known_by_where_they_came_from_after_a_kick(store: Store) -> None:
    """Where a guest came from is known after a kick; not after they left."""
    scene = await opened(store)
    for name in ("ben", "cho"):
        await scene.done(comes(scene, name, f"{name}'s"))
    await scene.done(scene.draft(kinds.MemberKicked, member="ben", for_ms=LONG_MS))
    await scene.done(scene.draft(kinds.MemberLeft, "cho"))
    for name in ("ben", "cho"):
        await scene.done(bans(scene, name))
    assert await refusal(scene, comes(scene, "eve", "ben's")) == "banned"
    await scene.done(comes(scene, "eve", "cho's"))


async def whom_a_key_adds_is_let_in_unless_banned(store: Store) -> None:
    """A server key makes a user a member of any room, once, and ends their kick; not who is banned, at its place in a batch."""
    scene = await hidden(store, "ben")

    def adds(name: str, role: str = "member") -> Draft:
        joined = kinds.MemberJoined(role=role)
        return draft(joined, scene.room, scene.id(name), name, server=True, added=True)

    await scene.done(adds("eve", "moderator"))
    member = await store.member(scene.room, scene.id("eve"))
    assert member is not None and (member.role, member.name) == ("moderator", "eve")
    await scene.nothing(adds("eve", "owner"))
    await scene.done(scene.draft(kinds.MemberKicked, member="ben", for_ms=LONG_MS))
    await scene.done(adds("ben"))
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    await scene.done(scene.draft(kinds.RoomChanged, access="open"))
    await scene.done(joins(scene, "ben"))
    outcomes = await store.append(
        [bans(scene, "ben"), adds("ben"), scene.draft(kinds.MemberUnbanned, member="ben"), adds("ben")]
    )
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, True, False, False]
    await scene.done(bans(scene, "ben", for_ms=LONG_MS))
    assert await refusal(scene, adds("ben")) == "banned"


async def bans_in_force_are_listed(store: Store) -> None:
    """`bans` pages through what is in force, by user: name, who made it, why, and for how long."""
    scene, other = await opened(store, "ben", "cho"), await opened(store)
    await scene.done(bans(scene, "ben", reason="spam", for_ms=LONG_MS))
    for name in ("cho", "dan", "eve"):
        await scene.done(bans(scene, name))
    await scene.done(scene.draft(kinds.MemberUnbanned, member="dan"))
    first, *rest = await store.bans(scene.room)
    assert first.left_ms is not None and 0 < first.left_ms <= LONG_MS
    ann = scene.id("ann")
    assert msgspec.structs.replace(first, left_ms=0) == Ban(
        user=scene.id("ben"), name="ben", by=ann, reason="spam", left_ms=0
    )
    assert rest == [Ban(user=scene.id("cho"), name="cho", by=ann), Ban(user=scene.id("eve"), by=ann)]
    assert [ban.user for ban in await store.bans(scene.room, after=scene.id("ben"), limit=1)] == [scene.id("cho")]
    assert await store.bans(other.room) == []


async def a_ban_and_a_join_by_two_nodes(one: Store, two: Store) -> None:
    """However a ban and joins of its subject fall together on two nodes, they are not a member once it is stored."""
    scene = await hidden(one, "ben")
    await scene.done(scene.draft(kinds.RoomChanged, access="open"))
    for n in range(4):
        name = f"guest{n}"
        racing = [store.append([joins(scene, name)]) for store in (two, one, two)]
        await asyncio.gather(*racing[:2], one.append([bans(scene, name)]), racing[2])
        assert await one.member(scene.room, scene.id(name)) is None
        assert await two.member(scene.room, scene.id(name)) is None


BAN_RULES = [
    a_ban_holds_against_every_way_in,
    a_ban_ends_when_it_is_lifted,
    a_ban_replaces_a_kick,
    bans_are_made_by_whom_may,
    a_guests_ban_holds_for_where_they_come_from,
    a_guest_is_known_by_where_they_came_from_after_a_kick,
    whom_a_key_adds_is_let_in_unless_banned,
    bans_in_force_are_listed,
]
