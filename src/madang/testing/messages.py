"""Rules of `check_log` about messages as they stand now: paging, edits, deletions, reactions, pins."""

import asyncio

from madang.core import events as kinds
from madang.core.messages import Message, in_room
from madang.core.timestamps import moment
from madang.ports.log import Page
from madang.testing.rules import Scene, Store, new, opened


async def _messages(scene: Scene, name: str = "ann") -> dict[int, Message]:
    page = await scene.store.messages(scene.room, scene.id(name), limit=200)
    return {message.seq: message for message in page.messages}


async def messages_are_paged_by_seq(store: Store) -> None:
    """The newest, those before or after a seq; ascending, without other events, `more` in the asked direction."""
    scene = await opened(store)
    sent = []
    for n in range(12):
        sent.append((await scene.done(scene.say(f"{n}"))).seq)
        await scene.done(scene.draft(kinds.ReactionAdded, target=sent[0], emoji=f"e{n}"))

    async def page(**where: int) -> tuple[list[int], bool]:
        found = await store.messages(scene.room, scene.id("ann"), **where)
        return [message.seq for message in found.messages], found.more

    assert await page() == (sent, False)
    assert await page(limit=12) == (sent, False)
    assert await page(limit=5) == (sent[-5:], True)
    assert await page(before=sent[4], limit=3) == (sent[1:4], True)
    assert await page(before=sent[3], limit=3) == (sent[:3], False)
    assert await page(before=sent[0], limit=3) == ([], False)
    assert await page(after=sent[4], limit=3) == (sent[5:8], True)
    assert await page(after=sent[8], limit=3) == (sent[9:], False)
    assert await page(after=sent[11], limit=3) == ([], False)
    assert await page(after=0, limit=2) == (sent[:2], True)
    none = await store.messages(new("room"), scene.id("ann"))
    assert none.messages == [] and not none.more


async def large_messages_are_paged_to_the_last(store: Store) -> None:
    """A page may end early where messages are large, and says so: paging by `more` leaves nothing out, either way."""
    scene = await opened(store)
    sent = [(await scene.done(scene.say("x" * 4000, data=b'"' + b"y" * 16_000 + b'"'))).seq for _ in range(30)]
    back, on = list[int](), list[int]()
    more = True
    while more:
        below = {"before": back[0]} if back else {}
        page = await store.messages(scene.room, "", limit=200, **below)
        assert page.messages
        back, more = [message.seq for message in page.messages] + back, page.more
    more = True
    while more:
        page = await store.messages(scene.room, "", after=on[-1] if on else 0, limit=200)
        assert page.messages
        on, more = on + [message.seq for message in page.messages], page.more
    assert back == on == sent


async def reactors_are_paged_by_user(store: Store) -> None:
    """`reactors` returns who has put an emoji on a message, in order of the user id, by the name of then, also of those who have left."""
    names = ["ben", "cho", "dal", "eun"]
    scene = await opened(store, *names)
    seq = (await scene.done(scene.say("one"))).seq
    for name in names:
        await scene.done(scene.draft(kinds.ReactionAdded, name, target=seq, emoji="👍"))
    await scene.done(scene.draft(kinds.ReactionAdded, "ben", target=seq, emoji="a"))
    await scene.done(scene.draft(kinds.ReactionRemoved, "dal", target=seq, emoji="👍"))
    await scene.done(scene.draft(kinds.MemberLeft, "cho"))
    wanted = sorted((scene.id(name), name) for name in ("ben", "cho", "eun"))
    found = await store.reactors(scene.room, seq, "👍")
    assert [(each.user, each.name) for each in found] == wanted
    first = await store.reactors(scene.room, seq, "👍", limit=2)
    rest = await store.reactors(scene.room, seq, "👍", after=first[-1].user, limit=2)
    assert (len(first), first + rest) == (2, found)
    assert [each.user for each in await store.reactors(scene.room, seq, "a")] == [scene.id("ben")]
    assert await store.reactors(scene.room, seq, "b") == []
    assert await store.reactors(scene.room, seq + 1, "👍") == []
    await scene.done(scene.draft(kinds.MessageDeleted, target=seq))
    assert await store.reactors(scene.room, seq, "👍") == []


async def own_reactions_are_told_apart(store: Store) -> None:
    """Whose reactions stand on some messages, for one user; a page asked for by nobody has none marked."""
    scene = await opened(store, "ben")
    seqs = [(await scene.done(scene.say(f"{n}"))).seq for n in range(3)]
    for seq, name, emoji in (
        (seqs[0], "ann", "a"),
        (seqs[0], "ben", "b"),
        (seqs[1], "ann", "c"),
        (seqs[2], "ann", "d"),
    ):
        await scene.done(scene.draft(kinds.ReactionAdded, name, target=seq, emoji=emoji))
    await scene.done(scene.draft(kinds.ReactionRemoved, "ann", target=seqs[2], emoji="d"))
    await scene.done(scene.draft(kinds.ReactionAdded, "ann", target=seqs[0], emoji="e"))
    ann, ben = scene.id("ann"), scene.id("ben")
    assert await store.own_reactions(scene.room, ann, 1, seqs[-1]) == {seqs[0]: {"a", "e"}, seqs[1]: {"c"}}
    assert await store.own_reactions(scene.room, ann, seqs[1], seqs[1]) == {seqs[1]: {"c"}}
    assert await store.own_reactions(scene.room, ben, 1, seqs[-1]) == {seqs[0]: {"b"}}
    assert await store.own_reactions(new("room"), ann, 1, 100) == {}
    assert {m.mine for m in (await store.messages(scene.room, "")).messages} == {()}


async def events_are_found_by_their_time(store: Store) -> None:
    """`seq_at` is the first event that is not before a time, wherever it is kept, and the next seq where there is none."""
    scene = await opened(store, "ben")
    for n in range(40):
        await scene.done(scene.say(f"{n}"))
    await scene.done(scene.draft(kinds.MessageEdited, target=20, text="new"))
    log = await scene.log()
    for event in log:
        first = next(each.seq for each in log if each.at >= event.at)
        assert await store.seq_at(scene.room, event.at) == first
        assert await store.seq_at(scene.room, event.at + 1) == next(
            (e.seq for e in log if e.at > event.at), len(log) + 1
        )
    assert await store.seq_at(scene.room, 0) == 1
    assert await store.seq_at(scene.room, 1 << 50) == len(log) + 1
    assert await store.seq_at(new("room"), log[0].at) == 1


async def a_message_says_what_was_sent(store: Store) -> None:
    """A message has its event's seq, id, time and sender, and its text, data, reply and mentions."""
    scene = await opened(store, "ben")
    first = await scene.done(scene.say("first"))
    event = await scene.done(
        scene.say("second", "ben", reply_to=first.seq, mentions=("ann",), data=b'{"a": [1, 2.50, null]}')
    )
    message = (await _messages(scene))[event.seq]
    assert (message.id, message.at) == (str(event.id), moment(event.at))
    assert (message.user, message.name, message.text) == (scene.id("ben"), "ben", "second")
    assert bytes(message.data) == b'{"a": [1, 2.50, null]}'
    assert (message.reply_to, message.mentions) == (first.seq, (scene.id("ann"),))
    assert (message.edited_at, message.deleted, message.pinned, message.reactions) == (None, False, False, {})


async def the_newest_edit_is_read(store: Store) -> None:
    """An edit replaces the message's content (text, data, mentions); the newest counts, and `reply_to` stays."""
    scene = await opened(store, "ben")
    first = await scene.done(scene.say("first"))
    sent = await scene.done(scene.say("one", reply_to=first.seq, mentions=("ben",), data=b"1"))
    await scene.done(scene.draft(kinds.MessageEdited, target=sent.seq, text="two", data=b"2"))
    edit = await scene.done(scene.draft(kinds.MessageEdited, target=sent.seq, text="three"))
    message = (await _messages(scene))[sent.seq]
    assert (message.text, message.edited_at) == ("three", moment(edit.at))
    assert (bytes(message.data), message.mentions, message.reply_to) == (b"", (), first.seq)
    assert (message.id, message.at) == (str(sent.id), moment(sent.at))
    assert (await scene.log())[sent.seq - 1] == sent, "the log itself must keep what was sent"


async def reactions_are_counted_per_emoji(store: Store) -> None:
    """Reactions are counted per emoji, in order of each emoji's first, and the reader's own are marked."""
    scene = await opened(store, "ben", "cho")
    sent = await scene.done(scene.say("hello"))
    for name, emoji in [("ben", "👍"), ("ann", "❤️"), ("cho", "👍"), ("ann", "👍"), ("ben", "❤"), ("cho", "🎉")]:
        await scene.done(scene.draft(kinds.ReactionAdded, name, target=sent.seq, emoji=emoji))
    await scene.done(scene.draft(kinds.ReactionRemoved, "cho", target=sent.seq, emoji="🎉"))
    message = (await _messages(scene))[sent.seq]
    assert list(message.reactions.items()) == [("👍", 3), ("❤️", 1), ("❤", 1)]
    assert message.mine == ("👍", "❤️")
    assert (await _messages(scene, "cho"))[sent.seq].mine == ("👍",)


async def messages_are_found_where_they_are(store: Store) -> None:
    """`messages_at` returns messages of any rooms as they stand now, and neither deleted ones nor other events."""
    scene, other = await opened(store, "ben"), await opened(store)
    first, second = await scene.done(scene.say("first", "ben")), await scene.done(scene.say("second"))
    third, there = await scene.done(scene.say("third")), await other.done(other.say("there"))
    places = [(scene.room, seq) for seq in range(third.seq + 2)] + [(other.room, there.seq), ("no-room", 1)]
    told = {(m.room, m.seq): m.text for m in await store.messages_at(places, "")}
    said = {(scene.room, first.seq): "first", (scene.room, second.seq): "second", (scene.room, third.seq): "third"}
    assert told == {**said, (other.room, there.seq): "there"}
    await scene.done(scene.draft(kinds.MessageEdited, "ben", target=first.seq, text="now"))
    await scene.done(scene.draft(kinds.MessageDeleted, target=second.seq))
    await scene.done(scene.draft(kinds.ReactionAdded, target=first.seq, emoji="👍"))
    (message,) = await store.messages_at([(scene.room, first.seq), (scene.room, second.seq)], scene.id("ann"))
    (shown,) = (await store.messages(scene.room, scene.id("ann"), before=first.seq + 1, limit=1)).messages
    assert message == in_room(shown, scene.room) and message.text == "now" and message.mine == ("👍",)


async def pins_come_in_order(store: Store) -> None:
    """`pins` returns the pinned messages as they stand now, in order of their seq."""
    scene = await opened(store)
    one, two, three = [await scene.done(scene.say(text)) for text in ("one", "two", "three")]
    for event in (three, one, two):
        await scene.done(scene.draft(kinds.MessagePinned, target=event.seq))
    await scene.done(scene.draft(kinds.MessageUnpinned, target=two.seq))
    await scene.done(scene.draft(kinds.MessageEdited, target=one.seq, text="uno"))
    pinned = (await store.pins(scene.room, scene.id("ann"))).messages
    assert [(m.seq, m.text, m.pinned) for m in pinned] == [(one.seq, "uno", True), (three.seq, "three", True)]
    assert [seq for seq, m in (await _messages(scene)).items() if m.pinned] == [one.seq, three.seq]


async def pages_say_how_far_they_reach(store: Store) -> None:
    """Pages of `messages`, `around` and `pins` have what has happened up to their `seq` and nothing above, while others append, too."""
    scene = await opened(store)
    one, two = await scene.done(scene.say("one")), await scene.done(scene.say("two"))
    for event in (one, two):
        await scene.done(scene.draft(kinds.MessagePinned, target=event.seq))
    pages: list[Page] = []

    async def react() -> None:
        for n in range(20):
            await scene.done(scene.draft(kinds.ReactionAdded, target=one.seq, emoji=f"e{n}"))
            await scene.done(scene.draft(kinds.ReactionAdded, target=two.seq, emoji=f"e{n}"))
            await scene.done(scene.say("aside"))

    reacting = asyncio.ensure_future(react())
    while not reacting.done():
        pages.append(await store.messages(scene.room, "", before=two.seq + 1))
        pages += await store.around(scene.room, "", two.seq, below=1, above=1)
        pages.append(await store.pins(scene.room, ""))
        await asyncio.sleep(0)  # a store in memory never waits
    await reacting
    pages.append(await store.messages(scene.room, ""))
    assert pages[-1].seq == (await store.heads([scene.room]))[scene.room]
    events = await store.read(scene.room, 0, 200)
    reactions = [(e.seq, e.content()) for e in events]
    added = [(seq, it.target) for seq, it in reactions if isinstance(it, kinds.ReactionAdded)]
    for page in pages:
        told = {m.seq: len(m.reactions) for m in page.messages if m.seq in (one.seq, two.seq)}
        assert told == {seq: sum(at <= page.seq and target == seq for at, target in added) for seq in told}
    assert (await store.messages(new("room"), "")).seq == 0


async def what_a_user_said_is_found_in_all_rooms(store: Store) -> None:
    """`messages_of` returns a user's messages in order of room and seq, as they stand now, piece by piece; of deleted rooms none."""
    scene, other, gone = await opened(store, "ben"), await opened(store), await opened(store)
    ann = scene.id("ann")
    here = [await scene.done(scene.say(f"{n}")) for n in range(4)]
    await scene.done(scene.say("Ben's", "ben"))
    there = await other.done(kinds.draft(kinds.MessageSent(text="elsewhere"), other.room, ann, "ann", server=True))
    await gone.done(kinds.draft(kinds.MessageSent(text="in a room that ends"), gone.room, ann, "ann", server=True))
    await scene.done(scene.draft(kinds.MessageEdited, target=here[1].seq, text="edited"))
    await scene.done(scene.draft(kinds.MessageDeleted, target=here[2].seq))
    await gone.done(gone.draft(kinds.RoomDeleted))

    async def walk(limit: int) -> list[tuple[str, int, str, bool]]:
        found: list[tuple[str, int, str, bool]] = []
        after = ("", 0)
        while True:
            page = await store.messages_of(ann, after=after, limit=limit)
            assert len(page.messages) <= limit
            found += [(m.room, m.seq, m.text, m.deleted) for m in page.messages]
            if page.next is None:
                return found
            assert page.next > after
            after = page.next

    expected = sorted(
        [
            *((scene.room, here[n].seq, text, n == 2) for n, text in enumerate(("0", "edited", "", "3"))),
            (other.room, there.seq, "elsewhere", False),
        ]
    )
    for limit in (1, 2, 5, 200):
        assert await walk(limit) == expected
    assert (await store.messages_of(new("nobody"), limit=10)).messages == []


async def a_deletion_erases(store: Store) -> None:
    """After a deletion, nobody can read the text, data or mentions of the message or of its edits.

    They are in neither the log, the tail, the messages nor the pins, and its reactions, pin and mentions have ended.
    """
    scene = await opened(store, "ben")
    sent = await scene.done(scene.say("secret-1", mentions=("ben",), data=b'"secret-2"', cid="c"))
    edits = [
        await scene.done(
            scene.draft(kinds.MessageEdited, target=sent.seq, text=text, data=b'"secret-3"', mentions=("ben",))
        )
        for text in ("secret-4", "secret-5")
    ]
    await scene.done(scene.draft(kinds.ReactionAdded, "ben", target=sent.seq, emoji="👍"))
    await scene.done(scene.draft(kinds.MessagePinned, target=sent.seq))
    ben = (await store.memberships(scene.id("ben")))[0]
    assert ben.mentions == 1
    deleted = await scene.done(scene.draft(kinds.MessageDeleted, target=sent.seq))

    log = await scene.log()
    tail = await store.tail(scene.room, 100)
    assert tail is not None and tail.events == log
    assert log[-1] == deleted
    assert not any(b"secret" in event.body for event in log)
    assert log[sent.seq - 1].content() == kinds.MessageSent(deleted=True)
    for edit in edits:
        assert log[edit.seq - 1].content() == kinds.MessageEdited(target=sent.seq)
    assert (log[sent.seq - 1].id, log[sent.seq - 1].user) == (sent.id, sent.user)

    message = (await _messages(scene, "ben"))[sent.seq]
    assert (message.deleted, message.text, bytes(message.data), message.mentions) == (True, "", b"", ())
    assert (message.edited_at, message.pinned, message.reactions, message.mine) == (None, False, {}, ())
    assert (await store.pins(scene.room, scene.id("ann"))).messages == []
    assert (await store.memberships(scene.id("ben")))[0].mentions == 0


MESSAGE_RULES = [
    messages_are_paged_by_seq,
    large_messages_are_paged_to_the_last,
    reactors_are_paged_by_user,
    own_reactions_are_told_apart,
    events_are_found_by_their_time,
    a_message_says_what_was_sent,
    the_newest_edit_is_read,
    reactions_are_counted_per_emoji,
    messages_are_found_where_they_are,
    pins_come_in_order,
    pages_say_how_far_they_reach,
    what_a_user_said_is_found_in_all_rooms,
    a_deletion_erases,
]
