"""The session: commands in order, answers out, and bounds on what waits."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from madang.core.limits import Rate
from madang.delivery.room import FEW
from madang.services.limits import Rates
from madang.transports.app import App
from madang.transports.native import BAD_FRAMES, FLOOD, IN_FLIGHT, QUEUED
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.wrapped import Wrapped
from tests.unit.transports.conftest import Running
from tests.unit.transports.peers import Frame, Peer, greeted
from tests.waiting import eventually, turns
from tests.wire import TEXT, frame

HELLO = {"op": "hello", "n": 1, "guest": "Mina"}


def message(n: int, cid: str | None = None, text: str = "hello") -> Frame:
    return {"op": "send", "n": n, "room": "yard", "cid": cid or f"c-{n}", "text": text}


class Gated(Wrapped):
    """A store that appends, and reads pages of messages, when the test says so."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.go.set()
        self.pages = asyncio.Event()
        self.pages.set()
        self.failing: Exception | None = None

    async def append(self, drafts: Sequence[Any]) -> Any:
        self.asked += 1
        await self.go.wait()
        return await self.inner.append(drafts)

    async def messages(self, *args: Any, **more: Any) -> Any:
        await self.pages.wait()
        if self.failing is not None:
            raise self.failing
        return await self.inner.messages(*args, **more)


# -- order -------------------------------------------------------------------------------------------------------------


async def test_all_in_one_packet(app: App) -> None:
    peer = Peer(app).connect()
    sends = [message(n) for n in range(3, 23)]
    peer.tell(HELLO, {"op": "join", "n": 2, "room": "yard"}, *sends, {"op": "history", "n": 23, "room": "yard"})
    page = await peer.answer(23)
    await peer.answer(22)
    numbers = [f["n"] for f in peer.of("ok")]
    assert numbers[:2] == [1, 2]
    assert sorted(numbers[2:]) == list(range(3, 24))
    acks = [f for f in peer.of("ok") if 3 <= f["n"] <= 22]
    assert [f["seq"] for f in acks] == list(range(3, 23))
    assert [f["n"] for f in acks] == list(range(3, 23))
    await eventually(lambda: peer.strict("yard") == 22)
    assert {m["seq"] for m in page["messages"]} <= set(range(3, 23))


async def test_a_read_behind_its_own_sends_has_what_was_acked(app: App) -> None:
    peer = await greeted(app)
    for n in range(10, 30):
        ack = await peer.ask(**message(n))
        page = await peer.ask(op="history", n=n + 100, room="yard")
        assert page["messages"][-1]["seq"] == ack["seq"]


async def test_what_waits_for_storage_holds_up_only_what_follows_it(running: Running) -> None:
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.pages.clear()  # type: ignore[attr-defined]
        peer.tell({"op": "ping", "n": 10}, {"op": "history", "n": 11, "room": "yard"}, {"op": "ping", "n": 12})
        await peer.answer(10)
        await turns()
        assert peer.answered(12) is None
        store.pages.set()  # type: ignore[attr-defined]
        await peer.answer(12)
        assert [f["n"] for f in peer.of("ok")][-3:] == [10, 11, 12]


async def test_a_command_that_fails_is_answered_and_the_next_goes_on(running: Running) -> None:
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.failing = ValueError("what nobody expected")  # type: ignore[attr-defined]
        peer.tell({"op": "history", "n": 10, "room": "yard"}, {"op": "ping", "n": 11})
        assert (await peer.answer(10))["code"] == "internal"
        await peer.answer(11)
        assert not peer.transport.closing


async def test_a_handler_that_fails_is_answered_and_the_connection_lives(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = await greeted(app)

    def broken(room: str, user: str, seq: int) -> None:
        raise ValueError

    monkeypatch.setattr(app.reading, "mark", broken)
    peer.tell({"op": "read", "n": 10, "room": "yard", "seq": 1}, {"op": "ping", "n": 11})
    assert (await peer.answer(10))["code"] == "internal"
    await peer.answer(11)


# -- hello and membership ----------------------------------------------------------------------------------------------


async def test_hello_comes_first_and_once(app: App) -> None:
    peer = Peer(app).connect()
    assert (await peer.ask(op="ping", n=1))["code"] == "hello_first"
    assert (await peer.ask(op="hello", n=2, guest="Mina", v=99))["code"] == "bad_version"
    assert (await peer.ask(op="hello", n=3))["code"] == "bad_field"
    assert (await peer.ask(op="hello", n=4, guest="Mina", token="x"))["code"] == "bad_field"
    assert (await peer.ask(op="hello", n=5, guest="\u202e"))["code"] == "bad_name"
    assert (await peer.ask(op="hello", n=6, guest="Mina"))["op"] == "ok"
    assert (await peer.ask(op="hello", n=7, guest="Mina"))["code"] == "hello_twice"


async def test_a_bad_token_closes(app: App) -> None:
    peer = Peer(app).connect()
    assert (await peer.ask(op="hello", n=1, token="x.y.z"))["code"] == "bad_token"
    assert peer.closed == 4401


async def test_a_token_makes_the_same_user(app: App) -> None:
    first = await greeted(app)
    token = next(f["token"] for f in first.of("ok") if "token" in f)
    again = Peer(app).connect()
    assert (await again.ask(op="hello", n=1, token=token))["user"]["id"] == first.user


@pytest.mark.parametrize("op", ["send", "edit", "delete", "react", "pin", "history", "pins", "members", "presence"])
async def test_rooms_that_are_not_followed(app: App, op: str) -> None:
    peer = await greeted(app, rooms=())
    more = {"seq": 1, "text": "x", "cid": "c", "emoji": "x"}
    assert (await peer.ask(op=op, n=10, room="yard", **more))["code"] == "not_member"


async def test_too_many_rooms(app: App) -> None:
    for n in range(app.max_rooms):
        await app.rooms.create(OWNER, f"room-{n}", "", "open")
    peer = await greeted(app, rooms=[f"room-{n}" for n in range(app.max_rooms)])
    assert (await peer.ask(op="join", n=20, room="yard"))["code"] == "too_many"
    assert (await peer.ask(op="join", n=21, room="room-0"))["op"] == "ok", "one it follows already"
    await peer.ask(op="leave", n=22, room="room-1")
    assert (await peer.ask(op="join", n=23, room="yard"))["op"] == "ok"


async def test_who_is_kicked_can_do_nothing_there(app: App) -> None:
    peer, other = await greeted(app), await greeted(app, "Bora")
    await app.rooms.kick(OWNER, "yard", peer.user)
    assert (await peer.ask(**message(10)))["code"] == "not_member"
    await other.ask(**message(11))
    await eventually(lambda: other.of("event")[-1:] and other.of("event")[-1].get("text"))
    assert peer.strict("yard") is None
    assert peer.of("event")[-1]["type"] == "member.kicked"
    assert peer.connection.subscriptions == {}


async def test_a_connection_that_goes_while_it_joins_leaves_nothing(running: Running) -> None:
    async with running(Gated) as app:
        store = app.reading._log
        peer = Peer(app).connect()
        await peer.ask(**HELLO)
        store.go.clear()  # type: ignore[attr-defined]
        asked = store.asked  # type: ignore[attr-defined]
        peer.tell({"op": "join", "n": 2, "room": "yard"}, {"op": "ping", "n": 3})
        await eventually(lambda: store.asked > asked)  # type: ignore[attr-defined]
        peer.transport.abort()
        await eventually(lambda: peer.transport.lost)
        store.go.set()  # type: ignore[attr-defined]
        await eventually(lambda: not app.hub._tasks)
        live = app.hub.rooms["yard"]
        assert (live.live, live.lagging, app.hub.presence._devices) == (0, set(), {})
        assert peer.answered(3) is None


async def test_notices_are_not_answered_unless_asked(app: App) -> None:
    peer = await greeted(app)
    before = len(peer.of("ok"))
    peer.tell({"op": "typing", "room": "yard"}, {"op": "read", "room": "yard", "seq": 1})
    peer.tell(
        {"op": "typing", "n": 10, "room": "yard", "on": False}, {"op": "read", "n": 11, "room": "yard", "seq": 99}
    )
    await peer.answer(11)
    assert [f["n"] for f in peer.of("ok")[before:]] == [10, 11]
    assert app.reading._pointers == {("yard", peer.user): 2}, "a pointer does not pass the room"


# -- bounds ------------------------------------------------------------------------------------------------------------


async def test_what_waits_behind_a_slow_command_is_bounded(running: Running) -> None:
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.pages.clear()  # type: ignore[attr-defined]
        peer.tell({"op": "history", "n": 10, "room": "yard"})
        for n in range(11, 11 + QUEUED):
            assert peer.transport.reading
            peer.tell({"op": "ping", "n": n})
        assert not peer.transport.reading
        store.pages.set()  # type: ignore[attr-defined]
        await peer.answer(10 + QUEUED)
        assert peer.transport.reading
        assert [f["n"] for f in peer.of("ok")][-QUEUED - 1 :] == list(range(10, 11 + QUEUED))


async def test_what_waits_is_bounded_in_bytes_too(running: Running) -> None:
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.pages.clear()  # type: ignore[attr-defined]
        peer.tell({"op": "history", "n": 10, "room": "yard"})
        sent = 0
        while peer.transport.reading:
            peer.tell({"op": "ping", "n": 11, "filler": "x" * 60_000})
            sent += 1
        assert sent == 3
        store.pages.set()  # type: ignore[attr-defined]
        await peer.answer(11)
        assert peer.transport.reading
        peer.tell({"op": "ping", "n": 12})
        await peer.answer(12)


async def test_sends_not_acked_yet_are_bounded(running: Running) -> None:
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.go.clear()  # type: ignore[attr-defined]
        peer.tell(*(message(n) for n in range(10, 10 + IN_FLIGHT - 1)))
        assert peer.transport.reading
        peer.tell(message(9))
        assert not peer.transport.reading
        store.go.set()  # type: ignore[attr-defined]
        await peer.answer(9)
        assert peer.transport.reading
        assert peer.connection.session is not None
        assert peer.connection.session.in_flight == 0


@pytest.mark.parametrize("first", ["acks", "page"])
async def test_reading_goes_on_when_no_bound_is_reached_any_more(running: Running, first: str) -> None:
    """Both bounds are reached; one falling must not open what the other closes."""
    async with running(Gated) as app:
        store = app.reading._log
        peer = await greeted(app)
        store.go.clear()  # type: ignore[attr-defined]
        store.pages.clear()  # type: ignore[attr-defined]
        sends = [message(n) for n in range(1000, 1000 + IN_FLIGHT + 5)]
        pings = [{"op": "ping", "n": n} for n in range(100, 100 + QUEUED + 5)]
        peer.tell(*sends, {"op": "history", "n": 10, "room": "yard"}, *pings)
        assert not peer.transport.reading
        if first == "acks":
            store.go.set()  # type: ignore[attr-defined]
            await peer.answer(1000 + IN_FLIGHT + 4)
        else:
            store.pages.set()  # type: ignore[attr-defined]
            await peer.answer(100 + QUEUED + 4)
        assert not peer.transport.reading
        store.go.set()  # type: ignore[attr-defined]
        store.pages.set()  # type: ignore[attr-defined]
        await eventually(lambda: peer.transport.reading)
        await peer.answer(100 + QUEUED + 4)
        await peer.answer(1000 + IN_FLIGHT + 4)
        assert peer.transport.reading


async def test_commands_wait_while_the_socket_is_full(app: App) -> None:
    """Else one packet of questions would buy any amount of answers, and memory, for a peer that reads none."""
    peer = await greeted(app)
    peer.tell(*(message(n, text="x" * 4000) for n in range(100, 200)))
    await peer.answer(199)
    peer.transport.stuck = True
    peer.tell(*({"op": "history", "n": n, "room": "yard", "limit": 100} for n in range(200, 210)))
    await eventually(lambda: peer.transport.paused)
    page = 100 * 4400
    await turns(200)
    assert peer.transport.most_unsent <= 256 * 1024 + page
    for _ in range(5):
        await eventually(lambda: peer.transport.unsent)
        peer.transport.read()
    peer.transport.stuck = False
    peer.transport.read()
    await peer.answer(209)
    assert [f["n"] for f in peer.of("ok") if f["n"] >= 200] == list(range(200, 210))
    assert peer.transport.reading


async def test_a_full_socket_takes_no_commands_of_the_same_packet(app: App) -> None:
    peer = await greeted(app)
    peer.transport.stuck = True
    peer.transport.high = 1000
    peer.tell(*({"op": "ping", "n": n} for n in range(10, 60)))
    await turns()
    peer.transport.high = 0
    peer.transport.write(b"\x8a\x00")
    assert peer.transport.paused
    peer.connection.data_received(frame(TEXT, '{"op":"ping","n":99}'))
    await turns()
    assert b'"n":99' not in bytes(peer.transport.unsent)
    peer.transport.high = 1 << 20
    peer.transport.stuck = False
    peer.transport.read()
    await peer.answer(99)


# -- bad and hostile ---------------------------------------------------------------------------------------------------


async def test_bad_frames_in_a_row_close(app: App) -> None:
    peer = await greeted(app)
    for _ in range(BAD_FRAMES - 1):
        peer.tell("{")
    peer.tell({"op": "ping", "n": 10})
    for _ in range(BAD_FRAMES - 1):
        peer.tell('{"op":"nothing"}')
    assert peer.closed is None
    peer.tell("[]")
    await eventually(lambda: peer.closed == 4400)
    await turns()
    assert peer.transport.closing is False, "the peer may finish closing"


async def test_bad_frames_count_as_commands(running: Running) -> None:
    """Judging a bad frame costs more than a good one."""
    async with running(rates=Rates(connection=Rate(1, 10))) as app:
        peer = await greeted(app, rooms=())
        for n in range(20):
            peer.tell(*["{"] * 5, {"op": "ping", "n": 100 + n})
        assert await eventually(lambda: [f for f in peer.of("error") if f["code"] == "rate_limited"])
        bad = [f for f in peer.of("error") if f["code"] == "bad_json"]
        assert len(bad) <= 10


async def test_who_goes_on_too_fast_is_closed(running: Running) -> None:
    async with running(rates=Rates(connection=Rate(1, 5))) as app:
        peer = await greeted(app, rooms=())
        refused = 0
        n = 10
        while peer.closed is None:
            assert n < 10 + FLOOD * 2
            peer.tell({"op": "ping", "n": n})
            await turns(1)
            n += 1
        await turns()
        refused = len([f for f in peer.of("error") if f["code"] == "rate_limited"])
        assert peer.closed == 4429
        assert refused == FLOOD
        assert all(f["retry_ms"] > 0 for f in peer.of("error"))


async def test_who_gets_one_through_now_and_then_is_still_a_flooder(running: Running) -> None:
    """At 1,000 a second, ten a second pass: no more than 100 refusals come in a row."""
    async with running(rates=Rates(connection=Rate(10_000, 10_000), user=Rate(10_000, 5))) as app:
        peer = await greeted(app)
        n = 10
        while peer.closed is None:
            assert n < 20_000
            peer.tell(*(message(n + i) for i in range(50)))
            n += 50
            await asyncio.sleep(0.0005)  # for some of the bucket to come back
        assert peer.closed == 4429
        await eventually(lambda: not app.appender.waiting)
        assert app.hub.rooms["yard"].next > 3 + 5, "some did get through in between"


async def test_who_waits_as_told_is_never_closed(running: Running) -> None:
    async with running(rates=Rates(connection=Rate(1000, 100), user=Rate(1000, 5))) as app:
        peer = await greeted(app)
        for n in range(10, 10 + FLOOD * 2):
            for attempt in range(20):
                answer = await peer.ask(**message(n * 100 + attempt, cid=f"c-{n}"))
                if answer["op"] == "ok":
                    break
                await asyncio.sleep(answer["retry_ms"] / 1000)
            else:
                pytest.fail("waiting as told did not help")
        assert peer.closed is None


async def test_an_overloaded_server_closes_nobody_for_it(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as app:
        peer = await greeted(app)
        monkeypatch.setattr("madang.services.appender.WAITING", 0)
        peer.tell(*(message(n) for n in range(10, 10 + FLOOD + 10)))
        answer = await peer.answer(10 + FLOOD + 9)
        assert (answer["code"], peer.closed) == ("overloaded", None)


# -- the answer to join comes before what follows it -------------------------------------------------------------------


@pytest.mark.parametrize("followers", [0, FEW, FEW + 1, FEW * 2])
@pytest.mark.parametrize("seed", range(4))
async def test_every_peer_follows_without_a_hole_or_a_double(app: App, seed: int, followers: int) -> None:
    """Peers join, join again, leave, send and fill up at random, in small and large audiences."""
    chance = random.Random(seed)
    peers = [await greeted(app, f"P{n}") for n in range(followers)]
    cast: list[Peer] = []
    for _ in range(4):
        peer = Peer(app).connect()
        peer.tell(HELLO)
        cast.append(peer)
    number = 100
    for _ in range(60):
        number += 10
        peer = chance.choice(cast)
        other = chance.choice([*peers, peer]) if peers else peer
        act = chance.random()
        if peer.transport.reading and not peer.transport.stuck:
            if act < 0.35:
                join = {"op": "join", "n": number, "room": "yard", "limit": chance.choice([0, 3])}
                peer.tell(
                    *chance.choice(
                        [[join], [message(number + 1), join, message(number + 2)], [join, message(number + 3)]]
                    )
                )
            elif act < 0.5:
                peer.tell({"op": "leave", "n": number, "room": "yard"}, {"op": "join", "n": number + 1, "room": "yard"})
            elif act < 0.6:
                peer.transport.stuck = True
                peer.transport.set_write_buffer_limits(200, 100)
            else:
                peer.tell(message(number))
        elif act < 0.5:
            peer.transport.stuck = False
            peer.transport.set_write_buffer_limits(1 << 20, 1 << 19)
            peer.transport.read()
        if other.transport.reading and not other.transport.stuck:
            other.tell(*(message(number + 4 + i) for i in range(chance.randint(0, 3))))
        if chance.random() < 0.15:
            await app.rooms.enter(user("bora"), "yard")
            await app.rooms.leave(user("bora"), "yard")
        await turns(chance.choice([0, 0, 1, 3, 20]))
    for peer in cast:
        peer.transport.stuck = False
        peer.transport.set_write_buffer_limits(1 << 20, 1 << 19)
        peer.transport.read()
    await eventually(lambda: not app.hub._tasks and not app.appender.waiting)
    live = app.hub.rooms["yard"]
    await eventually(lambda: live.sealed == live.next - 1 and not live.batches and not live.lagging)
    await turns()
    for peer in [*peers, *cast]:
        subscription = peer.connection.subscriptions.get("yard")
        assert peer.strict("yard") == (live.sealed if subscription is not None else None)
