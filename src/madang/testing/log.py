"""`check_log`: the promises of `ports.log` about numbering, cids, reads and reopening. Effects are in `effects.py`."""

import asyncio

import msgspec

from madang.core import events as kinds
from madang.core.events import Appended, Draft, Event
from madang.errors import Limited
from madang.ports.log import READ_BYTES
from madang.testing.access import ACCESS_RULES, an_invite_admits_no_more_than_it_may_by_two_nodes
from madang.testing.audit import AUDIT_RULES
from madang.testing.bans import BAN_RULES, a_ban_and_a_join_by_two_nodes
from madang.testing.deletion import DELETION_RULES
from madang.testing.direct import DIRECT_RULES, two_sides_make_one_direct_room
from madang.testing.effects import EFFECT_RULES
from madang.testing.history import HISTORY_RULES
from madang.testing.messages import MESSAGE_RULES
from madang.testing.mutes import MUTE_RULES
from madang.testing.reports import REPORT_RULES
from madang.testing.rules import (
    Make,
    Scene,
    Store,
    assert_refused,
    assert_repeat,
    named,
    new,
    new_event,
    opened,
    run_together,
)
from madang.testing.settings import SETTING_RULES
from madang.testing.words import WORD_RULES


async def check_log(make: Make[Store], *, shared: bool = False) -> None:
    """Check that a log keeps its contract.

    Args:
        make: opens the log (with a source of ids in use) together with its directory; see `madang.testing`.
        shared: whether two may be open at a time, as by two nodes on one database.
    """
    users = [*ACCESS_RULES, *BAN_RULES, *MUTE_RULES, *AUDIT_RULES, *REPORT_RULES, *WORD_RULES]
    users += [*SETTING_RULES, *DIRECT_RULES, *HISTORY_RULES]
    await run_together(make, [*LOG_RULES, *MESSAGE_RULES, *EFFECT_RULES, *users, *DELETION_RULES])
    await named(what_was_acked_is_there_after_reopening, make)
    if shared:
        await named(two_nodes_number_one_room_without_gap_or_double, make)
        await named(racing_twins_on_two_nodes_are_stored_once, make)
        await named(two_nodes_create_a_room_once, make)
        async with make() as one, make() as two:
            await named(an_invite_admits_no_more_than_it_may_by_two_nodes, one, two)
            await named(a_ban_and_a_join_by_two_nodes, one, two)
            await named(two_sides_make_one_direct_room, one, two)


async def numbers_without_gap(store: Store) -> None:
    """Seq is 1, 2, 3 … per room, in the order of the drafts, over batches; ids grow; outcomes are what is stored."""
    a, b = await opened(store), await opened(store)
    told: dict[str, list[Event]] = {a.room: [], b.room: []}
    for size in (1, 2, 40, 1):
        drafts = [scene.say(f"{size}/{n}", cid=new("cid")) for n in range(size) for scene in (a, b, a)]
        for d, outcome in zip(drafts, await store.append(drafts), strict=True):
            event = new_event(outcome)
            assert (event.room, event.user, event.name, event.body) == (d.room, d.user, d.name, d.body)
            told[d.room].append(event)
    for scene in (a, b):
        assert (await scene.log())[1:] == told[scene.room]
        times = [event.at for event in told[scene.room]]
        assert times == sorted(times), "time falls within a room"


async def takes_a_full_batch(store: Store) -> None:
    """A batch of 1,000 drafts is one append."""
    scenes = [await opened(store) for _ in range(4)]
    drafts = [scenes[n % 4].say(f"text {n}", cid=f"c{n}") for n in range(1000)]
    for outcome in await store.append(drafts):
        new_event(outcome)
    assert await store.heads([s.room for s in scenes]) == {s.room: 251 for s in scenes}
    for outcome in await store.append(drafts):
        assert isinstance(outcome, Appended) and outcome.duplicate


async def repeats_are_stored_once(store: Store) -> None:
    """A repeat of (room, user, cid) returns the first event, in a later batch and within one."""
    scene = await opened(store, "ben")
    first = await scene.done(scene.say("hello", cid="c-1"))
    assert_repeat(await scene.outcome(scene.say("hello", cid="c-1")), first)
    twice = await store.append([scene.say("again", cid="c-2"), scene.say("between"), scene.say("again", cid="c-2")])
    assert_repeat(twice[2], new_event(twice[0]))
    for n in range(60):
        await scene.done(scene.say(f"later {n}", cid=f"later-{n}"))
    assert_repeat(await scene.outcome(scene.say("hello", cid="c-1")), first)
    repeated = await store.append([scene.say("new", cid="c-3"), scene.say("hello", cid="c-1")])
    new_event(repeated[0])
    assert_repeat(repeated[1], first)
    assert (await scene.texts()).count("hello") == 1


async def cids_are_per_room_and_user(store: Store) -> None:
    """The same cid of another user or in another room is another event; cids and users are compared exactly."""
    scene, other = await opened(store, "ben", "Ann", "ann ", "änn"), await opened(store)
    await scene.done(scene.say("one", cid="c"))
    for d in (scene.say("one", "ben", cid="c"), other.say("one", cid="c")):
        await scene.done(d)
    for cid in ("C", "c ", "ć", " c", "c\u0301", "ｃ"):
        await scene.done(scene.say("one", cid=cid))
    for name in ("Ann", "ann ", "änn"):
        await scene.done(scene.say("one", name, cid="c"))


async def drafts_without_cid_are_never_repeats(store: Store) -> None:
    """Two equal drafts without a cid are two events."""
    scene = await opened(store)
    for outcome in await store.append([scene.say("ha"), scene.say("ha")]):
        new_event(outcome)
    assert await scene.texts() == ["ha", "ha"]


async def a_cid_means_one_thing(store: Store) -> None:
    """A repeat whose type or body differs is refused (conflict), and the first remains."""
    scene = await opened(store, "ben")
    await scene.done(scene.say("hello", cid="c"))
    await scene.refused("conflict", scene.say("hello!", cid="c"))
    await scene.refused("conflict", scene.draft(kinds.RoomChanged, cid="c", title="hello"))
    within = await store.append([scene.say("one", cid="d"), scene.say("two", cid="d")])
    new_event(within[0])
    assert_refused(within[1], "conflict")
    assert await scene.texts() == ["hello", "one"]


async def a_repeat_after_a_change_gives_the_first(store: Store) -> None:
    """A repeat of message.sent returns its event, after an edit too, and what is left of it after a deletion."""
    scene = await opened(store)
    first = await scene.done(scene.say("hello", cid="c"))
    edit = scene.draft(kinds.MessageEdited, cid="e", target=first.seq, text="hallo")
    edited = await scene.done(edit)
    assert_repeat(await scene.outcome(scene.say("hello", cid="c")), first)
    assert_repeat(await scene.outcome(edit), edited)
    await scene.done(scene.draft(kinds.MessageDeleted, target=first.seq))
    log = await scene.log()
    assert_repeat(await scene.outcome(scene.say("hello", cid="c")), log[first.seq - 1])
    assert_repeat(await scene.outcome(edit), log[edited.seq - 1])


async def what_came_too_early_is_only_looked_up(store: Store) -> None:
    """A draft that is refused for its rate gets the first answer if it is in the log, and is never stored otherwise."""
    scene = await opened(store)

    def early(d: Draft) -> Draft:
        return msgspec.structs.replace(d, early=("rate_limited", 800))

    first = await scene.done(scene.say("hello", cid="c"))
    assert_repeat(await scene.outcome(early(scene.say("hello", cid="c"))), first)
    await scene.refused("conflict", early(scene.say("other", cid="c")))
    for _ in range(2):
        batch = [scene.say("between"), early(scene.say("new", cid="d")), scene.say("between"), early(scene.say("none"))]
        outcomes = await store.append(batch)
        for refused in outcomes[1::2]:
            assert isinstance(refused, Limited), refused
            assert (refused.code, refused.retry_ms) == ("rate_limited", 800)
        assert all(isinstance(stored, Appended) for stored in outcomes[::2])
    await scene.done(scene.say("new", cid="d"))


async def every_type_is_stored_once_per_cid(store: Store) -> None:
    """Deduplication comes before the effect: a repeat of what can be done only once is not refused."""
    scene = Scene(store)
    create = scene.draft(kinds.RoomCreated, cid="c", title="T")
    created = await scene.done(create)
    assert_repeat(await scene.outcome(create), created)
    await scene.done(scene.draft(kinds.MemberJoined, "ben", role="member"))
    leave = scene.draft(kinds.MemberLeft, "ben", cid="l")
    left = await scene.done(leave)
    assert_repeat(await scene.outcome(leave), left)


async def a_refusal_leaves_the_others(store: Store) -> None:
    """A draft that is refused or changes nothing leaves the others of the batch untouched and takes no seq."""
    scene, nowhere = await opened(store), Scene(store)
    outcomes = await store.append(
        [
            scene.say("one"),
            nowhere.say("lost"),
            scene.draft(kinds.MessageEdited, target=999, text="x"),
            scene.draft(kinds.MessageUnpinned, target=2),
            scene.say("two"),
        ]
    )
    assert_refused(outcomes[1], "not_found")
    assert_refused(outcomes[2], "not_found")
    assert outcomes[3] is None
    assert [new_event(outcomes[n]).seq for n in (0, 4)] == [2, 3]
    assert await scene.texts() == ["one", "two"]
    assert await store.tail(nowhere.room, 10) is None


async def effects_see_their_batch(store: Store) -> None:
    """A draft is judged by the state at its place in the batch."""
    scene = Scene(store)
    outcomes = await store.append(
        [
            scene.say("too early"),
            scene.draft(kinds.RoomCreated, title="T"),
            scene.draft(kinds.RoomCreated, title="U"),
            scene.draft(kinds.MemberJoined, "ben", role="member"),
            scene.draft(kinds.MemberJoined, "ben", role="member"),
            scene.say("hello", "ben"),
            scene.draft(kinds.ReactionAdded, "ben", target=3, emoji="👍"),
            scene.draft(kinds.MessageEdited, "ben", target=3, text="hallo"),
            scene.draft(kinds.MessageDeleted, "ben", target=3),
            scene.draft(kinds.MessagePinned, target=3),
            scene.draft(kinds.MemberLeft, "ben"),
            scene.draft(kinds.MemberLeft, "ben"),
        ]
    )
    codes = {n: getattr(outcome, "code", None) for n, outcome in enumerate(outcomes)}
    assert {n: code for n, code in codes.items() if code} == {
        0: "not_found",
        2: "room_exists",
        9: "gone",
        11: "not_member",
    }
    assert outcomes[4] is None
    assert [type(event.content()) for event in await scene.log()] == [
        kinds.RoomCreated,
        kinds.MemberJoined,
        kinds.MessageSent,
        kinds.ReactionAdded,
        kinds.MessageEdited,
        kinds.MessageDeleted,
        kinds.MemberLeft,
    ]


async def bodies_come_back_as_they_went(store: Store) -> None:
    """A body is read back as the same bytes: every plane of Unicode, escapes, 60 KB."""
    scene = await opened(store)
    texts = ["가나다 👩‍👩‍👧 𝔘 \u202e \u0000 \\ \" ' % %s ? $1 :x", "é" * 30_000, "", "\n\r\t"]
    sent = [await scene.done(scene.say(text, cid=new("cid"))) for text in texts]
    assert (await scene.log())[1:] == sent
    assert await scene.texts() == texts


async def large_events_are_read_to_the_last(store: Store) -> None:
    """A read or tail may end by its bytes, never with a hole; reading on from there brings the rest."""
    scene = await opened(store)
    await store.append([scene.say("x" * 4000, data=b'"' + b"y" * 16_000 + b'"') for _ in range(150)])
    found: list[Event] = []
    while more := await store.read(scene.room, len(found), 500):
        assert [event.seq for event in more] == list(range(len(found) + 1, len(found) + len(more) + 1))
        assert len(more) == 500 or len(found) + len(more) == 151 or sum(len(e.body) for e in more) > READ_BYTES
        found += more
    assert len(found) == 151
    tail = await store.tail(scene.room, 500)
    assert tail is not None
    assert tail.events == found[-len(tail.events) :]
    assert len(tail.events) == 151 or sum(len(event.body) for event in tail.events) > READ_BYTES


async def tail_gives_the_newest(store: Store) -> None:
    """The tail holds the newest events up to seq, ascending; with limit 0, only seq and epoch."""
    scene = await opened(store)
    await store.append([scene.say(f"{n}") for n in range(20)])
    log = await scene.log()
    epochs = set()
    for limit in (0, 1, 5, 21, 1000):
        tail = await store.tail(scene.room, limit)
        assert tail is not None
        assert tail.seq == 21
        assert tail.events == (log[-limit:] if limit else [])
        epochs.add(tail.epoch)
    assert len(epochs) == 1 and epochs != {""}, "the epoch must not change while the history does not"
    assert await store.tail(new("room"), 5) is None


async def read_goes_on_after_a_seq(store: Store) -> None:
    """`read` returns what follows `after`, at most `limit` events, and an empty list beyond the end."""
    scene = await opened(store)
    await store.append([scene.say(f"{n}") for n in range(9)])
    log = await scene.log()
    assert await store.read(scene.room, 0, 1000) == log
    assert await store.read(scene.room, 4, 3) == log[4:7]
    assert await store.read(scene.room, 9, 5) == log[9:]
    assert await store.read(scene.room, 10, 5) == []
    assert await store.read(scene.room, 10**12, 5) == []
    assert await store.read(new("room"), 0, 5) == []


async def heads_of_many_rooms(store: Store) -> None:
    """`heads` accepts any number of rooms and leaves out those that do not exist."""
    a, b = await opened(store), await opened(store, "ben")
    wanted = [a.room, *(new("room") for _ in range(2500)), b.room]
    assert await store.heads(wanted) == {a.room: 1, b.room: 2}
    assert await store.heads([]) == {}


async def appends_may_run_at_once(store: Store) -> None:
    """`lanes` appends may run at once, and every read after an ack sees its event."""
    assert store.lanes >= 1
    assert store.ack in ("stored", "replicated", "buffered")
    scenes = [await opened(store) for _ in range(store.lanes)]

    async def lane(scene: Scene) -> None:
        for n in range(25):
            event = await scene.done(scene.say(f"{n}", cid=f"{n}"))
            assert await store.read(scene.room, event.seq - 1, 5) == [event], "an acked append was not read"
            assert await store.heads([scene.room]) == {scene.room: event.seq}
            page = await store.messages(scene.room, scene.id("ann"), limit=1)
            assert [message.seq for message in page.messages] == [event.seq]

    await asyncio.gather(*map(lane, scenes))


async def a_cancelled_append_is_whole_or_not_there(store: Store) -> None:
    """Cancelling an append leaves its batch stored as a whole or not at all, and the log goes on."""
    scene = await opened(store)
    for n in range(20):
        drafts = [scene.say(f"{n}", cid=f"{n}-{m}") for m in range(5)]
        task = asyncio.ensure_future(store.append(drafts))
        for _ in range(n):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await store.append(drafts)
    assert await scene.texts() == [f"{n}" for n in range(20) for _ in range(5)]


LOG_RULES = [
    numbers_without_gap,
    takes_a_full_batch,
    repeats_are_stored_once,
    cids_are_per_room_and_user,
    drafts_without_cid_are_never_repeats,
    a_cid_means_one_thing,
    what_came_too_early_is_only_looked_up,
    a_repeat_after_a_change_gives_the_first,
    every_type_is_stored_once_per_cid,
    a_refusal_leaves_the_others,
    effects_see_their_batch,
    bodies_come_back_as_they_went,
    tail_gives_the_newest,
    large_events_are_read_to_the_last,
    read_goes_on_after_a_seq,
    heads_of_many_rooms,
    appends_may_run_at_once,
    a_cancelled_append_is_whole_or_not_there,
]


async def what_was_acked_is_there_after_reopening(make: Make[Store]) -> None:
    """After closing and reopening: the same log, epoch, members and cids, and the numbering goes on above."""
    async with make() as store:
        scene = await opened(store, "ben")
        for n in range(30):
            await scene.done(scene.say(f"{n}", cid=f"{n}"))
        await scene.done(scene.draft(kinds.MessagePinned, target=4))
        log, tail = await scene.log(), await store.tail(scene.room, 5)
    async with make() as store:
        scene.store = store
        assert await scene.log() == log
        assert await store.tail(scene.room, 5) == tail
        assert await store.heads([scene.room]) == {scene.room: 33}
        assert await store.member(scene.room, scene.id("ben")) is not None
        assert [message.seq for message in (await store.pins(scene.room, scene.id("ann"))).messages] == [4]
        assert_repeat(await scene.outcome(scene.say("7", cid="7")), log[9])
        event = await scene.done(scene.say("after", cid="after"))
        assert event.seq == 34 and event.id > log[-1].id


async def two_nodes_number_one_room_without_gap_or_double(make: Make[Store]) -> None:
    """Two nodes that append to the same rooms at once leave logs without a gap or a double."""
    async with make() as left, make() as right:
        scenes = [await opened(left) for _ in range(3)]

        async def node(store: Store, name: str) -> None:
            for n in range(25):
                drafts = [scene.say(f"{name} {n}", cid=f"{name}-{n}") for scene in scenes]
                for outcome in await store.append(drafts if n % 2 else drafts[::-1]):
                    new_event(outcome)

        await asyncio.gather(node(left, "left"), node(right, "right"))
        for scene in scenes:
            texts = await scene.texts()
            assert sorted(texts) == sorted(f"{name} {n}" for name in ("left", "right") for n in range(25))
            for name in ("left", "right"):
                own = [text for text in texts if text.startswith(name)]
                assert own == [f"{name} {n}" for n in range(25)], "a node's own order was lost"


async def racing_twins_on_two_nodes_are_stored_once(make: Make[Store]) -> None:
    """The same cid appended on two nodes at once is stored once; both get the same event."""
    async with make() as left, make() as right:
        scene = await opened(left)
        for n in range(20):
            twins = [store.append([scene.say(f"{n}", cid=f"{n}")]) for store in (left, right)]
            (a,), (b,) = await asyncio.gather(*twins)
            assert isinstance(a, Appended) and isinstance(b, Appended)
            assert a.event == b.event
            assert [a.duplicate, b.duplicate].count(True) == 1, "both were called new, or both duplicates"
        assert await scene.texts() == [f"{n}" for n in range(20)]


async def two_nodes_create_a_room_once(make: Make[Store]) -> None:
    """A room that two nodes create at once is created once; the other gets room_exists, or the event of the shared cid."""
    async with make() as left, make() as right:
        for n in range(10):
            a, b = Scene(left), Scene(right)
            b.room = a.room
            cid = "same" if n % 2 else None
            creations = a.draft(kinds.RoomCreated, cid=cid, title="T"), b.draft(kinds.RoomCreated, cid=cid, title="T")
            one, two = await asyncio.gather(a.outcome(creations[0]), b.outcome(creations[1]))
            if isinstance(one, Appended) and not one.duplicate:
                one, two = two, one
            event = new_event(two)
            if cid:
                assert_repeat(one, event)
            else:
                assert_refused(one, "room_exists")
            assert await a.log() == [event]
