"""Rules of `check_log` about settings of a room that hold whoever writes there."""

from typing import Any

from madang.core import events as kinds
from madang.core.events import Draft
from madang.errors import Refused
from madang.testing.access import joins
from madang.testing.mutes import written
from madang.testing.rules import Scene, Store, assert_repeat, opened


def changes(scene: Scene, name: str = "ann", **settings: Any) -> Draft:
    """Return the draft of a change of settings."""
    return scene.draft(kinds.RoomChanged, name, **settings)


async def nobody_writes_in_an_archived_room(store: Store) -> None:
    """In an archived room nobody sends, edits, reacts or pins, a server key neither; messages are deleted, and users come and go."""
    scene = await opened(store, "ben")
    drafts = [*await written(scene, "ben"), *await written(scene, "ann")]
    stored = await scene.done(scene.say("first", "ben", cid="c"))
    pins = [scene.draft(kind, target=stored.seq) for kind in (kinds.MessagePinned, kinds.MessageUnpinned)]
    await scene.done(changes(scene, archived=True))
    for d in [*drafts, *pins, scene.say("hello", "key", server=True)]:
        await scene.refused("archived", d)
    assert_repeat(await scene.outcome(scene.say("first", "ben", cid="c")), stored)
    await scene.done(scene.draft(kinds.MessageDeleted, "ben", target=stored.seq))
    await scene.done(joins(scene, "cho"))
    await scene.done(scene.draft(kinds.MemberKicked, member="cho"))
    await scene.done(changes(scene, title="Old"))
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    await scene.done(changes(scene, archived=False))
    for d in drafts[4:]:
        await scene.done(d)


async def an_archive_holds_at_its_place_in_a_batch(store: Store) -> None:
    """Within a batch, what is behind the change is refused, and what is behind its end is not; other rooms do not mind."""
    scene, other = await opened(store, "ben"), await opened(store, "ben")
    outcomes = await store.append(
        [
            scene.say("one", "ben"),
            changes(scene, archived=True),
            scene.say("two", "ben"),
            other.say("elsewhere", "ben"),
            changes(scene, archived=False),
            scene.say("three", "ben"),
        ]
    )
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, False, True, False, False, False]
    assert await scene.texts() == ["one", "three"]
    assert await other.texts() == ["elsewhere"]


async def rooms_are_archived_by_owners(store: Store) -> None:
    """Owners and server keys archive a room and unarchive it, moderators do not; nor are other fields changed with it then."""
    scene = await opened(store, "ben")
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    for more in ({}, {"title": "New"}):
        await scene.refused("forbidden", changes(scene, "ben", archived=True, **more))
    await scene.done(scene.draft(kinds.RoomChanged, "key", server=True, archived=True))
    await scene.refused("forbidden", changes(scene, "ben", archived=False))
    listed = await store.memberships(scene.id("ben"))
    assert [m.archived for m in listed] == [True]
    await scene.done(changes(scene, archived=False))
    await scene.done(changes(scene, "ben", title="New"))


async def moderators_give_the_roles_below_theirs(store: Store) -> None:
    """A moderator makes viewers of members and members of viewers; no moderator, no owner, and of those above nothing."""
    scene = await opened(store, "ben", "cho", "dan")
    for name in ("ben", "dan"):
        await scene.done(scene.draft(kinds.RoleGiven, member=name, role="moderator"))

    def gives(name: str, role: str, by: str = "ben") -> Draft:
        return scene.draft(kinds.RoleGiven, by, member=name, role=role)

    await scene.done(gives("cho", "viewer"))
    await scene.done(gives("cho", "member"))
    for name, role in (("cho", "moderator"), ("cho", "owner"), ("dan", "member"), ("ann", "viewer"), ("ben", "member")):
        await scene.refused("forbidden", gives(name, role))
    await scene.refused("forbidden", gives("cho", "viewer", by="cho"))


async def few_write_where_a_room_says_so(store: Store) -> None:
    """Where `write` is "moderators", members do not send, edit or react, in any batch; moderators, owners and server keys do."""
    scene = await opened(store, "ben", "cho")
    drafts = await written(scene, "ben")
    stored = await scene.done(scene.say("first", "ben", cid="c"))
    await scene.done(changes(scene, write="moderators"))
    for d in drafts:
        await scene.refused("forbidden", d)
    outcomes = await store.append([scene.say("one"), drafts[0], scene.say("two", "key", server=True)])
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, True, False]
    assert_repeat(await scene.outcome(scene.say("first", "ben", cid="c")), stored)
    await scene.done(scene.draft(kinds.MessageDeleted, "ben", target=stored.seq))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    for d in drafts:
        await scene.done(d)
    await scene.refused("forbidden", scene.say("hello", "cho"))
    outcomes = await store.append([changes(scene, "ben", write="everyone"), scene.say("hello", "cho")])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    await scene.done(scene.say("again", "cho"))
    await scene.done(changes(scene, "ben", write="moderators"))
    await scene.refused("forbidden", scene.say("and again", "cho"))


SETTING_RULES = [
    nobody_writes_in_an_archived_room,
    an_archive_holds_at_its_place_in_a_batch,
    rooms_are_archived_by_owners,
    few_write_where_a_room_says_so,
    moderators_give_the_roles_below_theirs,
]
