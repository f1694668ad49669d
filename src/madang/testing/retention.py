"""Rules of `check_upkeep` about what a room no longer keeps: told by an event, then removed in pieces, oldest first."""

from typing import Protocol

from madang.core import events as kinds
from madang.core.events import Appended, Draft
from madang.core.ids import id_ms
from madang.ports.upkeep import Upkeep
from madang.testing.rules import Make, Scene, opened
from madang.testing.rules import Store as LogStore
from madang.testing.settings import changes


class Store(LogStore, Upkeep, Protocol):
    """A log with its directory and upkeep."""


def purges(scene: Scene, upto: int) -> Draft:
    """Return the draft by which the server tells that it keeps nothing up to a seq."""
    return scene.draft(kinds.RoomPurged, "server", server=True, upto=upto)


async def talk(store: Store, count: int = 8) -> tuple[Scene, list[int]]:
    """Return a room in which ann and ben have talked by turns, with the seqs of their messages; reactions, pins and mentions, too."""
    scene = await opened(store, "ben")
    seqs = []
    for n in range(count):
        name, other = ("ann", "ben") if n % 2 else ("ben", "ann")
        seqs.append((await scene.done(scene.say(f"{n}", name, cid=f"c{n}", mentions=[other]))).seq)
    for seq in (seqs[0], seqs[-1]):
        await scene.done(scene.draft(kinds.ReactionAdded, "ben", target=seq, emoji="+"))
        await scene.done(scene.draft(kinds.MessagePinned, target=seq))
    return scene, seqs


async def removed(store: Store, room: str, limit: int = 3) -> list[int]:
    """Remove what a room no longer keeps, and return how many events went each time."""
    counts = []
    while count := await store.erase(room, limit):
        counts.append(count)
    return counts


async def only_servers_purge(store: Store) -> None:
    """room.purged is a server's alone, names an event below it, and says more than the last one, or changes nothing."""
    scene, seqs = await talk(store)
    await scene.refused("forbidden", scene.draft(kinds.RoomPurged, upto=seqs[0]))
    head = (await store.heads([scene.room]))[scene.room]
    await scene.nothing(purges(scene, head + 1))
    await scene.done(purges(scene, seqs[3]))
    for upto in (seqs[3], seqs[0], 0):
        await scene.nothing(purges(scene, upto))
    room = await store.room(scene.room)
    assert room is not None and room.purged_seq == seqs[3]
    await scene.done(purges(scene, seqs[4]))


async def what_is_not_kept_is_not_there(store: Store) -> None:
    """From the event on, a message up to there is as if there were none, for servers, too, and members are told what is hidden."""
    scene, seqs = await talk(store)
    await scene.done(purges(scene, seqs[3]))
    for d in (
        scene.draft(kinds.MessageEdited, "ben", target=seqs[0], text="x"),
        scene.draft(kinds.ReactionAdded, target=seqs[0], emoji="x"),
        scene.draft(kinds.MessageDeleted, "server", server=True, target=seqs[0]),
        scene.say("reply", reply_to=seqs[3]),
    ):
        await scene.refused("not_found", d)
    await scene.done(scene.say("reply", reply_to=seqs[4]))
    member = await store.member(scene.room, scene.id("ben"))
    assert member is not None and member.hidden == seqs[3]


async def it_is_removed_in_pieces_and_the_numbering_goes_on(store: Store) -> None:
    """`erase` removes events up to there and what is about them, no more; seqs and counts go on, and cids may be used again."""
    scene, seqs = await talk(store)
    ben = scene.id("ben")
    head = (await scene.done(purges(scene, seqs[3]))).seq
    assert [room.left for room in await store.rooms_after(scene.room[:-1], 50) if room.id == scene.room] == [True]
    counts = await removed(store, scene.room)
    assert sum(counts) == seqs[3] and max(counts) == 3
    assert [room.left for room in await store.rooms_after(scene.room[:-1], 50) if room.id == scene.room] == [False]
    assert [event.seq for event in await store.read(scene.room, 0, 100)] == list(range(seqs[3] + 1, head + 1))
    page = await store.messages(scene.room, "")
    assert ([m.seq for m in page.messages], page.more) == (seqs[4:], False)
    assert [m.seq for m in (await store.pins(scene.room, "")).messages] == seqs[-1:]
    (mine,) = [m for m in await store.memberships(ben) if m.room == scene.room]
    assert (mine.unread, mine.mentions, mine.seq) == (2, 2, head), "of ann's four messages two are there"
    again = await scene.done(scene.say("again", "ben", cid="c0"))
    assert again.seq == head + 1
    await scene.done(scene.say("more"))
    (mine,) = [m for m in await store.memberships(ben) if m.room == scene.room]
    assert mine.unread == 3
    await store.set_read([(scene.room, ben, seqs[5])])
    (mine,) = [m for m in await store.memberships(ben) if m.room == scene.room]
    assert (mine.unread, mine.read_seq) == (2, seqs[5])


async def all_messages_may_go(store: Store) -> None:
    """Where no message is kept, those that follow are counted alone."""
    scene, _ = await talk(store)
    last = (await scene.done(scene.draft(kinds.RoomChanged, title="New"))).seq
    await scene.done(purges(scene, last))
    await removed(store, scene.room, 100)
    assert (await store.messages(scene.room, "")).messages == []
    for n in range(2):
        (ben,) = [m for m in await store.memberships(scene.id("ben")) if m.room == scene.room]
        assert ben.unread == n
        outcomes = await store.append([scene.say("ann's"), scene.say("ben's", "ben")])
        assert all(isinstance(outcome, Appended) for outcome in outcomes)


async def what_is_due_goes_by_number_and_by_age(store: Store) -> None:
    """`due` is the seq before the oldest message that is kept, or that of the last event that is too old; of no message, the last one."""
    scene, seqs = await talk(store, 15)
    assert await store.due(scene.room, 0) == 0
    await scene.done(changes(scene, keep_messages=10))
    assert await store.due(scene.room, 0) == seqs[5] - 1
    await scene.done(purges(scene, seqs[5] - 1))
    assert await store.due(scene.room, 0) == seqs[5] - 1
    await scene.done(changes(scene, keep_messages=0, keep_ms=60_000))
    events = {event.seq: event for event in await store.read(scene.room, 0, 100)}
    at = id_ms(events[seqs[7]].id)
    last = max([seq for seq, event in events.items() if event.at < at], default=0)
    assert await store.due(scene.room, at) == max(last, seqs[5] - 1)
    newest = max(events)
    assert seqs[-1] <= await store.due(scene.room, events[newest].at + 1) <= newest


async def what_was_removed_stays_removed(make: Make[Store]) -> None:
    """What a room no longer keeps, and was removed, is not there again after the store was opened again; the numbering goes on."""
    async with make() as store:
        scene, seqs = await talk(store)
        head = (await scene.done(purges(scene, seqs[5]))).seq
        await removed(store, scene.room)
        await scene.done(scene.say("new"))
    async with make() as store:
        scene.store = store
        assert [event.seq for event in await store.read(scene.room, 0, 100)] == list(range(seqs[5] + 1, head + 2))
        assert (await scene.done(scene.say("newer"))).seq == head + 2
        (ben,) = [m for m in await store.memberships(scene.id("ben")) if m.room == scene.room]
        assert ben.unread == 3, "of ann's messages one is left, and two are new"


RETENTION_RULES = [
    only_servers_purge,
    what_is_not_kept_is_not_there,
    it_is_removed_in_pieces_and_the_numbering_goes_on,
    all_messages_may_go,
    what_is_due_goes_by_number_and_by_age,
]
