"""A room's API: what each call says, what comes back, and what is waited out on the way."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from madang.client import ConnectionLost, Disconnected, Membership, MessageEdited, Refused, Room, Sent
from tests.unit.client.fakes import FakeSocket, World, event, settle


async def joined(seq: int = 0, **options: Any) -> tuple[World, FakeSocket, Room]:
    world = World(**options)
    socket = await world.enter()
    return world, socket, await world.join(socket, seq)


async def test_a_message_is_sent_and_acked() -> None:
    world, socket, room = await joined()
    sending = asyncio.ensure_future(room.send("안녕", data={"a": 1}, reply_to=3, mentions=["u2"]))
    frame = await socket.ack(4)
    assert frame["op"] == "send" and frame["room"] == "yard" and frame["text"] == "안녕"
    assert (frame["data"], frame["reply_to"], frame["mentions"]) == ({"a": 1}, 3, ["u2"])
    assert await sending == Sent(id="4", seq=4, ack="stored", duplicate=False)
    other = asyncio.ensure_future(room.send("more", cid="mine"))
    second = await socket.ack(5, duplicate=True)
    assert second["cid"] == "mine" and set(second) == {"op", "n", "room", "cid", "text"}
    assert (await other).duplicate
    await world.client.close()


async def test_sends_keep_their_order_over_refusals_and_lost_connections() -> None:
    world, socket, room = await joined()
    sends = [asyncio.ensure_future(room.send(text)) for text in ("one", "two", "three")]
    one = await socket.refuse("rate_limited", retry_ms=800)
    await socket.nothing()  # "two" does not overtake
    await world.clock.advance(0.7)
    await socket.nothing()
    await world.clock.advance(0.2)
    assert await socket.ack(1) == one
    two = await socket.got()
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.let_in(2, [event(1), event(2)])
    assert await socket.ack(2, duplicate=True) == two
    await socket.ack(3)
    assert [s.seq for s in await asyncio.gather(*sends)] == [1, 2, 3]
    await world.client.close()


@pytest.mark.parametrize("code", ["overloaded", "draining", "storage_full", "storage_failed", "internal"])
async def test_what_is_temporary_is_waited_out(code: str) -> None:
    world, socket, room = await joined()
    sending = asyncio.ensure_future(room.send("hello"))
    for _ in range(3):
        await socket.refuse(code)
        await settle()
        await world.clock.advance(world.clock.next_s())
    await socket.ack(1)
    assert (await sending).seq == 1
    await world.client.close()


async def test_a_server_that_keeps_failing_at_a_command_is_the_callers() -> None:
    world, socket, room = await joined()
    sending = asyncio.ensure_future(room.send("hello"))
    for _ in range(4):
        await socket.refuse("internal")
        await settle()
        await world.clock.advance(world.clock.next_s())
    await socket.refuse("internal")
    with pytest.raises(Refused) as refused:
        await sending
    assert refused.value.code == "internal"
    await world.client.close()


async def test_a_refusal_is_the_callers_and_the_next_goes_on() -> None:
    world, socket, room = await joined()
    sends = [asyncio.ensure_future(room.send(text)) for text in ("", "hello")]
    await socket.refuse("empty")
    await socket.ack(1)
    results = await asyncio.gather(*sends, return_exceptions=True)
    assert isinstance(results[0], Refused) and results[0].code == "empty" and isinstance(results[1], Sent)
    await world.client.close()


async def test_what_the_server_would_end_the_connection_for_is_refused_here() -> None:
    world, socket, room = await joined()
    for text, code in (("x" * 70_000, "too_big"), ("\ud800", "bad_text")):
        with pytest.raises(Refused) as refused:
            await room.send(text)
        assert refused.value.code == code
    await socket.nothing()
    await world.client.close()


async def test_a_send_that_is_cancelled_lets_the_next_one_go() -> None:
    world, socket, room = await joined()
    first, second, third = (asyncio.ensure_future(room.send(text)) for text in ("one", "two", "three"))
    assert (await socket.got())["text"] == "one"
    second.cancel()  # not written yet: it never will be
    first.cancel()  # written: it may be stored
    assert (await socket.ack(2))["text"] == "three"
    assert (await third).seq == 2
    await world.client.close()


async def test_every_command_says_what_it_should() -> None:
    world, socket, room = await joined(7)
    calls: list[tuple[Coroutine[Any, Any, Sent | None], dict[str, Any]]] = [
        (room.edit(4, "new"), {"op": "edit", "seq": 4, "text": "new"}),
        (room.delete(4), {"op": "delete", "seq": 4}),
        (room.react(4, "👍"), {"op": "react", "seq": 4, "emoji": "👍"}),
        (room.react(4, "👍", on=False), {"op": "react", "seq": 4, "emoji": "👍", "on": False}),
        (room.pin(4), {"op": "pin", "seq": 4}),
        (room.change(title="Hall"), {"op": "change", "title": "Hall"}),
        (room.give_role("u2", "moderator"), {"op": "role", "user": "u2", "role": "moderator"}),
    ]
    for call, said in calls:
        task = asyncio.ensure_future(call)
        frame = await socket.ack(9)
        assert {k: v for k, v in frame.items() if k not in ("n", "cid")} == {"room": "yard", **said}
        assert ("cid" in frame) == (frame["op"] == "edit")
        assert (sent := await task) is not None and sent.seq == 9
    unchanged = asyncio.ensure_future(room.react(4, "👍"))
    socket.say({"op": "ok", "n": (await socket.got())["n"], "unchanged": True})
    assert await unchanged is None
    again = asyncio.ensure_future(room.delete(4))
    await socket.refuse("gone")
    assert await again is None
    reading = asyncio.ensure_future(room.read())
    frame = await socket.got()
    assert (frame["op"], frame["seq"]) == ("read", 7)
    socket.say({"op": "ok", "n": frame["n"]})
    await reading
    room.typing()
    assert await socket.got() == {"op": "typing", "room": "yard"}
    await world.client.close()
    room.typing()


async def test_pages_follow_each_other() -> None:
    world, socket, room = await joined()
    message = {"id": "1", "user": "u2", "name": "Bora", "at": "2026-11-22T09:00:00.000Z", "text": "hi"}

    async def serve() -> None:
        pages: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"op": "history", "limit": 100}, {"messages": [{**message, "seq": s} for s in (3, 4)], "more": True}),
            ({"op": "history", "limit": 100, "before": 3}, {"messages": [{**message, "seq": 1}], "more": False}),
            ({"op": "members", "limit": 100}, {"members": [{"user": "a", "name": "A", "role": "owner"}], "more": True}),
            ({"op": "members", "limit": 100, "after": "a"}, {"members": [], "more": False}),
            ({"op": "presence", "limit": 100}, {"users": {"a": "A"}, "count": 1, "more": False}),
            ({"op": "pins"}, {"messages": [{**message, "seq": 1, "pinned": True}], "more": False}),
        ]
        for asked, page in pages:
            frame = await socket.got()
            assert frame == {"n": frame["n"], "room": "yard", **asked}
            socket.say({"op": "ok", "n": frame["n"], **page})

    serving = asyncio.ensure_future(serve())
    assert [m.seq async for m in room.messages()] == [4, 3, 1]
    assert [m.name async for m in room.members()] == ["A"]
    assert (await room.presence()).users == {"a": "A"}
    assert [m.pinned for m in await room.pins()] == [True]
    await serving
    await world.client.close()


async def test_rooms_of_ones_own() -> None:
    world, socket, _ = await joined()

    async def collect() -> list[str]:
        return [m.room async for m in world.client.rooms()]

    reading = asyncio.ensure_future(collect())
    row = {"title": "T", "access": "open", "role": "owner", "seq": 3, "read_seq": 1, "unread": 2}
    frame = await socket.got()
    socket.say({"op": "ok", "n": frame["n"], "rooms": [{"room": "a", **row}], "more": True})
    frame = await socket.got()
    assert frame["after"] == "a"
    socket.say({"op": "ok", "n": frame["n"], "rooms": [{"room": "b", **row}], "more": False})
    assert await reading == ["a", "b"]
    await world.client.close()


async def test_members_with_a_name_and_reactors_come_page_after_page() -> None:
    """A page of members may be empty, and not the last: it says what to go on after."""
    world, socket, room = await joined()

    async def members() -> list[str]:
        return [member.user async for member in room.members("ㅁ")]

    async def reactors() -> list[tuple[str, str]]:
        return [(reactor.user, reactor.name) async for reactor in room.reactors(3, "👍")]

    async def answer(after: str | None, **fields: Any) -> Any:
        frame = await socket.got()
        assert frame.get("after") == after
        socket.say({"op": "ok", "n": frame["n"], **fields})
        return frame

    found = asyncio.ensure_future(members())
    assert (await answer(None, members=[], more=True, next="m"))["name"] == "ㅁ"
    await answer("m", members=[{"user": "z", "name": "민아", "role": "member"}], more=False)
    assert await found == ["z"]
    others = asyncio.ensure_future(reactors())
    frame = await answer(None, reactors=[{"user": "a", "name": "A"}], more=True)
    assert (frame["seq"], frame["emoji"]) == (3, "👍")
    await answer("a", reactors=[{"user": "b", "name": "B"}], more=False)
    assert await others == [("a", "A"), ("b", "B")]
    await world.client.close()


async def test_rooms_are_watched_over_connections() -> None:
    """What changes is told; on another connection all is asked for again, and what is missing there is gone."""
    world, socket, _ = await joined()
    watch = world.client.watch()
    assert world.client.watch() is watch
    row = {"title": "T", "access": "open", "role": "owner", "seq": 3, "read_seq": 1, "unread": 2}

    async def pages(socket: FakeSocket, *pages: list[str]) -> None:
        for n, rooms in enumerate(pages, 1):
            frame = await socket.got()
            assert (frame["op"], frame["watch"]) == ("rooms", True)
            found = [{"room": room, **row} for room in rooms]
            socket.say({"op": "ok", "n": frame["n"], "rooms": found, "more": n < len(pages)})

    async def seen(count: int) -> list[tuple[str, int | None]]:
        found = [await anext(watch) for _ in range(count)]
        return [(each.room, each.unread if isinstance(each, Membership) else None) for each in found]

    reading = asyncio.ensure_future(seen(3))
    await pages(socket, ["a", "b"], ["c"])
    assert await reading == [("a", 2), ("b", 2), ("c", 2)]
    socket.say({"op": "unread", "counts": [{"room": "b", "seq": 4, "unread": 3}, {"room": "?", "seq": 4, "unread": 3}]})
    socket.say({"op": "unread", "rooms": [{"room": "d", **row}], "gone": ["a", "?"]})
    assert await seen(3) == [("b", 3), ("d", 2), ("a", None)]
    reading = asyncio.ensure_future(seen(2))
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.let_in(0, [])
    await pages(socket, ["b", "d"])
    assert await reading == [("b", 2), ("c", None)]
    assert sorted(watch.rooms) == ["b", "d"]
    await world.client.close()
    assert [each async for each in watch] == []


async def test_a_search_is_asked_and_answered() -> None:
    world, socket, _ = await joined()
    searching = asyncio.ensure_future(world.client.search("회의", room="yard", since="2026-11-22", before="9", limit=2))
    frame = await socket.got()
    assert frame == {
        "op": "search", "n": frame["n"], "q": "회의", "room": "yard", "from": "2026-11-22", "before": "9", "limit": 2,
    }  # fmt: skip
    message = {
        "seq": 3,
        "id": "8",
        "user": "u2",
        "name": "Bora",
        "at": "2026-11-22T09:00:00.000Z",
        "text": "주간회의록",
    }
    hit = {**message, "room": "yard", "ranges": [[2, 4]]}
    socket.say({"op": "ok", "n": frame["n"], "messages": [hit], "more": True, "complete": False})
    found = await searching
    assert (found.more, found.complete) == (True, False)
    assert [(m.room, m.seq, m.ranges) for m in found.messages] == [("yard", 3, [(2, 4)])]
    await world.client.close()


async def test_what_may_not_be_done_twice_is_left_to_the_caller() -> None:
    world, socket, _ = await joined()
    creating = asyncio.ensure_future(world.client.create("hall", title="Hall"))
    assert (await socket.got())["op"] == "create"
    socket.end()
    with pytest.raises(ConnectionLost):
        await creating
    socket = await world.back()
    await socket.welcome()
    await socket.let_in()
    await socket.nothing()
    await world.client.close()


@pytest.mark.parametrize("end", [event(3, type="member.left", user="u1"), event(3, type="member.kicked", member="u1")])
async def test_the_end_of_a_membership_before_this_one_is_no_end(end: dict[str, Any]) -> None:
    world = World()
    socket = await world.enter()
    room = await world.join(socket, 2, read_seq=4)  # who has come back since, as the answer says
    socket.say(end, event(4, type="member.joined", user="u1", role="member"), event(5))
    assert [(await anext(room)).seq for _ in range(3)] == [3, 4, 5]
    assert room.ended is None
    socket.say(event(6, type="member.left", user="u1"))
    assert (await anext(room)).seq == 6
    assert room.ended == "left"
    await world.client.close()


async def test_joining_twice_is_joining_once() -> None:
    world = World()
    socket = await world.enter()
    joins = [asyncio.ensure_future(world.client.join("yard")) for _ in range(2)]
    await socket.let_in(5)
    one, two = await asyncio.gather(*joins)
    await socket.nothing()
    socket.say(event(6))
    assert (await anext(one)).seq == 6 and two.seq == 6
    await world.client.close()


async def test_a_join_refused_for_good_is_the_callers_and_can_be_tried_again() -> None:
    world = World()
    socket = await world.enter()
    for _ in range(2):
        joining = asyncio.ensure_future(world.client.join("yard"))
        await socket.refuse("not_found")
        with pytest.raises(Refused) as refused:
            await joining
        assert refused.value.code == "not_found"
    await world.join(socket)
    await world.client.close()


async def test_a_join_refused_for_now_is_said_again_and_writes_wait_for_it() -> None:
    world, socket, room = await joined(3)
    sending = asyncio.ensure_future(room.send("hello"))
    await socket.got()
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.refuse("rate_limited", retry_ms=500)  # the join
    await socket.refuse("not_member")  # the send, pipelined behind it
    await socket.nothing()
    await world.clock.advance(0.5)
    await socket.let_in(3)
    await socket.ack(4)
    assert (await sending).seq == 4
    await world.client.close()


async def test_a_room_one_is_not_let_into_again_ends() -> None:
    world, socket, room = await joined(3)
    sending = asyncio.ensure_future(room.send("hello"))
    await socket.got()
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.refuse("not_found")
    await socket.refuse("not_member")
    with pytest.raises(Refused):
        await sending
    assert [item async for item in room] == [] and room.ended == "refused"
    await world.client.close()


async def test_what_waits_for_a_room_is_refused_with_it() -> None:
    world, socket, room = await joined(3)
    sending = asyncio.ensure_future(room.send("hello"))
    await socket.got()
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.refuse("rate_limited", retry_ms=500)
    await socket.refuse("not_member")
    await world.clock.advance(0.5)
    await socket.refuse("not_found")
    await socket.refuse("not_member")
    with pytest.raises(Refused):
        await sending
    assert room.ended == "refused"
    await world.client.close()


async def test_leaving_ends_the_iteration() -> None:
    world, socket, room = await joined()
    socket.say(event(1))
    leaving = asyncio.ensure_future(room.leave())
    await socket.ack(2)
    await leaving
    assert [item.seq async for item in room] == [1] and room.ended == "left"
    assert "left" in repr(room)
    joining = asyncio.ensure_future(
        world.client.join("yard")
    )  # and one may come again, before the event of it has come
    socket.say(event(2, type="member.left", user="u1"))
    await socket.let_in(3)
    assert (await joining).seq == 3
    await world.client.close()


async def test_leaving_twice_over_a_lost_connection_is_leaving_once() -> None:
    world, socket, room = await joined()
    leaving = asyncio.ensure_future(room.leave())
    await socket.got()
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.refuse("not_found")
    await socket.refuse("not_member")
    await leaving
    await world.client.close()


@pytest.mark.parametrize(
    ("last", "ended"),
    [
        (event(2, type="member.left", user="u1", name="Mina"), "left"),
        (event(2, type="member.kicked", member="u1"), "kicked"),
        (event(2, type="room.deleted", user="u2"), "deleted"),
    ],
)
async def test_ones_own_end_is_the_last_event(last: dict[str, object], ended: str) -> None:
    world, socket, room = await joined()
    socket.say(event(1), last, event(3))
    assert [item.seq async for item in room] == [1, 2] and room.ended == ended
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.nothing()  # it is not joined again
    await world.client.close()


async def test_ones_own_leaving_in_an_answer_is_the_past() -> None:
    world, socket, room = await joined(1)
    socket.end()
    socket = await world.back()
    await socket.welcome()
    mine = [event(2, type="member.left", user="u1"), event(3, type="member.joined", user="u1")]
    await socket.let_in(3, mine)
    socket.say(mine[0], event(4))
    assert [(await anext(room)).seq for _ in range(3)] == [2, 3, 4] and room.ended is None
    await world.client.close()


async def test_settings_and_role_follow_the_events() -> None:
    world, socket, room = await joined()
    assert (room.id, room.title, room.access, room.slow_ms, room.role) == ("yard", "Yard", "open", 0, "member")
    socket.say(event(1, type="room.changed", title="Hall", slow_ms=500), event(2, type="room.changed", access="invite"))
    socket.say(event(3, type="member.role", member="u1", role="moderator"), event(4, type="message.edited", target=1))
    items = [await anext(room) for _ in range(4)]
    assert (room.title, room.access, room.slow_ms, room.role) == ("Hall", "invite", 500, "moderator")
    assert isinstance(items[3], MessageEdited) and items[3].text is None
    await world.client.close()


async def test_an_application_that_does_not_iterate_holds_nothing_up() -> None:
    world, socket, room = await joined(waiting_events=4)
    socket.say(*(event(seq) for seq in range(1, 10)))
    sending = asyncio.ensure_future(room.send("still here"))
    await socket.ack(10)
    await sending
    assert [(await anext(room)).seq for _ in range(2)] == [1, 2]
    assert (await socket.let_in(10, [event(s) for s in range(5, 11)]))["since"] == 4
    assert [(await anext(room)).seq for _ in range(4)] == [3, 4, 5, 6]
    await socket.let_in(10, [event(s) for s in range(7, 11)])
    assert [(await anext(room)).seq for _ in range(4)] == [7, 8, 9, 10]
    socket.say(event(11))
    assert (await anext(room)).seq == 11, "it follows again, and need not join once more"
    await world.client.close()


async def test_a_hole_is_mended() -> None:
    world, socket, room = await joined()
    socket.say(event(1), event(4))
    assert (await socket.let_in(4, [event(2), event(3), event(4)]))["since"] == 1
    assert [(await anext(room)).seq for _ in range(4)] == [1, 2, 3, 4]
    await world.client.close()


async def test_closing_ends_what_waits() -> None:
    world, _, room = await joined()
    sending = asyncio.ensure_future(room.send("hello"))
    joining = asyncio.ensure_future(world.client.join("hall"))
    iterating = asyncio.ensure_future(anext(room, None))
    await settle()
    await world.client.close()
    for task in (sending, joining):
        with pytest.raises(Disconnected) as over:
            await task
        assert over.value.code == 1000
    assert await iterating is None
