"""Connections begin, break, come back and end as the tables say; every room and command comes along."""

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

import madang.client
from madang.client import Disconnected, Refused
from madang.client.sockets import NotOpened
from tests.unit.client.fakes import SERVER, USER, FakeSocket, World, event, settle
from tests.waiting import PATIENCE_S


async def entering(world: World) -> Any:
    task = asyncio.ensure_future(world.client.__aenter__())
    await settle()
    return task


async def test_hello_comes_first_and_tells_who_one_is() -> None:
    world = World()
    socket = await world.enter()
    assert world.client.user.name == "Mina" and world.client.token == "t1" and world.client.server.max_frame == 65536
    assert world.states == ["connecting", "live"]
    await world.client.close()
    assert world.states == ["connecting", "live", "closed"] and socket.closed


async def test_one_way_of_saying_who_one_is_must_be_given() -> None:
    for guest, token in ((None, None), ("Mina", "t")):
        with pytest.raises(ValueError, match="one of"):
            madang.client.connect("ws://x/ws", guest=guest, token=token)


async def test_the_first_flight_is_hello_joins_and_what_has_no_answer() -> None:
    world = World()
    socket = await world.enter()
    room = await world.join(socket, 3)
    sends = [asyncio.ensure_future(room.send(text)) for text in ("one", "two")]
    read = asyncio.ensure_future(room.history())
    one = await socket.got()
    assert (await socket.got())["op"] == "history"
    socket.end()
    socket = await world.back()
    frames = [await socket.got() for _ in range(4)]  # nothing of it has been answered
    assert [f["op"] for f in frames] == ["hello", "join", "send", "history"]
    assert frames[0]["token"] == "t1" and "guest" not in frames[0]
    assert (frames[1]["since"], frames[1]["epoch"]) == (3, "e1")
    assert frames[2] == one
    await socket.nothing()
    assert world.states[-2:] == ["waiting", "connecting"]
    for task in (*sends, read):
        task.cancel()
    await world.client.close()


async def test_a_room_goes_on_where_it_was() -> None:
    world = World()
    socket = await world.enter()
    room = await world.join(socket, 3, events=[event(2), event(3)])
    assert [e.seq for e in room.recent] == [2, 3]
    socket.say(event(4), event(5))
    socket.end()
    socket = await world.back()
    await socket.welcome(token="t1")
    assert (await socket.let_in(7, [event(6), event(7)]))["since"] == 5
    socket.say(event(7), event(8))
    async with asyncio.timeout(PATIENCE_S):
        assert [(await anext(room)).seq for _ in range(5)] == [4, 5, 6, 7, 8]
    assert room.seq == 8
    await world.client.close()
    assert [item async for item in room] == []
    assert room.ended == "closed"


async def test_a_reset_is_told() -> None:
    world = World()
    socket = await world.enter()
    room = await world.join(socket, 3)
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.let_in(90, [event(89), event(90)], reset=True, epoch="e2")
    items = [await anext(room) for _ in range(3)]
    assert isinstance(items[0], madang.client.Reset) and [i.seq for i in items] == [88, 89, 90]
    assert room.epoch == "e2"
    socket.say({"op": "reset", "room": "yard", "epoch": "e2", "seq": 5000, "events": [event(5000)]})
    assert [(await anext(room)).seq for _ in range(2)] == [4999, 5000]
    await world.client.close()


async def test_waits_grow_while_nobody_answers_and_name_the_trouble() -> None:
    world = World(OSError("refused"), TimeoutError(), NotOpened("HTTP 503", retry_s=3.0), timeout=60)
    task = await entering(world)
    waits = []
    for trouble in ("refused", "no answer", "HTTP 503"):
        assert world.client.trouble == trouble
        waits.append(round(world.clock.next_s(), 3))
        await world.clock.advance(waits[-1])
    assert waits == [0.1, 0.2, 3.4]
    socket = await world.network.accept()
    await socket.welcome()
    await task
    await world.client.close()


async def test_the_first_connection_is_given_up_after_the_timeout() -> None:
    world = World(*[OSError("refused")] * 100, timeout=2.0)
    task = await entering(world)
    while not task.done():
        await world.clock.advance(world.clock.next_s())
    with pytest.raises(Disconnected, match=r"within 2 s: refused"):
        await task
    assert world.states[-1] == "closed"


async def test_without_a_timeout_it_is_never_given_up() -> None:
    world = World(*[OSError("refused")] * 200, timeout=float("inf"))
    task = await entering(world)
    for _ in range(200):
        await world.clock.advance(world.clock.next_s())
    socket = await world.network.accept()
    await socket.welcome()
    await task
    assert world.clock.now() > 300
    await world.client.close()


async def test_a_handshake_refused_for_good_is_not_tried_again() -> None:
    world = World(NotOpened("HTTP 403: origin", never=True))
    task = await entering(world)
    with pytest.raises(Disconnected, match="403"):
        await task
    assert world.network.tries == 1


async def test_a_name_that_is_refused_is_the_callers() -> None:
    world = World()
    task = await entering(world)
    socket = await world.network.accept()
    await socket.refuse("bad_name")
    with pytest.raises(Refused, match="bad_name") as refused:
        await task
    assert refused.value.code == "bad_name" and socket.closed


async def test_a_hello_refused_for_now_is_said_again() -> None:
    world = World(timeout=60)
    task = await entering(world)
    socket = await world.network.accept()
    await socket.refuse("rate_limited", retry_ms=4000)
    await settle()
    assert world.clock.next_s() == pytest.approx(4.1)
    socket = await world.back()
    await socket.welcome()
    await task
    await world.client.close()


async def test_silence_after_the_handshake_is_not_waited_out_for_ever() -> None:
    world = World(timeout=60)
    task = await entering(world)
    silent = await world.network.accept()
    assert (await silent.got())["op"] == "hello"
    await world.clock.advance(10.0)
    assert silent.closed and "hello" in world.client.trouble
    socket = await world.back()
    await socket.welcome()
    await task
    await world.client.close()


async def test_bye_names_the_wait_and_chance_spreads_it() -> None:
    world = World()
    socket = await world.enter()
    socket.say({"op": "bye", "reason": "restart", "retry_ms": 3000})
    socket.end(1012)
    await settle()
    assert world.states[-1] == "waiting" and world.clock.next_s() == pytest.approx(1.5)
    socket = await world.back()
    await socket.welcome()
    await world.client.close()


async def test_later_means_a_longer_wait() -> None:
    world = World()
    socket = await world.enter()
    socket.end(1013)
    await settle()
    assert world.clock.next_s() == pytest.approx(7.6)
    await world.client.close()


async def test_a_steady_connection_makes_the_next_wait_short_again() -> None:
    world = World(*[OSError()] * 3, timeout=60)
    task = await entering(world)
    for _ in range(3):
        await world.clock.advance(world.clock.next_s())
    socket = await world.network.accept()
    await socket.welcome()
    await task
    await world.clock.advance(11.0)
    socket.end()
    await settle()
    assert world.clock.next_s() == pytest.approx(0.1)
    await world.client.close()


async def test_never_means_never() -> None:
    world = World()
    socket = await world.enter()
    room = await world.join(socket, 3)
    sending = asyncio.ensure_future(room.send("hello"))
    await socket.got()
    socket.say(event(4))
    socket.end(4410, "revoked")
    with pytest.raises(Disconnected, match="revoked") as over:
        await sending
    assert over.value.code == 4410
    assert (await anext(room)).seq == 4  # what came is still given
    with pytest.raises(Disconnected):
        await anext(room)
    for call in (room.send("more"), world.client.join("hall"), room.history()):
        with pytest.raises(Disconnected):
            await call
    assert world.client.state == "closed" and world.network.tries == 1
    await world.client.close()


async def test_a_token_is_fetched_and_fetched_again_when_it_is_not_taken() -> None:
    tokens = iter(["first", "second", "third"])

    async def get_token() -> str:
        return next(tokens)

    world = World(get_token=get_token)
    task = await entering(world)
    socket = await world.network.accept()
    await socket.welcome(token="first")
    await task
    socket.end(4401, "expired")
    socket = await world.back()
    await socket.welcome(token="second")
    socket.end()
    socket = await world.back()
    await socket.refuse("bad_token")  # the one that the server gave with its last welcome
    socket = await world.back()
    assert (await socket.got())["token"] == "third"
    socket.say({"op": "error", "n": 1, "code": "bad_token", "message": "No."})
    await settle()
    assert world.client.state == "closed"  # a fresh one is refused as well: asking again would go on forever
    await world.client.close()


async def test_a_token_that_ends_soon_is_replaced_on_the_connection() -> None:
    answers: Iterator[OSError | str] = iter(["first", OSError("away"), "second"])

    async def get_token() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    world = World(get_token=get_token)
    task = await entering(world)
    socket = await world.network.accept()
    await socket.welcome(token="first")
    await task
    for _ in range(2):  # the first time nobody gives it one
        socket.say({"op": "expiring", "expires_ms": 90_000})
        await settle()
    refresh = await socket.got()
    assert (refresh["op"], refresh["token"]) == ("refresh", "second")
    socket.say({"op": "ok", "n": refresh["n"], "token": "second", "expires_ms": 600_000})
    await settle()
    assert world.client.token == "second"
    assert world.network.tries == 1, "on the same connection"
    await world.client.close()


async def let_in_by_a_ticket(socket: FakeSocket) -> str:
    """Receive hello with a ticket and answer it; gives the ticket."""
    hello = await socket.got()
    socket.say({"op": "ok", "n": hello["n"], "user": USER, "server": SERVER})
    return str(hello["ticket"])


async def test_each_connection_has_a_ticket_of_its_own() -> None:
    tickets = (f"ticket-{n}" for n in count(1))

    async def get_ticket() -> str:
        return next(tickets)

    world = World(get_ticket=get_ticket)
    task = await entering(world)
    socket = await world.network.accept()
    assert await let_in_by_a_ticket(socket) == "ticket-1"
    await task
    assert world.client.token == "", "none comes of a ticket"
    socket.say({"op": "expiring", "expires_ms": 90_000})
    await settle()
    refresh = await socket.got()
    assert (refresh["op"], refresh["ticket"]) == ("refresh", "ticket-2")
    socket.say({"op": "ok", "n": refresh["n"], "expires_ms": 600_000})
    socket.end(4401, "expired")
    await (await world.back()).refuse("bad_token")  # it came too late
    socket = await world.back()
    assert await let_in_by_a_ticket(socket) == "ticket-4"
    socket.end()
    for _ in range(3):
        await (await world.back()).refuse("bad_token")
    await settle()
    assert world.client.state == "closed"  # three in a row: asking again would go on forever
    await world.client.close()


async def test_get_token_may_fail_for_a_while() -> None:
    answers: Iterator[OSError | str] = iter([OSError("away"), "good"])

    async def get_token() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    world = World(get_token=get_token, timeout=60)
    task = await entering(world)
    assert "away" in world.client.trouble
    socket = await world.back()
    await socket.welcome(token="good")
    await task
    await world.client.close()


@pytest.mark.parametrize(
    "text", [b"nonsense", b"[]", b'{"op":"\xff"}', b'{"op":"event","room":"yard","seq":"x","type":"message.sent"}']
)
async def test_what_is_no_frame_ends_the_connection_not_the_client(text: bytes) -> None:
    world = World()
    socket = await world.enter()
    await world.join(socket)
    socket.say_text(text)
    await settle()
    assert world.client.state == "waiting" and "not of the protocol" in world.client.trouble
    socket = await world.back()
    await socket.welcome()
    await world.client.close()


async def test_what_is_not_known_is_let_pass() -> None:
    world = World()
    socket = await world.enter()
    room = await world.join(socket)
    socket.say({"op": "fanfare"}, {"op": "error", "code": "new_code"}, {"op": "ok", "n": 999}, event(1, room="hall"))
    socket.say(event(1, type="moon.risen", phase="full"))
    item = await anext(room)
    assert isinstance(item, madang.client.OtherEvent)
    assert (item.kind, item.fields) == ("moon.risen", {"phase": "full"})
    await world.client.close()


async def test_a_fault_in_on_state_is_logged_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.states = None  # type: ignore[assignment]
    await world.enter()
    assert "on_state failed" in caplog.text
    await world.client.close()


async def test_leaving_the_block_while_waiting_ends_at_once() -> None:
    world = World()
    socket = await world.enter()
    socket.end()
    await settle()
    assert world.client.state == "waiting"
    async with asyncio.timeout(PATIENCE_S):
        await world.client.close()
    await world.client.close()
    assert world.client.state == "closed"


async def test_cancelling_the_first_connection_leaves_nothing_behind() -> None:
    world = World()
    task = await entering(world)
    socket = await world.network.accept()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.client.state == "closed" and socket.closed


async def test_a_fault_of_the_client_itself_is_not_kept_quiet() -> None:
    world = World(ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError, match="bug"):
        await world.client.__aenter__()
    assert world.client.state == "closed"
