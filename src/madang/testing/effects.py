"""Rules of `check_log` about the table of effects in `ports.log`, one per group of rows."""

import msgspec

from madang.core import events as kinds
from madang.core.rooms import Room
from madang.errors import Refused
from madang.testing.rules import Scene, Store, assert_repeat, opened


class Sung(kinds.Body, frozen=True, kw_only=True, gc=False):
    """A type of event that no store has an effect for."""

    type = "message.sung"
    melody: str


async def role_of(scene: Scene, name: str) -> str | None:
    """Return the role of a user of the scene in its room, None for a non-member."""
    member = await scene.store.member(scene.room, scene.id(name))
    return member.role if member else None


async def nothing_happens_in_no_room(store: Store) -> None:
    """In a room that does not exist, everything but its creation is refused (not_found)."""
    scene = Scene(store)
    for kind in kinds.TYPES.values():
        if kind is not kinds.RoomCreated:
            await scene.refused("not_found", scene.any_draft(kind, "ann", 1))


async def a_room_is_created_once(store: Store) -> None:
    """room.created creates the room and its owner, who has read seq 1; a second one is refused (room_exists)."""
    scene = Scene(store)
    assert await store.room(scene.room) is None
    event = await scene.done(scene.draft(kinds.RoomCreated, title="방", access="invite", slow_ms=500))
    assert event.seq == 1
    assert await store.room(scene.room) == Room(id=scene.room, title="방", access="invite", slow_ms=500)
    owner = await store.member(scene.room, scene.id("ann"))
    assert owner is not None and (owner.name, owner.role, owner.read_seq) == ("ann", "owner", 1)
    await scene.refused("room_exists", scene.draft(kinds.RoomCreated, "ben", title="Mine"))
    assert await store.member(scene.room, scene.id("ben")) is None


async def a_room_is_changed_field_by_field(store: Store) -> None:
    """room.changed sets the fields given and leaves the others; what is so already changes nothing."""
    scene = await opened(store)
    room = await store.room(scene.room)
    assert room is not None
    for change in (
        {"title": "New"}, {"access": "invite"}, {"slow_ms": 2000}, {"title": "T", "slow_ms": 0}, {"archived": True},
        {"write": "moderators"},
        {"history": "joined"},
    ):  # fmt: skip
        await scene.done(scene.draft(kinds.RoomChanged, **change))
        await scene.nothing(scene.draft(kinds.RoomChanged, **change))
        room = msgspec.structs.replace(room, **change)
        assert await store.room(scene.room) == room


async def members_join_once(store: Store) -> None:
    """member.joined creates the membership, read up to that event; for a member it changes nothing."""
    scene = await opened(store)
    await scene.done(scene.say("before"))
    event = await scene.done(scene.draft(kinds.MemberJoined, "ben", role="moderator"))
    member = await store.member(scene.room, scene.id("ben"))
    assert member is not None and (member.name, member.role, member.read_seq) == ("ben", "moderator", event.seq)
    await scene.nothing(scene.draft(kinds.MemberJoined, "ben", role="member"))
    assert await role_of(scene, "ben") == "moderator"


async def members_leave(store: Store) -> None:
    """member.left ends the membership; not_member for others, last_owner for the last owner while others remain."""
    scene = await opened(store, "ben")
    await scene.refused("not_member", scene.draft(kinds.MemberLeft, "cho"))
    await scene.refused("last_owner", scene.draft(kinds.MemberLeft))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="owner"))
    await scene.done(scene.draft(kinds.MemberLeft))
    assert await role_of(scene, "ann") is None
    await scene.refused("not_member", scene.draft(kinds.MemberLeft))
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    assert await store.members(scene.room) == []
    event = await scene.done(scene.draft(kinds.MemberJoined, "ben", role="member"))
    back = await store.member(scene.room, scene.id("ben"))
    assert back is not None and (back.role, back.read_seq) == ("member", event.seq)


async def members_are_kicked(store: Store) -> None:
    """member.kicked ends the subject's membership; not_found for a non-member."""
    scene = await opened(store, "ben")
    await scene.refused("not_found", scene.draft(kinds.MemberKicked, member="cho"))
    await scene.done(scene.draft(kinds.MemberKicked, member="ben"))
    assert await role_of(scene, "ben") is None
    await scene.refused("not_found", scene.draft(kinds.MemberKicked, member="ben"))


async def roles_are_given(store: Store) -> None:
    """member.role sets the role; not_found for a non-member, last_owner if no owner would remain."""
    scene = await opened(store, "ben")
    await scene.refused("not_found", scene.draft(kinds.RoleGiven, member="cho", role="owner"))
    await scene.refused("last_owner", scene.draft(kinds.RoleGiven, member="ann", role="member"))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="owner"))
    await scene.done(scene.draft(kinds.RoleGiven, member="ann", role="member"))
    assert (await role_of(scene, "ann"), await role_of(scene, "ben")) == ("member", "owner")


async def non_members_do_nothing(store: Store) -> None:
    """Non-members are refused everything but creating, joining and leaving (not_member), before anything else is checked."""
    scene = await opened(store, "ben")
    sent = await scene.done(scene.say("hello", "ben", cid="c"))
    await scene.done(scene.draft(kinds.MemberKicked, member="ben"))
    for name in ("ben", "cho"):
        for kind in kinds.TYPES.values():
            if kind.needs_member:
                await scene.refused("not_member", scene.any_draft(kind, name, sent.seq))
    assert_repeat(await scene.outcome(scene.say("hello", "ben", cid="c")), sent)
    await scene.done(scene.draft(kinds.MemberJoined, "ben", role="member"))
    await scene.done(scene.say("back", "ben"))


async def membership_is_judged_at_the_drafts_place(store: Store) -> None:
    """Within a batch: a user's drafts count after joining, and not after leaving, being kicked or losing the role."""
    scene = await opened(store)
    outcomes = await store.append(
        [
            scene.say("early", "ben", cid="1"),
            scene.draft(kinds.MemberJoined, "ben", role="member"),
            scene.say("in", "ben", cid="2"),
            scene.draft(kinds.RoleGiven, member="ben", role="moderator"),
            scene.draft(kinds.RoomChanged, "ben", title="Ben's"),
            scene.draft(kinds.RoleGiven, member="ben", role="member"),
            scene.draft(kinds.RoomChanged, "ben", title="Ben's again"),
            scene.draft(kinds.MemberKicked, member="ben"),
            scene.say("late", "ben", cid="3"),
            scene.draft(kinds.MemberJoined, "ben", role="member"),
            scene.draft(kinds.MemberLeft, "ben"),
            scene.say("later", "ben"),
        ]
    )
    told = [o.code if isinstance(o, Refused) else "" for o in outcomes]
    no, may_not = "not_member", "forbidden"
    assert told == [no, "", "", "", "", "", may_not, "", no, "", "", no]
    assert await scene.texts() == ["in"]
    await scene.refused("not_member", scene.say("much later", "ben"))
    await scene.done(scene.say("ann's"))


async def the_server_ends_any_membership(store: Store) -> None:
    """A server's draft of member.left ends the membership of a last owner, too."""
    scene = await opened(store, "ben")
    await scene.refused("last_owner", scene.draft(kinds.MemberLeft))
    await scene.done(scene.draft(kinds.MemberLeft, server=True))
    assert await role_of(scene, "ann") is None
    assert await role_of(scene, "ben") == "member"


async def roles_are_judged(store: Store) -> None:
    """Changing, pinning and kicking need a moderator, kicking a higher role than the subject's, and granting an owner."""
    scene = await opened(store, "ben", "cho")
    sent = await scene.done(scene.say("hello"))
    drafts = [
        scene.draft(kinds.RoomChanged, "ben", title="Ben's"),
        scene.draft(kinds.MessagePinned, "ben", target=sent.seq),
        scene.draft(kinds.MessageUnpinned, "ben", target=sent.seq),
        scene.draft(kinds.MemberKicked, "ben", member="cho"),
    ]
    for d in drafts:
        await scene.refused("forbidden", d)
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    await scene.refused("forbidden", scene.draft(kinds.MemberKicked, "ben", member="ann"))
    await scene.refused("forbidden", scene.draft(kinds.RoleGiven, "ben", member="cho", role="moderator"))
    for d in drafts:
        await scene.done(d)


async def a_server_key_acts_above_owners(store: Store) -> None:
    """A draft of a server key needs no membership, and creates none."""
    scene = await opened(store, "ben")
    sent = await scene.done(scene.say("hello", "shop", server=True))
    await scene.done(scene.draft(kinds.MessagePinned, "shop", target=sent.seq, server=True))
    await scene.done(scene.draft(kinds.RoleGiven, "shop", member="ben", role="moderator", server=True))
    await scene.done(scene.draft(kinds.RoleGiven, "shop", member="ben", role="owner", server=True))
    await scene.done(scene.draft(kinds.MemberKicked, "shop", member="ann", server=True))
    await scene.done(
        scene.draft(kinds.RoleGiven, "shop", member="ben", role="member", server=True)
    )  # and no owner is left
    await scene.done(scene.draft(kinds.MemberKicked, "shop", member="ben", server=True))
    assert await role_of(scene, "shop") is None
    await scene.refused("not_member", scene.say("hello", "shop"))


async def a_type_without_effect_is_stored(store: Store) -> None:
    """A type without an effect is appended as it was drafted, for members alone; nothing else changes."""
    scene = await opened(store, "ben")
    members = await store.members(scene.room)
    event = await scene.done(scene.draft(Sung, "ben", cid="c", melody="la"))
    assert (event.seq, event.type, event.body) == (3, "message.sung", b'{"melody":"la"}')
    assert (await scene.log())[-1] == event
    assert_repeat(await scene.outcome(scene.draft(Sung, "ben", cid="c", melody="la")), event)
    await scene.refused("conflict", scene.draft(Sung, "ben", cid="c", melody="do"))
    await scene.refused("not_member", scene.draft(Sung, "cho", melody="la"))
    assert await store.members(scene.room) == members
    assert (await store.messages(scene.room, scene.id("ben"))).messages == []


async def only_messages_are_targets(store: Store) -> None:
    """A target, or what is replied to, that is not a message of the room is refused (not_found); a deleted one is one."""
    scene, other = await opened(store, "ben"), await opened(store)
    joined, elsewhere = 2, 3
    for _ in range(elsewhere):
        await other.done(other.say("elsewhere"))
    about = [kind for kind in kinds.TYPES.values() if "target" in kind.__struct_fields__]
    assert len(about) == 6
    for target in (joined, elsewhere, 0, 10**12):
        for kind in about:
            await scene.refused("not_found", scene.any_draft(kind, "ann", target))
        await scene.refused("not_found", scene.say("reply", reply_to=target))
    sent = await scene.done(scene.say("hello"))
    for _ in ("waiting", "in the table"):
        await scene.done(scene.say("reply", reply_to=sent.seq))
        await scene.done(scene.draft(kinds.ReactionAdded, target=sent.seq, emoji="+"))
        await scene.done(scene.draft(kinds.ReactionRemoved, target=sent.seq, emoji="+"))
    first, second = await store.append([scene.say("here"), scene.say("reply", reply_to=joined)])
    assert isinstance(second, Refused)
    assert second.code == "not_found"
    assert isinstance(first, kinds.Appended)
    both = await store.append([scene.say("there"), scene.say("reply", reply_to=first.event.seq + 1)])
    assert not any(isinstance(outcome, Refused) for outcome in both)
    await scene.done(scene.draft(kinds.MessageDeleted, target=sent.seq))
    await scene.done(scene.say("reply", reply_to=sent.seq))


async def edits_are_the_senders(store: Store) -> None:
    """Editing another user's message is refused (forbidden), to moderators too; editing a deleted one, too (gone)."""
    scene = await opened(store, "ben")
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    sent = await scene.done(scene.say("hello"))
    await scene.refused("forbidden", scene.draft(kinds.MessageEdited, "ben", target=sent.seq, text="x"))
    await scene.done(scene.draft(kinds.MessageEdited, target=sent.seq, text="x"))
    await scene.done(scene.draft(kinds.MessageDeleted, target=sent.seq))
    await scene.refused("gone", scene.draft(kinds.MessageEdited, target=sent.seq, text="y"))


async def deletions_are_the_senders_or_moderators(store: Store) -> None:
    """A deletion of another user's message needs a moderator (forbidden); a second one is refused (gone)."""
    scene = await opened(store, "ben")
    one, two = [await scene.done(scene.say(text)) for text in ("one", "two")]
    await scene.refused("forbidden", scene.draft(kinds.MessageDeleted, "ben", target=one.seq))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    await scene.done(scene.draft(kinds.MessageDeleted, "ben", target=one.seq))
    await scene.done(scene.draft(kinds.MessageDeleted, target=two.seq))
    for event in (one, two):
        await scene.refused("gone", scene.draft(kinds.MessageDeleted, target=event.seq))


async def reactions_stand_once(store: Store) -> None:
    """A reaction is kept once per user and emoji, with at most 20 emojis per message; never on a deleted message."""
    scene = await opened(store, "ben")
    sent = await scene.done(scene.say("hello"))
    for n in range(20):
        await scene.done(scene.draft(kinds.ReactionAdded, target=sent.seq, emoji=f"e{n}"))
    await scene.refused("too_many", scene.draft(kinds.ReactionAdded, target=sent.seq, emoji="e20"))
    await scene.nothing(scene.draft(kinds.ReactionAdded, target=sent.seq, emoji="e3"))
    await scene.done(scene.draft(kinds.ReactionAdded, "ben", target=sent.seq, emoji="e3"))
    await scene.nothing(scene.draft(kinds.ReactionRemoved, "ben", target=sent.seq, emoji="e4"))
    await scene.done(scene.draft(kinds.ReactionRemoved, target=sent.seq, emoji="e4"))
    await scene.done(scene.draft(kinds.ReactionAdded, "ben", target=sent.seq, emoji="e20"))
    await scene.done(scene.draft(kinds.MessageDeleted, target=sent.seq))
    await scene.refused("gone", scene.draft(kinds.ReactionAdded, target=sent.seq, emoji="e5"))
    await scene.nothing(scene.draft(kinds.ReactionRemoved, target=sent.seq, emoji="e5"))


async def pins_stand_once(store: Store) -> None:
    """A pin is kept once, with at most 50 per room; never on a deleted message."""
    scene = await opened(store)
    for outcome in await store.append([scene.say(f"{n}") for n in range(51)]):
        assert outcome is not None
    await store.append([scene.draft(kinds.MessagePinned, target=seq) for seq in range(2, 52)])
    assert len((await store.pins(scene.room, scene.id("ann"))).messages) == 50
    await scene.refused("too_many", scene.draft(kinds.MessagePinned, target=52))
    await scene.nothing(scene.draft(kinds.MessagePinned, target=7))
    await scene.done(scene.draft(kinds.MessageUnpinned, target=7))
    await scene.nothing(scene.draft(kinds.MessageUnpinned, target=7))
    await scene.done(scene.draft(kinds.MessageDeleted, target=8))
    await scene.nothing(scene.draft(kinds.MessageUnpinned, target=8))
    await scene.refused("gone", scene.draft(kinds.MessagePinned, target=8))
    for seq in (7, 52):
        await scene.done(scene.draft(kinds.MessagePinned, target=seq))


async def mentions_count_for_members(store: Store) -> None:
    """A mention counts for those who are members when it is sent."""
    scene = await opened(store, "ben")
    await scene.done(scene.say("hi", mentions=("ben", "cho", "ben")))
    await scene.done(scene.draft(kinds.MemberJoined, "cho", role="member"))
    await scene.done(scene.say("hi", mentions=("cho", "ben")))
    assert [m.mentions for m in await store.memberships(scene.id("ben"))] == [2]
    assert [m.mentions for m in await store.memberships(scene.id("cho"))] == [1]


async def mentions_are_of_those_whom_messages_mention_now(store: Store) -> None:
    """A message counts as a mention of those whom it mentions now: edits and deletions count, the author is not counted."""
    scene = await opened(store, "ben", "cho")

    async def counts() -> list[int]:
        return [(await store.memberships(scene.id(name)))[0].mentions for name in ("ann", "ben", "cho")]

    sent = await scene.done(scene.say("hi", mentions=("ann", "ben")))
    assert await counts() == [0, 1, 0]
    for mentioned, expected in [
        (("cho",), [0, 0, 1]),
        (("ann", "cho", "ben"), [0, 1, 1]),
        (("ben", "cho"), [0, 1, 1]),
        ((), [0, 0, 0]),
        (("ben", "nobody"), [0, 1, 0]),
    ]:
        await scene.done(scene.draft(kinds.MessageEdited, target=sent.seq, text="hi", mentions=mentioned))
        assert await counts() == expected, mentioned
    await scene.done(scene.draft(kinds.MessageDeleted, target=sent.seq))
    assert await counts() == [0, 0, 0]


EFFECT_RULES = [
    nothing_happens_in_no_room,
    a_room_is_created_once,
    a_room_is_changed_field_by_field,
    members_join_once,
    members_leave,
    members_are_kicked,
    roles_are_given,
    non_members_do_nothing,
    membership_is_judged_at_the_drafts_place,
    roles_are_judged,
    the_server_ends_any_membership,
    a_server_key_acts_above_owners,
    a_type_without_effect_is_stored,
    only_messages_are_targets,
    edits_are_the_senders,
    deletions_are_the_senders_or_moderators,
    reactions_stand_once,
    pins_stand_once,
    mentions_count_for_members,
    mentions_are_of_those_whom_messages_mention_now,
]
