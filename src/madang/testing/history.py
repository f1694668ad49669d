"""Rules of `check_log` about rooms that show their history since one joined."""

import msgspec

from madang.core import events as kinds
from madang.core.events import Appended, Draft, Event
from madang.errors import Refused
from madang.testing.rules import Scene, Store, opened
from madang.testing.settings import changes


async def since_joined(store: Store, *joined: str) -> tuple[Scene, Event]:
    """Return a scene that shows its history since one joined; with the last message of before the others did."""
    scene = await opened(store, "ben")
    await scene.done(scene.say("older", "ben"))
    old = await scene.done(scene.say("old", "ben"))
    await scene.done(scene.draft(kinds.MessagePinned, target=old.seq))
    await scene.done(changes(scene, history="joined"))
    for name in joined:
        await scene.done(scene.draft(kinds.MemberJoined, name, role="moderator"))
    return scene, old


def about(scene: Scene, name: str, seq: int) -> list[Draft]:
    """Return a draft of each kind that is about a message of another."""
    return [
        scene.say("reply", name, reply_to=seq),
        scene.draft(kinds.ReactionAdded, name, target=seq, emoji="+"),
        scene.draft(kinds.ReactionRemoved, name, target=seq, emoji="+"),
        scene.draft(kinds.MessagePinned, name, target=seq),
        scene.draft(kinds.MessageUnpinned, name, target=seq),
        scene.draft(kinds.MessageDeleted, name, target=seq),
    ]


async def a_membership_says_since_when_it_is(store: Store) -> None:
    """`member` has the seq of the joining, a later one after leaving, and what is hidden by the room's setting as it is."""
    scene, _ = await since_joined(store, "cho")
    cho = await store.member(scene.room, scene.id("cho"))
    assert cho is not None and cho.joined_seq == cho.read_seq and cho.hidden == cho.joined_seq - 1
    ann = await store.member(scene.room, scene.id("ann"))
    assert ann is not None and (ann.joined_seq, ann.hidden) == (1, 0)
    await scene.done(changes(scene, history="all"))
    cho_now = await store.member(scene.room, scene.id("cho"))
    assert cho_now is not None and (cho_now.joined_seq, cho_now.hidden) == (cho.joined_seq, 0)
    await scene.done(scene.draft(kinds.MemberLeft, "cho"))
    again = await scene.done(scene.draft(kinds.MemberJoined, "cho", role="member"))
    cho = await store.member(scene.room, scene.id("cho"))
    assert cho is not None and cho.joined_seq == again.seq


async def what_may_be_read_is_told(store: Store) -> None:
    """`readable` has the rooms of a user, each with what is hidden from them there, until they leave or it is deleted."""
    scene, _ = await since_joined(store, "cho")
    other = await opened(store)
    await other.done(other.draft(kinds.RoomChanged, title="Other"))
    cho = await store.member(scene.room, scene.id("cho"))
    assert cho is not None
    assert await store.readable(scene.id("cho"), 10) == {scene.room: cho.hidden}
    assert await store.readable(scene.id("ann"), 10) == {scene.room: 0}
    assert await store.readable(scene.id("ann"), 0) == {}
    assert await store.readable(other.id("cho"), 10) == {}
    await scene.done(scene.draft(kinds.MemberLeft, "cho"))
    assert await store.readable(scene.id("cho"), 10) == {}
    await scene.done(scene.draft(kinds.RoomDeleted))
    assert await store.readable(scene.id("ann"), 10) == {}


async def what_was_before_one_joined_is_not_there(store: Store) -> None:
    """Who joined later does nothing with an earlier message (not_found), their own of before neither; others and servers do."""
    scene, old = await since_joined(store, "cho")
    for d in about(scene, "cho", old.seq):
        await scene.refused("not_found", d)
    new = await scene.done(scene.say("new"))
    outcomes = await store.append([scene.say("a", "cho", reply_to=new.seq), scene.say("b", "cho", reply_to=old.seq)])
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, True]
    outcomes = await store.append(
        [scene.say("c", "ben", reply_to=old.seq), scene.say("d", "key", server=True, reply_to=old.seq)]
    )
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    await scene.done(scene.draft(kinds.MemberJoined, "ben", role="member"))
    await scene.refused("not_found", scene.draft(kinds.MessageEdited, "ben", target=old.seq, text="x"))
    await scene.done(scene.draft(kinds.ReactionAdded, target=old.seq, emoji="+"))
    await scene.done(changes(scene, history="all"))
    for d in about(scene, "cho", old.seq)[:-1]:
        await scene.outcome(d)
    await scene.done(about(scene, "cho", old.seq)[-1])


async def pages_end_where_they_are_told(store: Store) -> None:
    """`messages` above a seq are as if there were none below, in every direction; `more`, too."""
    scene, _ = await since_joined(store)
    for n in range(5):
        await scene.done(scene.say(f"{n}"))
    every = (await store.messages(scene.room, "")).messages
    above = every[3].seq
    wanted = [m.seq for m in every if m.seq > above]
    for where in ({}, {"before": every[-1].seq + 1}, {"after": 0}, {"after": above}):
        page = await store.messages(scene.room, "", above=above, **where)
        assert ([m.seq for m in page.messages], page.more) == (wanted, False)
    page = await store.messages(scene.room, "", above=above, limit=2)
    assert ([m.seq for m in page.messages], page.more) == (wanted[-2:], True)
    page = await store.messages(scene.room, "", above=above, before=wanted[0])
    assert (page.messages, page.more) == ([], False)


async def history_is_the_owners_to_show(store: Store) -> None:
    """Moderators do not change which history is shown."""
    scene, _ = await since_joined(store, "cho")
    await scene.refused("forbidden", changes(scene, "cho", history="all"))
    await scene.done(changes(scene, "cho", title="New"))
    room = await store.room(scene.room)
    assert room is not None and room == msgspec.structs.replace(room, title="New", history="joined")


HISTORY_RULES = [
    a_membership_says_since_when_it_is,
    what_may_be_read_is_told,
    what_was_before_one_joined_is_not_there,
    pages_end_where_they_are_told,
    history_is_the_owners_to_show,
]
