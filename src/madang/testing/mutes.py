"""Rules of `check_log` about who may write: viewers may not, and those who are muted, until their mute ends."""

from typing import Final

import msgspec

from madang.core import events as kinds
from madang.core.events import Draft
from madang.core.sanctions import Mute
from madang.errors import Limited, Refused
from madang.testing.access import joins
from madang.testing.rules import Scene, Store, assert_repeat, opened

LONG_MS: Final = 3_600_000


def mutes(scene: Scene, name: str, by: str = "ann", *, for_ms: int = 0, reason: str | None = None) -> Draft:
    """Return the draft of a mute."""
    return scene.draft(kinds.MemberMuted, by, member=name, for_ms=for_ms, reason=reason)


async def written(scene: Scene, name: str) -> list[Draft]:
    """Return a draft of each kind that writes, by a user who has said something before; in an order in which all are possible."""
    own = await scene.done(scene.say("own", name))
    return [
        scene.say("more", name),
        scene.draft(kinds.MessageEdited, name, target=own.seq, text="new"),
        scene.draft(kinds.ReactionAdded, name, target=own.seq, emoji="+"),
        scene.draft(kinds.ReactionRemoved, name, target=own.seq, emoji="+"),
    ]


async def who_is_muted_does_not_write(store: Store) -> None:
    """Who is muted does not send, edit or react, in any batch; they may delete what they wrote, and send again what is stored."""
    scene = await opened(store, "ben", "cho")
    drafts = await written(scene, "ben")
    stored = await scene.done(scene.say("first", "ben", cid="c"))
    await scene.done(mutes(scene, "ben"))
    for d in drafts:
        await scene.refused("muted", d)
    outcomes = await store.append([scene.say("cho's", "cho"), drafts[0], scene.say("cho's, too", "cho")])
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, True, False]
    assert_repeat(await scene.outcome(scene.say("first", "ben", cid="c")), stored)
    await scene.done(scene.draft(kinds.MessageDeleted, "ben", target=stored.seq))
    await scene.done(scene.draft(kinds.MemberUnmuted, member="ben"))
    await scene.nothing(scene.draft(kinds.MemberUnmuted, member="ben"))
    for d in drafts:
        await scene.done(d)


async def a_mute_holds_at_its_place_in_a_batch(store: Store) -> None:
    """Within a batch, what is behind a mute is refused, and what is behind its end is not."""
    scene = await opened(store, "ben")
    outcomes = await store.append(
        [
            scene.say("one", "ben"),
            mutes(scene, "ben"),
            scene.say("two", "ben"),
            scene.draft(kinds.MemberUnmuted, member="ben"),
            scene.say("three", "ben"),
        ]
    )
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, False, True, False, False]
    assert await scene.texts() == ["one", "three"]


async def a_mute_holds_for_its_time_whoever_leaves(store: Store) -> None:
    """A mute with an end says how long it holds; it holds who leaves and comes back, who had not come yet, and one replaces another."""
    scene = await opened(store, "ben")
    for name in ("ben", "eve"):
        await scene.done(mutes(scene, name, for_ms=LONG_MS))
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    for name in ("ben", "eve"):
        await scene.done(joins(scene, name))
        outcome = await scene.outcome(scene.say("hello", name))
        assert isinstance(outcome, Limited)
        assert outcome.code == "muted"
        assert 0 < outcome.retry_ms <= LONG_MS
    await scene.done(mutes(scene, "ben"))
    outcome = await scene.outcome(scene.say("hello", "ben"))
    assert isinstance(outcome, Refused)
    assert not isinstance(outcome, Limited), "it was replaced by one without an end"
    other = await opened(store, "ben")
    await other.done(other.say("elsewhere", "ben"))


async def mutes_are_made_by_whom_may(store: Store) -> None:
    """Moderators mute users below them, members or not, and lift mutes; nobody else does. No role frees from a mute, a server key does."""
    scene = await opened(store, "ben", "cho")
    await scene.refused("forbidden", mutes(scene, "cho", "ben"))
    await scene.refused("forbidden", scene.draft(kinds.MemberUnmuted, "ben", member="cho"))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    for above in ("ann", "ben"):
        await scene.refused("forbidden", mutes(scene, above, "ben"))
    await scene.done(mutes(scene, "cho", "ben"))
    await scene.done(scene.draft(kinds.RoleGiven, member="cho", role="owner"))
    await scene.refused("muted", scene.say("hello", "cho"))
    await scene.done(scene.say("hello", "cho", server=True))
    await scene.done(scene.draft(kinds.MemberUnmuted, "ben", member="cho"))
    await scene.done(scene.say("hello", "cho"))


async def viewers_do_not_write(store: Store) -> None:
    """A viewer does not send, edit or react, and may again with another role; one reads, deletes what is theirs, and leaves."""
    scene = await opened(store, "ben")
    drafts = await written(scene, "ben")
    own = await scene.done(scene.say("own", "ben"))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="viewer"))
    for d in drafts:
        await scene.refused("forbidden", d)
    await scene.done(scene.draft(kinds.MessageDeleted, "ben", target=own.seq))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="member"))
    for d in drafts:
        await scene.done(d)
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="viewer"))
    await scene.refused("forbidden", drafts[0])
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))


async def no_key_speaks_for_who_is_muted_or_banned(store: Store) -> None:
    """A server key that speaks for a user is held by their mute and their ban, at its place in a batch; by itself it is not."""
    scene = await opened(store, "ben")

    def spoken(name: str, text: str = "hello") -> Draft:
        return scene.say(text, name, server=True, via="key-1")

    for name in ("ben", "eve"):
        await scene.done(spoken(name))
        await scene.done(mutes(scene, name, for_ms=LONG_MS))
        for _ in range(2):
            await scene.refused("muted", spoken(name))
        await scene.done(scene.say("its own", name, server=True))
        await scene.done(scene.draft(kinds.MemberUnmuted, member=name))
        await scene.done(spoken(name))
    for for_ms in (0, LONG_MS):
        for name in ("ben", "eve"):
            ban = scene.draft(kinds.MemberKicked, member=name, banned=True, for_ms=for_ms)
            outcomes = await store.append([spoken(name), ban, spoken(name), scene.say("others", "ann")])
            assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, False, True, False]
            await scene.refused("banned", spoken(name))
            await scene.done(scene.say("its own", name, server=True))
            unban = scene.draft(kinds.MemberUnbanned, member=name)
            outcomes = await store.append([spoken(name), unban, spoken(name)])
            assert [isinstance(outcome, Refused) for outcome in outcomes] == [True, False, False]
    await scene.done(scene.draft(kinds.MemberKicked, member="eve", banned=True))
    await scene.done(scene.draft(kinds.MemberJoined, "eve", role="member", server=True))
    await scene.done(spoken("eve"))


async def what_a_server_key_does_to_a_member_holds_at_once(store: Store) -> None:
    """A member who has just written writes no more behind a mute, a lower role or a kick by a server key, alone in its batch."""
    scene = await opened(store, "ben")
    for kind, undone, code in (
        (kinds.MemberMuted, scene.draft(kinds.MemberUnmuted, member="ben"), "muted"),
        (kinds.RoleGiven, scene.draft(kinds.RoleGiven, member="ben", role="member"), "forbidden"),
        (kinds.MemberKicked, None, "not_member"),
    ):
        body = {"member": "ben", **({"role": "viewer"} if kind is kinds.RoleGiven else {})}
        for _ in range(2):
            await scene.done(scene.say("hello", "ben"))
        await scene.done(scene.draft(kind, "key", server=True, **body))
        await scene.refused(code, scene.say("hello", "ben"))
        if undone is not None:
            await scene.done(undone)


async def mutes_in_force_are_listed(store: Store) -> None:
    """`mutes` pages through what is in force, by user: name, who made it, why, and for how long."""
    scene, other = await opened(store, "ben", "cho"), await opened(store)
    await scene.done(mutes(scene, "ben", reason="spam", for_ms=LONG_MS))
    for name in ("cho", "dan", "eve"):
        await scene.done(mutes(scene, name))
    await scene.done(scene.draft(kinds.MemberUnmuted, member="dan"))
    first, *rest = await store.mutes(scene.room)
    assert first.left_ms is not None and 0 < first.left_ms <= LONG_MS
    ann = scene.id("ann")
    assert msgspec.structs.replace(first, left_ms=0) == Mute(
        user=scene.id("ben"), name="ben", by=ann, reason="spam", left_ms=0
    )
    assert rest == [Mute(user=scene.id("cho"), name="cho", by=ann), Mute(user=scene.id("eve"), by=ann)]
    assert [mute.user for mute in await store.mutes(scene.room, after=scene.id("ben"), limit=1)] == [scene.id("cho")]
    assert await store.mutes(other.room) == []


MUTE_RULES = [
    who_is_muted_does_not_write,
    a_mute_holds_at_its_place_in_a_batch,
    a_mute_holds_for_its_time_whoever_leaves,
    mutes_are_made_by_whom_may,
    viewers_do_not_write,
    no_key_speaks_for_who_is_muted_or_banned,
    what_a_server_key_does_to_a_member_holds_at_once,
    mutes_in_force_are_listed,
]
