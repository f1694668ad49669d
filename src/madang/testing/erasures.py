"""The contract suite of `ports.erasures`, over a store that also keeps a log, a directory and upkeep."""

from typing import Protocol

from madang.core import events as kinds
from madang.core.audit import SERVERS, deleted
from madang.core.erasure import Said
from madang.core.events import ERASED
from madang.core.reports import Report
from madang.ports.erasures import Erasures
from madang.ports.upkeep import Upkeep
from madang.testing.rules import Make, Scene, named, new, opened, run_rules
from madang.testing.rules import Store as LogStore

NOW = 1_800_000_000_000
PICTURE = "https://a.example/ben"


class Store(LogStore, Upkeep, Erasures, Protocol):
    """A log with its directory, upkeep and erasures."""


async def check_erasures(make: Make[Store]) -> None:
    """Check that a store keeps the contract of erasures (see `madang.testing`)."""
    await run_rules(make, ERASURE_RULES)
    await named(it_goes_on_after_the_store_was_opened_again, make)


async def talk(store: Store, count: int = 3) -> tuple[Scene, list[int]]:
    """Return a room in which ann and ben have talked by turns, and ben has done whatever leaves a name; with the seqs of what ben said."""
    scene = await opened(store)
    await store.note_seen([scene.id("ben")], NOW)
    await scene.done(scene.draft(kinds.MemberJoined, "ben", role="moderator", picture=PICTURE))
    seqs = []
    for n in range(count):
        seqs.append((await scene.done(scene.say(f"ben {n}", "ben", cid=f"c{n}", mentions=["ann"]))).seq)
        await scene.done(scene.say(f"ann {n}", mentions=["ben"]))
    await scene.done(scene.draft(kinds.MessageEdited, "ben", target=seqs[0], text="ben again", mentions=["ann"]))
    await scene.done(scene.draft(kinds.ReactionAdded, target=seqs[0], emoji="+"))
    await scene.done(scene.draft(kinds.ReactionAdded, "ben", target=seqs[0] + 1, emoji="+"))
    await scene.done(scene.draft(kinds.MessagePinned, target=seqs[1]))
    await scene.done(scene.draft(kinds.MemberMuted, "ben", member="cho"))
    await scene.done(scene.draft(kinds.MemberChanged, "ben", picture=f"{PICTURE}/2"))
    told = Report(user=scene.id("ben"), name="Ben", reason="rude, says Ben", at_ms=NOW)
    assert await store.add_report(scene.room, seqs[0] + 1, told) is not None
    by_ann = Report(user=scene.id("ann"), name="Ann", reason="spam", at_ms=NOW)
    assert await store.add_report(scene.room, seqs[0], by_ann) is not None
    return scene, seqs


async def gone(scene: Scene, store: Store, said: Said) -> str:
    """End ben's membership and delete ben; return the id."""
    ben = scene.id("ben")
    await scene.done(scene.draft(kinds.MemberLeft, "ben", server=True))
    assert await store.delete_user(ben, NOW, said, deleted(ben, said, by="madang", by_name="Madang"))
    return ben


async def erase(store: Store, user: str, limit: int = 2) -> list[int]:
    """Do all pieces of an erasure; return how many events went in each, and check that none was larger."""
    while await store.erase_names(user, limit):
        pass
    pieces, after = [], ""
    while True:
        rooms, after = await store.rooms_with(user, after)
        for room in rooms:
            while count := await store.erase_events(user, room, limit):
                pieces.append(count)
            await store.room_erased(user, room)
        if not after:
            break
    assert max(pieces, default=0) <= limit
    standing = await store.erasure(user)
    assert standing is not None
    await store.erased(user, standing.asked_ms, NOW + 9)
    return pieces


async def what_was_said_is_erased(store: Store) -> None:
    """With "erase" the user's messages and edits are as deleted ones, with what was about them; others' messages stay."""
    scene, seqs = await talk(store)
    before = await store.read(scene.room, 0, 100)
    ben = await gone(scene, store, "erase")
    pieces = await erase(store, ben)
    events = await store.read(scene.room, 0, 100)
    assert [event.seq for event in events] == [*(event.seq for event in before), len(before) + 1]
    for event in events:
        if event.user == ben:
            assert b"ben" not in event.body.replace(ben.encode(), b"") and event.name == ""
        else:
            assert event == before[event.seq - 1]
    assert all(event.body == ERASED for event in events if event.seq in seqs)
    assert sum(pieces) == sum(event.user == ben for event in events)
    page = await store.messages(scene.room, scene.id("ann"), limit=50)
    assert [(m.text, m.name) for m in page.messages if m.seq in seqs] == [("", "")] * len(seqs)
    assert [m.text for m in page.messages if m.user == scene.id("ann")] == ["ann 0", "ann 1", "ann 2"]
    assert page.messages[0].reactions == {} and page.messages[1].reactions == {"+": 1}
    assert (await store.pins(scene.room, "")).messages == []
    (mine,) = [m for m in await store.memberships(scene.id("ann")) if m.room == scene.room]
    assert mine.mentions == 0
    (queued, *_) = await store.reports(scene.room)
    assert queued.deleted and queued.name == ""


async def without_their_name_it_stays(store: Store) -> None:
    """With "anonymise" messages stay as they are, but for the name; a picture goes as well."""
    scene, seqs = await talk(store)
    before = {event.seq: event for event in await store.read(scene.room, 0, 100)}
    ben = await gone(scene, store, "anonymise")
    await erase(store, ben)
    for event in await store.read(scene.room, 0, 100):
        if event.user == ben:
            assert event.name == "" and PICTURE.encode() not in event.body
        if event.seq in seqs:
            assert event.body == before[event.seq].body
    page = await store.messages(scene.room, "", limit=50)
    assert [(m.text, m.name) for m in page.messages if m.seq in seqs] == [
        ("ben again", ""),
        ("ben 1", ""),
        ("ben 2", ""),
    ]
    assert [m.seq for m in (await store.pins(scene.room, "")).messages] == [seqs[1]]
    queue = {each.seq: each for each in await store.reports(scene.room)}
    assert (queue[seqs[0]].name, queue[seqs[0] + 1].reports[0].reason) == ("", "rude, says Ben")


async def no_name_is_left_beside_the_log(store: Store) -> None:
    """Names go from bans, mutes, reports and audit trails, that of the server, too; of reports with "erase" the reason."""
    scene, seqs = await talk(store)
    await scene.done(scene.draft(kinds.MemberMuted, member="ben"))
    await scene.done(scene.draft(kinds.MemberKicked, member="ben", banned=True))
    ben = scene.id("ben")
    assert await store.delete_user(ben, NOW, "erase", deleted(ben, "erase", by=ben, by_name="Ben"))
    await erase(store, ben, 1)
    (ban,) = await store.bans(scene.room)
    assert (ban.user, ban.name) == (ben, "")
    assert [mute.name for mute in await store.mutes(scene.room) if mute.user == ben] == [""]
    theirs = [each for each in await store.reports(scene.room) if each.seq == seqs[0] + 1]
    assert (theirs[0].reports[0].name, theirs[0].reports[0].reason) == ("", "")
    trail = [*await store.audit(scene.room), *await store.audit(SERVERS)]
    about = [each for each in trail if ben in (each.by, each.user)]
    assert {each.what for each in about} >= {"ban", "mute", "deluser"}
    assert not {"ben", "Ben"} & {name for each in trail for name in (each.name, each.by_name)}
    assert about[-1].details == {"said": "erase"}


async def it_stands_until_it_is_done(store: Store) -> None:
    """An erasure counts rooms and events; one that keeps what was said is none; more may be asked for, less changes nothing."""
    scene, _ = await talk(store)
    ben = await gone(scene, store, "keep")
    assert await store.erasure(ben) is None and await store.erase_events(ben, scene.room, 5) == 0
    assert await store.delete_user(ben, NOW + 1, "anonymise")
    found = await store.erasure(ben)
    assert found is not None and (found.said, found.asked_ms, found.done_ms) == ("anonymise", NOW + 1, None)
    count = sum(await erase(store, ben))
    found = await store.erasure(ben)
    assert found is not None and (found.rooms, found.events, found.done_ms) == (1, count, NOW + 9)
    assert ben not in [each.user for each in await store.erasures(after=ben[:-1], standing=True, limit=1_000)]
    assert ben in [each.user for each in await store.erasures(after=ben[:-1], limit=1_000)]
    assert await store.erase_events(ben, scene.room, 5) == 0
    assert await store.delete_user(ben, NOW + 2, "erase")
    found = await store.erasure(ben)
    assert found is not None and (found.said, found.done_ms, found.events) == ("erase", None, 0)
    await store.erased(ben, NOW + 1, NOW + 3)
    assert (await store.erasure(ben)) == found, "that was another"
    assert await store.delete_user(ben, NOW + 4, "anonymise")
    assert (await store.erasure(ben)) == found
    await erase(store, ben)
    await store.forget_erasures(NOW + 9)
    assert await store.erasure(ben) is not None
    await store.forget_erasures(NOW + 10)
    assert await store.erasure(ben) is None


async def nobody_unknown_is_deleted(store: Store) -> None:
    """Of whom nothing is known nothing is noted, unless the caller knows of them."""
    nobody = new("nobody")
    assert not await store.delete_user(nobody, NOW, "erase", deleted(nobody, "erase", by="madang", by_name=""))
    assert await store.erasure(nobody) is None
    assert nobody not in [each.user for each in await store.audit(SERVERS)]
    assert await store.rooms_with(nobody, "") == ([], "")
    assert await store.delete_user(nobody, NOW, "erase", known=True)
    assert await store.erasure(nobody) is not None


async def it_never_goes_back(store: Store) -> None:
    """To one that is behind, as a second node may be, rooms before the place of the erasure are done, and the place stays."""
    scene, _ = await talk(store)
    ben = await gone(scene, store, "erase")
    later = f"{scene.room}-later"
    await store.room_erased(ben, later)
    place = await store.erasure(ben)
    assert place is not None and place.room == later
    assert await store.erase_events(ben, scene.room, 5) == 0
    await store.room_erased(ben, scene.room)
    assert await store.erasure(ben) == place


async def it_goes_on_after_the_store_was_opened_again(make: Make[Store]) -> None:
    """What was done is done, the rest is found where it was left, and no event is changed twice."""
    async with make() as store:
        scene, seqs = await talk(store)
        ben = await gone(scene, store, "erase")
        assert await store.erase_events(ben, scene.room, 2) == 2
    async with make() as store:
        found = await store.erasure(ben)
        assert found is not None and (found.room, found.seq, found.events) == (scene.room, seqs[0], 2)
        pieces = await erase(store, ben)
        events = await store.read(scene.room, 0, 100)
        assert sum(pieces) + 2 == sum(event.user == ben for event in events)
        assert not any(event.name for event in events if event.user == ben)
        assert await store.erase_events(ben, scene.room, 2) == 0


ERASURE_RULES = [
    what_was_said_is_erased,
    without_their_name_it_stays,
    no_name_is_left_beside_the_log,
    it_stands_until_it_is_done,
    it_never_goes_back,
    nobody_unknown_is_deleted,
]
