"""Rules of `check_log` about word lists: who sets one, what ends it, and what becomes of messages that one masks or flags."""

from typing import Any

import msgspec

from madang.core import events as kinds
from madang.core.events import Draft
from madang.core.user_ids import SYSTEM
from madang.core.words import Words
from madang.errors import Refused
from madang.testing.reports import resolves, waiting
from madang.testing.rules import Scene, Store, assert_repeat, new, opened

SOME = Words(refuse=("bad", "나쁜"), flag=("spam",))


async def sets(scene: Scene, words: Words, name: str = "ann", *, server: bool = False) -> int:
    """Set a room's list as one user."""
    return await scene.store.set_words(scene.room, words, 5, scene.id(name), name, server=server)


async def a_room_has_a_list(store: Store) -> None:
    """A list is there until another takes its place, or none; each has a version of its own. It ends with its room, for good."""
    scene, other = await opened(store), await opened(store)
    assert await store.words(scene.room) == (0, Words())
    first = await sets(scene, SOME)
    assert await store.words(scene.room) == (first, SOME)
    second = await sets(scene, Words(mask=("x",)))
    assert first != second
    await sets(other, SOME)
    kept = await store.word_lists()
    assert kept[scene.room] == second and other.room in kept
    assert await sets(scene, Words()) == 0
    await other.done(other.draft(kinds.RoomDeleted))
    kept = await store.word_lists()
    assert scene.room not in kept and other.room not in kept
    assert await store.words(other.room) == await store.words(new("room")) == (0, Words())
    entries = await store.audit(scene.room)
    assert [(entry.what, entry.details) for entry in entries] == [
        ("setwords", {"refuse": 0, "mask": 0, "flag": 0}),
        ("setwords", {"refuse": 0, "mask": 1, "flag": 0}),
        ("setwords", {"refuse": 2, "mask": 0, "flag": 1}),
    ]


async def a_list_is_set_by_whom_may(store: Store) -> None:
    """Members below moderators do not set one, nor do others who are not members; server keys do, where there is a room."""
    scene = await opened(store, "ben")
    for name, code in (("ben", "forbidden"), ("cho", "not_found")):
        try:
            await sets(scene, SOME, name)
        except Refused as refused:
            assert refused.code == code
        else:
            raise AssertionError(f"{name} set a word list")
    assert await sets(scene, SOME, "key", server=True)
    await scene.done(scene.draft(kinds.RoomDeleted))
    try:
        await sets(scene, SOME, "key", server=True)
    except Refused as refused:
        assert refused.code == "not_found"
    else:
        raise AssertionError("a deleted room has a word list")


async def the_server_has_a_list(store: Store) -> None:
    """The list of the server is kept beside those of rooms, by an empty id."""
    version = await store.set_words("", SOME, 5, SYSTEM, "Madang", server=True)
    assert await store.words("") == (version, SOME)
    assert (await store.word_lists())[""] == version
    assert await store.set_words("", Words(), 5, SYSTEM, "Madang", server=True) == 0
    assert "" not in await store.word_lists()


def flagged(d: Draft, why: str = "Word list: spam") -> Draft:
    """Return a draft that a word list flags."""
    return msgspec.structs.replace(d, flagged=why)


async def what_is_flagged_is_reported(store: Store) -> None:
    """A message, and an edit, that a list flags is reported by the server with its event; again after that was resolved."""
    scene = await opened(store, "ben")
    sent = await scene.done(flagged(scene.say("spam", "ben", cid="c")))
    assert_repeat(await scene.outcome(flagged(scene.say("spam", "ben", cid="c"))), sent)
    await scene.refused("not_member", flagged(scene.say("spam", "cho")))
    (entry,) = await store.reports(scene.room)
    (report,) = entry.reports
    assert (entry.seq, entry.user, entry.name, entry.count) == (sent.seq, scene.id("ben"), "ben", 1)
    assert (report.user, report.name, report.reason) == (SYSTEM, "Madang", "Word list: spam")
    edit = scene.draft(kinds.MessageEdited, "ben", target=sent.seq, text="more spam")
    await scene.done(flagged(edit, "Word list: more"))
    assert [(e.seq, e.count, e.reports[0].reason) for e in await store.reports(scene.room)] == [
        (sent.seq, 1, "Word list: more")
    ]
    await resolves(scene, sent.seq)
    await scene.done(flagged(edit))
    plain = [scene.say("fine", "ben", cid="d"), flagged(scene.say("spam", "ben", cid="e"))]
    for outcome in await store.append(plain):
        assert isinstance(outcome, kinds.Appended)
    assert [seq for seq, _, _ in await waiting(scene)] == [sent.seq, sent.seq + 4]


async def what_is_masked_is_a_repeat_of_what_was_not(store: Store) -> None:
    """A message sent again that a list masks by now is the first; where a list refuses it by now, also, and else it is refused so."""
    scene = await opened(store)
    first = await scene.done(scene.say("bad", cid="c"))
    again, masked = scene.say("bad", cid="c"), scene.say("***", cid="c")
    assert_repeat(await scene.outcome(msgspec.structs.replace(masked, unmasked=again.body)), first)
    await scene.refused("conflict", masked)
    refused: Any = msgspec.structs.replace(again, early=("bad_words", 0))
    assert_repeat(await scene.outcome(refused), first)
    await scene.refused("bad_words", msgspec.structs.replace(refused, cid="d"))


WORD_RULES = [
    a_room_has_a_list,
    a_list_is_set_by_whom_may,
    the_server_has_a_list,
    what_is_flagged_is_reported,
    what_is_masked_is_a_repeat_of_what_was_not,
]
